"""What was found as a workbook: cover, notes, method, one table a sheet, and the correction as formulas to follow."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline.counting.findings import Findings
from pipeline.counting.tables import Tables
from pipeline.errors import OutputError
from pipeline.files.whole_file import write_whole
from pipeline.publishing.correction_sheet import correction_sheet
from pipeline.publishing.finding_sheets import claims_sheet, method_sheet, other_sheets
from pipeline.publishing.frequency_sheets import frequency_sheets
from pipeline.publishing.report import as_csv, as_json
from pipeline.publishing.spreadsheet import SHORTHAND, Column, Link, Sheet, named, workbook_bytes

COVER = "Cover"
CLOSE = "close it in Excel, or choose another name"
NOT_FOR_PUBLICATION = (
    "Not for publication as it is: the sheet Correction holds counts of the check sample, small ones too. Delete that "
    "sheet first, or have the report made with --public, which leaves it out."
)
LEFT_OUT = (
    "The sheet that works out each corrected share from the counts of the check sample is not published, for small "
    "counts are among these."
)
CONTACT = "Contact: write here who answers questions about these figures, before you publish them."


def write_workbook(findings: Findings, path: Path, public: bool = False) -> None:
    """Writes all that was found as an XLSX workbook, whole or not at all; replaces an existing file.

    public: without the sheet of the correction, which holds small counts. Raises OutputError for another ending or a
    place that cannot be written to.
    """
    if path.suffix.casefold() != ".xlsx":
        raise OutputError(f"{path.suffix or 'no ending'!r} is no workbook", where=path, fix="end the name in .xlsx")
    write_whole(as_xlsx(findings, public), path, CLOSE)


def write_tables(tables: Tables, path: Path) -> None:
    """Writes the tables as `.xlsx`, `.csv` or `.json`, by the ending, whole or not at all; replaces an existing file.

    Raises OutputError for another ending or a place that cannot be written to.
    """
    if path.suffix.casefold() not in WRITERS:
        known = ", ".join(WRITERS)
        raise OutputError(f"{path.suffix or 'no ending'!r} is not a kind of table", where=path, fix=f"use {known}")
    write_whole(WRITERS[path.suffix.casefold()](tables), path, CLOSE)


def as_xlsx(found: Findings | Tables, public: bool = False) -> bytes:
    """The workbook: cover, notes, method, claims, tables, and whatever else was found; tables alone have less of it.

    What there is nothing to say about has no sheet, nor has the correction where the workbook is to be public.
    """
    findings = found if isinstance(found, Findings) else None
    tables = found if isinstance(found, Tables) else found.tables
    correction = correction_sheet(tables)
    counted = [*frequency_sheets(tables), *([] if public else [correction])]
    if findings:
        counted = [method_sheet(findings), claims_sheet(findings), *counted, *other_sheets(findings)]
    body = [sheet for sheet in counted if sheet.rows]
    left_out = [LEFT_OUT] if public and correction.rows else []
    sheets = named([_notes(tables, findings, body, left_out), *body], [COVER])
    title = f"Frequency tables: {tables.title}"
    made = _moment(findings.made) if findings else None
    private = [NOT_FOR_PUBLICATION] if correction.rows and not public else []
    return workbook_bytes([_cover(title, tables, findings, sheets, private), *sheets], title, made)


WRITERS: dict[str, Callable[[Tables], bytes]] = {".xlsx": as_xlsx, ".csv": as_csv, ".json": as_json}


# ---- cover and notes -------------------------------------------------------------------------------------------------


def _cover(
    title: str, tables: Tables, found: Findings | None, sheets: Sequence[Sheet], private: Sequence[str]
) -> Sheet:
    """What this is, and a list of the sheets."""
    lines = (
        *([f"Names as published in: {tables.wording}."] if tables.wording else []),
        f"What people wrote, counted by code. {tables.base:,} of {tables.responses:,} respondents wrote something with "
        "content.",
        *(_origin(found) if found else []),
        *private,
        CONTACT,
        "The sheets are listed below; each name is a link.",
    )
    columns = (Column("Worksheet"), Column("What it shows", "long"))
    return Sheet(COVER, title, lines, columns, tuple((Link(sheet.name), sheet.title) for sheet in sheets))


def _origin(found: Findings) -> list[str]:
    """Where the figures come from, and what made them."""
    made = _moment(found.made)
    when = f"{made.day} {made:%B %Y, %H:%M} UTC" if made else found.made
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    return [
        f"Export: {found.export}. Run: {found.run}. Coded on {when} with the model {found.model}.",
        f"Made with {versions}.",
    ]


def _moment(made: str) -> datetime | None:
    """A point in time from ISO, in universal time; None where it is none."""
    try:
        moment = datetime.fromisoformat(made)
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _notes(tables: Tables, found: Findings | None, sheets: Sequence[Sheet], left_out: Sequence[str]) -> Sheet:
    """How it was counted, what shorthand means, and what the columns hold."""
    marks = {mark for sheet in sheets for mark in sheet.shorthand}
    columns: dict[str, str] = {}
    for sheet in sheets:
        columns |= {column.header: column.about for column in sheet.columns if column.about}
    attributes = found.attributes if found else ()
    rows = [
        *(("How it was counted", note) for note in (*tables.notes, *left_out)),
        *((f"Shorthand {mark}", f"{words}.") for mark, words in SHORTHAND.items() if mark in marks),
        *(
            (f"Who answered: {one.column}", note)
            for one in attributes
            for note in (f"Population: {one.source}.", *one.notes, *one.weighting)
        ),
        *((f"Column “{header}”", about) for header, about in columns.items()),
    ]
    return Sheet("Notes", "Notes", (), (Column("About"), Column("Note", "long")), tuple(rows))
