"""What is known of each code of a run's codebook, gathered from its check sample and the model that coded it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.codebook import Facet, load_codebook
from pipeline.counting.shares import size_for
from pipeline.errors import UserError
from pipeline.learning.corpus import EXAMPLE_SOURCE, REVIEWED
from pipeline.learning.learned import Learned, read_learned
from pipeline.learning.model_store import CODEBOOK, read_manifest
from pipeline.learning.quality import Estimate, estimate
from pipeline.reviewing.checking import HALF_WIDTHS, FacetCheck, Measured, Size, measure
from pipeline.reviewing.checking import sizes as plain_sizes
from pipeline.reviewing.review import Review
from pipeline.reviewing.verdicts import FEWEST_EXAMPLES, Evidence, Verdict, verdict
from pipeline.settings import Settings

Pairs = Sequence[tuple[int, int, float]]  # rows, cosine

CHECKED, LEFT_OUT = "checked", "cross-validated"
# Two comments this like (cosine) are judged to say nearly the same: in the shipped corpus mostly one thing in two
# wordings. Below it they share a subject, but may well want different things.
NEARLY_SAME = 0.7
WORTH_SHOWING = 0.6
MOST_COMPARED = 10_000  # comments learned from; more would keep the page waiting
MOST_SHOWN = 6  # pairs of a code
CHUNK = 1000


@dataclass(frozen=True)
class LikePair:
    """Two like comments learned from, of which the first has a code and the second has not; codes: all of each."""

    similarity: float
    texts: tuple[str, str]
    codes: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class KnownCode:
    """A code of the codebook: comments learned from that have it, and the verdict.

    differing: like comments of which one has it, most alike first. alike, apart: pairs that say nearly the same, of
    which one at least has it, and those of them of which one only has it.
    """

    code: str
    examples: int
    verdict: Verdict
    differing: tuple[LikePair, ...]
    alike: int
    apart: int


@dataclass(frozen=True)
class Background:
    """The model that coded a run: what it learned from, its scores by column as its manifest has them, like pairs."""

    learned: Learned
    scores: Mapping[str, Any]
    pairs: Pairs


def background(review: Review, settings: Settings) -> Background | None:
    """The model that coded a run, as far as it is needed here; None where it is gone or was trained again since."""
    made_by = review.store.meta("model")
    folder = settings.models / made_by["name"]
    try:
        manifest = read_manifest(folder)
        if manifest["estimators_sha256"] != made_by["sha256"]:
            return None
        learned, pairs = _read(folder, made_by["sha256"])
    except (UserError, KeyError):
        return None
    return Background(learned, manifest.get("scores", {}), pairs)


@lru_cache(maxsize=2)
def _read(folder: Path, _: str) -> tuple[Learned, Pairs]:
    """What a model learned from and the like pairs in it, kept as long as its digest is the same."""
    learned = read_learned(folder, load_codebook(folder / CODEBOOK))
    return learned, nearest_pairs(learned)


def known_codes(review: Review, behind: Background | None) -> dict[str, dict[str, KnownCode]]:
    """What is known of each code of the facets that people are asked about: facet → code."""
    measured = measure(review)
    return {one.facet.id: _known_of(one, measured, behind) for one in measured.facets}


def _known_of(check: FacetCheck, measured: Measured, behind: Background | None) -> dict[str, KnownCode]:
    facet = check.facet
    alphas = {one.code: one.alpha for one in check.coders.codes}
    checked = {one.code: (one.precision, one.recall) for one in check.machine.codes}
    left_out = _left_out(facet, behind.scores) if behind else {}
    examples = _examples(facet, behind.learned) if behind else {}
    pairs = _pairs_of(facet, behind) if behind else {}
    found = {}
    for code in facet.ids:
        differing, alike = pairs.get(code, ((), 0))
        figures, how = _better(checked[code], left_out.get(code))
        close = sum(one.similarity >= NEARLY_SAME for one in differing)
        known = Evidence(code, examples.get(code, 0), *figures, how, alphas.get(code), alike, close)
        found[code] = KnownCode(code, known.examples, verdict(known), differing[:MOST_SHOWN], alike, close)
    return found


Figures = tuple[Estimate | None, Estimate | None]  # precision and recall


def _better(checked: Figures, left_out: Figures | None) -> tuple[Figures, str]:
    """The check sample says more of this run, where it holds enough comments with the code; else what was left out."""
    enough = all(one is not None and one.n >= FEWEST_EXAMPLES for one in checked)
    return (checked, CHECKED) if enough or left_out is None else (left_out, LEFT_OUT)


def _left_out(facet: Facet, scores: Mapping[str, Any]) -> dict[str, Figures]:
    """Precision and recall of each code on comments whose source the model in the making had not seen."""
    column = scores.get(facet.id + REVIEWED) or scores.get(facet.id) or {"codes": {}}
    return {code: _figures(one["precision"], one["recall"], one["support"]) for code, one in column["codes"].items()}


def _figures(precision: float, recall: float, support: int) -> Figures:
    """Both with intervals; how often the code was given follows from the three."""
    given = round(recall * support / precision) if precision else 0
    return (estimate(precision, given) if given else None), (estimate(recall, support) if support else None)


def _examples(facet: Facet, learned: Learned) -> dict[str, int]:
    """How many coded comments the model learned each code from, examples of the codebook left out."""
    of_people = [n for n, source in enumerate(learned.sources) if source != EXAMPLE_SOURCE]
    counts = np.nansum(learned.known(facet.id, facet.ids)[of_people], axis=0)
    return {code: int(count) for code, count in zip(facet.ids, counts, strict=True)}


def sizes(review: Review, behind: Background | None) -> list[Size]:
    """The sizes of check sample worth offering, each with the width to which it tells every corrected share.

    Reckoned with the machine as good at each code as it was on comments it had not learned from; codes of which that is
    not known are left out, and where it is known of none, the sizes are those of a sample without a machine. On
    comments unlike those, the intervals come out wider.
    """
    figures = [one for facet in review.facets for one in _as_measured(review, facet, behind)]
    if not figures:
        return plain_sizes(review.total)
    given, precision, recall = np.array(figures).T
    wanted = [Size(size_for(half, given, precision, recall, review.total), half) for half in HALF_WIDTHS]
    return [size for size in wanted if size.comments < review.total]


def _as_measured(review: Review, facet: Facet, behind: Background | None) -> list[tuple[float, float, float]]:
    """Of each code with known figures: share of the comments that have it now, precision and recall."""
    known = _left_out(facet, behind.scores) if behind else {}
    counts = review.code_counts()
    return [
        (counts.get((facet.id, code), 0) / review.total, precision.value, recall.value)
        for code, (precision, recall) in known.items()
        if precision and recall and code in facet.by_id
    ]


# ---- like comments, coded differently --------------------------------------------------------------------------------


def _pairs_of(facet: Facet, behind: Background) -> dict[str, tuple[tuple[LikePair, ...], int]]:
    """For each code the like pairs of which one comment has it, most alike first, and how many nearly say the same."""
    learned = behind.learned
    known = learned.known(facet.id, facet.ids)
    found: dict[str, tuple[list[LikePair], int]] = {code: ([], 0) for code in facet.ids}
    for first, second, similarity in behind.pairs:
        if np.isnan(known[[first, second]]).any():
            continue
        for place in np.flatnonzero(known[first] + known[second]).tolist():
            differing, alike = found[facet.ids[place]]
            if known[first, place] != known[second, place]:
                one, other = (first, second) if known[first, place] else (second, first)
                differing.append(_like_pair(learned, facet.id, one, other, similarity))
            found[facet.ids[place]] = (differing, alike + (similarity >= NEARLY_SAME))
    return {code: (tuple(differing), alike) for code, (differing, alike) in found.items()}


def _like_pair(learned: Learned, facet: str, one: int, other: int, similarity: float) -> LikePair:
    codes = learned.codes[facet]
    return LikePair(similarity, (learned.texts[one], learned.texts[other]), (codes[one] or (), codes[other] or ()))


def nearest_pairs(learned: Learned) -> Pairs:
    """Rows of comments learned from with the one most like each, and how like, once a pair, most alike first.

    Only the one most like it, so that a comment that is like many does not count many times. Examples of the codebook
    are left out: nobody coded them.
    """
    rows = np.array([n for n, source in enumerate(learned.sources) if source != EXAMPLE_SOURCE], dtype=int)
    if not learned.has_vectors or len(rows) < 2:
        return []
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_COMPARED)).astype(int)]
    vectors = learned.vectors[rows].astype(np.float32)
    pairs: dict[tuple[int, int], float] = {}
    for start in range(0, len(rows), CHUNK):
        for k, (other, similarity) in enumerate(_most_alike(vectors, start), start):
            if similarity >= WORTH_SHOWING:
                one, two = sorted((int(rows[k]), int(rows[other])))
                pairs[(one, two)] = similarity
    return sorted(((*pair, similarity) for pair, similarity in pairs.items()), key=lambda one: (-one[2], one[:2]))


def _most_alike(vectors: npt.NDArray[np.float32], start: int) -> list[tuple[int, float]]:
    """For some comments the place of the one most like each, itself left out, and the cosine."""
    some = vectors[start : start + CHUNK] @ vectors.T
    some[np.arange(len(some)), np.arange(start, start + len(some))] = -1.0
    best = some.argmax(axis=1)
    return list(zip(best.tolist(), some[np.arange(len(some)), best].tolist(), strict=True))
