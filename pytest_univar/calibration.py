"""What a distance is to be held against: how far apart profiles of one LLM lie, and of different ones.

All of it depends on the number of questions, so it is computed for several. One draw takes n questions of a value ID as
if they were an audit, questions that the bank does not hold wherever such answers are given:

- *within*: the distance to the same value ID in the bank;
- *between*: the distance to another value ID in the bank that was asked the same questions;
- *swapped*: the drift, on the same n questions, when that other value ID stands in for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar import stats
from pytest_univar.banks import ReferenceBank, Rows
from pytest_univar.errors import BankError
from pytest_univar.values import ValueID

SIZES = (8, 15, 30, 60, 120)
DRAWS = 400
DISTRIBUTIONS = ("within", "between", "swapped")
_PERCENT = np.arange(101)

Quantiles = npt.NDArray[np.float64]


class Calibration(NamedTuple):
    """Quantiles 0, 1, … 100 % of three distributions ``[s, 101]``, one row for each of the ``sizes`` in questions."""

    sizes: tuple[int, ...]
    within: Quantiles
    between: Quantiles
    swapped: Quantiles

    @classmethod
    def of(cls, bank: ReferenceBank) -> Calibration | None:
        """What the bank's manifest holds, None where it holds nothing; BankError where it is not as written here."""
        found = bank.calibration
        if not found:
            return None
        try:
            sizes = tuple(int(size) for size in found["sizes"])
            quantiles = [np.array(found[name], float) for name in DISTRIBUTIONS]
        except (KeyError, TypeError, ValueError) as exc:
            raise _damaged(bank, f"{type(exc).__name__}: {exc}") from exc
        for name, each in zip(DISTRIBUTIONS, quantiles, strict=True):
            if not sizes or each.shape != (len(sizes), len(_PERCENT)) or not (np.diff(each) >= 0).all():
                raise _damaged(bank, f"{name!r} of the shape {list(each.shape)}, or not rising")
        return cls(sizes, *quantiles)

    def percentiles(self, distance: float, n_questions: int) -> tuple[float, float]:
        """The percentage of the distances *within* and *between* that are smaller, at about so many questions."""
        row = self._row(n_questions)
        return stats.percentile_of(distance, self.within[row]), stats.percentile_of(distance, self.between[row])

    def threshold(self, n_questions: int, false_alarms: float) -> float:
        """The distance that a share ``false_alarms`` of those *within* exceeds."""
        return _quantile(self.within[self._row(n_questions)], 1 - false_alarms)

    def power(self, n_questions: int, threshold: float) -> float:
        """The share (0 to 1) of the distances *between* above a threshold."""
        return 1 - stats.percentile_of(threshold, self.between[self._row(n_questions)]) / 100

    def margin(self, n_questions: int) -> float:
        """The drift that only 5 % of the swaps stay below: a model that drifted less was hardly exchanged."""
        return _quantile(self.swapped[self._row(n_questions)], 0.05)

    def _row(self, n_questions: int) -> int:
        """The nearest size, by ratio."""
        return int(np.argmin([abs(math.log(size / n_questions)) for size in self.sizes]))


def calibrate(
    bank: ReferenceBank,
    held_out: Mapping[ValueID, Rows] | None = None,
    *,
    sizes: Sequence[int] = SIZES,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """A bank's ``calibration``, as its manifest holds it; empty where no two value IDs answered the same questions.

    held_out: answers to questions that the bank does not hold. Without them the audited questions are taken out of the
    bank's own; where the encoder was trained on these, its distances between LLMs are larger than on new questions.
    """
    rng = np.random.default_rng(seed)
    own = {value_id: bank.rows(value_id) for value_id in bank.value_ids}
    asked = own if held_out is None else held_out
    questions = {value_id: np.unique(rows.groups) for value_id, rows in asked.items()}
    found: dict[str, list[list[float]]] = {name: [] for name in DISTRIBUTIONS}
    used = []
    for size in sizes:
        pairs = _pairs(questions, size if held_out else 2 * size)
        if not pairs:
            continue
        distances = np.empty((draws, len(DISTRIBUTIONS)))
        for draw in range(draws):
            one, other = pairs[int(rng.integers(len(pairs)))]
            chosen = rng.choice(np.intersect1d(questions[one], questions[other]), size, replace=False)
            audited = _centre(asked[one], chosen)
            left_out = chosen if held_out is None else chosen[:0]  # question numbers are those of the bank, or not
            distances[draw] = (
                stats.debiased_distance(audited, _centre(own[one], left_out, invert=True)),
                stats.debiased_distance(audited, _centre(own[other], left_out, invert=True)),
                _drift(asked[one], asked[other], chosen),
            )
        used.append(size)
        for name, column in zip(DISTRIBUTIONS, distances.T, strict=True):
            found[name].append([round(float(value), 4) for value in np.percentile(column, _PERCENT)])
    if not used:
        return {}
    source = "the bank's own questions" if held_out is None else "held-out questions"
    return {"questions": source, "draws": draws, "seed": seed, "sizes": used, **found}


def _pairs(questions: Mapping[ValueID, npt.NDArray[np.int32]], at_least: int) -> list[tuple[ValueID, ValueID]]:
    """The ordered pairs of value IDs that share so many questions."""
    return [
        (one, other)
        for one in questions
        for other in questions
        if one != other and len(np.intersect1d(questions[one], questions[other])) >= at_least
    ]


def _centre(rows: Rows, questions: npt.NDArray[np.int32], *, invert: bool = False) -> stats.Centre:
    chosen = np.isin(rows.groups, questions, invert=invert)
    return stats.centre(rows.vectors[chosen], rows.groups[chosen])


def _drift(one: Rows, other: Rows, questions: npt.NDArray[np.int32]) -> float:
    differences = np.stack(
        [
            one.vectors[one.groups == question].mean(axis=0) - other.vectors[other.groups == question].mean(axis=0)
            for question in questions
        ]
    )
    centre = stats.centre(differences, questions)
    return stats.debiased_distance(centre, stats.origin(centre))


def _quantile(quantiles: Quantiles, share: float) -> float:
    return float(np.interp(100 * share, _PERCENT, quantiles))


def _damaged(bank: ReferenceBank, found: str) -> BankError:
    return BankError(
        f"the bank {bank.name!r}: calibration: found {found}, expected 'sizes' and, for each of them, the 101 rising "
        f"quantiles of {', '.join(DISTRIBUTIONS)}; rebuild the bank with `univar bank build`"
    )
