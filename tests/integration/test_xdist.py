"""Several xdist workers and one audit: each question is asked once, and nothing that a worker found is lost."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from dataclasses import replace

import pytest

from .conftest import MODEL, QUESTIONS, Project, printed, report_lines, reported

QUIET = ("-p", "no:hypothesispytest", "-p", "no:anyio")


@pytest.mark.slow
def test_two_workers_share_one_audit(project: Project) -> None:
    """One asks and encodes; the other waits, and loads no torch."""
    project.pytester.makeconftest("""
import sys
from pathlib import Path
def pytest_sessionfinish(session):
    if worker := getattr(session.config, "workerinput", None):
        Path(worker["workerid"]).write_text(f"torch: {'torch' in sys.modules}")
""")
    source = """
def test_claim(univar):
    univar.assert_closer("eng", to="gpt", than="llama", scheme="family")
def test_plain(univar):
    assert univar.profile("eng").region(scheme="family") == "gpt"
"""
    project.pytester.makepyfile(test_one=source, test_two=source)

    result = project.pytester.runpytest_subprocess(*QUIET, "-n2", "--dist=loadfile", *project.live)

    result.assert_outcomes(passed=4)
    assert sorted(project.server.questions()) == sorted(QUESTIONS)
    assert sorted((project.path / worker).read_text() for worker in ("gw0", "gw1")) == ["torch: False", "torch: True"]
    assert report_lines(result).count(f"{MODEL}/eng") == 1
    report = reported(result)
    assert "answers 12 of 12 kept" in report
    assert report.count(" met ") == 2
    assert report.count(" passed ") == 2
    assert "12 calls (0 retries), 0 answers from records; 132 tokens in, 84 out" in report


@pytest.mark.slow
def test_four_workers_that_ask_everything_again_ask_it_once(project: Project) -> None:
    """Without a usable encoder, so that the workers are done as soon as they have asked: their errors arrive too."""
    (project.path / "empty").mkdir()
    values = "def test_values(univar): univar.profile('eng')"
    project.pytester.makepyfile(
        **{f"test_{number}": values for number in range(4)},
        test_bad=f"import pytest\n@pytest.mark.univar(sample=2)\n{values}",
    )
    audit = (*project.live, "--univar-encoder=empty")
    project.run("test_0.py", *audit).assert_outcomes(failed=1)
    assert len(project.server.requests) == len(QUESTIONS)

    result = project.pytester.runpytest_subprocess(*QUIET, "-n4", "--dist=loadfile", *audit, "--univar-record=all")

    result.assert_outcomes(failed=4, errors=1)
    assert sorted(project.server.questions()) == sorted(QUESTIONS * 2)
    report = reported(result)
    assert "answers 12 of 12 kept" in report
    assert "not measured" in report
    assert "12 calls (0 retries), 0 answers from records; 132 tokens in, 84 out" in report
    assert "@pytest.mark.univar: found the argument 'sample', expected one of" in printed(result)
    assert "INTERNALERROR" not in printed(result)


@pytest.mark.slow
def test_eight_files_and_three_profiles_ask_each_question_once(project: Project) -> None:
    """Two of the profiles share a cassette; every file wants all three, and no two neighbours in the same order."""
    project.server.default = replace(project.server.default, hang=0.05)  # long enough for all four workers to meet
    more = [f"what should people think of custom {number}" for number in range(12)]
    (project.path / "more.jsonl").write_text(
        "".join(json.dumps({"id": text.replace(" ", "-"), "text": text}) + "\n" for text in more), encoding="utf-8"
    )
    tests = [
        "def test_plain(univar): univar.profile('eng')",
        "@pytest.mark.univar(questions='more.jsonl')\ndef test_questions(univar): univar.profile('eng')",
        "@pytest.mark.univar(model='openai/other-model')\ndef test_model(univar): univar.profile('eng')",
    ]
    orders = itertools.cycle(itertools.permutations(tests))
    files = {f"test_{number}": "\n".join(["import pytest", *next(orders)]) for number in range(8)}
    project.pytester.makepyfile(**files)
    project.set(univar_model=MODEL, univar_api_base=project.server.api_base)
    project.run().assert_outcomes(passed=24)  # keeps the vectors: workers need no torch then
    shutil.rmtree(project.path / "cassettes")
    project.server.requests.clear()

    result = project.pytester.runpytest_subprocess(*QUIET, "-n4")

    result.assert_outcomes(passed=24)
    asked = Counter((f"openai/{request.body['model']}", request.question) for request in project.server.requests)
    wanted = [*itertools.product([MODEL], [*QUESTIONS, *more]), *itertools.product(["openai/other-model"], QUESTIONS)]
    assert asked == Counter(wanted)
    report = reported(result)
    assert report.count("answers 12 of 12 kept") == 3
    assert "36 calls (0 retries), 0 answers from records" in report
