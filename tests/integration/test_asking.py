"""How much is asked, and what is said about it before and after."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_univar.banks import load_bank, save_bank
from pytest_univar.questions import limited, load_questions

from ..conftest import Parts
from .conftest import MODEL, QUESTIONS, Project, printed, reported

ONE_TEST = """
def test_values(univar):
    univar.profile("eng")
"""


def test_a_dry_run_says_what_it_would_take_and_asks_nothing(project: Project) -> None:
    project.write_test(ONE_TEST)
    result = project.run(*project.live, "--univar-dry-run")
    result.assert_outcomes(skipped=1)
    tokens_out = len(QUESTIONS) * 128
    assert f"{MODEL}/eng {len(QUESTIONS)} " in reported(result)
    assert f" {tokens_out} unknown price a dry run: nothing was asked" in reported(result)
    assert not project.server.requests
    assert not (project.path / "cassettes").exists()


def test_a_dry_run_counts_only_what_is_not_recorded(project: Project) -> None:
    project.write_test(ONE_TEST)
    project.run(*project.live, "--univar-limit=5").assert_outcomes(passed=1)
    result = project.run(*project.live, "--univar-dry-run")
    assert f"{MODEL}/eng {len(QUESTIONS) - 5} " in reported(result)


def test_a_limit_asks_the_same_questions_each_time(project: Project) -> None:
    project.write_test(ONE_TEST)
    assert "5 of 5 kept" in reported(project.run(*project.live, "--univar-limit=5"))
    asked = sorted(project.server.questions())
    assert len(asked) == 5
    project.run(*project.live, "--univar-limit=5").assert_outcomes(passed=1)
    assert sorted(project.server.questions()) == asked


def test_a_limit_is_spread_over_the_values_and_grows_by_addition() -> None:
    core = load_questions("core")
    half, more = limited(core, 87), limited(core, 100)
    assert len({question.value for question in half}) == 87
    assert set(half) < set(more)
    assert [question.id for question in more] == [question.id for question in core if question in more]


def test_extra_parameters_are_sent_and_change_the_key(project: Project) -> None:
    project.write_test(ONE_TEST)
    project.run(*project.live, "--univar-limit=2").assert_outcomes(passed=1)
    project.run(*project.live, "--univar-limit=2", '--univar-extra={"top_k": 50}').assert_outcomes(passed=1)
    assert len(project.server.requests) == 4
    assert [request.body.get("top_k") for request in project.server.requests] == [None, None, 50, 50]


@pytest.mark.parametrize("extra", ["top_k=50", "[1]"])
def test_extra_parameters_that_are_no_object(project: Project, extra: str) -> None:
    result = project.run(f"--univar-extra={extra}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--univar-extra: found something else, expected a JSON object" in printed(result)


def test_a_secret_among_the_extra_parameters_is_refused(project: Project) -> None:
    project.write_test(ONE_TEST)
    result = project.run(*project.live, '--univar-extra={"api_key": "sk-1"}')
    assert "found 'api_key' among the extra parameters" in printed(result)
    assert not project.server.requests


def test_an_endpoint_that_always_says_the_same_is_reported(project: Project) -> None:
    project.write_test(ONE_TEST)
    assert "the same answer" in reported(project.run(*project.live)).lower()


def test_a_batch_output_is_replayed(project: Project) -> None:
    lines = [
        {
            "custom_id": f"request-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": "some-model", "messages": [{"role": "user", "content": question}]},
        }
        for number, question in enumerate(QUESTIONS)
    ]
    bodies = [
        {
            "custom_id": line["custom_id"],
            "error": None,
            "response": {
                "status_code": 200,
                "body": {
                    "model": "some-model",
                    "choices": [{"message": {"content": f"Duty and family {n}."}, "finish_reason": "stop"}],
                },
            },
        }
        for n, line in enumerate(lines)
    ]
    for name, rows in (("input", lines), ("output", bodies)):
        (project.path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    project.write_test(ONE_TEST)
    result = project.run("--univar-model=replay:output.jsonl,input.jsonl")
    result.assert_outcomes(passed=1)
    assert f"{len(QUESTIONS)} of {len(QUESTIONS)} kept" in reported(result)


def test_how_answers_were_sampled_is_reported_and_held_against_the_bank(project: Project, parts: Parts) -> None:
    save_bank(replace(load_bank(parts.bank), answer_params={"max_tokens": 256}), project.path / "other-bank")
    project.set(univar_bank="other-bank", univar_limit="5")
    project.write_test(ONE_TEST)
    report = reported(project.run(*project.live, "--univar-temperature=0.7", '--univar-extra={"top_k": 50}'))
    assert "sampling temperature 0.7, top_p 0.95, max_tokens 128, extra {'top_k': 50}" in report
    assert "sampled otherwise than the bank's answers, which shifts distances: max_tokens 128 (the bank: 256)" in report
    assert "sampled otherwise" not in reported(project.run(*project.live, "--univar-max-tokens=256"))


def test_two_models_are_told_apart_in_what_they_took(project: Project) -> None:
    project.set(univar_limit="5")
    project.write_test(ONE_TEST)
    report = reported(project.run(*project.live, "--univar-model=openai/other-model", "--univar-samples=2"))
    assert "asked calls tokens in tokens out cost openai/some-model/eng 10 110 70 unknown" in report
    assert "openai/other-model/eng 10 110 70 unknown" in report
    assert "20 calls (0 retries)" in report
