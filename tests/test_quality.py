"""Calibration, groups, coverage and the learning curve against figures worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.evaluation import wilson
from pipeline.learning.quality import (
    MORE,
    Band,
    CoveragePoint,
    Estimate,
    Reached,
    bands,
    calibration,
    confidence,
    coverage,
    estimate,
    expected_calibration_error,
    first_right,
    group_scores,
    learning_curve,
)


def yes(*rows):
    """Rows of 0 and 1 as booleans."""
    return np.array(rows, dtype=bool)


def near(one, n, value):
    """Whether an estimate is this share of n, with its Wilson interval."""
    return (one.n, one.value, one.low, one.high) == pytest.approx((n, value, *wilson(value * n, n)))


# ---- the first answer ------------------------------------------------------------------------------------------------

PROBABILITY = np.array([[0.9, 0.6, 0.1], [0.2, 0.3, 0.1], [0.2, 0.3, 0.1], [0.7, 0.8, 0.0]])
GIVEN = yes([1, 1, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0])
TRUTH = yes([0, 1, 0], [0, 0, 0], [0, 0, 1], [1, 0, 1])


def test_the_first_answer_is_the_most_probable_code_given_or_none():
    assert first_right(PROBABILITY, GIVEN, TRUTH).tolist() == [False, True, False, True]


def test_it_is_as_sure_as_its_probability_and_no_code_as_the_product_that_none_applies():
    assert confidence(PROBABILITY, GIVEN) == pytest.approx([0.9, 0.8 * 0.7 * 0.9, 0.8 * 0.7 * 0.9, 0.7])


# ---- calibration -----------------------------------------------------------------------------------------------------

SAID = np.array([0.0, 0.05, 0.1, 0.19, 0.95, 1.0, 0.91, 0.99])
RIGHT = yes(0, 0, 1, 0, 1, 1, 1, 0)


def test_decisions_fall_into_ten_bands_of_equal_width_and_empty_ones_are_not_there():
    assert bands(SAID, RIGHT) == (
        Band(0.0, 0.1, 2, pytest.approx(0.025), Estimate(0.0, *wilson(0, 2), 2)),
        Band(0.1, 0.2, 2, pytest.approx(0.145), Estimate(0.5, *wilson(1, 2), 2)),
        Band(0.9, 1.0, 4, pytest.approx(0.9625), Estimate(0.75, *wilson(3, 4), 4)),
    )


def test_the_expected_calibration_error_weighs_each_band_by_its_decisions():
    by_hand = (2 * 0.025 + 2 * (0.5 - 0.145) + 4 * (0.9625 - 0.75)) / 8
    assert expected_calibration_error(bands(SAID, RIGHT)) == pytest.approx(by_hand)


def test_probabilities_that_are_as_right_as_they_say_have_no_error():
    assert expected_calibration_error(bands(np.full(4, 0.25), yes(0, 1, 0, 0))) == 0
    assert expected_calibration_error(()) == 0


def test_calibration_has_an_error_of_all_decisions_and_one_of_the_first_answers():
    found = calibration(PROBABILITY, GIVEN, TRUTH)
    # 0.0 | 0.1 0.1 0.1 | 0.2 0.2 | 0.3 0.3 | 0.6 | 0.7 | 0.8 | 0.9, of which right: 1 | 1 of 3 | 0 | 0 | 1 | 1 | 0 | 0
    assert sum(band.decisions for band in found.bands) == 12
    by_hand = 1.0 + abs(0.3 - 1) + 0.4 + 0.6 + 0.4 + 0.3 + 0.8 + 0.9
    assert found.error == pytest.approx(by_hand / 12)
    # 0.504 twice, right once; 0.7, right; 0.9, wrong
    assert found.error_first == pytest.approx((2 * 0.004 + 0.3 + 0.9) / 4)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_every_decision_is_in_one_band_and_the_error_is_a_share(decisions):
    said, right = (np.array(column) for column in zip(*decisions, strict=True))
    found = bands(said, right)
    assert sum(band.decisions for band in found) == len(decisions)
    assert all(band.low - 1e-9 <= band.mean <= band.high + 1e-9 for band in found)
    assert 0 <= expected_calibration_error(found) <= 1


# ---- groups ----------------------------------------------------------------------------------------------------------

CODED = yes([1, 0])
NONE = yes([0, 0])


def opinions(*counts):
    """Comments in rows of (how many, probability, given, truth), as the three arrays."""
    rows = [row for n, *row in counts for _ in range(n)]
    return (np.array([row[0] for row in rows]), yes(*(row[1] for row in rows)), yes(*(row[2] for row in rows)))


def test_each_group_has_its_scores_and_all_together_theirs():
    arrays = opinions(
        (3, [0.9, 0.1], [1, 0], [1, 0]),  # tenants, right
        (1, [0.9, 0.1], [1, 0], [0, 0]),  # tenants, a code where coders gave none
        (1, [0.9, 0.8], [1, 1], [0, 1]),  # staff, the second code alone is right
        (1, [0.9, 0.1], [1, 0], [1, 0]),  # of no group
    )
    found = group_scores([["tenants"]] * 4 + [["staff"], []], ["staff", "tenants", "faith"], *arrays)
    assert [(one.group, one.comments) for one in (found.whole, *found.groups)] == [
        ("", 5),
        ("staff", 1),
        ("tenants", 4),
    ]
    assert near(found.whole.top1, 4, 3 / 4)
    assert near(found.whole.sample_f1, 5, (3 + 0 + 2 / 3) / 5)
    assert near(found.groups[0].top1, 1, 0.0)
    assert near(found.groups[0].sample_f1, 1, 2 / 3)
    assert near(found.groups[1].top1, 3, 1.0)
    assert near(found.groups[1].sample_f1, 4, 3 / 4)


def test_a_group_whose_interval_is_below_the_whole_is_worse():
    arrays = opinions(
        (90, [0.9, 0.1], [1, 0], [1, 0]), (2, [0.9, 0.1], [1, 0], [0, 1]), (8, [0.9, 0.1], [1, 0], [0, 1])
    )
    found = group_scores([["a"]] * 90 + [["few"]] * 2 + [["b"]] * 8, ["a", "b", "few"], *arrays)
    assert [one.group for one in found.worse_top1()] == ["b", "few"]
    assert [one.group for one in found.worse_sample_f1()] == ["b", "few"]
    assert wilson(0, 2)[1] < 0.9


def test_a_small_group_that_may_be_as_good_is_not_called_worse():
    arrays = opinions((9, [0.9, 0.1], [1, 0], [1, 0]), (1, [0.9, 0.1], [1, 0], [0, 1]))
    found = group_scores([["a"]] * 8 + [["b"]] * 2, ["a", "b"], *arrays)
    assert found.groups[1].top1.value < found.whole.top1.value < found.groups[1].top1.high
    assert (found.worse_top1(), found.worse_sample_f1()) == ((), ())


def test_where_coders_gave_no_code_there_is_no_top_1_and_nothing_is_worse_in_it():
    found = group_scores([["a"], ["a"]], ["a"], *opinions((2, [0.2, 0.1], [0, 0], [0, 0])))
    assert (found.whole.top1, found.worse_top1()) == (None, ())
    assert near(found.whole.sample_f1, 2, 1.0)


def test_without_groups_there_are_no_group_scores():
    assert group_scores([[], []], ["a"], *opinions((2, [0.9, 0.1], [1, 0], [1, 0]))) is None


# ---- coverage --------------------------------------------------------------------------------------------------------


def test_coverage_ranks_by_sureness_and_says_how_many_are_right():
    sure = np.array([0.5, 0.9, 0.8, 0.7, 0.6, 0.95, 0.3])
    right = yes(0, 1, 1, 0, 1, 1, 0)
    # ranked: 0.95 yes, 0.9 yes, 0.8 yes, 0.7 no, 0.6 yes, 0.5 no, 0.3 no; sizes are rounded up
    assert coverage(sure, right).points == tuple(
        CoveragePoint(share, size, least, estimate(hits / size, size))
        for share, size, least, hits in (
            (10, 1, 0.95, 1),
            (25, 2, 0.9, 2),
            (50, 4, 0.7, 3),
            (75, 6, 0.5, 4),
            (100, 7, 0.3, 4),
        )
    )


def test_sizes_are_exact_shares_where_there_are_any():
    assert [one.comments for one in coverage(np.linspace(0, 1, 30), np.ones(30, dtype=bool)).points] == [
        3,
        8,
        15,
        23,
        30,
    ]


def test_an_accuracy_is_reached_by_the_most_comments_that_have_it():
    right = np.array([n >= 30 for n in range(100)])[::-1]  # the surest 70 are right, the others wrong
    assert coverage(np.linspace(1, 0.01, 100), right).reached == (
        Reached(80, 0.87, pytest.approx(0.14)),  # 70 of 87
        Reached(90, 0.77, pytest.approx(0.24)),  # 70 of 77
        Reached(95, 0.73, pytest.approx(0.28)),  # 70 of 73
    )


def test_it_may_fail_among_the_surest_and_be_reached_later():
    right = np.array([n >= 10 for n in range(100)])
    reached = coverage(np.linspace(1, 0.01, 100), right).reached
    assert [one.coverage for one in reached] == [1.0, 1.0, None]


def test_what_is_never_reached_or_by_a_few_alone_is_not_reached():
    right = np.array([n < 19 for n in range(50)])
    assert [one.coverage for one in coverage(np.linspace(1, 0, 50), right).reached] == [23 / 50, 21 / 50, 20 / 50]
    assert [one.coverage for one in coverage(np.linspace(1, 0, 50), right & (np.arange(50) < 15)).reached] == [None] * 3
    assert [one.coverage for one in coverage(np.linspace(1, 0, 19), np.ones(19, dtype=bool)).reached] == [None] * 3


def test_comments_that_are_equally_sure_are_trusted_together_or_not_at_all():
    sure = np.array([0.9] * 20 + [0.5] * 10)
    right = np.array([True] * 25 + [False] * 5)  # 25 of 25, were the equal ones split
    assert [one.coverage for one in coverage(sure, right).reached] == [1.0, 20 / 30, 20 / 30]


# ---- learning curve --------------------------------------------------------------------------------------------------


def judged(*shares, n=100):
    """For each size, which of n comments were right: so many per cent of them, the first."""
    return np.array([np.arange(n) < share for share in shares], dtype=float)


def test_a_line_in_the_logarithm_goes_through_points_that_lie_on_one():
    curve = learning_curve([100, 200, 400], judged(50, 60, 70), 800)
    assert [(one.comments, one.top1) for one in curve.points] == [
        (size, estimate(share, 100)) for size, share in ((100, 0.5), (200, 0.6), (400, 0.7))
    ]
    assert (curve.before, curve.doubling) == pytest.approx((0.8, 0.1))
    assert curve.after == pytest.approx(0.8 + 0.1 * np.log2(1000 / 800))
    assert (curve.comments, curve.more) == (800, MORE) == (800, 200)


def test_the_interval_of_the_gain_is_that_of_a_mean_over_comments():
    curve = learning_curve([100, 400], judged(50, 70), 400)
    gains = np.array([0.0] * 50 + [1.0] * 20 + [0.0] * 30) / np.log(4) * np.log(600 / 400)
    half = 1.96 * gains.std(ddof=1) / 10
    assert (curve.low, curve.high) == pytest.approx((gains.mean() - half, gains.mean() + half))
    assert curve.after - curve.before == pytest.approx(gains.mean())


def test_no_line_leaves_the_scale():
    up = learning_curve([100, 200], judged(90, 98), 400)
    assert (up.before, up.after) == (1.0, 1.0)
    down = learning_curve([100, 200], judged(20, 2), 400)
    assert (down.before, down.after) == (0.0, 0.0)
    assert down.high < 0


def test_models_that_learn_nothing_more_gain_nothing():
    curve = learning_curve([25, 50, 100], judged(60, 60, 60), 120)
    assert (curve.before, curve.after, curve.low, curve.high, curve.doubling) == pytest.approx((0.6, 0.6, 0, 0, 0))
