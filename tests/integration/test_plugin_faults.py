"""What the plugin's user is told where something cannot be: bad names, bad files, providers that do not answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ..conftest import Parts
from ..services.openai_server import Step, failure
from .conftest import KEY, MODEL, QUESTIONS, Project, printed, report_lines, reported
from .test_plugin import CLAIM, GPT, ONE_TEST, USAGE_ERROR

# ------------------------------------------------------------------------------------- what cannot be, said clearly


def test_names_that_the_bank_does_not_have(project: Project) -> None:
    model = project.write_answers("collected", GPT)
    project.write_test("""
        def test_region(univar):
            univar.assert_closer("eng", to="gtp", than="llama", scheme="family")
        def test_scheme(univar):
            assert univar.profile("eng").region(scheme="continent") == "gpt"
        def test_value_id(univar):
            assert univar.profile("eng").distance_to("gpt-z/eng") < 1
        def test_language(univar):
            univar.profile("spa")
    """)
    result = project.run(f"--univar-model={model}")
    result.assert_outcomes(failed=4)
    said = printed(result)
    assert "no region of the scheme 'family' 'gtp' (is 'gpt' meant?); expected one of: gpt, llama" in said
    assert "no scheme 'continent'; expected one of: family, llm" in said
    assert "no value ID 'gpt-z/eng' (is 'gpt-" in said
    assert "found the language 'spa', expected one of eng. Declare it: @pytest.mark.univar(languages=[" in said
    for line in result.outlines:  # no traceback through our code
        assert "measurement.py" not in line
        assert "banks.py" not in line
    result.stdout.fnmatch_lines(["FAILED *::test_scheme - pytest_univar.errors.BankError: *"])


def test_our_errors_keep_their_type(project: Project) -> None:
    model = project.write_answers("collected", GPT)
    project.write_test("""
        import pytest
        from pytest_univar.errors import BankError
        @pytest.mark.xfail(raises=BankError, strict=True)
        def test_expected(univar):
            univar.profile("eng").region(scheme="continent")
    """)
    project.run(f"--univar-model={model}").assert_outcomes(xfailed=1)


def test_an_error_in_a_fixture_of_the_users_own(project: Project) -> None:
    project.write_test("""
        import pytest
        @pytest.fixture
        def english(univar):
            return univar.profile("eng")
        def test_values(english):
            pass
    """)
    result = project.run("--univar-model=replay:nowhere.jsonl")
    result.assert_outcomes(errors=1)
    said = printed(result)
    assert "nowhere.jsonl: found no such file, expected answers as JSON lines" in said
    assert "cassette.py" not in said
    assert any(line.split()[:1] == ["failed"] for line in report_lines(result))


def test_a_bank_of_another_encoder(project: Project, parts: Parts) -> None:
    model = project.write_answers("collected", GPT)
    project.write_test(ONE_TEST)
    result = project.run(f"--univar-model={model}", f"--univar-encoder={parts.other_encoder}")
    result.assert_outcomes(failed=1)
    assert "distances between the two mean nothing" in printed(result)
    report = reported(result)
    assert "12 of 12 kept" in report
    assert "not measured the bank 'tiny' belongs to the encoder" in report


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("record=sometimes", "none, new or all"),
        ("samples=0", "a whole number from 1"),
        ("samples=many", "a whole number from 1"),
        ("concurrency=-1", "a whole number from 1"),
        ("timeout=0", "seconds above 0"),
        ("temperature=3", "a number from 0 to 2, or none"),
        ("top-p=nan", "a number from 0 to 1, or none"),
        ("max-cost=-1", "US dollars from 0"),
        ("allow-unknown-price=perhaps", "true or false"),
        ("min-coverage=0", "a number above 0, at most 1"),
        ("confidence=95", "a number between 0 and 1"),
        ("inconclusive=ignore", "fail, warn or xfail"),
        ("limit=1", "a whole number from 2"),
        ("rpm=0", "a number above 0"),
        ("dtype=int8", "float32, bfloat16 or float16"),
        ("languages=english", "one of the ISO 639-3 codes"),
    ],
)
def test_a_bad_value(project: Project, option: str, expected: str) -> None:
    name, _, found = option.partition("=")
    result = project.run(f"--univar-{option}")
    assert result.ret == USAGE_ERROR
    assert f"--univar-{name}: found " in printed(result)
    assert repr(found) in printed(result)
    assert f"expected {expected}" in printed(result)


def test_a_bad_value_in_the_ini(project: Project) -> None:
    project.set(univar_samples="some")
    result = project.run()
    assert result.ret == USAGE_ERROR
    assert "univar_samples: found 'some', expected a whole number from 1" in printed(result)


def test_a_bad_question_file(project: Project) -> None:
    project.pytester.makefile(".jsonl", bad='{"text": "good"}\n{"txt": "bad"}')
    project.write_test(ONE_TEST)
    result = project.run(*project.live, "--univar-questions=bad.jsonl")
    result.assert_outcomes(failed=1)
    assert "bad.jsonl, line 2: found the field 'txt', expected no fields but" in printed(result)


def test_a_bad_cassette_line(project: Project) -> None:
    project.write_test(ONE_TEST)
    project.run(*project.live)
    (cassette,) = (project.path / "cassettes").glob("*.jsonl")
    lines = cassette.read_text().splitlines()
    cassette.write_text("\n".join([*lines[:4], "{oops", *lines[4:]]) + "\n")
    result = project.run(*project.live)
    result.assert_outcomes(failed=1)
    assert f"{cassette.name}, line 5: found '{{oops', which is not JSON" in printed(result)
    assert len(project.server.requests) == len(QUESTIONS)


# ---------------------------------------------------------------------------------------- providers that do not answer


@pytest.mark.parametrize(
    ("status", "message", "remedy"),
    [
        (401, f"Incorrect API key provided: {KEY}", "check the provider's API key in the environment"),
        (404, "The model does not exist", "check the model's name and the API base"),
    ],
)
def test_a_fault_that_will_not_pass(
    project: Project, files_with: Callable[[Path, str], list[Path]], status: int, message: str, remedy: str
) -> None:
    project.server.default = failure(status, message)
    project.write_test(ONE_TEST + CLAIM)
    result = project.run(*project.live)
    result.assert_outcomes(failed=2)
    assert len(project.server.requests) == 1  # for both tests
    said = printed(result)
    assert f"{MODEL} at {project.server.api_base} cannot be asked" in said
    assert remedy in said
    assert "not measured" in said
    assert "12 not asked" in said
    assert "Traceback" not in said
    assert KEY not in said
    assert not files_with(project.path, KEY)


def test_a_passing_fault_is_retried_and_the_report_says_so(project: Project) -> None:
    project.server.script(QUESTIONS[3], failure(429, "slow down", Retry_After="0"), Step(GPT[0]))
    project.write_test(ONE_TEST)
    result = project.run(*project.live)
    result.assert_outcomes(passed=1)
    assert "13 calls (1 retry), 0 answers from records" in reported(result)


def test_too_few_answers_are_an_error_and_the_account_is_shown(project: Project) -> None:
    for number in (1, 4, 6, 7):
        project.server.script(QUESTIONS[number], Step("", finish_reason="content_filter"))
    project.server.script(QUESTIONS[8], Step("I'm sorry, but I can't help with that."))
    project.write_test(ONE_TEST + CLAIM)
    result = project.run(*project.live)
    result.assert_outcomes(failed=2)
    said = printed(result)
    assert "8 of 12 questions have an answer (coverage 0.67), expected at least 0.90" in said
    assert "accept fewer with --univar-min-coverage" in said
    report = reported(result)
    assert "answers 8 of 12 kept, 1 of them refusals; 0 empty, 4 cut off, 0 missing" in report
    assert "not measured too few answers" in report
    assert "no answer to law-1: the provider's content filter stopped the answer law-4: the provider" in report
    assert "and 1 more question " in report
    assert len(project.server.requests) == len(QUESTIONS)  # the second test did not ask again

    accepted = project.run(*project.live, "--univar-min-coverage=0.6")
    accepted.assert_outcomes(passed=2)
    assert len(project.server.requests) == len(QUESTIONS) + 4


def test_a_cost_limit_refuses_an_unknown_price(project: Project) -> None:
    project.write_test(ONE_TEST)
    result = project.run(*project.live, "--univar-max-cost=1")
    result.assert_outcomes(failed=1)
    assert f"the price of {MODEL} is unknown and a cost limit of 1 USD is set" in printed(result)
    assert " 0 calls " in reported(result)
    assert not project.server.requests
    allowed = project.run(*project.live, "--univar-max-cost=1", "--univar-allow-unknown-price")
    allowed.assert_outcomes(passed=1)


def test_a_cost_limit_stops_before_it_is_crossed_and_shows_what_was_spent(project: Project) -> None:
    project.write_test(ONE_TEST)
    priced = ("--univar-model=openai/gpt-4o-mini", project.live[1], "--univar-concurrency=1")
    result = project.run(*priced, "--univar-max-cost=0.0001")
    result.assert_outcomes(failed=1)
    asked = len(project.server.requests)
    assert 0 < asked < len(QUESTIONS)
    report = reported(result)
    assert f"answers {asked} of 12 kept" in report
    assert f"0 missing, {12 - asked} not asked" in report
    assert f"{asked} calls (0 retries)" in report
    assert f"cost ${asked * (11 * 0.15e-6 + 7 * 0.6e-6):.6f}" in report

    project.run(*priced).assert_outcomes(passed=1)  # asks for the rest only
    assert sorted(project.server.questions()) == sorted(QUESTIONS)


def test_what_is_sent_and_recorded(project: Project) -> None:
    project.write_test(ONE_TEST)
    settings = ("--univar-temperature=0.3", "--univar-top-p=none", "--univar-max-tokens=9", "--univar-seed=5")
    project.run(*project.live, *settings, "--univar-system-prompt=Be brief.").assert_outcomes(passed=1)
    body = project.server.requests[0].body
    assert body["temperature"] == 0.3
    assert "top_p" not in body
    assert body["max_tokens"] == 9
    assert body["seed"] == 5
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    (cassette,) = (project.path / "cassettes").glob("*.jsonl")
    params = json.loads(cassette.read_text().splitlines()[0])["params"]
    assert params["temperature"] == 0.3
    assert params["system_prompt"] == "Be brief."
