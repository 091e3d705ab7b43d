"""The tables of `decisions.db`, how they came to be so, and what SQLite refuses, in words."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.errors import InputError, OutputError, UserError

BUSY = 20.0  # seconds to wait while somebody else writes
BEGUN = 1.0  # seconds after which a file that somebody has just made is no longer empty

# What SQLite refuses that is no bug of ours, by the class of its result code: the error, what to say, the fix.
_NO_RIGHT = (OutputError, "cannot be written", "get the right to write in this folder, or copy the run elsewhere")
_DAMAGED = (InputError, "is damaged", "put back a copy of it")
_TAKEN = (OutputError, "somebody else has been writing to it for long", "try again, or close what has it open")
REFUSALS: dict[int, tuple[type[UserError], str, str]] = {
    sqlite3.SQLITE_BUSY: _TAKEN,
    sqlite3.SQLITE_LOCKED: _TAKEN,
    sqlite3.SQLITE_PERM: _NO_RIGHT,
    sqlite3.SQLITE_READONLY: _NO_RIGHT,
    sqlite3.SQLITE_CANTOPEN: _NO_RIGHT,
    sqlite3.SQLITE_FULL: (OutputError, "cannot be written", "free some space"),
    sqlite3.SQLITE_IOERR: (OutputError, "cannot be read or written", "free some space, and check the drive"),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}


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
            before INTEGER REFERENCES decisions (id)  -- what stood until then; of an undoing: what it undoes
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


def _feedback_log(db: sqlite3.Connection) -> None:
    db.execute(
        """CREATE TABLE log (
            id INTEGER PRIMARY KEY,
            act INTEGER NOT NULL REFERENCES acts (id),
            comment_id TEXT NOT NULL,  -- empty for a code as a whole
            facet TEXT NOT NULL,       -- this and the next empty for a comment without any code
            code TEXT NOT NULL,
            response TEXT NOT NULL,
            owner TEXT NOT NULL,
            due TEXT NOT NULL,
            status TEXT NOT NULL,
            published TEXT NOT NULL
        )"""
    )
    db.execute("CREATE INDEX log_of_comment ON log (comment_id, facet, code)")
    for verb in ("UPDATE", "DELETE"):
        db.execute(
            f"CREATE TRIGGER log_stay_{verb} BEFORE {verb} ON log "
            "BEGIN SELECT RAISE(ABORT, 'what people said is only added to'); END"
        )


# Each brings the tables one version further; what is here is never changed, only added to.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first_tables, _feedback_log)


def keep_a_log(db: sqlite3.Connection) -> None:
    """Turns on WAL. Where several open a new file at once, SQLite refuses all but one without waiting, so we wait."""
    until = time.monotonic() + BUSY
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def migrate_to_now(db: sqlite3.Connection, path: Path) -> None:
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


def check_not_emptied(path: Path) -> None:
    """Raises InputError for an empty file: SQLite would take it for a new one, and what people said would be gone."""
    until = time.monotonic() + BEGUN
    while path.is_file() and not path.stat().st_size:
        if time.monotonic() > until:
            fix = "put back a copy of it; delete it only if nobody has decided anything in this run"
            raise InputError("is damaged (it is empty)", where=path, fix=fix)
        time.sleep(0.01)


def refusal_in_words(error: sqlite3.DatabaseError, where: Path) -> UserError | None:
    """What SQLite refused, as a user reads it; None where it is our own mistake."""
    known = REFUSALS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)  # the low byte is the class
    if known is None:
        return None
    kind, what, fix = known
    return kind(f"{what} ({error})", where=where, fix=fix)
