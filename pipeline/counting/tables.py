"""Frequency tables of a run: how many people raised what, of how many, with an interval. Counting only, no writing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.codebook import Facet
from pipeline.counting.estimates import Estimates, FacetPeople, of_one
from pipeline.counting.grouping import NO_CODE, Group, everyone, group_by, itself, names_of
from pipeline.counting.run_table import RunTable, read_run
from pipeline.counting.table_notes import notes_of
from pipeline.learning.evaluation import wilson
from pipeline.learning.quality import Estimate, estimate

Floats = npt.NDArray[np.float64]
Rest = dict[tuple[str, str, str, str], Estimate]  # (facet, group, value, code) → everybody else

NOT_CHECKED, CORRECTED, SUPPRESSED = "not checked", "corrected", "suppressed"


@dataclass(frozen=True)
class Row:
    """One line of a frequency table: one code, among all respondents or within one value of a group.

    code: id of the code, empty for the row of those without any code of the facet; name: as it is printed.
    group, value: column and value the row is limited to; None in the overall table.
    comments: comments with the code; respondents: people with at least one such comment; base: people who wrote
    something with content: all three as counted, by people where they decided and by the tool elsewhere.
    share: of the base, low and high its 95 % interval, all three from 0 to 1. status: `not checked` (share is
    respondents / base), `corrected` (share is estimated with the check sample) or `suppressed` (all numbers are None).
    inferred: of the respondents, those whose code of an exclusive facet the tool inferred; 0 for other facets.
    comments_once: comments with the code, each campaign among them counted as one.
    counted_share: respondents / base, whatever the status; checked: respondents of the check sample that the share
    was corrected with, 0 where it was not.
    """

    facet: str
    code: str
    name: str
    group: str | None
    value: str | None
    comments: int | None
    respondents: int | None
    base: int | None
    share: float | None
    low: float | None
    high: float | None
    status: str
    inferred: int | None
    comments_once: int | None = 0
    counted_share: float | None = None
    checked: int = 0


@dataclass(frozen=True)
class Correction:
    """What a corrected share was worked out from, for one code among all respondents; all are numbers of respondents.

    base = decided + given + not_given: those whose comments people decided, and of the others those to whom the tool
    gave the code and those to whom it did not. decided_with: of the decided, those with the code. given_checked and
    not_given_checked: how many of each are in the check sample (as many as a simple sample of equal worth where it is
    stratified); given_found, not_given_found: of these, those to whom people gave the code, fractions where coders
    differ. pull: how far the correction is taken, 0 (not at all) to 1.
    """

    facet: str
    code: str
    name: str
    decided: int
    decided_with: int
    given: int
    given_checked: float
    given_found: float
    not_given: int
    not_given_checked: float
    not_given_found: float
    pull: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Tables:
    """All rows of a run's tables, overall table first, then by group; codes in the order of the codebook.

    responses: responses in the export; base: those of them who wrote something with content; comments: how many coded
    comments they wrote, 0 where that is not told.
    wording: name of the published wording the names follow; headings: printed name of each facet by id.
    notes: how it was counted and what was set apart, the sentence on the base first.
    corrections: what the corrected shares of the overall tables were worked out from; none where none was.
    covariance: facet → (codes × codes) covariance of the overall shares, in the order of the rows of `of(facet)`.
    rest: (facet, group, value, code) → share and interval of all respondents outside that value.
    """

    title: str
    rows: tuple[Row, ...]
    responses: int
    base: int
    wording: str | None
    notes: tuple[str, ...]
    headings: Mapping[str, str]
    corrections: tuple[Correction, ...] = ()
    covariance: Mapping[str, Floats] = field(default_factory=dict, compare=False)
    rest: Mapping[tuple[str, str, str, str], Estimate] = field(default_factory=dict)
    comments: int = 0

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns that the respondents are grouped by."""
        return tuple(dict.fromkeys(row.group for row in self.rows if row.group is not None))

    def of(self, facet: str, group: str | None = None) -> tuple[Row, ...]:
        """The rows of a facet, overall or by a group; none for an exclusive facet by itself."""
        return tuple(row for row in self.rows if row.facet == facet and row.group == group)


def frequency_tables(run: Path, by: Sequence[str] = (), wording: str | None = None) -> Tables:
    """The frequency tables of a run folder, overall and by each column, question or facet named in `by`.

    wording: id or name of a published wording of the codebook, whose names are then printed for its facet.
    Raises InputError for a folder that is no run or a column that is not there, CodebookError for an unknown wording.
    """
    return tables_of(read_run(run, by), by, wording)


def tables_of(table: RunTable, by: Sequence[str] = (), wording: str | None = None) -> Tables:
    """The same of a run that has been read, with the columns named in `by`."""
    published = table.whole.wording_named(wording) if wording is not None else None
    names = {facet.id: names_of(facet, published) for facet in table.book.facet}
    groups = [everyone(table.frame), *(group_by(column, table, names) for column in dict.fromkeys(by))]
    people = {facet.id: FacetPeople(table, facet) for facet in table.book.facet}
    rows: list[Row] = []
    corrections: list[Correction] = []
    rest: Rest = {}
    for group in groups:
        for facet in table.book.facet:
            if itself(group, facet):
                continue
            found = _rows(group, facet, table.frame, table.mentions[facet.id], names[facet.id])
            if people[facet.id].enough:
                estimates = people[facet.id].by(group)
                found, told = _corrected(found, estimates, group)
                corrections += told
                rest |= _rest_estimated(found, estimates, group)
            rows += found
            if group.column is not None and group.parts_people:
                rest |= _rest_counted(found)
    return Tables(
        title=table.book.name,
        rows=tuple(rows),
        responses=table.counts["responses"],
        base=groups[0].bases[""],
        wording=published.name if published else None,
        notes=notes_of(table, groups, published, {row.status for row in rows}),
        comments=len(table.frame),
        headings={facet.id: facet.name for facet in table.book.facet},
        corrections=tuple(corrections),
        covariance={facet: one.covariance() for facet, one in people.items()},
        rest=rest,
    )


# ---- correcting ------------------------------------------------------------------------------------------------------


def _corrected(rows: Sequence[Row], estimates: Estimates, group: Group) -> tuple[list[Row], list[Correction]]:
    """The rows with corrected shares, where enough of the sample is under their value; overall, what they came from."""
    columns = len(rows) // max(len(group.values), 1)
    found, told = [], []
    for n, row in enumerate(rows):
        value, code = divmod(n, columns)
        if not estimates.enough[value]:
            found.append(row)
            continue
        shares = estimates.shares
        share, low, high = (float(ends[value, code]) for ends in (shares.value, shares.low, shares.high))
        checked = int(estimates.checked[value])
        found.append(replace(row, share=share, low=low, high=high, status=CORRECTED, checked=checked))
        if group.column is None:
            told.append(_correction(found[-1], of_one(estimates.counts, value, code), float(shares.pull[value, code])))
    return found, told


def _correction(row: Row, counts: Mapping[str, float], pull: float) -> Correction:
    """What a corrected share came from. Units are whole, but for those of the sample, which may be weighted."""
    whole = {name: int(counts[name]) for name in ("decided", "decided_with", "given", "not_given")}
    share, low, high = row.share or 0.0, row.low or 0.0, row.high or 0.0
    of_row = {"facet": row.facet, "code": row.code, "name": row.name, "share": share, "low": low, "high": high}
    return Correction(**{**counts, **whole, **of_row, "pull": pull})  # type: ignore[arg-type]


def _rest_estimated(rows: Sequence[Row], estimates: Estimates, group: Group) -> Rest:
    """For each corrected row of a group, the corrected share of everybody else."""
    if estimates.rest is None:
        return {}
    columns = len(rows) // max(len(group.values), 1)
    found = {}
    for n, row in enumerate(rows):
        value, code = divmod(n, columns)
        if row.status == CORRECTED and row.base is not None:
            rest, n = estimates.rest, int(estimates.counts.base[:, code].sum()) - row.base
            share, low, high = (float(ends[value, code]) for ends in (rest.value, rest.low, rest.high))
            found[_place(row)] = Estimate(share, low, high, n)
    return found


def _rest_counted(rows: Sequence[Row]) -> Rest:
    """For each row of a group that was not corrected, the counted share of everybody else."""
    with_code: dict[str, int] = {}
    bases: dict[str, int] = {}
    for row in rows:
        with_code[row.code] = with_code.get(row.code, 0) + (row.respondents or 0)
        bases[row.code] = bases.get(row.code, 0) + (row.base or 0)
    others = {
        _place(row): (with_code[row.code] - (row.respondents or 0), bases[row.code] - (row.base or 0))
        for row in rows
        if row.status == NOT_CHECKED
    }
    return {place: estimate(n / base, base) for place, (n, base) in others.items() if base}


def _place(row: Row) -> tuple[str, str, str, str]:
    return row.facet, row.group or "", row.value or "", row.code


# ---- counting ------------------------------------------------------------------------------------------------------


def _rows(
    group: Group, facet: Facet, frame: pd.DataFrame, mentions: pd.DataFrame, names: Mapping[str, str]
) -> list[Row]:
    """Every code of a facet in every value of a group, also those that nobody has."""
    joined = group.members.merge(mentions, on="row")
    coded = joined[joined["code"] != ""]
    comments = _tally(joined)
    voices = joined.assign(voice=frame["voice"].to_numpy()[joined["row"]])
    once = _tally(voices.drop_duplicates(["value", "code", "voice"]))
    people = _tally(coded.drop_duplicates(["value", "code", "response"]))
    known = _tally(coded[coded["given"]].drop_duplicates(["value", "code", "response"]))
    with_code = coded.groupby("value")["response"].nunique().to_dict()
    wanted = names if facet.exclusive else {**names, "": NO_CODE}
    rows = []
    for value in group.values:
        for code, name in wanted.items():
            place = (value, code)
            n = people.get(place, 0) if code else group.bases[value] - int(with_code.get(value, 0))
            inferred = n - known.get(place, 0) if facet.exclusive else 0
            row = _row(facet.id, code, name, group, value, comments.get(place, 0), n, inferred)
            rows.append(replace(row, comments_once=once.get(place, 0)))
    return rows


def _row(
    facet: str, code: str, name: str, group: Group, value: str, comments: int, respondents: int, inferred: int
) -> Row:
    """One line, its share and interval worked out."""
    base = group.bases[value]
    low, high = wilson(respondents, base)
    return Row(
        facet=facet,
        code=code,
        name=name,
        group=group.column,
        value=value if group.column is not None else None,
        comments=comments,
        respondents=respondents,
        base=base,
        share=respondents / base if base else 0.0,
        counted_share=respondents / base if base else 0.0,
        low=low,
        high=high,
        status=NOT_CHECKED,
        inferred=inferred,
    )


def _tally(lines: pd.DataFrame) -> dict[Any, int]:
    """How many lines there are for each (value, code)."""
    return {place: int(n) for place, n in lines.groupby(["value", "code"], sort=False).size().items()}
