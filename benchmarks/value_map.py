"""What the map of a large bank takes: 160,000 answers of 127 value IDs, 768 dimensions, float32.

    python benchmarks/value_map.py

Everything from vectors to a map as JSON on at most two cores, in a process of its own, whose peak memory includes the
0.5 GB of vectors; scikit-learn's PCA of the same vectors in another. Exits with 1 above 20 s or 3 GB, or where the two
do not put every answer in the same place. Where umap-learn is installed, also what UMAP of 10,000 such answers takes,
and where new answers come to lie on the UMAP map of the bundled bank, beside ``umap.UMAP.transform``; without limits.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_univar.stats import Floats

ROWS, DIMENSIONS, VALUE_IDS, QUESTIONS = 160_000, 768, 127, 1_250
UMAP_ROWS, UMAP_NEW = 10_000, 1_000
LIMIT_SECONDS, LIMIT_GB, TOLERANCE = 20.0, 3.0, 1e-4


class Took(NamedTuple):
    """seconds: of the work alone, by the clock; processor: the same, of all threads. gigabytes: the process's peak."""

    seconds: float
    processor: float
    gigabytes: float

    def __str__(self) -> str:
        return f"{self.seconds:6.2f} s, processor {self.processor:6.2f} s, peak {self.gigabytes:5.2f} GB"


def vectors(n: int = ROWS) -> Floats:
    """Rows ``[n, DIMENSIONS]`` of length 1 around a centre for each value ID, which lie in 20 dimensions."""
    import numpy as np

    rng = np.random.default_rng(0)
    centres = (rng.standard_normal((VALUE_IDS, 20)) @ rng.standard_normal((20, DIMENSIONS))).astype(np.float32)
    rows = np.empty((n, DIMENSIONS), dtype=np.float32)
    for start in range(0, n, 4096):  # made in parts, so that the peak is that of the work
        part = rows[start : start + 4096]
        rng.standard_normal(part.shape, dtype=np.float32, out=part)
        part += 0.2 * centres[np.arange(start, start + len(part)) % VALUE_IDS]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def with_ours(rows: Floats) -> Floats:
    import numpy as np

    from pytest_univar.banks import ReferenceBank
    from pytest_univar.maps import dump_map, fit, value_map
    from pytest_univar.values import ValueID

    value_ids = tuple(ValueID(f"llm-{code % 15}", f"l{code // 15}") for code in range(VALUE_IDS))
    bank = ReferenceBank(
        name="large",
        version="1",
        encoder="large",
        encoder_sha256="0" * 64,
        text_format="Q: {question} A: {answer}",
        lambda_=5,
        answer_params={},
        translator=None,
        question_set_hash="",
        value_ids=value_ids,
        schemes={},
        sources=({"name": "made up", "licence": "none"},),
        calibration={},
        question_ids=tuple(f"q{code}" for code in range(QUESTIONS)),
        vectors=rows,
        value_index=(np.arange(ROWS) % VALUE_IDS).astype(np.int32),
        question_index=(np.arange(ROWS) // VALUE_IDS % QUESTIONS).astype(np.int32),
    )
    projection = fit(bank.vectors)
    dump_map(value_map(bank, projection, most=50_000))
    return projection.coordinates


def with_scikit_learn(rows: Floats) -> Floats:
    from sklearn.decomposition import PCA

    places: Floats = PCA(2, random_state=0).fit_transform(rows)
    return places


WORK = {"ours": with_ours, "scikit-learn": with_scikit_learn}


def measure(who: str, folder: Path) -> None:
    """Done in a process of its own."""
    import numpy as np

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    rows = vectors()
    begin, used = time.perf_counter(), time.process_time()
    places = WORK[who](rows)
    seconds, processor = time.perf_counter() - begin, time.process_time() - used
    np.save(folder / f"{who}.npy", places)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps([seconds, processor, peak / 1e9]))


def in_a_process(who: str, folder: Path) -> Took:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    command = [sys.executable, __file__, who, str(folder)]
    done = subprocess.run(command, env={**os.environ, **threads}, stdout=subprocess.PIPE, text=True, check=True)
    return Took(*json.loads(done.stdout))


def umap_figures() -> str:
    """The time for rows of the same kind, then held-out answers of the bundled bank as new points."""
    import numpy as np

    from pytest_univar.banks import load_bank
    from pytest_univar.maps import fit
    from pytest_univar.maps.projection import nearest_rows

    rows = vectors(UMAP_ROWS)
    fit(rows[:100], "umap")  # compiles
    begin = time.perf_counter()
    fit(rows, "umap")
    fitting = time.perf_counter() - begin

    everything = load_bank("univar-mini-eng").vectors.astype(np.float32)
    order = np.random.default_rng(0).permutation(len(everything))
    new, known = everything[order[:UMAP_NEW]], everything[order[UMAP_NEW:]]
    projection = fit(known, "umap")
    begin = time.perf_counter()
    ours = projection.transform(new)
    placing = time.perf_counter() - begin
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        model = umap.UMAP(n_neighbors=15, init="pca", random_state=0, n_jobs=1).fit(known)
        theirs = model.transform(new)
    extent = float(np.ptp(projection.coordinates, axis=0).max())
    apart = np.linalg.norm(ours - theirs, axis=1) / extent
    near, _ = nearest_rows(new, known, 15)

    def kept(places: Floats) -> float:
        on_map, _ = nearest_rows(places, projection.coordinates, 50)
        return float(np.mean([np.isin(row, own).mean() for row, own in zip(near, on_map, strict=True)]))

    again = np.abs(model.embedding_ - projection.coordinates).max()
    return (
        f"UMAP of {len(rows):,} × {rows.shape[1]}: {fitting:.1f} s\n"
        f"{len(new):,} held-out answers on the UMAP map of {len(known):,}, placed in {placing:.2f} s: apart from where "
        f"umap-learn\nputs them by a median of {np.median(apart):.1%} of the map's extent, 95% within "
        f"{np.quantile(apart, 0.95):.1%}; of the 15 nearest rows\namong the 50 nearest on the map: {kept(ours):.0%}, "
        f"with umap-learn {kept(theirs):.0%}; fitted twice: {again:.1g} apart"
    )


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {who: in_a_process(who, folder) for who in WORK}
        import numpy as np

        places = [np.load(folder / f"{who}.npy") for who in WORK]
    apart = float(np.linalg.norm(places[0] - places[1], axis=1).max() / np.ptp(places[1], axis=0).max())
    print(f"PCA map of {ROWS:,} × {DIMENSIONS}, {VALUE_IDS} value IDs")
    print(f"{'ours, to JSON':<18} {found['ours']}; limits {LIMIT_SECONDS:.0f} s, {LIMIT_GB:.0f} GB")
    print(f"{'scikit-learn, fit':<18} {found['scikit-learn']}")
    print(f"{'farthest apart':<18} {apart:.1e} of the map's extent; limit {TOLERANCE:.0e}")
    if importlib.util.find_spec("umap"):
        print(umap_figures())
    else:
        print("UMAP: umap-learn is not installed (the extra map)")
    ours = found["ours"]
    return int(ours.seconds > LIMIT_SECONDS or ours.gigabytes > LIMIT_GB or apart > TOLERANCE)


if __name__ == "__main__":
    if sys.argv[1:]:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        sys.exit(main())
