"""evaluation/scores.py, classifiers.py and control.py: by hand, against scikit-learn, and on ties."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, top_k_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from pytest_univar.errors import UndefinedError
from pytest_univar.evaluation.classifiers import ProbeSettings, knn_guesses, probe_ranking
from pytest_univar.evaluation.control import contrast
from pytest_univar.evaluation.identification import Guesses, recall_among
from pytest_univar.evaluation.scores import (
    Estimate,
    Figure,
    Labels,
    Resamples,
    accuracy_at,
    chance,
    classification,
    majority,
    mean_of,
    share,
)
from pytest_univar.values import Vectors


def clouds(n: int, *, labels: int = 4, spread: float = 0.6, seed: int = 0) -> tuple[Vectors, Labels]:
    """Unit vectors around a corner of a cube for each label."""
    rng = np.random.default_rng(seed)
    of = rng.integers(labels, size=n)
    rows = np.eye(24)[of] + spread * rng.standard_normal((n, 24))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), of.astype(np.intp)


def width(figure: Figure) -> float:
    assert figure.low is not None
    assert figure.high is not None
    return figure.high - figure.low


# ------------------------------------------------------------------------------------------------------------- figures


def test_figures_by_hand() -> None:
    labels, guesses = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])
    found = classification(labels, guesses, 2, Resamples(np.arange(6), seed=0))
    assert found.accuracy.value == pytest.approx(4 / 6)
    assert found.balanced_accuracy.value == pytest.approx((3 / 4 + 1 / 2) / 2)
    # F1 = 2 · hits / (support + guessed): 6/8 of label 0, with 4 of the 6 answers, and 2/4 of label 1
    assert found.weighted_f1.value == pytest.approx((4 * 6 / 8 + 2 * 2 / 4) / 6)


def test_figures_equal_scikit_learn_on_every_resample() -> None:
    rng = np.random.default_rng(1)
    labels, guesses = rng.choice(5, 90, p=[0.5, 0.2, 0.1, 0.1, 0.1]), rng.choice(5, 90)
    questions = np.repeat(np.arange(30), 3)
    resamples = Resamples(questions, seed=2)
    found = classification(labels, guesses, 5, resamples)
    for draw in (0, 1, 2, 3):
        rows = np.repeat(np.arange(90), resamples.counts[draw][questions].astype(int))
        expected = (
            accuracy_score(labels[rows], guesses[rows]),
            balanced_accuracy_score(labels[rows], guesses[rows]),
            f1_score(labels[rows], guesses[rows], average="weighted", zero_division=0),
        )
        values = [each.value if draw == 0 else each.draws[draw - 1] for each in found]
        assert values == pytest.approx(expected)


def test_accuracy_at_k_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.standard_normal((200, 7)), rng.integers(7, size=200)
    ranking = np.argsort(-scores, axis=1)
    for k in (1, 3, 5):
        found = accuracy_at(labels, ranking, k, Resamples(np.arange(200), seed=0)).value
        assert found == pytest.approx(top_k_accuracy_score(labels, scores, k=k, labels=np.arange(7)))


def test_there_are_never_more_than_all() -> None:
    ranking, labels = np.array([[1, 0], [0, 1]]), np.array([0, 0])
    assert accuracy_at(labels, ranking, 10, Resamples(np.arange(2), seed=0)).value == 1


def test_the_interval_is_that_of_whole_questions() -> None:
    """Three answers of a question agree: 100 observations, and not 300."""
    hits = np.repeat(np.random.default_rng(1).random(100) < 0.6, 3)
    figure = share(hits, Resamples(np.repeat(np.arange(100), 3), seed=0)).figure()
    half = 1.98 * np.sqrt(figure.value * (1 - figure.value) / 99)
    assert (figure.low, figure.high) == pytest.approx((figure.value - half, figure.value + half), abs=0.015)


def test_one_question_has_no_interval() -> None:
    figure = share(np.array([True, False]), Resamples(["q", "q"], seed=0)).figure()
    assert figure == (0.5, None, None)


def test_the_mean_of_corpora_is_narrower_than_each() -> None:
    rng = np.random.default_rng(0)
    each = [share(rng.random(80) < rate, Resamples(np.arange(80), seed=seed)) for seed, rate in enumerate((0.4, 0.6))]
    mean = mean_of(each)
    assert mean.value == pytest.approx((each[0].value + each[1].value) / 2)
    assert width(mean.figure()) == pytest.approx(width(each[0].figure()) / np.sqrt(2), rel=0.15)
    with pytest.raises(UndefinedError, match="at least one"):
        mean_of([])


def test_baselines_are_what_they_say() -> None:
    labels = np.array([0] * 60 + [1] * 30 + [2] * 10)
    reference = np.array([1] * 5 + [0] * 9 + [2] * 9)  # 0 and 2 are equally common: the lower one
    guess = majority(reference, labels, 3, (1, 2, 5))
    dummy = DummyClassifier(strategy="most_frequent").fit(reference[:, None], reference).predict(labels[:, None])
    assert guess.accuracy == pytest.approx(accuracy_score(labels, dummy)) == pytest.approx(0.6)
    assert guess.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, dummy))
    assert guess.weighted_f1 == pytest.approx(f1_score(labels, dummy, average="weighted", zero_division=0))
    assert guess.at == pytest.approx({1: 0.6, 2: 0.7, 5: 1.0})

    many = np.tile(labels, 400)
    random = np.random.default_rng(0).integers(3, size=len(many))
    by_chance = chance(many, 3, (1, 2, 5))
    assert by_chance.accuracy == by_chance.balanced_accuracy == pytest.approx(accuracy_score(many, random), abs=0.01)
    assert by_chance.weighted_f1 == pytest.approx(f1_score(many, random, average="weighted"), abs=0.01)
    assert by_chance.at == pytest.approx({1: 1 / 3, 2: 2 / 3, 5: 1.0})


def test_recall_among_some_of_the_labels() -> None:
    """All labels may be guessed, those of ``only`` are scored: 1 of 2 of label 1, 1 of 1 of label 2."""
    labels, guesses = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 0, 2])
    guess = Guesses("any", guesses)
    resamples = Resamples(["a", "b", "a", "b", "a"], seed=0)
    assert recall_among(guess, labels, [1, 2], 3, resamples).value == pytest.approx(0.75)
    assert recall_among(guess, labels, [0], 3, resamples).value == pytest.approx(0.5)


# ---------------------------------------------------------------------------------------------------------------- k-NN


@pytest.mark.parametrize("k", [1, 2, 5, 8, 50])
@pytest.mark.parametrize("kind", ["apart", "duplicates", "grid"])
def test_k_nn_is_that_of_scikit_learn(kind: str, k: int) -> None:
    """Duplicates with different labels and points of a grid: distances and votes are tied everywhere."""
    reference, labels = clouds(160)
    queries, _ = clouds(60, seed=1)
    if kind == "duplicates":
        reference = np.concatenate([reference[:40]] * 4)
        queries = reference[::3]
    elif kind == "grid":
        rng = np.random.default_rng(3)
        reference, queries = (rng.integers(0, 2, size=(n, 18)).astype(np.float32) for n in (160, 60))
    expected = KNeighborsClassifier(n_neighbors=k, algorithm="brute").fit(reference, labels).predict(queries)
    found = knn_guesses(reference, labels, queries, k)
    assert found.tolist() == expected.tolist()


def test_of_equally_many_votes_the_lowest_label_wins() -> None:
    reference, labels = np.array([[1.0], [2.0], [-1.0], [-2.0]], dtype=np.float32), np.array([3, 1, 2, 0])
    query = np.zeros((1, 1), dtype=np.float32)
    assert knn_guesses(reference, labels, query, 2).tolist() == [2]  # 3 and 2
    assert knn_guesses(reference, labels, query, 4).tolist() == [0]


def test_k_is_at_most_the_reference() -> None:
    reference, labels = clouds(10)
    with pytest.raises(UndefinedError, match="found 10 reference rows, expected at least k = 11"):
        knn_guesses(reference, labels, reference, 11)


# --------------------------------------------------------------------------------------------------------------- probe


def test_the_probe_learns_what_can_be_separated() -> None:
    reference, labels = clouds(1200, spread=0.3)
    queries, of = clouds(200, spread=0.3, seed=5)
    long = ProbeSettings(learning_rate=0.02, epochs=100)  # the paper's 20 are few steps for so few rows
    ranking = probe_ranking(reference, labels, queries, 4, seed=0, settings=long)
    assert [sorted(row) for row in ranking.tolist()] == [[0, 1, 2, 3]] * 200
    expected = LogisticRegression(C=100, max_iter=1000).fit(reference, labels).predict(queries)
    assert (ranking[:, 0] == expected).mean() > 0.95
    assert (ranking[:, 0] == of).mean() > 0.9
    shuffled = np.random.default_rng(0).permutation(labels)
    assert (probe_ranking(reference, shuffled, queries, 4, seed=0, settings=long)[:, 0] == of).mean() < 0.5


def test_the_probe_takes_the_steps_of_adam() -> None:
    """One row, one step: Adam's first step is the learning rate along the gradient's sign. Label 1 gains, 0 loses."""
    reference = np.array([[1.0, -1.0]], dtype=np.float32)
    settings = ProbeSettings(learning_rate=10.0, epochs=1)
    for label in (0, 1):
        ranking = probe_ranking(reference, np.array([label]), reference, 2, seed=0, settings=settings)
        assert ranking.tolist() == [[label, 1 - label]]


def test_the_probe_is_seeded_and_leaves_the_global_generator_alone() -> None:
    import torch

    reference, labels = clouds(300, spread=2.0)
    before = torch.random.get_rng_state()
    first, second, other = (probe_ranking(reference, labels, reference, 4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.tolist() == second.tolist()
    assert first.tolist() != other.tolist()


# ------------------------------------------------------------------------------------------------------------- control


def fixed(value: float, *draws: float) -> Estimate:
    return Estimate(value, np.array(draws), 50)


def test_gap_and_ratio_by_hand() -> None:
    found = contrast(fixed(0.7, *[0.7] * 50), fixed(0.3, *[0.3] * 50), 0.2)
    assert found.gap == pytest.approx((0.4, 0.4, 0.4))
    assert found.ratio == pytest.approx((5.0, 5.0, 5.0))  # 0.5 above chance against 0.1


def test_the_gap_is_as_wide_as_both_sides_together() -> None:
    rng = np.random.default_rng(0)
    values, control = (share(rng.random(100) < 0.5, Resamples(np.arange(100), seed)) for seed in (0, 1))
    widths = [width(figure) for figure in contrast(values, control, 0.1)[:3]]
    assert widths[2] == pytest.approx(np.hypot(widths[0], widths[1]), rel=0.1)


def test_a_control_at_chance_has_no_ratio_and_one_near_it_no_bound() -> None:
    assert contrast(fixed(0.7, 0.6, 0.8), fixed(0.2, 0.1, 0.3), 0.2).ratio is None
    near = contrast(fixed(0.7, *[0.7] * 40), fixed(0.3, *[0.1, 0.3] * 20), 0.2).ratio
    assert near is not None
    assert near[:2] == pytest.approx((5.0, 5.0))
    assert near.high is None


def test_one_question_of_the_control_leaves_the_figures_without_intervals() -> None:
    found = contrast(fixed(0.7, 0.6, 0.8), fixed(0.3), 0.2)
    assert (found.gap.low, found.gap.high) == (None, None)
    assert found.ratio is not None
    assert (found.ratio.low, found.ratio.high) == (None, None)
