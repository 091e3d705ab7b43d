"""Which tables of a run are asked for, and these tables as they may be published."""

from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.counting.disclosure import note, suppress
from pipeline.counting.run_table import RunTable, read_run
from pipeline.counting.tables import Tables, tables_of
from pipeline.errors import InputError

MOST_SMALL = 2500  # counts by a column


@dataclass(frozen=True)
class Asked:
    """What is asked of a report.

    by: columns to count by; wording: a published wording's id or name; populations: (column, file) of who lives there;
    against: an earlier run with the same codebook; smallest: counts of people below it are suppressed.
    """

    by: tuple[str, ...] = ()
    wording: str | None = None
    populations: tuple[tuple[str, Path], ...] = ()
    against: Path | None = None
    smallest: int = 5

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that tables are made by: whom a population is known of is counted too."""
        return tuple(dict.fromkeys([*self.by, *(column for column, _ in self.populations)]))


def published_tables(run: Path, asked: Asked) -> Tables:
    """The tables of a run, corrected and with small counts suppressed. Raises UserError as `frequency_tables` does."""
    return published(read_run(run, asked.columns), asked)


def published(table: RunTable, asked: Asked) -> Tables:
    """The same of a run that has been read. Raises InputError where nearly all that could be shown is too small."""
    counted = tables_of(table, asked.columns, asked.wording)
    _check_small(counted, asked, table.run)
    tables = suppress(counted, asked.smallest)
    told = note(tables, asked.smallest)
    return replace(tables, notes=(*tables.notes, told)) if told else tables


def _check_small(tables: Tables, asked: Asked, run: Path) -> None:
    """Raises InputError for a column of so many small counts that nobody could publish the table, nor wait for it."""
    for column in asked.columns:
        rows = [row for row in tables.rows if row.group == column]
        small = sum(0 < (row.respondents or 0) < asked.smallest for row in rows)
        if small > MOST_SMALL:
            what = f"{small:,} of the {len(rows):,} counts by {column!r} are below {asked.smallest} and cannot be shown"
            fix = "put its values together in the export, such as streets into wards, and code it again"
            raise InputError(what, where=run, fix=fix)
