"""The feedback log, for "you said, we did": a workbook with a line for each comment and code, to be answered in.

`feedback_log_reading` takes back what was filled in. It is kept with the decisions of the run, by comment, facet and
code, so that it outlives coding again: what was answered under a code that a comment has lost still has its line. Rows
may be sorted, filtered and deleted, columns added and moved; a key in the last column tells rows that were mixed up.
"""

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Any

from pipeline.codebook import SEPARATOR
from pipeline.errors import InputError
from pipeline.reviewing.review import Line, Review
from pipeline.reviewing.sheet import (
    FACTS,
    ID,
    MOST_ROWS,
    QUESTION,
    STEP,
    TEXT,
    CodeColumn,
    Facts,
    add_list,
    cell_text,
    check_place,
    code_name,
    plain,
    run_digest,
    streamed_workbook,
    write_read_me,
)
from pipeline.stores.review_records import Answer, LogKey
from pipeline.stores.review_store import Store

LOG = "log"  # the kind of the workbook
THEMES, COMMENTS = "You said, we did", "Comments"
FACET, CODE, COUNT, CODED, KEY = "Facet", "Code", "Comments", "Coded by", "Row key"
PARTS = {"response": "Response", "owner": "Owner", "due": "Due", "status": "Status", "published": "Published"}
STATUSES = ("not started", "under way", "done", "no action")
PUBLISHED = ("yes", "no")
NO_CODE = "(no code)"
BY = {"person": "a person", "machine": "the program", "respondent": "the respondent"}
LOST = "no longer given this code"
FOUND = "has a code now"
GONE = "not in this run any more"
DROPPED = "no longer in the codebook"
NO_ANSWER = Answer()
WIDTHS = {PARTS["response"]: 50, PARTS["owner"]: 20, PARTS["due"]: 13, PARTS["status"]: 14, PARTS["published"]: 11}
FIRST_DATE = 1900  # years that a workbook can hold as dates


@dataclass(frozen=True)
class Logged:
    """A feedback log that was written. rows: lines for comments, one for each of their codes; comments: how many.

    answered: lines, those for whole codes included, in which something is filled in; kept: of these, those whose
    comment has the code no more.
    """

    path: Path
    rows: int
    comments: int
    answered: int
    kept: int


def write_log(run: Path, path: Path, by: Sequence[str] = (), *, replace: bool = False) -> Logged:
    """Writes the feedback log of a run, with all that was read back into the run before.

    by: columns of the export, or facets, that are shown beside each comment. Raises InputError for a column that is not
    there, OutputError where the file cannot be written or, unless `replace`, is there.
    """
    check_place(path, replace)
    with Review(run) as review, review.store.snapshot():  # so that what the log says it has seen is what it shows
        groups = _groups(review, by)
        facts = _facts(review)
        with streamed_workbook(path) as book:
            book.set_properties({"title": f"{THEMES}: {review.codebook.name}"})
            looks = _Looks(book)
            themes = _Sheet(book.add_worksheet(THEMES), _theme_columns(), looks, 3)
            themes.write(_theme_rows(review, facts))
            comments = _write_comments(book, looks, review, facts, groups)
            write_read_me(book, book.add_worksheet("Read me"), READ_ME)
            hidden = book.add_worksheet(FACTS)
            for y, row in enumerate(facts.rows()):
                for x, cell in enumerate(row):
                    hidden.write_string(y, x, cell)
            hidden.hide()
    every = (themes, *comments)
    rows, answered = sum(one.rows for one in comments), sum(one.answered for one in every)
    return Logged(path, rows, review.total, answered, sum(one.kept for one in every))


def _write_comments(
    book: Any, looks: "_Looks", review: Review, facts: Facts, groups: Mapping[str, Callable[[Line], str]]
) -> list["_Sheet"]:
    """Writes the lines of the comments, upon as many sheets as they need."""
    columns, rows = _comment_columns(groups), _comment_rows(review, facts, groups)
    sheets: list[_Sheet] = []
    while (first := next(rows, None)) is not None or not sheets:
        name = f"{COMMENTS} {len(sheets) + 1}" if sheets else COMMENTS
        sheets.append(_Sheet(book.add_worksheet(name), columns, looks, 2))
        sheets[-1].write(chain([first] if first else [], islice(rows, MOST_ROWS - 1)))
    return sheets


def row_key(sheet: str, key: LogKey) -> str:
    """What stands in the last column of a row: a digest of what the row speaks of, in this workbook."""
    return hashlib.blake2b("\0".join((sheet, *key)).encode("utf-8", "replace"), digest_size=6).hexdigest()


def log_mark(store: Store, line: int) -> str:
    """A digest of one line of the log: a number alone could be that of another one, in another copy of the run."""
    found = next(store.log_where("l.id = ?", (line,)), None)
    named = repr((found.key, found.answer, found.who, found.at)) if found else ""
    return hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:16]


def _facts(review: Review) -> Facts:
    """What the workbook says of itself, with the names of all codes it may show."""
    store = review.store
    named: dict[str, dict[str, str]] = {one.id: {code.id: code.name for code in one.code} for one in review.facets}
    for facet, code in store.log_codes():
        of = named.setdefault(facet, {})
        if code not in of:
            name = code_name(review.codebook.by_id.get(facet), code)
            of[code] = name if plain(name) not in map(plain, of.values()) else code
    columns = tuple(CodeColumn(_facet_name(review, facet), facet, 1) for facet in named)
    as_of = store.log_as_of
    mark = log_mark(store, as_of)
    return Facts(LOG, secrets.token_hex(4), run_digest(review.run), as_of, mark, 0, "", columns, named)


def _facet_name(review: Review, facet: str) -> str:
    return review.codebook.by_id[facet].name if facet in review.codebook.by_id else facet


def _groups(review: Review, by: Sequence[str]) -> dict[str, Callable[[Line], str]]:
    """The headers of the groups, and what stands below each. The question is shown anyway."""
    known = [*review.store.meta("others"), *review.codebook.by_id]
    own = (ID, QUESTION, TEXT, FACET, CODE, CODED, KEY, *PARTS.values())
    taken = {plain(name) for name in own}
    groups: dict[str, Callable[[Line], str]] = {}
    for name in dict.fromkeys(by):
        if name == "question":
            continue
        if name not in known:
            near = get_close_matches(name, known, 1, 0.0)
            fix = f"did you mean {near[0]!r}? There are: {', '.join(known)}" if near else "leave it out"
            raise InputError(f"there is no column {name!r} to show", where=review.run, fix=fix)
        header = name
        while plain(header) in taken:
            header += " (export)"
        taken.add(plain(header))
        groups[header] = _cell_of(review, name)
    return groups


def _cell_of(review: Review, name: str) -> Callable[[Line], str]:
    if name in review.store.meta("others"):
        return lambda line: line.others.get(name, "").strip()
    facet = review.codebook.by_id[name]

    def codes(line: Line) -> str:
        given = line.facets[name].codes if name in line.facets else ()
        return SEPARATOR.join(code_name(facet, code) for code in given)

    return codes


# ---- the lines ------------------------------------------------------------------------------------------------------

Cell = str | int


@dataclass(frozen=True)
class _Row:
    """A line: the cells before the answer, the answer, and the key; lost: it is kept though its code is gone."""

    cells: tuple[Cell, ...]
    answer: Answer
    key: str
    lost: bool = False


def _theme_rows(review: Review, facts: Facts) -> Iterator[_Row]:
    """A line for each code, then those for codes that the codebook has no more."""
    kept = {line.key: line.answer for line in review.store.log_of([""])}
    counts = review.code_counts()
    known = {(facet.id, code) for facet in review.facets for code in facet.ids}
    for column in facts.columns:
        for code, name in facts.names[column.facet].items():
            key = ("", column.facet, code)
            answer, lost = kept.get(key, NO_ANSWER), key[1:] not in known
            if not lost or answer != NO_ANSWER:
                shown = f"{name} [{DROPPED}]" if lost else name
                cells = (column.header, shown, counts.get(key[1:], 0))
                yield _Row(cells, answer, row_key(facts.sheet, key), lost)


def _comment_rows(review: Review, facts: Facts, groups: Mapping[str, Callable[[Line], str]]) -> Iterator[_Row]:
    """The lines of all comments in the order of the export; at the end those of comments that are gone."""
    names = {column.facet: column.header for column in facts.columns}

    def row(key: LogKey, about: Sequence[str], coded: str, others: Iterable[str], answer: Answer, lost: bool) -> _Row:
        named = (names.get(key[1], key[1]), facts.names[key[1]][key[2]]) if key[1] else ("", NO_CODE)
        return _Row((key[0], *about, *named, *others, coded), answer, row_key(facts.sheet, key), lost)

    for lines in _batches(review):
        kept = _kept(review.store, facts, lines)
        for line in lines:
            about, others = (line.question, line.text), [cell(line) for cell in groups.values()]
            mine = kept.get(line.comment_id, {})
            given = _given(review, line)
            for key, coded in given.items():
                yield row(key, about, coded, others, mine.get(key, NO_ANSWER), False)
            for key, answer in mine.items():
                if key not in given and answer != NO_ANSWER:
                    yield row(key, about, LOST if key[1] else FOUND, others, answer, True)
    for one in review.store.log_without_comment():
        if one.answer != NO_ANSWER:
            yield row(one.key, ("", ""), GONE, [""] * len(groups), one.answer, True)


def _batches(review: Review) -> Iterator[list[Line]]:
    for start in range(1, review.total + 1, STEP):
        yield review.lines(list(range(start, min(start + STEP, review.total + 1))))


def _kept(store: Store, facts: Facts, lines: Sequence[Line]) -> dict[str, dict[LogKey, Answer]]:
    """What was answered before about some comments, by comment."""
    found: dict[str, dict[LogKey, Answer]] = {}
    for one in store.log_of([line.comment_id for line in lines]) if facts.as_of else ():
        found.setdefault(one.comment_id, {})[one.key] = one.answer
    return found


def _given(review: Review, line: Line) -> dict[LogKey, str]:
    """What a comment has a line for, and who gave the code: each of its codes, or that it has none."""
    found = {
        (line.comment_id, facet.id, code): BY[codes.source]
        for facet in review.facets
        if (codes := line.facets.get(facet.id)) is not None
        for code in codes.codes
    }
    if found:
        return found
    return {(line.comment_id, "", ""): BY["person" if line.decided else "machine"]}


# ---- the workbook ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """A column before the answer; typed: a text that stays as it is typed."""

    header: str
    width: int
    typed: bool = False


def _theme_columns() -> tuple[_Column, ...]:
    return (_Column(FACET, 22), _Column(CODE, 34), _Column(COUNT, 11))


def _comment_columns(groups: Iterable[str]) -> tuple[_Column, ...]:
    about = (_Column(ID, 14, typed=True), _Column(QUESTION, 22), _Column(TEXT, 64), _Column(FACET, 18))
    return (*about, _Column(CODE, 26), *(_Column(name, 18) for name in groups), _Column(CODED, 14))


class _Looks:
    """The formats of a workbook."""

    def __init__(self, book: Any) -> None:
        top = {"valign": "top", "text_wrap": True}
        self.header = book.add_format({**top, "bold": True, "bottom": 1})
        self.plain = book.add_format(top)
        self.typed = book.add_format({**top, "num_format": "@"})
        self.date = book.add_format({**top, "num_format": "dd mmm yyyy", "align": "left"})
        self.key = book.add_format({"valign": "top", "font_color": "#595959"})

    def of(self, part: str) -> Any:
        """The format of a part of an answer."""
        return {"due": self.date, "response": self.typed, "owner": self.typed}.get(part, self.plain)


class _Sheet:
    """A sheet of lines, written row by row; counts the lines that are answered, and those that are only kept."""

    def __init__(self, sheet: Any, columns: Sequence[_Column], looks: _Looks, frozen: int) -> None:
        self.sheet, self.columns, self.looks = sheet, columns, looks
        self.rows = self.answered = self.kept = 0
        for x, column in enumerate(columns):
            sheet.set_column(x, x, column.width, looks.typed if column.typed else looks.plain)
            sheet.write_string(0, x, column.header, looks.header)
        for x, (part, header) in enumerate(PARTS.items(), len(columns)):
            sheet.set_column(x, x, WIDTHS[header], looks.of(part))
            sheet.write_string(0, x, header, looks.header)
        self.key = len(columns) + len(PARTS)
        sheet.set_column(self.key, self.key, 14, looks.key)
        sheet.write_string(0, self.key, KEY, looks.header)
        sheet.freeze_panes(1, frozen)

    def write(self, rows: Iterable[_Row]) -> None:
        """Writes the lines, and what makes the sheet easy to fill in."""
        for row in rows:
            self.rows += 1
            self._write_row(row)
            self.answered += row.answer != NO_ANSWER
            self.kept += row.lost
        last = max(self.rows, 1)
        for part, choices in (("status", STATUSES), ("published", PUBLISHED)):
            x = self.key - len(PARTS) + list(PARTS).index(part)
            add_list(self.sheet, (1, x, last, x), list(choices), f"Choose one of: {', '.join(choices)}.")
        self.sheet.autofilter(0, 0, self.rows, self.key)
        self.sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{last + 1}"})
        self.sheet.set_landscape()
        self.sheet.fit_to_pages(1, 0)
        self.sheet.repeat_rows(0)

    def _write_row(self, row: _Row) -> None:
        """Texts are only ever written as texts, so that none can become a formula."""
        y, looks = self.rows, self.looks
        for x, (column, cell) in enumerate(zip(self.columns, row.cells, strict=True)):
            if isinstance(cell, int):
                self.sheet.write_number(y, x, cell, looks.plain)
            elif cell:
                self.sheet.write_string(y, x, cell_text(cell), looks.typed if column.typed else looks.plain)
        if row.answer != NO_ANSWER:
            for x, part in enumerate(fields(row.answer), len(self.columns)):
                text = getattr(row.answer, part.name)
                if text and part.name == "due" and (day := as_date(text)) is not None:
                    self.sheet.write_datetime(y, x, day, looks.date)
                elif text:
                    self.sheet.write_string(y, x, cell_text(text), looks.of(part.name))
        self.sheet.write_string(y, self.key, row.key, looks.key)


def as_date(text: str) -> dt.date | None:
    """The day that an ISO date names, where a workbook can hold it as one."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year > FIRST_DATE else None


READ_ME = (
    "How to work in this file",
    "It holds what people wrote. Keep it within the team; publish your answers, not this file.",
    f"“{THEMES}” has a line for each code: what the council did about the theme as a whole. “{COMMENTS}” has a line "
    "for each comment and each of its codes; a comment without any code has one line.",
    "Fill in Response, Owner, Due, Status and Published, in as many lines as you like, and leave the rest empty.",
    f"Status is one of: {', '.join(STATUSES)}. Published is yes or no. Due is a date, such as 31/12/2025.",
    "Sort, filter, hide, move and add columns, and delete rows as you like. Sort all columns together, and leave the "
    f"headers and the columns {ID}, {FACET}, {CODE} and {KEY} as they are. A hidden sheet says which run this is of: "
    "keep it. Save as .xlsx.",
    "Then: feedback read-log RUN FILE.xlsx. You may go on working in this file and have it read again. An empty cell "
    "that was filled when the file was written takes back what stood there; rows you deleted say nothing.",
    "If somebody else filled in the same cell otherwise in the meantime, theirs stands and you are told.",
    f"When the comments are coded again, answers stay. A line marked “{LOST}” was answered when its comment still had "
    "the code: look whether the answer still fits.",
)
