"""Small random checkpoints in the layouts that the hub has, made by the tests that load them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = (
    "the a i you we they is are be to of and in that it not no yes should must can people freedom duty family law "
    "money work god state tradition change safety risk truth honest fair equal power peace war life death love help"
).split()


def tokenizer_files(folder: Path, *, words: list[str] = WORDS) -> int:
    """A WordPiece tokenizer over a few words and every letter; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [chr(code) for code in range(33, 127)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*special, *dict.fromkeys([*letters, *("##" + letter for letter in letters), *words])]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    config = {"tokenizer_class": "BertTokenizerFast", "model_max_length": 512, "do_lower_case": True}
    write(folder / "tokenizer_config.json", config | {f"{key}_token": token for key, token in names.items()})
    return len(vocabulary)


def sentence_transformers_files(folder: Path, *, dimension: int, normalise: bool, max_seq_length: int = 64) -> None:
    """``modules.json`` and what it names, around a transformer that lies in ``folder`` itself."""
    modules = ["Transformer", "Pooling"] + ["Normalize"] * normalise
    paths = ["", "1_Pooling", "2_Normalize"]
    listed = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{module}"}
        for index, (module, path) in enumerate(zip(modules, paths, strict=False))
    ]
    write(folder / "modules.json", listed)
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": dimension, "pooling_mode_mean_tokens": True})
    write(folder / "sentence_bert_config.json", {"max_seq_length": max_seq_length, "do_lower_case": False})


def bert_checkpoint(folder: Path, *, seed: int = 0, normalise: bool = True) -> Path:
    """A BERT of two layers, in the layout of all-MiniLM-L6-v2."""
    import torch
    from transformers import BertConfig, BertModel

    size = tokenizer_files(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=128,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    sentence_transformers_files(folder, dimension=32, normalise=normalise)
    return folder


def write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
