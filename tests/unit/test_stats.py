"""stats.py: hand-worked numbers, scikit-learn and scipy as independent implementations, invariances, coverage."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from pytest_univar import stats
from pytest_univar.errors import UndefinedError

Array = npt.NDArray[np.float64]

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


def cloud(rng: np.random.Generator, n: int = 40, d: int = 6, at: float = 0.0) -> Array:
    """Rows whose spread differs from one dimension to the next."""
    rows: Array = rng.standard_normal((n, d)) * np.linspace(1, 0.2, d)
    rows[:, 0] += at
    return rows


# --------------------------------------------------------------------------------------------- centroids and distances


def test_the_distance_of_centroids_by_hand() -> None:
    p, q = np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[1.0, 3.0], [1.0, 5.0]])
    assert stats.centroid(p).tolist() == [1.0, 0.0]
    assert stats.centroid_distance(p, q) == 4.0


def test_a_centroid_is_not_normalised_again() -> None:
    assert stats.centroid(np.array([[1.0, 0.0], [0.0, 1.0]])).tolist() == [0.5, 0.5]


def test_the_debiased_distance_by_hand() -> None:
    # unbiased tr S is 2 for each side, n is 2: D² = 16, less 1 for each side
    p, q = np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[1.0, 3.0], [1.0, 5.0]])
    assert stats.debiased_distance(stats.centre(p, [0, 1]), stats.centre(q, [0, 1])) == pytest.approx(math.sqrt(14))


def test_the_debiased_distance_of_two_samples_of_one_thing_is_clipped_at_zero() -> None:
    p, q = np.array([[0.0], [2.0]]), np.array([[0.5], [1.5]])
    assert stats.debiased_distance(stats.centre(p, [0, 1]), stats.centre(q, [0, 1])) == 0.0


def test_the_variance_of_a_centre_is_the_trace_over_n_for_one_row_per_question() -> None:
    rows = cloud(np.random.default_rng(0))
    expected = np.trace(np.cov(rows.T)) / len(rows)
    assert stats.centre(rows, np.arange(len(rows))).variance == pytest.approx(expected)


def test_the_variance_of_a_centre_with_several_rows_per_question_by_hand() -> None:
    # c = 3; the sums of deviations are (0 + 2 − 6) = −4 and (3 + 7 − 6) = 4: 2/1 · (16 + 16) / 4²
    assert stats.centre(np.array([[0.0], [2.0], [3.0], [7.0]]), ["a", "a", "b", "b"]).variance == pytest.approx(4.0)


def test_the_centre_of_a_group_is_the_mean_of_the_centroids_of_its_ids() -> None:
    rows = np.array([[0.0], [2.0], [10.0], [12.0], [11.0], [11.0]])
    group = stats.centre(rows, [0, 1, 0, 1, 2, 3], ids=["a", "a", "b", "b", "b", "b"])
    assert group.mean.tolist() == [6.0]


def test_the_variance_of_a_group_without_common_questions_is_that_of_independent_ids() -> None:
    rng = np.random.default_rng(1)
    a, b = cloud(rng, 10), cloud(rng, 30, at=1)
    apart = stats.centre(np.concatenate([a, b]), np.arange(40), ids=[0] * 10 + [1] * 30)
    expected = (stats.centre(a, np.arange(10)).variance + stats.centre(b, np.arange(30)).variance) / 4
    assert apart.variance == pytest.approx(expected)


def test_the_variance_of_a_group_counts_common_questions_as_dependent() -> None:
    a = cloud(np.random.default_rng(2), 10)
    twins = stats.centre(np.concatenate([a, a]), [*range(10), *range(10)], ids=[0] * 10 + [1] * 10)
    assert twins.variance == pytest.approx(stats.centre(a, np.arange(10)).variance)


def test_the_debiased_square_is_unbiased_where_the_plain_one_is_not() -> None:
    rng, truth = np.random.default_rng(3), 1.5
    plain, debiased = [], []
    for _ in range(800):
        p, q = cloud(rng, 10), cloud(rng, 15, at=truth)
        p_centre, q_centre = stats.centre(p, np.arange(10)), stats.centre(q, np.arange(15))
        plain.append(stats.centroid_distance(p, q) ** 2)
        debiased.append(stats.debiased_distance(p_centre, q_centre) ** 2)
    error = np.std(debiased) / math.sqrt(len(debiased))
    assert abs(np.mean(debiased) - truth**2) < 3 * error
    assert np.mean(plain) - truth**2 > 6 * error


@pytest.mark.parametrize("n_questions", [0, 1])
def test_fewer_than_two_questions_leave_the_variance_undefined(n_questions: int) -> None:
    with pytest.raises(UndefinedError, match=f"answers to {n_questions} question.*at least 2.*ask more questions"):
        stats.centre(np.ones((3 * n_questions, 2)), ["same"] * 3 * n_questions)


def test_an_id_with_one_question_leaves_the_variance_of_its_group_undefined() -> None:
    with pytest.raises(UndefinedError, match="answers to 1 question,"):
        stats.centre(np.ones((4, 2)), [0, 1, 2, 2], ids=["a", "a", "b", "b"])


def test_the_centroid_of_nothing_is_undefined() -> None:
    with pytest.raises(UndefinedError, match="no rows"):
        stats.centroid(np.empty((0, 3)))


@few
@given(seeds)
def test_distances_do_not_depend_on_rotation_order_or_the_names_of_questions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, q, groups = cloud(rng), cloud(rng, at=1), rng.integers(12, size=40)
    q_centre = stats.centre(q, np.arange(40))
    expected = stats.debiased_distance(stats.centre(p, groups), q_centre)

    rotation, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    turned = stats.debiased_distance(stats.centre(p @ rotation, groups), stats.centre(q @ rotation, np.arange(40)))
    order = rng.permutation(40)
    shuffled = stats.debiased_distance(stats.centre(p[order], groups[order]), q_centre)
    names = [f"question {99 - group}" for group in groups]
    renamed = stats.debiased_distance(stats.centre(p, names), q_centre)
    assert [turned, shuffled, renamed] == pytest.approx([expected] * 3)


@few
@given(seeds, st.floats(0, 2))
def test_the_debiased_distance_never_exceeds_the_plain_one(seed: int, at: float) -> None:
    rng = np.random.default_rng(seed)
    p, q = cloud(rng, 9), cloud(rng, 7, at=at)
    debiased = stats.debiased_distance(stats.centre(p, np.arange(9)), stats.centre(q, np.arange(7)))
    assert debiased <= stats.centroid_distance(p, q)


# ----------------------------------------------------------------------------------------------------------- bootstrap


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
    monkeypatch.setattr(stats, "_CHUNK_CELLS", 20 * 7)
    means = stats.cluster_bootstrap_means(rows, np.arange(20), draws=100, seed=0)
    assert np.isfinite(means).all()
    assert means.std(axis=0) == pytest.approx(rows.std(axis=0) / math.sqrt(20), rel=0.4)


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


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """The large simulation is benchmarks/interval_coverage.py; this one only notices when something breaks."""
    rng, held = np.random.default_rng(11), np.zeros(2)
    for _ in range(200):
        p, a, b = (stats.centre(cloud(rng, 60, 12, at=at), np.arange(60)) for at in (0, 1, -1.5))
        distance = stats.distance_interval(p, a, draws=400, seed=rng)
        difference = stats.difference_interval(p, a, b, draws=400, seed=rng)
        held += [distance.low <= 1 <= distance.high, difference.low <= 0.5 <= difference.high]
    assert np.all((held / 200 > 0.90) & (held / 200 < 0.99))


# ---------------------------------------------------------------------------------------------------- k-NN and shares


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
        assert stats._student_t(probability, degrees) == pytest.approx(expected, rel=0.015)


# ------------------------------------------------------------------------------------------------------------ verdicts


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


def test_percentiles() -> None:
    sample = [1.0, 2.0, 2.0, 4.0]
    assert [stats.percentile_of(value, sample) for value in (0, 2, 3, 9)] == [0.0, 50.0, 75.0, 100.0]
    assert stats.percentile_of(2, sample) == scipy.stats.percentileofscore(sample, 2, kind="mean")
    with pytest.raises(UndefinedError, match="empty sample"):
        stats.percentile_of(1.0, [])
