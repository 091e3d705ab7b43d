"""The current model and a new one, asked about the same comments, none of which they had learned from."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.codebook import Facet
from pipeline.correcting.comparison import (
    CHECK,
    CORPUS,
    DECIDED,
    TOGETHER,
    Answers,
    Comparison,
    FacetComparison,
    compare_facet,
)
from pipeline.correcting.material import CheckedComment, DecidedComment, Material
from pipeline.learning.classifier import FacetClassifier
from pipeline.learning.evaluation import indicator
from pipeline.learning.model_store import StoredModel
from pipeline.learning.training import Coding, Lesson, Progress, TrainedModel, Training, lesson_of, silent
from pipeline.settings import Settings
from pipeline.texts.cleaning import normalise

Rows = npt.NDArray[np.int_]


def compare(
    old: StoredModel,
    training: Training,
    material: Material,
    name: str,
    settings: Settings,
    progress: Progress = silent,
) -> Comparison:
    """The old model against the one in the making, on the facets both code.

    On the corpus and the decided comments each comment is judged by models that had not seen its source, in the same
    folds: new ones as trained, old ones without the decisions that the old model had not learned from. Both share the
    words they know and the codebook as it is now; a code that the old model has not, it never gives. On the check
    sample the stored old model and the new one are asked as they are, for neither has learned from it.
    """
    facets = [facet for facet in material.codebook.facet if _both(old, training, facet)]
    parts: dict[str, list[FacetComparison]] = {DECIDED: [], CORPUS: [], TOGETHER: [], CHECK: []}
    for n, facet in enumerate(facets):
        progress("comparing with the current model", n, len(facets))
        for part, found in _compare_left_out(facet, old, training, settings):
            parts[part].append(found)
    seen = {normalise(text) for text in old.learned.texts}
    checked = [comment for comment in material.checked if normalise(comment.text) not in seen]
    parts[CHECK] += _compare_checked(facets, checked, old.model, training.model, settings)
    progress("comparing with the current model", len(facets), len(facets))
    named = {part: tuple(found) for part, found in parts.items() if found}
    return Comparison(old.folder.name, name, named, len(material.checked) - len(checked))


def _both(old: StoredModel, training: Training, facet: Facet) -> bool:
    return facet.id in old.model.classifiers and facet.id in training.model.classifiers


def _compare_left_out(
    facet: Facet, old: StoredModel, training: Training, settings: Settings
) -> Iterator[tuple[str, FacetComparison]]:
    """The facet compared on decided comments, on the corpus, and on both together, as far as there are any."""
    classifier = training.model.classifiers[facet.id]
    lesson = lesson_of(facet, training.comments, training.bags, settings)
    rows = classifier.left_out_rows_
    new = training.left_out[facet.id].coding
    answers = _old_answers(facet, old, lesson, classifier), Answers(new.probability, new.given)
    groups = [lesson.groups[row] for row in rows]
    decided = np.array([isinstance(lesson.comments[row], DecidedComment) for row in rows], dtype=bool)
    coded = np.array([not lesson.comments[row].of_codebook for row in rows], dtype=bool)
    for part, inside in ((DECIDED, decided), (CORPUS, coded & ~decided), (TOGETHER, coded)):
        kept = np.flatnonzero(inside)
        if len(kept):
            old_one, new_one = (one.take(kept) for one in answers)
            truth, among = lesson.Y[rows[kept]], [groups[n] for n in kept]
            yield part, compare_facet(facet.id, facet.ids, truth, old_one, new_one, among, seed=settings.seed)


def _old_answers(facet: Facet, old: StoredModel, lesson: Lesson, classifier: FacetClassifier) -> Answers:
    """What the old model, had it not seen their source, would say of the comments left out; rows follow them."""
    rows = classifier.left_out_rows_
    untaught = _unknown_to(old, facet, lesson)
    if not len(np.setdiff1d(rows, untaught)):  # nothing else is coded, and all of this is new to the old model
        comments = [lesson.comments[row] for row in rows]
        return _stored_answers(facet, old.model, [c.text for c in comments], [c.question for c in comments])
    scores = classifier.left_out_without(untaught, lesson.bags, lesson.Y, lesson.weights, lesson.groups, lesson.second)
    probability, given = classifier.cross_fitted(lesson.Y, lesson.groups, scores, untaught)
    strange = [n for n, code in enumerate(facet.ids) if code not in old.model.classifiers[facet.id].codes]
    probability[:, strange], given[:, strange] = 0.0, False
    return Answers(probability, given)


def _unknown_to(old: StoredModel, facet: Facet, lesson: Lesson) -> Rows:
    """The decided comments that the old model had not learned from, or not with these codes in this facet."""
    codes = old.learned.codes.get(facet.id, (None,) * len(old.learned))
    known = {
        (normalise(text), frozenset(of)) for text, of in zip(old.learned.texts, codes, strict=True) if of is not None
    }
    new = (
        row
        for row, comment in enumerate(lesson.comments)
        if isinstance(comment, DecidedComment)
        and (normalise(comment.text), frozenset(comment.label(facet.id) or ())) not in known
    )
    return np.fromiter(new, dtype=int)


def _stored_answers(facet: Facet, model: TrainedModel, texts: Sequence[str], questions: Sequence[str]) -> Answers:
    return _answers(facet, model.predict(texts, questions)[facet.id])


def _answers(facet: Facet, coding: Coding) -> Answers:
    """A finished model's answers in the codes of the facet as it is now; a code it has not, it never gives."""
    size = len(coding.probability), len(facet.ids)
    probability, given = np.zeros(size), np.zeros(size, dtype=bool)
    for n, code in enumerate(facet.ids):
        if code in coding.codes:
            place = coding.codes.index(code)
            probability[:, n], given[:, n] = coding.probability[:, place], coding.given[:, place]
    return Answers(probability, given)


def _compare_checked(
    facets: Sequence[Facet],
    checked: Sequence[CheckedComment],
    old: TrainedModel,
    new: TrainedModel,
    settings: Settings,
) -> Iterator[FacetComparison]:
    """The facets compared on the check sample.

    A comment that several people coded stands there once for each, with an equal share of its weight: where they
    differ, a model is as right as the share of them that say what it says.
    """
    if not checked:
        return
    texts, questions = [comment.text for comment in checked], [comment.question for comment in checked]
    codings = [model.predict(texts, questions) for model in (old, new)]
    for facet in facets:
        opinions = [(n, codes) for n, comment in enumerate(checked) for codes in comment.codes.get(facet.id, ())]
        if opinions:
            rows = np.array([n for n, _ in opinions])
            old_one, new_one = (_answers(facet, coding[facet.id]).take(rows) for coding in codings)
            truth = indicator([codes for _, codes in opinions], facet.ids)
            weights = 1.0 / np.bincount(rows)[rows]
            sources = [checked[n].source for n, _ in opinions]
            yield compare_facet(facet.id, facet.ids, truth, old_one, new_one, sources, weights, seed=settings.seed)
