import re
from dataclasses import replace

import pytest
from invented_findings import invented_findings

from pipeline.counting.tables import NOT_CHECKED
from pipeline.publishing.transparency import plain, transparency_record

SECTIONS = {
    "Tier 1: overview": ["Name", "Description", "Website", "Contact"],
    "Tier 2: owner and responsibility": ["Organisation", "Team", "Senior responsible owner", "Third parties"],
    "Tier 2: description and rationale": [
        *("Detailed description", "Benefits", "Previous process", "Alternatives considered"),
    ],
    "Tier 2: decision-making process": [
        *("Place in the process", "What people see", "How often and how much", "Human review", "Training"),
        "Appeals and review",
    ],
    "Tier 2: tool specification and data": [
        *("System architecture", "Input", "Output", "Maintenance", "Model", "Performance", "Development data"),
        "Operational data",
    ],
    "Tier 2: risks, mitigations and impact assessments": ["Impact assessments", "Risks and mitigations"],
}


def fields(record):
    """Section → field → its text."""
    found = {}
    for section in re.split(r"^## ", record, flags=re.MULTILINE)[1:]:
        heading, *parts = re.split(r"^### ", section, flags=re.MULTILINE)
        found[heading.strip()] = {part.split("\n")[0]: part.split("\n", 1)[1].strip() for part in parts}
    return found


def test_the_record_has_the_sections_of_the_template_and_no_empty_field():
    found = fields(transparency_record(invented_findings()))
    assert {section: list(of) for section, of in found.items()} == SECTIONS
    assert all(text for of in found.values() for text in of.values())


def test_what_only_the_council_knows_is_a_gap_and_what_the_tool_knows_is_filled():
    found = fields(transparency_record(invented_findings()))
    gap = "[to be filled by the council: "
    whole = {(section, name) for section, of in found.items() for name, text in of.items() if text.startswith(gap)}
    assert {name for _, name in whole} == {
        *("Website", "Contact", "Organisation", "Team", "Senior responsible owner", "Previous process"),
        *("Alternatives considered", "Training", "Impact assessments"),
    }
    specification = found["Tier 2: tool specification and data"]
    assert found["Tier 1: overview"]["Name"] == "feedback-pipeline 0.1.0"
    assert specification["Input"].startswith("The free-text answers of harbour.xlsx,")
    assert specification["Model"].startswith("engagement: logistic regression")
    for digest in ("ab", "cd", "ef"):
        assert f"`{digest * 32}`" in specification["Model"]
    assert "Once, for this consultation: 450 responses, of which 412 say something." in transparency_record(
        invented_findings()
    )


def test_the_performance_is_that_of_the_check_and_suppressed_codes_stay_suppressed():
    found = fields(transparency_record(invented_findings()))["Tier 2: tool specification and data"]["Performance"]
    assert [line for line in found.splitlines() if line.startswith("|")] == [
        "| code | comments | precision | recall | alpha between people |",
        "|---|---|---|---|---|",
        "| Community-led | 20 | 80 % (60 to 92 %) | 70 % (50 to 85 %) | – |",
        "| Transparent | 20 | 80 % (60 to 92 %) | 70 % (50 to 85 %) | 0.75 (0.60 to 0.88) |",
        "| Accountable | 20 | 80 % (60 to 92 %) | 70 % (50 to 85 %) | 0.75 (0.60 to 0.88) |",
        "| Value-driven and cost-effective | 20 | 80 % (60 to 92 %) | 70 % (50 to 85 %) | 0.75 (0.60 to 0.88) |",
        "| Collaborative | [c] | [c] | [c] | [c] |",
    ]
    assert "100 comments drawn at random and coded without sight of the tool's codes, by 2 people." in found
    assert found.endswith("[c]: not published, because few people raised it, or few comments of the sample have it.")


def test_without_a_check_the_record_says_so():
    tables = invented_findings().tables
    rows = tuple(replace(row, status=NOT_CHECKED) for row in tables.rows)
    record = transparency_record(
        invented_findings(checked=(), drawn=0, coders=0, tables=replace(tables, rows=rows, corrections=()))
    )
    found = fields(record)
    said = "People coded no check sample, so how often the tool is wrong on these comments is not known."
    assert found["Tier 2: tool specification and data"]["Performance"] == said
    assert said in found["Tier 2: decision-making process"]["Human review"]
    assert "None of the shares is corrected: they are printed as “not checked”." in record


def test_the_record_says_which_version_it_follows_and_that_it_must_be_checked():
    opening = transparency_record(invented_findings()).split("## ")[0]
    assert "from its version 3.0 on" in " ".join(opening.split())
    assert "copy the answers into the template in force" in " ".join(opening.split())


def test_names_cannot_become_markup():
    record = transparency_record(invented_findings(model="<script>*x*</script> [a](http://b)"))
    assert "&lt;script>\\*x\\*&lt;/script> [a]\\(http://b): logistic regression" in record
    assert "<script" not in record


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Access & opening hours", "Access & opening hours"),
        ("a &lt; b", "a &amp;lt; b"),
        ("# heading", "\\# heading"),
        ("> quote", "\\> quote"),
        ("1. one", "\\1. one"),
        ("- item", "\\- item"),
        ("-5 and 3.5", "-5 and 3.5"),
        ("two\n\nparagraphs", "two paragraphs"),
        ("a|b_c`d\\e", "a\\|b\\_c\\`d\\\\e"),
        ("", ""),
    ],
)
def test_plain_text_means_what_it_says_in_markdown(text, written):
    assert plain(text) == written
