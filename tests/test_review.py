"""What a person sees of a run, against the same worked out in plain Python from what went in."""

import random
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from invented_run import BOOK, CODES, make_run, row

from pipeline.coding.doubts import WORDS
from pipeline.reviewing.review import SORTS, STATES, Codes, Line, Near, Page, Query, Review, next_query
from pipeline.stores.review_records import Choice

SIZE = 60
DROP = "'; DROP TABLE standing; --"
TEXTS = ["100% of buses", "a_b \\ c", 'It\'s "late"', "Ünder the bridge 😀", DROP, "nul\0 and after", "<b>BUS</b> %_%"]
QUESTIONS = ["What should change?", "Anything else? 100%", DROP]
VALUES = ["Bow", " Bow\t", "\u00a0Bow", "Old Ford", "", "  ", DROP, "1", "null"]
COLUMNS = ["Ward", 'a "quoted" name', "a.b[0].c", "$", "it's", "back\\slash", "Größe 😀", "two\nlines", "", DROP]
DOUBTS = ["near the line (topic)", "near the line (service)", "unlike the corpus", "no code at all"]
ASKED = ("topic", "service")


def random_row(n, chance):
    given_codes = {f: chance.sample(CODES[f], chance.choice((0, 1, 1, 2))) for f in ASKED}
    return row(
        n,
        f"{chance.choice(TEXTS)} {'word ' * chance.randrange(4)}".rstrip(),
        question=chance.choice(QUESTIONS),
        copies=chance.choice((None, None, 5, -(2**63), 2**63 - 1)),
        doubts=chance.sample(DOUBTS, chance.choice((0, 0, 1, 2))),
        unsure=chance.choice((0.0, 0.25, 0.5, 1.0)),
        others={column: chance.choice(VALUES) for column in COLUMNS},
        given={**given_codes, "who": chance.sample(CODES["who"], 1)},
    )


def decide_at_random(store, rows, chance):
    """Decides some facets of some comments, some of them twice; gives what stands and what was shown first."""
    decided, shown, first = {}, {}, {}
    for _ in range(70):
        number = chance.randrange(SIZE // 2)
        place = (rows[number].comment_id, chance.choice(ASKED))
        machine = tuple(one.code for one in rows[number].given if one.facet == place[1])
        now = decided.get(place, machine)
        codes = chance.choice([None, machine, tuple(CODES[place[1]][:1]), tuple(CODES[place[1]][:2]), ()])
        saved = store.decide("a planner", "screen", [Choice(*place, codes, now)], store.as_of)
        if saved.saved:
            first.setdefault(place, now)
            decided[place], shown[place] = codes, now
    standing = {place: tuple(sorted(codes)) for place, codes in decided.items() if codes is not None}
    return standing, {place: (shown[place], first[place]) for place in standing}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A run of odd comments half decided, its rows, their order of reading and what stands."""
    chance = random.Random(3)
    rows = [random_row(n, chance) for n in range(1, SIZE + 1)]
    places = chance.sample(range(1, SIZE + 1), SIZE)
    run = make_run(tmp_path_factory.mktemp("world") / "run", rows, places)
    with Review(run) as review:
        standing, shown = decide_at_random(review.store, rows, chance)
        yield World(review, rows, places, standing, shown)


class World:
    """What went into the run, and what follows from it."""

    def __init__(self, review, rows, places, standing, shown):
        self.review, self.rows, self.places = review, rows, places
        self.standing, self.shown = standing, shown
        self.corrected = self.often_corrected()

    def machine(self, n, facet):
        return tuple(one.code for one in self.rows[n - 1].given if one.facet == facet)

    def codes(self, n, facet):
        return self.standing.get((self.rows[n - 1].comment_id, facet), self.machine(n, facet))

    def decided(self, n):
        return {facet for id_, facet in self.standing if id_ == self.rows[n - 1].comment_id}

    def often_corrected(self):
        seen = {}
        for (id_, facet), codes in self.standing.items():
            before = self.shown[(id_, facet)][0]
            for code in {*before, *codes}:
                seen.setdefault((facet, code), []).append((code in before) != (code in codes))
        return {pair for pair, changes in seen.items() if len(changes) >= 5 and sum(changes) >= 0.4 * len(changes)}

    def doubts(self, n):
        found = list(self.rows[n - 1].doubts)
        if any((one.facet, one.code) in self.corrected for one in self.rows[n - 1].given):
            found.append("code often corrected")
        return tuple(found)

    def is_in_state(self, n, state):
        changed = any(self.codes(n, f) != tuple(sorted(self.machine(n, f))) for f in self.decided(n))
        return {
            "waiting": not self.decided(n),
            "doubtful": not self.decided(n) and bool(self.doubts(n)),
            "decided": bool(self.decided(n)),
            "changed": changed,
        }.get(state, True)

    def fits(self, n, query):
        one = self.rows[n - 1]
        facet, colon, code = query.code.partition(":")
        codes = self.codes(n, facet)
        doubts = {*self.doubts(n), *(doubt.split(" (")[0] for doubt in self.doubts(n))}
        return (
            (lower(query.text) in lower(one.text) or query.text == one.comment_id)
            and (not colon or (code in codes if code != "none" else not codes))
            and (not query.doubt or query.doubt in doubts)
            and self.is_in_state(n, query.state)
            and query.question in ("", one.question)
            and (not query.column or one.others.get(query.column, "?").strip() == query.group)
        )

    def ordered(self, sort):
        keys = {
            "export": lambda n: n,
            "unsure": lambda n: (-self.rows[n - 1].unsure, n),
            "longest": lambda n: (-len(self.rows[n - 1].text.split()), n),
            "shortest": lambda n: (len(self.rows[n - 1].text.split()), n),
            "question": lambda n: (self.rows[n - 1].question, n),
        }
        return sorted(range(1, SIZE + 1), key=keys.get(sort, self.places.index))

    def asked_for(self, query):
        return [n for n in self.ordered(query.sort) if self.fits(n, query)]


def lower(text):
    """Lower case of the letters of English, which is what the search goes by."""
    return "".join(char.lower() if char.isascii() else char for char in text)


FACETS = st.sampled_from([*ASKED, "who", "none", "", DROP])
QUERIES = st.builds(
    Query,
    text=st.sampled_from(
        ["", "", "", "bus", "BUS", "%", "_", "\\", "100%", "'", '"', "ünder", "😀", "after", "r7-q1", DROP]
    ),
    code=st.one_of(
        st.just(""),
        st.just("topic"),
        st.builds("{}:{}".format, FACETS, st.sampled_from([*CODES["topic"], "none", "", "a:b", DROP])),
    ),
    doubt=st.sampled_from(["", "", *WORDS, *DOUBTS, "near", "the line", "the", "|", "%", DROP]),
    state=st.sampled_from(["", *STATES, "nonsense", DROP]),
    question=st.sampled_from(["", "", *QUESTIONS, "%"]),
    column=st.sampled_from(["", "", *COLUMNS, "Nowhere", "$.Ward"]),
    group=st.sampled_from([value.strip() for value in VALUES]),
    sort=st.sampled_from([*SORTS, "nonsense", "c.n; DROP TABLE standing"]),
    page=st.sampled_from([-5, 0, 1, 2, 3, 10**30]),
)


@settings(max_examples=200)
@given(QUERIES)
@example(Query(text="\ud800", column="\ud800", group="\ud800", doubt="\ud800", state="waiting"))
@example(Query(text="word " * 20_000))
@example(Query(code="topic:none"))
@example(Query(state="changed"))
@example(Query(doubt="code often corrected"))
def test_a_page_holds_what_was_asked_for_in_its_order(world, query):
    expected = world.asked_for(query)
    pages = max(1, (len(expected) + 6) // 7)
    number = min(max(query.page, 1), pages)
    page = world.review.page(query, 7)
    lines = tuple(world.review.lines(expected[(number - 1) * 7 : number * 7]))
    assert page == Page(lines, len(expected), number, pages, world.review.store.as_of)
    assert [line.n for line in lines] == expected[(number - 1) * 7 : number * 7]
    assert world.review.numbers(query) == expected


@given(QUERIES, st.integers(1, SIZE), st.booleans())
def test_next_and_previous_go_on_in_the_order_of_the_page_and_round(world, query, n, back):
    order = world.ordered(query.sort)
    round_ = [*order[order.index(n) + 1 :], *order[: order.index(n)]]
    following = [other for other in (reversed(round_) if back else round_) if world.fits(other, query)]
    assert world.review.next_after(n, query, back) == (following[0] if following else None)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("query", [Query(), Query(state="waiting"), Query(code="topic:none")])
def test_the_last_is_followed_by_the_first_and_the_first_comes_after_the_last(world, sort, query):
    query = replace(query, sort=sort)
    asked_for = world.asked_for(query)
    pairs = list(zip(asked_for, [*asked_for[1:], asked_for[0]], strict=True))
    assert [(n, world.review.next_after(n, query)) for n in asked_for] == pairs
    assert [(world.review.next_after(n, query, back=True), n) for _, n in pairs] == pairs


def test_the_invented_run_has_something_of_everything(world):
    """Else those above would show little."""
    found = {
        **{state: len(world.asked_for(Query(state=state))) for state in STATES},
        **{doubt: len(world.asked_for(Query(doubt=doubt))) for doubt in (*DOUBTS, "code often corrected")},
        "none": len(world.asked_for(Query(code="topic:none"))),
    }
    assert min(found.values()) >= 4, found
    assert world.corrected
    assert world.asked_for(Query(state="doubtful")) != [
        n for n in world.ordered("reading") if world.rows[n - 1].doubts and not world.decided(n)
    ]


def test_a_line_tells_all_of_its_comment(world):
    for n, line in enumerate(world.review.all_lines(), 1):
        one = world.rows[n - 1]
        same = [other for other in world.rows if other.copies == one.copies] if one.copies is not None else [one]
        decisions = {facet: line.facets[facet].decision for facet in world.decided(n)}
        assert {facet: d.codes for facet, d in decisions.items()} == {f: world.codes(n, f) for f in decisions}
        facets = {}
        for facet in CODES:
            machine = world.machine(n, facet)
            source = "person" if facet in decisions else "respondent" if facet == "who" else "machine"
            probability = tuple(code.probability for code in one.given if code.facet == facet)
            facets[facet] = Codes(world.codes(n, facet), machine, source, decisions.get(facet), probability)
        about = (n, one.comment_id, one.response_id, one.question, one.text, world.doubts(n), len(same))
        assert line == Line(*about, one.others, facets)
        assert line.decided == bool(decisions)
        assert sorted(world.review.copies_of(n)) == [
            other for other in range(1, SIZE + 1) if world.rows[other - 1] in same and other != n
        ]
        assert world.review.number_of(one.comment_id) == n
    assert n == world.review.total == SIZE


def test_counts_are_those_of_the_pages(world):
    counts = {state: len(world.asked_for(Query(state=state))) for state in STATES}
    assert world.review.counts() == {"all": SIZE, **counts}
    by_code = {}
    for n in range(1, SIZE + 1):
        for facet in CODES:
            for code in world.codes(n, facet):
                by_code[(facet, code)] = by_code.get((facet, code), 0) + 1
    assert world.review.code_counts() == by_code


def test_those_read_are_told_in_their_order_and_whether_they_were_changed(world):
    first = {}
    for one in world.review.store.decisions():
        first.setdefault((one.comment_id, one.facet), one.id)
    changed = {}
    for place in sorted(world.standing, key=first.get):
        other = set(world.standing[place]) != set(world.shown[place][1])
        changed[place[0]] = changed.get(place[0], False) or other
    assert world.review.changed_in_order() == list(changed.values())
    assert len(set(changed.values())) == 2


def test_what_was_undone_was_not_read(tmp_path):
    with Review(make_run(tmp_path / "run", [row(n) for n in range(1, 5)])) as review:
        for n, codes in ((1, ("parks",)), (2, ("transport",)), (3, ("housing",))):
            review.store.decide("a planner", "screen", [Choice(f"r{n}-q1", "topic", codes, ("transport",))], n - 1)
        assert review.changed_in_order() == [True, False, True]
        review.store.undo("a planner")
        assert review.changed_in_order() == [True, False]
        again = [Choice("r1-q1", "topic", ("transport",), ("parks",))]
        review.store.decide("a planner", "screen", again, review.store.as_of)
        assert review.changed_in_order() == [False, False]  # as the machine had it, in the end


def test_to_confirm_what_the_machine_said_is_no_change_in_whatever_order(tmp_path):
    said = ("transport", "parks", "housing")
    with Review(
        make_run(tmp_path / "run", [row(1, given={"topic": list(said)}), row(2, given={"topic": []})])
    ) as review:
        choices = [Choice("r1-q1", "topic", said, said), Choice("r2-q1", "topic", (), ())]
        review.store.decide("a planner", "screen", choices, 0)
        assert (review.numbers(Query(state="decided")), review.numbers(Query(state="changed"))) == ([1, 2], [])
        assert (review.changed_in_order(), review.often_corrected()) == ([False, False], set())


def test_people_are_asked_about_what_respondents_do_not_say_of_themselves(world):
    assert [facet.id for facet in world.review.facets] == ["topic", "service"]
    assert world.review.coded_codes == {facet: tuple(codes) for facet, codes in CODES.items()}
    assert world.review.codebook == BOOK


def test_the_codebook_is_the_one_edited_last(tmp_path):
    from pipeline.codebook import dump_codebook

    edited = replace(BOOK, name="Edited")
    run = make_run(tmp_path / "run", [row(1)])
    with Review(run) as review:
        review.store.save_book("a planner", dump_codebook(edited))
    with Review(run) as review:
        assert review.codebook == edited


def test_one_comment_is_shown_with_all_that_is_known_of_it(tmp_path):
    probability = np.linspace(0, 1, 9)
    why = {"topic": {"transport": ("The bus is late\ud800", ["bus", "late"])}}
    near = {"near": np.array([7, 2]), "similarity": np.array([0.75, 0.5]), "vector": np.array([0.6, 0.8], np.float32)}
    rows = [row(1, probability=probability, why=why, **near), row(2, vector=np.array([1, 0], np.float32))]
    with Review(make_run(tmp_path / "run", rows)) as review:
        review.store.decide("a planner", "screen", [Choice("r1-q1", "topic", ("parks",))], 0)
        review.store.undo("a planner")
        view = review.comment(1)
        assert view.line == review.lines([1])[0]
        assert {facet: list(of) for facet, of in view.probability.items()} == CODES
        flat = [value for of in view.probability.values() for value in of.values()]
        assert flat == pytest.approx(probability, abs=1e-3)
        assert view.why == {"topic": {"transport": ("The bus is late?", ("bus", "late"))}}
        assert view.near == (Near(7, 0.75), Near(2, 0.5))
        assert [(one.codes, one.how) for one in view.history] == [(("parks",), "screen"), (None, "undo")]
        assert view.as_of == 2
        assert review.vectors([2, 1]).tolist() == [[1, 0], pytest.approx([0.6, 0.8], abs=1e-3)]
        assert [review.comment(n) for n in (0, -1, 3, 2**63, 10**30)] == [None] * 5
        assert review.number_of("nobody") is None


def test_a_run_of_one_comment_has_no_next(tmp_path):
    with Review(make_run(tmp_path / "run", [row(1)])) as review:
        assert [review.next_after(1, Query(sort=sort), back) for sort in SORTS for back in (True, False)] == [None] * 12
        assert review.vectors([]).shape == (0, 0)
        assert review.page(Query(text="nowhere")) == Page((), 0, 1, 1, 0)


def test_next_while_reading_leaves_out_those_decided():
    assert next_query(Query(code="topic:parks")) == Query(code="topic:parks", state="waiting")
    assert next_query(Query(state="changed")) == Query(state="changed")


def test_a_page_never_claims_a_decision_that_it_does_not_show(tmp_path):
    """Else whoever decides on what it shows would overwrite another's decision unseen."""
    run = make_run(tmp_path / "run", [row(n) for n in range(1, 41)])
    stop = threading.Event()

    def decide_on():
        with Review(run) as review:
            turn = 0
            while not stop.is_set():
                turn += 1
                codes = (CODES["topic"][turn % 3],)
                choices = [Choice(f"r{turn % 40 + 1}-q1", "topic", codes)]
                review.store.decide("a tenant", "screen", choices, review.store.as_of)

    busy = threading.Thread(target=decide_on)
    busy.start()
    try:
        with Review(run) as review:
            for _ in range(60):
                page = review.page(Query(), 40)
                view = review.comment(7)
                shown = [c.decision.id for line in page.lines for c in line.facets.values() if c.decision]
                assert max(shown, default=0) == page.as_of
                assert view.line.facets["topic"].decision == (view.history[-1] if view.history else None)
                assert view.as_of >= page.as_of
    finally:
        stop.set()
        busy.join()
    assert page.as_of > 0
