"""What can be said of frequency tables in words: what is safe to say, too close to call, and too few to say.

Which of two codes more people raised is decided for all pairs of a table at once, after Holm (Scand. J. Stat. 6, 1979):
the chance that a ranked list holds even one false order is 5 % at most, whatever depends on what, for one false pair
spoils the list. More or less often in a group is decided for all cells of a table after Benjamini and Hochberg (J. R.
Stat. Soc. B 57, 1995): of the differences told, 5 % at most are expected to be chance, for each stands by itself.

Counts that were not checked are compared by exact tests, right for small counts too. Corrected shares are compared by
their own intervals, which need not be even on both sides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control

from pipeline.counting.findings import Claim
from pipeline.counting.grouping import NO_CODE, NOT_GIVEN
from pipeline.counting.phrases import digits_apart, listed, percent, percents, quoted
from pipeline.counting.significance import LEVEL, Floats, Ints, difference_p, holm, paired_p, separate_p
from pipeline.counting.tables import CORRECTED, NOT_CHECKED, SUPPRESSED, Row, Tables
from pipeline.learning.quality import Estimate

Bools = npt.NDArray[np.bool_]

HALF, TENTH = 0.5, 0.1
ABOUT_HALF = (0.4, 0.6)
FEWEST = 10  # respondents; of fewer nothing is said
WIDEST = 0.4  # an interval of 40 points leaves open nearly everything
NAMED = 6  # codes in one sentence; the table has the others
MOST_SENTENCES = 5  # on the order of one table, from the top
MOST_DIFFERENCES = 12  # between groups of one table, largest first
MOST_VALUES = 20  # of a group that are put in words one by one
SAFE, CLOSE, FEW = "safe", "close", "few"
OWN_COUNT = "by the tool’s own count, which was not checked."  # ends what is said of such beside corrected shares
ORDER, SIZE, GROUP, READING = "order", "size", "group", "reading"


def claims(tables: Tables) -> tuple[Claim, ...]:
    """What each table allows to be said, table by table: how to read it, then what is safe, too close and too few.

    The first claim of a table (about `reading`) says what its shares are of, whether they were checked, and how many
    comparisons are allowed for. `tables.rest` must be estimated as the rows are: counted for rows that are not checked,
    corrected for corrected ones. Of suppressed rows nothing is said but that they are too few.
    """
    found: list[Claim] = []
    for facet in tables.headings:
        for group in (None, *tables.groups):
            if rows := tables.of(facet, group):
                table = _Table(tables, facet, group, rows)
                found += sorted(_overall(table) if group is None else _grouped(table), key=_rank)
    return tuple(found)


def _rank(claim: Claim) -> int:
    return 0 if claim.about == READING else 1 + (SAFE, CLOSE, FEW).index(claim.kind)


@dataclass(frozen=True)
class _Table:
    """One frequency table: a facet, among all respondents or by a group."""

    tables: Tables
    facet: str
    group: str | None
    rows: tuple[Row, ...]

    @property
    def heading(self) -> str:
        return self.tables.headings[self.facet]

    @property
    def by(self) -> str:
        """The printed name of the group."""
        return self.tables.headings.get(self.group or "", self.group or "")

    @cached_property
    def exclusive(self) -> bool:
        """Whether a respondent is under a code rather than raises it; such a facet has no row of those without."""
        return all(row.code for row in self.tables.of(self.facet))

    @property
    def verb(self) -> str:
        return "came under" if self.exclusive else "raised"

    @cached_property
    def coded(self) -> tuple[Row, ...]:
        """The rows that claims are about: not of those without a code or value, nor of a code among its own."""
        return tuple(
            row
            for row in self.rows
            if row.code
            and row.value not in (NOT_GIVEN, NO_CODE)
            and not (row.group == row.facet and row.value == row.name)
        )

    @cached_property
    def is_corrected(self) -> bool:
        """Whether the facet has corrected shares, among all respondents or by this group."""
        rows = (*self.tables.of(self.facet), *self.rows)
        return any(row.status == CORRECTED for row in rows)

    def claim(self, kind: str, about: str, words: str, rows: Sequence[Row], value: str | None = None) -> Claim:
        """A claim on rows of this table, its first letter made large.

        Counts that nobody checked have the narrower intervals; beside corrected shares they must not look the surer.
        """
        codes = tuple(dict.fromkeys(row.code for row in rows if row.code))
        if kind != FEW and self.is_corrected and any(row.status == NOT_CHECKED for row in rows):
            mixed = any(row.status == CORRECTED for row in rows)
            words = f"{words} {'Some of this is' if mixed else 'This is'} {OWN_COUNT}"
        return Claim(kind, about, words[:1].upper() + words[1:], self.facet, codes, self.group, value)


# ---- all respondents -------------------------------------------------------------------------------------------------


def _overall(table: _Table) -> Iterator[Claim]:
    """The claims on a facet among all respondents."""
    ranked = _ranked(table)
    yield table.claim(SAFE, READING, _reading(table, len(ranked) * (len(ranked) - 1) // 2, "Holm"), ())
    if len(ranked) > 1:
        more = _more(ranked, _covariance(table, ranked), table.tables.base)
        yield from _orders(table, ranked, more)
        yield from _ties(table, ranked, more)
    yield from _sizes(table, table.coded, "")
    yield from _none_of_them(table)
    if few := [row for row in table.coded if _is_few(row)]:
        yield table.claim(FEW, SIZE, f"Too few to say anything about {listed(_names(few))}.", few)


def _ranked(table: _Table) -> list[Row]:
    """The rows that can be compared, the largest share first: the corrected ones where there are any, else all shown.

    A count of the tool's codes and a share as people read are not the same thing, and are never compared. Nor are those
    compared of which nothing can be said.
    """
    status = CORRECTED if any(row.status == CORRECTED for row in table.coded) else NOT_CHECKED
    rows = [row for row in table.coded if row.status == status and not _is_few(row)]
    return sorted(rows, key=lambda row: -_share(row))


def _covariance(table: _Table, ranked: Sequence[Row]) -> Floats | None:
    """The covariance of the ranked rows' shares, where it is known."""
    whole = table.tables.covariance.get(table.facet)
    if whole is None:
        return None
    place = {row.code: n for n, row in enumerate(table.rows)}
    at = [place[row.code] for row in ranked]
    return np.asarray(whole, dtype=float)[np.ix_(at, at)]


def _more(ranked: Sequence[Row], covariance: Floats | None, base: int) -> Bools:
    """(i, j) → whether more respondents have code i than code j, for all pairs of the ranked rows at once."""
    first, second = np.triu_indices(len(ranked), 1)
    if ranked[0].status == NOT_CHECKED:
        counts = np.array([row.respondents or 0 for row in ranked])
        p = paired_p(counts[first], counts[second], base, _discordant(counts, first, second, covariance, base))
    else:
        share, low, high = (np.array([ends[n] for ends in map(_interval, ranked)]) for n in range(3))
        r = _correlation(covariance, first, second)
        p = difference_p(
            share[first] - share[second], share[first] - low[first], high[second] - share[second], correlation=r
        )
    out = np.zeros((len(ranked), len(ranked)), dtype=bool)
    out[first, second] = holm(p) <= LEVEL
    return out


def _discordant(
    counts: Ints,
    first: Ints,
    second: Ints,
    known: Floats | None,
    n: int,
) -> Floats | None:
    """Respondents with just one of two codes, from the covariance of counted shares; None where it is not of those."""
    share = counts / n
    if known is None or not np.allclose(np.diag(known), share * (1 - share) / n, rtol=0.1, atol=1e-9):
        return None
    spread = np.diag(known)[first] + np.diag(known)[second] - 2 * known[first, second]
    return np.asarray(n * n * spread + (counts[first] - counts[second]) ** 2 / n)


def _correlation(covariance: Floats | None, first: Ints, second: Ints) -> Floats:
    """Correlation of pairs of shares; the worst there can be, -1, where it is not known."""
    worst = np.full(len(first), -1.0)
    if covariance is None:
        return worst
    scale = np.sqrt(np.diag(covariance)[first] * np.diag(covariance)[second])
    return np.asarray(np.clip(np.divide(covariance[first, second], scale, out=worst, where=scale > 0), -1.0, 1.0))


def _orders(table: _Table, ranked: Sequence[Row], more: Bools) -> Iterator[Claim]:
    """For each code, from the top, those below it that it certainly has more respondents than."""
    size = len(ranked)
    below = [max((j + 1 for j in range(size) if j <= i or not more[i, j]), default=0) for i in range(size)]
    told = 0
    for start in range(size):
        if below[start] == size or (start and below[start] == below[start - 1]):
            continue
        end = next((n for n in range(start, size) if below[n] != below[start]), size)
        top, rest = ranked[start:end], ranked[below[start] :]
        yield table.claim(SAFE, ORDER, _order_words(table, top, rest, whole=size), [*top, *rest])
        told += 1
        if told == MOST_SENTENCES:
            return


def _order_words(table: _Table, top: Sequence[Row], rest: Sequence[Row], whole: int) -> str:
    digits = digits_apart(_share(top[-1]), _share(rest[0]))
    if len(rest) == 1:
        than = f"than {_figured(rest, digits)}"
    elif len(top) + len(rest) == whole:
        all_shown = whole == len(table.coded)
        than = (
            f"than any other code of {table.heading}" if all_shown else f"than any other of the {whole} codes compared"
        )
    else:
        than = f"than {_figured(rest[:1], digits)}, or any code below it"
    if len(top) == 1:
        return f"More respondents {table.verb} {_figured(top, digits)}, {than}."
    return f"Each of {_figured(top, digits)}, {'has' if table.exclusive else 'was raised by'} more respondents {than}."


def _ties(table: _Table, ranked: Sequence[Row], more: Bools) -> Iterator[Claim]:
    """The longest runs of codes of which no two can be told apart, from the top."""
    rows = [n for n, row in enumerate(ranked) if not _is_small(row)]
    reached = told = 0
    for start in range(len(rows)):
        end = start + 1
        while end < len(rows) and not more[np.ix_(rows[start:end], rows[end : end + 1])].any():
            end += 1
        if end - start > 1 and end > reached:
            run = [ranked[n] for n in rows[start:end]]
            yield table.claim(CLOSE, ORDER, _tie_words(run), run)
            reached, told = end, told + 1
        if told == MOST_SENTENCES:
            return


def _tie_words(run: Sequence[Row]) -> str:
    if len(run) == 2:
        return f"{_figured(run)}, are too close to call."
    if len(run) <= NAMED:
        return f"Between {_figured(run)}, the order cannot be told."
    return f"From {_figured(run[:1])}, down to {_figured(run[-1:])}, {len(run)} codes, the order cannot be told."


def _none_of_them(table: _Table) -> Iterator[Claim]:
    """How many respondents have no code of the facet."""
    for row in table.rows:
        if not row.code and not _is_few(row):
            words = f"{_figure(row)} of respondents raised none of the codes of {table.heading}."
            yield table.claim(SAFE, SIZE, words, [row])


# ---- majorities and minorities ---------------------------------------------------------------------------------------


def _sizes(table: _Table, rows: Sequence[Row], lead: str, value: str | None = None) -> Iterator[Claim]:
    """Majorities, halves and minorities among the rows of all respondents, or of one value of a group."""
    kinds: dict[str, list[Row]] = {"most": [], "half": [], "minority": [], "small": [], "open": []}
    shown = [row for row in rows if not _is_few(row)]
    for row in sorted((row for row in shown if not _is_none(row)), key=lambda row: -_share(row)):
        kinds[size_of(*_interval(row)[1:])].append(row)
    one_by_one = {"most": "most respondents {verb} {codes}.", "half": "about half of respondents {verb} {codes}."}
    for kind, words in one_by_one.items():
        for row in kinds[kind]:
            sentence = words.format(verb=table.verb, codes=_figured([row]))
            yield table.claim(SAFE, SIZE, lead + sentence, [row], value)
    together = {
        "minority": (SAFE, "a minority of respondents {verb} {codes}."),
        "small": (SAFE, "a small minority, under a tenth of respondents, {verb} {codes}."),
        "open": (CLOSE, "whether most respondents {verb} {codes}, is too close to call."),
    }
    for kind, (sure, words) in together.items():
        if found := kinds[kind]:
            codes = ("each of " if len(found) > 1 else "") + _figured(found)
            yield table.claim(sure, SIZE, lead + words.format(verb=table.verb, codes=codes), found, value)
    if none := [row for row in shown if _is_none(row)]:
        nobody = "nobody came under" if table.exclusive else "nobody was found to have raised"
        any_of = "any of " if len(none) > 1 else ""
        yield table.claim(SAFE, SIZE, f"{lead}{nobody} {any_of}{listed(_names(none), NAMED)}.", none, value)


def size_of(low: float, high: float) -> str:
    """What an interval of a share says of its size: `most`, `half`, `minority`, `small` or, if none of these, `open`.

    >>> size_of(0.53, 0.61), size_of(0.46, 0.55), size_of(0.31, 0.38), size_of(0.02, 0.08), size_of(0.3, 0.6)
    ('most', 'half', 'minority', 'small', 'open')
    """
    if low > HALF:
        return "most"
    if high < TENTH:
        return "small"
    if high < HALF:
        return "minority"
    return "half" if low >= ABOUT_HALF[0] and high <= ABOUT_HALF[1] else "open"


# ---- by group --------------------------------------------------------------------------------------------------------


def _grouped(table: _Table) -> Iterator[Claim]:
    """The claims on a facet by a group."""
    cells = _cells(table)
    p = _cell_p(cells)
    yield table.claim(SAFE, READING, _reading(table, len(cells), "Benjamini–Hochberg"), ())
    yield from _differences(table, cells, p)
    values: dict[str, list[Row]] = {}
    for row in table.coded:
        values.setdefault(row.value or "", []).append(row)
    nothing = [value for value, rows in values.items() if all(map(_is_few, rows))]
    for value, rows in list(values.items())[:MOST_VALUES]:
        if value not in nothing:
            lead = f"{table.by} {quoted(value)}: "
            yield from _sizes(table, rows, lead, value)
            if few := [row for row in rows if _is_few(row)]:
                yield table.claim(FEW, SIZE, f"{lead}too few to say anything about {listed(_names(few))}.", few, value)
    if nothing:
        yield table.claim(FEW, GROUP, f"{table.by}: too few to say anything about {listed(map(quoted, nothing))}.", ())


def _cells(table: _Table) -> list[tuple[Row, Estimate]]:
    """The rows to compare with everybody else: none that is suppressed, nor one that would give a suppressed one away.

    Everybody else less the values that are shown is what is hidden, where one value alone is. With two values in all
    the second would only say the first again.
    """
    overall = {row.code for row in table.tables.of(table.facet) if row.status != SUPPRESSED}
    values = list(dict.fromkeys(row.value for row in table.rows))
    compared = values[:1] if len(values) == 2 else values
    hidden: dict[str, int] = {}
    for row in table.rows:
        hidden[row.code] = hidden.get(row.code, 0) + (row.status == SUPPRESSED)
    found = []
    for row in table.coded:
        rest = table.tables.rest.get((table.facet, row.group or "", row.value or "", row.code))
        told = row.status != SUPPRESSED and row.code in overall and hidden[row.code] != 1 and row.value in compared
        if rest is not None and told and min(row.base or 0, rest.n) >= FEWEST:
            found.append((row, rest))
    return found


def _cell_p(cells: Sequence[tuple[Row, Estimate]]) -> Floats:
    """Two-sided p-values of cells against everybody else: exact for counts, by the intervals for corrected shares."""
    p = np.ones(len(cells))
    is_corrected = np.array([row.status == CORRECTED for row, _ in cells], dtype=bool)
    if is_corrected.any():
        some = [(*_interval(row), rest.value, rest.low, rest.high) for row, rest in cells if row.status == CORRECTED]
        share, low, high, other, other_low, other_high = np.array(some).T
        up = share >= other
        own, others = np.where(up, share - low, high - share), np.where(up, other_high - other, other - other_low)
        p[is_corrected] = difference_p(np.abs(share - other), own, others)
    if not is_corrected.all():
        counts = [
            (row.respondents or 0, row.base or 0, round(rest.value * rest.n), rest.n)
            for row, rest in cells
            if row.status != CORRECTED
        ]
        p[~is_corrected] = separate_p(*np.array(counts).T)
    return p


def _differences(table: _Table, cells: Sequence[tuple[Row, Estimate]], p: Floats) -> Iterator[Claim]:
    """What is certainly more or less often raised in one value of the group than elsewhere, and what is not."""
    if not cells:
        return
    sure = false_discovery_control(p) <= LEVEL
    order = sorted(range(len(cells)), key=lambda n: -abs(_share(cells[n][0]) - cells[n][1].value))
    clear = [cells[n] for n in order if sure[n]]
    for row, rest in clear[:MOST_DIFFERENCES]:
        yield table.claim(SAFE, GROUP, _difference_words(table, row, rest), [row], row.value)
    yield from _further_differences(table, clear[MOST_DIFFERENCES:])
    near = [cells[n] for n in order if p[n] <= LEVEL and not sure[n]]
    if near:
        told = [f"{quoted(row.name)} under {quoted(row.value or '')}" for row, _ in near]
        words = f"{table.by}: whether these differ from elsewhere is too close to call: {listed(told, NAMED)}."
        yield table.claim(CLOSE, GROUP, words, [row for row, _ in near])
    elif not clear:
        words = f"{table.by}: no code of {table.heading} stands out under any one value against the others."
        yield table.claim(CLOSE, GROUP, words, [row for row, _ in cells])


def _further_differences(table: _Table, cells: Sequence[tuple[Row, Estimate]]) -> Iterator[Claim]:
    """The smaller differences, those of a value in one sentence."""
    values: dict[str | None, list[tuple[Row, Estimate]]] = {}
    for row, rest in cells:
        values.setdefault(row.value, []).append((row, rest))
    for value, found in values.items():
        told = []
        for often, more in (("more often", True), ("less often", False)):
            both = [
                f"{quoted(row.name)}, {percent(_share(row), digits)} against {percent(rest.value, digits)}"
                for row, rest in found
                if (_share(row) > rest.value) == more
                for digits in [digits_apart(_share(row), rest.value)]
            ]
            if both:
                told.append(f"{often} {listed(both, NAMED)}")
        words = f"{table.by} {quoted(value or '')}, smaller differences, but as clear: {'; '.join(told)}."
        yield table.claim(SAFE, GROUP, words, [row for row, _ in found], value)


def _difference_words(table: _Table, row: Row, rest: Estimate) -> str:
    digits = digits_apart(_share(row), rest.value)
    often = "more often" if _share(row) > rest.value else "less often"
    other = percents(rest.value, rest.low, rest.high, digits)
    return (
        f"{table.by} {quoted(row.value or '')}: respondents {table.verb} {quoted(row.name)} {often}, "
        f"{_figure(row, digits)}, than others, {other}."
    )


# ---- how a table is to be read ---------------------------------------------------------------------------------------


def _reading(table: _Table, comparisons: int, method: str) -> str:
    """What the shares of a table are of, whose codes they count, and how many comparisons its claims allow for."""
    statuses = {row.status for row in table.coded} - {SUPPRESSED}
    if table.group is None:
        base = table.tables.base
        of = f"the {base:,} respondent{'' if base == 1 else 's'} who wrote something with content"
    else:
        of = "the respondents under each value who wrote something with content"
    words = [f"{table.heading}{f' by {table.by}' if table.group else ''}: shares are of {of}."]
    if statuses == {NOT_CHECKED}:
        words.append(
            f"They count {_whose_codes(table)}; the intervals allow for chance in who answered, and for nothing else."
        )
    if CORRECTED in statuses:
        words.append(
            "They are corrected with the check sample; the intervals say how far people’s reading of all comments "
            "may differ."
        )
    if statuses == {NOT_CHECKED, CORRECTED}:
        words.append(_not_corrected(table))
    if comparisons > 1:
        words.append(f"What is said of one against another allows for {comparisons:,} comparisons ({method}, 5 %).")
    return " ".join(words)


def _whose_codes(table: _Table) -> str:
    """Whose codes are counted where nothing was checked: respondents may have said themselves what they came under."""
    told = any((row.respondents or 0) > (row.inferred or 0) for row in table.coded)
    if table.exclusive and told:
        return "what the export says of the respondents and, where it says nothing, what the tool inferred, unchecked"
    return "the tool’s codes, which have not been checked"


def _not_corrected(table: _Table) -> str:
    raw = [row for row in table.coded if row.status == NOT_CHECKED]
    what = listed(_names(raw), NAMED) if table.group is None else f"{len(raw):,} of them"
    return (
        f"Not corrected, but the tool’s own counts with intervals for chance in who answered only: {what}"
        f"{'; these are not ranked' if table.group is None else ''}."
    )


# ---- rows ------------------------------------------------------------------------------------------------------------


def _interval(row: Row) -> tuple[float, float, float]:
    """Share, low and high of a row that is shown."""
    return _share(row), 0.0 if row.low is None else row.low, 1.0 if row.high is None else row.high


def _share(row: Row) -> float:
    return row.share or 0.0


def _is_small(row: Row) -> bool:
    """Whether fewer than FEWEST respondents have the code, as far as is known."""
    return row.status == SUPPRESSED or _share(row) * (row.base or 0) < FEWEST


def _is_none(row: Row) -> bool:
    """Whether nobody has the code, as it was counted."""
    return row.status == NOT_CHECKED and row.respondents == 0


def _is_few(row: Row) -> bool:
    """Whether nothing follows from a row: suppressed, a small base, a small count that may be a large share, too wide.

    A few of many are a small minority for certain, and that can be said.
    """
    if row.status == SUPPRESSED or (row.base or 0) < FEWEST:
        return True
    _, low, high = _interval(row)
    return high - low > WIDEST or (_is_small(row) and high >= TENTH)


def _figure(row: Row, digits: int = 0) -> str:
    return percents(*_interval(row), digits)


def _figured(rows: Sequence[Row], digits: int = 0) -> str:
    """Names with their figures: “Access”, 34 % (31 to 38 %); “Housing”, 20 % (17 to 24 %)."""
    told = [f"{quoted(row.name)}, {_figure(row, digits)}" for row in rows[:NAMED]]
    if len(rows) == NAMED + 1:
        told.append(f"{quoted(rows[-1].name)}, {_figure(rows[-1], digits)}")
    elif len(rows) > NAMED:
        told.append(f"{len(rows) - NAMED} more")
    joined = "; ".join(told[:-1])
    return f"{joined}{'; and ' if len(told) > 2 else ', and '}{told[-1]}" if len(told) > 1 else told[0]


def _names(rows: Sequence[Row]) -> list[str]:
    return [quoted(row.name) for row in rows]
