"""Comments that say the same, or nearly: a campaign asks people to send its words, and each sending counts.

Exact copies share all letters and digits, so what people decide of one can be applied to all. Near copies share most of
their words, in the same order: a name was changed, a sentence added or left out. Somebody may have added a point of
their own, so they are only told to belong together.
"""

import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Indel

from pipeline.texts.cleaning import normalise

CAMPAIGN = 3  # comments alike that are called a campaign where they are counted
SHORTEST = 5  # words; two people may well say "more buses please" each by themselves
SHORTEST_NEAR = 12  # words; shorter ones are alike by chance
LONGEST = 2000  # words that are compared
ALIKE = 2 / 3  # share of the words of two comments that stand in both, in the same order
QUOTED = 5  # words in a row that stand in the question too are not the respondent's own
# Texts that share half of their pairs of words are compared with a chance of 0.995, a twentieth of them, 0.005.
BANDS, ROWS = 40, 3
MOST_MISSES = 50  # in a row; those that share most are compared first
AT_ONCE = 128  # candidates from each band

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Met:
    """What is known of a comment's words as it is met.

    key: shared by exact copies, None where nobody else says these words; copies: how many say them; first: whether
    it is the first of these. campaign: number of the group of exact and near copies, from 1 in the order of the
    export, None where it stands alone; size: how many comments belong to it; opens: whether it is the first of these.
    """

    key: int | None = None
    copies: int = 1
    first: bool = True
    campaign: int | None = None
    size: int = 1
    opens: bool = True


class Copies:
    """Which of the comments of an export say the same or nearly so. Holds less than a kilobyte for each text.

    said: (text, question) of every comment, read once. The groups do not depend on the order of the export.
    """

    def __init__(self, said: Iterable[tuple[str, str]]) -> None:
        gathered = _Gathered(said)
        counts = np.frombuffer(gathered.counts, dtype=np.int64)
        group = _grouped(gathered, counts)
        sizes = np.bincount(group, weights=counts, minlength=1).astype(int)
        number = _numbered(group, sizes)
        self._known = {
            key: (count, campaign, size)
            for key, count, campaign, size in zip(
                gathered.keys, counts.tolist(), number[group].tolist(), sizes[group].tolist(), strict=True
            )
            if size > 1
        }
        self._met: set[int] = set()
        self._opened: set[int] = set()

    def meet(self, text: str) -> Met:
        """What is known of a comment's words; comments are met in the order of the export."""
        key = text_key(text)
        if key is None or key not in self._known:
            return Met()
        count, campaign, size = self._known[key]
        first, opens = key not in self._met, campaign not in self._opened
        self._met.add(key)
        self._opened.add(campaign)
        return Met(key if count > 1 else None, count, first, campaign, size, opens)


def text_key(text: str) -> int | None:
    """A number that texts share which say the same, by letters and digits; None for a short one."""
    return _key(normalise(text))


def _key(plain: str) -> int | None:
    if plain.count(" ") + 1 < SHORTEST:
        return None
    return int.from_bytes(blake2b(plain.encode(), digest_size=8).digest(), signed=True)


def are_near(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two comments, as numbers of their words, share enough of them in the same order."""
    return Indel.similarity(one, other, score_cutoff=1) >= ALIKE * (len(one) + len(other))


# ---- one pass over the export --------------------------------------------------------------------------------------


class _Gathered:
    """Every different text once, in the order met: its key, how many say it, its own words as numbers, its bands."""

    def __init__(self, said: Iterable[tuple[str, str]]) -> None:
        self.keys, self.counts = array("q"), array("q")
        self._words, self._ends, self._bands = array("I"), array("q"), array("Q")
        self.long = array("q")  # places of those long enough for near copies; the three above are of these
        places: dict[int, int] = {}
        sketch = _sketcher()
        for text, question in said:
            plain = normalise(text)
            key = _key(plain)
            if key is None:
                continue
            if key in places:
                self.counts[places[key]] += 1
                continue
            places[key] = len(self.keys)
            self.keys.append(key)
            self.counts.append(1)
            words = _own_words(plain, question)
            if len(words) >= SHORTEST_NEAR:
                self.long.append(places[key])
                self._words.frombytes(words.tobytes())
                self._ends.append(len(self._words))
                self._bands.frombytes(_band_keys(sketch(words)).tobytes())

    def words(self, n: int) -> list[int]:
        """The words of the nth long text."""
        return self._words[self._ends[n - 1] if n else 0 : self._ends[n]].tolist()

    @property
    def bands(self) -> Keys:
        """(long texts, BANDS): texts that share one of them are compared."""
        return np.frombuffer(self._bands, dtype=np.uint64).reshape(-1, BANDS)


def _own_words(plain: str, question: str) -> Words:
    """The words of a comment as numbers, without what is repeated from the question."""
    numbers = [zlib.crc32(word.encode()) for word in plain.split(" ", LONGEST)[:LONGEST]]
    asked = _asked(question)
    starts = [place for place, run in enumerate(_runs(numbers)) if run in asked] if asked else []
    quoted = {start + k for start in starts for k in range(QUOTED)}
    return np.array([number for place, number in enumerate(numbers) if place not in quoted], dtype=np.uint32)


@lru_cache(maxsize=64)
def _asked(question: str) -> frozenset[tuple[int, ...]]:
    """All words of a question that stand in a row, as many as a quotation has."""
    return frozenset(_runs([zlib.crc32(word.encode()) for word in normalise(question).split()]))


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return zip(*(numbers[k:] for k in range(QUOTED)), strict=False)


def _sketcher() -> Callable[[Words], npt.NDArray[np.uint32]]:
    """A function that gives the MinHash of the pairs of neighbouring words of a comment."""
    from datasketch import MinHash  # takes long to import, and only coding needs it

    sketch = MinHash(num_perm=BANDS * ROWS, seed=1, hashfunc=int, scheme="affine32")

    def of(words: Words) -> npt.NDArray[np.uint32]:
        sketch.clear()
        sketch.update_batch((words[:-1] * np.uint32(0x9E3779B1) + words[1:]).tolist())
        return np.asarray(sketch.hashvalues, dtype=np.uint32)

    return of


def _band_keys(values: npt.NDArray[np.uint32]) -> Keys:
    """One number for the values of each band."""
    keys = np.zeros(BANDS, dtype=np.uint64)
    for column in values.reshape(BANDS, ROWS).T:
        keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    return keys


# ---- groups --------------------------------------------------------------------------------------------------------


def _grouped(gathered: _Gathered, counts: Ints) -> Ints:
    """For each different text, the place of the text at the centre of its group: itself where it stands alone."""
    group = np.arange(len(counts))
    places = np.frombuffer(gathered.long, dtype=np.int64)
    if len(places):
        keys = np.frombuffer(gathered.keys, dtype=np.int64)[places]
        group[places] = places[_Stars(gathered, counts[places], keys).group]
    return group


def _numbered(group: Ints, sizes: Ints) -> Ints:
    """The number of each group of two comments or more, by its centre; in the order in which groups are first met."""
    number = np.zeros(len(sizes), dtype=int)
    centres, first = np.unique(group[sizes[group] > 1], return_index=True)
    number[centres[np.argsort(first)]] = np.arange(1, len(centres) + 1)
    return number


class _Stars:
    """Groups of near copies, each around a centre that all its members are near to, so that no chain forms.

    The first centre is the text that shares most with most comments, which is the campaign's own text or near it. Each
    centre is compared with those that share a band with it and are in no group yet.
    """

    def __init__(self, gathered: _Gathered, counts: Ints, keys: Ints) -> None:
        self._gathered = gathered
        self._buckets = _Buckets(gathered.bands, counts)
        self.group = np.arange(len(counts))
        self._done = np.zeros(len(counts), dtype=bool)
        self._compared_with = np.full(len(counts), -1)
        shared = self._buckets.shared
        order = np.lexsort((keys, -counts, -shared))
        for centre in order[shared[order] > 0].tolist():
            if not self._done[centre]:
                self._gather_around(centre)

    def _gather_around(self, centre: int) -> None:
        """Compares a text with those that share bands with it, those that share most first, until none is near."""
        self._done[centre] = True
        words = self._gathered.words(centre)
        found = True
        while found:
            found, misses = False, 0
            for other in self._candidates(centre):
                self._compared_with[other] = centre
                if are_near(words, self._gathered.words(other)):
                    self.group[other], self._done[other] = centre, True
                    found, misses = True, 0
                else:
                    misses += 1
                if misses > MOST_MISSES:
                    break

    def _candidates(self, centre: int) -> list[int]:
        """Texts in no group that share bands with one and were not compared with it, those that share most first."""
        some = np.concatenate([self._buckets.waiting(bucket, self._done) for bucket in self._buckets.of(centre)])
        texts, shared = np.unique(some[self._compared_with[some] != centre], return_counts=True)
        ordered: list[int] = texts[np.argsort(-shared, kind="stable")].tolist()
        return ordered


class _Buckets:
    """The texts that share a band. Those in a group already are dropped as they are come by."""

    def __init__(self, bands: Keys, counts: Ints) -> None:
        n = len(bands)
        self._of = np.full((n, BANDS), -1, dtype=np.int32)
        self.shared = np.zeros(n, dtype=np.int64)  # comments that share a band with it, in all bands; 0 for none
        members, sizes = [], []
        found = 0
        for band in range(BANDS):
            _, bucket, size = np.unique(bands[:, band], return_inverse=True, return_counts=True)
            self.shared += np.where(size > 1, np.bincount(bucket, weights=counts), 0).astype(np.int64)[bucket]
            texts = np.flatnonzero(size[bucket] > 1).astype(np.int32)
            _, bucket, size = np.unique(bucket[texts], return_inverse=True, return_counts=True)
            self._of[texts, band] = bucket + found
            members.append(texts[np.argsort(bucket, kind="stable")])
            sizes.append(size)
            found += len(size)
        self._members = np.concatenate(members)
        self._end = np.cumsum(np.concatenate(sizes))
        self._start = self._end - np.concatenate(sizes)

    def of(self, text: int) -> list[int]:
        """The buckets that a text shares with others."""
        return [bucket for bucket in self._of[text].tolist() if bucket >= 0]

    def waiting(self, bucket: int, done: Bools) -> npt.NDArray[np.int32]:
        """The first texts of a bucket that are in no group yet; those that are in one are dropped."""
        start, end = int(self._start[bucket]), int(self._end[bucket])
        while True:
            some = self._members[start : min(start + AT_ONCE, end)]
            left = some[~done[some]]
            start += len(some) - len(left)
            self._members[start : start + len(left)] = left
            self._start[bucket] = start
            if len(left) == len(some) or start + len(left) == end:
                return left
