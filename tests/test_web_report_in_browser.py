"""The page “Report” of the web app in a real browser: on a laptop and a phone, in the dark, and without JavaScript."""

import pytest
from bench_outputs import write_run
from test_browser import CHROMIUM, LAPTOP, LEVELS, playwright, violations
from web_server import TOKEN, serving

from pipeline.settings import Settings
from pipeline.web import create_app

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this computer")

PHONE = {"width": 360, "height": 780}
LOOKS = {
    "laptop": (LAPTOP, "light", LEVELS),
    "phone": (PHONE, "light", LEVELS),
    "dark": (LAPTOP, "dark", ["wcag2aa"]),
    "phone, dark": (PHONE, "dark", ["wcag2aa"]),
}
CHOSEN = "?by=Sex&wording=scrutiny-2024&show=yes"
STATES = {"form and findings": "", "by group, other names": CHOSEN, "a problem": "?by=Nonsense"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The app over an invented run, with a password, so that every browser may come in; where its report is."""
    run = write_run(tmp_path_factory.mktemp("site") / "runs" / "spring", comments=300, responses=240)
    with serving(create_app(Settings(), run.parent, only="spring", password=TOKEN)) as link:
        yield f"{link}runs/spring/report"


@pytest.fixture(scope="module")
def chromium():
    """The system's Chromium."""
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, site):
    """Opens the report as somebody who has come in; fails the test for anything the browser complains of."""
    complaints, opened = [], []

    def open_at(size=LAPTOP, **options):
        context = chromium.new_context(viewport=size, **options)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site)
        page.get_by_label("Your name").fill("An analyst")
        page.get_by_label("Password").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/runs/spring/")
        page.goto(site)
        return page

    yield open_at
    for context in opened:
        context.close()
    assert [one for one in complaints if not one.startswith("Failed to load resource: the server responded")] == []


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_to_say_and_nothing_is_wider_than_the_screen(visit, site, look):
    size, scheme, levels = LOOKS[look]
    page = visit(size, color_scheme=scheme)
    found = {}
    for name, query in STATES.items():
        page.goto(site + query)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        found[name] = violations(page, levels)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"
    assert found == {name: [] for name in STATES}


def test_without_javascript_one_chooses_reads_and_takes_the_files(visit, site):
    page = visit(PHONE, java_script_enabled=False)
    page.get_by_label("Sex", exact=True).check()
    page.get_by_label("Names of the codes as in").select_option(label="Scrutiny report, 23 July 2024")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/report?by=Sex&wording=scrutiny-2024&show=yes#files")
    assert page.get_by_label("Sex", exact=True).is_checked()
    assert page.locator("summary", has_text="Theme by Sex: ").is_visible()
    taken = []
    for name in ("The same for Word", "The tables for Excel"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        taken.append((download.value.suggested_filename, download.value.path().read_bytes()[:2]))
    assert taken == [("spring-report.docx", b"PK"), ("spring-tables.xlsx", b"PK")]


def test_without_javascript_one_gives_a_table_of_the_population(visit, site):
    page = visit(PHONE, java_script_enabled=False)
    page.get_by_label("Column", exact=True).select_option("Sex")
    table = {"name": "sexes.csv", "mimeType": "text/csv", "buffer": b"sex,people\nFemale,160000\nMale,150000\n"}
    page.get_by_label("Its table of the population").set_input_files(table)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/report?population=*&show=yes#files")
    assert page.get_by_label("Sex: sexes.csv").is_checked()
    assert page.get_by_role("heading", name="Who answered", exact=True).is_visible()


def test_the_page_of_the_report_opens_with_its_own_looks(visit, site):
    page = visit()
    page.goto(site + CHOSEN)
    page.get_by_role("link", name="The report as a page").click()
    page.wait_for_url("**/report/report.html?by=Sex&wording=scrutiny-2024")
    assert page.get_by_role("heading", level=1).inner_text().endswith(": what people told us")
    assert page.get_by_role("heading", name="Theme by Sex").count() == 1
    assert page.evaluate("[...document.styleSheets].map(one => one.cssRules.length > 50)") == [True]
    assert page.locator("svg rect:visible").count() > 0
    assert violations(page, LEVELS) == []
