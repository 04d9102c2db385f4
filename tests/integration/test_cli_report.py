"""``univar report``: every report of a result, without what made it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from pytest_univar.cli.common import console
from pytest_univar.report import load_result
from pytest_univar.report.html import render_html
from pytest_univar.report.markdown import render_markdown
from pytest_univar.report.terminal import render
from pytest_univar.report.terminal_parts import marks_for

from ..conftest import VOICES, Parts
from .conftest import Project
from .test_cli import typed

Command: TypeAlias = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def command(
    project: Project, parts: Parts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """``univar …`` where result.json is that of an audit whose model, encoder and bank are not here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(project.path / "cache"))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    model = project.write_answers("collected", [VOICES["gpt-a"]] * 12)
    expectation = "{language: eng, closer_to: llama, than: gpt, scheme: family}"
    Path("values.univar.yaml").write_text(f"expect:\n  - {expectation}\n", encoding="utf-8")

    def run(*arguments: object) -> tuple[int, str, str]:
        return typed(monkeypatch, capsys, *arguments)

    options = (f"--encoder={parts.encoder}", f"--bank={parts.bank}", "--expectations=values.univar.yaml")
    assert run("audit", model, *options, "--json-file=result.json")[0] == 1
    Path("collected.jsonl").unlink()
    return run


def test_the_terminal_is_where_it_goes_without_a_file(command: Command) -> None:
    result = load_result(Path("result.json").read_text(encoding="utf-8"), "result.json")
    code, out, err = command("report", "result.json")
    assert (code, err) == (0, "")
    marks = marks_for(console.encoding)
    assert out == render(result, width=console.width, colour=False, marks=marks) + "\n"
    summary = command("report", "result.json", "--report=summary")[1]
    assert summary == render(result, width=console.width, colour=False, how_much="summary", marks=marks) + "\n"
    assert len(command("report", "result.json", "--verbose")[1]) > len(out) > len(summary)


def test_files(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    result = load_result(Path("result.json").read_text(encoding="utf-8"), "result.json")
    code, out, err = command("report", "result.json", "--html=report.html", "--md=report.md")
    assert (code, out, err) == (0, "report.html, report.md written\n", "")
    assert Path("report.html").read_text(encoding="utf-8") == render_html(result)
    assert Path("report.md").read_text(encoding="utf-8") == render_markdown(result)
    code, out, _ = command("report", "result.json", "--md=again.md", "--terminal")
    assert code == 0
    assert "closer to llama than to gpt" in out
    assert "again.md" in out
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("before\n", encoding="utf-8")
    assert command("report", "result.json", "--md=github")[0] == 0
    assert Path("summary.md").read_text(encoding="utf-8") == "before\n" + render_markdown(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.json"], "ReportError: nowhere.json: found no readable file"),
        (["values.univar.yaml"], "values.univar.yaml, the whole: found"),
        (["result.json", "--html=nowhere/report.html"], "nowhere/report.html: found no folder"),
        (["result.json", "--md=github"], "Outside of a GitHub job name a file: --md=FILE"),
        (["result.json", "--report=some"], "--report: found 'some', expected none, summary or full"),
    ],
)
def test_what_cannot_be(command: Command, arguments: list[str], message: str) -> None:
    code, out, err = command("report", *arguments)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
