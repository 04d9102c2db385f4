"""Writes docs/reference/ from the program itself: ``python3 docs/generate_reference.py``. A test holds what it wrote.

Sources: the options of ``options.py``, the parameters of the ``univar`` command, and the two JSON Schemas.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from typer.main import get_command

from pytest_univar.cli import app
from pytest_univar.declared import json_schema
from pytest_univar.options import GITHUB, NEWEST, OPTIONS, Option
from pytest_univar.report import result_schema

REFERENCE = Path(__file__).parent / "reference"
_MADE = "<!-- Written by docs/generate_reference.py; change the program, then run that. -->"


def pages() -> dict[str, str]:
    """File name → its text: the pages of the reference, and the schemas for programs."""
    package = files("pytest_univar")
    return {
        "options.md": _page("Options of pytest", options()),
        "commands.md": _page("The `univar` command", commands()),
        "expectations-file.md": _page("Files of expectations", expectations_file()),
        "result.md": _page("The result as JSON", result()),
        "univar.schema.json": package.joinpath("univar.schema.json").read_text("utf-8"),
        "result.schema.json": package.joinpath("report/result.schema.json").read_text("utf-8"),
    }


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name} written")


# ------------------------------------------------------------------------------------------------------------- options


def options() -> Iterator[str]:
    yield (
        "Each option has a twin in the ini file (`pytest.ini`, `tox.ini` or `[tool.pytest.ini_options]` of "
        "`pyproject.toml`), with the same values; the command line comes first. Paths on the command line start in the "
        "current folder, those of the ini file at that file."
    )
    rows = [
        (f"{code(_flag(option))}<br>{code(option.ini)}", default_of(option), escaped(option.help)) for option in OPTIONS
    ]
    yield table(("option, ini twin", "default", "what it does"), rows)
    yield (
        "Where a value may be left out, a word that follows is taken as the value: put folders and files first, as in "
        "`pytest values --univar-dry-run`. `pytest --help` lists the options, too. Of pytest's own, `-q` and `-v` "
        "shorten and lengthen the report, and `--junitxml` carries claims, models and costs."
    )


def default_of(option: Option) -> str:
    """The default as it would be written; where it depends on the variable CI, both."""
    if not callable(option.default):
        return _shown(option.default)
    before = os.environ.pop("CI", None)
    try:
        without = option.default()
        os.environ["CI"] = "true"
        within = option.default()
    finally:
        os.environ.pop("CI")
        if before is not None:
            os.environ["CI"] = before
    return f"{_shown(without)}; {_shown(within)} where the variable `CI` is set"


def _flag(option: Option) -> str:
    if option.alone == "true":
        return option.flag
    if option.alone in (NEWEST, GITHUB):
        return f"{option.flag}[={option.metavar}]"
    return f"{option.flag}={option.metavar}"


def _shown(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(",".join(value) if isinstance(value, tuple) else str(value))


# ------------------------------------------------------------------------------------------------------------ commands


def commands() -> Iterator[str]:
    root: Any = get_command(app)
    yield from _help(root.help)
    yield (
        "`univar --version` prints the version, `univar --install-completion` sets up completion for your shell, and "
        "every command has `--help`. Where a command has settings, they are [pytest's options](options.md) with `--` "
        "in the place of `--univar-`; those are listed there once, and named here."
    )
    for words, command in _leaves(root):
        yield f"## `univar {' '.join(words)}`"
        yield from _help(command.help)
        arguments = [each for each in command.params if not each.opts[0].startswith("-")]
        switches = [each for each in command.params if each.opts[0].startswith("-") and each.name != "help"]
        settings = [each for each in switches if (each.rich_help_panel or "").startswith("Settings")]
        own = [each for each in switches if each not in settings]
        if arguments:
            yield table(("argument", "what it is"), [(_argument(each), escaped(each.help)) for each in arguments])
        if own:
            rows = [(_option(each), _default(each), escaped(each.help)) for each in own]
            yield table(("option", "default", "what it does"), rows)
        if settings:
            yield "Settings: " + ", ".join(code(each.opts[0]) for each in settings) + "."


def _leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Commands that do something, in the order of the help text."""
    for name, each in command.commands.items():
        if hasattr(each, "commands"):
            yield from _leaves(each, (*words, name))
        else:
            yield (*words, name), each


def _help(text: str) -> Iterator[str]:
    """The paragraphs of a help text: examples as code, exit codes as a list."""
    codes: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        paragraph = " ".join(paragraph.split())
        if re.match(r"\d: ", paragraph):
            codes.append(f"- **{paragraph[0]}**{escaped(paragraph[1:])}")
            continue
        if codes:
            yield "\n".join(codes)
            codes.clear()
        yield f"```console\n{paragraph}\n```" if paragraph.startswith("univar ") else escaped(paragraph)
    if codes:
        yield "\n".join(codes)


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    name += "…" if parameter.nargs == -1 else ""
    return code(name if parameter.required else f"[{name}]")


def _option(parameter: Any) -> str:
    value = "" if parameter.is_flag else f" {parameter.metavar or 'VALUE'}"
    return ", ".join(code(name + value) for name in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "**required**"
    return "" if parameter.is_flag or parameter.default in (None, "", [], ()) else code(str(parameter.default))


# ------------------------------------------------------------------------------------------------------------- schemas


def expectations_file() -> Iterator[str]:
    schema = json_schema()
    yield (
        "What may stand in a file whose name ends in `.univar.yaml`. [Declared expectations](../expectations.md) says "
        "what the forms mean; `univar schema` prints the [JSON Schema](univar.schema.json) this page is made from."
    )
    yield "## The head"
    yield _fields(schema)
    for definition in schema["$defs"].values():
        yield f"## `{definition['required'][0]}`"
        yield from _description(definition)
        yield _fields(definition)
        if choice := definition.get("oneOf"):
            one_of = " and ".join(code(key) for each in choice for key in each["required"])
            yield f"Exactly one of {one_of}."


def result() -> Iterator[str]:
    schema = result_schema()
    yield (
        "What `--univar-json=FILE`, and `univar audit` with `--json` or `--json-file`, write; `univar report` draws "
        "every report from it again. `univar schema result` prints the [JSON Schema](result.schema.json) this page is "
        "made from."
    )
    yield f"## {schema['title']}"
    yield from _description(schema)
    yield _fields(schema)
    for name, definition in schema["$defs"].items():
        yield f"## {name}"
        yield from _description(definition)
        if "properties" in definition:
            yield _fields(definition)
        else:
            yield f"Written as {_type(definition)}."


def _description(schema: Mapping[str, Any]) -> Iterator[str]:
    for paragraph in schema.get("description", "").split("\n\n"):
        if paragraph:
            yield escaped(" ".join(paragraph.split()))


def _fields(schema: Mapping[str, Any]) -> str:
    """One row for each property: name, type, default or required, and what is said about it (if anything is)."""
    fields = schema["properties"]
    required = set(schema.get("required", ()))
    columns: tuple[str, ...] = ("key", "type", "default")
    rows: list[tuple[str, ...]] = [
        (code(name), _type(field), "**required**" if name in required else _schema_default(field))
        for name, field in fields.items()
    ]
    if any("description" in field for field in fields.values()):
        columns += ("what it is",)
        rows = [(*row, escaped(field.get("description", ""))) for row, field in zip(rows, fields.values(), strict=True)]
    return table(columns, rows)


def _schema_default(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    return "" if default is None else code(json.dumps(default))


def _type(field: Mapping[str, Any]) -> str:
    """A type in words; named parts link to their section."""
    if ref := field.get("$ref"):
        name = ref.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "oneOf" in field:
        return "one of the forms below"
    if kinds := field.get("anyOf"):
        return " or ".join(_type(kind) for kind in kinds)
    if "const" in field:
        return code(str(field["const"]))
    if words := field.get("enum"):
        return "a language code" if {"eng", "spa"} < set(words) else ", ".join(code(word) for word in words)
    if field.get("type") == "array":
        if parts := field.get("prefixItems"):
            return "[" + ", ".join(_type(part) for part in parts) + "]"
        return f"list of {_type(field['items'])}" if "items" in field else "list"
    if field.get("type") == "object":
        of = field.get("additionalProperties")
        return f"object of {_type(of)}" if isinstance(of, dict) and of else "object"
    return {"string": "text", "null": "null"}.get(field.get("type", ""), str(field.get("type", "anything")))


# ------------------------------------------------------------------------------------------------------------ Markdown


def _page(title: str, blocks: Iterable[str]) -> str:
    return "\n\n".join((f"# {title}", _MADE, *blocks)) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`"


def escaped(text: str) -> str:
    """A docstring's text: what stands between double backticks is code, other signs of Markdown are themselves."""
    parts = re.split(r"``(.+?)``", text)
    return "".join(
        code(part) if index % 2 else re.sub(r"([*_\[\]<])", r"\\\1", part) for index, part in enumerate(parts)
    )


if __name__ == "__main__":
    main()
