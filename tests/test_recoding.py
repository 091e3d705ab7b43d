import contextlib
import csv
import shutil
import sqlite3
from dataclasses import replace

import pytest
from decided import COMMENTS, code_export, decide, lines, make_office, manifest_of
from invented import QUICK, THINGS, codebook, coded, corpus, facet, write_codebook, write_coded

from pipeline.codebook import Code, Example, dump_codebook
from pipeline.coding.recoding import CodeChange, recode
from pipeline.errors import InputError, ModelError
from pipeline.reviewing.review import Review
from pipeline.stores.review_store import Store
from pipeline.workflow import train_model

LIGHTING = Code("lighting", "Lighting", examples=tuple(Example(f"The lamp in {place} is out") for place in "abc"))


def wider():
    """A codebook without parks, with a code for lamps and a facet more."""
    kept = tuple(code for code in facet().code if code.id != "parks")
    return codebook(replace(facet(), code=(*kept, LIGHTING)), facet("place", exclusive=True))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An office with three models: `first` coded the run, `second` is of the same codebook, `other` of another."""
    folder = tmp_path_factory.mktemp("made")
    with contextlib.chdir(folder):
        make_office(folder, QUICK)
        more = [coded(text, "housing", session=f"s{n}") for n, (text, _) in enumerate(COMMENTS) if "gran" in text]
        train_model(
            folder / "models/second",
            QUICK,
            [write_coded(folder / "more.csv", corpus(*more).comments)],
            folder / "book.toml",
        )
        train_model(folder / "models/other", QUICK, codebook_path=write_codebook(folder / "other.toml", wider()))
        code_export(folder, QUICK, "scored", model=folder / "models/first", scores=True)
        shutil.rmtree(folder / "runs/spring")
        code_export(folder, QUICK, model=folder / "models/first")
    return folder


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    """The run, in an office of one's own, in which the test works."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs" / "spring"


def rows_of(run):
    with (run / "coded.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def machine(run, facet="topic"):
    return {id_: frozenset(line.facets[facet].machine) for id_, line in lines(run).items()}


def again(run, model="second", **options):
    return recode(run, QUICK, run.parents[1] / "models" / model, **options)


def files(run):
    return {path.name: path.read_bytes() for path in run.iterdir() if path.name != "decisions.db"}


# ---- what is the same and what is new --------------------------------------------------------------------------------


def test_coding_again_gives_what_coding_the_export_with_that_model_gives(run):
    again(run)
    fresh = code_export(run.parents[1], QUICK, "fresh", model=run.parents[1] / "models/second")
    assert (run / "coded.csv").read_bytes() == (fresh / "coded.csv").read_bytes()
    dumps = []
    for one in (run, fresh):
        with contextlib.closing(sqlite3.connect(one / "comments.db")) as db:
            dumps.append(list(db.iterdump()))
    assert dumps[0] == dumps[1]


def test_what_changed_is_told_code_by_code(run):
    before = machine(run)
    found = again(run)
    after = machine(run)
    assert (found.model_before, found.model_after, found.comments) == ("first", "second", len(COMMENTS))
    assert found.changed == sum(before[id_] != after[id_] for id_ in before) > 0
    assert {one.code: one for one in found.codes} == {
        code: CodeChange(
            "topic",
            code,
            sum(code in codes for codes in before.values()),
            sum(code in codes for codes in after.values()),
            sum(code in after[id_] - before[id_] for id_ in before),
            sum(code in before[id_] - after[id_] for id_ in before),
        )
        for code in THINGS
    }
    assert found.words[0] == (
        f"first → second: {found.changed} of {len(COMMENTS)} comments have other codes now; no decisions"
    )


def test_decisions_stay_and_still_stand(run):
    decide(run, {"r0-q1": ["parks"], "r1-q1": []})
    before = (run / "rejects.csv").read_bytes()
    found = again(run)
    after = lines(run)
    assert [(after[f"r{n}-q1"].facets["topic"].codes, after[f"r{n}-q1"].facets["topic"].source) for n in (0, 1)] == [
        (("parks",), "person"),
        ((), "person"),
    ]
    assert (found.decided, found.homeless) == (2, {})
    assert (run / "rejects.csv").read_bytes() == before


def test_the_manifest_keeps_its_counts_and_lists_what_was_done(run):
    before = manifest_of(run)
    found = again(run)
    after = manifest_of(run)
    model = {"name": "second", "sha256": manifest_of(run.parents[1] / "models/second")["estimators_sha256"]}
    (done,) = after.pop("recoded")
    assert after == {**before, "model": model}
    assert (done["from"]["model"], done["to"]["model"], done["changed"]) == (before["model"], model, found.changed)
    again(run, "first")
    assert [one["to"]["model"]["name"] for one in manifest_of(run)["recoded"]] == ["second", "first"]


def test_coding_again_is_an_act_with_a_name(run):
    found = again(run, who="an analyst")
    with Store(run) as store:
        act = store.acts()[0]
    note = f"first → second: {found.changed} of {len(COMMENTS)} comments have other codes"
    assert (act["who"], act["how"], act["note"]) == ("an analyst", "recode", note)


def test_probabilities_of_all_codes_stay_in_the_table_where_they_were(run):
    assert "topic:parks" not in rows_of(run)[0]
    scored = run.parent / "scored"
    again(scored)
    assert list(rows_of(scored)[0])[-3:] == ["topic:transport", "topic:parks", "topic:housing"]


def test_the_current_model_is_used_where_none_is_named_and_without_any_that_is_told(run):
    (run.parents[1] / "models/current").write_text("second\n", encoding="utf-8")
    assert recode(run, QUICK).model_after == "second"
    shutil.rmtree(run.parents[1] / "models")
    with pytest.raises(ModelError, match="there is no model yet"):
        recode(run, QUICK)


# ---- another codebook ------------------------------------------------------------------------------------------------


def test_decisions_for_codes_the_new_codebook_lacks_are_kept_and_told(run):
    decide(run, {"r0-q1": ["parks", "housing"], "r1-q1": ["parks"], "r2-q1": ["transport"]})
    found = again(run, "other")
    assert (found.decided, found.homeless) == (3, {("topic", "parks"): 2})
    assert found.words[-1] == "topic parks: 2 decisions for it are kept, but the codebook has it no more"
    with Store(run) as store:
        assert [one.codes for one in store.standing()] == [("housing", "parks"), ("parks",), ("transport",)]
    assert {code for row in rows_of(run) for code in row["topic"].split("|")} <= {
        "Transport",
        "Housing",
        "Lighting",
        "",
    }
    again(run, "first")
    assert lines(run)["r1-q1"].facets["topic"].codes == ("parks",)


def test_a_model_with_other_facets_brings_its_columns_and_its_codebook(run):
    found = again(run, "other")
    with Review(run) as review:
        assert (list(review.coded_codes), review.codebook.digest) == (["topic", "place"], wider().digest)
    assert [name for name in rows_of(run)[0] if name.startswith("place")] == [
        "place",
        "place_probability",
        "place_source",
    ]
    assert {one.facet for one in found.codes} == {"topic", "place"}


@pytest.mark.parametrize(("edited", "added"), [(codebook(), True), (wider(), False)])
def test_the_models_codebook_follows_an_edited_one_that_lacks_codes_of_it(run, edited, added):
    with Store(run) as store:
        store.save_book("an analyst", dump_codebook(edited))
    assert again(run, "other").book_added is added
    with Review(run) as review:
        assert review.codebook.digest == wider().digest
        assert len(review.store.book_versions()) == 1 + added


def test_a_column_of_the_export_called_like_a_new_facet_is_renamed(run, tmp_path):
    (tmp_path / "export.csv").write_text(
        "id,views,place\n" + "".join(f"r{n},{text},over there\n" for n, (text, _) in enumerate(COMMENTS)),
        encoding="utf-8",
    )
    summer = code_export(tmp_path, QUICK, "summer", model=tmp_path / "models/first")
    again(summer, "other")
    assert {row["place (export)"] for row in rows_of(summer)} == {"over there"}
    assert manifest_of(summer)["renamed_columns"] == {"place": "place (export)"}
    again(summer, "first")
    assert manifest_of(summer)["renamed_columns"] == {"place": "place (export)"}


def test_what_respondents_said_of_themselves_stays_theirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wards = replace(facet("ward", exclusive=True, things={"bow": ("bow",), "poplar": ("poplar",)}))
    make_office(tmp_path, QUICK, book=codebook(facet(), wards))
    run = tmp_path / "runs/spring"
    assert manifest_of(run)["facet_columns"] == {"ward": "ward"}
    before = machine(run, "ward")
    found = again(run, "first")
    assert (machine(run, "ward"), found.changed) == (before, 0)
    assert manifest_of(run)["facet_columns"] == {"ward": "ward"}
    assert {row["ward_source"] for row in rows_of(run)} == {"given"}


# ---- going wrong -----------------------------------------------------------------------------------------------------


def test_whoever_reads_meanwhile_reads_on(run):
    before = machine(run)
    with Review(run) as review:
        first = review.lines([1])
        again(run)
        assert {line.comment_id: frozenset(line.facets["topic"].machine) for line in review.all_lines()} == before
        assert review.lines([1]) == first
        decide(run, {"r0-q1": ["parks"]})
        assert review.lines([1])[0].facets["topic"].codes == ("parks",)
    assert machine(run) != before


def test_a_model_that_cannot_be_loaded_leaves_the_run_as_it_was(run):
    before = files(run)
    (run.parents[1] / "models/second/estimators.skops").write_bytes(b"")
    with pytest.raises(ModelError):
        again(run)
    assert files(run) == before


def test_what_is_no_run_is_told(run, tmp_path):
    with pytest.raises(InputError, match="is no run folder"):
        recode(tmp_path / "models", QUICK)
    (run / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"is damaged .*Fix: put back a copy of it"):
        again(run)


def test_a_run_of_an_earlier_version_is_coded_again_and_its_decisions_stay(run):
    decide(run, {"r1-q1": ("housing",)})
    with contextlib.closing(sqlite3.connect(run / "comments.db")) as db:
        db.execute("DROP INDEX comments_campaign")
        db.execute("ALTER TABLE comments DROP COLUMN campaign")
        db.execute("UPDATE meta SET value = '1' WHERE key = 'format'")
        db.commit()
    with pytest.raises(
        InputError, match=f"another version of this tool. Fix: code it again, decisions stay: .* {run}$"
    ):
        Review(run)
    assert recode(run, QUICK).decided == 1
    with Review(run) as review:
        assert [one.codes for one in review.store.standing()] == [("housing",)]
