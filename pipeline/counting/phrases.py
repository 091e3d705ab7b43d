"""Names and figures as they stand in a sentence."""

from collections.abc import Iterable


def quoted(name: str) -> str:
    """A name in quotation marks, on one line, marks within it made single: it may hold `and`, commas or a formula."""
    return f"“{' '.join(name.split()).replace('“', '‘').replace('”', '’')}”"


def listed(items: Iterable[str], most: int = 1000) -> str:
    """Items as a sentence lists them, the last joined by `and`; beyond `most` only how many more there are.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c", "d"], most=2)
    ('a, b and c', 'a, b and 2 more')
    """
    told = list(items)
    if len(told) > most + 1:
        told = [*told[:most], f"{len(told) - most} more"]
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else "".join(told)


def counted(count: int, name: str, names: str = "") -> str:
    """How many of something there are: names, the name and an s where not given, unless there is one.

    >>> counted(1, "comment"), counted(1200, "comment"), counted(0, "person", "people")
    ('1 comment', '1,200 comments', '0 people')
    """
    return f"{count:,} {name if count == 1 else names or name + 's'}"


def were(count: int) -> str:
    """The verb for so many.

    >>> were(1), were(2)
    ('was', 'were')
    """
    return "was" if count == 1 else "were"


def percent(share: float, digits: int = 0) -> str:
    """A share in per cent, to a tenth where it is less than one.

    >>> percent(0.336), percent(0.004), percent(0.336, 1)
    ('34 %', '0.4 %', '33.6 %')
    """
    return f"{100 * share:.{1 if 0 < share < 0.01 else digits}f} %"


def percents(share: float, low: float, high: float, digits: int = 0) -> str:
    """A share with its interval: 34 % (31 to 38 %). Ends that would round to a half or a tenth are told to a tenth."""
    ends = {f"{100 * end:.0f}" for end in (low, high)}
    exact = 1 if share < 0.01 or ends & {"10", "50"} else digits
    return f"{100 * share:.{exact}f} % ({100 * low:.{exact}f} to {100 * high:.{exact}f} %)"


def digits_apart(first: float, second: float) -> int:
    """Decimals that tell two shares apart."""
    return 1 if f"{100 * first:.0f}" == f"{100 * second:.0f}" else 0
