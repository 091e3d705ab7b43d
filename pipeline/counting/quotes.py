"""What people wrote, to be quoted: a few varied comments for each code, masked; and the comments without a code.

Nothing is told of who wrote a comment but the question. A comment is not quoted under a code whose count is suppressed,
neither among all respondents nor under a value that its respondent is under.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.counting.findings import Pile, Quote
from pipeline.counting.grouping import INFERRED, NO_CODE, NOT_GIVEN
from pipeline.counting.tables import SUPPRESSED, Tables
from pipeline.reviewing.review import Line, Review
from pipeline.reviewing.uncoded import group_alike, uncoded
from pipeline.texts.personal import MASKS, find_personal, mask

Floats = npt.NDArray[np.float64]

QUOTES = 3  # of each code
FEWEST_WORDS, MOST_WORDS = 8, 60
CANDIDATES = 40  # of each code that are looked at
MORE = 5  # times as many, where some of a code's comments must not be quoted
MOST_MASKED = 2  # pieces of personal data; a comment with more is about somebody
TOO_LIKE = 0.8  # cosine; two quotes more alike say the same
GROUPED = 2000  # comments without a code that are grouped
GROUPS = 8
SHORTENED = "… {} …"
TRANSLATED = " [translated]"
SAID = "respondent"  # the source of codes that people gave themselves


@dataclass(frozen=True)
class _Candidate:
    """A comment that may be quoted: as it would be printed, and who gave the code; decided ones are surest."""

    line: Line
    text: str
    decided: bool
    given: bool


def quotes_of(review: Review, tables: Tables, by: Sequence[str] = ()) -> tuple[Quote, ...]:
    """Up to three comments for each code of the published tables, in the order of these.

    tables: as they are published, small counts suppressed; by: the columns they were made by. Preferred are comments
    whose codes people decided, then those the machine is surest of, and of these the ones that differ most. A comment
    is quoted once, even if several codes would fit, and under no code that somebody who checked it did not give it.
    """
    found: list[Quote] = []
    used: set[str] = set()
    checked = _checked(review)
    for facet in tables.headings:
        for row in tables.of(facet):
            if row.code and row.status != SUPPRESSED and row.comments:
                hidden = _hidden(tables, facet, row.code)
                numbers = review.surest(facet, row.code, FEWEST_WORDS, CANDIDATES * (MORE if hidden else 1))
                chosen = _varied(
                    [
                        one
                        for one in _candidates(review, facet, row.code, numbers)
                        if one.line.response_id not in used
                        and not _is_hidden(one.line, by, hidden, tables)
                        and (one.decided or all(row.code in of for of in checked.get((one.line.comment_id, facet), ())))
                    ],
                    review,
                )
                used.update(one.line.response_id for one in chosen)
                found += [_quote(facet, row.code, one) for one in chosen]
    return tuple(found)


def _quote(facet: str, code: str, one: _Candidate) -> Quote:
    return Quote(facet, code, one.line.comment_id, one.text, one.line.question, one.decided, one.given)


def _checked(review: Review) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """(comment, facet) → the codes that each who checked it gave it."""
    found: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for one in review.store.check_codes():
        found.setdefault((one.comment_id, one.facet), []).append(one.codes)
    return found


# ---- what may be quoted ----------------------------------------------------------------------------------------------


def _hidden(tables: Tables, facet: str, code: str) -> set[tuple[str, str]]:
    """The (column, value) under which the count of a code is suppressed."""
    return {
        (row.group, row.value)
        for row in tables.rows
        if (row.facet, row.code, row.status) == (facet, code, SUPPRESSED)
        and row.group is not None
        and row.value is not None
    }


def _is_hidden(line: Line, by: Sequence[str], hidden: Collection[tuple[str, str]], tables: Tables) -> bool:
    """Whether the comment is in a suppressed cell."""
    return any((column, value) in hidden for column in by for value in _values(line, column, tables))


def _values(line: Line, column: str, tables: Tables) -> Iterator[str]:
    """The values a comment is counted under, as the tables name them: of a column, the question, or a facet, whoever
    gave its codes."""
    if column in line.facets:
        codes = line.facets[column].codes
        for row in tables.of(column):
            yield from (row.name, row.name + INFERRED) if row.code in codes else ()
        yield from () if codes else (NO_CODE, NOT_GIVEN)
    elif column == "question":
        yield line.question
    else:
        yield line.others.get(column, "").strip() or NOT_GIVEN


def _candidates(review: Review, facet: str, code: str, numbers: Sequence[int]) -> Iterator[_Candidate]:
    """Comments as they would be printed; those left out that are too long without a part, or are about somebody."""
    lines = review.lines(numbers)
    long = [line for line in lines if len(line.read.split()) > MOST_WORDS]
    parts = review.parts_for(facet, code, [line.n for line in long])
    for line in lines:
        whole = len(line.read.split()) <= MOST_WORDS
        said = line.read if whole else parts.get(line.n, "")
        if not FEWEST_WORDS <= len(said.split()) <= MOST_WORDS or len(find_personal(said)) > MOST_MASKED:
            continue
        text = " ".join(mask(said).split())
        text = text if whole else SHORTENED.format(text)
        codes = line.facets.get(facet)
        decided, given = codes is not None and codes.decision is not None, codes is not None and codes.source == SAID
        yield _Candidate(line, text + TRANSLATED if line.translation else text, decided, given)


# ---- varied ----------------------------------------------------------------------------------------------------------


def _varied(candidates: Sequence[_Candidate], review: Review) -> list[_Candidate]:
    """The surest one, decided ones before others, and then each time the one least like those chosen."""
    if not candidates:
        return []
    ordered = sorted(candidates, key=lambda one: not one.decided)
    ordered = ordered[: max(2 * QUOTES, len(ordered) // 2)]  # the least sure of a rare code speak of something else
    vectors = _vectors(ordered, review)
    chosen = [0]
    while len(chosen) < min(QUOTES, len(ordered)):
        like = (vectors @ vectors[chosen].T).max(axis=1)
        people = {ordered[n].line.response_id for n in chosen}
        like[[one.line.response_id in people for one in ordered]] = 1.0
        best = int(like.argmin())
        if like[best] > TOO_LIKE:
            break
        chosen.append(best)
    return [ordered[n] for n in chosen]


def _vectors(candidates: Sequence[_Candidate], review: Review) -> Floats:
    """A unit vector of each (candidates × d): of the sentence, or of its words without an encoder."""
    vectors = review.vectors([one.line.n for one in candidates]).astype(float)
    if not vectors.size:
        words = [set(one.text.casefold().split()) for one in candidates]
        place = {word: n for n, word in enumerate(dict.fromkeys(word for of in words for word in of))}
        vectors = np.zeros((len(candidates), len(place)))
        for n, of in enumerate(words):
            vectors[n, [place[word] for word in of]] = 1.0
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


# ---- without a code --------------------------------------------------------------------------------------------------


def piles(review: Review, tables: Tables, smallest: int = 0, seed: int = 0) -> tuple[Pile, ...]:
    """The comments without a code of each facet that is coded by the machine and may give none.

    Groups of like ones are of up to GROUPED of them, drawn at random; those of fewer than `smallest` are left out, and
    so are words of personal data.
    """
    found = []
    checked = _checked(review)
    for facet in review.facets:
        row = next((row for row in tables.of(facet.id) if not row.code), None)
        if row is not None and row.status != SUPPRESSED and row.comments:
            with_code = {comment for (comment, of), said in checked.items() if of == facet.id and any(said)}
            found.append(_pile(review, facet.id, with_code, smallest, seed))
    return tuple(found)


def _pile(review: Review, facet: str, with_code: Collection[str], smallest: int, seed: int) -> Pile:
    """with_code: comments that somebody who checked them gave a code, and that are no examples therefore."""
    numbers = uncoded(review, facet)
    some = np.sort(np.random.default_rng(seed).permutation(len(numbers))[:GROUPED])
    looked_at = [numbers[n] for n in some.tolist()]
    lines = {line.n: line for line in review.lines(looked_at)}
    texts = [_unnamed(lines[n].read) for n in looked_at]
    groups, alone = group_alike(looked_at, texts, review.vectors(looked_at).astype(float), seed)
    shown = [group for group in groups if group.words and len(group.numbers) >= max(smallest, 1)][:GROUPS]
    typical = [lines[n] for group in shown for n in group.typical[:1]] + [lines[n] for n in alone[:CANDIDATES]]
    typical = [line for line in typical if line.decided or line.comment_id not in with_code]
    examples = [one for one in map(_example, typical) if one is not None][:QUOTES]
    scale = len(numbers) / max(len(looked_at), 1)
    named = tuple((round(len(group.numbers) * scale), group.words) for group in shown)
    return Pile(facet, len(numbers), named, tuple(Quote(facet, "", *rest, decided=False) for rest in examples))


def _unnamed(text: str) -> str:
    """Without personal data, so that no group is called by a name."""
    text = mask(text)
    for word in MASKS.values():
        text = text.replace(word, " ")
    return text


def _example(line: Line) -> tuple[str, str, str] | None:
    """Id, text and question of a comment that can be quoted."""
    if not FEWEST_WORDS <= len(line.read.split()) <= MOST_WORDS or len(find_personal(line.read)) > MOST_MASKED:
        return None
    text = " ".join(mask(line.read).split())
    return line.comment_id, text + TRANSLATED if line.translation else text, line.question
