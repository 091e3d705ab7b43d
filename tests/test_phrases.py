"""Counts as they stand in a sentence: of one thing it is told as of one."""

import csv

import pytest
from invented import codebook, corpus, write_codebook, write_coded

from pipeline.counting.phrases import counted, were


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 comments"), (1, "1 comment"), (2, "2 comments"), (12_345, "12,345 comments")]
)
def test_one_is_told_as_one(count, words):
    assert counted(count, "comment") == words


def test_what_takes_no_s_is_named():
    assert [counted(n, "person", "people") for n in (1, 2)] == ["1 person", "2 people"]
    assert [were(n) for n in (0, 1, 2)] == ["were", "was", "were"]


def test_a_run_of_one_comment_is_told_as_one_by_every_command(feedback, tmp_path):
    (tmp_path / "feedback.toml").write_text('encoder = "none"\n', encoding="utf-8")
    write_codebook(tmp_path / "book.toml", codebook())
    write_coded(tmp_path / "coded.csv", corpus().comments)
    with (tmp_path / "one.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "views"], ["r1", "The bus is late again, mend the park too"]])
    quiet = ("--quiet", "--corpus", "coded.csv", "--codebook", "book.toml")
    assert feedback("train", *quiet, "--out", "models/first").exit_code == 0
    coded = feedback("classify", "one.csv", "--out", "run", "--question", "views", "--id", "id")
    assert "\n1 comment coded of 1 in 1 response (0 without content, 0 not in English, 0 blank answers, 0 rows " in (
        "\n" + coded.stderr
    )
    assert said(feedback("sheet", "run", "--out", "all.xlsx")) == "1 comment written to all.xlsx"
    drawn = said(feedback("check", "run", "--size", "1", "--out", "check.xlsx"))
    assert drawn == "1 comment drawn at random, written to check.xlsx"
    more = feedback("check", "run", "--size", "5", "--out", "more.xlsx")
    assert more.stderr == "Error: run: a sample of 5 cannot be drawn of 1 comment. Fix: choose a size from 1 to 1\n"
    given = said(feedback("export", "run", "--like", "one.csv", "--out", "like.csv"))
    assert given.startswith("1 row and ")
    assert given.endswith("like.csv: 1 comment coded, 0 of them decided by people.")
    tasks = said(feedback("label-studio", "export", "run", "--out", "tasks.json"))
    assert tasks.startswith("1 task: ")
    assert " for 1 comment written to log.xlsx; 0 are answered." in said(feedback("log", "run", "--out", "log.xlsx"))
    assert said(feedback("read-sheet", "run", "all.xlsx")).endswith(" of the 1 row says nothing new.")


def said(done):
    """The first line that a command told."""
    assert done.exit_code == 0, done.output
    return done.stderr.splitlines()[0]
