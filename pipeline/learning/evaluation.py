"""How well codes were given: scores against people's codes, and agreement between two sets of codes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]
Bools = npt.NDArray[np.bool_]

NO_CODE = "(no code)"
MOST_CONFUSIONS = 12
CONFIDENCE = 0.95


@dataclass(frozen=True)
class CodeScore:
    """One code: precision, recall and F1 between 0 and 1; support is the number of comments people gave it."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Confusion:
    """How often comments that people coded `true` had `given` as their most probable code instead."""

    true: str
    given: str
    comments: int


@dataclass(frozen=True)
class FacetScores:
    """Scores of one facet over n comments.

    micro_f1 over all code decisions; macro_f1 the mean over the codes that people used; sample_f1 the mean over
    comments, 1 where both sides gave none. top1 and top2: share of the comments with a code whose most probable code,
    or one of the two most probable, is among theirs; None where no comment has a code or there are no probabilities.
    """

    n: int
    micro_f1: float
    macro_f1: float
    sample_f1: float
    top1: float | None
    top2: float | None
    codes: dict[str, CodeScore]
    confusions: tuple[Confusion, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain tables and lists under the names above."""
        return asdict(self)


def indicator(labels: Sequence[Sequence[str]], codes: Sequence[str]) -> Floats:
    """Codes as an array (comments × codes) of 1 where the comment has the code."""
    place = {code: n for n, code in enumerate(codes)}
    out = np.zeros((len(labels), len(codes)))
    for row, given in enumerate(labels):
        out[row, [place[code] for code in given]] = 1.0
    return out


def score(codes: Sequence[str], truth: Floats, given: Bools, probability: Floats | None = None) -> FacetScores:
    """Scores of the given codes against people's; all arrays are (comments × codes)."""
    true, found = truth > 0, given.astype(bool)
    both, support, named = (true & found).sum(axis=0), true.sum(axis=0), found.sum(axis=0)
    precision, recall, f1 = ratio(both, named), ratio(both, support), ratio(2 * both, support + named)
    used = support > 0
    return FacetScores(
        n=len(truth),
        micro_f1=float(ratio(2 * both.sum(), support.sum() + named.sum())),
        macro_f1=float(f1[used].mean()) if used.any() else 0.0,
        sample_f1=sample_f1(true, found),
        top1=hit_rate(true, probability, 1),
        top2=hit_rate(true, probability, 2),
        codes={
            code: CodeScore(float(precision[n]), float(recall[n]), float(f1[n]), int(support[n]))
            for n, code in enumerate(codes)
        },
        confusions=confusions(codes, true, found, probability),
    )


def ratio(part: Ints, whole: Ints) -> Floats:
    """Part by whole, 0 where the whole is nothing."""
    return np.asarray(part / np.maximum(whole, 1))


def sample_f1(true: Bools, given: Bools) -> float:
    """Mean over comments of 2·|both| / (|true| + |given|), 1 where both are empty."""
    both, either = (true & given).sum(axis=1), true.sum(axis=1) + given.sum(axis=1)
    return float(np.where(either == 0, 1.0, 2 * both / np.maximum(either, 1)).mean())


def hit_rate(true: Bools, probability: Floats | None, among: int) -> float | None:
    """Share of the comments with a code that have one of theirs among the most probable."""
    coded = np.flatnonzero(true.any(axis=1))
    if probability is None or not len(coded):
        return None
    best = np.argsort(-probability[coded], axis=1, kind="stable")[:, :among]
    return float(np.take_along_axis(true[coded], best, axis=1).any(axis=1).mean())


def confusions(codes: Sequence[str], true: Bools, given: Bools, probability: Floats | None) -> tuple[Confusion, ...]:
    """The most frequent pairs of a code that people gave and the wrong one that came first instead."""
    ranking = probability if probability is not None else given.astype(float)
    first = np.where(given, ranking, -1.0).argmax(axis=1)
    pairs: Counter[tuple[str, str]] = Counter()
    places: list[int] = first.tolist()
    for row, place in enumerate(places):
        name = codes[place] if given[row].any() else NO_CODE
        wanted = [codes[n] for n in np.flatnonzero(true[row]).tolist()] or [NO_CODE]
        if name not in wanted:
            pairs.update((code, name) for code in wanted)
    return tuple(Confusion(*pair, n) for pair, n in pairs.most_common(MOST_CONFUSIONS))


def wilson(count: float, base: int) -> tuple[float, float]:
    """Low and high end of the 95 % score interval of count / base (Wilson, J. Am. Stat. Assoc. 22, 1927).

    >>> wilson(0, 0)
    (0.0, 1.0)
    >>> [round(end, 3) for end in wilson(3, 10)]
    [0.108, 0.603]
    """
    if base == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share, z2 = count / base, z * z
    centre = share + z2 / (2 * base)
    half = z * sqrt(share * (1 - share) / base + z2 / (4 * base * base))
    low, high = (centre - half) / (1 + z2 / base), (centre + half) / (1 + z2 / base)
    return (0.0 if count == 0 else min(low, share)), (1.0 if count == base else max(high, share))


def agreement(codes: Sequence[str], first: Sequence[Sequence[str]], second: Sequence[Sequence[str]]) -> dict[str, Any]:
    """How far two sets of codes of the same comments agree.

    main: share whose main (first) codes are the same, none counting as a code; any: share with a code in common, or
    none on both sides; macro_f1 and sample_f1 of the second against the first.
    """
    main = [(a[:1] or ("",)) == (b[:1] or ("",)) for a, b in zip(map(tuple, first), map(tuple, second), strict=True)]
    overlap = [bool(set(a) & set(b)) or not (a or b) for a, b in zip(first, second, strict=True)]
    scores = score(codes, indicator(first, codes), indicator(second, codes) > 0)
    return {
        "n": len(first),
        "main": float(np.mean(main)),
        "any": float(np.mean(overlap)),
        "macro_f1": scores.macro_f1,
        "sample_f1": scores.sample_f1,
    }


def as_text(title: str, scores: FacetScores) -> str:
    """The scores as lines a person can read."""

    def rate(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f}"

    comments = "1 comment" if scores.n == 1 else f"{scores.n} comments"
    head = (
        f"{title}: {comments}; macro-F1 {scores.macro_f1:.2f}, micro-F1 {scores.micro_f1:.2f}, "
        f"sample-F1 {scores.sample_f1:.2f}, top-1 {rate(scores.top1)}, top-2 {rate(scores.top2)}"
    )
    width = max([len(code) for code in scores.codes] + [4])
    lines = [head, f"  {'code':<{width}}  precision  recall    F1  support"]
    lines += [
        f"  {code:<{width}}       {one.precision:.2f}    {one.recall:.2f}  {one.f1:.2f}  {one.support:>7}"
        for code, one in scores.codes.items()
    ]
    if scores.confusions:
        lines.append("  most often confused (people said → first code given):")
        lines += [f"    {c.true} → {c.given}: {c.comments}" for c in scores.confusions]
    return "\n".join(lines)
