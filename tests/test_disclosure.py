import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from attacker import worked_back
from invented import codebook, facet

from pipeline.codebook import dump_codebook
from pipeline.counting.disclosure import hidden_values, note, suppress
from pipeline.counting.tables import CORRECTED, NOT_CHECKED, SUPPRESSED, Correction, Row, Tables, frequency_tables
from pipeline.counting.working_back import Sums
from pipeline.learning.evaluation import wilson
from pipeline.learning.quality import Estimate

THINGS = {name: (f"{name} matter",) for name in ("bins", "buses", "parks", "rents", "roads")}
KINDS = {name: (f"{name} here",) for name in ("resident", "trader", "visitor")}
BOOK = codebook(facet("topic", things=THINGS), facet("tone"), facet("who", exclusive=True, things=KINDS))
QUESTIONS = ("What should change?", "Anything else?", "What works?")


def row(code, value, respondents, base, comments=None, facet="topic", group="Ward", **changes):
    """A row as it is counted, of a value of a group or, where there is none, of all."""
    comments = respondents if comments is None else comments
    share, place = respondents / base, (group if value else None, value)
    made = Row(
        *(facet, code, code.title() or "(no code)", *place, comments, respondents, base, share),
        *(*wilson(respondents, base), NOT_CHECKED, 0, comments, share),
    )
    return replace(made, **changes)


def tables(counts, bases, group="Ward", notes=(), **more):
    """Tables of one facet: counts is code → respondents under each value; the overall rows are their sums.

    All but six of each value have the code `other`, beside whatever else they have.
    """
    whole = sum(bases.values())
    if "" not in counts:
        others = [max(base - 6, 0) for base in bases.values()]
        without = [base - n for base, n in zip(bases.values(), others, strict=True)]
        counts = {**counts, "other": others, "": without}
    overall = [row(code, None, sum(line), whole) for code, line in counts.items()]
    by = [
        row(code, value, line[k], base, group=group)
        for k, (value, base) in enumerate(bases.items())
        for code, line in counts.items()
    ]
    return Tables("Invented", (*overall, *by), whole, whole, None, notes, {"topic": "Topic"}, **more)


def shown(found, group="Ward"):
    """Respondents by code and value, None where hidden, the overall row first."""
    return {
        one.code: [one.respondents, *(r.respondents for r in found.of("topic", group) if r.code == one.code)]
        for one in found.of("topic")
    }


WARDS = {"North": 60, "South": 50, "East": 40}


def random_tables(folder, seed, by):
    """Tables of an invented run: few or many respondents, of wards and ages, with one to three answers each."""
    random = np.random.default_rng(seed)
    people, wards = int(random.integers(12, 220)), int(random.integers(2, 6))
    chance = {
        one.id: random.beta(0.5, 3, len(one.code)) if not one.exclusive else random.dirichlet(np.ones(len(one.code)))
        for one in BOOK.facet
    }
    where = random.dirichlet(np.ones(wards) * random.choice([0.5, 5]))
    lines = []
    for person in range(people):
        ward, age = random.choice(wards, p=where), random.integers(3)
        kind, said = random.choice(list(KINDS), p=chance["who"]), random.random() < 0.8
        for answer in range(int(random.integers(1, 4))):
            codes = [
                "|".join(np.array(one.ids)[random.random(len(one.ids)) < chance[one.id]]) for one in BOOK.facet[:2]
            ]
            known = random.random() < 0.95
            lines.append(
                [f"{person}-{answer}", person, QUESTIONS[answer], "x", f"W{ward}", ("young", "", "old")[age], *codes]
                + [kind if known else "", ("given" if said else "inferred") if known else ""]
                + ([1, 4] if random.random() < 0.05 else ["", ""])
            )
    header = ["comment_id", "response_id", "question", "text", "Ward", "Age", "topic", "tone", "who", "who_source"]
    with (folder / "coded.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[*header, "campaign", "campaign_size"], *lines])
    (folder / "codebook.toml").write_text(dump_codebook(BOOK), encoding="utf-8")
    counts = dict.fromkeys(("responses", "comments", "blank", "no_content", "not_english", "rejected"), 0)
    (folder / "manifest.json").write_text(json.dumps({**counts, "coded": len(lines)}), encoding="utf-8")
    return frequency_tables(folder, by)


BYS = (
    ["Ward"],
    ["question"],
    ["Ward", "Age"],
    ["topic"],
    ["Ward", "who"],
    ["tone", "topic"],
    ["Ward", "question", "Age"],
)


# ---- what is hidden --------------------------------------------------------------------------------------------------


def test_small_counts_go_with_the_smallest_others_from_which_they_could_be_worked_back():
    counts = {"bins": [3, 20, 11], "buses": [0, 20, 11], "parks": [2, 4, 30]}
    found = suppress(tables(counts, WARDS), 5)
    assert shown(found) == {
        "bins": [34, None, 20, None],
        "buses": [31, 0, 20, 11],
        "parks": [36, None, None, 30],
        "other": [132, 54, 44, 34],
        "": [18, 6, 6, 6],
    }


def test_a_hidden_row_has_no_number_but_its_base():
    before = tables({"bins": [3, 20, 11]}, WARDS)
    found = suppress(before, 5)
    assert found.rows[3] == Row(
        *("topic", "bins", "Bins", "Ward", "North", None, None, 60, None, None, None, SUPPRESSED, None, None, None, 0)
    )
    assert [one for one in found.rows if one.status != SUPPRESSED] == [
        one for one, after in zip(before.rows, found.rows, strict=True) if after.status != SUPPRESSED
    ]


def test_two_that_are_hidden_are_not_enough_where_they_are_ones():
    found = suppress(tables({"bins": [1, 1, 28]}, WARDS), 3)
    assert shown(found)["bins"] == [30, None, None, None]


def test_where_all_are_ones_the_total_goes_too():
    wards = {f"W{k}": 50 for k in range(6)}
    found = suppress(tables({"bins": [1] * 6}, wards), 5)
    assert shown(found)["bins"] == [None] * 7


def test_where_a_ward_has_one_of_each_kind_it_is_not_told_how_many_people_it_has():
    """Everybody has one kind, so three of three kinds are one each, whatever is hidden of them."""
    kinds = {"resident": [30, 25, 20, 1], "trader": [20, 25, 20, 1], "visitor": [10, 10, 10, 1]}
    wards = {"North": 60, "South": 60, "East": 50, "Quay": 3}
    made = tables({**kinds, "": [0] * 4}, wards, notes=("Topic: inferred by the tool for 0, not known for 0.",))
    before = replace(made, rows=tuple(one for one in made.rows if one.code))
    found = suppress(before, 2)
    assert hidden_values(found) == {("Ward", "Quay"), ("Ward", "East")}
    assert worked_back(before, found, 2, single=True) == {}


@pytest.mark.parametrize("smallest", [0, 1])
def test_a_threshold_of_one_or_none_hides_nothing(smallest):
    before = tables({"bins": [3, 20, 11]}, WARDS)
    assert suppress(before, smallest) is before


def test_tables_without_a_small_count_stay_as_they_are():
    before = tables({"bins": [8, 20, 0]}, WARDS)
    assert suppress(before, 5) == before


def test_few_comments_are_hidden_as_few_people_are():
    before = tables({"bins": [9, 20, 11]}, WARDS)
    none = replace(before.rows[5], respondents=0, comments=2, share=0.0, comments_once=2)
    found = suppress(replace(before, rows=(*before.rows[:5], none, *before.rows[6:])), 5)
    assert found.rows[5].status == SUPPRESSED


def test_a_value_with_a_small_base_goes_whole_with_the_smallest_other():
    wards = {"North": 60, "South": 50, "East": 40, "Quay": 3}
    found = suppress(tables({"bins": [20, 20, 11, 0]}, wards), 5)
    assert hidden_values(found) == {("Ward", "Quay"), ("Ward", "East")}
    assert [(one.value, one.base, one.status) for one in found.of("topic", "Ward") if one.code == "bins"] == [
        ("North", 60, NOT_CHECKED),
        ("South", 50, NOT_CHECKED),
        ("East", None, SUPPRESSED),
        ("Quay", None, SUPPRESSED),
    ]
    assert shown(found)["bins"][0] == 51


def test_people_without_a_code_are_no_way_round():
    """Whoever of the ward has a code has the one that is hidden: the base less those without any."""
    counts = {"bins": [2, 38, 31], "": [58, 12, 9]}
    found = suppress(tables(counts, WARDS), 5)
    assert shown(found) == {"bins": [71, None, 38, None], "": [79, None, 12, None]}
    assert worked_back(tables(counts, WARDS), found, 5) == {}


def test_what_would_tell_a_hidden_row_goes_with_it():
    before = tables({"bins": [2, 1, 0], "buses": [30, 30, 2]}, WARDS)
    corrections = tuple(
        Correction("topic", code, code.title(), 0, 0, n, 1.0, 1.0, 150 - n, 1.0, 0.0, 1.0, n / 150, 0.0, 1.0)
        for code, n in (("bins", 3), ("buses", 62))
    )
    rest = {
        ("topic", "Ward", one.value, one.code): Estimate(0.2, 0.1, 0.3, 150 - one.base)
        for one in before.of("topic", "Ward")
    }
    found = suppress(replace(before, corrections=corrections, covariance={"topic": np.ones((4, 4))}, rest=rest), 5)
    covariance = np.ones((4, 4))
    covariance[0, :] = covariance[:, 0] = np.nan
    assert [one.code for one in found.corrections] == ["buses"]
    np.testing.assert_array_equal(found.covariance["topic"], covariance)
    assert {(value, code) for _, _, value, code in found.rest} == {
        ("South", "buses"),
        *((ward, code) for ward in WARDS for code in ("other", "")),
    }


def test_a_corrected_row_loses_its_share_too():
    before = tables({"bins": [3, 20, 11]}, WARDS)
    corrected = tuple(replace(one, status=CORRECTED, share=0.25, checked=40) for one in before.rows)
    found = suppress(replace(before, rows=corrected), 5)
    assert {(one.status, one.share, one.checked) for one in found.of("topic", "Ward")} == {
        (SUPPRESSED, None, 0),
        (CORRECTED, 0.25, 40),
    }


def test_the_tables_given_are_not_changed():
    before = tables({"bins": [3, 20, 11]}, WARDS, covariance={"topic": np.ones((3, 3))})
    suppress(before, 5)
    assert shown(before)["bins"] == [34, 3, 20, 11]
    np.testing.assert_array_equal(before.covariance["topic"], np.ones((3, 3)))


def test_how_many_were_inferred_is_not_told_where_it_is_a_hidden_base(tmp_path):
    made = (random_tables(tmp_path, seed, ["who"]) for seed in range(30))
    before = next(one for one in made if any(row.base < 5 for row in one.of("topic", "who")))
    found = suppress(before, 5)
    codes = {value.removesuffix(" (inferred)").lower() for _, value in hidden_values(found)} - {"(not given)"}
    assert codes
    assert {one.code for one in found.of("who") if one.inferred is None} >= codes
    assert [text for text in found.notes if text.startswith("Who:")] == [
        "Who: for how many it was inferred by the tool, given or not known is not shown ([c])."
    ]


def test_the_same_rows_are_hidden_whatever_the_codes_are_called(tmp_path):
    """Else two wordings of one table, side by side, would give away what each of them hides."""
    before = random_tables(tmp_path, 3, ["topic", "tone"])
    names = {one.name: f"{9 - k} {one.name}" for k, one in enumerate(before.of("topic"))}
    renamed = [
        replace(one, name=names.get(one.name, one.name), value=names.get(one.value, one.value)) for one in before.rows
    ]
    turned = suppress(replace(before, rows=tuple(reversed(renamed))), 5)
    assert [one.status for one in reversed(turned.rows)] == [one.status for one in suppress(before, 5).rows]


# ---- nobody can work them back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(21))
def test_an_attacker_with_all_tables_can_work_no_small_count_back(tmp_path, seed):
    before = random_tables(tmp_path, seed, BYS[seed % len(BYS)])
    smallest = (3, 5, 10)[seed % 3]
    if before.base >= 2 * smallest:  # in smaller tables nothing is left that could be more
        assert worked_back(before, suppress(before, smallest), smallest, single=True) == {}


@pytest.mark.parametrize("by", [["Ward"], ["topic"]])
def test_the_attacker_succeeds_where_only_the_small_counts_are_hidden(tmp_path, by):
    before = random_tables(tmp_path, 11, by)
    assert len(worked_back(before, first_cells_only(before, 5), 5)) > 2


def first_cells_only(tables, smallest):
    """What somebody would publish who never heard of second cells."""
    nothing = dict.fromkeys(("comments", "respondents", "share", "low", "high", "inferred", "comments_once"))
    small = [0 < one.respondents < smallest or 0 < one.comments < smallest for one in tables.rows]
    return replace(
        tables,
        rows=tuple(
            replace(one, **nothing, counted_share=None, status=SUPPRESSED) if hidden else one
            for one, hidden in zip(tables.rows, small, strict=True)
        ),
    )


def test_the_attacker_reads_a_share_that_was_left_standing():
    before = tables({"bins": [3, 4, 11]}, WARDS)
    found = suppress(before, 5)
    assert worked_back(before, found, 5) == {}
    left = [replace(one, low=was.low) for one, was in zip(found.rows, before.rows, strict=True)]
    assert set(worked_back(before, replace(found, rows=tuple(left)), 5).values()) == {(3, 3, 3), (4, 4, 4)}


# ---- words -----------------------------------------------------------------------------------------------------------


TOO_FEW = (
    "[c] stands in place of every count, zeros too, and no table is by group, so that nobody can be recognised: fewer "
    "than 5 respondents are counted in all."
)


@pytest.mark.parametrize("people", [1, 4])
def test_of_fewer_people_than_the_threshold_nothing_is_told_but_how_many_they_are(people):
    notes = (
        f"Base: {people} of {people}.",
        f"Topic: inferred by the tool for 1 respondent, given in the export for {people - 1}, not known for 0.",
        "By Ward: the base is the respondents who wrote something with content under that value.",
    )
    kinds = {"resident": [people, 0], "trader": [0, 0]}
    rest = {("topic", "Ward", "North", "trader"): Estimate(0.0, 0.0, 0.5, 1)}
    before = tables(kinds, {"North": people, "South": 1}, notes=notes, rest=rest, covariance={"topic": np.ones((2, 2))})
    before = replace(before, base=people, rows=tuple(replace(one, base=people) for one in before.rows))
    found = suppress(before, 5)
    codes = ["resident", "trader", "other", ""]
    nothing = (None, None, people, None, None, None, SUPPRESSED, None, None, None, 0)
    assert found.rows == tuple(Row("topic", code, code.title() or "(no code)", None, None, *nothing) for code in codes)
    assert (found.rest, found.corrections, np.isnan(found.covariance["topic"]).all()) == ({}, (), True)
    assert found.notes == (
        notes[0],
        "Topic: for how many it was inferred by the tool, given or not known is not shown ([c]).",
    )
    assert note(found, 5) == TOO_FEW


def test_as_many_people_as_the_threshold_are_told_of_as_ever():
    found = suppress(tables({"bins": [5]}, {"North": 5}), 5)
    assert [one.respondents for one in found.of("topic", "Ward") if one.code == "bins"] == [5]


def test_the_note_tells_what_the_mark_means_and_how_often_it_stands():
    few = tables({"bins": [3, 20, 11]}, WARDS)
    none = tables({"bins": [8, 20, 11]}, WARDS)
    assert [note(suppress(few, 5), 5), note(suppress(none, 5), 5), note(few, 0)] == [
        "[c] stands in place of a count from 1 to 4, and of further counts from which one could be worked out, so that "
        "nobody can be recognised: 2 of the 12 rows have it. Zeros are shown.",
        "A count from 1 to 4 would be replaced by [c], so that nobody can be recognised; there is none.",
        "",
    ]


# ---- the arithmetic --------------------------------------------------------------------------------------------------


def sums_of_two(first, second, shown=()):
    """Two hidden counts with a known sum."""
    sums = Sums()
    numbers = [sums.count(value, 1) for value in (first, second)]
    sums.equal(numbers)
    sums.hide(set(numbers).difference(shown))
    return sums


def test_a_hidden_count_can_be_all_that_its_sum_leaves():
    sums = sums_of_two(2, 5)
    assert [value for value in range(9) if sums.could_be({0: value})] == [1, 2, 3, 4, 5, 6]
    assert [sums.unclear(0, 6), sums.unclear(0, 7)] == [True, False]


def test_a_hidden_count_beside_one_that_is_shown_can_be_one_thing_only():
    sums = sums_of_two(2, 5, shown=(1,))
    assert [value for value in range(9) if sums.could_be({0: value})] == [2]


def test_what_was_possible_in_a_trial_is_not_taken_for_possible_after_it():
    sums = sums_of_two(2, 5, shown=(1,))
    with sums.trial([1]):
        assert sums.unclear(0, 4)
    assert not sums.unclear(0, 2)


def test_a_ring_of_sums_is_searched_to_its_end():
    """Four corners of a table whose margins are known: one can rise only where its neighbours fall."""
    sums = Sums()
    corners = [sums.count(value) for value in (1, 4, 3, 2)]
    for pair in ((0, 1), (2, 3), (0, 2), (1, 3)):
        sums.equal(corners[n] for n in pair)
    sums.hide(corners)
    assert [value for value in range(9) if sums.could_be({0: value})] == [0, 1, 2, 3, 4]
