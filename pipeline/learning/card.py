"""The model card: what a model learned from, how good it is on what it had not seen, and what it is not for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.codebook import Codebook, Facet
from pipeline.learning.classifier import apply_calibration, calibrate
from pipeline.learning.corpus import EXAMPLE_SOURCE, REVIEWED, CodedComment, Corpus
from pipeline.learning.evaluation import FacetScores, agreement, indicator, score
from pipeline.learning.picture import percent
from pipeline.learning.quality import (
    FEWEST_TO_TRUST,
    Calibration,
    Coverage,
    Estimate,
    GroupScore,
    GroupScores,
    LearningCurve,
    Reached,
    calibration,
    confidence,
    coverage,
    first_right,
    group_scores,
    learning_curve,
)
from pipeline.learning.training import LeftOut, Training, lesson_of
from pipeline.settings import Settings

PICTURE = "calibration.svg"
DRAWS = {0.25: 2, 0.5: 1, 1.0: 1}  # share of the comments to learn from → how often it is drawn
FEWEST_FOR_A_CURVE = 60  # comments with a code
MOST_CONFUSIONS = 6


# ---- figures ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FacetQuality:
    """How far the coding of one facet can be trusted, from its left-out comments; groups by the facet that makes them.

    examples: of the comments, those that are invented examples of the codebook, for want of coded ones.
    """

    comments: int
    examples: int
    calibration: Calibration
    coverage: Coverage
    groups: dict[str, GroupScores]


@dataclass(frozen=True)
class Quality:
    """The quality of each facet, and the learning curve of one of them; without one where few comments are coded."""

    facets: dict[str, FacetQuality]
    curve_facet: str | None
    curve: LearningCurve | None

    def as_json(self) -> dict[str, Any]:
        """Plain tables and lists under the names above."""
        return asdict(self)


def measure_quality(training: Training, settings: Settings) -> Quality:
    """All figures of the card beyond the scores, each comment judged by a model that had not seen its source."""
    codebook = training.model.codebook
    facets = {
        facet_id: _facet_quality(codebook.by_id[facet_id], left_out, codebook)
        for facet_id, left_out in training.left_out.items()
    }
    facet = _facet_of_curve(training)
    curve = _curve(training, facet, settings) if facet else None
    return Quality(facets, facet.id if facet else None, curve)


def _facet_quality(facet: Facet, left_out: LeftOut, codebook: Codebook) -> FacetQuality:
    comments, coding = left_out.comments, left_out.coding
    arrays = coding.probability, coding.given, _truth(facet, left_out.comments)
    groups: dict[str, GroupScores] = {}
    for other in codebook.facet:
        if other.exclusive and other is not facet:
            membership = [comment.label(other.id) or () for comment in comments]
            found = group_scores(membership, other.ids, *arrays)
            groups |= {other.id: found} if found else {}
    return FacetQuality(
        comments=len(comments),
        examples=sum(comment.source == EXAMPLE_SOURCE for comment in comments),
        calibration=calibration(*arrays),
        coverage=coverage(confidence(*arrays[:2]), first_right(*arrays)),
        groups=groups,
    )


def _truth(facet: Facet, comments: Sequence[CodedComment]) -> npt.NDArray[np.bool_]:
    """What the coders said, reviewed codes before published ones (comments × codes)."""
    return indicator([comment.label(facet.id) or () for comment in comments], facet.ids) > 0


def _facet_of_curve(training: Training) -> Facet | None:
    """The first facet with enough comments coded, one of several codes before an exclusive one."""
    for facet in sorted(training.model.codebook.facet, key=lambda facet: facet.exclusive):
        if facet.id in training.left_out:
            comments = training.left_out[facet.id].comments
            coded = sum(bool(c.label(facet.id)) and not c.of_codebook for c in comments)
            if coded >= FEWEST_FOR_A_CURVE:
                return facet
    return None


def _curve(training: Training, facet: Facet, settings: Settings) -> LearningCurve:
    """Top-1 of models that learned from a quarter, half and all of the comments they may, on those held out."""
    lesson = lesson_of(facet, training.comments, training.bags, settings)
    classifier = training.model.classifiers[facet.id]
    rows = classifier.left_out_rows_
    truth = lesson.Y[rows]
    learned_from = lesson.bags, lesson.Y, lesson.weights, lesson.groups, lesson.second
    sizes, hits = [], []
    for share, draws in DRAWS.items():
        first = np.zeros(len(rows))
        for draw in range(draws):
            scores, size = classifier.left_out_with(share, *learned_from, draw=draw)
            probability = apply_calibration(scores[rows], calibrate(scores[rows], truth, facet.exclusive))
            first += truth[np.arange(len(rows)), probability.argmax(axis=1)] / draws
        sizes.append(size)
        hits.append(first)
    return learning_curve(sizes, np.array(hits)[:, truth.any(axis=1)], len(rows))


def scores_left_out(training: Training) -> dict[str, FacetScores]:
    """Scores per label column, each comment judged by a model that had not seen its source."""
    found = {}
    for facet_id, left_out in training.left_out.items():
        for column in (facet_id, facet_id + REVIEWED):
            rows = [n for n, comment in enumerate(left_out.comments) if column in comment.codes]
            if rows:
                found[column] = _score_rows(left_out, column, rows)
    return found


def _score_rows(left_out: LeftOut, column: str, rows: Sequence[int]) -> FacetScores:
    coding = left_out.coding
    truth = indicator([left_out.comments[n].codes[column] for n in rows], coding.codes)
    return score(coding.codes, truth, coding.given[rows], coding.probability[rows])


def column_agreement(comments: Sequence[CodedComment], codebook: Codebook) -> dict[str, dict[str, Any]]:
    """For each facet with a published and a reviewed label, how far the two agree: what no model can pass."""
    found = {}
    for facet in codebook.facet:
        both = [c.codes for c in comments if facet.id in c.codes and facet.id + REVIEWED in c.codes]
        if both:
            columns = ([codes[name] for codes in both] for name in (facet.id, facet.id + REVIEWED))
            found[facet.id] = agreement(facet.ids, *columns)
    return found


# ---- words -----------------------------------------------------------------------------------------------------------

HOW_JUDGED = (
    "Scores are of comments judged by a model in the making that had not seen their text nor, where there are three "
    "sources or more, any comment of their source."
)
HOW_CALIBRATED = (
    "Each code of each comment is one decision. Where the two right-hand columns agree, a probability can be taken at "
    "its word: of the decisions at 70 %, seven in ten are codes that coders gave. In the picture these lie on the "
    "dashed line; points below it come from probabilities that are too high, points above it from ones too low."
)
HOW_COMPARED = (
    "*Clearly worse*: the whole 95 % interval is below the figure of all together. Among groups that are as good as "
    "the whole, chance alone makes about one comparison in forty come out so. The intervals take the comments as "
    "unrelated: where those of a group come from one or two sources, the true uncertainty is larger."
)
NO_GROUPS = (
    "No groups can be compared. That takes comments that coders gave codes of one facet and a code of another, "
    "exclusive facet, such as the stakeholder, which makes the groups."
)
HOW_RANKED = (
    "The comments are ranked by how sure the model was of its first answer: the probability of the most probable code "
    "given or, where none is given, that no code applies (the product of 1 − p over the codes). *Right* is a first "
    "code that coders gave, or no code where coders gave none; a second code may still be wrong or missing."
)
HOW_FAR_TO_TRUST = (
    f"Sizes of fewer than {FEWEST_TO_TRUST} comments do not count as reached. The most was found on the comments it is "
    "measured on, so others may do a little worse; and what is left unread is never corrected. How sure the model is "
    "of a first code stands in the column `…_probability` of `coded.csv`."
)
TOO_FEW = f"Too few comments are coded to tell: it takes {FEWEST_FOR_A_CURVE} to which coders gave a code of one facet."
HOW_THE_LINE_WENT = (
    "The line is straight in the logarithm of the number of comments. The figures can differ a little from those "
    "above, because these models were calibrated more simply. Comments from new sources, or of codes that are rare so "
    "far, may bring more than comments like these."
)
HOW_TO_READ = (
    "*Precision*: of the comments given the code, the share that coders gave it too. *Recall*: of the comments "
    "coders gave the code, the share that was found. *F1* joins the two. *Support*: the comments coders gave it. "
    "*Macro-F1*: the mean of F1 over the codes coders used. *Micro-F1*: F1 over all decisions together. *Sample-F1*: "
    "the mean over comments of how far the two sets of codes overlap. *Top-1*: of the comments coders gave a code, "
    "the share whose most probable code is among theirs; *top-2*: one of the two most probable. "
    "*95 % interval*: where the figure would be for many more comments like these, but for one case in twenty. "
    "Scores of codes with fewer than ten comments say little."
)
LIMITS = (
    "English only. Comments that say nothing and comments in other scripts are set apart and counted, not coded. "
    "A model made from one kind of text does worse on another: check a random sample before publishing numbers."
)


def write_card(
    name: str,
    codebook: Codebook,
    corpus: Corpus | None,
    scores: Mapping[str, FacetScores],
    agreed: Mapping[str, Any],
    quality: Quality,
    decided: int = 0,
) -> str:
    """The card as Markdown, to be kept beside the picture it shows. decided: comments people decided while reading."""
    parts = [
        f"# Model card: {_safe(name)}",
        *("## In short", _in_short(codebook, quality)),
        *("## What it does", _what_it_does(codebook)),
        *("## What it learned from", _learned_from(codebook, corpus, decided)),
        *("## How good it is, code by code", HOW_JUDGED),
        *_about_examples(codebook, quality),
        *(_scores_part(codebook, column, scores) for column in scores),
        *(_agreement_part(codebook.by_id[facet], figures) for facet, figures in agreed.items()),
        *("## Can its probabilities be believed?", _picture(), HOW_CALIBRATED),
        *(_calibration_part(codebook.by_id[facet], one.calibration) for facet, one in quality.facets.items()),
        "## Is it as good for every group?",
        *_groups_part(codebook, quality),
        *("## How much could be left unread?", HOW_RANKED),
        *(_coverage_part(codebook.by_id[facet], one.coverage) for facet, one in quality.facets.items()),
        *(HOW_FAR_TO_TRUST, "## What would more coded comments bring?"),
        *_curve_part(codebook, quality),
        *("## How to read this", HOW_TO_READ),
        *("## Limits", LIMITS),
    ]
    return "\n\n".join(parts) + "\n"


def _what_it_does(codebook: Codebook) -> str:
    return (
        f"Suggests codes of the codebook “{_safe(codebook.name)}” for free-text comments: "
        f"{', '.join(_safe(facet.name.lower()) for facet in codebook.facet)}. "
        "It is a help for analysts who read, check and correct; it decides nothing about any person."
    )


def _in_short(codebook: Codebook, quality: Quality) -> str:
    lines = []
    for facet_id, one in quality.facets.items():
        accuracy = {point.coverage: point.accuracy for point in one.coverage.points}
        lines.append(
            f"- **{_safe(codebook.by_id[facet_id].name)}**: the first answer (the most probable code given, or no "
            f"code) agrees with the coders' on {_percents(accuracy[100])} of {_comments(one.comments)}, and on "
            f"{percent(accuracy[50].value)} of the half it was surest of."
        )
    return "\n".join(lines)


def _learned_from(codebook: Codebook, corpus: Corpus | None, decided: int) -> str:
    comments = corpus.comments if corpus else ()
    sources = len({comment.source for comment in comments if comment.source})
    examples = sum(len(code.examples) for facet in codebook.facet for code in facet.code)
    while_reading = f"{_count(decided, 'comment')} that people decided while reading, " if decided else ""
    return (
        f"{_count(len(comments), 'coded comment')} from {_count(sources, 'named source')}, {while_reading}and "
        f"{_count(examples, 'invented example')} of the codebook, whose definitions and key phrases teach too where it "
        "has any. *Coders*, on this card, are whoever gave those comments their codes: people, or a program."
    )


def _about_examples(codebook: Codebook, quality: Quality) -> Iterable[str]:
    for facet_id, one in quality.facets.items():
        if one.examples:
            yield (
                f"{_safe(codebook.by_id[facet_id].name)}: {one.examples:,} of the {_comments(one.comments)} judged "
                "come from the examples of the codebook, for want of coded comments. Real comments are harder."
            )


def _scores_part(codebook: Codebook, column: str, scores: Mapping[str, FacetScores]) -> str:
    facet, one = codebook.by_id[column.removesuffix(REVIEWED)], scores[column]
    against = "the coders' codes"
    if facet.id + REVIEWED in scores:
        against = "the reviewed codes" if column.endswith(REVIEWED) else "the codes as published"
    rows = (
        f"{_code(facet, code)} | {of.precision:.2f} | {of.recall:.2f} | {of.f1:.2f} | {of.support:,}"
        for code, of in one.codes.items()
    )
    tops = f", top-1 {one.top1:.2f}, top-2 {one.top2:.2f}" if one.top1 is not None else ""
    lines = [
        *(f"### {_safe(facet.name)}: against {against} (`{column}`), {_comments(one.n)}", ""),
        *(f"Macro-F1 {one.macro_f1:.2f}, micro-F1 {one.micro_f1:.2f}, sample-F1 {one.sample_f1:.2f}{tops}", ""),
        *_table("code | precision | recall | F1 | support", rows),
    ]
    if one.confusions:
        worst = one.confusions[:MOST_CONFUSIONS]
        pairs = (f"{_code(facet, c.true)} read as {_code(facet, c.given)} ({c.comments:,})" for c in worst)
        lines += ["", f"Most often confused: {'; '.join(pairs)}."]
    return "\n".join(lines)


def _agreement_part(facet: Facet, figures: Mapping[str, Any]) -> str:
    return (
        f"### {_safe(facet.name)}: how far the two codings agree\n\n"
        f"The published and the reviewed codes have the same main code, or both none, on {percent(figures['main'])} of "
        f"{_comments(figures['n'])}, and some code in common, or both none, on {percent(figures['any'])}; "
        f"macro-F1 of one against the other is {figures['macro_f1']:.2f}. No model can be expected to match either "
        "much better than that."
    )


def _picture() -> str:
    alternative = (
        "Calibration of each facet: how often coders gave a code, by the probability the model gave it. "
        "The tables below hold the same numbers."
    )
    return f"![{alternative}]({PICTURE})"


def _calibration_part(facet: Facet, found: Calibration) -> str:
    rows = (
        f"{100 * band.low:.0f}–{100 * band.high:.0f} % | {band.decisions:,} | {100 * band.mean:.1f} % | "
        f"{_percents(band.right)}"
        for band in found.bands
    )
    lines = [
        *(f"### {_safe(facet.name)}: probabilities", ""),
        *_table("probability | decisions | mean probability | coders gave the code (95 % interval)", rows),
        "",
        f"The two differ by {_points(found.error)} on average over the decisions (expected calibration error); "
        f"counting the first answer to each comment alone, by {_points(found.error_first)}.",
    ]
    return "\n".join(lines)


def _groups_part(codebook: Codebook, quality: Quality) -> list[str]:
    parts = [
        _group_part(codebook.by_id[facet], codebook.by_id[by], found)
        for facet, one in quality.facets.items()
        for by, found in one.groups.items()
    ]
    return [*parts, HOW_COMPARED] if parts else [NO_GROUPS]


def _group_part(facet: Facet, by: Facet, found: GroupScores) -> str:
    def line(one: GroupScore) -> str:
        name = _code(by, one.group) if one.group else "all together"
        top1 = f"{one.top1.n:,} | {_percents(one.top1)}" if one.top1 else "0 | –"
        f1 = one.sample_f1
        return f"{name} | {one.comments:,} | {top1} | {f1.value:.2f} ({f1.low:.2f}–{f1.high:.2f})"

    header = f"{_safe(by.name.lower())} | comments | with a code | top-1 (95 % interval) | sample-F1 (95 % interval)"
    worse = [
        f"in {measure}, {', '.join(_code(by, one.group) for one in groups) or 'none'}"
        for measure, groups in (("top-1", found.worse_top1()), ("sample-F1", found.worse_sample_f1()))
    ]
    lines = [
        *(f"### {_safe(facet.name)}: by {_safe(by.name.lower())}", ""),
        *_table(header, map(line, (found.whole, *found.groups))),
        *("", f"Clearly worse than all together: {'; '.join(worse)}."),
    ]
    return "\n".join(lines)


def _coverage_part(facet: Facet, found: Coverage) -> str:
    rows = (
        f"{one.coverage} % | {one.comments:,} | {percent(one.confidence)} | {_percents(one.accuracy)}"
        for one in found.points
    )
    lines = [
        *(f"### {_safe(facet.name)}: the surest comments", ""),
        *_table("left unread | comments | sure by at least | right (95 % interval)", rows),
        *("", f"The most that could be left unread: {'; '.join(map(_most, found.reached))}."),
    ]
    return "\n".join(lines)


def _most(goal: Reached) -> str:
    if goal.coverage is None or goal.confidence is None:
        return f"with {goal.accuracy} % right, not reached"
    return f"with {goal.accuracy} % right, {percent(goal.coverage)} (sure by {percent(goal.confidence)} or more)"


def _curve_part(codebook: Codebook, quality: Quality) -> list[str]:
    curve = quality.curve
    if curve is None or quality.curve_facet is None:
        return [TOO_FEW]
    facet = _safe(codebook.by_id[quality.curve_facet].name)
    rows = (f"{point.comments:,} | {_percents(point.top1)}" for point in curve.points)
    table = [
        *(f"{facet}, by models that learned from fewer comments, drawn at random, and judged those held out:", ""),
        *_table("coded comments learned from | top-1 (95 % interval)", rows),
    ]
    parts = ["\n".join(table), _foreseen(curve)]
    if curve.more > curve.comments:
        parts.append(f"With {_comments(curve.comments)} coded so far, {curve.more} more is far beyond what was tried.")
    return [*parts, HOW_THE_LINE_WENT]


def _foreseen(curve: LearningCurve) -> str:
    """What the line says of more comments; that it rises is said only where it shows and chance alone is unlikely."""
    before, after = f"{100 * curve.before:.1f} %", f"{100 * curve.after:.1f} %"
    low, high = (round(100 * end, 1) + 0.0 for end in (curve.low, curve.high))
    change = f"from {low:.1f} to {high:.1f} points"
    counted = "which counts chance in the comments judged and nothing else"
    if low > 0 and after != before:
        return (
            f"By a line through these points, another {curve.more} comments like these would raise top-1 from {before} "
            f"to about {after}. This is uncertain: the 95 % interval of the rise is {change}, {counted}. Twice as "
            f"many comments would bring some {_points(curve.doubling)} more."
        )
    return (
        f"No clear gain can be foreseen: by a line through these points, another {curve.more} comments like these "
        f"would take top-1 from {before} to about {after}; the 95 % interval of the change is {change}, {counted}."
    )


# ---- small words -----------------------------------------------------------------------------------------------------


def _table(header: str, rows: Iterable[str]) -> list[str]:
    columns = header.count(" | ") + 1
    return [f"| {header} |", "|---" * columns + "|", *(f"| {row} |" for row in rows)]


def _percents(one: Estimate) -> str:
    return f"{percent(one.value)} ({100 * one.low:.0f}–{100 * one.high:.0f} %)"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'s' * (n != 1)}"


def _comments(n: int) -> str:
    return _count(n, "comment")


def _code(facet: Facet, code: str) -> str:
    """The name of a code as a table may hold it; what is no code stays as it is."""
    return _safe(facet.by_id[code].name if code in facet.by_id else code)


def _safe(text: str) -> str:
    """A name on one line, with nothing that Markdown would take for a cell's end or a tag."""
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|")
