"""One calibrated logistic regression per code, and a threshold for each, from cross-validation grouped by source."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from scipy import sparse
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

Floats = npt.NDArray[np.float64]
Matrix = sparse.csr_matrix

FOLDS = 10
ENOUGH_TO_CALIBRATE = 8
THRESHOLD_PRIOR = 20.0
LOWEST_THRESHOLD, HIGHEST_THRESHOLD = 0.05, 0.9
DEFAULT_THRESHOLD = 0.4


class FacetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The codes of one facet, each by its own logistic regression over shared features.

    `fit` takes X (comments × features), Y (comments × codes, 1 where the code applies), weights of the comments, and
    groups: comments of one group are never split between learning and choosing; the group "" marks comments that only
    teach (the examples of a codebook) and never count in calibration or thresholds while others are there.
    """

    def __init__(self, codes: Sequence[str], exclusive: bool = False, c: float = 10.0, seed: int = 0, jobs: int = 1):
        self.codes = codes
        self.exclusive = exclusive
        self.c = c
        self.seed = seed
        self.jobs = jobs

    def fit(self, X: Matrix, Y: Floats, weights: Floats, groups: Sequence[str]) -> "FacetClassifier":
        """Learns the codes, then how far to trust each: calibration and thresholds from comments left out."""
        left_out, rows = self._scores_left_out(X, Y, weights, groups)
        self.calibration_ = calibrate(left_out[rows], Y[rows])
        probability = apply_calibration(left_out[rows], self.calibration_)
        self.thresholds_ = choose_thresholds(probability, Y[rows])
        self.coef_, self.intercept_ = self._learn(X, Y, weights)
        self.left_out_, self.left_out_rows_ = left_out, rows
        return self

    def predict_proba(self, X: Matrix) -> Floats:
        """Probabilities (comments × codes); of an exclusive facet they sum to one."""
        return self._as_probability(np.asarray(X @ self.coef_.T) + self.intercept_)

    def predict(self, X: Matrix) -> npt.NDArray[np.bool_]:
        """Which codes are given (comments × codes)."""
        return self.decide(self.predict_proba(X))

    def decide(self, probability: Floats) -> npt.NDArray[np.bool_]:
        """Which codes are given at these probabilities: those at or over their threshold; exclusive, the best one."""
        if self.exclusive:
            return np.arange(len(self.codes)) == probability.argmax(axis=1)[:, None]
        return probability >= self.thresholds_

    def cross_fitted(self, Y: Floats, groups: Sequence[str]) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Probabilities and codes of the comments left out in `fit`, calibrated and cut without their own group.

        For scores in the model card: nothing about a comment's own source chose its probability or threshold.
        Rows follow `left_out_rows_`.
        """
        scores, truth = self.left_out_[self.left_out_rows_], Y[self.left_out_rows_]
        names = np.asarray(groups, dtype=object)[self.left_out_rows_]
        probability, given = np.zeros(scores.shape), np.zeros(scores.shape, dtype=bool)
        for learn, held in folds(names):
            fitted = FacetClassifier(self.codes, self.exclusive)
            fitted.calibration_ = calibrate(scores[learn], truth[learn])
            inside = apply_calibration(scores[learn], fitted.calibration_)
            fitted.thresholds_ = choose_thresholds(inside, truth[learn])
            probability[held] = fitted._as_probability(scores[held])
            given[held] = fitted.decide(probability[held])
        return probability, given

    def _as_probability(self, scores: Floats) -> Floats:
        probability = apply_calibration(scores, self.calibration_)
        if self.exclusive:
            probability = probability / probability.sum(axis=1, keepdims=True)
        return probability

    def _scores_left_out(
        self, X: Matrix, Y: Floats, weights: Floats, groups: Sequence[str]
    ) -> tuple[Floats, npt.NDArray[np.int_]]:
        """Scores of each comment by a model that did not see its group, and the rows that have one."""
        names = np.asarray(groups, dtype=object)
        counted = np.flatnonzero(names != "")
        if len(set(names[counted])) < 2:
            names = np.array([name or f"row {n}" for n, name in enumerate(names)], dtype=object)
            counted = np.arange(len(names))
        taught = np.setdiff1d(np.arange(len(names)), counted)
        scores = np.zeros(Y.shape)
        for learn, held in folds(names[counted]):
            rows = np.concatenate([counted[learn], taught])
            coef, intercept = self._learn(X[rows], Y[rows], weights[rows])
            scores[counted[held]] = np.asarray(X[counted[held]] @ coef.T) + intercept
        return scores, counted

    def _learn(self, X: Matrix, Y: Floats, weights: Floats) -> tuple[npt.NDArray[np.float32], Floats]:
        """Coefficients (codes × features) and intercepts of one balanced logistic regression per code."""
        fitted = Parallel(n_jobs=self.jobs, prefer="threads")(
            delayed(_learn_code)(X, Y[:, code], weights, self.c, self.seed) for code in range(Y.shape[1])
        )
        return np.vstack([coef for coef, _ in fitted]), np.array([intercept for _, intercept in fitted])


def _learn_code(X: Matrix, y: Floats, weights: Floats, c: float, seed: int) -> tuple[npt.NDArray[np.float32], float]:
    """One code's coefficients; a code without both kinds of comment gets none, and a very low score."""
    if y.min() == y.max():
        return np.zeros(X.shape[1], dtype=np.float32), 8.0 if y.max() else -8.0
    model = LogisticRegression(C=c, class_weight="balanced", solver="liblinear", random_state=seed)
    model.fit(X, y > 0, sample_weight=weights)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def folds(names: npt.NDArray[np.object_]) -> Iterator[tuple[npt.NDArray[np.int_], npt.NDArray[np.int_]]]:
    """Grouped folds: (rows to learn from, rows held out), at most FOLDS of them."""
    count = min(FOLDS, len(set(names)))
    if count < 2:
        everything = np.arange(len(names))
        yield everything, everything
        return
    yield from GroupKFold(count).split(names, groups=names)


# ---- arithmetic on scores -------------------------------------------------------------------------------------------


def calibrate(scores: Floats, truth: Floats) -> Floats:
    """Slope and intercept (codes × 2) that turn scores into probabilities (Platt 1999).

    A code with few positives takes the slope of all codes together, and the intercept that gives its own share.
    """
    pooled = _platt(scores.ravel(), truth.ravel())
    rows = []
    for code in range(truth.shape[1]):
        positives = truth[:, code].sum()
        if min(positives, len(truth) - positives) >= ENOUGH_TO_CALIBRATE:
            rows.append(_platt(scores[:, code], truth[:, code]))
        else:
            share = (positives + 0.5) / (len(truth) + 1.0)
            rows.append(np.array([pooled[0], _intercept_for(share, pooled[0] * scores[:, code])]))
    return np.array(rows)


def _platt(scores: Floats, truth: Floats) -> Floats:
    if truth.min() == truth.max():
        return np.array([1.0, 0.0])
    model = LogisticRegression(C=1.0).fit(scores[:, None], truth > 0)
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


def choose_thresholds(probability: Floats, truth: Floats) -> Floats:
    """The threshold of each code that gives its best F1, drawn to that of all codes together where positives are few."""
    together = best_threshold(probability.ravel(), truth.ravel())
    own = np.array([best_threshold(probability[:, code], truth[:, code]) for code in range(truth.shape[1])])
    positives = truth.sum(axis=0)
    mixed = (positives * logit(own) + THRESHOLD_PRIOR * logit(together)) / (positives + THRESHOLD_PRIOR)
    return np.asarray(expit(mixed))


def best_threshold(probability: Floats, truth: Floats) -> float:
    """The threshold with the highest F1, within sane limits; the default where there is no positive."""
    if not truth.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + truth.sum())
    last_of_ties = np.append(np.diff(probability[order]) != 0, True)
    place = int(np.argmax(np.where(last_of_ties, f1, -1.0)))
    after = probability[order[place + 1]] if place + 1 < len(order) else 0.0
    return float(np.clip((probability[order[place]] + after) / 2, LOWEST_THRESHOLD, HIGHEST_THRESHOLD))
