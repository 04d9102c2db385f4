"""Shapes around points on the map: the hull of the central ones, and the ellipse that holds a mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_univar import stats
from pytest_univar.errors import UndefinedError
from pytest_univar.stats import Floats, Groups

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Ellipse:
    """Where a mean lies with a given confidence. major, minor: half axes. angle: of the major one, in degrees, counter-
    clockwise from the x axis, −90 < angle ≤ 90."""

    x: float
    y: float
    major: float
    minor: float
    angle: float
    confidence: float


def confidence_ellipse(points: Floats, groups: Groups, confidence: float = 0.95) -> Ellipse:
    """Where the mean of points ``[n, 2]``, whose questions are ``groups`` (length n), lies with this confidence.

    The covariance is the one that the bootstrap of whole questions tends to with many draws, with the small-sample
    factor of :func:`pytest_univar.stats.centre`; the radius is Hotelling's for G questions, ``T² = 2(G−1)/(G−2) ·
    F(2, G−2)``, whose quantile is ``(G − 1)(α^(−2/(G−2)) − 1)``. UndefinedError with fewer than 3 questions. On a PCA
    map this is exactly the shadow of the uncertainty of the centroid in the space, the axes taken as given; on a UMAP
    map it is about the mean place of the answers, which is no image of the centroid.

    Measured coverage of 95 %, as tests/unit/test_maps.py does: 12 and 60 questions of 1 and of 3 answers, 0.95.
    """
    middle = stats.centre(np.asarray(points, dtype=np.float64), groups)
    questions = len(middle.influence)
    if questions < 3:
        raise UndefinedError(f"found {questions} questions, expected at least 3: fewer span no ellipse; ask more")
    reach = (questions - 1) * ((1 - confidence) ** (-2 / (questions - 2)) - 1)
    variances, directions = np.linalg.eigh(middle.influence.T @ middle.influence)
    minor, major = np.sqrt(np.maximum(variances, 0.0) * reach).tolist()
    along_x, along_y = directions[:, 1].tolist()
    angle = math.degrees(math.atan2(along_y, along_x))
    x, y = middle.mean.tolist()
    return Ellipse(x, y, major, minor, _half_turn(angle), confidence)


def _half_turn(angle: float) -> float:
    """The same axis as an angle above −90 and up to 90."""
    return angle - 180 * math.ceil((angle - 90) / 180)


def central(points: Floats, share: float) -> npt.NDArray[np.bool_]:
    """Which ``[n]`` of the points ``[n, 2]`` are the ``share`` (rounded up) that lies nearest to their centroid."""
    gaps = np.asarray(points, dtype=np.float64) - stats.centroid(points)
    inside = np.zeros(len(gaps), dtype=bool)
    inside[np.argsort(np.einsum("nc,nc->n", gaps, gaps), kind="stable")[: math.ceil(share * len(gaps))]] = True
    return inside


def convex_hull(points: Floats) -> tuple[Point, ...]:
    """The corners of the convex hull of points ``[n, 2]``, counterclockwise from the leftmost (of these the lowest).

    Points on an edge are no corners; of points on one line the two ends are left, of equal ones one. Monotone chain
    (Andrew 1979).
    """
    ordered = [(float(x), float(y)) for x, y in np.unique(_outer(np.asarray(points, dtype=np.float64)), axis=0)]
    if len(ordered) < 3:
        return tuple(ordered)
    lower, upper = _chain(ordered), _chain(ordered[::-1])
    return tuple(lower[:-1] + upper[:-1])


def _chain(ordered: Sequence[Point]) -> list[Point]:
    """The points of one side of the hull, from the first to the last: those where it turns left."""
    chain: list[Point] = []
    for x, y in ordered:
        while len(chain) > 1:
            (x0, y0), (x1, y1) = chain[-2:]
            if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain


def _outer(points: Floats) -> Floats:
    """The points without most of those that cannot be corners: those well inside the octagon of the outermost in eight
    directions. Of many points few are left (Akl & Toussaint 1978)."""
    if len(points) < 100:
        return points
    angles = np.arange(8) * (math.pi / 4)
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    corners = points[(points @ directions.T).argmax(axis=0)]  # counterclockwise, as the directions are
    edges = np.roll(corners, -1, axis=0) - corners
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    inside = np.ones(len(points), dtype=bool)
    for corner, edge, length in zip(corners, edges, lengths, strict=True):
        if length:
            gaps = points - corner
            inside &= edge[0] * gaps[:, 1] - edge[1] * gaps[:, 0] > 1e-9 * length * np.abs(gaps).max()
    return points[~inside]
