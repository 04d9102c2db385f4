"""Checkpoints of a run: from one of them a run that was killed goes on to the same weights.

One is a folder ``checkpoints/step-N`` in the run's output: an encoder in float32 like any other (it can be evaluated,
or be the backbone of another run), ``optimizer.safetensors`` and ``checkpoint.json``. It is written under another
name first, and when it is whole the one before it is removed. There is no state of a random generator in it: batches
depend on the seed and the number of the step alone, and the model draws nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from pytest_univar.encoding import Encoder
from pytest_univar.errors import DataError, UsageError
from pytest_univar.training.saving import save, write_json

FORMAT = 1
FOLDER = "checkpoints"
_STATE = "checkpoint.json"
_TENSORS = "optimizer.safetensors"


@dataclass(frozen=True)
class Origin:
    """What a run is made of. recipe: as ``training.json`` has it. answers, backbone: SHA-256."""

    recipe: Mapping[str, Any]
    answers: str
    backbone: str


@dataclass(frozen=True)
class State:
    """A run after ``step``; the encoder itself is in the folder. seconds: since training began. tensors: by name."""

    folder: Path
    step: int
    seconds: float
    tensors: Mapping[str, torch.Tensor]


def folder_of(output: Path, step: int) -> Path:
    return output / FOLDER / f"step-{step:06}"


def write(encoder: Encoder, state: State, origin: Origin) -> None:
    """Write a checkpoint into its folder, whole or not at all, and remove the one before it."""
    unfinished = state.folder.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    save(encoder, unfinished, dtype="float32")
    save_file({name: tensor.detach().cpu() for name, tensor in state.tensors.items()}, unfinished / _TENSORS)
    facts = {"format": FORMAT, "step": state.step, "seconds": state.seconds, **asdict(origin)}
    write_json(unfinished / _STATE, facts)
    before = latest(state.folder.parents[1])
    os.replace(unfinished, state.folder)
    if before:
        shutil.rmtree(before)


def latest(output: Path) -> Path | None:
    """The folder of the last whole checkpoint of a run."""
    return max((output / FOLDER).glob("step-*"), key=lambda folder: int(folder.name.partition("-")[2]), default=None)


def read(output: Path, origin: Origin) -> State:
    """The state that a run goes on from.

    UsageError where there is none, or where the recipe, the answers or the backbone is another one than before;
    DataError where it is damaged.
    """
    folder = latest(output)
    if folder is None:
        raise UsageError(
            f"{output}: found no checkpoint to resume from, expected {FOLDER}/step-…. Start the run without --resume"
        )
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        if state["format"] != FORMAT:
            raise DataError(
                f"{folder / _STATE}: found the format {state['format']!r}, expected {FORMAT}. Another version of "
                "pytest-univar wrote it: go on with that one"
            )
        before = Origin(state["recipe"], state["answers"], state["backbone"])
        found = State(folder, int(state["step"]), float(state["seconds"]), load_file(folder / _TENSORS))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DataError(
            f"{folder}: is no whole checkpoint ({type(error).__name__}: {error}). Remove {folder.parent}, and start "
            "the run without --resume"
        ) from error
    _require_same(folder, before, origin)
    return found


def remove(output: Path) -> None:
    """Remove the checkpoints of a run that is done."""
    shutil.rmtree(output / FOLDER, ignore_errors=True)


def _require_same(folder: Path, before: Origin, now: Origin) -> None:
    remedy = "Resume with what the run began with, or start another one in another folder"
    old, new = (dict(_flat(json.loads(json.dumps(origin.recipe)))) for origin in (before, now))
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            raise UsageError(
                f"{folder}: the recipe has changed: {key}: found {new.get(key)!r:.60}, expected {old.get(key)!r:.60} "
                f"as before. {remedy}"
            )
    if before.answers != now.answers:
        raise UsageError(f"{folder}: the answers are others than those that the run began with. {remedy}")
    if before.backbone != now.backbone:
        raise UsageError(
            f"{folder}: found a backbone with the fingerprint {now.backbone[:12]}…, expected {before.backbone[:12]}… "
            f"as before. {remedy}"
        )


def _flat(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
