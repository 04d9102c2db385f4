"""``univar init``, ``schema`` and ``suggest``: files of expectations that pytest then runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import jsonschema
import pytest

from pytest_univar.banks import load_bank, save_bank
from pytest_univar.calibration import Calibration
from pytest_univar.declared import AtDistance, json_schema, load_declaration
from pytest_univar.report import dump_result, result_schema

from ..conftest import VOICES, Parts
from ..unit.golden.results import WHOLE
from .conftest import MODEL, QUESTIONS, Project
from .test_cli import typed

FILE = Path("values.univar.yaml")
GPT = [VOICES["gpt-a"]] * 12

Typed: TypeAlias = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Exit code, stdout and stderr of ``univar …``."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code, out, err = typed(monkeypatch, capsys, *arguments)
        return code, out, " ".join(err.split())

    return run


def with_bank(project: Project, parts: Parts, *, calibrated: bool = True) -> tuple[str, ...]:
    """The options for the tiny encoder and its bank, as the project's own ini gives them to pytest."""
    if calibrated:
        return f"--bank={parts.bank}", f"--encoder={parts.encoder}", "--questions=questions.jsonl"
    save_bank(replace(load_bank(parts.bank), calibration={}), project.path / "plain")
    return "--bank=plain", f"--encoder={parts.encoder}", "--questions=questions.jsonl"


def test_a_starting_file_is_written_once(project: Project, command: Typed) -> None:
    code, out, _ = command("init")
    assert (code, out.split()[0]) == (0, str(FILE))
    written = FILE.read_text(encoding="utf-8")
    assert len(load_declaration(FILE, ()).items) == 1
    FILE.write_text("mine", encoding="utf-8")
    code, _, err = command("init")
    assert code == 2
    assert err.startswith("UsageError: values.univar.yaml: found a file, expected none")
    assert FILE.read_text(encoding="utf-8") == "mine"
    assert command("init", "values/release.univar.yaml")[0] == 0
    assert Path("values/release.univar.yaml").read_text(encoding="utf-8") == written


def test_a_name_that_pytest_would_pass_over(project: Project, command: Typed) -> None:
    for words in (["init", "values.yaml"], ["suggest", MODEL, "--output", "values.yaml"]):
        code, _, err = command(*words)
        assert code == 2
        assert "found the name 'values.yaml', expected one that ends in .univar.yaml" in err
    assert not Path("values.yaml").exists()
    assert not project.server.requests


def test_the_schema_is_printed(command: Typed) -> None:
    for words in (["schema"], ["schema", "expectations"]):
        code, out, _ = command(*words)
        assert code == 0
        assert json.loads(out) == json_schema()


def test_the_schema_of_results_is_printed(command: Typed) -> None:
    """It is that of what a run writes."""
    code, out, _ = command("schema", "result")
    assert code == 0
    found = json.loads(out)
    assert {**found, **result_schema()} == found
    jsonschema.Draft202012Validator(found).validate(json.loads(dump_result(WHOLE)))
    code, out, err = command("schema", "cassette")
    assert (code, out) == (2, "")
    assert all(f"'{word}'" in err for word in ("cassette", "expectations", "result"))


def test_what_is_suggested_holds(project: Project, parts: Parts, command: Typed) -> None:
    """The file passes in pytest, with what was recorded; its threshold is the calibration's where that is wider."""
    api_base = f"--api-base={project.server.api_base}"
    options = (*with_bank(project, parts), api_base, f"--output=values/{FILE}", "--false-alarms=0.2")
    code, out, err = command("suggest", MODEL, *options)
    assert code == 0
    assert err.startswith(f"{MODEL}/eng: 216 tokens")
    assert f"expectations written to values/{FILE}" in out
    assert sorted(project.server.questions()) == sorted(QUESTIONS)

    settings, items = load_declaration(project.path / "values" / FILE, ())
    assert settings == {"languages": ("eng",), "questions": "questions.jsonl"}
    assert [item.name for item in items][:-1] == [
        "eng in gpt-a (llm)",
        "eng closer to gpt-a than gpt-b (llm)",
        "eng in gpt (family)",
        "eng closer to gpt than llama (family)",
    ]
    distance = items[-1].expectation
    assert isinstance(distance, AtDistance)
    calibration = Calibration.of(load_bank(parts.bank))
    assert calibration
    assert distance.distance_to == "gpt-a/eng"
    assert distance.below is not None
    assert distance.below > calibration.threshold(12, 0.2)
    text = (project.path / "values" / FILE).read_text(encoding="utf-8")
    assert f"# Run it: pytest --univar-model={MODEL} --univar-{api_base[2:]}" in text
    assert "which 20% of an unchanged model's distances exceed" in text
    assert "95% interval" in text

    project.run(*project.live, "--univar-record=none").assert_outcomes(passed=len(items))
    assert len(project.server.requests) == len(QUESTIONS)


def test_a_bank_without_calibration_and_another_confidence(project: Project, parts: Parts, command: Typed) -> None:
    model = project.write_answers("collected", GPT)
    code, _, err = command("suggest", model, *with_bank(project, parts, calibrated=False), "--confidence=0.8")
    assert code == 0
    assert "12 of 12 questions have the same answer" in err
    text = FILE.read_text(encoding="utf-8")
    assert "above the upper end of the interval, as the bank has no calibration" in text
    assert "80% interval" in text
    items = load_declaration(FILE, ()).items
    assert {item.expectation.confidence for item in items} == {0.8}
    project.run(f"--univar-model={model}", "--univar-bank=plain").assert_outcomes(passed=len(items))


def test_what_is_suggested_as_json(project: Project, parts: Parts, command: Typed) -> None:
    model = project.write_answers("collected", GPT)
    code, out, err = command("suggest", model, *with_bank(project, parts), "--json")
    assert code == 0
    assert "12 of 12 questions have the same answer" in err
    found = json.loads(out)
    assert found["output"] == str(FILE)
    declared = [item.expectation.model_dump(exclude_none=True) for item in load_declaration(FILE, ()).items]
    assert [each["expectation"] for each in found["expectations"]] == declared
    assert all("interval" in each["figures"] for each in found["expectations"])


def test_only_what_is_met_is_suggested(project: Project, parts: Parts, command: Typed) -> None:
    model = project.write_answers("mixed", [VOICES["gpt-a"], VOICES["llama-a"]] * 6)
    assert command("suggest", model, *with_bank(project, parts))[0] == 0
    items = load_declaration(FILE, ()).items
    assert [type(item.expectation) for item in items] == [AtDistance]
    assert not Path("cassettes").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--confidence=95", "--confidence: found '95', expected a number between 0 and 1"),
        ("--languages=english", "--languages: found the language 'english', expected one of the ISO 639-3"),
        ("--record=sometimes", "--record: found 'sometimes', expected none, new or all"),
        ("--bank=nowhere", "nowhere"),
        ("--record=none", "12 of the 12 answers"),
    ],
)
def test_what_cannot_be(project: Project, parts: Parts, command: Typed, option: str, message: str) -> None:
    code, _, err = command("suggest", MODEL, project.live[1].replace("univar-", ""), *with_bank(project, parts), option)
    assert code == 2
    assert message in err
    assert not FILE.exists()
