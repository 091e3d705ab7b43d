import contextlib
import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from decided import COMMENTS, code_export, decide, lines, make_office
from invented import QUICK, codebook, coded, facet, write_codebook, write_coded

from pipeline.codebook import Code, dump_codebook, load_codebook
from pipeline.correcting.material import (
    CheckedComment,
    DecidedComment,
    KeptFile,
    decided_run,
    material_of_model,
    material_with_runs,
)
from pipeline.errors import InputError, ModelError
from pipeline.exports.responses import file_digest
from pipeline.learning.corpus import Corpus, read_corpora
from pipeline.learning.learned import corpus_of
from pipeline.learning.model_store import FORMAT
from pipeline.settings import shipped
from pipeline.stores.review_store import Store
from pipeline.workflow import train_model


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    with contextlib.chdir(folder):
        make_office(folder, QUICK)
    return folder


@pytest.fixture
def office(made, tmp_path, monkeypatch):
    """An office of one's own, in which the test works; gives its run."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs" / "spring"


def id_of(n):
    return f"r{n}-q1"


def with_code(code="lighting", name="topic"):
    """The codebook with a further code, which nobody has an example of."""
    old = facet(name)
    return codebook(replace(old, code=(*old.code, Code(code, code.title()))))


# ---- one run ---------------------------------------------------------------------------------------------------------


def test_a_decided_comment_is_coded_by_people_and_comes_from_its_respondent(office):
    decide(office, {id_of(0): ["parks", "housing"], id_of(1): []})
    found = decided_run(office, codebook())
    assert found.comments == tuple(
        DecidedComment(COMMENTS[n][0], {"topic": codes}, f"spring r{n}", id_of(n), "views", run="runs/spring")
        for n, codes in ((0, ("housing", "parks")), (1, ()))
    )
    assert (found.decisions, found.checked, found.unseen, found.dropped) == (2, (), frozenset(), {})


def test_what_was_taken_back_teaches_nothing(office):
    decide(office, {id_of(0): ["parks"], id_of(1): ["parks"]})
    decide(office, {id_of(1): ["housing"]})
    with Store(office) as store:
        store.undo("an analyst")
        store.undo("an analyst")
    assert decided_run(office, codebook()).comments == ()


def test_the_check_sample_and_what_says_the_same_only_measure(office, tmp_path):
    again = COMMENTS[0][0].upper() + "!!"
    with (tmp_path / "export.csv").open("a", encoding="utf-8") as file:
        file.write(f"r90,{again},Bow\n")
    run = code_export(tmp_path, QUICK, "summer")
    decide(run, {id_of(0): ["parks"], id_of(2): ["parks"], id_of(90): ["parks"]})
    with Store(run) as store:
        store.draw("an analyst", [id_of(0), id_of(3)])
        for coder, codes in (("first", ["housing"]), ("second", [])):
            store.check(coder, "screen", [(id_of(0), "topic", codes)])
    found = decided_run(run, codebook())
    assert [comment.id for comment in found.comments] == [id_of(2)]
    assert found.checked == (CheckedComment(COMMENTS[0][0], "views", "summer r0", {"topic": (("housing",), ())}),)
    assert found.unseen == {COMMENTS[0][0].lower(), COMMENTS[3][0].lower()}


def test_of_a_campaign_one_comment_teaches(tmp_path, office):
    text = "Save our library from the builders please"
    with (tmp_path / "export.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"c{n},{text}{'!' * (n % 3)},Bow\n" for n in range(8))
    run = code_export(tmp_path, QUICK, "summer")
    decide(run, {f"c{n}-q1": ["parks"] for n in range(7)} | {"c7-q1": ["housing"]})
    assert [(c.id, c.codes["topic"]) for c in decided_run(run, codebook()).comments] == [
        ("c0-q1", ("parks",)),
        ("c7-q1", ("housing",)),
    ]


def test_decisions_for_codes_and_facets_the_codebook_lacks_are_told(office):
    decide(office, {id_of(0): ["parks", "lighting"], id_of(1): ["lighting"]})
    decide(office, {id_of(2): ["red"]}, facet="colour")
    found = decided_run(office, codebook())
    assert {comment.id: comment.codes for comment in found.comments} == {
        id_of(0): {"topic": ("parks",)},
        id_of(1): {"topic": ()},
    }
    assert found.dropped == {("topic", "lighting"): 2}


# ---- all of it -------------------------------------------------------------------------------------------------------


def test_decisions_are_added_to_what_the_current_model_learned_from(office):
    decide(office, {id_of(0): ["parks"]})
    material = material_with_runs([office], QUICK)
    assert material.everything.comments[:-1] == material.corpus.comments
    assert len(material.corpus.comments) == 40
    assert [comment.id for comment in material.decided] == [id_of(0)]
    assert material.everything.comments[-1] == material.decided[0]
    assert material.runs_as_json() == [{"run": "runs/spring", "decisions": 1, "comments": 1}]


def test_a_corpus_that_is_named_takes_the_place_of_the_current_one(office, tmp_path):
    decide(office, {id_of(0): ["parks"]})
    other = write_coded(tmp_path / "other.csv", [coded("Lamps are out", "parks", session="a")])
    assert [c.text for c in material_with_runs([office], QUICK, [other]).everything.comments] == [
        "Lamps are out",
        COMMENTS[0][0],
    ]


def test_corpus_comments_that_say_what_the_check_sample_says_do_not_teach(office):
    decide(office, {id_of(0): ["parks"]})
    said = COMMENTS[1][0]
    write_coded(office.parents[1] / "more.csv", [coded(said, "parks"), coded("Lamps are out", "parks")])
    with Store(office) as store:
        store.draw("an analyst", [id_of(1)])
    material = material_with_runs([office], QUICK, [office.parents[1] / "more.csv"])
    assert [c.text for c in material.everything.comments] == ["Lamps are out", COMMENTS[0][0]]


def test_earlier_runs_are_learned_from_again_and_those_gone_are_told(office, tmp_path):
    decide(office, {id_of(0): ["parks"]})
    train_model(tmp_path / "models/second", QUICK, runs=[office])
    later = code_export(tmp_path, QUICK, "summer")
    decide(later, {id_of(1): ["housing"]})
    found = material_with_runs([later], QUICK)
    assert [(c.id, c.run) for c in found.decided] == [(id_of(0), "runs/spring"), (id_of(1), "runs/summer")]
    assert found.missing == ()
    shutil.rmtree(office)
    found = material_with_runs([later], QUICK)
    assert ([c.run for c in found.decided], found.missing) == (["runs/summer"], ("runs/spring",))


def test_the_codebook_is_the_one_edited_in_the_run(office):
    book = with_code()
    with Store(office) as store:
        store.save_book("an analyst", dump_codebook(book))
    decide(office, {id_of(0): ["lighting"]})
    material = material_with_runs([office], QUICK)
    assert material.codebook.digest == book.digest
    assert material.decided[0].codes == {"topic": ("lighting",)}
    assert len(material.corpus.comments) == 40, "old comments count as not having the new code"


def test_runs_with_different_codebooks_need_one_to_be_named(office, tmp_path):
    other = code_export(tmp_path, QUICK, "summer")
    with Store(other) as store:
        store.save_book("an analyst", dump_codebook(with_code()))
    for run in (office, other):
        decide(run, {id_of(0): ["parks"]})
    with pytest.raises(InputError) as error:
        material_with_runs([office, other], QUICK)
    assert str(error.value) == (
        f"{other}: has another codebook than {office}. Fix: name the codebook to use with --codebook FILE"
    )
    book = write_codebook(tmp_path / "new.toml", with_code())
    assert len(material_with_runs([office, other], QUICK, book=book).runs) == 2


def test_a_code_taken_out_of_the_codebook_is_taken_out_of_the_corpus_now_and_later(office, tmp_path):
    old = facet()
    smaller = codebook(replace(old, code=old.code[:2]))
    with Store(office) as store:
        store.save_book("an analyst", dump_codebook(smaller))
    decide(office, {id_of(0): ["parks"]})
    material = material_with_runs([office], QUICK)
    assert {code for c in material.everything.comments for code in c.codes["topic"]} == {"transport", "parks"}
    train_model(tmp_path / "models/second", QUICK, runs=[office])
    again = material_of_model(tmp_path / "models/second", smaller)
    assert again.everything.comments == material.everything.comments


def test_nothing_decided_is_told(office):
    with pytest.raises(InputError) as error:
        material_with_runs([office], QUICK)
    assert str(error.value) == (
        f"{office}: nobody has decided anything to learn from yet. Fix: feedback review {office}"
    )


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_text("text,topic\nOne more,parks\n")])
def test_in_place_of_a_corpus_file_that_is_gone_or_has_changed_the_models_copy_teaches(office, tmp_path, change):
    decide(office, {id_of(0): ["parks"]})
    before = material_with_runs([office], QUICK)
    digest = file_digest(tmp_path / "coded.csv")
    change(tmp_path / "coded.csv")
    after = material_with_runs([office], QUICK)
    assert after.everything.comments == before.everything.comments
    assert (before.kept, after.everything.files) == ((), ())
    assert after.kept == (KeptFile("coded.csv", digest, "first"),)
    trained = train_model(tmp_path / "models/second", QUICK, runs=[office])
    assert (trained.comments, trained.kept) == (41, after.kept)
    manifest = json.loads((tmp_path / "models/second/manifest.json").read_text(encoding="utf-8"))
    assert manifest["corpus"] == [{"file": "coded.csv", "sha256": digest, "learned_from": "first"}]
    again = material_of_model(tmp_path / "models/second", codebook(), or_its_copy=True)
    assert again.files.comments == before.files.comments
    assert again.kept == (KeptFile("coded.csv", digest, "second"),)


def test_a_copy_holds_all_that_a_corpus_file_says(office, tmp_path):
    rows = [
        ["text", "topic", "topic_reviewed", "weight", "question", "session", "id", "ward"],
        ["The bus is late", "transport", "parks|transport", "2.5", "What now?", "north", "7", "=1+1"],
        ["Mend the swings", "parks", "", "1", "", "south", "8", "Mend the swings"],
        ["The bus is late again", "transport", "transport", "", "", "east", "9", ""],
        ["Mend the park gate", "", "parks", "", "", "west", "10", ""],
    ]
    with (tmp_path / "more.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    train_model(tmp_path / "models/more", QUICK, [tmp_path / "more.csv"], tmp_path / "book.toml")
    said = read_corpora([tmp_path / "more.csv"], codebook())
    assert [vars(one) for one in corpus_of(tmp_path / "models/more")] == [vars(one) for one in said.comments]


def test_a_model_of_an_earlier_version_kept_too_little(office, tmp_path):
    decide(office, {id_of(0): ["parks"]})
    (tmp_path / "coded.csv").unlink()
    copy = tmp_path / "models/first/learned.csv"
    rows = [row[:-1] for row in csv.reader(copy.read_text(encoding="utf-8").splitlines())]
    with copy.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(ModelError) as error:
        material_with_runs([office], QUICK)
    assert str(error.value) == (
        "coded.csv: was changed or moved since the model was trained. Fix: name what to learn from with --corpus FILE"
    )


def test_the_shipped_corpus_is_known_by_what_it_holds_wherever_the_model_was_made(tmp_path):
    file = shipped("corpus/engagement.csv")
    learned_from = [{"file": "elsewhere/engagement.csv", "sha256": file_digest(file)}]
    manifest = {"format": FORMAT, "corpus": learned_from, "comments": 1}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    shutil.copy(shipped("corpus/codebook.toml"), tmp_path)
    assert material_of_model(tmp_path, load_codebook(tmp_path / "codebook.toml")).corpus.files == (file,)


def test_a_model_that_learned_from_decisions_says_so(office, tmp_path):
    decide(office, {id_of(n): [code] for n, (_, code) in enumerate(COMMENTS[:9])})
    trained = train_model(tmp_path / "models/second", QUICK, runs=[office])
    assert (trained.comments, trained.decided) == (49, 9)
    card = (tmp_path / "models/second/card.md").read_text(encoding="utf-8")
    assert "40 coded comments from 4 named sources, 9 comments that people decided while reading, and " in card
    assert [line.comment_id for line in lines(office).values() if line.decided] == [id_of(n) for n in range(9)]


def test_without_runs_a_corpus_is_what_it_was(office, tmp_path):
    material = material_of_model(tmp_path / "models/first", codebook())
    assert (material.everything, material.decided, material.checked) == (material.files, (), ())
    assert isinstance(material.files, Corpus)
