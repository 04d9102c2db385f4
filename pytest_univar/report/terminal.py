"""The report after the run, for a terminal of any width, with or without colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pytest_univar.audit import ProfileResult
from pytest_univar.elicitation import Tally
from pytest_univar.expectations import Claim
from pytest_univar.measurement import Distance, RegionVerdict
from pytest_univar.report import AuditResult

STYLES = {"met": "green", "violated": "bold red", "inconclusive": "yellow", "passed": "green", "failed": "bold red"}


def render(result: AuditResult, *, width: int, colour: bool) -> str:
    """The whole report as text, ``width`` columns wide; with ANSI colours or plain."""
    console = Console(
        file=StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None,
        highlight=False, emoji=False, markup=False, legacy_windows=False,
    )  # fmt: skip
    with console.capture() as capture:
        console.print(report(result))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def report(result: AuditResult) -> Group:
    """Answers, then where the values lie, then the expectations, then what it cost."""
    parts: list[RenderableType] = []
    for profile in result.profiles:
        parts += [*profile_lines(profile), ""]
    if result.claims or result.outcomes:
        parts += [expectations(result), ""]
    parts.append(cost_line([profile.tally for profile in result.profiles]))
    return Group(*parts)


def profile_lines(profile: ProfileResult) -> list[RenderableType]:
    """One audited value ID: its answers, its nearest value IDs and its regions."""
    parts: list[RenderableType] = [
        Text(f"{clean(profile.model)}/{profile.language}", style="bold"),
        indented(Text(f"answers  {answers_line(profile.tally)} (questions: {profile.questions})")),
    ]
    if not profile.nearest:
        parts.append(indented(Text("not measured: too few answers", style="yellow")))
    else:
        parts.append(indented(nearest_table(profile.nearest)))
        parts.append(indented(regions_table(profile.regions)))
        if any(region.balanced for region in profile.regions):
            note = "Value IDs have unequal numbers of answers in the bank; their votes are weighted to count alike."
            parts.append(indented(Text(note, style="dim")))
    parts += [
        indented(Text(f"{name}: {clean(why)}", style="yellow")) for name, why in list(profile.problems.items())[:3]
    ]
    if len(profile.problems) > 3:
        parts.append(
            indented(Text(f"and {len(profile.problems) - 3} more questions without an answer", style="yellow"))
        )
    return parts


def answers_line(tally: Tally) -> str:
    """Every question is in one of kept, empty, cut off or missing."""
    text = f"{tally.kept} of {tally.asked} kept, {tally.refused} of them refusals"
    if tally.at_limit:
        text += f", {tally.at_limit} at the token limit"
    return text + f"; {tally.empty} empty, {tally.cut_off} cut off, {tally.missing} missing"


def nearest_table(nearest: Sequence[Distance]) -> Table:
    table = plain_table("nearest value IDs", "distance", f"{nearest[0].confidence:.0%} interval", "plain")
    for distance in nearest:
        low, high = distance.interval
        table.add_row(
            clean(distance.to), f"{distance.estimate:.3f}", f"{low:.3f} to {high:.3f}", f"{distance.plain:.3f}"
        )
    return table


def regions_table(regions: Iterable[RegionVerdict]) -> Table:
    regions = list(regions)
    table = plain_table("region", "share", f"{regions[0].confidence:.0%} interval", "next")
    for region in regions:
        low, high = region.interval
        runner_up = [(name, share) for name, share in region.shares.items() if name != region.label and share > 0][:1]
        following = f"{clean(runner_up[0][0])} {runner_up[0][1]:.0%}" if runner_up else ""
        table.add_row(
            f"{region.scheme}: {clean(region.label)}", f"{region.share:.0%}", f"{low:.0%} to {high:.0%}", following
        )
    return table


def expectations(result: AuditResult) -> Group:
    """Each claim with its verdict and figures; then the tests whose plain assertions speak for themselves."""
    parts: list[RenderableType] = [Text("expectations", style="bold")]
    for claim in result.claims:
        parts += claim_lines(claim)
    for outcome in result.outcomes:
        verdict = "passed" if outcome.passed else "failed"
        line = Text.assemble((f"{verdict:<12} ", STYLES[verdict]), clean(outcome.where))
        parts.append(indented(line))
    return Group(*parts)


def claim_lines(claim: Claim) -> list[RenderableType]:
    return [
        indented(
            Text.assemble(
                (f"{claim.verdict:<12} ", STYLES[claim.verdict]), f"{clean(claim.model)}: {clean(claim.text)}"
            )
        ),
        indented(Text(clean(claim.detail), style="dim"), by=15),
        indented(Text(claim.where, style="dim"), by=15),
    ]


def cost_line(tallies: Sequence[Tally]) -> Text:
    """Calls, tokens and cost of the whole run. An unknown price is shown as unknown, never as zero."""
    calls = sum(tally.calls for tally in tallies)
    recorded = sum(tally.recorded for tally in tallies)
    tokens_in = sum(tally.prompt_tokens for tally in tallies)
    tokens_out = sum(tally.completion_tokens for tally in tallies)
    unpriced = sum(tally.unpriced for tally in tallies)
    retries = sum(tally.retries for tally in tallies)
    known = sum(tally.cost_usd for tally in tallies)
    cost = f"${known:.4f}" if unpriced == 0 else f"${known:.4f} and {unpriced} calls of unknown price"
    if calls and unpriced == calls:
        cost = "unknown price"
    return Text(
        f"{calls} calls ({retries} retries), {recorded} answers from records; "
        f"{tokens_in} tokens in, {tokens_out} out; cost {cost}"
    )


def plain_table(first: str, *others: str) -> Table:
    """A table without rules, whose first column takes the room that is left and folds."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold", ratio=None)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def indented(renderable: RenderableType, by: int = 2) -> Padding:
    return Padding(renderable, (0, 0, 0, by), expand=False)


def clean(text: str) -> str:
    """Text from outside, without control characters: a model's answer must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
