"""Comments that say the same are counted, by letters and digits alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.copies import SHORTEST, Copies, text_key

CAMPAIGN = "Please keep the library on Bow Road open"


@pytest.mark.parametrize(
    "same",
    [
        "please keep the LIBRARY on bow road open",
        "  Please, keep the library -- on Bow Road -- open!!! ",
        "Please keep\r\nthe library\ton Bow\u00a0Road open.",
        "<p>Please keep the library on Bow Road open</p>",
        "“Please keep the library on Bow Road open”",
        "Please keep the library on Bow Road open\ud800",
    ],
)
def test_texts_of_the_same_letters_and_digits_say_the_same(same):
    assert text_key(same) == text_key(CAMPAIGN)


@pytest.mark.parametrize(
    "other", [CAMPAIGN + " 24 hours", CAMPAIGN.replace("Bow", "Roman"), CAMPAIGN.replace(" ", ""), "", "n/a", "!!! ???"]
)
def test_other_words_say_something_else(other):
    assert text_key(other) != text_key(CAMPAIGN)


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("More buses please", False),
        ("One two three four", False),
        ("One two three four five", True),
        ("a-b-c-d-e", True),
    ],
)
def test_two_people_may_well_say_the_same_few_words_by_themselves(text, counted):
    assert (text_key(text) is not None) == counted
    key, count, first = Copies([text] * 3).meet(text)
    assert ((key is not None), count, first) == (counted, 3 if counted else 1, True)


def test_the_first_met_of_those_that_say_the_same_is_told():
    texts = [CAMPAIGN, "Mend the lift in our block", CAMPAIGN.upper(), "bus", "bus", f"{CAMPAIGN}!"]
    copies = Copies(texts)
    key = text_key(CAMPAIGN)
    assert [copies.meet(text) for text in texts] == [
        (key, 3, True),
        (None, 1, True),
        (key, 3, False),
        (None, 1, True),
        (None, 1, True),
        (key, 3, False),
    ]


def test_an_export_without_comments_has_no_copies():
    assert Copies([]).meet(CAMPAIGN) == (None, 1, True)


@given(st.lists(st.sampled_from(["a b c d e", "A, b, c, d, e.", "f g h i j", "short", "k l m n o p"]), max_size=20))
def test_each_is_counted_with_those_of_its_key_and_one_of_them_is_first(texts):
    copies = Copies(iter(texts))
    met = [copies.meet(text) for text in texts]
    keys = [text_key(text) for text in texts]
    for place, (key, count, first) in enumerate(met):
        same = keys.count(keys[place]) if keys[place] is not None else 1
        assert (key, count) == (keys[place] if same > 1 else None, same)
        assert first == (same == 1 or keys.index(keys[place]) == place)


def test_a_key_fits_where_it_is_kept():
    keys = [text_key(f"say number {n} of {SHORTEST} or more") for n in range(1000)]  # four of a kind are cut to three
    assert len(set(keys)) == 1000
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert min(keys) < 0 < max(keys)
