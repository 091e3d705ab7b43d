"""Measures the finder of personal data on the invented comments of `personal_comments.csv`, and its speed.

Half of the set was looked at while the finder was made; the figures are of the other half. A piece of personal data is
found when all of it would be masked as its kind; a finding is right when it touches a piece of its kind.
"""

import csv
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest

from pipeline.texts.personal import KINDS, find_personal

SET = Path(__file__).with_name("personal_comments.csv")
VOICES = SET.parent.parent / "corpus" / "voices.csv"
HELD_OUT, TUNED_ON = "held out", "tuned on"
ANY = "all kinds"
COMMENTS, WORDS_EACH = 6000, 30


@dataclass(frozen=True)
class Found:
    """Of one kind: pieces there are, pieces wholly found, findings, findings that are right."""

    pieces: int
    found: int
    findings: int
    right: int


def comments(half):
    """(text, {(start, end, kind)}) of each comment of a half of the set."""
    with SET.open(encoding="utf-8", newline="") as file:
        return [
            (row["text"], {tuple(span) for span in json.loads(row["spans"])})
            for row in csv.DictReader(file)
            if row["half"] == half
        ]


def measure(half) -> dict[str, Found]:
    """What is found of each kind in a half of the set, and of all kinds together."""
    counts = {name: Counter() for name in ("pieces", "found", "findings", "right")}
    for text, pieces in comments(half):
        findings = {(f.start, f.end, f.kind) for f in find_personal(text)}
        for start, end, kind in pieces:
            counts["pieces"][kind] += 1
            counts["found"][kind] += any(k == kind and s <= start and end <= e for s, e, k in findings)
        for start, end, kind in findings:
            counts["findings"][kind] += 1
            counts["right"][kind] += any(k == kind and s < end and start < e for s, e, k in pieces)
    by_kind = {kind: Found(**{name: count[kind] for name, count in counts.items()}) for kind in KINDS}
    return {ANY: Found(**{name: count.total() for name, count in counts.items()}), **by_kind}


def untouched(half) -> tuple[int, int]:
    """Of the comments without personal data: how many nothing is masked in, and how many there are."""
    plain = [text for text, pieces in comments(half) if not pieces]
    return sum(not find_personal(text) for text in plain), len(plain)


def share(part, whole) -> str:
    """A share with its 95% Wilson interval, as people read it."""
    if not whole:
        return "–"
    bounds = binomtest(part, whole).proportion_ci(method="wilson")
    return f"{part / whole:.2f} ({bounds.low:.2f}–{bounds.high:.2f})"


def speed() -> tuple[float, float]:
    """Comments of 30 words read per second of one core, and how many times as long it takes as splitting them up.

    One comment in twenty is of the set, which is full of personal data; the others are of the shipped corpus.
    """
    draw = random.Random(4)
    with VOICES.open(encoding="utf-8-sig", newline="") as file:
        voices = " ".join(row["text"] for row in csv.DictReader(file)).split()
    personal = " ".join(text for half in (HELD_OUT, TUNED_ON) for text, _ in comments(half)).split()
    sources = [personal if n % 20 == 0 else voices for n in range(COMMENTS)]
    starts = [draw.randrange(len(words) - WORDS_EACH) for words in sources]
    texts = [" ".join(words[at : at + WORDS_EACH]) for words, at in zip(sources, starts, strict=True)]
    plain = re.compile(r"\w+")
    passes = [lambda text: plain.findall(text), find_personal]
    seconds = [min(timed(step, texts) for _ in range(3)) for step in passes]
    return COMMENTS / seconds[1], seconds[1] / seconds[0]


def timed(step, texts) -> float:
    start = time.process_time()
    for text in texts:
        step(text)
    return time.process_time() - start


def rows() -> Iterator[tuple[str, str, str]]:
    """(what, measured, target) for the table of the README."""
    by_kind = measure(HELD_OUT)
    for kind in (ANY, "person"):
        found = by_kind.pop(kind)
        recall, precision = share(found.found, found.pieces), share(found.right, found.findings)
        measured = f"recall {recall} of {found.pieces}, precision {precision} of {found.findings}"
        yield f"personal data found, {kind}", measured, "0.90, 0.90" if kind == ANY else "–"
    each = ", ".join(f"{kind} {found.found} of {found.pieces}" for kind, found in by_kind.items())
    yield "personal data found, by kind", each, "–"
    clean, plain = untouched(HELD_OUT)
    yield "comments without personal data left as they are", f"{share(clean, plain)} of {plain}", "0.95"
    per_second, ratio = speed()
    yield "personal data, 30-word comments", f"{per_second:,.0f}/s ({ratio:.0f} × splitting into words)", "20,000/s"


if __name__ == "__main__":
    for row in rows():
        print("| " + " | ".join(row) + " |")
