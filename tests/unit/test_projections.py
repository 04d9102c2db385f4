"""maps: projections, held against scikit-learn and umap-learn, and how they are kept."""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.spatial
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import PCA

from pytest_univar.errors import UndefinedError, UnivarWarning, UsageError
from pytest_univar.maps import (
    Method,
    Projection,
    check_method,
    fit,
    fitted,
)

Array = npt.NDArray[Any]

needs_umap = pytest.mark.skipif(
    importlib.util.find_spec("umap") is None, reason="umap-learn is not installed (the extra map)"
)


def units(n: int, d: int = 16, seed: int = 0, shift: float = 2.0) -> Array:
    """Rows of length 1 around a common direction, with variances that differ by axis."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, d)) * np.linspace(2.0, 0.5, d) + shift * np.eye(1, d, d - 1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def voices(n: int, d: int = 16, seed: int = 0) -> Array:
    """``n`` rows in each of three clearly separate groups."""
    rng = np.random.default_rng(seed)
    middles = 4 * np.eye(3, d)
    return np.concatenate([middle + rng.standard_normal((n, d)) * 0.4 for middle in middles]).astype(np.float32)


# ------------------------------------------------------------------------------------------------------------------ PCA


@pytest.mark.parametrize(
    "rows",
    [
        units(300),
        units(5000, 7),
        units(20, 64),
        units(300).astype(np.float16),
        np.hstack([units(50), np.ones((50, 1), np.float32)]),
        units(300) * 1e-3 + 100,
        units(2),
    ],
    ids=["random", "several chunks", "fewer rows than dimensions", "float16", "a constant column", "far off", "two"],
)
def test_pca_is_that_of_scikit_learn(rows: Array) -> None:
    """Signs too: both make the largest entry of a component positive."""
    projection, theirs = fit(rows), PCA(2, svd_solver="full")
    places = theirs.fit_transform(rows.astype(np.float64))
    scale = np.abs(places).max()
    assert projection.coordinates.dtype == np.float32
    assert projection.coordinates[:, 0] == pytest.approx(places[:, 0], abs=1e-5 * scale)
    assert projection.explained == pytest.approx(tuple(theirs.explained_variance_ratio_), abs=1e-6)
    if len(rows) > 2:  # two points have no second direction, and both are right in their own way
        assert projection.coordinates[:, 1] == pytest.approx(places[:, 1], abs=1e-5 * scale)
        new = units(10, rows.shape[1], seed=1)
        assert projection.transform(new) == pytest.approx(theirs.transform(new), abs=1e-4)
    else:
        assert projection.coordinates[:, 1] == pytest.approx(np.zeros(2), abs=1e-6)


@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (9, 1), (9,)])
def test_what_spans_no_map(shape: tuple[int, ...]) -> None:
    with pytest.raises(UndefinedError, match=r"found vectors \[.*\], expected at least 2 rows of at least 2 dim"):
        fit(np.ones(shape, np.float32))


def test_equal_rows_span_no_map() -> None:
    with pytest.raises(UndefinedError, match="found 7 equal rows, expected at least two different ones"):
        fit(np.tile(units(1), (7, 1)))


def test_an_unknown_method() -> None:
    with pytest.raises(UsageError, match="found the map method 'tsne', expected one of: pca, umap"):
        check_method("tsne")


def test_the_place_of_a_mean_is_the_mean_of_the_places() -> None:
    projection, new = fit(units(300)), units(40, seed=1)
    of_mean = projection.transform(new.mean(axis=0, keepdims=True))[0]
    assert of_mean == pytest.approx(projection.transform(new).mean(axis=0), abs=1e-6)
    assert projection.coordinates.mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert projection.transform(new[:0]).shape == (0, 2)


def test_distances_on_the_map_do_not_depend_on_how_the_space_is_turned() -> None:
    rows = units(200)
    turned, _ = np.linalg.qr(np.random.default_rng(3).standard_normal((16, 16)))
    one, other = (scipy.spatial.distance.pdist(fit(each).coordinates) for each in (rows, rows @ turned + 5))
    assert one == pytest.approx(other, abs=1e-5)


def test_distances_on_the_map_are_never_longer() -> None:
    rows = units(100)
    on_map = scipy.spatial.distance.pdist(fit(rows).coordinates)
    assert (on_map <= scipy.spatial.distance.pdist(rows) + 1e-6).all()


def test_vectors_of_another_space_are_refused() -> None:
    with pytest.raises(UsageError, match=r"found vectors \[3, 8\], expected \[n, 16\] as the bank of this map has"):
        fit(units(30)).transform(units(3, 8))


# ----------------------------------------------------------------------------------------------------------------- UMAP


@pytest.fixture(scope="module")
def umap_projection() -> Projection:
    return fit(voices(60), "umap", seed=1)


@needs_umap
@pytest.mark.slow
def test_umap_keeps_groups_apart_and_is_repeatable(umap_projection: Projection) -> None:
    places = umap_projection.coordinates.reshape(3, 60, 2)
    middles = places.mean(axis=1)
    radius = max(np.linalg.norm(own - middle, axis=1).max() for own, middle in zip(places, middles, strict=True))
    assert scipy.spatial.distance.pdist(middles).min() > 2 * radius
    assert np.array_equal(fit(voices(60), "umap", seed=1).coordinates, umap_projection.coordinates)
    assert not np.array_equal(fit(voices(60), "umap", seed=2).coordinates, umap_projection.coordinates)
    assert umap_projection.explained is None
    assert umap_projection.made_with.startswith("umap-learn ")


@needs_umap
@pytest.mark.slow
def test_new_points_lie_near_where_umap_itself_puts_them(umap_projection: Projection) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        model = umap.UMAP(n_neighbors=15, init="pca", random_state=1, n_jobs=1).fit(voices(60))
        new = voices(20, seed=9)
        theirs = model.transform(new)
    ours = umap_projection.transform(new)
    extent = np.ptp(umap_projection.coordinates, axis=0).max()
    assert np.linalg.norm(ours - theirs, axis=1).max() < 0.1 * extent


@needs_umap
@pytest.mark.slow
def test_umap_of_very_few_rows() -> None:
    assert np.isfinite(fit(units(5), "umap").coordinates).all()
    with pytest.raises(UndefinedError, match="found 3 rows, expected at least 4 for UMAP"):
        fit(units(3), "umap")


# ---------------------------------------------------------------------------------------------------------------- cache


def kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.mark.parametrize("method", ["pca", pytest.param("umap", marks=[needs_umap, pytest.mark.slow])])
def test_a_map_is_fitted_once(method: Method, tmp_path: Path) -> None:
    rows, folder = voices(30), tmp_path / "maps"
    first = fitted(rows, method, 0, folder)
    (file,) = kept(folder)
    os.utime(file, (1, 1))
    again = fitted(rows, method, 0, folder)
    assert file.stat().st_mtime == 1
    assert np.array_equal(again.coordinates, first.coordinates)
    assert (again.method, again.seed, again.explained, again.made_with) == (
        first.method,
        first.seed,
        first.explained,
        first.made_with,
    )
    new = voices(5, seed=1)
    assert np.array_equal(again.transform(new), first.transform(new))


def test_what_is_kept_is_what_is_shown(tmp_path: Path) -> None:
    """A second fit would give the same places, so the kept ones are moved, soundly, and must come back moved."""
    import hashlib

    from safetensors import safe_open

    rows = units(40)
    fitted(rows, cache=tmp_path)
    (file,) = kept(tmp_path)
    tensors = load_file(file)
    with safe_open(file, "numpy") as opened:
        metadata = opened.metadata()
    tensors["coordinates"] = tensors["coordinates"] + 1
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    save_file(tensors, file, {**metadata, "sha256": digest.hexdigest()})
    assert fitted(rows, cache=tmp_path).coordinates == pytest.approx(fit(rows).coordinates + 1, abs=1e-6)


def test_other_rows_methods_and_seeds_have_maps_of_their_own(tmp_path: Path) -> None:
    for count, (rows, seed) in enumerate(
        [(units(40), 0), (units(40), 1), (units(40, seed=1), 0), (units(40).astype(np.float16), 0)], start=1
    ):
        fitted(rows, seed=seed, cache=tmp_path)
        assert len(kept(tmp_path)) == count


def flip(data: bytes) -> bytes:
    return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]


@pytest.mark.parametrize(
    "damage",
    [flip, lambda data: data[:100], lambda data: b"", lambda data: b"{}" * 99],
    ids=["a bit", "cut off", "empty", "something else"],
)
def test_a_damaged_map_is_made_again(damage: Any, tmp_path: Path) -> None:
    rows = units(40)
    fitted(rows, cache=tmp_path)
    (file,) = kept(tmp_path)
    sound = file.read_bytes()
    file.write_bytes(damage(sound))
    with pytest.warns(UnivarWarning, match=r"\.safetensors: found no usable map \(.*\); it is made again"):
        again = fitted(rows, cache=tmp_path)
    assert np.array_equal(again.coordinates, fit(rows).coordinates)
    assert kept(tmp_path) == [file]
    assert np.array_equal(fitted(rows, cache=tmp_path).coordinates, again.coordinates)  # without a warning


def test_a_map_of_other_rows_under_this_name_is_made_again(tmp_path: Path) -> None:
    fitted(units(40), cache=tmp_path / "one")
    fitted(units(40, seed=1), cache=tmp_path / "other")
    (one,), (other,) = kept(tmp_path / "one"), kept(tmp_path / "other")
    one.write_bytes(other.read_bytes())
    with pytest.warns(UnivarWarning, match="its checksum is another"):
        assert np.array_equal(fitted(units(40), cache=tmp_path / "one").coordinates, fit(units(40)).coordinates)


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(UnivarWarning, match="the map cannot be kept"):
        assert len(fitted(units(40), cache=tmp_path / "file" / "maps").coordinates) == 40
