"""One encoder on one split: what k-NN and the probe make of each test answer, and how good that is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from pytest_univar.evaluation.classifiers import knn_guesses, probe_ranking
from pytest_univar.evaluation.scores import (
    Estimate,
    Labels,
    Resamples,
    accuracy_at,
    chance,
    classification,
    majority,
    mean_of,
)
from pytest_univar.values import Vectors

ATS = (1, 5, 10)
"""The k of the probe's accuracy@k."""
PROBE = "probe"


class Guesses(NamedTuple):
    """Of one method. labels: ``[n]``. ranking: ``[n, n_labels]``, best first; None for k-NN."""

    method: str
    labels: Labels
    ranking: Labels | None = None


class Scores(NamedTuple):
    """Of one method. at: k → accuracy@k, empty for k-NN."""

    method: str
    accuracy: Estimate
    balanced_accuracy: Estimate
    weighted_f1: Estimate
    at: dict[int, Estimate]


def knn_name(k: int) -> str:
    return f"k-NN {k}"


def guesses(
    reference: Vectors,
    reference_labels: Labels,
    queries: Vectors,
    n_labels: int,
    *,
    ks: Sequence[int],
    probe: bool,
    seed: int,
) -> list[Guesses]:
    """By k-NN with each k, and by the probe: labels of queries ``[n, d]`` from reference rows ``[N, d]``."""
    found = [Guesses(knn_name(k), knn_guesses(reference, reference_labels, queries, k)) for k in ks]
    if probe:
        ranking = probe_ranking(reference, reference_labels, queries, n_labels, seed=seed)
        found.append(Guesses(PROBE, ranking[:, 0], ranking))
    return found


def scores_of(guess: Guesses, labels: Labels, n_labels: int, resamples: Resamples) -> Scores:
    """Against the true labels ``[n]``."""
    ranking = guess.ranking
    at = {} if ranking is None else {k: accuracy_at(labels, ranking, k, resamples) for k in ATS}
    return Scores(guess.method, *classification(labels, guess.labels, n_labels, resamples), at)


def baselines(reference: Labels, labels: Labels, n_labels: int) -> list[Scores]:
    """What chance and the commonest value ID reach, in the same form, without draws."""
    found = (("chance", chance(labels, n_labels, ATS)), ("majority", majority(reference, labels, n_labels, ATS)))
    return [
        Scores(
            name,
            _certain(guess.accuracy),
            _certain(guess.balanced_accuracy),
            _certain(guess.weighted_f1),
            {k: _certain(value) for k, value in guess.at.items()},
        )
        for name, guess in found
    ]


def average(scores: Sequence[Scores]) -> Scores:
    """Of one method over several corpora, each corpus alike."""
    return Scores(
        scores[0].method,
        mean_of([each.accuracy for each in scores]),
        mean_of([each.balanced_accuracy for each in scores]),
        mean_of([each.weighted_f1 for each in scores]),
        {k: mean_of([each.at[k] for each in scores]) for k in scores[0].at},
    )


def recall_among(
    guess: Guesses, labels: Labels, only: Collection[int], n_labels: int, resamples: Resamples
) -> Estimate:
    """Balanced accuracy over the labels ``only``; every label remains a possible guess.

    A resample without any answer of them is left out.
    """
    columns = sorted(only)
    inside = np.isin(labels, columns)
    support = resamples.counts_of(labels, n_labels, inside)[:, columns]
    hits = resamples.counts_of(labels, n_labels, inside & (guess.labels == labels))[:, columns]
    there = support > 0
    some = there.any(axis=1)
    recall = (hits / np.maximum(support, 1))[some].sum(axis=1) / there[some].sum(axis=1)
    return resamples.estimate(recall)


def _certain(value: float) -> Estimate:
    return Estimate(value, np.empty(0), 0)
