"""How a run was coded, checked, corrected and counted, as Markdown: a paragraph to paste, then the parts at length."""

from collections.abc import Iterator

from pipeline.counting.findings import Findings
from pipeline.counting.tables import CORRECTED, NOT_CHECKED
from pipeline.publishing.transparency import plain

LITERATURE = (
    "Gunning principles: R v Brent London Borough Council, ex parte Gunning (1985) 84 LGR 168; approved by the Supreme "
    "Court in R (Moseley) v London Borough of Haringey [2014] UKSC 56.",
    "Prediction-powered inference: A. N. Angelopoulos, S. Bates, C. Fannjiang, M. I. Jordan, T. Zrnic, Science 382 "
    "(2023), 669–674; its power tuning: A. N. Angelopoulos, J. C. Duchi, T. Zrnic, PPI++ (2023).",
    "Difference estimator: C.-E. Särndal, B. Swensson, J. Wretman, Model Assisted Survey Sampling (Springer, 1992).",
    "Interval of a share: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209–212.",
    "Agreement between coders: K. Krippendorff, Content Analysis (Sage).",
    "Small numbers and the mark [c]: guidance on spreadsheets and on disclosure control of the Government Analysis "
    "Function and the Government Statistical Service.",
)


def methods(findings: Findings) -> str:
    """The methods as Markdown; the paragraph under the first heading stands by itself."""
    parts = ["# How the comments were coded and counted", "## To paste into a report", " ".join(_paragraph(findings))]
    sections = {
        "The coding": findings.method,
        "The check": _check(findings),
        "The correction": _correction(findings),
        "The counting": (*_counting(), *findings.tables.notes),
        "Small numbers": (_small(findings),),
        "What the figures do not say": findings.limits,
        "What was said, and whether it was considered": _considered(),
    }
    for heading, paragraphs in sections.items():
        if paragraphs:
            parts += [f"## {heading}", *map(plain, paragraphs)]
    return "\n\n".join([*parts, "## Literature", "\n".join(f"- {plain(one)}" for one in LITERATURE)]) + "\n"


def _paragraph(findings: Findings) -> Iterator[str]:
    """The sentences of the short account."""
    tables, book = findings.tables, findings.codebook
    yield (
        f"The consultation brought in {tables.responses:,} response{'' if tables.responses == 1 else 's'}; "
        f"{tables.base:,} of them said something in the respondents' own words."
    )
    yield (
        f"The comments were coded against a written codebook ({plain(book.name)}) by a classifier "
        f"({plain(findings.model)}) that had learned from comments coded by people; where people decided the codes of "
        "a comment, theirs were counted."
    )
    yield _checked(findings)
    yield _corrected(findings)
    yield (
        "A person counts once for a code, however often they raised it, and may have raised several, so shares do not "
        "add up to 100 %. Every submission was counted; comments of the same or nearly the same words were recognised "
        "as campaigns and are shown counted once as well."
    )
    yield _small(findings)
    yield "People chose whether to answer, so the figures describe those who did, not all residents."


def _checked(findings: Findings) -> str:
    if not findings.drawn:
        return "The codes were not checked against a random sample."
    who = "a person" if findings.coders == 1 else f"{findings.coders} people"
    return (
        f"To check it, {findings.drawn:,} comments were drawn at random and coded by {who} who did not see its codes."
    )


def _corrected(findings: Findings) -> str:
    statuses = {row.status for row in findings.tables.rows}
    if CORRECTED not in statuses:
        return "The shares are those of the codes as given, with 95 % intervals for chance alone."
    rest = " Shares marked “not checked” are as counted." if NOT_CHECKED in statuses else ""
    return (
        "Shares marked “corrected” are corrected with that sample by the difference estimator, also known as "
        f"prediction-powered inference, and have 95 % intervals.{rest}"
    )


def _check(findings: Findings) -> tuple[str, ...]:
    if not findings.drawn:
        return (
            "People coded no check sample. How often the classifier gives a code wrongly or misses one is not known of "
            "this consultation.",
        )
    several = (
        f" {findings.coders} people coded the sample; Krippendorff's alpha says how far they agree beyond chance."
        if findings.coders > 1
        else ""
    )
    return (
        f"{findings.drawn:,} comments were drawn at random, apart from those read because the classifier was unsure, "
        f"and coded without sight of its codes.{several} Precision is the share of the classifier's codes that people "
        "gave too; recall is the share of people's codes that it found.",
    )


def _correction(findings: Findings) -> tuple[str, ...]:
    if not any(row.status == CORRECTED for row in findings.tables.rows):
        return ()
    return (
        "A classifier that gives a code too often or too seldom makes its count too high or too low. The corrected "
        "share is the share by the classifier among all, plus the mean difference between people and classifier in "
        "the check sample. This is the survey statistician's difference estimator; with a classifier in place of a "
        "register it is called prediction-powered inference. How far the correction is taken is chosen to make the "
        "interval narrow (power tuning). What people decided outside the sample counts as decided.",
        "The interval allows for the chance of the draw. The correction does not make the classifier better: where the "
        "sample holds few cases of a code, the interval is wide, and that is the finding.",
    )


def _counting() -> tuple[str, ...]:
    return (
        "The unit that is coded is a comment: one answer to one question. The unit that is counted is a respondent. "
        "The base is those who wrote something with content. A share that is not checked is respondents with the code "
        "divided by the base, with Wilson's 95 % interval.",
        "Campaigns: every submission is counted, and the same words are shown counted once beside it, because how many "
        "people joined and how many different things were said are two questions.",
    )


def _small(findings: Findings) -> str:
    if findings.smallest < 2:
        return "No count was too small to be published."
    return (
        f"Counts below {findings.smallest} are not published, nor are others from which they could be worked out; both "
        "are marked [c]."
    )


def _considered() -> tuple[str, ...]:
    return (
        "The law asks that consultation comes early, that people are told enough and given time, and that what they "
        "say is conscientiously taken into account (the Gunning principles). A count helps with the last of these but "
        "is not it. This pack lets whoever decides go from each figure to what people wrote, by the id of the "
        "comment; that they did so is for their own record to show.",
    )
