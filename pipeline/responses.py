"""Exports: reading them row by row, telling which columns hold free text, and the comments in them.

A CSV is read twice as a stream and never held whole; a workbook is held once, as its format demands.
"""

import codecs
import csv
import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TextIO

from pipeline.errors import InputError

DELIMITERS = ",;\t|"
NO_DELIMITER = "\x1f"
TABLE_SHARE = 0.8
SAMPLE_ROWS = 50
LARGEST_CELL = 1 << 24
MOST_COLUMNS = 4096
PROFILED_ROWS = 5000

WORDS_OF_A_COMMENT = 4.0
WORDS_OF_A_LONG_COMMENT = 15
DISTINCT_SHARE = 0.3
LONG_SHARE = 0.05
MOST_OPTIONS = 20
TEXT_HEADERS = frozenset({"text", "comment", "comments", "feedback", "answer", "verbatim", "response", "free text"})
ID_HEADERS = ("response id", "responseid", "respondent id", "response number", "unique id", "userid", "id", "ref")
DETAIL_WORDS = {
    *("name", "names", "email", "e-mail", "mail", "address", "postcode", "phone", "telephone", "mobile", "id", "ip"),
    *("date", "time", "started", "completed", "submitted", "url", "link", "browser", "device", "language"),
    *("latitude", "longitude"),
}
FORMULA = re.compile(r"^[=+\-@\t\r]")
ESCAPED = re.compile(r"^'+[=+\-@\t\r]")
HARMLESS = re.compile(r"^[+\-]?(\d[\d ,.]*%?)?$")


# ---- cells that Excel must not run ---------------------------------------------------------------------------------


def safe_cell(text: str) -> str:
    """Text for a CSV cell that a spreadsheet cannot take for a formula: an apostrophe before `= + - @`.

    Plain numbers such as `-5` and a lone dash stay as they are. `read_cell` gives the text back, exactly.
    """
    if ESCAPED.match(text) or (FORMULA.match(text) and not HARMLESS.match(text)):
        return "'" + text
    return text


def read_cell(text: str) -> str:
    """The text that `safe_cell` was given."""
    return text[1:] if ESCAPED.match(text) else text


# ---- an export -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Export:
    """A table as it came from the survey platform. `rows` starts again from the top at each call.

    Each row is (row number in the file as a spreadsheet shows it, cells); wholly blank rows are left out.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[tuple[int, list[str]]]]
    encoding: str = ""

    def column(self, name: str) -> int:
        """The place of a column. Raises InputError naming the nearest where it is not there."""
        plain = [_header(column) for column in self.columns]
        if _header(name) in plain:
            return plain.index(_header(name))
        near = get_close_matches(_header(name), plain, n=1, cutoff=0.0)
        raise InputError(
            f"there is no column {name!r}", where=self.path, fix=f"did you mean {self.columns[plain.index(near[0])]!r}?"
        )


def _header(name: str) -> str:
    return " ".join(name.casefold().split())


def read_export(path: Path) -> Export:
    """Opens an export: CSV of any usual encoding and delimiter, or XLSX, XLS, ODS. Raises InputError."""
    if not path.exists():
        raise InputError("there is no such file", where=path, fix="check the name and folder")
    if path.is_dir():
        raise InputError("is a folder, not an export", where=path, fix="name the file in it")
    reader = READERS.get(path.suffix.casefold())
    if reader is None:
        known = ", ".join(READERS)
        raise InputError(f"{path.suffix or 'no ending'} is not a kind of export", where=path, fix=f"use {known}")
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        what, fix = f"cannot be read ({error.strerror})", "close it elsewhere, or copy it"
        raise InputError(what, where=path, fix=fix) from None
    if not head.strip(b"\x00\t\r\n \xef\xbb\xbf\xff\xfe"):
        raise InputError("is empty", where=path, fix="export it again")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        reader = _read_workbook
    export = reader(path)
    _check_header(export)
    return export


def _check_header(export: Export) -> None:
    twice = [name for name, n in Counter(map(_header, export.columns)).items() if n > 1]
    if twice:
        raise InputError(f"two columns are called {twice[0]!r}", where=export.path, fix="rename one of them")
    if len(export.columns) > MOST_COLUMNS:
        raise InputError(f"has {len(export.columns):,} columns", where=export.path, fix="delete those not needed")
    if next(export.rows(), None) is None:
        raise InputError("has a header but no responses", where=export.path, fix="export it again, with the answers")


def _named(header: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]) -> tuple[str, ...]:
    """Column names as they stand, a blank one called by its place; blank ones at the end that no row fills left out."""
    names = [name if name.strip() else "" for name in header]
    if names and not names[-1]:
        tops = (names, *(cells[: len(names)] for _, cells in rows))
        del names[max(n for cells in tops for n, cell in enumerate(cells, 1) if cell.strip()) :]
    return tuple(name or f"Column {n}" for n, name in enumerate(names, 1))


def _not_blank(numbered: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    return ((n, cells) for n, cells in numbered if any(cell.strip() for cell in cells))


# ---- delimited text ------------------------------------------------------------------------------------------------


def _read_delimited(path: Path) -> Export:
    csv.field_size_limit(LARGEST_CELL)
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        delimiter = _delimiter(file)

    def rows() -> Iterator[tuple[int, list[str]]]:
        with path.open(encoding=encoding, newline="") as file:
            lines = _Lines(file)
            number = 0
            try:
                for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), 1):
                    if lines.ended:
                        what, fix = "a quotation mark is opened and never closed", "close it, or delete it"
                        raise InputError(what, where=f"{path}, row {number}", fix=fix)
                    yield number, cells
            except csv.Error as error:
                what = f"a cell of over {LARGEST_CELL:,} characters" if "limit" in str(error) else str(error)
                place, fix = f"{path}, row {number + 1}", "check the quotes in that row"
                raise InputError(what, where=place, fix=fix) from None

    def below() -> Iterator[tuple[int, list[str]]]:
        return islice(_not_blank(rows()), 1, None)

    _, header = next(_not_blank(rows()), (0, []))
    return Export(path, _named(header, islice(below(), PROFILED_ROWS)), below, encoding)


class _Lines:
    """The lines of a file, and whether they have ended: a row that comes only then was cut off within quotes."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.ended = file, False

    def __iter__(self) -> Iterator[str]:
        yield from self.file
        self.ended = True


def _encoding(path: Path) -> str:
    """UTF-8 or UTF-16 by their marks, else UTF-8 if every byte fits, else Windows-1252."""
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith(codecs.BOM_UTF8):
            return _decodes(path, "utf-8-sig")
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return _decodes(path, "utf-16")
    for encoding in ("utf-8", "cp1252"):
        if _can_decode(path, encoding):
            return encoding
    raise _unreadable(path)


def _decodes(path: Path, encoding: str) -> str:
    if not _can_decode(path, encoding):
        raise _unreadable(path)
    return encoding


def _can_decode(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    nulls = size = 0
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                text = decoder.decode(block)
                nulls, size = nulls + text.count("\0"), size + len(text)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return nulls * 20 <= size


def _unreadable(path: Path) -> InputError:
    return InputError(
        "the encoding cannot be told, or the file is not text", where=path, fix="save it as “CSV UTF-8” in Excel"
    )


def _delimiter(file: TextIO) -> str:
    """The delimiter that cuts the first rows into the most columns of the same number; none for a list of texts."""
    lines = list(islice(file, SAMPLE_ROWS * 4))

    def widths(delimiter: str) -> list[int]:
        return [len(row) for row in islice(csv.reader(lines, delimiter=delimiter), SAMPLE_ROWS) if row]

    try:
        found = {delimiter: widths(delimiter) for delimiter in DELIMITERS}
    except csv.Error:
        return ","
    if all(_is_list(rows) for rows in found.values()):
        return NO_DELIMITER
    return max(DELIMITERS, key=lambda delimiter: _evenness(found[delimiter]))


def _evenness(widths: Sequence[int]) -> tuple[float, int]:
    """The share of rows as wide as the header, and that width; nothing where the header is a single cell."""
    width = widths[0] if widths else 0
    return (sum(w == width for w in widths) / len(widths) if width > 1 else 0.0, width)


def _is_list(widths: Sequence[int]) -> bool:
    """Whether a single cell stands above rows of no even width: texts with commas in them, not a table with a title."""
    width, rows = Counter(widths[1:]).most_common(1)[0] if widths[1:] else (1, 0)
    return widths[:1] == [1] and (width == 1 or rows <= max(1, TABLE_SHARE * len(widths[1:])))


# ---- workbooks -----------------------------------------------------------------------------------------------------


def _read_workbook(path: Path) -> Export:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_path(path)
        sheets = (workbook.get_sheet_by_name(name) for name in workbook.sheet_names)
        table = next((values for sheet in sheets if (values := sheet.to_python(skip_empty_area=False))), [])
    except (CalamineError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:80] if str(error) else "unknown"
        what, fix = f"is not a workbook that can be read ({reason})", "open it in Excel and save it again as .xlsx"
        raise InputError(what, where=path, fix=fix) from None
    numbered = list(_not_blank((n, [_as_text(value) for value in row]) for n, row in enumerate(table, 1)))
    if not numbered:
        raise InputError("has no filled sheet", where=path, fix="export it again")
    return Export(path, _named(numbered[0][1], numbered[1:]), lambda: iter(numbered[1:]), "xlsx")


def _as_text(value: object) -> str:
    """A cell as a person would read it: whole numbers without `.0`, dates as ISO."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    return str(value) if value is not None else ""


READERS: dict[str, Callable[[Path], Export]] = {
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".txt": _read_delimited,
    ".xlsx": _read_workbook,
    ".xlsm": _read_workbook,
    ".xls": _read_workbook,
    ".ods": _read_workbook,
}


# ---- which column is what ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """Which columns hold the answers to be coded, and which one names the response (None: the row number does)."""

    questions: tuple[str, ...]
    response_id: str | None = None


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

    def add(self, cell: str) -> None:
        if text := cell.strip():
            words = sum(any(char.isalpha() for char in word) for word in text.split())
            choices = [hash(choice.strip()) for choice in text.split(";") if choice.strip()]
            self.filled += 1
            self.words += words
            self.choices += choices
            if words >= WORDS_OF_A_LONG_COMMENT:
                self.long += 1
                self.long_choices += choices

    def is_free_text(self, name: str) -> bool:
        if not self.filled or _is_detail(name):
            return False
        mean = self.words / self.filled
        named = _header(name) in TEXT_HEADERS and mean >= 1
        wordy = mean >= WORDS_OF_A_COMMENT and _distinct(self.choices)
        campaign = len(set(self.long_choices)) > MOST_OPTIONS
        return named or wordy or (self.long >= LONG_SHARE * self.filled and (campaign or _distinct(self.long_choices)))


def _distinct(choices: Sequence[int]) -> bool:
    """Whether people wrote different things: a closed question gets the same few answers again and again."""
    return len(set(choices)) >= max(DISTINCT_SHARE * len(choices), 1)


def _is_detail(name: str) -> bool:
    """Whether a short header names a personal or technical detail, not a question."""
    words = _header(name).split()
    return len(words) <= 4 and not name.rstrip().endswith("?") and bool(DETAIL_WORDS & set(words))


def find_layout(export: Export, questions: Sequence[str] = (), response_id: str | None = None) -> Layout:
    """The free-text columns, found from the values or as named, and the column of unique ids, if any.

    Raises InputError where a named column is not there or none looks like free text.
    """
    profiles = [_Profile() for _ in export.columns]
    for _, cells in islice(export.rows(), PROFILED_ROWS):
        for profile, cell in zip(profiles, cells, strict=False):
            profile.add(cell)
    named = [export.columns[export.column(name)] for name in questions]
    found = named or [c for c, p in zip(export.columns, profiles, strict=True) if p.is_free_text(c)]
    if not found:
        raise InputError(
            "no column looks like free text", where=export.path, fix=f"name one with --question {export.columns[-1]!r}"
        )
    if response_id is not None:
        return Layout(tuple(dict.fromkeys(found)), export.columns[export.column(response_id)])
    return Layout(tuple(dict.fromkeys(found)), _id_column(export))


def _id_column(export: Export) -> str | None:
    """The first column called like an id whose values are all there and all different."""
    headers = {_header(name): name for name in reversed(export.columns)}
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


# ---- responses and comments ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Response:
    """One row of the export: one submission by one respondent. `cells` has one text per column of the export."""

    row: int
    id: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Comment:
    """One answer of a response; `text` is the respondent's, byte for byte."""

    id: str
    response: Response
    question: str
    text: str


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be a response, and why."""

    row: int
    cells: tuple[str, ...]
    reason: str


def read_responses(export: Export, layout: Layout) -> Iterator[Response | Rejected]:
    """Every row of the export, in order: as a response, or rejected with the reason."""
    width = len(export.columns)
    place = export.column(layout.response_id) if layout.response_id is not None else None
    seen: set[str] = set()
    for row, cells in export.rows():
        extra = [cell for cell in cells[width:] if cell.strip()]
        if extra:
            yield Rejected(row, tuple(cells), f"row has {len(cells)} cells where the header has {width}")
            continue
        padded = tuple(cells[:width]) + ("",) * (width - len(cells))
        id_ = padded[place].strip() if place is not None else str(row)
        if not id_ or id_ in seen:
            yield Rejected(row, tuple(cells), f"response id {id_!r} stands twice" if id_ else "no response id")
            continue
        seen.add(id_)
        yield Response(row, id_, padded)


def answers(response: Response, export: Export, layout: Layout) -> Iterator[Comment]:
    """The answers of a response to each question, the blank ones included, so that they can be counted."""
    for number, question in enumerate(layout.questions, 1):
        text = response.cells[export.columns.index(question)]
        yield Comment(f"{response.id}-q{number}", response, question, text)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
