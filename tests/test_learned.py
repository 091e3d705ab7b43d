"""What a model learned from: there and back through files, and what is near."""

import csv

import numpy as np
import pytest
from invented import codebook, coded, facet

from pipeline.errors import ModelError
from pipeline.learning.corpus import EXAMPLE_SOURCE, WORDING_SOURCE, CodedComment
from pipeline.learning.learned import NEIGHBOURS, Learned, learned_from, read_learned, write_learned

BOOK = codebook(facet("topic"), facet("text"))
TEXTS = (
    "The bus is late",
    '=HYPERLINK("http://example.org")',
    "-5 out of ten",
    "'+already quoted",
    "?",
    'lines\r\nof\rall\nkinds, and "quotes"',
    "nul \0 and emoji 😀",
    "",
    "@" + "long " * 40_000,
)
CODES = (("transport", "parks"), (), None)


def learned(texts=TEXTS, vectors=None):
    """Comments with codes in two facets, one of them called like a column of the file."""
    topic = tuple(CODES[n % 3] for n in range(len(texts)))
    other = tuple(CODES[(n + 1) % 3] for n in range(len(texts)))
    vectors = np.zeros((len(texts), 0), np.float16) if vectors is None else np.array(vectors, np.float16)
    return Learned(
        tuple(texts), tuple("=1" if n else "" for n in range(len(texts))), {"topic": topic, "text": other}, vectors
    )


def unit(*degrees):
    """Unit vectors in the plane."""
    angle = np.radians(degrees)
    return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0, 3])
def test_what_is_written_is_what_is_read(tmp_path, width):
    vectors = np.random.default_rng(1).normal(size=(len(TEXTS), width))
    before = learned(vectors=vectors)
    write_learned(before, tmp_path)
    after = read_learned(tmp_path, BOOK)
    assert (after.texts, after.sources, after.codes) == (before.texts, before.sources, before.codes)
    assert (after.vectors.dtype, after.vectors.shape) == (np.float16, (len(TEXTS), width))
    assert after.vectors.tolist() == before.vectors.tolist()


def test_nothing_learned_is_written_and_read_too(tmp_path):
    write_learned(learned([], np.zeros((0, 0))), tmp_path)
    after = read_learned(tmp_path, BOOK)
    assert (len(after), after.has_vectors, after.familiar) == (0, False, 0.0)
    assert after.known("topic", ["parks"]).shape == (0, 1)


def test_no_cell_is_a_formula_to_a_spreadsheet(tmp_path):
    write_learned(learned(), tmp_path)
    with (tmp_path / "learned.csv").open(encoding="utf-8", newline="") as file:
        csv.field_size_limit(1 << 24)
        cells = [cell for row in list(csv.reader(file))[1:] for cell in row]
    assert [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")] == []
    assert "'=1" in cells


def test_a_half_letter_becomes_a_question_mark(tmp_path):
    write_learned(learned(["half \ud83d of it"]), tmp_path)
    assert read_learned(tmp_path, BOOK).texts == ("half ? of it",)


def test_a_facet_that_the_codebook_has_no_more_is_left_out(tmp_path):
    write_learned(learned(), tmp_path)
    assert list(read_learned(tmp_path, codebook(facet("topic"))).codes) == ["topic"]


def spoil(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def save(array):
    def harm(folder):
        with (folder / "learned.npy").open("wb") as file:
            np.save(file, array, allow_pickle=True)

    return harm


def zipped(folder):
    with (folder / "learned.npy").open("wb") as file:
        np.savez(file, np.zeros((9, 0), np.float16))


HARM = {
    "no texts": lambda folder: (folder / "learned.csv").unlink(),
    "no vectors": lambda folder: (folder / "learned.npy").unlink(),
    "empty texts": spoil("learned.csv", b""),
    "empty vectors": spoil("learned.npy", b""),
    "texts of another encoding": spoil("learned.csv", b"text,source\n\xff\xfe,\n"),
    "texts of one cell": spoil("learned.csv", b"text,source,topic\nonly\n"),
    "texts of an open quote": spoil("learned.csv", b'text,source,topic\n"' + b"x" * ((1 << 24) + 1)),
    "half the vectors": lambda f: (f / "learned.npy").write_bytes((f / "learned.npy").read_bytes()[:-1]),
    "no array": spoil("learned.npy", b"no array at all, whatever it is called"),
    "an archive": zipped,
    "a pickle": save(np.array([{"what": "it runs"}], dtype=object)),
    "fewer vectors": save(np.zeros((3, 2), np.float16)),
    "flat vectors": save(np.zeros(len(TEXTS), np.float16)),
    "vectors of texts": save(np.full((len(TEXTS), 2), "x")),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_file_is_told(tmp_path, harm):
    write_learned(learned(vectors=np.ones((len(TEXTS), 2))), tmp_path)
    HARM[harm](tmp_path)
    with pytest.raises(ModelError) as error:
        read_learned(tmp_path, BOOK)
    assert str(error.value).startswith(f"{tmp_path}: is damaged (learned.")
    assert str(error.value).endswith("). Fix: train it again")


# ---- what is kept ----------------------------------------------------------------------------------------------------


def test_comments_and_examples_are_kept_and_the_wording_of_the_codebook_is_not():
    comments = [
        coded("The bus is late", "transport", session="north"),
        CodedComment("A better park", {"topic": ("parks",)}, EXAMPLE_SOURCE),
        CodedComment("Rents, and what homes cost", {"topic": ("housing",)}, WORDING_SOURCE),
        CodedComment("Nobody was asked", {}, "south"),
    ]
    kept = learned_from(comments, ["topic"], np.eye(4, dtype=np.float32))
    assert (kept.texts, kept.sources) == (
        ("The bus is late", "A better park", "Nobody was asked"),
        ("north", EXAMPLE_SOURCE, "south"),
    )
    assert kept.codes == {"topic": (("transport",), ("parks",), None)}
    assert kept.vectors.tolist() == np.eye(4)[[0, 1, 3]].tolist()


def test_codes_known_are_told_apart_from_codes_nobody_gave():
    known = learned(["a", "b", "c"]).known("topic", ["parks", "transport", "new"])
    assert np.nan_to_num(known, nan=-1).tolist() == [[1, 1, 0], [0, 0, 0], [-1, -1, -1]]
    assert np.isnan(learned(["a", "b"]).known("elsewhere", ["x"])).all()


# ---- likeness --------------------------------------------------------------------------------------------------------


def test_the_nearest_come_first_with_their_cosine():
    kept = learned([str(n) for n in range(7)], unit(0, 10, 25, 45, 70, 100, 180))
    rows, similarity = kept.nearest(unit(12, 179))
    assert rows.tolist() == [[1, 0, 2, 3, 4], [6, 5, 4, 3, 2]]
    degrees = np.array([[2, 12, 13, 33, 58], [1, 79, 109, 134, 154]])
    assert similarity == pytest.approx(np.cos(np.radians(degrees)), abs=2e-3)


def test_fewer_comments_have_fewer_neighbours():
    rows, similarity = learned(["a", "b"], unit(0, 90)).nearest(unit(80))
    assert (rows.tolist(), similarity.shape) == ([[1, 0]], (1, 2))
    assert learned(["a"] * 9, unit(*[0] * 9)).nearest(unit(0))[0].shape == (1, NEIGHBOURS)


@pytest.mark.parametrize(
    ("kept", "vectors"),
    [
        (learned(), np.zeros((3, 0), np.float32)),
        (learned([], np.zeros((0, 2))), unit(0, 1, 2)),
        (learned([], np.zeros((0, 0))), np.zeros((3, 0), np.float32)),
    ],
)
def test_without_vectors_nothing_is_near(kept, vectors):
    rows, similarity = kept.nearest(vectors)
    assert (rows.shape, rows.dtype.kind, similarity.shape) == ((3, 0), "i", (3, 0))
    assert (kept.familiar, kept.has_vectors) == (0.0, False)


def test_familiar_is_what_nearly_all_reach_among_themselves():
    """Fifty pairs five degrees apart, each pair far from the others, and one comment alone."""
    size = 101
    vectors = np.zeros((size, 60), np.float32)
    for pair in range(50):
        vectors[2 * pair, pair] = 1
        vectors[2 * pair + 1, pair], vectors[2 * pair + 1, 59] = unit(5)[0]
    vectors[100, 55] = 1
    kept = learned([f"comment {n}" for n in range(size)], vectors)
    assert kept.familiar == pytest.approx(np.cos(np.radians(5)), abs=2e-3)


def test_a_comment_that_says_the_same_is_no_neighbour_that_makes_it_familiar():
    """Else a campaign among the coded comments would make everything else unfamiliar."""
    kept = learned(["The bus is late", "the BUS is late!", "The park is shut"], unit(0, 0, 60))
    assert kept.familiar == pytest.approx(0.5, abs=2e-3)


def test_the_same_is_familiar_however_many_are_compared_at_a_time(monkeypatch):
    from pipeline.learning import learned as module

    vectors = unit(*np.random.default_rng(2).uniform(0, 360, 300))
    texts = [f"comment {n}" for n in range(300)]
    whole = learned(texts, vectors).familiar
    monkeypatch.setattr(module, "AT_A_TIME", 7)
    assert learned(texts, vectors).familiar == pytest.approx(whole, abs=1e-6)
    monkeypatch.setattr(module, "ASKED", 200)
    assert 0.9 < learned(texts, vectors).familiar <= 1.0
