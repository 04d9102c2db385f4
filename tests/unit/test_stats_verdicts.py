"""Verdicts, sample sizes and percentiles: hand-worked numbers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from pytest_univar import stats
from pytest_univar.errors import UndefinedError


@pytest.mark.parametrize(
    ("interval", "side", "expected"),
    [
        ((0.1, 0.2), "below", "met"),
        ((0.1, 0.2), "above", "violated"),
        ((0.4, 0.5), "below", "violated"),
        ((0.4, 0.5), "above", "met"),
        ((0.2, 0.4), "below", "inconclusive"),
        ((0.2, 0.4), "above", "inconclusive"),
        ((0.2, 0.3), "below", "inconclusive"),
        ((0.3, 0.4), "above", "inconclusive"),
    ],
)
def test_verdicts(interval: tuple[float, float], side: stats.Side, expected: str) -> None:
    assert stats.verdict(interval, 0.3, side) == expected


def test_questions_that_would_settle_it() -> None:
    # half width 0.2, gap 0.1: four times the questions
    assert stats.questions_to_settle(20, (0.2, 0.6), 0.3) == 60
    assert stats.questions_to_settle(20, (0.2, 0.6), 0.4) is None
    assert stats.questions_to_settle(20, (0.2, 0.6), 0.9) == 0


def test_questions_that_would_settle_it_beside_a_bank_that_stays_as_it_is() -> None:
    # a tenth of the square of 0.2 stays: 20 · 0.9 · 0.04 / (0.01 − 0.004) = 120
    assert stats.questions_to_settle(20, (0.2, 0.6), 0.3, fixed=0.1) == 100
    assert stats.questions_to_settle(20, (0.2, 0.6), 0.3, fixed=0.25) is None
    assert stats.questions_to_settle(20, (0.2, 0.6), 0.9, fixed=1.0) == 0


def test_the_size_of_a_sample_by_hand() -> None:
    assert stats.sample_size(20, 0.2, 0.1) == 80
    assert stats.sample_size(20, 0.2, 0.4) == 5
    assert stats.sample_size(20, 0.2, 0.1, fixed=0.1) == 120
    assert stats.sample_size(20, 0.2, 0.1, fixed=0.25) is None
    assert stats.sample_size(20, 0.2, 0.0) is None
    assert stats.sample_size(20, 0.0, 0.1) == 1


def test_a_sample_of_that_size_has_an_interval_of_that_width() -> None:
    rng = np.random.default_rng(0)
    low, high = stats.share_interval(rng.random(60) < 0.5, range(60))
    needed = stats.sample_size(60, (high - low) / 2, 0.05)
    assert needed is not None
    low, high = stats.share_interval(rng.random(needed) < 0.5, range(needed))
    assert (high - low) / 2 == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("wrong", [(0, 0.2, 0.1), (9, -0.2, 0.1), (9, 0.2, -0.1), (9, 0.2, 0.1, 1.5)])
def test_a_sample_size_of_nonsense_is_undefined(wrong: tuple[int, float, float]) -> None:
    with pytest.raises(UndefinedError, match="expected at least 1 question"):
        stats.sample_size(*wrong)


def test_percentiles() -> None:
    sample = [1.0, 2.0, 2.0, 4.0]
    assert [stats.percentile_of(value, sample) for value in (0, 2, 3, 9)] == [0.0, 50.0, 75.0, 100.0]
    assert stats.percentile_of(2, sample) == scipy.stats.percentileofscore(sample, 2, kind="mean")
    with pytest.raises(UndefinedError, match="empty sample"):
        stats.percentile_of(1.0, [])
