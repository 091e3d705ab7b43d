import numpy as np
import pytest

from pipeline.correcting.comparison import (
    CHECK,
    DECIDED,
    TOGETHER,
    Answers,
    CodeComparison,
    Comparison,
    Difference,
    compare_facet,
)
from pipeline.learning.evaluation import score

CODES = ("bus", "park", "rent")


def answers(given):
    return Answers(given * 0.8 + 0.1, given > 0)


def guessed(truth, wrong, seed=0):
    """The truth with a share of its cells turned over."""
    turned = np.random.default_rng(seed).random(truth.shape) < wrong
    return np.where(turned, 1.0 - truth, truth)


@pytest.fixture
def truth():
    return (np.random.default_rng(1).random((200, 3)) < (0.5, 0.2, 0.1)).astype(float)


def one_each(truth):
    return [str(n) for n in range(len(truth))]


def test_the_scores_are_those_of_an_evaluation_of_each_model(truth):
    old, new = answers(guessed(truth, 0.2)), answers(guessed(truth, 0.1, 5))
    found = compare_facet("topic", CODES, truth, old, new, one_each(truth))
    for side, one in (("old", old), ("new", new)):
        expected = score(CODES, truth, one.given, one.probability)
        names = ("sample_f1", "micro_f1", "macro_f1", "top1")
        assert [getattr(getattr(found, name), side) for name in names] == pytest.approx(
            [getattr(expected, name) for name in names]
        )
        assert [getattr(code.f1, side) for code in found.codes] == pytest.approx(
            [c.f1 for c in expected.codes.values()]
        )
    assert [code.support for code in found.codes] == truth.sum(axis=0).tolist()
    assert (found.comments, found.groups) == (200, 200)


def test_a_much_better_model_is_better_and_a_much_worse_one_worse(truth):
    good, bad = answers(guessed(truth, 0.02)), answers(guessed(truth, 0.3))
    words = [
        compare_facet("topic", CODES, truth, *pair, one_each(truth)).sample_f1.word
        for pair in ((bad, good), (good, bad), (bad, bad))
    ]
    assert words == ["better", "worse", "no clear difference"]


def test_the_same_answers_differ_by_nothing_with_no_doubt(truth):
    same = answers(guessed(truth, 0.2))
    found = compare_facet("topic", CODES, truth, same, same, one_each(truth))
    assert {(one.low, one.high, one.change) for one in (found.sample_f1, found.macro_f1, found.top1)} == {(0, 0, 0)}


def test_the_interval_of_a_mean_is_about_as_wide_as_theory_says(truth):
    old, new = answers(guessed(truth, 0.2)), answers(guessed(truth, 0.2, 9))
    found = compare_facet("topic", CODES, truth, old, new, one_each(truth)).sample_f1

    def each(given):
        both, either = (given * truth).sum(axis=1), given.sum(axis=1) + truth.sum(axis=1)
        return np.where(either == 0, 1.0, 2 * both / np.maximum(either, 1))

    change = each(new.given * 1.0) - each(old.given * 1.0)
    half = 1.96 * change.std() / np.sqrt(len(change))
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)


def test_comments_of_one_group_count_as_one_draw(truth):
    old, new = answers(guessed(truth, 0.2)), answers(guessed(truth, 0.15, 9))
    apart = compare_facet("topic", CODES, truth, old, new, one_each(truth)).sample_f1
    ten = [np.tile(one, (10, 1)) for one in (truth, old.probability, old.given, new.probability, new.given)]
    copied = compare_facet(
        "topic", CODES, ten[0], Answers(*ten[1:3]), Answers(*ten[3:]), [str(n % 200) for n in range(2000)]
    ).sample_f1
    assert (copied.low, copied.high) == pytest.approx((apart.low, apart.high))


def test_several_coders_of_a_comment_share_its_weight():
    truth = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])  # two coders of the first comment, one of the second
    first = answers(np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]))
    none = answers(np.zeros((3, 2)))
    found = compare_facet("topic", CODES[:2], truth, none, first, ["a", "a", "b"], np.array([0.5, 0.5, 1.0]))
    assert found.sample_f1.new == pytest.approx(0.75)
    assert found.comments == 2
    assert [code.support for code in found.codes] == [2, 1]


def test_a_code_nobody_gave_has_no_score(truth):
    truth[:, 2] = 0.0
    found = compare_facet("topic", CODES, truth, answers(truth), answers(truth), one_each(truth))
    assert found.codes[2] == CodeComparison("rent", 0, None)
    empty = compare_facet("topic", CODES, truth * 0, answers(truth), answers(truth * 0), one_each(truth))
    assert (empty.macro_f1, empty.top1, empty.sample_f1.new) == (None, None, 1.0)


# ---- the rule --------------------------------------------------------------------------------------------------------


def facet_with(change, low, high, *, comments=100, facet="topic", truth=None):
    """A comparison of a facet in which all scores changed alike."""
    truth = np.eye(3)[np.arange(comments) % 3]
    made = compare_facet(facet, CODES, truth, answers(truth), answers(truth), one_each(truth))
    one = Difference(0.5, 0.5 + change, low, high)
    return type(made)(facet, comments, comments, one, one, one, one, made.codes)


def comparison(**parts):
    return Comparison("first", "first-2", {name: tuple(found) for name, found in parts.items()})


@pytest.mark.parametrize(
    ("parts", "worse"),
    [
        ({TOGETHER: [facet_with(0.01, 0.001, 0.02)]}, 0),
        ({TOGETHER: [facet_with(-0.004, -0.02, 0.01)]}, 0),
        ({TOGETHER: [facet_with(-0.006, -0.02, 0.01)]}, 1),  # overall, by more than half a point
        ({TOGETHER: [facet_with(-0.004, -0.02, -0.001)]}, 2),  # sample-F1 and macro-F1 of the facet
        ({TOGETHER: [facet_with(0.02, 0.0, 0.04)], CHECK: [facet_with(-0.1, -0.2, -0.01)]}, 2),
        ({TOGETHER: [facet_with(0.02, 0.0, 0.04)], CHECK: [facet_with(-0.1, -0.2, -0.01, comments=19)]}, 0),
        ({TOGETHER: [facet_with(0.02, 0.0, 0.04)], DECIDED: [facet_with(-0.1, -0.2, -0.01)]}, 0),
        ({TOGETHER: [facet_with(-0.02, -0.05, 0.04, comments=30), facet_with(0.01, -0.1, 0.1, comments=70)]}, 0),
    ],
)
def test_a_model_is_worse_where_a_fall_is_certain_or_the_whole_fell_by_half_a_point(parts, worse):
    found = comparison(**parts)
    assert len(found.worse) == worse
    assert found.measured


def test_nothing_is_measured_on_a_few_comments():
    assert not comparison(**{TOGETHER: [facet_with(0.1, 0.05, 0.2, comments=19)]}).measured
    assert not comparison().measured


def test_the_words_say_what_was_compared_and_how_it_came_out():
    found = comparison(
        **{TOGETHER: [facet_with(0.031, 0.004, 0.058)], CHECK: [facet_with(-0.1, -0.2, 0.1, comments=3)]}
    )
    scores = "0.50 → 0.53 (+3.1 points, from +0.4 to +5.8): better"
    few = "0.50 → 0.40 (-10.0 points, from -20.0 to +10.0): no clear difference"
    assert found.words == (
        f"topic on the corpus and the decided comments (100): sample-F1 {scores}; macro-F1 {scores}",
        f"topic on the check sample (3): sample-F1 {few}; macro-F1 {few}; too few to judge, it takes 20",
    )
    assert found.as_json()["parts"]["together"][0]["sample_f1"] == {
        "old": 0.5,
        "new": 0.531,
        "low": 0.004,
        "high": 0.058,
        "change": pytest.approx(0.031),
        "word": "better",
    }
