"""banks.py: what is saved is loaded, and every damage has a message with file, key, found, expected and remedy."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pytest_univar import banks
from pytest_univar.banks import MANIFEST, TENSORS, ReferenceBank, available_banks, load_bank, save_bank
from pytest_univar.errors import BankError
from pytest_univar.values import ValueID

GPT, LLAMA, QWEN = ValueID("gpt-4o", "eng"), ValueID("meta/llama-3", "eng"), ValueID("qwen", "zho")


@pytest.fixture
def bank() -> ReferenceBank:
    rng = np.random.default_rng(0)
    return ReferenceBank(
        name="tiny",
        version="1",
        encoder="univar-mini",
        encoder_sha256="ab" * 32,
        text_format="Q: {question} A: {answer}",
        lambda_=1,
        answer_params={"temperature": 1.0},
        translator=None,
        question_set_hash="cd" * 32,
        value_ids=(GPT, LLAMA, QWEN),
        schemes={"language": {"english": (GPT, LLAMA), "chinese": (QWEN,)}, "origin": {"usa": (GPT, LLAMA)}},
        sources=({"name": "our own", "licence": "CC0-1.0", "url": "https://example.org"},),
        calibration={"within": [0.1, 0.2]},
        question_ids=("q0", "q1", "q2", "q3"),
        vectors=rng.standard_normal((12, 4)).astype(np.float16),
        value_index=np.repeat([0, 1, 2], 4).astype(np.int32),
        question_index=np.tile([0, 1, 2, 3], 3).astype(np.int32),
    )


@pytest.fixture
def folder(bank: ReferenceBank, tmp_path: Path) -> Path:
    save_bank(bank, tmp_path / "tiny")
    return tmp_path / "tiny"


# ------------------------------------------------------------------------------------------------------ load and save


def test_what_is_saved_is_loaded(bank: ReferenceBank, folder: Path) -> None:
    loaded = load_bank(folder)
    for field in dataclasses.fields(bank):
        expected, found = getattr(bank, field.name), getattr(loaded, field.name)
        if isinstance(expected, np.ndarray):
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected)
        else:
            assert found == expected, field.name
    assert len(loaded) == 12
    assert load_bank(str(folder)).name == "tiny"


def test_the_manifest_is_that_of_the_format(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["schema"] == 1
    assert manifest["lambda"] == 1
    assert manifest["value_ids"] == ["gpt-4o/eng", "meta/llama-3/eng", "qwen/zho"]
    assert manifest["schemes"]["language"]["chinese"] == ["qwen/zho"]
    assert manifest["tensors_sha256"] == hashlib.sha256((folder / TENSORS).read_bytes()).hexdigest()


def test_saving_twice_gives_the_same_bytes(bank: ReferenceBank, folder: Path, tmp_path: Path) -> None:
    save_bank(bank, tmp_path / "again")
    for name in (MANIFEST, TENSORS):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_built_in_banks_are_found_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banks, "_shelves", lambda: (folder.parent / "nothing here", folder.parent))
    assert available_banks() == ("tiny",)
    assert load_bank("tiny").name == "tiny"
    with pytest.raises(BankError, match=r"no bank 'tyny' \(is 'tiny' meant\?\); expected the path .* banks: tiny"):
        load_bank("tyny")


def test_an_unsound_bank_is_not_written(bank: ReferenceBank, tmp_path: Path) -> None:
    unsound = dataclasses.replace(bank, value_index=bank.value_index + np.int32(1))
    with pytest.raises(BankError, match="key 'value_index': found the index 3, expected 0 to 2"):
        save_bank(unsound, tmp_path / "unsound")
    assert not (tmp_path / "unsound").exists()


# ------------------------------------------------------------------------------------------------------------- damage


def test_a_missing_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    with pytest.raises(BankError, match=r"bank\.json: found no such file, expected the manifest of a bank; give the"):
        load_bank(folder)


def test_missing_tensors(folder: Path) -> None:
    (folder / TENSORS).unlink()
    with pytest.raises(BankError, match=r"embeddings\.safetensors: found no such file, .*univar bank build"):
        load_bank(folder)


def test_bad_json_is_named_with_its_line(folder: Path) -> None:
    (folder / MANIFEST).write_text('{\n "schema": 1,\n "name" "tiny"\n}')
    with pytest.raises(BankError, match=r"bank\.json: found .* in line 3, column 9, expected JSON"):
        load_bank(folder)


def test_a_manifest_that_is_not_utf8(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b'{"name": "\xff"}')
    with pytest.raises(BankError, match=r"bank\.json: found bytes that are not UTF-8 at 10"):
        load_bank(folder)


def test_a_manifest_that_is_no_object(folder: Path) -> None:
    (folder / MANIFEST).write_text("[]")
    with pytest.raises(BankError, match=r"bank\.json: found \[\], expected one JSON object"):
        load_bank(folder)


KEYS = [
    "schema",
    "name",
    "version",
    "encoder",
    "encoder_sha256",
    "text_format",
    "lambda",
    "answer_params",
    "translator",
    "question_set_hash",
    "value_ids",
    "schemes",
    "sources",
    "calibration",
    "question_ids",
    "tensors_sha256",
]


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_required(folder: Path, key: str) -> None:
    rewrite(folder, lambda manifest: manifest.pop(key))
    with pytest.raises(BankError, match=rf"bank\.json, key '{key}': found nothing, expected .*; .*univar bank build"):
        load_bank(folder)


@pytest.mark.parametrize("key", KEYS)
def test_the_type_of_every_key_is_checked(folder: Path, key: str) -> None:
    rewrite(folder, lambda manifest: manifest.update({key: True}))
    with pytest.raises(BankError, match=rf"bank\.json, key '{key}': found true, expected "):
        load_bank(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "key 'schema': found 2, expected 1; update pytest-univar"),
        ({"name": ""}, "key 'name': found an empty string, expected a string that is not empty"),
        ({"lambda": 0}, "key 'lambda': found 0, expected 1 or more"),
        ({"lambda": 1.5}, "key 'lambda': found 1.5, expected a whole number"),
        ({"value_ids": []}, "key 'value_ids': found an empty list"),
        (
            {"value_ids": ["gpt-4o", "a/eng", "b/eng"]},
            "key 'value_ids': found \"gpt-4o\", expected a value ID 'llm/lang'",
        ),
        ({"value_ids": ["a/eng", 7, "b/eng"]}, "key 'value_ids': found 7, expected only strings"),
        (
            {"value_ids": ["a/eng", "a/eng", "b/eng"]},
            "key 'value_ids': found 'a/eng' twice, expected each of them once",
        ),
        ({"question_ids": ["q0", "q0", "q1", "q2"]}, "key 'question_ids': found 'q0' twice"),
        ({"sources": [{"name": "x"}]}, "key 'sources': found {\"name\": \"x\"}, expected .*'name' and 'licence'"),
        ({"sources": ["x"]}, "key 'sources': found \"x\", expected an object"),
        ({"schemes": {"llm": {}}}, "key 'schemes.llm': found no region"),
        ({"schemes": {"llm": []}}, r"key 'schemes.llm': found \[\], expected an object of regions"),
        ({"schemes": {"llm": {"gpt": "gpt-4o/eng"}}}, "key 'schemes.llm.gpt': found \"gpt-4o/eng\", expected a list"),
        ({"schemes": {"llm": {"gpt": []}}}, "key 'schemes.llm.gpt': found an empty list"),
        ({"schemes": {"llm": {"gpt": [3]}}}, "key 'schemes.llm.gpt': found 3, expected a value ID"),
        ({"schemes": {"llm": {"gpt": ["gpt-5/eng"]}}}, "key 'schemes.llm.gpt': found the unknown value ID 'gpt-5/eng'"),
        (
            {"schemes": {"llm": {"a": ["gpt-4o/eng"], "b": ["gpt-4o/eng"]}}},
            "key 'schemes.llm': found 'gpt-4o/eng' twice, expected each value ID in one region at most",
        ),
    ],
)
def test_a_wrong_value_in_the_manifest(folder: Path, change: dict[str, Any], message: str) -> None:
    rewrite(folder, lambda manifest: manifest.update(change))
    with pytest.raises(BankError, match=message):
        load_bank(folder)


def test_tensors_that_are_not_those_of_the_manifest(folder: Path) -> None:
    data = bytearray((folder / TENSORS).read_bytes())
    data[-1] ^= 1
    (folder / TENSORS).write_bytes(data)
    with pytest.raises(
        BankError, match=r"embeddings\.safetensors: found the SHA-256 .*, expected .* as bank\.json says"
    ):
        load_bank(folder)


def replace_tensors(folder: Path, data: bytes) -> None:
    (folder / TENSORS).write_bytes(data)
    rewrite(folder, lambda manifest: manifest.update(tensors_sha256=hashlib.sha256(data).hexdigest()))


def bfloat16_file() -> bytes:
    header = b'{"vectors":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]}}'
    return len(header).to_bytes(8, "little") + header + b"\0\0"


@pytest.mark.parametrize("data", [b"", b"not safetensors", bfloat16_file()], ids=["empty", "text", "bfloat16"])
def test_a_file_that_safetensors_cannot_read(folder: Path, data: bytes) -> None:
    replace_tensors(folder, data)
    with pytest.raises(BankError, match=r"embeddings\.safetensors: found what safetensors cannot read"):
        load_bank(folder)


NAN = np.zeros((12, 4), dtype=np.float16)
NAN[5, 2] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": None}, "key 'vectors': found nothing, expected a tensor"),
        (
            {"vectors": np.zeros((12, 4))},
            r"key 'vectors': found float64 \[12, 4\], expected float16 or float32 \[N, d\]",
        ),
        ({"vectors": np.zeros(12, dtype=np.float32)}, r"key 'vectors': found float32 \[12\], expected"),
        ({"vectors": NAN}, "key 'vectors': found a NaN or an infinite number in row 5"),
        (
            {"value_index": np.zeros(12, dtype=np.int64)},
            r"key 'value_index': found int64 \[12\], expected int32 \[12\]",
        ),
        ({"question_index": np.zeros(11, dtype=np.int32)}, r"key 'question_index': found int32 \[11\], expected int32"),
        ({"value_index": np.full(12, 3, dtype=np.int32)}, "key 'value_index': found the index 3, expected 0 to 2"),
        (
            {"question_index": np.full(12, -1, dtype=np.int32)},
            "key 'question_index': found the index -1, expected 0 to 3",
        ),
        (
            {"value_index": np.zeros(12, dtype=np.int32)},
            "found rows of 0 questions for 'meta/llama-3/eng', .* at least 2",
        ),
        ({"question_index": np.zeros(12, dtype=np.int32)}, "found rows of 1 question for 'gpt-4o/eng', .* at least 2"),
    ],
)
def test_wrong_tensors(folder: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    tensors = {key: array for key, array in (load_file(folder / TENSORS) | change).items() if array is not None}
    save_file(tensors, tmp_path / "changed")
    replace_tensors(folder, (tmp_path / "changed").read_bytes())
    with pytest.raises(BankError, match=message) as caught:
        load_bank(folder)
    assert str(folder / TENSORS) in str(caught.value)
    assert "univar bank build" in str(caught.value)


# ---------------------------------------------------------------------------------------------------------- questions


def test_the_rows_of_a_value_id(bank: ReferenceBank) -> None:
    vectors, groups = bank.rows(LLAMA)
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, bank.vectors[4:8].astype(np.float32))
    assert groups.tolist() == [0, 1, 2, 3]
    assert np.array_equal(bank.rows("meta/llama-3/eng").vectors, vectors)


def test_regions_and_their_members(bank: ReferenceBank) -> None:
    assert list(bank.regions("language")) == ["english", "chinese"]
    assert bank.region_members("language", "english") == (GPT, LLAMA)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda bank: bank.rows("gpt-4/eng"),
            r"no value ID 'gpt-4/eng' \(is 'gpt-4o/eng' meant\?\); expected one of: gp",
        ),
        (lambda bank: bank.rows("english"), r"no value ID 'english' \(.*'english' is a region: give scheme='language'"),
        (lambda bank: bank.regions("langauge"), r"no scheme 'langauge' \(is 'language' meant\?\).*: language, origin"),
        (
            lambda bank: bank.region_members("origin", "china"),
            "no region of the scheme 'origin' 'china'; .*one of: usa",
        ),
        (lambda bank: bank.region_members("culture", "west"), "no scheme 'culture'; expected one of: language, origin"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(
    bank: ReferenceBank, ask: Callable[[ReferenceBank], Any], message: str
) -> None:
    with pytest.raises(BankError, match=message):
        ask(bank)


def test_a_bank_without_schemes_says_so(bank: ReferenceBank) -> None:
    with pytest.raises(BankError, match="no scheme 'culture'; expected one of: there is none"):
        dataclasses.replace(bank, schemes={}).regions("culture")


def test_another_encoder_is_refused_and_both_are_named(bank: ReferenceBank) -> None:
    bank.check_encoder("ab" * 32, "univar-mini")
    with pytest.raises(BankError, match=r"'univar-mini' \(weights abababababab\).*'other' \(weights efefefefefef\)"):
        bank.check_encoder("ef" * 32, "other")
