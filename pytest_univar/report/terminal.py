"""The report after the run, for a terminal of any width, with or without colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Comparison, Conclusion, Trajectory
from pytest_univar.elicitation import Tally
from pytest_univar.expectations import Claim
from pytest_univar.explanations import evidence_line
from pytest_univar.measurement import Distance, RegionVerdict
from pytest_univar.report import AuditResult, Plan, TestOutcome

NARROWEST = 60
"""Columns. Below, the figures would have to be cut; a narrower terminal wraps the lines instead."""

PROBLEMS_SHOWN = 3
EVIDENCE_SHOWN = 2

STYLES = {
    "met": "green",
    "violated": "bold red",
    "inconclusive": "yellow",
    "passed": "green",
    "failed": "bold red",
    "skipped": "yellow",
    "xfailed": "yellow",
}


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


def render(result: AuditResult, *, width: int, colour: bool) -> str:
    """The whole report as text, ``width`` columns wide (at least NARROWEST); with ANSI colours or plain."""
    console = Console(
        file=StringIO(), width=max(width, NARROWEST), force_terminal=colour,
        color_system="standard" if colour else None, highlight=False, emoji=False, markup=False, legacy_windows=False,
    )  # fmt: skip
    with console.capture() as capture:
        console.print(report(result))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def report(result: AuditResult) -> Group:
    """Answers and where the values lie, profile by profile; then the expectations, then what it cost."""
    if result.plans:
        return Group(plans_table(result.plans), Text("a dry run: nothing was asked; the figures are upper estimates"))
    parts: list[RenderableType] = []
    for profile in result.profiles:
        parts += [*profile_lines(profile), ""]
    if result.claims or result.outcomes:
        parts += [Text("expectations", style="bold"), expectations(result.claims, result.outcomes), ""]
    if result.conclusion:
        parts += conclusion_lines(result.conclusion)
    if any(distance.within is not None for profile in result.profiles for distance in profile.nearest):
        note = "Own, others: how many of the bank's own distances, of LLMs to themselves or to others, are smaller."
        parts.append(Text(note, style="dim"))
    if any(region.balanced for profile in result.profiles for region in profile.regions):
        note = "Value IDs have unequal numbers of answers in the bank; their votes are weighted to count alike."
        parts.append(Text(note, style="dim"))
    parts.append(Text(f"encoder {clean(result.encoder)}, bank {clean(result.bank)}"))
    asked = [profile for profile in result.profiles if profile.tally.calls or profile.translation]
    if len(asked) > 1 or any(profile.translation for profile in asked):
        parts += [cost_table(asked), ""]
    parts.append(cost_lines(tallies_of(result.profiles)))
    return Group(*parts)


def profile_lines(profile: ProfileResult) -> list[RenderableType]:
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
    rows += [("note" if row == 0 else "", Text(clean(text), "yellow")) for row, text in enumerate(profile.warnings)]
    shown = list(profile.problems.items())[:PROBLEMS_SHOWN]
    rows += [("no answer to" if row == 0 else "", problem_text(*problem)) for row, problem in enumerate(shown)]
    if further := len(profile.problems) - len(shown):
        rows.append(("", Text(f"and {counted(further, 'more question')}")))
    parts: list[RenderableType] = [
        Text(f"{clean(profile.model)}/{profile.language}", style="bold"),
        indented(labelled(rows)),
    ]
    if profile.nearest:
        parts.append(indented(nearest_table(profile.nearest)))
    if profile.regions:
        parts.append(indented(regions_table(profile.regions)))
    return parts


def plans_table(plans: Sequence[Plan]) -> Table:
    """What asking would take, value ID by value ID."""
    table = plain_table("to ask", "calls", "tokens in", "tokens out", "cost")
    for plan in plans:
        cost = "unknown price" if plan.cost_usd is None else f"${plan.cost_usd:.4f}"
        figures = (f"{plan.calls}", f"{plan.prompt_tokens}", f"{plan.completion_tokens}", cost)
        table.add_row(f"{clean(plan.model)}/{plan.language}", *figures)
    return table


def answers_line(tally: Tally) -> str:
    """Every question is in one of kept, empty, cut off, missing or not translated, unless the audit was stopped."""
    text = f"{tally.kept} of {tally.asked} kept, {tally.refused} of them refusals"
    if tally.at_limit:
        text += f", {tally.at_limit} at the token limit"
    text += f"; {tally.empty} empty, {tally.cut_off} cut off, {tally.missing} missing"
    if tally.untranslated:
        text += f", {tally.untranslated} not translated"
    unasked = tally.asked - tally.kept - tally.empty - tally.cut_off - tally.missing - tally.untranslated
    return text + (f", {unasked} not asked" if unasked else "")


def problem_text(question: str, why: str) -> Text:
    return Text(f"{clean(question)}: {clean(why)}")


def nearest_table(nearest: Sequence[Distance]) -> Table:
    """Distances, and where each lies among the bank's own: of one LLM to itself, and to others."""
    placed = nearest[0].within is not None
    places = ("own", "others") if placed else ("plain",)
    table = plain_table("nearest value IDs", "distance", f"{nearest[0].confidence:.0%} interval", *places)
    for distance in nearest:
        low, high = distance.interval
        among = [f"{place:.0f} %" for place in (distance.within, distance.between) if place is not None]
        figures = (f"{distance.estimate:.3f}", f"{low:.3f} to {high:.3f}", *(among or [f"{distance.plain:.3f}"]))
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


def expectations(claims: Iterable[Claim], outcomes: Iterable[TestOutcome]) -> Padding:
    """Each claim with its verdict and figures; then the tests whose plain assertions speak for themselves."""
    rows: list[tuple[Text | str, Text | NodeID]] = []
    for claim in claims:
        rows += [
            (Text(claim.verdict, STYLES[claim.verdict]), Text(f"{clean(claim.model)}: {clean(claim.text)}")),
            ("", Text(clean(claim.detail))),
        ]
        if claim.verdict != "met":
            rows += [
                ("", Text(f"against it: {clean(evidence_line(pull))}", "dim"))
                for pull in claim.evidence[:EVIDENCE_SHOWN]
            ]
        rows.append(("", NodeID(claim.where, "dim")))
    for test in outcomes:
        rows.append((Text(test.outcome, STYLES[test.outcome]), NodeID(test.where)))
    return indented(labelled(rows))


def conclusion_lines(conclusion: Conclusion) -> list[RenderableType]:
    """Drift against a baseline, the path of the checkpoints, what was saved and what could not be done."""
    parts: list[RenderableType] = []
    for comparison in conclusion.comparisons:
        name = f"drift of {clean(comparison.model)} since {clean(comparison.baseline)}"
        parts += [Text(name, style="bold"), indented(drift_table(comparison)), ""]
    for trajectory in conclusion.trajectories:
        name = (
            f"trajectory in {trajectory.language}: toward {clean(trajectory.target)}, from {clean(trajectory.origin)}"
        )
        parts += [Text(name, style="bold"), indented(trajectory_table(trajectory)), ""]
    if conclusion.saved:
        parts.append(Text(f"baseline saved: {clean(conclusion.saved)}"))
    if conclusion.refused:
        parts += [Text(clean(conclusion.refused), style=STYLES["violated"]), ""]
    return parts


def drift_table(comparison: Comparison) -> Table:
    """Each language's drift, and what the test says of it; what fails the run is marked."""
    drifts = comparison.drifts
    table = plain_table("language", "drift", f"{drifts[0].confidence:.0%} interval", "p (Holm)", "questions", "")
    for drift in drifts:
        low, high = drift.interval
        figures = (
            f"{drift.estimate:.3f}",
            f"{low:.3f} to {high:.3f}",
            p_value(drift.p_adjusted),
            f"{drift.n_questions}",
        )
        fails = drift.language in comparison.failed
        table.add_row(drift.language, *figures, Text("fails" if fails else "", STYLES["violated"]))
    return table


def trajectory_table(trajectory: Trajectory) -> Table:
    """Each checkpoint's distances to the target and to the first one."""
    confidence = trajectory.steps[0].to_target.confidence
    interval = f"{confidence:.0%} interval"
    table = plain_table("checkpoint", "to target", interval, "to origin", interval)
    for step in trajectory.steps:
        cells = []
        for distance in (step.to_target, step.to_origin):
            low, high = distance.interval if distance else (0.0, 0.0)
            cells += [f"{distance.estimate:.3f}", f"{low:.3f} to {high:.3f}"] if distance else ["", ""]
        table.add_row(clean(step.model), *cells)
    return table


def p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def cost_table(profiles: Sequence[ProfileResult]) -> Table:
    """What each model and language took."""
    table = plain_table("asked", "calls", "tokens in", "tokens out", "cost")
    for profile in profiles:
        tally = profile.tally
        figures = (f"{tally.calls}", f"{tally.prompt_tokens}", f"{tally.completion_tokens}", cost_of([tally]))
        table.add_row(f"{clean(profile.model)}/{profile.language}", *figures)
        if profile.translation and profile.translation.calls:
            spent = profile.translation
            figures = (f"{spent.calls}", f"{spent.prompt_tokens}", f"{spent.completion_tokens}", cost_of([spent]))
            table.add_row(f"{clean(profile.model)}/{profile.language}, translating", *figures)
    return table


def tallies_of(profiles: Iterable[ProfileResult]) -> list[Tally]:
    """Everything that was asked for, of the audited models and of the translator."""
    return [tally for profile in profiles for tally in (profile.tally, profile.translation) if tally is not None]


def cost_lines(tallies: Sequence[Tally]) -> Text:
    """Calls, tokens and cost of the whole run."""
    calls = sum(tally.calls for tally in tallies)
    recorded = sum(tally.recorded for tally in tallies)
    tokens_in = sum(tally.prompt_tokens for tally in tallies)
    tokens_out = sum(tally.completion_tokens for tally in tallies)
    retries = sum(tally.retries for tally in tallies)
    return Text(
        f"{counted(calls, 'call')} ({counted(retries, 'retry', 'retries')}), "
        f"{counted(recorded, 'answer')} from records; {tokens_in} tokens in, {tokens_out} out\ncost {cost_of(tallies)}"
    )


def cost_of(tallies: Sequence[Tally]) -> str:
    """An unknown price is shown as unknown, never as zero."""
    known, unpriced = sum(tally.cost_usd for tally in tallies), sum(tally.unpriced for tally in tallies)
    if not unpriced:
        return dollars(known)
    return f"{dollars(known)} and {counted(unpriced, 'call')} of unknown price" if known else "unknown"


def dollars(amount: float) -> str:
    """Four decimals, or six where four would show nothing."""
    if not amount:
        return "$0"
    return f"${amount:.4f}" if amount >= 0.01 else f"${amount:.6f}"


def counted(number: int, one: str, several: str | None = None) -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"


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


def indented(renderable: RenderableType) -> Padding:
    return Padding(renderable, (0, 0, 0, 2), expand=False)


def clean(text: str) -> str:
    """Text from outside, without control characters: a model's answer must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
