"""How well labels were guessed, each figure with its resamples of whole questions: pure numpy, seeded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar.errors import UndefinedError
from pytest_univar.stats.bootstrap import expanded_tails
from pytest_univar.stats.clusters import codes_of, resample_counts

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

DRAWS = 2000
CONFIDENCE = 0.95


class Figure(NamedTuple):
    """A number with its 95 % interval; None where there is none (a baseline, one question, no upper bound)."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False)
class Estimate:
    """A statistic, and what it is on resamples of the questions.

    draws: ``[DRAWS]``, empty where there is one question. questions: how many there are.
    """

    value: float
    draws: Array
    questions: int

    def figure(self) -> Figure:
        """With the percentile interval, read a little farther out for few questions (stats/bootstrap.py)."""
        if len(self.draws) == 0:
            return Figure(self.value)
        return Figure(self.value, *np.quantile(self.draws, expanded_tails(CONFIDENCE, self.questions)).tolist())


class Resamples:
    """Resamples of whole questions, the same ones for every statistic of the same answers.

    codes: ``[n]``, the question of each answer, from 0. counts: ``[1 + DRAWS, G]``, how often each question is drawn;
    the first row is the sample itself. seed: with a second number for answers whose draws must be other ones.
    """

    def __init__(self, questions: Sequence[str] | Labels, seed: int | tuple[int, int]) -> None:
        self.codes, self.n = codes_of(questions)
        draws = DRAWS if self.n > 1 else 0
        drawn = resample_counts(self.n, draws, np.random.default_rng(seed))
        self.counts = np.concatenate([np.ones((1, self.n)), drawn.astype(np.float64)])

    def sums(self, values: npt.NDArray[np.bool_] | Array) -> Array:
        """Sums ``[1 + DRAWS]`` of the answers' values ``[n]``."""
        sums: Array = self.counts @ np.bincount(self.codes, weights=values, minlength=self.n)
        return sums

    def counts_of(self, labels: Labels, n_labels: int, where: npt.NDArray[np.bool_] | None = None) -> Array:
        """How many of the answers (only those ``where``) have each label: ``[1 + DRAWS, n_labels]``."""
        cells = self.codes * n_labels + labels
        found = np.bincount(cells, weights=where, minlength=self.n * n_labels).reshape(self.n, n_labels)
        counts: Array = self.counts @ found
        return counts

    def estimate(self, statistics: Array) -> Estimate:
        return Estimate(float(statistics[0]), statistics[1:], self.n)


class Classification(NamedTuple):
    """accuracy: share of hits. balanced_accuracy: its mean over the labels. weighted_f1: F1 weighted by support."""

    accuracy: Estimate
    balanced_accuracy: Estimate
    weighted_f1: Estimate


def classification(labels: Labels, guesses: Labels, n_labels: int, resamples: Resamples) -> Classification:
    """What scikit-learn calls accuracy, balanced accuracy and weighted F1, of guesses ``[n]`` for labels ``[n]``.

    Labels that a resample does not hold count in none of its means.
    """
    support = resamples.counts_of(labels, n_labels)
    hits = resamples.counts_of(labels, n_labels, guesses == labels)
    guessed = resamples.counts_of(guesses, n_labels)
    f1 = 2 * hits / np.maximum(support + guessed, 1)
    return Classification(
        resamples.estimate(hits.sum(axis=1) / support.sum(axis=1)),
        resamples.estimate(mean_recall(hits, support)),
        resamples.estimate((support * f1).sum(axis=1) / support.sum(axis=1)),
    )


def mean_recall(hits: Array, support: Array) -> Array:
    """The mean ``[m]`` of hits/support ``[m, n_labels]`` over the labels with support."""
    there = support > 0
    means: Array = (hits / np.maximum(support, 1)).sum(axis=1) / there.sum(axis=1)
    return means


def accuracy_at(labels: Labels, ranking: Labels, k: int, resamples: Resamples) -> Estimate:
    """Share of the answers whose label is among the first k of its ``ranking`` ``[n, at least k]``, best first."""
    return share((ranking[:, :k] == labels[:, None]).any(axis=1), resamples)


def share(hits: npt.NDArray[np.bool_], resamples: Resamples) -> Estimate:
    return resamples.estimate(resamples.sums(hits) / resamples.sums(np.ones(len(hits))))


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """The plain mean of statistics of different corpora, whose questions are drawn independently of each other."""
    if not estimates:
        raise UndefinedError("found no estimates, expected at least one: the mean of nothing is undefined")
    draws = [each.draws for each in estimates]
    whole = all(len(each) for each in draws)
    return Estimate(
        float(np.mean([each.value for each in estimates])),
        np.mean(draws, axis=0) if whole else np.empty(0),
        min(each.questions for each in estimates),
    )


class Guess(NamedTuple):
    """What one gets without looking at the answer: no intervals, for nothing was measured. at: k → accuracy@k."""

    accuracy: float
    balanced_accuracy: float
    weighted_f1: float
    at: dict[int, float]


def chance(labels: Labels, n_labels: int, ats: Sequence[int]) -> Guess:
    """Uniform guessing, for labels ``[n]``. F1 of a label of share p: recall 1/n, precision p, so 2p/(1 + n·p)."""
    shares = np.bincount(labels, minlength=n_labels) / len(labels)
    return Guess(
        1 / n_labels,
        1 / n_labels,
        float((shares * 2 * shares / (1 + n_labels * shares)).sum()),
        {k: min(1.0, k / n_labels) for k in ats},
    )


def majority(reference: Labels, labels: Labels, n_labels: int, ats: Sequence[int]) -> Guess:
    """Always the commonest labels of the reference ``[N]``, for labels ``[n]``; of equally common ones the lowest."""
    order = np.argsort(-np.bincount(reference, minlength=n_labels), kind="stable")
    shares = np.bincount(labels, minlength=n_labels) / len(labels)
    first = float(shares[order[0]])
    return Guess(
        first,
        (1 / len(np.unique(labels))) if first > 0 else 0.0,
        first * 2 * first / (first + 1),
        {k: float(shares[order[:k]].sum()) for k in ats},
    )
