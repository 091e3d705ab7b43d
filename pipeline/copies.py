"""Comments that say the same: a campaign asks people to send its words, and each sending counts."""

from array import array
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

from pipeline.cleaning import normalise

SHORTEST = 5  # words; two people may well say "more buses please" each by themselves


class Copies:
    """How many of the comments of an export say the same, told by a number for each text: 8 bytes a comment."""

    def __init__(self, texts: Iterable[str]) -> None:
        keys = array("q", (key for text in texts if (key := text_key(text)) is not None))
        found, counts = np.unique(np.frombuffer(keys, dtype=np.int64), return_counts=True)
        self._counts = dict(zip(found[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True))
        self._met: set[int] = set()

    def meet(self, text: str) -> tuple[int | None, int, bool]:
        """The number of a comment's text, None where nobody else says it; how many do; whether it is the first met."""
        key = text_key(text)
        if key is None or key not in self._counts:
            return None, 1, True
        first = key not in self._met
        self._met.add(key)
        return key, self._counts[key], first


def text_key(text: str) -> int | None:
    """A number that texts share which say the same, by letters and digits; None for a short one."""
    plain = normalise(text)
    if plain.count(" ") + 1 < SHORTEST:
        return None
    return int.from_bytes(blake2b(plain.encode(), digest_size=8).digest(), signed=True)
