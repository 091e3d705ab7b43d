"""Engagement decks: slides of feedback points under principle headings, read into coded comments."""

import csv
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pipeline.codebook import Codebook, Facet, make_id
from pipeline.errors import CodebookError, InputError, OutputError
from pipeline.whole_file import passing_file, put_away

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

SHORT = 60  # characters of the longest line that is taken for a heading or title by its shape
FULL_LINE = 0.8  # of the longest line of its page: such a PDF line was broken because it was full
TITLE_WRAPS = 2  # further lines a title may run over

TITLE = re.compile(r"(?:Feedback|FEEDBACK)\s*:\s*(.*)")
CONTINUED = re.compile(r"\s*\(?\bcont(?:inued|['’]?d|\.)?\)?\s*(?=:?$)", re.IGNORECASE)
ENDED = re.compile(r"[.?!…][\"'”’)\]]*$")
LINK = re.compile(r"(?<!\\)!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
RULE = re.compile(r"\s*(?:(?:[-*_=]\s*){3,}|<!--.*-->)\s*$")
INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\u200b\u2060\ufeff\ud800-\udfff]")
HASHES = re.compile(r"\s{0,3}(#+)\s+(.*)")
MARKS = r"\s*(?:([•●▪■‣◦○\ue000-\uf8ff])|([%s])(?=\s|$)|([-–—])(?=[A-Z]))\s*(.*)"
BULLET, PDF_BULLET = re.compile(MARKS % "-–—*"), re.compile(MARKS % "-–—*o")
BARE_BULLET = "\x7f"  # of the PDF code tables, in which unused places show as a bullet
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
DAY = r"\b\d{1,2}(?:st|nd|rd|th)?\s+"
WHEN = re.compile(
    rf"({DAY})?\b({MONTH})(?:\s*(?:/|&|-|–|to|and)\s*(?:{DAY})?{MONTH})?,?\s*\b((?:19|20)\d\d)\b(?:/\d\d\b)?",
    re.IGNORECASE,
)

Kind = Literal["title", "heading", "bullet", "paragraph", "subparagraph", "line", "gap", "break", "unread"]


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


@dataclass(frozen=True)
class Item:
    """One piece of a deck in reading order, alike for all formats; `place` is its line, slide or page."""

    place: int
    kind: Kind
    text: str = ""


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
    items = _items(path)
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


# ---- from files to items -------------------------------------------------------------------------------------------


def _items(path: Path) -> list[Item]:
    """All items of a deck, by the ending of its name."""
    reader = READERS.get(path.suffix.lower())
    if path.is_dir():
        raise InputError("is a folder", where=path, fix="name the deck in it")
    if reader is None:
        raise InputError(f"is no deck ({path.suffix or 'no'} ending)", where=path, fix=f"give {', '.join(READERS)}")
    try:
        return list(reader(path))
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError("there is no such file", where=path, fix="check the path") from None
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=path, fix="save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, fix="check the file's rights") from None


def _words(text: str) -> str:
    """Text on one line with single spaces, without control characters."""
    return " ".join(INVISIBLE.sub("", text).split())


def _text_items(path: Path) -> Iterator[Item]:
    """Lines of text or Markdown. Two blank lines, a form feed, a rule or a comment are a slide break."""
    blank, title_level = False, 0
    for n, raw in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        bullet, hashes = BULLET.match(raw), HASHES.match(raw)
        text = _plain(bullet[4] if bullet else hashes[2].rstrip("# ") if hashes else raw)
        rule = RULE.match(raw)
        empty = rule or not (text or bullet)
        if empty or "\f" in raw:
            yield Item(n, "break" if rule or blank or "\f" in raw else "gap")
        blank = bool(empty)
        if empty:
            continue
        level = len(hashes[1]) if hashes else 0
        if bullet:
            yield Item(n, "bullet", text)
        elif not hashes or TITLE.match(text):
            title_level = level or title_level
            yield Item(n, "line", text)
        else:
            yield Item(n, "title" if level <= title_level else "heading", text)


def _plain(line: str) -> str:
    """Markdown as its words: links, bold and escapes undone."""
    return _words(ESCAPE.sub(r"\1", LINK.sub(r"\1", line).replace("**", "")))


def _pptx_items(path: Path) -> Iterator[Item]:
    """Slides of a PowerPoint file; each paragraph is complete."""
    import pptx

    with path.open("rb") as file:
        try:
            items = [item for n, slide in enumerate(pptx.Presentation(file).slides, 1) for item in _slide(n, slide)]
        except Exception:  # python-pptx and lxml raise all kinds on a file that is damaged or something else
            fix = "open it in PowerPoint and save a copy as .pptx, without a password"
            raise InputError("cannot be read as a PowerPoint file", where=path, fix=fix) from None
    return iter(items)


def _slide(n: int, slide: Any) -> Iterator[Item]:
    """Title and body of a slide; without a title, its first box may begin with "Feedback:"; else it is no feedback."""
    title = slide.shapes.title
    body = [item for shape in _shapes(slide.shapes) if shape != title for item in _shape(n, shape)]
    text = _words(title.text_frame.text) if title is not None else ""
    if not text and body and TITLE.match(body[0].text):
        text = body.pop(0).text
    yield Item(n, "break")
    yield Item(n, "title", text)
    yield from body


def _shapes(shapes: Iterable[Any]) -> Iterator[Any]:
    """Shapes from the top left, those that begin within a quarter inch counting as side by side; groups opened."""
    band: list[Any] = []
    for shape in [*sorted(shapes, key=lambda shape: shape.top or 0), None]:
        if band and (shape is None or (shape.top or 0) - (band[0].top or 0) > 914400 // 4):
            for each in sorted(band, key=lambda shape: shape.left or 0):
                yield from _shapes(each.shapes) if hasattr(each, "shapes") else [each]
            band = []
        band.append(shape)


def _shape(slide: int, shape: Any) -> Iterator[Item]:
    """The paragraphs of a text box or of a table's cells."""
    from pptx.enum.shapes import PP_PLACEHOLDER as KINDS
    from pptx.shapes.graphfrm import GraphicFrame

    running = (KINDS.FOOTER, KINDS.HEADER, KINDS.DATE, KINDS.SLIDE_NUMBER)
    frames = [shape.text_frame] if shape.has_text_frame else []
    if shape.is_placeholder and shape.placeholder_format.type in running:
        return
    if getattr(shape, "has_table", False):
        frames = [cell.text_frame for row in shape.table.rows for cell in row.cells if not cell.is_spanned]
    elif isinstance(shape, GraphicFrame):
        yield Item(slide, "unread", shape.name)
    for paragraph in (paragraph for frame in frames for paragraph in frame.paragraphs):
        text = _words(paragraph.text)
        bullet = BULLET.match(text)
        if bullet:
            yield Item(slide, "bullet", bullet[4])
        elif text:
            yield Item(slide, "subparagraph" if paragraph.level else "paragraph", text)


def _pdf_items(path: Path) -> Iterator[Item]:
    """Lines of a PDF's pages, in the order in which the file draws them."""
    for n, lines in enumerate(_without_running(_pdf_pages(path)), 1):
        yield Item(n, "break")
        full = max(FULL_LINE * max(map(len, lines), default=0), SHORT)
        for before, line in pairwise(["", *lines]):
            bullet = PDF_BULLET.match(line)
            if bullet and not _cut_at_dash(before, bullet, full):
                yield Item(n, "bullet", bullet[4])
            else:
                yield Item(n, "line", line)


def _cut_at_dash(before: str, bullet: re.Match[str], full: float) -> bool:
    """Whether the dash that begins a line belongs to a sentence that filled the line before, or to a title's date."""
    if bullet[2] not in ("-", "–", "—"):
        return False
    cut = len(before) >= full and bullet[4][:1].islower() and not re.search(r"[.?!:;]$", before)
    return cut or WHEN.fullmatch(bullet[4]) is not None


def _pdf_pages(path: Path) -> list[list[str]]:
    """The lines of each page, spaces single, empty ones left out."""
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it reports small flaws, which are none of the user's
    with path.open("rb") as file:
        try:
            reader = pypdf.PdfReader(file)
            locked = reader.is_encrypted and not reader.decrypt("")
            texts = [] if locked else [page.extract_text().replace(BARE_BULLET, "•") for page in reader.pages]
        except pypdf.errors.DependencyError:
            locked = True
        except Exception:  # pypdf raises all kinds on a file that is damaged or something else
            fix = "open it in a PDF viewer and print it to a new PDF"
            raise InputError("cannot be read as a PDF", where=path, fix=fix) from None
    if locked:
        raise InputError("is protected by a password", where=path, fix="save a copy without the password")
    return [[line for line in map(_words, text.splitlines()) if line] for text in texts]


def _without_running(pages: list[list[str]]) -> list[list[str]]:
    """The pages without page numbers and without a first or last line that stands on most pages."""
    ends = Counter(_end(line) for lines in pages for line in {*lines[:1], *lines[-1:]} | {*lines[-2:-1]})
    running = {end for end, count in ends.items() if end and count > max(2, len(pages) / 2)}
    for n, lines in enumerate(pages, 1):
        for place in (0, -1):
            while lines and (lines[place] == str(n) or _end(lines[place]) in running):
                lines.pop(place)
    return pages


def _end(line: str) -> str:
    """A line as a header or footer, its numbers alike; empty for what is feedback: titles, headings, bullets."""
    return "" if TITLE.match(line) or line.endswith(":") or PDF_BULLET.match(line) else re.sub(r"\d+", "#", line)


READERS: dict[str, Callable[[Path], Iterator[Item]]] = {
    ".txt": _text_items,
    ".md": _text_items,
    ".pptx": _pptx_items,
    ".pdf": _pdf_items,
}
