"""The report after the run, for a terminal of any width, with or without colour.

A terminal is read from its end: what was found comes first, then the verdicts, the worst of them last, then one line
that says it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import Literal, TypeAlias

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pytest_univar.report import AuditResult
from pytest_univar.report.terminal_parts import FINE, STYLES, Look, Marks
from pytest_univar.report.terminal_profiles import conclusion_lines, cost_table, plans_table, profile_lines
from pytest_univar.report.terminal_verdicts import verdict_lines
from pytest_univar.report.text import (
    BALANCED,
    PLACES,
    WORST_FIRST,
    about_plans,
    calls_line,
    clean,
    cost_of,
    counted,
    endings,
    headline,
    models_of,
    notes_of,
    tallies_of,
    worst,
)

HowMuch: TypeAlias = Literal["none", "summary", "full"]
NARROWEST = 60
"""Columns. Below, the figures would have to be cut; a narrower terminal wraps the lines instead."""


def render(
    result: AuditResult,
    *,
    width: int,
    colour: bool,
    how_much: HowMuch = "full",
    verbose: bool = False,
    marks: Marks = FINE,
    written: Sequence[str] = (),
    unwritten: str = "",
) -> str:
    """The report as text, ``width`` columns wide (at least NARROWEST); with ANSI colours or plain.

    how_much: ``summary`` leaves out what was found and why; ``none`` leaves only what fails the run and no test says.
    verbose: all problems, nearest value IDs and evidence, in place of the first few. written: the names of the reports
    that were written as files. unwritten: why one was not.
    """
    columns = max(width, NARROWEST)
    console = Console(
        file=StringIO(), width=columns, force_terminal=colour, color_system="standard" if colour else None,
        highlight=False, emoji=False, markup=False, legacy_windows=False,
    )  # fmt: skip
    look = Look(columns, marks, verbose)
    parts: list[RenderableType] = []
    if result.plans:
        parts += [plans_table(result.plans), about_plans(result.plans)]
    elif how_much != "none":
        parts += found(result, look) if how_much == "full" else []
        parts += concluded(result, look, why=how_much == "full")
        parts.append(summary_line(result, written))
    parts += [Text(clean(fault), STYLES["failed"]) for fault in faults(result, unwritten, drift=how_much == "none")]
    if not parts:
        return ""
    with console.capture() as capture:
        console.print(Group(*parts))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def found(result: AuditResult, look: Look) -> list[RenderableType]:
    """Answers and where the values lie, profile by profile; what they cost; drift and the path of checkpoints."""
    parts: list[RenderableType] = []
    for profile, notes in notes_of(result.profiles):
        parts += [*profile_lines(profile, notes, look), ""]
    if any(distance.within is not None for profile in result.profiles for distance in profile.nearest):
        parts.append(Text(PLACES, style="dim"))
    if any(region.balanced for profile in result.profiles for region in profile.regions):
        parts.append(Text(BALANCED, style="dim"))
    parts.append(Text(f"encoder {clean(result.encoder)}, bank {clean(result.bank)}"))
    if table := cost_table(result.profiles):
        parts += [table, ""]
    parts += [Text(calls_line(tallies_of(result.profiles))), ""]
    return parts + (conclusion_lines(result.conclusion) if result.conclusion else [])


def concluded(result: AuditResult, look: Look, *, why: bool) -> list[RenderableType]:
    """The verdicts, the worst last: that is where a reader of a terminal begins. Without ``why`` also without tests
    that passed."""
    shown = sorted(endings(result), key=lambda ending: -WORST_FIRST.index(ending.word))
    shown = [ending for ending in shown if why or ending.word != "passed"]
    return [*verdict_lines(shown, result.claims, look, why=why), ""] if shown else []


def summary_line(result: AuditResult, written: Sequence[str]) -> Text:
    """Counts of verdicts, the models, the cost, and what was written."""
    models = models_of(result)
    parts = [
        ", ".join(headline(result)),
        clean(models[0]) if len(models) == 1 else counted(len(models), "model"),
        f"cost {cost_of(tallies_of(result.profiles))}",
    ]
    if written:
        parts.append(f"written: {clean(', '.join(written))}")
    if result.conclusion and result.conclusion.saved:
        parts.append(f"baseline saved: {clean(result.conclusion.saved)}")
    return Text("; ".join(parts), STYLES[worst(result)])


def faults(result: AuditResult, unwritten: str, *, drift: bool) -> list[str]:
    """What fails the run though no test says so. drift: also that which the verdicts would show."""
    said = [f"drifted: {each.model}: {each.text}" for each in endings(result) if drift and each.word == "drifted"]
    if result.conclusion and result.conclusion.refused:
        said.append(result.conclusion.refused)
    return [*said, f"a report was not written: {unwritten}"] if unwritten else said
