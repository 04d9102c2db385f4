"""Texts per second beside ``SentenceTransformer.encode``: real answers, the bundled encoder's weights, both in one run.

    python benchmarks/encoding_speed.py --answers llm_answers.jsonl.xz [--device cuda] [--dtype bfloat16] [--limit 600]

The answers are the value-eliciting ones of the file, drawn evenly and seeded, as ``Q: … A: …``. Both sides have the
same texts, weights and longest inputs, and sort by length themselves. sentence-transformers has each batch size in
turn, ours its own; the sides take turns, and the best of each counts. With a dtype other than float32, both are
measured in it, and sentence-transformers in float32 too, as its checkpoints are released. ``--max-length`` several
times gives a curve. Needs sentence-transformers (the extra test). Exits with 1 where the cosine of any text is under
0.9999 in float32 (0.999 otherwise), or where ours is not 1.3 times as fast on a CPU, twice on another device.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import lzma
import random
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pytest_univar.values import Vectors

BATCH_SIZES = {"cpu": (4, 8, 16, 32), "other": (32, 64, 128, 256, 512)}
ROUNDS = 3
LEAST = {"cpu": 1.3, "other": 2.0}


class Took(NamedTuple):
    """Seconds: by the clock, and of the processor, of all threads, which tell whether the machine was too busy."""

    wall: float
    processor: float


def texts_of(file: Path, limit: int) -> list[str]:
    """The value-eliciting answers, ``limit`` of them drawn evenly; all where it is 0."""
    from pytest_univar.values import QA

    with lzma.open(file, "rt", encoding="utf-8") if file.suffix == ".xz" else file.open(encoding="utf-8") as lines:
        answers = [json.loads(line) for line in lines]
    texts = [str(QA(line["question"], line["answer"])) for line in answers if line.get("value_eliciting", True)]
    return random.Random(0).sample(texts, min(limit, len(texts))) if limit else texts


def timed(work: Callable[[], Vectors], device: str) -> tuple[Took, Vectors]:
    import torch

    begin, used = time.perf_counter(), time.process_time()
    vectors = work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return Took(time.perf_counter() - begin, time.process_time() - used), vectors


def theirs(encoder: Any, dtype: str) -> Any:
    """The same files in sentence-transformers, at the same longest input."""
    import torch
    from sentence_transformers import SentenceTransformer

    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        model = SentenceTransformer(str(encoder.checkpoint.folder), device=encoder.device)
    model.max_seq_length = encoder.checkpoint.max_seq_length
    return model.to(dtype=getattr(torch, dtype)).eval()


def compare(encoder: Any, texts: list[str], dtype: str) -> bool:
    """Print the figures beside sentence-transformers in ``dtype``; whether they are as they should be."""
    import numpy as np

    kind = encoder.device if encoder.device == "cpu" else "other"
    model, sizes = theirs(encoder, dtype), BATCH_SIZES[kind]

    def with_size(size: int) -> Callable[[], Vectors]:
        return lambda: model.encode(texts, batch_size=size, convert_to_tensor=True).float().cpu().numpy()

    sides: dict[str, Callable[[], Vectors]] = {"ours": lambda: encoder.encode(texts)}
    sides |= {f"by {size}": with_size(size) for size in sizes}
    for side in sides.values():  # memory, kernels
        side()
    took: dict[str, list[Took]] = {name: [] for name in sides}
    vectors = {}
    for _ in range(ROUNDS):
        for name, side in sides.items():
            found, vectors[name] = timed(side, encoder.device)
            took[name].append(found)
    best = {name: min(rounds) for name, rounds in took.items()}
    fastest = min((name for name in sides if name != "ours"), key=lambda name: best[name])
    ours, other = (vectors[name] / np.linalg.norm(vectors[name], axis=1, keepdims=True) for name in ("ours", fastest))
    cosine = float((ours.astype(np.float64) * other).sum(axis=1).min())
    ratio = best[fastest].wall / best["ours"].wall
    print(
        f"{encoder.checkpoint.max_seq_length:>5} tokens, {encoder.dtype} against {dtype}: {ratio:.2f} times; "
        f"least cosine {cosine:.7f}"
    )
    for name, found in best.items():
        mark = " (its best)" if name == fastest else ""
        print(f"      {name:<7} {len(texts) / found.wall:8.1f} texts/s, processor {found.processor:6.1f} s{mark}")
    # Half precision against float32 as released must be worth more.
    least = LEAST[kind] * (2 if kind == "other" and dtype != encoder.dtype else 1)
    return ratio >= least and cosine >= (0.9999 if encoder.dtype == dtype == "float32" else 0.999)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="texts per second beside SentenceTransformer.encode")
    parser.add_argument("--answers", type=Path, required=True, help="JSON lines with question and answer, perhaps .xz")
    parser.add_argument("--encoder", default="univar-mini")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--limit", type=int, default=600, help="texts; 0 for all")
    parser.add_argument("--max-length", type=int, action="append", help="in tokens; the encoder's own if not given")
    given = parser.parse_args(arguments)

    import torch

    from pytest_univar.encoding import Encoder, read_checkpoint

    checkpoint = read_checkpoint(given.encoder)
    texts = texts_of(given.answers, given.limit)
    texts = [checkpoint.text_format.apply(text) for text in texts]  # sentence-transformers knows no text format
    name = torch.cuda.get_device_name(given.device) if given.device.startswith("cuda") else given.device
    print(f"{datetime.date.today()}, {name}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{len(texts)} texts of {given.answers.name}, {checkpoint.name}")
    good = True
    for length in given.max_length or [checkpoint.max_seq_length]:
        encoder = Encoder(replace(checkpoint, max_seq_length=length), device=given.device, dtype=given.dtype)
        for dtype in dict.fromkeys([given.dtype, "float32"]):
            good &= compare(encoder, texts, dtype)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
