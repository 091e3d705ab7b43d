"""What a person sees of a run: pages of comments, and one comment with all that is known of it.

The codes of a comment in a facet are what people decided, where they did; else what the machine or the respondent said.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.codebook import Codebook, Facet, load_codebook, parse_codebook
from pipeline.coding.doubts import CORRECTED, often_corrected
from pipeline.errors import InputError
from pipeline.stores.comment_store import RESPONDENT, GivenCode, storable
from pipeline.stores.review_records import Decision
from pipeline.stores.review_store import Store
from pipeline.texts.language import text_to_code

PAGE = 50
SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))  # what `strip` takes off a cell
MAPPED = 2**31 - 1  # bytes of comments.db that are read without being copied first
NO_CODE = "none"
# Names of what can be asked for, as they stand in addresses.
WAITING, DOUBTFUL, DECIDED, CHANGED = "waiting", "doubtful", "decided", "changed"
SORTS = {
    "reading": "c.place",
    "export": "c.n",
    "unsure": "c.unsure DESC, c.n",
    "longest": "c.words DESC, c.n",
    "shortest": "c.words, c.n",
    "question": "c.question, c.n",
}


@dataclass(frozen=True)
class Query:
    """Which comments to show, and in which order. Empty: no such limit.

    code: `facet:code`, or `facet:none` for those without; state: waiting, doubtful (waiting, with a doubt), decided or
    changed (decided otherwise than the machine); group: a value of `column`.
    """

    text: str = ""
    code: str = ""
    doubt: str = ""
    state: str = ""
    question: str = ""
    column: str = ""
    group: str = ""
    sort: str = "reading"
    page: int = 1


@dataclass(frozen=True)
class Codes:
    """The codes of a comment in one facet; machine: what it said, and how probable it found each.

    source: whose codes these are: `machine`, `respondent` or `person`.
    """

    codes: tuple[str, ...]
    machine: tuple[str, ...]
    source: str
    decision: Decision | None = None
    probability: tuple[float, ...] = ()


@dataclass(frozen=True)
class Line:
    """One comment of a page. `n` numbers it within the run; copies: how many comments say the same, itself included."""

    n: int
    comment_id: str
    response_id: str
    question: str
    text: str
    doubts: tuple[str, ...]
    copies: int
    others: Mapping[str, str]
    facets: Mapping[str, Codes]
    translation: str = ""

    @property
    def read(self) -> str:
        """What the machine read: the translation where there is one, else the text."""
        return text_to_code(self.text, self.translation)

    @property
    def decided(self) -> bool:
        """Whether a person has decided any facet."""
        return any(one.decision is not None for one in self.facets.values())


@dataclass(frozen=True)
class Page:
    """A page of comments, how many there are in all, and the last decision they show."""

    lines: tuple[Line, ...]
    total: int
    page: int
    pages: int
    as_of: int


@dataclass(frozen=True)
class Near:
    """A like comment learned from: its row there, and the likeness (cosine)."""

    row: int
    similarity: float


@dataclass(frozen=True)
class View:
    """One comment with all that is known of it.

    probability: facet → code → probability; why: facet → code → (part of the comment, words); history: oldest first.
    """

    line: Line
    probability: Mapping[str, Mapping[str, float]]
    why: Mapping[str, Mapping[str, tuple[str, tuple[str, ...]]]]
    near: tuple[Near, ...]
    history: tuple[Decision, ...]
    as_of: int


class Review:
    """A run, open to be read by people. A context manager; one for each thread."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.store = Store(run)
        self.store.db.execute(f"PRAGMA run.mmap_size = {MAPPED}")

    def __enter__(self) -> "Review":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.store.__exit__(kind, error, trace)

    @cached_property
    def book_version(self) -> int:
        """Which version `codebook` is, so that an edit of it does not go over one made meanwhile."""
        return self.store.book_version

    @cached_property
    def codebook(self) -> Codebook:
        """The codebook as last edited in this run, else the one it was coded with."""
        _ = self.book_version  # known before the text is read: a later text then counts as unseen
        edited = self.store.book()
        return parse_codebook(edited, self.run) if edited else load_codebook(self.run / "codebook.toml")

    @cached_property
    def coded_codes(self) -> dict[str, tuple[str, ...]]:
        """The codes of each facet that the machine gave probabilities of, in their order."""
        return {facet: tuple(codes) for facet, codes in self.store.meta("codes").items()}

    @cached_property
    def facets(self) -> tuple[Facet, ...]:
        """The facets people are asked about: those the machine coded, but for what respondents say of themselves."""
        said = self.store.meta("facet_columns")
        return tuple(f for f in self.codebook.facet if f.id in self.coded_codes and f.id not in said)

    @cached_property
    def total(self) -> int:
        """How many comments there are."""
        return int(self.store.meta("comments"))

    @cached_property
    def questions(self) -> tuple[str, ...]:
        """The questions that the comments answer, the most answered first."""
        asked = "SELECT question FROM run.comments GROUP BY question ORDER BY count(*) DESC, question"
        return tuple(question for (question,) in self.store.db.execute(asked))

    @cached_property
    def _translated(self) -> dict[str, str]:
        """The column with the translations of the answers to a question, where there is one."""
        return dict(self.store.meta("translated", {}))

    # ---- pages ------------------------------------------------------------------------------------------------------

    def page(self, query: Query, size: int = PAGE) -> Page:
        """One page of the comments asked for."""
        with self.store.snapshot():  # so that `as_of` is of what is shown, and hides nobody's decision in between
            return self._page(query, size)

    def _page(self, query: Query, size: int) -> Page:
        if query == replace(Query(), sort=query.sort, page=query.page):
            total = self.total
            number, pages = _within(query.page, total, size)
            found = self._found(query, "LIMIT ? OFFSET ?", (size, (number - 1) * size))
        else:  # one walk through all of them both counts and finds
            every = self._found(query)
            total = len(every)
            number, pages = _within(query.page, total, size)
            found = every[(number - 1) * size : number * size]
        return Page(tuple(self.lines(found)), total, number, pages, self.store.as_of)

    def numbers(self, query: Query) -> list[int]:
        """All comments asked for, by number, in their order."""
        return self._found(query)

    def _found(self, query: Query, limit: str = "", limits: Sequence[int] = (), also: int | None = None) -> list[int]:
        where, values = self._where(query)
        if also is not None:
            where, values = f"({where}) OR c.n = ?", [*values, also]
        order = SORTS.get(query.sort, SORTS["reading"])
        # The + has all comments walked through in the order of the file, which is far quicker than in that of an index.
        order = order if limit else f"+{order}"
        asked = f"SELECT c.n FROM run.comments c WHERE {where} ORDER BY {order} {limit}"
        return [n for (n,) in self.store.db.execute(asked, (*values, *limits))]

    def next_after(self, n: int, query: Query, back: bool = False) -> int | None:
        """The next comment asked for after this one, or the one before it, in the order asked for.

        After the last comes the first; None where there is no other.
        """
        n = min(max(n, 0), self.total + 1)  # SQLite cannot be asked for a number that is too long
        if query.sort in ("reading", "export"):
            return self._next_in_order(n, query, back)
        every = self._found(query, also=n)  # which may be decided by now, but keeps its place
        if n not in every:
            return (every[-1] if back else every[0]) if every else None
        beside = every[(every.index(n) + (-1 if back else 1)) % len(every)]
        return beside if beside != n else None

    def _next_in_order(self, n: int, query: Query, back: bool) -> int | None:
        """The same along an index, so that no more is looked at than lies between the two."""
        where, values = self._where(query)
        key = "c.n" if query.sort == "export" else "c.place"
        here = self._one(f"SELECT {key} FROM run.comments c WHERE c.n = ?", (n,))
        beyond, order = ("<", f"{key} DESC") if back else (">", key)
        asked = f"SELECT c.n FROM run.comments c WHERE {where} AND {key} {{}} ? ORDER BY {order} LIMIT 1"
        found = self.store.db.execute(asked.format(beyond), (*values, here)).fetchone()
        # From the other end up to here: together both look at each comment once.
        found = found or self.store.db.execute(asked.format(">" if back else "<"), (*values, here)).fetchone()
        return int(found[0]) if found else None

    def _one(self, query: str, values: Sequence[Any] = ()) -> int:
        found = self.store.db.execute(query, values).fetchone()
        return int(found[0]) if found and found[0] is not None else 0

    def _where(self, query: Query) -> tuple[str, list[Any]]:
        """The condition in SQL, and what people typed as its values."""
        conditions, values = ["1"], []
        if query.text:
            conditions.append("(instr(lower(c.text), lower(?)) > 0 OR c.comment_id = ?)")
            values += [storable(query.text)] * 2
        if query.code and ":" in query.code:
            condition, more = self._with_code(*query.code.split(":", 1))
            conditions.append(condition)
            values += more
        if query.doubt == CORRECTED:
            condition, more = self._corrected_codes()
            conditions.append(condition)
            values += more
        elif query.doubt:
            doubt = f"|{storable(query.doubt)}"  # with its facet in brackets, or of any facet
            conditions.append("(instr('|' || c.doubts || '|', ?) > 0 OR instr('|' || c.doubts, ?) > 0)")
            values += [f"{doubt}|", f"{doubt} ("]
        if query.state in STATES:
            condition, more = self._in_state(query.state)
            conditions.append(condition)
            values += more
        if query.question:
            conditions.append("c.question = ?")
            values.append(query.question)
        if query.column:
            conditions.append("EXISTS (SELECT 1 FROM json_each(c.others) o WHERE o.key = ? AND trim(o.value, ?) = ?)")
            values += [storable(query.column), SPACES, storable(query.group)]
        return " AND ".join(conditions), values

    def _in_state(self, state: str) -> tuple[str, list[Any]]:
        corrected, values = self._corrected_codes() if state == DOUBTFUL else ("", [])
        return STATES[state].format(corrected=corrected), values

    def _corrected_codes(self) -> tuple[str, list[Any]]:
        """The comments that have a code which people keep changing."""
        pairs = sorted(self.often_corrected())
        if not pairs:
            return "0", []
        marks = ", ".join("(?, ?)" for _ in pairs)
        condition = f"c.n IN (SELECT n FROM run.given WHERE (facet, code) IN (VALUES {marks}))"
        return condition, [text for pair in pairs for text in pair]

    @staticmethod
    def _with_code(facet: str, code: str) -> tuple[str, list[Any]]:
        """The comments that have a code now, by decision or by the machine where nobody decided; `none`: no code."""
        undecided = f"NOT EXISTS ({STANDS} AND s.facet = ?)"
        if code == NO_CODE:
            machine = f"({undecided} AND NOT EXISTS (SELECT 1 FROM run.given g WHERE g.n = c.n AND g.facet = ?))"
            return f"(EXISTS ({STANDS} AND s.facet = ? AND s.codes = '[]') OR {machine})", [facet, facet, facet]
        people = (
            "EXISTS (SELECT 1 FROM standing s, json_each(s.codes) j "
            "WHERE s.comment_id = c.comment_id AND s.facet = ? AND j.value = ?)"
        )
        machine = f"({undecided} AND EXISTS (SELECT 1 FROM run.given g WHERE g.facet = ? AND g.code = ? AND g.n = c.n))"
        return f"({people} OR {machine})", [facet, code, facet, facet, code]

    # ---- comments ---------------------------------------------------------------------------------------------------

    def lines(self, numbers: Sequence[int]) -> list[Line]:
        """Comments by number, in the order asked for."""
        found: dict[int, Line] = {}
        for some in (numbers[k : k + 500] for k in range(0, len(numbers), 500)):
            found |= {line.n: line for line in self._lines(some)}
        return [found[n] for n in numbers]

    def _lines(self, numbers: Sequence[int]) -> Iterator[Line]:
        marks = ",".join("?" * len(numbers))
        given: dict[int, list[GivenCode]] = {}
        for n, *one in self.store.db.execute(
            f"SELECT n, facet, code, probability, source FROM run.given WHERE n IN ({marks}) ORDER BY n, facet, rank",
            numbers,
        ):
            given.setdefault(n, []).append(GivenCode(*one))
        decided = self._standing_of(numbers, marks)
        often = self.often_corrected()
        for n, id_, response, question, text, doubts, copies, others in self.store.db.execute(
            "SELECT n, comment_id, response_id, question, text, doubts, "
            "(SELECT count(*) FROM run.comments k WHERE k.copies = c.copies), others "
            f"FROM run.comments c WHERE n IN ({marks})",
            numbers,
        ):
            facets = self._codes(given.get(n, []), decided.get(id_, {}))
            named = [doubt for doubt in doubts.split("|") if doubt]
            if any((one.facet, one.code) in often for one in given.get(n, [])):
                named.append(CORRECTED)
            cells = json.loads(others)
            column = self._translated.get(question)
            translation = cells.get(column, "") if column is not None else ""
            about = (n, id_, response, question, text, tuple(named), max(copies, 1), cells, facets, translation)
            yield Line(*about)

    def _standing_of(self, numbers: Sequence[int], marks: str) -> dict[str, dict[str, Decision]]:
        where = (
            f"d.id IN (SELECT s.decision FROM standing s JOIN run.comments c USING (comment_id) WHERE c.n IN ({marks}))"
        )
        found: dict[str, dict[str, Decision]] = {}
        for one in self.store.decisions_where(where, numbers):
            found.setdefault(one.comment_id, {})[one.facet] = one
        return found

    def _codes(self, given: Sequence[GivenCode], decided: Mapping[str, Decision]) -> dict[str, Codes]:
        facets = {}
        for facet in self.codebook.facet:
            if facet.id not in self.coded_codes and facet.id not in decided:
                continue
            own = [one for one in given if one.facet == facet.id]
            machine, probable = tuple(one.code for one in own), tuple(one.probability for one in own)
            decision = decided.get(facet.id)
            if decision is not None:
                facets[facet.id] = Codes(decision.codes or (), machine, "person", decision, probable)
            else:
                said = any(one.source == RESPONDENT for one in own)
                facets[facet.id] = Codes(machine, machine, RESPONDENT if said else "machine", None, probable)
        return facets

    def comment(self, n: int) -> View | None:
        """One comment with all that is known of it; None where there is none of this number."""
        if not 0 < n <= self.total:  # which SQLite could not even be asked for, where it is long
            return None
        with self.store.snapshot():
            return self._view(n)

    def _view(self, n: int) -> View | None:
        found = self.store.db.execute(
            "SELECT probability, near, similarity, why FROM run.details WHERE n = ?", (n,)
        ).fetchone()
        if found is None:
            return None
        line = next(self._lines([n]))
        probability, near, similarity, why = found
        rows = zip(
            np.frombuffer(near, dtype=np.int32).tolist(),
            np.frombuffer(similarity, dtype=np.float16).tolist(),
            strict=True,
        )
        return View(
            line,
            self._by_code(np.frombuffer(probability, dtype=np.float16)),
            {f: {c: (part, tuple(words)) for c, (part, words) in of.items()} for f, of in json.loads(why).items()},
            tuple(Near(row, likeness) for row, likeness in rows),
            tuple(self.store.history(line.comment_id)),
            self.store.as_of,
        )

    def _by_code(self, probability: npt.NDArray[np.float16]) -> dict[str, dict[str, float]]:
        values = iter(probability.tolist())
        return {facet: {code: next(values) for code in codes} for facet, codes in self.coded_codes.items()}

    def copies_of(self, n: int) -> list[int]:
        """The other comments that say the same, by number."""
        query = "SELECT n FROM run.comments WHERE copies = (SELECT copies FROM run.comments WHERE n = ?) AND n <> ?"
        return [found for (found,) in self.store.db.execute(query, (n, n))]

    def decided_since(self, as_of: int) -> list[Decision]:
        """The decisions made after one, oldest first."""
        return list(self.store.decisions_where("d.id > ?", (as_of,)))

    def number_of(self, comment_id: str) -> int | None:
        """The number of a comment by its id."""
        found = self.store.db.execute("SELECT n FROM run.comments WHERE comment_id = ?", (comment_id,)).fetchone()
        return int(found[0]) if found else None

    def all_lines(self) -> Iterator[Line]:
        """Every comment in the order of the export, few at a time."""
        for start in range(1, self.total + 1, 500):
            yield from self.lines(list(range(start, min(start + 500, self.total + 1))))

    def surest(self, facet: str, code: str, words: int, most: int) -> list[int]:
        """Comments with a code that have so many words at least: those people gave it to, at most half as many as asked
        for, then those the machine is surest of, by number."""
        people = (
            "SELECT c.n FROM standing s, json_each(s.codes) j JOIN run.comments c USING (comment_id) "
            "WHERE s.facet = ? AND j.value = ? AND c.words >= ? ORDER BY s.decision DESC LIMIT ?"
        )
        machine = (
            "SELECT g.n FROM run.given g JOIN run.comments c USING (n) "
            "WHERE g.facet = ? AND g.code = ? AND c.words >= ? "
            f"AND NOT EXISTS ({STANDS} AND s.facet = g.facet) ORDER BY g.probability DESC, g.n LIMIT ?"
        )
        decided = self.store.db.execute(people, (facet, code, words, most // 2)).fetchall()
        given = self.store.db.execute(machine, (facet, code, words, most - len(decided))).fetchall()
        return [n for (n,) in (*decided, *given)]

    def parts_for(self, facet: str, code: str, numbers: Sequence[int]) -> dict[int, str]:
        """The part of each comment, by number, that speaks for a code, where the machine gave it."""
        marks = ",".join("?" * len(numbers))
        found = self.store.db.execute(f"SELECT n, why FROM run.details WHERE n IN ({marks})", list(numbers))
        known = {n: json.loads(why).get(facet, {}).get(code) for n, why in found}
        return {n: part[0] for n, part in known.items() if part}

    def ids(self) -> list[tuple[str, str]]:
        """The ids of every comment and of its response, in the order of the export."""
        return self.store.db.execute("SELECT comment_id, response_id FROM run.comments ORDER BY n").fetchall()

    def column(self, name: str) -> list[str]:
        """What one of the export's columns holds for every comment, in the order of the export.

        Raises InputError where there is no such column.
        """
        others = [json.loads(cells) for (cells,) in self.store.db.execute("SELECT others FROM run.comments ORDER BY n")]
        known = {column for cells in others for column in cells}
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.0)
            fix = f"did you mean {near[0]!r}?" if near else "the export has no other columns"
            raise InputError(f"there is no column {name!r}", where=self.run, fix=fix)
        return [cells.get(name, "").strip() for cells in others]

    def vectors(self, numbers: Sequence[int]) -> npt.NDArray[np.float32]:
        """The sentence vectors of comments (comments × d), d 0 without an encoder."""
        blobs: dict[int, bytes] = {}
        for some in (numbers[k : k + 500] for k in range(0, len(numbers), 500)):
            marks = ",".join("?" * len(some))
            query = f"SELECT n, vector FROM run.details WHERE n IN ({marks})"
            blobs |= dict(self.store.db.execute(query, some).fetchall())
        rows = [np.frombuffer(blobs[n], dtype=np.float16) for n in numbers]
        return np.array(rows, dtype=np.float32) if rows else np.zeros((0, 0), np.float32)

    # ---- counts -----------------------------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """How many comments there are in all, and in each state."""
        with self.store.snapshot():
            decided = self._one(
                "SELECT count(*) FROM run.comments c WHERE c.comment_id IN (SELECT comment_id FROM standing)"
            )
            found = {"all": self.total, WAITING: self.total - decided, DECIDED: decided}
            for state in (DOUBTFUL, CHANGED):
                condition, values = self._in_state(state)
                found[state] = self._one(f"SELECT count(*) FROM run.comments c WHERE {condition}", values)
        return found

    def decided(self) -> int:
        """How many comments people have decided; quicker than counting all states."""
        each = "SELECT DISTINCT comment_id FROM standing"
        return self._one(f"SELECT count(*) FROM ({each}) s JOIN run.comments c USING (comment_id)")

    def code_counts(self) -> dict[tuple[str, str], int]:
        """How many comments have each (facet, code) now."""
        machine = "SELECT facet, code, count(*) FROM run.given GROUP BY facet, code"
        overruled = (
            "SELECT g.facet, g.code, -count(*) FROM standing s JOIN run.comments c USING (comment_id) "
            "CROSS JOIN run.given g ON g.n = c.n AND g.facet = s.facet GROUP BY g.facet, g.code"
        )
        people = "SELECT s.facet, j.value, count(*) FROM standing s, json_each(s.codes) j GROUP BY s.facet, j.value"
        found: dict[tuple[str, str], int] = {}
        with self.store.snapshot():
            for query in (machine, overruled, people):
                for facet, code, count in self.store.db.execute(query):
                    found[(facet, code)] = found.get((facet, code), 0) + count
        return {pair: count for pair, count in found.items() if count}

    def changed_in_order(self) -> list[bool]:
        """For each decided comment, in the order they were first decided, whether people changed a code."""
        changed: dict[str, bool] = {}
        for id_, codes, shown in self.store.db.execute(
            "SELECT s.comment_id, s.codes, f.shown FROM standing s JOIN decisions f ON f.id = (SELECT min(id) "
            "FROM decisions d WHERE d.comment_id = s.comment_id AND d.facet = s.facet) ORDER BY f.id"
        ):
            # Most are as they were shown, letter by letter, and need not be taken apart.
            other = codes != shown and set(json.loads(codes)) != set(json.loads(shown))
            changed[id_] = changed.get(id_, False) or other
        return list(changed.values())

    def often_corrected(self) -> set[tuple[str, str]]:
        """The (facet, code) that people keep changing."""
        if self._corrected is None:
            seen: dict[tuple[str, str], list[int]] = {}
            for facet, codes, shown, count in self.store.db.execute(
                "SELECT d.facet, d.codes, d.shown, count(*) FROM standing s JOIN decisions d ON d.id = s.decision "
                "GROUP BY d.facet, d.codes, d.shown"
            ):
                before, after = set(json.loads(shown)), set(json.loads(codes))
                for code in before | after:
                    tally = seen.setdefault((facet, code), [0, 0])
                    tally[0] += count
                    tally[1] += count * (code in before ^ after)
            self._corrected = {pair for pair, (n, changed) in seen.items() if often_corrected(n, changed)}
        return self._corrected

    _corrected: set[tuple[str, str]] | None = None


STANDS = "SELECT 1 FROM standing s WHERE s.comment_id = c.comment_id"
STATES = {
    WAITING: f"NOT EXISTS ({STANDS})",
    DOUBTFUL: f"((c.doubts <> '' OR {{corrected}}) AND NOT EXISTS ({STANDS}))",
    DECIDED: f"EXISTS ({STANDS})",
    CHANGED: f"EXISTS ({STANDS} AND s.codes <> (SELECT json_group_array(code) FROM "
    "(SELECT code FROM run.given g WHERE g.n = c.n AND g.facet = s.facet ORDER BY code)))",
}


def _within(page: int, total: int, size: int) -> tuple[int, int]:
    """The page there is that comes nearest to the one asked for, and how many there are."""
    pages = max(1, -(-total // size))
    return min(max(page, 1), pages), pages


def next_query(query: Query) -> Query:
    """What "next" means while reading: the same comments, but for those decided, where the query does not say."""
    return query if query.state else replace(query, state=WAITING)
