import csv
import datetime as dt
import io

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.exports.layouts import as_name
from pipeline.exports.responses import read_export

DELIMITERS = [",", ";", "\t", "|"]
ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16"]
TABLE = [
    ["ID", "Ward", "What should change?"],
    ["1", "Bow", 'He said "no", then left; twice | or more\tthan that'],
    ["2", "", "Line one\nline two\r\n\r\nand “curly” – £5 café"],
    ["3", "Poplar", "=1+1"],
    ["4", "Mile End", "   spaces kept   "],
    ["5", "None", "NA"],
]


def write(path, table, encoding="utf-8", delimiter=",", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(table)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def cells_of(export):
    return [list(export.columns), *(cells for _, cells in export.rows())]


def error_of(function, *args):
    with pytest.raises(InputError) as error:
        function(*args)
    return str(error.value)


# ---- delimited text --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_and_delimiter_gives_the_same_cells(tmp_path, encoding, delimiter):
    export = read_export(write(tmp_path / "export.csv", TABLE, encoding, delimiter))
    assert cells_of(export) == TABLE
    assert cells_of(export) == TABLE, "rows start again from the top"
    assert export.encoding == encoding


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), max_size=12)
FILLED = WORDS.filter(str.strip)
# A header made of delimiters can be read in two ways, by people as well.
NAMES = WORDS.map(lambda name: name.translate(dict.fromkeys(map(ord, ',;\t|"')))).filter(str.strip)
TABLES = st.integers(2, 5).flatmap(
    lambda width: st.tuples(
        st.lists(NAMES, min_size=width, max_size=width, unique_by=lambda name: " ".join(name.casefold().split())),
        st.lists(st.tuples(FILLED, *[WORDS] * (width - 1)).map(list), min_size=1, max_size=5),
    )
)


@given(TABLES, st.sampled_from(DELIMITERS), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_any_table_written_as_csv_is_read_back(tmp_path_factory, table, delimiter, encoding):
    header, rows = table
    path = tmp_path_factory.getbasetemp() / "any.csv"
    write(path, [header, *rows], encoding, delimiter, csv.QUOTE_ALL)
    assert cells_of(read_export(path)) == [[as_name(name) for name in header], *rows]


def test_row_numbers_are_those_of_a_spreadsheet_and_blank_rows_are_left_out(tmp_path):
    (tmp_path / "export.csv").write_text('\nid,text\n\n1,"two\nlines"\n,\n" ",\n2,b\n', encoding="utf-8")
    export = read_export(tmp_path / "export.csv")
    assert (export.columns, list(export.rows())) == (("id", "text"), [(4, ["1", "two\nlines"]), (7, ["2", "b"])])


def test_a_plain_list_of_texts_keeps_its_commas(tmp_path):
    lines = ["Comments", "Bins, lifts, noise; all of it", "No, thanks", '"Quoted, too"', "More | less"]
    (tmp_path / "export.txt").write_text("\n".join(lines), encoding="utf-8")
    assert cells_of(read_export(tmp_path / "export.txt")) == [[line.strip('"')] for line in lines]


def test_a_table_below_a_title_is_not_taken_for_a_list(tmp_path):
    (tmp_path / "export.csv").write_text("Survey of spring\nid,text\n1,a\n2,b\n", encoding="utf-8")
    export = read_export(tmp_path / "export.csv")
    assert cells_of(export) == [["id", "text"], ["1", "a"], ["2", "b"]]
    assert export.above == ((1, ["Survey of spring"]), (2, ["id", "text"]))


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("id,,text\n1,x,a\n", ("id", "Column 2", "text")),
        (",,text\n1,x,a\n", ("Column 1", "Column 2", "text")),
        ("id,text,,\n1,a,,\n", ("id", "text")),
        ("id,text,,\n1,a,,\n2,b,x,\n", ("id", "text", "Column 3")),
    ],
)
def test_a_column_without_a_name_is_called_by_its_place(tmp_path, content, columns):
    (tmp_path / "export.csv").write_text(content, encoding="utf-8")
    assert read_export(tmp_path / "export.csv").columns == columns


# ---- workbooks -------------------------------------------------------------------------------------------------------


def workbook(path, rows, title="Responses"):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_the_cells_of_a_workbook_are_text_as_a_person_would_read_it(tmp_path):
    rows = [
        ["ID", "When", "Day", "Score", "Yes", "Text", None],
        [1, dt.datetime(2025, 9, 8, 9, 28), dt.date(2025, 9, 8), 2.5, True, "two\nlines, “quoted”"],
        [None] * 6,
        [2.0, None, None, -3, False, "'=SUM(A1)"],
        [12345678901, None, None, 0.1, None, "+1 to that"],
    ]
    export = read_export(workbook(tmp_path / "export.xlsx", rows))
    assert export.columns == ("ID", "When", "Day", "Score", "Yes", "Text")
    assert [(n, cells[:6]) for n, cells in export.rows()] == [
        (2, ["1", "2025-09-08 09:28:00", "2025-09-08", "2.5", "TRUE", "two\nlines, “quoted”"]),
        (4, ["2", "", "", "-3", "FALSE", "'=SUM(A1)"]),
        (5, ["12345678901", "", "", "0.1", "", "+1 to that"]),
    ]


def test_a_workbook_gives_the_comments_of_its_csv(tmp_path):
    from_csv = read_export(write(tmp_path / "export.csv", TABLE))
    book = openpyxl.Workbook()
    for r, row in enumerate(TABLE, 1):
        for c, text in enumerate(row, 1):
            book.active.cell(r, c, text.replace("\r\n", "\n")).data_type = "s"
    book.save(tmp_path / "export.xlsx")
    expected = [[cell.replace("\r\n", "\n") for cell in row] for row in cells_of(from_csv)]
    assert cells_of(read_export(tmp_path / "export.xlsx")) == expected


def test_a_workbook_is_known_by_its_bytes_whatever_its_ending(tmp_path):
    path = workbook(tmp_path / "export.xlsx", [["id", "text"], [1, "hello"]]).rename(tmp_path / "export.csv")
    assert cells_of(read_export(path)) == [["id", "text"], ["1", "hello"]]


def test_the_first_filled_sheet_of_a_workbook_is_read(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Data")
    sheet.append(["id", "text"])
    sheet.append([1, "hello"])
    book.create_sheet("Notes").append(["not read"])
    book.save(tmp_path / "export.xlsx")
    assert cells_of(read_export(tmp_path / "export.xlsx")) == [["id", "text"], ["1", "hello"]]


# ---- files that are no export ----------------------------------------------------------------------------------------

KINDS = "use .csv, .tsv, .txt, .xlsx, .xlsm, .xls, .ods, .parquet, .zip"
NOT_TEXT = "the encoding cannot be told, or the file is not text. Fix: save it as “CSV UTF-8” in Excel"
NO_WORKBOOK = "is not a workbook that can be read ({}). Fix: open it in Excel and save it again as .xlsx"
REFUSED = {
    "empty.csv": (b"", "is empty. Fix: export it again"),
    "mark.csv": (b"\xef\xbb\xbf\r\n", "is empty. Fix: export it again"),
    "wide-mark.csv": (b"\xff\xfe", "is empty. Fix: export it again"),
    "header.csv": (b"id,text\n\n,\n", "has a header but no responses. Fix: export it again, with the answers"),
    "bytes.csv": (bytes(range(256)) * 20, NOT_TEXT),
    "half-null.csv": (b"\xff\xfe" + b"a\0" * 9 + b"\0\0" * 9, NOT_TEXT),
    "letter.doc": (b"id,text\n1,a\n", f".doc is not a kind of export. Fix: {KINDS}"),
    "export": (b"id,text\n1,a\n", f"no ending is not a kind of export. Fix: {KINDS}"),
    "broken.xlsx": (b"PK\x03\x04" + b"x" * 99, NO_WORKBOOK.format("File is not a zip file")),
    "text.xlsx": (b"id,text\n1,a\n", NO_WORKBOOK.format("invalid Zip archive: Could not find EOCD")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_export_is_refused(tmp_path, name):
    content, message = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    assert error_of(read_export, tmp_path / name) == f"{tmp_path / name}: {message}"


def test_an_export_that_is_missing_a_folder_or_an_empty_workbook_is_refused(tmp_path):
    missing = tmp_path / "export.csv"
    assert error_of(read_export, missing) == f"{missing}: there is no such file. Fix: check the name and folder"
    assert error_of(read_export, tmp_path) == f"{tmp_path}: is a folder, not an export. Fix: name the file in it"
    book = workbook(tmp_path / "export.xlsx", [])
    assert error_of(read_export, book) == f"{book}: has no filled sheet. Fix: export it again"


def test_an_unclosed_quotation_mark_is_told_and_swallows_no_rows(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text('id,text\n1,fine\n2,"never closed\n3,swallowed\n', encoding="utf-8")
    message = f"{path}, row 3: a quotation mark is opened and never closed. Fix: close it, or delete it"
    assert error_of(lambda: list(read_export(path).rows())) == message
