"""evaluation/profiles.py: profiles and views that find their value ID, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from pytest_univar.corpora import Corpus
from pytest_univar.evaluation.profiles import SizeScore, centroids_of, misfits, profile_curve, view_score, views_of
from pytest_univar.evaluation.scores import Labels
from pytest_univar.evaluation.splits import Split, by_question
from pytest_univar.values import Answer, Vectors


def noisy(n: int, seed: int = 0) -> tuple[Vectors, Labels, list[str]]:
    """Three labels answer n questions each; their noise is three times as wide as what sets them apart."""
    labels = np.tile(np.arange(3), n)
    rows = np.eye(12)[labels] + np.random.default_rng(seed).standard_normal((3 * n, 12))
    return rows.astype(np.float32), labels, [f"q{row // 3}" for row in range(3 * n)]


def curve(n: int, sizes: tuple[int, ...], **more: list[int]) -> tuple[SizeScore, ...]:
    reference, reference_labels, _ = noisy(400, seed=1)
    queries, labels, questions = noisy(n)
    misfit = misfits(queries, centroids_of(reference, reference_labels, 3))
    return profile_curve(misfit, labels, questions, seed=0, sizes=sizes, **more)


def test_single_answers_go_where_scikit_learn_says() -> None:
    reference, reference_labels, _ = noisy(400, seed=1)
    queries, labels, questions = noisy(100)
    misfit = misfits(queries, centroids_of(reference, reference_labels, 3))
    expected = NearestCentroid().fit(reference, reference_labels).predict(queries)
    assert misfit.argmin(axis=1).tolist() == expected.tolist()
    # a profile of all its answers is one point
    means = np.stack([queries[labels == label].mean(axis=0) for label in range(3)])
    (whole,) = profile_curve(misfit, labels, questions, seed=0, sizes=(100,))
    assert (
        whole.accuracy.value == (NearestCentroid().fit(reference, reference_labels).predict(means) == [0, 1, 2]).mean()
    )


def test_a_curve_by_hand() -> None:
    """Label 0 lies at 0 but for one answer in four, label 1 at 10: three of four single answers are found."""
    centroids = np.array([[0.0], [10.0]])
    queries = np.tile(np.array([[0.0], [0.0], [0.0], [10.0]], dtype=np.float32), (10, 1))
    found = profile_curve(
        misfits(queries, centroids), np.zeros(40, dtype=np.intp), [str(q) for q in range(40)], seed=0, sizes=(1, 20, 40)
    )
    assert [score.size for score in found] == [1, 20, 40]
    assert found[0].accuracy.value == pytest.approx(0.75, abs=0.1)
    assert found[2].accuracy == (1.0, 1.0, 1.0)


def test_more_answers_find_more() -> None:
    values = [score.accuracy.value for score in curve(100, (1, 10, 40))]
    assert values == sorted(values)
    assert values[0] < 0.7 < 0.95 < values[-1]


def test_the_interval_holds_the_estimate_and_narrows_with_the_questions() -> None:
    few, many = curve(30, (1,))[0].accuracy, curve(300, (1,))[0].accuracy
    for figure in (few, many):
        assert figure.low is not None
        assert figure.high is not None
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert many.high - many.low < (few.high - few.low) / 1.8  # type: ignore[operator]


def test_sizes_stop_at_the_answers_there_are() -> None:
    assert [(score.size, score.value_ids) for score in curve(20, (40, 10, 20, 20))] == [(10, 3), (20, 3)]


def test_only_some_are_scored_but_all_are_candidates() -> None:
    assert curve(60, (5,), only=[1])[0].value_ids == 1
    each = [curve(60, (1,), only=[label])[0].accuracy.value for label in range(3)]
    assert np.mean(each) == pytest.approx(curve(60, (1,))[0].accuracy.value, abs=0.08)
    assert max(each) < 0.9  # one label alone, with nothing to take it for, would be found always


# ---------------------------------------------------------------------------------------------------------------- views


def split(questions: int = 44) -> Split:
    answers = tuple(Answer(llm, "eng", f"q{q}", f"q{q}", f"by {llm}") for q in range(questions) for llm in "ab")
    return by_question(Corpus("made", answers, frozenset(f"q{q}" for q in range(questions // 4))))


def test_a_view_is_so_many_qas_of_one_llm_joined_by_newlines() -> None:
    reference, test = views_of(split(), 5, seed=0)
    assert (len(reference.texts), len(test.texts)) == (2 * (33 // 5), 2 * (11 // 5))
    lines = [line for text in (*reference.texts, *test.texts) for line in text.split("\n")]
    assert len(set(lines)) == len(lines) == 5 * (12 + 4)  # no QA twice
    for text, label in zip(test.texts, test.labels, strict=True):
        assert len(text.split("\n")) == 5
        assert all(line.endswith(f"A: by {'ab'[label]}") for line in text.split("\n"))
    # both LLMs' first views are of the same questions
    first = [text.replace("by b", "by a") for text, block in zip(test.texts, test.blocks, strict=True) if block == 0]
    assert first[0] == first[1]


def test_views_are_so_many_at_the_most() -> None:
    reference, _ = views_of(split(questions=120), 1, seed=0)
    assert np.bincount(reference.labels).tolist() == [20, 20]


def test_view_scores_by_hand() -> None:
    reference_views, views = views_of(split(), 5, seed=0)
    reference = np.eye(2, dtype=np.float32)[reference_views.labels]
    queries = np.eye(2, dtype=np.float32)[views.labels]
    queries[0] = [0, 1]  # one of label 0's two is taken for label 1
    score = view_score(5, reference, reference_views, queries, views, seed=0)
    assert (score.size, score.value_ids, score.accuracy.value) == (5, 2, 0.75)
