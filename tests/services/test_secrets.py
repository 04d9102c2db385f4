"""Wherever a secret may come from, no file, message or output of ours holds it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_univar.elicitation.budget import Budget
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.errors import UnivarError
from pytest_univar.values import Question

from .conftest import KEY
from .openai_server import OpenAIServer, Step, failure

ElicitorFactory = Callable[..., RecordedElicitor]
QUESTIONS = [Question(f"q{number}", f"Question {number}?") for number in range(6)]
ENVIRONMENT = {
    "HF_TOKEN": "hf_abcdefghijkl",
    "GATEWAY_PASSWORD": "correct-horse-battery",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
    "HOSTED_VLLM_API_KEY": "vllm-key-0123",
}
ELSEWHERE = {
    "cookie": "session-cookie-4711",
    "user-info": "user-info-hush",
    "query": "query-string-hush",
    "bearer": "bearer-of-another",
}
TOLD = f"""{" ".join(ENVIRONMENT.values())} {KEY} Bearer {ELSEWHERE["bearer"]}
http://me:{ELSEWHERE["user-info"]}@host/v1?api_key={ELSEWHERE["query"]} sk-of-somebody-else-123456"""
"""A provider's error text that gives everything away."""

SECRETS = [KEY, "sk-of-somebody-else-123456", *ENVIRONMENT.values(), *ELSEWHERE.values()]


@pytest.fixture
def nothing_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Callable[[str], None]]:
    """Call it with what the run returned; at the end of the test, every file and all output is searched too."""
    for name, secret in ENVIRONMENT.items():
        monkeypatch.setenv(name, secret)
    texts: list[str] = []
    yield texts.append
    texts += [*capfd.readouterr(), caplog.text]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    found = "\n".join([*texts, *map(str, files)]).encode() + b"".join(path.read_bytes() for path in files)
    assert files
    assert [secret for secret in SECRETS if secret.encode() in found] == []


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm"])
def test_a_run_with_every_kind_of_failure(
    server: OpenAIServer, elicitor: ElicitorFactory, tmp_path: Path, provider: str, nothing_shown: Callable[[str], None]
) -> None:
    server.default = Step("An answer.", headers={"Set-Cookie": f"session={ELSEWHERE['cookie']}", "X-Key": KEY})
    server.script(QUESTIONS[1].text, failure(500, TOLD))
    server.script(QUESTIONS[2].text, failure(429, TOLD, Retry_After="0"))
    server.script(QUESTIONS[3].text, failure(400, TOLD, "content_policy_violation"))
    server.script(QUESTIONS[4].text, Step(body=TOLD.encode()))
    budget = Budget(max_cost=1.0, allow_unknown_price=True, ledger=tmp_path / "ledger.json")
    got = elicitor(model=f"{provider}/some-model", max_attempts=2, budget=budget).elicit(QUESTIONS, "eng")
    assert (got.tally.kept, got.tally.cut_off, got.tally.missing) == (2, 1, 3)
    assert any(KEY in text or "vllm-key" in text for text in server.requests[0].headers.values()), "the key was in use"
    nothing_shown(repr(got))


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_a_failure_that_stops_the_run(
    server: OpenAIServer, elicitor: ElicitorFactory, status: int, nothing_shown: Callable[[str], None]
) -> None:
    elicitor().elicit(QUESTIONS[:1], "eng")
    server.default = failure(status, TOLD)
    with pytest.raises(UnivarError) as caught:
        elicitor().elicit(QUESTIONS, "eng")
    nothing_shown("".join(traceback.format_exception(caught.type, caught.value, caught.value.__traceback__)))


def test_secrets_in_the_endpoint(
    server: OpenAIServer, elicitor: ElicitorFactory, monkeypatch: pytest.MonkeyPatch,
    nothing_shown: Callable[[str], None],
) -> None:  # fmt: skip
    with_query = f"{server.api_base}?api_key={ELSEWHERE['query']}"
    with_user = server.api_base.replace("://", f"://me:{ELSEWHERE['user-info']}@")
    nothing_shown(repr(elicitor(api_base=with_query, max_attempts=1).elicit(QUESTIONS, "eng")))
    with pytest.raises(UnivarError) as caught:
        elicitor(api_base=with_user).elicit([Question("refused", "Refused?")], "eng")
    nothing_shown(str(caught.value))
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", with_user)
    model = {"model": "hosted_vllm/some-model", "api_base": None, "max_attempts": 2}
    with pytest.raises(UnivarError, match="take the user name and the password out of the API base") as caught:
        elicitor(**model).elicit(QUESTIONS, "eng")
    nothing_shown(str(caught.value))
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", f"http://127.0.0.1:9/v1?api_key={ELSEWHERE['query']}")
    nothing_shown(repr(elicitor(**model).elicit([Question("new", "New?")], "eng")))
