"""The shares of a facet's table as estimated with the check sample, and how far they may be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from pipeline.codebook import Facet
from pipeline.counting.grouping import Group
from pipeline.counting.people import Comments, Ints, Units, coded, one_coding, units, weights
from pipeline.counting.run_table import RunTable
from pipeline.counting.shares import (
    FEWEST_CHECKED,
    Counts,
    Floats,
    Shares,
    corrected,
    count,
    covariance,
    raw_covariance,
)
from pipeline.exports.responses import read_cell


@dataclass(frozen=True)
class Estimates:
    """Of a facet by a group: counts and shares (values × columns of codes, the last for no code), in the group's order.

    enough: (values) whether so many of the check sample are under the value that its shares can be corrected. rest:
    the shares of all respondents who are not under the value, None where some are under several.
    """

    counts: Counts
    shares: Shares
    checked: Ints
    enough: tuple[bool, ...]
    rest: Shares | None


class FacetPeople:
    """The people of a run for one facet, gathered once and then counted by each group."""

    def __init__(self, table: RunTable, facet: Facet) -> None:
        self.facet, self.kinds = facet, len(facet.ids)
        self.comments = _comments(table, facet)
        rows = np.arange(len(table.frame))
        responses = table.frame["response"].to_numpy(dtype=np.int_)
        nobody = np.zeros(len(rows), dtype=int)
        everyone = units(rows, nobody, responses, self.comments, {})
        self.weight: Mapping[int, float] = {}
        if table.check.column:
            self.weight = weights(everyone, _strata(table))
            everyone = units(rows, nobody, responses, self.comments, self.weight)
        self.everyone = everyone

    @property
    def columns(self) -> int:
        """How many columns are counted: an exclusive facet has none for no code."""
        return self.kinds if self.facet.exclusive else self.kinds + 1

    @property
    def enough(self) -> bool:
        """Whether the check sample is large enough to correct the shares of all respondents."""
        return len(self.everyone.sampled) >= FEWEST_CHECKED

    def by(self, group: Group) -> Estimates:
        """The estimates under each value of a group; all respondents together are one value."""
        place = {value: n for n, value in enumerate(group.values)}
        members = group.members
        values = np.asarray(members["value"].map(place), dtype=np.int_)
        gathered = units(
            members["row"].to_numpy(dtype=np.int_),
            values,
            members["response"].to_numpy(dtype=np.int_),
            self.comments,
            self.weight,
        )
        counts = self._counted(gathered, len(place))
        checked = np.bincount(gathered.value[gathered.sampled], minlength=len(place))
        rest = self._rest(gathered, counts) if group.column is not None and group.parts_people else None
        return Estimates(counts, corrected(counts), checked, tuple((checked >= FEWEST_CHECKED).tolist()), rest)

    def _counted(self, gathered: Units, values: int) -> Counts:
        k = self.columns
        weight = gathered.weight if self.weight else None
        return count(
            gathered.has[:, :k],
            gathered.decided,
            gathered.sampled,
            gathered.said[:, :k],
            weight,
            gathered.value,
            values,
        )

    def _rest(self, gathered: Units, counts: Counts) -> Shares:
        """Everybody but those under the value: of the sizes by subtraction, of the sample counted again."""
        sizes = {field.name: getattr(counts, field.name) for field in fields(Counts)}
        sizes = {name: every.sum(axis=0) - every for name, every in sizes.items()}
        sampled = gathered.value[gathered.sampled]
        k, n = self.columns, np.arange(len(sampled))
        machine, undecided = gathered.has[gathered.sampled][:, :k], np.zeros(len(sampled), dtype=bool)
        weight = gathered.weight if self.weight else None
        for value in range(len(counts.given)):
            others = np.where(sampled == value, -1, 0)
            found = count(machine, undecided, n, gathered.said[:, :k], weight, others, 1)
            for name in ("given_checked", "given_found", "not_given_checked", "not_given_found"):
                sizes[name][value] = getattr(found, name)[0]
        return corrected(Counts(**sizes))

    def covariance(self) -> Floats:
        """Covariance (columns × columns) of the overall shares, corrected where the sample is large enough."""
        k, people = self.columns, self.everyone
        if not self.enough:
            return raw_covariance(people.has[:, :k])
        counts = self._counted(people, 1)
        flat = Counts(**{field.name: getattr(counts, field.name)[0] for field in fields(Counts)})
        weight = people.weight if self.weight else None
        return covariance(flat, people.has[people.sampled][:, :k], people.said[:, :k], weight)


def _comments(table: RunTable, facet: Facet) -> Comments:
    mentions, place = table.mentions[facet.id], {**{code: n for n, code in enumerate(facet.ids)}, "": -1}
    has = coded(
        mentions["row"].to_numpy(dtype=np.int_),
        np.asarray(mentions["code"].map(place), dtype=np.int_),
        len(table.frame),
        len(facet.ids),
    )
    drawn = table.check.said.get(facet.id, {})
    wanted = {comment for of in drawn.values() for comment in of}
    ids = table.frame["comment_id"].map(read_cell)
    row_of = {ids.iloc[row]: int(row) for row in np.flatnonzero(ids.isin(wanted))}
    said = {
        coder: {
            row_of[comment]: one_coding([place[c] for c in codes if c in place], len(facet.ids))
            for comment, codes in of.items()
            if comment in row_of
        }
        for coder, of in drawn.items()
    }
    return Comments(has, table.frame[f"decided:{facet.id}"].to_numpy(dtype=bool), said)


def _strata(table: RunTable) -> dict[int, str]:
    """The stratum of each respondent: the value of the column by which the sample was drawn."""
    return dict(zip(table.frame["response"].tolist(), table.frame[table.check.column].map(read_cell), strict=True))


def of_one(counts: Counts, value: int, code: int) -> dict[str, float]:
    """The counts of one code under one value, by name."""
    return {field.name: float(getattr(counts, field.name)[value, code]) for field in fields(Counts)}
