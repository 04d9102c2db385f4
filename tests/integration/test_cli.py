"""The ``univar`` command as it is typed: real training, a real bank, and errors that explain themselves."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pytest_univar import __version__
from pytest_univar.banks import available_banks, load_bank, save_bank
from pytest_univar.calibration import Calibration
from pytest_univar.cli import app, common, main
from pytest_univar.encoding import load_encoder
from pytest_univar.options import OPTIONS
from pytest_univar.training.recipe import Recipe
from tests.checkpoints import bert_checkpoint
from tests.conftest import Parts
from tests.synthetic import answers, settings, toml, write_answers

UNIVAR = str(Path(sys.executable).with_name("univar"))
COMMANDS = [
    ["audit"],
    ["report"],
    ["doctor"],
    ["encode"],
    ["train"],
    ["evaluate"],
    ["export"],
    ["init"],
    ["schema"],
    ["suggest"],
    ["map"],
    ["bank", "build"],
    ["bank", "info"],
    ["bank", "verify"],
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
    monkeypatch.setattr(common.console, "width", 200)  # it was made when another test imported it
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
    assert record["scores_dtype"] == "float32"
    assert load_encoder(encoder).fingerprint != load_encoder(workplace / "backbone").fingerprint

    built = run.invoke(app, ["bank", "build", *common, "--encoder", str(encoder), "--output", str(bank), "--json"])
    assert built.exit_code == 0, built.output
    assert (json.loads(built.stdout)["name"], json.loads(built.stdout)["rows"]) == ("tiny-eng", 120)
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


# --- help texts ------------------------------------------------------------------------------------------------------


def leaves(command: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The commands that do something, by their words."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return {path: command}
    return {words: leaf for name, each in inner.items() for words, leaf in leaves(each, (*path, name)).items()}


def help_of(command: list[str]) -> str:
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0
    return result.stdout


def example_of(command: list[str]) -> list[str]:
    """The words of the example in a command's help, without its first one and without where its output goes."""
    found = re.search(rf"^ *univar ({' '.join(command)}\b.*)$", help_of(command).replace("│", " "), re.MULTILINE)
    assert found
    return shlex.split(found[1].partition(" > ")[0])


def test_the_commands_with_an_example_are_all_there_are() -> None:
    assert [*leaves(get_command(app))] == [*map(tuple, COMMANDS)]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_commands_example_can_be_typed(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its options and arguments are those that the command has; files that must be there are."""
    monkeypatch.chdir(tmp_path)
    Path("tests/values/cassettes").mkdir(parents=True)
    Path("tests/values/cassettes/gpt-4o.eng.jsonl").touch()
    Path("reference_embeddings").mkdir()
    words = example_of(command)[len(command) :]
    leaf = leaves(get_command(app))[tuple(command)]
    context = leaf.make_context(" ".join(command), list(words))
    given = {name for name in context.params if context.get_parameter_source(name).name == "COMMANDLINE"}
    assert len(given) >= len({word for word in words if word.startswith("--")})


@pytest.mark.parametrize(
    "command",
    ["export", "init", "schema", "encode", "bank info", "bank verify", "bank calibrate", "bank list", "questions list"],
)
def test_cheap_examples_do_what_they_say(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tests").mkdir()
    Path("reference_embeddings").mkdir()
    Path("answers.jsonl").write_text('{"question": "Is work good?", "answer": "It is."}\n', encoding="utf-8")
    code, out, err = typed(monkeypatch, capsys, *example_of(command.split()))
    assert (code, err) == (0, "")
    assert out


def test_exit_codes_are_in_the_help() -> None:
    whole = " ".join(help_of([]).split())
    for code, meaning in enumerate(("every expectation is met", "violated", "cannot be used", "inconclusive")):
        assert re.search(rf"\b{code}: [^:]*(: [^:]*)?{meaning}", whole)


def test_settings_are_those_of_pytest_without_its_prefix() -> None:
    """Each once, with its own help; ``json`` is ``--json-file``, since ``--json`` prints in every command."""
    text = " ".join(help_of(["audit"]).replace("│", " ").split())
    assert "--univar-json" not in text
    assert "--univar-model" not in text
    for option in OPTIONS:
        name = {"model": "MODEL", "json": "--json-file"}.get(option.name, option.flag.replace("univar-", ""))
        assert name in text
    leaf = leaves(get_command(app))[("audit",)]
    names = {parameter.name for parameter in leaf.params}
    own = {"models", "expectations", "verbose", "as_json", "json_file"}
    assert names == {option.name for option in OPTIONS} - {"model", "json"} | own


def test_asking_for_help_loads_nothing_heavy() -> None:
    code = """
import sys
from pytest_univar.cli import main
sys.argv = ["univar", "--help"]
try:
    main()
finally:
    print("LOADED", *sorted(name for name in sys.modules if "." not in name))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert "typer" in loaded
    heavy = {"torch", "transformers", "tokenizers", "litellm", "openai", "sklearn", "matplotlib", "numpy", "pydantic"}
    assert not loaded & heavy


# --- completion ------------------------------------------------------------------------------------------------------


def completed(*words: str) -> list[str]:
    """What bash is told where the last word is to be completed."""
    environment = {
        **os.environ,
        "_UNIVAR_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["univar", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run([UNIVAR], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["do"], ["doctor"]),
        (["bank", "info", "univar-"], ["univar-mini-eng"]),
        (["audit", "--bank", "univar"], ["univar-mini-eng"]),
        (["audit", "--questions", "co"], ["control", "core"]),
        (["questions", "check", "d"], ["dilemmas"]),
        (["audit", "--record", "n"], ["none", "new"]),
        (["doctor", "--languages", "sp"], ["spa"]),
        (["doctor", "--translator", "o"], ["opus"]),
        (["encode", "--encoder", "univar"], ["univar-mini"]),
    ],
    ids=" ".join,
)
def test_names_are_completed(words: list[str], expected: list[str]) -> None:
    assert completed(*words) == expected


def test_completion_can_be_switched_on() -> None:
    whole = help_of([])
    assert "--install-completion" in whole
    assert "--show-completion" in whole
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    command = [UNIVAR, "--show-completion", "bash"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "complete -o default -F _univar_completion univar" in done.stdout


# --- banks -----------------------------------------------------------------------------------------------------------


def document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What ``--json`` prints, which is all there is on stdout."""
    code, out, err = typed(monkeypatch, capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_banks_are_listed_with_what_cannot_be_used(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(parts.bank, tmp_path / "ours")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "bank.json").write_text("{}", encoding="utf-8")
    code, out, err = typed(monkeypatch, capsys, "bank", "list", tmp_path)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == [*available_banks(), str(tmp_path / "ours")]
    assert f"{tmp_path / 'theirs'} cannot be used: " in err
    listed = document(monkeypatch, capsys, "bank", "list", tmp_path)
    assert [each["bank"] for each in listed] == [*available_banks(), str(tmp_path / "ours"), str(tmp_path / "theirs")]
    assert (listed[-2]["rows"], listed[-2]["value_ids"], listed[-2]["schemes"]) == (90, 3, ["llm", "family"])
    assert "expected 1" in listed[-1]["error"]
    assert document(monkeypatch, capsys, "bank", "list", parts.bank)[-1]["name"] == "tiny"


def test_everything_of_a_banks_manifest_is_shown(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((parts.bank / "bank.json").read_text(encoding="utf-8"))
    about = document(monkeypatch, capsys, "bank", "info", parts.bank)
    assert about["value_ids"] == [{"value_id": id, "rows": 30, "questions": 30} for id in manifest["value_ids"]]
    assert (about["questions"], about["rows"], about["dimensions"], about["dtype"]) == (30, 90, 32, "float16")
    for key in manifest.keys() - {"schema", "value_ids", "question_ids"}:
        assert about[key] == manifest[key]
    code, out, err = typed(monkeypatch, capsys, "bank", "info", parts.bank)
    assert (code, err) == (0, "")
    for text in (manifest["tensors_sha256"], manifest["encoder_sha256"], manifest["question_set_hash"]):
        assert text in out
    assert re.search(r"^made up +none +these tests", out, re.MULTILINE)
    assert re.search(r"^family +gpt +2 +gpt-a/eng, gpt-b/eng", out, re.MULTILINE)
    assert re.search(r"^llama-a/eng +30 +30", out, re.MULTILINE)
    assert re.search(r"^calibration +on the bank's own questions, for 8, 15 questions", out, re.MULTILINE)


def test_a_bank_of_strangers_cannot_steer_the_terminal(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = {"name": "\x1b[31mred[/]", "licence": "\u202enone"}
    save_bank(replace(load_bank(parts.bank), sources=(source,)), tmp_path / "theirs")
    for command in ("info", "verify"):
        out = typed(monkeypatch, capsys, "bank", command, tmp_path / "theirs")[1]
        assert "[31mred[/]" in out
        assert "\x1b" not in out
        assert "\u202e" not in out


# --- thresholds ------------------------------------------------------------------------------------------------------


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
    printed = CliRunner().invoke(app, ["bank", "calibrate", "univar-mini-eng", "--json"])
    rows = json.loads(printed.stdout)["sizes"]
    assert [row["distance"] for row in rows] == [calibration.threshold(n, 0.05) for n in (8, 15, 30)]
    assert [row["drift"] for row in rows] == [calibration.margin(n) for n in (8, 15, 30)]


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
