"""kill -9 at ten random moments of a run, then one undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from pytest_univar.cassette import cassette_path, read_answers

from .openai_server import OpenAIServer, Step

MODEL = "openai/some-model"
COUNT = 400
CONCURRENCY = 8
KILLS = 10

# argv: api_base, cassette folder.
ASK = f"""
import sys
from pathlib import Path
from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.values import Question
service = LiteLLMService("{MODEL}", api_base=sys.argv[1], concurrency={CONCURRENCY}, backoff=0.01)
questions = [Question(f"q{{number}}", f"Question {{number}}?") for number in range({COUNT})]
print(RecordedElicitor(service, Path(sys.argv[2])).elicit(questions, "eng").tally.kept)
"""


def start(server: OpenAIServer, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", ASK, server.api_base, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def whole_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
def test_kills_cost_no_more_than_what_was_in_flight(server: OpenAIServer, tmp_path: Path) -> None:
    server.default = Step(hang=0.03)
    cassette = cassette_path(tmp_path, MODEL, "eng")
    chance = random.Random(4)
    lost = []
    for _ in range(KILLS):
        before = len(server.requests) - whole_lines(cassette)
        goal = len(server.requests) + chance.randint(1, COUNT // (KILLS + 3))
        process = start(server, tmp_path)
        deadline = time.monotonic() + 120
        while len(server.requests) < goal and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.04))
        os.kill(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        assert (process.returncode, errors) == (-signal.SIGKILL, "")
        time.sleep(0.1)  # what was sent before the kill has reached the server
        lost.append(len(server.requests) - whole_lines(cassette) - before)
    output, errors = start(server, tmp_path).communicate(timeout=300)
    assert (output, errors) == (f"{COUNT}\n", "")

    answers = read_answers(cassette)
    assert whole_lines(cassette) == COUNT, "no question was recorded twice"
    assert {answer.question for answer in answers} == {f"Question {number}?" for number in range(COUNT)}
    assert max(lost) <= CONCURRENCY
    assert sum(lost) > 0, "some kills came while calls were in flight"
    asked = Counter(server.questions())
    assert len(server.requests) - COUNT == sum(lost)
    assert len(asked) == COUNT
