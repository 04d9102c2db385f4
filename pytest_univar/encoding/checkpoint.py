"""Where an encoder's files are and what they say, without loading a weight or importing torch.

The layout is that of sentence-transformers: ``modules.json`` lists the modules (a Transformer, a mean Pooling and
perhaps a Normalize), ``sentence_bert_config.json`` gives the longest input, and the Transformer's folder holds
``config.json``, the tokenizer and ``*.safetensors``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_univar.encoding.text_format import FILE, TextFormat, parse_text_format
from pytest_univar.errors import EncoderError

BUNDLED = "univar-mini"
PUBLISHED = "CAiRE/UniVaR-lambda-5"

# NomicBERT's rotary positions are exact up to here only; MiniLM's own limit is lower and stands in its files.
LONGEST_INPUT = 2048

# Everything that a checkpoint needs; a pickle (*.bin, *.pt) is never fetched.
HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]


@dataclass(frozen=True)
class Checkpoint:
    """An encoder's files.

    name: as asked for. max_seq_length: in tokens, of an input. normalise: to unit length. text_format: what a text goes
    through before its tokens are counted.
    """

    name: str
    folder: Path
    transformer: Path
    max_seq_length: int
    normalise: bool
    text_format: TextFormat = field(default_factory=TextFormat)

    @property
    def config(self) -> dict[str, Any]:
        """``config.json`` of the transformer."""
        config: dict[str, Any] = _read_json(self.transformer / "config.json", dict)
        return config

    @cached_property
    def fingerprint(self) -> str:
        """What a bank is held against: SHA-256 over the weight files, in the order of their names.

        And over the text format, where there is one: other texts give other vectors.
        """
        digest = hashlib.sha256()
        for file in sorted(self.transformer.glob("*.safetensors")):
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        if self.text_format != TextFormat():
            digest.update(json.dumps(asdict(self.text_format), sort_keys=True).encode())
        return digest.hexdigest()


def read_checkpoint(name: str | Path) -> Checkpoint:
    """The checkpoint of a bundled encoder, a local folder or a hub id; EncoderError says what is missing."""
    folder = locate(str(name))
    modules = {_kind(module): module for module in _read_modules(folder)}
    unknown = set(modules) - {"Transformer", "Pooling", "Normalize"}
    if unknown or not {"Transformer", "Pooling"} <= set(modules):
        raise EncoderError(
            f"{folder / 'modules.json'}: found the modules {', '.join(modules) or 'none'}; expected a Transformer and "
            "a Pooling, perhaps with a Normalize. Choose an encoder of that kind."
        )
    _require_mean_pooling(folder / modules["Pooling"]["path"] / "config.json")
    transformer = folder / modules["Transformer"]["path"]
    for needed in ("config.json", "tokenizer.json"):
        if not (transformer / needed).is_file():
            raise EncoderError(f"{transformer}: {needed} is missing. Download the checkpoint again, whole.")
    if not list(transformer.glob("*.safetensors")):
        raise EncoderError(
            f"{transformer}: found no *.safetensors file. Only safetensors weights are loaded; "
            "convert a checkpoint that has pickled weights with its own tools first."
        )
    return Checkpoint(
        name=str(name),
        folder=folder,
        transformer=transformer,
        max_seq_length=_max_seq_length(transformer),
        normalise="Normalize" in modules,
        text_format=_text_format(folder / FILE),
    )


def locate(name: str) -> Path:
    """The folder of an encoder: bundled, local, or fetched from the hub on request."""
    if name == BUNDLED:
        return Path(__file__).parent / BUNDLED
    if Path(name).is_dir():
        return Path(name)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise EncoderError(
            f"found the encoder {name!r}, expected {BUNDLED!r}, a folder, or a hub id such as {PUBLISHED!r}."
        )
    return _fetch(name)


def _fetch(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, allow_patterns=HUB_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise EncoderError(
            f"the encoder {hub_id!r} is not on this machine and could not be fetched from the hub "
            f"({type(error).__name__}). Check the name and the network, or give a folder that holds the checkpoint."
        ) from error


def _read_modules(folder: Path) -> list[dict[str, Any]]:
    modules: list[dict[str, Any]] = _read_json(folder / "modules.json", list)
    if not all(isinstance(module, dict) and {"type", "path"} <= set(module) for module in modules):
        raise EncoderError(f"{folder / 'modules.json'}: expected a list of modules, each with 'type' and 'path'.")
    return modules


def _kind(module: dict[str, Any]) -> str:
    """``sentence_transformers.models.Pooling`` and its newer, longer spellings all end in the class name."""
    return str(module["type"]).rpartition(".")[2]


def _require_mean_pooling(file: Path) -> None:
    config = _read_json(file, dict)
    modes = {
        key.removeprefix("pooling_mode_")
        for key, on in config.items()
        if key.startswith("pooling_mode_") and on is True
    }
    if "pooling_mode" in config:  # the spelling of sentence-transformers 5.4 and later
        modes = {str(config["pooling_mode"])}
    modes = {mode.removesuffix("_tokens") for mode in modes}
    if modes != {"mean"}:
        raise EncoderError(f"{file}: found the pooling {', '.join(sorted(modes)) or 'none'}, expected mean pooling.")


def _max_seq_length(transformer: Path) -> int:
    """What is declared and what the positions allow. Newer sentence-transformers keep the limit with the tokenizer."""
    model = _read_json(transformer / "config.json", dict)
    declared = None
    for name, key in (("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length")):
        if declared is None and (transformer / name).is_file():
            declared = _read_json(transformer / name, dict).get(key)
    limits = [declared, model.get("max_position_embeddings"), model.get("n_positions"), LONGEST_INPUT]
    return min(limit for limit in limits if isinstance(limit, int) and limit > 0)


def _text_format(file: Path) -> TextFormat:
    return parse_text_format(_read_json(file, dict), file) if file.exists() else TextFormat()


def _read_json(file: Path, kind: type) -> Any:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EncoderError(
            f"{file} is missing; expected a checkpoint in the sentence-transformers layout (modules.json, a pooling "
            "config, safetensors weights)."
        ) from None
    except ValueError as error:
        raise EncoderError(f"{file}: is not JSON ({error}). Download the checkpoint again, whole.") from error
    if not isinstance(content, kind):
        expected = "a list" if kind is list else "an object"
        raise EncoderError(f"{file}: found {content!r:.60}, expected {expected}. Download the checkpoint again, whole.")
    return content
