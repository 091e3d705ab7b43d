"""Workbooks: XLSX, XLS and ODS. Held once, as these formats demand; measured before they are opened, so that a small
file cannot ask for all memory. Links to other files are never followed."""

import datetime as dt
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

from pipeline.errors import InputError
from pipeline.files.raw_table import MOST_COLUMNS, ZIP_TROUBLE, RawTable, Row, Source, is_filled

MOST_CELLS = 20_000_000
LARGEST_PART = 1 << 30
LARGEST_SHARED = 1 << 28
SQUEEZE = 200  # text of one letter over and over squeezes 1,000 times; the sheets of an export 10 to 60 times
SMALL = 1 << 24
LONGEST_TAG = 4096

FILLED_CELL = re.compile(rb"""<(?:\w+:)?c\s(?:[^<>]*?\s)?r\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["'](?:[^<>/]|/(?!>))*>""")
# A cell beyond column CZ or row 189,999: without one, a sheet has less than MOST_CELLS.
FAR_CELL = re.compile(
    rb"""r\s*=\s*["'](?:[A-Za-z]{3}\d|[D-Zd-z][A-Za-z]\d|[A-Za-z]{1,2}(?:(?:19|[2-9]\d)\d{4}|\d{7}))"""
)
ODS_TAG = re.compile(rb"<(/?)table:(table-row|table-cell|covered-table-cell)\b([^<>]*?)(/?)>")
REPEATED = re.compile(rb"number-(?:rows|columns)-repeated=[\"'](\d{1,9})[\"']")


def read_workbook(source: Source) -> RawTable:
    """The first filled sheet of a workbook. Raises InputError where it cannot be read, or is too large for one."""
    form = _measured(source)
    names, rows = _first_filled_sheet(source)
    if not rows:
        raise InputError("has no filled sheet", where=source.where, fix="export it again")
    notes = (f"sheet {names[0]!r} is read, not {', '.join(map(repr, names[1:]))}",) if names[1:] else ()
    return RawTable(source, form, lambda: iter(rows), form, notes=notes)


def _first_filled_sheet(source: Source) -> tuple[list[str], list[Row]]:
    """The names of the sheets, the one that is read first, and its rows with their numbers."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with source.open() as file:
            workbook = CalamineWorkbook.from_object(file if source.member else str(source.path))
            for name in workbook.sheet_names:
                if rows := _rows(workbook.get_sheet_by_name(name), source):
                    return [name, *(other for other in workbook.sheet_names if other != name)], rows
    except (CalamineError, *ZIP_TROUBLE) as error:
        raise _unreadable(source, str(error)) from None
    except BaseException as error:
        # The library's own failures come as a kind of exception that is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable(source, "its inside is broken") from None
    return [], []


def _rows(sheet: Any, source: Source) -> list[Row]:
    """The filled rows of a sheet, as text. It keeps no columns left of its first filled cell; they are put back."""
    if sheet.start is None:
        return []
    _check_area(sheet.height, sheet.width, source)
    left = [""] * sheet.start[1]
    texts = (
        (n, left + [value if type(value) is str else _as_text(value) for value in row])
        for n, row in enumerate(sheet.iter_rows(), 1)
    )
    return [(n, cells) for n, cells in texts if is_filled(cells)]


def _unreadable(source: Source, reason: str) -> InputError:
    told = reason.splitlines()[0][:80] if reason else "unknown"
    what, fix = f"is not a workbook that can be read ({told})", "open it in Excel and save it again as .xlsx"
    return InputError(what, where=source.where, fix=fix)


def _as_text(value: object) -> str:
    """A cell as a person would read it: whole numbers without `.0`, dates as ISO."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    return str(value) if value is not None else ""


# ---- how large it is, before it is opened ----------------------------------------------------------------------------


def _measured(source: Source) -> str:
    """The format by the bytes: "xlsx", "ods" or "xls". Raises InputError where the cells would not fit in memory."""
    with source.open() as file:
        head = file.read(4)
    if head != b"PK\x03\x04":
        return "xls"
    try:
        with source.open() as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if "xl/workbook.bin" in names:
                raise InputError("is a binary workbook", where=source.where, fix="save it as .xlsx")
            for part in archive.infolist():
                _measure(archive, part, source)
            return "ods" if "content.xml" in names else "xlsx"
    except ZIP_TROUBLE as error:
        raise _unreadable(source, str(error)) from None


def _measure(archive: zipfile.ZipFile, part: zipfile.ZipInfo, source: Source) -> None:
    """Unpacks a part of the workbook bit by bit and counts, whatever size it says it has."""
    size, rest, far = 0, b"", False
    ods = _OdsArea() if part.filename == "content.xml" else None
    for block in inflated(archive, part):
        size += len(block)
        _check_size(size, part, source)
        if ods is not None:
            ods.add(block)
            _check_area(ods.rows, ods.columns, source)
        else:
            far = far or FAR_CELL.search(rest + block) is not None
            rest = block[-LONGEST_TAG:]
    if far:
        _measure_cells(archive, part, source)


def _measure_cells(archive: zipfile.ZipFile, part: zipfile.ZipInfo, source: Source) -> None:
    """Finds the farthest filled cell of a sheet; needed only where some cell, filled or not, is far out."""
    rows = columns = 0
    rest = b""
    for block in inflated(archive, part):
        if found := FILLED_CELL.findall(rest + block):
            columns = max(columns, *map(_column, {letters for letters, _ in found}))
            rows = max(rows, *map(int, {number for _, number in found}))
            _check_area(rows, columns, source)
        rest = block[-LONGEST_TAG:]


def inflated(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a file in a ZIP, bit by bit, to its real end and not to the size it says it has."""
    part.file_size = max(part.file_size, 1 << 62)
    with archive.open(part) as file:
        while block := file.read(1 << 20):
            yield block


def _check_size(size: int, part: zipfile.ZipInfo, source: Source) -> None:
    shared = part.filename.endswith("sharedStrings.xml")
    bomb = size > SMALL and size > SQUEEZE * max(part.compress_size, 1)
    if bomb or size > (LARGEST_SHARED * 2 if shared else LARGEST_PART):
        what = f"unpacks to over {size >> 20:,} MB" + (f" from {part.compress_size >> 10:,} kB" if bomb else "")
        raise InputError(what, where=source.where, fix="check that it is an export; save large ones as CSV")


def _check_area(rows: int, columns: int, source: Source) -> None:
    if columns > MOST_COLUMNS:
        raise InputError(f"has {columns:,} columns", where=source.where, fix="delete those not needed")
    if rows * columns > MOST_CELLS:
        what = f"has {rows:,} rows of {columns:,} columns"
        raise InputError(
            what, where=source.where, fix="delete stray cells far below or to the right, or save it as CSV"
        )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


class _OdsArea:
    """How many rows and columns the filled cells of an ODS reach, with cells and rows that stand for many counted."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._row = self._repeat = self._cell = 0
        self._filled = False
        self._rest = b""

    def add(self, block: bytes) -> None:
        """Reads on; a tag cut by the end of a block waits for the next."""
        text = self._rest + block
        cut = text.rfind(b"<") if text.rfind(b"<") > text.rfind(b">") else len(text)
        self._rest = text[cut:][-100_000:]
        for closing, name, attributes, empty in ODS_TAG.findall(text[:cut]):
            repeated = REPEATED.search(attributes)
            self._tag(bool(closing), name, int(repeated[1]) if repeated else 1, bool(empty))

    def _tag(self, closing: bool, name: bytes, times: int, empty: bool) -> None:
        if name == b"table-row":
            if not closing:
                self._row += self._repeat
                self._repeat, self._cell, self._filled = times, 0, False
            if self._filled and closing:
                self.rows = max(self.rows, self._row + self._repeat)
        elif not closing:
            self._cell += times
            if not empty:
                self._filled = True
                self.columns = max(self.columns, self._cell)


def is_workbook(file: IO[bytes]) -> bool:
    """Whether a ZIP is a workbook, by what is in it."""
    with suppress(*ZIP_TROUBLE), zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        return bool(names & {"[Content_Types].xml", "content.xml", "xl/workbook.xml", "xl/workbook.bin"})
    return True
