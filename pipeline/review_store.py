"""`decisions.db` of a run: what people said of its comments. Only ever added to; all SQL about decisions is here.

An act is what somebody did at one moment, and the audit row of it: who, when, how, with which note. The decisions,
check codes, drawn comments or codebook it brought are written in the same transaction. A later decision on the same
comment and facet stands; undoing is a further act.
"""

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pipeline.comment_store import FILE as COMMENTS
from pipeline.comment_store import FORMAT
from pipeline.errors import InputError

FILE = "decisions.db"
BUSY = 20.0  # seconds to wait while somebody else writes
UNDO = "undo"


@dataclass(frozen=True)
class Choice:
    """What a person says the codes of a comment are in one facet. codes: None takes back what was decided.

    shown: the codes the person had before their eyes.
    """

    comment_id: str
    facet: str
    codes: tuple[str, ...] | None
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """A decision as it is kept. `at` is UTC, ISO 8601; codes None: taken back; model: whose codes were shown."""

    id: int
    act: int
    comment_id: str
    facet: str
    codes: tuple[str, ...] | None
    shown: tuple[str, ...]
    who: str
    at: str
    how: str
    note: str
    model: str


@dataclass(frozen=True)
class Conflict:
    """A choice that was not saved, because somebody else had decided otherwise since the person looked."""

    mine: Choice
    theirs: Decision


@dataclass(frozen=True)
class Saved:
    """What came of some choices: the act (None where nothing was new), how many were saved or already so, conflicts."""

    act: int | None
    saved: int
    unchanged: int
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True)
class CheckCode:
    """What one coder said of a comment of the check sample in one facet, without seeing the machine's codes."""

    coder: str
    comment_id: str
    facet: str
    codes: tuple[str, ...]
    at: str


@dataclass(frozen=True)
class Drawn:
    """A comment of the check sample; place from 1 in the order it was drawn, stratum empty in a simple sample."""

    place: int
    comment_id: str
    stratum: str


# ---- the tables, and how they came to be so -------------------------------------------------------------------------


def _first_tables(db: sqlite3.Connection) -> None:
    for statement in (
        """CREATE TABLE acts (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            who TEXT NOT NULL,
            how TEXT NOT NULL,
            note TEXT NOT NULL DEFAULT '',
            model TEXT NOT NULL DEFAULT '',
            undoes INTEGER REFERENCES acts (id)
        )""",
        """CREATE TABLE decisions (
            id INTEGER PRIMARY KEY,
            act INTEGER NOT NULL REFERENCES acts (id),
            comment_id TEXT NOT NULL,
            facet TEXT NOT NULL,
            codes TEXT,              -- JSON; NULL takes back
            shown TEXT NOT NULL,     -- JSON
            before INTEGER REFERENCES decisions (id)
        )""",
        "CREATE INDEX decisions_of_comment ON decisions (comment_id, facet)",
        "CREATE INDEX decisions_of_act ON decisions (act)",
        # Which decision stands: follows from the others, kept so that a screen need not work it out.
        """CREATE TABLE standing (
            comment_id TEXT NOT NULL,
            facet TEXT NOT NULL,
            decision INTEGER NOT NULL REFERENCES decisions (id),
            codes TEXT NOT NULL,
            PRIMARY KEY (comment_id, facet)
        ) WITHOUT ROWID""",
        """CREATE TABLE drawn (
            place INTEGER PRIMARY KEY,
            act INTEGER NOT NULL REFERENCES acts (id),
            comment_id TEXT NOT NULL UNIQUE,
            stratum TEXT NOT NULL DEFAULT ''
        )""",
        """CREATE TABLE checks (
            id INTEGER PRIMARY KEY,
            act INTEGER NOT NULL REFERENCES acts (id),
            comment_id TEXT NOT NULL REFERENCES drawn (comment_id),
            facet TEXT NOT NULL,
            codes TEXT NOT NULL
        )""",
        "CREATE TABLE books (id INTEGER PRIMARY KEY, act INTEGER NOT NULL REFERENCES acts (id), text TEXT NOT NULL)",
        *(
            f"CREATE TRIGGER {table}_stay_{verb} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'what people said is only added to'); END"
            for table in ("acts", "decisions", "drawn", "checks", "books")
            for verb in ("UPDATE", "DELETE")
        ),
    ):
        db.execute(statement)


# Each brings the tables one version further; what is here is never changed, only added to.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first_tables,)


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    """Brings the tables up to date, each step whole or not at all. Raises InputError for a file of a later version."""
    if db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]  # somebody else may have been quicker
        if version > len(MIGRATIONS):
            raise InputError("was made by a later version of this tool", where=path, fix="install that version")
        for number, migrate in enumerate(MIGRATIONS[version:], version + 1):
            migrate(db)
            db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def check_run(run: Path) -> None:
    """Whether a folder is a run that can be reviewed. Raises InputError."""
    if not (run / "manifest.json").is_file() or not (run / "coded.csv").is_file():
        fix = "make one with feedback classify EXPORT --out RUN"
        raise InputError("is no run folder", where=run, fix=fix)
    if not (run / COMMENTS).is_file():
        fix = "code the export again: feedback classify EXPORT --out RUN"
        raise InputError(f"was coded by an earlier version of this tool ({COMMENTS} is missing)", where=run, fix=fix)


class Store:
    """The decisions of a run, open; `comments.db` is at hand as `run`, for reading. A context manager.

    One thread, one store: open another for each request.
    """

    def __init__(self, run: Path) -> None:
        check_run(run)
        self.run = run
        place = (run / FILE).resolve().as_uri()  # only a file opened by URI may attach another for reading only
        self.db = sqlite3.connect(place, timeout=BUSY, isolation_level=None, uri=True)
        try:
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA synchronous = FULL")  # what was acknowledged outlives a power cut
            self.db.execute("PRAGMA foreign_keys = ON")
            _migrate(self.db, run / FILE)
            self.db.execute("ATTACH ? AS run", (f"{(run / COMMENTS).resolve().as_uri()}?mode=ro",))
            made = self.meta("format")
        except sqlite3.DatabaseError as error:
            self.db.close()
            raise InputError(f"cannot be opened ({error})", where=run / FILE, fix="put back a copy of it") from None
        except BaseException:
            self.db.close()
            raise
        if made != FORMAT:
            self.db.close()
            raise InputError("was coded by another version", where=run / COMMENTS, fix="code the export again")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the files."""
        self.db.close()

    def meta(self, key: str) -> Any:
        """One of the facts that coding left in `comments.db`: codes, thresholds, groups, others, model…"""
        return json.loads(self.db.execute("SELECT value FROM run.meta WHERE key = ?", (key,)).fetchone()[0])

    # ---- writing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _act(self, who: str, how: str, note: str = "", model: str = "", undoes: int | None = None) -> Iterator[int]:
        """A transaction with its audit row; all of it is written or nothing."""
        if not who.strip():
            raise InputError("nobody says who decides", where=self.run, fix="give a name")
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db.execute(
                "INSERT INTO acts (at, who, how, note, model, undoes) VALUES (?,?,?,?,?,?) RETURNING id",
                (_now(), who.strip(), how, note, model, undoes),
            ).fetchone()[0]
            self.db.execute("COMMIT")
        except BaseException:
            self.db.execute("ROLLBACK")
            raise

    @property
    def as_of(self) -> int:
        """The number of the last decision there is: whoever looks now has seen all up to it."""
        return int(self.db.execute("SELECT coalesce(max(id), 0) FROM decisions").fetchone()[0])

    def decide(self, who: str, how: str, choices: Sequence[Choice], as_of: int, note: str = "") -> Saved:
        """Saves choices, but for those where a decision made after `as_of` says otherwise: these are given back.

        how: `screen`, `list`, `sheet`, `import`. Raises InputError for a comment that is not in the run.
        """
        saved, unchanged, conflicts = 0, 0, []
        act = None
        try:
            with self._act(who, how, note, self.meta("model")["name"]) as act:
                for choice in choices:
                    stands = self._standing(choice)
                    if stands is not None and stands.id > as_of and stands.codes != _kept(choice.codes):
                        conflicts.append(Conflict(choice, stands))
                    elif (stands.codes if stands else None) == _kept(choice.codes):
                        unchanged += 1
                    else:
                        self._write(act, choice, stands.id if stands else None)
                        saved += 1
                if not saved:
                    raise _NothingNewError
        except _NothingNewError:
            act = None
        return Saved(act, saved, unchanged, tuple(conflicts))

    def _write(self, act: int, choice: Choice, before: int | None) -> None:
        if not self.db.execute("SELECT 1 FROM run.comments WHERE comment_id = ?", (choice.comment_id,)).fetchone():
            raise InputError(f"there is no comment {choice.comment_id!r}", where=self.run, fix="check its id")
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

        Returns how many decisions were taken back and how many stay; None where there is nothing to take back.
        """
        last = self.db.execute(
            "SELECT max(id) FROM acts WHERE who = ? AND how <> ? AND id IN (SELECT act FROM decisions) "
            "AND id NOT IN (SELECT undoes FROM acts WHERE undoes IS NOT NULL)",
            (who.strip(), UNDO),
        ).fetchone()[0]
        if last is None:
            return None
        done = stay = 0
        with self._act(who, UNDO, undoes=last) as act:
            for decision, comment_id, facet, before in self.db.execute(
                "SELECT id, comment_id, facet, before FROM decisions WHERE act = ?", (last,)
            ).fetchall():
                if self._last_of(comment_id, facet) != decision:
                    stay += 1
                    continue
                codes = self._codes_of(before)
                self._write(act, Choice(comment_id, facet, codes), decision)
                done += 1
        return done, stay

    def draw(self, who: str, comment_ids: Sequence[str], note: str = "", strata: Sequence[str] = ()) -> None:
        """Adds comments to the check sample, in the order drawn."""
        named = strata or [""] * len(comment_ids)
        with self._act(who, "draw", note) as act:
            rows = [(act, comment_id, stratum) for comment_id, stratum in zip(comment_ids, named, strict=True)]
            self.db.executemany("INSERT INTO drawn (act, comment_id, stratum) VALUES (?,?,?)", rows)

    def check(self, coder: str, how: str, coded: Iterable[tuple[str, str, Sequence[str]]], note: str = "") -> int:
        """Saves one coder's blind codes, (comment_id, facet, codes) each; gives how many were new or other than before.

        Raises InputError for a comment that was not drawn.
        """
        before = {(one.comment_id, one.facet): one.codes for one in self.check_codes(coder)}
        drawn = {one.comment_id for one in self.sample()}
        new = [(c, facet, tuple(sorted(codes))) for c, facet, codes in coded]
        new = [(c, facet, codes) for c, facet, codes in new if before.get((c, facet)) != codes]
        strange = [comment_id for comment_id, _, _ in new if comment_id not in drawn]
        if strange:
            what, fix = f"comment {strange[0]!r} is not in the check sample", "read the sheet of this run's sample"
            raise InputError(what, where=self.run, fix=fix)
        if new:
            with self._act(coder, f"check by {how}", note) as act:
                rows = [(act, comment_id, facet, _as_json(codes)) for comment_id, facet, codes in new]
                self.db.executemany("INSERT INTO checks (act, comment_id, facet, codes) VALUES (?,?,?,?)", rows)
        return len(new)

    def save_book(self, who: str, text: str, note: str = "") -> None:
        """Adds a version of the codebook, as TOML."""
        with self._act(who, "codebook", note) as act:
            self.db.execute("INSERT INTO books (act, text) VALUES (?, ?)", (act, text))

    def record(self, who: str, how: str, note: str) -> None:
        """An act without decisions, such as coding again with another model."""
        with self._act(who, how, note):
            pass

    # ---- reading ----------------------------------------------------------------------------------------------------

    def _standing(self, choice: Choice) -> Decision | None:
        """The last decision on a comment and facet, one that takes back included."""
        last = self._last_of(choice.comment_id, choice.facet)
        return next(self.decisions_where("d.id = ?", (last,)), None) if last is not None else None

    def _last_of(self, comment_id: str, facet: str) -> int | None:
        place = (comment_id, facet)
        found = self.db.execute("SELECT max(id) FROM decisions WHERE comment_id = ? AND facet = ?", place).fetchone()
        return int(found[0]) if found[0] is not None else None

    def _codes_of(self, decision: int | None) -> tuple[str, ...] | None:
        if decision is None:
            return None
        found = self.db.execute("SELECT codes FROM decisions WHERE id = ?", (decision,)).fetchone()[0]
        return tuple(json.loads(found)) if found is not None else None

    def decisions_where(self, where: str, values: Sequence[Any] = ()) -> Iterator[Decision]:
        """Decisions in the order they were made; `where` is ours, what people typed is in `values`."""
        query = (
            "SELECT d.id, d.act, d.comment_id, d.facet, d.codes, d.shown, a.who, a.at, a.how, a.note, a.model "
            f"FROM decisions d JOIN acts a ON a.id = d.act WHERE {where} ORDER BY d.id"
        )
        for id_, act, comment_id, facet, codes, shown, *rest in self.db.execute(query, values):
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


class _NothingNewError(Exception):
    """No choice was new, so no act is written."""


def _kept(codes: Sequence[str] | None) -> tuple[str, ...] | None:
    """Codes as they are kept: in one order, so that equal sets are equal."""
    return tuple(sorted(set(codes))) if codes is not None else None


def _as_json(codes: Sequence[str]) -> str:
    """Codes as SQLite's own functions write them, so that both can be compared."""
    return json.dumps(list(codes), separators=(",", ":"))


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def has_decisions(run: Path) -> bool:
    """Whether people have decided, checked or edited anything in a run."""
    if not (run / FILE).is_file():
        return False
    db = sqlite3.connect(run / FILE)
    try:
        return bool(db.execute("SELECT 1 FROM acts LIMIT 1").fetchone())
    except sqlite3.DatabaseError:
        return True  # of another version or damaged: not ours to throw away
    finally:
        db.close()
