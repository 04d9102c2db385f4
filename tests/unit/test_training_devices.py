"""training/: on an accelerator as on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pytest_univar.training.log import Step
from pytest_univar.training.trainer import train
from tests.checkpoints import bert_checkpoint
from tests.synthetic import corpus, recipe

DEVICES = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
pytestmark = [
    pytest.mark.parametrize(
        "device",
        [
            pytest.param(name, marks=pytest.mark.skipif(not there, reason=f"this machine has no {name} device"))
            for name, there in DEVICES.items()
        ],
    )
]


def run(tmp_path: Path, device: str, **settings: object) -> tuple[list[Step], torch.Tensor]:
    """The steps, and unit vectors of the held-out answers by the trained encoder."""
    steps: list[Step] = []
    wanted = recipe(**{"steps": 20, "learning_rate": 1e-3, **settings})
    encoder = train(wanted, [corpus()], str(bert_checkpoint(tmp_path)), device=device, on_step=steps.append)
    return steps, torch.from_numpy(encoder.encode([answer.answer for answer in corpus().test]))


@pytest.mark.parametrize("chunk", [None, 7])
def test_training_on_a_device_gives_the_cpus_results(tmp_path: Path, device: str, chunk: int | None) -> None:
    expected, vectors = run(tmp_path / "cpu", "cpu", autocast="float32")
    found, others = run(tmp_path / device, device, autocast="float32", chunk=chunk)
    assert [step.loss for step in found] == pytest.approx([step.loss for step in expected], abs=5e-3)
    assert (vectors * others).sum(-1).min() > 0.9999


def test_bfloat16_on_a_device_comes_to_the_same(tmp_path: Path, device: str) -> None:
    """What ``auto`` is on CUDA."""
    expected, vectors = run(tmp_path / "cpu", "cpu", autocast="float32")
    found, others = run(tmp_path / device, device, autocast="auto" if device == "cuda" else "bfloat16")
    assert [step.loss for step in found] == pytest.approx([step.loss for step in expected], abs=0.1)
    assert (vectors * others).sum(-1).min() > 0.99
