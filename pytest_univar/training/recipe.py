"""A recipe: the corpora, the split, the training and the bank's regions, as one TOML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pytest_univar.corpora import Corpus, read_corpora
from pytest_univar.encoding.text_format import TextFormat
from pytest_univar.errors import UsageError
from pytest_univar.training.schedule import Schedule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHIPPED = Path(__file__).parent
ALIASES = {"mini": "univar-mini"}
"""Other names of shipped recipes. The bundled encoder's is named like it."""

LOWEST_TEMPERATURE = 0.01
"""Of a learnt τ, as in CLIP (Radford et al. 2021, section 2.5): below it training gets unstable."""

Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Training(_Strict):
    """How the encoder is trained. The comments say what is meant, and what an absent setting does."""

    lambda_: Count = Field(alias="lambda")  # a view has 1 to λ QAs
    pairs: Annotated[int, Field(ge=2)]  # of views in a batch, all from one corpus
    steps: Count | None = None
    epochs: Positive | None = None  # instead of steps: in one, each training QA is drawn once on average
    question_pool: CountOrNone = 0  # a batch draws the QAs of one side from so many questions; 0: from all, each alone
    leave_out: tuple[str, ...] = ()  # LLMs that are not trained on; they are scored, and in the bank, all the same

    plain: bool = False  # texts without marks and markup, in training and in use (encoding/text_format.py)
    drop_boilerplate: bool = False  # in use: texts without greetings, thanks and offers before the answer
    segments: Literal["opening", "random"] = "opening"  # of an answer: its beginning, or from any sentence on
    opening_share: Share | None = None  # with random segments, how many are the beginning all the same; absent: 0
    view_characters: Count | None = None  # length of a view of several QAs; absent: not cut before the tokenizer
    view_tokens: Count | None = None  # longest view; absent: what the backbone reads
    max_seq_length: Count | None = None  # longest input of the finished encoder; absent: what the backbone reads

    temperature: Positive  # τ of the loss
    learn_temperature: bool = False  # from there on
    mask_same_value_id: bool  # pairs of one value ID are no negatives of each other
    both_ways: bool = True  # the first views among the second and the other way round; the paper: the former alone

    anchor_weight: Annotated[float, Field(ge=0)] = 0  # of the loss on texts that mean nothing (training/anchors.py)
    anchors: Count = 16  # of them in a step

    learning_rate: Positive  # the highest, at the end of the warm-up
    schedule: Schedule = "linear"
    warmup_steps: CountOrNone
    weight_decay: Annotated[float, Field(ge=0)]
    clip: Positive | None = None  # largest norm of a gradient; absent: any
    freeze_embeddings: bool = False  # the backbone's word vectors stay as they are
    freeze_layers: CountOrNone = 0  # as do its lowest layers, with all that lies below them

    chunk: Count | None = None  # views that are in memory at once, by gradient caching; absent: the whole batch
    autocast: Literal["auto", "bfloat16", "float32"] = "auto"  # auto: bfloat16 on CUDA, float32 elsewhere
    checkpoint_every: CountOrNone = 100  # steps; 0: never

    @model_validator(mode="after")
    def _fits_together(self) -> Training:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("expected either steps or epochs")
        if self.question_pool and self.lambda_ > self.question_pool:
            raise ValueError(
                f"found lambda {self.lambda_} and question_pool {self.question_pool}; a view has no more QAs than its "
                "pool has questions: raise question_pool, or leave it out"
            )
        if self.segments == "opening" and self.opening_share not in (None, 1):
            raise ValueError(f'found opening_share {self.opening_share}, which needs segments = "random"')
        if self.learn_temperature and self.temperature < LOWEST_TEMPERATURE:
            raise ValueError(
                f"found temperature {self.temperature}; one that is learnt is at least {LOWEST_TEMPERATURE}"
            )
        return self

    @property
    def text_format(self) -> TextFormat:
        """The finished encoder's. Training reads boilerplate too: what that explains, the answers need not."""
        return TextFormat(plain=self.plain, drop_boilerplate=self.drop_boilerplate)

    @property
    def opening(self) -> float:
        """The share of answers that are shown from their beginning."""
        return 1.0 if self.segments == "opening" else self.opening_share or 0.0


class CorpusSource(_Strict):
    """Which sources in the answers make a corpus, how often it is drawn from, and whom to credit."""

    sources: tuple[str, ...] = Field(min_length=1)
    weight: Positive
    licence: str
    credit: str


class Recipe(_Strict):
    """Everything that is needed to make an encoder and its bank again, except the answers and the backbone.

    corpora: none makes every source in the answers a corpus, drawn from by how many answers it has.
    """

    name: str
    bank: str
    seed: int
    held_out_share: Annotated[float, Field(gt=0, lt=1)]
    training: Training
    corpora: dict[str, CorpusSource] = {}
    schemes: dict[str, dict[str, tuple[str, ...]]] = {}

    def read_corpora(self, answers: Path) -> tuple[Corpus, ...]:
        """The recipe's corpora out of answers, split by question; see ``corpora.read_corpora``."""
        sources = {name: corpus.sources for name, corpus in self.corpora.items()} or None
        return read_corpora(answers, sources, held_out_share=self.held_out_share, seed=self.seed)

    def credit_of(self, corpus: str) -> dict[str, str]:
        """Name, licence and credit of a corpus, for a manifest; unknown where the recipe says nothing of it."""
        source = self.corpora.get(corpus)
        licence, credit = (source.licence, source.credit) if source else ("unknown", "unknown")
        return {"name": corpus, "licence": licence, "credit": credit}

    def region_of(self) -> dict[str, dict[str, str]]:
        """Scheme → LLM → region."""
        return {
            scheme: {llm: region for region, llms in regions.items() for llm in llms}
            for scheme, regions in self.schemes.items()
        }


def recipe_names() -> list[str]:
    """The names of the shipped recipes."""
    return sorted([*ALIASES, *(path.stem for path in SHIPPED.glob("*.toml"))])


def load_recipe(name_or_path: str) -> Recipe:
    """A shipped recipe by name, or a TOML file; UsageError with the file, the key, what was found and expected."""
    file = SHIPPED / f"{ALIASES.get(name_or_path, name_or_path)}.toml"
    if not file.is_file():
        file = Path(name_or_path)
    try:
        return Recipe.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        shipped = ", ".join(recipe_names())
        raise UsageError(f"found no recipe {name_or_path!r}, expected a TOML file or one of: {shipped}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read as a recipe: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: is not TOML: {error}") from error
    except ValidationError as error:
        raise UsageError(f"{file}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    """The first fault: key, what was found (unless that is a whole table) and what was expected."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "value_error":
        return f"{key}: {first['msg'].removeprefix('Value error, ')}"
    return f"{key}: found {'nothing' if first['type'] == 'missing' else repr(first['input'])}; {first['msg']}"
