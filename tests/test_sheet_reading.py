"""Taking back a workbook that people worked in, whatever they, Excel or LibreOffice did to it."""

import datetime as dt
import json
import random
import shutil
import subprocess
from dataclasses import replace

import openpyxl
import pytest
from invented import codebook
from invented_run import BOOK, make_run, row

from pipeline.codebook import dump_codebook
from pipeline.errors import InputError
from pipeline.reviewing.review import Query, Review
from pipeline.reviewing.sheet import write_check_sheet, write_sheet
from pipeline.reviewing.sheet_reading import Clash, Problem, Taken, read_sheet
from pipeline.stores.review_records import Choice

ROWS = [
    row(1, "More buses"),
    row(2, "=Damp flats, – and\r\nno parks", given={"topic": ["housing", "parks"]}, doubts=["near the line (topic)"]),
    row(3, "Thank you\x0b!", given={}),
    row(4, "Rents 😀", given={"topic": ["housing"], "service": ["housing"]}),
    row(5, "+More buses", given={"service": ["transport"]}),
    row(6, "Quieter parks", given={"topic": ["parks"]}),
]
ME, OTHER = "an analyst", "another analyst"


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", ROWS)


@pytest.fixture
def review(run):
    with Review(run) as opened:
        yield opened


@pytest.fixture
def path(review, tmp_path):
    """A sheet of all six comments, in the order of the export."""
    write_sheet(review, tmp_path / "a.xlsx", Query(sort="export"), ME)
    return tmp_path / "a.xlsx"


class Edited:
    """A workbook as an analyst edits it; cells by comment and column. A context manager: saved at the end."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.book = openpyxl.load_workbook(self.path)
        self.page = self.book.worksheets[0]
        return self

    def __exit__(self, *_):
        self.book.save(self.path)

    def column(self, header):
        return next(cell.column for cell in self.page[1] if cell.value == header)

    def row(self, number):
        return next(cell.row for cell in self.page["A"] if cell.value == f"r{number}-q1")

    def put(self, number, **cells):
        """Fills cells of a comment: Topic_1="Parks"."""
        for header, value in cells.items():
            self.page.cell(self.row(number), self.column(header.replace("_", " "))).value = value


def edit(path, number, **cells):
    with Edited(path) as sheet:
        sheet.put(number, **cells)


def standing(review):
    """What stands: (comment, facet) → codes."""
    return {(one.comment_id[1], one.facet): one.codes for one in review.store.standing()}


def taken(review, path, who=ME, **expected):
    """Reads a sheet, which must come out as expected; by default nothing saved, no conflict, no problem, six rows."""
    usual = {"kind": "review", "who": who, "rows": 6, "silent": 6, "saved": 0, "unchanged": 0}
    found = read_sheet(review, path, who)
    assert found == Taken(**{**usual, "conflicts": (), "problems": (), **expected})
    return found


def problems(review, path, who=ME):
    return [str(one) for one in read_sheet(review, path, who).problems]


# ---- what a row says -------------------------------------------------------------------------------------------------


def test_a_sheet_nobody_touched_says_nothing(review, path):
    taken(review, path)
    assert review.store.acts() == []


def test_changed_codes_are_decided_in_the_facet_that_was_changed(review, path):
    edit(path, 1, Topic_1="Housing", Topic_2="Parks")
    edit(path, 2, Topic_2=None)
    edit(path, 3, Service_2="Transport")
    taken(review, path, silent=3, saved=3)
    assert standing(review) == {
        ("1", "topic"): ("housing", "parks"),
        ("2", "topic"): ("housing",),
        ("3", "service"): ("transport",),
    }
    (first, *_) = review.store.history("r1-q1")
    assert (first.who, first.how, first.note, first.shown, first.model) == (ME, "sheet", "", ("transport",), "invented")


def test_a_checked_row_confirms_all_its_codes_also_that_there_is_none(review, path):
    edit(path, 2, Checked="yes")
    taken(review, path, silent=5, saved=2)
    assert standing(review) == {("2", "topic"): ("housing", "parks"), ("2", "service"): ()}


def test_emptied_cells_or_the_word_none_mean_no_code(review, path):
    edit(path, 1, Topic_1=None)
    edit(path, 2, Topic_1="None", Topic_2=None)
    edit(path, 3, Service_3="none")
    taken(review, path, silent=3, saved=3)
    assert standing(review) == {("1", "topic"): (), ("2", "topic"): (), ("3", "service"): ()}


def test_the_same_codes_in_other_cells_or_another_order_are_no_change(review, path):
    edit(path, 2, Topic_1="Parks", Topic_2="Parks", Topic_3="Housing")
    edit(path, 4, Topic_1=None, Topic_3="housing ")
    taken(review, path)


@pytest.mark.parametrize(
    "cells",
    [
        {"Topic_1": "parks", "Topic_2": "HOUSING"},
        {"Topic_1": "Parks|Housing"},
        {"Topic_1": None, "Topic_3": " housing ; parks;"},
        {"Topic_1": "housing\nparks"},
        {"Topic_1": "2024", "Topic_2": "true"},
        {"Topic_1": 2024, "Topic_2": True},
        {"Topic_1": 2024.0, "Topic_2": "Parks|parks"},
        {"Topic_1": "Flats; rents", "Topic_2": "green spaces"},
    ],
)
def test_codes_are_known_by_name_id_or_alias_in_any_case_and_several_in_a_cell(run, tmp_path, cells):
    topic = BOOK.by_id["topic"]
    aliases = {"housing": ("2024", "Flats; rents"), "parks": ("true", "Green spaces")}
    codes = tuple(replace(code, aliases=aliases.get(code.id, ())) for code in topic.code)
    book = dump_codebook(codebook(replace(topic, code=codes), *BOOK.facet[1:]))
    (run / "codebook.toml").write_text(book, encoding="utf-8")
    with Review(run) as review:
        write_sheet(review, tmp_path / "a.xlsx")
        edit(tmp_path / "a.xlsx", 1, **cells)
        taken(review, tmp_path / "a.xlsx", silent=5, saved=1)
        assert standing(review) == {("1", "topic"): ("housing", "parks")}


@pytest.mark.parametrize("tick", ["yes", "Y", " x ", 1, True, "TRUE", "✓", "done"])
def test_a_tick_may_be_written_in_several_ways(review, path, tick):
    edit(path, 1, Checked=tick)
    taken(review, path, silent=5, saved=2)


@pytest.mark.parametrize("blank", ["no", "N", 0, False, " "])
def test_a_no_is_not_a_tick(review, path, blank):
    edit(path, 1, Checked=blank)
    taken(review, path)


def test_a_note_is_kept_with_its_decisions_and_may_look_like_a_formula(review, path):
    edit(path, 1, Topic_1="Housing", Note="=about the rent")
    edit(path, 2, Checked="yes", Note=dt.datetime(2025, 9, 8))
    edit(path, 3, Checked="yes")
    with Edited(path) as sheet:
        sheet.page.cell(sheet.row(1), sheet.column("Note")).data_type = "s"
    taken(review, path, silent=3, saved=5)
    notes = {(one.comment_id[1], one.facet): one.note for one in review.store.decisions()}
    assert notes == {
        ("1", "topic"): "=about the rent",
        ("2", "topic"): "2025-09-08",
        ("2", "service"): "2025-09-08",
        ("3", "topic"): "",
        ("3", "service"): "",
    }


def test_who_read_it_in_decides_and_else_whoever_it_was_written_for(review, path, tmp_path):
    edit(path, 1, Checked="yes")
    assert read_sheet(review, path, " another analyst ").who == OTHER
    assert {one.who for one in review.store.standing()} == {OTHER}
    edit(path, 2, Checked="yes")
    assert read_sheet(review, path).who == ME
    write_sheet(review, tmp_path / "b.xlsx")
    with pytest.raises(InputError, match=r"nobody says who filled it in. Fix: give a name$"):
        read_sheet(review, tmp_path / "b.xlsx")


# ---- what people, and programs, do to a sheet ------------------------------------------------------------------------


def work(sheet):
    """The edits that each of the following must bring back: what `DONE` says."""
    sheet.put(1, Topic_1="Housing")
    sheet.put(2, Topic_1=None, Topic_2=None)
    sheet.put(4, Checked="yes", Note="sure")


DONE = {("1", "topic"): ("housing",), ("2", "topic"): (), ("4", "topic"): ("housing",), ("4", "service"): ("housing",)}


def sort_rows(sheet, seed=3):
    values = [[cell.value for cell in cells] for cells in sheet.page.iter_rows(min_row=2)]
    random.Random(seed).shuffle(values)
    for y, cells in enumerate(values, 2):
        for x, value in enumerate(cells, 1):
            sheet.page.cell(y, x).value = value


def move_columns(sheet):
    columns = [[cell.value for cell in cells] for cells in sheet.page.iter_cols()]
    random.Random(4).shuffle(columns)
    for x, cells in enumerate(columns, 1):
        for y, value in enumerate(cells, 1):
            sheet.page.cell(y, x).value = value


def filter_rows(sheet):
    sheet.page.auto_filter.add_filter_column(4, ["Parks"])
    for number in (2, 3, 5):
        sheet.page.row_dimensions[number].hidden = True


def add_columns(sheet):
    sheet.page.insert_cols(2, 2)
    sheet.page["B1"], sheet.page["C1"], sheet.page["B2"] = "My remarks", "Topic", "look again"
    sheet.page.cell(3, sheet.page.max_column + 2).value = "=1+1"


def add_title_and_total(sheet):
    sheet.page.insert_rows(1, 3)
    sheet.page["A1"] = "Spring consultation"
    sheet.page.cell(sheet.page.max_row + 2, 2).value = None
    sheet.page.cell(sheet.page.max_row + 2, sheet.page.max_column + 1).value = "in all: 6"


def rename_sheets(sheet):
    for number, page in enumerate(sheet.book.worksheets):
        page.title = f"Tab {number}"
    sheet.book.create_sheet("Mine", 0)["A1"] = "Comment id"
    sheet.book.move_sheet("Tab 3", -3)


def shout_headers(sheet):
    for cell in sheet.page[1]:
        cell.value = f" {cell.value.upper()} "


def delete_columns_nobody_needs(sheet):
    for header in ("Comment", "Question", "Why look", "Decided by", "Same words", "Topic 3", "Service 2", "Service 3"):
        sheet.page.delete_cols(sheet.column(header))


@pytest.mark.parametrize(
    "change",
    [
        *(sort_rows, move_columns, filter_rows, add_columns, add_title_and_total, rename_sheets, shout_headers),
        delete_columns_nobody_needs,
    ],
)
def test_what_was_decided_comes_back_from_a_sheet_that_was(review, path, change):
    with Edited(path) as sheet:
        work(sheet)
        change(sheet)
    taken(review, path, silent=3, saved=4)
    assert standing(review) == DONE


def test_deleted_rows_say_nothing_and_several_files_may_share_the_rows(review, path, tmp_path):
    with Edited(path) as sheet:
        work(sheet)
    shutil.copy(path, tmp_path / "b.xlsx")
    for file, numbers in ((path, (1, 2, 3)), (tmp_path / "b.xlsx", (4, 5, 6))):
        with Edited(file) as sheet:
            for number in numbers:
                sheet.page.delete_rows(sheet.row(number))
    taken(review, path, rows=3, silent=2, saved=2)
    taken(review, tmp_path / "b.xlsx", rows=3, silent=1, saved=2)
    assert standing(review) == DONE


def test_rows_may_be_spread_over_several_tabs(review, path):
    with Edited(path) as sheet:
        work(sheet)
        second = sheet.book.copy_worksheet(sheet.page)
        second.title = "Second half"
        sheet.page.delete_rows(4, 4)
        second.delete_rows(2, 2)
        second["E2"] = "Lollipops"
    found = read_sheet(review, path, ME)
    assert (found.rows, found.saved) == (6, 4)
    assert [str(one) for one in found.problems] == [
        "'Second half', row 2 (r3-q1): 'Lollipops' is no code of Topic. Fix: did you mean 'Parks'?"
    ]


def office(folder, *files):
    """Opens workbooks in LibreOffice and saves them into a folder; gives the new ones."""
    profile = (folder.parent / "profile").resolve().as_uri()
    command = ["soffice", f"-env:UserInstallation={profile}", "--headless", "--convert-to", "xlsx", "--outdir"]
    subprocess.run([*command, folder, *files], check=True, capture_output=True, timeout=300)
    return [folder / path.name for path in files]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_may_open_and_save_it_before_and_after_the_work(review, path, tmp_path):
    check = tmp_path / "check.xlsx"
    write_check_sheet(review, check, 3, 7, "a coder")
    first = review.store.sample()[0].comment_id
    path, check = office(tmp_path / "once", path, check)
    with Edited(path) as sheet:
        work(sheet)
        sort_rows(sheet)
        filter_rows(sheet)
        lists = {str(one.sqref): one.formula1 for one in sheet.page.data_validations.dataValidation}
        assert len(lists) == 7, "the drop-downs are still there"
        assert [page.sheet_state for page in sheet.book.worksheets] == ["visible"] * 3 + ["hidden"] * 2
        assert sheet.page.auto_filter.ref == "A1:N7"
    edit(check, first[1], Topic_2="parks", Checked="yes")
    path, check = office(tmp_path / "twice", path, check)
    taken(review, path, silent=3, saved=4)
    assert standing(review) == DONE
    taken(review, check, "a coder", kind="check", rows=3, silent=2, saved=2)
    codes = {(one.coder, one.comment_id, one.facet): one.codes for one in review.store.check_codes()}
    assert codes == {("a coder", first, "topic"): ("parks",), ("a coder", first, "service"): ()}


# ---- decisions made meanwhile ----------------------------------------------------------------------------------------


def decide(review, who, number, *codes, facet="topic", note=""):
    choice = Choice(f"r{number}-q1", facet, codes)
    return review.store.decide(who, "screen", [choice], review.store.as_of, note)


def test_a_decision_made_meanwhile_stands_and_both_sides_are_told(review, path):
    decide(review, OTHER, 1, "parks", note="it says so")
    at = review.store.history("r1-q1")[0].at
    edit(path, 1, Topic_1="Housing", Topic_2="Parks", Note="the flats")
    edit(path, 2, Topic_1=None)
    clash = Clash("row 2", "r1-q1", "Topic", ("Housing", "Parks"), "the flats", ("Parks",), OTHER, at, "it says so")
    taken(review, path, silent=4, saved=1, conflicts=(clash,))
    assert standing(review) == {("1", "topic"): ("parks",), ("2", "topic"): ("parks",)}
    moment = at[:16].replace("T", " ")
    assert str(clash) == (
        "row 2 (r1-q1), Topic: the sheet says 'Housing', 'Parks' (note: the flats); "
        f"another analyst decided on {moment}: 'Parks' (note: it says so), which stands"
    )


def test_the_same_decision_made_meanwhile_is_no_conflict(review, path):
    decide(review, OTHER, 1, "housing")
    edit(path, 1, Topic_1="Housing")
    taken(review, path, silent=5, unchanged=1)


def test_what_was_decided_before_the_sheet_was_written_may_be_changed(review, tmp_path):
    decide(review, OTHER, 1, "parks")
    write_sheet(review, tmp_path / "a.xlsx")
    edit(tmp_path / "a.xlsx", 1, Topic_1="Housing")
    taken(review, tmp_path / "a.xlsx", silent=5, saved=1)
    assert standing(review) == {("1", "topic"): ("housing",)}


def test_a_decision_taken_back_meanwhile_is_a_conflict(review, tmp_path):
    decide(review, OTHER, 1, "parks")
    write_sheet(review, tmp_path / "a.xlsx")
    review.store.undo(OTHER)
    edit(tmp_path / "a.xlsx", 1, Checked="yes")
    (clash,) = read_sheet(review, tmp_path / "a.xlsx", ME).conflicts
    assert (clash.mine, clash.theirs, clash.who) == (("Parks",), None, OTHER)
    assert str(clash).endswith(": taken back, which stands")


def test_a_row_left_alone_never_contradicts_what_was_decided_meanwhile(review, path):
    decide(review, OTHER, 1, "parks")
    taken(review, path)
    assert standing(review) == {("1", "topic"): ("parks",)}


def test_one_may_go_on_working_in_a_sheet_and_have_it_read_again(review, path):
    edit(path, 1, Topic_1="Housing", Note="the flats")
    taken(review, path, silent=5, saved=1)
    taken(review, path, silent=5, unchanged=1)
    edit(path, 1, Topic_1="Parks")
    edit(path, 2, Checked="yes")
    taken(review, path, silent=4, saved=3)
    assert standing(review)["1", "topic"] == ("parks",)
    assert [(one.codes, one.note) for one in review.store.history("r1-q1")] == [
        (("housing",), "the flats"),
        (("parks",), "the flats"),
    ]


def test_what_one_decided_elsewhere_since_is_not_lost_to_the_sheet_read_again(review, path, tmp_path):
    write_sheet(review, tmp_path / "b.xlsx", who=ME)
    edit(path, 1, Topic_1="Housing")
    edit(tmp_path / "b.xlsx", 1, Topic_1="Parks")
    taken(review, path, silent=5, saved=1)
    (clash,) = read_sheet(review, tmp_path / "b.xlsx", ME).conflicts
    assert (clash.mine, clash.theirs, clash.who) == (("Parks",), ("Housing",), ME)
    decide(review, ME, 1)
    (clash,) = read_sheet(review, path, ME).conflicts
    assert (clash.mine, clash.theirs) == (("Housing",), ())


def test_the_same_sheet_filled_by_two_people_is_a_conflict_between_them(review, path, tmp_path):
    shutil.copy(path, tmp_path / "b.xlsx")
    edit(path, 1, Topic_1="Housing")
    edit(tmp_path / "b.xlsx", 1, Topic_1="Parks")
    taken(review, path, silent=5, saved=1)
    (clash,) = read_sheet(review, tmp_path / "b.xlsx", OTHER).conflicts
    assert (clash.mine, clash.theirs, clash.who) == (("Parks",), ("Housing",), ME)


def test_a_row_put_back_as_it_was_is_told_of_and_checking_it_takes_effect(review, path):
    edit(path, 1, Topic_1="Housing")
    taken(review, path, silent=5, saved=1)
    edit(path, 1, Topic_1="Transport")
    assert problems(review, path) == [
        "row 2 (r1-q1): is as it was written, but when the sheet was read before it said 'Housing', which stands. "
        "Fix: choose yes in Checked, if it is to be as it is here"
    ]
    edit(path, 1, Checked="yes")
    taken(review, path, silent=5, saved=2)
    assert standing(review)["1", "topic"] == ("transport",)


def test_a_second_row_as_it_was_does_not_contradict_the_one_that_was_changed(review, path):
    with Edited(path) as sheet:
        sheet.page.append([cell.value for cell in sheet.page[sheet.row(1)]])
        sheet.put(1, Topic_1="Housing")
    taken(review, path, rows=7, saved=1)
    taken(review, path, rows=7, unchanged=1)


def test_a_run_whose_decisions_are_others_now_counts_them_all_as_unseen(review, run, tmp_path):
    decide(review, OTHER, 1, "parks")
    write_sheet(review, tmp_path / "a.xlsx")
    edit(tmp_path / "a.xlsx", 1, Topic_1="Housing")
    other = make_run(tmp_path / "other", ROWS)
    with Review(other) as again:
        decide(again, "a third", 1, "parks", "housing")
        (clash,) = read_sheet(again, tmp_path / "a.xlsx", ME).conflicts
        assert (clash.mine, clash.theirs, clash.who) == (("Housing",), ("Housing", "Parks"), "a third")


# ---- what cannot be read ---------------------------------------------------------------------------------------------


def test_a_row_that_cannot_be_read_is_told_of_and_all_else_is_saved(review, path):
    with Edited(path) as sheet:
        work(sheet)
        sheet.put(3, Topic_1="Parcs", Checked="yes")
        sheet.put(5, Topic_1="none", Topic_2="Parks")
        sheet.put(6, Checked="perhaps")
        sheet.page["A8"], sheet.page["E8"] = "r9-q1", "Parks"
        sheet.page["B9"], sheet.page["E9"] = "another comment", "Parks"
    found = read_sheet(review, path, ME)
    assert standing(review) == {**DONE, ("3", "service"): ()}
    assert (found.rows, found.silent, found.saved, found.conflicts) == (8, 0, 5, ())
    assert list(map(str, found.problems)) == [
        "row 4 (r3-q1): 'Parcs' is no code of Topic. Fix: did you mean 'Parks'?",
        "row 6 (r5-q1): says both 'none' and 'Parks' of Topic. Fix: keep one of them",
        "row 7 (r6-q1): Checked says 'perhaps'. Fix: write yes, or leave it empty",
        "row 8 (r9-q1): this comment was not in the sheet. Fix: put its id back, or delete the row",
        "row 9: there is no comment id. Fix: put it back, or delete the row",
    ]
    with Edited(path) as sheet:
        sheet.put(3, Topic_1="Parks")
        sheet.put(5, Topic_1=None)
        sheet.put(6, Checked="yes")
        sheet.page.delete_rows(8, 2)
    taken(review, path, silent=0, saved=4, unchanged=5)


def test_two_codes_of_a_facet_that_takes_one_are_told_of(run, tmp_path):
    book = codebook(BOOK.facet[0], replace(BOOK.facet[1], exclusive=True), BOOK.facet[2])
    (run / "codebook.toml").write_text(dump_codebook(book), encoding="utf-8")
    with Review(run) as review:
        write_sheet(review, tmp_path / "a.xlsx")
        edit(tmp_path / "a.xlsx", 1, Service="Parks; Housing")
        assert problems(review, tmp_path / "a.xlsx") == [
            "row 3 (r1-q1): has 'Parks', 'Housing', but Service takes one code. Fix: keep one of them"
        ]


def test_a_note_without_a_decision_is_told_of(review, path):
    edit(path, 1, Note="ask the ward councillor")
    what, fix = "has a note but no decision", "choose yes in Checked, if the codes are right"
    taken(review, path, problems=(Problem("row 2", "r1-q1", what, fix),))


def said_of(review, number):
    """Who decided what of the topic of a comment, with which note, oldest first."""
    history = review.store.history(f"r{number}-q1")
    return [(one.who, one.how, one.codes, one.note) for one in history if one.facet == "topic"]


def test_a_note_on_what_stood_so_already_is_kept_once_beside_the_same_codes(review, path):
    decide(review, OTHER, 1, "housing")
    edit(path, 1, Topic_1="Housing", Note="the flats")
    taken(review, path, silent=5, unchanged=1)
    first, confirmed = (OTHER, "screen", ("housing",), ""), (ME, "sheet", ("housing",), "the flats")
    assert said_of(review, 1) == [first, confirmed]
    edit(path, 2, Topic_1="Housing", Topic_2="", Note="the flats")
    taken(review, path, silent=4, saved=1, unchanged=1)
    taken(review, path, silent=4, unchanged=2)
    assert said_of(review, 1) == [first, confirmed]
    edit(path, 1, Note="the flats by the park")
    taken(review, path, silent=4, unchanged=2)
    taken(review, path, silent=4, unchanged=2)
    assert said_of(review, 1) == [first, confirmed, (ME, "sheet", ("housing",), "the flats by the park")]


def test_a_note_does_not_make_what_somebody_else_decided_meanwhile_ones_own(review, path):
    decide(review, OTHER, 1, "housing")
    edit(path, 1, Topic_1="Housing", Note="the flats")
    taken(review, path, silent=5, unchanged=1)
    edit(path, 1, Topic_1="Parks")
    (clash,) = read_sheet(review, path, ME).conflicts
    assert (clash.mine, clash.theirs) == (("Parks",), ("Housing",))
    assert standing(review) == {("1", "topic"): ("housing",)}


def test_a_note_on_a_decision_the_sheet_showed_leaves_it_free_to_be_changed_in_the_sheet(review, tmp_path):
    decide(review, OTHER, 1, "housing")
    decide(review, OTHER, 1, facet="service")
    write_sheet(review, tmp_path / "later.xlsx")
    edit(tmp_path / "later.xlsx", 1, Checked="yes", Note="the flats")
    taken(review, tmp_path / "later.xlsx", silent=5, unchanged=2)
    edit(tmp_path / "later.xlsx", 1, Topic_1="Parks")
    assert read_sheet(review, tmp_path / "later.xlsx", ME).conflicts == ()
    assert said_of(review, 1)[1:] == [(ME, "sheet", ("housing",), "the flats"), (ME, "sheet", ("parks",), "the flats")]


def test_a_comment_that_stands_twice_is_taken_once_if_the_rows_agree(review, path):
    with Edited(path) as sheet:
        work(sheet)
        sheet.page.append([cell.value for cell in sheet.page[sheet.row(1)]])
        sheet.page.append([cell.value for cell in sheet.page[sheet.row(5)]])
        sheet.put(5, Checked="yes")
    taken(review, path, rows=8, silent=3, saved=6)
    assert standing(review) == {**DONE, ("5", "topic"): ("transport",)} | {
        ("5", "topic"): (),
        ("5", "service"): ("transport",),
    }


def test_a_comment_that_stands_twice_with_other_codes_is_told_of(review, path):
    with Edited(path) as sheet:
        work(sheet)
        sheet.page.append([cell.value for cell in sheet.page[sheet.row(1)]])
        sheet.page["E8"] = "Parks"
    assert problems(review, path) == [
        "row 2 and row 8 (r1-q1): the same comment stands twice, with other codes of Topic "
        "('Housing' against 'Parks'). Fix: delete one of the rows"
    ]
    assert standing(review) == {place: codes for place, codes in DONE.items() if place != ("1", "topic")}


def test_a_sheet_of_which_only_some_columns_were_sorted_is_not_believed(review, path):
    with Edited(path) as sheet:
        work(sheet)
        ids = [sheet.page.cell(y, 1).value for y in range(2, 8)]
        for y, id_ in enumerate([ids[1], ids[0], *ids[2:]], 2):
            sheet.page.cell(y, 1).value = id_
    fix = "the words are those of another comment. Fix: sort all columns together, not some of them"
    assert problems(review, path) == [f"row 2 (r2-q1): {fix}", f"row 3 (r1-q1): {fix}"]
    assert standing(review) == {place: codes for place, codes in DONE.items() if place[0] == "4"}


def test_words_that_were_edited_or_blacked_out_do_not_keep_a_row_from_being_read(review, path):
    edit(path, 1, Comment="More buses, said [a name]", Topic_1="Housing")
    edit(path, 2, Comment=None, Topic_1="Housing", Topic_2=None)
    taken(review, path, silent=4, saved=2)


def test_a_column_of_codes_that_is_gone_is_told_of_and_nothing_is_taken_for_emptied(review, path):
    with Edited(path) as sheet:
        work(sheet)
        sheet.page.delete_cols(sheet.column("Topic 2"))
    what = "the column 'Topic 2' is gone, so no code of Topic was read"
    problem = Problem("a.xlsx", "", what, "put the column back, header and all")
    taken(review, path, silent=5, saved=1, problems=(problem,))
    assert standing(review) == {("4", "service"): ("housing",)}


def test_a_facet_whose_columns_were_all_deleted_is_left_as_it_is(review, path):
    with Edited(path) as sheet:
        work(sheet)
        for number in (1, 2, 3):
            sheet.page.delete_cols(sheet.column(f"Topic {number}"))
    assert problems(review, path) == [
        "a.xlsx: it has no column for Topic. Fix: nothing to do, if you deleted them on purpose"
    ]
    assert standing(review) == {("4", "service"): ("housing",)}


# ---- a codebook edited meanwhile -------------------------------------------------------------------------------------


def edited_book(review, **codes):
    """Saves the codebook with the topic's codes changed: id=new name, or None for gone; new ids are added."""
    topic = BOOK.by_id["topic"]
    kept = [
        replace(code, name=codes.get(code.id, code.name)) for code in topic.code if codes.get(code.id, "") is not None
    ]
    new = [
        replace(topic.code[0], id=id_, name=name, examples=()) for id_, name in codes.items() if id_ not in topic.ids
    ]
    review.store.save_book("an editor", dump_codebook(codebook(replace(topic, code=(*kept, *new)), *BOOK.facet[1:])))


def test_codes_renamed_or_added_meanwhile_are_known_by_either_name(review, run, path):
    edited_book(review, parks="Green spaces", rivers="Rivers")
    edit(path, 1, Topic_1="Parks")
    edit(path, 2, Topic_2="green spaces", Topic_3="Rivers")
    with Review(run) as again:
        taken(again, path, silent=4, saved=2)
        assert standing(again) == {("1", "topic"): ("parks",), ("2", "topic"): ("housing", "parks", "rivers")}


def test_a_code_that_is_gone_meanwhile_is_told_of_where_it_would_be_decided(review, run, path):
    edited_book(review, parks=None)
    edit(path, 2, Checked="yes")
    edit(path, 6, Topic_1="Housing")
    with Review(run) as again:
        what, fix = "'Parks' is no code of Topic any more", "choose another"
        taken(again, path, silent=4, saved=2, problems=(Problem("row 3", "r2-q1", what, fix),))
        assert standing(again) == {("2", "service"): (), ("6", "topic"): ("housing",)}


def test_a_sheet_written_after_a_code_went_shows_its_id_and_leaves_it_alone(review, run, tmp_path):
    edited_book(review, parks=None)
    with Review(run) as again:
        write_sheet(again, tmp_path / "b.xlsx")
        edit(tmp_path / "b.xlsx", 1, Checked="yes")
        taken(again, tmp_path / "b.xlsx", silent=5, saved=2)


def test_a_facet_that_is_gone_meanwhile_is_told_of(review, run, path):
    edit(path, 4, Checked="yes")
    review.store.save_book("an editor", dump_codebook(codebook(BOOK.facet[0])))
    with Review(run) as again:
        assert problems(again, path) == [
            "a.xlsx: 'service' is no facet of the codebook any more. Fix: its codes were left as they are"
        ]
        assert standing(again) == {("4", "topic"): ("housing",)}


# ---- what is no sheet of this run ------------------------------------------------------------------------------------


def test_a_file_that_is_no_sheet_of_ours_is_an_error_with_a_fix(review, path, tmp_path):
    names = {
        "none.xlsx": "there is no such file. Fix: check the name and folder",
        "text.xlsx": "is not a workbook that can be read",
        "other.xlsx": "is not a sheet of this tool, or its hidden sheets are gone. Fix: read the file that",
        "copied.xlsx": "is not a sheet of this tool, or its hidden sheets are gone. Fix: read the file that",
        "later.xlsx": "was written by another version of this tool. Fix: read it with that version",
        "broken.xlsx": "its hidden sheets were changed. Fix: copy your columns into the file as it was written",
        "headless.xlsx": "no sheet has the columns 'Comment id' and 'Checked', or columns of codes. Fix: put",
        "twice.xlsx": "two columns are called 'Topic 1'. Fix: rename the one you added",
    }
    (tmp_path / "text.xlsx").write_text("Comment id,Topic 1\n", encoding="utf-8")
    openpyxl.Workbook().save(tmp_path / "other.xlsx")
    changes = {
        "copied.xlsx": lambda sheet: sheet.book.remove(sheet.book["feedback rows"]),
        "later.xlsx": lambda sheet: sheet.book["feedback sheet"].__setitem__("B1", "2"),
        "broken.xlsx": lambda sheet: sheet.book["feedback sheet"].delete_rows(2, 3),
        "headless.xlsx": lambda sheet: sheet.page.delete_rows(1),
        "twice.xlsx": lambda sheet: sheet.page.__setitem__("Z1", "topic 1"),
    }
    for name, change in changes.items():
        shutil.copy(path, tmp_path / name)
        with Edited(tmp_path / name) as sheet:
            change(sheet)
    told = {}
    for name in names:
        with pytest.raises(InputError) as error:
            read_sheet(review, tmp_path / name, ME)
        told[name] = str(error.value)
    assert {name: told[name][: told[name].index(part)] for name, part in names.items()} == {
        name: f"{tmp_path / name}" + (", sheet 'Comments': " if name == "twice.xlsx" else ": ") for name in names
    }
    assert review.store.acts() == []


def test_a_sheet_of_another_run_is_refused_and_one_of_the_run_coded_again_is_not(review, run, path, tmp_path):
    edit(path, 1, Topic_1="Housing")
    manifest = {"coded": 6, "model": {"name": "newer"}, "codebook_digest": "other"}
    again = make_run(tmp_path / "again", [replace(one, given=[]) for one in ROWS])
    (again / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with Review(again) as opened:
        taken(opened, path, silent=5, saved=1)
    (again / "manifest.json").write_text(json.dumps({**manifest, "export": {"sha256": "f"}}), encoding="utf-8")
    with (
        Review(again) as opened,
        pytest.raises(InputError, match=r"was written from another run. Fix: name the run it was written from$"),
    ):
        read_sheet(opened, path, ME)


def test_comments_that_are_no_longer_in_the_run_are_told_of(path, tmp_path):
    edit(path, 5, Topic_1="Housing")
    edit(path, 6, Topic_1="Housing")
    other = make_run(tmp_path / "other", [*ROWS[:5], row(7)])
    with Review(other) as opened:
        what = "this comment is not in the run, or not in its check sample, any more"
        problem = Problem("row 7", "r6-q1", what, "read it into that run")
        found = read_sheet(opened, path, ME)
        assert (found.saved, found.problems) == (1, (problem,))


# ---- the check sample ------------------------------------------------------------------------------------------------


@pytest.fixture
def sample(review, tmp_path):
    """A check sheet of all six comments, and a function that reads it: `taken` of a coder."""
    write_check_sheet(review, tmp_path / "c.xlsx", 6, 7, "a coder")
    return tmp_path / "c.xlsx"


def check_codes(review, coder="a coder"):
    return {(one.comment_id[1], one.facet): one.codes for one in review.store.check_codes(coder)}


def place_of(sample, number):
    with Edited(sample) as sheet:
        return f"row {sheet.row(number)}"


def test_a_check_row_counts_when_it_is_checked_and_empty_cells_then_mean_no_code(review, sample):
    edit(sample, 1, Topic_1="Parks", Checked="yes")
    edit(sample, 2, Checked="yes", Note="says nothing")
    edit(sample, 3, Topic_2="none", Service_1="housing|parks")
    taken(review, sample, "a coder", kind="check", silent=3, saved=6)
    assert check_codes(review) == {
        ("1", "topic"): ("parks",),
        ("1", "service"): (),
        ("2", "topic"): (),
        ("2", "service"): (),
        ("3", "topic"): (),
        ("3", "service"): ("housing", "parks"),
    }
    assert list(review.store.standing()) == []
    assert {act["note"] for act in review.store.acts() if act["how"] == "check by sheet"} == {"", "says nothing"}
    taken(review, sample, "a coder", kind="check", silent=3, unchanged=6)


def test_a_check_row_with_codes_in_one_facet_only_is_told_of_unless_checked(review, sample):
    edit(sample, 4, Topic_1="Parks")
    what, fix = "has no code of Service", "choose yes in Checked, if none fits"
    problem = Problem(place_of(sample, 4), "r4-q1", what, fix)
    taken(review, sample, "a coder", kind="check", silent=5, saved=1, problems=(problem,))


def test_two_coders_may_fill_the_same_check_sheet(review, sample):
    edit(sample, 1, Topic_1="Parks", Checked="yes")
    taken(review, sample, "a coder", kind="check", silent=5, saved=2)
    edit(sample, 1, Topic_1="Housing")
    taken(review, sample, "another coder", kind="check", silent=5, saved=2)
    assert check_codes(review)["1", "topic"] == ("parks",)
    assert check_codes(review, "another coder")["1", "topic"] == ("housing",)


def test_a_coder_may_go_on_in_a_check_sheet_but_what_they_said_elsewhere_since_stands(review, sample):
    edit(sample, 1, Topic_1="Parks", Checked="yes")
    edit(sample, 2, Topic_1="Parks", Checked="yes")
    taken(review, sample, "a coder", kind="check", silent=4, saved=4)
    edit(sample, 1, Topic_1="Housing")
    taken(review, sample, "a coder", kind="check", silent=4, saved=1, unchanged=3)
    review.store.check("a coder", "screen", [("r3-q1", "topic", ["transport"])])
    edit(sample, 3, Topic_1="Parks", Checked="yes")
    found = read_sheet(review, sample, "a coder")
    (clash,) = found.conflicts
    assert (clash.comment_id, clash.mine, clash.theirs) == ("r3-q1", ("Parks",), ("Transport",))
    assert (found.saved, found.unchanged) == (1, 4)
    assert check_codes(review)["3", "topic"] == ("transport",)
    assert check_codes(review)["1", "topic"] == ("housing",)


def test_what_a_coder_said_before_the_check_sheet_was_written_may_be_changed_in_it(review, sample, tmp_path):
    review.store.check("a coder", "screen", [("r3-q1", "topic", ["transport"])])
    write_check_sheet(review, tmp_path / "d.xlsx", 6, 7, "a coder")
    edit(tmp_path / "d.xlsx", 3, Topic_1="Parks", Checked="yes")
    taken(review, tmp_path / "d.xlsx", "a coder", kind="check", silent=5, saved=2)
    assert check_codes(review) == {("3", "topic"): ("parks",), ("3", "service"): ()}


def test_a_note_on_check_codes_that_stood_so_already_is_told_of(review, sample):
    edit(sample, 1, Checked="yes", Note="unclear")
    taken(review, sample, "a coder", kind="check", silent=5, saved=2)
    taken(review, sample, "a coder", kind="check", silent=5, unchanged=2)
    edit(sample, 1, Note="quite clear")
    what, fix = "its note was not kept: the codes stood so already", "add the note in feedback review"
    problem = Problem(place_of(sample, 1), "r1-q1", what, fix)
    taken(review, sample, "a coder", kind="check", silent=5, unchanged=2, problems=(problem,))
