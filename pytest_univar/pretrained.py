"""Checkpoints through transformers' own classes, their weights whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_univar.errors import UnivarError


def load_pretrained(
    family: Any,
    folder: Path,
    *,
    dtype: str,
    error: type[UnivarError],
    may_lack: str | None = None,
    may_hold: str,
    **settings: Any,
) -> Any:
    """The model in ``folder``; ``error`` names weights that are missing, unexpected or of another size.

    family: one of transformers' AutoModel classes. may_lack, may_hold: a part of the names of weights that the model
    does not need, or the checkpoint need not have. settings: further ones, as ``from_pretrained`` takes them.
    """
    import torch
    from safetensors import SafetensorError

    with quiet():
        try:
            model, report = family.from_pretrained(
                folder,
                dtype=getattr(torch, dtype),
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # so that the report below names them
                **settings,
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as fault:
            raise error(f"{folder}: cannot be loaded by transformers: {fault}") from fault
    faults = [
        f"{label}: {', '.join(sorted(keys)[:5])}{' …' if len(keys) > 5 else ''}"
        for label, keys in (
            ("missing", [key for key in report["missing_keys"] if may_lack is None or may_lack not in key]),
            ("unexpected", [key for key in report["unexpected_keys"] if may_hold not in key]),
            ("of another size", [str(key[0]) for key in report["mismatched_keys"]]),
        )
        if keys
    ]
    if faults:
        raise error(
            f"{folder}: the weights do not fit config.json ({'; '.join(faults)}). "
            "Download the checkpoint again, whole, or correct its config.json."
        )
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' loading bar and advice: the same facts come back as our own errors."""
    from transformers.utils import logging as of_transformers

    logging: Any = of_transformers  # half of it has no types
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
