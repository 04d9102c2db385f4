"""What moved: a profile against an earlier one, and both against a target (paper, appendix G)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from pytest_univar import stats
from pytest_univar.measurement.profile import MeasuredProfile, Target
from pytest_univar.measurement.results import Drift, Movement
from pytest_univar.values import Profile

DRAWS = 10_000
"""Permutations of a drift test: p-values down to 1 in 10,001."""


def drift_since(later: MeasuredProfile, earlier: Profile, since: str) -> Drift:
    """How far ``later`` is from ``earlier``; ``p_adjusted`` is the plain p-value, for Holm see ``adjusted``.

    Where at least half of the questions of each were asked of both, only these enter, and each is compared with itself:
    the distance is that of the mean of the paired differences, the test flips the signs of whole questions. Otherwise
    the distance is that of the two centroids, and the test permutes whole questions between the two.
    """
    later.bank.check_encoder(earlier.encoder, f"the profile {since!r}")
    now = later.profile
    shared = sorted(set(now.question_ids) & set(earlier.question_ids))
    paired = 2 * len(shared) >= max(len(set(now.question_ids)), len(set(earlier.question_ids)))
    if paired:
        before = _means(earlier, shared)
        centre = stats.centre(_means(now, shared) - before, shared)
        origin = stats.origin(centre)
        test = stats.sign_flip_test(
            now.vectors, now.question_ids, earlier.vectors, earlier.question_ids, draws=DRAWS, seed=later.seed
        )
    else:
        centre, origin = later.centre, stats.centre(earlier.vectors, earlier.question_ids)
        test = stats.two_sample_test(
            now.vectors, now.question_ids, earlier.vectors, earlier.question_ids, draws=DRAWS, seed=later.seed
        )
    n_questions = len(shared) if paired else later.n_questions
    return Drift(
        since=since,
        language=now.value_id.language,
        estimate=stats.debiased_distance(centre, origin),
        plain=float(np.linalg.norm(centre.mean - origin.mean)),
        interval=stats.distance_interval(centre, origin, later.confidence, later.draws, later.seed),
        confidence=later.confidence,
        p_value=test.p_value,
        p_adjusted=test.p_value,
        n_questions=n_questions,
        shared=len(shared),
        method=test.method,
        margin=later.calibration.margin(n_questions) if later.calibration else None,
        pulls=later.pulls(centre.mean - origin.mean, dict(zip(shared, before, strict=True)) if paired else None),
    )


def adjusted(drifts: Sequence[Drift]) -> list[Drift]:
    """The drifts of the languages of one audit, with their p-values adjusted after Holm."""
    p_values = stats.holm([drift.p_value for drift in drifts])
    return [replace(drift, p_adjusted=float(p)) for drift, p in zip(drifts, p_values, strict=True)]


def moved(later: MeasuredProfile, earlier: Profile, since: str, to: Target, scheme: str | None = None) -> Movement:
    """How much closer ``later`` is to a target than ``earlier`` was (paper, appendix G: centroid distances)."""
    later.bank.check_encoder(earlier.encoder, f"the profile {since!r}")
    name, target = later.target(to, scheme)
    before = stats.centre(earlier.vectors, earlier.question_ids)
    return Movement(
        to=name,
        since=since,
        before=stats.debiased_distance(before, target),
        after=stats.debiased_distance(later.centre, target),
        gain=stats.distance_difference(target, later.centre, before),
        interval=stats.difference_interval(target, later.centre, before, later.confidence, later.draws, later.seed),
        confidence=later.confidence,
        n_questions=later.n_questions,
    )


def _means(profile: Profile, questions: Sequence[str]) -> npt.NDArray[np.float64]:
    """The mean ``[G, d]`` of the answers to each of the ``questions``, in their order."""
    names, means = stats.question_means(profile.vectors, profile.question_ids)
    return means[np.searchsorted(names, questions)]
