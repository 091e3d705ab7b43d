"""Coding an export, and what it is before that."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.groups import main
from pipeline.cli.manners import PATH, Progress, command, json_option, quiet_option, replace_option
from pipeline.counting.phrases import counted
from pipeline.settings import load_settings

if TYPE_CHECKING:
    from pipeline.exports.mapping import Mapping


@command(main, "classify")
@click.argument("export", type=PATH)
@click.option("--out", required=True, type=PATH, help="The run folder to make.")
@click.option("--model", type=PATH, help="Model, by folder or name; by default the current one.")
@click.option("--codebook", "codebook_path", type=PATH, help="Refuse a model that was trained with another codebook.")
@click.option("--mapping", type=PATH, help="TOML file with questions = [...] and response_id.")
@click.option("--question", multiple=True, help="A free-text column; may be given several times.")
@click.option("--id", "response_id", help="The column that names the response.")
@click.option("--scores", is_flag=True, help="Add a column with the probability of each code.")
@replace_option
@quiet_option
@json_option
def classify_command(
    export: Path,
    out: Path,
    model: Path | None,
    codebook_path: Path | None,
    mapping: Path | None,
    question: tuple[str, ...],
    response_id: str | None,
    scores: bool,
    replace: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Code every free-text comment of an EXPORT (CSV or XLSX) into a run folder.

    \b
    Example:  feedback classify export.xlsx --out runs/spring --question "What should change?"
    """
    from pipeline.workflow import classify

    progress = Progress(quiet)
    coded = classify(
        export,
        out,
        load_settings(),
        model=model,
        codebook=codebook_path,
        mapping=_mapping(mapping, question, response_id),
        scores=scores,
        replace=replace,
        progress=progress,
    )
    if as_json:
        click.echo(json.dumps({"run": str(coded.run), **coded.counts, "to_review": coded.to_review}))
    counts = coded.counts
    if coded.remembered.path is not None:
        progress.say(f"Read as {coded.remembered.path} says.")
    for change in coded.remembered.changes:
        progress.say(f"Changed since: {change.words}")
    for note in coded.notes:
        progress.say(f"Note: {note}")
    for name in coded.questions:
        progress.say(f"Question: {' '.join(name.split())}")
    if coded.response_id is None:
        progress.say("No column of unique ids was found: row numbers are used. Name one with --id.")
    if coded.encoding == "cp1252":
        progress.say("Read as Windows-1252, because it is not UTF-8. If £ or ’ look wrong, export it as CSV UTF-8.")
    for facet, column in coded.facet_columns.items():
        progress.say(f"Taken from the export: {facet} from the column “{column}”")
    for value, comments in list(coded.unknown.items())[:5]:
        progress.say(
            f"Not in the codebook, so in no group: “{value}” ({counted(comments, 'comment')}). Add it as an alias."
        )
    progress.say(
        f"{counted(counts['coded'], 'comment')} coded of {counts['comments']:,} in "
        f"{counted(counts['responses'], 'response')} ({counts['no_content']:,} without content, "
        f"{counts['not_english']:,} not in English, {counted(counts['blank'], 'blank answer')}, "
        f"{counted(counts['rejected'], 'row')} rejected); {coded.to_review:,} to look at."
    )
    progress.say(f"Run folder: {coded.run}   Next: feedback tables {coded.run}")


def _mapping(path: Path | None, questions: tuple[str, ...], response_id: str | None) -> "Mapping | None":
    """What the mapping file and the options say; the options win. None where nothing is said."""
    from pipeline.exports.mapping import Mapping, load_mapping

    if path is None and not questions and response_id is None:
        return None
    said = load_mapping(path) if path is not None else Mapping()
    if not questions:
        return dataclasses.replace(said, response_id=response_id or said.response_id)
    return Mapping(questions, response_id or said.response_id)


@command(main, "inspect")
@click.argument("export", type=PATH)
@click.option("--kind", "kinds", multiple=True, metavar="COLUMN=KIND", help="Say what a column is; may be given often.")
@click.option(
    "--remember", is_flag=True, help="Keep it as a mapping, by which the survey's exports are read from now on."
)
@quiet_option
@json_option
def inspect_command(export: Path, kinds: tuple[str, ...], remember: bool, quiet: bool, as_json: bool) -> None:
    """Show what an EXPORT is: its platform, header rows, and what each column holds. Nothing is coded.

    \b
    Example:  feedback inspect export.xlsx --kind "Comments for the office=not coded" --remember
    """
    from pipeline.exports.columns import inspect
    from pipeline.exports.exports import read_export
    from pipeline.exports.mapping import mapping_of, place_for, save_mapping

    read = read_export(export)
    inspected = inspect(read)
    if as_json:
        click.echo(json.dumps(inspected.as_json(), ensure_ascii=False, indent=2))
    else:
        for line in inspected.lines():
            click.echo(line)
    if remember or kinds:
        place = place_for(read)
        save_mapping(place, mapping_of(read, kinds=dict(map(_kind, kinds))))
        Progress(quiet).say(f"Remembered: {place}. Exports of this survey are read by it from now on.")


def _kind(said: str) -> tuple[str, str]:
    column, equals, kind = said.rpartition("=")
    if not equals:
        raise click.UsageError(f"--kind takes COLUMN=KIND, not {said!r}")
    return column.strip(), kind.strip()
