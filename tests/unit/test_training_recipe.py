"""training/recipe.py: recipes as files, the shipped ones, and faults that are named."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_univar.errors import UsageError
from pytest_univar.training.recipe import load_recipe
from tests.synthetic import recipe, settings, toml


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(toml(settings()), encoding="utf-8")
    assert load_recipe(str(file)) == recipe()
    assert load_recipe(str(file)).region_of() == {"family": {"gpt-a": "gpt", "llama-b": "llama"}}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"pairs" = 16', "", "training.pairs: found nothing; Field required"),
        ('"steps" = 40', "", "training: expected either steps or epochs"),
        ('"steps" = 40', '"steps" = 40\n"epochs" = 1', "training: expected either steps or epochs"),
        ('"lambda" = 3', '"lambda" = 7', "training: found lambda 7 and question_pool 6; a view has no more QAs"),
        ('"steps" = 40', '"steps" = 40\n"opening_share" = 0.5', "training: found opening_share 0.5, which needs"),
        (
            '"temperature" = 0.1',
            '"temperature" = 0.001\n"learn_temperature" = true',
            "training: found temperature 0.001",
        ),
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
    shipped = "mini, paper, released, univar-mini"
    with pytest.raises(UsageError, match=f"found no recipe 'univar-maxi', expected a TOML file or one of: {shipped}"):
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


def test_mini_is_the_bundled_encoders_recipe() -> None:
    assert load_recipe("mini") == load_recipe("univar-mini")


@pytest.mark.parametrize(
    ("name", "epochs", "rate", "warmup", "schedule", "clip"),
    [("paper", 1, 1e-5, 1000, "linear", None), ("released", 3, 2e-4, 700, "inverse-sqrt", 1.0)],
)
def test_the_published_recipes(
    name: str, epochs: int, rate: float, warmup: int, schedule: str, clip: float | None
) -> None:
    """The paper's appendix B.1, and the configuration published with the released encoders."""
    shipped = load_recipe(name)
    training = shipped.training
    found = (training.epochs, training.learning_rate, training.warmup_steps, training.schedule, training.clip)
    assert found == (epochs, rate, warmup, schedule, clip)
    assert (training.lambda_, training.pairs, training.temperature, training.chunk) == (5, 64, 0.02, 64)
    assert not training.mask_same_value_id  # the paper keeps them
    assert training.question_pool == 0
    assert shipped.corpora == {}  # every source in the answers is one


@pytest.mark.parametrize("lambda_", [1, 5, 20, 80])
def test_views_of_any_size_can_be_asked_for(lambda_: int) -> None:
    assert recipe(**{"lambda": lambda_, "question_pool": 0}).training.lambda_ == lambda_
