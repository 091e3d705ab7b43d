import random

import numpy as np
import pytest
from invented_run import make_run, row

from pipeline.reviewing.review import Review
from pipeline.reviewing.uncoded import MOST, Group, group_alike, pile, uncoded, words_apart
from pipeline.stores.review_records import Choice

PARKING = [f"The parking permit for {street} costs too much" for street in ("Elm", "Oak", "Ash", "Fig", "Bay")]
LIBRARY = [f"Open the library {when} please" for when in ("Sundays", "evenings", "Mondays", "early")]
ODD = ["I have nothing to add", "Ask my neighbour", "?!"]


def vectors_of(*directions):
    """Unit vectors around directions of a space of eight, in order."""
    chance = np.random.default_rng(1)
    rows = np.array([np.eye(8)[d] + 0.05 * chance.normal(size=8) for d in directions])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# ---- groups ----------------------------------------------------------------------------------------------------------


def test_like_comments_come_together_the_largest_group_first_and_the_rest_stands_alone():
    texts = [*LIBRARY, *PARKING, *ODD]
    numbers = list(range(11, 11 + len(texts)))
    groups, alone = group_alike(numbers, texts, vectors_of(0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4))
    assert [(sorted(group.numbers), group.words[:2]) for group in groups] == [
        ([15, 16, 17, 18, 19], ("costs", "parking")),
        ([11, 12, 13, 14], ("library", "open")),
    ]
    assert alone == (20, 21, 22)
    assert all(group.typical == group.numbers[:3] for group in groups)


def test_two_like_comments_are_no_group_yet():
    assert group_alike([1, 2, 3], PARKING[:3], vectors_of(0, 0, 1)) == ((), (1, 2, 3))


def test_comments_that_speak_of_the_same_come_together_by_their_words_where_there_are_no_vectors():
    texts = [*ODD, *LIBRARY, *PARKING]
    groups, alone = group_alike(range(len(texts)), texts, np.zeros((len(texts), 0)))
    assert [sorted(group.numbers) for group in groups] == [[7, 8, 9, 10, 11], [3, 4, 5, 6]]
    assert alone == (0, 1, 2)


@pytest.mark.parametrize("texts", [[], ["?!"], ["?!", "…", "--", "1 2 3"], ["the and of", "of the and", "and of the"]])
def test_comments_without_a_word_are_like_nothing(texts):
    numbers = list(range(len(texts)))
    assert group_alike(numbers, texts, np.zeros((len(texts), 0))) == ((), tuple(numbers))


def test_typical_comments_each_say_something_else():
    texts = ["Free parking!", "free parking", "FREE PARKING.", "Parking should be free", "Park for free"]
    groups, _ = group_alike(range(5), texts, vectors_of(*[0] * 5))
    (group,) = groups
    assert len({texts[n].casefold().strip("!.") for n in group.typical}) == len(group.typical) == 3


def test_the_order_of_comments_changes_names_of_groups_only_never_who_is_in_them():
    texts, vectors = [*LIBRARY, *PARKING, *ODD], vectors_of(0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4)
    numbers = list(range(len(texts)))
    expected = [set(group.numbers) for group in group_alike(numbers, texts, vectors)[0]]
    for seed in range(5):
        order = random.Random(seed).sample(numbers, len(numbers))
        groups, alone = group_alike(order, [texts[n] for n in order], vectors[order])
        assert [set(group.numbers) for group in groups] == expected
        assert set(alone) == {9, 10, 11}
    assert group_alike(numbers, texts, vectors) == group_alike(numbers, texts, vectors)


# ---- words -----------------------------------------------------------------------------------------------------------


def test_a_word_that_every_group_has_sets_none_apart_and_one_comment_alone_names_no_group():
    groups = [
        ["council bins bins bins", "council bins rats", "council bins late"],
        ["council trees", "council trees tall"],
    ]
    assert [words[0] for words in words_apart(groups)] == ["bins", "trees"]
    assert "rats" not in words_apart(groups)[0]
    assert all(words.index("council") > 0 for words in words_apart(groups))


def test_words_are_weighed_against_the_rest_too():
    group = [["kindly mend the swings", "kindly paint the swings"]]
    assert words_apart(group) == [("kindly", "swings")]
    assert words_apart(group, rest=["kindly help", "kindly stop", "kindly listen"] * 3) == [("swings", "kindly")]


def test_shortened_and_stop_words_are_never_named():
    group = ["I don't think it's the council's fault", "They didn’t think it’s their fault", "Dont think its a fault"]
    assert words_apart([group]) == [("fault", "think")]


def test_no_words_no_names():
    assert words_apart([["?!", "…"], ["the and"]]) == [(), ()]


# ---- of a run --------------------------------------------------------------------------------------------------------


@pytest.fixture
def review(tmp_path):
    """Comments without a topic, some of them without a service too."""
    rows = [
        *(row(n, text, given={"topic": [], "service": []}) for n, text in enumerate([*PARKING, *LIBRARY])),
        *(row(n, "Buses run late", given={"topic": [], "service": ["transport"]}) for n in (20, 21, 22)),
        row(30, given={"topic": ["parks"], "service": []}),
    ]
    with Review(make_run(tmp_path / "run", rows)) as opened:
        yield opened


def test_uncoded_is_without_a_code_in_all_facets_people_are_asked_about_or_in_one(review):
    assert uncoded(review) == list(range(1, 10))
    assert uncoded(review, "topic") == list(range(1, 13))
    assert uncoded(review, "service") == [*range(1, 10), 13]


def test_a_comment_leaves_the_pile_when_somebody_gives_it_a_code_and_comes_to_it_when_none_is_left(review):
    decided = [Choice("r0-q1", "topic", ("housing",)), Choice("r30-q1", "topic", ())]
    review.store.decide("an analyst", "screen", decided, 0)
    assert uncoded(review) == [*range(2, 10), 13]


def test_the_pile_of_a_run_is_grouped(review):
    found = pile(review)
    assert (found.total, found.looked_at, found.alone) == (9, 9, ())
    assert [sorted(group.numbers) for group in found.groups] == [[1, 2, 3, 4, 5], [6, 7, 8, 9]]
    assert pile(review, "topic").groups[-1] == Group((10, 11, 12), ("buses", "late", "run"), (10,))


@pytest.mark.parametrize("seed", [1])
def test_of_a_large_pile_some_are_drawn_the_same_ones_each_time(tmp_path, monkeypatch, seed):
    monkeypatch.setattr("pipeline.reviewing.uncoded.MOST", 20)
    rows = [row(n, f"The bus number {n} is late", given={}) for n in range(60)]
    with Review(make_run(tmp_path / "large", rows)) as review:
        found = pile(review, seed=seed)
        inside = {n for group in found.groups for n in group.numbers} | set(found.alone)
        assert (found.total, found.looked_at, len(inside)) == (60, 20, 20)
        assert pile(review, seed=seed) == found
    assert MOST == 4000
