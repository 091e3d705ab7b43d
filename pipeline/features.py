"""From cleaned comments to numbers: word 1-2-grams of spaCy tokens and character n-grams, each by TF-IDF."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer

from pipeline.cleaning import clean

CHUNK = 2000


@cache
def load_tokenizer(spacy_model: str) -> Any:
    """The spaCy pipeline whose tokenizer is used: a language code gives a blank one, else an installed package."""
    import spacy

    return spacy.blank(spacy_model) if len(spacy_model) <= 3 else spacy.load(spacy_model)


def tokens(text: str, spacy_model: str) -> list[str]:
    """The words of a text in lower case, by spaCy's tokenizer, without stop words, punctuation and bare spaces."""
    return [
        token.lower_
        for token in load_tokenizer(spacy_model).tokenizer(text)
        if not (token.is_stop or token.is_punct or token.is_space)
    ]


class SpacyTokens:
    """A callable that names its spaCy model and does not hold it, so that what holds this stays small on disk."""

    def __init__(self, spacy_model: str) -> None:
        self.spacy_model = spacy_model

    def __call__(self, text: str) -> list[str]:
        return tokens(text, self.spacy_model)


class _CompactVocabulary:
    """Stores the vocabulary as one list in order of place: the written file is a tenth of a dictionary's."""

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = {**super().__getstate__()}  # type: ignore[misc]
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


class Features(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Word and character features side by side, each block of unit length. Input: texts as they came."""

    def __init__(self, spacy_model: str = "en") -> None:
        self.spacy_model = spacy_model

    def fit(self, texts: Sequence[str], y: object = None) -> "Features":
        """Learns vocabulary and weights from the texts."""
        cleaned = [clean(text) for text in texts]
        self.words_ = WordTfidf(self.spacy_model).fit(cleaned)
        self.chars_ = CharTfidf(min_df=2 if len(cleaned) > 50 else 1).fit(cleaned)
        return self

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Sparse float32 of shape (texts, features)."""
        cleaned = [clean(text) for text in texts]
        return sparse.hstack([self.words_.transform(cleaned), self.chars_.transform(cleaned)], format="csr")


def in_chunks(texts: Sequence[str], size: int = CHUNK) -> Iterator[Sequence[str]]:
    """The texts in pieces that fit in memory whatever their number."""
    return (texts[start : start + size] for start in range(0, len(texts), size))
