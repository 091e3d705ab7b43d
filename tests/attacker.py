"""Somebody who tries to work suppressed counts back from everything that published tables print.

Written without a look at how they are suppressed: it reads the tables as a reader does, and what it knows of how they
were counted is what their notes say. Whole numbers are searched with SciPy's `milp`, for the least and the most that
each hidden count can be.
"""

import re
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from pipeline.counting.tables import SUPPRESSED
from pipeline.learning.evaluation import wilson

MANY = 10_000


def number(pattern, notes):
    found = next((match for text in notes if (match := re.search(pattern, text))), None)
    return int(found[1].replace(",", "")) if found else None


@dataclass
class Attacker:
    """What can be known of the counts of published tables. single: everybody is known to have one kind only."""

    tables: object
    single: bool = False
    low: list = field(default_factory=list)
    high: list = field(default_factory=list)
    sums: list = field(default_factory=list)
    least: dict = field(default_factory=dict)
    most: dict = field(default_factory=dict)

    def __post_init__(self):
        t = self.tables
        self.exclusive = {f for f in t.headings if all(row.code for row in t.of(f))}
        self.n = {}
        self.bases = {}
        for row in t.rows:
            self.read_row(row)
        self.several = {
            g: number(rf"^By {re.escape(g)}: ([\d,]+) respondents? counted under more", t.notes) for g in t.groups
        }
        self.coded = number(r"^([\d,]+) comments? coded\.", t.notes)
        self.unknown = {
            f: number(rf"^{re.escape(h)}: inferred.* not known for ([\d,]+)", t.notes) for f, h in t.headings.items()
        }
        for row in t.rows:
            self.within(row)
        for facet in t.headings:
            for group in (None, *t.groups):
                self.across_codes(facet, group)
                if group is not None:
                    self.across_values(facet, group)
        for group in t.groups:
            self.bases_of(group)
            if group in t.headings and group not in self.exclusive:
                self.codes_as_values(group)
        self.use_rest_and_corrections()

    # ---- reading ----

    def variable(self, low, high=None):
        self.low.append(low)
        self.high.append(low if high is None else high)
        return len(self.low) - 1

    def read_row(self, row):
        t, place = self.tables, (row.facet, row.group, row.value, row.code)
        base = row.base if row.base is not None else None
        if row.group is not None and (row.group, row.value) not in self.bases:
            self.bases[row.group, row.value] = self.variable(1, t.base) if base is None else self.variable(base)
        told = row.respondents if row.respondents is not None else self.from_share(row, base)
        if row.status != SUPPRESSED:
            counts = (row.respondents, row.comments, row.comments_once)
            self.n[place] = (*map(self.variable, counts), self.inferred(row, 0))
            return
        # A mark stands for somebody, but where the whole value is marked, noughts and all.
        least = 0 if row.base is None else 1
        people = self.variable(least if row.code else 0, t.base) if told is None else self.variable(told)
        self.n[place] = (people, self.variable(least, MANY), self.variable(least, MANY), self.inferred(row, 0))

    def inferred(self, row, least):
        return self.variable(least, self.tables.base) if row.inferred is None else self.variable(row.inferred)

    @staticmethod
    def from_share(row, base):
        """Counts that a share or an interval left standing would tell."""
        for share in (row.share, row.counted_share):
            if share is not None and base:
                return round(share * base)
        if row.low is not None and base:
            return min(range(base + 1), key=lambda n: abs(wilson(n, base)[0] - row.low))
        return None

    def knows(self, plus, minus=(), low=0.0, high=0.0):
        self.sums.append(([(n, 1) for n in plus] + [(n, -1) for n in minus], low, high))

    # ---- what is known ----

    def within(self, row):
        people, comments, once, inferred = self.n[row.facet, row.group, row.value, row.code]
        self.knows([comments], [people], 0, np.inf)
        self.knows([comments], [once], 0, np.inf)
        if row.facet in self.exclusive:
            self.knows([people], [inferred], 0, np.inf)
        if row.group is not None:
            self.knows([self.bases[row.group, row.value]], [people], 0, np.inf)

    def across_codes(self, facet, group):
        rows = {}
        for row in self.tables.of(facet, group):
            rows.setdefault(row.value, []).append(self.n[facet, group, row.value, row.code])
        for value, found in rows.items():
            base = [] if group is None else [self.bases[group, value]]
            n = self.tables.base if group is None else 0
            people = [one[0] for one in found]
            if facet in self.exclusive:
                gap = self.unknown[facet]
                if gap is not None and (group is None or self.several[group] is None):
                    exactly = self.single and (group is None or gap == 0)
                    self.knows(people, base, n - gap, n - gap if exactly else np.inf)
                if self.single:
                    self.knows(people, base, -np.inf, n)
                continue
            self.knows(people, base, n, np.inf)
            *codes, without = found
            for one in codes:
                self.knows([one[0], without[0]], base, -np.inf, n)
            if group is None and self.coded is not None:
                self.knows([one[1] for one in found], (), self.coded, np.inf)
                for one in codes:
                    self.knows([one[1], without[1]], (), -np.inf, self.coded)

    def across_values(self, facet, group):
        lines = {}
        for row in self.tables.of(facet, group):
            lines.setdefault(row.code, []).append(self.n[facet, group, row.value, row.code])
        comments_part = group not in self.tables.headings or group in self.exclusive
        more = (self.several[group] or 0) * (len({v for g, v in self.bases if g == group}) - 1)
        for code, line in lines.items():
            whole = self.n[facet, None, None, code]
            self.knows([one[0] for one in line], [whole[0]], 0, more)
            self.knows([one[1] for one in line], [whole[1]], 0, 0 if comments_part else np.inf)
            self.knows([one[2] for one in line], [whole[2]], 0, np.inf)
            if facet in self.exclusive:
                self.knows([one[3] for one in line], [whole[3]], 0, more)
            for one in line:
                # Who has no code in one answer may have one in another: only their comments are among all those.
                for part in (0, 1, 2) if code else (1, 2):
                    self.knows([whole[part]], [one[part]], 0, np.inf)

    def bases_of(self, group):
        bases = [n for (g, _), n in self.bases.items() if g == group]
        n = self.several[group] or 0
        self.knows(bases, (), self.tables.base + n, self.tables.base + n * (len(bases) - 1))

    def codes_as_values(self, group):
        """A table of themes by themes is read from both sides, and its bases are the counts of the themes."""
        t = self.tables
        names = {row.code: row.name for row in t.of(group) if row.code}
        for code, name in names.items():
            if (group, name) not in self.bases:
                continue
            self.knows([self.bases[group, name]], [self.n[group, None, None, code][0]])
            for row in t.rows:
                here = self.n.get((row.facet, group, name, row.code))
                there = self.n.get((group, row.facet, row.name, code))
                if row.group is None and row.code and row.facet not in self.exclusive and here and there:
                    for one, other in zip(here[:2], there[:2], strict=True):
                        self.knows([one], [other])

    def use_rest_and_corrections(self):
        for (facet, group, value, code), estimate in self.tables.rest.items():
            one, whole = self.n[facet, group, value, code], self.n[facet, None, None, code]
            if self.several[group] is None:
                self.knows([whole[0]], [one[0]], *[round(estimate.value * estimate.n)] * 2)
        for one in self.tables.corrections:
            n = one.decided_with + one.given
            self.knows([self.n[one.facet, None, None, one.code][0]], (), n, n)

    # ---- solving ----

    def solve(self, aims, presolve=True):
        """One way all counts could be, as far as can be known, that makes the aimed-at sum as small as can be."""
        cost = np.zeros(len(self.low))
        for n, sign in aims.items():
            cost[n] = sign
        found = self.milp(cost, presolve)
        if found.x is None:  # HiGHS's presolve now and then finds no way where there is one
            found = self.milp(cost, False)
        assert found.x is not None, f"the published tables contradict themselves: {found.message}"
        counts = np.rint(found.x).astype(int)
        for n in range(len(counts)):
            self.least[n] = min(self.least.get(n, MANY), counts[n])
            self.most[n] = max(self.most.get(n, 0), counts[n])
        return counts

    def milp(self, cost, presolve):
        whole = np.ones(len(cost))
        bounds = Bounds(self.low, self.high)
        return milp(
            cost, constraints=self.constraints, integrality=whole, bounds=bounds, options={"presolve": presolve}
        )

    @property
    def constraints(self):
        if not hasattr(self, "_constraints"):
            entries = [(k, n, sign) for k, (terms, _, _) in enumerate(self.sums) for n, sign in terms]
            rows, columns, signs = zip(*entries, strict=True)
            matrix = coo_array((signs, (rows, columns)), shape=(len(self.sums), len(self.low))).tocsr()
            lows, highs = ([one[end] for one in self.sums] for end in (1, 2))
            self._constraints = LinearConstraint(matrix, lows, highs)
        return self._constraints

    def narrowed(self, aims, values, seed=0):
        """The hidden counts aimed at that can be fewer than so many values, with the least and the most of each."""
        random = np.random.default_rng(seed)
        for _ in range(6):  # a few ways at random soon show of most that they cannot be narrowed
            self.solve(dict(zip(aims, random.choice([-1, 1], len(aims)).tolist(), strict=True)))
        found = {}
        for n in aims:
            for sign, presolve in ((1, True), (-1, True), (1, False), (-1, False)):
                if self.most[n] - self.least[n] < values - 1:
                    self.solve({n: sign}, presolve)
            if self.most[n] - self.least[n] < values - 1:
                found[n] = (int(self.least[n]), int(self.most[n]))
        return found


def worked_back(tables, published, smallest, single=False):
    """The small counts of tables that the published ones give away: place → (kind, count, least, most)."""
    attacker = Attacker(published, single)
    aims = {}
    for row in tables.rows:
        place = (row.facet, row.group, row.value, row.code)
        for kind, count in ((0, row.respondents), (1, row.comments)):
            if 0 < count < smallest:
                aims[attacker.n[place][kind]] = (place, ("respondents", "comments")[kind], count)
        if row.group is not None and 0 < row.base < smallest:
            aims[attacker.bases[row.group, row.value]] = ((row.group, row.value), "base", row.base)
    found = attacker.narrowed(list(aims), max(smallest - 1, 2))
    return {(*aims[n][:2],): (aims[n][2], *ends) for n, ends in found.items()}
