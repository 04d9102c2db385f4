"""Parameters of the provider's own, on their way to the server and into the cassette."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_univar.elicitation.litellm import SamplingParams
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.values import Question

from .openai_server import OpenAIServer

ElicitorFactory = Callable[..., RecordedElicitor]
QUESTION = [Question("q0", "Why?")]


@pytest.mark.parametrize(
    ("model", "extra"),
    [
        ("hosted_vllm/some-model", {"top_k": 50, "min_p": 0.1}),
        ("openai/some-model", {"top_k": 50}),
        ("openai/o4-mini", {"reasoning_effort": "low"}),
        ("hosted_vllm/some-model", {"reasoning_effort": "low"}),
    ],
)
def test_extra_parameters_are_sent_and_recorded(
    server: OpenAIServer, elicitor: ElicitorFactory, model: str, extra: dict[str, object]
) -> None:
    # Reasoning models take no top_p.
    params = SamplingParams(top_p=None, extra=extra)
    (answer,) = elicitor(model=model, params=params).elicit(QUESTION, "eng").answers
    assert answer.params["extra"] == extra
    (request,) = server.requests
    assert {name: request.body.get(name) for name in extra} == extra
    assert set(request.body) <= {"model", "messages", "max_tokens", "max_completion_tokens", *extra}, "nothing else is"
    again = elicitor(model=model, params=params).elicit(QUESTION, "eng")
    assert (again.tally.recorded, len(server.requests)) == (1, 1)
