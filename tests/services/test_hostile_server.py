"""Two thousand questions to a server that fails four times in ten: each ends answered or accounted for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from pytest_univar.cassette import cassette_path
from pytest_univar.elicitation import requests_for
from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.values import Question

from .conftest import KEY
from .hostile_server import LONG_ANSWER, HostileServer, faults

MODEL = "openai/some-model"
QUESTIONS = [Question(f"q{number}", f"Question {number}?") for number in range(2000)]
ATTEMPTS = 5


@pytest.mark.slow
def test_every_question_ends_answered_or_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = HostileServer(seed=1, rate=0.4, hang=8.0)  # far past the time-out, however busy the machine is
    with server:
        service = LiteLLMService(
            MODEL, server.api_base, concurrency=32, timeout=0.5, max_attempts=ATTEMPTS, backoff=0.01
        )
        got = RecordedElicitor(service, tmp_path).elicit(QUESTIONS, "eng")
        asked = Counter(server.questions())
    tally = got.tally

    assert set(server.met) == set(faults(1.0)), "every kind of fault was met"
    assert 0.35 < len(server.met) / len(server.requests) < 0.45

    # None lost, and none counted twice.
    answered = [answer.question_id for answer in got.answers]
    assert sorted([*answered, *got.problems]) == sorted(request.id for request in requests_for(QUESTIONS, 1))
    assert tally.asked == tally.kept + tally.empty + tally.cut_off + tally.missing == len(QUESTIONS)
    assert (len(answered), len(got.problems)) == (tally.kept, tally.empty + tally.cut_off + tally.missing)
    assert min(tally.empty, tally.cut_off, tally.missing) > 0, "each way to end without an answer was met"

    # Each question has its own answer.
    assert {answer.answer for answer in got.answers if answer.answer != f"To {answer.question}"} == {
        LONG_ANSWER.strip()
    }

    # The cassette holds each answer once, and nothing else.
    lines = [json.loads(line) for line in cassette_path(tmp_path, MODEL, "eng").read_text("utf-8").splitlines()]
    assert sorted(line["question_id"] for line in lines) == sorted(answered)
    assert len({line["key"] for line in lines}) == len(lines)

    # No call is hidden, and none exceeds the policy: so many attempts, and once more for an empty answer. On a busy
    # machine a call can time out before it reaches the server.
    assert set(asked) == {question.text for question in QUESTIONS}
    assert sum(asked.values()) <= tally.calls == tally.asked + tally.retries
    assert sum(asked.values()) > 0.98 * tally.calls
    assert max(asked.values()) <= 2 * ATTEMPTS
