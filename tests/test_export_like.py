"""An export given back as it came, with its codes as added columns: every layout, format and cell."""

import csv
import io
import json
import zipfile

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invented import codebook, facet
from invented_run import row
from openpyxl.styles import Font
from test_platforms import FILES, PREVIEWS, QUALTRICS, SHAPES, as_csv, as_xlsx, said, zipped

from pipeline.codebook import dump_codebook
from pipeline.errors import InputError, OutputError
from pipeline.exports.responses import (
    Layout,
    Response,
    answers,
    file_digest,
    find_layout,
    read_export,
    read_responses,
)
from pipeline.learning.corpus import read_corpus
from pipeline.publishing.giving_back import codes_in_export, give_back
from pipeline.stores.comment_store import FILE, CommentWriter
from pipeline.stores.review_records import Choice
from pipeline.stores.review_store import Store
from pipeline.texts.cleaning import is_blank

BOOK = codebook(facet("topic"), facet("service"))
CODES = {one.id: list(one.ids) for one in BOOK.facet}
CHOSEN = [("transport",), (), ("parks", "housing"), ("housing", "transport", "parks")]
APART = {"n/a": ("no_content", ""), "ধন্যবাদ।": ("not_english", "Bengali")}
ADDED = ["Topic", "Topic, decided by", "Service", "Service, decided by", "not coded because"]


def code(folder, export_path, layout=None, chosen=CHOSEN):
    """A run of an export: its comments get the codes chosen in turn, and some are set apart; gives it and its codes."""
    folder.mkdir()
    export = read_export(export_path)
    layout = layout or find_layout(export)
    coded, apart, rows = {}, [], []
    for response in read_responses(export, layout):
        for comment in answers(response, export, layout) if isinstance(response, Response) else ():
            if comment.text in APART:
                about = [response.row, response.id, comment.id, comment.question]
                apart.append([*about, *APART[comment.text], comment.text])
            elif not is_blank(comment.text):
                n = len(rows) + 1
                codes = coded[comment.id] = {"topic": chosen[n % len(chosen)], "service": chosen[n // 2 % len(chosen)]}
                named = {"comment_id": comment.id, "response_id": response.id, "question": comment.question}
                rows.append(row(n, comment.text, given=codes, probability=np.full(6, 0.5), **named))
    write_run(folder, rows, apart)
    facts = {
        "rows": sum(1 for _ in export.rows()),
        "export": {"file": export_path.name, "sha256": file_digest(export_path)},
        "questions": layout.questions,
        "response_id": layout.response_id,
        "coded": len(rows),
    }
    (folder / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder, coded


def write_run(folder, rows, apart):
    thresholds = {facet: [0.5] * len(codes) for facet, codes in CODES.items()}
    meta = {"codes": CODES, "thresholds": thresholds, "facet_columns": {}, "others": [], "model": {"name": "invented"}}
    writer = CommentWriter(folder / FILE, meta)
    writer.add(rows)
    writer.finish(enumerate(range(1, len(rows) + 1), 1))
    (folder / "coded.csv").write_text("comment_id,text\n", encoding="utf-8")
    (folder / "codebook.toml").write_text(dump_codebook(BOOK), encoding="utf-8")
    with (folder / "rejects.csv").open("w", encoding="utf-8", newline="") as file:
        header = ["row", "response_id", "comment_id", "question", "reason", "language", "text"]
        csv.writer(file).writerows([header, *apart])


def given_back(tmp_path, content, name, layout=None, **options):
    """Codes a file of this content and gives it back; the original, what was written, and its codes by comment."""
    path, out = tmp_path / name, tmp_path / f"back-{name}"
    path.write_bytes(content)
    run, coded = code(tmp_path / "run", path, layout)
    give_back(run, path, out, **options)
    return path, out, coded


def rows_of(export):
    """All rows of an export that are not blank, by number, without the blank cells at their end."""
    found = {}
    for number, cells in [*export.above, *export.rows()]:
        reach = max(n for n, cell in enumerate(cells, 1) if cell.strip())
        found[number] = list(cells[:reach])
    return found


def assert_same_with_more(path, out, coded, response_id=None):
    """The file given back has every row and cell of the original, the same layout, and the codes of the run."""
    before, after = read_export(path), read_export(out)
    assert (after.shape.platform, after.shape.header_rows) == (before.shape.platform, before.shape.header_rows)
    assert after.shape.title_rows == before.shape.title_rows
    assert after.columns[: len(before.columns)] == before.columns
    was, now = rows_of(before), rows_of(after)
    assert {n: cells[: len(was[n])] for n, cells in now.items()} == was
    assert codes_in_export(out, BOOK, response_id) == coded


# ---- layouts and formats ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_each_layout_comes_back_with_the_codes_of_each_comment(tmp_path, name, ending):
    above, response, _, _, layout = SHAPES[name]
    rows = [*above, *map(response, range(1, 13))]
    content = as_csv(rows) if ending == "csv" else as_xlsx(rows)
    path, out, coded = given_back(tmp_path, content, f"export.{ending}", layout)
    assert_same_with_more(path, out, coded)
    assert len(coded) >= 12
    added = [f"{question} | {end}" for question in layout.questions for end in ADDED]
    assert list(read_export(out).columns[-len(added) :]) == added


@pytest.mark.parametrize("name", FILES)
def test_each_format_comes_back_in_that_format(tmp_path, name):
    path, out, coded = given_back(tmp_path, FILES[name], name)
    assert_same_with_more(path, out, coded)
    before, after = read_export(path).table, read_export(out).table
    assert (after.format, after.encoding, after.delimiter) == (before.format, before.encoding, before.delimiter)
    assert after.source.member == before.source.member


def test_the_text_of_a_row_stays_letter_for_letter_with_its_quotes_line_ends_and_bytes(tmp_path):
    content = (
        b'\xef\xbb\xbf"ref";Ward;"Your views"\r\n\r\n"r1";Bow;"Mend, the ""lift"";\nplease now"\r\n;;\n'
        b"r2; Bow ;More trees would be lovely caf\xc3\xa9 \xff\rr3;;n/a\nr4;Bow\nr5;Bow;Answer the phone when we ring"
    )
    _, out, _ = given_back(tmp_path, content, "export.csv", Layout(("Your views",), "ref"))
    coded = b";Housing | Transport | Parks;machine;Parks | Housing;machine;"
    head = ";".join(f"Your views | {end}" for end in ADDED).encode()
    assert out.read_bytes().split(b'"Your views";', 1)[1] == (
        head + b'\r\n\r\n"r1";Bow;"Mend, the ""lift"";\nplease now";none;machine;Transport;machine;\r\n;;\n'
        b"r2; Bow ;More trees would be lovely caf\xc3\xa9 \xff;Parks | Housing;machine;none;machine;\r"
        b"r3;;n/a;;;;;no content\nr4;Bow;;;;;;no answer\nr5;Bow;Answer the phone when we ring"
        + coded.replace(b"Parks | Housing", b"none")
    )


def test_the_mark_and_the_order_of_bytes_of_utf_16_are_kept(tmp_path):
    rows = [["ref", "Your views"], ["r1", said(1)], ["r2", said(2)]]
    content = b"\xfe\xff" + as_csv(rows, "\t", "utf-16-be")
    _, out, _ = given_back(tmp_path, content, "export.csv")
    assert out.read_bytes().startswith(content[: content.index(b"\0\r")])


def test_rows_that_are_no_responses_come_back_with_the_reason(tmp_path):
    rows = [
        ["ref", "Your views"],
        ["r1", "Mend the lift, please"],
        ["r1", "More trees, please"],
        ["r2", "half an answer", " the other half"],
        ["", "Nobody"],
        ["r3", ""],
        ["r4", "n/a"],
        ["r5", "ধন্যবাদ।"],
    ]
    path, out, coded = given_back(tmp_path, as_csv(rows), "export.csv", Layout(("Your views",), "ref"))
    assert_same_with_more(path, out, coded, "ref")
    wide = "row has 3 cells where the header has 2"
    assert list(csv.reader(io.StringIO(out.read_text(encoding="utf-8")))) == [
        ["ref", "Your views", "", *(f"Your views | {end}" for end in ADDED)],
        ["r1", "Mend the lift, please", "", "none", "machine", "Transport", "machine", ""],
        ["r1", "More trees, please", "", "", "", "", "", "response id 'r1' stands twice"],
        ["r2", "half an answer", " the other half", "", "", "", "", wide, wide],
        ["", "Nobody", "", "", "", "", "", "no response id"],
        ["r3", "", "", "", "", "", "", "no answer"],
        ["r4", "n/a", "", "", "", "", "", "no content"],
        ["r5", "ধন্যবাদ।", "", "", "", "", "", "not in English (Bengali)"],
    ]


def test_previews_stay_and_short_ids_stand_above_the_added_questions(tmp_path):
    kept = ["2025-09-08 09:00:00", "IP Address", "10.0.0.1", "R_5", "anonymous", "Preview", "1", said(5)]
    layout = Layout(("What should we change?",), "Response ID")
    path, out, coded = given_back(tmp_path, as_csv([*QUALTRICS, *PREVIEWS, kept]), "export.csv", layout)
    assert_same_with_more(path, out, coded)
    table = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert table[0][-5:] == [
        "Q1_topic",
        "Q1_topic_decided_by",
        "Q1_service",
        "Q1_service_decided_by",
        "Q1_not_coded_because",
    ]
    assert [line[-1] for line in table[2:]] == ["preview"] * 4 + [""]


def test_a_list_of_texts_becomes_a_table(tmp_path):
    path, out, coded = given_back(tmp_path, b"comment\nBins, please, and soon\nLifts, now\nTrees\n", "export.csv")
    assert_same_with_more(path, out, coded)
    assert out.read_text(encoding="utf-8").splitlines()[1] == '"Bins, please, and soon",none,machine,Transport,machine,'


def test_a_folder_comes_back_as_a_folder_each_file_in_its_own_order_of_columns(tmp_path):
    folder, out = tmp_path / "spring", tmp_path / "back"
    folder.mkdir()
    (folder / "a.csv").write_bytes(as_csv([["ref", "Your views"], *([f"r{n}", said(n)] for n in range(4))]))
    (folder / "b.xlsx").write_bytes(as_xlsx([["Your views", "ref"], *([said(n), f"r{n}"] for n in range(4, 9))]))
    run, coded = code(tmp_path / "run", folder)
    give_back(run, folder, out)
    assert sorted(path.name for path in out.iterdir()) == ["a.csv", "b.xlsx"]
    assert read_export(out / "b.xlsx").columns[:2] == ("Your views", "ref")
    assert codes_in_export(out, BOOK) == coded
    with pytest.raises(OutputError, match="is there already"):
        give_back(run, folder, out)
    give_back(run, folder, out, replace=True)
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="holds something else"):
        give_back(run, folder, out, replace=True)


def test_parquet_keeps_its_types_and_row_groups(tmp_path):
    path, out = tmp_path / "export.parquet", tmp_path / "back.parquet"
    table = pa.table(
        {"ref": [1, 2, None, 4], "n": [0.5, None, None, 2.0], "views": [said(1), "=2+2 is a formula", None, said(4)]}
    )
    pq.write_table(table, path, row_group_size=3, compression="zstd")
    run, coded = code(tmp_path / "run", path, Layout(("views",), "ref"))
    give_back(run, path, out)
    after = pq.ParquetFile(out)
    assert after.read().select(table.column_names).equals(table)
    assert (after.num_row_groups, after.metadata.row_group(0).column(0).compression) == (2, "ZSTD")
    assert after.read()["views | Topic"].to_pylist() == ["none", "Parks | Housing", None, "Housing | Transport | Parks"]
    assert codes_in_export(out, BOOK, "ref") == coded


def test_a_format_that_cannot_be_written_is_told_with_the_way_out(tmp_path):
    path = tmp_path / "old.ods"
    path.write_bytes(ods())
    run, coded = code(tmp_path / "run", path)
    with pytest.raises(OutputError) as error:
        give_back(run, path, tmp_path / "back.ods")
    assert str(error.value) == f"{path}: ODS cannot be written. Fix: name a workbook: --out back.xlsx"
    given = give_back(run, path, tmp_path / "back.xlsx")
    assert given.notes == ("written as a plain workbook: only the rows, without formatting or other sheets",)
    assert codes_in_export(tmp_path / "back.xlsx", BOOK) == coded


OASIS = "urn:oasis:names:tc:opendocument:xmlns"


def ods():
    lines = [["ref", "Your views"], ["7", said(1)], ["8", said(2)]]
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in line
        )
        + "</table:table-row>"
        for line in lines
    )
    names = " ".join(f'xmlns:{name}="{OASIS}:{name}:1.0"' for name in ("office", "table", "text"))
    body = f'<office:body><office:spreadsheet><table:table table:name="A">{cells}</table:table></office:spreadsheet>'
    content = f'<?xml version="1.0"?><office:document-content {names}>{body}</office:body></office:document-content>'
    return zipped(
        **{
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": content,
            "META-INF/manifest.xml": f'<m:manifest xmlns:m="{OASIS}:manifest:1.0"/>',
        }
    )


# ---- workbooks -------------------------------------------------------------------------------------------------------


def book(path):
    """A workbook as a person leaves it: a cover sheet, styles, a formula with its value, gaps, blank styled cells."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Data"
    for place in "ABC":
        sheet[f"{place}2"].font = Font(bold=True)
    sheet["A2"], sheet["B2"], sheet["C2"] = "ref", "Your views", "Total"
    for n in (4, 5, 7):
        sheet[f"A{n}"], sheet[f"B{n}"], sheet[f"C{n}"] = f"r{n}", said(n), "=1+1"
        sheet[f"E{n}"].font = sheet[f"F{n}"].font = sheet[f"Z{n}"].font = Font(bold=True)
    sheet["B5"].value, sheet["B5"].data_type = "=SUM(1) is what I would write", "s"
    made.create_sheet("Notes")["B3"] = "=Data!C4"
    made.save(path)


def test_a_workbook_keeps_all_that_is_in_it(tmp_path):
    path, out = tmp_path / "export.xlsx", tmp_path / "back.xlsx"
    book(path)
    run, coded = code(tmp_path / "run", path, Layout(("Your views",), "ref"))
    give_back(run, path, out)
    assert codes_in_export(out, BOOK) == coded
    before, after = zipfile.ZipFile(path), zipfile.ZipFile(out)
    sheet = "xl/worksheets/sheet1.xml"
    assert before.namelist() == after.namelist()
    assert all(before.read(name) == after.read(name) for name in before.namelist() if name != sheet)
    opened = openpyxl.load_workbook(out)["Data"]
    assert opened["C4"].value == "=1+1"
    assert (opened["B5"].value, opened["B5"].data_type) == ("=SUM(1) is what I would write", "s")
    assert (opened["D2"].value, opened["D2"].font.bold) == ("Your views | Topic", True)
    cells = [[cell.value for cell in line] for line in opened["D2:H7"]]
    assert cells == [
        [f"Your views | {end}" for end in ADDED],
        [None] * 5,
        ["none", "machine", "Transport", "machine", None],
        ["Parks | Housing", "machine", "none", "machine", None],
        [None] * 5,
        ["Housing | Transport | Parks", "machine", "none", "machine", None],
    ]
    assert opened["Z4"].font.bold


def test_added_cells_that_look_like_formulas_are_text(tmp_path):
    rows = [["ref", "=Your views?"], ["r1", said(1)], ["r2", said(2)]]
    _, out, _ = given_back(tmp_path, as_xlsx(rows), "export.xlsx", Layout(("=Your views?",), "ref"))
    header = openpyxl.load_workbook(out).active["C1"]
    assert (header.value, header.data_type) == ("=Your views? | Topic", "s")


def test_prefixed_elements_missing_references_and_hints_are_minded(tmp_path):
    xml = (
        '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:dimension ref="A1:B2"/>'
        '<x:sheetData><x:row spans="1:2"><x:c t="inlineStr"><x:is><x:t>ref</x:t></x:is></x:c>'
        '<x:c t="inlineStr"><x:is><x:t>Your views</x:t></x:is></x:c><x:c/><x:c></x:c></x:row>'
        '<x:row r="2"><x:c r="A2"><x:v>7</x:v></x:c><x:c r="B2" t="inlineStr"><x:is><x:t>More &amp; more trees'
        "</x:t></x:is></x:c></x:row><x:row/></x:sheetData></x:worksheet>"
    )
    parts = dict(unpacked(as_xlsx([["a"]])))
    parts["xl/worksheets/sheet1.xml"] = xml.encode()
    path, out, coded = given_back(tmp_path, zipped(**parts), "export.xlsx", Layout(("Your views",), "ref"))
    assert_same_with_more(path, out, coded, "ref")
    written = dict(unpacked(out.read_bytes()))["xl/worksheets/sheet1.xml"].decode()
    assert "spans" not in written
    assert "dimension" not in written
    assert written.count('r="C1"') == written.count('r="C2"') == 1


def unpacked(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


# ---- formulas --------------------------------------------------------------------------------------------------------

RISKY = [
    "=1+1",
    "+44 (0) 20",
    "-SUM(A1)",
    "@me",
    "\t=1",
    "\r=1",
    "'=1",
    "''@x",
    "-5",
    "+ 3",
    "plain",
    '=HYPERLINK("x")',
]


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_text_that_looks_like_a_formula_is_guarded_in_csv_and_the_same_when_read_back(tmp_path, delimiter):
    rows = [["ref", "- Your views, @all"], *([f"={n}", f"{cell}"] for n, cell in enumerate(RISKY))]
    layout = Layout(("- Your views, @all",), "ref")
    path, out, coded = given_back(tmp_path, as_csv(rows, delimiter), "export.csv", layout)
    assert_same_with_more(path, out, coded, "ref")
    written = [
        cell
        for line in csv.reader(io.StringIO(out.read_text("utf-8"), newline=""), delimiter=delimiter)
        for cell in line
    ]
    assert [
        cell for cell in written if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and cell not in ("-5", "+ 3")
    ] == []


@pytest.mark.parametrize("header", ["Your views", "- Your views, @all"])
def test_a_file_given_back_and_coded_again_has_the_words_of_the_respondents(tmp_path, header):
    rows = [["ref", header, "note"], *([f"r{n}", f"{cell} and lights", cell] for n, cell in enumerate(RISKY))]
    path, out, _ = given_back(tmp_path, as_csv(rows), "export.csv", Layout((header,), "ref"))
    before, after = read_export(path), read_export(out)
    assert [cells[:3] for _, cells in after.rows()] == [cells for _, cells in before.rows()]
    assert (before.added, after.added) == (frozenset(), frozenset(f"{header} | {name}" for name in ADDED))
    run, _ = code(tmp_path / "again", out, Layout((header,), "ref"))
    give_back(run, out, tmp_path / "twice.csv")
    twice = read_export(tmp_path / "twice.csv")
    assert [cells[:3] for _, cells in twice.rows()] == [cells for _, cells in before.rows()]
    assert twice.added == after.added | {f"{header} | {name} (2)" for name in ADDED}


# ---- who decided, and other reading ----------------------------------------------------------------------------------

TABLE = [["id", "text", "topic"], *([f"r{n}", said(n), "parks|housing"] for n in range(1, 6))]


def test_what_people_decided_stands_over_the_machine(tmp_path):
    path = tmp_path / "export.csv"
    path.write_bytes(as_csv(TABLE))
    run, coded = code(tmp_path / "run", path, Layout(("text",), "id"))
    with Store(run) as store:
        store.decide(
            "an analyst", "screen", [Choice("r2-q1", "topic", ("housing",)), Choice("r3-q1", "service", ())], 0
        )
    given = give_back(run, path, tmp_path / "back.csv")
    assert (given.rows, given.coded, given.decided) == (5, 5, 2)
    coded["r2-q1"]["topic"], coded["r3-q1"]["service"] = ("housing",), ()
    assert codes_in_export(tmp_path / "back.csv", BOOK) == coded
    back = read_export(tmp_path / "back.csv")
    assert [cells[4] for _, cells in back.rows()] == ["machine", "person", "machine", "machine", "machine"]


def test_a_file_of_coded_comments_can_still_be_learned_from(tmp_path):
    path, out, _ = given_back(tmp_path, as_csv(TABLE), "export.csv", Layout(("text",), "id"))
    before, after = read_corpus(path, BOOK), read_corpus(out, BOOK)
    assert [(one.id, one.text, one.codes) for one in after.comments] == [
        (one.id, one.text, one.codes) for one in before.comments
    ]


def test_a_file_given_back_can_be_coded_and_given_back_again(tmp_path):
    _, once, _ = given_back(tmp_path, as_csv(TABLE), "export.csv", Layout(("text",), "id"))
    run, coded = code(tmp_path / "again", once, Layout(("text",), "id"), CHOSEN[::-1])
    give_back(run, once, tmp_path / "twice.csv")
    assert codes_in_export(tmp_path / "twice.csv", BOOK) == coded
    assert read_export(tmp_path / "twice.csv").columns[-5] == "text | Topic (2)"


# ---- any table -------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n"), max_size=30)
ANSWERS = st.one_of(TEXT, st.sampled_from([*RISKY, said(1), "n/a", "a; b; c | d, e", "", "   "]))
WAYS = st.sampled_from([(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), ("|", "utf-8"), ("", "xlsx")])


@given(st.lists(st.tuples(ANSWERS, ANSWERS), min_size=1, max_size=6), WAYS, st.permutations(CHOSEN), st.booleans())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_answers_come_back_with_the_same_codes(tmp_path_factory, said_by, way, chosen, titled):
    folder = tmp_path_factory.mktemp("any")
    delimiter, encoding = way
    rows = [["Response ID", "What should change, and why?", "Ward", "What else?"]]
    rows = [["A survey", "", "", ""], *rows] if titled else rows
    rows += [[f"r{n}", one, "Bow", other] for n, (one, other) in enumerate(said_by)]
    path = folder / ("export.csv" if delimiter else "export.xlsx")
    if delimiter:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
        path.write_bytes(text.getvalue().encode(encoding))
    else:
        path.write_bytes(as_xlsx(rows))
    layout = Layout(("What should change, and why?", "What else?"), "Response ID")
    run, coded = code(folder / "run", path, layout, chosen)
    out = path.with_name(f"back{path.suffix}")
    give_back(run, path, out)
    if coded:
        assert_same_with_more(path, out, coded)


# ---- masked ----------------------------------------------------------------------------------------------------------


def private():
    return [
        ["Residents' survey by Jane Okafor, jane.okafor@example.org", "", "", "", "", "", ""],
        ["Response ID", "Full name", "Email", "Phone", "Date of birth", "Submitted", "What should change?"],
        *(
            [
                f"r{n}",
                "Jane Okafor",
                f"jane{n}@example.org",
                "020 7946 0123",
                "1 May 1980",
                "2025-09-08",
                f"Ring me on 020 7946 0{n}12, my name is Jane Okafor and I live at 4 Mill Road, E14 7QX",
            ]
            for n in range(1, 8)
        ),
        ["r9", "Jane Okafor", "x", "", "", "", "a, b", "jane@example.org"],
    ]


SECRETS = ("jane", "okafor", "7946", "E14", "Mill Road", "1980", "@example")


@pytest.mark.parametrize("name", ["export.csv", "export.xlsx", "export.parquet", "export.zip"])
def test_masked_no_personal_detail_is_in_the_file_and_the_rest_stays(tmp_path, name):
    rows, layout = private(), Layout(("What should change?",), "Response ID")
    path, out = tmp_path / name, tmp_path / f"back-{name}"
    if name.endswith("parquet"):
        columns = {column: [line[n] for line in rows[2:]] for n, column in enumerate(rows[1])}
        pq.write_table(pa.table({**columns, "n": list(range(len(rows) - 2))}), path)
    elif name.endswith("zip"):
        path.write_bytes(zipped(**{"export.csv": as_csv(rows), "jane.md": b"Jane Okafor"}))
    else:
        path.write_bytes(as_csv(rows) if name.endswith("csv") else as_xlsx(rows))
    run, coded = code(tmp_path / "run", path, layout)
    found = give_back(run, path, out, masked=True).masked
    assert [secret for secret in SECRETS if secret.casefold() in everything(out).casefold()] == []
    masked = "Ring me on [telephone], my name is [name] and I live at [address], [postcode]"
    first = next(cells for _, cells in read_export(out).rows())
    assert first[:7] == ["r1", "[name]", "[email]", "[telephone]", "[date of birth]", "2025-09-08", masked]
    assert (found["postcode"], found["address"]) == (7, 7)
    assert codes_in_export(out, BOOK, "Response ID") == coded


def everything(path):
    """All text in a file, unpacked."""
    if path.suffix == ".parquet":
        file = pq.ParquetFile(path)
        return f"{file.read().to_pydict()} {file.schema_arrow.metadata}"
    if not zipfile.is_zipfile(path):
        return path.read_text(encoding="utf-8")
    return " ".join(name + content.decode("utf-8", "replace") for name, content in unpacked(path.read_bytes()))


def test_masked_ids_that_are_personal_details_still_tell_responses_apart(tmp_path):
    rows = [["Email", "Your views"], *([f"t{n}@example.org", said(n)] for n in range(1, 8))]
    _, out, coded = given_back(tmp_path, as_csv(rows), "export.csv", Layout(("Your views",), "Email"), masked=True)
    assert list(codes_in_export(out, BOOK, "Email").values()) == list(coded.values())
    assert "example" not in out.read_text(encoding="utf-8")


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: [*rows, ["r6", said(6), ""]], "it has 6 rows, and 5 were coded"),
        (lambda rows: [["id", "views", "topic"], *rows[1:]], "it has no column 'text'"),
        (lambda rows: [*rows[:-1], ["r5", "Something else", ""]], "the answer r5-q1 has changed"),
        (
            lambda rows: [*rows[:-1], [*rows[-1][:2], "other"]],
            "the comments are the same, but another column is not, or how the file is written",
        ),
    ],
)
def test_another_export_is_refused_with_what_differs(tmp_path, change, told):
    path = tmp_path / "export.csv"
    path.write_bytes(as_csv(TABLE))
    run, _ = code(tmp_path / "run", path, Layout(("text",), "id"))
    path.write_bytes(as_csv(change(TABLE)))
    with pytest.raises(InputError) as error:
        give_back(run, path, tmp_path / "back.csv")
    assert str(error.value) == (
        f"{path}: is not the export that was coded: {told}. Fix: give export.csv as it was, or code this one: "
        f"feedback classify {path} --out RUN"
    )
    assert not (tmp_path / "back.csv").exists()


def test_nothing_is_written_over_the_export_or_over_another_file(tmp_path):
    path, out, _ = given_back(tmp_path, as_csv(TABLE), "export.csv", Layout(("text",), "id"))
    run = tmp_path / "run"
    refused = {
        "is the export itself": (path, {"replace": True}),
        "is there already": (out, {}),
        "there is no such folder": (tmp_path / "nowhere" / "back.csv", {}),
        ".tsv is not the format of the export": (tmp_path / "back.tsv", {}),
    }
    for told, (place, options) in refused.items():
        with pytest.raises(OutputError, match=told):
            give_back(run, path, place, **options)
    with pytest.raises(InputError, match="is no run folder"):
        give_back(tmp_path, path, tmp_path / "new.csv")
    with pytest.raises(InputError, match="has no columns of codes"):
        codes_in_export(path, BOOK)


def test_after_an_error_what_was_there_stands_and_nothing_else(tmp_path):
    path, out, _ = given_back(tmp_path, as_csv(TABLE), "export.csv", Layout(("text",), "id"))
    before = out.read_bytes()
    (tmp_path / "run" / "rejects.csv").write_text("row,comment_id,reason\nx,y,z\n", encoding="utf-8")
    with pytest.raises(ValueError, match="invalid literal"):
        give_back(tmp_path / "run", path, out, replace=True)
    assert out.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["back-export.csv", "export.csv", "run"]


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_tells_what_was_written_and_masked(tmp_path, feedback):
    (tmp_path / "export.csv").write_bytes(as_csv(private()))
    code(tmp_path / "run", tmp_path / "export.csv", Layout(("What should change?",), "Response ID"))
    result = feedback("export", "run", "--like", "export.csv", "--out", "back.csv", "--masked")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        "8 rows and 5 added columns written to back.csv: 7 comments coded, 0 of them decided by people.",
        "Masked: 7 address, 5 cells of rows with too many, 7 date of birth, 8 email, 15 person, 7 postcode, "
        "14 telephone. Ids and dates stand as they were; look through it before it leaves.",
    ]
    refused = feedback("export", "run", "--like", "export.csv", "--out", "back.csv")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "Error: back.csv: is there already. Fix: choose another name with --out, or add --replace\n",
    )
