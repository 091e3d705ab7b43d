"""Shares corrected with a check sample: what is counted, estimated and promised about the interval."""

from dataclasses import fields
from math import sqrt

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from pipeline.counting.shares import (
    Counts,
    corrected,
    count,
    covariance,
    differences,
    raw_covariance,
    size_for,
)

NAMES = [field.name for field in fields(Counts)]


def counts(**given):
    """Counts of codes, 0 where nothing is said."""
    some = np.zeros(np.shape(next(iter(given.values()))))
    return Counts(**{name: np.asarray(given.get(name, some), dtype=float) for name in NAMES})


def as_lists(found):
    return {name: np.round(getattr(found, name), 6).tolist() for name in NAMES}


def material(units=2000, codes=6, seed=1):
    """What a machine gave and people would have said: wrong about one code in eight, rare codes among them."""
    random = np.random.default_rng(seed)
    truth = random.random((units, codes)) < np.linspace(0.01, 0.4, codes)
    return np.where(random.random(truth.shape) < np.where(truth, 0.3, 0.05), ~truth, truth), truth


def check(machine, truth, size, seed=1, **more):
    """The counts of a simple sample coded by one person, nothing being decided."""
    rows = np.random.default_rng(seed).choice(len(machine), size, replace=False)
    return count(machine, np.zeros(len(machine), dtype=bool), rows, truth[rows].astype(float), **more), rows


# ---- counting --------------------------------------------------------------------------------------------------------


def test_units_are_counted_by_who_decided_and_what_the_machine_gave():
    machine = np.array([[1, 0], [1, 1], [0, 1], [1, 0], [0, 0], [0, 1]], dtype=bool)
    decided = np.array([True, False, False, False, False, False])
    said = np.array([[1.0, 0.5], [0.0, 0.0], [1.0, 1.0]])

    assert as_lists(count(machine, decided, np.array([1, 2, 4]), said)) == {
        "decided": [1, 1],
        "decided_with": [1, 0],
        "given": [2, 3],
        "given_checked": [1, 2],
        "given_found": [1, 0.5],
        "not_given": [3, 2],
        "not_given_checked": [2, 1],
        "not_given_found": [1, 1],
    }


def test_a_sampled_unit_that_people_decided_counts_as_decided_only():
    machine = np.array([[True], [True], [False]])
    found = count(machine, np.array([True, False, False]), np.array([0, 1]), np.array([[0.0], [1.0]]))

    assert (found.decided.item(), found.given_checked.item(), found.given_found.item()) == (1, 1, 1)


def test_codes_may_be_decided_one_by_one():
    machine = np.array([[True, True], [False, True]])
    decided = np.array([[True, False], [False, False]])
    found = count(machine, decided, np.array([0]), np.array([[1.0, 1.0]]))

    assert as_lists(found)["decided"] == [1, 0]
    assert as_lists(found)["given_checked"] == [0, 1]


def test_values_of_a_group_add_up_to_all_units_with_a_value():
    machine, truth = material()
    group = np.random.default_rng(5).integers(-1, 4, len(machine))
    found, rows = check(machine, truth, 300, group=group, values=4)
    inside = group >= 0
    kept = np.isin(rows, np.flatnonzero(inside))
    place = np.cumsum(inside) - 1
    whole = count(
        machine[inside], np.zeros(inside.sum(), dtype=bool), place[rows[kept]], truth[rows[kept]].astype(float)
    )

    for name in NAMES:
        assert np.allclose(getattr(found, name).sum(axis=0), getattr(whole, name)), name


def test_a_value_that_nobody_has_is_there_and_empty():
    machine, truth = material(50)
    found, _ = check(machine, truth, 10, group=np.zeros(50, dtype=int), values=2)

    assert found.base.tolist() == [[50] * 6, [0] * 6]
    assert corrected(found).value[1].tolist() == [0] * 6


def test_weighted_units_count_as_many_as_they_are_worth():
    machine = np.ones((10, 1), dtype=bool)
    said, weight = np.array([[1.0], [0.0], [0.0]]), np.array([4.0, 1.0, 1.0])
    found = count(machine, np.zeros(10, dtype=bool), np.array([0, 1, 2]), said, weight)

    assert found.given_checked.item() == pytest.approx(6**2 / 18)
    assert found.given_found.item() / found.given_checked.item() == pytest.approx(4 / 6)


def test_equal_weights_are_a_simple_sample():
    machine, truth = material()
    simple, rows = check(machine, truth, 200)
    weighted = count(
        machine, np.zeros(len(machine), dtype=bool), rows, truth[rows].astype(float), np.full(len(rows), 10.0)
    )

    assert as_lists(weighted) == as_lists(simple)


# ---- the estimate ----------------------------------------------------------------------------------------------------


def test_a_share_can_be_followed_by_hand():
    found = corrected(
        counts(
            decided=[100],
            decided_with=[40],
            given=[200],
            given_checked=[20],
            given_found=[15],
            not_given=[700],
            not_given_checked=[70],
            not_given_found=[7],
        )
    )
    t = 2 / 9 * 15 / 20 + 7 / 9 * 7 / 70
    q1, q0 = 15.5 / 21, 7.5 / 71
    v = (2 / 9) ** 2 * q1 * (1 - q1) / 20 * 0.9 + (7 / 9) ** 2 * q0 * (1 - q0) / 70 * 0.9
    s = 2 / 9 * q1 + 7 / 9 * q0
    k, z = v / (s * (1 - s)), 1.959964
    middle, half = t + z * z * k / 2, z * sqrt(k * t * (1 - t) + z * z * k * k / 4)

    assert found.machine.item() == pytest.approx(0.24)
    assert found.full.item() == pytest.approx((40 + 900 * t) / 1000)
    assert found.low.item() == pytest.approx((40 + 900 * (middle - half) / (1 + z * z * k)) / 1000)
    assert found.high.item() == pytest.approx((40 + 900 * (middle + half) / (1 + z * z * k)) / 1000)
    assert found.variance.item() == pytest.approx(0.81 * v)
    assert found.value.item() == pytest.approx(0.24 + found.pull.item() * (found.full.item() - 0.24))


def test_the_whole_correction_is_the_tuned_prediction_powered_mean():
    machine, truth = material()
    found, rows = check(machine, truth, 250)
    f, y = machine[rows].astype(float), truth[rows].astype(float)
    slope = ((f - f.mean(axis=0)) * (y - y.mean(axis=0))).sum(axis=0) / ((f - f.mean(axis=0)) ** 2).sum(axis=0)

    assert corrected(found).full == pytest.approx(slope * machine.mean(axis=0) + (y - slope * f).mean(axis=0))


def test_ppi_python_gives_the_same_at_the_same_slope():
    ppi = pytest.importorskip("ppi_py")
    machine, truth = material()
    found, rows = check(machine, truth, 250)
    slope = found.given_found / found.given_checked - found.not_given_found / found.not_given_checked
    theirs = [
        ppi.ppi_mean_pointestimate(*(a[:, c].astype(float) for a in (truth[rows], machine[rows], machine)), lam=lam)
        for c, lam in enumerate(slope)
    ]

    assert corrected(found).full == pytest.approx(np.ravel(theirs))


def test_a_machine_that_gives_nothing_leaves_the_sample_alone():
    found = corrected(counts(given=[0], not_given=[1000], not_given_checked=[100], not_given_found=[10]))

    assert found.full.item() == pytest.approx(0.1)
    assert found.machine.item() == 0


def test_the_machine_is_believed_where_none_of_its_units_was_checked():
    unread = corrected(counts(given=[10], not_given=[990], not_given_checked=[100], not_given_found=[5]))
    all_given = corrected(counts(given=[990], given_checked=[100], given_found=[95], not_given=[10]))

    assert unread.full.item() == pytest.approx(0.01 + 0.99 * 0.05)
    assert all_given.full.item() == pytest.approx(0.99 * 0.95)


def test_without_a_sample_shares_are_as_counted_and_could_be_anything_not_decided():
    found = corrected(counts(decided=[20], decided_with=[5], given=[30], not_given=[50]))

    assert [x.item() for x in (found.value, found.low, found.high, found.pull)] == [0.35, 0.05, 0.85, 0]


def test_what_people_decided_is_certain():
    found = corrected(counts(decided=[40], decided_with=[10]))

    assert [x.item() for x in (found.value, found.low, found.high, found.variance)] == [0.25, 0.25, 0.25, 0]


def test_an_interval_of_what_was_read_whole_has_no_width_even_where_coders_differ():
    machine, truth = material(300)
    said = np.where(np.random.default_rng(2).random(truth.shape) < 0.1, 0.5, truth)
    found = corrected(count(machine, np.zeros(300, dtype=bool), np.arange(300), said))

    for share in (found.value, found.low, found.high):
        assert share == pytest.approx(said.mean(axis=0))


def test_nobody_at_all_is_no_share_and_no_error():
    found = corrected(counts(given=[0.0]))

    assert [x.item() for x in (found.value, found.low, found.high)] == [0, 0, 0]


numbers = st.integers(0, 60)


@settings(max_examples=300, deadline=None)
@for_all(st.lists(st.tuples(*[st.tuples(numbers, numbers, st.floats(0, 1))] * 3), min_size=1, max_size=5))
def test_the_interval_holds_the_estimate_and_only_what_can_be(codes):
    """Of each code the decided, given and not given: how many, how many checked (at most all), part of them found."""
    parts = [[(units, min(checked, units), found) for units, checked, found in code] for code in codes]
    (decided, given, others) = (np.array([code[n] for code in parts], dtype=float).T for n in range(3))
    of = Counts(
        decided[0],
        decided[0] * decided[2],
        *(given[0], given[1], given[1] * given[2]),
        *(others[0], others[1], others[1] * others[2]),
    )
    found = corrected(of)

    assert np.all((found.low >= 0) & (found.high <= 1 + 1e-12))
    assert np.all((found.low <= found.value + 1e-12) & (found.value <= found.high + 1e-12))
    assert np.all((found.low <= found.full + 1e-12) & (found.full <= found.high + 1e-12))
    assert np.all((found.pull >= 0) & (found.pull <= 1))


# ---- the pull --------------------------------------------------------------------------------------------------------


def facet(error, codes=12):
    """A facet whose machine gave each code to 200 of 2,000 units; error: found of 20 checked that it should not be."""
    ones = np.ones(codes)
    return counts(
        given=200 * ones,
        given_checked=20 * ones,
        given_found=20 - np.broadcast_to(np.asarray(error, dtype=float), codes),
        not_given=1800 * ones,
        not_given_checked=180 * ones,
        not_given_found=0 * ones,
    )


def test_counts_that_the_sample_bears_out_stand():
    found = corrected(facet(0))

    assert found.value == pytest.approx(found.machine)


def test_the_more_wrong_the_counts_the_further_shares_are_corrected():
    pulls = [corrected(facet(error)).pull[0] for error in (2, 5, 10, 15)]

    assert pulls == sorted(pulls)
    assert pulls[0] < 0.6 < 0.8 < pulls[-1]


def test_one_code_that_is_all_wrong_is_corrected_and_leaves_the_others_alone():
    error = np.zeros(12)
    error[3] = 18
    found = corrected(facet(error))

    assert found.full[3] < found.value[3] < found.high[3] < found.machine[3]
    assert np.delete(found.pull, 3).max() < 0.05


def test_codes_that_nobody_saw_do_not_change_the_others():
    known = facet([6, 0, 3, 9], 4)
    unseen = counts(given=np.zeros(30), not_given=np.full(30, 2000.0), not_given_checked=np.full(30, 200.0))
    both = Counts(*(np.concatenate([getattr(x, name) for x in (known, unseen)]) for name in NAMES))

    assert corrected(both).value[:4] == pytest.approx(corrected(known).value)


def test_each_value_of_a_group_is_pulled_by_its_own_codes():
    one, two = facet(1), facet(12)
    both = corrected(Counts(*(np.stack([getattr(x, name) for x in (one, two)]) for name in NAMES)))

    for n, alone in enumerate((one, two)):
        assert both.value[n] == pytest.approx(corrected(alone).value)


# ---- by simulation ---------------------------------------------------------------------------------------------------


def covered(found, share):
    return ((found.low <= share + 1e-12) & (found.high >= share - 1e-12)).mean(axis=0)


def drawn(cells, size, draws=20_000, seed=1):
    """Samples of codes by themselves; cells: (codes × 4) units with both, machine alone, people alone, neither."""
    random = np.random.default_rng(seed)
    found = np.stack([random.multivariate_hypergeometric(code, size, draws) for code in cells], axis=1).astype(float)
    given = np.broadcast_to(cells[:, :2].sum(axis=1).astype(float), found.shape[:2])
    both, machine, people = (found[..., n] for n in range(3))
    checked, nothing = both + machine, np.zeros(given.shape)
    return Counts(nothing, nothing, given, checked, both, cells[0].sum() - given, size - checked, people)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    cells = np.array([[20, 25, 30, 3925], [60, 40, 60, 3840], [300, 100, 100, 3500], [1200, 200, 400, 2200]])
    share = (cells[:, 0] + cells[:, 2]) / 4000

    for size in (200, 400):
        found = covered(corrected(drawn(cells, size)), share)
        assert np.all((found > 0.94) & (found < 0.975)), (size, found)


def test_a_sample_that_reads_most_of_them_keeps_its_promise():
    cells = np.array([[30, 10, 20, 440], [150, 50, 50, 250]])
    found = covered(corrected(drawn(cells, 350)), (cells[:, 0] + cells[:, 2]) / 500)

    assert np.all((found > 0.93) & (found < 0.98)), found


def test_a_stratified_sample_is_right_on_average_and_keeps_its_promise():
    machine, truth = material(3000, 4, seed=3)
    random = np.random.default_rng(8)
    doubted = (machine != truth).any(axis=1) ^ (random.random(3000) < 0.3)  # the machine errs more often among these
    strata, sizes = [np.flatnonzero(doubted), np.flatnonzero(~doubted)], (120, 80)
    weight = np.concatenate([np.full(n, len(of) / n) for of, n in zip(strata, sizes, strict=True)])
    found = []
    for _ in range(800):
        rows = np.concatenate([random.choice(of, n, replace=False) for of, n in zip(strata, sizes, strict=True)])
        found.append(count(machine, np.zeros(3000, dtype=bool), rows, truth[rows].astype(float), weight))
    shares = corrected(Counts(*(np.stack([getattr(one, name) for one in found]) for name in NAMES)))

    assert shares.full.mean(axis=0) == pytest.approx(truth.mean(axis=0), abs=0.003)
    assert np.all(covered(shares, truth.mean(axis=0)) > 0.93)


def test_coders_who_differ_are_averaged():
    machine, truth = material(3000, 3, seed=4)
    random = np.random.default_rng(9)
    opinions = np.stack([np.where(random.random(truth.shape) < 0.1, ~truth, truth) for _ in range(2)]).mean(axis=0)
    found = []
    for _ in range(800):
        rows = random.choice(3000, 200, replace=False)
        found.append(count(machine, np.zeros(3000, dtype=bool), rows, opinions[rows]))
    shares = corrected(Counts(*(np.stack([getattr(one, name) for one in found]) for name in NAMES)))

    assert shares.full.mean(axis=0) == pytest.approx(opinions.mean(axis=0), abs=0.003)
    assert np.all(covered(shares, opinions.mean(axis=0)) > 0.93)


# ---- two codes -------------------------------------------------------------------------------------------------------


def test_the_covariance_is_that_of_the_errors_over_many_samples():
    machine, truth = (some[:, 1:] for some in material(1500, 4, seed=6))  # for a rare code it is made larger
    truth[:, 2] = truth[:, 1] ^ (np.random.default_rng(1).random(1500) < 0.05)  # two codes that go together
    random = np.random.default_rng(7)
    errors, told = [], []
    for _ in range(1000):
        rows = random.choice(1500, 300, replace=False)
        found = count(machine, np.zeros(1500, dtype=bool), rows, truth[rows].astype(float))
        errors.append(corrected(found).full - truth.mean(axis=0))
        told.append(covariance(found, machine[rows], truth[rows].astype(float)))
    real, mean = np.cov(np.array(errors).T), np.mean(told, axis=0)

    assert mean == pytest.approx(real, rel=0.15, abs=0.15 * real.diagonal().min())
    assert mean[1, 2] > 0.3 * sqrt(mean[1, 1] * mean[2, 2])


def test_the_variances_of_the_covariance_are_those_of_the_shares():
    machine, truth = material()
    found, rows = check(machine, truth, 200)

    told = covariance(found, machine[rows], truth[rows].astype(float))
    assert told.diagonal() == pytest.approx(corrected(found).variance)
    assert np.linalg.eigvalsh(told).min() > -1e-12


def test_weights_do_not_matter_to_the_covariance_where_they_are_equal():
    machine, truth = material()
    found, rows = check(machine, truth, 200)
    said = truth[rows].astype(float)

    assert covariance(found, machine[rows], said, np.full(200, 3.0)) == pytest.approx(
        covariance(found, machine[rows], said)
    )


def test_plain_shares_vary_together_as_their_indicators_do():
    has = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1]], dtype=bool)

    assert raw_covariance(has) == pytest.approx(np.cov(has.T.astype(float), bias=True) / 4)
    assert raw_covariance(np.zeros((0, 2), dtype=bool)).tolist() == [[0, 0], [0, 0]]


def test_intervals_of_differences_hold_the_truth():
    machine, truth = material(2000, 4, seed=11)
    random, share = np.random.default_rng(12), truth.mean(axis=0)
    real, inside = share[:, None] - share[None, :], []
    for _ in range(800):
        rows = random.choice(2000, 200, replace=False)
        said = truth[rows].astype(float)
        found = count(machine, np.zeros(2000, dtype=bool), rows, said)
        _, low, high = differences(corrected(found), covariance(found, machine[rows], said))
        inside.append((low <= real + 1e-12) & (high >= real - 1e-12))

    assert np.mean(inside, axis=0).min() > 0.92


def test_a_difference_is_the_other_way_round_for_the_other_code():
    machine, truth = material()
    found, rows = check(machine, truth, 200)
    difference, low, high = differences(corrected(found), covariance(found, machine[rows], truth[rows].astype(float)))

    assert difference == pytest.approx(-difference.T)
    assert low == pytest.approx(-high.T)
    assert np.all((low <= difference) & (difference <= high))


# ---- how many to check -----------------------------------------------------------------------------------------------


def test_the_size_told_gives_the_width_asked_for():
    cells = np.array([[600, 200, 200, 3000], [40, 10, 20, 3930]])
    given, both = cells[:, :2].sum(axis=1), cells[:, 0]
    size = size_for(0.03, given / 4000, both / given, both / (both + cells[:, 2]), 4000)
    found = corrected(drawn(cells, size, 2000))

    assert (found.high - found.low).mean(axis=0).max() / 2 == pytest.approx(0.03, abs=0.0005)


def test_a_better_machine_needs_fewer_checked_and_more_width_fewer_still():
    given = np.array([0.3, 0.05])

    def size(quality, half=0.03):
        return size_for(half, given, np.full(2, quality), np.full(2, quality), 10_000)

    assert [size(0.95), size(0.8), size(0.6)] == sorted([size(0.95), size(0.8), size(0.6)])
    assert size(0.8, 0.05) < size(0.8)


def test_a_machine_nobody_measured_is_no_help():
    unknown = np.array([np.nan])

    assert size_for(0.03, unknown, unknown, unknown, 1_000_000) == 1063
    assert size_for(0.03, np.array([0.2]), np.array([0.0]), np.array([0.0]), 1_000_000) == 1063


def test_no_more_are_asked_for_than_there_are():
    assert size_for(0.001, np.array([0.3]), np.array([0.5]), np.array([0.5]), 80) == 80


def test_a_width_of_nothing_is_refused():
    with pytest.raises(ValueError, match="half_width must be above 0"):
        size_for(0.0, np.array([0.3]), np.array([0.5]), np.array([0.5]), 80)
