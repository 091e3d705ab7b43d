"""Comments without a code, grouped by likeness, so that a theme the codebook lacks can be seen and made a code."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import AgglomerativeClustering
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer, TfidfVectorizer
from sklearn.utils.extmath import randomized_svd

from pipeline.reviewing.review import NO_CODE, Query, Review
from pipeline.texts.cleaning import normalise

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]

MOST = 4000  # comments grouped at once: their likenesses to one another fill 64 MB
# A comment joins a group whose comments it is this like on average (cosine). Of 40 to 900 comments coded with one theme
# each, half to nine tenths found a group of three or more so, and over half of a group shared its theme; fewer and
# larger groups shared it less often, smaller ones left most comments out.
LIKE = 0.25
SMALLEST = 3  # comments
WORDS, TYPICAL = 6, 3
DIMENSIONS = 100  # of word counts, where there is no sentence encoder
WORD = r"(?u)\b[^\W\d_]{2,}\b"
SHORTENED = re.compile(r"\w+n['’]t\b|['’]\w+")  # don't, it's
STOP_WORDS = sorted(ENGLISH_STOP_WORDS | {"im", "ive", "id", "its", "thats", "dont", "didnt", "doesnt", "cant", "wont"})


@dataclass(frozen=True)
class Group:
    """Like comments by number, the most typical first; words: what sets them apart from the other groups."""

    numbers: tuple[int, ...]
    words: tuple[str, ...]
    typical: tuple[int, ...]


@dataclass(frozen=True)
class Pile:
    """Comments without a code: how many, how many were grouped, the groups (largest first) and who is in none."""

    total: int
    looked_at: int
    groups: tuple[Group, ...]
    alone: tuple[int, ...]


def uncoded(review: Review, facet: str = "") -> list[int]:
    """The comments that have no code now in a facet or, where none is named, in all that people are asked about."""
    facets = [facet] if facet else [one.id for one in review.facets]
    found = [review.numbers(Query(code=f"{one}:{NO_CODE}", sort="export")) for one in facets]
    without = set(found[0]).intersection(*found[1:]) if found else set()
    return sorted(without)


def pile(review: Review, facet: str = "", seed: int = 0) -> Pile:
    """Groups the comments without a code; of more than MOST, as many at random, the same for the same seed."""
    numbers = uncoded(review, facet)
    looked_at = numbers
    if len(numbers) > MOST:
        chosen = np.random.default_rng(seed).permutation(len(numbers))[:MOST]
        looked_at = [numbers[n] for n in sorted(chosen.tolist())]
    texts = [line.text for line in review.lines(looked_at)]
    vectors = review.vectors(looked_at).astype(float)
    groups, alone = group_alike(looked_at, texts, vectors, seed)
    return Pile(len(numbers), len(looked_at), groups, alone)


def group_alike(
    numbers: Sequence[int], texts: Sequence[str], vectors: Floats, seed: int = 0
) -> tuple[tuple[Group, ...], tuple[int, ...]]:
    """Groups comments by likeness, largest group first; those in no group of SMALLEST come second.

    vectors: unit vectors (comments × d); d 0 without an encoder, then words are compared. Comments are joined while
    the mean cosine between two groups is LIKE or more (average linkage).
    """
    if not vectors.size:
        vectors = _by_words(texts, seed)
    found = _alike(vectors)
    alone = sorted(set(range(len(texts))).difference(*(rows.tolist() for rows in found)))
    words = words_apart([[texts[row] for row in rows] for rows in found], [texts[row] for row in alone])
    groups = (_group(numbers, texts, vectors, rows, apart) for rows, apart in zip(found, words, strict=True))
    return tuple(groups), tuple(numbers[row] for row in alone)


def _alike(vectors: Floats) -> list[Ints]:
    """The rows of each group, largest group first."""
    some = np.flatnonzero(
        np.linalg.norm(vectors, axis=1) > 0.5
    )  # others have no known word, so that they are like nothing
    if len(some) < SMALLEST:
        return []
    linkage = AgglomerativeClustering(None, distance_threshold=1.0 - LIKE, metric="cosine", linkage="average")
    labels = linkage.fit_predict(vectors[some])
    found = [some[labels == label] for label in np.unique(labels)]
    return sorted((rows for rows in found if len(rows) >= SMALLEST), key=lambda rows: (-len(rows), int(rows[0])))


def _by_words(texts: Sequence[str], seed: int) -> Floats:
    """Latent semantic vectors of the words that two comments or more share (comments × up to DIMENSIONS)."""
    try:
        counts = TfidfVectorizer(token_pattern=WORD, stop_words=STOP_WORDS, min_df=2, sublinear_tf=True)
        table = counts.fit_transform(map(_plain, texts))
    except ValueError:  # no word is in two comments
        return np.zeros((len(texts), 0))
    size = min(DIMENSIONS, *table.shape)
    left, strengths, _ = randomized_svd(table, size, random_state=seed)
    found = left * strengths
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9))


def _group(numbers: Sequence[int], texts: Sequence[str], vectors: Floats, rows: Ints, words: tuple[str, ...]) -> Group:
    """A group by how near its middle its comments are; the typical ones each say something else."""
    middle = vectors[rows].mean(axis=0)
    order = rows[np.argsort(-(vectors[rows] @ middle), kind="stable")].tolist()
    said: dict[str, int] = {}
    for row in order:
        said.setdefault(normalise(texts[row]), numbers[row])
    return Group(tuple(numbers[row] for row in order), words, tuple(list(said.values())[:TYPICAL]))


def words_apart(groups: Sequence[Sequence[str]], rest: Sequence[str] = (), most: int = WORDS) -> list[tuple[str, ...]]:
    """The words that set each group of texts apart from the others and from the rest, the most telling first.

    Class-based TF-IDF (Grootendorst, BERTopic, arXiv:2203.05794, 2022): how often a word is in a group, times
    log(1 + words of a mean group / times the word is in all). A word counts once in a comment, so that one long comment
    does not name the group, and must be in two.
    """
    counter = CountVectorizer(token_pattern=WORD, stop_words=STOP_WORDS, binary=True)
    classes = [*groups, *([rest] if rest else [])]
    try:
        table = counter.fit_transform(_plain(text) for of in classes for text in of)
    except ValueError:  # stop words only
        return [() for _ in groups]
    names = counter.get_feature_names_out()
    counts = _summed(table, [len(of) for of in classes])
    usual = counts.sum() / len(classes) / counts.sum(axis=0)
    weight = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * np.log1p(usual)
    weight[counts < 2] = 0.0
    order = np.argsort(-weight[: len(groups)], axis=1, kind="stable")[:, :most]
    return [tuple(str(names[n]) for n in best if weight[k, n] > 0) for k, best in enumerate(order)]


def _summed(table: Any, lengths: Sequence[int]) -> Floats:
    """The rows of a sparse table summed by classes that follow one another (classes × columns)."""
    ends = np.cumsum(lengths).tolist()
    sums = [table[end - length : end].sum(axis=0) for length, end in zip(lengths, ends, strict=True)]
    return np.asarray(np.vstack([np.asarray(one) for one in sums]), dtype=float)


def _plain(text: str) -> str:
    """A text without what shortened words leave behind: "don't" says nothing of its own."""
    return SHORTENED.sub(" ", text.lower())
