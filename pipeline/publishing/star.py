"""The tables of a star for Power BI: their columns, how they hang together, and the keys that link them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from pipeline.errors import OutputError

BITS = 63  # a key is a whole number that is not negative and fits Power BI's Int64
APART = "\x1f"
LONGEST_NAME = 60
NO_DATE = 0
KEY, WHOLE, NUMBER, TEXT, FLAG, DATE = "key", "whole number", "number", "text", "true or false", "date"


class Keys:
    """Keys of one kind of thing, made of its ids alone: the same id has the same key in every export.

    Calling it raises OutputError for two ids that have the same key, which would join what does not belong together.
    """

    def __init__(self, kind: str, bits: int = BITS) -> None:
        self.kind, self.bits = kind, bits
        self._known: dict[int, str] = {}

    def __call__(self, *ids: str) -> int:
        named = APART.join(ids)
        digest = blake2b(f"{self.kind}{APART}{named}".encode(), digest_size=8).digest()
        key = int.from_bytes(digest, "big") >> (64 - self.bits)
        if self._known.setdefault(key, named) != named:
            what = f"two ids of the kind {self.kind!r} have the same key"
            raise OutputError(what, fix="give the responses other ids in the export, and code it again")
        return key

    def __len__(self) -> int:
        return len(self._known)


@dataclass(frozen=True)
class Field:
    """A column of a table. kind: one of the words above; only those that are not keys may be blank."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Link:
    """A relationship, from the many side to the one side; both sides are `table[column]`."""

    many: str
    one: str


TABLES: Mapping[str, tuple[Field, ...]] = {
    "responses": (
        Field("response_key", KEY, "one row for each response with a comment that was coded"),
        Field("response_id", TEXT, "the id in the export"),
        Field("date_key", KEY, "the day of the response, 0 where it is not known"),
    ),
    "comments": (
        Field("comment_key", KEY, "one row for each comment that was coded"),
        Field("comment_id", TEXT, "the id in the run"),
        Field("response_key", KEY, "whose comment it is"),
        Field("question_key", KEY, "what it answers"),
        Field("voice_key", KEY, "the same for all comments of a campaign, else of this comment alone"),
        Field("text", TEXT, "what was written; personal data"),
        Field("campaign_size", WHOLE, "comments of the same or nearly the same words, this one included"),
        Field("decided", FLAG, "whether a person decided its codes in any facet"),
        Field("drawn", FLAG, "whether it is in the check sample"),
    ),
    "comment_code": (
        Field("comment_key", KEY, "one row for each code of a comment"),
        Field("code_key", KEY, "the code"),
        Field("response_key", KEY, "whose comment it is, to count respondents without a detour"),
        Field("voice_key", KEY, "as in comments, to count campaigns once"),
        Field("decided_by", TEXT, "`person`, `machine`, or `respondent` for what people said of themselves"),
        Field("probability", NUMBER, "how probable the tool found it, 0 to 1; blank where the tool did not give it"),
        Field("checked", FLAG, "whether somebody coded this facet of the comment in the check sample"),
    ),
    "codes": (
        Field("code_key", KEY, "one row for each code of each facet, and one for “no code”"),
        Field("facet", TEXT, "id of the facet"),
        Field("facet_name", TEXT, "name of the facet"),
        Field("code", TEXT, "id of the code, empty for “no code”"),
        Field("name", TEXT, "its name in the codebook"),
        Field("published_name", TEXT, "its name in the published tables"),
        Field("definition", TEXT, "what it means"),
        Field("place", WHOLE, "its place in the codebook, to sort by"),
    ),
    "groups": (
        Field("group_key", KEY, "one row for all respondents, and one for each value they are grouped by"),
        Field("column_name", TEXT, "the column of the export, “(all respondents)” for all"),
        Field("value", TEXT, "the value in that column"),
        Field("place", WHOLE, "its place in the published tables, to sort by"),
        Field("overall", FLAG, "whether it stands for all respondents"),
    ),
    "frequencies": (
        Field("code_key", KEY, "the code"),
        Field("group_key", KEY, "among whom it is counted"),
        Field("comments", WHOLE, "comments with the code"),
        Field("comments_once", WHOLE, "the same, each campaign counted as one"),
        Field("respondents", WHOLE, "people with at least one such comment"),
        Field("base", WHOLE, "people in the group who wrote something with content; blank where that is small"),
        Field("counted_share", NUMBER, "respondents of the base, 0 to 1"),
        Field("share", NUMBER, "the share to quote, corrected where the status says so, 0 to 1"),
        Field("low", NUMBER, "lower end of its 95 % interval"),
        Field("high", NUMBER, "upper end of its 95 % interval"),
        Field(
            "status", TEXT, "`not checked`, `corrected` or `suppressed`; of suppressed rows all is blank but the base"
        ),
    ),
    "dates": (
        Field("date_key", KEY, "year, month and day as one number, 0 for “(not given)”"),
        Field("date", DATE, "the day"),
        Field("year", WHOLE, "year"),
        Field("quarter", WHOLE, "1 to 4"),
        Field("quarter_name", TEXT, "such as 2025 Q3"),
        Field("month", WHOLE, "1 to 12"),
        Field("month_name", TEXT, "such as September"),
        Field("week", WHOLE, "week of the year, 1 to 53, from Monday (ISO 8601)"),
        Field("weekday", WHOLE, "1 for Monday to 7"),
        Field("weekday_name", TEXT, "such as Monday; “(not given)” where the day is not known"),
    ),
    "questions": (
        Field("question_key", KEY, "one row for each question with comments"),
        Field("question", TEXT, "the question as it was asked"),
        Field("place", WHOLE, "its place, to sort by"),
    ),
    "run": (
        Field("run_key", KEY, "one row: what all the others are from"),
        Field("run", TEXT, "name of the run"),
        Field("title", TEXT, "name of the codebook"),
        Field("export", TEXT, "file that was coded"),
        Field("model", TEXT, "model that coded it"),
        Field("wording", TEXT, "published wording of the names; blank for that of the codebook"),
        Field("made", TEXT, "when it was coded"),
        Field("version", TEXT, "version of the tool"),
        Field("responses", WHOLE, "responses in the export"),
        Field("base", WHOLE, "of these, those that say something"),
        Field("drawn", WHOLE, "comments of the check sample that were coded"),
        Field("coders", WHOLE, "people who coded it"),
        Field("smallest", WHOLE, "counts below it are suppressed"),
        Field("export_digest", TEXT, "SHA-256 of the export"),
        Field("codebook_digest", TEXT, "SHA-256 of the codebook"),
        Field("model_digest", TEXT, "SHA-256 of the model"),
    ),
}
PUBLIC = ("codes", "groups", "frequencies")

LINKS = (
    Link("comments[response_key]", "responses[response_key]"),
    Link("comments[question_key]", "questions[question_key]"),
    Link("responses[date_key]", "dates[date_key]"),
    Link("comment_code[comment_key]", "comments[comment_key]"),
    Link("comment_code[code_key]", "codes[code_key]"),
    Link("frequencies[code_key]", "codes[code_key]"),
    Link("frequencies[group_key]", "groups[group_key]"),
)


def links_within(tables: Iterable[str]) -> tuple[Link, ...]:
    """The relationships both of whose tables are there."""
    there = set(tables)
    return tuple(link for link in LINKS if {link.many.split("[")[0], link.one.split("[")[0]} <= there)


def column_names(headers: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Header of the export → name in lower case, of letters, digits and `_`, each once and none of those taken."""
    used, named = set(taken), {}
    for header in headers:
        plain = unicodedata.normalize("NFKD", header).encode("ascii", "ignore").decode().casefold()
        stem = re.sub(r"[^a-z0-9]+", "_", plain)[:LONGEST_NAME].strip("_") or "attribute"
        name, n = stem, 1
        while name in used:
            n += 1
            name = f"{stem}_{n}"
        used.add(name)
        named[header] = name
    return named
