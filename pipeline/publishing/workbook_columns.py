"""Columns added to a sheet of an XLSX workbook. All else stays as it is, byte by byte: other sheets, styles, formulas
with their values, charts, macros. The sheet's XML is read as a stream, and cells are put in at the right place."""

import re
import zipfile
from collections.abc import Callable, Sequence
from html import escape
from shutil import copyfileobj
from typing import IO
from xml.parsers import expat

from pipeline.errors import InputError, OutputError
from pipeline.files.raw_table import Source

MOST_COLUMNS = 16_384
SHEET = "worksheet"
MARKS_OF_UTF16 = (b"\xff\xfe", b"\xfe\xff")
SPANS = re.compile(rb"""\sspans\s*=\s*(?:"[^"]*"|'[^']*')""")
REFERENCE = re.compile(r"([A-Z]{1,3})\d*", re.IGNORECASE)
BLOCK = 1 << 16

AddedTo = Callable[[int], Sequence[str]]


def add_columns(
    source: Source, file: IO[bytes], place: int, added: AddedTo, styled: frozenset[int] = frozenset()
) -> None:
    """Writes the workbook again with cells added from a column on (counted from 0) in the sheet that is read.

    added: the texts for a row by its number, asked for in the order of the rows. styled: rows in which they look like
    the cell before them. Raises InputError, OutputError.
    """
    with source.open() as opened, zipfile.ZipFile(opened) as old, zipfile.ZipFile(file, "w") as new:
        part = _part_read(old, source)
        for entry in old.infolist():
            kept = zipfile.ZipInfo(entry.filename, entry.date_time)
            kept.compress_type, kept.external_attr = entry.compress_type, entry.external_attr
            with old.open(entry) as before, new.open(kept, "w", force_zip64=entry.file_size > 1 << 30) as after:
                if entry.filename == part:
                    sheet = _Sheet(source, before, after)
                    sheet.place, sheet.added, sheet.styled = place, added, styled
                    sheet.walk()
                else:
                    copyfileobj(before, after)


def right_end(source: Source) -> int:
    """How many columns the filled cells of the sheet that is read reach, formulas without a value among them."""
    with (
        source.open() as opened,
        zipfile.ZipFile(opened) as archive,
        archive.open(_part_read(archive, source)) as before,
    ):
        sheet = _Sheet(source, before)
        sheet.walk()
    return sheet.reach


# ---- which sheet ----------------------------------------------------------------------------------------------------


def _part_read(archive: zipfile.ZipFile, source: Source) -> str:
    """The name in the archive of the first filled sheet, which is the one that is read."""
    names = _sheets(archive, source)
    found = names[0]
    if len(names) > 1:
        found = next((one for one in names if one[0] == _first_filled(source)), names[0])
    return found[1]


def _first_filled(source: Source) -> str:
    from python_calamine import CalamineWorkbook

    with source.open() as file:
        workbook = CalamineWorkbook.from_object(file)
        for name in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(name).iter_rows()
            if any(str(cell).strip() for row in rows for cell in row):
                return name
    return ""


def _sheets(archive: zipfile.ZipFile, source: Source) -> list[tuple[str, str]]:
    """(name, name in the archive) of each sheet, in the order of the workbook."""
    try:
        targets = {
            one["Id"]: one["Target"].lstrip("/") if one["Target"].startswith("/") else f"xl/{one['Target']}"
            for one in _elements(archive.read("xl/_rels/workbook.xml.rels"), "Relationship", source)
            if one.get("Type", "").endswith(f"/{SHEET}")
        }
        sheets = [
            (one["name"], next(value for key, value in one.items() if key.rpartition(":")[2] == "id"))
            for one in _elements(archive.read("xl/workbook.xml"), "sheet", source)
        ]
    except (KeyError, StopIteration):
        raise _strange(source, "its list of sheets is broken") from None
    found = [(name, targets[id_]) for name, id_ in sheets if targets.get(id_) in archive.namelist()]
    if not found:
        raise _strange(source, "no sheet is where it says")
    return found


def _elements(xml: bytes, wanted: str, source: Source) -> list[dict[str, str]]:
    """The attributes of all elements of a name."""
    found: list[dict[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if _local(name) == wanted:
            found.append(attributes)

    parser = _parser(source)
    parser.StartElementHandler = start
    _feed(parser, xml, source, final=True)
    return found


# ---- one sheet ------------------------------------------------------------------------------------------------------


class _Sheet:
    """A walk through the XML of a sheet that copies it with cells added; without a file to write to, it measures."""

    def __init__(self, source: Source, before: IO[bytes], after: IO[bytes] | None = None) -> None:
        self.source, self.before, self.after = source, before, after
        self.place, self.styled = MOST_COLUMNS, frozenset[int]()
        self.added: AddedTo = _nothing
        self.text, self.first = b"", 0  # what of the XML is at hand, and where it begins
        self.written = self.seen = 0  # all before these is copied, or told by the parser
        self.row = self.column = self.reach = 0
        self.row_at = self.cell_at = 0
        self.in_row = self.filled = False
        self.put_at: int | None = None
        self.style = ""
        self.blank: list[tuple[int, int, int]] = []  # column, start and end of cells without content
        self.parser = _parser(source)
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end

    def walk(self) -> None:
        """Reads to the end. Raises InputError where the XML is broken or in a rare encoding."""
        for block in iter(lambda: self.before.read(BLOCK), b""):
            if not self.seen and not self.text and block.startswith(MARKS_OF_UTF16):
                raise _strange(self.source, "its sheet is in UTF-16")
            self.text += block
            _feed(self.parser, block, self.source)
            if not self.in_row:
                self._copy_to(self.seen)
            kept = self.written if self.after else self.first + len(self.text)
            self.text, self.first = self.text[kept - self.first :], kept
        _feed(self.parser, b"", self.source, final=True)
        self._copy_to(self.first + len(self.text))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local, at = _local(name), self.parser.CurrentByteIndex
        self.seen = at
        if local in ("v", "f", "is") and self.in_row:
            self.filled = True
        elif local == "c" and self.in_row:
            self._start_cell(at, attributes)
        elif local == "row":
            self.row = int(attributes.get("r", self.row + 1))
            self.row_at, self.in_row, self.column = at, True, 0
            self.put_at, self.style, self.blank = None, "", []
        elif local == "dimension" and self.after:
            self._copy_to(at)

    def _start_cell(self, at: int, attributes: dict[str, str]) -> None:
        named = REFERENCE.match(attributes.get("r", ""))
        self.column = _number(named[1]) if named else self.column + 1
        self.cell_at, self.filled = at, False
        if self.column <= self.place:
            self.style = attributes.get("s", "")
        elif self.put_at is None:
            self.put_at = at

    def _end(self, name: str) -> None:
        local, at = _local(name), self.parser.CurrentByteIndex
        self.seen = at
        if local == "c" and self.in_row:
            if self.filled:
                self.reach = max(self.reach, self.column)
            elif self.after and self.column > self.place:
                self.blank.append((self.column, self.cell_at, self._stop(self.cell_at, at)))
            self.filled = False
        elif local == "row":
            self.in_row = False
            texts = self.added(self.row)
            if self.after and any(texts):
                self._finish_row(self.after, name.removesuffix("row"), at, texts)
        elif local == "dimension" and self.after:
            # It says how far the cells reach, which is no longer so, and no program needs it.
            self.written = self._stop(self.written, at)

    def _finish_row(self, after: IO[bytes], prefix: str, end: int, texts: Sequence[str]) -> None:
        """Copies the row without its hint at how wide it is, with the cells put in and blank ones there left out."""
        self._copy_to(self.row_at)
        self.written = self._tag_end(self.row_at)
        after.write(SPANS.sub(b"", self._between(self.row_at, self.written)))
        self._copy_to(end if self.put_at is None else self.put_at)
        after.write(self._cells(prefix, texts).encode())
        for column, start, stop in self.blank:
            if column <= self.place + len(texts):
                self._copy_to(start)
                self.written = stop
        self._copy_to(end)

    def _cells(self, prefix: str, texts: Sequence[str]) -> str:
        """The cells as XML: text, which no program takes for a formula. In a header they look like the cell before."""
        if self.place + len(texts) > MOST_COLUMNS:
            raise OutputError("has no room for more columns", where=self.source.where, fix="delete those not needed")
        style = f' s="{escape(self.style)}"' if self.style and self.row in self.styled else ""
        return "".join(
            f'<{prefix}c r="{_letters(self.place + n)}{self.row}"{style} t="inlineStr"><{prefix}is>'
            f'<{prefix}t xml:space="preserve">{escape(text, quote=False)}</{prefix}t></{prefix}is></{prefix}c>'
            for n, text in enumerate(texts, 1)
            if text
        )

    def _copy_to(self, end: int) -> None:
        if self.after and end > self.written:
            self.after.write(self._between(self.written, end))
            self.written = end

    def _between(self, start: int, end: int) -> bytes:
        return self.text[start - self.first : end - self.first]

    def _stop(self, start: int, end: int) -> int:
        """Where an element ends; the parser tells where its last tag begins or, for `<c/>`, what comes next."""
        alone = self._tag_end(start) == end and self._between(end - 2, end) == b"/>"
        return end if alone else self._tag_end(end)

    def _tag_end(self, at: int) -> int:
        """Where the tag that begins here ends; none of those looked at has a `>` in an attribute."""
        return self.text.index(b">", at - self.first) + 1 + self.first


def _nothing(row: int) -> Sequence[str]:
    return ()


def _parser(source: Source) -> expat.XMLParserType:
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise _strange(source, "it declares a type of document")

    def check(version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.casefold() not in ("utf-8", "us-ascii"):
            raise _strange(source, f"its sheet is in {encoding}")

    parser.StartDoctypeDeclHandler, parser.XmlDeclHandler = refuse, check
    return parser


def _feed(parser: expat.XMLParserType, block: bytes, source: Source, *, final: bool = False) -> None:
    try:
        parser.Parse(block, final)
    except (expat.ExpatError, ValueError) as error:
        raise _strange(source, str(error)) from None


def _strange(source: Source, reason: str) -> InputError:
    what, fix = f"cannot be written again ({reason})", "open it in Excel, save it again, and code that"
    return InputError(what, where=source.where, fix=fix)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
