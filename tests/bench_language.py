"""Measures what is set apart as not English, on the invented comments of `language_comments.csv` and on English ones.

One half of the set was looked at while the rules were made; the figures are of the other half. A comment in another
language is found when it is set apart as not English; one in two languages, when it is coded and on the list for
translation; an English one is kept when it is neither. English comments are those of the shipped corpus and of the
blind test set.
"""

import csv
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from scipy.stats import binomtest

from pipeline.texts.language import NAMES, NOT_ENGLISH, Apart, set_apart

SET = Path(__file__).with_name("language_comments.csv")
CORPUS = SET.parent.parent / "corpus"
ENGLISH = (CORPUS / "voices.csv", CORPUS / "engagement.csv", SET.with_name("blind_comments.csv"))
HELD_OUT, TUNED_ON = "held out", "tuned on"
ROMANISED = {"bn-Latn": "Bengali in Latin letters", "ur-Latn": "Urdu or Hindi in Latin letters"}
FEWEST_SHOWN = 13  # comments of a language; those of fewer are shown together
MIXED, OTHERS = "English and another language", "ten and more other languages"


def comments(half) -> list[dict[str, str]]:
    """The rows of a half of the set."""
    with SET.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["half"] == half]


def is_right(row, apart: Apart) -> bool:
    """Whether what becomes of a comment is what should."""
    if row["language"] == "en":
        return not apart.to_translate
    if row["mixed"] == "yes":
        return apart.reason is None and apart.to_translate
    return apart.reason == NOT_ENGLISH


def group(row) -> str:
    """What a comment is counted under: mixed, or the name of its language."""
    return MIXED if row["mixed"] == "yes" else ROMANISED.get(row["language"]) or NAMES[row["language"]]


def measure(half) -> dict[str, tuple[int, int]]:
    """Group → comments that are treated rightly, comments there are; largest group first."""
    rows = comments(half)
    all_ = Counter(group(row) for row in rows)
    right = Counter(group(row) for row in rows if is_right(row, set_apart(row["text"])))
    return {name: (right[name], count) for name, count in all_.most_common()}


def named(half) -> tuple[int, int]:
    """Of the comments found to be in one other language: those whose language is named rightly, and all."""
    found = [(row, set_apart(row["text"])) for row in comments(half) if row["mixed"] == "no"]
    other = [(row, apart) for row, apart in found if row["language"] != "en" and apart.reason == NOT_ENGLISH]
    return sum(apart.language.code == row["language"] for row, apart in other), len(other)


def english_texts() -> list[str]:
    """English comments that were not written for this."""
    texts = []
    for path in ENGLISH:
        with path.open(encoding="utf-8-sig", newline="") as file:
            texts += [row["text"] for row in csv.DictReader(file)]
    return texts


def wrongly_apart(texts) -> int:
    """How many of some English comments are taken for another language, in whole or in part."""
    return sum(set_apart(text).to_translate for text in texts)


def speed(texts) -> float:
    """Comments for which it is decided per second of one core, once lingua is loaded; the best of three times."""
    set_apart("Waxaan rabnaa guryo badan")

    def seconds() -> float:
        start = time.process_time()
        for text in texts:
            set_apart(text)
        return time.process_time() - start

    return len(texts) / min(seconds() for _ in range(3))


def share(part, whole) -> str:
    """A share with its 95% Wilson interval, as people read it."""
    bounds = binomtest(part, whole).proportion_ci(method="wilson")
    return f"{part / whole:.2f} ({bounds.low:.2f}–{bounds.high:.2f}) of {whole}"


def rows() -> Iterator[tuple[str, str, str]]:
    """(what, measured, target) for the table of the README."""
    found = measure(HELD_OUT)
    shown = {name: counts for name, counts in found.items() if counts[1] >= FEWEST_SHOWN and name != "English"}
    rest = [counts for name, counts in found.items() if name not in shown and name not in ("English", MIXED)]
    shown[OTHERS] = (sum(right for right, _ in rest), sum(count for _, count in rest))
    shown[MIXED] = found[MIXED]
    for name, (right, count) in shown.items():
        target = "0.80" if name in ROMANISED.values() else "–" if name == MIXED else "0.90"
        yield f"not English, found: {name}", share(right, count), target
    yield "not English, rightly named", share(*named(HELD_OUT)), "–"
    yield "English, short and hard, kept", share(*found["English"]), "0.99"
    texts = english_texts()
    wrong = wrongly_apart(texts)
    high = binomtest(wrong, len(texts)).proportion_ci(method="wilson").high
    yield "English, taken for another language", f"{wrong} of {len(texts):,} (at most {high:.2%})", "0.2%"
    yield "set apart or not", f"{speed(texts):,.0f} comments/s", "5,000/s"


if __name__ == "__main__":
    for row in rows():
        print("| " + " | ".join(row) + " |")
