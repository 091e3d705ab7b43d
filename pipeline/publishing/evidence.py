"""The evidence pack: what a scrutiny committee or a judge is handed, so that each figure can be followed to its source.

For each code what it means, how many raised it, how well it was checked and what some of them wrote; how it was all
done, in words to paste; a draft transparency record; and the digests by which anybody can tell whether it was changed.
"""

import csv
import datetime as dt
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.codebook import Code, Facet
from pipeline.counting.findings import Checked, Findings
from pipeline.counting.tables import CORRECTED, SUPPRESSED, Row
from pipeline.errors import InputError, OutputError
from pipeline.files.raw_table import safe_cell
from pipeline.files.sources import file_digest
from pipeline.learning.model_store import whole_folder
from pipeline.publishing.dates import MONTHS
from pipeline.publishing.document import Block, Bullets, Document, Paragraph, Quotation, Quotations, Section
from pipeline.publishing.facet_story import CODED_BY
from pipeline.publishing.methods import methods
from pipeline.publishing.page import as_html
from pipeline.publishing.report import HIDDEN, as_csv, counted_share, percent
from pipeline.publishing.transparency import transparency_record

DIGESTS, GUIDE = "digests.json", "README.md"
FORMAT = 1
QUOTES = 3  # of each code
PASSED_OVER = {"thumbs.db", "desktop.ini"}  # what Windows leaves in a folder it has shown; hidden files too
RELIABLE, TENTATIVE = 0.8, 0.667  # Krippendorff's marks for alpha
COUNTED = ("comments", "comments_once", "respondents", "base", "counted_share", "share", "low", "high")
MEASURES = ("precision", "recall", "alpha")
KINDS = {"safe": "Safe to say", "close": "Too close to call", "few": "Too few to say"}
WHAT = {
    "evidence.html": "each code: its definition, how many raised it, how it was checked, and some of what was written",
    "methods.md": "how it was coded, checked, corrected and counted, with a paragraph to paste into a report",
    "transparency-record.md": "a draft record for the Algorithmic Transparency Recording Standard, with gaps to fill",
    "codes.csv": "the codes with definitions, counts and checks, one row each",
    "quotes.csv": "the quotations with the ids of their comments",
    "frequencies.csv": "all frequency tables, one row for each code and group",
    GUIDE: "this page",
    DIGESTS: "SHA-256 of the files above, and of the export, the codebook and the model",
}


@dataclass(frozen=True)
class Pack:
    """An evidence pack that was written. digest: SHA-256 of its `digests.json`, which stands for the whole pack."""

    folder: Path
    files: tuple[str, ...]
    digest: str


def write_pack(findings: Findings, folder: Path, *, replace: bool = False) -> Pack:
    """Writes the pack into a folder, whole or not at all. The same findings make the same bytes.

    Raises OutputError where the folder cannot be written, is there already (unless `replace`) or holds something else.
    """
    check_ours(folder)
    with whole_folder(folder, replace) as made:
        files = {name: write(findings) for name, write in WRITERS.items()}
        files[DIGESTS] = _digests(findings, files)
        for name, content in files.items():
            (made / name).write_bytes(content)
    return Pack(folder, tuple(files), hashlib.sha256(files[DIGESTS]).hexdigest())


def check_ours(folder: Path) -> None:
    """Raises OutputError where the folder holds anything that a pack does not."""
    if folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - set(WHAT)):
        raise OutputError("is there and holds something else", where=folder, fix="choose another folder")


# ---- each code ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """A code as it is shown: its row among all respondents, what the codebook says, and what the check says."""

    row: Row
    facet: Facet | None
    code: Code | None
    checked: Checked | None

    @property
    def hidden(self) -> bool:
        """Whether its count is suppressed, and with it all that would tell of it."""
        return self.row.status == SUPPRESSED

    @property
    def definition(self) -> str:
        return self.code.definition if self.code else ""

    @property
    def exclude(self) -> tuple[str, ...]:
        """What is left out, with the code that it goes to."""
        if not self.facet or not self.code:
            return ()
        names = {code.id: code.name for code in self.facet.code}
        return tuple(f"{one.what} (see {names[one.code]})" if one.code else one.what for one in self.code.exclude)


def _entries(findings: Findings, facet: str) -> Iterator[_Entry]:
    """The codes of a facet in the order of its table; not the row of those without any code."""
    known = findings.codebook.by_id.get(facet)
    checked = {one.code: one for one in findings.checked if one.facet == facet}
    for row in findings.tables.of(facet):
        if row.code:
            yield _Entry(row, known, known.by_id.get(row.code) if known else None, checked.get(row.code))


def evidence_document(findings: Findings) -> Document:
    """The evidence for each code, to be laid out as a page or for Word."""
    return Document(
        title=f"{findings.tables.title}: evidence for each code",
        made=_in_words(findings.made),
        lead=(
            "For each code: what it means, how many people raised it, how well it was checked, and some of what was "
            "written. Each quotation has the id of its comment, by which the whole of it can be found in the run.",
            *findings.tables.notes[:1],
        ),
        sections=tuple(_sections(findings)),
    )


def _in_words(made: str) -> str:
    """The day of a moment in ISO 8601."""
    try:
        day = dt.datetime.fromisoformat(made)
    except ValueError:
        return made
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _sections(findings: Findings) -> Iterator[Section]:
    for facet, heading in findings.tables.headings.items():
        known = findings.codebook.by_id.get(facet)
        question = [Paragraph(known.question)] if known and known.question else []
        without = [Paragraph(f"{row.name}: {_counted(findings, row)}") for row in _without(findings, facet)]
        if blocks := (*question, *without):
            yield Section(facet, heading, blocks)
        for n, entry in enumerate(_entries(findings, facet), 1):
            level = 3 if blocks else 2
            yield Section(f"{facet}-{n}", entry.row.name, tuple(_blocks(findings, entry)), level=level)


def _without(findings: Findings, facet: str) -> list[Row]:
    """The row of those without any code of the facet, if it has one."""
    return [row for row in findings.tables.of(facet) if not row.code]


def _blocks(findings: Findings, entry: _Entry) -> Iterator[Block]:
    if entry.code and entry.code.name != entry.row.name:
        yield Paragraph(f"Counted as the code “{entry.code.name}” of the codebook.")
    yield Paragraph(entry.definition or "The codebook does not define this code.")
    yield Paragraph(_counted(findings, entry.row))
    yield Paragraph(_check_in_words(findings, entry))
    for kind, title in KINDS.items():
        about = [claim for claim in findings.claims if claim.kind == kind and claim.facet == entry.row.facet]
        if words := tuple(claim.words for claim in about if entry.row.code in claim.codes):
            yield Bullets(words, title)
    if entry.code and entry.code.include:
        yield Bullets(entry.code.include, "It takes in")
    if entry.exclude:
        yield Bullets(entry.exclude, "It leaves out")
    if quotes := tuple(
        Quotation(quote.text, quote.comment_id, note=CODED_BY[quote.coded_by]) for quote in _quotes(findings, entry)
    ):
        yield Quotations("Some of what was written", quotes)


def _quotes(findings: Findings, entry: _Entry) -> Sequence[Any]:
    """Some quotations of a code; none where its count is suppressed, for they would tell who is counted."""
    row = entry.row
    found = [quote for quote in findings.quotes if (quote.facet, quote.code) == (row.facet, row.code)]
    return [] if entry.hidden else found[:QUOTES]


def _counted(findings: Findings, row: Row) -> str:
    """How many raised a code, and which share to quote."""
    if row.share is None or row.respondents is None or row.base is None or row.status == SUPPRESSED:
        return (
            f"{HIDDEN}: not published, because fewer than {findings.smallest} people are counted, or because a number "
            "so small could be worked out from it."
        )
    share, interval = percent(counted_share(row) or 0.0), f"95 % interval {_between(row.low, row.high)}"
    people = f"{row.respondents:,} of {row.base:,} respondents"
    if row.code:
        people += f", in {row.comments or 0:,} comment{'' if row.comments == 1 else 's'}"
        people += f" ({row.comments_once or 0:,} with each campaign counted once)"
    if row.status == CORRECTED:
        return (
            f"Counted: {people}, which is {share}. Corrected with the check sample: {percent(row.share)} ({interval}). "
            "The corrected share is the one to quote."
        )
    return f"Counted: {people}, which is {share} ({interval}). Not checked: the share is that of the codes as given."


def _between(low: float | None, high: float | None) -> str:
    return f"{100 * (low or 0.0):.1f} to {percent(high or 0.0)}"


def _check_in_words(findings: Findings, entry: _Entry) -> str:
    """What the check sample says of a code."""
    one = entry.checked
    if not findings.drawn:
        return "Check: people coded no random sample, so how often this code is given wrongly or missed is not known."
    if entry.hidden:
        return f"Check: {HIDDEN}, as few people raised it."
    if one is not None and one.comments is None:
        return f"Check: {HIDDEN}, as few comments of the sample have it."
    if one is None or not (one.precision or one.recall or one.alpha):
        return f"Check: the {findings.drawn:,} comments of the sample say nothing of this code."
    said = [f"Check: {one.comments:,} of the {findings.drawn:,} comments of the sample have it."]
    if one.precision:
        said.append(f"Of the comments to which the tool gave it, people gave it to {_share(one.precision)}.")
    if one.recall:
        said.append(f"Of those to which people gave it, the tool found {_share(one.recall)}.")
    if one.alpha:
        alpha, low, high = one.alpha
        reading = (
            "reliable" if alpha >= RELIABLE else "enough to go by" if alpha >= TENTATIVE else "too low to build on"
        )
        said.append(f"People agreed on it with alpha {alpha:.2f} (95 % interval {low:.2f} to {high:.2f}): {reading}.")
    return " ".join(said)


def _share(measure: tuple[float, float, float]) -> str:
    value, low, high = measure
    return f"{100 * value:.0f} % (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"


# ---- as tables ------------------------------------------------------------------------------------------------------


def _codes_csv(findings: Findings) -> bytes:
    measured = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high")]
    header = ["facet", "code", "name", "published_name", "definition", "include", "exclude", "status", *COUNTED]
    return _csv([*header, "checked_comments", *measured], _code_rows(findings))


def _code_rows(findings: Findings) -> Iterator[list[Any]]:
    for facet in findings.tables.headings:
        for entry in _entries(findings, facet):
            row, code = entry.row, entry.code
            figures = [_figure(row, name) for name in COUNTED]
            yield [
                *(row.facet, row.code, code.name if code else row.name, row.name, entry.definition),
                *("; ".join(code.include) if code else "", "; ".join(entry.exclude)),
                *(row.status, *figures, *_measures(entry)),
            ]


def _figure(row: Row, name: str) -> Any:
    if row.status == SUPPRESSED and (name != "base" or row.base is None):
        return HIDDEN
    return counted_share(row) if name == "counted_share" else getattr(row, name)


def _measures(entry: _Entry) -> list[Any]:
    """Comments of the sample with the code, then each measure with the ends of its interval; blank where not known."""
    one = entry.checked
    if one is None:
        return [""] * (1 + 3 * len(MEASURES))
    if entry.hidden or one.comments is None:
        return [HIDDEN] * (1 + 3 * len(MEASURES))
    return [one.comments, *(cell for name in MEASURES for cell in getattr(one, name) or ("", "", ""))]


def _quotes_csv(findings: Findings) -> bytes:
    rows = [
        [
            *(quote.facet, quote.code, entry.row.name, quote.comment_id, quote.question, quote.text),
            quote.coded_by,
        ]
        for facet in findings.tables.headings
        for entry in _entries(findings, facet)
        for quote in _quotes(findings, entry)
    ]
    return _csv(["facet", "code", "name", "comment_id", "question", "text", "coded_by"], rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A CSV as Excel reads it right, no cell of which can become a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([safe_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


# ---- digests --------------------------------------------------------------------------------------------------------


def _digests(findings: Findings, files: Mapping[str, bytes]) -> bytes:
    facts = {
        "format": FORMAT,
        "run": findings.run,
        "coded": findings.made,
        "made_from": {
            name: {"name": called, "sha256": findings.digests.get(name, "")}
            for name, called in (
                *(("export", findings.export), ("codebook", findings.codebook.name)),
                ("model", findings.model),
            )
        },
        "versions": dict(findings.versions),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    return (json.dumps(facts, ensure_ascii=False, indent=2) + "\n").encode()


def check_pack(folder: Path, export: Path | None = None) -> tuple[str, ...]:
    """What is not as it was when the pack was written, in sentences; none where all is.

    export: the export it is said to be made from, to be compared too. Raises InputError where the folder is no pack.
    """
    facts = _facts(folder)
    found = []
    for name, digest in facts["files"].items():
        path = folder / Path(name).name
        if not path.is_file():
            found.append(f"{name} is missing.")
        elif file_digest(path) != digest:
            found.append(f"{name} was changed.")
    known = {*facts["files"], DIGESTS}
    there = sorted(path.name for path in folder.iterdir())
    found += [f"{name} does not belong to the pack." for name in there if name not in known and not _of_system(name)]
    if export is not None and file_digest(export) != facts["made_from"]["export"]["sha256"]:
        found.append(f"{export.name} is not the export that the pack was made from.")
    return tuple(found)


def _of_system(name: str) -> bool:
    return name.startswith(".") or name.casefold() in PASSED_OVER


def _facts(folder: Path) -> dict[str, Any]:
    """What `digests.json` says."""
    path = folder / DIGESTS
    fix = "give the folder of an evidence pack as it was written"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        whole = all(isinstance(digest, str) for digest in facts["files"].values()) and facts["files"]
        if not whole or not isinstance(facts["made_from"]["export"]["sha256"], str):
            raise KeyError
    except OSError as error:
        raise InputError(f"is no evidence pack ({DIGESTS}: {error.strerror})", where=folder, fix=fix) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError("does not hold the digests of a pack", where=path, fix=fix) from None
    return dict(facts)


def _guide(findings: Findings) -> bytes:
    lines = [f"| {name} | {what} |" for name, what in WHAT.items()]
    small = f"Counts below {findings.smallest} are suppressed and printed as `{HIDDEN}`."
    if findings.smallest < 2:
        small = "No counts are suppressed, because the settings say so: look for small ones."
    parts = [
        f"# {' '.join(findings.tables.title.split())}: evidence pack",
        f"Made from the run {' '.join(findings.run.split())}, which coded {' '.join(findings.export.split())}.",
        "\n".join(["| file | what it holds |", "|---|---|", *lines]),
        "## Before you hand it on",
        f"{small} Names and the like are masked in the quotations, by a "
        "program that can miss some: let a person read them first. Fill the gaps of the transparency record.",
        "## Whether it was changed",
        f"`{DIGESTS}` has the SHA-256 of each file. Any program that works out SHA-256 will do: on Windows "
        "`certutil -hashfile codes.csv SHA256`, elsewhere `sha256sum codes.csv`. To vouch for the whole pack, put the "
        f"SHA-256 of `{DIGESTS}` itself where it cannot be changed, such as in the minutes.",
    ]
    return ("\n\n".join(parts) + "\n").encode()


WRITERS: Mapping[str, Callable[[Findings], bytes]] = {
    "evidence.html": lambda findings: as_html(evidence_document(findings)).encode(),
    "methods.md": lambda findings: methods(findings).encode(),
    "transparency-record.md": lambda findings: transparency_record(findings).encode(),
    "codes.csv": _codes_csv,
    "quotes.csv": _quotes_csv,
    "frequencies.csv": lambda findings: as_csv(findings.tables),
    GUIDE: _guide,
}
