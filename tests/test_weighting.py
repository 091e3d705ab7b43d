from dataclasses import replace

import numpy as np

from pipeline.counting.findings import Weighted
from pipeline.counting.population import Population, membership
from pipeline.counting.tables import NOT_CHECKED, SUPPRESSED, Row, Tables
from pipeline.counting.weighting import Margin, effective_number, held, rake, weighted_rows, weighted_shares, weights
from pipeline.learning.evaluation import wilson


def margin(values, column="Ward", hidden=(), **shares):
    population = Population(tuple(shares), tuple(map(float, shares.values())), f"{column}.csv")
    return Margin(column, population, values, membership(values, population), hidden)


def shares_of(values, weight):
    return {
        value: round(float(weight[np.array(values) == value].sum() / weight.sum()), 6)
        for value in dict.fromkeys(values)
    }


def a_row(code, share, group=None, value=None, status=NOT_CHECKED):
    numbers = (1, 1, 100, share, 0.0, 1.0) if status == NOT_CHECKED else (None,) * 6
    return Row("theme", code, code.capitalize(), group, value, *numbers, status, 0)


def tables_of(*rows):
    return Tables("Harbour", rows, 100, 100, None, (), {"theme": "Theme"})


WARDS = ["A"] * 60 + ["B"] * 40


def test_one_attribute_is_weighted_to_the_population_exactly():
    found = weights([margin(WARDS, A=30, B=70)])
    assert np.unique(found.weight.round(12)).tolist() == [0.5, 1.75]
    assert (shares_of(WARDS, found.weight), found.refused) == ({"A": 0.3, "B": 0.7}, False)
    assert found.notes == (
        "Weighted shares are those that the same answers would give if the respondents had the population’s make-up by "
        "“Ward”. It does not make them a random sample: within each value, those who chose to answer may think "
        "differently from those who did not.",
        "Both are shares of the codes as counted, before any correction with a check sample.",
        "In effect the weighted shares rest on about 70 respondents (Kish).",
    )


def test_several_attributes_are_weighted_at_once():
    ages = (["young"] * 10 + ["old"] * 50) + (["young"] * 25 + ["old"] * 15)
    found = weights([margin(WARDS, A=50, B=50), margin(ages, "Age", young=55, old=45)])
    assert shares_of(WARDS, found.weight) == {"A": 0.5, "B": 0.5}
    assert shares_of(ages, found.weight) == {"young": 0.55, "old": 0.45}
    # Raking multiplies a factor for the ward by one for the age: the odds ratio of the weights is 1.
    young_a, old_a, young_b, old_b = found.weight[[0, 10, 60, 85]]
    assert round(young_a * old_b / (old_a * young_b), 6) == 1.0


def test_those_of_no_value_keep_the_share_that_they_have():
    values = ["A"] * 60 + ["B"] * 20 + ["(not given)"] * 20
    found = weights([margin(values, A=50, B=50)])
    assert shares_of(values, found.weight) == {"A": 0.4, "B": 0.4, "(not given)": 0.2}
    assert "Respondents whose “Ward” is not known keep the share that they have." in found.notes


def test_values_with_few_or_no_respondents_are_weighted_together():
    values = ["A"] * 60 + ["B"] * 35 + ["C"] * 5
    found = weights([margin(values, A=30, B=30, C=20, D=20)])
    assert shares_of(values, found.weight) == {"A": 0.3, "B": 0.6125, "C": 0.0875}
    assert "Weighted together by “Ward”, for want of respondents: “B”, “C” and “D”." in found.notes


def test_values_that_are_hidden_are_weighted_alike():
    values = ["A"] * 60 + ["B"] * 50 + ["C"] * 40
    found = weights([margin(values, hidden=("B", "C"), A=30, B=60, C=10)])
    assert len(np.unique(found.weight[60:].round(9))) == 1


def test_no_weight_is_extreme():
    values = ["A"] * 480 + ["B"] * 20
    found = weights([margin(values, A=50, B=50)])
    assert round(float(found.weight.max()), 6) == 5.0
    assert round(float(found.weight.mean()), 9) == 1.0
    assert any(note.startswith("No weight is over 5.") for note in found.notes)


def test_too_few_respondents_are_not_weighted():
    found = weights([margin(["A"] * 30 + ["B"] * 9, A=50, B=50)])
    assert (np.unique(found.weight).tolist(), found.effective, found.refused) == ([1.0], 39.0, True)
    assert found.notes[-1] == "Not weighted by “Ward”: too few respondents under its values."
    assert weighted_rows(tables_of(a_row("access", 0.5)), "theme", np.ones((39, 1), dtype=bool), found, []) == ()


def test_a_weighted_share_has_the_interval_of_the_respondents_left_in_effect():
    weight = np.repeat([0.5, 1.75], [60, 40])
    has = np.zeros((100, 2), dtype=bool)
    has[:30, 0] = has[60:, 1] = True
    base = int(effective_number(weight))
    assert base == 72
    assert weighted_shares(has, weight).round(9).tolist() == [
        [0.15, 0.7],
        [round(wilson(share * base, base)[0], 9) for share in (0.15, 0.7)],
        [round(wilson(share * base, base)[1], 9) for share in (0.15, 0.7)],
    ]


def test_intervals_of_weighted_shares_hold_the_population_nineteen_times_of_twenty():
    """Two wards that answer unequally and think differently: weighting takes the bias away, and the interval holds."""
    rng = np.random.default_rng(4)
    held_it = 0
    for _ in range(600):
        values = np.where(rng.random(300) < 0.8, "A", "B").tolist()
        has = rng.random((300, 1)) < np.where(np.array(values) == "A", 0.2, 0.6)[:, None]
        found = weights([margin(values, A=50, B=50)])
        _, low, high = weighted_shares(has, found.weight)[:, 0]
        held_it += low <= 0.4 <= high
    assert 0.94 <= held_it / 600 <= 0.99


def test_shares_stand_beside_the_weighted_ones():
    has = np.zeros((100, 1), dtype=bool)
    has[:30] = True
    one = margin(WARDS, A=30, B=70)
    found = weights([one])
    share, low, high = weighted_shares(has, found.weight)[:, 0].tolist()
    rows = weighted_rows(tables_of(a_row("access", 0.3)), "theme", has, found, [one])
    assert rows == (Weighted("theme", "access", "Access", 0.3, share, low, high),)
    assert round(share, 9) == 0.15


def test_a_weighted_share_never_tells_hidden_cells_apart():
    """Of three wards two are hidden: their sum is known, so any other sum of the two would give both away."""
    values = ["A"] * 60 + ["B"] * 40 + ["C"] * 30
    has = np.zeros((130, 1), dtype=bool)
    has[[0, 60, 61, 62, 100]] = True
    tables = tables_of(
        a_row("access", 0.1),
        a_row("access", 0.1, "Ward", "A"),
        *(a_row("access", None, "Ward", ward, SUPPRESSED) for ward in "BC"),
    )
    apart, alike = margin(values, A=30, B=60, C=10), margin(values, hidden=("B", "C"), A=30, B=60, C=10)
    nothing = Weighted("theme", "access", "Access", None, None, None, None)
    assert weighted_rows(tables, "theme", has, weights([apart]), [apart]) == (nothing,)
    assert weighted_rows(tables, "theme", has, weights([alike]), [alike])[0].weighted is not None
    gone = replace(tables, rows=(a_row("access", None, status=SUPPRESSED), *tables.rows[1:]))
    assert weighted_rows(gone, "theme", has, weights([alike]), [alike]) == (nothing,)


def test_the_arithmetic_takes_what_is_empty():
    nothing = np.zeros(0)
    assert held(nothing).tolist() == rake([nothing.astype(int)], [np.ones(1)]).tolist() == []
    assert effective_number(nothing) == 0.0
