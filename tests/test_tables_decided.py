"""What people decided is what the tables count."""

import shutil

import pytest

from pipeline.codebook import dump_codebook, parse_codebook
from pipeline.counting.tables import frequency_tables
from pipeline.reviewing.review import Query, Review
from pipeline.stores.review_records import Choice


@pytest.fixture
def run(sample_run, tmp_path):
    return shutil.copytree(sample_run, tmp_path / "run")


def comments_with(run, facet="theme", value=None):
    return {row.code: row.comments for row in frequency_tables(run).of(facet)}


def decide(run, line, facet, codes):
    with Review(run) as review:
        saved = review.store.decide("an analyst", "screen", [Choice(line.comment_id, facet, codes)], review.store.as_of)
    assert saved.saved == 1


def first_with(run, code):
    with Review(run) as review:
        return review.page(Query(code=code)).lines[0]


def test_a_decision_moves_a_comment_from_one_code_to_another(run):
    before = comments_with(run)
    line = first_with(run, "theme:housing")
    decide(run, line, "theme", ("faith-culture",))
    moved = dict.fromkeys(line.facets["theme"].codes, -1) | {"faith-culture": 1}
    expected = {code: count + moved.get(code, 0) for code, count in before.items()}
    assert comments_with(run) == expected
    assert frequency_tables(run).notes[2] == (
        "People decided the codes of 1 of the 252 comments; the others have those the tool gave them, which have not "
        "been checked."
    )


def test_a_decision_that_is_taken_back_no_longer_counts(run):
    before = frequency_tables(run)
    line = first_with(run, "theme:housing")
    decide(run, line, "theme", ())
    assert frequency_tables(run).rows != before.rows
    with Review(run) as review:
        assert review.store.undo("an analyst") == (1, 0)
    assert frequency_tables(run) == before


def test_a_group_that_people_decided_is_not_called_inferred(run):
    with Review(run) as review:
        line = next(one for one in review.all_lines() if one.facets["stakeholder"].source == "machine")
    before = {row.code: row.inferred for row in frequency_tables(run).of("stakeholder")}
    decide(run, line, "stakeholder", ("businesses",))
    after = {row.code: row.inferred for row in frequency_tables(run).of("stakeholder")}
    assert sum(after.values()) == sum(before.values()) - 1


def test_a_code_added_while_reading_is_counted_where_people_gave_it(run):
    with Review(run) as review:
        text = dump_codebook(review.codebook)
        new = '\n[[facet.code]]\nid = "parking"\nname = "Parking"\ndefinition = "Where to leave a car."\n'
        at = text.index('[[facet]]\nid = "stakeholder"')
        text = text[:at] + new.lstrip() + "\n" + text[at:]
        assert "parking" in parse_codebook(text, run).by_id["theme"].ids
        review.store.save_book("an analyst", text)
    line = first_with(run, "theme:transport")
    decide(run, line, "theme", ("parking",))
    assert comments_with(run)["parking"] == 1
