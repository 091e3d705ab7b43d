"""An old and a new model on the same comments: how much better or worse, code by code, with intervals. Arithmetic only.

Arrays are (comments × codes). Comments of one group, such as one respondent's, are drawn together for the intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DRAWS = 1000
ENDS = (0.025, 0.975)  # of the draws, for an interval of 95 %
FEWEST_TO_JUDGE = 20  # comments; a few that happen to be alike would make an interval of no width
TOLERATED = 0.005  # of sample-F1: half a point less is no reason to keep a model that knows less

BETTER, WORSE, UNCLEAR = "better", "worse", "no clear difference"
DECIDED, CORPUS, TOGETHER, CHECK = "decided", "corpus", "together", "check"
WHERE = {
    DECIDED: "on the comments people decided",
    CORPUS: "on the corpus",
    TOGETHER: "on the corpus and the decided comments",
    CHECK: "on the check sample",
}


@dataclass(frozen=True)
class Difference:
    """One score of the old and of the new model, 0 to 1, and the ends of the 95 % interval of new - old."""

    old: float
    new: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """New less old."""
        return self.new - self.old

    @property
    def word(self) -> str:
        """`better` or `worse` where the whole interval is on that side of 0, else `no clear difference`."""
        return BETTER if self.low > 0 else WORSE if self.high < 0 else UNCLEAR

    @property
    def words(self) -> str:
        """The two scores and the change in points: "0.61 → 0.64 (+3.0 points, from +0.4 to +5.6): better"."""
        ends = f"{100 * self.change:+.1f} points, from {100 * self.low:+.1f} to {100 * self.high:+.1f}"
        return f"{self.old:.2f} → {self.new:.2f} ({ends}): {self.word}"

    def as_json(self) -> dict[str, Any]:
        """A plain table, with the change and the word."""
        return asdict(self) | {"change": self.change, "word": self.word}


@dataclass(frozen=True)
class CodeComparison:
    """F1 of one code; support: the comments people gave it. None where they gave it to none."""

    code: str
    support: int
    f1: Difference | None

    def as_json(self) -> dict[str, Any]:
        """A plain table under the names above."""
        return {"code": self.code, "support": self.support, "f1": self.f1.as_json() if self.f1 else None}


@dataclass(frozen=True)
class FacetComparison:
    """One facet over the same comments, in so many groups; scores as in `evaluation`.

    macro_f1 and top1 are None where people gave none of the comments a code.
    """

    facet: str
    comments: int
    groups: int
    sample_f1: Difference
    micro_f1: Difference
    macro_f1: Difference | None
    top1: Difference | None
    codes: tuple[CodeComparison, ...]

    @property
    def judged(self) -> bool:
        """Whether there are enough comments for a verdict."""
        return self.comments >= FEWEST_TO_JUDGE

    def as_json(self) -> dict[str, Any]:
        """A plain table under the names above."""
        scores = {name: getattr(self, name) for name in SCORES}
        return {
            "facet": self.facet,
            "comments": self.comments,
            "groups": self.groups,
            **{name: one.as_json() if one else None for name, one in scores.items()},
            "codes": [code.as_json() for code in self.codes],
        }


SCORES = {"sample_f1": "sample-F1", "micro_f1": "micro-F1", "macro_f1": "macro-F1", "top1": "top-1"}
JUDGED = ("sample_f1", "macro_f1")


@dataclass(frozen=True)
class Comparison:
    """The old model and the new one, by what they were measured on: decided, corpus, together, check.

    already_learned: comments of the check sample that the old model had learned from, which are not counted.
    """

    old: str
    new: str
    parts: Mapping[str, tuple[FacetComparison, ...]]
    already_learned: int = 0

    @property
    def measured(self) -> bool:
        """Whether there was anything to tell them by."""
        return any(facet.judged for name in (TOGETHER, CHECK) for facet in self.parts.get(name, ()))

    @property
    def overall(self) -> float:
        """Change of sample-F1 over all facets of corpus and decided comments, each comment of a facet counting once."""
        facets = self.parts.get(TOGETHER, ())
        comments = sum(facet.comments for facet in facets)
        return sum(facet.sample_f1.change * facet.comments for facet in facets) / max(comments, 1)

    @property
    def worse(self) -> tuple[str, ...]:
        """In what the new model is worse, a sentence each; none where it is not worse.

        It is worse where sample-F1 or macro-F1 of a facet, on corpus and decided comments together or on the check
        sample, has fallen by more than chance explains (the whole 95 % interval is below 0), or where sample-F1 over
        all facets fell by more than half a point. Models that are equally good are found worse now and then: each of
        these figures by chance alone one time in forty. Somebody who looks can use the new model all the same.
        """
        found = [
            f"{SCORES[score]} of {facet.facet} {WHERE[name]}: {one.words}"
            for name in (TOGETHER, CHECK)
            for facet in self.parts.get(name, ())
            for score in JUDGED
            if facet.judged and (one := getattr(facet, score)) is not None and one.word == WORSE
        ]
        if self.overall < -TOLERATED:
            found.append(f"sample-F1 over all facets {WHERE[TOGETHER]}: {100 * self.overall:+.1f} points")
        return tuple(found)

    @property
    def words(self) -> tuple[str, ...]:
        """A line for each facet and what it was measured on, for people."""
        return tuple(
            f"{facet.facet} {WHERE[name]} ({facet.comments:,}): sample-F1 {facet.sample_f1.words}"
            + (f"; macro-F1 {facet.macro_f1.words}" if facet.macro_f1 else "")
            + ("" if facet.judged else f"; too few to judge, it takes {FEWEST_TO_JUDGE}")
            for name, facets in self.parts.items()
            for facet in facets
        )

    def as_json(self) -> dict[str, Any]:
        """Plain tables and lists under the names above, the check sample's left-out comments and the verdict."""
        return {
            "old": self.old,
            "new": self.new,
            "already_learned": self.already_learned,
            "measured": self.measured,
            "overall": self.overall,
            "worse": list(self.worse),
            "parts": {name: [facet.as_json() for facet in facets] for name, facets in self.parts.items()},
        }


@dataclass(frozen=True)
class Answers:
    """What one model says of some comments: probability and given (comments × codes)."""

    probability: Floats
    given: Bools

    def take(self, rows: npt.NDArray[np.int_]) -> "Answers":
        """The answers to some of the comments."""
        return Answers(self.probability[rows], self.given[rows])


def compare_facet(
    facet: str,
    codes: Sequence[str],
    truth: Floats,
    old: Answers,
    new: Answers,
    groups: Sequence[object],
    weights: Floats | None = None,
    seed: int = 0,
) -> FacetComparison:
    """Compares two models on the same comments against people's codes.

    weights: how much each row counts, 1 where not given; rows of one comment coded by several people share its 1. The
    intervals come from a paired bootstrap over groups (Efron and Tibshirani 1993, ch. 8): both models are scored
    on the same draw, so what makes a draw hard for both falls out of the difference.
    """
    weighed = np.ones(len(truth)) if weights is None else weights
    names, place = np.unique(np.array([str(group) for group in groups]), return_inverse=True)
    size = len(names)
    drawn = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=DRAWS).astype(float)
    draws = np.vstack([np.ones(size), drawn])  # the first is the sample itself
    scores = [_scores(draws, truth > 0, answers, weighed, place) for answers in (old, new)]
    support = _support(truth > 0, weighed)

    def difference(name: str) -> Difference:
        return _difference(*(one[name] for one in scores))

    return FacetComparison(
        facet=facet,
        comments=round(float(weighed.sum())),
        groups=size,
        sample_f1=difference("sample_f1"),
        micro_f1=difference("micro_f1"),
        macro_f1=difference("macro_f1") if any(support) else None,
        top1=difference("top1") if any(support) else None,
        codes=tuple(
            CodeComparison(code, seen, _difference(*(one["f1"][:, n] for one in scores)) if seen else None)
            for n, (code, seen) in enumerate(zip(codes, support, strict=True))
        ),
    )


def _support(true: Bools, weights: Floats) -> list[int]:
    """The comments people gave each code; where coders differ, a share of them each, and one at least."""
    counted = weights @ true
    seen: list[int] = np.where(counted > 0, np.maximum(np.rint(counted), 1), 0).astype(int).tolist()
    return seen


def _scores(
    draws: Floats, true: Bools, answers: Answers, weights: Floats, place: npt.NDArray[np.int_]
) -> dict[str, Floats]:
    """Each score for each draw (draws,), and F1 by code (draws × codes); draws: how often each group was drawn."""
    given = answers.given.astype(bool)
    size = draws.shape[1]

    def drawn(cells: npt.NDArray[Any]) -> Floats:
        """Sums over the comments of each draw: (draws × columns)."""
        sums = np.zeros((size, cells.shape[1]))
        np.add.at(sums, place, cells * weights[:, None])
        return np.asarray(draws @ sums)

    both, people, machine = drawn(true & given), drawn(true), drawn(given)
    f1 = _ratio(2 * both, people + machine)
    used = people > 0
    overlap, either = (true & given).sum(axis=1), true.sum(axis=1) + given.sum(axis=1)
    per_comment = np.where(either == 0, 1.0, 2 * overlap / np.maximum(either, 1))
    coded = true.any(axis=1)
    hit = true[np.arange(len(true)), answers.probability.argmax(axis=1)]
    whole = drawn(np.column_stack([per_comment, np.ones(len(true)), hit, coded]))
    return {
        "f1": f1,
        "sample_f1": _ratio(whole[:, 0], whole[:, 1]),
        "micro_f1": _ratio(2 * both.sum(axis=1), people.sum(axis=1) + machine.sum(axis=1)),
        "macro_f1": _ratio((f1 * used).sum(axis=1), used.sum(axis=1).astype(float)),
        "top1": _ratio(whole[:, 2], whole[:, 3]),
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Part by whole, 0 where the whole is nothing."""
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))


def _difference(old: Floats, new: Floats) -> Difference:
    """The scores of the sample itself, which come first, and the middle 95 % of the differences drawn."""
    low, high = np.quantile(new[1:] - old[1:], ENDS).tolist()
    return Difference(float(old[0]), float(new[0]), low, high)
