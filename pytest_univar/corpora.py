"""Answers of many LLMs to shared questions: what encoders are trained on and banks are built from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from pytest_univar.cassette import read_answers
from pytest_univar.errors import AnswersError
from pytest_univar.values import Answer, ValueID


@dataclass(frozen=True)
class Corpus:
    """Answers of several value IDs to the same questions, and the questions that are held out for testing."""

    name: str
    answers: tuple[Answer, ...]
    held_out: frozenset[str]

    @cached_property
    def value_ids(self) -> tuple[ValueID, ...]:
        return tuple(sorted({answer.value_id for answer in self.answers}))

    @property
    def training(self) -> tuple[Answer, ...]:
        return tuple(answer for answer in self.answers if answer.question_id not in self.held_out)

    @property
    def test(self) -> tuple[Answer, ...]:
        return tuple(answer for answer in self.answers if answer.question_id in self.held_out)


def read_corpora(
    path: Path, sources: Mapping[str, Sequence[str]], *, held_out_share: float, seed: int
) -> tuple[Corpus, ...]:
    """The corpora of an answers file: name → patterns of the ``source`` field that belong to it.

    Answers of other sources are left out. Raises AnswersError for a corpus with fewer than two value IDs, or with too
    few questions to train on (two, one for each side of a pair of views) and to hold out (one).
    """
    answers = read_answers(path)
    corpora = []
    for name, patterns in sources.items():
        mine = tuple(a for a in answers if any(fnmatchcase(a.source or "", pattern) for pattern in patterns))
        corpus = Corpus(name, mine, hold_out((a.question_id for a in mine), held_out_share, seed))
        if len(corpus.value_ids) < 2:
            there = ", ".join(sorted({a.source or "none" for a in answers}))
            raise AnswersError(
                f"{path}: the corpus {name!r} (source {', '.join(patterns)}) has {len(corpus.value_ids)} value IDs, "
                f"expected at least 2. The sources in the file are: {there}"
            )
        questions = len({a.question_id for a in mine})
        if not 1 <= len(corpus.held_out) <= questions - 2:
            raise AnswersError(
                f"{path}: the corpus {name!r} has {questions} questions, {len(corpus.held_out)} of them held out "
                f"(share {held_out_share}); expected at least 1 held out and 2 to train on. "
                "Add questions or change the share"
            )
        corpora.append(corpus)
    return tuple(corpora)


def hold_out(question_ids: Iterable[str], share: float, seed: int) -> frozenset[str]:
    """``share`` of the questions, whole ones, chosen by a hash: the choice needs no generator and no order."""
    ordered = sorted(set(question_ids), key=lambda id: hashlib.sha256(f"{seed}:{id}".encode()).digest())
    return frozenset(ordered[: round(share * len(ordered))])
