"""What a model has learned from, kept beside it: to show like comments with their codes, and to tell the unfamiliar."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.codebook import SEPARATOR, Codebook
from pipeline.errors import ModelError
from pipeline.exports.responses import LARGEST_CELL, read_cell, safe_cell
from pipeline.learning.corpus import WORDING_SOURCE, CodedComment
from pipeline.texts.cleaning import normalise

Vectors = npt.NDArray[np.float16]
Ints = npt.NDArray[np.int_]
Floats = npt.NDArray[np.float64]

TEXTS, VECTORS = "learned.csv", "learned.npy"
NEIGHBOURS = 5
ASKED = 4000  # comments whose nearest neighbour is looked for; more would tell the same
AT_A_TIME = 500  # so that memory does not grow with the square of what was learned
UNFAMILIAR_SHARE = 0.02  # of the comments learned from are themselves as unlike all others as this
UNKNOWN = "?"  # nobody said; an empty cell is "none of them"
CORPUS_ROW = "corpus row"  # the column with all that a corpus file said of a comment; no facet can be called so


@dataclass(frozen=True)
class Learned:
    """Comments a model learned from: texts, sources, codes by facet (None where nobody said), unit vectors (n × d).

    Without a sentence encoder d is 0, and nothing is like anything. rows: as they are to be written, what a corpus file
    said of each comment; not read again with the rest.
    """

    texts: tuple[str, ...]
    sources: tuple[str, ...]
    codes: Mapping[str, tuple[tuple[str, ...] | None, ...]]
    vectors: Vectors
    rows: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def has_vectors(self) -> bool:
        """Whether likeness can be told."""
        return bool(len(self.texts)) and self.vectors.shape[1] > 0

    @cached_property
    def _wide(self) -> npt.NDArray[np.float32]:
        return self.vectors.astype(np.float32)

    @cached_property
    def familiar(self) -> float:
        """The similarity to its nearest neighbour that all but a few of these comments reach among themselves."""
        if not self.has_vectors or len(self) < 2:
            return 0.0
        said = np.unique([normalise(text) for text in self.texts], return_inverse=True)[1]
        asked = np.linspace(0, len(self) - 1, min(len(self), ASKED)).astype(int)
        nearest = []
        for start in range(0, len(asked), AT_A_TIME):
            rows = asked[start : start + AT_A_TIME]
            similarity = self._wide[rows] @ self._wide.T
            similarity[said[rows, None] == said[None, :]] = -1.0
            nearest.append(similarity.max(axis=1))
        return float(np.quantile(np.concatenate(nearest), UNFAMILIAR_SHARE))

    def nearest(self, vectors: npt.NDArray[np.float32]) -> tuple[Ints, Floats]:
        """Rows of the most like comments and their similarity (cosine), both (comments × up to NEIGHBOURS)."""
        if not self.has_vectors or not vectors.shape[1]:
            return np.zeros((len(vectors), 0), dtype=int), np.zeros((len(vectors), 0))
        similarity = vectors @ self._wide.T
        size = min(NEIGHBOURS, len(self))
        rows = np.argpartition(-similarity, size - 1, axis=1)[:, :size]
        order = np.argsort(-np.take_along_axis(similarity, rows, axis=1), axis=1, kind="stable")
        rows = np.take_along_axis(rows, order, axis=1)
        return rows, np.take_along_axis(similarity, rows, axis=1).astype(float)

    def known(self, facet: str, ids: Sequence[str]) -> npt.NDArray[np.float32]:
        """The codes of one facet (comments × codes), NaN where nobody said."""
        place = {code: n for n, code in enumerate(ids)}
        out = np.full((len(self), len(ids)), np.nan, dtype=np.float32)
        for row, codes in enumerate(self.codes.get(facet, ())):
            if codes is not None:
                out[row] = 0.0
                out[row, [place[code] for code in codes if code in place]] = 1.0
        return out


def learned_from(comments: Sequence[CodedComment], facets: Sequence[str], vectors: npt.NDArray[np.float32]) -> Learned:
    """What to keep of training comments and their vectors; definitions and phrases of the codebook are no comments."""
    rows = [n for n, comment in enumerate(comments) if comment.source != WORDING_SOURCE]
    return Learned(
        tuple(comments[n].text for n in rows),
        tuple(comments[n].source for n in rows),
        {facet: tuple(comments[n].label(facet) for n in rows) for facet in facets},
        vectors[rows].astype(np.float16),
        tuple(_as_row(comments[n]) for n in rows),
    )


def _as_row(comment: CodedComment) -> str:
    """All that a corpus file said of a comment, as JSON; nothing for what is from no file."""
    if not comment.file:
        return ""
    others = {column: None if cell == comment.text else cell for column, cell in comment.others.items()}
    said = {"file": comment.file, "codes": comment.codes, "id": comment.id, "question": comment.question}
    return json.dumps({**said, "weight": comment.weight, "others": others})


def corpus_of(folder: Path) -> list[CodedComment] | None:
    """The comments of corpus files that a model learned from, as these files said them, text and codes and all else.

    None for a model of an earlier version, which did not keep that. Raises ModelError where it is gone or damaged.
    """
    try:
        csv.field_size_limit(LARGEST_CELL)
        with (folder / TEXTS).open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        if CORPUS_ROW not in header:
            return None
        place = header.index(CORPUS_ROW)
        return [_from_row(read_cell(row[0]), read_cell(row[1]), row[place]) for row in rows if row[place]]
    except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise ModelError(f"is damaged ({TEXTS}: {error})", where=folder, fix="train it again") from None


def _from_row(text: str, source: str, row: str) -> CodedComment:
    said = json.loads(row)
    codes = {column: tuple(of) for column, of in said["codes"].items()}
    others = {column: text if cell is None else cell for column, cell in said["others"].items()}
    bare = CodedComment(text, codes, source, said["id"], said["question"], said["weight"], others)
    return replace(bare, file=said["file"])


def write_learned(learned: Learned, folder: Path) -> None:
    """Writes the comments as CSV and the vectors as a plain array into a model folder."""
    with (folder / TEXTS).open("w", encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "source", *learned.codes, CORPUS_ROW])
        for n, text in enumerate(learned.texts):
            cells = [UNKNOWN if (codes := of[n]) is None else SEPARATOR.join(codes) for of in learned.codes.values()]
            said = learned.rows[n] if learned.rows else ""
            rows.writerow(map(safe_cell, (text, learned.sources[n], *cells, said)))
    np.save(folder / VECTORS, learned.vectors, allow_pickle=False)


def read_learned(folder: Path, codebook: Codebook) -> Learned:
    """Reads what `write_learned` wrote. Raises ModelError where it is gone or damaged."""
    try:
        csv.field_size_limit(LARGEST_CELL)
        with (folder / TEXTS).open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        with (folder / VECTORS).open("rb") as file:
            vectors = np.lib.format.read_array(file, allow_pickle=False)
        codes = {
            facet: tuple(_codes(row[place]) for row in rows)
            for place, facet in enumerate(header[2:], 2)
            if facet in codebook.by_id
        }
        found = Learned(
            tuple(read_cell(row[0]) for row in rows), tuple(read_cell(row[1]) for row in rows), codes, vectors
        )
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise ModelError(f"is damaged ({TEXTS}: {error})", where=folder, fix="train it again") from None
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or len(vectors) != len(rows):
        raise ModelError(f"is damaged ({VECTORS} does not fit {TEXTS})", where=folder, fix="train it again")
    return found


def _codes(cell: str) -> tuple[str, ...] | None:
    return None if cell == UNKNOWN else tuple(code for code in cell.split(SEPARATOR) if code)
