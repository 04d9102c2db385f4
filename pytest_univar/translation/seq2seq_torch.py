"""A seq2seq checkpoint run by transformers and torch: rows of token ids in, rows of token ids out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_univar.devices import choose_device, choose_dtype
from pytest_univar.errors import TranslationError
from pytest_univar.pretrained import load_pretrained, quiet
from pytest_univar.translation.seq2seq_checkpoint import Checkpoint
from pytest_univar.translation.seq2seq_tokens import Tokens

# Source tokens of one batch, padding included. Small on a CPU, where a batch should stay in the caches.
BATCH_TOKENS = {"cpu": 2048, "mps": 4096, "cuda": 16_384}

RETRY_BEAMS = 4
RETRY_NGRAM = 4
"""Where greedy decoding failed: so many beams, in which so many tokens never come twice."""


class TorchEngine:
    """``device`` and ``dtype`` say how the model was loaded."""

    def __init__(self, checkpoint: Checkpoint, tokens: Tokens, *, device: str | None, dtype: str | None) -> None:
        import torch

        self.model_name = checkpoint.model
        self.tokens = tokens
        self.device = choose_device(device, TranslationError)
        self.dtype = choose_dtype(dtype, self.device, TranslationError)
        self.model = _load(checkpoint, self.dtype).to(torch.device(self.device)).eval()
        self.batch_tokens = BATCH_TOKENS[self.device.partition(":")[0]]
        self.start = _start(self.model, tokens)

    def generate(self, rows: Sequence[Sequence[int]], longest: int, *, retry: bool = False) -> list[list[int]]:
        """For each row what the model wrote, at most ``longest`` tokens; with the end token, if it came to an end.

        Greedy, so that a row's result does not depend on the rows beside it; a retry by beam search. Where the memory
        of the device does not hold the batch, it is taken in halves.
        """
        import torch

        try:
            return self._generate(rows, longest, retry=retry)
        except torch.OutOfMemoryError as error:
            if len(rows) == 1:
                raise TranslationError(
                    f"the device {self.device} has too little memory for the checkpoint {self.model_name!r} and one "
                    f"sentence of {len(rows[0])} tokens. Choose another device or a smaller checkpoint."
                ) from error
        half = len(rows) // 2
        return self.generate(rows[:half], longest, retry=retry) + self.generate(rows[half:], longest, retry=retry)

    def _generate(self, rows: Sequence[Sequence[int]], longest: int, *, retry: bool) -> list[list[int]]:
        import torch

        width = max(map(len, rows))
        ids = torch.full((len(rows), width), self.tokens.pad, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for row, source in enumerate(rows):
            ids[row, : len(source)] = torch.tensor(source)
            mask[row, : len(source)] = 1
        config = _generation_config(
            do_sample=False,
            num_beams=RETRY_BEAMS if retry else 1,
            no_repeat_ngram_size=RETRY_NGRAM if retry else 0,
            early_stopping=retry,
            max_new_tokens=longest,
            decoder_start_token_id=self.start,
            forced_bos_token_id=self.tokens.forced_bos,
            eos_token_id=self.tokens.eos,
            pad_token_id=self.tokens.pad,
            bad_words_ids=[[self.tokens.pad]],
        )
        with torch.inference_mode(), quiet():
            found = self.model.generate(
                input_ids=ids.to(self.device), attention_mask=mask.to(self.device), generation_config=config
            )
        return [_until(row[1:], self.tokens.eos) for row in found.tolist()]


def _generation_config(**settings: Any) -> Any:
    import transformers

    untyped: Any = transformers.GenerationConfig
    return untyped(**settings)


def _until(ids: list[int], end: int) -> list[int]:
    return ids[: ids.index(end) + 1] if end in ids else ids


def _load(checkpoint: Checkpoint, dtype: str) -> Any:
    """The model of a checkpoint; TranslationError names keys that are missing, unexpected or of wrong size."""
    from transformers import AutoModelForSeq2SeqLM

    # Older checkpoints still hold the table of sines, which is computed.
    model = load_pretrained(
        AutoModelForSeq2SeqLM, checkpoint.folder, dtype=dtype, error=TranslationError, may_hold=".embed_positions."
    )
    # A checkpoint's own settings (beams, a forced end, a longest output) fill in what a call leaves open.
    start = model.generation_config.decoder_start_token_id
    model.generation_config = _generation_config(decoder_start_token_id=start)
    return model


def _start(model: Any, tokens: Tokens) -> int:
    for start in (model.generation_config.decoder_start_token_id, model.config.decoder_start_token_id):
        if start is not None:
            return int(start)
    raise TranslationError(f"the checkpoint {tokens.model!r} names no decoder_start_token_id in its config.json.")
