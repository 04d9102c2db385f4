"""The reports as they are to look. Made again, after looking at what changed: ``python3 -m tests.unit.golden``"""

from __future__ import annotations

from pathlib import Path

from pytest_univar.report.markdown import render_markdown
from pytest_univar.report.terminal import render
from pytest_univar.report.terminal_parts import PLAIN

from .results import EASTERN, WHOLE

FOLDER = Path(__file__).parent
WRITTEN = ("report.html", "out/audit.json")


def reports() -> dict[str, str]:
    """File name → the report that it is to hold."""
    made = {
        f"{how_much}_{width}.txt": render(WHOLE, width=width, colour=False, how_much=how_much, written=WRITTEN)
        for how_much in ("full", "summary")
        for width in (80, 140)
    }
    made["verbose_80.txt"] = render(WHOLE, width=80, colour=False, verbose=True)
    made["ascii_80.txt"] = render(WHOLE, width=80, colour=False, marks=PLAIN)
    made["eastern_80.txt"] = render(EASTERN, width=80, colour=False)
    made["eastern_140.txt"] = render(EASTERN, width=140, colour=False, unwritten="报告.html: it cannot be written")
    made["whole.md"] = render_markdown(WHOLE)
    return {name: text.rstrip("\n") + "\n" for name, text in made.items()}
