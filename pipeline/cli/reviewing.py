"""Reading and correcting coded comments, in the browser and in Excel, and the check sample."""

import dataclasses
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.groups import label_studio, main
from pipeline.cli.manners import (
    PATH,
    F,
    Progress,
    command,
    end_status,
    json_option,
    leave,
    person,
    quiet_option,
    replace_option,
    tell_what_was_left,
    who_option,
)
from pipeline.counting.phrases import counted, were
from pipeline.errors import InputError, OutputError
from pipeline.settings import load_settings

if TYPE_CHECKING:
    from flask import Flask

PASSWORD = "FEEDBACK_PASSWORD"  # noqa: S105 (the name of the variable, not a secret)
SHEETS = ("all", "doubtful", "waiting")


def serving_options(function: F) -> F:
    """Where the web app listens, shared by `review` and `serve`."""
    for option in reversed(
        (
            click.option("--host", default="127.0.0.1", show_default=True, help="Others can reach any but this one."),
            click.option(
                "--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on; by default a free one."
            ),
            click.option("--no-browser", is_flag=True, help="Print the link and open no browser."),
        )
    ):
        function = option(function)
    return function


# ---- the web app ---------------------------------------------------------------------------------------------------


@command(main, "review")
@click.argument("run", type=PATH)
@serving_options
def review_command(run: Path, host: str, port: int, no_browser: bool) -> None:
    """Read and correct the comments of a RUN in the browser.

    \b
    Example:  feedback review runs/spring
    """
    from pipeline.coding.reading import worth_reading_on
    from pipeline.reviewing.review import Review
    from pipeline.web import create_app

    with Review(run) as review:  # a run that cannot be read is told now, not in the browser
        counts, changed = review.counts(), review.changed_in_order()
    everything = counted(counts["all"], "comment")
    click.echo(f"{everything}, {counts['decided']:,} decided, {counts['doubtful']:,} to read.", err=True)
    if changed:
        click.echo(worth_reading_on(changed, counts["waiting"]).words, err=True)
    whole = run.resolve()
    _serve(create_app(load_settings(), whole.parent, only=whole.name, password=_password(host)), host, port, no_browser)


@command(main, "serve")
@click.argument("folder", type=PATH)
@serving_options
def serve_command(folder: Path, host: str, port: int, no_browser: bool) -> None:
    """The web app over all runs in a FOLDER; exports can be coded there. For a team, name a host and set a password.

    \b
    Example:  feedback serve runs
    """
    from pipeline.web import create_app

    if folder.exists() and not folder.is_dir():
        raise InputError("is a file", where=folder, fix="name the folder that holds the runs")
    if (folder / "coded.csv").exists():
        fix = f"feedback review {folder}, or name the folder it is in"
        raise InputError("is a run, not a folder of runs", where=folder, fix=fix)
    folder.mkdir(parents=True, exist_ok=True)
    _serve(create_app(load_settings(), folder.resolve(), password=_password(host)), host, port, no_browser)


def _password(host: str) -> str | None:
    """The password that others need: from the environment, or asked for; none on this computer alone."""
    if password := os.environ.get(PASSWORD):
        return password
    if host in ("127.0.0.1", "localhost", "::1"):
        return None
    if not sys.stdin.isatty():
        fix = f"set a password for all who review in {PASSWORD}"
        raise InputError("others could reach the comments, and nobody is there to set a password", where=host, fix=fix)
    return str(click.prompt("A password for all who review", hide_input=True, confirmation_prompt=True, err=True))


def _serve(app: "Flask", host: str, port: int, no_browser: bool) -> None:
    from pipeline.web.jobs import jobs
    from pipeline.web.serve import serve

    def say(link: str) -> None:
        how = "It works once, in one browser." if "token=" in link else "All who know the password can come in."
        click.echo(f"Open {link}\n{how} Ctrl+C ends the app; what was decided is kept.", err=True)

    with suppress(KeyboardInterrupt):  # which ends the server's own loop mostly without being raised
        serve(app, host, port, not no_browser, say=say)
    with app.app_context():
        given_up = [job.title for job in jobs().all() if not job.over]
    click.echo(f"Ended. Given up: {', '.join(given_up)}." if given_up else "Ended.", err=True)
    if given_up or end_status(0):
        leave(end_status(0))  # at once: the work would go on for a while


# ---- Excel ---------------------------------------------------------------------------------------------------------


@command(main, "sheet")
@click.argument("run", type=PATH)
@click.option("--out", required=True, type=PATH, help="The workbook to write, .xlsx.")
@click.option("--only", type=click.Choice(SHEETS), default="all", show_default=True, help="Which comments.")
@replace_option
@who_option
def sheet_command(run: Path, out: Path, only: str, replace: bool, who: str | None) -> None:
    """Write the comments of a RUN as a workbook in which they can be read and corrected.

    \b
    Example:  feedback sheet runs/spring --only doubtful --out spring-review.xlsx
    """
    from pipeline.reviewing.review import Query, Review
    from pipeline.reviewing.sheet import write_sheet

    with Review(run) as review:
        written = write_sheet(review, out, Query(state="" if only == "all" else only), who or "", replace=replace)
    click.echo(f"{counted(written.rows, 'comment')} written to {out}", err=True)
    click.echo(f"Take it back with: feedback read-sheet {run} {out}", err=True)


@command(main, "check")
@click.argument("run", type=PATH)
@click.option("--size", required=True, type=int, help="How many comments; a larger size adds to a smaller one.")
@click.option("--by", default="", help="Draw as many responses from each value of this column, for small groups.")
@click.option("--out", required=True, type=PATH, help="The workbook to write, .xlsx.")
@replace_option
@who_option
def check_command(run: Path, size: int, by: str, out: Path, replace: bool, who: str | None) -> None:
    """Draw the check sample of a RUN at random, to be coded without seeing the machine's codes.

    Responses are drawn whole, with all their comments, so there may be a few more than SIZE.

    \b
    Example:  feedback check runs/spring --size 200 --out spring-check.xlsx
    """
    from pipeline.counting.trust import background, sizes
    from pipeline.reviewing.review import Review
    from pipeline.reviewing.sheet import write_check_sheet

    settings = load_settings()
    with Review(run) as review:
        written = write_check_sheet(review, out, size, settings.seed, person(who), by=by, replace=replace)
        offers = [one.words for one in sizes(review, background(review, settings))]
    click.echo(f"{counted(written.rows, 'comment')} drawn at random, written to {out}", err=True)
    if offers:
        click.echo(f"What a sample buys, if the tool does as well here as before: {'; '.join(offers)}.", err=True)
    click.echo(f"Take it back with: feedback read-sheet {run} {out}", err=True)


@command(main, "read-sheet")
@click.argument("run", type=PATH)
@click.argument("file", type=PATH)
@who_option
@quiet_option
@json_option
def read_sheet_command(run: Path, file: Path, who: str | None, quiet: bool, as_json: bool) -> None:
    """Take back a FILE that `sheet` or `check` wrote for a RUN, after people worked in it.

    \b
    Example:  feedback read-sheet runs/spring spring-review.xlsx --who "An analyst"
    """
    from pipeline.reviewing.review import Review
    from pipeline.reviewing.sheet_reading import read_sheet

    with Review(run) as review:
        taken = read_sheet(review, file, person(who))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(taken), ensure_ascii=False))
    progress = Progress(quiet)
    progress.say(
        f"{counted(taken.saved, 'coding')} saved for {taken.who}, {taken.unchanged:,} {were(taken.unchanged)} so "
        f"already; {taken.silent:,} of the {counted(taken.rows, 'row')} {'says' if taken.silent == 1 else 'say'} "
        "nothing new."
    )
    tell_what_was_left(taken.conflicts, taken.problems)


# ---- Label Studio --------------------------------------------------------------------------------------------------


@command(label_studio, "export")
@click.argument("run", type=PATH)
@click.option("--out", required=True, type=PATH, help="The tasks to write, .json; the labelling config goes beside it.")
def label_studio_export_command(run: Path, out: Path) -> None:
    """Write the comments of a RUN, with codes and decisions, as tasks of Label Studio.

    \b
    Example:  feedback label-studio export runs/spring --out tasks.json
    """
    from pipeline.reviewing.exchange import hand_over
    from pipeline.reviewing.review import Review

    if out.exists() or out.suffix.casefold() != ".json":
        what = "is there already" if out.exists() else f"{out.suffix or 'no ending'} is not JSON"
        raise OutputError(what, where=out, fix="choose another name, ending in .json")
    with Review(run) as review:
        handed = hand_over(review, out)
    click.echo(
        f"{counted(handed.comments, 'task')}: {handed.tasks}   Labelling config to paste: {handed.config}", err=True
    )


@command(label_studio, "import")
@click.argument("run", type=PATH)
@click.argument("file", type=PATH)
@who_option
def label_studio_import_command(run: Path, file: Path, who: str | None) -> None:
    """Take what people decided in Label Studio back into a RUN, from the project's JSON export.

    \b
    Example:  feedback label-studio import runs/spring project-1.json
    """
    from pipeline.reviewing.exchange import take_back
    from pipeline.reviewing.review import Review

    with Review(run) as review:
        taken = take_back(review, file, person(who))
    found = taken.counted
    click.echo(
        f"{counted(found['tasks'], 'task')}, {found['without annotation']:,} without annotation, {found['skipped']:,} "
        f"skipped; {counted(taken.saved, 'coding')} saved, {taken.unchanged:,} {were(taken.unchanged)} so already.",
        err=True,
    )
    for one in taken.conflicts:
        theirs = "taken back" if one.theirs.codes is None else ", ".join(one.theirs.codes) or "no code"
        mine = ", ".join(one.mine.codes or ()) or "no code"
        click.echo(
            f"Not saved, {one.mine.comment_id}, {one.mine.facet}: the file says {mine}; {one.theirs.who} decided "
            f"meanwhile: {theirs}",
            err=True,
        )
