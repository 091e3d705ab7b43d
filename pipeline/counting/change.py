"""Change of the shares since an earlier run with the same codebook."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import false_discovery_control

from pipeline.counting.claims import CLOSE, FEW, READING, SAFE
from pipeline.counting.findings import Changed, Claim
from pipeline.counting.phrases import listed, percent, quoted
from pipeline.counting.significance import LEVEL, difference_p
from pipeline.counting.tables import CORRECTED, SUPPRESSED, Row, Tables
from pipeline.errors import InputError
from pipeline.learning.evaluation import wilson

CHANGE = "change"
NAMED = 6


def check_same_codebook(now: str, before: str, now_name: str, where: object) -> None:
    """Raises InputError unless the digests of the two runs' codebooks are the same. where: the earlier run."""
    if now != before:
        raise InputError(
            f"was coded with another codebook than {now_name}, so that its shares cannot be compared",
            where=where,
            fix="code the earlier export again with the codebook of now: feedback classify EXPORT --out RUN",
        )


def change(now: Tables, before: Tables) -> tuple[Changed, ...]:
    """The change of every code that both runs have, among all respondents, in the order of the tables of now.

    Like is compared with like: where one run's share is corrected and the other's was not checked, both are taken as
    counted. Where either is suppressed there is no difference.
    """
    earlier = {(row.facet, row.code): row for row in before.rows if row.group is None}
    return tuple(
        _changed(row, earlier[row.facet, row.code])
        for row in now.rows
        if row.group is None and (row.facet, row.code) in earlier
    )


def _changed(now: Row, before: Row) -> Changed:
    shown = [None if row.status == SUPPRESSED else row for row in (now, before)]
    like = now.status == before.status
    latest, earliest = (None if row is None else _estimate(row, counted=not like) for row in shown)
    if latest is None or earliest is None:
        known = [None if one is None else one[0] for one in (earliest, latest)]
        return Changed(now.facet, now.code, now.name, known[0], known[1], None, None, None)
    return Changed(now.facet, now.code, now.name, earliest[0], latest[0], *difference(latest, earliest))


def _estimate(row: Row, counted: bool) -> tuple[float, float, float]:
    """Share, low and high of a row, as it was counted where that is asked for."""
    if counted and row.status == CORRECTED:
        n, base = row.respondents or 0, row.base or 0
        return (n / base if base else 0.0, *wilson(n, base))
    return row.share or 0.0, row.low or 0.0, 1.0 if row.high is None else row.high


def difference(now: tuple[float, float, float], before: tuple[float, float, float]) -> tuple[float, float, float]:
    """now - before of two independent (share, low, high), with the 95 % interval made of theirs.

    Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17, 1998
    (method 10); for intervals of any kind Zou and Donner, Statistics in Medicine 27, 2008.
    """
    gap = now[0] - before[0]
    down = np.hypot(now[0] - now[1], before[2] - before[0])
    up = np.hypot(now[2] - now[0], before[0] - before[1])
    return gap, float(gap - down), float(gap + up)


# ---- in words --------------------------------------------------------------------------------------------------------


def claims_of_change(changed: Sequence[Changed], earlier: str, reading: str = "") -> tuple[Claim, ...]:
    """What can be said of the changes since the run called `earlier`: what rose or fell, what is too close to call.

    Allows for all changes of a facet at once, after Benjamini and Hochberg. reading: a sentence on what is compared, as
    from `reading_of_change`, which becomes the first claim of each facet.
    """
    found: list[Claim] = []
    for facet in dict.fromkeys(one.facet for one in changed):
        found += _of_facet(facet, [one for one in changed if one.facet == facet], earlier, reading)
    return tuple(found)


def _of_facet(facet: str, changed: Sequence[Changed], earlier: str, reading: str) -> Iterator[Claim]:
    known = [one for one in changed if one.difference is not None]
    sure = false_discovery_control([_p(one) for one in known]) <= LEVEL if known else np.zeros(0, dtype=bool)
    if reading:
        told = f" Changes allow for {len(known)} comparisons (Benjamini–Hochberg, 5 %)." if len(known) > 1 else ""
        yield Claim(SAFE, READING, reading + told, facet, ())
    clear = [one for one, is_sure in zip(known, sure, strict=True) if is_sure]
    for one in sorted(clear, key=lambda one: -abs(one.difference or 0.0)):
        yield Claim(SAFE, CHANGE, _words(one, earlier), facet, _codes([one]))
    if close := [one for one, is_sure in zip(known, sure, strict=True) if not is_sure]:
        words = f"Since {earlier}, too close to call whether these rose or fell: {listed(map(_name, close), NAMED)}."
        yield Claim(CLOSE, CHANGE, words, facet, _codes(close))
    if few := [one for one in changed if one.difference is None]:
        words = f"Too few to say how these changed since {earlier}: {listed(map(_name, few), NAMED)}."
        yield Claim(FEW, CHANGE, words, facet, _codes(few))


def _p(one: Changed) -> float:
    """Two-sided p-value of a change, from the side of its interval that faces no change."""
    gap, low, high = one.difference or 0.0, one.low or 0.0, one.high or 0.0
    facing = gap - low if gap > 0 else high - gap
    return float(difference_p(np.array([abs(gap)]), np.array([facing]), np.zeros(1))[0])


def _words(one: Changed, earlier: str) -> str:
    now, before, gap = one.now or 0.0, one.before or 0.0, one.difference or 0.0
    digits = 1 if percent(now) == percent(before) else 0
    ends = sorted((abs(one.low or 0.0), abs(one.high or 0.0)))
    exact = 1 if round(100 * ends[0]) < 1 or digits else 0
    points = f"{100 * abs(gap):.{exact}f} points, {100 * ends[0]:.{exact}f} to {100 * ends[1]:.{exact}f}"
    way = "rose" if gap > 0 else "fell"
    name = _name(one)
    was, is_now = percent(before, digits), percent(now, digits)
    return f"{name[:1].upper()}{name[1:]} {way} from {was} of respondents ({earlier}) to {is_now} ({points})."


def _name(one: Changed) -> str:
    return quoted(one.name) if one.code else "respondents without any code"


def _codes(changed: Sequence[Changed]) -> tuple[str, ...]:
    return tuple(one.code for one in changed if one.code)


def reading_of_change(now: Tables, before: Tables, earlier: str) -> str:
    """What is compared with what, and what a change does not show."""
    statuses = {row.status for tables in (now, before) for row in tables.rows if row.group is None} - {SUPPRESSED}
    if statuses == {CORRECTED}:
        what = "Both are corrected with check samples."
    elif CORRECTED in statuses:
        what = "Where only one of them is corrected with a check sample, both are taken as the tool counted them."
    else:
        what = "Both count the tool’s codes, which have not been checked."
    return (
        f"Now against {earlier}: {now.base:,} respondents then {before.base:,}, coded with the same codebook. {what} "
        "Those who answered were not the same people, and chose to answer: a change is one among them."
    )
