from dataclasses import replace

import numpy as np
import pytest
from invented_run import make_run, row

from pipeline.counting.findings import Quote
from pipeline.counting.quotes import piles, quotes_of
from pipeline.counting.tables import NOT_CHECKED, SUPPRESSED, Row, Tables
from pipeline.reviewing.review import Review
from pipeline.stores.review_records import Choice

WORDS = "and that is what I have been saying for years now"  # enough to be quoted


def line(code, group=None, value=None, status=NOT_CHECKED, comments=9):
    hidden = status == SUPPRESSED
    numbers = (None,) * 6 if hidden else (comments, comments, 40, 0.2, 0.1, 0.3)
    return Row("topic", code, code.title(), group, value, *numbers, status, None if hidden else 0)


def tables(*rows):
    return Tables("T", rows, 40, 40, None, ("Base.",), {"topic": "Topic"})


OVERALL = (line("transport"), line("parks"), line("housing"), line(""))


def turned(degrees):
    angle = np.radians(degrees)
    return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


def said(n, text, degrees=0, **known):
    return row(n, f"{text} {WORDS}", vector=turned(degrees), **known)


@pytest.fixture
def opened(tmp_path):
    made = []

    def make(*rows):
        made.append(Review(make_run(tmp_path / f"run{len(made)}", rows)))
        return made[-1]

    yield make
    for one in made:
        one.__exit__()


def texts(quotes):
    return [quote.text.removesuffix(f" {WORDS}") for quote in quotes]


def test_three_comments_that_differ_are_quoted_for_a_code_with_their_ids(opened):
    rows = [said(n, f"Bus {n}", degrees) for n, degrees in enumerate((0, 1, 2, 45, 46, 90))]
    found = quotes_of(opened(*rows), tables(*OVERALL))
    assert found[0] == Quote("topic", "transport", "r0-q1", f"Bus 0 {WORDS}", "What should change?", False)
    assert texts(found) == ["Bus 0", "Bus 5", "Bus 3"]


def test_what_says_the_same_is_not_quoted_twice_even_if_nothing_else_is_there(opened):
    assert texts(quotes_of(opened(*(said(n, f"Bus {n}", n) for n in range(5))), tables(*OVERALL))) == ["Bus 0"]


def test_comments_that_people_decided_come_first(opened):
    review = opened(*(said(n, f"Bus {n}", 20 * n) for n in range(4)))
    review.store.decide("an analyst", "list", [Choice("r2-q1", "topic", ("transport",))], 0)
    first = quotes_of(review, tables(*OVERALL))[0]
    assert (texts([first]), first.decided) == (["Bus 2"], True)


def test_a_comment_people_took_the_code_from_is_not_quoted_for_it(opened):
    review = opened(said(0, "Bus"), said(1, "Tram", 90))
    review.store.decide("an analyst", "list", [Choice("r0-q1", "topic", ("parks",))], 0)
    assert [(one.code, *texts([one])) for one in quotes_of(review, tables(*OVERALL))] == [
        ("transport", "Tram"),
        ("parks", "Bus"),
    ]


def test_nobody_is_quoted_twice(opened):
    review = opened(
        said(0, "Bus and park", given={"topic": ["transport", "parks"]}),
        said(1, "Tram", 90, response_id="r0"),
        said(2, "Grass", 45, given={"topic": ["parks"]}),
    )
    assert [(one.code, *texts([one])) for one in quotes_of(review, tables(*OVERALL))] == [
        ("transport", "Bus and park"),
        ("parks", "Grass"),
    ]


def test_no_comment_is_quoted_from_a_suppressed_code(opened):
    review = opened(said(0, "Bus"))
    assert quotes_of(review, tables(line("transport", status=SUPPRESSED), *OVERALL[1:])) == ()


def test_no_comment_is_quoted_from_a_suppressed_cell_of_a_group(opened):
    review = opened(
        said(0, "Bus", others={"Ward": "Bow "}),
        said(1, "Tram", 60, others={"Ward": ""}),
        said(2, "Train", 90, others={"Ward": "Mile End"}),
    )
    shown = tables(
        *OVERALL,
        line("transport", "Ward", "Bow", SUPPRESSED),
        line("transport", "Ward", "(not given)", SUPPRESSED),
        line("transport", "Ward", "Mile End"),
        line("parks", "Ward", "Mile End", SUPPRESSED),
    )
    assert texts(quotes_of(review, shown, ["Ward"])) == ["Train"]


def test_a_cell_may_also_be_a_question_or_a_code_of_another_facet(opened):
    rows = [
        said(0, "Bus", question="Why?"),
        said(1, "Tram", 60, given={"topic": ["transport"], "who": ["parks"]}),
        said(2, "Train", 90),
    ]
    shown = tables(
        *OVERALL,
        line("transport", "question", "Why?", SUPPRESSED),
        line("transport", "who", "Parks (inferred)", SUPPRESSED),
    )
    shown = replace(shown, rows=(*shown.rows, replace(line("parks"), facet="who")))
    assert texts(quotes_of(opened(*rows), shown, ["question", "who"])) == ["Train"]


def test_a_cell_is_known_by_the_name_it_was_published_under(opened):
    rows = [said(0, "Bus", given={"topic": ["transport", "parks"]}), said(1, "Tram", 90)]
    named = replace(line("parks"), name="Green places")
    shown = tables(line("transport"), named, line("transport", "topic", "Green places", SUPPRESSED))
    assert texts(quotes_of(opened(*rows), shown, ["topic"])) == ["Tram", "Bus"]
    assert [one.code for one in quotes_of(opened(*rows), shown, ["topic"])] == ["transport", "parks"]


def test_a_cell_may_be_of_those_without_a_code(opened):
    rows = [
        said(0, "Bus", given={"topic": ["transport"]}),
        said(1, "Tram", 90, given={"topic": ["transport"], "service": ["parks"]}),
    ]
    shown = tables(line("transport"), line("transport", "service", "(no code)", SUPPRESSED))
    shown = replace(shown, rows=(*shown.rows, replace(line("parks"), facet="service")))
    assert texts(quotes_of(opened(*rows), shown, ["service"])) == ["Tram"]


def test_a_comment_is_not_quoted_under_a_code_that_somebody_who_checked_it_did_not_give_it(opened):
    review = opened(said(0, "Bus"), said(1, "Tram", 90))
    review.store.draw("an analyst", ["r0-q1", "r1-q1"])
    coded = [("r0-q1", "topic", ["parks"]), ("r1-q1", "topic", ["transport"])]
    review.store.check("an analyst", "screen", coded)
    assert texts(quotes_of(review, tables(*OVERALL))) == ["Tram"]


def test_what_respondents_say_of_themselves_is_not_called_coded_by_the_tool(opened):
    shown = replace(tables(replace(line("parks"), facet="who")), headings={"who": "Who"})
    (quote,) = quotes_of(opened(said(0, "Bus", given={"who": ["parks"]})), shown)
    assert (quote.coded_by, quote.given, quote.decided) == ("respondent", True, False)


def test_personal_data_is_masked_and_comments_about_somebody_are_left_out(opened):
    about = "Ring me on 020 7946 0991, 020 7946 0992 or 020 7946 0993"
    found = quotes_of(opened(said(0, about), said(1, "Mail me at a.tenant@example.org", 90)), tables(*OVERALL))
    assert texts(found) == ["Mail me at [email]"]


def test_of_a_long_comment_the_part_that_speaks_for_the_code_is_quoted_marked_as_such(opened):
    part = f"The bus never came {WORDS}"
    long = said(0, "word " * 80 + part, why={"topic": {"transport": (part, ("bus",))}})
    unexplained = said(1, "word " * 80, 90)
    assert [one.text for one in quotes_of(opened(long, unexplained), tables(*OVERALL))] == [f"… {part} …"]


def test_very_short_comments_are_not_quoted(opened):
    assert quotes_of(opened(row(0, "More buses please", vector=turned(0))), tables(*OVERALL)) == ()


def test_without_an_encoder_words_tell_comments_apart(opened):
    rows = [
        row(n, text)
        for n, text in enumerate(
            (
                "the bus was late again on the high street this morning",
                "the bus was late again on the high street this evening",
                "parking permits cost far too much for carers who visit",
            )
        )
    ]
    assert [one.comment_id for one in quotes_of(opened(*rows), tables(*OVERALL))] == ["r0-q1", "r2-q1"]


# ---- without a code --------------------------------------------------------------------------------------------------


def without(n, text, degrees):
    return said(n, text, degrees, given={"topic": []})


def test_the_pile_tells_how_many_have_no_code_the_groups_of_like_ones_and_examples(opened):
    review = opened(
        *(without(n, f"Rats by the bins {n}", n) for n in range(6)),
        *(without(n, f"Noise at night {n}", 90 + n) for n in range(6, 9)),
        said(9, "Bus"),
    )
    (pile,) = piles(review, tables(*OVERALL), smallest=5)
    assert (pile.facet, pile.comments, [count for count, _ in pile.groups]) == ("topic", 9, [6])
    assert "rats" in pile.groups[0][1]
    assert len(pile.examples) == 3 - 2  # of the one group; the other is too small to be told of
    assert pile.examples[0].text.startswith("Rats by the bins")


def test_a_name_is_no_word_of_a_group_and_examples_are_masked(opened):
    rows = [without(n, f"Mr Patel {n} wrote to a.tenant{n}@example.org", n) for n in range(6)]
    (pile,) = piles(opened(*rows), tables(*OVERALL), smallest=3)
    assert "patel" not in pile.groups[0][1]
    assert all("[email]" in one.text and "Patel" not in one.text for one in pile.examples)


def test_where_few_have_no_code_there_is_no_pile(opened):
    review = opened(without(0, "Rats", 0), said(1, "Bus"))
    assert piles(review, tables(*OVERALL[:3], line("", status=SUPPRESSED)), smallest=5) == ()
