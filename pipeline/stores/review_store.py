"""`decisions.db` of a run: what people said of its comments. Only ever added to; all SQL about decisions is here.

An act is what somebody did at one moment, and the audit row of it: who, when, how, with which note. The decisions,
check codes, drawn comments, codebook or lines of the feedback log it brought are written in the same transaction. A
later decision on the same comment and facet stands; undoing is a further act.
"""

import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.errors import InputError, UserError
from pipeline.files.replacing import finish_replacing
from pipeline.stores.comment_store import FILE as COMMENTS
from pipeline.stores.comment_store import FORMAT, storable
from pipeline.stores.review_records import (
    Answer,
    Answered,
    CheckCode,
    Choice,
    Conflict,
    Decision,
    Drawn,
    LogConflict,
    LogKey,
    LogLine,
    Saved,
)
from pipeline.stores.review_tables import BUSY, check_not_emptied, keep_a_log, migrate_to_now, refusal_in_words

FILE = "decisions.db"
UNDO = "undo"
STRATUM = " = "  # between column and value in the name of a stratum
LAST_LINES = "SELECT max(id) FROM log WHERE {} GROUP BY comment_id, facet, code"


def check_run(run: Path) -> None:
    """Whether a folder is a run that can be reviewed. Raises InputError."""
    finish_replacing(run)
    if not (run / "manifest.json").is_file() or not (run / "coded.csv").is_file():
        fix = "make one with feedback classify EXPORT --out RUN"
        raise InputError("is no run folder", where=run, fix=fix)
    if not (run / COMMENTS).is_file():
        fix = "code the export again: feedback classify EXPORT --out RUN"
        raise InputError(f"was coded by an earlier version of this tool ({COMMENTS} is missing)", where=run, fix=fix)


class Store:
    """The decisions of a run, open; `comments.db` is at hand as `run`, for reading. A context manager.

    One thread, one store: open another for each request. earlier: whether `comments.db` may be of an earlier version of
    this tool, for coding again; decisions outlive them all.
    """

    def __init__(self, run: Path, *, earlier: bool = False) -> None:
        check_run(run)
        check_not_emptied(run / FILE)
        self.run, self._earlier = run, earlier
        place = (run / FILE).resolve().as_uri()  # only a file opened by URI may attach another for reading only
        try:
            self.db = sqlite3.connect(place, timeout=BUSY, isolation_level=None, uri=True)
        except sqlite3.DatabaseError as error:
            raise refusal_in_words(error, run / FILE) or _cannot_open(error, run / FILE) from None
        try:
            self._open()
        except BaseException:
            self.db.close()
            raise

    def _open(self) -> None:
        path = self.run / FILE
        try:
            keep_a_log(self.db)
            self.db.execute("PRAGMA synchronous = FULL")  # what was acknowledged outlives a power cut
            self.db.execute("PRAGMA foreign_keys = ON")
            self.db.execute("PRAGMA recursive_triggers = ON")  # so that nothing is replaced past the triggers either
            migrate_to_now(self.db, path)
            path = self.run / COMMENTS
            self.db.execute("ATTACH ? AS run", (f"{path.resolve().as_uri()}?mode=ro",))
            made = self.meta("format")
        except sqlite3.DatabaseError as error:
            raise refusal_in_words(error, path) or _cannot_open(error, path) from None
        if made != FORMAT and not (self._earlier and made < FORMAT):
            fix = f"code it again, decisions stay: feedback recode {self.run}"
            raise InputError("was coded by another version of this tool", where=path, fix=fix)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        told = self.told(error) if isinstance(error, sqlite3.DatabaseError) else None
        self.close()
        if told is not None:
            raise told from None

    def told(self, error: sqlite3.DatabaseError) -> UserError | None:
        """A refusal of SQLite as a user reads it; None for a bug. Either file may be the damaged one."""
        told = refusal_in_words(error, self.run / FILE)
        if isinstance(told, InputError):
            with suppress(sqlite3.DatabaseError):
                if self.db.execute("PRAGMA main.quick_check(1)").fetchone() == ("ok",):
                    return refusal_in_words(error, self.run / COMMENTS)
        return told

    def close(self) -> None:
        """Lets go of the files."""
        self.db.close()

    def meta(self, key: str, default: Any = None) -> Any:
        """One of the facts that coding left in `comments.db`: codes, thresholds, groups, others, model…

        Raises InputError where it is not there and there is no default.
        """
        found = self.db.execute("SELECT value FROM run.meta WHERE key = ?", (key,)).fetchone()
        if found is None and default is not None:
            return default
        if found is None:
            what, fix = f"is not whole: it lacks {key!r}", "code the export again"
            raise InputError(what, where=self.run / COMMENTS, fix=fix)
        return json.loads(found[0])

    # ---- writing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction, begun when nobody else writes; all of it is written or nothing. Raises UserError."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            yield
            self.db.execute("COMMIT")
        except BaseException as error:
            if self.db.in_transaction:  # SQLite may have rolled back by itself, as where the disk is full
                self.db.execute("ROLLBACK")
            told = self.told(error) if isinstance(error, sqlite3.DatabaseError) else None
            if told is not None:
                raise told from None
            raise

    def _audit(self, who: str, how: str, note: str = "", model: str = "", undoes: int | None = None) -> int:
        """Writes the audit row of an act and gives its number."""
        who = storable(who).strip()
        if not who:
            raise InputError("nobody says who decides", where=self.run, fix="give a name")
        row = (_now(), who, how, storable(note), model, undoes)
        query = "INSERT INTO acts (at, who, how, note, model, undoes) VALUES (?,?,?,?,?,?) RETURNING id"
        return int(self.db.execute(query, row).fetchone()[0])

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside is one state of the files, whatever others write meanwhile. Nothing is written inside."""
        if self.db.in_transaction:
            yield
            return
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            self.db.execute("ROLLBACK")

    @property
    def as_of(self) -> int:
        """The number of the last decision there is: whoever looks now has seen all up to it."""
        return int(self.db.execute("SELECT coalesce(max(id), 0) FROM decisions").fetchone()[0])

    def decide(
        self, who: str, how: str, choices: Sequence[Choice], as_of: int, note: str = "", model: str = ""
    ) -> Saved:
        """Saves choices, but for those where a decision made after `as_of` says otherwise: these are given back.

        A note that nothing new would stand beside is kept with a decision that confirms what stands, once. how:
        `screen`, `list`, `sheet`, `import`; model: whose codes were shown, if not those of the run now. Raises
        InputError for a comment that is not in the run, and for an `as_of` that this run has not reached, so that
        nobody can have seen it here.
        """
        saved, same, conflicts = 0, list[Choice](), []
        act, settled = None, set[str]()  # comments that need no confirming: the note is beside what is new, or waits
        model = model or self.meta("model")["name"]
        with self._writing():
            if as_of > self.as_of:
                what, fix = "knows nothing of decisions that are said to have been seen", "begin again from this run"
                raise InputError(what, where=self.run, fix=fix)
            for choice in choices:
                stands = self._last(choice.comment_id, choice.facet)
                if stands is not None and stands.id > as_of and stands.codes != _kept(choice.codes):
                    conflicts.append(Conflict(choice, stands))
                    settled.add(choice.comment_id)
                elif (stands.codes if stands else None) == _kept(choice.codes):
                    same.append(choice)
                else:
                    self._check_comment(choice.comment_id)
                    act = act or self._audit(who, how, note, model)
                    self._write(act, choice, stands.id if stands else None)
                    settled.add(choice.comment_id)
                    saved += 1
            confirmed = self._to_confirm(who, note, [one for one in same if one.comment_id not in settled])
            for choice, stands in confirmed:
                act = act or self._audit(who, how, note, model)
                # What was shown when the codes were decided, for whether the machine was right hangs on that.
                self._write(act, replace(choice, shown=stands.shown), stands.id)
        noted = len({choice.comment_id for choice, _ in confirmed})
        return Saved(act, saved, len(same), tuple(conflicts), noted)

    def _to_confirm(self, who: str, note: str, choices: Iterable[Choice]) -> list[tuple[Choice, Decision]]:
        """The choices that stand already, once each, but without this note of this person, and what stands."""
        found: dict[tuple[str, str], tuple[Choice, Decision]] = {}
        own = (storable(who).strip(), storable(note))
        for choice in choices if note.strip() else ():
            stands = self._last(choice.comment_id, choice.facet)
            if stands is not None and stands.codes is not None and own not in self._notes(choice.comment_id):
                found[choice.comment_id, choice.facet] = (choice, stands)
        return list(found.values())

    def _notes(self, comment_id: str) -> set[tuple[str, str]]:
        """Who wrote which notes beside what stands of a comment."""
        query = "SELECT decision FROM standing WHERE comment_id = ?"
        standing = [id_ for (id_,) in self.db.execute(query, (storable(comment_id),))]
        return {(one.who, one.note) for id_ in standing for one in self.agreeing(id_)}

    def agreeing(self, decision: int) -> list[Decision]:
        """The decisions in force, without one that said otherwise in between, that say the same as one: the newest,
        then those that it confirmed."""
        found: list[Decision] = []
        at = self._in_force(decision)
        while at is not None:
            one = self._decision(at)
            if found and one.codes != found[0].codes:
                break
            found.append(one)
            at = self._in_force(self.db.execute("SELECT before FROM decisions WHERE id = ?", (at,)).fetchone()[0])
        return found

    def _check_comment(self, comment_id: str) -> None:
        query = "SELECT 1 FROM run.comments WHERE comment_id = ?"
        if not self.db.execute(query, (storable(comment_id),)).fetchone():
            raise InputError(f"there is no comment {comment_id!r}", where=self.run, fix="check its id")

    def _write(self, act: int, choice: Choice, before: int | None) -> None:
        codes = _as_json(_kept(choice.codes) or ()) if choice.codes is not None else None
        row = (act, choice.comment_id, choice.facet, codes, _as_json(choice.shown), before)
        decision = self.db.execute(
            "INSERT INTO decisions (act, comment_id, facet, codes, shown, before) VALUES (?,?,?,?,?,?)", row
        ).lastrowid
        if codes is None:
            place = (choice.comment_id, choice.facet)
            self.db.execute("DELETE FROM standing WHERE comment_id = ? AND facet = ?", place)
        else:
            standing = (choice.comment_id, choice.facet, decision, codes)
            self.db.execute("INSERT OR REPLACE INTO standing VALUES (?,?,?,?)", standing)

    def undo(self, who: str) -> tuple[int, int] | None:
        """Takes back the last act of this person that is not taken back yet, as far as nobody decided since.

        What stood before stands again. Returns how many decisions were taken back and how many stay; None where there
        is nothing to take back.
        """
        with self._writing():
            last = self.db.execute(
                "SELECT max(id) FROM acts WHERE who = ? AND how <> ? AND id IN (SELECT act FROM decisions) "
                "AND id NOT IN (SELECT undoes FROM acts WHERE undoes IS NOT NULL)",
                (storable(who).strip(), UNDO),
            ).fetchone()[0]
            if last is None:
                return None
            act = self._audit(who, UNDO, undoes=last)
            taken_back = [self._undo_one(act, *row) for row in self._decisions_of(last)]
        return sum(taken_back), len(taken_back) - sum(taken_back)

    def _decisions_of(self, act: int) -> list[tuple[int, str, str, int | None]]:
        """Id, comment, facet and the decision before it."""
        query = "SELECT id, comment_id, facet, before FROM decisions WHERE act = ? ORDER BY id"
        return self.db.execute(query, (act,)).fetchall()

    def _undo_one(self, act: int, decision: int, comment_id: str, facet: str, before: int | None) -> bool:
        """Puts back what stood before a decision, unless somebody decided since."""
        stands = self._last(comment_id, facet)
        if stands is None or self._in_force(stands.id) != decision:
            return False
        again = self._decision(before) if before is not None else None
        codes, shown = (again.codes, again.shown) if again is not None else (None, ())
        self._write(act, Choice(comment_id, facet, codes, shown), decision)
        return True

    def _in_force(self, decision: int | None) -> int | None:
        """The decision that this one put in force again, if it is an undoing; else itself."""
        put_back = (
            "SELECT undone.before FROM decisions d JOIN acts a ON a.id = d.act AND a.how = ? "
            "JOIN decisions undone ON undone.id = d.before WHERE d.id = ?"
        )
        while found := self.db.execute(put_back, (UNDO, decision)).fetchone():
            decision = found[0]
        return decision

    def draw(self, who: str, comment_ids: Sequence[str], note: str = "", strata: Sequence[str] = ()) -> None:
        """Adds comments to the check sample, in the order drawn. Raises InputError where one is in it already."""
        named = strata or [""] * len(comment_ids)
        with self._writing():
            act = self._audit(who, "draw", note)
            for comment_id, stratum in zip(comment_ids, named, strict=True):
                self._check_comment(comment_id)
                if self.db.execute("SELECT 1 FROM drawn WHERE comment_id = ?", (comment_id,)).fetchone():
                    what, fix = f"comment {comment_id!r} is in the check sample already", "draw again"
                    raise InputError(what, where=self.run, fix=fix)
                row = (act, comment_id, stratum)
                self.db.execute("INSERT INTO drawn (act, comment_id, stratum) VALUES (?,?,?)", row)

    def check(self, coder: str, how: str, coded: Iterable[tuple[str, str, Sequence[str]]], note: str = "") -> int:
        """Saves one coder's blind codes, (comment_id, facet, codes) each; gives how many were new or other than before.

        Raises InputError for a comment that was not drawn.
        """
        given = {(comment_id, facet): _kept(codes) for comment_id, facet, codes in coded}
        with self._writing():
            coder = storable(coder).strip()
            before = {(one.comment_id, one.facet): one.codes for one in self.check_codes(coder)}
            drawn = {one.comment_id for one in self.sample()}
            new = {place: codes for place, codes in given.items() if before.get(place) != codes}
            strange = [comment_id for comment_id, _ in given if comment_id not in drawn]
            if strange:
                what, fix = f"comment {strange[0]!r} is not in the check sample", "read the sheet of this run's sample"
                raise InputError(what, where=self.run, fix=fix)
            if new:
                act = self._audit(coder, f"check by {how}", note)
                rows = [(act, *place, _as_json(codes or ())) for place, codes in new.items()]
                self.db.executemany("INSERT INTO checks (act, comment_id, facet, codes) VALUES (?,?,?,?)", rows)
        return len(new)

    def save_book(self, who: str, text: str, note: str = "", seen: int | None = None) -> None:
        """Adds a version of the codebook, as TOML.

        seen: the version it was edited from, as `book_version` told. Raises InputError where there is a later one.
        """
        with self._writing():
            if seen is not None and seen != self.book_version:
                by = self.book_versions()[-1]["who"] if self.book_version else "nobody"
                what = f"the codebook was edited meanwhile, by {by}"
                raise InputError(what, where=self.run, fix="look at it as it is now, and edit that")
            act = self._audit(who, "codebook", note)
            self.db.execute("INSERT INTO books (act, text) VALUES (?, ?)", (act, storable(text)))

    def answer(
        self, who: str, how: str, answered: Iterable[Answered], note: str = ""
    ) -> tuple[int, int, list[LogConflict]]:
        """Adds to the feedback log; gives how many lines were new, how many said what stood already, and conflicts.

        The parts of a line are looked at one by one: those without a conflict are saved. Raises InputError for a
        comment that is not in the run.
        """
        saved, unchanged, conflicts, act = 0, 0, [], 0
        with self._writing():
            for one in answered:
                last = self._last_line(one.key)
                stands = last.answer if last else Answer()
                said = {part: storable(text) for part, text in one.said.items()}
                new = {part: text for part, text in said.items() if text != getattr(stands, part)}
                unchanged += not new
                if last is not None:
                    clashing = [part for part in new if getattr(stands, part) not in one.seen[part]]
                    conflicts += [LogConflict(one.key, part, said.pop(part), last) for part in clashing]
                if replace(stands, **said) != stands:
                    if one.key[0]:
                        self._check_comment(one.key[0])
                    act = act or self._audit(who, how, note)
                    row = (act, *map(storable, one.key), *astuple(replace(stands, **said)))
                    self.db.execute(f"INSERT INTO log VALUES (NULL{', ?' * len(row)})", row)
                    saved += 1
        return saved, unchanged, conflicts

    def record(self, who: str, how: str, note: str) -> None:
        """An act without decisions, such as coding again with another model."""
        with self._writing():
            self._audit(who, how, note)

    # ---- reading ----------------------------------------------------------------------------------------------------

    def _last(self, comment_id: str, facet: str) -> Decision | None:
        """The last decision on a comment and facet, one that takes back included."""
        query = "SELECT max(id) FROM decisions WHERE comment_id = ? AND facet = ?"
        found = self.db.execute(query, (storable(comment_id), facet)).fetchone()[0]
        return self._decision(found) if found is not None else None

    def _decision(self, id_: int) -> Decision:
        return next(self.decisions_where("d.id = ?", (id_,)))

    def decisions_where(self, where: str, values: Sequence[Any] = ()) -> Iterator[Decision]:
        """Decisions in the order they were made; `where` is ours, what people typed is in `values`."""
        query = (
            "SELECT d.id, d.act, d.comment_id, d.facet, d.codes, d.shown, a.who, a.at, a.how, a.note, a.model "
            f"FROM decisions d JOIN acts a ON a.id = d.act WHERE {where} ORDER BY d.id"
        )
        # All at once: a half-read query would hold this thread to an old state, and keep it from writing.
        for id_, act, comment_id, facet, codes, shown, *rest in self.db.execute(query, values).fetchall():
            given = tuple(json.loads(codes)) if codes is not None else None
            yield Decision(id_, act, comment_id, facet, given, tuple(json.loads(shown)), *rest)

    def history(self, comment_id: str) -> list[Decision]:
        """All decisions on a comment, oldest first."""
        return list(self.decisions_where("d.comment_id = ?", (comment_id,)))

    def decisions(self) -> Iterator[Decision]:
        """All decisions ever made, oldest first."""
        return self.decisions_where("1")

    def standing(self) -> Iterator[Decision]:
        """The decision that stands for each comment and facet, oldest first."""
        return self.decisions_where("d.id IN (SELECT decision FROM standing)")

    @property
    def log_as_of(self) -> int:
        """The number of the last line of the feedback log."""
        return int(self.db.execute("SELECT coalesce(max(id), 0) FROM log").fetchone()[0])

    def _last_line(self, key: LogKey) -> LogLine | None:
        named = tuple(map(storable, key))
        last = "SELECT max(id) FROM log WHERE comment_id = ? AND facet = ? AND code = ?"
        return next(self.log_where(f"l.id = ({last})", named), None)

    def log_where(self, where: str, values: Sequence[Any] = ()) -> Iterator[LogLine]:
        """Lines of the feedback log in the order they were made; `where` is ours, what people typed is in `values`."""
        query = (
            "SELECT l.id, l.act, l.comment_id, l.facet, l.code, l.response, l.owner, l.due, l.status, l.published, "
            f"a.who, a.at, a.how, a.note FROM log l JOIN acts a ON a.id = l.act WHERE {where} ORDER BY l.id"
        )
        for id_, act, comment_id, facet, code, *rest in self.db.execute(query, values).fetchall():
            yield LogLine(id_, act, comment_id, facet, code, Answer(*rest[:5]), *rest[5:])

    def log(self, as_of: int | None = None) -> list[LogLine]:
        """The line of the feedback log that stands for each comment and code, or that stood as of one; oldest first."""
        until = self.log_as_of if as_of is None else as_of
        return list(self.log_where(f"l.id IN ({LAST_LINES.format('id <= ?')})", (until,)))

    def log_of(self, comment_ids: Sequence[str]) -> list[LogLine]:
        """The lines that stand for a few comments; of no comment (""): for codes as a whole."""
        marks = ",".join("?" * len(comment_ids))
        of_these = LAST_LINES.format(f"comment_id IN ({marks})")
        return list(self.log_where(f"l.id IN ({of_these})", tuple(map(storable, comment_ids))))

    def log_without_comment(self) -> list[LogLine]:
        """The lines that stand for comments which the run has no more."""
        gone = "comment_id <> '' AND comment_id NOT IN (SELECT comment_id FROM run.comments)"
        return list(self.log_where(f"l.id IN ({LAST_LINES.format(gone)})"))

    def log_codes(self) -> list[tuple[str, str]]:
        """Every (facet, code) that the feedback log speaks of."""
        return self.db.execute("SELECT DISTINCT facet, code FROM log WHERE facet <> '' ORDER BY 1, 2").fetchall()

    def sample(self) -> list[Drawn]:
        """The check sample in the order drawn."""
        return [Drawn(*row) for row in self.db.execute("SELECT place, comment_id, stratum FROM drawn ORDER BY place")]

    def check_codes(self, coder: str | None = None) -> list[CheckCode]:
        """The last word of each coder, or of one, on each comment of the check sample and facet."""
        query = (
            "SELECT a.who, c.comment_id, c.facet, c.codes, a.at FROM checks c JOIN acts a ON a.id = c.act "
            "WHERE ? IS NULL OR a.who = ? ORDER BY c.id"
        )
        last = {}
        for who, comment_id, facet, codes, at in self.db.execute(query, (coder, coder)):
            last[(who, comment_id, facet)] = CheckCode(who, comment_id, facet, tuple(json.loads(codes)), at)
        return list(last.values())

    def book(self) -> str | None:
        """The last version of the codebook that was edited in this run, as TOML; None where none was."""
        found = self.db.execute("SELECT text FROM books ORDER BY id DESC LIMIT 1").fetchone()
        return str(found[0]) if found else None

    @property
    def book_version(self) -> int:
        """The number of the last version of the codebook; 0 for the one the run was coded with."""
        return int(self.db.execute("SELECT coalesce(max(id), 0) FROM books").fetchone()[0])

    def book_text(self, version: int) -> str:
        """A version of the codebook by its number, as TOML. Raises InputError where there is none of this number."""
        found = self.db.execute("SELECT text FROM books WHERE id = ?", (version,)).fetchone()
        if found is None:
            raise InputError(f"there is no version {version} of the codebook", where=self.run, fix="choose another")
        return str(found[0])

    def book_versions(self) -> list[Mapping[str, Any]]:
        """The versions of the codebook: id, at, who, note; oldest first."""
        rows = self.db.execute(
            "SELECT b.id, a.at, a.who, a.note FROM books b JOIN acts a ON a.id = b.act ORDER BY b.id"
        )
        return [dict(zip(("id", "at", "who", "note"), row, strict=True)) for row in rows]

    def acts(self, most: int = 100) -> list[Mapping[str, Any]]:
        """The latest acts, newest first: id, at, who, how, note, decisions."""
        rows = self.db.execute(
            "SELECT id, at, who, how, note, (SELECT count(*) FROM decisions WHERE act = acts.id) "
            "FROM acts ORDER BY id DESC LIMIT ?",
            (most,),
        )
        return [dict(zip(("id", "at", "who", "how", "note", "decisions"), row, strict=True)) for row in rows]


def _cannot_open(error: sqlite3.DatabaseError, where: Path) -> UserError:
    return InputError(f"cannot be opened ({error})", where=where, fix="put back a copy of it")


def _kept(codes: Sequence[str] | None) -> tuple[str, ...] | None:
    """Codes as they are kept: in one order, so that equal sets are equal."""
    return tuple(sorted(set(codes))) if codes is not None else None


def _as_json(codes: Sequence[str]) -> str:
    """Codes as SQLite's own functions write them, so that both can be compared."""
    return json.dumps(list(codes), separators=(",", ":"))


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def has_decisions(run: Path) -> bool:
    """Whether people have decided, checked or edited anything in a run. Raises InputError where that is empty."""
    if not (run / FILE).is_file():
        return False
    check_not_emptied(run / FILE)
    db = sqlite3.connect(run / FILE)
    try:
        return bool(db.execute("SELECT 1 FROM acts LIMIT 1").fetchone())
    except sqlite3.DatabaseError:
        return True  # of another version or damaged: not ours to throw away
    finally:
        db.close()
