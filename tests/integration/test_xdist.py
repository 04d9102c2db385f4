"""Several xdist workers and one audit: each question is asked once, and nothing that a worker found is lost."""

from __future__ import annotations

import pytest

from .conftest import MODEL, QUESTIONS, Project, printed, report_lines, reported

QUIET = ("-p", "no:hypothesispytest", "-p", "no:anyio")


@pytest.fixture(autouse=True)
def one_thread_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.slow
def test_two_workers_share_one_audit(project: Project) -> None:
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
