"""k-NN labels, the shares of regions and their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_univar.errors import UndefinedError
from pytest_univar.stats.centroids import centre
from pytest_univar.stats.clusters import Floats, Groups, Ints
from pytest_univar.stats.verdicts import Interval


def knn_labels(
    queries: Floats,
    bank: Floats,
    labels: Ints,
    n_labels: int,
    k: int = 50,
    weights: Floats | None = None,
    chunk: int = 256,
) -> npt.NDArray[np.intp]:
    """The majority label ``[n]`` among the k nearest bank rows ``[N, d]`` (Euclidean) of each query ``[n, d]``.

    labels: ``[N]``, each in ``0..n_labels−1``. weights: ``[n_labels]``, what a vote for each label counts; None counts
    them alike and agrees with scikit-learn's KNeighborsClassifier. Ties go to the lowest label, as there; of rows at
    the same distance the first are nearer. The neighbours are those of float64 (see ``nearest``). Memory is about
    ``5 · chunk · N`` bytes, beside a float32 copy of a bank that is not float32.
    """
    votes = np.ones(len(bank)) if weights is None else np.asarray(weights, dtype=np.float64)[labels]
    found = np.empty(len(queries), dtype=np.intp)
    for row, rows in enumerate(nearest(queries, bank, k, chunk)):
        found[row] = np.bincount(labels[rows], weights=votes[rows], minlength=n_labels).argmax()
    return found


def nearest(queries: Floats, bank: Floats, k: int, chunk: int = 256) -> Iterator[npt.NDArray[np.intp]]:
    """For each query ``[n, d]`` its k nearest bank rows ``[k]`` (Euclidean), in no order.

    A product in float32 tells most rows apart. Each of its scores ``q·b − ‖b‖²/2`` is off by at most the bound of
    ``_largest_error``, whatever the order of the sums; so a row that is farther than twice that from the k-th best
    score is surely in or out, and the rest is settled in float64.
    """
    if not 1 <= k <= len(bank):
        raise UndefinedError(
            f"found a bank of {len(bank)} rows, expected at least k = {k} of them; use a larger bank or a smaller k"
        )
    norms, of_queries = _norms(bank), _norms(queries)
    if not (np.isfinite(norms).all() and np.isfinite(of_queries).all()):
        raise UndefinedError("found a vector with NaN or infinity in it, expected finite numbers: nothing is near it")
    longest = max(norms.max(), of_queries.max(initial=0.0))
    # Where squares would leave float32's range, everything is done in float64.
    kind: Any = np.float32 if 1e-12 < longest < 1e12 else np.float64
    points = np.asarray(bank, dtype=kind)
    half_norms = (norms**2 / 2).astype(kind)
    errors = _largest_error(of_queries, float(norms.max()), points)
    scores = np.empty((min(chunk, len(queries)), len(bank)), dtype=kind)
    for start in range(0, len(queries), chunk):
        part = np.asarray(queries[start : start + chunk], dtype=kind)
        of_part = np.matmul(part, points.T, out=scores[: len(part)])
        of_part -= half_norms
        floors = _at_most_kth(of_part, k) - 2 * errors[start : start + chunk]
        lowest = np.nextafter(floors.astype(kind), kind(-np.inf))  # in the scores' own type, which compares faster
        for row, (score, low) in enumerate(zip(of_part, lowest, strict=True)):
            error = errors[start + row]
            rows = np.flatnonzero(score >= low)
            score = score[rows].astype(np.float64)
            kth = np.partition(score, len(score) - k)[len(score) - k]
            surely, open_ = score > kth + 2 * error, np.abs(score - kth) <= 2 * error
            open_rows, free = rows[open_], k - int(surely.sum())
            if free < len(open_rows):
                distances = _squared_distances(queries[start + row], bank, open_rows)
                open_rows = open_rows[np.argsort(distances, kind="stable")[:free]]
            yield np.concatenate([rows[surely], open_rows])


GROUP = 64
"""Scores of which only the best is looked at first."""


def _at_most_kth(scores: Floats, k: int) -> Floats:
    """A score ``[n]`` that at least k of each row ``[n, N]`` reach, and few more.

    The k-th largest of the maxima of groups: each is a score of its own. A group takes every so-many-th row, so that
    neighbours that stand together in the bank (of one value ID, say) fall into different ones.
    """
    n, size = scores.shape
    group = max(1, min(GROUP, size // (4 * k)))
    groups = size // group
    maxima = scores[:, : group * groups].reshape(n, group, groups).max(axis=1)
    floors: Floats = np.partition(maxima, groups - k, axis=1)[:, groups - k]
    return floors


def _largest_error(norms: Floats, longest: float, points: Floats) -> Floats:
    """How far each query's scores ``[n]`` can be off: norms ``[n]`` of the queries, the longest of ``points [N, d]``.

    A sum of d products errs by at most ``d·u·‖q‖·‖b‖`` in any order (Higham 2002, §3.1; u is half the spacing at 1);
    rounding both vectors, the norm and the difference adds a few u. Twice that is safe from terms of second order.
    """
    unit = float(np.finfo(points.dtype).eps) / 2
    bounds: Floats = 2 * (points.shape[1] + 8) * unit * longest * (norms + longest)
    return bounds


def _norms(rows: Floats) -> Floats:
    """Lengths ``[n]`` in float64 without a float64 copy."""
    norms: Floats = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    return norms


def _squared_distances(query: Floats, bank: Floats, rows: npt.NDArray[np.intp]) -> Floats:
    """``[len(rows)]`` in float64, a part of the rows at a time."""
    origin = np.asarray(query, dtype=np.float64)
    distances = np.empty(len(rows))
    for start in range(0, len(rows), GROUP):
        away = np.asarray(bank[rows[start : start + GROUP]], dtype=np.float64) - origin
        distances[start : start + GROUP] = np.einsum("nd,nd->n", away, away)
    return distances


def balancing_weights(labels: Ints, n_labels: int) -> npt.NDArray[np.float64]:
    """What a vote of each label must count ``[n_labels]`` for labels with unequal counts to weigh alike; mean 1."""
    counts = np.bincount(labels, minlength=n_labels)
    if counts.min() == 0:
        raise UndefinedError(f"found no row of label {int(counts.argmin())}, expected at least one row of every label")
    weights: npt.NDArray[np.float64] = 1.0 / counts
    weights /= weights.mean()
    return weights


def shares(labels: Ints, n_labels: int) -> npt.NDArray[np.float64]:
    """The fraction ``[n_labels]`` of the rows ``[n]`` that carry each label."""
    if len(labels) == 0:
        raise UndefinedError("found no rows, expected at least one: the shares of nothing are undefined")
    return np.bincount(labels, minlength=n_labels) / len(labels)


def share_interval(inside: npt.NDArray[np.bool_], groups: Groups, confidence: float = 0.95) -> Interval:
    """Interval of the fraction of rows ``inside`` (bool ``[n]``), clustered by question.

    Wilson's score interval on the effective number of rows ``p(1−p)/V`` (V the cluster-robust variance of the share; at
    most n; the number of questions where p is 0 or 1, so that the width is never zero) and Student's t with G − 1
    degrees of freedom. Chosen over the percentile bootstrap because it also holds for few questions and near 0 and 1,
    and needs no seed.

    Measured coverage of 95 % (benchmarks/interval_coverage.py): shares of 0.5 to 0.98 at 60 questions, 0.95–0.97;
    shares of 0.5 to 0.9 of 60 questions with 15 answers, 0.94–0.96, of 15 with 4, 0.96–0.98; at the boundary 0.85, for
    0.98 of 60 with 15 answers that agree within a question.
    """
    hits = np.asarray(inside, dtype=np.float64)[:, None]
    n, share = len(hits), float(np.mean(hits)) if len(hits) else 0.0
    of_questions = centre(hits, groups)
    n_questions, variance = len(of_questions.influence), of_questions.variance
    size = n_questions if share in (0.0, 1.0) else min(n, share * (1 - share) / max(variance, 1e-12))
    t = _student_t((1 + confidence) / 2, n_questions - 1)
    middle = (share + t**2 / (2 * size)) / (1 + t**2 / size)
    half = t / (1 + t**2 / size) * math.sqrt(share * (1 - share) / size + (t / (2 * size)) ** 2)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def _student_t(probability: float, degrees: int) -> float:
    """Quantile of Student's t by Fisher and Cornish's expansion; within 1 % from 4 degrees of freedom on."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(z + sum(term / degrees**power for power, term in enumerate(terms, start=1)))
