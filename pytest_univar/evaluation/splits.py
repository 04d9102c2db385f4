"""Which answers are the reference and which are tested: by question, by value ID, with a control beside them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pytest_univar.corpora import Corpus
from pytest_univar.errors import AnswersError, UsageError
from pytest_univar.evaluation.scores import Labels
from pytest_univar.values import QA, Answer, ValueID


@dataclass(frozen=True)
class Split:
    """A corpus as reference answers and test answers. value_ids: in order; an answer's label is its place there."""

    name: str
    reference: tuple[Answer, ...]
    test: tuple[Answer, ...]

    @cached_property
    def value_ids(self) -> tuple[ValueID, ...]:
        return tuple(sorted({answer.value_id for answer in self.reference}))

    @cached_property
    def reference_labels(self) -> Labels:
        return self._labels(self.reference)

    @cached_property
    def labels(self) -> Labels:
        return self._labels(self.test)

    @property
    def questions(self) -> tuple[str, ...]:
        """Of the test answers, one by one."""
        return tuple(answer.question_id for answer in self.test)

    def _labels(self, answers: Sequence[Answer]) -> Labels:
        index = {value_id: label for label, value_id in enumerate(self.value_ids)}
        return np.array([index[answer.value_id] for answer in answers], dtype=np.intp)


def texts_of(answers: Iterable[Answer]) -> list[str]:
    """What an encoder reads of each answer."""
    return [str(QA(answer.question, answer.answer)) for answer in answers]


def by_question(corpus: Corpus) -> Split:
    """The corpus's own split: no question of the test is in the reference."""
    return checked(Split(corpus.name, corpus.training, corpus.test))


def by_value_id(corpus: Corpus, counts: tuple[int, int] | None, seed: int) -> Split:
    """The paper's split: so many reference and test answers of each value ID, whatever their questions.

    counts: None takes 80 % and 20 % of the answers of the value ID that has the fewest. UsageError where a value ID
    has too few.
    """
    answers_of: dict[ValueID, list[Answer]] = {value_id: [] for value_id in corpus.value_ids}
    for answer in corpus.answers:
        answers_of[answer.value_id].append(answer)
    fewest = min(len(answers) for answers in answers_of.values())
    if counts is None:
        counts = (fewest - max(1, fewest // 5), max(1, fewest // 5))
    n_reference, n_test = counts
    for value_id, answers in answers_of.items():
        if len(answers) < n_reference + n_test or n_reference < 1:
            raise UsageError(
                f"the corpus {corpus.name!r} has {len(answers)} answers of {value_id}, expected at least "
                f"{max(n_reference, 1)} for the reference and {n_test} for the test. "
                "Take smaller --counts, or leave --limit out"
            )
    reference, test = [], []
    for value_id, answers in answers_of.items():
        drawn = sorted(answers, key=_hashed(f"{seed}:{value_id}"))
        reference += drawn[:n_reference]
        test += drawn[n_reference : n_reference + n_test]
    return checked(Split(corpus.name, tuple(reference), tuple(test)))


def checked(split: Split) -> Split:
    """The split; AnswersError where a value ID has nothing to be found by, or fewer than two are left."""
    lost = sorted({answer.value_id for answer in split.test} - {answer.value_id for answer in split.reference})
    if lost:
        raise AnswersError(
            f"the corpus {split.name!r} has no reference answers of {lost[0]}, expected some of every value ID that is "
            "tested. Add answers to more questions, or choose another --seed, --held-out-share or --limit"
        )
    if len(split.value_ids) < 2 or not split.test:
        raise AnswersError(
            f"the corpus {split.name!r} has {len(split.test)} test answers of {len(split.value_ids)} value IDs, "
            "expected at least 2 value IDs and 1 answer: between fewer there is nothing to tell apart"
        )
    return split


def limited(corpus: Corpus, questions: int | None, seed: int) -> Corpus:
    """At most so many questions of a corpus, held-out ones and others in the same proportion as before."""
    ids = {answer.question_id for answer in corpus.answers}
    if questions is None or questions >= len(ids):
        return corpus
    n_held_out = max(1, round(questions * len(corpus.held_out) / len(ids)))
    kept = {
        *_first(corpus.held_out, n_held_out, seed),
        *_first(ids - corpus.held_out, max(1, questions - n_held_out), seed),
    }
    answers = tuple(answer for answer in corpus.answers if answer.question_id in kept)
    return replace(corpus, answers=answers, held_out=corpus.held_out & kept)


def matched(values: Split, control: Split, seed: int) -> tuple[Split, Split] | None:
    """Both splits on the value IDs they share, with equally many reference answers of each; None: they share no two."""
    shared = {answer.value_id for answer in values.test} & {answer.value_id for answer in control.test}
    if len(shared) < 2:
        return None
    sizes = [Counter(a.value_id for a in split.reference if a.value_id in shared) for split in (values, control)]
    most = min(min(counts.values()) for counts in sizes)
    return _cut(values, shared, most, seed), _cut(control, shared, most, seed)


def _cut(split: Split, value_ids: Collection[ValueID], most: int, seed: int) -> Split:
    reference: list[Answer] = []
    for value_id in sorted(value_ids):
        own = [answer for answer in split.reference if answer.value_id == value_id]
        reference += sorted(own, key=_hashed(f"{seed}"))[:most]
    return replace(split, reference=tuple(reference), test=tuple(a for a in split.test if a.value_id in value_ids))


def _first(ids: Iterable[str], n: int, seed: int) -> list[str]:
    return sorted(ids, key=lambda id: hashlib.sha256(f"limit:{seed}:{id}".encode()).digest())[:n]


def _hashed(salt: str) -> Callable[[Answer], bytes]:
    """An order that looks like chance but is the same everywhere; with one salt, the same questions come first."""

    def key(answer: Answer) -> bytes:
        return hashlib.sha256(f"{salt}:{answer.question_id}:{answer.sample}:{answer.question}".encode()).digest()

    return key
