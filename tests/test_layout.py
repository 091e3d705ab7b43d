import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.exports.responses import (
    Comment,
    Layout,
    Rejected,
    Response,
    answers,
    find_layout,
    read_cell,
    read_export,
    read_responses,
    safe_cell,
)

PLEASE = [
    "Please mend the lift in our block, it has been out for weeks",
    "More trees along the high street would be lovely to see",
    "Answer the phone when residents ring about their repairs",
]


@pytest.fixture
def export(tmp_path):
    """Writes a table as a CSV and opens it."""

    def write(*rows):
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        (tmp_path / "export.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
        return read_export(tmp_path / "export.csv")

    return write


def error_of(function, *args):
    with pytest.raises(InputError) as error:
        function(*args)
    return str(error.value)


# ---- which columns are free text -------------------------------------------------------------------------------------


TICKED = ["Parks and open spaces;Street cleaning;", "Roads and pavements;Parks and open spaces;", "Street cleaning;"]
OPTIONS = ["I agree with all of it " * 4, "I do not agree with any of it at all " * 3, "I have no view of it " * 4]
# The header of an export, a function from the number of a row to its cells, and the layout that is found.
LAYOUTS = {
    "Microsoft Forms": (
        ["ID", "Start time", "Completion time", "Email", "Name", "Pick all that apply", "What should\nchange?"],
        lambda n: [str(n), "9/8/25 9:28:00", "9/8/25 9:33:00", "anonymous", "", TICKED[n % 3], f"{PLEASE[n % 3]} {n}"],
        Layout(("What should change?",), "ID"),
    ),
    "SmartSurvey": (
        ["UserID", "Name", "Email", "IP Address", "Unique ID", "Ended", "Q1. What is good?", "Q2. Ward"],
        lambda n: ["91", "Ann de la Tour", "a@b.org", "10.0.0.1", f"x{n}", "08/09/2025", f"{PLEASE[n % 3]} {n}", "-"],
        Layout(("Q1. What is good?",), "Unique ID"),
    ),
    "names, addresses and dates are not comments": (
        ["Full name", "Home address", "Date of birth", "Your views"],
        lambda n: [f"Ann B. de {n}th", f"Flat {n} Tall House High Street Bow", "first of May", f"{PLEASE[n % 3]} {n}"],
        Layout(("Your views",)),
    ),
    "closed answers in many words are not comments": (
        ["Respondent ID", "How far do you agree?", "Why do you say that?"],
        lambda n: [f"r{n}", OPTIONS[n % 3], f"{PLEASE[n % 3]} {n}"],
        Layout(("Why do you say that?",), "Respondent ID"),
    ),
    "two questions of free text": (
        ["ref", "What is good?", "What is bad?"],
        lambda n: [str(n), f"{PLEASE[n % 3]} {n}", f"{n} {PLEASE[(n + 1) % 3]}"],
        Layout(("What is good?", "What is bad?"), "ref"),
    ),
    "a long comment now and then among short ones": (
        ["ref", "Anything else"],
        lambda n: [str(n), "No" if n % 10 else " ".join(PLEASE) + f" {n}"],
        Layout(("Anything else",), "ref"),
    ),
    "mostly copies of one campaign text": (
        ["ref", "Your views"],
        lambda n: [str(n), " ".join(PLEASE) + (f" {n}" if n % 8 == 0 else "")],
        Layout(("Your views",), "ref"),
    ),
    "one column alone": (["Feedback of the day"], lambda n: [f"{PLEASE[n % 3]} {n}"], Layout(("Feedback of the day",))),
    "short answers in a column called text": (
        ["text", "label"],
        lambda n: [["bins", "more buses"][n % 2], ["waste", "transport"][n % 2]],
        Layout(("text",)),
    ),
    "ids that stand twice name no response": (["id", "text"], lambda n: [str(n % 9), PLEASE[n % 3]], Layout(("text",))),
    "ids that are not all there name no response": (
        ["ref", "Response ID", "text"],
        lambda n: [str(n), "" if n == 5 else f"b{n}", PLEASE[n % 3]],
        Layout(("text",), "ref"),
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_free_text_and_ids_are_found_from_the_values(export, name):
    header, row, layout = LAYOUTS[name]
    assert find_layout(export(header, *map(row, range(200)))) == layout


def test_columns_that_are_named_win_over_what_the_values_say(export):
    table = export(["id", "Ward", "Why?", "number"], ["1", "Bow", PLEASE[0], "a"], ["2", "Bow", PLEASE[1], "b"])
    assert find_layout(table, ["ward"], "NUMBER ") == Layout(("Ward",), "number")
    assert find_layout(table, ["Why?", "why?"]) == Layout(("Why?",), "id")


def test_a_named_column_that_is_not_there_is_told_with_the_nearest(export):
    table = export(["id", "What should change?"], ["1", PLEASE[0]])
    assert error_of(find_layout, table, ["What shuld change"]) == (
        f"{table.path}: there is no column 'What shuld change'. Fix: did you mean 'What should change?'?"
    )
    assert error_of(find_layout, table, [], "idd") == f"{table.path}: there is no column 'idd'. Fix: did you mean 'id'?"


def test_an_export_without_free_text_is_told(export):
    table = export(["id", "Ward"], ["1", "Bow"], ["2", "Poplar"])
    assert error_of(find_layout, table) == (
        f"{table.path}: no column looks like free text. Fix: name one with --question 'Ward'"
    )


# ---- responses and comments ------------------------------------------------------------------------------------------


def test_every_row_is_a_response_or_rejected_with_its_reason(export):
    table = export(
        ["number", "text", "Ward"],
        ["a", "one", "Bow"],
        ["b", "two"],
        ["c", "three", "Bow", "", "  "],
        ["d", "four", "Bow", "an unquoted comma"],
        [" ", "five", "Bow"],
        ["a", "six", "Bow"],
    )
    assert list(read_responses(table, Layout(("text",), "number"))) == [
        Response(2, "a", ("a", "one", "Bow")),
        Response(3, "b", ("b", "two", "")),
        Response(4, "c", ("c", "three", "Bow")),
        Rejected(5, ("d", "four", "Bow", "an unquoted comma"), "row has 4 cells where the header has 3"),
        Rejected(6, (" ", "five", "Bow"), "no response id"),
        Rejected(7, ("a", "six", "Bow"), "response id 'a' stands twice"),
    ]


def test_a_response_is_named_by_its_row_where_no_column_names_it(export):
    table = export(["Q1", "Q2"], ["a", " b\n"], [], ["c", ""])
    layout = Layout(("Q1", "Q2"))
    first, second = read_responses(table, layout)
    assert [*answers(first, table, layout), *answers(second, table, layout)] == [
        Comment("2-q1", first, "Q1", "a"),
        Comment("2-q2", first, "Q2", " b\n"),
        Comment("4-q1", second, "Q1", "c"),
        Comment("4-q2", second, "Q2", ""),
    ]


# ---- cells that a spreadsheet must not run ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+1 to that", "'+1 to that"),
        ("- more bins", "'- more bins"),
        ("@council", "'@council"),
        ("\tindented", "'\tindented"),
        ("\rreturned", "'\rreturned"),
        ("'=1+1", "''=1+1"),
        ("-2+3", "'-2+3"),
        ("--", "'--"),
        *((text, text) for text in ("-5", "+3.5", "-1,000", "-10%", "-", "+", "1=1", "'quoted'", " =1", "")),
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text, safe):
    assert (safe_cell(text), read_cell(safe)) == (safe, text)


FORMULA_LIKE = st.text(st.sampled_from("'=+-@\t\r\n 1,%a"))


@given(st.text() | FORMULA_LIKE)
def test_any_text_comes_back_and_never_starts_a_formula(text):
    safe = safe_cell(text)
    assert read_cell(safe) == text
    assert not re.match(r"[=@\t\r]", safe)
    assert not re.match(r"[+-]", safe) or re.fullmatch(r"[+-](\d[\d ,.]*%?)?\n?", safe), "a plain number at most"
