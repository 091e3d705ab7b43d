"""Coding an export, and the tables of a run."""

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.groups import main
from pipeline.cli.manners import PATH, Progress, command, json_option, quiet_option, replace_option
from pipeline.errors import InputError
from pipeline.settings import load_settings

if TYPE_CHECKING:
    from pipeline.workflow import Mapping


@command(main, "classify")
@click.argument("export", type=PATH)
@click.option("--out", required=True, type=PATH, help="The run folder to make.")
@click.option("--model", type=PATH, help="Model folder; by default the current one.")
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
    for name in coded.questions:
        progress.say(f"Question: {' '.join(name.split())}")
    if coded.response_id is None:
        progress.say("No column of unique ids was found: row numbers are used. Name one with --id.")
    if coded.encoding == "cp1252":
        progress.say("Read as Windows-1252, because it is not UTF-8. If £ or ’ look wrong, export it as CSV UTF-8.")
    for facet, column in coded.facet_columns.items():
        progress.say(f"Taken from the export: {facet} from the column “{column}”")
    for value, comments in list(coded.unknown.items())[:5]:
        progress.say(f"Not in the codebook, so in no group: “{value}” ({comments} comments). Add it as an alias.")
    progress.say(
        f"{counts['coded']:,} comments coded of {counts['comments']:,} in {counts['responses']:,} responses "
        f"({counts['no_content']:,} without content, {counts['not_english']:,} not in English, {counts['blank']:,} "
        f"blank answers, {counts['rejected']:,} rows rejected); {coded.to_review:,} to look at."
    )
    progress.say(f"Run folder: {coded.run}   Next: feedback tables {coded.run}")


def _mapping(path: Path | None, questions: tuple[str, ...], response_id: str | None) -> "Mapping":
    """What the mapping file and the options say; the options win."""
    from pipeline.workflow import Mapping

    said: dict[str, Any] = {}
    if path is not None:
        try:
            said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise InputError("there is no such mapping", where=path, fix="check the path") from None
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=path, fix="name a TOML file") from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"is no mapping ({error})", where=path, fix='write questions = ["…"]') from None
        wrong = [key for key in said if key not in ("questions", "response_id")]
        if wrong:
            raise InputError(f"unknown key {wrong[0]!r}", where=path, fix="use 'questions' and 'response_id'")
        if not isinstance(said.get("questions", []), list) or not isinstance(said.get("response_id", ""), str):
            raise InputError("a key has the wrong type", where=path, fix='write questions = ["…"], response_id = "…"')
    return Mapping(questions or tuple(map(str, said.get("questions", ()))), response_id or said.get("response_id"))


@command(main, "tables")
@click.argument("run", type=PATH)
@click.option("--by", multiple=True, help="A column to split by; may be given several times.")
@click.option("--out", type=PATH, help="Write .xlsx, .csv or .json instead of printing.")
@click.option("--wording", help="Names of a published wording in place of the codebook's.")
@json_option
def tables_command(run: Path, by: tuple[str, ...], out: Path | None, wording: str | None, as_json: bool) -> None:
    """Frequency tables of a RUN: comments, respondents, shares with 95 % intervals.

    \b
    Example:  feedback tables runs/spring --by "I am responding as" --out spring.xlsx
    """
    from pipeline import report
    from pipeline.tables import frequency_tables

    tables = frequency_tables(run, by, wording)
    if out is not None:
        report.write_tables(tables, out)
        click.echo(f"Written: {out}", err=True)
    if as_json:
        click.echo(report.as_json(tables).decode())
    elif out is None:
        click.echo(report.as_text(tables, width=_width()))


def _width() -> int:
    import shutil

    return min(shutil.get_terminal_size((110, 24)).columns, 140)
