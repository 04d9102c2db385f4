"""Projections that were fitted before. safetensors only; anything in the folder may be deleted at any time."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from_bytes
from safetensors.numpy import save as tensors_to_bytes

from pytest_univar.errors import UnivarWarning
from pytest_univar.maps.projection import LinearProjection, Method, NeighbourProjection, Projection, check_method, fit
from pytest_univar.stats import Floats

SCHEMA = 1
"""Raise it when the same vectors come to lie elsewhere, so that maps of before are made again."""


def fitted(vectors: Floats, method: Method = "pca", seed: int = 0, cache: Path | None = None) -> Projection:
    """As :func:`fit`, once for the same rows, method and seed where there is a ``cache`` folder.

    A kept map is read without umap-learn, and stays as it is when that is updated. A damaged one is made again, and one
    that cannot be written is done without; both with an UnivarWarning.
    """
    check_method(method)
    if cache is None:
        return fit(vectors, method, seed)
    key = _key(vectors, method, seed)
    file = cache / f"{key}.safetensors"
    try:
        found = _read(file, key, vectors, method, seed)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as exc:
        warnings.warn(f"{file}: found no usable map ({exc}); it is made again", UnivarWarning, stacklevel=2)
        found = None
    if found is None:
        found = fit(vectors, method, seed)
        try:
            _write(file, key, found)
        except OSError as exc:
            message = f"{file}: the map cannot be kept ({exc.strerror}); name a folder that can be written"
            warnings.warn(message, UnivarWarning, stacklevel=2)
    return found


def _key(vectors: Floats, method: Method, seed: int) -> str:
    """Of the rows alone, not of the whole bank: a bank with other names for them has the same map."""
    rows = hashlib.sha256(np.ascontiguousarray(vectors).data).hexdigest()
    how = [SCHEMA, method, seed, str(vectors.dtype), list(vectors.shape), rows]
    return hashlib.sha256(json.dumps(how).encode()).hexdigest()


def _read(file: Path, key: str, vectors: Floats, method: Method, seed: int) -> Projection | None:
    """None where there is no such file; one of many errors where it is not what ``_write`` wrote."""
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    tensors = tensors_from_bytes(data)
    header: dict[str, str] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    if header["key"] != key or header["sha256"] != _checksum(tensors):
        raise ValueError("its checksum is another")
    if (places := tensors["coordinates"]).shape != (len(vectors), 2):
        raise ValueError(f"it has places {list(places.shape)}")
    if method == "umap":
        rows = np.asarray(vectors, dtype=np.float32)
        return NeighbourProjection(method, seed, header["made_with"], places, rows)
    first, second = tensors["shares"].tolist()
    return LinearProjection(
        method, seed, header["made_with"], places, tensors["mean"], tensors["components"], (first, second)
    )


def _write(file: Path, key: str, projection: Projection) -> None:
    """Whole or not at all: another process may read at any moment."""
    tensors: dict[str, npt.NDArray[Any]] = {"coordinates": projection.coordinates}
    if isinstance(projection, LinearProjection):
        tensors |= {
            "mean": projection.mean,
            "components": projection.components,
            "shares": np.array(projection.shares),
        }
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    metadata = {"key": key, "made_with": projection.made_with, "sha256": _checksum(tensors)}
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=file.parent, delete=False) as temporary:
        temporary.write(tensors_to_bytes(tensors, metadata))
    os.replace(temporary.name, file)


def _checksum(tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()
