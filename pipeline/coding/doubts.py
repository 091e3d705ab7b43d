"""Reasons why a person should look at a comment: small functions on arrays, each with a name and words for people.

Arrays are (comments,), (comments × codes) or (comments × neighbours); each function says which comments it doubts.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.learning.training import Coding

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int_]
Floats = npt.NDArray[np.float64]

NEAR_LINE = 0.05
CLOSE_RACE = 0.05
LONG_COMMENT = 60  # words
ALIKE = 0.55  # cosine of two sentence vectors from which two comments speak of the same
FEWEST_ALIKE = 3
MOST_OF_THEM = 0.6
CAMPAIGN = 3  # comments that say the same
FEWEST_CORRECTIONS, OFTEN = 5, 0.4

NO_CODE = "no code at all"
NEAR, RACE, DIFFER, CORRECTED = "near the line", "two codes close", "neighbours differ", "code often corrected"
MIXED, UNLIKE, FIRST = "long and mixed", "unlike the corpus", "first of a campaign"


def near_line(coding: Coding, thresholds: Floats) -> Bools:
    """A code's probability is within five points of the line at which it would be given."""
    return np.asarray((np.abs(coding.probability - thresholds) < NEAR_LINE).any(axis=1))


def close_race(coding: Coding, thresholds: Floats) -> Bools:
    """The two most probable codes are within five points of each other, and only one of them is given."""
    if coding.probability.shape[1] < 2:
        return np.zeros(len(coding.probability), dtype=bool)
    order = np.argsort(-coding.probability, axis=1, kind="stable")[:, :2]
    first, second = np.take_along_axis(coding.probability, order, axis=1).T
    first_given, second_given = np.take_along_axis(coding.given, order, axis=1).T
    return np.asarray((first - second < CLOSE_RACE) & (first_given != second_given))


def no_code(codings: Iterable[Coding]) -> Bools:
    """No code is given in any of the facets."""
    return np.asarray(~np.column_stack([coding.given.any(axis=1) for coding in codings]).any(axis=1))


def long_and_mixed(words: Ints, deciding_parts: Ints) -> Bools:
    """A comment of sixty words or more in which different parts decided its codes."""
    return np.asarray((words >= LONG_COMMENT) & (deciding_parts > 1))


def unlike_corpus(similarity: Floats, familiar: float) -> Bools:
    """Even the nearest comment learned from is further away than nearly all of those are from one another."""
    if not similarity.shape[1]:
        return np.zeros(len(similarity), dtype=bool)
    return np.asarray(similarity[:, 0] < familiar)


def neighbours_differ(given: Bools, known: npt.NDArray[np.float32], similarity: Floats) -> Bools:
    """Three or more like comments were coded, and most of them have a code that this one lacks, or none has its codes.

    known: codes of the neighbours (comments × neighbours × codes), NaN where nobody said.
    """
    if not similarity.shape[1]:
        return np.zeros(len(given), dtype=bool)
    counted = (similarity >= ALIKE) & ~np.isnan(known).any(axis=2)
    enough = counted.sum(axis=1) >= FEWEST_ALIKE
    votes = np.where(counted[:, :, None], np.nan_to_num(known), 0.0).sum(axis=1)
    share = votes / np.maximum(counted.sum(axis=1), 1)[:, None]
    lacks = ((share > MOST_OF_THEM) & ~given).any(axis=1)
    alone = given.any(axis=1) & ~((share > 0) & given).any(axis=1)
    return np.asarray(enough & (lacks | alone))


def first_of_campaign(copies: Sequence[int], first: Bools) -> Bools:
    """The first of three comments or more that say the same or nearly so; copies: how many there are of each."""
    return np.asarray((np.asarray(copies, dtype=int) >= CAMPAIGN) & first)


def often_corrected(seen: int, changed: int) -> bool:
    """People changed a code, given or not, in two of five decisions that were about it, of at least five."""
    return seen >= FEWEST_CORRECTIONS and changed >= OFTEN * seen


DOUBTS: dict[str, Callable[[Coding, Floats], Bools]] = {NEAR: near_line, RACE: close_race}
WORDS = {
    NEAR: "A little more or less evidence would have changed a code.",
    RACE: "Two codes fit almost equally well and only one was given.",
    NO_CODE: "Nothing in the codebook fitted well enough; new themes are found here.",
    MIXED: "Long, and different parts of it speak of different things.",
    UNLIKE: "Unlike anything the tool has learned from, so its codes are a guess.",
    DIFFER: "Comments much like this one carry other codes in what the tool has learned from.",
    FIRST: "Several people sent these words, or nearly these; what you decide can be applied to those with the same.",
    CORRECTED: "It has a code that people often changed when they read comments with it.",
}


def doubt_words(doubt: str) -> str:
    """What a doubt, which may name its facet in brackets, means in words for people."""
    return WORDS.get(doubt.split(" (")[0], doubt)
