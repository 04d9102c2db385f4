"""``univar init``, ``schema`` and ``suggest``: files of declared expectations."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from pytest_univar.cli.common import console, say
from pytest_univar.errors import UsageError

DECLARATION = Path("values.univar.yaml")


def init(
    path: Annotated[Path, typer.Argument(help="The file to write; its name must end in .univar.yaml.")] = DECLARATION,
) -> None:
    """Write a file of declared expectations to begin with; its comments explain every form.

    univar init tests/values.univar.yaml
    """
    unused(path).write_text(shipped("starting_file.yaml"), encoding="utf-8")
    say(f"{path} written; change what it expects, then run it: pytest --univar-model=MODEL {path}")


def schema() -> None:
    """Print the JSON Schema of files of declared expectations, for editors.

    univar schema > univar.schema.json
    """
    typer.echo(shipped("univar.schema.json"), nl=False)


def suggest(
    model: Annotated[str, typer.Argument(help="As for --univar-model: a litellm name, or replay:FILE.")],
    api_base: Annotated[str | None, typer.Option(help="The endpoint of an OpenAI-compatible server.")] = None,
    questions: Annotated[str | None, typer.Option(help="A question set's name or file; default: core.")] = None,
    languages: Annotated[str | None, typer.Option(help="ISO 639-3 codes; default: eng.")] = None,
    bank: Annotated[str | None, typer.Option(help="The reference bank; default: univar-mini-eng.")] = None,
    encoder: Annotated[str | None, typer.Option(help="The encoder; default: univar-mini.")] = None,
    output: Annotated[Path, typer.Option(help="The file to write; its name must end in .univar.yaml.")] = DECLARATION,
    cassette_dir: Annotated[
        str | None, typer.Option(help="Where answers are recorded; default: cassettes beside the output.")
    ] = None,
    record: Annotated[str | None, typer.Option(help="new, none or all, as for --univar-record.")] = None,
    confidence: Annotated[str | None, typer.Option(help="Of every interval; default: 0.95.")] = None,
    false_alarms: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="The share of unchanged models that a threshold may fail.")
    ] = 0.05,
) -> None:
    """Audit a model and write expectations that it meets now, with thresholds from the bank's calibration.

    univar suggest openai/gpt-4o-mini --output tests/values.univar.yaml
    """
    from pytest_univar.assembly import REPLAY, Services
    from pytest_univar.options import default_config
    from pytest_univar.plugin import CASSETTES
    from pytest_univar.report.progress import BarDisplay, SilentDisplay, elicitation_note
    from pytest_univar.suggestions import declaration_text, suggestions

    unused(output)
    asked = {"api_base": api_base, "bank": bank, "encoder": encoder, "cassette_dir": cassette_dir}
    config = default_config(
        model=model, questions=questions, languages=languages, record=record, confidence=confidence, **asked
    )
    display = BarDisplay(lambda: console, nullcontext) if console.is_terminal else SilentDisplay()
    services = Services(
        config, Path.cwd(), display, datetime.now(timezone.utc), vectors=None, ledger=None, root=Path.cwd()
    )
    audit = services.audit(model, output.parent / CASSETTES)
    profiles = [audit.profile(language, config.questions, config.samples) for language in config.languages]
    own = config.confidence if confidence else None
    found = [each for profile in profiles for each in suggestions(profile, false_alarms=false_alarms, confidence=own)]
    given = {"model": model, **asked}
    flags = [shlex.quote(f"--univar-{name.replace('_', '-')}={text}") for name, text in given.items() if text]
    head = [
        f"What {model} met on {datetime.now():%Y-%m-%d}, as `univar suggest` found by the bank {services.bank.name}.",
        f"Run it: pytest {' '.join(flags)} {shlex.quote(str(output))}",
    ]
    own_questions = questions or (None if model.startswith(REPLAY) else "core")
    text = declaration_text(found, head=head, languages=config.languages, questions=own_questions)
    output.write_text(text, encoding="utf-8")
    for result in audit.results:
        for note in (elicitation_note(result.tally), *result.warnings):
            if note:
                say(f"{result.model}/{result.language}: {note}")
    say(f"{len(found)} expectations written to {output}")


def unused(path: Path) -> Path:
    """A path that a file of expectations can be written to; UsageError where there is one, or pytest would miss it."""
    from pytest_univar.plugin import DECLARED

    if not path.name.endswith(DECLARED):
        raise UsageError(
            f"found the name {path.name!r}, expected one that ends in {DECLARED}: pytest collects no other"
        )
    if path.exists():
        raise UsageError(f"{path}: found a file, expected none: it would be overwritten. Give another, or remove it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def shipped(name: str) -> str:
    return files("pytest_univar").joinpath(name).read_text("utf-8")
