"""The report as a Word document, for committees: its headings, lists, captions, quotes and charts are Word's own.

A table too wide for an upright page stands on pages on their side, in parts where even that does not suffice.
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Cm

from pipeline.errors import OutputError
from pipeline.files.whole_file import write_whole
from pipeline.publishing.document import (
    Block,
    Bullets,
    Cell,
    Chart,
    Column,
    Document,
    Paragraph,
    Quotation,
    Quotations,
    Section,
    Table,
)
from pipeline.publishing.report import percent
from pipeline.publishing.word_chart import HIDDEN, as_xml, chart_workbook, chart_xml, longest, printable
from pipeline.publishing.word_look import describe, set_styles

ENDING = ".docx"
SHORT, LONG, MARGIN = 21.0, 29.7, 1.9  # cm, of A4
HEAD, FOOT = 5.0, 3.0  # cm of a page that a chart leaves to its caption and what it says in words
BAR_HEIGHT, PAIR_HEIGHT, AXIS_HEIGHT = 0.62, 0.95, 2.0  # cm
FIRST_WIDTH, TEXT_WIDTH, NUMBER_WIDTH, WIDEST = 3.3, 2.1, 1.3, 4.0  # cm: at least of columns; of a header at most
LETTER, HEAD_LETTER, PADDING = 0.178, 0.205, 0.4  # cm, in tables
TIGHT = 8 / 9  # the size of the type in tables that are nearly too wide, to that in others
KEPT_ROWS = 15  # a table of so many is kept on one page
TWIPS, EMU = 567, 360_000  # to a cm
NO_BREAK, UNIT = "\u00a0", re.compile(r"(?<=\d) (?=%)")


def write_docx(document: Document, path: Path) -> None:
    """Writes a report as a Word document, whole or not at all; replaces an existing file.

    Raises OutputError for another ending than `.docx`, or a place that cannot be written to.
    """
    if path.suffix.casefold() != ENDING:
        what = f"{path.suffix or 'no ending'} is not a Word document"
        raise OutputError(what, where=path, fix=f"end the name in {ENDING}")
    write_whole(as_docx(document), path, "close it in Word, or choose another name")


def as_docx(document: Document) -> bytes:
    """A report as a Word document: no macro, nothing linked from elsewhere, nothing that asks to be updated."""
    made = docx.Document()
    describe(made, document)
    set_styles(made)
    _Writer(made).write(document)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


# ---- the text -------------------------------------------------------------------------------------------------------


def _runs(text: str) -> str:
    """Text as runs, with its line ends and tabs."""
    parts = []
    for n, line in enumerate(printable(text).split("\n")):
        pieces = (f'<w:t xml:space="preserve">{escape(piece)}</w:t>' for piece in line.split("\t"))
        parts.append(("<w:br/>" if n else "") + "<w:tab/>".join(pieces))
    return f"<w:r>{''.join(parts)}</w:r>"


def _sentence(text: str) -> str:
    """The same of words of ours, in which no line ends between a number and its per cent sign."""
    return _runs(UNIT.sub(NO_BREAK, text))


def _field(instruction: str, shown: str) -> str:
    """A field, and what it shows until it is worked out anew."""
    return f'<w:fldSimple w:instr=" {instruction} ">{_runs(shown)}</w:fldSimple>'


def _paragraph(style: str, inside: str, layout: str = "") -> str:
    """A paragraph; style: its id, the name without spaces."""
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{layout}</w:pPr>{inside}</w:p>'


class _Writer:
    """Writes blocks one after another, counting tables, figures and headings as it goes."""

    def __init__(self, made: Any) -> None:
        self.made = made
        self.body = made.element.body
        self.tables = self.figures = self.drawings = 0
        self.on_its_side = False
        self._turn_page(made.sections[0])

    def write(self, document: Document) -> None:
        """Title, leading sentences, contents, and all sections."""
        self._add(_paragraph("Heading1", _runs(document.title)))
        if document.made:
            self._add(_paragraph("Subtitle", _runs(f"Comments coded on {document.made}")))
        for sentence in document.lead:
            self._add(_paragraph("Lead", _sentence(sentence)))
        self._add(_contents(document.sections))
        self._write_footer(document.title)
        for number, section in enumerate(document.sections):
            self._write_section(section, number)

    def _add(self, xml: str) -> None:
        """Adds elements, given as XML, at the end."""
        names = nsdecls("w", "wp", "a", "r")
        for element in list(parse_xml(f"<w:body {names}>{xml}</w:body>")):
            self.body.insert_element_before(element, "w:sectPr")

    # ---- pages and sections ----

    @property
    def width(self) -> float:
        """Of the text, in cm."""
        return (LONG if self.on_its_side else SHORT) - 2 * MARGIN

    @property
    def height(self) -> float:
        """Of the text, in cm."""
        return (SHORT if self.on_its_side else LONG) - 2 * MARGIN

    def _turn_page(self, page: Any) -> None:
        sides = (LONG, SHORT) if self.on_its_side else (SHORT, LONG)
        page.orientation = WD_ORIENT.LANDSCAPE if self.on_its_side else WD_ORIENT.PORTRAIT
        page.page_width, page.page_height = (Cm(side) for side in sides)
        page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Cm(MARGIN)
        page.header_distance = page.footer_distance = Cm(1)

    def _write_footer(self, title: str) -> None:
        inside = f"{_runs(f'{title} · page ')}{_field('PAGE', '1')}{_runs(' of ')}{_field('NUMPAGES', '1')}"
        footer = self.made.sections[0].footer._element
        for old in list(footer):
            footer.remove(old)
        footer.append(parse_xml(_paragraph("Footer", inside).replace("<w:p>", f"<w:p {nsdecls('w')}>", 1)))

    def _write_section(self, section: Section, number: int) -> None:
        wide = any(isinstance(one, Table) and sum(_needed(one, TIGHT)) > SHORT - 2 * MARGIN for one in section.blocks)
        turned = wide != self.on_its_side
        if turned:
            self.on_its_side = wide
            self._turn_page(self.made.add_section(WD_SECTION.NEW_PAGE))
            self.body.xpath("./w:p[w:pPr/w:sectPr]/w:pPr")[-1].style = "SectionEnd"
        layout = "" if turned or number else "<w:pageBreakBefore/>"
        mark = f'<w:bookmarkStart w:id="{number}" w:name="{_mark(number)}"/>', f'<w:bookmarkEnd w:id="{number}"/>'
        inside = f"{mark[0]}{_runs(section.title)}{mark[1]}"
        self._add(_paragraph(f"Heading{_level(section)}", inside, layout))
        for block in section.blocks:
            self._write_block(block)

    def _write_block(self, block: Block) -> None:
        if isinstance(block, Paragraph):
            look = "Warning" if block.warning else "SmallPrint" if block.small else "Normal"
            self._add(_paragraph(look, _sentence(block.text)))
        elif isinstance(block, Bullets):
            self._add(_titled(block.title, (_paragraph("ListBullet", _sentence(item)) for item in block.items)))
        elif isinstance(block, Quotations):
            self._add(_titled(block.title, map(_quote, block.quotes)))
        elif isinstance(block, Table):
            self._write_table(block)
        else:
            self._write_chart(block)

    # ---- tables ----

    def _write_table(self, table: Table) -> None:
        parts = _parts(table, self.width)
        for number, part in enumerate(parts, 1):
            self.tables += 1
            of = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
            self._add(_caption("Table", self.tables, part.caption + of) + _table(part, self.width))
            self._add(_paragraph("TableNote", _runs(part.note)))  # empty it keeps the table from what follows

    # ---- charts ----

    def _write_chart(self, chart: Chart) -> None:
        """The chart, over several pages where one could not hold it, and then what it says in words."""
        each = BAR_HEIGHT if not chart.beside_name else PAIR_HEIGHT
        most = max(int((self.height - HEAD - FOOT - AXIS_HEIGHT) / each), 1)
        pages = -(-len(chart.bars) // most)
        size = -(-len(chart.bars) // max(pages, 1))
        for page in range(pages):
            part = replace(chart, bars=chart.bars[page * size : (page + 1) * size])
            of = f" (part {page + 1} of {pages})" if pages > 1 else ""
            self.figures += 1
            self._add(_caption("Figure", self.figures, chart.title + of))
            drawing = self._drawing(part, chart.title + of, AXIS_HEIGHT + each * len(part.bars), longest(chart.bars))
            self._add(_paragraph("Chart", drawing, '<w:keepNext w:val="0"/>' if page < pages - 1 else ""))
        self._add(_paragraph("Normal", _runs(chart.in_words)))

    def _drawing(self, chart: Chart, title: str, height: float, largest: float) -> str:
        """A chart in the line of text, with what it says in words for those who do not see it."""
        self.drawings += 1
        id_ = self._chart_part(chart, largest)
        sides = f'cx="{int(self.width * EMU)}" cy="{int(height * EMU)}"'
        names = f'id="{self.drawings}" name="Chart {self.drawings}"'
        space = "http://schemas.openxmlformats.org/drawingml/2006/chart"
        told = as_xml(_alternative(chart, title))
        return (
            f'<w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent {sides}/>'
            f'<wp:effectExtent l="0" t="0" r="0" b="0"/><wp:docPr {names} descr="{told}"/>'
            f'<wp:cNvGraphicFramePr/><a:graphic><a:graphicData uri="{space}">'
            f'<c:chart xmlns:c="{space}" r:id="{id_}"/></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>'
        )

    def _chart_part(self, chart: Chart, largest: float) -> str:
        """Puts a chart and its workbook into the file; gives the id of the relationship to it."""
        package = self.made.part.package
        place = PackURI(f"/word/embeddings/figures{self.drawings}.xlsx")
        book = Part(place, CONTENT_TYPE.SML_SHEET, chart_workbook(chart), package)
        drawn = Part(PackURI(f"/word/charts/chart{self.drawings}.xml"), CONTENT_TYPE.DML_CHART, b"", package)
        drawn._blob = chart_xml(chart, drawn.relate_to(book, RELATIONSHIP_TYPE.PACKAGE), largest).encode()
        return str(self.made.part.relate_to(drawn, RELATIONSHIP_TYPE.CHART))


def _level(section: Section) -> int:
    return min(max(section.level, 2), 3)


def _mark(number: int) -> str:
    """The name of the bookmark of a heading, in the manner of Word's own."""
    return f"_Toc{100_000_000 + number}"


def _contents(sections: Sequence[Section]) -> str:
    """Word's own table of contents. It lists and links the headings; Word adds page numbers when it updates it.

    It does not update by itself: Word would ask each reader whether it may, as if the file were a danger.
    """
    command = '<w:instrText xml:space="preserve"> TOC \\o "2-3" \\h \\z \\u </w:instrText>'
    begin, separate, end = (f'<w:r><w:fldChar w:fldCharType="{one}"/></w:r>' for one in ("begin", "separate", "end"))
    start = f"{begin}<w:r>{command}</w:r>{separate}"
    lines = []
    for number, section in enumerate(sections):
        link = f'<w:hyperlink w:anchor="{_mark(number)}" w:history="1">{_runs(section.title)}</w:hyperlink>'
        first, last = start if not number else "", end if number == len(sections) - 1 else ""
        lines.append(_paragraph(f"toc{_level(section)}", f"{first}{link}{last}"))
    if not lines:
        return ""
    return (
        '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/><w:docPartUnique/></w:docPartObj>'
        f"</w:sdtPr><w:sdtContent>{_paragraph('TOCHeading', _runs('Contents'))}{''.join(lines)}</w:sdtContent></w:sdt>"
    )


def _titled(title: str, paragraphs: Iterable[str]) -> str:
    """Paragraphs under a title, where there are any."""
    inside = "".join(paragraphs)
    return (_paragraph("BlockTitle", _runs(title)) if title and inside else "") + inside


def _quote(one: Quotation) -> str:
    source = f"Comment {one.comment_id}" + (f", {one.who}" if one.who else "") + (f" · {one.note}" if one.note else "")
    return _paragraph("Quote", _runs(f"“{one.text}”")) + _paragraph("QuoteSource", _runs(source))


def _caption(kind: str, number: int, text: str) -> str:
    """A caption with a number that Word counts, so that it can make lists of tables and figures."""
    numbered = _field(f"SEQ {kind} \\* ARABIC", str(number))
    return _paragraph("Caption", f"{_runs(f'{kind} ')}{numbered}{_runs(f'. {text}')}")


def _alternative(chart: Chart, title: str) -> str:
    """What a chart says, for those who do not see it."""
    bars = f"{len(chart.bars):,} bar{'' if len(chart.bars) == 1 else 's'}"
    return f"Bar chart with {bars}. {title}. {chart.in_words} The table says the same in figures."


# ---- tables ---------------------------------------------------------------------------------------------------------


def _shown(cell: Cell, kind: str) -> str:
    """A cell as it is printed; a number does not break over two lines.

    >>> [_shown(cell, kind) for cell, kind in ((None, "share"), (1234, "count"), (0.344, "share"), ("none", "count"))]
    ['[c]', '1,234', '34.4\\xa0%', 'none']
    """
    if cell is None:
        return HIDDEN
    if isinstance(cell, str) or kind not in ("count", "share"):
        return UNIT.sub(NO_BREAK, str(cell))
    if kind == "share":
        return UNIT.sub(NO_BREAK, percent(cell))
    return f"{cell:,.0f}" if float(cell).is_integer() else f"{cell:,.1f}"


def _printed(table: Table) -> Iterator[list[str]]:
    """The rows as they are printed."""
    kinds = [column.kind for column in table.columns]
    return ([_shown(*cell) for cell in zip(row, kinds, strict=True)] for row in table.rows)


def _needed(table: Table, scale: float = 1.0) -> list[float]:
    """The width that each column needs at least, in cm: of texts for its longest heading word, of numbers for all."""
    longest_lines = [0] * len(table.columns)
    for row in _printed(table):
        for place, cell in enumerate(row):
            longest_lines[place] = max(longest_lines[place], *map(len, cell.split("\n")))
    columns = enumerate(zip(table.columns, longest_lines, strict=True))
    return [(_column_width(*one, place) - PADDING) * scale + PADDING for place, one in columns]


def _scale(table: Table, width: float) -> float:
    """How large the type is, to that of other tables."""
    return 1.0 if sum(_needed(table)) <= width else TIGHT


def _column_width(column: Column, line: int, place: int) -> float:
    word = max((len(word) for word in column.header.replace("-", "- ").split()), default=0)
    if column.kind == "text":
        least = TEXT_WIDTH if place else FIRST_WIDTH
    else:
        least = max(NUMBER_WIDTH, line * LETTER + PADDING)
    return min(max(least, word * HEAD_LETTER + PADDING), WIDEST)


def _parts(table: Table, width: float) -> list[Table]:
    """The table, or where it is too wide for a page, tables of about as many columns each beside the first."""
    first, *needed = _needed(table, TIGHT)
    count, used = 1, first
    for one in needed:
        if used + one > width and used > first:
            count, used = count + 1, first
        used += one
    size = max(-(-len(needed) // count), 1)
    starts = range(1, max(len(table.columns), 2), size)
    return [
        replace(
            table,
            columns=(table.columns[0], *table.columns[start : start + size]),
            rows=tuple((row[0], *row[start : start + size]) for row in table.rows),
            note=table.note if start == starts[-1] else "",
        )
        for start in starts
    ]


def _table(table: Table, width: float) -> str:
    """A table of the whole width: its header is repeated on each page, and no row breaks over two."""
    widths = [round(cm * TWIPS) for cm in _widths(table, width)]
    style = "TableText" if _scale(table, width) == 1.0 else "TightTableText"
    header = _row([column.header for column in table.columns], table.columns, widths, style, "<w:tblHeader/>")
    kept = max(len(table.rows) - 1, 0) if len(table.rows) > KEPT_ROWS else 0  # from here on rows stay together
    rows = (_row(row, table.columns, widths, style, keep=n >= kept) for n, row in enumerate(_printed(table)))
    grid = "".join(f'<w:gridCol w:w="{one}"/>' for one in widths)
    return (
        f'<w:tbl><w:tblPr><w:tblStyle w:val="ReportTable"/><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        '<w:tblLayout w:type="fixed"/><w:tblLook w:val="0420" w:firstRow="1" w:lastRow="0" w:firstColumn="0" '
        f'w:lastColumn="0" w:noHBand="0" w:noVBand="1"/><w:tblCaption w:val="{as_xml(table.caption)}"/></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid>"
        f"{header}{''.join(rows)}</w:tbl>"
    )


def _row(
    cells: Sequence[str],
    columns: Sequence[Column],
    widths: Sequence[int],
    style: str,
    more: str = "",
    keep: bool = True,
) -> str:
    """One row; keep: on one page with the row, or the note, that follows."""
    inside = []
    for text, column, width in zip(cells, columns, widths, strict=True):
        layout = ("<w:keepNext/>" if keep else "") + ("" if column.kind == "text" else '<w:jc w:val="right"/>')
        where = f'<w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>'
        inside.append(f"<w:tc>{where}{_paragraph(style, _runs(text), layout)}</w:tc>")
    return f"<w:tr><w:trPr><w:cantSplit/>{more}</w:trPr>{''.join(inside)}</w:tr>"


def _widths(table: Table, width: float) -> list[float]:
    """The width of each column: what it needs, and what is left over to those with the longest texts."""
    scale = _scale(table, width)
    needed = _needed(table, scale)
    if sum(needed) > width:
        return [cm * width / sum(needed) for cm in needed]
    left = width - sum(needed)
    longest = [
        max((len(_shown(row[place], column.kind)) for row in table.rows), default=0) if column.kind == "text" else 0
        for place, column in enumerate(table.columns)
    ]
    wish = [max(letters * LETTER * scale + PADDING - cm, 0.0) for letters, cm in zip(longest, needed, strict=True)]
    if sum(wish) > left:
        return [cm + left * more / sum(wish) for cm, more in zip(needed, wish, strict=True)]
    rest = (left - sum(wish)) / len(needed)
    return [cm + more + rest for cm, more in zip(needed, wish, strict=True)]
