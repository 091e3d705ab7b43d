import datetime as dt

import pytest

from pipeline.publishing.dates import date_column, read_dates

DAY = dt.date(2025, 9, 8)


@pytest.mark.parametrize(
    "text",
    [
        *("08/09/2025 09:28", "8/9/2025", "08-09-2025", "8.9.25", "2025-09-08T23:59:59Z", "2025-09-08 10:00:00.123"),
        *("2025/9/8", "8 September 2025", "08-Sep-25", "8th Sept 2025", "Sep 8, 2025", "September 8th, 2025 09:00"),
        "  08/09/2025  ",
    ],
)
def test_a_date_is_read_in_whatever_way_it_is_written(text):
    assert read_dates([text]) == {text: DAY}


@pytest.mark.parametrize(
    "text", ["", "yesterday", "31/02/2025", "1/1/1066", "2025", "12:30", "08/09/20255", "8 Foo 2025"]
)
def test_what_is_no_date_is_none(text):
    assert read_dates([text]) == {text: None}


def test_the_month_comes_first_only_where_the_column_shows_it():
    assert read_dates(["9/8/2025", "9/13/25"]) == {"9/8/2025": DAY, "9/13/25": dt.date(2025, 9, 13)}
    assert read_dates(["8/9/2025", "13/9/25", "9/13/25"]) == {
        "8/9/2025": DAY,
        "13/9/25": dt.date(2025, 9, 13),
        "9/13/25": None,
    }


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"Started": ["08/09/2025"], "Completed": ["08/09/2025"]}, "Completed"),
        ({"StartDate": ["2025-09-08"], "EndDate": ["2025-09-08"]}, "EndDate"),
        ({"Start time": ["9/8/25 10:00"], "Ward": ["Bow"]}, "Start time"),
        ({"Completed": ["yes", "08/09/2025"]}, None),
        ({"Completed": ["", " "]}, None),
        ({"Date of birth": ["08/09/2005"]}, None),
        ({"On what date did you last visit?": ["08/09/2025"]}, None),
        ({"Ward": ["08/09/2025"]}, None),
        ({}, None),
    ],
)
def test_the_column_that_says_when_people_answered_is_found_by_header_and_cells(columns, found):
    assert date_column(columns) == found
