"""What the commands share: where they print, and options that mean the same in all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console()

Answers = Annotated[Path, typer.Option(help="Answers of many LLMs: JSON lines, plain, .gz or .xz.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 or mps; default: the best there is.")]
RecipeName = Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped recipe: univar-mini.")]


def say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
