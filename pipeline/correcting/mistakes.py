"""Comments whose codes the model, without having seen them, disputes with confidence: possible mistakes of people.

Which labels are disputed is told by confident learning (Northcutt, Jiang, Chuang, J. Artif. Intell. Res. 70, 2021), as
cleanlab does it: a label is doubted where another is as probable as it usually is on comments that people gave it. It
finds hard comments as well as slips, so it is a list to look at, never one to correct by.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.codebook import SEPARATOR, Codebook, Facet
from pipeline.correcting.material import DecidedComment
from pipeline.errors import ModelError
from pipeline.exports.responses import read_cell, safe_cell
from pipeline.learning.evaluation import indicator
from pipeline.learning.training import LeftOut

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FILE = "possible_mistakes.csv"
COLUMNS = ("sure", "facet", "people", "model", "text", "source", "id", "run")
MOST = 50
FEWEST_COMMENTS = 20  # to learn from them how sure the model usually is


@dataclass(frozen=True)
class PossibleMistake:
    """A comment, what people said its codes are in one facet, and what the model says, most probable first.

    sure: how probable the model finds it that the most disputed code is wrong, given or missing. run: the folder in
    which people decided it, and id its comment id there; empty for a comment of the corpus.
    """

    text: str
    facet: str
    people: tuple[str, ...]
    model: tuple[str, ...]
    sure: float
    source: str = ""
    id: str = ""
    run: str = ""

    def as_json(self) -> dict[str, Any]:
        """A plain table under the names above."""
        return asdict(self) | {"people": list(self.people), "model": list(self.model)}


def possible_mistakes(
    left_out: Mapping[str, LeftOut], codebook: Codebook, most: int = MOST
) -> tuple[PossibleMistake, ...]:
    """The labels of people that the model disputes with confidence, most disputed first.

    At most so many of each facet among the decided comments, and as many in the corpus, so that neither crowds out the
    other.

    left_out: facet → what the model said of comments while their source was held out. What the codebook itself says is
    never disputed.
    """
    found = [one for facet, of in left_out.items() for one in _of_facet(codebook.by_id[facet], of)]
    kept, listed = [], Counter[tuple[str, bool]]()
    for one in sorted(found, key=lambda one: -one.sure):
        listed[(one.facet, bool(one.run))] += 1
        if listed[(one.facet, bool(one.run))] <= most:
            kept.append(one)
    return tuple(kept)


def _of_facet(facet: Facet, left_out: LeftOut) -> Iterator[PossibleMistake]:
    coding = left_out.coding
    rows = [n for n, comment in enumerate(left_out.comments) if not comment.of_codebook]
    labels = [left_out.comments[n].label(facet.id) or () for n in rows]
    truth = indicator(labels, coding.codes) > 0
    disputed = _one_of(truth, coding.probability[rows]) if facet.exclusive else _any_of(truth, coding.probability[rows])
    disputed &= truth != coding.given[rows]
    sure = np.where(truth, 1.0 - coding.probability[rows], coding.probability[rows])
    for place in np.flatnonzero(disputed.any(axis=1)).tolist():
        comment = left_out.comments[rows[place]]
        yield PossibleMistake(
            comment.text,
            facet.id,
            labels[place],
            tuple(coding.first_to_last(rows[place])),
            float(sure[place][disputed[place]].max()),
            comment.source,
            comment.id,
            comment.run if isinstance(comment, DecidedComment) else "",
        )


def _any_of(truth: Bools, probability: Floats) -> Bools:
    """The disputed cells (comments × codes), each code by itself."""
    disputed = np.zeros(truth.shape, dtype=bool)
    for code in range(truth.shape[1]):
        p = probability[:, code]
        disputed[:, code] = _issues(truth[:, code].astype(int), np.column_stack([1.0 - p, p]))
    return disputed


def _one_of(truth: Bools, probability: Floats) -> Bools:
    """The disputed cells of an exclusive facet: the code people gave, of the comments that have one."""
    disputed = np.zeros(truth.shape, dtype=bool)
    rows, used = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    if len(used) < 2:
        return disputed
    among = probability[np.ix_(rows, used)]
    labels = truth[np.ix_(rows, used)].argmax(axis=1)
    issues = _issues(labels, among / among.sum(axis=1, keepdims=True))
    disputed[rows[issues]] = truth[rows[issues]]
    return disputed


def _issues(labels: npt.NDArray[np.int_], probability: Floats) -> Bools:
    """Which labels (comments,) are disputed, by probabilities (comments × values); none where too few say anything."""
    if len(labels) < FEWEST_COMMENTS or len(np.unique(labels)) < 2:
        return np.zeros(len(labels), dtype=bool)
    from cleanlab.filter import find_label_issues  # takes a second to load

    return np.asarray(find_label_issues(labels, probability, filter_by="confident_learning", n_jobs=1), dtype=bool)


# ---- kept beside the model -----------------------------------------------------------------------------------------


def mistakes_csv(mistakes: Iterable[PossibleMistake]) -> str:
    """The list as CSV, to be kept in the folder of the model that disputes."""
    file = io.StringIO(newline="")
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in mistakes:
        codes = SEPARATOR.join(one.people), SEPARATOR.join(one.model)
        texts = (one.facet, *codes, one.text, one.source, one.id, one.run)
        rows.writerow([f"{one.sure:.3f}", *map(safe_cell, texts)])
    return file.getvalue()


def read_mistakes(model: Path) -> tuple[PossibleMistake, ...]:
    """The list in a model folder, most disputed first; none where it holds no list. Raises ModelError."""
    path = model / FILE
    if not path.is_file():
        return ()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_mistake(row) for row in csv.DictReader(file))
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"cannot be read ({error})", where=path, fix="train the model again") from None


def _mistake(row: Mapping[str, str]) -> PossibleMistake:
    cells = {column: read_cell(row[column]) for column in COLUMNS}
    people, said = (tuple(code for code in cells[name].split(SEPARATOR) if code) for name in ("people", "model"))
    about = cells["source"], cells["id"], cells["run"]
    return PossibleMistake(cells["text"], cells["facet"], people, said, float(cells["sure"]), *about)
