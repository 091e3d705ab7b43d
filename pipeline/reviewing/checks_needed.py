"""How many more comments to check for intervals half as wide, or as narrow as wanted. Arithmetic only."""

from collections.abc import Callable

import numpy as np

from pipeline.learning.evaluation import wilson


def checks_to_halve(n: int, share: float = 0.5, rate: float = 1.0) -> int:
    """How many more comments to check until Wilson's interval of a share of n is half as wide, if the share stays.

    About 3n in the middle, about n near 0 or 1. rate: the share of checked comments that count towards n, as for the
    precision of a code, where only those do that the machine gave it to.

    >>> checks_to_halve(100), checks_to_halve(100, share=0.0), checks_to_halve(10, rate=0.05)
    (312, 104, 840)
    """
    wanted = _width(share, n) / 2
    return _at_rate(fewest_enough(lambda size: _width(share, size) <= wanted) - n, rate)


def checks_for_width(share: float = 0.5, half_width: float = 0.03, rate: float = 1.0) -> int:
    """How many comments to check, in all, for an interval that is 2 · half_width wide at this share; rate as above.

    >>> checks_for_width(), checks_for_width(0.0), checks_for_width(0.1)
    (1064, 61, 388)
    """
    if half_width <= 0:
        raise ValueError("half_width must be above 0")
    return _at_rate(fewest_enough(lambda size: _width(share, size) <= 2 * half_width), rate)


def checks_in_words(more: int, left: int) -> str:
    """The advice as a sentence, where `left` comments of the run are not checked yet."""
    if not left:
        return "Every comment has been checked."
    if more >= left:
        return f"Halving the interval would take {more:,} more checks, and only {left:,} can still be made."
    return f"{more:,} more checks would halve the interval."


def _width(share: float, n: int) -> float:
    low, high = wilson(share * n, n)
    return high - low


def _at_rate(checks: int, rate: float) -> int:
    if not 0 < rate <= 1:
        raise ValueError("rate must be above 0 and at most 1")
    return int(np.ceil(checks / rate))


def fewest_enough(enough: Callable[[int], bool]) -> int:
    """The smallest size that is enough, where every larger one is too."""
    low, high = 0, 1
    while not enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
