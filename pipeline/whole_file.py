"""Files that are whole or not there: written under a temporary name, then renamed."""

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
