"""Engagement decks: slides of feedback points under principle headings, read into coded comments."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from pipeline.codebook import Codebook, Facet, make_id
from pipeline.errors import CodebookError, InputError, OutputError
from pipeline.files.whole_file import passing_file, put_away
from pipeline.learning.deck_items import SHORT, TITLE, WHEN, Item, items_of

FACET = "principle"
COLUMNS = ("id", "point", "session", "date", "text", "principle", "stakeholder")
NO_CODE_HEADINGS = ("other-considerations", "other")

# The sessions of the known deck: id, words of the title, stakeholder. Dates come from the titles.
SESSIONS = (
    ("leadership-teams", "Directorate Leadership Teams", "staff"),
    ("advisory-board", "Transformation Advisory Board", "partners"),
    ("london-network", "Pan-London Transformation Network", "partners"),
    ("vcs-summit", "VCS Summit", "voluntary-sector"),
    ("engagement-strategy", "Community Engagement Strategy Consultation", "residents"),
    ("bengali-somali-vcs", "Bengali & Somali VCS", "voluntary-sector"),
    ("inter-faith", "Inter-Faith", "faith"),
    ("housing-association", "Local Housing Association", "tenants"),
    ("partnership-executive", "TH Partnership consultation", "partners"),
    ("equalities-hub", "Equalities HUB", "equalities"),
    ("youth-council", "Youth Council", "young-people"),
    ("members-1", "All Members (1st Session)", "members"),
    ("members-2", "All Members (2nd Session)", "members"),
    ("staff-pod", "All Staff POD Session", "staff"),
    ("tenants-association", "Tenants Resident Association", "tenants"),
)

# Why something inside the feedback slides became no point.
NO_HEADING = "no principle heading above it in this session"
NO_COLON = "perhaps a heading, though without the colon that others have"
NO_BULLET = "text that is neither a bullet, nor a heading, nor the rest of a bullet"
OTHER_SLIDE = "on a slide whose title does not begin with 'Feedback:'"
UNREAD = "a chart, diagram or embedded object, whose text is not read"

TITLE_WRAPS = 2  # further lines a title may run over

CONTINUED = re.compile(r"\s*\(?\bcont(?:inued|['’]?d|\.)?\)?\s*(?=:?$)", re.IGNORECASE)
ENDED = re.compile(r"[.?!…][\"'”’)\]]*$")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True)
class Point:
    """One feedback point: its number in the deck, and the line (text) or the slide or page it stands on.

    principle: the id of the code whose heading it stands under; empty under "Other Considerations".
    date: ISO, to the month where the title tells no day, empty where it tells none.
    """

    point: int
    session: str
    date: str
    principle: str
    stakeholder: str
    text: str
    line: int

    @property
    def id(self) -> str:
        """Names the point in a corpus: session and number in the deck."""
        return f"{self.session}-{self.point:03d}"


@dataclass(frozen=True)
class Unplaced:
    """Something in the feedback slides that became no point, where it stands, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Deck:
    """All of a deck's feedback: the points in reading order, and what a person must place."""

    points: tuple[Point, ...]
    unplaced: tuple[Unplaced, ...]

    @property
    def sessions(self) -> dict[str, int]:
        """How many points each session has, in the order of the deck; they add up to all points."""
        return dict(Counter(point.session for point in self.points))


def read_deck(path: Path, codebook: Codebook) -> Deck:
    """Reads a `.txt`, `.md`, `.pptx` or `.pdf` deck into points under the codes of the facet `principle`.

    A title "Feedback: …" opens a session, and slides with that title continue it; a heading holds until the next one
    or the next session. What stands before the first such title (cover, introduction) is no feedback and is left out;
    from there on, whatever becomes no point is in `unplaced`, but for page numbers, running headers and footers,
    speaker notes and pictures. A session that is not in SESSIONS is named after its title, people named there included.
    Raises InputError for a file that cannot be read or holds no such feedback, CodebookError without that facet.
    """
    facet = codebook.by_id.get(FACET)
    if facet is None:
        raise CodebookError(
            f"there is no facet {FACET!r}", where="the codebook", fix="add one with the deck's headings"
        )
    items = items_of(path)
    if not any(item.text for item in items):
        raise InputError("holds no text", where=path, fix="export the deck again, with its text and not as pictures")
    parser = _Parser(facet, colons=any(item.text.endswith(":") and _code(item, facet) is not None for item in items))
    for item in _whole_titles(items, facet):
        parser.take(item)
    deck = parser.deck()
    if not parser.sessions:
        fix = "begin the title of each feedback slide with 'Feedback:'"
        raise InputError("no slide title begins with 'Feedback:'", where=path, fix=fix)
    if not deck.points:
        fix = f"write points as bullets under headings such as {facet.code[0].name + ':'!r}"
        raise InputError("there is no feedback point under a principle heading", where=path, fix=fix)
    return deck


def write_corpus(deck: Deck, path: Path) -> None:
    """Writes the points as coded comments (CSV, UTF-8), whole or not at all. Raises OutputError if the file exists."""
    if path.exists():
        raise OutputError("exists already", where=path, fix="give another name, or move the file away first")
    half = passing_file(path)
    try:
        with half.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(COLUMNS)
            rows.writerows([getattr(point, column) for column in COLUMNS] for point in deck.points)
        half.rename(path)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=path, fix="check folder and rights") from None
    finally:
        put_away(half)


# ---- from items to points ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Session:
    id: str
    date: str
    stakeholder: str


@dataclass
class _Record:
    """A point, or with `why` an unplaced piece, to which the next line may still be joined."""

    place: int
    text: str
    session: _Session | None
    principle: str
    why: str


@dataclass
class _Parser:
    """Takes the items one by one. `gap` is 0 within a block, 1 after a blank line, 2 after a slide break.

    colons: whether headings of this deck end with a colon.
    """

    facet: Facet
    colons: bool
    sessions: dict[str, _Session] = field(default_factory=dict)
    records: list[_Record] = field(default_factory=list)
    session: _Session | None = None
    principle: str = ""
    why: str = ""
    open: _Record | None = None
    gap: int = 0
    after_title: bool = False

    def take(self, item: Item) -> None:
        """Reads one item; before the first session only its title counts."""
        if item.kind in ("gap", "break"):
            self.gap = max(self.gap, 1 if item.kind == "gap" else 2)
            return
        if item.kind == "title":
            self._title(item)
        elif self.sessions:
            self._body(item)
        self.after_title = item.kind == "title"
        self.gap = 2 if self.after_title else 0

    def deck(self) -> Deck:
        """What was read so far."""
        points: list[Point] = []
        unplaced: list[Unplaced] = []
        for r in filter(lambda record: record.text, self.records):
            if r.why or r.session is None:
                unplaced.append(Unplaced(r.place, r.text, r.why))
            else:
                s, n = r.session, len(points) + 1
                points.append(Point(n, s.id, s.date, r.principle, s.stakeholder, r.text, r.place))
        return Deck(tuple(points), tuple(unplaced))

    def _title(self, item: Item) -> None:
        match = TITLE.match(item.text)
        if match is None:
            if self.sessions:
                self._leave(item)
            return
        title = CONTINUED.sub("", match[1])
        key = " ".join(re.sub(r"[\W_]+", " ", title).casefold().split())
        if key not in self.sessions:
            self.sessions[key] = _session(title, {session.id for session in self.sessions.values()})
        if self.sessions[key] is not self.session:
            self.session, self.open, self.why = self.sessions[key], None, NO_HEADING

    def _leave(self, item: Item) -> None:
        """Another slide begins: what stands there is reported, not coded."""
        self.session, self.open, self.why = None, None, OTHER_SLIDE
        if item.text:
            self._add(item, self.why)

    def _body(self, item: Item) -> None:
        code = _code(item, self.facet) if self.session else None
        if item.kind == "unread":
            self._add(item, UNREAD)
            self.open = None
        elif code is not None and self._unsure(item):
            self._unknown(item, NO_COLON)
        elif code is not None:
            self.principle, self.why, self.open = code, "", None
        elif self.session and _unknown_heading(item):
            self._unknown(item)
        elif self.open and self._continues(item, self.open):
            self.open.text = _join(self.open.text, item.text)
        elif item.kind == "line" and self.session:
            self._stray(item)
        else:
            self._add(item, self.why)

    def _unsure(self, item: Item) -> bool:
        """Whether the name of a code may as well be a one-word point, or the last word of a bullet."""
        within = item.kind == "line" and self.gap == 0 and self.open is not None
        return self.colons and not item.text.endswith(":") and (within or item.kind == "paragraph")

    def _add(self, item: Item, why: str) -> None:
        self.open = _Record(item.place, item.text, self.session, self.principle, why)
        self.records.append(self.open)

    def _unknown(self, item: Item, why: str = "") -> None:
        """A heading that is no code: the points below it must not get the code of the heading above it."""
        name = item.text.rstrip(" :")
        nearest = self.facet.nearest(name)
        self._add(item, why or f"a heading that is no code of {self.facet.id!r}; nearest is {nearest!r}")
        self.why, self.open = f"under the heading {name!r}, which is no code", None

    def _stray(self, item: Item) -> None:
        """A line of its own: by its shape the title of another slide or an unknown heading, else merely text."""
        by_shape = len(item.text) <= SHORT and item.text[-1] not in ".?!,;" and not item.text[0].islower()
        if by_shape and self.gap == 2 and not self.after_title:
            self._leave(item)
        elif by_shape and self.gap == 1:
            self._unknown(item)
        else:
            self._add(item, NO_BULLET)

    def _continues(self, item: Item, before: _Record) -> bool:
        """Whether the item is the rest of the record before it: over a gap, only a sentence that is cut off."""
        if item.kind not in ("line", "paragraph", "subparagraph"):
            return False
        if self.gap == 0:
            return item.kind == "line"
        return item.text[0].islower() and not ENDED.search(before.text)


def _whole_titles(items: Iterable[Item], facet: Facet) -> Iterator[Item]:
    """The items with each line "Feedback: …" as a title, joined to the lines it runs over.

    A year ends a title, and so does being that of an earlier slide.
    """
    title, wraps, seen = None, 0, set()
    for item in items:
        starts = item.kind == "line" and TITLE.match(item.text)
        whole = title is None or wraps == TITLE_WRAPS or title.text in seen
        if title and not starts and not whole and _wraps(title.text, item, facet):
            title, wraps = replace(title, text=_join(title.text, item.text)), wraps + 1
            continue
        if title:
            seen.add(title.text)
            yield title
        title, wraps = (replace(item, kind="title"), 0) if starts else (None, 0)
        if title is None:
            yield item
    if title:
        yield title


def _wraps(title: str, item: Item, facet: Facet) -> bool:
    if item.kind != "line" or re.search(r"\b(?:19|20)\d\d(?:/\d\d)?$", title) or ENDED.search(item.text):
        return False
    return _code(item, facet) is None and not _unknown_heading(item)


def _code(item: Item, facet: Facet) -> str | None:
    """The code that the item is the heading of, "" for none of them; None for what is no known heading.

    Without a colon only a line of its own with a capital is one: "transparent." may be the end of a sentence.
    """
    text = CONTINUED.sub("", item.text)
    bare = item.kind in ("line", "paragraph", "heading") and text[:1].isupper() and text[-1:].isalnum()
    if not (bare or text.endswith(":")):
        return None
    name = text.rstrip(" :")
    return "" if make_id(name) in NO_CODE_HEADINGS else facet.find(name) or facet.find(name.replace("&", " and "))


def _unknown_heading(item: Item) -> bool:
    """Whether an item that is no known heading looks like one: short, with a colon at its end."""
    by_shape = item.text.endswith(":") and len(item.text) <= SHORT and not item.text[0].islower()
    return item.kind == "heading" or (item.kind in ("line", "paragraph") and by_shape)


def _join(text: str, more: str) -> str:
    """Two lines of one sentence; a word cut at its hyphen stays one word."""
    return text + more if not text or re.search(r"\w-$", text) else f"{text} {more}"


def _session(title: str, taken: set[str]) -> _Session:
    """The session that a title (without "Feedback:") names; its id is not among those taken."""
    dashed = f"-{make_id(title)}-"
    for known, words, group in SESSIONS:
        if f"-{make_id(words)}-" in dashed:
            id_, stakeholder = known, group
            break
    else:
        undated = WHEN.sub("", title).strip(" -–—,:/()")
        id_, stakeholder = make_id(undated or title), ""
    first, n = id_, 1
    while id_ in taken:
        n += 1
        id_ = f"{first}-{n}"
    return _Session(id_, _date(title), stakeholder)


def _date(title: str) -> str:
    """The date in a title, ISO: "17 July 2024" to the day, "Sep/Oct 2023" its first month; else empty."""
    match = WHEN.search(title)
    if match is None:
        return ""
    year, month = int(match[3]), MONTHS.index(match[2][:3].casefold()) + 1
    day = re.match(r"\d+", match[1] or "")
    try:
        return date(year, month, int(day[0])).isoformat() if day else f"{year}-{month:02d}"
    except ValueError:
        return f"{year}-{month:02d}"
