"""From a codebook and coded comments to a trained model: one feature space, one classifier per facet."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.codebook import Codebook, Facet
from pipeline.errors import ModelError
from pipeline.learning.classifier import FacetClassifier
from pipeline.learning.corpus import EXAMPLE_SOURCE, REVIEWED, CodedComment, Corpus, codebook_comments
from pipeline.learning.evaluation import indicator
from pipeline.learning.features import Bags, Features, tokens
from pipeline.settings import Settings
from pipeline.texts.cleaning import clean, normalise

Floats = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

FEWEST_SOURCES = 3
WORDS_OF_A_REASON = 4


def silent(step: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Coding:
    """What a model says of some comments in one facet: probability and given, both (comments × codes)."""

    codes: tuple[str, ...]
    probability: Floats
    given: npt.NDArray[np.bool_]

    def first_to_last(self, row: int) -> list[str]:
        """The codes given to one comment, most probable first."""
        order = np.argsort(-self.probability[row], kind="stable")
        return [self.codes[n] for n in order if self.given[row, n]]


@dataclass(frozen=True)
class Reason:
    """Why a code was given: the part of the comment that decided, in its own words, and the words that spoke for it."""

    code: str
    part: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """What the model in the making said of training comments whose source it had not seen."""

    comments: tuple[CodedComment, ...]
    coding: Coding


@dataclass(frozen=True)
class TrainedModel:
    """A feature space and a classifier per facet, for one codebook."""

    codebook: Codebook
    features: Features
    classifiers: dict[str, FacetClassifier]

    def predict(self, texts: Sequence[str], questions: Sequence[str] | None = None) -> dict[str, Coding]:
        """The coding of each facet, rows in the order of the texts."""
        return self.code(self.features.transform(texts, questions))

    def code(self, bags: Bags) -> dict[str, Coding]:
        """The coding of each facet of comments whose features are known."""
        coded = {}
        for facet, classifier in self.classifiers.items():
            probability = classifier.predict_proba(bags)
            coded[facet] = Coding(tuple(classifier.codes), probability, classifier.decide(probability))
        return coded

    def reasons(self, facet: str, texts: Sequence[str], bags: Bags, coding: Coding) -> list[list[Reason]]:
        """For each comment, why each code of the facet was given, in the order of the codes' probability."""
        classifier = self.classifiers[facet]
        scores = classifier.line.scores(bags.parts)
        parts_of_row = _rows_by_owner(bags.owner)
        return [
            self._reasons_of(text, row, parts_of_row.get(row, []), scores, bags, coding, classifier)
            for row, text in enumerate(texts)
        ]

    def _reasons_of(
        self,
        text: str,
        row: int,
        parts: Sequence[int],
        scores: Floats,
        bags: Bags,
        coding: Coding,
        classifier: FacetClassifier,
    ) -> list[Reason]:
        found = []
        for name in coding.first_to_last(row):
            code = coding.codes.index(name)
            best = max(parts, key=lambda part: scores[part, code]) if parts else None
            said, features = (text, bags.whole[row]) if best is None else (bags.texts[best], bags.parts[best])
            words, shares = self.features.word_shares(said, features, classifier.coef_[[code]])
            order = np.argsort(-shares[:, 0], kind="stable")[:WORDS_OF_A_REASON]
            speaking = tuple(words[n] for n in order if shares[n, 0] > 0)
            found.append(Reason(name, " ".join(said.split()), speaking))
        return found


def _rows_by_owner(owner: npt.NDArray[np.int_]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for part, row in enumerate(owner.tolist()):
        found.setdefault(row, []).append(part)
    return found


@dataclass(frozen=True)
class Lesson:
    """What the codes of one facet are learned from: comments, their features, codes (comments × codes), weights,
    groups that are never split between learning and judging, and a second opinion of the codes where there is one."""

    comments: tuple[CodedComment, ...]
    bags: Bags
    Y: Floats
    weights: Floats
    groups: list[str]
    second: Floats | None = None


@dataclass(frozen=True)
class Training:
    """A trained model with what it learned from and what was left out in turn while it was made, for its card."""

    model: TrainedModel
    left_out: dict[str, LeftOut]
    comments: tuple[CodedComment, ...]
    bags: Bags


def train(
    corpus: Corpus | None,
    codebook: Codebook,
    settings: Settings,
    progress: Progress = silent,
    facets: Container[str] | None = None,
    unseen: Iterable[str] = (),
) -> Training:
    """Trains on coded comments and the examples of the codebook, all facets or those named.

    Examples that say one of the `unseen` texts are left out, so that the model can be tried on them.
    Raises ModelError where there is nothing to learn.
    """
    comments = [*(corpus.comments if corpus else ()), *codebook_comments(codebook, unseen)]
    if not comments:
        raise ModelError(
            "there is nothing to learn from", fix="give a corpus with --corpus, or write examples into the codebook"
        )
    progress("reading words", 0, 1)
    texts, questions = [comment.text for comment in comments], [comment.question for comment in comments]
    if not any(tokens(clean(text), settings.spacy_model) for text in texts):
        raise ModelError("no comment holds a word to learn from", fix="check the column 'text' of the corpus")
    features = Features(settings.spacy_model, settings.encoder).fit(texts, questions)
    bags = features.transform(texts, questions)
    progress("reading words", 1, 1)
    classifiers, left_out = {}, {}
    for n, facet in enumerate(codebook.facet):
        progress("learning codes", n, len(codebook.facet))
        if facets is None or facet.id in facets:
            lesson = lesson_of(facet, comments, bags, settings)
            if lesson.comments:
                classifiers[facet.id], left_out[facet.id] = _train_facet(facet, lesson, settings)
    progress("learning codes", len(codebook.facet), len(codebook.facet))
    if not classifiers:
        raise ModelError("no comment has a code of this codebook", fix="check the columns of the corpus")
    return Training(TrainedModel(codebook, features, classifiers), left_out, tuple(comments), bags)


def _rows_to_learn_from(comments: Sequence[CodedComment], facet: str) -> list[int]:
    """The comments whose codes are known. An example that repeats a coded comment is left out: people have coded it."""
    known = [row for row, comment in enumerate(comments) if comment.label(facet) is not None]
    said = {normalise(comments[row].text) for row in known if not comments[row].of_codebook}
    return [row for row in known if not comments[row].of_codebook or normalise(comments[row].text) not in said]


def lesson_of(facet: Facet, comments: Sequence[CodedComment], bags: Bags, settings: Settings) -> Lesson:
    """What a facet is learned from, of all comments and their features."""
    rows = _rows_to_learn_from(comments, facet.id)
    known = tuple(comments[row] for row in rows)
    Y = indicator([comment.label(facet.id) or () for comment in known], facet.ids)
    weights = np.array([settings.example_weight if c.of_codebook else c.weight for c in known])
    taken = bags.take(np.array(rows, dtype=int))
    return Lesson(known, taken, Y, weights, source_groups(known), second_opinions(facet, known))


def second_opinions(facet: Facet, comments: Sequence[CodedComment]) -> Floats | None:
    """The published codes of comments that also have reviewed ones (comments × codes), NaN for the others.

    Learning from both, half each, foretold both best on sessions held out: better than from either alone.
    """
    both = [n for n, c in enumerate(comments) if facet.id in c.codes and facet.id + REVIEWED in c.codes]
    if not both:
        return None
    second = np.full((len(comments), len(facet.ids)), np.nan)
    second[both] = indicator([comments[n].codes[facet.id] for n in both], facet.ids)
    return second


def _train_facet(facet: Facet, lesson: Lesson, settings: Settings) -> tuple[FacetClassifier, LeftOut]:
    classifier = FacetClassifier(
        facet.ids, facet.exclusive, settings.favour, seed=settings.seed, jobs=settings.processes
    )
    classifier.fit(lesson.bags, lesson.Y, lesson.weights, lesson.groups, lesson.second)
    probability, given = classifier.cross_fitted(lesson.Y, lesson.groups)
    kept = tuple(lesson.comments[row] for row in classifier.left_out_rows_)
    return classifier, LeftOut(kept, Coding(facet.ids, probability, given))


def source_groups(comments: Sequence[CodedComment]) -> list[str]:
    """A group for each comment, its source, so that scores are of sources not seen; "" for what the codebook says.

    No text is in two groups: one that several sources said is a group of its own, with all its copies. (Were the
    sources joined instead, a "Nothing" in each would leave one group and nothing to try a model on.) Where nothing is
    coded yet, the examples of the codebook stand in for comments. With fewer than three sources the text alone makes
    the groups: leaving out a third of everything teaches little.
    """
    coded = [n for n, comment in enumerate(comments) if not comment.of_codebook]
    coded = coded or [n for n, comment in enumerate(comments) if comment.source == EXAMPLE_SOURCE]
    by_source = len({comments[n].source for n in coded if comments[n].source}) >= FEWEST_SOURCES
    texts = {n: normalise(comments[n].text) for n in coded}
    said_by: dict[str, set[str]] = {}
    for n, text in texts.items():
        said_by.setdefault(text, set()).add(comments[n].source)
    numbers: dict[tuple[str, str], int] = {}
    groups = [""] * len(comments)
    for n, text in texts.items():
        source = comments[n].source
        own = by_source and source and len(said_by[text]) == 1
        groups[n] = str(numbers.setdefault(("source", source) if own else ("text", text), len(numbers)))
    return groups
