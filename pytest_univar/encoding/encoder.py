"""The Encoder: a checkpoint loaded through transformers' native classes, never through code from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pytest_univar.devices import choose_device, choose_dtype
from pytest_univar.encoding.checkpoint import Checkpoint, read_checkpoint
from pytest_univar.errors import EncoderError
from pytest_univar.values import Vectors

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

# Tokens of one batch, padding included. Small on a CPU, where a batch should stay in the caches.
TOKEN_BUDGET = {"cpu": 4096, "mps": 16_384, "cuda": 131_072}

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
        import torch

        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        tokens = self._tokens(texts)
        with torch.inference_mode():
            for rows in batches([len(ids) for ids in tokens], TOKEN_BUDGET[self.device.partition(":")[0]]):
                vectors[rows] = self.embed([tokens[row] for row in rows]).float().cpu().numpy()
                if progress is not None:
                    progress(len(rows))
        return vectors

    def _tokens(self, texts: Sequence[str]) -> list[npt.NDArray[np.int32]]:
        """Of each text. In parts, because an encoding takes kilobytes beside its ids, and an int more than 4 bytes."""
        tokens: list[npt.NDArray[np.int32]] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            encodings = self.tokenizer.encode_batch(list(texts[start : start + TEXTS_AT_ONCE]))
            tokens += [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]
        return tokens

    def embed(self, tokens: Sequence[Sequence[int] | npt.NDArray[np.int32]]) -> torch.Tensor:
        """One padded batch through the model: ``[b, d]``. Differentiable, so that training uses the same path."""
        import torch

        longest = max(len(ids) for ids in tokens)
        padded = torch.zeros((len(tokens), longest), dtype=torch.long)
        mask = torch.zeros((len(tokens), longest), dtype=torch.long)
        for row, ids in enumerate(tokens):
            padded[row, : len(ids)] = torch.tensor(ids)
            mask[row, : len(ids)] = 1
        padded, mask = padded.to(self.device), mask.to(self.device)
        hidden = self.model(input_ids=padded, attention_mask=mask).last_hidden_state
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
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel
    from transformers.utils import logging

    with _quiet(logging):
        try:
            model, report = AutoModel.from_pretrained(
                checkpoint.transformer,
                dtype=getattr(torch, dtype),
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # so that the report below names them
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise EncoderError(f"{checkpoint.transformer}: cannot be loaded by transformers: {error}") from error
    faults = [
        f"{label}: {', '.join(sorted(keys)[:5])}{' …' if len(keys) > 5 else ''}"
        for label, keys in (
            ("missing", [key for key in report["missing_keys"] if not key.startswith("pooler.")]),
            ("unexpected", [key for key in report["unexpected_keys"] if "pooler." not in key]),
            ("of another size", [str(key[0]) for key in report["mismatched_keys"]]),
        )
        if keys
    ]
    if faults:
        raise EncoderError(
            f"{checkpoint.transformer}: the weights do not fit config.json ({'; '.join(faults)}). "
            "Download the checkpoint again, whole, or correct its config.json."
        )
    return model


class _quiet:
    """Silence transformers' loading bar and advice: the same facts come back as our own error."""

    def __init__(self, logging: Any) -> None:
        self.logging = logging

    def __enter__(self) -> None:
        self.level = self.logging.get_verbosity()
        self.bars = self.logging.is_progress_bar_enabled()
        self.logging.set_verbosity(self.logging.CRITICAL)
        self.logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        self.logging.set_verbosity(self.level)
        if self.bars:
            self.logging.enable_progress_bar()
