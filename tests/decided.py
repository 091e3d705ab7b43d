"""A small invented office for tests: a model, an export and the run it makes, and people's decisions on that run."""

import csv
import json

from invented import THINGS, codebook, corpus, write_codebook, write_coded

from pipeline.exports.mapping import Mapping
from pipeline.reviewing.review import Review
from pipeline.stores.review_records import Choice
from pipeline.stores.review_store import Store
from pipeline.workflow import classify, train_model

FRAMES = ("The {} was shut again on Sunday", "Who decides about the {} these days", "My gran misses the old {}")
COMMENTS = [(frame.format(thing), code) for frame in FRAMES for code, things in THINGS.items() for thing in things]


def make_office(folder, settings, *, book=None, known=None):
    """A model `models/first` of a corpus file, and the run `runs/spring` of an export; call it within the folder."""
    write_codebook(folder / "book.toml", book or codebook())
    write_coded(folder / "coded.csv", (known or corpus()).comments)
    with (folder / "export.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "views", "ward"])
        rows.writerows([f"r{n}", text, ("Bow", "Poplar")[n % 2]] for n, (text, _) in enumerate(COMMENTS))
    train_model(settings.models / "first", settings, [folder / "coded.csv"], folder / "book.toml")
    return code_export(folder, settings)


def code_export(folder, settings, name="spring", **options):
    """Codes the export into a run."""
    run = folder / "runs" / name
    classify(folder / "export.csv", run, settings, mapping=Mapping(("views",), "id"), **options)
    return run


def decide(run, codes, facet="topic", who="an analyst"):
    """Decides comments by id: comment_id → codes."""
    with Store(run) as store:
        choices = [Choice(comment_id, facet, tuple(given)) for comment_id, given in codes.items()]
        return store.decide(who, "screen", choices, store.as_of)


def lines(run):
    """All comments of a run as people see them, by id."""
    with Review(run) as review:
        return {line.comment_id: line for line in review.all_lines()}


def manifest_of(folder):
    """The manifest of a run or of a model."""
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
