import numpy as np

from pipeline.counting.people import Comments, coded, one_coding, units, weights

# Six comments of four people on two codes; the third column is for none.
ROWS = np.arange(6)
RESPONSES = np.array([0, 0, 1, 2, 2, 3])
ONE = np.zeros(6, dtype=int)
HAS = coded(np.array([0, 1, 2, 3, 4, 5, 5]), np.array([0, -1, -1, 1, 1, 0, 1]), 6, 2)
NOBODY = np.zeros(6, dtype=bool)


def both(said=None, decided=NOBODY):
    return Comments(HAS, np.asarray(decided), said or {})


def one(*codes):
    return one_coding(codes, 2)


def test_a_comment_without_a_code_has_the_last_column_alone():
    assert HAS.astype(int).tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0], [0, 1, 0], [1, 1, 0]]
    assert (one().tolist(), one(0, 1).tolist()) == ([False, False, True], [True, True, False])


def test_a_person_has_every_code_of_any_of_their_comments_and_none_only_where_no_comment_has_one():
    found = units(ROWS, ONE, RESPONSES, both(), {})
    assert found.has.astype(int).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 0]]
    assert found.response.tolist() == [0, 1, 2, 3]
    assert (len(found.sampled), found.said.shape) == (0, (0, 3))


def test_under_a_value_only_what_was_written_there_counts():
    values = np.array([0, 1, 0, 0, 1, 1])
    found = units(ROWS, values, RESPONSES, both(), {})
    assert list(zip(found.value.tolist(), found.response.tolist(), strict=True)) == [
        *((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (1, 3))
    ]
    assert found.has.astype(int).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1], [0, 1, 0], [1, 1, 0]]


def test_a_comment_under_two_values_counts_under_both():
    found = units(np.array([0, 0]), np.array([0, 1]), np.array([0, 0]), both(), {})
    assert found.has.astype(int).tolist() == [[1, 0, 0], [1, 0, 0]]


def test_a_person_is_in_the_sample_only_once_all_they_wrote_was_coded():
    found = units(ROWS, ONE, RESPONSES, both({"a planner": {0: one(1), 3: one(), 4: one(0)}}), {})
    assert found.sampled.tolist() == [2]
    assert found.said.tolist() == [[1, 0, 0]]


def test_what_people_decided_need_not_be_coded_blind_and_a_person_decided_wholly_is_certain():
    decided = np.array([False, True, True, False, False, False])
    found = units(ROWS, ONE, RESPONSES, both({"a planner": {0: one(), 2: one(0)}}, decided), {})
    assert found.decided.tolist() == [False, True, False, False]
    assert found.sampled.tolist() == [0]  # the second comment of it was decided to have no code
    assert found.said.tolist() == [[0, 0, 1]]


def test_coders_who_differ_are_averaged_each_over_what_they_coded():
    said = {"a planner": {2: one(0), 5: one(0)}, "a tenant": {2: one(), 5: one(0, 1)}, "a trader": {2: one(0)}}
    found = units(ROWS, ONE, RESPONSES, both(said), {})
    assert found.sampled.tolist() == [1, 3]
    assert np.round(found.said, 3).tolist() == [[0.667, 0, 0.333], [1, 0.5, 0]]


def test_each_of_a_stratum_stands_for_as_many_undecided_people_as_were_drawn_from_fewer():
    said = {"a planner": {0: one(), 1: one(), 2: one(), 5: one(0)}}
    everyone = units(ROWS, ONE, RESPONSES, both(said), {})
    assert everyone.sampled.tolist() == [0, 1, 3]
    found = weights(everyone, {0: "north", 1: "north", 2: "south", 3: "south"})
    assert found == {0: 1.0, 1: 1.0, 3: 2.0}
    assert units(ROWS, ONE, RESPONSES, both(said), found).weight.tolist() == [1.0, 1.0, 2.0]


def test_of_no_comments_there_are_no_people():
    empty = np.zeros(0, dtype=int)
    found = units(empty, empty, empty, Comments(np.zeros((0, 3), dtype=bool), np.zeros(0, dtype=bool), {}), {})
    assert (found.has.shape, found.said.shape, len(found.value)) == ((0, 3), (0, 3), 0)
