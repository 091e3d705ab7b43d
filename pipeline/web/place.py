"""What every page of the web app shares: where the runs are, the run a request speaks of, and who is asking."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from flask import abort, current_app, g, session

from pipeline.reviewing.review import Review
from pipeline.settings import Settings

KEY = "feedback"  # under which the app keeps its state
NAME = "name"  # under which a session keeps who is asking
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class State:
    """What the app was started with. only: the one run to be shown; jobs: what is being done behind the pages.

    uploads: tables of a population by their keys, see `populations`.
    """

    settings: Settings
    folder: Path
    only: str | None = None
    jobs: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Any] = field(default_factory=dict)


def state() -> State:
    """What the app that answers was started with."""
    return cast(State, current_app.extensions[KEY])


def run_names() -> list[str]:
    """The runs that may be shown, by name."""
    folder, only = state().folder, state().only
    found = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}") if not path.parent.name.startswith("."))
    return [name for name in found if only is None or name == only]


def run_path(name: str) -> Path:
    """The folder of a run; 404 where there is none of this name, so that no name leads out of the folder of runs."""
    if name not in run_names():
        abort(404, "There is no run of this name.")
    return state().folder / name


def open_run(name: str) -> Review:
    """The run, open until the request is answered; 404 where there is none. Raises InputError for an unfit one."""
    opened: dict[str, Review] = g.setdefault("runs", {})
    if name not in opened:
        opened[name] = Review(run_path(name))
    return opened[name]


def opened_runs() -> list[Review]:
    """The runs that the request at hand has opened."""
    return list(g.get("runs", {}).values())


def close_runs(_: BaseException | None = None) -> None:
    """Lets go of the runs that a request opened."""
    for review in g.pop("runs", {}).values():
        review.__exit__()


def who() -> str:
    """The name that stands in the record for whoever asks; 403 where none was given."""
    if not session.get(NAME):
        abort(403, "Give your name first.")
    return str(session[NAME])
