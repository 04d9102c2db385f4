"""README.md and docs/: links lead somewhere, examples parse, options and commands exist, the site builds."""

from __future__ import annotations

import ast
import json
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from pytest_univar.cli import app
from pytest_univar.declared import load_declaration
from pytest_univar.options import OPTIONS
from pytest_univar.training.recipe import load_recipe

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *kinds: str) -> list[str]:
    """The content of the fenced blocks of these languages."""
    return [content for kind, content in BLOCK.findall(text_of(page)) if kind in kinds]


def prose(page: Path) -> str:
    return BLOCK.sub("", text_of(page))


def anchors(page: Path) -> set[str]:
    """The ids that GitHub and mkdocs give to the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def command_lines(page: Path) -> Iterator[list[str]]:
    """The commands of console blocks, word by word, each without its comment and where its output goes."""
    for line in "\n".join(blocks(page, "console")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while "&&" in words:
            yield words[: words.index("&&")]
            words = words[words.index("&&") + 1 :]
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words = words[1:]  # a variable of the environment
        yield words[: words.index(">")] if ">" in words else words


def found_command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that ``univar …`` names, and the words that follow its name."""
    command: Any = get_command(app)
    while words and hasattr(command, "commands") and re.fullmatch(r"[a-z]+", words[0]):
        assert words[0] in command.commands, f"univar has no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


# --------------------------------------------------------------------------------------------------------------- pages


@every_page
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose(page))):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target}: there is no such file"
        assert not anchor or anchor in anchors(file), f"{target}: there is no such heading"


@every_page
def test_code_parses(page: Path, tmp_path: Path) -> None:
    for source in blocks(page, "python"):
        ast.parse(source)
    for source in blocks(page, "json"):
        assert all(isinstance(json.loads(line), dict) for line in source.splitlines())
    for source in blocks(page, "yaml"):
        content = yaml.safe_load(source)
        assert content
        if isinstance(content, dict) and "expect" in content:
            declared = tmp_path / "example.univar.yaml"
            declared.write_text(source, encoding="utf-8")
            assert load_declaration(declared, ("eng",)).items
    for source in blocks(page, "toml"):
        recipe = tmp_path / "recipe.toml"
        recipe.write_text(source, encoding="utf-8")
        assert load_recipe(str(recipe)).corpora


@every_page
def test_every_option_that_is_named_exists(page: Path) -> None:
    text = text_of(page)
    assert {*re.findall(r"--univar-[a-z]+(?:-[a-z]+)*", text)} <= {option.flag for option in OPTIONS}
    assert {*re.findall(r"\bunivar_[a-z]+(?:_[a-z]+)*", text)} <= {option.ini for option in OPTIONS}


@every_page
def test_the_values_of_options_can_be_read(page: Path) -> None:
    parsers = {option.flag: option.parse for option in OPTIONS}
    for words in command_lines(page):
        if words[:1] == ["pytest"]:
            for flag, equals, value in (word.partition("=") for word in words[1:]):
                if equals and flag in parsers:
                    parsers[flag](value)


@every_page
def test_every_command_line_of_univar_is_understood(page: Path) -> None:
    for words in command_lines(page):
        if words[:1] != ["univar"] or "…" in words:
            continue
        for alternative in words[2].split("|") if len(words) > 2 and "|" in words[2] else [None]:
            chosen = [*words[:2], alternative, *words[3:]] if alternative else words
            command, arguments = found_command(chosen[1:])
            try:
                command.make_context("univar", [*arguments])
            except Exception as refused:  # of typer's own kinds, which are not public
                if "does not exist" not in str(refused):  # files are the reader's; all else must be right
                    raise


@every_page
def test_every_command_that_is_named_exists(page: Path) -> None:
    for words in (named.split() for named in re.findall(r"`univar ([^`]+)`", prose(page))):
        *first, last = words[:2]
        for alternative in last.split("|"):
            command, _ = found_command([*first, alternative, *words[2:]])
            known = {name for parameter in command.params for name in parameter.opts} | {"--help", "--version"}
            given = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert given <= known | {"--install-completion", "--show-completion"}


def test_the_checks_see_what_is_wrong() -> None:
    with pytest.raises(AssertionError, match="no command 'bnak'"):
        found_command(["bnak", "build"])
    command, arguments = found_command(["bank", "verify", "some-bank", "--encodr", "x"])
    with pytest.raises(Exception, match="No such option"):
        command.make_context("univar", arguments)
    assert "auditing-a-model" in anchors(ROOT / "README.md")
    assert sum(len([*command_lines(page)]) for page in PAGES) > 50


# ----------------------------------------------------------------------------------------------------------- reference


def test_the_reference_is_what_its_generator_makes_now() -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "generate_reference.py"))["pages"]()
    folder = ROOT / "docs" / "reference"
    assert {file.name for file in folder.iterdir()} == set(pages)
    for name, text in pages.items():
        assert text_of(folder / name) == text, f"{name} is old: run python3 docs/generate_reference.py"


# ---------------------------------------------------------------------------------------------------------------- site


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="python3 -m pip install '.[docs]'")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert built.returncode == 0, built.stderr
    html = {file: file.read_text(encoding="utf-8") for file in site.rglob("*.html")}
    assert {f"{page.stem}.html" for page in PAGES[1:]} <= {file.name for file in html}
    for file, text in html.items():
        loaded = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?((?:https?:)?//[^\"' >]+)", text)
        linked = re.findall(r"<link\b[^>]*\bhref=[\"']?((?:https?:)?//[^\"' >]+)", text)
        assert not [*loaded, *linked], file.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style.name
