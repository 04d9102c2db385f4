"""Rows by question: several rows may answer the same one, and are then kept together in all that is random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_univar.errors import UndefinedError

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]
Groups = Sequence[Any] | npt.NDArray[Any]
Seed = int | np.random.Generator

CHUNK_CELLS = 250_000  # cells of the largest temporary array of a bootstrap: what a core holds in its cache


_ROWS = 1000  # that are summed at a time


def codes_of(groups: Groups) -> tuple[npt.NDArray[np.intp], int]:
    """A number from 0 to G−1 for each element, in the order of the names, and G."""
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    return codes.reshape(-1), len(names)


def questions_of(groups: Groups) -> tuple[npt.NDArray[np.intp], int]:
    """The same for questions, of which there must be two: one alone says nothing about how much they differ."""
    codes, n_groups = codes_of(groups)
    if n_groups < 2:
        raise UndefinedError(too_few_questions(n_groups))
    return codes, n_groups


def too_few_questions(n_questions: int) -> str:
    found = f"found answers to {n_questions} question{'' if n_questions == 1 else 's'}"
    return f"{found}, expected at least 2: one alone does not say how much depends on the question; ask more questions"


def sums_by_code(rows: Floats, codes: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Sums ``[G, d]`` of the rows ``[n, d]`` of each code; every code from 0 to G−1 occurs."""
    order = np.argsort(codes, kind="stable")
    sums = np.zeros((int(codes.max()) + 1, rows.shape[1]))
    for start in range(0, len(order), _ROWS):  # of many rows a sorted copy is large
        part = order[start : start + _ROWS]
        found, starts = np.unique(codes[part], return_index=True)
        sums[found] += np.add.reduceat(rows[part], starts, axis=0, dtype=np.float64)
    return sums


def question_means(vectors: Floats, groups: Groups) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """The names ``[G]`` of the questions, in order, and the mean ``[G, d]`` of the rows ``[n, d]`` of each."""
    names, codes, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return names, sums_by_code(np.asarray(vectors, dtype=np.float64), codes.reshape(-1)) / sizes[:, None]


def resample_counts(n_groups: int, draws: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """How often each group is drawn, ``[draws, n_groups]``; several times faster than ``rng.multinomial``."""
    picked = rng.integers(n_groups, size=(draws, n_groups)) + np.arange(draws)[:, None] * n_groups
    counts = np.bincount(picked.ravel(), minlength=draws * n_groups)
    return counts.reshape(draws, n_groups).astype(np.float32)


def parts(draws: int, width: int) -> Iterator[slice]:
    """``range(draws)`` in slices whose temporary arrays, ``width`` cells a draw, stay within memory."""
    step = max(1, CHUNK_CELLS // width)
    for start in range(0, draws, step):
        yield slice(start, min(start + step, draws))
