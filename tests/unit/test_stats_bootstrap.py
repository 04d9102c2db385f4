"""The bootstrap of whole questions: hand-worked numbers, and scipy as an independent implementation."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
import scipy.stats
from hypothesis import given

from pytest_univar import stats
from pytest_univar.errors import UndefinedError
from pytest_univar.stats import clusters
from pytest_univar.stats.bootstrap import expanded_tails

from .stats_samples import Array, cloud, few, seeds


def test_bootstrap_means_are_means_of_whole_questions() -> None:
    rows, groups = np.array([[0.0], [0.0], [0.0], [4.0]]), ["a", "a", "a", "b"]
    means = stats.cluster_bootstrap_means(rows, groups, draws=4000, seed=0).ravel()
    # a and a: 0; a and b: 4 rows, mean 1; b and b: 4
    values, counts = np.unique(means, return_counts=True)
    assert values.tolist() == [0.0, 1.0, 4.0]
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_bootstrap_means_spread_like_the_standard_error() -> None:
    rows = cloud(np.random.default_rng(4), 50)
    means = stats.cluster_bootstrap_means(rows, np.arange(50), draws=4000, seed=0)
    assert means.shape == (4000, 6)
    assert means.std(axis=0) == pytest.approx(rows.std(axis=0) / math.sqrt(50), rel=0.06)


def test_a_bootstrap_in_parts_is_as_long_as_one_in_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = cloud(np.random.default_rng(5), 20)
    monkeypatch.setattr(clusters, "CHUNK_CELLS", 20 * 7)
    means = stats.cluster_bootstrap_means(rows, np.arange(20), draws=100, seed=0)
    assert np.isfinite(means).all()
    assert means.std(axis=0) == pytest.approx(rows.std(axis=0) / math.sqrt(20), rel=0.4)


# ---------------------------------------------------------------------------------------------------------- intervals


def first(means: Array) -> Array:
    return means[:, 0]


def spread(means: Array) -> Array:
    """The standard deviation from the means of x and x²."""
    found: Array = np.sqrt(means[:, 1] - means[:, 0] ** 2)
    return found


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("statistic", ["mean", "std"])
def test_bootstrap_intervals_are_those_of_scipy(method: Literal["percentile", "bca"], statistic: str) -> None:
    x = np.random.default_rng(0).exponential(size=40)
    farther_out = scipy.stats.t.ppf(0.975, 39) * np.sqrt(40 / 39)
    expected = scipy.stats.bootstrap(
        (x,), getattr(np, statistic), n_resamples=20_000, method=method, rng=np.random.default_rng(1),
        confidence_level=2 * scipy.stats.norm.cdf(farther_out) - 1,
    ).confidence_interval  # fmt: skip
    sample = stats.question_sums(np.stack([x, x**2], axis=1), range(40))
    found = stats.bootstrap_interval(sample, first if statistic == "mean" else spread, draws=20_000, method=method)
    width = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.03 * width)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("n", [16, 60, 1000])
def test_the_quantiles_are_those_of_the_t_distribution(confidence: float, n: int) -> None:
    low, high = expanded_tails(confidence, n)
    t = scipy.stats.t.ppf((1 + confidence) / 2, n - 1) * np.sqrt(n / (n - 1))
    assert scipy.stats.norm.ppf(high) == pytest.approx(t, abs=0.001)
    assert low == pytest.approx(1 - high)


def test_bca_is_moved_towards_the_tail_of_a_skewed_sample() -> None:
    sample = stats.question_sums(np.random.default_rng(2).exponential(size=60), range(60))
    plain = stats.bootstrap_interval(sample, first, method="percentile")
    corrected = stats.bootstrap_interval(sample, first, method="bca")
    assert corrected.low > plain.low
    assert corrected.high > plain.high


def test_copies_of_an_answer_do_not_narrow_a_bootstrap_interval() -> None:
    x = cloud(np.random.default_rng(3), 20, 1)
    once = stats.bootstrap_interval(stats.question_sums(x, range(20)), first)
    copied = stats.bootstrap_interval(stats.question_sums(np.repeat(x, 4, axis=0), np.repeat(range(20), 4)), first)
    assert copied == pytest.approx(once)


@few
@given(seeds)
def test_a_bootstrap_interval_does_not_depend_on_the_order_of_rows_or_their_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, groups = cloud(rng, 40, 1), rng.integers(12, size=40)
    order = rng.permutation(40)
    expected = stats.bootstrap_interval(stats.question_sums(x, groups), first, draws=400)
    shuffled = stats.bootstrap_interval(stats.question_sums(x[order], groups[order]), first, draws=400)
    moved = stats.bootstrap_interval(stats.question_sums(10 * x + 3, groups), first, draws=400)
    assert shuffled == pytest.approx(expected)
    assert moved == pytest.approx([10 * end + 3 for end in expected])


def test_an_estimate_outside_of_all_draws_has_no_bca() -> None:
    sample = stats.question_sums(cloud(np.random.default_rng(4), 30, 300) / 10, range(30))

    def length(means: Array) -> Array:
        found: Array = np.linalg.norm(means, axis=1)
        return found

    with pytest.raises(UndefinedError, match=r"every one of 2000 .* one side of the estimate.*distance_interval"):
        stats.bootstrap_interval(sample, length)


def test_the_mean_of_question_sums_is_that_of_all_rows() -> None:
    sample = stats.question_sums(np.array([True, False, True, True]), ["a", "a", "a", "b"])
    assert sample.sums.tolist() == [[2.0], [1.0]]
    assert sample.sizes.tolist() == [3.0, 1.0]
    assert sample.mean.tolist() == [0.75]


def test_one_question_cannot_be_resampled() -> None:
    with pytest.raises(UndefinedError, match="answers to 1 question,"):
        stats.question_sums(np.ones(3), ["a", "a", "a"])


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_intervals_hold_a_mean_about_as_often_as_they_say(method: Literal["percentile", "bca"]) -> None:
    """The large simulation is benchmarks/interval_coverage.py; this one only notices when something breaks."""
    rng, held = np.random.default_rng(5), 0
    for _ in range(400):
        sample = stats.question_sums(rng.exponential(size=60), range(60))
        low, high = stats.bootstrap_interval(sample, first, draws=500, seed=rng, method=method)
        held += low <= 1 <= high
    assert 0.90 < held / 400 < 0.98
