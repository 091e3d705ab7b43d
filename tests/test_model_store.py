"""Model folders: what is saved is what is loaded, whatever else is refused, and nothing is ever half there."""

import functools
import hashlib
import json
import pickle
import shutil
import zipfile

import numpy as np
import pytest
from invented import QUICK, codebook, corpus, facet, write_codebook
from skops.io import dump

from pipeline.codebook import load_codebook
from pipeline.errors import ModelError, OutputError
from pipeline.learning.learned import Learned
from pipeline.learning.model_store import check_model_place, load_model, save_model, versions, whole_folder
from pipeline.learning.training import TrainedModel, train

TEXTS = ["The bus is late. And the park is shut, it has been for weeks on end", "Damp flat", "Thank you", ""]


class Harmful:
    """What no model holds."""

    def __init__(self):
        self.order = "delete all"


@pytest.fixture(scope="module")
def model():
    return train(corpus(), codebook(facet(), facet("place", exclusive=True)), QUICK).model


@pytest.fixture(scope="module")
def stored(model, tmp_path_factory):
    """The folder of the model, not to be changed."""
    folder = tmp_path_factory.mktemp("models") / "first"
    save_model(model, folder, {"made": "today"}, "# The card", replace=False)
    return folder


@pytest.fixture
def copied(stored, tmp_path):
    """A folder of the model, to be changed."""
    return shutil.copytree(stored, tmp_path / "copied")


def refusal(folder, book=None):
    with pytest.raises(ModelError) as error:
        load_model(folder, book)
    return str(error.value)


def write_digest(folder):
    """Makes the manifest name the digest of the estimators' file as it is now, as one who means harm would."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["estimators_sha256"] = hashlib.sha256((folder / "estimators.skops").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def files(folder):
    """All that is in a folder and below, hidden or not."""
    return {str(path.relative_to(folder)): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


# ---- there and back --------------------------------------------------------------------------------------------------


def test_a_loaded_model_codes_and_explains_as_the_saved_one(model, stored):
    loaded = load_model(stored).model
    before, after = model.features.transform(TEXTS), loaded.features.transform(TEXTS)
    assert after.whole.toarray().tolist() == before.whole.toarray().tolist()
    assert after.parts.toarray().tolist() == before.parts.toarray().tolist()
    for name in ("topic", "place"):
        coding, again = model.code(before)[name], loaded.code(after)[name]
        assert again.codes == coding.codes
        assert again.probability.tolist() == coding.probability.tolist()
        assert again.given.tolist() == coding.given.tolist()
        assert loaded.reasons(name, TEXTS, after, again) == model.reasons(name, TEXTS, before, coding)
    assert loaded.codebook == model.codebook


def test_a_model_folder_holds_what_is_promised(model, stored):
    learned = ["learned.csv", "learned.npy"]
    assert sorted(files(stored)) == ["card.md", "codebook.toml", "estimators.skops", *learned, "manifest.json"]
    assert (stored / "card.md").read_text(encoding="utf-8") == "# The card"
    assert json.loads((stored / "manifest.json").read_text(encoding="utf-8")) == {
        "format": 3,
        "corpus": [],
        "comments": 0,
        "made": "today",
        "codebook_digest": model.codebook.digest,
        "estimators_sha256": hashlib.sha256((stored / "estimators.skops").read_bytes()).hexdigest(),
        "learned_sha256": [hashlib.sha256((stored / name).read_bytes()).hexdigest() for name in learned],
        "versions": versions(),
    }
    assert load_model(stored).digest == json.loads((stored / "manifest.json").read_text())["estimators_sha256"]


def test_the_comments_learned_from_are_not_in_the_estimators(stored):
    with zipfile.ZipFile(stored / "estimators.skops") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"The damp flat is worse than it was last year" not in content
    assert b"left_out" not in content


def test_the_codebook_asked_for_must_be_the_models_own(stored, tmp_path):
    own = write_codebook(tmp_path / "own.toml", codebook(facet(), facet("place", exclusive=True)))
    assert load_model(stored, load_codebook(own)).folder == stored
    assert refusal(stored, codebook()) == (
        f"{stored}: was trained with another codebook than the one given. "
        "Fix: train again with this codebook: feedback train --codebook FILE --out DIR"
    )


# ---- what is refused -------------------------------------------------------------------------------------------------


def test_a_folder_that_is_no_model_is_refused_with_how_to_make_one(tmp_path):
    message = "{0}: is not a model folder. Fix: make one: feedback train --out {0}"
    assert refusal(tmp_path) == message.format(tmp_path)
    assert refusal(tmp_path / "none") == message.format(tmp_path / "none")


def damage(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def lose(name):
    return lambda folder: (folder / name).unlink()


def change(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes().replace(b"transport", b"transpost"))


def add_to(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes() + b" ")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (add_to("estimators.skops"), "was changed after it was made"),
        (change("codebook.toml"), "was changed after it was made"),
        (lose("estimators.skops"), "is damaged (estimators.skops: No such file or directory)"),
        (lose("codebook.toml"), "is damaged (codebook.toml: there is no such codebook)"),
        (damage("codebook.toml", b"\xff"), "is damaged (codebook.toml: is not UTF-8 text)"),
        (
            damage("codebook.toml", b"name = "),
            "is damaged (codebook.toml: is not valid TOML: Invalid value (at end of document))",
        ),
        (
            damage("manifest.json", b"{"),
            "is damaged (manifest.json: Expecting property name enclosed in double quotes: line 1 column 2 (char 1))",
        ),
        (damage("manifest.json", b"[]"), "was made by another version of this tool"),
        (damage("manifest.json", b'{"format": 4}'), "was made by another version of this tool"),
        (damage("manifest.json", b'{"format": 3}'), "is damaged (manifest.json lacks what it learned from)"),
        (damage("manifest.json", b'{"format": 3, "corpus": [], "comments": 1}'), "was changed after it was made"),
        (add_to("learned.csv"), "was changed after it was made"),
        (add_to("learned.npy"), "was changed after it was made"),
        (lose("learned.csv"), "is damaged (learned.csv: No such file or directory)"),
        (lose("learned.npy"), "is damaged (learned.npy: No such file or directory)"),
    ],
)
def test_a_model_that_is_not_as_it_was_made_is_refused(copied, harm, message):
    harm(copied)
    assert refusal(copied) == f"{copied}: {message}. Fix: train it again"


def test_a_model_from_before_it_kept_what_it_learned_from_is_refused(copied):
    manifest = json.loads((copied / "manifest.json").read_text(encoding="utf-8"))
    del manifest["learned_sha256"]
    (copied / "manifest.json").write_text(json.dumps({**manifest, "format": 2}), encoding="utf-8")
    for name in ("learned.csv", "learned.npy"):
        (copied / name).unlink()
    assert refusal(copied) == f"{copied}: was made by another version of this tool. Fix: train it again"


def test_a_model_keeps_what_it_learned_from_with_the_codes_of_each_facet(model, tmp_path):
    vectors = np.eye(3, dtype=np.float16)
    codes = {"topic": (("transport", "parks"), (), None), "place": (("housing",), None, ())}
    learned = Learned(("The bus\r\nis late", "=1+1", 'Say "no", please'), ("north", "", "-"), codes, vectors)
    save_model(model, tmp_path / "kept", {}, "", replace=False, learned=learned)
    loaded = load_model(tmp_path / "kept")
    assert (loaded.learned.texts, loaded.learned.sources) == (learned.texts, learned.sources)
    assert loaded.learned.codes == codes
    assert loaded.learned.vectors.tolist() == vectors.tolist()
    known = {facet: np.nan_to_num(of, nan=-1).tolist() for facet, of in loaded.known.items()}
    assert known == {"topic": [[1, 1, 0], [0, 0, 0], [-1] * 3], "place": [[0, 0, 1], [-1] * 3, [0, 0, 0]]}


def test_a_model_without_its_card_can_still_be_used(copied):
    (copied / "card.md").unlink()
    assert load_model(copied).folder == copied


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (Harmful(), "['test_model_store.Harmful']"),
        (functools.partial(print, "harm"), "['builtins.print', 'functools.partial']"),
    ],
)
def test_an_object_that_is_not_on_the_list_is_refused_by_name(copied, model, content, names):
    dump({"features": content, "classifiers": model.classifiers}, copied / "estimators.skops")
    write_digest(copied)
    assert refusal(copied) == (
        f"{copied}: holds what no model holds: Untrusted types found in the file: {names}. "
        "Fix: delete it and train again"
    )


def test_a_pickle_is_refused_and_not_run(copied, model):
    (copied / "estimators.skops").write_bytes(pickle.dumps({"features": model.features, "classifiers": {}}))
    write_digest(copied)
    assert refusal(copied) == f"{copied}: is damaged (estimators.skops: File is not a zip file). Fix: train it again"


@pytest.mark.parametrize(
    "content", [[1, 2], {"features": 3, "classifiers": {}}, {"classifiers": {}}, {"features": None}]
)
def test_a_file_of_other_things_is_refused(copied, content):
    dump(content, copied / "estimators.skops")
    write_digest(copied)
    assert refusal(copied).startswith(f"{copied}: is damaged (estimators.skops: ")


def test_half_a_file_is_refused(copied):
    whole = (copied / "estimators.skops").read_bytes()
    (copied / "estimators.skops").write_bytes(whole[: len(whole) // 2])
    write_digest(copied)
    assert refusal(copied) == f"{copied}: is damaged (estimators.skops: File is not a zip file). Fix: train it again"


def test_a_model_of_another_sentence_encoder_is_refused(model, tmp_path):
    features = type(model.features)(encoder="minilm").fit(["The bus"])
    features.encoder_digest_ = "of another build"
    folder = tmp_path / "other"
    save_model(TrainedModel(model.codebook, features, model.classifiers), folder, {}, "", replace=False)
    assert refusal(folder) == f"{folder}: was trained with another sentence encoder. Fix: train it again"


# ---- written whole ---------------------------------------------------------------------------------------------------


def test_a_folder_has_its_name_only_when_all_is_written(tmp_path):
    folder = tmp_path / "new"
    with whole_folder(folder) as made:
        (made / "file").write_text("all")
        assert not folder.exists()
    assert files(tmp_path) == {"new": False, "new/file": b"all"}
    assert folder.stat().st_mode & 0o777 == 0o755


def fill(folder, replace, stop):
    """Begins to fill a folder and is stopped."""
    with whole_folder(folder, replace) as made:
        (made / "file").write_text("half")
        raise stop


@pytest.mark.parametrize("stop", [ValueError("a bug"), KeyboardInterrupt(), MemoryError(), SystemExit(3)])
@pytest.mark.parametrize("replace", [False, True])
def test_what_is_stopped_in_the_middle_leaves_nothing_behind_and_takes_nothing_away(tmp_path, stop, replace):
    folder = tmp_path / "model"
    if replace:
        folder.mkdir()
        (folder / "file").write_text("old")
    before = files(tmp_path)
    with pytest.raises(type(stop)):
        fill(folder, replace, stop)
    assert files(tmp_path) == before


def test_a_disk_that_is_full_is_told(tmp_path):
    with pytest.raises(OutputError) as error, whole_folder(tmp_path / "model"):
        raise OSError(28, "No space left on device")
    assert str(error.value) == (
        f"{tmp_path / 'model'}: cannot be written (No space left on device). "
        "Fix: free some space, or choose another folder"
    )
    assert files(tmp_path) == {}


def test_a_folder_is_replaced_as_a_whole_and_only_when_asked(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").write_text("old")
    with (
        pytest.raises(OutputError, match=r"is there already. Fix: choose another name, or add --replace"),
        whole_folder(folder),
    ):
        pass
    assert files(tmp_path) == {"model": False, "model/old": b"old"}
    with whole_folder(folder, replace=True) as made:
        (made / "new").write_text("new")
    assert files(tmp_path) == {"model": False, "model/new": b"new"}


def test_what_was_there_stays_where_the_new_folder_cannot_take_its_name(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").write_text("old")
    with pytest.raises(OutputError, match="cannot be written"), whole_folder(folder, replace=True) as made:
        made.rmdir()
    assert files(tmp_path) == {"model": False, "model/old": b"old"}


@pytest.mark.parametrize("replace", [False, True])
def test_a_folder_or_file_that_is_no_model_is_never_replaced(model, tmp_path, replace):
    folder, file = tmp_path / "mine", tmp_path / "notes.txt"
    folder.mkdir()
    (folder / "work").write_text("mine")
    file.write_text("mine")
    before = files(tmp_path)
    for place in (folder, file):
        with pytest.raises(OutputError) as error:
            save_model(model, place, {}, "", replace=replace)
        assert str(error.value) == f"{place}: is there and is not a model. Fix: choose another folder with --out"
    assert files(tmp_path) == before


def test_a_model_is_replaced_only_when_asked(model, copied):
    with pytest.raises(OutputError, match="is there already"):
        save_model(model, copied, {}, "new", replace=False)
    assert (copied / "card.md").read_text() == "# The card"
    save_model(model, copied, {}, "new", replace=True)
    assert (copied / "card.md").read_text() == "new"
    assert load_model(copied).manifest["codebook_digest"] == model.codebook.digest


def test_the_same_model_is_the_same_estimators(model, stored, tmp_path):
    again = train(corpus(), codebook(facet(), facet("place", exclusive=True)), QUICK).model
    save_model(again, tmp_path / "again", {}, "", replace=False)
    before, after = load_model(stored).model, load_model(tmp_path / "again").model
    for name in before.classifiers:
        assert np.array_equal(before.classifiers[name].coef_, after.classifiers[name].coef_)
    assert before.features.words_.vocabulary_ == after.features.words_.vocabulary_


def test_a_run_is_never_taken_for_a_model_nor_replaced_by_one(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("manifest.json", "coded.csv", "decisions.db"):
        (run / name).write_text("{}", encoding="utf-8")
    assert refusal(run) == f"{run}: is a run, not a model. Fix: name a model: feedback models list"
    with pytest.raises(OutputError) as told:
        check_model_place(run, replace=True)
    assert str(told.value) == f"{run}: is there and is not a model. Fix: choose another folder with --out"
    assert sorted(path.name for path in run.iterdir()) == ["coded.csv", "decisions.db", "manifest.json"]
