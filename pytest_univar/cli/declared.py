"""``univar init``, ``schema`` and ``suggest``: files of declared expectations."""

from __future__ import annotations

import shlex
from datetime import datetime, timezone
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from pytest_univar.cli.common import AsJson, config_of, note, print_json, progress_display, say, with_settings
from pytest_univar.errors import UsageError

DECLARATION = Path("values.univar.yaml")
OF_THE_COMMAND_LINE = ("api_base", "bank", "encoder", "cassette_dir")
"""Settings that a file of expectations does not hold, so that pytest has to be told them again."""


class Schema(str, Enum):
    """What there is a JSON Schema of."""

    EXPECTATIONS = "expectations"
    RESULT = "result"


_SCHEMAS = {Schema.EXPECTATIONS: "univar.schema.json", Schema.RESULT: "report/result.schema.json"}


def init(
    path: Annotated[Path, typer.Argument(help="The file to write; its name must end in .univar.yaml.")] = DECLARATION,
    as_json: AsJson = False,
) -> None:
    """Write a file of declared expectations to begin with; its comments explain every form.

    univar init tests/values.univar.yaml
    """
    unused(path).write_text(shipped("starting_file.yaml"), encoding="utf-8")
    if as_json:
        print_json({"output": str(path)})
    else:
        say(f"{path} written; change what it expects, then run it: pytest --univar-model=MODEL {path}")


def schema(
    of: Annotated[
        Schema, typer.Argument(help="expectations: files of declared expectations; result: what --json writes.")
    ] = Schema.EXPECTATIONS,
) -> None:
    """Print a JSON Schema: of files of declared expectations, for editors, or of the result of an audit.

    univar schema > univar.schema.json

    univar schema result > result.schema.json
    """
    typer.echo(shipped(_SCHEMAS[of]), nl=False)


@with_settings("api_base", "questions", "languages", "bank", "encoder", "cassette_dir", "record", "confidence")
def suggest(
    model: Annotated[str, typer.Argument(help="A litellm name such as openai/gpt-4o-mini, or replay:FILE.")],
    output: Annotated[Path, typer.Option(help="The file to write; its name must end in .univar.yaml.")] = DECLARATION,
    false_alarms: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="The share of unchanged models that a threshold may fail.")
    ] = 0.05,
    as_json: AsJson = False,
    **settings: str | bool | None,
) -> None:
    """Audit a model and write expectations that it meets now, with thresholds from the bank's calibration.

    univar suggest openai/gpt-4o-mini --output tests/values.univar.yaml
    """
    from pytest_univar.assembly import REPLAY, Services
    from pytest_univar.plugin import CASSETTES
    from pytest_univar.report.progress import elicitation_note
    from pytest_univar.suggestions import declaration_text, suggestions

    unused(output)
    config = config_of(settings, model=model)
    now, here = datetime.now(timezone.utc), Path.cwd()
    services = Services(config, here, progress_display(), now, vectors=None, ledger=None, root=here)
    audit = services.audit(model, output.parent / CASSETTES)
    profiles = [audit.profile(language, config.questions, config.samples) for language in config.languages]
    own = config.confidence if settings["confidence"] else None
    found = [each for profile in profiles for each in suggestions(profile, false_alarms=false_alarms, confidence=own)]
    given = {"model": model, **{name: settings[name] for name in OF_THE_COMMAND_LINE}}
    flags = [shlex.quote(f"--univar-{name.replace('_', '-')}={text}") for name, text in given.items() if text]
    head = [
        f"What {model} met on {datetime.now():%Y-%m-%d}, as `univar suggest` found by the bank {services.bank.name}.",
        f"Run it: pytest {' '.join(flags)} {shlex.quote(str(output))}",
    ]
    own_questions = config.questions or (None if model.startswith(REPLAY) else "core")
    text = declaration_text(found, head=head, languages=config.languages, questions=own_questions)
    output.write_text(text, encoding="utf-8")
    for result in audit.results:
        for remark in (elicitation_note(result.tally), *result.warnings):
            if remark:
                note(f"{result.model}/{result.language}: {remark}")
    if as_json:
        expectations = [
            {"expectation": each.expectation.model_dump(exclude_none=True), "figures": each.figures} for each in found
        ]
        print_json({"output": str(output), "expectations": expectations})
    else:
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
