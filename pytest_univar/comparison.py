"""What a run's profiles say beside others: drift against a baseline, and the path of several checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_univar.baselines import Baseline, check_comparable
from pytest_univar.measurement import Distance, Drift, MeasuredProfile, adjusted, drift_since


class FailWhen(NamedTuple):
    """When drift fails a run: where the test's p (after Holm) is below ``p``, or the whole interval above ``distance``.

    None where the condition was not given; with both, either is enough.
    """

    p: float | None = None
    distance: float | None = None

    def holds(self, drift: Drift) -> bool:
        significant = self.p is not None and drift.p_adjusted < self.p
        far = self.distance is not None and drift.interval.low > self.distance
        return significant or far


@dataclass(frozen=True)
class Comparison:
    """One model against a baseline. drifts: of each language both have, with p-values after Holm over these."""

    model: str
    baseline: str
    created: str
    drifts: tuple[Drift, ...]
    failed: tuple[str, ...] = ()
    """The languages whose drift fails the run."""


@dataclass(frozen=True)
class Step:
    """One checkpoint on its way. to_origin: None for the first one, which is the origin."""

    model: str
    to_target: Distance
    to_origin: Distance | None


@dataclass(frozen=True)
class Trajectory:
    """The path of several checkpoints in one language (paper, appendix G): distances to target and to origin.

    origin: the first checkpoint.
    """

    language: str
    target: str
    origin: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Conclusion:
    """What is known once all profiles of a run are there. saved: the folder of the baseline written. refused: why
    something of it could not be done."""

    comparisons: tuple[Comparison, ...] = ()
    trajectories: tuple[Trajectory, ...] = ()
    saved: str = ""
    refused: str = ""

    @property
    def failed(self) -> bool:
        """Whether it fails the run."""
        return bool(self.refused) or any(comparison.failed for comparison in self.comparisons)


Audited = Mapping[str, Sequence[MeasuredProfile]]
"""Model, as it was asked for → its profile in each language."""


def compare(audited: Audited, baseline: Baseline, fail_when: FailWhen) -> tuple[Comparison, ...]:
    """Every model against the baseline; BaselineError where they do not fit it."""
    comparisons = []
    for model, profiles in audited.items():
        drifts = []
        for profile in profiles:
            earlier = baseline.profile(*reversed(profile.profile.value_id))
            check_comparable(profile.profile, earlier, baseline.name)
            drifts.append(drift_since(profile, earlier, f"{baseline.name} ({earlier.value_id})"))
        drifts = adjusted(drifts)
        failed = tuple(drift.language for drift in drifts if fail_when.holds(drift))
        comparisons.append(Comparison(model, baseline.label, baseline.created, tuple(drifts), failed))
    return tuple(comparisons)


def trajectories(audited: Audited, target: str) -> tuple[Trajectory, ...]:
    """The path of the models, in their order, in every language that several of them have.

    target: a value ID of the bank, or ``scheme:region``.
    """
    by_language: dict[str, list[tuple[str, MeasuredProfile]]] = {}
    for model, profiles in audited.items():
        for profile in profiles:
            by_language.setdefault(profile.profile.value_id.language, []).append((model, profile))
    return tuple(_trajectory(language, path, target) for language, path in by_language.items() if len(path) > 1)


def _trajectory(language: str, path: Sequence[tuple[str, MeasuredProfile]], target: str) -> Trajectory:
    name, origin = path[0]
    scheme, colon, region = target.partition(":")
    place = (region, scheme) if colon and scheme in origin.bank.schemes else (target, None)
    steps = tuple(
        Step(model, profile.distance_to(*place), None if profile is origin else profile.distance_to(origin))
        for model, profile in path
    )
    return Trajectory(language, steps[0].to_target.to, name, steps)
