"""What the machine said, laid out for a screen: kept to the letter, and whole or not there."""

import csv
import json
import resource
import shutil
import sqlite3
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from conftest import call_well
from invented import QUICK, SETTINGS_FILE, codebook, corpus, facet, write_codebook, write_coded
from invented_run import CODES, make_run, row

from pipeline.errors import InputError
from pipeline.reviewing.review import Query, Review
from pipeline.stores.comment_store import LONGEST_VALUE, MOST_VALUES, CommentWriter
from pipeline.workflow import classify

ODD_TEXTS = [
    "nul \0 in the middle",
    "an emoji 😀, an accent é and an e\u0301, and \u202eturned round",
    "a long cell " * 200_000,
    "lines\r\nof\rall\nkinds\t\u2028",
    "'quotes' \"of\" `all` kinds; DROP TABLE comments; --",
    "",
    "<script>alert(1)</script> | pipe",
    "None",
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a small model, and quick settings."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "feedback.toml").write_text(SETTINGS_FILE, encoding="utf-8")
    book = write_codebook(folder / "book.toml", codebook(facet()))
    coded = write_coded(folder / "coded.csv", corpus().comments)
    call_well("train", "--corpus", coded, "--codebook", book, "--out", "models/small", "--quiet", folder=folder)
    return folder


def tables(run):
    """All that `comments.db` holds."""
    db = sqlite3.connect(run / "comments.db")
    found = {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in ("comments", "given", "details", "meta")}
    db.close()
    return found


# ---- kept as it is -------------------------------------------------------------------------------------------------


def test_odd_texts_come_back_to_the_letter(tmp_path):
    others = {'a "b"': "\0", "emoji 😀": "é\n", "": "x"}
    with Review(
        make_run(tmp_path / "run", [row(n, text, others=others) for n, text in enumerate(ODD_TEXTS)])
    ) as review:
        assert [line.text for line in review.all_lines()] == ODD_TEXTS
        assert [line.others for line in review.all_lines()] == [others] * len(ODD_TEXTS)
        for n, text in enumerate(ODD_TEXTS[:2], 1):
            assert review.numbers(Query(text=text)) == [n]


def test_a_half_letter_that_no_file_can_hold_becomes_a_question_mark(tmp_path):
    """Excel may cut an emoji in two; one such cell must not lose the whole run."""
    odd = "half \ud83d of it"
    rows = [row(1, odd, question=odd, others={"Ward": odd, odd: "x"}, why={"topic": {"transport": (odd, [odd])}})]
    with Review(make_run(tmp_path / "run", rows)) as review:
        view = review.comment(1)
        plain = "half ? of it"
        assert (view.line.text, view.line.question) == (plain, plain)
        assert view.why == {"topic": {"transport": (plain, (plain,))}}
        assert review.numbers(Query(text=odd)) == [1]


def test_every_table_holds_what_was_written(tmp_path):
    rows = [
        row(
            1,
            "a b  c",
            unsure=0.25,
            doubts=("one", "two (topic)"),
            copies=-7,
            campaign=4,
            given={"topic": ["parks", "housing"]},
        ),
        row(2, given={"who": ["parks"], "topic": []}, near=np.array([3]), similarity=np.array([0.5])),
    ]
    found = tables(make_run(tmp_path / "run", rows, [2, 1]))
    question = "What should change?"
    assert found["comments"] == [
        (1, "r1-q1", "r1", question, "a b  c", 3, -7, 4, "one|two (topic)", 0.25, 2, "{}"),
        (2, "r2-q1", "r2", question, "More buses please", 3, None, None, "", 0.5, 1, "{}"),
    ]
    assert found["given"] == [
        ("topic", "housing", 1, 1, 0.8, "machine"),
        ("topic", "parks", 1, 0, 0.9, "machine"),
        ("who", "parks", 2, 0, 0.9, "respondent"),
    ]
    blobs = [[len(blob) for blob in details[1:5]] for details in found["details"]]
    assert blobs == [[18, 0, 0, 0], [18, 0, 4, 2]]
    assert {key: json.loads(value) for key, value in found["meta"]} == {
        "codes": CODES,
        "thresholds": {facet_id: [0.5] * 3 for facet_id in CODES},
        "facet_columns": {"who": "I am"},
        "others": [],
        "model": {"name": "invented", "sha256": "0"},
        "format": 2,
        "comments": 2,
        "groups": {},
    }


def test_columns_that_people_can_be_grouped_by_are_told_with_their_values_most_frequent_first(tmp_path):
    columns = {
        "ward": lambda n: ("Bow", " Bow ", "Old Ford", "")[n % 4],
        "same": lambda n: "yes",
        "unique": str,
        "many": lambda n: str(n % (MOST_VALUES + 1)),
        "enough": lambda n: str(n % MOST_VALUES),
        "long": lambda n: "x" * (LONGEST_VALUE + n % 2),
        "blank": lambda n: " ",
    }
    rows = [row(n, others={name: cell(n) for name, cell in columns.items()}) for n in range(200)]
    with Review(make_run(tmp_path / "run", rows)) as review:
        groups = review.store.meta("groups")
        assert (groups["ward"], list(groups)) == (["Bow", "Old Ford"], ["ward", "enough"])
        assert len(review.numbers(Query(column="ward", group="Bow"))) == 100


def test_the_least_sure_come_first_and_the_rest_after_them(tmp_path):
    writer = CommentWriter(tmp_path / "comments.db", {})
    vectors = np.eye(4, dtype=np.float32)
    writer.add([row(n, unsure=unsure, vector=vectors[n - 1]) for n, unsure in enumerate((0.1, 0.9, 0.9, 0.5), 1)])
    n, unsure, found = writer.most_unsure(3)
    assert (n.tolist(), unsure.tolist(), found.tolist()) == ([2, 3, 4], [0.9, 0.9, 0.5], vectors[[1, 2, 3]].tolist())
    assert list(writer.rest({2, 3, 4})) == [1]
    writer.close()


def test_an_export_without_a_comment_to_code_still_makes_a_run(tmp_path):
    with Review(make_run(tmp_path / "run", [])) as review:
        assert (review.total, review.page(Query()).lines, list(review.all_lines())) == (0, (), [])
        assert review.counts() == {"all": 0, "waiting": 0, "doubtful": 0, "decided": 0, "changed": 0}


# ---- whole or not there --------------------------------------------------------------------------------------------


def export(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(["id", "text"])
        written.writerows((n, f"The bus number {n} is late and the park is shut") for n in range(rows))
    return path


def left(folder):
    """What stands in a folder, hidden or not."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_run_and_its_copy_are_the_same(shop, tmp_path, feedback):
    export(tmp_path / "export.csv", 30)
    for name in ("one", "two"):
        done = feedback("classify", tmp_path / "export.csv", "--out", tmp_path / name, "--quiet", folder=shop)
        assert done.exit_code == 0, done.output
    assert tables(tmp_path / "one") == tables(tmp_path / "two")
    with Review(tmp_path / "one") as review, (tmp_path / "one/coded.csv").open(encoding="utf-8", newline="") as file:
        coded = list(csv.DictReader(file))
        lines = list(review.all_lines())
        assert [line.comment_id for line in lines] == [one["comment_id"] for one in coded]
        names = {code.id: code.name for code in review.codebook.facet[0].code}
        assert ["|".join(names[code] for code in line.facets["topic"].codes) for line in lines] == [
            one["topic"] for one in coded
        ]
        assert ["|".join(line.doubts) for line in lines] == [one["doubts"] for one in coded]
        assert sorted(review.numbers(Query())) == list(range(1, 31))


@contextmanager
def a_small_disk(size):
    """Where no file can grow beyond so many bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(sys.platform == "win32", reason="this system limits no file")
@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_a_disk_that_fills_up_is_told_in_one_line_and_leaves_nothing(shop, tmp_path, feedback, share):
    """Wherever it falls: at the first table, among the comments, or at the indexes in the end."""
    export(tmp_path / "export.csv", 300)
    out = tmp_path / "runs" / "full"
    feedback("classify", tmp_path / "export.csv", "--out", tmp_path / "whole", "--quiet", folder=shop)
    with a_small_disk(int(share * (tmp_path / "whole" / "comments.db").stat().st_size)):
        done = feedback("classify", tmp_path / "export.csv", "--out", out, "--quiet", folder=shop)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1), done.output
    assert done.stderr.startswith(f"Error: {out}: cannot be written (")
    assert done.stderr.endswith("). Fix: free some space, or choose another folder\n")
    assert left(tmp_path / "runs") == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), MemoryError()])
def test_a_run_that_is_interrupted_leaves_nothing(shop, tmp_path, stop):
    export(tmp_path / "export.csv", 30)
    seen = []

    def progress(step, done, total):
        if step == "coding comments":
            seen.extend(tmp_path.glob("runs/.half.*/comments.db"))
            raise stop

    with pytest.raises(type(stop)):
        classify(
            tmp_path / "export.csv",
            tmp_path / "runs" / "half",
            QUICK,
            model=shop / "models" / "small",
            progress=progress,
        )
    assert len(seen) == 1  # it had begun
    assert left(tmp_path / "runs") == []


def test_a_half_made_folder_is_no_run(tmp_path):
    """As it stands where the power failed: without its name, and without the facts that come last."""
    writer = CommentWriter(tmp_path / "comments.db", {})
    writer.add([row(1)])
    writer.close()
    whole = make_run(tmp_path / "run", [row(1)])
    shutil.copy(tmp_path / "comments.db", whole / "comments.db")
    with pytest.raises(InputError) as error:
        Review(whole)
    assert str(error.value) == f"{whole / 'comments.db'}: is not whole: it lacks 'format'. Fix: code the export again"
