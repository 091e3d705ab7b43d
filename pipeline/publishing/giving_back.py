"""Giving an export back with its codes: the file as it came, row for row, with columns added at its right end.

For each question and facet a column of codes and one of who decided, and for each question one of why a comment was not
coded. What is written is read again before it takes its name: the same cells and codes, or there is no file.
"""

import csv
import hashlib
import html
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, groupby, islice, product
from pathlib import Path
from typing import Any

from pipeline.codebook import Codebook, Facet, split_codes
from pipeline.errors import InputError, OutputError, UserError
from pipeline.exports.columns import ColumnGuess, Kind, guess_columns
from pipeline.exports.exports import APART, WHY_NOT, Export
from pipeline.exports.layouts import FIRST_ROWS, fold, recognise
from pipeline.exports.mapping import find_mapping, load_mapping
from pipeline.exports.responses import (
    Layout,
    Rejected,
    Response,
    answers,
    file_digest,
    find_layout,
    read_cell,
    read_export,
    read_responses,
)
from pipeline.files.raw_table import RawTable, Row
from pipeline.files.whole_file import passing_folder, put_away
from pipeline.publishing.same_format import CANNOT_WRITE, WORKBOOK, Line, Wanted, as_workbook, right_end_of, write_like
from pipeline.reviewing.review import Codes, Review
from pipeline.reviewing.review import Line as Coded
from pipeline.stores.comment_store import storable
from pipeline.texts.personal import ADDRESS, BIRTH, EMAIL, MASKS, NHS, PERSON, POSTCODE, TELEPHONE, find_personal, mask

JOIN = APART  # a bar in the header, too, keeps bars between codes from being taken for a delimiter
DECIDED_BY = ", decided by"
NO_CODE = "none"
NO_ANSWER = "no answer"
REASONS = {"no_content": "no content", "not_english": "not in English"}
NUMBERED = re.compile(r" \(\d+\)$")
UNSEEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")
NOT_SHOWN = "[not shown]"
UNTOUCHED = {Kind.ID, Kind.DATE}  # when masking, where the header does not ask for a birthday
DETAILS = (
    (re.compile(r"mail"), EMAIL),
    (re.compile(r"phone|mobile"), TELEPHONE),
    (re.compile(r"postcode"), POSTCODE),
    (re.compile(r"\bip\b|ipaddress"), "IP address"),
    (re.compile(r"nhs"), NHS),
    (re.compile(r"name"), PERSON),
    (re.compile(r"address"), ADDRESS),
    (re.compile(r"birth|\bdob\b"), BIRTH),
)
DETAIL = "personal detail"


@dataclass(frozen=True)
class GivenBack:
    """What was written: how many rows, how many comments with codes, how many of these people decided.

    masked: kind of personal data → how many pieces were masked. notes: what else a person should know.
    """

    path: Path
    rows: int
    coded: int
    decided: int
    columns: tuple[str, ...]
    masked: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def give_back(run: Path, like: Path, out: Path, *, masked: bool = False, replace: bool = False) -> GivenBack:
    """Writes the export of a run again, with its codes as they stand; `out` has the ending of the export, or `.xlsx`.

    masked: personal data is masked, and nothing but the rows is kept. Raises InputError where the export is not the one
    that was coded, OutputError where it cannot be written.
    """
    manifest = _manifest(run)
    export = read_export(like)
    _check_place(export, out, masked, replace)
    with Review(run) as review, review.store.snapshot():
        _check_same(export, manifest, review)
        layout = Layout(tuple(manifest["questions"]), manifest["response_id"])
        codes = _CodesOfRun(review, export, layout, run / "rejects.csv")
        masker = _Masker(export, layout) if masked else None
        with _made_beside(out) as made:
            notes = _write_parts(export, codes, made, masker)
            _take_its_place(made, out, export)
    found = masker.counts if masker else {}
    return GivenBack(out, codes.rows, codes.coded, codes.decided, codes.names, found, tuple(notes))


# ---- the columns added ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Added:
    """One of the columns added. part: the facet's id, the same with DECIDED_BY behind, or WHY_NOT."""

    question: str
    part: str
    name: str


def added_columns(questions: Sequence[str], facets: Sequence[Facet]) -> tuple[Added, ...]:
    """The columns added for these questions and facets, in their order."""
    called = Counter(fold(facet.name) for facet in facets)
    found = []
    for question in questions:
        for facet in facets:
            name = facet.name if called[fold(facet.name)] == 1 else f"{facet.name} [{facet.id}]"
            for part, end in ((facet.id, ""), (facet.id + DECIDED_BY, DECIDED_BY)):
                found.append(Added(question, part, _one_line(f"{question}{APART}{name}{end}")))
        found.append(Added(question, WHY_NOT, _one_line(f"{question}{APART}{WHY_NOT}")))
    return tuple(found)


def _one_line(text: str) -> str:
    return " ".join(UNSEEN.sub(" ", text).split())


def _all_new(names: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """The names, with a number behind where a column of the export is called so."""
    taken = set(map(fold, columns))
    new = []
    for name in names:
        n, called = 1, name
        while fold(called) in taken:
            n += 1
            called = f"{name} ({n})"
        taken.add(fold(called))
        new.append(called)
    return tuple(new)


class _CodesOfRun:
    """What is added to each row of an export, in its order; counts while the rows go by."""

    def __init__(self, review: Review, export: Export, layout: Layout, rejects: Path) -> None:
        self.review, self.export, self.layout = review, export, layout
        known = {facet for facet, _ in review.code_counts()} | set(review.coded_codes)
        self.facets = tuple(facet for facet in review.codebook.facet if facet.id in known)
        columns = added_columns(layout.questions, self.facets)
        self.names = _all_new([column.name for column in columns], export.columns)
        self.ids = tuple(f"Q{1 + layout.questions.index(c.question)} {_one_line(c.part)}" for c in columns)
        self.rows = self.coded = self.decided = 0
        self._lines = review.all_lines()
        self._next = next(self._lines, None)
        self._reasons = _reasons(rejects)
        self._rejected = next(self._reasons, None)

    def of_rows(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """(row, added cells) of each row of responses. Raises InputError where some comment of the run is nowhere."""
        for one in read_responses(self.export, self.layout):
            self.rows += 1
            yield one.row, (self._of_rejected(one) if isinstance(one, Rejected) else self._of_response(one))
        if self._next is not None:
            what = f"{self._next.comment_id} is not where it was when the run was coded"
            raise InputError(what, where=self.export.path, fix="code it again: feedback classify EXPORT --out RUN")

    def _of_rejected(self, row: Rejected) -> tuple[str, ...]:
        """The reason for each question; right of all columns once more, where the row has too many cells itself."""
        reason = _one_line(row.reason)
        cells = [*[""] * (2 * len(self.facets)), reason] * len(self.layout.questions)
        wide = any(map(str.strip, row.cells[len(self.export.columns) :]))
        return (*cells, reason) if wide else tuple(cells)

    def _of_response(self, response: Response) -> tuple[str, ...]:
        cells: list[str] = []
        for comment in answers(response, self.export, self.layout):
            line = self._next
            if line is not None and line.comment_id == storable(comment.id):
                self._next = next(self._lines, None)
                cells += self._of_comment(line)
            else:
                cells += [*[""] * (2 * len(self.facets)), self._why_not(response.row, comment.id)]
        return tuple(cells)

    def _of_comment(self, line: Coded) -> Iterator[str]:
        self.coded += 1
        self.decided += line.decided
        for facet in self.facets:
            codes = line.facets.get(facet.id)
            yield from (_names(facet, codes), codes.source) if codes else ("", "")
        yield ""

    def _why_not(self, row: int, comment_id: str) -> str:
        while self._rejected is not None and self._rejected[0] < row:
            self._rejected = next(self._reasons, None)
        if self._rejected is not None and self._rejected[:2] == (row, comment_id):
            reason = self._rejected[2]
            self._rejected = next(self._reasons, None)
            return _one_line(reason)
        return NO_ANSWER


def _names(facet: Facet, codes: Codes) -> str:
    named = (facet.by_id[code].name if code in facet.by_id else code for code in codes.codes)
    return JOIN.join(map(_one_line, named)) or NO_CODE


def _reasons(path: Path) -> Iterator[tuple[int, str, str]]:
    """(row, comment id, reason in words) of the comments that were set apart, in the order of the export."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["comment_id"]:
                reason, language = read_cell(row["reason"]), read_cell(row.get("language") or "")
                told = REASONS.get(reason, reason.replace("_", " ")) + (f" ({language})" if language else "")
                yield int(row["row"]), read_cell(row["comment_id"]), told


# ---- the same export, and a place for it -----------------------------------------------------------------------------


def _manifest(run: Path) -> dict[str, Any]:
    """What the run says of itself. Raises InputError where it is none, or of an earlier version."""
    try:
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        known = isinstance(manifest["export"]["sha256"], str) and isinstance(manifest["questions"], list)
        manifest["response_id"]
    except (OSError, ValueError, KeyError, TypeError):
        known = False
    if not known or not (run / "rejects.csv").is_file():
        fix = "make one with feedback classify EXPORT --out RUN"
        raise InputError("is no run folder of an export", where=run, fix=fix)
    return dict(manifest)


def _check_same(export: Export, manifest: Mapping[str, Any], review: Review) -> None:
    """Raises InputError with what differs where the export is not the one that was coded, byte for byte."""
    if file_digest(export.path) == manifest["export"]["sha256"]:
        return
    what = f"is not the export that was coded: {_difference(export, manifest, review)}"
    fix = f"give {manifest['export'].get('file', 'it')} as it was, or code this one: feedback classify {export.path}"
    raise InputError(what, where=export.path, fix=f"{fix} --out RUN")


def _difference(export: Export, manifest: Mapping[str, Any], review: Review) -> str:
    """What differs first, in words without what anybody wrote."""
    for column in (*manifest["questions"], manifest["response_id"]):
        if column is not None and column not in export.columns:
            return f"it has no column {column!r}"
    rows = sum(1 for _ in export.rows())
    if rows != manifest["rows"]:
        return f"it has {rows:,} rows, and {manifest['rows']:,} were coded"
    layout = Layout(tuple(manifest["questions"]), manifest["response_id"])
    said = {
        storable(comment.id): comment.text
        for response in read_responses(export, layout)
        if isinstance(response, Response)
        for comment in answers(response, export, layout)
    }
    for line in review.all_lines():
        if storable(said.get(line.comment_id, "")) != line.text:
            return f"the answer {line.comment_id} has changed"
    return "the comments are the same, but another column is not, or how the file is written"


def _check_place(export: Export, out: Path, masked: bool, replace: bool) -> None:
    """Raises OutputError where nothing can be written, or it could not be in that format."""
    if out.exists() and out.resolve() == export.path.resolve():
        raise OutputError("is the export itself", where=out, fix="choose another name with --out")
    if out.exists() and not replace:
        raise OutputError("is there already", where=out, fix="choose another name with --out, or add --replace")
    if not out.parent.is_dir():
        raise OutputError("there is no such folder", where=out.parent, fix="make it first")
    for _, _, table in _parts(export):
        if table.format in CANNOT_WRITE and (export.parts or out.suffix.casefold() != WORKBOOK):
            what = f"{CANNOT_WRITE[table.format]} cannot be written"
            raise OutputError(what, where=table.source.where, fix=f"name a workbook: --out {out.stem}{WORKBOOK}")
    if export.parts:
        _check_folder(export, out)
        return
    was, now = export.path.suffix.casefold(), out.suffix.casefold()
    macros = masked and was == ".xlsm"
    if now != WORKBOOK and (now != was or macros):
        wanted = WORKBOOK if macros else f"{was} or {WORKBOOK}"
        raise OutputError(f"{now or 'no ending'} is not the format of the export", where=out, fix=f"use {wanted}")


def _check_folder(export: Export, out: Path) -> None:
    ours = {part.path.name for _, part in export.parts}
    if out.exists() and (not out.is_dir() or {path.name for path in out.iterdir()} - ours):
        raise OutputError("is there and holds something else", where=out, fix="choose another name with --out")


def _parts(export: Export) -> list[tuple[int, Export, RawTable]]:
    """The files of an export, each with the number that goes before its own rows, and as it is."""
    return [(start, part, part.table) for start, part in export.parts or ((0, export),) if part.table is not None]


@contextmanager
def _made_beside(out: Path) -> Iterator[Path]:
    """A path of the same name in a hidden folder beside, which is gone in the end, whatever happens."""
    try:
        folder = passing_folder(out)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=out, fix="choose another place") from None
    try:
        yield folder / out.name
    finally:
        put_away(folder)


def _take_its_place(made: Path, out: Path, export: Export) -> None:
    try:
        if export.parts and out.exists():
            out.rename(made.with_name(f"{made.name}.before"))
        os.replace(made, out)  # noqa: PTH105
    except OSError as error:
        raise OutputError(f"cannot be replaced ({error.strerror})", where=out, fix="close it elsewhere") from None


# ---- writing --------------------------------------------------------------------------------------------------------


def _write_parts(export: Export, codes: _CodesOfRun, made: Path, masker: "_Masker | None") -> list[str]:
    """Writes each file of the export, and checks what can be read of it; gives what a person should know."""
    parts = _parts(export)
    if export.parts:
        made.mkdir()

    def number_of_part(row: tuple[int, tuple[str, ...]]) -> int:
        return max(n for n, (start, _, _) in enumerate(parts) if row[0] > start)

    notes: dict[str, None] = {}
    for n, rows in groupby(codes.of_rows(), number_of_part):
        _, part, table = parts[n]
        path = made / part.path.name if export.parts else made
        notes |= dict.fromkeys(_write_part(part, table, (added for _, added in rows), codes, path, masker))
    return list(notes)


def _write_part(
    part: Export,
    table: RawTable,
    added: Iterator[tuple[str, ...]],
    codes: _CodesOfRun,
    path: Path,
    masker: "_Masker | None",
) -> Iterator[str]:
    """Writes one file of the export and checks it; gives what a person should know."""
    plain = as_workbook(table, path.suffix.casefold(), masker is not None)
    place = right_end_of(table, len(part.columns), as_workbook=plain)
    first = list(islice(added, FIRST_ROWS))
    header = _header(part, place, codes, first)
    digest = _Digest()
    lines = _lines(part, header, chain(first, added), masker)
    styled = frozenset(part.shape.header_rows)
    write_like(Wanted(table, digest.taking(lines, place), place, styled, masker is not None), path)
    _check_written(path, part, place, codes.names, digest)
    if plain:
        yield "written as a plain workbook: only the rows, without formatting or other sheets"
    elif masker is not None and table.source.member:
        yield "of the ZIP only the export is given back"


def _lines(
    part: Export, header: Mapping[int, tuple[str, ...]], added: Iterable[tuple[str, ...]], masker: "_Masker | None"
) -> Iterator[Line]:
    """All rows of a file that are not blank, as they are to be written."""
    for number, cells in part.above:
        title = masker is not None and number in part.shape.title_rows
        yield Line(number, list(map(masker.text, cells)) if masker and title else cells, header.get(number, ()))
    of_columns = masker.of(part) if masker else None
    for (number, cells), more in zip(part.rows(), added, strict=True):
        if masker is not None and of_columns is not None:
            more = (*more[:-1], masker.text(more[-1])) if more else more
            cells = masker.cells(of_columns, number, cells)
        yield Line(number, cells, more)


def _header(
    part: Export, place: int, codes: _CodesOfRun, first: Sequence[tuple[str, ...]]
) -> dict[int, tuple[str, ...]]:
    """The cells added to each header row, so that the layout is recognised as before and the columns by their names.

    The first way that does it is taken: some platforms have ids above the questions, some write their texts as HTML.
    """
    below = [(number, cells, more) for (number, cells), more in zip(part.rows(), first, strict=False)]
    blank = ("",) * len(codes.names)
    escaped = tuple(map(html.escape, codes.names))
    ids = (tuple(id_.replace(" ", "_").replace(",", "") for id_ in codes.ids), codes.ids, blank)
    for names, row, above in product((codes.names, escaped), reversed(part.shape.header_rows), ids):
        header = {
            number: names if number == row else above if number == part.shape.header_rows[0] else blank
            for number in part.shape.header_rows
        }
        rows = [(number, cells, header.get(number, ())) for number, cells in part.above] + below
        if _is_recognised([(n, _extended(cells, place, more)) for n, cells, more in rows], part, place, codes.names):
            return header
    what, fix = "would not be recognised again with columns added", "give the columns of the export other names"
    raise OutputError(what, where=part.path, fix=fix)


def _is_recognised(rows: Sequence[Row], part: Export, place: int, names: Sequence[str]) -> bool:
    top = recognise(rows[:FIRST_ROWS], place + len(names))
    shape = (top.shape.header_rows, top.shape.title_rows)
    same = top.names[: len(part.columns)] == part.columns and shape == (part.shape.header_rows, part.shape.title_rows)
    return same and top.names[place:] == tuple(names)


def _extended(cells: Sequence[str], place: int, added: Sequence[str]) -> list[str]:
    """The cells with those added at their place; what is beyond it is blank there."""
    if not added:
        return list(cells)
    return [*cells[:place], *[""] * (place - len(cells)), *added]


class _Digest:
    """What was written, row by row, to be compared with what is read again."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()

    def taking(self, lines: Iterable[Line], place: int) -> Iterator[Line]:
        """The lines, each taken down as it goes by."""
        for line in lines:
            self.add(line.number, _extended(line.cells, place, line.added))
            yield line

    def add(self, number: int, cells: Sequence[str]) -> None:
        """Takes down a row; blank cells at its end do not count."""
        reach = next((n for n in range(len(cells), 0, -1) if cells[n - 1]), 0)
        self.sha.update(json.dumps([number, cells[:reach]]).encode())


def _check_written(path: Path, part: Export, place: int, names: Sequence[str], wanted: _Digest) -> None:
    """Reads what was written. Raises OutputError where a cell, a name or the layout is not as it should be."""
    found = _Digest()
    try:
        back = read_export(path)
        for number, cells in chain(back.above, back.rows()):
            found.add(number, cells)
    except UserError as error:
        raise _not_the_same(part, error.what) from None
    if found.sha.digest() != wanted.sha.digest():
        raise _not_the_same(part, "a cell")
    if (back.columns[: len(part.columns)], back.columns[place:]) != (part.columns, tuple(names)):
        raise _not_the_same(part, "a column")


def _not_the_same(part: Export, what: str) -> OutputError:
    fix = f"write a workbook: --out {part.path.stem}{WORKBOOK}"
    return OutputError(f"would not be read back the same with columns added ({what})", where=part.path, fix=fix)


# ---- reading it back ------------------------------------------------------------------------------------------------


def codes_in_export(
    path: Path, codebook: Codebook, response_id: str | None = None
) -> dict[str, dict[str, tuple[str, ...]]]:
    """The codes in a file that `give_back` wrote: comment id → facet → code ids; comments not coded are left out.

    response_id: the column that names the response, where it is not the one that is found. Raises InputError.
    """
    export = read_export(path)
    places = _places_of_codes(export, codebook)
    questions = tuple(dict.fromkeys(question for question, _ in places))
    if not questions:
        raise InputError("has no columns of codes", where=path, fix="write it with feedback export RUN --like EXPORT")
    layout = find_layout(export, questions, response_id)
    found = {}
    for response in read_responses(export, layout):
        if isinstance(response, Response):
            for comment in answers(response, export, layout):
                codes = dict(_codes_of(response.cells, comment.question, places, codebook))
                if codes:
                    found[comment.id] = codes
    return found


def _places_of_codes(export: Export, codebook: Codebook) -> dict[tuple[str, str], int]:
    """(question, part) → place of the columns added last: those at the right end, before one would come twice."""
    known = {fold(one.name): one for one in added_columns(export.columns, codebook.facet)}
    found: dict[tuple[str, str], int] = {}
    for place in range(len(export.columns) - 1, -1, -1):
        name = fold(export.columns[place])
        column = known.get(name) or known.get(NUMBERED.sub("", name))
        if column is None or (column.question, column.part) in found:
            break
        found[column.question, column.part] = place
    return dict(reversed(found.items()))


def _codes_of(
    cells: Sequence[str], question: str, places: Mapping[tuple[str, str], int], codebook: Codebook
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(facet, codes) of one comment, where somebody or the machine decided; a name that is not known stays as it is."""
    for facet in codebook.facet:
        place = places.get((question, facet.id))
        if place is not None and cells[places[question, facet.id + DECIDED_BY]]:
            yield facet.id, tuple(facet.find(name) or name for name in split_codes(cells[place]))


# ---- masking --------------------------------------------------------------------------------------------------------


class _Masker:
    """Masks what may tell who somebody is: whole cells of personal details, and pieces of all other text.

    Ids and dates stay, but for dates of birth. counts: kind → pieces masked.
    """

    def __init__(self, export: Export, layout: Layout) -> None:
        self.counts: Counter[str] = Counter()
        self.response_id = layout.response_id
        self.kinds = {fold(column): (kind, word) for column, kind, word in _kinds(export)}
        for question in layout.questions:
            self.kinds[fold(question)] = (Kind.FREE_TEXT, "")

    def of(self, part: Export) -> list[tuple[Kind, str, bool]]:
        """Kind and detail of each column of a file, and whether it names the response."""
        named = fold(self.response_id or "")
        return [(*self.kinds[fold(column)], fold(column) == named) for column in part.columns]

    def cells(self, columns: Sequence[tuple[Kind, str, bool]], row: int, cells: Sequence[str]) -> list[str]:
        """A row with what is personal masked; one with too many cells has them in the wrong columns, and shows none."""
        if any(map(str.strip, cells[len(columns) :])):
            filled = [bool(cell.strip()) for cell in cells]
            self.counts["cells of rows with too many"] += sum(filled)
            return [NOT_SHOWN if one else cell for one, cell in zip(filled, cells, strict=True)]
        masked = [self._cell(column, row, cell) for column, cell in zip(columns, cells, strict=False)]
        return [*masked, *cells[len(columns) :]]

    def _cell(self, column: tuple[Kind, str, bool], row: int, cell: str) -> str:
        kind, detail, names_response = column
        if not cell.strip() or cell.strip() == "-":
            return cell
        if kind == Kind.PERSONAL:
            self.counts[detail] += 1
            word = MASKS.get(detail, f"[{detail}]")
            return f"{word} {row}" if names_response else word  # so that each response still has a name of its own
        return cell if kind in UNTOUCHED or names_response else self.text(cell)

    def text(self, text: str) -> str:
        """A text with a word in brackets for each piece of personal data."""
        found = find_personal(text)
        self.counts.update(finding.kind for finding in found)
        return mask(text) if found else text


def _kinds(export: Export) -> Iterator[tuple[str, Kind, str]]:
    """(column, kind, detail it is) as guessed, or as a person said in the remembered mapping."""
    remembered = find_mapping(export)
    mapping = load_mapping(remembered) if remembered else None
    said = {fold(column): kind for column, kind in mapping.kinds.items()} if mapping else {}
    overruled = set(map(fold, mapping.overruled)) if mapping else set()
    for guess in guess_columns(export):
        kind = said.get(fold(guess.column), guess.kind)
        if guess.kind == Kind.PERSONAL and fold(guess.column) not in overruled:
            kind = Kind.PERSONAL
        if guess.kind == Kind.DATE and re.search(r"birth|\bdob\b", fold(guess.column)):
            kind = Kind.PERSONAL
        yield guess.column, kind, _detail(guess)


def _detail(guess: ColumnGuess) -> str:
    """What a column of personal details holds, by why it was taken for one, else by its header."""
    for words in (guess.why, guess.column):
        for sign, kind in DETAILS:
            if sign.search(words.casefold()):
                return kind
    return DETAIL
