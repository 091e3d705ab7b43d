"""How far a coding can be trusted, as figures: calibration, groups, coverage and learning curve. Arithmetic only.

Arrays are (comments × codes): `probability`, `given` (the codes the model gave), `truth` (true where coders gave it).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.learning.evaluation import hit_rate, sample_f1, wilson

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BANDS = 10
COVERAGES = (10, 25, 50, 75, 100)  # per cent of the comments
ACCURACIES = (80, 90, 95)  # per cent right
FEWEST_TO_TRUST = 20  # comments; the first few may all be right by chance
MORE = 200  # comments that somebody might code next
Z = 1.96


@dataclass(frozen=True)
class Estimate:
    """A share, or a mean of values from 0 to 1, over n things, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


def estimate(value: float, n: int) -> Estimate:
    """A mean over n things with Wilson's interval: exact in kind for shares, and if anything too wide for other means.

    Of all values from 0 to 1 with the same mean, zeros and ones vary most.
    """
    return Estimate(value, *wilson(value * n, n), n)


# ---- the first answer ------------------------------------------------------------------------------------------------


def first_right(probability: Floats, given: Bools, truth: Bools) -> Bools:
    """Whether the most probable code given is one that coders gave or, where none is given, coders gave none either."""
    first = np.where(given, probability, -1.0).argmax(axis=1)
    hit = np.take_along_axis(truth, first[:, None], axis=1)[:, 0]
    return np.asarray(np.where(given.any(axis=1), hit, ~truth.any(axis=1)))


def confidence(probability: Floats, given: Bools) -> Floats:
    """How probable the model finds its first answer: the most probable code given, or that no code applies.

    Where none is given this is the product of 1 - p over the codes, as if they were independent of one another.
    """
    first = np.where(given, probability, -1.0).max(axis=1)
    return np.asarray(np.where(given.any(axis=1), first, (1.0 - probability).prod(axis=1)))


# ---- calibration -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Band:
    """The decisions whose probability is from low up to high (the last band includes 1): their mean probability, and
    the share of them that was right."""

    low: float
    high: float
    decisions: int
    mean: float
    right: Estimate


@dataclass(frozen=True)
class Calibration:
    """Bands over all code decisions (comments × codes) that hold any, and the expected calibration errors: of all code
    decisions, and of the first answer to each comment."""

    bands: tuple[Band, ...]
    error: float
    error_first: float


def calibration(probability: Floats, given: Bools, truth: Bools) -> Calibration:
    """How well the probabilities of a facet agree with how often coders gave the code."""
    every = bands(probability.ravel(), truth.ravel())
    first = bands(confidence(probability, given), first_right(probability, given, truth))
    return Calibration(every, expected_calibration_error(every), expected_calibration_error(first))


def bands(probability: Floats, right: Bools) -> tuple[Band, ...]:
    """Decisions (both arrays flat) in ten bands of equal width; bands without a decision are not there."""
    place = np.minimum((probability * BANDS).astype(int), BANDS - 1)
    found = []
    for n in np.unique(place).tolist():
        inside = place == n
        share = estimate(float(right[inside].mean()), int(inside.sum()))
        found.append(Band(n / BANDS, (n + 1) / BANDS, share.n, float(probability[inside].mean()), share))
    return tuple(found)


def expected_calibration_error(found: Sequence[Band]) -> float:
    """Mean distance between probability and share that was right, each band weighing as many decisions as it holds.

    Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015. It depends
    on the bands: a small error does not show that each probability is right.
    """
    decisions = sum(band.decisions for band in found)
    return sum(band.decisions * abs(band.mean - band.right.value) for band in found) / max(decisions, 1)


# ---- groups ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GroupScore:
    """One group of comments, "" for all groups together.

    top1: of the comments with a code, the share whose most probable code is among theirs; None where none has one.
    sample_f1: mean over comments, 1 where coders and model gave none.
    """

    group: str
    comments: int
    top1: Estimate | None
    sample_f1: Estimate


@dataclass(frozen=True)
class GroupScores:
    """The comments that belong to a group, all together and by group; groups without a comment are not there."""

    whole: GroupScore
    groups: tuple[GroupScore, ...]

    def worse_top1(self) -> tuple[GroupScore, ...]:
        """The groups whose whole interval of top-1 is below that of all together."""
        return tuple(one for one in self.groups if _below(one.top1, self.whole.top1))

    def worse_sample_f1(self) -> tuple[GroupScore, ...]:
        """The groups whose whole interval of sample-F1 is below that of all together."""
        return tuple(one for one in self.groups if _below(one.sample_f1, self.whole.sample_f1))


def _below(group: Estimate | None, whole: Estimate | None) -> bool:
    return group is not None and whole is not None and group.high < whole.value


def group_scores(
    membership: Sequence[Sequence[str]], names: Sequence[str], probability: Floats, given: Bools, truth: Bools
) -> GroupScores | None:
    """Scores by group: `membership` says for each comment which of the named groups it belongs to, as a rule one.

    None where no comment belongs to any.
    """
    inside = {name: np.array([name in groups for groups in membership], dtype=bool) for name in names}
    anywhere = np.array([bool(groups) for groups in membership], dtype=bool)
    if not anywhere.any():
        return None

    def scored(group: str, rows: Bools) -> GroupScore:
        true, coded = truth[rows], int(truth[rows].any(axis=1).sum())
        top1 = hit_rate(true, probability[rows], 1)
        f1 = estimate(sample_f1(true, given[rows]), len(true))
        return GroupScore(group, len(true), None if top1 is None else estimate(top1, coded), f1)

    found = (scored(name, rows) for name, rows in inside.items() if rows.any())
    return GroupScores(scored("", anywhere), tuple(found))


# ---- coverage against accuracy ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CoveragePoint:
    """The surest comments, `coverage` per cent of all: how sure at least, and the share whose first answer is right."""

    coverage: int
    comments: int
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True)
class Reached:
    """The most comments, surest first, of which `accuracy` per cent are right; coverage (0 to 1) and the confidence
    they have at least are None where no number of comments reaches it."""

    accuracy: int
    coverage: float | None
    confidence: float | None


@dataclass(frozen=True)
class Coverage:
    """How many comments could be left unread at which accuracy."""

    points: tuple[CoveragePoint, ...]
    reached: tuple[Reached, ...]


def coverage(sureness: Floats, right: Bools) -> Coverage:
    """Coverage against accuracy of comments ranked by confidence (El-Yaniv and Wiener, J. Mach. Learn. Res. 11, 2010).

    Sizes at which an accuracy is reached end at a confidence, never among equals, and are of 20 comments at least.
    """
    order = np.argsort(-sureness, kind="stable")
    sure, hits = sureness[order], np.cumsum(right[order])
    sizes = np.arange(1, len(sure) + 1)
    points = []
    for share in COVERAGES:
        size = -(-len(sure) * share // 100)
        accuracy = estimate(float(hits[size - 1] / size), size)
        points.append(CoveragePoint(share, size, float(sure[size - 1]), accuracy))
    usable = np.append(np.diff(sure) != 0, True) & (sizes >= FEWEST_TO_TRUST)
    reached = []
    for percent in ACCURACIES:
        enough = sizes[usable & (hits * 100 >= sizes * percent)]
        size = int(enough.max()) if len(enough) else 0
        reached.append(
            Reached(percent, size / len(sure), float(sure[size - 1])) if size else Reached(percent, None, None)
        )
    return Coverage(tuple(points), tuple(reached))


# ---- learning curve --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CurvePoint:
    """Top-1 of models that learned from so many comments (mean over the folds)."""

    comments: int
    top1: Estimate


@dataclass(frozen=True)
class LearningCurve:
    """Top-1 by the number of comments learned from, and a straight line in the logarithm of that number.

    before, after: the line at all coded comments, and with MORE of them; low and high: the ends of the 95 % interval
    of after - before, as far as the comments measured on are what is uncertain. doubling: rise from twice as many.
    """

    points: tuple[CurvePoint, ...]
    comments: int
    more: int
    before: float
    after: float
    low: float
    high: float
    doubling: float


def learning_curve(sizes: Sequence[float], hits: Floats, comments: int) -> LearningCurve:
    """The curve through models of several sizes judged on the same comments: hits is (sizes × comments judged), 1 where
    the most probable code was right, or the share of several models of that size.

    Over a short range a line in log n serves for the usual power law (Figueroa et al., BMC Med. Inform. Decis. Mak. 12,
    2012), which takes a point more. The gain is a mean of one value per comment, which gives its interval; it
    takes two sizes and two comments at least.
    """
    x = np.log(np.asarray(sizes, dtype=float))
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    slopes = weights @ hits
    slope, judged = float(slopes.mean()), hits.shape[1]
    error = float(slopes.std(ddof=1) / np.sqrt(judged))
    step = float(np.log1p(MORE / comments))
    before = float(np.clip(hits.mean() + slope * (np.log(comments) - x.mean()), 0.0, 1.0))
    shares = hits.mean(axis=1).tolist()
    return LearningCurve(
        points=tuple(CurvePoint(round(n), estimate(top1, judged)) for n, top1 in zip(sizes, shares, strict=True)),
        comments=comments,
        more=MORE,
        before=before,
        after=float(np.clip(before + slope * step, 0.0, 1.0)),
        low=(slope - Z * error) * step,
        high=(slope + Z * error) * step,
        doubling=slope * float(np.log(2)),
    )
