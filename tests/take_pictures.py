"""Takes the pictures of the web app and the report that the README shows, of the sample run with invented decisions.

.venv/bin/python tests/take_pictures.py
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from web_server import serving

from pipeline.counting.published import Asked
from pipeline.publishing.page import write_page
from pipeline.reporting import find
from pipeline.reviewing.checking import draw
from pipeline.reviewing.review import Query, Review
from pipeline.settings import Settings
from pipeline.stores.review_records import Choice
from pipeline.web import create_app

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "notebooks" / "pictures"
LAPTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
REPORT = {"width": 1000, "height": 1250}
SHOTS = {
    "comments": ("/runs/sample/", LAPTOP),
    "comment": ("/runs/sample/comments/4", LAPTOP),
    "codebook": ("/runs/sample/codebook", LAPTOP),
    "comment-phone": ("/runs/sample/comments/4", PHONE),
}


def decide_some(review: Review) -> None:
    """Forty decisions, each sixth of which changes a code, and a check sample coded by two coders, nearly alike."""
    for n, line in enumerate(review.page(Query(state="waiting")).lines[:40]):
        choices = []
        for facet in review.facets:
            codes = line.facets[facet.id].codes
            changed = codes[1:] or (facet.ids[n % len(facet.ids)],) if n % 6 == 0 and facet.id == "theme" else codes
            choices.append(Choice(line.comment_id, facet.id, changed, codes))
        review.store.decide("An analyst", "screen", choices, review.store.as_of)
    drawn = draw(review, 120, 1, "An analyst")
    for k, coder in enumerate(("An analyst", "A second analyst")):
        for n, one in enumerate(drawn):
            line = review.lines([review.number_of(one.comment_id)])[0]
            codes = {facet.id: line.facets[facet.id].machine for facet in review.facets}
            if (n + k) % 7 == 0:
                codes = {facet: of[:-1] for facet, of in codes.items()}
            review.store.check(coder, "screen", [(one.comment_id, facet, of) for facet, of in codes.items()])


def take(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("name", exact=False).fill("An analyst")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "enter" not in address)
    page.wait_for_load_state("networkidle")
    base = link.split("/enter")[0]
    for name, (address, size) in SHOTS.items():
        page.set_viewport_size(size)
        page.goto(base + address)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURES / f"{name}.png")


def take_report(page: Page, run: Path) -> None:
    """What can be said and the first chart, as they stand in the report."""
    path = run.parent / "report.html"
    write_page(find(run, Asked(("I am responding as",))), path)
    page.set_viewport_size(REPORT)
    page.goto(path.as_uri())
    page.get_by_role("heading", name="Design principle", exact=True).scroll_into_view_if_needed()
    page.evaluate("document.getElementById('principle').scrollIntoView()")
    page.screenshot(path=PICTURES / "report.png")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        run = shutil.copytree(ROOT / "runs" / "sample", Path(made) / "sample")
        with Review(run) as review:
            decide_some(review)
        app = create_app(replace(Settings(), models=ROOT / "models"), Path(made), only="sample", token="once")
        with serving(app) as link, sync_playwright() as started:
            browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            take(browser.new_page(viewport=LAPTOP), link)
            take_report(browser.new_page(), run)
            browser.close()


if __name__ == "__main__":
    main()
