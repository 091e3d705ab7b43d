"""A coded run read for counting: its comments, what people decided, and the check sample, as one record."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from pipeline.codebook import Codebook, Facet, load_codebook, parse_codebook, split_codes
from pipeline.errors import InputError
from pipeline.exports.responses import read_cell
from pipeline.files.replacing import finish_replacing
from pipeline.stores.review_store import FILE as DECISIONS
from pipeline.stores.review_store import STRATUM, Store
from pipeline.texts.copies import CAMPAIGN

GIVEN = "given"
COUNTS = ("responses", "comments", "blank", "no_content", "not_english", "rejected", "coded")
CAMPAIGNS = ("campaign", "campaign_size")  # columns that runs coded by an earlier version lack
FILES = ("coded.csv", "codebook.toml", "manifest.json")
CODE_AGAIN = "feedback classify EXPORT --out RUN"

Said = Mapping[str, Mapping[str, tuple[str, ...]]]  # coder → comment → codes


@dataclass(frozen=True)
class Check:
    """The check sample. strata: comment → its stratum, empty in a simple sample; said: facet → coder → comment → codes.

    column: the export's column that makes the strata, empty in a simple sample.
    """

    strata: Mapping[str, str]
    said: Mapping[str, Said]

    @property
    def column(self) -> str:
        """The column by which the sample was drawn, empty where it was drawn of all alike."""
        return next((name.partition(STRATUM)[0] for name in self.strata.values() if name), "")


@dataclass(frozen=True)
class RunTable:
    """A run as it is counted.

    book: the codebook with the facets that were coded; whole: with all. counts: those of the manifest. frame: a row for
    each comment in the order of the export: what it was asked for by, `response` and `voice` (numbers of the respondent
    and of the campaign, below 0 for none), for each facet its codes as written and `decided:FACET`, and `by_people`
    (facets decided). mentions: facet → a line per comment and code (row, code, given), the code empty for none.
    """

    run: Path
    book: Codebook
    whole: Codebook
    counts: Mapping[str, int]
    frame: pd.DataFrame
    mentions: Mapping[str, pd.DataFrame]
    check: Check


def read_run(run: Path, columns: Sequence[str] = ()) -> RunTable:
    """Reads a run folder, with the columns, questions or facets to count by.

    Raises InputError for a folder that is no run or was changed, or a column that is not there.
    """
    finish_replacing(run)
    for name in FILES:
        if not (run / name).is_file():
            raise InputError(f"is no run folder: {name} is missing", where=run, fix=f"make one with {CODE_AGAIN}")
    decided, edited, check = _from_people(run)
    whole = edited or load_codebook(run / "codebook.toml")
    counts = _counts(run / "manifest.json")
    path = run / "coded.csv"
    book = _coded_facets(whole, path)
    needed = dict.fromkeys([*columns, *([check.column] if check.column else [])])
    frame = _with_decisions(_coded(path, book, list(needed)), book, decided)
    return RunTable(run, book, whole, counts, frame, {f.id: _mentions(frame, f, path) for f in book.facet}, check)


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


def _from_people(run: Path) -> tuple[dict[str, dict[str, str]], Codebook | None, Check]:
    """What people decided, facet → comment → codes joined by `|`, the codebook as edited, and the check sample."""
    found: dict[str, dict[str, str]] = {}
    said: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {}
    if not (run / DECISIONS).is_file():
        return found, None, Check({}, {})
    with Store(run) as store:
        for one in store.standing():
            found.setdefault(one.facet, {})[one.comment_id] = "|".join(one.codes or ())
        for check in store.check_codes():
            said.setdefault(check.facet, {}).setdefault(check.coder, {})[check.comment_id] = check.codes
        strata = {one.comment_id: one.stratum for one in store.sample()}
        edited = store.book()
    return found, parse_codebook(edited, run / DECISIONS) if edited else None, Check(strata, said)


def _with_decisions(frame: pd.DataFrame, book: Codebook, decided: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """The comments with what people decided in place of what the tool said, and how many facets of each they did."""
    by_people = pd.Series(0, index=frame.index)
    for facet in book.facet:
        codes = frame["comment_id"].map(read_cell).map(decided.get(facet.id, {}))
        known = codes.notna()
        frame[facet.id] = frame[facet.id].mask(known, codes)
        if f"{facet.id}_source" in frame:
            frame[f"{facet.id}_source"] = frame[f"{facet.id}_source"].mask(known, GIVEN)
        frame[f"decided:{facet.id}"] = known
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
    of_facets = (f"{facet}_{what}" for facet in book.by_id for what in ("probability", "why"))
    hidden = {"comment_id", "response_id", "text", *of_facets}
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
