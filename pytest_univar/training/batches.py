"""Corpora → the batches of a run. Step n's batch depends on the seed and n alone, so that a run can go on anywhere."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_univar.corpora import Corpus
from pytest_univar.encoding.text_format import TextFormat
from pytest_univar.errors import AnswersError, UnivarWarning, UsageError
from pytest_univar.training.recipe import Recipe, Training
from pytest_univar.training.views import Answers, Pair, ViewSettings, draw_pairs, draw_pooled_pairs
from pytest_univar.values import QA, Answer, ValueID

TRIES = 100
"""Before it is given up to find questions that two value IDs have both answered."""


@dataclass(frozen=True)
class Batch:
    """The pairs of one step, all from one corpus."""

    corpus: str
    pairs: Sequence[Pair]


@dataclass(frozen=True)
class _Group:
    """The training answers of a corpus: value ID by value ID, also by question."""

    name: str
    weight: float
    qas: Mapping[int, Sequence[QA]]
    by_question: Mapping[int, Answers]


class Batches:
    """The batches of a recipe from its corpora. steps: how many. qas: all that they are drawn from.
    answers: its SHA-256.

    Raises, before anything is drawn, UsageError for an LLM to leave out that is not there, and AnswersError for a
    corpus with fewer than two value IDs to train on, or a value ID with too few QAs for its views.
    """

    def __init__(self, recipe: Recipe, corpora: Sequence[Corpus]) -> None:
        self._seed = recipe.seed
        self._settings = recipe.training
        self._views = ViewSettings(
            recipe.training.lambda_, recipe.training.view_characters, opening_share=recipe.training.opening
        )
        _require_llms(recipe.training.leave_out, corpora)
        self._groups = [_group(recipe, corpus) for corpus in corpora]
        for group, corpus in zip(self._groups, corpora, strict=True):
            _require_views(group, corpus.value_ids, recipe.training)
        self.steps = steps_of(recipe.training, sum(len(qas) for group in self._groups for qas in group.qas.values()))
        self.answers = _digest(self._groups)
        self.qas = [qa for group in self._groups for qas in group.qas.values() for qa in qas]

    def draw(self, step: int) -> Batch:
        """The batch of a step, from 1 on. AnswersError where no two value IDs have answered questions of one pool."""
        rng = np.random.default_rng([self._seed, step])
        weights = np.array([group.weight for group in self._groups])
        group = self._groups[int(rng.choice(len(self._groups), p=weights / weights.sum()))]
        pairs = self._settings.pairs
        if not self._settings.question_pool:
            return Batch(group.name, draw_pairs(rng, group.qas, self._views, pairs=pairs))
        for _ in range(TRIES):
            drawn = draw_pooled_pairs(
                rng, group.by_question, self._views, pairs=pairs, pool=self._settings.question_pool
            )
            if len({pair.identity for pair in drawn}) > 1:
                return Batch(group.name, drawn)
        raise AnswersError(
            f"the value IDs of the corpus {group.name!r} share too few questions: {TRIES} times no two of them had "
            f"answered any of {self._settings.question_pool}. Leave question_pool out of the recipe"
        )


def steps_of(settings: Training, qas: int) -> int:
    """The steps of a run over so many training QAs.

    In an epoch each QA is drawn once on average: a pair draws two times 1..λ, λ + 1 on average.
    """
    if settings.steps is not None:
        return settings.steps
    assert settings.epochs is not None
    return math.ceil(settings.epochs * qas / (settings.pairs * (settings.lambda_ + 1)))


def _require_llms(leave_out: Sequence[str], corpora: Sequence[Corpus]) -> None:
    llms = {value_id.llm for corpus in corpora for value_id in corpus.value_ids}
    if missing := [llm for llm in leave_out if llm not in llms]:
        raise UsageError(
            f"recipe: training.leave_out: found {missing[0]!r}, expected an LLM of the answers: "
            f"{', '.join(sorted(llms))}"
        )


def _group(recipe: Recipe, corpus: Corpus) -> _Group:
    index = {value_id: i for i, value_id in enumerate(corpus.value_ids)}
    text_format = TextFormat(plain=recipe.training.plain)
    by_question: dict[int, dict[str, list[QA]]] = defaultdict(lambda: defaultdict(list))
    without_text: list[Answer] = []
    for answer in corpus.training:
        if answer.llm in recipe.training.leave_out:
            continue
        qa = QA(text_format.apply(answer.question), text_format.apply(answer.answer))
        if not qa.answer.strip():
            without_text.append(answer)
            continue
        by_question[index[answer.value_id]][answer.question_id].append(qa)
    if without_text:
        warnings.warn(
            f"the corpus {corpus.name!r}: {len(without_text)} answers are nothing but marks and are not trained on, "
            f"the first of {without_text[0].value_id} to {without_text[0].question!r:.80}",
            UnivarWarning,
            stacklevel=3,
        )
    ordered = dict(sorted(by_question.items()))
    qas = {identity: [qa for each in answers.values() for qa in each] for identity, answers in ordered.items()}
    source = recipe.corpora.get(corpus.name)
    weight = source.weight if source else float(sum(map(len, qas.values())))
    return _Group(corpus.name, weight, qas, ordered)


def _require_views(group: _Group, value_ids: Sequence[ValueID], settings: Training) -> None:
    if len(group.qas) < 2:
        raise AnswersError(
            f"the corpus {group.name!r} has {len(group.qas)} value IDs to train on, expected at least 2. "
            "Shorten leave_out, or take the corpus out of the recipe"
        )
    for identity, qas in group.qas.items():
        if settings.question_pool:
            found, needed, what = len(group.by_question[identity]), settings.lambda_, "training questions"
        else:
            found, needed, what = len(qas), 2 * settings.lambda_, "training QAs, λ for each of its two views"
        if found < needed:
            raise AnswersError(
                f"the corpus {group.name!r}: found {found} of {value_ids[identity]}; lambda = {settings.lambda_} "
                f"needs at least {needed} {what}. Lower lambda, or leave out {value_ids[identity].llm!r}"
            )


def _digest(groups: Sequence[_Group]) -> str:
    digest = hashlib.sha256()
    for group in groups:
        for identity, answers in group.by_question.items():
            for question_id, qas in answers.items():
                texts = [[qa.question, qa.answer] for qa in qas]
                digest.update(json.dumps([group.name, group.weight, identity, question_id, texts]).encode())
    return digest.hexdigest()
