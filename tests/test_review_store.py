"""Decisions: only added, undone by further ones, made by several people at once, and kept through anything."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path

import pytest
from invented_run import make_run, row

from pipeline.errors import InputError, OutputError, UserError
from pipeline.stores import review_tables
from pipeline.stores.review_records import Answer, Answered, Choice, Drawn, LogConflict, Saved
from pipeline.stores.review_store import Store, has_decisions

COMMENTS = [f"r{n}-q1" for n in range(1, 7)]
BUS, PARK, RENT = ("transport",), ("parks",), ("housing",)


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", [row(n) for n in range(1, 7)])


@pytest.fixture
def store(run):
    with Store(run) as opened:
        yield opened


def decide(store, who, codes, comment="r1-q1", as_of=None, **more):
    """One choice in the facet `topic`, made in sight of all there is or of what there was."""
    seen = store.as_of if as_of is None else as_of
    return store.decide(who, "screen", [Choice(comment, "topic", codes, **more)], seen)


def standing(store):
    return {(one.comment_id, one.facet): one.codes for one in store.standing()}


def refusal(kind, call, *args):
    with pytest.raises(kind) as error:
        call(*args)
    return str(error.value)


# ---- deciding and undoing ------------------------------------------------------------------------------------------


def test_a_decision_is_kept_with_who_how_what_was_shown_model_and_note(store):
    choices = [
        Choice("r1-q1", "topic", ("parks", "housing", "parks"), ("transport",)),
        Choice("r2-q1", "service", ()),
        Choice("r3-q1", "topic", None),
    ]
    saved = store.decide("  a planner ", "list", choices, 0, "read twice 😀")
    assert saved == Saved(act=1, saved=2, unchanged=1)
    found = [(one.id, one.act, one.comment_id, one.facet, one.codes, one.shown) for one in store.decisions()]
    assert found == [
        (1, 1, "r1-q1", "topic", ("housing", "parks"), ("transport",)),
        (2, 1, "r2-q1", "service", (), ()),
    ]
    assert {astuple(one)[6:7] + astuple(one)[8:] for one in store.decisions()} == {
        ("a planner", "list", "read twice 😀", "invented")
    }
    assert [(act["id"], act["who"], act["how"], act["decisions"]) for act in store.acts()] == [
        (1, "a planner", "list", 2)
    ]
    assert standing(store) == {("r1-q1", "topic"): ("housing", "parks"), ("r2-q1", "service"): ()}


def test_what_is_decided_already_makes_no_act(store):
    assert decide(store, "a planner", BUS) == Saved(1, 1, 0)
    assert decide(store, "a tenant", BUS, as_of=0) == Saved(None, 0, 1)
    assert (len(store.acts()), store.as_of) == (1, 1)


def test_a_nameless_person_decides_nothing(store, run):
    message = f"{run}: nobody says who decides. Fix: give a name"
    assert refusal(InputError, decide, store, " \t", BUS) == message
    assert store.acts() == []


def test_undoing_is_a_further_decision(store):
    decide(store, "a planner", BUS, shown=("parks",))
    assert store.undo("a planner") == (1, 0)
    assert [(one.codes, one.how) for one in store.history("r1-q1")] == [(BUS, "screen"), (None, "undo")]
    assert standing(store) == {}
    assert store.undo("a planner") is None


def test_undoing_again_and_again_goes_back_act_by_act(store):
    for codes in (BUS, PARK, RENT):
        decide(store, "a planner", codes)
    undone = []
    while (one := store.undo("a planner")) is not None:
        undone.append((one, standing(store).get(("r1-q1", "topic"))))
    assert undone == [((1, 0), PARK), ((1, 0), BUS), ((1, 0), None)]


def test_what_is_decided_after_undoing_can_be_undone_in_its_turn(store):
    decide(store, "a planner", BUS)
    decide(store, "a planner", PARK)
    store.undo("a planner")
    decide(store, "a planner", RENT)
    assert [store.undo("a planner"), standing(store)] == [(1, 0), {("r1-q1", "topic"): BUS}]
    assert [store.undo("a planner"), standing(store)] == [(1, 0), {}]
    assert store.undo("a planner") is None


def test_choosing_otherwise_on_the_same_comment_in_one_act_is_a_conflict(store):
    twice = [Choice("r1-q1", "topic", BUS), Choice("r2-q1", "topic", PARK), Choice("r1-q1", "topic", RENT)]
    saved = store.decide("a planner", "list", twice, 0)
    assert (saved.saved, [(one.mine, one.theirs.codes) for one in saved.conflicts]) == (2, [(twice[2], BUS)])
    assert store.undo("a planner") == (2, 0)
    assert standing(store) == {}


def test_undoing_leaves_what_another_has_decided_since(store):
    choices = [Choice(comment, "topic", BUS) for comment in COMMENTS[:3]]
    store.decide("a planner", "list", choices, 0)
    decide(store, "a tenant", RENT, "r2-q1")
    assert store.undo("a planner") == (2, 1)
    assert standing(store) == {("r2-q1", "topic"): RENT}
    assert store.undo("a planner") is None


def test_undoing_puts_back_what_another_had_decided_with_what_that_person_was_shown(store):
    decide(store, "a tenant", RENT, shown=("transport", "parks"))
    decide(store, "a planner", BUS, shown=RENT)
    store.undo("a planner")
    assert [(one.codes, one.shown) for one in store.standing()] == [(RENT, ("transport", "parks"))]
    assert store.undo("a tenant") == (1, 0)
    assert standing(store) == {}


def test_undoing_is_ones_own(store):
    decide(store, "a planner", BUS)
    assert store.undo("a tenant") is None
    assert standing(store) == {("r1-q1", "topic"): BUS}


def test_many_random_acts_leave_what_a_pile_of_papers_would(store):
    """Each comment as a pile: deciding lays a sheet on top, undoing takes mine off where it is the top one."""
    chance = random.Random(7)
    piles, acts, number = {comment: [] for comment in COMMENTS[:3]}, {"a planner": [], "a tenant": []}, 0
    for _ in range(400):
        who = chance.choice(list(acts))
        if chance.random() < 0.4:
            sheets = acts[who].pop() if acts[who] else None
            top = [sheet for sheet in sheets or () if piles[sheet[1]] and piles[sheet[1]][-1] == sheet]
            for sheet in top:
                piles[sheet[1]].pop()
            assert store.undo(who) == (None if sheets is None else (len(top), len(sheets) - len(top)))
        else:
            codes = chance.choice([BUS, PARK, RENT, ()])
            choices = [Choice(comment, "topic", codes) for comment in piles if chance.random() < 0.5]
            new = [c.comment_id for c in choices if not piles[c.comment_id] or piles[c.comment_id][-1][2] != codes]
            sheets = [(number := number + 1, comment, codes) for comment in new]
            for sheet in sheets:
                piles[sheet[1]].append(sheet)
            if sheets:
                acts[who].append(sheets)
            assert store.decide(who, "list", choices, store.as_of).saved == len(new)
        assert standing(store) == {(comment, "topic"): pile[-1][2] for comment, pile in piles.items() if pile}


# ---- nothing is ever changed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["acts", "decisions", "drawn", "checks", "books"])
@pytest.mark.parametrize("order", ["UPDATE {} SET act = 1", "DELETE FROM {}", "REPLACE INTO {0} SELECT * FROM {0}"])
def test_what_people_said_cannot_be_changed(store, table, order):
    decide(store, "a planner", BUS)
    store.draw("a planner", ["r1-q1"])
    store.check("a planner", "screen", [("r1-q1", "topic", BUS)])
    store.save_book("a planner", "name = 'Mine'")
    before = store.db.execute(f"SELECT * FROM {table}").fetchall()
    order = order.replace("act =", "who =") if table == "acts" else order
    with pytest.raises(sqlite3.IntegrityError, match="what people said is only added to"):
        store.db.execute(order.format(table))
    assert store.db.execute(f"SELECT * FROM {table}").fetchall() == before


class BrokenOff(list):
    """Choices of which the last never comes."""

    def __iter__(self):
        yield from super().__iter__()
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        (BrokenOff([Choice("r1-q1", "topic", BUS), Choice("r2-q1", "topic", BUS)]), KeyboardInterrupt),
        ([Choice("r1-q1", "topic", BUS), Choice("r99-q1", "topic", BUS)], InputError),
    ],
)
def test_an_act_that_breaks_in_the_middle_leaves_neither_decisions_nor_an_audit_row(store, choices, error):
    with pytest.raises(error):
        store.decide("a planner", "list", choices, 0)
    with Store(store.run) as other:
        assert (list(other.decisions()), other.acts(), standing(other)) == ([], [], {})
    assert decide(store, "a planner", BUS) == Saved(1, 1, 0)


def test_a_comment_that_is_not_in_the_run_is_told(store, run):
    message = f"{run}: there is no comment 'r99-q1'. Fix: check its id"
    assert refusal(InputError, decide, store, "a planner", BUS, "r99-q1") == message


def test_words_that_no_file_can_hold_do_not_lose_a_decision(store):
    store.decide("a \ud800planner", "screen", [Choice("r1-q1", "topic", BUS)], 0, "a note\ud800\0 and more")
    assert [(one.who, one.note) for one in store.decisions()] == [("a ?planner", "a note?\0 and more")]
    assert store.undo("a \ud800planner") == (1, 0)


# ---- several people at once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "seen", "outcome"),
    [
        (PARK, 0, "conflict"),
        (PARK, 1, "conflict"),
        (PARK, 2, "saved"),
        (RENT, 0, "unchanged"),
        (RENT, 2, "unchanged"),
        (BUS, 1, "conflict"),
        ((), 1, "conflict"),
        (None, 1, "conflict"),
        (None, 2, "saved"),
    ],
)
def test_a_choice_made_without_having_seen_the_last_decision_never_wins_silently(store, mine, seen, outcome):
    decide(store, "a planner", BUS)
    decide(store, "a planner", RENT)
    saved = decide(store, "a tenant", mine, as_of=seen)
    assert (saved.saved, saved.unchanged, len(saved.conflicts)) == tuple(
        int(outcome == name) for name in ("saved", "unchanged", "conflict")
    )
    assert [(one.mine.codes, one.theirs.codes, one.theirs.who) for one in saved.conflicts] == [
        (mine, RENT, "a planner")
    ] * len(saved.conflicts)
    expected = {"saved": mine}.get(outcome, RENT)
    assert standing(store) == ({("r1-q1", "topic"): expected} if expected is not None else {})


def test_what_was_taken_back_meanwhile_is_a_conflict_too(store):
    decide(store, "a planner", BUS)
    seen = store.as_of
    store.undo("a planner")
    saved = decide(store, "a tenant", RENT, as_of=seen)
    assert [(one.theirs.codes, one.theirs.how) for one in saved.conflicts] == [(None, "undo")]


def test_only_the_choices_in_conflict_are_held_back(store):
    decide(store, "a planner", BUS, "r2-q1")
    saved = store.decide("a tenant", "sheet", [Choice(comment, "topic", RENT) for comment in COMMENTS], 0)
    assert (saved.saved, saved.unchanged, [one.mine.comment_id for one in saved.conflicts]) == (5, 0, ["r2-q1"])


def test_another_decision_elsewhere_is_no_conflict(store):
    decide(store, "a planner", BUS, "r2-q1")
    store.decide("a planner", "screen", [Choice("r1-q1", "service", BUS)], 1)
    assert decide(store, "a tenant", RENT, as_of=0) == Saved(3, 1, 0)


def test_nobody_can_have_seen_what_is_not_there_yet(store, run):
    """As where a sheet of another run, or of a later copy of this one, is read in."""
    decide(store, "a planner", BUS)
    assert refusal(InputError, decide, store, "a tenant", RENT, "r1-q1", 2) == (
        f"{run}: knows nothing of decisions that are said to have been seen. Fix: begin again from this run"
    )
    assert standing(store) == {("r1-q1", "topic"): BUS}


def note(store, who, text, codes=BUS, facets=("topic",), as_of=None):
    """Says these codes of one comment with a note, in sight of all there is or of what there was."""
    choices = [Choice("r1-q1", facet, codes, ("transport", "shown now")) for facet in facets]
    return store.decide(who, "screen", choices, store.as_of if as_of is None else as_of, text)


def said(store):
    return [(one.who, one.facet, one.codes, one.shown, one.note) for one in store.history("r1-q1")]


FIRST = ("a planner", "topic", BUS, ("parks",), "")
CONFIRMED = ("a tenant", "topic", BUS, ("parks",), "it says so")


def test_a_note_on_what_stands_already_is_kept_with_a_decision_that_confirms_it(store):
    decide(store, "a planner", BUS, shown=("parks",))
    assert note(store, "a tenant", "it says so") == Saved(2, 0, 1, noted=1)
    assert said(store) == [FIRST, CONFIRMED]
    assert standing(store) == {("r1-q1", "topic"): BUS}


def test_the_same_note_again_or_none_adds_nothing_and_that_of_somebody_else_does(store):
    decide(store, "a planner", BUS, shown=("parks",))
    note(store, "a tenant", "it says so")
    other = ("a planner", "topic", BUS, ("parks",), "it says so")
    assert note(store, "a tenant", "it says so") == note(store, "a tenant", "  ") == Saved(None, 0, 1)
    assert note(store, "a planner", "it says so") == Saved(3, 0, 1, noted=1)
    assert note(store, "a tenant", "it says so") == Saved(None, 0, 1)
    assert said(store) == [FIRST, CONFIRMED, other]


def test_a_note_beside_what_is_new_of_a_comment_confirms_nothing_else_of_it(store):
    decide(store, "a planner", BUS)
    assert note(store, "a tenant", "both", facets=("topic", "service")) == Saved(2, 1, 1)
    assert note(store, "a tenant", "both", facets=("topic", "service")) == Saved(None, 0, 2)
    assert [one[1] for one in said(store)] == ["topic", "service"]


def test_a_note_on_what_was_taken_back_or_is_disputed_confirms_nothing(store):
    decide(store, "a planner", BUS)
    disputed = note(store, "a tenant", "mine", codes=RENT, facets=("topic", "service"), as_of=0)
    assert (disputed.saved, len(disputed.conflicts), disputed.noted) == (1, 1, 0)
    decide(store, "a planner", None)
    assert note(store, "a tenant", "none", codes=None) == Saved(None, 0, 1)


def test_undoing_a_note_takes_it_back_so_that_it_can_be_written_again_and_leaves_the_codes(store):
    decide(store, "a planner", BUS, shown=("parks",))
    note(store, "a tenant", "it says so")
    assert store.undo("a planner") == (0, 1)  # somebody has confirmed it since
    assert store.undo("a tenant") == (1, 0)
    assert standing(store) == {("r1-q1", "topic"): BUS}
    assert note(store, "a tenant", "it says so").noted == 1
    assert store.undo("a tenant") == (1, 0)
    assert standing(store) == {("r1-q1", "topic"): BUS}
    assert store.undo("a tenant") is None


def test_who_decides_otherwise_without_having_seen_a_confirmation_is_asked(store):
    decide(store, "a planner", BUS)
    seen = store.as_of
    note(store, "a tenant", "it says so")
    (conflict,) = decide(store, "an analyst", RENT, as_of=seen).conflicts
    assert (conflict.theirs.who, conflict.theirs.note) == ("a tenant", "it says so")


def everybody_decides(run, who, times, chance):
    """Decides at random in sight of a state that may be stale; the note says which. Gives what came of each choice."""
    outcome = Counter()
    with Store(run) as store:
        for _ in range(times):
            seen = max(0, store.as_of - chance.choice((0, 0, 1, 5)))
            facets = chance.sample([(c, f) for c in COMMENTS for f in ("topic", "service")], 3)
            choices = [Choice(*place, chance.choice([BUS, PARK, RENT, (), None])) for place in facets]
            saved = store.decide(who, "screen", choices, seen, str(seen))
            outcome.update(saved=saved.saved, unchanged=saved.unchanged, conflicts=len(saved.conflicts))
            if chance.random() < 0.1:
                store.undo(who)
    return outcome


def check_that_nobody_was_overwritten_unseen(run, outcome, choices):
    assert sum(outcome.values()) == choices
    assert min(outcome[name] for name in ("saved", "unchanged", "conflicts")) > 0
    last, changes = {}, 0  # others confirm what stands, to keep a note
    with Store(run) as store:
        for one in store.decisions():
            place = (one.comment_id, one.facet)
            before = last.get(place)
            if one.how != "undo" and before is not None and before.codes != one.codes:
                assert before.id <= int(one.note), f"{one} overwrites {before}"
            changes += one.how == "screen" and (before is None or before.codes != one.codes)
            last[place] = one
        assert standing(store) == {place: one.codes for place, one in last.items() if one.codes is not None}
        assert changes == outcome["saved"]


def test_many_threads_deciding_at_once_overwrite_nobody(run):
    outcomes = []

    def one(number):
        outcomes.append(everybody_decides(run, f"analyst {number}", 30, random.Random(number)))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    check_that_nobody_was_overwritten_unseen(run, sum(outcomes, Counter()), 8 * 30 * 3)


def start(script, *args):
    """Another process that has this folder's modules."""
    begin = f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    return subprocess.Popen([sys.executable, "-c", begin + script, *map(str, args)], stdout=subprocess.PIPE, text=True)


ONE_ANALYST = """
import json, random
from pathlib import Path
from test_review_store import everybody_decides
run, number = sys.argv[1:]
print(json.dumps(everybody_decides(Path(run), f"analyst {number}", 30, random.Random(int(number)))))
"""


def test_several_processes_deciding_at_once_overwrite_nobody(run):
    others = [start(ONE_ANALYST, run, number) for number in range(3)]
    outcomes = [Counter(json.loads(other.communicate()[0])) for other in others]
    check_that_nobody_was_overwritten_unseen(run, sum(outcomes, Counter()), 3 * 30 * 3)


def test_undoing_twice_at_the_same_moment_takes_back_two_acts_not_one_twice(run):
    with Store(run) as store:
        for codes in (BUS, PARK, RENT):
            decide(store, "a planner", codes)
    barrier, undone = threading.Barrier(2), []

    def one():
        with Store(run) as store:
            barrier.wait()
            undone.append(store.undo("a planner"))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store(run) as store:
        assert (undone, standing(store)) == ([(1, 0), (1, 0)], {("r1-q1", "topic"): BUS})


def test_decisions_can_be_made_while_others_are_being_looked_through(run):
    with Store(run) as store, Store(run) as other:
        store.decide("a planner", "list", [Choice(comment, "topic", BUS) for comment in COMMENTS], 0)
        for n, one in enumerate(store.standing()):
            decide(other, "a tenant", PARK, one.comment_id)
            decide(store, "a planner", RENT, one.comment_id)
            assert n < len(COMMENTS)
        assert set(standing(store).values()) == {RENT}


def test_a_snapshot_stays_as_it_was_while_others_decide(run):
    with Store(run) as store, Store(run) as other:
        with store.snapshot():
            before = (store.as_of, standing(store))
            decide(other, "a tenant", BUS)
            with store.snapshot():
                assert (store.as_of, standing(store)) == before == (0, {})
        assert (store.as_of, standing(store)) == (1, {("r1-q1", "topic"): BUS})


# ---- killed at any moment ------------------------------------------------------------------------------------------

KILLED = """
import os, random, signal, time
from pathlib import Path
from pipeline.stores.review_records import Choice
from pipeline.stores.review_store import Store

run, times = Path(sys.argv[1]), int(sys.argv[2])

def decide_for_ever(out):
    with Store(run) as store:
        turn = store.as_of
        while True:
            turn += 1
            if turn % 5 == 0 and store.undo("an analyst") == (3, 0):
                act = store.acts(1)[0]["id"]
            else:
                places = [(f"r{turn % 4 + k}-q1", "topic") for k in (1, 2, 3)]
                now = {(one.comment_id, one.facet): one.codes for one in store.standing()}
                choices = [Choice(*p, ("parks",) if now.get(p) == ("housing",) else ("housing",)) for p in places]
                act = store.decide("an analyst", "screen", choices, store.as_of).act
            os.write(out, f"{act}\\n".encode())

chance = random.Random(int(sys.argv[3]))
for _ in range(times):
    ready, out = os.pipe()
    child = os.fork()
    if not child:
        os.close(ready)
        decide_for_ever(out)
    os.close(out)
    with os.fdopen(ready) as acknowledged:
        wait = chance.choice((0, 0, 1, 2, 5))
        heard = [acknowledged.readline() for _ in range(wait)]
        time.sleep(chance.random() * (0.005 if wait else 0.02))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        print(*heard, acknowledged.read(), sep="", end="")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no such way to die")
def test_what_was_acknowledged_outlives_any_number_of_sudden_deaths(run):
    """Each death may fall anywhere: while opening, making tables, deciding, undoing or acknowledging."""
    acknowledged = [int(line) for line in start(KILLED, run, 60, 11).communicate()[0].split()]
    assert len(acknowledged) >= 60
    with sqlite3.connect(run / "decisions.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()
    with Store(run) as store:
        decided = Counter(one.act for one in store.decisions())
        acts = [act["id"] for act in store.acts(10**6)]
        assert set(decided) == set(acts)
        assert set(decided.values()) == {3}
        assert sorted(acknowledged) == acknowledged
        assert set(acknowledged) <= set(acts)
        # At most one act for each death was written and not acknowledged any more.
        assert len(acts) - len(acknowledged) <= 60
        last = {(one.comment_id, one.facet): one.codes for one in store.decisions()}
        assert standing(store) == {place: codes for place, codes in last.items() if codes is not None}


# ---- what the system refuses ---------------------------------------------------------------------------------------


def test_a_decision_waits_while_somebody_else_writes(run, store):
    with Store(run) as other:
        other.db.execute("BEGIN IMMEDIATE")
        outcome = []
        waiting = threading.Thread(target=lambda: outcome.append(decide_in(run)))
        waiting.start()
        waiting.join(0.3)
        assert (waiting.is_alive(), outcome) == (True, [])
        other.db.execute("COMMIT")
        waiting.join()
    assert outcome == [Saved(1, 1, 0)]


def decide_in(run):
    with Store(run) as store:
        return decide(store, "a planner", BUS)


def test_a_file_that_somebody_holds_for_long_is_told_and_nothing_is_half_written(run, store):
    store.db.execute("PRAGMA busy_timeout = 50")
    with Store(run) as other:
        other.db.execute("BEGIN IMMEDIATE")
        assert refusal(OutputError, decide, store, "a planner", BUS) == (
            f"{run / 'decisions.db'}: somebody else has been writing to it for long (database is locked). "
            "Fix: try again, or close what has it open"
        )
        other.db.execute("ROLLBACK")
    assert decide(store, "a planner", BUS) == Saved(1, 1, 0)


def test_a_full_disk_is_told_and_what_was_decided_before_stands(run, store):
    decide(store, "a planner", BUS)
    pages = store.db.execute("PRAGMA page_count").fetchone()[0]
    store.db.execute(f"PRAGMA max_page_count = {pages}")
    choices = [Choice(comment, facet, RENT) for comment in COMMENTS for facet in ("topic", "service")]
    many = [Choice(one.comment_id, one.facet, codes) for codes in (PARK, RENT) * 40 for one in choices]
    message = refusal(OutputError, lambda: [store.decide("a tenant", "list", [one], store.as_of) for one in many])
    assert message == (f"{run / 'decisions.db'}: cannot be written (database or disk is full). Fix: free some space")
    before = [one.id for one in store.decisions()]
    store.db.execute("PRAGMA max_page_count = 100000")
    assert decide(store, "a planner", PARK, as_of=store.as_of).saved == 1
    assert [one.id for one in store.decisions()] == [*before, len(before) + 1]
    assert store.db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@contextmanager
def without_rights():
    """As somebody who owns none of the files, where the tests are run by who may do everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public_run(run):
    """A copy of the run in a folder that everybody can look into."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield Path(shutil.copytree(run, folder / "run"))
    for path in folder.rglob("*"):
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="this system keeps rights in another way")
@pytest.mark.parametrize(("folder", "file"), [(0o555, 0o644), (0o555, 0o444)])
@pytest.mark.parametrize("there", [True, False])
def test_a_run_that_cannot_be_written_to_is_told(public_run, folder, file, there):
    path = public_run / "decisions.db"
    if there:
        decide_in(public_run)
        path.chmod(file)
    public_run.chmod(folder)
    with without_rights():
        message = refusal(UserError, decide_in, public_run)
    assert message.startswith(f"{path}: cannot be written (")
    assert message.endswith("). Fix: get the right to write in this folder, or copy the run elsewhere")


def test_a_connection_that_may_only_read_is_told(run, store):
    store.db.execute("PRAGMA query_only = ON")
    assert refusal(OutputError, decide, store, "a planner", BUS) == (
        f"{run / 'decisions.db'}: cannot be written (attempt to write a readonly database). "
        "Fix: get the right to write in this folder, or copy the run elsewhere"
    )


def test_a_folder_in_the_place_of_the_file_is_told(run):
    (run / "decisions.db").mkdir()
    assert refusal(UserError, Store, run) == (
        f"{run / 'decisions.db'}: cannot be written (unable to open database file). "
        "Fix: get the right to write in this folder, or copy the run elsewhere"
    )


@pytest.mark.parametrize("name", ["decisions.db", "comments.db"])
def test_a_file_that_is_no_database_is_told(run, name):
    decide_in(run)
    (run / name).write_bytes(b"no database at all, whatever it is called" * 100)
    message = f"{run / name}: is damaged (file is not a database). Fix: put back a copy of it"
    assert refusal(InputError, Store, run) == message
    assert has_decisions(run)


@pytest.mark.parametrize("name", ["decisions.db", "comments.db"])
def test_a_file_damaged_in_the_middle_is_told_by_its_name(run, name):
    with Store(run) as store:
        store.decide("a planner", "list", [Choice(comment, "topic", BUS) for comment in COMMENTS], 0)
    content = bytearray((run / name).read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (run / name).write_bytes(content)

    def look():
        with Store(run) as store:
            store.db.execute("SELECT count(text) FROM run.comments").fetchone()
            return list(store.decisions())

    message = refusal(UserError, look)
    assert message.startswith(f"{run / name}: is damaged (")
    assert message.endswith("). Fix: put back a copy of it")


def test_an_emptied_file_is_not_taken_for_one_in_which_nobody_has_decided(run, feedback):
    decide_in(run)
    (run / "decisions.db").write_bytes(b"")
    message = (
        f"{run / 'decisions.db'}: is damaged (it is empty). "
        "Fix: put back a copy of it; delete it only if nobody has decided anything in this run"
    )
    assert [refusal(InputError, call, run) for call in (Store, has_decisions)] == [message] * 2
    told = feedback("tables", run)
    assert (told.exit_code, told.stdout, told.stderr) == (1, "", f"Error: {message}\n")
    assert (run / "decisions.db").read_bytes() == b""


def test_comments_without_a_table_are_told(run):
    (run / "comments.db").write_bytes(b"")
    assert refusal(InputError, Store, run) == (
        f"{run / 'comments.db'}: cannot be opened (no such table: run.meta). Fix: put back a copy of it"
    )


def test_a_mistake_of_our_own_keeps_its_traceback(run):
    with pytest.raises(sqlite3.OperationalError), Store(run) as store:
        store.db.execute("SELECT nonsense")


def test_a_folder_that_is_no_run_is_told(tmp_path, run):
    assert refusal(InputError, Store, tmp_path) == (
        f"{tmp_path}: is no run folder. Fix: make one with feedback classify EXPORT --out RUN"
    )
    (run / "comments.db").unlink()
    assert refusal(InputError, Store, run) == (
        f"{run}: was coded by an earlier version of this tool (comments.db is missing). "
        "Fix: code the export again: feedback classify EXPORT --out RUN"
    )
    assert not (run / "decisions.db").exists()


@pytest.mark.parametrize("name", ["a run? #1 100%25 é", "a 'quoted' \"run\""])
def test_a_run_may_have_any_name(run, name):
    moved = run.rename(run.parent / name)
    assert decide_in(moved) == Saved(1, 1, 0)
    assert (moved / "decisions.db").is_file()


# ---- the feedback log ------------------------------------------------------------------------------------------------

BUS_LINE, THEME_LINE, NO_CODE_LINE = ("r1-q1", "topic", "transport"), ("", "topic", "transport"), ("r2-q1", "", "")


def answer(store, who, key, seen=None, **said):
    """Fills in parts of one line of the log, in sight of what stands, or of what is said to have been seen."""
    stands = {line.key: line.answer for line in store.log()}.get(key, Answer())
    before = {part: frozenset({getattr(stands, part) if seen is None else seen}) for part in said}
    return store.answer(who, "read-log", [Answered(key, said, before)], "log.xlsx, log 1")


def answers(store):
    return {line.key: line.answer for line in store.log()}


def test_an_answer_is_kept_with_who_and_when_part_by_part(store):
    assert answer(store, " a planner ", BUS_LINE, response="Two buses 😀", status="done") == (1, 0, [])
    assert answer(store, "a clerk", BUS_LINE, owner="Transport", status="done") == (1, 0, [])
    assert answer(store, "a clerk", THEME_LINE, due="2026-05-01") == (1, 0, [])
    assert answer(store, "a clerk", NO_CODE_LINE, published="no") == (1, 0, [])
    both = Answer("Two buses 😀", "Transport", "", "done")
    lines = [(line.id, line.act, line.key, line.answer, line.who, line.how) for line in store.log_where("1")]
    assert lines == [
        (1, 1, BUS_LINE, Answer("Two buses 😀", status="done"), "a planner", "read-log"),
        (2, 2, BUS_LINE, both, "a clerk", "read-log"),
        (3, 3, THEME_LINE, Answer(due="2026-05-01"), "a clerk", "read-log"),
        (4, 4, NO_CODE_LINE, Answer(published="no"), "a clerk", "read-log"),
    ]
    assert answers(store) == {line[2]: line[3] for line in lines[1:]}
    assert [line.id for line in store.log(as_of=1)] == [1]
    assert [line.id for line in store.log_of(["r1-q1", "r2-q1"])] == [2, 4]
    assert [line.id for line in store.log_of([""])] == [3]
    assert (store.log_as_of, store.log_codes(), store.log_without_comment()) == (4, [("topic", "transport")], [])


def test_an_answer_that_stands_already_makes_no_act(store):
    answer(store, "a planner", BUS_LINE, response="Yes")
    assert answer(store, "a clerk", BUS_LINE, response="Yes") == (0, 1, [])
    assert answer(store, "a clerk", NO_CODE_LINE, response="") == (0, 1, [])
    assert len(store.acts()) == 1


def test_a_part_that_somebody_else_filled_in_otherwise_stays_and_the_others_are_saved(store):
    answer(store, "a planner", BUS_LINE, response="Theirs", owner="Same")
    theirs = store.log()[0]
    found = answer(store, "a clerk", BUS_LINE, seen="", response="Mine", owner="Same", status="done")
    assert found == (1, 0, [LogConflict(BUS_LINE, "response", "Mine", theirs)])
    assert answers(store) == {BUS_LINE: Answer("Theirs", "Same", status="done")}
    assert answer(store, "a clerk", BUS_LINE, seen="Theirs", response="") == (1, 0, [])
    assert answers(store) == {BUS_LINE: Answer("", "Same", status="done")}


def test_an_answer_about_no_comment_of_the_run_saves_nothing_at_all(store, run):
    some = [Answered(key, {"owner": "Mine"}, {"owner": frozenset()}) for key in (BUS_LINE, ("r9-q1", "topic", "parks"))]
    assert refusal(InputError, store.answer, "a clerk", "read-log", some) == (
        f"{run}: there is no comment 'r9-q1'. Fix: check its id"
    )
    assert (answers(store), store.acts()) == ({}, [])


def test_undoing_takes_back_decisions_and_no_answer(store):
    decide(store, "a planner", BUS)
    answer(store, "a planner", BUS_LINE, response="Yes")
    assert store.undo("a planner") == (1, 0)
    assert (answers(store), standing(store)) == ({BUS_LINE: Answer("Yes")}, {})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET response = ''",
        "DELETE FROM log",
        "INSERT OR REPLACE INTO log SELECT id, act, comment_id, facet, code, '', '', '', '', '' FROM log",
    ],
)
def test_what_was_answered_is_only_added_to(store, statement):
    answer(store, "a planner", BUS_LINE, response="Yes")
    with pytest.raises(sqlite3.IntegrityError, match="what people said is only added to"):
        store.db.execute(statement)
    assert answers(store) == {BUS_LINE: Answer("Yes")}


def test_a_run_decided_before_there_was_a_log_gets_one_and_loses_nothing(run, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(review_tables, "MIGRATIONS", review_tables.MIGRATIONS[:1])
        decide_in(run)
        assert tables(run / "decisions.db")[0] == 1
    with Store(run) as store:
        assert standing(store) == {("r1-q1", "topic"): BUS}
        assert answer(store, "a clerk", BUS_LINE, response="Yes") == (1, 0, [])
    assert tables(run / "decisions.db")[0] == len(review_tables.MIGRATIONS)


# ---- migrations ----------------------------------------------------------------------------------------------------


def tables(path):
    db = sqlite3.connect(path)
    found = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    version = db.execute("PRAGMA user_version").fetchone()[0]
    db.close()
    return version, found


def test_a_file_without_tables_gets_them_all(run):
    sqlite3.connect(run / "decisions.db").executescript("PRAGMA user_version = 0; VACUUM").connection.close()
    assert (run / "decisions.db").stat().st_size
    assert decide_in(run) == Saved(1, 1, 0)
    assert tables(run / "decisions.db")[0] == len(review_tables.MIGRATIONS)


def test_a_file_of_a_later_version_is_refused_and_left_alone(run):
    decide_in(run)
    db = sqlite3.connect(run / "decisions.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = tables(run / "decisions.db")
    assert refusal(InputError, Store, run) == (
        f"{run / 'decisions.db'}: was made by a later version of this tool. Fix: install that version"
    )
    assert tables(run / "decisions.db") == before
    assert has_decisions(run)


def test_a_file_with_tables_of_somebody_else_is_refused(run):
    db = sqlite3.connect(run / "decisions.db")
    db.execute("CREATE TABLE decisions (mine TEXT)")
    db.close()
    before = tables(run / "decisions.db")
    assert refusal(InputError, Store, run) == (
        f"{run / 'decisions.db'}: cannot be opened (table decisions already exists). Fix: put back a copy of it"
    )
    assert tables(run / "decisions.db") == before


def add_a_column(db):
    db.execute("ALTER TABLE acts ADD COLUMN place TEXT NOT NULL DEFAULT ''")


def break_off(db):
    db.execute("CREATE TABLE half (made TEXT)")
    raise KeyboardInterrupt


def test_a_further_step_is_taken_whole_or_not_at_all_and_loses_nothing(run, monkeypatch):
    decide_in(run)
    before = tables(run / "decisions.db")
    monkeypatch.setattr(review_tables, "MIGRATIONS", (*review_tables.MIGRATIONS, add_a_column, break_off))
    with pytest.raises(KeyboardInterrupt):
        Store(run)
    assert tables(run / "decisions.db") == before
    monkeypatch.setattr(review_tables, "MIGRATIONS", review_tables.MIGRATIONS[:-1])
    with Store(run) as store:
        assert store.db.execute("SELECT who, place FROM acts").fetchall() == [("a planner", "")]
        assert standing(store) == {("r1-q1", "topic"): BUS}
    assert tables(run / "decisions.db")[0] == len(review_tables.MIGRATIONS)


def test_a_new_file_that_another_is_just_writing_to_is_waited_for(run):
    """SQLite would refuse at once, without waiting, to turn on its log there."""
    other = sqlite3.connect(run / "decisions.db", isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE theirs (mine TEXT)")
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    later.start()
    assert decide_in(run) == Saved(1, 1, 0)
    later.join()
    other.close()


OPENED = """
from pathlib import Path
from pipeline.stores.review_store import Store
sys.stdin.read()
with Store(Path(sys.argv[1])) as store:
    print(store.db.execute("PRAGMA user_version").fetchone()[0])
"""


def test_several_processes_and_threads_make_the_tables_at_once(run):
    barrier, versions = threading.Barrier(6), []

    def one():
        barrier.wait()
        with Store(run) as store:
            versions.append(store.db.execute("PRAGMA user_version").fetchone()[0])

    for _ in range(10):
        threads = [threading.Thread(target=one) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for path in run.glob("decisions.db*"):
            path.unlink()
    assert versions == [len(review_tables.MIGRATIONS)] * 60
    gate, opener = os.pipe()
    with os.fdopen(gate) as wait:
        others = [
            subprocess.Popen([sys.executable, "-c", "import sys\n" + OPENED, run], stdin=wait, stdout=subprocess.PIPE)
            for _ in range(2)
        ]
    os.close(opener)  # both begin
    assert [int(other.communicate()[0]) for other in others] == [len(review_tables.MIGRATIONS)] * 2


# ---- the check sample, the codebook, the audit ---------------------------------------------------------------------


def test_the_check_sample_keeps_the_order_it_was_drawn_in(store, run):
    store.draw("a planner", ["r3-q1", "r1-q1"], "simple")
    store.draw("a tenant", ["r2-q1"], strata=["wordy"])
    sample = [Drawn(1, "r3-q1", ""), Drawn(2, "r1-q1", ""), Drawn(3, "r2-q1", "wordy")]
    assert store.sample() == sample
    message = f"{run}: comment 'r1-q1' is in the check sample already. Fix: draw again"
    assert refusal(InputError, store.draw, "a tenant", ["r4-q1", "r1-q1"]) == message
    message = f"{run}: there is no comment 'r9-q1'. Fix: check its id"
    assert refusal(InputError, store.draw, "a tenant", ["r4-q1", "r9-q1"]) == message
    assert store.sample() == sample
    assert len(store.acts()) == 2


def test_each_coder_has_a_last_word_on_each_comment_of_the_sample(store):
    store.draw("a planner", ["r1-q1", "r2-q1"])
    first = [("r1-q1", "topic", ("parks", "housing")), ("r2-q1", "topic", ())]
    assert store.check("a planner", "screen", first) == 2
    assert store.check("a planner", "screen", [("r1-q1", "topic", ("housing", "parks")), ("r2-q1", "topic", BUS)]) == 1
    assert store.check(" a tenant ", "sheet", first[:1]) == 1
    assert store.check("a tenant", "sheet", first[:1]) == 0
    assert {(one.coder, one.comment_id, one.facet, one.codes) for one in store.check_codes()} == {
        ("a planner", "r1-q1", "topic", ("housing", "parks")),
        ("a planner", "r2-q1", "topic", BUS),
        ("a tenant", "r1-q1", "topic", ("housing", "parks")),
    }
    assert [one.codes for one in store.check_codes("a tenant")] == [("housing", "parks")]
    assert (store.as_of, standing(store)) == (0, {})  # what is coded blind decides nothing
    assert [act["how"] for act in store.acts()] == ["check by sheet", "check by screen", "check by screen", "draw"]


def test_a_sheet_of_another_sample_is_refused_whole(store, run):
    store.draw("a planner", ["r1-q1"])
    coded = [("r1-q1", "topic", BUS), ("r2-q1", "topic", BUS)]
    assert refusal(InputError, store.check, "a tenant", "sheet", coded) == (
        f"{run}: comment 'r2-q1' is not in the check sample. Fix: read the sheet of this run's sample"
    )
    assert store.check_codes() == []


def test_every_version_of_the_codebook_is_kept(store):
    assert (store.book(), store.book_version, store.book_versions()) == (None, 0, [])
    store.save_book("a planner", "name = 'First'", "clearer", seen=0)
    store.save_book("a tenant", "name = 'Second'")
    assert (store.book(), store.book_version) == ("name = 'Second'", 2)
    found = [(one["id"], one["who"], one["note"]) for one in store.book_versions()]
    assert found == [(1, "a planner", "clearer"), (2, "a tenant", "")]


def test_a_codebook_edited_by_two_at_once_is_told_to_the_later_one(store, run):
    store.save_book("a planner", "name = 'First'", seen=0)
    assert refusal(InputError, store.save_book, "a tenant", "name = 'Other'", "", 0) == (
        f"{run}: the codebook was edited meanwhile, by a planner. Fix: look at it as it is now, and edit that"
    )
    assert (store.book(), len(store.acts())) == ("name = 'First'", 1)


def test_a_run_holds_decisions_once_somebody_acted_in_it(run):
    assert not has_decisions(run)
    with Store(run):
        pass
    assert not has_decisions(run)
    with Store(run) as store:
        store.record("a planner", "coded again", "with another model")
        assert has_decisions(run)
        assert [(act["how"], act["note"], act["decisions"]) for act in store.acts()] == [
            ("coded again", "with another model", 0)
        ]
        assert store.undo("a planner") is None
