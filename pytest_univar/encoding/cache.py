"""Vectors that were computed before. A run whose texts are all known imports neither torch nor transformers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from filelock import FileLock
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pytest_univar.encoding.checkpoint import Checkpoint
from pytest_univar.encoding.encoder import Encoder
from pytest_univar.values import Vectors


class CachedEncoder:
    """An encoder that is loaded only for texts it has not seen together before, nor another process.

    folder: one file for each list of texts; anything in it may be deleted at any time. device, dtype: as asked for;
    they are part of the key, because the last digits depend on them. Of the processes that share a folder one encodes
    at a time, on all cores; those that wanted the same texts find them done.
    """

    def __init__(self, checkpoint: Checkpoint, folder: Path, *, device: str | None, dtype: str | None) -> None:
        self.checkpoint = checkpoint
        self._folder = folder
        self._device = device
        self._dtype = dtype
        self._encoder: Encoder | None = None

    @property
    def name(self) -> str:
        return self.checkpoint.name

    @property
    def fingerprint(self) -> str:
        return self.checkpoint.fingerprint

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """As ``Encoder.encode``."""
        file = self._folder / f"{self._key(texts)}.safetensors"
        vectors = _read(file, len(texts))
        if vectors is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / "encoding.lock"):
                vectors = _read(file, len(texts))
                if vectors is None:
                    return self._encoded(file, texts, progress)
        if progress:
            progress(len(texts))
        return vectors

    def _encoded(self, file: Path, texts: Sequence[str], progress: Callable[[int], None] | None) -> Vectors:
        if self._encoder is None:
            self._encoder = Encoder(self.checkpoint, device=self._device, dtype=self._dtype)
        vectors = self._encoder.encode(texts, progress=progress)
        _write(file, vectors)
        return vectors

    def _key(self, texts: Sequence[str]) -> str:
        how = [self.fingerprint, self.checkpoint.max_seq_length, self.checkpoint.normalise, self._device, self._dtype]
        return hashlib.sha256(json.dumps([how, list(texts)]).encode()).hexdigest()


def _read(file: Path, rows: int) -> Vectors | None:
    """None where there is no such file or another program damaged it: a cache may always be computed again."""
    try:
        vectors: Vectors = load(file.read_bytes())["vectors"]
    except (FileNotFoundError, SafetensorError, KeyError):
        return None
    return vectors if len(vectors) == rows else None


def _write(file: Path, vectors: Vectors) -> None:
    """Whole or not at all: another process may read at any moment."""
    with NamedTemporaryFile(dir=file.parent, delete=False) as temporary:
        temporary.write(save({"vectors": vectors}))
    os.replace(temporary.name, file)
