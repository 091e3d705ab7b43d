"""Model folders: written whole, in skops format, and loaded with a written list of allowed types only."""

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import scipy
import sklearn
import skops
from skops.io import dump, load
from skops.io.exceptions import UntrustedTypesFoundException

import pipeline
from pipeline.codebook import Codebook, dump_codebook, load_codebook
from pipeline.encoder import load_encoder
from pipeline.errors import CodebookError, ModelError, OutputError
from pipeline.learned import TEXTS, VECTORS, Learned, learned_from, read_learned, write_learned
from pipeline.settings import Settings
from pipeline.training import TrainedModel

FORMAT = 3
ESTIMATORS, MANIFEST, CARD, CODEBOOK = "estimators.skops", "manifest.json", "card.md", "codebook.toml"
CURRENT = "current"
RUN_FILES = {"coded.csv", "comments.db", "decisions.db"}

# Whatever else a file holds, it is refused. skops itself vouches for scikit-learn's own and NumPy's arrays.
ALLOWED_TYPES = [
    "pipeline.classifier.FacetClassifier",
    "pipeline.features.CharTfidf",
    "pipeline.features.Features",
    "pipeline.features.WordTfidf",
]


@dataclass(frozen=True)
class StoredModel:
    """A loaded model, its folder, its manifest, and the comments it learned from."""

    model: TrainedModel
    folder: Path
    manifest: dict[str, Any]
    learned: Learned

    @property
    def digest(self) -> str:
        """SHA-256 of the estimators' file."""
        return str(self.manifest["estimators_sha256"])

    @cached_property
    def known(self) -> dict[str, npt.NDArray[np.float32]]:
        """For each facet the codes of the comments learned from (comments × codes), NaN where nobody said."""
        return {facet.id: self.learned.known(facet.id, facet.ids) for facet in self.model.codebook.facet}


def check_place(folder: Path, replace: bool = False) -> None:
    """Whether a folder can be made here, found out before the long work. Raises OutputError."""
    if folder.exists() and not replace:
        raise OutputError("is there already", where=folder, fix="choose another name, or add --replace")
    above = next((parent for parent in folder.absolute().parents if parent.exists()), folder)
    if not above.is_dir():
        raise OutputError(f"cannot be made ({above.name} is a file)", where=folder, fix="choose another folder")
    if not os.access(above, os.W_OK):
        raise OutputError("cannot be made (no right to write there)", where=folder, fix="choose another folder")


def check_model_place(folder: Path, replace: bool) -> None:
    """The same for a model folder, which replaces nothing but a model. Raises OutputError."""
    if folder.name == CURRENT:
        raise OutputError(f"a model cannot be called {CURRENT!r}", where=folder, fix="choose another name with --out")
    files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if folder.exists() and (not {MANIFEST, ESTIMATORS} <= files or files & RUN_FILES):
        raise OutputError("is there and is not a model", where=folder, fix="choose another folder with --out")
    check_place(folder, replace)


@contextmanager
def whole_folder(folder: Path, replace: bool = False) -> Iterator[Path]:
    """A folder to fill, which gets its name only when all is written. Raises OutputError, leaving nothing behind."""
    check_place(folder, replace)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise OutputError(f"cannot be made ({error.strerror})", where=folder, fix="choose another folder") from None
    try:
        yield made
        _give_name(made, folder)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise OutputError(what, where=folder, fix="free some space, or choose another folder") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _give_name(made: Path, folder: Path) -> None:
    """Puts a filled folder in its place; what was there goes, or stays where this fails."""
    made.chmod(0o755)
    old = made.with_name(made.name + ".old")
    try:
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def versions() -> dict[str, str]:
    """Versions of what decides the result."""
    return {
        "feedback-pipeline": pipeline.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "skops": skops.__version__,
        "spacy": version("spacy"),
        "onnxruntime": version("onnxruntime"),
    }


def save_model(
    model: TrainedModel,
    folder: Path,
    manifest: dict[str, Any],
    card: str,
    *,
    replace: bool,
    extras: Mapping[str, str] | None = None,
    learned: Learned | None = None,
) -> None:
    """Writes a model folder, with what it learned from and further files of text by name. Raises OutputError."""
    check_model_place(folder, replace)
    with whole_folder(folder, replace) as made:
        dump({"features": model.features, "classifiers": model.classifiers}, made / ESTIMATORS)
        write_learned(learned or learned_from((), (), np.zeros((0, 0), np.float32)), made)
        written = {
            "format": FORMAT,
            "corpus": [],
            "comments": 0,
            **manifest,
            "codebook_digest": model.codebook.digest,
            "estimators_sha256": _sha256(made / ESTIMATORS),
            "learned_sha256": [_sha256(made / name) for name in (TEXTS, VECTORS)],
            "versions": versions(),
        }
        (made / CODEBOOK).write_text(dump_codebook(model.codebook), encoding="utf-8")
        for name, text in {**(extras or {}), CARD: card}.items():
            (made / name).write_text(text, encoding="utf-8")
        (made / MANIFEST).write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_model(folder: Path, codebook: Codebook | None = None) -> StoredModel:
    """Loads a model folder. Raises ModelError where it is missing, damaged, or made with another codebook."""
    if (folder / "coded.csv").exists():
        raise ModelError("is a run, not a model", where=folder, fix="name a model: feedback models list")
    if not (folder / MANIFEST).is_file():
        raise ModelError("is not a model folder", where=folder, fix=f"make one: feedback train --out {folder}")
    manifest = read_manifest(folder)
    try:
        digest = _sha256(folder / ESTIMATORS)
        learned = [_sha256(folder / name) for name in (TEXTS, VECTORS)]
        own = load_codebook(folder / CODEBOOK)
    except OSError as error:
        lost = Path(error.filename).name if error.filename else ESTIMATORS
        raise ModelError(f"is damaged ({lost}: {error.strerror})", where=folder, fix="train it again") from None
    except CodebookError as error:
        raise ModelError(f"is damaged ({CODEBOOK}: {error.what})", where=folder, fix="train it again") from None
    same = manifest.get("estimators_sha256") == digest and manifest.get("learned_sha256") == learned
    if not same or manifest.get("codebook_digest") != own.digest:
        raise ModelError("was changed after it was made", where=folder, fix="train it again")
    if codebook is not None and codebook.digest != own.digest:
        raise ModelError(
            "was trained with another codebook than the one given",
            where=folder,
            fix="train again with this codebook: feedback train --codebook FILE --out DIR",
        )
    return StoredModel(_load_estimators(folder, own), folder, manifest, read_learned(folder, own))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder. Raises ModelError where it is damaged or of another version of this tool."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"is damaged ({MANIFEST}: {error})", where=folder, fix="train it again") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelError("was made by another version of this tool", where=folder, fix="train it again")
    if not isinstance(manifest.get("corpus"), list) or not isinstance(manifest.get("comments"), int):
        raise ModelError(f"is damaged ({MANIFEST} lacks what it learned from)", where=folder, fix="train it again")
    return manifest


def _load_estimators(folder: Path, codebook: Codebook) -> TrainedModel:
    try:
        parts = load(folder / ESTIMATORS, trusted=ALLOWED_TYPES)
        model = TrainedModel(codebook, parts["features"], parts["classifiers"])
        name, digest = model.features.encoder, model.features.encoder_digest_
    except UntrustedTypesFoundException as error:
        raise ModelError(f"holds what no model holds: {error}", where=folder, fix="delete it and train again") from None
    except (BadZipFile, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"is damaged ({ESTIMATORS}: {error})", where=folder, fix="train it again") from None
    encoder = load_encoder(name)
    if digest != (encoder.digest if encoder is not None else ""):
        raise ModelError("was trained with another sentence encoder", where=folder, fix="train it again")
    return model


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- which model is current ----------------------------------------------------------------------------------------


def list_models(settings: Settings) -> list[Path]:
    """The model folders below the models' folder, by name."""
    return sorted(path.parent for path in settings.models.glob(f"*/{MANIFEST}") if not path.parent.name.startswith("."))


def current_model(settings: Settings) -> Path | None:
    """The folder of the current model: the one named by `feedback models use`, else the only or newest one."""
    try:
        named = settings.models / (settings.models / CURRENT).read_text(encoding="utf-8").strip()
    except OSError:
        models = list_models(settings)
        return max(models, key=lambda path: (path / MANIFEST).stat().st_mtime) if models else None
    if not (named / MANIFEST).is_file():
        fix = f"feedback models use one of: {_known(settings)}"
        raise ModelError(f"the current model {named.name!r} is gone", where=settings.models, fix=fix)
    return named


def find_model_folder(settings: Settings, name: str) -> Path:
    """The folder of the model of this name. Raises ModelError naming those there are."""
    folder = settings.models / name
    if folder not in list_models(settings):
        raise ModelError(f"there is no model {name!r}", where=settings.models, fix=f"use one of: {_known(settings)}")
    return folder


def named_model(settings: Settings, given: Path) -> Path:
    """The folder given, or where there is none, the model called so; `feedback models list` tells only names.

    Raises ModelError naming the nearest where a bare name is neither.
    """
    inside = settings.models / given
    if given.exists() or inside in list_models(settings):
        return given if given.exists() else inside
    names = [path.name for path in list_models(settings)]
    near = get_close_matches(given.name, names, n=1, cutoff=0.6) if given.name == str(given) else []
    if near:
        raise ModelError("there is no such model", where=given, fix=f"did you mean {near[0]!r}?")
    return given


def use_model(settings: Settings, name: str) -> Path:
    """Makes a model the current one. Raises ModelError naming those there are."""
    folder = find_model_folder(settings, name)
    pointer = settings.models / (CURRENT + ".new")
    pointer.write_text(name + "\n", encoding="utf-8")
    pointer.replace(settings.models / CURRENT)
    return folder


def _known(settings: Settings) -> str:
    return ", ".join(path.name for path in list_models(settings)) or "none yet"
