"""The sample export is invented, and as messy as real ones are."""

import re
from collections import Counter

import pytest

from pipeline.codebook import load_codebook
from pipeline.exports.responses import Response, answers, find_layout, read_export, read_responses, safe_cell
from pipeline.settings import shipped
from pipeline.texts.cleaning import is_blank
from pipeline.texts.language import set_apart

QUESTIONS = ("What should the council do differently?", "Is there anything else you want to tell us?")


@pytest.fixture(scope="module")
def export(sample):
    return read_export(sample)


@pytest.fixture(scope="module")
def comments(export):
    layout = find_layout(export)
    return [answer for response in read_responses(export, layout) for answer in answers(response, export, layout)]


def test_the_sample_has_150_responses_each_with_an_id_of_its_own(export):
    layout = find_layout(export)
    responses = list(read_responses(export, layout))
    assert (layout.questions, layout.response_id, export.encoding) == (QUESTIONS, "Response ID", "utf-8-sig")
    assert all(isinstance(response, Response) for response in responses)
    assert len(responses) == len({response.id for response in responses}) == 150
    assert all(re.fullmatch(r"R-\d{4}", response.id) for response in responses)


def test_the_sample_holds_answers_that_are_not_coded(comments):
    apart = Counter("blank" if is_blank(c.text) else set_apart(c.text, c.question).reason for c in comments)
    assert apart == {None: 252, "blank": 24, "no_content": 19, "not_english": 5}


def test_the_sample_holds_responses_with_no_answer_at_all(comments):
    pairs = zip(comments[::2], comments[1::2], strict=True)
    empty = [one.response for one, other in pairs if is_blank(one.text) and is_blank(other.text)]
    assert [response.id for response in empty] == ["R-1008", "R-1078"]


def test_the_sample_holds_copies_of_a_campaign_and_one_that_was_changed(comments):
    begins = "The council must stop imposing road closures and start listening. I call on the council to"
    campaign = [comment.text for comment in comments if begins in comment.text]
    assert (len(campaign), len(set(campaign))) == (4, 2)


@pytest.mark.parametrize(
    ("kind", "has"),
    [
        ("starts like a formula", lambda text: safe_cell(text) != text),
        ("has line breaks", lambda text: "\n" in text),
        ("has quotation marks", lambda text: '"' in text),
        ("has tags", lambda text: "<b>" in text),
        ("has emoji", lambda text: re.search("[\U0001f300-\U0001faff]", text)),
        ("has curly quotes", lambda text: "’" in text),
        ("is in capitals", lambda text: len(text) > 20 and text.isupper()),
        ("is long", lambda text: len(text.split()) > 150),
        ("is one word", lambda text: len(text.split()) == 1 and set_apart(text).reason is None),
        ("holds a telephone number", lambda text: re.search(r"\b07\d{3} ?\d{6}\b", text)),
    ],
)
def test_the_sample_holds_a_comment_that(comments, kind, has):
    assert any(has(comment.text) for comment in comments if not is_blank(comment.text)), kind


def test_most_of_the_sample_says_as_whom_it_responds(export):
    stakeholder = load_codebook(shipped("corpus/codebook.toml")).by_id["stakeholder"]
    place = export.column("I am responding as")
    groups = Counter(stakeholder.find(cells[place]) for _, cells in export.rows() if cells[place])
    assert groups.total() == 144
    known = ("residents", "tenants", "staff", "businesses", "faith", "partners", "members")
    assert [groups[id_] for id_ in known] == [70, 41, 7, 6, 3, 3, 2]
