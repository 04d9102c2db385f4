"""What the terminal's report is made of: how it looks, tables without rules, and names that break where they may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pytest_univar.report.text import clean

WIDE = 100
"""Columns from which there is room for bars."""
BAR = 10

STYLES = {
    "met": "green",
    "violated": "bold red",
    "drifted": "bold red",
    "inconclusive": "yellow",
    "passed": "green",
    "failed": "bold red",
    "skipped": "yellow",
    "xfailed": "yellow",
}


class Marks(NamedTuple):
    """What is drawn beside the letters. levels: from the lowest to the highest. parts: of a bar's cell, rising."""

    levels: str
    parts: str
    rest: str
    more: str
    leads_to: str


FINE = Marks("▁▂▃▄▅▆▇█", "▏▎▍▌▋▊▉█", "·", "…", "→")
PLAIN = Marks("_.:-=+*#", "#", ".", "...", "->")
"""In ASCII."""


def marks_for(encoding: str) -> Marks:
    """Those that a stream of this encoding can hold."""
    try:
        "".join(FINE).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return FINE


class Look(NamedTuple):
    """How the report is drawn. width: columns. verbose: everything there is, in place of the first few."""

    width: int
    marks: Marks = FINE
    verbose: bool = False

    def sparkline(self, percent: float) -> str:
        """A percentage as a bar where the terminal is wide, else as one mark of that height."""
        marks = self.marks
        if self.width < WIDE:
            return marks.levels[min(int(percent / 100 * len(marks.levels)), len(marks.levels) - 1)]
        steps = round(percent / 100 * BAR * len(marks.parts))
        whole, part = divmod(steps, len(marks.parts))
        return (marks.parts[-1] * whole + (marks.parts[part - 1] if part else "")).ljust(BAR, marks.rest)

    def fitted(self, text: str, columns: int) -> str:
        """A text from outside on one line of so many columns; a mark says that it goes on."""
        text = " ".join(clean(text).split())
        if cell_len(text) <= columns:
            return text
        return set_cell_size(text, max(columns - len(self.marks.more), 1)).rstrip() + self.marks.more


class NodeID:
    """A test's name; where it is longer than a line, broken before ``::`` first."""

    def __init__(self, name: str, style: str = "") -> None:
        self._text = Text(clean(name), style)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._text.cell_len <= options.max_width:
            yield self._text
            return
        file, *names = self._text.split("::", include_separator=False)
        yield Group(file, *(Text.assemble("  ::", name, style=self._text.style) for name in names))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return self._text.__rich_measure__(console, options)


def labelled(rows: Iterable[tuple[Text | str, RenderableType]]) -> Table:
    """Labels, and beside them texts that wrap within their own column."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=12)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, text)
    return table


def plain_table(first: str, *others: str) -> Table:
    """A table without rules, whose first column takes the room that is left and folds."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold", min_width=len(first))
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def indented(renderable: RenderableType, columns: int = 2) -> Padding:
    return Padding(renderable, (0, 0, 0, columns), expand=False)
