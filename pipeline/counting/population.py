"""Who answered: the respondents by an attribute against a table of the population as it is published."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import numpy as np
from scipy.stats import binom

from pipeline.codebook import plain_name
from pipeline.counting.findings import Attribute, Represented, Weighted
from pipeline.counting.grouping import NOT_GIVEN
from pipeline.counting.phrases import listed, quoted
from pipeline.counting.significance import LEVEL, Floats, Ints, holm
from pipeline.errors import InputError
from pipeline.files.delimited import DELIMITERS
from pipeline.files.sources import open_table
from pipeline.learning.evaluation import wilson

Line = tuple[int, list[str]]  # number of the row, cells

MOST_LINES = 5000
MOST_VALUES = 1000
NUMBER = re.compile(r"^£?(\d{1,3}(?:[,\s]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\d+,\d{1,2})\s*%?$")
ODD_NUMBER = re.compile(r"^[-−–(]\s*£?[\d,.\s]+\)?$|^\d+(\.\d+)?[eE][+-]?\d+$")  # below 0, or as computers write it
POINT_OR_THOUSAND = re.compile(r"^[1-9]\d{0,2}\.\d{3}$")
BAND = re.compile(r"(?:aged? )?(\d+)(?: years?)?(?: to| and)? (\d+)(?: years?)?(?: old)?(?: inclusive)?")
UP_TO = re.compile(r"(?:aged? )?(?:under|below|less than) (\d+)(?: years?)?(?: old)?")
FROM = re.compile(r"(?:aged? )?(\d+)(?: years?)?(?: old)? (?:plus|(?:and|or) (?:over|above|older|more))")
YEAR = re.compile(r"^(19|20)\d\d$")
AREA_CODE = re.compile(r"^[EWSNK]\d{8}$")
TOTAL = re.compile(r"^(grand )?total\b|\btotal$|^all\b(?! other)")
CODE_HEADER = re.compile(r"\b(code|mnemonic|id)$")
SHARE_HEADER = re.compile(r"%|\bper ?cent|\bshare\b|\bproportion\b")
COUNT_HEADER = re.compile(r"\b(population|count|number|persons|people|residents|observation|total|all)\b")
MARKS = frozenset({"c", "[c]", "x", "[x]", "z", "[z]", "-", "–", "..", ":", "*", "~", "n/a", "na"})
ROUNDED = 0.01  # by how much parts may miss their total
LARGE = 1000  # people; among smaller numbers one may be the sum of the others by chance
SUGGESTED = 0.4  # likeness of a name worth suggesting
NAMED = 6
MISSPELT = 0.8  # likeness above which a value that nobody is of is taken for a misspelt one
MOST_UNTOLD = 0.05  # of the respondents, whose number must not be told and who therefore stay in the base
OVER, UNDER, EXPECTED = "over", "under", "as expected"


@dataclass(frozen=True)
class Population:
    """How many people, or per cent of them, are of each value of an attribute, in the order of the file.

    source: name of the file. notes: which rows and columns were read and which left out.
    """

    values: tuple[str, ...]
    counts: tuple[float, ...]
    source: str
    notes: tuple[str, ...] = ()

    @property
    def shares(self) -> Floats:
        """Share of each value, adding up to 1."""
        counts = np.array(self.counts)
        return np.asarray(counts / counts.sum())


# ---- reading a population table --------------------------------------------------------------------------------------


def read_population(path: Path, column: str = "") -> Population:
    """Reads the table of a population: CSV in any usual encoding and delimiter, or a workbook.

    It needs a column of names and one of numbers or per cents. Titles above and notes below are passed over, totals
    and columns of area codes left out and told. column: the attribute, to choose among columns of names; one row of
    numbers under several names is read across. Raises InputError where it is not clear what is meant.
    """
    lines = _block(path)
    header, rows = _header(lines)
    _check_gaps(lines, rows, path)
    below = [quoted(cells[0]) for n, cells in lines if n > rows[-1][0]]
    notes = [f"Below the table, and not read: {listed(below, NAMED)}."] if below else []
    if len(rows) == 1 and header and sum(map(_is_number, rows[0][1])) > 1:
        cells = rows[0][1]
        across = [n for n, cell in enumerate(cells) if _is_number(cell) and n < len(header) and header[n]]
        pairs = [(rows[0][0], header[n], _number(cells[n])) for n in across]
    else:
        number, name = _columns(header, rows, column, path)
        pairs = [(n, cells[name], _number(cells[number])) for n, cells in rows if cells[name]]
        if header:
            notes.append(f"Read from the columns {_titled(header, name)} and {_titled(header, number)}.")
        if any("%" in cells[number] for _, cells in rows) or _is_share(header, number):
            notes += _whole_per_cent(pairs, path)
        else:
            _check_points([cells[number] for _, cells in rows], path)
    kept, left = _without_totals(pairs, path)
    _check_names(kept, path)
    return Population(
        tuple(name for _, name, _ in kept), tuple(count for *_, count in kept), path.name, (*notes, *left)
    )


def _block(path: Path) -> list[Line]:
    """The rows between two blank rows that hold most names with numbers, and those of them that are titles or notes.

    The delimiter is the one that gives the most such rows: notes full of commas must not decide it.
    """
    table = open_table(path)
    if table.format != "csv":
        tries = [_stripped(table.rows(), path)]
    else:
        with table.source.open() as file:
            text = file.read().decode(table.encoding, errors="replace")
        tries = [_cut(text, delimiter, path) for delimiter in DELIMITERS]
    segments = [segment for lines in tries for segment in _segments(lines)]
    best = max(segments, key=lambda lines: (sum(map(_is_data, lines)), sum(len(c) > 1 for _, c in lines)), default=[])
    if not any(map(_is_data, best)):
        fix = "give two columns, such as `ward,population`, with a row for each value"
        raise InputError("holds no names with numbers beside them", where=path, fix=fix)
    if sum(map(_is_data, best)) > MOST_VALUES:
        fix = "keep the rows of one area, or group the values"
        raise InputError(f"holds over {MOST_VALUES:,} rows of numbers", where=path, fix=fix)
    return best


def _cut(text: str, delimiter: str, path: Path) -> list[Line]:
    try:
        return _stripped(enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 1), path)
    except csv.Error:
        return []


def _stripped(rows: Iterable[Line], path: Path) -> list[Line]:
    """The rows without spaces around their cells. Raises InputError where there are too many for a table of values."""
    found = [(n, [cell.strip() for cell in cells]) for n, cells in islice(rows, MOST_LINES + 1)]
    if len(found) > MOST_LINES:
        fix = "keep the rows of one area, with a row for each value"
        raise InputError(f"has over {MOST_LINES:,} rows, too many for a table of a population", where=path, fix=fix)
    return found


def _segments(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines cut at blank rows, which some readers leave out and only the numbers of the others tell of."""
    out: list[list[Line]] = [[]]
    last = 0
    for n, cells in lines:
        if not any(cells):
            continue
        if n > last + 1:
            out.append([])
        out[-1].append((n, cells))
        last = n
    return out


def _is_number(cell: str) -> bool:
    return NUMBER.match(cell) is not None


def _number(cell: str) -> float:
    plain = re.sub(r"[£%\s]", "", cell)
    decimal_comma = re.fullmatch(r"\d+,\d{1,2}", plain)
    return float(plain.replace(",", "." if decimal_comma else ""))


def _is_data(line: Line) -> bool:
    """Whether a row has a name and a number; `Date:, 2021` is a title."""
    cells = line[1]
    filled = [cell for cell in cells if cell]
    return len(filled) > 1 and any(map(_is_number, cells[1:])) and not filled[0].endswith(":")


def _header(lines: Sequence[Line]) -> tuple[list[str], list[Line]]:
    """The names of the columns, none where there are none, and the rows of numbers. Census tables may have a year for
    the name of their column of numbers."""
    rows = [line for line in lines if _is_data(line)]
    above = [cells for n, cells in lines if n < rows[0][0] and len([c for c in cells if c]) > 1]
    above = [cells for cells in above if not next(cell for cell in cells if cell).endswith(":")]
    numbers = [cell for cell in rows[0][1][1:] if _is_number(cell)]
    if not above and len(rows) > 1 and all(map(YEAR.match, numbers)):
        return rows[0][1], rows[1:]
    return (above[-1] if above else []), rows


def _check_gaps(lines: Sequence[Line], rows: Sequence[Line], path: Path) -> None:
    """Raises InputError at a row among the others whose number cannot be read, or with a mark in its place."""
    known, (first, last) = {n for n, _ in rows}, (rows[0][0], rows[-1][0])
    for n, cells in lines:
        filled = [cell for cell in cells if cell]
        marked = len(filled) > 1 and bool(cells[0]) and {cell.casefold() for cell in filled[1:]} <= MARKS
        odd = any(map(ODD_NUMBER.match, filled[1:]))
        if n not in known and (marked or odd or (first < n < last and len(filled) > 1)):
            what = f"{quoted(filled[1])} beside {quoted(filled[0])} is no number"
            raise InputError(what, where=f"{path}, row {n}", fix="write a number there, or delete the row")


def _columns(header: Sequence[str], rows: Sequence[Line], column: str, path: Path) -> tuple[int, int]:
    """The places of the numbers and of the names."""
    width = min(len(cells) for _, cells in rows)
    titles = [plain_name(header[n]) if n < len(header) else "" for n in range(width)]
    cells = [[cells[n] for _, cells in rows] for n in range(width)]
    codes = {n for n in range(width) if CODE_HEADER.search(titles[n]) or all(map(AREA_CODE.match, cells[n]))}
    names = [n for n in range(width) if n not in codes and not all(map(_is_number, cells[n]))]
    names = [n for n in names if len(set(cells[n])) == len(rows)] or names or [0]
    name = next((n for n in names if column and titles[n] == plain_name(column)), names[0])
    numbers = [n for n in range(width) if n not in codes and n != name and all(map(_is_number, cells[n]))]
    chosen = _one_of(numbers, header, titles, cells)
    if chosen is None:
        told = listed([_titled(header, n) for n in numbers], NAMED)
        what = f"has several columns of numbers: {told}" if numbers else "has no column with a number in every row"
        raise InputError(what, where=path, fix="keep the column of names and one of numbers")
    return chosen, name


def _one_of(
    numbers: Sequence[int], header: Sequence[str], titles: Sequence[str], cells: Sequence[Sequence[str]]
) -> int | None:
    """The one column of counts: not of per cents beside counts, and by its name where there are still several."""
    counts = [n for n in numbers if not _is_share(header, n) and "%" not in cells[n][0]] or list(numbers)
    named = [n for n in counts if COUNT_HEADER.search(titles[n])]
    for found in (counts, named):
        if len(found) == 1:
            return found[0]
    return None


def _is_share(header: Sequence[str], n: int) -> bool:
    return n < len(header) and SHARE_HEADER.search(header[n].casefold()) is not None


def _titled(header: Sequence[str], n: int) -> str:
    return quoted(header[n]) if n < len(header) and header[n] else f"number {n + 1}"


def _without_totals(
    pairs: Sequence[tuple[int, str, float]], path: Path
) -> tuple[list[tuple[int, str, float]], list[str]]:
    """The values without totals and without those that nobody is of, and notes on what was left out."""
    notes = []
    whole = sum(count for *_, count in pairs)
    kept = [pair for pair in pairs if not TOTAL.search(pair[1].casefold())]
    for end in (kept[:1], kept[-1:]) if len(kept) == len(pairs) and whole >= LARGE else ():
        if end and 2 * end[0][2] == whole:  # the sum of all the others, whatever it is called, as of the whole borough
            kept = [pair for pair in kept if pair not in end]
    parts = sum(count for *_, count in kept)
    for _, name, count in [pair for pair in pairs if pair not in kept]:
        notes.append(f"Left out as a total: {quoted(name)}.")
        if abs(count - parts) > ROUNDED * count:
            notes.append(f"{quoted(name)} is {count:,.10g}, but the rows read add up to {parts:,.10g}.")
    if empty := [quoted(name) for _, name, count in kept if not count]:
        notes.append(f"Left out, as nobody is of them: {listed(empty, NAMED)}.")
    kept = [pair for pair in kept if pair[2]]
    if len(kept) < 2:
        what = "holds fewer than two values" if whole else "holds no people"
        raise InputError(what, where=path, fix="give a row for each value of the attribute, with its number")
    return kept, notes


def _check_points(cells: Sequence[str], path: Path) -> None:
    """Raises InputError where points may part thousands."""
    if point := next(filter(POINT_OR_THOUSAND.match, cells), None):
        what = f"{quoted(point)} may be a thousand or a decimal"
        raise InputError(what, where=path, fix="write numbers of people without points")


def _whole_per_cent(pairs: Sequence[tuple[int, str, float]], path: Path) -> list[str]:
    """A note where per cents add up to less than 100, with or without a total. Raises InputError where to more."""
    total = sum(count for _, name, count in pairs if not TOTAL.search(name.casefold()))
    if total > 100 * (1 + ROUNDED):
        what, fix = (
            f"the per cents add up to {total:,.4g}",
            "keep one row for each value, and no value beside its parts",
        )
        raise InputError(what, where=path, fix=fix)
    return (
        []
        if abs(total - 100) <= 100 * ROUNDED
        else [f"The per cents add up to {total:,.4g}, and are taken as parts of that."]
    )


def _check_names(pairs: Sequence[tuple[int, str, float]], path: Path) -> None:
    """Raises InputError where a value is there twice, or beside parts of itself."""
    seen: dict[str, str] = {}
    for n, name, _ in pairs:
        if (plain := _plain(name)) in seen:
            what, fix = f"{quoted(seen[plain])} is there twice", "keep one row for each value, of one area and year"
            raise InputError(what, where=f"{path}, row {n}", fix=fix)
        seen[plain] = name
    for n, name, _ in pairs:
        whole = name.partition(":")[0]
        if ":" in name and _plain(whole) in seen:
            what = f"{quoted(whole)} is there, and its part {quoted(name)} too"
            raise InputError(what, where=f"{path}, row {n}", fix="keep the values of one level only")


# ---- matching --------------------------------------------------------------------------------------------------------


def _plain(value: str) -> str:
    """A value as values are compared, spaces only told apart beside numbers. Bands are the same however they are put.

    >>> _plain("Eel-hithe") == _plain("Eelhithe"), _plain("65+") == _plain("Aged 65 years and over")
    (True, True)
    >>> _plain("18-24") == _plain("18 to 24"), _plain("65+") == _plain("65"), _plain("1 2") == _plain("12")
    (True, False, False)
    """
    for mark, word in (("&", " and "), ("+", " plus "), ("<", " under "), (">", " over ")):
        value = value.replace(mark, word)
    plain = plain_name(value)
    for pattern, words in ((BAND, "{} to {}"), (UP_TO, "under {}"), (FROM, "{} plus")):
        if found := pattern.fullmatch(plain):
            return words.format(*found.groups())
    return plain if any(map(str.isdigit, plain)) else plain.replace(" ", "")


def match_values(values: Iterable[str], population: Population) -> dict[str, int]:
    """Value of an export → its place in the population, by name but for case, spaces, punctuation and how bands of
    numbers are put. Others are not in it: none is matched for being like another."""
    places = {_plain(name): n for n, name in enumerate(population.values)}
    return {value: places[_plain(value)] for value in values if _plain(value) in places and value != NOT_GIVEN}


def membership(values: Sequence[str], population: Population) -> Ints:
    """The place in the population of each respondent's value, -1 where it is not given or not there."""
    places = match_values(dict.fromkeys(values), population)
    return np.array([places.get(value, -1) for value in values], dtype=int)


# ---- who answered ----------------------------------------------------------------------------------------------------


def who_answered(
    respondents: Mapping[str, int],
    population: Population,
    column: str,
    smallest: int = 0,
    hidden: Collection[str] | None = None,
    weighted: Sequence[Weighted] = (),
    notes: Sequence[str] = (),
) -> Attribute:
    """The respondents by value of a column against the population.

    respondents: value → how many, `(not given)` for a blank. A value of the population that nobody is of has 0.
    Over or under: the share differs from the population's by an exact binomial test, allowing for all values at once
    (Holm); intervals are Wilson's. Values with fewer than `smallest` respondents have no numbers, nor have others from
    which one could be worked out: those named in `hidden`, as the tables by the column hide them, else the next
    smallest. weighted, notes: what `pipeline.counting.weighting` found. Raises InputError where no value is in the
    population, or one that nobody is of seems to be a value of the column spelt otherwise: it would be told as missing.
    """
    places = match_values(respondents, population)
    counts = _counts(respondents, places, population)
    if not counts.sum():
        raise _no_match(respondents, population, column)
    _check_spelling(respondents, places, population, column)
    untold = {
        value: count
        for value, count in respondents.items()
        if value not in places and (0 < count < smallest or value in (hidden or ()))
    }
    total = sum(respondents.values())
    told = sum(untold.values()) <= MOST_UNTOLD * total
    secret = secret_places(respondents, population, smallest, hidden) if told else range(len(counts))
    base = int(counts.sum()) + sum(untold.values())
    return Attribute(
        column,
        population.source,
        tuple(_represented(population, counts, base, secret)),
        tuple(weighted),
        (
            *_matching_words(respondents, places, population, column),
            *_left_out_words(respondents, places, untold, population, column),
            *(() if told else ("Not shown: the figures would give away numbers that are not published.",)),
            *population.notes,
            f"Over and under allow for all {len(counts)} values at once (exact binomial tests, Holm, 5 %).",
            *notes,
        ),
    )


def secret_places(
    respondents: Mapping[str, int], population: Population, smallest: int, hidden: Collection[str] | None = None
) -> set[int]:
    """Places of the values that must not be shown, as `who_answered` takes them."""
    places = match_values(respondents, population)
    counts = _counts(respondents, places, population)
    if hidden is None:
        return hidden_values(counts.tolist(), smallest)
    small = {n for n, count in enumerate(counts.tolist()) if 0 < count < smallest}
    return small | {place for value, place in places.items() if value in hidden}


def hidden_values(counts: Sequence[int], smallest: int) -> set[int]:
    """Places of the counts that must not be shown: those from 1 to below `smallest`, and the next smallest until what
    is hidden are two or more that together are not small, for their sum is known from the total.

    >>> sorted(hidden_values([160, 3, 118, 0], 5)), hidden_values([160, 118], 5)
    ([1, 2], set())
    """
    order = sorted((n for n, count in enumerate(counts) if count > 0), key=lambda n: counts[n])
    small = [n for n in order if counts[n] < smallest]
    while small and len(small) < len(order) and (len(small) < 2 or sum(counts[n] for n in small) < smallest):
        small.append(order[len(small)])
    return set(small)


def _counts(respondents: Mapping[str, int], places: Mapping[str, int], population: Population) -> Ints:
    """Respondents by value of the population."""
    counts = np.zeros(len(population.values), dtype=int)
    for value, place in places.items():
        counts[place] += respondents[value]
    return counts


def _represented(population: Population, counts: Ints, base: int, secret: Collection[int]) -> Iterator[Represented]:
    """base: the respondents of known value, and those whose number must not follow from the shares."""
    expected = population.shares
    tails = np.minimum(binom.cdf(counts, base, expected), binom.sf(counts - 1, base, expected))
    sure = holm(np.minimum(1.0, 2 * tails)) <= LEVEL
    for n, value in enumerate(population.values):
        share = float(expected[n])
        if n in secret:
            yield Represented(value, None, None, None, None, share, "")
            continue
        count = int(counts[n])
        verdict = (OVER if count / base > share else UNDER) if sure[n] else EXPECTED
        yield Represented(value, count, count / base, *wilson(count, base), share, verdict)


def _no_match(respondents: Mapping[str, int], population: Population, column: str) -> InputError:
    given = [quoted(value) for value in respondents if value != NOT_GIVEN]
    what = f"none of its values ({listed(map(quoted, population.values), 3)}) is a value of {quoted(column)}"
    fix = f"name them as in the export: {listed(given, 3)}" if given else "choose a column that was filled in"
    return InputError(what, where=population.source, fix=fix)


def _check_spelling(
    respondents: Mapping[str, int], places: Mapping[str, int], population: Population, column: str
) -> None:
    """Raises InputError where a value that nobody is of is nearly that of somebody."""
    found = {place for value, place in places.items() if respondents[value]}
    nobody = {_plain(name): name for n, name in enumerate(population.values) if n not in found}
    for value in respondents:
        near = get_close_matches(_plain(value), nobody, n=1, cutoff=MISSPELT)
        if near and value not in places and value != NOT_GIVEN:
            name = quoted(nobody[near[0]])
            what = f"nobody is of {name}, but {quoted(column)} has {quoted(value)}"
            fix = f"write {quoted(value)} in place of {name} if they are the same, or else leave {name} out"
            raise InputError(what, where=population.source, fix=fix)


def _matching_words(
    respondents: Mapping[str, int], places: Mapping[str, int], population: Population, column: str
) -> Iterator[str]:
    """How many values were matched, which nobody is of, and what an unmatched value might have meant."""
    size, found = len(population.values), {place for value, place in places.items() if respondents[value]}
    yield f"{len(found)} of the {size} values of {population.source} were found in {quoted(column)}, by name."
    if absent := [quoted(name) for n, name in enumerate(population.values) if n not in found]:
        yield f"No respondent is of {listed(absent, NAMED)}."
    if unmatched := [value for value in respondents if value not in places and value != NOT_GIVEN]:
        yield f"Not in {population.source}: {listed([_suggested(v, population) for v in unmatched], NAMED)}."


def _left_out_words(
    respondents: Mapping[str, int],
    places: Mapping[str, int],
    untold: Collection[str],
    population: Population,
    column: str,
) -> Iterator[str]:
    """How many respondents have no value that could be compared."""
    unmatched = [value for value in respondents if value not in places and value != NOT_GIVEN]
    kinds = {
        f"whose {quoted(column)} is not given": [NOT_GIVEN] if NOT_GIVEN in respondents else [],
        f"whose {quoted(column)} is not in {population.source}": unmatched,
    }
    for whose, values in kinds.items():
        if count := sum(respondents[value] for value in values if value not in untold):
            yield f"Left out of the comparison: {count:,} respondent{'' if count == 1 else 's'} {whose}."
    if untold:
        yield "Some whose value is not known are counted in the base of the shares, too few to be told."


def _suggested(value: str, population: Population) -> str:
    plain = {_plain(name): name for name in population.values}
    near = get_close_matches(_plain(value), plain, n=1, cutoff=SUGGESTED)
    return f"{quoted(value)} (is it {quoted(plain[near[0]])}?)" if near else quoted(value)
