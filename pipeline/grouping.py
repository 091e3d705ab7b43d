"""Who is counted where: the respondents of a run under the values of a column, a question or a facet."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.codebook import Facet, Wording
from pipeline.errors import InputError
from pipeline.responses import read_cell
from pipeline.run_table import RunTable

NO_CODE = "(no code)"
NOT_GIVEN = "(not given)"
INFERRED = " (inferred)"
MOST_VALUES = 1000


@dataclass(frozen=True)
class Group:
    """Who is counted where: `members` has a line per comment and value (row, response, value).

    column: None for all respondents together; values in the order they are printed; bases: respondents under each.
    """

    column: str | None
    members: pd.DataFrame
    values: tuple[str, ...]
    bases: Mapping[str, int]

    @property
    def parts_people(self) -> bool:
        """Whether each respondent is under one value only."""
        return not self.members.drop_duplicates(["response", "value"])["response"].duplicated().any()


def everyone(frame: pd.DataFrame) -> Group:
    """All respondents, under one value without a name."""
    members = pd.DataFrame({"row": frame.index, "response": frame["response"], "value": ""})
    return Group(None, members, ("",), {"": int(frame["response"].nunique())})


def group_by(column: str, table: RunTable, names: Mapping[str, Mapping[str, str]]) -> Group:
    """The values of a column or facet, largest first, those without a value last.

    names: facet → code → printed name. Raises InputError where there are too many values for a table.
    """
    frame = table.frame
    if column in table.book.by_id:
        members, blank = _by_facet(table.book.by_id[column], table.mentions[column], names[column])
    else:
        values = frame[column].map({cell: read_cell(cell).strip() or NOT_GIVEN for cell in frame[column].unique()})
        members, blank = pd.DataFrame({"row": frame.index, "value": values}), NOT_GIVEN
    members = members.assign(response=frame["response"].to_numpy()[members["row"]])
    bases = {str(value): int(n) for value, n in members.groupby("value")["response"].nunique().items()}
    if len(bases) > MOST_VALUES:
        fix = "group them in the export, such as ages into bands, and code it again"
        raise InputError(f"{column!r} has {len(bases):,} different values", where=table.run / "coded.csv", fix=fix)
    ordered = sorted(bases, key=lambda value: (value == blank, -bases[value], value.casefold(), value))
    return Group(column, members, tuple(ordered), bases)


def _by_facet(facet: Facet, mentions: pd.DataFrame, names: Mapping[str, str]) -> tuple[pd.DataFrame, str]:
    """Comments by their codes of a facet, inferred ones of an exclusive facet apart, and what no code is called."""
    blank = NOT_GIVEN if facet.exclusive else NO_CODE
    values = mentions["code"].map({**names, "": blank})
    if facet.exclusive:
        values = values.mask(~mentions["given"] & (mentions["code"] != ""), values + INFERRED)
    return pd.DataFrame({"row": mentions["row"], "value": values}), blank


def itself(group: Group, facet: Facet) -> bool:
    """Whether an exclusive facet would be counted by itself, which says nothing."""
    return facet.exclusive and group.column == facet.id


def names_of(facet: Facet, published: Wording | None) -> dict[str, str]:
    """The printed name of each code: its own, or the published one."""
    if published is None or published.facet != facet.id:
        return {code.id: code.name for code in facet.code}
    entries = published.by_code
    return {code.id: entries[code.id].name or f"{code.name} (no counterpart)" for code in facet.code}
