"""What every report says alike, terminal, HTML, Markdown, JSON and JUnit: why a test failed, and texts that no file can
hold as they came."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pytest_univar.report import AuditResult, TestOutcome, load_result
from pytest_univar.report.html import render_html
from pytest_univar.report.markdown import render_markdown

from ..conftest import VOICES
from ..html_tree import rows, table, tree
from .conftest import QUESTIONS, Project, reported

FILES = ("--univar-json=r.json", "--univar-html=r.html", "--univar-md=r.md", "--junitxml=junit.xml")
HOSTILE = '"<script>alert(1)</script> \\x1b[31m \\ud800 \\u202e " + "x" * 400'
TESTS = f"""
import pytest
def test_plain(univar):
    assert univar.profile("eng").region(scheme="family") == "llama"
def test_hostile(univar):
    raise ValueError({HOSTILE})
def test_short(univar):
    pytest.fail("it is not so", pytrace=False)
def test_ours(univar):
    univar.profile("eng").region(scheme="nonsense")
def test_not_now(univar):
    pytest.skip("next week")
def test_known(univar):
    pytest.xfail("a known fault")
def test_good(univar):
    assert univar.profile("eng").region(scheme="family") == "gpt"
@pytest.fixture
def broken(univar):
    raise RuntimeError("no database")
def test_setup(broken):
    pass
"""


def result_of(project: Project) -> AuditResult:
    return load_result((project.path / "r.json").read_text(encoding="utf-8"), "r.json")


@pytest.fixture
def gpt(project: Project) -> str:
    """The option that names a model which speaks like the gpt of the bank."""
    answers = [f"{VOICES['gpt-a']} {number}" for number in range(len(QUESTIONS))]
    return f"--univar-model={project.write_answers('model', answers)}"


# --- why a test failed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=["one", "workers"])
def test_a_test_that_failed_without_an_expectation_says_why(
    project: Project, gpt: str, workers: tuple[str, ...]
) -> None:
    project.write_test(TESTS.replace("\\ud800", "") if workers else TESTS)  # which xdist itself cannot send
    project.run(gpt)  # keeps the vectors: workers need no torch then
    run = project.run(gpt, *FILES, *workers)
    run.assert_outcomes(failed=4, errors=1, skipped=1, xfailed=1, passed=1)
    tests = {each.where.partition("::")[2]: each for each in result_of(project).outcomes}
    why = {name: each.why for name, each in tests.items()}
    assert why["test_good"] == ""
    assert why["test_plain"].startswith("AssertionError: assert family 'gpt' == 'llama' share 100%")
    assert why["test_short"] == "Failed: it is not so"
    assert why["test_ours"].startswith("pytest_univar.errors.BankError: the bank 'tiny' has no scheme 'nonsense'")
    assert (why["test_not_now"], why["test_known"]) == ("next week", "a known fault")
    assert why["test_setup"] == "RuntimeError: no database"
    hostile = why["test_hostile"]
    assert hostile.startswith("ValueError: <script>alert(1)</script> [31m xxx")
    assert hostile.endswith(" more characters)")
    assert len(hostile) < 340
    assert hostile.isprintable()

    page = (project.path / "r.html").read_text(encoding="utf-8")
    cells = {row[0]: row[2] for row in rows(table(tree(result_of(project)), "Tests without an expectation"))[1:]}
    assert cells[f"test_it.py::test_short{why['test_short']}"].endswith("failed")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [31m" in page
    assert "<script>alert(1)" not in page
    text = (project.path / "r.md").read_text(encoding="utf-8")
    assert "test_it.py::test_short</summary>\n\nFailed: it is not so\n" in text
    assert "<script>" not in text
    assert "Failed: it is not so" in reported(run)
    assert "RuntimeError: no database" in reported(run)
    assert "it is not so" not in reported(project.run(gpt, "-q"))
    failures = [each.attrib["message"] for each in ET.parse(project.path / "junit.xml").iter("failure")]
    assert "Failed: it is not so" in failures


def test_a_result_from_before_tests_said_why_still_loads() -> None:
    old = {
        "schema": 1,
        "encoder": "e",
        "bank": "b",
        "outcomes": [{"where": "test_it.py::test_a", "model": "m", "outcome": "failed"}],
        "plans": [
            {"model": "m", "language": "eng", "questions": "core", "calls": 1, "prompt_tokens": 2,
             "completion_tokens": 3, "cost_usd": None}
        ],
    }  # fmt: skip
    loaded = load_result(json.dumps(old), "old.json")
    assert loaded.outcomes == (TestOutcome("test_it.py::test_a", "m", "failed"),)
    assert loaded.outcomes[0].why == loaded.plans[0].translator == ""
    for text in (render_html(loaded), render_markdown(loaded)):
        assert "m" in text


# --- half characters --------------------------------------------------------------------------------------------------


HALF = "\ud800"
"""A lone surrogate: JSON can hold it, escaped; UTF-8 cannot."""


@pytest.mark.parametrize("raw", [False, True], ids=["escaped", "raw"])
def test_half_characters_of_replayed_answers_are_signs_in_every_report(project: Project, raw: bool) -> None:
    """In the model's name, the question, its id and the answer; JSON holds them escaped, or as bytes that are no
    UTF-8."""
    project.set(univar_questions="")
    lines = [
        {"llm": f"odd{HALF}", "language": "eng", "question_id": f"id{HALF}{number}", "question": f"{text} {HALF}",
         "answer": f"{VOICES['gpt-a']} {HALF} {number} 👍"}
        for number, text in enumerate(QUESTIONS)
    ]  # fmt: skip
    data = "".join(json.dumps(line, ensure_ascii=not raw) + "\n" for line in lines)
    (project.path / "odd.jsonl").write_bytes(data.encode("utf-8", "surrogatepass"))
    project.write_test('def test_values(univar): univar.assert_closer("eng", to="llama", than="gpt", scheme="family")')
    run = project.run("--univar-model=replay:odd.jsonl", *FILES, "--univar-save=v1", "-v")
    run.assert_outcomes(failed=1)
    result = result_of(project)
    assert result.profiles[0].model == "odd\ufffd"
    evidence = result.claims[0].evidence[0]
    assert evidence.question_id.startswith("id\ufffd")
    assert evidence.answer.startswith(f"{VOICES['gpt-a']} \ufffd ")
    assert evidence.answer.endswith(" 👍"), "a whole character of two halves stays"
    for name in ("r.html", "r.md", "junit.xml"):
        text = (project.path / name).read_text(encoding="utf-8")
        assert f"{VOICES['gpt-a']} \ufffd " in text, name
    ET.parse(project.path / "junit.xml")
    assert f"{VOICES['gpt-a']} \ufffd " in reported(run)
    assert Path(project.path / ".univar" / "0001_v1").is_dir()


def test_half_characters_of_a_batch(project: Project) -> None:
    lines = [
        {"custom_id": f"law-{number}", "response": {"status_code": 200, "body": {"choices": [
            {"finish_reason": "stop", "message": {"content": f"{VOICES['gpt-a']} {HALF}"}}]}}}
        for number in range(len(QUESTIONS))
    ]  # fmt: skip
    (project.path / "b.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    requests = [
        {"custom_id": f"law-{number}", "body": {"messages": [{"role": "user", "content": text}]}}
        for number, text in enumerate(QUESTIONS)
    ]
    (project.path / "b.input.jsonl").write_text("".join(json.dumps(each) + "\n" for each in requests), encoding="utf-8")
    project.write_test('def test_values(univar): univar.assert_region("eng", "llama", scheme="family")')
    project.run("--univar-model=replay:b.jsonl", *FILES).assert_outcomes(failed=1)
    assert result_of(project).claims[0].evidence[0].answer == f"{VOICES['gpt-a']} \ufffd"
