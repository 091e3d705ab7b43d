import json

import numpy as np
import pytest
from invented_run import BOOK, make_run, row

from pipeline.codebook import dump_codebook
from pipeline.counting.trust import LikePair, background, known_codes, nearest_pairs, sizes
from pipeline.learning.corpus import EXAMPLE_SOURCE
from pipeline.learning.learned import Learned, write_learned
from pipeline.learning.model_store import FORMAT, MANIFEST
from pipeline.reviewing.checking import draw
from pipeline.reviewing.checking import sizes as plain_sizes
from pipeline.reviewing.review import Review
from pipeline.reviewing.verdicts import ASSIST, TOO_FEW, TRUST, UNCLEAR
from pipeline.settings import Settings

SCORES = {"codes": {"parks": {"precision": 0.5, "recall": 0.6, "f1": 0.55, "support": 50}}}


def learned(texts, codes, vectors, sources=None):
    rows = np.array(vectors, dtype=np.float16)
    return Learned(tuple(texts), tuple(sources or ["spring"] * len(texts)), {"topic": tuple(codes)}, rows)


def turned(*degrees):
    """Unit vectors in a plane."""
    angles = np.radians(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def make_model(folder, known, scores=None, digest="0"):
    """As much of a model as is read here; the invented run was coded with `invented`, of digest 0."""
    folder.mkdir(parents=True)
    manifest = {
        "format": FORMAT,
        "corpus": [],
        "comments": len(known),
        "estimators_sha256": digest,
        "scores": scores or {},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "codebook.toml").write_text(dump_codebook(BOOK), encoding="utf-8")
    write_learned(known, folder)


@pytest.fixture
def review(tmp_path):
    rows = [row(n, given={"topic": [["parks"], ["housing"]][n % 2], "service": []}) for n in range(100)]
    with Review(make_run(tmp_path / "run", rows)) as opened:
        yield opened


# ---- how many to check -----------------------------------------------------------------------------------------------


def test_a_machine_that_is_good_at_its_codes_asks_for_fewer_checks(tmp_path, review):
    def behind(precision, recall):
        codes = {"parks": {"precision": precision, "recall": recall, "f1": 0.5, "support": 50}}
        folder = tmp_path / f"{precision}" / "invented"
        make_model(folder, learned("a", [()], turned(0)), {"topic": {"codes": codes}})
        return background(review, Settings(models=folder.parent))

    good, poor = sizes(review, behind(0.95, 0.95)), sizes(review, behind(0.6, 0.6))
    assert [size.half_width for size in good] == [0.10, 0.05, 0.03]
    assert good[0].comments < poor[0].comments < 93


def test_where_nothing_is_known_of_the_machine_the_sizes_are_those_of_a_sample_alone(review):
    assert sizes(review, None) == plain_sizes(100)


# ---- like pairs ------------------------------------------------------------------------------------------------------


def test_each_comment_is_paired_with_the_one_most_like_it_once():
    known = learned("abcde", [()] * 5, turned(0, 10, 30, 90, 170))
    pairs = [(one, other, round(similarity, 2)) for one, other, similarity in nearest_pairs(known)]
    assert pairs == [(0, 1, 0.98), (1, 2, 0.94)]  # the nearest of 90 and of 170 degrees are too far away to be shown


def test_examples_of_the_codebook_are_in_no_pair_and_without_vectors_there_is_none():
    sources = ["spring", EXAMPLE_SOURCE, "spring"]
    assert [pair[:2] for pair in nearest_pairs(learned("abc", [()] * 3, turned(0, 1, 20), sources))] == [(0, 2)]
    assert nearest_pairs(learned("abc", [()] * 3, np.zeros((3, 0)))) == []
    assert nearest_pairs(learned("a", [()], turned(0))) == []


def test_pairs_of_many_comments_are_those_of_the_whole_table():
    vectors = np.random.default_rng(0).normal(size=(2300, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    known = learned(["x"] * 2300, [()] * 2300, vectors)
    table = known.vectors.astype(np.float32) @ known.vectors.astype(np.float32).T
    np.fill_diagonal(table, -1)
    expected = {tuple(sorted((n, int(k)))) for n, k in enumerate(table.argmax(axis=1)) if table[n, k] >= 0.6}
    assert {pair[:2] for pair in nearest_pairs(known)} == expected


# ---- what is known ---------------------------------------------------------------------------------------------------


def test_a_model_that_is_gone_or_was_trained_again_says_nothing(tmp_path, review):
    settings = Settings(models=tmp_path / "models")
    assert background(review, settings) is None
    make_model(settings.models / "invented", learned("a", [()], turned(0)), digest="1")
    assert background(review, settings) is None


def test_like_comments_of_which_one_has_the_code_are_shown_the_one_with_it_first(tmp_path, review):
    codes = [("housing",), ("parks", "housing"), None, ("parks",)]
    make_model(tmp_path / "models" / "invented", learned("abcd", codes, turned(0, 20, 90, 95)), {"topic": SCORES})
    known = known_codes(review, background(review, Settings(models=tmp_path / "models")))
    parks = known["topic"]["parks"]
    (pair,) = parks.differing
    assert pair == LikePair(pair.similarity, ("b", "a"), (("parks", "housing"), ("housing",)))
    assert pair.similarity == pytest.approx(np.cos(np.radians(20)), abs=0.001)
    assert (parks.examples, parks.alike, parks.apart) == (2, 1, 1)
    housing = known["topic"]["housing"]
    assert (housing.differing, housing.alike, housing.apart) == ((), 1, 0)
    assert set(known) == {"topic", "service"}


def test_the_four_verdicts_come_of_the_model_and_of_the_check_sample(tmp_path, review):
    texts = [f"t{n}" for n in range(60)]
    codes = [("parks", "housing") if n < 30 else ("transport",) if n < 35 else () for n in range(60)]
    apart = np.eye(60)
    make_model(tmp_path / "models" / "invented", learned(texts, codes, apart), {"topic": SCORES})
    behind = background(review, Settings(models=tmp_path / "models"))
    before = known_codes(review, behind)["topic"]
    assert {code: one.verdict.word for code, one in before.items()} == {
        "transport": TOO_FEW,
        "parks": ASSIST,
        "housing": TOO_FEW,
    }
    assert before["parks"].verdict.reason.startswith("Cross-validated: 50 % (38–62 %) of the 60 comments")
    draw(review, 100, 1, "an analyst")
    machine = {line.comment_id: line.facets["topic"].machine for line in review.all_lines()}
    for coder in ("an analyst", "a colleague"):
        # They agree with the machine on housing; the colleague gives parks to the other half.
        swapped = {id_: ("housing", "parks") if codes == ("housing",) else () for id_, codes in machine.items()}
        said = machine if coder == "an analyst" else swapped
        review.store.check(coder, "screen", [(id_, "topic", codes) for id_, codes in said.items()])
    after = known_codes(review, behind)["topic"]
    assert {code: one.verdict.word for code, one in after.items()} == {
        "transport": TOO_FEW,
        "parks": UNCLEAR,
        "housing": TRUST,
    }


def test_without_a_model_the_check_sample_alone_speaks(review):
    known = known_codes(review, None)["topic"]
    assert {(one.examples, one.verdict.word, one.differing) for one in known.values()} == {(0, TOO_FEW, ())}
