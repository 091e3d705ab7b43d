"""The check sample: comments drawn at random and coded blind, to measure the machine and to correct its counts."""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import InputError
from pipeline.review import Review
from pipeline.review_store import Drawn


def draw(review: Review, size: int, seed: int, who: str) -> Sequence[Drawn]:
    """Draws comments at random until the check sample has this many; each comment is as likely as any other.

    A larger sample goes on from the smaller one, so both are random. Returns the whole sample, in the order drawn.
    Raises InputError where the run has fewer comments.
    """
    drawn = review.store.sample()
    if not 0 < size <= review.total:
        fix = f"choose a size from 1 to {review.total:,}"
        raise InputError(f"a sample of {size:,} cannot be drawn of {review.total:,} comments", where=review.run, fix=fix)
    if size <= len(drawn):
        return drawn
    taken = {one.comment_id for one in drawn}
    order = np.random.default_rng((seed, review.total)).permutation(review.total) + 1
    candidates = review.lines(order[: size + len(drawn)].tolist())  # enough, even if all drawn are among them
    new = [line.comment_id for line in candidates if line.comment_id not in taken][: size - len(drawn)]
    review.store.draw(who, new, f"simple random sample, seed {seed}")
    return review.store.sample()
