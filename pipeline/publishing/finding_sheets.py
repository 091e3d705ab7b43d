"""The sheets of a workbook beside its frequency tables: what can be said, who answered, changes, quotes, method."""

from collections.abc import Mapping

from pipeline.counting.findings import Checked, Claim, Findings, Quote
from pipeline.counting.phrases import listed
from pipeline.counting.tables import Tables
from pipeline.publishing.frequency_sheets import CODE, FACET, NAME
from pipeline.publishing.spreadsheet import NOT_KNOWN, Cell, Column, Sheet

KINDS = {"safe": "Safe to say", "close": "Too close to call", "few": "Too few to say"}
INTERVAL_OF = "The interval is that of the {}."
READING = "reading"
VERDICTS = {"over": "over-represented", "under": "under-represented", "as expected": "as expected"}
ABOUT = {
    **{"order": "Order of codes", "size": "Majority or minority", "group": "By group", "change": "Change"},
    READING: "How to read it",
}


def other_sheets(found: Findings) -> list[Sheet]:
    """Check sample, who answered, weighted shares, change, quotes, comments without a code; some may have no rows."""
    return [
        *(_check_sample(found), _who_answered(found), _weighted(found), _change(found)),
        *(_quotes(found), _piles(found), _pile_examples(found)),
    ]


def _names(tables: Tables) -> dict[tuple[str, str], str]:
    """The printed name of each code, by facet and id."""
    return {(row.facet, row.code): row.name for row in tables.rows}


def _heading(found: Findings, facet: str) -> str:
    return found.tables.headings.get(facet, facet)


def claims_sheet(found: Findings) -> Sheet:
    """What can be said in words, and how surely."""
    names = _names(found.tables)
    columns = (
        Column("How sure", about="Whether a statement is safe, too close to call, or about too few people."),
        *(Column("Statement", "long"), Column("About"), FACET, Column("Codes"), Column("Group"), Column("Value")),
    )
    rows = tuple(
        _claim_cells(claim, _heading(found, claim.facet), _heading(found, claim.group or ""), names)
        for claim in found.claims
    )
    return Sheet("What can be said", "What can be said, and what cannot", (), columns, rows)


def _claim_cells(claim: Claim, heading: str, group: str, names: Mapping[tuple[str, str], str]) -> tuple[Cell, ...]:
    codes = "; ".join(names.get((claim.facet, code), code) for code in claim.codes)
    about = ABOUT.get(claim.about, claim.about)
    sure = about if claim.about == READING else KINDS.get(claim.kind, claim.kind)
    return (sure, claim.words, about, heading, codes, group, claim.value or "")


def _check_sample(found: Findings) -> Sheet:
    """Three figures a code, each with its interval."""
    names = _names(found.tables)
    people = "1 person" if found.coders == 1 else f"{found.coders:,} people"
    drawn = f"{found.drawn:,} comments were drawn at random and coded blind by {people}."
    lines = (drawn, "Low and high are the ends of 95 % intervals.")
    columns = (
        *(FACET, NAME, CODE, Column("Comments with it", "count", "Comments of the sample to which people gave it.")),
        *_with_interval("Precision", "Of the comments to which the tool gave the code, the share people gave it too."),
        *_with_interval("Recall", "Of the comments to which people gave the code, the share the tool gave it too."),
        *_with_interval("Alpha", "Krippendorff's alpha between people: 1 is full agreement, 0 is chance.", "figure"),
    )
    rows = tuple(
        (
            *(_heading(found, one.facet), names.get((one.facet, one.code), one.code), one.code, one.comments),
            *(cell for figure in _figures(one) for cell in figure),
        )
        for one in found.checked
    )
    return Sheet("Check sample", "Check sample: how far the tool and people agree", lines, columns, rows)


def _with_interval(name: str, about: str, kind: str = "share") -> tuple[Column, ...]:
    return Column(name, kind, about), Column(f"{name}: low", kind), Column(f"{name}: high", kind)


def _figures(one: Checked) -> list[tuple[Cell, ...]]:
    if one.comments is None:
        return [(None,) * 3] * 3
    return [figure or (NOT_KNOWN,) * 3 for figure in (one.precision, one.recall, one.alpha)]


def _who_answered(found: Findings) -> Sheet:
    columns = (
        *(Column("Attribute"), Column("Value"), Column("Respondents", "count"), Column("Share", "share")),
        *(Column("Low 95 %", "share"), Column("High 95 %", "share")),
        Column("Population", "share", "The share of the population that the value has."),
        Column("Represented", about="Over or under, where it differs from the population's share by more than chance."),
    )
    rows = tuple(
        (attribute.column, one.value, one.respondents, one.share, one.low, one.high, one.population, verdict)
        for attribute in found.attributes
        for one in attribute.values
        for verdict in (VERDICTS.get(one.verdict, NOT_KNOWN),)
    )
    return Sheet("Who answered", "Who answered, against the population", (), columns, rows)


def _weighted(found: Findings) -> Sheet:
    columns = (
        *(Column("Weighted by", about="The columns by which respondents are weighted."), FACET, NAME, CODE),
        Column("Share", "share"),
        Column("Weighted share", "share", "The share if each value had as many respondents as in the population."),
        *(Column("Low 95 %", "share"), Column("High 95 %", "share")),
    )
    rows = tuple(
        (by, _heading(found, one.facet), one.name, one.code, one.share, one.weighted, one.low, one.high)
        for attribute in found.attributes
        for by in (listed(attribute.weighted_by or (attribute.column,)),)
        for one in attribute.weighted
    )
    lines = (INTERVAL_OF.format("weighted share"),)
    return Sheet("Weighted", "Shares weighted to the population", lines, columns, rows)


def _change(found: Findings) -> Sheet:
    columns = (
        *(FACET, NAME, CODE, Column("Before", "share"), Column("Now", "share")),
        Column("Difference", "points", "Now - before, in percentage points."),
        *(Column("Low 95 %", "points"), Column("High 95 %", "points")),
    )
    rows = tuple(
        (
            *(_heading(found, one.facet), one.name, one.code, one.before, one.now),
            *(None if share is None else 100 * share for share in (one.difference, one.low, one.high)),
        )
        for one in found.changed
    )
    counted = "Where only one of the two runs is corrected with a check sample, both shares are as counted."
    lines = ("Differences are in percentage points.", INTERVAL_OF.format("difference"), counted)
    return Sheet("Change", f"Change against the run {found.earlier}", lines, columns, rows)


QUOTED = (Column("Comment", "long", "What was written, names and addresses masked."), Column("Comment id"))
CODED_BY = Column("Coded by", about="Whether a person, the respondent in the export, or the tool gave the code.")
WHO = {"person": "a person", "respondent": "the respondent", "tool": "the tool"}


def _quotes(found: Findings) -> Sheet:
    names = _names(found.tables)
    columns = (FACET, NAME, CODE, *QUOTED, Column("Question"), CODED_BY)
    rows = tuple(
        (_heading(found, one.facet), names.get((one.facet, one.code), one.code), one.code, *_quote_cells(one))
        for one in found.quotes
    )
    return Sheet("Quotes", "Some comments for each code", ("Names and addresses are masked.",), columns, rows)


def _quote_cells(quote: Quote) -> tuple[Cell, ...]:
    return (quote.text, quote.comment_id, quote.question, WHO[quote.coded_by])


def _piles(found: Findings) -> Sheet:
    """The comments without a code, by the words they share."""
    lines = tuple(f"{_heading(found, one.facet)}: {one.comments:,} comments have no code." for one in found.piles)
    columns = (FACET, Column("Comments", "count"), Column("Words they share", "long"))
    rows = tuple(
        (_heading(found, pile.facet), comments, ", ".join(words))
        for pile in found.piles
        for comments, words in pile.groups
    )
    return Sheet("Uncoded pile", "Comments without a code, in groups of like ones", lines, columns, rows)


def _pile_examples(found: Findings) -> Sheet:
    rows = tuple(
        (_heading(found, pile.facet), one.text, one.comment_id, one.question)
        for pile in found.piles
        for one in pile.examples
    )
    columns = (FACET, *QUOTED, Column("Question"))
    title = "Some comments without a code"
    return Sheet("Uncoded examples", title, ("Names and addresses are masked.",), columns, rows)


def method_sheet(found: Findings) -> Sheet:
    """How it was done, what it does not allow for, and the digests of what it was done with."""
    rows = [
        *(("Method", text) for text in found.method),
        *(("Limits", text) for text in found.limits),
        *((f"SHA-256 of the {name}", digest) for name, digest in found.digests.items()),
    ]
    return Sheet("Method", "Method, limits and digests", (), (Column("About"), Column("Text", "long")), tuple(rows))
