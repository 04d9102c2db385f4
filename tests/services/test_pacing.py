"""The pace of a service and its end by Ctrl-C, through real sockets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from pytest_univar.cassette import cassette_path, read_answers
from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.errors import UsageError
from pytest_univar.values import Question

from .openai_server import OpenAIServer, Step, failure

ElicitorFactory = Callable[..., RecordedElicitor]
QUESTIONS = [Question(f"q{number}", f"Question {number}?") for number in range(12)]


def test_retry_after_holds_for_every_question(server: OpenAIServer, elicitor: ElicitorFactory) -> None:
    server.script(QUESTIONS[2].text, failure(429, Retry_After="1"), Step())
    server.default = Step(hang=0.05)
    got = elicitor(concurrency=4).elicit(QUESTIONS, "eng")
    assert (got.tally.kept, got.tally.retries) == (12, 1)
    _, *times = sorted(request.at for request in server.requests)  # the first is followed by the client's warming up
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert max(pauses) >= 0.9, "nothing at all was asked for about the second"


def test_rpm_spaces_the_requests_evenly(server: OpenAIServer, elicitor: ElicitorFactory) -> None:
    got = elicitor(concurrency=8, rpm=600).elicit(QUESTIONS[:8], "eng")
    assert got.tally.kept == 8
    times = [request.at for request in server.requests]
    assert times[-1] - times[0] >= 0.65
    for earlier, later in zip(times, times[3:], strict=False):
        assert later - earlier > 0.15, "no bursts"


def test_what_cannot_be_a_pace_is_refused() -> None:
    with pytest.raises(UsageError, match="concurrency of 0"):
        LiteLLMService("openai/some-model", concurrency=0)
    for rpm in (0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="requests a minute"):
            LiteLLMService("openai/some-model", rpm=rpm)


INTERRUPTED = """
import signal
from pathlib import Path
from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.values import Question

def test_asks():
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
    service = LiteLLMService("openai/some-model", {api_base!r}, concurrency=4)
    questions = [Question(f"q{{number}}", f"Question {{number}}?") for number in range(12)]
    RecordedElicitor(service, Path("cassettes")).elicit(questions, "eng")
"""


def test_ctrl_c_ends_pytest_in_order(server: OpenAIServer, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(INTERRUPTED.format(api_base=server.api_base), encoding="utf-8")
    for question in QUESTIONS[5:9]:
        server.script(question.text, Step(hang=60))
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while len(server.requests) < 9 and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)  # let the answers before the hanging ones arrive
        os.kill(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, errors) == (2, "")
    assert "KeyboardInterrupt" in output
    for noise in ("Traceback", "never awaited", "was destroyed", "never retrieved", "Error"):
        assert noise not in output
    recorded = read_answers(cassette_path(tmp_path / "cassettes", "openai/some-model", "eng"))
    assert {answer.question for answer in recorded} == {question.text for question in QUESTIONS[:5]}
