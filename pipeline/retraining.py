"""Learning from decisions: a new model beside the current one, measured on the same comments, and which is used."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.correcting.comparison import Comparison
from pipeline.correcting.mistakes import FILE as MISTAKES
from pipeline.correcting.mistakes import PossibleMistake, mistakes_csv, possible_mistakes
from pipeline.correcting.rivals import compare
from pipeline.errors import InputError, OutputError
from pipeline.learning.model_store import CURRENT, check_model_place, current_model, load_model, use_model
from pipeline.learning.training import Progress, silent, train
from pipeline.settings import Settings
from pipeline.workflow import DEFAULT_MODEL, Trained, learning_material, write_model

COMPARISON = "comparison.json"
YES, NO, IF_NOT_WORSE = "yes", "no", "if not worse"
USES = (YES, NO, IF_NOT_WORSE)


@dataclass(frozen=True)
class Retrained:
    """A model that learned from decisions, how it compares with the one that was current, and whether it is used now.

    before: the model that was current, None where there was none; comparison is None then too. why: in a sentence, why
    the new model is used or is not. mistakes: labels of people that it disputes, most disputed first.
    """

    trained: Trained
    before: Path | None
    comparison: Comparison | None
    used: bool
    why: str
    mistakes: tuple[PossibleMistake, ...] = field(repr=False)


def retrain(
    runs: Sequence[Path],
    settings: Settings,
    out: Path | None = None,
    *,
    corpora: Sequence[Path] = (),
    codebook_path: Path | None = None,
    use: str = IF_NOT_WORSE,
    replace: bool = False,
    progress: Progress = silent,
) -> Retrained:
    """Trains on the decisions of runs and on what the current model learned from, and compares the two models.

    The new model becomes current if it is not worse (`Comparison.worse`), or as `use` says: "yes", "no". Where there is
    no current model, it becomes current unless told otherwise. Going back is `feedback models use NAME`. Comparison and
    possible mistakes are kept in the model's folder. Raises InputError, ModelError, OutputError before the long work.
    """
    if use not in USES:
        raise InputError(f"use cannot be {use!r}", fix=f"choose one of {USES}")
    before = current_model(settings)
    folder = out or next_name(settings, before)
    _check_out(folder, before, settings, use, replace)
    material = learning_material(settings, corpora, codebook_path, runs)
    old = load_model(before) if before else None
    training = train(material.everything, material.codebook, settings, progress, unseen=material.unseen)
    comparison = compare(old, training, material, folder.name, settings, progress) if old else None
    mistakes = possible_mistakes(training.left_out, material.codebook)
    if before is not None and not (settings.models / CURRENT).exists():
        use_model(settings, before.name)  # as long as nobody chose one, the newest is the current one
    extras = {COMPARISON: _as_text(comparison)} if comparison else {}
    extras[MISTAKES] = mistakes_csv(mistakes)
    trained = write_model(folder, material, training, settings, replace=replace, extras=extras)
    used, why = _verdict(comparison, use) if _is_ours(folder, settings) else (False, f"it is not in {settings.models}")
    if used:
        use_model(settings, folder.name)
    progress("done", 1, 1)
    return Retrained(trained, before, comparison, used, why, mistakes)


def next_name(settings: Settings, current: Path | None) -> Path:
    """The first free name after that of the current model: `engagement` is followed by `engagement-2`."""
    stem = re.sub(r"-\d+$", "", current.name) if current else DEFAULT_MODEL
    number = 2
    while (settings.models / f"{stem}-{number}").exists():
        number += 1
    return settings.models / (f"{stem}-{number}" if current or (settings.models / stem).exists() else stem)


def _check_out(folder: Path, before: Path | None, settings: Settings, use: str, replace: bool) -> None:
    """Whether the model can be put there, and there be made current. Raises OutputError."""
    if before is not None and folder.resolve() == before.resolve():
        fix = "choose another name with --out"
        raise OutputError("is the current model, which the new one is compared with", where=folder, fix=fix)
    if use == YES and not _is_ours(folder, settings):
        fix = f"choose a name below {settings.models}"
        raise OutputError("cannot become current, being in another folder", where=folder, fix=fix)
    check_model_place(folder, replace)


def _is_ours(folder: Path, settings: Settings) -> bool:
    return folder.resolve().parent == settings.models.resolve()


def _verdict(comparison: Comparison | None, use: str) -> tuple[bool, str]:
    """Whether the new model is to be used, and why, in a sentence."""
    if use != IF_NOT_WORSE:
        return use == YES, "as told"
    if comparison is None:
        return True, "there was no model before it"
    if not comparison.measured:
        return False, "there are too few comments that both models could be measured on"
    if comparison.worse:
        return False, "it is worse: " + "; ".join(comparison.worse)
    return True, "it is not worse than the one before"


def _as_text(comparison: Comparison) -> str:
    return json.dumps(comparison.as_json(), indent=2, ensure_ascii=False) + "\n"
