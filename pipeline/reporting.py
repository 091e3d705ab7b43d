"""The report of a run: everything worked out once, then every output written from it."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.counting.change import change, check_same_codebook, claims_of_change, reading_of_change
from pipeline.counting.claims import claims
from pipeline.counting.disclosure import hidden_values, too_few
from pipeline.counting.estimates import FacetPeople
from pipeline.counting.findings import Attribute, Changed, Checked, Claim, Findings, Weighted
from pipeline.counting.grouping import Group, group_by, names_of
from pipeline.counting.population import Population, membership, read_population, who_answered
from pipeline.counting.published import Asked, published
from pipeline.counting.quotes import piles, quotes_of
from pipeline.counting.run_table import RunTable, read_run
from pipeline.counting.shares import FEWEST_CHECKED
from pipeline.counting.tables import CORRECTED, SUPPRESSED, Tables
from pipeline.counting.weighting import Margin, Weights, weighted_rows, weights
from pipeline.errors import InputError, OutputError
from pipeline.files.whole_file import clear_remains, finishing, passing_folder, put_away
from pipeline.learning.quality import Estimate
from pipeline.publishing.evidence import check_ours as check_ours_pack
from pipeline.publishing.evidence import write_pack
from pipeline.publishing.page import write_page
from pipeline.publishing.power_bi import check_ours as check_ours_star
from pipeline.publishing.power_bi import write_star
from pipeline.publishing.story import tell
from pipeline.publishing.word import write_docx
from pipeline.publishing.workbook import write_workbook
from pipeline.reviewing.agreement import CodeCheck
from pipeline.reviewing.checking import Measured, measure
from pipeline.reviewing.review import Review

NOT_WEIGHTED = "No share is shown weighted: it would give away numbers that are not published."
Progress = Callable[[str, int, int], None]
MAKING = "making"
PAGE, WORD, TABLES, STAR, PACK = "report.html", "report.docx", "tables.xlsx", "power-bi", "evidence"


def _silent(step: str, done: int, total: int) -> None:
    pass


# ---- working it out --------------------------------------------------------------------------------------------------


def find(run: Path, asked: Asked, progress: Progress = _silent) -> Findings:
    """Everything that the outputs tell of a run.

    Raises UserError for a folder that is no run, a column or wording that is not there, a population that fits no
    value, and an earlier run of another codebook.
    """
    steps = 5
    progress("counting", 0, steps)
    table = read_run(run, asked.columns)
    tables = published(table, asked)
    progress("comparing", 1, steps)
    attributes = tuple(_attributes(table, tables, asked))
    changed, of_change = _changed(run, tables, asked)
    told = (*claims(tables), *of_change)
    with Review(run) as review:
        progress("choosing quotations", 2, steps)
        quotes = quotes_of(review, tables, asked.columns)
        progress("describing what has no code", 3, steps)
        left = piles(review, tables, asked.smallest)
        progress("measuring the check sample", 4, steps)
        measured = measure(review)
    progress("all is found", steps, steps)
    coded = {comment for of in table.check.said.values() for said in of.values() for comment in said}
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    return Findings(
        tables=tables,
        codebook=table.whole,
        claims=told,
        attributes=attributes,
        earlier=asked.against.resolve().name if asked.against else "",
        changed=changed,
        quotes=quotes,
        piles=left,
        checked=_checked(measured, tables, asked.smallest),
        drawn=len(coded),
        coders=len(measured.coders),
        method=tuple(_method(table, manifest)),
        limits=(*_limits(tables), *_limits_of_check(table, measured.drawn - len(coded))),
        run=run.resolve().name,
        export=_part(manifest, "export", "file"),
        model=_part(manifest, "model", "name"),
        made=str(manifest.get("finished", "")),
        digests={
            "export": _part(manifest, "export", "sha256"),
            "codebook": table.whole.digest,
            "model": _part(manifest, "model", "sha256"),
        },
        versions={name: str(version) for name, version in (manifest.get("versions") or {}).items()},
        smallest=asked.smallest,
    )


def _part(manifest: Mapping[str, Any], of: str, name: str) -> str:
    """A fact of the manifest, empty where an earlier version of this tool did not write it."""
    found = manifest.get(of)
    return str(found.get(name, "")) if isinstance(found, Mapping) else ""


# ---- who answered ----------------------------------------------------------------------------------------------------


def _attributes(table: RunTable, tables: Tables, asked: Asked) -> Sequence[Attribute]:
    """Each attribute against its population; the weighted shares, by all of them at once, stand with the first. None of
    so few respondents that there is no table by group."""
    known = dict(asked.populations)
    if not known or too_few(tables, asked.smallest):
        return []
    names = {facet.id: names_of(facet, None) for facet in table.book.facet}
    groups = {column: group_by(column, table, names) for column in known}
    populations = {column: read_population(path, column) for column, path in known.items()}
    margins = [_margin(table, groups[column], populations[column], tables) for column in known]
    first, *others = [
        who_answered(groups[margin.column].bases, margin.population, margin.column, asked.smallest, margin.hidden)
        for margin in margins
    ]
    found = weights(margins, asked.smallest)
    weighted = [] if found.refused else _weighted(table, tables, found, margins)
    if found.refused or all(row.weighted is None for row in weighted):
        why = () if found.refused else (NOT_WEIGHTED,)
        return [replace(first, weighting=(*why, *(found.notes if found.refused else ()))), *others]
    return [replace(first, weighted=tuple(weighted), weighted_by=found.by, weighting=found.notes), *others]


def _margin(table: RunTable, group: Group, population: Population, tables: Tables) -> Margin:
    """A column of the respondents beside its population; each respondent is under one value only."""
    if not group.parts_people:
        fix = "choose a column that says something of the respondent, such as a ward or an age"
        raise InputError(f"respondents are under several values of {group.column!r}", where=table.run, fix=fix)
    of_response = group.members.drop_duplicates("response").sort_values("response")
    values = of_response["value"].tolist()
    hidden = {value for column, value in hidden_values(tables) if column == group.column}
    return Margin(str(group.column), population, values, membership(values, population), frozenset(hidden))


def _weighted(table: RunTable, tables: Tables, found: Weights, margins: Sequence[Margin]) -> list[Weighted]:
    rows: list[Weighted] = []
    for facet in table.book.facet:
        people = FacetPeople(table, facet)
        rows += weighted_rows(tables, facet.id, people.everyone.has[:, : people.columns], found, margins)
    return rows


# ---- change, check, words --------------------------------------------------------------------------------------------


def _changed(run: Path, tables: Tables, asked: Asked) -> tuple[tuple[Changed, ...], tuple[Claim, ...]]:
    """The change against the earlier run, if one is named, and what can be said of it."""
    if asked.against is None:
        return (), ()
    before = read_run(asked.against)
    _check_other_export(run, asked.against)
    now_digest = read_run(run).whole.digest
    check_same_codebook(now_digest, before.whole.digest, run.resolve().name, asked.against)
    earlier = published(before, replace(asked, by=(), populations=(), against=None))
    changed = change(tables, earlier)
    name = asked.against.resolve().name
    return changed, claims_of_change(changed, name, reading_of_change(tables, earlier, name))


def _check_other_export(run: Path, earlier: Path) -> None:
    """Raises InputError where both runs coded the same export: nothing can have changed but the coding."""
    exports = [
        _part(json.loads((one / "manifest.json").read_text(encoding="utf-8")), "export", "sha256")
        for one in (run, earlier)
    ]
    if run.resolve() == earlier.resolve() or (exports[0] and exports[0] == exports[1]):
        fix = "name a run of an earlier export"
        what = f"coded the same export as {run.resolve().name}, so there is no change to tell"
        raise InputError(what, where=earlier, fix=fix)


def _checked(measured: Measured, tables: Tables, smallest: int) -> tuple[Checked, ...]:
    """What the check sample says of each code that is not suppressed; without figures where these tell small counts."""
    hidden = {(row.facet, row.code) for row in tables.rows if row.group is None and row.status == SUPPRESSED}
    found = []
    for one in measured.facets:
        alphas = {code.code: code.alpha for code in one.coders.codes}
        gone = {code for facet, code in hidden if facet == one.facet.id}
        few = gone | few_in_sample(one.machine.codes, gone, one.facet.exclusive, smallest)
        for code in one.machine.codes:
            if not one.machine.comments or code.code in gone:
                continue
            if code.code in few:
                found.append(Checked(one.facet.id, code.code, None, None, None, None))
            else:
                figures = (_ends(code.precision), _ends(code.recall), _ends(alphas.get(code.code)))
                found.append(Checked(one.facet.id, code.code, _with_code(code), *figures))
    return tuple(found)


def few_in_sample(codes: Sequence[CodeCheck], gone: Collection[str], exclusive: bool, smallest: int) -> set[str]:
    """The codes that people, or the tool, gave to 1 to smallest - 1 comments of the sample: a precision or recall and
    its interval tell of how many. Where each comment has one code, another goes with one that is alone.

    How many both gave it to, or one of the two, is a fact about the tool and not about those who wrote.
    """
    counts = {code.code: (_with_code(code), code.precision.n if code.precision else 0) for code in codes}
    few = {code for code, both in counts.items() if any(0 < count < smallest for count in both)}
    others = [code for code in counts if code not in few and code not in gone and counts[code][0]]
    if exclusive and len(few | set(gone)) == 1 and others:
        few.add(min(others, key=lambda code: counts[code]))
    return few


def _with_code(code: CodeCheck) -> int:
    return code.recall.n if code.recall else 0


def _ends(figure: Estimate | None) -> tuple[float, float, float] | None:
    return (figure.value, figure.low, figure.high) if figure else None


def _method(table: RunTable, manifest: Mapping[str, Any]) -> list[str]:
    """How the comments came to have their codes."""
    questions = [f"“{' '.join(str(one).split())}”" for one in manifest.get("questions") or []]
    asked = f" They answer {', '.join(questions)}." if questions else ""
    coded = len(table.frame)
    decided = int((table.frame["by_people"] > 0).sum())
    return [
        f"The {coded:,} comments come from the export “{_part(manifest, 'export', 'file')}”.{asked} Each answer with "
        "something in it is one comment. Nothing was left out but what the notes to the tables name.",
        f"They were coded with the codebook “{table.whole.name}” (version {table.whole.version}) by the model "
        f"“{_part(manifest, 'model', 'name')}”: for each code a logistic regression over the words of a comment, "
        "sequences of letters and a vector of its meaning, and a kernel ridge regression, by which like comments speak "
        "for one another's codes. Both learned from coded comments and from the examples in the codebook. It gives a "
        "code where the probability passes a threshold: the one at which, on comments it had not learned from, it gave "
        "the code as often as people had. A "
        "comment may have several codes, or none. The tool works on the council's own computer.",
        f"People decided the codes of {decided:,} of the {coded:,} comments, and theirs are counted in place of the "
        "tool's."
        if decided
        else f"People have not decided the codes of any comment{_but_checked(table)}.",
    ]


def _but_checked(table: RunTable) -> str:
    return "; they coded a sample, to check the tool" if any(table.check.said.values()) else ""


LIMITS = (
    "People chose whether to answer. The figures describe those who did, and are no survey of all residents.",
    "Codes say what a comment is about, not whether its writer is for or against it, unless the code itself says so.",
    "Quotations are examples and show how people put it. They were masked by rule, and were chosen to be varied; they "
    "are no measure of how many think so.",
    "What the model learned from may be unlike what these people wrote; the check sample shows how far that matters.",
)


def _limits(tables: Tables) -> list[str]:
    statuses = {row.status for row in tables.rows}
    unchecked = (
        "Shares that are not checked may be wrong by more than their interval says: a tool that gives a code too "
        "often or too seldom makes its count too high or too low."
    )
    return [*([] if statuses <= {CORRECTED, SUPPRESSED} else [unchecked]), *LIMITS]


def _limits_of_check(table: RunTable, not_coded: int) -> Iterator[str]:
    """What is unusual about the check sample: comments of it that nobody coded, and coders who gave no code at all."""
    if not_coded and any(table.check.said.values()):
        yield (
            f"Of the comments drawn for the check {not_coded:,} {'has' if not_coded == 1 else 'have'} not been coded. "
            "The corrected shares are right only if these were not passed over for what they say."
        )
    for facet in table.book.facet:
        for said in table.check.said.get(facet.id, {}).values():
            if len(said) >= FEWEST_CHECKED and not any(said.values()):
                yield (
                    f"One of those who coded the check sample gave none of {len(said):,} comments a code of "
                    f"{facet.name}. If that was not meant, the corrected shares are wrong."
                )


# ---- writing ---------------------------------------------------------------------------------------------------------

# What writes each kind of file; the last argument: whether it is to be published as it is.
ENDINGS: dict[str, Callable[[Findings, Path, bool], None]] = {
    ".html": lambda findings, path, _: write_page(findings, path),
    ".docx": lambda findings, path, _: write_docx(tell(findings), path),
    ".xlsx": write_workbook,
}


def check_place(out: Path, replace_: bool = False) -> None:
    """Raises OutputError where nothing could be written to `out`, a folder or a file as its name says; before the work
    of finding out what to write."""
    if is_one(out):
        if out.suffix.casefold() not in ENDINGS:
            fix = f"end it in {', '.join(ENDINGS)}, or name a folder for everything"
            raise OutputError(f"{out.suffix!r} is not a kind of report", where=out, fix=fix)
        if not out.parent.is_dir():
            raise OutputError(f"there is no folder {str(out.parent)!r}", where=out, fix="make it, or choose another")
        if out.exists() and not replace_:
            raise OutputError("is there already", where=out, fix="choose another name, or add --replace")
    elif out.exists() and not out.is_dir():
        raise OutputError("is a file, not a folder", where=out, fix="choose another name")
    elif out.exists() and _is_filled(out) and not replace_:
        raise OutputError("is there already", where=out, fix="choose another folder, or add --replace")
    else:
        check_ours_star(out / STAR)
        check_ours_pack(out / PACK)


def _is_filled(folder: Path) -> bool:
    """Whether a folder holds anything but what killed processes left there, which goes; their report is put back."""
    _put_back(folder)
    clear_remains(folder / MAKING)
    return any(folder.iterdir())


def is_one(out: Path) -> bool:
    """Whether a name is that of one file, not of a folder for everything."""
    return bool(out.suffix) and not out.is_dir()


def write_one(findings: Findings, path: Path, *, replace_: bool = False, public: bool = False) -> None:
    """Writes one output, by the ending of its name. public: as in `write_all`. Raises OutputError as `check_place`
    does."""
    check_place(path, replace_)
    ENDINGS[path.suffix.casefold()](findings, path, public)


def write_all(
    findings: Findings,
    run: Path,
    folder: Path,
    asked: Asked,
    *,
    replace_: bool = False,
    public: bool = False,
    progress: Progress = _silent,
) -> list[Path]:
    """Writes every output into a folder, all of them or none. Returns what was written.

    With `replace_` those of an earlier report go; whatever else is in the folder stays. public: the files for Power BI
    hold the published figures only, and nothing of single comments, and the workbook has no sheet with the counts of
    the check sample that shares were corrected with. Raises OutputError where the folder cannot be
    written or, unless `replace_`, is there already.
    """
    check_place(folder, replace_)
    work: dict[str, Callable[[Path], object]] = {
        PAGE: lambda path: write_one(findings, path),
        WORD: lambda path: write_one(findings, path),
        TABLES: lambda path: write_one(findings, path, public=public),
        STAR: lambda path: write_star(findings, run, path, asked.columns, public=public),
        PACK: lambda path: write_pack(findings, path),
    }
    with _beside(folder) as made:
        for n, (name, write) in enumerate(work.items()):
            progress(f"writing {name}", n, len(work))
            try:
                write(made / name)
            except OutputError as error:
                raise OutputError(error.what, where=folder / name, fix=error.fix) from None
        progress("all is written", len(work), len(work))
    return [folder / name for name in work]


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder to fill, whose files and folders then take their places in `folder`; after an error nothing is changed.

    Raises OutputError where it cannot be made, or what is there cannot be replaced.
    """
    _put_back(folder)
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = passing_folder(folder / MAKING)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=folder, fix="choose another") from None
    try:
        yield made
        with finishing():
            _take_places(made, folder)
    except OSError as error:
        fix = "close whatever has its files open, and free some space"
        raise OutputError(f"cannot be written ({error.strerror})", where=folder, fix=fix) from None
    finally:
        put_away(made)
        if new:
            with suppress(OSError):
                folder.rmdir()  # only where nothing is in it


def _put_back(folder: Path) -> None:
    """Gives what was about to be replaced when somebody was killed its place again."""
    for old in folder.glob(f".{MAKING}.*/old/*"):
        if not (folder / old.name).exists():
            old.rename(folder / old.name)


def _take_places(made: Path, folder: Path) -> None:
    """Moves what was made to its place; should one of the moves fail, all are undone."""
    old = made / "old"
    names = sorted(path.name for path in made.iterdir())
    old.mkdir()
    moved: list[str] = []
    try:
        for name in names:
            if (folder / name).exists():
                (folder / name).rename(old / name)
            moved.append(name)
            (made / name).rename(folder / name)
    except OSError:
        for name in moved:
            if (folder / name).exists():
                (folder / name).rename(made / name)
            if (old / name).exists():
                (old / name).rename(folder / name)
        raise
