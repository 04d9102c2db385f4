"""``univar train``: an encoder by the multi-view recipe."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from pytest_univar.cli.common import Answers, Device, RecipeName, console

if TYPE_CHECKING:
    from pytest_univar.evaluation.value_identification import Identification


def train(
    recipe: RecipeName,
    answers: Answers,
    backbone: Annotated[str, typer.Option(help="The encoder to start from: a folder or a hub id.")],
    output: Annotated[Path, typer.Option(help="The folder the encoder is written to.")],
    device: Device = None,
) -> None:
    """Train an encoder by the multi-view recipe, and score it beside its backbone on questions it never saw.

    univar train univar-mini --answers answers.jsonl.xz --backbone all-MiniLM-L6-v2/ --output runs/univar-mini
    """
    from pytest_univar.encoding import load_encoder
    from pytest_univar.evaluation.value_identification import identify
    from pytest_univar.training.recipe import load_recipe
    from pytest_univar.training.trainer import Step, save, save_record, train

    settings = load_recipe(recipe)
    corpora = settings.read_corpora(answers)
    output.mkdir(parents=True, exist_ok=True)
    with Progress(console=console) as bar, (output / "log.jsonl").open("w", encoding="utf-8") as log:
        task = bar.add_task("training", total=settings.training.steps)

        def on_step(step: Step) -> None:
            log.write(json.dumps(asdict(step)) + "\n")
            log.flush()
            bar.update(task, completed=step.step, description=f"training, loss {step.loss:.2f}")

        encoder = train(settings, corpora, backbone, device=device, on_step=on_step)
    save(encoder, output, max_seq_length=settings.training.max_seq_length, dtype="float16")
    record = {"recipe": settings.model_dump(mode="json", by_alias=True)}
    save_record(output, record)
    encoders = {settings.name: load_encoder(output, device=device), "backbone": load_encoder(backbone, device=device)}
    scores = {
        name: [replace(identify(each, corpus), encoder=name) for corpus in corpora]  # no path of this machine
        for name, each in encoders.items()
    }
    record["scores"] = {name: [asdict(score) for score in each] for name, each in scores.items()}
    save_record(output, record)
    console.print(scores_table(scores))


def scores_table(scores: dict[str, list[Identification]]) -> Table:
    """One line for each corpus and encoder."""
    table = Table("corpus", "encoder", "k-NN 5", "k-NN 50", "profiles", "chance", box=None)
    for name, each in scores.items():
        for score in each:
            cells = [f"{score.knn[k]:.3f} ({low:.3f}–{high:.3f})" for k, (low, high) in score.knn_interval.items()]
            table.add_row(score.corpus, name, *cells, f"{score.profiles:.3f}", f"{score.chance:.3f}")
    return table
