"""The sheets of a workbook that show frequency tables: one for each facet with a chart, one for each by group."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.counting.tables import CORRECTED, SUPPRESSED, Row, Tables
from pipeline.publishing.report import counted_share, percent, ranked
from pipeline.publishing.spreadsheet import BarChart, Cell, Column, Sheet

NAME = Column("Name", about="The code, by its name.", key="name")
CODE = Column("Code", about="The code, by its id in the codebook.")
FACET = Column("Facet", about="The part of the codebook that the code belongs to.")


# ---- frequency tables ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measure:
    """A column of the frequency tables, and the cell it takes from a row."""

    column: Column
    cell: Callable[[Row], Cell]


MEASURES = (
    Measure(Column("Comments", "count", "Comments with the code."), lambda row: row.comments),
    Measure(
        Column("Campaigns once", "count", "Comments with the code, each campaign among them counted as one comment."),
        lambda row: row.comments_once,
    ),
    Measure(
        Column("Respondents", "count", "People with at least one comment with the code."), lambda row: row.respondents
    ),
    Measure(Column("Base", "count", "People who wrote something with content."), lambda row: row.base),
    Measure(Column("Counted share", "share", "Respondents divided by the base."), counted_share),
    Measure(
        Column(
            "Share",
            "share",
            "Share of the base: corrected with the check sample where the status is corrected, else as counted.",
            "share",
        ),
        lambda row: row.share,
    ),
    Measure(Column("Low 95 %", "share", "The lower end of the 95 % interval."), lambda row: row.low),
    Measure(Column("High 95 %", "share", "The upper end of the 95 % interval."), lambda row: row.high),
    Measure(
        Column("Status", about="Whether the share is corrected, not checked, or suppressed."), lambda row: row.status
    ),
)
CHECKED = Measure(
    Column("Checked", "count", "Respondents of the check sample that the share was corrected with."),
    lambda row: None if row.status == SUPPRESSED else row.checked,
)
INFERRED = Measure(
    Column("Of which inferred", "count", "Respondents whose code was not given in the export but inferred."),
    lambda row: row.inferred,
)
VALUE = Measure(Column("Value", about="The part of the respondents that the line is about."), lambda row: row.value)


BY_NAME = (Measure(NAME, lambda row: row.name), Measure(CODE, lambda row: row.code))
MARGINS = (
    Measure(
        Column("Margin below", "share", "Share - low, which the chart shows.", "below"),
        lambda row: _between(row.low, row.share),
    ),
    Measure(
        Column("Margin above", "share", "High - share, which the chart shows.", "above"),
        lambda row: _between(row.share, row.high),
    ),
)


def _between(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else high - low


def frequency_sheets(tables: Tables) -> list[Sheet]:
    """A sheet with a chart for each facet, then one for each facet by each group; some may have no rows."""
    sheets = [_overall(heading, tables.of(facet), tables.notes) for facet, heading in tables.headings.items()]
    for group in tables.groups:
        for facet, heading in tables.headings.items():
            title = f"{heading} by {tables.headings.get(group, group)}"
            sheets.append(_grouped(title, ranked(tables.of(facet)), tables.of(facet, group)))
    return sheets


def _table(title: str, measures: Sequence[Measure], rows: Sequence[Row], line: str) -> Sheet:
    """A table with those columns and with what only some tables need."""
    checked = [CHECKED] if any(row.checked for row in rows) else []
    inferred = [INFERRED] if any(row.inferred for row in rows) else []
    columns = (*measures, *checked, *inferred)
    cells = tuple(tuple(measure.cell(row) for measure in columns) for row in rows)
    heading = f"{title}: comments, respondents and shares by code"
    return Sheet(title, heading, (line, _status(rows)), tuple(one.column for one in columns), cells)


def _status(rows: Iterable[Row]) -> str:
    if any(row.status == CORRECTED for row in rows):
        return "Shares are corrected with the check sample where the status says so, and as counted elsewhere."
    return "Shares are as counted: the codes were not checked against a check sample."


def _overall(title: str, rows: Sequence[Row], notes: Sequence[str]) -> Sheet:
    """The largest share first, and a chart of all that are not suppressed."""
    order = ranked(rows)
    base = notes[0] if any(not row.code for row in rows) else f"{notes[0].partition(';')[0].rstrip('.')}."
    table = _table(title, (*BY_NAME, *MEASURES, *MARGINS), order, base)
    shown = [row for row in order if row.share is not None]
    if not shown:
        return table
    heading = f"{title}: share of respondents, with 95 % intervals"
    return replace(table, chart=BarChart(heading, _chart_in_words(shown), len(shown)))


def _chart_in_words(rows: Sequence[Row]) -> str:
    """What the chart shows, for those who do not see it."""
    by_share = sorted(rows, key=lambda row: -(row.share or 0.0))
    most, least = (f"{row.name}, {percent(row.share or 0.0)}" for row in (by_share[0], by_share[-1]))
    return (
        f"Bar chart of the share of respondents for {len(rows)} codes, each with its 95 % interval. "
        f"Largest: {most}. Smallest: {least}. The table above it says the same in figures."
    )


def _grouped(title: str, order: Sequence[Row], rows: Sequence[Row]) -> Sheet:
    """Values as they come, largest first; the codes within are in the order of the overall table."""
    rank = {row.code: n for n, row in enumerate(order)}
    place = {value: n for n, value in enumerate(dict.fromkeys(row.value for row in rows))}
    sorted_rows = sorted(rows, key=lambda row: (place[row.value], rank[row.code]))
    line = "The base is the respondents who wrote something with content under that value."
    return _table(title, (VALUE, *BY_NAME, *MEASURES), sorted_rows, line)
