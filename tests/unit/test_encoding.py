"""encoding/: real checkpoints, held against sentence-transformers and against the formulas written out again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file, save_file

from pytest_univar.encoding import PUBLISHED, load_encoder, read_checkpoint
from pytest_univar.encoding.encoder import batches
from pytest_univar.errors import EncoderError
from tests.checkpoints import NOMIC_HEADS, bert_checkpoint, hub_cache, nomic_checkpoint, write

Floats = npt.NDArray[np.float32]

TEXTS = [
    "Q: Should people help the state? A: No, freedom is a duty.",
    "no",
    "Q: Is it honest to love money? A: " + "the family and the law of god must change, " * 30,
    "",
    "Freedom, équité & 平和 \n\n war",
    "Q: Should people help the state? A: Yes.",
]
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")


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


def sentence_transformers(folder: Path, texts: list[str]) -> Floats:
    from sentence_transformers import SentenceTransformer

    vectors = SentenceTransformer(str(folder), device="cpu").encode(texts, convert_to_numpy=True, batch_size=1)
    return np.asarray(vectors, dtype=np.float32)


def edit(file: Path, **changes: Any) -> None:
    write(file, json.loads(file.read_text(encoding="utf-8")) | changes)


# ------------------------------------------------------------------------------------------------------------- vectors


@pytest.mark.parametrize("normalise", [True, False])
def test_it_equals_sentence_transformers(tmp_path: Path, normalise: bool) -> None:
    folder = bert_checkpoint(tmp_path / "bert", normalise=normalise)
    vectors = load_encoder(folder, device="cpu").encode(TEXTS)
    np.testing.assert_allclose(vectors, sentence_transformers(folder, TEXTS), atol=1e-5)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6) == normalise


def test_it_reads_what_sentence_transformers_saves(bert: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(str(bert), device="cpu").save(str(tmp_path / "saved"))
    encoder = load_encoder(tmp_path / "saved", device="cpu")
    assert encoder.checkpoint.max_seq_length == 64
    np.testing.assert_allclose(encoder.encode(TEXTS), sentence_transformers(bert, TEXTS), atol=1e-5)


def test_vectors_are_float32_rows_in_the_order_of_the_texts(bert: Path) -> None:
    encoder = load_encoder(bert, device="cpu")
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (6, 32)
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1]), vectors[::-1], atol=1e-6)
    for row, text in enumerate(TEXTS):
        np.testing.assert_allclose(encoder.encode([text])[0], vectors[row], atol=1e-6)
    # a text's company in its batch is nothing to it, but its own words are
    assert np.linalg.norm(vectors[0] - vectors[5]) > 0.01


def test_nothing_gives_no_rows(bert: Path) -> None:
    assert load_encoder(bert, device="cpu").encode([]).shape == (0, 32)


def test_a_long_text_is_cut_at_max_seq_length(bert: Path) -> None:
    encoder = load_encoder(bert, device="cpu")  # 64 tokens, of which [CLS] and [SEP] are two
    whole, longer, shorter = "law " * 62, "law " * 62 + "money " * 1000, "law " * 61
    vectors = encoder.encode([whole, longer, shorter])
    np.testing.assert_allclose(vectors[1], vectors[0], atol=1e-6)
    assert np.abs(vectors[2] - vectors[0]).max() > 1e-5


def test_progress_adds_up(bert: Path) -> None:
    told: list[int] = []
    load_encoder(bert, device="cpu").encode(TEXTS * 100, progress=told.append)
    assert sum(told) == 600
    assert len(told) > 1


def test_batches_hold_the_token_budget_and_start_with_the_longest() -> None:
    assert list(batches([3, 9, 1, 4, 12], budget=10)) == [[4], [1], [3, 0], [2]]
    assert list(batches([], budget=10)) == []


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_near_and_still_gives_float32(bert: Path, dtype: str) -> None:
    exact, half = (load_encoder(bert, device="cpu", dtype=d).encode(TEXTS) for d in ("float32", dtype))
    assert half.dtype == np.float32
    cosines = (exact * half).sum(axis=1) / np.linalg.norm(half, axis=1)
    assert 0.999 < cosines.min() < 1 - 1e-8


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


def test_a_checkpoint_in_the_layout_of_univar_loads_natively(nomic: Path) -> None:
    encoder = load_encoder(nomic, device="cpu")
    assert type(encoder.model).__module__ == "transformers.models.nomic_bert.modeling_nomic_bert"
    vectors = encoder.encode(TEXTS)
    np.testing.assert_allclose(vectors, sentence_transformers(nomic, TEXTS), atol=1e-5)
    weights = load_file(nomic / "model.safetensors")
    by_hand = [nomic_by_hand(weights, encoder.tokenizer.encode(text).ids).numpy() for text in TEXTS]
    np.testing.assert_allclose(vectors, np.stack(by_hand), atol=1e-5)


@pytest.mark.slow
def test_original_config_keys_of_another_size_are_not_ignored_in_silence(nomic: Path, tmp_path: Path) -> None:
    """transformers reads none of them and takes the base size, which is right for the published checkpoints only."""
    folder = Path(shutil.copytree(nomic, tmp_path / "nomic"))
    native = json.loads((nomic / "config.json").read_text(encoding="utf-8"))
    original = {"n_embd": 32, "n_head": NOMIC_HEADS, "n_layer": 2, "n_inner": 64, "n_positions": 8192}
    kept = {key: native[key] for key in ("architectures", "model_type", "vocab_size")}
    write(folder / "config.json", kept | original)
    with pytest.raises(EncoderError, match=r"missing: layers\.10\..*; of another size: embeddings\.LayerNorm\.bias"):
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


# --------------------------------------------------------------------------------------------------------- fingerprint


def test_the_fingerprint_is_the_sha256_of_the_weight_files_in_order(bert: Path, copy: Path) -> None:
    weights = (bert / "model.safetensors").read_bytes()
    assert load_encoder(bert, device="cpu").fingerprint == hashlib.sha256(weights).hexdigest()

    (copy / "model.safetensors").unlink()
    (copy / "model-00002-of-00002.safetensors").write_bytes(b"second")
    (copy / "model-00001-of-00002.safetensors").write_bytes(b"first ")
    assert read_checkpoint(copy).fingerprint == hashlib.sha256(b"first second").hexdigest()


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


# -------------------------------------------------------------------------------------------- files that are not right


@pytest.mark.parametrize("file", ["modules.json", "1_Pooling/config.json", "config.json", "tokenizer.json"])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(EncoderError, match=rf"{file.rpartition('/')[2]}.* is missing"):
        read_checkpoint(copy)


@pytest.mark.parametrize(
    "file", ["modules.json", "1_Pooling/config.json", "config.json", "sentence_bert_config.json", "tokenizer.json"]
)
@pytest.mark.parametrize("content", ["{", '"text"', "\xff"])
def test_a_file_that_is_not_what_it_should_be_is_named(copy: Path, file: str, content: str) -> None:
    (copy / file).write_bytes(content.encode("latin-1"))
    with pytest.raises(EncoderError, match=file):
        load_encoder(copy, device="cpu")


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True},
        {"pooling_mode_cls_token": True},  # both: sentence-transformers would join them
        {"pooling_mode": "cls"},
    ],
)
def test_another_pooling_is_refused(copy: Path, pooling: dict[str, Any]) -> None:
    edit(copy / "1_Pooling" / "config.json", **pooling)
    with pytest.raises(EncoderError, match=r"1_Pooling/config.json: found the pooling .*cls.*, expected mean pooling"):
        read_checkpoint(copy)


def test_another_module_is_refused(copy: Path) -> None:
    modules = json.loads((copy / "modules.json").read_text(encoding="utf-8"))
    dense = {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"}
    write(copy / "modules.json", [*modules, dense])
    with pytest.raises(EncoderError, match=r"found the modules Transformer, Pooling, Normalize, Dense; expected"):
        read_checkpoint(copy)


@pytest.mark.parametrize("name", ["no-such-encoder", "./no/such/folder", "a/b/c", "~/encoder"])
def test_a_name_that_is_neither_folder_nor_hub_id(name: str) -> None:
    with pytest.raises(EncoderError, match=rf"found the encoder '{name}', expected 'univar-mini', a folder, or a hub"):
        read_checkpoint(name)


# ---------------------------------------------------------------------------------------------------- device and dtype


def test_a_device_that_is_not_there(bert: Path) -> None:
    for device in ["tpu", "", *(["cuda"] if not torch.cuda.is_available() else [])]:
        with pytest.raises(
            EncoderError, match=f"found the device '{device}', expected one that this machine has: .*cpu"
        ):
            load_encoder(bert, device=device)


@pytest.mark.parametrize("device", ["cpu:one", "cuda:99"])
def test_a_device_number_that_is_not_there(bert: Path, device: str) -> None:
    with pytest.raises(EncoderError, match=f"found the device '{device}', expected one that this machine has"):
        load_encoder(bert, device=device)


def test_an_unknown_dtype(bert: Path) -> None:
    with pytest.raises(EncoderError, match="found the dtype 'int8', expected float32, bfloat16 or float16"):
        load_encoder(bert, device="cpu", dtype="int8")


@pytest.mark.skipif(
    torch.cuda.is_available() or torch.backends.mps.is_available(), reason="this machine has an accelerator"
)
@pytest.mark.parametrize("device", [None, "auto"])
def test_without_an_accelerator_the_best_device_is_the_cpu_in_float32(bert: Path, device: str | None) -> None:
    encoder = load_encoder(bert, device=device)
    assert (encoder.device, encoder.dtype) == ("cpu", "float32")


@CUDA
@pytest.mark.parametrize(("dtype", "least"), [("float32", 0.99999), (None, 0.999)])
@pytest.mark.parametrize("kind", ["bert", "nomic"])
def test_cuda_gives_the_same_vectors(
    request: pytest.FixtureRequest, kind: str, dtype: str | None, least: float
) -> None:
    folder = request.getfixturevalue(kind)
    encoder = load_encoder(folder, device="cuda", dtype=dtype)
    assert encoder.dtype == (dtype or "bfloat16")
    vectors = encoder.encode(TEXTS)
    expected = load_encoder(folder, device="cpu").encode(TEXTS)
    assert (vectors * expected).sum(axis=1).min() >= least
