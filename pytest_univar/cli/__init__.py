"""The ``univar`` command: encoders, banks, questions, recorded answers, declared expectations. Auditing is pytest's."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from pytest_univar import __version__
from pytest_univar.cli import bank, cassette, declared, questions, training
from pytest_univar.cli.common import console
from pytest_univar.cli.map import map_bank
from pytest_univar.errors import UnivarError

app = typer.Typer(name="univar", no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
for command in (training.train, questions.export, declared.init, declared.schema, declared.suggest):
    app.command()(command)
app.command("map")(map_bank)
app.add_typer(bank.app, name="bank")
app.add_typer(cassette.app, name="cassette")
app.add_typer(questions.app, name="questions")


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
