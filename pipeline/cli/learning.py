"""Training, scores, and the models there are."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.groups import main, models
from pipeline.cli.manners import PATH, Progress, command, json_option, quiet_option, replace_option
from pipeline.counting.phrases import counted
from pipeline.errors import ModelError
from pipeline.settings import FAVOURS, Settings, load_settings

if TYPE_CHECKING:
    from pipeline.workflow import Trained


@command(main, "train")
@click.option("--corpus", "corpora", multiple=True, type=PATH, help="Coded comments; may be given several times.")
@click.option("--codebook", "codebook_path", type=PATH, help="Codebook; by default the shipped one.")
@click.option("--run", "runs", multiple=True, type=PATH, help="Learn from the decisions in a run, too; several may be.")
@click.option(
    "--out", type=PATH, help="The model folder to make, such as models/mine; with --run, by default the next."
)
@click.option("--use/--no-use", default=None, help="With --run: make it current, or not, whatever the comparison says.")
@click.option("--favour", type=click.Choice(FAVOURS), help="The side on which a doubtful code falls.")
@click.option("--fast", is_flag=True, help="Use a table of word vectors, not the sentence encoder: a little less well.")
@replace_option
@quiet_option
@json_option
def train_command(
    corpora: tuple[Path, ...],
    codebook_path: Path | None,
    runs: tuple[Path, ...],
    out: Path | None,
    use: bool | None,
    favour: str | None,
    fast: bool,
    replace: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train a model on coded comments and on the examples of the codebook.

    Without options it learns from the shipped corpus. A codebook alone is enough to begin with. With --run it learns
    from what people decided as well, is compared with the current model, and becomes current if it is not worse.

    \b
    Example:  feedback train --corpus corpus/private/coded.xlsx --codebook book.toml --out models/mine
    """
    from pipeline.workflow import train_model

    progress = Progress(quiet)
    settings = load_settings()
    encoder = "static" if fast else settings.encoder
    settings = dataclasses.replace(settings, favour=favour or settings.favour, encoder=encoder)
    more: dict[str, Any] = {"codebook_path": codebook_path, "replace": replace}
    if use is not None and not runs:
        raise click.UsageError("--use and --no-use go with --run; else see: feedback models use")
    if runs:
        _retrain(runs, settings, out, progress, as_json, corpora=corpora, use=use, **more)
        return
    if out is None:
        raise click.UsageError("Missing option '--out'.")
    trained = train_model(out, settings, corpora, progress=progress, **more)
    if as_json:
        click.echo(json.dumps(_trained_json(trained)))
    _say_trained(trained, progress)
    if not trained.current:
        progress.say(f"Another model is current. To use this one: {_how_to_use(out, settings)}")


def _retrain(
    runs: tuple[Path, ...],
    settings: Settings,
    out: Path | None,
    progress: Progress,
    as_json: bool,
    *,
    use: bool | None,
    **more: Any,
) -> None:
    """Trains with decisions, and tells how the new model compares."""
    from pipeline.correcting.comparison import BETTER, UNCLEAR, WORSE
    from pipeline.retraining import IF_NOT_WORSE, NO, YES, retrain

    wanted = IF_NOT_WORSE if use is None else YES if use else NO
    done = retrain(runs, settings, out, use=wanted, progress=progress, **more)
    trained, folder = done.trained, done.trained.folder
    if as_json:
        comparison = done.comparison.as_json() if done.comparison else None
        click.echo(json.dumps({**_trained_json(trained), "used": done.used, "why": done.why, "comparison": comparison}))
    _say_trained(trained, progress)
    for (facet, code), n in trained.dropped.items():
        progress.say(f"Not learned: {counted(n, 'decision')} for {facet} {code}, which the codebook has not.")
    for file in trained.kept:
        progress.say(f"Gone or changed, so learned from as {file.model} kept it: {file.file}")
    for run in trained.missing:
        progress.say(f"Not found, so no longer learned from: the run {run}")
    lines = done.comparison.words if done.comparison else ()
    telling = [line for line in lines if UNCLEAR not in line or BETTER in line or WORSE in line]
    for line in telling:
        progress.say(line)
    if len(telling) < len(lines):
        left = len(lines) - len(telling)
        shown = f"{counted(left, 'more comparison')} {'shows' if left == 1 else 'show'} {UNCLEAR}"
        progress.say(f"{shown}: {folder / 'comparison.json'}")
    progress.say(f"{folder.name} is {'current' if done.used else 'not current'}: {done.why}.")
    if not done.used:
        progress.say(f"To use it all the same: {_how_to_use(folder, settings)}")
    progress.say(f"{counted(len(done.mistakes), 'label')} it disputes: {folder / 'possible_mistakes.csv'}")
    if done.used:
        progress.say(f"Next: feedback recode {runs[0]}")


def _how_to_use(model: Path, settings: Settings) -> str:
    """What to add to a command, or to call, so that this model is used; only one among the others can be current."""
    current = f", or feedback models use {model.name}" if model.resolve().parent == settings.models.resolve() else ""
    return f"--model {model}{current}"


def _trained_json(trained: "Trained") -> dict[str, Any]:
    scores = {column: one.as_json() for column, one in trained.scores.items()}
    return {"model": str(trained.folder), "facets": scores, "agreement": trained.agreed}


def _say_trained(trained: "Trained", progress: Progress) -> None:
    decided = f", {trained.decided:,} of them decided in runs," if trained.decided else ""
    progress.say(
        f"Learned from {counted(trained.comments, 'coded comment')}{decided} and "
        f"{counted(trained.examples, 'example')} of the codebook."
    )
    for column, one in trained.scores.items():
        progress.say(f"  {column}: macro-F1 {one.macro_f1:.2f} on sources not seen")
    progress.say(f"Model folder: {trained.folder}   Card: {trained.folder / 'card.md'}")


@command(main, "recode")
@click.argument("run", type=PATH)
@click.option("--model", type=PATH, help="Model, by folder or name; by default the current one.")
@click.option("--who", default="", help="The name that stands in the record; by default the tool's.")
@quiet_option
@json_option
def recode_command(run: Path, model: Path | None, who: str, quiet: bool, as_json: bool) -> None:
    """Code the comments of a RUN again with another model; what people decided stays.

    \b
    Example:  feedback recode runs/spring --model models/engagement-2
    """
    from pipeline.coding.recoding import THE_TOOL, recode

    progress = Progress(quiet)
    done = recode(run, load_settings(), model, who=who or THE_TOOL, progress=progress)
    if as_json:
        told = {**dataclasses.asdict(done), "run": str(done.run)}
        told["homeless"] = [[facet, code, n] for (facet, code), n in done.homeless.items()]
        click.echo(json.dumps(told))
    for line in done.words:
        progress.say(line)


@command(models, "mistakes")
@click.argument("name")
@click.option("--most", default=20, show_default=True, help="How many to print.")
@json_option
def models_mistakes_command(name: str, most: int, as_json: bool) -> None:
    """Labels of people that the model NAME, trained with --run, disputes with confidence: possible mistakes.

    \b
    Example:  feedback models mistakes engagement-2
    """
    from pipeline.correcting.mistakes import read_mistakes
    from pipeline.learning.model_store import find_model_folder

    found = sorted(read_mistakes(find_model_folder(load_settings(), name)), key=lambda one: (not one.run, -one.sure))
    if as_json:
        click.echo(json.dumps([one.as_json() for one in found[:most]], ensure_ascii=False))
        return
    for one in found[:most]:
        people, model = ", ".join(one.people) or "no code", ", ".join(one.model) or "no code"
        click.echo(f"{one.sure:.2f}  {one.facet}: people {people}; the model {model}  [{one.id or one.source}]")
        click.echo(f"      {' '.join(one.text.split())[:200]}")
    if not found:
        click.echo("It disputes none, or was trained without --run.", err=True)


@command(main, "evaluate")
@click.argument("file", type=PATH)
@click.option(
    "--model", type=PATH, help="Model, by folder or name; by default the current one, or what is shipped to hold out."
)
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
    from pipeline.learning import evaluation
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
        these = "this comment" if result.comments == 1 else f"these {result.comments:,} comments"
        progress.say(
            f"Warning: the model has learned from {result.seen:,} of {these}, so the scores "
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
    from pipeline.learning.model_store import current_model, list_models

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
    from pipeline.learning.model_store import read_manifest

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
    from pipeline.learning.model_store import use_model

    click.echo(f"Current model: {use_model(load_settings(), name)}", err=True)
