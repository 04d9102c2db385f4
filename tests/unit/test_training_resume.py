"""training/checkpoints.py: a run that was killed goes on to the weights of one that was not."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pytest_univar.encoding import load_encoder
from pytest_univar.errors import DataError, UnivarError, UsageError
from pytest_univar.training.checkpoints import latest
from pytest_univar.training.log import Step
from pytest_univar.training.trainer import train
from tests.checkpoints import bert_checkpoint, nomic_checkpoint
from tests.synthetic import answers, corpus, recipe, settings, toml, write_answers

SETTINGS: dict[str, Any] = {"steps": 12, "checkpoint_every": 4, "learn_temperature": True, "chunk": 9}
UNIVAR = str(Path(sys.executable).with_name("univar"))


class Killed(Exception):
    pass


def until(last: int) -> Callable[[Step], None]:
    """Break the run off when a step is done."""

    def on_step(step: Step) -> None:
        if step.step == last:
            raise Killed

    return on_step


def broken_off(backbone: str, output: Path, *, after: int, **changes: Any) -> None:
    with pytest.raises(Killed):
        train(recipe(**SETTINGS, **changes), [corpus()], backbone, output=output, device="cpu", on_step=until(after))


def log_of(output: Path) -> list[dict[str, Any]]:
    """Without the times."""
    lines = [json.loads(line) for line in (output / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.mark.parametrize("make", [bert_checkpoint, nomic_checkpoint])
@pytest.mark.parametrize(
    "changes",
    [
        {"anchor_weight": 1, "anchors": 3},
        {"schedule": "inverse-sqrt", "freeze_layers": 1, "question_pool": 0, "plain": True},
    ],
)
def test_a_resumed_run_gives_the_same_weights_to_the_bit(
    make: Callable[[Path], Path], changes: dict[str, Any], tmp_path: Path
) -> None:
    backbone = str(make(tmp_path / "backbone"))
    wanted = recipe(**SETTINGS, **changes)
    unbroken = train(wanted, [corpus()], backbone, output=tmp_path / "unbroken", device="cpu")
    broken_off(backbone, tmp_path / "run", after=7, **changes)
    with pytest.raises(Killed):  # and a second time
        train(wanted, [corpus()], backbone, output=tmp_path / "run", resume=True, device="cpu", on_step=until(10))
    began: list[tuple[int, int]] = []
    resumed = train(
        wanted,
        [corpus()],
        backbone,
        output=tmp_path / "run",
        resume=True,
        device="cpu",
        on_start=lambda done, steps: began.append((done, steps)),
    )
    assert began == [(8, 12)]
    expected = unbroken.model.state_dict()
    assert {key for key, value in resumed.model.state_dict().items() if not torch.equal(expected[key], value)} == set()
    assert log_of(tmp_path / "run") == log_of(tmp_path / "unbroken")  # each step once, temperature and all
    assert resumed.checkpoint == unbroken.checkpoint


def test_a_checkpoint_is_an_encoder_and_the_only_one_kept(backbone: str, tmp_path: Path) -> None:
    broken_off(backbone, tmp_path, after=11)
    assert [folder.name for folder in (tmp_path / "checkpoints").iterdir()] == ["step-000008"]
    checkpoint = tmp_path / "checkpoints" / "step-000008"
    assert load_encoder(checkpoint, device="cpu").fingerprint != load_encoder(backbone, device="cpu").fingerprint
    assert all(file.suffix in (".json", ".safetensors") for file in checkpoint.rglob("*") if file.is_file())
    state = json.loads((checkpoint / "checkpoint.json").read_text(encoding="utf-8"))
    assert (state["format"], state["step"]) == (1, 8)
    assert state["recipe"]["training"]["steps"] == 12


def test_an_unfinished_checkpoint_is_none(backbone: str, tmp_path: Path) -> None:
    """A kill while one is written leaves the one before it."""
    broken_off(backbone, tmp_path, after=6)
    (tmp_path / "checkpoints" / "unfinished").mkdir()
    assert latest(tmp_path) == tmp_path / "checkpoints" / "step-000004"
    train(recipe(**SETTINGS), [corpus()], backbone, output=tmp_path, resume=True, device="cpu")


def test_none_are_written_where_none_are_wanted(backbone: str, tmp_path: Path) -> None:
    train(recipe(steps=4, checkpoint_every=0), [corpus()], backbone, output=tmp_path, device="cpu")
    assert not (tmp_path / "checkpoints").exists()
    assert len(log_of(tmp_path)) == 4


@pytest.mark.parametrize("lines", [0, 1])
def test_a_log_that_was_cut_off_is_mended(backbone: str, tmp_path: Path, lines: int) -> None:
    broken_off(backbone, tmp_path, after=7)
    with (tmp_path / "log.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"step": 8, "cor')
    if not lines:
        (tmp_path / "log.jsonl").unlink()
    train(recipe(**SETTINGS), [corpus()], backbone, output=tmp_path, resume=True, device="cpu")
    assert [line["step"] for line in log_of(tmp_path)] == list(range(1 if lines else 5, 13))


# -------------------------------------------------------------------------------------------------------- what changed


@pytest.fixture
def broken(backbone: str, tmp_path: Path) -> Path:
    broken_off(backbone, tmp_path, after=6)
    return tmp_path


def test_another_recipe_is_refused(backbone: str, broken: Path) -> None:
    changed = recipe(**SETTINGS | {"learning_rate": 1e-4})
    message = r"step-000004: the recipe has changed: training.learning_rate: found 0.0001, expected 0.005 as before"
    with pytest.raises(UsageError, match=message):
        train(changed, [corpus()], backbone, output=broken, resume=True, device="cpu")


def test_other_answers_are_refused(backbone: str, broken: Path) -> None:
    own = corpus()
    changed = replace(own, answers=(replace(own.training[0], answer="law"), *own.answers[1:]))
    assert own.training[0] == own.answers[0]
    with pytest.raises(UsageError, match=r"step-000004: the answers are others than those that the run began with"):
        train(recipe(**SETTINGS), [changed], backbone, output=broken, resume=True, device="cpu")


def test_another_backbone_is_refused(broken: Path, tmp_path: Path) -> None:
    other = str(bert_checkpoint(tmp_path / "other", seed=1))
    with pytest.raises(UsageError, match=r"step-000004: found a backbone with the fingerprint [0-9a-f]{12}…, expected"):
        train(recipe(**SETTINGS), [corpus()], other, output=broken, resume=True, device="cpu")


def test_a_damaged_checkpoint_is_named(backbone: str, broken: Path) -> None:
    file = broken / "checkpoints" / "step-000004" / "optimizer.safetensors"
    assert load_file(file)["temperature.log_scale"].ndim == 0
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match=r"step-000004: is no whole checkpoint .* start the run without --resume"):
        train(recipe(**SETTINGS), [corpus()], backbone, output=broken, resume=True, device="cpu")


def test_a_run_that_did_not_finish_is_not_begun_anew_unasked(backbone: str, broken: Path) -> None:
    with pytest.raises(UsageError, match=r"found the checkpoint step-000004 of a run that did not finish.*--resume"):
        train(recipe(**SETTINGS), [corpus()], backbone, output=broken, device="cpu")


def test_there_is_nothing_to_resume_from(backbone: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"found no checkpoint to resume from.* Start the run without --resume"):
        train(recipe(**SETTINGS), [corpus()], backbone, output=tmp_path / "run", resume=True, device="cpu")
    assert not (tmp_path / "run").exists()


# -------------------------------------------------------------------------------------------- a loss that is no number


def test_weights_that_give_no_number_are_not_kept(backbone: str, tmp_path: Path) -> None:
    exploding = recipe(steps=12, warmup_steps=0, learning_rate=1e30, checkpoint_every=1)
    with pytest.raises(UnivarError, match=r"the loss is nan.* There was no checkpoint yet"):
        train(exploding, [corpus()], backbone, output=tmp_path, device="cpu")
    assert latest(tmp_path) is None  # the weights after the first step, which a checkpoint would have had
    assert len(log_of(tmp_path)) == 1


def test_the_last_good_checkpoint_is_kept_and_named_and_can_be_trained_on_from(backbone: str, tmp_path: Path) -> None:
    broken_off(backbone, tmp_path, after=6)
    good = tmp_path / "checkpoints" / "step-000004"
    weights = good / "optimizer.safetensors"
    nan = torch.tensor(float("nan"))
    spoilt = {key: value * nan if key.endswith("exp_avg") else value for key, value in load_file(weights).items()}
    save_file(spoilt, weights)  # the moments of the optimizer are no numbers: so is the loss after the next step
    message = rf"step 6: the loss is nan.* The last good checkpoint is kept: {re.escape(str(good))}\. .*--backbone"
    with pytest.raises(UnivarError, match=message):
        train(recipe(**SETTINGS), [corpus()], backbone, output=tmp_path, resume=True, device="cpu")
    assert good.is_dir()
    train(recipe(steps=2), [corpus()], str(good), device="cpu")


# ---------------------------------------------------------------------------------------------------------- a real kill


@pytest.mark.slow
def test_a_killed_command_is_resumed_to_the_same_files(backbone: str, tmp_path: Path) -> None:
    wanted = settings(steps=30, checkpoint_every=5, warmup_steps=2, autocast="bfloat16")
    (tmp_path / "tiny.toml").write_text(toml(wanted), encoding="utf-8")
    write_answers(tmp_path / "answers.jsonl", answers(questions=80))
    command = [UNIVAR, "train", "tiny.toml", "--answers", "answers.jsonl", "--backbone", backbone, "--device", "cpu"]
    on_a_terminal = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "120"}
    whole = [*command, "--output", "unbroken"]
    shown = subprocess.run(whole, cwd=tmp_path, env=on_a_terminal, capture_output=True, text=True, check=True)
    assert re.search(r"30/30.*loss.*pairs/s, left.*0:00:00", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.stderr))
    assert "tiny" in shown.stdout

    running = subprocess.Popen([*command, "--output", "run"], cwd=tmp_path, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while latest(tmp_path / "run") is None and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert not (tmp_path / "run" / "model.safetensors").exists()

    resumed = [*command, "--output", "run", "--resume", "--json"]
    done = subprocess.run(resumed, cwd=tmp_path, capture_output=True, text=True, check=True)
    for name in ("model.safetensors", "training.json", "config.json", "modules.json"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes(), name
    assert done.stderr == ""  # no bar where nobody looks
    record = json.loads(done.stdout)
    assert record == json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"))
    assert record["scores_dtype"] == "bfloat16"
    assert log_of(tmp_path / "run") == log_of(tmp_path / "unbroken")
    assert not (tmp_path / "run" / "checkpoints").exists()  # the run is done
