import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.texts import cleaning
from pipeline.texts.cleaning import (
    CLEANERS,
    clean,
    is_blank,
    is_no_content,
    normalise,
)

# For each cleaner: texts it changes, and texts it leaves alone.
CHANGED = {
    "decode_excel_escapes": {
        "one_x000D_\ntwo": "one\r\ntwo",
        "tab_x0009_here": "tab\there",
        "_x005F_x000D_": "_x000D_",
    },
    "decode_entities": {
        "bins &amp; lifts": "bins & lifts",
        "&lt;3 the park&#39;s trees": "<3 the park's trees",
        "a&nbsp;b": "a\u00a0b",
        "&amp;amp;": "&amp;",
    },
    "drop_tags": {
        "<b>bins!!</b>": " bins!! ",
        "one<br/>two": "one two",
        '<a href="https://example.org">here</a>': " here ",
    },
    "straighten": {
        "don’t ‘quote’ “me” – or — me": "don't 'quote' \"me\" - or - me",
        "hard\u00a0space": "hard space",
        "hy\u00adphen": "hyphen",
    },
    "compose": {"cafe\u0301": "café", "A\u030angstro\u0308m": "Ångström"},
    "drop_control": {"a\x00b\x1fc": "a b c", "half \ud83d emoji": "half  emoji", "bell\x07": "bell "},
    "shorten_runs": {"soooooo slow!!!!!!!": "sooo slow!!!", "....": "...", "😬😬😬😬": "😬😬😬"},
    "one_space": {"  two\r\nlines\tand   more ": "two lines and more", "\u3000wide\u2003": "wide", "   ": ""},
}
UNCHANGED = {
    "decode_excel_escapes": ["x000D", "_x00_", "file_x1234", "plain"],
    "decode_entities": ["R&D and Q&A", "this & that", "&;", "plain"],
    "drop_tags": ["under <5 and over > 3", "I <3 parks", "a < b > c", "< b >", "plain"],
    "straighten": ['don\'t "quote" - me', "naïve café £5", "plain"],
    "compose": ["café", "ﬁ", "আবাসন", "plain"],
    "drop_control": ["line\nbreak\ttab\r", "😬 emoji", "plain"],
    "shorten_runs": ["aaa", "www.example.org", "!!!", "bookkeeper", "\n\n\n\n"],
    "one_space": ["one space", "", "plain"],
}


def test_every_cleaner_has_its_texts():
    assert [step.__name__ for step in CLEANERS] == list(CHANGED) == list(UNCHANGED)


@pytest.mark.parametrize(
    ("step", "text", "cleaned"), [(step, text, new) for step, table in CHANGED.items() for text, new in table.items()]
)
def test_a_cleaner_changes(step, text, cleaned):
    assert getattr(cleaning, step)(text) == cleaned


@pytest.mark.parametrize(("step", "text"), [(step, text) for step, texts in UNCHANGED.items() for text in texts])
def test_a_cleaner_leaves_alone(step, text):
    assert getattr(cleaning, step)(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (" I’d like_x000D_\n<b>bins &amp; lifts</b>!!!!!! ", "I'd like bins & lifts !!!"),
        ("&lt;p&gt;Typed in a web form&lt;/p&gt;", "Typed in a web form"),
        ("&amp;amp; twice", "& twice"),
        ("No parking here.", "No parking here."),
    ],
)
def test_a_comment_is_cleaned_by_all_steps(text, cleaned):
    assert clean(text) == cleaned


SIGNS = [*"a&;<>/! \n_\u00ad\u0301\ud800", "_x", "005F", "lt", "#60", "&amp;", "&lt;", "<b>", "_x003C_"]
NASTY = st.lists(st.sampled_from(SIGNS)).map("".join)


@given(st.text() | NASTY)
@example("&amp;amp;lt;b&amp;gt;")
@example("<a<b>>")
@example("_x005F_x000D_")
@example("<\u00adb>")
@example("e\ud800\u0301")
@example("&amp\u037e")
def test_what_is_clean_stays_as_it_is(text):
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Stop the road closures!", "stop the ROAD-CLOSURES"),
        ("“Don’t” & won&#39;t", "don't &amp; won't"),
        ("  one\ntwo ", "one two."),
    ],
)
def test_texts_that_say_the_same_share_their_normal_form(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize("text", ["", "  ", "\n\t", "\u00a0", "&nbsp;", "<br>", "_x000D_\n", "\x00"])
def test_an_answer_empty_to_the_eye_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["-", ".", "0", "n/a", "😬"])
def test_an_answer_with_a_sign_is_not_blank(text):
    assert not is_blank(text)


@pytest.mark.parametrize(
    "text",
    [
        *("n/a", "N/A.", "NA", "N.A.", "-", "--", ".", "?", "x", "none", "None.", "NONE!", "nil", "no", "NO", "Nope"),
        *("no comment", "No comment.", "No comments", "Nothing", "Nothing to add", "nothing else", "No thank you."),
        *(
            "not applicable",
            "Not applicable.",
            "Don't know",
            "Don’t know",
            "dont know",
            "see above",
            "As above",
            "ditto",
        ),
        *("5", "10", "a", "😬", "👍👍", "<b>none</b>", "n / a", "No further comments", "no, nothing"),
        *("…", "....", "none really", "Not really.", "Nothing at all", "None at present, thanks", "Nothing whatsoever"),
        *("Nothing comes to mind", "Can’t think of anything, sorry", "Please skip", "I have nothing to add, thank you"),
        *("see previous", "See previous answer", "as before", "Same as Q3", "same answer as question 2", "see Q2"),
        *(
            "please see above",
            "As stated above",
            "as per my previous response",
            "Refer to previous comments",
            "ditto above",
        ),
        *(
            "Already answered",
            "I have already answered this",
            "See my answer to question 4",
            "answered above",
            "As mentioned in Q4",
        ),
    ],
)
def test_an_answer_that_says_nothing_has_no_content(text):
    assert is_no_content(text)


@pytest.mark.parametrize(
    "text",
    [
        *("No parking", "None of the bins are emptied", "bins", "PARKING", "yes please", "more trees", "No buses"),
        *("Nothing ever changes", "no comment from the council in six months", "Nothing to do for teenagers"),
        *("See the doctor", "see to the bins", "Same day response", "same as other boroughs", "as one community"),
        *(
            "Answer the phone",
            "answered the phone quickly",
            "covered market",
            "As before the lifts are broken",
            "Not here",
        ),
        *("Already said no twice", "see points below about the lifts", "Thank you", "last bus", "given first"),
        *("Nothing at all for teenagers round here, " + "really " * 20, "no, " * 40),
        *("I don't know who to ring", "See above the shop", "ok", "24 weeks", "N7 needs a crossing", "Test the water"),
    ],
)
def test_a_short_answer_that_says_something_has_content(text):
    assert not is_no_content(text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What problems do you have with the lifts?", "None."),
        ("What concerns, if any, do you have about the plan?", "None at all"),
        ("What, if anything, would you change?", "Nothing"),
        ("What could be better?", "Nothing"),
        ("What should the council do better?", "nothing really"),
        ("How can we improve this service?", "Nothing."),
        ("What do you like least about living here?", "Nothing really"),
        ("Which services do you use?", "none"),
        ("Please tell us what barriers you face", "None"),
        ("Do you feel safe at night?", "No"),
        ("Have you any concerns?", "no, not really"),
        ("How many children live with you?", "None"),
        ("How many cars do you have?", "2"),
        ("Score out of 10", "7"),
    ],
)
def test_none_is_an_answer_where_the_question_makes_it_one(question, text):
    assert is_no_content(text)
    assert not is_no_content(text, question)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Do you have any other comments?", "None."),
        ("Do you have any suggestions?", "No"),
        ("Is there anything else you want to tell us?", "No"),
        ("What else should we know?", "Nothing"),
        ("What could be better?", "n/a"),
        ("What should the council do differently?", "nothing"),
        ("Do you agree? Please explain.", "no"),
        ("Comments", "None"),
        ("Why?", "no"),
        ("What problems do you have?", "n/a"),
        ("What problems do you have?", "see above"),
        ("What problems do you have?", "-"),
        ("What problems do you have?", "5"),
    ],
)
def test_none_is_no_answer_where_the_question_only_invites_more(question, text):
    assert is_no_content(text, question)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("&" + "amp;" * 100_000 + " bins", "bins"),
        ("&" + "#38;" * 100_000 + "lt; bins", "bins"),
        ("&amp;amp;amp;lt; 3 lifts & bins", "< 3 lifts & bins"),
    ],
    ids=["entities", "numbers", "few"],
)
def test_what_is_nested_without_end_is_looked_into_so_far_only_and_is_clean_then(text, cleaned):
    assert clean(text).endswith(cleaned)
    assert not {"&", "<"} & set(clean(text)) or cleaned.startswith("<")
    assert clean(clean(text)) == clean(text)


def test_accents_heaped_upon_a_letter_are_put_in_order_some_at_a_time():
    heap = "e" + "\u0316\u0301" * 50_000
    assert clean(heap).startswith("é" + "\u0316" * 3 + "\u0301" * 3 + " ")
    assert set(clean(heap)) == set("é \u0316\u0301")
    assert clean(clean(heap)) == clean(heap)
    assert clean("e" + "\u0316\u0301" * 10) == "é" + "\u0316" * 3 + "\u0301" * 3
