"""What may import what, and what stays unloaded until somebody asks for it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_univar

PACKAGE = Path(pytest_univar.__file__).parent

ORDER = (
    "errors",
    "devices",
    "pretrained",
    "languages",
    "values",
    "stats",
    "banks",
    "calibration",
    "baselines",
    "questions",
    "answer_lines",
    "cassette",
    "elicitation",
    "corpora",
    "cassette_tools",
    "export",
    "translation",
    "encoding",
    "measurement",
    "maps",
    "audit",
    "explanations",
    "expectations",
    "declared",
    "suggestions",
    "comparison",
    "findings",
    "report",
    "options",
    "assembly",
    "doctor",
    "building",
    "run",
    "collection",
    "plugin",
    "training",
    "evaluation",
    "cli",
    "testing",
)
"""From the ground up, as the design draws it, with some modules that it does not name yet: ``corpora`` (answers of
many LLMs) stands on the readers of answer files; ``calibration`` and ``baselines`` stand on banks and profiles alone;
``explanations`` are the words for what ``measurement`` finds, and ``comparison`` is what ``report`` shows of several
runs; ``building`` (corpora → bank) needs the pipeline's encoder protocol, so it stands above ``audit``; ``run`` (the
state of one pytest run) was split from ``plugin`` and stands right below it; ``declared`` (the YAML forms) stands on
the assertions that it names; ``suggestions`` (writes such files) and ``collection`` (such files as pytest items,
imported only where there is one) stand on it."""

FOR_THE_COMMAND_ONLY = {"training", "evaluation"}

HEAVY = {
    "torch", "transformers", "tokenizers", "safetensors", "litellm", "openai", "sklearn", "scipy", "matplotlib",
    "pandas", "numpy", "pydantic", "rich", "yaml", "filelock", "tenacity", "typer", "asyncio",
}  # fmt: skip
"""More than the design asks for: nothing at all beyond pytest is needed before there is something to audit."""


def module_of(file: Path) -> str:
    """The first part of a module's name below the package, ``""`` for the package itself."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports_of(node: ast.AST) -> Iterator[str]:
    """The modules of ours that code below ``node`` imports when it runs, wherever the import stands."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports in the package are absolute"
            names = [f"{child.module}.{alias.name}" for alias in child.names]
        elif is_for_type_checkers(child):
            continue
        else:
            yield from imports_of(child)
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "pytest_univar":
                yield rest.partition(".")[0]


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_module_has_its_place_in_the_order() -> None:
    assert {module_of(file) for file in FILES} - {""} <= set(ORDER)
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(PACKAGE)) for file in FILES])
def test_a_module_imports_only_from_below(file: Path) -> None:
    """Imports inside functions count too; those for type checkers do not, as they never run. Packages are free inside.

    A name of the package itself (``__version__``) may be imported anywhere; the package imports nothing.
    """
    importer = module_of(file)
    imported = {name for name in imports_of(ast.parse(file.read_text(encoding="utf-8"))) if name in ORDER}
    if importer == "":
        assert not imported
        return
    above = {name for name in imported if ORDER.index(name) > ORDER.index(importer)}
    assert not above, f"{importer} stands below {', '.join(sorted(above))}"
    if importer not in {"cli", *FOR_THE_COMMAND_ONLY}:
        assert not imported & FOR_THE_COMMAND_ONLY
    if importer in FOR_THE_COMMAND_ONLY:
        assert imported & FOR_THE_COMMAND_ONLY <= {importer}


def loaded_by(code: str, folder: Path) -> set[str]:
    """The top-level names in ``sys.modules`` after the code ran in a new interpreter."""
    show = "import json, sys; print('LOADED' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.rpartition("LOADED")[2]))


@pytest.mark.parametrize("module", ["pytest_univar", "pytest_univar.plugin"])
def test_importing_loads_nothing_heavy(module: str, tmp_path: Path) -> None:
    before = loaded_by("import pytest", tmp_path)
    assert not (loaded_by(f"import pytest, {module}", tmp_path) - before) & HEAVY


def test_a_run_without_an_audit_loads_nothing_heavy(tmp_path: Path) -> None:
    """Other plugins are left out: what they load is theirs."""
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")
    run = "import os, pytest; os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'; pytest.main(['-q', *{arguments}])"
    without = loaded_by(run.format(arguments=[]), tmp_path)
    with_plugin = loaded_by(run.format(arguments=["-p", "pytest_univar.plugin", "--univar-model=openai/x"]), tmp_path)
    assert "pytest_univar" in with_plugin - without
    assert not (with_plugin - without) & HEAVY


def test_collecting_nothing_with_every_installed_plugin(tmp_path: Path) -> None:
    loaded = loaded_by("import pytest; pytest.main(['--collect-only', '-p', 'no:hypothesispytest'])", tmp_path)
    assert "pytest_univar" in loaded
    assert not loaded & {"torch", "transformers", "litellm", "openai", "sklearn", "matplotlib", "pandas", "numpy"}
