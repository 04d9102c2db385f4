"""The Encoder: a checkpoint loaded through transformers' native classes, never through code from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_univar.devices import choose_device, choose_dtype
from pytest_univar.encoding.checkpoint import Checkpoint, read_checkpoint
from pytest_univar.encoding.cpu import on_every_core
from pytest_univar.encoding.nomic import native_settings
from pytest_univar.errors import EncoderError
from pytest_univar.pretrained import load_pretrained
from pytest_univar.values import Vectors

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

# Tokens of one batch, padding included. Small on a CPU (see cpu.py).
TOKEN_BUDGET = {"cpu": 640, "mps": 16_384, "cuda": 131_072}

TEXTS_AT_ONCE = 128
"""To the tokenizer: its threads keep what the largest call took."""


def load_encoder(name: str | Path, *, device: str | None = None, dtype: str | None = None) -> Encoder:
    """Load an encoder.

    name: ``univar-mini``, a folder or a hub id. device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None takes the best
    there is. dtype: ``float32``, ``bfloat16`` or ``float16``; None is bfloat16 on CUDA and float32 elsewhere.
    Raises EncoderError when the files, the device or the type cannot be used.
    """
    return Encoder(read_checkpoint(name), device=device, dtype=dtype)


class Encoder:
    """Texts to vectors. ``name``, ``fingerprint``, ``device`` and ``dtype`` say what was loaded."""

    def __init__(self, checkpoint: Checkpoint, *, device: str | None = None, dtype: str | None = None) -> None:
        import torch

        self.checkpoint = checkpoint
        self.device = choose_device(device, EncoderError)
        self.dtype = choose_dtype(dtype, self.device, EncoderError)
        self.model = load_model(checkpoint, self.dtype).to(torch.device(self.device)).eval()
        self.tokenizer = load_tokenizer(checkpoint)
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(checkpoint.max_seq_length)

    @property
    def name(self) -> str:
        return self.checkpoint.name

    @property
    def fingerprint(self) -> str:
        return self.checkpoint.fingerprint

    @property
    def dimension(self) -> int:
        return int(self.model.config.hidden_size)

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors:
        """Embed ``texts``: float32 ``[n, d]``, in their order. ``progress`` is told how many more are done."""
        place: dict[str, int] = {}  # the same text twice is encoded once
        of_text = np.array([place.setdefault(text, len(place)) for text in texts], dtype=np.intp)
        times = np.bincount(of_text)
        vectors = np.empty((len(place), self.dimension), dtype=np.float32)
        tokens = self._tokens(list(place))
        kind = self.device.partition(":")[0]
        work = list(batches([len(ids) for ids in tokens], TOKEN_BUDGET[kind]))
        embed = partial(self._embed_rows, tokens)
        found = on_every_core(embed, work, self.model) if kind == "cpu" else map(embed, work)
        for rows, embedded in zip(work, found, strict=True):
            vectors[rows] = embedded
            if progress is not None:
                progress(int(times[rows].sum()))
        return vectors[of_text]

    def _embed_rows(self, tokens: Sequence[npt.NDArray[np.int32]], rows: Sequence[int]) -> Vectors:
        import torch

        with torch.inference_mode():  # a setting of each thread
            embedded: Vectors = self.embed([tokens[row] for row in rows]).float().cpu().numpy()
        return embedded

    def _tokens(self, texts: Sequence[str]) -> list[npt.NDArray[np.int32]]:
        """Of each text in the encoder's format.

        In parts, because an encoding takes kilobytes beside its ids, and an int more than 4 bytes.
        """
        tokens: list[npt.NDArray[np.int32]] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            part = [self.checkpoint.text_format.apply(text) for text in texts[start : start + TEXTS_AT_ONCE]]
            tokens += [np.array(encoding.ids, dtype=np.int32) for encoding in self.tokenizer.encode_batch(part)]
        return tokens

    def embed(self, tokens: Sequence[Sequence[int] | npt.NDArray[np.int32]]) -> torch.Tensor:
        """One padded batch through the model: ``[b, d]``. Differentiable, so that training uses the same path."""
        import torch

        lengths = np.array([len(ids) for ids in tokens])
        present = np.arange(lengths.max()) < lengths[:, None]
        ids = np.zeros(present.shape, dtype=np.int64)
        ids[present] = np.concatenate(tokens)
        padded, mask = (torch.from_numpy(array).to(self.device) for array in (ids, present.astype(np.int64)))
        # Without a mask where nothing is padded, which is most batches where most texts are cut: attention is faster.
        hidden = self.model(input_ids=padded, attention_mask=None if present.all() else mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(torch.float32)
        pooled = (hidden.to(torch.float32) * weights).sum(1) / weights.sum(1)
        return torch.nn.functional.normalize(pooled, dim=-1) if self.checkpoint.normalise else pooled


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches of at most ``budget`` padded tokens (at least one row each), longest first.

    Longest first puts the largest allocation at the start, so that running out of memory shows at once.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + size]
        start += size


def load_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer of a checkpoint; EncoderError where its file cannot be read."""
    from tokenizers import Tokenizer

    file = checkpoint.transformer / "tokenizer.json"
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises nothing more specific
        raise EncoderError(f"{file}: cannot be loaded by tokenizers: {error}") from error


def load_model(checkpoint: Checkpoint, dtype: str) -> Any:
    """The bare transformer of a checkpoint; EncoderError names keys that are missing, unexpected or of wrong size."""
    from transformers import AutoConfig, AutoModel

    settings = native_settings(checkpoint.config, checkpoint.transformer / "config.json")
    if settings:
        config = AutoConfig.from_pretrained(checkpoint.transformer, trust_remote_code=False, **settings)
        settings = {"config": config}
    # A pooler of its own is neither needed nor used.
    return load_pretrained(
        AutoModel,
        checkpoint.transformer,
        dtype=dtype,
        error=EncoderError,
        may_lack="pooler.",
        may_hold="pooler.",
        **settings,
    )
