"""k-NN labels, the shares of regions and their intervals."""

from __future__ import annotations

import math
from statistics import NormalDist

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
    them alike and agrees with scikit-learn's KNeighborsClassifier. Ties go to the lowest label, as there. Memory is
    about ``16 · chunk · N`` bytes.
    """
    if not 1 <= k <= len(bank):
        raise UndefinedError(
            f"found a bank of {len(bank)} rows, expected at least k = {k} of them; use a larger bank or a smaller k"
        )
    points = np.asarray(bank, dtype=np.float64)  # in float32 neighbours at nearly the same distance change places
    half_norms = np.einsum("nd,nd->n", points, points) / 2
    votes = np.ones(len(points)) if weights is None else np.asarray(weights, dtype=np.float64)[labels]
    found = np.empty(len(queries), dtype=np.intp)
    for start in range(0, len(queries), chunk):
        part = np.asarray(queries[start : start + chunk], dtype=np.float64)
        nearest = np.argpartition(half_norms - part @ points.T, k - 1, axis=1)[:, :k]
        cell = np.arange(len(part))[:, None] * n_labels + labels[nearest]
        counts = np.bincount(cell.ravel(), weights=votes[nearest].ravel(), minlength=len(part) * n_labels)
        found[start : start + chunk] = counts.reshape(len(part), n_labels).argmax(axis=1)
    return found


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
