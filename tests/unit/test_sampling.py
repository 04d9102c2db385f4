"""The sampling parameters, those of the provider's own among them."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_univar.elicitation import Request
from pytest_univar.elicitation.litellm import LiteLLMService, SamplingParams
from pytest_univar.errors import UsageError
from pytest_univar.values import Question

REQUEST = Request(Question("q0", "Why?"), 0)


def key(**params: Any) -> str:
    return LiteLLMService("openai/some-model", params=SamplingParams(**params)).key(REQUEST)


def test_a_key_without_extra_parameters_is_what_it_was() -> None:
    """Recorded by the first version: cassettes that are committed must stay good."""
    assert key() == "aa27bb0f371e3878421399bf8c21a95251bfb3f825a70a06773111b4b457ab75"
    assert key(extra={}) == key()


def test_extra_parameters_are_part_of_the_key() -> None:
    keys = {key(), key(extra={"top_k": 50}), key(extra={"top_k": 40}), key(extra={"reasoning_effort": "low"})}
    assert len(keys) == 4
    assert key(extra={"a": 1, "top_k": 50}) == key(extra={"top_k": 50, "a": 1})


@pytest.mark.parametrize(
    "name",
    ["api_key", "apikey", "API_KEY", "headers", "extra_headers", "default_headers", "authorization", "Authorization",
     "azure_ad_token", "aws_secret_access_key", "aws_access_key_id", "aws_session_token", "vertex_credentials",
     "password", "client_secret", "token", "x-api-key", "secret_key"],
)  # fmt: skip
def test_names_that_carry_secrets_are_refused(name: str) -> None:
    for extra in ({name: "x"}, {"extra_body": {name: "x"}}, {"deep": [{"er": {name: "x"}}]}):
        with pytest.raises(UsageError, match=r"(?i)secret|environment variable"):
            SamplingParams(extra=extra)


def test_a_secret_by_any_name_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "correct-horse-battery")
    for secret in ("correct-horse-battery", "sk-0123456789abcdef"):
        with pytest.raises(UsageError, match="a secret") as caught:
            SamplingParams(extra={"label": secret})
        assert secret not in str(caught.value)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"top_p": 0.5}, "setting of its own"),
        ({"max_completion_tokens": 5}, "setting of its own"),
        ({"api_base": "http://elsewhere"}, "how answers are sampled"),
        ({"mock_response": "Yes."}, "how answers are sampled"),
        ({"n": 2}, "how answers are sampled"),
        ({"top_k": {1, 2}}, "not JSON"),
        ({"top_k": float("nan")}, "not JSON"),
    ],
)
def test_what_is_not_a_sampling_parameter_is_refused(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SamplingParams(extra=extra)


@pytest.mark.parametrize(
    "extra", [{"top_k": 50}, {"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "budget_tokens": 1024}},
              {"min_tokens": 5}, {"stop_token_ids": [1]}, {"logit_bias": {"50256": -100}}],
)  # fmt: skip
def test_providers_parameters_are_taken(extra: dict[str, Any]) -> None:
    assert SamplingParams(extra=extra).set_values()["extra"] == extra


def test_parameters_can_be_hashed_and_compared() -> None:
    assert len({SamplingParams(), SamplingParams(extra={"top_k": 1}), SamplingParams(extra={"top_k": 1})}) == 2
