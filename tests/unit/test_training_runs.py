"""training/: real training runs of a tiny encoder."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pytest_univar.corpora import Corpus, hold_out
from pytest_univar.encoding import Encoder, load_encoder
from pytest_univar.errors import AnswersError, EncoderError, UnivarError, UnivarWarning, UsageError
from pytest_univar.evaluation.value_identification import identify
from pytest_univar.training.log import Step
from pytest_univar.training.saving import save
from pytest_univar.training.trainer import train
from pytest_univar.values import QA, Answer
from tests.checkpoints import bert_checkpoint, nomic_checkpoint
from tests.synthetic import answers, corpus, recipe

# ------------------------------------------------------------------------------------------------------------ training


@pytest.fixture(scope="module")
def trained(backbone: str) -> tuple[Encoder, list[Step]]:
    steps: list[Step] = []
    return train(recipe(), [corpus()], backbone, device="cpu", on_step=steps.append), steps


def test_training_lowers_the_loss(trained: tuple[Encoder, list[Step]]) -> None:
    losses = [step.loss for step in trained[1]]
    assert len(losses) == 40
    # at first the 8 pairs of the other LLM look just like the positive one
    assert np.mean(losses[:5]) == pytest.approx(math.log(9), abs=0.2)
    assert np.mean(losses[-5:]) < 0.5


def test_training_identifies_llms_on_questions_it_never_saw(trained: tuple[Encoder, list[Step]], backbone: str) -> None:
    before = identify(load_encoder(backbone, device="cpu"), corpus(), ks=(5,))
    after = identify(trained[0], corpus(), ks=(5,))
    assert after.chance == 0.5
    assert before.knn[5] < 0.8
    assert after.knn[5] > 0.9


def test_the_same_seed_gives_the_same_weights(backbone: str) -> None:
    first, again, other = (
        train(recipe(steps=2).model_copy(update={"seed": seed}), [corpus()], backbone, device="cpu").model.state_dict()
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[key], value) for key, value in again.items())
    assert not all(torch.equal(first[key], value) for key, value in other.items())


def test_the_rate_goes_up_over_the_warm_up_then_down(backbone: str) -> None:
    steps: list[Step] = []
    wanted = recipe(steps=4, warmup_steps=2, learning_rate=1e-3)
    train(wanted, [corpus()], backbone, device="cpu", on_step=steps.append)
    assert [step.learning_rate for step in steps] == pytest.approx([5e-4, 1e-3, 1e-3, 5e-4])
    assert [step.step for step in steps] == [1, 2, 3, 4]
    assert {step.corpus for step in steps} == {"made-up"}


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_word_vectors_stay_as_they_are(backbone: str, frozen: bool) -> None:
    before = load_encoder(backbone, device="cpu").model.embeddings.word_embeddings.weight
    encoder = train(recipe(steps=2, freeze_embeddings=frozen), [corpus()], backbone, device="cpu")
    assert torch.equal(encoder.model.embeddings.word_embeddings.weight, before) == frozen
    assert not torch.equal(
        encoder.model.encoder.layer[0].output.dense.weight,
        load_encoder(backbone, device="cpu").model.encoder.layer[0].output.dense.weight,
    )


def test_only_training_questions_are_learnt_from(backbone: str) -> None:
    """Other answers to the held-out questions change nothing."""
    own = corpus()
    changed = [replace(a, answer="law") if a.question_id in own.held_out else a for a in own.answers]
    first, second = (
        train(recipe(steps=2), [each], backbone, device="cpu").model.state_dict()
        for each in (own, replace(own, answers=tuple(changed)))
    )
    assert all(torch.equal(first[key], value) for key, value in second.items())


def test_a_loss_that_is_no_number_stops_the_run(backbone: str) -> None:
    with pytest.raises(UnivarError, match=r"step 2: the loss is nan, expected a finite number\. Lower learning_rate"):
        train(recipe(learning_rate=1e30, warmup_steps=0), [corpus()], backbone, device="cpu")


@pytest.mark.parametrize("key", ["view_tokens", "max_seq_length"])
def test_inputs_longer_than_the_backbone_reads_are_refused_at_once(backbone: str, key: str) -> None:
    message = f"training.{key}: found 65, expected at most the 64 tokens that the backbone"
    with pytest.raises(UsageError, match=re.escape(message)):
        train(recipe(**{key: 65}), [corpus()], backbone, device="cpu")


# -------------------------------------------------------------------------------------------------------------- saving


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 2e-3), ("float32", 1e-6)])
def test_a_saved_encoder_gives_the_same_vectors_again(
    trained: tuple[Encoder, list[Step]], tmp_path: Path, dtype: str, tolerance: float
) -> None:
    texts = [str(QA(a.question, a.answer)) for a in corpus().test] + ["law " * 200]
    encoder = trained[0]
    before = encoder.encode(texts)
    save(encoder, tmp_path, max_seq_length=48, dtype=dtype)
    loaded = load_encoder(tmp_path, device="cpu")
    assert loaded.checkpoint.max_seq_length == 48
    np.testing.assert_allclose(loaded.encode(texts), before, atol=tolerance)
    np.testing.assert_allclose(encoder.encode(texts), before, atol=tolerance)  # saving leaves it fit for use


@pytest.mark.slow
def test_sentence_transformers_reads_a_saved_encoder(trained: tuple[Encoder, list[Step]], tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    save(trained[0], tmp_path, max_seq_length=48, dtype="float32")
    texts = ["Q: should law be fair? A: freedom", "law " * 200]
    expected = np.asarray(SentenceTransformer(str(tmp_path), device="cpu").encode(texts))
    np.testing.assert_allclose(load_encoder(tmp_path, device="cpu").encode(texts), expected, atol=1e-5)


def test_a_plain_encoder_says_so_in_its_files_and_reads_texts_alike(backbone: str, tmp_path: Path) -> None:
    encoder = train(recipe(steps=2, plain=True), [corpus()], backbone, device="cpu")
    save(encoder, tmp_path, dtype="float32")
    loaded = load_encoder(tmp_path, device="cpu")
    assert loaded.checkpoint.text_format.plain
    typed, said = loaded.encode(["Q: **should** law be fair? A: - freedom", "Q: should law be fair? A: freedom"])
    np.testing.assert_array_equal(typed, said)
    save(train(recipe(steps=2), [corpus()], backbone, device="cpu"), tmp_path, dtype="float32")
    assert not load_encoder(tmp_path, device="cpu").checkpoint.text_format.plain  # nothing stays of what was there


def test_plain_training_does_not_see_marks(backbone: str) -> None:
    own = corpus()
    marked = replace(own, answers=tuple(replace(a, answer=f"**{a.answer}**") for a in own.answers))
    for plain, same in ((True, True), (False, False)):
        first, second = (
            train(recipe(steps=2, plain=plain), [each], backbone, device="cpu").model.state_dict()
            for each in (own, marked)
        )
        assert all(torch.equal(first[key], value) for key, value in second.items()) == same


def test_boilerplate_is_trained_on_and_not_read_in_use(backbone: str) -> None:
    own = corpus()
    polite = replace(own, answers=tuple(replace(a, answer=f"Thanks for asking. {a.answer}") for a in own.answers))
    other = train(recipe(steps=2, drop_boilerplate=True), [own], backbone, device="cpu").model.state_dict()
    encoder = train(recipe(steps=2, drop_boilerplate=True), [polite], backbone, device="cpu")
    assert not all(torch.equal(other[key], value) for key, value in encoder.model.state_dict().items())
    typed, said = encoder.encode(["Q: law? A: Thanks for asking. No.", "Q: law? A: No."])
    np.testing.assert_array_equal(typed, said)


# ------------------------------------------------------------------------------------------------------------ settings


def losses(backbone: str, **settings: object) -> list[Step]:
    steps: list[Step] = []
    train(recipe(**{"steps": 4, **settings}), [corpus()], backbone, device="cpu", on_step=steps.append)
    return steps


def test_the_chunk_changes_memory_and_nothing_else(backbone: str) -> None:
    whole = train(recipe(steps=4), [corpus()], backbone, device="cpu").model.state_dict()
    for chunk in (1, 5, 64):
        chunked = train(recipe(steps=4, chunk=chunk), [corpus()], backbone, device="cpu").model.state_dict()
        for key, value in whole.items():
            # AdamW divides by the gradient's own size: where that is all but 0, rounding decides about the direction
            assert (chunked[key] - value).abs().mean() < 1e-5, key


def test_views_without_a_pool_are_trained_on(backbone: str) -> None:
    steps = losses(backbone, steps=40, question_pool=0, both_ways=False)
    assert steps[0].loss == pytest.approx(math.log(9), abs=0.2)  # as with a pool, see above
    assert np.mean([step.loss for step in steps[-5:]]) < 1


def test_pairs_of_one_value_id_as_negatives_have_a_loss_of_their_own(backbone: str) -> None:
    steps = losses(backbone, mask_same_value_id=False)
    assert steps[0].loss == pytest.approx(math.log(16), abs=0.2)


def test_an_epoch_draws_every_training_qa_once_on_average(backbone: str) -> None:
    # 60 training QAs of two LLMs; a step draws 3 pairs of twice 1 to 3, 4 on average: 12
    assert len(losses(backbone, steps=None, epochs=1, pairs=3)) == 5
    assert len(losses(backbone, steps=None, epochs=2.5, pairs=3)) == 13


def test_a_learnt_temperature_is_logged_as_it_moves(backbone: str) -> None:
    learnt = [step.temperature for step in losses(backbone, learn_temperature=True, temperature=0.1)]
    assert learnt[0] == pytest.approx(0.1)
    assert len(set(learnt)) == 4
    fixed = [step.temperature for step in losses(backbone, temperature=0.1)]
    assert fixed == pytest.approx([0.1] * 4)


def test_the_inverse_square_root_is_one_of_the_schedules(backbone: str) -> None:
    rates = [step.learning_rate for step in losses(backbone, schedule="inverse-sqrt", learning_rate=1e-3)]
    assert rates == pytest.approx([5e-4, 1e-3, 1e-3 * (2 / 3) ** 0.5, 1e-3 * 0.5**0.5])


@pytest.mark.parametrize("make", [bert_checkpoint, nomic_checkpoint])
def test_frozen_layers_stay_as_they_are_with_what_is_below_them(make: object, tmp_path: Path) -> None:
    assert callable(make)
    folder = str(make(tmp_path))
    before = load_encoder(folder, device="cpu").model.state_dict()
    after = train(recipe(steps=2, freeze_layers=1), [corpus()], folder, device="cpu").model.state_dict()
    moved = {key for key, value in before.items() if not torch.equal(after[key], value)}
    assert moved
    assert all(re.search(r"layers?\.1\.", key) for key in moved)


def test_freezing_every_layer_is_refused(backbone: str) -> None:
    with pytest.raises(UsageError, match=r"training.freeze_layers: found 2, expected less than the 2 layers"):
        losses(backbone, freeze_layers=2)


def test_the_largest_gradient_without_a_clip(backbone: str) -> None:
    """The norm in the log is that before clipping; a clip above it does nothing."""
    clipped, free, wide = (losses(backbone, clip=clip) for clip in (1e-3, None, 1e9))
    assert clipped[0].gradient_norm == free[0].gradient_norm > 1e-3
    assert [step.loss for step in free] == [step.loss for step in wide]
    assert [step.loss for step in free] != [step.loss for step in clipped]


def test_bfloat16_leaves_the_weights_in_float32(backbone: str) -> None:
    exact = losses(backbone, autocast="float32")
    rounded = losses(backbone, autocast="bfloat16")
    assert [step.loss for step in losses(backbone)] == [step.loss for step in exact]  # auto, on a CPU
    assert exact[0].loss != rounded[0].loss
    assert [step.loss for step in rounded] == pytest.approx([step.loss for step in exact], abs=0.1)
    encoder = train(recipe(steps=2, autocast="bfloat16", chunk=7), [corpus()], backbone, device="cpu")
    assert {weight.dtype for weight in encoder.model.parameters()} == {torch.float32}


def test_llms_that_are_left_out_are_not_learnt_from_but_scored(backbone: str) -> None:
    names = ["gpt-a", "llama-b", "qwen-c"]
    three = made_up(answers(names))
    other = made_up([replace(a, answer="law") if a.llm == "qwen-c" else a for a in answers(names)])
    wanted = recipe(steps=2, leave_out=["qwen-c"])
    first, second = (train(wanted, [each], backbone, device="cpu") for each in (three, other))
    before, after = first.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(before[key], value) for key, value in after.items())
    assert identify(first, three, ks=(5,)).value_ids == 3


def made_up(lines: list[Answer]) -> Corpus:
    return Corpus("made-up", tuple(lines), hold_out((a.question_id for a in lines), 0.25, seed=0))


# ----------------------------------------------------------------------------------------------------------- bad input


def test_lambda_above_the_qas_of_a_value_id(backbone: str) -> None:
    few = [a for a in answers() if a.llm == "gpt-a" or int(a.question_id[1:]) < 8]
    held_in = Corpus("made-up", tuple(few), frozenset({"q39"}))
    message = r"found 8 of llama-b/eng; lambda = 5 needs at least 10 training QAs, λ for each of its two views"
    with pytest.raises(AnswersError, match=message):
        train(recipe(**{"lambda": 5, "question_pool": 0}), [held_in], backbone, device="cpu")
    train(recipe(**{"lambda": 4, "question_pool": 0, "steps": 2}), [held_in], backbone, device="cpu")
    with pytest.raises(AnswersError, match=r"found 8 of llama-b/eng; lambda = 9 needs at least 9 training questions"):
        train(recipe(**{"lambda": 9, "question_pool": 9}), [held_in], backbone, device="cpu")


def test_value_ids_without_questions_in_common_have_no_pool(backbone: str) -> None:
    apart = [replace(a, question_id=f"{a.llm}-{a.question_id}") for a in answers(questions=400)]
    with pytest.raises(AnswersError, match=r"'made-up' share too few questions: .*Leave question_pool out"):
        train(recipe(question_pool=3, pairs=2), [one_by_one(apart)], backbone, device="cpu")


def one_by_one(lines: list[Answer]) -> Corpus:
    """Each LLM's questions are its own, and there are three of a second LLM among hundreds."""
    kept = [a for a in lines if a.llm == "gpt-a" or int(a.question_id.rpartition("q")[2]) < 3]
    return Corpus("made-up", tuple(kept), frozenset({"gpt-a-q399"}))


def test_an_llm_to_leave_out_that_is_not_there(backbone: str) -> None:
    with pytest.raises(UsageError, match=r"leave_out: found 'gpt-4o', expected an LLM of the answers: gpt-a, llama-b"):
        train(recipe(leave_out=["gpt-4o"]), [corpus()], backbone, device="cpu")


def test_one_value_id_left_to_train_on(backbone: str) -> None:
    with pytest.raises(AnswersError, match=r"has 1 value IDs to train on, expected at least 2. Shorten leave_out"):
        train(recipe(leave_out=["gpt-a"]), [corpus()], backbone, device="cpu")


def test_a_warm_up_that_never_ends(backbone: str) -> None:
    with pytest.raises(UsageError, match=r"warmup_steps: found 9, expected at most the 4 steps of the run"):
        losses(backbone, warmup_steps=9)


def test_answers_of_marks_alone_are_left_out_with_a_warning(backbone: str) -> None:
    own = corpus()
    first = own.training[0]
    marked = replace(own, answers=tuple(replace(a, answer="***") if a is first else a for a in own.answers))
    with pytest.warns(UnivarWarning, match=r"'made-up': 1 answers are nothing but marks .* gpt-a/eng to 'should"):
        train(recipe(steps=2, plain=True), [marked], backbone, device="cpu")


def test_a_backbone_that_cannot_be_loaded_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = bert_checkpoint(tmp_path / "backbone")
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(EncoderError, match="cannot be loaded by transformers"):
        train(recipe(), [corpus()], str(folder), output=tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
