"""Sheets of a workbook laid out for everybody: a title, a few lines, one marked-up table, perhaps a chart below it.

After the Government Analysis Function's guidance on releasing statistics in spreadsheets: the title in the first cell,
tables that start in the first column and have names, one header row, no merged or empty cells, no filters, shorthand
such as `[c]` explained where it is used, nothing told by colour alone. One point is left open there and decided here:
the header is frozen only where a table is longer than a screen, so that a magnified view keeps its room elsewhere.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Any

import xlsxwriter
from xlsxwriter.utility import cell_autofit_width, quote_sheetname, xl_range_abs, xl_rowcol_to_cell

from pipeline.publishing.report import HIDDEN

NOT_APPLICABLE, NOT_KNOWN = "[z]", "[x]"
SHORTHAND = {
    HIDDEN: "not shown: the number is small, or a small number could be worked out from it",
    NOT_APPLICABLE: "does not apply",
    NOT_KNOWN: "could not be worked out",
}

NUMBERS = {  # how they are shown, by the kind of their column; `points` are percentage points
    "count": "#,##0",
    "number": "General",
    "figure": "0.00",
    "small": "0.00000",
    "share": "0.0%",
    "points": "+0.0;-0.0;0.0",
}
TEXTS = ("text", "long")
CHARTED = ("name", "share", "below", "above")
WIDEST = {"text": 330, "long": 760}  # pixels
NARROWEST = 100
LONGEST_LINE = 100  # characters that tell how wide a column must be
NEVER_WRAPS, MARGIN = 8, 25  # characters that any column holds on a line; pixels of it that stay empty
LINE, TALLEST = 16, 409  # points; Excel's limit
FONT, SIZE, TITLE_SIZE = "Arial", 12, 16
WIDER = 1.25  # than the library reckons, which does so for a smaller font
BAR = "#206095"
SCREEN = 25  # rows

BANNED = re.compile(r"[\[\]:*?/\\\x00-\x1f]+")
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
EDGES = " '"
SHEET_NAME = 31
LONGEST_TEXT = 32_767  # of a cell, in UTF-16 units
CUT = " … [cut here: a cell cannot hold more]"
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_column_width": 80,  # pixels, that of this font
}
PLAIN = {"font_name": FONT, "font_size": SIZE, "font_scheme": "none"}  # the scheme's font would be another one


@dataclass(frozen=True)
class Formula:
    """A cell that the workbook works out: `{key}` stands for the cell of that column in its row; value: the result.

    The value is kept in the file, for programs that show a workbook without working it out.
    """

    text: str
    value: float


@dataclass(frozen=True)
class Link:
    """A cell that leads to another sheet, by its name."""

    sheet: str


Cell = str | int | float | Formula | Link | None


@dataclass(frozen=True)
class Column:
    """A column of a table. kind: one of TEXTS or NUMBERS; about: what it holds, in words; key: its name in formulas."""

    header: str
    kind: str = "text"
    about: str = ""
    key: str = ""


@dataclass(frozen=True)
class BarChart:
    """Bars of the first `bars` rows of a table with their intervals, from the columns of the keys in CHARTED.

    `below` and `above` are how far the interval goes: not every program shows intervals that are in no cell.
    """

    title: str
    in_words: str
    bars: int


@dataclass(frozen=True)
class Sheet:
    """A sheet with one table of at least one row. name: of its tab, see `named`; lines: what stands above the table.

    A cell of None is hidden, printed `[c]`, one of "" does not apply, printed `[z]`. explained: whether the headers
    carry notes that say what their columns hold.
    """

    name: str
    title: str
    lines: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    chart: BarChart | None = None
    explained: bool = False

    @property
    def shorthand(self) -> tuple[str, ...]:
        """The marks that stand in the table, in the order of SHORTHAND."""
        found = {_shown(cell) for row in self.rows for cell in row if cell is None or isinstance(cell, str)}
        return tuple(mark for mark in SHORTHAND if mark in found)

    def above(self) -> tuple[str, ...]:
        """All lines between the title and the table."""
        what = "one table, and below it a chart of the same figures" if self.chart else "one table"
        marks = [f"{mark} {SHORTHAND[mark]}." for mark in self.shorthand]
        return (f"This worksheet contains {what}.", *self.lines, *marks)


def named(sheets: Sequence[Sheet], taken: Sequence[str] = ()) -> tuple[Sheet, ...]:
    """The sheets with names that Excel accepts, that differ from one another and are not taken."""
    names = list(taken)
    for sheet in sheets:
        names.append(sheet_name(sheet.name, names))
    return tuple(replace(sheet, name=name) for sheet, name in zip(sheets, names[len(taken) :], strict=True))


def sheet_name(title: str, taken: Sequence[str]) -> str:
    """A name that Excel accepts: at most 31 characters, none of `[ ] : * ? / \\`, and not taken in any case.

    >>> sheet_name("Theme by Q1/2?", [])
    'Theme by Q1 2'
    >>> sheet_name("theme", ["Theme"])
    'theme 2'
    """
    used = {name.casefold() for name in (*taken, "History")}
    plain = " ".join(BANNED.sub(" ", UNPRINTABLE.sub(" ", title)).split()).strip(EDGES) or "Table"
    name, number = _shortened(plain, SHEET_NAME), 1
    while name.casefold() in used:
        number += 1
        name = f"{_shortened(plain, SHEET_NAME - len(str(number)) - 1)} {number}"
    return name


def _shortened(text: str, units: int) -> str:
    """The beginning of a text, of at most so many UTF-16 units, which is how Excel counts."""
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore").strip(EDGES)


def cell_text(text: str) -> str:
    """A text as a cell can hold it: without control characters, and cut where it is too long for Excel.

    >>> cell_text("one\\r\\ntwo\\x07")
    'one\\ntwo '
    """
    plain = UNPRINTABLE.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = plain.encode("utf-16-le")
    if len(units) <= 2 * LONGEST_TEXT:
        return plain
    return units[: 2 * (LONGEST_TEXT - len(CUT))].decode("utf-16-le", "ignore") + CUT


def _shown(text: str | None) -> str:
    return HIDDEN if text is None else text or NOT_APPLICABLE


# ---- writing ---------------------------------------------------------------------------------------------------------


def workbook_bytes(sheets: Sequence[Sheet], title: str, made: datetime | None = None) -> bytes:
    """An XLSX workbook of these sheets, which have different names (see `named`); made: the date in its properties.

    No text can become a formula or a link; only a Formula and a Link do.
    """
    out = io.BytesIO()
    options = {**OPTIONS, "default_format_properties": dict(PLAIN)}  # the library writes into it
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": cell_text(title)[:255], **({"created": made} if made else {})})
        looks = _Looks(book)
        for number, sheet in enumerate(sheets, 1):
            _write(book, looks, sheet, number)
    return out.getvalue()


class _Looks:
    """The formats of a workbook, each made once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Any] = {}

    def get(self, **properties: Any) -> Any:
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(properties)
        return self._made[key]

    def of(self, column: Column, place: int) -> Any:
        """How a cell is shown: texts wrapped, numbers and what stands in their place to the right."""
        if column.kind in TEXTS:
            return self.get(text_wrap=True, valign="top", **_left(place))
        return self.get(num_format=NUMBERS[column.kind], align="right", valign="top")

    def header(self, column: Column, place: int) -> Any:
        """How the header of a column is shown, above its cells."""
        side = _left(place) if column.kind in TEXTS else {"align": "right"}
        return self.get(bold=True, bottom=1, text_wrap=True, valign="top", **side)


def _left(place: int) -> dict[str, Any]:
    """Texts keep off the numbers that may stand in the column before them."""
    return {"align": "left", "indent": min(place, 1)}


def _write(book: Any, looks: _Looks, sheet: Sheet, number: int) -> None:
    """The title, the lines, the table, and the chart below it."""
    page = book.add_worksheet(sheet.name)
    lines = sheet.above()
    page.write_string(0, 0, cell_text(sheet.title), looks.get(bold=True, font_size=TITLE_SIZE))
    for row, line in enumerate(lines, 1):
        page.write_string(row, 0, cell_text(line))
    top = len(lines) + 1
    _write_table(page, looks, sheet, top, number)
    _set_sizes(page, sheet, top)
    if sheet.chart:
        _write_chart(book, page, sheet, sheet.chart, top)
    if len(sheet.rows) > SCREEN:
        page.freeze_panes(top + 1, 0)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 1 if sheet.chart else 0)  # a chart is not cut in two
    page.repeat_rows(top)


def _write_table(page: Any, looks: _Looks, sheet: Sheet, top: int, number: int) -> None:
    """A table that programs know as one, without filters, its header in the row `top`."""
    for y, row in enumerate(sheet.rows, top + 1):
        for x, (column, cell) in enumerate(zip(sheet.columns, row, strict=True)):
            look = looks.get(hyperlink=True, valign="top") if isinstance(cell, Link) else looks.of(column, x)
            _write_cell(page, sheet, (y, x), cell, look)
    heads = [{"header": c.header, "header_format": looks.header(c, x)} for x, c in enumerate(sheet.columns)]
    options = {"columns": heads, "name": table_name(sheet.title, number), "style": None, "autofilter": False}
    about = {"title": cell_text(sheet.title)[:255], "description": cell_text(" ".join(sheet.above()))[:1000]}
    page.add_table(top, 0, top + len(sheet.rows), len(heads) - 1, {**options, **about})
    if sheet.explained:
        for x, column in enumerate(sheet.columns):
            page.write_comment(top, x, f"{column.header}: {column.about}", {"author": "", "x_scale": 2, "y_scale": 1.5})


def table_name(title: str, number: int) -> str:
    """The name of a table, as Excel accepts it: the number of the sheet makes it the only one.

    >>> table_name("Theme by Q1/2?", 4)
    'Table_4_Theme_by_Q1_2'
    """
    return f"Table_{number}_{re.sub(r'[^A-Za-z0-9]+', '_', title)}"[:100].strip("_")


def _write_cell(page: Any, sheet: Sheet, place: tuple[int, int], cell: Cell, look: Any) -> None:
    """One cell; a text is only ever written as text."""
    if isinstance(cell, Formula):
        keys = {column.key: xl_rowcol_to_cell(place[0], x) for x, column in enumerate(sheet.columns) if column.key}
        page.write_formula(*place, cell.text.format(**keys), look, cell.value)
    elif isinstance(cell, Link):
        quoted = cell.sheet.replace("'", "''")
        page.write_url(*place, f"internal:'{quoted}'!A1", look, cell.sheet)
    elif cell is None or isinstance(cell, str):
        text = cell_text(_shown(cell))
        page.write_string(*place, text, look)
    else:
        page.write_number(*place, cell, look)


def _set_sizes(page: Any, sheet: Sheet, top: int) -> None:
    """Columns as wide as their contents, up to a limit; rows as tall as what then goes over several lines.

    Excel would find the heights by itself, other programs do not.
    """
    widths = [_width(column, [row[x] for row in sheet.rows]) for x, column in enumerate(sheet.columns)]
    for x, width in enumerate(widths):
        page.set_column_pixels(x, x, width)
    headers = tuple(column.header for column in sheet.columns)
    for y, row in enumerate((headers, *sheet.rows), top):
        lines = max(_lines(cell, width) for cell, width in zip(row, widths, strict=True))
        if lines > 1:
            page.set_row(y, min(LINE * lines, TALLEST))


def _width(column: Column, cells: Sequence[Cell]) -> int:
    """The pixels of a column: a text's by its widest cell, a number's by its header, which may go over lines."""
    header = max(NARROWEST, MARGIN + max(map(_pixels, column.header.split())))
    if column.kind not in TEXTS:
        return header
    lines = {line[:LONGEST_LINE] for cell in cells for line in _text_of(cell).split("\n")}
    return max(header, min(WIDEST[column.kind], MARGIN + max(map(_pixels, lines))))


def _lines(cell: Cell, width: int) -> int:
    """How many lines a cell takes, rather too many than too few."""
    text = _text_of(cell)
    if len(text) < NEVER_WRAPS:
        return 1
    return sum(max(1, -(-_pixels(line) // (width - MARGIN))) for line in text.split("\n"))


def _text_of(cell: Cell) -> str:
    if isinstance(cell, Link):
        return cell.sheet
    return _shown(cell) if cell is None or isinstance(cell, str) else ""


def _pixels(text: str) -> int:
    return round(WIDER * int(cell_autofit_width(text)))


def _write_chart(book: Any, page: Any, sheet: Sheet, wanted: BarChart, top: int) -> None:
    """A bar for each row, the first on top, with its interval as an error bar."""
    keys = {column.key: x for x, column in enumerate(sheet.columns)}
    ranges = (xl_range_abs(top + 1, keys[key], top + wanted.bars, keys[key]) for key in CHARTED)
    names, shares, below, above = (f"={quote_sheetname(sheet.name)}!{cells}" for cells in ranges)
    chart = book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "name": sheet.columns[keys["share"]].header,
            "categories": names,
            "values": shares,
            "gap": 50,
            "fill": {"color": BAR},
            "y_error_bars": {"type": "custom", "plus_values": above, "minus_values": below},
        }
    )
    font = {"name": FONT, "size": SIZE}
    title = wanted.title.replace("!", "")  # the library would take "x!A1" for a reference to a cell
    chart.set_title({"name": title, "name_font": {**font, "bold": True}, "overlay": False})
    chart.set_legend({"none": True})
    ends = [_sum(row[keys["share"]], row[keys["above"]]) for row in sheet.rows[: wanted.bars]]
    longest = min(ceil(max(ends) * 10) / 10 or 1, 1)  # programs leave room for bars, not for their intervals
    chart.set_x_axis({"num_format": "0%", "min": 0, "max": longest, "num_font": font})
    chart.set_y_axis({"reverse": True, "crossing": "max", "num_font": font})
    chart.set_size({"width": 900, "height": 150 + 34 * wanted.bars})
    place = top + len(sheet.rows) + 2
    page.insert_chart(place, 0, chart, {"description": cell_text(wanted.in_words)[:1000], "object_position": 2})


def _sum(*cells: Cell) -> float:
    return sum(cell for cell in cells if isinstance(cell, int | float))
