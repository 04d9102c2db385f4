"""Values against the control (figure 4): does the encoder know LLMs by what they value, or by how they write?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pytest_univar.evaluation.scores import CONFIDENCE, Estimate, Figure
from pytest_univar.stats.bootstrap import expanded_tails


class Contrast(NamedTuple):
    """Balanced accuracies of the same value IDs on value-eliciting and other answers.

    gap: their difference. ratio: (values − chance) / (control − chance); None where the control is not above chance.
    Its bounds are None where they are not finite: the resamples hold a control at chance.
    """

    values: Figure
    control: Figure
    gap: Figure
    ratio: Figure | None


def contrast(values: Estimate, control: Estimate, chance: float) -> Contrast:
    """The questions of both sides are different ones, so their resamples are independent of each other."""
    both = min(len(values.draws), len(control.draws)) > 0
    draws = values.draws - control.draws if both else np.empty(0)
    gap = Estimate(values.value - control.value, draws, min(values.questions, control.questions))
    return Contrast(values.figure(), control.figure(), gap.figure(), _ratio(values, control, chance))


def _ratio(values: Estimate, control: Estimate, chance: float) -> Figure | None:
    above = control.value - chance
    if above <= 0:
        return None
    ratio = (values.value - chance) / above
    if min(len(values.draws), len(control.draws)) == 0:
        return Figure(ratio)
    tops, bottoms = values.draws - chance, control.draws - chance
    # What is above chance on values alone is infinitely many times as far above it as on the control.
    draws = np.where(bottoms > 0, tops / np.where(bottoms > 0, bottoms, 1), np.where(tops > 0, np.inf, -np.inf))
    tails = expanded_tails(CONFIDENCE, min(values.questions, control.questions))
    low, high = np.quantile(draws, tails, method="inverted_cdf").tolist()  # no mean of a number and infinity
    return Figure(ratio, low if np.isfinite(low) else None, high if np.isfinite(high) else None)
