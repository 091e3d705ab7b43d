"""Reasons why a person should look at a comment: small functions on arrays, each with a name and words for people."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pipeline.training import Coding

Bools = npt.NDArray[np.bool_]

NEAR_LINE = 0.08
CLOSE_RACE = 0.08


def near_line(coding: Coding, thresholds: npt.NDArray[np.float64]) -> Bools:
    """A code's probability is within eight points of the line at which it would be given."""
    return np.asarray((np.abs(coding.probability - thresholds) < NEAR_LINE).any(axis=1))


def close_race(coding: Coding, thresholds: npt.NDArray[np.float64]) -> Bools:
    """The two most probable codes are within eight points of each other, and only one of them is given."""
    if coding.probability.shape[1] < 2:
        return np.zeros(len(coding.probability), dtype=bool)
    order = np.argsort(-coding.probability, axis=1, kind="stable")[:, :2]
    first, second = np.take_along_axis(coding.probability, order, axis=1).T
    return np.asarray((first - second < CLOSE_RACE) & (coding.given.sum(axis=1) == 1))


def no_code(coding: Coding, thresholds: npt.NDArray[np.float64]) -> Bools:
    """No code of the facet is given."""
    return np.asarray(~coding.given.any(axis=1))


DOUBTS: dict[str, Callable[[Coding, npt.NDArray[np.float64]], Bools]] = {
    "near the line": near_line,
    "two codes close": close_race,
    "no code": no_code,
}
WORDS = {
    "near the line": "A little more or less evidence would have changed a code.",
    "two codes close": "Two codes fit almost equally well and only one was given.",
    "no code": "Nothing in the codebook fitted well enough.",
}
