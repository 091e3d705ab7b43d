"""Agreement between coders, machine against people, sizes of checks, and verdicts; figures worked out by hand."""

import doctest
import json

import krippendorff
import numpy as np
import pytest

from pipeline.learning.evaluation import wilson
from pipeline.learning.quality import Estimate, estimate
from pipeline.reviewing import agreement
from pipeline.reviewing.agreement import (
    CodeCheck,
    CodeReliability,
    GroupCheck,
    MachineCheck,
    against_people,
    between_coders,
    krippendorff_alpha,
    masi,
)

NAN = np.nan


def facet(*coders):
    """Opinions on one code: a row for each coder."""
    return np.array(coders, dtype=float)[:, :, None]


def yes(*rows):
    """Rows of 0 and 1 as booleans."""
    return np.array(rows, dtype=bool)


def share(count, base):
    """A share with its Wilson interval."""
    return estimate(count / base, base)


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(agreement).failed == 0


# ---- coders ----------------------------------------------------------------------------------------------------------

# Published by Krippendorff: two observers with yes and no, and four with five categories and gaps.
TWO = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
FOUR = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]


def test_alpha_is_that_of_the_published_examples():
    found = krippendorff_alpha(np.array(FOUR) - 1, 1.0 - np.eye(5))
    assert (round(found.value, 3), found.n) == (0.743, 11)
    assert round(between_coders(["a"], facet(*TWO)).codes[0].alpha.value, 3) == 0.095


def test_each_code_has_the_alpha_that_the_reference_library_gives():
    rng = np.random.default_rng(1)
    opinions = (rng.random((3, 60, 4)) < [0.5, 0.3, 0.1, 0.05]).astype(float)
    opinions[1:] = np.where(rng.random((2, 60, 4)) < 0.8, opinions[0], opinions[1:])
    opinions[rng.random((3, 60)) < 0.3] = NAN
    found = between_coders("abcd", opinions)
    wanted = [krippendorff.alpha(opinions[:, :, n], level_of_measurement="nominal") for n in range(4)]
    assert [code.alpha.value for code in found.codes] == pytest.approx(wanted)
    assert found.least == "abcd"[int(np.argmin(wanted))]


def test_sets_of_codes_get_part_marks_for_part_agreement():
    # {x} against {x, y}, and {y} against {y}: observed 1/3, expected (2/3 + 2 + 4/3) · 2 / 12 = 2/3
    found = between_coders("xy", np.array([[[1, 0], [0, 1]], [[1, 1], [0, 1]]], dtype=float))
    assert found.alpha.value == pytest.approx(0.5)
    assert (found.coders, found.comments) == (2, 2)


def test_masi_marks_same_part_shared_and_nothing_shared():
    found = masi(yes([1, 1, 0], [0, 1, 1], [1, 0, 0], [0, 0, 0]))
    wanted = [[0, 8 / 9, 2 / 3, 1], [8 / 9, 0, 1, 1], [2 / 3, 1, 0, 1], [1, 1, 1, 0]]
    np.testing.assert_allclose(found, wanted)


def test_where_each_comment_has_one_code_at_most_sets_are_compared_as_same_or_not():
    distance = 1.0 - np.eye(6)
    opinions = np.zeros((4, 12, 5))
    for coder, comment in np.argwhere(np.array(FOUR) > 0):
        opinions[coder, comment, FOUR[coder][comment] - 1] = 1
    opinions[np.array(FOUR) == 0] = NAN
    found = between_coders("abcde", opinions)
    assert round(found.alpha.value, 3) == 0.743
    assert found.alpha.value == pytest.approx(krippendorff_alpha(np.array(FOUR) - 1, distance).value)
    assert (found.coders, found.comments) == (4, 11)


def test_a_code_is_told_whole_with_f1_and_prevalence():
    (found,) = between_coders(["a"], facet([1, 1, 0, 0, NAN], [1, 0, 0, 0, 1])).codes
    low, high = wilson(1, 2)
    assert found == CodeReliability(
        code="a",
        comments=4,
        alpha=found.alpha,
        f1=Estimate(pytest.approx(2 / 3), 2 * low / (1 + low), 2 * high / (1 + high), 2),
        prevalence=share(1.5, 4),
    )
    assert found.alpha.value == pytest.approx(1 - 7 * 1 / (3 * 5))
    assert found.alpha.low < found.alpha.value < found.alpha.high
    assert found.words == (
        f"Alpha 0.53, from {found.alpha.low:.2f} to {found.alpha.high:.2f} over 4 comments coded twice: coders do not "
        "agree well enough to rely on it, but more comments coded twice could change that."
    )


def test_intervals_are_the_same_each_time_and_never_exclude_their_value():
    first, second = (between_coders(["a"], facet(*TWO)) for _ in range(2))
    assert first == second
    (one,) = first.codes
    assert one.alpha.low <= one.alpha.value <= one.alpha.high <= 1


def test_complete_agreement_on_a_rare_code_is_not_taken_for_certainty():
    coder = np.zeros(200)
    coder[:3] = 1
    (rare,) = between_coders(["a"], facet(coder, coder)).codes
    coder[:60] = 1
    (common,) = between_coders(["a"], facet(coder, coder)).codes
    assert (rare.alpha.value, rare.alpha.high, common.alpha.value) == (1, 1, 1)
    assert rare.alpha.low < 0.667 < 0.9 < common.alpha.low


@pytest.mark.parametrize(("comments", "prevalence", "alpha"), [(200, 0.3, 0.7), (200, 0.05, 0.8), (60, 0.1, 0.9)])
def test_nineteen_in_twenty_intervals_of_alpha_hold_the_true_one(comments, prevalence, alpha):
    rng, held, used = np.random.default_rng(5), 0, 0
    chance = prevalence * (1 - prevalence)
    both, differ = prevalence - (1 - alpha) * chance, 2 * (1 - alpha) * chance
    for _ in range(150):
        two, one, _none = rng.multinomial(comments, [both, differ, 1 - both - differ])
        values = np.zeros((2, comments), dtype=int)
        values[:, :two] = values[0, two : two + one] = 1
        if found := krippendorff_alpha(values, 1.0 - np.eye(2)):
            used, held = used + 1, held + (found.low <= alpha <= found.high)
    assert used >= 145
    assert 0.9 <= held / used <= 1


@pytest.mark.parametrize(
    ("opinions", "why"),
    [
        (np.empty((0, 3, 1)), "Nobody has coded these comments yet."),
        (facet([NAN, NAN]), "Nobody has coded these comments yet."),
        (facet([1, 0, 1]), "Only one person coded these comments; agreement needs a second."),
        (facet([1, 0], [NAN, NAN]), "Only one person coded these comments; agreement needs a second."),
        (facet([1, NAN], [NAN, 0]), "No comment was coded by two people."),
        (np.empty((2, 0, 1)), "Nobody has coded these comments yet."),
        (
            facet([0, 0], [0, 0]),
            "Nobody gave it to any of the 2 comments that two people coded, so there is no difference to agree on.",
        ),
        (
            facet([1, 1], [1, 1]),
            "Everybody gave it to each of the 2 comments that two people coded, so there is no difference to agree on.",
        ),
    ],
)
def test_agreement_that_cannot_be_computed_is_none_with_a_reason(opinions, why):
    found = between_coders(["a"], opinions)
    (code,) = found.codes
    assert (code.alpha, code.why, code.words) == (None, why, why)
    assert (found.alpha, found.least) == (None, None)
    assert found.why == why or "Everybody gave the same codes to each of the 2 comments" in found.why
    json.dumps(found.as_json(), allow_nan=False)


def test_a_code_that_nobody_used_does_not_keep_the_others_from_being_judged():
    opinions = np.stack([facet(*TWO)[:, :, 0], np.zeros((2, 10))], axis=2)
    found = between_coders(["a", "b"], opinions)
    assert [code.alpha is None for code in found.codes] == [False, True]
    assert found.codes[1].prevalence == share(0, 10)
    assert found.words == (
        f"Alpha {found.alpha.value:.2f}, from {found.alpha.low:.2f} to {found.alpha.high:.2f} over 10 comments coded "
        "twice: coders do not agree well enough to rely on it. They agree least on a."
    )


@pytest.mark.parametrize(
    ("alpha", "words"),
    [
        (Estimate(0.85, 0.81, 0.9, 90), "coders agree well."),
        (Estimate(0.7, 0.68, 0.75, 90), "coders agree well enough for tentative conclusions only."),
        (Estimate(0.4, 0.2, 0.6, 90), "coders do not agree well enough to rely on it."),
        (Estimate(0.85, 0.4, 1, 90), "coders agree well, but more comments coded twice could change that."),
    ],
)
def test_an_alpha_is_read_on_krippendorffs_scale(alpha, words):
    assert agreement.alpha_in_words(alpha).split(": ")[1] == words


# ---- machine against people ------------------------------------------------------------------------------------------

GIVEN = yes([1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0])
TRUTH = yes([1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0])


def as_f1(both, either):
    low, high = wilson(both, either)
    value = both / either
    return Estimate(2 * value / (1 + value), 2 * low / (1 + low), 2 * high / (1 + high), either)


def test_machine_against_people_is_counted_code_by_code_and_group_by_group():
    found = against_people("abc", GIVEN, TRUTH, [["in"], ["in"], ["out"], ["out", "late"]])
    assert found.codes == (
        CodeCheck("a", 4, 2, share(2, 3), share(2, 2), as_f1(2, 3), share(3, 4), share(2, 4)),
        CodeCheck("b", 4, 0, share(0, 1), share(0, 1), as_f1(0, 2), share(1, 4), share(1, 4)),
        CodeCheck(
            *("c", 4, 0, None, None, None, share(0, 4), share(0, 4)),
            why="The machine and people gave it to none of the 4 comments checked.",
        ),
    )
    assert found.groups == (
        GroupCheck("in", 2, share(1, 2), estimate((1 + 2 / 3) / 2, 2)),
        GroupCheck("out", 2, share(1, 2), share(1, 2)),
        GroupCheck("late", 1, share(0, 1), share(0, 1)),
    )
    assert (found.comments, found.exact, found.sample_f1) == (4, share(2, 4), estimate((1 + 2 / 3 + 1) / 4, 4))
    assert found.micro_f1.value == pytest.approx(4 / 7)
    assert found.macro_f1.value == pytest.approx((0.8 + 0) / 2)
    assert found == against_people("abc", GIVEN, TRUTH, [["in"], ["in"], ["out"], ["out", "late"]])
    assert found.words == "Machine and people gave exactly the same codes to 50 % (15–85 %) of 4 comments."
    assert found.codes[0].words == (
        "67 % (21–94 %) of the 3 comments it was given to are right. "
        "100 % (34–100 %) of the 2 comments that have it were found."
    )
    json.dumps(found.as_json(), allow_nan=False)


def test_a_group_is_worse_only_where_its_whole_interval_is_below_all_together():
    truth = np.ones((100, 1), dtype=bool)
    given = np.arange(100)[:, None] < 70
    found = against_people(
        ["a"], given, truth, [["good" if n < 50 else "middling" if n < 80 else "bad"] for n in range(100)]
    )
    assert [group.group for group in found.worse()] == ["bad"]
    assert found.sample_f1 == share(70, 100)
    assert [group.sample_f1 for group in found.groups] == [share(50, 50), share(20, 30), share(0, 20)]


def test_a_code_that_only_one_side_gives_says_so():
    found = against_people("ab", yes([1, 0], [1, 0]), yes([0, 1], [0, 0]))
    assert [(one.precision, one.recall, one.why) for one in found.codes] == [
        (share(0, 2), None, "People gave it to none of the 2 comments checked."),
        (None, share(0, 1), "The machine gave it to none of the 2 comments checked."),
    ]


def test_nothing_checked_and_no_codes_at_all_are_none_with_a_reason():
    nothing = np.zeros((0, 1), dtype=bool)
    code = CodeCheck("a", 0, 0, None, None, None, None, None, "No comment has been checked.")
    none = MachineCheck(0, None, None, None, None, (code,), (), "No comment has been checked.")
    assert against_people(["a"], nothing, nothing) == none
    assert none.words == "No comment has been checked."
    blank = against_people(["a"], yes([0], [0]), yes([0], [0]))
    assert (blank.exact, blank.micro_f1, blank.macro_f1) == (share(2, 2), None, None)
    assert blank.why == "People gave none of the codes to the comments checked."


def test_a_clean_sheet_still_has_an_interval():
    found = against_people("ab", np.eye(2, dtype=bool), np.eye(2, dtype=bool))
    assert (found.micro_f1, found.macro_f1, found.codes[0].f1) == (share(2, 2), share(2, 2), as_f1(1, 1))


def test_nineteen_in_twenty_intervals_of_the_f1s_hold_the_true_one():
    prevalence, right, wrong = np.array([0.3, 0.15, 0.08]), 0.75, np.array([0.1, 0.04, 0.02])
    both, machine = prevalence * right, prevalence * right + (1 - prevalence) * wrong
    codes = 2 * both / (prevalence + machine)
    true = [codes[2], 2 * both.sum() / (prevalence + machine).sum(), codes.mean()]
    rng, held = np.random.default_rng(6), np.zeros(3)
    for _ in range(100):
        truth = rng.random((200, 3)) < prevalence
        given = rng.random((200, 3)) < np.where(truth, right, wrong)
        found = against_people("abc", given, truth)
        intervals = found.codes[2].f1, found.micro_f1, found.macro_f1
        held += [one.low <= value <= one.high for one, value in zip(intervals, true, strict=True)]
    assert (held / 100 >= 0.9).all()
