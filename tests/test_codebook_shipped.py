import pytest

from pipeline.codebook import load_codebook, remarks
from pipeline.errors import CodebookError
from pipeline.settings import shipped

# The ids that design/codes.md promises will never change.
IDS = {
    "principle": ("value-driven", "community-led", "collaborative", "transparent", "empowered", "accountable"),
    "theme": (
        *("engagement", "feedback-loop", "resident-power", "communication", "access", "young-people", "faith-culture"),
        *("voluntary-sector", "partnership", "housing", "health", "safety", "transport", "environment", "digital"),
        *("contact", "workforce", "money", "leadership"),
    ),
    "stakeholder": (
        *("staff", "members", "partners", "voluntary-sector", "residents", "tenants", "young-people", "faith"),
        *("equalities", "businesses"),
    ),
}
HEADINGS_OF_THE_DECK = {
    "Accountability": "accountable",
    "Empowered to Innovate": "empowered",
    "Community-Led": "community-led",
    "Value-driven and cost-effective": "value-driven",
    "Transparent": "transparent",
    "Collaborative": "collaborative",
}


@pytest.fixture(scope="module")
def book():
    return load_codebook(shipped("corpus/codebook.toml"))


def test_the_shipped_codebook_has_the_promised_facets_and_codes(book):
    assert {facet.id: facet.ids for facet in book.facet} == IDS
    assert {facet.id: facet.exclusive for facet in book.facet} == {
        "principle": False,
        "theme": False,
        "stakeholder": True,
    }


def test_every_shipped_code_is_defined_delimited_and_exemplified(book):
    poor = [
        (facet.id, code.id)
        for facet in book.facet
        for code in facet.code
        if not (code.definition and code.include and (code.exclude or facet.id == "stakeholder"))
        or len(code.examples) < 10
        or len(code.phrases) < 5
    ]
    assert poor == []
    assert remarks(book) == []


def test_the_shipped_codebook_holds_three_wordings_of_all_six_principles(book):
    assert {
        wording.id: [(entry.code, entry.relation, entry.name) for entry in wording.entries] for wording in book.wording
    } == {
        "cabinet-2024": [
            ("value-driven", "same", "Value-driven and cost-effective"),
            ("community-led", "same", "Community-led"),
            ("collaborative", "same", "Collaborative"),
            ("transparent", "same", "Transparent"),
            ("empowered", "same", "Empowered to innovate"),
            ("accountable", "same", "Accountable"),
        ],
        "scrutiny-2024": [
            ("value-driven", "same", "Value-driven and cost-effective"),
            ("community-led", "narrower", "User-centric"),
            ("collaborative", "same", "Collaborative"),
            ("transparent", "overlaps", "Outward facing"),
            ("empowered", "same", "Empowered to innovate"),
            ("accountable", "same", "Accountable"),
        ],
        "proposal-slides": [
            ("value-driven", "same", "Value-driven"),
            ("community-led", "same", "Community-led"),
            ("collaborative", "same", "Collaborative"),
            ("transparent", "none", ""),
            ("empowered", "split", "Enabling / Innovative"),
            ("accountable", "same", "Accountable"),
        ],
    }
    assert {wording.facet for wording in book.wording} == {"principle"}


def test_a_wording_is_found_by_id_or_name_and_another_is_refused(book):
    assert book.wording_named("Proposal Slides") is book.wording[2]
    assert book.wording_named("scrutiny-2024") is book.wording[1]
    with pytest.raises(CodebookError) as error:
        book.wording_named("slides")
    assert str(error.value) == (
        "no published wording 'slides'. Fix: use one of: cabinet-2024, scrutiny-2024, proposal-slides"
    )


def test_the_headings_of_the_deck_are_known_names(book):
    principle = book.by_id["principle"]
    assert {heading: principle.find(heading) for heading in HEADINGS_OF_THE_DECK} == HEADINGS_OF_THE_DECK
