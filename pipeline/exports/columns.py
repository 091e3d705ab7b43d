"""What each column of an export is, guessed from its header and its values: free text, closed answers, ids, dates,
personal and technical details. Shown as a short table before anything is coded."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from typing import Any

from pipeline.exports.exports import PROFILED_ROWS, Export
from pipeline.exports.layouts import TEXT_HEADERS, fold

WORDS_OF_A_COMMENT = 4.0
WORDS_OF_A_LONG_COMMENT = 15
DISTINCT_SHARE = 0.3
LONG_SHARE = 0.05
MOST_OPTIONS = 20
MOST_VALUES = 30
MOST_CLOSED = 60
MOST_COUNTED = 5000
MOSTLY = 0.8
FEW = 0.1
EXAMPLES = 3
LONGEST_EXAMPLE = 30
ADDED = "codes added by feedback export"
CHOICES_APART = (";", "|", ",")

ID_HEADERS = ("response id", "responseid", "respondent id", "response number", "unique id", "userid", "id", "ref")
MORE_ID_HEADERS = frozenset({*ID_HEADERS, "userno", "collector id", "external data reference", "record no"})
PERSONAL_WORDS = frozenset(
    {"name", "names", "surname", "email", "e-mail", "mail", "address", "postcode", "phone", "telephone", "mobile", "ip"}
    | {"recipientemail", "recipientlastname", "recipientfirstname", "ipaddress", "latitude", "longitude"}
    | {"locationlatitude", "locationlongitude", "nhs", "signature"}
)
DATE_WORDS = frozenset({"date", "time", "started", "ended", "completed", "submitted", "timestamp"})
TECHNICAL_WORDS = frozenset(
    {"id", "url", "link", "browser", "device", "language", "duration", "progress", "finished", "status", "collector"}
    | {"points", "agent", "channel", "userlanguage", "distributionchannel", "externalreference", "score", "version"}
    | {"type"}
)
DETAIL_WORDS = (PERSONAL_WORDS | DATE_WORDS | TECHNICAL_WORDS) - {
    *("duration", "progress", "finished", "status", "collector", "points", "agent", "channel", "score", "version"),
    *("type", "signature", "nhs", "ended"),
}
ATTRIBUTE = re.compile(
    r"\b(?:ward|area|borough|town|neighbourhood|age|gender|sex|ethnic\w*|disab\w*|religio\w*|faith|belief|orientation"
    r"|tenure|organisation|organization|occupation|employ\w*|household|income|marital|carers?|pregnan\w*|nationality"
    r"|responding as|respond as|capacity|best describes you|do you live|are you (?:a|an)|district|locality)\b",
    re.IGNORECASE,
)
EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
IP = re.compile(r"^\d{1,3}(?:\.\d{1,3}){3}$|^(?:[0-9a-f]{1,4}:+){2,7}[0-9a-f]{0,4}$", re.IGNORECASE)
PHONE = re.compile(r"^(?:\+\d{1,3}|0)[\d\s()\-]{8,16}$")
POSTCODE = re.compile(r"^[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}$", re.IGNORECASE)
DATE = re.compile(
    r"^(?:\d{4}-\d{2}|\d{1,4}[/.\-]\d{1,2}[/.\-]\d{1,4}"
    r"|\d{1,2}[ \-](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*[ \-,]+\d{2,4})"
    r"(?:[T ,]+\d{1,2}:\d{2}(?::\d{2}(?:[.]\d+)?)?\s?(?:[ap]m)?(?:z|[+\-]\d{2}:?\d{2}|\s[a-z]{2,4})?)?$",
    re.IGNORECASE,
)
TIME = re.compile(r"^\d{1,2}:\d{2}(?::\d{2})?$")
NUMBER = re.compile(r"^[+\-£$€]?\s?\d[\d,]*(?:\.\d+)?\s?%?$")
PERSONAL_VALUES = (
    ("e-mail addresses", EMAIL),
    ("IP addresses", IP),
    ("telephone numbers", PHONE),
    ("postcodes", POSTCODE),
)


class Kind(StrEnum):
    """What a column is."""

    FREE_TEXT = "free text"
    SINGLE = "single choice"
    MULTIPLE = "multiple choice"
    ATTRIBUTE = "attribute"
    ID = "id"
    DATE = "date"
    PERSONAL = "personal detail"
    TECHNICAL = "technical"
    EMPTY = "empty"
    NOT_CODED = "not coded"  # free text that a person wants left alone; never guessed


@dataclass(frozen=True)
class ColumnGuess:
    """What a column seems to be, and why.

    filled: cells with an answer; distinct: different ones (MOST_COUNTED stands for that and more).
    examples: a few values, never of personal details and never of comments.
    """

    column: str
    kind: Kind
    filled: int
    distinct: int
    examples: tuple[str, ...]
    why: str


@dataclass
class _Profile:
    """What the answers in one column look like; the choices in them, and those in the long ones.

    A choice is a whole answer, or one of several that were ticked: survey platforms join them by semicolons.
    """

    filled: int = 0
    words: int = 0
    long: int = 0
    choices: list[int] = field(default_factory=list)
    long_choices: list[int] = field(default_factory=list)
    values: Counter[str] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        words = sum(any(map(str.isalpha, word)) for word in text.split())
        choices = [hash(choice.strip()) for choice in text.split(";") if choice.strip()]
        self.filled += 1
        self.words += words
        self.choices += choices
        self.values[text] += 1
        if words >= WORDS_OF_A_LONG_COMMENT:
            self.long += 1
            self.long_choices += choices

    @property
    def mean_words(self) -> float:
        return self.words / self.filled if self.filled else 0.0

    def is_free_text(self, name: str) -> bool:
        if not self.filled or _is_detail(name):
            return False
        named = fold(name) in TEXT_HEADERS and self.mean_words >= 1
        wordy = self.mean_words >= WORDS_OF_A_COMMENT and _distinct(self.choices)
        campaign = len(set(self.long_choices)) > MOST_OPTIONS
        return named or wordy or (self.long >= LONG_SHARE * self.filled and (campaign or _distinct(self.long_choices)))

    def share(self, pattern: re.Pattern[str]) -> float:
        """The share of the answers that look like something."""
        return sum(n for value, n in self.values.items() if pattern.match(value)) / self.filled

    @property
    def is_closed(self) -> bool:
        """Whether people chose from a few answers."""
        few = len(self.values) <= MOST_CLOSED and len(self.values) <= max(2, DISTINCT_SHARE * self.filled)
        return few or (len(self.values) <= MOST_OPTIONS and self.filled <= MOST_OPTIONS)


def _distinct(choices: Sequence[int]) -> bool:
    """Whether people wrote different things: a closed question gets the same few answers again and again."""
    return len(set(choices)) >= max(DISTINCT_SHARE * len(choices), 1)


def _words(name: str) -> set[str]:
    """The words of a short header that is no question; none of a long one."""
    words = fold(name).split()
    return set(words) if len(words) <= 4 and not name.rstrip().endswith("?") else set()


def _is_detail(name: str) -> bool:
    """Whether a short header names a personal or technical detail, not a question."""
    return bool(DETAIL_WORDS & _words(name))


# ---- the guess -------------------------------------------------------------------------------------------------------


def guess_columns(export: Export) -> tuple[ColumnGuess, ...]:
    """What each column is, from its header and the first PROFILED_ROWS rows."""
    profiles = [_Profile() for _ in export.columns]
    for _, cells in islice(export.rows(), PROFILED_ROWS):
        if export.previews and export.is_preview(cells):
            continue
        for profile, cell in zip(profiles, cells, strict=False):
            if (text := cell.strip()) and text != export.shape.blank:
                profile.add(text)
    guesses = (_guess(name, profile) for name, profile in zip(export.columns, profiles, strict=True))
    return tuple(replace(one, kind=Kind.TECHNICAL, why=ADDED) if one.column in export.added else one for one in guesses)


def _guess(name: str, profile: _Profile) -> ColumnGuess:
    kind, why = _kind(name, profile)
    shown = () if kind in (Kind.PERSONAL, Kind.FREE_TEXT) else _examples(profile.values)
    return ColumnGuess(name, kind, profile.filled, len(profile.values), shown, why)


def _kind(name: str, profile: _Profile) -> tuple[Kind, str]:
    """The first of the tests that fits, surest first."""
    if not profile.filled:
        return Kind.EMPTY, "no cell is filled"
    for test in TESTS:
        if found := test(name, profile):
            return found
    if profile.is_closed:
        about = ATTRIBUTE.search(name)
        return (Kind.ATTRIBUTE, f"asks for {about[0]!r}") if about else (Kind.SINGLE, "the same few answers")
    return Kind.ATTRIBUTE, "numbers" if profile.share(NUMBER) >= MOSTLY else "short answers of many kinds"


def _personal(name: str, profile: _Profile) -> tuple[Kind, str] | None:
    for what, pattern in PERSONAL_VALUES:
        if profile.share(pattern) >= MOSTLY:
            return Kind.PERSONAL, f"values are {what}"
    return None


def _personal_by_name(name: str, profile: _Profile) -> tuple[Kind, str] | None:
    named = sorted(PERSONAL_WORDS & _words(name))
    return (Kind.PERSONAL, f"header says {named[0]!r}") if named else None


def _id(name: str, profile: _Profile) -> tuple[Kind, str] | None:
    if fold(name) in MORE_ID_HEADERS:
        return Kind.ID, "header names an id"
    one_word = all(len(value.split()) == 1 for value in profile.values)
    digits = sum(any(map(str.isdigit, value)) for value in profile.values)
    unique = len(profile.values) == profile.filled >= MOST_OPTIONS and one_word and digits >= MOSTLY * profile.filled
    return (Kind.ID, "each value stands once") if unique and not _is_date(profile) else None


def _date(name: str, profile: _Profile) -> tuple[Kind, str] | None:
    return (Kind.DATE, "values are dates or times") if _is_date(profile) else None


def _is_date(profile: _Profile) -> bool:
    return profile.share(DATE) + profile.share(TIME) >= MOSTLY


def _technical(name: str, profile: _Profile) -> tuple[Kind, str] | None:
    named = sorted((TECHNICAL_WORDS | DATE_WORDS) & _words(name))
    return (Kind.TECHNICAL, f"header says {named[0]!r}") if named else None


def _ticked(name: str, profile: _Profile) -> tuple[Kind, str] | None:
    """A column of its own for one option: its only value is the option in its header."""
    (value, _), *others = profile.values.most_common(2)
    return (Kind.MULTIPLE, "ticked or not") if not others and fold(name).endswith(fold(value)) else None


def _several(name: str, profile: _Profile) -> tuple[Kind, str] | None:
    """Several choices in a cell, of a list that is shorter than the ways to choose from it."""
    for apart in CHOICES_APART:
        joined = sum(n for value, n in profile.values.items() if apart in value)
        parts = Counter(part.strip() for value, n in profile.values.items() for part in value.split(apart) * n)
        del parts[""]
        ended = apart == ";" and joined >= MOSTLY * profile.filled
        enough = sum(parts.values()) >= (2 if ended else 3) * len(parts)
        fewer = ended or len(parts) < len(profile.values)
        if joined >= FEW * profile.filled and len(parts) <= MOST_VALUES and enough and fewer:
            return Kind.MULTIPLE, f"a few answers, joined by {apart!r}"
    return None


def _free_text(name: str, profile: _Profile) -> tuple[Kind, str] | None:
    if not profile.is_free_text(name):
        return None
    return Kind.FREE_TEXT, f"{profile.mean_words:.0f} words on average, {len(profile.values):,} different"


def _free_text_by_name(name: str, profile: _Profile) -> tuple[Kind, str] | None:
    return _free_text(name, profile) if fold(name) in TEXT_HEADERS else None


TESTS = (_free_text_by_name, _personal, _id, _date, _personal_by_name, _ticked, _several, _free_text, _technical)


def _examples(values: Counter[str]) -> tuple[str, ...]:
    common = [value for value, _ in values.most_common(EXAMPLES)]
    return tuple(_short(value) for value in common)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_EXAMPLE else line[: LONGEST_EXAMPLE - 1].rstrip() + "…"


def id_column(export: Export) -> str | None:
    """The first column called like an id whose values are all there and all different."""
    headers = {id_: export.columns[place] for id_, place in export.ids.items()}
    headers |= {fold(name): name for name in reversed(export.columns)}
    for wanted in ID_HEADERS:
        if wanted in headers and _all_unique(export, export.column(headers[wanted])):
            return headers[wanted]
    return None


def _all_unique(export: Export, place: int) -> bool:
    seen: set[str] = set()
    for _, cells in export.rows():
        value = cells[place].strip() if place < len(cells) else ""
        if not value or value in seen:
            return False
        seen.add(value)
    return True


# ---- shown before coding ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inspected:
    """An export as `feedback inspect` shows it. previews: rows set aside as such; rows: all others."""

    export: Export
    rows: int
    previews: int
    columns: tuple[ColumnGuess, ...]
    response_id: str | None

    @property
    def questions(self) -> tuple[str, ...]:
        """The columns that would be coded."""
        return tuple(guess.column for guess in self.columns if guess.kind == Kind.FREE_TEXT)

    def lines(self) -> list[str]:
        """A few lines of words, and a table of the columns."""
        shape = self.export.shape
        said = [
            f"{self.export.path}: {shape.platform}, {self._format()}",
            f"Header: {_row_words(shape.header_rows)}"
            + (f"; title: {_row_words(shape.title_rows)}" if shape.title_rows else ""),
            *(f"Note: {note}" for note in shape.notes),
            f"Responses: {self.rows:,}" + (f", and {self.previews:,} previews set aside" if self.previews else ""),
            f"Response id: {self.response_id or 'none; the row number'}",
            "",
        ]
        return [*said, *_table([guess_line(n, guess) for n, guess in enumerate(self.columns, 1)])]

    def _format(self) -> str:
        table = self.export.table
        if table is None:
            return f"{len(self.export.parts)} files"
        apart = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}.get(table.delimiter, "")
        return ", ".join(filter(None, (table.source.member, table.encoding, apart)))

    def as_json(self) -> dict[str, Any]:
        """The same for scripts."""
        shape = self.export.shape
        return {
            "file": str(self.export.path),
            "platform": shape.platform,
            "encoding": self.export.encoding,
            "header_rows": list(shape.header_rows),
            "title_rows": list(shape.title_rows),
            "notes": list(shape.notes),
            "responses": self.rows,
            "previews": self.previews,
            "response_id": self.response_id,
            "questions": list(self.questions),
            "columns": [
                {
                    "column": guess.column,
                    "kind": str(guess.kind),
                    "filled": guess.filled,
                    "distinct": guess.distinct,
                    "examples": list(guess.examples),
                    "why": guess.why,
                }
                for guess in self.columns
            ],
        }


def inspect(export: Export) -> Inspected:
    """What an export is and what its columns are; cells are counted in all rows, kinds guessed from the first."""
    filled = [0] * len(export.columns)
    distinct: list[set[int]] = [set() for _ in export.columns]
    rows = previews = 0
    for _, cells in export.rows():
        if export.previews and export.is_preview(cells):
            previews += 1
            continue
        rows += 1
        for place, cell in enumerate(cells[: len(filled)]):
            if not export.is_blank(cell):
                filled[place] += 1
                if len(distinct[place]) < MOST_COUNTED:
                    distinct[place].add(hash(cell.strip()))
    guesses = tuple(
        ColumnGuess(guess.column, guess.kind, filled[n], len(distinct[n]), guess.examples, guess.why)
        for n, guess in enumerate(guess_columns(export))
    )
    return Inspected(export, rows, previews, guesses, id_column(export))


def guess_line(number: int, guess: ColumnGuess) -> tuple[str, ...]:
    """One line of the table: number, header, kind, filled, different, and examples or the reason."""
    many = "+" if guess.distinct >= MOST_COUNTED else ""
    told = ", ".join(guess.examples) if guess.examples else guess.why
    return (
        str(number),
        _cut(guess.column, 48),
        str(guess.kind),
        f"{guess.filled:,}",
        f"{guess.distinct:,}{many}",
        told,
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Cells under headers, numbers to the right."""
    table = [("", "column", "what it is", "filled", "different", "such as"), *rows]
    wide = [max(map(len, column)) for column in zip(*table, strict=True)]
    right = {0, 3, 4}
    return [
        "  ".join(
            cell.rjust(w) if n in right else cell.ljust(w) for n, (cell, w) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in table
    ]


def _row_words(rows: Sequence[int]) -> str:
    return f"row {rows[0]}" if len(rows) == 1 else f"rows {', '.join(map(str, rows))}"
