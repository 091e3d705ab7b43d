"""When people answered: the column of an export that says so, and its dates read as a British reader would."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence

# The surest sign first: when somebody was done says more of an answer than when they opened the form.
HEADERS = (
    *("completed", "completion", "submitted", "submission", "ended", "end", "finished", "received", "recorded"),
    *("timestamp", "date", "created", "started", "start"),
)
BIRTH = {"birth", "birthday", "birthdate", "dob", "born"}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")  # some platforms write EndDate
MOST_WORDS = 4  # of a header; a longer one is a question, such as when somebody last came
MOSTLY = 0.8
EARLIEST, LATEST = 1990, 2100
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BY_NAME = {name[:3].casefold(): number for number, name in enumerate(MONTHS, 1)}

ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
NUMBERS = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?!\d)")
DAY_NAME = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ \-]([a-z]{3})[a-z]*\.?,?[ \-](\d{4}|\d{2})(?!\d)", re.IGNORECASE)
NAME_DAY = re.compile(r"([a-z]{3})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)", re.IGNORECASE)


def date_column(columns: Mapping[str, Sequence[str]]) -> str | None:
    """The column that says when a response was made, by its header and some of its cells; None where none does.

    A column is taken where most of its filled cells are dates; one that asks for a date of birth never is.
    """
    found = []
    for name, cells in columns.items():
        words = [word.casefold() for word in WORD.findall(name)]
        places = [place for place, word in enumerate(HEADERS) if word in words]
        if places and len(words) <= MOST_WORDS and not name.rstrip().endswith("?") and not BIRTH & set(words):
            filled = [cell for cell in cells if cell.strip()]
            read = read_dates(filled)
            if filled and sum(read[cell] is not None for cell in filled) >= MOSTLY * len(filled):
                found.append((places[0], name))
    return min(found, key=lambda one: one[0])[1] if found else None


def read_dates(texts: Iterable[str]) -> dict[str, dt.date | None]:
    """The date that each text begins with, or None. Numbers such as 03/04/2025 are day first, as people write in
    Britain, unless others of the same column show that the month comes first."""
    texts = set(texts)
    month_first = _month_first(texts)
    return {text: _date(text.strip(), month_first) for text in texts}


def _month_first(texts: Iterable[str]) -> bool:
    """Whether some date can only be month first, and none can only be day first."""
    pairs = [(int(m[1]), int(m[2])) for text in texts if (m := NUMBERS.match(text.strip()))]
    return any(second > 12 for _, second in pairs) and not any(first > 12 for first, _ in pairs)


def _date(text: str, month_first: bool) -> dt.date | None:
    if m := ISO.match(text):
        return _real(m[1], m[2], m[3])
    if m := NUMBERS.match(text):
        return _real(m[3], m[1], m[2]) if month_first else _real(m[3], m[2], m[1])
    if m := DAY_NAME.match(text):
        return _real(m[3], BY_NAME.get(m[2].casefold(), 0), m[1])
    if m := NAME_DAY.match(text):
        return _real(m[3], BY_NAME.get(m[1].casefold(), 0), m[2])
    return None


def _real(year: str, month: str | int, day: str) -> dt.date | None:
    """The date, where there is such a day and people can have answered on it."""
    full = int(year) + (2000 if len(year) == 2 else 0)
    try:
        return dt.date(full, int(month), int(day)) if EARLIEST <= full <= LATEST else None
    except ValueError:
        return None
