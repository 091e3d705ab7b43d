"""The feedback log: what stands in it, what is taken back from it, and that no answer is ever lost."""

import datetime as dt
import json
import os
from pathlib import Path

import openpyxl
import pytest
from invented_run import make_run, row

from pipeline.errors import InputError, OutputError
from pipeline.reviewing import feedback_log
from pipeline.reviewing.feedback_log import Logged, write_log
from pipeline.reviewing.feedback_log_reading import Read, read_log
from pipeline.reviewing.review import Review
from pipeline.reviewing.sheet import write_sheet
from pipeline.stores.review_records import Answer, Answered, Choice
from pipeline.stores.review_store import Store

ROWS = [
    row(1, "More buses", others={"Ward": "Bow", "Status": "new"}),
    row(2, "Damp flats", given={"topic": ["housing", "parks"], "service": ["parks"]}, others={"Ward": "Poplar"}),
    row(3, "Thank you", given={"who": ["parks"]}, others={"Ward": "Bow"}),
]
AGAIN = [  # the same comments, coded otherwise
    row(1, "More buses", given={"topic": ["parks"]}, others={"Ward": "Bow", "Status": "new"}),
    row(2, "Damp flats", given={"topic": ["housing"]}, others={"Ward": "Poplar"}),
    row(3, "Thank you", given={"topic": ["transport"]}, others={"Ward": "Bow"}),
]
ASKED = "What should change?"
PARTS = ["Response", "Owner", "Due", "Status", "Published"]
EMPTY = [None] * 5
WHO = "an analyst"


@pytest.fixture
def run(tmp_path):
    """A run of three comments, of which a planner has decided one facet of the second."""
    made = make_run(tmp_path / "run", ROWS)
    with Review(made) as review:
        review.store.decide("a planner", "screen", [Choice("r2-q1", "service", ("parks",), ("parks",))], 0)
    return made


def code_again(run, rows=AGAIN):
    """Puts another coding of the comments in place of what there is, as coding again does."""
    manifest = (run / "manifest.json").read_text()
    (run / "comments.db").unlink()
    make_run(run, rows)
    (run / "manifest.json").write_text(manifest)


def table(path, name="Comments"):
    """A sheet as it is stored but for the row keys, empty cells as None; dates as such."""
    rows = [list(cells) for cells in openpyxl.load_workbook(path)[name].iter_rows(values_only=True)]
    assert rows[0][-1] == "Row key"
    return [cells[:-1] for cells in rows]


def fill(path, *filled, sheet="Comments", to=None):
    """Fills in cells as a person would: (the row's comment id and code, or code alone; part; what)."""
    book = openpyxl.load_workbook(path)
    found = book[sheet]
    headers = [cell.value for cell in found[1]]
    for which, part, what in filled:
        for cells in found.iter_rows(min_row=2):
            about = dict(zip(headers, cells, strict=True))
            known = (about["Comment id"].value, about["Code"].value) if sheet == "Comments" else about["Code"].value
            if known == which:
                about[part].value = what
                break
        else:
            raise AssertionError(which)
    book.save(to or path)
    return to or path


def change(path, how):
    """Has the sheet of comments changed by a function of it."""
    book = openpyxl.load_workbook(path)
    how(book["Comments"])
    book.save(path)


def log_of(run):
    """What stands in the log of a run, by comment, facet and code."""
    with Store(run) as store:
        return {line.key: line.answer for line in store.log()}


def told(read):
    return [str(one) for one in (*read.conflicts, *read.problems)]


def refusal(kind, call, *args, **more):
    with pytest.raises(kind) as error:
        call(*args, **more)
    return str(error.value)


BUS, FLAT, NONE = ("r1-q1", "Transport"), ("r2-q1", "Housing"), ("r3-q1", "(no code)")
BUS_KEY, FLAT_KEY, NONE_KEY = ("r1-q1", "topic", "transport"), ("r2-q1", "topic", "housing"), ("r3-q1", "", "")


# ---- what stands in it ----------------------------------------------------------------------------------------------


def test_it_has_a_line_for_each_comment_and_code_and_one_for_each_code(run, tmp_path):
    assert write_log(run, tmp_path / "a.xlsx", ["Ward", "who"]) == Logged(tmp_path / "a.xlsx", 5, 3, 0, 0)
    assert table(tmp_path / "a.xlsx") == [
        ["Comment id", "Question", "Comment", "Facet", "Code", "Ward", "who", "Coded by", *PARTS],
        ["r1-q1", ASKED, "More buses", "Topic", "Transport", "Bow", None, "the program", *EMPTY],
        ["r2-q1", ASKED, "Damp flats", "Topic", "Housing", "Poplar", None, "the program", *EMPTY],
        ["r2-q1", ASKED, "Damp flats", "Topic", "Parks", "Poplar", None, "the program", *EMPTY],
        ["r2-q1", ASKED, "Damp flats", "Service", "Parks", "Poplar", None, "a person", *EMPTY],
        ["r3-q1", ASKED, "Thank you", None, "(no code)", "Bow", "Parks", "the program", *EMPTY],
    ]
    assert table(tmp_path / "a.xlsx", "You said, we did") == [
        ["Facet", "Code", "Comments", *PARTS],
        ["Topic", "Transport", 1, *EMPTY],
        ["Topic", "Parks", 1, *EMPTY],
        ["Topic", "Housing", 1, *EMPTY],
        ["Service", "Transport", 0, *EMPTY],
        ["Service", "Parks", 1, *EMPTY],
        ["Service", "Housing", 0, *EMPTY],
    ]
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert [(sheet.title, sheet.sheet_state) for sheet in book] == [
        ("You said, we did", "visible"),
        ("Comments", "visible"),
        ("Read me", "visible"),
        ("feedback sheet", "hidden"),
    ]


def test_status_and_published_are_chosen_from_lists(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    for name, area in (("Comments", ("J2:J6", "K2:K6")), ("You said, we did", ("G2:G7", "H2:H7"))):
        found = openpyxl.load_workbook(tmp_path / "a.xlsx")[name].data_validations.dataValidation
        assert [(str(one.sqref), one.formula1) for one in found] == [
            (area[0], '"not started,under way,done,no action"'),
            (area[1], '"yes,no"'),
        ]


def test_a_column_called_like_one_of_the_log_keeps_its_cells_beside_it(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx", ["Status", "question"])
    header, first, *_ = table(tmp_path / "a.xlsx")
    assert header[5:] == ["Status (export)", "Coded by", *PARTS]
    assert first[5:7] == ["new", "the program"]


def test_a_column_that_is_not_there_is_an_error_with_the_nearest(run, tmp_path):
    assert refusal(InputError, write_log, run, tmp_path / "a.xlsx", ["Wards"]) == (
        f"{run}: there is no column 'Wards' to show. Fix: did you mean 'Ward'? "
        "There are: Ward, Status, topic, service, who"
    )
    assert not (tmp_path / "a.xlsx").exists()


def test_what_people_may_have_filled_in_is_written_over_only_when_told_to(run, tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"theirs")
    assert refusal(OutputError, write_log, run, tmp_path / "a.xlsx") == (
        f"{tmp_path / 'a.xlsx'}: is there already. Fix: choose another name: somebody may have filled it in"
    )
    assert (tmp_path / "a.xlsx").read_bytes() == b"theirs"
    assert write_log(run, tmp_path / "a.xlsx", replace=True).rows == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.xlsx", "run"]


def test_a_writing_that_breaks_off_leaves_nothing_behind(run, tmp_path, monkeypatch):
    def break_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(feedback_log, "write_read_me", break_off)
    with pytest.raises(KeyboardInterrupt):
        write_log(run, tmp_path / "a.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_lines_that_do_not_fit_one_sheet_go_on_upon_the_next_and_are_read_there(run, tmp_path, monkeypatch):
    monkeypatch.setattr(feedback_log, "MOST_ROWS", 2)
    assert write_log(run, tmp_path / "a.xlsx").rows == 5
    names = ["Comments", "Comments 2", "Comments 3"]
    assert [len(table(tmp_path / "a.xlsx", name)) for name in names] == [3, 3, 2]
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    book["Comments 3"]["H2"] = "a clerk"
    book.save(tmp_path / "a.xlsx")
    assert read_log(run, tmp_path / "a.xlsx", WHO).saved == 1
    assert log_of(run) == {NONE_KEY: Answer(owner="a clerk")}


def test_a_run_without_comments_has_a_log_of_headers(tmp_path):
    run = make_run(tmp_path / "run", [])
    assert write_log(run, tmp_path / "a.xlsx") == Logged(tmp_path / "a.xlsx", 0, 0, 0, 0)
    assert len(table(tmp_path / "a.xlsx")) == 1


# ---- taken back, and written again ----------------------------------------------------------------------------------


def test_what_was_filled_in_is_saved_and_stands_in_the_next_log(run, tmp_path):
    first = tmp_path / "a.xlsx"
    write_log(run, first)
    filled = [("Response", "Two more buses\nfrom May"), ("Owner", "Transport team"), ("Due", dt.date(2026, 5, 1))]
    filled += [("Status", "under way"), ("Published", "yes")]
    fill(first, *((BUS, part, what) for part, what in filled), (NONE, "Status", "no action"))
    fill(first, ("Housing", "Response", "A plan for damp"), sheet="You said, we did")
    assert read_log(run, first, f" {WHO} ") == Read(WHO, 11, 3, 3, 0, (), ())
    assert log_of(run) == {
        BUS_KEY: Answer("Two more buses\nfrom May", "Transport team", "2026-05-01", "under way", "yes"),
        NONE_KEY: Answer(status="no action"),
        ("", "topic", "housing"): Answer("A plan for damp"),
    }
    assert write_log(run, tmp_path / "b.xlsx") == Logged(tmp_path / "b.xlsx", 5, 3, 3, 0)
    answer = ["Two more buses\nfrom May", "Transport team", dt.datetime(2026, 5, 1), "under way", "yes"]
    assert [cells[-5:] for cells in table(tmp_path / "b.xlsx")[1:]] == [
        answer,
        *[EMPTY] * 3,
        [None, None, None, "no action", None],
    ]
    assert table(tmp_path / "b.xlsx", "You said, we did")[3] == ["Topic", "Housing", 1, "A plan for damp", *[None] * 4]


def test_reading_is_an_act_with_a_name_and_a_time_and_nothing_is_written_over(run, tmp_path):
    for name, what in (("a.xlsx", "first"), ("b.xlsx", "second")):
        write_log(run, tmp_path / name)
        fill(tmp_path / name, (BUS, "Response", what))
        read_log(run, tmp_path / name, WHO)
    with Store(run) as store:
        lines = list(store.log_where("1"))
        acts = [(act["who"], act["how"], act["note"][:12]) for act in store.acts()]
    assert [(line.answer.response, line.who, line.how) for line in lines] == [
        ("first", WHO, "read-log"),
        ("second", WHO, "read-log"),
    ]
    assert acts[:2] == [(WHO, "read-log", "b.xlsx, log "), (WHO, "read-log", "a.xlsx, log ")]


def test_a_log_read_again_says_nothing_new(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Yes"), (FLAT, "Owner", "Homes"))
    assert read_log(run, tmp_path / "a.xlsx", WHO) == Read(WHO, 11, 2, 2, 0, (), ())
    assert read_log(run, tmp_path / "a.xlsx", WHO) == Read(WHO, 11, 2, 0, 2, (), ())
    write_log(run, tmp_path / "b.xlsx")
    with Store(run) as store:
        before = len(store.acts())
    assert read_log(run, tmp_path / "b.xlsx", WHO) == Read(WHO, 11, 2, 0, 0, (), ())
    with Store(run) as store:
        assert len(store.acts()) == before


def test_working_on_in_the_same_log_is_no_conflict_with_oneself(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    for what in ("first", "second", "third"):
        fill(tmp_path / "a.xlsx", (BUS, "Response", what))
        assert read_log(run, tmp_path / "a.xlsx", WHO) == Read(WHO, 11, 1, 1, 0, (), ())
    assert log_of(run) == {BUS_KEY: Answer("third")}


def test_an_emptied_cell_takes_back_what_stood_there_and_its_line_is_as_if_never_filled(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Yes"), (BUS, "Status", "done"))
    read_log(run, tmp_path / "a.xlsx", WHO)
    write_log(run, tmp_path / "b.xlsx")
    fill(tmp_path / "b.xlsx", (BUS, "Response", None), (BUS, "Status", None))
    assert read_log(run, tmp_path / "b.xlsx", WHO) == Read(WHO, 11, 0, 1, 0, (), ())
    assert log_of(run) == {BUS_KEY: Answer()}
    code_again(run)
    assert write_log(run, tmp_path / "c.xlsx") == Logged(tmp_path / "c.xlsx", 4, 3, 0, 0)


# ---- coding again ---------------------------------------------------------------------------------------------------


def test_answers_outlive_coding_again_and_their_lines_say_that_the_code_is_gone(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Two buses"), (FLAT, "Owner", "Homes"), (NONE, "Status", "done"))
    read_log(run, tmp_path / "a.xlsx", WHO)
    code_again(run)
    assert write_log(run, tmp_path / "b.xlsx") == Logged(tmp_path / "b.xlsx", 6, 3, 3, 2)
    rows = [cells[:1] + cells[3:] for cells in table(tmp_path / "b.xlsx")[1:]]
    assert rows == [
        ["r1-q1", "Topic", "Parks", "the program", *EMPTY],
        ["r1-q1", "Topic", "Transport", "no longer given this code", "Two buses", *[None] * 4],
        ["r2-q1", "Topic", "Housing", "the program", None, "Homes", *[None] * 3],
        ["r2-q1", "Service", "Parks", "a person", *EMPTY],
        ["r3-q1", "Topic", "Transport", "the program", *EMPTY],
        ["r3-q1", None, "(no code)", "has a code now", *[None] * 3, "done", None],
    ]


def test_a_log_written_before_coding_again_can_be_read_after_it(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Two buses"), (NONE, "Status", "done"))
    code_again(run)
    assert read_log(run, tmp_path / "a.xlsx", WHO) == Read(WHO, 11, 2, 2, 0, (), ())
    assert log_of(run) == {BUS_KEY: Answer("Two buses"), NONE_KEY: Answer(status="done")}


def test_a_line_that_is_kept_can_be_worked_on(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Two buses"))
    read_log(run, tmp_path / "a.xlsx", WHO)
    code_again(run)
    write_log(run, tmp_path / "b.xlsx")
    fill(tmp_path / "b.xlsx", (BUS, "Status", "done"))
    assert read_log(run, tmp_path / "b.xlsx", WHO).saved == 1
    assert log_of(run) == {BUS_KEY: Answer("Two buses", status="done")}


def test_answers_under_a_code_that_the_codebook_lost_keep_their_lines(run, tmp_path):
    with Store(run) as store:
        keys = [("r1-q1", "topic", "canals"), ("", "topic", "canals"), ("", "river", "weirs")]
        answered = [(key, {"response": f"On {key[2]}"}) for key in keys]
        answer(store, WHO, *answered)
    assert write_log(run, tmp_path / "a.xlsx") == Logged(tmp_path / "a.xlsx", 6, 3, 3, 3)
    assert table(tmp_path / "a.xlsx")[2][3:9] == [
        "Topic",
        "canals",
        "no longer given this code",
        "On canals",
        None,
        None,
    ]
    themes = [cells[:4] for cells in table(tmp_path / "a.xlsx", "You said, we did")]
    assert themes[4] == ["Topic", "canals [no longer in the codebook]", 0, "On canals"]
    assert themes[-1] == ["river", "weirs [no longer in the codebook]", 0, "On weirs"]
    fill(tmp_path / "a.xlsx", (("r1-q1", "canals"), "Owner", "Rivers"))
    fill(tmp_path / "a.xlsx", (themes[-1][1], "Status", "done"), sheet="You said, we did")
    assert read_log(run, tmp_path / "a.xlsx", WHO).saved == 2
    assert log_of(run)["r1-q1", "topic", "canals"] == Answer("On canals", "Rivers")
    assert log_of(run)["", "river", "weirs"] == Answer("On weirs", status="done")


def test_answers_about_a_comment_that_the_run_lost_are_written_at_the_end_and_told_when_read(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Two buses"))
    read_log(run, tmp_path / "a.xlsx", WHO)
    code_again(run, ROWS[1:])
    write_log(run, tmp_path / "b.xlsx")
    assert table(tmp_path / "b.xlsx")[-1] == [
        *("r1-q1", None, None, "Topic", "Transport", "not in this run any more", "Two buses"),
        *[None] * 4,
    ]
    fill(tmp_path / "b.xlsx", (BUS, "Owner", "Transport team"))
    assert told(read_log(run, tmp_path / "b.xlsx", WHO)) == [
        "'Comments', row 6 (r1-q1): this comment is not in the run any more, so this was not saved: Owner "
        "“Transport team”. Fix: keep it elsewhere"
    ]
    assert log_of(run) == {BUS_KEY: Answer("Two buses")}


def answer(store, who, *answered):
    some = [Answered(key, said, {part: frozenset({""}) for part in said}) for key, said in answered]
    return store.answer(who, "test", some)


# ---- several people -------------------------------------------------------------------------------------------------


def test_two_people_fill_in_different_cells_of_one_line(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Two buses"), to=tmp_path / "b.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Owner", "Transport team"))
    assert [read_log(run, tmp_path / f"{name}.xlsx", who).saved for name, who in (("a", "a clerk"), ("b", WHO))] == [
        1,
        1,
    ]
    assert log_of(run) == {BUS_KEY: Answer("Two buses", "Transport team")}


def test_where_two_fill_in_one_cell_otherwise_the_first_stands_and_the_second_is_told(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Status", "done"), (BUS, "Owner", "Mine"), to=tmp_path / "b.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Status", "under way"), (FLAT, "Status", "done"))
    read_log(run, tmp_path / "a.xlsx", "a clerk")
    read = read_log(run, tmp_path / "b.xlsx", WHO)
    with Store(run) as store:
        at = store.log()[0].at[:16].replace("T", " ")
    assert (read.saved, read.unchanged) == (1, 0)
    assert told(read) == [
        f"'Comments', row 2 (r1-q1, Transport), Status: the log says “done”; a clerk wrote on {at}: “under way”, "
        "which stands"
    ]
    assert log_of(run)[BUS_KEY] == Answer(owner="Mine", status="under way")


def test_saying_the_same_as_somebody_else_is_no_conflict(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Status", "done"))
    read_log(run, tmp_path / "a.xlsx", "a clerk")
    assert read_log(run, tmp_path / "a.xlsx", WHO) == Read(WHO, 11, 1, 0, 1, (), ())


def test_what_another_filled_in_is_not_taken_for_ones_own(run, tmp_path):
    """The line saved by oneself holds the other's owner too, but one has never seen it."""
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Owner", "Theirs"), to=tmp_path / "b.xlsx")
    read_log(run, tmp_path / "b.xlsx", "a clerk")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Yes"))
    assert read_log(run, tmp_path / "a.xlsx", WHO) == Read(WHO, 11, 1, 1, 0, (), ())
    fill(tmp_path / "a.xlsx", (BUS, "Owner", "Mine"))
    assert len(read_log(run, tmp_path / "a.xlsx", WHO).conflicts) == 1
    assert log_of(run) == {BUS_KEY: Answer("Yes", "Theirs")}


def test_an_unfilled_copy_of_a_log_takes_nothing_back(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (FLAT, "Owner", "Homes"), to=tmp_path / "b.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Two buses"))
    read_log(run, tmp_path / "a.xlsx", WHO)
    read = read_log(run, tmp_path / "b.xlsx", WHO)
    assert (read.saved, told(read)) == (
        1,
        [
            "b.xlsx: 1 rows are as they were written, but were filled in when the log was read before, which stands "
            "('Comments', row 2). Fix: nothing to do, unless you emptied them since: then write the log anew and empty "
            "them there"
        ],
    )
    assert log_of(run) == {BUS_KEY: Answer("Two buses"), FLAT_KEY: Answer(owner="Homes")}


def test_a_log_from_another_copy_of_the_run_has_seen_nothing_here(run, tmp_path):
    """There too its last line is the first one, but says something else."""
    other = make_run(tmp_path / "other", ROWS)
    for one, what in ((other, "Theirs"), (run, "Ours")):
        write_log(one, tmp_path / "first.xlsx", replace=True)
        fill(tmp_path / "first.xlsx", (BUS, "Response", what))
        read_log(one, tmp_path / "first.xlsx", WHO)
    write_log(other, tmp_path / "a.xlsx")
    read = read_log(run, tmp_path / "a.xlsx", WHO)
    assert (read.saved, len(read.conflicts)) == (0, 1)
    assert log_of(run) == {BUS_KEY: Answer("Ours")}


# ---- what people do to a sheet --------------------------------------------------------------------------------------


def sort_all(sheet):
    rows = [[cell.value for cell in cells] for cells in sheet.iter_rows(min_row=2)]
    for y, cells in enumerate(reversed(rows), 2):
        for x, value in enumerate(cells, 1):
            sheet.cell(y, x).value = value


def delete_rows(sheet):
    sheet.delete_rows(3, 4)


def add_columns(sheet):
    sheet.insert_cols(1)
    sheet["A1"] = "Mine"
    sheet["A2"] = "anything"
    sheet.insert_cols(8)


def add_lines_above(sheet):
    sheet.insert_rows(1, 3)
    sheet["A1"] = "Feedback log of spring"


def rename(sheet):
    sheet.title = "Working copy"


def drop_other_columns(sheet):
    headers = [cell.value for cell in sheet[1]]
    for x in range(len(headers), 0, -1):
        if headers[x - 1] in ("Question", "Comment", "Coded by", "Due", "Published", "Row key"):
            sheet.delete_cols(x)


def hide_and_shout(sheet):
    for cell in sheet[1]:
        cell.value = f" {cell.value.upper()} "
    sheet.column_dimensions["B"].hidden = True


@pytest.mark.parametrize(
    "how", [sort_all, delete_rows, add_columns, add_lines_above, rename, drop_other_columns, hide_and_shout]
)
def test_rows_and_columns_may_be_sorted_deleted_added_moved_and_hidden(run, tmp_path, how):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Two buses"), (BUS, "Status", "done"))
    change(tmp_path / "a.xlsx", how)
    read = read_log(run, tmp_path / "a.xlsx", WHO)
    assert (read.saved, told(read)) == (1, [])
    assert log_of(run) == {BUS_KEY: Answer("Two buses", status="done")}


def test_the_lines_of_whole_codes_may_be_sorted_too(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", ("Housing", "Response", "A plan"), sheet="You said, we did")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    sort_all(book["You said, we did"])
    book.save(tmp_path / "a.xlsx")
    assert read_log(run, tmp_path / "a.xlsx", WHO).saved == 1
    assert log_of(run) == {("", "topic", "housing"): Answer("A plan")}


@pytest.mark.parametrize(
    ("cell", "what", "wrong"),
    [
        ("A2", "r9-q1", "its comment id, facet, code or row key was changed, or the columns were not sorted together"),
        ("A2", "r2-q1", "its comment id, facet, code or row key was changed, or the columns were not sorted together"),
        ("A2", None, "there is no comment id"),
        ("E2", "Parks", "its comment id, facet, code or row key was changed, or the columns were not sorted together"),
        ("D2", "Themes", "its comment id, facet, code or row key was changed, or the columns were not sorted together"),
        ("L2", None, "its comment id, facet, code or row key was changed, or the columns were not sorted together"),
    ],
)
def test_a_row_that_cannot_be_matched_is_told_with_what_was_filled_in(run, tmp_path, cell, what, wrong):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Response", "Two\nbuses " * 9), (BUS, "Status", "done"), (FLAT, "Owner", "Homes"))
    change(tmp_path / "a.xlsx", lambda sheet: sheet.__setitem__(cell, what))
    read = read_log(run, tmp_path / "a.xlsx", WHO)
    about = "" if cell == "A2" and what is None else f" ({what if cell == 'A2' else 'r1-q1'})"
    cut = ("Two buses " * 9)[:60]
    assert told(read) == [
        f"'Comments', row 2{about}: {wrong}, so this was not saved: Response “{cut} …”, Status “done”. "
        "Fix: put it back as it was"
    ]
    assert (read.saved, log_of(run)) == (1, {FLAT_KEY: Answer(owner="Homes")})


def test_without_row_keys_a_code_that_is_none_is_told(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Owner", "Mine"), (FLAT, "Owner", "Homes"))

    def spoil(sheet):
        sheet.delete_cols(12)
        sheet["E2"] = "Canals"

    change(tmp_path / "a.xlsx", spoil)
    assert told(read_log(run, tmp_path / "a.xlsx", WHO)) == [
        "'Comments', row 2 (r1-q1): 'Canals' is no code that this log was written with, so this was not saved: "
        "Owner “Mine”. Fix: put it back as it was"
    ]
    assert log_of(run) == {FLAT_KEY: Answer(owner="Homes")}


def test_a_line_that_stands_twice_is_taken_as_far_as_both_agree(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Owner", "Mine"), (BUS, "Status", "done"))

    def copy(sheet):
        sheet.append([cell.value for cell in sheet[2]])
        sheet["G7"], sheet["J7"], sheet["H7"] = "An answer", "under way", "Mine"

    change(tmp_path / "a.xlsx", copy)
    assert told(read_log(run, tmp_path / "a.xlsx", WHO)) == [
        "'Comments', row 7 (r1-q1): Status stands twice: “done” in 'Comments', row 2, “under way” here; neither was "
        "saved. Fix: keep one of the rows"
    ]
    assert log_of(run) == {BUS_KEY: Answer("An answer", "Mine")}


# ---- what people type -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (dt.date(2026, 5, 1), "2026-05-01"),
        (dt.datetime(2026, 5, 1, 9, 30), "2026-05-01"),
        *(
            (typed, "2026-05-01")
            for typed in ("2026-05-01", "01/05/2026", "1/5/26", "1.5.2026", "1 May 2026", "1-May-26")
        ),
        *((typed, "2026-05-01") for typed in ("2026/5/1", " 1  may 2026 ")),
    ],
)
def test_a_date_is_kept_as_an_iso_date(run, tmp_path, typed, kept):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Due", typed))
    assert told(read_log(run, tmp_path / "a.xlsx", WHO)) == []
    assert log_of(run) == {BUS_KEY: Answer(due=kept)}


@pytest.mark.parametrize(
    ("typed", "kept"), [("31/02/2026", "31/02/2026"), ("after Easter", "after Easter"), (2026, "2026")]
)
def test_what_is_no_date_is_kept_as_written_and_told_once(run, tmp_path, typed, kept):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Due", typed))
    assert told(read_log(run, tmp_path / "a.xlsx", WHO)) == [
        f"'Comments', row 2 (r1-q1): Due “{kept}” is no date that can be read; it was kept as it is written. "
        "Fix: write it as 31/12/2025, if it is one day"
    ]
    assert log_of(run) == {BUS_KEY: Answer(due=kept)}
    write_log(run, tmp_path / "b.xlsx")
    assert table(tmp_path / "b.xlsx")[1][-3] == kept
    assert read_log(run, tmp_path / "b.xlsx", WHO) == Read(WHO, 11, 1, 0, 0, (), ())


def test_status_and_published_may_be_typed_in_other_words(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Status", " In Progress"), (BUS, "Published", True), (FLAT, "Status", "COMPLETED"))
    assert told(read_log(run, tmp_path / "a.xlsx", WHO)) == []
    assert log_of(run) == {BUS_KEY: Answer(status="under way", published="yes"), FLAT_KEY: Answer(status="done")}


def test_a_status_that_is_none_is_told_and_the_rest_of_the_line_is_saved(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Status", "under weigh"), (BUS, "Published", "perhaps"), (BUS, "Owner", "Mine"))
    assert told(read_log(run, tmp_path / "a.xlsx", WHO)) == [
        "'Comments', row 2 (r1-q1): Status “under weigh” is none of not started, under way, done, no action, so it was "
        "not saved. Fix: did you mean 'under way'?",
        "'Comments', row 2 (r1-q1): Published “perhaps” is none of yes, no, so it was not saved. "
        "Fix: did you mean 'yes'?",
    ]
    assert log_of(run) == {BUS_KEY: Answer(owner="Mine")}


HOSTILE = [
    *(
        "=1+1",
        "+44 20 7946 0000",
        "-5",
        "@home",
        "'quoted",
        "a\nb\n\nc",
        "tab\there",
        "  spaced  out ",
    ),
    *(
        "<b>&amp;</b>",
        "http://example.org",
        "😀 é ü",
        "2024",
        "TRUE",
        "{=SUM(A1)}",
        "x" * 32_767,
        "2026-05-01",
        "00123",
    ),
]


def test_texts_of_every_kind_come_back_as_they_are_and_none_is_a_formula(tmp_path):
    run = make_run(tmp_path / "run", [row(n, text, others={"=W": text[:99]}) for n, text in enumerate(HOSTILE)])
    write_log(run, tmp_path / "a.xlsx", ["=W"])
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    for y, text in enumerate(HOSTILE, 2):
        for x in (8, 9):
            cell = book["Comments"].cell(y, x)
            cell.value, cell.data_type = text, "s"
    book.save(tmp_path / "a.xlsx")
    read = read_log(run, tmp_path / "a.xlsx", WHO)
    assert (read.saved, told(read)) == (len(HOSTILE), [])
    assert [(one.response, one.owner) for one in log_of(run).values()] == [(text.strip(),) * 2 for text in HOSTILE]
    write_log(run, tmp_path / "b.xlsx", ["=W"])
    cells = [cell for cells in openpyxl.load_workbook(tmp_path / "b.xlsx")["Comments"].iter_rows() for cell in cells]
    assert {cell.data_type for cell in cells if cell.value is not None} <= {"s", "inlineStr"}
    assert {cell.hyperlink for cell in cells} == {None}
    assert read_log(run, tmp_path / "b.xlsx", WHO) == Read(WHO, len(HOSTILE) + 6, len(HOSTILE), 0, 0, (), ())


def test_what_a_store_holds_though_no_cell_could_is_written_and_left_as_it_is(run, tmp_path):
    with Store(run) as store:
        texts = {
            "response": "long " * 10_000,
            "owner": "nul\0 \ud800 and \x1f lit _x000D_ x",
            "due": "1066-10-14",
            "status": "odd",
        }
        answer(store, WHO, (BUS_KEY, texts))
    before = log_of(run)
    write_log(run, tmp_path / "a.xlsx")
    assert read_log(run, tmp_path / "a.xlsx", WHO) == Read(WHO, 11, 1, 0, 0, (), ())
    assert log_of(run) == before


# ---- files that cannot be read --------------------------------------------------------------------------------------


def test_files_that_are_no_log_of_this_run_are_refused(run, tmp_path):
    other = make_run(tmp_path / "other", ROWS[:2])
    (other / "manifest.json").write_text(json.dumps({"coded": 2, "export": "another"}))
    write_log(other, tmp_path / "other.xlsx")
    with Review(run) as review:
        write_sheet(review, tmp_path / "sheet.xlsx")
    openpyxl.Workbook().save(tmp_path / "plain.xlsx")
    (tmp_path / "text.xlsx").write_text("no workbook")
    names = ("none.xlsx", "text.xlsx", "plain.xlsx", "sheet.xlsx", "other.xlsx")
    said = [refusal(InputError, read_log, run, tmp_path / name, WHO) for name in names]
    said = [one.removeprefix(f"{tmp_path}{os.sep}") for one in said]
    assert said[0] == "none.xlsx: there is no such file. Fix: check the name and folder"
    assert said[1].startswith("text.xlsx: is not a workbook that can be read (")
    assert said[2:] == [
        "plain.xlsx: is not a feedback log of this tool, or its hidden sheet is gone. Fix: read the file that feedback "
        "log wrote, or copy your columns into it",
        "sheet.xlsx: is a sheet of codes, not a feedback log. Fix: read it with feedback read-sheet",
        "other.xlsx: was written from another run. Fix: name the run it was written from",
    ]
    assert log_of(run) == {}


def test_a_nameless_person_fills_in_nothing(run, tmp_path):
    write_log(run, tmp_path / "a.xlsx")
    assert refusal(InputError, read_log, run, tmp_path / "a.xlsx", " ") == (
        f"{tmp_path / 'a.xlsx'}: nobody says who filled it in. Fix: give a name"
    )


def double(sheet):
    sheet["M1"] = "status"


def drop_ids(sheet):
    sheet.delete_cols(1)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (double, "two columns are called 'status'. Fix: rename the one you added"),
        (drop_ids, "the column 'Comment id' is gone. Fix: put it back, header and all"),
    ],
)
def test_columns_that_are_in_doubt_are_an_error_and_nothing_is_saved(run, tmp_path, how, said):
    write_log(run, tmp_path / "a.xlsx")
    fill(tmp_path / "a.xlsx", (BUS, "Owner", "Mine"))
    fill(tmp_path / "a.xlsx", ("Housing", "Response", "A plan"), sheet="You said, we did")
    change(tmp_path / "a.xlsx", how)
    assert (
        refusal(InputError, read_log, run, tmp_path / "a.xlsx", WHO)
        == f"{tmp_path / 'a.xlsx'}, sheet 'Comments': {said}"
    )
    assert log_of(run) == {}


@pytest.mark.parametrize(("cell", "what"), [("A2", "kinds"), ("B5", "many"), ("B1", "99")])
def test_a_hidden_sheet_that_was_changed_is_an_error(run, tmp_path, cell, what):
    write_log(run, tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    book["feedback sheet"][cell] = what
    book.save(tmp_path / "a.xlsx")
    assert Path(tmp_path / "a.xlsx").name in refusal(InputError, read_log, run, tmp_path / "a.xlsx", WHO)
