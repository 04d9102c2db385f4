"""A recipe: the corpora, the split, the training and the bank's regions, as one TOML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_univar.corpora import Corpus, read_corpora
from pytest_univar.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHIPPED = Path(__file__).parent

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Training(_Strict):
    """How the encoder is trained; ``univar-mini.toml`` says what each setting means."""

    lambda_: Count = Field(alias="lambda")
    pairs: Annotated[int, Field(ge=2)]
    steps: Count
    question_pool: Count
    view_characters: Count
    view_tokens: Count
    max_seq_length: Count
    temperature: Positive
    mask_same_value_id: bool
    learning_rate: Positive
    warmup_steps: Annotated[int, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    clip: Positive
    freeze_embeddings: bool


class CorpusSource(_Strict):
    """Which rows of the answers file make a corpus, how often it is drawn from, and whom to credit."""

    sources: tuple[str, ...] = Field(min_length=1)
    weight: Positive
    licence: str
    credit: str


class Recipe(_Strict):
    """Everything that is needed to make an encoder and its bank again, except the answers and the backbone."""

    name: str
    bank: str
    seed: int
    held_out_share: Annotated[float, Field(gt=0, lt=1)]
    training: Training
    corpora: dict[str, CorpusSource] = Field(min_length=1)
    schemes: dict[str, dict[str, tuple[str, ...]]] = {}

    def read_corpora(self, answers: Path) -> tuple[Corpus, ...]:
        """The recipe's corpora out of an answers file, split by question."""
        sources = {name: corpus.sources for name, corpus in self.corpora.items()}
        return read_corpora(answers, sources, held_out_share=self.held_out_share, seed=self.seed)

    def region_of(self) -> dict[str, dict[str, str]]:
        """Scheme → LLM → region."""
        return {
            scheme: {llm: region for region, llms in regions.items() for llm in llms}
            for scheme, regions in self.schemes.items()
        }


def load_recipe(name_or_path: str) -> Recipe:
    """A shipped recipe by name, or a TOML file; UsageError with the file, the key, what was found and expected."""
    file = SHIPPED / f"{name_or_path}.toml"
    if not file.is_file():
        file = Path(name_or_path)
    try:
        return Recipe.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        shipped = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.toml")))
        raise UsageError(f"found no recipe {name_or_path!r}, expected a TOML file or one of: {shipped}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        found = "nothing" if first["type"] == "missing" else repr(first["input"])  # its input is the whole table
        raise UsageError(f"{file}: {key}: found {found}; {first['msg']}") from error
