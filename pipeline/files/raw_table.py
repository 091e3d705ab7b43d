"""The cells of a file as they stand, how much of a file is read at all, and how cells are made safe for Excel."""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LARGEST_CELL = 1 << 24
MOST_COLUMNS = 4096
Row = tuple[int, list[str]]
# What goes wrong with a damaged, locked or lying ZIP, and with the disk it lies on.
ZIP_TROUBLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError)

FORMULA = re.compile(r"^[=+\-@\t\r]")
ESCAPED = re.compile(r"^'+[=+\-@\t\r]")
HARMLESS = re.compile(r"^[+\-]?(\d[\d ,.]*%?)?$")


@dataclass(frozen=True)
class Source:
    """The bytes of a file, or of a file in a ZIP: `path` is what lies on the disk, `member` the name within it."""

    path: Path
    open: Callable[[], IO[bytes]]
    member: str = ""

    @property
    def where(self) -> str:
        """What an error names."""
        return f"{self.path}, {self.member}" if self.member else str(self.path)

    @property
    def suffix(self) -> str:
        """The ending that says the format, in lower case."""
        return Path(self.member or self.path).suffix.casefold()


@dataclass(frozen=True)
class RawTable:
    """All rows of a file, titles and header among them. `rows` starts again from the top at each call.

    Each row is (row number as a spreadsheet shows it, cells); wholly blank rows are left out.
    format: "csv", "xlsx", "xls", "ods" or "parquet". notes: what a person should know of how it was read.
    """

    source: Source
    format: str
    rows: Callable[[], Iterator[Row]]
    encoding: str = ""
    delimiter: str = ""
    notes: tuple[str, ...] = ()


def is_filled(cells: list[str]) -> bool:
    """Whether any cell of a row holds more than spaces, hard spaces included."""
    return any(map(str.strip, cells))


# ---- cells that Excel must not run -----------------------------------------------------------------------------------


def safe_cell(text: str) -> str:
    """Text for a CSV cell that a spreadsheet cannot take for a formula: an apostrophe before `= + - @`.

    Plain numbers such as `-5` and a lone dash stay as they are. `read_cell` gives the text back, exactly.
    """
    if ESCAPED.match(text) or (FORMULA.match(text) and not HARMLESS.match(text)):
        return "'" + text
    return text


def read_cell(text: str) -> str:
    """The text that `safe_cell` was given."""
    return text[1:] if ESCAPED.match(text) else text
