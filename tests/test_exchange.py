"""A run goes to Label Studio and comes back, through the command line."""

import json
import shutil

import pytest

from pipeline.reviewing.review import Review
from pipeline.stores.review_records import Choice


@pytest.fixture
def run(sample_run, tmp_path):
    return shutil.copytree(sample_run, tmp_path / "run")


@pytest.fixture
def tasks(run, feedback, tmp_path):
    """The tasks of the run, as Label Studio would export them: each with an id, and room for annotations."""
    result = feedback("label-studio", "export", run, "--out", "tasks.json")
    assert (result.exit_code, result.stdout) == (0, ""), result.output
    return [{"id": n, **task} for n, task in enumerate(json.loads((tmp_path / "tasks.json").read_text("utf-8")), 1)]


def annotate(task, who="a.coder@example.org", **chosen):
    result = [
        {"from_name": facet, "to_name": "comment_text", "type": "choices", "value": {"choices": list(codes)}}
        for facet, codes in chosen.items()
    ]
    at = "2026-03-01T10:00:00Z"
    task["annotations"] = [{"completed_by": {"email": who}, "result": result, "created_at": at, "updated_at": at}]


def take_back(feedback, tmp_path, run, tasks):
    path = tmp_path / "project.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return feedback("label-studio", "import", run, path, "--who", "an analyst")


def test_every_comment_goes_out_with_the_codes_and_probabilities_of_the_machine(run, tasks):
    with Review(run) as review:
        lines = list(review.all_lines())
    assert [task["data"]["comment_id"] for task in tasks] == [line.comment_id for line in lines]
    first = {r["from_name"]: r for r in tasks[0]["predictions"][0]["result"]}
    codes = lines[0].facets["theme"]
    assert first["theme"]["value"]["choices"] == list(codes.machine)
    assert first["theme"]["score"] == pytest.approx(codes.probability[0], abs=1e-4)


def test_what_was_decided_there_is_a_decision_here(run, tasks, feedback, tmp_path):
    annotate(tasks[0], theme=["housing"], principle=[])
    result = take_back(feedback, tmp_path, run, tasks)
    assert (result.exit_code, result.stderr) == (
        0,
        "252 tasks, 251 without annotation, 0 skipped; 2 codings saved, 0 were so already.\n",
    )
    with Review(run) as review:
        made = {one.facet: one for one in review.store.history(tasks[0]["data"]["comment_id"])}
    assert {facet: (one.codes, one.who, one.how) for facet, one in made.items()} == {
        "principle": ((), "a.coder@example.org", "label studio"),
        "theme": (("housing",), "a.coder@example.org", "label studio"),
    }
    again = take_back(feedback, tmp_path, run, tasks)
    assert "0 codings saved, 2 were so already" in again.stderr


def test_what_was_decided_here_meanwhile_stands_and_is_told(run, tasks, feedback, tmp_path):
    annotate(tasks[0], theme=["housing"], principle=[])
    comment = tasks[0]["data"]["comment_id"]
    with Review(run) as review:
        review.store.decide("another analyst", "screen", [Choice(comment, "theme", ("health",))], 0)
    result = take_back(feedback, tmp_path, run, tasks)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "252 tasks, 251 without annotation, 0 skipped; 1 coding saved, 0 were so already.",
        f"Not saved, {comment}, theme: the file says housing; another analyst decided meanwhile: health",
    ]


def test_a_later_word_there_replaces_an_earlier_one_here(run, feedback, tmp_path):
    with Review(run) as review:
        comment = next(review.all_lines()).comment_id
        review.store.decide("an analyst", "screen", [Choice(comment, "theme", ("health",))], 0)
    result = feedback("label-studio", "export", run, "--out", "later.json")
    assert result.exit_code == 0
    tasks = [{"id": n, **task} for n, task in enumerate(json.loads((tmp_path / "later.json").read_text("utf-8")), 1)]
    annotate(tasks[0], theme=["housing"])
    assert "2 codings saved" in take_back(feedback, tmp_path, run, tasks).stderr
    with Review(run) as review:
        assert review.store.history(comment)[-1].codes == ("housing",)


def test_a_file_of_another_run_is_refused_and_nothing_is_saved(run, tasks, feedback, tmp_path):
    annotate(tasks[0], theme=["housing"])
    tasks[0]["data"]["comment_id"] = "elsewhere-1"
    result = take_back(feedback, tmp_path, run, tasks[:1])
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {tmp_path / 'project.json'}: holds no comment of this run. Fix: name the run it was made of\n",
    )


def test_an_unknown_code_is_told_and_nothing_is_saved(run, tasks, feedback, tmp_path):
    annotate(tasks[0], theme=["housing"])
    annotate(tasks[1], theme=["hosing"])
    result = take_back(feedback, tmp_path, run, tasks)
    assert result.exit_code == 1
    assert "'hosing' is no code of facet 'theme'. Fix: did you mean 'housing'?" in result.stderr
    with Review(run) as review:
        assert list(review.store.decisions()) == []


def test_what_is_there_is_not_written_over(run, feedback, tmp_path):
    (tmp_path / "tasks.json").write_text("mine", encoding="utf-8")
    result = feedback("label-studio", "export", run, "--out", "tasks.json")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: tasks.json: is there already. Fix: choose another name, ending in .json\n",
    )
