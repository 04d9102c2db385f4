"""Whole pytest runs with secrets wherever one may be: no file that they write and nothing that they print holds one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import VOICES
from ..services.openai_server import OpenAIServer, Received, Step, failure
from .conftest import QUESTIONS, Project, printed

USER_INFO = "user-info-hush"
QUERY = "query-string-hush"
ENVIRONMENT = {
    "HOSTED_VLLM_API_KEY": "vllm-key-0123",
    "OPENAI_API_KEY": "sk-univar-test-0123456789abcdef",
    "HF_TOKEN": "hf_abcdefghijkl",
    "GATEWAY_PASSWORD": "correct-horse-battery",
}
HEADER = "header-that-nobody-should-see"
SECRETS = (USER_INFO, QUERY, base64.b64encode(f"me:{USER_INFO}".encode()).decode(), HEADER, *ENVIRONMENT.values())
STATUS = {"unauthorised": 401, "bad-request": 400, "broken": 500}
"""Model → how the server fails for it; it answers for any other."""

SHOWN = ("-vv", "-rA", "--showlocals", "--junitxml=junit.xml")
PROFILE = "def test_values(univar): univar.profile('eng')"


class EchoingServer(OpenAIServer):
    """Fails with a message that gives away what it was sent, and looks at the run's temporary files meanwhile."""

    def __init__(self, temporary: Path) -> None:
        super().__init__(Step(VOICES["gpt-a"]))
        self.temporary = temporary
        self.ledgers: set[bytes] = set()

    def _next(self, received: Received) -> Step:
        step = super()._next(received)
        # Gone after the run. Written as a whole and then renamed, so that it can be read at any moment.
        self.ledgers |= {file.read_bytes() for file in self.temporary.rglob("ledger.json")}
        status = STATUS.get(received.body["model"])
        if status is None:
            return step
        told = f"http://me:{USER_INFO}@host/v1?api_key={QUERY} {json.dumps(dict(received.headers))}"
        return failure(status, f"{' '.join(ENVIRONMENT.values())} {told}")


@pytest.fixture
def echoing(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoingServer]:
    temporary = project.path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    for name, secret in ENVIRONMENT.items():
        monkeypatch.setenv(name, secret)
    running = EchoingServer(temporary)
    with running:
        yield running


def secrets_found(project: Project, result: pytest.RunResult, *extra: bytes) -> list[str]:
    """The secrets in what was printed, and in every file's content and path; only the ini file is the user's own."""
    texts = [*result.outlines, *result.errlines]
    files = [file for file in project.path.rglob("*") if file.is_file() and file.name != "pytest.ini"]
    everything = b"\n".join([*(text.encode() for text in texts), *extra])
    everything += b"".join(str(file).encode() + file.read_bytes() for file in files)
    return [secret for secret in SECRETS if secret.encode() in everything]


@pytest.mark.slow
def test_a_run_whose_provider_tells_every_secret(
    project: Project, echoing: EchoingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", f"{echoing.api_base}?api_key={QUERY}")
    project.write_test(PROFILE)
    models = [f"--univar-model=hosted_vllm/{name}" for name in ("fine", *STATUS)]
    limit = ("--univar-max-cost=1", "--univar-allow-unknown-price")
    quiet = ("-p", "no:hypothesispytest", "-p", "no:anyio")

    # One worker, because only several processes keep a ledger.
    result = project.pytester.runpytest_subprocess(*quiet, "-n1", *SHOWN, *limit, *models)

    result.assert_outcomes(passed=1, failed=3)
    assert any(secret in str(echoing.requests[0].headers) for secret in SECRETS), "a secret was in use"
    written = {file.name: file.read_bytes() for file in project.path.rglob("*") if file.is_file()}
    (cassette,) = (name for name in written if name.startswith("hosted_vllm-fine-") and name.endswith(".eng.jsonl"))
    assert written[cassette].count(b"\n") == len(QUESTIONS)
    assert b"bad-request" in written["junit.xml"]
    assert b"test_values" in written["lastfailed"]
    assert any(b"spent" in ledger for ledger in echoing.ledgers)
    assert "***" in result.stdout.str(), "what the provider said is shown, without its secrets"
    assert secrets_found(project, result, *echoing.ledgers) == []


@pytest.mark.parametrize("where", ["the option", "the environment"])
def test_a_password_in_the_api_base(
    project: Project, echoing: EchoingServer, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    project.write_test(PROFILE)
    with_user = echoing.api_base.replace("://", f"://me:{USER_INFO}@")
    if where == "the environment":
        monkeypatch.setenv("HOSTED_VLLM_API_BASE", with_user)
    option = [f"--univar-api-base={with_user}"] * (where == "the option")
    result = project.run(*SHOWN, "--univar-model=hosted_vllm/fine", *option)
    result.assert_outcomes(failed=1)
    assert "API base" in printed(result)
    assert not echoing.requests
    assert secrets_found(project, result) == []


@pytest.mark.parametrize(
    "extra",
    [
        {"extra_headers": {"X-Gateway": HEADER}},
        {"extra_body": {"headers": {"X-Gateway": HEADER}}},
        {"extra_body": {"gateway": ENVIRONMENT["GATEWAY_PASSWORD"]}},
    ],
    ids=["extra_headers", "nested", "a secret of the environment"],
)
def test_a_secret_among_the_extra_parameters(project: Project, echoing: EchoingServer, extra: dict[str, Any]) -> None:
    project.write_test(PROFILE)
    project.set(univar_extra=json.dumps(extra))
    result = project.run(*SHOWN, "--univar-model=hosted_vllm/fine", f"--univar-api-base={echoing.api_base}")
    assert "among the extra parameters" in printed(result)
    assert "passed" not in result.parseoutcomes()
    assert not echoing.requests
    assert secrets_found(project, result) == []
