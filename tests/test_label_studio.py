import json
import tracemalloc
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from pipeline.codebook import Code, Codebook, Facet, load_codebook
from pipeline.codebooks.label_studio import (
    CommentOut,
    DecisionIn,
    labelling_config,
    read_label_studio,
    write_label_studio,
)
from pipeline.errors import InputError, OutputError
from pipeline.settings import shipped

THEME = Facet(
    "theme",
    "Theme",
    (
        Code("parks", "Parks & trees", 'Green "places".\nBenches for $5.'),
        Code("waste", "Waste"),
        Code("fares", "$2 fares"),
    ),
    question="What is it about?",
)
WHO = Facet("who", "Whose concern", (Code("tenant", "A tenant"),), exclusive=True)
BOOK = Codebook("Small book", (THEME, WHO))
ROWS = (
    CommentOut(
        "c1",
        "r1",
        "Anything else?",
        "More <b>benches</b>,\nplease. £",
        others={"ward": "North", "theme": "a column", "theme (export)": "another", "text": "a third"},
        machine={"theme": (("parks", 0.91234), ("waste", 0.6)), "who": (("tenant", 0.75),)},
    ),
    CommentOut(
        "c2",
        "r1",
        "",
        "http://example.org",
        machine={"theme": (), "who": ()},
        decided={"theme": ("waste", "fares"), "who": ()},
        who="AB",
        at="2026-03-01T10:00:00+00:00",
        note="two\nlines",
    ),
    CommentOut("c3", "r2", "", "Nothing fits", decided={"theme": (), "who": ()}, who="an analyst", at="2026-03-02"),
)


@pytest.fixture
def written(tmp_path):
    """The tasks as written."""
    assert write_label_studio(ROWS, BOOK, tmp_path / "tasks.json", model="engagement") == 3
    return json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))


@pytest.fixture
def read(tmp_path):
    """Reads an export of these tasks; gives decisions and counts."""

    def read(tasks, **kwargs):
        path = tmp_path / "export.json"
        path.write_text(tasks if isinstance(tasks, str) else json.dumps(tasks), encoding="utf-8")
        tally = Counter()
        decisions = list(read_label_studio(path, BOOK, tally=tally, **kwargs))
        return decisions, {name: n for name, n in tally.items() if n}

    return read


def choices(name, *codes, **more):
    return {
        "id": "x",
        "from_name": name,
        "to_name": "comment_text",
        "type": "choices",
        "value": {"choices": list(codes)},
        **more,
    }


def annotation(*results, by=3, **more):
    """An annotation as Label Studio exports it."""
    return {
        **{"id": 71, "completed_by": by, "result": list(results), "was_cancelled": False, "ground_truth": False},
        **{"created_at": "2026-04-01T09:00:00.5Z", "updated_at": "2026-04-02T09:00:00.5Z", "import_id": None, **more},
    }


def task(*annotations, comment="c1", **more):
    return {"id": 5, "data": {"comment_id": comment, "text": "secret words"}, "annotations": annotations, **more}


def through_label_studio(tasks):
    """What Label Studio makes of imported tasks: it numbers them, owns their annotations, and keeps the former ids."""
    return [
        {
            **each,
            "id": number,
            "annotations": [
                {
                    **annotation(*one["result"], id=100 + number, import_id=one["id"], by=1),
                    "created_username": "owner@example.org, 1",
                }
                for one in each.get("annotations", ())
            ],
        }
        for number, each in enumerate(tasks, 1)
    ]


# ---- out -------------------------------------------------------------------------------------------------------------


def test_a_comment_becomes_a_task_with_the_machines_codes_as_prediction(written):
    first, second = (one["id"] for one in written[0]["predictions"][0]["result"])
    assert written[0] == {
        "data": {
            **{"comment_id": "c1", "response_id": "r1", "question": "Anything else?"},
            **{"text": "More <b>benches</b>,\nplease. £", "ward": "North"},
            **{"theme (export2)": "a column", "theme (export)": "another", "text (export)": "a third"},
        },
        "predictions": [
            {
                "model_version": "engagement",
                "score": 0.75,
                "result": [
                    choices("theme", "parks", "waste", id=first, score=0.9123),
                    choices("who", "tenant", id=second, score=0.75),
                ],
            }
        ],
    }
    assert first != second


def test_a_decision_becomes_an_annotation_that_nobody_need_be_a_user_for(written):
    decided = written[1]["annotations"][0]
    assert decided == {
        "id": decided["id"],
        **{"created_username": "AB", "was_cancelled": False, "ground_truth": False},
        **{"created_at": "2026-03-01T10:00:00+00:00", "updated_at": "2026-03-01T10:00:00+00:00"},
        "result": [
            choices("theme", "waste", "fares", id=decided["result"][0]["id"]),
            {
                **{"id": decided["result"][1]["id"], "from_name": "person_note", "to_name": "comment_text"},
                **{"type": "textarea", "value": {"text": ["two\nlines"]}},
            },
        ],
    }
    assert decided["id"] < 2**53
    assert written[1]["predictions"] == [{"model_version": "engagement", "result": []}]
    assert (written[1]["data"]["decided_by"], written[1]["data"]["decided_at"]) == ("AB", "2026-03-01T10:00:00+00:00")
    assert [each["result"] for each in written[2]["annotations"]] == [[]]
    assert "predictions" not in written[2]


def test_a_facet_that_nobody_decided_is_shown_as_the_machine_coded_it(tmp_path, read):
    machine = {"theme": (("parks", 0.9),), "who": (("tenant", 0.8),)}
    row = CommentOut("c1", "r1", "", "text", machine=machine, decided={"theme": ()}, who="AB", at="2026-03-01")
    write_label_studio([row], BOOK, tmp_path / "tasks.json")
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert [(one["from_name"], one["value"]) for one in tasks[0]["annotations"][0]["result"]] == [
        ("who", {"choices": ["tenant"]})
    ]
    assert [one.new for one in read(through_label_studio(tasks))[0]] == [False]


def test_no_comment_makes_an_empty_list_and_a_failure_leaves_no_file(tmp_path):
    assert write_label_studio([], BOOK, tmp_path / "none.json") == 0
    assert json.loads((tmp_path / "none.json").read_text(encoding="utf-8")) == []

    def broken():
        yield ROWS[0]
        raise InputError("stop")

    with pytest.raises(InputError):
        write_label_studio(broken(), BOOK, tmp_path / "half.json")
    assert [path.name for path in tmp_path.iterdir()] == ["none.json"]
    with pytest.raises(OutputError) as caught:
        write_label_studio(ROWS, BOOK, tmp_path / "no" / "tasks.json")
    where = tmp_path / "no" / "tasks.json"
    assert str(caught.value) == f"{where}: cannot be written (No such file or directory). Fix: choose another place"


def test_the_config_has_a_block_of_choices_for_each_facet():
    assert [(each.tag, each.attrib) for each in ET.fromstring(labelling_config(BOOK)).iter()] == [
        ("View", {}),
        ("Style", {}),
        ("Header", {"value": "$question"}),
        ("Text", {"name": "comment_text", "value": "$text", "valueType": "text"}),
        ("Header", {"value": "What is it about?"}),
        ("Choices", {"name": "theme", "toName": "comment_text", "choice": "multiple"}),
        ("Choice", {"value": "Parks & trees", "alias": "parks", "hint": 'Green "places". Benches for ＄5.'}),
        ("Choice", {"value": "Waste", "alias": "waste"}),
        ("Choice", {"value": "＄2 fares", "alias": "fares"}),
        ("Header", {"value": "Whose concern"}),
        ("Choices", {"name": "who", "toName": "comment_text", "choice": "single"}),
        ("Choice", {"value": "A tenant", "alias": "tenant"}),
        ("TextArea", {"name": "person_note", "toName": "comment_text", "placeholder": "Note", "maxSubmissions": "1"}),
    ]


def test_many_comments_pass_through_little_memory(tmp_path):
    rows = (CommentOut(f"c{n}", "r", "q", "words " * 200, decided={"theme": ("parks",)}) for n in range(5_000))
    tracemalloc.start()
    assert write_label_studio(rows, BOOK, tmp_path / "tasks.json") == 5_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000 < (tmp_path / "tasks.json").stat().st_size
    assert sum(1 for _ in read_label_studio(tmp_path / "tasks.json", BOOK)) == 5_000


# ---- in --------------------------------------------------------------------------------------------------------------


def test_what_went_through_label_studio_untouched_is_not_a_new_decision(written, read):
    before = [
        DecisionIn("c2", {"theme": ("waste", "fares"), "who": ()}, "AB", ROWS[1].at, "two\nlines", new=False),
        DecisionIn("c3", {"theme": (), "who": ()}, "an analyst", "2026-03-02", new=False),
    ]
    counts = {"tasks": 3, "without annotation": 1, "annotations": 2, "decisions": 2}
    assert read(through_label_studio(written)) == (before, counts)
    assert read(written) == (before, counts)


def test_a_decision_changed_there_is_new_and_of_the_one_who_changed_it(written, read):
    tasks = through_label_studio(written)
    tasks[1]["annotations"][0]["result"][0]["value"]["choices"].remove("fares")
    tasks[2]["annotations"][0]["result"].append(choices("who", "tenant"))
    at = "2026-04-02T09:00:00.5Z"
    assert read(tasks)[0] == [
        DecisionIn("c2", {"theme": ("waste",), "who": ()}, "owner@example.org", at, "two\nlines"),
        DecisionIn("c3", {"theme": (), "who": ("tenant",)}, "owner@example.org", at),
    ]


def test_codes_are_known_by_id_name_or_alias_and_doubles_are_one(read):
    result = [choices("theme", "Parks & trees"), choices("theme", "waste", "parks")]
    decisions, _ = read([task(annotation(*result))])
    assert decisions == [
        DecisionIn("c1", {"theme": ("parks", "waste"), "who": ()}, "Label Studio user 3", "2026-04-02T09:00:00.5Z")
    ]


def test_skipped_annotations_and_other_results_are_counted(read):
    rating = {"from_name": "stars", "to_name": "comment_text", "type": "rating", "value": {"rating": 4}}
    tasks = [
        task(annotation(choices("theme", "parks"), rating), annotation(by=4), annotation(was_cancelled=True)),
        task(annotation(choices("theme", "no such code"), was_cancelled=True), comment="c2"),
        task(comment="c3"),
        {"data": {"comment_id": "c4"}, "predictions": [{"result": [choices("theme", "parks")]}]},
    ]
    decisions, counts = read(tasks)
    assert [(one.comment_id, one.codes, one.who) for one in decisions] == [
        ("c1", {"theme": ("parks",), "who": ()}, "Label Studio user 3"),
        ("c1", {"theme": (), "who": ()}, "Label Studio user 4"),
    ]
    assert counts == {
        **{"tasks": 4, "without annotation": 2, "annotations": 4},
        **{"decisions": 2, "skipped": 2, "other results": 1},
    }


def test_a_facet_that_was_not_asked_is_not_decided(read):
    decisions, _ = read([task(annotation())], facets=["who"])
    assert [one.codes for one in decisions] == [{"who": ()}]


@pytest.mark.parametrize(
    ("by", "username", "who"),
    [
        ({"id": 4, "email": "a@example.org"}, "A B, 4", "a@example.org"),
        ({"id": 4}, None, "Label Studio user 4"),
        (4, " a@example.org, 4", "a@example.org"),
        (4, None, "Label Studio user 4"),
        ("4", "", "Label Studio user 4"),
        ("a@example.org", None, "a@example.org"),
        (None, None, "Label Studio user"),
    ],
)
def test_who_decided_is_told_as_well_as_the_export_knows(read, by, username, who):
    decisions, _ = read([task(annotation(by=by, created_username=username))])
    assert [one.who for one in decisions] == [who]


def test_json_min_is_read_as_well(read):
    flat = {"comment_id": "c1", "text": "secret words", "annotation_id": 7, "annotator": 3, "created_at": "2026-04-01"}
    records = [
        {**flat, "theme": "waste", "who": "tenant", "updated_at": "2026-04-02"},
        {**flat, "theme": {"choices": ["waste", "parks"]}, "person_note": {"text": ["two", "lines"]}},
        {**flat, "theme": ["waste", {"choices": ["parks"]}], "person_note": "short", "annotator": "a@example.org"},
        flat,
        {**flat, "annotation_id": None},
    ]
    decisions, counts = read(records)
    user, at = "Label Studio user 3", "2026-04-01"
    assert decisions == [
        DecisionIn("c1", {"theme": ("waste",), "who": ("tenant",)}, user, "2026-04-02"),
        DecisionIn("c1", {"theme": ("waste", "parks"), "who": ()}, user, at, "two\nlines"),
        DecisionIn("c1", {"theme": ("waste", "parks"), "who": ()}, "a@example.org", at, "short"),
        DecisionIn("c1", {"theme": (), "who": ()}, user, at),
    ]
    assert counts == {"tasks": 5, "without annotation": 1, "annotations": 4, "decisions": 4}


# ---- what is refused -------------------------------------------------------------------------------------------------

AGAIN = "Fix: export the project again as JSON"
FORM = f"does not have the form of Label Studio's exports. {AGAIN}"


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (
            [task(), task(annotation(choices("theme", "parcs")), comment="c2")],
            ", task 2 (comment c2): 'parcs' is no code of facet 'theme'. Fix: did you mean 'parks'? Else add it to the "
            "codebook",
        ),
        (
            [{"comment_id": "c1", "annotation_id": 7, "theme": "wast"}],
            ", task 1 (comment c1): 'wast' is no code of facet 'theme'. Fix: did you mean 'waste'? Else add it to the "
            "codebook",
        ),
        (
            [task(annotation(choices("themes", "parks")))],
            ", task 1 (comment c1): there is no facet 'themes'. Fix: did you mean 'theme'? Name the Choices block so",
        ),
        (
            [task(annotation(choices("who", "tenant"), choices("theme", "parks"))), {"data": {"text": "secret words"}}],
            ", task 2: has no comment_id. Fix: make the Label Studio project of the tasks written here, which carry it",
        ),
        ([task(7)], f", task 1 (comment c1): {FORM}"),
        ([7], f", task 1: {FORM}"),
        ([task(annotation(choices("theme", 7)))], f", task 1 (comment c1): {FORM}"),
        ([task(annotation({"from_name": "theme", "type": "choices"}))], f", task 1 (comment c1): {FORM}"),
        ({"tasks": []}, f": is not a list of tasks. {AGAIN} or JSON-MIN"),
        ('[{"data"', f": is not valid JSON: Expecting ':' delimiter: line 1 column 9 (char 8). {AGAIN}"),
        ("[{}", f": is not valid JSON: the list is cut off: line 1 column 4 (char 3). {AGAIN}"),
    ],
)
def test_what_cannot_be_read_names_the_task_and_no_comment(read, tmp_path, tasks, message):
    if tasks == "[{}":
        tasks = json.dumps([task()])[:-1]
        message = message.replace("column 4 (char 3)", f"column {len(tasks) + 1} (char {len(tasks)})")
    with pytest.raises(InputError) as caught:
        read(tasks)
    assert str(caught.value) == f"{tmp_path / 'export.json'}{message}"
    assert "secret" not in str(caught.value)


def test_two_codes_of_an_exclusive_facet_are_refused(tmp_path):
    book = Codebook("B", (Facet("who", "Who", (Code("tenant", "T"), Code("owner", "O")), exclusive=True),))
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task(annotation(choices("who", "owner", "T")))]), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        list(read_label_studio(path, book))
    assert str(caught.value) == (
        f"{path}, task 1 (comment c1): owner and tenant are chosen, and facet 'who' takes one code. "
        "Fix: choose one of them in Label Studio and export again"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "there is no such export. Fix: check the path"),
        (b"\xff\xfe[]", f"is not UTF-8 text. {AGAIN}"),
        (b"[" * 100_000, "is not valid JSON: "),
        (b'[{"data": ' + b"9" * 5_000 + b"}]", "is not valid JSON: "),
    ],
)
def test_a_file_that_is_no_export_is_told(tmp_path, data, message):
    path = tmp_path / "export.json"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        list(read_label_studio(path, BOOK))
    assert str(caught.value).startswith(f"{path}: {message}")


# ---- Label Studio's own readers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("book", [BOOK, load_codebook(shipped("corpus/codebook.toml"))], ids=["small", "shipped"])
def test_its_reader_finds_facets_and_codes_in_our_config(book):
    label_config = pytest.importorskip("label_studio_tools.core.label_config")
    assert {
        name: (tag["type"], tag["to_name"], tag["inputs"], tag["labels"])
        for name, tag in label_config.parse_config(labelling_config(book)).items()
    } == {
        facet.id: ("Choices", ["comment_text"], [{"type": "Text", "value": "text"}], list(facet.ids))
        for facet in book.facet
    } | {"person_note": ("TextArea", ["comment_text"], [{"type": "Text", "value": "text"}], [])}


def test_its_converter_makes_a_json_min_of_our_tasks_that_we_read(written, tmp_path):
    converter = pytest.importorskip("label_studio_converter").Converter
    exported = tmp_path / "exported.json"
    exported.write_text(json.dumps(through_label_studio(written)), encoding="utf-8")
    converter(labelling_config(BOOK), str(tmp_path)).convert_to_json_min(
        str(exported), str(tmp_path / "min"), is_dir=False
    )
    tally = Counter()
    decisions = list(read_label_studio(tmp_path / "min" / "result.json", BOOK, tally=tally))
    user, at = "Label Studio user 1", "2026-04-02T09:00:00.5Z"
    assert decisions == [
        DecisionIn("c2", {"theme": ("waste", "fares"), "who": ()}, user, at, "two\nlines"),
        DecisionIn("c3", {"theme": (), "who": ()}, user, at),
    ]
    assert tally == {"tasks": 3, "without annotation": 1, "annotations": 2, "decisions": 2}


@pytest.mark.filterwarnings("default")
def test_its_server_would_take_our_config_tasks_and_predictions(written):
    reader = pytest.importorskip("label_studio_sdk.label_interface").LabelInterface
    objects = pytest.importorskip("label_studio_sdk.label_interface.objects")
    config = reader(labelling_config(BOOK))
    config.validate()
    reader(labelling_config(load_codebook(shipped("corpus/codebook.toml")))).validate()
    for each in written:
        assert config.validate_task({"data": each["data"]})
        for one in each.get("predictions", ()):
            assert config.validate_prediction(one, return_errors=True) == []
            objects.PredictionValue.model_validate(one)
        for one in each.get("annotations", ()):
            assert config.validate_annotation(one)
    wrong = {"result": [choices("theme", "no such code")]}
    assert not config.validate_prediction(wrong)
