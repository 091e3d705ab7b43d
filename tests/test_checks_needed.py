"""How many more comments to check; figures worked out by hand."""

import doctest

import pytest

from pipeline.learning.evaluation import wilson
from pipeline.reviewing import checks_needed
from pipeline.reviewing.checks_needed import checks_for_width, checks_in_words, checks_to_halve


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(checks_needed).failed == 0


def width(share_of, n):
    low, high = wilson(share_of * n, n)
    return high - low


@pytest.mark.parametrize("share_of", [0.0, 0.02, 0.3, 0.5, 0.98, 1.0])
@pytest.mark.parametrize("n", [0, 1, 40, 1000])
def test_the_fewest_checks_that_halve_the_interval(share_of, n):
    more = checks_to_halve(n, share_of)
    assert width(share_of, n + more) <= width(share_of, n) / 2 < width(share_of, n + more - 1)


def test_halving_takes_three_times_as_many_more_in_the_middle_and_as_many_at_the_ends():
    assert [checks_to_halve(10_000, one) for one in (0.5, 0.0, 1.0)] == [30_012, 10_004, 10_004]


@pytest.mark.parametrize("share_of", [0.0, 0.1, 0.5, 1.0])
def test_the_fewest_checks_for_three_points_either_way(share_of):
    n = checks_for_width(share_of, 0.03)
    assert width(share_of, n) <= 0.06 < width(share_of, n - 1)


def test_a_rare_base_takes_as_many_more_comments_to_read():
    assert checks_for_width(0.5, 0.1, rate=0.02) == checks_for_width(0.5, 0.1) * 50 == 4650
    for wrong in (0, -1, 1.5):
        with pytest.raises(ValueError, match="rate must be above 0"):
            checks_to_halve(10, rate=wrong)
    with pytest.raises(ValueError, match="half_width must be above 0"):
        checks_for_width(half_width=0)


def test_advice_on_checks_knows_how_many_are_left():
    assert [checks_in_words(1200, left) for left in (5000, 300, 0)] == [
        "1,200 more checks would halve the interval.",
        "Halving the interval would take 1,200 more checks, and only 300 can still be made.",
        "Every comment has been checked.",
    ]
