"""The example that the README's first command runs, on the bundled encoder and bank."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_univar.banks import load_bank
from pytest_univar.encoding import load_encoder

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_quickstart_passes_and_reports(pytester: pytest.Pytester) -> None:
    shutil.copytree(ROOT / "examples", pytester.path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    command = next(line for line in (ROOT / "README.md").read_text().splitlines() if "&& pytest --univar" in line)
    arguments = command.split("&& pytest ")[1].split()

    result = pytester.runpytest_subprocess(*arguments)

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*univar: audited values*", "example-assistant/eng", "*60 of 60 kept*", "*met *"])


def test_every_line_says_who_wrote_it() -> None:
    lines = (ROOT / "examples" / "quickstart" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert all("no model produced it" in json.loads(line)["params"]["written_by"] for line in lines)


@pytest.mark.slow
def test_the_bundled_bank_belongs_to_the_bundled_encoder() -> None:
    bank, encoder = load_bank("univar-mini-eng"), load_encoder("univar-mini", device="cpu")
    bank.check_encoder(encoder.fingerprint, encoder.name)
    assert set(bank.schemes) == {"llm", "family", "origin"}


def test_the_bundled_parts_keep_to_their_size() -> None:
    megabyte = 1_000_000
    encoder = ROOT / "pytest_univar" / "encoding" / "univar-mini"
    bank = ROOT / "reference_embeddings" / "univar-mini-eng"
    assert (encoder / "model.safetensors").stat().st_size <= 48 * megabyte
    assert sum(file.stat().st_size for file in bank.iterdir()) <= 12 * megabyte
