"""``univar audit``: the run that pytest makes, its reports and its exit codes, without pytest."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from pytest_univar.report import AuditResult, load_result

from ..conftest import VOICES, Parts
from ..services.openai_server import failure
from .conftest import KEY, MODEL, QUESTIONS, Project
from .test_cli import UNIVAR, typed

GPT = [VOICES["gpt-a"]] * 12
MIXED = [VOICES["gpt-a"], VOICES["llama-a"]] * 6

MET = "{language: eng, closer_to: gpt, than: llama, scheme: family}"
VIOLATED = "{language: eng, closer_to: llama, than: gpt, scheme: family}"
OPEN = "{language: eng, region: gpt, scheme: family}"
"""Of MIXED answers, half of which lie elsewhere."""

Ran: TypeAlias = "tuple[int, str, str]"
Audit: TypeAlias = Callable[..., Ran]


@pytest.fixture
def audit(project: Project, parts: Parts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Audit:
    """Exit code, stdout and stderr of ``univar audit …`` with the tiny encoder and its bank."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(project.path / "cache"))

    def run(*arguments: object) -> Ran:
        return typed(
            monkeypatch,
            capsys,
            "audit",
            f"--encoder={parts.encoder}",
            f"--bank={parts.bank}",
            "--device=cpu",
            *arguments,
        )

    return run


def declared(*expectations: str, name: str = "values.univar.yaml", head: str = "") -> str:
    """The option for a file of these expectations."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"  - {each}\n" for each in expectations)
    Path(name).write_text(f"{head}\nexpect:\n{lines}", encoding="utf-8")
    return f"--expectations={name}"


def live(project: Project) -> tuple[str, ...]:
    return MODEL, f"--api-base={project.server.api_base}", "--questions=questions.jsonl", "--attempts=2"


def loaded(text: str) -> AuditResult:
    return load_result(text, "the result")


def test_expectations_that_are_met_cost_one_run(project: Project, audit: Audit) -> None:
    file = declared(MET, name="values/release.univar.yaml")
    code, out, err = audit(*live(project), file)
    assert (code, err) == (0, "")
    assert f"{MODEL}/eng" in out
    assert "eng is closer to gpt than to llama (family)" in " ".join(out.split())
    assert "1 met" in out
    assert sorted(project.server.questions()) == sorted(QUESTIONS)
    assert [*Path("values/cassettes").glob("*.eng.jsonl")]
    assert audit(*live(project), file, "--record=none")[0] == 0
    assert len(project.server.requests) == len(QUESTIONS)


def test_it_finds_what_pytest_finds(project: Project, audit: Audit) -> None:
    file = declared(MET, OPEN, VIOLATED)
    assert audit(*live(project), file, "--json-file=ours.json")[0] == 1
    assert audit(*live(project), file, "--record=none", "--json-file=ours.json")[0] == 1
    project.run(*project.live, "--univar-record=none", "--univar-json=theirs.json", "values.univar.yaml")
    ours, theirs = (loaded(Path(name).read_text(encoding="utf-8")) for name in ("ours.json", "theirs.json"))
    assert ours.made
    assert theirs.made
    assert ours.claims == theirs.claims
    assert [claim.verdict for claim in ours.claims] == ["met", "met", "violated"]
    assert ours.profiles == theirs.profiles
    assert ours.findings == theirs.findings
    assert ours.findings
    assert ours.made.versions == theirs.made.versions


@pytest.mark.parametrize(
    ("answers", "expectations", "option", "expected"),
    [
        (GPT, [MET], "", 0),
        (GPT, [], "", 0),
        (GPT, [MET, VIOLATED], "", 1),
        (MIXED, [OPEN], "", 3),
        (MIXED, [OPEN], "--inconclusive=warn", 0),
        (MIXED, [OPEN], "--inconclusive=xfail", 0),
        (MIXED, [OPEN, "{language: eng, distance_to: gpt-a/eng, below: 0.0001}"], "", 1),
    ],
)
def test_exit_codes(
    project: Project, audit: Audit, answers: list[str], expectations: list[str], option: str, expected: int
) -> None:
    model = project.write_answers("collected", answers)
    files = [declared(*expectations)] if expectations else []
    code, out, err = audit(model, *files, *([option] if option else []))
    assert (code, err) == (expected, "")
    assert "collected/eng" in out


def test_too_few_answers_leave_it_open_and_a_violation_weighs_more(project: Project, audit: Audit) -> None:
    for question in QUESTIONS[:4]:
        project.server.script(question, failure(500))
    code, out, err = audit(*live(project), declared(MET))
    assert code == 3
    assert "CoverageError: openai/some-model/eng: 8 of 12 questions have an answer" in err
    assert "accept fewer with --min-coverage." in err
    assert err.count("CoverageError") == 1  # of the profile and of its expectation
    assert "too few answers" in out
    other = project.write_answers("collected", GPT)
    code, out, _ = audit(MODEL, other, *live(project)[1:3], declared(VIOLATED), "--attempts=1")
    assert code == 1
    assert "values.univar.yaml::eng closer to llama than gpt (family)[openai/some-model]" in " ".join(out.split())


def test_one_language_that_cannot_be_audited_does_not_hide_the_other(project: Project, audit: Audit) -> None:
    model = project.write_answers("collected", GPT)
    code, out, err = audit(model, "--languages=eng,spa")
    assert code == 2
    assert "collected/eng" in out
    assert "nearest value IDs" in out
    assert "found the language 'spa' and no translator" in err
    assert "Choose one with --translator" in " ".join(err.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "UsageError: found no model to audit, expected one: univar audit MODEL"),
        ([MODEL, "--expectations=nowhere.univar.yaml"], "nowhere.univar.yaml: found no readable file"),
        ([MODEL, "--samples=0"], "UsageError: --samples: found '0', expected a whole number from 1"),
        ([MODEL, "--html=nowhere/report.html"], "nowhere/report.html: found no folder"),
        ([MODEL, "--compare=v1"], "found no baseline"),
        ([MODEL, "--md=github"], "found no variable GITHUB_STEP_SUMMARY to append the report to"),
        (["replay:nowhere.jsonl"], "nowhere.jsonl"),
        ([MODEL, "--record=none"], "Record them with: univar audit openai/some-model --record=new"),
    ],
)
def test_what_cannot_be(
    project: Project, audit: Audit, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    code, _, err = audit(*arguments)
    assert code == 2
    assert message in " ".join(err.split())
    assert not project.server.requests


def test_the_file_may_name_the_model(project: Project, audit: Audit) -> None:
    model = project.write_answers("collected", GPT)
    code, out, _ = audit(declared(MET, head=f"model: {model}"))
    assert code == 0
    assert "collected/eng" in out


def test_in_ci_nothing_is_asked(project: Project, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    code, _, err = audit(*live(project))
    assert code == 2
    assert "NotRecordedError" in err
    assert not project.server.requests


def test_a_dry_run_asks_nothing(project: Project, audit: Audit) -> None:
    code, out, err = audit(*live(project), "--dry-run", "--languages=eng")
    assert (code, err) == (0, "")
    assert "12" in next(line for line in out.splitlines() if MODEL in line).split()
    assert not project.server.requests
    assert not Path("cassettes").exists()


def test_drift_fails_as_it_does_in_pytest(project: Project, audit: Audit) -> None:
    before = project.write_answers("release", GPT, llm="release")
    assert audit(before, "--save=v1")[0] == 0
    assert audit(before, "--compare=newest", "--compare-fail=p<0.01")[0] == 0
    after = project.write_answers("release", [VOICES["llama-a"]] * 12, llm="release")
    code, out, _ = audit(after, "--compare=v1", "--compare-fail=p<0.01")
    assert code == 1
    assert "drift" in out
    assert audit(after, "--compare=v1")[0] == 0


def test_the_document_is_all_there_is_on_stdout(project: Project, audit: Audit) -> None:
    """And it holds what the reports in files show."""
    model = project.write_answers("collected", GPT)
    code, out, err = audit(model, "--json", "--json-file=result.json", declared(VIOLATED))
    assert code == 1
    result = loaded(out)
    written = loaded(Path("result.json").read_text(encoding="utf-8"))
    assert replace(result, made=None) == replace(written, made=None)  # the two may be of different seconds
    assert [claim.verdict for claim in result.claims] == ["violated"]
    assert err == "result.json written\n"
    assert loaded(audit(model, "--json")[1]).findings == result.findings
    assert result.findings


def test_how_much_the_terminal_shows(project: Project, audit: Audit) -> None:
    model = project.write_answers("collected", GPT)
    file = declared(MET)
    full, summary, none = (audit(model, file, f"--report={how_much}")[1] for how_much in ("full", "summary", "none"))
    assert len(full) > len(summary) > len(none) == 0
    assert len(audit(model, file, "--verbose")[1]) > len(full)


def test_a_report_that_cannot_be_written(project: Project, audit: Audit) -> None:
    model = project.write_answers("collected", GPT)
    Path("report.json").mkdir()
    code, out, _ = audit(model, "--json-file=report.json")
    assert code == 2
    assert "report.json: the report cannot be written" in " ".join(out.split())


@pytest.mark.slow
def test_the_installed_command(project: Project, parts: Parts) -> None:
    """As a process of its own, twice: exit codes, and no second loading of the encoder."""
    model = project.write_answers("collected", GPT)
    common = [UNIVAR, "audit", model, f"--encoder={parts.encoder}", f"--bank={parts.bank}", "--json"]
    for expectation, expected in ((MET, 0), (VIOLATED, 1)):
        done = subprocess.run([*common, declared(expectation)], capture_output=True, text=True, check=False)
        assert done.returncode == expected, done.stderr
        assert json.loads(done.stdout)["claims"][0]["verdict"] == ("met" if expected == 0 else "violated")
        assert KEY not in done.stdout + done.stderr
