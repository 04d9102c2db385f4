"""training/views.py: what is drawn into views, by whom and from where."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from pytest_univar.training.views import (
    SHORTEST_SEGMENT,
    Pair,
    ViewSettings,
    draw_pairs,
    draw_pooled_pairs,
    segment_starts,
    view_text,
)
from pytest_univar.values import QA

# ----------------------------------------------------------------------------------------------- from a question pool

ANSWERS = {llm: {f"q{q}": [QA(f"q{q}", f"llm{llm} v{v}") for v in range(2)] for q in range(30)} for llm in range(3)}


def pairs_of(seed: int, *, pairs: int = 32, lambda_: int = 5, pool: int = 8) -> list[Pair]:
    rng, views = np.random.default_rng(seed), ViewSettings(lambda_, 1000)
    return draw_pooled_pairs(rng, ANSWERS, views, pairs=pairs, pool=pool)


def questions(view: str) -> list[str]:
    return re.findall(r"^Q: (q\d+) A: ", view, re.MULTILINE)


def test_views_are_qas_of_one_llm_on_different_questions() -> None:
    for pair in pairs_of(0):
        for view in (pair.first, pair.second):
            lines = view.split("\n")
            assert 1 <= len(lines) <= 5
            assert all(re.fullmatch(rf"Q: q\d+ A: llm{pair.identity} v[01]", line) for line in lines)
            assert len(set(questions(view))) == len(lines)


def test_the_two_sides_of_a_batch_share_no_question() -> None:
    for seed in range(20):
        first, second = set(), set()
        for pair in pairs_of(seed):
            first.update(questions(pair.first))
            second.update(questions(pair.second))
        assert len(first) == len(second) == 8  # the pool of each side
        assert not first & second


def test_the_number_of_qas_is_uniform_up_to_lambda() -> None:
    views = [view for seed in range(50) for pair in pairs_of(seed) for view in (pair.first, pair.second)]
    counts = np.bincount([len(questions(view)) for view in views], minlength=6)
    assert counts[0] == 0
    # 3,200 views: 640 of each number, give or take 23 (one standard deviation)
    assert (abs(counts[1:] - 640) < 5 * 23).all()


def test_a_batch_has_every_value_id_alike() -> None:
    assert np.bincount([pair.identity for pair in pairs_of(0, pairs=30)]).tolist() == [10, 10, 10]
    assert sorted(np.bincount([pair.identity for pair in pairs_of(0, pairs=32)])) == [10, 11, 11]


def test_lambda_above_the_questions_takes_what_there_is() -> None:
    assert max(len(questions(pair.first)) for pair in pairs_of(0, lambda_=80, pool=4)) == 4


def test_the_draw_is_the_generators_alone() -> None:
    assert pairs_of(3) == pairs_of(3)
    assert pairs_of(3) != pairs_of(4)


def test_a_view_of_several_is_cut_to_its_length() -> None:
    # 60 characters for two QAs: 30 each, 10 of them the question's
    qas = [QA("x" * 50, "y" * 50), QA("short", "too")]
    assert view_text(qas, 60) == f"Q: {'x' * 10} A: {'y' * 20}\nQ: short A: too"
    assert view_text(qas[:1], 60) == str(qas[0])  # one alone is cut by the tokenizer


# ---------------------------------------------------------------------------------------------- as the paper draws them

QAS = {llm: [QA(f"q{q}", f"llm{llm} v{v}") for q in range(100) for v in range(2)] for llm in range(8)}


def free_pairs(seed: int, *, pairs: int = 32, lambda_: int = 5) -> list[Pair]:
    return draw_pairs(np.random.default_rng(seed), QAS, ViewSettings(lambda_), pairs=pairs)


@pytest.mark.parametrize("lambda_", [1, 5, 20, 80])
def test_views_of_any_size_are_drawn_without_replacement(lambda_: int) -> None:
    sizes = []
    for seed in range(10):
        for pair in free_pairs(seed, lambda_=lambda_):
            first, second = pair.first.split("\n"), pair.second.split("\n")
            assert len({*first, *second}) == len(first) + len(second)  # no QA twice in a pair
            assert {*first, *second} <= {str(qa) for qa in QAS[pair.identity]}
            sizes += [len(first), len(second)]
    assert min(sizes) >= 1
    assert max(sizes) <= lambda_
    # 640 uniform draws from 1..λ: their mean within five standard deviations
    assert abs(np.mean(sizes) - (lambda_ + 1) / 2) <= 5 * ((lambda_**2 - 1) / 12 / 640) ** 0.5


def test_a_view_of_all_there_is() -> None:
    """2λ QAs are enough, whatever is drawn."""
    few = {0: QAS[0][:10], 1: QAS[1][:10]}
    for seed in range(50):
        drawn = draw_pairs(np.random.default_rng(seed), few, ViewSettings(5), pairs=2)
        assert all(len({*pair.first.split("\n"), *pair.second.split("\n")}) <= 10 for pair in drawn)


def test_value_ids_are_different_ones_drawn_at_random() -> None:
    drawn = [frozenset(pair.identity for pair in free_pairs(seed, pairs=3)) for seed in range(100)]
    assert all(len(identities) == 3 for identities in drawn)
    assert len(set(drawn)) > 20  # of 56 there are
    assert sorted(np.bincount([pair.identity for pair in free_pairs(0, pairs=12)])) == [1] * 4 + [2] * 4


def test_every_qa_is_drawn_alike() -> None:
    lines = [line for seed in range(1000) for pair in free_pairs(seed, pairs=8) for line in pair.first.split("\n")]
    counts = np.unique(lines, return_counts=True)[1]
    assert len(counts) == 8 * 200
    # about 24,000 draws of 1,600 QAs: 15 each, as good as Poisson
    assert counts.max() <= 40


# ------------------------------------------------------------------------------------------------------------ segments

LONG = (
    "First one here. " + "Second it is! " + "X" * 40 + "\n- Third at a mark " + "y" * 40 + ". Fourth one " + "z" * 200
)


def test_segments_begin_at_sentences_and_lines() -> None:
    assert [LONG[start:][:6] for start in segment_starts(LONG)] == ["First ", "Second", "XXXXXX", "- Thir", "Fourth"]


def test_a_segment_leaves_enough_of_the_answer() -> None:
    answer = "A. " + "B" * (SHORTEST_SEGMENT - 1)
    assert segment_starts(answer) == [0]
    assert segment_starts(answer + "B") == [0, 3]
    assert segment_starts("") == [0]
    assert segment_starts("e.g. this one is not a sentence of its own, i.e. " + "c" * 200) == [0]


def beginnings(opening_share: float) -> Sequence[str]:
    qas = {llm: [QA("q", f"{LONG}{i}") for i in range(4)] for llm in range(2)}
    settings = ViewSettings(1, opening_share=opening_share)
    rng = np.random.default_rng(0)
    drawn = [pair for _ in range(200) for pair in draw_pairs(rng, qas, settings, pairs=2)]
    return [view.removeprefix("Q: q A: ")[:6] for pair in drawn for view in (pair.first, pair.second)]


def test_the_share_of_openings() -> None:
    assert set(beginnings(1.0)) == {"First "}
    found = beginnings(0.0)
    names, counts = np.unique(found, return_counts=True)
    assert len(names) == 5
    assert abs(counts - 160).max() < 5 * 11.4  # 800 draws of five starts: 160 each, standard deviation 11.3
    # half are openings, and a fifth of the others are, too: 0.6 of 800, standard deviation 14
    assert abs(list(beginnings(0.5)).count("First ") - 480) < 5 * 14


def test_a_segment_is_cut_out_before_the_view_is_cut_to_length() -> None:
    view = view_text([QA("q", LONG[start:]) for start in segment_starts(LONG)[1:3]], 60)
    assert view == f"Q: q A: {LONG[16:36]}\nQ: q A: {'X' * 20}"


def test_views_that_are_not_cut() -> None:
    qas = [QA("x" * 50, "y" * 50), QA("short", "too")]
    assert view_text(qas, None) == f"{qas[0]}\n{qas[1]}"
