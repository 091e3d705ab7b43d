"""The command line: it parses, calls the workflow, and prints. Heavy imports wait until a command needs them."""

import dataclasses
import io
import json
import os
import sys
import time
import tomllib
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline import __version__
from pipeline.errors import InputError, ModelError, UserError
from pipeline.settings import FAVOURS, load_settings

if TYPE_CHECKING:
    from pipeline.workflow import Mapping

F = TypeVar("F", bound=Callable[..., Any])

PATH = click.Path(path_type=Path, readable=False)  # what cannot be read is told by what reads it
SHOW_AFTER = 1.0
REDRAW_AFTER = 0.2


# ---- shared manners ------------------------------------------------------------------------------------------------


def command(group: click.Group, name: str) -> Callable[[F], click.Command]:
    """A command of a group whose user errors are told in one line, with exit status 1."""

    def decorate(function: F) -> click.Command:
        @wraps(function)
        def told(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except UserError as error:
                click.echo(f"Error: {error}", err=True)
            except MemoryError:
                click.echo("Error: not enough memory. Fix: close other programs, or split the export.", err=True)
            except BrokenPipeError:
                _leave(1)  # whoever read our output has gone
            except OSError as error:
                place = f"{error.filename}: " if error.filename else ""
                click.echo(f"Error: {place}{error.strerror or error}. Fix: check the place and the rights.", err=True)
            except KeyboardInterrupt:
                click.echo("Stopped. Nothing was left half-written.", err=True)
                _leave(1)  # at once: helper processes are not waited for
            sys.exit(1)

        return group.command(name)(told)

    return decorate


def _leave(status: int) -> None:
    """Ends the process without waiting for its helpers; all files are whole or gone by then."""
    os._exit(status)


def replace_option(function: F) -> F:
    """`--replace`, shared by the commands that write a folder."""
    return click.option("--replace", is_flag=True, help="Write over what is there already.")(function)


def quiet_option(function: F) -> F:
    """`--quiet`, shared by the commands that show progress."""
    return click.option("--quiet", "-q", is_flag=True, help="No messages and no progress on standard error.")(function)


def json_option(function: F) -> F:
    """`--json`, shared by the commands that a script may read."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")(
        function
    )


class Progress:
    """Tells on standard error how far a long step is, once a second has passed; one line, drawn over on a terminal."""

    def __init__(self, quiet: bool) -> None:
        self.quiet, self.started, self.drawn = quiet, time.monotonic(), 0.0
        self.terminal = sys.stderr.isatty()
        self.step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        due = self.terminal or step != self.step or now - self.drawn > 5
        if self.quiet or now - self.started < SHOW_AFTER or now - self.drawn < REDRAW_AFTER or not due:
            return
        share = f"{done} of {total}" if total else f"{done:,}"
        text = f"{step}: {share}"
        click.echo(f"\r{text:<60}" if self.terminal else text, err=True, nl=not self.terminal)
        self.drawn, self.step = now, step

    def say(self, text: str) -> None:
        """A message for people."""
        if not self.quiet:
            if self.terminal and self.drawn:
                click.echo(f"\r{'':<60}\r", err=True, nl=False)
            click.echo(text, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="feedback")
def main() -> None:
    """Codes the free-text answers of a public consultation and prints tables that can be defended.

    \b
    Start with:  feedback classify export.csv --out runs/survey
    then:        feedback tables runs/survey
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console or file in an old code page cannot hold every sign


@main.group()
def codebook() -> None:
    """Make and check a codebook: the facets and codes, with their definitions and examples."""


@main.group()
def corpus() -> None:
    """Coded comments to learn from."""


@main.group()
def models() -> None:
    """The trained models, and which one is current."""


# ---- coding --------------------------------------------------------------------------------------------------------


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


# ---- training and evaluation ---------------------------------------------------------------------------------------


@command(main, "train")
@click.option("--corpus", "corpora", multiple=True, type=PATH, help="Coded comments; may be given several times.")
@click.option("--codebook", "codebook_path", type=PATH, help="Codebook; by default the shipped one.")
@click.option("--out", required=True, type=PATH, help="The model folder to make, such as models/mine.")
@click.option("--favour", type=click.Choice(FAVOURS), help="The side on which a doubtful code falls.")
@replace_option
@quiet_option
@json_option
def train_command(
    corpora: tuple[Path, ...],
    codebook_path: Path | None,
    out: Path,
    favour: str | None,
    replace: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train a model on coded comments and on the examples of the codebook.

    Without options it learns from the shipped corpus. A codebook alone is enough to begin with.

    \b
    Example:  feedback train --corpus corpus/private/coded.xlsx --codebook book.toml --out models/mine
    """
    from pipeline.workflow import train_model

    progress = Progress(quiet)
    settings = load_settings()
    trained = train_model(
        out,
        dataclasses.replace(settings, favour=favour or settings.favour),
        corpora,
        codebook_path=codebook_path,
        replace=replace,
        progress=progress,
    )
    if as_json:
        scores = {column: one.as_json() for column, one in trained.scores.items()}
        click.echo(json.dumps({"model": str(out), "facets": scores, "agreement": trained.agreed}))
    progress.say(f"Learned from {trained.comments:,} coded comments and {trained.examples:,} examples of the codebook.")
    for column, one in trained.scores.items():
        progress.say(f"  {column}: macro-F1 {one.macro_f1:.2f} on sources not seen")
    progress.say(f"Model folder: {out}   Card: {out / 'card.md'}")
    if not trained.current:
        progress.say(f"Another model is current. To use this one: --model {out}, or feedback models use {out.name}")


@command(main, "evaluate")
@click.argument("file", type=PATH)
@click.option("--model", type=PATH, help="Model folder; by default the current one, or the shipped corpus to hold out.")
@click.option("--hold-out", help="Column, such as session: train again for each value, without its rows.")
@click.option("--corpus", "corpora", multiple=True, type=PATH, help="With --hold-out: the corpus to train on.")
@click.option("--codebook", "codebook_path", type=PATH, help="Codebook; by default the model's, or the shipped one.")
@quiet_option
@json_option
def evaluate_command(
    file: Path,
    model: Path | None,
    hold_out: str | None,
    corpora: tuple[Path, ...],
    codebook_path: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score a model against the coded comments of a FILE.

    \b
    Example:  feedback evaluate corpus/engagement.csv --hold-out session
    """
    from pipeline import evaluation
    from pipeline.workflow import evaluate

    progress = Progress(quiet)
    result = evaluate(
        file,
        load_settings(),
        model=model,
        hold_out=hold_out,
        corpora=corpora,
        codebook_path=codebook_path,
        progress=progress,
    )
    if result.seen:
        progress.say(
            f"Warning: the model has learned from {result.seen} of these {result.comments} comments, so the scores "
            "flatter it. For honest ones add --hold-out session."
        )
    if as_json:
        facets = {column: one.as_json() for column, one in result.scores.items()}
        click.echo(json.dumps({"facets": facets, "agreement": result.agreed, "seen": result.seen}, indent=2))
        return
    for column, one in result.scores.items():
        click.echo(evaluation.as_text(column, one) + "\n")
    for facet, figures in result.agreed.items():
        click.echo(
            f"The ceiling: “{facet}” and “{facet}_reviewed” agree on the main code of {figures['main']:.0%} of the "
            f"comments (macro-F1 {figures['macro_f1']:.2f})."
        )


@command(models, "list")
@json_option
def models_list_command(as_json: bool) -> None:
    """The models there are; the current one is marked.

    \b
    Example:  feedback models list
    """
    from pipeline.model_store import current_model, list_models

    settings = load_settings()
    current = current_model(settings)
    found = [(path, _manifest_or_nothing(path)) for path in list_models(settings)]
    if as_json:
        listed = [{"name": path.name, "made": it.get("made"), "current": path == current} for path, it in found]
        click.echo(json.dumps(listed))
        return
    for path, manifest in found:
        mark = "current" if path == current else ""
        learned = f"{manifest.get('comments', 0):>6} coded comments" if manifest else "damaged: train it again"
        click.echo(f"{path.name:<30} {manifest.get('made', ''):<26} {learned}  {mark}".rstrip())
    if not found:
        click.echo(
            f"No model in {settings.models} yet. Make one: feedback train --out {settings.models / 'mine'}", err=True
        )


def _manifest_or_nothing(folder: Path) -> dict[str, Any]:
    """The manifest of a model, so that a damaged one does not hide the others."""
    from pipeline.model_store import read_manifest

    try:
        return read_manifest(folder)
    except ModelError:
        return {}


@command(models, "use")
@click.argument("name")
def models_use_command(name: str) -> None:
    """Make the model NAME the current one; this is also the way back to an earlier one.

    \b
    Example:  feedback models use engagement
    """
    from pipeline.model_store import use_model

    click.echo(f"Current model: {use_model(load_settings(), name)}", err=True)


# ---- codebook and corpus -------------------------------------------------------------------------------------------


@command(codebook, "check")
@click.argument("book", type=PATH)
def codebook_check_command(book: Path) -> None:
    """Check a codebook BOOK.toml: an error is named with its place; remarks say what to look at.

    \b
    Example:  feedback codebook check corpus/codebook.toml
    """
    from pipeline.codebook import load_codebook, remarks

    loaded = load_codebook(book)
    for facet in loaded.facet:
        examples = sum(len(code.examples) for code in facet.code)
        kind = "one code a comment" if facet.exclusive else "several codes or none"
        click.echo(f"{facet.id}: {len(facet.code)} codes, {examples} examples, {kind}")
    for wording in loaded.wording:
        click.echo(f"wording {wording.id}: {wording.name}")
    for remark in remarks(loaded):
        click.echo(f"remark: {remark}")
    click.echo("The codebook is sound.", err=True)


@command(codebook, "init")
@click.argument("file", type=PATH)
@click.option("--facet", "facets", multiple=True, help="A column of codes; may be given several times.")
@click.option("--out", required=True, type=PATH, help="The codebook to make.")
def codebook_init_command(file: Path, facets: tuple[str, ...], out: Path) -> None:
    """Make a codebook from a FILE of coded comments.

    \b
    Example:  feedback codebook init coded.xlsx --facet Theme --out book.toml
    """
    from pipeline.workflow import init_codebook

    book = init_codebook(file, facets, out)
    for facet in book.facet:
        kind = "one code a comment" if facet.exclusive else "several codes or none"
        click.echo(f"{facet.id}: {len(facet.code)} codes, {kind}", err=True)
    click.echo(f"Written: {out}. Add a definition and examples to each code.", err=True)


@command(corpus, "import")
@click.argument("deck", type=PATH)
@click.option("--out", required=True, type=PATH, help="The file of coded comments to make.")
@click.option("--codebook", "codebook_path", type=PATH, help="Codebook; by default the shipped one.")
def corpus_import_command(deck: Path, out: Path, codebook_path: Path | None) -> None:
    """Turn an engagement DECK (.txt, .md, .pptx or .pdf) into coded comments; say what could not be placed.

    \b
    Example:  feedback corpus import deck.pptx --out corpus/private/deck.csv
    """
    from pipeline.workflow import import_deck

    imported = import_deck(deck, out, codebook_path)
    for session, points in imported.sessions.items():
        click.echo(f"{session}: {points} points", err=True)
    for unplaced in imported.unplaced:
        click.echo(f"Not placed, {deck.name}:{unplaced.line}: {unplaced.reason}: {unplaced.text[:60]}", err=True)
    click.echo(f"{sum(imported.sessions.values())} points written to {out}", err=True)


if __name__ == "__main__":
    main()
