"""Coding one export: responses stream in; `coded.csv`, `rejects.csv` and `comments.db` of the run folder stream out."""

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from joblib import Parallel, delayed

from pipeline.codebook import Facet
from pipeline.coding.judging import Judged, coded_facets, judge, judge_apart
from pipeline.coding.reading import reading_order
from pipeline.errors import InputError
from pipeline.exports.responses import Comment, Export, Layout, Rejected, answers, read_responses, safe_cell
from pipeline.learning.model_store import StoredModel
from pipeline.learning.training import Progress, Reason, silent
from pipeline.stores import comment_store
from pipeline.stores.comment_store import CodedRow, CommentWriter, GivenCode
from pipeline.texts.cleaning import is_blank
from pipeline.texts.copies import CAMPAIGN, Copies, Met
from pipeline.texts.language import Apart, set_apart, text_to_code, translation_columns

BATCH = 1000
BATCH_CHARACTERS = 1_000_000  # at which a batch ends sooner, so that memory does not grow with what is in a cell
WORTH_PROCESSES = 3  # batches; starting processes takes as long as coding these
LONGEST_QUOTE = 160
GIVEN, INFERRED = "given", "inferred"
SHARE_THAT_NAMES_A_FACET, SHARE_WHERE_ASKED = 0.6, 0.25
OWN_COLUMNS = ("comment_id", "response_id", "question", "text", "review", "doubts", "campaign", "campaign_size")
REJECT_COLUMNS = ("row", "response_id", "comment_id", "question", "reason", "text", "language", "others")
TO_TRANSLATE, TRANSLATE_COLUMNS = "to_translate.csv", ("comment_id", "response_id", "question", "language", "text")
MOST_IN_ORDER = 20_000  # comments whose reading order minds variety; nobody reads further


@dataclass
class Tally:
    """What coding one export counts while rows stream by."""

    counts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    to_review: int = 0
    campaigns: dict[str, int] = field(default_factory=dict)


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


@dataclass(frozen=True)
class ToCode:
    """A comment with content, and the cells of its response's other columns; translation: read in its place."""

    comment_id: str
    response_id: str
    question: str
    text: str
    others: tuple[str, ...]
    translation: str = ""

    @property
    def read(self) -> str:
        """What the machine reads."""
        return text_to_code(self.text, self.translation)


@dataclass(frozen=True)
class _Batch:
    """Some comments, and what is known of the words of each."""

    comments: Sequence[ToCode]
    met: Sequence[Met]

    @classmethod
    def of(cls, comments: Sequence[ToCode], copies: Copies) -> Self:
        """The comments, met in their order."""
        return cls(comments, [copies.meet(comment.text) for comment in comments])

    @property
    def told(self) -> tuple[list[str], list[str], Sequence[int], Sequence[bool]]:
        """What `judge` is told of them: texts, questions, how many are alike, whether it is the first of these."""
        alike = [one.size if one.opens else one.copies for one in self.met]
        first = [one.opens or one.first for one in self.met]
        return [c.read for c in self.comments], [c.question for c in self.comments], alike, first


# ---- what the machine says, written down ---------------------------------------------------------------------------


class CodedWriter:
    """Codes comments batch by batch and writes `coded.csv` and `comments.db` of a run. A context manager.

    others: names of the export's other columns as they will be called in `coded.csv`; facet_columns: facet → the one
    among them in which respondents say it of themselves; translated: question → the one with its answers in English.
    """

    def __init__(
        self,
        made: Path,
        stored: StoredModel,
        others: Sequence[str],
        facet_columns: Mapping[str, str],
        *,
        with_scores: bool,
        seed: int = 0,
        jobs: int = 1,
        translated: Mapping[str, str] | None = None,
    ) -> None:
        self.jobs, self.translated = jobs, translated or {}
        self.made, self.stored, self.model = made, stored, stored.model
        self.others, self.facet_columns, self.with_scores, self.seed = others, facet_columns, with_scores, seed
        self.facets = coded_facets(stored)
        self.coded = self.to_review = 0
        self.unknown: Counter[str] = Counter()
        self._alike: Counter[int] = Counter()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            file = opened.enter_context((self.made / "coded.csv").open("w", encoding="utf-8", newline=""))
            self._rows = csv.writer(file)
            self._rows.writerow(self._header())
            self._store = CommentWriter(self.made / comment_store.FILE, self._meta())
            opened.callback(self._store.close)
            self._open = opened.pop_all()
        return self

    def _meta(self) -> dict[str, Any]:
        thresholds = {facet.id: self.model.classifiers[facet.id].thresholds_.tolist() for facet in self.facets}
        return {
            "codes": {facet.id: list(facet.ids) for facet in self.facets},
            "thresholds": thresholds,
            "facet_columns": dict(self.facet_columns),
            "others": list(self.others),
            "translated": dict(self.translated),
            "model": {"name": self.stored.folder.name, "sha256": self.stored.digest},
        }

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def write(self, comments: Iterable[ToCode], copies: Copies, progress: Progress, total: int = 0) -> None:
        """Codes and writes all comments, and puts them in an order of reading."""
        for batch, judged in self._judged(comments, copies, progress):
            self._write_batch(batch, judged)
            self.coded += len(batch.comments)
            progress("coding comments", self.coded, total)
        self._store.finish(self._places())

    @property
    def campaigns(self) -> dict[str, int]:
        """How many campaigns there are among the comments coded, and how many comments belong to them."""
        sizes = [size for size in self._alike.values() if size >= CAMPAIGN]
        return {"campaigns": len(sizes), "comments_in_campaigns": sum(sizes)}

    def _judged(
        self, comments: Iterable[ToCode], copies: Copies, progress: Progress
    ) -> Iterator[tuple[_Batch, Judged]]:
        """Batches in their order, each as the model codes it; many are coded in several processes, a few at a time."""
        batches = (_Batch.of(batch, copies) for batch in _batched(comments))
        start = list(itertools.islice(batches, WORTH_PROCESSES))
        if self.jobs == 1 or len(start) < WORTH_PROCESSES:
            for batch in itertools.chain(start, batches):
                yield batch, judge(self.stored, self.facets, *batch.told, progress)
            return
        task = partial(judge_apart, self.stored.folder, self.stored.digest)
        stream = itertools.chain(start, batches)
        with Parallel(n_jobs=self.jobs) as processes:
            while some := list(itertools.islice(stream, 2 * self.jobs)):
                yield from zip(some, processes(delayed(task)(*batch.told) for batch in some), strict=True)

    def _header(self) -> list[str]:
        scores = [f"{facet.id}:{code}" for facet in self.facets for code in facet.ids] if self.with_scores else []
        return [*OWN_COLUMNS[:4], *self.others, *facet_header(self.facets), *OWN_COLUMNS[4:], *scores]

    def _write_batch(self, batch: _Batch, judged: Judged) -> None:
        given = [self._given(comment, row, judged) for row, comment in enumerate(batch.comments)]
        self._alike.update(one.campaign for one in batch.met if one.campaign is not None)
        self._rows.writerows(
            map(safe_cell, self._line(comment, row, judged, batch.met[row], given[row]))
            for row, comment in enumerate(batch.comments)
        )
        self._store.add(
            self._stored_row(comment, row, judged, batch.met[row], given[row])
            for row, comment in enumerate(batch.comments)
        )

    def _given(self, comment: ToCode, row: int, judged: Judged) -> dict[str, list[GivenCode]]:
        """The codes of each facet, most probable first. What respondents say of themselves is never replaced."""
        found: dict[str, list[GivenCode]] = {}
        for facet in self.facets:
            said = self._said(facet, comment)
            if said:
                known = find_group(facet, said)
                if known is None:
                    self.unknown[said] += 1
                found[facet.id] = [GivenCode(facet.id, known, 1.0, comment_store.RESPONDENT)] if known else []
                continue
            coding = judged.codings[facet.id]
            found[facet.id] = [
                GivenCode(facet.id, code, float(coding.probability[row, coding.codes.index(code)]))
                for code in coding.first_to_last(row)
            ]
        return found

    def _said(self, facet: Facet, comment: ToCode) -> str:
        """What the respondent said of a facet in a column of the export."""
        column = self.facet_columns.get(facet.id)
        return comment.others[self.others.index(column)].strip() if column is not None else ""

    def _line(
        self, comment: ToCode, row: int, judged: Judged, met: Met, given: dict[str, list[GivenCode]]
    ) -> list[str]:
        cells = [comment.comment_id, comment.response_id, comment.question, comment.text, *comment.others]
        for facet in self.facets:
            codes = given[facet.id]
            cells.append("|".join(facet.by_id[one.code].name for one in codes))
            cells.append(f"{codes[0].probability:.3f}" if codes else "")
            if facet.exclusive:
                cells.append(GIVEN if self._said(facet, comment) else INFERRED)
            else:
                cells.append(_why(facet, judged.reasons[facet.id][row]))
        doubts = judged.doubts[row]
        self.to_review += bool(doubts)
        cells += ["yes" if doubts else "no", "|".join(doubts)]
        cells += ["", "1"] if met.campaign is None else [str(met.campaign), str(met.size)]
        return cells + ([f"{p:.4f}" for p in judged.probability(row)] if self.with_scores else [])

    def _stored_row(
        self, comment: ToCode, row: int, judged: Judged, met: Met, given: dict[str, list[GivenCode]]
    ) -> CodedRow:
        why = {facet: {one.code: (one.part, one.words) for one in of[row]} for facet, of in judged.reasons.items()}
        return CodedRow(
            comment.comment_id,
            comment.response_id,
            comment.question,
            comment.text,
            met.key,
            judged.doubts[row],
            float(judged.unsure[row]),
            dict(zip(self.others, comment.others, strict=True)),
            [one for codes in given.values() for one in codes],
            judged.probability(row),
            judged.vectors[row],
            judged.near[row],
            judged.similarity[row],
            why,
            met.campaign,
        )

    def _places(self) -> Iterator[tuple[int, int]]:
        """(place, n): the least sure with an eye to variety, the others after them, least sure first."""
        n, unsure, vectors = self._store.most_unsure(MOST_IN_ORDER)
        order = reading_order(unsure, vectors if vectors.size else None, None, self.seed)
        ordered = n[order].tolist()
        yield from enumerate(itertools.chain(ordered, self._store.rest(set(ordered))), 1)


def facet_header(facets: Iterable[Facet]) -> list[str]:
    """The columns that coding adds for these facets."""
    return [
        name
        for facet in facets
        for name in (facet.id, f"{facet.id}_probability", f"{facet.id}_{'source' if facet.exclusive else 'why'}")
    ]


# ---- from an export ------------------------------------------------------------------------------------------------


class RunWriter:
    """Writes the files of a run while its export streams by."""

    def __init__(
        self,
        made: Path,
        export: Export,
        layout: Layout,
        stored: StoredModel,
        *,
        with_scores: bool,
        seed: int = 0,
        jobs: int = 1,
    ) -> None:
        self.made, self.export, self.layout, self.stored = made, export, layout, stored
        self.translations = translation_columns(export.columns, layout.questions)
        self.facets = coded_facets(stored)
        self.facet_columns = {
            facet.id: column for facet in self.facets if facet.exclusive and (column := self._column_of(facet))
        }
        self.others = [n for n, column in enumerate(export.columns) if column not in layout.questions]
        self.renamed = self._renamed({*OWN_COLUMNS, *facet_header(self.facets)})
        self.with_scores, self.seed, self.jobs = with_scores, seed, jobs

    def write(self, progress: Progress = silent) -> Tally:
        """Writes all files; returns what was counted."""
        tally = Tally()
        columns = [self.export.columns[n] for n in self.others]
        named = [self.renamed.get(column, column) for column in columns]
        given_in = {facet: self.renamed.get(column, column) for facet, column in self.facet_columns.items()}
        writer = CodedWriter(
            self.made,
            self.stored,
            named,
            given_in,
            with_scores=self.with_scores,
            seed=self.seed,
            jobs=self.jobs,
            translated={asked: self.renamed.get(column, column) for asked, column in self.translations.items()},
        )
        with (
            writer,
            (self.made / "rejects.csv").open("w", encoding="utf-8", newline="") as file,
            (self.made / TO_TRANSLATE).open("w", encoding="utf-8", newline="") as foreign,
        ):
            rejects, self._to_translate = csv.writer(file), csv.writer(foreign)
            rejects.writerow(REJECT_COLUMNS)
            self._to_translate.writerow(TRANSLATE_COLUMNS)
            writer.write(self._comments(tally, rejects), Copies(self._said()), progress)
        tally.counts["coded"], tally.to_review, tally.unknown = writer.coded, writer.to_review, writer.unknown
        tally.campaigns = writer.campaigns
        return tally

    def _said(self) -> Iterator[tuple[str, str]]:
        """(text, question) of every answer that will be met, those that are set apart included."""
        for response in read_responses(self.export, self.layout):
            if not isinstance(response, Rejected):
                yield from ((one.text, one.question) for one in answers(response, self.export, self.layout))

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

    def _comments(self, tally: Tally, rejects: Any) -> Iterator[ToCode]:
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
            others = tuple(response.cells[n] for n in self.others)
            read = [(comment, self._translation(comment)) for comment in filled]
            apart = [set_apart(text_to_code(one.text, said), one.question) for one, said in read]
            # What else a response says stands in coded.csv beside each comment coded; without one, in the rejects.
            unsaid = "" if any(one.reason is None for one in apart) else self._others_as_line(others)
            if not filled:
                rejects.writerow(_reject(response.row, response.id, reason="no answer", others=unsaid))
            for (comment, translation), one in zip(read, apart, strict=True):
                about = (response.id, comment.id, comment.question)
                self._list_foreign(one, about, comment.text, tally)
                if one.reason is None:
                    yield ToCode(comment.id, response.id, comment.question, comment.text, others, translation)
                else:
                    tally.counts[one.reason] += 1
                    language = one.language.label if one.to_translate else ""
                    told = {"reason": one.reason, "language": language, "text": comment.text}
                    rejects.writerow(_reject(response.row, *about, **told, others=unsaid))
                    unsaid = ""

    def _others_as_line(self, others: Sequence[str]) -> str:
        """The filled cells of a response's other columns in one, as a JSON object by the names of these."""
        said = {self.export.columns[n]: cell for n, cell in zip(self.others, others, strict=True) if cell.strip()}
        return json.dumps(said, ensure_ascii=False) if said else ""

    def _translation(self, comment: Comment) -> str:
        """The translation of an answer, where the export has a column of them."""
        column = self.translations.get(comment.question)
        return comment.response.cells[self.export.columns.index(column)] if column is not None else ""

    def _list_foreign(self, apart: Apart, about: tuple[str, str, str], text: str, tally: Tally) -> None:
        """Lists what is in another language, wholly or in part, so that it can be sent for translation."""
        if apart.to_translate:
            tally.counts["to_translate"] += 1
            response, comment, question = about
            self._to_translate.writerow(map(safe_cell, (comment, response, question, apart.language.label, text)))

    def _enough(self, place: int) -> float:
        """The share of known values that makes a column one of groups; less where its header asks for the group."""
        asks = re.search(r"respond\w* as|capacity|best describes you", self.export.columns[place], re.IGNORECASE)
        return SHARE_WHERE_ASKED if asks else SHARE_THAT_NAMES_A_FACET

    def _column_of(self, facet: Facet) -> str | None:
        """The column of the export whose values are mostly names of the facet's codes, such as "I am responding as"."""
        filled: Counter[int] = Counter()
        known: Counter[int] = Counter()
        passed_over = self.export.added.union(self.layout.questions)
        for _, cells in itertools.islice(self.export.rows(), BATCH):
            for place, cell in enumerate(cells[: len(self.export.columns)]):
                if not self.export.is_blank(cell) and self.export.columns[place] not in passed_over:
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


def _batched(comments: Iterable[ToCode]) -> Iterator[list[ToCode]]:
    batch: list[ToCode] = []
    characters = 0
    for comment in comments:
        batch.append(comment)
        characters += len(comment.read)
        if len(batch) == BATCH or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _reject(
    row: int,
    response: str = "",
    comment: str = "",
    question: str = "",
    *,
    reason: str,
    text: str = "",
    language: str = "",
    others: str = "",
) -> list[str]:
    """A line of `rejects.csv`, in the order of REJECT_COLUMNS."""
    return [str(row), *map(safe_cell, (response, comment, question, reason, text, language, others))]


def _as_line(cells: Sequence[str]) -> str:
    """All cells of a rejected row in one, as a JSON list, so that none is lost."""
    return json.dumps(list(cells), ensure_ascii=False)
