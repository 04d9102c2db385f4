"""Centroids and distances: hand-worked numbers and invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_univar import stats
from pytest_univar.errors import UndefinedError

from .stats_samples import cloud, few, rotation, seeds


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

    turn = rotation(rng)
    turned = stats.debiased_distance(stats.centre(p @ turn, groups), stats.centre(q @ turn, np.arange(40)))
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
