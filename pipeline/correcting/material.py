"""What a model is to learn from: a codebook, coded comments from files, and what people decided in runs.

The check sample of a run, and whatever says the same, never teaches: models are measured on it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.codebook import Codebook, load_codebook
from pipeline.errors import InputError, ModelError
from pipeline.exports.responses import file_digest
from pipeline.learning.corpus import REVIEWED, CodedComment, Corpus, display_path, read_corpora
from pipeline.learning.learned import TEXTS, corpus_of
from pipeline.learning.model_store import CODEBOOK, current_model, read_manifest
from pipeline.reviewing.review import Line, Review
from pipeline.settings import Settings, shipped
from pipeline.stores.review_store import FILE as DECISIONS
from pipeline.texts.cleaning import normalise

SHIPPED_CORPUS = ("corpus/engagement.csv", "corpus/voices.csv")
SHIPPED_CODEBOOK = "corpus/codebook.toml"
CORPUS_CODEBOOK = (
    "corpus_codebook.toml"  # in a model folder, where its corpus is coded by another codebook than its own
)

CHANGED_FIX = "train it again"

Dropped = Counter[tuple[str, str]]


# ---- one run -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DecidedComment(CodedComment):
    """A comment with the codes people decided, in the facets they decided; run: the folder, id: its id there."""

    run: str = ""


@dataclass(frozen=True)
class CheckedComment:
    """A comment of the check sample; codes: facet → the codes of each coder."""

    text: str
    question: str
    source: str
    codes: Mapping[str, tuple[tuple[str, ...], ...]]


@dataclass(frozen=True)
class DecidedRun:
    """What one run has to teach, and what of it only measures.

    decisions: those that stand on `comments`; unseen: what the check sample says, normalised; dropped: decisions for
    (facet, code) that the codebook has not.
    """

    run: Path
    comments: tuple[DecidedComment, ...]
    checked: tuple[CheckedComment, ...]
    unseen: frozenset[str]
    dropped: Mapping[tuple[str, str], int]

    @property
    def decisions(self) -> int:
        """How many decisions teach."""
        return sum(len(comment.codes) for comment in self.comments)


def decided_run(run: Path, codebook: Codebook) -> DecidedRun:
    """Reads the decisions and the check sample of a run. Raises InputError where it is no run.

    A source is one respondent of one run, so that their answers are never split between learning and judging. Of
    comments that say the same and were given the same codes, one teaches: a campaign is one opinion many times.
    """
    dropped: Dropped = Counter()
    with Review(run) as review:
        name = run.resolve().name
        drawn = _lines(review, [one.comment_id for one in review.store.sample()])
        unseen = frozenset(normalise(line.read) for line in drawn.values())
        decided: dict[str, dict[str, tuple[str, ...]]] = {}
        for one in review.store.standing():
            if one.facet in codebook.by_id:
                decided.setdefault(one.comment_id, {})[one.facet] = _known(
                    codebook, one.facet, one.codes or (), dropped
                )
        lines = _lines(review, list(decided))
        checks = _check_codes(review, codebook)
    comments = (
        DecidedComment(line.read, decided[id_], f"{name} {line.response_id}", id_, line.question, run=display_path(run))
        for id_, line in lines.items()
        if normalise(line.read) not in unseen
    )
    checked = tuple(
        CheckedComment(line.read, line.question, f"{name} {line.response_id}", checks[id_])
        for id_, line in drawn.items()
        if id_ in checks
    )
    return DecidedRun(run, tuple(_one_of_each(comments)), checked, unseen, dict(dropped))


def _lines(review: Review, comment_ids: Sequence[str]) -> dict[str, Line]:
    """Comments by id, in the order asked for."""
    numbers = (review.number_of(comment_id) for comment_id in comment_ids)
    return {line.comment_id: line for line in review.lines([n for n in numbers if n is not None])}


def _known(codebook: Codebook, facet: str, codes: Iterable[str], dropped: Dropped) -> tuple[str, ...]:
    """The codes that the codebook has; others are counted."""
    by_id = codebook.by_id[facet].by_id
    kept = []
    for code in codes:
        if code in by_id:
            kept.append(code)
        else:
            dropped[(facet, code)] += 1
    return tuple(kept)


def _check_codes(review: Review, codebook: Codebook) -> dict[str, dict[str, tuple[tuple[str, ...], ...]]]:
    """The blind codes of each comment checked: facet → codes of each coder."""
    found: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {}
    for one in review.store.check_codes():
        if one.facet in codebook.by_id:
            of = found.setdefault(one.comment_id, {})
            of[one.facet] = (*of.get(one.facet, ()), _known(codebook, one.facet, one.codes, Counter()))
    return found


def _one_of_each(comments: Iterable[DecidedComment]) -> Iterator[DecidedComment]:
    """The first of the comments that say the same and have the same codes."""
    met = set()
    for comment in comments:
        key = (normalise(comment.text), tuple(sorted((facet, frozenset(of)) for facet, of in comment.codes.items())))
        if key not in met:
            met.add(key)
            yield comment


# ---- all of it -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class KeptFile:
    """A corpus file that is gone or has changed, in place of which a model's own copy of its comments teaches."""

    file: str
    sha256: str
    model: str


@dataclass(frozen=True)
class Material:
    """A codebook, a corpus (None without coded files), and runs whose decisions teach as well.

    book: the file the codebook was read from, None for the shipped one or one edited in a run. missing: runs that an
    earlier model had learned from and that are no longer there. coded_by: the codebook the files were coded by, where
    it is another one. kept: corpus files that are gone or have changed, whose comments a model had kept.
    """

    codebook: Codebook
    files: Corpus | None
    book: Path | None = None
    runs: tuple[DecidedRun, ...] = ()
    missing: tuple[str, ...] = ()
    coded_by: Codebook | None = None
    kept: tuple[KeptFile, ...] = ()

    @cached_property
    def unseen(self) -> frozenset[str]:
        """What the check samples say, normalised."""
        return frozenset().union(*(run.unseen for run in self.runs))

    @cached_property
    def decided(self) -> tuple[DecidedComment, ...]:
        """The decided comments of all runs that teach."""
        comments = (c for run in self.runs for c in run.comments if normalise(c.text) not in self.unseen)
        return tuple(_one_of_each(comments))

    @cached_property
    def corpus(self) -> Corpus | None:
        """The coded comments of the files that teach."""
        if self.files is None or not self.unseen:
            return self.files
        return self.files.without("", "\0", self.unseen)

    @cached_property
    def everything(self) -> Corpus | None:
        """Coded files and decisions as one corpus."""
        if not self.decided:
            return self.corpus
        base = self.corpus or Corpus((), (), ())
        columns = dict.fromkeys([*base.columns, *(facet for comment in self.decided for facet in comment.codes)])
        return Corpus((*base.comments, *self.decided), base.files, tuple(columns))

    @property
    def checked(self) -> tuple[CheckedComment, ...]:
        """The check samples of all runs, as far as people have coded them."""
        return tuple(comment for run in self.runs for comment in run.checked)

    @property
    def dropped(self) -> dict[tuple[str, str], int]:
        """Decisions for codes that the codebook has not, by (facet, code)."""
        total: Dropped = Counter()
        for run in self.runs:
            total.update(run.dropped)
        return dict(total)

    def corpus_as_json(self) -> list[dict[str, str]]:
        """The corpus files as a manifest names them; learned_from: the model whose copy of one taught in its place."""
        there = self.files.files if self.files else ()
        return [
            *({"file": display_path(path), "sha256": file_digest(path)} for path in there),
            *({"file": one.file, "sha256": one.sha256, "learned_from": one.model} for one in self.kept),
        ]

    def runs_as_json(self) -> list[dict[str, Any]]:
        """The runs as a manifest names them, with how many decisions and comments of each could teach."""
        return [
            {"run": display_path(one.run), "decisions": one.decisions, "comments": len(one.comments)}
            for one in self.runs
        ]


def material_of_files(corpora: Sequence[Path], book: Path | None) -> Material:
    """Corpus files and a codebook. The shipped corpus goes with the shipped codebook only."""
    codebook = load_codebook(book or shipped(SHIPPED_CODEBOOK))
    if not corpora and book is None:
        corpora = _shipped_corpus()
    return Material(codebook, read_corpora(corpora, codebook) if corpora else None, book)


def material_with_runs(
    runs: Sequence[Path], settings: Settings, corpora: Sequence[Path] = (), book: Path | None = None
) -> Material:
    """The decisions of runs, added to the corpus files named, or else to all that the current model learned from.

    The codebook is the one named, or else the runs' own as last edited. Corpus comments are not coded again for a new
    code: they count as not having it, and those that should have it speak against it until somebody decides them.
    Where a corpus file is gone or has changed, the current model's own copy of it teaches. Raises InputError where
    nobody has decided anything or the runs' codebooks differ, ModelError where a model of an earlier version has none.
    """
    codebook = load_codebook(book) if book else _codebook_of(runs)
    base = (
        Material(codebook, read_corpora(corpora, codebook), book) if corpora else _current_material(codebook, settings)
    )
    named = {run.resolve() for run in runs}
    found = [*base.runs, *(decided_run(run, codebook) for run in dict.fromkeys(runs))]
    once = {one.run.resolve(): one for one in found}
    if not any(one.comments for place, one in once.items() if place in named):
        where = ", ".join(map(str, runs))
        raise InputError("nobody has decided anything to learn from yet", where=where, fix=f"feedback review {runs[0]}")
    return replace(base, book=book, runs=tuple(once.values()))


def material_of_model(
    model: Path, codebook: Codebook, *, fix: str = CHANGED_FIX, or_its_copy: bool = False
) -> Material:
    """What a model learned from, read again: its corpus files and the runs that are still there.

    Codes that the codebook no longer has are left out. Where a corpus file was changed or moved, the model's copy of
    it is taken with `or_its_copy`. Raises ModelError otherwise, or where a model of an earlier version has none.
    """
    manifest = read_manifest(model)
    places = {entry["file"]: _unchanged(Path(entry["file"]), entry["sha256"]) for entry in manifest["corpus"]}
    files = [place for place in places.values() if place is not None]
    kept = tuple(
        KeptFile(entry["file"], entry["sha256"], model.name)
        for entry in manifest["corpus"]
        if places[entry["file"]] is None
    )
    copied = _copied(model, manifest, kept, or_its_copy, fix) if kept else []
    book = load_codebook(next(path for name in (CORPUS_CODEBOOK, CODEBOOK) if (path := model / name).is_file()))
    runs = [Path(entry["run"]) for entry in manifest.get("runs", [])]
    there = [run for run in runs if (run / DECISIONS).is_file()]
    return Material(
        codebook,
        _fitted(_with_copied(read_corpora(files, book) if files else None, copied), codebook),
        runs=tuple(decided_run(run, codebook) for run in there),
        missing=tuple(display_path(run) for run in runs if run not in there),
        coded_by=book if places and book.digest != codebook.digest else None,
        kept=kept,
    )


def _copied(
    model: Path, manifest: Mapping[str, Any], kept: Sequence[KeptFile], or_its_copy: bool, fix: str
) -> list[CodedComment]:
    """The model's own copy of the comments of some corpus files. Raises ModelError where it may not be, or is not."""
    comments = corpus_of(model) if or_its_copy else None
    if comments is None:
        what = "was changed or moved since the model was trained"
        raise ModelError(what, where=Path(kept[0].file), fix=fix)
    if manifest.get("learned_sha256", [""])[0] != file_digest(model / TEXTS):
        raise ModelError(f"is damaged ({TEXTS} was changed)", where=model, fix=fix)
    names = {one.file for one in kept}
    return [comment for comment in comments if comment.file in names]


def _with_copied(corpus: Corpus | None, copied: Sequence[CodedComment]) -> Corpus | None:
    if not copied:
        return corpus
    base = corpus or Corpus((), (), ())
    columns = dict.fromkeys([*base.columns, *(column for comment in copied for column in comment.codes)])
    return Corpus((*base.comments, *copied), base.files, tuple(columns))


def _current_material(codebook: Codebook, settings: Settings) -> Material:
    """What the current model learned from; the shipped corpus where there is none."""
    current = current_model(settings)
    if current is not None:
        return material_of_model(current, codebook, fix="name what to learn from with --corpus FILE", or_its_copy=True)
    book = load_codebook(shipped(SHIPPED_CODEBOOK))
    files = _fitted(read_corpora(_shipped_corpus(), book), codebook)
    return Material(codebook, files, coded_by=book if files and book.digest != codebook.digest else None)


def _codebook_of(runs: Sequence[Path]) -> Codebook:
    """The codebook that all runs share, as last edited in them. Raises InputError where they differ."""
    books = []
    for run in runs:
        with Review(run) as review:
            books.append(review.codebook)
    for run, book in zip(runs, books, strict=True):
        if book.digest != books[0].digest:
            fix = "name the codebook to use with --codebook FILE"
            raise InputError(f"has another codebook than {runs[0]}", where=run, fix=fix)
    return books[0]


def _unchanged(file: Path, sha256: str) -> Path | None:
    """A corpus file as it was, None where it is gone or has changed.

    The shipped corpus may have come with another version, or lie in another place now.
    """
    for path in _shipped_corpus():
        same = file.resolve() == path.resolve() or file.parts[-3:] == ("shipped", *path.parts[-2:])
        if same or sha256 == file_digest(path):  # a model may be copied into a folder without the corpus
            return path
    return file if file.is_file() and file_digest(file) == sha256 else None


def _shipped_corpus() -> list[Path]:
    return [shipped(name) for name in SHIPPED_CORPUS]


def _fitted(corpus: Corpus | None, codebook: Codebook) -> Corpus | None:
    """A corpus without the codes that the codebook no longer has; None where they share no facet at all."""
    if corpus is None or not any(column.removesuffix(REVIEWED) in codebook.by_id for column in corpus.columns):
        return None

    def fitted(codes: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        known = {column: codebook.by_id.get(column.removesuffix(REVIEWED)) for column in codes}
        return {
            column: tuple(code for code in codes[column] if code in facet.by_id)
            for column, facet in known.items()
            if facet is not None
        }

    return Corpus(tuple(replace(c, codes=fitted(c.codes)) for c in corpus.comments), corpus.files, corpus.columns)
