"""Verdicts on real answers of real LLMs: false alarms, power and open verdicts stay within what is promised.

The answers are not part of the repository; CONTRIBUTING.md says where they come from.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANSWERS = ROOT.parent / "shared" / "data" / "llm_answers.jsonl.xz"


@pytest.mark.slow
@pytest.mark.skipif(not ANSWERS.is_file(), reason=f"the real answers are not there: {ANSWERS}")
def test_false_alarms_power_and_open_verdicts() -> None:
    """The script measures, prints, and ends with 1 where a figure is outside its limits. Here for every fourth LLM."""
    command = [sys.executable, "benchmarks/verdicts.py", "--answers", str(ANSWERS), "--every", "4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^power at 60 questions: (9\d|100)\.\d% of \d\d pairs", done.stdout, re.MULTILINE)
