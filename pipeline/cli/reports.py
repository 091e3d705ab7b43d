"""Tables, the report with everything around it, and the log of what was answered."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.groups import main
from pipeline.cli.manners import (
    PATH,
    F,
    Progress,
    command,
    json_option,
    person,
    quiet_option,
    replace_option,
    tell_what_was_left,
    who_option,
)
from pipeline.counting.phrases import counted, were
from pipeline.settings import load_settings

if TYPE_CHECKING:
    from pipeline.counting.published import Asked

WIDEST = 140


def counting_options(function: F) -> F:
    """What is counted and how, shared by `tables` and `report`."""
    for option in reversed(
        (
            click.option("--by", multiple=True, help="A column to split by; may be given several times."),
            click.option("--wording", help="Names of a published wording in place of the codebook's."),
            click.option(
                "--smallest",
                type=click.IntRange(0),
                help="Counts of people below it are replaced by [c]; 0 shows all. By default the setting, 5.",
            ),
        )
    ):
        function = option(function)
    return function


@command(main, "tables")
@click.argument("run", type=PATH)
@counting_options
@click.option("--out", type=PATH, help="Write .xlsx, .csv or .json instead of printing.")
@json_option
def tables_command(
    run: Path, by: tuple[str, ...], wording: str | None, smallest: int | None, out: Path | None, as_json: bool
) -> None:
    """Frequency tables of a RUN: comments, respondents, shares with 95 % intervals.

    Shares are corrected with the check sample where there is one. Small counts are suppressed.

    \b
    Example:  feedback tables runs/spring --by "I am responding as" --out spring.xlsx
    """
    from pipeline.counting.published import published_tables
    from pipeline.publishing import report
    from pipeline.publishing.workbook import write_tables

    tables = published_tables(run, _asked(by, wording, smallest))
    for told in _combined(tables.notes):
        click.echo(told, err=True)
    if out is not None:
        write_tables(tables, out)
        click.echo(f"Written: {out}", err=True)
    if as_json:
        click.echo(report.as_json(tables).decode())
    elif out is None:
        click.echo(report.as_text(tables, width=_width()))


@command(main, "report")
@click.argument("run", type=PATH)
@click.option("--out", required=True, type=PATH, help="A folder for everything, or one file: .html, .docx or .xlsx.")
@counting_options
@click.option(
    "--population",
    "populations",
    multiple=True,
    metavar="COLUMN=FILE",
    help="A table of the population by the values of a column (CSV, XLSX); may be given several times.",
)
@click.option("--against", type=PATH, help="An earlier run with the same codebook, to tell what has changed.")
@click.option(
    "--public",
    is_flag=True,
    help="Leave what single people wrote and are out of the files for Power BI, and the counts of the check sample "
    "that shares were corrected with out of the tables for Excel.",
)
@replace_option
@quiet_option
@json_option
def report_command(
    run: Path,
    out: Path,
    by: tuple[str, ...],
    wording: str | None,
    smallest: int | None,
    populations: tuple[str, ...],
    against: Path | None,
    public: bool,
    replace: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """The report of a RUN: what can be said in words, tables, charts, quotes, method and limits.

    A folder gets the report as a page and for Word, the tables for Excel, files for Power BI and an evidence pack.

    \b
    Example:  feedback report runs/spring --by Ward --population Ward=wards.csv --out spring-report
    """
    from pipeline.reporting import check_place, find, is_one, write_all, write_one

    progress = Progress(quiet)
    asked = _asked(by, wording, smallest, populations, against)
    check_place(out, replace)
    findings = find(run, asked, progress)
    if is_one(out):
        write_one(findings, out, replace_=replace, public=public)
        written = [out]
    else:
        written = write_all(findings, run, out, asked, replace_=replace, public=public, progress=progress)
    for told in _combined(findings.tables.notes):
        progress.say(told)
    if as_json:
        click.echo(json.dumps({"run": str(run), "written": [str(path) for path in written]}))
    for path in written:
        progress.say(f"Written: {path}{'' if public else _not_public(path, bool(findings.tables.corrections))}")


def _combined(notes: Iterable[str]) -> list[str]:
    """The notes that say of a column that its values are combinations."""
    from pipeline.counting.table_notes import COMBINED

    return [note for note in notes if note.endswith(COMBINED)]


def _not_public(path: Path, corrected: bool) -> str:
    """Why an output is not to be published as it is; empty where it is."""
    from pipeline.reporting import STAR

    if path.name == STAR:
        return ", not for publication: it holds what people wrote"
    if path.suffix.casefold() == ".xlsx" and corrected:
        return ", not for publication as it is: its sheet Correction holds small counts of the check sample"
    return ""


def _asked(
    by: tuple[str, ...],
    wording: str | None,
    smallest: int | None,
    populations: tuple[str, ...] = (),
    against: Path | None = None,
) -> "Asked":
    """The options as one record. Raises UsageError for a population without its column."""
    from pipeline.counting.published import Asked

    least = smallest if smallest is not None else load_settings().smallest
    known = tuple(map(_population, populations))
    columns = [column for column, _ in known]
    if twice := next((column for column in columns if columns.count(column) > 1), None):
        raise click.UsageError(f"--population is given twice for {twice!r}")
    return Asked(by, wording, known, against, least)


def _population(said: str) -> tuple[str, Path]:
    column, equals, file = said.partition("=")
    if not equals or not column.strip() or not file.strip():
        raise click.UsageError(f"--population takes COLUMN=FILE, not {said!r}")
    return column.strip(), Path(file.strip())


def _width() -> int:
    import shutil

    return min(shutil.get_terminal_size((110, 24)).columns, WIDEST)


@command(main, "log")
@click.argument("run", type=PATH)
@click.option("--out", required=True, type=PATH, help="The workbook to write, .xlsx.")
@click.option("--by", multiple=True, help="A column to show beside each comment; may be given several times.")
@replace_option
def log_command(run: Path, out: Path, by: tuple[str, ...], replace: bool) -> None:
    """The feedback log of a RUN, for "you said, we did": what is answered to each comment and code, by whom and when.

    What is filled in is kept with the run, and written again after the run was coded anew.

    \b
    Example:  feedback log runs/spring --by Ward --out spring-log.xlsx
    """
    from pipeline.reviewing.feedback_log import write_log

    written = write_log(run, out, by, replace=replace)
    click.echo(
        f"{counted(written.rows, 'row')} for {counted(written.comments, 'comment')} written to {out}; "
        f"{written.answered:,} {'is' if written.answered == 1 else 'are'} answered.",
        err=True,
    )
    click.echo(f"Take it back with: feedback read-log {run} {out}", err=True)


@command(main, "read-log")
@click.argument("run", type=PATH)
@click.argument("file", type=PATH)
@who_option
@quiet_option
@json_option
def read_log_command(run: Path, file: Path, who: str | None, quiet: bool, as_json: bool) -> None:
    """Take back a FILE that `log` wrote for a RUN, after people filled it in.

    \b
    Example:  feedback read-log runs/spring spring-log.xlsx --who "An analyst"
    """
    from pipeline.reviewing.feedback_log_reading import read_log

    taken = read_log(run, file, person(who))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(taken), ensure_ascii=False))
    Progress(quiet).say(
        f"{counted(taken.saved, 'row')} saved for {taken.who}, {taken.unchanged:,} {were(taken.unchanged)} so already; "
        f"{taken.filled:,} of the {counted(taken.rows, 'row')} {'is' if taken.filled == 1 else 'are'} filled in."
    )
    tell_what_was_left(taken.conflicts, taken.problems)
