import csv
import io
import json
from dataclasses import replace

import pytest
from invented_findings import hidden, invented_findings, invented_tables

from pipeline.counting.tables import CORRECTED, Row, Tables
from pipeline.learning.evaluation import wilson
from pipeline.publishing.report import as_csv, as_json, as_text, counted_share, ranked, shown_corrections

NOTES = (
    "Base: 4 respondents of 5 who wrote something with content; a respondent may have several codes.",
    "The codes were given by the tool and have not been checked by people.",
)


def row(facet, code, name, group, value, comments, respondents, base, inferred=0):
    low, high = wilson(respondents, base)
    share = respondents / base
    return Row(facet, code, name, group, value, comments, respondents, base, share, low, high, "not checked", inferred)


OVERALL = (
    row("principle", "led", "Community-led", None, None, 1, 1, 4),
    row("principle", "open", "=Transparent", None, None, 4, 3, 4),
    row("principle", "", "(no code)", None, None, 1, 1, 4),
    row("who", "staff", "Council staff", None, None, 2, 2, 4, 1),
)
BY_WARD = (
    row("principle", "led", "Community-led", "Ward / area", "@Bow", 1, 1, 3),
    row("principle", "open", "=Transparent", "Ward / area", "@Bow", 3, 2, 3),
    row("principle", "", "(no code)", "Ward / area", "@Bow", 1, 1, 3),
    row("principle", "led", "Community-led", "Ward / area", "(not given)", 0, 0, 1),
    row("principle", "open", "=Transparent", "Ward / area", "(not given)", 1, 1, 1),
    row("principle", "", "(no code)", "Ward / area", "(not given)", 0, 0, 1),
    row("who", "staff", "Council staff", "Ward / area", "@Bow", 1, 1, 3, 1),
    row("who", "staff", "Council staff", "Ward / area", "(not given)", 1, 1, 1),
)
HEADINGS = {"principle": "Design principle", "who": "Stakeholder"}
TABLES = Tables("Test book", OVERALL, 5, 4, None, NOTES, HEADINGS)
GROUPED = Tables("Test book", (*OVERALL, *BY_WARD), 5, 4, "Proposal slides", NOTES, HEADINGS)


def lines_of(tables):
    header, *lines = csv.reader(io.StringIO(as_csv(tables).decode("utf-8-sig"), newline=""))
    return header, lines


def read(tables, findings=None):
    return json.loads(as_json(tables, findings).decode())


def test_csv_has_the_contract_columns_and_no_cell_that_could_become_a_formula():
    assert as_csv(GROUPED).startswith("\ufefffacet,code,name,group,value,comments,respondents,base,".encode())
    header, lines = lines_of(GROUPED)
    assert header == [
        *("facet", "code", "name", "group", "value", "comments", "respondents", "base"),
        *("share", "low", "high", "status", "inferred", "comments_once", "counted_share", "checked"),
    ]
    assert len(lines) == 12
    low, high = wilson(3, 4)
    assert lines[1] == [
        *("principle", "open", "'=Transparent", "", "", "4", "3", "4", "0.75", repr(low), repr(high)),
        *("not checked", "0", "0", "0.75", "0"),
    ]
    assert lines[4][:5] == ["principle", "led", "Community-led", "Ward / area", "'@Bow"]


def test_a_suppressed_number_is_c_in_csv_and_null_in_json():
    gone = hidden(BY_WARD[0])
    tables = replace(TABLES, rows=(hidden(OVERALL[0]), gone, replace(gone, base=None)))
    overall, ward, no_base = lines_of(tables)[1]
    shown = ["principle", "led", "Community-led"]
    assert overall == [*shown, "", "", *["[c]"] * 2, "4", *["[c]"] * 3, "suppressed", *["[c]"] * 3, "0"]
    assert ward == [*shown, "Ward / area", "'@Bow", *["[c]"] * 2, "3", *["[c]"] * 3, "suppressed", *["[c]"] * 3, "0"]
    assert no_base[7] == "[c]"
    numbers = ("comments", "respondents", "share", "low", "high", "inferred", "comments_once", "counted_share")
    assert [read(tables)["rows"][0][name] for name in (*numbers, "status")] == [*[None] * 8, "suppressed"]


def test_json_has_rows_counts_and_notes_with_nulls_in_the_overall_table():
    table = read(GROUPED)
    low, high = wilson(1, 4)
    assert table["rows"][0] == {
        "facet": "principle",
        "code": "led",
        "name": "Community-led",
        "group": None,
        "value": None,
        "comments": 1,
        "respondents": 1,
        "base": 4,
        "share": 0.25,
        "low": low,
        "high": high,
        "status": "not checked",
        "inferred": 0,
        "comments_once": 0,
        "counted_share": 0.25,
        "checked": 0,
    }
    assert len(table.pop("rows")) == 12
    assert table == {
        "base": 4,
        "responses": 5,
        "wording": "Proposal slides",
        "notes": list(NOTES),
        "corrections": [],
    }


def test_json_with_findings_has_what_was_found_and_nothing_that_anybody_wrote():
    findings = invented_findings()
    alone, table = read(findings.tables), read(findings.tables, findings)
    assert [table[name] for name in alone] == list(alone.values())
    assert sorted(set(table) - set(alone)) == [
        *("attributes", "changed", "checked", "claims", "coders", "digests", "drawn", "earlier", "export", "limits"),
        *("made", "method", "model", "run", "smallest", "versions"),
    ]
    assert table["claims"][0] == {
        "kind": "safe",
        "about": "order",
        "words": "More people raised Community-led than Transparent.",
        "facet": "principle",
        "codes": ["community-led"],
        "group": None,
        "value": None,
    }
    assert table["digests"] == dict(findings.digests)
    assert table["attributes"][0]["values"][2]["respondents"] is None
    assert not any(quote.text in as_json(findings.tables, findings).decode() for quote in findings.quotes)


def test_what_a_suppressed_share_was_worked_out_from_is_not_told():
    tables = invented_tables()
    first = tables.rows[0]
    assert shown_corrections(tables)[0].code == first.code
    less = replace(tables, rows=(hidden(first), *tables.rows[1:]))
    assert shown_corrections(less) == tables.corrections[1:]
    assert read(less)["corrections"] == read(tables)["corrections"][1:]


def test_rows_are_ranked_by_share_with_those_without_a_code_and_then_suppressed_ones_last():
    rows = [hidden(OVERALL[0]), OVERALL[2], OVERALL[1], replace(OVERALL[0], code="later", share=0.9)]
    assert [row.code for row in ranked(rows)] == ["later", "open", "", "led"]


def test_the_counted_share_is_that_before_correction():
    row = OVERALL[1]
    assert counted_share(row) == 0.75
    assert counted_share(replace(row, status=CORRECTED, share=0.6, counted_share=0.75)) == 0.75
    assert counted_share(hidden(row)) is None


TEXT = """\
Frequency tables: Test book
Names as published in: Proposal slides
Base: 4 respondents of 5 who wrote something with content; a respondent may have several codes.
Status of the shares: not checked.

Design principle
Name           Respondents   Share   95 % interval
=Transparent             3  75.0 %  30.1 to 95.4 %  ████████████████████████
Community-led            1  25.0 %   4.6 to 69.9 %  ████████
(no code)                1  25.0 %   4.6 to 69.9 %  ████████

Stakeholder
Name           Respondents   Share   95 % interval  Inferred
Council staff            2  50.0 %  15.0 to 85.0 %         1  ████████████████████████

Design principle by Ward / area: share of the n respondents in each column
                 @Bow  (not given)
                  n=3          n=1
=Transparent   66.7 %      100.0 %
Community-led  33.3 %        0.0 %
(no code)      33.3 %        0.0 %

Stakeholder by Ward / area: share of the n respondents in each column
                 @Bow  (not given)
                  n=3          n=1
Council staff  33.3 %      100.0 %

Notes
- The codes were given by the tool and have not been checked by people."""


def test_the_text_for_the_terminal_is_ranked_aligned_and_ends_with_the_notes():
    assert as_text(GROUPED).splitlines() == TEXT.splitlines()


def test_a_cross_table_too_wide_is_cut_into_blocks_without_control_characters():
    values = ["A long name of a ward in the north", "Bow", "Poplar\x1b[31m", "Limehouse", "Wapping"]
    rows = tuple(row("principle", "led", "Community-led", "Ward", value, 1, 1, 1234) for value in values)
    overall = (row("principle", "led", "Community-led", None, None, 1, 1, 4),)
    text = as_text(Tables("T", (*overall, *rows), 5, 4, None, NOTES, {"principle": "P"}), width=60)
    assert text.split("\n\n")[2:4] == [
        "P by Ward: share of the n respondents in each column\n"
        "               A long name of a\n"
        "                    ward in the\n"
        "                          north      Bow  Poplar [31m\n"
        "                        n=1,234  n=1,234      n=1,234\n"
        "Community-led             0.1 %    0.1 %        0.1 %",
        "               Limehouse  Wapping\n                 n=1,234  n=1,234\nCommunity-led      0.1 %    0.1 %",
    ]


def test_bars_are_in_steps_of_an_eighth_and_nobody_has_none():
    shares = [(800, 800), (100, 800), (4, 800), (0, 800)]
    rows = tuple(row("principle", f"c{n}", f"Code {n}", None, None, k, k, base) for n, (k, base) in enumerate(shares))
    lines = as_text(Tables("T", rows, 900, 800, None, NOTES, {"principle": "P"}), width=55).splitlines()
    assert [line.split(" %")[-1].strip() for line in lines if line.startswith("Code")] == ["████████", "█", "▏", ""]


@pytest.mark.parametrize("width", [60, 72, 80, 100, 200])
def test_no_line_of_the_text_is_wider_than_asked(width):
    long = "Every principle that has a name of quite extraordinary length and then some more"
    rows = (
        row("principle", "led", long, None, None, 1, 1, 4, 1),
        *(row("principle", "led", long, "Ward", f"{long} {n}", 1, 1, 4, 1) for n in range(5)),
    )
    lines = as_text(Tables(long, rows, 5, 4, None, NOTES, {"principle": "P"}), width).splitlines()
    assert max(map(len, lines)) <= max(width, len(f"Frequency tables: {long}"))


def test_a_table_of_noughts_can_be_printed():
    nothing = Row("principle", "led", "Community-led", None, None, 0, 0, 0, 0.0, 0.0, 1.0, "not checked", 0)
    tables = Tables("T", (nothing,), 5, 0, None, NOTES, {"principle": "P"})
    assert "Community-led            0  0.0 %  0.0 to 100.0 %\n" in as_text(tables)


# ---- corrected and suppressed shares, as text ------------------------------------------------------------------------


def corrected(row, share):
    return replace(row, share=share, low=share - 0.1, high=share + 0.1, status=CORRECTED, counted_share=row.share)


HARD = """\
Frequency tables: Test book
Base: 4 respondents of 5 who wrote something with content; a
respondent may have several codes.
Status of the shares: corrected with the check sample;
“Counted” is the share before that. Where that is empty, the
share is as counted, not checked.

Design principle
Name           Respondents   Share   95 % interval  Counted
=Transparent             3  60.0 %  50.0 to 70.0 %   75.0 %
(no code)                1  25.0 %   4.6 to 69.9 %
Community-led          [c]     [c]             [c]

Stakeholder
Name           Respondents   Share   95 % interval  Inferred
Council staff            2  50.0 %  15.0 to 85.0 %         1

Design principle by Ward / area: corrected share of the n
respondents in each column (* as counted, not checked)
                   @Bow  (not given)
                    n=3          n=1
=Transparent   80.0 %      100.0 % *
(no code)      33.3 % *      0.0 % *
Community-led     [c]        0.0 % *

Stakeholder by Ward / area: share of the n respondents in
each column, not checked
                 @Bow  (not given)
                  n=3          n=1
Council staff  33.3 %      100.0 %

Notes
- The codes were given by the tool and have not been checked
  by people.
- [c]: a number that is not shown, because it is small or
  because a small one could be worked out from it."""


def test_the_text_says_which_shares_are_corrected_and_what_is_not_shown():
    overall = (hidden(OVERALL[0]), corrected(OVERALL[1], 0.6), *OVERALL[2:])
    by_ward = (hidden(BY_WARD[0]), corrected(BY_WARD[1], 0.8), *BY_WARD[2:])
    tables = replace(TABLES, rows=(*overall, *by_ward))
    assert as_text(tables, 60).splitlines() == HARD.splitlines()


def test_what_is_not_shown_is_explained_once():
    note = "Numbers below 5 are not shown: [c]."
    tables = replace(TABLES, rows=(hidden(OVERALL[0]), *OVERALL[1:]), notes=(*NOTES, note))
    assert as_text(tables).endswith(f"Notes\n- {NOTES[1]}\n- {note}")


def test_a_table_that_is_corrected_throughout_has_no_marks():
    rows = tuple(corrected(row, 0.5) for row in (*OVERALL[:3], *BY_WARD[:6]))
    text = as_text(replace(TABLES, rows=rows, headings={"principle": "Design principle"}))
    assert "“Counted” is the share before that.\n\n" in text
    assert "by Ward / area: corrected share of the n respondents in each column\n" in text
    assert "*" not in text
    assert "[c]" not in text


@pytest.mark.parametrize("width", [60, 64, 70, 80, 140])
def test_corrected_and_inferred_shares_fit_the_width(width):
    rows = tuple(corrected(replace(row, inferred=1), 0.9) for row in OVERALL)
    lines = as_text(replace(TABLES, rows=rows), width).splitlines()
    assert max(map(len, lines)) <= width
    assert any("Counted" in line and "Respondents" in line for line in lines)
    assert any("Inferred" in line for line in lines) == (width >= 70)
