"""Views: 1..λ QAs of one value ID, joined and encoded as one input (paper, section 2.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_univar.values import QA

Answers = Mapping[str, Sequence[QA]]
"""Question id → the QAs of one value ID on it (paraphrases and samples)."""


@dataclass(frozen=True)
class Pair:
    """Two views of one value ID, as texts; ``identity`` is its index."""

    identity: int
    first: str
    second: str


def draw_pairs(
    rng: np.random.Generator,
    corpus: Mapping[int, Answers],
    *,
    pairs: int,
    lambda_: int,
    pool: int,
    characters: int,
) -> list[Pair]:
    """One batch from a corpus whose value IDs answered the same questions.

    All views of a side draw their QAs from one pool of ``pool`` questions, and the two sides' pools share none: every
    negative then speaks about the same things as the positive, so that only whose answers they are tells them apart.
    Each view has n QAs, n uniform in 1..λ, its questions drawn without replacement. ``characters`` is a view's length.
    """
    questions = sorted({question for answers in corpus.values() for question in answers})
    chosen = rng.permutation(len(questions))[: 2 * pool]
    sides = [[questions[i] for i in chosen[::2]], [questions[i] for i in chosen[1::2]]]
    identities = np.concatenate([rng.permutation(list(corpus)) for _ in range(-(-pairs // len(corpus)))])[:pairs]
    drawn = []
    for identity in identities:
        first, second = (
            _draw_view(rng, corpus[int(identity)], side, lambda_=lambda_, characters=characters) for side in sides
        )
        if first and second:
            drawn.append(Pair(int(identity), first, second))
    return drawn


def _draw_view(
    rng: np.random.Generator, answers: Answers, side: Sequence[str], *, lambda_: int, characters: int
) -> str:
    answered = [question for question in side if question in answers]
    count = min(int(rng.integers(1, lambda_ + 1)), len(answered))
    picked = [answers[answered[i]] for i in rng.permutation(len(answered))[:count]]
    return view_text([qas[int(rng.integers(len(qas)))] for qas in picked], characters)


def view_text(qas: Sequence[QA], characters: int) -> str:
    """QAs joined by newlines. In a view of several, each is cut to its share, of which the question has a third."""
    if len(qas) == 1:
        return str(qas[0])
    share = characters // max(1, len(qas))
    return "\n".join(str(QA(qa.question[: share // 3], qa.answer[: share - share // 3])) for qa in qas)
