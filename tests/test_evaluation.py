"""Scores against people's codes: by hand, and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_recall_fscore_support

from pipeline.learning.evaluation import (
    MOST_CONFUSIONS,
    NO_CODE,
    CodeScore,
    Confusion,
    FacetScores,
    agreement,
    as_text,
    confusions,
    hit_rate,
    indicator,
    sample_f1,
    score,
)

CODES = ("a", "b", "c")
TRUE = indicator([("a",), ("a", "b"), (), ("c",), ()], CODES)
GIVEN = indicator([("a",), ("b",), ("b",), (), ()], CODES) > 0
PROBABILITY = np.array([[0.9, 0.2, 0.1], [0.3, 0.8, 0.4], [0.1, 0.6, 0.2], [0.4, 0.1, 0.3], [0.1, 0.1, 0.1]])
SCORES = FacetScores(
    n=5,
    micro_f1=4 / 7,
    macro_f1=(2 / 3 + 2 / 3 + 0) / 3,
    sample_f1=(1 + 2 / 3 + 0 + 0 + 1) / 5,
    top1=2 / 3,
    top2=3 / 3,
    codes={
        "a": CodeScore(1.0, 0.5, 2 / 3, 2),
        "b": CodeScore(0.5, 1.0, 2 / 3, 1),
        "c": CodeScore(0.0, 0.0, 0.0, 1),
    },
    confusions=(Confusion(NO_CODE, "b", 1), Confusion("c", NO_CODE, 1)),
)


def same(found, expected):
    """Whether two sets of scores are the same but for the last digits."""
    found, expected = found.as_json(), expected.as_json()
    codes, expected_codes = found.pop("codes"), expected.pop("codes")
    assert found.pop("confusions") == expected.pop("confusions")
    assert found == pytest.approx(expected)
    assert list(codes) == list(expected_codes)
    for code, numbers in codes.items():
        assert numbers == pytest.approx(expected_codes[code])


# ---- scores ----------------------------------------------------------------------------------------------------------


def test_codes_become_an_array_of_comments_by_codes():
    assert indicator([("c", "a"), ()], CODES).tolist() == [[1, 0, 1], [0, 0, 0]]


def test_the_scores_are_those_worked_out_by_hand():
    same(score(CODES, TRUE, GIVEN, PROBABILITY), SCORES)


def test_without_probabilities_there_is_no_top_code():
    found = score(CODES, TRUE, GIVEN)
    assert (found.top1, found.top2) == (None, None)
    assert (found.macro_f1, found.codes) == (score(CODES, TRUE, GIVEN, PROBABILITY).macro_f1, found.codes)


def test_a_facet_of_one_code_is_scored_on_that_code():
    found = score(
        ("a",), np.array([[1.0], [0], [0]]), np.array([[True], [True], [False]]), np.array([[0.9], [0.8], [0]])
    )
    expected = FacetScores(
        n=3,
        micro_f1=2 / 3,
        macro_f1=2 / 3,
        sample_f1=2 / 3,
        top1=1.0,
        top2=1.0,
        codes={"a": CodeScore(0.5, 1.0, 2 / 3, 1)},
        confusions=(Confusion(NO_CODE, "a", 1),),
    )
    same(found, expected)


def test_where_nobody_used_a_code_its_scores_are_nothing_and_do_not_count():
    found = score(CODES, TRUE[:3], GIVEN[:3])
    assert found.codes["c"] == CodeScore(0.0, 0.0, 0.0, 0)
    assert found.macro_f1 == pytest.approx(2 / 3)
    nobody = score(CODES, np.zeros((2, 3)), np.zeros((2, 3)) > 0)
    assert (nobody.macro_f1, nobody.micro_f1, nobody.sample_f1, nobody.confusions) == (0.0, 0.0, 1.0, ())


def test_the_scores_as_json_are_plain_and_named_as_promised():
    assert list(SCORES.as_json()) == ["n", "micro_f1", "macro_f1", "sample_f1", "top1", "top2", "codes", "confusions"]
    assert SCORES.as_json()["codes"]["b"] == {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 1}
    assert SCORES.as_json()["confusions"][0] == {"true": NO_CODE, "given": "b", "comments": 1}


@st.composite
def judged(draw):
    """Two sets of codes of the same comments (comments × codes), of at least two codes."""
    n, codes, seed = draw(st.integers(1, 12)), draw(st.integers(2, 5)), draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    return tuple(random.random((2, n, codes)) < draw(st.sampled_from([0.1, 0.3, 0.6])))


@given(judged())
def test_the_scores_are_those_of_scikit_learn(case):
    true, given_codes = case
    codes = tuple("abcde"[: true.shape[1]])
    found = score(codes, true.astype(float), given_codes)
    precision, recall, f1, support = precision_recall_fscore_support(true, given_codes, average=None, zero_division=0)
    assert found.micro_f1 == pytest.approx(f1_score(true, given_codes, average="micro", zero_division=0))
    assert found.macro_f1 == pytest.approx(f1[support > 0].mean() if support.any() else 0)
    assert [(one.precision, one.recall, one.f1) for one in found.codes.values()] == [
        pytest.approx(row) for row in zip(precision, recall, f1, strict=True)
    ]
    assert [one.support for one in found.codes.values()] == support.tolist()


@given(judged())
def test_the_f1_of_comments_is_that_of_scikit_learn_where_each_comment_has_a_code(case):
    true, given_codes = case
    coded = (true | given_codes).any(axis=1)
    if coded.any():
        expected = f1_score(true[coded], given_codes[coded], average="samples", zero_division=0)
        assert sample_f1(true[coded], given_codes[coded]) == pytest.approx(expected)


def test_a_comment_without_a_code_on_both_sides_is_right():
    none, one = np.array([[False, False]]), np.array([[True, False]])
    assert sample_f1(none, none) == 1.0
    assert sample_f1(one, none) == sample_f1(none, one) == 0.0
    assert sample_f1(np.vstack([none, one, one, none]), np.vstack([none, one, none, none])) == 0.75


# ---- the most probable codes -----------------------------------------------------------------------------------------


def test_the_hit_rate_counts_the_comments_that_have_a_code():
    true = TRUE > 0
    assert hit_rate(true, PROBABILITY, 1) == pytest.approx(2 / 3)
    assert hit_rate(true, PROBABILITY, 2) == 1.0
    assert hit_rate(true[2:3], PROBABILITY[2:3], 1) is None
    assert hit_rate(true, None, 1) is None


def test_a_confusion_is_told_between_peoples_codes_and_the_first_one_given():
    assert confusions(CODES, TRUE > 0, GIVEN, PROBABILITY) == SCORES.confusions
    true = indicator([("a", "b"), ("a",), ("a",), ("b",)], CODES) > 0
    found = indicator([("c",), ("b", "c"), ("c",), ("a", "b")], CODES) > 0
    probability = np.array([[0.9, 0.8, 0.7], [0.9, 0.3, 0.4], [0.1, 0.1, 0.6], [0.4, 0.5, 0.1]])
    assert confusions(CODES, true, found, probability) == (Confusion("a", "c", 3), Confusion("b", "c", 1))


def test_only_the_most_frequent_confusions_are_told():
    codes = tuple("abcdefghijklmnop")
    true = np.eye(16) > 0
    assert len(confusions(codes, true, np.roll(true, 1, axis=1), None)) == MOST_CONFUSIONS


# ---- agreement -------------------------------------------------------------------------------------------------------


def test_agreement_is_that_worked_out_by_hand():
    first = [("a", "b"), ("a",), (), ("c",), ()]
    second = [("b", "a"), ("a",), (), (), ("b",)]
    assert agreement(CODES, first, second) == {
        "n": 5,
        "main": pytest.approx(2 / 5),
        "any": pytest.approx(3 / 5),
        "macro_f1": pytest.approx((1 + 2 / 3 + 0) / 3),
        "sample_f1": pytest.approx((1 + 1 + 1 + 0 + 0) / 5),
    }


def test_two_codings_that_are_the_same_agree_wholly():
    first = [("a",), ("b", "c"), ()]
    assert agreement(CODES, first, first) == {"n": 3, "main": 1.0, "any": 1.0, "macro_f1": 1.0, "sample_f1": 1.0}


# ---- for people ------------------------------------------------------------------------------------------------------


def test_the_scores_are_told_in_lines():
    assert as_text("topic", SCORES).splitlines() == [
        "topic: 5 comments; macro-F1 0.44, micro-F1 0.57, sample-F1 0.53, top-1 0.67, top-2 1.00",
        "  code  precision  recall    F1  support",
        "  a          1.00    0.50  0.67        2",
        "  b          0.50    1.00  0.67        1",
        "  c          0.00    0.00  0.00        1",
        "  most often confused (people said → first code given):",
        "    (no code) → b: 1",
        "    c → (no code): 1",
    ]
    assert "top-1 –, top-2 –" in as_text("topic", score(CODES, TRUE, GIVEN))
