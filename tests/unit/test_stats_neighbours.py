"""k-NN and shares: hand-worked numbers, and scikit-learn and scipy as independent implementations."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from pytest_univar import stats
from pytest_univar.errors import UndefinedError
from pytest_univar.stats.neighbours import _student_t, nearest

from .stats_samples import cloud, few, rotation, seeds


def scikit_labels(queries: stats.Floats, bank: stats.Floats, labels: npt.NDArray[Any], k: int) -> list[int]:
    found: list[int] = KNeighborsClassifier(k).fit(bank, labels).predict(queries).tolist()
    return found


@few
@given(seeds, st.integers(1, 60), st.sampled_from([np.float32, np.float64]))
def test_knn_labels_are_those_of_scikit_learn(seed: int, k: int, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    queries: stats.Floats = cloud(rng, 70).astype(dtype)
    bank: stats.Floats = cloud(rng, 300).astype(dtype)
    labels = rng.integers(5, size=300)
    assert stats.knn_labels(queries, bank, labels, 5, k, chunk=32).tolist() == scikit_labels(queries, bank, labels, k)


def test_knn_labels_are_those_of_scikit_learn_in_many_dimensions() -> None:
    rng = np.random.default_rng(12)
    bank = rng.standard_normal((3000, 384)).astype(np.float32)
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    labels = rng.integers(30, size=3000)
    found = stats.knn_labels(bank[:200] + np.float32(0.01), bank, labels, 30)
    assert found.tolist() == scikit_labels(bank[:200] + np.float32(0.01), bank, labels, 50)


@pytest.mark.parametrize("k", [1, 5, 50, 400])
@pytest.mark.parametrize("spread", [1e-7, 1e-5, 1e-3])
def test_rows_nearer_together_than_float32_tells_are_told_apart(spread: float, k: int) -> None:
    """All at nearly the same place far from the origin, so that float32's scores are of no use at all."""
    rng = np.random.default_rng(3)
    middle = rng.standard_normal(64)
    bank = middle + spread * rng.standard_normal((400, 64))
    queries = middle + spread * rng.standard_normal((30, 64))
    distances = ((bank[None] - queries[:, None]) ** 2).sum(axis=2)
    expected = np.sort(np.argsort(distances, axis=1)[:, :k], axis=1)
    found = [np.sort(rows).tolist() for rows in nearest(queries, bank, k, chunk=7)]
    assert found == expected.tolist()


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e4, 1e30])
def test_neighbours_do_not_depend_on_the_unit_of_length(scale: float) -> None:
    rng = np.random.default_rng(4)
    bank, queries = rng.standard_normal((900, 5)), rng.standard_normal((40, 5))
    expected = [set(rows.tolist()) for rows in nearest(queries, bank, 20)]
    assert [set(rows.tolist()) for rows in nearest(queries * scale, bank * scale, 20)] == expected


def test_of_rows_at_the_same_distance_the_first_are_nearest() -> None:
    bank: stats.Floats = np.array([[1.0, 0.0], [0.0, 1.0]]).repeat(500, axis=0)
    assert [sorted(rows.tolist()) for rows in nearest(np.array([[0.0, 2.0], [2.0, 0.0]]), bank, 3)] == [
        [500, 501, 502],
        [0, 1, 2],
    ]
    labels = np.arange(1000) % 500
    assert stats.knn_labels(np.array([[0.0, 2.0]]), bank, labels, 500, k=3).tolist() == [0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_neighbours_in_a_bank_sorted_by_label(dtype: type) -> None:
    """Near rows stand together, in a bank large enough for groups of scores."""
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(20), 1000)
    bank: stats.Floats = (rng.standard_normal((20, 16))[labels] + 0.8 * rng.standard_normal((20_000, 16))).astype(dtype)
    queries = bank[::331].astype(np.float32) + np.float32(0.01)
    expected = scikit_labels(queries.astype(np.float64), bank.astype(np.float64), labels, 50)
    assert stats.knn_labels(queries, bank, labels, 20).tolist() == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_is_near_what_is_not_finite(bad: float) -> None:
    good, wrong = np.eye(3), np.where(np.eye(3) > 0, bad, 1.0)
    for queries, rows in ((good, wrong), (wrong, good)):
        with pytest.raises(UndefinedError, match="found a vector with NaN or infinity"):
            stats.knn_labels(queries, rows, np.arange(3), 3, k=1)


def test_memory_is_bounded_by_the_chunk() -> None:
    """The scores of one chunk and little else, whatever the number of queries; numpy reports what it allocates."""
    rng = np.random.default_rng(6)
    bank = rng.standard_normal((20_000, 8), dtype=np.float32)
    queries = rng.standard_normal((400, 8), dtype=np.float32)
    labels = rng.integers(5, size=20_000)
    tracemalloc.start()
    try:
        stats.knn_labels(queries, bank, labels, 5, chunk=20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * 20 * 20_000 + 2_000_000


@few
@given(seeds)
def test_regions_do_not_depend_on_rotation_or_the_order_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, bank, labels = cloud(rng, 30), cloud(rng, 200), rng.integers(4, size=200)
    weights = stats.balancing_weights(labels, 4)
    expected = stats.knn_labels(queries, bank, labels, 4, k=15, weights=weights)
    turn, asked, kept = rotation(rng), rng.permutation(30), rng.permutation(200)
    turned = stats.knn_labels(queries @ turn, bank @ turn, labels, 4, k=15, weights=weights)
    shuffled = stats.knn_labels(queries[asked], bank[kept], labels[kept], 4, k=15, weights=weights)
    assert turned.tolist() == expected.tolist()
    assert shuffled.tolist() == expected[asked].tolist()
    assert stats.shares(shuffled, 4).tolist() == stats.shares(expected, 4).tolist()


def test_a_tied_vote_goes_to_the_lowest_label() -> None:
    bank, labels = np.array([[0.0], [0.2], [0.4], [0.6]]), np.array([2, 1, 2, 1])
    assert stats.knn_labels(np.array([[0.1]]), bank, labels, 3, k=4).tolist() == [1]


def test_balanced_votes_let_a_rare_label_win() -> None:
    bank, labels = np.array([[0.1], [0.2], [0.3], [5.0], [6.0], [7.0], [8.0]]), np.array([1, 0, 0, 0, 0, 0, 0])
    weights = stats.balancing_weights(labels, 2)
    assert weights == pytest.approx([2 / 7, 12 / 7])
    assert stats.knn_labels(np.array([[0.0]]), bank, labels, 2, k=3).tolist() == [0]
    assert stats.knn_labels(np.array([[0.0]]), bank, labels, 2, k=3, weights=weights).tolist() == [1]


def test_weights_of_equal_counts_are_all_one() -> None:
    assert stats.balancing_weights(np.array([0, 1, 2, 2, 1, 0]), 3).tolist() == [1.0, 1.0, 1.0]


def test_a_label_without_rows_has_no_weight() -> None:
    with pytest.raises(UndefinedError, match="no row of label 1"):
        stats.balancing_weights(np.array([0, 2]), 3)


def test_more_neighbours_than_rows_are_undefined() -> None:
    with pytest.raises(UndefinedError, match="found a bank of 3 rows, expected at least k = 50"):
        stats.knn_labels(np.zeros((1, 2)), np.zeros((3, 2)), np.zeros(3, dtype=int), 1)


def test_shares_by_hand() -> None:
    assert stats.shares(np.array([0, 2, 2, 2]), 4).tolist() == [0.25, 0.0, 0.75, 0.0]
    with pytest.raises(UndefinedError, match="no rows"):
        stats.shares(np.array([], dtype=int), 4)


def test_the_interval_of_a_share_is_wilsons_with_students_t() -> None:
    inside = np.array([True] * 30 + [False] * 30)
    n, t = 59, scipy.stats.t.ppf(0.975, 59)  # p(1−p)/V is n − 1 where V has the divisor n − 1
    half = t / (1 + t**2 / n) * math.sqrt(0.25 / n + t**2 / (4 * n**2))
    assert stats.share_interval(inside, np.arange(60)) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-5)


def test_copies_of_an_answer_do_not_narrow_the_interval_of_a_share() -> None:
    inside = np.array([True, False, True, True, False, True, False, True])
    once = stats.share_interval(inside, np.arange(8))
    assert stats.share_interval(np.repeat(inside, 5), np.repeat(np.arange(8), 5)) == pytest.approx(once)


@pytest.mark.parametrize("all_or_none", [True, False])
def test_a_share_at_the_boundary_has_an_interval_of_some_width(all_or_none: bool) -> None:
    low, high = stats.share_interval(np.full(40, all_or_none), np.repeat(np.arange(20), 2))
    assert (low, high) == pytest.approx((0.8203, 1.0) if all_or_none else (0.0, 0.1797), abs=1e-3)


def test_the_share_of_one_question_is_undefined() -> None:
    with pytest.raises(UndefinedError, match="1 question"):
        stats.share_interval(np.array([True, False]), ["a", "a"])


@pytest.mark.parametrize("degrees", [4, 7, 14, 59, 300])
def test_students_t_is_that_of_scipy(degrees: int) -> None:
    for probability in (0.9, 0.975, 0.995):
        expected = scipy.stats.t.ppf(probability, degrees)
        assert _student_t(probability, degrees) == pytest.approx(expected, rel=0.015)
