"""One comment: its text with the words that decided, all that is known of it, and the form to put its codes right."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from pipeline.codebook import Code, Codebook, Facet, load_codebook
from pipeline.coding.doubts import doubt_words
from pipeline.errors import UserError
from pipeline.learning.learned import Learned, read_learned
from pipeline.learning.model_store import read_manifest
from pipeline.reviewing.review import Line, Review, View
from pipeline.stores.review_records import Choice, Conflict, Saved
from pipeline.web.place import open_run, state, who
from pipeline.web.queue import asked_for, carried, doubts_by_name, plural, to_comment

CODE_KEYS = "1234567890abcdefghijklmnopqrstuvwxyz"
BARE = 9  # codes of the first facet that a digit alone reaches
LONGEST_NAME = 200  # of a model
TAKEN_KEYS = "cdjknqsux"  # which do something else

blueprint = Blueprint("comments", __name__)


@dataclass(frozen=True)
class Piece:
    """A stretch of the text; codes: names of those it decided, none for most of it; ids: the same for the page."""

    text: str
    codes: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodeChoice:
    """A code to be ticked. keys: what to press; probability: None for a code newer than the model; words: why."""

    code: Code
    keys: tuple[str, ...]
    probability: float | None
    ticked: bool
    by_machine: bool
    words: tuple[str, ...]


@dataclass(frozen=True)
class FacetForm:
    """The codes of a facet to choose from. letter: the key that leads to them; shown: those the page shows as given."""

    facet: Facet
    letter: str
    choices: tuple[CodeChoice, ...]
    shown: tuple[str, ...]
    source: str
    by: str
    gone: tuple[str, ...]


@dataclass(frozen=True)
class Like:
    """A like comment learned from. codes: (facet, names of its codes) where somebody said."""

    text: str
    source: str
    similarity: float
    codes: tuple[tuple[str, str], ...]


# ---- pages ----------------------------------------------------------------------------------------------------------


@blueprint.get("/runs/<run>/comments/<int:n>")
def show(run: str, n: int) -> ResponseReturnValue:
    """One comment, to be read and put right."""
    review = open_run(run)
    view = review.comment(n) or abort(404, "There is no comment of this number.")
    return _page(review, view)


@blueprint.post("/runs/<run>/comments/<int:n>")
def save(run: str, n: int) -> ResponseReturnValue:
    """Keeps the codes of all facets as this person's decision, and goes on to the next comment."""
    review = open_run(run)
    view = review.comment(n) or abort(404, "There is no comment of this number.")
    chosen = {facet.id: _chosen(facet) for facet in review.facets}
    shown = {facet.id: tuple(request.form.get(f"shown-{facet.id}", "").split()) for facet in review.facets}
    copies = review.lines(review.copies_of(n)) if request.form.get("copies") else []
    choices = [Choice(view.line.comment_id, facet, codes, shown[facet]) for facet, codes in chosen.items()]
    choices += [choice for copy in copies for choice in _of_copy(copy, chosen, shown)]
    as_of = request.form.get("as_of", 0, int)
    note = request.form.get("note", "").strip()
    model = request.form.get("model", "")[:LONGEST_NAME]  # the run may have been coded again since the page was made
    saved = review.store.decide(who(), "screen", choices, as_of, note, model)
    own = [one for one in saved.conflicts if one.mine.comment_id == view.line.comment_id]
    others = {one.mine.comment_id for one in saved.conflicts} - {view.line.comment_id}
    if others:
        them = ", ".join(str(copy.n) for copy in copies if copy.comment_id in others)
        flash(
            f"Comments with the same words that somebody else decided otherwise meanwhile stay so: {them}.", "problem"
        )
    if own:
        return _disputed(review, n, chosen, own)
    _tell(n, len({one.comment_id for one in choices} - others) - 1, saved)
    return redirect(url_for("queue.read_next", run=run, after=n, **carried(page=None)), 303)


@blueprint.get("/runs/<run>/comments/<int:n>/before")
def before(run: str, n: int) -> ResponseReturnValue:
    """The comment before this one in the order asked for, decided or not."""
    review = open_run(run)
    query = asked_for(review)
    return to_comment(run, review.next_after(n, query, back=True) or n)


@blueprint.get("/runs/<run>/comments/<int:n>/after")
def after(run: str, n: int) -> ResponseReturnValue:
    """The comment after this one in the order asked for, decided or not."""
    review = open_run(run)
    return to_comment(run, review.next_after(n, asked_for(review)) or n)


def _page(
    review: Review,
    view: View,
    mine: Mapping[str, tuple[str, ...]] | None = None,
    conflicts: Sequence[Conflict] = (),
) -> str:
    """The page of a comment. mine: codes ticked but not saved; conflicts: why not."""
    forms = facet_forms(review, view, mine or {})
    return render_template(
        "comment.html",
        page_keys="comment",
        review=review,
        view=view,
        line=view.line,
        pieces=marked(view.line.text, _reasons(review.codebook, view)),
        doubts=[(said, doubt_words(name)) for said, name in doubts_by_name(view.line.doubts, review).items()],
        forms=forms,
        keys_of_facets=[(f"{form.letter} then a key", form.facet.name) for form in forms if form.letter],
        likes=likes(review, view),
        copies=view.line.copies - 1,
        names=_names(review.codebook),
        conflicts=conflicts,
        note=request.form.get("note", ""),
        read=review.decided(),
        total=review.total,
        carried=carried,
    )


# ---- saving ---------------------------------------------------------------------------------------------------------


def _chosen(facet: Facet) -> tuple[str, ...]:
    codes = tuple(code for code in request.form.getlist(facet.id) if code)
    if any(code not in facet.by_id for code in codes) or (facet.exclusive and len(codes) > 1):
        abort(400, "The form names a code that is not in the codebook any more. Load the page again.")
    return codes


def _of_copy(copy: Line, chosen: Mapping[str, tuple[str, ...]], shown: Mapping[str, tuple[str, ...]]) -> list[Choice]:
    """The same choices for a comment with the same words, but where somebody decided it otherwise."""
    return [
        Choice(copy.comment_id, facet, codes, copy.facets[facet].codes)
        for facet, codes in chosen.items()
        if facet in copy.facets
        and (copy.facets[facet].decision is None or set(copy.facets[facet].codes) == set(shown[facet]))
    ]


def _disputed(
    review: Review, n: int, chosen: Mapping[str, tuple[str, ...]], conflicts: Sequence[Conflict]
) -> ResponseReturnValue:
    view = review.comment(n) or abort(404)
    return _page(review, view, chosen, conflicts), 409


def _tell(n: int, copies: int, saved: Saved) -> None:
    if saved.saved:
        also = f" and {plural(copies, 'comment')} with the same words" if copies else ""
        flash(f"Comment {n}{also} decided.", "done")
    else:
        flash(f"Comment {n} was already decided so.{' The note was kept.' if saved.noted else ''}", "done")


# ---- what the page shows --------------------------------------------------------------------------------------------


def _names(codebook: Codebook) -> dict[tuple[str, str], str]:
    """The name of each (facet, code)."""
    return {(facet.id, code.id): code.name for facet in codebook.facet for code in facet.code}


def _reasons(codebook: Codebook, view: View) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """(id, name, part, words) of each code that the machine gave."""
    names = _names(codebook)
    return [
        (f"{facet}-{code}", names.get((facet, code), code), part, words)
        for facet, of in view.why.items()
        for code, (part, words) in of.items()
    ]


def marked(text: str, reasons: Iterable[tuple[str, str, str, tuple[str, ...]]]) -> list[Piece]:
    """The text in pieces, so that those which decided can be marked. reasons: (id, name, part, words) of each code."""
    deciding: list[tuple[tuple[str, str], ...]] = [()] * len(text)
    for id_, name, part, words in reasons:
        start, end = _place_of(part, text)
        for word in words:
            for found in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text[start:end], re.IGNORECASE):
                for place in range(start + found.start(), start + found.end()):
                    deciding[place] += ((id_, name),)
    runs = groupby(zip(text, deciding, strict=True), key=lambda pair: pair[1])
    return [
        Piece("".join(letter for letter, _ in letters), tuple(n for _, n in codes), tuple(i for i, _ in codes))
        for codes, letters in runs
    ]


def _place_of(part: str, text: str) -> tuple[int, int]:
    """Where a part, whose white space was evened, stands in the text; all of it where it does not."""
    found = re.search(r"\s+".join(map(re.escape, part.split())), text)
    return found.span() if found else (0, len(text))


def facet_forms(review: Review, view: View, mine: Mapping[str, tuple[str, ...]]) -> list[FacetForm]:
    """The facets people are asked about, with the keys that lead to each code."""
    letters = facet_letters([facet.id for facet in review.facets])
    return [
        _facet_form(facet, letters[facet.id], first=place == 0, view=view, mine=mine)
        for place, facet in enumerate(review.facets)
    ]


def _facet_form(facet: Facet, letter: str, first: bool, view: View, mine: Mapping[str, tuple[str, ...]]) -> FacetForm:
    known = view.line.facets.get(facet.id)
    codes, machine = (known.codes, known.machine) if known else ((), ())
    ticked = mine.get(facet.id, codes)
    probability, why = view.probability.get(facet.id, {}), view.why.get(facet.id, {})
    choices = tuple(
        CodeChoice(
            code,
            _keys(place, letter, first),
            probability.get(code.id),
            code.id in ticked,
            code.id in machine,
            why.get(code.id, ("", ()))[1],
        )
        for place, code in enumerate(facet.code)
    )
    gone = tuple(code for code in codes if code not in facet.by_id)
    by = known.decision.who if known and known.decision else ""
    return FacetForm(facet, letter, choices, codes, known.source if known else "", by, gone)


def facet_letters(facets: Sequence[str]) -> dict[str, str]:
    """A key for each facet: the first letter of its id that nothing else has."""
    letters: dict[str, str] = {}
    for facet in facets:
        wishes = [letter for letter in facet + CODE_KEYS if letter.isalpha()]
        free = (letter for letter in wishes if letter not in TAKEN_KEYS and letter not in letters.values())
        letters[facet] = next(free, "")
    return letters


def _keys(place: int, letter: str, first: bool) -> tuple[str, ...]:
    """What to press for a code: a digit alone in the first facet, else the letter of the facet and then one key."""
    if place >= len(CODE_KEYS) or not letter:
        return ()
    with_letter = f"{letter} {CODE_KEYS[place]}"
    return (CODE_KEYS[place], with_letter) if first and place < BARE else (with_letter,)


def likes(review: Review, view: View) -> tuple[Like, ...] | None:
    """The comments learned from that are most like this one; None where the model is not here any more."""
    learned = _learned_of(review)
    if learned is None:
        return None
    names = _names(review.codebook)
    return tuple(
        Like(
            learned.texts[near.row],
            learned.sources[near.row],
            near.similarity,
            tuple(_said(learned, near.row, facet, names) for facet in review.facets if facet.id in learned.codes),
        )
        for near in view.near
        if near.row < len(learned)
    )


def _said(learned: Learned, row: int, facet: Facet, names: Mapping[tuple[str, str], str]) -> tuple[str, str]:
    codes = learned.codes[facet.id][row]
    if codes is None:
        return facet.name, "not said"
    return facet.name, ", ".join(names.get((facet.id, code), code) for code in codes) or "none"


def _learned_of(review: Review) -> Learned | None:
    """What the model that coded the run learned from; None where it is gone, or another has its name by now."""
    model = review.store.meta("model")
    return _read(state().settings.models / model["name"], model["sha256"])


@lru_cache(maxsize=4)
def _read(folder: Path, digest: str) -> Learned | None:
    try:
        if read_manifest(folder).get("estimators_sha256") != digest:
            return None
        return read_learned(folder, load_codebook(folder / "codebook.toml"))
    except UserError:
        return None
