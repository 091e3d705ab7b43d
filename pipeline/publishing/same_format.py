"""A file written again in its own format, row for row, with columns added at its right end.

Delimited text keeps its encoding, delimiter, line ends and quotes; a workbook all that is in it; Parquet its types.
Text that a spreadsheet would take for a formula is written so that it does not: as text, or behind an apostrophe.
"""

import codecs
import csv
import importlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any

import xlsxwriter

from pipeline.errors import OutputError
from pipeline.exports.responses import safe_cell
from pipeline.files.delimited import NO_DELIMITER
from pipeline.files.raw_table import RawTable
from pipeline.publishing.workbook_columns import add_columns, right_end

LONGEST_TEXT = 32_767  # of a cell of a workbook, in UTF-16 units
MOST_ROWS = 1_048_576
WHOLE_NUMBER = re.compile(r"-?[1-9]\d{0,14}|0")
CANNOT_WRITE = {"xls": "XLS", "ods": "ODS"}
WORKBOOK = ".xlsx"


@dataclass(frozen=True)
class Line:
    """A row that is not blank: its number in the file, its cells as they are to stand, and those added to it."""

    number: int
    cells: Sequence[str]
    added: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What is to be written: a table, its lines in order, and the place from which columns are added, from 0.

    styled: the rows of the header. masked: whether cells were changed, and nothing else of the file may be kept.
    """

    table: RawTable
    lines: Iterator[Line]
    place: int
    styled: frozenset[int] = frozenset()
    masked: bool = False


def right_end_of(table: RawTable, columns: int, *, as_workbook: bool) -> int:
    """The first place right of all that is filled in any row, from 0; at least as many as there are columns."""
    if table.format == "parquet":
        return len(next(table.rows())[1])
    reach = columns
    for _, cells in table.rows():
        if len(cells) > reach:
            reach = max(reach, next((n for n in range(len(cells), reach, -1) if cells[n - 1]), 0))
    return reach if as_workbook or table.format != "xlsx" else max(reach, right_end(table.source))


def write_like(wanted: Wanted, path: Path) -> None:
    """Writes a table again to a path of its own ending, packed as it was, or as a plain workbook to an `.xlsx`.

    Raises OutputError where it cannot be, InputError where the file cannot be read on.
    """
    write = _writer(wanted, path)
    try:
        with path.open("wb") as file:
            if path.suffix.casefold() == ".zip":
                _write_packed(wanted, file, write)
            else:
                write(wanted, file)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror or error})", where=path, fix="free some space") from None


def as_workbook(table: RawTable, suffix: str, masked: bool) -> bool:
    """Whether a plain workbook is made, where the format is another, or where nothing but cells may be kept."""
    return (suffix == WORKBOOK and table.format != "xlsx") or (masked and table.format == "xlsx")


def _writer(wanted: Wanted, path: Path) -> Callable[[Wanted, IO[bytes]], None]:
    if as_workbook(wanted.table, path.suffix.casefold(), wanted.masked):
        return write_plain_workbook
    return WRITERS[wanted.table.format]


def _write_packed(wanted: Wanted, file: IO[bytes], write: Callable[[Wanted, IO[bytes]], None]) -> None:
    """The ZIP as it was with the export in it written again; masked, with nothing else in it."""
    source = wanted.table.source
    with zipfile.ZipFile(source.path) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename == source.member:
                with new.open(zipfile.ZipInfo(entry.filename, entry.date_time), "w", force_zip64=True) as after:
                    write(wanted, after)
            elif not wanted.masked:
                with old.open(entry) as before, new.open(entry.filename, "w", force_zip64=True) as after:
                    copyfileobj(before, after)


class _Walk:
    """The lines, to be asked for by the number of their row, in order."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self.lines = lines
        self.next = next(lines, None)

    def at(self, number: int) -> Line | None:
        """The line of a row, or None for a blank one."""
        while self.next is not None and self.next.number < number:
            self.next = next(self.lines, None)
        return self.next if self.next is not None and self.next.number == number else None


# ---- delimited text -------------------------------------------------------------------------------------------------


def write_delimited(wanted: Wanted, file: IO[bytes]) -> None:
    """Rows that need no other change keep their text as it stands, and only grow at their end."""
    table, walk = wanted.table, _Walk(wanted.lines)
    encoding, mark = _encoding(table)
    errors = "surrogateescape" if encoding == "utf-8" else "strict"
    out = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")
    try:
        out.write(mark)
        for number, (cells, text) in enumerate(_records(table), 1):
            line = walk.at(number)
            out.write(text if line is None else _record(table, cells, text, line, wanted.place))
        out.flush()
    except UnicodeEncodeError as error:
        what = f"{error.object[error.start]!r} cannot be written in {table.encoding}"
        raise OutputError(what, where=table.source.where, fix=f"name a workbook: --out FILE{WORKBOOK}") from None
    finally:
        with suppress(ValueError, OSError):
            out.detach()


def _encoding(table: RawTable) -> tuple[str, str]:
    """The encoding, in the order of bytes it was in, and the mark to begin with."""
    if table.encoding == "utf-8-sig":
        return "utf-8", "\ufeff"
    if table.encoding != "utf-16":
        return table.encoding, ""
    with table.source.open() as file:
        return ("utf-16-be" if file.read(2) == codecs.BOM_UTF16_BE else "utf-16-le"), "\ufeff"


def _records(table: RawTable) -> Iterator[tuple[list[str], str]]:
    """Each record, blank ones too: its cells, and its text with the line end. Damaged bytes are kept where they can."""
    errors = "surrogateescape" if table.encoding.startswith("utf-8") else "replace"
    taken: list[str] = []

    def lines(file: io.TextIOWrapper) -> Iterator[str]:
        for line in file:
            taken.append(line)
            yield line

    with io.TextIOWrapper(table.source.open(), encoding=table.encoding, errors=errors, newline="") as file:
        for cells in csv.reader(lines(file), delimiter=table.delimiter):
            yield cells, "".join(taken)
            taken.clear()


def _record(table: RawTable, cells: list[str], text: str, line: Line, place: int) -> str:
    """A record with what is added; written anew only where a cell is changed or stands where columns are added."""
    body = text.rstrip("\r\n")
    line_end = text[len(body) :]
    apart = "," if table.delimiter == NO_DELIMITER else table.delimiter
    added = list(map(safe_cell, line.added))
    safe = list(map(safe_cell, _as_wanted(cells, line.cells)))
    if safe == cells and len(cells) <= place and apart == table.delimiter:
        return body + (apart * (place - len(cells) + 1) + _joined(added, apart) if added else "") + line_end
    if added:
        blanks = [""] * (place - len(safe))
        safe = [*safe[:place], *blanks, *added, *safe[place + len(added) :]]
    return _joined(safe, apart, all_quoted=body.startswith('"')) + line_end


def _as_wanted(cells: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    """The cells as they are to be; one that was not changed with its bytes as they stand, damaged ones too."""
    for cell, one in zip(cells, wanted, strict=True):
        if cell == one or cell.isascii():
            yield one
        else:
            yield cell if cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace") == one else one


def _joined(cells: Sequence[str], apart: str, *, all_quoted: bool = False) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=apart, quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL).writerow(cells)
    return text.getvalue().removesuffix("\r\n")


# ---- workbooks ------------------------------------------------------------------------------------------------------


def write_workbook(wanted: Wanted, file: IO[bytes]) -> None:
    """The workbook with cells put in; nothing else of it is touched."""
    walk = _Walk(wanted.lines)

    def added(number: int) -> Sequence[str]:
        line = walk.at(number)
        return line.added if line is not None else ()

    add_columns(wanted.table.source, file, wanted.place, added, wanted.styled)


def write_plain_workbook(wanted: Wanted, file: IO[bytes]) -> None:
    """A new workbook of one sheet with the cells as text, whole numbers as numbers, and nothing else."""
    where = wanted.table.source.where
    with xlsxwriter.Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("Responses")
        bold = book.add_format({"bold": True})
        for line in wanted.lines:
            if line.number > MOST_ROWS:
                raise OutputError("has more rows than a workbook holds", where=where, fix="name a file of its format")
            cells = [*line.cells[: wanted.place], *[""] * (wanted.place - len(line.cells)), *line.added]
            for column, text in enumerate(cells if line.added else line.cells):
                _check_length(text, f"{where}, row {line.number}")
                if WHOLE_NUMBER.fullmatch(text):
                    sheet.write_number(line.number - 1, column, int(text))
                elif text:
                    sheet.write_string(line.number - 1, column, text, bold if line.number in wanted.styled else None)


def _check_length(text: str, where: str) -> None:
    if len(text) * 2 > LONGEST_TEXT and len(text.encode("utf-16-le", "replace")) // 2 > LONGEST_TEXT:
        what = f"a cell of {len(text):,} characters, which no workbook holds"
        raise OutputError(what, where=where, fix="name a file of the format it has")


# ---- Parquet --------------------------------------------------------------------------------------------------------


def write_parquet(wanted: Wanted, file: IO[bytes]) -> None:
    """The table a row group at a time, with columns of text added; masked, only numbers and dates keep their type."""
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    walk = _Walk(wanted.lines)
    header = walk.at(1)
    names = header.added if header is not None else ()
    number = 1
    writer: Any = None
    with wanted.table.source.open() as opened:
        old = parquet.ParquetFile(opened)
        for n in range(old.num_row_groups):
            group = old.read_row_group(n)
            lines = [walk.at(number + k) for k in range(1, len(group) + 1)]
            number += len(group)
            if wanted.masked:
                group = _masked_group(arrow, group, lines)
            for k, name in enumerate(names):
                texts = [line.added[k] or None if line and k < len(line.added) else None for line in lines]
                group = group.append_column(name, arrow.array(texts, arrow.string()))
            writer = writer or parquet.ParquetWriter(file, group.schema, compression=_compression(old))
            writer.write_table(group, row_group_size=max(len(group), 1))
    writer.close()


def _compression(old: Any) -> str:
    """What the file was squeezed with."""
    name = str(old.metadata.row_group(0).column(0).compression)
    return "none" if name == "UNCOMPRESSED" else name


def _masked_group(arrow: Any, group: Any, lines: Sequence[Line | None]) -> Any:
    """The columns as text of the masked cells, but for numbers, dates and truth values that are as they were."""
    columns = []
    for k, column in enumerate(group.columns):
        texts = [line.cells[k] or None if line else None for line in lines]
        plain = any(getattr(arrow.types, f"is_{kind}")(column.type) for kind in PLAIN_TYPES)
        masked = any(text and text.startswith("[") for text in texts)
        columns.append(column if plain and not masked else arrow.array(texts, arrow.string()))
    return arrow.table(columns, names=list(map(str, group.schema.names)))


PLAIN_TYPES = ("integer", "floating", "boolean", "temporal", "decimal")

WRITERS: dict[str, Callable[[Wanted, IO[bytes]], None]] = {
    "csv": write_delimited,
    "xlsx": write_workbook,
    "parquet": write_parquet,
}
