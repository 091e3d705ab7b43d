"""Each reason to look at a comment, on arrays small enough to check by eye."""

import numpy as np
import pytest

from pipeline.doubts import DOUBTS, NO_CODE, WORDS, close_race, near_line, no_code
from pipeline.training import Coding


def coding(*rows):
    """Codes a, b, c of some comments: for each the probabilities, and which are given as a word such as "ac"."""
    probability = np.array([row[:-1] for row in rows], dtype=float)
    codes = tuple("abc"[: probability.shape[1]])
    return Coding(codes, probability, np.array([[code in row[-1] for code in codes] for row in rows]))


@pytest.mark.parametrize(
    ("row", "near"),
    [
        ((0.46, 0.1, 0.1, ""), True),
        ((0.54, 0.1, 0.1, "a"), True),
        ((0.5, 0.1, 0.1, "a"), True),
        ((0.44, 0.1, 0.1, ""), False),
        ((0.56, 0.1, 0.1, "a"), False),
        ((0.9, 0.27, 0.1, "a"), True),
        ((0.9, 0.1, 0.8, "ac"), False),
    ],
)
def test_a_code_within_five_points_of_its_own_line_is_near_it(row, near):
    assert near_line(coding(row), np.array([0.5, 0.3, 0.7])).tolist() == [near]


@pytest.mark.parametrize(
    ("row", "close"),
    [
        ((0.50, 0.47, 0.1, "a"), True),
        ((0.47, 0.1, 0.50, "c"), True),
        ((0.50, 0.47, 0.1, "b"), True),
        ((0.50, 0.50, 0.1, "b"), True),
        ((0.50, 0.44, 0.1, "a"), False),
        ((0.50, 0.47, 0.1, "ab"), False),
        ((0.50, 0.47, 0.1, ""), False),
        ((0.50, 0.47, 0.3, "c"), False),
        ((0.50, 0.47, 0.3, "ac"), True),
        ((0.50, 0.47, 0.3, "abc"), False),
    ],
)
def test_two_codes_are_close_where_one_of_the_two_most_probable_is_given_and_the_other_just_not(row, close):
    assert close_race(coding(row), np.array([0.5, 0.5, 0.5])).tolist() == [close]


def test_a_facet_of_one_code_has_no_race():
    assert close_race(coding((0.5, "a"), (0.2, "")), np.array([0.4])).tolist() == [False, False]


def test_no_code_is_none_in_any_facet():
    first = coding((0.9, 0.1, "a"), (0.2, 0.1, ""), (0.3, 0.2, ""))
    second = coding((0.1, ""), (0.1, ""), (0.8, "a"))
    assert no_code([first]).tolist() == [False, True, True]
    assert no_code([first, second]).tolist() == [False, True, False]


def test_each_doubt_is_told_for_every_comment_and_has_words_for_people():
    rows = coding((0.5, 0.47, 0.1, "a"), (0.9, 0.1, 0.1, "a"), (0.1, 0.1, 0.1, ""))
    line = np.array([0.485, 0.485, 0.485])
    assert {name: reason(rows, line).tolist() for name, reason in DOUBTS.items()} == {
        "near the line": [True, False, False],
        "two codes close": [True, False, False],
    }
    assert list(WORDS) == [*DOUBTS, NO_CODE]
    assert all(words.endswith(".") for words in WORDS.values())
