"""The encoder while it learns: gradients of a batch, steps down them, and its state in a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import torch

from pytest_univar.encoding import Checkpoint, Encoder, read_checkpoint
from pytest_univar.encoding.encoder import load_model
from pytest_univar.encoding.text_format import TextFormat
from pytest_univar.errors import UsageError
from pytest_univar.training.anchors import anchor_loss, without_marks
from pytest_univar.training.checkpoints import State
from pytest_univar.training.gradients import backward, pieces_of
from pytest_univar.training.loss import Temperature, multi_view_infonce
from pytest_univar.training.recipe import Training
from pytest_univar.training.views import Pair
from pytest_univar.values import QA

# Padded tokens that go through the model at once: on a CPU small pieces of like length are faster than one batch.
PIECE = {"cpu": 2048, "mps": 16_384, "cuda": 65_536}


class Gradients(NamedTuple):
    """What they are of: loss of the pairs, loss of the anchors (None without any), and their norm before clipping."""

    loss: float
    anchor: float | None
    norm: float


class Learner:
    """The encoder under training, its optimizer and its temperature.

    The model stays in eval mode: dropout adds nothing measurable in so few steps, costs time on a CPU, and would make
    the second pass of gradient caching another one than the first.
    """

    def __init__(self, checkpoint: Checkpoint, settings: Training, device: str | None) -> None:
        self._settings = settings
        self.encoder = Encoder(checkpoint, device=device, dtype="float32")
        self.encoder.tokenizer.enable_truncation(settings.view_tokens or checkpoint.max_seq_length)
        self._kind = self.encoder.device.partition(":")[0]
        self._attention = self.encoder.model.config._attn_implementation
        self._halved = settings.autocast == "bfloat16" or (settings.autocast == "auto" and self._kind == "cuda")
        if self._halved and self._kind == "cpu":  # where torch's own attention goes back slowly in bfloat16
            self.encoder.model.set_attn_implementation("eager")
        _freeze(self.encoder, settings)
        self._weights = {name: weight for name, weight in self.encoder.model.named_parameters() if weight.requires_grad}
        self.temperature = Temperature(settings.temperature, learnt=settings.learn_temperature)
        self.temperature.to(self.encoder.device)
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [*self._weights.values()], "weight_decay": settings.weight_decay},
                {"params": [self.temperature.log_scale], "weight_decay": 0.0},
            ]
        )
        self._backbone = Encoder(checkpoint, device=device, dtype="float32") if settings.anchor_weight else None

    def gradients(self, pairs: Sequence[Pair], anchors: Sequence[QA] = ()) -> Gradients:
        """Those of the loss, and of the anchors' where there are any; clipped. Nothing is learnt yet."""
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._pairs(pairs)
        anchor = self._anchors(anchors) if anchors else None
        norm = torch.nn.utils.clip_grad_norm_(
            self._weights.values(), math.inf if self._settings.clip is None else self._settings.clip
        )
        return Gradients(loss, anchor, norm.item())

    def _pairs(self, pairs: Sequence[Pair]) -> float:
        texts = [pair.first for pair in pairs] + [pair.second for pair in pairs]
        tokens = self._tokens(texts)
        identities = torch.tensor([pair.identity for pair in pairs], device=self.encoder.device)
        settings = self._settings

        def embed(rows: Sequence[int]) -> torch.Tensor:
            with self._autocast():
                return self.encoder.embed([tokens[row] for row in rows])

        def loss_of(vectors: torch.Tensor) -> torch.Tensor:
            first, second = torch.nn.functional.normalize(vectors, dim=-1).chunk(2)
            return multi_view_infonce(
                first,
                second,
                identities,
                temperature=self.temperature(),
                mask_same=settings.mask_same_value_id,
                both_ways=settings.both_ways,
            )

        return backward(embed, self._pieces(tokens), loss_of, cached=settings.chunk is not None)

    def _anchors(self, anchors: Sequence[QA]) -> float:
        """Add the gradients of their loss; each anchor's stand for themselves, so that pieces need no cache."""
        assert self._backbone is not None
        tokens, plain = self._tokens(map(str, anchors)), self._tokens(map(without_marks, anchors))
        total = 0.0
        for rows in self._pieces(tokens):
            with self._autocast():
                with torch.no_grad():
                    targets = self._backbone.embed([plain[row] for row in rows])
                vectors = self.encoder.embed([tokens[row] for row in rows])
            loss = anchor_loss(vectors, targets) * len(rows) / len(tokens)
            (self._settings.anchor_weight * loss).backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        return total

    def _tokens(self, texts: Iterable[str]) -> list[list[int]]:
        text_format = TextFormat(plain=self._settings.plain)
        encodings = self.encoder.tokenizer.encode_batch([text_format.apply(text) for text in texts])
        return [encoding.ids for encoding in encodings]

    def _pieces(self, tokens: Sequence[Sequence[int]]) -> list[list[int]]:
        rows = self._settings.chunk
        return list(pieces_of([len(ids) for ids in tokens], tokens=PIECE[self._kind], rows=rows))

    def update(self, rate: float) -> None:
        """One step down the gradients."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self.temperature.cap()

    def finished(self) -> Encoder:
        self.encoder.tokenizer.enable_truncation(self.encoder.checkpoint.max_seq_length)
        self.encoder.model.set_attn_implementation(self._attention)
        return self.encoder

    def tensors(self) -> dict[str, torch.Tensor]:
        """What is not in the encoder's own files: the optimizer's state of every weight, and the temperature."""
        found = {"temperature.log_scale": self.temperature.log_scale.detach()}
        for name, weight in self._learnt():
            for key, value in self._optimizer.state.get(weight, {}).items():
                found[f"{name}:{key}"] = value
        return found

    def restore(self, state: State) -> None:
        """Go on from a checkpoint, to the bit."""
        saved = load_model(read_checkpoint(state.folder), "float32").state_dict()
        self.encoder.model.load_state_dict(saved)
        with torch.no_grad():
            self.temperature.log_scale.copy_(state.tensors["temperature.log_scale"])
        names = [name for name, _ in self._learnt()]
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in state.tensors.items():
            name, colon, kind = key.rpartition(":")
            if colon:
                moments.setdefault(names.index(name), {})[kind] = value
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": moments})

    def _learnt(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """In the order of the optimizer."""
        yield from self._weights.items()
        yield "temperature.log_scale", self.temperature.log_scale

    @contextmanager
    def _autocast(self) -> Iterator[None]:
        with torch.autocast(self._kind, torch.bfloat16, enabled=self._halved):
            yield


def with_settings(backbone: Checkpoint, settings: Training) -> Checkpoint:
    """The backbone's files, read as the recipe says; UsageError where they do not reach so far."""
    for key in ("view_tokens", "max_seq_length"):
        if (found := getattr(settings, key) or 0) > backbone.max_seq_length:
            raise UsageError(
                f"recipe: training.{key}: found {found}, expected at most the {backbone.max_seq_length} tokens that "
                f"the backbone {backbone.name!r} reads"
            )
    return replace(
        backbone,
        max_seq_length=settings.max_seq_length or backbone.max_seq_length,
        text_format=settings.text_format,
    )


def _freeze(encoder: Encoder, settings: Training) -> None:
    """Take what stays as it is out of training; UsageError where no layer would be left."""
    model = encoder.model
    if settings.freeze_embeddings:
        model.get_input_embeddings().requires_grad_(False)
    if not settings.freeze_layers:
        return
    count = int(model.config.num_hidden_layers)
    if settings.freeze_layers >= count:
        raise UsageError(
            f"recipe: training.freeze_layers: found {settings.freeze_layers}, expected less than the {count} layers of "
            f"the backbone {encoder.name!r}"
        )
    layers = next(each for each in model.modules() if isinstance(each, torch.nn.ModuleList) and len(each) == count)
    for module in (model.embeddings, *layers[: settings.freeze_layers]):
        module.requires_grad_(False)
