"""Anchors: texts that are typed as LLMs type but mean nothing. What holds training back from learning habits alone.

An anchor is a training QA in which most content words are exchanged for others of the backbone's vocabulary. Marks,
lists, openings, function words and the rhythm of sentences stay: whatever tells its LLM then is how it types, not what
it values. The encoder is to put such a text where the backbone, as it was before training, puts it without its marks.
No text but the training answers is needed for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from pytest_univar.encoding import Encoder
from pytest_univar.encoding.text_format import TextFormat
from pytest_univar.errors import UsageError
from pytest_univar.training.recipe import Recipe
from pytest_univar.training.views import segment
from pytest_univar.values import QA

QUESTION, ANSWER = 160, 320
"""Characters of an anchor's question and answer."""

TOPICS, NEIGHBOURS = 2, 60
"""The words of one anchor are the nearest to a few that are drawn, as those of a text about something are."""

LEAST_EXCHANGED = 0.6
"""Of the content words. Some stay, other ones each time: words too can be habits ("certainly", "overall", "delve")."""

_WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
_CONTENT = re.compile(r"[a-z]{4,}")
_BEGINS = ("\u0120", "\u2581")  # how byte-level and SentencePiece vocabularies mark the beginning of a word


class Scrambler:
    """Exchanges the content words of QAs. words: to take others from; vectors: theirs, ``[len(words), d]``."""

    def __init__(self, words: Sequence[str], vectors: torch.Tensor) -> None:
        self._words = words
        self._vectors = torch.nn.functional.normalize(vectors - vectors.mean(dim=0), dim=-1)

    def __call__(self, rng: np.random.Generator, qa: QA) -> QA:
        """A word that comes again is exchanged for the same one, or stays again; capitals stay."""
        share = rng.uniform(LEAST_EXCHANGED, 1)
        seeds = rng.integers(len(self._words), size=TOPICS).tolist()
        nearest = (self._vectors[seeds] @ self._vectors.T).topk(min(NEIGHBOURS, len(self._words))).indices
        topic = [self._words[index] for index in nearest.flatten().tolist()]
        exchanged: dict[str, str] = {}

        def other(found: re.Match[str]) -> str:
            word = found.group()
            if len(word) < 3 or "'" in word or word.lower() in ENGLISH_STOP_WORDS:
                return word
            if word.lower() not in exchanged:
                exchanged[word.lower()] = topic[int(rng.integers(len(topic)))] if rng.random() < share else word.lower()
            new = exchanged[word.lower()]
            return new.capitalize() if word[0].isupper() else new

        return QA(_WORD.sub(other, qa.question), _WORD.sub(other, qa.answer))


class Anchors:
    """The anchors of a run, of its training QAs. Step n's depend on the recipe's seed and n alone."""

    def __init__(self, recipe: Recipe, qas: Sequence[QA], scrambler: Scrambler) -> None:
        self._seed, self._settings = recipe.seed, recipe.training
        self._qas, self._scrambler = qas, scrambler

    def draw(self, step: int) -> list[QA]:
        rng = np.random.default_rng([self._seed, step, 1])
        drawn = (self._qas[int(index)] for index in rng.integers(len(self._qas), size=self._settings.anchors))
        return [self._scrambler(rng, _cut(segment(rng, qa, self._settings.opening))) for qa in drawn]


def scrambler_of(backbone: Encoder) -> Scrambler:
    """One with the content words that a backbone has a token of their own for; UsageError where there are none."""
    vocabulary = backbone.tokenizer.get_vocab()
    marked = tuple(mark for mark in _BEGINS if any(token.startswith(mark) for token in vocabulary))
    words = {
        word: index
        for token, index in sorted(vocabulary.items())
        if not marked or token.startswith(marked)
        if _CONTENT.fullmatch(word := token.lstrip("".join(marked))) and word not in ENGLISH_STOP_WORDS
    }
    if not words:
        raise UsageError(
            "recipe: training.anchor_weight: the backbone's vocabulary has no English word, expected some to make "
            "anchors of. Leave anchor_weight out"
        )
    vectors = backbone.model.get_input_embeddings().weight.detach()
    return Scrambler(list(words), vectors[list(words.values())].float().cpu())


def without_marks(qa: QA) -> str:
    """What the backbone is asked about an anchor."""
    return TextFormat(plain=True).apply(str(qa))


def anchor_loss(vectors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean of 1 − cos between the encoder's vectors of anchors and the backbone's, both ``[n, d]``."""
    return (1 - torch.nn.functional.cosine_similarity(vectors.float(), targets.float(), dim=-1)).mean()


def _cut(qa: QA) -> QA:
    return QA(qa.question[:QUESTION], qa.answer[:ANSWER])
