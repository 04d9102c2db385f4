"""What the bootstrap costs: the intervals of the distances of 25 language profiles to one value ID of a bank.

    python benchmarks/bootstrap.py

174 questions each, 384 dimensions, 10,000 draws an interval, on one core. Prints the best of five runs, in processor
time, so that other work on the machine does not count; exits with 1 if it is above the limit of 2 s.
"""

from __future__ import annotations

import os

# one core: the libraries below numpy read it when numpy is imported
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import sys
import time

import numpy as np

from pytest_univar import stats

LANGUAGES, QUESTIONS, DIMENSIONS, DRAWS, RUNS, LIMIT = 25, 174, 384, 10_000, 5, 2.0


def unit_rows(n: int, rng: np.random.Generator) -> stats.Floats:
    """Rows ``[n, DIMENSIONS]`` of length 1 around a common direction, as sentence embeddings have them."""
    rows = rng.standard_normal((n, DIMENSIONS)) + 2 * np.eye(1, DIMENSIONS)
    units: stats.Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def seconds(profiles: list[stats.Centre], value_id: stats.Centre) -> float:
    begin = time.process_time()
    for profile in profiles:
        stats.distance_interval(profile, value_id, draws=DRAWS)
    return time.process_time() - begin


def main() -> None:
    rng = np.random.default_rng(0)
    *profiles, value_id = (stats.centre(unit_rows(QUESTIONS, rng), range(QUESTIONS)) for _ in range(LANGUAGES + 1))
    best = min(seconds(profiles, value_id) for _ in range(RUNS))
    print(f"{LANGUAGES} languages × {QUESTIONS} questions, {DRAWS:,} draws each: {best:.2f} s, limit {LIMIT:.2f} s")
    sys.exit(best > LIMIT)


if __name__ == "__main__":
    main()
