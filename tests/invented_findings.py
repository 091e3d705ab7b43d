"""Findings of an invented consultation, for tests of what is written from them: 412 respondents, 4 wards, 2 facets."""

from dataclasses import replace

import numpy as np

from pipeline.codebook import load_codebook
from pipeline.counting.findings import (
    Attribute,
    Changed,
    Checked,
    Claim,
    Findings,
    Pile,
    Quote,
    Represented,
    Weighted,
)
from pipeline.counting.tables import CORRECTED, NO_CODE, NOT_CHECKED, SUPPRESSED, Correction, Row, Tables
from pipeline.learning.evaluation import wilson
from pipeline.learning.quality import Estimate
from pipeline.settings import shipped

BASE = 412
WARDS = {"Harbour & Docks": 160, "Mill End": 130, "Old Town": 118, "Lower <Quay>": 4}
FACETS = {
    "principle": {"community-led": 150, "transparent": 96, "accountable": 90, "value-driven": 61, "collaborative": 4},
    "theme": {"access": 120, "cost": 75, "wait": 33, "=SUM(A1)": 12},
}
NAMES = {
    "community-led": "Community-led",
    "transparent": "Transparent",
    "accountable": "Accountable",
    "value-driven": "Value-driven and cost-effective",
    "collaborative": "Collaborative",
    "access": "Access & opening hours",
    "cost": "Cost to residents",
    "wait": "Waiting “too long”",
    "=SUM(A1)": "=SUM(A1) as somebody named it",
    "": NO_CODE,
}
HEADINGS = {"principle": "Design principle", "theme": "Theme"}


def hidden(row):
    """The row as it is published where its count is too small."""
    nothing = dict.fromkeys(("comments", "respondents", "share", "low", "high", "inferred", "comments_once"))
    return replace(row, **nothing, counted_share=None, checked=0, status=SUPPRESSED)


def one_row(facet, code, group, value, respondents, base):
    low, high = wilson(respondents, base)
    share = respondents / base
    return Row(
        *(facet, code, NAMES[code], group, value, respondents + respondents // 5, respondents, base),
        *(share, low, high, NOT_CHECKED, 0, respondents, share),
    )


def corrected(row):
    share = round(row.share * 0.9 + 0.01, 4)
    return replace(row, status=CORRECTED, share=share, low=share - 0.03, high=share + 0.04, checked=100)


def correction_of(row):
    given, checked = row.respondents - 10, 30
    return Correction(
        *(row.facet, row.code, row.name, 20, 10, given, checked, checked * 0.8, BASE - 20 - given, 70, 3.5, 1.0),
        *(row.share, row.low, row.high),
    )


def all_rows():
    overall, grouped, corrections = [], [], []
    for facet, counts in FACETS.items():
        for code, n in [*counts.items(), ("", 40)]:
            row = one_row(facet, code, None, None, n, BASE)
            row = corrected(row) if n >= 40 else row
            if row.status == CORRECTED:
                corrections.append(correction_of(row))
            overall.append(hidden(row) if n < 5 else row)
        for ward, base in WARDS.items():
            for code, n in [*counts.items(), ("", 40)]:
                row = one_row(facet, code, "Ward", ward, min(base, n * base // BASE), base)
                grouped.append(hidden(row) if row.respondents < 5 else row)
    return tuple(overall + grouped), tuple(corrections)


def invented_tables():
    rows, corrections = all_rows()
    sizes = {facet: len(counts) + 1 for facet, counts in FACETS.items()}
    return Tables(
        title="Harbour consultation",
        rows=rows,
        responses=450,
        base=BASE,
        wording=None,
        notes=(
            "Base: 412 respondents of 450 who wrote something with content; a respondent may have several codes, "
            "so shares do not add up to 100 %.",
            "Every submission is counted. 30 of the 600 comments belong to 1 campaign.",
        ),
        headings=HEADINGS,
        corrections=corrections,
        covariance={facet: np.diag(np.full(size, 0.0004)) for facet, size in sizes.items()},
        rest={
            (row.facet, row.group, row.value, row.code): Estimate(0.2, 0.16, 0.25, BASE - row.base)
            for row in rows
            if row.group is not None and row.status != SUPPRESSED
        },
    )


def invented_findings(**changes):
    """All that findings may hold, with names that would be formulas, tags or entities where they were not escaped."""
    claims = (
        Claim("safe", "order", "More people raised Community-led than Transparent.", "principle", ("community-led",)),
        Claim("close", "order", "Transparent and Accountable are too close to call.", "principle", ("transparent",)),
        Claim("few", "size", "Collaborative: too few people to say.", "principle", ("collaborative",)),
        Claim(
            *(
                "safe",
                "group",
                "Access & opening hours was raised more often in Mill End (40 %) than elsewhere (20 %).",
            ),
            *("theme", ("access",), "Ward", "Mill End"),
        ),
    )
    wards = Attribute(
        "Ward",
        "wards.csv",
        (
            Represented("Harbour & Docks", 160, 0.39, 0.34, 0.44, 0.30, "over"),
            Represented("Old Town", 118, 0.29, 0.25, 0.33, 0.40, "under"),
            Represented("Lower <Quay>", None, None, None, None, 0.02, ""),
        ),
        (Weighted("theme", "access", NAMES["access"], 0.29, 0.27, 0.22, 0.32),),
        ("4 wards of the file were matched to 4 values of the export.",),
    )
    quotes = tuple(
        Quote(
            facet, code, f"R-{n}{k}/1", f"What {word} said about {NAMES[code]} & <b>more</b>, [name].", "Why?", k == 0
        )
        for n, (facet, code) in enumerate(
            (f, c) for f, counts in FACETS.items() for c in counts if c != "collaborative"
        )
        for k, word in enumerate(("a tenant", "a trader", "=a parent"))
    )
    checked = tuple(
        Checked("principle", code, 20, (0.8, 0.6, 0.92), (0.7, 0.5, 0.85), (0.75, 0.6, 0.88) if n else None)
        for n, code in enumerate(FACETS["principle"])
    )
    found = Findings(
        tables=invented_tables(),
        codebook=load_codebook(shipped("corpus/codebook.toml")),
        claims=claims,
        attributes=(wards,),
        earlier="spring",
        changed=(Changed("theme", "access", NAMES["access"], 0.21, 0.29, 0.08, 0.02, 0.14),),
        quotes=quotes,
        piles=(Pile("theme", 40, ((12, ("bins", "rats")), (8, ("bus", "late"))), quotes[:2]),),
        checked=checked,
        drawn=100,
        coders=2,
        method=("The comments were coded by a classifier.", "100 comments were drawn at random & coded blind."),
        limits=("People chose whether to answer.",),
        run="harbour",
        export="harbour.xlsx",
        model="engagement",
        made="2025-10-01T10:00:00+00:00",
        digests={"export": "ab" * 32, "codebook": "cd" * 32, "model": "ef" * 32},
        versions={"feedback-pipeline": "0.1.0", "python": "3.11.7"},
        smallest=5,
    )
    return replace(found, **changes)
