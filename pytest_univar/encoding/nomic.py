"""NomicBERT's config as its authors wrote it, which is what the hub's checkpoints have.

transformers has the model, but reads none of the original keys: it would take every checkpoint for one of base size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_univar.errors import EncoderError

NATIVE = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_inner": "intermediate_size",
    "n_positions": "max_position_embeddings",
    "layer_norm_epsilon": "layer_norm_eps",
    "resid_pdrop": "hidden_dropout_prob",
    "attn_pdrop": "attention_probs_dropout_prob",
}

ONLY: dict[str, Any] = {
    "activation_function": "swiglu",
    "causal": False,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "parallel_block": False,
    "prenorm": False,
    "qkv_proj_bias": False,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "scale_attn_by_inverse_layer_idx": False,
    "use_rms_norm": False,
}
"""What the native model does; another value of one of these keys is another model."""

SIZES = ("n_embd", "n_layer", "n_head", "vocab_size")


def native_settings(config: dict[str, Any], file: Path) -> dict[str, Any]:
    """What a config with original keys says, in transformers' words; nothing for any other config.

    EncoderError where a size is no whole number, or where the config asks for what the native model cannot do.
    """
    if config.get("model_type") != "nomic_bert" or "n_embd" not in config:
        return {}
    for key, expected in ONLY.items():
        found = config.get(key, expected)
        if found != expected and not (found is None and expected is False):  # null says no, too
            raise EncoderError(
                f"{file}: found {key} {found!r}, expected {expected!r}: transformers' NomicBERT knows no other. "
                "Choose an encoder of UniVaR's kind."
            )
    for key in SIZES:
        if not isinstance(config.get(key), int) or config[key] < 1:
            raise EncoderError(f"{file}: found {key} {config.get(key)!r}, expected a whole number of 1 or more.")
    if config["n_embd"] % config["n_head"]:
        raise EncoderError(
            f"{file}: found n_embd {config['n_embd']}, expected a multiple of n_head {config['n_head']}."
        )
    settings = {native: config[key] for key, native in NATIVE.items() if config.get(key) is not None}
    settings.setdefault("intermediate_size", 4 * config["n_embd"])  # n_inner may be null
    multiple = config.get("pad_vocab_size_multiple") or 1  # of the rows that the weights have
    return settings | {
        "vocab_size": -(-config["vocab_size"] // multiple) * multiple,
        "head_dim": config["n_embd"] // config["n_head"],
        "hidden_act": "silu",
        "rope_parameters": {"rope_type": "default", "rope_theta": config.get("rotary_emb_base", 1000)},
    }
