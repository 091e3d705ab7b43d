"""Decks read from text, PowerPoint and PDF: the same points, and a reason for whatever is none."""

import csv
import re
from collections import Counter
from functools import partial
from pathlib import Path

import pptx
import pypdf
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from pipeline.codebook import Code, Codebook, Facet, load_codebook
from pipeline.errors import CodebookError, InputError, OutputError
from pipeline.learning.deck import (
    NO_BULLET,
    NO_COLON,
    NO_HEADING,
    OTHER_SLIDE,
    SESSIONS,
    UNREAD,
    Deck,
    Point,
    Unplaced,
    read_deck,
    write_corpus,
)
from pipeline.learning.deck_items import PDF_BULLET
from pipeline.settings import shipped

REAL_DECK = Path(__file__).parents[2] / "shared" / "seeds" / "004_71c82de07bc11c4a.txt"
ENDINGS = (".txt", ".pptx", ".pdf")

BOOK = Codebook(
    name="Principles",
    facet=(
        Facet(
            id="principle",
            name="Design principle",
            code=(
                Code("value-driven", "Value-driven and cost-effective"),
                Code("community-led", "Community-led"),
                Code("collaborative", "Collaborative"),
                Code("transparent", "Transparent"),
                Code("empowered", "Empowered to innovate"),
                Code("accountable", "Accountable", aliases=("Accountability",)),
            ),
        ),
    ),
)

# An invented deck: (title, [(kind, text)]). Kinds: head, bullet, sub (a bullet under a bullet), plain, and rest (of a
# sentence that began on the slide before).
ALLOTMENTS = "Feedback: Allotment Holders – 3 March 2025"
FERRY = "Feedback: Ferry crews, dock workers and pilots of the harbour's northern basin and its islands, Sep/Oct 2024"
PUMP, PUMP_REST = "Mend the pump properly, because a patched pump that fails each June costs us", "more than a new one."
COMPOST = "Buy compost together for all of the sites in the borough, as the bulk price is half – and share it out"
SLIDES = [
    ("Harbour Council listens", [("plain", "What people told us in spring.")]),
    ("Our principles", [("plain", "Community-led"), ("bullet", "Ask before deciding.")]),
    (
        ALLOTMENTS,
        [
            ("head", "Community-Led:"),
            ("bullet", "Ask plot holders before the water is turned off."),
            ("bullet", "Hold surgeries at the site"),
            ("sub", "On Saturdays"),
            ("sub", "With an interpreter, where one is wanted"),
            ("head", "VALUE DRIVEN & cost effective:"),
            ("bullet", PUMP),
        ],
    ),
    (
        ALLOTMENTS,
        [
            ("rest", PUMP_REST),
            ("bullet", COMPOST),
            ("head", "Accountability:"),
            ("bullet", "Say who holds the key."),
        ],
    ),
    (
        FERRY,
        [
            ("bullet", "The pier is cold."),
            ("head", "Empowered to Innovate:"),
            ("bullet", "Let crews swap shifts by phone!"),
            ("head", "Tides and weather:"),
            ("bullet", "Fog is worse than it was."),
            ("head", "Other Considerations:"),
            ("bullet", "Gulls."),
        ],
    ),
    ("Next steps", [("bullet", "We will report back in autumn.")]),
]  # fmt: skip
SHARED_POINTS = [
    ("allotment-holders", "2025-03-03", "community-led", "Ask plot holders before the water is turned off."),
    ("allotment-holders", "2025-03-03", "community-led", "Hold surgeries at the site"),
    ("allotment-holders", "2025-03-03", "community-led", "On Saturdays"),
    ("allotment-holders", "2025-03-03", "community-led", "With an interpreter, where one is wanted"),
    ("allotment-holders", "2025-03-03", "value-driven",
     f"{PUMP} {PUMP_REST}"),
    ("allotment-holders", "2025-03-03", "value-driven",
     COMPOST),
    ("allotment-holders", "2025-03-03", "accountable", "Say who holds the key."),
    (FERRY_ID := "ferry-crews-dock-workers-and-pilots-of-the-harbour-s-northern-basin-and-its-islands",
     "2024-09", "empowered", "Let crews swap shifts by phone!"),
    (FERRY_ID, "2024-09", "", "Gulls."),
]  # fmt: skip
UNKNOWN = "a heading that is no code of 'principle'; nearest is"
SHARED_UNPLACED = [
    ("The pier is cold.", NO_HEADING),
    ("Tides and weather:", f"{UNKNOWN} 'transparent'"),
    ("Fog is worse than it was.", "under the heading 'Tides and weather', which is no code"),
    ("Next steps", OTHER_SLIDE),
    ("We will report back in autumn.", OTHER_SLIDE),
]


def as_text(slides, path):
    marks = {"bullet": "- ", "sub": "  - "}
    lines = []
    for title, body in slides:
        lines += ["", "", "", title, "", "", ""]
        for kind, text in body:
            lines += [f"{marks[kind]}{text}"] if kind in marks else ["", text, ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def as_pptx(slides, path):
    deck = pptx.Presentation()
    for title, body in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.notes_slide.notes_text_frame.text = "Feedback: do not read this aloud"
        frame = slide.placeholders[1].text_frame
        for n, (kind, text) in enumerate(body):
            paragraph = frame.paragraphs[0] if n == 0 else frame.add_paragraph()
            paragraph.text, paragraph.level = text, 1 if kind == "sub" else 0
    deck.save(path)
    return path


def as_pdf(slides, path, width=480):
    """Each slide on a page as long as it needs, its lines broken where they are full, with footer and page number."""
    canvas = Canvas(str(path), pagesize=(width + 80, 2000))
    marks = {"bullet": "• ", "sub": "o "}
    for n, (title, body) in enumerate(slides, 1):
        y = 1950
        for kind, text in [("title", title), *body]:
            font = ("Helvetica", 20 if kind == "title" else 12)
            for i, line in enumerate(simpleSplit(text, *font, width)):
                canvas.setFont(*font)
                canvas.drawString(40, y, (marks.get(kind, "") if i == 0 else "") + line)
                y -= 28
        canvas.drawString(40, 60, f"Harbour Council, spring {2020 + n}")
        canvas.drawString(400, 40, str(n))
        canvas.showPage()
    canvas.save()
    return path


WRITERS = {".txt": as_text, ".md": as_text, ".pptx": as_pptx, ".pdf": as_pdf}


def facts(deck):
    return [(p.session, p.date, p.principle, p.text) for p in deck.points]


def reasons(deck):
    return [(u.text, u.reason) for u in deck.unplaced]


def read(tmp_path, text, ending=".txt"):
    path = tmp_path / f"deck{ending}"
    path.write_text(text, encoding="utf-8")
    return read_deck(path, BOOK)


def coded(deck):
    return [(p.principle, p.text) for p in deck.points]


# ---- one deck in all formats ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [*ENDINGS, ".md"])
def test_every_format_gives_the_same_points_and_the_same_unplaced_pieces(tmp_path, ending):
    deck = read_deck(WRITERS[ending](SLIDES, tmp_path / f"deck{ending}"), BOOK)
    assert facts(deck) == SHARED_POINTS
    assert reasons(deck) == SHARED_UNPLACED
    assert [p.point for p in deck.points] == list(range(1, 10))
    assert deck.sessions == {"allotment-holders": 7, FERRY_ID: 2}


@pytest.mark.parametrize(("ending", "first", "last"), [(".txt", 32, 74), (".pptx", 3, 5), (".pdf", 3, 5)])
def test_points_say_the_line_slide_or_page_where_they_begin(tmp_path, ending, first, last):
    deck = read_deck(WRITERS[ending](SLIDES, tmp_path / f"deck{ending}"), BOOK)
    assert (deck.points[0].line, deck.points[-1].line) == (first, last)


def test_a_pdf_line_that_begins_with_a_dash_of_its_sentence_is_no_bullet(tmp_path):
    deck = read_deck(as_pdf(SLIDES, tmp_path / "deck.pdf", width=420), BOOK)
    assert "\n– and share" in pypdf.PdfReader(tmp_path / "deck.pdf").pages[3].extract_text()
    assert facts(deck) == SHARED_POINTS


# ---- the rules, on text -----------------------------------------------------------------------------------------


def test_all_bullet_marks_are_read_and_markdown_is_undone(tmp_path):
    text = """# Feedback: Bakers, May 2025
**Transparent:**
- a [link](#) and **bold** words
* star
• dot
– dash
-Tight
   - indented
- 5 \\* 4 \\[kept\\]
"""
    deck = read(tmp_path, text, ".md")
    assert [p.text for p in deck.points] == [
        "a link and bold words", "star", "dot", "dash", "Tight", "indented", "5 * 4 [kept]"
    ]  # fmt: skip
    assert {(p.session, p.date, p.principle) for p in deck.points} == {("bakers", "2025-05", "transparent")}
    assert deck.unplaced == ()


def test_markdown_headings_are_titles_or_principles_by_their_level(tmp_path):
    text = """# Cover
## Feedback: Bakers
### Transparent
- a
### Flour
- b
## Feedback: Bakers (continued)
- c
### Collaborative (cont.)
- d
## Thanks
### Collaborative
- e
"""
    deck = read(tmp_path, text, ".md")
    assert coded(deck) == [("transparent", "a"), ("collaborative", "d")]
    assert [u.text for u in deck.unplaced] == ["Flour", "b", "c", "Thanks", "Collaborative", "e"]


def test_a_bullet_takes_in_the_lines_it_runs_over(tmp_path):
    text = "Feedback: Bakers\nTransparent:\n- one\n  two and co-\n  operative\n- three.\nFour\n"
    assert coded(read(tmp_path, text)) == [("transparent", "one two and co-operative"), ("transparent", "three. Four")]


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        ("is open", "on Sunday", True),
        ("is open.", "on Sunday", False),
        ("is open?”", "on Sunday", False),
        ("is open", "On Sunday.", False),
    ],
)
@pytest.mark.parametrize("between", ["\n", "\n\n\nFeedback: Bakers\n\n\n"])
def test_text_beyond_a_gap_is_joined_only_to_a_sentence_that_is_cut_off(tmp_path, before, after, joined, between):
    deck = read(tmp_path, f"Feedback: Bakers\n\nTransparent:\n\n- Nothing {before}\n{between}{after}\n\n- Last\n")
    assert deck.points[0].text == (f"Nothing {before} {after}" if joined else f"Nothing {before}")
    assert coded(deck)[-1] == ("transparent", "Last")
    assert reasons(deck) == ([] if joined else [(after, NO_BULLET)])


def test_lines_that_are_no_bullet_are_reported_with_the_lines_they_run_over(tmp_path):
    text = "Feedback: Bakers\n\nTwelve came,\nmost of them late.\n\nTransparent:\nNo bullet here.\n\n- a\n"
    deck = read(tmp_path, text)
    assert deck.unplaced == (
        Unplaced(3, "Twelve came, most of them late.", NO_BULLET),
        Unplaced(7, "No bullet here.", NO_BULLET),
    )
    assert coded(deck) == [("transparent", "a")]


def test_points_never_get_the_code_above_an_unknown_heading_another_slide_or_another_session(tmp_path):
    text = """Feedback: Bakers

Transparent:
- a

Ovens:
- b

Flour

- c

Collaborative

- d



Thank you



- e

Transparent:

- f

Feedback: Millers

- g

Accountable:

- h
"""
    deck = read(tmp_path, text)
    assert coded(deck) == [("transparent", "a"), ("collaborative", "d"), ("accountable", "h")]
    assert [(u.line, u.text) for u in deck.unplaced] == [
        (6, "Ovens:"), (7, "b"), (9, "Flour"), (11, "c"), (19, "Thank you"), (23, "e"), (25, "Transparent:"), (27, "f"),
        (31, "g"),
    ]  # fmt: skip


def test_a_principle_named_at_the_end_of_a_sentence_is_no_heading(tmp_path):
    text = "Feedback: Bakers\nCollaborative:\n- please be more\ntransparent\n- be\nTransparent.\n- last\n"
    assert coded(read(tmp_path, text)) == [
        ("collaborative", "please be more transparent"),
        ("collaborative", "be Transparent."),
        ("collaborative", "last"),
    ]


@pytest.mark.parametrize("between", ["\n\n\n", "\n---\n", "\n<!-- Slide number: 3 -->\n", "\n\f"])
def test_blank_lines_rules_comments_and_form_feeds_break_slides(tmp_path, between):
    deck = read(tmp_path, f"Feedback: Bakers\n\nTransparent:\n\n- a{between}Thank you\n\n- b\n")
    assert coded(deck) == [("transparent", "a")]
    assert reasons(deck) == [("Thank you", OTHER_SLIDE), ("b", OTHER_SLIDE)]


def test_empty_bullets_and_invisible_characters_are_no_points(tmp_path):
    text = "Feedback: Bakers\r\n\r\nTransparent:\r\n-\r\n- a\x00\r\n-\r\n  b\r\n\u200b\r\n-   \r\n[](#)\r\n"
    assert coded(read(tmp_path, text)) == [("transparent", "a"), ("transparent", "b")]


def test_two_titles_that_make_the_same_id_are_two_sessions(tmp_path):
    text = "".join(f"Feedback: {title}\n\nTransparent:\n- x\n\n" for title in ("Bakers, May 2025", "Bakers, June 2025"))
    assert [(p.session, p.date) for p in read(tmp_path, text).points] == [
        ("bakers", "2025-05"),
        ("bakers-2", "2025-06"),
    ]


@pytest.mark.parametrize(
    ("title", "session", "date"),
    [
        ("Bakers – 17 July 2024", "bakers", "2024-07-17"),
        ("Bakers, 1st of the guild, 2nd Sept. 2024", "bakers-1st-of-the-guild", "2024-09-02"),
        ("Bakers (April 2024)", "bakers", "2024-04"),
        ("Bakers Sep/Oct 2023", "bakers", "2023-09"),
        ("Bakers Dec / Jan 2023/24", "bakers", "2023-12"),
        ("Bakers 31 June 2024", "bakers", "2024-06"),
        ("Marketing 2024 of the bakers", "marketing-2024-of-the-bakers", ""),
        ("12 May 2024", "12-may-2024", "2024-05-12"),
    ],
)
def test_ids_and_dates_come_from_titles(tmp_path, title, session, date):
    deck = read(tmp_path, f"Feedback: {title}\n\nTransparent:\n- x\n")
    assert [(p.session, p.date, p.stakeholder) for p in deck.points] == [(session, date, "")]


@pytest.mark.parametrize(("session", "words", "stakeholder"), SESSIONS)
def test_known_sessions_get_their_ids_and_groups_but_the_date_of_the_title(tmp_path, session, words, stakeholder):
    deck = read(tmp_path, f"Feedback: A chair: {words.upper()} – 2 May 2031\n\nTransparent:\n- x\n")
    assert deck.points == (Point(1, session, "2031-05-02", "transparent", stakeholder, "x", 4),)


# ---- PowerPoint and PDF -------------------------------------------------------------------------------------------


def blank_slide(deck, title):
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = title
    return slide


def box(shapes, left, top, *lines):
    frame = shapes.add_textbox(Inches(left), Inches(top), Inches(3), Inches(1)).text_frame
    frame.text = "\n".join(lines)


def test_boxes_groups_tables_are_read_from_the_top_left_and_charts_are_reported(tmp_path):
    deck = pptx.Presentation()
    slide = blank_slide(deck, "Feedback: Bakers\v– May 2025")
    box(slide.shapes, 5, 2, "Collaborative", "right")
    box(slide.shapes, 1, 2.1, "Transparent", "left", "• glyph\vin two lines")
    group = slide.shapes.add_group_shape()
    box(group.shapes, 1, 4, "grouped")
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(5), Inches(6), Inches(1)).table
    for n, text in enumerate(["Accountable", "cell", "Empowered to innovate", "last"]):
        table.cell(n // 2, n % 2).text = text
    data = CategoryChartData()
    data.categories = ["a"]
    data.add_series("s", [1])
    slide.shapes.add_chart(XL_CHART_TYPE.PIE, Inches(1), Inches(6.5), Inches(1), Inches(1), data).name = "Pie"
    deck.save(tmp_path / "deck.pptx")
    read = read_deck(tmp_path / "deck.pptx", BOOK)
    assert coded(read) == [
        ("transparent", "left"),
        ("transparent", "glyph in two lines"),
        ("collaborative", "right"),
        ("collaborative", "grouped"),
        ("accountable", "cell"),
        ("empowered", "last"),
    ]
    assert read.unplaced == (Unplaced(1, "Pie", UNREAD),)
    assert read.sessions == {"bakers": 6}


def test_a_slide_without_a_title_is_feedback_only_if_its_first_box_says_so(tmp_path):
    deck = pptx.Presentation()
    for lines in (["Feedback: Bakers", "Transparent:", "a"], ["Thank you"]):
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        box(slide.shapes, 1, 1, *lines)
    deck.save(tmp_path / "deck.pptx")
    read = read_deck(tmp_path / "deck.pptx", BOOK)
    assert coded(read) == [("transparent", "a")]
    assert read.unplaced == (Unplaced(2, "Thank you", OTHER_SLIDE),)


def test_a_powerpoint_paragraph_is_never_joined_to_the_one_above_it(tmp_path):
    slides = [
        ("Feedback: Bakers", [("head", "Transparent:"), ("bullet", "Bread"), ("bullet", "flour"), ("sub", "rye")])
    ]
    deck = read_deck(as_pptx(slides, tmp_path / "deck.pptx"), BOOK)
    assert [p.text for p in deck.points] == ["Bread", "flour", "rye"]


def test_a_principle_as_a_paragraph_is_a_heading_unless_headings_have_a_colon(tmp_path):
    body = [("head", "Transparent"), ("bullet", "a"), ("head", "Accountability"), ("bullet", "b")]
    without = read_deck(as_pptx([("Feedback: Bakers", body)], tmp_path / "without.pptx"), BOOK)
    assert coded(without) == [("transparent", "a"), ("accountable", "b")]
    body[0] = ("head", "Transparent:")
    mixed = read_deck(as_pptx([("Feedback: Bakers", body)], tmp_path / "mixed.pptx"), BOOK)
    assert coded(mixed) == [("transparent", "a")]
    assert reasons(mixed) == [
        ("Accountability", NO_COLON),
        ("b", "under the heading 'Accountability', which is no code"),
    ]


def test_a_sentence_runs_over_from_one_pdf_page_to_the_next_past_footers(tmp_path):
    title = "Feedback: Bakers"
    slides = [
        (title, [("head", "Transparent:"), ("bullet", "Tell us of")]),
        (title, [("rest", "every change")]),
        (title, [("bullet", "Soon.")]),
    ]
    deck = read_deck(as_pdf(slides, tmp_path / "deck.pdf"), BOOK)
    assert [(p.text, p.line) for p in deck.points] == [("Tell us of every change", 1), ("Soon.", 3)]
    assert deck.unplaced == ()


@pytest.mark.parametrize("mark", ["•", "–", "-", "o", "▪", "\uf0b7"])
def test_pdf_bullets_are_known_by_their_mark(tmp_path, mark):
    assert PDF_BULLET.match(f"{mark} only open on weekdays")[4] == "only open on weekdays"
    assert PDF_BULLET.match("only open on weekdays") is None


# ---- errors -----------------------------------------------------------------------------------------------------


def damaged(tmp_path, ending, keep):
    path = WRITERS[ending](SLIDES, tmp_path / f"deck{ending}")
    path.write_bytes(path.read_bytes()[:keep])
    return path


def locked(tmp_path, password):
    writer = pypdf.PdfWriter(clone_from=as_pdf(SLIDES, tmp_path / "open.pdf"))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
    writer.write(tmp_path / "deck.pdf")
    return tmp_path / "deck.pdf"


def written(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def folder(tmp_path):
    (tmp_path / "deck.pptx").mkdir()
    return tmp_path / "deck.pptx"


PASSAGE = b"Feedback: Bakers\n\n- no heading above\n"
WRONG = [
    (lambda t: t / "none.txt", "there is no such file. Fix: check the path"),
    (folder, "is a folder. Fix: name the deck in it"),
    (lambda t: written(t, "deck.docx", b"x"), "is no deck (.docx ending). Fix: give .txt, .md, .pptx, .pdf"),
    (lambda t: written(t, "deck", b"x"), "is no deck (no ending). Fix: give .txt, .md, .pptx, .pdf"),
    (lambda t: written(t, "d.txt", b"caf\xe9"), "is not UTF-8 text. Fix: save it as UTF-8"),
    (
        lambda t: written(t, "d.txt", b""),
        "holds no text. Fix: export the deck again, with its text and not as pictures",
    ),
    (
        lambda t: written(t, "d.md", b"- only\n- points\n"),
        "no slide title begins with 'Feedback:'. Fix: begin the title of each feedback slide with 'Feedback:'",
    ),
    (
        lambda t: written(t, "d.txt", PASSAGE),
        "there is no feedback point under a principle heading. Fix: write points as bullets under headings such as "
        "'Value-driven and cost-effective:'",
    ),
    (
        lambda t: damaged(t, ".pptx", 9000),
        "cannot be read as a PowerPoint file. Fix: open it in PowerPoint and save a copy as .pptx, without a password",
    ),
    (
        lambda t: written(t, "d.pptx", b""),
        "cannot be read as a PowerPoint file. Fix: open it in PowerPoint and save a copy as .pptx, without a password",
    ),
    (
        lambda t: damaged(t, ".pdf", 30),
        "cannot be read as a PDF. Fix: open it in a PDF viewer and print it to a new PDF",
    ),
    (
        lambda t: written(t, "d.pdf", b""),
        "cannot be read as a PDF. Fix: open it in a PDF viewer and print it to a new PDF",
    ),
    (lambda t: locked(t, "secret"), "is protected by a password. Fix: save a copy without the password"),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_a_file_that_is_no_deck_is_told_with_place_and_fix(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises(InputError) as error:
        read_deck(path, BOOK)
    assert str(error.value) == f"{path}: {message}"


def test_a_pdf_that_anyone_may_open_is_read_though_encrypted(tmp_path):
    assert facts(read_deck(locked(tmp_path, ""), BOOK)) == SHARED_POINTS


def test_a_codebook_without_the_principle_facet_is_refused(tmp_path):
    book = Codebook(name="Other", facet=(Facet("theme", "Theme", (Code("a", "A"),)),))
    with pytest.raises(CodebookError, match="there is no facet 'principle'"):
        read_deck(as_text(SLIDES, tmp_path / "deck.txt"), book)


# ---- writing ----------------------------------------------------------------------------------------------------

DECK = Deck((Point(7, "bakers", "2025-05", "", "staff", 'Bread, "brown" – daily', 3),), ())


def test_the_corpus_is_written_with_a_row_for_each_point(tmp_path):
    write_corpus(DECK, tmp_path / "corpus.csv")
    assert (tmp_path / "corpus.csv").read_bytes().decode() == (
        "id,point,session,date,text,principle,stakeholder\n"
        'bakers-007,7,bakers,2025-05,"Bread, ""brown"" – daily",,staff\n'
    )
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.csv"]


def test_an_existing_file_is_not_overwritten(tmp_path):
    path = written(tmp_path, "corpus.csv", b"mine")
    with pytest.raises(OutputError) as error:
        write_corpus(DECK, path)
    assert str(error.value) == f"{path}: exists already. Fix: give another name, or move the file away first"
    assert path.read_bytes() == b"mine"


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    path = tmp_path / "none" / "corpus.csv"
    with pytest.raises(OutputError) as error:
        write_corpus(DECK, path)
    assert str(error.value) == f"{path}: cannot be written (No such file or directory). Fix: check folder and rights"


# ---- the council's deck -----------------------------------------------------------------------------------------

HELD = {
    "leadership-teams": (27, "2023-09"), "advisory-board": (6, "2023-09"), "london-network": (5, "2023-12"),
    "vcs-summit": (14, "2023-12-11"), "engagement-strategy": (20, "2023-12"), "bengali-somali-vcs": (9, "2024-04"),
    "inter-faith": (18, "2024-04-25"), "housing-association": (10, "2024-05-22"),
    "partnership-executive": (17, "2024-05"), "equalities-hub": (16, "2024-06-19"), "youth-council": (44, "2024-06-19"),
    "members-1": (12, "2024-07-08"), "members-2": (21, "2024-07-15"), "staff-pod": (47, "2024-07-17"),
    "tenants-association": (6, "2024-07-24"),
}  # fmt: skip


def real_slides():
    """The real deck cut at its titles, without its introduction, for writing it in another format."""
    slides = []
    for line in REAL_DECK.read_text(encoding="utf-8").splitlines():
        text = re.sub(r"\[(.*?)\]\(#\)", r"\1", line.strip())
        if text.startswith("Feedback:"):
            slides.append((text, []))
        elif slides and text:
            kind = "sub" if line.startswith(" ") else "bullet" if text.startswith("- ") else "head"
            slides[-1][1].append((kind, text.removeprefix("- ")))
    return slides


@pytest.fixture(scope="module")
def shipped_book():
    return load_codebook(shipped("corpus/codebook.toml"))


@pytest.mark.skipif(not REAL_DECK.exists(), reason="the council's deck is not here")
class TestTheRealDeck:
    def test_it_becomes_272_points_and_leaves_nothing_over(self, shipped_book):
        deck = read_deck(REAL_DECK, shipped_book)
        assert deck.unplaced == ()
        assert deck.sessions == {session: points for session, (points, _) in HELD.items()}
        assert sum(deck.sessions.values()) == len(deck.points) == 272
        assert {p.session: p.date for p in deck.points} == {session: held for session, (_, held) in HELD.items()}
        assert Counter(p.principle for p in deck.points) == {
            "community-led": 135, "empowered": 42, "collaborative": 34, "value-driven": 27, "transparent": 15,
            "accountable": 11, "": 8,
        }  # fmt: skip

    def test_the_shipped_corpus_restates_these_points_under_the_same_codes(self, shipped_book, tmp_path):
        write_corpus(read_deck(REAL_DECK, shipped_book), tmp_path / "deck.csv")
        columns = ("id", "point", "session", "date", "principle", "stakeholder")
        rows = []
        for path in (tmp_path / "deck.csv", shipped("corpus/engagement.csv")):
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows.append([[row[column] for column in columns] for row in csv.DictReader(file)])
        assert rows[0] == rows[1]

    def test_every_bullet_line_of_the_file_is_a_point_word_for_word(self, shipped_book):
        bullets = [text for _, body in real_slides() for kind, text in body if kind != "head"]
        assert [p.text for p in read_deck(REAL_DECK, shipped_book).points] == bullets

    @pytest.mark.parametrize("write", [as_pptx, as_pdf, partial(as_pdf, width=560), partial(as_pdf, width=860)])
    def test_it_is_the_same_deck_in_another_format(self, shipped_book, tmp_path, write):
        path = write(real_slides(), tmp_path / ("deck.pptx" if write is as_pptx else "deck.pdf"))
        deck = read_deck(path, shipped_book)
        assert facts(deck) == facts(read_deck(REAL_DECK, shipped_book))
        assert len(deck.points) == 272
        assert deck.unplaced == ()
