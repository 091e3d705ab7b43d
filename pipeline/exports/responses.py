"""Responses and comments: the rows of an export as responses, their answers as comments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.errors import InputError
from pipeline.exports.columns import Kind, guess_columns, id_column
from pipeline.exports.exports import Export, read_export
from pipeline.files.raw_table import LARGEST_CELL, read_cell, safe_cell
from pipeline.files.sources import ENDINGS, file_digest

__all__ = [
    "ENDINGS",
    "LARGEST_CELL",
    "READERS",
    "Comment",
    "Export",
    "Layout",
    "Rejected",
    "Response",
    "answers",
    "file_digest",
    "find_layout",
    "read_cell",
    "read_export",
    "read_responses",
    "safe_cell",
]

READERS = ENDINGS  # the endings that `read_export` takes, in the order in which they are told
PREVIEW = "preview"


# ---- which column is what ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """Which columns hold the answers to be coded, and which one names the response (None: the row number does)."""

    questions: tuple[str, ...]
    response_id: str | None = None


def find_layout(export: Export, questions: Sequence[str] = (), response_id: str | None = None) -> Layout:
    """The free-text columns, found from the values or as named, and the column of unique ids, if any.

    Raises InputError where a named column is not there or none looks like free text.
    """
    named = [export.columns[export.column(name)] for name in questions]
    found = named or [guess.column for guess in guess_columns(export) if guess.kind == Kind.FREE_TEXT]
    if not found:
        raise InputError(
            "no column looks like free text", where=export.path, fix=f"name one with --question {export.columns[-1]!r}"
        )
    id_ = export.columns[export.column(response_id)] if response_id is not None else id_column(export)
    return Layout(tuple(dict.fromkeys(found)), id_)


# ---- responses and comments ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Response:
    """One row of the export: one submission by one respondent. `cells` has one text per column of the export."""

    row: int
    id: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Comment:
    """One answer of a response; `text` is the respondent's, byte for byte."""

    id: str
    response: Response
    question: str
    text: str


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be a response, and why."""

    row: int
    cells: tuple[str, ...]
    reason: str


def read_responses(export: Export, layout: Layout) -> Iterator[Response | Rejected]:
    """Every row of the export, in order: as a response, or rejected with the reason."""
    width = len(export.columns)
    place = export.column(layout.response_id) if layout.response_id is not None else None
    seen: set[str] = set()
    for row, cells in export.rows():
        id_ = str(row) if place is None else cells[place].strip() if place < len(cells) else ""
        reason = _why_rejected(export, cells, id_, id_ in seen)
        if reason:
            yield Rejected(row, tuple(cells), f"{reason} ({export.place(row)})" if export.parts else reason)
            continue
        seen.add(id_)
        yield Response(row, id_, tuple(cells[:width]) + ("",) * (width - len(cells)))


def _why_rejected(export: Export, cells: Sequence[str], id_: str, seen: bool) -> str:
    """Why a row is no response, or nothing."""
    width = len(export.columns)
    if any(map(str.strip, cells[width:])):
        return f"row has {len(cells)} cells where the header has {width}"
    if export.previews and export.is_preview(cells):
        return PREVIEW
    if seen:
        return f"response id {id_!r} stands twice"
    return "" if id_ else "no response id"


def answers(response: Response, export: Export, layout: Layout) -> Iterator[Comment]:
    """The answers of a response to each question, the blank ones included, so that they can be counted."""
    for number, question in enumerate(layout.questions, 1):
        text = response.cells[export.columns.index(question)]
        blank = export.shape.blank and text.strip() == export.shape.blank
        yield Comment(f"{response.id}-q{number}", response, question, "" if blank else text)
