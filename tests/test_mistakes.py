from dataclasses import replace

import numpy as np
import pytest
from invented import QUICK, THINGS, codebook, coded, corpus, facet

from pipeline.correcting.material import DecidedComment
from pipeline.correcting.mistakes import FILE, PossibleMistake, mistakes_csv, possible_mistakes, read_mistakes
from pipeline.errors import ModelError
from pipeline.learning.corpus import Corpus
from pipeline.learning.training import Coding, LeftOut, train

SWAPPED = {"transport": "parks", "parks": "housing", "housing": "transport"}


def planted(comments, rows, column="topic"):
    """The comments, of which some have the code of another subject."""
    return Corpus(
        tuple(
            replace(c, codes={column: tuple(map(SWAPPED.get, c.codes[column]))}) if n in rows else c
            for n, c in enumerate(comments)
        ),
        (),
        (column,),
    )


def said(mistakes):
    return [(one.text, one.people) for one in mistakes]


@pytest.fixture(scope="module")
def found():
    """Mistakes found in a corpus in which three comments were given a wrong code and one has lost its code."""
    comments = [*corpus().comments]
    comments[33] = replace(comments[33], codes={"topic": ()})
    known = planted(comments, {4, 12, 25})
    return known, possible_mistakes(train(known, codebook(), QUICK).left_out, codebook())


def test_planted_wrong_labels_come_first(found):
    known, mistakes = found
    wrong = {(known.comments[n].text, known.comments[n].codes["topic"]) for n in (4, 12, 25, 33)}
    assert set(said(mistakes[:4])) == wrong


def test_a_mistake_says_what_people_said_what_the_model_says_and_how_sure_it_is(found):
    known, mistakes = found
    one = next(one for one in mistakes if one.text == known.comments[12].text)
    assert one == PossibleMistake(
        known.comments[12].text, "topic", ("parks",), ("transport",), one.sure, known.comments[12].source
    )
    assert 0.5 < one.sure <= 1
    assert [one.sure for one in mistakes] == sorted((one.sure for one in mistakes), reverse=True)


def test_planted_wrong_labels_of_an_exclusive_facet_come_first():
    book = codebook(facet(exclusive=True))
    comments = [comment for comment in corpus().comments if comment.codes["topic"]]
    known = planted(comments, {4, 12, 25})
    mistakes = possible_mistakes(train(known, book, QUICK).left_out, book)
    wrong = {(known.comments[n].text, known.comments[n].codes["topic"]) for n in (4, 12, 25)}
    assert set(said(mistakes[:3])) == wrong


def coding_of(truth, wrong):
    """Probabilities that agree with the truth but for some cells, which they contradict."""
    agree = np.where(truth > 0, 0.9, 0.05)
    for cell in wrong:
        agree[cell] = 0.97 if truth[cell] == 0 else 0.02
    return Coding(tuple(THINGS), agree, agree > 0.5)


def left_out(comments, wrong):
    truth = np.array([[float(code in c.codes["topic"]) for code in THINGS] for c in comments])
    return {"topic": LeftOut(tuple(comments), coding_of(truth, wrong))}


def test_decisions_name_their_run_and_comment_and_are_bounded_apart_from_the_corpus():
    texts = [(f"comment {n}", tuple(THINGS)[n % 3]) for n in range(60)]
    decided = [DecidedComment(text, {"topic": (code,)}, f"spring r{n}", f"r{n}-q1", run="runs/spring")
               for n, (text, code) in enumerate(texts)]  # fmt: skip
    filed = [coded(text, code, session="north") for text, code in texts]
    wrong = [(row, (row + 1) % 3) for row in (3, 4, 5, 63, 64, 65)]
    mistakes = possible_mistakes(left_out([*decided, *filed], wrong), codebook(), most=2)
    assert [(one.id, one.run) for one in mistakes if one.run] == [("r3-q1", "runs/spring"), ("r4-q1", "runs/spring")]
    assert [one.source for one in mistakes if not one.run] == ["north", "north"]


def test_too_few_comments_and_codes_that_nobody_gave_are_no_mistakes():
    few = [coded(f"comment {n}", "parks") for n in range(19)]
    assert possible_mistakes(left_out(few, [(1, 0)]), codebook()) == ()
    never = [coded(f"comment {n}", "parks") for n in range(40)]
    assert possible_mistakes(left_out(never, [(1, 0), (2, 0)]), codebook()) == ()


def test_people_and_model_who_agree_leave_nothing_to_list():
    assert possible_mistakes(left_out(corpus().comments, []), codebook()) == ()


def test_the_list_is_kept_and_read_again(tmp_path):
    kept = (
        PossibleMistake(
            '=1+1, "quoted"\nand more', "topic", (), ("parks", "housing"), 0.987, "spring r1", "r1-q1", "runs/a"
        ),
        PossibleMistake("'Tis late", "topic", ("parks",), (), 0.5, "-north"),
    )
    (tmp_path / FILE).write_text(mistakes_csv(kept), encoding="utf-8")
    assert read_mistakes(tmp_path) == kept
    assert read_mistakes(tmp_path / "elsewhere") == ()
    (tmp_path / FILE).write_text("sure,facet\nx,y\n", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be read") as error:
        read_mistakes(tmp_path)
    assert "Fix: train the model again" in str(error.value)
