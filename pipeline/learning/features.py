"""From comments to numbers: word 1-2-grams of spaCy tokens, character n-grams and a sentence vector, side by side.

A comment of several sentences is also cut into parts, so that what is said in passing is not drowned by the rest and
nothing is cut off; the classifier pools the parts.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer

from pipeline.errors import ModelError
from pipeline.learning.encoder import load_encoder, unit
from pipeline.texts.cleaning import clean, normalise

Sparse = Any  # a scipy CSR matrix, float32; scipy gives no type to check against
Progress = Callable[[str, int, int], None]

VECTOR_WEIGHT = 1.2
QUESTION_WEIGHT = 0.5
COMMENTS_OF_A_QUESTION = 30
REMEMBERED_TEXTS = 20_000  # some 30 MB
REMEMBERED_PARTS = 2_000  # some 20 MB
WORKED_OUT = ("_known_words", "_known_texts", "_char_analyser")
SHORTEST_PART, LONGEST_PART = 4, 40  # words
LONGEST_WORD = 200  # characters without a space; spaCy takes the square of a word's length to read one of only signs
BREAK = "\x1f"  # put into longer ones; white space that no one types
LONGEST_AT_ONCE = 20_000  # characters of a comment whose vector is its own; that of a longer one is worked out
SOME_WORDS = 2_000  # whose character n-grams are held at a time
SOME_TEXTS = 1_000  # encoded between two tellings of how far it is


@cache
def load_tokenizer(spacy_model: str) -> Any:
    """The spaCy pipeline whose tokenizer is used: a language code gives a blank one, else an installed package."""
    import spacy

    try:
        nlp = spacy.blank(spacy_model) if len(spacy_model) <= 3 else spacy.load(spacy_model, exclude=["ner", "parser"])
    except (OSError, ImportError):
        raise ModelError(
            f"there is no spaCy model {spacy_model!r}", where="spacy_model", fix='set it to "en"'
        ) from None
    if "sentencizer" not in nlp.pipe_names:
        nlp.add_pipe("sentencizer", config={"punct_chars": [".", "!", "?", ";", "…"]})
    return nlp


def tokens(text: str, spacy_model: str) -> list[str]:
    """The words of a text in lower case, by spaCy's tokenizer, without punctuation and bare spaces.

    Stop words stay: "not", "no one", "should" and "they never" tell a wish from a complaint.
    """
    read = load_tokenizer(spacy_model).tokenizer(_with_breaks(text))
    return [token.lower_ for token in read if not (token.is_punct or token.is_space)]


def _with_breaks(text: str) -> str:
    """The text with a BREAK after every LONGEST_WORD characters without a space, so that no word takes long to read."""
    if len(text) <= LONGEST_WORD:
        return text
    return _ENDLESS.sub(lambda word: _EVERY_SO_MANY.sub(rf"\g<0>{BREAK}", word[0]), text)


_ENDLESS = re.compile(rf"(?<!\S)\S{{{LONGEST_WORD + 1},}}")
_EVERY_SO_MANY = re.compile(rf".{{{LONGEST_WORD}}}(?!$)", re.DOTALL)


def is_stop(word: str, spacy_model: str) -> bool:
    """Whether a word says too little alone to be shown as a reason."""
    return bool(load_tokenizer(spacy_model).vocab[word].is_stop)


def parts_of(text: str, spacy_model: str) -> list[str]:
    """A comment cut into sentences by spaCy, the very short joined to their neighbour and the very long into windows.

    The parts are the respondent's words, in order and whole; but a word without end is cut like the rest.
    """
    broken = _with_breaks(text)
    if len(broken.split()) <= 2 * SHORTEST_PART:
        return [text]
    nlp = load_tokenizer(spacy_model)
    lines = [line for line in re.split(r"[\r\n]+", broken) if line.strip()]
    cut = nlp.get_pipe("sentencizer")
    sentences = (sentence.text for line in lines for sentence in cut(nlp.tokenizer(line)).sents)
    windows = [window for part in _joined(sentences) for window in _windows(part)]
    return windows if broken is text else [window.replace(BREAK, "") for window in windows]


def _joined(sentences: Iterable[str]) -> Iterator[str]:
    """The sentences, those of fewer than SHORTEST_PART words joined to the one before, or after, by a space."""
    together: list[str] = []
    words = 0
    for sentence in sentences:
        more = len(sentence.split())
        if together and min(more, words) >= SHORTEST_PART:
            yield " ".join(together)
            together, words = [], 0
        together.append(sentence)
        words += more
    if together:
        yield " ".join(together)


def _windows(part: str) -> list[str]:
    """A part of over LONGEST_PART words as windows of about the same length."""
    ends = [match.end() for match in re.finditer(r"\S+", part)]
    count = -(-len(ends) // LONGEST_PART)
    if count <= 1:
        return [part]
    cuts = [0, *(ends[len(ends) * n // count - 1] for n in range(1, count)), len(part)]
    return [part[a:b].strip() for a, b in pairwise(cuts)]


@cache
def _remembered(encoder: str) -> dict[str, npt.NDArray[np.float32]]:
    """Vectors of texts met lately, so that training again and again on the same corpus encodes it once."""
    return {}


def sentence_vectors(name: str, cleaned: Sequence[str], progress: Progress | None = None) -> npt.NDArray[np.float32]:
    """Unit vectors (texts × dimension) by the named encoder; no columns where there is none."""
    encoder, known = load_encoder(name), _remembered(name)
    if encoder is None:
        return np.zeros((len(cleaned), 0), dtype=np.float32)
    if len(known) > REMEMBERED_TEXTS:
        known.clear()
    new = [text for text in dict.fromkeys(cleaned) if text not in known]
    size = SOME_TEXTS if progress else max(len(new), 1)
    for start in range(0, len(new), size):
        some = new[start : start + size]
        known.update(zip(some, encoder.encode(some), strict=True))
        if progress:
            progress("reading a long comment", start + len(some), len(new))
    return np.array([known[text] for text in cleaned], dtype=np.float32).reshape(len(cleaned), encoder.dimension)


class SpacyTokens:
    """A callable that names its spaCy model and does not hold it, so that what holds this stays small on disk."""

    def __init__(self, spacy_model: str) -> None:
        self.spacy_model = spacy_model

    def __call__(self, text: str) -> list[str]:
        return tokens(text, self.spacy_model)


class _CompactVocabulary:
    """Stores the vocabulary as one text in order of place: the written file is a tenth of a dictionary's."""

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = {**super().__getstate__()}  # type: ignore[dict-item]
        if "vocabulary_" in state:
            state["vocabulary_"] = "\n".join(sorted(state["vocabulary_"], key=state["vocabulary_"].__getitem__))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state.get("vocabulary_"), str):
            words = state["vocabulary_"].split("\n")
            state = {**state, "vocabulary_": {word: place for place, word in enumerate(words)}}
        super().__setstate__(state)  # type: ignore[misc]


class WordTfidf(_CompactVocabulary, TfidfVectorizer):  # type: ignore[misc]
    """TF-IDF over the word 1- and 2-grams of spaCy tokens."""

    def __init__(self, spacy_model: str = "en", min_df: int = 1) -> None:
        self.spacy_model = spacy_model
        super().__init__(ngram_range=(1, 2), sublinear_tf=True, min_df=min_df, token_pattern=None, dtype=np.float32)

    def build_tokenizer(self) -> Callable[[str], list[str]]:
        """spaCy's tokens in place of a pattern."""
        return SpacyTokens(self.spacy_model)


class CharTfidf(_CompactVocabulary, TfidfVectorizer):  # type: ignore[misc]
    """TF-IDF over the character 2- to 5-grams inside words: what survives misspelling."""

    def __init__(self, min_df: int = 2) -> None:
        super().__init__(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=min_df, dtype=np.float32)

    def _char_wb_ngrams(self, text_document: str) -> Iterable[str]:
        """The n-grams; those of a very long text some words at a time, as all of them would fill the memory."""
        ngrams: Callable[[str], list[str]] = super()._char_wb_ngrams
        if len(text_document) <= LONGEST_AT_ONCE:
            return ngrams(text_document)
        words = _with_breaks(text_document).split()
        some = (" ".join(words[start : start + SOME_WORDS]) for start in range(0, len(words), SOME_WORDS))
        return chain.from_iterable(map(ngrams, some))


@dataclass(frozen=True)
class Bags:
    """Features of comments and of their parts.

    whole: sparse (comments × features). parts: sparse (parts × features), of the comments with more than one part.
    owner: the comment's row for each part. texts: the parts in the respondent's words. vector_columns: how many of the
    last features are the sentence vector.
    """

    whole: Sparse
    parts: Sparse
    owner: npt.NDArray[np.int_]
    texts: tuple[str, ...] = ()
    vector_columns: int = 0

    def __len__(self) -> int:
        return int(self.whole.shape[0])

    def take(self, rows: npt.NDArray[np.int_]) -> "Bags":
        """The bags of some comments, in that order."""
        place = np.full(len(self), -1)
        place[rows] = np.arange(len(rows))
        kept = np.flatnonzero(place[self.owner] >= 0)
        return Bags(self.whole[rows], self.parts[kept], place[self.owner[kept]], vector_columns=self.vector_columns)


@dataclass(frozen=True)
class _Read:
    """The different words of a text, which of them are no stop words, and (word, feature, share of the feature)."""

    words: tuple[str, ...]
    kept: tuple[int, ...]
    owners: npt.NDArray[np.int_]
    places: npt.NDArray[np.int_]
    credit: npt.NDArray[np.float64]


class Features(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Words, characters and sentence vector, each block of unit length times its weight. Input: texts as they came.

    Questions that enough training comments answered are features too; an unknown question adds nothing.
    """

    def __init__(self, spacy_model: str = "en", encoder: str = "minilm") -> None:
        self.spacy_model = spacy_model
        self.encoder = encoder

    def fit(self, texts: Sequence[str], questions: Sequence[str] | None = None) -> "Features":
        """Learns vocabulary and weights from the texts, and which questions were asked."""
        cleaned = [clean(text) for text in texts]
        rare = 2 if len(cleaned) > 50 else 1
        self.words_ = WordTfidf(self.spacy_model, min_df=2 if len(cleaned) > 5000 else 1).fit(cleaned)
        self.chars_ = CharTfidf(min_df=rare).fit(cleaned)
        asked = Counter(normalise(question) for question in questions or () if question)
        common = sorted(question for question, n in asked.items() if n >= COMMENTS_OF_A_QUESTION)
        self.questions_ = common if len(common) > 1 else []
        encoder = load_encoder(self.encoder)
        self.encoder_digest_ = encoder.digest if encoder is not None else ""
        return self

    def transform(
        self, texts: Sequence[str], questions: Sequence[str] | None = None, progress: Progress | None = None
    ) -> Bags:
        """The features of each comment and of the parts of those that have several.

        progress: told how far it is where a comment is so long that somebody may wonder.
        """
        cut = [parts_of(text, self.spacy_model) for text in texts]
        parts = [part for pieces in cut if len(pieces) > 1 for part in pieces]
        owner = np.array([row for row, pieces in enumerate(cut) if len(pieces) > 1 for _ in pieces], dtype=int)
        asked = list(questions) if questions is not None else [""] * len(texts)
        together = self._rows([*texts, *parts], [*asked, *(asked[row] for row in owner)], owner, progress)
        encoder = load_encoder(self.encoder)
        columns = encoder.dimension if encoder is not None else 0
        return Bags(together[: len(texts)], together[len(texts) :], owner, tuple(parts), columns)

    def _rows(
        self,
        texts: Sequence[str],
        questions: Sequence[str],
        owner: npt.NDArray[np.int_],
        progress: Progress | None = None,
    ) -> Sparse:
        """Sparse float32 of shape (texts, features); the encoder works while the n-grams are counted.

        texts: comments and, after them, their parts; owner: the comment's row for each part.
        """
        cleaned = [clean(text) for text in texts]
        beside = ThreadPoolExecutor(1)
        try:
            vectors = beside.submit(self._vectors, cleaned, owner, progress)
            blocks = [self.words_.transform(cleaned), self.chars_.transform(cleaned)]
            blocks += [sparse.csr_matrix(self._questions(questions)), sparse.csr_matrix(vectors.result())]
        finally:
            beside.shutdown(wait=False, cancel_futures=True)  # who interrupts this does not wait for the encoder
        return sparse.hstack(blocks, format="csr", dtype=np.float32)

    def _vectors(
        self, cleaned: Sequence[str], owner: npt.NDArray[np.int_], progress: Progress | None
    ) -> npt.NDArray[np.float32]:
        """The vectors, weighted; of a very long comment the mean of its parts': nothing is read twice."""
        first = len(cleaned) - len(owner)
        long = {row for row in np.unique(owner).tolist() if len(cleaned[row]) > LONGEST_AT_ONCE}
        read = ["" if row in long else text for row, text in enumerate(cleaned)]
        vectors = sentence_vectors(self.encoder, read, progress if long else None)
        for row in long:
            parts = first + np.flatnonzero(owner == row)
            words = np.array([len(cleaned[part].split()) for part in parts.tolist()], dtype=np.float32)
            vectors[[row]] = unit(words[None] @ vectors[parts])
        return np.asarray(vectors * np.float32(VECTOR_WEIGHT))

    def vectors_of(self, rows: Sparse) -> npt.NDArray[np.float32]:
        """The sentence vectors within some rows of features: (texts × dimension), no columns without an encoder."""
        encoder = load_encoder(self.encoder)
        if encoder is None:
            return np.zeros((rows.shape[0], 0), dtype=np.float32)
        return np.asarray(rows[:, -encoder.dimension :].toarray() / np.float32(VECTOR_WEIGHT))

    def _questions(self, questions: Sequence[str]) -> npt.NDArray[np.float32]:
        rows = np.zeros((len(questions), len(self.questions_)), dtype=np.float32)
        place = {question: n for n, question in enumerate(self.questions_)}
        for row, question in enumerate(questions):
            if question and (column := place.get(normalise(question))) is not None:
                rows[row, column] = QUESTION_WEIGHT
        return rows

    def word_shares(
        self, text: str, row: Sparse, coefficients: npt.NDArray[np.float32]
    ) -> tuple[list[str], npt.NDArray[np.float64]]:
        """The words of a text, but for stop words, and what each adds to the score of some codes: (words × codes).

        row: the text's features (1 × features); coefficients: (codes × features). A word is credited with the word
        n-grams it is part of and the character n-grams inside it; what several words have in common is shared equally
        among them. The sentence vector is not split over words.
        """
        read = self._read(text)
        worth = read.credit * _values_at(row, read.places)
        added = coefficients[:, read.places] * worth
        shares = np.array([np.bincount(read.owners, weights=one, minlength=len(read.words)) for one in added]).T
        kept = list(read.kept)
        return [read.words[n] for n in kept], shares.reshape(len(read.words), len(coefficients))[kept]

    def _read(self, text: str) -> _Read:
        """A text as its words are credited; it is asked for again for each of its codes, so it is remembered."""
        known = self._known_texts
        if text not in known:
            if len(known) > REMEMBERED_PARTS:
                known.clear()
            said = tokens(clean(text), self.spacy_model)
            words = list(dict.fromkeys(said))
            kept = tuple(n for n, word in enumerate(words) if not is_stop(word, self.spacy_model))
            known[text] = _Read(tuple(words), kept, *self._credits(said, words))
        return known[text]

    def _credits(
        self, said: Sequence[str], words: Sequence[str]
    ) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.int_], npt.NDArray[np.float64]]:
        """(word, feature, share of the feature) for the n-grams of a text, word by word."""
        place_of = {word: n for n, word in enumerate(words)}
        pairs = dict.fromkeys(f"{a} {b}" for a, b in pairwise(said))
        grams = [(gram, place) for gram in (*words, *pairs) if (place := self.words_.vocabulary_.get(gram)) is not None]
        of_words = [(place_of[word], place) for gram, place in grams for word in set(gram.split(" "))]
        owners = [owner for owner, _ in of_words]
        inside = [self._char_places(word) for word in words]
        owners += [n for n, places in enumerate(inside) for _ in range(len(places))]
        features = np.array([place for _, place in of_words] + [int(p) for places in inside for p in places], dtype=int)
        _, which, times = np.unique(features, return_inverse=True, return_counts=True)
        return np.array(owners, dtype=int), features, 1.0 / times[which] if len(times) else np.zeros(0)

    def _char_places(self, word: str) -> npt.NDArray[np.int_]:
        """The features of the character n-grams of one word; words come again, so they are remembered."""
        known = self._known_words
        if word not in known:
            if len(known) > REMEMBERED_TEXTS:
                known.clear()
            vocabulary, first = self.chars_.vocabulary_, len(self.words_.vocabulary_)
            places = [vocabulary[gram] for gram in dict.fromkeys(self._char_analyser(word)) if gram in vocabulary]
            known[word] = np.array(places, dtype=int) + first
        return known[word]

    @cached_property
    def _known_texts(self) -> dict[str, _Read]:
        return {}

    @cached_property
    def _known_words(self) -> dict[str, npt.NDArray[np.int_]]:
        return {}

    @cached_property
    def _char_analyser(self) -> Callable[[str], list[str]]:
        analyse: Callable[[str], list[str]] = self.chars_.build_analyzer()
        return analyse

    def __getstate__(self) -> dict[str, Any]:
        """Without what is worked out again when needed."""
        state: dict[str, Any] = super().__getstate__()
        return {
            key: value for key, value in state.items() if key not in ("_known_words", "_known_texts", "_char_analyser")
        }


def _values_at(row: Sparse, places: npt.NDArray[np.int_]) -> npt.NDArray[np.float64]:
    """The values of some features in a row (1 × features), 0 where the row has none."""
    if not row.nnz:
        return np.zeros(len(places))
    order = np.argsort(row.indices)
    indices, data = row.indices[order], row.data[order]
    at = np.minimum(np.searchsorted(indices, places), len(indices) - 1)
    return np.where(indices[at] == places, data[at], 0.0)
