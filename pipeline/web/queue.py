"""The queue: the comments of a run as a grid, to be found, sorted, and decided many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from pipeline.codebook import Facet
from pipeline.coding.doubts import WORDS
from pipeline.coding.reading import Outlook, worth_reading_on
from pipeline.reviewing.review import (
    CHANGED,
    DECIDED,
    DOUBTFUL,
    NO_CODE,
    SORTS,
    WAITING,
    Line,
    Query,
    Review,
    next_query,
)
from pipeline.stores.review_records import Choice, Saved
from pipeline.stores.review_store import UNDO
from pipeline.web.kept import Stand, stand
from pipeline.web.place import open_run, who

# What may stand in the address of the queue, and goes with the reader from comment to comment.
ASKED = ("text", "code", "doubt", "state", "question", "group", "column", "sort", "page", "show")
STATES = {"": "All", WAITING: "Waiting", DOUBTFUL: "Waiting, with doubts", DECIDED: "Decided", CHANGED: "Changed"}
ORDERS = {
    "reading": "Reading order",
    "export": "As exported",
    "unsure": "Least sure first",
    "longest": "Longest first",
    "shortest": "Shortest first",
    "question": "By question",
}
MOST_AT_ONCE = 5000  # comments that can be decided by one press of a button
MOST_NAMED = 10
SET, CLEAR, CONFIRM = "set", "clear", "confirm"
CODED_AGAIN = "Nothing was changed: the run was coded again since you loaded the page. Look at its codes of now first."

blueprint = Blueprint("queue", __name__)


@dataclass(frozen=True)
class Option:
    """One line of a list to choose from."""

    value: str
    name: str


@dataclass(frozen=True)
class Figures:
    """How far a run is: comments in each state and with each (facet, code), what reading on is worth, its questions."""

    counts: Mapping[str, int]
    codes: Mapping[tuple[str, str], int]
    outlook: Outlook
    questions: tuple[str, ...]


def carried(**changes: str | int | None) -> dict[str, Any]:
    """What is asked for, as it stands in the address, with some of it changed; None and empty are left out."""
    asked = {key: request.args[key] for key in ASKED if key in request.args} | changes
    return {key: value for key, value in asked.items() if value not in (None, "")}


def asked_for(review: Review) -> Query:
    """The comments that the address asks for; a group stands there as `column: value`."""
    asked = {key: request.args.get(key, "") for key in ("text", "code", "doubt", "state", "question")}
    column, group = request.args.get("column", ""), request.args.get("group", "")
    if not column and group:
        column, group = _groups(review).get(group) or abort(404, "There is no such group.")
    sort = request.args.get("sort", "")
    page = request.args.get("page", 1, int)
    asked["text"] = asked["text"].strip()
    return Query(**asked, column=column, group=group, sort=sort if sort in SORTS else "reading", page=page)


def _groups(review: Review) -> dict[str, tuple[str, str]]:
    """The columns of the export with few values: how a group is called → (column, value)."""
    columns: dict[str, list[str]] = review.store.meta("groups")
    return {f"{column}: {value}": (column, value) for column, values in columns.items() for value in values}


def figures(review: Review) -> Figures:
    """How far the run is, worked out once for each decision: with many it takes longer than a page may."""
    return _figures(review.run, stand(review))


@lru_cache(maxsize=16)
def _figures(run: Path, _: Stand) -> Figures:
    with Review(run) as review:
        counts = review.counts()
        outlook = worth_reading_on(review.changed_in_order(), counts[WAITING])
        return Figures(counts, review.code_counts(), outlook, review.questions)


@blueprint.get("/runs/<run>/")
def show(run: str) -> ResponseReturnValue:
    """A page of the comments asked for."""
    review = open_run(run)
    query = asked_for(review)
    column = request.args.get("show", "")
    page = review.page(query)
    known = figures(review)
    return render_template(
        "queue.html",
        page_keys="queue",
        review=review,
        query=query,
        page=page,
        lines=page.lines,
        counts=known.counts,
        outlook=known.outlook,
        states=STATES,
        orders=ORDERS,
        code_options=_code_options(review, known.codes),
        doubts=WORDS,
        questions=known.questions,
        groups=review.store.meta("groups"),
        group=f"{query.column}: {query.group}" if query.column else "",
        others=review.store.meta("others"),
        shown=column if column in review.store.meta("others") else "",
        carried=carried,
        coded_by=coded_by(review),
        doubts_of=lambda line: doubts_by_name(line.doubts, review),
        filtered=bool(carried(sort=None, page=None, show=None, state=None)),
        at_once=min(page.total, MOST_AT_ONCE),
    )


def doubts_by_name(doubts: Sequence[str], review: Review) -> dict[str, str]:
    """Doubts, those about several facets in one, as `near the line: principle, theme` → the doubt's bare name."""
    facets: dict[str, list[str]] = {}
    for doubt in doubts:
        name, _, facet = doubt.partition(" (")
        facet = facet.rstrip(")")
        found = facets.setdefault(name, [])
        found += [review.codebook.by_id[facet].name.lower()] if facet in review.codebook.by_id else []
    return {f"{name}: {', '.join(about)}" if about else name: name for name, about in facets.items()}


def _code_options(review: Review, counts: Mapping[tuple[str, str], int]) -> list[tuple[str, list[Option]]]:
    """For each facet, its name and its codes with how many comments have each now."""
    facets = [facet for facet in review.codebook.facet if facet.id in review.coded_codes]
    return [
        (
            facet.name,
            [Option(f"{facet.id}:{c.id}", f"{c.name} ({counts.get((facet.id, c.id), 0):,})") for c in facet.code]
            + [Option(f"{facet.id}:{NO_CODE}", f"No {facet.name.lower()}")],
        )
        for facet in facets
    ]


@blueprint.get("/runs/<run>/next")
def read_next(run: str) -> ResponseReturnValue:
    """To the next comment that waits, after the one given or from the beginning; back to the queue after the last."""
    review = open_run(run)
    query = next_query(asked_for(review))
    after = request.args.get("after", 0, int)
    n = review.next_after(after, query) if after else next(iter(review.page(query, 1).lines), None)
    return to_comment(run, n.n if isinstance(n, Line) else n)


def to_comment(run: str, n: int | None) -> ResponseReturnValue:
    """To a comment, with what was asked for; to the queue where there is none."""
    if n is None:
        flash("No other comment of these waits to be read.", "done")
        return redirect(url_for("queue.show", run=run, **carried(page=None)), 303)
    return redirect(url_for("comments.show", run=run, n=n, **carried(page=None)), 303)


@blueprint.post("/runs/<run>/many")
def decide_many(run: str) -> ResponseReturnValue:
    """Sets or clears a code of all comments ticked, or confirms the codes they show."""
    review = open_run(run)
    if coded_again(review):
        flash(CODED_AGAIN, "problem")
        return redirect(url_for("queue.show", run=run, **carried()), 303)
    lines = review.lines(_ticked(review))
    if not lines:
        flash("Nothing was ticked, so nothing was changed.", "problem")
        return redirect(url_for("queue.show", run=run, **carried()), 303)
    if request.form.get("do") == CONFIRM:
        choices = [_confirmed(line, facet) for line in lines for facet in review.facets if facet.id in line.facets]
    else:
        choices = _with_code(review, lines)
    before = review.store.as_of
    saved = review.store.decide(who(), "list", choices, request.form.get("as_of", 0, int))
    _tell(review, len(lines), saved, before)
    return redirect(url_for("queue.show", run=run, **carried()), 303)


def coded_by(review: Review) -> str:
    """A digest of the model whose codes a page shows, for the form of the page to send back."""
    return str(review.store.meta("model")["sha256"])


def coded_again(review: Review) -> bool:
    """Whether a form was sent from a page with codes of another model, which nobody may decide without seeing them."""
    return request.form.get("coded_by") != coded_by(review)


def _ticked(review: Review) -> list[int]:
    if request.form.get("all"):
        found = review.numbers(asked_for(review))
        return found if len(found) <= MOST_AT_ONCE else abort(400, f"At most {MOST_AT_ONCE:,} comments at once.")
    return sorted({n for n in request.form.getlist("n", int) if 0 < n <= review.total})


def _with_code(review: Review, lines: Sequence[Line]) -> list[Choice]:
    """The choices that set or clear the code of the form; none for comments that have it, or lack it, already."""
    facet_id, _, code = request.form.get("code", "").partition(":")
    facet = next((one for one in review.facets if one.id == facet_id), None)
    if facet is None or code not in facet.by_id or request.form.get("do") not in (SET, CLEAR):
        abort(400, "Choose a code first, then set or clear it.")
    wanted = request.form["do"] == SET
    open_to_it = [line for line in lines if facet.id in line.facets]
    return [_coded(line, facet, code, wanted) for line in open_to_it if (code in _codes(line, facet)) != wanted]


def _codes(line: Line, facet: Facet) -> tuple[str, ...]:
    return line.facets[facet.id].codes


def _coded(line: Line, facet: Facet, code: str, wanted: bool) -> Choice:
    others = () if facet.exclusive and wanted else tuple(one for one in _codes(line, facet) if one != code)
    return Choice(line.comment_id, facet.id, (*others, code) if wanted else others, _codes(line, facet))


def _confirmed(line: Line, facet: Facet) -> Choice:
    return Choice(line.comment_id, facet.id, _codes(line, facet), _codes(line, facet))


def _tell(review: Review, ticked: int, saved: Saved, before: int) -> None:
    changed = {one.comment_id for one in review.decided_since(before) if one.act == saved.act}
    disputed = {conflict.theirs.comment_id: conflict.theirs.who for conflict in saved.conflicts}
    as_before = ticked - len(changed | set(disputed))
    flash(f"{plural(len(changed), 'comment')} decided; {as_before:,} left as they were.", "done")
    if disputed:
        named = [f"{review.number_of(id_)} ({name})" for id_, name in list(disputed.items())[:MOST_NAMED]]
        more = f" and {len(disputed) - MOST_NAMED:,} more" if len(disputed) > MOST_NAMED else ""
        said = f"Not changed, because somebody decided otherwise since you loaded the page: {', '.join(named)}{more}."
        flash(f"{said} Look at them as they are now, and decide again.", "problem")


@blueprint.post("/runs/<run>/undo")
def undo(run: str) -> ResponseReturnValue:
    """Takes back what this person did last, and shows the comment it was about."""
    review = open_run(run)
    before = review.store.as_of
    undone = review.store.undo(who())
    if undone is None:
        flash("There is nothing of yours to take back.", "problem")
        return redirect(url_for("queue.show", run=run, **carried()), 303)
    taken, stay = undone
    kept = f" {plural(stay, 'decision')} stay, because somebody decided since." if stay else ""
    about = {one.comment_id for one in review.decided_since(before) if one.how == UNDO and one.who == who()}
    numbers = [review.number_of(comment_id) for comment_id in about]
    flash(f"Taken back: {plural(taken, 'decision')} on {plural(len(about), 'comment')}.{kept}", "done")
    if len(numbers) == 1:
        return to_comment(run, numbers[0])
    return redirect(url_for("queue.show", run=run, **carried()), 303)


def plural(count: int, noun: str) -> str:
    """`1 comment`, `12 comments`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
