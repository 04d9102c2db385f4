"""Intervals of distances and of their differences: seeds, limits, coverage."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given

from pytest_univar import stats
from pytest_univar.errors import UndefinedError
from pytest_univar.stats import intervals

from .stats_samples import Array, cloud, few, rotation, seeds


def test_the_same_seed_gives_the_same_interval_and_a_generator_goes_on() -> None:
    rng = np.random.default_rng(6)
    p, q = stats.centre(cloud(rng), np.arange(40)), stats.centre(cloud(rng, at=1), np.arange(40))
    assert stats.distance_interval(p, q, seed=1) == stats.distance_interval(p, q, seed=1)
    assert stats.distance_interval(p, q, seed=1) == stats.distance_interval(p, q, seed=np.random.default_rng(1))
    assert stats.distance_interval(p, q, seed=1) != stats.distance_interval(p, q, seed=2)


def test_a_distance_lies_in_its_interval_and_more_confidence_widens_it() -> None:
    rng = np.random.default_rng(7)
    p, q = stats.centre(cloud(rng), np.arange(40)), stats.centre(cloud(rng, at=1), np.arange(40))
    narrow, wide = stats.distance_interval(p, q, 0.8), stats.distance_interval(p, q, 0.99)
    assert wide.low < narrow.low < stats.debiased_distance(p, q) < narrow.high < wide.high


def test_a_wide_interval_is_clipped_at_zero() -> None:
    rng = np.random.default_rng(8)
    p, q = stats.centre(cloud(rng, 10), np.arange(10)), stats.centre(cloud(rng, 10), np.arange(10))
    low, high = stats.distance_interval(p, q)
    assert low == 0.0 < high


def test_two_questions_each_still_give_an_interval_that_decides_nothing() -> None:
    p = stats.centre(np.array([[0.0, 1.0], [1.0, 0.0]]), [0, 1])
    q = stats.centre(np.array([[0.6, 0.8], [0.8, 0.6]]), [0, 1])
    low, high = stats.distance_interval(p, q)
    assert low == 0.0
    assert 0.5 < high < math.inf


def test_sets_without_any_spread_have_an_interval_without_width() -> None:
    p, q = stats.centre(np.zeros((3, 2)), [0, 1, 2]), stats.centre(np.ones((3, 2)), [0, 1, 2])
    assert stats.distance_interval(p, q) == pytest.approx((math.sqrt(2), math.sqrt(2)))


def test_the_interval_of_the_difference_of_distances_has_the_sign_of_the_nearer_one() -> None:
    rng = np.random.default_rng(9)
    p, a, b = (stats.centre(cloud(rng, 60, at=at), np.arange(60)) for at in (0, 0.5, 3))
    difference = stats.distance_difference(p, a, b)
    assert difference == pytest.approx(stats.debiased_distance(p, b) - stats.debiased_distance(p, a))
    low, high = stats.difference_interval(p, a, b)
    assert 0 < low < difference < high
    reverse = stats.difference_interval(p, b, a)
    assert reverse == pytest.approx((-high, -low), abs=0.1)


def test_the_difference_of_two_equal_targets_is_zero_and_undecided() -> None:
    rng = np.random.default_rng(10)
    p, a = stats.centre(cloud(rng), np.arange(40)), stats.centre(cloud(rng, at=1), np.arange(40))
    low, high = stats.difference_interval(p, a, a)
    assert stats.distance_difference(p, a, a) == 0.0
    assert low < 0 < high


def test_a_difference_near_both_targets_is_scaled_by_the_plain_distances() -> None:
    p, a, b = (stats.centre(np.array(rows), [0, 1]) for rows in ([[0.0], [2.0]], [[0.4], [1.2]], [[0.5], [1.5]]))
    assert stats.debiased_distance(p, a) == stats.debiased_distance(p, b) == 0.0
    assert math.isfinite(stats.distance_difference(p, a, b))


def test_three_equal_centroids_have_no_difference() -> None:
    same = stats.centre(np.zeros((2, 2)), [0, 1])
    with pytest.raises(UndefinedError, match="three equal centroids"):
        stats.distance_difference(same, same, same)


def test_the_interval_is_that_of_resamples_made_one_by_one() -> None:
    """The same rule, with every resample made of rows and nothing computed from scalar products."""
    rng = np.random.default_rng(12)
    p, q, groups = cloud(rng, 40, at=1), cloud(rng, 30), rng.integers(15, size=40)
    p_centre, q_centre = stats.centre(p, groups), stats.centre(q, np.arange(30))

    def squared_error(centres: list[stats.Centre], slope: Array) -> float:
        return float(sum(np.sum((centre.influence @ (2 * slope)) ** 2) for centre in centres))

    gap = p_centre.mean - q_centre.mean
    bias = p_centre.variance + q_centre.variance
    curvature = intervals._form([p_centre, q_centre], intervals._DISTANCE).curvature
    whole = squared_error([p_centre, q_centre], gap)
    shrunk = math.sqrt(1 - 2 * curvature / whole) * gap
    errors, ratios = [], []
    for _ in range(4000):
        drawn = [c.influence[rng.integers(len(c.influence), size=len(c.influence))] for c in (p_centre, q_centre)]
        noise = drawn[0].sum(axis=0) - drawn[1].sum(axis=0)
        errors.append(2 * noise @ shrunk + noise @ noise - bias)
        resampled = [stats.Centre(rows.sum(axis=0), rows - rows.mean(axis=0)) for rows in drawn]
        ratios.append(errors[-1] / math.sqrt(max(squared_error(resampled, shrunk + noise) - curvature, curvature)))
    studentised = np.quantile(ratios, [0.975, 0.025]) * -math.sqrt(whole - curvature)
    percentile = np.quantile(errors, [0.025, 0.975])
    squares = gap @ gap - bias + np.array([min(studentised[0], percentile[0]), max(studentised[1], percentile[1])])
    found = stats.distance_interval(p_centre, q_centre, draws=4000)
    assert found == pytest.approx(np.sqrt(squares), abs=0.06 * (found.high - found.low))


def test_the_variance_of_the_quadratic_part_is_unbiased() -> None:
    rng, n, scale = np.random.default_rng(13), 12, np.linspace(1, 0.2, 30)
    found = []
    for _ in range(400):
        p, q = (stats.centre(rng.standard_normal((n, 30)) * scale, np.arange(n)) for _ in range(2))
        found.append(intervals._form([p, q], intervals._DISTANCE).curvature)
    expected = 2 * np.sum((2 * scale**2 / n) ** 2)
    assert np.mean(found) == pytest.approx(expected, abs=3 * np.std(found) / 20)


@few
@given(seeds)
def test_intervals_do_not_depend_on_rotation_or_the_order_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, a, b, groups = cloud(rng), cloud(rng, at=1), cloud(rng, at=-2), rng.integers(12, size=40)
    turn, order = rotation(rng), rng.permutation(40)

    def ends(order: npt.NDArray[np.intp], turn: Array) -> list[float]:
        own = stats.centre(p[order] @ turn, groups[order])
        to, than = (stats.centre(rows @ turn, range(40)) for rows in (a, b))
        return [*stats.distance_interval(own, to, draws=200), *stats.difference_interval(own, to, than, draws=200)]

    expected = ends(np.arange(40), np.eye(6))
    assert ends(np.arange(40), turn) == pytest.approx(expected, abs=1e-3)
    assert ends(order, np.eye(6)) == pytest.approx(expected, abs=1e-3)


def test_the_share_of_the_references_in_one_dimension_is_that_of_their_variances() -> None:
    rng = np.random.default_rng(14)
    p, a, b = (stats.centre(rng.standard_normal((n, 1)) + at, np.arange(n)) for n, at in ((60, 0), (300, 9), (20, -7)))
    assert stats.reference_share(p, a) == pytest.approx(a.variance / (p.variance + a.variance))
    # the slopes of ‖P − B‖² − ‖P − A‖² are A − B, P − A and P − B
    squares = [
        c.variance * float(slope**2)
        for c, slope in ((p, (a.mean - b.mean)[0]), (a, (p.mean - a.mean)[0]), (b, (p.mean - b.mean)[0]))
    ]
    assert stats.reference_share(p, a, b) == pytest.approx(sum(squares[1:]) / sum(squares))


def test_the_share_of_the_references_is_that_of_their_variances_for_many_questions_too() -> None:
    rng = np.random.default_rng(16)
    p, a = (stats.centre(rng.standard_normal((2500, 1)) + at, np.arange(2500)) for at in (0, 9))
    assert stats.reference_share(p, a) == pytest.approx(0.5, abs=0.05)


def test_a_fixed_point_has_no_share() -> None:
    p = stats.centre(cloud(np.random.default_rng(15)), np.arange(40))
    origin = stats.Centre(np.zeros(6), np.zeros((40, 6)))
    assert stats.reference_share(p, origin) == 0.0
    assert stats.distance_interval(p, origin).low >= 0.0
    same = stats.centre(np.ones((3, 2)), range(3))
    assert stats.reference_share(same, same) == 0.0


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """The large simulation is benchmarks/interval_coverage.py; this one only notices when something breaks."""
    rng, held = np.random.default_rng(11), np.zeros(2)
    for _ in range(200):
        p, a, b = (stats.centre(cloud(rng, 60, 12, at=at), np.arange(60)) for at in (0, 1, -1.5))
        distance = stats.distance_interval(p, a, draws=400, seed=rng)
        difference = stats.difference_interval(p, a, b, draws=400, seed=rng)
        held += [distance.low <= 1 <= distance.high, difference.low <= 0.5 <= difference.high]
    assert np.all((held / 200 > 0.90) & (held / 200 < 0.99))
