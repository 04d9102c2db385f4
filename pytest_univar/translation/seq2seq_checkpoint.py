"""Where a translation model's files are and what they say, without loading a weight or importing torch.

Either transformers' layout (``config.json``, the tokenizer's files, ``*.safetensors``) or CTranslate2's
(``config.json``, ``model.bin``, ``shared_vocabulary.*``, and the tokenizer's files beside them).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_univar.errors import TranslationError

# Everything that a checkpoint needs; a pickle (*.bin, *.pt) is never fetched.
HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.spm", "*.txt"]

_HUB_ID = re.compile(r"(?P<id>[\w-][\w.-]*/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True)
class Checkpoint:
    """model: as asked for. converted: for CTranslate2. config: its ``config.json``."""

    model: str
    folder: Path
    converted: bool
    config: dict[str, Any]

    @property
    def model_type(self) -> str:
        """As transformers calls it (``m2m_100``, ``marian``, …); empty for a converted checkpoint, which has none."""
        return str(self.config.get("model_type", ""))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the weight files, in the order of their names."""
        digest = hashlib.sha256()
        for file in _weights(self.folder, self.converted):
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()


def is_local(model: str) -> bool:
    return Path(model).is_dir()


def read_checkpoint(model: str) -> Checkpoint:
    """The checkpoint in a folder, or with a hub id (``owner/name`` or ``owner/name@revision``), which is fetched.

    Raises TranslationError where it is missing or holds no weights that can be loaded.
    """
    folder = Path(model) if is_local(model) else _fetch(model)
    converted = _is_converted(folder)
    if not converted and not _weights(folder, converted):
        raise _without_weights(model, folder)
    # Without them transformers makes up a tokenizer that knows no word, and says nothing.
    if not any(list(folder.glob(name)) for name in ("tokenizer.json", "*.spm", "*.model")):
        beside = " A converted checkpoint needs the tokenizer's files beside model.bin." if converted else ""
        raise TranslationError(
            f"{folder}: found no tokenizer (tokenizer.json, or a sentencepiece model with vocab.json). Download the "
            f"checkpoint again, whole.{beside}"
        )
    return Checkpoint(model, folder, converted, _read_config(folder / "config.json"))


def _is_converted(folder: Path) -> bool:
    """By the vocabulary files that only CTranslate2 writes.

    Its ``model.bin`` is a format of its own (a header, then plain arrays) and is read by C++. It is no pickle.
    """
    vocabularies = [*folder.glob("shared_vocabulary.*"), *folder.glob("source_vocabulary.*")]
    return (folder / "model.bin").is_file() and bool(vocabularies)


def _weights(folder: Path, converted: bool) -> list[Path]:
    return [folder / "model.bin"] if converted else sorted(folder.glob("*.safetensors"))


def _without_weights(model: str, folder: Path) -> TranslationError:
    found = f"found no *.safetensors file in the checkpoint {model!r}"
    pickles = [file.name for file in sorted([*folder.glob("*.bin"), *folder.glob("*.pt")])]
    if is_local(model) and not pickles:
        return TranslationError(f"{found}. Download the checkpoint again, whole.")
    held = f", only {', '.join(pickles)}" if pickles else ""
    return TranslationError(
        f"{found}{held}. Pickled weights are never loaded, because a pickle can run code. Convert them once, with "
        "transformers where you trust their source: AutoModelForSeq2SeqLM.from_pretrained(MODEL).save_pretrained("
        "FOLDER) and AutoTokenizer.from_pretrained(MODEL).save_pretrained(FOLDER); or with CTranslate2: "
        "ct2-transformers-converter --model MODEL --output_dir FOLDER --copy_files with the tokenizer's files. Then "
        "name the folder. A hub model may have safetensors in a pull request: OWNER/NAME@refs/pr/NUMBER names one."
    )


def _fetch(model: str) -> Path:
    asked = _HUB_ID.fullmatch(model)
    if asked is None:
        raise TranslationError(
            f"found the translation model {model!r}, expected a folder that is there, or a hub id such as "
            "'Helsinki-NLP/opus-mt-mul-en'."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(asked["id"], revision=asked["revision"], allow_patterns=HUB_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise TranslationError(
            f"the translation model {model!r} is not on this machine and could not be fetched from the hub "
            f"({type(error).__name__}). Check the name and the network, or give a folder that holds the checkpoint."
        ) from error


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TranslationError(f"{file} is missing. Download the checkpoint again, whole.") from None
    except ValueError as error:
        raise TranslationError(f"{file}: is not JSON ({error}). Download the checkpoint again, whole.") from error
    if not isinstance(config, dict):
        raise TranslationError(f"{file}: found {config!r:.60}, expected an object. Download the checkpoint again.")
    return config
