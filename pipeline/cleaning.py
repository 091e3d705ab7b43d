"""What is done to a comment before the machine reads it, and the rules that set a comment apart.

Nothing here touches what is written back: the respondent's own words stay as they are.
"""

import html
import re
import unicodedata
from collections.abc import Callable

NO_CONTENT = frozenset(
    """
    n a|na|none|nil|no|nope|nothing|no comment|no comments|not applicable|nothing to add|nothing else|nothing more
    nothing further|no thanks|no thank you|none at all|none really|not really|no further comment|no further comments
    nothing at this time|not at this time|none at this time|no answer|no response|no reply|blank|x|xx|xxx|idk
    i don t know|i dont know|don t know|dont know|dunno|not sure|unsure|no idea|as above|see above|same as above
    see previous|see previous answer|as previous|as before|ditto|same|same again|no opinion|no suggestions
    no suggestion|no views|nothing to say|nothing to report|nothing comes to mind|no nothing|no none|test
    """.replace("\n", "|").split("|")
)
NO_CONTENT_PHRASES = frozenset(" ".join(phrase.split()) for phrase in NO_CONTENT if phrase.strip())
LATIN_SHARE_OF_ENGLISH = 0.5

_SPACES = re.compile(r"\s+")
_EXCEL_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TAGS = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " ", "\u00ad": None})
_LONG_RUN = re.compile(r"(.)\1{3,}")


def decode_excel_escapes(text: str) -> str:
    """`_x000D_` and its like, which Excel writes for control characters, as the characters they stand for."""
    return _EXCEL_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def decode_entities(text: str) -> str:
    """`&amp;` and its like, left by web forms, as the characters they stand for."""
    return html.unescape(text) if "&" in text else text


def drop_tags(text: str) -> str:
    """Text without HTML tags; a lone `<` stays."""
    return _TAGS.sub(" ", text) if "<" in text else text


def straighten(text: str) -> str:
    """Curly quotes, long dashes and hard spaces as the plain ones of a keyboard."""
    return text.translate(_QUOTES)


def compose(text: str) -> str:
    """One code point for a letter with its accent (Unicode NFC)."""
    return unicodedata.normalize("NFC", text)


def drop_control(text: str) -> str:
    """Text without control characters and lone surrogates, which no one can see."""
    return _CONTROL.sub(" ", text).encode("utf-8", "ignore").decode()


def shorten_runs(text: str) -> str:
    """`soooooo` and `!!!!!!!` cut to three, so that the same word is the same feature."""
    return _LONG_RUN.sub(r"\1\1\1", text)


def one_space(text: str) -> str:
    """Line breaks, tabs and runs of spaces as one space."""
    return _SPACES.sub(" ", text).strip()


CLEANERS: tuple[Callable[[str], str], ...] = (
    decode_excel_escapes,
    decode_entities,
    drop_tags,
    straighten,
    compose,
    drop_control,
    shorten_runs,
    one_space,
)


def clean(text: str) -> str:
    """The comment as the machine reads it; training and prediction use this alike.

    What a step lays open, such as a tag written in entities, is cleaned in its turn: what is clean stays as it is.
    """
    before = None
    while text != before:
        before = text
        for step in CLEANERS:
            text = step(text)
    return text


def normalise(text: str) -> str:
    """What two comments share when they say the same: letters and digits of the cleaned text, in lower case."""
    return " ".join(re.sub(r"[\W_]+", " ", clean(text)).casefold().split())


def is_blank(text: str) -> bool:
    """Whether an answer is empty to the eye."""
    return not text or not clean(text)


def is_no_content(text: str) -> bool:
    """Whether an answer says nothing: "n/a", "no comment", "-", a lone letter or number."""
    words = normalise(text)
    return len(words) <= 1 or words.isdigit() or words in NO_CONTENT_PHRASES


def is_not_english(text: str) -> bool:
    """Whether most letters are of another script than the Latin one. Other languages in Latin letters pass."""
    letters = [char for char in text if char.isalpha()]
    latin = sum("LATIN" in unicodedata.name(char, "") for char in letters)
    return bool(letters) and latin < LATIN_SHARE_OF_ENGLISH * len(letters)


def reason_set_apart(text: str) -> str | None:
    """Why a non-blank comment is not coded: `not_english` or `no_content`; None where it is to be coded."""
    if is_not_english(text):
        return "not_english"
    return "no_content" if is_no_content(text) else None
