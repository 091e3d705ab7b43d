"""The whole job on the sample export: what goes in comes out, coded, and every row is accounted for."""

import csv
import json
import sqlite3
from collections import Counter
from contextlib import closing

import openpyxl
import pytest

from pipeline.codebook import load_codebook
from pipeline.exports.responses import file_digest, read_cell
from pipeline.settings import shipped

QUESTIONS = ["What should the council do differently?", "Is there anything else you want to tell us?"]
FACETS = ["principle", "theme", "stakeholder"]
GROUP = "I am responding as"


def rows_of(path, encoding="utf-8"):
    """Header and rows of a CSV, cells exactly as they stand."""
    with path.open(encoding=encoding, newline="") as file:
        header, *rows = csv.reader(file)
    return header, [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def book():
    return load_codebook(shipped("corpus/codebook.toml"))


@pytest.fixture(scope="module")
def export(sample):
    """The rows of the sample export by their id."""
    return {row["Response ID"]: row for row in rows_of(sample, "utf-8-sig")[1]}


@pytest.fixture(scope="module")
def coded(sample_run):
    """The rows of coded.csv, cells as they were before they were made safe for Excel."""
    return [{name: read_cell(cell) for name, cell in row.items()} for row in rows_of(sample_run / "coded.csv")[1]]


@pytest.fixture(scope="module")
def rejects(sample_run):
    return [{name: read_cell(cell) for name, cell in row.items()} for row in rows_of(sample_run / "rejects.csv")[1]]


@pytest.fixture(scope="module")
def manifest(sample_run):
    return json.loads((sample_run / "manifest.json").read_text(encoding="utf-8"))


# ---- the respondents' words and columns ------------------------------------------------------------------------------


def test_the_header_is_the_promised_one(sample_run, sample, book):
    others = [name for name in rows_of(sample, "utf-8-sig")[0] if name not in QUESTIONS]
    assert rows_of(sample_run / "coded.csv")[0] == [
        *("comment_id", "response_id", "question", "text"),
        *others,
        *("principle", "principle_probability", "principle_why", "theme", "theme_probability", "theme_why"),
        *("stakeholder", "stakeholder_probability", "stakeholder_source"),
        *("review", "doubts", "campaign", "campaign_size"),
        *(f"{facet}:{code}" for facet in FACETS for code in book.by_id[facet].ids),
    ]


def test_every_answer_of_the_export_is_coded_or_rejected_or_blank_in_the_order_of_the_export(export, coded, rejects):
    answers = [(id_, question, row[question]) for id_, row in export.items() for question in QUESTIONS]
    coded_answers = [(row["response_id"], row["question"], row["text"]) for row in coded]
    set_apart = [(row["response_id"], row["question"], row["text"]) for row in rejects if row["comment_id"]]
    order = {answer[:2]: place for place, answer in enumerate(answers)}
    assert coded_answers == sorted(coded_answers, key=lambda answer: order[answer[:2]])
    assert sorted(coded_answers + set_apart) == sorted(answer for answer in answers if answer[2].strip())
    assert {row["response_id"] for row in coded} | {row["response_id"] for row in rejects} == set(export)
    ids = [row["comment_id"] for row in coded]
    assert ids == [f"{row['response_id']}-q{QUESTIONS.index(row['question']) + 1}" for row in coded]
    assert len(set(ids)) == len(ids)


def test_every_other_column_of_the_export_is_kept_as_it_was(export, coded):
    others = [name for name in next(iter(export.values())) if name not in QUESTIONS]
    assert [{name: row[name] for name in others} for row in coded] == [
        {name: export[row["response_id"]][name] for name in others} for row in coded
    ]


def test_no_cell_that_is_written_starts_a_formula(sample_run):
    for name in ("coded.csv", "rejects.csv"):
        cells = [cell for row in rows_of(sample_run / name)[1] for cell in row.values()]
        assert [cell for cell in cells if cell.startswith(("=", "@", "\t", "\r", "+", "-")) and cell != "-"] == []


def test_the_counts_add_up_and_equal_the_rows(manifest, coded, rejects, export, sample, sample_run):
    reasons = Counter(row["reason"] for row in rejects)
    assert {name: manifest[name] for name in ("rows", "responses", "rejected", "comments", "blank")} == {
        "rows": 150,
        "responses": 150,
        "rejected": 0,
        "comments": 276,
        "blank": 24,
    }
    assert (manifest["coded"], manifest["no_content"], manifest["not_english"]) == (len(coded), 19, 5)
    assert reasons == {"no_content": 19, "not_english": 5, "no answer": 2}
    assert manifest["comments"] == manifest["coded"] + manifest["no_content"] + manifest["not_english"]
    assert manifest["responses"] * len(QUESTIONS) == manifest["comments"] + manifest["blank"]
    shape = {"platform": "plain table", "header_rows": [1], "title_rows": [], "notes": []}
    known = {"file": sample.name, "sha256": file_digest(sample), "encoding": "utf-8-sig"}
    assert manifest["export"] == {**known, **shape}
    assert manifest["codebook_digest"] == load_codebook(sample_run / "codebook.toml").digest
    assert (manifest["questions"], manifest["response_id"]) == (QUESTIONS, "Response ID")


def test_a_campaign_has_a_number_and_a_size_and_each_of_its_comments_is_counted(coded, manifest, sample_run):
    sent = [row for row in coded if "The council must stop imposing road closures and start listening" in row["text"]]
    assert len({row["text"] for row in sent}) == 2  # one sender changed it
    assert [(row["campaign"], row["campaign_size"]) for row in sent] == [(sent[0]["campaign"], "4")] * 4
    assert ["first of a campaign" in row["doubts"] for row in sent] == [True, False, False, False]
    members = Counter(row["campaign"] for row in coded)
    assert all(row["campaign_size"] == str(members[row["campaign"]] if row["campaign"] else 1) for row in coded)
    sizes = [size for campaign, size in members.items() if campaign and size >= 3]
    assert (manifest["campaigns"], manifest["comments_in_campaigns"]) == (len(sizes), sum(sizes))
    with closing(sqlite3.connect(sample_run / "comments.db")) as db:
        stored = db.execute("SELECT campaign FROM comments ORDER BY n").fetchall()
        copies = db.execute("SELECT count(*) FROM comments WHERE campaign = ? GROUP BY copies", (sent[0]["campaign"],))
        assert sorted(copies.fetchall()) == [(1,), (3,)]
    assert ["" if campaign is None else str(campaign) for (campaign,) in stored] == [row["campaign"] for row in coded]


# ---- the codes -------------------------------------------------------------------------------------------------------


def test_codes_are_names_of_the_codebook_most_probable_first(coded, book):
    for row in coded:
        for facet in (book.by_id["principle"], book.by_id["theme"]):
            names = [name for name in row[facet.id].split("|") if name]
            ids = [facet.find(name) for name in names]
            assert [facet.by_id[id_].name for id_ in ids] == names
            assert len(set(ids)) == len(ids)
            scores = [float(row[f"{facet.id}:{id_}"]) for id_ in ids]
            assert scores == sorted(scores, reverse=True)


def test_the_probability_is_that_of_the_first_code_and_blank_where_there_is_none(coded, book):
    for row in coded:
        for facet in (book.by_id["principle"], book.by_id["theme"]):
            first = facet.find(row[facet.id].split("|")[0])
            probability = row[f"{facet.id}_probability"]
            assert (probability == "") == (first is None)
            assert not first or float(probability) == pytest.approx(float(row[f"{facet.id}:{first}"]), abs=0.001)


def test_every_probability_is_from_0_to_1(coded, book):
    names = [f"{facet.id}:{code}" for facet in book.facet for code in facet.ids]
    assert all(0 <= float(row[name]) <= 1 for row in coded for name in names)


def test_the_group_that_respondents_named_is_never_overwritten(coded, book, manifest):
    stakeholder = book.by_id["stakeholder"]
    known = [row for row in coded if stakeholder.find(row[GROUP])]
    assert manifest["facet_columns"] == {"stakeholder": GROUP}
    assert len(known) >= 200
    assert [(row["stakeholder"], row["stakeholder_probability"], row["stakeholder_source"]) for row in known] == [
        (stakeholder.by_id[stakeholder.find(row[GROUP])].name, "1.000", "given") for row in known
    ]


def test_a_group_that_nobody_named_is_marked_as_inferred(coded):
    assert {row["stakeholder_source"] for row in coded if not row[GROUP]} == {"inferred"}


def test_a_group_named_in_other_words_is_not_replaced_by_a_guess(coded):
    groups = {(row[GROUP], row["stakeholder"]) for row in coded}
    assert {group for named, group in groups if named == "Community group or charity"} <= {
        "Voluntary and community sector",
        "",
    }
    assert {group for named, group in groups if named == "Young person (under 18)"} <= {"Young people", ""}


def test_a_comment_is_to_be_reviewed_where_there_is_a_doubt(coded):
    assert {(row["review"], bool(row["doubts"])) for row in coded} <= {("yes", True), ("no", False)}


# ---- the same again --------------------------------------------------------------------------------------------------


def test_the_same_export_gives_the_same_bytes(feedback, workplace, sample, sample_run):
    again = feedback("classify", sample, "--out", "runs/again", "--scores", "--json", folder=workplace)
    assert (again.exit_code, json.loads(again.stdout)["coded"]) == (0, 252)
    for name in ("coded.csv", "rejects.csv", "codebook.toml"):
        assert (workplace / "runs/again" / name).read_bytes() == (sample_run / name).read_bytes()


def test_a_workbook_of_the_export_gives_the_same_codes(feedback, workplace, sample, coded):
    book = openpyxl.Workbook()
    with sample.open(encoding="utf-8-sig", newline="") as file:
        for r, row in enumerate(csv.reader(file), 1):
            for c, cell in enumerate(row, 1):
                if cell:
                    book.active.cell(r, c, cell).data_type = "s"
    book.save(workplace / "sample.xlsx")
    done = feedback("classify", "sample.xlsx", "--out", "runs/xlsx", "--quiet", folder=workplace)
    assert (done.exit_code, done.output) == (0, "")
    again = rows_of(workplace / "runs/xlsx/coded.csv")[1]
    columns = [name for name in coded[0] if ":" not in name]
    assert [[read_cell(row[name]) for name in columns] for row in again] == [
        [row[name].replace("\r\n", "\n") for name in columns] for row in coded
    ]


def test_rows_that_cannot_be_read_are_rejected_counted_and_written_out(feedback, workplace, sample):
    lines = [
        "number,Ward,Your views,text",
        "1,Bow,Mend the lift in our block please,a column of this name",
        "2,Bow,Mend the lift, please, and soon, it is broken",
        "1,Bow,Another with the number of the first,",
        "4,Bow,,",
        "5,Bow",
        "6,Bow,n/a,",
    ]
    (workplace / "messy.csv").write_text("\n".join(lines), encoding="utf-8")
    options = ["--question", "Your views", "--id", "number", "--out", "runs/messy"]
    done = feedback("classify", "messy.csv", *options, folder=workplace)
    assert done.exit_code == 0
    assert done.stderr.splitlines()[-2].startswith(
        "1 comment coded of 2 in 4 responses (1 without content, 0 not in English, 2 blank answers, 2 rows rejected); "
    )
    run = workplace / "runs/messy"
    header, rows = rows_of(run / "coded.csv")
    assert header[:7] == ["comment_id", "response_id", "question", "text", "number", "Ward", "text (export)"]
    assert [row["text (export)"] for row in rows] == ["a column of this name"]
    assert [list(row.values()) for row in rows_of(run / "rejects.csv")[1]] == [
        ["3", "", "", "", "row has 6 cells where the header has 4", json.dumps(lines[2].split(",")), "", ""],
        ["4", "", "", "", "response id '1' stands twice", json.dumps(lines[3].split(",")), "", ""],
        ["5", "4", "", "", "no answer", "", "", json.dumps({"number": "4", "Ward": "Bow"})],
        ["6", "5", "", "", "no answer", "", "", json.dumps({"number": "5", "Ward": "Bow"})],
        ["7", "6", "6-q1", "Your views", "no_content", "n/a", "", json.dumps({"number": "6", "Ward": "Bow"})],
    ]
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    names = ("rows", "responses", "rejected", "comments", "blank", "no_content", "not_english", "coded")
    assert [manifest[name] for name in names] == [6, 4, 2, 2, 2, 1, 0, 1]
