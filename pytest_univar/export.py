"""Questions as the input file of an OpenAI batch: the cheap way, asked over night and audited from the output.

The output is replayed with ``replay:OUTPUT.jsonl``: the ids say which question, language and sample an answer is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pytest_univar.elicitation import requests_for
from pytest_univar.elicitation.batch import BatchId
from pytest_univar.elicitation.sampling import SamplingParams
from pytest_univar.values import Question

_PROVIDERS = ("openai/", "azure/", "hosted_vllm/")
"""What litellm puts before the name that an OpenAI-compatible endpoint knows the model by."""


def openai_batch_lines(
    questions: Sequence[Question], model: str, params: SamplingParams, samples: int = 1
) -> Iterator[dict[str, Any]]:
    """One request for each sample of each question, as JSON objects to be written one a line.

    The ids depend on the question, its language and the sample alone, so that a repeated export has the same ones.
    """
    name = next((model.removeprefix(prefix) for prefix in _PROVIDERS if model.startswith(prefix)), model)
    system = [{"role": "system", "content": params.system_prompt}] if params.system_prompt else []
    for question, sample in requests_for(questions, samples):
        settings = {
            "temperature": params.temperature,
            "top_p": params.top_p,
            # max_tokens is deprecated there, and refused by reasoning models
            "max_completion_tokens": params.max_tokens,
            "seed": None if params.seed is None else params.seed + sample,
        }
        yield {
            "custom_id": str(BatchId.of(question, sample)),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": name,
                "messages": [*system, {"role": "user", "content": question.text}],
                **{setting: value for setting, value in settings.items() if value is not None},
                **params.extra,
            },
        }
