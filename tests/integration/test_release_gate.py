"""The worked example of a release gate: its two commands as its README gives them, in real processes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from pytest_univar.questions import load_questions

EXAMPLE = Path(__file__).parents[2] / "examples" / "release_gate"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")

NO_NETWORK = """
import socket

def refuse(*address, **options):
    raise AssertionError(f"the example called out: {address}")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""

EXPECTATIONS = (
    "values.univar.yaml::unchanged since v1",
    "values.univar.yaml::many answers lie in mistral",
    "values.univar.yaml::near Mistral-7B",
    "values.univar.yaml::closer to mistral than to claude",
    "test_release.py::test_nearer_to_mistral_than_to_gpt",
)


@pytest.fixture
def audit(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A copy of the example two folders below where pytest is started, without a key and without a network."""
    copy = pytester.path / "examples" / "release_gate"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    (copy / "conftest.py").write_text(NO_NETWORK, encoding="utf-8")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return pytester


def command(release: str) -> list[str]:
    """The arguments of the README's command for a release."""
    line = next(line for line in README.splitlines() if line.startswith("pytest") and f"-{release} " in line)
    return line.partition("#")[0].split()[1:]


def verdicts(output: str) -> dict[str, str]:
    """Expectation → verdict or outcome, as the report says."""
    words = "met|violated|inconclusive|passed|failed"
    report = re.split(r"^expectations\b.*\n", output, flags=re.MULTILINE)[-1].partition("\n\n")[0]
    blocks = re.split(rf"^  (?=(?:{words}) )", report, flags=re.MULTILINE)[1:]
    return {name: block.split()[0] for block in blocks for name in EXPECTATIONS if name in block}


@pytest.mark.slow
def test_v1_passes_with_every_expectation_met(audit: pytest.Pytester) -> None:
    result = audit.runpytest_subprocess("-v", *command("v1"))

    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=5)
    assert verdicts(result.stdout.str()) == dict(zip(EXPECTATIONS, ["met"] * 4 + ["passed"], strict=True))
    result.stdout.fnmatch_lines(["*40 of 40 kept*", "0 calls (0 retries), 40 answers from records*"])


@pytest.mark.slow
def test_v2_fails_and_says_what_changed(audit: pytest.Pytester) -> None:
    result = audit.runpytest_subprocess("-v", *command("v2"))

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, failed=4)
    assert verdicts(result.stdout.str()) == dict(
        zip(EXPECTATIONS, ["violated", "inconclusive", "violated", "met", "failed"], strict=True)
    )
    message = next(line for line in result.outlines if "expected that eng is unchanged since v1" in line)
    assert "violated: drift 0." in message
    assert "95% interval" in message
    assert "p < 0.001" in message
    assert "40 questions" in message
    assert _without_figures(message) in _without_figures(README), "the README shows another message"
    evidence = result.outlines[result.outlines.index(message) + 2]
    assert re.match(r" +core-[\w-]+-\d \(\+0\.\d{3}\): .+\? → .+", evidence), "no question and answer that pulls"
    plain = "*assert distance 0.* to Mistral-7B-Instruct-v0.2/eng < distance 0.* to gpt-3.5-turbo-1106/eng"
    result.stdout.fnmatch_lines([plain, "*0 calls (0 retries)*"])


def test_the_questions_are_those_of_core() -> None:
    core = {question.id: question for question in load_questions("core")}
    chosen = load_questions(EXAMPLE / "questions.jsonl")
    assert all(question == core[question.id] for question in chosen)
    assert len({question.value for question in chosen}) == len(chosen) == 40


@pytest.mark.parametrize("release", ["v1", "v2"])
def test_what_is_recorded_is_what_the_readme_says(release: str) -> None:
    (cassette,) = (EXAMPLE / "cassettes").glob(f"*-{release}-*.eng.jsonl")
    lines = [json.loads(line) for line in cassette.read_text(encoding="utf-8").splitlines()]
    assert {line["llm"] for line in lines} == {f"openai/our-assistant-{release}"}
    assert {line["question_id"] for line in lines} == {q.id for q in load_questions(EXAMPLE / "questions.jsonl")}
    assert all(60 <= len(line["answer"].split()) <= 110 for line in lines)
    assert "No model produced these answers" in README


def _without_figures(text: str) -> str:
    return re.sub(r"\d", "#", text)
