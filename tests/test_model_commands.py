"""`feedback train` and `feedback models`: what a model folder records, which one is current, and going back."""

import hashlib
import json
import os
import shutil

import pytest
from conftest import call_well
from invented import SETTINGS_FILE, THINGS, codebook, corpus, write_codebook, write_coded

from pipeline.learning.model_store import load_model

MADE = "2026-01-02T03:04:05+00:00"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with settings, codebook, corpus and export, and two models, of which `later` is the newer."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "feedback.toml").write_text(SETTINGS_FILE, encoding="utf-8")
    write_codebook(folder / "book.toml", codebook())
    write_coded(folder / "coded.csv", corpus().comments)
    (folder / "export.csv").write_text("id,What should change?\n1,The bus is never on time\n", encoding="utf-8")
    options = ["--codebook", "book.toml", "--quiet", "--out"]
    call_well("train", "--corpus", "coded.csv", *options, "models/early", folder=folder)
    call_well("train", *options, "models/later", folder=folder)
    return folder


@pytest.fixture
def office(trained, tmp_path):
    """A copy of that folder, to be changed, in which both models have the same known time in their manifest."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    for place, name in enumerate(("early", "later")):
        path = tmp_path / "models" / name / "manifest.json"
        manifest = {**json.loads(path.read_text(encoding="utf-8")), "made": MADE}
        path.write_text(json.dumps(manifest), encoding="utf-8")
        os.utime(path, (place, place))
    return tmp_path


def told(result):
    """What was said in one line on standard error by a command that failed as it should."""
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    return result.stderr.removeprefix("Error: ").removesuffix("\n")


def listed(feedback, folder):
    result = feedback("models", "list", "--json", folder=folder)
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def current(feedback, folder):
    return [model["name"] for model in listed(feedback, folder) if model["current"]]


# ---- training --------------------------------------------------------------------------------------------------------


def test_the_manifest_of_a_model_says_what_it_was_made_from(trained):
    manifest = json.loads((trained / "models/early/manifest.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((trained / "coded.csv").read_bytes()).hexdigest()
    assert {name: manifest[name] for name in ("codebook", "corpus", "comments", "examples", "facets", "seed")} == {
        "codebook": "book.toml",
        "corpus": [{"file": "coded.csv", "sha256": digest}],
        "comments": 40,
        "examples": 18,
        "facets": {"topic": list(THINGS)},
        "seed": 20240723,
    }
    assert manifest["codebook_digest"] == codebook().digest
    assert manifest["scores"]["topic"]["n"] == 40
    assert manifest["agreement"] == {}
    cold = json.loads((trained / "models/later/manifest.json").read_text(encoding="utf-8"))
    assert (cold["corpus"], cold["comments"], cold["scores"]["topic"]["n"]) == ([], 0, 18)


def test_training_tells_where_the_model_is_and_how_good(feedback, office):
    options = ["--corpus", "coded.csv", "--codebook", "book.toml", "--out", "models/third"]
    result = feedback("train", *options, folder=office)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-3:] == [
        "Learned from 40 coded comments and 18 examples of the codebook.",
        "  topic: macro-F1 1.00 on sources not seen",
        "Model folder: models/third   Card: models/third/card.md",
    ]


def test_training_as_json_prints_the_scores_and_nothing_else(feedback, office):
    options = ["--corpus", "coded.csv", "--codebook", "book.toml", "--out", "models/third", "--quiet", "--json"]
    result = feedback("train", *options, folder=office)
    assert (result.exit_code, result.stderr) == (0, "")
    scores = json.loads((office / "models/third/manifest.json").read_text(encoding="utf-8"))["scores"]
    assert json.loads(result.stdout) == {"model": "models/third", "facets": scores, "agreement": {}}


def test_a_fast_model_holds_the_table_of_word_vectors_whatever_the_settings_say(feedback, office):
    result = feedback("train", "--fast", "--codebook", "book.toml", "--out", "models/third", folder=office)
    assert (result.exit_code, result.stdout) == (0, "")
    assert load_model(office / "models/third").model.features.encoder == "static"
    coded = feedback("classify", "export.csv", "--model", "models/third", "--out", "run", folder=office)
    assert coded.exit_code == 0
    assert (office / "run" / "coded.csv").is_file()


def test_training_tells_where_another_model_stays_current(feedback, office):
    feedback("models", "use", "early", folder=office)
    result = feedback("train", "--codebook", "book.toml", "--out", "models/third", folder=office)
    assert result.stderr.splitlines()[-1] == (
        "Another model is current. To use this one: --model models/third, or feedback models use third"
    )
    assert current(feedback, office) == ["early"]


def test_a_model_is_trained_again_in_its_place_only_when_asked(feedback, office):
    options = ["train", "--codebook", "book.toml", "--out", "models/early", "--quiet"]
    before = (office / "models/early/manifest.json").read_bytes()
    assert told(feedback(*options, folder=office)) == (
        "models/early: is there already. Fix: choose another name, or add --replace"
    )
    assert (office / "models/early/manifest.json").read_bytes() == before
    assert feedback(*options, "--replace", folder=office).exit_code == 0
    assert json.loads((office / "models/early/manifest.json").read_text(encoding="utf-8"))["comments"] == 0
    assert sorted(path.name for path in (office / "models").iterdir()) == ["early", "later"]


# ---- which model is current ------------------------------------------------------------------------------------------


def test_without_a_model_it_is_told_how_to_make_one(feedback, tmp_path):
    result = feedback("models", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No model in models yet. Make one: feedback train --out models/mine\n"
    assert listed(feedback, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_until_one_is_chosen_the_newest_model_is_current(feedback, office):
    assert listed(feedback, office) == [
        {"name": "early", "made": MADE, "current": False},
        {"name": "later", "made": MADE, "current": True},
    ]
    os.utime(office / "models/early/manifest.json", (9, 9))
    assert current(feedback, office) == ["early"]


def test_the_model_chosen_is_current_and_so_is_the_way_back(feedback, office):
    for name in ("early", "later", "early"):
        result = feedback("models", "use", name, folder=office)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"Current model: models/{name}\n")
        assert current(feedback, office) == [name]
    assert sorted(path.name for path in (office / "models").iterdir()) == ["current", "early", "later"]


def test_the_list_for_people_marks_the_current_model(feedback, office):
    feedback("models", "use", "early", folder=office)
    result = feedback("models", "list", folder=office)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["early", MADE, "40", "coded", "comments", "current"],
        ["later", MADE, "0", "coded", "comments"],
    ]


def test_an_export_is_coded_by_the_current_model_unless_another_is_named(feedback, office):
    feedback("models", "use", "early", folder=office)
    options = ["--question", "What should change?", "--id", "id", "--quiet", "--out"]
    feedback("classify", "export.csv", *options, "first", folder=office)
    feedback("classify", "export.csv", "--model", "models/later", *options, "second", folder=office)
    manifests = [
        json.loads((office / run / "manifest.json").read_text(encoding="utf-8")) for run in ("first", "second")
    ]
    assert [manifest["model"]["name"] for manifest in manifests] == ["early", "later"]


@pytest.mark.parametrize("name", ["third", "encoder", "..", "../models/early", "", "current"])
def test_a_model_that_is_not_there_cannot_be_chosen(feedback, office, name):
    assert told(feedback("models", "use", name, folder=office)) == (
        f"models: there is no model {name!r}. Fix: use one of: early, later"
    )
    assert current(feedback, office) == ["later"]


def test_a_chosen_model_that_is_gone_is_told_and_nothing_is_used_in_its_place(feedback, office):
    feedback("models", "use", "early", folder=office)
    shutil.rmtree(office / "models/early")
    message = "models: the current model 'early' is gone. Fix: feedback models use one of: later"
    options = ["--question", "What should change?", "--out", "run"]
    for arguments in (["models", "list"], ["evaluate", "coded.csv"], ["classify", "export.csv", *options]):
        assert told(feedback(*arguments, folder=office)) == message
    assert feedback("models", "use", "later", folder=office).exit_code == 0
    assert current(feedback, office) == ["later"]


def test_a_damaged_model_is_listed_as_such_beside_the_others(feedback, office):
    (office / "models/early/manifest.json").write_text("{", encoding="utf-8")
    os.utime(office / "models/early/manifest.json", (0, 0))
    result = feedback("models", "list", folder=office)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["early", "damaged:", "train", "it", "again"],
        ["later", MADE, "0", "coded", "comments", "current"],
    ]
