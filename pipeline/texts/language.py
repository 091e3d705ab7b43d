"""Which language a comment is in, and what is set apart: answers without content and comments that are not in English.

English is never looked for far: where most words are common English ones, nothing else is asked. Where they are not,
the script tells (Bengali, Arabic, Chinese …), or lists of words as people write Bengali and Urdu in Latin letters, or
the library lingua, which carries its models with it and reads short texts. In doubt a comment is English and is coded.
"""

import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.texts.cleaning import LONGEST_NO_CONTENT, clean, is_no_content, normalise

if TYPE_CHECKING:
    from lingua import LanguageDetector

WORDS_FILE = Path(__file__).with_name("language.toml")
NO_CONTENT, NOT_ENGLISH = "no_content", "not_english"

# Scripts with the language that is nearly always written in them here; Arabic and Cyrillic letters need a closer look.
SCRIPTS = (
    ("\u0370", "\u03ff", "el"),
    ("\u0400", "\u052f", "ru"),
    ("\u0530", "\u058f", "hy"),
    ("\u0590", "\u05ff", "he"),
    ("\u0600", "\u06ff", "ar"),
    ("\u0750", "\u077f", "ar"),
    ("\u0900", "\u097f", "hi"),
    ("\u0980", "\u09ff", "bn"),
    ("\u0a00", "\u0a7f", "pa"),
    ("\u0a80", "\u0aff", "gu"),
    ("\u0b80", "\u0bff", "ta"),
    ("\u0c00", "\u0c7f", "te"),
    ("\u0d00", "\u0d7f", "ml"),
    ("\u0d80", "\u0dff", "si"),
    ("\u0e00", "\u0e7f", "th"),
    ("\u10a0", "\u10ff", "ka"),
    ("\u1200", "\u137f", "ti"),
    ("\u3040", "\u30ff", "ja"),
    ("\u3400", "\u9fff", "zh"),
    ("\uac00", "\ud7af", "ko"),
    ("\ufb50", "\ufdff", "ar"),
    ("\ufe70", "\ufefc", "ar"),
)
NAMES = {
    **{"en": "English", "el": "Greek", "ru": "Russian", "uk": "Ukrainian", "bg": "Bulgarian", "hy": "Armenian"},
    **{"he": "Hebrew", "ar": "Arabic", "ur": "Urdu", "fa": "Persian", "hi": "Hindi", "bn": "Bengali", "pa": "Punjabi"},
    **{"gu": "Gujarati", "ta": "Tamil", "te": "Telugu", "ml": "Malayalam", "si": "Sinhala", "th": "Thai"},
    **{"ka": "Georgian", "ti": "Tigrinya or Amharic", "ja": "Japanese", "zh": "Chinese", "ko": "Korean"},
    **{"so": "Somali", "pl": "Polish", "fr": "French", "es": "Spanish", "it": "Italian", "pt": "Portuguese"},
    **{"tr": "Turkish", "vi": "Vietnamese", "lt": "Lithuanian", "ro": "Romanian", "de": "German", "sq": "Albanian"},
    **{"hu": "Hungarian", "nl": "Dutch", "cs": "Czech", "yo": "Yoruba", "tl": "Tagalog"},
    "und": "a language that could not be told",
}
# What lingua chooses between: what is spoken in an inner London borough.
LATIN = ("en", "so", "pl", "fr", "es", "it", "pt", "tr", "vi", "lt", "ro", "de", "sq", "hu", "nl", "cs", "yo", "tl")
CLOSER = {"ar": ("ar", "ur", "fa"), "ru": ("ru", "uk", "bg")}

MOSTLY = 0.6  # share of English words at which nothing else is asked
LONGEST_UNKNOWN = 4  # unknown words in a row at which it is
STATEMENT, SMALL_IN_STATEMENT = 4, 2  # English words, and small ones among them, that say something by themselves
PART = 4  # words of another language that make a comment mixed
FEWEST = 3  # words in Latin letters on which another language is told at all
NAMES_SHARE = 0.6  # share of capitalised words that makes a comment a list of names
ROMANISED, WELL_ROMANISED = 0.3, 0.6  # mean weight of words at which a comment is Bengali or Urdu in Latin letters
LISTED = 2  # words of the list that it takes
MOST_ENGLISH_WORDS = 0.34  # share of words that are English and nothing else above which lingua is not asked
PERHAPS_ENGLISH = 0.15  # what lingua may give to English at a glance before it looks closely
FEW_WORDS = 4
LEFT_FOR_ENGLISH = {True: 0.04, False: 0.1}  # of few words, of more: the most that lingua may give to English
LIKELY, NEXT_TO_NOTHING = 0.6, 0.02  # what it must give the other language, unless it leaves less than this for English
SURE = 0.75
LOOKED_AT = 5000  # characters of a comment that are looked at

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_TRANSLATED = re.compile(
    r"\b(?:(?:english )?translat(?:ion|ed)(?: (?:of|into|to|in|for|text|answer|comment))*(?: english)?"
    r"|in english|english|en)\b"
)
_TRANSLATION_ALONE = {
    *("translation", "english translation", "translation english", "translated", "translated text"),
    *("translated comment", "translation in english", "translation into english", "translation to english"),
    *(
        "text in english",
        "in english",
        "english",
        "english text",
        "english version",
        "translated answer",
        "translated into english",
    ),
}
_NO_TRANSLATION = {
    *("", "n a", "na", "not applicable", "same", "as original", "see original", "original", "no translation"),
    *("english", "in english", "already english", "already in english", "not needed", "none needed", "not required"),
}
_ENDING = re.compile(r"(?:'?s|ed|ing|ly)$")
_ADDRESS = re.compile(r"\S*(?:@|://|www\.)\S*")
_PART = re.compile(r"[.!?;:\n,()।،؟。，！？…]+|\s[-–—]\s")


@dataclass(frozen=True)
class Language:
    """The language of a comment, English where nothing speaks against it.

    `sure` is False where another language than the one named is likely too; `with_english` says that beside the other
    language there is an English statement to code.
    """

    code: str
    name: str
    sure: bool = True
    with_english: bool = False

    @property
    def is_english(self) -> bool:
        """Whether all of the comment is English."""
        return self.code == "en"

    @property
    def label(self) -> str:
        """As a list for translation says it: "Somali", "English and Somali", "Polish (perhaps)"."""
        name = self.name if self.sure else f"{self.name} (perhaps)"
        return f"English and {name}" if self.with_english else name


@dataclass(frozen=True)
class Apart:
    """What becomes of a comment: coded where `reason` is None, else set apart for that reason.

    A comment that is partly in English is coded for that part, and is on the list for translation all the same.
    """

    reason: str | None
    language: Language

    @property
    def to_translate(self) -> bool:
        """Whether the comment belongs on the list of those to be sent for translation."""
        return self.reason != NO_CONTENT and not self.language.is_english


ENGLISH = Language("en", "English")


def set_apart(text: str, question: str = "") -> Apart:
    """Whether a non-blank answer to a question is set apart, why, and which language it is in."""
    if is_no_content(text, question) and not _other_scripts(text):
        return Apart(NO_CONTENT, ENGLISH)
    language = language_of(text)
    if len(text) <= LONGEST_NO_CONTENT and normalise(text) in _words().no_content:
        return Apart(NO_CONTENT, language)
    return Apart(None if language.is_english or language.with_english else NOT_ENGLISH, language)


def language_of(text: str) -> Language:
    """The language of a text; of one in two, the other than English, and whether English says something too."""
    text = text[:LOOKED_AT]
    if not _other_scripts(text) and _words().is_plain_english(_tokens(text)):
        return ENGLISH
    text = _ADDRESS.sub(" ", unicodedata.normalize("NFKC", clean(text)))
    scripts = _other_scripts(text)
    return _of_other_script(text, scripts) if scripts else _of_latin(text)


def _tokens(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower().replace("’", "'"))


# ---- other scripts -------------------------------------------------------------------------------------------------


def _other_scripts(text: str) -> Counter[str]:
    """Language of the script → letters in it; the Latin script is left out."""
    return Counter() if text.isascii() else Counter(code for char in text if (code := _script(char)))


@cache
def _script(char: str) -> str:
    """The language a letter's script stands for; nothing for Latin letters, digits, signs and emoji."""
    plain = unicodedata.normalize("NFKC", char)[0]
    kind = unicodedata.category(plain)
    if plain < "\u0370" or kind[0] not in "LM":
        return ""
    return next((code for first, last, code in SCRIPTS if first <= plain <= last), _unknown(plain, kind))


def _unknown(char: str, kind: str) -> str:
    """What stands for a script that has no line of its own; marks and the further Latin letters belong to none."""
    return "und" if kind[0] == "L" and "LATIN" not in unicodedata.name(char, "LATIN") else ""


def _without_other_scripts(text: str) -> str:
    return "".join(" " if _script(char) else char for char in text)


def _of_other_script(text: str, scripts: Counter[str]) -> Language:
    """Of a text with letters of another script: that language, unless the text is English but for a word or two."""
    latin = _without_other_scripts(text)
    tokens = _WORD.findall(latin)
    foreign = sum(scripts.values())
    code = "ja" if scripts["ja"] else max(scripts, key=lambda code: scripts[code])
    english = _words().has_statement(latin)
    words = sum(1 for word in text.split() if any(map(_script, word)))
    enough = words >= FEWEST or (code in ("zh", "ja") and foreign >= FEWEST)
    if sum(map(len, tokens)) > foreign and not enough:
        return ENGLISH
    if code in CLOSER:
        found = _lingua("".join(char if _script(char) else " " for char in text), CLOSER[code])
        return replace(found, with_english=english)
    return Language(code, NAMES[code], code != "und", english)


# ---- Latin letters -------------------------------------------------------------------------------------------------


def _of_latin(text: str) -> Language:
    """Of a text in Latin letters: as a whole, or one of its parts where the whole is English."""
    words = _words()
    whole = _judge(text)
    parts = [part for part in _PART.split(text) if len(_WORD.findall(part)) >= PART]
    english = words.has_statement(text)
    if not whole.is_english:
        return replace(whole, with_english=english)
    if not english or len(parts) < 2:
        return ENGLISH
    others = [found for found in map(_judge, parts) if not found.is_english]
    return replace(max(others, key=lambda found: found.sure), with_english=True) if others else ENGLISH


def _judge(text: str) -> Language:
    """The one language of a text in Latin letters; English in doubt."""
    tokens = _evidence(text)
    words = _words()
    if len(tokens) < FEWEST or words.share_english(tokens) >= MOSTLY:
        return ENGLISH
    score, code = max((one.score(tokens), code) for code, one in words.romanised.items())
    romanised = Language(code, words.romanised[code].name)
    if score >= WELL_ROMANISED:
        return romanised
    if score < ROMANISED and words.share_only_english(tokens) > MOST_ENGLISH_WORDS:
        return ENGLISH
    found = _lingua(" ".join(tokens), LATIN)
    if score >= ROMANISED:
        return found if found.sure and not found.is_english else romanised
    return found


def _evidence(text: str) -> list[str]:
    """The words, in lower case, without those that are capitalised as names are; none in a list of names."""
    tokens = _WORD.findall(text)
    if text.isupper():
        return [token.lower() for token in tokens]
    named = [token[0].isupper() and (len(token) == 1 or not token[1:].isupper()) for token in tokens]
    if sum(named) >= NAMES_SHARE * len(tokens):
        return []
    return [token.lower() for place, token in enumerate(tokens) if not place or token[0].islower()]


def _lingua(text: str, among: Sequence[str]) -> Language:
    """The likeliest of some languages as lingua sees a text; English unless it leaves next to nothing for that."""
    if "en" in among and _likelihoods(text, among, quick=True)["en"] > PERHAPS_ENGLISH:
        return ENGLISH
    values = _likelihoods(text, among)
    code = max(values, key=lambda code: values[code])
    english, most = values.get("en", 0.0), LEFT_FOR_ENGLISH[text.count(" ") < FEW_WORDS]
    # Misspelt English looks a little like many languages, but has no letters with accents.
    if english > most or (text.isascii() and values[code] < LIKELY and english > NEXT_TO_NOTHING):
        return ENGLISH
    return Language(code, NAMES[code], values[code] >= SURE)


def _likelihoods(text: str, among: Sequence[str], *, quick: bool = False) -> dict[str, float]:
    """Language → how likely lingua holds it to be; they sum to one."""
    found = _detector(tuple(among), quick).compute_language_confidence_values(text)
    return {one.language.iso_code_639_1.name.lower(): one.value for one in found}


@cache
def _detector(among: tuple[str, ...], quick: bool) -> "LanguageDetector":
    """Lingua for some languages, imported where it is needed. All of its models take seconds to read and 0.4 GB.

    The quick one reads a tenth of them and is often wrong, but tells the plain cases of English.
    """
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*(getattr(IsoCode639_1, code.upper()) for code in among))
    return (builder.with_low_accuracy_mode() if quick else builder).build()


# ---- words ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Romanised:
    """Bengali or Urdu in Latin letters: its words, and how often its words hold three letters, as against English."""

    name: str
    words: frozenset[str]
    not_its: frozenset[str]
    trigrams: Mapping[str, float]

    def weight(self, word: str) -> float:
        """1 for a word of the list, -1 for an English one, 0 for one of both; in between by its letters, at most ½."""
        if word in self.words:
            return 1.0
        if word in self.not_its:
            return -1.0
        found = [self.trigrams.get(three, 0.0) for three in _threes(word)]
        return max(-0.5, min(0.5, sum(found) / len(found)))

    def score(self, tokens: Sequence[str]) -> float:
        """The mean weight of some words; nothing where fewer than two of them are in the list."""
        weights = [self.weight(token) for token in tokens]
        return sum(weights) / len(weights) if weights.count(1.0) >= LISTED else 0.0


def _threes(word: str) -> list[str]:
    padded = f"^{word}$"
    return [padded[at : at + 3] for at in range(len(padded) - 2)] or [padded]


def _log_odds(words: Iterable[str], others: Iterable[str]) -> dict[str, float]:
    """Three letters → the logarithm of how much likelier they are in some words than in others (one added to each)."""
    own = Counter(three for word in words for three in _threes(word))
    other = Counter(three for word in others for three in _threes(word))
    all_ = own.keys() | other.keys()
    own_total, other_total = own.total() + len(all_), other.total() + len(all_)
    return {three: math.log((own[three] + 1) / own_total * other_total / (other[three] + 1)) for three in all_}


@dataclass(frozen=True)
class Words:
    """The lists of `language.toml`."""

    small: frozenset[str]
    english: frozenset[str]
    elsewhere: frozenset[str]
    romanised: Mapping[str, Romanised]
    no_content: frozenset[str]

    def share_english(self, tokens: Sequence[str]) -> float:
        """The share of words, in lower case, that are in the English lists."""
        return sum(token in self.english for token in tokens) / len(tokens) if tokens else 1.0

    def share_only_english(self, tokens: Sequence[str]) -> float:
        """The same without the words that other languages have too."""
        return sum(token in self.english and token not in self.elsewhere for token in tokens) / len(tokens)

    def is_plain_english(self, tokens: Sequence[str]) -> bool:
        """Whether most words are English and no stretch of them is unknown."""
        stretch = longest = unknown = 0
        for word in tokens:
            if word in self.english:
                stretch = stretch if word in self.elsewhere else 0
                continue
            unknown += 1
            stretch += 1
            longest = max(longest, stretch)
        return unknown <= (1 - MOSTLY) * len(tokens) and longest < LONGEST_UNKNOWN

    def has_statement(self, text: str) -> bool:
        """Whether some words in a row are English and hold together as a statement does."""
        return any(map(self._holds_together, self._english_runs(text)))

    def _holds_together(self, run: Sequence[str]) -> bool:
        small = [word for word in run if word in self.small]
        return len(run) >= STATEMENT and len(small) >= SMALL_IN_STATEMENT and not self.elsewhere.issuperset(small)

    def _english_runs(self, text: str) -> Iterator[list[str]]:
        run: list[str] = []
        for word in _tokens(text):
            if word in self.english or _ENDING.sub("", word) in self.english:
                run.append(word)
            else:
                yield run
                run = []
        yield run


@cache
def _words() -> Words:
    """The lists, read once."""
    data = tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))
    small = frozenset(data["english_small"].split())
    english = small | frozenset(data["english"].split())
    elsewhere = frozenset(data["elsewhere"].split())
    lists = {code: frozenset(table["words"].split()) for code, table in data["romanised"].items()}
    romanised = {
        code: Romanised(
            data["romanised"][code]["name"],
            own - english,
            english - own,
            _log_odds(own - english, english - own),
        )
        for code, own in lists.items()
    }
    says_nothing = data["no_content"]["words"].replace("\n", "|").split("|")
    return Words(
        small, english, elsewhere, romanised, frozenset(normalise(phrase) for phrase in says_nothing if phrase.strip())
    )


# ---- translations --------------------------------------------------------------------------------------------------


def translation_column(columns: Sequence[str], question: str, questions: Sequence[str] = ()) -> str | None:
    """The column in which the analyst gives the English of the answers to a question; None where there is none.

    Named after the question ("Your views - translation", "Your views (English)", "Translation of your views"), or only
    "Translation" where it stands right after the question or there is no other of the `questions`.
    """
    asked = normalise(question)
    candidates = [column for column in columns if column != question and _TRANSLATED.search(normalise(column))]
    for column in candidates:
        if " ".join(_TRANSLATED.sub(" ", normalise(column)).split()) == asked:
            return column
    plain = [column for column in candidates if normalise(column) in _TRANSLATION_ALONE]
    alone = not set(questions) - {question, *candidates} and len(plain) == 1
    for column in plain:
        if alone or columns.index(column) == columns.index(question) + 1:
            return column
    return None


def translation_columns(columns: Sequence[str], questions: Sequence[str]) -> dict[str, str]:
    """Question → column of its translation, of those that have one; such a column is no question itself."""
    found = {question: translation_column(columns, question, questions) for question in questions}
    return {question: column for question, column in found.items() if column and question not in found.values()}


def text_to_code(text: str, translation: str) -> str:
    """The translation of an answer where there is one, else the answer; "n/a" and "in English" are no translations."""
    return text if normalise(translation) in _NO_TRANSLATION else translation
