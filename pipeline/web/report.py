"""Report: what can be said of a run, and the files to publish it with, by the columns and the wording chosen."""

from collections.abc import Callable

from flask import Blueprint, Response, abort, g, render_template, request
from flask.typing import ResponseReturnValue

from pipeline.findings import Findings
from pipeline.page import as_html
from pipeline.published import Asked
from pipeline.review import Review
from pipeline.story import tell
from pipeline.web.kept import found
from pipeline.web.place import open_run, state
from pipeline.word import as_docx
from pipeline.workbook import as_xlsx

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What can be fetched: by its name, the kind it is sent as and what makes it.
FILES: dict[str, tuple[str, Callable[[Findings], bytes]]] = {
    "report.html": ("text/html; charset=utf-8", lambda findings: as_html(tell(findings)).encode()),
    "report.docx": (WORD, lambda findings: as_docx(tell(findings))),
    "tables.xlsx": (EXCEL, as_xlsx),
}
# The page of the report brings its own looks within itself, and nothing else.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
KINDS = (("safe", "Safe to say"), ("close", "Too close to call"), ("few", "Too few to say"))

blueprint = Blueprint("report", __name__)


@blueprint.get("/runs/<run>/report")
def show(run: str) -> ResponseReturnValue:
    """What can be said, the form that chooses columns and wording, and the files."""
    review = open_run(run)
    asked = _asked(review)
    findings = found(review, asked)
    claims = {kind: [claim for claim in findings.claims if claim.kind == kind] for kind, _ in KINDS}
    return render_template(
        "report.html",
        asked=asked,
        findings=findings,
        claims=claims,
        kinds=KINDS,
        columns=list(review.store.meta("groups")),
        wordings=review.codebook.wording,
        query={"by": list(asked.by), "wording": asked.wording or ""},
    )


@blueprint.get("/runs/<run>/report/<name>")
def file(run: str, name: str) -> ResponseReturnValue:
    """One of the files, to be read or kept."""
    if name not in FILES:
        abort(404, "There is no such file.")
    kind, make = FILES[name]
    content = make(found(review := open_run(run), _asked(review)))
    shown = "inline" if name.endswith(".html") else "attachment"
    if shown == "inline":
        g.policy = POLICY
    safe = "".join(char if char.isalnum() or char in "-_." else "-" for char in f"{run}-{name}")
    return Response(content, content_type=kind, headers={"Content-Disposition": f'{shown}; filename="{safe}"'})


def _asked(review: Review) -> Asked:
    """What the address asks for, as far as it is there: columns by name, the wording by id."""
    columns = review.store.meta("groups")
    by = tuple(dict.fromkeys(column for column in request.args.getlist("by") if column in columns))
    wording = request.args.get("wording", "")
    known = [one.id for one in review.codebook.wording]
    return Asked(by, wording if wording in known else None, smallest=state().settings.smallest)
