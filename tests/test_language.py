import csv
import subprocess
import sys
import tomllib
from dataclasses import replace

import pytest
from bench_language import (
    HELD_OUT,
    MIXED,
    SET,
    TUNED_ON,
    comments,
    english_texts,
    is_right,
    measure,
    named,
    rows,
    wrongly_apart,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.texts.language import (
    NO_CONTENT,
    NOT_ENGLISH,
    WORDS_FILE,
    Apart,
    Language,
    language_of,
    set_apart,
    text_to_code,
    translation_column,
    translation_columns,
)

ENGLISH = Language("en", "English")
CODED = Apart(None, ENGLISH)


# ---- English is never set apart ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *(
            "bins",
            "Masjid",
            "LIFT BROKEN AGAIN",
            "gd service tbh",
            "cant get thru 2 the council smh",
            "recieved no responce",
        ),
        *(
            "Bethnal Green, Chrisp Street, Masjid",
            "the masjid on Brick Lane needs parking",
            "Mr Rahman",
            "ESOL",
            "Rue de la Paix",
        ),
        *(
            "Inshallah it gets better",
            "me nan's bin waitin donkeys years",
            "nowt wrong wi it",
            "déjà vu",
            "café culture",
        ),
        *(
            "Great service ❤️👍🏽",
            "1️⃣ bins",
            "𝗕𝗶𝗻𝘀 𝗮𝗿𝗲 𝗳𝘂𝗹𝗹 𝗮𝗴𝗮𝗶𝗻",
            "ﬁne by me ™",
            "µ-chip my dog",
            "https://maps.example.org/rue/de/la see the map",
        ),
        *("<p>Listens to me &amp; mum</p>", "\ud83d broken \ud800", "gracias", "Thank you, ধন্যবাদ"),
        "The sign says বাজার in one language only",
    ],
)
def test_english_is_coded(text):
    assert set_apart(text) == CODED


def test_no_english_comment_of_the_corpora_is_taken_for_another_language():
    assert wrongly_apart(english_texts()) == 0


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: " ".join(text.split()[:4])])
def test_nor_in_capitals_in_small_letters_or_cut_to_four_words(change):
    assert wrongly_apart(map(change, english_texts()[::4])) == 0


# ---- other languages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("আমাদের এলাকায় রাস্তা খুব খারাপ", Language("bn", "Bengali")),
        ("আমাদের estate এ bin সময় মতো নেয় না", Language("bn", "Bengali")),
        ("ধন্যবাদ।", Language("bn", "Bengali")),
        ("amader elakay rasta kharap", Language("bn-Latn", "Bengali in Latin letters")),
        ("AMADER ELAKAY RASTA KHARAP", Language("bn-Latn", "Bengali in Latin letters")),
        ("amader estate er lift nosto 3 mash dhore", Language("bn-Latn", "Bengali in Latin letters")),
        ("hamare ilaqe mein safai nahi hoti", Language("ur-Latn", "Urdu or Hindi in Latin letters")),
        ("ہمارے علاقے میں صفائی نہیں ہوتی", Language("ur", "Urdu")),
        ("نريد المزيد من المساكن", Language("ar", "Arabic")),
        ("Waxaan rabnaa guryo badan", Language("so", "Somali")),
        ("Parki są brudne i nikt nie sprząta", Language("pl", "Polish")),
        ("je ne comprends pas les lettres du conseil", Language("fr", "French")),
        ("Нужно больше деревьев и меньше машин", Language("ru", "Russian")),
        ("我们需要更多的公园", Language("zh", "Chinese")),
        ("もっと公園が必要です", Language("ja", "Japanese")),
        ("ཁང་པ་མང་པོ་དགོས།", Language("und", "a language that could not be told", sure=False)),
    ],
)
def test_a_comment_in_another_language_is_set_apart_with_its_name(text, language):
    apart = set_apart(text)
    assert apart == Apart(NOT_ENGLISH, language)
    assert apart.to_translate


@pytest.mark.parametrize(
    ("text", "code", "label"),
    [
        ("Please build more homes for families. আমাদের ঘরে জায়গা নেই।", "bn", "English and Bengali"),
        ("The rent is too high for us. Kirada ma awoodi karno, carruurtu way badan yihiin", "so", "English and Somali"),
        (
            "The council never listens to us. amader kotha keu shone na, khali chithi pathay",
            "bn-Latn",
            "English and Bengali in Latin letters",
        ),
    ],
)
def test_a_comment_with_an_english_statement_is_coded_and_on_the_list_for_translation(text, code, label):
    apart = set_apart(text)
    assert (apart.reason, apart.to_translate) == (None, True)
    assert (apart.language.code, apart.language.label) == (code, label)


def test_a_language_that_is_only_likely_says_so():
    assert replace(Language("es", "Spanish"), sure=False).label == "Spanish (perhaps)"


@pytest.mark.parametrize(
    "text", ["n/a", "See above.", "…", "nada", "rien du tout", "kichu na", "কিছু না", "নেই", "没有", "لا شيء"]
)
def test_an_answer_that_says_nothing_is_no_work_for_a_translator(text):
    apart = set_apart(text)
    assert (apart.reason, apart.to_translate) == (NO_CONTENT, False)


def test_the_question_can_make_none_an_answer():
    assert set_apart("None.", "What problems do you have?") == CODED
    assert set_apart("None.", "Any other comments?") == Apart(NO_CONTENT, ENGLISH)


# ---- how well, on the invented set ---------------------------------------------------------------------------------


def test_the_set_is_whole_and_no_comment_stands_in_both_halves():
    with SET.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["half"] for row in table} == {HELD_OUT, TUNED_ON}
    assert len({row["id"] for row in table}) == len({row["text"] for row in table}) == len(table)
    assert {row["mixed"] for row in table} == {"yes", "no"}


def test_other_languages_are_found_in_the_half_that_was_held_out():
    found = measure(HELD_OUT)
    assert found.pop("English") == (103, 103)
    for name in ("Bengali in Latin letters", "Urdu or Hindi in Latin letters", MIXED):
        right, count = found.pop(name)
        assert right >= 0.8 * count, name
    assert found["Bengali"] == (15, 15)
    assert found["Somali"] == (23, 23)
    assert sum(right for right, _ in found.values()) >= 0.9 * sum(count for _, count in found.values())


def test_nearly_all_that_are_found_are_named_rightly():
    right, count = named(HELD_OUT)
    assert right >= 0.97 * count > 200


def test_a_comment_that_is_not_treated_as_it_should_be_is_counted_as_such():
    row = comments(HELD_OUT)[0]
    right = set_apart(row["text"])
    wrong = Apart(None, ENGLISH) if right.reason else Apart(NOT_ENGLISH, Language("so", "Somali"))
    assert (is_right(row, right), is_right(row, wrong)) == (True, False)


def test_the_table_of_the_readme_has_a_line_for_each_group():
    table = list(rows())
    assert all(what and measured and target for what, measured, target in table)
    assert [what for what, _, _ in table][-4:] == [
        "not English, rightly named",
        "English, short and hard, kept",
        "English, taken for another language",
        "set apart or not",
    ]


# ---- any text ------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from(["amar", "ghor", "the", "বাজার", "\ud800", "…", "é", "نا", "."])).map(" ".join)
)
@example("\ud800\ud800 নেই \x00 koto bala amader")
@example("\u0ccd")
def test_any_text_has_a_language(text):
    apart = set_apart(text)
    assert apart.reason in (None, NO_CONTENT, NOT_ENGLISH)
    assert apart.language.name


def test_a_huge_comment_is_told_by_how_it_begins():
    assert language_of("Waxaan rabnaa guryo badan. " * 40_000).code == "so"
    assert language_of("x" * 1_000_000) == ENGLISH


def test_what_stands_in_the_lists_of_words_is_in_lower_case_and_stands_once():
    lists = tomllib.loads(WORDS_FILE.read_text(encoding="utf-8"))
    words = [*lists["english_small"].split(), *lists["english"].split()]
    assert sorted(set(words)) == sorted(words)
    assert set(lists["elsewhere"].split()) <= set(words)
    romanised = [table["words"].split() for table in lists["romanised"].values()]
    assert all(sorted(set(own)) == sorted(own) for own in romanised)
    assert all(word == word.lower() for own in (words, *romanised) for word in own)


def test_plain_english_waits_for_no_library():
    script = (
        "import sys\nfrom pipeline.texts.language import set_apart\n"
        "print(set_apart('The bins on our estate are never emptied').reason, 'lingua' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "False"]


# ---- translations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        *("Your views - translation", "Your views (English)", "Translation of your views", "your_views_translated"),
        *(
            "Your views: English translation",
            "Your views in English",
            "Your views EN",
            "Your views (translated into English)",
        ),
        *("Translation", "English translation", "english", "Translated text"),
    ],
)
def test_the_column_of_a_translation_is_found_by_its_name(column):
    assert translation_column(["ID", "Your views", column], "Your views", ["Your views"]) == column


@pytest.mark.parametrize(
    "column",
    [
        "Your views",
        "Other views - translation",
        "Do you need a translation?",
        "Your views on English lessons",
        "Language",
    ],
)
def test_a_column_called_otherwise_is_no_translation(column):
    assert translation_column(["ID", "Your views", column], "Your views", ["Your views"]) is None


def test_each_question_has_its_own_translation_and_that_is_no_question():
    columns = [
        "ID",
        "Your views",
        "What else?",
        "Translation",
        "Your views - translation",
        "How well is English taught?",
    ]
    questions = columns[1:]
    assert translation_columns(columns, questions) == {
        "Your views": "Your views - translation",
        "What else?": "Translation",
    }


def test_a_translation_that_could_be_of_either_question_is_of_the_one_before_it():
    columns = ["ID", "Your views", "What else?", "Date", "Translation"]
    assert translation_columns(columns, ["Your views", "What else?"]) == {}


@pytest.mark.parametrize(
    ("translation", "coded"),
    [
        ("The lift is broken", "The lift is broken"),
        ("None", "None"),
        *(
            (nothing, "Wiishku wuu jaban yahay")
            for nothing in ("", "  ", "-", "n/a", "N/A", "Already in English", "(English)")
        ),
    ],
)
def test_the_translation_is_coded_where_there_is_one(translation, coded):
    assert text_to_code("Wiishku wuu jaban yahay", translation) == coded
