"""Verdicts on codes and their reasons."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.learning.evaluation import wilson
from pipeline.learning.quality import Estimate, estimate
from pipeline.reviewing.agreement import against_people, between_coders
from pipeline.reviewing.verdicts import ASSIST, TOO_FEW, TRUST, UNCLEAR, Evidence, Verdict, verdict, verdicts

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


GOOD = Evidence("a", 80, share(96, 100), share(95, 100), alpha=Estimate(0.9, 0.85, 0.95, 60))
CASES = {
    "good figures on which coders agree": (
        GOOD,
        TRUST,
        "Checked: 96 % (90–98 %) of the 100 comments it was given to are right and "
        "95 % (89–98 %) of the 100 comments that have it were found.",
    ),
    "good figures and one coder": (
        replace(GOOD, alpha=None, measured="cross-validated"),
        TRUST,
        "Cross-validated: 96 % (90–98 %) of the 100 comments it was given to are right and "
        "95 % (89–98 %) of the 100 comments that have it were found.",
    ),
    "coders disagree, however good the figures": (
        replace(GOOD, alpha=Estimate(0.41, 0.2, 0.6, 60)),
        UNCLEAR,
        "People who coded the same 60 comments do not agree on it well enough (alpha 0.41, from 0.20 to 0.60).",
    ),
    "coders disagree on a code hardly learned": (
        Evidence("a", 3, alpha=Estimate(0.41, 0.2, 0.6, 60)),
        UNCLEAR,
        "People who coded the same 60 comments do not agree on it well enough (alpha 0.41, from 0.20 to 0.60).",
    ),
    "too few coded twice to call the definition unclear, or the code trusted": (
        replace(GOOD, alpha=Estimate(0.6, -0.1, 0.9, 9)),
        ASSIST,
        "The figures are good, but people agree on it only loosely (alpha 0.60, from -0.10 to 0.90).",
    ),
    "like comments coded differently": (
        replace(GOOD, pairs=20, differing=16),
        UNCLEAR,
        "Of 20 pairs of like comments with it, 16 have it in one comment only.",
    ),
    "learned from a handful": (
        replace(GOOD, examples=7),
        TOO_FEW,
        "The model learned it from 7 comments; it takes 20 to judge it.",
    ),
    "never measured": (
        Evidence("a", 50),
        TOO_FEW,
        "None of the comments it was measured on has it, so nobody knows how well it is found.",
    ),
    "measured on a handful": (
        replace(GOOD, recall=share(5, 5)),
        TOO_FEW,
        "It was measured on 5 comments only (checked); it takes 20 to judge it.",
    ),
    "a handful, but the other figure is surely bad": (
        replace(GOOD, precision=share(30, 100), recall=share(5, 5)),
        ASSIST,
        "Checked: 30 % (22–40 %) of the 100 comments it was given to are right; "
        "to be left unread, a code needs 80 % even at the low end.",
    ),
    "finds too few": (
        replace(GOOD, recall=share(55, 100)),
        ASSIST,
        "Checked: 55 % (45–64 %) of the 100 comments that have it were found; "
        "to be left unread, a code needs 80 % even at the low end.",
    ),
    "good, but too few to be sure": (
        replace(GOOD, precision=share(36, 40)),
        ASSIST,
        "Checked: 90 % (77–96 %) of the 40 comments it was given to are right, "
        "too few to be sure of 80 %; 22 more such comments would do, if the share stays.",
    ),
    "on the line": (
        replace(GOOD, precision=share(81, 100)),
        ASSIST,
        "Checked: 81 % (72–87 %) of the 100 comments it was given to are right, too few to be sure of 80 %.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_verdict_follows_from_the_evidence(case):
    evidence, word, reason = CASES[case]
    assert verdict(evidence) == Verdict("a", word, reason)


def test_a_few_differing_pairs_may_be_chance():
    assert [verdict(replace(GOOD, pairs=n, differing=n)).word for n in (0, 3, 4)] == [TRUST, TRUST, UNCLEAR]


def test_the_checks_that_a_verdict_asks_for_are_the_fewest_that_do():
    assert wilson(0.9 * (40 + 22), 40 + 22)[0] >= 0.8 > wilson(0.9 * (40 + 21), 40 + 21)[0]


def test_verdicts_take_each_code_s_own_evidence():
    truth = np.zeros((300, 2), dtype=bool)
    truth[:60, 0] = truth[200:230, 1] = True
    check = against_people("ab", truth, truth)
    coders = between_coders("ab", np.stack([truth, np.column_stack([truth[:, 0], ~truth[:, 1]])]).astype(float))
    assert [one.word for one in verdicts(check.codes, {"a": 60, "b": 30})] == [TRUST, TRUST]
    assert [one.word for one in verdicts(check.codes, {"a": 60})] == [TRUST, TOO_FEW]
    assert [one.word for one in verdicts(check.codes, {"a": 60, "b": 30}, coders)] == [TRUST, UNCLEAR]
    assert [one.word for one in verdicts(check.codes, {"a": 60, "b": 30}, pairs={"a": (9, 9)})] == [UNCLEAR, TRUST]
    assert verdicts(check.codes, {"b": 1})[1].as_json() == {
        "code": "b",
        "word": "too few examples",
        "reason": "The model learned it from 1 comment; it takes 20 to judge it.",
    }
