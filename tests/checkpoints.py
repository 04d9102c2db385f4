"""Small random checkpoints in the layouts that the hub has, made by the tests that load them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

WORDS = (  # noqa: SIM905 (a list of so many strings is hard to read)
    "the a i you we they is are be to of and in that it not no yes should must can people freedom duty family law "
    "money work god state tradition change safety risk truth honest fair equal power peace war life death love help"
).split()

NOMIC_HEADS = 4

TEXTS = [
    "Q: Should people help the state? A: No, freedom is a duty.",
    "no",
    "Q: Is it honest to love money? A: " + "the family and the law of god must change, " * 30,
    "",
    "Freedom, équité & 平和 \n\n war",
    "Q: Should people help the state? A: Yes.",
]


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
    write(
        folder / "1_Pooling" / "config.json", {"word_embedding_dimension": dimension, "pooling_mode_mean_tokens": True}
    )
    write(folder / "sentence_bert_config.json", {"max_seq_length": max_seq_length, "do_lower_case": False})


def bert_checkpoint(
    folder: Path, *, seed: int = 0, normalise: bool = True, width: int = 32, layers: int = 2, max_seq_length: int = 64
) -> Path:
    """A BERT in the layout of all-MiniLM-L6-v2. width: of the vectors. max_seq_length: in tokens."""
    import torch
    from transformers import BertConfig, BertModel

    size = tokenizer_files(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=size, hidden_size=width, num_hidden_layers=layers, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=128,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    sentence_transformers_files(folder, dimension=width, normalise=normalise, max_seq_length=max_seq_length)
    return folder


def nomic_checkpoint(folder: Path, *, seed: int = 0, normalise: bool = True, native: bool = False) -> Path:
    """A NomicBERT of two layers as the hub has UniVaR: its weight names and its config's keys.

    native: with transformers' keys instead, for those who read no others.
    """
    import torch
    from safetensors.torch import save_file

    size, width, inner = tokenizer_files(folder), 32, 64
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * 0.2

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": 1 + drawn(width), f"{name}.bias": drawn(width)}

    weights = {
        "embeddings.word_embeddings.weight": drawn(size, width),
        "embeddings.token_type_embeddings.weight": drawn(2, width),
        **norm("emb_ln"),
    }
    for layer in ("encoder.layers.0", "encoder.layers.1"):
        weights |= {
            f"{layer}.attn.Wqkv.weight": drawn(3 * width, width),
            f"{layer}.attn.out_proj.weight": drawn(width, width),
            f"{layer}.mlp.fc11.weight": drawn(inner, width),
            f"{layer}.mlp.fc12.weight": drawn(inner, width),
            f"{layer}.mlp.fc2.weight": drawn(width, inner),
            **norm(f"{layer}.norm1"),
            **norm(f"{layer}.norm2"),
        }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config: dict[str, Any] = {"architectures": ["NomicBertModel"], "model_type": "nomic_bert", "type_vocab_size": 2}
    if native:
        config |= {
            "vocab_size": size, "hidden_size": width, "num_hidden_layers": 2, "num_attention_heads": NOMIC_HEADS,
            "intermediate_size": inner, "hidden_act": "silu", "layer_norm_eps": 1e-12, "max_position_embeddings": 8192,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000},
        }  # fmt: skip
    else:
        config |= {
            "vocab_size": size - 1, "pad_vocab_size_multiple": size, "n_embd": width, "n_layer": 2, "n_inner": inner,
            "n_head": NOMIC_HEADS, "n_positions": 8192, "activation_function": "swiglu", "layer_norm_epsilon": 1e-12,
            "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False, "prenorm": False, "causal": False,
            "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False,
            "rotary_emb_scale_base": None, "parallel_block": False, "use_rms_norm": None, "attn_pdrop": 0.0,
            "resid_pdrop": 0.0, "embd_pdrop": 0.0, "torch_dtype": "float32",
        }  # fmt: skip
    write(folder / "config.json", config)
    sentence_transformers_files(folder, dimension=width, normalise=normalise, max_seq_length=8192)
    return folder


def hub_cache(home: Path, hub_id: str, checkpoint: Path) -> Path:
    """``checkpoint`` as huggingface_hub keeps what it has downloaded, under ``home`` (HF_HOME); the snapshot."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = home / "hub" / f"models--{hub_id.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit, encoding="utf-8")
    return Path(shutil.copytree(checkpoint, repository / "snapshots" / commit))


def causal_lm_checkpoint(folder: Path, *, seed: int = 0) -> Path:
    """A Llama of two layers with a chat template, whose answers are sampled words and never end before the limit."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    size = tokenizer_files(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=1024, pad_token_id=0, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    template = "{% for message in messages %}{{ message['content'] }} {% endfor %}"
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    chat = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template}
    write(folder / "tokenizer_config.json", tokenizer | chat)
    generation = {"do_sample": True, "pad_token_id": 0, "eos_token_id": 3, "suppress_tokens": [0, 1, 2, 3, 4]}
    write(folder / "generation_config.json", generation)
    return folder


def write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")


def sentence_transformers(folder: Path, texts: list[str]) -> npt.NDArray[np.float32]:
    """The vectors of the independent implementation, one text at a time."""
    from sentence_transformers import SentenceTransformer

    vectors = SentenceTransformer(str(folder), device="cpu").encode(texts, convert_to_numpy=True, batch_size=1)
    return np.asarray(vectors, dtype=np.float32)


def edit(file: Path, **changes: Any) -> None:
    """Some keys of a JSON file anew."""
    write(file, json.loads(file.read_text(encoding="utf-8")) | changes)
