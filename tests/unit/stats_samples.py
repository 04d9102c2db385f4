"""Samples for the tests of the statistics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import settings
from hypothesis import strategies as st

Array = npt.NDArray[np.float64]

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


def cloud(rng: np.random.Generator, n: int = 40, d: int = 6, at: float = 0.0) -> Array:
    """Rows whose spread differs from one dimension to the next."""
    rows: Array = rng.standard_normal((n, d)) * np.linspace(1, 0.2, d)
    rows[:, 0] += at
    return rows


def rotation(rng: np.random.Generator, d: int = 6) -> Array:
    turned: Array = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return turned
