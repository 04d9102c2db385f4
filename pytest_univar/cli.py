"""The ``univar`` command: making encoders and banks. Auditing is pytest's: see ``plugin.py``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from pytest_univar import __version__
from pytest_univar.errors import UnivarError

if TYPE_CHECKING:
    from pytest_univar.evaluation.value_identification import Identification

app = typer.Typer(name="univar", no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
bank_app = typer.Typer(no_args_is_help=True, help="Build reference banks and look into them.")
app.add_typer(bank_app, name="bank")

console = Console()

Answers = Annotated[Path, typer.Option(help="Answers of many LLMs: JSON lines, plain, .gz or .xz.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 or mps; default: the best there is.")]
RecipeName = Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped recipe: univar-mini.")]


def main() -> None:
    """Run the command. Our own errors are one message and exit code 2; anything else is a traceback."""
    try:
        app()
    except UnivarError as error:
        Console(stderr=True).print(f"{type(error).__name__}: {error}", style="red", markup=False, highlight=False)
        sys.exit(2)


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if show:
        console.print(__version__)
        raise typer.Exit


@app.command()
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
    scores = {name: [identify(each, corpus) for corpus in corpora] for name, each in encoders.items()}
    record["scores"] = {name: [asdict(score) for score in each] for name, each in scores.items()}
    save_record(output, record)
    console.print(scores_table(scores))


@bank_app.command("build")
def bank_build(
    recipe: RecipeName,
    answers: Answers,
    output: Annotated[Path, typer.Option(help="The folder the bank is written to.")],
    encoder: Annotated[str, typer.Option(help="The encoder: a bundled one, a folder or a hub id.")] = "univar-mini",
    device: Device = None,
) -> None:
    """Embed the training questions' answers of every value ID into a reference bank.

    univar bank build univar-mini --answers answers.jsonl.xz --output reference_embeddings/univar-mini-eng
    """
    from pytest_univar.banks import save_bank
    from pytest_univar.building import build_bank
    from pytest_univar.encoding import load_encoder
    from pytest_univar.training.recipe import load_recipe

    settings = load_recipe(recipe)
    corpora = settings.read_corpora(answers)
    with Progress(console=console) as bar:
        task = bar.add_task("encoding", total=sum(len(corpus.training) for corpus in corpora))
        bank = build_bank(
            corpora,
            load_encoder(encoder, device=device, dtype="float32"),
            name=settings.bank,
            lambda_=settings.training.lambda_,
            schemes=settings.region_of(),
            sources=[
                {"name": name, "licence": corpus.licence, "credit": corpus.credit}
                for name, corpus in settings.corpora.items()
            ],
            progress=lambda count: bar.advance(task, count),
        )
    save_bank(bank, output)
    console.print(f"{bank!r} written to {output}", markup=False)


@bank_app.command("list")
def bank_list() -> None:
    """List the bundled banks.

    univar bank list
    """
    from pytest_univar.banks import available_banks, load_bank

    for name in available_banks():
        console.print(repr(load_bank(name)), markup=False, highlight=False)


def scores_table(scores: dict[str, list[Identification]]) -> Table:
    """One line for each corpus and encoder."""
    table = Table("corpus", "encoder", "k-NN 5", "k-NN 50", "profiles", "chance", box=None)
    for name, each in scores.items():
        for score in each:
            cells = [f"{score.knn[k]:.3f} ({low:.3f}–{high:.3f})" for k, (low, high) in score.knn_interval.items()]
            table.add_row(score.corpus, name, *cells, f"{score.profiles:.3f}", f"{score.chance:.3f}")
    return table
