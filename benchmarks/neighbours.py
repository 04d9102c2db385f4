"""k-NN labels of a large bank: 3,000 queries over 160,000 rows of 768 dimensions, beside scikit-learn's brute force.

    python benchmarks/neighbours.py

Rows of length 1 around a centre for each of 127 value IDs, float32, seeded; the queries are further such rows. Each
side runs on at most two cores, in a process of its own, so that its peak of memory is its own (0.5 GB of it the rows);
the two in turns, twice, the best of each. Exits with 1 where a label differs, or where ours is not 1.5 times as fast.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_univar.stats import Floats

QUERIES, ROWS, DIMENSIONS, VALUE_IDS = 3_000, 160_000, 768, 127
NEIGHBOURS = (5, 50)
ROUNDS = 2
LIMIT = 1.5


class Took(NamedTuple):
    """seconds: by the clock, of each of NEIGHBOURS. gigabytes: the process's peak."""

    seconds: list[float]
    gigabytes: float


def vectors(n: int, seed: int) -> Floats:
    """Rows ``[n, DIMENSIONS]`` of length 1; the i-th belongs to value ID i mod VALUE_IDS."""
    import numpy as np

    rng = np.random.default_rng(0)
    centres = (rng.standard_normal((VALUE_IDS, 20)) @ rng.standard_normal((20, DIMENSIONS))).astype(np.float32)
    rng = np.random.default_rng(seed)
    rows = np.empty((n, DIMENSIONS), dtype=np.float32)
    for start in range(0, n, 4096):  # made in parts, so that the peak is that of the work
        part = rows[start : start + 4096]
        rng.standard_normal(part.shape, dtype=np.float32, out=part)
        part += 0.05 * centres[np.arange(start, start + len(part)) % VALUE_IDS]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def with_ours(queries: Floats, rows: Floats, labels: npt.NDArray[np.intp], k: int) -> Any:
    from pytest_univar import stats

    return stats.knn_labels(queries, rows, labels, VALUE_IDS, k)


def with_scikit_learn(queries: Floats, rows: Floats, labels: npt.NDArray[np.intp], k: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(k, algorithm="brute").fit(rows, labels).predict(queries)


WORK = {"ours": with_ours, "scikit-learn": with_scikit_learn}


def measure(who: str, n_queries: int, n_rows: int, output: Path) -> None:
    """Done in a process of its own."""
    import numpy as np

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    rows, queries = vectors(n_rows, seed=1), vectors(n_queries, seed=2)
    labels = np.arange(n_rows) % VALUE_IDS
    WORK[who](queries[:10], rows[:1000], labels[:1000], 5)  # imports
    found, seconds = [], []
    for k in NEIGHBOURS:
        begin = time.perf_counter()
        found.append(WORK[who](queries, rows, labels, k))
        seconds.append(time.perf_counter() - begin)
    np.save(output, np.stack(found))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps([seconds, peak / 1e9]))


def in_a_process(who: str, n_queries: int, n_rows: int, output: Path) -> Took:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    command = [sys.executable, __file__, "--queries", str(n_queries), "--rows", str(n_rows), "--side", who, str(output)]
    done = subprocess.run(command, env={**os.environ, **threads}, stdout=subprocess.PIPE, text=True, check=True)
    return Took(*json.loads(done.stdout))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="k-NN labels beside scikit-learn's brute force")
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.side:
        measure(given.side[0], given.queries, given.rows, Path(given.side[1]))
        return 0

    import numpy as np

    with tempfile.TemporaryDirectory() as name:
        output = {who: Path(name) / f"{who}.npy" for who in WORK}
        rounds = [
            {who: in_a_process(who, given.queries, given.rows, output[who]) for who in WORK} for _ in range(ROUNDS)
        ]
        ours, theirs = (np.load(output[who]) for who in WORK)
    print(f"{datetime.date.today()}, {platform.processor() or platform.machine()}, at most 2 cores")
    print(f"{given.queries:,} queries, {given.rows:,} × {DIMENSIONS}, {VALUE_IDS} value IDs, float32")
    slowest, different = float("inf"), 0
    for index, k in enumerate(NEIGHBOURS):
        best = {who: min(took[who].seconds[index] for took in rounds) for who in WORK}
        differ = int((ours[index] != theirs[index]).sum())
        right = float((ours[index] == np.arange(given.queries) % VALUE_IDS).mean())
        ratio = best["scikit-learn"] / best["ours"]
        print(
            f"k = {k:2}: ours {best['ours']:6.2f} s, scikit-learn {best['scikit-learn']:6.2f} s, {ratio:.2f} times; "
            f"labels that differ: {differ}; accuracy {right:.3f}"
        )
        slowest, different = min(slowest, ratio), different + differ
    for who in WORK:
        print(f"peak of {who}: {min(took[who].gigabytes for took in rounds):.2f} GB")
    return int(different > 0 or slowest < LIMIT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
