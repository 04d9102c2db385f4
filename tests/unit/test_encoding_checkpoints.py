"""Checkpoints: UniVaR's own layout, weights that do not fit, and code that must not run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pytest_univar.encoding import PUBLISHED, load_encoder, read_checkpoint
from pytest_univar.errors import EncoderError
from tests.checkpoints import (
    NOMIC_HEADS,
    TEXTS,
    bert_checkpoint,
    edit,
    hub_cache,
    nomic_checkpoint,
    sentence_transformers,
    write,
)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert_checkpoint(tmp_path_factory.mktemp("checkpoints") / "bert")


@pytest.fixture(scope="module")
def nomic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nomic_checkpoint(tmp_path_factory.mktemp("checkpoints") / "nomic")


@pytest.fixture
def copy(bert: Path, tmp_path: Path) -> Path:
    """A checkpoint of the test's own, to be damaged."""
    return Path(shutil.copytree(bert, tmp_path / "checkpoint"))


# --------------------------------------------------------------------------------------------------- UniVaR's NomicBERT


def nomic_by_hand(weights: dict[str, torch.Tensor], ids: list[int]) -> torch.Tensor:
    """NomicBERT as its authors wrote it, one text at a time, mean pooled and of unit length ``[d]``."""
    from torch.nn.functional import layer_norm, normalize, silu

    width, n = 32, len(ids)
    size = width // NOMIC_HEADS

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return layer_norm(x, (width,), weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-12)

    angles = torch.outer(torch.arange(n), 1000.0 ** (-torch.arange(0, size, 2) / size))

    def turned(x: torch.Tensor) -> torch.Tensor:  # [heads, n, size]: rotary positions, halves not interleaved
        left, right = x[..., : size // 2], x[..., size // 2 :]
        return torch.cat([left * angles.cos() - right * angles.sin(), right * angles.cos() + left * angles.sin()], -1)

    x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "emb_ln")
    for layer in ("encoder.layers.0", "encoder.layers.1"):
        query, key, value = (
            (x @ weights[f"{layer}.attn.Wqkv.weight"].T).view(n, 3, NOMIC_HEADS, size).permute(1, 2, 0, 3)
        )
        attention = (turned(query) @ turned(key).transpose(1, 2) / size**0.5).softmax(-1) @ value
        mixed = attention.transpose(0, 1).reshape(n, width) @ weights[f"{layer}.attn.out_proj.weight"].T
        x = norm(x + mixed, f"{layer}.norm1")
        gated = (x @ weights[f"{layer}.mlp.fc11.weight"].T) * silu(x @ weights[f"{layer}.mlp.fc12.weight"].T)
        x = norm(x + gated @ weights[f"{layer}.mlp.fc2.weight"].T, f"{layer}.norm2")
    return normalize(x.mean(0), dim=0)


def test_a_checkpoint_in_the_layout_of_univar_loads_natively(nomic: Path, tmp_path: Path) -> None:
    encoder = load_encoder(nomic, device="cpu")
    assert type(encoder.model).__module__ == "transformers.models.nomic_bert.modeling_nomic_bert"
    vectors = encoder.encode(TEXTS)
    twin = nomic_checkpoint(tmp_path / "twin", native=True)  # sentence-transformers reads no original keys
    assert (twin / "model.safetensors").read_bytes() == (nomic / "model.safetensors").read_bytes()
    np.testing.assert_allclose(vectors, sentence_transformers(twin, TEXTS), atol=1e-5)
    np.testing.assert_array_equal(vectors, load_encoder(twin, device="cpu").encode(TEXTS))
    weights = load_file(nomic / "model.safetensors")
    by_hand = [nomic_by_hand(weights, encoder.tokenizer.encode(text).ids).numpy() for text in TEXTS]
    np.testing.assert_allclose(vectors, np.stack(by_hand), atol=1e-5)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("activation_function", "gelu", "'swiglu'"),
        ("qkv_proj_bias", True, "False"),
        ("prenorm", True, "False"),
        ("rotary_emb_fraction", 0.5, r"1\.0"),
        ("rotary_emb_interleaved", True, "False"),
        ("n_layer", 0, "a whole number of 1 or more"),
        ("n_head", "4", "a whole number of 1 or more"),
        ("vocab_size", None, "a whole number of 1 or more"),
    ],
)
def test_an_original_config_of_another_model_is_refused(
    nomic: Path, tmp_path: Path, key: str, value: Any, expected: str
) -> None:
    folder = Path(shutil.copytree(nomic, tmp_path / "nomic"))
    edit(folder / "config.json", **{key: value})
    with pytest.raises(EncoderError, match=rf"config\.json: found {key} {value!r}, expected {expected}"):
        load_encoder(folder, device="cpu")


def test_what_an_original_config_leaves_out_is_as_its_authors_have_it(nomic: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(nomic, tmp_path / "nomic"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config.pop("rotary_emb_base") == 1000
    assert config["use_rms_norm"] is None  # says no
    write(folder / "config.json", config)
    whole, short = (load_encoder(each, device="cpu").encode(TEXTS) for each in (nomic, folder))
    np.testing.assert_array_equal(short, whole)


def test_heads_that_do_not_share_the_width_alike(nomic: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(nomic, tmp_path / "nomic"))
    edit(folder / "config.json", n_head=5)
    with pytest.raises(EncoderError, match="found n_embd 32, expected a multiple of n_head 5"):
        load_encoder(folder, device="cpu")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"n_layer": 3}, r"missing: layers\.2\."),
        ({"n_layer": 1}, r"unexpected: .*layers\.1\."),
        ({"n_inner": None}, r"of another size: layers\.0\.mlp\.down_proj\.weight"),  # null is four times n_embd
        ({"vocab_size": 7, "pad_vocab_size_multiple": 1}, r"of another size: embeddings\.word_embeddings\.weight"),
    ],
)
def test_an_original_config_of_another_size_is_refused_by_name(
    nomic: Path, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    folder = Path(shutil.copytree(nomic, tmp_path / "nomic"))
    edit(folder / "config.json", **changes)
    with pytest.raises(EncoderError, match=rf"do not fit config\.json \({named}"):
        load_encoder(folder, device="cpu")


def test_rotary_positions_end_at_2048(nomic: Path) -> None:
    assert read_checkpoint(nomic).max_seq_length == 2048  # the file says 8192


@pytest.mark.slow
def test_the_published_id_loads_from_a_hub_cache(nomic: Path, tmp_path: Path) -> None:
    hub_cache(tmp_path, PUBLISHED, nomic)
    script = (
        "import sys, numpy as np; from pytest_univar.encoding import load_encoder\n"
        "encoder = load_encoder('CAiRE/UniVaR-lambda-5', device='cpu')\n"
        "assert encoder.name == 'CAiRE/UniVaR-lambda-5'\n"
        "np.save(sys.argv[1], encoder.encode(['freedom', 'duty']))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "vectors.npy")]
    result = subprocess.run(command, env=offline(tmp_path), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    expected = load_encoder(nomic, device="cpu").encode(["freedom", "duty"])
    np.testing.assert_array_equal(np.load(tmp_path / "vectors.npy"), expected)


@pytest.mark.slow
def test_a_hub_id_that_cannot_be_fetched_is_one_clear_error(tmp_path: Path) -> None:
    script = (
        "from pytest_univar.encoding import load_encoder\n"
        "from pytest_univar.errors import EncoderError\n"
        "try: load_encoder('CAiRE/UniVaR-lambda-80')\n"
        "except EncoderError as error: print(error)\n"
    )
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, env=offline(tmp_path), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "'CAiRE/UniVaR-lambda-80' is not on this machine and could not be fetched" in result.stdout
    assert "give a folder that holds the checkpoint" in result.stdout


def offline(home: Path) -> dict[str, str]:
    """An environment with nothing but the hub cache in ``home``; huggingface_hub reads it when it is imported."""
    dropped = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}


# ----------------------------------------------------------------------------------------------- code of a checkpoint


@pytest.fixture
def planted(copy: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint with Python code that its config asks for, and the file that the code would write."""
    marker = tmp_path / "executed"
    code = f"open({str(marker)!r}, 'w').close()\nfrom transformers import BertConfig as C, BertModel as M\n"
    (copy / "planted.py").write_text(code, encoding="utf-8")
    edit(copy / "config.json", auto_map={"AutoConfig": "planted.C", "AutoModel": "planted.M"})
    return copy, marker


def test_code_of_a_checkpoint_is_not_run_for_a_known_model_type(planted: tuple[Path, Path], bert: Path) -> None:
    folder, marker = planted
    vectors = load_encoder(folder, device="cpu").encode(TEXTS)
    np.testing.assert_array_equal(vectors, load_encoder(bert, device="cpu").encode(TEXTS))
    assert not marker.exists()


def test_code_of_a_checkpoint_is_not_run_for_an_unknown_model_type(planted: tuple[Path, Path]) -> None:
    folder, marker = planted
    edit(folder / "config.json", model_type="hitherto_unknown")
    with pytest.raises(EncoderError, match="cannot be loaded by transformers"):
        load_encoder(folder, device="cpu")
    assert not marker.exists()


def test_pickled_weights_are_refused(copy: Path) -> None:
    state = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(state, copy / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"found no \*\.safetensors file. Only safetensors weights are loaded"):
        load_encoder(copy, device="cpu")


# ------------------------------------------------------------------------------------- weights that do not fit, by name


def drop(state: dict[str, torch.Tensor]) -> None:
    del state["encoder.layer.1.output.dense.weight"]


def add(state: dict[str, torch.Tensor]) -> None:
    state["encoder.layer.7.output.dense.weight"] = torch.zeros(2)


def resize(state: dict[str, torch.Tensor]) -> None:
    state["encoder.layer.0.output.dense.bias"] = torch.zeros(31)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (drop, r"missing: encoder\.layer\.1\.output\.dense\.weight"),
        (add, r"unexpected: encoder\.layer\.7\.output\.dense\.weight"),
        (resize, r"of another size: encoder\.layer\.0\.output\.dense\.bias"),
    ],
)
def test_weights_that_do_not_fit_are_named(
    copy: Path, damage: Callable[[dict[str, torch.Tensor]], None], named: str
) -> None:
    state = load_file(copy / "model.safetensors")
    damage(state)
    save_file(state, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=rf"do not fit config.json \({named}\)"):
        load_encoder(copy, device="cpu")


@pytest.fixture
def sharded(nomic: Path, tmp_path: Path) -> Path:
    """UniVaR's layout in three files with an index, as large checkpoints come."""
    folder = Path(shutil.copytree(nomic, tmp_path / "sharded"))
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    weight_map: dict[str, str] = {}
    for shard in range(3):
        file = f"model-0000{shard + 1}-of-00003.safetensors"
        weight_map |= dict.fromkeys(names[shard::3], file)
        save_file({name: state[name] for name in names[shard::3]}, folder / file, metadata={"format": "pt"})
    size = sum(tensor.nbytes for tensor in state.values())
    write(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": weight_map})
    return folder


def test_a_sharded_checkpoint_gives_the_same_vectors(sharded: Path, nomic: Path) -> None:
    vectors = load_encoder(sharded, device="cpu").encode(TEXTS)
    np.testing.assert_array_equal(vectors, load_encoder(nomic, device="cpu").encode(TEXTS))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("drop", r"missing: layers\.1\.mlp\.down_proj\.weight"),
        ("add", r"unexpected: .*layers\.9\.mlp\.(down_proj|fc2)\.weight"),
        ("resize", r"of another size: layers\.1\.mlp\.down_proj\.weight"),
    ],
)
def test_a_shard_that_does_not_fit_is_named(sharded: Path, change: str, named: str) -> None:
    name = "encoder.layers.1.mlp.fc2.weight"
    index = json.loads((sharded / "model.safetensors.index.json").read_text(encoding="utf-8"))
    file = index["weight_map"][name]
    state = load_file(sharded / file)
    if change == "drop":
        del state[name], index["weight_map"][name]
    elif change == "add":
        added = name.replace("1", "9")
        state[added], index["weight_map"][added] = torch.zeros(32, 64), file
    else:
        state[name] = torch.zeros(31, 64)
    save_file(state, sharded / file, metadata={"format": "pt"})
    write(sharded / "model.safetensors.index.json", index)
    with pytest.raises(EncoderError, match=rf"do not fit config\.json \({named}"):
        load_encoder(sharded, device="cpu")


def test_a_shard_that_is_not_there(sharded: Path) -> None:
    (sharded / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"cannot be loaded by transformers: .*model-00002-of-00003\.safetensors"):
        load_encoder(sharded, device="cpu")


def test_a_partial_univar_checkpoint_is_refused_by_name(nomic: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(nomic, tmp_path / "nomic"))
    state = load_file(folder / "model.safetensors")
    del state["encoder.layers.1.attn.Wqkv.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"missing: layers\.1\.self_attn\.k_proj\.weight, .*q_proj.*v_proj"):
        load_encoder(folder, device="cpu")


def test_a_pooler_of_its_own_is_no_fault(copy: Path, bert: Path) -> None:
    state = {k: v for k, v in load_file(copy / "model.safetensors").items() if not k.startswith("pooler.")}
    save_file(state, copy / "model.safetensors", metadata={"format": "pt"})
    vectors = load_encoder(copy, device="cpu").encode(TEXTS)
    np.testing.assert_array_equal(vectors, load_encoder(bert, device="cpu").encode(TEXTS))


def test_weights_that_were_cut_off_are_refused(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(EncoderError, match="cannot be loaded by transformers"):
        load_encoder(copy, device="cpu")
