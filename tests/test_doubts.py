"""Each reason to look at a comment, on arrays small enough to check by eye."""

import numpy as np
import pytest

from pipeline.coding.doubts import (
    DOUBTS,
    WORDS,
    close_race,
    doubt_words,
    first_of_campaign,
    long_and_mixed,
    near_line,
    neighbours_differ,
    no_code,
    often_corrected,
    unlike_corpus,
)
from pipeline.learning.training import Coding


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


def test_each_doubt_of_one_facet_is_told_for_every_comment():
    rows = coding((0.5, 0.47, 0.1, "a"), (0.9, 0.1, 0.1, "a"), (0.1, 0.1, 0.1, ""))
    line = np.array([0.485, 0.485, 0.485])
    assert {name: reason(rows, line).tolist() for name, reason in DOUBTS.items()} == {
        "near the line": [True, False, False],
        "two codes close": [True, False, False],
    }


def test_every_doubt_has_words_for_people_with_its_facet_or_without():
    assert list(WORDS) == [
        "near the line",
        "two codes close",
        "no code at all",
        "long and mixed",
        "unlike the corpus",
        "neighbours differ",
        "first of a campaign",
        "code often corrected",
    ]
    assert set(DOUBTS) < set(WORDS)
    for doubt, words in WORDS.items():
        assert words.endswith(".")
        assert doubt_words(doubt) == doubt_words(f"{doubt} (theme)") == words
    assert doubt_words("a doubt of a later version (theme)") == "a doubt of a later version (theme)"


@pytest.mark.parametrize(
    ("words", "parts", "mixed"), [(60, 2, True), (200, 5, True), (59, 2, False), (60, 1, False), (300, 0, False)]
)
def test_a_long_comment_is_mixed_where_different_parts_decided(words, parts, mixed):
    assert long_and_mixed(np.array([words]), np.array([parts])).tolist() == [mixed]


def test_a_comment_is_unlike_the_corpus_where_even_the_nearest_is_further_than_is_usual():
    similarity = np.array([[0.9, 0.1], [0.4, 0.3], [0.39, 0.39], [-0.2, -0.3]])
    assert unlike_corpus(similarity, 0.4).tolist() == [False, False, True, True]
    assert unlike_corpus(np.zeros((2, 0)), 0.4).tolist() == [False, False]


NAN = float("nan")
A, B, NEITHER, UNSAID = (1, 0), (0, 1), (0, 0), (NAN, NAN)


@pytest.mark.parametrize(
    ("given", "known", "similarity", "differ"),
    [
        ("a", [A, A, A], [0.9, 0.8, 0.7], False),
        ("a", [B, B, B], [0.9, 0.8, 0.7], True),
        ("", [A, A, B], [0.9, 0.8, 0.7], True),
        ("", [A, A, B, B], [0.9, 0.8, 0.7, 0.6], False),
        ("a", [NEITHER] * 3, [0.9, 0.8, 0.7], True),
        ("", [NEITHER] * 3, [0.9, 0.8, 0.7], False),
        ("a", [A, NEITHER, NEITHER], [0.9, 0.8, 0.7], False),
        ("ab", [A, A, A], [0.9, 0.8, 0.7], False),
        ("a", [(1, 1)] * 3, [0.9, 0.8, 0.7], True),
        ("a", [B, B, B], [0.9, 0.8, 0.54], False),
        ("a", [B, B, B], [0.9, 0.8, 0.55], True),
        ("a", [B, B, UNSAID], [0.9, 0.8, 0.7], False),
        ("a", [B, B, UNSAID, B], [0.9, 0.8, 0.7, 0.6], True),
        ("a", [UNSAID] * 3, [0.9, 0.8, 0.7], False),
        ("a", [B, B], [0.9, 0.8], False),
    ],
)
def test_neighbours_differ_where_most_of_three_or_more_have_another_code_or_none_has_this(
    given, known, similarity, differ
):
    codes = np.array([["a" in given, "b" in given]])
    found = neighbours_differ(codes, np.array([known], dtype=np.float32), np.array([similarity]))
    assert found.tolist() == [differ]


def test_without_neighbours_none_differ():
    none = np.zeros((2, 0, 3), np.float32)
    assert neighbours_differ(np.ones((2, 3), bool), none, np.zeros((2, 0))).tolist() == [False, False]


@pytest.mark.parametrize(
    ("copies", "first", "told"),
    [(3, True, True), (400, True, True), (3, False, False), (2, True, False), (1, True, False)],
)
def test_the_first_of_three_that_say_the_same_stands_for_all(copies, first, told):
    assert first_of_campaign([copies], np.array([first])).tolist() == [told]


@pytest.mark.parametrize(
    ("seen", "changed", "often"),
    [(5, 2, True), (5, 1, False), (4, 4, False), (10, 4, True), (10, 3, False), (0, 0, False)],
)
def test_a_code_is_often_corrected_from_two_of_five(seen, changed, often):
    assert often_corrected(seen, changed) == often
