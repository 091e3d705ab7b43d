"""Tables, report and log as they are called: what is written, what is told, and every refusal in one line."""

import csv
import json
import shutil

import bench_outputs
import openpyxl
import pytest
from bench_outputs import check_and_decide, write_run

from pipeline.publishing.workbook import LEFT_OUT

RUN, EARLIER = "runs/spring", "runs/last-year"
SEXES = 'Sex,Residents\nFemale,"52,300"\nMale,"47,700"\nTotal,"100,000"\n'
ALL = ["report.html", "report.docx", "tables.xlsx", "power-bi", "evidence"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An office with a run that people checked, an earlier one and a table of the population."""
    folder = tmp_path_factory.mktemp("made")
    check_and_decide(write_run(folder / RUN, 240, 200), 120, 30)
    other_export(write_run(folder / EARLIER, 150, 120, seed=2))
    (folder / "sexes.csv").write_text(SEXES, encoding="utf-8")
    return folder


@pytest.fixture
def office(made, tmp_path):
    """The same office: one's own, in which commands are called."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def other_export(run):
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    manifest["export"]["sha256"] = "2" * 64
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def said(result):
    """What a command that did its work said, all of it on standard error."""
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    return result.stderr


def told(result):
    """What was said in one line on standard error by a command that failed as it should."""
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    return result.stderr.removeprefix("Error: ").removesuffix("\n")


def usage(result):
    """What is told of a wrong call, in its last line."""
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr.splitlines()[-1].removeprefix("Error: ")


def contents(folder):
    """Everything in the office but the runs."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "runs" not in path.parts
    }


# ---- tables ----------------------------------------------------------------------------------------------------------


def test_tables_are_printed_with_what_they_are_of(feedback, office):
    result = feedback("tables", RUN, "--by", "Sex")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Frequency tables: Design principles and stakeholder themes\nBase: 200 respondents")
    assert "Status of the shares: corrected with the check sample" in result.stdout
    assert "\nDesign principle by Sex: " in result.stdout


def test_tables_are_written_by_their_ending_and_all_hold_the_same(feedback, office):
    for ending in ("csv", "json", "xlsx"):
        assert said(feedback("tables", RUN, "--by", "Sex", "--out", f"t.{ending}")) == f"Written: t.{ending}\n"
    printed = feedback("tables", RUN, "--by", "Sex", "--json")
    rows = json.loads(printed.stdout)["rows"]
    assert json.loads((office / "t.json").read_text(encoding="utf-8"))["rows"] == rows
    with (office / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(one["code"], one["value"], one["status"]) for one in lines] == [
        (one["code"], one["value"] or "", one["status"]) for one in rows
    ]
    assert [one["share"] for one in lines] == ["[c]" if one["share"] is None else str(one["share"]) for one in rows]
    assert openpyxl.load_workbook(office / "t.xlsx").sheetnames[:5] == [
        *("Cover", "Notes", "Design principle", "Theme", "Stakeholder"),
    ]


def test_the_smallest_count_to_be_published_is_an_option(feedback, office):
    counts = []
    for smallest in (0, 5, 20):
        rows = json.loads(feedback("tables", RUN, "--smallest", smallest, "--json").stdout)["rows"]
        shown = [one["respondents"] for one in rows if one["status"] != "suppressed"]
        assert not [count for count in shown if 0 < count < smallest]
        counts.append(len(shown))
    assert counts[0] == 37
    assert counts[0] >= counts[1] > counts[2]


@pytest.mark.parametrize("wording", ["cabinet-2024", "scrutiny-2024", "proposal-slides"])
def test_each_published_wording_changes_names_and_nothing_else(feedback, office, wording):
    own, named = (
        json.loads(feedback("tables", RUN, "--json", *options).stdout) for options in ((), ("--wording", wording))
    )
    assert [{**one, "name": ""} for one in named["rows"]] == [{**one, "name": ""} for one in own["rows"]]
    assert any("Names of Design principle as in" in note for note in named["notes"])


REFUSED = {
    ("tables", RUN, "--out", "t.pdf"): "t.pdf: '.pdf' is not a kind of table. Fix: use .xlsx, .csv, .json",
    ("tables", RUN, "--out", "none/t.csv"): "none/t.csv: there is no folder 'none'. Fix: make it, or choose another",
    ("tables", RUN, "--wording", "mine"): (
        "no published wording 'mine'. Fix: use one of: cabinet-2024, scrutiny-2024, proposal-slides"
    ),
    ("tables", "sexes.csv"): (
        "sexes.csv: is no run folder: coded.csv is missing. Fix: make one with feedback classify EXPORT --out RUN"
    ),
    ("report", RUN, "--out", "out.pdf"): (
        "out.pdf: '.pdf' is not a kind of report. Fix: end it in .html, .docx, .xlsx, or name a folder for everything"
    ),
    ("report", RUN, "--out", "none/out.html"): (
        "none/out.html: there is no folder 'none'. Fix: make it, or choose another"
    ),
    ("report", RUN, "--out", "report", "--by", "Parish"): (
        f"{RUN}/coded.csv: there is no column 'Parish' to count by. Fix: did you mean 'campaign'? There are: question, "
        "Ward, Age group, Tenure, Sex, Disability, Completed, principle, theme, stakeholder, stakeholder_source, "
        "review, doubts, campaign, campaign_size"
    ),
    ("report", RUN, "--out", "report", "--against", RUN): (
        f"{RUN}: coded the same export as {RUN.rpartition('/')[2]}, so there is no change to tell. "
        "Fix: name a run of an earlier export"
    ),
    ("report", RUN, "--out", "report", "--against", "runs/none"): (
        "runs/none: is no run folder: coded.csv is missing. Fix: make one with feedback classify EXPORT --out RUN"
    ),
    ("report", RUN, "--out", "report", "--population", "Sex=none.csv"): (
        "none.csv: there is no such file. Fix: check the name and folder"
    ),
    ("report", RUN, "--out", "report", "--population", "theme=sexes.csv"): (
        f"{RUN}: respondents are under several values of 'theme'. "
        "Fix: choose a column that says something of the respondent, such as a ward or an age"
    ),
    ("log", RUN, "--out", "log.csv"): "log.csv: .csv is not a workbook. Fix: end the name in .xlsx",
    ("read-log", RUN, "none.xlsx"): "none.xlsx: there is no such file. Fix: check the name and folder",
}


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_what_cannot_be_done_is_told_in_one_line_and_nothing_is_written(feedback, made, arguments):
    before = contents(made)
    quiet = ["--quiet"] if arguments[0] == "report" else []  # a slow computer would tell its progress too
    assert told(feedback(*arguments, *quiet, folder=made)) == REFUSED[arguments]
    assert contents(made) == before
    assert not (made / "report").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--smallest", "-1"], "Invalid value for '--smallest': -1 is not in the range x>=0."),
        (["--population", "sexes.csv"], "--population takes COLUMN=FILE, not 'sexes.csv'"),
        (["--population", "=sexes.csv"], "--population takes COLUMN=FILE, not '=sexes.csv'"),
        (["--population", "Sex="], "--population takes COLUMN=FILE, not 'Sex='"),
        (
            ["--population", "Sex=sexes.csv", "--population", "Sex=sexes.csv"],
            "--population is given twice for 'Sex'",
        ),
    ],
)
def test_wrong_options_are_wrong_usage(feedback, made, options, words):
    assert usage(feedback("report", RUN, "--out", "report", *options, folder=made)) == words
    assert usage(feedback("report", RUN, folder=made)) == "Missing option '--out'."


# ---- report ----------------------------------------------------------------------------------------------------------


def test_a_report_is_written_into_a_folder_and_each_part_is_named(feedback, office):
    result = feedback(
        *("report", RUN, "--out", "report", "--by", "Tenure", "--population", "Sex=sexes.csv", "--against", EARLIER)
    )
    written = [line for line in said(result).splitlines() if line.startswith("Written: ")]
    small = ", not for publication as it is: its sheet Correction holds small counts of the check sample"
    private = {"power-bi": ", not for publication: it holds what people wrote", "tables.xlsx": small}
    assert written == [f"Written: report/{name}{private.get(name, '')}" for name in ALL]
    assert sorted(path.name for path in (office / "report").iterdir()) == sorted(ALL)
    page = (office / "report" / "report.html").read_text(encoding="utf-8")
    for words in ("Who answered", "Change since last-year", "Design principle by Tenure", "How well the tool coded"):
        assert words in page


def test_a_column_of_combinations_is_told_on_standard_error_and_beside_its_table(feedback, office):
    coded = (office / RUN / "coded.csv").read_text(encoding="utf-8-sig")
    joined = coded.replace("Private tenant", "Owner;Other").replace("Council tenant", "Other;Owner")
    (office / RUN / "coded.csv").write_text(joined, encoding="utf-8-sig")
    combined = (
        "By Tenure: a person who ticked several choices is counted under the combination of them, and under that alone."
    )
    tables = feedback("tables", RUN, "--by", "Tenure")
    assert tables.stderr == f"{combined}\n"
    assert combined in " ".join(tables.stdout.split())
    assert feedback("tables", RUN, "--by", "Sex").stderr == ""
    assert combined in said(feedback("report", RUN, "--by", "Tenure", "--out", "page.html")).splitlines()
    assert combined in (office / "page.html").read_text(encoding="utf-8")


def test_for_scripts_what_was_written_is_told_as_json_and_nothing_else(feedback, office):
    result = feedback("report", RUN, "--out", "page.html", "--json", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {"run": RUN, "written": ["page.html"]}


def test_the_public_report_holds_nothing_of_single_comments(feedback, office):
    words = said(feedback("report", RUN, "--out", "report", "--public"))
    assert "not for publication" not in words
    assert not (office / "report" / "power-bi" / "comments.csv").exists()
    feedback("report", RUN, "--out", "alone.xlsx", "--public")
    for path in ("report/tables.xlsx", "alone.xlsx"):
        book = openpyxl.load_workbook(office / path)
        assert "Correction" not in book.sheetnames
        told = [cell.value for page in (book["Cover"], book["Notes"]) for row in page.iter_rows() for cell in row]
        assert [one for one in told if "small counts" in str(one)] == [LEFT_OUT]
        assert not [one for one in told if "Given: found" in str(one)]


def test_a_file_that_is_there_is_replaced_only_if_asked(feedback, office):
    name = "tables.xlsx"
    (office / name).write_text("mine", encoding="utf-8")
    assert told(feedback("report", RUN, "--out", name)) == (
        f"{name}: is there already. Fix: choose another name, or add --replace"
    )
    assert (office / name).read_text(encoding="utf-8") == "mine"
    assert said(feedback("report", RUN, "--out", name, "--replace", "--quiet")) == ""
    assert (office / name).read_bytes() != b"mine"


def test_a_folder_that_is_there_is_replaced_only_if_asked_and_keeps_what_is_not_ours(feedback, office):
    (office / "report").mkdir()
    (office / "report" / "minutes.txt").write_text("Ours.", encoding="utf-8")
    assert told(feedback("report", RUN, "--out", "report")) == (
        "report: is there already. Fix: choose another folder, or add --replace"
    )
    assert said(feedback("report", RUN, "--out", "report", "--replace", "--quiet")) == ""
    assert said(feedback("report", RUN, "--out", "report", "--replace", "--quiet")) == ""
    assert sorted(path.name for path in (office / "report").iterdir()) == sorted([*ALL, "minutes.txt"])
    (office / "report" / "evidence" / "notes.txt").write_text("Ours.", encoding="utf-8")
    before = contents(office)
    assert told(feedback("report", RUN, "--out", "report", "--replace")) == (
        "report/evidence: is there and holds something else. Fix: choose another folder"
    )
    assert contents(office) == before


def test_a_file_cannot_be_the_folder(feedback, office):
    (office / "report").write_text("mine", encoding="utf-8")
    assert told(feedback("report", RUN, "--out", "report", "--replace")) == (
        "report: is a file, not a folder. Fix: choose another name"
    )
    assert told(feedback("report", RUN, "--out", "report/spring", "--quiet")) == (
        "report/spring: cannot be written (Not a directory). Fix: choose another"
    )


POPULATIONS = {
    "": "people.csv: is empty. Fix: export it again",
    "Sex,Name\nFemale,many\nMale,few\n": (
        "people.csv: holds no names with numbers beside them. "
        "Fix: give two columns, such as `ward,population`, with a row for each value"
    ),
    "Sex,People\nFemale,-10\nMale,20\nOther,30\n": (
        "people.csv, row 2: “-10” beside “Female” is no number. Fix: write a number there, or delete the row"
    ),
    "Sex,People\nFemale,10\nfemale,20\nMale,30\n": (
        "people.csv, row 3: “Female” is there twice. Fix: keep one row for each value, of one area and year"
    ),
    "Sex,%\nFemale,70\nMale,60\nTotal,100\n": (
        "people.csv: the per cents add up to 130. Fix: keep one row for each value, and no value beside its parts"
    ),
    "Sex,People\nFemail,10\nMale,20\n": (
        "people.csv: nobody is of “Femail”, but “Sex” has “Female”. "
        "Fix: write “Female” in place of “Femail” if they are the same, or else leave “Femail” out"
    ),
}


@pytest.mark.parametrize("text", POPULATIONS, ids=range(len(POPULATIONS)))
def test_a_population_that_is_not_clear_is_told_in_one_line(feedback, made, tmp_path, text):
    (tmp_path / "people.csv").write_text(text, encoding="utf-8")
    options = ["--quiet", "--population", f"Sex={tmp_path / 'people.csv'}"]
    result = feedback("report", RUN, "--out", tmp_path / "report", *options, folder=made)
    assert told(result).removeprefix(f"{tmp_path}/") == POPULATIONS[text]
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("name", ["people.csv", "people.xlsx"])
def test_what_is_no_text_is_told_as_that(feedback, made, tmp_path, name):
    (tmp_path / name).write_bytes(bytes(range(256)) * 9)
    options = ["--quiet", "--population", f"Sex={tmp_path / name}"]
    result = feedback("report", RUN, "--out", tmp_path / "report", *options, folder=made)
    assert told(result).startswith(f"{tmp_path / name}: ")


# ---- runs as they may be ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"", b"no database at all, but long enough to be looked at" * 9])
def test_damaged_decisions_lose_nothing(feedback, office, damage):
    (office / RUN / "decisions.db").write_bytes((office / RUN / "decisions.db").read_bytes()[:3000] + damage)
    assert told(feedback("report", RUN, "--out", "report", "--quiet")) == (
        f"{RUN}/decisions.db: is damaged (database disk image is malformed). Fix: put back a copy of it"
    )
    assert not (office / "report").exists()


@pytest.mark.parametrize("comments", [0, 1])
def test_a_run_of_no_comment_or_one_has_a_report_too(feedback, tmp_path, comments):
    write_run(tmp_path / "run", comments, 1)
    assert said(feedback("report", "run", "--out", "report", "--by", "Sex", "--quiet")) == ""
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert ("0 people wrote something" if not comments else "1 person, of 1 who took part") in page


def test_a_run_of_an_earlier_version_without_campaigns_has_a_report_too(feedback, office):
    path = office / RUN / "coded.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(row[:-2] for row in rows)
    assert said(feedback("report", RUN, "--out", "page.html", "--quiet")) == ""


def test_a_column_of_ids_is_told_before_anybody_is_named(feedback, office):
    path = office / RUN / "coded.csv"
    text = path.read_text(encoding="utf-8")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    place = rows[0].index("Ward")
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [*row[:place], row[1] if n else "Ward", *row[place + 1 :]] for n, row in enumerate(rows)
        )
    assert path.read_text(encoding="utf-8") != text
    assert told(feedback("tables", RUN, "--by", "Ward")) == (
        f"{RUN}/coded.csv: 'Ward' has 200 different values for 200 respondents. "
        "Fix: choose a column that many share the values of"
    )


HOSTILE = {
    "=cmd|' /C calc'!A0 the council should stop wasting money on consultants",
    "<script>alert(1)</script> <img src=x onerror=alert(2)> answer the phone when people ring",
    "\u202egnp.exe the bus stops need better lighting and a timetable that is right",
    "emoji 😀👨‍👩‍👧 the library is great but its hours are too short for those who work",
    "long " + "the council should listen before it decides anything. " * 600,
}


def test_hostile_comments_and_values_reach_no_output_as_anything_but_text(feedback, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_outputs, "_sentences", lambda: HOSTILE)
    coded = write_run(tmp_path / "run", 40, 40) / "coded.csv"
    with coded.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    place = rows[0].index("Ward")
    values = ["=1+1", "<b>North</b>", "\u202eRTL", "North & “West”"]
    with coded.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [*row[:place], values[n % 4] if n else "=Ward", *row[place + 1 :]] for n, row in enumerate(rows)
        )
    options = ["--by", "=Ward", "--smallest", "0", "--quiet", "--out"]
    for name in ("page.html", "tables.xlsx", "report.docx"):
        assert said(feedback("report", "run", *options, name)) == ""
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for tag in ("<b>", "<script", "<img"):
        assert tag not in page
    assert "&lt;b&gt;North&lt;/b&gt;" in page
    assert "&lt;script&gt;alert(1)" in page
    for sheet in openpyxl.load_workbook(tmp_path / "tables.xlsx"):
        assert not [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    said(feedback("tables", "run", "--by", "=Ward", "--smallest", "0", "--out", "t.csv"))
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(("=", "+", "@"))]


# ---- the log ---------------------------------------------------------------------------------------------------------


def fill(path, sheet, rows, **cells):
    """Writes cells by the names of their columns into the first rows of a sheet."""
    book = openpyxl.load_workbook(path)
    page = book[sheet]
    columns = {cell.value: cell.column for cell in page[1]}
    for row in range(2, 2 + rows):
        for name, value in cells.items():
            page.cell(row, columns[name]).value = value
    book.save(path)


def answers(path, sheet, rows):
    """The answers in the first rows of a sheet."""
    page = openpyxl.load_workbook(path)[sheet]
    columns = {cell.value: cell.column for cell in page[1]}
    return [[page.cell(row, columns[name]).value for name in ("Response", "Status")] for row in range(2, 2 + rows)]


def test_what_is_filled_into_the_log_comes_back_in_the_next_one(feedback, office):
    out = said(feedback("log", RUN, "--out", "log.xlsx", "--by", "Ward"))
    assert out.endswith(f"0 are answered.\nTake it back with: feedback read-log {RUN} log.xlsx\n")
    fill(office / "log.xlsx", "Comments", 3, Response="We = widened the path", Status="done")
    taken = said(feedback("read-log", RUN, "log.xlsx", "--who", "An analyst"))
    assert taken.startswith("3 rows saved for An analyst, 0 were so already; 3 of the ")
    assert said(feedback("read-log", RUN, "log.xlsx", "--who", "An analyst")).startswith("0 rows saved")
    assert "3 are answered." in said(feedback("log", RUN, "--out", "next.xlsx"))
    assert answers(office / "next.xlsx", "Comments", 3) == [["We = widened the path", "done"]] * 3
    assert told(feedback("log", RUN, "--out", "next.xlsx")).startswith("next.xlsx: is there already.")


def test_a_status_that_is_none_is_told_by_its_row_and_the_rest_is_kept(feedback, office):
    said(feedback("log", RUN, "--out", "log.xlsx"))
    fill(office / "log.xlsx", "Comments", 1, Response="We widened the path", Status="dun")
    result = feedback("read-log", RUN, "log.xlsx", "--who", "An analyst")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[0].startswith("1 row saved for An analyst")
    assert result.stderr.splitlines()[1] == (
        "Not read, 'Comments', row 2 (R0-q1): Status “dun” is none of not started, under way, done, no action, so it "
        "was not saved. Fix: did you mean 'done'?"
    )


def test_for_scripts_the_log_is_taken_back_as_json(feedback, office):
    said(feedback("log", RUN, "--out", "log.xlsx"))
    fill(office / "log.xlsx", "Comments", 2, Owner="Head of parks")
    result = feedback("read-log", RUN, "log.xlsx", "--who", "An analyst", "--json", "--quiet")
    taken = json.loads(result.stdout)
    assert (taken["who"], taken["saved"], taken["filled"], taken["problems"]) == ("An analyst", 2, 2, [])
    assert result.stderr == ""


def test_the_log_of_another_run_is_not_taken(feedback, office):
    said(feedback("log", EARLIER, "--out", "log.xlsx"))
    fill(office / "log.xlsx", "Comments", 1, Response="We widened the path")
    assert told(feedback("read-log", RUN, "log.xlsx")).startswith("log.xlsx: ")
