"""What the report says, and in which order, whatever it is written as."""

from dataclasses import replace

import pytest
from invented_findings import invented_findings, invented_tables, one_row

from pipeline.counting.claims import OWN_COUNT
from pipeline.counting.findings import Claim
from pipeline.counting.tables import CORRECTED, NOT_CHECKED
from pipeline.publishing.document import Bar, Bullets, Chart, Column, Paragraph, Quotation, Quotations, Section, Table
from pipeline.publishing.story import tell

HIDDEN = "[c]: not published, because it counts 1 to 4 people, or because such a count could be worked out from it."
BASE = (
    "Base: 412 respondents of 450 who wrote something with content; a respondent may have several codes, so shares do "
    "not add up to 100 %."
)
NOTHING = {
    **dict.fromkeys(("claims", "attributes", "changed", "quotes", "piles", "checked", "method", "limits"), ()),
    **{"earlier": "", "drawn": 0, "coders": 0, "versions": {}, "digests": {}},
}


def unchecked_tables():
    """The invented tables, nothing in them corrected."""
    tables = invented_tables()
    rows = [
        replace(row, status=NOT_CHECKED, share=row.counted_share, checked=0) if row.status == CORRECTED else row
        for row in tables.rows
    ]
    return replace(tables, rows=tuple(rows), corrections=())


def wards_tables(values):
    """Tables of one facet with as many wards as told, all of the same size."""
    tables = invented_tables()
    overall = tables.of("theme")
    rows = [one_row("theme", row.code, "Ward", f"Ward {n}", 20, 100) for n in range(values) for row in overall]
    return replace(tables, rows=(*overall, *rows), headings={"theme": "Theme"})


def outline(document):
    return [(section.level, section.id, section.title) for section in document.sections]


def section(document, id_):
    return next(one for one in document.sections if one.id == id_)


def of_kind(document, id_, kind):
    return [block for block in section(document, id_).blocks if isinstance(block, kind)]


def table(document, id_):
    return of_kind(document, id_, Table)[0]


def warnings(document):
    return [block.text for block in document.blocks() if isinstance(block, Paragraph) and block.warning]


def test_a_report_says_first_what_can_be_said_and_last_what_it_was_made_from():
    document = tell(invented_findings())
    assert (document.title, document.made) == (
        "Harbour consultation: what people told us",
        "1 October 2025 at 10:00 UTC",
    )
    assert outline(document) == [
        (2, "said", "What can be said"),
        (3, "said-principle", "Design principle: statements"),
        (3, "said-theme", "Theme: statements"),
        (2, "principle", "Design principle"),
        (3, "principle-quotes", "Design principle: what people wrote"),
        (3, "principle-by-1", "Design principle by Ward"),
        (2, "theme", "Theme"),
        (3, "theme-quotes", "Theme: what people wrote"),
        (3, "theme-by-1", "Theme by Ward"),
        (2, "who", "Who answered"),
        (3, "who-1", "Ward"),
        (3, "who-weighted", "Shares weighted to the population"),
        (2, "change", "Change since spring"),
        (3, "change-theme", "Theme: change"),
        (2, "without", "Comments without a code"),
        (3, "without-theme", "No code of Theme"),
        (2, "method", "How it was done"),
        (2, "check", "How well the tool coded"),
        (2, "limits", "Limits"),
        (2, "definitions", "The codes and what they mean"),
        (2, "files", "Files and versions"),
    ]


def test_the_first_sentences_say_how_many_how_coded_whether_checked_and_what_is_safe():
    findings = invented_findings(tables=replace(invented_tables(), comments=600))
    assert tell(findings).lead == (
        "412 people, of 450 who took part, wrote the 600 comments counted here.",
        "A computer program, the tool with its model “engagement”, gave each comment its codes; where people decided, "
        "theirs count.",
        "2 people coded 100 comments, drawn at random, without seeing what the tool had said; shares are corrected "
        "with them where they suffice, the others are marked “not checked”.",
        "More people raised Community-led than Transparent.",
        "Access & opening hours was raised more often in Mill End (40 %) than elsewhere (20 %).",
    )


def test_what_nothing_is_known_of_leaves_no_heading():
    document = tell(invented_findings(**NOTHING))
    assert [id_ for _, id_, _ in outline(document)] == [
        *("principle", "principle-by-1", "theme", "theme-by-1", "method", "check", "definitions", "files"),
    ]
    assert all(section.blocks for section in document.sections)
    assert document.lead[-1] == (
        "Raised most under Design principle, with its 95 % interval: “Community-led”, 34 % (31 to 38 %)."
    )


@pytest.mark.parametrize(
    ("drawn", "lead", "warning"),
    [
        (
            0,
            "Not checked: no random sample of its codes was checked by people, so the shares are a first count only.",
            "Not checked. The codes behind these shares were given by the tool, and no random sample of them was "
            "checked by people. The shares may be well off; take them as a first count, not as a finding.",
        ),
        (
            20,
            "Not checked: 2 people coded 20 comments, drawn at random, without seeing what the tool had said, but too "
            "few to correct the shares, which are a first count only.",
            "Not checked. The check sample is too small to correct these shares, so they are those of the tool’s codes "
            "as they stand. They may be well off; take them as a first count, not as a finding.",
        ),
    ],
)
def test_that_nothing_was_checked_is_said_wherever_shares_are_shown(drawn, lead, warning):
    document = tell(invented_findings(tables=unchecked_tables(), drawn=drawn))
    assert document.lead[2] == lead
    assert warnings(document)[0].startswith(
        "Not checked. What is called safe to say allows for chance, but not for errors"
    )
    assert warnings(document)[1:3] == [warning, warning]
    charts = of_kind(document, "theme", Chart) + of_kind(document, "principle", Chart)
    assert all(chart.title.endswith(", not checked") for chart in charts)
    assert all(bar.unchecked for chart in charts for bar in chart.bars if bar.share is not None)
    assert {row[-1] for row in table(document, "theme").rows} == {"not checked"}
    assert (
        table(document, "theme-by-1").caption == "Theme by Ward: share of the respondents in each column, not checked"
    )
    assert "Counted share" not in [column.header for column in table(document, "theme").columns]


def test_the_codes_that_alone_were_not_checked_are_named():
    assert warnings(tell(invented_findings()))[1] == (
        "Not checked: “Waiting ‘too long’” and “=SUM(A1) as somebody named it”. The check sample allows no correction "
        "here, so these shares are those of the tool’s codes as they stand. The other shares are corrected."
    )


def test_the_table_of_a_facet_holds_every_count_beside_the_corrected_share():
    assert table(tell(invented_findings()), "principle") == Table(
        "Design principle: how often each was raised",
        (
            *(Column("Design principle"), Column("Comments", "count"), Column("Comments, each campaign once", "count")),
            *(Column("Respondents", "count"), Column("Counted share", "share"), Column("Share", "share")),
            *(Column("95 % interval", "figures"), Column("Status")),
        ),
        (
            ("Community-led", 180, 150, 150, 150 / 412, 0.3377, "30.8 to 37.8 %", "corrected"),
            ("Transparent", 115, 96, 96, 96 / 412, 0.2197, "19.0 to 26.0 %", "corrected"),
            ("Accountable", 108, 90, 90, 90 / 412, 0.2066, "17.7 to 24.7 %", "corrected"),
            ("Value-driven and cost-effective", 73, 61, 61, 61 / 412, 0.1433, "11.3 to 18.3 %", "corrected"),
            ("(no code)", 48, 40, 40, 40 / 412, 0.0974, "6.7 to 13.7 %", "corrected"),
            ("Collaborative", None, None, None, None, None, None, "suppressed"),
        ),
        f"{BASE} Counted share: respondents of the base to whom the code was given. Share: the counted share corrected "
        f"with the check sample, where the status is “corrected”. {HIDDEN}",
    )


def test_columns_that_would_say_nothing_are_left_out_and_inferred_codes_told():
    tables = unchecked_tables()
    rows = [replace(row, comments_once=row.comments) for row in tables.rows]
    headers = [
        column.header for column in table(tell(invented_findings(tables=replace(tables, rows=rows))), "theme").columns
    ]
    assert headers == ["Theme", "Comments", "Respondents", "Share", "95 % interval", "Status"]
    rows = [replace(row, inferred=3) for row in rows]
    headers = [
        column.header for column in table(tell(invented_findings(tables=replace(tables, rows=rows))), "theme").columns
    ]
    assert headers == ["Theme", "Comments", "Respondents", "Of which inferred", "Share", "95 % interval", "Status"]


def of_people(inferred):
    """Tables of a facet that respondents said of themselves, but for so many of each code, also by it."""
    tables = invented_tables()
    rows = [replace(row, inferred=inferred) for row in tables.of("theme") if row.code and row.status != "suppressed"]
    rows = [replace(row, status=NOT_CHECKED, share=row.counted_share, checked=0) for row in rows]
    by_it = [replace(row, group="theme", value="Traders", facet="principle") for row in rows]
    overall = tables.of("principle")
    return replace(tables, rows=(*overall, *rows, *by_it), headings={"principle": "Design principle", "theme": "Group"})


def test_what_respondents_said_of_themselves_is_not_told_as_found_or_checked_by_the_tool():
    document = tell(invented_findings(tables=of_people(2)))
    first, chart, shown = section(document, "theme").blocks
    assert first == Paragraph(
        "These shares rest on what the export says of the respondents. Where it says nothing, the tool inferred it "
        "from what they wrote, and nobody checked that.",
        warning=True,
    )
    assert (chart.title, shown.caption) == (
        "Group: share of respondents who came under each",
        "Group: how many came under each",
    )
    assert shown.note.startswith("Base: 412 respondents of 450 who wrote something with content. Not checked: ")
    assert not any(
        isinstance(block, Paragraph) for block in section(tell(invented_findings(tables=of_people(0))), "theme").blocks
    )


def test_a_table_by_a_facet_is_named_as_the_facet_is():
    document = tell(invented_findings(tables=of_people(0)))
    assert ("principle-by-1", "Design principle by Group") in [one[1:] for one in outline(document)]
    assert table(document, "principle-by-1").caption.startswith("Design principle by Group: share of the respondents")


def test_quotes_tell_who_gave_their_code():
    quotes = [replace(one, decided=n == 1, given=n == 2) for n, one in enumerate(invented_findings().quotes[:3])]
    (told,) = of_kind(tell(invented_findings(quotes=tuple(quotes))), "principle-quotes", Quotations)
    assert [one.note for one in told.quotes] == [
        *("coded by the tool", "coded by a person", "group as the respondent gave it"),
    ]


def test_the_chart_shows_the_same_shares_largest_first():
    (chart,) = of_kind(tell(invented_findings()), "principle", Chart)
    assert chart.bars[0] == Bar("Community-led", 0.3377, 0.3377 - 0.03, 0.3377 + 0.04)
    assert [bar.name for bar in chart.bars] == [row[0] for row in table(tell(invented_findings()), "principle").rows]
    assert chart.bars[-1] == Bar("Collaborative", None)
    assert chart.in_words == (
        "Largest shares, with 95 % intervals: “Community-led”, 34 % (31 to 38 %); “Transparent”, 22 % (19 to 26 %); "
        "“Accountable”, 21 % (18 to 25 %)."
    )


def test_a_table_by_group_sets_each_value_beside_all_and_marks_what_is_safe_to_say():
    document = tell(invented_findings())
    assert table(document, "theme-by-1") == Table(
        "Theme by Ward: share of the respondents in each column",
        (
            *(Column("Theme"), Column("All (n\u00a0=\u00a0412)", "figures")),
            Column("Harbour & Docks (n\u00a0=\u00a0160), not checked", "figures"),
            Column("Mill End (n\u00a0=\u00a0130), not checked", "figures"),
            Column("Old Town (n\u00a0=\u00a0118), not checked", "figures"),
            Column("Lower <Quay> (n\u00a0=\u00a04)", "figures"),
        ),
        (
            (
                *("Access & opening hours", "27.2 %\n(24.2 to 31.2)", "28.7 %\n(22.3 to 36.2)"),
                *("28.5 % ↑\n(21.4 to 36.7)", "28.8 %\n(21.4 to 37.6)", None),
            ),
            (
                *("Cost to residents", "17.4 %\n(14.4 to 21.4)", "18.1 %\n(12.9 to 24.8)"),
                *("17.7 %\n(12.1 to 25.2)", "17.8 %\n(11.9 to 25.7)", None),
            ),
            (
                *("Waiting “too long”", "8.0 %\n(5.8 to 11.0)\nnot checked", "7.5 %\n(4.3 to 12.7)"),
                *("7.7 %\n(4.2 to 13.6)", "7.6 %\n(4.1 to 13.9)", None),
            ),
            ("=SUM(A1) as somebody named it", "2.9 %\n(1.7 to 5.0)\nnot checked", None, None, None, None),
            (
                *("(no code)", "9.7 %\n(6.7 to 13.7)", "9.4 %\n(5.8 to 14.9)"),
                *("9.2 %\n(5.4 to 15.4)", "9.3 %\n(5.3 to 15.9)", None),
            ),
        ),
        "n: respondents who wrote something with content. In brackets: 95 % interval. ↑ more often, ↓ less often than "
        f"among all other respondents, and safe to say. {HIDDEN}",
    )
    assert of_kind(document, "theme-by-1", Bullets) == [
        Bullets(
            ("Access & opening hours was raised more often in Mill End (40 %) than elsewhere (20 %).",), "Safe to say"
        )
    ]


@pytest.mark.parametrize(("values", "columns"), [(1, [1]), (6, [6]), (7, [4, 3]), (12, [6, 6]), (13, [5, 5, 3])])
def test_many_values_are_spread_evenly_over_tables_that_fit_a_page(values, columns):
    tables = of_kind(tell(invented_findings(tables=wards_tables(values))), "theme-by-1", Table)
    assert [len(one.columns) - 2 for one in tables] == columns
    names = [column.header.split(" (n")[0] for one in tables for column in one.columns[2:]]
    assert names == [f"Ward {n}" for n in range(values)]
    captions = [one.caption.removeprefix("Theme by Ward: share of the respondents in each column") for one in tables]
    of = [f" ({n} of {len(columns)})" for n in range(1, len(columns) + 1)]
    assert captions == (of if len(columns) > 1 else [""])


def test_a_value_raised_less_often_is_marked_downwards_and_an_unsafe_one_not_at_all():
    claims = (
        Claim("safe", "group", "Less often.", "theme", ("cost",), "Ward", "Old Town"),
        Claim("close", "group", "Too close.", "theme", ("access",), "Ward", "Old Town"),
    )
    rows = table(tell(invented_findings(claims=claims)), "theme-by-1").rows
    assert [(row[0], cell) for row in rows for cell in row[1:] if cell and ("↑" in cell or "↓" in cell)] == [
        ("Cost to residents", "17.8 % ↓\n(11.9 to 25.7)")
    ]


def test_how_to_read_a_table_stands_before_its_claims_and_is_no_finding_itself():
    claims = (
        Claim("safe", "reading", "Shares are of the 412.", "theme", ()),
        Claim("close", "order", "Cannot be told.", "theme", ("access", "cost")),
        Claim("safe", "reading", "Shares are of each ward.", "theme", (), "Ward"),
    )
    document = tell(invented_findings(claims=claims))
    assert section(document, "said-theme").blocks == (
        Paragraph("Shares are of the 412."),
        Bullets(("Cannot be told.",), "Too close to call"),
    )
    assert section(document, "theme-by-1").blocks[1] == Paragraph("Shares are of each ward.")
    assert document.lead[3].startswith("Raised most under Design principle")


def test_up_front_stand_a_few_claims_about_groups_and_how_many_more_there_are():
    claims = tuple(Claim("safe", "group", f"Claim {n}.", "theme", ("access",), "Ward", "Mill End") for n in range(7))
    document = tell(invented_findings(claims=claims))
    assert section(document, "said-theme").blocks == (
        Bullets(("Claim 0.", "Claim 1.", "Claim 2.", "Claim 3.", "Claim 4."), "Safe to say of groups"),
        Paragraph("2 more statements about groups stand beside the tables by group."),
    )
    assert of_kind(document, "theme-by-1", Bullets)[0].items == tuple(f"Claim {n}." for n in range(7))


def test_what_is_by_the_tools_own_count_stands_behind_what_was_checked():
    own = Claim("safe", "size", f"Ward “East”: most raised “Access”. This is {OWN_COUNT}", "theme", ("access",), "Ward")
    checked = Claim("safe", "size", "Ward “West”: most raised “Access”.", "theme", ("access",), "Ward", "West")
    document = tell(invented_findings(claims=(own, checked)))
    assert section(document, "said-theme").blocks == (Bullets((checked.words, own.words), "Safe to say of groups"),)
    assert document.lead[-2:] == (
        "Raised most under Design principle, with its 95 % interval: “Community-led”, 34 % (31 to 38 %).",
        checked.words,
    )


def test_published_names_that_are_not_what_was_counted_are_named_where_they_are_first_read():
    tables = invented_tables()
    rows = tuple(replace(row, name="Outward facing") if row.code == "transparent" else row for row in tables.rows)
    notes = (*tables.notes, "Outward facing (overlaps with Transparent, which was counted): Only a rough guide.")
    document = tell(invented_findings(tables=replace(tables, rows=rows, notes=notes)))
    assert section(document, "said-principle").blocks[0] == Paragraph(
        "Not quite what was counted: “Outward facing”. How far, stands under Design principle."
    )


def test_what_published_names_do_not_cover_stands_beside_their_table():
    notes = (
        *invented_tables().notes,
        "Theme: inferred by the tool for 3 respondents, given in the export for 9, not known for 400.",
        "By Ward: 7 respondents counted under more than one value.",
        "Names of Design principle as in: Scrutiny report. What was counted are the codes of the codebook.",
        "Transparent (overlaps with Open, which was counted): A rough guide.",
        "Accountable (no counterpart in this wording)",
    )
    tables = replace(invented_tables(), notes=notes)
    rows = [
        replace(row, name="Accountable (no counterpart)") if row.code == "accountable" else row for row in tables.rows
    ]
    document = tell(invented_findings(tables=replace(tables, rows=tuple(rows))))
    assert of_kind(document, "principle", Bullets) == [
        Bullets(notes[5:], "What the published names do and do not cover")
    ]
    assert f"{BASE} {notes[4]} Counted share" in table(document, "principle").note
    assert f"{BASE} {notes[2]} Counted share" in table(document, "theme").note
    assert notes[3] in table(document, "theme-by-1").note
    assert of_kind(document, "theme", Bullets) == []
    assert of_kind(document, "method", Bullets)[0].items == (*invented_tables().notes, notes[4])[:2]


def test_quotes_stand_under_the_name_of_their_code_with_their_ids():
    quotes = of_kind(tell(invented_findings()), "theme-quotes", Quotations)
    assert quotes[1] == Quotations(
        "Cost to residents",
        tuple(
            Quotation(
                f"What {word} said about Cost to residents & <b>more</b>, [name].",
                f"R-5{n}/1",
                note="coded by the tool" if n else "coded by a person",
            )
            for n, word in enumerate(("a tenant", "a trader", "=a parent"))
        ),
    )
    assert "All of them answer “Why?”." in of_kind(tell(invented_findings()), "theme-quotes", Paragraph)[0].text


def test_where_there_were_several_questions_a_quote_says_which_it_answers():
    findings = invented_findings()
    quotes = (replace(findings.quotes[0], question="What else?"), *findings.quotes[1:])
    document = tell(replace(findings, quotes=quotes, piles=()))
    first, second = of_kind(document, "principle-quotes", Quotations)[0].quotes[:2]
    assert (first.note, second.note) == (
        "answer to “What else?”, coded by a person",
        "answer to “Why?”, coded by the tool",
    )
    assert "All of them answer" not in of_kind(document, "principle-quotes", Paragraph)[0].text


def test_who_answered_is_shown_beside_the_population():
    document = tell(invented_findings())
    chart, against = section(document, "who-1").blocks
    (weighted,) = section(document, "who-weighted").blocks
    assert chart == Chart(
        "Ward: respondents and population",
        (
            Bar("Harbour & Docks", 0.39, 0.34, 0.44, 0.30),
            Bar("Old Town", 0.29, 0.25, 0.33, 0.40),
            Bar("Lower <Quay>", None, None, None, 0.02),
        ),
        "Over-represented among respondents: Harbour & Docks. Under-represented among respondents: Old Town.",
        beside_name="Share of the population",
    )
    assert against.rows == (
        ("Harbour & Docks", 160, 0.39, "34.0 to 44.0 %", 0.30, "over-represented"),
        ("Old Town", 118, 0.29, "25.0 to 33.0 %", 0.40, "under-represented"),
        ("Lower <Quay>", None, None, None, 0.02, "cannot be told"),
    )
    assert (
        against.note == f"Population: wards.csv. 4 wards of the file were matched to 4 values of the export. {HIDDEN}"
    )
    assert (weighted.caption, weighted.rows) == (
        "Theme, weighted by Ward",
        (("Access & opening hours", 0.29, 0.27, "22.0 to 32.0 %"),),
    )


def test_where_all_is_suppressed_nobody_is_said_to_be_as_expected():
    (wards,) = invented_findings().attributes
    untold = replace(wards, values=wards.values[2:], weighted=(), weighting=())
    (chart,) = of_kind(tell(invented_findings(attributes=(untold,))), "who-1", Chart)
    assert chart.in_words == "Who is over- or under-represented cannot be told."
    (intro,) = section(tell(invented_findings(attributes=(untold,))), "who").blocks
    assert "weighted" not in intro.text


def test_shares_weighted_by_several_attributes_at_once_say_so():
    (wards,) = invented_findings().attributes
    ages = replace(wards, column="Age", weighted=())
    both = replace(wards, weighted_by=("Ward", "Age"), weighting=("How it was weighted.",))
    how, weighted = section(tell(invented_findings(attributes=(both, ages))), "who-weighted").blocks
    assert (how, weighted.caption, weighted.note) == (
        Paragraph("How it was weighted."),
        "Theme, weighted by Ward and Age",
        "Weighted: each respondent counts for as many as make the shares by Ward and Age the population’s.",
    )
    (first, second) = section(
        tell(invented_findings(attributes=(wards, replace(wards, column="Age")))), "who-weighted"
    ).blocks
    assert (first.caption, second.caption) == ("Theme, weighted by Ward", "Theme, weighted by Age")


def test_what_is_said_of_change_stands_beside_the_change():
    claims = (
        Claim("safe", "reading", "Shares are of the 412.", "theme", ()),
        Claim("safe", "size", "A minority.", "theme", ("access",)),
        Claim("safe", "reading", "412 now, 300 then.", "theme", ()),
        Claim("safe", "change", "Access rose.", "theme", ("access",)),
    )
    assert section(tell(invented_findings(claims=claims)), "change-theme").blocks[:2] == (
        Paragraph("412 now, 300 then."),
        Bullets(("Access rose.",), "Safe to say"),
    )


def test_a_change_has_its_sign_and_its_interval():
    findings = invented_findings()
    fallen = replace(findings.changed[0], difference=-0.05, low=-0.1, high=0.002)
    hidden = replace(findings.changed[0], before=None, difference=None, low=None, high=None)
    rows = table(tell(replace(findings, changed=(fallen, hidden))), "change-theme").rows
    assert rows == (
        ("Access & opening hours", 0.21, 0.29, "−5.0", "−10.0 to +0.2"),
        ("Access & opening hours", None, 0.29, None, None),
    )


def test_comments_without_a_code_are_described():
    blocks = section(tell(invented_findings()), "without-theme").blocks
    assert blocks[0] == Paragraph("40 comments got no code of Theme.")
    assert blocks[1] == Table(
        "Groups of like comments without a code of Theme",
        (Column("Words that set them apart"), Column("Comments", "count")),
        (("bins, rats", 12), ("bus, late", 8)),
    )
    assert [quote.comment_id for quote in blocks[2].quotes] == ["R-00/1", "R-01/1"]


def test_the_check_is_told_in_words_and_by_code():
    document = tell(invented_findings())
    assert table(document, "check").rows[:2] == (
        ("Community-led", 20, "80 %\n(60 to 92)", "70 %\n(50 to 85)", "–"),
        ("Transparent", 20, "80 %\n(60 to 92)", "70 %\n(50 to 85)", "0.75\n(0.60 to 0.88)"),
    )
    alone = tuple(replace(one, alpha=None) for one in invented_findings().checked)
    document = tell(invented_findings(checked=alone, coders=1))
    assert [column.header for column in table(document, "check").columns][-2:] == ["Precision", "Recall"]
    assert (
        of_kind(document, "check", Bullets)[0]
        .items[-1]
        .startswith("How far people agree with one another is not known")
    )


def test_the_codes_are_defined_by_the_names_that_the_tables_use():
    rows = [replace(row, name="Open") if row.code == "transparent" else row for row in invented_tables().rows]
    found = table(tell(invented_findings(tables=replace(invented_tables(), rows=tuple(rows)))), "definitions")
    assert [column.header for column in found.columns] == ["Design principle", "Code that was counted", "Definition"]
    assert [row[:2] for row in found.rows if row[0] == "Open"] == [("Open", "Transparent")]


def test_digests_and_versions_stand_at_the_end():
    last = tell(invented_findings()).sections[-1]
    assert isinstance(last, Section)
    assert last.blocks[1].rows == (
        *(("Run", "harbour"), ("Export", "harbour.xlsx"), ("Codebook", "Design principles and stakeholder themes")),
        *(("Model", "engagement"), ("SHA-256 of the export", "ab" * 32), ("SHA-256 of the codebook", "cd" * 32)),
        *(
            ("SHA-256 of the model", "ef" * 32),
            ("Version of feedback-pipeline", "0.1.0"),
            ("Version of python", "3.11.7"),
        ),
    )


@pytest.mark.parametrize(
    ("made", "told"), [("2025-03-09T08:05:00", "9 March 2025 at 08:05"), ("last week", "last week")]
)
def test_a_time_is_told_as_people_write_it(made, told):
    assert tell(invented_findings(made=made)).made == told
