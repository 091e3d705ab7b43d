"""What a reader of frequency tables knows of their counts: every sum and bound that follows from how they were made."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.counting.grouping import INFERRED, NO_CODE, NOT_GIVEN
from pipeline.counting.tables import Row, Tables
from pipeline.counting.working_back import Sums

Line = tuple[str, str | None, str]  # facet, group, code
Column = tuple[str, str | None, str | None]  # facet, group, value
Value = tuple[str, str]  # group, value

CODED = r"([\d,]+) comments? coded\. "
ONCE = r"with each campaign counted once there would be ([\d,]+) comment"
SEVERAL = "By {}: ([\\d,]+) respondents? counted under more than one value"
KNOWN = "^{}: inferred by the tool for .* not known for ([\\d,]+)"
INF = float("inf")


@dataclass(frozen=True)
class Counts:
    """The numbers of one row's counts among the sums."""

    respondents: int
    comments: int
    once: int
    inferred: int

    @property
    def all(self) -> tuple[int, ...]:
        """All of them."""
        return (self.respondents, self.comments, self.once, self.inferred)


class Known:
    """The counts of tables, by row and by value of a group, with all that readers know of them.

    twins: rows that are the same count under two names, as where theme A by theme B is theme B by theme A.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables, self.rows = tables, tables.rows
        self.sums = Sums()
        self.at = {(row.facet, row.group, row.value, row.code): n for n, row in enumerate(self.rows)}
        self.lines: dict[Line, list[int]] = {}
        self.columns: dict[Column, list[int]] = {}
        self.values: dict[str, list[str]] = {}
        self.bases: dict[Value, int] = {}
        self.counts = [self._counts(n, row) for n, row in enumerate(self.rows)]
        self.row_of = {count: n for n, counts in enumerate(self.counts) for count in counts.all}
        self.twins: dict[int, list[int]] = {}
        self.exclusive = {facet for facet in tables.headings if (facet, None, None, "") not in self.at}
        self.codes = {facet: _by_name(tables.of(facet)) for facet in tables.headings}
        self.exact = {group for group in self.values if self._base_of(group) == tables.base}
        self._about_rows()
        self._about_bases()
        self._about_lines()
        self._about_columns()
        for group in self.values:
            if group in self.exclusive:
                self._about_own_values(group)
            elif group in tables.headings:
                self._about_codes_of(group)

    def _counts(self, n: int, row: Row) -> Counts:
        """Takes in a row. A hidden count is of somebody, but for respondents none of whose comments has a code."""
        if row.group is not None and row.value is not None:
            self.lines.setdefault((row.facet, row.group, row.code), []).append(n)
            if (row.group, row.value) not in self.bases:
                self.values.setdefault(row.group, []).append(row.value)
                self.bases[(row.group, row.value)] = self.sums.count(row.base or 0, 1)
        self.columns.setdefault((row.facet, row.group, row.value), []).append(n)
        add = self.sums.count
        people = add(row.respondents or 0, 1 if row.code else 0)
        return Counts(people, add(row.comments or 0, 1), add(row.comments_once or 0, 1), add(row.inferred or 0))

    def _base_of(self, group: str) -> int:
        return sum(self.sums.value[self.bases[(group, value)]] for value in self.values[group])

    def code_of(self, value: Value) -> str | None:
        """The code that a value of a facet is, None where it is none or is two codes of one name."""
        group, name = value
        found = self.codes.get(group, {}).get(name, [])
        return found[0] if len(found) == 1 else None

    def each(self) -> Iterator[tuple[Row, Counts]]:
        """Each row with its counts."""
        return zip(self.rows, self.counts, strict=True)

    def respondents(self, n: int) -> int:
        """The respondents of a row."""
        return self.sums.value[self.counts[n].respondents]

    def comments(self, n: int) -> int:
        """The comments of a row."""
        return self.sums.value[self.counts[n].comments]

    def _people(self, rows: Iterable[int]) -> list[int]:
        return [self.counts[n].respondents for n in rows]

    def _comments(self, rows: Iterable[int]) -> list[int]:
        return [self.counts[n].comments for n in rows]

    # ---- within a row, down a column, along a line ------------------------------------------------------------------

    def _about_rows(self) -> None:
        """Nobody is counted who did not comment; nobody is inferred who is not counted; the base holds them all."""
        for row, one in self.each():
            self.sums.rule([one.comments], [one.respondents])
            self.sums.rule([one.comments], [one.once])
            if row.facet in self.exclusive:
                self.sums.rule([one.respondents], [one.inferred])
            if row.group is not None and row.value is not None:
                self.sums.rule([self.bases[(row.group, row.value)]], [one.respondents])
            else:
                self.sums.rule([one.respondents], high=self.tables.base)

    def _about_bases(self) -> None:
        """The bases of a group add up to all respondents, and more where the notes say so."""
        base = self.tables.base
        for group, values in self.values.items():
            bases = [self.bases[(group, value)] for value in values]
            several = _told(SEVERAL.format(re.escape(group)), self.tables.notes)
            if group in self.exact or several is None:
                self.sums.equal(bases)
            else:
                self.sums.rule(bases, low=base + several, high=base + several * (len(values) - 1))
            for one in bases:
                self.sums.rule([one], high=base)

    def _about_lines(self) -> None:
        """A code over the values of a group: its counts add up to those of all respondents, or to no less."""
        for (facet, group, code), line in self.lines.items():
            whole = self.at.get((facet, None, None, code))
            if group is None or whole is None:
                continue
            over = 0 if group in self.exact else self._base_of(group) - self.tables.base
            apart = group not in self.tables.headings or group in self.exclusive  # each comment under one value
            own = self.counts[whole]
            self.sums.rule(self._people(line), [own.respondents], 0, over)
            self.sums.rule(self._comments(line), [own.comments], 0, 0 if apart else INF)
            self.sums.rule([self.counts[n].once for n in line], [own.once])
            if facet in self.exclusive:
                self.sums.rule([self.counts[n].inferred for n in line], [own.inferred], 0, over)
            for one in (self.counts[n] for n in line):
                # Who has no code in one answer may have one in another, so is not among those who have none at all.
                for part, of in list(zip(one.all[:3], own.all[:3], strict=True))[not code :]:
                    self.sums.rule([of], [part])

    def _about_columns(self) -> None:
        """All codes of a facet together hold everybody, with those who have none; an exclusive one each person once."""
        coded = self.tables.comments or _told(CODED, self.tables.notes)
        once = _told(ONCE, self.tables.notes)
        for (facet, group, value), column in self.columns.items():
            if facet in self.exclusive:
                self._about_kinds(facet, group, value)
                continue
            without = [n for n in column if not self.rows[n].code]
            base = [self.bases[(group, value)]] if group is not None and value is not None else []
            people = 0 if base else self.tables.base
            self.sums.rule(self._people(column), base, people)
            for n in column:
                if n not in without:
                    self.sums.rule(self._people([n, *without]), base, -INF, people)
                    if group is None and coded is not None:
                        self.sums.rule(self._comments([n, *without]), high=coded)
            if group is None and coded is not None:
                self.sums.rule(self._comments(column), low=coded)
                self.sums.rule((self.counts[n].once for n in column), low=coded if once is None else once)

    def _about_kinds(self, facet: str, group: str | None, value: str | None) -> None:
        """People of all kinds together are the base, but for those not known, and those counted as more than one."""
        column, whole = self.columns[(facet, group, value)], self.columns[(facet, None, None)]
        heading = re.escape(self.tables.headings[facet])
        unknown = _told(KNOWN.format(heading), self.tables.notes)
        gap = self.tables.base if unknown is None else unknown
        known = self.tables.base - gap
        twice = max(sum(map(self.respondents, whole)) - known, 0)
        if group is None or value is None:
            self.sums.rule(self._people(column), low=known, high=known + twice)
            if unknown is not None:
                self.sums.equal(self.counts[n].inferred for n in column)
        else:  # who is under several values may be known under one and not under another
            low = -gap if group in self.exact else -INF
            self.sums.rule(self._people(column), [self.bases[(group, value)]], low, twice)

    # ---- groups that are facets -------------------------------------------------------------------------------------

    def _about_codes_of(self, group: str) -> None:
        """The values are codes, of which people have several: their bases and tables are found elsewhere again."""
        for value in self.values[group]:
            names = self.codes[group].get(value, [])
            whole = [self.at[(group, None, None, code)] for code in names]
            for n in whole:
                self.sums.rule([self.bases[(group, value)]], self._people([n]))
            if names:
                self.sums.rule(self._people(whole), [self.bases[(group, value)]])
            if value == NO_CODE:
                self._about_those_without(group)
            if len(names) == 1:
                self._same(self.at.get((group, group, value, names[0])), whole[0])
                self._about_both(group, value, names[0])

    def _about_those_without(self, group: str) -> None:
        """Who has a comment without a code: all who have none at all, and no more than there are such comments."""
        base, without = self.bases[(group, NO_CODE)], self.counts[self.at[(group, None, None, "")]]
        self.sums.rule([base], [without.respondents])
        self.sums.rule([without.comments], [base])

    def _about_both(self, group: str, value: str, code: str) -> None:
        """Comments with this code and one of another facet are found under that facet's value too."""
        for facet in self.tables.headings:
            for row in (self.rows[n] for n in self.columns.get((facet, group, value), [])):
                here = self.at[(facet, group, value, row.code)]
                name = self.rows[self.at[(facet, None, None, row.code)]].name
                there = self.at.get((group, facet, name, code))
                if there is None or (row.code and self.code_of((facet, name)) is None):
                    continue
                if row.code and facet not in self.exclusive:
                    self._same(here, there)
                elif not row.code:
                    self.sums.equal(self._comments([here]), self._comments([there]))
                    self.sums.rule(self._people([there]), self._people([here]))

    def _same(self, here: int | None, there: int | None) -> None:
        if here is None or there is None or here == there:
            return
        for one, other in zip(self.counts[here].all[:3], self.counts[there].all[:3], strict=True):
            self.sums.equal([one], [other])
        self.twins.setdefault(here, []).append(there)
        self.twins.setdefault(there, []).append(here)

    def _about_own_values(self, group: str) -> None:
        """The values are what people are, said or inferred: those of whom it was said are the rest of the row's."""
        for value in self.values[group]:
            code = self.code_of((group, value))
            if code is None or value == NOT_GIVEN:
                continue
            guessed = value + INFERRED
            whole = self.counts[self.at[(group, None, None, code)]]
            self.sums.equal([self.bases[(group, value)], whole.inferred], [whole.respondents])
            if (base := self.bases.get((group, guessed))) is not None:
                self.sums.rule([base], [whole.inferred])
                self.sums.rule([whole.respondents], [base])
            for facet in self.tables.headings:
                for n in self.columns.get((facet, group, value), []):
                    self._about_said(n, self.at.get((facet, group, guessed, self.rows[n].code)), group, code)

    def _about_said(self, said: int, guessed: int | None, group: str, code: str) -> None:
        """What people of a kind said of a code is found again where that code is the value and their kind the row."""
        row = self.rows[said]
        other = self.rows[self.at[(row.facet, None, None, row.code)]].name
        there = self.at.get((group, row.facet, other, code))
        if there is None or (row.code and self.code_of((row.facet, other)) is None):
            return
        both = [said] if guessed is None else [said, guessed]
        self.sums.equal(self._comments(both), self._comments([there]))
        if row.code:
            whole = self.counts[there]
            self.sums.equal([self.counts[said].respondents, whole.inferred], [whole.respondents])
            self.sums.rule(self._people(both), [whole.respondents])


def _by_name(rows: Sequence[Row]) -> Mapping[str, list[str]]:
    """The codes by the names they are printed with."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.code:
            found.setdefault(row.name, []).append(row.code)
    return found


def _told(pattern: str, notes: Sequence[str]) -> int | None:
    """The number that a note tells, None where none does."""
    found = next((match for note in notes if (match := re.search(pattern, note))), None)
    return int(found[1].replace(",", "")) if found else None
