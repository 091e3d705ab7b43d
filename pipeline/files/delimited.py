"""Delimited text: CSV, TSV, semicolons, bars, in any usual encoding. Read as a stream and never held whole."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

from pipeline.errors import InputError
from pipeline.files.raw_table import LARGEST_CELL, ZIP_TROUBLE, RawTable, Row, Source

DELIMITERS = ",;\t|"
NO_DELIMITER = "\x1f"
TABLE_SHARE = 0.8
SAMPLE_ROWS = 50
SAMPLE_CHARACTERS = 1 << 20
NULL_SHARE = 0.05
REPLACED = "\ufffd"


def read_delimited(source: Source) -> RawTable:
    """Opens delimited text. Raises InputError where it is no text."""
    csv.field_size_limit(LARGEST_CELL)
    encoding = _encoding(source)
    with encoding.open(source) as file:
        delimiter = _delimiter(file)

    def rows() -> Iterator[Row]:
        number = 0
        with encoding.open(source) as file:
            lines = _Lines(file)
            try:
                for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), 1):
                    if lines.ended:
                        what, fix = "a quotation mark is opened and never closed", "close it, or delete it"
                        raise InputError(what, where=f"{source.where}, row {number}", fix=fix)
                    if any(map(str.strip, cells)):
                        yield number, cells
            except csv.Error as error:
                what = f"a cell of over {LARGEST_CELL:,} characters" if "limit" in str(error) else str(error)
                place, fix = f"{source.where}, row {number + 1}", "check the quotes in that row"
                raise InputError(what, where=place, fix=fix) from None
            except ZIP_TROUBLE as error:
                raise InputError(f"cannot be read on ({error})", where=source.where, fix="export it again") from None

    return RawTable(source, "csv", rows, encoding.name, delimiter, encoding.notes)


class _Lines:
    """The lines of a file, and whether they have ended: a row that comes only then was cut off within quotes."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.ended = file, False

    def __iter__(self) -> Iterator[str]:
        yield from self.file
        self.ended = True


# ---- encodings -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Encoding:
    """How the bytes become text; damaged: how many places could not, and stand as `�`."""

    name: str
    damaged: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.damaged:
            return ()
        return (f"{self.damaged:,} characters were damaged before they came here and stand as {REPLACED}",)

    def open(self, source: Source) -> TextIO:
        errors = "replace" if self.damaged else "strict"
        return io.TextIOWrapper(source.open(), encoding=self.name, errors=errors, newline="")


def _encoding(source: Source) -> _Encoding:
    """UTF-8 or UTF-16 by their marks or nulls, else UTF-8 if the bytes fit, else Windows-1252."""
    with source.open() as file:
        head = file.read(4096)
    marked = _marked(head)
    if marked:
        return _decoded(source, marked) or _damaged(source, marked) or _unreadable(source)
    found = _decoded(source, "utf-8")
    if found is None and _mostly_utf8(source):
        found = _damaged(source, "utf-8")
    return found or _decoded(source, "cp1252") or _unreadable(source)


def _marked(head: bytes) -> str:
    """The encoding told by the mark at the start; UTF-16 without a mark has a null at every second byte."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    half = max(len(head) // 2, 1)
    if head[1::2].count(0) > 0.4 * half and not head[::2].count(0):
        return "utf-16-le"
    return "utf-16-be" if head[::2].count(0) > 0.4 * half and not head[1::2].count(0) else ""


def _decoded(source: Source, encoding: str) -> _Encoding | None:
    try:
        return None if _counts(source, encoding, "strict").is_binary else _Encoding(encoding)
    except UnicodeDecodeError:
        return None


def _damaged(source: Source, encoding: str) -> _Encoding | None:
    """The encoding where but a few bytes do not fit: an answer cut within a character, half a pair of surrogates."""
    counts = _counts(source, encoding, "replace")
    few = counts.replaced * 4 <= counts.size
    return _Encoding(encoding, max(counts.replaced, 1)) if few and not counts.is_binary else None


def _mostly_utf8(source: Source) -> bool:
    """Whether more characters beyond ASCII are whole in UTF-8 than broken; in Windows-1252 nearly all are broken."""
    counts = _counts(source, "utf-8", "replace")
    return counts.foreign > counts.replaced


@dataclass(frozen=True)
class _Counts:
    size: int
    nulls: int
    replaced: int
    foreign: int

    @property
    def is_binary(self) -> bool:
        return self.nulls > NULL_SHARE * self.size


def _counts(source: Source, encoding: str, errors: str) -> _Counts:
    """What the decoded text holds: characters, nulls, places that do not fit, characters beyond ASCII that do.

    Raises InputError at a line without end, which would have to be held whole.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    size = nulls = replaced = foreign = line = lines = 0
    with source.open() as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            text = decoder.decode(block)
            size, nulls = size + len(text), nulls + text.count("\0")
            ended = max(text.rfind("\n"), text.rfind("\r"))
            line = line + len(text) if ended < 0 else len(text) - 1 - ended
            if line > LARGEST_CELL:
                what, place = f"a line of over {LARGEST_CELL:,} characters", f"{source.where}, line {lines + 1}"
                raise InputError(what, where=place, fix="check that it is an export")
            lines += text.count("\n")
            if errors == "replace":
                broken = text.count(REPLACED)
                replaced += broken
                foreign += len(text) - len(text.encode("ascii", "ignore")) - broken
        last = decoder.decode(b"", final=True)
    return _Counts(size + len(last), nulls, replaced + last.count(REPLACED), foreign)


def _unreadable(source: Source) -> _Encoding:
    raise InputError(
        "the encoding cannot be told, or the file is not text",
        where=source.where,
        fix="save it as “CSV UTF-8” in Excel",
    )


# ---- delimiters ----------------------------------------------------------------------------------------------------


def _delimiter(file: TextIO) -> str:
    """The delimiter that cuts the first rows into the most columns of the same number; none for a list of texts."""
    lines = list(_sample(file))

    def widths(delimiter: str) -> list[int]:
        return [len(row) for row in islice(csv.reader(lines, delimiter=delimiter), SAMPLE_ROWS) if row]

    try:
        found = {delimiter: widths(delimiter) for delimiter in DELIMITERS}
    except csv.Error:
        return ","
    if all(_is_list(rows) for rows in found.values()):
        return NO_DELIMITER
    return max(DELIMITERS, key=lambda delimiter: _evenness(found[delimiter]))


def _sample(file: TextIO) -> Iterator[str]:
    size = 0
    for line in islice(_Lines(file), SAMPLE_ROWS * 4):
        size += len(line)
        yield line
        if size > SAMPLE_CHARACTERS:
            return


def _evenness(widths: Sequence[int]) -> tuple[float, int]:
    """The share of rows of the most usual width, and that width; nothing where that is a single cell."""
    width, rows = _usual(widths)
    return (rows / len(widths) if width > 1 else 0.0, width)


def _is_list(widths: Sequence[int]) -> bool:
    """Whether a single cell stands above rows of no even width: texts with commas in them, not a table with a title."""
    width, rows = _usual(widths[1:])
    return widths[:1] == [1] and (width == 1 or rows <= max(1, TABLE_SHARE * len(_below_titles(widths[1:]))))


def _usual(widths: Sequence[int]) -> tuple[int, int]:
    """The most usual width of the rows below any titles, and how many rows have it."""
    return max(Counter(_below_titles(widths)).most_common(1), default=(1, 0))


def _below_titles(widths: Sequence[int]) -> Sequence[int]:
    """The widths without the single cells at the top, where they are fewer than the rest."""
    titles = next((n for n, width in enumerate(widths) if width > 1), 0)
    return widths[titles:] if titles * 2 <= len(widths) else widths
