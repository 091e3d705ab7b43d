"""One calibrated line per code, and a threshold for each, from cross-validation grouped by source.

The line is a logistic regression, bent towards what like comments were given (`likeness`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy import sparse
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from pipeline.learning.features import Bags, Sparse
from pipeline.learning.likeness import Line, alike, straight

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int_]

FOLDS = 8
WORTH_PROCESSES = 600  # comments; below that, starting processes takes longer than learning
FOLDS_OF_MANY, MANY = 5, 1500
PART_WEIGHT = 0.5
ENOUGH_TO_CALIBRATE = 30
FEW_PICKED = 100  # comments of each code, of codes that were picked evenly
EVEN = 2.0  # codes, the most frequent of which has at most so many times the comments of the rarest, were picked evenly
SHARE_PRIOR = 50.0  # comments' worth of belief that a code is used as often as the others
THRESHOLD_PRIOR = 20.0  # positives' worth of belief that a code needs the threshold of all codes together
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.05, 0.9
DEFAULT_THRESHOLD = 0.4
LOWEST_SHARE = 0.001
NO_SPREAD = 1e-9
STRENGTHS = (1.0, 3.0, 10.0)
ENOUGH_TO_CHOOSE = 100  # comments of a fold
FLOORS = (1.0, 0.5, 0.4, 0.3, 0.25)  # none lower: a code that is probably wrong only swells the counts
WORTH_A_FLOOR = 0.005  # of the mean F1 of comments
BETA = {"recall": 2.0, "balance": 1.0, "precision": 0.5}
MOST_BENT, HALF_BENT = 30.0, 1000  # how far likeness bends the line in the end, and the comments at which half as far
LEVELS = np.linspace(0.0, 0.8, 9)  # how far an exclusive facet makes up for rare codes


@dataclass(frozen=True)
class _Opinions:
    """Codes to learn: features, codes and weights, with the comment (row) that each is an opinion of."""

    X: Sparse
    Y: Floats
    weights: Floats
    row: Rows

    def of(self, rows: Rows) -> tuple[Sparse, Floats, Floats]:
        """The opinions of some comments."""
        kept = np.flatnonzero(np.isin(self.row, rows))
        return self.X[kept], self.Y[kept], self.weights[kept]


def _with_second(X: Sparse, Y: Floats, weights: Floats, second: Floats | None) -> _Opinions:
    """One opinion of each comment, or two at half its weight each where there is a second."""
    rows = np.arange(len(Y))
    if second is None:
        return _Opinions(X, Y, weights, rows)
    twice = np.flatnonzero(~np.isnan(second).any(axis=1))
    halved = np.where(np.isin(rows, twice), weights / 2, weights)
    return _Opinions(
        sparse.vstack([X, X[twice]], format="csr"),
        np.vstack([Y, second[twice]]),
        np.concatenate([halved, halved[twice]]),
        np.concatenate([rows, twice]),
    )


class FacetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The codes of one facet, each by its own logistic regression over shared features.

    `fit` takes the features of the comments, Y (comments × codes, 1 where the code applies), their weights, and
    groups: comments of one group are never split between learning and choosing; the group "" marks comments that only
    teach (the examples of a codebook) and never count in calibration or thresholds while others are there.
    favour: recall, balance or precision, the side on which a doubtful code falls. c: how freely to follow the training
    comments; None chooses it on one fold.
    """

    def __init__(
        self,
        codes: Sequence[str],
        exclusive: bool = False,
        favour: str = "balance",
        c: float | None = None,
        seed: int = 0,
        jobs: int = 1,
    ) -> None:
        self.codes = codes
        self.exclusive = exclusive
        self.favour = favour
        self.c = c
        self.seed = seed
        self.jobs = jobs

    def fit(
        self, bags: Bags, Y: Floats, weights: Floats, groups: Sequence[str], second: Floats | None = None
    ) -> "FacetClassifier":
        """Learns the codes, then how far to trust each: calibration and thresholds from comments left out.

        second: another opinion of the codes (comments × codes), NaN where there is none. Such comments teach both
        opinions at half their weight each; calibration and thresholds follow Y alone.
        """
        doubled = _with_second(bags.whole, Y, weights, second)
        counted, parts = _split(groups)
        everything = np.arange(len(Y))
        self.c_ = self.c or self._choose_c(bags, Y, doubled, *parts[0])
        row_sets = [*(learn for learn, _ in parts), everything]
        self.left_out_alike_ = alike(bags, self.seed)
        learned = self._bent(doubled, [(rows, self.c_) for rows in row_sets], Y, weights, second)
        self.left_out_ = _scores_of_held(bags, [held for _, held in parts], learned[:-1])
        self.left_out_rows_ = counted
        self._learn_trust(self.left_out_[counted], Y[counted])
        line = learned[-1]
        self.coef_, self.intercept_, self.anchors_, self.pull_ = line.coef, line.intercept, line.anchors, line.pull
        return self

    @property
    def line(self) -> Line:
        """What gives the scores."""
        return Line(self.coef_, self.intercept_, self.anchors_, self.pull_)

    def predict_proba(self, bags: Bags) -> Floats:
        """Probabilities (comments × codes); of an exclusive facet they sum to one."""
        return self.as_probability(pooled(bags, self.line))

    def predict(self, bags: Bags) -> Bools:
        """Which codes are given (comments × codes)."""
        return self.decide(self.predict_proba(bags))

    def decide(self, probability: Floats) -> Bools:
        """Which codes are given at these probabilities: those at or over their threshold; exclusive, the best one."""
        if self.exclusive:
            return best_when_none(self.rank(probability), np.zeros(probability.shape, dtype=bool), 0.0)
        given = np.asarray(probability >= self.thresholds_)
        return given | best_when_none(probability, given, self.floor_)

    def rank(self, probability: Floats) -> Floats:
        """What the codes of an exclusive facet are ranked by: probability, made up in part for being rare."""
        return np.asarray(probability / self.shares_**self.level_)

    def as_probability(self, scores: Floats) -> Floats:
        """Calibrated probabilities of scores (comments × codes)."""
        probability = apply_calibration(scores, self.calibration_)
        if self.exclusive:
            probability = probability / probability.sum(axis=1, keepdims=True)
        return probability

    def cross_fitted(
        self, Y: Floats, groups: Sequence[str], scores: Floats | None = None, untaught: Rows | None = None
    ) -> tuple[Floats, Bools]:
        """Probabilities and codes of the comments left out in `fit`, calibrated and cut without their own group.

        For scores in the model card: nothing about a comment's own source chose its probability or threshold.
        Rows follow `left_out_rows_`. scores, untaught: those of `left_out_without`, and the rows it left out, which
        then choose nothing either, unless there are no others.
        """
        rows = self.left_out_rows_
        scores, truth = (self.left_out_ if scores is None else scores)[rows], Y[rows]
        choosing = np.ones(len(rows), dtype=bool) if untaught is None else ~np.isin(rows, untaught)
        probability, given = np.zeros(scores.shape), np.zeros(scores.shape, dtype=bool)
        for learn, held in folds(_names(groups)[rows]):
            chosen = learn[choosing[learn]] if choosing[learn].any() else learn
            fitted = FacetClassifier(self.codes, self.exclusive, self.favour)
            fitted._learn_trust(scores[chosen], truth[chosen])
            probability[held] = fitted.as_probability(scores[held])
            given[held] = fitted.decide(probability[held])
        return probability, given

    def left_out_with(
        self,
        share: float,
        bags: Bags,
        Y: Floats,
        weights: Floats,
        groups: Sequence[str],
        second: Floats | None = None,
        *,
        draw: int = 0,
    ) -> tuple[Floats, float]:
        """What `left_out_` were, had only a share of the comments been there: scores, and how many taught (mean).

        To be called after `fit`, with the same. The comments are drawn at random, a smaller share out of a larger one,
        and others for each `draw`; the strength stays, and what only teaches teaches all the same.
        """
        counted, parts = _split(groups)
        random = np.random.default_rng((self.seed, draw))
        shuffled = [random.permutation(np.intersect1d(learn, counted)) for learn, _ in parts]
        drawn = [rows[: max(round(len(rows) * share), 1)] for rows in shuffled]
        teaching = np.setdiff1d(np.arange(len(Y)), counted)
        size = float(np.mean([len(rows) for rows in drawn]))
        if share == 1.0:
            return self.left_out_, size
        fits = [(np.concatenate([rows, teaching]), self.c_) for rows in drawn]
        learned = self._bent(_with_second(bags.whole, Y, weights, second), fits, Y, weights, second)
        return _scores_of_held(bags, [held for _, held in parts], learned), size

    def left_out_without(
        self,
        untaught: Rows,
        bags: Bags,
        Y: Floats,
        weights: Floats,
        groups: Sequence[str],
        second: Floats | None = None,
    ) -> Floats:
        """What `left_out_` were, had some comments taught nothing; they are judged in the same folds all the same.

        To be called after `fit`, with the same; the strength stays.
        """
        _, parts = _split(groups)
        fits = [(np.setdiff1d(learn, untaught), self.c_) for learn, _ in parts]
        learned = self._bent(_with_second(bags.whole, Y, weights, second), fits, Y, weights, second)
        return _scores_of_held(bags, [held for _, held in parts], learned)

    def _learn_trust(self, scores: Floats, truth: Floats) -> None:
        """Calibration, thresholds and, for an exclusive facet, how far to make up for rare codes."""
        self.calibration_ = calibrate(scores, truth, self.exclusive)
        probability = self.as_probability(scores)
        self.shares_ = (truth.sum(axis=0) + 1.0) / (len(truth) + len(self.codes))
        self.thresholds_ = choose_thresholds(probability, truth, BETA[self.favour])
        self.level_ = best_level(probability, truth, self.shares_) if self.exclusive else 0.0
        self.floor_ = choose_floor(probability, truth, self.thresholds_)

    def _choose_c(self, bags: Bags, Y: Floats, doubled: _Opinions, learn: Rows, held: Rows) -> float:
        """The strength at which the comments of one fold are foretold with the least surprise."""
        if len(held) < ENOUGH_TO_CHOOSE:
            return STRENGTHS[1]

        def surprise(line: Line) -> float:
            scores = line.scores(bags.whole[held])
            probability = apply_calibration(scores, calibrate(scores, Y[held])).clip(1e-6, 1 - 1e-6)
            return float(-np.where(Y[held] > 0, np.log(probability), np.log(1 - probability)).mean())

        learned = self._learn(doubled, [(learn, c) for c in STRENGTHS])
        return STRENGTHS[int(np.argmin([surprise(line) for line in learned]))]

    def _bent(
        self,
        opinions: _Opinions,
        fits: Sequence[tuple[Rows, float]],
        Y: Floats,
        weights: Floats,
        second: Floats | None,
    ) -> list[Line]:
        """The lines of `_learn`, each bent towards what like comments among its rows were given.

        The more comments there are, the further: with a hundred, the few alike ones say little.
        """
        wanted = Y if second is None else np.where(np.isnan(second), Y, (Y + second) / 2)
        return [
            line.plus(
                self.left_out_alike_.learn(rows, wanted, weights), MOST_BENT * len(rows) / (len(rows) + HALF_BENT)
            )
            for line, (rows, _) in zip(self._learn(opinions, fits), fits, strict=True)
        ]

    def _learn(self, opinions: _Opinions, fits: Sequence[tuple[Rows, float]]) -> list[Line]:
        """A logistic regression per code, for each (rows, strength)."""
        jobs = self.jobs if len(opinions.Y) >= WORTH_PROCESSES else 1
        learned = Parallel(n_jobs=jobs)(delayed(_learn_codes)(*opinions.of(rows), c, self.seed) for rows, c in fits)
        return [straight(coef, intercept) for coef, intercept in learned]

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to the training comments: a stored model needs none of it."""
        state: dict[str, Any] = super().__getstate__()
        return {key: value for key, value in state.items() if not key.startswith("left_out_")}


def _scores_of_held(bags: Bags, held_out: Sequence[Rows], learned: Sequence[Line]) -> Floats:
    """Scores (comments × codes) of the comments held out in turn, each by what was learned without it; else 0."""
    scores = np.zeros((len(bags), len(learned[0].intercept)))
    for held, line in zip(held_out, learned, strict=True):
        scores[held] = pooled(bags.take(held), line)
    return scores


def _names(groups: Sequence[str]) -> npt.NDArray[np.object_]:
    """A name for the group of each row: rows of "" are groups of their own, and so are all where there is but one."""
    alone = len(set(groups) - {""}) < 2
    return np.array([f"row {n}" if alone or not name else name for n, name in enumerate(groups)], dtype=object)


def _split(groups: Sequence[str]) -> tuple[Rows, list[tuple[Rows, Rows]]]:
    """The rows that count, and grouped folds over them as (rows to learn from, rows held out).

    Rows of the group "" only teach; where there is at most one other group, every row is a group of its own.
    """
    names = np.asarray(groups, dtype=object)
    counted = np.flatnonzero(names != "")
    if len(set(names[counted])) < 2:
        names, counted = _names(groups), np.arange(len(names))
    taught = np.setdiff1d(np.arange(len(names)), counted)
    parts = [(np.concatenate([counted[learn], taught]), counted[held]) for learn, held in folds(names[counted])]
    return counted, parts


def _learn_codes(X: Sparse, Y: Floats, weights: Floats, c: float, seed: int) -> tuple[npt.NDArray[np.float32], Floats]:
    fitted = [_learn_code(X, Y[:, code], weights, c, seed) for code in range(Y.shape[1])]
    return np.vstack([coef for coef, _ in fitted]), np.array([intercept for _, intercept in fitted])


def _learn_code(X: Sparse, y: Floats, weights: Floats, c: float, seed: int) -> tuple[npt.NDArray[np.float32], float]:
    """One code's coefficients; a code without both kinds of comment gets none, and a very low or high score."""
    if not len(y) or y.min() == y.max():
        return np.zeros(X.shape[1], dtype=np.float32), 8.0 if y.any() else -8.0
    # The dual solver is some ten times faster here than the others and lands on the same coefficients.
    model = LogisticRegression(
        C=c, class_weight="balanced", solver="liblinear", dual=True, tol=1e-2, max_iter=2000, random_state=seed
    )
    model.fit(X, y > 0, sample_weight=weights)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def pooled(bags: Bags, line: Line) -> Floats:
    """Scores (comments × codes): of the whole comment, and half and half with its best part where it has several."""
    scores = line.scores(bags.whole)
    if len(bags.owner):
        best = np.full(scores.shape, -np.inf)
        np.maximum.at(best, bags.owner, line.scores(bags.parts))
        several = np.unique(bags.owner)
        scores[several] = (1 - PART_WEIGHT) * scores[several] + PART_WEIGHT * best[several]
    return scores


def folds(names: npt.NDArray[np.object_]) -> Iterator[tuple[Rows, Rows]]:
    """Grouped folds: (rows to learn from, rows held out). With a single group there is no fold but the whole."""
    count = min(FOLDS if len(names) < MANY else FOLDS_OF_MANY, len(set(names)))
    if count < 2:
        everything = np.arange(len(names))
        yield everything, everything
        return
    yield from GroupKFold(count).split(names, groups=names)


# ---- arithmetic on scores ------------------------------------------------------------------------------------------


def calibrate(scores: Floats, truth: Floats, exclusive: bool = False) -> Floats:
    """Slope and intercept (codes × 2) that turn scores into probabilities (Platt 1999).

    A code with few positives takes the slope of all codes together, and an intercept that gives it a share between its
    own and that of the codes in general. Exclusive codes with a few comments each, picked evenly, share one line: lines
    of their own would follow the chance of who was left out together.
    """
    together = _platt(scores.ravel(), truth.ravel())
    slope, positives = float(together[0]) or 1.0, truth.sum(axis=0)
    if exclusive and positives.max() < FEW_PICKED and 0 < positives.max() <= EVEN * positives.min():
        return np.tile([slope, together[1]], (len(positives), 1))
    return np.array(
        [_calibrate_code(scores[:, code], truth[:, code], slope, truth.mean()) for code in range(truth.shape[1])]
    )


def _calibrate_code(scores: Floats, truth: Floats, slope: float, usual_share: float) -> Floats:
    positives = truth.sum()
    if np.ptp(scores) < NO_SPREAD and not positives:
        return np.array([0.0, float(logit(LOWEST_SHARE))])  # never seen, so nothing was learned
    if min(positives, len(truth) - positives) >= ENOUGH_TO_CALIBRATE:
        own = _platt(scores, truth)
        if own[0] > 0:
            return own
    share = (positives + SHARE_PRIOR * usual_share) / (len(truth) + SHARE_PRIOR)
    share = float(np.clip(share, LOWEST_SHARE, 1 - LOWEST_SHARE))
    return np.array([slope, _intercept_for(share, slope * scores)])


def _platt(scores: Floats, truth: Floats) -> Floats:
    """Slope, never falling, and intercept."""
    if truth.min() == truth.max():
        return np.array([0.0, 0.0])
    # Newton's method: lbfgs spends its time waking BLAS threads on one column.
    model = LogisticRegression(C=1.0, solver="newton-cholesky").fit(scores[:, None], truth > 0)
    return np.array([max(float(model.coef_[0, 0]), 0.0), float(model.intercept_[0])])


def _intercept_for(share: float, scores: Floats) -> float:
    """The intercept at which the mean probability of these scores is the wanted share, by bisection."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(scores + middle).mean() < share else (low, middle)
    return (low + high) / 2


def apply_calibration(scores: Floats, calibration: Floats) -> Floats:
    """Probabilities of shape of the scores (comments × codes)."""
    return np.asarray(expit(scores * calibration[:, 0] + calibration[:, 1]))


def choose_thresholds(probability: Floats, truth: Floats, beta: float = 1.0) -> Floats:
    """The threshold of each code at which it is given as often as people gave it: where precision and recall meet.

    What is given too much and what is missed then weigh the same in a table, and no F1 was lost by it against the
    threshold of the best F1: that one hangs on few comments. beta above or below 1 goes on to the threshold of the best
    F-beta, where that is lower or higher.
    """
    even = _drawn_together(even_threshold, probability, truth)
    if beta != 1:
        best = _drawn_together(partial(best_threshold, beta=beta), probability, truth)
        even = np.minimum(even, best) if beta > 1 else np.maximum(even, best)
    if len(truth) >= ENOUGH_TO_CHOOSE:
        return even
    # So few comments can favour giving every code to all; none goes to what is less likely than the average to have it.
    return np.asarray(np.maximum(even, np.minimum(truth.mean(axis=0), DEFAULT_THRESHOLD)))


def _drawn_together(choose: Callable[[Floats, Floats], float], probability: Floats, truth: Floats) -> Floats:
    """The threshold chosen for each code, drawn to that of all codes together where it is rare."""
    together = choose(probability.ravel(), truth.ravel())
    own = np.array([choose(probability[:, code], truth[:, code]) for code in range(truth.shape[1])])
    positives = truth.sum(axis=0)
    mixed = (positives * logit(own) + THRESHOLD_PRIOR * logit(together)) / (positives + THRESHOLD_PRIOR)
    return np.asarray(expit(mixed))


def even_threshold(probability: Floats, truth: Floats) -> float:
    """The threshold that gives as many as are true, within sane limits; the default where there is no positive."""
    positives = int(truth.sum())
    if not positives:
        return DEFAULT_THRESHOLD
    order = np.sort(probability)[::-1]
    after = order[positives] if positives < len(order) else 0.0
    return float(np.clip((order[positives - 1] + after) / 2, LOWEST_THRESHOLD, HIGHEST_THRESHOLD))


def best_threshold(probability: Floats, truth: Floats, beta: float = 1.0) -> float:
    """The threshold with the highest F-beta, within sane limits; the default where there is no positive."""
    if not truth.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-probability, kind="stable")
    hits, square = np.cumsum(truth[order]), beta**2
    f_beta = (1 + square) * hits / (np.arange(1, len(order) + 1) + square * truth.sum())
    last_of_ties = np.append(np.diff(probability[order]) != 0, True)
    place = int(np.argmax(np.where(last_of_ties, f_beta, -1.0)))
    after = probability[order[place + 1]] if place + 1 < len(order) else 0.0
    return float(np.clip((probability[order[place]] + after) / 2, LOWEST_THRESHOLD, HIGHEST_THRESHOLD))


def best_when_none(ranking: Floats, given: Bools, floor: float) -> Bools:
    """The first-ranked code of the comments without any, where its probability or rank reaches the floor."""
    best = np.zeros(ranking.shape, dtype=bool)
    best[np.arange(len(best)), ranking.argmax(axis=1)] = True
    none = ~given.any(axis=1)
    return np.asarray(best & none.reshape(-1, 1) & (ranking >= floor))


def choose_floor(probability: Floats, truth: Floats, thresholds: Floats) -> float:
    """The floor that gives the best mean F1 of comments; 1 (never) unless a lower one is clearly worth it.

    Where people gave nearly every comment a code, so does the classifier; where many comments have none, it does not.
    """
    true, given = np.asarray(truth > 0), np.asarray(probability >= thresholds)

    def worth(floor: float) -> float:
        found = given | best_when_none(probability, given, floor)
        sizes = true.sum(axis=1) + found.sum(axis=1)
        both = np.logical_and(true, found).sum(axis=1)
        return float(np.where(sizes == 0, 1.0, 2 * both / np.maximum(sizes, 1)).mean())

    best = max(FLOORS, key=worth)
    return best if worth(best) >= worth(1.0) + WORTH_A_FLOOR else 1.0


def best_level(probability: Floats, truth: Floats, shares: Floats) -> float:
    """How far to make up for rare codes so that accuracy and macro-F1 together are highest."""
    right = truth.argmax(axis=1)

    def worth(level: float) -> float:
        first = (probability / shares**level).argmax(axis=1)
        table = np.zeros((truth.shape[1], truth.shape[1]))
        np.add.at(table, (right, first), 1.0)
        used = table.sum(axis=1) > 0
        f1 = 2 * table.diagonal() / np.maximum(table.sum(axis=0) + table.sum(axis=1), 1.0)
        return float(table.trace() / len(right) + f1[used].mean())

    return float(max(LEVELS, key=worth))
