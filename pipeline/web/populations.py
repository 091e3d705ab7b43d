"""Tables of a population as they were uploaded: kept in memory while the app runs, on the disk only while they are
read."""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from werkzeug.datastructures import FileStorage

from pipeline.errors import InputError
from pipeline.web.place import state

LARGEST = 5 * 1024 * 1024  # bytes; a table of some hundred values is far smaller
MOST = 20  # kept at once, the latest
LONGEST_NAME = 40
NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"|?*]+')  # which Windows takes in no name of a file


@dataclass(frozen=True)
class Upload:
    """A table of the population by a column of a run, as somebody uploaded it."""

    run: str
    column: str
    name: str
    content: bytes

    @property
    def key(self) -> str:
        """What it is called in an address."""
        told = "\n".join((self.run, self.column, self.name)).encode("utf-8", "surrogatepass")
        return hashlib.sha256(told + b"\n" + self.content).hexdigest()[:24]


def taken(run: str, column: str, offered: Iterable[str], file: FileStorage | None) -> Upload | None:
    """The table that a form brings, kept; None where it names neither a column nor a file.

    Raises InputError where it names one of them only, a column that is not offered, or a file that is too large.
    """
    name, content = _read(file)
    if not name and not column:
        return None
    if not name:
        fix = "choose its file, or no column"
        raise InputError(f"no table of the population was chosen for {column!r}", fix=fix)
    if not column:
        raise InputError("is a table of the population by no column", where=name, fix="choose the column it is about")
    if column not in offered:
        raise InputError(f"this run has no column {column!r} to count by", fix="choose one of the list")
    if len(content) > LARGEST:
        fix = "keep two columns, the values and how many people each has"
        raise InputError(f"is larger than {LARGEST // 1024**2} MB", where=name, fix=fix)
    return _keep(Upload(run, column, name, content))


def _read(file: FileStorage | None) -> tuple[str, bytes]:
    """Its name, empty where none was chosen, and what is in it. A large one lies on the disk until it is closed."""
    if file is None:
        return "", b""
    with file.stream:
        return _name_of(file.filename or ""), file.stream.read(LARGEST + 1)


def _keep(one: Upload) -> Upload:
    kept = state().uploads
    kept.pop(one.key, None)
    kept[one.key] = one
    for old in list(kept)[:-MOST]:
        kept.pop(old, None)
    return one


def asked_for(run: str, keys: Sequence[str]) -> tuple[Upload, ...]:
    """The tables of a run by their keys, the last for each column. Raises InputError where one is not kept any more."""
    found: dict[str, Upload] = {}
    for key in keys:
        one = state().uploads.get(key)
        if one is None or one.run != run:
            raise InputError("a table of the population is not kept any more", fix="choose its file again")
        found[one.column] = one
    return tuple(found.values())


def still_kept(run: str, keys: Sequence[str]) -> tuple[Upload, ...]:
    """Those of `asked_for` that there are."""
    return asked_for(run, [key for key in keys if key in state().uploads and state().uploads[key].run == run])


@contextmanager
def as_files(uploads: Sequence[Upload]) -> Iterator[tuple[tuple[str, Path], ...]]:
    """(column, file) of each, in a folder of this computer's own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="feedback-") as folder:
        files = []
        for n, one in enumerate(uploads):
            path = Path(folder) / str(n) / one.name
            path.parent.mkdir()
            path.write_bytes(one.content)
            files.append((one.column, path))
        yield tuple(files)


def _name_of(filename: str) -> str:
    """A name for the file made of the one it came with, which may be anything; its ending stays. Empty: no file."""
    last = NOT_IN_NAMES.sub("-", re.split(r"[/\\]", filename)[-1]).strip(" .").encode("utf-8", "replace").decode()
    stem, dot, ending = last.rpartition(".")
    return f"{stem[:LONGEST_NAME]}{dot}{ending[:LONGEST_NAME]}"
