"""Giving an export back with its codes."""

from pathlib import Path

import click

from pipeline.cli.groups import main
from pipeline.cli.manners import PATH, command, replace_option
from pipeline.counting.phrases import counted


@command(main, "export")
@click.argument("run", type=PATH)
@click.option("--like", required=True, type=PATH, help="The export that was coded, as it came.")
@click.option("--out", required=True, type=PATH, help="The file to write, of the same format, or .xlsx.")
@click.option("--masked", is_flag=True, help="Mask personal data, so that the file can leave the machine.")
@replace_option
def export_command(run: Path, like: Path, out: Path, masked: bool, replace: bool) -> None:
    """Give the EXPORT of a RUN back as it came, with its codes as added columns.

    \b
    Example:  feedback export runs/spring --like spring.xlsx --out spring-coded.xlsx
    """
    from pipeline.publishing.giving_back import give_back

    given = give_back(run, like, out, masked=masked, replace=replace)
    click.echo(
        f"{counted(given.rows, 'row')} and {counted(len(given.columns), 'added column')} written to {out}: "
        f"{counted(given.coded, 'comment')} coded, "
        f"{given.decided:,} of them decided by people.",
        err=True,
    )
    for note in given.notes:
        click.echo(f"Note: {note}", err=True)
    if masked:
        found = ", ".join(f"{count:,} {kind}" for kind, count in sorted(given.masked.items()) if count) or "nothing"
        click.echo(f"Masked: {found}. Ids and dates stand as they were; look through it before it leaves.", err=True)
