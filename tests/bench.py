"""Measures speed and accuracy, prints them, and with `--write` puts the table into the README between its marks.

Run by `make bench`. Sets that are not committed are looked for in `../shared`; what is missing is left out and said.
Every choice a model makes is made inside its training rows; test rows are looked at once.
"""

import argparse
import csv
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import bench_copies
import bench_exports
import bench_language
import bench_outputs
import bench_personal
import bench_reading
import bench_shares
import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from pipeline.codebook import load_codebook
from pipeline.learning.classifier import FacetClassifier
from pipeline.learning.corpus import Corpus, read_corpora, read_corpus
from pipeline.learning.deck import read_deck
from pipeline.learning.encoder import load_encoder
from pipeline.learning.evaluation import FacetScores, agreement, indicator, sample_f1, score
from pipeline.learning.features import Features
from pipeline.learning.training import Coding, silent
from pipeline.settings import Settings
from pipeline.texts.cleaning import normalise
from pipeline.workflow import code_held_out, evaluate

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
DECK = SHARED / "seeds" / "004_71c82de07bc11c4a.txt"
FEEDBACK = [sys.executable, "-m", "pipeline.cli"]
SESSION_TARGETS = ("top-1 0.62, macro-F1 0.53, top-2 0.82", "top-1 0.75, macro-F1 0.70")
MARKS = ("<!-- bench -->", "<!-- /bench -->")
Line = tuple[str, str, str]  # what, measured, target


def timed(*command: str, folder: Path) -> float:
    """Seconds of wall time of a `feedback` command in a folder."""
    start = time.perf_counter()
    subprocess.run([*FEEDBACK, *command], check=True, capture_output=True, cwd=folder)
    return time.perf_counter() - start


def speed() -> Iterator[Line]:
    """Start-up, training and coding, as whole processes; and the encoder alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = min(timed_python("pass") for _ in range(5))
        start = min(timed("--help", folder=folder) for _ in range(5))
        yield "`feedback --help`", f"{start:.2f} s ({start / bare:.1f} × an empty Python)", "0.4 s"
        trained = timed("train", "--out", "models/full", folder=folder)
        yield "training on the shipped corpus", f"{trained:.0f} s", "60 s"
        (folder / "feedback.toml").write_text('encoder = "none"\n')
        trained = timed("train", "--out", "models/words", folder=folder)
        yield "the same, words and characters only", f"{trained:.0f} s", "60 s"
        write_export(folder / "export.csv", 10_000)
        for model, target in (("words", "20 s"), ("full", "–")):
            seconds = timed(
                "classify", "export.csv", "--out", f"run-{model}", "--model", f"models/{model}", folder=folder
            )
            what = "words and characters only" if model == "words" else "with the sentence vector"
            yield f"10,000 comments coded, {what}", f"{seconds:.0f} s ({10_000 / seconds:.0f}/s)", target
    yield "sentence encoder, 20-word comments", f"{encoder_speed('minilm'):.0f}/s", "500/s"
    yield "table of word vectors (`--fast`), 20-word comments", f"{encoder_speed('static'):,.0f}/s", "5,000/s"


def timed_python(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def encoder_speed(name: str) -> float:
    """Comments of 20 words per second, best of three."""
    draw = random.Random(1)
    words = " ".join(c.text for c in shipped("voices").comments).split()
    texts = [" ".join(draw.choices(words, k=20)) for _ in range(1500)]
    encoder = load_encoder(name)
    assert encoder is not None
    encoder.encode(texts[:50])
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        encoder.encode(texts)
        best = max(best, len(texts) / (time.perf_counter() - start))
    return best


def write_export(path: Path, rows: int) -> None:
    """An export of invented comments of the usual length, all different."""
    draw = random.Random(2)
    sentences = [s for c in shipped("voices").comments for s in re.split(r"(?<=[.!?])\s+", c.text) if s]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Response ID", "I am responding as", "What should the council do differently?"])
        for n in range(rows):
            writer.writerow(
                [f"R{n}", draw.choice(["Resident", "Tenant"]), f"{n} " + " ".join(draw.choices(sentences, k=2))]
            )


def shipped(name: str):
    return read_corpus(ROOT / "corpus" / f"{name}.csv", book())


def book():
    return load_codebook(ROOT / "corpus" / "codebook.toml")


# ---- the council's own material ------------------------------------------------------------------------------------


def engagement() -> Iterator[Line]:
    """Each session by models that had not seen it: the restated points, and the real deck's sentences."""
    with tempfile.TemporaryDirectory() as name:
        kinds = {"restated points": ROOT / "corpus" / "engagement.csv"}
        if DECK.is_file():
            kinds["the deck's sentences"] = Path(name) / "deck.csv"
            write_real_deck(kinds["the deck's sentences"])
        else:
            yield "the deck's sentences", "not measured: the deck is not here", ""
        tests = {what: read_corpus(file, book()) for what, file in kinds.items()}
    columns = ("principle", "principle_reviewed")
    together = Corpus(tuple(c for test in tests.values() for c in test.comments), (), columns)
    learned_from = read_corpora([ROOT / "corpus" / f"{name}.csv" for name in ("engagement", "voices")], book())
    for settings, note in ((Settings(), ""), (Settings(encoder="none"), ", words and characters only")):
        codings, _ = code_held_out(together, learned_from, book(), "session", settings, silent)
        first = 0
        for what, test in tests.items():
            rows = np.arange(first, first + len(test.comments))
            first += len(rows)
            for column, target in zip(columns, SESSION_TARGETS, strict=True):
                against = "headings" if column == "principle" else "reviewed codes"
                yield (
                    f"{what}, against the {against}{note}",
                    rates(of_rows(codings["principle"], together, column, rows)),
                    target,
                )


def of_rows(coding: Coding, corpus: Corpus, column: str, rows: np.ndarray) -> FacetScores:
    truth = indicator([corpus.comments[row].codes[column] for row in rows], coding.codes)
    return score(coding.codes, truth, coding.given[rows], coding.probability[rows])


def write_real_deck(path: Path) -> None:
    """The deck's own sentences with the reviewed codes of the points they were restated from."""
    points = read_deck(DECK, book()).points
    table = pd.read_csv(ROOT / "corpus" / "engagement.csv", dtype=str, keep_default_na=False)
    table["text"] = [point.text for point in points]
    table.to_csv(path, index=False)


def rates(scores: FacetScores) -> str:
    return (
        f"top-1 {scores.top1:.3f}, macro-F1 {scores.macro_f1:.3f}, top-2 {scores.top2:.3f}, "
        f"sample-F1 {scores.sample_f1:.3f}"
    )


def blind() -> Iterator[Line]:
    """The blind-written development set: never trained on."""
    file = ROOT / "tests" / "blind_comments.csv"
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    codes = book().by_id["principle"].ids
    coders = ([tuple(filter(None, cell.split("|"))) for cell in table[f"principle_{n}"]] for n in (1, 2))
    agreed = agreement(codes, *coders)
    same = (table["principle_1"].str.split("|").str[0] == table["principle_2"].str.split("|").str[0]).to_numpy()
    with tempfile.TemporaryDirectory() as name:
        models = Path(name)
        result = evaluate(file, Settings(models=models))
        agreeing = models / "agreeing.csv"
        table[same].to_csv(agreeing, index=False)
        sure = evaluate(agreeing, Settings(models=models))
    for encoder, note in (("static", "`--fast`"), ("none", "words and characters only")):
        with tempfile.TemporaryDirectory() as name:
            quick = evaluate(file, Settings(models=Path(name), encoder=encoder))
        yield f"blind-written comments, `principle`, {note}", rates(quick.scores["principle"]), "–"
        yield f"blind-written comments, `theme`, {note}", rates(quick.scores["theme"]), "–"
    yield "blind-written comments, `principle`", rates(result.scores["principle"]), "–"
    yield "blind-written comments, `principle`, where the coders agree", rates(sure.scores["principle"]), "top-1 0.75"
    yield "blind-written comments, `theme`", rates(result.scores["theme"]), "sample-F1 0.70"
    yield (
        "the two coders of these, `principle`",
        f"same main code {agreed['main']:.3f}, macro-F1 {agreed['macro_f1']:.3f}",
        "",
    )


def cold_start() -> Iterator[Line]:
    """The codebook alone, without one coded comment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy = folder / "codebook.toml"
        copy.write_bytes((ROOT / "corpus" / "codebook.toml").read_bytes())
        subprocess.run(
            [*FEEDBACK, "train", "--codebook", str(copy), "--out", str(folder / "cold")],
            check=True,
            capture_output=True,
        )
        files = {"restated points": ROOT / "corpus" / "engagement.csv", "blind": ROOT / "tests" / "blind_comments.csv"}
        if DECK.is_file():
            files["deck's sentences"] = folder / "deck.csv"
            write_real_deck(files["deck's sentences"])
        for what, file in files.items():
            scores = evaluate(file, Settings(), model=folder / "cold").scores
            yield f"codebook alone, {what}", rates(scores.get("principle_reviewed", scores["principle"])), "top-1 0.70"


# ---- work that is not ours -----------------------------------------------------------------------------------------


def published(
    name: str, exclusive: bool, jobs: int = 2
) -> tuple[pd.DataFrame, list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Trains on a set's published training rows: test table, codes, truth, probability and given of its test rows."""
    table = pd.read_csv(SHARED / "bench" / name, keep_default_na=False)
    cells = table["label"] if exclusive else table["labels"]
    labels = [list(filter(None, cell.split("|"))) for cell in cells]
    codes = sorted({code for row in labels for code in row})
    Y, train = indicator(labels, codes), (table["split"] == "train").to_numpy()
    test = (table["split"] == "test").to_numpy()
    texts = table["text"].tolist()
    learn = [texts[n] for n in np.flatnonzero(train)]
    features = Features().fit(learn)
    groups = [normalise(text) or "blank" for text in learn]
    classifier = FacetClassifier(codes, exclusive, jobs=jobs)
    classifier.fit(features.transform(learn), Y[train], np.ones(len(learn)), groups)
    bags = features.transform([texts[n] for n in np.flatnonzero(test)])
    probability = classifier.predict_proba(bags)
    return table[test], codes, Y[test], probability, classifier.decide(probability)


def nhs() -> Iterator[Line]:
    """NHS phase 1 on its published split, paired by row with the published predictions."""
    table, codes, truth, probability, given = published("nhs_pxtm_phase1.csv", exclusive=True)
    right = truth.argmax(axis=1)
    ours, theirs = given.argmax(axis=1), np.array([codes.index(c) if c in codes else -1 for c in table["pred_2023"]])
    yield "NHS phase 1, test", accuracy(right, ours), "0.76 / 0.64"
    yield "the published system on the same rows", accuracy(right, theirs), "(0.704 / 0.588)"
    only_ours, only_theirs = (
        int(((ours == right) & (theirs != right)).sum()),
        int(((ours != right) & (theirs == right)).sum()),
    )
    p = binomtest(only_ours, only_ours + only_theirs).pvalue
    yield "paired by row (McNemar, exact)", f"ours alone right {only_ours}, theirs alone {only_theirs}, p = {p:.2g}", ""
    train = pd.read_csv(SHARED / "bench" / "nhs_pxtm_phase1.csv", keep_default_na=False)
    seen = {normalise(text) for text in train.loc[train["split"] == "train", "text"]}
    new = np.array([normalise(text) not in seen for text in table["text"]])
    yield "NHS, test texts that are not in train", accuracy(right[new], ours[new]), "(0.656 / 0.558)"
    yield "NHS, calibration", f"expected calibration error {calibration_error(truth, probability):.3f}", "0.03"


def accuracy(right: np.ndarray, found: np.ndarray) -> str:
    macro = f1_score(right, found, average="macro", labels=np.unique(right), zero_division=0)
    return f"{accuracy_score(right, found):.3f} / {macro:.3f}"


def calibration_error(truth: np.ndarray, probability: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of the most probable code (Naeini et al. 2015)."""
    best = probability.argmax(axis=1)
    sure, hit = probability[np.arange(len(best)), best], truth[np.arange(len(best)), best]
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(sum(abs(sure[place == n].mean() - hit[place == n].mean()) * (place == n).mean() for n in set(place)))


def anes() -> Iterator[Line]:
    """Card and Smith's coded survey answers."""
    for number, beat, aim in (("03", 0.71, 0.77), ("04", 0.71, 0.76), ("05", 0.81, 0.85)):
        _, _, truth, _, given = published(f"anes_open_ended_{number}.csv", exclusive=False)
        yield f"ANES {number}, sample-F1 (published {beat:.2f})", f"{sample_f1(truth > 0, given):.3f}", f"{aim:.2f}"


PARTS: dict[str, Callable[[], Iterator[Line]]] = {
    "speed": speed,
    "engagement": engagement,
    "blind": blind,
    "cold": cold_start,
    "nhs": nhs,
    "anes": anes,
    "reading": bench_reading.rows,
    "exports": bench_exports.rows,
    "language": bench_language.rows,
    "personal": bench_personal.rows,
    "copies": bench_copies.rows,
    "outputs": bench_outputs.rows,
    "shares": bench_shares.rows,
}
NEED_BENCH = ("nhs", "anes", "reading", "shares")


def as_markdown(lines: Sequence[Line]) -> str:
    return "\n".join(["| what | measured | target |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in lines)])


def write_readme(lines: Sequence[Line]) -> None:
    """Puts what was measured into the table of the README; the figures of parts not measured now stay as they are."""
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(MARKS[0])
    table, after = rest.split(MARKS[1])
    rows = [row.strip("| ").split(" | ") for row in table.strip().splitlines()[2:]]
    known = {what: (what, measured, *target) for what, measured, *target in rows}
    known |= {what: (what, measured, target) for what, measured, target in lines}
    written = as_markdown([(what, measured, target[0] if target else "") for what, measured, *target in known.values()])
    readme.write_text(f"{before}{MARKS[0]}\n{written}\n{MARKS[1]}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help="measure only these parts")
    parser.add_argument("--write", action="store_true", help="write the table into the README")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    lines: list[Line] = []
    for name in chosen.part or PARTS:
        if name in NEED_BENCH and not (SHARED / "bench").is_dir():
            print(f"{name}: not measured, the sets are not here", file=sys.stderr)
            continue
        for line in PARTS[name]():
            lines.append(line)
            print(*line, sep="  |  ", flush=True)
    if chosen.write:
        write_readme(lines)


if __name__ == "__main__":
    main()
