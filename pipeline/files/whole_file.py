"""Files that are whole or not there: written under a passing name, then renamed.

A passing name is hidden, stands beside the name it is for, and says which process of which computer made it. So what a
killed process left behind is known, and goes when the same is made again; nothing else is ever removed.
"""

import hashlib
import os
import platform
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TextIO

from pipeline.errors import OutputError

LONGEST_KEPT = 40  # characters of a name that stand in its passing name, as no name may have over 255 bytes
PASSING = re.compile(r"\.(?P<here>[0-9a-f]{8})-(?P<pid>\d{1,10})-[0-9a-f]{8}\.part(?:\.old|\.gone)?")
OLD, GONE = ".old", ".gone"  # added to the passing name for what is about to be replaced, or removed
LONGEST_FINISH = 10.0  # seconds
FORGOTTEN = 24 * 3600  # seconds after which what cannot be asked after is taken for the remains of a killed process

_making: set[Path] = set()
_finishing = threading.RLock()


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A UTF-8 file to write, which takes its name when all is written; a file of that name is replaced.

    Raises OutputError where it cannot be written. After any error what was there before stands, and nothing else.
    """
    half = passing_file(path)
    try:
        with half.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        half.replace(path)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=path, fix="choose another place") from None
    finally:
        put_away(half)


def write_whole(content: bytes, path: Path, fix: str = "close it where it is open, or choose another name") -> None:
    """Writes a file made in memory, whole or not at all; a file of that name is replaced, unless it is write-protected.

    Raises OutputError where there is no such folder or it cannot be written.
    """
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {str(path.parent)!r}", where=path, fix="make it, or choose another")
    half = passing_file(path)
    try:
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "it is write-protected")
        half.write_bytes(content)
        half.replace(path)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=path, fix=fix) from None
    finally:
        put_away(half)


# ---- what is in the making ------------------------------------------------------------------------------------------


def passing_file(path: Path) -> Path:
    """A passing name for a file, to be `put_away` in the end, whatever happens; what killed processes left goes."""
    clear_remains(path)
    made = path.with_name(f"{_start_of(path)}.{_here()}-{os.getpid()}-{secrets.token_hex(4)}.part")
    _making.add(made)
    return made


def passing_folder(path: Path) -> Path:
    """A new folder of a passing name, for its owner only; the rest as for `passing_file`. Raises OSError."""
    made = passing_file(path)
    try:
        made.mkdir(mode=0o700)
    except BaseException:
        _making.discard(made)
        raise
    return made


@contextmanager
def finishing() -> Iterator[None]:
    """While what was made takes its place: `give_up` waits for it."""
    with _finishing:
        yield


def put_away(made: Path) -> None:
    """Removes what was made and has not taken its place."""
    _making.discard(made)
    _remove(made)


def give_up() -> None:
    """Removes all that this process has in the making, so that it can end at once while other threads are at work.

    Nothing takes its place any more after this.
    """
    _finishing.acquire(timeout=LONGEST_FINISH)
    for made in list(_making):
        gone = made.with_name(f"{made.name}{GONE}")
        with suppress(OSError):
            made.rename(gone)  # whole, so that nothing is written into it meanwhile
            _remove(gone)


def clear_remains(path: Path) -> None:
    """Removes what processes that are no more left in the making of `path`; what they were replacing is put back.

    A process of another computer cannot be asked after: what it makes is let be for a day.
    """
    with suppress(OSError):
        for left in _remains(path):
            if left.name.endswith(OLD) and not path.exists():
                left.rename(path)
            else:
                _remove(left)


def _remains(path: Path) -> list[Path]:
    start = _start_of(path)
    found = []
    for left in path.parent.iterdir():
        passing = PASSING.fullmatch(left.name, len(start)) if left.name.startswith(start) else None
        if passing is not None and not left.is_symlink() and not _is_alive(passing, left):
            found.append(left)
    return sorted(found, reverse=True)  # what is to be put back comes first


def _is_alive(passing: re.Match[str], left: Path) -> bool:
    """Whether the process that made something may be at work on it."""
    if passing["here"] != _here() or os.name == "nt":  # Windows cannot be asked without harm
        newest = max(one.stat().st_mtime for one in [left, *(left.iterdir() if left.is_dir() else [])])
        return newest > time.time() - FORGOTTEN
    try:
        os.kill(int(passing["pid"]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # somebody else's
    return True


def _start_of(path: Path) -> str:
    return f".{path.name[:LONGEST_KEPT]}"


@cache
def _here() -> str:
    """This computer, or this container, where processes have numbers of their own."""
    numbers = Path("/proc/self/ns/pid")
    own = numbers.stat().st_ino if numbers.exists() else 0
    return hashlib.sha256(f"{platform.node()} {own}".encode()).hexdigest()[:8]


def _remove(made: Path) -> None:
    if made.is_dir():
        shutil.rmtree(made, ignore_errors=True)
    else:
        with suppress(OSError):
            made.unlink(missing_ok=True)
