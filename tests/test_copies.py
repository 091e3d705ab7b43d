"""Comments that say the same are counted by letters and digits alone; those that nearly do are told to be alike."""

import random

import bench_copies
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.texts import copies as copies_module
from pipeline.texts.copies import SHORTEST, Copies, Met, text_key

CAMPAIGN = "Please keep the library on Bow Road open"
QUESTION = "What should the council do differently?"
TEMPLATE = (
    "I am writing to object to the closure of the library on Bow Road. It is the only warm place in the ward where "
    "children can do their homework after school.\n\nOlder people depend on it too. Many of them have no computer at "
    "home and the staff help them with forms for housing and for blue badges.\n\nThe council has found money for "
    "consultants. It can find the money to keep our library open six days a week."
)
OTHER = (
    "Mend the lift in our tower before anything else. My mother is eighty and has not been out since the clocks "
    "went back, and the repairs line only tells us that a part is on order."
)
QUOTED = (
    "The draft strategy says that residents will be involved from the start in the design of every service that they "
    "use and that the council will publish what it has heard."
)


def alike(*texts, question=QUESTION):
    """The number of the group of each text."""
    copies = Copies((text, question) for text in texts)
    return [copies.meet(text).campaign for text in texts]


# ---- exact copies --------------------------------------------------------------------------------------------------


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
    met = Copies([(text, "")] * 3).meet(text)
    assert met == (Met(text_key(text), 3, True, 1, 3, True) if counted else Met())


def test_the_first_met_of_those_that_say_the_same_is_told():
    texts = [CAMPAIGN, "Mend the lift in our block", CAMPAIGN.upper(), "bus", "bus", f"{CAMPAIGN}!"]
    copies = Copies((text, QUESTION) for text in texts)
    key = text_key(CAMPAIGN)
    assert [copies.meet(text) for text in texts] == [
        Met(key, 3, True, 1, 3, True),
        Met(),
        Met(key, 3, False, 1, 3, False),
        Met(),
        Met(),
        Met(key, 3, False, 1, 3, False),
    ]


def test_an_export_without_comments_has_no_copies():
    assert Copies([]).meet(CAMPAIGN) == Met()


@given(st.lists(st.sampled_from(["a b c d e", "A, b, c, d, e.", "f g h i j", "short", "k l m n o p"]), max_size=20))
def test_each_is_counted_with_those_of_its_key_and_one_of_them_is_first(texts):
    copies = Copies((text, "") for text in texts)
    met = [copies.meet(text) for text in texts]
    keys = [text_key(text) for text in texts]
    for place, one in enumerate(met):
        same = keys.count(keys[place]) if keys[place] is not None else 1
        assert (one.key, one.copies, one.size) == (keys[place] if same > 1 else None, same, same)
        assert one.first == one.opens == (same == 1 or keys.index(keys[place]) == place)


def test_a_key_fits_where_it_is_kept():
    keys = [text_key(f"say number {n} of {SHORTEST} or more") for n in range(1000)]  # four of a kind are cut to three
    assert len(set(keys)) == 1000
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert min(keys) < 0 < max(keys)


# ---- near copies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edited",
    [
        "I live in Bow. " + TEMPLATE,
        TEMPLATE.replace("Bow Road", "Roman Road").replace("the ward", "Mile End"),
        "\n\n".join(TEMPLATE.split("\n\n")[:2]),
        "\n\n".join(TEMPLATE.split("\n\n")[1:]),
        TEMPLATE.replace("library", "libary").replace("children", "childern").replace("consultants", "consultents"),
        TEMPLATE.upper().replace(".", " - ") + " THANK YOU",
        TEMPLATE + " My own daughter learned to read there and now works in one herself.",
        f"{QUESTION} {TEMPLATE}",
    ],
    ids=["first sentence", "names", "end dropped", "start dropped", "typos", "punctuation", "own point", "question"],
)
def test_a_copy_with_small_edits_belongs_to_the_campaign_but_is_no_exact_copy(edited):
    texts = [TEMPLATE, edited, OTHER]
    copies = Copies((text, QUESTION) for text in texts)
    assert [copies.meet(text) for text in texts] == [
        Met(None, 1, True, 1, 2, True),
        Met(None, 1, True, 1, 2, False),
        Met(),
    ]


def test_exact_and_near_copies_are_told_apart_within_a_campaign():
    edited = "I live in Bow. " + TEMPLATE
    texts = [edited, TEMPLATE, OTHER, TEMPLATE.upper(), edited, OTHER]
    copies = Copies((text, QUESTION) for text in texts)
    template, added, other = map(text_key, (TEMPLATE, edited, OTHER))
    assert [copies.meet(text) for text in texts] == [
        Met(added, 2, True, 1, 4, True),
        Met(template, 2, True, 1, 4, False),
        Met(other, 2, True, 2, 2, True),
        Met(template, 2, False, 1, 4, False),
        Met(added, 2, False, 1, 4, False),
        Met(other, 2, False, 2, 2, False),
    ]


@pytest.mark.parametrize(
    "texts",
    [
        (
            "Listen to residents before you decide and not after. The playground was moved without a word to us.",
            "My road was closed overnight and nobody asked. Listen to residents before you decide and not after.",
        ),
        (f"{QUESTION} Mend the lift in our block", f"{QUESTION} More trees along the canal"),
        (f"{QUOTED} {OTHER}", f"{TEMPLATE} {QUOTED}"),
        (f"{OTHER} {QUOTED}", f"{QUOTED} Nobody asked us about the bins, which are still taken on three mornings."),
        ("Please keep the library on Bow Road open all week", "Please keep the library on Roman Road open all week"),
        (TEMPLATE, " ".join(reversed(TEMPLATE.split()))),
        (OTHER, f"{OTHER} {TEMPLATE}"),
    ],
    ids=["stock phrase", "question", "quoted", "quoted, short", "short", "other order", "part of a long one"],
)
def test_people_who_share_some_words_are_of_no_campaign(texts):
    assert alike(*texts) == [None, None]


def test_a_long_question_that_is_repeated_in_part_makes_no_campaign():
    said = QUOTED.removeprefix("The draft strategy says that ")
    texts = [f"{said} Really? {end}" for end in ("Nobody rang me back once", "The bins are proof of the opposite")]
    assert alike(*texts, question=f"{QUOTED} What do you think of it?") == [None, None]
    assert alike(*texts, question=QUESTION) == [1, 1]


def test_no_chain_of_edits_joins_what_is_unlike():
    """Each is the one before with a quarter of its words exchanged; the first and the last share none."""
    words = [[f"{letter}{n}" for n in range(40)] for letter in "abcdefgh"]
    one, texts = list(words[0]), []
    for step in range(28):
        texts.append(" ".join(one))
        start = 10 * (step % 4)
        one[start : start + 10] = words[1 + step // 4][start : start + 10]
    groups = alike(*texts)
    members = {group: [place for place, found in enumerate(groups) if found == group] for group in {*groups} - {None}}
    assert len(members) > 3
    assert all(places[-1] - places[0] <= 2 for places in members.values()), groups


def test_groups_are_numbered_as_first_met_and_do_not_depend_on_the_order_of_the_export():
    texts, _ = bench_copies.invented(300, 4, bench_copies.TUNED_ON)
    shuffled = random.Random(1).sample(texts, len(texts))

    def groups(order):
        found = dict(zip(order, alike(*order), strict=True))
        numbers = list(dict.fromkeys(number for number in found.values() if number))
        assert numbers == list(range(1, len(numbers) + 1))
        return {frozenset(text for text in found if found[text] == number) for number in numbers}

    assert groups(texts) == groups(shuffled) != set()


def test_every_comment_is_counted_in_its_group():
    texts, _ = bench_copies.invented(300, 5, bench_copies.TUNED_ON)
    copies = Copies((text, QUESTION) for text in texts)
    met = [copies.meet(text) for text in texts]
    groups = {one.campaign: [other for other in met if other.campaign == one.campaign] for one in met if one.campaign}
    assert all({one.size for one in of} == {len(of)} for of in groups.values())
    assert all([one.opens for one in of] == [True] + [False] * (len(of) - 1) for of in groups.values())
    assert all(one == Met() for one in met if one.campaign is None)
    assert sum(map(len, groups.values())) + met.count(Met()) == len(texts)


def test_long_and_odd_comments_are_taken_as_they_are():
    long = " ".join(f"word{n}" for n in range(50_000))
    odd = [
        "",
        "\0",
        "\ud800" * 30,
        "🙂 " * 30,
        "ক খ গ ঘ ঙ চ ছ জ ঝ ঞ ট ঠ ড",
        "ক খ গ ঘ ঙ চ ছ জ ঝ ঞ ট ঠ ঢ",
        long,
        long + " more",
    ]
    assert alike(*odd) == [None, None, None, None, 1, 1, 2, 2]


# ---- how well, how fast ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hard", "recall"), [(False, 0.97), (True, 0.92)])
def test_campaigns_that_were_not_looked_at_are_found(hard, recall):
    texts, truth = bench_copies.invented(1000, 11, bench_copies.HELD_OUT, hard=hard)
    found = bench_copies.scores(truth, bench_copies.found_in(texts))
    assert found["comments"] > 250
    assert found["recall"] >= recall
    assert found["pair recall"] >= recall - 0.05
    assert min(found["precision"], found["pair precision"]) >= 0.99


@pytest.mark.parametrize("kind", ["one campaign", "one quotation"])
def test_the_work_grows_with_the_comments_even_where_all_are_candidates(monkeypatch, kind):
    """Each text is compared with a few others, whether they all are alike or all share a sentence and are not."""
    compared = []

    def counting(one, other):
        compared.append(1)
        return are_near(one, other)

    are_near = copies_module.are_near
    monkeypatch.setattr(copies_module, "are_near", counting)
    draw = random.Random(3)
    own = [
        " ".join(f"w{draw.randrange(5000)}" for _ in range(15 if kind == "one campaign" else 60)) for _ in range(2000)
    ]
    texts = [f"{TEMPLATE if kind == 'one campaign' else QUOTED} {text}" for text in own]
    groups = alike(*texts)
    assert len(compared) < 60 * len(texts)
    assert groups == [1 if kind == "one campaign" else None] * len(texts)
