"""Value identification: whose values does an answer, or a whole profile, express (paper, section 3.3)?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pytest_univar import stats
from pytest_univar.audit import TextEncoder
from pytest_univar.corpora import Corpus
from pytest_univar.values import QA, Vectors

PROFILE_SIZE = 40
DRAWS = 100


@dataclass(frozen=True)
class Identification:
    """Balanced accuracies on held-out questions, with 95 % intervals by question.

    The bank is made of the corpus's training questions. knn: k → accuracy of single answers; without the k that are
    larger than the bank. profiles: share of profiles of 40 answers whose nearest centroid is their own. chance: 1 /
    number of value IDs.
    """

    corpus: str
    encoder: str
    value_ids: int
    answers: int
    questions: int
    chance: float
    knn: dict[int, float]
    knn_interval: dict[int, tuple[float, float]]
    profiles: float


def identify(encoder: TextEncoder, corpus: Corpus, *, ks: tuple[int, ...] = (5, 50), seed: int = 0) -> Identification:
    """Encode a corpus and identify the value IDs of its held-out answers against its training answers."""
    training, test = corpus.training, corpus.test
    index = {value_id: i for i, value_id in enumerate(corpus.value_ids)}
    vectors = encoder.encode([str(QA(a.question, a.answer)) for a in (*training, *test)])
    bank, queries = vectors[: len(training)], vectors[len(training) :]
    bank_labels = np.array([index[a.value_id] for a in training])
    labels = np.array([index[a.value_id] for a in test])
    questions = np.unique([a.question_id for a in test], return_inverse=True)[1]
    weights = stats.balancing_weights(bank_labels, len(index))
    knn, intervals = {}, {}
    for k in (k for k in ks if k <= len(bank)):
        hits = stats.knn_labels(queries, bank, bank_labels, len(index), k=k, weights=weights) == labels
        knn[k] = balanced_accuracy(hits, labels)
        intervals[k] = accuracy_interval(hits, labels, questions, seed)
    return Identification(
        corpus=corpus.name,
        encoder=encoder.name,
        value_ids=len(index),
        answers=len(test),
        questions=len(corpus.held_out),
        chance=1 / len(index),
        knn=knn,
        knn_interval=intervals,
        profiles=profile_accuracy(bank, bank_labels, queries, labels, seed),
    )


def balanced_accuracy(hits: npt.NDArray[np.bool_], labels: npt.NDArray[np.intp]) -> float:
    """The mean over the labels of the share of hits: every value ID counts alike, however many answers it has."""
    return float(np.mean([hits[labels == label].mean() for label in np.unique(labels)]))


def accuracy_interval(
    hits: npt.NDArray[np.bool_], labels: npt.NDArray[np.intp], questions: npt.NDArray[np.intp], seed: int
) -> tuple[float, float]:
    """95 % percentile interval of the balanced accuracy; whole questions are drawn, with all their answers."""
    rng = np.random.default_rng(seed)
    n_questions, n_labels = int(questions.max()) + 1, int(labels.max()) + 1
    cells = questions * n_labels + labels
    hit = np.bincount(cells, weights=hits, minlength=n_questions * n_labels).reshape(n_questions, n_labels)
    all_ = np.bincount(cells, minlength=n_questions * n_labels).reshape(n_questions, n_labels)
    drawn = rng.multinomial(n_questions, np.full(n_questions, 1 / n_questions), size=2000)
    counts = drawn @ all_
    accuracies = np.nanmean(np.where(counts > 0, drawn @ hit / np.maximum(counts, 1), np.nan), axis=1)
    low, high = np.percentile(accuracies, [2.5, 97.5])
    return float(low), float(high)


def profile_accuracy(
    bank: Vectors, bank_labels: npt.NDArray[np.intp], queries: Vectors, labels: npt.NDArray[np.intp], seed: int
) -> float:
    """Share of random profiles of 40 held-out answers of one value ID that lie nearest to its own centroid."""
    rng = np.random.default_rng(seed)
    centroids = np.stack([bank[bank_labels == label].mean(axis=0) for label in range(int(bank_labels.max()) + 1)])
    hits = []
    for label in np.unique(labels):
        own = queries[labels == label]
        for _ in range(DRAWS):
            profile = own[rng.permutation(len(own))[:PROFILE_SIZE]].mean(axis=0)
            hits.append(np.linalg.norm(centroids - profile, axis=1).argmin() == label)
    return float(np.mean(hits))
