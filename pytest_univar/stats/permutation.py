"""Permutation tests by question, and Holm's adjustment for several of them.

Only whole questions are exchanged, with all the answers to them: then the level holds whatever the distribution, as
long as a question would have been answered alike on both sides. The p-value of a sample of permutations counts the
observed one among them, ``(1 + #{T* ≥ T}) / (1 + draws)``, and is never 0 (Phipson & Smyth 2010); where there are few
permutations, all are gone through and it is exact.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar.errors import UndefinedError
from pytest_univar.stats.clusters import Floats, Groups, Seed, parts, question_means, too_few_questions

Array = npt.NDArray[np.float64]

EXACT = 4096  # permutations that are gone through one by one: sign flips of 12 questions, halves of 14


class PermutationTest(NamedTuple):
    """What a permutation test found.

    statistic: the distance, in the unit of the vectors. n_questions: those that were exchanged, of both sides together
    where they are not paired. draws: the permutations compared with; all there are, where they are few.
    """

    statistic: float
    p_value: float
    n_questions: int
    draws: int
    method: str


def sign_flip_test(
    p_vectors: Floats, p_questions: Groups, q_vectors: Floats, q_questions: Groups, draws: int = 10_000, seed: Seed = 0
) -> PermutationTest:
    """Whether two profiles differ in what both answered: paired, flipping the signs of whole questions (Fisher 1935).

    p_vectors ``[n, d]`` and q_vectors ``[m, d]`` with the question of each row. Each of the G questions that both
    answered gives one difference of means ``d_g``; the statistic is ``‖Σ_g d_g‖ / G``. If nothing moved, d_g is as
    likely as −d_g. All 2^G flips are gone through for up to 12 questions, else ``draws`` at random. With fewer than 6
    questions no p-value can be below 0.05, because each flip has an opposite one with the same statistic.
    UndefinedError where fewer than 2 questions are shared.
    """
    p_names, p_means = question_means(p_vectors, p_questions)
    q_names, q_means = question_means(q_vectors, q_questions)
    shared, of_p, of_q = np.intersect1d(p_names, q_names, assume_unique=True, return_indices=True)
    n = len(shared)
    if n < 2:
        raise UndefinedError(
            f"found {n} question{'' if n == 1 else 's'} that both profiles answered, expected at least 2; compare "
            "profiles of the same questions, or use the two-sample test"
        )
    factor = _narrow(p_means[of_p] - q_means[of_q])

    def statistics(signs: Array) -> Array:
        lengths: Array = np.linalg.norm(signs @ factor, axis=1) / n
        return lengths

    distance = float(statistics(np.ones((1, n)))[0])
    every = _all_signs(n) if 2**n <= EXACT else None
    p_value, compared = _p_value(distance, statistics, every, partial(_signs, n), draws, seed)
    return PermutationTest(distance, p_value, n, compared, "paired sign-flip")


def two_sample_test(
    p_vectors: Floats, p_questions: Groups, q_vectors: Floats, q_questions: Groups, draws: int = 10_000, seed: Seed = 0
) -> PermutationTest:
    """Whether two profiles that answered different questions differ: whole questions change sides.

    p_vectors ``[n, d]`` and q_vectors ``[m, d]`` with the question of each row. Each question counts once, with the
    mean of its answers. The statistic shown is the distance D of the two means over questions; permutations are ranked
    by ``D² / (V_P + V_Q)``, V being tr S / G of a side: the multivariate Welch statistic (Alekseyenko 2016), so that
    the level holds where the sides differ in spread and in the number of questions too. All divisions are gone through
    where there are at most 4096, else ``draws`` at random. A question on both sides counts as two, which is
    conservative; where most are shared, :func:`sign_flip_test` sees more. UndefinedError under 2 questions a side.
    """
    sides = [question_means(p_vectors, p_questions)[1], question_means(q_vectors, q_questions)[1]]
    n_p, n_q = (len(side) for side in sides)
    if min(n_p, n_q) < 2:
        raise UndefinedError(too_few_questions(min(n_p, n_q)))
    n = n_p + n_q
    means = np.concatenate(sides)
    means -= means.mean(axis=0)  # so that the two sums of a division are opposite, and one says all
    factor, lengths = _narrow(means), np.einsum("gd,gd->g", means, means)
    total = float(lengths.sum())

    def statistics(inside: Array) -> Array:
        sums, within = np.sum(np.square(inside @ factor), axis=1), inside @ lengths
        # Σ‖m_g − c‖² of one side is Σ‖m_g‖² − ‖Σ m_g‖²/G
        variance = (within - sums / n_p) / (n_p * (n_p - 1)) + (total - within - sums / n_q) / (n_q * (n_q - 1))
        ratios: Array = sums / np.maximum(variance, 1e-12 * total)
        return ratios

    own = np.arange(n) < n_p
    distance = float(np.linalg.norm(own @ means)) * (1 / n_p + 1 / n_q)
    if total == 0:  # all questions alike, and so every division
        return PermutationTest(distance, 1.0, n, 0, "two-sample permutation")
    every = _all_divisions(n, n_p) if math.comb(n, n_p) <= EXACT else None
    observed = float(statistics(own[None].astype(np.float64))[0])
    p_value, compared = _p_value(observed, statistics, every, partial(_divisions, own), draws, seed)
    return PermutationTest(distance, p_value, n, compared, "two-sample permutation")


def holm(p_values: Sequence[float] | Floats) -> Array:
    """The p-values ``[m]``, adjusted so that the chance of any false alarm among them stays below the level.

    The k-th smallest of m is multiplied by m − k + 1, is never below the one before it, and at most 1 (Holm 1979).
    """
    found = np.asarray(p_values, dtype=np.float64)
    if not np.all((found >= 0) & (found <= 1)):  # NaN is neither
        raise UndefinedError(f"found the p-values {found.tolist()}, expected each within 0 and 1; leave the others out")
    order = np.argsort(found, kind="stable")
    adjusted = np.empty_like(found)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1)))
    return adjusted


def _p_value(
    observed: float,
    statistics: Callable[[Array], Array],
    every: Array | None,
    some: Callable[[int, np.random.Generator], Array],
    draws: int,
    seed: Seed,
) -> tuple[float, int]:
    """The p-value and the number of permutations behind it: ``every`` one, or else ``draws`` from ``some``."""
    limit = observed * (1 - 1e-9)  # the same permutation, added up in another order, must not look smaller
    if every is not None:
        return float(np.mean(statistics(every) >= limit)), len(every)
    rng = np.random.default_rng(seed)
    larger = sum(int(np.sum(statistics(some(part.stop - part.start, rng)) >= limit)) for part in parts(draws, 1000))
    return (1 + larger) / (1 + draws), draws


def _narrow(rows: Array) -> Array:
    """Rows ``[G, min(G, d)]`` with the scalar products of ``rows`` ``[G, d]``: all that the tests look at.

    A triangular factor of the Gram matrix, found without squaring, so that no digits are lost.
    """
    return np.linalg.qr(rows.T)[1].T if rows.shape[1] > len(rows) else rows


def _all_signs(n: int) -> Array:
    """Every row of n signs, ``[2^n, n]``; the first is all +1."""
    negative = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return 1.0 - 2.0 * negative.astype(np.float64)


def _signs(n: int, draws: int, rng: np.random.Generator) -> Array:
    return 1.0 - 2.0 * rng.integers(2, size=(draws, n)).astype(np.float64)


def _all_divisions(n: int, n_inside: int) -> Array:
    """Every row with ``n_inside`` ones and else zeros, ``[n over n_inside, n]``."""
    chosen = np.array(list(itertools.combinations(range(n), n_inside)))
    rows = np.zeros((len(chosen), n))
    np.put_along_axis(rows, chosen, 1.0, axis=1)
    return rows


def _divisions(own: npt.NDArray[np.bool_], draws: int, rng: np.random.Generator) -> Array:
    return rng.permuted(np.tile(own, (draws, 1)), axis=1).astype(np.float64)
