"""Who is counted where: the respondents of a run under the values of a column, a question or a facet."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.codebook import Facet, Wording
from pipeline.counting.run_table import RunTable
from pipeline.errors import InputError
from pipeline.exports.responses import read_cell

NO_CODE = "(no code)"
NOT_GIVEN = "(not given)"
INFERRED = " (inferred)"
MOST_VALUES = 1000
CHOICES = ";"  # between the choices of one answer, as Microsoft Forms joins them
MOST_CHOICES = 30
MOST_ALONE = 20  # values; of more than that, two respondents each or fewer on average are no groups


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

    @property
    def combines(self) -> bool:
        """Whether its values are combinations of choices that people could tick several of, joined by `;`."""
        values = [[part.strip() for part in value.split(CHOICES) if part.strip()] for value in self.values]
        in_how_many = Counter(part for parts in values for part in set(parts))
        several = [parts for parts in values if len(parts) > 1]
        again = [parts for parts in several if all(in_how_many[part] > 1 for part in parts)]
        return 2 * len(again) > len(several) and len(in_how_many) <= MOST_CHOICES


def everyone(frame: pd.DataFrame) -> Group:
    """All respondents, under one value without a name."""
    members = pd.DataFrame({"row": frame.index, "response": frame["response"], "value": ""})
    return Group(None, members, ("",), {"": int(frame["response"].nunique())})


def group_by(column: str, table: RunTable, names: Mapping[str, Mapping[str, str]]) -> Group:
    """The values of a column or facet, those without a value last: bands in the order of their numbers, others largest
    first.

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
    base = frame["response"].nunique()
    if len(bases) > MOST_VALUES:
        fix = "group them in the export, such as ages into bands, and code it again"
        raise InputError(f"{column!r} has {len(bases):,} different values", where=table.run / "coded.csv", fix=fix)
    if column not in table.book.by_id and len(bases) > max(MOST_ALONE, base / 2):
        what = f"{column!r} has {len(bases):,} different values for {base:,} respondents"
        raise InputError(what, where=table.run / "coded.csv", fix="choose a column that many share the values of")
    return Group(column, members, tuple(sorted(bases, key=_order(bases, blank))), bases)


def _order(bases: Mapping[str, int], blank: str) -> Callable[[str], tuple[object, ...]]:
    """What values are sorted by: where most have a number, as bands of age do, that; `under 18` comes before `18`."""
    numbers = {value: found for value in bases if (found := _numbers(value))}
    banded = 2 * len(numbers) > len(bases.keys() - {blank})

    def place(value: str) -> tuple[object, ...]:
        number = (value not in numbers, numbers.get(value, [])) if banded else (False, [])
        return value == blank, *number, -bases[value], value.casefold(), value

    return place


def _numbers(value: str) -> list[float]:
    """The numbers of a value, the first just below what it says where the value is all that is less."""
    found = [float(number.replace(",", "")) for number in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", value)]
    less = re.match(r"\s*(?:<|under\b|below\b|less than\b|up to\b)", value.casefold())
    return [found[0] - 0.5, *found[1:]] if found and less else found


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
