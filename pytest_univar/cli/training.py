"""``univar train``: an encoder by the multi-view recipe."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from pytest_univar.cli.common import Answers, AsJson, Device, RecipeName, console, notes, print_json

if TYPE_CHECKING:
    from pytest_univar.evaluation.value_identification import Identification
    from pytest_univar.training.log import Step


def train(
    recipe: RecipeName,
    answers: Answers,
    backbone: Annotated[str, typer.Option(help="The encoder to start from: a folder or a hub id.")],
    output: Annotated[Path, typer.Option(help="The folder the encoder is written to.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the output folder, to the same weights.")
    ] = False,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Train an encoder by the multi-view recipe, and score it beside its backbone on questions it never saw.

    A recipe with autocast = "bfloat16" is scored in it, too; univar evaluate scores in any type.

    univar train mini --answers answers.jsonl.xz --backbone all-MiniLM-L6-v2/ --output runs/univar-mini

    Shipped recipes: mini (the bundled encoder's), paper and released (UniVaR's, as published).
    """
    from pytest_univar.encoding import load_encoder
    from pytest_univar.evaluation.value_identification import identify
    from pytest_univar.training import checkpoints
    from pytest_univar.training.recipe import load_recipe
    from pytest_univar.training.saving import save, save_record
    from pytest_univar.training.trainer import train

    settings = load_recipe(recipe)
    corpora = settings.read_corpora(answers)
    with TrainingBar() as bar:
        encoder = train(
            settings,
            corpora,
            backbone,
            output=output,
            resume=resume,
            device=device,
            on_start=bar.start,
            on_step=bar.show,
        )
    save(encoder, output, dtype="float16")
    record: dict[str, object] = {"recipe": settings.model_dump(mode="json", by_alias=True)}
    save_record(output, record)
    dtype = "bfloat16" if settings.training.autocast == "bfloat16" else None
    encoders = {
        settings.name: load_encoder(output, device=device, dtype=dtype),
        "backbone": load_encoder(backbone, device=device, dtype=dtype),
    }
    scores = {
        name: [replace(identify(each, corpus), encoder=name) for corpus in corpora]  # no path of this machine
        for name, each in encoders.items()
    }
    record["scores"] = {name: [asdict(score) for score in each] for name, each in scores.items()}
    record["scores_dtype"] = encoders["backbone"].dtype
    save_record(output, record)
    checkpoints.remove(output)
    if as_json:
        print_json(json.loads(json.dumps(record)))  # keys are texts, as in the file
    else:
        console.print(scores_table(scores))


class TrainingBar:
    """Loss, pairs per second and time left, on stderr where that is a terminal; from the first step on."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}, {task.fields[speed]} pairs/s, left"),
            TimeRemainingColumn(),
            console=notes,
            disable=not notes.is_terminal,
        )
        self._pairs = 0

    def __enter__(self) -> TrainingBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def start(self, done: int, steps: int) -> None:
        self._task = self._bar.add_task("training", total=steps, completed=done, loss="–", speed="–")
        self._began = perf_counter()
        self._bar.start()

    def show(self, step: Step) -> None:
        self._pairs += step.pairs
        speed = self._pairs / (perf_counter() - self._began)
        self._bar.update(self._task, completed=step.step, loss=f"{step.loss:.3f}", speed=f"{speed:.1f}")


def scores_table(scores: dict[str, list[Identification]]) -> Table:
    """One line for each corpus and encoder. A k above the answers there are to compare with has no score."""
    ks = sorted({k for each in scores.values() for score in each for k in score.knn})
    table = Table("corpus", "encoder", *(f"k-NN {k}" for k in ks), "profiles", "chance", box=None)
    for name, each in scores.items():
        for score in each:
            cells = [
                f"{score.knn[k]:.3f} ({score.knn_interval[k][0]:.3f}–{score.knn_interval[k][1]:.3f})"
                if k in score.knn
                else "–"
                for k in ks
            ]
            table.add_row(score.corpus, name, *cells, f"{score.profiles:.3f}", f"{score.chance:.3f}")
    return table
