"""``--json``: one document on stdout and nothing else, from every command that prints results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.main import get_command

from pytest_univar.cli import app
from pytest_univar.declared import load_declaration
from pytest_univar.questions import load_questions
from pytest_univar.report import dump_result

from ..services.writing_server import Writer, written
from ..unit.golden.results import WHOLE
from .test_cli import leaves, typed
from .test_questions_generate import CALLS, ENGLISH, MODEL, OUT, PRICED, generate, translate, writer

__all__ = ["writer"]  # a fixture

Command: TypeAlias = "Callable[..., tuple[int, Any, str]]"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``univar … --json`` in an empty folder: exit code, the document on stdout, and stderr without its folding."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, Any, str]:
        code, out, err = typed(monkeypatch, capsys, *arguments, "--json")
        return code, json.loads(out), " ".join(err.split())

    return run


def test_every_command_that_prints_a_result_can_print_it_as_json() -> None:
    without = {
        words
        for words, leaf in leaves(get_command(app)).items()
        if "--json" not in {name for parameter in leaf.params for name in parameter.opts}
    }
    assert without == {("schema",)}, "what that one prints is JSON already"


def test_init(command: Command) -> None:
    code, found, err = command("init", "values/ours.univar.yaml")
    assert (code, found, err) == (0, {"output": "values/ours.univar.yaml"}, "")
    assert load_declaration(Path(found["output"]), ()).items


def test_export(command: Command) -> None:
    code, found, err = command("export", "gpt-4o-mini", "--output=batch.jsonl", "--questions=dilemmas", "--samples=2")
    assert (code, err) == (0, "")
    assert found == {"output": "batch.jsonl", "requests": 120, "questions": 60, "samples": 2}
    assert len(Path("batch.jsonl").read_text(encoding="utf-8").splitlines()) == 120


def test_map(command: Command) -> None:
    bank = "univar-mini-eng"
    code, found, err = command("map", bank, "--out=map.json", "--by=family", "--points=50", "--cache=cache")
    assert (code, err) == (0, "")
    content = json.loads(Path("map.json").read_text(encoding="utf-8"))
    drawn = {"bank": bank, "method": "pca", "by": "family", "panels": None, "shown": 50, "n": content["n"]}
    assert found == {"output": "map.json", **drawn, "audited": []}


def test_report(command: Command) -> None:
    Path("old.json").write_text(dump_result(WHOLE), encoding="utf-8")
    code, found, err = command("report", "old.json", "--md=report.md")
    assert (code, err) == (0, "report.md written")
    assert found == json.loads(dump_result(WHOLE))
    assert Path("report.md").is_file()


# --- questions --------------------------------------------------------------------------------------------------------


def test_generated_questions(writer: Writer, command: Command) -> None:
    """The second run finds everything recorded."""
    code, found, err = command("questions", *generate(writer, OUT))
    assert (code, err) == (0, "")
    assert (found["output"], found["questions"], found["problems"]) == ("ours.jsonl", 18, [])
    assert [(each["step"], each["wanted"], each["kept"]) for each in found["steps"]] == [
        ("scenarios", 6, 6), ("questions", 6, 6), ("paraphrases", 12, 12),
    ]  # fmt: skip
    assert found["spent"] == {
        "work": "ours.jsonl.work", "calls": CALLS, "retries": 0, "recorded": 0, "prompt_tokens": 11 * CALLS,
        "completion_tokens": 7 * CALLS, "cost_usd": 0.0, "unpriced": CALLS,
    }  # fmt: skip
    assert len(load_questions("ours.jsonl")) == 18
    Path("ours.jsonl").unlink()
    spent = command("questions", *generate(writer, OUT))[1]["spent"]
    assert (spent["calls"], spent["recorded"]) == (0, CALLS)


def test_problems_of_generated_questions(writer: Writer, command: Command) -> None:
    writer.write = lambda prompt: "No." if "Value: Honesty" in prompt else written(prompt)
    code, found, err = command("questions", *generate(writer, OUT))
    assert (code, err, found["questions"]) == (1, "", 9)
    (problem,) = found["problems"]
    assert (problem["step"], problem["about"], problem["reply"]) == ("scenarios", "honesty", "No.")


def test_no_question_of_use(writer: Writer, command: Command) -> None:
    """What it came to is said all the same: it was paid for."""
    writer.write = lambda prompt: "No."
    code, found, err = command("questions", *generate(writer, OUT))
    assert code == 2
    assert (found["output"], found["questions"], len(found["problems"])) == (None, 0, 2)
    assert found["spent"]["calls"] == len(writer.requests) == 4
    assert err.startswith(f"QuestionsError: {MODEL} wrote no question that can be used")


def test_the_plan_of_a_dry_run(writer: Writer, command: Command) -> None:
    code, found, err = command("questions", *generate(writer, OUT, "--dry-run", model=PRICED))
    assert (code, err, found["model"]) == (0, "", PRICED)
    assert [each["calls"] for each in found["steps"]] == [2, 6, 6]
    total = found["at_most"]
    assert total["calls"] == CALLS
    for name in ("prompt_tokens", "completion_tokens", "cost_usd"):
        assert total[name] == pytest.approx(sum(each[name] for each in found["steps"]))
    assert total["cost_usd"] == pytest.approx(total["prompt_tokens"] * 0.15e-6 + total["completion_tokens"] * 0.6e-6)
    unknown = command("questions", *generate(writer, OUT, "--dry-run"))[1]
    assert unknown["at_most"] == {**{name: total[name] for name in total}, "cost_usd": None}
    assert not writer.requests


def test_translated_questions(writer: Writer, command: Command) -> None:
    lines = [{"id": id, "text": text} for id, text in ENGLISH]
    Path("ours.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    writer.write = lambda prompt: "Dare ga?" if "what I earn" in prompt and "Japanese" in prompt else written(prompt)
    code, found, err = command("questions", *translate(writer, "--to=spa,jpn"))
    assert (code, err) == (1, "")
    of_each = {"questions": 3, "there_before": 0}
    assert found["languages"] == [
        {"language": "spa", **of_each, "translated": 3, "missing": 0, "file": "ours.spa.jsonl"},
        {"language": "jpn", **of_each, "translated": 2, "missing": 1, "file": "ours.jpn.jsonl"},
    ]
    assert [(each["step"], each["about"]) for each in found["problems"]] == [("jpn", "q2")]
    assert found["spent"]["calls"] == len(writer.requests) == 7
