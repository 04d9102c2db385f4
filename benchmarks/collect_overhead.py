"""What the plugin costs a pytest run that does not use it.

    python benchmarks/collect_overhead.py

Runs ``pytest --collect-only`` in an empty folder with and without ``-p no:univar``, in turns, ten times each, and
prints the medians and their difference, and that of the fastest runs. Exits with 1 if the difference of the medians in
wall time is above the limit of 20 ms; the processor time and the fastest runs beside it say whether the machine was
too busy to tell. The other
installed plugins are left out of both, because what they cost swings by more than the limit. Byte code is cached as in
any installation, whatever the environment says, but in a temporary folder.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import entry_points
from typing import NamedTuple

ROUNDS = 10
LIMIT_MS = 20.0


class Times(NamedTuple):
    """Of one run, in milliseconds."""

    wall: float
    processor: float


def collect(folder: str, environment: dict[str, str], *arguments: str) -> Times:
    """One run."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    begin, used = time.perf_counter(), processor_seconds()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    elapsed, used = time.perf_counter() - begin, processor_seconds() - used
    if done.returncode != 5:  # pytest's own code for a run that collected no tests
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return Times(elapsed * 1000, used * 1000)


def processor_seconds() -> float:
    """What the processes that this one waited for have used so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    others = [point.name for point in entry_points(group="pytest11") if point.name != "univar"]
    common = [argument for name in others for argument in ("-p", f"no:{name}")]
    variants = {"with the plugin": common, "without it": [*common, "-p", "no:univar"]}
    runs: dict[str, list[Times]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as caches:
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = caches
        for number in range(ROUNDS + 1):
            for name, arguments in variants.items():
                times = collect(folder, environment, *arguments)
                if number:  # the first round fills the caches
                    runs[name].append(times)
    medians = {name: Times(*map(statistics.median, zip(*each, strict=True))) for name, each in runs.items()}
    for name, each in medians.items():
        print(f"{name:<16} median of {ROUNDS}: wall {each.wall:7.1f} ms, processor {each.processor:7.1f} ms")
    with_it, without = medians.values()
    wall, processor = with_it.wall - without.wall, with_it.processor - without.processor
    fastest = [min(times.wall for times in each) for each in runs.values()]
    blank = " " * 13
    print(f"{'difference':<16} {blank} wall {wall:7.1f} ms, processor {processor:7.1f} ms; limit {LIMIT_MS:.0f} ms")
    print(f"{'fastest runs':<16} {blank} wall {fastest[0] - fastest[1]:7.1f} ms")
    return int(wall > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
