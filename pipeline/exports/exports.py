"""Exports: opening one as it came from the survey platform, a file or a folder, and its rows below the header."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from pipeline.errors import InputError
from pipeline.exports.layouts import FIRST_ROWS, PLAIN, Shape, Top, fold, recognise
from pipeline.files.raw_table import MOST_COLUMNS, RawTable, Row, read_cell
from pipeline.files.sources import files_in, open_table

PROFILED_ROWS = 5000
APART, WHY_NOT = " | ", "not coded because"  # in the names of the columns that are added when an export is given back
LAST_ADDED = re.compile(rf"(.*){re.escape(APART + WHY_NOT)}(?: \(\d+\))?")


@dataclass(frozen=True)
class Export:
    """A table as it came from the survey platform. `rows` starts again from the top at each call.

    Each row is (row number in the file as a spreadsheet shows it, cells); wholly blank rows are left out. In a folder
    the numbers of a later file go on from those before it; `place` tells the file and its own number.
    columns: the names, all different, on one line each. shape: what was recognised. above: the rows above the responses
    as they stood. table: the file as it is (None for a folder). parts: the exports of a folder, first number → export.
    added: the columns that were added to it when it was given back with its codes.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]
    encoding: str = ""
    shape: Shape = field(default_factory=lambda: Shape(PLAIN, (1,)))
    above: tuple[Row, ...] = ()
    ids: dict[str, int] = field(default_factory=dict)
    previews: dict[int, frozenset[str]] = field(default_factory=dict)
    table: RawTable | None = None
    parts: tuple[tuple[int, "Export"], ...] = ()
    added: frozenset[str] = frozenset()

    def column(self, name: str) -> int:
        """The place of a column, by its name or its short id. Raises InputError naming the nearest."""
        plain = [fold(column) for column in self.columns]
        if fold(name) in plain:
            return plain.index(fold(name))
        if fold(name) in self.ids:
            return self.ids[fold(name)]
        near = get_close_matches(fold(name), plain, n=1, cutoff=0.0)
        raise InputError(
            f"there is no column {name!r}", where=self.path, fix=f"did you mean {self.columns[plain.index(near[0])]!r}?"
        )

    def is_preview(self, cells: Sequence[str]) -> bool:
        """Whether a row is somebody trying the survey out, by what the platform says of it."""
        return any(place < len(cells) and fold(cells[place]) in marks for place, marks in self.previews.items())

    def is_blank(self, cell: str) -> bool:
        """Whether nothing was answered: no text, or what the platform writes in its place."""
        text = cell.strip()
        return not text or text == self.shape.blank

    def place(self, row: int) -> str:
        """A row in words: "row 7", in a folder "spring.csv, row 7"."""
        for first, part in reversed(self.parts):
            if row > first:
                return f"{part.path.name}, row {row - first}"
        return f"row {row}"


def read_export(path: Path) -> Export:
    """Opens an export: CSV of any usual encoding and delimiter, XLSX, XLS, ODS, Parquet, a ZIP of one, or a folder.

    A CSV that was given back with its codes is read without the apostrophes that guard it from formulas. Raises
    InputError where it is none, or the exports of a folder are not of one layout.
    """
    return _read_folder(path) if path.is_dir() else _read_file(path)


def _read_file(path: Path) -> Export:
    table = open_table(path)
    top = _top(table)
    added = _added(top.names)
    if added and table.format == "csv":
        table = _unguarded(table)
        top = _top(table)
        added = _added(top.names)
    if len(top.names) > MOST_COLUMNS:
        raise InputError(f"has {len(top.names):,} columns", where=path, fix="delete those not needed")

    def below() -> Iterator[Row]:
        return islice(table.rows(), len(top.rows), None)

    if next(below(), None) is None:
        raise InputError("has a header but no responses", where=path, fix="export it again, with the answers")
    shape = replace(top.shape, notes=(*top.shape.notes, *table.notes))
    return Export(path, top.names, below, table.encoding, shape, top.rows, top.ids, top.previews, table, added=added)


def _top(table: RawTable) -> Top:
    """What stands above the responses, from the first rows; more are read to tell which columns are used at all."""
    first: list[Row] = []
    used = 0
    for row in islice(table.rows(), PROFILED_ROWS):
        if len(first) < FIRST_ROWS:
            first.append(row)
        used = max(used, next((n for n in range(len(row[1]), used, -1) if row[1][n - 1].strip()), 0))
    return recognise(first, used)


def _added(names: Sequence[str]) -> frozenset[str]:
    """The columns of codes in a file that was given back, known by the last of each question; none in any other."""
    asked = tuple(found[1] + APART for name in names if (found := LAST_ADDED.fullmatch(name)))
    return frozenset(name for name in names if name.startswith(asked))


def _unguarded(table: RawTable) -> RawTable:
    """The table without the apostrophes that were written before what a spreadsheet would run."""

    def rows() -> Iterator[Row]:
        for number, cells in table.rows():
            yield number, list(map(read_cell, cells))

    return replace(table, rows=rows)


# ---- a folder of exports of one layout -------------------------------------------------------------------------------


def _read_folder(folder: Path) -> Export:
    files, others = files_in(folder)
    first, *further = (_read_file(file) for file in files)
    parts = [(0, first, list(range(len(first.columns))))]
    for export in further:
        start, before, _ = parts[-1]
        parts.append((start + _last_row(before), export, _order(first, export)))
    notes = [f"{len(files)} files, one after the other"] if further else []
    notes += [f"left aside: {', '.join(others)}"] if others else []

    def rows() -> Iterator[Row]:
        for start, export, order in parts:
            for number, cells in export.rows():
                yield start + number, _in_order(cells, order)

    shape = replace(first.shape, notes=(*first.shape.notes, *notes))
    whole = replace(first, path=folder, rows=rows, shape=shape, table=None)
    return replace(whole, parts=tuple((start, export) for start, export, _ in parts))


def _last_row(export: Export) -> int:
    return max(number for number, _ in export.rows())


def _order(first: Export, other: Export) -> list[int]:
    """Where the columns of the first export are in another. Raises InputError naming those that differ."""
    wanted, there = ({fold(name): name for name in export.columns} for export in (first, other))
    lacking = [name for folded, name in wanted.items() if folded not in there]
    further = [name for folded, name in there.items() if folded not in wanted]
    if lacking or further:
        said = [f"lacks {', '.join(map(repr, lacking))}"] if lacking else []
        said += [f"has {', '.join(map(repr, further))}"] if further else []
        what = f"is not of the layout of {first.path.name}: it {' and '.join(said)}"
        raise InputError(what, where=other.path, fix="name the columns alike, or code it by itself")
    folded = list(there)
    return [folded.index(name) for name in wanted]


def _in_order(cells: list[str], order: list[int]) -> list[str]:
    if all(place == n for n, place in enumerate(order)):
        return cells
    return [*(cells[place] if place < len(cells) else "" for place in order), *cells[len(order) :]]
