"""The people counted in a table as arrays: what the tool or people said of each, and the check sample of some.

A unit is one respondent or, in a table by group, one respondent under one value: what they wrote there, taken together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comments:
    """The comments of a facet. has: comments × codes; decided: whether people decided it; said: coder → row → codes.

    The last column of `has` and of each row of `said` is for no code at all.
    """

    has: Bools
    decided: Bools
    said: Mapping[str, Mapping[int, Bools]]


@dataclass(frozen=True)
class Units:
    """People under the values of a group. has: units × codes; decided: whether people decided all their comments.

    value, response: numbers of the value and respondent of each unit; sampled: the units that were coded blind, without
    those decided; said: sampled × codes, from 0 to 1, between where coders differ; weight: how many of the undecided
    units each stands for, all 1 in a simple sample.
    """

    has: Bools
    decided: Bools
    value: Ints
    response: Ints
    sampled: Ints
    said: Floats
    weight: Floats


def coded(rows: Ints, codes: Ints, comments: int, kinds: int) -> Bools:
    """Comments × (kinds + 1) from pairs of row and code (-1 for none); the last column is for no code."""
    has = np.zeros((comments, kinds + 1), dtype=bool)
    has[rows, codes] = True  # -1 is the last column
    return has


def one_coding(codes: Sequence[int], kinds: int) -> Bools:
    """The codes of one comment as one row of `coded`."""
    return np.asarray(coded(np.zeros(max(len(codes), 1), dtype=int), np.array([*codes] or [-1]), 1, kinds)[0])


def units(rows: Ints, values: Ints, responses: Ints, comments: Comments, weight: Mapping[int, float]) -> Units:
    """Gathers comments into units. rows, values, responses: one entry for each comment under each of its values.

    weight: response → how many undecided ones it stands for, as `weights` gives; empty in a simple sample.
    """
    order = np.lexsort((responses, values))
    rows, values, responses = rows[order], values[order], responses[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (values[1:] != values[:-1]) | (responses[1:] != responses[:-1])
    starts = np.flatnonzero(new)
    if not len(starts):
        nothing = np.zeros((0, comments.has.shape[1]))
        empty = np.zeros(0, dtype=int)
        return Units(nothing > 0, empty > 0, empty, empty, empty, nothing, np.zeros(0))
    has = _together(np.logical_or.reduceat(comments.has[rows], starts, axis=0))
    decided = np.logical_and.reduceat(comments.decided[rows], starts)
    ends = np.append(starts[1:], len(rows))
    blind = np.zeros(len(comments.has), dtype=bool)
    blind[[row for of in comments.said.values() for row in of]] = True
    touched = np.flatnonzero(np.logical_or.reduceat(blind[rows], starts) & ~decided)
    read = [(n, said) for n in touched.tolist() if (said := _said(rows[starts[n] : ends[n]], comments)) is not None]
    sampled = np.array([n for n, _ in read], dtype=int)
    said = np.array([one for _, one in read]) if read else np.zeros((0, comments.has.shape[1]))
    each = np.array([weight.get(int(response), 1.0) for response in responses[starts][sampled]])
    return Units(has, decided, values[starts], responses[starts], sampled, said, each)


def _together(has: Bools) -> Bools:
    """Of several comments together: no code at all only where none of them has any."""
    has[:, -1] = ~has[:, :-1].any(axis=1)
    return has


def _said(rows: Ints, comments: Comments) -> Floats | None:
    """What coders said of a unit, on average over those who coded all of it that people had not decided."""
    found = []
    for of in comments.said.values():
        if all(comments.decided[row] or int(row) in of for row in rows):
            codings = [comments.has[row] if comments.decided[row] else of[int(row)] for row in rows]
            found.append(_together(np.logical_or.reduce(codings)[None, :])[0])
    return np.mean(found, axis=0) if found else None


def weights(everyone: Units, stratum: Mapping[int, str]) -> dict[int, float]:
    """Response → how many undecided respondents of its stratum each sampled one stands for. stratum: response → name.

    All as likely as one another would be 1 for all; the weights of a stratified sample make up for unequal chances.
    """
    names = np.array([stratum.get(int(one), "") for one in everyone.response])
    found: dict[int, float] = {}
    for name in set(names[everyone.sampled].tolist()):
        inside = everyone.sampled[names[everyone.sampled] == name]
        stand_for = int(((names == name) & ~everyone.decided).sum()) / len(inside)
        found |= dict.fromkeys(everyone.response[inside].tolist(), stand_for)
    return found
