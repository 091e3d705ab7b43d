"""The classifier's arithmetic on small arrays, and what fitting promises: grouped folds, the same again each time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import expit, logit
from sklearn.base import clone

from pipeline.learning.classifier import (
    DEFAULT_THRESHOLD,
    HIGHEST_THRESHOLD,
    LOWEST_THRESHOLD,
    SHARE_PRIOR,
    THRESHOLD_PRIOR,
    WORTH_PROCESSES,
    FacetClassifier,
    apply_calibration,
    best_level,
    best_threshold,
    best_when_none,
    calibrate,
    choose_floor,
    choose_thresholds,
    even_threshold,
    folds,
    pooled,
)
from pipeline.learning.features import Bags
from pipeline.learning.likeness import straight

CODES = ("a", "b", "c")


def bags_of(whole, parts=None, owner=()):
    """Bags of dense rows."""
    whole = np.asarray(whole, dtype=np.float32)
    parts = np.zeros((0, whole.shape[1])) if parts is None else np.asarray(parts, dtype=np.float32)
    return Bags(sparse.csr_matrix(whole), sparse.csr_matrix(parts), np.array(owner, dtype=int))


def consultation(n=60, noise=0.6, seed=1):
    """Bags and codes (comments × 3): a feature for each code, with noise, and codes that may come together."""
    random = np.random.default_rng(seed)
    Y = (random.random((n, 3)) < 0.35).astype(float)
    return bags_of(Y + random.normal(scale=noise, size=Y.shape)), Y


def fitted(bags, Y, groups=None, **options):
    groups = [f"source {n // 4}" for n in range(len(Y))] if groups is None else groups
    return FacetClassifier(CODES[: Y.shape[1]], **options).fit(bags, Y, np.ones(len(Y)), groups)


# ---- scores ----------------------------------------------------------------------------------------------------------


def test_a_comment_of_several_parts_is_scored_half_by_the_whole_and_half_by_its_best_part():
    bags = bags_of([[1, 0], [0, 1], [1, 1]], [[2, 0], [0, 4], [1, 1]], [0, 0, 2])
    coef, intercept = np.array([[1, 0], [0, 10]], dtype=np.float32), np.array([0.5, -1.0])
    assert straight(coef, intercept).scores(bags.parts).tolist() == [[2.5, -1.0], [0.5, 39.0], [1.5, 9.0]]
    assert pooled(bags, straight(coef, intercept)).tolist() == [
        [(1.5 + 2.5) / 2, (-1.0 + 39.0) / 2],
        [0.5, 9.0],
        [1.5, 9.0],
    ]


def test_without_parts_the_score_is_that_of_the_whole():
    coef, intercept = np.array([[1, -1]], dtype=np.float32), np.array([2.0])
    assert pooled(bags_of([[1, 0], [0, 1]]), straight(coef, intercept)).tolist() == [[3.0], [1.0]]


# ---- calibration -----------------------------------------------------------------------------------------------------


def scored(shares, n=200, gap=3.0, seed=0):
    """Scores that tell the codes apart, and the truth, in which each code has its share of the comments."""
    random = np.random.default_rng(seed)
    truth = np.array([np.arange(n) < round(share * n) for share in shares], dtype=float).T
    return random.normal(size=truth.shape) + gap * truth - 1, truth


def test_the_mean_probability_of_a_common_code_is_its_share():
    scores, truth = scored([0.5, 0.2, 0.1], n=2000)
    probability = apply_calibration(scores, calibrate(scores, truth))
    assert probability.mean(axis=0) == pytest.approx(truth.mean(axis=0), abs=1e-3)


@pytest.mark.parametrize("positives", [1, 2, 7])
def test_the_mean_probability_of_a_rare_code_lies_between_its_share_and_that_of_all(positives):
    scores, truth = scored([0.4, positives / 200])
    probability = apply_calibration(scores, calibrate(scores, truth))
    expected = (positives + SHARE_PRIOR * truth.mean()) / (200 + SHARE_PRIOR)
    assert probability[:, 1].mean() == pytest.approx(expected, abs=1e-6)
    assert truth[:, 1].mean() < expected < truth.mean()


def test_a_code_that_all_but_a_few_have_is_calibrated_as_a_rare_one():
    scores, truth = scored([0.4, 199 / 200])
    probability = apply_calibration(scores, calibrate(scores, truth))
    assert truth.mean() < probability[:, 1].mean() < 1


def test_a_rare_code_takes_the_slope_of_all_codes_together():
    scores, truth = scored([0.4, 3 / 200])
    rare, more = calibrate(scores, truth)[1], calibrate(scores.reshape(-1, 1), truth.reshape(-1, 1))[0]
    assert rare[0] == pytest.approx(more[0])


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 4), st.floats(-3, 3))
def test_a_higher_score_is_never_a_lower_probability(seed, n, codes, gap):
    random = np.random.default_rng(seed)
    truth = (random.random((n, codes)) < 0.3).astype(float)
    scores = random.normal(size=truth.shape) + gap * truth
    calibration = calibrate(scores, truth)
    rising = apply_calibration(np.linspace(-9, 9, 30)[:, None].repeat(codes, axis=1), calibration)
    assert calibration.shape == (codes, 2)
    assert (calibration[:, 0] >= 0).all()
    assert (np.diff(rising, axis=0) >= 0).all()
    assert ((rising >= 0) & (rising <= 1)).all()


def test_scores_that_are_worse_than_none_leave_a_code_its_share():
    scores, truth = scored([0.4, 0.2], gap=-3.0)
    probability = apply_calibration(scores - 5, calibrate(scores - 5, truth))
    assert probability.mean(axis=0) == pytest.approx([0.4, 0.2], abs=0.05)


# ---- thresholds ------------------------------------------------------------------------------------------------------


def f_beta(given, truth, beta):
    both = (given & truth).sum()
    return (1 + beta**2) * both / (given.sum() + beta**2 * truth.sum())


judged = st.lists(st.tuples(st.integers(2, 18), st.booleans()), min_size=1, max_size=25).map(
    lambda pairs: (np.array([p / 20 for p, _ in pairs]), np.array([t for _, t in pairs]))
)


@given(judged, st.sampled_from([0.5, 1.0, 2.0]))
def test_no_other_threshold_has_a_higher_f_beta(case, beta):
    probability, truth = case
    chosen = best_threshold(probability, truth.astype(float), beta)
    if not truth.any():
        assert chosen == DEFAULT_THRESHOLD
        return
    best = max(f_beta(probability >= cut, truth, beta) for cut in probability)
    assert f_beta(probability >= chosen, truth, beta) == pytest.approx(best)
    assert chosen not in probability


@given(judged)
def test_favouring_recall_never_raises_the_threshold_and_favouring_precision_never_lowers_it(case):
    probability, truth = case
    recall, balance, precision = (best_threshold(probability, truth.astype(float), beta) for beta in (2.0, 1.0, 0.5))
    assert recall <= balance <= precision


def test_the_threshold_is_half_way_to_the_next_probability():
    assert best_threshold(np.array([0.2, 0.6, 0.3, 0.8]), np.array([0.0, 1, 0, 1])) == pytest.approx(0.45)
    assert best_threshold(np.array([0.6, 0.8]), np.array([1.0, 1])) == pytest.approx(0.3)


def test_a_threshold_stays_within_sane_limits():
    assert best_threshold(np.array([0.99, 0.97]), np.array([1.0, 0])) == HIGHEST_THRESHOLD
    assert best_threshold(np.array([0.01, 0.02]), np.array([1.0, 0])) == LOWEST_THRESHOLD


@given(judged)
def test_a_code_is_given_as_often_as_people_gave_it(case):
    probability, truth = case
    chosen = even_threshold(probability, truth.astype(float))
    if truth.any() and LOWEST_THRESHOLD < chosen < HIGHEST_THRESHOLD:
        assert (probability > chosen).sum() <= truth.sum() <= (probability >= chosen).sum()


def test_thresholds_of_recall_and_precision_are_those_of_the_best_f_beta_beyond_the_even_ones():
    scores, truth = scored([0.5, 0.2], n=400)
    probability = expit(scores)
    even = choose_thresholds(probability, truth)
    given, people = (probability >= even).sum(axis=0), truth.sum(axis=0)
    assert np.abs(given - people).max() <= 12
    assert (choose_thresholds(probability, truth, 2.0) <= even).all()
    assert (choose_thresholds(probability, truth, 2.0) < even).any()
    assert (choose_thresholds(probability, truth, 0.5) >= even).all()


def test_the_threshold_of_a_rare_code_is_drawn_to_that_of_all():
    probability = np.array([[0.8, 0.1], [0.7, 0.3], [0.2, 0.2], [0.1, 0.15]])
    truth = np.array([[1.0, 0], [1, 1], [0, 0], [0, 0]])
    together, first, second = 0.25, 0.45, 0.25
    assert even_threshold(probability.ravel(), truth.ravel()) == pytest.approx(together)
    weights = np.array([2, 1]) / (np.array([2, 1]) + THRESHOLD_PRIOR)
    own = np.array([first, second])
    drawn = expit(weights * logit(own) + (1 - weights) * logit(together))
    assert choose_thresholds(np.tile(probability, (50, 1)), np.tile(truth, (50, 1))) == pytest.approx(own, abs=0.05)
    assert choose_thresholds(probability, truth) == pytest.approx(np.maximum(drawn, [0.4, 0.25]))


def test_a_code_without_comments_has_the_threshold_of_all_and_a_common_one_nearly_its_own():
    scores, truth = scored([0.5, 0.5, 0.0], n=2000)
    probability = expit(scores) * [1.0, 0.4, 0.1]
    thresholds = choose_thresholds(probability, truth)
    own = [even_threshold(probability[:, code], truth[:, code]) for code in (0, 1)]
    assert thresholds[2] == pytest.approx(even_threshold(probability.ravel(), truth.ravel()))
    assert thresholds[:2] == pytest.approx(own, abs=0.01)


# ---- a code for comments that reach no threshold ---------------------------------------------------------------------


def test_the_best_code_of_a_comment_without_any_is_given_from_the_floor_on():
    probability = np.array([[0.3, 0.2], [0.1, 0.29], [0.3, 0.6]])
    reached = np.array([[False, False], [False, False], [False, True]])
    assert best_when_none(probability, reached, 0.3).tolist() == [[True, False], [False, False], [False, False]]
    assert best_when_none(probability, reached, 1.0).tolist() == [[False, False]] * 3


def test_nothing_is_given_below_the_thresholds_where_people_often_gave_no_code():
    probability, truth = np.array([[0.3, 0.2]] * 10), np.array([[0.0, 0]] * 6 + [[1, 0]] * 4)
    assert choose_floor(probability, truth, np.array([0.5, 0.5])) == 1.0


def test_the_best_code_is_given_below_the_thresholds_where_people_nearly_always_gave_it():
    probability, truth = np.array([[0.3, 0.2]] * 10), np.array([[0.0, 0]] + [[1, 0]] * 9)
    assert choose_floor(probability, truth, np.array([0.5, 0.5])) == 0.3


# ---- few comments of each exclusive code -----------------------------------------------------------------------------


def test_exclusive_codes_with_a_few_comments_each_share_one_line():
    random = np.random.default_rng(3)
    truth = np.eye(3)[np.arange(24) % 3]
    scores = truth + random.normal(size=truth.shape) + [0.0, 1.0, -1.0]  # left out together, a code scores low
    shared = calibrate(scores, truth, exclusive=True)
    assert shared.tolist() == [shared[0].tolist()] * 3
    assert len(set(calibrate(scores, truth)[:, 1])) == 3


@pytest.mark.parametrize("counts", [(20, 5, 5), (120, 120, 120), (8, 8, 0)])
def test_exclusive_codes_that_are_many_or_uneven_or_never_seen_keep_lines_of_their_own(counts):
    truth = np.eye(3)[np.repeat([0, 1, 2], counts)]
    scores = truth + np.random.default_rng(3).normal(size=truth.shape)
    assert calibrate(scores, truth, exclusive=True).tolist() == calibrate(scores, truth).tolist()


# ---- folds -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abcdefghijkl"), min_size=2, max_size=60))
def test_no_group_is_on_both_sides_of_a_fold_and_every_row_is_held_out_once(groups):
    names = np.array(groups, dtype=object)
    parts = list(folds(names))
    if len(set(groups)) == 1:
        assert [(learn.tolist(), held.tolist()) for learn, held in parts] == [
            (list(range(len(names))), list(range(len(names))))
        ]
        return
    assert sorted(row for _, held in parts for row in held.tolist()) == list(range(len(names)))
    for learn, held in parts:
        assert not set(names[learn]) & set(names[held])
        assert sorted([*learn.tolist(), *held.tolist()]) == list(range(len(names)))


# ---- fitting ---------------------------------------------------------------------------------------------------------


def test_what_is_clear_is_coded_as_people_did():
    bags, Y = consultation(noise=0.05)
    assert (fitted(bags, Y).predict(bags) == (Y > 0)).all()


def test_the_same_seed_gives_the_same_classifier():
    bags, Y = consultation()
    first, second = fitted(bags, Y, seed=5), fitted(bags, Y, seed=5)
    for name in ("coef_", "intercept_", "calibration_", "thresholds_", "left_out_"):
        assert getattr(first, name).tolist() == getattr(second, name).tolist()


def test_two_processes_give_the_same_classifier_as_one():
    bags, Y = consultation(WORTH_PROCESSES)
    one, two = fitted(bags, Y, jobs=1), fitted(bags, Y, jobs=2)
    for name in ("coef_", "intercept_", "calibration_", "thresholds_"):
        assert getattr(one, name).tolist() == getattr(two, name).tolist()


def test_favouring_recall_gives_more_and_favouring_precision_gives_less():
    bags, Y = consultation()
    recall, balance, precision = (fitted(bags, Y, favour=favour) for favour in ("recall", "balance", "precision"))
    assert (recall.thresholds_ <= balance.thresholds_).all()
    assert (balance.thresholds_ <= precision.thresholds_).all()
    assert recall.predict(bags).sum() > precision.predict(bags).sum()
    assert recall.predict_proba(bags).tolist() == precision.predict_proba(bags).tolist()


def test_an_exclusive_facet_gives_exactly_one_code_and_probabilities_that_sum_to_one():
    bags, Y = consultation()
    Y = np.eye(3)[Y.argmax(axis=1)]
    model = fitted(bags, Y, exclusive=True)
    unclear = bags_of(np.vstack([np.zeros(3), np.full(3, 9.0), np.full(3, -9.0), np.eye(3)]))
    assert model.predict(unclear).sum(axis=1).tolist() == [1] * 6
    assert model.predict_proba(unclear).sum(axis=1) == pytest.approx([1] * 6)
    assert model.cross_fitted(Y, [f"source {n // 4}" for n in range(60)])[1].sum(axis=1).tolist() == [1] * 60


def test_rare_codes_of_an_exclusive_facet_are_made_up_for_only_where_that_is_worth_it():
    probability, truth = np.array([[0.8, 0.2]] * 8 + [[0.6, 0.4]] * 2), np.eye(2)[[0] * 8 + [1] * 2]
    assert best_level(probability, truth, truth.mean(axis=0)) == pytest.approx(0.3)
    assert best_level(truth, truth, truth.mean(axis=0)) == 0.0


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_code_that_nobody_was_given_is_never_given(exclusive):
    bags, Y = consultation(noise=0.2)
    Y = np.hstack([np.eye(2)[Y[:, 0].astype(int)], np.zeros((60, 1))])
    unclear = bags_of(np.vstack([np.zeros(3), np.full(3, 9.0), np.full(3, -9.0), np.eye(3)]))
    assert fitted(bags, Y, exclusive=exclusive).predict(unclear)[:, 2].tolist() == [False] * 6


@pytest.mark.parametrize(("exclusive", "seed"), [(False, 0), (True, 2)])
def test_a_code_that_nobody_was_given_is_not_given_where_little_is_known_of_the_others(exclusive, seed):
    bags = bags_of(np.random.default_rng(seed).normal(size=(4, 5)))
    unclear = bags_of(np.random.default_rng(3).normal(size=(50, 5)))
    model = fitted(bags, np.eye(3)[[0, 1, 0, 1]], list("wxyz"), exclusive=exclusive)
    assert not model.predict(unclear)[:, 2].any()


def test_a_code_that_everybody_was_given_is_always_given():
    bags, Y = consultation(noise=0.2)
    Y[:, 1] = 1
    assert fitted(bags, Y).predict(bags)[:, 1].all()


def test_weights_say_how_much_a_comment_teaches():
    bags, Y = bags_of([[1, 0], [1, 0], [0, 1], [0, 1]]), np.array([[1.0], [0], [0], [0]])
    groups = list("abcd")
    said_yes, said_no = (
        FacetClassifier(("a",)).fit(bags, Y, np.array(weights), groups).coef_[0, 0]
        for weights in ([9.0, 1, 1, 1], [1.0, 9, 1, 1])
    )
    assert said_yes > said_no


# ---- what was left out -----------------------------------------------------------------------------------------------


def test_examples_teach_and_are_never_left_out_while_others_are_there():
    bags, Y = consultation(40)
    groups = [""] * 10 + [f"source {n // 5}" for n in range(30)]
    model = fitted(bags, Y, groups)
    probability, codes = model.cross_fitted(Y, groups)
    assert model.left_out_rows_.tolist() == list(range(10, 40))
    assert (probability.shape, codes.shape, codes.dtype) == ((30, 3), (30, 3), bool)
    assert model.left_out_[:10].tolist() == [[0.0] * 3] * 10


def test_examples_alone_are_left_out_one_by_one():
    bags, Y = consultation(20)
    model = fitted(bags, Y, [""] * 20)
    assert model.left_out_rows_.tolist() == list(range(20))
    assert model.cross_fitted(Y, [""] * 20)[0].shape == (20, 3)


@pytest.fixture
def one_source_recoded():
    """Bags, codes, the same codes but for the opposite in one source, the groups, and the rows of that source."""
    bags, Y = consultation()
    own = np.arange(8, 12)
    other = Y.copy()
    other[own] = 1 - other[own]
    return bags, Y, other, [f"source {n // 4}" for n in range(60)], own


def test_what_people_said_of_a_source_does_not_touch_its_scores_when_left_out(one_source_recoded):
    bags, Y, other, groups, own = one_source_recoded
    before, after = (fitted(bags, codes, groups).left_out_ for codes in (Y, other))
    assert before[own].tolist() == after[own].tolist()
    assert before.tolist() != after.tolist()


def test_what_people_said_of_a_source_does_not_touch_its_calibration_and_thresholds(one_source_recoded):
    bags, Y, other, groups, own = one_source_recoded
    model = fitted(bags, Y, groups)
    (before, given_before), (after, given_after) = (model.cross_fitted(codes, groups) for codes in (Y, other))
    assert before[own].tolist() == after[own].tolist()
    assert given_before[own].tolist() == given_after[own].tolist()
    assert before.tolist() != after.tolist()


def test_left_out_comments_are_scored_without_what_only_they_have():
    bags, Y = bags_of(np.eye(8)), np.array([[1.0], [0]] * 4)  # each comment has a feature of its own
    left_out = fitted(bags, Y, [str(n) for n in range(8)], c=3.0).left_out_
    assert np.ptp(left_out[::2]) < 1e-6
    assert np.ptp(left_out[1::2]) < 1e-6


def test_nothing_of_the_training_comments_is_stored():
    bags, Y = consultation()
    stored = fitted(bags, Y).__getstate__()
    assert not [name for name in stored if name.startswith("left_out")]
    assert max(np.size(value) for value in stored.values() if isinstance(value, np.ndarray)) == 9  # codes × features


def test_a_clone_has_the_same_settings_and_has_learned_nothing():
    bags, Y = consultation()
    model = fitted(bags, Y, favour="recall", seed=4, c=2.0, exclusive=True)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "coef_")
