"""Whether differences of shares are more than chance: tests that are right for small counts, and for many at once."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, hypergeom, norm

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int_]

LEVEL = 0.05
UNLIKELY = 0.25  # a p-value by the normal curve from which no exact one comes near LEVEL
MANY = 100  # respondents expected in each place
Z = NormalDist().inv_cdf(1 - LEVEL / 2)


def holm(p: Floats) -> Floats:
    """P-values adjusted for all of them being looked at: Holm, Scand. J. Stat. 6, 1979.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(steps, 1.0)
    return out


def paired_p(first: Ints, second: Ints, base: int, discordant: Floats | None = None) -> Floats:
    """Exact two-sided p-values of two counts among the same `base` respondents (McNemar, Psychometrika 12, 1947).

    discordant: respondents with just one of the two codes, of whom half would have either if neither were more
    frequent. Where they are not known, as many as the counts allow, which makes the p-value too large if anything.
    """
    most = np.minimum(first + second, 2 * base - first - second)
    gap = np.abs(first - second)
    known = most if discordant is None else np.clip(np.ceil(discordant - 1e-6), gap, most).astype(int)
    either = known + (known - gap) % 2
    return np.asarray(np.minimum(1.0, 2 * binom.sf((either + gap) // 2 - 1, either, 0.5)))


def separate_p(first: Ints, first_base: Ints, second: Ints, second_base: Ints) -> Floats:
    """Two-sided p-values of two counts among different respondents: twice the tail of Fisher's exact test.

    Where all expected counts are MANY the normal curve with Yates's correction does for it, and where that is far from
    any significance it is not worth being exact: thousands of cells are compared at once.
    """
    whole, with_code = first_base + second_base, first + second
    mean = first_base * with_code / whole
    spread = np.sqrt(mean * second_base * (whole - with_code) / whole / np.maximum(whole - 1, 1))
    gap = np.maximum(np.abs(first - mean) - 0.5, 0.0)
    p = 2 * norm.sf(np.divide(gap, spread, out=np.zeros(len(gap)), where=spread > 0))
    fewest = np.minimum(first_base, second_base) * np.minimum(with_code, whole - with_code) / whole
    for n in np.flatnonzero((p < UNLIKELY) & (fewest < MANY)).tolist():
        tail = hypergeom.sf if first[n] > mean[n] else hypergeom.cdf
        count = first[n] - 1 if first[n] > mean[n] else first[n]
        p[n] = 2 * tail(count, whole[n], with_code[n], first_base[n])
    return np.asarray(np.minimum(p, 1.0))


def difference_p(gap: Floats, down: Floats, up: Floats, correlation: Floats | float = 0.0) -> Floats:
    """Two-sided p-values of differences of shares, from the sides of their 95 % intervals that face each other.

    gap: larger minus smaller share; down: the larger less the low end of its interval; up: the high end of the smaller
    less itself. The variance is recovered from these sides (Zou and Donner, Stat. Med. 27, 2008).
    """
    spread = np.sqrt(np.maximum(down**2 + up**2 - 2 * correlation * down * up, 0.0)) / Z
    z = np.divide(gap, spread, out=np.where(gap > 0, np.inf, 0.0), where=spread > 0)
    return np.asarray(2 * norm.sf(z))
