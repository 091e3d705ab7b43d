"""All that a model makes of some comments: each doubt fires where it should, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest
from invented import QUICK, SESSIONS, THINGS, codebook, coded, corpus, facet

from pipeline.coding.doubts import DOUBTS
from pipeline.coding.judging import judge
from pipeline.coding.reading import uncertainty
from pipeline.learning.learned import Learned, learned_from
from pipeline.learning.model_store import StoredModel
from pipeline.learning.training import train

BUS = SESSIONS["north"].format("bus stop")
PARK = SESSIONS["east"].format("playground")
LIKE_BUS = "The bus stop is a lot worse than it was a year ago"
STRANGE = "Quarterly amortisation of intangible assets under the revised accounting standard"
PADDING = "It went on like that for as long as anybody in this street can remember, sad to say. "
MIXED = f"{BUS}. {PADDING * 4} {PARK}. And then my rent arrears and the damp flat, nobody asked us about the rent."


def stored(settings, tmp_path):
    """A model of the facet `topic` and of who people are, with what it learned from."""
    book = codebook(facet("topic"), facet("who", exclusive=True))
    training = train(corpus(coded("A bus", "transport", column="who")), book, settings)
    model = training.model
    vectors = model.features.vectors_of(training.bags.whole)
    learned = learned_from(training.comments, list(model.classifiers), vectors)
    return StoredModel(model, tmp_path, {"estimators_sha256": "0"}, learned)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Without a sentence encoder."""
    return stored(QUICK, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """With the shipped one."""
    return stored(replace(QUICK, encoder="minilm"), tmp_path_factory.mktemp("full"))


def judged(stored_model, texts, copies=None, first=None):
    size = len(texts)
    facets = list(stored_model.model.codebook.facet)
    return judge(stored_model, facets, texts, [""] * size, copies or [1] * size, first or [True] * size)


def where(found, doubt):
    """The comments that have a doubt."""
    return [row for row, doubts in enumerate(found.doubts) if doubt in doubts]


@pytest.mark.parametrize("model", ["plain", "full"])
def test_all_is_told_of_every_comment_in_its_row(model, request):
    stored_model = request.getfixturevalue(model)
    texts = [BUS, PARK, MIXED, STRANGE, "", "😀", "nul \0 \ud83d"]
    found = judged(stored_model, texts)
    alone = [judged(stored_model, [text]) for text in texts]
    neighbours = 5 if model == "full" else 0
    assert (found.near.shape, found.similarity.shape) == ((7, neighbours), (7, neighbours))
    assert (len(found.doubts), found.unsure.shape, len(found.vectors)) == (7, (7,), 7)
    assert list(found.codings) == ["topic", "who"]
    assert list(found.reasons) == ["topic"]
    for row, one in enumerate(alone):
        assert found.doubts[row] == one.doubts[0]
        assert found.unsure[row] == pytest.approx(one.unsure[0])
        assert found.probability(row) == pytest.approx(one.probability(0))
        assert found.probability(row).shape == (6,)
    assert ((found.unsure >= 0) & (found.unsure <= 1)).all()


def test_without_an_encoder_nothing_is_called_unlike_or_different(plain):
    found = judged(plain, [BUS, STRANGE, MIXED])
    assert where(found, "unlike the corpus") == where(found, "neighbours differ (topic)") == []
    assert found.vectors.shape == (3, 0)


def test_no_code_is_told_where_no_topic_is_given_whoever_speaks(plain):
    found = judged(plain, [BUS, STRANGE, PARK])
    without = np.flatnonzero(~found.codings["topic"].given.any(axis=1)).tolist()
    assert where(found, "no code at all") == without == [1]
    assert found.codings["who"].given.any(axis=1).all()


def test_the_doubts_of_a_facet_name_it_and_are_those_of_its_codes(plain):
    texts = [frame.format(thing) for frame in SESSIONS.values() for of in THINGS.values() for thing in of]
    texts += [f"{one} and {other}" for one in texts[:6] for other in texts[6:12]] + [STRANGE, "rent bus"]
    found = judged(plain, texts)
    thresholds = plain.model.classifiers["topic"].thresholds_
    for name, reason in DOUBTS.items():
        expected = np.flatnonzero(reason(found.codings["topic"], thresholds)).tolist()
        assert where(found, f"{name} (topic)") == expected
        assert where(found, f"{name} (who)") == []
    assert 0 < len(where(found, "near the line (topic)")) < len(texts)
    assert found.unsure.tolist() == uncertainty(found.codings["topic"].probability, thresholds).tolist()
    assert found.unsure.max() > 2 * found.unsure.min() > 0


def test_a_long_comment_of_several_topics_is_mixed_and_its_parts_alone_are_not(plain):
    found = judged(plain, [MIXED, BUS, f"{BUS}. {PADDING * 5}", PADDING * 6])
    assert where(found, "long and mixed") == [0]


def test_the_first_of_a_campaign_is_told_once(plain):
    found = judged(plain, [BUS, BUS, PARK, PARK], copies=[3, 3, 2, 1], first=[True, False, True, True])
    assert where(found, "first of a campaign") == [0]


def test_what_nobody_has_said_before_is_unlike_the_corpus(full):
    assert where(judged(full, [BUS, LIKE_BUS, PARK, STRANGE]), "unlike the corpus") == [3]


@pytest.mark.parametrize(
    ("codes", "differ"), [(None, []), ((), [0, 1]), (("housing",), [0, 1]), (("transport", "parks"), [0, 1])]
)
def test_neighbours_differ_where_like_comments_were_coded_otherwise(full, codes, differ):
    """codes: what all that was learned from is said to have had; None: what it had."""
    of = full.learned
    other = {facet_id: (codes,) * len(of) for facet_id in of.codes} if codes is not None else of.codes
    model = replace(full, learned=Learned(of.texts, of.sources, other, of.vectors))
    assert where(judged(model, [BUS, PARK]), "neighbours differ (topic)") == differ


def test_what_nobody_coded_differs_from_nothing(full):
    of = full.learned
    unsaid = {facet_id: (None,) * len(of) for facet_id in of.codes}
    model = replace(full, learned=Learned(of.texts, of.sources, unsaid, of.vectors))
    assert where(judged(model, [BUS, PARK]), "neighbours differ (topic)") == []


def test_a_model_that_kept_nothing_judges_all_the_same(full):
    empty = Learned((), (), {}, np.zeros((0, 0), np.float16))
    found = judged(replace(full, learned=empty), [BUS, STRANGE])
    assert (found.near.shape, where(found, "unlike the corpus")) == ((2, 0), [])
