"""Learn: a new model from what people decided, held against the one in use; the run coded again; possible mistakes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from pipeline.coding.recoding import Recoded, recode
from pipeline.correcting.comparison import CHECK, CORPUS, DECIDED, TOGETHER, WHERE
from pipeline.correcting.mistakes import PossibleMistake, read_mistakes
from pipeline.errors import ModelError, UserError
from pipeline.learning.model_store import current_model, list_models, read_manifest, use_model
from pipeline.learning.training import Progress
from pipeline.retraining import COMPARISON, Retrained, retrain
from pipeline.reviewing.review import Review
from pipeline.web.jobs import jobs
from pipeline.web.place import MANIFEST, open_run, state, who
from pipeline.web.words import problem_words, tell

LEARNING, RECODING = "learning", "coding again"
DECIDING = (TOGETHER, CHECK)  # what the verdict rests on
PARTS = (*DECIDING, DECIDED, CORPUS)
MOST_MISTAKES = 50
WIDEST = 0.3  # change of a score that fills the picture

blueprint = Blueprint("learn", __name__)


@dataclass(frozen=True)
class ModelLine:
    """A model there is. decided: comments decided in runs that it learned from; compared: it has a comparison."""

    name: str
    made: str
    comments: int
    decided: int
    current: bool
    codes_run: bool
    compared: bool


@dataclass(frozen=True)
class Dispute:
    """A possible mistake; n: the comment in this run, None for one from elsewhere; codes by name."""

    mistake: PossibleMistake
    n: int | None
    facet: str
    people: str
    model: str


# ---- the page --------------------------------------------------------------------------------------------------------


@blueprint.get("/runs/<run>/learn")
def show(run: str) -> ResponseReturnValue:
    """Decisions that wait to be learned, the models, how the newest compares, and what coding again changed."""
    review = open_run(run)
    models, trouble = _models(review)
    chosen = _chosen(models)
    work = [jobs().last(kind, run) for kind in (LEARNING, RECODING)]
    return render_template(
        "learn.html",
        review=review,
        counts=review.counts(),
        decisions=sum(1 for _ in review.store.standing()),
        sampled=len(review.store.sample()),
        models=models,
        trouble=trouble,
        chosen=chosen,
        work=[job for job in work if job is not None],
        comparison=_comparison(chosen),
        disputes=_disputes(review, chosen),
        recoded=_last_recoded(review.run),
        names=_names(review),
        deciding=DECIDING,
        parts=PARTS,
        where=WHERE,
        widest=WIDEST,
    )


def _models(review: Review) -> tuple[list[ModelLine], str]:
    """The models, newest first; and what is wrong with them, if anything."""
    settings, trouble = state().settings, ""
    try:
        current = current_model(settings)
    except UserError as error:
        current, trouble = None, problem_words(error)
    found = []
    for folder in list_models(settings):
        try:
            manifest = read_manifest(folder)
        except ModelError as error:
            trouble = problem_words(error)
            continue
        found.append(_model_line(folder, manifest, current, review.store.meta("model")["sha256"]))
    return sorted(found, key=lambda one: one.made, reverse=True), trouble


def _model_line(folder: Path, manifest: dict[str, Any], current: Path | None, coded_by: str) -> ModelLine:
    return ModelLine(
        folder.name,
        manifest.get("made", ""),
        manifest["comments"],
        manifest.get("decided", 0),
        current is not None and folder.name == current.name,
        manifest.get("estimators_sha256") == coded_by,
        (folder / COMPARISON).is_file(),
    )


def _chosen(models: list[ModelLine]) -> str | None:
    """The model whose comparison is shown: the one asked for, else the newest that has one."""
    compared = [one.name for one in models if one.compared]
    asked = request.args.get("model", "")
    return asked if asked in compared else next(iter(compared), None)


def _comparison(model: str | None) -> dict[str, Any] | None:
    """How a model compares with the one before it, as it was written down; None where that cannot be read."""
    if model is None:
        return None
    try:
        found = json.loads((state().settings.models / model / COMPARISON).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"old", "new", "worse", "parts"} <= found.keys() else None


def _names(review: Review) -> dict[tuple[str, str], str]:
    """The name of each (facet, code)."""
    return {(facet.id, code.id): code.name for facet in review.codebook.facet for code in facet.code}


def _disputes(review: Review, model: str | None) -> list[Dispute]:
    """The possible mistakes that a model found, those in this run first."""
    if model is None:
        return []
    try:
        mistakes = read_mistakes(state().settings.models / model)
    except ModelError:
        return []
    names = _names(review)
    found = [_dispute(review, one, names) for one in mistakes]
    return sorted(found, key=lambda one: one.n is None)[:MOST_MISTAKES]


def _dispute(review: Review, one: PossibleMistake, names: dict[tuple[str, str], str]) -> Dispute:
    here = bool(one.run) and Path(one.run).resolve() == review.run.resolve()
    facet = review.codebook.by_id.get(one.facet)
    people, model = (
        ", ".join(names.get((one.facet, code), code) for code in codes) or "none" for codes in (one.people, one.model)
    )
    n = review.number_of(one.id) if here else None
    return Dispute(one, n, facet.name if facet else one.facet, people, model)


def _last_recoded(run: Path) -> dict[str, Any] | None:
    """What changed when the run was last coded again, as its manifest tells."""
    try:
        done = json.loads((run / MANIFEST).read_text(encoding="utf-8")).get("recoded", [])
    except (OSError, ValueError, AttributeError):
        return None
    return dict(done[-1]) if done else None


# ---- what can be done ------------------------------------------------------------------------------------------------


@blueprint.post("/runs/<run>/learn")
def train_now(run: str) -> ResponseReturnValue:
    """Starts training with the decisions of this run."""
    folder, settings = open_run(run).run, state().settings

    def work(progress: Progress) -> Retrained:
        return retrain([folder], settings, progress=progress)

    return _begin(LEARNING, f"Learning from {run}", run, work)


@blueprint.post("/runs/<run>/learn/use")
def use(run: str) -> ResponseReturnValue:
    """Makes a model the current one, whatever the comparison says."""
    name = _named(run)
    use_model(state().settings, name)
    flash(f"{name} is the current model from now on. This run keeps its codes until it is coded again.", "done")
    return redirect(url_for("learn.show", run=run, model=name), 303)


@blueprint.post("/runs/<run>/learn/again")
def code_again(run: str) -> ResponseReturnValue:
    """Starts coding the run again with a model; decisions stay."""
    folder, settings, asked_by = open_run(run).run, state().settings, who()
    model = settings.models / _named(run)

    def work(progress: Progress) -> Recoded:
        return recode(folder, settings, model, who=asked_by, progress=progress)

    return _begin(RECODING, f"Coding {run} again", run, work)


def _named(run: str) -> str:
    """The model that the form names; 404 where there is none of this name."""
    open_run(run)
    name = request.form.get("model", "")
    if name not in [folder.name for folder in list_models(state().settings)]:
        abort(404, "There is no model of this name.")
    return name


def _begin(kind: str, title: str, run: str, work: Any) -> ResponseReturnValue:
    """Puts work in line and shows how far it is; back to the page where that cannot be."""
    try:
        job = jobs().start(kind, title, run, who(), work)
    except UserError as error:
        tell(error)
        return redirect(url_for("learn.show", run=run), 303)
    return redirect(url_for("home.work", id_=job.id), 303)
