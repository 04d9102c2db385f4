"""Progress bars while an audit waits, or nothing where nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from pytest_univar.elicitation import Progress, Tally

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar


class SilentDisplay:
    """Shows nothing: for CI logs, pipes and xdist workers."""

    def eliciting(self, label: str, total: int | None) -> AbstractContextManager[Progress | None]:
        return nullcontext()

    def translating(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None] | None]:
        return nullcontext()

    def encoding(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None] | None]:
        return nullcontext()


class BarDisplay:
    """A bar for each stage, gone when the stage ends.

    console: opened only when there is something to show. uncaptured: a context in which output reaches the terminal.
    """

    def __init__(self, console: Callable[[], Console], uncaptured: Callable[[], AbstractContextManager[None]]) -> None:
        self._console = console
        self._uncaptured = uncaptured

    @contextmanager
    def eliciting(self, label: str, total: int | None) -> Iterator[Progress | None]:
        with self._bar() as bar:
            task = bar.add_task(f"asking {label}", total=total, note="")

            def show(tally: Tally) -> None:
                settled = tally.kept + tally.empty + tally.cut_off + tally.missing
                bar.update(task, completed=settled, total=tally.asked, note=elicitation_note(tally))

            yield show

    def translating(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None] | None]:
        return self._counting(f"translating {label}", total)

    def encoding(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None] | None]:
        return self._counting(f"encoding {label}", total)

    @contextmanager
    def _counting(self, description: str, total: int) -> Iterator[Callable[[int], None] | None]:
        with self._bar() as bar:
            task = bar.add_task(description, total=total, note="")
            yield lambda count: bar.advance(task, count)

    @contextmanager
    def _bar(self) -> Iterator[Bar]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(bar_width=None), MofNCompleteColumn(), TimeRemainingColumn())
        note = TextColumn("{task.fields[note]}")
        with self._uncaptured(), Progress(*columns, note, console=self._console(), transient=True) as bar:
            yield bar


def elicitation_note(tally: Tally) -> str:
    """What matters beside the count: retries, and what this model and language took so far."""
    notes = [f"{tally.retries} retries"] if tally.retries else []
    if tally.calls:
        notes.append(f"{tally.prompt_tokens + tally.completion_tokens} tokens")
    if tally.cost_usd or tally.unpriced:
        notes.append(f"${tally.cost_usd:.4f}" + (" + unknown" if tally.unpriced else ""))
    return " ".join(notes)
