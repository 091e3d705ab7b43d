from dataclasses import replace

import numpy as np
import pytest

from pipeline.counting.change import change, check_same_codebook, claims_of_change, difference, reading_of_change
from pipeline.counting.findings import Changed
from pipeline.counting.tables import CORRECTED, NOT_CHECKED, SUPPRESSED, Row, Tables
from pipeline.errors import InputError
from pipeline.learning.evaluation import wilson


def a_row(code, count, base, group=None, value=None):
    low, high = wilson(count, base)
    share = count / base
    name = {"": "(no code)", "cost": "Cost to residents"}.get(code, code.capitalize())
    return Row("theme", code, name, group, value, count, count, base, share, low, high, NOT_CHECKED, 0, count, share)


def run(counts, base=400):
    rows = tuple(a_row(code, count, base) for code, count in counts.items())
    return Tables("Harbour", (*rows, a_row("access", 1, 9, "Ward", "A")), base, base, None, (), {"theme": "Theme"})


def with_row(tables, code, **changes):
    return replace(tables, rows=tuple(replace(row, **changes) if row.code == code else row for row in tables.rows))


def hidden(tables, code):
    return with_row(tables, code, status=SUPPRESSED, **dict.fromkeys(("respondents", "share", "low", "high")))


def test_the_difference_is_newcombes():
    """The first example of his paper: 56 of 70 against 48 of 80."""
    first, second = ((n / base, *wilson(n, base)) for n, base in ((56, 70), (48, 80)))
    assert np.round(difference(first, second), 4).tolist() == [0.2, 0.0524, 0.3339]


def test_codes_of_both_runs_are_compared_among_all_respondents():
    changed = change(run({"access": 116, "cost": 80, "new": 9, "": 40}), run({"access": 84, "cost": 84, "": 44}))
    assert [(one.code, one.name, one.before, one.now, round(one.difference, 3)) for one in changed] == [
        ("access", "Access", 0.21, 0.29, 0.08),
        ("cost", "Cost to residents", 0.21, 0.2, -0.01),
        ("", "(no code)", 0.11, 0.1, -0.01),
    ]
    assert [round(end, 3) for end in (changed[0].low, changed[0].high)] == [0.02, 0.139]


def test_what_is_suppressed_has_no_difference():
    now, before = run({"access": 116, "cost": 80}), run({"access": 84, "cost": 84})
    assert change(hidden(now, "access"), hidden(before, "cost")) == (
        Changed("theme", "access", "Access", 0.21, None, None, None, None),
        Changed("theme", "cost", "Cost to residents", None, 0.2, None, None, None),
    )


def test_like_is_compared_with_like():
    """A corrected share against a count would show the correction as a change."""
    now, before = run({"access": 100}), run({"access": 100})
    checked = with_row(now, "access", status=CORRECTED, share=0.4, low=0.35, high=0.45)
    assert [(one.before, one.now) for one in change(checked, before)] == [(0.25, 0.25)]
    assert [(one.before, one.now) for one in change(checked, checked)] == [(0.4, 0.4)]


def test_changes_are_put_in_words():
    now = hidden(run({"access": 116, "cost": 80, "noise": 4, "parking": 20, "": 40}), "noise")
    before = run({"access": 84, "cost": 84, "noise": 4, "parking": 60, "": 44})
    found = claims_of_change(change(now, before), "spring 2024", reading_of_change(now, before, "spring 2024"))
    assert [(one.kind, one.about, one.codes, one.words) for one in found] == [
        (
            "safe",
            "reading",
            (),
            "Now against spring 2024: 400 respondents then 400, coded with the same codebook. Both count the tool’s "
            "codes, which have not been checked. Those who answered were not the same people, and chose to answer: a "
            "change is one among them. Changes allow for 4 comparisons (Benjamini–Hochberg, 5 %).",
        ),
        (
            "safe",
            "change",
            ("parking",),
            "“Parking” fell from 15 % of respondents (spring 2024) to 5 % (10 points, 6 to 14).",
        ),
        (
            "safe",
            "change",
            ("access",),
            "“Access” rose from 21 % of respondents (spring 2024) to 29 % (8 points, 2 to 14).",
        ),
        (
            "close",
            "change",
            ("cost",),
            "Since spring 2024, too close to call whether these rose or fell: “Cost to residents” and respondents "
            "without any code.",
        ),
        ("few", "change", ("noise",), "Too few to say how these changed since spring 2024: “Noise”."),
    ]


def test_small_changes_are_told_to_a_tenth():
    found = claims_of_change(change(run({"access": 25_300}, 100_000), run({"access": 24_600}, 100_000)), "spring")
    assert [one.words for one in found] == [
        "“Access” rose from 24.6 % of respondents (spring) to 25.3 % (0.7 points, 0.3 to 1.1)."
    ]


def test_what_is_checked_on_both_sides_is_said():
    now = with_row(run({"access": 100}), "access", status=CORRECTED)
    before = run({"access": 90})
    assert "Both are corrected with check samples." in reading_of_change(now, now, "spring")
    assert "both are taken as the tool counted them." in reading_of_change(now, before, "spring")


def test_codes_that_did_not_change_are_seldom_said_to_have():
    rng = np.random.default_rng(2)
    wrong = 0
    for first, second in rng.binomial(300, 0.2, size=(400, 2, 8)).tolist():
        now, before = (run({f"c{n}": count for n, count in enumerate(counts)}, 300) for counts in (first, second))
        wrong += any(one.kind == "safe" for one in claims_of_change(change(now, before), "spring"))
    assert wrong / 400 <= 0.05


def test_runs_with_different_codebooks_are_not_compared():
    check_same_codebook("ab", "ab", "autumn", "spring")
    with pytest.raises(InputError) as error:
        check_same_codebook("ab", "cd", "autumn", "spring")
    assert str(error.value) == (
        "spring: was coded with another codebook than autumn, so that its shares cannot be compared. "
        "Fix: code the earlier export again with the codebook of now: feedback classify EXPORT --out RUN"
    )
