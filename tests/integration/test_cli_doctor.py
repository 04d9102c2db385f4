"""``univar doctor`` and ``univar bank verify``: what is wrong is said with its remedy, and nothing makes them crash."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from safetensors.numpy import save_file

from pytest_univar.banks import MANIFEST, TENSORS, ReferenceBank, load_bank, save_bank
from pytest_univar.doctor import Check, caught
from pytest_univar.errors import UsageError

from ..checkpoints import bert_checkpoint
from ..conftest import VOICES, Parts
from ..services.openai_server import OpenAIServer, Step, failure
from .conftest import KEY, MODEL
from .test_cli import typed

Ran: TypeAlias = "tuple[int, dict[str, Any], str]"
Doctor: TypeAlias = Callable[..., Ran]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return tmp_path


@pytest.fixture
def doctor(parts: Parts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Exit code, the checks by name and all of the output, of ``univar doctor --json`` and again in words."""

    def run(*arguments: str, encoder: Path = parts.encoder, bank: Path = parts.bank) -> Ran:
        options = (f"--encoder={encoder}", f"--bank={bank}", "--device=cpu", *arguments)
        code, out, err = typed(monkeypatch, capsys, "doctor", "--json", *options)
        found = json.loads(out)
        assert found["ok"] == (code == 0)
        assert found["ok"] == all(check["status"] != "failed" for check in found["checks"])
        assert all(check["remedy"] for check in found["checks"] if check["status"] != "ok")
        again, words, more = typed(monkeypatch, capsys, "doctor", *options)
        assert again == code
        for check in found["checks"]:
            assert check["status"] in words
            assert not check["remedy"] or " ".join(check["remedy"].split()) in " ".join(words.split())
        everything = out + err + words + more
        assert KEY not in everything
        assert "Traceback" not in everything
        return code, {check["name"]: check for check in found["checks"]}, everything

    return run


@contextmanager
def http_server(status: int, body: bytes) -> Iterator[tuple[str, list[str]]]:
    """The API base of a server that answers every GET alike, and what it was asked, path and Authorization."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['Authorization']}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
        server.shutdown()


def test_all_is_well(doctor: Doctor) -> None:
    code, checks, _ = doctor()
    assert code == 0
    assert {name: check["status"] for name, check in checks.items()} == dict.fromkeys(
        ["python", "packages", "device", "encoder", "bank", "translator, eng", "recording", "cassettes"], "ok"
    )
    assert checks["device"]["found"].startswith("cpu (")
    assert "32 numbers a text" in checks["encoder"]["found"]
    assert checks["bank"]["found"] == "tiny: 90 rows of 3 value IDs, of this encoder"
    assert not [*Path().iterdir()]  # nothing is left behind


def test_another_encoder_than_the_banks(doctor: Doctor, parts: Parts) -> None:
    code, checks, _ = doctor(encoder=parts.other_encoder)
    assert code == 1
    assert [name for name, check in checks.items() if check["status"] == "failed"] == ["bank"]
    assert "distances between the two mean nothing" in checks["bank"]["found"]
    assert "univar bank build" in checks["bank"]["remedy"]


def test_an_encoder_that_does_not_normalise(doctor: Doctor, place: Path) -> None:
    bert_checkpoint(place / "plain", normalise=False)
    code, checks, _ = doctor(encoder=place / "plain")
    assert code == 1
    assert "found a vector of the length" in checks["encoder"]["found"]
    assert "Normalize" in checks["encoder"]["remedy"]


def test_what_is_damaged_does_not_hide_the_rest(doctor: Doctor, place: Path, parts: Parts) -> None:
    bert_checkpoint(place / "torn")
    weights = place / "torn" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    (place / "bank").mkdir()
    (place / "bank" / MANIFEST).write_text("{", encoding="utf-8")
    code, checks, _ = doctor("--device=abacus", encoder=place / "torn", bank=place / "bank")
    assert code == 1
    assert [name for name, check in checks.items() if check["status"] == "failed"] == ["device", "encoder", "bank"]
    assert "found the device 'abacus', expected one that this machine has" in checks["device"]["found"]
    assert checks["cassettes"]["status"] == "ok"


def test_translators(doctor: Doctor) -> None:
    code, checks, _ = doctor("--languages=eng,spa")
    assert code == 1
    assert checks["translator, eng"]["status"] == "ok"
    assert "found no translator for 'spa', expected nllb, opus" in checks["translator, spa"]["found"]
    assert "--translator" in checks["translator, spa"]["remedy"]
    assert doctor("--languages=eng,spa", "--translator=none")[0] == 0
    code, checks, _ = doctor("--languages=spa,jpn", "--translator=litellm:openai/some-model")
    assert code == 0
    assert "some-model" in checks["translator, jpn"]["found"]


def test_a_translator_that_knows_another_language(doctor: Doctor, place: Path) -> None:
    (place / "empty").mkdir()
    code, checks, _ = doctor("--languages=spa", "--translator=empty")
    assert code == 1
    assert checks["translator, spa"]["status"] == "failed"


def test_a_model_is_asked_one_question(doctor: Doctor) -> None:
    with OpenAIServer(Step(VOICES["gpt-a"])) as server:
        code, checks, _ = doctor(f"--model={MODEL}", f"--api-base={server.api_base}")
        assert code == 0
        assert len(server.requests) == 2  # of two runs
        headers = {name.lower(): text for name, text in server.requests[0].headers.items()}
        assert headers["authorization"] == f"Bearer {KEY}"
    assert checks[f"model {MODEL}"]["found"].startswith("one question answered in ")
    assert "11 + 7 tokens" in checks[f"model {MODEL}"]["found"]
    assert not [*Path().rglob("*.jsonl")]


def test_nothing_is_asked_where_nothing_is_named(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenAIServer() as server:
        monkeypatch.setenv("OPENAI_API_BASE", server.api_base)
        assert doctor()[0] == 0
        assert not server.requests


def test_a_model_that_refuses_the_key(doctor: Doctor) -> None:
    with OpenAIServer(failure(401, f"Incorrect API key provided: {KEY}", "invalid_api_key")) as server:
        code, checks, _ = doctor(f"--model={MODEL}", f"--api-base={server.api_base}")
    assert code == 1
    assert "cannot be asked: AuthenticationError" in checks[f"model {MODEL}"]["found"]
    assert "key in the environment" in checks[f"model {MODEL}"]["remedy"]


def test_a_model_without_an_answer(doctor: Doctor) -> None:
    with OpenAIServer(Step("")) as server:
        code, checks, _ = doctor(f"--model={MODEL}", f"--api-base={server.api_base}")
    assert code == 1
    assert "gave no answer" in checks[f"model {MODEL}"]["found"]


def test_collected_answers_as_the_model(doctor: Doctor, place: Path) -> None:
    line = {"language": "eng", "question": "What is fair?", "answer": "Sharing."}
    (place / "collected.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    code, checks, _ = doctor("--model=replay:collected.jsonl")
    assert code == 0
    assert checks["model replay:collected.jsonl"]["found"] == "answers of collected: 1 in eng"
    assert doctor("--model=replay:nowhere.jsonl")[0] == 1


@pytest.mark.parametrize(
    ("status", "body", "expected", "found"),
    [
        (200, b'{"data": [{"id": "our-model"}, {"id": "another"}]}', "ok", "serves our-model, another"),
        (200, b'{"data": []}', "ok", "serves no model"),
        (200, b"<html>", "warning", "not with a list of models"),
        (200, b"[1]", "warning", "not with a list of models"),
        (401, b"", "ok", "wants a key (HTTP 401)"),
        (404, b"", "warning", "answers with HTTP 404"),
        (501, b"", "warning", "answers with HTTP 501"),
        (503, b"", "failed", "HTTP 503"),
    ],
)
def test_an_endpoint_is_asked_for_its_models_without_a_key(
    doctor: Doctor, status: int, body: bytes, expected: str, found: str
) -> None:
    with http_server(status, body) as (api_base, asked):
        code, checks, _ = doctor(f"--api-base={api_base}/?key=abcdefgh")
    assert set(asked) == {"/v1/models None"}
    assert checks["endpoint"]["status"] == expected
    assert f"{api_base}/models" in checks["endpoint"]["found"]
    assert found in checks["endpoint"]["found"]
    assert code == (expected == "failed")


@pytest.mark.parametrize(
    ("api_base", "found"),
    [
        ("http://127.0.0.1:9/v1", "no answer"),
        ("http://127.0.0.1:port/v1", "no answer"),
        ("file:///etc", "expected http(s)://HOST:PORT/v1"),
        ("http://user:opensesame@127.0.0.1:9/v1", "without user and password"),
    ],
)
def test_an_endpoint_that_cannot_be(doctor: Doctor, api_base: str, found: str) -> None:
    code, checks, everything = doctor(f"--api-base={api_base}")
    assert code == 1
    assert found in checks["endpoint"]["found"]
    assert "opensesame" not in everything


def test_where_recording_is_off_there_must_be_cassettes(
    doctor: Doctor, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    code, checks, _ = doctor()
    assert code == 0
    assert "the variable CI is set" in checks["recording"]["found"]
    assert checks["cassettes"]["status"] == "warning"
    assert "found no cassette in cassettes" in checks["cassettes"]["found"]
    (place / "kept").mkdir()
    answer = {"language": "eng", "question": "What is fair?", "answer": "Sharing."}
    (place / "kept" / "m.eng.jsonl").write_text(json.dumps(answer) + "\n", encoding="utf-8")
    assert doctor("--cassette-dir=kept")[1]["cassettes"]["found"] == f"{place / 'kept'} holds 1 answers in 1 files"


@pytest.mark.skipif(os.name == "nt", reason="a device file of POSIX")
def test_a_folder_that_nothing_can_be_recorded_in(doctor: Doctor, place: Path) -> None:
    (place / "cassettes").write_text("a file", encoding="utf-8")
    code, checks, _ = doctor()
    assert code == 1
    assert "cannot be written" in checks["cassettes"]["found"]


def test_a_check_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises; and no secret gets out with it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def fails(error: Exception) -> Callable[[], Iterator[Check]]:
        def look() -> Iterator[Check]:
            yield Check("part", "ok", f"so far {KEY}")
            raise error

        return look

    first, second = caught("part", fails(RuntimeError(f"broken\nby {KEY}")), "mend it")
    assert first == Check("part", "ok", "so far ***")
    assert (second.status, second.found) == ("failed", "unexpected RuntimeError: broken by ***")
    assert "report this line" in second.remedy
    assert [*caught("part", fails(UsageError("ours")), "mend it")][1] == Check("part", "failed", "ours", "mend it")


def test_a_usage_error_is_none_of_the_checks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = typed(monkeypatch, capsys, "doctor", "--languages=english")
    assert (code, out) == (2, "")
    assert "--languages: found the language 'english'" in err


# --- univar bank verify ----------------------------------------------------------------------------------------------


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Exit code and the checks that are not ok, by name, of ``univar bank verify --json``."""

    def run(*arguments: object) -> Ran:
        code, out, err = typed(monkeypatch, capsys, "bank", "verify", "--json", *arguments)
        found = json.loads(out)
        assert found["ok"] == (code == 0)
        assert all(check["remedy"] for check in found["checks"] if check["status"] != "ok")
        return code, {check["name"]: check for check in found["checks"] if check["status"] != "ok"}, out + err

    return run


def test_a_sound_bank(verify: Doctor, parts: Parts) -> None:
    assert verify("univar-mini-eng")[:2] == (0, {})
    assert verify(parts.bank)[:2] == (0, {})
    assert verify(parts.bank, f"--encoder={parts.encoder}")[:2] == (0, {})


def changed(bank: ReferenceBank, folder: Path, **changes: Any) -> Path:
    save_bank(replace(bank, **changes), folder)
    return folder


def test_every_fault_of_a_bank(verify: Doctor, parts: Parts, place: Path) -> None:
    bank = load_bank(parts.bank)
    longer = bank.vectors.copy()
    longer[7] *= 1.5
    code, found, _ = verify(changed(bank, place / "longer", vectors=longer))
    assert (code, [*found]) == (1, ["lengths"])
    assert found["lengths"]["found"] == "1 of 90 rows are no unit vectors; row 7 has the length 1.500"

    some = {"family": {"gpt": tuple(each for each in bank.value_ids if each.llm.startswith("gpt"))}}
    code, found, _ = verify(changed(bank, place / "some", schemes=some))
    assert (code, [*found]) == (0, ["schemes"])
    assert found["schemes"]["found"].endswith("in none of them: llama-a/eng")

    bare = changed(bank, place / "bare", schemes={}, sources=(), calibration={}, encoder="nobody/nothing")
    code, found, _ = verify(bare)
    assert (code, [*found]) == (0, ["schemes", "calibration", "sources", "encoder"])
    assert "nobody/nothing" in found["encoder"]["found"]  # and it was not looked for on any hub
    assert verify(bare, f"--encoder={parts.encoder}")[0] == 0
    code, found, _ = verify(bare, f"--encoder={parts.other_encoder}")
    assert code == 1
    assert "distances between the two mean nothing" in found["encoder"]["found"]

    damaged = changed(bank, place / "damaged")
    save_file({"vectors": np.ones((2, 2), np.float32)}, damaged / TENSORS)
    code, found, _ = verify(damaged)
    assert (code, [*found]) == (1, ["files"])
    assert "found the SHA-256" in found["files"]["found"]
