"""The report in a real browser: on a laptop, on telephones, in the dark, without scripts, read out, and on paper."""

import io
import re
from dataclasses import replace

import pypdf
import pytest
from invented_findings import invented_findings, invented_tables, one_row
from test_browser import CHROMIUM, LEVELS, playwright, violations

from pipeline.publishing.page import as_html
from pipeline.publishing.story import tell

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this computer")

SIZES = {"laptop": (1280, 860), "tablet": (800, 1100), "phone": (360, 780), "small phone": (320, 640)}


def many_findings():
    """A facet of 30 long-named codes by 12 wards: as wide and as long as reports become."""
    codes = {f"code-{n}": f"{n}. Consultation, engagement and the feeling of not being heard" for n in range(30)}
    rows = [
        replace(one_row("theme", "access", group, value, 400 - 12 * n, 412), code=code, name=name)
        for group, value in [(None, None), *(("Ward", f"Ward of St Bartholomew {n}") for n in range(12))]
        for n, (code, name) in enumerate(codes.items())
    ]
    tables = replace(invented_tables(), rows=tuple(rows), headings={"theme": "Theme"})
    return invented_findings(tables=tables, claims=(), quotes=(), checked=(), drawn=0)


PAGES = {"usual": invented_findings, "many codes and values": many_findings}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Each page as a file, by its name."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, findings in PAGES.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(as_html(tell(findings())), encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, pages):
    """Opens a page at a size; fails the test for anything the browser complains of or asks for."""
    complaints, opened = [], []

    def open_at(name="usual", size="laptop", **options):
        width, height = SIZES[size]
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text))
        page.on("request", lambda asked: complaints.append(asked.url) if not asked.is_navigation_request() else None)
        page.goto(pages[name].as_uri())
        return page

    yield open_at
    for context in opened:
        context.close()
    assert complaints == []


def overflowing(page):
    """What sticks out of the window to the right, other than what lies in a box that scrolls."""
    return page.evaluate(
        """() => [...document.querySelectorAll('body *')]
        .filter(one => !one.closest('.scroll *') && one.getClientRects().length
                       && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map(one => one.outerHTML.slice(0, 80))"""
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_makes_the_page_wider_than_the_window(visit, name, size):
    page = visit(name, size)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert overflowing(page) == []


def test_a_wide_table_scrolls_within_its_box_by_keyboard_its_names_staying_in_sight(visit):
    page = visit("many codes and values", "phone")
    box = page.get_by_role("region", name="Theme by Ward").first
    name = box.locator("tbody th").first
    before = name.bounding_box()["x"]
    box.focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("box => box.scrollLeft > 100", arg=box.element_handle())
    assert name.bounding_box()["x"] == before


def test_on_a_telephone_the_chart_is_the_one_made_for_it_and_its_letters_stay_readable(visit):
    for size, shown in (("laptop", "wide"), ("tablet", "wide"), ("phone", "narrow"), ("small phone", "narrow")):
        page = visit(size=size)
        charts = page.locator("figure >> nth=0").locator("svg:visible")
        assert charts.count() == 1
        assert charts.get_attribute("class") == shown
        heights = [text.bounding_box()["height"] for text in charts.locator("text").all()]
        assert min(heights) >= 11


def texts_beyond(chart):
    """The texts of a chart that stick out of it."""
    return chart.evaluate(
        """chart => { const frame = chart.getBoundingClientRect();
        return [...chart.querySelectorAll('text')].filter(text => { const box = text.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1 })
        .map(text => text.textContent) }"""
    )


@pytest.mark.parametrize("size", ["laptop", "small phone"])
@pytest.mark.parametrize("name", PAGES)
def test_no_text_of_a_chart_is_cut(visit, name, size):
    page = visit(name, size)
    charts = page.locator("svg:visible").all()
    assert [texts_beyond(chart) for chart in charts] == [[] for _ in charts]


@pytest.mark.parametrize(("size", "scheme"), [("laptop", "light"), ("small phone", "dark")])
def test_axe_finds_nothing_to_say(visit, size, scheme):
    assert violations(visit(size=size, color_scheme=scheme), LEVELS) == []


def test_in_the_dark_the_paper_is_dark_and_the_ink_is_light(visit):
    colours = "() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    light, dark = visit().evaluate(colours), visit(color_scheme="dark").evaluate(colours)
    assert (light, dark) == (["rgb(255, 255, 255)", "rgb(23, 32, 30)"], ["rgb(19, 23, 22)", "rgb(232, 236, 234)"])


def test_without_scripts_everything_is_there(visit):
    page = visit(java_script_enabled=False)
    document = tell(invented_findings())
    assert [text for text in document.lead if text.replace(" %", "\u00a0%") not in page.inner_text("main")] == []
    assert page.get_by_role("table").count() == 12
    page.get_by_role("link", name="Theme by Ward").click()
    assert page.url.endswith("#theme-by-1")
    assert page.get_by_role("heading", name="Theme by Ward").bounding_box()["y"] < 200


def test_the_first_key_leads_past_the_contents(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the main points"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Table 1.")


def test_it_is_read_out_in_the_order_it_is_told(visit):
    page = visit()
    read = page.locator("main").aria_snapshot()
    headings = re.findall(r'\bheading "(.*?)" \[level=', read)
    titles = [section.title for section in tell(invented_findings()).sections]
    assert headings[:4] == ["Main points", "What can be said", "Design principle: statements", "Safe to say"]
    assert [heading for heading in headings if heading in titles] == titles
    assert re.findall(r'\bimg "(.*?)"', read) == [
        "Design principle: share of respondents who raised each",
        "Theme: share of respondents who raised each",
        "Ward: respondents and population",
    ]


def test_a_cell_is_read_with_its_row_and_its_column(visit):
    table = visit().get_by_role("table", name="Theme: how often each was raised")
    assert table.get_by_role("columnheader").all_inner_texts() == [
        *("Theme", "Comments", "Comments, each campaign once", "Respondents", "Counted share", "Share"),
        *("95\u00a0% interval", "Status"),
    ]
    row = table.get_by_role("row", name="Waiting “too long”")
    assert row.get_by_role("rowheader").inner_text() == "Waiting “too long”"
    assert row.get_by_role("cell").all_inner_texts() == [
        *("39", "33", "33", "8.0\u00a0%", "8.0\u00a0%", "5.8 to 11.0\u00a0%", "not checked")
    ]


@pytest.mark.parametrize(("name", "fewest", "most"), [("usual", 7, 14), ("many codes and values", 10, 18)])
def test_on_paper_it_is_a_few_pages_of_a4_with_all_that_is_said_and_no_contents(visit, name, fewest, most):
    file = pypdf.PdfReader(io.BytesIO(visit(name).pdf(prefer_css_page_size=True)))
    assert fewest <= len(file.pages) <= most
    assert {tuple(round(float(side)) for side in page.mediabox[2:]) for page in file.pages} == {(595, 842)}
    text = " ".join(" ".join(page.extract_text() for page in file.pages).split())
    assert "Skip to the main points" not in text
    assert "Contents" not in text
    document = tell(PAGES[name]())
    assert [section.title for section in document.sections if section.title not in text] == []
    assert f"1 / {len(file.pages)}" in text


@pytest.mark.parametrize("name", PAGES)
def test_on_paper_no_table_is_wider_than_the_page_even_in_the_dark(visit, name):
    page = visit(name, color_scheme="dark")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 673, "height": 900})  # A4 within its margins, at 96 pixels to the inch
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    wide = "() => [...document.querySelectorAll('table')].filter(one => one.getBoundingClientRect().right > 674).length"
    assert page.evaluate(wide) == 0
