"""The workbook that people review in: what stands in it, what it looks like, and where it may be written."""

import doctest
import os
from dataclasses import replace

import openpyxl
import pytest
from invented import codebook, facet
from invented_run import BOOK, make_run, row

from pipeline.codebook import Code, Codebook, Example, Exclusion, dump_codebook
from pipeline.errors import InputError, OutputError
from pipeline.reviewing import sheet, sheet_reading
from pipeline.reviewing.review import Query, Review
from pipeline.reviewing.sheet import LONGEST_TEXT, Written, cell_text, write_check_sheet, write_sheet
from pipeline.reviewing.sheet_reading import read_sheet
from pipeline.stores.review_records import Choice

NEAR = "A little more or less evidence would have changed a code."
UNLIKE = "Unlike anything the tool has learned from, so its codes are a guess."
ROWS = [
    row(1, "More buses", others={"Ward": "Bow", "Note": "north"}),
    row(2, "Damp flats", given={"topic": ["housing", "parks"]}, doubts=["near the line (topic)", "unlike the corpus"]),
    row(3, "Thank you", given={}, others={"Ward": "Poplar", "Note": "south"}),
    row(4, "More buses", given={"who": ["parks"]}, doubts=["near the line (topic)"], others={"Ward": "Bow"}, copies=9),
    row(5, "More buses", given={"service": ["housing"]}, copies=9, others={"Ward": "Poplar", "Note": "south"}),
    row(6, "Quieter parks", given={"topic": ["parks"]}, others={"Ward": "Bow", "Note": "north"}),
]
TEXTS = [
    *("=1+1", "+44 20 7946 0000", "-5", "@home", "'quoted", "a\r\nb\rc", "tab\there", "lit _x000D_ x", " spaced  out "),
    *("<b>&amp;</b>", "http://example.org", "😀 é ü", "2024", "TRUE", "nul\0 and \x1f", "{=SUM(A1)}"),
]


@pytest.fixture
def run(tmp_path):
    """A run of six comments, of which another analyst has decided the first."""
    made = make_run(tmp_path / "run", ROWS, places=[6, 5, 4, 3, 2, 1])
    with Review(made) as review:
        choice = Choice("r1-q1", "topic", ("parks", "housing"), ("transport",))
        review.store.decide("another analyst", "screen", [choice], 0)
    return made


@pytest.fixture
def review(run):
    with Review(run) as opened:
        yield opened


def table(path, name="Comments"):
    """A sheet as it is stored, empty cells as None."""
    book = openpyxl.load_workbook(path)
    return [list(cells) for cells in book[name].iter_rows(values_only=True)]


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(sheet).failed == 0


# ---- what stands in it -----------------------------------------------------------------------------------------------


def test_it_shows_the_doubtful_first_then_the_waiting_then_the_decided_each_in_reading_order(review, tmp_path):
    today = review.store.history("r1-q1")[0].at[:10]
    written = write_sheet(review, tmp_path / "a.xlsx", who="an analyst")
    assert written == Written(tmp_path / "a.xlsx", 6, written.sheet, 0)
    near, first = f"Topic: {NEAR}", f"another analyst, {today}"
    no = [None] * 4
    header = ["Comment id", "Comment", "Question", "Why look", "Topic 1", "Topic 2", "Topic 3"]
    header += ["Service 1", "Service 2", "Service 3", "Checked", "Note"]
    header += ["Decided by", "Same words", "Ward", "Note (export)"]
    asked = "What should change?"
    assert table(tmp_path / "a.xlsx") == [
        header,
        ["r4-q1", "More buses", asked, near, None, None, None, None, *no, None, 2, "Bow", None],
        ["r2-q1", "Damp flats", asked, f"{near}\n{UNLIKE}", "Housing", "Parks", None, None, *no, None, 1, None, None],
        ["r6-q1", "Quieter parks", asked, None, "Parks", None, None, None, *no, None, 1, "Bow", "north"],
        ["r5-q1", "More buses", asked, None, None, None, None, "Housing", *no, None, 2, "Poplar", "south"],
        ["r3-q1", "Thank you", asked, None, None, None, None, None, *no, None, 1, "Poplar", "south"],
        ["r1-q1", "More buses", asked, None, "Housing", "Parks", None, None, *no, first, 1, "Bow", "north"],
    ]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        (Query(state="waiting"), ["r6-q1", "r5-q1", "r4-q1", "r3-q1", "r2-q1"]),
        (Query(state="doubtful"), ["r4-q1", "r2-q1"]),
        (Query(state="decided"), ["r1-q1"]),
        (Query(sort="export"), [f"r{n}-q1" for n in range(1, 7)]),
        (Query(code="topic:parks"), ["r2-q1", "r6-q1", "r1-q1"]),
        (Query(column="Ward", group="Poplar"), ["r5-q1", "r3-q1"]),
    ],
)
def test_it_shows_what_was_asked_for(review, tmp_path, query, ids):
    assert write_sheet(review, tmp_path / "a.xlsx", query).rows == len(ids)
    assert [cells[0] for cells in table(tmp_path / "a.xlsx")[1:]] == ids


def test_asking_for_what_is_not_there_is_an_error_and_no_file(review, tmp_path):
    with pytest.raises(InputError, match=r"no comment is like that. Fix: ask for all of them: --only all$"):
        write_sheet(review, tmp_path / "a.xlsx", Query(text="nowhere"))
    assert not (tmp_path / "a.xlsx").exists()


def test_words_that_look_like_formulas_numbers_or_links_are_kept_as_text(tmp_path):
    run = make_run(tmp_path / "run", [row(n, text) for n, text in enumerate(TEXTS)])
    with Review(run) as review:
        write_sheet(review, tmp_path / "a.xlsx")
        taken = read_sheet(review, tmp_path / "a.xlsx", "an analyst")
    cells = [row[1] for row in openpyxl.load_workbook(tmp_path / "a.xlsx")["Comments"].iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
    assert {cell.hyperlink for cell in cells} == {None}
    assert [tab[1][1:] for tab in sheet_reading._open(tmp_path / "a.xlsx")[:1]] == [
        [
            [f"r{n}-q1", text.strip(), "What should change?", "", "Transport", *[""] * 8, "1"]
            for n, text in enumerate(TEXTS)
        ]
    ]
    assert (taken.rows, taken.silent, taken.problems) == (len(TEXTS), len(TEXTS), ())


@pytest.mark.parametrize("text", ["a" * LONGEST_TEXT, "😀" * (LONGEST_TEXT // 2)])
def test_a_text_that_just_fits_a_cell_is_whole(text):
    assert cell_text(text) == text


@pytest.mark.parametrize("text", ["a" * (LONGEST_TEXT + 1), "a" + "😀" * (LONGEST_TEXT // 2) + "b", "ü" * 100_000])
def test_a_text_too_long_for_a_cell_is_cut_with_a_remark_and_can_still_be_decided(tmp_path, text):
    shown = cell_text(text)
    begin = shown.removesuffix(" … [cut here: a cell cannot hold more; feedback review shows all of it]")
    assert begin != shown
    assert text.startswith(begin)
    assert LONGEST_TEXT - 2 < len(shown.encode("utf-16-le")) // 2 <= LONGEST_TEXT
    run = make_run(tmp_path / "run", [row(1, text), row(2)])
    with Review(run) as review:
        write_sheet(review, tmp_path / "a.xlsx")
        book = openpyxl.load_workbook(tmp_path / "a.xlsx")
        assert book["Comments"]["B2"].value == shown
        book["Comments"]["E2"].value = "Parks"
        book.save(tmp_path / "a.xlsx")
        assert (read_sheet(review, tmp_path / "a.xlsx", "an analyst")).saved == 1


def test_more_code_columns_are_there_where_a_comment_has_more_codes_and_one_where_a_facet_is_exclusive(tmp_path):
    things = {f"code-{n}": (f"thing {n}",) for n in range(7)}
    book = codebook(facet("topic", things=things), facet("service", exclusive=True), facet("who", exclusive=True))
    run = make_run(tmp_path / "run", [row(1, given={"topic": list(things)[:5], "service": ["parks"]})])
    (run / "codebook.toml").write_text(dump_codebook(book), encoding="utf-8")
    with Review(run) as review:
        write_sheet(review, tmp_path / "a.xlsx")
    header, cells = table(tmp_path / "a.xlsx")
    assert dict(zip(header[4:10], cells[4:10], strict=True)) == {
        **{f"Topic {n + 1}": f"Code-{n}" for n in range(5)},
        "Service": "Parks",
    }


def test_facets_called_like_our_columns_or_like_one_another_are_told_apart(tmp_path):
    facets = [
        replace(facet("topic"), name="Note", exclusive=True),
        replace(facet("service"), name="note", exclusive=True),
    ]
    run = make_run(tmp_path / "run", [row(1, given={"topic": ["parks"], "service": ["housing"]})])
    (run / "codebook.toml").write_text(dump_codebook(codebook(*facets)), encoding="utf-8")
    with Review(run) as review:
        write_sheet(review, tmp_path / "a.xlsx")
        header, cells = table(tmp_path / "a.xlsx")
        assert header[4:8] == ["Note (topic)", "note (service)", "Checked", "Note"]
        assert cells[4:8] == ["Parks", "Housing", None, None]
        assert read_sheet(review, tmp_path / "a.xlsx", "an analyst").silent == 1


# ---- what it looks like ----------------------------------------------------------------------------------------------


def test_header_frozen_filters_wrapped_text_and_no_merged_cells(review, tmp_path):
    write_sheet(review, tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert [(one.title, one.sheet_state) for one in book] == [
        ("Comments", "visible"),
        ("Codebook", "visible"),
        ("Read me", "visible"),
        ("feedback sheet", "hidden"),
        ("feedback rows", "hidden"),
    ]
    page = book.active
    assert (page.title, page.freeze_panes, page.auto_filter.ref) == ("Comments", "C2", "A1:P7")
    assert [one.merged_cells.ranges for one in book] == [set()] * 5
    assert all(cell.alignment.wrap_text for cells in page.iter_rows() for cell in cells if cell.value)
    assert all(cell.font.b for cell in page[1])
    assert {cell.fill.fill_type for cells in page.iter_rows() for cell in cells} == {None}, "colour tells nothing"
    widths = [page.column_dimensions[letter].width for letter in "ABCDEKL"]
    assert [round(width) for width in widths] == [15, 65, 23, 35, 23, 11, 29]
    assert page["E3"].number_format == "@", "a code called 2024 stays one"
    assert page.print_title_rows == "$1:$1"


def test_each_code_column_offers_the_names_of_its_facet_and_checked_offers_yes(review, tmp_path):
    write_sheet(review, tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    offered = {}
    for one in book.active.data_validations.dataValidation:
        names = one.formula1
        if names.startswith("'feedback sheet'!"):
            cells = book["feedback sheet"][names.split("!")[1].replace("$", "")]
            names = [cell.value for (cell,) in cells]
        assert (one.type, one.errorStyle, one.allow_blank) == ("list", "warning", True)
        offered[str(one.sqref)] = names
    codes = ["Transport", "Parks", "Housing"]
    assert offered == {f"{letter}2:{letter}7": codes for letter in "EFGHIJ"} | {"K2:K7": '"yes"'}


def test_a_drop_down_may_be_longer_than_255_characters(tmp_path):
    things = {f"code-{n}": ("x",) for n in range(150)}
    run = make_run(tmp_path / "run", [row(1, given={})])
    text = dump_codebook(Codebook("Long", (facet("topic", things=things, examples=()),)))
    (run / "codebook.toml").write_text(text, encoding="utf-8")
    with Review(run) as review:
        write_sheet(review, tmp_path / "a.xlsx")
    (first, *_) = openpyxl.load_workbook(tmp_path / "a.xlsx").active.data_validations.dataValidation
    assert first.formula1 == "'feedback sheet'!$D$12:$D$161"


def test_the_second_sheet_defines_the_codes_people_are_asked_about(review, tmp_path):
    buses = Code(
        "transport",
        "Buses",
        "Getting about.",
        ("bus stops", "=lanes"),
        (Exclusion("paths in parks", "parks"), Exclusion("thanks")),
        (*(Example(f"Bus {n}") for n in range(7)),),
    )
    book = codebook(replace(BOOK.facet[0], code=(buses, *BOOK.facet[0].code[1:])), *BOOK.facet[1:])
    review.store.save_book("an editor", dump_codebook(book))
    write_sheet(review, tmp_path / "a.xlsx")
    header, first, *others = table(tmp_path / "a.xlsx", "Codebook")
    assert header == ["Facet", "Code", "Definition", "Include", "Exclude", "Examples", "Id"]
    assert first == [
        *("Topic", "Buses", "Getting about.", "– bus stops\n– =lanes", "– paths in parks → Parks\n– thanks"),
        *("– Bus 0\n– Bus 1\n– Bus 2\n– Bus 3\n– Bus 4", "transport"),
    ]
    assert [(cells[0], cells[1]) for cells in others] == [
        *(("Topic", name) for name in ("Parks", "Housing")),
        *(("Service", name) for name in ("Transport", "Parks", "Housing")),
    ]
    assert openpyxl.load_workbook(tmp_path / "a.xlsx")["Codebook"].freeze_panes == "C2"


def test_a_sheet_says_how_to_work_in_it(review, tmp_path):
    write_sheet(review, tmp_path / "a.xlsx")
    write_check_sheet(review, tmp_path / "b.xlsx", 2, 1, "a coder")
    first = [table(tmp_path / name, "Read me")[0] for name in ("a.xlsx", "b.xlsx")]
    assert first == [["How to work in this file"], ["How to code the check sample"]]


# ---- the check sample ------------------------------------------------------------------------------------------------


def test_a_check_sheet_shows_the_sample_in_the_order_drawn_and_nothing_else(review, tmp_path):
    written = write_check_sheet(review, tmp_path / "a.xlsx", 4, 7, "a coder")
    assert (written.rows, written.done) == (4, 0)
    drawn = [one.comment_id for one in review.store.sample()]
    texts = {one.comment_id: one.text for one in ROWS}
    codes = ["Topic 1", "Topic 2", "Topic 3", "Service 1", "Service 2", "Service 3"]
    assert table(tmp_path / "a.xlsx", "Check sample") == [
        ["Comment id", "Comment", "Question", *codes, "Checked", "Note"],
        *([id_, texts[id_], "What should change?", *[None] * 8] for id_ in drawn),
    ]


def test_what_the_machine_or_anybody_said_is_nowhere_in_the_file(run, tmp_path):
    """The same file whatever was said, but for what names it and what the run has decided in all."""
    blank = [replace(one, given=[], doubts=(), unsure=0.0, others={}, copies=None) for one in ROWS]
    other = make_run(tmp_path / "other", blank, places=[1, 2, 3, 4, 5, 6])
    files = []
    for folder in (run, other):
        with Review(folder) as review:
            path = tmp_path / f"{folder.name}.xlsx"
            write_check_sheet(review, path, 6, 7, "a coder")
        tabs = dict(sheet_reading._open(path))
        tabs["feedback sheet"] = [
            row for row in tabs["feedback sheet"] if row[0] not in {"sheet", "as_of", "mark", "act"}
        ]
        files.append(tabs)
    assert files[0] == files[1]


def test_what_a_coder_has_coded_is_left_out_of_a_larger_sample(review, tmp_path):
    write_check_sheet(review, tmp_path / "a.xlsx", 2, 7, "a coder")
    first, second = (one.comment_id for one in review.store.sample())
    both = [(first, "topic", ["parks"]), (first, "service", []), (second, "topic", ["parks"])]
    review.store.check("a coder", "screen", both)
    written = write_check_sheet(review, tmp_path / "b.xlsx", 3, 7, "a coder")
    third = review.store.sample()[2].comment_id
    assert (written.rows, written.done) == (2, 1)
    assert [cells[0] for cells in table(tmp_path / "b.xlsx", "Check sample")[1:]] == [second, third]
    assert write_check_sheet(review, tmp_path / "c.xlsx", 3, 7, "another coder").rows == 3


def test_a_coder_who_has_done_all_of_the_sample_is_told_so(review, tmp_path):
    write_check_sheet(review, tmp_path / "a.xlsx", 1, 7, "a coder")
    (only,) = (one.comment_id for one in review.store.sample())
    review.store.check("a coder", "screen", [(only, "topic", []), (only, "service", [])])
    with pytest.raises(InputError, match=r"a coder has coded all 1 of the check sample. Fix: draw a larger one"):
        write_check_sheet(review, tmp_path / "b.xlsx", 1, 7, "a coder")


def test_nothing_is_drawn_where_the_sheet_cannot_be_written_or_nobody_draws(review, tmp_path):
    (tmp_path / "a.xlsx").write_text("something else", encoding="utf-8")
    with pytest.raises(OutputError):
        write_check_sheet(review, tmp_path / "a.xlsx", 2, 7, "a coder")
    with pytest.raises(InputError, match="nobody says who draws"):
        write_check_sheet(review, tmp_path / "b.xlsx", 2, 7, " ")
    with pytest.raises(InputError, match="a sample of 7 cannot be drawn"):
        write_check_sheet(review, tmp_path / "b.xlsx", 7, 7, "a coder")
    assert review.store.sample() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.xlsx", "run"]


# ---- where it is written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.csv", "{}: .csv is not a workbook. Fix: end the name in .xlsx"),
        ("a", "{}: no ending is not a workbook. Fix: end the name in .xlsx"),
        ("filled.xlsx", "{}: is there already. Fix: choose another name: somebody may have filled it in"),
    ],
)
def test_a_place_that_will_not_do_is_an_error_with_a_fix(review, tmp_path, name, told):
    (tmp_path / "filled.xlsx").write_text("work of a week", encoding="utf-8")
    with pytest.raises(OutputError) as error:
        write_sheet(review, tmp_path / name)
    assert str(error.value) == told.format(tmp_path / name)
    assert (tmp_path / "filled.xlsx").read_text(encoding="utf-8") == "work of a week"


def test_a_folder_that_is_not_there_is_an_error_with_a_fix(review, tmp_path):
    with pytest.raises(OutputError, match=r"there is no folder .*none'. Fix: make it, or choose another$"):
        write_sheet(review, tmp_path / "none" / "a.xlsx")


def test_a_sheet_is_written_over_only_when_told_to(review, tmp_path):
    first = write_sheet(review, tmp_path / "a.xlsx")
    second = write_sheet(review, tmp_path / "a.xlsx", replace=True)
    assert first.sheet != second.sheet
    assert [path.name for path in tmp_path.glob("*.xlsx")] == ["a.xlsx"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom the system refuses something")
def test_a_folder_that_may_not_be_written_to_is_an_error_with_a_fix(review, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(OutputError, match=r"cannot be written \(.*\). Fix: close it in Excel, or choose another name$"):
        write_sheet(review, closed / "a.xlsx")


def test_a_file_that_another_program_holds_is_an_error_and_stays_as_it_is(review, tmp_path):
    """A folder of the name cannot be replaced either, as a file open in Excel cannot be on Windows."""
    with sheet.streamed_workbook(tmp_path / "free.xlsx") as book:
        book.add_worksheet("One").write_string(0, 0, "a")
    held = tmp_path / "held.xlsx"
    held.mkdir()
    with (
        pytest.raises(
            OutputError, match=r"held.xlsx: cannot be written \(.+\). Fix: close it in Excel, or choose another"
        ),
        sheet.streamed_workbook(held) as book,
    ):
        book.add_worksheet("One").write_string(0, 0, "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["free.xlsx", "held.xlsx", "run"]


def test_a_writing_that_breaks_off_leaves_nothing_behind(review, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(KeyboardInterrupt):
        _interrupted(tmp_path / "a.xlsx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "temporary"]
    assert list(temporary.iterdir()) == []


def _interrupted(path):
    with sheet.streamed_workbook(path) as book:
        book.add_worksheet("One").write_string(0, 0, "words of a tenant")
        raise KeyboardInterrupt
