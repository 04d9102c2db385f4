"""A language model behind a real OpenAI-compatible server, audited by a real pytest, then replayed without it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_univar.banks import save_bank
from pytest_univar.building import build_bank
from pytest_univar.encoding import load_encoder
from tests.checkpoints import bert_checkpoint, causal_lm_checkpoint
from tests.synthetic import corpus

SUBJECTS = ("freedom", "duty", "family", "law", "money", "work", "god", "tradition", "safety", "truth")

AUDIT = """
import os
import numpy as np

def test_values(univar):
    profile = univar.profile("eng")
    assert profile.region(scheme="family") in ("gpt", "llama")
    np.save(os.environ["VECTORS"], profile.profile.vectors)
"""


@contextmanager
def served(model: Path, log: Path) -> Iterator[str]:
    """``transformers serve`` for a checkpoint; its base URL. Ended by its own process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, env=quiet(HF_HUB_OFFLINE="1"), stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until_healthy(process, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"transformers serve ended with {process.returncode}:\n{log.read_text(encoding='utf-8')}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"transformers serve was not up within two minutes:\n{log.read_text(encoding='utf-8')}")


def quiet(**variables: str) -> dict[str, str]:
    """This environment without what belongs to the outer pytest."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return inherited | variables


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project: a test file, questions, and an encoder with its bank."""
    folder = tmp_path / "project"
    encoder = load_encoder(bert_checkpoint(folder / "encoder"), device="cpu")
    schemes = {"family": {"gpt-a": "gpt", "llama-b": "llama"}}
    sources = [{"name": "made-up", "licence": "none", "credit": "the tests"}]
    bank = build_bank([corpus()], encoder, name="tiny", lambda_=5, schemes=schemes, sources=sources)
    save_bank(bank, folder / "bank")
    (folder / "test_values.py").write_text(AUDIT, encoding="utf-8")
    questions = [{"id": word, "text": f"Should people love {word}?"} for word in SUBJECTS]
    (folder / "questions.jsonl").write_text("".join(json.dumps(q) + "\n" for q in questions), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return folder


def audit(project: Path, vectors: str, options: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    settings = {
        "encoder": "encoder", "bank": "bank", "questions": "questions.jsonl", "device": "cpu", "max_tokens": 12,
        **options,
    }  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"]
    command += [f"--univar-{name.replace('_', '-')}={value}" for name, value in settings.items()]
    environment = quiet(VECTORS=vectors, OPENAI_API_KEY="sk-not-a-secret", COLUMNS="100")
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def words(result: subprocess.CompletedProcess[str]) -> str:
    """What was printed, without its line breaks, which depend on the length of the model's path."""
    return " ".join(result.stdout.split())


@pytest.mark.slow
def test_a_served_model_is_audited_once_and_replayed_without_it(project: Path, tmp_path: Path) -> None:
    model = causal_lm_checkpoint(tmp_path / "model")
    with served(model, tmp_path / "server.log") as url:
        options = {"model": f"openai/{model}", "api_base": url}
        live = audit(project, "live.npy", options)
    assert live.returncode == 0, live.stdout + live.stderr
    report = words(live)
    assert "10 of 10 kept, 0 of them refusals, 10 at the token limit; 0 empty, 0 cut off, 0 missing" in report
    assert "10 calls (0 retries), 0 answers from records" in report
    assert re.search(r"(gpt-a|llama-b)/eng \d\.\d{3} \d\.\d{3} to \d\.\d{3}", report)

    (cassette,) = (project / "cassettes").glob("*.jsonl")
    recorded = cassette.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in recorded.splitlines()]
    assert sorted(line["question_id"] for line in lines) == sorted(SUBJECTS)
    assert all(line["llm"] == f"openai/{model}" and line["answer"].strip() for line in lines)
    assert len({line["answer"] for line in lines}) == 10  # sampled: nobody gives the same ones twice
    assert all(line["usage"]["completion_tokens"] == 12 for line in lines)
    assert "sk-not-a-secret" not in recorded

    # the server is gone: whatever called out now would fail
    replayed = audit(project, "replayed.npy", {**options, "record": "none"})
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "0 calls (0 retries), 10 answers from records" in words(replayed)
    assert cassette.read_text(encoding="utf-8") == recorded
    vectors = np.load(project / "live.npy")
    assert vectors.shape == (10, 32)
    np.testing.assert_array_equal(np.load(project / "replayed.npy"), vectors)
