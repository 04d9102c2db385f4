"""Views: 1..λ QAs of one value ID, joined and encoded as one input (paper, section 2.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_univar.values import QA

Answers = Mapping[str, Sequence[QA]]
"""Question id → the QAs of one value ID on it (paraphrases and samples)."""

SHORTEST_SEGMENT = 150
"""Characters. Nearer to its end than this no segment of an answer begins: a last sentence says little."""

_SENTENCE = re.compile(r"""(?:(?<=[.!?:])\s+|\n\s*)(?=["'“‘(*#-]{0,4}\s?[^\W_a-z])""")


@dataclass(frozen=True)
class Pair:
    """Two views of one value ID, as texts; ``identity`` is its index."""

    identity: int
    first: str
    second: str


@dataclass(frozen=True)
class ViewSettings:
    """What a view is made of.

    lambda_: it has n QAs, n uniform in 1..λ. characters: its length where it has several, None for all of them.
    opening_share: how many of the answers are shown from their beginning; the others from a sentence drawn at random.
    """

    lambda_: int
    characters: int | None = None
    opening_share: float = 1.0


def draw_pairs(
    rng: np.random.Generator, corpus: Mapping[int, Sequence[QA]], settings: ViewSettings, *, pairs: int
) -> list[Pair]:
    """One batch as the paper draws it: of value IDs drawn at random, any of their QAs.

    Value IDs come again only when all have come. The QAs of a pair are drawn without replacement, so that its two
    views share none; a value ID needs 2λ of them.
    """
    drawn = []
    for identity in _identities(rng, corpus, pairs):
        qas = corpus[identity]
        counts = rng.integers(1, settings.lambda_ + 1, size=2)
        picked = [qas[int(i)] for i in rng.choice(len(qas), size=int(counts.sum()), replace=False)]
        first, second = (_view(rng, part, settings) for part in (picked[: counts[0]], picked[counts[0] :]))
        drawn.append(Pair(identity, first, second))
    return drawn


def draw_pooled_pairs(
    rng: np.random.Generator, corpus: Mapping[int, Answers], settings: ViewSettings, *, pairs: int, pool: int
) -> list[Pair]:
    """One batch from a corpus whose value IDs answered the same questions.

    All views of a side draw their QAs from one pool of ``pool`` questions, and the two sides' pools share none: every
    negative then speaks about the same things as the positive, so that only whose answers they are tells them apart.
    The questions of a view are drawn without replacement. A value ID that answered none of a pool is left out.
    """
    questions = sorted({question for answers in corpus.values() for question in answers})
    chosen = rng.permutation(len(questions))[: 2 * pool]
    sides = [[questions[i] for i in chosen[::2]], [questions[i] for i in chosen[1::2]]]
    drawn = []
    for identity in _identities(rng, corpus, pairs):
        first, second = (_pooled_view(rng, corpus[identity], side, settings) for side in sides)
        if first and second:
            drawn.append(Pair(identity, first, second))
    return drawn


def view_text(qas: Sequence[QA], characters: int | None) -> str:
    """QAs joined by newlines. In a view of several, each is cut to its share, of which the question has a third."""
    if len(qas) < 2 or characters is None:
        return "\n".join(map(str, qas))
    share = characters // len(qas)
    return "\n".join(str(QA(qa.question[: share // 3], qa.answer[: share - share // 3])) for qa in qas)


def segment_starts(answer: str) -> list[int]:
    """Where a segment of an answer may begin: at 0, and at each later sentence or line that leaves enough of it."""
    return [0, *(found.end() for found in _SENTENCE.finditer(answer) if found.end() <= len(answer) - SHORTEST_SEGMENT)]


def segment(rng: np.random.Generator, qa: QA, opening_share: float) -> QA:
    """A QA from the beginning of its answer on or, but for ``opening_share``, from a sentence drawn at random."""
    if rng.random() < opening_share:
        return qa
    starts = segment_starts(qa.answer)
    return QA(qa.question, qa.answer[starts[int(rng.integers(len(starts)))] :])


def _identities(rng: np.random.Generator, corpus: Iterable[int], pairs: int) -> list[int]:
    """Every value ID as often as every other, or once more, in random order."""
    all_ = list(corpus)
    rounds = [rng.permutation(all_) for _ in range(-(-pairs // len(all_)))]
    return [int(identity) for identity in np.concatenate(rounds)[:pairs]]


def _pooled_view(rng: np.random.Generator, answers: Answers, side: Sequence[str], settings: ViewSettings) -> str:
    answered = [question for question in side if question in answers]
    count = min(int(rng.integers(1, settings.lambda_ + 1)), len(answered))
    picked = [answers[answered[i]] for i in rng.permutation(len(answered))[:count]]
    return _view(rng, [qas[int(rng.integers(len(qas)))] for qas in picked], settings)


def _view(rng: np.random.Generator, qas: Sequence[QA], settings: ViewSettings) -> str:
    return view_text([segment(rng, qa, settings.opening_share) for qa in qas], settings.characters)
