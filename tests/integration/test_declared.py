"""``*.univar.yaml`` files in a pytest run: what is collected, how it ends, and what it says."""

from __future__ import annotations

import re
import shutil

import pytest

from ..conftest import VOICES
from ..services.openai_server import Step
from .conftest import MODEL, QUESTIONS, Project, printed, report_lines, reported
from .test_xdist import QUIET

FILE = "values.univar.yaml"
CLOSER = "{language: eng, closer_to: gpt, than: llama, scheme: family}"
NAME = "eng closer to gpt than llama (family)"
GPT, LLAMA = [VOICES["gpt-a"]] * 12, [VOICES["llama-a"]] * 12
MIXED = [VOICES["gpt-a"], VOICES["llama-a"]] * 6
USAGE_ERROR = pytest.ExitCode.USAGE_ERROR


def declare(project: Project, *expectations: str, head: str = "", file: str = FILE) -> None:
    """Write a file of these expectations below a head."""
    path = project.path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([head, "expect:", *(f"  - {each}" for each in expectations)]), encoding="utf-8")


def ends(result: pytest.RunResult) -> dict[str, str]:
    """Item → outcome, of a run with -v."""
    found = (re.fullmatch(r"\S+yaml::(.+) ([A-Z]+)(?: \(.*\))? *\[ *\d+%\]", line) for line in result.outlines)
    return {match[1]: match[2] for match in found if match}


def test_each_form_is_an_item_that_ends_as_its_claim(project: Project) -> None:
    declare(
        project,
        "{language: eng, region: gpt, scheme: family}",
        "{language: eng, region: llama, scheme: family}",
        '{region: gpt, scheme: family, share: ">= 0.5"}',
        CLOSER,
        "{closer_to: llama-a/eng, than: gpt-a/eng, name: v1.5 in our own words}",
        "{distance_to: gpt-a/eng, below: 2}",
        "{distance_to: gpt, scheme: family, above: 1.5, confidence: 0.9}",
    )
    model = project.write_answers("collected", GPT)
    result = project.run("-v", f"--univar-model={model}")
    assert ends(result) == {
        "eng in gpt (family)": "PASSED",
        "eng in llama (family)": "FAILED",
        "eng at least 0.5 in gpt (family)": "PASSED",
        NAME: "PASSED",
        "v1.5 in our own words": "FAILED",
        "eng distance to gpt-a/eng below 2": "PASSED",
        "eng distance to gpt above 1.5 (family)": "FAILED",
    }
    report = reported(result)
    assert report.count(" met ") == 4
    assert report.count(" violated ") == 3
    assert f"{FILE}::v1.5 in our own words" in report


def test_forms_about_a_baseline(project: Project) -> None:
    before, after = project.write_answers("before", LLAMA), project.write_answers("after", GPT)
    declare(project, CLOSER.replace("gpt, than: llama", "llama, than: gpt"))
    project.run(f"--univar-model={before}", "--univar-save=v1").assert_outcomes(passed=1)
    declare(
        project,
        "{language: eng, unchanged_since: v1}",
        "{unchanged_since: v1, within: 1.9, name: within reach}",
        "{moved_toward: gpt-a/eng, since: v1, away_from: llama-a/eng}",
        "{moved_toward: llama, since: v1, scheme: family}",
    )
    result = project.run("-v", f"--univar-model={after}")
    assert ends(result) == {
        "eng unchanged since v1": "FAILED",
        "within reach": "PASSED",
        "eng moved toward gpt-a/eng and away from llama-a/eng since v1": "PASSED",
        "eng moved toward llama since v1 (family)": "FAILED",
    }


def test_the_languages_of_a_model_agree(project: Project) -> None:
    """Only answers that were translated beforehand can be in several languages, so far."""
    rows = [f"{question},{GPT[0]},{code}" for code in ("eng", "spa") for question in QUESTIONS]
    (project.path / "collected.csv").write_text("\n".join(["question,answer,lang", *rows]), encoding="utf-8")
    project.set(univar_questions="")
    declare(project, "{consistent: [eng, spa], below: 0.5}", head="languages: [eng, spa]")
    result = project.run("-v", "--univar-model=replay:collected.csv")
    assert ends(result) == {"eng, spa consistent below 0.5": "PASSED"}


def test_a_failed_item_shows_its_claim_and_no_traceback(project: Project) -> None:
    declare(project, CLOSER, head="questions: questions.jsonl")
    model = project.write_answers("collected", LLAMA)
    result = project.run(f"--univar-model={model}", "--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    said = printed(result)
    assert f"_ {FILE}: {NAME} _" in said
    assert "collected: expected that eng is closer to gpt than to llama (family); violated: distance" in said
    for line in result.outlines:
        assert ".py" not in line
        assert "Traceback" not in line
    junit = (project.path / "junit.xml").read_text(encoding="utf-8")
    assert f'name="{NAME}"' in junit
    assert 'name="univar_claim"' in junit


@pytest.mark.parametrize(("what", "end"), [("fail", "FAILED"), ("warn", "PASSED"), ("xfail", "XFAIL")])
def test_an_open_verdict_ends_as_the_run_says(project: Project, what: str, end: str) -> None:
    declare(project, CLOSER)
    model = project.write_answers("open", MIXED)
    result = project.run("-v", "-Wdefault", f"--univar-inconclusive={what}", f"--univar-model={model}")
    assert ends(result) == {NAME: end}
    if what == "warn":
        result.stdout.fnmatch_lines([f"*{FILE}:3: UnivarWarning: open: expected that eng is closer to gpt*"])


# ------------------------------------------------------------------------------------------- which model, which item


def test_several_models_are_items_of_their_own(project: Project) -> None:
    models = [project.write_answers("one", GPT), project.write_answers("two", LLAMA)]
    declare(project, CLOSER)
    declare(project, CLOSER, head=f"model: {models[0]}", file="own.univar.yaml")
    given = [f"--univar-model={model}" for model in models]
    assert ends(project.run("-v", FILE, *given)) == {
        f"{NAME}[replay:one.jsonl]": "PASSED",
        f"{NAME}[replay:two.jsonl]": "FAILED",
    }
    assert ends(project.run("-v", f"{FILE}::{NAME}[replay:two.jsonl]", *given)) == {
        f"{NAME}[replay:two.jsonl]": "FAILED"
    }
    assert len(ends(project.run("-v", f"{FILE}::{NAME}", *given))) == 2
    assert len(ends(project.run("-v", "own.univar.yaml", *given))) == 2
    project.set(univar_model="\n  ".join(["", *models]))  # the ini does not replace what a file names itself
    assert ends(project.run("-v", "own.univar.yaml")) == {NAME: "PASSED"}


def test_items_are_chosen_as_tests_are(project: Project) -> None:
    declare(project, CLOSER, "{region: gpt, scheme: family}")
    project.write_test("def test_other(): pass")
    model = f"--univar-model={project.write_answers('collected', GPT)}"
    assert ends(project.run("-v", model, "-k", "closer and not region")) == {NAME: "PASSED"}
    assert ends(project.run("-v", model, f"{FILE}::eng in gpt (family)")) == {"eng in gpt (family)": "PASSED"}
    project.run(model, "-m", "univar").assert_outcomes(passed=2, deselected=1)
    listed = project.run("--collect-only", "-q")
    listed.stdout.fnmatch_lines(["test_it.py::test_other", f"{FILE}::{NAME}", f"{FILE}::eng in gpt (family)"])


def test_without_a_model_nothing_runs(project: Project) -> None:
    declare(project, CLOSER)
    result = project.run()
    assert result.ret == USAGE_ERROR
    assert "no model to audit was given. Give one with --univar-model=MODEL" in printed(result)
    assert "Traceback" not in printed(result)


# --------------------------------------------------------------------------------------------------- what is asked


def test_items_and_tests_share_what_is_asked_and_record_it_beside_them(project: Project) -> None:
    declare(project, CLOSER, "{region: gpt, scheme: family}", file=f"values/{FILE}")
    (project.path / "values" / "test_it.py").write_text("def test_plain(univar): univar.profile('eng')")
    project.run(*project.live).assert_outcomes(passed=3)
    assert sorted(project.server.questions()) == sorted(QUESTIONS)
    assert [file.parent.name for file in (project.path / "values").rglob("*.jsonl")] == ["cassettes"]
    project.run(*project.live, "--univar-record=none").assert_outcomes(passed=3)
    assert len(project.server.requests) == len(QUESTIONS)


def test_the_file_says_what_is_asked(project: Project) -> None:
    declare(project, "{region: gpt, scheme: family}", head=f"model: {MODEL}\nsamples: 2\nlanguages: [eng]")
    result = project.run(project.live[1])
    result.assert_outcomes(passed=1)
    assert len(project.server.requests) == 24
    assert "questions.jsonl, 2 answers to each" in reported(result)


def test_a_dry_run_plans_and_asks_nothing(project: Project) -> None:
    declare(project, CLOSER, "{region: gpt, scheme: family}")
    result = project.run(*project.live, "--univar-dry-run")
    result.assert_outcomes(skipped=2)
    assert f"{MODEL}/eng 12 " in reported(result)
    assert not project.server.requests


def test_a_fault_is_told_once_for_each_item_and_paid_once(project: Project) -> None:
    project.server.default = Step("", finish_reason="content_filter")
    declare(project, CLOSER, "{region: gpt, scheme: family}")
    result = project.run(*project.live)
    result.assert_outcomes(failed=2)
    assert len(project.server.requests) == len(QUESTIONS)
    assert "0 of 12 questions have an answer" in printed(result)
    assert "expectations.py" not in printed(result)


@pytest.mark.slow
def test_two_workers(project: Project) -> None:
    declare(project, CLOSER, "{region: gpt, scheme: family}", "{region: llama, scheme: family}")
    project.run(*project.live)  # keeps the vectors: workers need no torch then
    shutil.rmtree(project.path / "cassettes")
    result = project.pytester.runpytest_subprocess(*QUIET, "-n2", *project.live)
    result.assert_outcomes(passed=2, failed=1)
    assert sorted(project.server.questions()) == sorted(QUESTIONS * 2)
    assert report_lines(result).count(f"{MODEL}/eng") == 1
    assert reported(result).count(" met ") == 2


# -------------------------------------------------------------------------------------------------- broken files


def test_a_broken_file_is_one_message_and_costs_nothing(project: Project) -> None:
    declare(project, "{language: eng, closer_to: gpt, then: llama}")
    project.write_test("def test_plain(univar): univar.profile('eng')")
    result = project.run(*project.live)
    result.assert_outcomes(errors=1)
    begin = result.outlines.index(next(line for line in result.outlines if "ERROR collecting" in line))
    shown = result.outlines[begin + 1 : begin + 3]
    assert re.match(rf".*{FILE}, line 3, key 'than': found none, expected a region", shown[0])
    assert re.match(rf".*{FILE}, line 3, key 'then': found this key \(is 'than' meant\?\)", shown[1])
    assert "short test summary" in result.outlines[begin + 3]
    assert not project.server.requests


def test_names_that_the_bank_does_not_have(project: Project) -> None:
    declare(project, "{region: gtp, scheme: family}", "{region: gpt, scheme: continent}")
    model = project.write_answers("collected", GPT)
    result = project.run(f"--univar-model={model}")
    result.assert_outcomes(failed=2)
    said = printed(result)
    assert "no region of the scheme 'family' 'gtp' (is 'gpt' meant?); expected one of: gpt, llama" in said
    assert "no scheme 'continent'; expected one of: family, llm" in said
    assert ".py" not in said


def test_other_yaml_files_are_left_alone(project: Project) -> None:
    (project.path / "values.yaml").write_text("expect: nothing")
    assert project.run().ret == pytest.ExitCode.NO_TESTS_COLLECTED
