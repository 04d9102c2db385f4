"""Saving a run's profiles and holding later runs against them: the files, the report and the exit status."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pytest_univar.banks import load_bank, save_bank
from pytest_univar.encoding import read_checkpoint

from ..conftest import Parts
from .conftest import QUESTIONS, Project, printed, reported

VALUES = """
def test_values(univar):
    univar.profile("eng")
"""
UNCHANGED = """
def test_unchanged(univar):
    univar.assert_unchanged("eng", since="v1")
"""
SAME, OTHER = "freedom money change the state {}", "duty tradition family the church {}"


def answers(voice: str) -> list[str]:
    return [voice.format(f"{question} again") for question in QUESTIONS]


@pytest.fixture
def v1(project: Project) -> str:
    """A model whose baseline ``v1`` is saved."""
    project.write_test(VALUES)
    model = project.write_answers("v1", answers(SAME))
    result = project.run(f"--univar-model={model}", "--univar-save=v1")
    result.assert_outcomes(passed=1)
    assert "baseline saved: .univar/0001_v1" in reported(result)
    return model


def manifest(project: Project, folder: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.path / ".univar" / folder / "baseline.json").read_text("utf-8"))
    return content


def test_what_is_saved(project: Project, v1: str) -> None:
    saved = manifest(project, "0001_v1")
    assert saved["name"] == "v1"
    assert saved["bank"] == "tiny"
    assert [profile["value_id"] for profile in saved["profiles"]] == ["v1/eng"]
    texts = b"".join(file.read_bytes() for file in (project.path / ".univar").rglob("*") if file.is_file())
    assert b"freedom money" not in texts, "answers stay in the cassettes"
    assert str(project.path).encode() not in texts


def test_baselines_are_numbered_and_the_newest_of_a_name_counts(project: Project, v1: str) -> None:
    other = project.write_answers("other", answers(OTHER))
    project.run(f"--univar-model={other}", "--univar-save=v1").assert_outcomes(passed=1)
    assert sorted(path.name for path in (project.path / ".univar").iterdir() if path.is_dir()) == ["0001_v1", "0002_v1"]
    assert "drift of replay:other.jsonl since 0002_v1" in reported(
        project.run(f"--univar-model={other}", "--univar-compare=v1")
    )
    assert "since 0001_v1" in reported(project.run(f"--univar-model={other}", "--univar-compare=1"))


def test_the_same_answers_have_not_drifted(project: Project, v1: str) -> None:
    result = project.run(f"--univar-model={v1}", "--univar-compare", "--univar-compare-fail=p<0.05|distance>0.01")
    assert result.ret == 0
    assert "eng 0.000 0.000 to 0.000 1.000 12" in reported(result)


def test_other_values_are_drift_and_fail_the_run_when_asked(project: Project, v1: str) -> None:
    other = project.write_answers("other", answers(OTHER))
    told = project.run(f"--univar-model={other}", "--univar-compare=v1")
    assert told.ret == 0
    assert "fails" not in reported(told)
    for condition in ("p<0.01", "distance>0.001", "p<0|distance>0.001"):
        failed = project.run(f"--univar-model={other}", "--univar-compare=v1", f"--univar-compare-fail={condition}")
        failed.assert_outcomes(passed=1)
        assert failed.ret == 1
        assert "< 0.001 12 fails" in reported(failed)
    assert project.run(f"--univar-model={other}", "--univar-compare=v1", "--univar-compare-fail=distance>9").ret == 0


def test_the_assertion(project: Project, v1: str) -> None:
    project.write_test(UNCHANGED)
    other = project.write_answers("other", answers(OTHER))
    result = project.run(f"--univar-model={other}")
    result.assert_outcomes(failed=1)
    said = printed(result)
    assert "other: expected that eng is unchanged since v1; violated: drift 0." in said
    assert "p < 0.001 (paired sign-flip, 12 questions)" in said
    assert "what pulls hardest against it: law-" in said


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_only_the_process_that_reports_writes(project: Project, workers: tuple[str, ...]) -> None:
    """Four tests share two profiles; with workers, each may be measured in any of them."""
    project.pytester.makepyfile(test_one=VALUES, test_two=VALUES)
    models = [project.write_answers("one", answers(SAME)), project.write_answers("two", answers(OTHER))]
    asked = [f"--univar-model={model}" for model in models]
    project.run(*asked)  # keeps the vectors: workers need no torch then
    asked += workers
    project.run(*asked, "--univar-save=both").assert_outcomes(passed=4)
    (folder,) = (path for path in (project.path / ".univar").iterdir() if path.is_dir())
    assert [profile["value_id"] for profile in manifest(project, folder.name)["profiles"]] == ["one/eng", "two/eng"]
    report = reported(project.run(*asked, "--univar-compare"))
    assert report.count(" 0.000 0.000 to 0.000 1.000 12 ") == 2


# ------------------------------------------------------------------------------------------------------ what is refused


def test_nothing_to_compare_with_is_said_before_anything_is_asked(project: Project) -> None:
    project.write_test(VALUES)
    result = project.run(*project.live, "--univar-compare=v9")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "found no baseline 'v9', expected one of: none. Save one with --univar-save=NAME" in printed(result)
    assert not project.server.requests


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--univar-save=a/b", "found the baseline name 'a/b', expected letters, digits and . _ + - only"),
        ("--univar-compare-fail=p>0.01", "found 'p>0.01', expected p<NUMBER, distance>NUMBER, or both with | between"),
        ("--univar-compare-fail=p<1|p<2", "found 'p<1|p<2', expected p<NUMBER"),
    ],
)
def test_what_cannot_be_asked_for(project: Project, argument: str, message: str) -> None:
    project.write_test(VALUES)
    result = project.run(*project.live, argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in printed(result)
    assert not project.server.requests


def test_another_question_set_is_refused(project: Project, v1: str) -> None:
    result = project.run(f"--univar-model={v1}", "--univar-compare=v1", "--univar-limit=6")
    assert result.ret == 1
    assert "the baseline 'v1' of v1/eng was made with another question set (" in reported(result)


def test_a_baseline_of_another_encoder_is_refused(project: Project, v1: str, parts: Parts) -> None:
    bank = replace(load_bank(parts.bank), encoder_sha256=read_checkpoint(parts.other_encoder).fingerprint)
    save_bank(bank, project.path / "other-bank")
    other = ("--univar-bank=other-bank", f"--univar-encoder={parts.other_encoder}")
    result = project.run(f"--univar-model={v1}", "--univar-compare=v1", *other)
    assert result.ret == 1
    assert "the baseline 'v1' of v1/eng was made with another encoder (" in reported(result)


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("profile-0.safetensors", b"nothing", "found the SHA-256"),
        ("baseline.json", b"{", "found no readable JSON"),
        ("baseline.json", b'{"schema": 9}', "key 'schema': found 9, expected 1"),
        ("baseline.json", b'{"schema": 1}', "found no 'profiles', expected what --univar-save writes"),
    ],
)
def test_a_damaged_baseline(project: Project, v1: str, file: str, damage: bytes, message: str) -> None:
    (project.path / ".univar" / "0001_v1" / file).write_bytes(damage)
    result = project.run(f"--univar-model={v1}", "--univar-compare=v1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"{file}" in printed(result)
    assert message in printed(result)


# ---------------------------------------------------------------------------------------------------------- trajectory


@pytest.mark.parametrize("target", ["llama-a/eng", "family:llama"])
def test_the_path_of_three_checkpoints(project: Project, target: str) -> None:
    project.write_test(VALUES)
    mixed = [*answers(SAME)[:6], *answers(OTHER)[6:]]
    models = [
        project.write_answers(name, texts)
        for name, texts in (("step-0", answers(SAME)), ("step-1", mixed), ("step-2", answers(OTHER)))
    ]
    result = project.run(*(f"--univar-model={model}" for model in models), f"--univar-trajectory={target}")
    assert result.ret == 0
    lines = reported(result).partition("trajectory in eng: toward llama")[2].split("replay:step-")[1:5]
    to_target = [float(line.split()[1]) for line in lines[1:]]
    assert len(to_target) == 3
    assert to_target[0] > to_target[1] > to_target[2]
    assert float(lines[3].split()[5]) > float(lines[2].split()[5]) > 0, "away from the origin"


def test_a_target_that_the_bank_does_not_have(project: Project) -> None:
    project.write_test(VALUES)
    models = [project.write_answers(name, answers(SAME)) for name in ("one", "two")]
    result = project.run(*(f"--univar-model={model}" for model in models), "--univar-trajectory=gpt-z/eng")
    assert result.ret == 1
    assert "the bank 'tiny' has no value ID 'gpt-z/eng'" in reported(result)


# ---------------------------------------------------------------------------------------------------------------- JSON


def test_everything_is_written_as_json(project: Project, v1: str) -> None:
    project.write_test("""
        def test_values(univar):
            drift = univar.drift("eng", since="v1")
            assert drift == 0
            assert drift < 0.1
            univar.assert_closer("eng", to="gpt", than="llama", scheme="family")
    """)
    other = project.write_answers("other", answers(SAME))
    models = (f"--univar-model={v1}", f"--univar-model={other}", "--univar-trajectory=family:llama")
    project.run(*models, "--univar-json=found.json", "--univar-compare").assert_outcomes(passed=2)
    found = json.loads((project.path / "found.json").read_text(encoding="utf-8"))
    assert found["schema"] == 1
    assert [profile["model"] for profile in found["profiles"]] == ["v1", "other"]
    assert [claim["verdict"] for claim in found["claims"]] == ["met", "met"]
    (trajectory,) = found["conclusion"]["trajectories"]
    first, second = trajectory["steps"]
    assert first["to_origin"] is None
    assert second["to_origin"]["estimate"] == 0
    assert first["to_target"]["interval"][0] < first["to_target"]["estimate"]
    assert [each["drifts"][0]["p_value"] for each in found["conclusion"]["comparisons"]] == [1, 1]
