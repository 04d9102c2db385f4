"""Sentences to token ids and back, as a checkpoint's own tokenizer has it, and how the checkpoint calls languages.

The layouts: NLLB-200 (FLORES codes, ``spa_Latn``), M2M100 (ISO 639-1 codes, ``__es__``), and Marian (OPUS-MT), which
has no codes for its source languages, and for its target languages only where it has several (``>>eng<<``).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from pytest_univar.errors import MissingExtraError, TranslationError
from pytest_univar.languages import LANGUAGES
from pytest_univar.pretrained import quiet
from pytest_univar.translation.sentences import ISO_639_1
from pytest_univar.translation.seq2seq_checkpoint import Checkpoint

SENTENCEPIECE = "The tokenizer of an OPUS-MT or M2M100 checkpoint"


class Tokens:
    """The tokenizer of a checkpoint. target: the language to translate into, by its ISO 639-3 code. forced_bos: the id
    of that language, which a translation starts with, if it has one."""

    def __init__(self, checkpoint: Checkpoint, target: str = "eng") -> None:
        self.model = checkpoint.model
        self.target = target
        self.tokenizer = load_tokenizer(checkpoint)
        # M2M100 keeps its language codes beside its vocabulary.
        self.vocabulary: dict[str, int] = self.tokenizer.get_vocab() | getattr(self.tokenizer, "lang_token_to_id", {})
        self.prefix = ""
        self.forced_bos: int | None = None
        self._code: Callable[[str], str] | None = None
        if "eng_Latn" in self.vocabulary:
            self._code = lambda language: LANGUAGES[language].flores
            self.forced_bos = self.vocabulary[self._known_token(target, "into")]
        elif "__en__" in self.vocabulary:
            self._code = ISO_639_1.__getitem__
            self.forced_bos = self.vocabulary[self._known_token(target, "into")]
        elif type(self.tokenizer).__name__.startswith("Marian"):
            self.prefix = self._marian_prefix()
        else:
            raise TranslationError(
                f"the checkpoint {self.model!r} has no language code for English that is known here: found a "
                f"{type(self.tokenizer).__name__}, expected the layout of NLLB-200 ('eng_Latn'), of M2M100 ('__en__') "
                "or of OPUS-MT (Marian). Choose a checkpoint of one of these."
            )

    @property
    def longest(self) -> int:
        """What the tokenizer declares as its longest input; a huge number where it declares nothing."""
        return int(self.tokenizer.model_max_length)

    @property
    def eos(self) -> int:
        return int(self.tokenizer.eos_token_id)

    @property
    def pad(self) -> int:
        return int(self.tokenizer.pad_token_id)

    @property
    def unknown(self) -> int:
        return int(self.tokenizer.unk_token_id)

    def check(self, language: str) -> None:
        """TranslationError if the checkpoint does not translate from this ISO 639-3 code, as far as it says."""
        if language not in LANGUAGES:
            raise TranslationError(
                f"found the language {language!r}, expected one of the ISO 639-3 codes {', '.join(sorted(LANGUAGES))}."
            )
        if self._code is None:
            self._check_marian_source(language)
            return
        token = self._known_token(language, "from")
        if self.vocabulary[token] not in self.encode(["a"], language)[0]:
            raise TranslationError(
                f"the tokenizer of the checkpoint {self.model!r} ({type(self.tokenizer).__name__}) does not mark its "
                f"input as {token!r}. Save it again as an NllbTokenizer or M2M100Tokenizer."
            )

    def encode(self, sentences: Sequence[str], language: str, *, cut: int | None = None) -> list[list[int]]:
        """Of each sentence, with what marks its language and end; truncated only where ``cut`` (in tokens) is given.

        What looks like a special token in a sentence is taken as text.
        """
        if self._code is not None:
            self.tokenizer.src_lang = self._code(language)
        with quiet():  # it logs that an input is too long for the model; whoever calls sees to that
            found = self.tokenizer(
                [self.prefix + sentence for sentence in sentences],
                truncation=cut is not None,
                max_length=cut,
                padding=False,
                return_attention_mask=False,
                split_special_tokens=True,
            )
        return [list(ids) for ids in found["input_ids"]]

    def decode(self, ids: Sequence[int]) -> str:
        words = list(ids)
        if words[:1] == [self.forced_bos]:
            del words[0]  # to M2M100's tokenizer it is no special token
        return str(self.tokenizer.decode(words, skip_special_tokens=True)).strip()

    def _known_token(self, language: str, direction: str) -> str:
        """The token that stands for a language; TranslationError where the vocabulary has none."""
        assert self._code is not None
        code = self._code(language)
        token = code if "eng_Latn" in self.vocabulary else f"__{code}__"
        if token not in self.vocabulary:
            raise TranslationError(
                f"the checkpoint {self.model!r} has no language code {token!r}, so it cannot translate {direction} "
                f"{LANGUAGES[language].name} ({language}). Choose a checkpoint that has it, or leave the language out."
            )
        return token

    def _marian_prefix(self) -> str:
        """What tells the checkpoint to translate into the target; TranslationError where it does not."""
        codes = [token for token in self.vocabulary if token.startswith(">>") and token.endswith("<<")]
        own = (self.target, ISO_639_1[self.target])
        for code in (f">>{name}<<" for name in own):
            if code in codes:
                return f"{code} "
        target = getattr(self.tokenizer, "target_lang", None)
        if codes or target not in (own if self.target != "eng" else (None, *own)):
            found = (
                f"into {target}" if not codes else f"into {len(codes)} languages ({', '.join(sorted(codes)[:5])}, …)"
            )
            raise TranslationError(
                f"the checkpoint {self.model!r} translates {found}, expected one that translates into "
                f"{LANGUAGES[self.target].name}, such as Helsinki-NLP/opus-mt-{_opus_pair(self.target)}."
            )
        return ""

    def _check_marian_source(self, language: str) -> None:
        """Its one source language, if it has but one of those known here; of a group (``mul``) no list is kept."""
        source = getattr(self.tokenizer, "source_lang", None)
        known = {*ISO_639_1, *ISO_639_1.values()}
        if source in known and source not in (language, ISO_639_1[language]):
            raise TranslationError(
                f"the checkpoint {self.model!r} translates from {source!r}, not from {LANGUAGES[language].name} "
                f"({language}). Choose a checkpoint for it, or one for many languages."
            )


def _opus_pair(target: str) -> str:
    return "mul-en" if target == "eng" else f"en-{ISO_639_1[target]}"


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """Through transformers' own classes; TranslationError where the files cannot be read."""
    from transformers import AutoTokenizer

    with quiet(), warnings.catch_warnings():
        # Marian's tokenizer recommends a normaliser that it never calls.
        warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
        try:
            return AutoTokenizer.from_pretrained(checkpoint.folder, trust_remote_code=False, local_files_only=True)
        except ImportError as error:
            raise MissingExtraError("sentencepiece", "translate", SENTENCEPIECE) from error
        except Exception as error:  # tokenizers raises nothing more specific
            raise TranslationError(
                f"{checkpoint.folder}: the tokenizer cannot be loaded by transformers ({type(error).__name__}: "
                f"{error}). Download the checkpoint again, whole."
            ) from error
