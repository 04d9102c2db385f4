"""The progress bar: on a terminal although pytest captures output, and nowhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ..conftest import VOICES
from .conftest import QUESTIONS, Project

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

ARGUMENTS = (sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:cacheprovider")


def on_a_terminal(folder: Path, *arguments: str, **environment: str) -> str:
    """What a person sees who runs pytest in a terminal: every byte, escape codes and all."""
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(ours, 4096):
                seen.append(chunk)
        except OSError:  # Linux: the other end is closed
            pass

    env = {name: text for name, text in os.environ.items() if name not in ("CI", "NO_COLOR", "TERM", "COLUMNS")}
    reader = threading.Thread(target=read)
    reader.start()
    subprocess.run(
        [*ARGUMENTS, *arguments], cwd=folder, env=env | {"TERM": "xterm", "COLUMNS": "80"} | environment,
        stdin=theirs, stdout=theirs, stderr=theirs, check=False,
    )  # fmt: skip
    os.close(theirs)
    reader.join()
    os.close(ours)
    return b"".join(seen).decode()


@pytest.mark.slow
def test_a_bar_on_a_terminal_and_none_in_ci(project: Project) -> None:
    """The encoder cannot be used, so that the run ends with the asking, and fast."""
    (project.path / "empty").mkdir()
    project.write_test("""
        def test_values(univar):
            print("captured")
            univar.profile("eng")
    """)
    audit = (*project.live, "--univar-encoder=empty", "--show-capture=no")

    seen = on_a_terminal(project.path, *audit)

    assert re.search(r"asking openai/some-model/eng .*12/12", seen)
    assert "captured" not in seen
    assert "univar: audited values" in seen
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h") == 1  # the cursor is hidden, and given back

    assert sorted(project.server.questions()) == sorted(QUESTIONS)
    assert "asking" in on_a_terminal(project.path, *audit)  # from here on they only read what the first has recorded
    assert "asking" not in on_a_terminal(project.path, *audit, "--univar-record=new", CI="true")
    assert "asking" not in project.pytester.run(*ARGUMENTS, *audit).stdout.str()


def test_the_report_in_colour(project: Project) -> None:
    project.write_test("""
        def test_claim(univar):
            univar.assert_closer("eng", to="gpt", than="llama", scheme="family")
    """)
    model = project.write_answers("collected", [VOICES["gpt-a"]] * 12)
    assert "\x1b[32mmet" in project.run(f"--univar-model={model}", "--color=yes").stdout.str()
    assert "\x1b[" not in project.run(f"--univar-model={model}", "--color=no").stdout.str()
