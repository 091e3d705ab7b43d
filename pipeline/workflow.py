"""The story of each command, read top to bottom: plain functions that return a small result and print nothing."""

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.codebook import Codebook, codebook_from, dump_codebook, load_codebook
from pipeline.coding.coding import RunWriter, Tally, add_up
from pipeline.correcting.material import (
    CORPUS_CODEBOOK,
    KeptFile,
    Material,
    material_of_files,
    material_of_model,
    material_with_runs,
)
from pipeline.errors import InputError, ModelError, OutputError
from pipeline.exports.columns import Kind, guess_columns
from pipeline.exports.mapping import Change, Mapping, compare, find_mapping, load_mapping, must_ask
from pipeline.exports.responses import (
    Export,
    Layout,
    file_digest,
    read_cell,
    read_export,
)
from pipeline.files.whole_file import passing_file, put_away
from pipeline.learning.card import PICTURE, Quality, column_agreement, measure_quality, scores_left_out, write_card
from pipeline.learning.corpus import (
    EXAMPLE_SOURCE,
    REVIEWED,
    Corpus,
    display_path,
    read_corpus,
)
from pipeline.learning.deck import Unplaced, read_deck, write_corpus
from pipeline.learning.evaluation import FacetScores, indicator, score
from pipeline.learning.learned import Learned, learned_from
from pipeline.learning.model_store import (
    StoredModel,
    check_model_place,
    check_place,
    current_model,
    load_model,
    named_model,
    save_model,
    versions,
    whole_folder,
)
from pipeline.learning.picture import calibration_svg
from pipeline.learning.training import Coding, Progress, Training, silent, train
from pipeline.settings import Settings, shipped
from pipeline.stores.review_store import has_decisions
from pipeline.texts.language import translation_columns

BATCH = 2000
LONGEST_QUOTE = 160
GIVEN, INFERRED = "given", "inferred"
SHARE_THAT_NAMES_A_FACET = 0.6
LABEL_COLUMNS = ("labels", "label", "codes", "code")
ASKS_FOR_TAGS = re.compile(r"\b(?:tags?|tagged|codes?|coded|coding|themes?)\b", re.IGNORECASE)
DEFAULT_MODEL = "engagement"


# ---- training ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """Where a model was put, what it scores on sources it had not seen, and how far people agree.

    comments: coded comments it learned from, of which so many were decided in runs; dropped: decisions for codes the
    codebook has not, by (facet, code); missing: runs an earlier model had learned from that are gone; kept: corpus
    files that are gone or have changed, whose comments the earlier model had kept.
    """

    folder: Path
    scores: dict[str, FacetScores]
    agreed: dict[str, Any]
    comments: int
    examples: int
    current: bool
    decided: int = 0
    dropped: dict[tuple[str, str], int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    kept: tuple[KeptFile, ...] = ()


def train_model(
    out: Path,
    settings: Settings,
    corpora: Sequence[Path] = (),
    codebook_path: Path | None = None,
    *,
    runs: Sequence[Path] = (),
    replace: bool = False,
    progress: Progress = silent,
) -> Trained:
    """Trains on the corpus files (the shipped corpus where none is named with the shipped codebook) into a folder.

    With runs, what people decided there is added to the files named, or to all the current model learned from.
    """
    check_model_place(out, replace)
    material = learning_material(settings, corpora, codebook_path, runs)
    training = train(material.everything, material.codebook, settings, progress, unseen=material.unseen)
    return write_model(out, material, training, settings, replace=replace)


def learning_material(
    settings: Settings, corpora: Sequence[Path] = (), codebook_path: Path | None = None, runs: Sequence[Path] = ()
) -> Material:
    """What to learn from, read and checked before the long work."""
    if runs:
        return material_with_runs(runs, settings, corpora, codebook_path)
    return material_of_files(corpora, codebook_path)


def write_model(
    out: Path,
    material: Material,
    training: Training,
    settings: Settings,
    *,
    replace: bool = False,
    extras: dict[str, str] | None = None,
) -> Trained:
    """Measures what was trained and writes its folder, with its card and further files of text by name."""
    codebook, everything = material.codebook, material.everything
    scores = scores_left_out(training)
    agreed = column_agreement(everything.comments if everything else (), codebook)
    quality = measure_quality(training, settings)
    manifest = _model_manifest(material, training, scores, agreed, quality, settings)
    card = write_card(out.name, codebook, material.corpus, scores, agreed, quality, len(material.decided))
    coded_by = {CORPUS_CODEBOOK: dump_codebook(material.coded_by)} if material.coded_by else {}
    panels = [(codebook.by_id[facet].name, one.calibration) for facet, one in quality.facets.items()]
    save_model(
        training.model,
        out,
        manifest,
        card,
        replace=replace,
        extras={PICTURE: calibration_svg(panels), **coded_by, **(extras or {})},
        learned=_learned(training),
    )
    is_current = (
        out.parent.resolve() == settings.models.resolve() and current_model(settings) == settings.models / out.name
    )
    counts = manifest["comments"], manifest["examples"], is_current, len(material.decided)
    return Trained(out, scores, agreed, *counts, material.dropped, material.missing, material.kept)


def _model_manifest(
    material: Material,
    training: Training,
    scores: dict[str, FacetScores],
    agreed: dict[str, Any],
    quality: Quality,
    settings: Settings,
) -> dict[str, Any]:
    book = training.model.codebook
    return {
        "made": _now(),
        "codebook": display_path(material.book) if material.book else None,
        "corpus": material.corpus_as_json(),
        "runs": material.runs_as_json(),
        "comments": len(material.everything.comments) if material.everything else 0,
        "decided": len(material.decided),
        "examples": sum(len(code.examples) for facet in book.facet for code in facet.code),
        "facets": {facet: list(classifier.codes) for facet, classifier in training.model.classifiers.items()},
        "seed": settings.seed,
        "scores": {column: one.as_json() for column, one in scores.items()},
        "agreement": agreed,
        "quality": quality.as_json(),
    }


def _learned(training: Training) -> Learned:
    """The comments the model learned from, as it keeps them."""
    vectors = training.model.features.vectors_of(training.bags.whole)
    return learned_from(training.comments, list(training.model.classifiers), vectors)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


# ---- finding the model ---------------------------------------------------------------------------------------------


def find_model(
    settings: Settings, folder: Path | None, codebook_path: Path | None = None, progress: Progress = silent
) -> StoredModel:
    """The model named, else the current one, else one trained now on the shipped corpus. Raises ModelError."""
    codebook = load_codebook(codebook_path) if codebook_path else None
    chosen = named_model(settings, folder) if folder else current_model(settings)
    if chosen is None and codebook_path is not None:
        fix = f"feedback train --codebook {codebook_path} --out {settings.models / 'mine'}"
        raise ModelError("there is no model of this codebook yet", where=codebook_path, fix=fix)
    if chosen is None:
        chosen = settings.models / DEFAULT_MODEL
        train_model(chosen, settings, progress=progress)
    return load_model(chosen, codebook)


# ---- coding an export ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Remembered:
    """The mapping an export was read by, None where its columns were guessed, and how the export differs from it."""

    path: Path | None = None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Coded:
    """Where a run was put, what was counted, and which columns were read as what.

    unknown: what respondents said of themselves that the codebook does not know, and how many comments they wrote.
    """

    run: Path
    counts: dict[str, int]
    questions: tuple[str, ...]
    response_id: str | None
    facet_columns: dict[str, str]
    to_review: int
    encoding: str = ""
    unknown: dict[str, int] = field(default_factory=dict)
    remembered: Remembered = field(default_factory=Remembered)
    notes: tuple[str, ...] = ()


def classify(
    export_path: Path,
    out: Path,
    settings: Settings,
    *,
    model: Path | None = None,
    codebook: Path | None = None,
    mapping: Mapping | None = None,
    scores: bool = False,
    replace: bool = False,
    progress: Progress = silent,
) -> Coded:
    """Codes an export into a run folder, which appears whole or not at all."""
    _check_run_folder(out, replace)
    export = read_export(export_path)
    layout, remembered = how_to_read(export, mapping)
    stored = find_model(settings, model, codebook, progress)
    started = _now()
    with whole_folder(out, replace) as made:
        coder = RunWriter(made, export, layout, stored, with_scores=scores, seed=settings.seed, jobs=settings.processes)
        tally = coder.write(progress)
        counts = add_up(tally.counts, len(layout.questions))
        (made / "codebook.toml").write_text(dump_codebook(stored.model.codebook), encoding="utf-8")
        manifest = _run_manifest(export, layout, stored, counts, tally, coder, started, settings)
        (made / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        _check_run_folder(out, replace)  # somebody may have decided meanwhile
    return Coded(
        out,
        counts,
        layout.questions,
        layout.response_id,
        coder.facet_columns,
        tally.to_review,
        export.encoding,
        dict(tally.unknown.most_common()),
        remembered,
        export.shape.notes,
    )


def how_to_read(export: Export, mapping: Mapping | None = None) -> tuple[Layout, Remembered]:
    """Which columns are coded: as the mapping says, else as one that is remembered does, else as the values look.

    Raises InputError where a remembered survey has changed in a way that a person must decide on.
    """
    path = None
    if mapping is None and (path := find_mapping(export)) is not None:
        mapping = load_mapping(path)
    mapping = mapping or Mapping()
    changes = compare(mapping, export)
    if must_ask(changes):
        told = "; ".join(change.words for change in changes if change.matters)
        fix = "look at it with feedback inspect EXPORT, then remember it so: feedback inspect EXPORT --remember"
        raise InputError(f"is not as {path or 'the mapping'} remembers it: {told}", where=export.path, fix=fix)
    layout = mapping.layout(export)
    translated = set(translation_columns(export.columns, layout.questions).values())
    asked = tuple(question for question in layout.questions if question not in translated)
    return Layout(asked, layout.response_id), Remembered(path, changes)


def _check_run_folder(out: Path, replace: bool) -> None:
    check_place(out, replace)
    if not out.exists():
        return
    if has_decisions(out):
        fix = f"choose another name with --out, or code it again and keep them: feedback recode {out}"
        raise OutputError("holds people's decisions", where=out, fix=fix)
    if not (out / "manifest.json").is_file() or not (out / "coded.csv").is_file():
        raise OutputError("is there and is not a run", where=out, fix="choose another name with --out")


def _run_manifest(
    export: Export,
    layout: Layout,
    stored: StoredModel,
    counts: dict[str, int],
    tally: Tally,
    coder: RunWriter,
    started: str,
    settings: Settings,
) -> dict[str, Any]:
    return {
        **counts,
        **tally.campaigns,
        "to_translate": tally.counts["to_translate"],
        "how_counts_add_up": [
            "rows = responses + rejected",
            "responses × questions = comments + blank",
            "comments = coded + no_content + not_english",
        ],
        "export": {
            "file": export.path.name,
            "sha256": file_digest(export.path),
            "encoding": export.encoding,
            "platform": export.shape.platform,
            "header_rows": list(export.shape.header_rows),
            "title_rows": list(export.shape.title_rows),
            "notes": list(export.shape.notes),
        },
        "questions": list(layout.questions),
        "response_id": layout.response_id,
        "facet_columns": coder.facet_columns,
        "renamed_columns": coder.renamed,
        "model": {"name": stored.folder.name, "sha256": stored.digest},
        "codebook_digest": stored.model.codebook.digest,
        "versions": versions(),
        "seed": settings.seed,
        "started": started,
        "finished": _now(),
    }


# ---- evaluation ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluated:
    """Scores per label column of the file, agreement between its columns, and what may flatter the scores."""

    scores: dict[str, FacetScores]
    agreed: dict[str, Any]
    comments: int
    held_out: str | None
    models: int
    seen: int


def evaluate(
    path: Path,
    settings: Settings,
    *,
    model: Path | None = None,
    hold_out: str | None = None,
    corpora: Sequence[Path] = (),
    codebook_path: Path | None = None,
    progress: Progress = silent,
) -> Evaluated:
    """Scores codes against those people gave in a file; with `hold_out`, by models that had not seen the same value."""
    read_export(path)  # before the long work
    if corpora and hold_out is None:
        raise InputError(
            "--corpus says what to train on", where=path, fix="add --hold-out COLUMN, or leave --corpus out"
        )
    if hold_out is None:
        stored = find_model(settings, model, codebook_path, progress)
        test = read_corpus(path, stored.model.codebook)
        codings = stored.model.predict(
            [comment.text for comment in test.comments], [comment.question for comment in test.comments]
        )
        return _evaluated(test, stored.model.codebook, codings, None, 1, _seen(test, stored))
    codebook, corpus = _material_of(model, settings, corpora, codebook_path)
    test = read_corpus(path, codebook)
    for file, name in ((test, path), (corpus, ", ".join(display_path(file) for file in corpus.files))):
        if not any(hold_out in comment.others for comment in file.comments):
            raise InputError(f"there is no column {hold_out!r}", where=name, fix="hold out a column both files have")
    codings, models = code_held_out(test, corpus, codebook, hold_out, settings, progress)
    return _evaluated(test, codebook, codings, hold_out, models, 0)


def _material_of(
    model: Path | None, settings: Settings, corpora: Sequence[Path], codebook_path: Path | None
) -> tuple[Codebook, Corpus]:
    """What a model was trained from, read again; what was named, or what is shipped, where there is no model."""
    if model is None or corpora:
        material = material_of_files(corpora, codebook_path)
    else:
        stored = load_model(named_model(settings, model), load_codebook(codebook_path) if codebook_path else None)
        material = material_of_model(stored.folder, stored.model.codebook)
    codebook, corpus = material.codebook, material.everything
    if corpus is None:
        raise ModelError("the model has no coded comments to hold out", where=model, fix="evaluate without --hold-out")
    return codebook, corpus


def code_held_out(
    test: Corpus, corpus: Corpus, codebook: Codebook, column: str, settings: Settings, progress: Progress
) -> tuple[dict[str, Coding], int]:
    """The coding of each test comment by a model trained without its value of the column and without its text."""
    asked = {name.removesuffix(REVIEWED) for name in test.columns}
    values = list(dict.fromkeys(comment.others.get(column, "") for comment in test.comments))
    probability = {facet.id: np.full((len(test.comments), len(facet.ids)), np.nan) for facet in codebook.facet}
    given = {facet: np.zeros(array.shape, dtype=bool) for facet, array in probability.items()}
    for n, value in enumerate(values):
        progress(f"without {value or 'blank'}", n, len(values))
        rows = [row for row, comment in enumerate(test.comments) if comment.others.get(column, "") == value]
        texts = [test.comments[row].text for row in rows]
        questions = [test.comments[row].question for row in rows]
        learned = train(corpus.without(column, value, texts), codebook, settings, facets=asked, unseen=texts)
        fitted = learned.model.predict(texts, questions)
        for facet, coding in fitted.items():
            probability[facet][rows], given[facet][rows] = coding.probability, coding.given
    progress("done", len(values), len(values))
    return {
        facet.id: Coding(facet.ids, probability[facet.id], given[facet.id])
        for facet in codebook.facet
        if not np.isnan(probability[facet.id]).any()
    }, len(values)


def _evaluated(
    test: Corpus, codebook: Codebook, codings: dict[str, Coding], held_out: str | None, models: int, seen: int
) -> Evaluated:
    scores = {}
    for column in test.columns:
        coding = codings.get(column.removesuffix(REVIEWED))
        if coding is not None:
            truth = indicator([comment.codes[column] for comment in test.comments], coding.codes)
            scores[column] = score(coding.codes, truth, coding.given, coding.probability)
    return Evaluated(scores, column_agreement(test.comments, codebook), len(test.comments), held_out, models, seen)


def _seen(test: Corpus, stored: StoredModel) -> int:
    """How many of the comments the model was trained on."""
    learned = stored.learned
    texts = (text for text, source in zip(learned.texts, learned.sources, strict=True) if source != EXAMPLE_SOURCE)
    return len(test.comments) - len(test.without("", "\0", texts).comments)


# ---- codebooks -----------------------------------------------------------------------------------------------------


def init_codebook(path: Path, facets: Sequence[str], out: Path) -> Codebook:
    """Makes a codebook from a file of coded comments, a facet for each column. Raises InputError or OutputError."""
    if out.exists():
        raise OutputError("is there already", where=out, fix="choose another name with --out")
    export = read_export(path)
    columns = [export.columns[export.column(name)] for name in facets] or _columns_of_codes(export)
    places = {column: export.columns.index(column) for column in columns}
    cells: dict[str, list[str]] = {column: [] for column in columns}
    for _, row in export.rows():
        for column, place in places.items():
            cells[column].append(read_cell(row[place]) if place < len(row) else "")
    book = codebook_from(path.stem, cells)
    write_whole(out, dump_codebook(book))
    return book


def _columns_of_codes(export: Export) -> list[str]:
    """The column called like labels; else all of closed answers whose header speaks of tags."""
    named = [column for column in export.columns if column.strip().casefold() in LABEL_COLUMNS]
    if not named:
        chosen = [one.column for one in guess_columns(export) if one.kind in (Kind.SINGLE, Kind.MULTIPLE)]
        if tagged := [column for column in chosen if ASKS_FOR_TAGS.search(column)]:
            return tagged
        raise InputError(
            f"has no column called {', '.join(LABEL_COLUMNS)}", where=export.path, fix="name it with --facet COLUMN"
        )
    return named[:1]


@dataclass(frozen=True)
class Imported:
    """The points of a deck by session, and the lines that could not be placed."""

    sessions: dict[str, int]
    unplaced: tuple[Unplaced, ...]


def import_deck(deck: Path, out: Path, codebook_path: Path | None = None) -> Imported:
    """Turns an engagement deck into a file of coded comments."""
    read = read_deck(deck, load_codebook(codebook_path or shipped("corpus/codebook.toml")))
    write_corpus(read, out)
    return Imported(dict(Counter(point.session for point in read.points)), read.unplaced)


def write_whole(path: Path, text: str) -> None:
    """Writes a text file under a temporary name, then renames it. Raises OutputError."""
    made = passing_file(path)
    try:
        made.write_text(text, encoding="utf-8")
        made.replace(path)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=path, fix="choose another place") from None
    finally:
        put_away(made)
