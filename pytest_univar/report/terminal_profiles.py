"""The parts of the terminal's report that show what was found: profiles, drift, the path of checkpoints, and costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Comparison, Conclusion, Trajectory
from pytest_univar.measurement import Distance, RegionVerdict
from pytest_univar.report import Plan
from pytest_univar.report.terminal_parts import STYLES, Look, indented, labelled, plain_table
from pytest_univar.report.text import answers_line, clean, cost_of, counted, number, p_value, planned, span, spending

PROBLEMS_SHOWN = 3
NEAREST_SHOWN = 3


def profile_lines(profile: ProfileResult, notes: Sequence[str], look: Look) -> list[RenderableType]:
    """One audited value ID: its answers, its nearest value IDs and its regions."""
    samples = f", {profile.samples} answers to each" if profile.samples > 1 else ""
    rows: list[tuple[Text | str, Text]] = [
        ("answers", Text(answers_line(profile.tally))),
        ("questions", Text(f"{clean(profile.questions)}{samples}")),
    ]
    if profile.params:
        rows.append(("sampling", Text(clean(", ".join(f"{name} {value}" for name, value in profile.params.items())))))
    if profile.translator:
        rows.append(("translator", Text(clean(profile.translator))))
    if profile.stopped:
        rows.append((Text("not measured", "yellow"), Text(clean(profile.stopped), "yellow")))
    rows += [("note" if row == 0 else "", Text(clean(text), "yellow")) for row, text in enumerate(notes)]
    shown = list(profile.problems.items())[: None if look.verbose else PROBLEMS_SHOWN]
    rows += [("no answer to" if row == 0 else "", problem_text(*problem)) for row, problem in enumerate(shown)]
    if further := len(profile.problems) - len(shown):
        rows.append(("", Text(f"and {counted(further, 'more question')}")))
    parts: list[RenderableType] = [
        Text(f"{clean(profile.model)}/{profile.language}", style="bold"),
        indented(labelled(rows)),
    ]
    if profile.nearest:
        shown_nearest = profile.nearest[: None if look.verbose else NEAREST_SHOWN]
        parts.append(indented(nearest_table(shown_nearest, look)))
    if profile.regions:
        parts.append(indented(regions_table(profile.regions)))
    return parts


def problem_text(question: str, why: str) -> Text:
    return Text(f"{clean(question)}: {clean(why)}")


def nearest_table(nearest: Sequence[Distance], look: Look) -> Table:
    """Distances, and where each lies among the bank's own: of one LLM to itself, and to others."""
    placed = nearest[0].within is not None
    places = ("own", "others") if placed else ("plain",)
    table = plain_table("nearest value IDs", "distance", f"{nearest[0].confidence:.0%} interval", *places)
    for distance in nearest:
        among = [
            f"{place:.0f}%{look.sparkline(place)}"
            for place in (distance.within, distance.between)
            if place is not None
        ]  # fmt: skip
        figures = (number(distance.estimate), span(distance.interval), *(among or [number(distance.plain)]))
        table.add_row(Text(clean(distance.to)), *figures)
    return table


def regions_table(regions: Iterable[RegionVerdict]) -> Table:
    """Each scheme's region with its share, and the region that comes next."""
    regions = list(regions)
    table = plain_table("region", "share", f"{regions[0].confidence:.0%} interval")
    table.add_column("next", overflow="fold")
    for region in regions:
        low, high = region.interval
        runner_up = [(name, share) for name, share in region.shares.items() if name != region.label and share > 0][:1]
        following = Text(f"{clean(runner_up[0][0])} {runner_up[0][1]:.0%}" if runner_up else "")
        name = Text(clean(f"{region.scheme}: {region.label}"))
        table.add_row(name, f"{region.share:.0%}", f"{low:.0%} to {high:.0%}", following)
    return table


def plans_table(plans: Sequence[Plan]) -> Table:
    """What asking would take, value ID by value ID."""
    table = plain_table("to ask", "calls", "tokens in", "tokens out", "cost")
    for plan in plans:
        cost = "unknown price" if plan.cost_usd is None else f"${plan.cost_usd:.4f}"
        figures = (f"{plan.calls}", f"{plan.prompt_tokens}", f"{plan.completion_tokens}", cost)
        table.add_row(clean(planned(plan)), *figures)
    return table


def conclusion_lines(conclusion: Conclusion) -> list[RenderableType]:
    """Drift against a baseline, and the path of the checkpoints."""
    parts: list[RenderableType] = []
    for comparison in conclusion.comparisons:
        name = f"drift of {clean(comparison.model)} since {clean(comparison.baseline)}"
        parts += [Text(name, style="bold"), indented(drift_table(comparison)), ""]
    for trajectory in conclusion.trajectories:
        name = (
            f"trajectory in {trajectory.language}: toward {clean(trajectory.target)}, from {clean(trajectory.origin)}"
        )
        parts += [Text(name, style="bold"), indented(trajectory_table(trajectory)), ""]
    return parts


def drift_table(comparison: Comparison) -> Table:
    """Each language's drift, and what the test says of it; what fails the run is marked."""
    drifts = comparison.drifts
    table = plain_table("language", "drift", f"{drifts[0].confidence:.0%} interval", "p (Holm)", "questions", "")
    for drift in drifts:
        figures = (number(drift.estimate), span(drift.interval), p_value(drift.p_adjusted), f"{drift.n_questions}")
        fails = drift.language in comparison.failed
        table.add_row(drift.language, *figures, Text("fails" if fails else "", STYLES["drifted"]))
    return table


def trajectory_table(trajectory: Trajectory) -> Table:
    """Each checkpoint's distances to the target and to the first one."""
    confidence = trajectory.steps[0].to_target.confidence
    interval = f"{confidence:.0%} interval"
    table = plain_table("checkpoint", "to target", interval, "to origin", interval)
    for step in trajectory.steps:
        cells = []
        for distance in (step.to_target, step.to_origin):
            cells += [number(distance.estimate), span(distance.interval)] if distance else ["", ""]
        table.add_row(clean(step.model), *cells)
    return table


def cost_table(profiles: Sequence[ProfileResult]) -> Table | None:
    """What each model and language took; None where the whole run's line says as much."""
    rows = spending(profiles)
    if len(rows) < 2 and not any(profile.translation for profile in profiles):
        return None
    table = plain_table("asked", "calls", "tokens in", "tokens out", "cost")
    for name, tally in rows:
        figures = (f"{tally.calls}", f"{tally.prompt_tokens}", f"{tally.completion_tokens}", cost_of([tally]))
        table.add_row(clean(name), *figures)
    return table
