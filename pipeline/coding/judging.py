"""What a model makes of some comments, all in one: codes, reasons, like comments learned from, doubts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.codebook import Facet
from pipeline.coding.doubts import (
    DIFFER,
    DOUBTS,
    FIRST,
    MIXED,
    NO_CODE,
    UNLIKE,
    first_of_campaign,
    long_and_mixed,
    neighbours_differ,
    no_code,
    unlike_corpus,
)
from pipeline.coding.reading import uncertainty
from pipeline.errors import ModelError
from pipeline.learning.model_store import StoredModel, load_model
from pipeline.learning.training import Coding, Progress, Reason, silent

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]


@dataclass(frozen=True)
class Judged:
    """Some comments as a model codes them, rows in their order.

    reasons: for each facet with several codes or none, why each code was given. near, similarity: (comments ×
    neighbours), rows of what the model learned from. unsure: (comments,), 0 to 1.
    """

    codings: Mapping[str, Coding]
    reasons: Mapping[str, Sequence[Sequence[Reason]]]
    doubts: Sequence[Sequence[str]]
    unsure: Floats
    vectors: npt.NDArray[np.float32]
    near: Ints
    similarity: Floats

    def probability(self, row: int) -> Floats:
        """The probabilities of all codes of all facets, one after another."""
        return np.concatenate([coding.probability[row] for coding in self.codings.values()])


def judge(
    stored: StoredModel,
    facets: Sequence[Facet],
    texts: Sequence[str],
    questions: Sequence[str],
    copies: Sequence[int],
    first: Sequence[bool],
    progress: Progress = silent,
) -> Judged:
    """Codes comments, at least one, and says how far each is to be doubted.

    copies: how many say the same, or nearly; first: whether it is the first of those.
    """
    model = stored.model
    bags = model.features.transform(texts, questions, progress)
    codings = model.code(bags)
    asked = [facet.id for facet in facets if not facet.exclusive]
    reasons = {facet: model.reasons(facet, texts, bags, codings[facet]) for facet in asked}
    vectors = model.features.vectors_of(bags.whole)
    near, similarity = stored.learned.nearest(vectors)
    doubts: list[list[str]] = [[] for _ in texts]

    def doubt(name: str, rows: npt.NDArray[np.bool_]) -> None:
        for row in np.flatnonzero(rows).tolist():
            doubts[row].append(name)

    for facet in asked:
        thresholds = model.classifiers[facet].thresholds_
        for name, reason in DOUBTS.items():
            doubt(f"{name} ({facet})", reason(codings[facet], thresholds))
        known = stored.known[facet][near]
        doubt(f"{DIFFER} ({facet})", neighbours_differ(codings[facet].given, known, similarity))
    if asked:
        doubt(NO_CODE, no_code(codings[facet] for facet in asked))
    words = np.array([len(text.split()) for text in texts])
    doubt(MIXED, long_and_mixed(words, _deciding_parts(reasons, len(texts))))
    doubt(UNLIKE, unlike_corpus(similarity, stored.learned.familiar))
    doubt(FIRST, first_of_campaign(copies, np.asarray(first, dtype=bool)))
    unsure = [uncertainty(codings[f].probability, model.classifiers[f].thresholds_) for f in asked] or [
        np.zeros(len(texts))
    ]
    return Judged(codings, reasons, doubts, np.max(unsure, axis=0), vectors, near, similarity)


def judge_apart(
    folder: Path,
    digest: str,
    texts: Sequence[str],
    questions: Sequence[str],
    copies: Sequence[int],
    first: Sequence[bool],
) -> Judged:
    """`judge` in a process of its own, which loads the model once; digest: of the model meant."""
    stored = _loaded(folder, digest)
    return judge(stored, coded_facets(stored), texts, questions, copies, first)


@cache
def _loaded(folder: Path, digest: str) -> StoredModel:
    stored = load_model(folder)
    if stored.digest != digest:
        raise ModelError("was replaced while it was at work", where=folder, fix="code the export again")
    return stored


def coded_facets(stored: StoredModel) -> list[Facet]:
    """The facets a model codes, in the order of its codebook."""
    return [facet for facet in stored.model.codebook.facet if facet.id in stored.model.classifiers]


def _deciding_parts(reasons: Mapping[str, Sequence[Sequence[Reason]]], size: int) -> Ints:
    """How many different parts of each comment decided its codes, in the facet where these are most."""
    parts = [[len({reason.part for reason in of}) for of in found] for found in reasons.values()]
    return np.max(parts, axis=0) if parts else np.zeros(size, dtype=int)
