"""Parquet files, read a batch at a time and never held whole."""

import datetime as dt
import importlib
import json
from collections.abc import Callable, Iterator
from typing import IO, Any

from pipeline.errors import InputError
from pipeline.files.raw_table import MOST_COLUMNS, RawTable, Row, Source, is_filled

BATCH = 2048
LARGEST_GROUP = 1 << 31


def read_parquet(source: Source) -> RawTable:
    """Opens a Parquet file; its column names are row 1. Raises InputError."""
    with source.open() as file, _opened(file, source) as table:
        names = list(map(str, table.schema_arrow.names))
        _check_size(table, source)

    def rows() -> Iterator[Row]:
        yield 1, names
        number = 1
        with source.open() as file, _opened(file, source) as table:
            try:
                for batch in table.iter_batches(batch_size=BATCH, use_threads=False):
                    columns = [_texts(column) for column in batch.columns]
                    for cells in map(list, zip(*columns, strict=True)):
                        number += 1
                        if is_filled(cells):
                            yield number, cells
            except (OSError, ValueError, TypeError, NotImplementedError, _library(source).ArrowException) as error:
                raise _unreadable(source, error) from None

    return RawTable(source, "parquet", rows, "parquet")


def _library(source: Source) -> Any:
    """The library, or an InputError that says how to come by it; it is large, and few need it."""
    try:
        return importlib.import_module("pyarrow")
    except ImportError:
        fix = "run 'pip install pyarrow', or save it as CSV"
        raise InputError("is a Parquet file, which needs pyarrow", where=source.where, fix=fix) from None


def _opened(file: IO[bytes], source: Source) -> Any:
    arrow = _library(source)
    try:
        return importlib.import_module("pyarrow.parquet").ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
    except (OSError, ValueError, TypeError, NotImplementedError, arrow.ArrowException) as error:
        raise _unreadable(source, error) from None


def _unreadable(source: Source, error: Exception) -> InputError:
    told = (str(error).splitlines() or ["unknown"])[0][:80]
    return InputError(f"is not a Parquet file that can be read ({told})", where=source.where, fix="export it again")


def _check_size(table: Any, source: Source) -> None:
    facts = table.metadata
    if facts.num_columns > MOST_COLUMNS:
        raise InputError(f"has {facts.num_columns:,} columns", where=source.where, fix="keep only those needed")
    sizes = [facts.row_group(n).total_byte_size for n in range(facts.num_row_groups)]
    if max(sizes, default=0) > LARGEST_GROUP:
        what = f"has a row group of {max(sizes) >> 20:,} MB"
        raise InputError(what, where=source.where, fix="write it in smaller row groups")


def _texts(column: Any) -> list[str]:
    kind = str(column.type)
    if kind in ("string", "large_string"):
        if not column.null_count:
            return list(column.to_pylist())
        return ["" if value is None else value for value in column.to_pylist()]
    return ["" if value is None else _as_text(value) for value in column.to_pylist()]


def _as_text(value: object) -> str:
    """A value as a person would read it; several choices are joined by semicolons."""
    for kind, words in WORDS.items():
        if isinstance(value, kind):
            return words(value)
    return str(value)


def _number(value: float) -> str:
    if value != value:
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)


WORDS: dict[type, Callable[[Any], str]] = {
    str: str,
    bool: lambda value: "TRUE" if value else "FALSE",
    float: _number,
    dt.datetime: lambda value: value.isoformat(" "),
    bytes: lambda value: value.decode("utf-8", "replace"),
    list: lambda value: ";".join("" if one is None else _as_text(one) for one in value),
    dict: lambda value: json.dumps(value, ensure_ascii=False, default=str),
}
