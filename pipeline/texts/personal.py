"""Personal data in what people wrote: found by kind, masked, counted; nothing leaves the machine to do so.

Each kind has a pattern and, where one exists, its check sum. Patterns are bounded, so that no text takes long. What
people typed is never altered where it is stored; `mask` makes the copy that may be published.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.texts.names import find_names

Place = tuple[int, int]

EMAIL, TELEPHONE, POSTCODE, ADDRESS = "email", "telephone", "postcode", "address"
NATIONAL_INSURANCE, NHS, REFERENCE = "national insurance number", "NHS number", "reference"
BANK, ONLINE, VEHICLE, BIRTH, PERSON = (
    "bank or card",
    "online account",
    "vehicle registration",
    "date of birth",
    "person",
)
# In the order in which they claim their place: a number that could be two things is the first of them.
MASKS = {
    EMAIL: "[email]",
    ONLINE: "[online account]",
    BANK: "[bank details]",
    BIRTH: "[date of birth]",
    NATIONAL_INSURANCE: "[national insurance number]",
    TELEPHONE: "[telephone]",
    NHS: "[NHS number]",
    VEHICLE: "[vehicle registration]",
    ADDRESS: "[address]",
    POSTCODE: "[postcode]",
    REFERENCE: "[reference]",
    PERSON: "[name]",
}
KINDS = tuple(MASKS)


@dataclass(frozen=True)
class Finding:
    """Personal data in a text: from where, up to where, of which of the KINDS."""

    start: int
    end: int
    kind: str


def find_personal(text: str, nlp: Callable[[str], Any] | None = None) -> tuple[Finding, ...]:
    """The personal data in a text, in order, none overlapping.

    nlp: a spaCy pipeline that finds entities; what it calls a PERSON is found too.
    """
    taken: list[Finding] = []
    for kind, places in _candidates(text, nlp):
        taken = _with(taken, kind, places)
    return tuple(taken)


def mask(text: str, nlp: Callable[[str], Any] | None = None) -> str:
    """The text with a word in brackets, such as [email] or [name], for each piece of personal data."""
    parts, at = [], 0
    for finding in find_personal(text, nlp):
        parts += [text[at : finding.start], MASKS[finding.kind]]
        at = finding.end
    return "".join(parts) + text[at:]


def count_kinds(texts: Iterable[str], nlp: Callable[[str], Any] | None = None) -> dict[str, int]:
    """How many pieces of each kind of personal data the texts hold; every kind is named."""
    found = Counter(finding.kind for text in texts for finding in find_personal(text, nlp))
    return {kind: found[kind] for kind in KINDS}


def _candidates(text: str, nlp: Callable[[str], Any] | None) -> Iterator[tuple[str, Iterable[Place]]]:
    """(kind, where) of all that may be personal data, what is surest first."""
    for kind, sign, find in FINDERS if DIGIT.search(text) else FINDERS_WITHOUT_DIGITS:
        if sign(text):
            yield kind, find(text)
    yield PERSON, find_names(text)
    if nlp is not None:
        yield PERSON, [(found.start_char, found.end_char) for found in nlp(text).ents if found.label_ == "PERSON"]


def _with(taken: list[Finding], kind: str, places: Iterable[Place]) -> list[Finding]:
    """The findings in order, and those of the places that none of them touches."""
    starts = [finding.start for finding in taken]
    kept: list[Finding] = []
    for start, end in sorted(places, key=lambda place: (place[0], -place[1])):
        at = bisect_right(starts, start)
        free = (not at or taken[at - 1].end <= start) and (at == len(taken) or end <= taken[at].start)
        if free and (not kept or kept[-1].end <= start):
            kept.append(Finding(start, end, kind))
    return sorted(taken + kept, key=lambda finding: finding.start) if taken and kept else taken or kept


# ---- signs that a text may hold a kind at all: cheap, so that most texts are done at once ----------------------------

DIGIT = re.compile(r"\d")
TWO_DIGITS = re.compile(r"\d\D{0,3}\d")
NUMBER = re.compile(r"\d[^\s,.£]{0,8}\d[^\s,.£]{0,8}\d")
PLATE_LIKE = re.compile(r"\d{1,3} ?[A-Za-z]{3}\b")
HOUSE_LIKE = re.compile(r"\d[A-Za-z]?,? [A-Za-z]")
FOUR_DIGITS = re.compile(r"\d\D{0,3}\d\D{0,3}\d\D{0,3}\d")
LONG_NUMBER = re.compile(r"\d[\d ()./–\u00a0-]{4,}\d")


def _has(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.search(text) is not None


def _may_have_email(text: str) -> bool:
    return "@" in text or "(at)" in text or "[at]" in text


def _may_tell_birth(text: str) -> bool:
    lower = text.casefold()
    return any(word in lower for word in ("born", "birth", "dob", "o.b", "o. b"))


def _may_be_online(text: str) -> bool:
    return "@" in text or "www." in text or "/" in text


# ---- e-mail and online ----------------------------------------------------------------------------------------------

EMAIL_ADDRESS = re.compile(
    r"(?<![\w.+-])[\w.+'-]{1,64}(?:@| ?[(\[]at[)\]] ?)[\w-]{1,63}(?:(?:\.| ?[(\[]dot[)\]] ?)[\w-]{1,63}){1,5}"
)
WEB_PAGE = re.compile(r"(?:https?://|\bwww\.)(?P<host>[\w.-]{1,100})[^\s<>\"]{0,300}", re.IGNORECASE)
SOCIAL_PAGE = re.compile(
    r"(?<![\w.])(?:facebook|fb|instagram|twitter|x|tiktok|linkedin|youtube|nextdoor|threads)\.com?/[\w@./-]{2,100}",
    re.IGNORECASE,
)
HANDLE = re.compile(r"(?<![\w.@])@(?!(?:home|school|work)\b)[A-Za-z_][\w.]{1,29}")
PUBLIC_HOST = re.compile(r"(?:^|\.)(?:(?:gov|nhs|police|parliament|ac|sch)\.uk|bbc\.co\.uk)$", re.IGNORECASE)


def _emails(text: str) -> Iterator[Place]:
    return (match.span() for match in EMAIL_ADDRESS.finditer(text))


def _online(text: str) -> Iterator[Place]:
    """Handles, pages on social networks, and web pages but for those of public bodies."""
    for match in WEB_PAGE.finditer(text):
        if not PUBLIC_HOST.search(match["host"].rstrip(".")):
            yield _trimmed(match, text)
    for pattern in (SOCIAL_PAGE, HANDLE):
        yield from (_trimmed(match, text) for match in pattern.finditer(text))


def _trimmed(match: re.Match[str], text: str) -> Place:
    """Where a match stands, without the full stop or comma that ends the sentence."""
    return match.start(), match.start() + len(match[0].rstrip(".,;:!?)'"))


# ---- numbers with a check sum ---------------------------------------------------------------------------------------

NHS_FORM = re.compile(r"(?<![\w£$€.-])\d{3}[ -]?\d{3}[ -]?\d{4}(?![\w-]|\.\d)")
NHS_SAID = re.compile(r"\bnhs\b[^\d\n]{0,25}$", re.IGNORECASE)
CARD_FORM = re.compile(r"(?<![\w£$€.])\d(?:[ -]?\d){12,18}(?!\w)")
IBAN_FORM = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)", re.IGNORECASE)
SORT_CODE = re.compile(
    r"\bsort(?: code)?\b\D{0,12}(\d\d[- ]?\d\d[- ]?\d\d)(?!\d)(?:\D{1,25}(\d{7,8})(?!\d))?", re.IGNORECASE
)
SORT_AND_ACCOUNT = re.compile(r"(?<![\d-])\d\d-\d\d-\d\d[ ,/]{1,3}\d{8}(?!\d)")
BANK_ACCOUNT = re.compile(r"\bbank account\b\D{0,20}(\d{8})(?!\d)", re.IGNORECASE)


def nhs_checks(digits: str) -> bool:
    """Whether ten digits end in the check digit of an NHS number: weights 10 to 2, modulus 11."""
    check = (11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=False)) % 11) % 11
    return len(digits) == 10 and check == int(digits[-1])


def card_checks(digits: str) -> bool:
    """Whether the digits of a payment card hold by the Luhn sum."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return len(set(digits)) > 1 and sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def iban_checks(account: str) -> bool:
    """Whether an international bank account number holds by its remainder of 97."""
    turned = account[4:] + account[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


def _nhs_numbers(text: str) -> Iterator[Place]:
    """Ten digits that check, or that the writer calls an NHS number: a slip of the pen still tells who it is."""
    for match in NHS_FORM.finditer(text):
        if nhs_checks(_digits(match[0])) or NHS_SAID.search(text[max(match.start() - 40, 0) : match.start()]):
            yield match.span()


def _bank(text: str) -> Iterator[Place]:
    for match in CARD_FORM.finditer(text):
        if card_checks(_digits(match[0])):
            yield match.span()
    for match in IBAN_FORM.finditer(text):
        if iban_checks(match[0].replace(" ", "").upper()):
            yield match.span()
    for pattern in (SORT_CODE, BANK_ACCOUNT):
        for match in pattern.finditer(text):
            yield from (match.span(part) for part in range(1, pattern.groups + 1) if match[part])
    yield from (match.span() for match in SORT_AND_ACCOUNT.finditer(text))


def _digits(text: str) -> str:
    return "".join(char for char in text if "0" <= char <= "9")


# ---- telephone ------------------------------------------------------------------------------------------------------

DIALLED = re.compile(r"(?<![\w£$€.,/-])(?:\+ ?[1-9]|\(?0)[\d ().–\u00a0-]{7,24}")
LOCAL = re.compile(
    r"\b(?:(?:my|his|her|our|their|phone|mobile|home|work|landline|contact) (?:number|no|num)"
    r"|tel|telephone|phone|mobile|ring|call)\b[^\w\n]{0,3}(?:is |on |me |me on ){0,2}"
    r"[^\w\n]{0,2}([2-9]\d{2,3}[ -]\d{3,4})(?![\w-])",
    re.IGNORECASE,
)
DOTTED_DATE = re.compile(r"0?\d[.-]\d\d?[.-]\d{4}\b")
NATIONAL, INTERNATIONAL = (10, 11), (9, 15)  # digits, with the first 0 or the country's code


def _telephones(text: str) -> Iterator[Place]:
    """Numbers as they are dialled here or abroad, drama numbers and mistyped ones too, and local ones called so."""
    for match in DIALLED.finditer(text):
        if (length := _dialled(match[0], text[match.end() : match.end() + 1])) and not DOTTED_DATE.match(match[0]):
            yield match.start(), match.start() + length
    yield from (match.span(1) for match in LOCAL.finditer(text))


def _dialled(run: str, after: str) -> int:
    """How much of a run of digits and separators is one telephone number; 0 for none."""
    places = [at for at, char in enumerate(run) if "0" <= char <= "9"]
    digits = _digits(run)
    abroad = run[0] == "+" or digits.startswith("00")
    fewest, most = INTERNATIONAL if abroad else NATIONAL
    if digits.startswith(("44", "0044")):
        most = len(digits[: digits.index("44") + 2]) + 10 + ("(0)" in run)
    if len(digits) < fewest or (len(set(digits)) < 3):
        return 0
    whole = places[: most + 2 * digits.startswith("00") * (most == INTERNATIONAL[1])]
    end = whole[-1] + 1
    following = run[end : end + 1] or after
    return 0 if following.isalnum() else end


# ---- where somebody lives -------------------------------------------------------------------------------------------

POSTCODE_FORM = re.compile(
    r"(?<![\w£$€.-])(?:[A-PR-UWYZ][A-HK-Y]?\d[\dA-Z]?)[ \u00a0]{0,2}(\d[ABD-HJLNP-UW-Z]{2})(?!\w)", re.IGNORECASE
)
ORDINALS = re.compile(r"1st|2nd|3rd|\dth")
STREETS = (
    "Avenue|Ave|Buildings|Close|Court|Crescent|Drive|Gardens|Grove|Heights|Hill|House|Lane|Lodge|Mansions|Mews|Place|Point|Road|Rd"
    "|Rise|Row|Square|Street|St|Terrace|Tower|Towers|Walk|Way|Wharf|Yard"
)
FLAT = r"(?:[Ff]lat|FLAT|[Aa]partment|[Aa]pt|[Uu]nit|[Mm]aisonette) ?(?:\d{1,4}[A-Za-z]?|[A-Z])"
NAMED = rf"(?:[A-Z][\w'’-]{{1,30}} ){{1,3}}(?:{STREETS})"
NUMBERED = rf"\d{{1,4}}[A-Za-z]?,? {NAMED}"
ADDRESS_FORM = re.compile(
    rf"(?<![\w£$€.,/-])(?:{FLAT},? (?:(?:of|at|in) )?(?:{NUMBERED}|{NAMED})|{NUMBERED})(?!\w)"
    rf"(?:, {FLAT}(?!\w))?"
)
NOT_A_NUMBER = re.compile(
    r"\b(?:about|around|bus|buses|by|every|for|in|least|nearly|"
    r"next|no|over|past|routes?|since|than|the|till|to|under|until) $",
    re.IGNORECASE,
)
LOWER_ADDRESS = re.compile(
    r"\b(?:live[sd]? (?:at|on|in)|we are at|i am at|i['’]m at|address(?: is)?:?|moved (?:in)?to|flat \d{1,4}[a-z]?,?) "
    rf"(?P<at>(?:flat \d{{1,4}}[a-z]?,? )?\d{{1,4}}[a-z]?,? (?:[\w'’-]{{2,30}} ){{1,3}}(?:{STREETS}))(?!\w)",
    re.IGNORECASE,
)


def _postcodes(text: str) -> Iterator[Place]:
    """Whole postcodes; the first half alone ("E14") is home to tens of thousands and stays."""
    return (m.span() for m in POSTCODE_FORM.finditer(text) if not ORDINALS.fullmatch(m[1]))


def _addresses(text: str) -> Iterator[Place]:
    """A house number with its street or building, and the flat; a street alone is nobody's address."""
    for match in ADDRESS_FORM.finditer(text):
        lead = text[max(match.start() - 12, 0) : match.start()]
        flat = match[0][0].isalpha()
        if flat or not (NOT_A_NUMBER.search(lead) or re.match(r"(?:19|20)\d\d ", match[0])):
            yield match.span()
    yield from (match.span("at") for match in LOWER_ADDRESS.finditer(text))


# ---- other numbers --------------------------------------------------------------------------------------------------

NI_FORM = re.compile(r"(?<!\w)([A-Z]{2})[ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D](?!\w)", re.IGNORECASE)
SHORT_WORDS = re.compile(r"am|as|at|be|by|do|go|he|if|in|is|it|me|my|no|of|on|or|so|to|up|us|we")
PLATE_FORM = re.compile(r"(?<![\w£-])[A-HJ-Y][A-HJ-Y]\d{2} ?[A-HJ-PR-Z]{3}(?!\w)")
PLATE_TAXED = re.compile(
    r"(?<!\w)[A-Z]\d{1,3} ?[A-Z]{3}(?= (?:[a-z]{1,12} ){0,2}(?:parks?|parked|tax|taxed|mot|untaxed|blocks?)\b)"
)
PLATE_SAID = re.compile(
    r"\b(?:reg|registration|plates?|number plate|vrm|car|van|lorry|moped|motorbike|bike|vehicle|scooter)"
    r"\b\W{0,3}(?:\w{1,12}\W{1,2}){0,3}?"
    r"([A-Z]{2}\d{2} ?[A-Z]{3}|[A-Z]\d{1,3} ?[A-Z]{3})(?!\w)",
    re.IGNORECASE,
)
MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}"
DAY = (
    rf"(?:\d{{4}}-\d\d?-\d\d?|\d{{1,2}}[./ -]\d{{1,2}}[./ -]\d{{2,4}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {MONTH}(?:,? \d{{2,4}})?"
    rf"|{MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? \d{{4}})?)(?!\w)"
)
BORN = re.compile(
    rf"\b(?:date of birth|d\.? ?o\.? ?b\b\.?|born(?: on)?(?: the)?|birthday(?: is)?(?: on)?(?: the)?)"
    rf"[^\w\n]{{0,3}}(?:is )?({DAY})",
    re.IGNORECASE,
)
BIRTHDAY = re.compile(rf"(?<!\w)({DAY}) (?:is|was) (?:my|his|her|our) (?:birthday|date of birth)", re.IGNORECASE)
CALLED = (
    r"ref(?:erence)?s?|case|complaint|ticket|application|account|acc|a/c|pcn|penalty|notice|claim|crime|incident|report|order|tenancy"
    r"|tenant|policy|invoice|member(?:ship)?|card|badge|permit|uprn|foi|bid(?:ding)?|payment|request|job|enquiry|query|licence|license"
    r"|docket|receipt|booking|parcel|passport|customer|file|homelessness|planning|stage \d|cad|council tax|rent"
)
NUMBER_WORD = r"(?:no|nos|num|number|nr|ref|reference|id|code|badge|account|notice|is|was)"
GAP = r"[^\w\n£$€#]{0,3}"
VALUE = (
    r"#?(?=[A-Z/-]{0,12}\d|(?-i:[A-Z]{2,5}) \d)(?:(?-i:[A-Z]{2,5}) (?=\d{4}))?"
    r"[A-Z0-9]{1,20}(?:[/-][A-Z0-9]{1,20}){0,5}(?: \d{2,8}){0,3}"
)
REFERENCE_SAID = re.compile(
    rf"\b(?:{CALLED})\b(?P<link>{GAP}(?:{NUMBER_WORD}\b{GAP}){{0,3}})(?P<is>{VALUE})(?!\w)", re.IGNORECASE
)
REFERENCE_FORM = re.compile(
    r"(?<![\w£$€./-])(?:#\d{4,12}|[A-Z]{1,6}\d{6,12}|[A-Z]{2,6}\d{0,2}(?:[/-][A-Z0-9]{1,12}){1,5}|\d{8,12})(?![\w/-]|\.\d|,\d)"
)
YEARS = re.compile(r"(?:19|20)\d\d(?:[/-]\d\d)?")


def _national_insurance(text: str) -> Iterator[Place]:
    """Two letters, six digits, a letter from A to D, however spaced; made-up and mistyped prefixes too."""
    return (m.span() for m in NI_FORM.finditer(text) if not SHORT_WORDS.fullmatch(m[1]))


def _vehicles(text: str) -> Iterator[Place]:
    for pattern in (PLATE_FORM, PLATE_TAXED):
        yield from (match.span() for match in pattern.finditer(text))
    yield from (match.span(1) for match in PLATE_SAID.finditer(text))


def _births(text: str) -> Iterator[Place]:
    """Days of birth said to be so; a year alone ("born in 1950") stays."""
    for pattern in (BORN, BIRTHDAY):
        yield from (match.span(1) for match in pattern.finditer(text))


def _references(text: str) -> Iterator[Place]:
    """Numbers of cases, accounts, applications and the like: called so, or in a form that only such numbers have."""
    for match in REFERENCE_SAID.finditer(text):
        if _is_reference(match["is"], bool(match["link"].strip())):
            yield match.span("is")
    for match in REFERENCE_FORM.finditer(text):
        digits = _digits(YEARS.sub("", match[0]) if "/" in match[0] or "-" in match[0] else match[0])
        if len(digits) >= 4 and not match[0].endswith("00000"):
            yield match.span()


def _is_reference(value: str, linked: bool) -> bool:
    """Enough digits to name one case; linked: "number" or a colon stands before it."""
    digits = _digits(value)
    if YEARS.fullmatch(value) or value.endswith("00000"):
        return False
    if value.isdigit():
        return len(digits) >= (4 if linked else 5)
    return len(digits) >= 3 and not re.match(r"\d+(?:st|nd|rd|th|am|pm|k|m)\b", value, re.IGNORECASE)


FINDERS: tuple[tuple[str, Callable[[str], bool], Callable[[str], Iterator[Place]]], ...] = (
    (EMAIL, _may_have_email, _emails),
    (ONLINE, _may_be_online, _online),
    (BANK, _has(LONG_NUMBER), _bank),
    (BIRTH, _may_tell_birth, _births),
    (NATIONAL_INSURANCE, _has(FOUR_DIGITS), _national_insurance),
    (TELEPHONE, _has(LONG_NUMBER), _telephones),
    (NHS, _has(LONG_NUMBER), _nhs_numbers),
    (VEHICLE, _has(PLATE_LIKE), _vehicles),
    (ADDRESS, _has(HOUSE_LIKE), _addresses),
    (POSTCODE, _has(TWO_DIGITS), _postcodes),
    (REFERENCE, _has(NUMBER), _references),
)
FINDERS_WITHOUT_DIGITS = tuple(finder for finder in FINDERS if finder[0] in (EMAIL, ONLINE))
