"""Likeness: what like comments were given, by kernel ridge regression over words and sentence vectors together."""

import numpy as np
import pytest
from scipy import sparse

from pipeline.learning import likeness
from pipeline.learning.classifier import FacetClassifier, pooled
from pipeline.learning.features import VECTOR_WEIGHT, Bags
from pipeline.learning.likeness import NEARNESS, SMOOTHING, Line, alike, near, straight


def ring(n=48, seed=2):
    """Bags of two words and a sentence vector of two numbers, and a code that no straight line can tell: a code for the
    vectors near either end of one axis."""
    random = np.random.default_rng(seed)
    angle = random.uniform(0, 2 * np.pi, n)
    vectors = VECTOR_WEIGHT * np.column_stack([np.cos(angle), np.sin(angle)])
    whole = np.hstack([random.random((n, 2)) * 0.1, vectors]).astype(np.float32)
    Y = np.column_stack([np.abs(np.cos(angle)) > 0.7, np.zeros(n)]).astype(float)
    return Bags(sparse.csr_matrix(whole), sparse.csr_matrix((0, 4)), np.zeros(0, dtype=int), vector_columns=2), Y


def test_the_nearest_is_what_is_the_same_and_nearness_falls_with_the_angle():
    vectors = VECTOR_WEIGHT * np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    peak = VECTOR_WEIGHT**2
    wanted = [[peak, peak * np.exp(-NEARNESS), peak * np.exp(-2 * NEARNESS)]]
    assert near(vectors[:1], vectors).tolist() == [pytest.approx(row, rel=1e-5) for row in wanted]
    assert near(np.zeros((2, 0), np.float32), np.zeros((3, 0), np.float32)).tolist() == [[0.0] * 3] * 2


def test_the_ridge_is_the_one_of_the_textbook():
    bags, Y = ring()
    weights = np.linspace(0.5, 2.0, len(Y))
    taught = np.arange(0, len(Y), 2)
    rows = bags.whole.toarray().astype(float)
    kernel = rows[:, :2] @ rows[:, :2].T + near(rows[:, 2:], rows[:, 2:])
    mean = np.average(Y[taught], axis=0, weights=weights[taught])
    doubt = np.diag(SMOOTHING / weights[taught])
    wanted = mean + kernel[:, taught] @ np.linalg.solve(kernel[np.ix_(taught, taught)] + doubt, Y[taught] - mean)
    assert alike(bags).learn(taught, Y, weights).scores(bags.whole) == pytest.approx(wanted, abs=1e-4)


def test_what_no_straight_line_tells_is_told_by_likeness():
    bags, Y = ring(400)
    scores = alike(bags).learn(np.arange(200), Y, np.ones(400)).scores(bags.whole)[200:, 0]
    assert ((scores > 0.5) == (Y[200:, 0] > 0)).mean() > 0.9


def test_a_code_that_nobody_was_given_is_pulled_to_by_nobody():
    bags, Y = ring()
    line = alike(bags).learn(np.arange(len(Y)), Y, np.ones(len(Y)))
    assert line.pull[:, 1].tolist() == [0.0] * len(Y)
    assert line.scores(bags.whole)[:, 1].tolist() == [0.0] * len(Y)


def test_words_keep_a_coefficient_each_and_the_sentence_vector_has_none():
    bags, Y = ring()
    line = alike(bags).learn(np.arange(len(Y)), Y, np.ones(len(Y)))
    assert (line.coef[0, :2] != 0).all()
    assert line.coef[:, 2:].tolist() == [[0.0, 0.0]] * 2


def test_without_a_sentence_vector_the_line_is_straight_and_keeps_no_comment():
    bags, Y = ring()
    words = Bags(bags.whole, bags.parts, bags.owner)
    line = alike(words).learn(np.arange(len(Y)), Y, np.ones(len(Y)))
    assert (line.anchors.size, line.pull.size) == (0, 0)


def test_lines_add_up():
    first = straight(np.array([[1.0, 2, 0, 0], [0, 0, 0, 0]], dtype=np.float32), np.array([1.0, -1]))
    bags, Y = ring()
    second = alike(bags).learn(np.arange(len(Y)), Y, np.ones(len(Y)))
    wanted = first.scores(bags.whole) + 3 * second.scores(bags.whole)
    assert first.plus(second, 3.0).scores(bags.whole) == pytest.approx(wanted, abs=1e-4)


def test_scoring_some_at_a_time_changes_nothing(monkeypatch):
    bags, Y = ring()
    line = alike(bags).learn(np.arange(len(Y)), Y, np.ones(len(Y)))
    whole = line.scores(bags.whole)
    monkeypatch.setattr(likeness, "AT_ONCE", 7)
    assert line.scores(bags.whole) == pytest.approx(whole, abs=1e-5)
    assert line.scores(bags.whole[:0]).shape == (0, 2)


def test_of_very_many_comments_some_are_drawn_to_compare(monkeypatch):
    monkeypatch.setattr(likeness, "MOST", 20)
    bags, Y = ring()
    first, again, other = (alike(bags, seed) for seed in (1, 1, 2))
    assert first.gram.shape == (20, 20)
    assert first.rows.tolist() == again.rows.tolist() != other.rows.tolist()
    line = first.learn(np.arange(30), Y, np.ones(len(Y)))
    assert len(line.anchors) == (first.rows < 30).sum()


def test_a_part_of_a_comment_is_pulled_like_a_comment():
    bags, Y = ring()
    two = Bags(bags.whole[:1], bags.whole[1:3], np.array([0, 0]), vector_columns=2)
    line = alike(bags).learn(np.arange(len(Y)), Y, np.ones(len(Y)))
    whole, best = line.scores(bags.whole[:1])[0], line.scores(bags.whole[1:3]).max(axis=0)
    assert pooled(two, line)[0] == pytest.approx((whole + best) / 2)


def test_a_classifier_follows_likeness_and_keeps_only_sentence_vectors():
    bags, Y = ring(600)
    groups = [f"source {n // 4}" for n in range(300)]
    learn = bags.take(np.arange(300))
    model = FacetClassifier(("ends", "never")).fit(learn, Y[:300], np.ones(300), groups)
    assert model.anchors_.tolist() == learn.whole[:, 2:].toarray().tolist()
    assert (model.predict(bags.take(np.arange(300, 600)))[:, 0] == (Y[300:, 0] > 0)).mean() > 0.9


def test_a_line_without_anchors_is_words_times_coefficients():
    line = Line(
        np.eye(2, dtype=np.float32), np.array([0.5, -0.5]), np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32)
    )
    assert line.scores(sparse.csr_matrix([[1.0, 2.0]])).tolist() == [[1.5, 1.5]]
