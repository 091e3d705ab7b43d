"""Home: the runs there are and how far they are, an export dropped to be coded, and work under way."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from pipeline.errors import InputError, UserError
from pipeline.exports.mapping import Mapping
from pipeline.exports.responses import READERS
from pipeline.files.whole_file import passing_file, put_away
from pipeline.learning.model_store import current_model
from pipeline.learning.training import Progress
from pipeline.reviewing.checking import all_progress
from pipeline.settings import Settings
from pipeline.web.jobs import Job, jobs
from pipeline.web.place import MANIFEST, open_run, run_names, state, who
from pipeline.web.words import FILTERS, problem_words, refreshing
from pipeline.workflow import Coded, classify

CODING = "coding"
UPLOADS = "uploads"
RUN_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,58}[A-Za-z0-9_-])?")
# Names that Windows keeps for itself, in any case and with any ending.
RESERVED = {UPLOADS, "con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}

TAKING = threading.Lock()  # held from asking whether a name is free until it is taken

blueprint = Blueprint("home", __name__)
for name, words in FILTERS.items():
    blueprint.add_app_template_filter(words, name)


# ---- the runs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunState:
    """A run as home shows it; problem: why it cannot be opened, everything else is empty then.

    sampled: comments of the check sample; checks: coder → how many of them are coded.
    """

    name: str
    comments: int = 0
    doubtful: int = 0
    decided: int = 0
    sampled: int = 0
    checks: tuple[tuple[str, int], ...] = ()
    model: str = ""
    coded: str = ""
    problem: str = ""


@blueprint.get("/")
def show() -> ResponseReturnValue:
    """The runs; where the app was started for one only, straight to its comments."""
    only = state().only
    if only is not None:
        return redirect(url_for("queue.show", run=only), 303)
    return _home()


def _home(problem: str = "", status: int = 200) -> ResponseReturnValue:
    runs = sorted(map(_run_state, run_names()), key=lambda run: run.coded, reverse=True)
    work = [job for job in jobs().all() if not job.over]
    given = {"name": request.form.get("name", ""), "questions": request.form.get("questions", "")}
    model, trouble = _model_name(state().settings)
    page = render_template(
        "home.html", runs=runs, work=work, problem=problem or trouble, given=given, model=model, endings=list(READERS)
    )
    return page, status


def _model_name(settings: Settings) -> tuple[str, str]:
    """What the model that would code is called, empty where one would be trained first; and what is wrong with it."""
    try:
        model = current_model(settings)
    except UserError as error:
        return "", problem_words(error)
    return (model.name if model else ""), ""


def _run_state(name: str) -> RunState:
    try:
        review = open_run(name)
        counts = review.counts()
        checks = tuple((one.coder, len(one.done)) for one in all_progress(review))
        sampled = len(review.store.sample())
        model = review.store.meta("model")["name"]
    except UserError as error:
        return RunState(name, problem=problem_words(error))
    coded = _manifest(review.run).get("finished", "")
    return RunState(name, review.total, counts["doubtful"], counts["decided"], sampled, checks, model, coded)


def _manifest(run: Path) -> dict[str, Any]:
    try:
        found = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


# ---- an export to be coded -------------------------------------------------------------------------------------------


@blueprint.post("/runs")
def code_export() -> ResponseReturnValue:
    """Takes an export and starts coding it; tells what is wrong with it at the form."""
    if state().only is not None:
        abort(404)
    asked_by = who()
    try:
        upload = request.files.get("export")
        if upload is None or not upload.filename:
            raise InputError("no file was chosen", fix="choose the export to be coded")
        ending = _ending(upload.filename)
        name = _free_name(request.form.get("name", "").strip() or _name_from(upload.filename))
        questions = tuple(line.strip() for line in request.form.get("questions", "").splitlines() if line.strip())
        with _kept(upload) as half, TAKING:
            _free_name(name)  # somebody else may have been quicker
            saved = half.replace(half.with_name(name + ending))
            job = _start(saved, name, questions, asked_by)
    except UserError as error:
        return _home(problem_words(error), 400)
    return redirect(url_for("home.work", id_=job.id), 303)


def _ending(filename: str) -> str:
    """The ending of a file that can be read. Raises InputError for any other."""
    ending = Path(filename).suffix.casefold()
    if ending not in READERS:
        raise InputError(f"{ending or 'no ending'} is not a kind of export", fix=f"use {', '.join(READERS)}")
    return ending


def _name_from(filename: str) -> str:
    """A name for a run made of the name of a file, which comes from elsewhere and may be anything."""
    stem = re.split(r"[/\\]", filename)[-1].rpartition(".")[0]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:60].strip("-._") or "export"


def _free_name(name: str) -> str:
    """The name, checked: it becomes a folder. Raises InputError where it cannot be one, or is taken."""
    if not RUN_NAME.fullmatch(name) or name.casefold().partition(".")[0] in RESERVED:
        fix = "use up to 60 letters, digits, spaces, dots and dashes, a letter or digit first"
        raise InputError(f"a run cannot be called {name!r}", fix=fix)
    taken = {path.name.casefold() for path in state().folder.iterdir()} if state().folder.is_dir() else set()
    taken |= {job.run.casefold() for job in jobs().all() if job.kind == CODING and not job.over}
    if name.casefold() in taken:
        raise InputError(f"there is a run or folder {name!r} already", fix="choose another name")
    return name


@contextmanager
def _kept(upload: FileStorage) -> Iterator[Path]:
    """The file, under a passing name of its own that is gone afterwards. Raises InputError where it cannot be kept."""
    uploads = state().folder / UPLOADS
    try:
        uploads.mkdir(parents=True, exist_ok=True)
        half = passing_file(uploads / "upload")
    except OSError as error:
        raise InputError(f"the file cannot be kept ({error.strerror})", fix="free some space") from None
    try:
        upload.save(half)
        yield half
    except OSError as error:
        raise InputError(f"the file cannot be kept ({error.strerror})", fix="free some space") from None
    finally:
        put_away(half)


def _start(saved: Path, name: str, questions: tuple[str, ...], asked_by: str) -> Job:
    """Puts the coding in line."""
    settings, out = state().settings, state().folder / name

    def work(progress: Progress) -> Coded:
        try:
            return classify(saved, out, settings, mapping=Mapping(questions) if questions else None, progress=progress)
        except InputError as error:
            fix = error.fix or ""
            if "--question" not in fix:
                raise
            # The command line's words, in those of the form.
            column = fix.rpartition("--question ")[2]
            raise InputError(error.what, fix=f"name one under “Columns with comments”, such as {column}") from None

    return jobs().start(CODING, f"Coding {name}", name, asked_by, work)


# ---- work under way --------------------------------------------------------------------------------------------------


@blueprint.get("/work/<id_>")
def work(id_: str) -> ResponseReturnValue:
    """How far a piece of work is. The page loads itself again while it is not over, unless asked to hold still."""
    job = jobs().find(id_)
    if job is None:
        abort(404, "This work is no longer remembered; it ended long ago, or the app was started again.")
    still = "still" in request.args
    page = render_template("work.html", job=job, ahead=jobs().ahead_of(job), still=still, coding=CODING)
    return page if job.over or still else refreshing(page)
