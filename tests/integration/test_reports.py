"""What a run leaves for others to read: how much stands in the terminal, JUnit's XML, the JSON and its schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from copy import deepcopy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_univar.errors import ReportError
from pytest_univar.expectations import Claim
from pytest_univar.report import dump_result, load_result, result_schema

from ..conftest import VOICES
from ..services.openai_server import Step
from ..unit.golden.results import EASTERN, WHOLE
from .conftest import QUESTIONS, Project, report_lines, reported

SCHEMA = files("pytest_univar.report").joinpath("result.schema.json")
GPT, LLAMA = ([f"{VOICES[llm]} {number}" for number in range(len(QUESTIONS))] for llm in ("gpt-a", "llama-a"))
TESTS = """
def test_met(univar):
    univar.assert_closer("eng", to="gpt", than="llama", scheme="family")
def test_violated(univar):
    univar.assert_distance("eng", "gpt-a/eng", below=9)
    univar.assert_region("eng", "llama", scheme="family")
def test_plain(univar):
    assert univar.profile("eng").region(scheme="family") == "gpt"
"""


@pytest.fixture
def audit(project: Project) -> tuple[Project, str]:
    """A project with one claim that is met and one that is violated, and the option that names its model."""
    project.write_test(TESTS)
    return project, f"--univar-model={project.write_answers('model', GPT)}"


# -------------------------------------------------------------------------------------------------- the terminal


def test_quiet_is_a_summary_unless_something_else_is_asked_for(audit: tuple[Project, str]) -> None:
    project, model = audit
    summary = report_lines(project.run(model, "--univar-report=summary"))
    assert summary[-1] == "1 violated, 2 met, 1 test passed; model; cost $0"
    assert report_lines(project.run(model, "-q")) == summary
    full = report_lines(project.run(model))
    assert "  nearest value IDs" in "\n".join(full)
    assert "nearest value IDs" not in "\n".join(summary)
    assert report_lines(project.run(model, "-q", "--univar-report=full")) == full
    project.set(univar_report="full")
    assert report_lines(project.run(model, "-q")) == full


def test_verbose_is_more(audit: tuple[Project, str]) -> None:
    project, model = audit
    short, long = reported(project.run(model)), reported(project.run(model, "-v"))
    assert long.count("against it:") == short.count("against it:") == 1
    assert len(re.findall(r"law-\d+ \(", short)) == 2
    assert len(re.findall(r"law-\d+ \(", long)) == 3
    assert "test_it.py::test_met" in long
    assert "test_it.py::test_met" not in short


def test_no_report_at_all_but_for_what_fails_the_run(audit: tuple[Project, str]) -> None:
    project, model = audit
    silent = project.run(model, "--univar-report=none")
    assert "univar: audited values" not in silent.stdout.str()
    (project.path / "taken").mkdir()
    failed = project.run(model, "-k", "plain", "--univar-report=none", "--univar-json=taken")
    assert failed.ret == pytest.ExitCode.TESTS_FAILED
    assert reported(failed).startswith("a report was not written: taken: ")


def test_the_files_that_were_written_are_named(audit: tuple[Project, str]) -> None:
    project, model = audit
    result = project.run(model, "-k", "met or plain", "--univar-json=r.json", "--univar-md=r.md")
    assert result.ret == 0
    assert reported(result).endswith("1 met, 1 test passed; model; cost $0; written: r.json, r.md")
    assert (
        (project.path / "r.md").read_text(encoding="utf-8").startswith("## ✅ Audited values: 1 met, 1 test passed\n")
    )
    assert load_result((project.path / "r.json").read_text(encoding="utf-8"), "r.json").claims[0].verdict == "met"


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_streams_of_any_encoding(audit: tuple[Project, str], encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    project, _ = audit
    answers = [f"价值观 {text}" for text in LLAMA]
    model = f"--univar-model={project.write_answers('模型', answers)}"
    project.run(model)  # keeps the vectors, which need no torch then
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:hypothesispytest",
        "-p",
        "no:anyio",
        model,
        "test_it.py::test_met",
    ]
    done = subprocess.run(command, cwd=project.path, capture_output=True, check=False)
    report = done.stdout.decode(encoding).partition("univar: audited values")[2]
    assert "\n  violated " in report, "not escaped as a whole"
    assert "nearest value IDs" in report
    name = "模型" if encoding == "utf-8" else "\\u6a21\\u578b"
    assert f"\n{name}/eng\n" in report
    assert bool(re.search("%[▁-█]", report)) == (encoding == "utf-8")
    assert ("->" in report) != (encoding == "utf-8")
    assert b"Traceback" not in done.stderr


def test_colour_is_left_out_where_nobody_wants_it(audit: tuple[Project, str], monkeypatch: pytest.MonkeyPatch) -> None:
    project, model = audit
    assert "\x1b[32mmet" in "\n".join(project.run(model, "--color=yes").outlines)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in project.run(model).stdout.str()


# --------------------------------------------------------------------------------------------------------- JUnit


def properties(file: Path) -> dict[str, dict[str, str]]:
    """Test → its properties in JUnit's XML, but for the JSON."""
    return {
        case.attrib["name"]: {
            each.attrib["name"].removeprefix("univar_"): each.attrib["value"]
            for each in case.iter("property")
            if each.attrib["name"] != "univar_claim"
        }
        for case in ET.parse(file).iter("testcase")
    }


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_junit_carries_what_was_found(audit: tuple[Project, str], workers: tuple[str, ...]) -> None:
    project, model = audit
    project.run(model)  # keeps the vectors: workers need no torch then
    result = project.run(model, "--junitxml=junit.xml", "-W", "error", *workers)
    result.assert_outcomes(passed=2, failed=1)
    found = properties(project.path / "junit.xml")
    claims = [
        Claim.from_json(each.attrib["value"])
        for each in ET.parse(project.path / "junit.xml").iter("property")
        if each.attrib["name"] == "univar_claim"
    ]
    met = next(claim for claim in claims if claim.kind == "closer")
    assert met.interval
    assert found["test_met"] == {
        "model": "replay:model.jsonl",
        "expectation": "eng is closer to gpt than to llama (family)",
        "verdict": "met",
        "estimate": f"{met.estimate:.4f}",
        "interval": f"{met.interval.low:.4f} to {met.interval.high:.4f}",
        "threshold": "0.0000",
        "cost_usd": "0.000000",
    }
    assert [found["test_violated"][name] for name in ("verdict", "verdict_2")] == ["met", "violated"]
    assert found["test_violated"]["expectation_2"] == "eng lies in llama (family)"
    assert found["test_plain"] == {"model": "replay:model.jsonl", "cost_usd": "0.000000"}
    assert "1 violated, 2 met, 1 test passed" in reported(result)


def test_declared_expectations_carry_the_same(project: Project) -> None:
    text = "expect: [{region: gpt, scheme: family}, {closer_to: llama, than: gpt, scheme: family, name: not so}]"
    (project.path / "v.univar.yaml").write_text(text, encoding="utf-8")
    model = project.write_answers("model", GPT)
    project.run(f"--univar-model={model}", "--junitxml=junit.xml").assert_outcomes(passed=1, failed=1)
    found = properties(project.path / "junit.xml")
    assert [found[name]["verdict"] for name in ("eng in gpt (family)", "not so")] == ["met", "violated"]
    assert found["not so"]["estimate"].startswith("-0.")
    assert found["not so"]["cost_usd"] == "0.000000"


def test_drift_has_its_p_value_in_junit(project: Project) -> None:
    project.write_test("def test_values(univar): univar.profile('eng')\n")
    project.run(f"--univar-model={project.write_answers('v1', LLAMA)}", "--univar-save=v1").assert_outcomes(passed=1)
    project.write_test("def test_drift(univar): univar.assert_unchanged('eng', since='v1')\n")
    model = f"--univar-model={project.write_answers('v2', GPT)}"
    project.run(model, "--junitxml=junit.xml").assert_outcomes(failed=1)
    found = properties(project.path / "junit.xml")["test_drift"]
    assert found["verdict"] == "violated"
    assert float(found["p_value"]) < 0.05
    low, high = map(float, found["interval"].split(" to "))
    assert low < float(found["estimate"]) < high


def test_the_cost_of_a_test_is_that_of_the_profiles_it_was_the_first_to_need(project: Project) -> None:
    project.write_test(
        TESTS
        + """
import pytest
@pytest.mark.univar(samples=2)
def test_twice(univar):
    univar.profile("eng")
"""
    )
    priced = ("--univar-model=openai/gpt-4o-mini", project.live[1])
    project.run(*priced, "--junitxml=junit.xml")
    found = properties(project.path / "junit.xml")
    each = 11 * 0.15e-6 + 7 * 0.6e-6
    assert {name: float(found[name]["cost_usd"]) for name in found} == {
        "test_met": pytest.approx(12 * each, abs=1e-6),
        "test_violated": 0,
        "test_plain": 0,
        "test_twice": pytest.approx(12 * each, abs=1e-6),  # the second answers; the first are recorded
    }


def test_a_cost_that_is_not_known_is_not_zero(project: Project) -> None:
    project.write_test(
        "def test_values(univar): univar.profile('eng')\ndef test_again(univar): univar.profile('eng')\n"
    )
    project.run(*project.live, "--junitxml=junit.xml").assert_outcomes(passed=2)
    found = properties(project.path / "junit.xml")
    assert [found[name]["cost_usd"] for name in ("test_values", "test_again")] == ["unknown", "0.000000"]


def test_what_a_test_paid_before_it_failed_is_its_cost(project: Project) -> None:
    project.server.default = replace(project.server.default, text="")
    project.server.script(QUESTIONS[0], Step("yes"))
    project.write_test("def test_values(univar): univar.profile('eng')\n")
    priced = ("--univar-model=openai/gpt-4o-mini", project.live[1])
    project.run(*priced, "--junitxml=junit.xml").assert_outcomes(failed=1)
    assert float(properties(project.path / "junit.xml")["test_values"]["cost_usd"]) > 0


# ------------------------------------------------------------------------------------------- JSON and its schema


def test_the_shipped_schema_is_that_of_the_results() -> None:
    """Where a change is meant: write into the file what it is compared with here; if the meaning changed, count SCHEMA
    up."""
    made = {"$schema": jsonschema.Draft202012Validator.META_SCHEMA["$id"], **result_schema()}
    assert SCHEMA.read_text(encoding="utf-8") == json.dumps(made, indent=2) + "\n"
    jsonschema.Draft202012Validator.check_schema(made)


def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_what_a_run_writes_is_what_the_schema_says(audit: tuple[Project, str]) -> None:
    project, model = audit
    project.run(model, "--univar-json=r.json", "--univar-save=v1")
    text = (project.path / "r.json").read_text(encoding="utf-8")
    validator().validate(json.loads(text))
    assert dump_result(load_result(text, "r.json")) == text


@pytest.mark.parametrize("result", [WHOLE, EASTERN])
def test_results_come_back_as_they_were(result: Any) -> None:
    text = dump_result(result)
    validator().validate(json.loads(text))
    assert dump_result(load_result(text, "r.json")) == text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2),
        (("claims", 0, "verdict"), "perhaps"),
        (("claims", 0, "interval"), [0.1]),
        (("claims", 0, "estimate"), "much"),
        (("profiles", 0, "tally", "kept"), "all"),
        (("profiles", 0, "nearest", 0, "interval"), None),
        (("outcomes", 0, "outcome"), "lost"),
        (("conclusion", "comparisons", 0, "drifts", 0, "p_value"), None),
        (("findings", "reference", "value_ids"), "a/eng"),
    ],
)
def test_a_changed_field_is_caught_by_schema_and_reader(path: tuple[str | int, ...], value: object) -> None:
    changed = deepcopy(json.loads(dump_result(WHOLE)))
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    assert place[path[-1]] != value
    place[path[-1]] = value
    assert list(validator().iter_errors(changed))
    with pytest.raises(ReportError, match=rf"^r\.json, {re.escape('.'.join(map(str, path)))}[.\w]*: found "):
        load_result(json.dumps(changed), "r.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": 2, "encoder": "e", "bank": "b"}', "schema: found '2' (Input should be 1)"),
        ("", "the whole: found '' (Invalid JSON: EOF"),
        ("<html>", "the whole: found '<html>' (Invalid JSON"),
        ("[]", "the whole: found '[]' (Input should be an object)"),
        ("{}", "schema: found '{}' (Field required)"),
        ('{"encoder": "e", "bank": "b"}', "schema: found \"{'encoder': 'e', 'bank': 'b'}\" (Field required)"),
        ('{"schema": 1}', "encoder: found \"{'schema': 1}\" (Field required)"),
    ],
)
def test_what_is_no_result_of_this_version_is_refused(text: str, said: str) -> None:
    with pytest.raises(ReportError) as caught:
        load_result(text, "old.json")
    assert str(caught.value).startswith(f"old.json, {said}")
    assert "expected a result that --univar-json wrote (schema 1)" in str(caught.value)
    assert "Write it again with this version of pytest-univar" in str(caught.value)
