"""Measures how many comments must be read, in our order and at random, until coding is nearly as good as it gets.

For each set that others coded: a pool of comments and a test set that shares no text with it. Reading starts from
SEED_COMMENTS drawn at random; after each step of STEPS the codes are learned anew from all comments read. What counts
is the number read at which the test score (accuracy where each comment has one code, else the mean F1 of comments)
comes to WANTED of what the whole pool, read and learned, gives. Curves are the mean over seeds, made never to fall.
Sets are subsampled and the strength of learning is fixed, to keep the cost sane; vocabulary comes from the whole pool.

All that was tried, with the number read for 95 % and, in brackets, the seeds. One to three seeds tell little: the three
single readings of NHS at random needed 430 to 1,358. Choices were made on these same test sets, so the lowest figures
are partly luck; ANES 04 had no part in choosing, and is not yet measured. "k" groups by k-means, "c" by nearest centre
as in `reading_order`, both with seats shared out by D'Hondt over groups of some ten; "lot" takes a quarter at random.

| NHS, one code each | read |
|---|---|
| at random | 841 (3) |
| lead | 489 (3) |
| lead, 50 k-means groups in turn | 591 (2) |
| lead, k | 547 (3) |
| lead, c | 530 (1) |
| lead, k, lot | 371 (2) |
| lead, c, lot | 397 (1) |
| lead, D'Hondt over first codes | 527 (2) |
| lead, k, weighted by density | 812 (1) |
| lead, drawn far from those drawn (k-means++) | 597 (2) |
| lead in the rank that makes up for rare codes, k | 467 (2) |
| entropy, k | 519 (2) |

| ANES, several codes each | 05 | 03 |
|---|---|---|
| at random | 514 (2) | 945 (1) |
| threshold, as a part of the way | 420 (1) | – |
| the same, k | 432 (2) | 961 (1) |
| the same, c | 465 (1) | – |
| the same, k, lot | 374 (1) | – |
| the same, c, lot | 421 (1) | 1,064 (1) |
| threshold, in probability, k | 412 (2) | – |
| the same, c, lot | 363 (1) | – |
| nearness to the thresholds of all codes, summed, k | 463 (2) | – |
| F1 expected | 688 (1) | – |
| the same, k | 399 (2) | 997 (1) |
| the same, c | 469 (1) | 972 (1) |
| the same, k, lot | 473 (1) | – |
| the same, c, lot | 494 (1) | 882 (1) |
| the same, D'Hondt over first codes | 482 (1) | – |
| the same, k, weighted by density | 537 (1) | – |
| the same, drawn by weight | 496 (1) | – |
| codes expected wrong | 469 (2) | 1,252 (1) |
| the same, 50 k-means groups in turn | 467 (2) | – |
| the same, k | 535 (2) | – |
| the same, drawn far from those drawn (k-means++) | 586 (2) | – |
| entropy, summed, k | 479 (2) | – |

Kept: lead, or threshold as a part of the way, c, lot (the lot by swapping, see `reading_order`). It was not the lowest
of each column: threshold in probability was lower on ANES 05 and F1 expected on ANES 03, by less than seeds differ; the
one calls every comment unsure where a code's threshold is low, the other reads those with few codes first. Measured
afresh (three seeds, ANES 03 two), the kept order took 498 against 882 at random on NHS (0.56), 441 against 555 on ANES
05 (0.79) and 1,058 against 1,079 on ANES 03 (0.98): half was reached on none of them.

With a ridge regression in the classifier's place, quick enough for five seeds each, ANES 03 took 1,207 at random; with
c and lot: threshold as a part 1,071 (without lot 1,096, with half by lot 1,086, by k-means++ in place of both 1,164),
in probability 1,132, F1 expected 1,064, the mean of F1 expected and threshold as a part 1,077, entropy by code due 985,
highest entropy 1,294, mean entropy 1,313, entropy of rare codes 1,311, codes expected wrong 1,348; groups alone,
without uncertainty, 1,287.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.isotonic import IsotonicRegression

from pipeline.coding.reading import reading_order, uncertainty, worth_reading_on
from pipeline.learning.classifier import FacetClassifier
from pipeline.learning.encoder import load_encoder
from pipeline.learning.evaluation import indicator, sample_f1
from pipeline.learning.features import VECTOR_WEIGHT, Bags, Features
from pipeline.texts.cleaning import normalise

BENCH = Path(__file__).resolve().parent.parent.parent / "shared" / "bench"
SETS = {  # file: name, most comments of the pool, most of the test set
    "nhs_pxtm_phase1.csv": ("NHS phase 1", 3000, 2000),
    "anes_open_ended_03.csv": ("ANES 03", 3000, 1300),
    "anes_open_ended_04.csv": ("ANES 04", 3000, 1300),
    "anes_open_ended_05.csv": ("ANES 05", 1400, 600),
}
SEED_COMMENTS = 50
STEPS = (50, 100, 150, 200, 300, 400, 500, 600, 800, 1000, 1250, 1500)
WANTED = 0.95
TARGET = 0.5  # of the comments that random order needs
SEEDS = (1, 2, 3)
STRENGTH = 3.0
ORDERS = ("ours", "random")
Line = tuple[str, str, str]  # what, measured, target


@dataclass(frozen=True)
class Set:
    """A set to read: features, codes (comments × codes) and sentence vectors of its pool, and a test set."""

    name: str
    codes: list[str]
    exclusive: bool
    pool: Bags
    truth: np.ndarray
    vectors: np.ndarray
    groups: list[str]
    test: Bags
    test_truth: np.ndarray

    def learn(self, rows: np.ndarray) -> FacetClassifier:
        classifier = FacetClassifier(self.codes, self.exclusive, c=STRENGTH)
        groups = [self.groups[row] for row in rows]
        return classifier.fit(self.pool.take(rows), self.truth[rows], np.ones(len(rows)), groups)

    def score(self, classifier: FacetClassifier) -> float:
        given = classifier.predict(self.test)
        if self.exclusive:
            return float((given.argmax(axis=1) == self.test_truth.argmax(axis=1)).mean())
        return sample_f1(self.test_truth > 0, given)


@dataclass(frozen=True)
class Read:
    """One reading: the test score at each step, the share of the pool rightly coded by then, what was changed."""

    read: np.ndarray
    scores: np.ndarray
    right: np.ndarray
    changed: np.ndarray


def load(file: str) -> Set:
    """A pool and a test set drawn at random, no text being in both."""
    name, most, most_tests = SETS[file]
    table = pd.read_csv(BENCH / file, keep_default_na=False)
    exclusive = "label" in table
    labels = [list(filter(None, cell.split("|"))) for cell in table["label" if exclusive else "labels"]]
    texts, groups = table["text"].tolist(), [normalise(text) or "blank" for text in table["text"]]
    lot = {group: place for place, group in enumerate(np.random.default_rng(7).permutation(sorted(set(groups))))}
    order = sorted(range(len(texts)), key=lambda row: lot[groups[row]])
    pool, seen = order[:most], {groups[row] for row in order[:most]}
    test = [row for row in order[most:] if groups[row] not in seen][-most_tests:]
    codes = sorted({code for row in pool for code in labels[row]})
    truth = indicator([[code for code in row if code in codes] for row in labels], codes)
    features = Features().fit([texts[row] for row in pool])
    bags, tests = (features.transform([texts[row] for row in rows]) for rows in (pool, test))
    encoder = load_encoder(features.encoder)
    assert encoder is not None
    vectors = bags.whole[:, -encoder.dimension :].toarray() / VECTOR_WEIGHT  # the last block of features
    own = [groups[row] for row in pool]
    return Set(name, codes, exclusive, bags, truth[pool], vectors.astype(np.float16), own, tests, truth[test])


def read_on(data: Set, order: str, seed: int) -> Read:
    """Reads a pool step by step, with retraining between, in our order or at random."""
    random = np.random.default_rng(seed)
    read = random.permutation(len(data.truth))[:SEED_COMMENTS]
    sizes = [step for step in STEPS if step < len(data.truth)]
    scores, right, changed = [], [], []
    for size, next_size in zip(sizes, [*sizes[1:], sizes[-1]], strict=True):
        classifier = data.learn(read)
        waiting = np.setdiff1d(np.arange(len(data.truth)), read)
        probability = classifier.predict_proba(data.pool.take(waiting))
        wrong = (classifier.decide(probability) != (data.truth[waiting] > 0)).any(axis=1)
        scores.append(data.score(classifier))
        right.append(1 - wrong.sum() / len(data.truth))
        unsure = uncertainty(probability, classifier.thresholds_, data.exclusive)
        ours = reading_order(unsure, data.vectors[waiting], None, seed) if order == "ours" else None
        ordered = (random.permutation(len(waiting)) if ours is None else ours)[: next_size - size]
        changed += wrong[ordered].tolist()
        read = np.concatenate([read, waiting[ordered]])
    return Read(np.array(sizes), np.array(scores), np.array(right), np.array(changed))


def needed(curve: np.ndarray, read: np.ndarray, wanted: float) -> float:
    """The number read at which a curve of scores, made never to fall, comes to what is wanted; infinite if never."""
    rising = IsotonicRegression().fit_transform(read, curve)
    if rising[-1] < wanted:
        return float("inf")
    place = int(np.argmax(rising >= wanted))
    return float(
        read[0] if place == 0 else np.interp(wanted, rising[place - 1 : place + 1], read[place - 1 : place + 1])
    )


def in_words(count: float) -> str:
    return f"over {STEPS[-1]:,}" if np.isinf(count) else f"{count:,.0f}"


def stopped(reading: Read) -> str:
    """When `worth_reading_on` first says that little is to come, and what had been coded rightly by then."""
    size = len(reading.changed)
    for read in range(50, size + 1, 50):
        if worth_reading_on(reading.changed[:read].tolist(), 1).little:
            right = np.interp(SEED_COMMENTS + read, reading.read, reading.right)
            return f"after {SEED_COMMENTS + read:,}, {right:.0%} of the pool then rightly coded"
    return f"not within {SEED_COMMENTS + size:,}"


def measure(file: str, seeds: Sequence[int] = SEEDS, jobs: int = 2) -> Iterator[Line]:
    """The lines of one set."""
    data = load(file)
    wanted = WANTED * data.score(data.learn(np.arange(len(data.truth))))
    runs = [(order, seed) for order in ORDERS for seed in seeds]
    found = Parallel(n_jobs=jobs)(delayed(read_on)(data, *run) for run in runs)
    readings = {order: [one for one, run in zip(found, runs, strict=True) if run[0] == order] for order in ORDERS}
    read = found[0].read
    curves = {order: np.mean([one.scores for one in readings[order]], axis=0) for order in ORDERS}
    right = {order: np.mean([one.right for one in readings[order]], axis=0) for order in ORDERS}
    ours, chance = (needed(curves[order], read, wanted) for order in ORDERS)
    ratio = "–" if np.isinf(ours + chance) else f"{ours / chance:.2f}"
    pool = f"{len(data.truth):,}"
    yield (
        f"{data.name}, comments read until {WANTED:.0%} of the score of reading all {pool}",
        f"{in_words(ours)}; at random {in_words(chance)}; ratio {ratio}",
        f"ratio {TARGET}",
    )
    half = int(np.argmax(read >= 500))
    yield (
        f"{data.name}, rightly coded of these {pool} when {read[half]:,} of them are read",
        f"{right['ours'][half]:.0%}; at random {right['random'][half]:.0%}",
        "",
    )
    yield f"{data.name}, told that reading on would change little", stopped(readings["ours"][0]), ""


def rows() -> Iterator[Line]:
    """All lines, a set at a time."""
    for file in SETS:
        yield from measure(file)


def main() -> None:
    if not BENCH.is_dir():
        sys.exit("not measured: the sets are not here")
    print("| what | measured | target |", "|---|---|---|", sep="\n")
    for line in rows():
        print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
