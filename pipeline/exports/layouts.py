"""The shapes in which survey platforms write an export: titles, header rows, names of columns, previews.

Told from the first rows alone. What each platform writes is gathered in the tables at the top.
"""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from pipeline.files.raw_table import Row

FIRST_ROWS = 60
MOST_TITLES = 15
TITLE_CELLS = 2
PLAIN = "plain table"

# A platform is known by this many of these headers, which it writes by itself.
PLATFORMS: tuple[tuple[str, int, frozenset[str]], ...] = (
    (
        "Microsoft Forms",
        3,
        frozenset({"id", "start time", "completion time", "email", "name", "last modified time"}),
    ),
    (
        "SmartSurvey",
        4,
        frozenset(
            {"userid", "userno", "unique id", "ip address", "started", "ended", "tracking link", "email", "name"}
            | {"device type", "user agent", "collector", "language", "completed"}
        ),
    ),
    (
        "SurveyMonkey",
        3,
        frozenset({"respondent id", "collector id", "start date", "end date", "ip address", "email address"}),
    ),
    (
        "Qualtrics",
        5,
        frozenset(
            {"startdate", "enddate", "status", "ipaddress", "progress", "duration (in seconds)", "finished"}
            | {"recordeddate", "responseid", "recipientlastname", "recipientfirstname", "recipientemail"}
            | {"externalreference", "locationlatitude", "locationlongitude", "distributionchannel", "userlanguage"}
            | {"start date", "end date", "response type", "ip address", "recorded date", "response id"}
            | {"distribution channel", "user language"}
        ),
    ),
)
# One header must be among these, too: "name", "email" and "id" alone say nothing.
SURE = {
    "Microsoft Forms": {"completion time"},
    "SmartSurvey": {"userid", "userno"},
    "SurveyMonkey": {"respondent id"},
    "Qualtrics": {"responseid", "recordeddate", "recorded date"},
}
TEXT_HEADERS = frozenset({"text", "comment", "comments", "feedback", "answer", "verbatim", "response", "free text"})
MONKEY_MARKS = frozenset({"response", "open-ended response"})
MONKEY_OWN = frozenset({"respondent id", "collector id"})
BLANK_MARKS = {"SmartSurvey": "-"}
PREVIEWS = {
    "status": {"survey preview", "survey test", "spam preview", "offline preview", "1", "2", "9", "17"},
    "response type": {"survey preview", "survey test", "spam preview", "offline preview", "1", "2", "9", "17"},
    "distributionchannel": {"preview", "test"},
    "distribution channel": {"preview", "test"},
}
IMPORT_ID = re.compile(r'^\s*\{\s*"+ImportId"')
SHORT_ID = re.compile(r"^(?:q|v|qid|question|var)[_.\- ]?\d[\w.\-#]*$|^[a-z]{1,8}_?\d{1,3}(?:_\w+)?$", re.IGNORECASE)
QUESTION = re.compile(
    r"\?\W*$|^(?:what|how|why|which|who|where|when|do you|did you|are you|is there|have you|would you|to what extent"
    r"|please|if you|any other|in what|on a scale|overall)\b",
    re.IGNORECASE,
)
NUMBER = re.compile(r"^[+\-£$€]?\s?\d[\d\s,.:/\-]*(?:%|[ap]m|z)?$", re.IGNORECASE)
TAG = re.compile(r"<[^<>]{1,200}>")


@dataclass(frozen=True)
class Shape:
    """What was recognised of an export: row numbers as a spreadsheet shows them.

    blank: what the platform writes where nothing was answered. notes: what a person should know.
    """

    platform: str
    header_rows: tuple[int, ...]
    title_rows: tuple[int, ...] = ()
    blank: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Top:
    """What stands above the responses. names: one per column, all different.

    ids: other names a column goes by, folded, and its place. rows: the rows above the responses as they stood.
    previews: column → folded values that mark a row as a preview.
    """

    shape: Shape
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    ids: dict[str, int] = field(default_factory=dict)
    previews: dict[int, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Header:
    """One way to read the first rows: how many are header, and the names they give."""

    depth: int
    names: list[str]
    platform: str = ""
    note: str = ""


def fold(name: str) -> str:
    """A header as headers are compared: one space between words, in lower case."""
    return " ".join(name.casefold().split())


def as_name(cell: str) -> str:
    """A header on one line: line breaks, tabs and hard spaces are spaces, and `_x000D_` is a line break."""
    return " ".join(cell.replace("_x000D_", " ").replace("\ufeff", "").split())


def recognise(rows: Sequence[Row], used: int) -> Top:
    """The shape of an export from its first rows; `used` is how many columns any response fills."""
    titles = _titles(rows)
    head = [cells for _, cells in rows[titles:]]
    header = next(found for way in WAYS if (found := way(head)))
    names = _all_different(_kept(header.names, head[: header.depth], used))
    above = tuple(rows[: titles + header.depth])
    folded = [{fold(cell) for cell in cells} for cells in head[: header.depth]]
    platform = header.platform or _platform(set().union(*folded))
    ids = _ids(head[: header.depth], names)
    previews = {place: frozenset(PREVIEWS[name]) for name, place in ids.items() if name in PREVIEWS}
    shape = Shape(
        platform,
        tuple(n for n, _ in above[titles:]),
        tuple(n for n, _ in above[:titles]),
        BLANK_MARKS.get(platform, ""),
        tuple(filter(None, (header.note, _gap(rows, len(above)), _repeats(header.names)))),
    )
    return Top(shape, names, above, ids, previews if platform == "Qualtrics" else {})


def _platform(headers: set[str]) -> str:
    for name, least, marks in PLATFORMS:
        if len(headers & marks) >= least and headers & SURE[name]:
            return name
    if "response id" in headers and any(header.endswith("- text") for header in headers):
        return "Citizen Space"
    return PLAIN


def _gap(rows: Sequence[Row], above: int) -> str:
    if 0 < above < len(rows) and rows[above][0] > rows[above - 1][0] + 1:
        return "blank below the header"
    return ""


def _repeats(names: Sequence[str]) -> str:
    folded = [fold(name) for name in names if name.strip()]
    twice = len(folded) - len(set(folded))
    return f"repeated headers are numbered ({twice})" if twice else ""


# ---- titles ----------------------------------------------------------------------------------------------------------


def _titles(rows: Sequence[Row]) -> int:
    """How many rows at the top are titles: a cell or two at the left, above a table that is wider."""
    wide = median(_reach(cells) for _, cells in rows) if rows else 0
    for n, (_, cells) in enumerate(rows[: MOST_TITLES + 1]):
        below = rows[n + 1][1] if n + 1 < len(rows) else []
        if _is_monkey(cells, below) or (_filled(cells) >= max(2, 0.6 * wide) and _is_header(cells)):
            return n if n == 0 or _set_apart(rows, n, wide) else 0
        if _filled(cells) > TITLE_CELLS or fold(cells[0]) in TEXT_HEADERS or not cells[0].strip():
            return 0
    return 0


def _set_apart(rows: Sequence[Row], n: int, wide: float) -> bool:
    """Whether the rows above row `n` cannot be a header of few names: the table is wide, or they stand alone."""
    if wide > TITLE_CELLS:
        return True
    alone = all(len(cells) == 1 for _, cells in rows[:n]) and len(rows[n][1]) > 1
    return alone or rows[n][0] > rows[n - 1][0] + 1


def _reach(cells: Sequence[str]) -> int:
    return max((n for n, cell in enumerate(cells, 1) if cell.strip()), default=0)


def _filled(cells: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def _is_header(cells: Sequence[str]) -> bool:
    """Whether cells could be names: none a number, a date or an address, nor what follows a comma in a sentence."""
    filled = [cell for cell in cells if cell.strip()]
    return not any(NUMBER.match(cell.strip()) or "@" in cell or cell.startswith(" ") for cell in filled)


# ---- ways to read the header -----------------------------------------------------------------------------------------


def _qualtrics(head: Sequence[list[str]]) -> _Header | None:
    """Ids, then question texts, then, in CSV, a row of import ids."""
    for depth in (3, 2):
        if len(head) > depth - 1 and _are_import_ids(head[depth - 1]):
            texts = head[depth - 2]
            return _Header(depth, _texts_or_ids(head[0], texts), "Qualtrics", "ids, question texts and import ids")
    if len(head) < 2:
        return None
    ids, texts = ([fold(cell) for cell in cells] for cells in head[:2])
    pairs = {("startdate", "start date"), ("responseid", "response id"), ("recordeddate", "recorded date")}
    if len(pairs & set(zip(ids, texts, strict=False))) >= 2:
        return _Header(2, _texts_or_ids(head[0], head[1]), "Qualtrics", "ids and question texts")
    return None


def _are_import_ids(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and sum(bool(IMPORT_ID.match(cell)) for cell in filled) * 2 > len(filled)


def _texts_or_ids(ids: Sequence[str], texts: Sequence[str]) -> list[str]:
    wide = max(len(ids), len(texts))
    both = zip(_padded(ids, wide), _padded(texts, wide), strict=True)
    return [_plain(text) or id_ for id_, text in both]


def _plain(text: str) -> str:
    """A question text without the tags that its author's editor put in."""
    return html.unescape(TAG.sub(" ", text)).strip() if "<" in text or "&" in text else text.strip()


def _padded(cells: Sequence[str], wide: int) -> list[str]:
    return [*cells, *[""] * (wide - len(cells))]


def _monkey(head: Sequence[list[str]]) -> _Header | None:
    """Questions with blanks for their further columns, then `Response`, `Open-Ended Response` or an option."""
    if len(head) < 2 or not _is_monkey(head[0], head[1]):
        return None
    wide = max(len(head[0]), len(head[1]))
    names, question = [], ""
    for text, option in zip(_padded(head[0], wide), _padded(head[1], wide), strict=True):
        question = text.strip() or (question if option.strip() else "")
        bare = fold(option) in MONKEY_MARKS or not option.strip()
        names.append(question if bare or not question else f"{question}: {option.strip()}")
    return _Header(2, names, "SurveyMonkey", "questions, and their options below them")


def _is_monkey(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether two rows are a question row and a row of options, by the marks that SurveyMonkey writes."""
    above, below = [fold(cell) for cell in first], [fold(cell) for cell in second]
    marked = bool(MONKEY_MARKS & set(below)) and (not below[0] or below[0] in MONKEY_MARKS)
    own = bool(MONKEY_OWN & set(above)) and any(below)
    blank_below = all(not option for text, option in zip(above, below, strict=False) if text in MONKEY_OWN)
    further = any(option and not text for text, option in zip(_padded(above, len(below)), below, strict=False))
    return (marked or (own and further)) and blank_below


def _ids_above_questions(head: Sequence[list[str]]) -> _Header | None:
    """Short ids such as Q1 above the full questions; never where the second row could be an answer."""
    if len(head) < 3:
        return None
    ids, texts = head[0], _padded(head[1], len(head[0]))
    places = [n for n, cell in enumerate(ids) if SHORT_ID.match(cell.strip())]
    filled = [n for n, cell in enumerate(ids) if cell.strip()]
    below = [texts[n].strip() for n in places]
    if not places or len(places) * 3 < len(filled) or not all(below) or not _is_header(texts):
        return None
    if len(set(map(fold, below))) < len(below) or any(len(cell.strip().split()) > 4 for cell in ids):
        return None
    asked = _share_of_questions([head[1]], places)
    if asked < 0.5 or _share_of_questions(head[2:], places) * 2 >= asked:
        return None
    return _Header(2, _texts_or_ids(ids, texts), "", "short ids above the questions")


def _share_of_questions(rows: Sequence[list[str]], places: Sequence[int]) -> float:
    cells = [cells[n].strip() for cells in rows for n in places if n < len(cells) and cells[n].strip()]
    asked = sum(bool(QUESTION.search(cell)) and len(cell.split()) > 1 for cell in cells)
    return asked / len(cells) if cells else 0.0


def _one_row(head: Sequence[list[str]]) -> _Header:
    return _Header(1, list(head[0]) if head else [])


WAYS: tuple[Callable[[Sequence[list[str]]], _Header | None], ...] = (
    _qualtrics,
    _monkey,
    _ids_above_questions,
    _one_row,
)


# ---- names -----------------------------------------------------------------------------------------------------------


def _kept(names: list[str], header: Sequence[list[str]], used: int) -> list[str]:
    """The names on one line, a blank one called by its place; blank ones at the end that no row fills left out."""
    plain = [as_name(name) for name in names]
    reach = max([used, *map(_reach, header)])
    if plain and not plain[-1]:
        del plain[reach:]
    return [name or f"Column {n}" for n, name in enumerate(plain, 1)]


def _all_different(names: Sequence[str]) -> tuple[str, ...]:
    """The names, a repeated one with " (2)", " (3)" behind it."""
    taken = {fold(name) for name in names}
    seen: set[str] = set()
    different = []
    for name in names:
        kept, n = name, 1
        while fold(kept) in seen or (n > 1 and fold(kept) in taken):
            n += 1
            kept = f"{name} ({n})"
        seen.add(fold(kept))
        different.append(kept)
    return tuple(different)


def _ids(header: Sequence[list[str]], names: Sequence[str]) -> dict[str, int]:
    """What else a column may be called: any cell of its header that no other column has."""
    found: dict[str, int] = {}
    twice: set[str] = set()
    for cells in header:
        for place, cell in enumerate(cells[: len(names)]):
            name = fold(cell)
            if found.setdefault(name, place) != place:
                twice.add(name)
    return {name: place for name, place in found.items() if name and name not in twice}
