"""Comments as numbers: their words, their parts, their questions, and which words a score is owed to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learning.features import (
    LONGEST_AT_ONCE,
    LONGEST_PART,
    LONGEST_WORD,
    QUESTION_WEIGHT,
    VECTOR_WEIGHT,
    CharTfidf,
    Features,
    parts_of,
    tokens,
)

TEXTS = [
    "The bus is late every morning",
    "Trees. Plant more trees in the park, please, and mend the benches! Then let us sit on them in peace",
    "no",
    "",
    "My flat is damp and the landlord does nothing\nThe bus past the clinic was taken away last winter",
]


def dense(rows):
    return rows.toarray().tolist()


def numbered(n, start=1):
    return " ".join(f"w{number}" for number in range(start, start + n))


@pytest.fixture(scope="module")
def words_only():
    return Features(encoder="none").fit(TEXTS)


@pytest.fixture(scope="module")
def with_vectors():
    return Features().fit(TEXTS)


# ---- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The bus isn't here; it was late AGAIN!", ["the", "bus", "is", "n't", "here", "it", "was", "late", "again"]),
        ("Wi-Fi at £5 a month?", ["wi", "fi", "at", "£", "5", "a", "month"]),
        ("  café\n\nparks ", ["café", "parks"]),
        ("mould,damp", ["mould", "damp"]),
        ("?! ... -", []),
        ("", []),
    ],
)
def test_words_are_in_lower_case_without_punctuation_and_spaces(text, words):
    assert tokens(text, "en") == words


# ---- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", [""]),
        ("Mend the lift. It broke. It smells too.", ["Mend the lift. It broke. It smells too."]),
        (
            "The lift in our block is broken. Who will mend it for us?",
            ["The lift in our block is broken.", "Who will mend it for us?"],
        ),
        (
            "The lift in our block is broken; the stairs are far too steep",
            ["The lift in our block is broken;", "the stairs are far too steep"],
        ),
        (
            "The lift in our block is broken\nThe stairs are far too steep",
            ["The lift in our block is broken", "The stairs are far too steep"],
        ),
        (
            "The lift in our block is broken\r\nThe stairs are far too steep",
            ["The lift in our block is broken", "The stairs are far too steep"],
        ),
        (
            "Please. The lift in our block is broken. Help! The stairs are far too steep",
            ["Please. The lift in our block is broken. Help!", "The stairs are far too steep"],
        ),
        (numbered(LONGEST_PART), [numbered(LONGEST_PART)]),
        (numbered(81), [numbered(27), numbered(27, 28), numbered(27, 55)]),
        (
            f"{numbered(50)}. The stairs are far too steep",
            [numbered(25), f"{numbered(25, 26)}.", "The stairs are far too steep"],
        ),
    ],
)
def test_a_comment_is_cut_into_sentences_the_short_joined_and_the_long_cut(text, parts):
    assert parts_of(text, "en") == parts


@pytest.mark.parametrize("gap", ["\r\n\r\n", "\n\n\n", "\n \n", "\r", "\n\t"])
def test_a_blank_line_between_paragraphs_cuts(gap):
    first, second = "The lift in our block is broken", "The stairs are far too steep"
    assert [part.strip() for part in parts_of(first + gap + second, "en")] == [first, second]


PIECES = st.sampled_from(
    ["lift", "e.g.", "Mr.", "no…yes", "!?", "\n", "\r\n\r\n", "\t", "(a;b)", "£3.50", "-", ":)", "é"]
)


@given(st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=150).map(" ".join)))
def test_parts_keep_every_letter_in_order_and_are_never_long(text):
    parts = parts_of(text, "en")
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert max(len(part.split()) for part in parts) <= LONGEST_PART


# ---- features --------------------------------------------------------------------------------------------------------


def test_the_parts_of_comments_that_have_several_follow_their_owners(words_only):
    bags = words_only.transform(TEXTS)
    assert bags.owner.tolist() == [1, 1, 4, 4]
    assert bags.texts == (*parts_of(TEXTS[1], "en"), *parts_of(TEXTS[4], "en"))
    assert (len(bags), bags.whole.shape[0], bags.parts.shape[0]) == (5, 5, 4)
    assert dense(bags.parts) == dense(words_only.transform(bags.texts).whole)


@pytest.mark.parametrize("features", ["words_only", "with_vectors"])
def test_a_comment_has_the_same_features_alone_as_in_a_batch(features, request):
    features = request.getfixturevalue(features)
    together = features.transform(TEXTS)
    for row, text in enumerate(TEXTS):
        alone = features.transform([text])
        assert dense(alone.whole) == dense(together.whole[row])
        assert dense(alone.parts) == dense(together.parts[np.flatnonzero(together.owner == row)])


def test_the_sentence_vector_stands_after_the_words_with_its_weight(words_only, with_vectors):
    words, both = words_only.transform(TEXTS).whole, with_vectors.transform(TEXTS).whole
    width = words.shape[1]
    assert (both.shape[1] - width, both.dtype) == (384, np.float32)
    assert dense(both[:, :width]) == dense(words)
    lengths = np.linalg.norm(both[:, width:].toarray(), axis=1)
    assert lengths == pytest.approx([VECTOR_WEIGHT, VECTOR_WEIGHT, VECTOR_WEIGHT, 0, VECTOR_WEIGHT], abs=1e-5)


@pytest.mark.parametrize("rows", [[4, 1, 0], [2, 3], [1], [0, 1, 2, 3, 4], []])
def test_taking_comments_takes_their_parts_with_them(words_only, rows):
    bags = words_only.transform(TEXTS)
    taken = bags.take(np.array(rows, dtype=int))
    assert len(taken) == len(rows)
    assert dense(taken.whole) == dense(bags.whole[rows])
    for place, row in enumerate(rows):
        own, before = taken.owner == place, bags.owner == row
        assert dense(taken.parts[np.flatnonzero(own)]) == dense(bags.parts[np.flatnonzero(before)])
    assert taken.parts.shape[0] == len(taken.owner) == sum(row in (1, 4) for row in rows) * 2


# ---- questions -------------------------------------------------------------------------------------------------------


def test_a_question_asked_often_enough_is_a_feature_and_any_other_adds_nothing():
    asked = ["What should change?"] * 30 + ["Anything else?"] * 30 + ["A third one?"] * 29
    features = Features(encoder="none").fit([TEXTS[0]] * len(asked), asked)
    questions = ["What should change?", "  what SHOULD change ", "Anything else?", "A third one?", "Never asked", ""]
    rows = features.transform([TEXTS[0]] * len(questions), questions).whole.toarray()
    plain = features.transform([TEXTS[0]]).whole.toarray()[0]
    assert features.questions_ == ["anything else", "what should change"]
    assert (rows[:, :-2] == plain[:-2]).all()
    assert rows[:, -2:].tolist() == [
        [0, QUESTION_WEIGHT],
        [0, QUESTION_WEIGHT],
        [QUESTION_WEIGHT, 0],
        [0, 0],
        [0, 0],
        [0, 0],
    ]
    assert plain[-2:].tolist() == [0, 0]


def test_the_only_question_of_a_corpus_tells_nothing_and_is_no_feature():
    asked = Features(encoder="none").fit([TEXTS[0]] * 40, ["What should change?"] * 40)
    assert asked.questions_ == []


def test_the_parts_of_a_comment_have_its_question():
    asked = ["What should change?"] * 30 + ["Anything else?"] * 30
    features = Features(encoder="none").fit([TEXTS[1]] * len(asked), asked)
    bags = features.transform([TEXTS[1]], ["Anything else?"])
    assert bags.parts[:, -2:].toarray().tolist() == [[QUESTION_WEIGHT, 0]] * 2


# ---- which words a score is owed to ----------------------------------------------------------------------------------


def test_the_shares_of_the_words_add_up_to_the_score():
    texts = ["damp flat", "bus timetable", "park grove", "damp park"]
    features = Features(encoder="none").fit(texts)
    coefficients = np.random.default_rng(3).normal(size=(2, features.transform(texts).whole.shape[1]))
    for text in texts:
        row = features.transform([text]).whole
        words, shares = features.word_shares(text, row, coefficients.astype(np.float32))
        assert words == text.split()
        assert shares.sum(axis=0) == pytest.approx((row @ coefficients.T)[0], abs=1e-5)


def test_a_word_is_credited_with_its_own_features_and_stop_words_are_not_named():
    features = Features(encoder="none").fit(["damp flat", "bus route"])
    row = features.transform(["The damp flat, the flat"]).whole
    coefficients = np.zeros((2, row.shape[1]), dtype=np.float32)
    coefficients[0, features.words_.vocabulary_["damp"]] = 1.0
    coefficients[1, features.words_.vocabulary_["damp flat"]] = 1.0
    words, shares = features.word_shares("The damp flat, the flat", row, coefficients)
    value = {name: row[0, place] for name, place in features.words_.vocabulary_.items()}
    assert words == ["damp", "flat"]
    assert shares == pytest.approx(
        np.array([[value["damp"], value["damp flat"] / 2], [0, value["damp flat"] / 2]]), abs=1e-6
    )


def test_a_text_of_stop_words_has_no_words_to_credit(words_only):
    row = words_only.transform(["it is so"]).whole
    words, shares = words_only.word_shares("it is so", row, np.ones((3, row.shape[1]), dtype=np.float32))
    assert (words, shares.shape) == ([], (0, 3))


# ---- comments without end --------------------------------------------------------------------------------------------

ENDLESS = {
    "one word": "abc" * 30_000,
    "signs": "([" * 45_000,
    "addresses": "http://a.b/" * 9_000,
    "short sentences": "No! Why? " * 10_000,
    "two words": "a bus " * 15_000,
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_a_comment_without_end_is_cut_into_parts_that_can_be_read_and_hold_all_of_it(text):
    parts = parts_of(text, "en")
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert max(len(part.split()) for part in parts) <= LONGEST_PART
    assert max(map(len, parts)) <= LONGEST_PART * (LONGEST_WORD + 1)


def test_of_a_word_without_end_pieces_are_read():
    assert tokens("abc" * 100, "en") == [("abc" * 67)[:LONGEST_WORD], ("abc" * 100)[LONGEST_WORD:]]
    assert tokens("ab" * (LONGEST_WORD // 2), "en") == ["ab" * (LONGEST_WORD // 2)]
    assert tokens("([" * 50_000, "en") == []


def test_the_vector_of_a_very_long_comment_is_the_mean_of_its_parts_by_their_words(with_vectors):
    sentences = ["The bus is late every single morning.", "Plant more trees in the park!", "My flat is damp and cold."]
    text = " ".join([*sentences[:2] * 300, *sentences[2:] * 150])
    bags = with_vectors.transform([TEXTS[0], text, TEXTS[4]])
    assert len(text) > LONGEST_AT_ONCE
    parts = with_vectors.vectors_of(bags.parts[bags.owner == 1])
    words = np.array([len(part.split()) for part, row in zip(bags.texts, bags.owner, strict=True) if row == 1])
    mean = words @ parts
    whole = with_vectors.vectors_of(bags.whole)
    np.testing.assert_allclose(whole[1], mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(
        whole[[0, 2]], with_vectors.vectors_of(with_vectors.transform([TEXTS[0], TEXTS[4]]).whole)
    )


def test_the_characters_of_a_very_long_comment_count_as_those_of_a_short_one():
    chars = CharTfidf(min_df=1).fit(["The bus is late", "Plant trees"])
    text = "the late bus and the trees " * (LONGEST_AT_ONCE // 20)
    short = type(chars).__mro__[2]._char_wb_ngrams
    assert list(chars._char_wb_ngrams(text)) == short(chars, text)


def test_how_far_it_is_is_told_of_a_very_long_comment_only(with_vectors):
    told = []
    with_vectors.transform([" ".join(TEXTS)], progress=lambda *step: told.append(step))
    assert told == []
    with_vectors.transform(
        [". ".join(f"{numbered(9, n)}" for n in range(700))], progress=lambda *step: told.append(step)
    )
    assert [step for step, _, _ in told] == ["reading a long comment"]
