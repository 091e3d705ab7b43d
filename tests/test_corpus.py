import csv
import re
from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from pipeline.codebook import load_codebook
from pipeline.errors import CodebookError, InputError
from pipeline.learning.corpus import CodedComment, codebook_comments, read_corpora, read_corpus
from pipeline.settings import shipped

REAL_DECK = Path(__file__).parents[2] / "shared" / "seeds" / "004_71c82de07bc11c4a.txt"
WORDS_IN_A_ROW = 6

# What design/codes.md says of the deck: points and stakeholder group of each session.
SESSIONS = {
    "leadership-teams": (27, "staff"),
    "advisory-board": (6, "partners"),
    "london-network": (5, "partners"),
    "vcs-summit": (14, "voluntary-sector"),
    "engagement-strategy": (20, "residents"),
    "bengali-somali-vcs": (9, "voluntary-sector"),
    "inter-faith": (18, "faith"),
    "housing-association": (10, "tenants"),
    "partnership-executive": (17, "partners"),
    "equalities-hub": (16, "equalities"),
    "youth-council": (44, "young-people"),
    "members-1": (12, "members"),
    "members-2": (21, "members"),
    "staff-pod": (47, "staff"),
    "tenants-association": (6, "tenants"),
}


@pytest.fixture(scope="module")
def book():
    return load_codebook(shipped("corpus/codebook.toml"))


@pytest.fixture(scope="module")
def engagement(book):
    return read_corpus(shipped("corpus/engagement.csv"), book)


@pytest.fixture
def coded(tmp_path):
    """Writes lines as a corpus file and gives its path."""

    def write(*lines, name="coded.csv"):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path / name

    return write


# ---- the shipped corpus ----------------------------------------------------------------------------------------------


def test_the_shipped_corpus_has_every_point_of_every_session(engagement):
    comments = engagement.comments
    assert (
        len(comments) == len({comment.id for comment in comments}) == len({comment.text for comment in comments}) == 272
    )
    assert Counter((c.source, c.codes["stakeholder"]) for c in comments) == {
        (session, (group,)): points for session, (points, group) in SESSIONS.items()
    }


def test_the_shipped_corpus_is_coded_in_every_facet(engagement):
    assert engagement.columns == ("principle", "principle_reviewed", "theme", "stakeholder")
    assert {tuple(comment.codes) for comment in engagement.comments} == {engagement.columns}
    assert all(len(comment.codes["principle"]) <= 1 for comment in engagement.comments)
    assert sum(bool(comment.codes["theme"]) for comment in engagement.comments) >= 270


def test_the_shipped_corpus_holds_points_under_no_principle_as_published_and_as_reviewed(engagement):
    published = {comment.id for comment in engagement.comments if not comment.codes["principle"]}
    reviewed = {comment.id for comment in engagement.comments if not comment.codes["principle_reviewed"]}
    assert (len(published), len(reviewed)) == (8, 17)
    assert all(comment.label("principle") == comment.codes["principle_reviewed"] for comment in engagement.comments)


def runs_of_words(text):
    words = re.findall(r"[a-z0-9]+", text.casefold().replace("’", "").replace("'", ""))
    return {tuple(words[n : n + WORDS_IN_A_ROW]) for n in range(len(words) - WORDS_IN_A_ROW + 1)}


@pytest.mark.skipif(not REAL_DECK.exists(), reason="the council's deck is not here")
def test_nothing_shipped_repeats_the_deck_in_its_own_words(book):
    deck = REAL_DECK.read_text(encoding="utf-8")
    bullets = re.findall(r"^\s*[-•*–]\s*(.+)$", deck, flags=re.MULTILINE)
    assert len(bullets) >= 272
    of_deck = set().union(*map(runs_of_words, bullets))
    texts = [comment.text for comment in codebook_comments(book)]
    for path in shipped("corpus").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            texts += [cell for row in csv.reader(file) for cell in row]
    assert len(texts) > 272
    assert [(text, runs) for text in texts if (runs := runs_of_words(text) & of_deck)] == []


# ---- reading coded comments ------------------------------------------------------------------------------------------


def test_coded_comments_are_read_with_their_codes_source_and_other_columns(coded, book):
    path = coded(
        "id,Text,Theme,principle,principle_reviewed,session,ward",
        "a1,Mend the lift,housing|Reaching the council,,,night,Bow",
        "",
        "a2,'=1 reason,,community led,Accountable,,",
        "a3,  ,housing,,,,",
        "a4,short row",
    )
    corpus = read_corpus(path, book)
    others = {"id": "a1", "Text": "Mend the lift", "Theme": "housing|Reaching the council", "principle": ""}
    assert corpus.comments[0] == CodedComment(
        text="Mend the lift",
        codes={"theme": ("housing", "contact"), "principle": (), "principle_reviewed": ()},
        source="night",
        id="a1",
        others={**others, "principle_reviewed": "", "session": "night", "ward": "Bow"},
    )
    assert [(c.id, c.text, c.codes, c.source) for c in corpus.comments[1:]] == [
        ("a2", "=1 reason", {"theme": (), "principle": ("community-led",), "principle_reviewed": ("accountable",)}, ""),
        ("a4", "short row", {"theme": (), "principle": (), "principle_reviewed": ()}, ""),
    ]
    assert (corpus.files, corpus.columns) == ((path,), ("theme", "principle", "principle_reviewed"))


def test_the_words_none_and_na_are_text(coded, book):
    path = coded("text,theme,source", "None,None,NA", "NA,,None", "null,money,nan")
    assert [(c.text, c.codes["theme"], c.source) for c in read_corpus(path, book).comments] == [
        ("None", (), "NA"),
        ("NA", (), "None"),
        ("null", ("money",), "nan"),
    ]


def test_a_workbook_is_read_like_the_csv(tmp_path, book, engagement):
    workbook = openpyxl.Workbook()
    with shipped("corpus/engagement.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            workbook.active.append(row)
    workbook.save(tmp_path / "engagement.xlsx")
    assert read_corpus(tmp_path / "engagement.xlsx", book).comments == engagement.comments


def test_files_are_read_one_after_the_other(coded, book):
    first = coded("text,theme", "Mend the lift,housing", name="first.csv")
    second = coded("text,principle", "Tell us why,transparent", name="second.csv")
    corpus = read_corpora([first, second], book)
    assert [(comment.text, comment.codes, comment.label("theme")) for comment in corpus.comments] == [
        ("Mend the lift", {"theme": ("housing",)}, ("housing",)),
        ("Tell us why", {"principle": ("transparent",)}, None),
    ]
    assert (corpus.files, corpus.columns) == ((first, second), ("theme", "principle"))


def test_a_corpus_is_held_out_by_a_value_and_by_texts_that_say_the_same(coded, book):
    path = coded("text,theme,session", "Mend it!,housing,a", "mend IT,housing,b", "More trees,environment,b", "Bins,,c")
    corpus = read_corpus(path, book)
    assert [c.text for c in corpus.without("session", "a").comments] == ["mend IT", "More trees", "Bins"]
    assert [c.text for c in corpus.without("session", "a", ["Mend it!"]).comments] == ["More trees", "Bins"]


def test_what_the_codebook_says_is_coded_comments(book):
    taught = codebook_comments(book)
    codes = [code for facet in book.facet for code in facet.code]
    examples = [comment for comment in taught if comment.source == "codebook example"]
    wordings = [comment for comment in taught if comment.source == "codebook wording"]
    assert len(taught) == len(examples) + len(wordings)
    assert len(examples) == sum(len(code.examples) for code in codes)
    assert len(wordings) == sum(1 + len(code.include) + len(code.phrases) for code in codes)
    first = book.facet[0].code[0]
    assert taught[0] == CodedComment(first.examples[0].text, {"principle": ("value-driven",)}, "codebook example")
    assert wordings[0] == CodedComment(first.definition, {"principle": ("value-driven",)}, "codebook wording")


def test_a_text_that_must_stay_unseen_is_not_taught(book):
    hidden = book.facet[0].code[0].examples[0].text
    assert hidden.upper() not in [comment.text.upper() for comment in codebook_comments(book, [hidden.upper() + "!"])]


def test_a_weight_is_read_and_a_wrong_one_is_told(book, tmp_path):
    file = tmp_path / "weighed.csv"
    file.write_text("text,theme,weight\nBins,environment,0.5\nBuses,transport,\n", encoding="utf-8")
    assert [comment.weight for comment in read_corpus(file, book).comments] == [0.5, 1.0]
    file.write_text("text,theme,weight\nBins,environment,much\n", encoding="utf-8")
    with pytest.raises(InputError) as told:
        read_corpus(file, book)
    assert str(told.value) == f"{file}: the weight 'much' is not a number above 0. Fix: use 1, at most 100"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["txt,theme", "a,money"], ": there is no column 'text'. Fix: did you mean 'txt'?"),
        (
            ["text,label", "a,money"],
            ": has no column of codes. Fix: add a column called 'principle' or 'theme' or 'stakeholder'",
        ),
        (["text,theme", " ,money"], ": has no comment with a text. Fix: fill the column 'text'"),
        (
            ["text,theme", "Mend it,well, money"],
            ", row 2: has 3 cells where the header has 2. Fix: put the text in double quotes",
        ),
    ],
)
def test_a_file_that_is_no_corpus_is_refused(coded, book, lines, message):
    path = coded(*lines)
    with pytest.raises(InputError) as error:
        read_corpus(path, book)
    assert str(error.value) == f"{path}{message}"


def test_an_unknown_code_is_told_with_its_row_in_the_file(coded, book):
    path = coded("text,theme", "a,money", "", ",", "b,money|hosing")
    with pytest.raises(CodebookError) as error:
        read_corpus(path, book)
    assert str(error.value) == (
        f"{path}, row 5: 'hosing' is no code of facet 'theme'. Fix: did you mean 'housing'? Else add it to the codebook"
    )
