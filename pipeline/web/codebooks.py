"""The codebook of a run: its codes with counts and verdicts, and the forms to edit them, version by version."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from pipeline.codebook import (
    Code,
    Codebook,
    Example,
    Facet,
    dump_codebook,
    load_codebook,
    parse_codebook,
    split_codes,
)
from pipeline.codebooks.codebook_edits import PLACE, changes, exclusion, exclusion_line, new_id, with_code
from pipeline.counting.trust import KnownCode, background
from pipeline.errors import CodebookError, UserError
from pipeline.reviewing.review import Review
from pipeline.reviewing.verdicts import ASSIST, TOO_FEW, TRUST, UNCLEAR
from pipeline.web.kept import known
from pipeline.web.place import open_run, state, who
from pipeline.web.words import problem_words

BLANK_EXAMPLES = 3  # empty boxes to write further ones in
MARKS = {TRUST: "✓", ASSIST: "◐", TOO_FEW: "…", UNCLEAR: "✗"}  # beside the word, never instead of it
MEANINGS = {
    TRUST: "the comments it was given to can be counted without reading them",
    ASSIST: "a help for those who read; what it was given to should be read",
    TOO_FEW: "nobody knows yet how well it is found",
    UNCLEAR: "people do not agree on it, so a machine cannot learn it; say what it means more clearly",
}

blueprint = Blueprint("codebooks", __name__)


@dataclass(frozen=True)
class CodeForm:
    """A code as its form holds it: lists as lines; examples: (text, voice, codes that fit too). seen: of the code."""

    name: str
    definition: str
    include: str
    exclude: str
    phrases: str
    aliases: str
    examples: tuple[tuple[str, str, str], ...]
    note: str = ""
    seen: str = ""


@dataclass(frozen=True)
class Version:
    """A version of the codebook; number 0 is the one the run was coded with."""

    number: int
    who: str
    at: str
    note: str
    changes: tuple[str, ...]


# ---- pages -----------------------------------------------------------------------------------------------------------


@blueprint.get("/runs/<run>/codebook")
def show(run: str) -> ResponseReturnValue:
    """All codes with their definitions, counts and verdicts, and the versions there were."""
    review = open_run(run)
    behind = background(review, state().settings)
    return render_template(
        "codebook.html",
        book=review.codebook,
        asked=[facet.id for facet in review.facets],
        known=known(review, state().settings),
        counts=review.code_counts(),
        coded=review.coded_codes,
        has_model=behind is not None,
        likeness=behind is not None and behind.learned.has_vectors,
        versions=_versions(review),
        marks=MARKS,
        meanings=MEANINGS,
    )


@blueprint.get("/runs/<run>/codebook/<facet_id>/<code_id>")
def code(run: str, facet_id: str, code_id: str) -> ResponseReturnValue:
    """One code: its verdict, like comments that were coded differently, and the form to edit it."""
    review = open_run(run)
    facet, found = _find(review.codebook, facet_id, code_id)
    return _code_page(review, facet, found, _form_of(facet, found))


@blueprint.post("/runs/<run>/codebook/<facet_id>/<code_id>")
def save(run: str, facet_id: str, code_id: str) -> ResponseReturnValue:
    """Saves a code as a new version of the codebook; at a problem nothing that was typed is lost."""
    review = open_run(run)
    facet, old = _find(review.codebook, facet_id, code_id)
    form = _sent()
    if form.seen != _digest(facet, old):
        problem = "Somebody else changed this code since you opened it. Yours was not saved, and stands in the form."
        return _code_page(review, facet, old, replace(form, seen=_digest(facet, old)), problem, theirs=True, status=409)
    try:
        saved = _save(review, facet, _code_of(facet, old.id, form), form.note)
    except UserError as error:
        return _code_page(review, facet, old, form, problem_words(error), status=400)
    flash(f"“{old.name}” saved as a new version." if saved else "Nothing was changed, so nothing was saved.", "done")
    return redirect(url_for("codebooks.code", run=run, facet_id=facet_id, code_id=code_id), 303)


@blueprint.get("/runs/<run>/codebook/<facet_id>/new")
def new(run: str, facet_id: str) -> ResponseReturnValue:
    """The form for a new code of a facet."""
    review = open_run(run)
    facet = _facet(review.codebook, facet_id)
    return _code_page(review, facet, None, _form_of(facet, Code("new", "")))


@blueprint.post("/runs/<run>/codebook/<facet_id>/new")
def add(run: str, facet_id: str) -> ResponseReturnValue:
    """Adds a code; its id is made of its name and never changes."""
    review = open_run(run)
    facet, form = _facet(review.codebook, facet_id), _sent()
    try:
        id_ = new_id(facet, form.name)
        _save(review, facet, _code_of(facet, id_, form), form.note)
    except UserError as error:
        return _code_page(review, facet, None, form, problem_words(error), status=400)
    flash(f"“{form.name}” added. People can give it now; the machine can once it has learned it.", "done")
    return redirect(url_for("codebooks.code", run=run, facet_id=facet_id, code_id=id_), 303)


@blueprint.post("/runs/<run>/codebook/versions/<int:number>")
def go_back(run: str, number: int) -> ResponseReturnValue:
    """Makes an earlier version the current one, as a further version; a code added since has to stay."""
    review = open_run(run)
    text = _text_of(review, number)
    earlier, missing = parse_codebook(text, PLACE), []
    for facet in review.codebook.facet:
        had = earlier.by_id[facet.id].ids if facet.id in earlier.by_id else ()
        missing += [one.name for one in facet.code if one.id not in had and _is_used(review, facet.id, one.id)]
    if missing:
        flash(
            f"Not done: {', '.join(missing)} would be left out, but comments have it, or the machine gives it.",
            "problem",
        )
    else:
        review.store.save_book(who(), text, f"back to version {number}", seen=review.book_version)
        flash(f"The codebook is as in version {number} again. The versions in between are kept.", "done")
    return redirect(url_for("codebooks.show", run=run), 303)


def _is_used(review: Review, facet: str, code_id: str) -> bool:
    """Whether a comment has a code, by the machine, a decision that stands or the check sample, or could get it."""
    given = (one.codes for one in review.store.check_codes() if one.facet == facet)
    in_use = code_id in review.coded_codes.get(facet, ()) or review.code_counts().get((facet, code_id), 0) > 0
    return in_use or any(code_id in codes for codes in given)


def _code_page(
    review: Review,
    facet: Facet,
    found: Code | None,
    form: CodeForm,
    problem: str = "",
    *,
    theirs: bool = False,
    status: int = 200,
) -> ResponseReturnValue:
    page = render_template(
        "code.html",
        facet=facet,
        code=found,
        form=form,
        problem=problem,
        theirs=_form_of(facet, found) if theirs and found else None,
        known=_known(review, facet, found.id) if found else None,
        count=review.code_counts().get((facet.id, found.id), 0) if found else 0,
        machine_knows=found is not None and found.id in review.coded_codes.get(facet.id, ()),
        marks=MARKS,
        meanings=MEANINGS,
        blanks=BLANK_EXAMPLES,
    )
    return page, status


def _known(review: Review, facet: Facet, code_id: str) -> KnownCode | None:
    return known(review, state().settings).get(facet.id, {}).get(code_id)


def _facet(book: Codebook, facet_id: str) -> Facet:
    return book.by_id.get(facet_id) or abort(404, "There is no such facet in the codebook.")


def _find(book: Codebook, facet_id: str, code_id: str) -> tuple[Facet, Code]:
    facet = _facet(book, facet_id)
    return facet, facet.by_id.get(code_id) or abort(404, "There is no such code in the codebook.")


# ---- forms -----------------------------------------------------------------------------------------------------------


def _form_of(facet: Facet, code: Code) -> CodeForm:
    """A code, written into its form."""
    return CodeForm(
        name=code.name,
        definition=code.definition,
        include="\n".join(code.include),
        exclude="\n".join(exclusion_line(one, facet) for one in code.exclude),
        phrases="\n".join(code.phrases),
        aliases="\n".join(code.aliases),
        examples=tuple((one.text, one.voice, " | ".join(one.also)) for one in code.examples),
        seen=_digest(facet, code),
    )


def _sent() -> CodeForm:
    """The form as it was sent; browsers end lines in their own way."""
    sent = {key: request.form.get(key, "").replace("\r\n", "\n").strip() for key in CodeForm.__dataclass_fields__}
    columns = [request.form.getlist(f"example_{part}") for part in ("text", "voice", "also")]
    rows = [tuple(cell.replace("\r\n", "\n").strip() for cell in row) for row in zip_longest(*columns, fillvalue="")]
    sent["examples"] = tuple(row for row in rows if row[0])  # type: ignore[assignment]
    return CodeForm(**sent)  # type: ignore[arg-type]


def _code_of(facet: Facet, id_: str, form: CodeForm) -> Code:
    """The code that a form describes. Raises CodebookError for what no code could be."""
    if not form.name:
        raise CodebookError("the code has no name", fix="give it a name")
    return Code(
        id=id_,
        name=form.name,
        definition=form.definition,
        include=_lines(form.include),
        exclude=tuple(exclusion(line, facet) for line in _lines(form.exclude)),
        examples=tuple(_example(facet, *row) for row in form.examples),
        phrases=_lines(form.phrases),
        aliases=_lines(form.aliases),
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _example(facet: Facet, text: str, voice: str, also: str) -> Example:
    return Example(text, voice, tuple(facet.find(named) or named for named in split_codes(also)))


def _digest(facet: Facet, code: Code) -> str:
    """What the code is now, so that a form knows whether it was changed meanwhile."""
    only = Codebook("", (replace(facet, code=(code,)),))
    return hashlib.sha256(dump_codebook(only).encode()).hexdigest()[:16]


def _save(review: Review, facet: Facet, code: Code, note: str) -> bool:
    """Saves the codebook with this code, where that changes it."""
    book = with_code(review.codebook, facet.id, code)
    if book == review.codebook:
        return False
    told = note or "; ".join(changes(review.codebook, book))
    review.store.save_book(who(), dump_codebook(book), told, seen=review.book_version)
    return True


# ---- versions --------------------------------------------------------------------------------------------------------


def _versions(review: Review) -> list[Version]:
    """All versions, newest first, each with what it changed."""
    rows: Sequence[Mapping[str, Any]] = review.store.book_versions()
    books = [load_codebook(review.run / "codebook.toml")]
    books += [parse_codebook(review.store.book_text(row["id"]), PLACE) for row in rows]
    found = [Version(0, "", "", "the codebook this run was coded with", ())]
    for row, (old, new_book) in zip(rows, pairwise(books), strict=True):
        found.append(Version(row["id"], row["who"], row["at"], row["note"], tuple(changes(old, new_book))))
    return found[::-1]


def _text_of(review: Review, number: int) -> str:
    if number == 0:
        return (review.run / "codebook.toml").read_text(encoding="utf-8")
    if number not in {row["id"] for row in review.store.book_versions()}:
        abort(404, "There is no such version.")
    return review.store.book_text(number)
