"""From a codebook and coded comments to a model: what is learned from what, what is left out, why a code is given."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import EXAMPLES, QUICK, SESSIONS, THINGS, codebook, coded, corpus, facet

from pipeline.codebook import Example, Facet
from pipeline.errors import ModelError
from pipeline.learning.corpus import EXAMPLE_SOURCE, WORDING_SOURCE, CodedComment, Corpus, codebook_comments
from pipeline.learning.evaluation import indicator, score
from pipeline.learning.training import Coding, second_opinions, source_groups, train
from pipeline.texts.cleaning import normalise

NEW = {
    "transport": ["When does the bus come?", "Paint the cycle lane green", "A bus stop with a roof"],
    "parks": ["Open the park at night", "Who mends the playground?", "Another park bench"],
    "housing": ["I cannot pay the rent", "Our damp flat made us ill", "Help with rent arrears"],
}
TEXTS = [text for texts in NEW.values() for text in texts]


@pytest.fixture(scope="module")
def training():
    """The model of the invented corpus and codebook, with what was left out."""
    return train(corpus(), codebook(), QUICK)


def given_codes(model, texts, facet_id="topic"):
    """The codes that a model gives each text, most probable first."""
    coding = model.predict(texts)[facet_id]
    return [coding.first_to_last(row) for row in range(len(texts))]


def macro_f1(model):
    coding = model.predict(TEXTS)["topic"]
    truth = indicator([[code] for code, texts in NEW.items() for _ in texts], coding.codes)
    return score(coding.codes, truth, coding.given, coding.probability).macro_f1


# ---- groups ----------------------------------------------------------------------------------------------------------


def groups_of(*comments):
    """The comments' groups as numbers in order of appearance; "" stays."""
    names = source_groups([CodedComment(text, {}, source) for text, source in comments])
    seen = list(dict.fromkeys(name for name in names if name))
    return [seen.index(name) if name else "" for name in names]


def test_comments_of_one_source_are_one_group():
    assert groups_of(("a", "x"), ("b", "y"), ("c", "x"), ("d", "z"), ("e", "y")) == [0, 1, 0, 2, 1]


def test_a_text_that_several_sources_said_is_a_group_of_its_own():
    assert groups_of(("Mend it!", "x"), ("b", "y"), ("mend IT", "z"), ("c", "x"), ("d", "w"), ("e", "z")) == [
        *(0, 1, 0, 2, 3, 4)
    ]


def test_a_model_is_tried_on_what_it_has_not_seen_even_where_all_sources_share_a_text():
    wild = np.random.default_rng(4)
    words = [f"word{n}" for n in range(400)]
    codes = ("transport", "parks")  # given at random, so that nothing can be learned
    comments = [
        CodedComment("Nothing" if n < 4 else " ".join(wild.choice(words, 12)), {"topic": (codes[n % 2],)}, f"s{n % 4}")
        for n in range(80)
    ]
    left_out = train(Corpus(tuple(comments), (), ("topic",)), codebook(), QUICK).left_out["topic"].coding
    truth = indicator([comment.label("topic") for comment in comments], left_out.codes)
    assert (left_out.probability.argmax(axis=1) == truth.argmax(axis=1)).mean() < 0.8


def test_with_fewer_than_three_sources_the_text_makes_the_group():
    assert groups_of(("a", "x"), ("b", "x"), ("A.", "y"), ("c", "y"), ("d", "")) == [0, 1, 0, 2, 3]


def test_comments_without_a_source_are_grouped_by_text_beside_the_sources():
    assert groups_of(("a", "x"), ("b", ""), ("c", "y"), ("b", ""), ("d", "z"), ("c", "")) == [0, 1, 2, 1, 3, 2]


def test_examples_of_the_codebook_have_no_group_and_join_none():
    assert groups_of(("a", EXAMPLE_SOURCE), ("a", "x"), ("b", "y"), ("a", "z"), ("b", EXAMPLE_SOURCE)) == [
        *("", 0, 1, 0, "")
    ]
    assert groups_of(("a", EXAMPLE_SOURCE), ("b", WORDING_SOURCE), ("c", EXAMPLE_SOURCE)) == [0, "", 1]
    assert groups_of(("b", WORDING_SOURCE)) == [""]
    assert groups_of() == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "A!", "b", "c", "d d", "d  D.", "e"]),
            st.sampled_from(["", EXAMPLE_SOURCE, *"uvwxyz"]),
        ),
        max_size=30,
    )
)
def test_no_text_is_in_two_groups_nor_a_source_but_for_what_others_said_too(comments):
    groups = source_groups([CodedComment(text, {}, source) for text, source in comments])
    rows = list(zip(comments, groups, strict=True))
    nothing_coded = all(source == EXAMPLE_SOURCE for _, source in comments)
    assert all((group == "") == (source == EXAMPLE_SOURCE and not nothing_coded) for (_, source), group in rows)
    by_source = len({source for _, source in comments} - {"", EXAMPLE_SOURCE}) >= 3
    coded = {EXAMPLE_SOURCE}
    for ((text, source), group), ((text_2, source_2), group_2) in itertools.combinations(rows, 2):
        if "" not in (group, group_2) and group != group_2:
            assert normalise(text) != normalise(text_2)
            said_by = [{s for t, s in comments if normalise(t) == normalise(one)} - coded for one in (text, text_2)]
            assert not by_source or not source or source != source_2 or max(map(len, said_by)) > 1


# ---- learning --------------------------------------------------------------------------------------------------------


def test_a_codebook_alone_makes_a_model_that_works():
    model = train(None, codebook(), QUICK).model
    assert given_codes(model, TEXTS) == [[code] for code, texts in NEW.items() for _ in texts]
    assert given_codes(model, ["Thank you for the tea"]) == [[]]


def test_a_codebook_of_two_examples_for_each_code_does_not_give_every_code_to_every_comment():
    things = {"transport": ("bus", "cycle lane"), "parks": ("park", "playground"), "housing": ("rent", "damp flat")}
    model = train(None, codebook(facet(things=things, examples=("The {} is bad",))), QUICK).model
    assert max(map(len, given_codes(model, TEXTS))) < 3


def test_coded_comments_alone_make_a_model_that_works():
    model = train(corpus(), codebook(facet(examples=())), QUICK).model
    assert given_codes(model, TEXTS) == [[code] for code, texts in NEW.items() for _ in texts]


def test_coded_comments_improve_on_a_codebook_that_speaks_in_other_words():
    stilted = {
        "transport": ("mobility offer", "public conveyance", "modal shift"),
        "parks": ("green infrastructure", "public realm", "amenity space"),
        "housing": ("tenure mix", "dwelling stock", "affordability"),
    }
    book = codebook(facet(things=stilted, examples=EXAMPLES))
    cold, warm = (train(known, book, QUICK).model for known in (None, corpus()))
    assert macro_f1(cold) < 0.6
    assert macro_f1(warm) == 1.0


def test_the_same_seed_gives_the_same_probabilities(training):
    again = train(corpus(), codebook(), QUICK).model.predict(TEXTS)["topic"]
    assert again.probability.tolist() == training.model.predict(TEXTS)["topic"].probability.tolist()


def test_each_facet_is_learned_from_the_comments_coded_in_it():
    book = codebook(facet(), facet("place", exclusive=True, examples=(), things={"home": (), "street": ()}))
    places = [
        coded(f"{verb} in the {thing}", code, session=session, column="place")
        for session, verb in (("a", "Cold"), ("b", "Noise"), ("c", "Rats"), ("d", "Litter"))
        for code, thing in (("home", "kitchen"), ("home", "bedroom"), ("street", "road"), ("street", "alley"))
    ]
    training = train(corpus(*places), book, QUICK)
    texts = ["The bus", "Paint the kitchen", "Sweep the alley"]
    assert given_codes(training.model, texts) == [["transport"], [], []]
    assert given_codes(training.model, texts[1:], "place") == [["home"], ["street"]]
    assert {name: len(left_out.comments) for name, left_out in training.left_out.items()} == {"topic": 40, "place": 16}


def test_a_facet_that_nothing_is_known_of_is_left_out():
    book = codebook(facet(), facet("place", examples=(), things={"home": (), "street": ()}))
    assert list(train(corpus(), book, QUICK).model.predict(TEXTS)) == ["topic"]


def test_both_labels_of_a_comment_teach_and_the_reviewed_one_is_what_counts():
    topic = facet(examples=())
    comments = (
        CodedComment("The bus", {"topic": ("parks",), "topic_reviewed": ("transport",)}, "a"),
        CodedComment("The park", {"topic": ("parks",)}, "b"),
    )
    transport, parks = topic.ids.index("transport"), topic.ids.index("parks")
    second = second_opinions(topic, comments)
    assert second[0, parks] == 1.0
    assert second[0, transport] == 0.0
    assert np.isnan(second[1]).all()
    assert [comment.label("topic") for comment in comments] == [("transport",), ("parks",)]
    assert second_opinions(topic, comments[1:]) is None


def test_a_label_that_contradicts_the_reviewed_one_makes_the_model_less_sure():
    book = codebook(facet(examples=()))
    swapped = {"transport": "parks", "parks": "transport", "housing": "housing"}
    doubted = tuple(
        CodedComment(
            c.text, {"topic_reviewed": c.codes["topic"], "topic": tuple(map(swapped.get, c.codes["topic"]))}, c.source
        )
        for c in corpus().comments
    )
    sure = train(corpus(), book, QUICK).model.predict(["The bus"])["topic"]
    unsure = train(Corpus(doubted, (), ("topic", "topic_reviewed")), book, QUICK).model.predict(["The bus"])["topic"]
    place = sure.codes.index("transport")
    assert unsure.probability[0, place] < sure.probability[0, place]


def test_progress_is_told_from_the_first_step_to_the_last():
    steps = []
    train(corpus(), codebook(), QUICK, lambda *step: steps.append(step))
    assert steps == [
        ("reading words", 0, 1),
        ("reading words", 1, 1),
        ("learning codes", 0, 1),
        ("learning codes", 1, 1),
    ]


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (
            None,
            "there is nothing to learn from. Fix: give a corpus with --corpus, or write examples into the codebook",
        ),
        (
            Corpus((CodedComment("The bus is late", {"colour": ("red",)}),), (), ("colour",)),
            "no comment has a code of this codebook. Fix: check the columns of the corpus",
        ),
        (
            Corpus((coded("?!"), coded("...", "transport")), (), ("topic",)),
            "no comment holds a word to learn from. Fix: check the column 'text' of the corpus",
        ),
    ],
)
def test_where_there_is_nothing_to_learn_that_is_told(known, message):
    with pytest.raises(ModelError) as error:
        train(known, codebook(facet(examples=())), QUICK)
    assert str(error.value) == message


# ---- what was left out -----------------------------------------------------------------------------------------------


def test_every_coded_comment_is_left_out_once_and_examples_are_not(training):
    left_out = training.left_out["topic"]
    assert left_out.comments == corpus().comments
    assert left_out.coding.codes == tuple(THINGS)
    assert left_out.coding.probability.shape == left_out.coding.given.shape == (40, 3)


def test_without_coded_comments_the_examples_are_left_out_in_turn():
    left_out = train(None, codebook(), QUICK).left_out["topic"]
    assert left_out.comments == tuple(codebook_comments(codebook()))


def falcons(*sessions):
    return [coded("Falcons nest up there", "parks", session=session) for session in sessions]


def parks_of_falcons(training):
    """Whether a comment on falcons is given `parks`: by the finished model, and by those that had it left out."""
    left_out = training.left_out["topic"]
    rows = [n for n, comment in enumerate(left_out.comments) if comment.text.startswith("Falcons")]
    parks = list(THINGS).index("parks")
    finished = training.model.predict(["Falcons nest up there"])["topic"]
    return bool(finished.given[0, parks]), left_out.coding.given[rows, parks].tolist()


def test_a_word_of_one_source_is_not_known_while_that_source_is_left_out():
    assert parks_of_falcons(train(corpus(*falcons("north", "north", "north")), codebook(), QUICK)) == (
        True,
        [False] * 3,
    )


def test_a_text_said_in_two_sources_is_left_out_with_both():
    sessions = ("north", "south", "fifth", "sixth")
    assert parks_of_falcons(train(corpus(*falcons(*sessions)), codebook(), QUICK)) == (True, [False] * 4)


def test_an_example_that_repeats_a_coded_comment_does_not_give_it_away():
    transport, parks, housing = facet().code
    parks = dataclasses.replace(parks, examples=(*parks.examples, Example("Falcons nest up there!")))
    book = codebook(Facet("topic", "Topic", (transport, parks, housing)))
    assert parks_of_falcons(train(corpus(*falcons(*["north"] * 3)), book, QUICK)) == (True, [False] * 3)


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_codes_are_listed_from_the_most_probable_to_the_least():
    coding = Coding(("a", "b", "c"), np.array([[0.2, 0.9, 0.4], [0.5, 0.1, 0.5]]), np.array([[1, 1, 0], [1, 0, 1]]) > 0)
    assert [coding.first_to_last(row) for row in (0, 1)] == [["b", "a"], ["a", "c"]]


def test_a_reason_is_the_part_that_decided_and_the_words_that_spoke_for_the_code(training):
    model = training.model
    texts = [
        "We moved here ten years ago with our children. The bus stop\tis gone. The rent went up again and again.",
        "Mend the playground",
        "Thank you for the biscuits",
    ]
    bags = model.features.transform(texts)
    coding = model.code(bags)["topic"]
    reasons = model.reasons("topic", texts, bags, coding)
    assert [[reason.code for reason in of_comment] for of_comment in reasons] == [
        coding.first_to_last(row) for row in range(3)
    ]
    assert [{reason.code: reason.part for reason in of_comment} for of_comment in reasons] == [
        {"transport": "The bus stop is gone.", "housing": "The rent went up again and again."},
        {"parks": "Mend the playground"},
        {},
    ]
    words = {reason.code: reason.words for of_comment in reasons for reason in of_comment}
    assert (words["transport"][0], words["housing"][0], words["parks"][0]) == ("bus", "rent", "playground")
    assert all(len(spoke) <= 4 for spoke in words.values())


def test_a_comment_is_coded_the_same_alone_as_among_others(training):
    together = training.model.predict(TEXTS)["topic"].probability
    alone = np.vstack([training.model.predict([text])["topic"].probability for text in TEXTS])
    assert together == pytest.approx(alone, abs=1e-9)


def test_the_invented_sessions_are_enough_to_be_left_out_by_source():
    assert len(set(source_groups(corpus().comments))) == len(SESSIONS)
