"""Report: what can be said of a run, and the files to publish it with, by the columns and the wording chosen."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import Blueprint, abort, g, render_template, request, send_file
from flask.typing import ResponseReturnValue

from pipeline.counting.findings import Claim, Findings
from pipeline.counting.published import Asked
from pipeline.counting.tables import CORRECTED
from pipeline.errors import InputError, UserError
from pipeline.publishing.document import Block
from pipeline.publishing.facet_story import READING, said
from pipeline.publishing.page import as_html, policy
from pipeline.publishing.story import CHANGE, HOW_TO_READ, NOT_FOR_ERRORS, TOO_FEW_FOR_ERRORS, tell
from pipeline.publishing.word import as_docx
from pipeline.publishing.workbook import as_xlsx
from pipeline.reviewing.review import Review
from pipeline.web.kept import found
from pipeline.web.place import open_run, state
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
    """What can be said of a facet: among all respondents, then by each column."""

    facet: str
    heading: str
    overall: tuple[Block, ...]
    groups: tuple[GroupTold, ...]


@blueprint.get("/runs/<run>/report")
def show(run: str) -> ResponseReturnValue:
    """The form that chooses columns and wording; of a small run, or once the form was sent, what was found too."""
    review = open_run(run)
    if not request.args and review.total > AT_ONCE:
        return _page(review)
    try:
        findings = found(review, _asked(review))
    except UserError as error:
        return _page(review, problem=problem_words(error)), 400
    return _page(review, findings)


@blueprint.get("/runs/<run>/report/<name>")
def file(run: str, name: str) -> ResponseReturnValue:
    """One of the files, the page to be opened and the others to be kept."""
    if name not in FILES:
        abort(404, "There is no such file.")
    kind, make = FILES[name]
    review = open_run(run)
    try:
        content = make(found(review, _asked(review)))
    except UserError as error:
        return _page(review, problem=problem_words(error)), 400
    opens = kind == "text/html"
    if opens:  # it brings its own looks, which the policy of the other pages would forbid
        g.policy = f"{policy()}; frame-ancestors 'none'"
    return send_file(io.BytesIO(content), mimetype=kind, as_attachment=not opens, download_name=f"{run}-{name}")


def _asked(review: Review) -> Asked:
    """What the address asks for: columns by name, the wording by id. Raises InputError for a column not offered."""
    by = tuple(dict.fromkeys(request.args.getlist("by")))
    offered = {*review.store.meta("groups"), *review.codebook.by_id}
    for column in by:
        if column not in offered:
            fix = "tick one of the columns below, or none"
            raise InputError(f"this run has no column {column!r} to make groups of", fix=fix)
    return Asked(by, request.args.get("wording") or None, smallest=state().settings.smallest)


def _page(review: Review, findings: Findings | None = None, problem: str = "") -> str:
    """The page: the form as it was sent, and what was found or why nothing was."""
    by, wording = request.args.getlist("by"), request.args.get("wording") or None
    return render_template(
        "report.html",
        columns=list(review.store.meta("groups")),
        wordings=review.codebook.wording,
        by=by,
        wording=wording,
        total=review.total,
        smallest=state().settings.smallest,
        findings=findings,
        told=_told(findings) if findings else [],
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
        claims = [claim for claim in findings.claims if claim.facet == facet and claim.about != CHANGE]
        overall = tuple(said(claim for claim in claims if claim.group is None))
        groups = tuple(_group_told(claims, column) for column in findings.tables.groups)
        told.append(FacetTold(facet, heading, overall, tuple(one for one in groups if one.blocks)))
    return told


def _group_told(claims: Iterable[Claim], column: str) -> GroupTold:
    of_group = [claim for claim in claims if claim.group == column]
    safe = sum(claim.kind == "safe" and claim.about != READING for claim in of_group)
    return GroupTold(column, safe, tuple(said(of_group)))
