"""The report as a Word document: what stands in it, how it is marked up, and that nothing in it breaks the file."""

import doctest
import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import docx
import openpyxl
import pypdf
import pytest
from docx.oxml.ns import qn
from lxml import etree

from pipeline.errors import OutputError
from pipeline.publishing import word, word_chart
from pipeline.publishing.document import (
    Bar,
    Bullets,
    Chart,
    Column,
    Document,
    Paragraph,
    Quotation,
    Quotations,
    Section,
    Table,
)
from pipeline.publishing.word import as_docx, write_docx

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
SOFFICE = shutil.which("soffice")
HAS_WRITER = SOFFICE is not None and (Path(os.path.realpath(SOFFICE)).parent / "libswlo.so").exists()
NB = "\u00a0"

CHART = Chart(
    "Share of respondents by principle",
    (
        Bar("Community-led", 0.364, 0.32, 0.41),
        Bar("Transparent & <open>", 0.233, 0.19, 0.28, unchecked=True),
        Bar("=SUM(A1)", 0.05, None, None),
        Bar("Collaborative", None),
    ),
    "Community-led leads.",
)
BESIDE = Chart(
    *("Wards", (Bar("Mill End", 0.3, 0.25, 0.35, 0.2), Bar("Old Town", 0.2, 0.15, 0.25, None))),
    *("Mill End is over-represented.", "Share of respondents", "Share of the population"),
)
TABLE = Table(
    "Design principles",
    (Column("Name"), Column("Respondents", "count"), Column("Share", "share"), Column("Interval", "figures")),
    (("Community-led", 1234, 0.364, "32.0 to\n41.0 %"), ("Collaborative", None, None, None), ("=1+1", 0, 0, "none")),
    "Of 412 respondents.",
)
QUOTES = Quotations(
    "Community-led",
    (
        Quotation("What a tenant said\nabout <b>buses</b>,\t[name].", "R-1/1", "Mill End", "Why?"),
        Quotation("=SUM(A1)", "R-2/1"),
    ),
)
DOCUMENT = Document(
    "Harbour & Docks: what people said",
    "1 October 2025 at 10:00",
    ("412 people wrote something.", "Most raised Community-led."),
    (
        Section("said", "What can be said", (Bullets(("More than once.", "Too close."), "Safe to say"),)),
        Section("principle", "Design principles", (Paragraph("Who raised what."), CHART, TABLE)),
        Section("quotes", "What people wrote", (QUOTES, Paragraph("In small type.", small=True)), level=3),
        Section("who", "Who answered", (BESIDE,)),
    ),
)


def opened(*blocks, **changes):
    """The document of these blocks, or of all, opened again."""
    document = Document("Title", "Now", (), (Section("one", "One", blocks, **changes),)) if blocks else DOCUMENT
    return docx.Document(io.BytesIO(as_docx(document)))


def texts(made):
    """Style and text of every paragraph outside tables, in order, the list of contents included."""
    found = []
    for one in made.element.body.iter(f"{W}p"):
        if not any(True for _ in one.iterancestors(f"{W}tbl")):
            paragraph = docx.text.paragraph.Paragraph(one, made.part)
            drawn = "(chart)" if one.findall(f".//{W}drawing") else ""
            found.append((paragraph.style.name, drawn + read(one)))
    return found


def read(element):
    """All text within an element, fields as they show."""
    signs = {f"{W}br": "\n", f"{W}tab": "\t"}
    return "".join(one.text or "" if one.tag == f"{W}t" else signs.get(one.tag, "") for one in element.iter())


def cells(table):
    return [[read(cell._tc) for cell in row.cells] for row in table.rows]


def parts(content):
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


def charts(made):
    """The charts in order: their XML, and the rows of the workbook behind each."""
    found = []
    for one in made.element.body.iter(f"{C}chart"):
        part = made.part.related_parts[one.get(qn("r:id"))]
        xml = etree.fromstring(part.blob)
        book = part.related_parts[xml.find(f"{C}externalData").get(qn("r:id"))]
        sheet = openpyxl.load_workbook(io.BytesIO(book.blob)).active
        found.append((xml, [list(row) for row in sheet.iter_rows(values_only=True)]))
    return found


def points(element, kind):
    """The values that a series, or one of its parts, keeps for drawing: place → value."""
    cache = element.find(f"{C}{kind}").find(f".//{C}ptCount").getparent()
    return {int(one.get("idx")): one.findtext(f"{C}v") for one in cache.findall(f"{C}pt")}


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(word).failed == doctest.testmod(word_chart).failed == 0


# ---- what stands in it ----------------------------------------------------------------------------------------------


def test_all_blocks_stand_in_order_in_styles_of_their_kind():
    contents = ["What can be said", "Design principles", "What people wrote", "Who answered"]
    assert texts(opened()) == [
        ("Heading 1", "Harbour & Docks: what people said"),
        ("Subtitle", "Comments coded on 1 October 2025 at 10:00"),
        ("Lead", "412 people wrote something."),
        ("Lead", "Most raised Community-led."),
        ("TOC Heading", "Contents"),
        *(("toc 3" if title == "What people wrote" else "toc 2", title) for title in contents),
        ("Heading 2", "What can be said"),
        ("Block Title", "Safe to say"),
        ("List Bullet", "More than once."),
        ("List Bullet", "Too close."),
        ("Heading 2", "Design principles"),
        ("Normal", "Who raised what."),
        ("Caption", "Figure 1. Share of respondents by principle"),
        ("Chart", "(chart)"),
        ("Normal", "Community-led leads."),
        ("Caption", "Table 1. Design principles"),
        ("Table Note", "Of 412 respondents."),
        ("Heading 3", "What people wrote"),
        ("Block Title", "Community-led"),
        ("Quote", "“What a tenant said\nabout <b>buses</b>,\t[name].”"),
        ("Quote Source", "Comment R-1/1, Mill End · Why?"),
        ("Quote", "“=SUM(A1)”"),
        ("Quote Source", "Comment R-2/1"),
        ("Small Print", "In small type."),
        ("Heading 2", "Who answered"),
        ("Caption", "Figure 2. Wards"),
        ("Chart", "(chart)"),
        ("Normal", "Mill End is over-represented."),
    ]


def test_a_table_prints_its_cells_and_marks_what_is_suppressed():
    assert cells(opened().tables[0]) == [
        ["Name", "Respondents", "Share", "Interval"],
        ["Community-led", "1,234", f"36.4{NB}%", f"32.0 to\n41.0{NB}%"],
        ["Collaborative", "[c]", "[c]", "[c]"],
        ["=1+1", "0", f"0.0{NB}%", "none"],
    ]


def test_numbers_stand_to_the_right_and_texts_to_the_left():
    rows = opened().tables[0].rows
    sides = [[cell.paragraphs[0].alignment for cell in row.cells] for row in rows]
    assert sides == [[None, *[docx.enum.text.WD_ALIGN_PARAGRAPH.RIGHT] * 3]] * 4


def test_the_header_is_repeated_and_no_row_breaks_over_pages():
    table = opened().tables[0]._tbl
    marks = [[one.tag.removeprefix(W) for one in row.trPr] for row in table.tr_lst]
    assert marks == [["cantSplit", "tblHeader"], *[["cantSplit"]] * 3]
    assert table.tblPr.find(f"{W}tblCaption").get(f"{W}val") == "Design principles"
    assert table.tblPr.find(f"{W}tblLook").get(f"{W}firstRow") == "1"


def test_a_short_table_stays_on_one_page_and_a_long_one_keeps_its_last_row_with_its_note():
    def kept(count):
        table = Table("T", (Column("Name"),), tuple((str(n),) for n in range(count)))
        return [bool(row._tr.findall(f".//{W}keepNext")) for row in opened(table).tables[0].rows]

    assert kept(3) == [True] * 4
    assert kept(20) == [True, *[False] * 19, True]


def test_the_file_says_title_and_language_and_nothing_of_a_template():
    made = opened()
    about = made.core_properties
    assert (about.title, about.language) == ("Harbour & Docks: what people said", "en-GB")
    assert (about.author, about.comments, about.keywords, about.last_modified_by) == ("", "", "", "")
    assert about.created == about.modified
    assert about.created.year >= 2025
    assert {one.get(f"{W}val") for one in made.styles.element.iter(f"{W}lang")} == {"en-GB"}


def test_a_title_too_long_for_the_properties_is_cut_there_alone():
    made = docx.Document(io.BytesIO(as_docx(Document("long " * 100, "Now", (), ()))))
    assert made.core_properties.title == ("long " * 51)
    assert texts(made)[0] == ("Heading 1", "long " * 100)


def test_lists_are_lists_of_word():
    styles = opened().styles
    assert styles["List Bullet"].element.find(f".//{W}numId") is not None


def test_pages_are_numbered():
    footer = opened().sections[0].footer._element
    assert read(footer) == "Harbour & Docks: what people said · page 1 of 1"
    assert [one.get(f"{W}instr").strip() for one in footer.iter(f"{W}fldSimple")] == ["PAGE", "NUMPAGES"]


def test_the_contents_lead_to_the_headings_and_ask_nobody_whether_they_may_be_updated():
    made = opened()
    body = made.element.body
    marks = {one.get(f"{W}name"): read(one.getparent()) for one in body.iter(f"{W}bookmarkStart")}
    links = {one.get(f"{W}anchor"): read(one) for one in body.iter(f"{W}hyperlink")}
    assert links == marks
    assert [one.text.split()[0] for one in body.iter(f"{W}instrText")] == ["TOC"]
    assert [one.get(f"{W}fldCharType") for one in body.iter(f"{W}fldChar")] == ["begin", "separate", "end"]
    assert made.settings.element.find(f"{W}updateFields") is None


def test_captions_are_counted_by_word():
    fields = [one.get(f"{W}instr").strip() for one in opened().element.body.iter(f"{W}fldSimple")]
    assert fields == ["SEQ Figure \\* ARABIC", "SEQ Table \\* ARABIC", "SEQ Figure \\* ARABIC"]


def test_blocks_that_hold_nothing_leave_nothing_but_their_words():
    empty = (Bullets((), "Bullets"), Quotations("Quotes", ()), Chart("Chart", (), "Nobody said anything."))
    assert texts(opened(*empty))[4:] == [("Heading 2", "One"), ("Normal", "Nobody said anything.")]
    nothing = docx.Document(io.BytesIO(as_docx(Document("Title", "Now", (), ()))))
    assert texts(nothing) == [("Heading 1", "Title"), ("Subtitle", "Comments coded on Now")]


# ---- charts ---------------------------------------------------------------------------------------------------------


def test_a_chart_is_drawn_from_its_figures_with_the_ends_of_its_intervals():
    xml, _ = charts(opened())[0]
    series = xml.findall(f".//{C}ser")
    assert len(series) == 1
    names = ["Community-led", "Transparent & <open> (not checked)", "=SUM(A1)", "Collaborative [c]"]
    assert points(series[0], "cat") == dict(enumerate(names))
    assert points(series[0], "val") == {0: "0.364", 1: "0.233", 2: "0.05"}
    bars = series[0].find(f"{C}errBars")
    down, up = ({n: round(float(v), 3) for n, v in points(bars, kind).items()} for kind in ("minus", "plus"))
    assert (down, up) == ({0: 0.044, 1: 0.043}, {0: 0.046, 1: 0.047})
    assert [one.find(f"{C}idx").get("val") for one in series[0].findall(f"{C}dPt")] == ["1"]
    axis = xml.find(f".//{C}valAx")
    assert "".join(axis.find(f"{C}title").itertext()) == "Share of respondents, with 95 % interval"
    scale = {one.tag.removeprefix(C): one.get("val") for one in axis.find(f"{C}scaling")}
    assert scale == {"orientation": "minMax", "max": "0.5", "min": "0"}


def test_the_workbook_behind_a_chart_holds_its_figures_and_no_formula():
    assert [
        [round(cell, 3) if isinstance(cell, float) else cell for cell in row] for row in charts(opened())[0][1]
    ] == [
        ["Name", "Share of respondents", "From the share down to the low end", "From the share up to the high end"],
        ["Community-led", 0.364, 0.044, 0.046],
        ["Transparent & <open> (not checked)", 0.233, 0.043, 0.047],
        ["=SUM(A1)", 0.05, None, None],
        ["Collaborative [c]", None, None, None],
    ]
    book = next(content for name, content in parts(as_docx(DOCUMENT)).items() if name.endswith("figures1.xlsx"))
    sheet = openpyxl.load_workbook(io.BytesIO(book)).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s", "n"}


def test_what_is_compared_is_a_second_series_with_a_legend():
    xml, rows = charts(opened())[1]
    first, second = xml.findall(f".//{C}ser")
    assert points(second, "val") == {0: "0.2"}
    assert second.find(f"{C}errBars") is None
    assert first.find(f"{C}errBars") is not None
    assert xml.find(f".//{C}legend") is not None
    assert [row[4] for row in rows] == ["Share of the population", 0.2, None]


def test_the_ranges_of_a_chart_are_those_of_its_workbook():
    for xml, rows in charts(opened()):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        for one in (*xml.iter(f"{C}strCache"), *xml.iter(f"{C}numCache")):
            ends = one.getparent().findtext(f"{C}f").removeprefix("Figures!").replace("$", "")
            area = book.active[ends]
            found = [area.value] if ":" not in ends else [row[0].value for row in area]
            kept = {int(pt.get("idx")): pt.findtext(f"{C}v") for pt in one.findall(f"{C}pt")}
            assert {n: str(cell) for n, cell in enumerate(found) if cell is not None} == kept


def test_where_no_bar_was_checked_the_axis_says_so_and_the_names_do_not():
    bars = tuple(Bar(name, 0.2, 0.1, 0.3, unchecked=True) for name in "ab")
    xml, rows = charts(opened(Chart("Chart", bars, "Words.")))[0]
    assert "".join(xml.find(f".//{C}valAx").find(f"{C}title").itertext()) == (
        "Share of respondents, not checked, with 95 % interval"
    )
    assert [row[0] for row in rows[1:]] == ["a", "b"]
    assert len(xml.findall(f".//{C}dPt")) == 2


def test_every_chart_says_in_words_what_it_shows():
    found = [one.get("descr") for one in opened().element.body.iter(qn("wp:docPr"))]
    assert found == [
        "Bar chart with 4 bars. Share of respondents by principle. Community-led leads. "
        "The table says the same in figures.",
        "Bar chart with 2 bars. Wards. Mill End is over-represented. The table says the same in figures.",
    ]


def test_a_chart_too_long_for_a_page_goes_on_upon_the_next_with_the_same_axis():
    bars = tuple(Bar(f"Code {n}", 0.5 - n / 100, 0.4 - n / 100, 0.6 - n / 100) for n in range(40))
    made = opened(Chart("Themes", bars, "Many."))
    drawn = charts(made)
    assert [text for style, text in texts(made) if style == "Caption"] == [
        "Figure 1. Themes (part 1 of 2)",
        "Figure 2. Themes (part 2 of 2)",
    ]
    assert [row[0] for _, rows in drawn for row in rows[1:]] == [bar.name for bar in bars]
    assert {xml.find(f".//{C}max").get("val") for xml, _ in drawn} == {"0.6"}
    heights = [int(one.get("cy")) for one in made.element.body.iter(qn("wp:extent"))]
    page = made.sections[0]
    assert max(heights) < page.page_height - page.top_margin - page.bottom_margin


# ---- tables that are wide -------------------------------------------------------------------------------------------


def wide(columns, rows=3):
    heads = tuple(Column(f"Ward {n} of some length", "share") for n in range(columns))
    return Table(
        "By ward", (Column("Code"), *heads), tuple((f"c{k}", *[k / 100] * columns) for k in range(rows)), "Note."
    )


@pytest.mark.parametrize(("columns", "turned", "tables"), [(4, False, 1), (10, True, 1), (12, True, 1), (40, True, 3)])
def test_a_wide_table_turns_the_page_and_is_parted_where_that_is_not_enough(columns, turned, tables):
    made = opened(wide(columns))
    page = made.sections[-1]
    assert (page.page_width > page.page_height) == turned
    assert len(made.tables) == tables
    heads = [cell for table in made.tables for cell in cells(table)[0]]
    assert [head for head in heads if head != "Code"] == [f"Ward {n} of some length" for n in range(columns)]
    assert heads.count("Code") == tables
    room = (page.page_width - page.left_margin - page.right_margin) / 635
    assert all(sum(int(one.get(f"{W}w")) for one in table._tbl.tblGrid) <= room + 5 for table in made.tables)
    notes = [text for style, text in texts(made) if style == "Table Note"]
    assert notes == [*[""] * (tables - 1), "Note."]


def test_only_sections_with_a_wide_table_lie_on_their_side_and_all_pages_have_the_footer():
    sections = (
        Section("a", "A", (Paragraph("Upright."),)),
        Section("b", "B", (wide(12),)),
        Section("c", "C", (wide(11), BESIDE)),
        Section("d", "D", (Paragraph("Upright."),)),
    )
    made = docx.Document(io.BytesIO(as_docx(Document("Title", "Now", (), sections))))
    assert [page.page_width > page.page_height for page in made.sections] == [False, True, False]
    assert [read(page.footer._element) for page in made.sections] == ["Title · page 1 of 1"] * 3


def test_a_table_of_one_column_and_one_without_rows_are_tables_too():
    made = opened(Table("One", (Column("Name"),), (("a",),)), Table("None", (Column("Name"), Column("N", "count")), ()))
    assert [cells(table) for table in made.tables] == [[["Name"], ["a"]], [["Name", "N"]]]


# ---- what might break the file --------------------------------------------------------------------------------------

HOSTILE = "a\x00\x01\x0b\x1f\x7f\ud800\udfff\ufffe\uffff\x85\u2028]]>&<w:p>'\"\r\nz😀"
SHOWN = "a\ufffd\ufffd\n\ufffd\x7f\ufffd\ufffd\ufffd\ufffd\n\n]]>&<w:p>'\"\nz😀"


def hostile_document():
    bars = (Bar(HOSTILE, 0.2, 0.1, 0.3, 0.1), Bar(HOSTILE, None))
    blocks = (
        Paragraph(HOSTILE),
        Bullets((HOSTILE,), HOSTILE),
        Table(HOSTILE, (Column(HOSTILE), Column(HOSTILE, "share")), ((HOSTILE, HOSTILE),), HOSTILE),
        Chart(HOSTILE, bars, HOSTILE, HOSTILE, HOSTILE),
        Quotations(HOSTILE, (Quotation(HOSTILE, HOSTILE, HOSTILE, HOSTILE),)),
    )
    return Document(HOSTILE, HOSTILE, (HOSTILE,), (Section(HOSTILE, HOSTILE, blocks),))


def test_no_text_breaks_the_file_and_none_is_lost():
    content = as_docx(hostile_document())
    for name, part in parts(content).items():
        if name.endswith((".xml", ".rels")):
            etree.fromstring(part)
    made = docx.Document(io.BytesIO(content))
    found = [text for style, text in texts(made) if style not in ("TOC Heading", "Chart")]
    assert all(SHOWN in text for text in found)
    assert len(found) == 15
    assert cells(made.tables[0]) == [[SHOWN, SHOWN]] * 2
    assert charts(made)[0][1][1][0] == " ".join(SHOWN.replace("\x7f", "\x7f").split())


def test_nothing_runs_and_nothing_is_fetched_from_elsewhere():
    found = parts(as_docx(DOCUMENT))
    assert not [name for name in found if "vba" in name.casefold() or name.endswith((".bin", ".exe"))]
    for name, part in found.items():
        if name.endswith(".rels"):
            assert b"TargetMode" not in part
    text = etree.fromstring(found["word/document.xml"])
    fields = [one.get(f"{W}instr") for one in text.iter(f"{W}fldSimple")]
    fields += [one.text for one in text.iter(f"{W}instrText")]
    assert {field.split()[0] for field in fields} == {"SEQ", "TOC"}


def test_every_part_has_a_type_and_every_relationship_a_part():
    found = parts(as_docx(DOCUMENT))
    types = etree.fromstring(found["[Content_Types].xml"])
    named = {one.get("PartName") for one in types if one.get("PartName")}
    endings = {one.get("Extension") for one in types if one.get("Extension")}
    for name in found:
        assert f"/{name}" in named or name.rsplit(".", 1)[-1] in endings or name == "[Content_Types].xml"
    for name, part in found.items():
        if name.endswith(".rels"):
            folder = Path("/", name).parent.parent
            for one in etree.fromstring(part):
                target = os.path.normpath(folder / one.get("Target"))
                assert Path(target).as_posix().lstrip("/") in found, (name, target)


def test_a_large_report_holds_everything():
    codes, groups = range(40), range(12)
    columns = (Column("Code"), *(Column(f"Group {n} (n = 100)", "figures") for n in groups))
    table = Table("All", columns, tuple((f"Code {k}", *["12.3 %\n(10.0 to 15.0)"] * 12) for k in codes))
    quotes = [Quotations(f"Code {k}", tuple(Quotation("word " * 200, f"r{k}/{n}") for n in range(3))) for k in codes]
    chart = Chart("All", tuple(Bar(f"Code {k}", 0.1, 0.05, 0.2) for k in codes), "Words.")
    sections = tuple(Section(f"s{n}", f"Section {n}", (chart, table, *quotes)) for n in range(5))
    made = docx.Document(io.BytesIO(as_docx(Document("Large", "Now", (), sections))))
    assert len([1 for style, _ in texts(made) if style == "Quote"]) == 5 * 40 * 3
    assert sum(len(table.rows) - 1 for table in made.tables) == 5 * 40 * (len(made.tables) // 5)
    drawn = [one.get("id") for one in made.element.body.iter(qn("wp:docPr"))]
    assert len(set(drawn)) == len(drawn) == len(charts(made))


# ---- where it is written --------------------------------------------------------------------------------------------


def test_it_is_written_whole_in_place_of_an_earlier_one(tmp_path):
    path = tmp_path / "report.docx"
    path.write_bytes(b"earlier")
    write_docx(DOCUMENT, path)
    assert texts(docx.Document(path)) == texts(opened())
    assert [one.name for one in tmp_path.iterdir()] == ["report.docx"]


def test_a_place_where_it_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "folder.docx").mkdir()
    told = []
    for name in ("report.doc", "report", "nowhere/report.docx", "folder.docx"):
        with pytest.raises(OutputError) as error:
            write_docx(DOCUMENT, tmp_path / name)
        told.append(str(error.value).removeprefix(f"{tmp_path}{os.sep}"))
    nowhere = f"there is no folder {str(tmp_path / 'nowhere')!r}. Fix: make it, or choose another"
    assert told[:3] == [
        "report.doc: .doc is not a Word document. Fix: end the name in .docx",
        "report: no ending is not a Word document. Fix: end the name in .docx",
        f"{Path('nowhere/report.docx')}: {nowhere}",
    ]
    assert told[3].endswith("Fix: close it in Word, or choose another name")
    assert [one.name for one in tmp_path.iterdir()] == ["folder.docx"]


def test_what_fails_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "report.docx"
    path.write_bytes(b"earlier")
    bad = Table("Bad", (Column("Name"), Column("N", "count")), (("a",),))
    with pytest.raises(ValueError, match="zip"):
        write_docx(Document("T", "Now", (), (Section("s", "S", (bad,)),)), path)
    assert path.read_bytes() == b"earlier"
    assert [one.name for one in tmp_path.iterdir()] == ["report.docx"]


@pytest.mark.skipif(not HAS_WRITER, reason="there is no LibreOffice Writer on this computer")
def test_another_program_opens_and_prints_it(tmp_path):
    names = {"ordinary": DOCUMENT, "hostile": hostile_document()}
    for name, document in names.items():
        write_docx(document, tmp_path / f"{name}.docx")
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [SOFFICE, profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path)]
    files = [str(tmp_path / f"{name}.docx") for name in names]
    subprocess.run([*command, *files], check=True, capture_output=True, timeout=120)
    printed = {name: pypdf.PdfReader(tmp_path / f"{name}.pdf").pages for name in names}
    words = {name: " ".join(page.extract_text() for page in pages) for name, pages in printed.items()}
    assert [
        one for one in ("Table 1. Design principles", "1,234", "Comment R-1/1") if one not in words["ordinary"]
    ] == []
    assert "]]>&<w:p>" in words["hostile"]
