import csv

import pytest

from pipeline.errors import InputError
from pipeline.exports.columns import Kind
from pipeline.exports.mapping import (
    Change,
    Mapping,
    beside,
    compare,
    find_mapping,
    load_mapping,
    mapping_of,
    must_ask,
    place_for,
    save_mapping,
)
from pipeline.exports.responses import Layout, read_export

SAID = [
    "Please mend the lift in our block, it is out",
    "More trees along the street would be lovely",
    "Answer the phone",
]
HEADER = ["ID", "Completion time", "Email", "Ward", "Do you agree?", "What should\nchange?"]
NAMES = ["ID", "Completion time", "Email", "Ward", "Do you agree?", "What should change?"]


def row(n):
    views = f"{SAID[n % 3]} {n}"
    return [str(n), "9/8/25 9:28:00", f"a{n}@b.org", ["Bow", "Poplar"][n % 2], ["Yes", "No"][n % 2], views]


@pytest.fixture
def export(tmp_path):
    """Writes a table as a CSV and opens it."""

    def write(header=HEADER, cells=row, name="Spring 2025.csv"):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *map(cells, range(1, 31))])
        return read_export(tmp_path / name)

    return write


def error_of(function, *args):
    with pytest.raises(InputError) as error:
        function(*args)
    return str(error.value)


def test_a_mapping_is_a_small_file_that_people_can_read(export, tmp_path):
    path = tmp_path / "mappings" / "spring.toml"
    save_mapping(path, mapping_of(export(), kinds={"Ward": "single choice"}))
    assert (
        path.read_text(encoding="utf-8")
        == """\
# How exports of this survey are read: free text is coded. Where a kind is wrong, write another:
# free text, single choice, multiple choice, attribute, id, date, personal detail, technical, empty, not coded.
response_id = "ID"

[recognised]
platform = "Microsoft Forms"
header = [
    [
        "ID",
        "Completion time",
        "Email",
        "Ward",
        "Do you agree?",
        "What should\\nchange?",
    ],
]

[columns]
ID = "id"
"Completion time" = "date"
Email = "personal detail"
Ward = "single choice"
"Do you agree?" = "single choice"
"What should change?" = "free text"

[overruled]
Ward = "attribute"
"""
    )


def test_a_mapping_is_read_back_as_it_was(export, tmp_path):
    mapping = mapping_of(export(), ["do you agree?", "ward"], "email", {"id": "technical"})
    assert (mapping.questions, mapping.response_id) == (("Ward", "Do you agree?"), "Email")
    assert mapping.kinds["What should change?"] == Kind.NOT_CODED
    assert mapping.overruled == {
        "ID": Kind.ID,
        "Ward": Kind.ATTRIBUTE,
        "Do you agree?": Kind.SINGLE,
        "What should change?": Kind.FREE_TEXT,
    }
    save_mapping(tmp_path / "m.toml", mapping)
    assert load_mapping(tmp_path / "m.toml") == mapping


def test_questions_and_id_alone_are_a_mapping(export, tmp_path):
    (tmp_path / "m.toml").write_text('questions = ["Ward"]\nresponse_id = "email"\n', encoding="utf-8")
    mapping = load_mapping(tmp_path / "m.toml")
    assert mapping == Mapping(("Ward",), "email")
    assert (mapping.layout(export()), compare(mapping, export())) == (Layout(("Ward",), "Email"), ())


def test_a_kind_that_is_changed_by_hand_counts(export, tmp_path):
    save_mapping(tmp_path / "m.toml", mapping_of(export()))
    text = (tmp_path / "m.toml").read_text(encoding="utf-8")
    text = text.replace('Ward = "attribute"', 'Ward = "free text"')
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    mapping = load_mapping(tmp_path / "m.toml")
    assert mapping.layout(export()) == Layout(("Ward", "What should change?"), "ID")
    assert compare(mapping, export()) == ()


def test_a_column_that_was_empty_and_is_now_written_in_is_told(export):
    mapping = mapping_of(export(cells=lambda n: [*row(n)[:4], "", row(n)[5]]))
    assert compare(mapping, export(cells=lambda n: [*row(n)[:4], f"Because {row(n)[5]}", row(n)[5]])) == (
        Change("kind", "Do you agree?", "free text", True),
    )


REFUSED = {
    "no.toml": (None, "there is no such mapping. Fix: check the path"),
    "half.toml": ("x", "is no mapping ("),
    "typo.toml": ('question = ["x"]', "unknown key 'question'. Fix: use 'questions' and 'response_id'"),
    "type.toml": ('questions = "x"', 'a key has the wrong type. Fix: write questions = ["…"], response_id = "…"'),
    "table.toml": ("columns = 1", "a key has the wrong type. Fix: write columns as a table: [columns]"),
    "rows.toml": ("[recognised]\nheader = [1]", "the header has the wrong type. Fix: make the mapping again"),
    "kind.toml": ('[columns]\nWard = "free txt"', "'free txt' is not a kind of column. Fix: did you mean 'free text'?"),
    "list.toml": ("[columns]\nWard = [1]", "[1] is not a kind of column. Fix: did you mean"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_mapping_is_refused(tmp_path, name):
    content, message = REFUSED[name]
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert error_of(load_mapping, tmp_path / name).startswith(f"{tmp_path / name}: {message}")


# ---- the next export -------------------------------------------------------------------------------------------------


def test_the_next_export_of_the_same_survey_needs_no_question(export):
    mapping = mapping_of(export(), kinds={"Ward": "free text"})
    later = export(name="Autumn 2026.csv")
    assert (compare(mapping, later), mapping.layout(later)) == ((), Layout(("Ward", "What should change?"), "ID"))


def test_each_column_that_has_changed_is_told(export):
    mapping = mapping_of(export())
    header = ["ID", "Email", "Completion time", "What should we change?", "Age", "Why do you say so?"]
    changed = export(header, lambda n: [*row(n)[:1], row(n)[2], row(n)[1], row(n)[5], str(n % 5), row(n + 1)[5]])
    changes = compare(mapping, changed)
    assert changes == (
        Change("gone", "Ward"),
        Change("gone", "Do you agree?"),
        Change("renamed", "What should change?", "What should we change?", True),
        Change("new", "Age", "attribute"),
        Change("new", "Why do you say so?", "free text", True),
        Change("moved", "Email"),
    )
    assert must_ask(changes)
    assert [change.words for change in changes] == [
        "'Ward' is gone",
        "'Do you agree?' is gone",
        "'What should change?' is gone; 'What should we change?' looks like it",
        "'Age' is new (attribute)",
        "'Why do you say so?' is new (free text)",
        "'Email' stands elsewhere",
    ]
    assert error_of(mapping.layout, changed) == (
        f"{changed.path}: there is no column 'What should change?'. Fix: did you mean 'What should we change?'?"
    )


def test_columns_that_only_moved_stop_nothing(export):
    mapping = mapping_of(export())
    changes = compare(mapping, export([*HEADER[3:], *HEADER[:3]], lambda n: [*row(n)[3:], *row(n)[:3]]))
    assert (len(changes), {change.way for change in changes}, must_ask(changes)) == (3, {"moved"}, False)


def test_a_closed_question_that_turns_into_free_text_is_told(export):
    mapping = mapping_of(export())
    changed = export(cells=lambda n: [*row(n)[:4], f"Because {row(n)[5]}", row(n)[5]])
    assert compare(mapping, changed) == (Change("kind", "Do you agree?", "free text", True),)


def test_a_kind_that_a_person_chose_is_no_change(export):
    mapping = mapping_of(export(), kinds={"What should change?": "attribute", "Ward": "free text"})
    assert (mapping.questions, compare(mapping, export())) == (("Ward",), ())


def test_another_platform_is_told(export):
    mapping = mapping_of(export(["ID", "Start time", *HEADER[1:]], lambda n: [str(n), "9/8/25 9:28:00", *row(n)[1:]]))
    assert mapping.platform == "Microsoft Forms"
    other = export(
        ["UserID", "UserNo", "Unique ID", "Started", *HEADER[1:]], lambda n: ["1", *row(n)[:1] * 3, *row(n)[1:]]
    )
    assert compare(mapping, other)[0] == Change("platform", "Microsoft Forms", "SmartSurvey")
    assert compare(mapping, other)[0].words == "was written by Microsoft Forms, now by SmartSurvey"


def test_an_unknown_column_or_kind_is_refused(export):
    table = export()
    assert error_of(mapping_of, table, (), None, {"Wrd": "id"}) == (
        f"{table.path}: there is no column 'Wrd'. Fix: did you mean 'Ward'?"
    )
    assert error_of(mapping_of, table, (), None, {"Ward": "idd"}) == (
        f"{table.path}: 'idd' is not a kind of column. Fix: did you mean 'id'?"
    )


# ---- where it is kept ------------------------------------------------------------------------------------------------


def test_a_mapping_is_found_by_its_columns_whatever_the_export_is_called(export, tmp_path):
    folder = tmp_path / "mappings"
    first = export()
    place = place_for(first, folder)
    assert place.parent == folder
    assert place.name.startswith("spring-")
    assert find_mapping(first, folder) is None
    save_mapping(place, mapping_of(first))
    save_mapping(folder / "other.toml", Mapping(("x",), None, {"x": Kind.FREE_TEXT, "y": Kind.ID}))
    assert find_mapping(export(name="download (3).csv"), folder) == place
    nearly = export(["ID", "Finish", *HEADER[2:]], name="nearly.csv")
    assert find_mapping(nearly, folder) == place
    strange = export(["a", "b", "c", "d", *HEADER[4:]], name="strange.csv")
    assert find_mapping(strange, folder) is None


def test_a_mapping_beside_the_export_comes_first(export, tmp_path):
    table = export()
    save_mapping(place_for(table, tmp_path / "mappings"), mapping_of(table))
    save_mapping(beside(table.path), Mapping(("Ward",)))
    assert find_mapping(table, tmp_path / "mappings") == tmp_path / "Spring 2025.mapping.toml"
