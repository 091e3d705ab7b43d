"""`comments.db` of a run: what the machine said of each comment, laid out so that a screen can be filled at once.

Everything in it follows from the export and the model, so it may be made again; what people said is in `decisions.db`.
"""

import errno
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

FILE = "comments.db"
FORMAT = 2
MOST_VALUES = 60  # of a column that can be chosen from a list
LONGEST_VALUE = 100
RESPONDENT, MACHINE = "respondent", "machine"

SCHEMA = """
CREATE TABLE comments (
    n INTEGER PRIMARY KEY,       -- from 1, in the order of the export
    comment_id TEXT NOT NULL UNIQUE,
    response_id TEXT NOT NULL,
    question TEXT NOT NULL,
    text TEXT NOT NULL,
    words INTEGER NOT NULL,
    copies INTEGER,              -- the same for comments that say the same; none where nobody else says it
    campaign INTEGER,            -- the same for exact and near copies, from 1; none where nobody says nearly the same
    doubts TEXT NOT NULL,        -- joined by |
    unsure REAL NOT NULL,        -- 0 to 1
    place INTEGER,               -- in the order of reading
    others TEXT NOT NULL         -- the export's other columns, as JSON
);
CREATE TABLE given (
    facet TEXT NOT NULL,
    code TEXT NOT NULL,
    n INTEGER NOT NULL,
    rank INTEGER NOT NULL,       -- 0 for the most probable
    probability REAL NOT NULL,
    source TEXT NOT NULL,        -- machine or respondent
    PRIMARY KEY (facet, code, n)
) WITHOUT ROWID;
CREATE TABLE details (
    n INTEGER PRIMARY KEY,
    probability BLOB NOT NULL,   -- float16, the codes of all facets one after another
    vector BLOB NOT NULL,        -- float16, empty without an encoder
    near BLOB NOT NULL,          -- int32, rows of what the model learned from
    similarity BLOB NOT NULL,    -- float16, of these
    why TEXT NOT NULL            -- JSON: facet → code → [part, [words]]
);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
INDEXES = """
CREATE INDEX given_of_comment ON given (n);
CREATE INDEX comments_place ON comments (place);
CREATE INDEX comments_copies ON comments (copies) WHERE copies IS NOT NULL;
CREATE INDEX comments_campaign ON comments (campaign) WHERE campaign IS NOT NULL;
"""


@dataclass(frozen=True)
class GivenCode:
    """A code that a comment has, how probable, and who says so: the machine or the respondent."""

    facet: str
    code: str
    probability: float
    source: str = MACHINE


@dataclass(frozen=True)
class CodedRow:
    """One comment as the machine coded it.

    probability: of all codes of all facets (codes,); vector (d,); near, similarity: rows of what the model learned
    from and how like they are; why: facet → code → (part, words). copies, campaign: numbers shared by exact copies
    and by exact and near copies, None where there is no other.
    """

    comment_id: str
    response_id: str
    question: str
    text: str
    copies: int | None
    doubts: Sequence[str]
    unsure: float
    others: Mapping[str, str]
    given: Sequence[GivenCode]
    probability: Floats
    vector: Vectors
    near: npt.NDArray[np.int_]
    similarity: Floats
    why: Mapping[str, Mapping[str, tuple[str, Sequence[str]]]]
    campaign: int | None = None


@contextmanager
def _as_any_file() -> Iterator[None]:
    """A full disk is told as for any other file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(errno.EIO, str(error)) from None


class CommentWriter:
    """Writes `comments.db` while comments stream by; `finish` gives the order of reading and closes it.

    Raises OSError where it cannot be written.
    """

    def __init__(self, path: Path, meta: Mapping[str, Any]) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        # The folder is thrown away where this is interrupted, so nothing has to be safe before the end.
        try:
            with _as_any_file():
                self.db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + SCHEMA + "BEGIN;")
        except OSError:
            self.db.close()
            raise
        self.meta = dict(meta)
        self.values: dict[str, Counter[str]] = {}
        self.n = 0

    def add(self, rows: Iterable[CodedRow]) -> None:
        """Adds comments in the order of the export."""
        comments, given, details = [], [], []
        for row in rows:
            self.n += 1
            self._count_values(row.others)
            others = storable(json.dumps(dict(row.others), ensure_ascii=False))
            texts = map(storable, (row.comment_id, row.response_id, row.question, row.text))
            words, doubts = len(row.text.split()), "|".join(row.doubts)
            comments.append((self.n, *texts, words, row.copies, row.campaign, doubts, row.unsure, others))
            given += [(g.facet, g.code, self.n, k, g.probability, g.source) for k, g in _ranked(row.given)]
            details.append((self.n, *_blobs(row), storable(json.dumps(row.why, ensure_ascii=False))))
        with _as_any_file():
            self.db.executemany("INSERT INTO comments VALUES (?,?,?,?,?,?,?,?,?,?,NULL,?)", comments)
            self.db.executemany("INSERT INTO given VALUES (?,?,?,?,?,?)", given)
            self.db.executemany("INSERT INTO details VALUES (?,?,?,?,?,?)", details)

    def _count_values(self, others: Mapping[str, str]) -> None:
        for column, cell in others.items():
            counted = self.values.setdefault(column, Counter())
            value = cell.strip()
            if value and len(counted) <= MOST_VALUES:
                counted[value[: LONGEST_VALUE + 1]] += 1

    def _groups(self) -> dict[str, list[str]]:
        """The columns that people can be grouped by, each with its values, most frequent first."""
        return {
            column: [value for value, _ in counted.most_common()]
            for column, counted in self.values.items()
            if 1 < len(counted) <= MOST_VALUES
            and max(map(len, counted)) <= LONGEST_VALUE
            and counted.total() >= 2 * len(counted)
        }

    def finish(self, places: Iterable[tuple[int, int]]) -> None:
        """Ends writing. places: (place in the order of reading, n)."""
        meta = {**self.meta, "format": FORMAT, "comments": self.n, "groups": self._groups()}
        with _as_any_file():
            self.db.executemany("UPDATE comments SET place = ? WHERE n = ?", places)
            self.db.executemany("INSERT INTO meta VALUES (?, ?)", [(k, json.dumps(v)) for k, v in meta.items()])
            self.db.executescript(INDEXES + "ANALYZE;")  # which commits first
        self.db.close()

    def most_unsure(self, most: int) -> tuple[npt.NDArray[np.int_], Floats, Vectors]:
        """n, unsureness and vectors (n × d) of the comments the machine is least sure of, at most so many."""
        found = self.db.execute(
            "SELECT n, unsure, vector FROM (SELECT n, unsure FROM comments ORDER BY unsure DESC, n LIMIT ?) "
            "JOIN details USING (n)",
            (most,),
        ).fetchall()
        vectors = [np.frombuffer(blob, dtype=np.float16) for _, _, blob in found]
        stacked = np.array(vectors, dtype=np.float32) if found else np.zeros((0, 0), np.float32)
        return np.array([n for n, _, _ in found], dtype=int), np.array([u for _, u, _ in found]), stacked

    def rest(self, known: set[int]) -> Iterable[int]:
        """The n of all others, least sure first."""
        return [n for (n,) in self.db.execute("SELECT n FROM comments ORDER BY unsure DESC, n") if n not in known]

    def close(self) -> None:
        """Lets go of the file, whatever has happened."""
        self.db.close()


def _ranked(given: Sequence[GivenCode]) -> Iterable[tuple[int, GivenCode]]:
    """The codes of a comment with their rank within their facet."""
    ranks: Counter[str] = Counter()
    for one in given:
        yield ranks[one.facet], one
        ranks[one.facet] += 1


def storable(text: str) -> str:
    """Text that SQLite can hold: a lone surrogate, which no text file can hold either, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _blobs(row: CodedRow) -> tuple[bytes, bytes, bytes, bytes]:
    return (
        row.probability.astype(np.float16).tobytes(),
        row.vector.astype(np.float16).tobytes(),
        row.near.astype(np.int32).tobytes(),
        row.similarity.astype(np.float16).tobytes(),
    )
