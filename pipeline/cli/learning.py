"""Training, scores, and the models there are."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from pipeline.cli.groups import main, models
from pipeline.cli.manners import PATH, Progress, command, json_option, quiet_option, replace_option
from pipeline.errors import ModelError
from pipeline.settings import FAVOURS, load_settings


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
