"""Small counts kept out of what is published, and enough others with them that no small one can be worked back.

First cells are the counts from 1 to `smallest` - 1: rows whose respondents or comments are so few, and values of a
group with so small a base, all of whose rows go. Second cells are hidden so that the first cannot be worked back: most
often the smallest other of the same code, where that is not enough a row of the overall table or two whole values. What
is shown as `[c]` is one or the other, and readers are not told which. How many of a kind were inferred is a fact about
the tool and is no first cell; it goes where it is the base of a value.

What is promised (protection by intervals: Willenborg and de Waal, Elements of Statistical Disclosure Control, 2001; the
mark, and that there are second cells, follow the Government Analysis Function's guidance): somebody who has all tables,
with every total, share, interval and note, and who knows how they were made, can narrow no first cell down to fewer
values than the threshold itself leaves open, which is `smallest` - 1 values, and never fewer than two. The exceptions
are tables so small that all of their counts are hidden and still no more values are possible.

Zeros are shown: they are no person's answer, most of any table by group is zeros, and hiding them hides the table. How
many took part in all is always shown. Where these are fewer than the threshold themselves, a zero tells what none of
them said and a value what one of them is: then every count is hidden, and there is no table by group. The promise is
for tables made in one go. Tables of one run by some columns today and by others tomorrow may hide different second
cells, and side by side could give away what neither does alone.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np

from pipeline.counting.grouping import INFERRED
from pipeline.counting.known_sums import Known, Value
from pipeline.counting.tables import SUPPRESSED, Floats, Row, Tables
from pipeline.learning.quality import Estimate

Item = int | Value  # a row by its place, or a value of a group with all of its rows
Offer = tuple[Item, ...]  # what would be hidden together

MARK = "[c]"
TRIES = 16  # ways to protect a cell that are tried, cheapest first, before the cheapest is taken and tried to add to
VALUES = 3  # other values that are tried to be hidden with that of a cell
OVERALL = 1_000_000  # respondents that a row of the overall table counts for more than one by group
ELSEWHERE = 10_000  # the same for a row of another code


def suppress(tables: Tables, smallest: int) -> Tables:
    """The tables as they may be published: rows with counts from 1 to smallest - 1, and second ones, without numbers.

    smallest: 0 or 1 changes nothing. Suppressed rows have the status `suppressed` and no number but their base, and
    where the base itself is small not that either. What would tell them is gone with them: their corrections, their
    rows and columns of the covariance (NaN), and the shares of the rest of the respondents. Where the base of a value
    of an exclusive facet is hidden, `inferred` of that code's rows is None too, and the note that tells how many were
    inferred gives no numbers. Of fewer than `smallest` respondents in all, every row is suppressed and those by group
    are left out.
    """
    if smallest < 2 or not tables.rows:
        return tables
    if too_few(tables, smallest):
        return _of_too_few(tables)
    plan = _Plan(Known(tables), smallest)
    plan.choose()
    return _without(tables, plan)


def too_few(tables: Tables, smallest: int) -> bool:
    """Whether so few respondents are counted in all that nothing can be told of them but how many they are."""
    return 0 < tables.base < smallest


def note(tables: Tables, smallest: int) -> str:
    """The sentence on what `[c]` means and how many rows of the tables it stands in; empty where nothing is hidden."""
    if smallest < 2:
        return ""
    if too_few(tables, smallest):
        return (
            f"{MARK} stands in place of every count, zeros too, and no table is by group, so that nobody can be "
            f"recognised: fewer than {smallest} respondents are counted in all."
        )
    hidden = sum(row.status == SUPPRESSED for row in tables.rows)
    few = "a count of 1" if smallest == 2 else f"a count from 1 to {smallest - 1}"
    if not hidden:
        return (
            f"{few[0].upper()}{few[1:]} would be replaced by {MARK}, so that nobody can be recognised; there is none."
        )
    lines = "row has" if hidden == 1 else "rows have"
    return (
        f"{MARK} stands in place of {few}, and of further counts from which one could be worked out, so that nobody "
        f"can be recognised: {hidden:,} of the {len(tables.rows):,} {lines} it. Zeros are shown."
    )


def hidden_values(tables: Tables) -> frozenset[Value]:
    """The (group, value) whose base is not published, for what else is written about the values of a group."""
    return frozenset(
        (row.group, row.value)
        for row in tables.rows
        if row.base is None and row.group is not None and row.value is not None
    )


# ---- which cells ----------------------------------------------------------------------------------------------------


class _Plan:
    """Which rows, values and numbers of inferred respondents are hidden."""

    def __init__(self, known: Known, smallest: int) -> None:
        self.known, self.smallest = known, smallest
        self.open = max(smallest - 1, 2)  # values that must stay possible
        self.rows: set[int] = set()
        self.values: set[Value] = set()
        self.inferred: set[tuple[str, str]] = set()

    def choose(self) -> None:
        """Hides the first cells, then as many second ones as they need."""
        first = [value for value, n in self.known.bases.items() if self._small(self.known.sums.value[n])]
        self._hide([*first, *(n for n in range(len(self.known.rows)) if self._targets(n))])
        for value in first:  # before the rows, for a value that is hidden second serves them too
            self._protect_base(value)
        small = [n for n in range(len(self.known.rows)) if self._targets(n)]
        for n in sorted(small, key=lambda n: (self.known.rows[n].group is None, self._place(n))):
            self._protect(n)

    def _small(self, count: int) -> bool:
        return 0 < count < self.smallest

    def _targets(self, n: int) -> list[int]:
        """The counts of a row that are small."""
        counts = self.known.counts[n]
        return [one for one in (counts.respondents, counts.comments) if self._small(self.known.sums.value[one])]

    def _place(self, n: int) -> tuple[str, ...]:
        """Something to order rows by that does not hang on how codes are called, which differs between wordings."""
        row = self.known.rows[n]
        value = (row.group or "", row.value or "")
        return row.facet, row.code, value[0], self.known.code_of(value) or value[1]

    # ---- hiding -----------------------------------------------------------------------------------------------------

    def _hide(self, items: Iterable[Item]) -> None:
        """Hides rows, and values of groups with their bases and all of their rows."""
        gone, whole, guessed = self._with_all(items)
        self.known.sums.hide(count for n in gone for count in self.known.counts[n].all)
        self.known.sums.hide(self.known.bases[value] for value in whole)
        self.known.sums.hide(self._inferred(guessed))
        for n in (n for value in whole for n in self._rows_of(value)):
            self.known.sums.may_be_none(self.known.counts[n].all)
        self.rows |= gone
        self.values |= whole
        self.inferred |= guessed

    def _with_all(self, items: Iterable[Item]) -> tuple[set[int], set[Value], set[tuple[str, str]]]:
        """Rows and values with all that are the same counts, and the (facet, code) whose `inferred` must not be told.

        All rows of a value go, the zeros too, for their intervals would tell its base. A base is the count of a row
        where the group is a facet. How many of a kind were inferred is the base of those, the rest that of the others.
        """
        gone, whole, guessed = set[int](), set[Value](), set[tuple[str, str]]()
        waiting = list(items)
        while waiting:
            one = waiting.pop()
            if isinstance(one, int):
                if one in gone:
                    continue
                gone.add(one)
                if self.known.comments(one):  # a zero of a hidden value stays where it stands a second time
                    waiting += self.known.twins.get(one, [])
                waiting += self._value_of(one)
            elif one not in whole:
                whole.add(one)
                waiting += self._rows_of(one)
                group, code = one[0], self.known.code_of((one[0], one[1].removesuffix(INFERRED)))
                if code is not None and group not in self.known.exclusive:
                    waiting.append(self.known.at[(group, None, None, code)])
                elif code is not None:
                    guessed.add((group, code))
        return gone, whole, guessed

    def _value_of(self, n: int) -> list[Value]:
        """The value of a group whose base is the count of a row."""
        row = self.known.rows[n]
        value = (row.facet, row.name)
        known = row.group is None and row.code and value in self.known.bases and row.facet not in self.known.exclusive
        return [value] if known else []

    def _rows_of(self, value: Value) -> list[int]:
        return [n for facet in self.known.tables.headings for n in self.known.columns.get((facet, *value), [])]

    def _inferred(self, codes: Collection[tuple[str, str]]) -> list[int]:
        return [counts.inferred for row, counts in self.known.each() if (row.facet, row.code) in codes] if codes else []

    def _trial(self, items: Iterable[Item]) -> AbstractContextManager[None]:
        """Hides them for a while, to see what it would do."""
        gone, whole, guessed = self._with_all(items)
        counts = [count for n in gone for count in self.known.counts[n].all]
        return self.known.sums.trial([*counts, *(self.known.bases[value] for value in whole), *self._inferred(guessed)])

    # ---- protecting -------------------------------------------------------------------------------------------------

    def _safe(self, n: int) -> bool:
        return all(self.known.sums.unclear(count, self.open) for count in self._targets(n))

    def _protect_base(self, value: Value) -> None:
        """Hides the smallest other values of the group that it takes."""
        base = self.known.bases[value]
        while not self.known.sums.unclear(base, self.open):
            shown = self._other_values(value)
            if not shown:
                return
            self._hide([next((one for one in shown if self._would_do(one, base)), shown[0])])

    def _other_values(self, value: Value) -> list[Value]:
        """The other values of a group that are shown, the smallest first."""
        shown = [(value[0], other) for other in self.known.values[value[0]] if (value[0], other) not in self.values]
        return sorted(
            (one for one in shown if one != value),
            key=lambda one: (self.known.sums.value[self.known.bases[one]], self.known.code_of(one) or one[1]),
        )

    def _would_do(self, value: Value, base: int) -> bool:
        """Whether a base would be protected by hiding another value."""
        with self._trial([value]):
            return self.known.sums.unclear(base, self.open)

    def _protect(self, n: int) -> None:
        """Hides the cheapest rows, or if these do not do values, that it takes to protect a row."""
        if self._safe(n):
            return
        taken: list[Offer] = []
        while offers := self._cheapest_offers(n, taken):
            enough = next((offer for offer in offers if self._would_protect([*taken, offer], n)), None)
            if enough is not None:
                taken = self._needed([*taken, enough], n)
                break
            taken += offers[: len(taken) + 1]  # none does it alone: ever more of them, of which what is needed is kept
        self._hide(one for offer in taken for one in offer)

    def _cheapest_offers(self, n: int, taken: Sequence[Offer]) -> list[Offer]:
        """The ways to protect a row that are worth a try, where some rows are hidden already for a trial."""
        hidden = self.rows
        self.rows = hidden.union(one for offer in taken for one in offer if isinstance(one, int))
        offers = sorted(self._offers(n), key=lambda offer: self._cost(offer, n))[:TRIES]
        self.rows = hidden
        return [*offers, *(offer for offer in self._offers_of_values(n) if offer not in taken)]

    def _needed(self, taken: list[Offer], n: int) -> list[Offer]:
        """Those of the offers taken without which a row is not protected, the dearest given up first."""
        for offer in sorted(taken, key=lambda offer: self._cost(offer, n), reverse=True) if len(taken) > 1 else ():
            others = [other for other in taken if other != offer]
            if self._would_protect(others, n):
                taken = others
        return taken

    def _would_protect(self, offers: Sequence[Offer], n: int) -> bool:
        with self._trial(one for offer in offers for one in offer):
            return self._safe(n)

    def _cost(self, offer: Offer, target: int) -> tuple[int, list[tuple[str, ...]]]:
        """How many respondents' worth of table an offer loses: of the row's own line, of others, and overall, last."""
        numbers = [n for one in offer for n in ([one] if isinstance(one, int) else self._rows_of(one))]
        rows = [self.known.rows[n] for n in numbers]
        here = self.known.rows[target]
        overall = sum(OVERALL for row in rows if row.group is None)
        lines = {(row.facet, row.group, row.code) for row in rows} - {(here.facet, here.group, here.code)}
        lost = overall + ELSEWHERE * len(lines) + sum(map(self.known.respondents, numbers))
        return lost, [self._place(n) for n in numbers]

    # ---- what could be hidden ---------------------------------------------------------------------------------------

    def _offers(self, n: int) -> Iterator[Offer]:
        """The ways to protect a row: rows to hide together."""
        row = self.known.rows[n]
        line = self.known.lines.get((row.facet, row.group, row.code), [])
        yield from ((other,) for other in self._shown(line))
        if row.facet in self.known.exclusive:
            yield from self._crossings(n, line)
            yield from self._trades(n)
        near = self._near([n])
        beyond = near | self._near(near & self.rows)
        # Further off only where people have one code, or where all that is near is hidden and has not been enough.
        far = beyond if row.facet in self.known.exclusive or not self._shown(near) else near
        for other in self._shown(sorted(far.difference(line))):
            yield from self._with_company(other, n)

    def _offers_of_values(self, n: int) -> Iterator[Offer]:
        """The value that a row is under, with another: then it is not known how many people are under it either."""
        row = self.known.rows[n]
        if row.group is not None and row.value is not None and (row.group, row.value) not in self.values:
            value = (row.group, row.value)
            yield from ((value, other) for other in self._other_values(value)[:VALUES])

    def _near(self, rows: Iterable[int]) -> set[int]:
        """The rows that are in one sum with some."""
        counts = {count for row in rows for count in self.known.counts[row].all[:2]}
        found = {other for count in counts for other in self.known.sums.around(count)}
        return {self.known.row_of[count] for count in found if count in self.known.row_of}

    def _shown(self, rows: Iterable[int]) -> list[int]:
        """Those that can still be hidden: zeros stay."""
        return [n for n in rows if n not in self.rows and self.known.comments(n)]

    def _crossings(self, n: int, line: Sequence[int]) -> Iterator[Offer]:
        """Another value and another code, so that people can be thought to have moved round the four places."""
        row = self.known.rows[n]
        for other in line:
            for beside in self.known.columns[(row.facet, row.group, row.value)]:
                value, code = self.known.rows[other].value, self.known.rows[beside].code
                across = self.known.at[(row.facet, row.group, value, code)]
                if n in (other, beside) or not all(map(self.known.comments, (other, beside, across))):
                    continue
                if offer := tuple(self._shown((other, beside, across))):
                    yield offer

    def _trades(self, n: int) -> Iterator[Offer]:
        """Another code overall and in each group, where this one is: people could move between them."""
        row, at = self.known.rows[n], self.known.at
        if at[(row.facet, None, None, row.code)] not in self.rows:
            return
        for other in self.known.tables.of(row.facet):
            rows: list[int | None] = [at[(row.facet, None, None, other.code)]]
            for group, values in self.known.values.items():
                here = [row.value] if group == row.group else values
                both = [
                    (at.get((row.facet, group, v, row.code)), at.get((row.facet, group, v, other.code))) for v in here
                ]
                there = [m for own, m in both if own in self.rows and m is not None and self.known.comments(m)]
                rows += [min(there, key=self._room, default=None)] if both != [(None, None)] * len(both) else []
            if (
                other.code != row.code
                and None not in rows
                and (offer := tuple(self._shown(m for m in rows if m is not None)))
            ):
                yield offer

    def _with_company(self, n: int, target: int) -> Iterator[Offer]:
        """A row with another of each line where it would be the only one hidden: one with little room, or with most."""
        row = self.known.rows[n]
        whole = self.known.at[(row.facet, None, None, row.code)]
        choices = []
        for group in self.known.values if row.group is None else [row.group]:
            line = self.known.lines.get((row.facet, group, row.code), [])
            if (row.group is None or whole not in self.rows) and not any(m in self.rows for m in line):
                others = [m for m in self._shown(line) if m != n]
                beside = [m for m in others if self._beside(m, target) in self.rows]
                choices.append(sorted(beside or others, key=self._room))
        for pick in (0,) if row.facet in self.known.exclusive else (0, 1, -1):
            yield tuple(dict.fromkeys((n, *(line[min(pick, len(line) - 1)] for line in choices if line))))

    def _room(self, n: int) -> tuple[bool, int, tuple[str, ...]]:
        """To order rows by: first the smallest of which as many can be taken as a small count may lack."""
        people = self.known.respondents(n)
        enough = people >= self.smallest
        return not enough, people if enough else -people, self._place(n)

    def _beside(self, n: int, target: int) -> int | None:
        """The row of the target's code under the same value."""
        row, wanted = self.known.rows[n], self.known.rows[target]
        return self.known.at.get((wanted.facet, row.group, row.value, wanted.code))


# ---- the tables without them ----------------------------------------------------------------------------------------


def _without(tables: Tables, plan: _Plan) -> Tables:
    rows = tuple(_as_published(n, row, plan) for n, row in enumerate(tables.rows))
    shown = replace(tables, rows=rows)
    overall = {(row.facet, row.code) for row in rows if row.group is None and row.status == SUPPRESSED}
    own = {group for group, _ in plan.values if group in plan.known.exclusive}
    return replace(
        shown,
        notes=tuple(_without_inferred(text, tables, own) for text in tables.notes),
        corrections=tuple(one for one in tables.corrections if (one.facet, one.code) not in overall),
        covariance={facet: _holes(found, shown.of(facet)) for facet, found in tables.covariance.items()},
        rest=_rest(shown, plan),
    )


def _as_published(n: int, row: Row, plan: _Plan) -> Row:
    if n not in plan.rows:
        return replace(row, inferred=None) if (row.facet, row.code) in plan.inferred else row
    told = row.group is None or (row.group, row.value) not in plan.values
    return _suppressed(row, row.base if told else None)


def _suppressed(row: Row, base: int | None) -> Row:
    return replace(
        row,
        comments=None,
        respondents=None,
        base=base,
        share=None,
        low=None,
        high=None,
        status=SUPPRESSED,
        inferred=None,
        comments_once=None,
        counted_share=None,
        checked=0,
    )


def _holes(found: Floats, rows: Sequence[Row]) -> Floats:
    """A covariance with NaN in the rows and columns of suppressed codes."""
    gone = [n for n, row in enumerate(rows) if row.status == SUPPRESSED]
    shown = np.array(found, dtype=float)
    shown[gone, :] = shown[:, gone] = np.nan
    return shown


def _rest(shown: Tables, plan: _Plan) -> dict[tuple[str, str, str, str], Estimate]:
    """The shares of those outside a value that tell nothing new: the total less a row that is shown.

    Where people are counted under several values, those outside one are a count of its own: it goes with any hidden
    cell of its line, and where it is small itself.
    """
    known = plan.known
    broken = {(row.facet, row.group, row.code) for row in shown.rows if row.status == SUPPRESSED}
    kept = {}
    for place, estimate in shown.rest.items():
        facet, group, value, code = place
        n = known.at.get((facet, group, value, code))
        if n is None or n in plan.rows or (facet, None, code) in broken:
            continue
        few = plan._small(estimate.n) or plan._small(round(estimate.value * estimate.n))
        if group in known.exact or not (few or (facet, group, code) in broken):
            kept[place] = estimate
    return kept


def _of_too_few(tables: Tables) -> Tables:
    """The overall rows without any number but how many respondents there are, and the notes without those on groups."""
    rows = tuple(_suppressed(row, row.base) for row in tables.rows if row.group is None)
    by = tuple(f"By {group}" for group in tables.groups)
    return replace(
        tables,
        rows=rows,
        notes=tuple(
            _without_inferred(text, tables, tables.headings) for text in tables.notes if not text.startswith(by)
        ),
        corrections=(),
        covariance={facet: np.full_like(found, np.nan) for facet, found in tables.covariance.items()},
        rest={},
    )


def _without_inferred(text: str, tables: Tables, facets: Iterable[str]) -> str:
    """The note on how many were inferred of some facets without its numbers, where a base would follow from them."""
    for facet in facets:
        name = tables.headings[facet]
        if text.startswith(f"{name}: inferred by the tool for "):
            return f"{name}: for how many it was inferred by the tool, given or not known is not shown ({MARK})."
    return text
