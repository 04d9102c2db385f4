"""building.py: a bank of training answers, as a real encoder embeds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_univar.banks import ReferenceBank, load_bank, save_bank
from pytest_univar.building import build_bank, cultures
from pytest_univar.encoding import Encoder, load_encoder
from pytest_univar.errors import BankError
from pytest_univar.languages import LANGUAGES
from pytest_univar.values import ValueID
from tests.checkpoints import bert_checkpoint
from tests.synthetic import corpus

FAMILIES = {"gpt-a": "gpt", "llama-b": "llama"}
GPT, LLAMA = ValueID("gpt-a", "eng"), ValueID("llama-b", "eng")
SOURCES = [{"name": "made-up", "licence": "none", "credit": "the tests"}]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_encoder(bert_checkpoint(tmp_path_factory.mktemp("encoder")), device="cpu")


def build(encoder: Encoder, schemes: Mapping[str, Mapping[str, str]], **options: Any) -> ReferenceBank:
    return build_bank([corpus()], encoder, name="tiny", lambda_=5, schemes=schemes, sources=SOURCES, **options)


@pytest.fixture(scope="module")
def bank(encoder: Encoder) -> ReferenceBank:
    return build(encoder, {"family": FAMILIES})


def test_it_has_every_training_question_and_no_other(bank: ReferenceBank) -> None:
    own = corpus()
    assert set(bank.question_ids) == {answer.question_id for answer in own.training}
    assert not set(bank.question_ids) & own.held_out
    assert len(bank) == len(own.training) == 60  # 30 of 40 questions, two LLMs


def test_each_row_is_the_encoders_vector_of_one_answer(bank: ReferenceBank, encoder: Encoder) -> None:
    by_hand = {
        (str(a.value_id), a.question_id): encoder.encode([f"Q: {a.question} A: {a.answer}"])[0]
        for a in corpus().training
    }
    keys = [
        (str(bank.value_ids[v]), bank.question_ids[q])
        for v, q in zip(bank.value_index, bank.question_index, strict=True)
    ]
    assert sorted(keys) == sorted(by_hand)
    assert bank.vectors.dtype == np.float16
    np.testing.assert_allclose(bank.vectors, [by_hand[key] for key in keys], atol=1e-3)


def test_schemes_are_the_given_ones_and_llm(bank: ReferenceBank) -> None:
    assert bank.schemes == {
        "llm": {"gpt-a": (GPT,), "llama-b": (LLAMA,)},
        "family": {"gpt": (GPT,), "llama": (LLAMA,)},
    }


def test_llms_of_one_region_are_together(encoder: Encoder) -> None:
    merged = build(encoder, {"origin": {"gpt-a": "here", "llama-b": "here", "not in the corpus": "there"}})
    assert merged.schemes["origin"] == {"here": (GPT, LLAMA)}


def test_an_llm_without_a_region_is_named(encoder: Encoder) -> None:
    with pytest.raises(BankError, match="found no region for llama-b, expected one for every LLM"):
        build(encoder, {"family": {"gpt-a": "gpt"}})


def test_it_is_held_against_its_own_encoder_only(bank: ReferenceBank, encoder: Encoder, tmp_path: Path) -> None:
    bank.check_encoder(encoder.fingerprint, encoder.name)
    other = load_encoder(bert_checkpoint(tmp_path, seed=1), device="cpu")
    with pytest.raises(BankError, match="belongs to the encoder"):
        bank.check_encoder(other.fingerprint, other.name)


def test_it_comes_back_as_it_was_saved(bank: ReferenceBank, tmp_path: Path) -> None:
    save_bank(bank, tmp_path / "bank")
    loaded = load_bank(tmp_path / "bank")
    for array in ("vectors", "value_index", "question_index"):
        np.testing.assert_array_equal(getattr(loaded, array), getattr(bank, array))
    for field in ("name", "encoder_sha256", "lambda_", "value_ids", "question_ids", "question_set_hash", "schemes"):
        assert getattr(loaded, field) == getattr(bank, field)
    assert list(loaded.sources) == SOURCES


def test_the_same_answers_make_the_same_bank(bank: ReferenceBank, encoder: Encoder, tmp_path: Path) -> None:
    save_bank(bank, tmp_path / "first")
    save_bank(build(encoder, {"family": FAMILIES}), tmp_path / "second")
    for file in ("bank.json", "embeddings.safetensors"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_progress_counts_every_answer(encoder: Encoder) -> None:
    told: list[int] = []
    build(encoder, {}, progress=told.append)
    assert sum(told) == 80  # the held-out ones too, for the calibration


def test_a_bank_of_several_languages_has_their_cultural_regions() -> None:
    ids = [ValueID("gpt", code) for code in ("eng", "jpn", "kor")] + [ValueID("llama", "jpn")]
    confucian = (ValueID("gpt", "jpn"), ValueID("gpt", "kor"), ValueID("llama", "jpn"))
    assert cultures(ids) == {"culture": {"confucian": confucian, "english-speaking": (ValueID("gpt", "eng"),)}}
    assert cultures(ids[:1]) == {}


def test_every_language_stands_for_one_of_the_eight_regions_of_the_map() -> None:
    assert {language.region for language in LANGUAGES.values()} == {
        "african-islamic", "catholic-europe", "confucian", "english-speaking", "latin-america", "orthodox-europe",
        "protestant-europe", "west-and-south-asia",
    }  # fmt: skip
