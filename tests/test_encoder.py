"""The shipped encoder, for real: what its vectors promise, and what is said when one cannot be loaded."""

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy

from pipeline.errors import ModelError
from pipeline.learning.encoder import CHUNK_TEXTS, Encoder, by_length, load_encoder, make_nlp, mean_pooled, unit
from pipeline.settings import shipped

SHIPPED = shipped("models/encoder")
TEXTS = [
    "Nobody ever told us what happened with our answers.",
    "You asked, we answered, and then we heard nothing back.",
    "The number 14 bus no longer stops at the health centre.",
    "Why was the bus stop by the surgery taken away? My mother cannot walk that far, and a taxi costs her nine pounds.",
    "no",
    "",
]


# An ONNX graph of the usual export: int32 and int64 inputs, and first of its outputs (batch, sequence, 2): each token's
# id beside 1,000 plus its token type.
TINY_ONNX = (
    "CAg6zQMKHwoJaW5wdXRfaWRzEgFpIgRDYXN0KgkKAnRvGAGgAQIKJAoOdG9rZW5fdHlwZV9pZHMSAXQiBENhc3QqCQoCdG8YAaABAgoOCgF0"
    "CgFrEgF1IgNBZGQKFQoBaQoBYRICaTIiCVVuc3F1ZWV6ZQoVCgF1CgFhEgJ1MiIJVW5zcXVlZXplCjkKAmkyCgJ1MhIRbGFzdF9oaWRkZW5f"
    "c3RhdGUiBkNvbmNhdCoUCgRheGlzGP///////////wGgAQIKMAoOYXR0ZW50aW9uX21hc2sSDXBvb2xlcl9vdXRwdXQiBENhc3QqCQoCdG8Y"
    "AaABAhIEdGlueSoLEAFCAWtKBAAAekQqEQgBEAdCAWFKCP//////////Wh0KCWlucHV0X2lkcxIQCg4IBhIKCgMSAWIKAxIBc1oiCg5hdHRl"
    "bnRpb25fbWFzaxIQCg4IBxIKCgMSAWIKAxIBc1oiCg50b2tlbl90eXBlX2lkcxIQCg4IBxIKCgMSAWIKAxIBc2IpChFsYXN0X2hpZGRlbl9z"
    "dGF0ZRIUChIIARIOCgMSAWIKAxIBcwoCCAJiIQoNcG9vbGVyX291dHB1dBIQCg4IARIKCgMSAWIKAxIBc0IECgAQEQ=="
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    found = load_encoder("minilm")
    assert found
    return found


@pytest.fixture
def copied(tmp_path):
    """A copy of the shipped folder under a name of its own."""
    folder = tmp_path / "other"
    folder.mkdir()
    for name in ("model.onnx", "tokenizer.json", "encoder.json"):
        shutil.copy(SHIPPED / name, folder / name)
    return folder


def no_card(folder: Path) -> Path:
    (folder / "encoder.json").unlink()
    return folder


# Vectors


def test_the_shipped_encoder_gives_unit_vectors_of_its_dimension(encoder):
    vectors = encoder.encode(TEXTS)
    assert (vectors.shape, vectors.dtype, encoder.dimension) == ((6, 384), np.float32, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 1, 1, 0], abs=1e-5)


def test_texts_alike_in_meaning_are_nearer_than_others(encoder):
    nothing_back, heard_nothing, bus, bus_stop, *_ = encoder.encode(TEXTS)
    alike = [nothing_back @ heard_nothing, bus @ bus_stop]
    unlike = [nothing_back @ bus, nothing_back @ bus_stop, heard_nothing @ bus, heard_nothing @ bus_stop]
    assert min(alike) > max(unlike) + 0.2


def test_int8_vectors_are_those_of_the_fp32_model(encoder):
    # What PyTorch makes of it; also in models/encoder/build.py.
    known = [-0.02736, 0.03871, 0.11636, 0.00775, 0.00752, -0.03692, -0.05568, -0.02222]
    vector = encoder.encode(["Please fix the path by the river, it floods every winter."])[0]
    assert vector[:8] == pytest.approx(known, abs=0.02)


def test_a_vector_depends_neither_on_the_batch_nor_on_the_order(encoder):
    together, alone = encoder.encode(TEXTS), np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], together, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(TEXTS, batch_tokens=1), together, atol=1e-5)


def test_texts_may_come_from_a_generator_longer_than_a_chunk(encoder):
    vectors = encoder.encode(TEXTS[place % 6] for place in range(CHUNK_TEXTS + 2))
    assert vectors.shape == (CHUNK_TEXTS + 2, 384)
    np.testing.assert_allclose(vectors[-2:], encoder.encode([TEXTS[(CHUNK_TEXTS + place) % 6] for place in (0, 1)]))


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 384)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b", "\u00a0"])
def test_a_text_without_words_has_a_vector_of_zeros(encoder, text):
    assert not encoder.encode([text]).any()


def test_half_a_surrogate_pair_is_encoded_as_a_question_mark(encoder):
    np.testing.assert_array_equal(*encoder.encode(["Thanks \ud83d", "Thanks ?"]))


def test_nothing_of_a_long_text_is_dropped(encoder):
    start = "The playground swings are broken and the gate will not shut. " * 60
    swings, parking, both = encoder.encode(
        [start, "Parking permits cost too much.", start + "Parking permits cost " * 60]
    )
    assert len(start.split()) > 2 * encoder.info.max_tokens
    assert both @ parking > swings @ parking + 0.05
    last = encoder.encode([start, start + "The council tax is far too high for pensioners."])
    assert 0.8 < last[0] @ last[1] < 0.9999


def test_a_long_text_has_the_mean_of_its_windows_by_length(encoder):
    words = ["bus"] * 254 + ["library"] * 222  # 254 words and the two marks fill a window; the next starts 32 earlier
    windows = encoder.encode([" ".join(words[:254]), " ".join(words[222:])])
    mean = unit((254 * windows[0] + 254 * windows[1])[None])[0]
    np.testing.assert_allclose(encoder.encode([" ".join(words)])[0], mean, atol=1e-5)


def test_batches_hold_each_place_once_longest_first_within_the_tokens():
    assert by_length(np.array([3, 9, 2, 4, 4, 1]), 8) == [[1], [3, 4], [0, 2], [5]]


def test_mean_pooling_leaves_padding_out():
    tokens = np.array([[[1.0, 0.0], [3.0, 2.0], [9.0, 9.0]]], np.float32)
    assert mean_pooled(tokens, np.array([[1, 1, 0]])).tolist() == [[2.0, 1.0]]


# spaCy


def test_the_vector_of_a_doc_is_the_sentence_vector(encoder):
    nlp, vectors = make_nlp(), encoder.encode(TEXTS)
    np.testing.assert_allclose([nlp(text).vector for text in TEXTS], vectors, atol=1e-5)
    docs = list(nlp.pipe(TEXTS, batch_size=4))
    assert [doc.text for doc in docs] == TEXTS
    np.testing.assert_allclose([doc.vector for doc in docs], vectors, atol=1e-5)


def test_the_vector_outlives_storing_the_doc(encoder):
    nlp = make_nlp()
    doc = nlp(TEXTS[0])
    again = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    np.testing.assert_allclose(again.vector, doc.vector, atol=1e-5)


def test_a_pipeline_written_to_disk_reads_back_with_its_encoder(tmp_path):
    nlp = make_nlp()
    nlp.to_disk(tmp_path / "saved")
    np.testing.assert_array_equal(spacy.load(tmp_path / "saved")(TEXTS[0]).vector, nlp(TEXTS[0]).vector)


def test_without_an_encoder_docs_have_no_vector():
    assert load_encoder("none") is None
    assert make_nlp(encoder="none")(TEXTS[0]).vector.shape == (0,)


def test_an_unknown_language_is_told():
    with pytest.raises(ModelError) as raised:
        make_nlp(language="klingon")
    assert str(raised.value) == "spaCy knows no language 'klingon'. Fix: use 'en'"


# Encoders


def test_each_name_is_read_once():
    assert load_encoder("") is load_encoder("minilm") is load_encoder(str(SHIPPED))


def test_the_card_tells_what_is_in_the_folder(encoder):
    card = json.loads((SHIPPED / "encoder.json").read_text(encoding="utf-8"))
    assert card["sha256"]["weights"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert card["cosine_to_fp32"]["mean"] >= 0.98
    assert (card["name"], card["dimension"], card["max_tokens"]) == (encoder.name, 384, encoder.info.max_tokens)
    assert (SHIPPED / "model.onnx").stat().st_size < 25_000_000


def test_the_table_of_word_vectors_is_made_from_the_encoder_that_is_shipped(encoder):
    static = load_encoder("static")
    cards = [
        json.loads((shipped(folder) / "encoder.json").read_text()) for folder in ("models/encoder", "models/static")
    ]
    assert cards[1]["sha256"]["encoder"] == cards[0]["sha256"]["model.onnx"]
    assert (static.name, static.dimension) == (cards[1]["name"], 256)
    assert static.digest != encoder.digest


def test_the_table_takes_no_notice_of_order_but_of_meaning():
    static = load_encoder("static")
    nothing_back, heard_nothing, bus, bus_stop, *_ = static.encode(TEXTS)
    assert nothing_back @ heard_nothing > max(nothing_back @ bus, nothing_back @ bus_stop)
    forth, back = static.encode(["The bus is always late.", "Always late the bus is."])
    np.testing.assert_allclose(forth, back, atol=1e-5)


def test_the_table_drops_nothing_of_a_long_text():
    static = load_encoder("static")
    words = "swings slides benches " * 9000
    plain, ending = static.encode([words, words + "tax " * 9000])
    assert plain @ ending < 0.99


def test_another_onnx_folder_is_used_by_its_path(encoder, copied):
    other = load_encoder(str(no_card(copied)))
    assert (other.name, other.dimension, other.digest) == ("other", 384, encoder.digest)
    np.testing.assert_array_equal(other.encode(TEXTS), encoder.encode(TEXTS))
    np.testing.assert_array_equal(make_nlp(encoder=str(copied))(TEXTS[0]).vector, other.encode(TEXTS[:1])[0])


def test_the_tokens_of_an_onnx_folder_without_pooling_are_averaged(copied):
    (no_card(copied) / "model.onnx").write_bytes(base64.b64decode(TINY_ONNX))
    ids = {"bus": [101, 3902, 102], "bus stop": [101, 3902, 2644, 102]}  # with the marks that open and close a text
    expected = unit(np.array([[np.mean(of_text), 1000] for of_text in ids.values()], np.float32))
    np.testing.assert_allclose(load_encoder(str(copied)).encode(ids), expected, atol=1e-6)


def test_a_changed_byte_is_noticed(copied):
    model = copied / "model.onnx"
    content = bytearray(model.read_bytes())
    content[1_000_000] ^= 1
    model.write_bytes(content)
    with pytest.raises(ModelError) as raised:
        load_encoder(str(copied))
    message = re.sub("[0-9a-f]{64}", "…", str(raised.value))
    assert message == (
        f"{model}: is not the file that encoder.json describes: its SHA-256 is …. "
        "Fix: copy the folder again from where it came from"
    )


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(ModelError) as raised:
        load_encoder(str(tmp_path / "gone"))
    assert str(raised.value) == (
        f"{tmp_path / 'gone' / 'model.onnx'}: cannot be read: No such file or directory. "
        "Fix: use the encoder 'minilm', or a folder that holds model.onnx and tokenizer.json"
    )


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_file_of_another_kind_is_told(copied, name):
    (no_card(copied) / name).write_text("{}", encoding="utf-8")
    with pytest.raises(
        ModelError, match=r"other: cannot be used as a sentence encoder: .* Fix: give a folder with the"
    ):
        load_encoder(str(copied))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "encoder.json: cannot be read: .* Fix: restore it, or remove it"),
        ("[]", "encoder.json: cannot be read: .* Fix: restore it, or remove it"),
        ('{"max_tokens": "many"}', "encoder.json: max_tokens cannot be 'many'. Fix: restore the file, or remove it"),
        ('{"dimension": 12}', "other: its vectors have 384 numbers. Fix: correct dimension in encoder.json"),
        ('{"max_tokens": 600}', "other: cannot be used as a sentence encoder: "),
    ],
)
def test_a_wrong_card_is_told(copied, content, message):
    (copied / "encoder.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        load_encoder(str(copied))


def test_a_spacy_package_that_is_not_installed_is_told():
    with pytest.raises(ModelError) as raised:
        load_encoder("en_no_such_package")
    assert str(raised.value).startswith("no encoder and no installed spaCy package is called 'en_no_such_package' (")
    assert str(raised.value).endswith("Fix: use 'minilm', 'none' or the path of a folder, or pip install the package")


def test_a_spacy_pipeline_with_word_vectors_is_an_encoder(tmp_path):
    nlp = spacy.blank("en")
    for word, vector in {"bus": [1, 0, 0], "stop": [0, 1, 0]}.items():
        nlp.vocab.set_vector(word, np.array(vector, np.float32))
    nlp.to_disk(tmp_path / "words")
    words = load_encoder(str(tmp_path / "words"))
    assert (words.name, words.dimension, len(words.digest)) == ("en-pipeline-0.0.0", 3, 64)
    half = 0.5**0.5
    np.testing.assert_allclose(
        words.encode(["bus stop", "bus", "", "xyz"]), [[half, half, 0], [1, 0, 0], [0] * 3, [0] * 3]
    )


def test_a_spacy_pipeline_without_vectors_is_told(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "words")
    with pytest.raises(ModelError, match=r"has no vectors\. Fix: use one that has, such as en_core_web_md"):
        load_encoder(str(tmp_path / "words"))
