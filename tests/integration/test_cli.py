"""The ``univar`` command as it is typed: real training, a real bank, and errors that explain themselves."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pytest_univar import __version__
from pytest_univar.banks import available_banks, load_bank, save_bank
from pytest_univar.calibration import Calibration
from pytest_univar.cli import app, main
from pytest_univar.encoding import load_encoder
from pytest_univar.training.recipe import Recipe
from tests.checkpoints import bert_checkpoint
from tests.synthetic import answers, settings, toml, write_answers

UNIVAR = str(Path(sys.executable).with_name("univar"))
COMMANDS = [
    ["train"],
    ["export"],
    ["init"],
    ["schema"],
    ["suggest"],
    ["map"],
    ["bank", "build"],
    ["bank", "calibrate"],
    ["bank", "list"],
    ["cassette", "list"],
    ["cassette", "verify"],
    ["cassette", "prune"],
    ["cassette", "merge"],
    ["questions", "list"],
    ["questions", "check"],
    ["questions", "generate"],
    ["questions", "translate"],
]


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A backbone, a recipe of a few steps and answers of two LLMs."""
    bert_checkpoint(tmp_path / "backbone")
    (tmp_path / "tiny.toml").write_text(toml(settings(steps=3)), encoding="utf-8")
    write_answers(tmp_path / "answers.jsonl", answers(questions=80))
    return tmp_path


def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``univar …`` in this process."""
    monkeypatch.setattr(sys, "argv", ["univar", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as exit:
        main()
    output = capsys.readouterr()
    return int(exit.value.code or 0), output.out, output.err


def test_an_encoder_is_trained_and_makes_a_bank(workplace: Path) -> None:
    run = CliRunner()
    common = [str(workplace / "tiny.toml"), "--answers", str(workplace / "answers.jsonl"), "--device", "cpu"]
    encoder, bank = workplace / "encoder", workplace / "bank"

    trained = run.invoke(app, ["train", *common, "--backbone", str(workplace / "backbone"), "--output", str(encoder)])
    assert trained.exit_code == 0, trained.output
    for line in (r"made-up +tiny +\d\.\d{3} \(", r"made-up +backbone +\d\.\d{3} \("):
        assert re.search(line, trained.stdout)
    log = [json.loads(line) for line in (encoder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in log] == [1, 2, 3]
    record = json.loads((encoder / "training.json").read_text(encoding="utf-8"))
    assert Recipe.model_validate(record["recipe"]) == Recipe.model_validate(settings(steps=3))
    assert {name: [score["corpus"] for score in scores] for name, scores in record["scores"].items()} == {
        "tiny": ["made-up"],
        "backbone": ["made-up"],
    }
    assert load_encoder(encoder).fingerprint != load_encoder(workplace / "backbone").fingerprint

    built = run.invoke(app, ["bank", "build", *common, "--encoder", str(encoder), "--output", str(bank)])
    assert built.exit_code == 0, built.output
    loaded = load_bank(bank)
    loaded.check_encoder(load_encoder(encoder).fingerprint, "encoder")
    assert (loaded.name, loaded.lambda_, len(loaded)) == ("tiny-eng", 3, 120)  # 60 of 80 questions, two LLMs
    assert set(loaded.schemes) == {"llm", "family"}
    assert loaded.sources == ({"name": "made-up", "licence": "none", "credit": "the tests"},)


@pytest.mark.slow
def test_the_installed_command(tmp_path: Path) -> None:
    version = subprocess.run([UNIVAR, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() == __version__

    command = [UNIVAR, "bank", "build", "no-such-recipe", "--answers", "none.jsonl", "--output", str(tmp_path / "bank")]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert "UsageError: found no recipe 'no-such-recipe'" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (tmp_path / "bank").exists()


def test_bad_answers_are_one_message_and_no_output(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_answers(workplace / "one.jsonl", answers(["gpt-a"]))
    command = ["train", workplace / "tiny.toml", "--answers", file, "--backbone", workplace / "backbone"]
    code, out, err = typed(monkeypatch, capsys, *command, "--output", workplace / "encoder")
    assert (code, out) == (2, "")
    assert re.match(r"AnswersError: .*has 1 value IDs", err)
    assert not (workplace / "encoder").exists()


def test_a_backbone_that_cannot_be_loaded(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "backbone" / "modules.json").unlink()
    command = ["train", workplace / "tiny.toml", "--answers", workplace / "answers.jsonl"]
    command += ["--backbone", workplace / "backbone", "--output", workplace / "encoder"]
    code, _, err = typed(monkeypatch, capsys, *command)
    assert code == 2
    assert re.match(r"EncoderError: .*modules.json is missing", err)


def test_an_llm_without_a_region(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_answers(workplace / "three.jsonl", answers(["gpt-a", "llama-b", "qwen-c"]))
    command = ["bank", "build", workplace / "tiny.toml", "--answers", file, "--encoder", workplace / "backbone"]
    code, _, err = typed(monkeypatch, capsys, *command, "--output", workplace / "bank", "--device", "cpu")
    assert code == 2
    assert "BankError: found no region for qwen-c" in err
    assert not (workplace / "bank").exists()


def test_an_unknown_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = typed(monkeypatch, capsys, "train", "--no-such-option")
    assert code == 2
    assert "--no-such-option" in err


def test_the_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.strip()) == (0, __version__)


def test_the_bundled_banks_are_listed() -> None:
    result = CliRunner().invoke(app, ["bank", "list"])
    assert result.exit_code == 0
    assert [line.split("'")[1] for line in result.stdout.splitlines()] == list(available_banks())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_commands_help_has_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0
    assert re.search(rf"^ *univar {' '.join(command)}\b", result.stdout.replace("│", " "), re.MULTILINE)


def test_the_commands_with_an_example_are_all_there_are() -> None:
    from typer.main import get_command

    def leaves(command: object, path: list[str]) -> list[list[str]]:
        inner = getattr(command, "commands", None)
        return [path] if inner is None else [leaf for name, c in inner.items() for leaf in leaves(c, [*path, name])]

    assert leaves(get_command(app), []) == COMMANDS


def test_thresholds_are_proposed_for_a_wanted_share_of_false_alarms() -> None:
    found = {}
    for share in ("0.05", "0.01"):
        result = CliRunner().invoke(app, ["bank", "calibrate", "univar-mini-eng", "--false-alarms", share])
        assert result.exit_code == 0
        rows = [line.split() for line in result.stdout.splitlines() if re.match(r" *\d+ +0\.", line)]
        assert [row[0] for row in rows] == ["8", "15", "30"]
        found[share] = [float(row[1]) for row in rows]
        assert all(90 <= int(row[2].rstrip("%")) <= 100 for row in rows)
    assert all(strict > usual for strict, usual in zip(found["0.01"], found["0.05"], strict=True))
    calibration = Calibration.of(load_bank("univar-mini-eng"))
    assert calibration is not None
    assert found["0.05"] == pytest.approx([calibration.threshold(n, 0.05) for n in (8, 15, 30)], abs=6e-4)


def test_a_bank_that_cannot_be_calibrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = load_bank("univar-mini-eng")
    rows = np.arange(len(bank), dtype=np.int32)
    apart = replace(bank, name="apart", calibration={}, question_ids=tuple(map(str, rows)), question_index=rows)
    save_bank(apart, tmp_path / "apart")
    code, _, err = typed(monkeypatch, capsys, "bank", "calibrate", tmp_path / "apart")
    assert code == 2
    assert "the bank 'apart' has no two value IDs that answered enough of the same questions" in " ".join(err.split())
