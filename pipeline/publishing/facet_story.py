"""The parts of the report that tell of one facet: its chart, its table, what people wrote, and the tables by group."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline.counting.findings import Claim, Findings, Quote
from pipeline.counting.phrases import listed, percents, quoted
from pipeline.counting.tables import NOT_CHECKED, SUPPRESSED, Row, Tables
from pipeline.publishing.document import (
    Bar,
    Block,
    Bullets,
    Cell,
    Chart,
    Column,
    Paragraph,
    Quotation,
    Quotations,
    Section,
    Table,
)
from pipeline.publishing.report import HIDDEN, percent, ranked

READING = "reading"  # what claims are about that say how to read the others
KINDS = {"safe": "Safe to say", "close": "Too close to call", "few": "Too few to say"}
NAMED_OTHERWISE = re.compile(r"\((narrower than|overlaps with|counted as one code|no counterpart)\b")
VALUES_IN_A_TABLE = 6  # as many as fit on a page beside the overall share, each with its interval
CODED_BY = {"person": "coded by a person", "respondent": "group as the respondent gave it", "tool": "coded by the tool"}
OF_THEMSELVES = (
    "These shares rest on what the export says of the respondents. Where it says nothing, the tool inferred it from "
    "what they wrote, and nobody checked that."
)
MORE_OFTEN, LESS_OFTEN = "↑", "↓"
NOBODY_CHECKED = (
    "Not checked. The codes behind these shares were given by the tool, and no random sample of them was checked by "
    "people. The shares may be well off; take them as a first count, not as a finding."
)
TOO_FEW_CHECKED = (
    "Not checked. The check sample is too small to correct these shares, so they are those of the tool’s codes as "
    "they stand. They may be well off; take them as a first count, not as a finding."
)


def facet_sections(findings: Findings, facet: str) -> Iterator[Section]:
    """A facet: its chart and its table, then some of what was written, then a part for each group; never empty ones."""
    heading, rows = findings.tables.headings[facet], ranked(findings.tables.of(facet))
    if not rows:
        return
    yield Section(facet, heading, tuple(_overall(findings, facet, heading, rows)))
    if blocks := _written(findings, facet, rows):
        yield Section(f"{facet}-quotes", f"{heading}: what people wrote", blocks, level=3)
    for n, group in enumerate(findings.tables.groups, 1):
        if by_group := findings.tables.of(facet, group):
            title = f"{heading} by {findings.tables.headings.get(group, group)}"
            yield Section(f"{facet}-by-{n}", title, tuple(_by_group(findings, group, title, rows, by_group)), level=3)


# ---- words and figures that other parts of the report use too ------------------------------------------------------


def interval(low: float | None, high: float | None) -> str | None:
    """The ends of an interval of shares as they stand in a table, None where they are suppressed.

    >>> interval(0.301, 0.389)
    '30.1 to 38.9 %'
    """
    return None if low is None or high is None else f"{100 * low:.1f} to {percent(high)}"


def suppression(findings: Findings) -> str:
    """What `[c]` means, beside each table where it occurs."""
    few = f"1 to {findings.smallest - 1} people" if findings.smallest > 2 else "1 person"
    return f"{HIDDEN}: not published, because it counts {few}, or because such a count could be worked out from it."


def noted(findings: Findings, rows: Iterable[Sequence[Cell]], *notes: str) -> str:
    """The notes of a table in one text, with the meaning of `[c]` where one of its cells is suppressed."""
    hidden = any(cell is None for row in rows for cell in row)
    return " ".join(note for note in (*notes, suppression(findings) if hidden else "") if note)


def said(claims: Iterable[Claim]) -> Iterator[Block]:
    """How to read the claims, then they: what is safe to say first, then what is too close to call, and too few."""
    every = tuple(claims)
    for claim in every:
        if claim.about == READING:
            yield Paragraph(claim.words)
    for kind, title in KINDS.items():
        if words := tuple(claim.words for claim in every if claim.kind == kind and claim.about != READING):
            yield Bullets(words, title)


def several_questions(findings: Findings) -> bool:
    """Whether the quotes answer several questions, so that each must say which."""
    return len({quote.question for quote in findings.quotes if quote.question}) > 1


def quotation(quote: Quote, several: bool, coded: str = "") -> Quotation:
    """A quote with its comment id, who gave its code and, where several questions were asked, which it answers."""
    question = f"answer to “{quote.question}”" if several and quote.question else ""
    return Quotation(quote.text, quote.comment_id, note=", ".join(part for part in (question, coded) if part))


# ---- all respondents -----------------------------------------------------------------------------------------------


def _overall(findings: Findings, facet: str, heading: str, rows: Sequence[Row]) -> Iterator[Block]:
    """The warning where it was not checked, the chart, what the names do not say, and the table."""
    if warning := _warning(findings, rows):
        yield Paragraph(warning, warning=True)
    yield _chart(heading, rows)
    published, differing, others = _notes_of(findings.tables, facet, heading)
    if differing:
        yield Bullets(differing, "What the published names do and do not cover")
    yield _table(findings, heading, rows, (*published, *others))


def _warning(findings: Findings, rows: Sequence[Row]) -> str:
    """What to say of the codes that were not checked; empty where all were."""
    unchecked = [row.name for row in rows if row.status == NOT_CHECKED]
    if not unchecked:
        return ""
    if is_of_people(rows):
        return OF_THEMSELVES if any(row.inferred != 0 for row in rows) else ""
    if _none_checked(rows):
        return TOO_FEW_CHECKED if findings.drawn else NOBODY_CHECKED
    return (
        f"Not checked: {listed(map(quoted, unchecked))}. The check sample allows no correction here, so these shares "
        "are those of the tool’s codes as they stand. The other shares are corrected."
    )


def is_of_people(rows: Sequence[Row]) -> bool:
    """Whether the codes are what the export says of the respondents, at least in part: of a facet without a row for
    those who have none."""
    return all(row.code for row in rows) and any((row.respondents or 0) > (row.inferred or 0) for row in rows)


def _none_checked(rows: Sequence[Row]) -> bool:
    """Whether some shares are shown, and none of them is corrected."""
    return {row.status for row in rows} - {SUPPRESSED} == {NOT_CHECKED}


def _chart(heading: str, rows: Sequence[Row]) -> Chart:
    bars = tuple(
        Bar(row.name, row.share, row.low, row.high, unchecked=row.status == NOT_CHECKED and row.share is not None)
        for row in rows
    )
    unchecked = _none_checked(rows) and not is_of_people(rows)
    verb = "raised" if any(not row.code for row in rows) else "came under"
    title = f"{heading}: share of respondents who {verb} each{', not checked' if unchecked else ''}"
    return Chart(title, bars, _main_point(rows), "Share of respondents")


def _main_point(rows: Sequence[Row]) -> str:
    """The three largest shares in words."""
    largest = [
        f"{quoted(row.name)}, {percents(row.share, row.low, row.high)}"
        for row in rows
        if row.code and row.share and row.low is not None and row.high is not None
    ][:3]
    if not largest:
        return "No share can be shown."
    s = "s" if len(largest) > 1 else ""
    return f"Largest share{s}, with {'' if s else 'its '}95 % interval{s}: {'; '.join(largest)}."


def _table(findings: Findings, heading: str, rows: Sequence[Row], notes: Sequence[str]) -> Table:
    """A line a code. Columns that would say nothing are left out: campaigns, corrections and inferences there are none
    of."""
    campaigns = any(row.comments_once != row.comments for row in rows)
    corrected = any(row.status not in (NOT_CHECKED, SUPPRESSED) for row in rows)
    inferred = any(row.inferred for row in rows)
    columns = (
        Column(heading),
        Column("Comments", "count"),
        *((Column("Comments, each campaign once", "count"),) if campaigns else ()),
        Column("Respondents", "count"),
        *((Column("Of which inferred", "count"),) if inferred else ()),
        *((Column("Counted share", "share"),) if corrected else ()),
        Column("Share", "share"),
        Column("95 % interval", "figures"),
        Column("Status"),
    )
    lines = tuple(
        (
            row.name,
            row.comments,
            *((row.comments_once,) if campaigns else ()),
            row.respondents,
            *((row.inferred,) if inferred else ()),
            *((row.counted_share,) if corrected else ()),
            row.share,
            interval(row.low, row.high),
            row.status,
        )
        for row in rows
    )
    one_code = all(row.code for row in rows)
    title = f"{heading}: {'how many came under each' if one_code else 'how often each was raised'}"
    base = [note.partition(";")[0].rstrip(".") + "." if one_code else note for note in findings.tables.notes[:1]]
    return Table(title, columns, lines, noted(findings, lines, *base, *notes, *_how_shares_were_made(corrected)))


def _how_shares_were_made(corrected: bool) -> tuple[str, ...]:
    if not corrected:
        return ("Not checked: the share is the counted one.",)
    return (
        "Counted share: respondents of the base to whom the code was given. Share: the counted share corrected with "
        "the check sample, where the status is “corrected”.",
    )


def _notes_of(tables: Tables, facet: str, heading: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Of the notes of the tables: where the names of this facet were published, which of them do not mean the same as
    the code that was counted, and what else is about this facet alone."""
    published = tuple(note for note in tables.notes if note.startswith(f"Names of {heading} "))
    others = tuple(note for note in tables.notes if belongs(note, heading) and note not in published)
    names = tuple(bare(row.name) for row in tables.of(facet) if row.code)
    differing = tuple(note for note in tables.notes if NAMED_OTHERWISE.search(note) and note.startswith(names))
    return published, differing, others


def bare(name: str) -> str:
    """The name of a code without the remark that a published wording has no counterpart."""
    return name.removesuffix(" (no counterpart)")


def belongs(note: str, heading: str) -> bool:
    """Whether a note of the tables is about the facet, or the group, of this name alone."""
    return note.startswith((f"{heading}: ", f"Names of {heading} ", f"By {heading}: "))


# ---- what people wrote ---------------------------------------------------------------------------------------------


def _written(findings: Findings, facet: str, rows: Sequence[Row]) -> tuple[Block, ...]:
    """Quotes under each code that has any, codes in the order of the table."""
    by_code: dict[str, list[Quote]] = {}
    for quote in findings.quotes:
        if quote.facet == facet:
            by_code.setdefault(quote.code, []).append(quote)
    several = several_questions(findings)
    parts = tuple(
        Quotations(row.name, tuple(quotation(quote, several, CODED_BY[quote.coded_by]) for quote in by_code[row.code]))
        for row in rows
        if row.code in by_code
    )
    if not parts:
        return ()
    question = next((quote.question for quote in findings.quotes if quote.question), "")
    only = f" All of them answer “{question}”." if question and not several else ""
    return (
        Paragraph(
            "A few comments for each code, to show what was meant and not how many said it. Names, addresses and the "
            "like that the tool found are masked by a word in square brackets. None is from a count that is not "
            f"published, so some codes have few or none. The id leads back to the export.{only}"
        ),
        *parts,
    )


# ---- by group ------------------------------------------------------------------------------------------------------


def _by_group(
    findings: Findings, group: str, title: str, overall: Sequence[Row], rows: Sequence[Row]
) -> Iterator[Block]:
    """What can be said of the values of a group, then tables of a few values each, beside all respondents."""
    claims = [claim for claim in findings.claims if claim.group == group and claim.facet == rows[0].facet]
    if _none_checked(rows) and not _none_checked(overall):  # elsewhere the facet's own warning stands above
        yield Paragraph(TOO_FEW_CHECKED, warning=True)
    yield from said(claims)
    marks = _marks(findings.tables, claims)
    about = tuple(note for note in findings.tables.notes if belongs(note, group))
    blocks = _blocks(tuple(dict.fromkeys(row.value for row in rows)))
    unchecked = ", not checked" if _none_checked([*overall, *rows]) and not is_of_people(overall) else ""
    for n, block in enumerate(blocks, 1):
        part = f" ({n} of {len(blocks)})" if len(blocks) > 1 else ""
        caption = f"{title}: share of the respondents in each column{unchecked}{part}"
        inside = [row for row in rows if row.value in block]
        yield _cross_table(findings, caption, overall, inside, marks, about)


def _blocks(values: tuple[str | None, ...]) -> list[tuple[str | None, ...]]:
    """The values for each table, as evenly as they go into as few tables as hold them."""
    tables = math.ceil(len(values) / VALUES_IN_A_TABLE)
    size = math.ceil(len(values) / max(tables, 1))
    return [values[n : n + size] for n in range(0, len(values), max(size, 1))]


def _marks(tables: Tables, claims: Iterable[Claim]) -> dict[tuple[str, str | None], str]:
    """An arrow for each (code, value) that is safely raised more, or less, often than elsewhere."""
    shares = {(row.facet, row.group, row.value, row.code): row.share for row in tables.rows}
    marks: dict[tuple[str, str | None], str] = {}
    for claim in claims:
        if claim.kind != "safe" or claim.about != "group" or claim.group is None or claim.value is None:
            continue
        for code in claim.codes:
            share = shares.get((claim.facet, claim.group, claim.value, code))
            elsewhere = tables.rest.get((claim.facet, claim.group, claim.value, code))
            if share is not None and elsewhere is not None:
                marks[code, claim.value] = MORE_OFTEN if share > elsewhere.value else LESS_OFTEN
    return marks


def _cross_table(
    findings: Findings,
    caption: str,
    overall: Sequence[Row],
    rows: Sequence[Row],
    marks: Mapping[tuple[str, str | None], str],
    notes: Sequence[str],
) -> Table:
    """A line a code and a column a value, all respondents first; each cell a share over its interval."""
    columns: dict[str | None, list[Row]] = {None: list(overall)}
    for row in rows:
        columns.setdefault(row.value, []).append(row)
    apart = not _none_checked([*overall, *rows])
    cells = {value: _cells(column, marks, apart) for value, column in columns.items()}
    lines = tuple((row.name, *(cells[value].get(row.code) for value in columns)) for row in overall)
    header = Column(findings.tables.headings[overall[0].facet])
    headers = (
        Column(_header(value, column, findings.tables.base, apart), "figures") for value, column in columns.items()
    )
    arrows = f"{MORE_OFTEN} more often, {LESS_OFTEN} less often than among all other respondents, and safe to say."
    marked = any((row.code, row.value) in marks for row in rows)
    how = "n: respondents who wrote something with content. In brackets: 95 % interval."
    return Table(caption, (header, *headers), lines, noted(findings, lines, how, *([arrows] if marked else []), *notes))


def _header(value: str | None, rows: Sequence[Row], everybody: int, apart: bool) -> str:
    """A value with its base and, beside columns that are corrected, whether none of its shares is."""
    base = everybody if value is None else rows[0].base
    unchecked = ", not checked" if apart and _none_checked(rows) else ""
    return f"{'All' if value is None else value} (n\u00a0=\u00a0{HIDDEN if base is None else f'{base:,}'}){unchecked}"


def _cells(rows: Sequence[Row], marks: Mapping[tuple[str, str | None], str], apart: bool) -> dict[str, str | None]:
    """The cells of a column by code; in one of both kinds each says whether it was not checked."""
    mixed = apart and not _none_checked(rows)
    return {row.code: _cell(row, marks.get((row.code, row.value), ""), mixed) for row in rows}


def _cell(row: Row, mark: str, mixed: bool) -> str | None:
    """The share, its interval below and, in a column of both kinds, whether it was not checked."""
    if row.share is None or row.low is None or row.high is None:
        return None
    share = f"{percent(row.share)} {mark}".rstrip()
    unchecked = [NOT_CHECKED] if mixed and row.status == NOT_CHECKED else []
    return "\n".join([share, f"({100 * row.low:.1f} to {100 * row.high:.1f})", *unchecked])
