"""Any coded spreadsheet is something to learn from as it is: a survey export with analysts' tags among them."""

import csv
import json

import pytest

QUESTION, TAGS = "What should the council do? - Text", "Analyst tags"
WISH = {
    "Transport": "The {} stop on our road needs a shelter before the winter comes and the buses are late",
    "Parks": "Our {} playground has broken benches and the park gate is locked on Sundays",
}


@pytest.fixture
def tagged(tmp_path):
    """A survey export with a column of analysts' tags, joined by semicolons."""
    with (tmp_path / "tagged.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["Response ID", "Ward", QUESTION, TAGS])
        for n in range(24):
            both = n % 6 == 0
            tags = ["Transport", "Parks"] if both else [list(WISH)[n % 2]]
            text = " ".join(WISH[tag].format(f"number {n}") for tag in tags)
            table.writerow([f"R{n}", ("Quillbrook", "Pinmarsh")[n % 2], text, ";".join(tags) + (";" if n % 2 else "")])
    (tmp_path / "feedback.toml").write_text('encoder = "none"\njobs = 1\n', encoding="utf-8")
    return tmp_path


def test_tags_of_analysts_become_a_codebook_and_a_model_without_any_change_to_the_file(tagged, feedback):
    made = feedback("codebook", "init", "tagged.csv", "--facet", TAGS, "--out", "book.toml")
    assert (made.exit_code, made.stderr.splitlines()[0]) == (0, "analyst-tags: 2 codes, several codes or none")
    trained = feedback(
        "train", "--corpus", "tagged.csv", "--codebook", "book.toml", "--out", "models/tags", "-q", "--json"
    )
    assert trained.exit_code == 0, trained.output
    scored = feedback("evaluate", "tagged.csv", "--model", "models/tags", "--json")
    assert json.loads(scored.stdout)["facets"]["analyst-tags"]["n"] == 24
    coded = feedback("classify", "tagged.csv", "--model", "models/tags", "--question", QUESTION, "--out", "run", "-q")
    assert coded.exit_code == 0, coded.output
    with (tagged / "run" / "coded.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    right = [set(row["analyst-tags"].split("|")) == set(filter(None, row[TAGS].split(";"))) for row in rows]
    assert sum(right) >= 22


def test_columns_of_tags_are_found_by_their_headers_where_none_is_named(tagged, feedback):
    made = feedback("codebook", "init", "tagged.csv", "--out", "book.toml")
    assert (made.exit_code, made.stderr.splitlines()[0]) == (0, "analyst-tags: 2 codes, several codes or none")


def test_a_file_without_any_free_text_is_told(tagged, feedback):
    with (tagged / "closed.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["Ward", TAGS], *[["Quillbrook", "Parks"]] * 9])
    assert feedback("codebook", "init", "tagged.csv", "--facet", TAGS, "--out", "book.toml").exit_code == 0
    result = feedback("train", "--corpus", "closed.csv", "--codebook", "book.toml", "--out", "models/tags")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: closed.csv: there is no column 'text'. Fix: did you mean 'Analyst tags'?\n",
    )
