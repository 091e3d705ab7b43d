"""Respondents weighted to the make-up of the population, by one attribute or by several at once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.counting.findings import Weighted
from pipeline.counting.phrases import listed, quoted
from pipeline.counting.population import Population, hidden_values
from pipeline.counting.significance import Floats, Ints
from pipeline.counting.tables import SUPPRESSED, Tables
from pipeline.learning.evaluation import wilson

Bools = npt.NDArray[np.bool_]

FEWEST_IN_CELL = 20  # respondents; values with fewer are weighted together, as survey offices do
LARGEST_WEIGHT = 5.0
FEWEST_EFFECTIVE = 30
CLOSE_ENOUGH, MOST_ROUNDS = 1e-9, 500

WHAT_IT_IS = (
    "Weighted shares are those that the same answers would give if the respondents had the population’s make-up by {}. "
    "It does not make them a random sample: within each value, those who chose to answer may think differently from "
    "those who did not.",
    "Both are shares of the codes as counted, before any correction with a check sample.",
)


@dataclass(frozen=True)
class Margin:
    """One attribute to weight by. values: of each respondent, as in the export; places: theirs in the population, -1
    where it is not given or not there, as from `membership`. hidden: values whose number must not be told."""

    column: str
    population: Population
    values: Sequence[str]
    places: Ints
    hidden: Collection[str] = ()


@dataclass(frozen=True)
class Weights:
    """A weight for each respondent, 1 on average. refused: whether all are 1 because there are too few respondents.

    effective: how many respondents of equal weight would be worth as much. notes: what it does, and what it does not.
    by: the columns it weights by, of those asked for.
    """

    weight: Floats
    effective: float
    refused: bool
    notes: tuple[str, ...]
    by: tuple[str, ...] = ()


def weights(margins: Sequence[Margin], smallest: int = 0) -> Weights:
    """Weights that give the respondents the population's shares of one attribute, or of several by raking.

    Respondents of no value keep their own share. Values with fewer than FEWEST_IN_CELL respondents, none at all among
    them, and those whose number must not be told are weighted together. No weight is over LARGEST_WEIGHT. Refused where
    fewer than FEWEST_EFFECTIVE respondents would be left in effect.
    """
    size = len(margins[0].places)
    found = [_cells(margin, smallest) for margin in margins]
    notes = [note for one in found for note in one.notes]
    columns = tuple(margin.column for margin, one in zip(margins, found, strict=True) if not one.alone)
    by = listed(map(quoted, columns))
    raked = rake([one.cell for one in found], [one.target for one in found])
    weight = held(raked)
    effective = effective_number(weight)
    if not columns:
        return Weights(np.ones(size), float(size), True, tuple(notes))
    if effective < FEWEST_EFFECTIVE:
        words = f"Not weighted by {by}: too few respondents for it."
        return Weights(np.ones(size), float(size), True, (*notes, words))
    if raked.max() > LARGEST_WEIGHT:
        notes.append(
            f"No weight is over {LARGEST_WEIGHT:g}. Some would have been, so the weighted make-up comes near the "
            "population’s without reaching it."
        )
    notes.append(f"In effect the weighted shares rest on about {round(effective / 10) * 10:,} respondents (Kish).")
    return Weights(weight, effective, False, (*(words.format(by) for words in WHAT_IT_IS), *notes), columns)


@dataclass(frozen=True)
class _Cells:
    """The weighting cell of each respondent and the share each cell shall have; alone: whether all values are one."""

    cell: Ints
    target: Floats
    alone: bool
    notes: tuple[str, ...]


def _cells(margin: Margin, smallest: int) -> _Cells:
    """The values of an attribute, those with few respondents together, and the respondents without a value."""
    places, names = margin.places, margin.population.values
    counts = np.bincount(places[places >= 0], minlength=len(names))
    hidden = {place for value, place in zip(margin.values, places.tolist(), strict=True) if value in margin.hidden} - {
        -1
    }
    together = _together(counts.tolist(), smallest, hidden)
    apart = [n for n in range(len(names)) if n not in together]
    cell_of = np.full(len(names) + 1, len(apart))
    cell_of[apart] = np.arange(len(apart))
    target = np.bincount(cell_of[:-1], weights=margin.population.shares)
    cell_of[-1] = len(target)  # respondents without a value have the place -1
    missing = float((places < 0).mean()) if len(places) else 0.0
    alone, column = len(target) == 1, quoted(margin.column)
    notes = []
    if alone:
        notes.append(f"Not weighted by {column}: too few respondents under its values.")
    elif together:
        told = listed(quoted(names[n]) for n in sorted(together))
        notes.append(f"Weighted together by {column}, for want of respondents: {told}.")
    if missing and not alone:
        notes.append(f"Respondents whose {column} is not known keep the share that they have.")
    shares = np.append(target * (1 - missing), missing) if missing else target
    return _Cells(np.asarray(cell_of[places]), np.asarray(shares, dtype=float), alone, tuple(notes))


def _together(counts: Sequence[int], smallest: int, hidden: Collection[int]) -> set[int]:
    """Values to weight as one: with too few respondents, or hidden, and more until they are enough and two at least."""
    fewest = max(FEWEST_IN_CELL, smallest)
    order = sorted(range(len(counts)), key=lambda n: counts[n])
    found = {n for n in order if counts[n] < fewest} | hidden_values(counts, smallest) | set(hidden)
    for n in order:
        if found and (len(found) < 2 or sum(counts[m] for m in found) < fewest):
            found.add(n)
    return found


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def rake(cells: Sequence[Ints], targets: Sequence[Floats]) -> Floats:
    """Weights, 1 on average, under which the cells of each attribute have their target shares.

    Iterative proportional fitting (Deming and Stephan, Ann. Math. Stat. 11, 1940); for one attribute the first round is
    post-stratification, and exact. cells: for each attribute the cell of each respondent; none with a target is empty.
    """
    weight = np.ones(len(cells[0]))
    for _ in range(MOST_ROUNDS):
        before = weight
        for cell, target in zip(cells, targets, strict=True):
            have = np.bincount(cell, weights=weight, minlength=len(target)) / max(len(cell), 1)
            weight = weight * np.divide(target, have, out=np.zeros(len(target)), where=have > 0)[cell]
        if not len(weight) or np.abs(weight - before).max() < CLOSE_ENOUGH:
            break
    return np.asarray(weight)


def held(weight: Floats) -> Floats:
    """The weights with none over the largest allowed, still 1 on average."""
    for _ in range(MOST_ROUNDS):
        if not len(weight) or weight.max() <= LARGEST_WEIGHT * (1 + CLOSE_ENOUGH):
            break
        weight = np.minimum(weight, LARGEST_WEIGHT)
        weight = weight / weight.mean()
    return weight


def effective_number(weight: Floats) -> float:
    """How many respondents of equal weight are worth as much as these (Kish, Survey Sampling, 1965).

    >>> effective_number(np.array([1.0, 1.0, 1.0])), effective_number(np.array([2.0, 0.0]))
    (3.0, 1.0)
    """
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def weighted_shares(has_code: Bools, weight: Floats) -> Floats:
    """Share, low and high (3 × codes), weighted; has_code: (respondents × codes), weight: one a respondent.

    Wilson's interval with Kish's effective number of respondents for their number (after Korn and Graubard, Survey
    Methodology 24, 1998). It takes the weights as given.
    """
    base, total = int(effective_number(weight)), float(weight.sum())
    shares = np.clip(weight @ has_code / total, 0.0, 1.0) if total else np.zeros(has_code.shape[1])
    ends = [wilson(share * base, base) for share in shares.tolist()]
    return np.array([shares, [low for low, _ in ends], [high for _, high in ends]])


# ---- beside the shares as they stand ---------------------------------------------------------------------------------


def weighted_rows(
    tables: Tables, facet: str, has_code: Bools, found: Weights, margins: Sequence[Margin]
) -> tuple[Weighted, ...]:
    """The codes of a facet as counted and as weighted; none where weighting was refused.

    has_code: (respondents × codes), in the order of `tables.of(facet)`. A weighted share is one more equation in the
    cells of the tables by the columns weighted by. It has no numbers where the respondents of suppressed cells of the
    code differ in weight: with equal weights it says no more of them than the total does.
    """
    if found.refused:
        return ()
    counted = has_code.mean(axis=0)
    figures = weighted_shares(has_code, found.weight).T.tolist()
    rows = []
    for row, share, (weighted, low, high) in zip(tables.of(facet), counted.tolist(), figures, strict=True):
        untold = row.status == SUPPRESSED or any(_gives_away(tables, facet, row.code, found, one) for one in margins)
        shown = (None, None, None, None) if untold else (share, weighted, low, high)
        rows.append(Weighted(facet, row.code, row.name, *shown))
    return tuple(rows)


def _gives_away(tables: Tables, facet: str, code: str, found: Weights, margin: Margin) -> bool:
    rows = tables.of(facet, margin.column)
    hidden = {row.value for row in rows if row.code == code and row.status == SUPPRESSED}
    inside = found.weight[[value in hidden for value in margin.values]] if hidden else found.weight[:0]
    return len(inside) > 0 and bool(np.ptp(inside) > CLOSE_ENOUGH)
