"""Reasons why a person should look at a comment: small functions on arrays, each with a name and words for people."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from pipeline.training import Coding

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

NEAR_LINE = 0.05
CLOSE_RACE = 0.05


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


DOUBTS: dict[str, Callable[[Coding, Floats], Bools]] = {
    "near the line": near_line,
    "two codes close": close_race,
}
NO_CODE = "no code at all"
WORDS = {
    "near the line": "A little more or less evidence would have changed a code.",
    "two codes close": "Two codes fit almost equally well and only one was given.",
    NO_CODE: "Nothing in the codebook fitted well enough; new themes are found here.",
}
