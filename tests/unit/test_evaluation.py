"""evaluation/: the figures an encoder is judged by, by hand and against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from pytest_univar.corpora import Corpus
from pytest_univar.evaluation.value_identification import (
    accuracy_interval,
    balanced_accuracy,
    identify,
    profile_accuracy,
)
from pytest_univar.values import Answer, Vectors

Labels = npt.NDArray[np.intp]
LLMS = ("a", "b", "c")
QUESTIONS = 60


def made_corpus() -> Corpus:
    answers = [Answer(llm, "eng", f"q{q:02}", f"{q}", llm) for q in range(QUESTIONS) for llm in LLMS]
    return Corpus("made-up", tuple(answers), frozenset(f"q{q:02}" for q in range(20)))


class Placed:
    """Vectors that lie around a point of their LLM, ``spread`` wide: the text says which LLM and which question."""

    name, fingerprint = "placed", "00" * 32

    def __init__(self, spread: float) -> None:
        self.spread = spread

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        rows = []
        for text in texts:
            question, llm = text.removeprefix("Q: ").split(" A: ")
            noise = np.random.default_rng([int(question), ord(llm)]).standard_normal(3)
            rows.append(np.eye(3)[LLMS.index(llm)] + self.spread * noise)
        return np.asarray(rows, dtype=np.float32)


# ---------------------------------------------------------------------------------------------------- balanced accuracy


def test_balanced_accuracy_by_hand() -> None:
    hits, labels = np.array([1, 1, 1, 0, 1, 0], dtype=bool), np.array([0, 0, 0, 0, 1, 1])
    assert balanced_accuracy(hits, labels) == pytest.approx((3 / 4 + 1 / 2) / 2)  # not 4 of 6


def test_balanced_accuracy_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels, guesses = rng.choice(4, 200, p=[0.7, 0.1, 0.1, 0.1]), rng.choice(4, 200)
    assert balanced_accuracy(guesses == labels, labels) == pytest.approx(balanced_accuracy_score(labels, guesses))


# ------------------------------------------------------------------------------------------------------------ intervals


def scored(n_questions: int, rate: float, seed: int) -> tuple[npt.NDArray[np.bool_], Labels, Labels]:
    """Hits of three LLMs on each question; the three are hit or missed together."""
    together = np.random.default_rng(seed).random(n_questions) < rate
    return np.repeat(together, 3), np.tile(np.arange(3), n_questions), np.repeat(np.arange(n_questions), 3)


def test_the_interval_is_that_of_the_questions_not_of_the_answers() -> None:
    hits, labels, questions = scored(100, 0.6, seed=1)
    share = hits.mean()
    low, high = accuracy_interval(hits, labels, questions, seed=0)
    # all three answers of a question agree, so there are 100 observations, whatever the number of answers
    half = 1.96 * np.sqrt(share * (1 - share) / 100)
    assert (low, high) == pytest.approx((share - half, share + half), abs=0.015)


def test_the_interval_of_certainty_is_a_point() -> None:
    hits, labels, questions = scored(30, 1.1, seed=0)
    assert accuracy_interval(hits, labels, questions, seed=0) == (1.0, 1.0)


def test_the_interval_holds_what_it_promises() -> None:
    held = 0
    for seed in range(100):
        low, high = accuracy_interval(*scored(60, 0.7, seed), seed=0)
        held += low <= 0.7 <= high
    assert held >= 88  # 95 are promised; percentile intervals of 60 questions fall a little short


def test_a_question_that_one_llm_did_not_answer() -> None:
    hits, labels, questions = (
        np.array([1, 0, 1, 1, 0], dtype=bool),
        np.array([0, 1, 0, 1, 0]),
        np.array([0, 0, 1, 1, 2]),
    )
    low, high = accuracy_interval(hits, labels, questions, seed=0)
    assert 0 <= low <= balanced_accuracy(hits, labels) <= high <= 1


# ------------------------------------------------------------------------------------------------------- identification


def test_single_answers_are_identified_as_scikit_learn_does() -> None:
    corpus, encoder = made_corpus(), Placed(spread=0.8)
    result = identify(encoder, corpus, ks=(1, 5, 50))
    bank, queries = (
        (encoder.encode([f"Q: {a.question} A: {a.answer}" for a in part]), [LLMS.index(a.llm) for a in part])
        for part in (corpus.training, corpus.test)
    )
    for k in (1, 5, 50):
        guesses = KNeighborsClassifier(k, algorithm="brute").fit(*bank).predict(queries[0])
        assert result.knn[k] == pytest.approx(balanced_accuracy_score(queries[1], guesses))
        low, high = result.knn_interval[k]
        assert low <= result.knn[k] <= high
        assert 0.4 < result.knn[k] < 0.95  # neither hopeless nor perfect, so that the comparison says something


def test_the_result_says_what_it_is_of() -> None:
    result = identify(Placed(spread=0.0), made_corpus(), ks=(5,))
    assert (result.corpus, result.encoder) == ("made-up", "placed")
    assert (result.value_ids, result.questions, result.answers) == (3, 20, 60)
    assert result.chance == pytest.approx(1 / 3)
    assert (result.knn, result.knn_interval, result.profiles) == ({5: 1.0}, {5: (1.0, 1.0)}, 1.0)


def test_an_encoder_that_knows_nothing_is_at_chance() -> None:
    result = identify(Placed(spread=1000.0), made_corpus(), ks=(5,))
    assert abs(result.knn[5] - 1 / 3) < 0.2


def test_it_is_the_same_twice() -> None:
    first, second = (identify(Placed(spread=0.8), made_corpus(), seed=3) for _ in range(2))
    assert first == second


# ------------------------------------------------------------------------------------------------------------- profiles


def test_profiles_go_to_the_nearest_centroid() -> None:
    bank = np.array([[0, 0], [0, 2], [10, 0], [10, 2]], dtype=np.float32)  # centroids (0, 1) and (10, 1)
    bank_labels = np.array([0, 0, 1, 1])
    # the first's own lie at 4 on average, nearer to 0; the second's at 4 too, and are taken for the first's
    queries = np.array([[3, 0], [5, 0], [2, 0], [6, 0]], dtype=np.float32)
    assert profile_accuracy(bank, bank_labels, queries, np.array([0, 0, 1, 1]), seed=0) == 0.5


def test_a_profile_is_40_answers() -> None:
    """One answer in four points the other way: 40 together still find their own."""
    bank, bank_labels = np.array([[0.0], [1.0]], dtype=np.float32), np.array([0, 1])
    queries = np.tile(np.array([[0.0], [0.0], [0.0], [1.0]], dtype=np.float32), (50, 1))
    assert profile_accuracy(bank, bank_labels, queries, np.zeros(200, dtype=np.intp), seed=0) > 0.98
