"""Recorded and replayed answers: cassettes shared by runs and processes, and answers from elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pytest_univar.cassette import cassette_path, read_answers
from pytest_univar.elicitation import Tally
from pytest_univar.elicitation.litellm import LiteLLMService, SamplingParams
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.elicitation.replay import ReplayElicitor
from pytest_univar.errors import AnswersError, NotRecordedError, UsageError
from pytest_univar.testing import ScriptedElicitor
from pytest_univar.values import Question

from .openai_server import OpenAIServer, Step, failure

MODEL = "openai/some-model"
ElicitorFactory = Callable[..., RecordedElicitor]
QUESTIONS = [Question(f"q{number}", f"Question {number}?") for number in range(6)]

# Asks QUESTIONS as another process: argv is api_base, cassette folder, concurrency.
ASK = """
import signal, sys
from pathlib import Path
from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.values import Question
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
api_base, folder, concurrency = sys.argv[1:]
service = LiteLLMService("openai/some-model", api_base=api_base, concurrency=int(concurrency), backoff=0.01)
questions = [Question(f"q{number}", f"Question {number}?") for number in range(6)]
print(RecordedElicitor(service, Path(folder)).elicit(questions, "eng").tally.kept)
"""


def start(server: OpenAIServer, folder: Path, concurrency: int = 1) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", ASK, server.api_base, str(folder), str(concurrency)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# --- recorded --------------------------------------------------------------------------------------------------------


def test_a_second_run_asks_nothing(server: OpenAIServer, elicitor: ElicitorFactory) -> None:
    seen: list[int] = []
    first = elicitor(concurrency=4).elicit(QUESTIONS, "eng", progress=lambda tally: seen.append(tally.kept))
    second = elicitor("none").elicit(QUESTIONS, "eng")
    assert len(server.requests) == 6
    assert first.answers == second.answers
    assert [answer.question_id for answer in first.answers] == [question.id for question in QUESTIONS]
    assert (first.tally.calls, first.tally.recorded, first.tally.kept) == (6, 0, 6)
    assert second.tally == Tally(asked=6, kept=6, recorded=6)
    assert seen == [0, 1, 2, 3, 4, 5, 6]


def test_what_can_change_the_answer_is_asked_again(server: OpenAIServer, elicitor: ElicitorFactory) -> None:
    question = QUESTIONS[:1]
    elicitor().elicit(question, "eng")
    elicitor(params=SamplingParams(temperature=0.2)).elicit(question, "eng")
    elicitor(params=SamplingParams(system_prompt="Be kind.")).elicit(question, "eng")
    elicitor().elicit(question, "eng", samples=2)
    elicitor().elicit([Question("q0", "Question 0, reworded?")], "eng")
    assert len(server.requests) == 5


def test_a_renamed_question_keeps_its_answer(server: OpenAIServer, elicitor: ElicitorFactory) -> None:
    elicitor().elicit(QUESTIONS[:1], "eng")
    got = elicitor().elicit([Question("new-id", QUESTIONS[0].text)], "eng")
    assert (got.answers[0].question_id, len(server.requests)) == ("new-id", 1)


def test_recording_off_never_calls_out(server: OpenAIServer, elicitor: ElicitorFactory, tmp_path: Path) -> None:
    with pytest.raises(NotRecordedError, match="there is no such file"):
        elicitor("none").elicit(QUESTIONS, "eng")
    assert not (tmp_path / "cassettes").exists()
    elicitor().elicit(QUESTIONS[:2], "eng")
    with pytest.raises(NotRecordedError) as caught:
        elicitor("none").elicit(QUESTIONS, "eng")
    message = str(caught.value)
    for part in (
        str(cassette_path(tmp_path / "cassettes", MODEL, "eng")),
        "4 of the 6 answers",
        "English (eng)",
        f"pytest --univar-model={MODEL} --univar-record=new",
    ):
        assert part in message
    assert len(server.requests) == 2


def test_all_asks_again_once_and_the_later_line_wins(
    server: OpenAIServer, elicitor: ElicitorFactory, tmp_path: Path
) -> None:
    server.default = Step("Before.")
    elicitor().elicit(QUESTIONS, "eng")
    time.sleep(0.01)  # the times in a cassette are in milliseconds
    server.default = Step("After.")
    again = elicitor("all")
    for _ in range(2):
        assert {answer.answer for answer in again.elicit(QUESTIONS, "eng").answers} == {"After."}
    assert len(server.requests) == 12
    assert {answer.answer for answer in elicitor("none").elicit(QUESTIONS, "eng").answers} == {"After."}


def test_all_takes_no_old_answer_for_a_question_that_fails_now(server: OpenAIServer, elicitor: ElicitorFactory) -> None:
    elicitor().elicit(QUESTIONS, "eng")
    time.sleep(0.01)
    server.script(QUESTIONS[2].text, failure(500))
    got = elicitor("all", max_attempts=1).elicit(QUESTIONS, "eng")
    assert "q2" not in {answer.question_id for answer in got.answers}
    assert (got.tally.kept, got.tally.missing, set(got.problems)) == (5, 1, {"q2"})


def test_a_worker_that_starts_late_takes_what_the_run_has_asked(
    server: OpenAIServer, service: Callable[..., LiteLLMService], tmp_path: Path
) -> None:
    since = datetime.now(timezone.utc).replace(microsecond=0)
    for _ in range(2):
        RecordedElicitor(service(), tmp_path, "all", since=since).elicit(QUESTIONS, "eng")
    assert len(server.requests) == 6


def test_refusals_are_kept_and_counted(server: OpenAIServer, elicitor: ElicitorFactory) -> None:
    server.script(QUESTIONS[0].text, Step("I'm sorry, but I can't help with that."))
    for _ in range(2):
        tally = elicitor().elicit(QUESTIONS, "eng").tally
        assert (tally.kept, tally.refused) == (6, 1)


def test_problems_are_not_recorded(server: OpenAIServer, elicitor: ElicitorFactory, tmp_path: Path) -> None:
    server.script(QUESTIONS[0].text, Step(""))
    server.script(QUESTIONS[1].text, failure(500))
    server.script(QUESTIONS[2].text, Step("Cut", "content_filter"))
    got = elicitor(max_attempts=2).elicit(QUESTIONS, "eng")
    assert set(got.problems) == {"q0", "q1", "q2"}
    assert (got.tally.asked, got.tally.kept) == (6, 3)
    assert len(read_answers(cassette_path(tmp_path / "cassettes", MODEL, "eng"))) == 3


def test_questions_are_needed(elicitor: ElicitorFactory) -> None:
    with pytest.raises(UsageError, match="--univar-questions"):
        elicitor().elicit(None, "eng")


def test_an_unknown_mode_is_refused(service: Callable[..., LiteLLMService], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none, new, all"):
        RecordedElicitor(service(), tmp_path, "some")  # type: ignore[arg-type]


def test_killed_half_way_only_the_rest_is_asked(
    server: OpenAIServer, elicitor: ElicitorFactory, tmp_path: Path
) -> None:
    server.script(QUESTIONS[3].text, Step(hang=60), Step())
    process = start(server, tmp_path / "cassettes")
    deadline = time.monotonic() + 60
    while len(server.requests) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(server.requests) == 4, "three answered, one in flight"
    got = elicitor().elicit(QUESTIONS, "eng")
    assert (got.tally.recorded, got.tally.kept) == (3, 6)
    assert server.questions()[4:] == [question.text for question in QUESTIONS[3:]]


def test_two_processes_ask_each_question_once(server: OpenAIServer, tmp_path: Path) -> None:
    server.default = Step(hang=0.1)
    processes = [start(server, tmp_path / "cassettes", 2) for _ in range(2)]
    results = [process.communicate(timeout=120) for process in processes]
    assert results == [("6\n", "")] * 2
    assert sorted(server.questions()) == sorted(question.text for question in QUESTIONS)
    names = sorted(path.name for path in (tmp_path / "cassettes").iterdir())
    assert names == [".locks", cassette_path(tmp_path, MODEL, "eng").name]


def test_ctrl_c_keeps_what_arrived_and_ends_in_order(server: OpenAIServer, tmp_path: Path) -> None:
    server.script(QUESTIONS[3].text, Step(hang=60))
    process = start(server, tmp_path / "cassettes")
    deadline = time.monotonic() + 60
    while len(server.requests) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.strip().endswith("KeyboardInterrupt")
    assert "never awaited" not in errors
    assert len(read_answers(cassette_path(tmp_path / "cassettes", MODEL, "eng"))) == 3


def test_a_recorded_audit_imports_nothing_heavy(
    server: OpenAIServer, elicitor: ElicitorFactory, tmp_path: Path
) -> None:
    elicitor().elicit(QUESTIONS, "eng")
    check = ASK + "print(sorted({'litellm', 'openai', 'torch', 'transformers'} & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", check, server.api_base, str(tmp_path / "cassettes"), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("6\n[]\n", "")


# --- replayed --------------------------------------------------------------------------------------------------------


@pytest.fixture
def answers_file(tmp_path: Path) -> Path:
    rows = [
        {"language": "eng", "question": "Why?", "answer": "Because.", "llm": "model-a"},
        {"language": "eng", "question": "Why?", "answer": "So.", "llm": "model-a"},
        {"language": "eng", "question_id": "how", "question": "How?", "answer": "Thus.", "llm": "model-a"},
        {"language": "spa", "question": "¿Por qué?", "answer": "Porque sí.", "llm": "model-a"},
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_replay_gives_all_answers_in_a_language(answers_file: Path) -> None:
    replay = ReplayElicitor(answers_file)
    assert replay.llm == "model-a"
    english = replay.elicit(None, "eng")
    assert [(answer.answer, answer.sample) for answer in english.answers] == [("Because.", 0), ("So.", 1), ("Thus.", 0)]
    assert english.tally == Tally(asked=3, kept=3, recorded=3)
    assert len(replay.elicit(None, "spa").answers) == 1


def test_replay_matches_questions_by_id_or_text(answers_file: Path) -> None:
    seen: list[Tally] = []
    asked = [Question("how", "How, in other words?"), Question("why", " Why? "), Question("who", "Who?")]
    got = ReplayElicitor(answers_file).elicit(asked, "eng", progress=seen.append)
    assert [(answer.question_id, answer.answer) for answer in got.answers] == [("how", "Thus."), ("why", "Because.")]
    assert (got.tally.asked, got.tally.kept, got.tally.missing, set(got.problems)) == (3, 2, 1, {"who"})
    assert seen == [got.tally]
    twice = ReplayElicitor(answers_file).elicit(asked, "eng", samples=2)
    assert [(answer.question_id, answer.sample) for answer in twice.answers] == [("how", 0), ("why", 0), ("why", 1)]
    assert set(twice.problems) == {"how#1", "who", "who#1"}


def test_replay_of_a_language_that_is_not_there(answers_file: Path) -> None:
    with pytest.raises(AnswersError, match=r"'fra', only in eng, spa"):
        ReplayElicitor(answers_file).elicit(None, "fra")


def test_replay_needs_one_llm(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(
        '{"language": "eng", "question": "Why?", "answer": "A.", "llm": "model-a"}\n'
        '{"language": "eng", "question": "Why?", "answer": "B.", "llm": "model-b"}\n',
        encoding="utf-8",
    )
    with pytest.raises(AnswersError, match="2 LLMs \\(model-a, model-b\\)"):
        ReplayElicitor(path)
    with pytest.raises(AnswersError, match="'model-c', expected one of model-a, model-b"):
        ReplayElicitor(path, llm="model-c")
    assert [answer.answer for answer in ReplayElicitor(path, llm="model-b").elicit(None, "eng").answers] == ["B."]


def test_replay_of_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text("", encoding="utf-8")
    with pytest.raises(AnswersError, match="no answers"):
        ReplayElicitor(path)


# --- scripted --------------------------------------------------------------------------------------------------------


def test_the_scripted_fake_answers_from_a_mapping_or_a_function() -> None:
    fake = ScriptedElicitor({"Question 0?": "Yes.", "q1": "No."})
    got = fake.elicit(QUESTIONS[:3], "eng")
    assert [answer.answer for answer in got.answers] == ["Yes.", "No."]
    assert got.problems == {"q2": "not in the script"}
    assert [request.question for request in fake.asked] == QUESTIONS[:3]
    assert [answer.question for answer in fake.elicit(None, "eng").answers] == ["Question 0?", "q1"]
    function = ScriptedElicitor(lambda question, sample: f"{question.id}-{sample}", llm="fake")
    assert [answer.answer for answer in function.elicit(QUESTIONS[:1], "eng", samples=2).answers] == ["q0-0", "q0-1"]
    with pytest.raises(UsageError):
        function.elicit(None, "eng")
