"""Writing frequency tables: a workbook, a CSV, JSON, or text for the terminal.

The workbook follows the Government Analysis Function's guidance on spreadsheets: notes first, one table a sheet, no
merged cells, nothing told by colour alone.
"""

import csv
import io
import json
import os
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import xlsxwriter

from pipeline.errors import OutputError
from pipeline.responses import safe_cell
from pipeline.tables import Row, Tables

COLUMNS = tuple(field.name for field in fields(Row))

Cell = str | int | float


def write_tables(tables: Tables, path: Path) -> None:
    """Writes the tables as `.xlsx`, `.csv` or `.json`, by the ending, whole or not at all; replaces an existing file.

    Raises OutputError for another ending or a place that cannot be written to.
    """
    if path.suffix.casefold() not in WRITERS:
        known = ", ".join(WRITERS)
        raise OutputError(f"{path.suffix or 'no ending'!r} is not a kind of table", where=path, fix=f"use {known}")
    if not path.parent.is_dir():
        raise OutputError(
            f"there is no folder {str(path.parent)!r}", where=path, fix="make it first, or choose another"
        )
    _write_whole(WRITERS[path.suffix.casefold()](tables), path)


def _write_whole(content: bytes, path: Path) -> None:
    """Under another name beside it first, so that no half-made file can look finished."""
    unfinished = path.with_name(f".tables-{os.getpid()}.tmp")
    try:
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "it is write-protected")
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        fix = "close it in Excel, or choose another name"
        raise OutputError(f"cannot be written ({error.strerror})", where=path, fix=fix) from None
    finally:
        unfinished.unlink(missing_ok=True)


def _ranked(rows: Iterable[Row]) -> list[Row]:
    """Most respondents first, ties in the order of the codebook, those without a code last."""
    return sorted(rows, key=lambda row: (row.code == "", -row.respondents))


# ---- CSV and JSON --------------------------------------------------------------------------------------------------


def as_csv(tables: Tables) -> bytes:
    """All rows as CSV, UTF-8 with BOM so that Excel reads it right; no cell can become a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in tables.rows:
        cells = (getattr(row, name) for name in COLUMNS)
        writer.writerow(safe_cell(cell) if isinstance(cell, str) else cell for cell in cells)
    return out.getvalue().encode("utf-8-sig")


def as_json(tables: Tables) -> bytes:
    """All rows and notes as JSON in UTF-8; `group` and `value` are null in the overall table."""
    table = {
        "rows": [{name: getattr(row, name) for name in COLUMNS} for row in tables.rows],
        "base": tables.base,
        "responses": tables.responses,
        "wording": tables.wording,
        "notes": tables.notes,
    }
    return (json.dumps(table, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


# ---- the workbook --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """One column of a sheet: its header, the cell it takes from a row, and how the number is shown."""

    header: str
    cell: Callable[[Row], Cell]
    number: str = "#,##0"


NAME = Column("Name", lambda row: row.name)
CODE = Column("Code", lambda row: row.code)
VALUE = Column("Value", lambda row: row.value or "")
INFERRED = Column("Of which inferred", lambda row: row.inferred)
MEASURES = (
    Column("Comments", lambda row: row.comments),
    Column("Respondents", lambda row: row.respondents),
    Column("Base", lambda row: row.base),
    Column("Share", lambda row: row.share, "0.0%"),
    Column("Low 95 %", lambda row: row.low, "0.0%"),
    Column("High 95 %", lambda row: row.high, "0.0%"),
    Column("Status", lambda row: row.status),
)
BANNED = re.compile(r"[\[\]:*?/\\\x00-\x1f]+")
EDGES = " '"
SHEET_NAME = 31
NOTES_WIDTH = 100
WIDEST = 420


def as_xlsx(tables: Tables) -> bytes:
    """A workbook: notes, a sheet with a chart for each facet, and a sheet for each facet by each group."""
    out = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": f"Frequency tables: {tables.title}"})
        sheets = _sheets(tables)
        _write_notes(book, tables, sheets)
        for sheet in sheets:
            _write_sheet(book, sheet)
            if sheet.group is None:
                _add_chart(book, sheet)
    return out.getvalue()


@dataclass(frozen=True)
class Sheet:
    """One table of the workbook: its name, what it shows, and its lines in the order they stand."""

    name: str
    title: str
    group: str | None
    rows: tuple[Row, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that this table needs."""
        first = (NAME, CODE) if self.group is None else (VALUE, NAME, CODE)
        return (*first, *MEASURES, *((INFERRED,) if any(row.inferred for row in self.rows) else ()))


def _sheets(tables: Tables) -> list[Sheet]:
    """Overall tables first. Group values keep their order, largest first; the codes within are ranked as overall."""
    sheets: list[Sheet] = []
    for group in (None, *tables.groups):
        for facet, heading in tables.headings.items():
            rank = {row.code: n for n, row in enumerate(_ranked(tables.of(facet)))}
            place = {value: n for n, value in enumerate(dict.fromkeys(row.value for row in tables.of(facet, group)))}
            rows = sorted(tables.of(facet, group), key=lambda row: (place[row.value], rank[row.code]))
            title = heading if group is None else f"{heading} by {group}"
            if rows:
                name = sheet_name(title, ["Notes", *(sheet.name for sheet in sheets)])
                sheets.append(Sheet(name, title, group, tuple(rows)))
    return sheets


def sheet_name(title: str, taken: Sequence[str]) -> str:
    """A name that Excel accepts: at most 31 characters, none of `[ ] : * ? / \\`, and not taken in any case.

    >>> sheet_name("Theme by Q1/2?", [])
    'Theme by Q1 2'
    >>> sheet_name("theme", ["Theme"])
    'theme 2'
    """
    used = {name.casefold() for name in (*taken, "History")}
    plain = " ".join(BANNED.sub(" ", title).split()).strip(EDGES) or "Table"
    name, number = plain[:SHEET_NAME].strip(EDGES), 1
    while name.casefold() in used:
        number += 1
        name = f"{plain[: SHEET_NAME - len(str(number)) - 1].strip(EDGES)} {number}"
    return name


def _write_notes(book: Any, tables: Tables, sheets: Sequence[Sheet]) -> None:
    sheet = book.add_worksheet("Notes")
    wrapped, bold = book.add_format({"text_wrap": True, "valign": "top"}), book.add_format({"bold": True})
    sheet.set_column(0, 0, NOTES_WIDTH, wrapped)
    names = [f"Names as published in: {tables.wording}"] if tables.wording else []
    contents = [s.name if s.name == s.title else f"{s.name}: {s.title}" for s in sheets]
    lines = [
        (f"Frequency tables: {tables.title}", bold),
        *((text, wrapped) for text in names),
        ("How it was counted", bold),
        *((text, wrapped) for text in tables.notes),
        ("Sheets", bold),
        *((text, wrapped) for text in contents),
    ]
    for n, (text, look) in enumerate(lines):
        sheet.write_string(n, 0, text, look)


def _write_sheet(book: Any, table: Sheet) -> None:
    """A marked-up Excel table with filters, its header frozen; texts are only ever written as texts."""
    sheet = book.add_worksheet(table.name)
    header = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    looks = {number: book.add_format({"num_format": number}) for number in {c.number for c in table.columns}}
    for x, column in enumerate(table.columns):
        for y, row in enumerate(table.rows, 1):
            cell = column.cell(row)
            if isinstance(cell, str):
                sheet.write_string(y, x, cell)
            else:
                sheet.write_number(y, x, cell, looks[column.number])
    heads = [{"header": column.header, "header_format": header} for column in table.columns]
    options = {"columns": heads, "style": "Table Style Light 1", "banded_rows": False}
    sheet.add_table(0, 0, len(table.rows), len(heads) - 1, options)
    sheet.freeze_panes(1, 1 + (table.group is not None))
    sheet.autofit(WIDEST)


def _add_chart(book: Any, table: Sheet) -> None:
    """A bar for each code, the longest on top, with its interval as an error bar."""
    share = [column.header for column in table.columns].index("Share")
    last = len(table.rows)
    chart = book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "name": "Share of respondents",
            "categories": [table.name, 1, 0, last, 0],
            "values": [table.name, 1, share, last, share],
            "gap": 50,
            "y_error_bars": {
                "type": "custom",
                "plus_values": [row.high - row.share for row in table.rows],
                "minus_values": [row.share - row.low for row in table.rows],
            },
        }
    )
    title = f"Share of respondents, with 95 % interval: {table.title}".replace("!", "")  # "x!A1" would be a reference
    chart.set_title({"name": title, "name_font": {"size": 12}})
    chart.set_legend({"none": True})
    chart.set_x_axis({"num_format": "0%", "min": 0})
    chart.set_y_axis({"reverse": True, "crossing": "max"})
    chart.set_size({"width": 720, "height": 140 + 28 * last})
    sheet = book.get_worksheet_by_name(table.name)
    sheet.insert_chart(
        0, len(table.columns) + 1, chart, {"description": f"{title}. The table beside it says the same."}
    )


WRITERS: dict[str, Callable[[Tables], bytes]] = {".xlsx": as_xlsx, ".csv": as_csv, ".json": as_json}


# ---- text for the terminal -----------------------------------------------------------------------------------------

GAP = "  "
BLOCKS = " ▏▎▍▌▋▊▉█"
LONGEST_BAR = 24
SHORTEST_BAR = 6
SHORTEST_NAME = 12
HEADER_WIDTH = 16
HEADER_LINES = 4

Line = Sequence[str]


def as_text(tables: Tables, width: int = 100) -> str:
    """The tables as text for a terminal of `width` columns, 60 or more: plain, in an order that can be read out."""
    parts = [[f"Frequency tables: {_plain(tables.title)}"]]
    if tables.wording:
        parts[0].append(f"Names as published in: {_plain(tables.wording)}")
    parts[0] += textwrap.wrap(_plain(tables.notes[0]), width)
    parts += [_facet_text(_plain(name), tables.of(facet), width) for facet, name in tables.headings.items()]
    for group in tables.groups:
        for facet, name in tables.headings.items():
            if rows := tables.of(facet, group):
                order = [row.code for row in _ranked(tables.of(facet))]
                parts.append(_cross_text(f"{_plain(name)} by {_plain(group)}", rows, order, width))
    notes = [textwrap.wrap(f"- {_plain(note)}", width, subsequent_indent="  ") for note in tables.notes[1:]]
    parts.append(["Notes", *(line for note in notes for line in note)])
    return "\n\n".join("\n".join(line.rstrip() for line in part) for part in parts)


def _plain(text: str) -> str:
    """On one line and without control characters, which a terminal would obey."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def percent(share: float) -> str:
    """A share from 0 to 1 as it is printed: 0.344 is "34.4 %"."""
    return f"{100 * share:.1f} %"


def _facet_text(title: str, rows: Sequence[Row], width: int) -> list[str]:
    """One line a code: name, respondents, share, interval, and a bar where there is room."""
    ranked = _ranked(rows)
    inferred = any(row.inferred for row in rows)
    header = ["Name", "Respondents", "Share", "95 % interval", *(["Inferred"] if inferred else [])]
    lines = [[*_measures(row), *([f"{row.inferred:,}"] if inferred else [])] for row in ranked]
    widths = _widths([header, *lines], width)
    room = min(LONGEST_BAR, width - sum(widths) - len(GAP) * len(widths))
    bars = _bars([row.share for row in ranked], room) if room >= SHORTEST_BAR else [""] * len(ranked)
    return [title, *_aligned([header, *lines], widths, ["", *bars])]


def _measures(row: Row) -> list[str]:
    return [_plain(row.name), f"{row.respondents:,}", percent(row.share), f"{100 * row.low:.1f} to {percent(row.high)}"]


def _bars(shares: Sequence[float], length: int) -> list[str]:
    """Bars of at most `length` characters, the largest share filling it, in steps of an eighth of a character."""
    largest = max(shares, default=0.0)
    eighths = [max(round(8 * length * share / largest), 1) if share else 0 for share in shares]
    return [BLOCKS[8] * (n // 8) + BLOCKS[n % 8].strip() for n in eighths]


def _cross_text(title: str, rows: Sequence[Row], order: Sequence[str], width: int) -> list[str]:
    """A line a code and a column a value, in as many blocks side by side as the width asks for."""
    values = list(dict.fromkeys(row.value for row in rows))
    at = {(row.value, row.code): row for row in rows}
    first = [at[values[0], code] for code in order] if values else []
    names = [_plain(row.name) for row in first]
    columns = [_column([at[value, code] for code in order]) for value in values]
    lines = [f"{title}: share of the n respondents in each column"]
    for block in _blocks(names, columns, width):
        table = [list(line) for line in zip([""] * (HEADER_LINES + 1) + names, *block, strict=True)]
        filled = [line for line in table if any(line)]
        lines += [*_aligned(filled, _widths(filled, width), [""] * len(filled)), ""]
    return [*textwrap.wrap(lines[0], width), *lines[1:-1]]


def _column(rows: Sequence[Row]) -> list[str]:
    """The value over several lines, its base, and the share of each code."""
    value = textwrap.wrap(_plain(rows[0].value or ""), HEADER_WIDTH, max_lines=HEADER_LINES, placeholder=" …")
    return [*[""] * (HEADER_LINES - len(value)), *value, f"n={rows[0].base:,}", *(percent(row.share) for row in rows)]


def _blocks(names: Line, columns: Sequence[Line], width: int) -> Iterator[list[Line]]:
    """As many columns at a time as fit beside the names, at least one."""
    room = width - min(max(map(len, names), default=0), _longest_name(width))
    block: list[Line] = []
    used = 0
    for column in columns:
        needed = len(GAP) + max(map(len, column))
        if block and used + needed > room:
            yield block
            block, used = [], 0
        block.append(column)
        used += needed
    if block:
        yield block


def _longest_name(width: int) -> int:
    return max(SHORTEST_NAME, width // 2)


def _widths(table: Sequence[Line], width: int) -> list[int]:
    """The width of each column; the first gives way, its texts going over several lines."""
    first, *others = (max(map(len, column)) for column in zip(*table, strict=True))
    room = width - sum(others) - len(GAP) * len(others)
    return [min(first, max(SHORTEST_NAME, min(room, _longest_name(width)))), *others]


def _aligned(table: Sequence[Line], widths: Sequence[int], bars: Line) -> list[str]:
    """The first column to the left, numbers to the right, bars after them."""
    lines = []
    for cells, bar in zip(table, bars, strict=True):
        name, *rest = textwrap.wrap(cells[0], widths[0]) or [""]
        numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        lines.append(GAP.join([name.ljust(widths[0]), *numbers, bar]).rstrip())
        lines += rest
    return lines
