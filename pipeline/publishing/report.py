"""Frequency tables as CSV, as JSON, or as text for the terminal; `workbook` makes a workbook of them."""

import csv
import io
import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from pipeline.counting.findings import Findings
from pipeline.counting.tables import CORRECTED, NOT_CHECKED, SUPPRESSED, Correction, Row, Tables
from pipeline.exports.responses import safe_cell

COLUMNS = tuple(field.name for field in fields(Row))
HIDDEN = "[c]"  # in place of a number that is suppressed, as official statistics print it


def ranked(rows: Iterable[Row]) -> list[Row]:
    """Largest share first, ties in the order of the codebook, then those without a code, suppressed ones at the end."""
    return sorted(rows, key=lambda row: (row.share is None, row.code == "", -(row.share or 0.0)))


def counted_share(row: Row) -> float | None:
    """The share as counted, before any correction; None where it is suppressed."""
    return row.share if row.status == NOT_CHECKED else row.counted_share


def shown_corrections(tables: Tables) -> tuple[Correction, ...]:
    """What corrected shares were worked out from, without that of suppressed ones, which it would give away."""
    shown = {(row.facet, row.code) for row in tables.rows if row.group is None and row.status == CORRECTED}
    return tuple(one for one in tables.corrections if (one.facet, one.code) in shown)


# ---- CSV and JSON --------------------------------------------------------------------------------------------------


def as_csv(tables: Tables) -> bytes:
    """All rows as CSV, UTF-8 with BOM so that Excel reads it right; no cell can become a formula.

    A suppressed number is `[c]`; `group` and `value` are empty in the overall table.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in tables.rows:
        writer.writerow(_csv_cell(row, name, cell) for name, cell in _cells(row).items())
    return out.getvalue().encode("utf-8-sig")


def _cells(row: Row) -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in COLUMNS}, "counted_share": counted_share(row)}


def _csv_cell(row: Row, name: str, cell: Any) -> Any:
    if cell is None and row.status == SUPPRESSED and name not in ("group", "value"):
        return HIDDEN
    return safe_cell(cell) if isinstance(cell, str) else cell


def as_json(tables: Tables, findings: Findings | None = None) -> bytes:
    """All rows and notes as JSON in UTF-8; `group` and `value` are null in the overall table, suppressed numbers too.

    With the findings also all that was found but the quotes, under the names of their fields: comments stay in the run.
    """
    table = {
        "rows": [_cells(row) for row in tables.rows],
        "base": tables.base,
        "responses": tables.responses,
        "wording": tables.wording,
        "notes": tables.notes,
        "corrections": [asdict(one) for one in shown_corrections(tables)],
        **(_found(findings) if findings else {}),
    }
    return (json.dumps(table, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def _found(findings: Findings) -> dict[str, Any]:
    """What was found beside the tables, without anything that somebody wrote."""
    left = {"tables", "codebook", "quotes", "piles"}
    return {
        field.name: _plain_value(getattr(findings, field.name)) for field in fields(findings) if field.name not in left
    }


def _plain_value(value: Any) -> Any:
    """Records as dictionaries, for JSON."""
    if isinstance(value, tuple):
        return [_plain_value(one) for one in value]
    if isinstance(value, Mapping):
        return dict(value)
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


# ---- text for the terminal -----------------------------------------------------------------------------------------

GAP = "  "
BLOCKS = " ▏▎▍▌▋▊▉█"
LONGEST_BAR = 24
SHORTEST_BAR = 6
SHORTEST_NAME = 12
HEADER_WIDTH = 16
HEADER_LINES = 4
AS_COUNTED = "*"
ABOUT_HIDDEN = (
    f"{HIDDEN}: a number that is not shown, because it is small or because a small one could be worked out from it."
)

Line = Sequence[str]


def as_text(tables: Tables, width: int = 100) -> str:
    """The tables as text for a terminal of `width` columns, 60 or more: plain, in an order that can be read out."""
    parts = [[f"Frequency tables: {_plain(tables.title)}"]]
    if tables.wording:
        parts[0].append(f"Names as published in: {_plain(tables.wording)}")
    parts[0] += textwrap.wrap(_plain(tables.notes[0]), width)
    parts[0] += textwrap.wrap(_status([row for row in tables.rows if row.group is None]), width)
    parts += [_facet_text(_plain(name), tables.of(facet), width) for facet, name in tables.headings.items()]
    for group in tables.groups:
        for facet, name in tables.headings.items():
            if rows := tables.of(facet, group):
                order = [row.code for row in ranked(tables.of(facet))]
                what = _what_shares(rows, tables.rows)
                parts.append(_cross_text(f"{_plain(name)} by {_plain(group)}: {what}", rows, order, width))
    told = any(HIDDEN in note for note in tables.notes)
    about_hidden = [ABOUT_HIDDEN] if _in(tables.rows, SUPPRESSED) and not told else []
    notes = [*map(_plain, tables.notes[1:]), *about_hidden]
    lines = [textwrap.wrap(f"- {note}", width, subsequent_indent="  ") for note in notes]
    parts.append(["Notes", *(line for note in lines for line in note)])
    return "\n\n".join("\n".join(line.rstrip() for line in part) for part in parts)


def _plain(text: str) -> str:
    """On one line and without control characters, which a terminal would obey."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def percent(share: float) -> str:
    """A share from 0 to 1 as it is printed: 0.344 is "34.4 %"."""
    return f"{100 * share:.1f} %"


def _share(share: float | None) -> str:
    return HIDDEN if share is None else percent(share)


def _count(number: int | None) -> str:
    return HIDDEN if number is None else f"{number:,}"


def _status(rows: Sequence[Row]) -> str:
    """How far the shares of the overall tables can be taken, in a sentence."""
    if not _in(rows, CORRECTED):
        return "Status of the shares: not checked."
    some = " Where that is empty, the share is as counted, not checked." if _in(rows, NOT_CHECKED) else ""
    return f"Status of the shares: corrected with the check sample; “Counted” is the share before that.{some}"


def _facet_text(title: str, rows: Sequence[Row], width: int) -> list[str]:
    """One line a code: name, respondents, share, interval, what else there is room for, and a bar."""
    lines = ranked(rows)
    table = [["Name", "Respondents", "Share", "95 % interval"], *map(_measures, lines)]
    for column in _extras(lines):
        wider = [[*cells, cell] for cells, cell in zip(table, column, strict=True)]
        if _room(wider, width) >= 0:
            table = wider
    room = min(LONGEST_BAR, _room(table, width) - len(GAP))
    bars = _bars([row.share for row in lines], room) if room >= SHORTEST_BAR else [""] * len(lines)
    return [title, *_aligned(table, _widths(table, width), ["", *bars])]


def _measures(row: Row) -> list[str]:
    low, high = row.low, row.high
    interval = HIDDEN if low is None or high is None else f"{100 * low:.1f} to {percent(high)}"
    return [_plain(row.name), _count(row.respondents), _share(row.share), interval]


def _extras(rows: Sequence[Row]) -> list[list[str]]:
    """Columns that only some tables need, header first: shares before correction, and how many codes were inferred."""
    counted = [_share(counted_share(row)) if row.status == CORRECTED else "" for row in rows]
    inferred = [_count(row.inferred) for row in rows]
    return [
        *([["Counted", *counted]] if any(counted) else []),
        *([["Inferred", *inferred]] if any(row.inferred for row in rows) else []),
    ]


def _room(table: Sequence[Line], width: int) -> int:
    """How many characters the columns of a table leave free; below 0 where they do not fit."""
    widths = _widths(table, width)
    return width - sum(widths) - len(GAP) * (len(widths) - 1)


def _bars(shares: Sequence[float | None], length: int) -> list[str]:
    """Bars of at most `length` characters, the largest share filling it, in steps of an eighth of a character."""
    largest = max((share or 0.0 for share in shares), default=0.0)
    eighths = [max(round(8 * length * share / largest), 1) if share else 0 for share in shares]
    return [BLOCKS[8] * (n // 8) + BLOCKS[n % 8].strip() for n in eighths]


def _what_shares(rows: Sequence[Row], all_rows: Sequence[Row]) -> str:
    """What the numbers of a table by group are."""
    counted, corrected = _in(rows, NOT_CHECKED), _in(rows, CORRECTED)
    base = "of the n respondents in each column"
    if corrected:
        return f"corrected share {base}" + (f" ({AS_COUNTED} as counted, not checked)" if counted else "")
    return f"share {base}" + (", not checked" if _in(all_rows, CORRECTED) else "")


def _in(rows: Iterable[Row], status: str) -> bool:
    return any(row.status == status for row in rows)


def _cross_text(title: str, rows: Sequence[Row], order: Sequence[str], width: int) -> list[str]:
    """A line a code and a column a value, in as many blocks side by side as the width asks for."""
    values = list(dict.fromkeys(row.value for row in rows))
    at = {(row.value, row.code): row for row in rows}
    first = [at[values[0], code] for code in order] if values else []
    names = [_plain(row.name) for row in first]
    mixed = _in(rows, CORRECTED) and _in(rows, NOT_CHECKED)
    columns = [_column([at[value, code] for code in order], mixed) for value in values]
    lines = textwrap.wrap(title, width)
    for block in _blocks(names, columns, width):
        table = [list(line) for line in zip([""] * (HEADER_LINES + 1) + names, *block, strict=True)]
        filled = [line for line in table if any(line)]
        lines += [*_aligned(filled, _widths(filled, width), [""] * len(filled)), ""]
    return lines[:-1]


def _column(rows: Sequence[Row], mixed: bool) -> list[str]:
    """The value over several lines, its base, and the share of each code."""
    value = textwrap.wrap(_plain(rows[0].value or ""), HEADER_WIDTH, max_lines=HEADER_LINES, placeholder=" …")
    ends = [f" {AS_COUNTED}" if row.status == NOT_CHECKED else "  " for row in rows] if mixed else [""] * len(rows)
    shares = [_share(row.share) + end for row, end in zip(rows, ends, strict=True)]
    return [*[""] * (HEADER_LINES - len(value)), *value, f"n={_count(rows[0].base)}", *shares]


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
