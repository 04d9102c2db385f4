"""kill -9 at ten random moments of a run, then one undisturbed run."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from pytest_univar.cassette import cassette_path, read_answers
from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.elicitation.vendor import import_litellm
from pytest_univar.values import Question

from .openai_server import OpenAIServer, Step

MODEL = "openai/some-model"
COUNT = 400
CONCURRENCY = 8
KILLS = 10

# Forked from a process that has litellm already: loading it anew for each kill would take longer than all the rest.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__, "litellm"])


def ask(api_base: str, folder: Path, kept: Connection) -> None:
    service = LiteLLMService(MODEL, api_base=api_base, concurrency=CONCURRENCY, backoff=0.01)
    questions = [Question(f"q{number}", f"Question {number}?") for number in range(COUNT)]
    kept.send(RecordedElicitor(service, folder).elicit(questions, "eng").tally.kept)


def start(server: OpenAIServer, folder: Path) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    here, there = PROCESSES.Pipe()
    process = PROCESSES.Process(target=ask, args=(server.api_base, folder, there))
    process.start()
    return process, here


def whole_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
def test_kills_cost_no_more_than_what_was_in_flight(server: OpenAIServer, tmp_path: Path) -> None:
    import_litellm()  # in the environment is then what keeps its import in the forked process from calling out
    server.default = Step(hang=0.03)
    cassette = cassette_path(tmp_path, MODEL, "eng")
    chance = random.Random(4)
    lost = []
    for _ in range(KILLS):
        before = len(server.requests) - whole_lines(cassette)
        goal = len(server.requests) + chance.randint(1, COUNT // (KILLS + 3))
        process, _ = start(server, tmp_path)
        deadline = time.monotonic() + 120
        while len(server.requests) < goal and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.04))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        time.sleep(0.1)  # what was sent before the kill has reached the server
        lost.append(len(server.requests) - whole_lines(cassette) - before)
    process, kept = start(server, tmp_path)
    assert kept.poll(300)
    assert kept.recv() == COUNT
    process.join(60)
    assert process.exitcode == 0

    answers = read_answers(cassette)
    assert whole_lines(cassette) == COUNT, "no question was recorded twice"
    assert {answer.question for answer in answers} == {f"Question {number}?" for number in range(COUNT)}
    assert max(lost) <= CONCURRENCY
    assert sum(lost) > 0, "some kills came while calls were in flight"
    asked = Counter(server.questions())
    assert len(server.requests) - COUNT == sum(lost)
    assert len(asked) == COUNT
