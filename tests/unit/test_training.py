"""training/: the loss and the views by hand, and real training runs of a tiny encoder."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from pytest_univar.encoding import Encoder, load_encoder
from pytest_univar.errors import UnivarError, UsageError
from pytest_univar.evaluation.value_identification import identify
from pytest_univar.training.loss import multi_view_infonce
from pytest_univar.training.recipe import load_recipe
from pytest_univar.training.trainer import Step, save, train
from pytest_univar.training.views import Pair, draw_pairs, view_text
from pytest_univar.values import QA
from tests.checkpoints import bert_checkpoint
from tests.synthetic import corpus, recipe, settings, toml

Floats = npt.NDArray[np.float64]
LN2 = math.log(2)

# Similarities of three pairs whose exponentials are small whole numbers: the second views are unit vectors, so that the
# first ones are the logits. exp: [[2, 1, 1], [1, 4, 1], [3, 1, 1]].
LOGITS = torch.log(torch.tensor([[2.0, 1, 1], [1, 4, 1], [3, 1, 1]]))
UNIT = torch.eye(3)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Several threads only stand in each other's way in a model this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# ---------------------------------------------------------------------------------------------------------------- loss


def test_the_loss_of_three_pairs_by_hand() -> None:
    # rows: 2/4, 4/6, 1/5; columns: 2/6, 4/6, 1/3
    loss = multi_view_infonce(LOGITS, UNIT, torch.tensor([0, 1, 2]), temperature=1.0)
    assert loss.item() == pytest.approx(math.log(2 * 1.5 * 5 * 3 * 1.5 * 3) / 6)


def test_the_temperature_divides_the_similarities() -> None:
    # exp at half the temperature: [[4, 1, 1], [1, 16, 1], [9, 1, 1]]
    loss = multi_view_infonce(LOGITS, UNIT, torch.tensor([0, 1, 2]), temperature=0.5)
    assert loss.item() == pytest.approx(math.log(6 / 4 * 18 / 16 * 11 * 14 / 4 * 18 / 16 * 3) / 6)


def test_pairs_of_the_same_value_id_are_no_negatives_of_each_other() -> None:
    # the first and the third pair are of one value ID: rows 2/3, 4/6, 1/2; columns 2/3, 4/6, 1/2
    same = torch.tensor([7, 8, 7])
    loss = multi_view_infonce(LOGITS, UNIT, same, temperature=1.0)
    assert loss.item() == pytest.approx(math.log(1.5**4 * 2**2) / 6)
    kept = multi_view_infonce(LOGITS, UNIT, same, temperature=1.0, mask_same=False)
    assert kept.item() == pytest.approx(math.log(202.5) / 6)


def test_what_is_masked_has_no_effect_and_no_gradient() -> None:
    same = torch.tensor([7, 8, 7])
    logits = LOGITS.clone().requires_grad_()
    multi_view_infonce(logits, UNIT, same, temperature=1.0).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[0, 2] == logits.grad[2, 0] == 0
    assert (logits.grad[0, :2] != 0).all()


@pytest.mark.parametrize("mask_same", [True, False])
def test_the_loss_equals_the_formula_written_out(mask_same: bool) -> None:
    rng = np.random.default_rng(0)
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rng.standard_normal((2, 20, 8)))
    ids = rng.integers(0, 5, 20)
    expected = (one_way(a, b, ids, 0.05, mask_same) + one_way(b, a, ids, 0.05, mask_same)) / 2
    found = multi_view_infonce(
        torch.tensor(a), torch.tensor(b), torch.tensor(ids), temperature=0.05, mask_same=mask_same
    )
    assert found.item() == pytest.approx(expected, rel=1e-9)


def one_way(anchors: Floats, others: Floats, ids: npt.NDArray[np.int64], temperature: float, mask_same: bool) -> float:
    losses = []
    for i, anchor in enumerate(anchors):
        positive = math.exp(anchor @ others[i] / temperature)
        negatives = [
            math.exp(anchor @ other / temperature)
            for j, other in enumerate(others)
            if j != i and not (mask_same and ids[j] == ids[i])
        ]
        losses.append(-math.log(positive / (positive + sum(negatives))))
    return sum(losses) / len(losses)


# --------------------------------------------------------------------------------------------------------------- views

ANSWERS = {llm: {f"q{q}": [QA(f"q{q}", f"llm{llm} v{v}") for v in range(2)] for q in range(30)} for llm in range(3)}


def pairs_of(seed: int, **changes: int) -> list[Pair]:
    wanted = {"pairs": 32, "lambda_": 5, "pool": 8, "characters": 1000, **changes}
    return draw_pairs(np.random.default_rng(seed), ANSWERS, **wanted)


def questions(view: str) -> list[str]:
    return re.findall(r"^Q: (q\d+) A: ", view, re.MULTILINE)


def test_views_are_qas_of_one_llm_on_different_questions() -> None:
    for pair in pairs_of(0):
        for view in (pair.first, pair.second):
            lines = view.split("\n")
            assert 1 <= len(lines) <= 5
            assert all(re.fullmatch(rf"Q: q\d+ A: llm{pair.identity} v[01]", line) for line in lines)
            assert len(set(questions(view))) == len(lines)


def test_the_two_sides_of_a_batch_share_no_question() -> None:
    for seed in range(20):
        first, second = set(), set()
        for pair in pairs_of(seed):
            first.update(questions(pair.first))
            second.update(questions(pair.second))
        assert len(first) == len(second) == 8  # the pool of each side
        assert not first & second


def test_the_number_of_qas_is_uniform_up_to_lambda() -> None:
    views = [view for seed in range(50) for pair in pairs_of(seed) for view in (pair.first, pair.second)]
    counts = np.bincount([len(questions(view)) for view in views], minlength=6)
    assert counts[0] == 0
    # 3,200 views: 640 of each number, give or take 23 (one standard deviation)
    assert (abs(counts[1:] - 640) < 5 * 23).all()


def test_a_batch_has_every_value_id_alike() -> None:
    assert np.bincount([pair.identity for pair in pairs_of(0, pairs=30)]).tolist() == [10, 10, 10]
    assert sorted(np.bincount([pair.identity for pair in pairs_of(0, pairs=32)])) == [10, 11, 11]


def test_lambda_above_the_questions_takes_what_there_is() -> None:
    assert max(len(questions(pair.first)) for pair in pairs_of(0, lambda_=80, pool=4)) == 4


def test_the_draw_is_the_generators_alone() -> None:
    assert pairs_of(3) == pairs_of(3)
    assert pairs_of(3) != pairs_of(4)


def test_a_view_of_several_is_cut_to_its_length() -> None:
    # 60 characters for two QAs: 30 each, 10 of them the question's
    qas = [QA("x" * 50, "y" * 50), QA("short", "too")]
    assert view_text(qas, 60) == f"Q: {'x' * 10} A: {'y' * 20}\nQ: short A: too"
    assert view_text(qas[:1], 60) == str(qas[0])  # one alone is cut by the tokenizer


# ------------------------------------------------------------------------------------------------------------ training


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(bert_checkpoint(tmp_path_factory.mktemp("backbone")))


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
    encoder = train(recipe(steps=1, freeze_embeddings=frozen), [corpus()], backbone, device="cpu")
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


# -------------------------------------------------------------------------------------------------------------- recipe


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(toml(settings()), encoding="utf-8")
    assert load_recipe(str(file)) == recipe()
    assert load_recipe(str(file)).region_of() == {"family": {"gpt-a": "gpt", "llama-b": "llama"}}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"steps" = 40', '"stepps" = 40', "training.steps: found nothing; Field required"),
        ('"steps" = 40', '"steps" = 40\n"stepps" = 40', "training.stepps: found 40; Extra inputs are not permitted"),
        ('"steps" = 40', '"steps" = "many"', "training.steps: found 'many'; Input should be a valid integer"),
        ('"lambda" = 3', '"lambda" = 0', "training.lambda: found 0; Input should be greater than or equal to 1"),
        ('"held_out_share" = 0.25', '"held_out_share" = 1.0', "held_out_share: found 1.0; Input should be less than 1"),
        ('"seed" = 0', '"seed" =', "is not TOML"),
    ],
)
def test_a_bad_recipe_names_the_file_and_the_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = toml(settings())
    assert text.count(old) == 1
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError, match=re.escape(f"{file}: {message}")):
        load_recipe(str(file))


def test_an_unknown_recipe_names_the_shipped_ones() -> None:
    with pytest.raises(UsageError, match=r"found no recipe 'univar-maxi', expected a TOML file or one of: univar-mini"):
        load_recipe("univar-maxi")


def test_the_shipped_recipe_places_every_llm_of_its_bank() -> None:
    shipped = load_recipe("univar-mini")
    schemes = shipped.region_of()
    assert set(schemes) == {"family", "origin"}
    assert set(schemes["family"]) == set(schemes["origin"])
    for scheme, regions in shipped.schemes.items():  # an LLM in two regions would silently be in the last
        listed = [llm for llms in regions.values() for llm in llms]
        assert len(listed) == len(set(listed)), scheme


REAL = Path(__file__).parents[3] / "shared" / "data" / "llm_answers.jsonl.xz"


@pytest.mark.skipif(not REAL.is_file(), reason=f"the real answers are not there: {REAL}")
def test_the_shipped_recipe_places_every_llm_of_the_real_answers() -> None:
    shipped = load_recipe("univar-mini")
    corpora = {corpus.name: {value_id.llm for value_id in corpus.value_ids} for corpus in shipped.read_corpora(REAL)}
    assert {name: len(llms) for name, llms in corpora.items()} == {"llm-values-pct": 6, "speechmap": 30}
    llms = set().union(*corpora.values())
    for scheme, region_of in shipped.region_of().items():
        assert set(region_of) == llms, scheme


def test_a_recipe_is_recorded_as_it_was_read(tmp_path: Path) -> None:
    """What ``training.json`` holds makes the same recipe again."""
    wanted = recipe()
    dumped = json.loads(json.dumps(wanted.model_dump(mode="json", by_alias=True)))
    assert type(wanted).model_validate(dumped) == wanted
