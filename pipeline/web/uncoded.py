"""The uncoded pile: comments without a code in groups of like ones, to be made a new code."""

from collections.abc import Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from pipeline.codebook import Code, Example, Facet, dump_codebook
from pipeline.codebooks.codebook_edits import new_id, with_code
from pipeline.errors import CodebookError, InputError, UserError
from pipeline.reviewing.review import Line, Review
from pipeline.reviewing.uncoded import TYPICAL, Group
from pipeline.stores.review_records import Choice, Saved
from pipeline.web.kept import grouped
from pipeline.web.place import open_run, state, who
from pipeline.web.queue import coded_again, coded_by
from pipeline.web.words import problem_words

MOST_GROUPS = 40
MOST_LISTED = 200  # comments of a group, each with a box to tick
MOST_ALONE = 20

blueprint = Blueprint("uncoded", __name__)


@blueprint.get("/runs/<run>/uncoded")
def show(run: str) -> ResponseReturnValue:
    """The groups, largest first, with their words and typical comments."""
    review = open_run(run)
    facet = _asked_facet(review)
    found = grouped(review, facet, state().settings.seed)
    typical = {line.n: line for line in review.lines([n for group in found.groups for n in group.typical])}
    return render_template(
        "uncoded.html",
        pile=found,
        groups=found.groups[:MOST_GROUPS],
        typical=typical,
        alone=review.lines(found.alone[:MOST_ALONE]),
        facets=review.facets,
        facet=facet,
    )


@blueprint.get("/runs/<run>/uncoded/<int:n>")
def group(run: str, n: int) -> ResponseReturnValue:
    """The group that comment n is in, and the form that makes it a code."""
    review = open_run(run)
    facet = _asked_facet(review)
    found = next((one for one in grouped(review, facet, state().settings.seed).groups if n in one.numbers), None)
    if found is None:
        flash("The groups have changed since; these are the ones there are now.", "problem")
        return redirect(url_for("uncoded.show", run=run, facet=facet or None), 303)
    return _group_page(review, n, found, facet)


@blueprint.post("/runs/<run>/uncoded/<int:n>")
def make_code(run: str, n: int) -> ResponseReturnValue:
    """Adds a code to the codebook and gives it to the comments ticked; at a problem neither is done."""
    review = open_run(run)
    asked = _asked_facet(review)
    facet = next((one for one in review.facets if one.id == request.form.get("facet")), None)
    if facet is None:
        abort(400, "The form names a facet that is not in the codebook any more. Load the page again.")
    lines = review.lines(_sent("n", review.total))
    examples = review.lines(_sent("example", review.total))
    try:
        if coded_again(review):
            what, fix = "the run was coded again since you loaded the page", "look at its groups as they are now"
            raise InputError(what, fix=fix)
        code = _new_code(facet, examples)
        book = with_code(review.codebook, facet.id, code)
        told = f"“{code.name}”, made of uncoded comments"
        review.store.save_book(who(), dump_codebook(book), told, seen=review.book_version)
    except UserError as error:
        known = next((one for one in grouped(review, asked, state().settings.seed).groups if n in one.numbers), None)
        numbers = known.numbers if known else tuple(line.n for line in lines)
        found = known or Group(numbers, (), numbers[:TYPICAL])
        return _group_page(review, n, found, asked, problem_words(error), status=400)
    saved = _give(review, facet, code.id, lines)
    _tell(code.name, saved)
    return redirect(url_for("codebooks.code", run=run, facet_id=facet.id, code_id=code.id), 303)


def _group_page(
    review: Review, n: int, found: Group, facet: str, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    sent = request.method == "POST"
    ticked = set(_sent("n", review.total)) if sent else set(found.numbers)
    page = render_template(
        "group.html",
        group=found,
        n=n,
        lines=review.lines(found.numbers[:MOST_LISTED]),
        facets=review.facets,
        facet=facet,
        problem=problem,
        ticked=ticked,
        examples=set(_sent("example", review.total)) if sent else set(found.typical),
        form=request.form,
        as_of=request.form.get("as_of", review.store.as_of, int),
        coded_by=coded_by(review),
    )
    return page, status


def _asked_facet(review: Review) -> str:
    """The facet of the address, empty for all; 404 for one that people are not asked about."""
    facet = request.args.get("facet", "")
    if facet and facet not in [one.id for one in review.facets]:
        abort(404, "There is no such facet.")
    return facet


def _sent(name: str, total: int) -> list[int]:
    return sorted({n for n in request.form.getlist(name, int) if 0 < n <= total})


def _new_code(facet: Facet, examples: Sequence[Line]) -> Code:
    """The code that the form describes. Raises CodebookError where it has no name."""
    name, definition = (request.form.get(key, "").strip() for key in ("name", "definition"))
    if not name:
        raise CodebookError("the code has no name", fix="give it a name")
    texts = dict.fromkeys(line.text.strip() for line in examples)
    return Code(new_id(facet, name), name, definition, examples=tuple(Example(text) for text in texts))


def _give(review: Review, facet: Facet, code: str, lines: Sequence[Line]) -> Saved:
    """Decides that the comments have the code, beside those they have; in an exclusive facet it is their only one."""
    choices = []
    for line in lines:
        shown = line.facets[facet.id].codes if facet.id in line.facets else ()
        choices.append(Choice(line.comment_id, facet.id, (code,) if facet.exclusive else (*shown, code), shown))
    as_of = request.form.get("as_of", 0, int)
    return review.store.decide(who(), "list", choices, as_of, "grouped among the uncoded")


def _tell(name: str, saved: Saved) -> None:
    flash(f"“{name}” added to the codebook, and given to {saved.saved:,} comments.", "done")
    if saved.conflicts:
        flash(f"{len(saved.conflicts):,} comments were decided by somebody else meanwhile, and left so.", "problem")
