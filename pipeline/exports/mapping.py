"""The remembered mapping: what the columns of a survey's exports are, confirmed once, kept in a small TOML file.

The next export of the same survey is read by it without a question; where columns have changed, each change is told.
"""

import hashlib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Any, Literal

import tomli_w

from pipeline.errors import InputError
from pipeline.exports.columns import ColumnGuess, Kind, guess_columns
from pipeline.exports.exports import Export
from pipeline.exports.layouts import PLAIN, fold
from pipeline.exports.responses import Layout, find_layout
from pipeline.files.whole_file import whole_file

MAPPINGS = Path("mappings")
ENDING = ".mapping.toml"
KEYS = ("questions", "response_id", "recognised", "columns", "overruled")
ALIKE = 0.7
SAME_SURVEY = 0.6
MOST_PAIRS = 10_000
HEAD = "# How exports of this survey are read: free text is coded. Where a kind is wrong, write another:\n# {}.\n"


@dataclass(frozen=True)
class Mapping:
    """What the user says of the export's columns; what is left open is found from the values.

    kinds: column → what it is, in the order of the export, empty where nothing is remembered; the free text among them
    is what is coded, unless questions are named. overruled: column → what
    it had been guessed to be, for the kinds a person changed. platform, header: the shape and the header as it was.
    """

    questions: tuple[str, ...] = ()
    response_id: str | None = None
    kinds: dict[str, Kind] = field(default_factory=dict)
    overruled: dict[str, Kind] = field(default_factory=dict)
    platform: str = ""
    header: tuple[tuple[str, ...], ...] = ()

    def layout(self, export: Export) -> Layout:
        """The columns to be coded in an export. Raises InputError where one that is named is not there."""
        return find_layout(export, self.questions, self.response_id)


Way = Literal["new", "gone", "renamed", "moved", "kind", "platform"]


@dataclass(frozen=True)
class Change:
    """How a column differs from what is remembered; matters: whether coding must wait for a person's word."""

    way: Way
    column: str
    now: str = ""
    matters: bool = False

    @property
    def words(self) -> str:
        """The change as a line for people."""
        return WORDS[self.way].format(column=self.column, now=self.now)


WORDS: dict[str, str] = {
    "new": "{column!r} is new ({now})",
    "gone": "{column!r} is gone",
    "renamed": "{column!r} is gone; {now!r} looks like it",
    "moved": "{column!r} stands elsewhere",
    "kind": "{column!r} now looks like {now}",
    "platform": "was written by {column}, now by {now}",
}


# ---- remembering -----------------------------------------------------------------------------------------------------


def mapping_of(
    export: Export,
    questions: Sequence[str] = (),
    response_id: str | None = None,
    kinds: dict[str, str] | None = None,
) -> Mapping:
    """What is to be remembered of an export: the guesses, with what a person says of it in their place.

    kinds: column → kind, for the guesses that are wrong. Raises InputError where a column or kind is not known.
    """
    guesses = {guess.column: guess.kind for guess in guess_columns(export)}
    said = {export.columns[export.column(name)]: _kind(kind, export.path) for name, kind in (kinds or {}).items()}
    if questions:
        named = {export.columns[export.column(name)] for name in questions}
        left = {column for column, kind in guesses.items() if kind == Kind.FREE_TEXT} - named
        said |= dict.fromkeys(named, Kind.FREE_TEXT) | dict.fromkeys(left, Kind.NOT_CODED)
    decided = guesses | said
    layout = find_layout(export, _coded(decided), response_id)
    return Mapping(
        layout.questions,
        layout.response_id,
        decided,
        {column: guesses[column] for column, kind in said.items() if guesses[column] != kind},
        export.shape.platform,
        tuple(tuple(cells) for n, cells in export.above if n in export.shape.header_rows),
    )


def _coded(kinds: dict[str, Kind]) -> tuple[str, ...]:
    return tuple(column for column, kind in kinds.items() if kind == Kind.FREE_TEXT)


def _kind(word: str, where: object) -> Kind:
    if word in list(Kind):
        return Kind(word)
    near = get_close_matches(str(word), list(Kind), n=1, cutoff=0.0)
    raise InputError(f"{word!r} is not a kind of column", where=where, fix=f"did you mean {str(near[0])!r}?")


def save_mapping(path: Path, mapping: Mapping) -> None:
    """Writes a mapping as TOML, whole or not at all. Raises OutputError."""
    table: dict[str, Any] = {} if mapping.kinds else {"questions": list(mapping.questions)}
    if mapping.response_id is not None:
        table["response_id"] = mapping.response_id
    if mapping.header:
        table["recognised"] = {"platform": mapping.platform, "header": [list(row) for row in mapping.header]}
    if mapping.kinds:
        table["columns"] = {column: str(kind) for column, kind in mapping.kinds.items()}
    if mapping.overruled:
        table["overruled"] = {column: str(kind) for column, kind in mapping.overruled.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(HEAD.format(", ".join(Kind)) + tomli_w.dumps(table))


def load_mapping(path: Path) -> Mapping:
    """Reads a mapping; `questions` and `response_id` alone are one, too. Raises InputError naming the wrong key."""
    said = _table(path)
    wrong = [key for key in said if key not in KEYS]
    if wrong:
        raise InputError(f"unknown key {wrong[0]!r}", where=path, fix="use 'questions' and 'response_id'")
    recognised = said.get("recognised", {})
    tables = [said.get(key, {}) for key in ("recognised", "columns", "overruled")]
    texts = said.get("questions", [])
    if not isinstance(texts, list) or not isinstance(said.get("response_id", ""), str):
        raise InputError("a key has the wrong type", where=path, fix='write questions = ["…"], response_id = "…"')
    if not all(isinstance(table, dict) for table in tables) or not isinstance(recognised.get("header", []), list):
        raise InputError("a key has the wrong type", where=path, fix="write columns as a table: [columns]")
    if not all(isinstance(row, list) for row in recognised.get("header", [])):
        raise InputError("the header has the wrong type", where=path, fix="make the mapping again")
    kinds = {column: _kind(kind, path) for column, kind in said.get("columns", {}).items()}
    return Mapping(
        tuple(map(str, texts)) or _coded(kinds),
        said.get("response_id"),
        kinds,
        {column: _kind(kind, path) for column, kind in said.get("overruled", {}).items()},
        str(recognised.get("platform", "")),
        tuple(tuple(map(str, row)) for row in recognised.get("header", [])),
    )


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError("there is no such mapping", where=path, fix="check the path") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, fix="name a TOML file") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"is no mapping ({error})", where=path, fix='write questions = ["…"]') from None


# ---- where it is kept ------------------------------------------------------------------------------------------------


def beside(export: Path) -> Path:
    """The mapping that lies beside one export and counts for it alone: `spring.csv` has `spring.mapping.toml`."""
    return export.with_name(export.stem + ENDING)


def place_for(export: Export, folder: Path = MAPPINGS) -> Path:
    """Where the mapping of a survey is kept: under its name without dates, and the digest of its columns.

    Exports of one survey have other names each time and the same columns, so the columns are what finds it again.
    """
    words = re.findall(r"[^\W\d_]+", export.path.stem.casefold())
    return folder / f"{'-'.join(words)[:40] or 'survey'}-{_digest(export.columns)}.toml"


def _digest(columns: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(map(fold, columns))).encode("utf-8", "replace")).hexdigest()[:8]


def find_mapping(export: Export, folder: Path = MAPPINGS) -> Path | None:
    """The mapping for an export: the one beside it, else the one of the same columns, else of the most alike.

    A mapping that shares less than SAME_SURVEY of the columns is of another survey. Raises InputError where one in the
    folder is no mapping.
    """
    if beside(export.path).is_file():
        return beside(export.path)
    shares = {path: _shared(load_mapping(path), export) for path in sorted(folder.glob("*.toml"))}
    best = max(shares, key=lambda path: shares[path], default=None)
    return best if best is not None and shares[best] >= SAME_SURVEY else None


def _shared(mapping: Mapping, export: Export) -> float:
    """The share of all columns, remembered or there, that are both."""
    was, now = set(map(fold, mapping.kinds)), set(map(fold, export.columns))
    return len(was & now) / len(was | now)


# ---- what has changed ------------------------------------------------------------------------------------------------


def compare(mapping: Mapping, export: Export) -> tuple[Change, ...]:
    """How an export differs from what is remembered, column by column; nothing where only rows are new.

    A mapping that names questions alone says nothing of the other columns, and nothing can differ.
    """
    if not mapping.kinds:
        return ()
    guesses = {fold(guess.column): guess for guess in guess_columns(export)}
    was = {fold(column): column for column in mapping.kinds}
    gone = [folded for folded in was if folded not in guesses]
    new = [folded for folded in guesses if folded not in was]
    needed = {fold(name) for name in (*mapping.questions, mapping.response_id or "")}
    renamed = _renamed(gone, new)
    changes = [_platform_change(mapping, export)]
    for folded in gone:
        now = guesses[renamed[folded]].column if folded in renamed else ""
        changes.append(Change("renamed" if now else "gone", was[folded], now, folded in needed))
    for folded in new:
        if folded not in renamed.values():
            guess = guesses[folded]
            changes.append(Change("new", guess.column, str(guess.kind), guess.kind == Kind.FREE_TEXT))
    changes += [Change("moved", was[folded]) for folded in _moved(list(was), list(guesses))]
    changes += [_kind_change(mapping, was[folded], guesses[folded]) for folded in was if folded in guesses]
    return tuple(change for change in changes if change is not None)


def must_ask(changes: Sequence[Change]) -> bool:
    """Whether a person must say how to read the export before it is coded."""
    return any(change.matters for change in changes)


def _platform_change(mapping: Mapping, export: Export) -> Change | None:
    """A change of platform, where both are known; a plain table may come from any."""
    known = {mapping.platform, export.shape.platform} - {PLAIN, ""}
    return Change("platform", mapping.platform, export.shape.platform) if len(known) == 2 else None


def _renamed(gone: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """Column that is gone → the new one most like it, each new one once."""
    if len(gone) * len(new) > MOST_PAIRS:
        return {}
    pairs = [(SequenceMatcher(None, old, name).ratio(), old, name) for old in gone for name in new]
    found: dict[str, str] = {}
    for ratio, old, name in sorted(pairs, reverse=True):
        if ratio >= ALIKE and old not in found and name not in found.values():
            found[old] = name
    return found


def _moved(was: Sequence[str], now: Sequence[str]) -> list[str]:
    """The columns in both that do not stand in the same order."""
    before, after = [name for name in was if name in set(now)], [name for name in now if name in set(was)]
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    kept = {before[block.a + n] for block in matcher.get_matching_blocks() for n in range(block.size)}
    return [name for name in before if name not in kept]


def _kind_change(mapping: Mapping, column: str, guess: ColumnGuess) -> Change | None:
    """A column that turned into free text or personal details; other kinds blur, and what is coded stays so."""
    remembered = mapping.overruled.get(column, mapping.kinds[column])
    settled = remembered in (guess.kind, Kind.NOT_CODED)
    if settled or guess.kind not in (Kind.FREE_TEXT, Kind.PERSONAL) or column in mapping.questions:
        return None
    return Change("kind", column, str(guess.kind), guess.kind == Kind.FREE_TEXT)
