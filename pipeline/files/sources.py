"""Where an export lies: a file of any known format, a ZIP with one in it, or a folder with several of one layout."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from pipeline.errors import InputError
from pipeline.files.delimited import read_delimited
from pipeline.files.parquet import read_parquet
from pipeline.files.raw_table import ZIP_TROUBLE, RawTable, Source
from pipeline.files.workbooks import is_workbook, read_workbook

LARGEST_PACKED = 1 << 32
SQUEEZE = 200
SMALL = 1 << 24
BLANK = b"\x00\t\r\n \xef\xbb\xbf\xff\xfe"

FORMATS: dict[str, Callable[[Source], RawTable]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".txt": read_delimited,
    ".xlsx": read_workbook,
    ".xlsm": read_workbook,
    ".xls": read_workbook,
    ".ods": read_workbook,
    ".parquet": read_parquet,
}
ENDINGS = (*FORMATS, ".zip")
IN_A_FOLDER = frozenset(ENDINGS) - {".txt"}  # a text beside exports is a note about them


def open_table(path: Path) -> RawTable:
    """Opens a file, or the one export in a ZIP, by its ending and its first bytes. Raises InputError."""
    if not path.exists():
        raise InputError("there is no such file", where=path, fix="check the name and folder")
    source = Source(path, lambda: path.open("rb"))
    if source.suffix not in ENDINGS:
        raise _unknown(source)
    head = _head(source)
    if head.startswith(b"PK\x03\x04"):
        with source.open() as file:
            packed = not is_workbook(file)
        if packed:
            source = _packed(path)
            head = _head(source)
    elif source.suffix == ".zip":
        raise InputError("is no ZIP", where=path, fix="zip the export again, or give the export itself")
    try:
        return _reader(source, head)(source)
    except ZIP_TROUBLE as error:
        raise InputError(f"cannot be read ({error})", where=source.where, fix="export it again") from None


def _reader(source: Source, head: bytes) -> Callable[[Source], RawTable]:
    """How a file is read: by its first bytes where these tell, else by its ending."""
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return read_workbook
    if head.startswith(b"PAR1"):
        return read_parquet
    return FORMATS[source.suffix]


def _head(source: Source) -> bytes:
    """The first bytes. Raises InputError where there are none, or they cannot be read."""
    try:
        with source.open() as file:
            head = file.read(4096)
    except OSError as error:
        what, fix = f"cannot be read ({error.strerror})", "close it elsewhere, or copy it"
        raise InputError(what, where=source.where, fix=fix) from None
    except ZIP_TROUBLE as error:
        raise InputError(f"cannot be unpacked ({error})", where=source.where, fix="unzip it yourself") from None
    if not head.strip(BLANK):
        raise InputError("is empty", where=source.where, fix="export it again")
    return head


def _unknown(source: Source) -> InputError:
    ending = source.suffix or "no ending"
    return InputError(f"{ending} is not a kind of export", where=source.where, fix=f"use {', '.join(ENDINGS)}")


# ---- in a ZIP ------------------------------------------------------------------------------------------------------


def _packed(path: Path) -> Source:
    """The one export in a ZIP. Raises InputError where there are none or several, or it is locked, or it is a bomb."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [part for part in archive.infolist() if _is_export(part.filename)]
    except ZIP_TROUBLE as error:
        raise InputError(f"is no ZIP that can be read ({error})", where=path, fix="zip the export again") from None
    if len(inside) != 1:
        what = f"holds {len(inside)} exports" if inside else "holds no export"
        raise InputError(what, where=path, fix="unzip it, and name a file or the folder")
    part = inside[0]
    if part.flag_bits & 1:
        raise InputError("is locked with a password", where=path, fix="unzip it, and name the file in it")
    squeezed = part.file_size > SMALL and part.file_size > SQUEEZE * max(part.compress_size, 1)
    if squeezed or part.file_size > LARGEST_PACKED:
        what = f"unpacks to {part.file_size >> 20:,} MB from {part.compress_size >> 10:,} kB"
        raise InputError(what, where=path, fix="check that it is an export; unzip it, and name the file in it")
    return Source(path, partial(_unpacked, path, part), part.filename)


def _is_export(name: str) -> bool:
    """Whether a file is one of ours to read: not a folder, nor what a system or an open program leaves there."""
    path = Path(name)
    hidden = any(piece.startswith((".", "~$", "__MACOSX")) for piece in path.parts)
    return path.suffix.casefold() in FORMATS and not hidden and not name.endswith("/")


def _unpacked(path: Path, part: zipfile.ZipInfo) -> IO[bytes]:
    """The bytes of a file in a ZIP: as a stream for text, whole for formats that are read from the end."""
    file: IO[bytes] = zipfile.ZipFile(path).open(part)  # noqa: SIM115 - the caller closes it
    if FORMATS[Path(part.filename).suffix.casefold()] is read_delimited:
        return file
    with file:
        return io.BytesIO(file.read())


# ---- in a folder ---------------------------------------------------------------------------------------------------


def files_in(folder: Path) -> tuple[list[Path], list[str]]:
    """The exports in a folder in the order of their names, and the names of all else there. Raises InputError."""
    try:
        found = sorted(
            (path for path in folder.iterdir() if not path.name.startswith((".", "~$"))), key=lambda p: p.name
        )
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=folder, fix="name a file in it") from None
    exports = [path for path in found if path.is_file() and path.suffix.casefold() in IN_A_FOLDER]
    if not exports:
        raise InputError("is a folder, not an export", where=folder, fix="name the file in it")
    return exports, [path.name for path in found if path not in exports]


def file_digest(path: Path) -> str:
    """SHA-256 in hexadecimal: of a file's bytes; for a folder, of the names and digests of the exports in it."""
    if path.is_dir():
        lines = "".join(f"{file_digest(file)}  {file.name}\n" for file in files_in(path)[0])
        return hashlib.sha256(lines.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
