"""The multi-view recipe (paper, section 2.4): two views of one value ID attract, views of different ones repel."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from pytest_univar.corpora import Corpus
from pytest_univar.encoding import Encoder, read_checkpoint
from pytest_univar.errors import UnivarError, UsageError
from pytest_univar.training import checkpoints
from pytest_univar.training.anchors import Anchors, scrambler_of
from pytest_univar.training.batches import Batches
from pytest_univar.training.checkpoints import Origin, State
from pytest_univar.training.learner import Learner, with_settings
from pytest_univar.training.log import LOG, Step, begin_log, log
from pytest_univar.training.recipe import Recipe
from pytest_univar.training.schedule import share_of_rate


def train(
    recipe: Recipe,
    corpora: Sequence[Corpus],
    backbone: str,
    *,
    output: Path | None = None,
    resume: bool = False,
    device: str | None = None,
    on_start: Callable[[int, int], None] = lambda done, steps: None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Encoder:
    """Train ``backbone`` (a folder or hub id) by ``recipe`` and return the encoder, in float32.

    output: the run's folder, for its log and its checkpoints; None keeps neither. resume: go on from the last
    checkpoint there. on_start is told how many steps are done, and of how many. The seed fixes the batches; on a CPU
    the weights are the same on the same machine and libraries, also those of a run that was resumed; on other devices
    up to rounding.

    Before the first step, UsageError where the recipe does not fit the backbone, the answers or the run to resume,
    AnswersError where there are too few answers for its views, EncoderError where the backbone cannot be loaded. Later,
    UnivarError where the loss or its gradient is not a number; it names the last checkpoint, which stays.
    """
    settings = recipe.training
    files = read_checkpoint(backbone)
    checkpoint = with_settings(files, settings)
    batches = Batches(recipe, corpora)
    if settings.warmup_steps > batches.steps:
        raise UsageError(
            f"recipe: training.warmup_steps: found {settings.warmup_steps}, expected at most the {batches.steps} steps "
            "of the run. Lower it, or train longer"
        )
    origin = Origin(recipe.model_dump(mode="json", by_alias=True), batches.answers, files.fingerprint)
    state = _state(output, origin, resume=resume)
    torch.manual_seed(recipe.seed)  # a pooler, which nobody uses, may be missing in the backbone
    learner = Learner(checkpoint, settings, device)
    anchors = None
    if settings.anchor_weight:
        anchors = Anchors(recipe, batches.qas, scrambler_of(learner.encoder))
    if state:
        learner.restore(state)
    done, began = (state.step, time.perf_counter() - state.seconds) if state else (0, time.perf_counter())
    if output:
        begin_log(output / LOG, after=done)
    on_start(done, batches.steps)
    for number in range(done + 1, batches.steps + 1):
        batch = batches.draw(number)
        found = learner.gradients(batch.pairs, anchors.draw(number) if anchors else ())
        if not (math.isfinite(found.loss) and math.isfinite(found.norm)):
            raise UnivarError(_diverged(number, found.loss, output))
        before = number - 1
        if output and before > done and settings.checkpoint_every and before % settings.checkpoint_every == 0:
            # Not until this loss has shown that the weights are good.
            seconds = time.perf_counter() - began
            folder = checkpoints.folder_of(output, before)
            checkpoints.write(learner.encoder, State(folder, before, seconds, learner.tensors()), origin)
        rate = settings.learning_rate * share_of_rate(
            settings.schedule, number, steps=batches.steps, warmup=settings.warmup_steps
        )
        temperature = learner.temperature().item()
        learner.update(rate)
        seconds = time.perf_counter() - began
        step = Step(
            number, batch.corpus, len(batch.pairs), found.loss, found.anchor, temperature, rate, found.norm, seconds
        )
        if output:
            log(output / LOG, step)
        on_step(step)
    return learner.finished()


def _state(output: Path | None, origin: Origin, *, resume: bool) -> State | None:
    """What to go on from. UsageError where that is not as it was asked."""
    if resume:
        if output is None:
            raise UsageError("found no folder to resume from, expected that of the run")
        return checkpoints.read(output, origin)
    if output and (found := checkpoints.latest(output)):
        raise UsageError(
            f"{output}: found the checkpoint {found.name} of a run that did not finish. Go on with it (--resume), "
            f"remove {found.parent}, or name another folder"
        )
    return None


def _diverged(number: int, loss: float, output: Path | None) -> str:
    what = "the loss is" if not math.isfinite(loss) else "the gradient of the loss is not finite, the loss"
    remedy = "Lower learning_rate or raise temperature in the recipe"
    message = f"step {number}: {what} {loss}, expected a finite number. {remedy}"
    if output is None:
        return message
    if kept := checkpoints.latest(output):
        return f"{message}. The last good checkpoint is kept: {kept}. It can be the --backbone of another run"
    return f"{message}. There was no checkpoint yet"
