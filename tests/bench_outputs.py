"""Measures how long all outputs of a large run take, and in what memory: `feedback report RUN --out FOLDER`, as called.

The run is invented: 80,000 people of five attributes wrote 100,000 comments, which have codes of the shipped codebook
(35 in three facets), words of the shipped corpus, a check sample of 400 comments and 2,000 decisions.
"""

import csv
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.codebook import load_codebook
from pipeline.reviewing.checking import draw
from pipeline.reviewing.review import Review
from pipeline.stores.comment_store import FILE, RESPONDENT, CodedRow, CommentWriter, GivenCode
from pipeline.stores.review_records import Choice
from pipeline.stores.review_store import Store

ROOT = Path(__file__).parent.parent
BOOK = load_codebook(ROOT / "corpus" / "codebook.toml")
COMMENTS, RESPONSES, CHECKED, DECIDED = 100_000, 80_000, 400, 2_000
QUESTIONS = ("What should change?", "Anything else?")
ATTRIBUTES = {
    "Ward": [f"Ward {n}" for n in range(1, 13)],
    "Age group": ["16-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75+", ""],
    "Tenure": ["Owner", "Private tenant", "Council tenant", "Other"],
    "Sex": ["Female", "Male", "Prefer not to say"],
    "Disability": ["No", "No", "No", "No", "Yes, a little", "Yes, a lot"],
}
BY = [f"--by={name}" for name in ATTRIBUTES]
LIMITS = "30 s and 1 GB"
Line = tuple[str, str, str]  # what, measured, target
MEASURED = """
import resource, sys
from pipeline.cli import main
try:
    main(sys.argv[1:], standalone_mode=False)
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


def write_run(folder: Path, comments: int = COMMENTS, responses: int = RESPONSES, seed: int = 1) -> Path:
    """An invented run of so many comments by so many people, coded at random; the first ones wrote two comments."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    sentences = sorted(_sentences())
    facts = {"name": "invented", "sha256": "0" * 64}
    manifest = {
        **{"responses": responses, "comments": comments, "blank": 0, "no_content": 0, "not_english": 0, "rejected": 0},
        **{"coded": comments, "export": {"file": "invented.csv", "sha256": "1" * 64}, "model": facts},
        **{"codebook_digest": BOOK.digest, "versions": {}, "seed": seed, "finished": "2025-10-01T10:00:00+00:00"},
        "questions": list(QUESTIONS),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "codebook.toml").write_text((ROOT / "corpus" / "codebook.toml").read_text(encoding="utf-8"))
    meta = {
        "codes": {facet.id: list(facet.ids) for facet in BOOK.facet},
        "thresholds": {facet.id: [0.5] * len(facet.ids) for facet in BOOK.facet},
        "facet_columns": {"stakeholder": "I am responding as"},
        "others": [*ATTRIBUTES, "Completed"],
        "model": facts,
    }
    writer = CommentWriter(folder / FILE, meta)
    with (folder / "coded.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(_header())
        people = [_person(random) for _ in range(responses)]
        for n in range(comments):
            row = _row(n // responses, n % responses, people[n % responses], sentences, random)
            table.writerow(_cells(row))
            writer.add([row])
    writer.finish((n, n) for n in range(1, comments + 1))
    return folder


def _sentences() -> set[str]:
    with (ROOT / "corpus" / "voices.csv").open(encoding="utf-8-sig", newline="") as file:
        return {s for row in csv.DictReader(file) for s in re.split(r"(?<=[.!?])\s+", row["text"]) if s}


def _person(random: np.random.Generator) -> dict[str, str]:
    found = {name: values[random.integers(len(values))] for name, values in ATTRIBUTES.items()}
    return {**found, "Completed": f"{random.integers(1, 29):02d}/09/2025 10:00"}


def _row(
    question: int, person: int, others: dict[str, str], sentences: list[str], random: np.random.Generator
) -> CodedRow:
    given = []
    probability = []
    for facet in BOOK.facet:
        scores = random.beta(0.6, 6.0, len(facet.ids))
        probability.append(scores)
        chosen = np.flatnonzero(scores > 0.3)[:4] if not facet.exclusive else [int(scores.argmax())]
        source = RESPONDENT if facet.exclusive else "machine"
        given += [GivenCode(facet.id, facet.ids[k], float(scores[k]), source) for k in chosen]
    text = " ".join(sentences[k] for k in random.integers(len(sentences), size=2))
    why = {"principle": {one.code: (text[:60], ["words"]) for one in given if one.facet == "principle"}}
    return CodedRow(
        *(f"R{person}-q{question + 1}", f"R{person}", QUESTIONS[question], f"{person} {question} {text}"),
        *(None, (), float(random.random()), others, given, np.concatenate(probability)),
        *(random.normal(size=384).astype(np.float32), np.zeros(0, int), np.zeros(0), why),
    )


def _header() -> list[str]:
    facets = [name for f in BOOK.facet for name in (f.id, f"{f.id}_probability", f"{f.id}_why")]
    known = ["comment_id", "response_id", "question", "text", *ATTRIBUTES, "Completed", *facets]
    return [*known, "stakeholder_source", "review", "doubts", "campaign", "campaign_size"]


def _cells(row: CodedRow) -> list[str]:
    cells = [row.comment_id, row.response_id, row.question, row.text, *row.others.values()]
    for facet in BOOK.facet:
        named = [facet.by_id[one.code].name for one in row.given if one.facet == facet.id]
        cells += ["|".join(named), "0.500", ""]
    return [*cells, "given", "no", "", "", ""]


def check_and_decide(run: Path, checked: int = CHECKED, decided: int = DECIDED) -> None:
    """People code a check sample, mostly as the machine did, and decide some comments."""
    random = np.random.default_rng(5)
    with Review(run) as review:
        sample = [one.comment_id for one in draw(review, checked, 1, "an analyst")]
        said = []
        for line in review.lines([review.number_of(id_) or 1 for id_ in sample]):
            for facet in review.facets:
                codes = [code for code in line.facets[facet.id].machine if random.random() < 0.8]
                codes += [code for code in facet.ids if code not in codes and random.random() < 0.02]
                said.append((line.comment_id, facet.id, codes))
        review.store.check("an analyst", "screen", said)
        numbers = random.choice(review.total, decided, replace=False) + 1
        lines = review.lines(sorted(numbers.tolist()))
    with Store(run) as store:
        choices = [Choice(line.comment_id, "theme", line.facets["theme"].machine[:1]) for line in lines]
        store.decide("an analyst", "list", choices, store.as_of)


def outputs(run: Path, folder: Path) -> tuple[float, int]:
    """Seconds and peak memory (MB) of writing all outputs of a run."""
    command = [sys.executable, "-c", MEASURED, "report", str(run), "--out", str(folder), *BY]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, int(done.stderr.rsplit("peak", 1)[1])


def rows() -> Iterator[Line]:
    """The lines of the README's table."""
    with tempfile.TemporaryDirectory() as name:
        run = write_run(Path(name) / "run")
        check_and_decide(run)
        seconds, memory = outputs(run, Path(name) / "report")
        start = time.perf_counter()
        pd.read_csv(run / "coded.csv", dtype=str, keep_default_na=False)
        read = time.perf_counter() - start
    measured = f"{seconds:.0f} s ({seconds / read:.0f} × pandas reading `coded.csv`), {memory:,} MB"
    yield f"all outputs of {COMMENTS:,} comments, 35 codes, five attributes", measured, LIMITS


if __name__ == "__main__":
    for line in rows():
        print(*line, sep="  |  ")
