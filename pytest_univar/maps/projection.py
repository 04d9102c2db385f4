"""Projections of value embeddings into two dimensions: fitted on a bank, then applied to whatever is audited.

**PCA** is linear: the place of a mean is the mean of the places, and distances on the map are at most those in the
space. **UMAP** (McInnes & Healy 2018; the extra ``map``) keeps neighbours together and little else: distances between
far apart points, and the sizes of groups, mean nothing.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from pytest_univar.errors import MissingExtraError, UndefinedError, UsageError
from pytest_univar.stats import Floats

Method: TypeAlias = Literal["pca", "umap"]
METHODS: tuple[Method, ...] = get_args(Method)
NEIGHBOURS = 15
"""Of UMAP's graph, and what places a new point on its map."""

Array = npt.NDArray[np.float64]
Places: TypeAlias = npt.NDArray[np.float32]

_CHUNK = 2048  # rows that are turned into float64 at a time
_CHUNK_CELLS = 8_000_000  # distances that are held at a time


@dataclass(frozen=True, eq=False)
class Projection(ABC):
    """What takes vectors to the map.

    method, seed: how it was made. made_with: the software that decided where things lie. coordinates: float32
    ``[N, 2]``, the places of the rows it was fitted on.
    """

    method: Method
    seed: int
    made_with: str
    coordinates: Places

    @property
    def explained(self) -> tuple[float, float] | None:
        """The shares of the variance that lie along the two axes; None where axes mean nothing (UMAP)."""
        return None

    def transform(self, vectors: Floats) -> Places:
        """The places ``[n, 2]`` of vectors ``[n, d]``; UsageError where d is not that of the fitted rows."""
        if vectors.ndim != 2 or vectors.shape[1] != self._dimensions:
            raise UsageError(
                f"found vectors {list(vectors.shape)}, expected [n, {self._dimensions}] as the bank of this map has; "
                "use vectors of the bank's own encoder"
            )
        places = np.empty((len(vectors), 2), dtype=np.float32)
        for part in _parts(len(vectors), self._step):
            places[part] = self._place(vectors[part])
        return places

    @property
    @abstractmethod
    def _dimensions(self) -> int: ...

    @property
    def _step(self) -> int:
        return _CHUNK

    @abstractmethod
    def _place(self, vectors: Floats) -> Array: ...


@dataclass(frozen=True, eq=False)
class LinearProjection(Projection):
    """PCA. mean: ``[d]``. components: ``[2, d]``, orthonormal rows. shares: of the variance, along each."""

    mean: Array
    components: Array
    shares: tuple[float, float]

    @property
    def explained(self) -> tuple[float, float]:
        return self.shares

    @property
    def _dimensions(self) -> int:
        return len(self.mean)

    def _place(self, vectors: Floats) -> Array:
        placed: Array = (vectors.astype(np.float64) - self.mean) @ self.components.T
        return placed


@dataclass(frozen=True, eq=False)
class NeighbourProjection(Projection):
    """UMAP, without its model, which only pickle could keep.

    rows: the vectors ``[N, d]`` it was fitted on. A new point lies at the weighted mean of the places of its nearest
    rows, with the weights of UMAP's own graph: where ``umap.UMAP.transform`` begins. UMAP goes on to pull and push each
    point among its neighbours, at random, for which it needs its model. Means of such places are in no linear relation
    to the mean of the vectors.

    Measured on held-out answers of the bundled bank (benchmarks/value_map.py): the two are apart by 0.4 % of the map's
    extent in the median, by at most 4 % for 95 % of the points. Of a point's 15 nearest rows, 65 % are among its 50
    nearest on the map, with UMAP's own 69 %.
    """

    rows: Floats

    @property
    def _dimensions(self) -> int:
        dimensions: int = self.rows.shape[1]
        return dimensions

    @property
    def _step(self) -> int:
        return max(1, _CHUNK_CELLS // len(self.rows))

    def _place(self, vectors: Floats) -> Array:
        nearest, distances = nearest_rows(vectors, self.rows, min(NEIGHBOURS, len(self.rows)))
        weights = graph_weights(distances)
        weights /= weights.sum(axis=1, keepdims=True)
        placed: Array = np.einsum("nk,nkc->nc", weights, self.coordinates[nearest].astype(np.float64))
        return placed


def check_method(method: str) -> Method:
    """The method, or UsageError with those there are."""
    if method not in METHODS:
        raise UsageError(f"found the map method {method!r}, expected one of: {', '.join(METHODS)}")
    return method


def fit(vectors: Floats, method: Method = "pca", seed: int = 0) -> Projection:
    """The projection of rows ``[N, d]``, float16 or wider; UndefinedError where they span no map.

    The same rows and seed give the same map on the same machine; PCA needs no seed, and its map is the same everywhere
    but for the last digits. MissingExtraError for UMAP where umap-learn is not installed.
    """
    if len(vectors) < 2 or vectors.ndim != 2 or vectors.shape[1] < 2:
        raise UndefinedError(
            f"found vectors {list(np.shape(vectors))}, expected at least 2 rows of at least 2 dimensions: "
            "fewer span no map; use a larger bank"
        )
    return _pca(vectors, seed) if check_method(method) == "pca" else _umap(vectors, seed)


# ------------------------------------------------------------------------------------------------------------------ PCA


def _pca(vectors: Floats, seed: int) -> LinearProjection:
    """PCA from the covariance ``[d, d]``, summed over chunks of rows: exact, and small in memory whatever N is.

    The sign of a component is not defined by the data. Here its entry of the largest absolute value is positive (the
    first of equal ones), as in scikit-learn since 1.5, so that a map never comes out mirrored.
    """
    mean = np.zeros(vectors.shape[1])
    for part in _parts(len(vectors), _CHUNK):
        mean += vectors[part].sum(axis=0, dtype=np.float64)
    mean /= len(vectors)
    covariance = np.zeros((len(mean), len(mean)))
    for part in _parts(len(vectors), _CHUNK):
        centred = vectors[part].astype(np.float64) - mean  # centred first: else the digits of the mean are lost
        covariance += centred.T @ centred
    covariance /= len(vectors)
    total = float(np.trace(covariance))
    if total <= np.finfo(np.float64).eps * float(mean @ mean):
        raise UndefinedError(f"found {len(vectors)} equal rows, expected at least two different ones: no map shows one")
    variances, directions = np.linalg.eigh(covariance)
    components = directions[:, [-1, -2]].T
    strongest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[[0, 1], strongest])[:, None]
    shares = np.maximum(variances[[-1, -2]], 0.0) / total
    bare = LinearProjection(
        "pca", seed, f"numpy {np.__version__}", np.empty((0, 2), np.float32), mean, components, (1.0, 0.0)
    )
    return LinearProjection(
        "pca", seed, bare.made_with, bare.transform(vectors), mean, components, (float(shares[0]), float(shares[1]))
    )


# ----------------------------------------------------------------------------------------------------------------- UMAP


def _umap(vectors: Floats, seed: int) -> NeighbourProjection:
    rows = np.asarray(vectors, dtype=np.float32)
    if len(rows) <= 3:
        raise UndefinedError(f"found {len(rows)} rows, expected at least 4 for UMAP; use --method pca or a larger bank")
    umap = _umap_package()
    with warnings.catch_warnings():
        # of rows that are many times the same: they have no neighbours at a distance, which is no fault of the user's
        warnings.filterwarnings("ignore", message=".*[Gg]raph is not fully connected")
        model = umap.UMAP(
            n_neighbors=min(NEIGHBOURS, len(rows) - 1),
            init="pca",  # the spectral start depends on the solver, and with it how the map lies
            random_state=seed,
            n_jobs=1,  # more than one is not repeatable
        )
        places = np.asarray(model.fit_transform(rows), dtype=np.float32)
    return NeighbourProjection("umap", seed, f"umap-learn {version('umap-learn')}", places, rows)


def _umap_package() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Tensorflow not installed", category=ImportWarning)
        try:
            import umap
        except ImportError as exc:
            raise MissingExtraError("umap-learn", "map", "a UMAP map") from exc
    return umap


def nearest_rows(queries: Floats, rows: Floats, k: int) -> tuple[npt.NDArray[np.intp], Array]:
    """The k nearest rows ``[n, k]`` of each query, the nearest first, and how far they are (Euclidean)."""
    points, wide = np.asarray(queries, dtype=np.float32), np.asarray(rows, dtype=np.float32)
    half_norms = np.einsum("nd,nd->n", wide, wide) / 2
    nearest = np.argpartition(half_norms - points @ wide.T, k - 1, axis=1)[:, :k]
    gaps = wide[nearest].astype(np.float64) - points[:, None].astype(np.float64)
    distances = np.sqrt(np.einsum("nkd,nkd->nk", gaps, gaps))
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(nearest, order, axis=1), np.take_along_axis(distances, order, axis=1)


def graph_weights(distances: Array) -> Array:
    """The weights ``[n, k]`` of neighbours at ``distances`` (rising) in UMAP's graph.

    ``exp(−(d − d_1)/σ)``, with σ such that they sum to log2 k (McInnes & Healy 2018, algorithm 3): the nearest counts 1
    however far it is.
    """
    beyond = distances - distances[:, :1]
    target = max(np.log2(distances.shape[1]), 1.0)
    low, high = np.zeros(len(beyond)), np.full(len(beyond), 1e3 * max(float(beyond.max(initial=0.0)), 1e-9))
    for _ in range(64):
        middle = (low + high) / 2
        too_many = np.exp(-beyond / middle[:, None]).sum(axis=1) > target
        low, high = np.where(too_many, low, middle), np.where(too_many, middle, high)
    weights: Array = np.exp(-beyond / high[:, None])
    return weights


def _parts(rows: int, step: int) -> Iterator[slice]:
    for start in range(0, rows, step):
        yield slice(start, start + step)
