"""What the commands share: where they print, options that mean the same in all of them, and completion."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pytest_univar.options import OPTIONS, AuditConfig, Option, default_config

if TYPE_CHECKING:
    from pytest_univar.audit import ProgressDisplay

console = Console()
notes = Console(stderr=True)
"""For progress and remarks, so that a result on stdout is nothing else."""

Answers = Annotated[
    Path,
    typer.Option(
        help="Answers of many LLMs: JSON lines, plain, .gz or .xz; or a folder with CORPUS/qa_translated/MODEL.csv."
    ),
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 or mps; default: the best there is.")]
RecipeName = Annotated[
    str, typer.Argument(help="A TOML file, or the name of a shipped recipe: mini, paper or released.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="All problems, nearest value IDs and evidence, not the first few alone.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document, and nothing else.")]


def inert(text: str) -> str:
    """Text that may be anybody's, without what would steer the terminal or turn the direction of reading."""
    return "".join(each if each.isprintable() or each in "\n\u200c\u200d" else " " for each in text)


def say(text: str) -> None:
    console.print(inert(text), markup=False, highlight=False, soft_wrap=True)


def note(text: str, style: str | None = None) -> None:
    """A remark, on stderr."""
    notes.print(inert(text), style=style, markup=False, highlight=False, soft_wrap=True)


def table_of(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table without rules; no cell is more than its text."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(inert(str(value))) for value in row))
    return table


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    print_document(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def print_document(text: str) -> None:
    """Text for other programs: UTF-8, whatever the terminal's encoding."""
    typer.echo(text.rstrip("\n").encode())


def progress_display() -> ProgressDisplay:
    """Bars where somebody looks at a terminal, on stderr; nothing in logs and pipes."""
    from pytest_univar.report.progress import BarDisplay, SilentDisplay

    return BarDisplay(lambda: notes, nullcontext) if notes.is_terminal else SilentDisplay()


# ---------------------------------------------------------------------------------------------------------- completion


def bank_names() -> list[str]:
    from pytest_univar.banks import available_banks

    return list(available_banks())


def question_sets() -> list[str]:
    from pytest_univar.questions import available_sets

    return list(available_sets())


def language_codes() -> list[str]:
    from pytest_univar.languages import LANGUAGES

    return list(LANGUAGES)


def encoder_names() -> list[str]:
    from pytest_univar.encoding import BUNDLED, PUBLISHED

    return [BUNDLED, PUBLISHED]


def starting_with(words: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """How typer asks for completions. Paths are completed by the shell where none of the words fits."""
    return lambda incomplete: [word for word in words() if word.startswith(incomplete)]


BankName = Annotated[str, typer.Argument(help="A bundled bank or a folder.", autocompletion=starting_with(bank_names))]

_WORDS: Mapping[str, Callable[[], Iterable[str]]] = {
    "bank": bank_names,
    "encoder": encoder_names,
    "languages": language_codes,
    "questions": question_sets,
    "translator": lambda: ("nllb", "opus", "apertium", "none", "litellm:"),
}

# ------------------------------------------------------------------------------------- the settings of options.py

_PANEL = "Settings, as for pytest --univar-…"
_OTHERWISE: Mapping[str, str] = {
    "cassette_dir": "where answers are recorded; default: the folder 'cassettes' beside the file of expectations, "
    "without one in the current folder",
    "inconclusive": "what an inconclusive expectation does: fail is exit code 3, warn and xfail leave it at 0; "
    "default: fail",
    "report": "the report in the terminal: full (default), summary or none",
}
"""Help of options that mean something else where there are no tests."""
_OWN_WORDS: Mapping[str, str] = {
    "pytest --univar-model=": "univar audit ",
    "--univar-model": "MODEL",
    "--univar-json": "--json-file",
    "--univar-": "--",
}


def with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command settings of options.py as options: ``--NAME`` for ``--univar-NAME``, and ``--json-file``.

    The command gets them as ``**settings``, which :func:`config_of` reads.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(command, eval_str=True).parameters.values()
        own = [each for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD]
        offered = [_parameter(option) for option in OPTIONS if option.name in names]
        signature = inspect.Signature([*own, *offered])
        command.__signature__ = signature  # type: ignore[attr-defined]  # typer makes its options from it
        return command

    return decorate


def config_of(settings: Mapping[str, str | bool | None], **more: str | None) -> AuditConfig:
    """What was given on the command line, as typed values; UsageError names the option that cannot be."""
    texts = {name: _text(value) for name, value in settings.items()}
    texts["json"] = texts.pop("json_file", None)
    return default_config(**texts, **more)


def own_words(message: str) -> str:
    """A message with this command's options in the place of pytest's."""
    for pytests, ours in _OWN_WORDS.items():
        message = message.replace(pytests, ours)
    return message


def _text(value: str | bool | None) -> str | None:
    """As options.py reads it: a switch that is off was not given."""
    if isinstance(value, bool):
        return "true" if value else None
    return value


def _parameter(option: Option) -> inspect.Parameter:
    is_switch = option.alone == "true"
    name = "json_file" if option.name == "json" else option.name
    help = own_words(_OTHERWISE.get(option.name, option.help))
    metavar = option.metavar
    if option.alone and not is_switch:  # typer has no options that may stand without their value
        help = re.sub(r"without a (file|name)", f"with {option.alone!r}", help)
        metavar += f"|{option.alone}"
    info: Any = typer.Option(
        f"--{name.replace('_', '-')}",
        help=help,
        metavar=None if is_switch else metavar,
        show_default=False,
        rich_help_panel=_PANEL,
        autocompletion=_completion(option),
    )
    kind: Any = bool if is_switch else str | None
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if is_switch else None,
        annotation=Annotated[kind, info],
    )


def _completion(option: Option) -> Callable[[str], list[str]] | None:
    """The words of an option whose values are a few words, or that are known by name."""
    literal = get_args(get_type_hints(AuditConfig)[option.name])
    if literal and all(isinstance(word, str) for word in literal):
        return starting_with(lambda: literal)
    words = _WORDS.get(option.name)
    return starting_with(words) if words else None
