"""training/anchors.py: texts that are typed as before and mean nothing, and what they hold training to."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models

from pytest_univar.encoding import Encoder, load_encoder
from pytest_univar.encoding.text_format import TextFormat
from pytest_univar.errors import UsageError
from pytest_univar.training.anchors import LEAST_EXCHANGED, TOPICS, Anchors, Scrambler, anchor_loss, scrambler_of
from pytest_univar.training.log import Step
from pytest_univar.training.saving import save
from pytest_univar.training.trainer import train
from pytest_univar.values import QA
from tests.checkpoints import bert_checkpoint, tokenizer_files
from tests.synthetic import answers, corpus, recipe

TYPED = QA(
    "Should the **State** tax wealth?",
    "# Certainly!\n\n- It doesn't have to: wealth is power, and `power`...\n- The state (all of it) is us.",
)
CONTENT = ["state", "tax", "wealth", "certainly", "power"]


def scrambler(words: int = 300) -> Scrambler:
    """Its words are told from every other: no text has them. Ten groups, each of words that lie together."""
    directions = torch.eye(10)
    return Scrambler([f"zz{chr(97 + i % 10)}{chr(97 + i // 10 % 26)}{chr(97 + i // 260)}" for i in range(words)],
                     torch.stack([directions[i % 10] for i in range(words)]))  # fmt: skip


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+(?:'[a-z]+)?", text)


def shape(text: str) -> str:
    return re.sub(r"[A-Za-z]+(?:'[a-z]+)?", "w", text)


# ----------------------------------------------------------------------------------------------------------- scrambling


@pytest.mark.parametrize("seed", range(20))
def test_how_it_is_typed_stays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scrambled = scrambler()(rng, TYPED)
    for before, after in ((TYPED.question, scrambled.question), (TYPED.answer, scrambled.answer)):
        assert shape(after) == shape(before)
        for old, new in zip(words(before), words(after), strict=True):
            assert new == old or (old.lower() in CONTENT and new.lower().startswith("zz")), (old, new)
            assert new[0].isupper() == old[0].isupper()


def test_a_word_is_exchanged_for_the_same_one_wherever_it_comes_again() -> None:
    scrambled = scrambler()(np.random.default_rng(1), TYPED)
    before, after = (words(f"{qa.question} {qa.answer}".lower()) for qa in (TYPED, scrambled))
    assert before.count("state") == before.count("wealth") == before.count("power") == 2
    assert len(set(zip(before, after, strict=True))) == len(set(before))


def test_most_content_words_are_exchanged_and_each_stays_at_times() -> None:
    rng = np.random.default_rng(0)
    stayed = dict.fromkeys(CONTENT, 0)
    for _ in range(1000):
        left = set(words(str(scrambler()(rng, TYPED)).lower()))
        for word in CONTENT:
            stayed[word] += word in left
    for share in stayed.values():  # the share that is exchanged is uniform: its mean is half way to 1
        assert share / 1000 == pytest.approx((1 - LEAST_EXCHANGED) / 2, abs=0.04)


def test_the_words_of_an_anchor_are_about_few_things() -> None:
    qa = QA("x", " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(200)))
    every = set()
    for seed in range(10):
        found = words(scrambler(600)(np.random.default_rng(seed), qa).answer)
        groups = {word[2] for word in found if word.startswith("zz")}
        assert 1 <= len(groups) <= TOPICS
        every |= groups
    assert len(every) > TOPICS


def test_the_anchors_of_a_step_depend_on_the_seed_and_the_step_alone() -> None:
    qas = [QA(answer.question, answer.answer) for answer in answers()]
    wanted = recipe(anchor_weight=1, anchors=5)
    anchors = Anchors(wanted, qas, scrambler())
    assert len(anchors.draw(3)) == 5
    first = anchors.draw(3)
    assert Anchors(wanted, qas, scrambler()).draw(3) == first != anchors.draw(4)
    assert Anchors(wanted.model_copy(update={"seed": 1}), qas, scrambler()).draw(3) != first


# ------------------------------------------------------------------------------------------------------- the vocabulary


def of_tokens(backbone: str, tokens: list[str]) -> Encoder:
    """The tiny encoder with another vocabulary."""
    encoder = load_encoder(backbone, device="cpu")
    encoder.tokenizer = Tokenizer(models.WordLevel({token: index for index, token in enumerate(tokens)}, "[UNK]"))
    return encoder


@pytest.mark.parametrize(
    "tokens",
    [
        ["[UNK]", "wealth", "##wealthy", "and", "become", "été", "tax", "Power", "duty9"],
        ["[UNK]", "\u0120wealth", "wealthy", "\u0120and", "\u0120become", "\u0120Power"],
        ["[UNK]", "\u2581wealth", "wealthy", "\u2581and", "\u2581become", "\u2581Power"],
    ],
    ids=["WordPiece", "byte-level", "SentencePiece"],
)
def test_whole_content_words_of_the_vocabulary_take_part(backbone: str, tokens: list[str]) -> None:
    found = scrambler_of(of_tokens(backbone, tokens))
    text = QA("zq", " ".join(f"zq{letter}" for letter in "abcdefghijkl"))
    assert {word for word in words(found(np.random.default_rng(0), text).answer) if word[:2] != "zq"} == {"wealth"}


def test_a_backbone_without_english_words_is_refused(backbone: str) -> None:
    with pytest.raises(UsageError, match="anchor_weight: the backbone's vocabulary has no English word"):
        scrambler_of(of_tokens(backbone, ["[UNK]", "و", "the"]))


def test_it_is_refused_before_the_first_step(tmp_path: Path) -> None:
    folder = bert_checkpoint(tmp_path / "backbone")
    size = json_size(folder)
    tokenizer_files(folder, words=[f"w{number}" for number in range(size)])
    steps: list[Step] = []
    with pytest.raises(UsageError, match="has no English word"):
        train(recipe(anchor_weight=1), [corpus()], str(folder), device="cpu", on_step=steps.append)
    assert not steps


def json_size(folder: Path) -> int:
    """How many words the tiny vocabulary has beside letters and special tokens."""
    found = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab()
    return sum(len(token) > 1 and token[:2] != "##" and token[0] != "[" for token in found)


# ------------------------------------------------------------------------------------------------------------- training


def test_the_loss_is_one_minus_the_cosine() -> None:
    vectors, targets = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[4.0, 3.0], [0.0, 2.0]])
    assert anchor_loss(vectors, targets).item() == pytest.approx((0.04 + 1) / 2)


def steps_of(backbone: str, **settings: Any) -> tuple[Encoder, list[Step]]:
    steps: list[Step] = []
    return train(recipe(**settings), [corpus()], backbone, device="cpu", on_step=steps.append), steps


def distance_on_anchors(encoder: Encoder, backbone: str) -> float:
    """Mean 1 − cos between what the encoder and the backbone make of anchors that training did not draw."""
    before = load_encoder(backbone, device="cpu")
    qas = [QA(answer.question, answer.answer) for answer in answers()]
    drawn = Anchors(recipe(anchors=60), qas, scrambler_of(before)).draw(10_000)
    plain = [TextFormat(plain=True).apply(str(qa)) for qa in drawn]
    return float(np.mean(1 - (encoder.encode([str(qa) for qa in drawn]) * before.encode(plain)).sum(axis=1)))


@pytest.mark.slow
def test_anchors_keep_what_means_nothing_where_it_was(backbone: str) -> None:
    free, without = steps_of(backbone)
    held, steps = steps_of(backbone, anchor_weight=2)
    fixed, _ = steps_of(backbone, anchor_weight=40, autocast="bfloat16")
    assert {step.anchor for step in without} == {None}
    assert all(step.anchor is not None and math.isfinite(step.anchor) for step in steps)
    distances = [distance_on_anchors(encoder, backbone) for encoder in (fixed, held, free)]
    assert distances[0] < 0.8 * distances[1] < 0.64 * distances[2], distances


def test_the_chunk_changes_nothing_about_anchors(backbone: str) -> None:
    _, whole = steps_of(backbone, steps=3, anchor_weight=2)
    _, chunked = steps_of(backbone, steps=3, anchor_weight=2, chunk=5)
    assert [step.anchor for step in whole] == pytest.approx([step.anchor for step in chunked], abs=1e-4)
    assert [step.gradient_norm for step in whole] == pytest.approx([s.gradient_norm for s in chunked], rel=1e-2)


def test_an_encoder_trained_in_bfloat16_reads_as_its_saved_self(backbone: str, tmp_path: Path) -> None:
    encoder, _ = steps_of(backbone, steps=2, autocast="bfloat16")
    save(encoder, tmp_path, dtype="float32")
    texts = ["Q: should law be fair? A: freedom", "law " * 30]
    np.testing.assert_array_equal(encoder.encode(texts), load_encoder(tmp_path, device="cpu").encode(texts))
