"""``univar doctor``: whether an audit would find what it needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from pytest_univar.cli.common import AsJson, config_of, console, inert, own_words, print_json, with_settings

if TYPE_CHECKING:
    from pytest_univar.doctor import Check

STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


@with_settings(
    "api_base", "languages", "encoder", "bank", "device", "dtype", "translator", "translation", "translator_api_base",
    "record", "cassette_dir", "timeout", "temperature", "top_p", "max_tokens", "seed", "system_prompt", "extra",
    "max_cost", "allow_unknown_price",
)  # fmt: skip
def doctor(
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="Ask this model one question; may be repeated."),
    ] = None,
    as_json: AsJson = False,
    **settings: str | bool | None,
) -> None:
    """Try out what an audit needs, part by part, with a remedy for what fails. Exit code 1 where something does.

    univar doctor --languages eng,spa --translator apertium --model openai/gpt-4o-mini

    Nothing calls out but what is named:

    --api-base: the endpoint is asked for its models, without a key.

    --model: the model is asked one question, which may cost something; the answer is not recorded.

    --encoder, --translator: what is not on this machine is fetched.
    """
    from pytest_univar.doctor import examine
    from pytest_univar.plugin import CASSETTES

    config = config_of(settings)._replace(model=tuple(model or ()))
    checks = []
    for check in examine(config, Path.cwd(), Path(CASSETTES)):
        checks.append(check)
        if not as_json:
            show_checks([check])
    finish(checks, as_json)


def finish(checks: Iterable[Check], as_json: bool) -> None:
    """The checks as JSON where that was asked for, and exit code 1 where one failed."""
    checks = list(checks)
    failed = any(check.status == "failed" for check in checks)
    if as_json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    if failed:
        raise typer.Exit(1)


def show_checks(checks: Iterable[Check]) -> None:
    """A line for each check, and its remedy below it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=7)
    table.add_column(width=16, overflow="fold")
    table.add_column(overflow="fold")
    for check in checks:
        found = Text(inert(own_words(check.found)))
        if check.remedy:
            found.append(f"\nTo mend it, {inert(check.remedy)}.", "dim")
        table.add_row(Text(check.status, STYLES[check.status]), Text(inert(check.name)), found)
    console.print(table)
