"""What people did in a workbook of the review, taken back as decisions or check codes."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pipeline.codebook import NO_CODE_WORD, SEPARATOR, Facet
from pipeline.errors import InputError
from pipeline.reviewing.review import Review
from pipeline.reviewing.sheet import (
    CHECK,
    CHECKED,
    CHECKS,
    EVERY,
    FACTS,
    FORMAT,
    HEADER_WITHIN,
    HOW,
    ID,
    NO,
    NOTE,
    READ,
    SHOWN,
    TEXT,
    YES,
    Facts,
    Shown,
    code_name,
    decision_mark,
    plain,
    run_digest,
    text_digest,
)
from pipeline.stores.review_records import Choice, Decision


@dataclass(frozen=True)
class Problem:
    """What could not be taken from a sheet: where, of which comment (empty: the whole sheet), what, and the fix."""

    place: str
    comment_id: str
    what: str
    fix: str

    def __str__(self) -> str:
        about = f" ({self.comment_id})" if self.comment_id else ""
        return f"{self.place}{about}: {self.what}. Fix: {self.fix}"


@dataclass(frozen=True)
class Clash:
    """Codes of a sheet that were not saved, because a decision made meanwhile says otherwise, and stands.

    mine, theirs: names of the codes; theirs None: what was decided was taken back.
    """

    place: str
    comment_id: str
    facet: str
    mine: tuple[str, ...]
    note: str
    theirs: tuple[str, ...] | None
    who: str
    at: str
    their_note: str

    def __str__(self) -> str:
        mine, theirs = _listed(self.mine), "taken back" if self.theirs is None else _listed(self.theirs)
        notes = f" (note: {self.note})" if self.note else "", f" (note: {self.their_note})" if self.their_note else ""
        return (
            f"{self.place} ({self.comment_id}), {self.facet}: the sheet says {mine}{notes[0]}; "
            f"{self.who} decided on {self.at[:16].replace('T', ' ')}: {theirs}{notes[1]}, which stands"
        )


@dataclass(frozen=True)
class Taken:
    """What came of a sheet. rows: read in it; silent: of these, neither changed nor checked.

    saved, unchanged: codes of a comment in a facet that are new, or that stood so already; they and the conflicts are
    all that the sheet says, but for what the problems tell.
    """

    kind: str
    who: str
    rows: int
    silent: int
    saved: int
    unchanged: int
    conflicts: tuple[Clash, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Row:
    """A row as it was found. codes: facet → the cells for it."""

    place: str
    comment_id: str
    text: str
    codes: Mapping[str, tuple[str, ...]]
    checked: str
    note: str


@dataclass(frozen=True)
class Said:
    """What a row says of a comment in one facet."""

    place: str
    comment_id: str
    facet: str
    codes: tuple[str, ...]
    shown: tuple[str, ...]
    note: str

    @property
    def key(self) -> tuple[str, str]:
        """What it speaks of."""
        return self.comment_id, self.facet


@dataclass(frozen=True)
class Stands:
    """What stands for a comment and facet. ours: from an earlier reading of this sheet; later: from elsewhere since."""

    codes: tuple[str, ...]
    ours: bool
    later: bool = False
    at: str = ""


def read_sheet(review: Review, path: Path, who: str = "") -> Taken:
    """Takes back a workbook of `write_sheet` or `write_check_sheet`, as decisions or check codes of `who`.

    Empty `who`: the person it was written for. What can be read is saved; each row that cannot is a problem, so that
    the sheet can be put right and read again: what was saved before is then unchanged. Raises InputError where the file
    is no such workbook or of another run.
    """
    book = _open(path)
    facts, shown = _hidden(book, path)
    if facts.run != run_digest(review.run):
        fix = "name the run it was written from"
        raise InputError("was written from another run", where=path, fix=fix)
    person = who.strip() or facts.who.strip()
    if not person:
        raise InputError("nobody says who filled it in", where=path, fix="give a name")
    reading = _Reading(review, facts, shown, _tables(book, path, facts), path)
    saving = (_Checks if facts.kind == CHECK else _Decisions)(review, facts, person)
    said = saving.known(reading.said())
    saving.compare(reading.left)
    saved = saving.save(said, path.name)
    unchanged = len(said) - saved - len(saving.conflicts)
    problems = (*reading.problems, *saving.problems)
    return Taken(facts.kind, person, reading.rows, reading.silent, saved, unchanged, tuple(saving.conflicts), problems)


# ---- the file -------------------------------------------------------------------------------------------------------

Tab = tuple[str, list[list[str]]]


def _open(path: Path) -> list[Tab]:
    """The sheets of a workbook, as text: name, and rows from the first one of the sheet."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

    if not path.is_file():
        raise InputError("there is no such file", where=path, fix="check the name and folder")
    try:
        with CalamineWorkbook.from_path(path) as book:
            names = [one.name for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
            tables = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in names}
    except (CalamineError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:80] if str(error) else "unknown"
        what, fix = f"is not a workbook that can be read ({reason})", "close it, and save it as .xlsx without password"
        raise InputError(what, where=path, fix=fix) from None
    return [(name, [[as_text(cell) for cell in row] for row in table]) for name, table in tables.items()]


def as_text(cell: object) -> str:
    """A cell as a person would read it: Excel turns a typed 2024 into a number, and true into TRUE."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return str(cell).strip() if cell is not None else ""


def _hidden(book: Sequence[Tab], path: Path) -> tuple[Facts, dict[str, Shown]]:
    """What the hidden sheets say, whatever they are called now."""
    found = {table[0][0]: table for _, table in book if table and table[0] and table[0][0] in (FACTS, SHOWN)}
    if set(found) != {FACTS, SHOWN}:
        fix = "read the file that feedback sheet wrote, or copy your columns into it"
        raise InputError("is not a sheet of this tool, or its hidden sheets are gone", where=path, fix=fix)
    if found[FACTS][0][1:2] != [FORMAT]:
        raise InputError("was written by another version of this tool", where=path, fix="read it with that version")
    try:
        facts = Facts.of(found[FACTS])
        _, _, *facets = found[SHOWN][0]
        shown = {
            id_: Shown(digest, {f: _ids(c) for f, c in zip(facets, cells, strict=False)})
            for id_, digest, *cells in found[SHOWN][1:]
            if id_
        }
    except (ValueError, KeyError, IndexError, TypeError):
        fix = "copy your columns into the file as it was written"
        raise InputError("its hidden sheets were changed", where=path, fix=fix) from None
    return facts, shown


def _ids(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(SEPARATOR)) if cell else ()


@dataclass(frozen=True)
class Table:
    """A sheet with comments in it: its name where there are several, where its columns are, and its rows."""

    name: str
    places: Mapping[str, int]
    rows: Sequence[tuple[int, list[str]]]

    def cell(self, row: Sequence[str], header: str) -> str:
        """The cell of a row below a header; empty where there is none."""
        place = self.places.get(plain(header), len(row))
        return row[place] if place < len(row) else ""

    def place(self, number: int) -> str:
        """A row as people are told of it."""
        return f"{self.name!r}, row {number}" if self.name else f"row {number}"


def _tables(book: Sequence[Tab], path: Path, facts: Facts) -> list[Table]:
    """The sheets that have a header of ours, wherever it is and whatever they are called. Raises InputError."""
    answers = {plain(name) for name in (CHECKED, *(one.header for one in facts.columns))}
    ours = {*answers, *map(plain, (ID, TEXT, NOTE))}
    found = []
    for name, table in book:
        top = next((y for y, row in enumerate(table[:HEADER_WITHIN]) if _is_header(row, answers)), None)
        if top is None or table[0][:1] in ([FACTS], [SHOWN]):
            continue
        headers = [plain(cell) for cell in table[top]]
        twice = next((header for header in headers if header in ours and headers.count(header) > 1), None)
        if twice is not None:
            what, fix = f"two columns are called {table[top][headers.index(twice)]!r}", "rename the one you added"
            raise InputError(what, where=f"{path}, sheet {name!r}", fix=fix)
        places = {header: x for x, header in enumerate(headers) if header in ours}
        found.append(Table(name, places, list(enumerate(table[top + 1 :], top + 2))))
    if not found:
        what = f"no sheet has the columns {ID!r} and {CHECKED!r}, or columns of codes"
        raise InputError(what, where=path, fix="put their headers back")
    return found if len(found) > 1 else [replace(found[0], name="")]


def _is_header(row: Sequence[str], answers: set[str]) -> bool:
    names = {plain(cell) for cell in row}
    return plain(ID) in names and bool(names & answers)


# ---- what the rows say ----------------------------------------------------------------------------------------------


class _Reading:
    """The rows of a sheet, understood one by one; what cannot be understood gathers in `problems`."""

    def __init__(
        self, review: Review, facts: Facts, shown: Mapping[str, Shown], tables: Sequence[Table], path: Path
    ) -> None:
        self.facts, self.shown, self.tables, self.path = facts, shown, tables, path
        self.problems: list[Problem] = []
        self.rows = self.silent = 0
        self.left: list[Said] = []  # what stands in the sheet as it was shown, without a tick
        self.facets = {facet.id: facet for facet in review.facets if facet.id in facts.names}
        self.names = {f: {plain(name): id_ for id_, name in names.items()} for f, names in facts.names.items()}
        for facet in facts.names.keys() - self.facets.keys():
            self._tell(f"{facet!r} is no facet of the codebook any more", "its codes were left as they are")

    def _tell(self, what: str, fix: str, place: str = "", comment_id: str = "") -> None:
        self.problems.append(Problem(place or self.path.name, comment_id, what, fix))

    @cached_property
    def _digests(self) -> set[str]:
        return {shown.digest for shown in self.shown.values()}

    def said(self) -> list[Said]:
        """All that the sheet says, once for each comment and facet."""
        said: dict[tuple[str, str], list[Said]] = {}
        for table in self.tables:
            facets = [facet for facet in self.facets.values() if self._has_columns(table, facet)]
            for row in self._rows_of(table, facets):
                for one in self._says(row, facets):
                    said.setdefault(one.key, []).append(one)
        self.left = [one for one in self.left if one.key not in said]
        return [agreed for several in said.values() if (agreed := self._once(several)) is not None]

    def _has_columns(self, table: Table, facet: Facet) -> bool:
        """Whether the codes of a facet can be read: a column that held some of them must not be gone."""
        columns = [one for one in self.facts.columns if one.facet == facet.id]
        gone = [one for one in columns if plain(one.header) not in table.places]
        used = max((len(shown.codes.get(facet.id, ())) for shown in self.shown.values()), default=0)
        place = f"{self.path.name}, sheet {table.name!r}" if table.name else ""
        if len(gone) == len(columns):
            self._tell(f"it has no column for {facet.name}", "nothing to do, if you deleted them on purpose", place)
            return False
        if any(one.place <= used for one in gone):
            what = f"the column {gone[0].header!r} is gone, so no code of {facet.name} was read"
            self._tell(what, "put the column back, header and all", place)
            return False
        return True

    def _rows_of(self, table: Table, facets: Sequence[Facet]) -> Iterator[Row]:
        """The rows that are certainly of the comment they name."""
        for number, cells in table.rows:
            codes = {
                facet.id: tuple(table.cell(cells, one.header) for one in self.facts.columns if one.facet == facet.id)
                for facet in facets
            }
            answers = table.cell(cells, CHECKED), table.cell(cells, NOTE)
            row = Row(table.place(number), table.cell(cells, ID), table.cell(cells, TEXT), codes, *answers)
            if not any((row.comment_id, row.text, *answers, *(cell for some in codes.values() for cell in some))):
                continue
            self.rows += 1
            wrong = self._wrong(row)
            if wrong is None:
                yield row
            else:
                self._tell(*wrong, row.place, row.comment_id)

    def _wrong(self, row: Row) -> tuple[str, str] | None:
        """Why a row cannot be taken for what it says it is, and the fix."""
        if not row.comment_id:
            return "there is no comment id", "put it back, or delete the row"
        shown = self.shown.get(row.comment_id)
        if shown is None:
            return "this comment was not in the sheet", "put its id back, or delete the row"
        digest = text_digest(row.text)
        if row.text and digest != shown.digest and digest in self._digests:
            return "the words are those of another comment", "sort all columns together, not some of them"
        return None

    def _says(self, row: Row, facets: Sequence[Facet]) -> list[Said]:
        """What a row says of each facet; a row neither changed nor checked says nothing."""
        problems = len(self.problems)
        ticked = self._ticked(row)
        said, left = [], []
        for facet in facets:
            shown = self.shown[row.comment_id].codes.get(facet.id, ())
            codes, none, unknown = self._understood(facet, row.codes[facet.id], shown)
            one = Said(row.place, row.comment_id, facet.id, codes, shown, row.note)
            if unknown:
                self._unknown(one, facet, unknown)
            elif not (ticked or none or set(codes) != set(shown)):
                left.append(one)
            elif self._is_allowed(one, facet, none):
                said.append(one)
        if not said and len(self.problems) == problems:
            self.silent += 1
            if row.note:
                what, fix = "has a note but no decision", f"choose yes in {CHECKED}, if the codes are right"
                self._tell(what, fix, row.place, row.comment_id)
        if said and left and self.facts.kind == CHECK:
            names = ", ".join(self.facets[one.facet].name for one in left)
            what, fix = f"has no code of {names}", f"choose yes in {CHECKED}, if none fits"
            self._tell(what, fix, row.place, row.comment_id)
        self.left += left
        return said

    def _ticked(self, row: Row) -> bool:
        value = row.checked.casefold()
        if value not in YES | NO:
            what, fix = f"{CHECKED} says {row.checked!r}", "write yes, or leave it empty"
            self._tell(what, fix, row.place, row.comment_id)
        return value in YES

    def _understood(
        self, facet: Facet, cells: Iterable[str], shown: Sequence[str]
    ) -> tuple[tuple[str, ...], bool, list[str]]:
        """The codes in the cells of a facet, whether they say "none", and what is no code."""
        codes: dict[str, None] = {}
        none, unknown = False, []
        for part in (part for cell in cells for part in self._parts(facet, cell, shown)):
            found = self._find(facet, part, shown)
            if part.casefold() == NO_CODE_WORD:
                none = True
            elif found is None:
                unknown.append(part)
            else:
                codes[found] = None
        return tuple(codes), none, unknown

    def _parts(self, facet: Facet, cell: str, shown: Sequence[str]) -> Iterator[str]:
        """The codes written in one cell, joined by | or ; or on lines of their own."""
        for part in map(str.strip, cell.split(SEPARATOR)):
            if self._find(facet, part, shown) is not None:
                yield part  # its name may hold a semicolon
            else:
                yield from (piece for piece in map(str.strip, re.split(r"[;\n]", part)) if piece)

    def _find(self, facet: Facet, text: str, shown: Sequence[str]) -> str | None:
        """The code that a text means: by the names the sheet offered, by the codebook of today, or as it was shown."""
        return self.names[facet.id].get(plain(text)) or facet.find(text) or (text if text in shown else None)

    def _unknown(self, one: Said, facet: Facet, unknown: Sequence[str]) -> None:
        near = facet.by_id[facet.nearest(unknown[0])].name
        what = f"{_listed(unknown)} is no code of {facet.name}"
        self._tell(what, f"did you mean {near!r}?", one.place, one.comment_id)

    def _is_allowed(self, one: Said, facet: Facet, none: bool) -> bool:
        names = [code_name(facet, code) for code in one.codes]
        gone = [code for code in one.codes if code not in facet.by_id]
        if none and names:
            what, fix = f"says both {NO_CODE_WORD!r} and {_listed(names)} of {facet.name}", "keep one of them"
        elif facet.exclusive and len(names) > 1:
            what, fix = f"has {_listed(names)}, but {facet.name} takes one code", "keep one of them"
        elif gone:
            name = self.facts.names[facet.id].get(gone[0], gone[0])
            what, fix = f"{name!r} is no code of {facet.name} any more", "choose another"
        else:
            return True
        self._tell(what, fix, one.place, one.comment_id)
        return False

    def _once(self, several: Sequence[Said]) -> Said | None:
        """What several rows say of one comment and facet, if they agree."""
        if len({frozenset(one.codes) for one in several}) > 1:
            places = " and ".join(one.place for one in several)
            facet = self.facets[several[0].facet].name
            said = " against ".join(
                _listed([code_name(self.facets[one.facet], c) for c in one.codes]) for one in several
            )
            what, fix = f"the same comment stands twice, with other codes of {facet} ({said})", "delete one of the rows"
            self._tell(what, fix, places, several[0].comment_id)
            return None
        notes = dict.fromkeys(one.note for one in several if one.note)
        return replace(several[0], note=" / ".join(notes))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) if names else "no code"


# ---- saving ---------------------------------------------------------------------------------------------------------


class _Saving:
    """What decisions and check codes have in common: what stood before, and which acts came from this very sheet."""

    def __init__(self, review: Review, facts: Facts, who: str) -> None:
        self.review, self.store, self.facts, self.who = review, review.store, facts, who
        self.acts = self.store.acts(EVERY)
        self.ours = self._earlier_acts()
        self.new: list[int] = []
        self.conflicts: list[Clash] = []
        self.problems: list[Problem] = []
        self.stands = self._standing()

    def _earlier_acts(self) -> set[int]:
        """The acts by which this person's earlier readings of this sheet were saved."""
        found: set[int] = set()
        for act in self.acts:
            read = re.search(r"sheet (\w+), acts ([\d ]+)$", act["note"]) if act["how"] == READ else None
            if read and read[1] == self.facts.sheet and act["who"] == self.who:
                found |= set(map(int, read[2].split()))
        return found

    def _standing(self) -> dict[tuple[str, str], Stands]:
        raise NotImplementedError

    def _save(self, said: Sequence[Said], note: str) -> int:
        raise NotImplementedError

    def _is_known(self, comment_id: str) -> bool:
        raise NotImplementedError

    def known(self, said: Sequence[Said]) -> list[Said]:
        """What is said of comments that the run, or its check sample, still has."""
        gone = {one.comment_id for one in said if not self._is_known(one.comment_id)}
        for one in {one.comment_id: one for one in said if one.comment_id in gone}.values():
            what, fix = "this comment is not in the run, or not in its check sample, any more", "read it into that run"
            self.problems.append(Problem(one.place, one.comment_id, what, fix))
        return [one for one in said if one.comment_id not in gone]

    def save(self, said: Sequence[Said], file: str) -> int:
        """Saves what a sheet says; gives how much of it was new. Conflicts are then in their list.

        Notes belong to acts, so each is an act of its own; all without a note are the last one.
        """
        saved = 0
        for note in sorted({one.note for one in said}, reverse=True):
            saved += self._save([one for one in said if one.note == note], note)
        if self.new:  # so that this sheet, when it is read again, knows its own
            acts = " ".join(map(str, sorted(self.new)))
            self.store.record(self.who, READ, f"{file}, sheet {self.facts.sheet}, acts {acts}")
        return saved

    def compare(self, left: Sequence[Said]) -> None:
        """Rows left as they were shown say nothing, even where an earlier reading of the sheet said otherwise."""
        for one in left:
            stands = self.stands.get(one.key)
            if stands is not None and stands.ours and set(stands.codes) != set(one.codes):
                names = _listed(self._names(one.facet, stands.codes))
                what = f"is as it was written, but when the sheet was read before it said {names}, which stands"
                fix = f"choose yes in {CHECKED}, if it is to be as it is here"
                self.problems.append(Problem(one.place, one.comment_id, what, fix))

    def _clash(self, one: Said, theirs: Sequence[str] | None, who: str, at: str, note: str) -> None:
        names = self._names(one.facet, theirs) if theirs is not None else None
        facet = self.review.codebook.by_id[one.facet].name
        mine = self._names(one.facet, one.codes)
        self.conflicts.append(Clash(one.place, one.comment_id, facet, mine, one.note, names, who, at, note))

    def _names(self, facet: str, codes: Sequence[str]) -> tuple[str, ...]:
        return tuple(code_name(self.review.codebook.by_id.get(facet), code) for code in codes)


class _Decisions(_Saving):
    """Saves what a review sheet says as decisions; the store tells the conflicts."""

    def _standing(self) -> dict[tuple[str, str], Stands]:
        self.seen = self.store.as_of  # before looking, so that whatever comes after counts as unseen
        self.as_of = self.facts.as_of if decision_mark(self.store, self.facts.as_of) == self.facts.mark else 0
        return {
            (one.comment_id, one.facet): Stands(one.codes or (), one.act in self.ours and self._all_seen(one))
            for one in self.store.standing()
        }

    def _all_seen(self, decision: Decision) -> bool:
        """Whether what a decision of this sheet confirmed, to keep a note, was known to who filled it in: a decision of
        somebody else made meanwhile stays unseen."""
        agreeing = self.store.agreeing(decision.id)
        return all(one.act in self.ours or one.id <= self.as_of for one in agreeing)

    def _save(self, said: Sequence[Said], note: str) -> int:
        """What stands from an earlier reading of this sheet has been seen, whatever its number."""
        saved = 0
        for ours, as_of in ((True, self.seen), (False, self.as_of)):
            some = {one.key: one for one in said if (one.key in self.stands and self.stands[one.key].ours) == ours}
            if not some:
                continue
            choices = [Choice(one.comment_id, one.facet, one.codes, one.shown) for one in some.values()]
            done = self.store.decide(self.who, HOW, choices, as_of, note)
            saved += done.saved
            self.new += [done.act] if done.act is not None else []
            for conflict in done.conflicts:
                mine, theirs = conflict.mine, conflict.theirs
                self._clash(some[mine.comment_id, mine.facet], theirs.codes, theirs.who, theirs.at, theirs.note)
        return saved

    def _is_known(self, comment_id: str) -> bool:
        return self.review.number_of(comment_id) is not None


class _Checks(_Saving):
    """Saves what a check sheet says as blind codes; a coder's own codes given elsewhere since are not written over."""

    def _standing(self) -> dict[tuple[str, str], Stands]:
        self.drawn = {one.comment_id for one in self.store.sample()}
        own = [act for act in self.acts if act["who"] == self.who and act["how"].startswith(CHECKS)]
        ours = {act["at"] for act in own if act["id"] in self.ours}
        later = {act["at"] for act in own if act["id"] not in self.ours and act["id"] > self.facts.act}
        return {
            (one.comment_id, one.facet): Stands(one.codes, one.at in ours, one.at in later, one.at)
            for one in self.store.check_codes(self.who)
        }

    def _save(self, said: Sequence[Said], note: str) -> int:
        to_save = []
        for one in said:
            stands = self.stands.get(one.key)
            if stands is not None and stands.later and set(stands.codes) != set(one.codes):
                self._clash(one, stands.codes, self.who, stands.at, "")
            else:
                to_save.append(one)
        saved = self.store.check(self.who, HOW, [(one.comment_id, one.facet, one.codes) for one in to_save], note)
        if saved:
            acts = self.store.acts(EVERY)
            self.new.append(max(act["id"] for act in acts if act["who"] == self.who and act["how"] == CHECKS + HOW))
        return saved

    def save(self, said: Sequence[Said], file: str) -> int:
        """The same; a note beside codes that stood so already is not kept, and told."""
        saved = super().save(said, file)
        clashing = {(one.place, one.comment_id) for one in self.conflicts}
        for place, one in {(one.place, one.comment_id): one for one in said if one.note}.items():
            if place not in clashing and not self._has_note(one):
                what, fix = "its note was not kept: the codes stood so already", "add the note in feedback review"
                self.problems.append(Problem(one.place, one.comment_id, what, fix))
        return saved

    def _is_known(self, comment_id: str) -> bool:
        return comment_id in self.drawn

    def _has_note(self, one: Said) -> bool:
        acts = self.store.acts(EVERY)
        return any(act["note"] == one.note for act in acts if act["who"] == self.who and act["how"] == CHECKS + HOW)
