"""Intervals and what they decide: verdicts, the questions that would settle one, percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from pytest_univar.errors import UndefinedError
from pytest_univar.stats.clusters import Floats

Verdict = Literal["met", "violated", "inconclusive"]
Side = Literal["below", "above"]


class Interval(NamedTuple):
    """The two ends of a confidence interval, in the unit of the estimate it belongs to."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"[{self.low:.3f}, {self.high:.3f}]"


def verdict(interval: tuple[float, float], threshold: float, side: Side) -> Verdict:
    """``met`` where the interval lies wholly on the claimed side of the threshold, ``violated`` where it lies wholly on
    the other, else (touching included) ``inconclusive``."""
    low, high = interval
    if low <= threshold <= high:
        return "inconclusive"
    return "met" if (high < threshold) == (side == "below") else "violated"


def sample_size(n_questions: int, half_width: float, wanted: float, fixed: float = 0.0) -> int | None:
    """How many questions in all bring an interval's half width, measured at ``n_questions``, down to ``wanted``.

    The square of a half width shrinks as 1/n, but for a part of it, ``fixed`` (0 to 1), that more questions leave as it
    is: what comes from the bank (:func:`reference_share`). So ``n (1 − f) h² / (w² − f h²)``, rounded up; None where
    the fixed part alone is as wide as wanted, and for ``wanted`` 0 where there is a width at all.
    """
    if n_questions < 1 or half_width < 0 or wanted < 0 or not 0 <= fixed <= 1:
        raise UndefinedError(
            f"found {n_questions} questions, a half width of {half_width}, {wanted} wanted and {fixed} of it fixed; "
            "expected at least 1 question, widths that are not negative and a part within 0 and 1"
        )
    if half_width == 0:
        return 1
    ratio = (wanted / half_width) ** 2
    if ratio <= fixed * (1 + 1e-9):  # as wide as the fixed part but for rounding
        return None
    # divided first: where nothing is fixed, the result is that of n (h / w)² to the last digit
    return max(1, math.ceil(n_questions * ((1 - fixed) / (ratio - fixed))))


def questions_to_settle(
    n_questions: int, interval: tuple[float, float], threshold: float, fixed: float = 0.0
) -> int | None:
    """How many further questions would bring the interval clear of the threshold; 0 where it is clear already.

    Assumes that the middle stays and the half width shrinks as :func:`sample_size` says. None where no number would:
    the middle lies on the threshold, or the ``fixed`` part is too wide.
    """
    low, high = interval
    gap, half = abs((low + high) / 2 - threshold), (high - low) / 2
    if gap == 0:
        return None
    if half < gap:
        return 0
    needed = sample_size(n_questions, half, gap, fixed)
    return None if needed is None else max(0, needed - n_questions)


def percentile_of(value: float, sample: Floats | Sequence[float]) -> float:
    """The percentage (0 to 100) of the ``sample`` ``[m]`` below ``value``; equal ones count half."""
    if len(sample) == 0:
        raise UndefinedError("found an empty sample, expected at least one value to compare with")
    values = np.asarray(sample)
    return float(100 * (np.mean(values < value) + np.mean(values == value) / 2))
