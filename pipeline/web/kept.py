"""What takes long to work out, kept while nothing it rests on changes: no decision, no check, no other codes."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pipeline.counting.findings import Findings
from pipeline.counting.published import Asked
from pipeline.counting.trust import KnownCode, background, known_codes
from pipeline.errors import UserError
from pipeline.reporting import find
from pipeline.reviewing.checking import Measured, measure
from pipeline.reviewing.review import Review
from pipeline.reviewing.uncoded import Pile, pile
from pipeline.settings import Settings
from pipeline.stores.comment_store import FILE as COMMENTS
from pipeline.web.populations import Upload, as_files

Known = dict[str, dict[str, KnownCode]]
Stand = tuple[int, int]

FINDING = threading.Lock()  # held while a report is worked out
LONGEST_WAIT = 60  # seconds


def stand(review: Review) -> Stand:
    """How a run stands: when it was coded (ns), and the last act of people."""
    last = review.store.acts(1)
    return (review.run / COMMENTS).stat().st_mtime_ns, last[0]["id"] if last else 0


def measured(review: Review, person: str | None, column: str) -> Measured:
    """`checking.measure`, kept."""
    return _measured(review.run, person, column, stand(review))


@lru_cache(maxsize=16)
def _measured(run: Path, person: str | None, column: str, _: Stand) -> Measured:
    with Review(run) as review:
        return measure(review, person, column)


def known(review: Review, settings: Settings) -> Known:
    """`trust.known_codes`, kept, also while the model is the same."""
    has_model = background(review, settings) is not None
    return _known(review.run, settings, stand(review), has_model)


@lru_cache(maxsize=8)
def _known(run: Path, settings: Settings, _: Stand, has_model: bool) -> Known:
    with Review(run) as review:
        return known_codes(review, background(review, settings) if has_model else None)


def grouped(review: Review, facet: str, seed: int) -> Pile:
    """`uncoded.pile`, kept."""
    return _grouped(review.run, facet, seed, stand(review))


@lru_cache(maxsize=8)
def _grouped(run: Path, facet: str, seed: int, _: Stand) -> Pile:
    with Review(run) as review:
        return pile(review, facet, seed)


def found(review: Review, asked: Asked, uploads: Sequence[Upload] = (), earlier: Review | None = None) -> Findings:
    """`reporting.find`, kept, and one at a time: whoever asks for the same meanwhile gets what the first one found.

    uploads: tables of the population; earlier: the run to tell the change against. Raises UserError as it does, and
    where others take too long.
    """
    runs = (review,) if earlier is None else (review, earlier)
    if not FINDING.acquire(timeout=LONGEST_WAIT):
        raise UserError("another report is being worked out", fix="try again in a minute")
    try:
        asked = replace(asked, against=earlier.run if earlier else None)
        return _found(review.run, asked, tuple(uploads), tuple(map(stand, runs)))
    finally:
        FINDING.release()


@lru_cache(maxsize=4)
def _found(run: Path, asked: Asked, uploads: tuple[Upload, ...], _: tuple[Stand, ...]) -> Findings:
    with as_files(uploads) as populations:
        return find(run, replace(asked, populations=populations))
