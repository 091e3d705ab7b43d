"""A verdict on each code: can be trusted unread, assist only, too few examples, definition unclear; and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.learning.evaluation import wilson
from pipeline.learning.picture import percent
from pipeline.learning.quality import FEWEST_TO_TRUST, Estimate
from pipeline.reviewing.agreement import (
    RELIABLE,
    TENTATIVE,
    CodeCheck,
    FacetReliability,
    alpha_range,
    figures_in_words,
    in_comments,
)
from pipeline.reviewing.checks_needed import fewest_enough

# Nobody reads what a trusted code was given to, so that its row of a table is as wrong as the code is. This asks that,
# even at the unlucky end of the interval, four in five of the comments counted belong there, and four in five of those
# that belong there are counted. It is our choice, on the scale that Krippendorff's 0.8 made customary.
TRUSTED = 0.8
# With fewer than 16, not even a clean sheet puts the lower end of Wilson's interval at 0.8; 20 leave room for a slip.
FEWEST_EXAMPLES = FEWEST_TO_TRUST
# Of the pairs in which either comment has a rare code, a share of 2(1 - alpha) / (2 - alpha) differs: one half where
# alpha is 0.667. Like comments are not the same comment, so the whole interval must be above it.
MOST_DIFFERING = 0.5

TRUST, ASSIST, TOO_FEW, UNCLEAR = "can be trusted unread", "assist only", "too few examples", "definition unclear"


@dataclass(frozen=True)
class Evidence:
    """What is known of a code. examples: coded comments with it that the model learned from.

    precision, recall: on comments that the model had not seen; `measured` says how, such as "checked" (the better
    evidence) or "cross-validated". alpha: between coders, if two coded. pairs: of like comments, one of which at least
    has the code; differing: those of them where only one has.
    """

    code: str
    examples: int
    precision: Estimate | None = None
    recall: Estimate | None = None
    measured: str = "checked"
    alpha: Estimate | None = None
    pairs: int = 0
    differing: int = 0


@dataclass(frozen=True)
class Verdict:
    """What a code is fit for, in one of four words, and the reason in a sentence."""

    code: str
    word: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """A plain table under the names above."""
        return asdict(self)


def verdict(evidence: Evidence) -> Verdict:
    """The verdict on a code: an unclear definition first, for more examples do not mend it; trust last, if earned."""
    for word, reason in ((UNCLEAR, _why_unclear), (TOO_FEW, _why_too_few), (ASSIST, _why_assist)):
        if told := reason(evidence):
            return Verdict(evidence.code, word, told)
    return Verdict(evidence.code, TRUST, _why_trusted(evidence))


def verdicts(
    checks: Sequence[CodeCheck],
    examples: Mapping[str, int],
    coders: FacetReliability | None = None,
    pairs: Mapping[str, tuple[int, int]] | None = None,
    measured: str = "checked",
) -> tuple[Verdict, ...]:
    """The verdict on each code of a check or of left-out comments, in its order; pairs: (pairs, differing) by code."""
    alphas = {one.code: one.alpha for one in coders.codes} if coders else {}
    found = []
    for check in checks:
        alike, differing = (pairs or {}).get(check.code, (0, 0))
        known = check.code, examples.get(check.code, 0), check.precision, check.recall, measured
        found.append(verdict(Evidence(*known, alphas.get(check.code), alike, differing)))
    return tuple(found)


def _why_unclear(known: Evidence) -> str:
    """Coders are below the line and surely not reliable, or like comments surely differ too often."""
    alpha = known.alpha
    if alpha and alpha.value < TENTATIVE and alpha.high < RELIABLE:
        who = f"People who coded the same {in_comments(alpha.n)}"
        return f"{who} do not agree on it well enough (alpha {alpha_range(alpha)})."
    if wilson(known.differing, known.pairs)[0] > MOST_DIFFERING:
        return f"Of {known.pairs:,} pairs of like comments with it, {known.differing:,} have it in one comment only."
    return ""


def _why_too_few(known: Evidence) -> str:
    if known.examples < FEWEST_EXAMPLES:
        return f"The model learned it from {in_comments(known.examples)}; it takes {FEWEST_EXAMPLES} to judge it."
    figures = [one for one in (known.precision, known.recall) if one]
    if not figures:
        return "None of the comments it was measured on has it, so nobody knows how well it is found."
    fewest = min(one.n for one in figures)
    if fewest < FEWEST_EXAMPLES and not any(one.high < TRUSTED for one in figures):
        measured = f"{in_comments(fewest)} only ({known.measured})"
        return f"It was measured on {measured}; it takes {FEWEST_EXAMPLES} to judge it."
    return ""


def _why_assist(known: Evidence) -> str:
    """What keeps the code from being trusted: the weaker figure, coders who agree loosely, or too few to be sure."""
    figures, how = figures_in_words(known.precision, known.recall), known.measured.capitalize()
    weakest, told = min(figures, key=lambda figure: figure[0].value)
    if weakest.value < TRUSTED:
        return f"{how}: {told}; to be left unread, a code needs {percent(TRUSTED)} even at the low end."
    if known.alpha and known.alpha.value < RELIABLE:
        return f"The figures are good, but people agree on it only loosely (alpha {alpha_range(known.alpha)})."
    doubtful, told = min(figures, key=lambda figure: figure[0].low)
    if doubtful.low < TRUSTED:
        return f"{how}: {told}, too few to be sure of {percent(TRUSTED)}{_enough(doubtful)}."
    return ""


def _enough(one: Estimate) -> str:
    """How many such comments would settle it, left out where the share is so near the line that it takes thousands."""
    if wilson(one.value * 1000, 1000)[0] < TRUSTED:
        return ""
    more = fewest_enough(lambda size: wilson(one.value * size, size)[0] >= TRUSTED) - one.n
    return f"; {more:,} more such comments would do, if the share stays"


def _why_trusted(known: Evidence) -> str:
    told = " and ".join(figure for _, figure in figures_in_words(known.precision, known.recall))
    return f"{known.measured.capitalize()}: {told}."
