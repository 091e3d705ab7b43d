"""What an export is, shown before coding; and what was confirmed once is remembered for the next export."""

import csv
import json
import shutil

import pytest

HEADER = ["id", "Ward", "What should change?", "Notes of the office"]
WISH = "The council should mend the {} in my street before the winter comes, please"
NOTE = "We rang back and told them who is responsible for number {} and when it happens"


def write(path, header=HEADER, rows=12):
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        for n in range(rows):
            cells = {"id": f"r{n}", "Ward": ("Quillbrook", "Pinmarsh")[n % 2]}
            cells |= {"What should change?": WISH.format(f"lamp {n}"), "Notes of the office": NOTE.format(n)}
            table.writerow([cells.get(name, f"new {n}") for name in header])
    return path


@pytest.fixture
def place(tmp_path, workplace):
    """A folder with an export and a model."""
    shutil.copytree(workplace / "models", tmp_path / "models")
    write(tmp_path / "spring.csv")
    return tmp_path


def columns_of(result):
    return {one["column"]: one["kind"] for one in json.loads(result.stdout)["columns"]}


def test_the_columns_are_shown_and_nothing_is_made(feedback, place):
    before = sorted(place.iterdir())
    result = feedback("inspect", "spring.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[:4] == [
        "spring.csv: plain table, utf-8, commas",
        "Header: row 1",
        "Responses: 12",
        "Response id: id",
    ]
    assert columns_of(feedback("inspect", "spring.csv", "--json")) == {
        "id": "id",
        "Ward": "attribute",
        "What should change?": "free text",
        "Notes of the office": "free text",
    }
    assert sorted(place.iterdir()) == before


def test_a_guess_that_was_overruled_holds_for_the_next_export_of_the_survey(feedback, place):
    said = feedback("inspect", "spring.csv", "--kind", "Notes of the office=not coded", "--remember")
    assert said.exit_code == 0
    (kept,) = (place / "mappings").iterdir()
    assert said.stderr == f"Remembered: mappings/{kept.name}. Exports of this survey are read by it from now on.\n"
    write(place / "summer.csv", rows=15)
    coded = feedback("classify", "summer.csv", "--out", "runs/summer")
    assert coded.exit_code == 0, coded.output
    assert f"Read as mappings/{kept.name} says.\n" in coded.stderr
    manifest = json.loads((place / "runs/summer/manifest.json").read_text("utf-8"))
    assert (manifest["questions"], manifest["comments"]) == (["What should change?"], 15)


def test_a_new_question_is_never_silently_left_out(feedback, place):
    assert feedback("inspect", "spring.csv", "--remember", "-q").exit_code == 0
    (kept,) = (place / "mappings").iterdir()
    path = write(place / "autumn.csv", [*HEADER, "And what else?"])
    text = path.read_text("utf-8").replace(
        "new ", "Another wish of mine is that the library opens on Sundays too says number "
    )
    path.write_text(text, encoding="utf-8")
    result = feedback("classify", "autumn.csv", "--out", "runs/autumn")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: autumn.csv: is not as mappings/{kept.name} remembers it: 'And what else?' is new (free text). "
        "Fix: look at it with feedback inspect EXPORT, then remember it so: feedback inspect EXPORT --remember\n",
    )
    assert not (place / "runs").exists()
    assert feedback("inspect", "autumn.csv", "--remember", "-q").exit_code == 0
    assert feedback("classify", "autumn.csv", "--out", "runs/autumn", "-q").exit_code == 0


def test_a_change_that_does_not_matter_is_told(feedback, place):
    assert feedback("inspect", "spring.csv", "--remember", "-q").exit_code == 0
    write(place / "winter.csv", [name for name in HEADER if name != "Ward"])
    result = feedback("classify", "winter.csv", "--out", "runs/winter")
    assert result.exit_code == 0, result.output
    assert "Changed since: 'Ward' is gone\n" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--kind", "Ward"], 2, "Error: --kind takes COLUMN=KIND, not 'Ward'"),
        (["--kind", "Ward=atribute"], 1, "'atribute' is not a kind of column. Fix: did you mean 'attribute'?"),
        (["--kind", "Wart=attribute"], 1, "there is no column 'Wart'. Fix: did you mean 'Ward'?"),
    ],
)
def test_a_wrong_word_about_a_column_is_told_and_nothing_remembered(feedback, place, arguments, status, message):
    result = feedback("inspect", "spring.csv", *arguments, "--json")
    assert result.exit_code == status
    assert message in result.stderr
    assert not (place / "mappings").exists()
