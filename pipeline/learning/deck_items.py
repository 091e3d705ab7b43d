"""A deck as pieces in reading order: titles, headings, bullets and lines of text, Markdown, PowerPoint or PDF."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import InputError

SHORT = 60  # characters of the longest line that is taken for a heading or title by its shape
FULL_LINE = 0.8  # of the longest line of its page: such a PDF line was broken because it was full
TITLE = re.compile(r"(?:Feedback|FEEDBACK)\s*:\s*(.*)")
LINK = re.compile(r"(?<!\\)!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
RULE = re.compile(r"\s*(?:(?:[-*_=]\s*){3,}|<!--.*-->)\s*$")
INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\u200b\u2060\ufeff\ud800-\udfff]")
HASHES = re.compile(r"\s{0,3}(#+)\s+(.*)")
MARKS = r"\s*(?:([•●▪■‣◦○\ue000-\uf8ff])|([%s])(?=\s|$)|([-–—])(?=[A-Z]))\s*(.*)"
BULLET, PDF_BULLET = re.compile(MARKS % "-–—*"), re.compile(MARKS % "-–—*o")
BARE_BULLET = "\x7f"  # of the PDF code tables, in which unused places show as a bullet
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
class Item:
    """One piece of a deck in reading order, alike for all formats; `place` is its line, slide or page."""

    place: int
    kind: Kind
    text: str = ""


def items_of(path: Path) -> list[Item]:
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
