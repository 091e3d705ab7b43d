import os
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from io import BytesIO

import numpy as np
import openpyxl
import pytest
from invented_findings import hidden, invented_findings, invented_tables
from python_calamine import CalamineWorkbook
from test_report import BY_WARD, GROUPED, NOTES, OVERALL, TABLES
from test_report import row as made_row

from pipeline.counting.findings import Claim
from pipeline.counting.shares import Counts, corrected
from pipeline.counting.tables import CORRECTED, Row, Tables
from pipeline.errors import OutputError
from pipeline.publishing.report import counted_share, ranked
from pipeline.publishing.spreadsheet import LONGEST_TEXT, sheet_name, table_name
from pipeline.publishing.workbook import LEFT_OUT, WRITERS, as_xlsx, write_tables, write_workbook

FINDINGS = invented_findings()
SHEETS = [
    *("Cover", "Notes", "Method", "What can be said"),
    *("Design principle", "Theme", "Design principle by Ward", "Theme by Ward", "Correction"),
    *("Check sample", "Who answered", "Weighted", "Change", "Quotes", "Uncoded pile", "Uncoded examples"),
]


def opened(found):
    return openpyxl.load_workbook(BytesIO(as_xlsx(found)))


@pytest.fixture(scope="module")
def book():
    return opened(FINDINGS)


def table_of(page):
    """The one table of a sheet: its header and its rows, as tuples."""
    (table,) = page.tables.values()
    header, *rows = ([cell.value for cell in line] for line in page[table.ref])
    return header, [tuple(row) for row in rows]


def hide(*cells):
    """Cells as they are printed: nothing is shown as [c], an empty text as [z]."""
    return tuple("[c]" if cell is None else cell or "[z]" if isinstance(cell, str) else cell for cell in cells)


def same(rows, expected):
    """Whether rows hold what is expected, fractions but for what a float loses."""
    assert [len(row) for row in rows] == [len(row) for row in expected]
    for row, other in zip(rows, expected, strict=True):
        assert row == tuple(pytest.approx(cell, abs=1e-12) if isinstance(cell, float) else cell for cell in other)


# ---- the whole -------------------------------------------------------------------------------------------------------


def test_there_is_a_sheet_for_each_part_and_none_for_an_empty_one(book):
    assert book.sheetnames == SHEETS
    empty = dict.fromkeys(("claims", "attributes", "changed", "quotes", "piles", "checked", "method", "limits"), ())
    tables = replace(FINDINGS.tables, corrections=())
    assert opened(replace(FINDINGS, tables=tables, digests={}, **empty)).sheetnames == [
        *("Cover", "Notes", "Design principle", "Theme", "Design principle by Ward", "Theme by Ward"),
    ]


def test_tables_alone_make_the_same_sheets_of_tables(book):
    alone = opened(FINDINGS.tables)
    assert alone.sheetnames == ["Cover", "Notes", *SHEETS[4:9]]
    for name in SHEETS[4:9]:
        assert list(alone[name].values) == list(book[name].values)


def test_every_sheet_has_a_title_in_its_first_cell_and_one_named_table_below_without_merged_or_empty_cells(book):
    names = set()
    for page in book:
        (table,) = page.tables.values()
        top, left = int(re.findall(r"\d+", table.ref)[0]), table.ref[0]
        assert left == "A"
        assert table.autoFilter is None
        assert not page.merged_cells.ranges
        assert page["A1"].font.bold
        assert all(page.cell(row, 1).value for row in range(1, top)), "no empty row above the table"
        assert all(cell.value is not None for line in page[table.ref] for cell in line)
        assert page.max_row == int(re.findall(r"\d+", table.ref)[1]), "nothing below the table but a chart"
        headers = [cell.value for cell in page[top]]
        assert len(set(headers)) == len(headers)
        assert page[top][0].font.bold
        names.add(table.name)
    assert len(names) == len(SHEETS)
    assert "Table_5_Design_principle_comments_respondents_and_shares_by_code" in names


def test_only_a_table_longer_than_a_screen_has_a_frozen_header():
    many = tuple(replace(row, code=f"c{n}") for n, row in enumerate(OVERALL[:1] * 30))
    frozen = opened(replace(TABLES, rows=(*many, OVERALL[3])))
    assert [page.freeze_panes for page in frozen] == [None, None, "A6", None]


def test_shorthand_is_explained_on_each_sheet_that_uses_it_and_on_no_other(book):
    for page in book:
        _, rows = table_of(page)
        used = {cell for row in rows for cell in row if cell in ("[c]", "[z]", "[x]")}
        explained = {str(cell.value)[:3] for cell in page["A"] if str(cell.value).startswith("[")}
        assert explained - {cell for row in rows for cell in row[:1]} == used, page.title


def test_a_public_workbook_is_the_same_without_the_correction_and_says_so():
    page = openpyxl.load_workbook(BytesIO(as_xlsx(FINDINGS, public=True)))
    assert page.sheetnames == [name for name in SHEETS if name != "Correction"]
    said = [str(cell.value) for sheet in (page["Cover"], page["Notes"]) for row in sheet.iter_rows() for cell in row]
    assert [one for one in said if "publi" in one and "correct" in one] == [LEFT_OUT]
    without = replace(FINDINGS, tables=replace(FINDINGS.tables, corrections=()))
    assert as_xlsx(without, public=True) == as_xlsx(without)


def test_the_cover_says_what_it_is_and_leads_to_every_sheet(book):
    page = book["Cover"]
    assert [cell.value for cell in page["A"]][:9] == [
        "Frequency tables: Harbour consultation",
        "This worksheet contains one table.",
        "What people wrote, counted by code. 412 of 450 respondents wrote something with content.",
        "Export: harbour.xlsx. Run: harbour. Coded on 1 October 2025, 10:00 UTC with the model engagement.",
        "Made with feedback-pipeline 0.1.0, python 3.11.7.",
        "Not for publication as it is: the sheet Correction holds counts of the check sample, small ones too. Delete "
        "that sheet first, or have the report made with --public, which leaves it out.",
        "Contact: write here who answers questions about these figures, before you publish them.",
        "The sheets are listed below; each name is a link.",
        "Worksheet",
    ]
    _, rows = table_of(page)
    assert rows == [(name, book[name]["A1"].value) for name in SHEETS[1:]]
    links = {cell.value: cell.hyperlink for line in page for cell in line if cell.hyperlink}
    assert {name: link.location for name, link in links.items()} == {name: f"'{name}'!A1" for name in SHEETS[1:]}
    assert {link.target for link in links.values()} == {None}
    assert not any(cell.hyperlink for other in book.worksheets[1:] for line in other for cell in line)


def test_the_notes_say_how_it_was_counted_and_what_shorthand_and_columns_mean(book):
    _, rows = table_of(book["Notes"])
    assert rows[:6] == [
        *(("How it was counted", note) for note in FINDINGS.tables.notes),
        ("Shorthand [c]", "not shown: the number is small, or a small number could be worked out from it."),
        ("Shorthand [z]", "does not apply."),
        ("Shorthand [x]", "could not be worked out."),
        ("Who answered: Ward", "Population: wards.csv."),
    ]
    explained = {about for about, _ in rows}
    assert {"Column “Campaigns once”", "Column “Counted share”", "Column “Pull”", "Column “Recall”"} <= explained


def test_a_date_that_is_none_is_printed_as_it_is():
    page = opened(replace(FINDINGS, made="in spring"))["Cover"]
    assert "Coded on in spring with" in page["A4"].value


def test_the_same_findings_make_the_same_file():
    assert as_xlsx(FINDINGS) == as_xlsx(invented_findings())


# ---- frequency tables ------------------------------------------------------------------------------------------------

MEASURES = [
    *("Comments", "Campaigns once", "Respondents", "Base", "Counted share", "Share", "Low 95 %", "High 95 %"),
    "Status",
]


def measures(row):
    counts = (row.comments, row.comments_once, row.respondents, row.base)
    return hide(*counts, counted_share(row), row.share, row.low, row.high, row.status)


@pytest.mark.parametrize(("facet", "name"), FINDINGS.tables.headings.items())
def test_an_overall_table_is_the_rows_in_order_of_size(book, facet, name):
    header, rows = table_of(book[name])
    assert header == ["Name", "Code", *MEASURES, "Margin below", "Margin above", "Checked"]
    expected = []
    for row in ranked(FINDINGS.tables.of(facet)):
        hidden_here = row.share is None
        margins = (None, None, None) if hidden_here else (row.share - row.low, row.high - row.share, row.checked)
        expected.append((*hide(row.name, row.code), *measures(row), *hide(*margins)))
    same(rows, expected)


@pytest.mark.parametrize(("facet", "name"), FINDINGS.tables.headings.items())
def test_a_table_by_group_is_all_its_rows(book, facet, name):
    header, rows = table_of(book[f"{name} by Ward"])
    assert header == ["Value", "Name", "Code", *MEASURES]
    order = [row.code for row in ranked(FINDINGS.tables.of(facet))]
    found = FINDINGS.tables.of(facet, "Ward")
    expected = sorted(found, key=lambda row: (["H", "M", "O", "L"].index(row.value[0]), order.index(row.code)))
    same(rows, [(*hide(row.value, row.name, row.code), *measures(row)) for row in expected])


def test_numbers_have_formats_and_what_stands_in_their_place_is_to_the_right(book):
    page = book["Design principle"]
    first, last = page[8], page[page.max_row]
    assert [cell.number_format for cell in first[2:8]] == ["#,##0"] * 4 + ["0.0%"] * 2
    assert last[2].value == "[c]"
    assert {cell.alignment.horizontal for cell in (*first[2:10], *last[2:10])} == {"right"}
    assert first[0].alignment.horizontal == "left"


def test_codes_that_were_inferred_have_a_column():
    found = opened(GROUPED)
    header, rows = table_of(found["Stakeholder"])
    assert (header[-1], rows[0][-1]) == ("Of which inferred", 1)
    assert "Of which inferred" not in table_of(found["Design principle"])[0]


def test_each_overall_table_has_a_bar_chart_with_its_intervals_and_words_for_it(book):
    assert [page.title for page in book if page._charts] == ["Design principle", "Theme"]
    (chart,) = book["Design principle"]._charts
    (series,) = chart.series
    assert (chart.tagname, chart.barDir) == ("barChart", "bar")
    assert series.cat.strRef.f == "'Design principle'!$A$8:$A$12", "not the suppressed one"
    assert series.val.numRef.f == "'Design principle'!$H$8:$H$12"
    assert series.errBars.minus.numRef.f == "'Design principle'!$L$8:$L$12"
    assert series.errBars.plus.numRef.f == "'Design principle'!$M$8:$M$12"
    assert (chart.x_axis.scaling.max, chart.y_axis.scaling.max) in [(None, 0.4), (0.4, None)], "room for 37.8 %"
    drawing = zipfile.ZipFile(BytesIO(as_xlsx(FINDINGS))).read("xl/drawings/drawing1.xml").decode()
    assert re.findall(r'descr="([^"]*)"', drawing) == [
        "Bar chart of the share of respondents for 5 codes, each with its 95 % interval. Largest: Community-led, "
        "33.8 %. Smallest: (no code), 9.7 %. The table above it says the same in figures.",
    ]


def test_a_table_of_noughts_and_one_of_suppressed_numbers_can_be_written(tmp_path):
    nothing = Row("principle", "led", "Community-led", None, None, 0, 0, 0, 0.0, 0.0, 1.0, "not checked", 0)
    for row in (nothing, hidden(nothing)):
        tables = Tables("T", (row,), 5, 0, None, NOTES, {"principle": "P", "theme": "No rows"})
        for ending in WRITERS:
            write_tables(tables, tmp_path / f"tables{ending}")
        assert openpyxl.load_workbook(tmp_path / "tables.xlsx").sheetnames == ["Cover", "Notes", "P"]


# ---- the correction --------------------------------------------------------------------------------------------------


COUNTS = ("decided", "decided_with", "given", "given_checked", "given_found")
COUNTS += ("not_given", "not_given_checked", "not_given_found")


def share_of(one):
    """The share that the ingredients of a correction give."""
    base = one.decided + one.given + one.not_given
    given = one.given_found / one.given_checked if one.given_checked else 1.0
    missed = one.not_given_found / one.not_given_checked if one.not_given_checked else 0.0
    counted = (one.decided_with + one.given) / base
    checked = (one.decided_with + one.given * given + one.not_given * missed) / base
    return counted + one.pull * (checked - counted)


def worked_out(one):
    """A correction with the share and interval that its ingredients give."""
    shares = corrected(Counts(*(np.array([float(getattr(one, name))]) for name in COUNTS)))
    return replace(one, share=share_of(one), low=float(shares.low[0]), high=float(shares.high[0]))


def corrected_findings():
    """Findings whose corrected shares come from their ingredients, with sides of which none or all was checked."""
    tables = invented_tables()
    first, second, third, fourth, *others = (
        replace(one, pull=0.4 + n / 10) for n, one in enumerate(tables.corrections)
    )
    first = replace(first, given_checked=0.0, given_found=0.0)
    second = replace(second, not_given_checked=0.0, not_given_found=0.0)
    third = replace(third, pull=1.0, given_found=17.25)
    all_read = {"given_checked": float(fourth.given), "given_found": 20.5}
    fourth = replace(fourth, **all_read, not_given_checked=float(fourth.not_given), not_given_found=0.0)
    corrections = tuple(map(worked_out, (first, second, third, fourth, *others)))
    found = {(one.facet, one.code): one for one in corrections}
    rows = []
    for row in tables.rows:
        one = found.get((row.facet, row.code)) if row.status == CORRECTED else None
        rows.append(replace(row, share=one.share, low=one.low, high=one.high) if one else row)
    return invented_findings(tables=replace(tables, rows=tuple(rows), corrections=corrections))


CORRECTED_FINDINGS = corrected_findings()
FIRST_ROW = 7


def shares_in(rows):
    """Share, low and high of each line of the correction."""
    return [cell for row in rows for cell in (row[15], row[20], row[21])]


def shares_of(corrections):
    return [cell for one in corrections for cell in (one.share, one.low, one.high)]


def test_the_correction_has_a_line_for_each_corrected_code_that_is_shown():
    corrections = CORRECTED_FINDINGS.tables.corrections
    header, rows = table_of(opened(CORRECTED_FINDINGS)["Correction"])
    assert header == [
        *("Facet", "Name", "Code", "Base (worked out)", "Decided", "Decided: with the code"),
        *("Given", "Given: checked", "Given: found", "Not given", "Not given: checked", "Not given: found"),
        *("Share as counted", "Share as checked", "Pull", "Corrected share"),
        *("Rate of given", "Rate of not given", "Share of undecided", "k", "Low 95 %", "High 95 %"),
    ]
    for row, one in zip(rows, corrections, strict=True):
        assert row[:3] == hide(FINDINGS.tables.headings[one.facet], one.name, one.code)
        assert row[4:12] == tuple(getattr(one, name) for name in COUNTS)
        assert row[14] == pytest.approx(one.pull)
    assert [rows[0][place] for place in (3, 12, 13, 15)] == [
        "=E7+G7+J7",
        "=(F7+G7)/D7",
        "=(F7+IF(H7=0,G7,G7*I7/H7)+IF(K7=0,0,J7*L7/K7))/D7",
        "=M7+O7*(N7-M7)",
    ]


def test_what_a_suppressed_share_was_worked_out_from_is_not_told():
    tables = replace(FINDINGS.tables, rows=(hidden(FINDINGS.tables.rows[0]), *FINDINGS.tables.rows[1:]))
    _, rows = table_of(opened(tables)["Correction"])
    assert [row[2] for row in rows] == [one.code or "[z]" for one in FINDINGS.tables.corrections[1:]]


def correction_rows(found):
    """What a program shows that does not work formulas out."""
    page = CalamineWorkbook.from_filelike(BytesIO(as_xlsx(found))).get_sheet_by_name("Correction")
    rows = page.to_python(skip_empty_area=False)
    return rows[1 + next(n for n, row in enumerate(rows) if row[0] == "Facet") :]


def test_the_values_of_the_formulas_are_kept_for_programs_that_do_not_work_them_out():
    rows = correction_rows(CORRECTED_FINDINGS)
    assert shares_in(rows) == pytest.approx(shares_of(CORRECTED_FINDINGS.tables.corrections))


def test_an_interval_that_was_not_found_in_this_way_is_no_formula():
    _, rows = table_of(opened(FINDINGS)["Correction"])
    assert [row[20:] for row in rows] == [pytest.approx((one.low, one.high)) for one in FINDINGS.tables.corrections]


def test_a_code_of_which_all_comments_were_decided_has_a_share():
    one = replace(FINDINGS.tables.corrections[0], decided=412, decided_with=150, given=0, not_given=0, share=0, pull=1)
    one = replace(one, given_checked=0.0, given_found=0.0, not_given_checked=0.0, not_given_found=0.0)
    (row,) = correction_rows(replace(FINDINGS.tables, corrections=(worked_out(one),)))
    assert shares_in([row]) == pytest.approx([150 / 412] * 3)


def test_every_header_of_the_correction_has_a_note_that_explains_it(book):
    page = book["Correction"]
    assert all(cell.comment.text.startswith(f"{cell.value}: ") for cell in page[FIRST_ROW - 1])
    assert not any(cell.comment for other in book if other is not page for line in other for cell in line)


def test_only_the_correction_has_formulas():
    found = opened(CORRECTED_FINDINGS)
    formulas = {(page.title, cell.column) for page in found for line in page for cell in line if cell.data_type == "f"}
    assert formulas == {("Correction", column) for column in (4, 13, 14, *range(16, 23))}


def recalculated(folder, *files):
    """The sheet Correction of workbooks that LibreOffice worked out and saved, row by row."""
    profile = (folder / "profile").resolve().as_uri()
    command = ["soffice", f"-env:UserInstallation={profile}", "--headless", "--convert-to", "xlsx", "--outdir"]
    subprocess.run([*command, folder / "out", *files], check=True, capture_output=True, timeout=300)
    pages = (CalamineWorkbook.from_path(folder / "out" / path.name).get_sheet_by_name("Correction") for path in files)
    return [page.to_python(skip_empty_area=False)[FIRST_ROW - 1 :] for page in pages]


CHANGES = {  # number of the column, and what is typed there
    "decided_with": (6, 3),
    "given": (7, 60),
    "given_checked": (8, 40.0),
    "given_found": (9, 5.5),
    "not_given": (10, 200),
    "not_given_checked": (11, 90.0),
    "pull": (15, 0.3),
    "not_given_found": (12, 8.25),
}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_works_out_the_shares_of_the_findings_and_others_where_a_number_is_changed(tmp_path):
    corrections = CORRECTED_FINDINGS.tables.corrections[::-1]
    found = opened(CORRECTED_FINDINGS)  # saving it loses the kept values, so that they must be worked out
    found.save(tmp_path / "as-it-is.xlsx")
    expected = []
    for (name, (column, typed)), one in zip(CHANGES.items(), corrections, strict=True):
        row = FIRST_ROW + len(corrections) - 1 - len(expected)
        found["Correction"].cell(row, column).value = typed
        expected.append(worked_out(replace(one, **{name: typed})))
        assert abs(expected[-1].share - one.share) > 1e-4, name
    found.save(tmp_path / "changed.xlsx")
    untouched, changed = recalculated(tmp_path, tmp_path / "as-it-is.xlsx", tmp_path / "changed.xlsx")
    assert shares_in(untouched[::-1]) == pytest.approx(shares_of(corrections), abs=1e-6)
    assert shares_in(changed[::-1]) == pytest.approx(shares_of(expected), abs=1e-6)


# ---- what else was found ---------------------------------------------------------------------------------------------


def test_what_can_be_said_is_every_claim_in_words(book):
    header, rows = table_of(book["What can be said"])
    assert header == ["How sure", "Statement", "About", "Facet", "Codes", "Group", "Value"]
    principle, none = "Design principle", "[z]"
    assert rows == [
        (
            *("Safe to say", "More people raised Community-led than Transparent.", "Order of codes"),
            *(principle, "Community-led", none, none),
        ),
        (
            *("Too close to call", "Transparent and Accountable are too close to call.", "Order of codes"),
            *(principle, "Transparent", none, none),
        ),
        (
            *("Too few to say", "Collaborative: too few people to say.", "Majority or minority"),
            *(principle, "Collaborative", none, none),
        ),
        (
            *("Safe to say", FINDINGS.claims[3].words, "By group"),
            *("Theme", "Access & opening hours", "Ward", "Mill End"),
        ),
    ]


def test_the_method_has_its_limits_and_digests(book):
    assert table_of(book["Method"])[1] == [
        *(("Method", text) for text in FINDINGS.method),
        *(("Limits", text) for text in FINDINGS.limits),
        *((f"SHA-256 of the {name}", digest) for name, digest in FINDINGS.digests.items()),
    ]


def test_how_a_table_is_to_be_read_is_not_called_safe_to_say():
    read = Claim("safe", "reading", "Shares are of the 412.", "theme", (), "principle")
    (row,) = table_of(opened(invented_findings(claims=(read,)))["What can be said"])[1]
    assert row == ("How to read it", read.words, "How to read it", "Theme", "[z]", "Design principle", "[z]")


def test_the_check_sample_has_three_figures_a_code_with_intervals(book):
    page = book["Check sample"]
    assert page["A3"].value == "100 comments were drawn at random and coded blind by 2 people."
    assert table_of(page)[0] == [
        *("Facet", "Name", "Code", "Comments with it", "Precision", "Precision: low", "Precision: high"),
        *("Recall", "Recall: low", "Recall: high", "Alpha", "Alpha: low", "Alpha: high"),
    ]
    _, (first, second, *_) = table_of(page)
    unknown = ("[x]", "[x]", "[x]")
    assert first == ("Design principle", "Community-led", "community-led", 20, 0.8, 0.6, 0.92, 0.7, 0.5, 0.85, *unknown)
    assert second[10:] == (0.75, 0.6, 0.88)


def test_who_answered_weighted_shares_and_change_are_as_found(book):
    assert table_of(book["Who answered"])[1] == [
        ("Ward", "Harbour & Docks", 160, 0.39, 0.34, 0.44, 0.30, "over-represented"),
        ("Ward", "Old Town", 118, 0.29, 0.25, 0.33, 0.40, "under-represented"),
        ("Ward", "Lower <Quay>", "[c]", "[c]", "[c]", "[c]", 0.02, "[x]"),
    ]
    access = ("Theme", "Access & opening hours", "access")
    assert table_of(book["Weighted"])[1] == [("Ward", *access, 0.29, 0.27, 0.22, 0.32)]
    assert book["Change"]["A1"].value == "Change against the run spring"
    same(table_of(book["Change"])[1], [(*access, 0.21, 0.29, 8.0, 2.0, 14.0)])


def test_quotes_and_the_uncoded_pile_have_ids_and_words(book):
    header, rows = table_of(book["Quotes"])
    assert header == ["Facet", "Name", "Code", "Comment", "Comment id", "Question", "Coded by"]
    names = {(row.facet, row.code): row.name for row in FINDINGS.tables.rows}
    by = {True: "a person", False: "the tool"}
    assert rows == [
        (
            *(FINDINGS.tables.headings[one.facet], names[one.facet, one.code], one.code),
            *(one.text, one.comment_id, one.question, by[one.decided]),
        )
        for one in FINDINGS.quotes
    ]
    assert book["Uncoded pile"]["A3"].value == "Theme: 40 comments have no code."
    assert table_of(book["Uncoded pile"])[1] == [("Theme", 12, "bins, rats"), ("Theme", 8, "bus, late")]
    examples = FINDINGS.piles[0].examples
    assert table_of(book["Uncoded examples"])[1] == [
        ("Theme", one.text, one.comment_id, one.question) for one in examples
    ]


# ---- texts of any kind -----------------------------------------------------------------------------------------------

HOSTILE = '=HYPERLINK("http://example.org")\x07_x000D_ \ud800\uffff'


def test_no_text_becomes_a_formula_or_a_link_and_control_characters_are_left_out():
    rows = tuple(made_row("principle", "led", HOSTILE, *where, 1, 1, 4) for where in [(None, None), ("+Ward", "-1+1")])
    notes = ("@SUM(A1)", "http://example.org", "[text](http://example.org) $$1$$", "???")
    found = opened(Tables("=1+1", rows, 5, 4, "=2+2", notes, {"principle": "=cmd|'/c calc'!A1"}))
    cells = [cell for page in found for line in page for cell in line if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s", "n"}
    assert [cell.hyperlink.target for cell in cells if cell.hyperlink] == [None] * 3
    assert found.sheetnames == ["Cover", "Notes", "=cmd|' c calc'!A1", "=cmd|' c calc'!A1 by +Ward"]
    assert table_of(found.worksheets[2])[1][0][0] == '=HYPERLINK("http://example.org") _x000D_   '
    assert [note for about, note in table_of(found["Notes"])[1] if about == "How it was counted"] == list(notes)
    assert len(found.worksheets[2]._charts) == 1


def test_a_text_too_long_for_a_cell_is_cut_and_says_so():
    long = "😀" * LONGEST_TEXT
    found = opened(replace(FINDINGS, claims=(Claim("safe", "order", long, "theme", ()),)))
    text = table_of(found["What can be said"])[1][0][1]
    assert text.endswith("😀 … [cut here: a cell cannot hold more]")
    assert LONGEST_TEXT - 2 < len(text.encode("utf-16-le")) // 2 <= LONGEST_TEXT


def test_sheets_that_would_have_the_same_name_get_different_ones():
    tables = replace(TABLES, headings={"principle": "Notes", "who": "cover"})
    found = opened(tables)
    assert found.sheetnames == ["Cover", "Notes", "Notes 2", "cover 2"]
    assert [cell.hyperlink.location for cell in found["Cover"]["A"] if cell.hyperlink] == [
        *("'Notes'!A1", "'Notes 2'!A1", "'cover 2'!A1"),
    ]


@pytest.mark.parametrize(
    ("title", "taken", "name"),
    [
        ("Theme", ["Notes"], "Theme"),
        ("Theme", ["theme"], "Theme 2"),
        ("History", [], "History 2"),
        ("Theme by [Q1]: what/why? * \\", [], "Theme by Q1 what why"),
        ("'quoted'", [], "quoted"),
        ("***", [], "Table"),
        ("' '", [], "Table"),
        ("Theme by a question of many words, 1", [], "Theme by a question of many wor"),
        (
            "Theme by a question of many words, 2",
            ["Theme by a question of many wor"],
            "Theme by a question of many w 2",
        ),
        ("line\nbreak\x00\ud800", [], "line break"),
        ("😀" * 20, [], "😀" * 15),
    ],
)
def test_sheet_names_are_ones_that_excel_accepts(title, taken, name):
    assert sheet_name(title, taken) == name
    assert len(name.encode("utf-16-le")) <= 62


@pytest.mark.parametrize("title", ["A1", "R1C1", "Thème – “été”", "x" * 300, "???", "Q1/2"])
def test_table_names_are_ones_that_excel_accepts(title):
    assert re.fullmatch(r"Table_7\w*", table_name(title, 7), re.ASCII)
    assert len(table_name(title, 7)) <= 100


# ---- writing ---------------------------------------------------------------------------------------------------------


def refusal(path):
    with pytest.raises(OutputError) as caught:
        write_tables(TABLES, path)
    return str(caught.value)


def test_another_ending_is_refused_with_the_three_there_are(tmp_path):
    assert refusal(tmp_path / "tables.xls") == (
        f"{tmp_path / 'tables.xls'}: '.xls' is not a kind of table. Fix: use .xlsx, .csv, .json"
    )
    assert "'no ending' is not a kind of table" in refusal(tmp_path / "tables")
    with pytest.raises(OutputError, match=r"'.csv' is no workbook. Fix: end the name in .xlsx"):
        write_workbook(FINDINGS, tmp_path / "all.csv")


def test_a_place_that_cannot_be_written_to_is_refused_and_nothing_is_left_behind(tmp_path):
    folder = tmp_path / "there" / "tables.csv"
    assert refusal(folder).startswith(f"{folder}: there is no folder {str(folder.parent)!r}. Fix: make it")
    (tmp_path / "tables.csv").mkdir()
    assert refusal(tmp_path / "tables.csv") == (
        f"{tmp_path / 'tables.csv'}: cannot be written (Is a directory). Fix: close it in Excel, or choose another name"
    )
    assert "cannot be written (" in refusal(tmp_path / f"{'long' * 80}.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["tables.csv"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is write-protected for root")
def test_a_write_protected_file_is_not_replaced(tmp_path):
    path = tmp_path / "tables.csv"
    path.write_text("mine", encoding="utf-8")
    path.chmod(0o400)
    assert "cannot be written (it is write-protected). Fix: close it in Excel" in refusal(path)
    assert path.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("ending", list(WRITERS))
def test_an_existing_file_is_replaced_whole(tmp_path, ending):
    path = tmp_path / f"tables{ending}"
    path.write_bytes(b"x" * 100_000)
    write_tables(replace(TABLES, rows=(*OVERALL, *BY_WARD)), path)
    assert b"xxxx" not in path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


def test_all_that_was_found_is_written_to_one_file(tmp_path):
    write_workbook(FINDINGS, tmp_path / "all.XLSX")
    assert (tmp_path / "all.XLSX").read_bytes() == as_xlsx(FINDINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["all.XLSX"]
