"""Whole profiles instead of single answers: how many answers, or QAs in one view, find their value ID?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar.evaluation.scores import CONFIDENCE, Array, Estimate, Figure, Labels, Resamples, share
from pytest_univar.evaluation.splits import Split, texts_of
from pytest_univar.stats.bootstrap import expanded_tails
from pytest_univar.stats.clusters import codes_of
from pytest_univar.values import Vectors

SIZES = (1, 5, 10, 20, 40, 80, 160)
"""Answers of a profile that are tried, as far as the test answers allow."""
PROFILES = 500
"""Random profiles of each value ID."""
RESAMPLES = 200
"""Of the questions, for the intervals."""
OF_RESAMPLE = 100
"""Random profiles of each value ID in one resample."""
VIEWS = 20
"""Views of each value ID on each side, at the most."""


class SizeScore(NamedTuple):
    """accuracy: share of profiles (or views) whose nearest centroid is their own, every value ID alike.

    value_ids: those with enough test answers. The candidates are always all of the reference.
    """

    size: int
    value_ids: int
    accuracy: Figure


def centroids_of(reference: Vectors, labels: Labels, n_labels: int) -> Array:
    """The mean ``[n_labels, d]`` of the reference rows ``[N, d]`` of each label."""
    return np.stack([reference[labels == label].mean(axis=0, dtype=np.float64) for label in range(n_labels)])


def misfits(queries: Vectors, centroids: Array) -> Array:
    """``|c|²/2 − z·c`` of rows ``[n, d]`` and centroids ``[m, d]``: ``[n, m]``, in the order of the distances.

    Linear in z: the misfit of a profile's mean is the mean of its rows' misfits.
    """
    misfit: Array = (centroids**2).sum(axis=1) / 2 - queries.astype(np.float64) @ centroids.T
    return misfit


def profile_curve(
    misfit: Array,
    labels: Labels,
    questions: Sequence[str],
    *,
    seed: int,
    sizes: Iterable[int] = SIZES,
    only: Iterable[int] | None = None,
) -> tuple[SizeScore, ...]:
    """Identification of random profiles by their size: misfits ``[n, m]`` and labels ``[n]`` of the test answers.

    only: the labels that are scored; None is all. A size is left out where no value ID has so many test answers. The
    intervals are of resampled questions (a little wide, for 100 profiles stand for all that a resample holds), moved to
    the estimate: a resample asks some questions twice and so makes every profile in it a little poorer than a real one.
    """
    codes, n_questions = codes_of(questions)
    scored = [label for label in np.unique(labels) if only is None or label in only]
    rows_of = {label: np.flatnonzero(labels == label) for label in scored}
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(n_questions, size=n_questions) for _ in range(RESAMPLES)] if n_questions > 1 else []
    resampled = [_rows_of_questions(codes, picked) for picked in drawn]
    scores = []
    for size in sorted(set(sizes)):
        able = [label for label in scored if len(rows_of[label]) >= size]
        if not able:
            continue
        estimate = float(np.mean([_found(misfit, label, rows_of[label], size, PROFILES, rng) for label in able]))
        draws = []
        for rows in resampled:
            own = [(label, rows[labels[rows] == label]) for label in able]
            found = [_found(misfit, label, each, size, OF_RESAMPLE, rng) for label, each in own if len(each) >= size]
            if found:
                draws.append(np.mean(found))
        scores.append(SizeScore(size, len(able), _moved(estimate, np.array(draws), n_questions)))
    return tuple(scores)


def _found(misfit: Array, label: int, rows: Labels, size: int, profiles: int, rng: np.random.Generator) -> float:
    """Share of random profiles of ``size`` of the rows, each row once, that fit their own label best."""
    picked = rows[rng.random((profiles, len(rows))).argpartition(size - 1, axis=1)[:, :size]]
    return float((misfit[picked].mean(axis=1).argmin(axis=1) == label).mean())


def _rows_of_questions(codes: Labels, picked: npt.NDArray[np.int64]) -> Labels:
    """The rows of the questions that were picked, as often as they were."""
    times = np.bincount(picked, minlength=int(codes.max()) + 1)
    return np.repeat(np.arange(len(codes)), times[codes])


def _moved(estimate: float, draws: Array, questions: int) -> Figure:
    if len(draws) == 0:
        return Figure(estimate)
    low, high = np.quantile(draws - draws.mean() + estimate, expanded_tails(CONFIDENCE, questions)).tolist()
    return Figure(estimate, min(max(0.0, low), estimate), max(min(1.0, high), estimate))


# ---------------------------------------------------------------------------------------------------------------- views


class Views(NamedTuple):
    """One side of a split as views of one size. blocks: which views hold the same questions, whoever answered."""

    texts: tuple[str, ...]
    labels: Labels
    blocks: Labels


def views_of(split: Split, size: int, seed: int) -> tuple[Views, Views]:
    """Reference and test views of ``size`` QAs joined by newlines, at most VIEWS of each value ID, no QA in two."""
    sides = []
    for answers, labels in ((split.reference, split.reference_labels), (split.test, split.labels)):
        texts, order = texts_of(answers), [_place(f"{seed}:{a.question_id}:{a.sample}") for a in answers]
        joined, of, blocks = [], [], []
        for label in range(len(split.value_ids)):
            own = sorted(np.flatnonzero(labels == label), key=lambda row: order[row])
            for block in range(min(VIEWS, len(own) // size)):
                rows = own[block * size : (block + 1) * size]
                joined.append("\n".join(texts[row] for row in rows))
                of.append(label)
                blocks.append(block)
        sides.append(Views(tuple(joined), np.array(of, dtype=np.intp), np.array(blocks, dtype=np.intp)))
    return sides[0], sides[1]


def view_score(
    size: int, reference: Vectors, reference_views: Views, queries: Vectors, views: Views, seed: int
) -> SizeScore:
    """Share of test views nearest to the centroid of their own reference views; the interval is by block."""
    n_labels = int(reference_views.labels.max()) + 1
    misfit = misfits(queries, centroids_of(reference, reference_views.labels, n_labels))
    hits = misfit.argmin(axis=1) == views.labels
    estimate: Estimate = share(hits, Resamples(views.blocks, seed))
    return SizeScore(size, len(np.unique(views.labels)), estimate.figure())


def _place(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
