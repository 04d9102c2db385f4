"""Permutation tests and Holm: hand-worked numbers, scipy as an independent implementation, invariances, levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given

from pytest_univar import stats
from pytest_univar.errors import UndefinedError

from .stats_samples import Array, cloud, few, rotation, seeds

both = pytest.mark.parametrize("test", [stats.sign_flip_test, stats.two_sample_test])
Test = Callable[..., stats.PermutationTest]


def answers(rng: np.random.Generator, questions: npt.NDArray[Any], most: int = 4) -> tuple[Array, npt.NDArray[Any]]:
    """1 to ``most`` answers to each question, in any order; those to one question share half of their variance."""
    groups = rng.permutation(np.repeat(questions, rng.integers(1, most + 1, len(questions))))
    return cloud(rng, len(groups)) + cloud(rng, len(questions))[np.searchsorted(questions, groups)], groups


# ---------------------------------------------------------------------------------------------------------- sign flips


def test_sign_flips_by_hand() -> None:
    # the differences are 1, 2 and 3; of 8 flips only +++ and −−− reach a mean of 2
    p, q = np.array([[0.0], [2.0], [2.0], [3.0], [9.0]]), np.array([[0.0], [0.0], [0.0], [7.0]])
    found = stats.sign_flip_test(p, ["a", "a", "b", "c", "only p"], q, ["a", "b", "c", "only q"])
    assert found == pytest.approx(stats.PermutationTest(2.0, 0.25, 3, 8, "paired sign-flip"))


def test_exact_sign_flips_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    p, q = rng.exponential(size=10) + 0.4, rng.exponential(size=10)

    def statistic(x: Array, y: Array, axis: int) -> Array:
        found: Array = np.abs(np.mean(x - y, axis=axis))
        return found

    expected = scipy.stats.permutation_test((p, q), statistic, permutation_type="samples", alternative="greater")
    found = stats.sign_flip_test(p[:, None], range(10), q[:, None], range(10))
    assert found.draws == 1024
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.statistic == pytest.approx(expected.statistic)


def test_random_sign_flips_come_close_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    p, q = cloud(rng, 12, at=0.4), cloud(rng, 12)
    exact = stats.sign_flip_test(p, range(12), q, range(12))
    monkeypatch.setattr("pytest_univar.stats.permutation.EXACT", 0)
    sampled = stats.sign_flip_test(p, range(12), q, range(12), draws=20_000)
    assert (exact.draws, sampled.draws) == (4096, 20_000)
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.015)


def test_what_a_question_does_to_both_profiles_is_taken_out_by_pairing() -> None:
    rng = np.random.default_rng(2)
    hard = 5 * cloud(rng, 30)
    p, q = hard + 0.1 * cloud(rng, 30, at=1), hard + 0.1 * cloud(rng, 30)
    assert stats.sign_flip_test(p, range(30), q, range(30)).p_value < 0.01
    assert stats.two_sample_test(p, range(30), q, range(30)).p_value > 0.5


@pytest.mark.parametrize(("q_questions", "number"), [([5, 6], "0 questions"), ([1, 6], "1 question ")])
def test_too_few_shared_questions_have_no_sign_flips(q_questions: list[int], number: str) -> None:
    with pytest.raises(UndefinedError, match=f"found {number}.*both profiles answered, expected at least 2; compare"):
        stats.sign_flip_test(np.ones((2, 3)), [0, 1], np.ones((2, 3)), q_questions)


# ---------------------------------------------------------------------------------------------------------- two samples


def test_two_samples_by_hand() -> None:
    # 6 divisions of 4 questions; only 0, 1 | 5, 6 and its mirror image reach the statistic
    p, q = np.array([[0.0], [0.5], [1.5]]), np.array([[5.0], [6.0]])
    found = stats.two_sample_test(p, ["a", "b", "b"], q, ["c", "d"])
    assert found == pytest.approx(stats.PermutationTest(5.0, 1 / 3, 4, 6, "two-sample permutation"))


def test_all_divisions_of_two_samples_are_those_of_scipy() -> None:
    rng = np.random.default_rng(3)
    p, q = rng.exponential(size=5) + 0.5, 2 * rng.exponential(size=7)

    def statistic(x: Array, y: Array, axis: int) -> Array:
        found: Array = np.square(scipy.stats.ttest_ind(x, y, axis=axis, equal_var=False).statistic)
        return found

    expected = scipy.stats.permutation_test((p, q), statistic, permutation_type="independent", alternative="greater")
    found = stats.two_sample_test(p[:, None], range(5), q[:, None], range(7))
    assert found.draws == 792
    assert found.p_value == pytest.approx(expected.pvalue)


def test_random_divisions_come_close_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    p, q = cloud(rng, 7, at=0.7), cloud(rng, 7)
    exact = stats.two_sample_test(p, range(7), q, range(7))
    monkeypatch.setattr("pytest_univar.stats.permutation.EXACT", 0)
    sampled = stats.two_sample_test(p, range(7), q, range(7), draws=20_000)
    assert (exact.draws, sampled.draws) == (3432, 20_000)
    assert sampled.p_value == pytest.approx(exact.p_value, abs=0.015)


def test_one_question_on_a_side_is_too_few_to_divide() -> None:
    with pytest.raises(UndefinedError, match=r"answers to 1 question,.*at least 2.*ask more questions"):
        stats.two_sample_test(np.ones((2, 3)), [0, 0], np.ones((2, 3)), [1, 2])


def test_the_level_holds_for_sides_of_unequal_spread_and_size() -> None:
    """Ranked by the plain distance, half of these would be found: the few on the one side spread more than the many."""
    rng, found = np.random.default_rng(5), []
    for _ in range(500):
        p, q = 3 * cloud(rng, 10), cloud(rng, 50)
        found.append(stats.two_sample_test(p, range(10), q, range(50), draws=199, seed=rng).p_value)
    assert 0.02 < np.mean(np.array(found) <= 0.05) < 0.10


# ------------------------------------------------------------------------------------------------------------- of both


@both
def test_a_move_is_found(test: Test) -> None:
    rng = np.random.default_rng(6)
    p, q = cloud(rng, 60, at=1), cloud(rng, 60)
    found = test(p, range(60), q, range(60))
    assert found.p_value == 1 / 10_001
    assert found.statistic == pytest.approx(stats.centroid_distance(p, q))


@both
def test_the_same_answers_have_not_moved(test: Test) -> None:
    p = cloud(np.random.default_rng(7), 20)
    assert test(p, range(20), p, range(20)).p_value == pytest.approx(1)
    assert test(np.ones((3, 2)), range(3), np.ones((3, 2)), range(3)).p_value == 1


@both
def test_the_same_seed_gives_the_same_p_value(test: Test) -> None:
    rng = np.random.default_rng(8)
    p, q = cloud(rng, 20, at=0.3), cloud(rng, 20)
    values = [test(p, range(20), q, range(20), draws=3000, seed=seed).p_value for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


@both
@few
@given(seed=seeds)
def test_p_values_do_not_depend_on_rotation_or_the_order_of_rows(test: Test, seed: int) -> None:
    rng = np.random.default_rng(seed)
    (p, p_groups), (q, q_groups) = answers(rng, np.arange(15)), answers(rng, np.arange(3, 18))
    expected = test(p, p_groups, q, q_groups, draws=300)
    turn, order = rotation(rng), rng.permutation(len(p))
    turned = test(p @ turn, p_groups, q @ turn, q_groups, draws=300)
    shuffled = test(p[order], p_groups[order], q, q_groups, draws=300)
    assert turned == pytest.approx(expected)
    assert shuffled == pytest.approx(expected)


@both
@pytest.mark.parametrize(("n_questions", "most"), [(6, 4), (20, 1), (20, 4)], ids=["exact", "single", "several"])
def test_p_values_are_uniform_where_nothing_moved(test: Test, n_questions: int, most: int) -> None:
    """Kolmogorov–Smirnov over 500 simulations; several answers to a question are not several questions."""
    rng, p_values = np.random.default_rng(9), []
    for _ in range(500):
        questions = np.arange(n_questions)
        (p, p_groups), (q, q_groups) = answers(rng, questions, most), answers(rng, questions, most)
        p_values.append(test(p, p_groups, q, q_groups, draws=499, seed=rng).p_value)
    # a p-value that can only take some values is uniform on them: half a step less is its place within the step
    steps = np.diff(np.unique(p_values)).min()
    assert scipy.stats.kstest(np.array(p_values) - steps / 2, "uniform").pvalue > 0.01


# ---------------------------------------------------------------------------------------------------------------- Holm


def test_holm_by_hand() -> None:
    # 3 · 0.01; 2 · 0.03; 1 · 0.04, but not below the one before
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert stats.holm([0.2]).tolist() == [0.2]
    assert stats.holm([]).tolist() == []


def test_holm_keeps_order_and_never_lowers_a_p_value() -> None:
    found = np.random.default_rng(10).random(25) ** 3
    adjusted = stats.holm(found)
    assert np.all(np.diff(adjusted[np.argsort(found)]) >= 0)
    assert np.all((adjusted >= found) & (adjusted <= 1))
    assert adjusted.min() == pytest.approx(min(1, 25 * found.min()))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_holm_of_what_is_no_p_value_is_undefined(wrong: float) -> None:
    with pytest.raises(UndefinedError, match=r"found the p-values \[0\.5, .*expected each within 0 and 1"):
        stats.holm([0.5, wrong])
