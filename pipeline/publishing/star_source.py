"""A run as a star of tables is written from it: its comments a batch at a time, and what people said of them since."""

import csv
import datetime as dt
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from pipeline.codebook import Codebook, Facet
from pipeline.counting.run_table import CAMPAIGNS, CODE_AGAIN
from pipeline.errors import InputError
from pipeline.files.raw_table import read_cell
from pipeline.files.replacing import finish_replacing
from pipeline.publishing.dates import date_column, read_dates
from pipeline.publishing.star import TABLES, column_names
from pipeline.stores.comment_store import FILE as COMMENTS
from pipeline.stores.comment_store import MACHINE
from pipeline.stores.review_store import FILE as DECISIONS
from pipeline.stores.review_store import Store

BATCH = 10_000  # comments that are held at once
SAMPLE = 1000  # comments by which the column of dates is found
OF_A_COMMENT = ("question", "review", "doubts", *CAMPAIGNS)  # what differs between the comments of one response
OWN = ("comment_id", "response_id", "question", "text")
CODED = "coded.csv"


@dataclass(frozen=True)
class Source:
    """Where in `coded.csv` of a run everything stands, and what people said since.

    places: column → its place; attributes: header → column of the star; day: text of a date → the day.
    decided: facet → comment → codes; checked: (comment, facet) of the check sample; drawn: comments of it.
    """

    run: Path
    width: int
    places: Mapping[str, int]
    facets: tuple[Facet, ...]
    attributes: Mapping[str, str]
    dated_by: str | None
    day: Mapping[str, dt.date | None]
    decided: Mapping[str, Mapping[str, tuple[str, ...]]]
    checked: frozenset[tuple[str, str]]
    drawn: frozenset[str]

    def batches(self) -> Iterator[dict[str, list[str]]]:
        """The comments in the order of the export, a batch at a time: column → cells."""
        wanted = {*OWN, *(facet.id for facet in self.facets), *self.attributes, *CAMPAIGNS}
        wanted |= {f"{facet.id}_source" for facet in self.facets} | ({self.dated_by} if self.dated_by else set())
        yield from _batches(self.run / CODED, self.places, wanted, self.width, BATCH)


def open_source(run: Path, book: Codebook, by: Sequence[str], date: str | None) -> Source:
    """Finds everything in a run but reads no comment yet; `by`: attributes, `date`: column of dates, found if None.

    Raises InputError for a folder that is no run or a column that is not there.
    """
    finish_replacing(run)
    path = run / CODED
    if not path.is_file():
        raise InputError("is no run folder: coded.csv is missing", where=run, fix=f"make one with {CODE_AGAIN}")
    header = _header(path)
    places = _places(header, book)
    for name in OWN:
        if name not in places:
            raise InputError(f"the column {name!r} is missing", where=path, fix=f"code again: {CODE_AGAIN}")
    facets = tuple(facet for facet in book.facet if facet.id in places)
    others = _others(places, book)
    for name in (*by, *([date] if date else [])):
        _check_column(name, others, {*OF_A_COMMENT, *book.by_id}, path)
    dated_by = date or _find_date(path, places, others, len(header))
    decided, checked, drawn = _said(run)
    attributes = [name for name in dict.fromkeys(by) if name in others]
    return Source(
        run=run,
        width=len(header),
        places=places,
        facets=facets,
        attributes=column_names(attributes, (one.name for one in TABLES["responses"])),
        dated_by=dated_by,
        day=_days(path, places, dated_by, len(header)),
        decided=decided,
        checked=checked,
        drawn=drawn,
    )


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return [read_cell(name) for name in next(csv.reader(file), [])]


def _places(header: Sequence[str], book: Codebook) -> dict[str, int]:
    """Where each column stands. The run's own columns come last, so an export's column of the same name is not they."""
    own = {*book.by_id, *(f"{facet}_source" for facet in book.by_id), *OF_A_COMMENT[1:]}
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        if name in own or name not in places:
            places[name] = place
    return places


def _others(places: Mapping[str, int], book: Codebook) -> list[str]:
    """The columns of `coded.csv` that came with the export."""
    own = {*OWN, *OF_A_COMMENT}
    for facet in book.facet:
        own |= {facet.id, *(f"{facet.id}_{end}" for end in ("probability", "why", "source"))}
        own |= {f"{facet.id}:{code}" for code in facet.ids}
    return [name for name in places if name not in own]


def _check_column(name: str, others: Sequence[str], passed_over: set[str], path: Path) -> None:
    """Raises InputError for a column that is not there. Those that differ from comment to comment have other tables."""
    if name in others or name in passed_over:
        return
    near = {other.casefold(): other for other in reversed(others)}
    best = get_close_matches(name.casefold(), near, n=1, cutoff=0.0)
    fix = (
        f"did you mean {near[best[0]]!r}? There are: {', '.join(others)}" if best else "the export has no such columns"
    )
    raise InputError(f"there is no column {name!r}", where=path, fix=fix)


def _batches(
    path: Path, places: Mapping[str, int], names: Iterable[str], width: int, size: int
) -> Iterator[dict[str, list[str]]]:
    """The cells of these columns, as they were before they were made safe for Excel. Raises InputError."""
    wanted = [name for name in names if name in places]
    try:
        with pd.read_csv(
            path,
            encoding="utf-8-sig",
            header=0,
            names=list(range(width)),
            usecols=sorted({places[name] for name in wanted}),
            index_col=False,
            dtype=str,
            keep_default_na=False,
            chunksize=size,
        ) as chunks:
            for chunk in chunks:
                cells = {place: _as_they_were(chunk[place].fillna("").tolist()) for place in chunk}
                yield {name: cells[places[name]] for name in wanted}
    except ValueError as error:  # pandas' ParserError and UnicodeDecodeError are ValueErrors
        reason = str(error).splitlines()[0]
        raise InputError(f"cannot be read ({reason})", where=path, fix=f"code again: {CODE_AGAIN}") from None


def _as_they_were(cells: list[str]) -> list[str]:
    return [read_cell(cell) if cell.startswith("'") else cell for cell in cells]  # all are looked at, few are changed


def _find_date(path: Path, places: Mapping[str, int], others: Sequence[str], width: int) -> str | None:
    return date_column(next(_batches(path, places, others, width, SAMPLE), {}))


def _days(path: Path, places: Mapping[str, int], column: str | None, width: int) -> dict[str, dt.date | None]:
    """What each text in the column of dates says; all of them are needed to tell which number is the month."""
    if column is None:
        return {}
    return read_dates({cell for batch in _batches(path, places, [column], width, BATCH) for cell in batch[column]})


def _said(run: Path) -> tuple[dict[str, dict[str, tuple[str, ...]]], frozenset[tuple[str, str]], frozenset[str]]:
    """What people decided, by facet and comment; what they coded in the check sample; and the comments of it."""
    if not (run / DECISIONS).is_file():
        return {}, frozenset(), frozenset()
    decided: dict[str, dict[str, tuple[str, ...]]] = {}
    with Store(run) as store:
        for one in store.standing():
            decided.setdefault(one.facet, {})[one.comment_id] = one.codes or ()
        checked = frozenset((one.comment_id, one.facet) for one in store.check_codes())
        return decided, checked, frozenset(one.comment_id for one in store.sample())


class Probabilities:
    """How probable the tool found the codes it gave, of a range of comments at a time; none where it is not known."""

    def __init__(self, run: Path) -> None:
        path = run / COMMENTS
        self.db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) if path.is_file() else None

    def close(self) -> None:
        """Lets go of the file."""
        if self.db is not None:
            self.db.close()

    def of(self, first: int, last: int) -> dict[tuple[str, str, str], float]:
        """(comment, facet, code) → probability, for the comments of these numbers."""
        if self.db is None:
            return {}
        query = (
            "SELECT c.comment_id, g.facet, g.code, g.probability FROM comments c JOIN given g ON g.n = c.n "
            "WHERE c.n BETWEEN ? AND ? AND g.source = ?"
        )
        try:
            found = self.db.execute(query, (first, last, MACHINE)).fetchall()
        except sqlite3.DatabaseError as error:
            raise InputError(f"cannot be read ({error})", where=COMMENTS, fix=f"code again: {CODE_AGAIN}") from None
        return {(comment, facet, code): round(probability, 4) for comment, facet, code, probability in found}
