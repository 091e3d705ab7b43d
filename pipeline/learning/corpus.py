"""Coded comments to learn from and to be measured on: corpus files, and the examples of the codebook as rows."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.codebook import Code, Codebook, Facet, codes_in, make_id
from pipeline.errors import InputError
from pipeline.exports.responses import Export, find_layout, read_cell, read_export
from pipeline.texts.cleaning import is_blank, normalise

REVIEWED = "_reviewed"
HEAVIEST = 100
SOURCE_COLUMNS = ("session", "source")
EXAMPLE_SOURCE, WORDING_SOURCE = "codebook example", "codebook wording"
CODEBOOK_SOURCES = (EXAMPLE_SOURCE, WORDING_SOURCE)


@dataclass(frozen=True)
class CodedComment:
    """A comment with what people said its codes are.

    codes: column (a facet, or a facet with `_reviewed`) → code ids, main one first; a column that is not there is
    unknown, an empty tuple is "none of them". weight: how much it teaches beside the
    others, above 0. others: the further columns of the file, as they stand. file: the one it is from, as a manifest
    names it, empty where it is from none.
    """

    text: str
    codes: dict[str, tuple[str, ...]]
    source: str = ""
    id: str = ""
    question: str = ""
    weight: float = 1.0
    others: dict[str, str] = field(default_factory=dict)
    file: str = field(default="", compare=False)

    @property
    def of_codebook(self) -> bool:
        """Whether this is something the codebook says, not something that people coded."""
        return self.source in CODEBOOK_SOURCES

    def label(self, facet: str) -> tuple[str, ...] | None:
        """The codes to learn from: the reviewed ones where there are any, else the published; None if unknown."""
        return self.codes.get(facet + REVIEWED, self.codes.get(facet))


@dataclass(frozen=True)
class Corpus:
    """Coded comments, the files they came from, and the label columns those files had."""

    comments: tuple[CodedComment, ...]
    files: tuple[Path, ...]
    columns: tuple[str, ...]

    def without(self, column: str, value: str, texts: Iterable[str] = ()) -> "Corpus":
        """The corpus without the comments of one value of a column and without those that say one of `texts`."""
        same = {normalise(text) for text in texts}
        kept = (c for c in self.comments if c.others.get(column) != value and normalise(c.text) not in same)
        return Corpus(tuple(kept), self.files, self.columns)


def label_columns(columns: Iterable[str], codebook: Codebook) -> dict[str, Facet]:
    """The columns that hold codes: those called like a facet, by id or name, with or without `_reviewed`."""
    called = {name: facet for facet in codebook.facet for name in (make_id(facet.name), facet.id)}
    found: dict[str, Facet] = {}
    taken: set[str] = set()
    for column in columns:
        facet = called.get(make_id(_label(column).removesuffix(REVIEWED)))
        if facet is not None and _label_of(column, facet) not in taken:
            found[column] = facet
            taken.add(_label_of(column, facet))
    return found


def _label(column: str) -> str:
    return column.strip().casefold()


def _label_of(column: str, facet: Facet) -> str:
    """What a column of codes is called within: the id of its facet, with `_reviewed` where it has it."""
    return facet.id + (REVIEWED if _label(column).endswith(REVIEWED) else "")


def _text_place(export: Export, labels: Iterable[str]) -> int:
    """The column with the comments: the one called `text`, else the free text nearest before a column of codes.

    So a survey export with analysts' tags, or any coded spreadsheet, can be learned from as it is. Raises InputError.
    """
    columns = [_label(column) for column in export.columns]
    if "text" in columns:
        return columns.index("text")
    first = min(export.columns.index(label) for label in labels)
    try:
        questions = find_layout(export).questions
    except InputError:
        return export.column("text")  # which says that it is not there
    places = [export.columns.index(question) for question in questions if question not in labels]
    before = [place for place in places if place < first]
    return max(before) if before else min(places) if places else export.column("text")


def read_corpus(path: Path, codebook: Codebook) -> Corpus:
    """Reads a file of coded comments. Raises InputError or CodebookError naming file, row and the unknown code."""
    export = read_export(path)
    labels = label_columns(export.columns, codebook)
    if labels:
        text_place = _text_place(export, labels)
    else:
        export.column("text")
        raise InputError(
            "has no column of codes", where=path, fix=f"add a column called {' or '.join(map(repr, codebook.by_id))}"
        )
    rows = [(number, _full(export, number, cells)) for number, cells in export.rows()]
    coded = {
        _label_of(column, facet): codes_in(_column(rows, export.columns.index(column)), facet, path)
        for column, facet in labels.items()
    }
    comments = tuple(
        _coded_comment(export, row, text_place, {column: codes[n] for column, codes in coded.items()})
        for n, (_, row) in enumerate(rows)
        if not is_blank(row[text_place])
    )
    if not comments:
        raise InputError("has no comment with a text", where=path, fix="fill the column 'text'")
    return Corpus(comments, (path,), tuple(coded))


def _full(export: Export, number: int, cells: Sequence[str]) -> list[str]:
    """A row with a cell for each column. Raises InputError where it has more: a comma in it was not quoted."""
    width = len(export.columns)
    if any(cell.strip() for cell in cells[width:]):
        what = f"has {len(cells)} cells where the header has {width}"
        raise InputError(what, where=f"{export.path}, row {number}", fix="put the text in double quotes")
    return [*cells[:width], *[""] * (width - len(cells))]


def _column(rows: Iterable[tuple[int, Sequence[str]]], place: int) -> Iterable[tuple[int, str]]:
    return ((number, read_cell(cells[place])) for number, cells in rows)


def _coded_comment(export: Export, row: Sequence[str], place: int, codes: dict[str, tuple[str, ...]]) -> CodedComment:
    others = {column: read_cell(cell) for column, cell in zip(export.columns, row, strict=True)}
    source = next((others[c] for c in SOURCE_COLUMNS if others.get(c)), "")
    id_, question = others.get("id", ""), others.get("question", "")
    weight = _weight(others.get("weight", ""), export.path)
    file = display_path(export.path)
    return CodedComment(read_cell(row[place]), codes, source, id_, question, weight, others, file)


def _weight(cell: str, where: Path) -> float:
    """The number in a cell of the column `weight`, 1 where it is blank. Raises InputError."""
    try:
        weight = float(cell or 1)
    except ValueError:
        weight = 0.0
    if not 0 < weight <= HEAVIEST:
        raise InputError(f"the weight {cell!r} is not a number above 0", where=where, fix=f"use 1, at most {HEAVIEST}")
    return weight


def read_corpora(paths: Sequence[Path], codebook: Codebook) -> Corpus:
    """Several files of coded comments as one corpus."""
    corpora = [read_corpus(path, codebook) for path in paths]
    comments = tuple(comment for corpus in corpora for comment in corpus.comments)
    columns = dict.fromkeys(column for corpus in corpora for column in corpus.columns)
    return Corpus(comments, tuple(paths), tuple(columns))


def codebook_comments(codebook: Codebook, unseen: Iterable[str] = ()) -> list[CodedComment]:
    """What the codebook itself teaches, as coded comments: its examples, definitions, inclusions and key phrases.

    Each is known for its own facet and unknown for the others. Texts that say one of the `unseen` are left out.
    """
    hidden = {normalise(text) for text in unseen}
    taught = [
        CodedComment(text, {facet.id: (code.id, *also)}, source)
        for facet in codebook.facet
        for code in facet.code
        for text, also, source in _lessons(code)
    ]
    return [comment for comment in taught if not hidden or normalise(comment.text) not in hidden]


def _lessons(code: Code) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(text, further codes, source) of all that a codebook says of a code; exclusions speak of other codes."""
    yield from ((example.text, example.also, EXAMPLE_SOURCE) for example in code.examples)
    yield from ((text, (), WORDING_SOURCE) for text in (code.definition, *code.include, *code.phrases) if text)


def display_path(path: Path) -> str:
    """A path as it is written into a manifest: relative to the working folder where it is below it."""
    try:
        return os.fspath(path.resolve().relative_to(Path.cwd().resolve()))
    except ValueError:
        return os.fspath(path)
