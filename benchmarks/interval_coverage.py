"""How often the 95 % intervals of pytest_univar/stats.py hold the truth, by simulation; their docstrings quote it.

    python benchmarks/interval_coverage.py --simulations 1000

Two worlds of 384 dimensions with the spread of sentence embeddings (tr S = 0.6, a falling spectrum): in `diffuse` the
two sets differ along many directions; in `concentrated` they differ along the one direction of the largest variance,
whose scores are skewed: the hardest case for an interval. Several answers to one question share half of their variance.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar import stats

DIMENSIONS, TRACE = 384, 0.6
Array = npt.NDArray[np.float64]


class Design(NamedTuple):
    """questions × answers to each, of the profile and of the reference."""

    questions: int
    answers: int
    reference_questions: int
    reference_answers: int

    def __str__(self) -> str:
        return f"{self.questions}x{self.answers} v {self.reference_questions}x{self.reference_answers}"


DESIGNS = (Design(60, 1, 300, 1), Design(60, 1, 60, 1), Design(15, 4, 300, 1), Design(60, 15, 60, 15))


class World:
    def __init__(self, concentrated: bool) -> None:
        scale = np.arange(1, DIMENSIONS + 1) ** -0.5
        self.scale = scale * np.sqrt(TRACE / np.sum(scale**2))
        self.concentrated = concentrated
        self.direction = np.zeros(DIMENSIONS)
        self.direction[: 1 if concentrated else 40] = 1
        self.direction /= np.linalg.norm(self.direction)

    def _scores(self, n: int, rng: np.random.Generator) -> Array:
        scores = rng.standard_normal((n, DIMENSIONS))
        if self.concentrated:
            scores[:, :10] = rng.exponential(size=(n, 10)) - 1
        return scores

    def centre(self, at: float, questions: int, answers: int, rng: np.random.Generator) -> stats.Centre:
        """The estimated centre of a set whose true centroid lies ``at`` along the direction."""
        groups = np.repeat(np.arange(questions), answers)
        scores = self._scores(questions, rng)[groups]
        if answers > 1:
            scores = np.sqrt(0.5) * (scores + self._scores(len(groups), rng))
        return stats.centre(at * self.direction + scores * self.scale, groups)


def distance(world: World, design: Design, truth: float, rng: np.random.Generator) -> tuple[stats.Interval, float]:
    p = world.centre(0, design.questions, design.answers, rng)
    q = world.centre(truth, design.reference_questions, design.reference_answers, rng)
    return stats.distance_interval(p, q, draws=1000, seed=rng), truth


def difference(world: World, design: Design, truth: float, rng: np.random.Generator) -> tuple[stats.Interval, float]:
    """The profile lies between A, 0.2 away, and B, 0.2 + truth away on the other side."""
    p = world.centre(0, design.questions, design.answers, rng)
    a = world.centre(-0.2, design.reference_questions, design.reference_answers, rng)
    b = world.centre(0.2 + truth, design.reference_questions, design.reference_answers, rng)
    return stats.difference_interval(p, a, b, draws=1000, seed=rng), truth


def share(design: Design, truth: float, rng: np.random.Generator) -> tuple[stats.Interval, float]:
    groups = np.repeat(np.arange(design.questions), design.answers)
    chances = rng.beta(truth, 1 - truth, size=design.questions) if design.answers > 1 else np.full(len(groups), truth)
    return stats.share_interval(rng.random(len(groups)) < chances[groups], groups), truth


def report(name: str, one: Callable[[np.random.Generator], tuple[stats.Interval, float]], simulations: int) -> None:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    results = [one(rng) for _ in range(simulations)]
    held = np.mean([interval.low <= truth <= interval.high for interval, truth in results])
    above = np.mean([interval.low > truth for interval, truth in results])
    width = np.mean([interval.high - interval.low for interval, _ in results])
    print(f"{name:52s} held {held:.3f}  truth below {above:.3f}  mean width {width:.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000)
    simulations = parser.parse_args().simulations
    for design in DESIGNS[1:]:
        for truth in (0.5, 0.7, 0.9, 0.98):
            name = f"share {design.questions}x{design.answers} at {truth}"
            report(name, partial(share, design, truth), simulations)
    for concentrated in (False, True):
        world, kind = World(concentrated), "concentrated" if concentrated else "diffuse"
        for design in DESIGNS:
            for truth in (0.0, 0.1, 0.2, 0.3, 0.5):
                name = f"distance {kind} {design} at {truth}"
                report(name, partial(distance, world, design, truth), simulations)
            for truth in (0.0, 0.2):
                name = f"difference {kind} {design} at {truth}"
                report(name, partial(difference, world, design, truth), simulations)


if __name__ == "__main__":
    main()
