"""The commands that review a run, learn from it and code it again, as they are called and what they tell."""

import contextlib
import json
import re
import shutil
import socket

import openpyxl
import pytest
from decided import COMMENTS, decide, lines, make_office, manifest_of
from invented import QUICK, SETTINGS_FILE, THINGS

from pipeline.learning.model_store import current_model
from pipeline.reviewing.review import Review
from pipeline.stores.review_store import Store

RUN, ALL = "runs/spring", len(COMMENTS)
RIGHT = {f"r{n}-q1": [code] for n, (_, code) in enumerate(COMMENTS)}
NEXT = {"transport": "parks", "parks": "housing", "housing": "transport"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An office with a model `first`, which is always right about its run of 27 comments."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "feedback.toml").write_text(SETTINGS_FILE, encoding="utf-8")
    with contextlib.chdir(folder):
        make_office(folder, QUICK)
    return folder


@pytest.fixture
def office(made, tmp_path):
    """The same office: one's own, in which commands are called."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def run(office):
    return office / RUN


def said(result):
    """What a command that did its work said, all of it on standard error."""
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    return result.stderr


def told(result):
    """What was said in one line on standard error by a command that failed as it should."""
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    return result.stderr.removeprefix("Error: ").removesuffix("\n")


def fill(path, *rows):
    """Fills rows of a workbook by their comment, the other cells by the names of their columns."""
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    columns = {cell.value: cell.column for cell in page[1]}
    places = {page.cell(row, columns["Comment id"]).value: row for row in range(2, page.max_row + 1)}
    for comment_id, cells in rows:
        for name, value in cells.items():
            page.cell(places[comment_id], columns[name]).value = value
    book.save(path)


def standing(run):
    with Store(run) as store:
        return {one.comment_id: (one.codes, one.who) for one in store.standing()}


@pytest.fixture
def taken_port():
    """A port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


# ---- what cannot be done ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["models", "nowhere"])
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("review", []),
        ("sheet", ["--out", "new.xlsx"]),
        ("check", ["--size", "3", "--out", "new.xlsx"]),
        ("read-sheet", ["new.xlsx"]),
        ("recode", []),
        ("train", ["--out", "models/new", "--run"]),
    ],
)
def test_a_folder_that_is_no_run_is_told_and_nothing_is_made(feedback, office, command, folder, options):
    before = sorted(office.rglob("*"))
    arguments = [command, *options, folder] if command == "train" else [command, folder, *options]
    fix = "make one with feedback classify EXPORT --out RUN"
    assert told(feedback(*arguments)) == f"{folder}: is no run folder. Fix: {fix}"
    assert sorted(office.rglob("*")) == before


def test_a_port_that_is_taken_is_told(feedback, office, taken_port):
    refused = f"127.0.0.1, port {taken_port}: cannot be had (Address already in use). Fix: choose another"
    assert told(feedback("serve", "runs", "--no-browser", "--port", taken_port)) == refused
    result = feedback("review", RUN, "--no-browser", "--port", taken_port)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{ALL} comments, 0 decided, 0 to read.\nError: {refused}\n"


def test_others_are_let_in_by_a_password_only(feedback, office, taken_port, monkeypatch):
    monkeypatch.delenv("FEEDBACK_PASSWORD", raising=False)
    everywhere = ["serve", "runs", "--no-browser", "--host", "0.0.0.0", "--port", taken_port]
    assert told(feedback(*everywhere)) == (
        "0.0.0.0: others could reach the comments, and nobody is there to set a password. "
        "Fix: set a password for all who review in FEEDBACK_PASSWORD"
    )
    monkeypatch.setenv("FEEDBACK_PASSWORD", "a word for us")
    assert told(feedback(*everywhere)).startswith(f"0.0.0.0, port {taken_port}: cannot be had")


@pytest.mark.parametrize("port", ["-1", "65536", "web"])
def test_a_port_that_is_none_is_wrong_usage(feedback, office, port):
    assert feedback("serve", "runs", "--no-browser", "--port", port).exit_code == 2


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("export.csv", "is a file. Fix: name the folder that holds the runs"),
        (RUN, f"is a run, not a folder of runs. Fix: feedback review {RUN}, or name the folder it is in"),
    ],
)
def test_a_file_or_a_run_is_no_folder_of_runs(feedback, office, place, message):
    assert told(feedback("serve", place, "--no-browser")) == f"{place}: {message}"


@pytest.mark.parametrize("option", ["--use", "--no-use"])
def test_whether_a_model_is_used_is_asked_only_of_one_that_learned_from_runs(feedback, office, option):
    result = feedback("train", "--out", "models/new", option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[0] == "Usage: main train [OPTIONS]"
    assert result.stderr.splitlines()[-1] == ("Error: --use and --no-use go with --run; else see: feedback models use")
    assert not (office / "models/new").exists()


# ---- Excel -----------------------------------------------------------------------------------------------------------


def test_a_sheet_goes_out_and_comes_back_and_what_was_decided_meanwhile_stands(feedback, run):
    out = ["--out", "spring.xlsx", "--who", "An analyst"]
    assert said(feedback("sheet", RUN, *out)) == (
        f"{ALL} comments written to spring.xlsx\nTake it back with: feedback read-sheet {RUN} spring.xlsx\n"
    )
    path = run.parents[1] / "spring.xlsx"
    fill(path, ("r0-q1", {"Topic 1": "Parks"}), ("r1-q1", {"Topic 1": "Housing"}), ("r2-q1", {"Checked": "yes"}))
    decide(run, {"r1-q1": ["parks"]}, who="A colleague")
    with Store(run) as store:
        (theirs,) = store.history("r1-q1")
    place = next(
        row[0].row for row in openpyxl.load_workbook(path).worksheets[0].iter_rows() if row[0].value == "r1-q1"
    )
    clash = (
        f"Not saved, row {place} (r1-q1), Topic: the sheet says 'Housing'; A colleague decided on "
        f"{theirs.at[:16].replace('T', ' ')}: 'Parks', which stands\n"
    )
    back = ["read-sheet", RUN, "spring.xlsx", "--who", "An analyst"]
    assert said(feedback(*back)) == (
        f"2 codings saved for An analyst, 0 were so already; 24 of the {ALL} rows say nothing new.\n{clash}"
    )
    assert standing(run) == {
        "r0-q1": (("parks",), "An analyst"),
        "r1-q1": (("parks",), "A colleague"),
        "r2-q1": (("transport",), "An analyst"),
    }
    assert said(feedback(*back, "--quiet")) == clash  # which is no message of progress
    result = feedback(*back, "--quiet", "--json")
    found = json.loads(result.stdout)
    assert (found["saved"], found["unchanged"], found["silent"], len(found["conflicts"])) == (0, 2, 24, 1)


def test_a_sheet_is_not_written_over_one_that_somebody_may_have_filled_in(feedback, office):
    (office / "spring.xlsx").write_text("somebody's work", encoding="utf-8")
    assert told(feedback("sheet", RUN, "--out", "spring.xlsx")) == (
        "spring.xlsx: is there already. Fix: choose another name: somebody may have filled it in"
    )
    assert (office / "spring.xlsx").read_text(encoding="utf-8") == "somebody's work"


def test_what_in_a_sheet_cannot_be_read_is_told_and_the_rest_is_saved(feedback, run):
    said(feedback("sheet", RUN, "--out", "spring.xlsx"))
    fill(run.parents[1] / "spring.xlsx", ("r0-q1", {"Topic 1": "Parcs"}), ("r1-q1", {"Topic 1": "Housing"}))
    result = feedback("read-sheet", RUN, "spring.xlsx", "--who", "An analyst", "--quiet")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Not read, row 2 (r0-q1): 'Parcs' is no code of Topic. Fix: did you mean 'Parks'?\n"
    assert standing(run) == {"r1-q1": (("housing",), "An analyst")}


def test_a_check_sheet_is_blind_and_what_comes_back_is_measured_not_learned(feedback, run):
    decide(run, RIGHT)
    who = ["--who", "A coder"]
    drawn, buys, back = said(feedback("check", RUN, "--size", "5", "--out", "check.xlsx", *who)).splitlines()
    assert drawn == "5 comments drawn at random, written to check.xlsx"
    assert re.fullmatch(r"What a sample buys, [^:]*: (for ±(10|5|3) points read about \d+(; )?)+\.", buys)
    assert back == f"Take it back with: feedback read-sheet {RUN} check.xlsx"
    path = run.parents[1] / "check.xlsx"
    head, *rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    assert head == ("Comment id", "Comment", "Question", "Topic 1", "Topic 2", "Topic 3", "Checked", "Note")
    drawn = [cells[0] for cells in rows]
    texts = {id_: line.text for id_, line in lines(run).items()}
    assert rows == [(id_, texts[id_], "views", None, None, None, None, None) for id_ in drawn]
    before = standing(run)
    fill(path, *((id_, {"Topic 1": RIGHT[id_][0].title()}) for id_ in drawn[:3]), (drawn[3], {"Checked": "yes"}))
    assert said(feedback("read-sheet", RUN, "check.xlsx", *who)) == (
        "4 codings saved for A coder, 0 were so already; 1 of the 5 rows says nothing new.\n"
    )
    with Store(run) as store:
        checked = {one.comment_id: one.codes for one in store.check_codes("A coder")}
    assert checked == {id_: tuple(RIGHT[id_]) for id_ in drawn[:3]} | {drawn[3]: ()}
    assert standing(run) == before
    assert told(feedback("check", RUN, "--size", ALL + 1, "--out", "more.xlsx", *who)) == (
        f"{RUN}: a sample of {ALL + 1} cannot be drawn of {ALL} comments. Fix: choose a size from 1 to {ALL}"
    )


# ---- learning --------------------------------------------------------------------------------------------------------


def trained(feedback, *options, decided=ALL):
    """Trains `second` with the decisions of the run; gives what was said after how much it learned."""
    lead, *rest = said(feedback("train", "--run", RUN, "--out", "models/second", *options)).splitlines()
    assert lead == (
        f"Learned from {40 + decided} coded comments, {decided} of them decided in runs, and 18 examples of the "
        "codebook."
    )
    return rest


def test_a_model_that_learned_from_a_run_is_compared_and_used_where_it_is_not_worse(feedback, run):
    decide(run, RIGHT)
    assert trained(feedback) == [
        "  topic: macro-F1 1.00 on sources not seen",
        "Model folder: models/second   Card: models/second/card.md",
        "3 more comparisons show no clear difference: models/second/comparison.json",
        "second is current: it is not worse than the one before.",
        "0 labels it disputes: models/second/possible_mistakes.csv",
        f"Next: feedback recode {RUN}",
    ]
    assert current(run) == "second"


def current(run):
    with contextlib.chdir(run.parents[1]):
        return current_model(QUICK).name


def test_a_model_that_is_not_to_be_used_is_not_and_it_is_told_how_it_can_be(feedback, run):
    decide(run, RIGHT)
    assert trained(feedback, "--no-use")[-3:] == [
        "second is not current: as told.",
        "To use it all the same: --model models/second, or feedback models use second",
        "0 labels it disputes: models/second/possible_mistakes.csv",
    ]
    assert current(run) == "first"


def test_a_model_that_learns_from_a_run_needs_no_name(feedback, run):
    decide(run, RIGHT)
    told_at_the_end = said(feedback("train", "--run", RUN, "--no-use")).splitlines()[-3:]
    assert told_at_the_end == [
        "first-2 is not current: as told.",
        "To use it all the same: --model models/first-2, or feedback models use first-2",
        "0 labels it disputes: models/first-2/possible_mistakes.csv",
    ]
    without_run = feedback("train")
    assert (without_run.exit_code, without_run.stderr.splitlines()[-1]) == (2, "Error: Missing option '--out'.")


def test_training_with_a_run_as_json_prints_the_comparison_and_nothing_else(feedback, run):
    decide(run, RIGHT)
    result = feedback("train", "--run", RUN, "--out", "models/second", "--use", "--quiet", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    folder = run.parents[1] / "models/second"
    assert json.loads(result.stdout) == {
        "model": "models/second",
        "facets": manifest_of(folder)["scores"],
        "agreement": {},
        "used": True,
        "why": "as told",
        "comparison": json.loads((folder / "comparison.json").read_text(encoding="utf-8")),
    }


def test_labels_that_the_model_disputes_are_listed_the_run_s_own_first(feedback, run):
    decide(run, RIGHT | {"r4-q1": ["housing"]})
    trained(feedback)
    result = feedback("models", "mistakes", "second", "--most", "1")
    first, text = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert first[4:] == "  topic: people housing; the model parks  [r4-q1]"
    assert text == f"      {COMMENTS[4][0]}"
    (found,) = json.loads(feedback("models", "mistakes", "second", "--most", "1", "--json").stdout)
    assert f"{found.pop('sure'):.2f}" == first[:4]
    assert found == {
        "text": COMMENTS[4][0],
        "facet": "topic",
        "people": ["housing"],
        "model": ["parks"],
        "source": found["source"],
        "id": "r4-q1",
        "run": RUN,
    }


def test_a_model_without_disputes_or_that_is_not_there_is_told(feedback, office):
    assert said(feedback("models", "mistakes", "first")) == "It disputes none, or was trained without --run.\n"
    message = "models: there is no model 'third'. Fix: use one of: first"
    assert told(feedback("models", "mistakes", "third")) == message


# ---- coding again ----------------------------------------------------------------------------------------------------


def test_a_run_coded_again_tells_what_changed_and_keeps_what_was_decided(feedback, run):
    decide(run, {id_: [NEXT[code]] for id_, (code,) in RIGHT.items()})
    trained(feedback, "--use")
    before = standing(run)
    was = {id_: line.facets["topic"].machine for id_, line in lines(run).items()}
    result = feedback("recode", RUN, "--who", "An analyst", "--json")
    found = json.loads(result.stdout)
    now = {id_: line.facets["topic"].machine for id_, line in lines(run).items()}
    assert (result.exit_code, found["changed"]) == (0, sum(set(was[id_]) != set(now[id_]) for id_ in was))
    assert found["changed"] > 0, "the model learned nothing"
    lead, *codes = result.stderr.splitlines()
    assert lead == (
        f"first → second: {found['changed']} of {ALL} comments have other codes now; {ALL} comments with decisions kept"
    )
    assert sorted(codes) == sorted(
        f"topic {one['code']}: {one['before']} → {one['after']} (+{one['gained']}, −{one['lost']})"
        for one in found["codes"]
        if one["gained"] or one["lost"]
    )
    assert {one["code"] for one in found["codes"]} == set(THINGS)
    assert standing(run) == before
    with Review(run) as review:
        assert (review.counts()["decided"], review.store.acts()[0]["who"]) == (ALL, "An analyst")


@pytest.mark.parametrize("model", ["models/first", "first"])
def test_a_run_may_be_coded_again_by_the_model_named(feedback, run, model):
    decide(run, RIGHT)
    trained(feedback)
    back = ["recode", RUN, "--model", model]
    assert said(feedback("recode", RUN, "--quiet")) == ""
    assert said(feedback(*back)) == (
        f"second → first: 0 of {ALL} comments have other codes now; {ALL} comments with decisions kept\n"
    )
    assert manifest_of(run)["model"]["name"] == "first"
    assert told(feedback("recode", RUN, "--model", "models/third")).startswith("models/third: is not a model folder")
