"""Names of persons in what people wrote, found offline: by the writing around them and by lists of names.

The lists are data, in `names.toml` beside this file. A name that is also a word ("May", "Grace") counts only where the
writing around it says so, and a name that is part of a place ("Victoria Park") never does. Titles stay out of a name.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

Place = tuple[int, int]  # start and end in the text

LIST = Path(__file__).with_name("names.toml")
LONGEST_NAME = 5  # words
PIECE = re.compile(r"[^\W\d_]+")
PAIR = re.compile(r"(?<=[a-z] )[A-Z][a-z'’-]+ [A-Z][a-z]")
CAPITAL_WITHIN = re.compile(r"[a-z,:(]\s{0,2}[A-Z][a-z]")
INITIAL = re.compile(r"[A-Z]\. ?[A-Z]")
WORD = re.compile(r"[^\W\d_]+(?:['’-](?!s\b)[^\W\d_]+)*")
INITIALS = re.compile(r"(?<![\w.])(?:[A-Z]\. ?){1,3}[A-Z][^\W\d_]+(?:['’-](?!s\b)[^\W\d_]+)*")
NOT_INITIALS = {"UK", "US", "EU", "NI", "AM", "PM", "EG", "IE"}
BUSINESS = re.compile(
    r"['’]s (?:[a-z]{1,12} ){0,2}(?:bakery|barbers?|caf[eé]|chippy|market|pub|restaurant|shop|stall|store|takeaway)\b"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TITLES = _words(
    "mr mrs ms miss mx dr prof professor cllr councillor imam rev revd reverend father sister brother rabbi "
    "sheikh shaykh sir lady lord dame haji hajji hajja maulana mufti ustadh uncle aunt auntie aunty pc sgt "
    "sergeant inspector pastor bishop canon nurse"
)
LOWER_TITLES = _words("mr mrs ms cllr")
SAINTS = _words("st saint king queen prince princess")
RELATIONS = _words(
    "son daughter husband wife partner neighbour neighbor mum mother dad father brother sister nan gran "
    "grandmother grandfather grandson granddaughter nephew niece cousin friend carer caseworker boyfriend "
    "girlfriend baby"
)
GREETINGS = _words("dear hi hello hey")
INTRODUCED = _words("name names name's named surname forename")
SIGN_OFFS = _words("regards sincerely faithfully truly yours thanks cheers wishes best signed love respectfully salaam")
# After these a name that is also a word is a name, if it has a capital, and a plain name is one without.
BEFORE_NAMES = _words(
    "to with from by called named ask asked tell told about and thanks thank you contact met meet saw see is was "
    "its it's i'm im am officer manager worker warden caretaker porter teacher for apa bhai like have has old "
    "young little poor"
)
# After these two words with capitals are a name, even where no list holds them; after "to" only behind the words below.
TWO_WORDS = _words("called ask asked tell told met know knows i'm am")
SPOKEN = _words("spoke speak spoken speaking talk talked talking wrote thanks complained reported listened")
SURNAMES_TOO = _words("hill green wood woods cross hall lane ward house park marsh field court close")
FAMILIES = _words("family twins brothers sisters boys girls household children kids couple")
CONTEXTS = FAMILIES | {form for word in RELATIONS | GREETINGS | SIGN_OFFS for form in (word, word.capitalize())}
AFTER_NAMES = _words(
    "is was has had as always listened listens helped helps made took came comes went gave gives said says told "
    "knows explained works worked runs ran rang phoned called visited never also who really"
)
LOWER_PLACES = _words("ward unit road street estate centre park school court house library hospital hall tower")
PARTICLES = _words("de da di del della van von der bin binte ibn al el mac ap")


@dataclass(frozen=True)
class Names:
    """The lists: each a set of words in lower case."""

    forenames: frozenset[str]
    forenames_and_words: frozenset[str]
    seldom_alone: frozenset[str]
    surnames: frozenset[str]
    of_places: frozenset[str]
    not_persons: frozenset[str]
    telling: frozenset[str]  # words as written, one of which stands in any text that names a person

    def known(self, word: str) -> bool:
        """A given name that is hardly a word, whole or by the first part of it ("Abdul-Karim")."""
        return word in self.forenames or word.replace("’", "-").split("-")[0] in self.forenames

    def surname(self, word: str) -> bool:
        """A family name, whole or by any part of it ("Rahman-Oakes")."""
        return word in self.surnames or ("-" in word and not self.surnames.isdisjoint(word.split("-")))


class Word(NamedTuple):
    start: int
    end: int
    text: str
    fold: str  # in lower case
    gap: str  # what stands between it and the word before

    @property
    def capital(self) -> bool:
        return self.text[0].isupper()


@lru_cache(maxsize=1)
def load_names() -> Names:
    """The lists of names that come with the package."""
    lists = {key: frozenset(words.split()) for key, words in tomllib.loads(LIST.read_text(encoding="utf-8")).items()}
    plain, words = lists["forenames"], lists["forenames_and_words"]
    lower = (plain - CONTEXTS) | LOWER_TITLES | INTRODUCED
    capital = plain | words | lists["surnames"] | TITLES | INTRODUCED
    telling = lower | {word.capitalize() for word in capital} | {word.upper() for word in capital}
    return Names(**lists, telling=frozenset(telling))


def find_names(text: str) -> tuple[Place, ...]:
    """Where persons are named in a text, in order, none overlapping; titles and "'s" stay out."""
    names = load_names()
    found = list(_with_initials(text, names)) if INITIAL.search(text) else []
    if _may_name(text, names):
        found += _Reader(text, names).read()
    places: list[Place] = []
    for start, end in sorted(found, key=lambda place: (place[0], -place[1])):
        if not places or start >= places[-1][1]:
            places.append((start, end))
    return tuple(places)


def _may_name(text: str, names: Names) -> bool:
    """Whether a text holds a word that may be a name or leads to one; most do not, and need no closer reading."""
    words = PIECE.findall(text)
    if not names.telling.isdisjoint(words) or PAIR.search(text):
        return True
    return not CONTEXTS.isdisjoint(words) and CAPITAL_WITHIN.search(text) is not None


def _with_initials(text: str, names: Names) -> Iterator[Place]:
    """ "K. Adeyinka" and "H. M. Uddin"."""
    for match in INITIALS.finditer(text):
        *initials, last = match[0].replace(" ", "").split(".")
        plain = last.casefold()
        if "".join(initials) not in NOT_INITIALS and plain not in names.not_persons and plain not in names.of_places:
            yield match.span()


class _Reader:
    """Reads one text word by word and says where its names are."""

    def __init__(self, text: str, names: Names) -> None:
        self.text, self.names = text, names
        self.words: list[Word] = []
        at = 0
        for match in WORD.finditer(text):
            start, end = match.span()
            self.words.append(Word(start, end, match[0], match[0].casefold(), text[at:start]))
            at = end
        self.shouting = sum(map(str.isupper, text)) > sum(map(str.islower, text))

    def read(self) -> list[Place]:
        runs = list(self.runs())
        kept = {run: name for run in runs if (name := self.name_in(*run))}
        for before, after in pairwise(runs):
            self.join(before, after, kept)
        found = [*kept.values(), *self.lower_names()]
        return [(self.words[first].start, self.words[last - 1].end) for first, last in found]

    def runs(self) -> Iterator[tuple[int, int]]:
        """Words in a row that have a capital and may be part of a name: from, up to."""
        first = 0
        while first < len(self.words):
            last = first
            while last < len(self.words) and last - first < LONGEST_NAME and self.may_go_on(first, last):
                last += 1
            if last > first:
                yield first, last
            first = max(last, first + 1)

    def may_go_on(self, first: int, at: int) -> bool:
        word = self.words[at]
        if (
            at > first
            and word.gap not in (" ", "\u00a0")
            and not (word.gap == ". " and len(self.words[at - 1].text) == 1)
        ):
            return False
        if at > first and word.fold in PARTICLES and at + 1 < len(self.words) and self.words[at + 1].capital:
            return self.words[at + 1].fold not in self.names.not_persons
        if not word.capital or word.fold in SAINTS or self.is_short_form(word):
            return False
        if word.fold in self.names.not_persons and word.fold not in self.names.forenames_and_words:
            return False
        return at > first or (word.fold not in TITLES and len(word.text) > 1)

    def is_short_form(self, word: Word) -> bool:
        """Whether a word stands for other words, or for nobody: "CPN", "XXXX"."""
        upper = len(word.text) <= 3 and word.text.isupper() and not self.shouting
        return (upper and len(word.text) > 1) or (len(word.text) > 1 and len(set(word.fold)) == 1)

    def before(self, at: int, back: int = 1) -> Word | None:
        """The word before, unless a sentence or a line ends between; None where there is none."""
        place = at - back
        if place < 0 or (set(self.words[at].gap) & set(".!?;") and self.words[place].fold not in TITLES):
            return None
        return self.words[place]

    def starts_sentence(self, at: int) -> bool:
        return at == 0 or bool(set(self.words[at].gap) & set(".!?\n"))

    def name_in(self, first: int, last: int) -> tuple[int, int] | None:
        """The name in a run of words with capitals, if there is one."""
        before = self.before(first)
        if before is not None and before.fold in SAINTS:
            return None
        if before is not None and self.is_title(before) and self.words[first].gap.strip(" \u00a0") in ("", "."):
            return first, self.short(first, last)
        if self.is_place(first, last) or (last - first == 1 and BUSINESS.match(self.text, self.words[last - 1].end)):
            return None
        if self.is_introduced(first, last) or self.signs_off(first, last):
            return first, self.short(first, last)
        return self.by_list(first, last)

    def is_title(self, word: Word) -> bool:
        """Whether a word is a title: with a capital, or one that is hardly ever anything else; "MS" is an illness."""
        acronym = word.fold == "ms" and word.text.isupper() and not self.shouting
        return word.fold in TITLES and (word.capital or word.fold in LOWER_TITLES) and not acronym

    def short(self, first: int, last: int) -> int:
        """In a text all in capitals a name goes on only while its words are known, but for one family name."""
        return min(last, first + 2) if self.shouting else last

    def is_place(self, first: int, last: int) -> bool:
        """Whether the run ends in, or holds, a word for a place or a body: "Ben Jonson Road"."""
        folds = [word.fold for word in self.words[first:last]]
        after = self.words[last] if last < len(self.words) else None
        if after is not None and after.gap == " " and after.fold in LOWER_PLACES:
            return True
        if len(folds) == 2 and self.names.known(folds[0]) and folds[1] in SURNAMES_TOO:
            return False
        return not self.names.of_places.isdisjoint(folds[1:])

    def is_introduced(self, first: int, last: int) -> bool:
        """Whether the words before the run say that a name comes, even one that no list holds."""
        before = self.before(first)
        if before is None:
            return False
        gap = self.words[first].gap.strip()
        again = self.before(first, 2)
        if before.fold in INTRODUCED and gap in ("", ":", "-"):
            return True
        if before.fold in ("is", "was", "s") and again is not None and again.fold in INTRODUCED:
            return True
        if before.fold in GREETINGS and gap in ("", ","):
            return True
        if before.fold in RELATIONS and gap in ("", ",", "(", ":"):
            return again is not None and again.fold in ("my", "our", "his", "her", "their", "your", "the")
        if before.fold == "the" and not gap and last < len(self.words) and self.words[last].fold in FAMILIES:
            return True
        if gap == ":" and before.fold in ("from", "contact", "signed"):
            return True
        if last - first == 1 or gap or self.shouting:
            return False
        spoken = before.fold in ("to", "with") and again is not None and again.fold in SPOKEN
        return before.fold in TWO_WORDS or spoken

    def signs_off(self, first: int, last: int) -> bool:
        """Whether the run stands alone after "Regards," or the like."""
        before = self.words[first - 1] if first else None
        if before is None or before.fold not in SIGN_OFFS or self.shouting:
            return False
        after = self.text[self.words[last - 1].end :][:2]
        ends = not after.strip(" .!") or after[0] in ",\n"
        return ends and bool(set(self.words[first].gap) & set(",\n") or before.fold in ("signed", "regards"))

    def by_list(self, first: int, last: int) -> tuple[int, int] | None:
        """The name in a run that the lists of names know, from the first word that may be part of it."""
        folds = [word.fold for word in self.words[first:last]]
        if self.shouting:
            known = (n for n, fold in enumerate(folds) if self.names.known(fold))
            return self.shouted(first + next(known, 0), last)
        strange = not self.in_lists(folds[0])
        if strange and len(folds) > 1 and self.starts_sentence(first) and not self.names.surname(folds[1]):
            return self.by_list(first + 1, last)  # "Especially Mark": the first word has its capital from the sentence
        if (
            any(map(self.names.known, folds))
            or any(map(self.names.surname, folds[1:]))
            or self.may_be_both(first, last)
        ):
            return first, last
        return None

    def in_lists(self, fold: str) -> bool:
        return self.names.known(fold) or self.names.surname(fold) or fold in self.names.forenames_and_words

    def may_be_both(self, first: int, last: int) -> bool:
        """Whether a run begins with a name that is also a word, and stands where a name does."""
        word, before = self.words[first], self.before(first)
        if word.fold not in self.names.forenames_and_words:
            return False
        led = before is not None and before.fold in BEFORE_NAMES and not word.gap.strip()
        if word.fold in self.names.not_persons:
            return led and last - first > 1
        return led or last - first > 1 or (word.fold not in self.names.seldom_alone and self.acts(first, last))

    def acts(self, first: int, last: int) -> bool:
        """Whether a word with a capital stands within a sentence, or begins it and does what people do."""
        if not self.starts_sentence(first):
            return True
        return last < len(self.words) and self.words[last].fold in AFTER_NAMES

    def shouted(self, first: int, last: int) -> tuple[int, int] | None:
        """In capitals only a known given name with a family name behind it, or with a word such as "to" before it."""
        if not self.names.known(self.words[first].fold):
            return None
        before = self.before(first)
        if first + 1 < last and self.names.surname(self.words[first + 1].fold):
            return first, first + 2
        return (first, first + 1) if before is not None and before.fold in BEFORE_NAMES else None

    def join(
        self, before: tuple[int, int], after: tuple[int, int], kept: dict[tuple[int, int], tuple[int, int]]
    ) -> None:
        """A word with a capital is a name beside another name: "Bill and Maureen", "Salma, Zubda"."""
        between = self.text[self.words[before[1] - 1].end : self.words[after[0]].start].strip()
        if between not in ("and", "&", ",", ", and") or (before in kept) == (after in kept) or self.shouting:
            return
        other = before if after in kept else after
        if (other[1] - other[0] == 1 and not self.starts_sentence(other[0]) and not self.is_place(*other)) or (
            other[1] - other[0] == 1 and self.words[other[0]].fold in self.names.forenames_and_words
        ):
            kept[other] = other

    def lower_names(self) -> Iterator[tuple[int, int]]:
        """Names without a capital, where the word before leads to one: "my name is rukshana khatun"."""
        for at, word in enumerate(self.words):
            before = self.before(at)
            if word.capital or before is None or self.words[at].gap.strip(" ."):
                continue
            titled = before.fold in LOWER_TITLES and self.is_title(before) and word.fold not in self.names.not_persons
            led = self.names.known(word.fold) and (before.fold in BEFORE_NAMES or before.fold in RELATIONS)
            named = self.says_name(at) and (self.names.known(word.fold) or word.fold in self.names.surnames)
            if titled or led or named:
                yield at, self.lower_end(at)

    def says_name(self, at: int) -> bool:
        again = self.before(at, 2)
        return again is not None and again.fold in INTRODUCED and self.words[at - 1].fold in ("is", "was")

    def lower_end(self, at: int) -> int:
        """The end of a name without capitals: it goes on while the lists know its words."""
        last = at + 1
        while last < len(self.words) and last - at < LONGEST_NAME and self.words[last].gap == " ":
            fold = self.words[last].fold
            if not (self.names.known(fold) or self.names.surname(fold)):
                break
            last += 1
        return last
