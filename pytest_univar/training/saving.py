"""An encoder's files, in the sentence-transformers layout, and the record of how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pytest_univar.encoding import Checkpoint, Encoder
from pytest_univar.encoding.encoder import load_tokenizer


def save(encoder: Encoder, folder: Path, *, dtype: str, max_seq_length: int | None = None) -> None:
    """Write the encoder; its own weights are rounded to ``dtype`` by it.

    max_seq_length: its longest input; None for the one it has.
    """
    source = encoder.checkpoint
    folder.mkdir(parents=True, exist_ok=True)
    with _no_bar():
        encoder.model.to(getattr(torch, dtype)).save_pretrained(folder)
    encoder.model.float()
    tokenizer = load_tokenizer(source)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"))
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")] + ([("Normalize", "2_Normalize")] * source.normalise)
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(modules)
    ]
    pooling = {"word_embedding_dimension": encoder.dimension, "pooling_mode_mean_tokens": True}
    longest = {"max_seq_length": max_seq_length or source.max_seq_length, "do_lower_case": False}
    write_json(folder / "modules.json", listed)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(folder / "sentence_bert_config.json", longest)
    write_json(folder / "tokenizer_config.json", _tokenizer_config(source))
    source.text_format.save(folder)


def save_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write how an encoder was made, and how it scores, as ``training.json`` beside its weights."""
    write_json(folder / "training.json", record)


def write_json(file: Path, content: Any) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _tokenizer_config(source: Checkpoint) -> Any:
    file = source.transformer / "tokenizer_config.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


class _no_bar:
    """transformers draws a bar for a file that is written in a moment, through the one that shows the training."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._logging: Any = logging
        self._shown = self._logging.is_progress_bar_enabled()
        self._logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._logging.enable_progress_bar()
