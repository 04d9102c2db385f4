"""``log.jsonl``: what each step of a run came to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

LOG = "log.jsonl"


@dataclass(frozen=True)
class Step:
    """What one step came to, as ``log.jsonl`` has it.

    pairs: in its batch. loss: of the pairs, in nats. anchor: mean of 1 − cos of the anchors, None without any.
    gradient_norm: of both together, before clipping. seconds: since training began.
    """

    step: int
    corpus: str
    pairs: int
    loss: float
    anchor: float | None
    temperature: float
    learning_rate: float
    gradient_norm: float
    seconds: float


def begin_log(file: Path, *, after: int) -> None:
    """Keep the lines up to a step; those behind it are written again. A killed run may have cut off the last one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if after and file.is_file() else []
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= after]
    file.write_text("".join(kept), encoding="utf-8")


def log(file: Path, step: Step) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(step)) + "\n")
