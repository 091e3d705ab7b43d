"""What comments much alike were given: kernel ridge regression on words and sentence vectors together.

A logistic regression draws one straight line per code through all comments; this follows comments that are alike. The
classifier adds the two, which foretold codes better than either alone. What it learns of words stays a coefficient for
each word, so that words can still be shown as reasons; only the sentence vector is compared with those learned from.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve

from pipeline.learning.features import VECTOR_WEIGHT, Bags, Sparse

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int_]

MOST = 8_000  # comments compared with one another, drawn at random from more: a table of 256 MB
FREQUENT = 100  # comments; features of more are multiplied as full columns, which is faster
AT_ONCE = 2_000  # comments compared with those learned from, to keep the table of their likeness small
NEARNESS = 2.0  # how fast likeness falls with the distance of two sentence vectors
SMOOTHING = 1.0  # how far the ridge holds back, in comments' worth of doubt about each


@dataclass(frozen=True)
class Line:
    """What scores are made of: coef (codes × features) and intercept (codes), and beside these the nearness to comments
    learned from: anchors, their sentence vectors (comments × dimension), and pull (comments × codes), how strongly each
    speaks for each code. Without anchors it is a straight line.
    """

    coef: Floats32
    intercept: Floats
    anchors: Floats32
    pull: Floats32

    def scores(self, rows: Sparse) -> Floats:
        """Scores (rows × codes) of some rows of features."""
        straight = np.asarray(rows @ self.coef.T, dtype=float) + self.intercept
        if len(self.anchors):
            straight += np.vstack([np.zeros((0, len(self.intercept))), *_pulled(rows, self.anchors, self.pull)])
        return straight

    def plus(self, other: "Line", share: float) -> "Line":
        """This straight line with a share of the other added."""
        pull = np.asarray(other.pull * np.float32(share), dtype=np.float32)
        coef = self.coef + np.float32(share) * other.coef
        return Line(coef, self.intercept + share * other.intercept, other.anchors, pull)


def straight(coef: Floats32, intercept: Floats) -> Line:
    """A line without anchors."""
    return Line(coef, intercept, np.zeros((0, 0), np.float32), np.zeros((0, len(intercept)), np.float32))


@dataclass(frozen=True)
class Alike:
    """How alike comments are to one another: gram (comments × comments), of the rows of some bags."""

    bags: Bags
    rows: Rows
    gram: Floats32

    def learn(self, taught: Rows, Y: Floats, weights: Floats) -> Line:
        """Weighted kernel ridge regression (Saunders, Gammerman and Vovk 1998) of the codes of some rows.

        Y: (comments × codes), weights: (comments), of all rows of the bags; each code's mean is left unpenalised.
        """
        place = np.flatnonzero(np.isin(self.rows, taught))
        rows = self.rows[place]
        mean = np.average(Y[rows], axis=0, weights=weights[rows])
        # The comments' weights, taken half on each side so that the table stays symmetric.
        root = np.sqrt(weights[rows]).astype(np.float32)
        table = self.gram[np.ix_(place, place)] * root[:, None] * root
        table[np.diag_indices_from(table)] += SMOOTHING
        off = ((Y[rows] - mean) * root[:, None]).astype(np.float32)
        pull = solve(table, off, assume_a="pos", overwrite_a=True, overwrite_b=True) * root[:, None]
        said, vectors = _blocks(self.bags.whole[rows], self.bags.vector_columns)
        coef = np.zeros((Y.shape[1], self.bags.whole.shape[1]), dtype=np.float32)
        coef[:, : said.shape[1]] = (said.T @ pull).T
        return Line(coef, mean, vectors, pull) if vectors.shape[1] else straight(coef, mean)


def alike(bags: Bags, seed: int = 0) -> Alike:
    """How alike the comments are to one another, of at most `MOST` drawn at random."""
    size = len(bags)
    draw = np.random.default_rng(seed).choice(size, MOST, replace=False) if size > MOST else np.arange(size)
    rows = np.sort(draw)
    said, vectors = _blocks(bags.whole[rows], bags.vector_columns)
    return Alike(bags, rows, _products(said) + near(vectors, vectors))


def _blocks(rows: Sparse, vector_columns: int) -> tuple[Sparse, Floats32]:
    """Rows of features as what was said (sparse) and its sentence vectors (rows × dimension)."""
    first = rows.shape[1] - vector_columns
    return rows[:, :first], np.asarray(rows[:, first:].toarray(), dtype=np.float32)


def _products(rows: Sparse) -> Floats32:
    """Inner products of sparse rows with one another."""
    often = np.bincount(rows.indices, minlength=rows.shape[1]) > FREQUENT
    common, rare = rows[:, often].toarray(), rows[:, ~often]
    return np.asarray(common @ common.T + (rare @ rare.T).toarray(), dtype=np.float32)


def near(vectors: Floats32, others: Floats32) -> Floats32:
    """Gaussian kernel of sentence vectors of length VECTOR_WEIGHT (vectors × others); its peak is their squared length.

    Without an encoder there are no vectors, and nothing is near.
    """
    length = np.float32(VECTOR_WEIGHT**2)
    if not vectors.shape[1]:
        return np.zeros((len(vectors), len(others)), dtype=np.float32)
    return np.asarray(length * np.exp(np.float32(NEARNESS) * (vectors @ others.T / length - 1)), dtype=np.float32)


def _pulled(rows: Sparse, anchors: Floats32, pull: Floats32) -> Iterator[Floats32]:
    """Scores (rows × codes) for the nearness of sentence vectors to those learned from, some rows at a time."""
    for first in range(0, rows.shape[0], AT_ONCE):
        _, vectors = _blocks(rows[first : first + AT_ONCE], anchors.shape[1])
        yield near(vectors, anchors) @ pull
