"""A small invented consultation for tests: a codebook, comments of a clear vocabulary, and quick settings."""

import csv

from pipeline.codebook import Code, Codebook, Example, Facet, dump_codebook
from pipeline.learning.corpus import CodedComment, Corpus
from pipeline.settings import Settings

QUICK = Settings(encoder="none", jobs=1)
SETTINGS_FILE = 'encoder = "none"\njobs = 1\n'

THINGS = {
    "transport": ("bus", "bus stop", "cycle lane"),
    "parks": ("park", "park bench", "playground"),
    "housing": ("rent", "rent arrears", "damp flat"),
}
SESSIONS = {
    "north": "The {} is worse than it was last year",
    "south": "Please do something about the {} soon",
    "east": "Nobody asked us about the {} before",
    "west": "My neighbour wrote to you about the {} twice",
}
EXAMPLES = ("I would like a better {}", "Spend more money on the {}")
THANKS = "Thank you for the tea and biscuits in the {}"


def facet(id_="topic", *, exclusive=False, examples=EXAMPLES, things=THINGS):
    """A facet whose codes have an example for each frame and thing."""
    codes = tuple(
        Code(code, code.title(), examples=tuple(Example(frame.format(thing)) for frame in examples for thing in named))
        for code, named in things.items()
    )
    return Facet(id_, id_.title(), codes, exclusive=exclusive)


def codebook(*facets):
    """A codebook of these facets; of the facet `topic` where none is named."""
    return Codebook("Invented", facets or (facet(),))


def coded(text, *codes, session="", column="topic"):
    """A coded comment of a session."""
    return CodedComment(text, {column: codes}, session, others={"session": session, "text": text})


def corpus(*more):
    """Nine comments with a code and one without from each of four sessions, and those added."""
    comments = [
        comment
        for session, frame in SESSIONS.items()
        for comment in (
            *(coded(frame.format(thing), code, session=session) for code, named in THINGS.items() for thing in named),
            coded(THANKS.format(session), session=session),
        )
    ]
    return Corpus((*comments, *more), (), ("topic",))


def write_codebook(path, book):
    """Writes the codebook and gives its path."""
    path.write_text(dump_codebook(book), encoding="utf-8")
    return path


def write_coded(path, comments):
    """Writes comments of the facet `topic` as a corpus file and gives its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["session", "text", "topic"])
        rows.writerows([comment.source, comment.text, "|".join(comment.codes["topic"])] for comment in comments)
    return path
