"""What people filled in in a feedback log, taken back into the run."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.reviewing.feedback_log import (
    CODE,
    CODED,
    DROPPED,
    FACET,
    KEY,
    LOG,
    NO_ANSWER,
    NO_CODE,
    PARTS,
    PUBLISHED,
    STATUSES,
    log_mark,
    row_key,
)
from pipeline.reviewing.review import Review
from pipeline.reviewing.sheet import (
    FACTS,
    FORMAT,
    HEADER_WITHIN,
    ID,
    QUESTION,
    TEXT,
    Facts,
    cell_text,
    plain,
    run_digest,
)
from pipeline.reviewing.sheet_reading import Problem, as_text
from pipeline.stores.review_records import Answered, LogConflict, LogKey

HOW = "read-log"  # how the act is called
DAYS = (  # how people write them
    *("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y", "%d-%m-%y"),
    "%Y-%m-%d %H:%M:%S",  # as a cell with a time of day comes
    *("%d %B %Y", "%d %b %Y", "%d-%b-%Y", "%d %B %y", "%d %b %y", "%d-%b-%y"),
)
MEANT = {
    "status": {
        **{status: status for status in STATUSES},
        **dict.fromkeys(("underway", "in progress", "ongoing", "started"), "under way"),
        **dict.fromkeys(("complete", "completed", "finished"), "done"),
        **dict.fromkeys(("none", "no action needed", "no further action"), "no action"),
        **dict.fromkeys(("to do", "not yet started"), "not started"),
    },
    "published": {
        **dict.fromkeys(("yes", "y", "true", "1", "x"), "yes"),
        **dict.fromkeys(("no", "n", "false", "0"), "no"),
    },
}
CHOICES = {"status": STATUSES, "published": PUBLISHED}
LONGEST_TOLD = 60
SOME = 5


@dataclass(frozen=True)
class LogClash:
    """A cell that was not saved, because somebody else filled it in otherwise in the meantime, and theirs stands.

    about: what the row speaks of, in words; part: the header of the column.
    """

    place: str
    about: str
    part: str
    mine: str
    theirs: str
    who: str
    at: str

    def __str__(self) -> str:
        theirs, mine = (_told(one) if one else "nothing" for one in (self.theirs, self.mine))
        stands = f"{self.who} wrote on {self.at[:16].replace('T', ' ')}: {theirs}, which stands"
        return f"{self.place} ({self.about}), {self.part}: the log says {mine}; {stands}"


@dataclass(frozen=True)
class Read:
    """What came of a feedback log. rows: lines read in it; filled: of these, those with anything filled in.

    saved: lines that brought something new; unchanged: lines changed in the log that say what stood already; what is in
    neither and not in conflicts or problems was left as the log showed it.
    """

    who: str
    rows: int
    filled: int
    saved: int
    unchanged: int
    conflicts: tuple[LogClash, ...]
    problems: tuple[Problem, ...]


def read_log(run: Path, path: Path, who: str) -> Read:
    """Takes back a workbook of `write_log`: what was filled in, changed or emptied since it was written.

    What can be read is saved; each row or cell that cannot is a problem, so that the log can be put right and read
    again: what was saved before is then unchanged. Raises InputError where the file is no such workbook or of another
    run, or nobody says who filled it in.
    """
    if not who.strip():
        raise InputError("nobody says who filled it in", where=path, fix="give a name")
    with Review(run) as review:
        book = _open(path)
        facts = _facts(book, path)
        if facts.run != run_digest(run):
            raise InputError("was written from another run", where=path, fix="name the run it was written from")
        reading = _Reading(review, facts, path, who.strip())
        for name, sheet in book:
            reading.read(name, sheet)
        said = reading.said()
        note = f"{path.name}, {_tag(facts)}"
        saved, unchanged, conflicts = review.store.answer(who, HOW, [one for one, _ in said.values()], note)
        clashes = tuple(_clash(reading, one, said[one.key][1]) for one in conflicts)
    counts = (reading.rows, reading.filled, saved, unchanged)
    return Read(who.strip(), *counts, clashes, tuple(reading.problems))


def _tag(facts: Facts) -> str:
    """By which an act that came from this workbook is known."""
    return f"log {facts.sheet}"


def _clash(reading: "_Reading", one: LogConflict, place: str) -> LogClash:
    theirs = getattr(one.theirs.answer, one.part)
    return LogClash(place, reading.words(one.key), PARTS[one.part], one.mine, theirs, one.theirs.who, one.theirs.at)


# ---- the file -------------------------------------------------------------------------------------------------------

Tab = tuple[str, Any]


def _open(path: Path) -> list[Tab]:
    """The sheets of a workbook by name, to be read row by row."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

    if not path.is_file():
        raise InputError("there is no such file", where=path, fix="check the name and folder")
    try:
        with CalamineWorkbook.from_path(path) as book:
            names = [one.name for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
            return [(name, book.get_sheet_by_name(name)) for name in names]
    except (CalamineError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:80] if str(error) else "unknown"
        what, fix = f"is not a workbook that can be read ({reason})", "close it, and save it as .xlsx without password"
        raise InputError(what, where=path, fix=fix) from None


def _rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """The rows of a sheet with their numbers."""
    return enumerate(sheet.iter_rows(), 1)


def _facts(book: Sequence[Tab], path: Path) -> Facts:
    """What the hidden sheet says, whatever it is called now."""
    for _, sheet in book:
        first = [as_text(cell) for cell in next(iter(sheet.iter_rows()), [])]
        if first[:1] != [FACTS]:
            continue
        if first[1:2] != [FORMAT]:
            raise InputError("was written by another version of this tool", where=path, fix="read it with that version")
        try:
            facts = Facts.of([as_text(cell) for cell in row] for _, row in _rows(sheet))
        except (ValueError, KeyError, IndexError, TypeError):
            fix = "copy your columns into the file as it was written"
            raise InputError("its hidden sheet was changed", where=path, fix=fix) from None
        if facts.kind != LOG:
            fix = "read it with feedback read-sheet"
            raise InputError("is a sheet of codes, not a feedback log", where=path, fix=fix)
        return facts
    fix = "read the file that feedback log wrote, or copy your columns into it"
    raise InputError("is not a feedback log of this tool, or its hidden sheet is gone", where=path, fix=fix)


@dataclass
class _Table:
    """A sheet with lines of the log: where its columns are, by plain header, and whether its lines are of comments."""

    name: str
    places: Mapping[str, int]
    of_comments: bool

    def cell(self, row: Sequence[Any], header: str) -> Any:
        """The cell of a row below a header; empty where there is none."""
        place = self.places.get(plain(header), len(row))
        return row[place] if place < len(row) else ""

    @property
    def parts(self) -> list[str]:
        """The parts of an answer that it has columns for."""
        return [part for part, header in PARTS.items() if plain(header) in self.places]


# ---- what the rows say ----------------------------------------------------------------------------------------------


@dataclass
class _Row:
    """A row in which something may have been filled in. filled: part → what stands there, as text."""

    place: str
    comment_id: str
    facet: str
    code: str
    key: str | None
    filled: dict[str, str] = field(default_factory=dict)


class _Reading:
    """The rows of a log, understood one by one; what cannot be understood gathers in `problems`."""

    def __init__(self, review: Review, facts: Facts, path: Path, who: str) -> None:
        self.review, self.facts, self.path = review, facts, path
        self.problems: list[Problem] = []
        self.rows = self.filled = 0
        store = review.store
        as_of = facts.as_of if log_mark(store, facts.as_of) == facts.mark else 0
        self.shown = {line.key: line.answer for line in store.log(as_of)}
        self.ours = self._ours(as_of, who)
        self.facets = {plain(column.header): column.facet for column in facts.columns}
        self.codes = {facet: {plain(name): id_ for id_, name in of.items()} for facet, of in facts.names.items()}
        self.found: dict[LogKey, tuple[dict[str, str], str]] = {}
        self.twice: set[tuple[LogKey, str]] = set()
        self.left: list[str] = []

    def _ours(self, as_of: int, who: str) -> dict[tuple[LogKey, str], str]:
        """What this person's earlier readings of this very workbook changed, part by part."""
        stood = dict(self.shown)
        ours: dict[tuple[LogKey, str], str] = {}
        for line in self.review.store.log_where("l.id > ?", (as_of,)):
            before = stood.get(line.key, NO_ANSWER)
            if line.how == HOW and line.who == who and line.note.endswith(f", {_tag(self.facts)}"):
                changed = (part for part in PARTS if getattr(line.answer, part) != getattr(before, part))
                ours |= {(line.key, part): getattr(line.answer, part) for part in changed}
            stood[line.key] = line.answer
        return ours

    def words(self, key: LogKey) -> str:
        """What a row speaks of, as people are told."""
        code = self.facts.names.get(key[1], {}).get(key[2], NO_CODE if not key[2] else key[2])
        return f"{key[0]}, {code}" if key[0] else code

    def _tell(self, what: str, fix: str, place: str = "", comment_id: str = "") -> None:
        self.problems.append(Problem(place or self.path.name, comment_id, what, fix))

    def said(self) -> dict[LogKey, tuple[Answered, str]]:
        """All that the log says, once for each comment and code, with its place."""
        if self.left:
            more = " …" if len(self.left) > SOME else ""
            what = (
                f"{len(self.left):,} rows are as they were written, but were filled in when the log was read before, "
                f"which stands ({', '.join(self.left[:SOME])}{more})"
            )
            self._tell(
                what, "nothing to do, unless you emptied them since: then write the log anew and empty them there"
            )
        said = {}
        for key, (found, place) in self.found.items():
            parts = {part: text for part, text in found.items() if (key, part) not in self.twice}
            if key[0] and self.review.number_of(key[0]) is None:
                what = f"this comment is not in the run any more, so this was not saved: {_listed(parts)}"
                self._tell(what, "keep it elsewhere", place, key[0])
            elif parts:
                seen = {part: frozenset(self._seen(key, part)) for part in parts}
                said[key] = (Answered(key, parts, seen), place)
        return said

    def _seen(self, key: LogKey, part: str) -> Iterator[str]:
        yield getattr(self.shown.get(key, NO_ANSWER), part)
        if (key, part) in self.ours:
            yield self.ours[key, part]

    # ---- sheets and rows ----

    def read(self, name: str, sheet: Any) -> None:
        """Reads a sheet, if it has a header of ours within its first rows."""
        table = None
        for number, row in _rows(sheet):
            if table is not None:
                self._read_row(table, number, row)
            elif number > HEADER_WITHIN or (number == 1 and row and as_text(row[0]) == FACTS):
                return
            else:
                table = self._table(name, [plain(as_text(cell)) for cell in row])

    def _table(self, name: str, headers: Sequence[str]) -> _Table | None:
        """Where the columns are, if this row is the header of lines of the log."""
        ours = [plain(one) for one in (ID, FACET, CODE, KEY, *PARTS.values())]
        if not {plain(FACET), plain(CODE)} <= set(headers) or not set(headers) & set(map(plain, PARTS.values())):
            return None
        where = f"{self.path}, sheet {name!r}"
        twice = next((one for one in ours if headers.count(one) > 1), None)
        if twice is not None:
            raise InputError(f"two columns are called {twice!r}", where=where, fix="rename the one you added")
        of_comments = plain(ID) in headers
        if not of_comments and {plain(TEXT), plain(QUESTION), plain(CODED)} & set(headers):
            raise InputError(f"the column {ID!r} is gone", where=where, fix="put it back, header and all")
        return _Table(name, {one: x for x, one in enumerate(headers) if one in ours}, of_comments)

    def _read_row(self, table: _Table, number: int, cells: Sequence[Any]) -> None:
        row = _Row(
            f"{table.name!r}, row {number}",
            as_text(table.cell(cells, ID)) if table.of_comments else "",
            as_text(table.cell(cells, FACET)),
            as_text(table.cell(cells, CODE)),
            as_text(table.cell(cells, KEY)) if plain(KEY) in table.places else None,
            {part: _tidy(as_text(table.cell(cells, header))) for part, header in PARTS.items() if part in table.parts},
        )
        if not any((row.comment_id, row.facet, row.code, *row.filled.values())):
            return
        self.rows += 1
        self.filled += any(row.filled.values())
        if not any(row.filled.values()) and not self.shown and not self.ours:
            return
        key = self._key(table, row)
        if key is not None:
            self._compare(row, key)

    def _key(self, table: _Table, row: _Row) -> LogKey | None:
        """What a row speaks of; where that cannot be told, what was filled in is."""
        facet = self.facets.get(plain(row.facet), "")
        name = row.code.removesuffix(f" [{DROPPED}]")
        code = self.codes.get(facet, {}).get(plain(name), "")
        without = not row.facet and plain(row.code) == plain(NO_CODE) and table.of_comments
        key = (row.comment_id, facet, code)
        if table.of_comments and not row.comment_id:
            wrong = "there is no comment id"
        elif row.key is not None and row.key != row_key(self.facts.sheet, key):
            wrong = "its comment id, facet, code or row key was changed, or the columns were not sorted together"
        elif not without and not (facet and code):
            wrong = f"{row.code or row.facet!r} is no code that this log was written with"
        else:
            return key
        if any(row.filled.values()):
            what = f"{wrong}, so this was not saved: {_listed(row.filled)}"
            self._tell(what, "put it back as it was", row.place, row.comment_id)
        return None

    def _compare(self, row: _Row, key: LogKey) -> None:
        """Takes the parts of a row that are other than they were shown."""
        shown = self.shown.get(key, NO_ANSWER)
        changed: dict[str, str] = {}
        left = False
        for part, text in row.filled.items():
            value = self._understood(row, part, text, getattr(shown, part))
            if value is not None and value != getattr(shown, part):
                changed[part] = value
            elif value is not None:
                left = left or self.ours.get((key, part), value) != value
        if left and not changed:
            self.left.append(row.place)
        if changed:
            self._add(row, key, changed)

    def _add(self, row: _Row, key: LogKey, changed: Mapping[str, str]) -> None:
        parts, place = self.found.setdefault(key, ({}, row.place))
        for part, text in changed.items():
            if parts.setdefault(part, text) != text:
                self.twice.add((key, part))
                what = f"{PARTS[part]} stands twice: {_told(parts[part])} in {place}, {_told(text)} here"
                self._tell(f"{what}; neither was saved", "keep one of the rows", row.place, row.comment_id)

    def _understood(self, row: _Row, part: str, text: str, shown: str) -> str | None:
        """What a cell says, as it is kept; None where it cannot be taken, which is told."""
        if text in (shown, _tidy(cell_text(shown))):
            return shown
        if not text or part not in ("due", *MEANT):
            return text
        if part == "due":
            day = _day(text)
            if day is None:
                what = f"{PARTS[part]} {_told(text)} is no date that can be read; it was kept as it is written"
                self._tell(what, "write it as 31/12/2025, if it is one day", row.place, row.comment_id)
            return day or text
        meant = MEANT[part].get(plain(text))
        if meant is None:
            near = (get_close_matches(plain(text), CHOICES[part], 1, 0.0) or CHOICES[part])[0]
            what = f"{PARTS[part]} {_told(text)} is none of {', '.join(CHOICES[part])}, so it was not saved"
            self._tell(what, f"did you mean {near!r}?", row.place, row.comment_id)
        return meant


def _listed(filled: Mapping[str, str]) -> str:
    """What was filled in, so that nobody loses it."""
    return ", ".join(f"{PARTS[part]} {_told(text)}" for part, text in filled.items() if text) or "emptied cells"


def _tidy(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _told(text: str) -> str:
    """A text as people are told of it: on one line, cut."""
    line = " ".join(text.split())
    return f"“{line if len(line) <= LONGEST_TOLD else line[:LONGEST_TOLD] + ' …'}”"


def _day(text: str) -> str | None:
    """A date that somebody typed, as ISO; day before month, as people write in Britain."""
    for way in DAYS:
        try:
            return dt.datetime.strptime(" ".join(text.split()), way).date().isoformat()
        except ValueError:
            continue
    return None
