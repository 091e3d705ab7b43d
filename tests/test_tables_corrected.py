import numpy as np
import pytest
from bench_outputs import BOOK, write_run

from pipeline.counting.shares import FEWEST_CHECKED
from pipeline.counting.tables import CORRECTED, NOT_CHECKED, frequency_tables
from pipeline.reviewing.checking import draw
from pipeline.reviewing.review import Review
from pipeline.stores.review_records import Choice
from pipeline.stores.review_store import Store

ASKED = ("principle", "theme")


@pytest.fixture
def run(tmp_path):
    """Three hundred comments of 240 people: sixty wrote two."""
    return write_run(tmp_path / "run", comments=300, responses=240)


def people_say(line, facet):
    """What a person says of a comment: the machine's first code and, of every fourth comment, one more."""
    codes = BOOK.by_id[facet].ids
    return sorted({*line.facets[facet].machine[:1], *([codes[line.n % len(codes)]] if line.n % 4 == 0 else [])})


def code_sample(run, size, by="", coder="an analyst", say=people_say):
    """A person codes a check sample; gives response → facet → what people say of it."""
    found = {}
    with Review(run) as review:
        drawn = [one.comment_id for one in draw(review, size, 1, coder, by)]
        lines = review.lines([review.number_of(id_) for id_ in drawn])
        review.store.check(
            coder, "screen", [(line.comment_id, facet, say(line, facet)) for line in lines for facet in ASKED]
        )
        for line in lines:
            for facet in ASKED:
                found.setdefault(line.response_id, {}).setdefault(facet, set()).update(say(line, facet))
    return found


def machine_says(run):
    found = {}
    with Review(run) as review:
        for line in review.all_lines():
            for facet in ASKED:
                of = found.setdefault(line.response_id, {}).setdefault(facet, set())
                of.update(line.facets[facet].codes)
    return found


def test_with_no_check_sample_every_share_is_as_counted(run):
    tables = frequency_tables(run)
    assert {row.status for row in tables.rows} == {NOT_CHECKED}
    assert [row.share for row in tables.rows] == [row.counted_share for row in tables.rows]
    assert (tables.corrections, {row.checked for row in tables.rows}) == ((), {0})


def test_the_corrected_share_follows_by_hand_from_the_machine_and_the_people(run):
    people, machine = code_sample(run, 120), machine_says(run)
    tables = frequency_tables(run)
    row = next(one for one in tables.of("theme") if one.code == "young-people")
    told = next(one for one in tables.corrections if one.code == "young-people")
    given = {person for person, said in machine.items() if "young-people" in said["theme"]}
    found = {person for person, said in people.items() if "young-people" in said["theme"]}
    assert (told.given, told.not_given, told.decided) == (len(given), 240 - len(given), 0)
    assert (told.given_checked, told.given_found) == (len(given & set(people)), len(given & found))
    assert (told.not_given_checked, told.not_given_found) == (len(set(people) - given), len(found - given))
    rate_given = told.given_found / told.given_checked
    rate_not = told.not_given_found / told.not_given_checked
    whole = (told.given * rate_given + told.not_given * rate_not) / 240
    assert row.share == pytest.approx(told.given / 240 + told.pull * (whole - told.given / 240))
    assert (row.status, row.checked, row.counted_share) == (CORRECTED, len(people), len(given) / 240)
    assert row.low < row.share < row.high
    assert (row.low, row.high) == (told.low, told.high)


def test_people_without_a_code_are_corrected_too_and_what_respondents_say_of_themselves_is_not(run):
    people = code_sample(run, 120)
    tables = frequency_tables(run)
    nobody = next(row for row in tables.of("principle") if row.code == "")
    told = next(one for one in tables.corrections if (one.facet, one.code) == ("principle", ""))
    without = sum(not said["principle"] for said in people.values())
    assert told.given_found + told.not_given_found == without
    assert nobody.status == CORRECTED
    assert {row.status for row in tables.of("stakeholder")} == {NOT_CHECKED}


def test_once_everything_has_been_read_the_shares_are_those_of_people_and_have_no_width(run):
    people = code_sample(run, 300)
    for row in frequency_tables(run).of("theme"):
        expected = sum(row.code in said["theme"] if row.code else not said["theme"] for said in people.values()) / 240
        assert (row.share, row.low, row.high) == pytest.approx((expected,) * 3)


def test_a_sample_that_is_too_small_corrects_nothing(run):
    people = code_sample(run, FEWEST_CHECKED - 1)
    assert len(people) < FEWEST_CHECKED
    assert {row.status for row in frequency_tables(run).rows} == {NOT_CHECKED}


def test_a_group_is_corrected_where_enough_of_it_was_read(run):
    code_sample(run, 120)
    tables = frequency_tables(run, by=["Disability", "Ward"])
    statuses = {(row.group, row.value): (row.status, row.checked) for row in tables.of("principle", "Disability")}
    assert {status for status, _ in statuses.values()} == {CORRECTED, NOT_CHECKED}
    assert all((n >= FEWEST_CHECKED) == (status == CORRECTED) for status, n in statuses.values())
    assert {row.status for row in tables.of("principle", "Ward")} == {NOT_CHECKED}  # some ten people each


def test_the_rest_of_a_group_is_estimated_as_the_row_beside_it_is(run):
    people, machine = code_sample(run, 300), machine_says(run)
    tables = frequency_tables(run, by=["Tenure", "Ward"])
    row = next(row for row in tables.of("principle", "Tenure") if row.code == "transparent")
    with Review(run) as review:
        tenure = dict(zip((response for _, response in review.ids()), review.column("Tenure"), strict=True))
    others = [person for person, value in tenure.items() if value != row.value]
    rest = tables.rest["principle", "Tenure", row.value, "transparent"]
    assert rest.n == len(others)
    assert rest.value == pytest.approx(np.mean(["transparent" in people[one]["principle"] for one in others]))
    counted = next(row for row in tables.of("principle", "Ward") if row.status == NOT_CHECKED)
    with Review(run) as review:
        ward = dict(zip((response for _, response in review.ids()), review.column("Ward"), strict=True))
    others = [person for person, value in ward.items() if value != counted.value]
    rest = tables.rest["principle", "Ward", counted.value, counted.code]
    assert rest.value == pytest.approx(np.mean([counted.code in machine[one]["principle"] for one in others]))


def test_questions_have_no_rest_for_one_person_answers_several(run):
    assert frequency_tables(run, by=["question"]).rest == {}


def test_what_people_decided_counts_as_decided_and_is_not_in_the_sample(run):
    code_sample(run, 120)
    with Review(run) as review:
        lines = review.lines(list(range(1, 61)))  # of sixty people, who wrote another comment each
    with Store(run) as store:
        choices = [Choice(line.comment_id, "theme", ("young-people",)) for line in lines]
        store.decide("an analyst", "list", choices, store.as_of)
    told = next(one for one in frequency_tables(run).corrections if one.code == "young-people")
    assert told.decided == 0  # not all they wrote
    with Review(run) as review:
        lines = review.lines(list(range(241, 301)))
    with Store(run) as store:
        choices = [Choice(line.comment_id, "theme", ()) for line in lines]
        store.decide("an analyst", "list", choices, store.as_of)
    told = next(one for one in frequency_tables(run).corrections if one.code == "young-people")
    assert (told.decided, told.decided_with, told.given + told.not_given) == (60, 60, 180)


def test_two_coders_who_differ_count_half_each(run):
    code_sample(run, 300)
    code_sample(run, 300, coder="a colleague", say=lambda line, facet: [])
    for row in frequency_tables(run).of("theme"):
        if row.code:
            assert row.share <= 0.5
    nobody = next(row for row in frequency_tables(run).of("theme") if row.code == "")
    assert nobody.share >= 0.5


def test_a_sample_drawn_alike_from_unlike_groups_counts_each_for_its_size(run):
    with Review(run) as review:
        groups = dict(zip((response for _, response in review.ids()), review.column("Disability"), strict=True))

    def only_some(line, facet):
        return ["transparent"] if facet == "principle" and line.others["Disability"] == "No" else []

    people = code_sample(run, 150, by="Disability", say=only_some)
    in_sample = sum(groups[person] == "No" for person in people) / len(people)
    size = sum(value == "No" for value in groups.values()) / 240
    row = next(row for row in frequency_tables(run).of("principle") if row.code == "transparent")
    assert in_sample < size - 0.15
    assert row.share == pytest.approx(size, abs=0.02)
    assert row.low < size < row.high


def test_notes_say_what_a_corrected_share_is_and_whose_intervals_allow_for_what(run):
    before = frequency_tables(run).notes
    code_sample(run, 120)
    after = frequency_tables(run).notes
    assert [note for note in after if note not in before] == [
        "The codes were given by the tool.",
        "A corrected share is an estimate of what people would have found, had they read every comment: the tool's "
        "count, mended by what people found in the check sample, which was drawn at random and coded without seeing "
        "the tool's codes. Its 95 % interval allows for the comments that people did not read, not for how differently "
        "people may read, nor for who chose not to answer. Comments and respondents are counted by the codes given "
        "and are not corrected.",
        "Where the status is not checked, the interval is Wilson's 95 % interval of a share. It allows for chance in "
        "who answered, not for errors of the tool, nor for who chose not to answer.",
    ]
