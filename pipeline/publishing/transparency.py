"""A draft record for the Algorithmic Transparency Recording Standard: what the tool knows of itself, and the gaps.

The sections are those of the standard's template from its version 3.0 on: one in Tier 1, five in Tier 2. The names of
the fields are shortened, so that the draft outlives a renumbering; the words are ours throughout.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from pipeline.counting.findings import Checked, Findings
from pipeline.counting.tables import CORRECTED, NOT_CHECKED, SUPPRESSED

HIDDEN = "[c]"
UNKNOWN = "–"
OPENING = (
    "Draft. The tool filled in what it knows of itself and of this run; square brackets say what only the council can "
    "fill in. Read every sentence before you publish it."
)
FOLLOWED = (
    "The draft has the sections of the template of the Algorithmic Transparency Recording Standard from its version "
    "3.0 on: one in Tier 1 and five in Tier 2. Field names are shortened. Records published since 2025 name version "
    "4.0; its template was not at hand in full when this was written, so copy the answers into the template in force "
    "and see what it asks beyond them."
)
LEADING = re.compile(r"^(?=#|>|[-+*=]\s|\d+[.)]\s)")
INLINE = re.compile(r"([\\`*_|])")
ENTITY = re.compile(r"&(?=#?\w+;)")

Text = str | tuple[str, ...]  # a paragraph, or several


def transparency_record(findings: Findings) -> str:
    """The draft as Markdown, filled from what a run found. Suppressed figures stay suppressed."""
    parts = [f"# Algorithmic transparency record: {plain(findings.tables.title)}", f"*{OPENING}*", FOLLOWED]
    for heading, fields in SECTIONS.items():
        parts.append(f"## {heading}")
        for name, text in fields(findings).items():
            parts += [f"### {name}", *([text] if isinstance(text, str) else text)]
    return "\n\n".join(parts) + "\n"


def to_fill(what: str) -> str:
    """A gap that only the council can fill."""
    return f"[to be filled by the council: {what}]"


def plain(text: str) -> str:
    """Text that means in Markdown what it says: on one line, no part of it markup, a link or HTML."""
    line = INLINE.sub(r"\\\1", " ".join(text.split()))
    line = ENTITY.sub("&amp;", line).replace("<", "&lt;").replace("](", "]\\(")
    return LEADING.sub(r"\\", line)


# ---- the sections ---------------------------------------------------------------------------------------------------


def _tier_1(findings: Findings) -> dict[str, Text]:
    version = findings.versions.get("feedback-pipeline", "")
    return {
        "Name": f"feedback-pipeline{f' {version}' if version else ''}",
        "Description": (
            "The tool reads the free-text answers of a public consultation and says which codes of a written codebook "
            f"each answer belongs to. Here the consultation is “{plain(findings.tables.title)}”. The codes are "
            "counted, so that a report can say how many people raised what. It is used because reading every answer "
            "several times over by hand takes weeks. It decides nothing about any person.",
            to_fill("in a sentence or two, what the consultation was about and what its results are used for"),
        ),
        "Website": to_fill("address of the page on this consultation"),
        "Contact": to_fill("e-mail address that members of the public can write to"),
    }


def _owner(_: Findings) -> dict[str, Text]:
    return {
        "Organisation": to_fill("name of the council"),
        "Team": to_fill("team that runs the consultation and the tool"),
        "Senior responsible owner": to_fill("post, not name, of whoever answers for its use"),
        "Third parties": (
            "The tool is open-source software that runs on the council's own computers. It sends nothing to anybody, "
            "so no supplier sees the answers through it.",
            to_fill(
                "suppliers who installed it, helped with it or hold the data, with their role, company number, how "
                "they were procured, and the terms on which they see data; or “none”"
            ),
        ),
    }


def _rationale(findings: Findings) -> dict[str, Text]:
    facets = [findings.tables.headings[facet] for facet in findings.tables.headings]
    return {
        "Detailed description": (
            "A classifier learns from comments that people coded and from the definitions and examples of the "
            "codebook. It gives each comment a probability for each code, and the code where the probability passes a "
            "threshold found by cross-validation. A comment may get several codes or none. What it is unsure of is "
            f"put before a person. It was used on: {plain('; '.join(facets))}.",
            *map(plain, findings.method),
        ),
        "Benefits": (
            "Every comment is read with the same definitions, the count says how sure it is, and each figure can be "
            "traced to the comments behind it.",
            to_fill("time or money saved, if it was measured"),
        ),
        "Previous process": to_fill("how earlier consultations were analysed, such as by hand in a spreadsheet"),
        "Alternatives considered": to_fill(
            "what else was considered, such as reading a sample by hand, a contractor, or a hosted language model"
        ),
    }


def _decisions(findings: Findings) -> dict[str, Text]:
    return {
        "Place in the process": (
            "The tool prepares counts and quotations for a report. People write the report and take the decision; the "
            "tool takes part in neither.",
            to_fill("who receives the report, what is decided on it, and when"),
        ),
        "What people see": (
            "For each comment: its codes, how probable each is, the words that spoke for it, and a named reason where "
            "it should be read by a person. For each code: how many people raised it, of how many, with a 95 % "
            "interval, and whether the share was corrected after a check."
        ),
        "How often and how much": (
            f"Once, for this consultation: {_number(findings.tables.responses, 'response')}, of which "
            f"{findings.tables.base:,} say something.",
            to_fill("whether it is used for other consultations"),
        ),
        "Human review": (
            "People can change any code; what they decide counts in place of what the tool said and is kept with their "
            "name, the time and what they were shown.",
            _check(findings),
        ),
        "Training": to_fill("how those who review the codes were taught the codebook and the limits of the tool"),
        "Appeals and review": (
            "The tool decides nothing about a person, so there is no decision of its own to appeal against. Anybody "
            "who answered can ask how their answer was coded: it is kept by its id with its codes and who gave them.",
            to_fill("how somebody asks for that, and how the decision that followed can be challenged"),
        ),
    }


def _specification(findings: Findings) -> dict[str, Text]:
    return {
        "System architecture": (
            "A program for one computer, without a connection to the internet when it runs. An export of the survey "
            "goes in; coded comments, a list of those to be read, and tables come out."
        ),
        "Input": f"The free-text answers of {plain(findings.export)}, and the columns it has beside them.",
        "Output": "For each comment its codes with probabilities; for each code its counts, shares and intervals.",
        "Maintenance": (
            "A model is trained again with what people corrected, and each version is kept, so that it can be gone "
            "back to.",
            to_fill("who does so, and how often the tool is looked at again"),
        ),
        "Model": (
            f"{plain(findings.model)}: logistic regression, one for each code, and kernel ridge regression, "
            "added up, over words, pieces of words and sentence vectors of a small language model that reads but "
            "writes nothing (all-MiniLM-L6-v2 as shipped, unless the settings name another). Probabilities are "
            "calibrated. It generates no text.",
            _lines("SHA-256 of the {}: `{}`", findings.digests),
            _lines("Version of {}: {}", findings.versions),
        ),
        "Performance": tuple(_performance(findings)),
        "Development data": (
            "Comments coded by people, and the definitions and invented examples of the codebook. The model's card "
            "says which and how many, and how good the model was on comments it had not seen.",
            to_fill("where the coded comments came from, when, and how far they resemble this consultation"),
            to_fill("whether they hold personal data or reveal protected characteristics, and where they are kept"),
        ),
        "Operational data": (
            "The answers themselves, and what respondents said of themselves where counts are given by group. Answers "
            "in people's own words can name people or reveal protected characteristics; quotations are masked before "
            "they are printed.",
            *map(plain, findings.tables.notes),
            to_fill(
                "legal basis, where the export is kept, who can open it, how long it is kept, and with whom shared"
            ),
        ),
    }


def _risks(findings: Findings) -> dict[str, Text]:
    risks = {
        "A code is given wrongly or missed, and the counts are off": _against_wrong_counts(findings),
        "The tool is worse for some groups, such as people who write little, or not in English": (
            "Comments in other languages are set apart and counted, not guessed at. Tables by group show their own "
            "bases and intervals. " + to_fill("whether the check was looked at by group")
        ),
        "A small count shows who somebody is": (
            f"Counts below {findings.smallest} are suppressed, and others from which they could be worked back."
            if findings.smallest > 1
            else f"No counts are suppressed, because the settings say so. {to_fill('why that does no harm')}"
        ),
        "A quotation shows who somebody is": (
            "Names, addresses and the like are masked, and none is taken from a suppressed count. "
            + to_fill("who read the quotations before they were published")
        ),
        "One campaign drowns the others": (
            "Comments of the same words are found and counted both ways: every submission, and each campaign once."
        ),
        "The figures are taken for the view of all residents": (
            "The report says that people chose whether to answer, and compares who answered with the population where "
            "a table of it was given."
        ),
    }
    table = ["| risk | what is done about it |", "|---|---|", *(f"| {risk} | {done} |" for risk, done in risks.items())]
    return {
        "Impact assessments": (
            to_fill("data protection impact assessment: date, outcome, link"),
            to_fill("equality impact assessment: date, outcome, link"),
        ),
        "Risks and mitigations": ("\n".join(table), *map(plain, findings.limits)),
    }


SECTIONS: Mapping[str, Callable[[Findings], dict[str, Text]]] = {
    "Tier 1: overview": _tier_1,
    "Tier 2: owner and responsibility": _owner,
    "Tier 2: description and rationale": _rationale,
    "Tier 2: decision-making process": _decisions,
    "Tier 2: tool specification and data": _specification,
    "Tier 2: risks, mitigations and impact assessments": _risks,
}


# ---- what was measured ----------------------------------------------------------------------------------------------


def _number(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _lines(pattern: str, facts: Mapping[str, str]) -> str:
    """A list of facts, or that there are none."""
    lines = [f"- {pattern.format(plain(name), plain(value))}" for name, value in facts.items()]
    return "\n".join(lines) or UNKNOWN


def _check(findings: Findings) -> str:
    """How the codes were checked."""
    if not findings.drawn:
        return "People coded no check sample, so how often the tool is wrong on these comments is not known."
    return (
        f"{_number(findings.drawn, 'comment')} drawn at random and coded without sight of the tool's codes, by "
        f"{'one person' if findings.coders == 1 else f'{findings.coders} people'}."
    )


def _are(count: int) -> str:
    return f"{count:,} {'is' if count == 1 else 'are'}"


def _against_wrong_counts(findings: Findings) -> str:
    statuses = [row.status for row in findings.tables.rows if row.group is None and row.status != SUPPRESSED]
    corrected, unchecked = statuses.count(CORRECTED), statuses.count(NOT_CHECKED)
    if not corrected:
        return "None of the shares is corrected: they are printed as “not checked”."
    return (
        f"Of the {len(statuses)} shares among all respondents that are published, {_are(corrected)} corrected with the "
        f"check sample and {_are(unchecked)} printed as “not checked”."
    )


def _performance(findings: Findings) -> Iterator[str]:
    """What the check sample says of each code, in a table."""
    yield _check(findings)
    if not findings.checked:
        return
    rows = {(row.facet, row.code): row for row in findings.tables.rows if row.group is None}
    hidden = {place for place, row in rows.items() if row.status == SUPPRESSED}
    hidden |= {(one.facet, one.code) for one in findings.checked if one.comments is None}
    lines = ["| code | comments | precision | recall | alpha between people |", "|---|---|---|---|---|"]
    for one in findings.checked:
        row = rows.get((one.facet, one.code))
        cells = [HIDDEN] * 4 if (one.facet, one.code) in hidden else [f"{one.comments:,}", *_figures(one)]
        lines.append(f"| {plain(row.name if row else one.code)} | {' | '.join(cells)} |")
    yield "\n".join(lines)
    yield (
        "Comments: those of the sample with the code. Precision: of those to which the tool gave it, the share to "
        "which people gave it. Recall: of those to which people gave it, the share that the tool found. Alpha: "
        "Krippendorff's, 1 for full agreement between people. In brackets 95 % intervals; – where it is not known."
    )
    if any((one.facet, one.code) in hidden for one in findings.checked):
        yield f"{HIDDEN}: not published, because few people raised it, or few comments of the sample have it."


def _figures(one: Checked) -> list[str]:
    shares = [
        f"{100 * found[0]:.0f} % ({100 * found[1]:.0f} to {100 * found[2]:.0f} %)" if found else UNKNOWN
        for found in (one.precision, one.recall)
    ]
    return [*shares, "{:.2f} ({:.2f} to {:.2f})".format(*one.alpha) if one.alpha else UNKNOWN]
