"""Coding one export: responses stream in, `coded.csv` and `rejects.csv` of the run folder stream out."""

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cleaning import is_blank, reason_set_apart
from pipeline.codebook import Facet
from pipeline.doubts import DOUBTS, NO_CODE, no_code
from pipeline.errors import InputError
from pipeline.model_store import StoredModel
from pipeline.responses import Comment, Export, Layout, Rejected, answers, read_responses, safe_cell
from pipeline.training import Coding, Progress, Reason

BATCH = 1000
LONGEST_QUOTE = 160
GIVEN, INFERRED = "given", "inferred"
SHARE_THAT_NAMES_A_FACET, SHARE_WHERE_ASKED = 0.6, 0.25
OWN_COLUMNS = ("comment_id", "response_id", "question", "text", "review", "doubts")
REJECT_COLUMNS = ("row", "response_id", "comment_id", "question", "reason", "text")


@dataclass
class Tally:
    """What coding one export counts while rows stream by."""

    counts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    to_review: int = 0


def add_up(tally: Counter[str], questions: int) -> dict[str, int]:
    """The counts of the manifest; that they add up is checked here, each time. Raises InputError without a response."""
    names = ("rows", "responses", "rejected", "comments", "blank", "no_content", "not_english", "coded")
    counts = {name: tally[name] for name in names}
    if not counts["responses"]:
        raise InputError("no row could be read as a response", fix="open it in Excel and save it again as CSV UTF-8")
    if counts["rows"] != counts["responses"] + counts["rejected"]:
        raise AssertionError(f"rows do not add up: {counts}")
    if counts["responses"] * questions != counts["comments"] + counts["blank"]:
        raise AssertionError(f"answers do not add up: {counts}")
    if counts["comments"] != counts["no_content"] + counts["not_english"] + counts["coded"]:
        raise AssertionError(f"comments do not add up: {counts}")
    return counts


class RunWriter:
    """Writes `coded.csv` and `rejects.csv` of a run while the export streams by."""

    def __init__(self, made: Path, export: Export, layout: Layout, stored: StoredModel, *, with_scores: bool) -> None:
        self.made, self.export, self.layout, self.model = made, export, layout, stored.model
        self.with_scores = with_scores
        self.facets = [facet for facet in self.model.codebook.facet if facet.id in self.model.classifiers]
        self.facet_columns = {
            facet.id: column for facet in self.facets if facet.exclusive and (column := self._column_of(facet))
        }
        self.others = [n for n, column in enumerate(export.columns) if column not in layout.questions]
        own = {*OWN_COLUMNS, *self._facet_header()}
        self.renamed = self._renamed(own)

    def write(self, progress: Progress) -> Tally:
        """Writes both files; returns what was counted."""
        tally = Tally()
        with (
            (self.made / "coded.csv").open("w", encoding="utf-8", newline="") as coded_file,
            (self.made / "rejects.csv").open("w", encoding="utf-8", newline="") as rejects_file,
        ):
            coded, rejects = csv.writer(coded_file), csv.writer(rejects_file)
            coded.writerow(self._header())
            rejects.writerow(REJECT_COLUMNS)
            comments = self._comments(tally, rejects)
            for batch in _batched(comments):
                coded.writerows(self._coded_rows(batch, tally))
                tally.counts["coded"] += len(batch)
                progress("coding comments", tally.counts["coded"], 0)
        return tally

    def _header(self) -> list[str]:
        columns = [self.renamed.get(self.export.columns[n], self.export.columns[n]) for n in self.others]
        scores = [f"{facet.id}:{code}" for facet in self.facets for code in facet.ids] if self.with_scores else []
        return [*OWN_COLUMNS[:4], *columns, *self._facet_header(), *OWN_COLUMNS[4:], *scores]

    def _renamed(self, own: set[str]) -> dict[str, str]:
        """Columns of the export called like one of ours, and what they are called in `coded.csv`."""
        taken, renamed = {*own, *self.export.columns}, {}
        for place in self.others:
            column = name = self.export.columns[place]
            while column.strip() in own and name in taken:
                name += " (export)"
            if name != column:
                renamed[column] = name
                taken.add(name)
        return renamed

    def _facet_header(self) -> list[str]:
        names: list[str] = []
        for facet in self.facets:
            names += [facet.id, f"{facet.id}_probability", f"{facet.id}_{'source' if facet.exclusive else 'why'}"]
        return names

    def _comments(self, tally: Tally, rejects: Any) -> Iterator[Comment]:
        """The comments to be coded; all else is counted and, but for single blank answers, written to the rejects."""
        for response in read_responses(self.export, self.layout):
            tally.counts["rows"] += 1
            if isinstance(response, Rejected):
                tally.counts["rejected"] += 1
                rejects.writerow(_reject(response.row, reason=response.reason, text=_as_line(response.cells)))
                continue
            tally.counts["responses"] += 1
            given = list(answers(response, self.export, self.layout))
            filled = [comment for comment in given if not is_blank(comment.text)]
            tally.counts["blank"] += len(given) - len(filled)
            tally.counts["comments"] += len(filled)
            if not filled:
                rejects.writerow(_reject(response.row, response.id, reason="no answer"))
            for comment in filled:
                reason = reason_set_apart(comment.text)
                if reason is None:
                    yield comment
                else:
                    tally.counts[reason] += 1
                    about = (response.id, comment.id, comment.question)
                    rejects.writerow(_reject(response.row, *about, reason=reason, text=comment.text))

    def _coded_rows(self, batch: Sequence[Comment], tally: Tally) -> Iterable[list[str]]:
        texts, questions = [comment.text for comment in batch], [comment.question for comment in batch]
        bags = self.model.features.transform(texts, questions)
        codings = self.model.code(bags)
        reasons = {
            facet.id: self.model.reasons(facet.id, texts, bags, codings[facet.id])
            for facet in self.facets
            if not facet.exclusive
        }
        doubts = self._doubts(codings, len(batch))
        for row, comment in enumerate(batch):
            cells = [comment.id, comment.response.id, comment.question, comment.text]
            cells += [comment.response.cells[n] for n in self.others]
            for facet in self.facets:
                cells += self._facet_cells(facet, codings[facet.id], row, comment, tally)
                if facet.id in reasons:
                    cells.append(_why(facet, reasons[facet.id][row]))
            cells += ["yes" if doubts[row] else "no", "|".join(doubts[row])]
            tally.to_review += bool(doubts[row])
            if self.with_scores:
                cells += [f"{p:.4f}" for facet in self.facets for p in codings[facet.id].probability[row]]
            yield [safe_cell(cell) for cell in cells]

    def _facet_cells(self, facet: Facet, coding: Coding, row: int, comment: Comment, tally: Tally) -> list[str]:
        if column := self.facet_columns.get(facet.id):
            cell = comment.response.cells[self.export.columns.index(column)]
            if cell.strip():  # what respondents say of themselves is never replaced by a guess
                known = find_group(facet, cell)
                tally.unknown[cell.strip()] += known is None
                return [facet.by_id[known].name, "1.000", GIVEN] if known else ["", "", GIVEN]
        codes = coding.first_to_last(row)
        names = "|".join(facet.by_id[code].name for code in codes)
        probability = f"{coding.probability[row, coding.codes.index(codes[0])]:.3f}" if codes else ""
        return [names, probability] + ([INFERRED] if facet.exclusive else [])

    def _doubts(self, codings: dict[str, Coding], size: int) -> list[list[str]]:
        """The doubts of each comment, over the facets where several codes or none may be given."""
        found: list[list[str]] = [[] for _ in range(size)]
        asked = [facet.id for facet in self.facets if not facet.exclusive]
        for facet in asked:
            for name, reason in DOUBTS.items():
                for row in np.flatnonzero(reason(codings[facet], self.model.classifiers[facet].thresholds_)):
                    found[row].append(f"{name} ({facet})")
        for row in np.flatnonzero(no_code(codings[facet] for facet in asked)) if asked else ():
            found[row].append(NO_CODE)
        return found

    def _enough(self, place: int) -> float:
        """The share of known values that makes a column one of groups; less where its header asks for the group."""
        asks = re.search(r"respond\w* as|capacity|best describes you", self.export.columns[place], re.IGNORECASE)
        return SHARE_WHERE_ASKED if asks else SHARE_THAT_NAMES_A_FACET

    def _column_of(self, facet: Facet) -> str | None:
        """The column of the export whose values are mostly names of the facet's codes, such as "I am responding as"."""
        filled: Counter[int] = Counter()
        known: Counter[int] = Counter()
        for _, cells in itertools.islice(self.export.rows(), BATCH):
            for place, cell in enumerate(cells[: len(self.export.columns)]):
                if cell.strip() and self.export.columns[place] not in self.layout.questions:
                    filled[place] += 1
                    known[place] += find_group(facet, cell) is not None
        named = [place for place in filled if known[place] >= self._enough(place) * filled[place]]
        return self.export.columns[max(named, key=lambda place: known[place])] if named else None


def find_group(facet: Facet, cell: str) -> str | None:
    """The code a respondent's own words name: "A local resident (18+)" is a resident."""
    plain = re.sub(r"\([^)]*\)", " ", cell)
    shorter = re.sub(r"^\s*(?:(?:i am|i'm|as|an?|the|local)\b[\s,:]*)+", "", plain, flags=re.IGNORECASE)
    return next((code for text in (cell, plain, shorter) if (code := facet.find(text))), None)


def _why(facet: Facet, reasons: Sequence[Reason]) -> str:
    """The reasons as a person reads them: code, the words that spoke for it, and the part of the comment."""
    return "|".join(
        f"{facet.by_id[reason.code].name}: {', '.join(reason.words) or '–'} — “{_short(reason.part)}”"
        for reason in reasons
    ).replace("\n", " ")


def _short(part: str) -> str:
    return part if len(part) <= LONGEST_QUOTE else part[: LONGEST_QUOTE - 1].rstrip() + "…"


def _batched(comments: Iterator[Comment]) -> Iterator[list[Comment]]:
    while batch := list(itertools.islice(comments, BATCH)):
        yield batch


def _reject(
    row: int, response: str = "", comment: str = "", question: str = "", *, reason: str, text: str = ""
) -> list[str]:
    """A line of `rejects.csv`, in the order of REJECT_COLUMNS."""
    return [str(row), *map(safe_cell, (response, comment, question, reason, text))]


def _as_line(cells: Sequence[str]) -> str:
    """All cells of a rejected row in one, as a JSON list, so that none is lost."""
    return json.dumps(list(cells), ensure_ascii=False)
