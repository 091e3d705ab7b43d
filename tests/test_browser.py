"""The review app in a real browser: the day of an analyst by keyboard, and what axe-core finds to say of each page."""

import re
import shutil

import pytest
from web_server import make_app, make_model, make_run, row, serving

from pipeline.reviewing.review import Query, Review
from pipeline.stores.review_records import Choice

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this computer")

LAPTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
WARDS = ("Bow", "Old Ford", "Mile End")
COMMENTS = 60
DOUBTS = (("near the line (topic)", "neighbours differ (topic)"), (), ("unlike the corpus",))


def some_rows(count=COMMENTS):
    """Comments of three topics, the machine being wrong about each third."""
    words = ("The buses are late", "The park needs benches", "My rent has doubled")
    given = (["transport"], ["parks"], ["transport", "parks"])
    why = {"topic": {"transport": ("The buses are late", ("buses", "late"))}}
    for n in range(1, count + 1):
        kind = n % 3
        others = {"Ward": WARDS[n % 3], "Age": "18-24" if n % 2 else "75+"}
        known = {"given": {"topic": given[kind]}, "others": others, "doubts": DOUBTS[kind]}
        yield row(n, f"{words[kind]}, said by number {n}", why={} if kind else why, **known)


@pytest.fixture(scope="module")
def chromium():
    """The system's Chromium."""
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def site(tmp_path, request):
    """The app over one run, answering; its folder and the link to it."""
    run = make_run(tmp_path / "runs" / "spring", list(some_rows(getattr(request, "param", COMMENTS))))
    make_model(tmp_path / "models" / "engagement")
    with serving(make_app(tmp_path, only="spring")) as link:
        yield run, link


@pytest.fixture
def visit(chromium, site):
    """Opens a browser of a size at the link; fails the test for anything the browser complains of."""
    complaints, opened = [], []

    def open_at(size=LAPTOP, name="An analyst", **options):
        context = chromium.new_context(viewport=size, **options)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site[1])
        if name:
            page.get_by_label("Your name").fill(name)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/runs/spring/")
        return page

    yield open_at
    for context in opened:
        context.close()
    assert [one for one in complaints if not one.startswith("Failed to load resource: the server responded")] == []


def press(page, *keys):
    """Presses keys one after the other."""
    for key in keys:
        page.keyboard.press(key)


def follow(page, key, address):
    """Presses a key that leads to another page, and waits for that page."""
    with page.expect_navigation(url=re.compile(address)):
        page.keyboard.press(key)


def decided(run):
    """The decided comments by number, each with its topics and its tone."""
    with Review(run) as review:
        lines = review.page(Query(state="decided", sort="export"), size=COMMENTS).lines
        return {line.n: (line.facets["topic"].codes, line.facets["tone"].codes) for line in lines}


def shown(page):
    """The numbers of the comments in the grid."""
    return [int(box.get_attribute("value")) for box in page.locator("input[name=n]").all()]


def test_ten_comments_are_put_right_by_keyboard_alone_one_is_undone_and_a_code_set_in_many(site, visit):
    run, _ = site
    page = visit(name="")
    page.wait_for_selector("#name:focus")
    page.keyboard.type("An analyst")
    follow(page, "Enter", "/runs/spring/$")
    follow(page, "r", "/comments/1$")
    for n in range(1, 11):
        press(page, "2", "o", "1")
        assert page.get_by_label("Pleased").is_checked()
        if n == 3:
            press(page, "c")
            page.keyboard.type("12 new notes")  # whose letters and digits press nothing
            press(page, "Escape")
        follow(page, "n", f"/comments/{n + 1}$")
    put_right = {0: ("parks", "transport"), 1: (), 2: ("transport",)}
    expected = {n: (put_right[n % 3], ("pleased",)) for n in range(1, 11)}
    assert decided(run) == expected
    with Review(run) as review:
        assert {one.note for one in review.store.history("r3-q1")} == {"12 new notes"}

    follow(page, "u", "/comments/10$")
    assert "Taken back: 2 decisions on 1 comment." in page.get_by_role("status").first.inner_text()
    del expected[10]
    assert decided(run) == expected

    follow(page, "q", "/runs/spring/$")
    page.get_by_role("link", name=re.compile("^Decided")).focus()
    follow(page, "Enter", "state=decided")
    assert shown(page) == list(range(1, 10))

    press(page, "j", "x", "j", "j", "x")
    assert page.locator("#ticked").inner_text() == "2 ticked:"
    page.get_by_label("Code to set or clear").focus()
    page.keyboard.type("Hou")
    page.get_by_role("button", name="Set").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "2 comments decided; 0 left as they were." in page.get_by_role("status").first.inner_text()
    changed = {1: (("housing",), ("pleased",)), 3: (("housing", "parks", "transport"), ("pleased",))}
    assert decided(run) == expected | changed


def test_the_words_that_spoke_for_a_code_stand_out_at_that_code(visit):
    page = visit()
    page.goto(page.url + "comments/3")
    assert page.locator("mark.on").count() == 0
    press(page, "1")
    assert [mark.split()[0] for mark in page.locator("mark.on").all_inner_texts()] == ["buses", "late"]


def test_keys_are_told_and_can_be_switched_off(visit):
    page = visit()
    page.goto(page.url + "comments/3")
    press(page, "?")
    dialog = page.get_by_role("dialog")
    assert "save and go to the next" in dialog.inner_text()
    page.get_by_label("Single keys do something").uncheck()
    press(page, "Escape")
    box = page.get_by_label("Transport")
    before = box.is_checked()
    press(page, "1", "n")
    assert (box.is_checked(), page.url.endswith("/comments/3")) == (before, True)
    press(page, "?")
    page.get_by_label("Single keys do something").check()
    press(page, "Escape", "1")
    assert box.is_checked() is not before


def test_definitions_are_a_key_away(visit):
    page = visit()
    page.goto(page.url + "comments/3")
    words = page.get_by_text("Getting about by bus, bicycle or on foot.")
    opened = page.locator("details.definition[open]")
    press(page, "d")  # of the codes that are ticked
    assert (words.is_visible(), opened.count()) == (True, 1)
    press(page, "d")
    assert opened.count() == 0
    press(page, "2", "d")  # of the code one is at
    assert (words.is_visible(), opened.count()) == (False, 1)


def test_the_facet_whose_code_is_awaited_is_told(visit):
    page = visit()
    page.goto(page.url + "comments/3")
    press(page, "o")
    assert page.locator("#pending").inner_text() == "Tone: now the key beside the code"
    press(page, "2")
    assert page.locator("#pending").inner_text() == ""
    assert page.get_by_label("Cross").is_checked()


def test_everything_works_without_javascript(site, visit):
    run, _ = site
    page = visit(java_script_enabled=False)
    page.get_by_role("link", name="Read next").click()
    page.get_by_label("Housing").check()
    page.get_by_label("Cross").check()
    page.get_by_text("What Housing means").locator("xpath=..").click()
    page.get_by_role("button", name="Save and next").click()
    page.wait_for_url("**/comments/2")
    assert decided(run) == {1: (("housing", "parks"), ("cross",))}
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url("**/comments/1")
    page.get_by_role("link", name="To the list").click()
    page.get_by_label("Words in the comment").fill("number 6")
    page.get_by_role("button", name="Show").click()
    assert shown(page) == [6, 60]
    page.get_by_label("Tick comment 60").check()
    page.get_by_label("Code to set or clear").select_option("topic:housing")
    page.get_by_role("button", name="Set").click()
    assert decided(run) == {60: (("housing", "transport"), ())}


def conflict(page, run):
    """Opens a comment, lets somebody else decide it, and saves."""
    page.goto(page.url.split("/runs/")[0] + "/runs/spring/comments/5")
    with Review(run) as review:
        review.store.decide("a planner", "screen", [Choice("r5-q1", "topic", ("housing",))], review.store.as_of)
    press(page, "1")
    with page.expect_navigation():
        press(page, "n")
    assert "Somebody else decided this meanwhile" in page.inner_text("main")


PAGES = {
    "queue": "/runs/spring/",
    "queue, filtered": "/runs/spring/?state=waiting&code=topic:parks&sort=longest&show=Ward&text=number",
    "queue, empty": "/runs/spring/?text=nowhere",
    "comment": "/runs/spring/comments/3",
    "not there": "/runs/spring/comments/999",
}


LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = {
    "laptop": (LAPTOP, "light", LEVELS),
    "phone": (PHONE, "light", LEVELS),
    "dark": (LAPTOP, "dark", ["wcag2aa"]),
}


def violations(page, levels):
    """What axe-core finds against WCAG 2.2 AA and its own advice: rule, the first place, and what is wrong with it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()
    found = axe.run(page, options={"runOnly": levels}).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"]) for one in found]


@pytest.mark.parametrize("site", [6], indirect=True)
@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_to_say_of_any_page(site, visit, look):
    run, _ = site
    size, scheme, levels = LOOKS[look]
    page = visit(size, name="", color_scheme=scheme)
    found = {"enter": violations(page, levels)}
    page.get_by_label("Your name").fill("An analyst")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/runs/spring/")
    base = page.url.split("/runs/")[0]
    with Review(run) as review:
        choices = [Choice(f"r{n}-q1", "topic", ("housing",), ("parks",)) for n in (1, 3)]
        review.store.decide("a planner", "screen", choices, review.store.as_of, "as the ward said")
    for name, address in PAGES.items():
        page.goto(base + address)
        found[name] = violations(page, levels)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"
    page.goto(base + PAGES["comment"])
    press(page, "d")
    found["definitions"] = violations(page, levels)
    press(page, "?")
    found["keys"] = violations(page, levels)
    press(page, "Escape")
    conflict(page, run)
    found["conflict"] = violations(page, levels)
    assert found == {name: [] for name in found}


def test_what_can_be_pressed_is_large_enough_for_a_finger(visit):
    page = visit(PHONE)
    for address in ("", "comments/3"):
        page.goto(page.url.split("comments")[0] + address)
        for one in page.locator("button:visible, a.button:visible, summary:visible, .choice label:visible").all():
            box = one.bounding_box()
            assert min(box["width"], box["height"]) >= 24, one.inner_text()


def test_a_comment_full_of_markup_runs_nothing(tmp_path, chromium):
    evil = "<img src=x onerror=\"document.title='evil'\"><script>document.title='evil'</script>"
    run = make_run(tmp_path / "runs" / "spring", [row(1, evil, given={}, others={evil: evil}, question=evil)])
    assert run.is_dir()
    with serving(make_app(tmp_path)) as link, chromium.new_context() as context:
        page = context.new_page()
        page.goto(link)
        page.get_by_label("Your name").fill(evil[:50])
        page.get_by_role("button", name="Sign in").click()
        for address in ("/runs/spring/", "/runs/spring/comments/1"):
            page.goto(link.split("/enter")[0] + address)
            assert evil in page.inner_text("main")
            assert "evil" not in page.title()
            assert page.locator("main img, main script").count() == 0


def test_the_second_to_use_the_link_is_told(site, visit):
    visit()
    page = visit(name="")
    assert "it has been used" in page.inner_text("main")
