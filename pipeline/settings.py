"""Where things are and the few numbers a user may set; loaded once at the entry and passed down."""

import os
import tomllib
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pipeline.errors import InputError

SETTINGS_FILE = "feedback.toml"
FAVOURS = ("recall", "balance", "precision")


def shipped(name: str) -> Path:
    """The path of a shipped file such as `corpus/codebook.toml`: inside the wheel, or beside the package."""
    package = Path(__file__).resolve().parent
    inside = package / "shipped" / name
    return inside if inside.exists() else package.parent / name


@dataclass(frozen=True)
class Settings:
    """What a user may set in `feedback.toml`, in the folder where `feedback` is called.

    models: folder of the trained models.
    spacy_model: language or installed spaCy package whose tokens are used.
    encoder: sentence encoder: "minilm" or, faster, "static" (both shipped), a folder with another ONNX encoder, a spaCy
        package with vectors, or "none".
    favour: the side on which a doubtful code falls: "recall", "balance" or "precision".
    seed: for every random draw.
    example_weight: weight of what the codebook says (examples, definitions, key phrases) against
        a coded comment, above 0.
    jobs: processes used for features; 0 means one per core.
    smallest: counts of people below it are not published; 0 publishes all.
    """

    models: Path = Path("models")
    spacy_model: str = "en"
    encoder: str = "minilm"
    favour: str = "balance"
    seed: int = 20240723
    example_weight: float = 1.5
    jobs: int = 0
    smallest: int = 5

    def __post_init__(self) -> None:
        if self.favour not in FAVOURS:
            raise InputError(f"favour cannot be {self.favour!r}", where=SETTINGS_FILE, fix=f"use one of {FAVOURS}")
        if self.example_weight <= 0:
            raise InputError("example_weight must be above 0", where=SETTINGS_FILE, fix="set it to 1.0")
        if self.jobs < 0:
            raise InputError("jobs cannot be negative", where=SETTINGS_FILE, fix="use 0 for one process per core")
        if self.smallest < 0:
            raise InputError("smallest cannot be negative", where=SETTINGS_FILE, fix="use 0 to publish all counts")

    @property
    def processes(self) -> int:
        """How many processes to use."""
        return self.jobs or _cores()


def _cores() -> int:
    """The cores this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_settings(path: Path = Path(SETTINGS_FILE)) -> Settings:
    """The settings of this folder; the defaults where there is no file. Raises InputError naming the wrong key."""
    if not path.is_file():
        return Settings()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not valid TOML: {error}", where=path, fix="correct that line") from None
    known: dict[str, Any] = {field.name: _kind(field.default) for field in fields(Settings)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise InputError(f"unknown setting {key!r}", where=path, fix=f"use {(near or sorted(known))[0]!r}")
        values[key] = _as(known[key], value, key, path)
    return Settings(**values)


def _kind(default: object) -> type:
    """The type of a setting; a path has a type of its own on each system."""
    return Path if isinstance(default, Path) else type(default)


def _as(kind: Any, value: object, key: str, path: Path) -> object:
    """The value in the kind its default has; a number stays a number, a text may be a path."""
    accepted = {Path: str, float: int | float}.get(kind, kind)
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise InputError(f"{key} cannot be {value!r}", where=path, fix=f"give a value like {_example(kind)}")
    return kind(value)


def _example(kind: Any) -> str:
    return {Path: '"models"', str: '"en"', int: "1", float: "1.0"}[kind]
