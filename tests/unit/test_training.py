"""training/: the loss, its temperature, the schedule and gradient caching, by hand and against one big batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch

from pytest_univar.training.gradients import backward, pieces_of
from pytest_univar.training.loss import Temperature, multi_view_infonce
from pytest_univar.training.schedule import share_of_rate

Floats = npt.NDArray[np.float64]

# Similarities of three pairs whose exponentials are small whole numbers: the second views are unit vectors, so that the
# first ones are the logits. exp: [[2, 1, 1], [1, 4, 1], [3, 1, 1]].
LOGITS = torch.log(torch.tensor([[2.0, 1, 1], [1, 4, 1], [3, 1, 1]]))
UNIT = torch.eye(3)

# ---------------------------------------------------------------------------------------------------------------- loss


def test_the_loss_of_three_pairs_by_hand() -> None:
    # rows: 2/4, 4/6, 1/5; columns: 2/6, 4/6, 1/3
    loss = multi_view_infonce(LOGITS, UNIT, torch.tensor([0, 1, 2]), temperature=1.0)
    assert loss.item() == pytest.approx(math.log(2 * 1.5 * 5 * 3 * 1.5 * 3) / 6)


def test_the_temperature_divides_the_similarities() -> None:
    # exp at half the temperature: [[4, 1, 1], [1, 16, 1], [9, 1, 1]]
    loss = multi_view_infonce(LOGITS, UNIT, torch.tensor([0, 1, 2]), temperature=0.5)
    assert loss.item() == pytest.approx(math.log(6 / 4 * 18 / 16 * 11 * 14 / 4 * 18 / 16 * 3) / 6)


def test_pairs_of_the_same_value_id_are_no_negatives_of_each_other() -> None:
    # the first and the third pair are of one value ID: rows 2/3, 4/6, 1/2; columns 2/3, 4/6, 1/2
    same = torch.tensor([7, 8, 7])
    loss = multi_view_infonce(LOGITS, UNIT, same, temperature=1.0)
    assert loss.item() == pytest.approx(math.log(1.5**4 * 2**2) / 6)
    kept = multi_view_infonce(LOGITS, UNIT, same, temperature=1.0, mask_same=False)
    assert kept.item() == pytest.approx(math.log(202.5) / 6)


def test_what_is_masked_has_no_effect_and_no_gradient() -> None:
    same = torch.tensor([7, 8, 7])
    logits = LOGITS.clone().requires_grad_()
    multi_view_infonce(logits, UNIT, same, temperature=1.0).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[0, 2] == logits.grad[2, 0] == 0
    assert (logits.grad[0, :2] != 0).all()


@pytest.mark.parametrize("mask_same", [True, False])
def test_the_loss_equals_the_formula_written_out(mask_same: bool) -> None:
    rng = np.random.default_rng(0)
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rng.standard_normal((2, 20, 8)))
    ids = rng.integers(0, 5, 20)
    expected = (one_way(a, b, ids, 0.05, mask_same) + one_way(b, a, ids, 0.05, mask_same)) / 2
    found = multi_view_infonce(
        torch.tensor(a), torch.tensor(b), torch.tensor(ids), temperature=0.05, mask_same=mask_same
    )
    assert found.item() == pytest.approx(expected, rel=1e-9)


def one_way(anchors: Floats, others: Floats, ids: npt.NDArray[np.int64], temperature: float, mask_same: bool) -> float:
    losses = []
    for i, anchor in enumerate(anchors):
        positive = math.exp(anchor @ others[i] / temperature)
        negatives = [
            math.exp(anchor @ other / temperature)
            for j, other in enumerate(others)
            if j != i and not (mask_same and ids[j] == ids[i])
        ]
        losses.append(-math.log(positive / (positive + sum(negatives))))
    return sum(losses) / len(losses)


def test_one_way_is_the_papers_formula() -> None:
    # rows alone: 2/4, 4/6, 1/5
    loss = multi_view_infonce(LOGITS, UNIT, torch.tensor([0, 1, 2]), temperature=1.0, both_ways=False)
    assert loss.item() == pytest.approx(math.log(2 * 1.5 * 5) / 3)


# --------------------------------------------------------------------------------------------------------- temperature


def test_a_fixed_temperature_has_no_gradient_and_no_cap() -> None:
    fixed = Temperature(0.002, learnt=False)
    fixed.cap()
    assert fixed().item() == pytest.approx(0.002)
    assert not any(parameter.requires_grad for parameter in fixed.parameters())


def test_a_learnt_temperature_falls_where_the_positive_is_nearest_already() -> None:
    """Then a smaller one makes the loss smaller, and its gradient says so."""
    learnt = Temperature(0.5, learnt=True)
    vectors = torch.eye(4)
    multi_view_infonce(vectors, vectors, torch.arange(4), temperature=learnt()).backward()  # type: ignore[no-untyped-call]
    # at s = 1/τ the loss is log(1 + 3 exp(-s)); by log s: -3 s exp(-s) / (1 + 3 exp(-s))
    s = 2.0
    assert learnt.log_scale.grad is not None
    assert learnt.log_scale.grad.item() == pytest.approx(-3 * s * math.exp(-s) / (1 + 3 * math.exp(-s)))


def test_a_learnt_temperature_is_capped_like_clips() -> None:
    learnt = Temperature(0.02, learnt=True)
    with torch.no_grad():
        learnt.log_scale.fill_(math.log(250))
    learnt.cap()
    assert learnt().item() == pytest.approx(0.01)
    with torch.no_grad():
        learnt.log_scale.fill_(math.log(3))
    learnt.cap()
    assert learnt().item() == pytest.approx(1 / 3)


# ------------------------------------------------------------------------------------------------------------ schedule


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("linear", 2, [0.5, 1, 1, 0.75, 0.5, 0.25]),
        ("linear", 0, [1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),
        ("linear", 6, [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1]),
        ("inverse-sqrt", 2, [0.5, 1, (2 / 3) ** 0.5, 0.5**0.5, 0.4**0.5, (1 / 3) ** 0.5]),
        ("inverse-sqrt", 0, [1, 0.5**0.5, (1 / 3) ** 0.5, 0.5, 0.2**0.5, (1 / 6) ** 0.5]),
    ],
)
def test_the_rate_by_hand(schedule: str, warmup: int, expected: Sequence[float]) -> None:
    found = [share_of_rate(schedule, step, steps=6, warmup=warmup) for step in range(1, 7)]  # type: ignore[arg-type]  # text
    assert found == pytest.approx(expected)


# ---------------------------------------------------------------------------------------------------- gradient caching


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 8))


def gradients(chunk: int | None, *, rows: int = 24) -> tuple[float, list[torch.Tensor], list[int]]:
    """Loss, gradients (the temperature's last) and how many rows at a time were embedded with a graph."""
    model, temperature = network(), Temperature(0.1, learnt=True)
    inputs = torch.randn(rows, 6, generator=torch.Generator().manual_seed(1))
    identities = torch.arange(rows // 2) % 5
    with_graph: list[int] = []

    def embed(chosen: Sequence[int]) -> torch.Tensor:
        found: torch.Tensor = model(inputs[list(chosen)])
        if found.requires_grad:
            with_graph.append(len(chosen))
        return found

    def loss_of(vectors: torch.Tensor) -> torch.Tensor:
        first, second = torch.nn.functional.normalize(vectors, dim=-1).chunk(2)
        return multi_view_infonce(first, second, identities, temperature=temperature())

    lengths = [row * 7 % 11 + 1 for row in range(rows)]
    pieces = list(pieces_of(lengths, tokens=10_000, rows=chunk))
    loss = backward(embed, pieces, loss_of, cached=chunk is not None)
    found = [parameter.grad for parameter in (*model.parameters(), *temperature.parameters())]
    return loss, [each for each in found if each is not None], with_graph


@pytest.mark.parametrize("chunk", [1, 5, 8, 24, 100])
def test_cached_gradients_are_those_of_one_big_batch(chunk: int) -> None:
    whole_loss, whole, at_once = gradients(None)
    loss, cached, pieces = gradients(chunk)
    assert loss == pytest.approx(whole_loss, abs=1e-6)
    assert len(cached) == len(whole) == 5
    for one, other in zip(cached, whole, strict=True):
        assert one.abs().max() > 1e-3
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    assert at_once == [24]
    assert max(pieces) == min(chunk, 24)  # no more than a chunk's graph is held
    assert sum(pieces) == 24


def test_pieces_hold_every_row_once_within_both_limits() -> None:
    lengths = [3, 50, 7, 7, 1, 120, 9]
    pieces = list(pieces_of(lengths, tokens=60, rows=3))
    assert sorted(row for rows in pieces for row in rows) == list(range(7))
    for rows in pieces:
        assert len(rows) <= 3
        assert len(rows) == 1 or len(rows) * max(lengths[row] for row in rows) <= 60
