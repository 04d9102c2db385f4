"""The multi-view recipe (paper, section 2.4): two views of one value ID attract, views of different ones repel."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pytest_univar.corpora import Corpus
from pytest_univar.encoding import Checkpoint, Encoder, read_checkpoint
from pytest_univar.encoding.encoder import batches, load_tokenizer
from pytest_univar.errors import UnivarError, UsageError
from pytest_univar.training.loss import multi_view_infonce
from pytest_univar.training.recipe import Recipe, Training
from pytest_univar.training.views import Answers, Pair, draw_pairs
from pytest_univar.values import QA

# Padded tokens that go through the model at once: on a CPU small pieces of like length are faster than one batch.
PIECE = {"cpu": 2048, "mps": 16_384, "cuda": 65_536}


@dataclass(frozen=True)
class Step:
    """What one step came to. loss: in nats. seconds: since training began."""

    step: int
    corpus: str
    loss: float
    learning_rate: float
    seconds: float


def train(
    recipe: Recipe,
    corpora: Sequence[Corpus],
    backbone: str,
    *,
    device: str | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Encoder:
    """Train ``backbone`` (a folder or hub id) by ``recipe`` and return the encoder, in float32.

    The seed fixes the batches; results are the same on the same machine and libraries. Raises UsageError, before the
    first step, where the recipe asks for longer inputs than the backbone reads, UnivarError where the loss is not a
    number.
    """
    settings = recipe.training
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    encoder = Encoder(read_checkpoint(backbone), device=device, dtype="float32")
    _require_room(encoder.checkpoint, settings)
    parameters = _trainable(encoder, freeze_embeddings=settings.freeze_embeddings)
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _linear(step, settings))
    began = time.perf_counter()
    for step, (name, pairs) in enumerate(_batches(rng, recipe, corpora), start=1):
        loss = _loss(encoder, pairs, settings)
        if not math.isfinite(loss.item()):
            raise UnivarError(
                f"step {step}: the loss is {loss.item()}, expected a finite number. Lower learning_rate or raise "
                "temperature in the recipe"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
        rate = float(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        on_step(Step(step, name, loss.item(), rate, time.perf_counter() - began))
    encoder.model.eval()
    encoder.tokenizer.enable_truncation(settings.max_seq_length)
    return encoder


def save(encoder: Encoder, folder: Path, *, max_seq_length: int, dtype: str) -> None:
    """Write the encoder in the sentence-transformers layout. Its own weights are rounded to ``dtype`` by it."""
    source = encoder.checkpoint
    folder.mkdir(parents=True, exist_ok=True)
    encoder.model.to(getattr(torch, dtype)).save_pretrained(folder)
    encoder.model.float()
    tokenizer = load_tokenizer(source)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(folder / "tokenizer.json"))
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")] + ([("Normalize", "2_Normalize")] * source.normalise)
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(modules)
    ]
    pooling = {"word_embedding_dimension": encoder.dimension, "pooling_mode_mean_tokens": True}
    _write(folder / "modules.json", listed)
    _write(folder / "1_Pooling" / "config.json", pooling)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": max_seq_length, "do_lower_case": False})
    _write(folder / "tokenizer_config.json", _tokenizer_config(source))


def save_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write how an encoder was made, and how it scores, as ``training.json`` beside its weights."""
    _write(folder / "training.json", record)


def _write(file: Path, content: Any) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _tokenizer_config(source: Checkpoint) -> Any:
    file = source.transformer / "tokenizer_config.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _batches(rng: np.random.Generator, recipe: Recipe, corpora: Sequence[Corpus]) -> Iterator[tuple[str, list[Pair]]]:
    settings = recipe.training
    weights = np.array([recipe.corpora[corpus.name].weight for corpus in corpora])
    grouped = [_by_value_id(corpus) for corpus in corpora]
    for _ in range(settings.steps):
        chosen = int(rng.choice(len(corpora), p=weights / weights.sum()))
        yield (
            corpora[chosen].name,
            draw_pairs(
                rng,
                grouped[chosen],
                pairs=settings.pairs,
                lambda_=settings.lambda_,
                pool=settings.question_pool,
                characters=settings.view_characters,
            ),
        )


def _by_value_id(corpus: Corpus) -> Mapping[int, Answers]:
    index = {value_id: i for i, value_id in enumerate(corpus.value_ids)}
    grouped: dict[int, dict[str, list[QA]]] = {i: {} for i in index.values()}
    for answer in corpus.training:
        qas = grouped[index[answer.value_id]].setdefault(answer.question_id, [])
        qas.append(QA(answer.question, answer.answer))
    return grouped


def _loss(encoder: Encoder, pairs: Sequence[Pair], settings: Training) -> torch.Tensor:
    encoder.tokenizer.enable_truncation(settings.view_tokens)
    texts = [pair.first for pair in pairs] + [pair.second for pair in pairs]
    tokens = [encoding.ids for encoding in encoder.tokenizer.encode_batch(texts)]
    pieces = list(batches([len(ids) for ids in tokens], PIECE[encoder.device.partition(":")[0]]))
    vectors = torch.cat([encoder.embed([tokens[row] for row in rows]) for rows in pieces])
    order = torch.argsort(torch.tensor([row for rows in pieces for row in rows]))
    first, second = torch.nn.functional.normalize(vectors[order.to(vectors.device)], dim=-1).chunk(2)
    return multi_view_infonce(
        first,
        second,
        torch.tensor([pair.identity for pair in pairs], device=vectors.device),
        temperature=settings.temperature,
        mask_same=settings.mask_same_value_id,
    )


def _require_room(backbone: Checkpoint, settings: Training) -> None:
    for key in ("view_tokens", "max_seq_length"):
        if (found := getattr(settings, key)) > backbone.max_seq_length:
            raise UsageError(
                f"recipe: training.{key}: found {found}, expected at most the {backbone.max_seq_length} tokens that "
                f"the backbone {backbone.name!r} reads"
            )


def _trainable(encoder: Encoder, *, freeze_embeddings: bool) -> list[torch.nn.Parameter]:
    """The model stays in eval mode: dropout adds nothing measurable in so few steps and costs time on a CPU."""
    if freeze_embeddings:
        encoder.model.get_input_embeddings().requires_grad_(False)
    return [parameter for parameter in encoder.model.parameters() if parameter.requires_grad]


def _linear(step: int, settings: Training) -> float:
    """Up over the warm-up, then down to 0 at the last step."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    return max(0.0, (settings.steps - step) / max(1, settings.steps - settings.warmup_steps))
