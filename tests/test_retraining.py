import contextlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from decided import COMMENTS, code_export, decide, make_office, manifest_of
from invented import QUICK, THINGS, codebook, coded, corpus, facet, write_coded

from pipeline.codebook import Code, Example, dump_codebook
from pipeline.correcting.comparison import CHECK, CORPUS, DECIDED, TOGETHER
from pipeline.correcting.material import Material, decided_run
from pipeline.correcting.mistakes import read_mistakes
from pipeline.correcting.rivals import compare
from pipeline.errors import InputError, ModelError, OutputError
from pipeline.learning.model_store import current_model, load_model, use_model
from pipeline.learning.training import lesson_of, train
from pipeline.retraining import next_name, retrain
from pipeline.stores.review_store import Store
from pipeline.workflow import find_model, train_model

RIGHT = {f"r{n}-q1": [code] for n, (_, code) in enumerate(COMMENTS)}
NEXT = {"transport": "parks", "parks": "housing", "housing": "transport"}
STILTED = {
    "transport": ("mobility offer", "public conveyance", "modal shift"),
    "parks": ("green infrastructure", "public realm", "amenity space"),
    "housing": ("tenure mix", "dwelling stock", "affordability"),
}


def prepare(folder, book=None, known=None):
    with contextlib.chdir(folder):
        make_office(folder, QUICK, book=book, known=known)
    return folder


@pytest.fixture(scope="module")
def knowing(tmp_path_factory):
    """An office whose model has learned the words its export is about."""
    return prepare(tmp_path_factory.mktemp("knowing"))


@pytest.fixture(scope="module")
def ignorant(tmp_path_factory):
    """An office whose model has learned from comments and examples in other words."""
    known = [
        coded(frame.format(thing), code, session=f"s{n}")
        for n, frame in enumerate(("The {} is weak", "More {} please", "About the {} again", "Mind the {}"))
        for code, things in STILTED.items()
        for thing in things
    ]
    folder = tmp_path_factory.mktemp("ignorant")
    return prepare(folder, codebook(facet(things=STILTED)), replace(corpus(), comments=tuple(known)))


@pytest.fixture
def office(request, tmp_path, monkeypatch):
    """The office named by the test's parameter, or the knowing one: one's own, in which the test works."""
    made = request.getfixturevalue(getattr(request, "param", "knowing"))
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_of(office):
    return office / "runs" / "spring"


def current(office):
    return current_model(QUICK).name


# ---- which model is used ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("office", ["ignorant"], indirect=True)
def test_a_model_that_learned_from_decisions_is_better_and_becomes_current(office):
    decide(run_of(office), RIGHT)
    found = retrain([run_of(office)], QUICK)
    assert (found.used, found.why, current(office)) == (True, "it is not worse than the one before", "first-2")
    decided, together = (found.comparison.parts[name][0] for name in (DECIDED, TOGETHER))
    assert (decided.comments, decided.sample_f1.word, together.sample_f1.word) == (27, "better", "better")
    assert decided.sample_f1.new > decided.sample_f1.old + 0.3
    assert (found.trained.comments, found.trained.decided) == (63, 27)


def wrong_as_well(office):
    """Decides every comment wrongly, many times over, so that the corpus is unlearned."""
    run = run_of(office)
    lines = "".join(
        f"w{n},{frame.format(thing)} no {n},Bow\n"
        for n, (frame, thing) in enumerate(
            (frame, thing)
            for frame in ("The {} is worse than it was", "Do something about the {}", "Nobody asked us about the {}")
            for things in THINGS.values()
            for thing in things
            for _ in range(4)
        )
    )
    (office / "export.csv").write_text("id,views,ward\n" + lines, encoding="utf-8")
    shutil.rmtree(run)
    code_export(office, QUICK)
    codes = [NEXT[code] for _ in range(3) for code, things in THINGS.items() for _ in things for _ in range(4)]
    decide(run, {f"w{n}-q1": [code] for n, code in enumerate(codes)})


@pytest.fixture
def misled(office):
    """An office in which every decision is wrong, and a check sample that is right."""
    wrong_as_well(office)
    run, codes = run_of(office), [code for _ in range(3) for code, of in THINGS.items() for _ in of for _ in range(4)]
    drawn = [n for n in range(len(codes)) if n % 4 == 3]
    with Store(run) as store:
        store.draw("an analyst", [f"w{n}-q1" for n in drawn])
        store.check("an analyst", "screen", [(f"w{n}-q1", "topic", [codes[n]]) for n in drawn])
    return office


def test_a_model_misled_by_decisions_is_worse_and_is_not_used(misled):
    found = retrain([run_of(misled)], QUICK)
    assert (found.used, current(misled)) == (False, "first")
    assert found.why.startswith("it is worse: ")
    check, kept = found.comparison.parts[CHECK][0], found.comparison.parts[CORPUS][0]
    assert (check.comments, check.sample_f1.word, kept.sample_f1.word) == (27, "worse", "worse")
    assert f"sample-F1 of topic on the check sample: {check.sample_f1.words}" in found.comparison.worse
    assert (misled / "models/first-2/manifest.json").is_file()


@pytest.mark.parametrize("use", ["yes", "no"])
def test_which_one_is_used_is_as_told(misled, use):
    found = retrain([run_of(misled)], QUICK, use=use)
    assert (found.used, found.why, current(misled)) == (use == "yes", "as told", "first-2" if use == "yes" else "first")


def test_going_back_is_choosing_the_earlier_one(misled):
    retrain([run_of(misled)], QUICK, use="yes")
    use_model(QUICK, "first")
    assert current(misled) == "first"


def test_with_too_few_comments_to_tell_the_old_model_stays(office):
    few = write_coded(office / "few.csv", corpus().comments[:3])
    train_model(office / "models/few", QUICK, [few], office / "book.toml")
    decide(run_of(office), {id_: RIGHT[id_] for id_ in list(RIGHT)[:5]})
    use_model(QUICK, "few")
    found = retrain([run_of(office)], QUICK)
    assert (found.used, current(office)) == (False, "few")
    assert found.why == "there are too few comments that both models could be measured on"


def test_without_a_current_model_the_new_one_is_used(office):
    decide(run_of(office), RIGHT)
    shutil.rmtree(office / "models")
    found = retrain([run_of(office)], QUICK, office / "models/fresh", corpora=[office / "coded.csv"])
    assert (found.used, found.before, found.comparison, current(office)) == (True, None, None, "fresh")
    assert found.why == "there was no model before it"


def test_a_model_put_elsewhere_is_not_used(office):
    decide(run_of(office), RIGHT)
    found = retrain([run_of(office)], QUICK, office / "elsewhere/mine")
    assert (found.used, found.why, current(office)) == (False, "it is not in models", "first")


def test_names_are_counted_on(office):
    first = office / "models/first"
    assert next_name(QUICK, first).name == "first-2"
    for name in ("first-2", "first-3"):
        shutil.copytree(first, office / "models" / name)
    assert next_name(QUICK, office / "models/first-3").name == "first-4"
    assert next_name(QUICK, None).name == "engagement"


# ---- before the long work --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"use": "perhaps"}, InputError, "use cannot be 'perhaps'"),
        ({"out": "models/first", "replace": True}, OutputError, "is the current model"),
        ({"out": "elsewhere", "use": "yes"}, OutputError, "cannot become current, being in another folder"),
        ({"out": "runs/spring"}, OutputError, "is there and is not a model"),
        ({"corpora": ["gone.csv"]}, InputError, "gone.csv"),
    ],
)
def test_what_cannot_be_is_told_first(office, options, error, message):
    decide(run_of(office), RIGHT)
    options = {**options, **({"out": office / options["out"]} if "out" in options else {})}
    options = {**options, "corpora": [office / name for name in options.get("corpora", [])]}
    steps = []
    with pytest.raises(error, match=message):
        retrain([run_of(office)], QUICK, progress=lambda *step: steps.append(step), **options)
    assert steps == []


def test_a_current_model_that_is_gone_is_told(office):
    decide(run_of(office), RIGHT)
    use_model(QUICK, "first")
    shutil.rmtree(office / "models/first")
    with pytest.raises(ModelError, match="the current model 'first' is gone"):
        retrain([run_of(office)], QUICK)


# ---- what is compared ------------------------------------------------------------------------------------------------


def lesson_and_classifier(decided):
    """Some decided comments beside the corpus, a trained classifier, and the rows decided."""
    known = replace(corpus(), comments=(*corpus().comments, *decided))
    training = train(known, codebook(), QUICK)
    lesson = lesson_of(facet(), training.comments, training.bags, QUICK)
    rows = np.array([n for n, comment in enumerate(lesson.comments) if comment in decided])
    return lesson, training.model.classifiers["topic"], rows


def test_the_old_recipe_hears_nothing_of_what_was_decided():
    decided = [coded(text, code, session=f"r{n}") for n, (text, code) in enumerate(COMMENTS)]
    lesson, classifier, rows = lesson_and_classifier(decided)
    learned = lesson.bags, lesson.Y, lesson.weights, lesson.groups
    other = lesson.Y.copy()
    other[rows] = np.roll(other[rows], 1, axis=1)
    told, otherwise = (classifier.left_out_without(rows, lesson.bags, Y, *learned[2:]) for Y in (lesson.Y, other))
    assert told.tolist() == otherwise.tolist()
    trusted = [classifier.cross_fitted(Y, lesson.groups, told, rows)[0].tolist() for Y in (lesson.Y, other)]
    assert trusted[0] == trusted[1]
    assert classifier.left_out_without(rows[:0], *learned).tolist() == classifier.left_out_.tolist()
    assert np.abs(told - classifier.left_out_).max() > 0.1


@pytest.mark.parametrize("office", ["ignorant"], indirect=True)
def test_the_same_decisions_again_make_no_difference(office):
    decide(run_of(office), RIGHT)
    retrain([run_of(office)], QUICK, use="yes")
    found = retrain([run_of(office)], QUICK).comparison
    assert (found.old, found.new) == ("first-2", "first-3")
    for name in (DECIDED, CORPUS, TOGETHER):
        one = found.parts[name][0].sample_f1
        assert (one.change, one.low, one.high) == (0.0, 0.0, 0.0)


def test_the_check_sample_is_answered_by_the_two_models_as_they_are(office):
    run = run_of(office)
    drawn = list(RIGHT)[::3]
    with Store(run) as store:
        store.draw("an analyst", drawn)
        store.check("an analyst", "screen", [(id_, "topic", RIGHT[id_]) for id_ in drawn])
    decide(run, RIGHT)
    found = retrain([run], QUICK)
    part = found.comparison.parts[CHECK][0]
    texts = [COMMENTS[int(id_[1:].split("-")[0])][0] for id_ in drawn]
    shares = []
    for name in ("first", "first-2"):
        coding = load_model(office / "models" / name).model.predict(texts)["topic"]
        given = [{coding.codes[n] for n in np.flatnonzero(row)} for row in coding.given]
        shares.append(np.mean([2 * len(a & set(RIGHT[b])) / (len(a) + 1) for a, b in zip(given, drawn, strict=True)]))
    assert (part.sample_f1.old, part.sample_f1.new) == pytest.approx(shares)
    assert found.trained.decided == len(RIGHT) - len(drawn)


def test_check_comments_the_old_model_had_learned_from_are_not_counted(office):
    run = run_of(office)
    decide(run, RIGHT)
    retrain([run], QUICK, use="yes")
    drawn = list(RIGHT)[:9]
    with Store(run) as store:
        store.draw("an analyst", drawn)
        store.check("an analyst", "screen", [(id_, "topic", RIGHT[id_]) for id_ in drawn])
    found = retrain([run], QUICK).comparison
    assert found.already_learned == 9
    assert CHECK not in found.parts


def test_a_new_code_is_learned_from_decisions_and_the_old_model_never_gives_it(office):
    run = run_of(office)
    examples = tuple(Example(f"My gran misses the old {thing}") for thing in ("fair", "baths", "tram"))
    book = codebook(replace(facet(), code=(*facet().code, Code("memories", "Memories", examples=examples))))
    with Store(run) as store:
        store.save_book("an analyst", dump_codebook(book))
    gran = {f"r{n}-q1": [code, "memories"] for n, (text, code) in enumerate(COMMENTS) if "gran" in text}
    decide(run, {**RIGHT, **gran})
    found = retrain([run], QUICK, use="yes")
    new = {one.code: one for one in found.comparison.parts[DECIDED][0].codes}["memories"]
    assert (new.support, new.f1.old, new.f1.new > 0.5) == (9, 0.0, True)
    model = find_model(QUICK, None).model
    coding = model.predict(["My gran misses the old bus", "The bus is late"])["topic"]
    assert coding.codes[-1] == "memories"
    assert coding.given[:, -1].tolist() == [True, False]


def test_models_with_no_facet_in_common_cannot_be_compared(office):
    run = run_of(office)
    decide(run, RIGHT)
    decided = decided_run(run, codebook())
    elsewhere = codebook(facet("matter"))
    train_model(office / "models/elsewhere", QUICK, codebook_path=write_book(office, elsewhere))
    training = train(Material(codebook(), corpus(), runs=(decided,)).everything, codebook(), QUICK)
    old = load_model(office / "models/elsewhere")
    found = compare(old, training, Material(codebook(), corpus(), runs=(decided,)), "new", QUICK)
    assert (found.parts, found.measured, found.worse) == ({}, False, ())


def write_book(office, book):
    path = office / "elsewhere.toml"
    path.write_text(dump_codebook(book), encoding="utf-8")
    return path


# ---- what is kept ----------------------------------------------------------------------------------------------------


def test_comparison_and_possible_mistakes_are_kept_beside_the_model(office):
    slip = {"r4-q1": ["housing"]}
    decide(run_of(office), {**RIGHT, **slip})
    found = retrain([run_of(office)], QUICK)
    folder = office / "models/first-2"
    assert json.loads((folder / "comparison.json").read_text(encoding="utf-8")) == found.comparison.as_json()
    first = found.mistakes[0]
    assert (first.text, first.id, first.run, first.people, first.model) == (
        COMMENTS[4][0],
        "r4-q1",
        "runs/spring",
        ("housing",),
        ("parks",),
    )
    assert [replace(one, sure=0) for one in read_mistakes(folder)] == [replace(one, sure=0) for one in found.mistakes]
    assert manifest_of(folder)["runs"] == [{"run": "runs/spring", "decisions": 27, "comments": 27}]


def test_progress_is_told_to_the_end(office):
    decide(run_of(office), RIGHT)
    steps = []
    retrain([run_of(office)], QUICK, progress=lambda *step: steps.append(step))
    assert list(dict.fromkeys(name for name, _, _ in steps)) == [
        "reading words",
        "learning codes",
        "comparing with the current model",
        "done",
    ]
