"""What a run would cost, without making it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_univar.elicitation import requests_for
from pytest_univar.elicitation.litellm import LiteLLMService, SamplingParams
from pytest_univar.elicitation.pricing import Estimate, estimate
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.values import Question

from .openai_server import OpenAIServer, Step

QUESTIONS = [Question(f"q{number}", f"Question {number}?") for number in range(6)]


def test_a_known_price_is_multiplied_out() -> None:
    service = LiteLLMService("openai/gpt-4o-mini", params=SamplingParams(max_tokens=100, system_prompt="Be brief."))
    requests = requests_for(QUESTIONS, 2)
    got = estimate(service, requests)
    prompt = 12 * (3 + 8 + 4 + 8)  # 9 and 11 bytes, rounded up to 3 and 4 tokens, and 8 for each message
    assert got[:3] == (12, prompt, 1200)
    assert got.cost_usd == pytest.approx(prompt * 0.15e-6 + 1200 * 0.6e-6)


def test_an_unknown_price_is_not_zero() -> None:
    assert estimate(LiteLLMService("openai/some-model"), requests_for(QUESTIONS, 1)).cost_usd is None


def test_nothing_to_ask_costs_nothing() -> None:
    assert estimate(LiteLLMService("openai/some-model"), []) == Estimate(0, 0, 0, 0.0)


def test_an_estimate_calls_nothing_and_covers_what_the_run_costs(
    server: OpenAIServer, elicitor: Callable[..., RecordedElicitor], service: Callable[..., LiteLLMService]
) -> None:
    model = {"model": "openai/gpt-4o-mini"}
    server.default = Step("x" * 300, "length", completion_tokens=128)
    before = estimate(service(**model), elicitor(**model).pending(QUESTIONS, "eng"))
    assert server.requests == []
    got = elicitor(**model).elicit(QUESTIONS, "eng")
    assert got.problems == {}
    tally = got.tally
    assert before.cost_usd is not None
    assert (before.calls, before.completion_tokens) == (tally.calls, tally.completion_tokens)
    assert tally.cost_usd <= before.cost_usd <= 1.5 * tally.cost_usd


def test_only_what_is_not_recorded_is_pending(
    server: OpenAIServer, elicitor: Callable[..., RecordedElicitor], tmp_path: Path
) -> None:
    assert len(elicitor().pending(QUESTIONS, "eng", samples=2)) == 12
    assert not (tmp_path / "cassettes").exists()
    elicitor().elicit(QUESTIONS[:2], "eng")
    assert [request.id for request in elicitor().pending(QUESTIONS[:3], "eng", samples=2)] == [
        "q0#1",
        "q1#1",
        "q2",
        "q2#1",
    ]
    assert len(elicitor("all").pending(QUESTIONS, "eng")) == 6
