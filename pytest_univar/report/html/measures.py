"""What was measured, claim or no claim: distances, regions, languages beside each other, the path of checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Trajectory
from pytest_univar.expectations import Claim
from pytest_univar.findings import Heat
from pytest_univar.measurement import Distance, RegionVerdict
from pytest_univar.report import AuditResult
from pytest_univar.report.html.charts import Line, Scale, axis, bar, path, scale_of, strip
from pytest_univar.report.html.markup import Child, Html, el, frame, joined, language_name, name, table
from pytest_univar.report.text import span

_REGIONS = 5
"""Regions of a scheme that are listed; the rest is summed up."""
_SHADES = 9
_SCHEMES = {"llm": "model"}


def measures_body(result: AuditResult) -> Html | None:
    """None where nothing was measured."""
    measured = [profile for profile in result.profiles if profile.nearest or profile.regions]
    trajectories = result.conclusion.trajectories if result.conclusion else ()
    heat = result.findings.heat if result.findings else None
    parts: list[Child] = []
    if any(profile.nearest for profile in measured):
        parts.append(distances_part(measured, result.claims))
    if any(profile.regions for profile in measured):
        parts.append(regions_part(measured))
    if heat:
        parts.append(heat_part(heat))
    if trajectories:
        parts += [el("h3", "From checkpoint to checkpoint"), [trajectory_part(each) for each in trajectories]]
    return joined(parts) if parts else None


def titled(profile: ProfileResult) -> str:
    return f"{profile.model}, {language_name(profile.language)}"


# --------------------------------------------------------------------------------------------------------- distances


def distances_part(profiles: Sequence[ProfileResult], claims: Sequence[Claim]) -> Html:
    """The nearest known models of each profile, all on one scale, with the thresholds of claims about them."""
    rows_of = [(profile, _rows(profile, claims)) for profile in profiles if profile.nearest]
    scale = scale_of(
        (
            value
            for _, rows in rows_of
            for distance, thresholds in rows
            for value in (distance.estimate, *distance.interval, *thresholds)
        ),
        width=360,
        from_zero=True,
    )
    placed = any(distance.within is not None for _, rows in rows_of for distance, _ in rows)
    explained = (
        "How far the answers lie, on the whole, from those of the known models that are nearest to them. 0 would be "
        "the same; there is no unit, so compare distances with each other. The line through each dot is its interval."
    )
    if any(thresholds for _, rows in rows_of for _, thresholds in rows):
        explained += " A dashed line is the threshold of an expectation."
    own = (
        " The last two columns say how many of the bank’s own distances are smaller: distances of a model to itself, "
        "and to other models. Who asks other questions than the bank did lies farther from all of them."
    )
    return joined(
        [
            el("h3", "Nearest known models"),
            el("p", explained + (own if placed else ""), class_="note"),
            [_distance_table(profile, rows, scale, placed) for profile, rows in rows_of],
        ]
    )


def _rows(profile: ProfileResult, claims: Sequence[Claim]) -> list[tuple[Distance, list[float]]]:
    """The profile's distances, and those that only a claim is about, the nearest first; with claims' thresholds."""
    about = [
        claim
        for claim in claims
        if claim.kind == "distance" and (claim.model, claim.language) == (profile.model, profile.language)
    ]
    rows = [(each, [c.threshold for c in about if _is_about(c, each.to)]) for each in profile.nearest]
    known = {distance.to for distance in profile.nearest}
    for claim in about:
        to = claim.text.partition(f" {claim.threshold:g} to ")[2] if claim.threshold is not None else ""
        if to and to not in known and claim.estimate is not None and claim.interval is not None:
            known.add(to)
            made = Distance(to, claim.estimate, claim.estimate, claim.interval, claim.confidence or 0.95, 0,
                            claim.n_questions or 0)  # fmt: skip
            rows.append((made, [c.threshold for c in about if _is_about(c, to)]))
    kept = [(distance, [each for each in thresholds if each is not None]) for distance, thresholds in rows]
    return sorted(kept, key=lambda row: row[0].estimate)


def _is_about(claim: Claim, to: str) -> bool:
    return claim.threshold is not None and claim.text.endswith(f" {claim.threshold:g} to {to}")


def _distance_table(
    profile: ProfileResult, rows: Sequence[tuple[Distance, list[float]]], scale: Scale, placed: bool
) -> Html:
    head: list[Child] = ["known model", _headed("distance with its interval", axis(scale)), "distance", "interval"]
    if placed:
        head += ["to itself", "to others"]
    cells: list[list[Child]] = []
    for distance, thresholds in rows:
        cell: list[Child] = [
            name(distance.to),
            strip(scale, distance.estimate, distance.interval, thresholds),
            f"{distance.estimate:.3f}",
            span(distance.interval),
        ]
        if placed:
            cell += [_percent(distance.within), _percent(distance.between)]
        cells.append(cell)
    return table(titled(profile), head, cells, "figures forest")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"


def _headed(words: str, picture: Html) -> Html:
    return joined([el("span", words, class_="unseen"), picture])


# ----------------------------------------------------------------------------------------------------------- regions


def regions_part(profiles: Sequence[ProfileResult]) -> Html:
    tables = [
        _region_table(profile, region)
        for profile in profiles
        for region in sorted(profile.regions, key=lambda each: each.scheme == "llm")
    ]
    balanced = any(region.balanced for profile in profiles for region in profile.regions)
    note = " Where a model has more answers in the bank than others, each of them counts less." if balanced else ""
    return joined(
        [
            el("h3", "Regions"),
            el(
                "p",
                "Each answer is given to the group of known models whose answers lie around it, by the vote of the "
                "nearest answers in the bank. The bars say how many of the answers fall to each group; the line on the "
                f"longest bar is its interval.{note}",
                class_="note",
            ),
            el("div", tables, class_="side-by-side"),
        ]
    )


def _region_table(profile: ProfileResult, region: RegionVerdict) -> Html:
    listed = [(label, share) for label, share in region.shares.items() if share > 0]
    rows: list[list[Child]] = []
    for place, (label, share) in enumerate(listed[:_REGIONS]):
        first = place == 0
        low, high = region.interval
        rows.append(
            [
                name(label),
                bar(share, region.interval if first else None),
                [f"{share:.0%}", el("span", f"{low:.0%} to {high:.0%}", class_="sub") if first else None],
            ]
        )
    if rest := listed[_REGIONS:]:
        share = sum(share for _, share in rest)
        rows.append([f"{len(rest)} more", bar(share), f"{share:.0%}"])
    scheme = _SCHEMES.get(region.scheme, region.scheme)
    return table(f"{titled(profile)}: by {scheme}", [scheme, "share", "answers"], rows, "figures regions")


# --------------------------------------------------------------------------------------------------------------- heat


def heat_part(heat: Heat) -> Html:
    """Distances between languages, and models, as a table whose cells are the darker the farther."""
    known = [value for row in heat.distances for value in row if value is not None]
    low, high = min(known), max(known)

    def cell(value: float | None) -> Html:
        if value is None:
            return el("td", "–", class_="self")
        shade = round((value - low) / ((high - low) or 1.0) * _SHADES)
        return el("td", f"{value:.2f}", class_=f"h{shade}")

    columns = [el("th", str(place), scope="col", aria_label=label) for place, label in enumerate(heat.labels, 1)]
    rows = [
        el("tr", el("th", f"{place} ", name(label), scope="row", class_=None if place <= heat.audited else "of-bank"),
           [cell(value) for value in row])
        for place, (label, row) in enumerate(zip(heat.labels, heat.distances, strict=True), 1)
    ]  # fmt: skip
    caption = "Distances between languages and models"
    whole = el(
        "table",
        el("caption", caption),
        el("thead", el("tr", el("td"), columns)),
        el("tbody", rows),
        class_="heat",
    )
    bank = " Below the audited ones stand the bank’s languages, each the mean of its models." if (
        heat.audited < len(heat.labels)
    ) else ""  # fmt: skip
    return joined(
        [
            el("h3", "Language by language"),
            el("p", f"How far each audited language of each model lies from the others; darker is farther.{bank}",
               class_="note"),
            frame(whole, caption),
        ]
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------- trajectory


def trajectory_part(trajectory: Trajectory) -> Html:
    steps = trajectory.steps
    lines = [
        Line("toward", "toward", tuple(_point(step.to_target) for step in steps)),
        Line("away", "away", tuple(_point(step.to_origin) for step in steps)),
    ]
    cells: list[list[Child]] = []
    for number, step in enumerate(steps, 1):
        figures: list[Child] = []
        for distance in (step.to_target, step.to_origin):
            figures += [f"{distance.estimate:.3f}", span(distance.interval)] if distance else ["–", "–"]
        cells.append([[f"{number}. ", name(step.model)], *figures])
    title = f"{language_name(trajectory.language)}: distance to {trajectory.target}, and to {trajectory.origin}"
    key = el(
        "p",
        el("span", "●", class_="toward-text", aria_hidden="true"), " distance to ", name(trajectory.target), "; ",
        el("span", "●", class_="away-text", aria_hidden="true"), " distance to the first, ", name(trajectory.origin),
        class_="note",
    )  # fmt: skip
    head = ["checkpoint", "to the target", "interval", "to the first", "interval"]
    heading = el("h4", language_name(trajectory.language), ": toward ", name(trajectory.target))
    return joined([heading, path(lines, len(steps), title), key, table(title, head, cells, "figures")])


def _point(distance: Distance | None) -> tuple[float, tuple[float, float]] | None:
    return (distance.estimate, (distance.interval.low, distance.interval.high)) if distance else None
