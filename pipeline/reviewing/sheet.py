"""The review in Excel: a workbook that people work in. `sheet_reading` takes back what they did in it.

Hidden sheets of the workbook say which run it is of, which decisions it shows, and what stood in each row; so rows may
be sorted, filtered, deleted, split over files, and columns moved or added. Rows are known by their comment id.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from pipeline.codebook import SEPARATOR, Code, Facet
from pipeline.coding.doubts import doubt_words
from pipeline.errors import InputError, OutputError
from pipeline.files.whole_file import passing_file, put_away
from pipeline.reviewing.checking import draw
from pipeline.reviewing.review import DECIDED, DOUBTFUL, WAITING, Line, Query, Review
from pipeline.stores.review_store import Store

REVIEW, CHECK = "review", "check"
HOW, READ, CHECKS = "sheet", "read-sheet", "check by "  # how acts are called
EVERY = 1 << 40  # acts
FACTS, SHOWN = "feedback sheet", "feedback rows"  # first cells of the hidden sheets, and their names
FORMAT = "1"

ID, TEXT, QUESTION, WHY = "Comment id", "Comment", "Question", "Why look"
CHECKED, NOTE, BY, SAME = "Checked", "Note", "Decided by", "Same words"
YES, NO = {"yes", "y", "x", "true", "1", "✓", "✔", "ok", "done"}, {"", "no", "n", "false", "0"}

MOST_ROWS = 1_048_575  # of a sheet, below its header
LONGEST_TEXT = 32_767  # of a cell, in UTF-16 units
CUT = " … [cut here: a cell cannot hold more; feedback review shows all of it]"
FEWEST_COLUMNS = 3  # for the codes of a facet of which a comment may have several
EXAMPLES = 5
HEADER_WITHIN = 30  # rows
STEP = 500
ALL = Query()


# ---- what a workbook says of itself ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class CodeColumn:
    """One of the columns for the codes of a facet; place from 1."""

    header: str
    facet: str
    place: int


@dataclass(frozen=True)
class Facts:
    """What the hidden sheet of a workbook says: its kind, which one it is, of which run, and when it was written.

    as_of: the last decision it shows; mark: tells whether that is still the same one; act: the last act there was.
    names: facet → id → name of the codes it offers.
    """

    kind: str
    sheet: str
    run: str
    as_of: int
    mark: str
    act: int
    who: str
    columns: tuple[CodeColumn, ...]
    names: Mapping[str, Mapping[str, str]]

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The facts as cells, the codes of each facet below one another."""
        yield (FACTS, FORMAT)
        for key in ("kind", "sheet", "run", "as_of", "mark", "act", "who"):
            yield (key, str(getattr(self, key)))
        yield from (("column", one.header, one.facet, str(one.place)) for one in self.columns)
        yield from (("code", facet, id_, name) for facet, names in self.names.items() for id_, name in names.items())

    @staticmethod
    def of(rows: Iterable[Sequence[str]]) -> "Facts":
        """The facts that these cells say. Raises ValueError or KeyError where they were tampered with."""
        facts: dict[str, str] = {}
        columns: list[CodeColumn] = []
        names: dict[str, dict[str, str]] = {}
        for key, *cells in rows:
            if key == "column":
                columns.append(CodeColumn(cells[0], cells[1], int(cells[2])))
            elif key == "code":
                names.setdefault(cells[0], {})[cells[1]] = cells[2]
            elif key:
                facts[key] = cells[0]
        numbers = {key: int(facts[key]) for key in ("as_of", "act")}
        texts = {key: facts[key] for key in ("kind", "sheet", "run", "mark", "who")}
        return Facts(**texts, **numbers, columns=tuple(columns), names=names)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Shown:
    """What a row showed: a digest of the comment, and the codes of each facet."""

    digest: str
    codes: Mapping[str, tuple[str, ...]]


def _facts(review: Review, kind: str, who: str, columns: Sequence[CodeColumn]) -> Facts:
    as_of = review.store.as_of
    names = {facet.id: {code.id: code.name for code in facet.code} for facet in review.facets}
    act = max((one["id"] for one in review.store.acts(1)), default=0)
    mark = decision_mark(review.store, as_of)
    return Facts(kind, secrets.token_hex(4), run_digest(review.run), as_of, mark, act, who, tuple(columns), names)


def run_digest(run: Path) -> str:
    """A digest of what the comments of a run are: its export and how it was read. Another model does not change it."""
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    export = manifest.get("export")
    source = export.get("sha256") if isinstance(export, dict) else export
    read = [source, manifest.get("questions"), manifest.get("response_id"), manifest.get("coded")]
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()[:16]


def decision_mark(store: Store, decision: int) -> str:
    """A digest of one decision: a number alone could be that of another one, in a run that was coded again."""
    found = next(store.decisions_where("d.id = ?", (decision,)), None)
    named = (found.comment_id, found.facet, found.codes, found.who, found.at) if found else ()
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]


def text_digest(text: str) -> str:
    """A digest of letters and digits alone: programs save line ends, spaces and control characters differently."""
    plain = "".join(char for char in text if char.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:16]


def plain(text: str) -> str:
    return " ".join(text.casefold().split())


# ---- writing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A workbook that was written: where, and with how many comments. done: left out, this coder has coded them."""

    path: Path
    rows: int
    sheet: str
    done: int = 0


def write_sheet(review: Review, path: Path, query: Query = ALL, who: str = "", *, replace: bool = False) -> Written:
    """Writes the comments asked for to a workbook to be worked in; `read_sheet` takes it back.

    Without a state or order in the query: first those waiting with a doubt, then the others waiting, then those
    decided, each in the order of reading. Raises InputError where there are none or too many, OutputError where the
    file cannot be written or, unless `replace`, is there.
    """
    check_place(path, replace)
    with review.store.snapshot():  # so that what the sheet says it has seen is what it shows
        numbers = _in_order(review, query)
        if not numbers:
            raise InputError("no comment is like that", where=review.run, fix="ask for all of them: --only all")
        columns = _code_columns(review.facets, _most_codes(review, numbers))
        facts = _facts(review, REVIEW, who, columns)
        _write(review, path, facts, numbers, _review_columns(review, columns))
    return Written(path, len(numbers), facts.sheet)


def write_check_sheet(
    review: Review, path: Path, size: int, seed: int, who: str, *, by: str = "", replace: bool = False
) -> Written:
    """Draws the check sample up to `size` and writes it, in the order drawn, to a workbook to be coded blind.

    What the machine said is nowhere in the file. Comments that `who` has coded already are left out. Raises InputError
    where so many cannot be drawn or none is left, OutputError as `write_sheet`.
    """
    check_place(path, replace)
    if not who.strip():
        raise InputError("nobody says who draws the sample", where=review.run, fix="give a name")
    sample = draw(review, size, seed, who, by)
    done = _coded_by(review, who)
    ids = [one.comment_id for one in sample if one.comment_id not in done]
    numbers = [n for id_ in ids if (n := review.number_of(id_)) is not None]
    if not numbers:
        what, fix = f"{who} has coded all {len(sample):,} of the check sample", "draw a larger one with --size"
        raise InputError(what, where=review.run, fix=fix)
    columns = _code_columns(review.facets, {})
    facts = _facts(review, CHECK, who, columns)
    _write(review, path, facts, numbers, _check_columns(columns))
    return Written(path, len(numbers), facts.sheet, len(sample) - len(numbers))


def check_place(path: Path, replace: bool = False) -> None:
    """Whether a workbook may be written here: what people filled in must not be written over. Raises OutputError."""
    if path.suffix.casefold() != ".xlsx":
        raise OutputError(f"{path.suffix or 'no ending'} is not a workbook", where=path, fix="end the name in .xlsx")
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {str(path.parent)!r}", where=path, fix="make it, or choose another")
    if path.is_dir() or (path.exists() and not replace):
        raise OutputError("is there already", where=path, fix="choose another name: somebody may have filled it in")


def _in_order(review: Review, query: Query) -> list[int]:
    if query.state or query.sort != ALL.sort:
        return review.numbers(query)
    found: dict[int, None] = {}
    for state in (DOUBTFUL, WAITING, DECIDED):
        found |= dict.fromkeys(review.numbers(replace(query, state=state)))
    return list(found)


def _coded_by(review: Review, who: str) -> set[str]:
    """The comments of the check sample of which a coder has coded all facets."""
    coded = {(one.comment_id, one.facet) for one in review.store.check_codes(who.strip())}
    return {id_ for id_, _ in coded if all((id_, facet.id) in coded for facet in review.facets)}


def _lines(review: Review, numbers: Sequence[int]) -> Iterator[Line]:
    for start in range(0, len(numbers), STEP):
        yield from review.lines(numbers[start : start + STEP])


def _codes_of(line: Line, facet: str) -> tuple[str, ...]:
    return line.facets[facet].codes if facet in line.facets else ()


def _most_codes(review: Review, numbers: Sequence[int]) -> dict[str, int]:
    """The most codes that one of these comments has in each facet."""
    most = dict.fromkeys((facet.id for facet in review.facets), 0)
    for line in _lines(review, numbers):
        for facet in most:
            most[facet] = max(most[facet], len(_codes_of(line, facet)))
    return most


def _code_columns(facets: Sequence[Facet], most: Mapping[str, int]) -> list[CodeColumn]:
    """The columns for the codes of each facet: one where it is exclusive, else as many as any comment needs."""
    taken = {plain(name) for name in (ID, TEXT, QUESTION, WHY, CHECKED, NOTE, BY, SAME)}
    columns: list[CodeColumn] = []
    for facet in facets:
        needed = most.get(facet.id, 0)
        count = max(needed, 1) if facet.exclusive else max(needed, min(FEWEST_COLUMNS, len(facet.code)))
        headers = _headers(facet.name, count)
        if taken & set(map(plain, headers)):
            headers = _headers(f"{facet.name} ({facet.id})", count)
        taken |= set(map(plain, headers))
        columns += [CodeColumn(header, facet.id, place) for place, header in enumerate(headers, 1)]
    return columns


def _headers(name: str, count: int) -> list[str]:
    return [f"{name} {n}" for n in range(1, count + 1)] if count > 1 else [name]


# ---- the columns ----------------------------------------------------------------------------------------------------

Cell = str | int


@dataclass(frozen=True)
class Column:
    """One column of the sheet: its header, its width in characters, and the cell it takes from a comment.

    facet: whose codes may be chosen here; typed: what people write here stays as they typed it.
    """

    header: str
    width: int
    cell: Callable[[Line], Cell]
    facet: str = ""
    typed: bool = False


def _empty(_: Line) -> str:
    return ""


def _about() -> list[Column]:
    return [
        Column(ID, 14, lambda line: line.comment_id, typed=True),
        Column(TEXT, 64, lambda line: line.text),
        Column(QUESTION, 22, lambda line: line.question),
    ]


def _answer() -> list[Column]:
    return [Column(CHECKED, 10, _empty, typed=True), Column(NOTE, 28, _empty, typed=True)]


def _check_columns(columns: Sequence[CodeColumn]) -> list[Column]:
    codes = [Column(one.header, 22, _empty, one.facet, typed=True) for one in columns]
    return [*_about(), *codes, *_answer()]


def _review_columns(review: Review, columns: Sequence[CodeColumn]) -> list[Column]:
    facets = {facet.id: facet for facet in review.facets}
    codes = [
        Column(one.header, 22, _shows_code(facets[one.facet], one.place), one.facet, typed=True) for one in columns
    ]
    why = Column(WHY, 34, lambda line: doubts_in_words(line.doubts, facets))
    known = [Column(BY, 22, _decided_by), Column(SAME, 9, lambda line: line.copies)]
    own = [*_about(), why, *codes, *_answer(), *known]
    return [*own, *_groups(review, {plain(column.header) for column in own})]


def _shows_code(facet: Facet, place: int) -> Callable[[Line], str]:
    def cell(line: Line) -> str:
        codes = _codes_of(line, facet.id)
        return code_name(facet, codes[place - 1]) if place <= len(codes) else ""

    return cell


def code_name(facet: Facet | None, code: str) -> str:
    """The name of a code; its id where the codebook has lost it."""
    return facet.by_id[code].name if facet and code in facet.by_id else code


def _decided_by(line: Line) -> str:
    decisions = [one.decision for one in line.facets.values() if one.decision]
    last = max(decisions, key=lambda one: one.id, default=None)
    return f"{last.who}, {last.at[:10]}" if last else ""


def _groups(review: Review, taken: set[str]) -> list[Column]:
    """The columns of the export that people can be grouped by, to filter by."""
    columns = []
    for name in review.store.meta("groups"):
        header = name
        while plain(header) in taken:
            header += " (export)"
        taken.add(plain(header))
        columns.append(Column(header, 18, lambda line, name=name: line.others.get(name, "")))  # type: ignore[misc]
    return columns


def doubts_in_words(doubts: Iterable[str], facets: Mapping[str, Facet]) -> str:
    """The doubts about a comment as sentences, a line each, those about one facet beginning with its name.

    >>> doubts_in_words(["unlike the corpus"], {})
    'Unlike anything the tool has learned from, so its codes are a guess.'
    """
    said = []
    for doubt in doubts:
        _, _, facet = doubt.removesuffix(")").partition(" (")
        name = f"{facets[facet].name}: " if facet in facets else ""
        said.append(name + doubt_words(doubt))
    return "\n".join(dict.fromkeys(said))


def cell_text(text: str) -> str:
    """Text as a cell can hold it: cut, with a remark, where it is longer than 32,767 UTF-16 units."""
    if len(text) * 2 <= LONGEST_TEXT or len(text.encode("utf-16-le", "replace")) // 2 <= LONGEST_TEXT:
        return text
    room = (LONGEST_TEXT - len(CUT)) * 2
    return text.encode("utf-16-le", "replace")[:room].decode("utf-16-le", "ignore") + CUT


# ---- the workbook ---------------------------------------------------------------------------------------------------


def _write(review: Review, path: Path, facts: Facts, numbers: Sequence[int], columns: Sequence[Column]) -> None:
    if len(numbers) > MOST_ROWS:
        what = f"{len(numbers):,} comments are more than the {MOST_ROWS:,} rows of a sheet"
        raise InputError(what, where=review.run, fix="ask for fewer: those waiting, or one question at a time")
    title = "Check sample" if facts.kind == CHECK else "Comments"
    with streamed_workbook(path) as book:
        book.set_properties({"title": f"{title}: {review.codebook.name}"})
        sheets = {name: book.add_worksheet(name) for name in (title, "Codebook", "Read me", FACTS, SHOWN)}
        lists = _write_facts(sheets[FACTS], facts)
        _write_rows(book, sheets[title], columns, _with_shown(sheets[SHOWN], facts, _lines(review, numbers)))
        _add_choices(sheets[title], columns, lists, len(numbers))
        _write_codebook(book, sheets["Codebook"], review.facets)
        write_read_me(book, sheets["Read me"], READ_ME[facts.kind])
        for name in (FACTS, SHOWN):
            sheets[name].hide()
        sheets[title].activate()


@contextmanager
def streamed_workbook(path: Path) -> Iterator[Any]:
    """A workbook to write row by row, which takes its name when all is written. Raises OutputError."""
    half = passing_file(path)
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    try:
        with TemporaryDirectory(prefix="feedback-") as folder:  # so that no comment stays behind after an error
            with xlsxwriter.Workbook(str(half), {**options, "tmpdir": folder}) as book:
                yield book
            if path.exists() and not os.access(path, os.W_OK):
                raise PermissionError(13, "it is write-protected")
            half.replace(path)
    except (OSError, XlsxWriterException) as error:
        reason = getattr(error, "strerror", None) or error
        fix = "close it in Excel, or choose another name"
        raise OutputError(f"cannot be written ({reason})", where=path, fix=fix) from None
    finally:
        put_away(half)


def _write_facts(sheet: Any, facts: Facts) -> dict[str, str]:
    """Writes the facts; gives the range of the names of each facet's codes, to choose from."""
    places: dict[str, list[int]] = {}
    for y, row in enumerate(facts.rows()):
        for x, cell in enumerate(row):
            sheet.write_string(y, x, cell)
        if row[0] == "code":
            places.setdefault(row[1], []).append(y + 1)
    return {facet: f"='{FACTS}'!$D${rows[0]}:$D${rows[-1]}" for facet, rows in places.items()}


def _with_shown(sheet: Any, facts: Facts, lines: Iterable[Line]) -> Iterator[Line]:
    """The comments, while what the row of each shows is noted, so that changes can be told wherever the row goes.

    Of a check sample only which comments they are.
    """
    facets = list(facts.names) if facts.kind == REVIEW else []
    for x, name in enumerate((SHOWN, "digest", *facets)):
        sheet.write_string(0, x, name)
    for y, line in enumerate(lines, 1):
        codes = (SEPARATOR.join(_codes_of(line, facet)) for facet in facets)
        for x, cell in enumerate((line.comment_id, text_digest(cell_text(line.text)), *codes)):
            sheet.write_string(y, x, cell)
        yield line


def _write_rows(book: Any, sheet: Any, columns: Sequence[Column], lines: Iterable[Line]) -> None:
    """Header and rows; texts are only ever written as texts, so that none can become a formula."""
    header = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    typed = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    looks = [typed if column.typed else wrapped for column in columns]
    for x, column in enumerate(columns):
        sheet.set_column(x, x, column.width, looks[x])
        sheet.write_string(0, x, column.header, header)
    rows = 0
    for rows, line in enumerate(lines, 1):
        for x, column in enumerate(columns):
            cell = column.cell(line)
            if isinstance(cell, int):
                sheet.write_number(rows, x, cell, looks[x])
            elif cell:
                sheet.write_string(rows, x, cell_text(cell), looks[x])
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, rows, len(columns) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{rows + 1}"})
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _add_choices(sheet: Any, columns: Sequence[Column], lists: Mapping[str, str], rows: int) -> None:
    """Drop-downs: warnings, not walls, since a code may also be typed by its id or an alias, or several in a cell."""
    for x, column in enumerate(columns):
        if column.facet:
            message = f"It is not in the list. An id, another name of the code, several with {SEPARATOR} also do."
            add_list(sheet, (1, x, rows, x), lists[column.facet], message)
        elif column.header == CHECKED:
            add_list(sheet, (1, x, rows, x), ["yes"], "Write yes, or leave it empty.")


def add_list(sheet: Any, area: tuple[int, int, int, int], source: str | list[str], message: str) -> None:
    """A drop-down for cells (first row, first column, last row, last column) that warns of anything else."""
    choice = {"validate": "list", "source": source, "error_type": "warning", "error_title": "Keep this?"}
    sheet.data_validation(*area, {**choice, "error_message": message})


def _write_codebook(book: Any, sheet: Any, facets: Sequence[Facet]) -> None:
    header = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    titles = {"Facet": 18, "Code": 26, "Definition": 60, "Include": 44, "Exclude": 44, "Examples": 60, "Id": 18}
    for x, (title, width) in enumerate(titles.items()):
        sheet.set_column(x, x, width, wrapped)
        sheet.write_string(0, x, title, header)
    rows = [_definition(facet, code) for facet in facets for code in facet.code]
    for y, row in enumerate(rows, 1):
        for x, cell in enumerate(row):
            sheet.write_string(y, x, cell_text(cell), wrapped)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, len(rows), len(titles) - 1)


def _definition(facet: Facet, code: Code) -> tuple[str, ...]:
    excluded = (one.what + (f" → {code_name(facet, one.code)}" if one.code else "") for one in code.exclude)
    examples = (one.text for one in code.examples[:EXAMPLES])
    lists = ("\n".join(f"– {text}" for text in texts) for texts in (code.include, excluded, examples))
    return (facet.name, code.name, code.definition, *lists, code.id)


def write_read_me(book: Any, sheet: Any, lines: Sequence[str]) -> None:
    """Lines below one another, the first in bold."""
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 100, wrapped)
    for y, line in enumerate(lines):
        sheet.write_string(y, 0, line, wrapped if y else bold)


_SEVERAL = (
    "Choose codes from the list in a cell, or type them: the name, the id or another name of a code, in any case. "
    "The order of the codes does not matter. If the columns do not suffice, put several into one cell with | between."
)
_FREE = (
    "Sort, filter, hide, move and add columns, and delete rows as you like. Sort all columns together, and leave the "
    "column Comment id and the headers as they are. Save as .xlsx. Hidden sheets say what belongs where: keep them."
)
READ_ME = {
    REVIEW: (
        "How to work in this file",
        "Each row of the first sheet is a comment with the codes it has now. Those most in need of a reader come "
        "first; “Why look” says why. The sheet Codebook says what each code means.",
        "Wrong codes? Change them. What you changed is taken as your decision.",
        "Right codes? Choose yes in Checked: all codes of the row are then your decision, as they stand.",
        "No code fits? Empty the cells, or write none.",
        "A row that you neither changed nor checked says nothing: you need not finish.",
        _SEVERAL,
        "What you write in Note is kept with your decision.",
        _FREE,
        "Then: feedback read-sheet RUN FILE.xlsx. You may go on working in this file and have it read again.",
        "If somebody else decided otherwise in the meantime, theirs stands and you are told.",
    ),
    CHECK: (
        "How to code the check sample",
        "Each row of the first sheet is a comment, drawn at random. Code it from its words alone, without looking up "
        "how others or the tool coded it: the sample measures the tool. The sheet Codebook says what each code means.",
        "Choose yes in Checked when a comment is done: empty code cells then mean that no code fits.",
        "Rows without codes and without Checked are not done yet: you need not finish at once.",
        _SEVERAL,
        "What you write in Note is kept with your codes.",
        _FREE,
        "Then: feedback read-sheet RUN FILE.xlsx. You may go on working in this file and have it read again.",
    ),
}
