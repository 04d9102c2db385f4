"""encoding/: real checkpoints, held against sentence-transformers and against the formulas written out again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pytest_univar.encoding import load_encoder, read_checkpoint
from pytest_univar.encoding.encoder import batches
from pytest_univar.errors import EncoderError
from tests.checkpoints import (
    TEXTS,
    bert_checkpoint,
    edit,
    nomic_checkpoint,
    sentence_transformers,
    write,
)

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


def many_texts() -> list[str]:
    """Of many lengths, all different."""
    words = ["freedom", "duty", "family", "law", "money", "work", "god", "state", "war", "peace"]
    drawn = np.random.default_rng(0)
    return [f"{row} " + " ".join(drawn.choice(words, size=drawn.integers(1, 70))) for row in range(300)]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(("dtype", "off"), [("float32", 2e-6), ("bfloat16", 1e-2)])
@pytest.mark.parametrize("kind", ["bert", "nomic"])
def test_many_texts_on_every_core_are_what_each_is_alone(
    request: pytest.FixtureRequest, kind: str, dtype: str, off: float
) -> None:
    """Many enough to be shared out; with layers laid out for the CPU, which are put back."""
    encoder = load_encoder(request.getfixturevalue(kind), device="cpu", dtype=dtype)
    texts = many_texts()
    vectors = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts[::15]])  # too few for it
    np.testing.assert_allclose(vectors[::15], alone, atol=off)
    np.testing.assert_array_equal(encoder.encode(texts), vectors)
    assert torch.get_num_threads() == 2
    assert not any("forward" in vars(module) for module in encoder.model.modules())


@pytest.mark.usefixtures("two_threads")
def test_training_goes_on_after_many_texts(bert: Path) -> None:
    encoder = load_encoder(bert, device="cpu")
    texts = many_texts()
    before = encoder.encode(texts)
    tokens = [encoder.tokenizer.encode(text).ids for text in texts[:4]]
    loss: Any = encoder.embed(tokens).sum()  # backward has no types
    loss.backward()
    with torch.no_grad():
        for parameter in encoder.model.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
    assert np.abs(encoder.encode(texts) - before).max() > 1e-3


@pytest.mark.usefixtures("two_threads")
def test_an_error_half_way_leaves_the_encoder_as_it_was(bert: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    encoder, texts = load_encoder(bert, device="cpu"), many_texts()
    expected = encoder.encode(texts)
    with pytest.raises(KeyboardInterrupt):
        encoder.encode(texts, progress=stop)
    assert torch.get_num_threads() == 2
    np.testing.assert_array_equal(encoder.encode(texts), expected)


def test_the_same_text_twice_has_the_same_vector(bert: Path) -> None:
    vectors = load_encoder(bert, device="cpu").encode([*TEXTS, *TEXTS])
    np.testing.assert_array_equal(vectors[:6], vectors[6:])


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
    texts = [f"{text} {number}" for text in TEXTS for number in range(100)]
    load_encoder(bert, device="cpu").encode(texts + texts[:50], progress=told.append)
    assert sum(told) == 650
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


# --------------------------------------------------------------------------------------------------------- fingerprint


def test_the_fingerprint_is_the_sha256_of_the_weight_files_in_order(bert: Path, copy: Path) -> None:
    weights = (bert / "model.safetensors").read_bytes()
    assert load_encoder(bert, device="cpu").fingerprint == hashlib.sha256(weights).hexdigest()

    (copy / "model.safetensors").unlink()
    (copy / "model-00002-of-00002.safetensors").write_bytes(b"second")
    (copy / "model-00001-of-00002.safetensors").write_bytes(b"first ")
    assert read_checkpoint(copy).fingerprint == hashlib.sha256(b"first second").hexdigest()


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


@CUDA
@pytest.mark.slow
def test_the_bundled_encoder_on_cuda_gives_what_the_cpu_gives() -> None:
    """Real weights, many texts, in batches of other shapes."""
    texts = [f"Q: Should {text}? A: {text}, I would say." for text in many_texts()]
    expected = load_encoder("univar-mini", device="cpu", dtype="float32").encode(texts)
    for dtype, least in (("float32", 0.9999), ("bfloat16", 0.999), ("float16", 0.999)):
        vectors = load_encoder("univar-mini", device="cuda", dtype=dtype).encode(texts)
        assert (vectors * expected).sum(axis=1).min() >= least, dtype
