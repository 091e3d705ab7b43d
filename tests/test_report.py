import csv
import io
import json
import os

import openpyxl
import pytest

from pipeline.errors import OutputError
from pipeline.report import WRITERS, as_text, sheet_name, write_tables
from pipeline.tables import Row, Tables, wilson

NOTES = (
    "Base: 4 respondents of 5 who wrote something with content; a respondent may have several codes.",
    "The codes were given by the tool and have not been checked by people.",
)


def row(facet, code, name, group, value, comments, respondents, base, inferred=0):
    low, high = wilson(respondents, base)
    share = respondents / base
    return Row(facet, code, name, group, value, comments, respondents, base, share, low, high, "not checked", inferred)


OVERALL = (
    row("principle", "led", "Community-led", None, None, 1, 1, 4),
    row("principle", "open", "=Transparent", None, None, 4, 3, 4),
    row("principle", "", "(no code)", None, None, 1, 1, 4),
    row("who", "staff", "Council staff", None, None, 2, 2, 4, 1),
)
BY_WARD = (
    row("principle", "led", "Community-led", "Ward / area", "@Bow", 1, 1, 3),
    row("principle", "open", "=Transparent", "Ward / area", "@Bow", 3, 2, 3),
    row("principle", "", "(no code)", "Ward / area", "@Bow", 1, 1, 3),
    row("principle", "led", "Community-led", "Ward / area", "(not given)", 0, 0, 1),
    row("principle", "open", "=Transparent", "Ward / area", "(not given)", 1, 1, 1),
    row("principle", "", "(no code)", "Ward / area", "(not given)", 0, 0, 1),
    row("who", "staff", "Council staff", "Ward / area", "@Bow", 1, 1, 3, 1),
    row("who", "staff", "Council staff", "Ward / area", "(not given)", 1, 1, 1),
)
HEADINGS = {"principle": "Design principle", "who": "Stakeholder"}
TABLES = Tables("Test book", OVERALL, 5, 4, None, NOTES, HEADINGS)
GROUPED = Tables("Test book", (*OVERALL, *BY_WARD), 5, 4, "Proposal slides", NOTES, HEADINGS)


def test_csv_has_the_contract_columns_and_no_cell_that_could_become_a_formula(tmp_path):
    write_tables(GROUPED, tmp_path / "tables.CSV")
    content = (tmp_path / "tables.CSV").read_bytes()
    assert content.startswith("\ufefffacet,code,name,group,value,comments,respondents,base,".encode())
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert header == [
        *("facet", "code", "name", "group", "value", "comments", "respondents", "base"),
        *("share", "low", "high", "status", "inferred", "comments_once"),
    ]
    assert len(lines) == 12
    low, high = wilson(3, 4)
    assert lines[1] == [
        *("principle", "open", "'=Transparent", "", "", "4", "3", "4", "0.75", repr(low), repr(high)),
        *("not checked", "0", "0"),
    ]
    assert lines[4][:5] == ["principle", "led", "Community-led", "Ward / area", "'@Bow"]


def test_json_has_rows_counts_and_notes_with_nulls_in_the_overall_table(tmp_path):
    write_tables(GROUPED, tmp_path / "tables.json")
    table = json.loads((tmp_path / "tables.json").read_text(encoding="utf-8"))
    low, high = wilson(1, 4)
    assert table["rows"][0] == {
        "facet": "principle",
        "code": "led",
        "name": "Community-led",
        "group": None,
        "value": None,
        "comments": 1,
        "respondents": 1,
        "base": 4,
        "share": 0.25,
        "low": low,
        "high": high,
        "status": "not checked",
        "inferred": 0,
        "comments_once": 0,
    }
    assert len(table.pop("rows")) == 12
    assert table == {"base": 4, "responses": 5, "wording": "Proposal slides", "notes": list(NOTES)}


def workbook(tables, path):
    write_tables(tables, path)
    return openpyxl.load_workbook(path)


def test_the_workbook_has_notes_first_and_one_table_a_sheet(tmp_path):
    book = workbook(GROUPED, tmp_path / "tables.xlsx")
    assert book.sheetnames == [
        "Notes",
        "Design principle",
        "Stakeholder",
        "Design principle by Ward area",
        "Stakeholder by Ward area",
    ]
    assert [cell.value for cell in book["Notes"]["A"]] == [
        "Frequency tables: Test book",
        "Names as published in: Proposal slides",
        "How it was counted",
        *NOTES,
        "Sheets",
        "Design principle",
        "Stakeholder",
        "Design principle by Ward area: Design principle by Ward / area",
        "Stakeholder by Ward area: Stakeholder by Ward / area",
    ]
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes is not None
        assert [table.autoFilter.ref for table in sheet.tables.values()] == [sheet.dimensions]
    assert not any(sheet.merged_cells.ranges for sheet in book)


def test_the_cells_of_the_workbook_are_the_rows_in_order_of_size(tmp_path):
    book = workbook(GROUPED, tmp_path / "tables.xlsx")
    measures = ["Comments", "Respondents", "Base", "Share", "Low 95 %", "High 95 %", "Status"]
    low, high = (pytest.approx(end) for end in wilson(3, 4))
    few, some = (pytest.approx(end) for end in wilson(1, 4))
    assert list(book["Design principle"].values) == [
        ("Name", "Code", *measures),
        ("=Transparent", "open", 4, 3, 4, 0.75, low, high, "not checked"),
        ("Community-led", "led", 1, 1, 4, 0.25, few, some, "not checked"),
        ("(no code)", "", 1, 1, 4, 0.25, few, some, "not checked"),
    ]
    assert [cell.value for cell in book["Stakeholder"][1]] == ["Name", "Code", *measures, "Of which inferred"]
    assert [values[:6] for values in book["Design principle by Ward area"].values] == [
        ("Value", "Name", "Code", "Comments", "Respondents", "Base"),
        ("@Bow", "=Transparent", "open", 3, 2, 3),
        ("@Bow", "Community-led", "led", 1, 1, 3),
        ("@Bow", "(no code)", "", 1, 1, 3),
        ("(not given)", "=Transparent", "open", 1, 1, 1),
        ("(not given)", "Community-led", "led", 0, 0, 1),
        ("(not given)", "(no code)", "", 0, 0, 1),
    ]
    sheet = book["Design principle"]
    assert [sheet["F2"].number_format, sheet["G2"].number_format, sheet["D2"].number_format] == [
        *("0.0%", "0.0%", "#,##0"),
    ]
    assert sheet["A1"].font.bold


def test_no_cell_of_the_workbook_is_a_formula_or_a_link(tmp_path):
    name = '=HYPERLINK("http://example.org")\x07_x000D_'
    rows = tuple(row("principle", "led", name, *where, 1, 1, 4) for where in [(None, None), ("+Ward", "-1+1")])
    tables = Tables("=1+1", rows, 5, 4, "=2+2", ("@SUM(A1)", "http://example.org"), {"principle": "=cmd|'/c calc'!A1"})
    book = workbook(tables, tmp_path / "tables.xlsx")
    cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s", "n"}
    assert not any(cell.hyperlink for cell in cells)
    assert book.sheetnames == ["Notes", "=cmd|' c calc'!A1", "=cmd|' c calc'!A1 by +Ward"]
    assert len(book.worksheets[1]._charts) == 1


def test_each_overall_table_has_a_bar_chart_with_its_intervals_beside_it(tmp_path):
    book = workbook(GROUPED, tmp_path / "tables.xlsx")
    assert [len(sheet._charts) for sheet in book] == [0, 1, 1, 0, 0]
    (chart,) = book["Design principle"]._charts
    (series,) = chart.series
    assert (chart.tagname, chart.barDir) == ("barChart", "bar")
    assert series.val.numRef.f == "'Design principle'!$F$2:$F$4"
    assert series.cat.strRef.f == "'Design principle'!$A$2:$A$4"
    above = [float(point.v) for point in series.errBars.plus.numLit.pt]
    assert above == pytest.approx([wilson(n, 4)[1] - n / 4 for n in (3, 1, 1)])


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
        ("line\nbreak\x00", [], "line break"),
    ],
)
def test_sheet_names_are_ones_that_excel_accepts(title, taken, name):
    assert sheet_name(title, taken) == name
    assert len(name) <= 31


TEXT = """\
Frequency tables: Test book
Names as published in: Proposal slides
Base: 4 respondents of 5 who wrote something with content; a respondent may have several codes.

Design principle
Name           Respondents   Share   95 % interval
=Transparent             3  75.0 %  30.1 to 95.4 %  ████████████████████████
Community-led            1  25.0 %   4.6 to 69.9 %  ████████
(no code)                1  25.0 %   4.6 to 69.9 %  ████████

Stakeholder
Name           Respondents   Share   95 % interval  Inferred
Council staff            2  50.0 %  15.0 to 85.0 %         1  ████████████████████████

Design principle by Ward / area: share of the n respondents in each column
                 @Bow  (not given)
                  n=3          n=1
=Transparent   66.7 %      100.0 %
Community-led  33.3 %        0.0 %
(no code)      33.3 %        0.0 %

Stakeholder by Ward / area: share of the n respondents in each column
                 @Bow  (not given)
                  n=3          n=1
Council staff  33.3 %      100.0 %

Notes
- The codes were given by the tool and have not been checked by people."""


def test_the_text_for_the_terminal_is_ranked_aligned_and_ends_with_the_notes():
    assert as_text(GROUPED).splitlines() == TEXT.splitlines()


def test_a_cross_table_too_wide_is_cut_into_blocks_without_control_characters():
    values = ["A long name of a ward in the north", "Bow", "Poplar\x1b[31m", "Limehouse", "Wapping"]
    rows = tuple(row("principle", "led", "Community-led", "Ward", value, 1, 1, 1234) for value in values)
    overall = (row("principle", "led", "Community-led", None, None, 1, 1, 4),)
    text = as_text(Tables("T", (*overall, *rows), 5, 4, None, NOTES, {"principle": "P"}), width=60)
    assert text.split("\n\n")[2:4] == [
        "P by Ward: share of the n respondents in each column\n"
        "               A long name of a\n"
        "                    ward in the\n"
        "                          north      Bow  Poplar [31m\n"
        "                        n=1,234  n=1,234      n=1,234\n"
        "Community-led             0.1 %    0.1 %        0.1 %",
        "               Limehouse  Wapping\n                 n=1,234  n=1,234\nCommunity-led      0.1 %    0.1 %",
    ]


def test_bars_are_in_steps_of_an_eighth_and_nobody_has_none():
    shares = [(800, 800), (100, 800), (4, 800), (0, 800)]
    rows = tuple(row("principle", f"c{n}", f"Code {n}", None, None, k, k, base) for n, (k, base) in enumerate(shares))
    lines = as_text(Tables("T", rows, 900, 800, None, NOTES, {"principle": "P"}), width=55).splitlines()
    assert [line.split(" %")[-1].strip() for line in lines if line.startswith("Code")] == ["████████", "█", "▏", ""]


@pytest.mark.parametrize("width", [60, 72, 80, 100, 200])
def test_no_line_of_the_text_is_wider_than_asked(width):
    long = "Every principle that has a name of quite extraordinary length and then some more"
    rows = (
        row("principle", "led", long, None, None, 1, 1, 4, 1),
        *(row("principle", "led", long, "Ward", f"{long} {n}", 1, 1, 4, 1) for n in range(5)),
    )
    lines = as_text(Tables(long, rows, 5, 4, None, NOTES, {"principle": "P"}), width).splitlines()
    assert max(map(len, lines)) <= max(width, len(f"Frequency tables: {long}"))


def test_a_table_of_noughts_can_be_printed_and_charted(tmp_path):
    nothing = Row("principle", "led", "Community-led", None, None, 0, 0, 0, 0.0, 0.0, 1.0, "not checked", 0)
    tables = Tables("T", (nothing,), 5, 0, None, NOTES, {"principle": "P"})
    assert "Community-led            0  0.0 %  0.0 to 100.0 %\n" in as_text(tables)
    for ending in WRITERS:
        write_tables(tables, tmp_path / f"tables{ending}")


def refusal(path):
    with pytest.raises(OutputError) as caught:
        write_tables(TABLES, path)
    return str(caught.value)


def test_another_ending_is_refused_with_the_three_there_are(tmp_path):
    assert refusal(tmp_path / "tables.xls") == (
        f"{tmp_path / 'tables.xls'}: '.xls' is not a kind of table. Fix: use .xlsx, .csv, .json"
    )
    assert "'no ending' is not a kind of table" in refusal(tmp_path / "tables")


def test_a_place_that_cannot_be_written_to_is_refused_and_nothing_is_left_behind(tmp_path):
    folder = tmp_path / "there" / "tables.csv"
    assert refusal(folder) == (
        f"{folder}: there is no folder {str(folder.parent)!r}. Fix: make it first, or choose another"
    )
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
    write_tables(TABLES, path)
    assert b"xxxx" not in path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [path.name]
