"""Sentence vectors: an ONNX sentence encoder run here, offline, and the spaCy component that makes `doc.vector` one."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc

from pipeline.errors import ModelError
from pipeline.settings import shipped

# "static" is a table of word vectors, made from the encoder: a text is the sum of its words.
SHIPPED = {"": "models/encoder", "minilm": "models/encoder", "static": "models/static"}
NO_ENCODER = "none"
MODEL, TOKENIZER, CARD = "model.onnx", "tokenizer.json", "encoder.json"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
SENTENCES = "sentence_embedding"

MAX_TOKENS = 256  # of a model whose encoder.json does not say
OVERLAP_TOKENS = 32  # shared by two windows of a text longer than that
BATCH_TOKENS = 512  # of a batch, padding included: what stays in a core's cache; 4,096 is a quarter slower
CHUNK_TEXTS = 4096  # held as tokens at a time, so that memory does not grow with the number of texts

Vectors = NDArray[np.float32]
Vectorise = Callable[[Sequence[str], int], Vectors]


@dataclass(frozen=True)
class EncoderInfo:
    """What an encoder is. `digest` is a SHA-256 that changes when its vectors may; `max_tokens` 0 is no limit."""

    name: str
    dimension: int
    digest: str
    max_tokens: int = 0


class Encoder:
    """Turns texts into unit vectors. A text's vector does not depend on the texts it is encoded with."""

    def __init__(self, info: EncoderInfo, vectorise: Vectorise) -> None:
        self.info, self._vectorise = info, vectorise

    @property
    def name(self) -> str:
        """The name to show, such as `all-MiniLM-L6-v2-int8`."""
        return self.info.name

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return self.info.dimension

    @property
    def digest(self) -> str:
        """SHA-256 of what makes the vectors."""
        return self.info.digest

    def encode(self, texts: Iterable[str], batch_tokens: int = BATCH_TOKENS) -> Vectors:
        """(n, dimension), float32, a unit vector per text in the order given; zeros for a text without words.

        A text longer than the encoder reads at once is read in overlapping windows, and their vectors averaged by
        length: nothing is dropped. Texts are taken `CHUNK_TEXTS` at a time, sorted by length, in batches of at most
        `batch_tokens` tokens (or one text), one batch per core at once.
        """
        remaining = iter(texts)
        chunks = [np.zeros((0, self.dimension), np.float32)]
        while chunk := list(islice(remaining, CHUNK_TEXTS)):
            chunks.append(self._encode_chunk(chunk, batch_tokens))
        return np.concatenate(chunks)

    def _encode_chunk(self, texts: list[str], batch_tokens: int) -> Vectors:
        """Each different text is encoded once; half of a surrogate pair, which no tokenizer takes, becomes `?`."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        known: dict[str, int] = {}
        rows = [row for row, text in enumerate(texts) if text.strip()]
        places = [known.setdefault(texts[row].encode("utf-8", "replace").decode(), len(known)) for row in rows]
        if known:
            vectors[rows] = unit(self._vectorise(list(known), batch_tokens))[places]
        return vectors


def unit(vectors: Vectors) -> Vectors:
    """The rows scaled to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def load_encoder(name: str) -> Encoder | None:
    """The encoder of that name, read once.

    "" or "minilm" is the shipped one, "static" the shipped table of word vectors; a path, a folder with model.onnx and
    tokenizer.json (and perhaps encoder.json), or a spaCy pipeline's; any other name, an installed spaCy package with
    vectors; "none", no encoder: None.
    Raises ModelError when it is missing, damaged or of another kind.
    """
    if name == NO_ENCODER:
        return None
    if name in SHIPPED:
        return _from_folder(shipped(SHIPPED[name]))
    folder = Path(name)
    if not folder.is_dir() and folder.name == name:
        return _from_spacy(name)
    return _from_spacy(str(folder.resolve())) if (folder / "config.cfg").is_file() else _from_folder(folder.resolve())


# ONNX


@dataclass(frozen=True)
class OnnxSentences:
    """A session, its tokenizer (which cuts at the most tokens read at once) and the tensors' names and types."""

    session: Any
    tokenizer: Any
    inputs: dict[str, Any]
    output: str

    def __call__(self, texts: Sequence[str], batch_tokens: int) -> Vectors:
        """(n, dimension): the mean of the vectors of each text's windows, weighted by the tokens in them."""
        windows: list[list[int]] = []
        starts: list[int] = []
        for encoding in self.tokenizer.encode_batch_fast(texts):
            starts.append(len(windows))
            windows += [part.ids for part in (encoding, *encoding.overflowing)]
        lengths = np.array([len(window) for window in windows])
        batches = by_length(lengths, batch_tokens)
        parts = self._run_all([[windows[place] for place in batch] for batch in batches])
        vectors = np.zeros((len(windows), parts[0].shape[1]), np.float32)
        vectors[np.concatenate(batches)] = np.concatenate(parts)
        words = lengths - self.tokenizer.num_special_tokens_to_add(False)
        return np.add.reduceat(vectors * words[:, None].astype(np.float32), starts, axis=0)

    def _run_all(self, batches: list[list[list[int]]]) -> list[Vectors]:
        """Each batch on a core of its own: onnxruntime lets go of Python's lock, and this beats a batch on all."""
        if len(batches) == 1:
            return [self._run(batches[0])]
        with ThreadPoolExecutor(_cores()) as pool:
            return list(pool.map(self._run, batches))

    def _run(self, batch: list[list[int]]) -> Vectors:
        """(windows of the batch, dimension), padded to the longest of them."""
        ids = np.zeros((len(batch), max(map(len, batch))), np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(batch):
            ids[row, : len(window)] = window
            mask[row, : len(window)] = 1
        values = dict(zip(INPUTS, (ids, mask, np.zeros_like(ids)), strict=True))
        feed = {name: values[name].astype(kind) for name, kind in self.inputs.items()}
        output = self.session.run([self.output], feed)[0]
        return unit(mean_pooled(output, mask) if output.ndim == 3 else output)


def by_length(lengths: NDArray[np.integer[Any]], batch_tokens: int) -> list[list[int]]:
    """Places in `lengths`, longest first, in batches that padded to their longest hold at most `batch_tokens`."""
    batches: list[list[int]] = []
    for place in np.argsort(-lengths, kind="stable").tolist():
        if not batches or lengths[batches[-1][0]] * (len(batches[-1]) + 1) > batch_tokens:
            batches.append([])
        batches[-1].append(place)
    return batches


def mean_pooled(tokens: Vectors, mask: NDArray[np.int64]) -> Vectors:
    """(batch, dimension): the mean over the tokens that the mask keeps, of (batch, sequence, dimension)."""
    kept = mask[:, :, None].astype(np.float32)
    return np.asarray((tokens * kept).sum(axis=1) / np.maximum(kept.sum(axis=1), 1), np.float32)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache
def _from_folder(folder: Path) -> Encoder:
    """The ONNX sentence encoder in the folder, its digests checked against encoder.json, tried on a long text."""
    digests = {name: _digest(folder / name) for name in (MODEL, TOKENIZER)}
    card = _read_card(folder / CARD)
    for name, digest in digests.items():
        if card.get("sha256", {}).get(name, digest) != digest:
            raise ModelError(
                f"is not the file that {CARD} describes: its SHA-256 is {digest}",
                where=folder / name,
                fix="copy the folder again from where it came from",
            )
    max_tokens = card.get("max_tokens", MAX_TOKENS)
    try:
        vectorise = _open(folder, max_tokens)
        dimension = vectorise(["word " * max_tokens], BATCH_TOKENS).shape[1]
    except Exception as error:  # onnxruntime and tokenizers raise bare exceptions of many kinds
        raise ModelError(
            f"cannot be used as a sentence encoder: {error}",
            where=folder,
            fix=f"give a folder with the {MODEL} and {TOKENIZER} of one sentence encoder",
        ) from None
    if card.get("dimension", dimension) != dimension:
        raise ModelError(f"its vectors have {dimension} numbers", where=folder, fix=f"correct dimension in {CARD}")
    both = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    return Encoder(EncoderInfo(card.get("name", folder.name), dimension, both, max_tokens), vectorise)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error.strerror}",
            where=path,
            fix=f"use the encoder 'minilm', or a folder that holds {MODEL} and {TOKENIZER}",
        ) from None


def _read_card(path: Path) -> dict[str, Any]:
    """encoder.json: name, dimension, max_tokens and sha256, each of which may be missing, as may the file."""
    if not path.exists():
        return {}
    kinds = {"name": str, "dimension": int, "max_tokens": int, "sha256": dict}
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        wrong = next((key for key, kind in kinds.items() if not isinstance(card.get(key, kind()), kind)), None)
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"cannot be read: {error}", where=path, fix="restore it, or remove it") from None
    if wrong:
        raise ModelError(f"{wrong} cannot be {card[wrong]!r}", where=path, fix="restore the file, or remove it")
    return dict(card)


def _open(folder: Path, max_tokens: int) -> OnnxSentences:
    """A session with one thread, as batches go to cores, and the tokenizer set to cut into windows."""
    import onnxruntime
    from tokenizers import Tokenizer

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        str(folder / MODEL),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=["SkipLayerNormFusion"],  # slower than the three operators it joins
    )
    kinds = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
    inputs = {tensor.name: kinds.get(tensor.type) for tensor in session.get_inputs()}
    if set(inputs) - set(INPUTS) or None in inputs.values():
        raise ValueError(f"its inputs are {', '.join(inputs)}, not whole numbers called {', '.join(INPUTS)}")
    outputs = [tensor.name for tensor in session.get_outputs()]
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens, stride=min(OVERLAP_TOKENS, max_tokens // 4))
    return OnnxSentences(session, tokenizer, inputs, SENTENCES if SENTENCES in outputs else outputs[0])


# spaCy


@lru_cache
def _from_spacy(name: str) -> Encoder:
    """The vectors of a spaCy pipeline: its word vectors averaged, or where it has none, what its components set."""
    try:
        nlp = spacy.load(name)
    except (OSError, ImportError, ValueError) as error:
        raise ModelError(
            f"no encoder and no installed spaCy package is called {name!r} ({str(error).splitlines()[0]})",
            fix="use 'minilm', 'none' or the path of a folder, or pip install the package",
        ) from None
    data = np.asarray(nlp.vocab.vectors.data)
    if data.size:
        nlp.select_pipes(enable=[])
    dimension = nlp("word").vector.size
    if not dimension:
        raise ModelError(f"the spaCy package {name!r} has no vectors", fix="use one that has, such as en_core_web_md")
    version = [nlp.meta.get(key, "") for key in ("lang", "name", "version")]
    digest = hashlib.sha256("-".join(version).encode() + data.tobytes()).hexdigest()

    def vectorise(texts: Sequence[str], batch_tokens: int) -> Vectors:
        return np.stack([np.asarray(doc.vector, np.float32) for doc in nlp.pipe(texts)])

    return Encoder(EncoderInfo("-".join(version), dimension, digest), vectorise)


class SentenceEncoder:
    """The spaCy component: sets `doc.vector`. Holds the encoder's name, so that it pickles small."""

    def __init__(self, encoder: str) -> None:
        self.encoder = encoder

    def __call__(self, doc: Doc) -> Doc:
        """The doc, with its vector set."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], batch_size: int = 1000) -> Iterator[Doc]:
        """The docs in their order, with their vectors set, `batch_size` of them encoded together."""
        encoder, remaining = load_encoder(self.encoder), iter(stream)
        while docs := list(islice(remaining, batch_size)):
            vectors = encoder.encode([doc.text for doc in docs]) if encoder else [None] * len(docs)
            for doc, vector in zip(docs, vectors, strict=True):
                yield doc if vector is None else _with_vector(doc, vector)


def _with_vector(doc: Doc, vector: Any) -> Doc:
    """Not by `user_hooks`, with which a doc cannot be stored or sent to a process without a warning: then the tensor,
    here as in spaCy a row per token, gives the vector.
    """
    doc.vector = vector
    doc.tensor = np.broadcast_to(vector, (len(doc), vector.size))
    return doc


@Language.factory("sentence_encoder", default_config={"encoder": "minilm"})
def sentence_encoder(nlp: Language, name: str, encoder: str) -> SentenceEncoder:
    """The component for `nlp.add_pipe("sentence_encoder", config={"encoder": ...})`, which `load_encoder` names."""
    load_encoder(encoder)
    return SentenceEncoder(encoder)


def make_nlp(language: str = "en", encoder: str = "minilm") -> Language:
    """A spaCy pipeline of the language's tokenizer and the encoder: `nlp(text).vector` is the sentence vector."""
    try:
        nlp = spacy.blank(language)
    except ImportError:
        raise ModelError(f"spaCy knows no language {language!r}", fix="use 'en'") from None
    if encoder != NO_ENCODER:
        nlp.add_pipe("sentence_encoder", config={"encoder": encoder})
    return nlp
