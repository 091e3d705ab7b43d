"""Files that are whole or not there: written under a temporary name, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from pipeline.errors import OutputError


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A UTF-8 file to write, which takes its name when all is written; a file of that name is replaced.

    Raises OutputError where it cannot be written. After any error what was there before stands, and nothing else.
    """
    half = path.with_name(f".{path.name}.part")
    try:
        with half.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        half.replace(path)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=path, fix="choose another place") from None
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)


def write_whole(content: bytes, path: Path, fix: str = "close it where it is open, or choose another name") -> None:
    """Writes a file made in memory, whole or not at all; a file of that name is replaced, unless it is write-protected.

    Raises OutputError where there is no such folder or it cannot be written.
    """
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {str(path.parent)!r}", where=path, fix="make it, or choose another")
    half = path.with_name(f".{path.stem}-{os.getpid()}.part")
    try:
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "it is write-protected")
        half.write_bytes(content)
        half.replace(path)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=path, fix=fix) from None
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)
