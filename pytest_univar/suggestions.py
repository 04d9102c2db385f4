"""Expectations that an audited model meets now, as the text of a ``*.univar.yaml`` file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import yaml

from pytest_univar.baselines import Baseline
from pytest_univar.declared import AtDistance, Closer, Expectation, InRegion
from pytest_univar.errors import BaselineError
from pytest_univar.expectations import Auditor, Claim
from pytest_univar.measurement import MeasuredProfile


class Suggestion(NamedTuple):
    """An expectation that is met, and the figures that say so."""

    expectation: Expectation
    figures: str


def suggestions(
    profile: MeasuredProfile, *, false_alarms: float, confidence: float | None = None
) -> tuple[Suggestion, ...]:
    """What can be expected of a profile that lies where this one does.

    Its region in each scheme that has several, closer to that region than to the runner-up, and its distance to the
    nearest value ID: each where it is met. false_alarms: the share of unchanged models that the distance's threshold
    may fail. confidence: written into every expectation; None leaves it to the run.
    """
    language = profile.profile.value_id.language
    suggested = []
    for candidate, why in _candidates(profile.at(confidence), language, false_alarms):
        expectation = candidate.model_copy(update={"confidence": confidence})
        claim = _claim_of(expectation, profile, language)
        if claim.verdict == "met":
            suggested.append(Suggestion(expectation, claim.detail + why))
    return tuple(suggested)


def declaration_text(
    suggested: Sequence[Suggestion], *, head: Sequence[str], languages: Sequence[str], questions: str | None
) -> str:
    """The file: its head as comments, what is asked, and every expectation below its figures."""
    settings = {"languages": list(languages)} | ({"questions": questions} if questions else {})
    lines = [*(_comment(line) for line in head), *(f"{name}: {_flow(value)}" for name, value in settings.items())]
    lines += ["", "expect:"]
    for expectation, figures in suggested:
        lines += [f"  {_comment(figures)}", f"  - {_flow(expectation.model_dump(exclude_none=True))}", ""]
    return "\n".join(lines)


def _candidates(profile: MeasuredProfile, language: str, false_alarms: float) -> Iterator[tuple[Expectation, str]]:
    """Expectations that may be met, with what is to be said beside the figures of the claim."""
    for scheme, regions in profile.bank.schemes.items():
        if len(regions) > 1:
            region, runner_up = list(profile.region(scheme).shares)[:2]
            yield InRegion(language=language, region=region, scheme=scheme), ""
            yield Closer(language=language, closer_to=region, than=runner_up, scheme=scheme), ""
    nearest = profile.nearest(1)[0]
    threshold, why = nearest.interval.high, "below: above the upper end of the interval"
    if profile.calibration is None:
        why += ", as the bank has no calibration"
    else:
        calibrated = profile.calibration.threshold(profile.n_questions, false_alarms)
        why += f" and {calibrated:.3f}, which {false_alarms:.0%} of an unchanged model's distances exceed"
        threshold = max(threshold, calibrated)
    yield AtDistance(language=language, distance_to=nearest.to, below=_above(threshold)), f"; {why}"


def _claim_of(expectation: Expectation, profile: MeasuredProfile, language: str) -> Claim:
    claims: list[Claim] = []
    model = profile.profile.value_id.llm
    expectation.check(Auditor("", model, (language,), lambda _: profile, _no_baseline, claims.extend))
    return claims[0]


def _no_baseline(name: str) -> Baseline:
    raise BaselineError(f"found the baseline {name!r} in a suggestion, expected none")


def _above(number: float) -> float:
    """The next of three decimals."""
    return round(math.floor(number * 1000) / 1000 + 0.001, 3)


def _flow(value: object) -> str:
    """YAML in one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=math.inf)
    return text.removesuffix("...\n").strip()


def _comment(text: str) -> str:
    return f"# {' '.join(text.split())}".rstrip()
