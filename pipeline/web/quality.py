"""Quality: what the check sample says of the coders and of the machine."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from pipeline.learning.quality import FEWEST_TO_TRUST
from pipeline.reviewing.agreement import alpha_in_words
from pipeline.reviewing.checking import FacetCheck
from pipeline.reviewing.checks_needed import checks_in_words
from pipeline.reviewing.review import Review
from pipeline.web.kept import measured
from pipeline.web.place import open_run

FEWEST_SHOWN = 5  # comments with a code, below which a share of them says nothing
FEWEST_OF_GROUP = 10

blueprint = Blueprint("quality", __name__)


@blueprint.get("/runs/<run>/quality")
def show(run: str) -> ResponseReturnValue:
    """Agreement between coders, and the machine against one of them, per code and per group."""
    review = open_run(run)
    columns = list(review.store.meta("groups"))
    column = request.args.get("column", _usual_column(review, columns))
    found = measured(review, request.args.get("coder"), column if column in columns else "")
    advice = {one.facet.id: _advice(one, review.total) for one in found.facets}
    return render_template(
        "quality.html",
        measured=found,
        columns=columns,
        column=column,
        advice=advice,
        between={one.facet.id: _between(one) for one in found.facets},
        known=review.coded_codes,
        fewest=FEWEST_TO_TRUST,
        fewest_shown=FEWEST_SHOWN,
        fewest_of_group=FEWEST_OF_GROUP,
    )


def _usual_column(review: Review, columns: list[str]) -> str:
    """The column in which respondents say who they are, else the first that makes groups."""
    said = [column for column in review.store.meta("facet_columns").values() if column in columns]
    return next(iter([*said, *columns]), "")


def _advice(check: FacetCheck, total: int) -> str:
    """How many more checks would halve the interval of the share with exactly the same codes."""
    more = check.more_checks_of_all
    return checks_in_words(more, total - check.machine.comments) if more is not None else ""


def _between(check: FacetCheck) -> str:
    """How far the coders agree, with the code they agree least on by its name."""
    coders = check.coders
    if coders.alpha is None:
        return coders.why
    least = f" They agree least on {check.facet.by_id[coders.least].name}." if coders.least else ""
    return alpha_in_words(coders.alpha) + least
