from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from pipeline.coding.reading import (
    LATELY,
    MOST_OF_A_GROUP,
    PAGE,
    Outlook,
    reading_order,
    uncertainty,
    worth_reading_on,
)

# ---- how unsure ------------------------------------------------------------------------------------------------------


def test_a_comment_of_an_exclusive_facet_is_unsure_by_how_near_the_second_code_comes():
    probability = np.array([[1.0, 0.0, 0.0], [0.7, 0.2, 0.1], [0.1, 0.45, 0.45]])
    assert uncertainty(probability, np.zeros(3), exclusive=True) == pytest.approx([0.0, 0.5, 1.0])


def test_a_facet_of_one_exclusive_code_leaves_no_doubt():
    assert uncertainty(np.array([[1.0], [1.0]]), np.array([0.5]), exclusive=True).tolist() == [0.0, 0.0]


# Probabilities of two codes, given from 0.4 and from 0.8 on, and how unsure they leave the comment.
UNSURE = {
    "surely the one and not the other": ([1.0, 0.0], 0.0),
    "surely no code": ([0.0, 0.0], 0.0),
    "halfway from impossible to given": ([0.2, 0.0], 0.5),
    "halfway from certain to given": ([0.7, 0.0], 0.5),
    "just given": ([0.4, 0.0], 1.0),
    "the nearest code counts, each by its own threshold": ([0.1, 0.6], 0.75),
}


@pytest.mark.parametrize("case", UNSURE)
def test_other_comments_are_unsure_by_how_near_a_code_comes_to_its_threshold(case):
    probability, expected = UNSURE[case]
    assert uncertainty(np.array([probability]), np.array([0.4, 0.8])) == pytest.approx([expected])


def test_a_facet_without_codes_leaves_no_doubt():
    assert uncertainty(np.zeros((2, 0)), np.zeros(0)).tolist() == [0.0, 0.0]


def test_no_comments_have_no_uncertainty():
    for exclusive in (True, False):
        assert uncertainty(np.zeros((0, 3)), np.full(3, 0.5), exclusive).shape == (0,)


# ---- in which order --------------------------------------------------------------------------------------------------


def alike(*sizes, dimension=64):
    """Unit vectors: for each size, so many comments that say nearly the same, unlike all others."""
    random = np.random.default_rng(3)
    rows = np.repeat(np.eye(dimension)[: len(sizes)], sizes, axis=0) + random.normal(
        scale=0.01, size=(sum(sizes), dimension)
    )
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def unlike(count, dimension=64):
    """Unit vectors in every direction."""
    rows = np.random.default_rng(4).normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def pages(order):
    return [order[start : start + PAGE] for start in range(0, len(order), PAGE)]


def test_every_comment_has_one_place_in_the_order():
    unsure = np.random.default_rng(1).random(230)
    for vectors in (alike(200, 20, 10), unlike(230), None):
        assert sorted(reading_order(unsure, vectors, ["a"] * 230, 5).tolist()) == list(range(230))


def test_a_page_holds_the_most_unsure_and_a_quarter_by_lot():
    unsure = np.random.default_rng(6).random(4000)
    first = reading_order(unsure, None, None, 0)[: 4 * PAGE]
    most = set(np.argsort(-unsure)[: 4 * PAGE + 10].tolist())
    by_lot = [row for row in first.tolist() if row not in most]
    assert 0.15 < len(by_lot) / len(first) < 0.35
    assert unsure[by_lot].mean() == pytest.approx(0.5, abs=0.15)


def test_among_a_handful_like_comments_are_kept_apart_too():
    kind = np.repeat([0, 1], [6, 6])
    kinds = kind[reading_order(np.where(kind == 0, 0.9, 0.1), alike(6, 6), None, 1)].tolist()
    assert all(a != b for a, b in pairwise(kinds))


def test_of_like_comments_the_most_unsure_are_read_first():
    unsure = np.random.default_rng(2).random(600)
    order = reading_order(unsure, alike(200, 200, 200), None, 1)
    for kind in range(3):
        of_kind = order[order // 200 == kind]
        assert unsure[of_kind[:100]].mean() > unsure[of_kind[100:]].mean() + 0.3


def test_forty_like_comments_never_fill_a_page_however_unsure():
    vectors = np.vstack([alike(300, dimension=64), unlike(300)])
    unsure = np.concatenate([np.full(300, 1.0), np.full(300, 0.01)])
    on_pages = [int((page < 300).sum()) for page in pages(reading_order(unsure, vectors, None, 2))]
    assert max(on_pages[:5]) <= MOST_OF_A_GROUP


def test_comments_that_say_the_same_do_not_follow_one_another_while_others_wait():
    sizes = [40] * 12
    kind = np.repeat(np.arange(12), sizes)
    unsure = np.where(kind == 7, 1.0, np.random.default_rng(2).random(480) / 10)
    kinds = kind[reading_order(unsure, alike(*sizes), None, 1)]
    assert sum(a == b for a, b in pairwise(kinds[:400].tolist())) == 0


def test_without_vectors_the_first_codes_take_turns():
    codes = ["parks"] * 60 + ["bins"] * 30 + ["roads"] * 10
    order = reading_order(np.full(100, 0.5), None, codes, 3)
    assert Counter(codes[row] for row in order[:15]) == {"parks": 5, "bins": 5, "roads": 5}
    assert all(codes[a] != codes[b] for a, b in pairwise(order[:30].tolist()))


def test_the_order_is_that_of_its_seed():
    unsure, vectors = np.full(200, 0.5), unlike(200)
    first, again, other = (reading_order(unsure, vectors, None, seed).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_chance_and_not_the_export_orders_the_equally_unsure():
    order = reading_order(np.zeros(500), None, None, 1)
    assert order.tolist() != list(range(500))
    assert 200 < order[:100].mean() < 300


def test_no_comments_have_an_empty_order():
    for vectors in (None, np.zeros((0, 8), dtype=np.float16)):
        assert reading_order(np.zeros(0), vectors, [], 0).tolist() == []


# ---- when to stop ----------------------------------------------------------------------------------------------------


def test_reading_on_changes_little_when_few_of_those_read_lately_were_changed():
    outlook = worth_reading_on([True] * 100 + [False] * 48 + [True] * 2, waiting=1000)
    assert outlook == Outlook(
        read=150,
        lately=50,
        changed=2,
        rate=0.04,
        low=pytest.approx(0.0110, abs=1e-4),
        high=pytest.approx(0.1346, abs=1e-4),
        waiting=1000,
        at_most=135,
        little=True,
        words="Of the last 50 comments read, 2 were changed (4 %, at most 13 %). Reading on would change little.",
    )


# What was changed, how many wait, whether little is to come, and the words.
OUTLOOKS = {
    "nothing read": (
        ([], 100),
        (False, "0 comments read, 0 changed: too few to say what reading on would change."),
    ),
    "one read": (
        ([True], 100),
        (False, "1 comment read, 1 changed: too few to say what reading on would change."),
    ),
    "too few, though none was changed": (
        ([False] * (LATELY - 1), 100),
        (False, "49 comments read, 0 changed: too few to say what reading on would change."),
    ),
    "none changed": (
        ([False] * LATELY, 100),
        (True, "Of the last 50 comments read, 0 were changed (0 %, at most 7 %). Reading on would change little."),
    ),
    "one changed": (
        ([True] + [False] * (LATELY - 1), 100),
        (True, "Of the last 50 comments read, 1 was changed (2 %, at most 10 %). Reading on would change little."),
    ),
    "three changed": (
        ([False] * 47 + [True] * 3, 12_000),
        (
            False,
            "Of the last 50 comments read, 3 were changed (6 %, at most 16 %). "
            "Reading on is worth while: up to 1,947 of the 12,000 waiting would be changed.",
        ),
    ),
    "none waits": (([True] * 60, 0), (True, "Every comment has been read.")),
}


@pytest.mark.parametrize("case", OUTLOOKS)
def test_the_outlook_is_told_in_words(case):
    (changed, waiting), expected = OUTLOOKS[case]
    outlook = worth_reading_on(changed, waiting)
    assert (outlook.little, outlook.words) == expected
