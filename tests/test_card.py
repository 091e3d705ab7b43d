"""The model card: its whole text on a tiny model, its figures in the manifest, and its picture."""

import dataclasses
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import call_well
from hypothesis import given
from hypothesis import strategies as st
from invented import QUICK, SETTINGS_FILE, THINGS, codebook, coded, corpus, facet, write_codebook, write_coded

from pipeline.codebook import Code, Facet
from pipeline.learning.card import PICTURE, measure_quality, scores_left_out, write_card
from pipeline.learning.corpus import CodedComment, Corpus
from pipeline.learning.picture import calibration_svg
from pipeline.learning.quality import calibration, learning_curve
from pipeline.learning.training import Coding, LeftOut, lesson_of, train

WHO = Facet("who", "Who", (Code("tenants", "Tenants | lodgers"), Code("staff", "Staff <all>")), exclusive=True)
BOOK = codebook(facet(), WHO)


@pytest.fixture(scope="module")
def training():
    """The model of the invented corpus and codebook, with what was left out."""
    return train(corpus(), BOOK, QUICK)


def left_out(*rows):
    """Left-out comments as (codes by column, probability of each code, codes given)."""
    comments = tuple(CodedComment(f"Comment {n}", codes, "x") for n, (codes, _, _) in enumerate(rows))
    codes = tuple(THINGS)
    given_codes = np.array([[code in row[2] for code in codes] for row in rows])
    return LeftOut(comments, Coding(codes, np.array([row[1] for row in rows]), given_codes))


def card_of(training, corpus=None, agreed=None, curve=None):
    """The card of a training, as `feedback train` would write it."""
    quality = measure_quality(training, QUICK)
    if curve:
        quality = dataclasses.replace(quality, curve_facet="topic", curve=curve)
    return write_card("tiny", training.model.codebook, corpus, scores_left_out(training), agreed or {}, quality)


def part(card, title):
    """What stands below one heading of the second level."""
    return card.split(f"## {title}\n\n")[1].split("\n\n## ")[0].strip()


# ---- the whole card --------------------------------------------------------------------------------------------------

BUS, PARK, RENT = ("transport",), ("parks",), ("housing",)
FOUR = left_out(
    ({"topic": BUS, "who": ("tenants",)}, [0.95, 0.05, 0.02], BUS),
    ({"topic": BUS, "who": ("tenants",)}, [0.85, 0.25, 0.02], BUS),
    ({"topic": PARK, "who": ("staff",)}, [0.65, 0.55, 0.02], BUS + PARK),
    ({"topic": ()}, [0.10, 0.20, 0.50], ()),
)


def test_the_whole_card_of_a_tiny_model(training):
    agreed = {"topic": {"n": 1, "main": 1.0, "any": 1.0, "macro_f1": 0.5, "sample_f1": 1.0}}
    made = dataclasses.replace(training, left_out={"topic": FOUR})
    card = card_of(made, Corpus((coded("A bus", "transport", session="x"),), (), ("topic",)), agreed)
    assert card == (Path(__file__).parent / "expected_card.md").read_text(encoding="utf-8")


# ---- its sentences ---------------------------------------------------------------------------------------------------


def test_groups_that_are_clearly_worse_are_named(training):
    right = ({"topic": BUS, "who": ("tenants",)}, [0.9, 0.1, 0.1], BUS)
    wrong = ({"topic": PARK, "who": ("staff",)}, [0.9, 0.1, 0.1], BUS)
    made = dataclasses.replace(training, left_out={"topic": left_out(*[right] * 45, *[wrong] * 5)})
    said = part(card_of(made), "Is it as good for every group?")
    assert "| Staff &lt;all&gt; | 5 | 5 | 0 % (0–43 %) | 0.00 (0.00–0.43) |" in said
    assert "Clearly worse than all together: in top-1, Staff &lt;all&gt;; in sample-F1, Staff &lt;all&gt;." in said


def test_the_share_that_could_be_left_unread_is_said_where_it_is_reached(training):
    sure = [({"topic": BUS}, [0.9 - n / 1000, 0.1, 0.1], BUS) for n in range(27)]
    unsure = [({"topic": PARK}, [0.6 - n / 1000, 0.1, 0.1], BUS) for n in range(13)]
    made = dataclasses.replace(training, left_out={"topic": left_out(*sure, *unsure)})
    assert (
        "The most that could be left unread: with 80 % right, 82 % (sure by 60 % or more); with 90 % right, 75 % (sure "
        "by 60 % or more); with 95 % right, 70 % (sure by 60 % or more)."
    ) in part(card_of(made), "How much could be left unread?")


def judged(*shares, n=400):
    """For each size, which of n comments were right: so many per cent of them, the first."""
    return np.array([np.arange(n) < share * n / 100 for share in shares], dtype=float)


RISING = """Topic, by models that learned from fewer comments, drawn at random, and judged those held out:

| coded comments learned from | top-1 (95 % interval) |
|---|---|
| 250 | 50 % (45–55 %) |
| 500 | 60 % (55–65 %) |
| 1,000 | 70 % (65–74 %) |

By a line through these points, another 200 comments like these would raise top-1 from 73.2 % to about 75.4 %. This is \
uncertain: the 95 % interval of the rise is from 1.7 to 2.6 points, which counts chance in the comments judged and \
nothing else. Twice as many comments would bring some 10.0 points more.

The line is straight in the logarithm of the number of comments."""
FLAT = (
    "No clear gain can be foreseen: by a line through these points, another 200 comments like these would take top-1 "
    "from 60.0 % to about 60.0 %; the 95 % interval of the change is from 0.0 to 0.0 points, which counts "
    "chance in the comments judged and nothing else."
)
AT_THE_TOP = "another 200 comments like these would take top-1 from 100.0 % to about 100.0 %"
FALLING = (
    "No clear gain can be foreseen: by a line through these points, another 200 comments like these would take top-1 "
    "from 56.8 % to about 40.9 %; the 95 % interval of the change is from -19.0 to -12.7 points, which counts "
    "chance in the comments judged and nothing else.\n\n"
    "With 100 comments coded so far, 200 more is far beyond what was tried."
)


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        (learning_curve([250, 500, 1000], judged(50, 60, 70), 1250), RISING),
        (learning_curve([250, 500, 1000], judged(60, 60, 60), 1250), FLAT),
        (learning_curve([20, 40, 80], judged(80, 70, 60), 100), FALLING),
        (learning_curve([250, 500, 1000], judged(80, 90, 100), 2000), AT_THE_TOP),
    ],
)
def test_what_more_comments_would_bring_is_said_only_where_the_curve_says_it(training, curve, said):
    assert said in part(card_of(training, curve=curve), "What would more coded comments bring?")


def test_without_coded_comments_the_card_says_that_examples_stand_in():
    card = card_of(train(None, codebook(), QUICK))
    assert "0 coded comments from 0 named sources, and 18 invented examples of the codebook," in card
    assert (
        "Topic: 18 of the 18 comments judged come from the examples of the codebook, for want of coded comments. Real "
        "comments are harder."
    ) in part(card, "How good it is, code by code")
    assert part(card, "Is it as good for every group?").startswith("No groups can be compared.")
    assert part(card, "What would more coded comments bring?").startswith("Too few comments are coded to tell")


@given(
    st.lists(
        st.tuples(
            st.lists(st.floats(0, 1), min_size=3, max_size=3),
            *[st.lists(st.sampled_from(tuple(THINGS)), unique=True).map(tuple)] * 2,
            st.sampled_from([(), ("tenants",), ("staff",)]),
        ),
        min_size=1,
        max_size=50,
    )
)
def test_whatever_the_figures_the_card_has_only_numbers_and_its_picture_is_whole(training, rows):
    found = left_out(*(({"topic": truth, "who": who}, said, given_codes) for said, given_codes, truth, who in rows))
    made = dataclasses.replace(training, left_out={"topic": found})
    assert not re.search(r"\b(nan|inf|None)\b", card_of(made))
    quality = measure_quality(made, QUICK)
    json.dumps(quality.as_json(), allow_nan=False)
    ElementTree.fromstring(calibration_svg([("Topic", quality.facets["topic"].calibration)]))


# ---- the learning curve ----------------------------------------------------------------------------------------------

FRAMES = {
    "north": "Who looks after the {} at night",
    "south": "I use the {} daily",
    "east": "Close the {} at once",
}


@pytest.fixture(scope="module")
def larger():
    """The model of the invented corpus with three more comments on each thing, 63 of them with a code."""
    more = [
        coded(frame.format(thing), code, session=session)
        for session, frame in FRAMES.items()
        for code, things in THINGS.items()
        for thing in things
    ]
    return train(corpus(*more), BOOK, QUICK)


def test_the_curve_goes_from_a_quarter_to_all_the_comments_that_may_be_learned_from(larger):
    quality = measure_quality(larger, QUICK)
    assert (quality.curve_facet, quality.curve.comments) == ("topic", 67)
    # Four sources make four folds of 19, 19, 19 and 10 comments: 67 less those held out teach, 50.25 on average.
    assert [point.comments for point in quality.curve.points] == [12, 25, 50]
    assert [point.top1.n for point in quality.curve.points] == [63, 63, 63]
    assert measure_quality(larger, QUICK) == quality


def test_all_of_the_comments_are_what_the_scores_of_the_card_were_made_of(larger):
    top1 = scores_left_out(larger)["topic"].top1
    assert measure_quality(larger, QUICK).curve.points[-1].top1.value == pytest.approx(top1, abs=0.1)


def test_fewer_comments_are_drawn_the_same_way_again_and_others_by_another_draw(larger):
    lesson = lesson_of(BOOK.facet[0], larger.comments, larger.bags, QUICK)
    classifier = larger.model.classifiers["topic"]

    def scores(share, draw=0):
        return classifier.left_out_with(share, lesson.bags, lesson.Y, lesson.weights, lesson.groups, draw=draw)[0]

    assert scores(1.0) is classifier.left_out_
    assert np.array_equal(scores(0.5), scores(0.5))
    assert not np.array_equal(scores(0.5), scores(0.5, draw=1))
    assert not scores(0.5)[67:].any(), "what only teaches is not judged"


def test_an_exclusive_facet_is_measured_where_no_other_has_enough_comments():
    comments = [
        CodedComment(comment.text, {"who": ("tenants" if n % 2 else "staff",)}, comment.source)
        for n, comment in enumerate([*corpus().comments, *(coded(f"Mend the {n}", session="s") for n in range(20))])
    ]
    assert measure_quality(train(Corpus(tuple(comments), (), ("who",)), BOOK, QUICK), QUICK).curve_facet == "who"


# ---- the picture -----------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"
SAID = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=bool)
SOME = calibration(FOUR.coding.probability, FOUR.coding.given, SAID)


def test_the_picture_has_a_title_and_says_in_words_what_it_shows():
    root = ElementTree.fromstring(calibration_svg([("Who & \x07 <what>", SOME)]))
    assert (root.tag, root.get("role"), root.get("aria-labelledby")) == (f"{SVG}svg", "img", "title desc")
    title, described = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert (title.get("id"), described.get("id")) == ("title", "desc")
    assert title.text == "Calibration: how often coders gave a code, by the probability the model gave it"
    assert described.text == (
        "Across: the probability given by the model. Up: the share of the decisions at which coders gave the code. "
        "Points on the dashed line are as right as they say; below it the model is too sure. Upright lines are 95 % "
        "intervals. "
        "Who &   <what>: 0 % to 10 %: 0 % of 4; 10 % to 20 %: 0 % of 1; 20 % to 30 %: 0 % of 2; 50 % to 60 %: 50 % of "
        "2; "
        "60 % to 70 %: 0 % of 1; 80 % to 90 %: 100 % of 1; 90 % to 100 %: 100 % of 1."
    )


def test_the_picture_is_black_on_white_with_a_point_for_each_band():
    picture = calibration_svg([("Topic", SOME)] * 4)
    assert set(re.findall(r'(?:fill|stroke)="(\w+)"', picture)) == {"black", "white", "none"}
    assert len(ElementTree.fromstring(picture).findall(f".//{SVG}circle")) == 4 * len(SOME.bands)
    assert len(re.findall(">Topic</text>", picture)) == 4


def test_panels_stand_three_in_a_row():
    sizes = [ElementTree.fromstring(calibration_svg([("Topic", SOME)] * n)).get("viewBox") for n in (1, 3, 4)]
    assert sizes == ["0 0 292 292", "0 0 876 292", "0 0 876 584"]


# ---- the model folder ------------------------------------------------------------------------------------------------


def test_a_model_folder_holds_card_picture_and_the_same_figures(tmp_path):
    (tmp_path / "feedback.toml").write_text(SETTINGS_FILE, encoding="utf-8")
    write_codebook(tmp_path / "book.toml", codebook())
    write_coded(tmp_path / "coded.csv", corpus().comments)
    files = ("--corpus", "coded.csv", "--codebook", "book.toml", "--out", "models/tiny")
    call_well("train", *files, "--quiet", folder=tmp_path)
    folder = tmp_path / "models" / "tiny"
    card = (folder / "card.md").read_text(encoding="utf-8")
    ((alternative, link),) = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", card)
    assert alternative.startswith("Calibration of each facet")
    assert link == PICTURE
    ElementTree.parse(folder / link)
    quality = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["quality"]
    assert (list(quality), list(quality["facets"])) == (["facets", "curve_facet", "curve"], ["topic"])
    topic = quality["facets"]["topic"]
    assert (topic["comments"], topic["examples"], quality["curve"]) == (40, 0, None)
    accuracy = {point["coverage"]: point["accuracy"] for point in topic["coverage"]["points"]}
    assert f"agrees with the coders' on {100 * accuracy[100]['value']:.0f} % (" in part(card, "In short")
    assert f"The two differ by {100 * topic['calibration']['error']:.1f} points on average" in card
