from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest, fisher_exact

from pipeline.counting.claims import claims
from pipeline.counting.phrases import listed, quoted
from pipeline.counting.significance import difference_p, holm, paired_p, separate_p
from pipeline.counting.tables import CORRECTED, NOT_CHECKED, SUPPRESSED, Row, Tables
from pipeline.learning.evaluation import wilson
from pipeline.learning.quality import Estimate

DRAWS = 400


def a_row(code, count, base, group=None, value=None, facet="theme"):
    name = {"": "(no code)", "cost": "Cost to residents"}.get(code, code.capitalize())
    low, high = wilson(count, base)
    share = count / base
    return Row(facet, code, name, group, value, count, count, base, share, low, high, NOT_CHECKED, 0, count, share)


def hidden(row, base=True):
    """The row as it is published where its count is too small."""
    numbers = ("comments", "respondents", "share", "low", "high", "inferred", "comments_once", "counted_share")
    gone = dict.fromkeys(numbers if base else (*numbers, "base"))
    return replace(row, **gone, checked=0, status=SUPPRESSED)


def corrected(row, half):
    return replace(row, status=CORRECTED, low=max(row.share - half, 0), high=row.share + half, checked=150)


def tables_of(rows, base, rest=None, covariance=None, headings=None):
    return Tables(
        title="Harbour",
        rows=tuple(rows),
        responses=base,
        base=base,
        wording=None,
        notes=(),
        headings=headings or {"theme": "Theme"},
        covariance=covariance or {},
        rest=rest or {},
    )


def overall(counts, base=400, none=60):
    """A facet of which a respondent may have several codes."""
    return [*(a_row(code, n, base) for code, n in counts.items()), a_row("", none, base)]


def by_ward(has_code, ward, codes):
    """Overall rows, rows by ward and the rest of each, from respondents × codes."""
    base = len(ward)
    rows, rest = overall(dict(zip(codes, has_code.sum(axis=0).tolist(), strict=True)), base), {}
    for value in dict.fromkeys(ward):
        inside = np.array([one == value for one in ward])
        for n, code in enumerate(codes):
            rows.append(a_row(code, int(has_code[inside, n].sum()), int(inside.sum()), "Ward", value))
            count, size = int(has_code[~inside, n].sum()), int((~inside).sum())
            rest["theme", "Ward", value, code] = Estimate(count / size, *wilson(count, size), size)
    return tables_of(rows, base, rest)


def told(tables, about=None):
    return [(one.kind, one.words) for one in claims(tables) if about is None or one.about == about]


# ---- all respondents -------------------------------------------------------------------------------------------------


def test_a_table_is_put_in_words():
    rows = overall({"access": 240, "housing": 130, "cost": 120, "parking": 30, "noise": 4})
    rows[4] = hidden(rows[4])
    unchecked = (
        "Theme: shares are of the 400 respondents who wrote something with content. They count the tool’s codes, which "
        "have not been checked; the intervals allow for chance in who answered, and for nothing else. What is said of "
        "one against another allows for 6 comparisons (Holm, 5 %)."
    )
    assert told(tables_of(rows, 400)) == [
        ("safe", unchecked),
        ("safe", "More respondents raised “Access”, 60 % (55 to 65 %), than any other of the 4 codes compared."),
        (
            "safe",
            "Each of “Housing”, 32 % (28 to 37 %), and “Cost to residents”, 30 % (26 to 35 %), was raised by more "
            "respondents than “Parking”, 8 % (5 to 11 %).",
        ),
        ("safe", "Most respondents raised “Access”, 60 % (55 to 65 %)."),
        (
            "safe",
            "A minority of respondents raised each of “Housing”, 32 % (28 to 37 %); “Cost to residents”, 30 % (26 to "
            "35 %); and “Parking”, 8 % (5 to 11 %).",
        ),
        ("safe", "15 % (12 to 19 %) of respondents raised none of the codes of Theme."),
        (
            "close",
            "“Housing”, 32 % (28 to 37 %), and “Cost to residents”, 30 % (26 to 35 %), are too close to call.",
        ),
        ("few", "Too few to say anything about “Noise”."),
    ]


def test_claims_name_their_codes_and_place():
    rows = overall({"access": 240, "housing": 130})
    assert [
        (one.kind, one.about, one.facet, one.codes, one.group, one.value) for one in claims(tables_of(rows, 400))
    ] == [
        ("safe", "reading", "theme", (), None, None),
        ("safe", "order", "theme", ("access", "housing"), None, None),
        ("safe", "size", "theme", ("access",), None, None),
        ("safe", "size", "theme", ("housing",), None, None),
        ("safe", "size", "theme", (), None, None),
    ]


def test_the_first_is_said_to_be_first_of_all_only_where_all_are_shown():
    rows = overall({"access": 240, "housing": 130, "noise": 90})
    first = "More respondents raised “Access”, 60 % (55 to 65 %), than any other {}."
    assert ("safe", first.format("code of Theme")) in told(tables_of(rows, 400))
    rows[2] = hidden(rows[2])
    assert ("safe", "More respondents raised “Access”, 60 % (55 to 65 %), than “Housing”, 32 % (28 to 37 %).") in told(
        tables_of(rows, 400)
    )


def test_a_chain_of_ties_is_told_run_by_run_and_its_ends_apart():
    rows = overall({"access": 150, "housing": 130, "cost": 108})
    assert told(tables_of(rows, 400), "order") == [
        ("safe", "More respondents raised “Access”, 38 % (33 to 42 %), than “Cost to residents”, 27 % (23 to 32 %)."),
        ("close", "“Access”, 38 % (33 to 42 %), and “Housing”, 32 % (28 to 37 %), are too close to call."),
        ("close", "“Housing”, 32 % (28 to 37 %), and “Cost to residents”, 27 % (23 to 32 %), are too close to call."),
    ]


def test_many_codes_alike_are_named_by_the_first_and_the_last():
    rows = overall({f"code{n}": 100 - n for n in range(12)})
    assert told(tables_of(rows, 400), "order") == [
        (
            "close",
            "From “Code0”, 25 % (21 to 29 %), down to “Code11”, 22 % (18 to 27 %), 12 codes, the order cannot be told.",
        )
    ]


def test_people_are_under_a_code_of_an_exclusive_facet():
    rows = [a_row("resident", 260, 400), a_row("trader", 130, 400), a_row("visitor", 10, 400)]
    assert told(tables_of(rows, 400))[1:] == [
        ("safe", "More respondents came under “Resident”, 65 % (60 to 70 %), than any other code of Theme."),
        ("safe", "More respondents came under “Trader”, 32 % (28 to 37 %), than “Visitor”, 2 % (1 to 5 %)."),
        ("safe", "Most respondents came under “Resident”, 65 % (60 to 70 %)."),
        ("safe", "A minority of respondents came under “Trader”, 32 % (28 to 37 %)."),
        ("safe", "A small minority, under a tenth of respondents, came under “Visitor”, 2 % (1 to 5 %)."),
    ]


def test_what_respondents_said_of_themselves_is_not_called_the_tools():
    rows = [a_row("resident", 260, 400), replace(a_row("trader", 140, 400), inferred=12)]
    assert claims(tables_of(rows, 400))[0].words == (
        "Theme: shares are of the 400 respondents who wrote something with content. They count what the export says of "
        "the respondents and, where it says nothing, what the tool inferred, unchecked; the intervals allow for chance "
        "in who answered, and for nothing else."
    )
    inferred = [replace(row, inferred=row.respondents) for row in rows]
    assert "They count the tool’s codes, which have not been checked" in claims(tables_of(inferred, 400))[0].words


def test_about_half_is_safe_where_the_interval_is_narrow_and_open_where_it_is_wide():
    assert ("safe", "About half of respondents raised “Access”, 50 % (48 to 52 %).") in told(
        tables_of(overall({"access": 998}, 2000), 2000)
    )
    assert ("close", "Whether most respondents raised “Access”, 50 % (37 to 63 %), is too close to call.") in told(
        tables_of(overall({"access": 25}, 50, none=10), 50)
    )


def test_nothing_is_said_of_a_handful_of_respondents():
    rows = [a_row("access", 8, 9), a_row("housing", 0, 9), a_row("", 1, 9)]
    assert told(tables_of(rows, 9))[1:] == [("few", "Too few to say anything about “Access” and “Housing”.")]


def test_what_nothing_can_be_said_of_is_not_ranked_either():
    rows = overall({"access": 60, "cost": 9}, 100, 10)
    assert told(tables_of(rows, 100))[1:] == [
        ("safe", "Most respondents raised “Access”, 60.0 % (50.2 to 69.1 %)."),
        ("safe", "10 % (6 to 17 %) of respondents raised none of the codes of Theme."),
        ("few", "Too few to say anything about “Cost to residents”."),
    ]


def test_a_few_of_many_are_a_small_minority_for_certain():
    assert ("safe", "A small minority, under a tenth of respondents, raised “Noise”, 0.2 % (0.1 to 0.4 %).") in told(
        tables_of(overall({"noise": 4}, 2500), 2500)
    )


def test_a_name_may_be_anything():
    rows = overall({"a": 200, "b": 20})
    rows[0] = replace(rows[0], name="=1+1, “so” and\nso")
    words = told(tables_of(rows, 400), "order")[0][1]
    assert words == "More respondents raised “=1+1, ‘so’ and so”, 50 % (45 to 55 %), than “B”, 5 % (3 to 8 %)."
    assert quoted("a “b”\n c") == "“a ‘b’ c”"
    assert [listed(items) for items in ([], ["a"], ["a", "b"])] == ["", "a", "a and b"]


def test_shares_that_round_alike_are_told_apart_by_a_decimal():
    rows = overall({"access": 34400, "housing": 33600}, 100_000)
    assert told(tables_of(rows, 100_000), "order") == [
        (
            "safe",
            "More respondents raised “Access”, 34.4 % (34.1 to 34.7 %), than “Housing”, 33.6 % (33.3 to 33.9 %).",
        )
    ]


# ---- checked and not checked -----------------------------------------------------------------------------------------


def test_corrected_shares_are_ranked_among_themselves_and_the_others_named_as_not_corrected():
    rows = overall({"access": 240, "housing": 130, "cost": 120, "parking": 30})
    rows = [corrected(row, 0.05) if row.code in ("access", "housing", "cost") else row for row in rows]
    found = told(tables_of(rows, 400))
    assert found[0][1] == (
        "Theme: shares are of the 400 respondents who wrote something with content. They are corrected with the check "
        "sample; the intervals say how far people’s reading of all comments may differ. Not corrected, but the tool’s "
        "own counts with intervals for chance in who answered only: “Parking”; these are not ranked. What is said of "
        "one against another allows for 3 comparisons (Holm, 5 %)."
    )
    assert told(tables_of(rows, 400), "order") == [
        ("safe", "More respondents raised “Access”, 60 % (55 to 65 %), than any other of the 3 codes compared."),
        ("close", "“Housing”, 32 % (28 to 38 %), and “Cost to residents”, 30 % (25 to 35 %), are too close to call."),
    ]


def test_known_covariance_tells_codes_apart_that_would_else_be_too_close():
    rows = [corrected(row, 0.05) for row in overall({"access": 180, "housing": 150})]
    variance = (0.05 / 1.96) ** 2
    together = np.full((3, 3), 0.9 * variance) + np.diag([0.1 * variance] * 3)
    assert [kind for kind, _ in told(tables_of(rows, 400), "order")] == ["close"]
    assert [kind for kind, _ in told(tables_of(rows, 400, covariance={"theme": together}), "order")] == ["safe"]


def test_a_covariance_that_shows_no_spread_makes_nothing_certain():
    rows = [corrected(row, 0.08) for row in overall({"access": 180, "housing": 160})]
    nothing = {"theme": np.zeros((3, 3))}
    assert [kind for kind, _ in told(tables_of(rows, 400, covariance=nothing), "order")] == ["close"]


def test_the_covariance_of_counts_says_how_many_have_one_code_only():
    """Of 400, 150 have both codes; 30 have only one and 10 only the other: exact p 0.002, but 0.03 at worst."""
    rows = overall({"access": 180, "housing": 160})
    share = np.array([0.45, 0.40, 0.15])
    both = 150 / 400
    known = np.diag(share * (1 - share)) / 400
    known[0, 1] = known[1, 0] = (both - 0.45 * 0.40) / 400
    assert [kind for kind, _ in told(tables_of(rows, 400), "order")] == ["close"]
    assert [kind for kind, _ in told(tables_of(rows, 400, covariance={"theme": known}), "order")] == ["safe"]


# ---- by group --------------------------------------------------------------------------------------------------------


def wards(counts, base=200, codes=("access", "cost")):
    """Respondents of whom so many in each ward have each code."""
    has, ward = [], []
    for name, of in counts.items():
        has.append(np.arange(base)[:, None] < np.array(of))
        ward += [name] * base
    return by_ward(np.concatenate(has), ward, codes)


def test_a_table_by_group_is_put_in_words():
    tables = wards({"Mill End": (110, 40), "Old Town": (60, 44), "Harbour": (56, 36)})
    found = [one for one in claims(tables) if one.group]
    assert [(one.kind, one.words) for one in found] == [
        (
            "safe",
            "Theme by Ward: shares are of the respondents under each value who wrote something with content. They "
            "count the tool’s codes, which have not been checked; the intervals allow for chance in who answered, and "
            "for nothing else. What is said of one against another allows for 6 comparisons (Benjamini–Hochberg, 5 %).",
        ),
        (
            "safe",
            "Ward “Mill End”: respondents raised “Access” "
            "more often, 55 % (48 to 62 %), than others, 29 % (25 to 34 %).",
        ),
        (
            "safe",
            "Ward “Harbour”: respondents raised “Access” "
            "less often, 28 % (22 to 35 %), than others, 42 % (38 to 47 %).",
        ),
        (
            "safe",
            "Ward “Old Town”: respondents raised “Access” "
            "less often, 30 % (24 to 37 %), than others, 42 % (37 to 46 %).",
        ),
        ("safe", "Ward “Mill End”: a minority of respondents raised “Cost to residents”, 20 % (15 to 26 %)."),
        (
            "safe",
            "Ward “Old Town”: a minority of respondents raised each of “Access”, 30 % (24 to 37 %), and “Cost to "
            "residents”, 22 % (17 to 28 %).",
        ),
        (
            "safe",
            "Ward “Harbour”: a minority of respondents raised each of “Access”, 28 % (22 to 35 %), and “Cost to "
            "residents”, 18 % (13 to 24 %).",
        ),
        (
            "close",
            "Ward “Mill End”: whether most respondents raised “Access”, 55 % (48 to 62 %), is too close to call.",
        ),
    ]
    assert (found[1].about, found[1].codes, found[1].value) == ("group", ("access",), "Mill End")


def test_what_is_said_of_a_value_with_too_few_checked_says_whose_count_it_is():
    rows = [corrected(a_row(code, n, 400), 0.04) for code, n in {"access": 240, "housing": 100}.items()]
    rows += [corrected(a_row("access", 180, 300, "Ward", "North"), 0.05), a_row("access", 70, 100, "Ward", "South")]
    rows += [corrected(a_row("housing", 60, 300, "Ward", "North"), 0.05), a_row("housing", 9, 100, "Ward", "South")]
    rows += [corrected(a_row("", 60, 400), 0.04)]
    own = " This is by the tool’s own count, which was not checked."
    assert [(one.kind, one.words) for one in claims(tables_of(rows, 400)) if one.value and one.about == "size"] == [
        ("safe", "Ward “North”: most respondents raised “Access”, 60 % (55 to 65 %)."),
        ("safe", "Ward “North”: a minority of respondents raised “Housing”, 20 % (15 to 25 %)."),
        ("safe", "Ward “South”: most respondents raised “Access”, 70 % (60 to 78 %)." + own),
        ("few", "Ward “South”: too few to say anything about “Housing”."),
    ]


def test_where_no_value_has_enough_checked_each_sentence_says_so_for_it_may_stand_alone():
    rows = [corrected(a_row("access", 240, 400), 0.04)]
    rows += [a_row("access", 210, 300, "Ward", "North"), a_row("access", 30, 100, "Ward", "South")]
    own = "This is by the tool’s own count, which was not checked."
    said = [one for one in claims(tables_of(rows, 400)) if one.group and one.about != "reading"]
    assert len(said) == 2
    assert all(one.words.endswith(own) for one in said)


def test_a_close_call_between_a_checked_and_an_unchecked_value_says_so_of_a_part():
    rest = {("theme", "Ward", value, "access"): Estimate(0.5, 0.44, 0.56, 300) for value in ("North", "South", "East")}
    rows = [corrected(a_row("access", 200, 400), 0.04), corrected(a_row("access", 100, 200, "Ward", "North"), 0.05)]
    rows += [a_row("access", 50, 100, "Ward", "South"), a_row("access", 50, 100, "Ward", "East")]
    assert ("close", "group") in [(one.kind, one.about) for one in claims(tables_of(rows, 400, rest))]
    words = [one.words for one in claims(tables_of(rows, 400, rest)) if one.about == "group"]
    assert words == [
        "Ward: no code of Theme stands out under any one value against the others. Some of this is by the tool’s own "
        "count, which was not checked."
    ]


def test_what_nobody_raised_is_no_small_minority():
    rows = [a_row(code, n, 60, "Ward", "North") for code, n in {"access": 40, "housing": 0, "cost": 0}.items()]
    said = [one.words for one in claims(tables_of([*overall({"access": 40}, 60), *rows], 60)) if one.value]
    assert said == [
        "Ward “North”: most respondents raised “Access”, 67 % (54 to 77 %).",
        "Ward “North”: nobody was found to have raised any of “Housing” and “Cost to residents”.",
    ]


def test_where_nothing_stands_out_that_is_said():
    tables = wards({"Mill End": (60, 40), "Old Town": (60, 44), "Harbour": (56, 36)})
    assert told(tables, "group") == [
        ("close", "Ward: no code of Theme stands out under any one value against the others.")
    ]


def test_of_two_values_the_second_does_not_say_the_first_again():
    tables = wards({"Mill End": (110, 40), "Old Town": (60, 44)})
    assert [words for _, words in told(tables, "group")] == [
        "Ward “Mill End”: respondents raised “Access” more often, 55 % (48 to 62 %), than others, 30 % (24 to 37 %)."
    ]


def test_beyond_a_dozen_differences_the_smaller_ones_are_told_value_by_value():
    codes = tuple(f"c{n}" for n in range(14))
    tables = wards({"Mill End": range(100, 170, 5), "Old Town": range(10, 80, 5), "Harbour": [60] * 14}, codes=codes)
    found = [one for one in claims(tables) if one.about == "group" and one.kind == "safe"]
    assert len(found) == 12 + len({one.value for one in found[12:]})
    further = next(one for one in found[12:] if one.value == "Mill End")
    assert further.codes == ("c1", "c0")
    assert further.words == (
        "Ward “Mill End”, smaller differences, but as clear: more often “C1”, 52 % against 19 % and “C0”, 50 % against "
        "18 %."
    )


def test_those_of_no_value_are_not_singled_out_but_are_among_the_others():
    tables = wards({"Mill End": (60, 40), "(not given)": (160, 10), "Harbour": (60, 36)})
    assert [words for _, words in told(tables, "group") if "not given" in words] == []


def test_a_code_is_not_compared_among_its_own():
    headings = {"theme": "Theme", "place": "Place"}
    rows = [
        *overall({"access": 200, "cost": 100}),
        *(a_row(code, n, 200, "theme", "Access") for code, n in (("access", 200), ("cost", 20))),
    ]
    rest = {("theme", "theme", "Access", code): Estimate(0.4, 0.33, 0.47, 200) for code in ("access", "cost")}
    found = [words for _, words in told(tables_of(rows, 400, rest, headings=headings)) if words.startswith("Theme “")]
    assert found == [
        "Theme “Access”: respondents raised “Cost to residents” less often, 10 % (7 to 15 %), than others, 40 % "
        "(33 to 47 %).",
        "Theme “Access”: a minority of respondents raised “Cost to residents”, 10 % (7 to 15 %).",
    ]


def test_corrected_cells_are_compared_by_their_intervals():
    tables = wards({"Mill End": (110, 40), "Old Town": (60, 44), "Harbour": (56, 36)})
    wide = replace(tables, rows=tuple(corrected(row, 0.19) if row.group else row for row in tables.rows))
    narrow = replace(tables, rows=tuple(corrected(row, 0.08) if row.group else row for row in tables.rows))
    assert [kind for kind, _ in told(wide, "group")] == ["close"]
    assert [kind for kind, _ in told(narrow, "group")] == ["safe", "safe", "safe"]


# ---- suppressed ------------------------------------------------------------------------------------------------------


def test_nothing_is_said_of_a_suppressed_cell_but_that_it_is_few():
    tables = wards({"Mill End": (110, 40), "Old Town": (60, 3), "Harbour": (56, 4)})
    gone = replace(
        tables,
        rows=tuple(
            hidden(row) if row.code == "cost" and row.value in ("Old Town", "Harbour") else row for row in tables.rows
        ),
    )
    about = [(one.kind, one.words) for one in claims(gone) if "Old Town" in one.words and "Cost" in one.words]
    assert about == [("few", "Ward “Old Town”: too few to say anything about “Cost to residents”.")]


@pytest.mark.parametrize("place", [(None, None), ("Ward", "Old Town")])
def test_no_comparison_gives_away_what_is_hidden(place):
    """With one value or the total hidden, everybody else would be the figure that is missing."""
    tables = wards({"Mill End": (110, 100), "Old Town": (60, 20), "Harbour": (56, 36)})
    rows = tuple(hidden(row) if row.code == "cost" and (row.group, row.value) == place else row for row in tables.rows)
    assert any("“Cost to residents” more often" in words for _, words in told(tables, "group"))
    assert not any("Cost" in words for _, words in told(replace(tables, rows=rows), "group"))


def test_a_value_that_is_hidden_whole_is_named_and_no_more():
    tables = wards({"Mill End": (110, 40), "Old Town": (60, 44), "Harbour": (56, 36), "Quay": (1, 1)})
    rows = tuple(hidden(row, base=False) if row.value in ("Quay", "Harbour") else row for row in tables.rows)
    assert [words for _, words in told(replace(tables, rows=rows)) if "Quay" in words] == [
        "Ward: too few to say anything about “Harbour” and “Quay”."
    ]


# ---- how often it is wrong -------------------------------------------------------------------------------------------


def test_codes_that_are_equal_are_seldom_ranked():
    """Eight codes as frequent as one another, given independently: at most one list in twenty holds a false order."""
    rng = np.random.default_rng(5)
    wrong = 0
    for share in (0.03, 0.2, 0.5):
        for counts in rng.binomial(300, share, size=(DRAWS, 8)):
            rows = overall({f"c{n}": int(count) for n, count in enumerate(counts)}, 300)
            wrong += any(kind == "safe" for kind, _ in told(tables_of(rows, 300), "order"))
    assert wrong / (3 * DRAWS) <= 0.05


def test_corrected_codes_that_are_equal_are_seldom_ranked():
    """Shares whose errors go against each other, with and without their covariance being told."""
    rng = np.random.default_rng(6)
    spread = 0.0004 * (np.eye(6) - 0.15 * (1 - np.eye(6)))
    wrong = []
    for shares in rng.multivariate_normal(np.full(6, 0.3), spread, size=DRAWS):
        rows = [
            replace(a_row(f"c{n}", 120, 400), status=CORRECTED, share=s, low=s - 0.0392, high=s + 0.0392)
            for n, s in enumerate(shares.tolist())
        ]
        for known in ({}, {"theme": spread}):
            wrong.append(any(kind == "safe" for kind, _ in told(tables_of(rows, 400, covariance=known), "order")))
    assert np.mean(wrong[::2]) <= np.mean(wrong[1::2]) <= 0.05


def test_groups_that_are_equal_are_seldom_told_apart():
    rng = np.random.default_rng(7)
    codes = [f"c{n}" for n in range(6)]
    ward = [f"Ward {n % 5}" for n in range(300)]
    wrong = sum(
        any(kind == "safe" for kind, _ in told(by_ward(rng.random((300, 6)) < 0.25, ward, codes), "group"))
        for _ in range(DRAWS)
    )
    assert wrong / DRAWS <= 0.05


def test_clear_differences_are_found_and_few_others_with_them():
    """One of five wards raises two of six codes twice as often."""
    rng = np.random.default_rng(8)
    codes = [f"c{n}" for n in range(6)]
    ward = [f"Ward {n % 5}" for n in range(500)]
    share = np.full((500, 6), 0.2)
    share[::5, :2] = 0.5
    found, false, orders = [], [], []
    for _ in range(100):
        tables = by_ward(rng.random((500, 6)) < share, ward, codes)
        safe = [one for one in claims(tables) if one.kind == "safe" and one.about == "group"]
        right = [one for one in safe if one.value == "Ward 0" and one.codes[0] in ("c0", "c1")]
        found.append(len(right) / 2)
        # The wards besides are less often under those codes than others, which is true as well.
        others = [one for one in safe if one.codes[0] not in ("c0", "c1")]
        false.append(len(others) / max(len(safe), 1))
    for counts in rng.binomial(400, (0.4, 0.25, 0.1), size=(100, 3)).tolist():
        rows = overall(dict(zip("abc", counts, strict=True)))
        orders.append([kind for kind, _ in told(tables_of(rows, 400), "order")] == ["safe", "safe"])
    assert np.mean(found) > 0.95
    assert np.mean(false) <= 0.05
    assert np.mean(orders) > 0.9


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def test_holm_is_the_published_step_down():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).round(3).tolist() == [0.03, 0.06, 0.06, 0.02]
    assert holm(np.ones(0)).tolist() == []


def test_paired_counts_are_tested_exactly_and_for_the_worst_where_overlap_is_not_known():
    first, second = np.array([30, 12, 390]), np.array([12, 12, 380])
    got = paired_p(first, second, 400).round(10).tolist()
    want = [binomtest(30, 42).pvalue, 1.0, binomtest(20, 30).pvalue]
    assert got == [round(p, 10) for p in want]
    known = paired_p(first[:1], second[:1], 400, np.array([20.0]))
    assert known.round(10).tolist() == [round(binomtest(19, 20).pvalue, 10)]


def test_separate_counts_are_tested_as_fisher_does():
    got = separate_p(np.array([9, 3]), np.array([20, 50]), np.array([4, 30]), np.array([60, 100]))
    one_sided = [
        fisher_exact([[9, 11], [4, 56]], "greater").pvalue,
        fisher_exact([[3, 47], [30, 70]], "less").pvalue,
    ]
    assert got.round(12).tolist() == [round(2 * p, 12) for p in one_sided]


def test_the_test_by_intervals_is_the_usual_one_where_they_are_even():
    p = difference_p(np.array([0.196, 0.0, 0.1]), np.array([0.0980, 0.1, 0.0]), np.array([0.0, 0.1, 0.0]))
    assert p.round(4).tolist() == [0.0001, 1.0, 0.0]
