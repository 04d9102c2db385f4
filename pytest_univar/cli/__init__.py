"""Audit the human values that language models express, without pytest; look after what audits need.

Exit codes, where a command says nothing else:

0: done; of an audit: every expectation is met.

1: a check found a fault; of an audit: an expectation is violated, or drift fails it.

2: something cannot be used as given, read, asked or written.

3: an audit is inconclusive, or too few questions were answered.

Results go to stdout; remarks, progress and errors to stderr.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pytest_univar import __version__
from pytest_univar.cli import bank, cassette, declared, questions, training
from pytest_univar.cli.audit import audit
from pytest_univar.cli.common import console, note, own_words
from pytest_univar.cli.doctor import doctor
from pytest_univar.cli.encode import encode
from pytest_univar.cli.evaluate import evaluate
from pytest_univar.cli.map import map_bank
from pytest_univar.cli.report import report
from pytest_univar.errors import UnivarError

app = typer.Typer(name="univar", no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
for command in (audit, report, doctor, encode, training.train, evaluate, questions.export):
    app.command()(command)
for command in (declared.init, declared.schema, declared.suggest):
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
        note(f"{type(error).__name__}: {own_words(str(error))}", "red")
        sys.exit(2)


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if show:
        console.print(__version__)
        raise typer.Exit
