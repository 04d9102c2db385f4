"""What a chat completion says: an answer, nothing, or something cut off. Pure functions over the response object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_univar.answer_lines import storable

_REASONING_MARKS = (("<think>", "</think>"), ("◁think▷", "◁/think▷"))
"""Most models' own, and Kimi-VL's."""


@dataclass(frozen=True)
class Reply:
    """One completion. Only a ``kept`` one is an answer.

    at_limit: it ends at the token limit that was asked for, as the paper's answers do. cost_usd: None if unknown.
    """

    text: str
    verdict: Literal["kept", "empty", "cut_off"]
    finish_reason: str | None = None
    at_limit: bool = False
    usage: dict[str, int] = field(default_factory=dict)
    cost_usd: float | None = None
    problem: str = ""


def without_reasoning(text: str) -> str:
    """The text after its block of reasoning; empty if the block never ends.

    Some chat templates open the block in the prompt, so that only the mark that closes it is in the text.
    """
    for opens, closes in _REASONING_MARKS:
        if text.lstrip().startswith(opens):
            text = text.partition(closes)[2]
        before, closed, after = text.partition(closes)
        if closed and opens not in before:
            text = after
    return text.strip()


def read_reply(response: Any, max_tokens: int) -> Reply:
    """The reply in litellm's ``ModelResponse``. ``reasoning_content`` is left where it is: it is not the answer."""
    choice = response.choices[0] if response.choices else None
    finish_reason = choice.finish_reason if choice else None
    content = choice.message.content if choice else None
    text = storable(without_reasoning(content or ""))
    usage = _usage(response)
    verdict, problem = _judge(text, finish_reason, usage.get("completion_tokens", 0), max_tokens)
    return Reply(
        text=text,
        verdict=verdict,
        finish_reason=finish_reason,
        at_limit=verdict == "kept" and finish_reason == "length",
        usage=usage,
        cost_usd=response._hidden_params.get("response_cost"),
        problem=problem,
    )


def _judge(
    text: str, finish_reason: str | None, completion_tokens: int, max_tokens: int
) -> tuple[Literal["kept", "empty", "cut_off"], str]:
    if finish_reason == "content_filter":
        return "cut_off", "the provider's content filter stopped the answer"
    if finish_reason == "length" and not text:
        return "cut_off", f"all {completion_tokens or max_tokens} tokens went into hidden reasoning; raise max_tokens"
    if not text:
        return "empty", "the answer was empty"
    # A server that reports no usage (0) gets the benefit of the doubt: the only limit known is the one asked for.
    if finish_reason == "length" and 0 < completion_tokens < max_tokens:
        return "cut_off", f"the server stopped after {completion_tokens} of the {max_tokens} tokens asked for"
    return "kept", ""


def _usage(response: Any) -> dict[str, int]:
    usage = getattr(response, "usage", None)
    counts = {name: getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")}
    return {name: count for name, count in counts.items() if count}
