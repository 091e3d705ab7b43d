"""The layouts of survey platforms, each written in our own words after real ones, and what is recognised of it."""

import csv
import datetime as dt
import io
import json
import zipfile

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.exports.columns import Kind, inspect
from pipeline.exports.layouts import Shape
from pipeline.exports.responses import Layout, Rejected, answers, find_layout, read_export, read_responses

SAID = [
    "Please mend the lift in our block, it has been out for weeks",
    "More trees along the high street would be lovely to see",
    "Answer the phone when residents ring about their repairs",
]
IMPORT_IDS = [
    "startDate",
    "status",
    "ipAddress",
    "_recordId",
    "distributionChannel",
    "QID1",
    "QID1_7_TEXT",
    "QID2_TEXT",
]


def said(n):
    return f"{SAID[n % 3]} ({n})"


def as_csv(rows, delimiter=",", encoding="utf-8"):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(rows):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("Responses")
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if cell:
                    sheet.write_string(r, c, cell)
    return made.getvalue()


# Layout: the rows above the responses, a function from the number of a response to its cells, and what is recognised:
# the shape, the names of the columns, and the columns that are coded and that name the response.
FORMS = [["ID", "Start time", "Completion time", "Email", "Name", "Pick all\r\nthat apply", "What should\nchange?"]]
MONKEY = [
    ["Respondent ID", "Start Date", "Email Address", "Are you a tenant?", "Which do you use?", "", "", "What is good?"],
    ["", "", "", "Response", "Library", "Park", "Other (please specify)", "Open-Ended Response"],
]
SMART = [
    ["UserID", "UserNo", "Name", "Email", "IP Address", "Unique ID", "Started", "Ended", "Q1. What is bad?", "Q2. Why?"]
]
QUALTRICS = [
    ["StartDate", "Status", "IPAddress", "ResponseId", "DistributionChannel", "Q1", "Q1_7_TEXT", "Q2"],
    [
        *("Start Date", "Response Type", "IP Address", "Response ID", "Distribution Channel", "Where do you live?"),
        *("Where do you live? - Elsewhere - Text", "<b>What</b> should we&nbsp;change?"),
    ],
]
SPACE = [["Response ID", "Submitted", "Q1: Do you agree?", "Q2: Why? - Text", "Q2: Why? - Tags"]]
IDS = [
    ["ref", "Q1", "Q2a", "Q2b"],
    ["Reference", "Which ward do you live in?", "What is good?", "What would you change?"],
]

SHAPES = {
    "Microsoft Forms": (
        FORMS,
        lambda n: [
            str(n),
            "9/8/25 9:28:00",
            "9/8/25 9:33:00",
            "anonymous",
            "",
            ["Bins;Parks;", "Parks;"][n % 2],
            said(n),
        ],
        Shape("Microsoft Forms", (1,)),
        ("ID", "Start time", "Completion time", "Email", "Name", "Pick all that apply", "What should change?"),
        Layout(("What should change?",), "ID"),
    ),
    "SurveyMonkey": (
        MONKEY,
        lambda n: [
            f"77{n}",
            "09/08/2025",
            "",
            ["Yes", "No"][n % 2],
            ["Library", ""][n % 2],
            ["", "", "Park"][n % 3],
            "",
            said(n),
        ],
        Shape("SurveyMonkey", (1, 2), notes=("questions, and their options below them",)),
        (
            *("Respondent ID", "Start Date", "Email Address", "Are you a tenant?", "Which do you use?: Library"),
            *("Which do you use?: Park", "Which do you use?: Other (please specify)", "What is good?"),
        ),
        Layout(("What is good?",), "Respondent ID"),
    ),
    "SmartSurvey": (
        SMART,
        lambda n: [
            "9",
            f"{n}",
            "-",
            "-",
            "10.0.0.1",
            f"x{n}",
            "08/09/2025 09:00:00",
            "-",
            said(n),
            "-" if n % 4 else said(n),
        ],
        Shape("SmartSurvey", (1,), blank="-"),
        tuple(SMART[0]),
        Layout(("Q1. What is bad?", "Q2. Why?"), "Unique ID"),
    ),
    "Qualtrics CSV": (
        [*QUALTRICS, [f'{{"ImportId":"{id_}"}}' for id_ in IMPORT_IDS]],
        lambda n: ["2025-09-08 09:00:00", "IP Address", "10.0.0.1", f"R_{n}", "anonymous", "Bow", "", said(n)],
        Shape("Qualtrics", (1, 2, 3), notes=("ids, question texts and import ids",)),
        (*QUALTRICS[1][:7], "What should we change?"),
        Layout(("What should we change?",), "Response ID"),
    ),
    "Qualtrics without import ids": (
        QUALTRICS,
        lambda n: ["2025-09-08 09:00:00", "0", "10.0.0.1", f"R_{n}", "anonymous", "Bow", "", said(n)],
        Shape("Qualtrics", (1, 2), notes=("ids and question texts",)),
        (*QUALTRICS[1][:7], "What should we change?"),
        Layout(("What should we change?",), "Response ID"),
    ),
    "Citizen Space": (
        SPACE,
        lambda n: [f"ANON-{n}", "2025-09-08 09:00", ["Yes", "No"][n % 2], said(n), ["lifts", "trees"][n % 2]],
        Shape("Citizen Space", (1,)),
        tuple(SPACE[0]),
        Layout(("Q2: Why? - Text",), "Response ID"),
    ),
    "short ids above the questions": (
        IDS,
        lambda n: [f"r{n}", ["Bow", "Poplar"][n % 2], said(n), said(n + 1)],
        Shape("plain table", (1, 2), notes=("short ids above the questions",)),
        tuple(IDS[1]),
        Layout(("What is good?", "What would you change?"), "Reference"),
    ),
    "a blank row below the header": (
        [["ref", "Ward", "Your views"], ["", "", ""]],
        lambda n: [f"r{n}", "Bow", said(n)],
        Shape("plain table", (1,), notes=("blank below the header",)),
        ("ref", "Ward", "Your views"),
        Layout(("Your views",), "ref"),
    ),
    "titles above the header": (
        [["Spring survey", "", ""], ["Exported:", "08/09/2025", ""], ["", "", ""], ["ref", "Ward", "Your views"]],
        lambda n: [f"r{n}", "Bow", said(n)],
        Shape("plain table", (4,), (1, 2)),
        ("ref", "Ward", "Your views"),
        Layout(("Your views",), "ref"),
    ),
    "a title above two columns": (
        [["Spring survey"], ["", ""], ["ref", "Your views"]],
        lambda n: [f"r{n}", said(n)],
        Shape("plain table", (3,), (1,)),
        ("ref", "Your views"),
        Layout(("Your views",), "ref"),
    ),
    "repeated questions": (
        [["ref", "Is lighting good?", "Why?", "Are bins good?", "Why?", "why? "]],
        lambda n: [f"r{n}", "Yes", said(n), "No", said(n + 1), said(n + 2)],
        Shape("plain table", (1,), notes=("repeated headers are numbered (2)",)),
        ("ref", "Is lighting good?", "Why?", "Are bins good?", "Why? (2)", "why? (3)"),
        Layout(("Why?", "Why? (2)", "why? (3)"), "ref"),
    ),
    "hard spaces and escapes in headers": (
        [["ref", "Your\u00a0\ufeffward", "What should_x000D_\nchange, and why?"]],
        lambda n: [f"r{n}", "Bow", said(n)],
        Shape("plain table", (1,)),
        ("ref", "Your ward", "What should change, and why?"),
        Layout(("What should change, and why?",), "ref"),
    ),
}


@pytest.fixture(params=["csv", "xlsx"])
def written(request, tmp_path):
    """Writes rows in a format and opens them."""

    def write(rows):
        path = tmp_path / f"export.{request.param}"
        path.write_bytes(as_csv(rows) if request.param == "csv" else as_xlsx(rows))
        return read_export(path)

    return write


@pytest.mark.parametrize("name", SHAPES)
def test_each_layout_is_recognised_by_its_first_rows(written, name):
    above, response, shape, columns, layout = SHAPES[name]
    export = written([*above, *map(response, range(1, 41))])
    assert (export.shape, export.columns, find_layout(export)) == (shape, columns, layout)


@pytest.mark.parametrize("name", SHAPES)
def test_each_row_below_the_header_is_a_response_with_its_own_cells(written, name):
    above, response, _, _, layout = SHAPES[name]
    export = written([*above, *map(response, range(1, 41))])
    found = list(read_responses(export, layout))
    assert [(one.row, list(one.cells)) for one in found] == [(len(above) + n, response(n)) for n in range(1, 41)]
    place = export.column(layout.response_id)
    assert [one.id for one in found] == [response(n)[place] for n in range(1, 41)]


@pytest.mark.parametrize("name", SHAPES)
def test_the_rows_above_are_kept_as_they_stood(written, name):
    above, response, shape, _, _ = SHAPES[name]
    export = written([*above, *map(response, range(1, 41))])
    kept = [(n, list(row)) for n, row in enumerate(above, 1) if any(row)]
    if export.encoding != "xlsx":
        assert [(n, cells) for n, cells in export.above] == kept
    assert [n for n, _ in export.above] == [*shape.title_rows, *shape.header_rows]


def test_what_smartsurvey_writes_for_a_blank_is_a_blank_answer_and_stays_in_the_row(written):
    export = written([*SMART, ["9", "1", "-", "-", "10.0.0.1", "x1", "-", "-", said(1), " - "]])
    (response,) = read_responses(export, Layout(("Q1. What is bad?", "Q2. Why?"), "Unique ID"))
    texts = [comment.text for comment in answers(response, export, Layout(("Q1. What is bad?", "Q2. Why?")))]
    assert (texts, response.cells[-1]) == ([said(1), ""], " - ")


PREVIEWS = [
    ["2025-09-08 09:00:00", "Survey Preview", "", "R_1", "anonymous", "Bow", "", said(1)],
    ["2025-09-08 09:00:00", "1", "", "R_2", "anonymous", "Bow", "", said(2)],
    ["2025-09-08 09:00:00", "IP Address", "", "R_3", "preview", "Bow", "", said(3)],
    ["2025-09-08 09:00:00", "Survey Test", "", "R_4", "test", "Bow", "", said(4)],
]


def test_previews_of_qualtrics_are_rejected_and_counted(written):
    kept = ["2025-09-08 09:00:00", "IP Address", "10.0.0.1", "R_5", "anonymous", "Preview", "1", said(5)]
    export = written([*QUALTRICS, *PREVIEWS, kept])
    layout = Layout(("What should we change?",), "Response ID")
    *previews, response = read_responses(export, layout)
    assert previews == [Rejected(n, tuple(row), "preview") for n, row in enumerate(PREVIEWS, 3)]
    assert (response.id, list(response.cells)) == ("R_5", kept)
    shown = inspect(export)
    assert (shown.rows, shown.previews, shown.columns[0].filled) == (1, 4, 1)


def test_a_status_column_of_another_platform_is_no_mark_of_a_preview(written):
    export = written([["ref", "Status", "Your views"], ["a", "1", said(1)], ["b", "2", said(2)]])
    assert [type(one).__name__ for one in read_responses(export, Layout(("Your views",)))] == ["Response", "Response"]


def test_a_column_goes_by_its_short_id_too(written):
    export = written([*QUALTRICS, ["", "", "", "R_5", "", "", "", said(5)]])
    assert find_layout(export, ["q2"], "responseid") == Layout(("What should we change?",), "Response ID")


@pytest.mark.parametrize(
    "rows",
    [
        [["Q1", "Q2"], [said(1), said(2)], [said(3), said(4)], [said(5), said(6)]],
        [["Q1", "Q2"], ["What about the lifts?", "Why not mend them?"], ["When, please?", "Who decides?"], ["x", "y"]],
        [["label", "text"], ["lifts", "Please mend ours?"], ["trees", "More of them"], ["trees", "Fewer"]],
        [["id", "text"], ["1", "Response"], ["2", "No"]],
        [["text", ""], ["hello", "a"], ["bye", "b"]],
        [["Comments"], ["Bins", " please"], ["Lifts", " please"]],
        [["What they said"], ["Bins", " please"], ["Lifts", " please"]],
        [["When", "", ""], ["08/09/2025", "Bow", "a"], ["09/09/2025", "Bow", "b"]],
    ],
)
def test_a_first_answer_is_never_taken_for_a_header(written, rows):
    export = written(rows)
    assert [cells[0] for _, cells in export.rows()] == [row[0] for row in rows[1:]]


# ---- formats ---------------------------------------------------------------------------------------------------------

ROWS = [["ref", "Ward", "Your views"], *([f"r{n}", "Mile – End", said(n)] for n in range(1, 6))]


def zipped(**files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


FILES = {
    "tabs.tsv": as_csv(ROWS, "\t"),
    "wide.csv": as_csv(ROWS, "\t", "utf-16"),
    "wide-no-mark.txt": as_csv(ROWS, ";", "utf-16-le"),
    "wide-turned.txt": as_csv(ROWS, ";", "utf-16-be"),
    "semicolons.csv": as_csv(ROWS, ";", "utf-8-sig"),
    "windows.csv": as_csv(ROWS, ",", "cp1252"),
    "book.xlsx": as_xlsx(ROWS),
    "packed.zip": zipped(**{"out/export.csv": as_csv(ROWS), "__MACOSX/._export.csv": b"x", "readme.md": b"x"}),
    "packed-book.zip": zipped(**{"export.xlsx": as_xlsx(ROWS)}),
    "packed-tabs.zip": zipped(**{"export.tsv": as_csv(ROWS, "\t", "cp1252")}),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_rows(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    export = read_export(tmp_path / name)
    for _ in range(2):
        assert [list(export.columns), *(cells for _, cells in export.rows())] == ROWS


def parquet(path, columns):
    pa = pytest.importorskip("pyarrow")
    __import__("pyarrow.parquet").parquet.write_table(pa.table(columns), path, row_group_size=3)
    return path


def test_parquet_gives_the_same_rows(tmp_path):
    columns = {name: [row[n] for row in ROWS[1:]] for n, name in enumerate(ROWS[0])}
    export = read_export(parquet(tmp_path / "export.parquet", columns))
    for _ in range(2):
        assert [list(export.columns), *(cells for _, cells in export.rows())] == ROWS
    packed = tmp_path / "packed.zip"
    packed.write_bytes(zipped(**{"export.parquet": (tmp_path / "export.parquet").read_bytes()}))
    assert [cells for _, cells in read_export(packed).rows()] == ROWS[1:]


def test_the_values_of_parquet_are_text_as_a_person_would_read_it(tmp_path):
    columns = {
        "id": [1, 2],
        "score": [2.0, None],
        "when": [dt.datetime(2025, 9, 8, 9, 28), None],
        "ticked": [["Bins", "Parks"], []],
        "yes": [True, False],
        "bytes": ["é".encode(), None],
        "nan": [float("nan"), 0.5],
    }
    export = read_export(parquet(tmp_path / "export.parquet", columns))
    assert list(export.rows()) == [
        (2, ["1", "2", "2025-09-08 09:28:00", "Bins;Parks", "TRUE", "é", ""]),
        (3, ["2", "", "", "", "FALSE", "", "0.5"]),
    ]


def test_without_pyarrow_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    path = tmp_path / "export.parquet"
    path.write_bytes(b"PAR1 and more")
    with pytest.raises(InputError) as error:
        read_export(path)
    assert str(error.value) == (
        f"{path}: is a Parquet file, which needs pyarrow. Fix: run 'pip install pyarrow', or save it as CSV"
    )


def test_a_workbook_with_a_thousand_formatted_blank_rows_has_only_the_filled_ones(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "export.xlsx") as book:
        sheet, bold = book.add_worksheet("Data"), book.add_format({"bold": True})
        for r, row in enumerate(ROWS):
            sheet.write_row(r, 0, row)
        for r in range(len(ROWS), 1500):
            sheet.write_blank(r, 2, None, bold)
        book.add_worksheet("Notes").write(0, 0, "not read")
    export = read_export(tmp_path / "export.xlsx")
    assert [cells for _, cells in export.rows()] == ROWS[1:]
    assert export.shape.notes == ("sheet 'Data' is read, not 'Notes'",)


def test_the_escapes_of_a_workbook_are_line_breaks_and_spaces_alone_make_no_row(tmp_path):
    path = tmp_path / "export.xlsx"
    path.write_bytes(as_xlsx([["ref", "text"], ["a", "one\r\ntwo"], ["\u00a0", " \u00a0"], ["b", "_x005F_ kept"]]))
    assert list(read_export(path).rows()) == [(2, ["a", "one\r\ntwo"]), (4, ["b", "_x005F_ kept"])]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    (tmp_path / "b.csv").write_bytes(as_csv([ROWS[0], *ROWS[3:]]))
    (tmp_path / "a.tsv").write_bytes(as_csv(ROWS[:3], "\t"))
    (tmp_path / "notes.md").write_text("left aside")
    (tmp_path / ".hidden.csv").write_text("left aside")
    export = read_export(tmp_path)
    assert list(export.columns) == ROWS[0]
    assert [cells for _, cells in export.rows()] == ROWS[1:]
    assert [export.place(n) for n, _ in export.rows()] == [
        *("a.tsv, row 2", "a.tsv, row 3", "b.csv, row 2", "b.csv, row 3", "b.csv, row 4")
    ]
    assert export.shape.notes == ("2 files, one after the other", "left aside: notes.md")


def test_columns_in_another_order_are_read_by_their_names_in_a_folder(tmp_path):
    (tmp_path / "a.csv").write_bytes(as_csv(ROWS[:3]))
    (tmp_path / "b.csv").write_bytes(as_csv([[row[2], row[0], row[1]] for row in (ROWS[0], *ROWS[3:])]))
    assert [cells for _, cells in read_export(tmp_path).rows()] == ROWS[1:]


def test_a_folder_of_two_layouts_is_refused_with_the_columns_that_differ(tmp_path):
    (tmp_path / "a.csv").write_bytes(as_csv(ROWS))
    (tmp_path / "b.csv").write_bytes(as_csv([["ref", "Area", "Your views"], *ROWS[1:]]))
    with pytest.raises(InputError) as error:
        read_export(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'b.csv'}: is not of the layout of a.csv: it lacks 'Ward' and has 'Area'. "
        "Fix: name the columns alike, or code it by itself"
    )


def test_a_row_that_is_rejected_in_a_folder_names_its_file(tmp_path):
    (tmp_path / "a.csv").write_bytes(as_csv(ROWS))
    (tmp_path / "b.csv").write_bytes(as_csv([ROWS[0], ["r9", "Bow", "one", "two"]]))
    (rejected,) = (
        one for one in read_responses(read_export(tmp_path), Layout(("Your views",))) if isinstance(one, Rejected)
    )
    assert rejected == Rejected(8, ("r9", "Bow", "one", "two"), "row has 4 cells where the header has 3 (b.csv, row 2)")


# ---- any comments, in any layout -------------------------------------------------------------------------------------

WRITTEN = {
    "any.csv": as_csv,
    "any.tsv": lambda rows: as_csv(rows, "\t", "utf-16"),
    "any.txt": lambda rows: as_csv(rows, ";", "utf-8-sig"),
    "any.xlsx": as_xlsx,
    "any.zip": lambda rows: zipped(**{"export.csv": as_csv(rows)}),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), max_size=40)


@given(st.sampled_from(sorted(SHAPES)), st.lists(TEXTS, min_size=3, max_size=8), st.sampled_from(sorted(WRITTEN)))
def test_whatever_people_wrote_in_any_layout_is_read_back(tmp_path_factory, name, texts, form):
    above, response, shape, columns, layout = SHAPES[name]
    rows = [response(n) for n in range(1, len(texts) + 1)]
    place = columns.index(layout.questions[0])
    for row, text in zip(rows, texts, strict=True):
        row[place] = text
    path = tmp_path_factory.getbasetemp() / form
    path.write_bytes(WRITTEN[form]([*above, *rows]))
    export = read_export(path)
    found = [next(answers(one, export, layout)).text for one in read_responses(export, layout)]
    assert (export.shape, export.columns) == (shape, columns)
    assert found == ["" if shape.blank and text.strip() == shape.blank else text for text in texts]


def test_what_is_recognised_is_shown_as_a_short_table(tmp_path):
    rows = [*MONKEY, *(SHAPES["SurveyMonkey"][1](n) for n in range(1, 41))]
    path = tmp_path / "export.csv"
    path.write_bytes(as_csv(rows))
    shown = inspect(read_export(path))
    assert [guess.kind for guess in shown.columns] == [
        *(Kind.ID, Kind.DATE, Kind.EMPTY, Kind.ATTRIBUTE, Kind.MULTIPLE, Kind.MULTIPLE, Kind.EMPTY, Kind.FREE_TEXT)
    ]
    *said_first, header, _, _, _, fourth, fifth, _, _, last = shown.lines()
    assert said_first == [
        f"{path}: SurveyMonkey, utf-8, commas",
        "Header: rows 1, 2",
        "Note: questions, and their options below them",
        "Responses: 40",
        "Response id: Respondent ID",
        "",
    ]
    assert [" ".join(line.split()) for line in (header, fourth, fifth, last)] == [
        "column what it is filled different such as",
        "4 Are you a tenant? attribute 40 2 No, Yes",
        "5 Which do you use?: Library multiple choice 20 1 Library",
        "8 What is good? free text 40 40 11 words on average, 40 different",
    ]


def test_no_personal_detail_and_no_comment_is_shown_as_an_example(tmp_path):
    rows = [["Name", "Email", "Your views"], *([f"Person {n}", f"p{n}@b.org", said(n)] for n in range(30))]
    (tmp_path / "export.csv").write_bytes(as_csv(rows))
    shown = inspect(read_export(tmp_path / "export.csv"))
    assert [guess.kind for guess in shown.columns] == [Kind.PERSONAL, Kind.PERSONAL, Kind.FREE_TEXT]
    assert not any(word in json.dumps([shown.as_json(), shown.lines()]) for word in ("Person", "@", "mend"))
    assert shown.as_json() == {
        "file": str(tmp_path / "export.csv"),
        "platform": "plain table",
        "encoding": "utf-8",
        "header_rows": [1],
        "title_rows": [],
        "notes": [],
        "responses": 30,
        "previews": 0,
        "response_id": None,
        "questions": ["Your views"],
        "columns": [
            {"column": name, "kind": kind, "filled": 30, "distinct": 30, "examples": [], "why": why}
            for name, kind, why in (
                ("Name", "personal detail", "header says 'name'"),
                ("Email", "personal detail", "values are e-mail addresses"),
                ("Your views", "free text", "11 words on average, 30 different"),
            )
        ],
    }


COLUMNS = {
    "single choice": (Kind.SINGLE, "Do you agree?", ["Yes", "No", "Not sure, maybe"]),
    "several choices": (Kind.MULTIPLE, "Which do you use?", ["Park;Library;", "Library;", "Park;", "Pool;Park;"]),
    "several choices with commas": (Kind.MULTIPLE, "Uses", ["A, B", "B, C", "A", "A, B, C", "C"]),
    "attribute": (Kind.ATTRIBUTE, "Age group", ["18-24", "25-34", "65+"]),
    "short answers": (Kind.ATTRIBUTE, "Organisation, if any", [f"Tenants of block {n}" for n in range(40)]),
    "dates": (Kind.DATE, "When?", ["08/09/2025 09:28", "2025-09-08T10:11:12Z", "8 Sept 2025"]),
    "telephone": (Kind.PERSONAL, "How can we reach you?", [f"07700 9001{n:02}" for n in range(40)]),
    "addresses of computers": (Kind.PERSONAL, "From", [f"10.0.0.{n}" for n in range(40)]),
    "ids": (Kind.ID, "Ticket", [f"T-{n}" for n in range(40)]),
    "durations": (Kind.TECHNICAL, "Duration (in seconds)", [str(n) for n in range(20)]),
    "nothing": (Kind.EMPTY, "Anything", [""]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_what_a_column_is_is_guessed_from_its_values(tmp_path, name):
    kind, header, values = COLUMNS[name]
    rows = [["ref", header], *([f"r{n}", values[n % len(values)]] for n in range(40))]
    (tmp_path / "export.csv").write_bytes(as_csv(rows))
    assert inspect(read_export(tmp_path / "export.csv")).columns[1].kind == kind
