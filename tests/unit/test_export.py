"""Questions out as a batch, answers back in: nothing is lost on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_univar.elicitation.replay import ReplayElicitor
from pytest_univar.elicitation.sampling import SamplingParams
from pytest_univar.export import openai_batch_lines
from pytest_univar.questions import load_questions
from pytest_univar.values import Question

CORE = load_questions("core")[:5]
OWN = [Question("why", "¿Por qué?", "spa"), Question("how: really", "¿Cómo?", "spa")]


def answered(line: dict[str, Any]) -> dict[str, Any]:
    """What the service makes of a request."""
    question = line["body"]["messages"][-1]["content"]
    choice = {"index": 0, "message": {"content": f"As for “{question}”: yes."}, "finish_reason": "stop"}
    body = {"model": "gpt-x-2025-01-01", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 8}}
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def test_a_line_is_a_request_of_the_batch_api() -> None:
    params = SamplingParams(temperature=0.5, seed=7, system_prompt="Be kind.", extra={"reasoning_effort": "low"})
    first, second = openai_batch_lines(CORE[:1], "openai/gpt-x", params, 2)
    assert first == {
        "custom_id": first["custom_id"],
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "gpt-x",
            "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": CORE[0].text}],
            "temperature": 0.5,
            "top_p": 0.95,
            "max_completion_tokens": 128,
            "seed": 7,
            "reasoning_effort": "low",
        },
    }
    assert second["body"] == {**first["body"], "seed": 8}


def test_what_is_not_set_is_not_sent() -> None:
    (line,) = openai_batch_lines(CORE[:1], "org/model", SamplingParams(top_p=None))
    assert set(line["body"]) == {"model", "messages", "max_completion_tokens"}
    assert line["body"]["model"] == "org/model"


def test_ids_are_unique_and_stable() -> None:
    ids = [line["custom_id"] for line in openai_batch_lines([*CORE, *OWN], "m", SamplingParams(), 3)]
    again = [line["custom_id"] for line in openai_batch_lines([*CORE, *OWN], "n", SamplingParams(seed=1), 3)]
    assert ids == again
    assert len(set(ids)) == 21


@pytest.mark.parametrize("with_input", [True, False])
@pytest.mark.parametrize("asked", [True, False])
def test_out_and_back(tmp_path: Path, with_input: bool, asked: bool) -> None:
    lines = list(openai_batch_lines(CORE, "openai/gpt-x", SamplingParams(), 2))
    if with_input:
        write(tmp_path / "audit.input.jsonl", lines)
    path = write(tmp_path / "audit.output.jsonl", [answered(line) for line in reversed(lines)])
    replay = ReplayElicitor(path)
    assert replay.llm == ("gpt-x" if with_input else "gpt-x-2025-01-01")
    got = replay.elicit(CORE if asked else None, "eng", samples=2)
    assert (got.tally.asked, got.tally.kept, got.problems) == (10, 10, {})
    assert {(answer.question_id, answer.sample) for answer in got.answers} == {(q.id, n) for q in CORE for n in (0, 1)}
    assert all(answer.answer == f"As for “{answer.question}”: yes." for answer in got.answers)


def test_out_and_back_in_another_language(tmp_path: Path) -> None:
    lines = list(openai_batch_lines(OWN, "m", SamplingParams()))
    path = write(tmp_path / "b.jsonl", [answered(line) for line in lines])
    got = ReplayElicitor(path).elicit(OWN, "spa")
    assert [(answer.question_id, answer.question) for answer in got.answers] == [(q.id, q.text) for q in OWN]
