"""A run handed to Label Studio and what people said there taken back, as decisions like any other."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.codebook import Codebook
from pipeline.codebooks.label_studio import (
    CommentOut,
    DecisionIn,
    labelling_config,
    read_label_studio,
    write_label_studio,
)
from pipeline.errors import InputError
from pipeline.files.whole_file import whole_file
from pipeline.reviewing.review import Line, Review
from pipeline.stores.review_records import Choice, Conflict

HOW = "label studio"


@dataclass(frozen=True)
class HandedOver:
    """How many comments were handed over, and the two files."""

    comments: int
    tasks: Path
    config: Path


@dataclass(frozen=True)
class TakenBack:
    """What came back: codings saved, already so, or in conflict with decisions made meanwhile; and what was counted."""

    saved: int
    unchanged: int
    conflicts: tuple[Conflict, ...]
    counted: Counter[str]


def hand_over(review: Review, tasks: Path) -> HandedOver:
    """Writes all comments of a run as tasks of Label Studio, and the labelling config beside them (.xml)."""
    book = _asked(review)
    config = tasks.with_suffix(".xml")
    as_of = review.store.as_of
    model = str(review.store.meta("model")["name"])
    written = write_label_studio((_out(line, as_of) for line in review.all_lines()), book, tasks, model)
    with whole_file(config) as file:
        file.write(labelling_config(book))
    return HandedOver(written, tasks, config)


def _asked(review: Review) -> Codebook:
    """The codebook with the facets people are asked about."""
    return Codebook(review.codebook.name, review.facets)


def _out(line: Line, as_of: int) -> CommentOut:
    decided = {facet: one for facet, one in line.facets.items() if one.decision is not None}
    last = max((one.decision for one in decided.values() if one.decision), key=lambda one: one.id, default=None)
    return CommentOut(
        line.comment_id,
        line.response_id,
        line.question,
        line.text,
        line.others,
        {facet: list(zip(one.machine, one.probability, strict=True)) for facet, one in line.facets.items()},
        {facet: one.codes for facet, one in decided.items()} or None,
        last.who if last else "",
        last.at if last else "",
        last.note if last else "",
        as_of,
    )


def take_back(review: Review, path: Path, who: str) -> TakenBack:
    """Saves what people decided in Label Studio, each under their own name there, else under `who`.

    Nothing is saved where the file cannot be read to its end. Raises InputError.
    """
    counted: Counter[str] = Counter()
    found = [one for one in read_label_studio(path, review.codebook, facets=_ids(review), tally=counted) if one.new]
    known = [(one, n) for one in found if (n := review.number_of(one.comment_id)) is not None]
    if found and not known:
        raise InputError("holds no comment of this run", where=path, fix="name the run it was made of")
    counted["not of this run"] += len(found) - len(known)
    saved = unchanged = 0
    conflicts: list[Conflict] = []
    lines = {line.n: line for line in review.lines([n for _, n in known])}
    for one, n in known:
        done = review.store.decide(
            one.who or who, HOW, list(_choices(one, lines[n], _ids(review))), one.as_of, one.note
        )
        saved, unchanged = saved + done.saved, unchanged + done.unchanged
        conflicts += done.conflicts
    return TakenBack(saved, unchanged, tuple(conflicts), counted)


def _ids(review: Review) -> list[str]:
    return [facet.id for facet in review.facets]


def _choices(one: DecisionIn, line: Line, facets: list[str]) -> Iterator[Choice]:
    for facet in facets:
        if facet in one.codes:
            shown = line.facets[facet].codes if facet in line.facets else ()
            yield Choice(one.comment_id, facet, one.codes[facet], shown)
