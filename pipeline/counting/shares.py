"""Shares corrected with a check sample: what people would have found, had they read everything. Arithmetic only.

A unit is a respondent. Some are *decided*: people decided all their comments. Of the others a random sample was coded
by people who did not see the machine's codes. A share is of all units of the run, so that its interval allows for what
was not read, and for nothing else: where everything was read it has no width.

The arrays of `Counts` and `Shares` may have any shape with the codes of one facet along the last axis; as a rule
(codes) for all respondents and (values × codes) for a group. Everything can be followed in a spreadsheet, for one code:

    M = given + not_given,  W1 = given / M,  W0 = not_given / M,  N = decided + M
    p1 = given_found / given_checked                        (1 where none is checked: the machine is believed)
    p0 = not_given_found / not_given_checked                (0 where none is checked)
    t = W1 p1 + W0 p0                                       corrected share of those not decided
    q = (found + 0.5) / (checked + 1)                       on each side, never quite 0 or 1
    v = sum over both sides of W^2 q (1 - q) / checked (1 - checked / units)
    k = v / (s (1 - s)),  s = W1 q1 + W0 q0                 1 / k is how many randomly read units t is worth
    ends = (t + z^2 k / 2 ± z sqrt(k t (1 - t) + z^2 k^2 / 4)) / (1 + z^2 k)              z = 1.96, Wilson's interval
    share = W1 + pull (t - W1)
    each of these as a share of all: (decided_with + M ·) / N
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, norm

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]
Bools = npt.NDArray[np.bool_]

Z = float(norm.ppf(0.975))

# With fewer, nothing is learned about a group: in groups of the benchmark sets (as tests/bench_shares.py prints) a
# corrected share was further from the truth than the count it corrects, or than the sample's, in one group in four with
# 5 checked, in one in twelve with 10 and one in a hundred with 20, and in none with 30; its interval was then ±8 points
# on average.
FEWEST_CHECKED = 30

HALF = 0.5  # Jeffreys' half a unit with the code and half a unit without it
ROOM = 0.8  # of the way from the corrected share to an end of its interval, which the pull never takes it beyond
MOST = 3.84  # of a squared error in units of its variance: no single code decides how far the others are pulled
STEPS = 50  # of halving; a share is then exact to a part in 10^15


# ---- counts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """Numbers of units, arrays of one shape with codes last; meanings as in `pipeline.counting.tables.Correction`.

    given, not_given: of those not decided, the units to which the machine gave the code or did not; *_checked of them
    are in the sample, *_found of these have the code by people. In a stratified sample checked is the number of equally
    weighted units that the weighted ones are worth (Kish, Survey Sampling, 1965), and found its part with the code.
    """

    decided: Floats
    decided_with: Floats
    given: Floats
    given_checked: Floats
    given_found: Floats
    not_given: Floats
    not_given_checked: Floats
    not_given_found: Floats

    @property
    def base(self) -> Floats:
        """All units."""
        return self.decided + self.given + self.not_given

    @property
    def checked(self) -> Floats:
        """Units of the sample that are not decided."""
        return self.given_checked + self.not_given_checked


def count(
    machine: Bools,
    decided: Bools,
    sampled: Ints,
    said: Floats,
    weight: Floats | None = None,
    group: Ints | None = None,
    values: int = 0,
) -> Counts:
    """Counts of a facet, (codes) or, where a group is given, (values × codes).

    machine: (units × codes), whether any comment of the unit has the code, by people where they decided it. decided:
    (units), or (units × codes). sampled: (n) rows of the units that people coded blind, each at most once; those that
    are decided are left out. said: (n × codes) from 0 to 1, the mean over the coders of the unit. weight: (n) units of
    the stratum / units of it that were sampled; None for a simple sample. group: (units) from 0 to values - 1, below 0
    for no value; a unit that has several values must be there once for each, and so must its row of the sample.
    """
    where = np.zeros(len(machine), dtype=np.int_) if group is None else group
    rows = max(values, 1)
    known = np.broadcast_to(decided.reshape(len(machine), -1), machine.shape)
    weighing = np.ones(len(sampled)) if weight is None else weight
    of, open_ = where[sampled], ~known[sampled]

    def side(on: Bools) -> tuple[Floats, Floats]:
        """Checked and found of the units that the machine gave the code, or did not."""
        w = weighing[:, None] * (on & open_)
        total, squares, found = (_by(x, of, rows) for x in (w, w * weighing[:, None], w * said))
        mean = total / np.where(squares > 0, squares, 1.0)
        return total * mean, found * mean

    (given_checked, given_found), (not_checked, not_found) = side(machine[sampled]), side(~machine[sampled])
    parts = (
        *(_by(known, where, rows), _by(known & machine, where, rows)),
        *(_by(~known & machine, where, rows), given_checked, given_found),
        *(_by(~known & ~machine, where, rows), not_checked, not_found),
    )
    return Counts(*(part if group is not None else part[0] for part in parts))


def _by(units: npt.NDArray[np.generic], group: Ints, values: int) -> Floats:
    """Sums of the columns by group: (units × codes) → (values × codes)."""
    inside = group >= 0
    of = group[inside]
    columns = [np.bincount(of, weights=column[inside], minlength=values) for column in units.T]
    return np.stack(columns, axis=-1) if columns else np.zeros((values, 0))


# ---- shares ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shares:
    """Shares of all units, 0 to 1, all arrays of the shape of the counts.

    value: the estimate, low and high its 95 % interval. machine: the share as counted, by people where they decided.
    full: the share with the whole correction; value = machine + pull (full - machine), pull from 0 to 1. variance: of
    full. Where nothing was checked nor all decided, value is as counted and low and high are what could be.
    """

    value: Floats
    low: Floats
    high: Floats
    machine: Floats
    full: Floats
    pull: Floats
    variance: Floats


@dataclass(frozen=True)
class _Open:
    """The units that are not decided: their share by the machine (raw), after the sample (share), and with half units
    added (smooth); variance of `share`."""

    raw: Floats
    share: Floats
    smooth: Floats
    variance: Floats


def corrected(counts: Counts) -> Shares:
    """Shares corrected with the check sample, and their intervals.

    The corrected share is the difference estimator with a tuned slope, which for codes that are given or not is
    post-stratification by them (Angelopoulos, Duchi, Zrnic, "PPI++", 2023; Särndal, Swensson, Wretman, Model Assisted
    Survey Sampling, 1992). Its interval is Wilson's for as many units as the share is worth (after Korn and Graubard,
    Survey Methodology 24, 1998, who take Clopper and Pearson's). The estimate is then pulled back to the count, by as
    much as the errors of all codes of the facet show that the count is good (see `_pull`), but stays inside.
    """
    base, units = counts.base, counts.given + counts.not_given
    open_ = _open(counts)
    low, high = _wilson(open_)
    unread = (counts.checked <= 0) & (units > 0)
    low, high = np.where(unread, 0.0, low), np.where(unread, 1.0, high)
    pull = np.where(unread, 0.0, _within(open_, low, high, _pull(open_, counts.checked)))

    def of_all(share: Floats) -> Floats:
        return np.asarray((counts.decided_with + units * share) / np.maximum(base, 1.0))

    return Shares(
        value=of_all(open_.raw + pull * (open_.share - open_.raw)),
        low=of_all(low),
        high=of_all(high),
        machine=of_all(open_.raw),
        full=of_all(open_.share),
        pull=pull,
        variance=np.asarray(open_.variance * (units / np.maximum(base, 1.0)) ** 2),
    )


def _open(counts: Counts) -> _Open:
    units = np.maximum(counts.given + counts.not_given, 1.0)
    w1, w0 = counts.given / units, counts.not_given / units
    q1 = (counts.given_found + HALF) / (counts.given_checked + 2 * HALF)
    q0 = (counts.not_given_found + HALF) / (counts.not_given_checked + 2 * HALF)
    return _Open(
        raw=w1,
        share=w1 * _rate(counts.given_found, counts.given_checked, 1.0)
        + w0 * _rate(counts.not_given_found, counts.not_given_checked, 0.0),
        smooth=w1 * q1 + w0 * q0,
        variance=w1**2 * _variance(q1, counts.given_checked, counts.given)
        + w0**2 * _variance(q0, counts.not_given_checked, counts.not_given),
    )


def _rate(found: Floats, checked: Floats, unknown: float) -> Floats:
    """Share of the checked units; where none is checked the machine is believed."""
    return np.where(checked > 0, found / np.where(checked > 0, checked, 1.0), unknown)


def _variance(rate: Floats, checked: Floats, units: Floats) -> Floats:
    """Of the rate of so many units when some are checked; with none checked, that of a toss of a coin, twice over."""
    unread = np.clip(1.0 - checked / np.maximum(units, 1.0), 0.0, 1.0)
    return np.asarray(rate * (1.0 - rate) / np.maximum(checked, HALF) * unread)


def _wilson(open_: _Open) -> tuple[Floats, Floats]:
    """Wilson's interval of the share at 1 / k units; k is 0, and the interval a point, where all units are checked."""
    k = open_.variance / np.maximum(open_.smooth * (1.0 - open_.smooth), np.finfo(np.float64).tiny)
    centre = open_.share + Z * Z * k / 2
    half = Z * np.sqrt(np.maximum(k * open_.share * (1.0 - open_.share), 0.0) + (Z * k / 2) ** 2)
    low, high = (centre - half) / (1 + Z * Z * k), (centre + half) / (1 + Z * Z * k)
    return np.clip(low, 0.0, open_.share), np.clip(high, open_.share, 1.0)


def _pull(open_: _Open, checked: Floats) -> Floats:
    """How much of the correction to believe, by empirical Bayes over the codes of a facet (the last axis).

    The machine's errors are taken to have a variance that grows with the share of the code, as those of counts do:
    spread · size. The spread is the one at which the corrections found are as large as they should be (Paule and
    Mandel, J. Res. Natl. Bur. Stand. 87, 1982), each counted up to MOST only, so that a single code that the machine
    has all wrong leaves the others alone. Codes that nobody has seen, nor the machine given, say nothing and are left
    out.
    """
    tiny = np.finfo(np.float64).tiny
    size = np.maximum((open_.raw + open_.smooth) / 2, 1.0 / np.maximum(checked, 1.0))
    error, noise = (open_.share - open_.raw) ** 2 / size, np.maximum(open_.variance, tiny) / size
    seen = (open_.raw + open_.share > 0) & (open_.variance > 0) & (checked > 0)
    wanted = seen.sum(axis=-1) * (chi2.cdf(MOST, 3) + MOST * chi2.sf(MOST, 1))

    def excess(spread: Floats) -> Bools:
        shown = np.minimum(error / (noise + spread[..., None]), MOST)
        return np.asarray((shown * seen).sum(axis=-1) > wanted)

    low, high = np.zeros(wanted.shape), np.full(wanted.shape, 4.0)  # shares differ by 1 at most
    some = excess(low)
    for _ in range(STEPS):
        middle = (low + high) / 2
        above = excess(middle)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    spread = np.where(some, high, 0.0)[..., None]
    return np.where(open_.variance > 0, spread / (spread + noise), 1.0)


def _within(open_: _Open, low: Floats, high: Floats, pull: Floats) -> Floats:
    """The pull, but as much nearer to 1 as keeps the estimate inside the interval.

    A limited translation (Efron and Morris, J. Am. Stat. Assoc. 67, 1972): a code unlike the others is not made to
    follow them against its own sample.
    """
    back = (1.0 - pull) * (open_.raw - open_.share)  # from the corrected share towards the count
    most = ROOM * np.where(back > 0, high - open_.share, open_.share - low)
    size = np.abs(open_.raw - open_.share)
    least = 1.0 - most / np.where(size > 0, size, 1.0)
    return np.asarray(np.where(size > 0, np.maximum(pull, least), pull))


# ---- two codes -------------------------------------------------------------------------------------------------------


def covariance(counts: Counts, machine: Bools, said: Floats, weight: Floats | None = None) -> Floats:
    """Covariance (codes × codes) of the errors of the corrected shares of all units; counts: (codes).

    machine, said: (n × codes) of the sampled units that are not decided; weight: (n) as in `count`. The errors are
    those of the residuals said - rate on the unit's side of each code, so that comments with both codes count for what
    they are worth; the diagonal is `Shares.variance`. The pull is left out: it makes the error smaller on the whole,
    but no one knows by how much for one code.
    """
    w = np.ones(len(said)) if weight is None else weight
    w1, w0 = w[:, None] * machine, w[:, None] * ~machine
    total1, total0 = (np.where((total := side.sum(axis=0)) > 0, total, 1.0) for side in (w1, w0))
    rate1 = _rate(counts.given_found, counts.given_checked, 1.0)
    rate0 = _rate(counts.not_given_found, counts.not_given_checked, 0.0)
    parts = w1 * (counts.given / total1) * (said - rate1) + w0 * (counts.not_given / total0) * (said - rate0)
    together = parts.T @ parts
    spread = np.sqrt(np.diag(together))
    spread = np.where(spread > 0, spread, 1.0)
    alike = together / np.outer(spread, spread)
    np.fill_diagonal(alike, 1.0)
    error = np.sqrt(corrected(counts).variance)
    return np.asarray(alike * np.outer(error, error))


def raw_covariance(has: Bools) -> Floats:
    """Covariance (codes × codes) of plain shares, had other people of the same kind answered; has: (units × codes)."""
    units = max(len(has), 1)
    has = has.astype(np.float32)  # sums of ones are exact up to 16 million units
    shares = has.sum(axis=0, dtype=np.float64) / units
    both = (has.T @ has).astype(np.float64) / units
    return np.asarray((both - np.outer(shares, shares)) / units)


def differences(shares: Shares, covariance: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each two codes the first's share less the second's, and low and high end of its 95 % interval (codes × codes).

    The ends come from those of the two intervals and from how far the errors go together (Zou and Donner, Stat. Med.
    27, 2008), so that rare codes keep their lopsided intervals. They are measured from the shares with the whole
    correction, for the pull is in favour of the machine; where the difference of the estimates is outside of the
    interval, that is made to reach it. A claim that holds for the whole interval so holds for both.
    """
    error = np.sqrt(np.diag(covariance))
    error = np.where(error > 0, error, 1.0)
    alike = np.clip(covariance / np.outer(error, error), -1.0, 1.0)
    down, up = shares.full - shares.low, shares.high - shares.full

    def reach(first: Floats, second: Floats) -> Floats:
        squared = first[:, None] ** 2 + second[None, :] ** 2 - 2 * alike * np.outer(first, second)
        return np.asarray(np.sqrt(np.maximum(squared, 0.0)))

    difference, full = (share[:, None] - share[None, :] for share in (shares.value, shares.full))
    low = np.minimum(difference, full - reach(down, up))
    return difference, low, np.maximum(difference, full + reach(up, down))


# ---- how many to check -----------------------------------------------------------------------------------------------


def size_for(half_width: float, given: Floats, precision: Floats, recall: Floats, units: int) -> int:
    """How many of so many units to check, so that every corrected share is told to ± half_width (0 to 1) or better.

    given, precision, recall: (codes) share of the units that the machine gave the code, and how good the machine is at
    it; whatever is NaN, or cannot be so, counts as a machine that is no help with a code half of the units have. On
    material unlike the one it was measured on the machine is worse, and the interval wider than asked for. At most
    `units`.

    >>> size_for(0.03, np.array([0.2]), np.array([0.8]), np.array([0.8]), 5000)
    289
    >>> size_for(0.03, np.array([np.nan]), np.array([np.nan]), np.array([np.nan]), 5000)
    877
    """
    if half_width <= 0:
        raise ValueError("half_width must be above 0")
    rate, miss = _as_measured(given, precision, recall)
    enough, short = units, 0
    while enough - short > 1:
        middle = (enough + short) // 2
        if _widest(middle, np.where(np.isnan(rate), 0.5, given), rate, miss, units) <= 2 * half_width:
            enough = middle
        else:
            short = middle
    return enough


def _as_measured(given: Floats, precision: Floats, recall: Floats) -> tuple[Floats, Floats]:
    """Rate of the code among units that were given it and among the others; NaN where the figures cannot be so."""
    with np.errstate(divide="ignore", invalid="ignore"):
        miss = given * precision * (1.0 - recall) / recall / (1.0 - given)
    possible = (miss >= 0) & (miss <= 1) & (precision >= 0) & (precision <= 1)
    return np.where(possible, precision, np.nan), np.where(possible, miss, np.nan)


def _widest(checked: int, given: Floats, rate: Floats, miss: Floats, units: int) -> float:
    """Width of the widest interval, if the sample turns out as expected."""
    known = ~np.isnan(rate)
    p1, p0 = np.where(known, rate, 0.5), np.where(known, miss, 0.5)
    on, off = given * checked, (1.0 - given) * checked
    zero = np.zeros(given.shape)
    shares = corrected(Counts(zero, zero, given * units, on, on * p1, (1.0 - given) * units, off, off * p0))
    return float((shares.high - shares.low).max())
