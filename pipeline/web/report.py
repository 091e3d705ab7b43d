"""Report: what can be said of a run, and the files to publish it with, by the columns and the wording chosen."""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from pipeline.counting.findings import Claim, Findings
from pipeline.counting.published import Asked
from pipeline.counting.tables import CORRECTED
from pipeline.errors import InputError, UserError
from pipeline.exports.responses import READERS
from pipeline.publishing.document import Block
from pipeline.publishing.facet_story import READING, said
from pipeline.publishing.page import as_html, policy
from pipeline.publishing.story import CHANGE, HOW_TO_READ, NOT_FOR_ERRORS, TOO_FEW_FOR_ERRORS, representation, tell
from pipeline.publishing.word import as_docx
from pipeline.publishing.workbook import as_xlsx
from pipeline.reviewing.review import Review
from pipeline.web.kept import found
from pipeline.web.place import open_run, run_names, state
from pipeline.web.populations import asked_for, still_kept, taken
from pipeline.web.words import problem_words

AT_ONCE = 5_000  # comments; of a larger run nothing is worked out before it is asked for
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What can be fetched: by its name, the kind it is sent as and what makes it.
FILES: dict[str, tuple[str, Callable[[Findings], bytes]]] = {
    "report.html": ("text/html", lambda findings: as_html(tell(findings)).encode()),
    "report.docx": (WORD, lambda findings: as_docx(tell(findings))),
    "tables.xlsx": (EXCEL, as_xlsx),
}

blueprint = Blueprint("report", __name__)


@dataclass(frozen=True)
class GroupTold:
    """What can be said of a facet by a column; safe: how many of the statements are safe."""

    column: str
    safe: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class FacetTold:
    """What can be said of a facet: among all respondents, by each column, and of the change since an earlier run."""

    facet: str
    heading: str
    overall: tuple[Block, ...]
    groups: tuple[GroupTold, ...]
    change: tuple[Block, ...]


@dataclass(frozen=True)
class WhoTold:
    """Who answered by a column against its population: in words, then how it was matched and weighted."""

    column: str
    source: str
    words: str
    notes: tuple[str, ...]


@blueprint.get("/runs/<run>/report")
def show(run: str) -> ResponseReturnValue:
    """The form that chooses what to tell; of a small run, or once the form was sent, what was found too."""
    review = open_run(run)
    if not request.args and review.total > AT_ONCE:
        return _page(review)
    try:
        findings = _found(review)
    except UserError as error:
        return _page(review, problem=problem_words(error)), 400
    return _page(review, findings)


@blueprint.post("/runs/<run>/report")
def choose(run: str) -> ResponseReturnValue:
    """Takes the form, with a table of the population where it brings one, and leads to what it asks for."""
    review = open_run(run)
    try:
        columns = review.store.meta("groups")
        new = taken(run, request.form.get("column", ""), columns, request.files.get("population_file"))
        known = still_kept(run, request.form.getlist("population"))
    except UserError as error:
        return _page(review, problem=problem_words(error)), 400
    keys = [one.key for one in known if new is None or one.column != new.column] + ([new.key] if new else [])
    address = url_for("report.show", run=run, **_query(request.form, keys), show="yes", _anchor="files")
    return redirect(address, 303)


@blueprint.get("/runs/<run>/report/<name>")
def file(run: str, name: str) -> ResponseReturnValue:
    """One of the files, the page to be opened and the others to be kept."""
    if name not in FILES:
        abort(404, "There is no such file.")
    kind, make = FILES[name]
    review = open_run(run)
    try:
        content = make(_found(review))
    except UserError as error:
        return _page(review, problem=problem_words(error)), 400
    opens = kind == "text/html"
    if opens:  # it brings its own looks, which the policy of the other pages would forbid
        g.policy = f"{policy()}; frame-ancestors 'none'"
    return send_file(io.BytesIO(content), mimetype=kind, as_attachment=not opens, download_name=f"{run}-{name}")


def _found(review: Review) -> Findings:
    """What the address asks for, found. Raises UserError as `find` does, and for an earlier run that is not here."""
    asked = _asked(review)
    name = request.args.get("against", "")
    if name and name not in _others(review):
        fix = "choose one of the list, or none"
        raise InputError(f"there is no other run {name!r} to tell the change against", fix=fix)
    uploads = asked_for(review.run.name, request.args.getlist("population"))
    return found(review, asked, uploads, open_run(name) if name else None)


def _asked(review: Review) -> Asked:
    """What the address asks for: columns by name, the wording by id. Raises InputError for a column not offered."""
    by = tuple(dict.fromkeys(request.args.getlist("by")))
    offered = {*review.store.meta("groups"), *review.codebook.by_id}
    for column in by:
        if column not in offered:
            fix = "tick one of the columns below, or none"
            raise InputError(f"this run has no column {column!r} to make groups of", fix=fix)
    return Asked(by, request.args.get("wording") or None, smallest=state().settings.smallest)


def _others(review: Review) -> list[str]:
    """The runs that the change can be told against, by name."""
    return [name for name in run_names() if name != review.run.name]


def _query(sent: MultiDict[str, str], populations: Sequence[str]) -> dict[str, Any]:
    """What was chosen, as it stands in an address."""
    return {
        "by": sent.getlist("by"),
        "wording": sent.get("wording") or None,
        "against": sent.get("against") or None,
        "population": list(populations),
    }


def _page(review: Review, findings: Findings | None = None, problem: str = "") -> str:
    """The page: the form as it was sent, and what was found or why nothing was."""
    sent = request.form if request.method == "POST" else request.args
    populations = still_kept(review.run.name, sent.getlist("population"))
    return render_template(
        "report.html",
        columns=list(review.store.meta("groups")),
        wordings=review.codebook.wording,
        others=_others(review),
        populations=populations,
        column=sent.get("column", ""),
        endings=list(READERS),
        asked=_query(sent, [one.key for one in populations]),
        total=review.total,
        smallest=state().settings.smallest,
        findings=findings,
        told=_told(findings) if findings else [],
        who=_who(findings) if findings else [],
        warning=_warning(findings) if findings else "",
        how_to_read=HOW_TO_READ,
        problem=problem,
    )


def _warning(findings: Findings) -> str:
    """What the report says where no share is corrected; empty where some are."""
    if any(row.status == CORRECTED for row in findings.tables.rows):
        return ""
    return TOO_FEW_FOR_ERRORS if findings.drawn else NOT_FOR_ERRORS


def _told(findings: Findings) -> list[FacetTold]:
    """The statements in the order of the report."""
    told = []
    for facet, heading in findings.tables.headings.items():
        claims = [claim for claim in findings.claims if claim.facet == facet]
        everybody = [claim for claim in claims if claim.group is None]
        readings = [claim for claim in everybody if claim.about == READING]  # the second is that of the change
        changes = [*readings[1:], *(claim for claim in everybody if claim.about == CHANGE)]
        overall = tuple(said(claim for claim in everybody if claim not in changes))
        groups = tuple(_group_told(claims, column) for column in findings.tables.groups)
        told.append(
            FacetTold(facet, heading, overall, tuple(one for one in groups if one.blocks), tuple(said(changes)))
        )
    return told


def _who(findings: Findings) -> list[WhoTold]:
    """Who answered, column by column."""
    return [
        WhoTold(one.column, one.source, representation(one), (*one.notes, *one.weighting))
        for one in findings.attributes
    ]


def _group_told(claims: Iterable[Claim], column: str) -> GroupTold:
    of_group = [claim for claim in claims if claim.group == column]
    safe = sum(claim.kind == "safe" and claim.about != READING for claim in of_group)
    return GroupTold(column, safe, tuple(said(of_group)))
