"""Frequency tables of a run: how many people raised what, of how many, with an interval. Counting only, no writing."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.codebook import Codebook, Entry, Facet, Wording, load_codebook, parse_codebook, split_codes
from pipeline.copies import CAMPAIGN
from pipeline.errors import InputError
from pipeline.evaluation import wilson
from pipeline.replacing import finish_replacing
from pipeline.responses import read_cell
from pipeline.review_store import FILE as DECISIONS
from pipeline.review_store import Store

NO_CODE = "(no code)"
NOT_GIVEN = "(not given)"
INFERRED = " (inferred)"
GIVEN = "given"
NOT_CHECKED = "not checked"
MOST_VALUES = 1000
COUNTS = ("responses", "comments", "blank", "no_content", "not_english", "rejected", "coded")
CAMPAIGNS = ("campaign", "campaign_size")  # columns that runs coded by an earlier version lack
FILES = ("coded.csv", "codebook.toml", "manifest.json")
CODE_AGAIN = "feedback classify EXPORT --out RUN"


@dataclass(frozen=True)
class Row:
    """One line of a frequency table: one code, among all respondents or within one value of a group.

    code: id of the code, empty for the row of those without any code of the facet; name: as it is printed.
    group, value: column and value the row is limited to; None in the overall table.
    comments: comments with the code; respondents: people with at least one such comment; base: people who wrote
    something with content. share = respondents / base, low and high its 95 % interval, all three from 0 to 1.
    status: `not checked`, `corrected` or `suppressed`.
    inferred: of the respondents, those whose code of an exclusive facet the tool inferred; 0 for other facets.
    comments_once: comments with the code, each campaign among them counted as one.
    """

    facet: str
    code: str
    name: str
    group: str | None
    value: str | None
    comments: int
    respondents: int
    base: int
    share: float
    low: float
    high: float
    status: str
    inferred: int
    comments_once: int = 0


@dataclass(frozen=True)
class Tables:
    """All rows of a run's tables, overall table first, then by group; codes in the order of the codebook.

    responses: responses in the export; base: those of them who wrote something with content.
    wording: name of the published wording the names follow; headings: printed name of each facet by id.
    notes: how it was counted and what was set apart, the sentence on the base first.
    """

    title: str
    rows: tuple[Row, ...]
    responses: int
    base: int
    wording: str | None
    notes: tuple[str, ...]
    headings: Mapping[str, str]

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns that the respondents are grouped by."""
        return tuple(dict.fromkeys(row.group for row in self.rows if row.group is not None))

    def of(self, facet: str, group: str | None = None) -> tuple[Row, ...]:
        """The rows of a facet, overall or by a group; none for an exclusive facet by itself."""
        return tuple(row for row in self.rows if row.facet == facet and row.group == group)


@dataclass(frozen=True)
class _Group:
    """Who is counted where: `members` has a line per comment and value (row, response, value)."""

    column: str | None
    members: pd.DataFrame
    values: tuple[str, ...]
    bases: Mapping[str, int]


def frequency_tables(run: Path, by: Sequence[str] = (), wording: str | None = None) -> Tables:
    """The frequency tables of a run folder, overall and by each column, question or facet named in `by`.

    wording: id or name of a published wording of the codebook, whose names are then printed for its facet.
    Raises InputError for a folder that is no run or a column that is not there, CodebookError for an unknown wording.
    """
    finish_replacing(run)
    for name in FILES:
        if not (run / name).is_file():
            raise InputError(f"is no run folder: {name} is missing", where=run, fix=f"make one with {CODE_AGAIN}")
    decided, edited = _decided(run)
    whole = edited or load_codebook(run / "codebook.toml")
    published = whole.wording_named(wording) if wording is not None else None
    counts = _counts(run / "manifest.json")
    columns = tuple(dict.fromkeys(by))
    book = _coded_facets(whole, run / "coded.csv")
    frame = _with_decisions(_coded(run / "coded.csv", book, columns), book, decided)
    names = {facet.id: _names(facet, published) for facet in book.facet}
    mentions = {facet.id: _mentions(frame, facet, run / "coded.csv") for facet in book.facet}
    groups = [_everyone(frame), *(_group(column, frame, book, mentions, names, run) for column in columns)]
    pairs = [(group, facet) for group in groups for facet in book.facet if not _itself(group, facet)]
    return Tables(
        title=book.name,
        rows=tuple(
            row for group, facet in pairs for row in _rows(group, facet, frame, mentions[facet.id], names[facet.id])
        ),
        responses=counts["responses"],
        base=groups[0].bases[""],
        wording=published.name if published else None,
        notes=(
            *_notes(book, counts, frame, mentions, groups),
            *_not_coded(whole, book),
            *(_about_wording(published, whole.by_id[published.facet]) if published else ()),
        ),
        headings={facet.id: facet.name for facet in book.facet},
    )


# ---- reading a run -------------------------------------------------------------------------------------------------


def _counts(path: Path) -> dict[str, int]:
    """The counts of the manifest, all of them."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError("is not valid JSON", where=path, fix=f"code the export again: {CODE_AGAIN}") from None
    for name in COUNTS:
        if not isinstance(manifest, dict) or not isinstance(manifest.get(name), int):
            raise InputError(f"the count {name!r} is missing", where=path, fix=f"code the export again: {CODE_AGAIN}")
    return {name: manifest[name] for name in COUNTS}


def _coded(path: Path, book: Codebook, by: Sequence[str]) -> pd.DataFrame:
    """The columns that are counted, as text; `response` numbers the respondents."""
    header = _header(path)
    places = _places(header, book)
    _check_columns(path, places, book, by)
    needed = [
        "comment_id",
        "response_id",
        *book.by_id,
        *_sources(book, places),
        *(name for name in CAMPAIGNS if name in places),
        *(c for c in by if c not in book.by_id),
    ]
    at = {places[name]: name for name in needed}
    try:
        frame = pd.read_csv(
            path,
            encoding="utf-8-sig",
            header=0,
            names=list(range(len(header))),
            usecols=sorted(at),
            index_col=False,
            dtype=str,
            keep_default_na=False,
        )
    except ValueError as error:  # pandas' ParserError and UnicodeDecodeError are ValueErrors
        reason = str(error).splitlines()[0]
        raise InputError(f"cannot be read ({reason})", where=path, fix=f"code again: {CODE_AGAIN}") from None
    frame = frame.rename(columns=at).fillna("")
    return frame.assign(response=pd.factorize(frame["response_id"])[0], voice=_voices(frame))


def _voices(frame: pd.DataFrame) -> pd.Series:
    """A number for each comment, the same for all of a campaign. No campaign is known where its columns are missing."""
    alone = pd.Series(-1 - frame.index, index=frame.index)
    if not set(CAMPAIGNS) <= set(frame):
        return alone
    campaign, size = (pd.to_numeric(frame[name], errors="coerce").fillna(0) for name in CAMPAIGNS)
    return alone.mask((campaign > 0) & (size >= CAMPAIGN), campaign).astype("int64")


def _decided(run: Path) -> tuple[dict[str, dict[str, str]], Codebook | None]:
    """What people decided, facet → comment → codes joined by `|`, and the codebook as they edited it."""
    if not (run / DECISIONS).is_file():
        return {}, None
    found: dict[str, dict[str, str]] = {}
    with Store(run) as store:
        for one in store.standing():
            found.setdefault(one.facet, {})[one.comment_id] = "|".join(one.codes or ())
        edited = store.book()
    return found, parse_codebook(edited, run / DECISIONS) if edited else None


def _with_decisions(frame: pd.DataFrame, book: Codebook, decided: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """The comments with what people decided in place of what the tool said, and how many facets of each they did."""
    by_people = pd.Series(0, index=frame.index)
    for facet in book.facet:
        codes = frame["comment_id"].map(read_cell).map(decided.get(facet.id, {}))
        known = codes.notna()
        frame[facet.id] = frame[facet.id].mask(known, codes)
        if f"{facet.id}_source" in frame:
            frame[f"{facet.id}_source"] = frame[f"{facet.id}_source"].mask(known, GIVEN)
        by_people += known
    return frame.assign(by_people=by_people)


def _coded_facets(book: Codebook, path: Path) -> Codebook:
    """The codebook with the facets that the model coded; it leaves out those it had nothing to learn from."""
    header = _header(path)
    facets = tuple(facet for facet in book.facet if facet.id in header)
    if not facets:
        fix = f"the file was changed; code the export again: {CODE_AGAIN}"
        raise InputError("there is no column of codes", where=path, fix=fix)
    return replace(book, facet=facets)


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return [read_cell(name) for name in next(csv.reader(file), [])]


def _places(header: Sequence[str], book: Codebook) -> dict[str, int]:
    """Where each column stands. The run's own columns come last, so an export's column of the same name is not they."""
    own = {*book.by_id, *(f"{facet}_source" for facet in book.by_id)}
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        if name in own or name not in places:
            places[name] = place
    return places


def _sources(book: Codebook, places: Mapping[str, int]) -> list[str]:
    return [f"{f.id}_source" for f in book.facet if f.exclusive and f"{f.id}_source" in places]


def _check_columns(path: Path, places: Mapping[str, int], book: Codebook, by: Sequence[str]) -> None:
    """Raises InputError for a column of the run that is gone, or one named in `by` that is not there."""
    for name in ("comment_id", "response_id"):
        if name not in places:
            fix = f"the file was changed; code the export again: {CODE_AGAIN}"
            raise InputError(f"the column {name!r} is missing", where=path, fix=fix)
    hidden = {"comment_id", "response_id", "text", *(f"{facet}_probability" for facet in book.by_id)}
    known = [name for name in places if name not in hidden and not name.startswith(tuple(f"{f}:" for f in book.by_id))]
    for name in by:
        if name not in known:
            near = {k.casefold(): k for k in reversed(known)}
            best = near[get_close_matches(name.casefold(), near, n=1, cutoff=0.0)[0]]
            fix = f"did you mean {best!r}? There are: {', '.join(known)}"
            raise InputError(f"there is no column {name!r} to count by", where=path, fix=fix)


def _mentions(frame: pd.DataFrame, facet: Facet, path: Path) -> pd.DataFrame:
    """A line per comment and code (row, code, given); a comment without code has one line with the code empty."""
    ids = {cell: _ids(read_cell(cell), facet, path) for cell in frame[facet.id].unique()}
    codes = frame[facet.id].astype(object).map(ids).explode()
    source = f"{facet.id}_source"
    given = (frame[source] == GIVEN) if source in frame else pd.Series(False, index=frame.index)
    return pd.DataFrame({"row": codes.index, "code": codes.to_numpy(), "given": given.to_numpy()[codes.index]})


def _ids(cell: str, facet: Facet, path: Path) -> tuple[str, ...]:
    """The ids of the codes named in a cell, each once; one empty id where there is none."""
    found = {name: facet.find(name) for name in split_codes(cell)}
    for name, id_ in found.items():
        if id_ is None:
            fix = f"the file was changed; did you mean {facet.by_id[facet.nearest(name)].name!r}?"
            raise InputError(f"{name!r} is no code of facet {facet.id!r} in the run's codebook", where=path, fix=fix)
    return tuple(dict.fromkeys(id_ for id_ in found.values() if id_)) or ("",)


# ---- groups --------------------------------------------------------------------------------------------------------


def _everyone(frame: pd.DataFrame) -> _Group:
    members = pd.DataFrame({"row": frame.index, "response": frame["response"], "value": ""})
    return _Group(None, members, ("",), {"": int(frame["response"].nunique())})


def _group(
    column: str,
    frame: pd.DataFrame,
    book: Codebook,
    mentions: Mapping[str, pd.DataFrame],
    names: Mapping[str, Mapping[str, str]],
    run: Path,
) -> _Group:
    """The values of a column or facet, largest first, those without a value last."""
    if column in book.by_id:
        members, blank = _by_facet(book.by_id[column], mentions[column], names[column])
    else:
        values = frame[column].map({cell: read_cell(cell).strip() or NOT_GIVEN for cell in frame[column].unique()})
        members, blank = pd.DataFrame({"row": frame.index, "value": values}), NOT_GIVEN
    members = members.assign(response=frame["response"].to_numpy()[members["row"]])
    bases = {str(value): int(n) for value, n in members.groupby("value")["response"].nunique().items()}
    if len(bases) > MOST_VALUES:
        fix = "group them in the export, such as ages into bands, and code it again"
        raise InputError(f"{column!r} has {len(bases):,} different values", where=run / "coded.csv", fix=fix)
    ordered = sorted(bases, key=lambda value: (value == blank, -bases[value], value.casefold(), value))
    return _Group(column, members, tuple(ordered), bases)


def _by_facet(facet: Facet, mentions: pd.DataFrame, names: Mapping[str, str]) -> tuple[pd.DataFrame, str]:
    """Comments by their codes of a facet, inferred ones of an exclusive facet apart, and what no code is called."""
    blank = NOT_GIVEN if facet.exclusive else NO_CODE
    values = mentions["code"].map({**names, "": blank})
    if facet.exclusive:
        values = values.mask(~mentions["given"] & (mentions["code"] != ""), values + INFERRED)
    return pd.DataFrame({"row": mentions["row"], "value": values}), blank


def _itself(group: _Group, facet: Facet) -> bool:
    """Whether an exclusive facet would be counted by itself, which says nothing."""
    return facet.exclusive and group.column == facet.id


# ---- counting ------------------------------------------------------------------------------------------------------


def _rows(
    group: _Group, facet: Facet, frame: pd.DataFrame, mentions: pd.DataFrame, names: Mapping[str, str]
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
    facet: str, code: str, name: str, group: _Group, value: str, comments: int, respondents: int, inferred: int
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
        low=low,
        high=high,
        status=NOT_CHECKED,
        inferred=inferred,
    )


def _tally(lines: pd.DataFrame) -> dict[Any, int]:
    """How many lines there are for each (value, code)."""
    return {place: int(n) for place, n in lines.groupby(["value", "code"], sort=False).size().items()}


# ---- names and notes -----------------------------------------------------------------------------------------------


def _names(facet: Facet, published: Wording | None) -> dict[str, str]:
    """The printed name of each code: its own, or the published one."""
    if published is None or published.facet != facet.id:
        return {code.id: code.name for code in facet.code}
    entries = published.by_code
    return {code.id: entries[code.id].name or f"{code.name} (no counterpart)" for code in facet.code}


def _notes(
    book: Codebook,
    counts: Mapping[str, int],
    frame: pd.DataFrame,
    mentions: Mapping[str, pd.DataFrame],
    groups: Sequence[_Group],
) -> tuple[str, ...]:
    """How it was counted, what was set apart, and what the reader must not take the numbers for."""
    base = groups[0].bases[""]
    notes = [
        f"Base: {base:,} respondent{_s(base)} of {counts['responses']:,} who wrote something with content; "
        "a respondent may have several codes, so shares do not add up to 100 %.",
        _set_apart(counts),
        _who_coded(frame),
        *_about_campaigns(frame),
        "The interval is Wilson's 95 % interval of a share. It allows for chance in who answered, "
        "not for errors of the tool, nor for who chose not to answer.",
    ]
    if len(frame) != counts["coded"]:
        notes.append(f"coded.csv holds {len(frame):,} comments, its manifest says {counts['coded']:,}: it was changed.")
    notes += [_known(facet, frame, mentions[facet.id], base) for facet in book.facet if facet.exclusive]
    return (*notes, *_about_groups(groups[1:]))


def _who_coded(frame: pd.DataFrame) -> str:
    """Whose codes are counted."""
    people = int((frame["by_people"] > 0).sum())
    if not people:
        return (
            "The codes were given by the tool and have not been checked by people; the shares are those of its codes."
        )
    return (
        f"People decided the codes of {people:,} of the {len(frame):,} comments; the others have those the tool gave "
        "them, which have not been checked."
    )


def _about_campaigns(frame: pd.DataFrame) -> list[str]:
    """How many comments belong to campaigns, and how they are counted."""
    sizes = frame.loc[frame["voice"] > 0, "voice"].value_counts()
    if sizes.empty:
        return []
    n, once = int(sizes.sum()), frame["voice"].nunique()
    return [
        f"Every submission is counted. {n:,} of the {len(frame):,} comments belong to {len(sizes):,} "
        f"campaign{_s(len(sizes))}, {CAMPAIGN} or more comments of the same or nearly the same words; with each "
        f"campaign counted once there would be {once:,} comment{_s(once)}."
    ]


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _set_apart(counts: Mapping[str, int]) -> str:
    return (
        f"{counts['coded']:,} comment{_s(counts['coded'])} coded. Set apart and not in the tables: "
        f"{counts['no_content']:,} without content (such as “n/a”), {counts['not_english']:,} not in English, "
        f"{counts['rejected']:,} row{_s(counts['rejected'])} of the export rejected; "
        f"{counts['blank']:,} answer{_s(counts['blank'])} left blank."
    )


def _known(facet: Facet, frame: pd.DataFrame, mentions: pd.DataFrame, base: int) -> str:
    """For how many respondents the code of an exclusive facet is given, inferred or not known."""
    people = mentions.assign(response=frame["response"].to_numpy()[mentions["row"]])
    coded = people[people["code"] != ""]
    any_, given = coded["response"].nunique(), coded[coded["given"]]["response"].nunique()
    return (
        f"{facet.name}: inferred by the tool for {any_ - given:,} respondent{_s(any_ - given)}, "
        f"given in the export for {given:,}, not known for {base - any_:,}."
    )


def _about_groups(groups: Sequence[_Group]) -> list[str]:
    """What the base is in the tables by group, and who is counted under several values."""
    if not groups:
        return []
    columns = ", ".join(str(group.column) for group in groups)
    notes = [f"By {columns}: the base is the respondents who wrote something with content under that value."]
    for group in groups:
        people = group.members.drop_duplicates(["response", "value"])["response"].value_counts()
        if n := int((people > 1).sum()):
            notes.append(f"By {group.column}: {n:,} respondent{_s(n)} counted under more than one value.")
    return notes


def _not_coded(whole: Codebook, coded: Codebook) -> list[str]:
    left = [facet.name for facet in whole.facet if facet.id not in coded.by_id]
    return [f"{name}: not coded in this run, so there is no table of it." for name in left]


def _about_wording(published: Wording, facet: Facet) -> list[str]:
    """A note for each name that does not mean the same as the code that was counted."""
    notes = [f"Names of {facet.name} as in: {published.name}. What was counted are the codes of the codebook."]
    for code in facet.code:
        entry = published.by_code[code.id]
        if entry.relation != "same":
            notes.append(f"{_relation(entry, code.name)}: {entry.note}" if entry.note else _relation(entry, code.name))
    return notes


def _relation(entry: Entry, counted: str) -> str:
    return {
        "narrower": f"{entry.name} (narrower than {counted}, which was counted)",
        "overlaps": f"{entry.name} (overlaps with {counted}, which was counted)",
        "split": f"{entry.name} (counted as one code, {counted}: cannot be told apart without coding again)",
        "none": f"{counted} (no counterpart in this wording)",
    }[entry.relation]
