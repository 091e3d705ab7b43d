"""What can be worked back from published counts: the sums that hold among them, and what a hidden one could be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]

STEPS = 400  # of the quick search, before the thorough one
VISITS = 600  # to sums, while their bounds are narrowed
REACHES = (4, 8)  # sums away, where the thorough search looks first
NODES = 2000  # of the thorough search; where that is not enough, a value counts as impossible
INF = float("inf")


@dataclass(frozen=True)
class Rule:
    """A sum of counts that readers know to be from low to high; true: what it is."""

    terms: tuple[tuple[int, int], ...]  # (count, +1 or -1)
    low: float
    high: float
    true: int

    def short(self, change: int) -> float:
        """By how much the sum is out of its bounds after a change; above 0 where it is too small."""
        now = self.true + change
        return max(self.low - now, 0.0) + min(self.high - now, 0.0)


class Sums:
    """Whole counts, which of them are hidden, and the rules among them. A reader knows the rules and what is shown.

    A hidden count is known to be `least` or more.
    """

    def __init__(self) -> None:
        self.value: list[int] = []
        self.least: list[int] = []
        self.hidden: set[int] = set()
        self.rules: list[Rule] = []
        self.rules_of: list[list[tuple[int, int]]] = []
        self.ends: dict[int, tuple[int, int]] = {}  # the least and the most that a hidden count was found it could be
        self.trying = False

    def count(self, value: int, least: int = 0) -> int:
        """Takes in a count and gives its number."""
        self.value.append(value)
        self.least.append(min(least, value))
        self.rules_of.append([])
        return len(self.value) - 1

    def rule(self, plus: Iterable[int], minus: Iterable[int] = (), low: float = 0, high: float = INF) -> None:
        """Takes in that the counts of plus less those of minus are from low to high.

        What is not true nobody can know, so bounds that the counts do not keep are widened until they do.
        """
        terms: dict[int, int] = {}
        for n, sign in (*((n, 1) for n in plus), *((n, -1) for n in minus)):
            terms[n] = terms.get(n, 0) + sign
        kept = tuple((n, sign) for n, sign in terms.items() if sign)
        true = sum(sign * self.value[n] for n, sign in kept)
        for n, sign in kept:
            self.rules_of[n].append((len(self.rules), sign))
        self.rules.append(Rule(kept, min(low, true), max(high, true), true))

    def equal(self, plus: Iterable[int], minus: Iterable[int] = ()) -> None:
        """Takes in that readers know the difference of two sums exactly: most often that it is 0."""
        self.rule(plus, minus, INF, -INF)

    def hide(self, counts: Iterable[int]) -> None:
        """Hides counts."""
        self.hidden.update(counts)

    def may_be_none(self, counts: Iterable[int]) -> None:
        """Takes in that hidden counts are not known to be of anybody."""
        for n in counts:
            self.least[n] = 0

    def could_be(self, wanted: Mapping[int, int]) -> bool:
        """Whether, for all that readers can tell, the hidden counts named could have these values all at once."""
        if any(value < self.least[n] for n, value in wanted.items()):
            return False
        return self._moved(wanted) or (not self._ruled_out(wanted) and self._solved(wanted))

    def unclear(self, n: int, values: int) -> bool:
        """Whether, for all that readers can tell, a hidden count is one of so many values, from its least upwards."""
        low, high = self.ends.get(n, (self.value[n],) * 2)
        if high - low >= values - 1:
            return True
        low = next((value for value in range(self.least[n], low) if self.could_be({n: value})), low)
        return high - low >= values - 1 or self.could_be({n: low + values - 1})

    @contextmanager
    def trial(self, counts: Iterable[int]) -> Iterator[None]:
        """Hides counts for a while, to see what it would do."""
        before = set(self.hidden)
        self.hidden.update(counts)
        self.trying = True
        try:
            yield
        finally:
            self.hidden, self.trying = before, False

    def _found(self, world: Iterable[tuple[int, int]]) -> bool:
        """Keeps what counts could be: it stays possible while more is hidden."""
        if not self.trying:
            for n, value in world:
                low, high = self.ends.get(n, (self.value[n],) * 2)
                if not low <= value <= high:
                    self.ends[n] = (min(low, value), max(high, value))
        return True

    def around(self, n: int) -> set[int]:
        """The counts that are in a rule with one."""
        return {other for rule, _ in self.rules_of[n] for other, _ in self.rules[rule].terms}

    # ---- a quick search for hidden counts that fit ------------------------------------------------------------------

    def _moved(self, wanted: Mapping[int, int]) -> bool:
        """Whether other values are soon found: counts are moved one by one until all rules hold again."""
        now = {n: self.value[n] for n in wanted}
        change: dict[int, int] = {}
        ways = dict.fromkeys(wanted, 0)  # a count that was moved up is not moved down again, so that it ends
        for n, value in wanted.items():
            self._shift(n, value - self.value[n], now, change)
        for _ in range(STEPS):
            broken = next((rule for rule, by in change.items() if self.rules[rule].short(by)), None)
            if broken is None:
                return self._found(now.items())
            best = self._best_move(broken, now, change, ways)
            if best is None:
                return False
            ways[best[0]] = 1 if best[1] > 0 else -1
            self._shift(*best, now, change)
        return False

    def _shift(self, n: int, by: int, now: dict[int, int], change: dict[int, int]) -> None:
        now[n] = now.get(n, self.value[n]) + by
        for rule, sign in self.rules_of[n]:
            change[rule] = change.get(rule, 0) + sign * by

    def _best_move(
        self, broken: int, now: Mapping[int, int], change: Mapping[int, int], ways: Mapping[int, int]
    ) -> tuple[int, int] | None:
        """The hidden count of a broken rule, and by how much to move it, that breaks the fewest other rules."""
        short = self.rules[broken].short(change[broken])
        best: tuple[tuple[int, int], int, int] | None = None
        for n, sign in self.rules[broken].terms:
            if n not in self.hidden or ways.get(n, short * sign) * short * sign <= 0:
                continue
            by = max(int(short) * sign, self.least[n] - now.get(n, self.value[n]))
            if by:
                breaks = sum(1 for r, s in self.rules_of[n] if self.rules[r].short(change.get(r, 0) + s * by))
                cost = (breaks, -abs(by))
                if best is None or cost < best[0]:
                    best = (cost, n, by)
        return best[1:] if best else None

    # ---- a thorough one ---------------------------------------------------------------------------------------------

    def _ruled_out(self, wanted: Mapping[int, int]) -> bool:
        """Whether the bounds of the sums near by leave no room, each narrowing those of the next."""
        low, high = dict(wanted), {n: float(value) for n, value in wanted.items()}
        waiting = [rule for n in wanted for rule, _ in self.rules_of[n]]
        for rule in waiting:
            if len(waiting) > VISITS:
                return False
            moved = self._narrow(self.rules[rule], low, high)
            if moved is None:
                return True
            waiting += [other for n in moved for other, _ in self.rules_of[n] if other != rule]
        return False

    def _narrow(self, rule: Rule, low: dict[int, int], high: dict[int, float]) -> list[int] | None:
        """Narrows the bounds of the hidden counts of a rule and gives those that moved; None where no room is left."""
        ends, least, most = [], 0.0, 0.0
        for n, sign in rule.terms:
            hidden = n in self.hidden
            bottom = low.get(n, self.least[n] if hidden else self.value[n])
            top = high.get(n, INF if hidden else bottom)
            ends.append((n, sign, bottom, top, hidden))
            least += bottom if sign > 0 else -top
            most += top if sign > 0 else -bottom
        if least > rule.high or most < rule.low:
            return None
        moved = []
        for n, sign, bottom, top, hidden in ends:
            if not hidden:
                continue
            # What the others leave to this one; where one of them has no bound, that is no bound either.
            others_least = least - (bottom if sign > 0 else -top) if least > -INF else -INF
            others_most = most - (top if sign > 0 else -bottom) if most < INF else INF
            ups, downs = rule.high - others_least, rule.low - others_most
            new_low, new_high = (downs, ups) if sign > 0 else (-ups, -downs)
            if new_low > bottom or new_high < top:
                low[n], high[n] = int(max(bottom, new_low)), min(top, new_high)
                moved.append(n)
        return moved

    def _solved(self, wanted: Mapping[int, int]) -> bool:
        """Whether whole numbers exist that keep all rules; looked for near by first, then everywhere."""
        for steps in (*REACHES, len(self.value)):
            counts = self._reach(wanted, steps)
            every = sorted({rule for n in counts for rule, _ in self.rules_of[n]})
            free = self.hidden.difference(counts)
            inner = [rule for rule in every if not any(n in free for n, _ in self.rules[rule].terms)]
            if (world := self._world(wanted, counts, every)) is not None:  # by changing these counts alone
                return self._found(zip(counts, world, strict=True))
            if len(inner) == len(every) or self._world(wanted, counts, inner) is None:  # nor with the others free
                return False
        return False

    def _world(self, wanted: Mapping[int, int], counts: Sequence[int], rules: Sequence[int]) -> list[int] | None:
        """Values of these counts that keep these rules while all others stay (HiGHS, by way of SciPy)."""
        matrix, low, true, high = self._whole
        within = matrix[rules][:, counts]
        shown = true[rules] - within @ np.array([self.value[n] for n in counts], float)
        found = milp(
            np.zeros(len(counts)),
            constraints=LinearConstraint(within, low[rules] - shown, high[rules] - shown),
            integrality=np.ones(len(counts)),
            bounds=Bounds(
                np.array([wanted.get(n, self.least[n]) for n in counts], float),
                np.array([wanted.get(n, INF) for n in counts], float),
            ),
            options={"node_limit": NODES},
        )
        if found.x is None:
            return None
        world = np.rint(found.x)
        sums = within @ world + shown
        if np.any(sums < low[rules]) or np.any(sums > high[rules]):  # whole numbers only within a tolerance
            return None
        return [int(value) for value in world.tolist()]

    @cached_property
    def _whole(self) -> tuple[csr_array, Floats, Floats, Floats]:
        """All rules (rules × counts), and the least, the true and the greatest value of each; for when all are in."""
        entries = [(k, n, sign) for k, rule in enumerate(self.rules) for n, sign in rule.terms]
        rows, columns, signs = (np.array(part) for part in zip(*entries, strict=True))
        matrix = csr_array((signs.astype(float), (rows, columns)), shape=(len(self.rules), len(self.value)))
        low, true, high = (np.array([getattr(rule, end) for rule in self.rules]) for end in ("low", "true", "high"))
        return matrix, low, true, high

    def _reach(self, wanted: Mapping[int, int], steps: int) -> Sequence[int]:
        """The hidden counts that are so many rules away from those wanted, or fewer."""
        counts, rules, edge = dict.fromkeys(wanted), set[int](), list(wanted)
        for _ in range(steps):
            new = [rule for n in edge for rule, _ in self.rules_of[n] if rule not in rules]
            rules.update(new)
            edge = [n for n in dict.fromkeys(n for r in new for n, _ in self.rules[r].terms) if n in self.hidden]
            edge = [n for n in edge if n not in counts]
            counts.update(dict.fromkeys(edge))
            if not edge:
                break
        return tuple(counts)
