from dataclasses import replace

import pytest
from invented import codebook, facet

from pipeline.codebook import Code, Entry, Example, Exclusion, Wording
from pipeline.codebooks.codebook_edits import changes, exclusion, exclusion_line, new_id, with_code
from pipeline.errors import CodebookError

TOPIC, TONE = facet("topic"), facet("tone", things={"cross": ("anger",)})
ENTRIES = tuple(Entry(code.id, "same", (code.name,)) for code in TOPIC.code)
BOOK = replace(codebook(TOPIC, TONE), wording=(Wording("plan", "The plan", "topic", ENTRIES),))
LIBRARIES = Code("libraries", "Libraries", "Opening hours, books and buildings.")


def test_a_code_is_replaced_in_its_place_and_nothing_else_changes():
    parks = replace(TOPIC.by_id["parks"], definition="Green spaces.")
    book = with_code(BOOK, "topic", parks)
    expected = replace(TOPIC, code=(TOPIC.code[0], parks, TOPIC.code[2]))
    assert book == replace(BOOK, facet=(expected, TONE))


def test_a_new_code_comes_last_and_has_no_counterpart_in_what_was_published():
    book = with_code(BOOK, "topic", LIBRARIES)
    assert book.by_id["topic"].code == (*TOPIC.code, LIBRARIES)
    assert book.wording[0].entries == (*ENTRIES, Entry("libraries", "none"))
    assert book.by_id["tone"] == TONE


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (replace(LIBRARIES, name="Parks"), "two codes are called 'parks'"),
        (replace(LIBRARIES, name="a|b"), "the name must be text without '|'"),
        (replace(LIBRARIES, exclude=(Exclusion("parking", "traffic"),)), "there is no code 'traffic' in this facet"),
        (
            replace(LIBRARIES, examples=(TOPIC.code[0].examples[0],)),
            "the example 'I would like a better bus' stands twice",
        ),
        (replace(LIBRARIES, id="No Id"), "'No Id' cannot be an id"),
    ],
)
def test_a_codebook_that_would_break_a_rule_is_refused_by_name(code, what):
    with pytest.raises(CodebookError) as error:
        with_code(BOOK, "topic", code)
    assert error.value.what == what
    assert error.value.where.startswith("codebook, facet 'topic'")


def test_a_new_id_is_made_of_the_name_and_taken_by_no_code():
    assert [new_id(TOPIC, name) for name in ("Libraries!", "Parks", "公园")] == [
        "libraries",
        "parks-2",
        new_id(TOPIC, "公园"),
    ]
    assert new_id(replace(TOPIC, code=(*TOPIC.code, Code("parks-2", "More parks"))), "parks") == "parks-3"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("parking", Exclusion("parking")),
        ("parking | Transport", Exclusion("parking", "transport")),
        ("parking|TRANSPORT ", Exclusion("parking", "transport")),
        ("parking | traffic", Exclusion("parking", "traffic")),
        ("parking | ", Exclusion("parking |".rstrip(" |"))),
        ("a | b | parks", Exclusion("a | b", "parks")),
    ],
)
def test_what_to_leave_to_others_is_written_with_a_bar(line, found):
    assert exclusion(line, TOPIC) == found


def test_what_to_leave_to_others_reads_back_as_it_was_written():
    for one in (Exclusion("parking"), Exclusion("parking", "transport")):
        assert exclusion(exclusion_line(one, TOPIC), TOPIC) == one


def test_changes_are_told_code_by_code():
    new = with_code(BOOK, "topic", LIBRARIES)
    old = TOPIC.code[0]
    new = with_code(new, "topic", replace(old, definition="D", phrases=("p",), examples=(Example("e"),)))
    assert changes(BOOK, new) == [
        "Topic: “Transport”, definition, examples and key phrases changed",
        "Topic: “Libraries” added",
    ]
    assert changes(new, BOOK)[1:] == ["Topic: “Libraries” left out"]
    assert changes(BOOK, BOOK) == []
