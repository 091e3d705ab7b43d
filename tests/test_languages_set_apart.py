"""Comments in other languages: set apart, listed with their language, and coded once a translation is there."""

import csv
import json

import pytest

from pipeline.correcting.material import decided_run
from pipeline.reviewing.review import Review
from pipeline.stores.review_records import Choice

QUESTION = "What should change?"
SOMALI = "Waxaan rabnaa guryo badan oo qoysasku ku noolaadaan, carruurtu waxay u baahan yihiin meel ay ku ciyaaraan"
ENGLISH = "Please mend the lift in our block, my mother cannot manage the stairs any more"
MIXED = "The council never listens to us when we complain. " + SOMALI
NONE = "n/a"


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path, translations=None):
    texts = [ENGLISH, SOMALI, MIXED, NONE]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", QUESTION, *([f"{QUESTION} - translation"] if translations else [])])
        for n, text in enumerate(texts):
            table.writerow([f"r{n}", text, *([translations[n]] if translations else [])])


@pytest.fixture
def coded(feedback, workplace, tmp_path):
    """Codes the export; gives the run folder."""

    def code():
        model = workplace / "models" / "engagement"
        named = ["--question", QUESTION, "--id", "id", "--model", model, "--replace", "-q"]
        result = feedback("classify", "export.csv", "--out", "run", *named)
        assert (result.exit_code, result.output) == (0, ""), result.output
        return tmp_path / "run"

    return code


def test_another_language_is_set_apart_and_listed_and_what_is_half_english_is_coded_and_listed(coded, tmp_path):
    write(tmp_path / "export.csv")
    run = coded()
    assert [row["text"] for row in rows_of(run / "coded.csv")] == [ENGLISH, MIXED]
    assert [(row["comment_id"], row["reason"], row["language"]) for row in rows_of(run / "rejects.csv")] == [
        ("r1-q1", "not_english", "Somali"),
        ("r3-q1", "no_content", ""),
    ]
    assert [list(row.values()) for row in rows_of(run / "to_translate.csv")] == [
        ["r1-q1", "r1", QUESTION, "Somali", SOMALI],
        ["r2-q1", "r2", QUESTION, "English and Somali", MIXED],
    ]
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    counted = {name: manifest[name] for name in ("comments", "coded", "no_content", "not_english", "to_translate")}
    assert counted == {"comments": 4, "coded": 2, "no_content": 1, "not_english": 1, "to_translate": 2}


def test_a_comment_with_a_translation_is_coded_by_it_and_keeps_its_own_words(coded, tmp_path):
    write(tmp_path / "export.csv", ["", ENGLISH, "", ""])
    run = coded()
    rows = rows_of(run / "coded.csv")
    assert [row["text"] for row in rows] == [ENGLISH, SOMALI, MIXED]
    assert rows[1][f"{QUESTION} - translation"] == ENGLISH
    facets = ("principle", "principle_probability", "theme", "theme_probability")
    assert [rows[1][name] for name in facets] == [rows[0][name] for name in facets]
    assert [row["comment_id"] for row in rows_of(run / "to_translate.csv")] == ["r2-q1"]
    assert json.loads((run / "manifest.json").read_text("utf-8"))["questions"] == [QUESTION]


def test_a_translation_is_what_is_coded_again_and_what_a_decision_teaches(coded, feedback, tmp_path, workplace):
    write(tmp_path / "export.csv", ["", ENGLISH, "", ""])
    run = coded()
    before = rows_of(run / "coded.csv")
    result = feedback("recode", run, "--model", workplace / "models" / "engagement", "-q")
    assert (result.exit_code, result.output) == (0, ""), result.output
    facets = ("text", "principle", "theme", "theme_probability")
    assert [[row[name] for name in facets] for row in rows_of(run / "coded.csv")] == [
        [row[name] for name in facets] for row in before
    ]
    with Review(run) as review:
        book = review.codebook
        review.store.decide("an analyst", "screen", [Choice("r1-q1", "theme", ("housing",))], 0)
    (taught,) = decided_run(run, book).comments
    assert (taught.text, taught.codes["theme"]) == (ENGLISH, ("housing",))
