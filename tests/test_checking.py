import numpy as np
import pytest
from invented_run import make_run, row

from pipeline.errors import InputError
from pipeline.learning.quality import estimate
from pipeline.reviewing.agreement import against_people, between_coders
from pipeline.reviewing.checking import Progress, Size, all_progress, draw, measure, progress, sizes
from pipeline.reviewing.checks_needed import checks_to_halve
from pipeline.reviewing.review import Review
from pipeline.stores.review_records import Choice, Drawn

TOPICS = ("transport", "parks", "housing")


@pytest.fixture
def review(tmp_path):
    """Forty comments, which the machine gave transport, parks, housing and none in turn, from two wards."""
    given = [["transport"], ["parks"], ["housing"], []]
    rows = [
        row(
            n,
            f"Comment {n}",
            given={"topic": given[n % 4], "service": []},
            others={"Ward": ("Bow", " Old Ford ")[n % 2]},
        )
        for n in range(40)
    ]
    with Review(make_run(tmp_path / "run", rows)) as opened:
        yield opened


def code(review, coder, said, service=()):
    """A coder says the codes of comments: number in its id → codes of the topic."""
    review.store.check(
        coder,
        "screen",
        [
            (f"r{n}-q1", facet, of)
            for n, codes in said.items()
            for facet, of in (("topic", codes), ("service", service))
        ],
    )


# ---- drawing ---------------------------------------------------------------------------------------------------------


def test_a_larger_sample_goes_on_from_the_smaller_one_and_draws_none_twice(review):
    first = draw(review, 8, 1, "an analyst")
    more = draw(review, 20, 1, "a colleague")
    assert [one.place for one in more] == list(range(1, 21))
    assert list(more[:8]) == list(first)
    assert len({one.comment_id for one in more}) == 20
    assert list(draw(review, 5, 1, "an analyst")) == list(more)


def test_the_same_seed_draws_the_same_and_another_others(tmp_path, review):
    rows = [row(n) for n in range(40)]
    drawn = [one.comment_id for one in draw(review, 10, 1, "an analyst")]
    for seed, same in ((1, True), (2, False)):
        with Review(make_run(tmp_path / f"run{seed}", rows)) as other:
            assert ([one.comment_id for one in draw(other, 10, seed, "an analyst")] == drawn) is same


def test_no_part_of_the_export_is_drawn_more_than_another(tmp_path):
    rows = [row(n) for n in range(1000)]
    with Review(make_run(tmp_path / "run", rows)) as review:
        drawn = [review.number_of(one.comment_id) for one in draw(review, 500, 3, "an analyst")]
    counts = np.histogram(drawn, bins=4, range=(1, 1000))[0]
    assert counts.sum() == 500
    assert (abs(counts - 125) < 30).all()  # over three standard deviations
    assert abs(np.mean(drawn[:250]) - np.mean(drawn[250:])) < 80  # nor earlier than another


@pytest.fixture
def several(tmp_path):
    """Thirty responses of one, two or three comments, from two wards: twenty-four of Bow and six of Old Ford."""
    rows = [
        row(n, comment_id=f"r{n}-q{q}", question=f"Question {q}", others={"Ward": "Old Ford" if n % 5 == 0 else "Bow"})
        for n in range(30)
        for q in range(1, n % 3 + 2)
    ]
    with Review(make_run(tmp_path / "several", rows)) as opened:
        yield opened


def responses(drawn):
    return [one.comment_id.split("-")[0] for one in drawn]


def test_a_response_is_drawn_with_all_its_comments_one_after_another(several):
    whole = {response: n for n, response in enumerate(responses(Drawn(0, id_, "") for id_, _ in several.ids()))}
    sizes = {response: responses(Drawn(0, id_, "") for id_, _ in several.ids()).count(response) for response in whole}
    drawn = responses(draw(several, 25, 1, "an analyst"))
    in_turn = list(dict.fromkeys(drawn))
    assert drawn == [response for response in in_turn for _ in range(sizes[response])]
    assert len(drawn) - sizes[in_turn[-1]] < 25 <= len(drawn)
    assert responses(draw(several, 40, 1, "an analyst"))[: len(drawn)] == drawn


def test_by_a_column_as_many_responses_are_drawn_from_each_value(several):
    drawn = draw(several, 20, 1, "an analyst", by="Ward")
    per_value = {
        name: {r for r, one in zip(responses(drawn), drawn, strict=True) if one.stratum == name}
        for name in ("Ward = Bow", "Ward = Old Ford")
    }
    assert {one.stratum for one in drawn} == set(per_value)
    assert abs(len(per_value["Ward = Bow"]) - len(per_value["Ward = Old Ford"])) <= 1


def test_once_a_value_is_drawn_out_the_others_go_on(several):
    drawn = draw(several, several.total, 1, "an analyst", by="Ward")
    assert sorted(one.comment_id for one in drawn) == sorted(id_ for id_, _ in several.ids())


def test_a_sample_begun_one_way_is_not_gone_on_with_another(several):
    draw(several, 10, 1, "an analyst")
    with pytest.raises(InputError, match=r"begun another way.* Fix: go on without --by"):
        draw(several, 20, 1, "an analyst", by="Ward")


def test_a_sample_begun_by_a_column_is_gone_on_with_by_it(several):
    draw(several, 10, 1, "an analyst", by="Ward")
    with pytest.raises(InputError, match="Fix: go on with --by 'Ward'"):
        draw(several, 20, 1, "an analyst")


def test_a_column_that_is_not_there_is_told_with_the_nearest(several):
    with pytest.raises(InputError, match=r"there is no column 'ward'\. Fix: did you mean 'Ward'"):
        draw(several, 10, 1, "an analyst", by="ward")


@pytest.mark.parametrize("size", [0, -1, 41])
def test_a_sample_that_cannot_be_is_refused_with_the_sizes_there_are(review, size):
    with pytest.raises(InputError) as error:
        draw(review, size, 1, "an analyst")
    assert (error.value.what, error.value.fix) == (
        f"a sample of {size} cannot be drawn of 40 comments",
        "choose a size from 1 to 40",
    )


def test_sizes_say_what_they_buy_and_none_asks_for_the_whole_run():
    assert sizes(100_000)[0] == Size(93, 0.10)
    assert [size.words for size in sizes(100_000)] == [
        "for ±10 points read about 93",
        "for ±5 points read about 381",
        "for ±3 points read about 1,064",
    ]
    assert [size.comments for size in sizes(381)] == [93]
    assert sizes(93) == []


# ---- coding ----------------------------------------------------------------------------------------------------------


def test_each_coder_has_progress_of_their_own_and_a_comment_is_done_with_all_its_facets(review):
    drawn = [one.comment_id for one in draw(review, 4, 1, "an analyst")]
    review.store.check("an analyst", "screen", [(drawn[1], "topic", ("parks",)), (drawn[1], "service", ())])
    review.store.check("a colleague", "screen", [(drawn[0], "topic", ())])
    assert progress(review, "an analyst") == Progress("an analyst", (2,), (1, 3, 4))
    assert progress(review, "a colleague") == Progress("a colleague", (), (1, 2, 3, 4))
    assert all_progress(review) == [progress(review, "an analyst"), progress(review, "a colleague")]


def test_the_next_to_code_is_the_first_one_waiting_after_this_one_or_else_from_the_beginning():
    mine = Progress("an analyst", (2, 4), (1, 3, 5))
    assert [mine.next_after(place) for place in (1, 2, 4, 5)] == [3, 3, 5, 1]
    assert Progress("an analyst", (1,), (2,)).next_after(2) is None


# ---- what the sample says --------------------------------------------------------------------------------------------


def test_nothing_is_measured_before_anybody_coded(review):
    draw(review, 10, 1, "an analyst")
    measured = measure(review)
    assert (measured.drawn, measured.coders, measured.person, measured.against) == (10, (), None, {})
    assert [one.machine.words for one in measured.facets] == ["No comment has been checked."] * 2
    assert [one.facet.id for one in measured.facets] == ["topic", "service"]


def test_the_machine_is_held_against_the_person_who_coded_most_and_against_each_by_name(review):
    draw(review, 40, 1, "an analyst")
    code(review, "a colleague", {n: ["transport"] for n in range(8)})
    code(review, "an analyst", {n: ["parks"] for n in range(12)})
    given = np.array([[k % 4 == code for code in range(3)] for k in range(12)])
    parks = np.tile([False, True, False], (12, 1))
    measured = measure(review)
    assert measured.person == "an analyst"
    assert measured.facets[0].machine == against_people(TOPICS, given, parks)
    other = measure(review, person="a colleague")
    transport = np.tile([True, False, False], (8, 1))
    assert other.facets[0].machine == against_people(TOPICS, given[:8], transport)
    assert measure(review, person="nobody").person == "an analyst"
    assert measured.against == other.against
    assert measured.against["a colleague"] == {"topic": estimate(0.25, 8), "service": estimate(1.0, 8)}


def test_what_people_decided_elsewhere_does_not_count_as_the_machines_codes(review):
    draw(review, 40, 1, "an analyst")
    code(review, "an analyst", {n: ["parks"] for n in range(12)})
    before = measure(review).facets[0].machine
    review.store.decide("an analyst", "screen", [Choice(f"r{n}-q1", "topic", ("parks",)) for n in range(12)], 0)
    assert measure(review).facets[0].machine == before


def test_coders_are_compared_on_what_both_coded(review):
    draw(review, 40, 1, "an analyst")
    mine = {n: [TOPICS[n % 3]] for n in range(12)}
    theirs = {n: [TOPICS[(n + (n > 8)) % 3]] for n in range(4, 16)}
    code(review, "an analyst", mine)
    code(review, "a colleague", theirs)
    opinions = np.full((2, 16, 3), np.nan)
    for k, said in enumerate((mine, theirs)):
        for n, codes in said.items():
            opinions[k, n] = [topic in codes for topic in TOPICS]
    found = measure(review).facets[0].coders
    assert found == between_coders(TOPICS, opinions)
    assert (found.coders, found.comments) == (2, 8)


def test_groups_are_the_values_of_a_column_without_the_space_around_them(review):
    draw(review, 40, 1, "an analyst")
    code(review, "an analyst", {n: [TOPICS[0]] for n in range(8)})
    groups = measure(review, column="Ward").facets[0].machine.groups
    assert [(one.group, one.comments, one.exact) for one in groups] == [
        ("Bow", 4, estimate(0.5, 4)),
        ("Old Ford", 4, estimate(0.0, 4)),
    ]
    assert measure(review).facets[0].machine.groups == ()


def test_more_checks_are_told_where_both_figures_of_a_code_are_known(review):
    draw(review, 40, 1, "an analyst")
    code(review, "an analyst", {n: ["transport"] for n in range(20)})
    check = measure(review).facets[0]
    # Right in all 5 that it gave it to, which is every fourth comment; found in 5 of the 20 that have it.
    assert check.more_checks("transport") == max(checks_to_halve(5, 1.0, 0.25), checks_to_halve(20, 0.25, 1.0))
    assert check.more_checks("parks") is None
    assert check.more_checks_of_all == checks_to_halve(20, 0.25)
