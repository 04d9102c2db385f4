"""What calls cost, by litellm's own price list, and what calls that are not made yet would cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_univar.elicitation import Request
from pytest_univar.elicitation.vendor import import_litellm, its_warnings_ignored

if TYPE_CHECKING:
    from pytest_univar.elicitation.litellm import LiteLLMService


class Estimate(NamedTuple):
    """What asking would take. cost_usd: None where the price is unknown, which is not zero."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


def estimate(service: LiteLLMService, requests: Sequence[Request]) -> Estimate:
    """What asking these would take if every answer ran to its limit and no call had to be repeated. Calls nothing."""
    prompt_tokens = sum(estimated_tokens(service.messages(request)) for request in requests)
    completion_tokens = len(requests) * service.params.max_tokens
    with its_warnings_ignored():
        cost = price(service.model, prompt_tokens, completion_tokens) if requests else 0.0
    return Estimate(len(requests), prompt_tokens, completion_tokens, cost)


def estimated_tokens(messages: Sequence[Mapping[str, str]]) -> int:
    """A cautious estimate of the prompt's tokens: one for 3 bytes of UTF-8 (English: about 4.5) and 8 a message."""
    return sum(math.ceil(len(message["content"].encode()) / 3) + 8 for message in messages)


def price(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """USD for this many tokens; None if the price is unknown. To be called with ``its_warnings_ignored``."""
    try:
        prompt, completion = import_litellm().cost_per_token(
            model=model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens
        )
    except Exception:  # which one depends on the provider, and all of them mean that there is no price
        return None
    return float(prompt + completion)
