"""Files that are damaged, or made to harm: refused in one line, or read in bounded memory and time."""

import csv
import io
import struct
import subprocess
import sys
import zipfile
import zlib

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError, UserError
from pipeline.exports.responses import find_layout, read_export, read_responses
from pipeline.files.raw_table import LARGEST_CELL

MB = 1 << 20
OFFICE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ODS = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)


def error_of(path):
    with pytest.raises(InputError) as error:
        list(read_export(path).rows())
    assert "\n" not in str(error.value)
    return str(error.value)


def zipped(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def xlsx(path, cells, shared="", **more):
    """The least that a workbook needs, around the XML of its rows."""
    return zipped(
        path,
        **{
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook {OFFICE} xmlns:r="{RELATED}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
            f'relationships"><Relationship Id="r1" Type="{RELATED}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="r2" Type="{RELATED}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
            "xl/sharedStrings.xml": f"<sst {OFFICE}>{shared}</sst>",
            "xl/worksheets/sheet1.xml": f"<worksheet {OFFICE}><sheetData>{cells}</sheetData></worksheet>",
            **more,
        },
    )


def cell(place, text):
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


GOOD = f'<row r="1">{cell("A1", "id")}{cell("B1", "text")}</row><row r="2">{cell("A2", "1")}{cell("B2", "hello")}</row>'


def ods(path, rows):
    content = (
        f"<office:document-content {ODS}><office:body><office:spreadsheet>"
        f'<table:table table:name="S">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    return zipped(
        path,
        **{
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "content.xml": content,
        },
    )


def ods_cell(text, repeated=""):
    return f'<table:table-cell office:value-type="string"{repeated}><text:p>{text}</text:p></table:table-cell>'


# ---- workbooks -------------------------------------------------------------------------------------------------------


def test_the_least_workbooks_of_these_tests_can_be_read(tmp_path):
    rows = f"<table:table-row>{ods_cell('id')}{ods_cell('text')}</table:table-row>"
    rows += f"<table:table-row>{ods_cell('1')}{ods_cell('hello')}</table:table-row>"
    for path in (xlsx(tmp_path / "a.xlsx", GOOD), ods(tmp_path / "a.ods", rows)):
        export = read_export(path)
        assert (export.columns, list(export.rows())) == (("id", "text"), [(2, ["1", "hello"])])


def test_a_stray_cell_in_the_farthest_corner_is_refused_before_memory_is_asked_for(tmp_path):
    path = xlsx(tmp_path / "far.xlsx", GOOD + f'<row r="1048576">{cell("XFD1048576", "x")}</row>')
    assert error_of(path) == f"{path}: has 16,384 columns. Fix: delete those not needed"
    path = xlsx(tmp_path / "low.xlsx", GOOD + f'<row r="1048576">{cell("CV1048576", "x")}</row>')
    assert error_of(path) == (
        f"{path}: has 1,048,576 rows of 100 columns. "
        "Fix: delete stray cells far below or to the right, or save it as CSV"
    )


def test_a_stray_cell_is_found_however_its_tag_is_written(tmp_path):
    for n, tag in enumerate(("<c t=\"n\"  r='XFD9'>", '<x:c r="XFD9"\n>', '<c s="1" r="xfd9" t="n">')):
        path = xlsx(tmp_path / f"{n}.xlsx", f'{GOOD}<row r="9">{tag}<v>1</v></c></row>')
        assert error_of(path) == f"{path}: has 16,384 columns. Fix: delete those not needed"


def test_empty_columns_and_rows_that_are_only_formatted_cost_nothing(tmp_path):
    blank = "".join(f'<c r="{column}3" s="1"/>' for column in ("C", "ZZ", "XFD"))
    path = xlsx(
        tmp_path / "blank.xlsx", GOOD + f'<row r="3">{blank}</row><row r="1048576"><c r="A1048576" s="1"/></row>'
    )
    assert list(read_export(path).rows()) == [(2, ["1", "hello"])]
    rows = "".join(
        f"<table:table-row>{ods_cell(a)}{ods_cell(b)}</table:table-row>" for a, b in (("id", "text"), ("1", "x"))
    )
    rows += '<table:table-row table:number-rows-repeated="1048574"><table:table-cell '
    rows += 'table:number-columns-repeated="16384"/></table:table-row>'
    assert list(read_export(ods(tmp_path / "blank.ods", rows)).rows()) == [(2, ["1", "x"])]


def test_cells_that_stand_for_many_are_refused(tmp_path):
    many = ods_cell("x", ' table:number-columns-repeated="4000"')
    rows = f'<table:table-row table:number-rows-repeated="1000000">{many}</table:table-row>'
    path = ods(tmp_path / "many.ods", rows)
    assert error_of(path).startswith(f"{path}: has 1,000,000 rows of 4,000 columns. Fix:")


def test_a_workbook_that_unpacks_to_far_more_than_it_is_is_refused(tmp_path):
    path = xlsx(tmp_path / "bomb.xlsx", GOOD, shared=f"<si><t>{'a' * 40 * MB}</t></si>")
    assert error_of(path).startswith(f"{path}: unpacks to over 17 MB from 39 kB. Fix: check that it is an export")


def test_a_workbook_that_lies_of_its_size_is_measured_all_the_same(tmp_path):
    path = xlsx(tmp_path / "liar.xlsx", GOOD, shared=f"<si><t>{'a' * 40 * MB}</t></si>")
    true = struct.pack("<L", len(f"<sst {OFFICE}><si><t></t></si></sst>") + 40 * MB)
    content = path.read_bytes()
    assert content.count(true) == 2
    path.write_bytes(content.replace(true, struct.pack("<L", 99)))
    assert ": unpacks to over 17 MB from 39 kB." in error_of(path)


def test_links_to_other_files_are_never_followed(tmp_path):
    link = f'<Relationships><Relationship Id="r9" Type="{RELATED}/externalLinkPath" Target="file:///etc/passwd" '
    path = xlsx(
        tmp_path / "links.xlsx",
        GOOD + '<row r="3"><c r="A3"><f>[1]Sheet1!A1</f><v>2</v></c></row>',
        **{
            "xl/externalLinks/externalLink1.xml": f'<externalLink {OFFICE}><externalBook r:id="r9"/></externalLink>',
            "xl/externalLinks/_rels/externalLink1.xml.rels": link + 'TargetMode="External"/></Relationships>',
        },
    )
    assert list(read_export(path).rows()) == [(2, ["1", "hello"]), (3, ["2", ""])]


def test_entities_that_multiply_are_not_unfolded(tmp_path):
    bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
        f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    sheet = f"{bomb}]><worksheet {OFFICE}><sheetData>{GOOD.replace('hello', '&i;')}</sheetData></worksheet>"
    path = xlsx(tmp_path / "laughs.xlsx", "", **{"xl/worksheets/sheet1.xml": sheet})
    try:
        cells = [cells for _, cells in read_export(path).rows()]
    except InputError:
        return
    assert sum(map(len, cells[0])) < 100


def test_a_locked_or_binary_workbook_is_refused(tmp_path):
    path = xlsx(tmp_path / "b.xlsx", GOOD, **{"xl/workbook.bin": b"x"})
    assert error_of(path) == f"{path}: is a binary workbook. Fix: save it as .xlsx"
    (tmp_path / "c.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
    assert "is not a workbook that can be read" in error_of(tmp_path / "c.xlsx")


# ---- ZIP -------------------------------------------------------------------------------------------------------------

TABLE = b"id,text\n1,hello\n"


def test_a_zip_with_none_or_several_exports_is_refused(tmp_path):
    path = zipped(tmp_path / "none.zip", **{"readme.md": b"x"})
    assert error_of(path) == f"{path}: holds no export. Fix: unzip it, and name a file or the folder"
    path = zipped(tmp_path / "two.zip", **{"a.csv": TABLE, "b.csv": TABLE})
    assert error_of(path) == f"{path}: holds 2 exports. Fix: unzip it, and name a file or the folder"
    (tmp_path / "text.zip").write_bytes(TABLE)
    assert error_of(tmp_path / "text.zip") == (
        f"{tmp_path / 'text.zip'}: is no ZIP. Fix: zip the export again, or give the export itself"
    )


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = zipped(tmp_path / "bomb.zip", **{"a.csv": TABLE + b"2,a\n" * 10 * MB})
    assert error_of(path).startswith(f"{path}: unpacks to 40 MB from ")


def test_a_zip_that_is_locked_or_damaged_is_refused(tmp_path):
    path = zipped(tmp_path / "locked.zip", **{"a.csv": TABLE})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert error_of(path) == f"{path}: is locked with a password. Fix: unzip it, and name the file in it"
    path = zipped(tmp_path / "broken.zip", **{"a.csv": TABLE * 100})
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<L", zlib.crc32(TABLE * 100)), b"\0\0\0\1"))
    assert "Bad CRC-32" in error_of(path)
    path.write_bytes(content[: len(content) // 2])
    assert error_of(path).startswith(f"{path}: ")


def test_a_file_in_a_zip_is_named_in_errors(tmp_path):
    path = zipped(tmp_path / "a.zip", **{"out/a.csv": b'id,text\n1,"open\n'})
    place = f"{path}, out/a.csv, row 2"
    assert error_of(path) == f"{place}: a quotation mark is opened and never closed. Fix: close it, or delete it"


# ---- text ------------------------------------------------------------------------------------------------------------


def test_a_cell_or_line_that_never_ends_is_refused(tmp_path):
    path = tmp_path / "line.csv"
    path.write_bytes(b"id,text\n1," + b"a" * (LARGEST_CELL + 2 * MB) + b"\n")
    assert error_of(path) == (
        f"{path}, line 2: a line of over {LARGEST_CELL:,} characters. Fix: check that it is an export"
    )
    path = tmp_path / "cell.csv"
    path.write_bytes(b'id,text\n1,"' + b"lines\n" * (LARGEST_CELL // 6 + 9) + b'"\n')
    assert (
        error_of(path)
        == f"{path}, row 2: a cell of over {LARGEST_CELL:,} characters. Fix: check the quotes in that row"
    )


LIMITED = """
import resource, sys
from pathlib import Path
from pipeline.errors import InputError
from pipeline.exports.responses import read_export
resource.setrlimit(resource.RLIMIT_AS, (900 << 20, 900 << 20))
try:
    list(read_export(Path(sys.argv[1])).rows())
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="memory is limited by the system's own means")
@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_single_cell_of_200_mb_is_refused_in_bounded_memory(tmp_path, quote):
    path = tmp_path / "cell.csv"
    with path.open("wb") as file:
        file.write(b"id,text\n1," + quote)
        for _ in range(200):
            file.write(b"a" * MB)
        file.write(quote + b"\n")
    done = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, text=True, timeout=60)
    assert (done.stderr, done.stdout.count("\n")) == ("", 1)
    assert f"of over {LARGEST_CELL:,} characters" in done.stdout


def test_thousands_of_columns_are_read_and_more_are_refused(tmp_path):
    path = tmp_path / "wide.csv"
    for width in (4096, 10_000):
        path.write_text("\n".join(",".join(f"{row}{n}" for n in range(width)) for row in ("c", "d")), encoding="utf-8")
        if width == 4096:
            assert len(next(read_export(path).rows())[1]) == 4096
    assert error_of(path) == f"{path}: has 10,000 columns. Fix: delete those not needed"


def test_deep_quotes_are_read_in_time(tmp_path):
    path = tmp_path / "quotes.csv"
    path.write_text("id,text\n1," + '"' * 2 * MB + '"x"\n', encoding="utf-8")
    (row,) = read_export(path).rows()
    assert row[1][1].count('"') >= MB - 2


def test_nulls_in_a_text_are_kept(tmp_path):
    path = tmp_path / "null.csv"
    path.write_bytes(b"id,text\n1,a nu\0ll in a text of some length\n")
    assert list(read_export(path).rows()) == [(2, ["1", "a nu\0ll in a text of some length"])]


def test_half_a_pair_of_surrogates_spoils_one_character_and_not_the_file(tmp_path):
    path = tmp_path / "half.csv"
    path.write_bytes("id,text\n1,café – naïve £5\n2,cut ".encode() + b"\xed\xa0\xbd\n3," + "Zoë\n".encode())
    export = read_export(path)
    assert [cells[1] for _, cells in export.rows()] == ["café – naïve £5", "cut \ufffd\ufffd\ufffd", "Zoë"]
    assert export.shape.notes == ("3 characters were damaged before they came here and stand as \ufffd",)
    path.write_bytes(b"\xff\xfe" + "id,text\n1,cut ".encode("utf-16-le") + b"\x3d\xd8" + "\n2,b\n".encode("utf-16-le"))
    assert [cells[1] for _, cells in read_export(path).rows()] == ["cut \ufffd", "b"]


def test_parquet_that_is_broken_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1" + b"x" * 100 + b"PAR1")
    assert error_of(path).startswith(f"{path}: is not a Parquet file that can be read (")


# ---- anything at all -------------------------------------------------------------------------------------------------

SOUND = io.BytesIO()
with xlsxwriter.Workbook(SOUND, {"in_memory": True}) as book:
    sheet = book.add_worksheet()
    for r in range(5):
        sheet.write_row(r, 0, ["id" if r == 0 else str(r), "What?" if r == 0 else "Please mend the lifts in ours"])
SEEDS = {
    "a.csv": b'id,"What\nnow?",Ward\n1,"Please ""mend"" the lifts",Bow\n2,"More, trees",\n',
    "a.xlsx": SOUND.getvalue(),
    "a.zip": b"",
}


def read_through(path):
    """All that is done with an export before it is coded; a UserError is an answer, anything else is a bug."""
    try:
        export = read_export(path)
        layout = find_layout(export)
        return list(read_responses(export, layout))
    except UserError:
        return None


@given(st.binary(max_size=300), st.sampled_from([".csv", ".tsv", ".xlsx", ".xls", ".ods", ".zip", ".txt"]))
def test_no_bytes_give_a_traceback(tmp_path_factory, content, ending):
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(content)
    read_through(path)


@given(st.sampled_from(["a.csv", "a.xlsx"]), st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), max_size=8))
def test_no_damage_to_a_sound_file_gives_a_traceback(tmp_path_factory, name, damage):
    content = bytearray(SEEDS[name])
    for place, byte in damage:
        content[place % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / f"damaged-{name}"
    path.write_bytes(content)
    read_through(path)


CELLS = st.text(st.characters(), max_size=8) | st.sampled_from(
    ["Q1", "Response", "-", "Status", "ID", '{"ImportId":"x"}']
)


@given(st.lists(st.lists(CELLS, max_size=5), max_size=8))
def test_no_rows_give_a_traceback_and_none_is_lost(tmp_path_factory, rows):
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
    found = read_through(path)
    if found is not None:
        export = read_export(path)
        numbers = [n for n, _ in export.above] + [one.row for one in found]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == len(list(export.table.rows()))
