"""What distances are held against: computed from a bank whose truth is known, stored, checked and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_univar.banks import ReferenceBank, Rows
from pytest_univar.calibration import Calibration, calibrate
from pytest_univar.errors import BankError

from .test_measurement import IDS, make_bank, rows_at


@pytest.fixture(scope="module")
def bank() -> ReferenceBank:
    return make_bank((60,) * 6)


@pytest.fixture(scope="module")
def calibration(bank: ReferenceBank) -> Calibration:
    found = Calibration.of(replace(bank, calibration=calibrate(bank, draws=200)))
    assert found is not None
    return found


def test_value_ids_lie_nearer_to_themselves_than_to_others(calibration: Calibration) -> None:
    assert calibration.sizes == (8, 15, 30), "60 would leave nothing of 60 questions to be compared with"
    for row in range(3):
        assert calibration.within[row, 95] < calibration.between[row, 5]
    assert (calibration.within[:, 50] < 0.1).all(), "debiased, it does not grow as n shrinks"


def test_percentiles_and_thresholds_say_the_same(calibration: Calibration) -> None:
    threshold = calibration.threshold(30, 0.05)
    within, between = calibration.percentiles(threshold, 30)
    assert within == pytest.approx(95, abs=1)
    assert between < 5
    assert calibration.power(30, threshold) == pytest.approx(1 - between / 100)
    assert calibration.percentiles(9.0, 30) == (100, 100)
    assert 0 < calibration.margin(30) <= calibration.swapped[2, 5]


@pytest.mark.parametrize(("n", "row"), [(2, 0), (10, 0), (12, 1), (22, 2), (5000, 2)])
def test_the_nearest_size_by_ratio_is_used(calibration: Calibration, n: int, row: int) -> None:
    assert calibration.threshold(n, 0.5) == calibration.within[row, 50]


def test_held_out_answers_take_the_place_of_the_banks_own(bank: ReferenceBank) -> None:
    """Held-out answers of every value ID that are those of the next one: what was within is now between."""
    rng = np.random.default_rng(5)
    shifted = {
        value_id: Rows(rows_at((place + 1) % 6, 30, rng), np.arange(30, dtype=np.int32))
        for place, value_id in enumerate(IDS)
    }
    made = calibrate(bank, shifted, draws=100)
    assert made["questions"] == "held-out questions"
    assert made["sizes"] == [8, 15, 30]
    found = Calibration.of(replace(bank, calibration=made))
    assert found is not None
    assert (found.within[:, 5] > 0.5).all()


def test_it_is_reproducible(bank: ReferenceBank) -> None:
    assert calibrate(bank, draws=50, sizes=(8,)) == calibrate(bank, draws=50, sizes=(8,))
    assert calibrate(bank, draws=50, sizes=(8,)) != calibrate(bank, draws=50, sizes=(8,), seed=1)


def test_a_bank_without_shared_questions_has_none(bank: ReferenceBank) -> None:
    apart = replace(
        bank,
        question_ids=tuple(str(number) for number in range(len(bank))),
        question_index=np.arange(len(bank), dtype=np.int32),
    )
    assert calibrate(apart) == {}
    assert Calibration.of(replace(apart, calibration={})) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda made: made.pop("swapped"),
        lambda made: made.update(sizes=[]),
        lambda made: made.update(within=[[1.0]]),
        lambda made: made["between"][0].reverse(),
        lambda made: made.update(sizes=["many"]),
        lambda made: made["within"][0].__setitem__(3, float("nan")),
    ],
)
def test_what_is_no_calibration(bank: ReferenceBank, damage: Callable[[dict[str, Any]], object]) -> None:
    made = calibrate(bank, draws=20, sizes=(8,))
    damage(made)
    with pytest.raises(BankError, match=r"the bank 'toy': calibration: found .*rebuild the bank"):
        Calibration.of(replace(bank, calibration=made))
