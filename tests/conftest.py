"""What the tests of every kind share: pytester, and a tiny encoder with its bank."""

from __future__ import annotations

import os

# Before torch is loaded, and for all processes that tests start: the models are tiny, and pytest's workers have a core
# each, so that more threads only stand in each other's way.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["RAYON_NUM_THREADS"] = "1"  # the tokenizers'

from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_univar.banks import save_bank
from pytest_univar.building import build_bank
from pytest_univar.corpora import Corpus
from pytest_univar.encoding import load_encoder
from pytest_univar.values import Answer

from .checkpoints import bert_checkpoint

pytest_plugins = ["pytester"]

VOICES = {
    "gpt-a": "freedom money change the state freedom money change",
    "gpt-b": "freedom work risk the state freedom work risk",
    "llama-a": "duty tradition family the state duty tradition family",
}
"""How the LLMs of the tiny bank answer. The tiny encoder is random, but it tells these words apart."""


class Parts(NamedTuple):
    """Folders: an encoder, the bank made with it, and an encoder that the bank does not belong to."""

    encoder: Path
    bank: Path
    other_encoder: Path


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    folder = tmp_path_factory.mktemp("parts")
    made = Parts(folder / "encoder", folder / "bank", folder / "other-encoder")
    bert_checkpoint(made.encoder)
    bert_checkpoint(made.other_encoder, seed=1)
    answers = tuple(
        Answer(llm, "eng", f"bank-{number}", f"should people {what} {number}", f"{voice} {number}")
        for llm, voice in VOICES.items()
        for number, what in enumerate(["help", "work", "love"] * 10)
    )
    bank = build_bank(
        [Corpus("tiny", answers, frozenset())],
        load_encoder(made.encoder, device="cpu"),
        name="tiny",
        lambda_=5,
        schemes={"family": {llm: llm.partition("-")[0] for llm in VOICES}},
        sources=[{"name": "made up", "licence": "none", "credit": "these tests"}],
    )
    save_bank(bank, made.bank)
    return made


@pytest.fixture(autouse=True)
def not_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable CI switches recording off; tests that mean that say so."""
    monkeypatch.delenv("CI", raising=False)
