"""The report of a run as a committee reads it: what can be said first, then the figures, and how they were made."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from pipeline.counting.claims import OWN_COUNT
from pipeline.counting.findings import Attribute, Changed, Checked, Findings, Pile
from pipeline.counting.phrases import listed, percent, percents, quoted
from pipeline.counting.tables import CORRECTED, NOT_CHECKED
from pipeline.publishing.document import (
    Bar,
    Block,
    Bullets,
    Cell,
    Chart,
    Column,
    Document,
    Paragraph,
    Quotations,
    Section,
    Table,
)
from pipeline.publishing.facet_story import (
    NAMED_OTHERWISE,
    READING,
    bare,
    belongs,
    facet_sections,
    interval,
    noted,
    quotation,
    said,
    several_questions,
)
from pipeline.publishing.report import HIDDEN, ranked

CHANGE = "change"  # what claims against an earlier run are about
GROUP_CLAIMS = 5  # of a facet, up front; all of them stand beside their tables
VERDICTS = {
    "over": "over-represented",
    "under": "under-represented",
    "as expected": "as expected",
    "": "cannot be told",
}
HOW_TO_READ = (
    "Safe to say: more than chance alone would bring about. Too close to call: it may be chance. Too few to say: too "
    "few people to tell. Figures in brackets are 95 % intervals."
)
NOT_FOR_ERRORS = (
    "Not checked. What is called safe to say allows for chance, but not for errors of the tool, because nobody has "
    "checked its codes against a random sample."
)
TOO_FEW_FOR_ERRORS = (
    "Not checked. What is called safe to say allows for chance, but not for errors of the tool, because the check "
    "sample is too small to correct its shares."
)
MEASURES = (
    "Precision: of the comments to which the tool gave a code, the share to which people gave it too. Low precision "
    "means that the tool counts too many.",
    "Recall: of the comments to which people gave a code, the share that the tool found. Low recall means that it "
    "counts too few.",
)
ALPHA = (
    "Alpha (Krippendorff’s): how far the people agreed with one another, beyond chance. 1 is full agreement, 0 is no "
    "more than chance; from 0.8 codes are usually called reliable, and below 0.667 not reliable enough to build on."
)
NO_ALPHA = "How far people agree with one another is not known: too few comments were coded by more than one person."


def tell(findings: Findings) -> Document:
    """The whole report of what a run found; parts of which nothing is known are left out with their headings."""
    return Document(
        title=f"{findings.tables.title}: what people told us",
        made=_in_words(findings.made),
        lead=_lead(findings),
        sections=tuple(section for section in _sections(findings) if section.blocks),
    )


def _sections(findings: Findings) -> Iterator[Section]:
    yield from _what_can_be_said(findings)
    for facet in findings.tables.headings:
        yield from facet_sections(findings, facet)
    yield from _who_answered(findings)
    yield from _changes(findings)
    yield from _without_a_code(findings)
    yield Section("method", "How it was done", tuple(_method(findings)))
    yield Section("check", "How well the tool coded", tuple(_check(findings)))
    yield Section("limits", "Limits", (Bullets(findings.limits),) if findings.limits else ())
    yield Section("definitions", "The codes and what they mean", tuple(_definitions(findings)))
    yield Section("files", "Files and versions", tuple(_files(findings)))


def _in_words(made: str) -> str:
    """An ISO time as a date in words, as it is where it is none."""
    try:
        when = datetime.fromisoformat(made)
    except ValueError:
        return made
    zone = f" {when.tzname()}" if when.tzname() else ""
    return f"{when.day} {when:%B %Y} at {when:%H:%M}{zone}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


# ---- the first sentences -------------------------------------------------------------------------------------------


def _lead(findings: Findings) -> tuple[str, ...]:
    """How many, how coded, whether checked, and what is safe to say first."""
    tables = findings.tables
    people = f"{tables.base:,} {'person' if tables.base == 1 else 'people'}"
    counted = (
        f"{people} wrote something with content, of {tables.responses:,} who took part."
        if not tables.comments
        else f"{people}, of {tables.responses:,} who took part, wrote the {tables.comments:,} "
        f"comment{_s(tables.comments)} counted here."
    )
    coded = (
        f"A computer program, the tool{f' with its model “{findings.model}”' if findings.model else ''}, gave each "
        "comment its codes; where people decided, theirs count."
    )
    told = [claim for claim in findings.claims if claim.kind == "safe" and claim.about != READING]
    safe = {claim.facet: claim.words for claim in reversed(told) if claim.group is None}  # the first of each facet
    by_group = _checked_first(claim.words for claim in told if claim.group is not None)
    first = [*([safe[facet] for facet in tables.headings if facet in safe] or _largest(findings)), *by_group]
    return (counted, coded, _whether_checked(findings), *first[:2])


def _whether_checked(findings: Findings) -> str:
    """One sentence that nobody can overlook."""
    people = f"{findings.coders:,} {'person' if findings.coders == 1 else 'people'}"
    drawn = f"{people} coded {findings.drawn:,} comments, drawn at random, without seeing what the tool had said"
    statuses = {row.status for row in findings.tables.rows if row.group is None}
    if not findings.drawn:
        return "Not checked: no random sample of its codes was checked by people, so the shares are a first count only."
    if CORRECTED not in statuses:
        return f"Not checked: {drawn}, but too few to correct the shares, which are a first count only."
    if NOT_CHECKED in statuses:
        return f"{drawn}; shares are corrected with them where they suffice, the others are marked “not checked”."
    return f"{drawn}; the shares are corrected with them."


def _largest(findings: Findings) -> tuple[str, ...]:
    """What was raised most under the first facet, for want of anything that is safe to say."""
    for facet, heading in findings.tables.headings.items():
        for row in ranked(findings.tables.of(facet)):
            if row.code and row.share and row.low is not None and row.high is not None:
                share = percents(row.share, row.low, row.high)
                return (f"Raised most under {heading}, with its 95 % interval: {quoted(row.name)}, {share}.",)
    return ()


# ---- what can be said ----------------------------------------------------------------------------------------------


def _what_can_be_said(findings: Findings) -> Iterator[Section]:
    """By facet: the claims about all respondents, then the safe ones about groups."""
    if not findings.claims:
        return
    checked = any(row.status == CORRECTED for row in findings.tables.rows)
    warning = Paragraph(TOO_FEW_FOR_ERRORS if findings.drawn else NOT_FOR_ERRORS, warning=True)
    yield Section("said", "What can be said", (*(() if checked else (warning,)), Paragraph(HOW_TO_READ)))
    for facet, heading in findings.tables.headings.items():
        claims = [claim for claim in findings.claims if claim.facet == facet]
        overall = said(claim for claim in claims if claim.group is None)
        groups = [one.words for one in claims if one.group is not None and one.kind == "safe" and one.about != READING]
        by_group = _said_by_group(_checked_first(groups))
        blocks = (*_named_otherwise(findings, facet), *overall, *by_group)
        yield Section(f"said-{facet}", f"{heading}: statements", blocks, level=3)


def _checked_first(words: Iterable[str]) -> list[str]:
    """Statements, those by the tool's own count behind those that were checked."""
    return sorted(words, key=lambda one: one.endswith(OWN_COUNT))


def _named_otherwise(findings: Findings, facet: str) -> Iterator[Block]:
    """Which published names do not mean what was counted, and where to read how."""
    heading = findings.tables.headings[facet]
    notes = [note for note in findings.tables.notes if NAMED_OTHERWISE.search(note)]
    names = [row.name for row in findings.tables.of(facet) if row.code]
    if found := [name for name in names if any(note.startswith(f"{bare(name)} (") for note in notes)]:
        words = f"Not quite what was counted: {listed(map(quoted, map(bare, found)))}. How far, stands under {heading}."
        yield Paragraph(words)


def _said_by_group(words: Sequence[str]) -> Iterator[Block]:
    """The first of them, and how many more there are."""
    more = len(words) - GROUP_CLAIMS
    if words:
        yield Bullets(tuple(words[:GROUP_CLAIMS]), "Safe to say of groups")
    if more > 0:
        yield Paragraph(f"{more:,} more statement{_s(more)} about groups stand beside the tables by group.")


# ---- who answered --------------------------------------------------------------------------------------------------


def _who_answered(findings: Findings) -> Iterator[Section]:
    if not findings.attributes:
        return
    intro = Paragraph(
        "Nobody was drawn at random to answer. Where the respondents differ from the population, shares of respondents "
        "need not be shares of residents"
        + (
            "; the weighted shares show how much that could matter."
            if any(attribute.weighted for attribute in findings.attributes)
            else "."
        )
    )
    yield Section("who", "Who answered", (intro,))
    for n, attribute in enumerate(findings.attributes, 1):
        yield Section(f"who-{n}", attribute.column, tuple(_attribute(findings, attribute)), level=3)
    yield Section("who-weighted", "Shares weighted to the population", tuple(_all_weighted(findings)), level=3)


def _attribute(findings: Findings, attribute: Attribute) -> Iterator[Block]:
    """The chart beside the population, the same in figures, and the shares weighted to it."""
    name, source = attribute.column, attribute.source
    bars = tuple(Bar(one.value, one.share, one.low, one.high, one.population) for one in attribute.values)
    yield Chart(
        f"{name}: respondents and population",
        bars,
        representation(attribute),
        "Share of respondents",
        "Share of the population",
    )
    lines = tuple(
        (
            *(one.value, one.respondents, one.share, interval(one.low, one.high), one.population),
            VERDICTS[one.verdict],
        )
        for one in attribute.values
    )
    columns = (
        *(Column(name), Column("Respondents", "count"), Column("Share of respondents", "share")),
        *(Column("95 % interval", "figures"), Column("Share of population", "share"), Column("Verdict")),
    )
    note = noted(findings, lines, f"Population: {source}.", *attribute.notes)
    yield Table(f"{name}: respondents against the population", columns, lines, note)


def representation(attribute: Attribute) -> str:
    """Who is over- and who is under-represented, in a sentence or two."""
    found = []
    for verdict in ("over", "under"):
        if values := [one.value for one in attribute.values if one.verdict == verdict]:
            found.append(f"{VERDICTS[verdict].capitalize()} among respondents: {listed(values)}.")
    if not found and not any(one.verdict for one in attribute.values):
        return "Who is over- or under-represented cannot be told."
    return " ".join(found) or "No value is clearly over- or under-represented among respondents."


def _all_weighted(findings: Findings) -> Iterator[Block]:
    """How it was weighted, or why not, and the weighted shares by facet."""
    for attribute in findings.attributes:
        if attribute.weighting:
            yield Paragraph(" ".join(attribute.weighting))
        by = listed(attribute.weighted_by or (attribute.column,))
        for facet, heading in findings.tables.headings.items():
            yield from _weighted(findings, attribute, by, facet, heading)


def _weighted(findings: Findings, attribute: Attribute, by: str, facet: str, heading: str) -> Iterator[Table]:
    lines = tuple(
        (one.name, one.share, one.weighted, interval(one.low, one.high))
        for one in attribute.weighted
        if one.facet == facet
    )
    if lines:
        columns = (
            *(Column(heading), Column("Share as it stands", "share"), Column("Weighted share", "share")),
            Column("95 % interval of the weighted share", "figures"),
        )
        how = f"Weighted: each respondent counts for as many as make the shares by {by} the population’s."
        yield Table(f"{heading}, weighted by {by}", columns, lines, noted(findings, lines, how))


# ---- change --------------------------------------------------------------------------------------------------------


def _changes(findings: Findings) -> Iterator[Section]:
    """What changed since the earlier run, facet by facet."""
    if not findings.changed:
        return
    intro = Paragraph("Both runs were coded with the same codebook. An interval that holds 0 may be no change at all.")
    yield Section("change", f"Change since {findings.earlier}", (intro,))
    for facet, heading in findings.tables.headings.items():
        if changed := [one for one in findings.changed if one.facet == facet]:
            blocks = tuple(_change(findings, facet, heading, changed))
            yield Section(f"change-{facet}", f"{heading}: change", blocks, level=3)


def _change(findings: Findings, facet: str, heading: str, changed: Sequence[Changed]) -> Iterator[Block]:
    """What can be said of the change of a facet, and the figures."""
    claims = [claim for claim in findings.claims if claim.facet == facet and claim.group is None]
    readings = [claim for claim in claims if claim.about == READING]  # the first is that of the facet's own table
    yield from said([*readings[1:], *(claim for claim in claims if claim.about == CHANGE)])
    columns = (
        *(Column(heading), Column(f"Share, {findings.earlier}", "share"), Column("Share, now", "share")),
        *(Column("Difference in points", "figures"), Column("95 % interval", "figures")),
    )
    lines = tuple((one.name, one.before, one.now, _points(one.difference), _points_between(one)) for one in changed)
    yield Table(f"{heading}: change since {findings.earlier}", columns, lines, noted(findings, lines))


def _points(difference: float | None) -> str | None:
    """A difference of shares in percentage points, with its sign."""
    return None if difference is None else f"{100 * difference:+.1f}".replace("-", "−")


def _points_between(one: Changed) -> str | None:
    return None if one.low is None or one.high is None else f"{_points(one.low)} to {_points(one.high)}"


# ---- the comments without a code -----------------------------------------------------------------------------------


def _without_a_code(findings: Findings) -> Iterator[Section]:
    piles = [pile for pile in findings.piles if pile.comments and pile.facet in findings.tables.headings]
    if piles:
        intro = Paragraph("Nothing is forced into a code. New themes show first among the comments that got none.")
        yield Section("without", "Comments without a code", (intro,))
    for pile in piles:
        heading = findings.tables.headings[pile.facet]
        yield Section(f"without-{pile.facet}", f"No code of {heading}", tuple(_pile(findings, pile, heading)), level=3)


def _pile(findings: Findings, pile: Pile, heading: str) -> Iterator[Block]:
    """How many comments, the groups of like ones among them, and some of them in full."""
    yield Paragraph(f"{pile.comments:,} comment{_s(pile.comments)} got no code of {heading}.")
    if pile.groups:
        lines = tuple((", ".join(words), comments) for comments, words in pile.groups)
        columns = (Column("Words that set them apart"), Column("Comments", "count"))
        yield Table(f"Groups of like comments without a code of {heading}", columns, lines)
    if pile.examples:
        quotes = tuple(quotation(quote, several_questions(findings)) for quote in pile.examples)
        yield Quotations(f"Some comments without a code of {heading}", quotes)


# ---- how it was done -----------------------------------------------------------------------------------------------


def _method(findings: Findings) -> Iterator[Block]:
    """The method, then the notes of the tables that do not stand beside one."""
    for text in findings.method:
        yield Paragraph(text)
    own = (*findings.tables.headings.values(), *findings.tables.groups)
    notes = tuple(
        note
        for note in findings.tables.notes
        if not NAMED_OTHERWISE.search(note) and not any(belongs(note, name) for name in own)
    )
    if notes:
        yield Bullets(notes, "How it was counted")


def _check(findings: Findings) -> Iterator[Block]:
    """What the check sample says of the tool and of the people."""
    if not findings.drawn:
        yield Paragraph("Not checked. How well the tool coded these comments is not known.", warning=True)
        return
    yield Paragraph(_whether_checked(findings))
    tables = [table for facet in findings.tables.headings for table in _checked(findings, facet)]
    if tables:
        agreement = ALPHA if _agreement_known(findings) else NO_ALPHA
        yield Bullets((*MEASURES, agreement), "How to read it")
        yield from tables


def _agreement_known(findings: Findings) -> bool:
    return any(one.alpha for one in findings.checked)


def _checked(findings: Findings, facet: str) -> Iterator[Table]:
    names = {row.code: row.name for row in findings.tables.of(facet)}
    agreement = _agreement_known(findings)
    lines: tuple[tuple[Cell, ...], ...] = tuple(
        (names.get(one.code, one.code), one.comments, *_measured(one, agreement))
        for one in findings.checked
        if one.facet == facet
    )
    if lines:
        heading = findings.tables.headings[facet]
        columns = (
            *(Column(heading), Column("Comments of the sample with it", "count")),
            *(Column("Precision", "figures"), Column("Recall", "figures")),
            *((Column("Alpha", "figures"),) if agreement else ()),
        )
        few = (
            f" {HIDDEN}: not published, as few comments of the sample have it."
            if any(None in of for of in lines)
            else ""
        )
        note = f"In brackets: 95 % interval. “–”: not known.{few}"
        yield Table(f"{heading}: what the check sample found", columns, lines, note)


def _measured(one: Checked, agreement: bool) -> Iterator[Cell]:
    """Precision, recall and, where any is known, alpha; None where they are suppressed."""
    if one.comments is None:
        yield from (None,) * (3 if agreement else 2)
        return
    for measure in (one.precision, one.recall):
        yield f"{percent(measure[0])}\n({100 * measure[1]:.0f} to {100 * measure[2]:.0f})" if measure else "–"
    if agreement:
        alpha = one.alpha
        yield f"{alpha[0]:.2f}\n({alpha[1]:.2f} to {alpha[2]:.2f})".replace("-", "−") if alpha else "–"


# ---- what it rests on ----------------------------------------------------------------------------------------------


def _definitions(findings: Findings) -> Iterator[Table]:
    """The codes that were counted, by the names in the tables, with the definitions that coders and the tool had."""
    for facet in findings.codebook.facet:
        if facet.id not in findings.tables.headings:
            continue
        names = {row.code: row.name for row in findings.tables.of(facet.id)}
        renamed = any(names.get(code.id, code.name) != code.name for code in facet.code)
        lines = tuple(
            (names.get(code.id, code.name), *((code.name,) if renamed else ()), code.definition)
            for code in facet.code
            if code.definition
        )
        heading = findings.tables.headings[facet.id]
        columns = (Column(heading), *((Column("Code that was counted"),) if renamed else ()), Column("Definition"))
        if lines:
            yield Table(
                f"{heading}: definitions",
                columns,
                lines,
                f"Asked of each comment: {facet.question}" if facet.question else "",
            )


def _files(findings: Findings) -> Iterator[Block]:
    """Where it came from, so that anybody can tell whether two reports rest on the same files."""
    whats = {"export": findings.export, "codebook": findings.codebook.name, "model": findings.model}
    lines = [("Run", findings.run), *((what.capitalize(), name) for what, name in whats.items() if name)]
    lines += [(f"SHA-256 of the {what}", digest) for what, digest in findings.digests.items() if digest]
    lines += [(f"Version of {what}", version) for what, version in findings.versions.items()]
    yield Paragraph("Two reports with the same digests rest on the same files.", small=True)
    yield Table("What the report was made from", (Column("What"), Column("Which")), tuple(lines))
