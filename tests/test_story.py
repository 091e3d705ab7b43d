"""The whole story in a real browser and with the real command line: an export is coded, put right, checked, learned
from and coded again; the app is stopped, and what people decided counts in the tables."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from decided import lines, manifest_of
from invented import SETTINGS_FILE, codebook, coded, facet, write_codebook, write_coded
from test_browser import CHROMIUM, LAPTOP, LEVELS, follow, playwright, press, violations

from pipeline.stores.review_store import Store

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this computer"),
    pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process alone"),
]

PERSON = "An analyst"
PATIENCE = 120  # seconds

# The model has read how the council writes; the public says the same in other words, a new one for each code.
OFFICIAL = {
    "transport": ("mobility offer", "public conveyance", "modal shift"),
    "parks": ("green infrastructure", "public realm", "amenity space"),
    "housing": ("tenure mix", "dwelling stock", "affordability"),
}
REPORTED = ("The {} is weak", "More {} please", "About the {} again", "Mind the {}")
SAID = {
    "transport": (
        "The bus never comes on {}",
        "Why is the bus so late on {}",
        "On {} the bus was full again",
        "We waited for the bus all {}",
        "A second bus on {} would help us",
    ),
    "parks": (
        "Somebody broke the bench on {}",
        "I sat on the old bench every {}",
        "On {} the bench was wet and dirty",
        "Please mend the bench before {}",
        "We need a bench to rest on {}",
    ),
    "housing": (
        "The damp came back on {}",
        "There is damp in our kitchen since {}",
        "On {} the damp was on every wall",
        "My landlord saw the damp last {}",
        "The smell of damp is worst on {}",
    ),
}
DAYS = ("Monday", "Tuesday", "Wednesday")
TRUTH = {SAID[code][n].format(day): code for day in DAYS for n in range(5) for code in SAID}
KEYS = {code: str(place) for place, code in enumerate(SAID, 1)}
CORRECTED, DRAWN, CHECKED = 10, 6, 3


# ---- the office ------------------------------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path, feedback):
    """A folder with settings, an export, and a model that has learned from words the export does not use."""
    (tmp_path / "feedback.toml").write_text(SETTINGS_FILE, encoding="utf-8")
    write_codebook(tmp_path / "book.toml", codebook(facet(things=OFFICIAL)))
    known = [
        coded(frame.format(thing), code, session=f"s{n}")
        for n, frame in enumerate(REPORTED)
        for code, things in OFFICIAL.items()
        for thing in things
    ]
    write_coded(tmp_path / "coded.csv", known)
    with (tmp_path / "autumn.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "What should change?", "Ward"])
        rows.writerows([f"r{n}", text, ("Bow", "Poplar")[n % 2]] for n, text in enumerate(TRUTH))
    trained = feedback("train", "--corpus", "coded.csv", "--codebook", "book.toml", "--out", "models/first", "-q")
    assert (trained.exit_code, trained.output) == (0, "")
    return tmp_path


class Server:
    """`feedback serve runs`, started in a folder as a user would; what it prints goes into files there."""

    def __init__(self, folder):
        self.files = [folder / "stdout.txt", folder / "stderr.txt"]
        command = [sys.executable, "-m", "pipeline.cli", "serve", "runs", "--no-browser", "--port", "0"]
        with self.files[0].open("wb") as out, self.files[1].open("wb") as err:
            self.process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err)

    @property
    def printed(self):
        """What it printed so far: standard output, standard error."""
        return tuple(file.read_text(encoding="utf-8") for file in self.files)

    def link(self):
        """The link that lets one browser in, as soon as it is printed."""
        started = time.monotonic()
        while not (found := re.search(r"^Open (\S+)\n", self.printed[1], re.MULTILINE)):
            assert self.process.poll() is None, self.printed
            assert time.monotonic() - started < PATIENCE, self.printed
            time.sleep(0.05)
        return found[1]

    def interrupt(self):
        """Presses Ctrl+C; gives the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@pytest.fixture
def server(office):
    """The web app over the runs of the office, answering in a process of its own."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told us to ignore it
    started = Server(office)
    signal.signal(signal.SIGINT, before)
    yield started
    started.process.kill()
    started.process.wait()


@contextmanager
def browsing():
    """A page in a real browser; fails for anything the browser complains of."""
    complaints = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport=LAPTOP).new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


# ---- what the person does --------------------------------------------------------------------------------------------


def sign_in(page, link):
    """Opens the link and gives a name, by keyboard."""
    page.goto(link)
    page.wait_for_selector("#name:focus")
    page.keyboard.type(PERSON)
    follow(page, "Enter", "/$")


def drop(page, file):
    """Drops a file from the desktop onto the field for exports."""
    box = page.get_by_label("The export from the survey platform").bounding_box()
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    tab = page.context.new_cdp_session(page)
    for step in ("dragEnter", "dragOver", "drop"):
        tab.send("Input.dispatchDragEvent", {"type": step, **place, "data": data})


def watch(page):
    """Looks at a page of work, which loads itself again, until it says that the work is over."""
    page.wait_for_url("**/work/*")
    page.locator("main .message").wait_for()
    assert re.fullmatch(r"Done in \d+ seconds\.", page.locator("main .message").inner_text())


def put_right(page):
    """Reads a comment and gives it its one code by keyboard, taking off what the machine gave; gives its text."""
    text = page.locator("blockquote.comment").inner_text()
    for box in page.locator("#codes input[type=checkbox][name=topic]").all():
        if box.is_checked() != (box.get_attribute("value") == TRUTH[text]):
            press(page, KEYS[box.get_attribute("value")])
    follow(page, "n", r"/comments/\d+$")
    return text


def blind(page):
    """All that a page of the check sample holds, but for the secret of its form."""
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page.content())


def rows_of(page, caption):
    """The rows of the table with this caption, each a list of what its cells say."""
    table = page.locator("table", has=page.get_by_text(re.compile(f"^{caption}")))
    return [[cell.strip() for cell in row.locator("th, td").all_inner_texts()] for row in table.locator("tr").all()]


def machine_right(run):
    """The comments to which the machine gives the right code and no other, by id."""
    return {id_ for id_, line in lines(run).items() if line.facets["topic"].machine == (TRUTH[line.text],)}


# ---- the story -------------------------------------------------------------------------------------------------------


def test_an_export_is_coded_put_right_checked_learned_from_and_coded_again(office, server, feedback):
    run, found, link = office / "runs" / "autumn", {}, server.link()
    with browsing() as page:
        sign_in(page, link)
        site = page.url.rstrip("/")
        found["no runs"] = violations(page, LEVELS)
        assert "There is no run yet" in page.inner_text("main")

        drop(page, office / "autumn.csv")
        page.get_by_role("button", name="Code it").press("Enter")
        page.get_by_role("link", name="Hold it still").press("Enter")
        page.get_by_role("link", name="Look again").wait_for()
        assert page.title() == "Coding autumn: running – Feedback"
        found["work under way"] = violations(page, LEVELS)
        page.get_by_role("link", name="Let the page load itself again").press("Enter")
        watch(page)
        found["work done"] = violations(page, LEVELS)
        assert page.locator("dd").all_inner_texts()[:3] == ["45", "45", "0 say nothing, 0 are not in English"]
        assert machine_right(run) == set()

        page.get_by_role("link", name="Read the comments").focus()
        follow(page, "Enter", "/runs/autumn/$")
        follow(page, "r", r"/comments/\d+$")
        corrected = [put_right(page) for _ in range(CORRECTED)]
        assert len(set(corrected)) == CORRECTED
        decided = {id_: line for id_, line in lines(run).items() if line.facets["topic"].decision}
        assert {line.text: line.facets["topic"].codes for line in decided.values()} == {
            text: (TRUTH[text],) for text in corrected
        }

        sample = draw_and_code_blind(page, site, run, found)
        page.goto(f"{site}/runs/autumn/check/{DRAWN}")
        unseen = blind(page)

        learn(page, site, found, learned=len(set(decided) - set(sample)))
        found["learn"] = violations(page, LEVELS)
        code_again(page, run)
        found["coded again"] = violations(page, LEVELS)
        now_right = machine_right(run)
        assert len(now_right - set(decided)) >= CORRECTED, "the tool did not learn"

        page.goto(f"{site}/runs/autumn/check/{DRAWN}")
        assert sample[-1] in now_right
        assert blind(page) == unseen
        assert page.locator("#codes input:checked").count() == 0

        page.goto(f"{site}/runs/autumn/?state=decided")
        assert page.locator("tbody .by").all_inner_texts() == [f"✓ decided by {PERSON}"] * CORRECTED
        page.goto(f"{site}/")
        found["home"] = violations(page, LEVELS)
        (_, *listed) = rows_of(page, "Each run is one export")
        assert [one[:6] for one in listed] == [
            ["autumn", "45", listed[0][2], "10", f"{PERSON}: {CHECKED} of {DRAWN}", "first-2"]
        ]
    assert found == {name: [] for name in found}

    kept = {id_: line.facets["topic"].decision for id_, line in decided.items()}
    stops_without_a_word_of_the_comments(server, link)
    again = {id_: line.facets["topic"].decision for id_, line in lines(run).items()}
    assert {id_: one for id_, one in again.items() if one} == kept
    counts_in_the_tables(feedback, run)


def test_work_under_way_is_given_up_at_once_which_is_told_and_leaves_no_run(office, server):
    link = server.link()
    with browsing() as page:
        sign_in(page, link)
        drop(page, office / "autumn.csv")
        page.get_by_role("button", name="Code it").press("Enter")
        page.wait_for_url("**/work/*")
        pressed = time.monotonic()
        assert server.interrupt() == 0
        assert time.monotonic() - pressed < 5
        page.goto("about:blank")  # the page would load itself again
    assert server.printed[1].splitlines()[2:] == ["Ended. Given up: Coding autumn."]
    assert not (office / "runs" / "autumn").exists()


def draw_and_code_blind(page, site, run, found):
    """Draws a check sample and codes some of it by keyboard; gives the ids of its comments in the order drawn."""
    page.goto(f"{site}/runs/autumn/check")
    found["check"] = violations(page, LEVELS)
    page.get_by_label("Number, in all").fill(str(DRAWN))
    page.get_by_role("button", name="Draw the sample").press("Enter")
    page.get_by_role("link", name="Begin").press("Enter")
    for place in range(1, CHECKED + 1):
        page.wait_for_url(f"**/check/{place}")
        text = page.locator("blockquote.comment").inner_text()
        assert page.locator("#codes input:checked").count() == 0
        assert not re.search(r"[0-9] ?%|decided by|by the tool|tool said|no code at all", page.inner_text("main"))
        press(page, KEYS[TRUTH[text]])
        follow(page, "n", f"/check/{place + 1}$")
    found["check of a comment"] = violations(page, LEVELS)
    with Store(run) as store:
        checked = {(one.comment_id, one.codes) for one in store.check_codes(PERSON)}
        sample = [one.comment_id for one in store.sample()]
    texts = {id_: line.text for id_, line in lines(run).items()}
    assert checked == {(id_, (TRUTH[texts[id_]],)) for id_ in sample[:CHECKED]}
    return sample


def learn(page, site, found, learned):
    """Trains on what was decided, watches, and is told how the new model compares and that it is used."""
    page.goto(f"{site}/runs/autumn/learn")
    found["before learning"] = violations(page, LEVELS)
    page.get_by_role("button", name="Train a new model").press("Enter")
    watch(page)
    page.get_by_role("link", name="See what came of it").press("Enter")
    page.wait_for_url("**/learn")
    assert page.locator("p.message.done").inner_text() == (
        f"first-2 learned from {36 + learned} comments, {learned} of them decided in runs. "
        "It is used from now on: it is not worse than the one before."
    )
    compared = {line[0]: line[1:] for line in rows_of(page, "What the verdict rests on")}
    measured, old, new, _, words = compared["Topic on the corpus and the decided comments, sample-F1"]
    assert (measured, float(new) > float(old), words) == (str(36 + learned), True, "▲ better")


def code_again(page, run):
    """Codes the run again with the new model, and sees what that changed."""
    page.get_by_role("button", name="Code this run again with first-2").press("Enter")
    watch(page)
    page.get_by_role("link", name="See what came of it").press("Enter")
    page.wait_for_url("**/learn")
    (done,) = manifest_of(run)["recoded"]
    assert f"first → first-2. {done['changed']} of 45 comments have other codes" in page.inner_text("main")
    _, *changed = rows_of(page, "Comments the machine gave each code")
    assert changed == [
        [one["code"].title(), "0", str(one["after"]), f"+{one['gained']}", f"−{one['lost']}"] for one in done["codes"]
    ]
    assert {one["code"] for one in done["codes"]} == set(SAID)


def stops_without_a_word_of_the_comments(server, link):
    """Ctrl+C ends the app with status 0, and nothing it printed comes from the export or tells of its people."""
    assert server.interrupt() == 0
    assert server.printed == (
        "",
        f"Open {link}\nIt works once, in one browser. Ctrl+C ends the app; what was decided is kept.\nEnded.\n",
    )


def counts_in_the_tables(feedback, run):
    """The tables hold what the machine gives now, and the decided comments as people decided them."""
    result = feedback("tables", "runs/autumn", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    tables = json.loads(result.stdout)
    counts = {row["code"]: row["comments"] for row in tables["rows"] if row["facet"] == "topic"}
    given = [line.facets["topic"].codes for line in lines(run).values()]
    assert {code: counts[code] for code in SAID} == {code: sum(code in codes for codes in given) for code in SAID}
    assert any("People decided the codes of 10 of the 45 comments" in note for note in tables["notes"])
