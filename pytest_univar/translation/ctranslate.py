"""A seq2seq checkpoint that CTranslate2 converted, run by it: several times faster than torch on a CPU.

``ct2-transformers-converter --model MODEL --output_dir FOLDER --copy_files …`` converts one; copy the tokenizer's files
(for NLLB tokenizer.json and tokenizer_config.json). Under transformers 5 it converts NLLB-200 and OPUS-MT, but refuses
M2M100, whose tokenizer no longer lists its language codes.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_univar.errors import MissingExtraError, TranslationError
from pytest_univar.translation.seq2seq_checkpoint import Checkpoint
from pytest_univar.translation.seq2seq_tokens import Tokens

# Source tokens of one batch, padding included.
BATCH_TOKENS = {"cpu": 2048, "cuda": 16_384}

RETRY_BEAMS = 4
RETRY_NGRAM = 4


class CTranslateEngine:
    """Does what ``TorchEngine`` does. dtype: None keeps what the conversion chose, such as int8."""

    def __init__(self, checkpoint: Checkpoint, tokens: Tokens, *, device: str | None, dtype: str | None) -> None:
        try:
            import ctranslate2
        except ImportError:
            raise MissingExtraError("ctranslate2", "ct2", "A checkpoint converted for CTranslate2") from None

        there = ["cuda"] * bool(ctranslate2.get_cuda_device_count()) + ["cpu"]
        asked = there[0] if device in (None, "auto") else str(device)
        kind, _, number = asked.partition(":")
        if kind not in there:
            raise TranslationError(
                f"found the device {asked!r}, expected one that CTranslate2 can use here: {', '.join(there)}."
            )
        self.tokens = tokens
        self.device = asked
        try:
            self.translator = ctranslate2.Translator(
                str(checkpoint.folder), device=kind, device_index=int(number or 0), compute_type=dtype or "default"
            )
        except (RuntimeError, ValueError) as error:
            raise TranslationError(f"{checkpoint.folder}: cannot be loaded by CTranslate2: {error}") from error
        self.dtype = self.translator.compute_type
        self.batch_tokens = BATCH_TOKENS[kind]

    def generate(self, rows: Sequence[Sequence[int]], longest: int, *, retry: bool = False) -> list[list[int]]:
        """For each row what the model wrote, at most ``longest`` tokens; with the end token, if it came to an end."""
        tokenizer, english = self.tokens.tokenizer, self.tokens.forced_bos
        start = None if english is None else [[tokenizer.convert_ids_to_tokens(english)]] * len(rows)
        results = self.translator.translate_batch(
            [tokenizer.convert_ids_to_tokens(list(row)) for row in rows],
            start,
            beam_size=RETRY_BEAMS if retry else 1,
            no_repeat_ngram_size=RETRY_NGRAM if retry else 0,
            max_input_length=0,  # never truncated here
            max_decoding_length=longest,
            min_decoding_length=0,  # an empty translation is found out, not prevented
            return_end_token=True,
        )
        return [tokenizer.convert_tokens_to_ids(result.hypotheses[0]) for result in results]
