"""What the tests of the web app share: an invented run, a model it was coded with, and a visitor who has come in."""

import contextlib
import html
import json
import re
import threading
from dataclasses import replace

import numpy as np
from invented import codebook, facet
from invented_run import row

from pipeline.codebook import dump_codebook
from pipeline.learning.learned import Learned, write_learned
from pipeline.learning.model_store import FORMAT, MANIFEST
from pipeline.settings import Settings
from pipeline.stores.comment_store import FILE, CommentWriter
from pipeline.web import create_app
from pipeline.web.serve import listen

TOPIC, TONE = facet("topic"), facet("tone", exclusive=True, things={"pleased": ("joy",), "cross": ("anger",)})
DEFINED = replace(TOPIC.code[0], definition="Getting about by bus, bicycle or on foot.")
BOOK = codebook(replace(TOPIC, code=(DEFINED, *TOPIC.code[1:])), TONE)
CODES = {one.id: list(one.ids) for one in BOOK.facet}
DIGEST = "d" * 64
TOKEN = "once"


def make_run(folder, rows):
    """Writes a run folder of these comments, to be read in the order of the export, and gives it."""
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"coded": len(rows)}), encoding="utf-8")
    (folder / "coded.csv").write_text("comment_id,text\n", encoding="utf-8")
    (folder / "codebook.toml").write_text(dump_codebook(BOOK), encoding="utf-8")
    meta = {
        "codes": CODES,
        "thresholds": {facet: [0.5] * len(codes) for facet, codes in CODES.items()},
        "facet_columns": {},
        "others": list(dict.fromkeys(column for one in rows for column in one.others)),
        "model": {"name": "engagement", "sha256": DIGEST},
    }
    writer = CommentWriter(folder / FILE, meta)
    writer.add(replace(one, probability=np.linspace(0, 1, sum(map(len, CODES.values())))) for one in rows)
    writer.finish((n, n) for n in range(1, len(rows) + 1))
    return folder


def make_model(folder):
    """Writes as much of a model as is needed to show what it learned from."""
    folder.mkdir(parents=True)
    manifest = {"format": FORMAT, "corpus": [], "comments": 2, "estimators_sha256": DIGEST}
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "codebook.toml").write_text(dump_codebook(BOOK), encoding="utf-8")
    texts, codes = ("The bus was late", "<b>Benches</b> please"), (("transport",), ("parks",))
    learned = Learned(texts, ("north", "south"), {"topic": codes, "tone": (None, ())}, np.eye(2, dtype=np.float16))
    write_learned(learned, folder)


def make_app(folder, **options):
    """The app over the runs in `folder/runs` with the models in `folder/models`."""
    return create_app(Settings(models=folder / "models"), folder / "runs", **{"token": TOKEN} | options)


class Visitor:
    """A browser without JavaScript, as far as the tests need one."""

    def __init__(self, app, name="An analyst"):
        self.app, self.browser, self.page = app, app.test_client(), ""
        if name:
            with self.browser.session_transaction() as session:
                session.update(passed=True, name=name)

    def get(self, address, **options):
        """Opens a page; gives the answer."""
        answer = self.browser.get(address, **options)
        self.page = html.unescape(answer.text)
        answer.close()  # a file is sent from the disk
        return answer

    def post(self, address, token_from=None, **fields):
        """Sends a form with the token of a page; `as_of` and `coded_by`, where not given, are those of the page."""
        page = self.browser.get(token_from or "/enter", follow_redirects=True).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        seen = re.search(r'name="as_of" value="(\d+)"', page)
        coded_by = re.search(r'name="coded_by" value="(\w+)"', page)
        data = {"csrf_token": token.group(1) if token else "", "as_of": seen.group(1) if seen else "0"} | fields
        data = ({"coded_by": coded_by.group(1)} if coded_by else {}) | data
        answer = self.browser.post(address, data=data)
        self.page = html.unescape(answer.text)
        return answer

    def said(self):
        """The messages of the page opened last."""
        return [html.unescape(found) for found in re.findall(r'<p class="message \w+">([^<]*)', self.page)]


@contextlib.contextmanager
def serving(app):
    """The app answering on a port of this computer; gives the link to open."""
    listening = listen(app)
    thread = threading.Thread(target=listening.server.run, daemon=True)
    thread.start()
    try:
        yield listening.link
    finally:
        listening.server.close()
        thread.join(5)


__all__ = ["BOOK", "CODES", "TOKEN", "Visitor", "make_app", "make_model", "make_run", "row", "serving"]
