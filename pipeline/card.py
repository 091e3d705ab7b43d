"""The model card: what a model learned from, how good it is on what it had not seen, and what it is not for."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.codebook import Codebook
from pipeline.corpus import REVIEWED, CodedComment, Corpus
from pipeline.evaluation import FacetScores, agreement, indicator, score
from pipeline.training import LeftOut, Training


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


def write_card(
    name: str, codebook: Codebook, corpus: Corpus | None, scores: Mapping[str, FacetScores], agreed: Mapping[str, Any]
) -> str:
    """The card as Markdown."""
    comments = corpus.comments if corpus else ()
    examples = sum(len(code.examples) for facet in codebook.facet for code in facet.code)
    sources = len({comment.source for comment in comments if comment.source})
    parts = [
        f"# Model card: {name}",
        "## What it does",
        "Suggests codes of the codebook "
        f"“{codebook.name}” for free-text comments: {', '.join(facet.name.lower() for facet in codebook.facet)}. "
        "It is a help for analysts who read, check and correct; it decides nothing about any person.",
        "## What it learned from",
        f"{len(comments)} coded comments from {sources} sources, and {examples} invented examples of the codebook.",
        "## How good it is",
        "Each comment below was judged by a model that had not seen the source it came from, nor its text. "
        + (
            "Where no comment is coded yet, the codebook's own examples stand in; real comments are harder. "
            * (not comments)
        ),
        *(_facet_part(column, facet_scores) for column, facet_scores in scores.items()),
        *(_agreement_part(facet, figures) for facet, figures in agreed.items()),
        "## How to read this",
        "*Precision*: of the comments given the code, the share that people gave it too. *Recall*: of the comments "
        "people gave the code, the share that was found. *F1* joins the two. *Support*: the comments people gave it. "
        "*Top-1*: how often the most probable code is among people's; *top-2*: one of the two most probable. "
        "Scores of codes with fewer than ten comments say little.",
        "## Limits",
        "English only. Comments that say nothing and comments in other scripts are set apart and counted, not coded. "
        "A model made from one kind of text does worse on another: check a random sample before publishing numbers.",
    ]
    return "\n\n".join(parts) + "\n"


def _facet_part(column: str, scores: FacetScores) -> str:
    against = "the reviewed codes" if column.endswith(REVIEWED) else "the published codes"
    lines = [
        f"### `{column}`: against {against}, {scores.n} comments",
        f"macro-F1 {scores.macro_f1:.2f}, micro-F1 {scores.micro_f1:.2f}, sample-F1 {scores.sample_f1:.2f}"
        + (f", top-1 {scores.top1:.2f}, top-2 {scores.top2:.2f}" if scores.top1 is not None else ""),
        "",
        "| code | precision | recall | F1 | support |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {code} | {one.precision:.2f} | {one.recall:.2f} | {one.f1:.2f} | {one.support} |"
        for code, one in scores.codes.items()
    ]
    if scores.confusions:
        worst = "; ".join(f"{c.true} read as {c.given} ({c.comments})" for c in scores.confusions[:6])
        lines += ["", f"Most often confused: {worst}."]
    return "\n".join(lines)


def _agreement_part(facet: str, figures: Mapping[str, Any]) -> str:
    return (
        f"### `{facet}`: how far people's two codings agree\n"
        f"The published and the reviewed codes have the same main code on {figures['main']:.0%} of {figures['n']} "
        f"comments, and some code in common on {figures['any']:.0%}; macro-F1 of one against the other is "
        f"{figures['macro_f1']:.2f}. No model can be expected to match either much better than that."
    )
