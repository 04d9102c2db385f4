"""NLLB-200, OPUS-MT and any other seq2seq checkpoint that translates into English, on this machine.

Texts are split into sentences; the sentences of all texts are pooled, each one once, and go through the model in
batches of similar length. The paper's way is ``cut=256``: a text goes in whole and is truncated at 256 tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol

from pytest_univar.errors import TranslationError
from pytest_univar.translation import Done
from pytest_univar.translation.sentences import Piece, has_letters, join, shortened, split
from pytest_univar.translation.seq2seq_checkpoint import Checkpoint, is_local, read_checkpoint
from pytest_univar.translation.seq2seq_tokens import Tokens

NLLB = "facebook/nllb-200-distilled-600M"
"""The paper's is ``facebook/nllb-200-3.3B``, with ``cut=256``."""
OPUS = "Helsinki-NLP/opus-mt-mul-en"
NLLB_NOTICE = (
    "The weights of NLLB-200 are under CC-BY-NC-4.0: not for commercial use. Helsinki-NLP/opus-mt-mul-en (Apache-2.0) "
    "and M2M100 (MIT) may be used for it."
)

LONGEST_INPUT = 256
"""Tokens. The models take 512 or more, but know single sentences only; what is longer is divided."""

POOL = 1000
"""Sentences that are sorted together. All at once would hold back every text until the last batch."""


class Engine(Protocol):
    """Rows of token ids in, rows of token ids out: ``seq2seq_torch`` or ``ctranslate``."""

    batch_tokens: int

    def generate(self, rows: Sequence[Sequence[int]], longest: int, *, retry: bool = False) -> list[list[int]]: ...


class Outcome(NamedTuple):
    """Of one sentence: its English, or why there is none."""

    english: str = ""
    problem: str = ""


class Seq2SeqTranslator:
    """A Translator. Nothing is loaded before it is needed; ``check`` needs the tokenizer, ``translate`` the weights.

    model: a folder or a hub id (``owner/name``, ``owner/name@revision``). kind: what ``name`` begins with.
    device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None takes the best there is. dtype: ``float32``, ``bfloat16`` or
    ``float16``; None is bfloat16 on CUDA and float32 elsewhere. cut: translate every text whole, truncated at so many
    source tokens; None splits it into sentences and never truncates. target: the language it translates into.
    batch_tokens: source tokens of a batch, padding included; None suits the device.
    """

    def __init__(
        self,
        model: str,
        *,
        kind: str = "seq2seq",
        device: str | None = None,
        dtype: str | None = None,
        cut: int | None = None,
        target: str = "eng",
        batch_tokens: int | None = None,
    ) -> None:
        if cut is not None and cut < 8:
            raise TranslationError(f"found a cut at {cut} tokens, expected at least 8; the paper's is 256.")
        self.model = model
        self.kind = kind
        self.cut = cut
        self.target = target
        self._device = device
        self._dtype = dtype
        self._batch_tokens = batch_tokens
        self._lock = threading.RLock()  # the tokenizer holds the language it was last asked for

    @property
    def name(self) -> str:
        """Kind and model; of a folder its last name and the first 12 digits of its weights' SHA-256; the cut.

        Neither the path nor device and dtype: what one machine recorded is replayed on another.
        """
        model = self.model
        if is_local(model):
            model = f"{Path(model).resolve().name}@{self._checkpoint.fingerprint[:12]}"
        cut = f", cut at {self.cut} tokens" if self.cut else ""
        return f"{self.kind}:{model}{cut}" + ("" if self.target == "eng" else f", into {self.target}")

    @property
    def notice(self) -> str:
        """The licence of NLLB-200, where that is what it is."""
        return NLLB_NOTICE if self.kind == "nllb" or "nllb" in Path(self.model).name.lower() else ""

    def check(self, language: str) -> None:
        """TranslationError if the checkpoint cannot be had, or does not translate from this ISO 639-3 code."""
        with self._lock:
            self._tokens.check(language)
        if self.cut is not None and self.cut > self._positions:
            raise TranslationError(
                f"found a cut at {self.cut} tokens, expected at most the {self._positions} that the checkpoint "
                f"{self.model!r} takes."
            )

    def translate(self, texts: Sequence[str], language: str, *, done: Done) -> dict[int, str]:
        """Call ``done`` once for each text that was translated whole; index → why not is returned for every other.

        A sentence without letters stays as it is. Greedy: a text's English does not depend on the texts beside it (in
        float32, and but for ties). Raises TranslationError where the checkpoint cannot be loaded or used.
        """
        self.check(language)
        problems: dict[int, str] = {}
        with self._lock:
            known: dict[str, Outcome] = {}
            for texts_at_once in self._pools(texts, language):
                self._translate_pool(texts_at_once, language, known, done, problems)
        return problems

    def _pools(self, texts: Sequence[str], language: str) -> Iterator[dict[int, list[Piece]]]:
        """The pieces of the texts, by index, so many at once that there is enough to sort."""
        pool: dict[int, list[Piece]] = {}
        sentences = 0
        for index, text in enumerate(texts):
            pool[index] = self._pieces(text, language)
            sentences += len(pool[index])
            if sentences >= POOL:
                yield pool
                pool, sentences = {}, 0
        if pool:
            yield pool

    def _pieces(self, text: str, language: str) -> list[Piece]:
        if self.cut is not None:
            return [Piece("", text) if has_letters(text) else Piece(text, "")]
        longest = min(LONGEST_INPUT, self._positions)
        # A character is hardly ever more than one token, so most sentences need not be counted here.
        return shortened(
            split(text, language),
            lambda part: len(part) < longest // 2 or len(self._tokens.encode([part], language)[0]) <= longest,
        )

    def _translate_pool(
        self,
        pool: dict[int, list[Piece]],
        language: str,
        known: dict[str, Outcome],
        done: Done,
        problems: dict[int, str],
    ) -> None:
        """A text is handed over as soon as the last of its sentences is known."""
        missing = {
            index: {sentence for _, sentence in pieces if sentence and sentence not in known}
            for index, pieces in pool.items()
        }
        waiting: dict[str, list[int]] = {}
        for index, sentences in missing.items():
            for sentence in sentences:
                waiting.setdefault(sentence, []).append(index)

        def finish(index: int) -> None:
            pieces = pool[index]
            outcomes = [known[piece.sentence] if piece.sentence else Outcome() for piece in pieces]
            failed = [
                f"{outcome.problem}: {piece.sentence:.60}"
                for piece, outcome in zip(pieces, outcomes, strict=True)
                if outcome.problem
            ]
            if failed:
                count = sum(bool(piece.sentence) for piece in pieces)
                problems[index] = f"{len(failed)} of {count} sentences not translated ({failed[0]})"
            else:
                done(index, join(pieces, [outcome.english for outcome in outcomes]))

        for index, sentences in missing.items():
            if not sentences:
                finish(index)
        for batch in self._batches(sorted(waiting), language):
            for sentence, outcome in zip(batch, self._translate_batch(list(batch.values())), strict=True):
                known[sentence] = outcome
                for index in waiting[sentence]:
                    missing[index].remove(sentence)
                    if not missing[index]:
                        finish(index)

    def _batches(self, sentences: Sequence[str], language: str) -> Iterator[dict[str, list[int]]]:
        """Sentences with their token ids, the longest first, so that running out of memory shows at once."""
        if not sentences:
            return
        rows = self._tokens.encode(sentences, language, cut=self.cut)
        order = sorted(range(len(rows)), key=lambda row: -len(rows[row]))
        budget = self._batch_tokens or self._engine.batch_tokens
        start = 0
        while start < len(order):
            size = max(1, budget // len(rows[order[start]]))
            yield {sentences[row]: rows[row] for row in order[start : start + size]}
            start += size

    def _translate_batch(self, rows: Sequence[Sequence[int]]) -> list[Outcome]:
        found = self._engine.generate(rows, max(map(self._longest_output, rows)))
        return [self._outcome(row, ids) for row, ids in zip(rows, found, strict=True)]

    def _outcome(self, row: Sequence[int], ids: Sequence[int]) -> Outcome:
        """What a sentence came to; where the first try failed, it is tried once more, alone and with beams."""
        unknown = sum(token == self._tokens.unknown for token in row)
        if 3 * unknown > len(row) - 2:  # without the language and the end
            return Outcome(problem=f"{unknown} of {len(row)} tokens are unknown to the checkpoint")
        if self._fault(row, ids):
            (ids,) = self._engine.generate([row], self._longest_output(row), retry=True)
        if fault := self._fault(row, ids):
            return Outcome(problem=fault)
        return Outcome(english=self._tokens.decode(ids))

    def _fault(self, row: Sequence[int], ids: Sequence[int]) -> str:
        """Why this output is no translation of this input, or nothing. The limit is the row's own, not the batch's."""
        longest = self._longest_output(row)
        if len(ids) > longest or self._tokens.eos not in ids:
            return f"no end within {longest} tokens"
        if repeats_itself(ids) and not repeats_itself(row):
            return "the translation repeats itself"
        return "" if self._tokens.decode(ids) else "the translation is empty"

    def _longest_output(self, row: Sequence[int]) -> int:
        """Tokens. English is seldom longer than the source; a short source may be one character of Chinese."""
        return min(2 * len(row) + 32, self._positions - 1)

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        return read_checkpoint(self.model)

    @cached_property
    def _tokens(self) -> Tokens:
        return Tokens(self._checkpoint, self.target)

    @cached_property
    def _positions(self) -> int:
        """Tokens that the model takes. A converted checkpoint does not say; its tokenizer may."""
        declared = self._checkpoint.config.get("max_position_embeddings")
        return min(self._tokens.longest, declared if isinstance(declared, int) else 1024)

    @cached_property
    def _engine(self) -> Engine:
        if self._checkpoint.converted:
            from pytest_univar.translation.ctranslate import CTranslateEngine

            return CTranslateEngine(self._checkpoint, self._tokens, device=self._device, dtype=self._dtype)
        from pytest_univar.translation.seq2seq_torch import TorchEngine

        return TorchEngine(self._checkpoint, self._tokens, device=self._device, dtype=self._dtype)


def repeats_itself(ids: Sequence[int]) -> bool:
    """Whether up to 16 tokens come again and again without anything between, four times or more and over 24 tokens."""
    for unit in range(1, 17):
        run = 0
        for before, token in zip(ids, ids[unit:], strict=False):
            run = run + 1 if token == before else 0
            if run >= max(3 * unit, 24 - unit):
                return True
    return False
