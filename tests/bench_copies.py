"""Measures how well campaigns are found in invented exports whose campaigns are known, how fast, and in what memory.

An invented export has comments of the shipped corpus, each by itself, and campaigns: one of those comments sent many
times, edited as senders do. Half of the corpus was looked at while the finder was made; the figures are of the other
half, with more and other edits. Traps are comments that share words without being of one campaign.
"""

import csv
import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from scipy.stats import binomtest

from pipeline.texts.copies import Copies

VOICES = Path(__file__).parent.parent / "corpus" / "voices.csv"
HELD_OUT, TUNED_ON = 1, 0
QUESTION = "What, if anything, should the council do differently when it plans services in your neighbourhood?"
WARDS = ("Bow East", "Lansbury", "Mile End", "Poplar", "St Peter's", "Shadwell", "Weavers", "Whitechapel")
FIRST = (
    "I live in {ward}.",
    "As a resident of {ward} for {n} years I feel strongly about this.",
    "Hello, my name is on the list for {ward} and I agree with the following.",
    "I am a tenant and a mother of {n}.",
    "Please read this carefully, it matters to us in {ward}.",
)
LAST = (
    "My own block has had no lift since {ward} fair, {n} weeks ago.",
    "I would add that my neighbour aged 8{n} cannot get to the shops.",
    "Thank you for reading, from all {n} of us in {ward}.",
    "Also the pavement outside number {n} is a disgrace and somebody will fall.",
)
STOCK = (
    "We need to be listened to before decisions are made and not after.",
    "Enough is enough, the council has to put its residents first for once.",
    "I pay my council tax like everybody else and I expect something for it.",
)
QUOTES = (
    "The draft plan says that residents will be involved at every stage of the design of the services they use.",
    "On page four it says the council will publish what it heard and what it did about it within twelve weeks.",
)
Edit = Callable[[str, random.Random], str]
Line = tuple[str, str, str]  # what, measured, target


# ---- an invented export --------------------------------------------------------------------------------------------


def voices(half: int) -> list[str]:
    """The comments of a half of the corpus."""
    with VOICES.open(encoding="utf-8-sig", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)][half::2]


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text)


def first_added(text, draw):
    return f"{draw.choice(FIRST).format(ward=draw.choice(WARDS), n=draw.randint(2, 9))} {text}"


def last_added(text, draw):
    return f"{text} {draw.choice(LAST).format(ward=draw.choice(WARDS), n=draw.randint(2, 9))}"


def words_changed(text, draw):
    """Two words, as where a name and a ward are filled in."""
    words = text.split()
    for place in draw.sample(range(len(words)), 2):
        words[place] = draw.choice(WARDS)
    return " ".join(words)


def sentence_dropped(text, draw):
    """The shortest but one is left out, where there are three or more."""
    parts = sentences(text)
    if len(parts) > 2:
        parts.remove(sorted(parts, key=len)[1])
    return " ".join(parts)


def typos(text, draw):
    """One letter in sixty left out or put in twice."""
    letters = (char if draw.random() > 1 / 60 else draw.choice(("", char * 2)) for char in text)
    return "".join(letters)


def restyled(text, draw):
    return draw.choice((text.upper(), text.lower(), re.sub(r"[.,;]", " -", text), f"“{text}”\n\n"))


def two_edits(text, draw):
    return draw.choice(EDITS)(draw.choice(EDITS)(text, draw), draw)


EDITS: list[Edit] = [first_added, last_added, words_changed, sentence_dropped, typos, restyled]


def campaign(text: str, size: int, draw: random.Random, *, hard: bool) -> list[str]:
    """One text as its senders sent it: a third to the letter; where hard, most others with two edits."""
    edits = [*EDITS, *[two_edits] * (6 if hard else 1)]
    return [text if draw.random() < 1 / 3 else draw.choice(edits)(text, draw) for _ in range(size)]


def traps(texts: list[str], draw: random.Random) -> Iterator[str]:
    """Comments that share a stock phrase, a sentence of the consultation or the question, and nothing else."""
    for text in texts:
        parts = sentences(text)
        if len(text.split()) >= 30:
            yield " ".join([*parts[:1], draw.choice(QUOTES), *parts[1:]])
        elif len(text.split()) >= 15:
            yield f"{text} {draw.choice(STOCK)}"
        else:
            yield f"{QUESTION} {text}"


def invented(size: int, seed: int, half: int, *, hard: bool = False) -> tuple[list[str], list[int]]:
    """So many comments and the number of the campaign of each, 0 for those by themselves; three in ten are of one."""
    draw = random.Random(seed)
    texts = voices(half)
    draw.shuffle(texts)
    templates = [text for text in texts if len(text.split()) >= (15 if hard else 25)][:60]
    alone = [text for text in texts if text not in templates]
    made: list[tuple[str, int]] = [(text, 0) for text in traps(alone[::3], draw)]
    made += [(text, 0) for n, text in enumerate(alone) if n % 3]
    number = 0
    while sum(1 for _, of in made if of) < 0.3 * size and templates:
        number += 1
        wanted = min(draw.choice((2, 3, 5, 10, 40)), max(2, size // 10))
        made += [(text, number) for text in campaign(templates.pop(), wanted, draw, hard=hard)]
    draw.shuffle(made)
    return [text for text, _ in made], [of for _, of in made]


# ---- measuring -----------------------------------------------------------------------------------------------------


def found_in(texts: list[str]) -> list[int]:
    """The number of the group that is found for each comment, 0 for none."""
    copies = Copies((text, QUESTION) for text in texts)
    return [copies.meet(text).campaign or 0 for text in texts]


def pairs(groups: Counter) -> int:
    return sum(n * (n - 1) // 2 for key, n in groups.items() if key and key != (0, 0))


def scores(truth: list[int], found: list[int]) -> dict[str, float]:
    """Recall and precision by comment (in a campaign or not) and by pair of comments (in the same campaign)."""
    both = Counter(pair for pair in zip(truth, found, strict=True) if all(pair))
    true_pairs, found_pairs = pairs(Counter(truth)), pairs(Counter(found))
    return {
        "comments": sum(map(bool, truth)),
        "recall": both.total() / sum(map(bool, truth)),
        "precision": both.total() / max(1, sum(map(bool, found))),
        "pair recall": pairs(both) / true_pairs,
        "pair precision": pairs(both) / max(1, found_pairs),
    }


def share(part: int, whole: int) -> str:
    """A share with its 95% Wilson interval, as people read it."""
    bounds = binomtest(part, whole).proportion_ci(method="wilson")
    return f"{part / whole:.3f} ({bounds.low:.3f}–{bounds.high:.3f})"


def many(size: int) -> Iterator[str]:
    """Comments of three sentences, made up one by one; three in ten are an edited copy of one of fifty texts."""
    draw = random.Random(5)
    texts = voices(HELD_OUT)
    pool = [sentence for text in texts for sentence in sentences(text) if len(sentence.split()) > 3]
    templates = [text for text in texts if len(text.split()) >= 25][:50]
    for _ in range(size):
        if draw.random() < 0.3:
            yield draw.choice(EDITS)(templates[int(draw.random() ** 3 * len(templates))], draw)
        else:
            yield " ".join(draw.choices(pool, k=3))


MEASURE = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[1])
from bench_copies import QUESTION, Copies, many
from pipeline.texts.cleaning import normalise
Copies((text, QUESTION) for text in many(100))  # libraries are loaded once
comments, texts = int(sys.argv[2]), list(many(int(sys.argv[2])))
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
Copies((text, QUESTION) for text in texts)
took, most = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
for text in texts:
    normalise(text)
print(json.dumps([took, time.process_time() - start, (most - before) / 1024]))
"""


def speed(comments: int) -> tuple[float, float, float]:
    """Processor seconds of finding all groups, of bringing the texts into normal form alone, and MB held meanwhile."""
    command = [sys.executable, "-c", MEASURE, str(Path(__file__).parent), str(comments)]
    took, plain, held = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return took, plain, held


def quality() -> Iterator[Line]:
    """How much of the campaigns is found, on the half that was not looked at."""
    for hard, what in ((False, "one edit"), (True, "mostly two edits")):
        both, true, found = Counter(), Counter(), Counter()
        for seed in (11, 12, 13):
            texts, truth = invented(1500, seed, HELD_OUT, hard=hard)
            groups = found_in(texts)
            true["comments"] += sum(map(bool, truth))
            found["comments"] += sum(map(bool, groups))
            together = Counter(pair for pair in zip(truth, groups, strict=True) if all(pair))
            both["comments"] += together.total()
            for counts, pairs_of in ((true, Counter(truth)), (found, Counter(groups)), (both, together)):
                counts["pairs"] += pairs(pairs_of)
        for kind in ("comments", "pairs"):
            show = share if kind == "comments" else lambda part, whole: f"{part / whole:.3f}"  # pairs hang together
            recall, precision = show(both[kind], true[kind]), show(both[kind], found[kind])
            measured = f"recall {recall} of {true[kind]:,}, precision {precision} of {found[kind]:,}"
            yield f"campaigns found, {what}, {kind}", measured, "0.95, 0.99" if not hard else "–"


def rows() -> Iterator[Line]:
    """(what, measured, target) for the table of the README."""
    yield from quality()
    base = 0.0
    for comments in (25_000, 50_000, 100_000):
        took, plain, held = speed(comments)
        base = base or took
        times = f"{took:.0f} s, {took / base:.1f} × the time of 25,000, {took / plain:.1f} × normal form alone"
        target = "60 s, 5 ×" if comments == 100_000 else "–"
        yield f"campaigns among {comments:,} comments", f"{times}; {held:.0f} MB", target


if __name__ == "__main__":
    for row in rows():
        print("| " + " | ".join(row) + " |")
