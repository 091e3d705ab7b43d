"""The check sample: responses drawn at random and coded blind, to measure the machine and to correct its counts.

What the sample says: how far its coders agree with one another, and how often the machine says what one of them says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from pipeline.codebook import Facet
from pipeline.errors import InputError
from pipeline.learning.evaluation import indicator
from pipeline.learning.quality import Estimate, estimate
from pipeline.reviewing.agreement import (
    FacetReliability,
    MachineCheck,
    against_people,
    between_coders,
)
from pipeline.reviewing.checks_needed import checks_for_width, checks_to_halve
from pipeline.reviewing.review import Line, Review
from pipeline.stores.review_records import CheckCode, Drawn
from pipeline.stores.review_store import STRATUM

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HALF_WIDTHS = (0.10, 0.05, 0.03)  # what a sample may be asked to tell a share to


# ---- drawing and coding ----------------------------------------------------------------------------------------------


def draw(review: Review, size: int, seed: int, who: str, by: str = "") -> Sequence[Drawn]:
    """Draws responses at random, with all their comments, until the check sample has this many comments.

    Whole responses, because tables count people: what somebody raised is known once all they wrote has been read. The
    last response may bring a few comments more than asked for. A larger sample goes on from the smaller one, so both
    are random. by: one of the export's columns; then the same number of responses is drawn from each of its values, as
    far as they go, so that small groups can be told too. Returns the whole sample, in the order drawn. Raises
    InputError where the run has fewer comments, or the sample was begun with another `by`.
    """
    drawn = review.store.sample()
    if not 0 < size <= review.total:
        fix = f"choose a size from 1 to {review.total:,}"
        comments = "1 comment" if review.total == 1 else f"{review.total:,} comments"
        raise InputError(f"a sample of {size:,} cannot be drawn of {comments}", where=review.run, fix=fix)
    _check_same_way(review, drawn, by)
    if size <= len(drawn):
        return drawn
    taken = {one.comment_id for one in drawn}
    new: list[tuple[str, str]] = []
    for response in _in_turn(review, seed, by):
        if len(drawn) + len(new) >= size:
            break
        new += [(comment, stratum) for comment, stratum in response if comment not in taken]
    how = f"the same number of responses from each value of {by!r}" if by else "simple random sample of responses"
    review.store.draw(who, [comment for comment, _ in new], f"{how}, seed {seed}", [stratum for _, stratum in new])
    return review.store.sample()


def _check_same_way(review: Review, drawn: Sequence[Drawn], by: str) -> None:
    """Raises InputError where a sample was begun another way: mixed, nobody could say how likely a comment was."""
    begun = {one.stratum.partition(STRATUM)[0] for one in drawn}
    if begun and begun != {by}:
        before = next(iter(begun))
        fix = f"go on with --by {before!r}" if before else "go on without --by"
        raise InputError("the check sample was begun another way", where=review.run, fix=fix)


def _in_turn(review: Review, seed: int, by: str) -> Iterator[list[tuple[str, str]]]:
    """The responses in a random order, each as comments with their stratum; with `by`, one of each value in turn."""
    responses: dict[str, list[tuple[str, str]]] = {}
    strata = review.column(by) if by else [""] * review.total
    for (comment, response), value in zip(review.ids(), strata, strict=True):
        responses.setdefault(response, []).append((comment, f"{by}{STRATUM}{value}" if by else ""))
    every = list(responses.values())
    order = np.random.default_rng((seed, review.total)).permutation(len(every)).tolist()
    queues: dict[str, list[list[tuple[str, str]]]] = {}
    for n in order:
        queues.setdefault(every[n][0][1], []).append(every[n])
    for round_ in zip_longest(*(queues[name] for name in sorted(queues))):
        yield from (response for response in round_ if response)


@dataclass(frozen=True)
class Size:
    """A size of the sample and what it buys: any share of the comments is told to ± half_width (0 to 1) or better."""

    comments: int
    half_width: float

    @property
    def words(self) -> str:
        """What it buys, for people."""
        return f"for ±{100 * self.half_width:.0f} points read about {self.comments:,}"


def sizes(total: int) -> list[Size]:
    """The sizes worth offering for a run of so many comments; one that asks for all of them or more is left out."""
    offered = [Size(checks_for_width(half_width=half), half) for half in HALF_WIDTHS]
    return [size for size in offered if size.comments < total]


@dataclass(frozen=True)
class Progress:
    """How far a coder is: places of the sample done and waiting, both in the order drawn."""

    coder: str
    done: tuple[int, ...]
    waiting: tuple[int, ...]

    def next_after(self, place: int) -> int | None:
        """The next place to code after this one, the first one after the last; None where all are done."""
        later = [one for one in self.waiting if one > place]
        return next(iter(later or [one for one in self.waiting if one != place]), None)


def progress(review: Review, coder: str) -> Progress:
    """How far a coder is with the check sample: a comment is done when each facet people are asked about is coded."""
    return _progress(review, coder, review.store.sample(), review.store.check_codes(coder))


def all_progress(review: Review) -> list[Progress]:
    """How far each coder is, whoever did most first."""
    sample, codes = review.store.sample(), review.store.check_codes()
    coders = dict.fromkeys(one.coder for one in codes)
    found = [_progress(review, coder, sample, [one for one in codes if one.coder == coder]) for coder in coders]
    return sorted(found, key=lambda one: -len(one.done))


def _progress(review: Review, coder: str, sample: Sequence[Drawn], codes: Sequence[CheckCode]) -> Progress:
    coded = {(one.comment_id, one.facet) for one in codes}
    done: list[int] = []
    waiting: list[int] = []
    for drawn in sample:
        whole = all((drawn.comment_id, facet.id) in coded for facet in review.facets)
        (done if whole else waiting).append(drawn.place)
    return Progress(coder, tuple(done), tuple(waiting))


# ---- what the sample says --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FacetCheck:
    """One facet: how far coders agree, and the machine against one of them."""

    facet: Facet
    coders: FacetReliability
    machine: MachineCheck

    def more_checks(self, code: str) -> int | None:
        """How many more comments to check to halve both intervals of a code, of precision and recall; None: nobody
        knows."""
        check = next(one for one in self.machine.codes if one.code == code)
        known = [one for one in (check.precision, check.recall) if one]
        needed = [checks_to_halve(one.n, one.value, one.n / check.comments) for one in known]
        return max(needed) if len(needed) == 2 else None

    @property
    def more_checks_of_all(self) -> int | None:
        """How many more to halve the interval of the share with exactly the same codes."""
        exact = self.machine.exact
        return checks_to_halve(exact.n, exact.value) if exact else None


@dataclass(frozen=True)
class Measured:
    """What the check sample says. person: the coder the machine is held against, None where nobody coded.

    against: for each coder and facet, the share of their comments to which the machine gave exactly the same codes.
    """

    drawn: int
    coders: tuple[Progress, ...]
    person: str | None
    facets: tuple[FacetCheck, ...]
    against: Mapping[str, Mapping[str, Estimate]]


def measure(review: Review, person: str | None = None, column: str = "") -> Measured:
    """Measures the machine and the coders on the check sample; column: one of the export's, which makes the groups.

    The machine is held against one person at a time: against codes that all gave it would look better than it is,
    for these leave out the comments that are hard, and against codes that any gave it would look worse. Unless one is
    named this is the person who coded most, for that leaves the least chance.
    """
    coders = tuple(all_progress(review))
    names = [one.coder for one in coders]
    chosen = person if person in names else next(iter(names), None)
    said = _said(review.store.check_codes())
    numbers = [n for comment in {c for of in said.values() for c, _ in of} if (n := review.number_of(comment))]
    lines = {line.comment_id: line for line in review.lines(sorted(numbers))}
    facets = tuple(_facet_check(facet, lines, said, chosen, column) for facet in review.facets)
    against = {name: _exact(review.facets, lines, said[name]) for name in names}
    return Measured(len(review.store.sample()), coders, chosen, facets, against)


Said = Mapping[tuple[str, str], tuple[str, ...]]  # (comment, facet) → codes


def _said(codes: Sequence[CheckCode]) -> dict[str, dict[tuple[str, str], tuple[str, ...]]]:
    """What each coder said."""
    said: dict[str, dict[tuple[str, str], tuple[str, ...]]] = {}
    for one in codes:
        said.setdefault(one.coder, {})[(one.comment_id, one.facet)] = one.codes
    return said


def _facet_check(
    facet: Facet, lines: Mapping[str, Line], said: Mapping[str, Said], person: str | None, column: str
) -> FacetCheck:
    opinions = np.full((len(said), len(lines), len(facet.ids)), np.nan)
    for k, of in enumerate(said.values()):
        for n, comment in enumerate(lines):
            if (comment, facet.id) in of:
                opinions[k, n] = _row(of[(comment, facet.id)], facet)
    return FacetCheck(
        facet, between_coders(facet.ids, opinions), _machine(facet, lines, said[person] if person else {}, column)
    )


def _machine(facet: Facet, lines: Mapping[str, Line], said: Said, column: str) -> MachineCheck:
    checked, given, truth = _both(facet, lines, said)
    groups = [[value] if (value := line.others.get(column, "").strip()) else [] for line in checked]
    return against_people(facet.ids, given, truth, groups)


def _both(facet: Facet, lines: Mapping[str, Line], said: Said) -> tuple[list[Line], Bools, Bools]:
    """The comments that a person coded in a facet, and what machine and person gave them (comments × codes)."""
    checked = [line for comment, line in lines.items() if (comment, facet.id) in said]
    truth = indicator([_known(said[(line.comment_id, facet.id)], facet) for line in checked], facet.ids)
    return checked, _given(checked, facet), truth > 0


def _exact(facets: Sequence[Facet], lines: Mapping[str, Line], said: Said) -> dict[str, Estimate]:
    found = {}
    for facet in facets:
        checked, given, truth = _both(facet, lines, said)
        if checked:
            found[facet.id] = estimate(float((given == truth).all(axis=1).mean()), len(checked))
    return found


def _given(lines: Sequence[Line], facet: Facet) -> Bools:
    """What the machine said, whatever people decided since."""
    machine = [line.facets[facet.id].machine if facet.id in line.facets else () for line in lines]
    return np.asarray(indicator([_known(codes, facet) for codes in machine], facet.ids) > 0)


def _row(codes: Sequence[str], facet: Facet) -> Floats:
    return np.asarray(indicator([_known(codes, facet)], facet.ids)[0])


def _known(codes: Sequence[str], facet: Facet) -> list[str]:
    return [code for code in codes if code in facet.by_id]
