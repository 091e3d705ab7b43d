"""Rebuilds the table of word vectors behind `--fast` from the sentence encoder beside it. See README.md.

Each word piece is put through the encoder by itself. From those vectors the mean of all words is taken away, their 256
main directions are kept, and words are weighted down the commoner they are (a / (a + p): Arora, Liang and Ma, "A simple
but tough-to-beat baseline for sentence embeddings", ICLR 2017). How common a word is follows, after Zipf, from its
place in the vocabulary, which is sorted by frequency. The vector of a text is the sum over its pieces: one look-up a
piece, and no network to run.
"""

import hashlib
import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
ENCODER = HERE.parent / "encoder"
DIMENSION, MAX_TOKENS = 256, 8192
FIRST_WORD = 1996  # before it the vocabulary has control tokens, unused places, marks and single characters
COMMON = 1e-3  # a of the weights
LEVELS = 127
OPSET, IR_VERSION = 18, 8
BATCH = 256
SPECIAL = ("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]")
FILES = ("model.onnx", "tokenizer.json")
PACKAGES = ("numpy", "onnx", "onnxruntime", "tokenizers")

Array = np.ndarray[Any, Any]


def main() -> None:
    tokenizer = Tokenizer.from_file(str(ENCODER / "tokenizer.json"))
    table = weighted(main_directions(vectors_of_pieces(tokenizer)))
    table[[tokenizer.token_to_id(name) for name in SPECIAL]] = 0
    scale = float(np.abs(table).max()) / LEVELS
    onnx.save(graph(np.round(table / scale).astype(np.int8)), str(HERE / "model.onnx"))
    shutil.copy(ENCODER / "tokenizer.json", HERE / "tokenizer.json")
    (HERE / "encoder.json").write_text(json.dumps(card(), indent=2) + "\n", encoding="utf-8")


def vectors_of_pieces(tokenizer: Any) -> Array:
    """(pieces, 384): each piece of the vocabulary by itself, between the tokens that begin and end a text."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(ENCODER / "model.onnx"), options, providers=["CPUExecutionProvider"])
    pieces = np.arange(tokenizer.get_vocab_size(), dtype=np.int64)
    begin, end = (np.full_like(pieces, tokenizer.token_to_id(name)) for name in SPECIAL[:2])
    ids = np.stack([begin, pieces, end], axis=1)
    batches = [ids[at : at + BATCH] for at in range(0, len(ids), BATCH)]
    return np.concatenate(
        [session.run(None, {"input_ids": batch, "attention_mask": np.ones_like(batch)})[0] for batch in batches]
    )


def main_directions(vectors: Array) -> Array:
    """(pieces, DIMENSION): without the mean of the words, along the directions in which words differ most."""
    centred = vectors - vectors[FIRST_WORD:].mean(axis=0)
    _, directions = np.linalg.eigh(np.cov(centred[FIRST_WORD:].astype(np.float64), rowvar=False))
    kept = directions[:, ::-1][:, :DIMENSION]
    return np.asarray(centred @ (kept * np.sign(kept.sum(axis=0))), np.float32)


def weighted(vectors: Array) -> Array:
    """The vectors, shorter the commoner the piece."""
    rank = np.maximum(np.arange(len(vectors)) - FIRST_WORD, 0) + 2.0
    share = (1 / rank) / (1 / rank).sum()
    return np.asarray(vectors * (COMMON / (COMMON + share))[:, None], np.float32)


def graph(table: Array) -> onnx.ModelProto:
    """Token ids in, `sentence_embedding` (batch, DIMENSION) out: the sum of the pieces; whoever runs it scales it."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["pieces"]),
        helper.make_node("Cast", ["pieces"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["numbers", "sequence"], ["sentence_embedding"], keepdims=0),
    ]
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])
    out = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", DIMENSION])
    constants = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "sequence")]
    whole = helper.make_graph(nodes, "word-table", [ids], [out], constants)
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="feedback-pipeline")
    model.ir_version = IR_VERSION
    return model


def card() -> dict[str, Any]:
    """What encoder.json says."""
    made_from = json.loads((ENCODER / "encoder.json").read_text(encoding="utf-8"))
    return {
        "name": "all-MiniLM-L6-v2-words",
        "origin": made_from["origin"],
        "licence": made_from["licence"],
        "dimension": DIMENSION,
        "max_tokens": MAX_TOKENS,
        "sha256": {
            "encoder": made_from["sha256"]["model.onnx"],
            **{name: hashlib.sha256((HERE / name).read_bytes()).hexdigest() for name in FILES},
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }


if __name__ == "__main__":
    main()
