"""A small invented run for tests, made by the writer of `comments.db` itself, without a model."""

import json

import numpy as np
from invented import codebook, facet

from pipeline.codebook import dump_codebook
from pipeline.stores.comment_store import FILE, RESPONDENT, CodedRow, CommentWriter, GivenCode

# `who` is what respondents say of themselves, so people are asked about the other two.
BOOK = codebook(facet("topic"), facet("service"), facet("who", exclusive=True))
CODES = {one.id: list(one.ids) for one in BOOK.facet}


def row(n, text="More buses please", **known):
    """The nth comment; known: what differs from the rest."""
    given = known.pop("given", {"topic": ["transport"]})
    codes = [
        GivenCode(facet, code, 0.9 - 0.1 * k, RESPONDENT if facet == "who" else "machine")
        for facet, named in given.items()
        for k, code in enumerate(named)
    ]
    fields = {
        "comment_id": f"r{n}-q1",
        "response_id": f"r{n}",
        "question": "What should change?",
        "copies": None,
        "doubts": (),
        "unsure": 0.5,
        "others": {},
        "vector": np.zeros(0, np.float32),
        "near": np.zeros(0, int),
        "similarity": np.zeros(0),
        "why": {},
        "probability": np.linspace(0, 1, sum(map(len, CODES.values()))),
    }
    return CodedRow(**{**fields, "text": text, "given": codes, **known})


def make_run(folder, rows, places=None):
    """Writes a run folder of these comments, read in this order of their numbers (that of the export) and gives it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"coded": len(rows)}), encoding="utf-8")
    (folder / "coded.csv").write_text("comment_id,text\n", encoding="utf-8")
    (folder / "codebook.toml").write_text(dump_codebook(BOOK), encoding="utf-8")
    others = list(dict.fromkeys(column for one in rows for column in one.others))
    meta = {
        "codes": CODES,
        "thresholds": {facet: [0.5] * len(codes) for facet, codes in CODES.items()},
        "facet_columns": {"who": "I am"},
        "others": others,
        "model": {"name": "invented", "sha256": "0"},
    }
    writer = CommentWriter(folder / FILE, meta)
    writer.add(rows)
    writer.finish(enumerate(places or range(1, len(rows) + 1), 1))
    return folder
