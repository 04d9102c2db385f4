"""The verdicts in the terminal: a line for each with its figures, and why, where it is not as expected."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

from pytest_univar.expectations import Claim
from pytest_univar.measurement import Pull
from pytest_univar.report.terminal_parts import STYLES, Look, NodeID, indented, labelled
from pytest_univar.report.text import Ending, Figures, clean, figures_of, shortened, without_common

EVIDENCE_SHOWN = 2
LINES = 2
"""That a question takes, or an answer."""
SPARE = 12
"""Columns that breaking a line between words may take."""
LONGEST = 600
"""Characters of a text that even the longest report shows; the files have all of it."""

INDENT = 2
GAP = 2
TEXT = INDENT + len("inconclusive") + GAP
"""The column that texts begin in."""
HEADINGS = Figures("estimate", "interval", "threshold")


class Row:
    """A word, a text and figures: on one line where they fit, else the figures below the text, in their columns."""

    def __init__(
        self, word: Text, text: Text, figures: Figures, widths: Sequence[int], *, indent: int = INDENT
    ) -> None:
        self._word = word
        self._text = text
        self._figures = (" " * GAP).join(each.rjust(width) for each, width in zip(figures, widths, strict=True))
        self._indent = indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - TEXT
        lines = list(self._text.wrap(console, room, overflow="fold"))
        for line in lines:
            line.rstrip()
        if self._figures.strip():
            spare = room - lines[-1].cell_len - len(self._figures)
            if spare >= GAP:
                lines[-1].append(" " * spare + self._figures)
            else:
                lines.append(Text(self._figures.rjust(room)))
        for number, line in enumerate(lines):
            word = Text.assemble(" " * self._indent, self._word) if number == 0 else Text()
            yield Text.assemble(word, " " * (TEXT - word.cell_len), line)


def heading(claims: Sequence[Claim], widths: Sequence[int]) -> Row:
    """The first line of the verdicts; it names the figures where there are any."""
    confidences = {claim.confidence for claim in claims if claim.interval}
    confidence = confidences.pop() if len(confidences) == 1 else None
    interval = f"{confidence:.0%} interval" if confidence else HEADINGS.interval
    names = HEADINGS._replace(interval=interval) if any(any(figures_of(claim)) for claim in claims) else Figures()
    return Row(Text("expectations", "bold"), Text(), names, widths, indent=0)


def widths_of(endings: Sequence[Ending]) -> list[int]:
    """The columns that each of the figures takes, with its heading."""
    rows = [HEADINGS._replace(interval="95% interval"), *(ending.figures for ending in endings)]
    return [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]


def verdict_lines(endings: Sequence[Ending], claims: Sequence[Claim], look: Look, *, why: bool) -> list[RenderableType]:
    """Every verdict, in this order. why: below those that are not as expected, how they came about."""
    widths = widths_of(endings)
    parts: list[RenderableType] = [heading(claims, widths)]
    for ending in endings:
        word = Text(ending.word, STYLES[ending.word])
        if not ending.text:
            parts.append(indented(labelled([(word, NodeID(ending.where))]), INDENT))
            if why and ending.detail:
                parts.append(indented(Text(clean(ending.detail), "dim"), TEXT))
            continue
        parts.append(Row(word, Text(clean(f"{ending.model}: {ending.text}")), ending.figures, widths))
        if why and (look.verbose or not ending.is_good):
            parts.append(indented(Group(*reasons(ending, look)), TEXT))
    return parts


def reasons(ending: Ending, look: Look) -> list[RenderableType]:
    """How a verdict came about: the figures in words, what pulls hardest against it, and the test."""
    parts: list[RenderableType] = [Text(clean(ending.detail))] if ending.detail else []
    if ending.evidence and not ending.is_good:
        parts += ["against it:", indented(Group(*evidence_lines(ending.evidence, look)))]
    if ending.where:
        parts.append(NodeID(ending.where, "dim"))
    return parts


def evidence_lines(pulls: Sequence[Pull], look: Look) -> list[RenderableType]:
    """The strongest questions with their answers, a few lines each; all of them, and in full, where all is wanted."""
    if look.verbose:
        return [line for pull in pulls for line in _in_full(pull, look)]
    room = look.width - TEXT - GAP
    questions = [pull.question for pull in pulls]
    if any(cell_len(question) > room for question in questions):
        questions = without_common(questions, look.marks.more)
    lines: list[RenderableType] = []
    for pull, question in list(zip(pulls, questions, strict=True))[:EVIDENCE_SHOWN]:
        name = f"{clean(pull.question_id)} ({pull.amount:+.3f})"
        if not pull.question:
            lines.append(Text(name, "dim"))
            continue
        lines.append(Text(look.fitted(f"{name}: {question}", LINES * room - SPARE), "dim"))
        answer = Table.grid("", Column(overflow="fold"), padding=(0, 1, 0, 0))
        arrow = look.marks.leads_to
        text = look.fitted(pull.answer, LINES * (room - GAP - len(arrow) - 1) - SPARE)
        answer.add_row(Text(arrow, "dim"), Text(text, "dim"))
        lines.append(indented(answer))
    return lines


def _in_full(pull: Pull, look: Look) -> list[RenderableType]:
    texts = (
        ("question", pull.question),
        ("answer", pull.answer),
        ("asked as", pull.original_question),
        ("answered", pull.original_answer),
    )
    rows: list[tuple[Text | str, Text]] = [
        (name, Text(shortened(text, LONGEST, look.marks.more), "dim")) for name, text in texts if text
    ]
    return [Text(f"{clean(pull.question_id)} ({pull.amount:+.3f})"), indented(labelled(rows))]
