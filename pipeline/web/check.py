"""The check sample: drawn at random, coded blind. No page here holds anything of what the machine said."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from pipeline.codebook import Code, Facet
from pipeline.counting.trust import background, sizes
from pipeline.errors import UserError
from pipeline.reviewing.checking import HALF_WIDTHS, Progress, all_progress, draw, progress
from pipeline.reviewing.checks_needed import checks_for_width
from pipeline.reviewing.review import Line, Review
from pipeline.web.comments import BARE, CODE_KEYS, facet_letters
from pipeline.web.place import open_run, state, who
from pipeline.web.words import tell

blueprint = Blueprint("check", __name__)


@dataclass(frozen=True)
class BlindCode:
    """A code to be ticked, and the keys that tick it."""

    code: Code
    keys: tuple[str, ...]
    ticked: bool


@dataclass(frozen=True)
class BlindFacet:
    """A facet as its form shows it. letter: the key that leads to its codes."""

    facet: Facet
    letter: str
    codes: tuple[BlindCode, ...]


@blueprint.get("/runs/<run>/check")
def show(run: str) -> ResponseReturnValue:
    """How far the coders are, and the form that draws the sample or makes it larger."""
    review = open_run(run)
    mine = progress(review, who())
    drawn = len(mine.done) + len(mine.waiting)
    return render_template(
        "check.html",
        drawn=drawn,
        mine=mine,
        coders=[one for one in all_progress(review) if one.coder != mine.coder],
        sizes=[size for size in sizes(review, background(review, state().settings)) if size.comments > drawn],
        total=review.total,
        widest=checks_for_width(half_width=HALF_WIDTHS[0]),
        next=next(iter(mine.waiting), None),
    )


@blueprint.post("/runs/<run>/check/draw")
def draw_sample(run: str) -> ResponseReturnValue:
    """Draws the sample, or adds to it."""
    review = open_run(run)
    size = request.form.get("own", 0, int) or request.form.get("size", 0, int)
    try:
        drawn = draw(review, size, state().settings.seed, who())
    except UserError as error:
        tell(error)
    else:
        flash(f"The check sample has {len(drawn):,} comments.", "done")
    return redirect(url_for("check.show", run=run), 303)


@blueprint.get("/runs/<run>/check/<int:place>")
def comment(run: str, place: int) -> ResponseReturnValue:
    """One comment of the sample, with this person's own codes and nobody else's."""
    review = open_run(run)
    line = _drawn(review, place)
    mine = progress(review, who())
    said = {one.facet: one.codes for one in review.store.check_codes(who()) if one.comment_id == line.comment_id}
    forms = _forms(review, said)
    return render_template(
        "check_comment.html",
        page_keys="check",
        place=place,
        last=len(mine.done) + len(mine.waiting),
        question=line.question,
        text=line.text,
        forms=forms,
        key_list=[(f"{form.letter} then a key", form.facet.name) for form in forms if form.letter],
        done=place in mine.done,
        mine=mine,
        skip_to=mine.next_after(place),
    )


@blueprint.post("/runs/<run>/check/<int:place>")
def save(run: str, place: int) -> ResponseReturnValue:
    """Keeps this person's codes, and goes on to the next comment of theirs."""
    review = open_run(run)
    line = _drawn(review, place)
    coded = [(line.comment_id, facet.id, _chosen(facet)) for facet in review.facets]
    review.store.check(who(), "screen", coded)
    return _to_next(run, place, progress(review, who()))


def _to_next(run: str, place: int, mine: Progress) -> ResponseReturnValue:
    """The next comment that waits for this person; the overview after the last."""
    after = mine.next_after(place)
    if after is None:
        flash("You have coded the whole check sample. Thank you.", "done")
        return redirect(url_for("check.show", run=run), 303)
    return redirect(url_for("check.comment", run=run, place=after), 303)


def _drawn(review: Review, place: int) -> Line:
    """The comment at a place of the sample; 404 where there is none."""
    found = next((one for one in review.store.sample() if one.place == place), None)
    number = review.number_of(found.comment_id) if found else None
    if number is None:
        abort(404, "The check sample has no comment at this place.")
    return review.lines([number])[0]


def _chosen(facet: Facet) -> tuple[str, ...]:
    codes = tuple(code for code in request.form.getlist(facet.id) if code)
    if any(code not in facet.by_id for code in codes) or (facet.exclusive and len(codes) > 1):
        abort(400, "The form names a code that is not in the codebook any more. Load the page again.")
    return codes


def _forms(review: Review, said: Mapping[str, tuple[str, ...]]) -> list[BlindFacet]:
    """The facets people are asked about, in the order and with the keys that the comment page has."""
    letters = facet_letters([facet.id for facet in review.facets])
    return [
        BlindFacet(
            facet,
            letters[facet.id],
            tuple(
                BlindCode(code, _keys(place, letters[facet.id], n == 0), code.id in said.get(facet.id, ()))
                for place, code in enumerate(facet.code)
            ),
        )
        for n, facet in enumerate(review.facets)
    ]


def _keys(place: int, letter: str, first: bool) -> tuple[str, ...]:
    """What to press for a code: a digit alone in the first facet, else the letter of the facet and then one key."""
    if place >= len(CODE_KEYS) or not letter:
        return ()
    with_letter = f"{letter} {CODE_KEYS[place]}"
    return (CODE_KEYS[place], with_letter) if first and place < BARE else (with_letter,)
