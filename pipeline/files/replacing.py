"""Several files of a folder replaced as if they were one, so that nothing is lost wherever it is interrupted.

The new files are made in a folder within, which takes the name READY when they are whole; from then on they count. They
are then moved to their places one by one. Who finds a folder READY moves on with it: each move is whole or not at all.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.files.whole_file import finishing, passing_folder, put_away

MAKING, READY = ".making.", ".ready"
LAST = "manifest.json"  # says what the other files are, so it comes when they are there
FORGOTTEN = 24 * 3600  # seconds after which what somebody was making is taken for the remains of a killed program


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A folder to fill with the new files, which replace those of the same name when all are written.

    After any error before that, what was there stands. Raises OutputError where files cannot be written or replaced.
    """
    finish_replacing(folder)
    _clear_away(folder)
    try:
        made = passing_folder(folder / MAKING.strip("."))
    except OSError as error:
        raise _cannot(error, folder) from None
    try:
        yield made
        for path in made.iterdir():
            _to_disk(path)
        with finishing():
            made.rename(folder / READY)
    except OSError as error:
        raise _cannot(error, folder) from None
    finally:
        put_away(made)
    _withdraw_if_stuck(folder)


def finish_replacing(folder: Path) -> bool:
    """Moves files that are ready to their places, if somebody was interrupted; gives whether there were any.

    To be called by whoever opens the folder. Several may do so at once. Raises OutputError where a file cannot be
    replaced, as on Windows while somebody has it open.
    """
    if not (folder / READY).is_dir():
        return False
    try:
        for name in _in_order(folder / READY):
            _move(folder / READY / name, folder / name)
        (folder / READY).rmdir()
    except FileNotFoundError:
        return True  # somebody else has just finished it
    except OSError as error:
        what = f"is half replaced by a newer version ({error.strerror})"
        raise OutputError(what, where=folder, fix="close whatever has its files open, and try again") from None
    return True


def _withdraw_if_stuck(folder: Path) -> None:
    """Moves the files; where not even the first can be moved, all stay as they were."""
    ready = folder / READY
    before = set(_in_order(ready)) if ready.is_dir() else set()
    try:
        finish_replacing(folder)
    except OutputError:
        if set(_in_order(ready)) == before:
            shutil.rmtree(ready, ignore_errors=True)
            what, fix = "has files that somebody has open", "close the review and whatever shows them, and try again"
            raise OutputError(what, where=folder, fix=fix) from None
        raise


def _in_order(ready: Path) -> list[str]:
    return sorted((path.name for path in ready.iterdir()), key=lambda name: (name == LAST, name))


def _move(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)  # noqa: PTH105
    except FileNotFoundError:
        if not target.exists():
            raise


def _to_disk(path: Path) -> None:
    """Has the file written out, so that not even a power cut leaves an empty one under its name."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _clear_away(folder: Path) -> None:
    for path in folder.glob(f"{MAKING}*"):
        if path.stat().st_mtime < time.time() - FORGOTTEN:
            shutil.rmtree(path, ignore_errors=True)


def _cannot(error: OSError, folder: Path) -> OutputError:
    what = f"cannot be written ({error.strerror or error})"
    return OutputError(what, where=folder, fix="free some space, and close whatever has its files open")
