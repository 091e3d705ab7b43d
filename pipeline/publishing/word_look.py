"""How the report in Word looks, and what the file says of itself."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor

from pipeline.publishing.document import Document
from pipeline.publishing.word_chart import printable

LANGUAGE, FONT = "en-GB", "Arial"
LONGEST_TITLE = 255  # of the properties of a file
# Of the template: a picture of an empty page, an empty list of sources, and styles as an old version drew them.
LEFT_OUT = (
    RELATIONSHIP_TYPE.THUMBNAIL,
    RELATIONSHIP_TYPE.CUSTOM_XML,
    "http://schemas.microsoft.com/office/2007/relationships/stylesWithEffects",
)


def describe(made: Any, document: Document) -> None:
    """Sets title, language and dates of a new file, and takes out what the template says of itself."""
    about = made.core_properties
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    about.title = " ".join(printable(document.title).split())[:LONGEST_TITLE]
    about.language, about.created, about.modified, about.revision = LANGUAGE, now, now, 1
    about.author = about.comments = about.last_modified_by = about.keywords = ""
    for part in (made.part.package, made.part):
        for id_ in [id_ for id_, rel in part.rels.items() if rel.reltype in LEFT_OUT]:
            del part.rels[id_]
    settings = made.settings.element
    settings.find(qn("w:zoom")).set(qn("w:percent"), "100")
    settings.find(qn("w:themeFontLang")).set(qn("w:val"), LANGUAGE)
    for one in settings.iter(qn("w:compatSetting")):
        if one.get(qn("w:name")) == "compatibilityMode":
            one.set(qn("w:val"), "15")  # of today's Word, or it would say that it runs in compatibility mode


@dataclass(frozen=True)
class _Style:
    """How paragraphs look. size, before, after: points; indent: cm; keep: on one page with what follows."""

    name: str
    size: float = 11
    bold: bool = False
    before: float = 0
    after: float = 6
    indent: float = 0
    keep: bool = False
    colour: str = "000000"


STYLES = (
    _Style("Normal"),
    _Style("Heading 1", 22, True, 0, 6, keep=True, colour="1F3864"),
    _Style("Heading 2", 16, True, 20, 6, keep=True, colour="1F3864"),
    _Style("Heading 3", 13, True, 14, 4, keep=True, colour="1F3864"),
    _Style("TOC Heading", 13, True, 14, 4, keep=True, colour="1F3864"),
    _Style("toc 2", after=3),
    _Style("toc 3", after=2, indent=0.6),
    _Style("Subtitle", after=14, colour="404040"),
    _Style("Lead", 12, after=8),
    _Style("Warning", bold=True, before=8, after=10),
    _Style("Small Print", 9, after=6, colour="404040"),
    _Style("Block Title", bold=True, before=8, after=3, keep=True),
    _Style("List Bullet", after=3),
    _Style("Caption", 10, True, 12, 4, keep=True),
    _Style("Chart", after=4, keep=True),
    _Style("Table Text", 9, before=2, after=2),
    _Style("Tight Table Text", 8, before=2, after=2),
    _Style("Table Note", 9, before=3, after=8, colour="404040"),
    _Style("Quote", before=6, after=0, indent=0.6, keep=True),
    _Style("Quote Source", 9, after=8, indent=0.6, colour="404040"),
    _Style("Section End", 1, after=0),
    _Style("Footer", 9, after=0, colour="404040"),
)
TABLE_STYLE = (
    f'<w:style {nsdecls("w")} w:type="table" w:customStyle="1" w:styleId="ReportTable"><w:name w:val="Report Table"/>'
    '<w:basedOn w:val="TableNormal"/><w:uiPriority w:val="99"/><w:qFormat/><w:tblPr><w:tblBorders>'
    '<w:top w:val="single" w:sz="8" w:space="0" w:color="404040"/>'
    '<w:bottom w:val="single" w:sz="8" w:space="0" w:color="404040"/>'
    '<w:insideH w:val="single" w:sz="4" w:space="0" w:color="BFBFBF"/></w:tblBorders></w:tblPr>'
    '<w:tblStylePr w:type="firstRow"><w:rPr><w:b/></w:rPr><w:tcPr><w:tcBorders>'
    '<w:bottom w:val="single" w:sz="8" w:space="0" w:color="404040"/></w:tcBorders>'
    '<w:shd w:val="clear" w:color="auto" w:fill="EDF1F6"/></w:tcPr></w:tblStylePr></w:style>'
)


def set_styles(made: Any) -> None:
    """Gives a new file its fonts, language, paragraph styles and the style of its tables."""
    defaults = made.styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault")).find(qn("w:rPr"))
    defaults.find(qn("w:lang")).set(qn("w:val"), LANGUAGE)
    fonts = defaults.find(qn("w:rFonts"))
    fonts.attrib.clear()
    for script in ("ascii", "hAnsi", "cs", "eastAsia"):
        fonts.set(qn(f"w:{script}"), FONT)
    known = {style.name for style in made.styles}
    for look in STYLES:
        if look.name not in known:
            made.styles.add_style(look.name, WD_STYLE_TYPE.PARAGRAPH, builtin=look.name.startswith("toc"))
            made.styles[look.name].base_style = made.styles["Normal"]
        _set_style(made.styles[look.name], look)
    made.styles.element.append(parse_xml(TABLE_STYLE))


def _set_style(style: Any, look: _Style) -> None:
    """Puts our look in place of the template's, which would bring its own fonts, colours and italics."""
    if (old := style.element.find(qn("w:rPr"))) is not None:
        style.element.remove(old)
    style.font.size, style.font.bold = Pt(look.size), look.bold or None  # None: as what is around it says
    style.font.color.rgb = RGBColor.from_string(look.colour)
    layout = style.paragraph_format
    layout.space_before, layout.space_after, layout.line_spacing = Pt(look.before), Pt(look.after), 1.1
    layout.keep_with_next, layout.widow_control = look.keep, True
    if look.indent:
        layout.left_indent = Cm(look.indent)
    if look.name in BORDERS:
        borders = parse_xml(f"<w:pBdr {nsdecls('w')}>{BORDERS[look.name]}</w:pBdr>")
        style.element.get_or_add_pPr().insert_element_before(borders, *AFTER_BORDERS)


# A bar beside a quote; a box around a warning.
BORDERS = {
    "Quote": '<w:left w:val="single" w:sz="18" w:space="8" w:color="8FA9C4"/>',
    "Warning": "".join(
        f'<w:{side} w:val="single" w:sz="12" w:space="6" w:color="404040"/>'
        for side in ("top", "left", "bottom", "right")
    ),
}
AFTER_BORDERS = ("w:shd", "w:tabs", "w:spacing", "w:ind", "w:contextualSpacing", "w:jc", "w:outlineLvl")
