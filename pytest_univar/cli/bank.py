"""``univar bank``: reference banks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from pytest_univar.cli.common import Answers, Device, RecipeName, console, say
from pytest_univar.errors import BankError

app = typer.Typer(no_args_is_help=True, help="Build reference banks and look into them.")


@app.command("build")
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
        task = bar.add_task("encoding", total=sum(len(corpus.answers) for corpus in corpora))
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


@app.command("calibrate")
def bank_calibrate(
    bank: Annotated[str, typer.Argument(help="A bundled bank or a folder.")],
    false_alarms: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="The share of unchanged models that a threshold may fail.")
    ] = 0.05,
) -> None:
    """Propose thresholds for distances by the number of questions, and say what each would notice.

    univar bank calibrate univar-mini-eng --false-alarms 0.01
    """
    from pytest_univar.banks import load_bank
    from pytest_univar.calibration import Calibration, calibrate

    loaded = load_bank(bank)
    calibration = Calibration.of(loaded) or Calibration.of(replace(loaded, calibration=calibrate(loaded)))
    if calibration is None:
        raise BankError(
            f"the bank {loaded.name!r} has no two value IDs that answered enough of the same questions to be compared"
        )
    table = Table("questions", "distance below", "another LLM is farther", "drift below", box=None)
    for size in calibration.sizes:
        threshold = calibration.threshold(size, false_alarms)
        power = f"{calibration.power(size, threshold):.0%}"
        table.add_row(str(size), f"{threshold:.3f}", power, f"{calibration.margin(size):.3f}")
    console.print(table)
    say(
        f"distance below: {false_alarms:.1%} of the distances of an LLM to its own value ID in the bank are larger; "
        "another LLM is farther: how often the distance to another LLM's value ID is; drift below: 5% of the exchanges "
        "of one LLM for another drift less."
    )
    if not loaded.calibration:
        say("The bank holds no calibration; this one is of its own questions, which its encoder may have learnt from.")


@app.command("list")
def bank_list() -> None:
    """List the bundled banks.

    univar bank list
    """
    from pytest_univar.banks import available_banks, load_bank

    for name in available_banks():
        console.print(repr(load_bank(name)), markup=False, highlight=False)
