"""How often the 95 % intervals of pytest_univar/stats hold the truth, by simulation; their docstrings quote it.

    python benchmarks/interval_coverage.py --simulations 1000
    python benchmarks/interval_coverage.py --simulations 1000 --only '60x1 v 60x1'

Two worlds of 384 dimensions with the spread of sentence embeddings (tr S = 0.6, a falling spectrum): in `diffuse` the
two sets differ along many directions; in `concentrated` they differ along the one direction of the largest variance,
whose scores are skewed: the hardest case for an interval. Several answers to one question share half of their variance.
The mean is that of the answers' places along that direction.
"""

from __future__ import annotations

import argparse
import itertools
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar import stats
from pytest_univar.errors import UndefinedError

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


MEAN_AT = 0.3
METHODS: tuple[Literal["percentile", "bca"], ...] = ("percentile", "bca")
DESIGNS = (Design(60, 1, 300, 1), Design(60, 1, 60, 1), Design(15, 4, 300, 1), Design(60, 15, 60, 15))


class Rows(NamedTuple):
    vectors: Array
    groups: npt.NDArray[np.intp]


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

    def rows(self, at: float, questions: int, answers: int, rng: np.random.Generator) -> Rows:
        """A set whose true centroid lies ``at`` along the direction."""
        groups = np.repeat(np.arange(questions), answers)
        scores = self._scores(questions, rng)[groups]
        if answers > 1:
            scores = np.sqrt(0.5) * (scores + self._scores(len(groups), rng))
        return Rows(at * self.direction + scores * self.scale, groups)

    def centre(self, at: float, questions: int, answers: int, rng: np.random.Generator) -> stats.Centre:
        return stats.centre(*self.rows(at, questions, answers, rng))


def first(means: Array) -> Array:
    return means[:, 0]


def lengths(means: Array) -> Array:
    found: Array = np.sqrt(np.einsum("nd,nd->n", means, means))
    return found


def distance(world: World, design: Design, truth: float, rng: np.random.Generator) -> tuple[stats.Interval, float]:
    p = world.centre(0, design.questions, design.answers, rng)
    q = world.centre(truth, design.reference_questions, design.reference_answers, rng)
    return stats.distance_interval(p, q, draws=1000, seed=rng), truth


def difference(
    world: World, design: Design, near: float, truth: float, rng: np.random.Generator
) -> tuple[stats.Interval, float]:
    """The profile lies between A, ``near`` away, and B, ``near + truth`` away on the other side."""
    p = world.centre(0, design.questions, design.answers, rng)
    a = world.centre(-near, design.reference_questions, design.reference_answers, rng)
    b = world.centre(near + truth, design.reference_questions, design.reference_answers, rng)
    return stats.difference_interval(p, a, b, draws=1000, seed=rng), truth


def hits(design: Design, truth: float, rng: np.random.Generator) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """Which answers are inside, and their questions; several answers to one question share their chance."""
    groups = np.repeat(np.arange(design.questions), design.answers)
    chances = rng.beta(truth, 1 - truth, size=design.questions) if design.answers > 1 else np.full(len(groups), truth)
    return rng.random(len(groups)) < chances[groups], groups


def share(design: Design, truth: float, rng: np.random.Generator) -> tuple[stats.Interval, float]:
    return stats.share_interval(*hits(design, truth, rng)), truth


def mean(
    world: World, design: Design, method: Literal["percentile", "bca"], rng: np.random.Generator
) -> tuple[stats.Interval, float]:
    vectors, groups = world.rows(MEAN_AT, design.questions, design.answers, rng)
    sample = stats.question_sums(vectors @ world.direction, groups)
    return stats.bootstrap_interval(sample, first, draws=1000, seed=rng, method=method), MEAN_AT


def share_by_bootstrap(
    design: Design, truth: float, method: Literal["percentile", "bca"], rng: np.random.Generator
) -> tuple[stats.Interval, float]:
    sample = stats.question_sums(*hits(design, truth, rng))
    return stats.bootstrap_interval(sample, first, draws=1000, seed=rng, method=method), truth


def distance_to_a_point(
    world: World, design: Design, truth: float, method: Literal["percentile", "bca"], rng: np.random.Generator
) -> tuple[stats.Interval, float]:
    """What bootstrap_interval is not for: the plain distance of a centroid of many dimensions is biased."""
    sample = stats.question_sums(*world.rows(truth, design.questions, design.answers, rng))
    return stats.bootstrap_interval(sample, lengths, draws=1000, seed=rng, method=method), truth


def report(name: str, one: Callable[[np.random.Generator], tuple[stats.Interval, float]], simulations: int) -> None:
    rng, results, undefined = np.random.default_rng(zlib.crc32(name.encode())), [], 0
    for _ in range(simulations):
        try:
            results.append(one(rng))
        except UndefinedError:
            undefined += 1
    if not results:
        print(f"{name:58s} undefined in every simulation", flush=True)
        return
    held = np.mean([interval.low <= truth <= interval.high for interval, truth in results])
    above = np.mean([interval.low > truth for interval, truth in results])
    width = np.mean([interval.high - interval.low for interval, _ in results])
    note = f"  undefined {undefined / simulations:.3f}" if undefined else ""
    print(f"{name:58s} held {held:.3f}  truth below {above:.3f}  mean width {width:.3f}{note}", flush=True)


def cells() -> Iterator[tuple[str, Callable[[np.random.Generator], tuple[stats.Interval, float]]]]:
    """Every simulation, by name."""
    for design in DESIGNS[1:]:
        size = f"{design.questions}x{design.answers}"
        for truth in (0.5, 0.7, 0.9, 0.98):
            yield f"share {size} at {truth}", partial(share, design, truth)
        for method, truth in itertools.product(METHODS, (0.5, 0.7)):
            yield f"{method} share {size} at {truth}", partial(share_by_bootstrap, design, truth, method)
    for kind, world in (("diffuse", World(False)), ("concentrated", World(True))):
        for design, method in itertools.product(DESIGNS[1:], METHODS):
            size = f"{design.questions}x{design.answers}"
            yield f"{method} mean {kind} {size}", partial(mean, world, design, method)
        for method, truth in itertools.product(METHODS, (0.2, 0.5)):
            yield (
                f"{method} point {kind} 60x1 at {truth}",
                partial(distance_to_a_point, world, DESIGNS[1], truth, method),
            )
        for design in DESIGNS:
            for truth in (0.0, 0.1, 0.2, 0.3, 0.5):
                yield f"distance {kind} {design} at {truth}", partial(distance, world, design, truth)
            for near, truth in ((0.1, 0.0), (0.2, 0.0), (0.2, 0.2)):
                name = f"difference {kind} {design} at {near} and {near + truth}"
                yield name, partial(difference, world, design, near, truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--only", default="", help="run only the simulations whose name has this in it")
    arguments = parser.parse_args()
    for name, one in cells():
        if arguments.only in name:
            report(name, one, arguments.simulations)


if __name__ == "__main__":
    main()
