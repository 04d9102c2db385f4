"""The plugin as its user meets it: what a pytest run prints, how it ends, and what it asks the model for."""

from __future__ import annotations

import re

import pytest

from ..conftest import VOICES
from .conftest import MODEL, QUESTIONS, Project, printed, report_lines, reported

USAGE_ERROR = pytest.ExitCode.USAGE_ERROR
GPT, LLAMA = [VOICES["gpt-a"]] * 12, [VOICES["llama-a"]] * 12
MIXED = [VOICES["gpt-a"], VOICES["llama-a"]] * 6

ONE_TEST = """
def test_values(univar):
    univar.profile("eng")
"""
CLAIM = """
def test_claim(univar):
    univar.assert_closer("eng", to="gpt", than="llama", scheme="family")
"""


# ------------------------------------------------------------------------------------------------- inert without a wish


def test_inert_without_options(project: Project) -> None:
    project.write_test("def test_other(): pass")
    result = project.run()
    result.assert_outcomes(passed=1)
    assert not [line for line in result.outlines if line.startswith("univar:") or "audited values" in line]
    assert not project.server.requests


def test_options_alone_ask_nothing(project: Project) -> None:
    project.write_test("def test_other(): pass")
    result = project.run(*project.live)
    result.stdout.fnmatch_lines([f"univar: model {MODEL}", "univar: encoder *, bank *, record new"])
    assert report_lines(result) == []
    assert not project.server.requests


def test_help_and_markers_name_everything(project: Project) -> None:
    shown = printed(project.run("--help"))
    assert "--univar-model=MODEL" in shown
    assert "univar_cassette_dir" in shown
    project.run("--markers").stdout.fnmatch_lines(["@pytest.mark.univar(model=*"])


# ---------------------------------------------------------------------------------------------------- which model


def test_without_a_model_the_three_ways_are_named(project: Project) -> None:
    project.write_test(ONE_TEST)
    result = project.run()
    assert result.ret == USAGE_ERROR
    said = printed(result)
    for way in ("--univar-model=MODEL", "univar_model = MODEL", "@pytest.mark.univar(model='MODEL')", "replay:FILE"):
        assert way in said
    assert "Traceback" not in said


def test_tests_that_are_left_out_need_no_model(project: Project) -> None:
    project.write_test(ONE_TEST + "def test_other(): pass")
    project.run("-k", "other").assert_outcomes(passed=1, deselected=1)


@pytest.mark.parametrize("way", ["option", "ini", "marker"])
def test_three_ways_to_give_a_model(project: Project, way: str) -> None:
    model = project.write_answers("collected", GPT)
    marker = f"import pytest\npytestmark = pytest.mark.univar(model={model!r})\n" if way == "marker" else ""
    project.write_test(marker + ONE_TEST)
    if way == "ini":
        project.set(univar_model=model)
    result = project.run(*([f"--univar-model={model}"] if way == "option" else []))
    result.assert_outcomes(passed=1)
    assert report_lines(result)[0] == "collected/eng"


def test_the_command_line_comes_before_the_marker_and_the_marker_before_the_ini(project: Project) -> None:
    models = {name: project.write_answers(name, GPT) for name in ("line", "marked", "set-1", "set-2")}
    project.set(univar_model=f"{models['set-1']}\n  {models['set-2']}")
    project.write_test(f"""
        import pytest
        @pytest.mark.univar(model={models["marked"]!r})
        def test_marked(univar):
            print("MARKED", univar.model)
        def test_plain(univar):
            print("PLAIN", univar.model)
    """)
    named = [line for line in project.run("-s", "-v").outlines if "MARKED" in line or "PLAIN" in line]
    assert [line.split("::")[1].split()[-1] for line in named] == [
        models["marked"],
        models["set-1"],
        models["set-2"],
    ]
    result = project.run("-s", f"--univar-model={models['line']}")
    assert "MARKED " + models["line"] in printed(result)
    assert "PLAIN " + models["line"] in printed(result)


def test_several_models_are_tests_of_their_own(project: Project) -> None:
    models = [project.write_answers("one", GPT), project.write_answers("two", LLAMA)]
    project.write_test(ONE_TEST)
    result = project.run("-v", *(f"--univar-model={model}" for model in models))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["*::test_values?replay:one.jsonl? PASSED*", "*::test_values?replay:two.jsonl? PASSED*"]
    )
    report = report_lines(result)
    first, second = report.index("one/eng"), report.index("two/eng")
    assert "".join(report[first:second]).partition(" others")[2].split()[0] == "gpt-a/eng"
    assert "".join(report[second:]).partition(" others")[2].split()[0] == "llama-a/eng"


# ------------------------------------------------------------------------------------------------------- the marker


@pytest.mark.parametrize(
    ("marker", "found", "expected"),
    [
        ("language=['eng']", "argument 'language'", "one of model, languages, questions, samples"),
        ("languages='eng'", "languages='eng'", "a list of ISO 639-3 codes"),
        ("languages=[]", "languages=[]", "a list of ISO 639-3 codes"),
        ("languages=['en']", "language 'en'", "one of the ISO 639-3 codes"),
        ("samples=0", "samples=0", "a whole number from 1"),
        ("samples=True", "samples=True", "a whole number from 1"),
        ("questions=3", "questions=3", "a question set's name or file"),
        ("model=3", "model=3", "a model's name"),
        ("'openai/x'", "positional argument 'openai/x'", "keyword arguments"),
    ],
)
def test_a_bad_marker_stops_the_run_before_it_costs(project: Project, marker: str, found: str, expected: str) -> None:
    project.write_test(f"import pytest\n@pytest.mark.univar({marker})" + ONE_TEST)
    result = project.run(*project.live)
    assert result.ret == USAGE_ERROR
    said = printed(result)
    assert "::test_values: @pytest.mark.univar: " in said
    assert f"found the {found}" in said or f"found {found}" in said
    assert f"expected {expected}" in said
    assert not project.server.requests


def test_a_nearer_marker_wins_argument_by_argument(project: Project) -> None:
    model = project.write_answers("collected", GPT)
    project.write_test(f"""
        import pytest
        pytestmark = pytest.mark.univar(model={model!r}, languages=["eng", "spa"])
        @pytest.mark.univar(languages=["fra"])
        def test_values(univar):
            assert univar.languages == ("fra",)
            assert univar.model == {model!r}
    """)
    project.run().assert_outcomes(passed=1)


# ------------------------------------------------------------------------------------------------- asking and replaying


def test_an_audit_is_asked_once_recorded_and_replayed(project: Project) -> None:
    project.pytester.makepyfile(
        test_first=ONE_TEST + CLAIM,
        test_second="""
        import numpy as np
        def test_values(univar):
            english = univar.profile("eng")
            assert english.region(scheme="family") == "gpt"
            assert english.distance_to("gpt-a/eng") < english.distance_to("llama-a/eng")
            np.save("vectors.npy", english.profile.vectors)
        """,
    )
    live = project.run(*project.live)
    live.assert_outcomes(passed=3)
    assert sorted(project.server.questions()) == sorted(QUESTIONS)
    vectors = (project.path / "vectors.npy").read_bytes()

    # Without pytest's cache folder the vectors are computed again.
    replayed = project.run(*project.live, "--univar-record=none", "-p", "no:cacheprovider")

    replayed.assert_outcomes(passed=3)
    assert len(project.server.requests) == len(QUESTIONS)
    assert (project.path / "vectors.npy").read_bytes() == vectors
    account, _, cost = reported(live).rpartition("/bank ")
    same_account, _, no_cost = reported(replayed).rpartition("/bank ")
    assert account == same_account
    calls, _, verdicts = cost.partition(" expectations ")
    no_calls, _, same_verdicts = no_cost.partition(" expectations ")
    assert verdicts.replace("cost unknown", "cost $0") == same_verdicts
    answers = "answers 12 of 12 kept, 0 of them refusals; 0 empty, 0 cut off, 0 missing"
    assert account.startswith(f"{MODEL}/eng {answers} questions questions.jsonl ")
    assert account.count(" nearest value IDs ") == 1
    assert calls == "12 calls (0 retries), 0 answers from records; 132 tokens in, 84 out"
    assert no_calls == "0 calls (0 retries), 12 answers from records; 0 tokens in, 0 out"
    assert verdicts.count(" met ") == 1
    assert verdicts.endswith(f"1 met, 2 tests passed; {MODEL}; cost unknown")
    (cassette,) = (project.path / "cassettes").glob("*.jsonl")
    assert len(cassette.read_text().splitlines()) == len(QUESTIONS)


def test_recording_off_and_nothing_recorded(project: Project) -> None:
    project.write_test(ONE_TEST)
    result = project.run(*project.live, "--univar-record=none")
    result.assert_outcomes(failed=1)
    said = printed(result)
    assert "12 of the 12 answers" in said
    assert "cassettes" in said
    assert f"pytest --univar-model={MODEL} --univar-record=new" in said
    assert not project.server.requests


def test_in_ci_nothing_is_asked_unless_it_is_asked_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    project.write_test(ONE_TEST)
    result = project.run(*project.live)
    result.assert_outcomes(failed=1)
    assert "recording is off" in printed(result)
    assert not project.server.requests
    project.run(*project.live, "--univar-record=new").assert_outcomes(passed=1)


def test_samples_are_profiles_of_their_own(project: Project) -> None:
    project.write_test(
        ONE_TEST
        + """
import pytest
@pytest.mark.univar(samples=2)
def test_samples(univar):
    assert len(univar.profile("eng")) == 24
"""
    )
    result = project.run(*project.live)
    result.assert_outcomes(passed=2)
    assert len(project.server.requests) == 24
    assert report_lines(result).count(f"{MODEL}/eng") == 2
    assert "questions.jsonl, 2 answers to each" in reported(result)
    assert "24 calls (0 retries), 12 answers from records" in reported(result)


def test_a_replay_of_fewer_answers_than_questions_fails(project: Project) -> None:
    model = project.write_answers("collected", GPT[:6])
    project.write_test(ONE_TEST)
    project.run(f"--univar-model={model}", "--univar-questions=questions.jsonl").assert_outcomes(failed=1)


# ------------------------------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(("what", "open_ones"), [("fail", "failed"), ("warn", "passed"), ("xfail", "xfailed")])
def test_verdicts(project: Project, what: str, open_ones: str) -> None:
    models = {
        name: project.write_answers(name, texts) for name, texts in (("met", GPT), ("not", LLAMA), ("open", MIXED))
    }
    project.write_test(CLAIM)
    result = project.run(
        "-Wdefault", f"--univar-inconclusive={what}", *(f"--univar-model={model}" for model in models.values())
    )
    expected = {"passed": 1, "failed": 1, "xfailed": 0}
    expected[open_ones] += 1
    result.assert_outcomes(**expected, warnings=int(what == "warn"))
    report = reported(result)
    for verdict, llm in (("met", "met"), ("violated", "not"), ("inconclusive", "open")):
        assert re.search(rf"{verdict} {llm}: eng is closer to gpt than to llama \(family\) [+-]0\.\d+ ", report)
    open_one = report.partition("inconclusive open:")[2].partition("test_it.py::test_claim[replay:open.jsonl]")[0]
    assert "further questions would settle it against it: law-11 (+0." in open_one
    said = printed(result)
    assert "not: expected that eng is closer to gpt than to llama (family); violated: distance 0." in said
    assert ("open: expected that eng is closer to gpt" in said) == (what != "xfail")
    assert "expectations.py" not in said  # no traceback through our code


def test_a_warning_about_an_open_verdict_points_at_the_test(project: Project) -> None:
    project.write_test(CLAIM)
    model = project.write_answers("open", MIXED)
    result = project.run("-Wdefault", "--univar-inconclusive=warn", f"--univar-model={model}")
    result.stdout.fnmatch_lines(["*test_it.py:2: UnivarWarning: open: expected that eng is closer to gpt*"])


def test_a_test_that_fails_for_another_reason_than_its_claim_is_in_the_report(project: Project) -> None:
    project.write_test(CLAIM + "    assert univar.profile('eng').region(scheme='family') == 'llama'\n")
    model = project.write_answers("met", GPT)
    result = project.run(f"--univar-model={model}")
    result.assert_outcomes(failed=1)
    report = reported(result)
    assert "met met: eng is closer to gpt" in report
    assert "failed test_it.py::test_claim" in report


def test_every_outcome_of_plain_assertions_is_in_the_report(project: Project) -> None:
    model = project.write_answers("collected", GPT)
    project.write_test("""
        import pytest
        def test_passes(univar):
            assert univar.profile("eng").region(scheme="family") == "gpt"
        def test_fails(univar):
            assert univar.profile("eng").region(scheme="family") == "llama"
        def test_skips(univar):
            pytest.skip("not today")
        @pytest.mark.xfail
        def test_is_known_to_fail(univar):
            assert univar.profile("eng").distance_to("gpt-a/eng") < 0
    """)
    result = project.run(f"--univar-model={model}")
    result.assert_outcomes(passed=1, failed=1, skipped=1, xfailed=1)
    ends = {tuple(line.split()) for line in report_lines(result) if "::" in line}
    name = "test_it.py::test_"
    assert ends == {
        ("passed", name + "passes"),
        ("failed", name + "fails"),
        ("skipped", name + "skips"),
        ("xfailed", name + "is_known_to_fail"),
    }
    result.stdout.fnmatch_lines([
        "E*assert family 'gpt' == 'llama'", "E*share 100%, 95% interval ?*% to 100%, 12 questions; gpt 100%"
    ])  # fmt: skip
