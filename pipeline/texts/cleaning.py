"""What is done to a comment before the machine reads it, and the rules that set a comment apart.

Nothing here touches what is written back: the respondent's own words stay as they are.
"""

import html
import re
import unicodedata
from collections.abc import Callable

# What answers without content come down to, once what is said around it ("please", "really", "at all") is left out.
NO_CONTENT = """
    n a|na|none|nil|no|nope|nah|nothing|not applicable|no comment|no comments|no further comment
    no further comments|no more|no other comment|no other comments|no additional comments|no particular comment
    no particular comments|no specific comments|i have no comment|i have no comments|i have no further comments
    i have none|i have nothing to add|i have nothing further to add|nothing to add|nothing more to add
    nothing further to add|nothing else to add|nothing else|nothing more|nothing further|nothing in particular
    nothing specific|nothing to say|nothing else to say|nothing more to say|nothing to report
    nothing comes to mind|nothing springs to mind|nothing i can think of|nothing that i can think of
    none that i can think of|none i can think of|not that i can think of|can t think of anything
    cant think of anything|cannot think of anything|i can t think of anything|i cannot think of anything
    can t think of any|none spring to mind|nothing yet|none yet|not|no not|no answer|no response|no reply|blank
    left blank|intentionally blank|intentionally left blank|skip|skipped|pass|prefer not to say
    prefer not to answer|rather not say|idk|i don t know|i dont know|don t know|dont know|do not know
    i do not know|dunno|not sure|i m not sure|i am not sure|unsure|no idea|no opinion|no view|no views
    no suggestion|no suggestions|no thoughts|no preference|no no|no nothing|no none|none none|nothing nothing
    n a n a|same|same again|same thing|ditto|test|testing|asdf|asdfgh|qwerty|tbc|x|xx|xxx
"""
NO_CONTENT_PHRASES = frozenset(" ".join(one.split()) for one in NO_CONTENT.replace("\n", "|").split("|") if one.strip())
LONGEST_NO_CONTENT = 100  # characters; no answer without content is longer
MOST_NESTED = 10  # tags or entities within one another that are looked into; no form writes more
BEFORE = "please|sorry|well|um|er|i think|i m afraid|honestly|at present|at the moment|currently"
AFTER = (
    "really|at all|thanks|thank you|many thanks|thankyou|ta|please|sorry|though|at this time|at this stage"
    "|at this point|at present|at the moment|for now|right now|currently|to be honest|tbh|i think|i m afraid|from me"
    "|on this|to me|for me|of note|whatsoever"
)
# Questions that only invite more to be said; "none" is no answer to them. But of "what could be better?" it is praise.
INVITATIONS = (
    r"anything (?:else|more|further|other|to (?:add|say|tell))",
    r"anything you (?:want|wish|would like|d like) to (?:add|say|tell|share)",
    r"any (?:\w+ )?(?:comment|suggestion|idea|thought|view)s?",
    r"your (?:comment|suggestion|idea|thought|view)s?",
    r"feedback|why|explain|reasons?|tell us (?:more|about)|^comments?$",
    r"(?:what|how) (?:else|should|could|can|might)\b(?!.*\b(?:better|improve))",
)
# Questions to which something absent is an answer, and the answers that say so.
ANSWERING = {
    r"^(?:do|does|did|is|are|was|were|have|has|had|will|would|should|could|can|may)\b": (
        "no|nope|nah|none|not|no not|no no|nothing"
    ),
    r"\bhow (?:many|much)\b|\bnumber of\b": "no|none|nil|nothing",
    r"\b(?:what|which|list|name)\b|\b(?:better|improve)": "none|nil|nothing|none i can think of|nothing in particular",
}
COUNTS = r"\bhow (?:many|much|long|old|often|far)\b|\bnumber of\b|\b(?:score|rate|rating|scale|age|year)\b|\bout of \d"


_SPACES = re.compile(r"\s+")
_EXCEL_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TAGS = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " ", "\u00ad": None})
_LONG_RUN = re.compile(r"(.)\1{3,}")
_MANY_MARKS = re.compile(r"[^\w\s\x00-\x7f]{30}(?=[^\w\s\x00-\x7f])")
_OPENERS = str.maketrans("&<", "  ")
_BEFORE = re.compile(rf"^(?:{BEFORE}) ")
_AFTER = re.compile(rf" (?:{AFTER})$")
_INVITES = re.compile("|".join(rf"(?:\b(?:{one})\b)" for one in INVITATIONS))
_ANSWERING = [(re.compile(asks), frozenset(answers.split("|"))) for asks, answers in ANSWERING.items()]
_COUNTS = re.compile(COUNTS)
# "as above", "see previous answer", "same as Q3", "already answered in question 2": what is said stands elsewhere.
_SAID = "(?:stated|mentioned|said|given|answered|noted|written|explained|covered|discussed)"
_WHERE = "(?:above|before|earlier|previously|previous|prior|preceding|last|first|other)"
_WHAT = "(?:answers?|comments?|responses?|reply|replies|questions?|sections?|points?)"
_NUMBERED = r"(?:(?:q|question|section|answer|point) ?)?\d{1,2}[a-z]?"
_THERE = rf"(?:(?: in| at| to| on| by| for)?(?: my| the| our)? (?:{_WHERE}(?: (?:{_WHAT}|one))?|{_WHAT}|{_NUMBERED}))"
_ALREADY = rf"(?:i (?:have |ve )?)?already {_SAID}(?: this| that| it)?"
_LIKE = rf"(?:see|refer(?: back)? to|ditto|repeat of|same(?: answer| response| comments?)? as|as(?: per| {_SAID})?)"
_ELSEWHERE = re.compile(
    rf"(?:{_LIKE}|{_ALREADY}){_THERE}{{1,3}}|{_ALREADY}|{_SAID} (?:above|earlier|previously|before)"
)


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
    """One code point for a letter with its accent (Unicode NFC).

    No more than 30 marks follow one another, as in Unicode's stream-safe format: putting many in order takes the square
    of their number.
    """
    return unicodedata.normalize("NFC", text if text.isascii() else _MANY_MARKS.sub(r"\g<0> ", text))


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
    times = 0
    while text != before:
        before = text
        for step in CLEANERS:
            text = step(text)
        times += 1
        if times % MOST_NESTED == 0:
            text = text.translate(_OPENERS)
    return text


def normalise(text: str) -> str:
    """What two comments share when they say the same: letters and digits of the cleaned text, in lower case."""
    return " ".join(re.sub(r"[\W_]+", " ", clean(text)).casefold().split())


def is_blank(text: str) -> bool:
    """Whether an answer is empty to the eye."""
    return not text or not clean(text)


def is_no_content(text: str, question: str = "") -> bool:
    """Whether an answer says nothing: "n/a", "no comment", "see above", "-", a lone letter or number.

    Where the question makes it an answer ("What problems do you have?" "None."; "How many?" "3") it says something.
    """
    if len(text) > LONGEST_NO_CONTENT:
        return False
    words = normalise(text)
    if words.isdigit():
        return not _COUNTS.search(normalise(question))
    if len(words) <= 1:
        return True
    core = _without_what_is_around(words)
    if core in NO_CONTENT_PHRASES:
        return not _makes_an_answer(normalise(question), core)
    return bool(_ELSEWHERE.fullmatch(core))


def _without_what_is_around(words: str) -> str:
    """An answer in its normal form without the courtesies and fillings before and after it; never nothing."""
    before = None
    while words != before:
        before = words
        words = _AFTER.sub("", _BEFORE.sub("", words)) or before
    return words


def _makes_an_answer(question: str, core: str) -> bool:
    """Whether a question, in its normal form, asks for something that can be absent, and the answer says that it is."""
    if _INVITES.search(question):
        return False
    return any(asks.search(question) and core in answers for asks, answers in _ANSWERING)
