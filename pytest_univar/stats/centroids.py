"""Centroids, what each question does to them, and their distances."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar.errors import UndefinedError
from pytest_univar.stats.clusters import Floats, Groups, codes_of, questions_of, sums_by_code, too_few_questions

_MOST = 1000  # questions of one side that are drawn one by one
_ROWS = 1000  # that are taken at a time, so that temporary arrays stay small


class Centre(NamedTuple):
    """A centroid and the influence of each question on it.

    mean: ``[d]``. influence: ``[G, d]``, one row for each of G questions; the rows sum to about 0, and the sum of their
    squared norms is the (cluster-robust, unbiased) squared standard error of the mean. own_variance: that, where the
    rows are of bundles of questions (:func:`bundled`).
    """

    mean: npt.NDArray[np.float64]
    influence: npt.NDArray[np.float64]
    own_variance: float | None = None

    @property
    def variance(self) -> float:
        """The expected squared distance between this centroid and the true one; for one row per question, tr S / n."""
        return float(np.vdot(self.influence, self.influence)) if self.own_variance is None else self.own_variance


def centroid(vectors: Floats) -> npt.NDArray[np.float64]:
    """The mean ``[d]`` of the rows ``[n, d]``, not re-normalised (paper, appendix G)."""
    if len(vectors) == 0:
        raise UndefinedError("found no rows, expected at least one: the centroid of nothing is undefined")
    mean: npt.NDArray[np.float64] = np.asarray(vectors, dtype=np.float64).mean(axis=0)
    return mean


def centroid_distance(p: Floats, q: Floats) -> float:
    """The Euclidean distance of the centroids of ``p`` ``[n, d]`` and ``q`` ``[m, d]`` (paper, appendix G).

    It grows as n and m shrink; :func:`debiased_distance` does not.
    """
    return float(np.linalg.norm(centroid(p) - centroid(q)))


def centre(vectors: Floats, groups: Groups, ids: Groups | None = None) -> Centre:
    """The :class:`Centre` of rows ``[n, d]`` whose questions are ``groups`` (length n).

    With ``ids`` (length n) the centroid is the mean of the centroids of the ids, so that unequal counts do not matter.
    The variance of one id is ``G/(G−1) · Σ_g ‖Σ_{i∈g}(z_i − c)‖² / n²`` (cluster-robust; Cameron & Miller 2015, with
    their small-sample factor); answers of several ids to the same question are not taken for independent.
    """
    question, n_questions = questions_of(groups)
    if ids is None:
        owner, n_ids = np.zeros(len(question), dtype=np.intp), 1
    else:
        owner, n_ids = codes_of(ids)
    sizes = np.bincount(owner, minlength=n_ids)
    # Summed by id and question first: there may be many more rows, and temporary arrays of all of them would be large.
    cells, cell, counts = np.unique(owner * n_questions + question, return_inverse=True, return_counts=True)
    owner, question = np.divmod(cells, n_questions)
    pulls = sums_by_code(np.asarray(vectors), cell.reshape(-1))
    centroids = sums_by_code(pulls, owner) / sizes[:, None]
    questions_of_id = np.bincount(owner, minlength=n_ids)
    if questions_of_id.min() < 2:
        raise UndefinedError(too_few_questions(int(questions_of_id.min())))
    weight = np.sqrt(questions_of_id / (questions_of_id - 1)) / (sizes * n_ids)
    for start in range(0, len(pulls), _ROWS):
        part = slice(start, start + _ROWS)
        pulls[part] -= counts[part, None] * centroids[owner[part]]
        pulls[part] *= weight[owner[part], None]
    # of one id each question has one cell, and the cells are in the order of the questions
    return Centre(centroids.mean(axis=0), pulls if n_ids == 1 else sums_by_code(pulls, question))


def bundled(centre: Centre) -> Centre:
    """The same with the influences of at most ``_MOST`` questions, or of so many bundles of questions.

    Bundles are as independent as questions and lose nothing but degrees of freedom; without them memory and time would
    grow with the questions, in a bootstrap with their square.
    """
    influence = centre.influence
    if len(influence) <= _MOST:
        return centre
    bundles = influence[:_MOST].copy()
    for start in range(_MOST, len(influence), _MOST):
        part = influence[start : start + _MOST]
        bundles[: len(part)] += part
    return Centre(centre.mean, bundles, centre.variance)


def origin(like: Centre) -> Centre:
    """The point 0, known exactly, as a Centre: the distance to it is the length of a mean."""
    return Centre(np.zeros_like(like.mean), np.zeros_like(like.influence[:1]))


def debiased_distance(p: Centre, q: Centre) -> float:
    """The distance of two centroids without the part that comes from having few answers.

    ``sqrt(max(0, D² − V_P − V_Q))``, V being ``Centre.variance``, which is tr S/n for one row per question. The square
    is unbiased when the two sets are independent; where they share questions too much is taken off.
    """
    return math.sqrt(max(0.0, debiased_squared(p, q)))


def distance_difference(p: Centre, a: Centre, b: Centre) -> float:
    """How much closer ``p`` is to ``a`` than to ``b``, ``d(P, B) − d(P, A)``; positive means closer to A.

    Computed as the difference of the debiased squares, where P's own noise cancels, over the sum of the distances.
    """
    return (debiased_squared(p, b) - debiased_squared(p, a)) / sum_of_distances(p, a, b)


def debiased_squared(p: Centre, q: Centre) -> float:
    gap = p.mean - q.mean
    return float(gap @ gap) - p.variance - q.variance


def sum_of_distances(p: Centre, a: Centre, b: Centre) -> float:
    # where P cannot be told from either, both debiased distances are 0 and the plain ones give the scale
    total = debiased_distance(p, a) + debiased_distance(p, b)
    total = total or float(np.linalg.norm(p.mean - a.mean) + np.linalg.norm(p.mean - b.mean))
    if total == 0:
        raise UndefinedError("found three equal centroids, expected at least two different ones to compare")
    return total
