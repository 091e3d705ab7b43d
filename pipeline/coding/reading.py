"""The order in which comments are best read: the unsure first, and varied; and when reading on would change little.

What was tried in simulation, and how little some of it gave, is told in `tests/bench_reading.py`, which measures the
order kept here: half the reading of random order was not reached, and with many codes at once there was hardly a gain.
"""

import heapq
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from pipeline.learning.evaluation import wilson

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]
Vectors = npt.NDArray[np.floating]

PAGE = 50  # comments
MOST_OF_A_GROUP = 5  # comments of one group on a page, while others wait
COMMENTS_OF_A_GROUP = 10
MOST_GROUPS = 1000
SHARE_BY_LOT = 0.25
ALIKE = 0.8  # cosine of two comments that say the same
LOOKED_PAST = 20  # groups passed over in search of a comment unlike the one before
BARELY = 1e-6  # so that the sure take turns as well
CHUNK = 2048  # comments compared with the centres at a time, so that memory does not grow with their number

LATELY = 50  # comments read
LITTLE = 0.15  # of the comments read lately; when surely fewer were changed, reading on would change little


# ---- how unsure ----------------------------------------------------------------------------------------------------


def uncertainty(probability: Floats, thresholds: Floats, exclusive: bool = False) -> Floats:
    """How unsure the codes of each comment are in one facet: (comments,), 0 sure to 1 unsure.

    probability: (comments × codes); thresholds: (codes,), unused where exclusive. Exclusive: how near the second code
    comes to the first. Else how near a code comes to the threshold at which it is given, as a part of the way to it
    from impossible or certain.
    """
    if exclusive:
        return _nearness(probability)
    if not probability.shape[1]:
        return np.zeros(len(probability))
    below, over = thresholds - probability, probability - thresholds
    distance = np.where(below > 0, below / thresholds, over / np.maximum(1.0 - thresholds, np.finfo(float).eps))
    return np.asarray(1.0 - distance.min(axis=1))


def _nearness(probability: Floats) -> Floats:
    """One less the lead of the most probable code over the next; a facet of one code leaves no doubt."""
    if probability.shape[1] < 2:
        return np.zeros(len(probability))
    second, first = np.partition(probability, -2, axis=1)[:, -2:].T
    return np.asarray(1.0 - (first - second))


# ---- in which order ------------------------------------------------------------------------------------------------


def reading_order(
    uncertainty: Floats, vectors: Vectors | None, first_codes: Sequence[str] | None = None, seed: int = 0
) -> Ints:
    """The rows in an order meant to teach more per comment read than chance: (comments,), the same for the same seed.

    uncertainty: (comments,), 0 to 1. vectors: unit sentence vectors (comments × dimension), which tell like comments;
    where there are none, those with the same first code count as alike; where there are no such either, none do.
    A group of like comments is given a place in turn by how unsure its next comment is, divided by the comments it had
    already and one: the rule by which parliaments share out seats (D'Hondt). None has more than MOST_OF_A_GROUP on a
    page, and two comments that say the same do not follow one another, while others wait. A SHARE_BY_LOT of each page
    is there by chance, as what the machine is wrongly sure of would else be met last.
    """
    random = np.random.default_rng(seed)
    worth = _some_by_lot(uncertainty, random)
    if vectors is not None and vectors.size:
        return _Turns(_like_groups(vectors, random), worth, vectors, random).order()
    groups = np.arange(len(uncertainty)) if first_codes is None else _numbered(first_codes)
    return _Turns(groups, worth, None, random).order()


def _some_by_lot(uncertainty: Floats, random: np.random.Generator) -> Floats:
    """The uncertainty, which a share of the comments, drawn by lot, have swapped among themselves by lot."""
    swapped, mixed = np.flatnonzero(random.random(len(uncertainty)) < SHARE_BY_LOT), uncertainty.copy()
    mixed[swapped] = uncertainty[random.permutation(swapped)]
    return mixed


def _numbered(names: Sequence[str]) -> Ints:
    return np.asarray(np.unique(np.asarray(names, dtype=object), return_inverse=True)[1], dtype=np.int_)


def _like_groups(vectors: Vectors, random: np.random.Generator) -> Ints:
    """The group of each comment: comments drawn at random are centres, and each belongs to the nearest.

    One pass, where k-means takes many; simulation told no clear difference. A centre that says the same as another is
    none, so that a campaign is one group however many of its comments were drawn.
    """
    count = min(max(len(vectors) // COMMENTS_OF_A_GROUP, PAGE), MOST_GROUPS, len(vectors))
    drawn = vectors[random.choice(len(vectors), count, replace=False)].astype(np.float32)
    same = drawn @ drawn.T > ALIKE
    kept: list[int] = []
    for centre in range(count):
        if not same[centre, kept].any():
            kept.append(centre)
    centres = drawn[kept].T
    nearest = [
        (vectors[start : start + CHUNK].astype(np.float32) @ centres).argmax(axis=1)
        for start in range(0, len(vectors), CHUNK)
    ]
    return np.concatenate(nearest)


class _Turns:
    """Groups that take turns: each a queue of its waiting comments, those worth most first."""

    def __init__(self, groups: Ints, worth: Floats, vectors: Vectors | None, random: np.random.Generator) -> None:
        self.groups, self.worth, self.vectors = groups, worth, vectors
        self.chance = random.permutation(len(groups))  # orders the equally unsure, not their place in the export
        sorted_rows = np.lexsort((self.chance, -worth, groups))
        self.queues: dict[int, deque[int]] = {}
        for row in sorted_rows.tolist():
            self.queues.setdefault(int(groups[row]), deque()).append(row)
        self.taken = dict.fromkeys(self.queues, 0)
        self.line: list[tuple[float, int, int]] = []
        for group in self.queues:
            self._line_up(group)

    def order(self) -> Ints:
        """Every comment once, page by page."""
        order: list[int] = []
        while self.line:
            order += self._page(order[-1] if order else None)
        return np.array(order, dtype=np.int_)

    def _page(self, last: int | None) -> list[int]:
        """The next page; shorter only where each group that waits has had its most on it."""
        page: list[int] = []
        had: Counter[int] = Counter()
        while self.line and len(page) < PAGE:
            group = self._next_unlike(last)
            last = self.queues[group].popleft()
            page.append(last)
            self.taken[group] += 1
            had[group] += 1
            if had[group] < MOST_OF_A_GROUP:
                self._line_up(group)
        for group in (group for group, times in had.items() if times == MOST_OF_A_GROUP):
            self._line_up(group)
        return page

    def _next_unlike(self, last: int | None) -> int:
        """The group whose turn it is, leaving out those whose next comment says the same as the last."""
        looked_at: list[tuple[float, int, int]] = []
        while self.line and len(looked_at) < LOOKED_PAST:
            looked_at.append(heapq.heappop(self.line))
            if last is None or not self._same(last, self.queues[looked_at[-1][-1]][0]):
                chosen = looked_at.pop()
                break
        else:
            chosen = looked_at.pop(0)
        for turn in looked_at:
            heapq.heappush(self.line, turn)
        return chosen[-1]

    def _same(self, one: int, other: int) -> bool:
        if self.vectors is None:
            return bool(self.groups[one] == self.groups[other])
        return float(self.vectors[one].astype(np.float32) @ self.vectors[other].astype(np.float32)) > ALIKE

    def _line_up(self, group: int) -> None:
        """Puts a group in line for the place that its next comment is worth."""
        if self.queues[group]:
            row = self.queues[group][0]
            quotient = (float(self.worth[row]) + BARELY) / (1 + self.taken[group])
            heapq.heappush(self.line, (-quotient, int(self.chance[row]), group))


# ---- when to stop --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outlook:
    """What reading on is worth, judged by the comments read lately, at most LATELY of them.

    read: comments read in all; lately: those judged by; changed: of these, how many had a code changed by the reader;
    rate, low, high: changed / lately and its 95 % interval, 0 to 1. waiting: comments not read; at_most: how many of
    them would be changed if they were no better coded than those read lately, by the high end of the interval.
    little: whether reading on would change little. words: all this for people.
    """

    read: int
    lately: int
    changed: int
    rate: float
    low: float
    high: float
    waiting: int
    at_most: int
    little: bool
    words: str


def worth_reading_on(changed: Sequence[bool], waiting: int) -> Outlook:
    """What reading on is worth: for each comment read, in that order, whether its machine codes were changed.

    The unsure are read first, so that those waiting are likelier right than those read lately: an upper limit is told.
    """
    last = changed[-LATELY:]
    count = sum(map(bool, last))
    low, high = wilson(count, len(last))
    little = waiting == 0 or (len(last) == LATELY and high <= LITTLE)
    at_most = ceil(high * waiting)
    words = _outlook_in_words(len(changed), len(last), count, high, waiting, at_most, little)
    rate = count / len(last) if last else 0.0
    return Outlook(len(changed), len(last), count, rate, low, high, waiting, at_most, little, words)


def _outlook_in_words(
    read: int, lately: int, changed: int, high: float, waiting: int, at_most: int, little: bool
) -> str:
    if waiting == 0:
        return "Every comment has been read."
    if lately < LATELY:
        return f"{_comments(read)} read, {changed} changed: too few to say what reading on would change."
    found = f"Of the last {lately} comments read, {changed} {'was' if changed == 1 else 'were'} changed"
    found = f"{found} ({changed / lately:.0%}, at most {high:.0%}).".replace("%", " %")
    if little:
        return f"{found} Reading on would change little."
    return f"{found} Reading on is worth while: up to {at_most:,} of the {waiting:,} waiting would be changed."


def _comments(count: int) -> str:
    return f"{count} comment" if count == 1 else f"{count} comments"
