"""`feedback evaluate`: the scores promised to scripts, and that held-out comments are judged by models that saw neither
their session nor their text."""

import dataclasses
import json

import pytest
from conftest import call_well
from invented import SETTINGS_FILE, codebook, coded, corpus, facet, write_codebook, write_coded

from pipeline.codebook import Example, Facet

BOOK = ["--codebook", "book.toml"]
HOLD_OUT = ["--hold-out", "session", "--quiet", "--json"]
RIGHT = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 12}


def falcons(*sessions):
    """Comments with words that no other comment has."""
    return [coded("Falcons nest up there", "parks", session=session) for session in sessions]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with settings, codebook and corpus, and a model of them."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "feedback.toml").write_text(SETTINGS_FILE, encoding="utf-8")
    write_codebook(folder / "book.toml", codebook())
    write_coded(folder / "coded.csv", corpus(*falcons("north", "north", "north")).comments)
    write_coded(folder / "plain.csv", corpus().comments)
    call_well("train", "--corpus", "coded.csv", *BOOK, "--out", "models/mine", "--quiet", folder=folder)
    return folder


@pytest.fixture
def facets(feedback, trained):
    """Calls `evaluate` with the arguments, which must succeed, and gives the facets of what it printed."""

    def call(*arguments):
        result = feedback("evaluate", *arguments, folder=trained)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return json.loads(result.stdout)["facets"]

    return call


def told(result):
    """What was said in one line on standard error by a command that failed as it should."""
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    return result.stderr.removeprefix("Error: ").removesuffix("\n")


# ---- what is printed -------------------------------------------------------------------------------------------------


def test_the_scores_as_json_are_all_that_is_printed_and_named_as_promised(feedback, trained):
    result = feedback("evaluate", "plain.csv", "--corpus", "plain.csv", *BOOK, *HOLD_OUT, folder=trained)
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "facets": {
            "topic": {
                "n": 40,
                "micro_f1": 1.0,
                "macro_f1": 1.0,
                "sample_f1": 1.0,
                "top1": 1.0,
                "top2": 1.0,
                "codes": {"transport": RIGHT, "parks": RIGHT, "housing": RIGHT},
                "confusions": [],
            }
        },
        "agreement": {},
        "seen": 0,
    }


def test_the_scores_for_people_are_a_table(feedback, trained):
    result = feedback("evaluate", "coded.csv", "--hold-out", "session", "--quiet", folder=trained)
    assert told(result).startswith("coded.csv: has no column of codes. Fix: add a column called 'principle' or ")
    result = feedback("evaluate", "coded.csv", "--hold-out", "session", "--model", "models/mine", folder=trained)
    assert (result.exit_code, result.stdout.splitlines()[0].split(":")[0]) == (0, "topic")
    assert [line.split() for line in result.stdout.splitlines()[1:5]] == [
        ["code", "precision", "recall", "F1", "support"],
        ["transport", "1.00", "1.00", "1.00", "12"],
        ["parks", "1.00", "0.80", "0.89", "15"],
        ["housing", "1.00", "1.00", "1.00", "12"],
    ]


def test_published_and_reviewed_codes_are_each_scored_and_their_agreement_told(feedback, trained):
    lines = ["text,topic,topic_reviewed", "The bus,transport,transport", "The park,parks,housing", "The rent,,housing"]
    (trained / "both.csv").write_text("\n".join(lines), encoding="utf-8")
    result = feedback("evaluate", "both.csv", "--json", folder=trained)
    printed = json.loads(result.stdout)
    assert list(printed["facets"]) == ["topic", "topic_reviewed"]
    assert [printed["facets"][name]["codes"]["housing"]["support"] for name in printed["facets"]] == [0, 2]
    agreed = {"n": 3, "main": pytest.approx(1 / 3), "any": pytest.approx(1 / 3)}
    agreed |= {"macro_f1": pytest.approx((1 + 0) / 2), "sample_f1": pytest.approx(1 / 3)}
    assert printed["agreement"] == {"topic": agreed}
    assert feedback("evaluate", "both.csv", folder=trained).stdout.splitlines()[-1] == (
        "The ceiling: “topic” and “topic_reviewed” agree on the main code of 33% of the comments (macro-F1 0.50)."
    )


# ---- what flatters ---------------------------------------------------------------------------------------------------


def test_comments_that_the_model_has_seen_are_warned_of(feedback, trained):
    result = feedback("evaluate", "coded.csv", "--json", folder=trained)
    assert result.stderr == (
        "Warning: the model has learned from 43 of these 43 comments, so the scores flatter it. "
        "For honest ones add --hold-out session.\n"
    )
    assert json.loads(result.stdout)["seen"] == 43
    quiet = feedback("evaluate", "coded.csv", "--json", "--quiet", folder=trained)
    assert (quiet.stderr, quiet.stdout) == ("", result.stdout)


def test_seen_is_what_says_the_same_whatever_its_case_and_punctuation(feedback, trained):
    lines = ["text,topic", "FALCONS nest up there!!,parks", "A falcon was seen here,parks"]
    (trained / "some.csv").write_text("\n".join(lines), encoding="utf-8")
    result = feedback("evaluate", "some.csv", folder=trained)
    assert result.stderr.startswith("Warning: the model has learned from 1 of these 2 comments, ")


def test_comments_that_the_model_has_not_seen_are_not_warned_of(feedback, trained):
    (trained / "new.csv").write_text("text,topic\nWhen does the bus come?,transport\n", encoding="utf-8")
    result = feedback("evaluate", "new.csv", "--json", folder=trained)
    assert (result.exit_code, result.stderr, json.loads(result.stdout)["seen"]) == (0, "", 0)


# ---- holding out -----------------------------------------------------------------------------------------------------


def parks(scores):
    """Hits and comments of the code `parks`."""
    one = scores["topic"]["codes"]["parks"]
    return round(one["recall"] * one["support"]), one["support"]


def test_each_session_is_judged_by_a_model_that_has_not_seen_it(facets):
    assert parks(facets("coded.csv", "--quiet", "--json")) == (15, 15)
    held_out = facets("coded.csv", "--model", "models/mine", *HOLD_OUT)
    assert (held_out["topic"]["n"], parks(held_out)) == (43, (12, 15))


def test_a_text_said_in_several_sessions_is_out_of_training_with_each(facets, trained):
    write_coded(trained / "four.csv", corpus(*falcons("north", "south", "east", "west")).comments)
    held_out = facets("four.csv", "--corpus", "four.csv", *BOOK, *HOLD_OUT)
    assert (held_out["topic"]["n"], parks(held_out)) == (44, (12, 16))


def test_a_text_that_is_judged_is_not_learned_from_another_file(facets, trained):
    write_coded(trained / "asked.csv", falcons("north", "south"))
    write_coded(trained / "known.csv", corpus(*falcons("elsewhere", "", "elsewhere", "a third place")).comments)
    held_out = facets("asked.csv", "--corpus", "known.csv", *BOOK, *HOLD_OUT)
    assert (held_out["topic"]["n"], parks(held_out)) == (2, (0, 2))


def test_a_text_that_is_judged_is_not_learned_from_the_codebook(facets, trained):
    transport, own, housing = facet().code
    own = dataclasses.replace(own, examples=(*own.examples, Example("Falcons nest up there!")))
    write_codebook(trained / "told.toml", codebook(Facet("topic", "Topic", (transport, own, housing))))
    held_out = facets("coded.csv", "--corpus", "coded.csv", "--codebook", "told.toml", *HOLD_OUT)
    assert parks(held_out) == (12, 15)


def test_the_file_that_is_judged_teaches_nothing(facets, trained):
    write_coded(trained / "asked.csv", falcons("north", "south", "east"))
    held_out = facets("asked.csv", "--corpus", "plain.csv", *BOOK, *HOLD_OUT)
    assert (held_out["topic"]["n"], parks(held_out)) == (3, (0, 3))


def test_comments_without_a_session_are_judged_too_by_a_model_without_any_such(facets, trained):
    write_coded(trained / "blank.csv", corpus(*falcons("", "", "")).comments)
    held_out = facets("blank.csv", "--corpus", "blank.csv", *BOOK, *HOLD_OUT)
    assert (held_out["topic"]["n"], parks(held_out)) == (43, (12, 15))


def test_any_column_of_both_files_can_be_held_out(facets, trained):
    rows = (trained / "coded.csv").read_text(encoding="utf-8").splitlines()
    wards = ["ward", *("Bow" if "Falcons" in row else "Poplar" for row in rows[1:])]
    lines = [f"{row},{ward}" for row, ward in zip(rows, wards, strict=True)]
    (trained / "wards.csv").write_text("\n".join(lines), encoding="utf-8")
    held_out = facets("wards.csv", "--corpus", "wards.csv", *BOOK, "--hold-out", "ward", "--quiet", "--json")
    assert (held_out["topic"]["n"], parks(held_out)) == (43, (12, 15))


def test_holding_out_gives_the_same_twice(facets):
    arguments = ["coded.csv", "--model", "models/mine", *HOLD_OUT]
    assert facets(*arguments) == facets(*arguments)


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["coded.csv", "--model", "models/mine", "--hold-out", "sesion"],
            "coded.csv: there is no column 'sesion'. Fix: hold out a column both files have",
        ),
        (
            ["coded.csv", "--corpus", "bare.csv", *BOOK, "--hold-out", "session"],
            "bare.csv: there is no column 'session'. Fix: hold out a column both files have",
        ),
        (
            ["coded.csv", "--model", "cold", "--hold-out", "session"],
            "cold: the model has no coded comments to hold out. Fix: evaluate without --hold-out",
        ),
        (
            ["coded.csv", "--model", "moved", "--hold-out", "session"],
            "moved.csv: was changed or moved since the model was trained. Fix: train it again",
        ),
        (["no.csv"], "no.csv: there is no such file. Fix: check the name and folder"),
    ],
)
def test_what_cannot_be_held_out_is_told_in_one_line(feedback, trained, arguments, message):
    (trained / "bare.csv").write_text("text,topic\nThe bus,transport\n", encoding="utf-8")
    for name, known in (("cold", []), ("moved", ["--corpus", "moved.csv"])):
        (trained / "moved.csv").write_text("text,topic\nThe bus,transport\n", encoding="utf-8")
        call_well("train", *known, *BOOK, "--out", name, "--replace", "--quiet", folder=trained)
    (trained / "moved.csv").write_text("text,topic\nThe bus,parks\n", encoding="utf-8")
    assert told(feedback("evaluate", *arguments, "--quiet", folder=trained)) == message
