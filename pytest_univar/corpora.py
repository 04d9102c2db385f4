"""Answers of many LLMs to shared questions: what encoders are trained on and banks are built from."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from pytest_univar.answer_lines import Line, answers_of, is_translation, read_lines
from pytest_univar.elicitation.formats import read_any
from pytest_univar.errors import AnswersError
from pytest_univar.values import Answer, ValueID, derived_question_id

TRANSLATED = "qa_translated"
"""The folder of a corpus that holds ``<model>.csv``, in the layout of the released data."""

HALVES = ("train", "test")


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
    path: Path, sources: Mapping[str, Sequence[str]] | None = None, *, held_out_share: float, seed: int
) -> tuple[Corpus, ...]:
    """The corpora of answers: name → patterns of the ``source`` that belong to it; without any, each source is one.

    path: JSON lines, in which the file's name is the source of a line that names none; or a folder in the layout of
    the released data, ``<corpus>/qa_translated/<model>.csv``, in which the corpus is the source, or one such corpus.
    Answers of other sources are left out. Where the lines of a corpus have a ``split`` (``train`` or ``test``), that
    decides what is held out, else ``held_out_share`` of its questions is.

    Raises AnswersError for an empty answer, for a corpus with fewer than two value IDs, for one with too few questions
    to train on (two, one for each side of a pair of views) and to hold out (one), and for a question in both halves.
    """
    answers, splits = _read(path)
    if sources is None:
        sources = {name: [name] for name in sorted({str(answer.source) for answer in answers})}
    corpora = []
    for name, patterns in sources.items():
        mine = tuple(a for a in answers if any(fnmatchcase(str(a.source), pattern) for pattern in patterns))
        corpus = Corpus(name, mine, _held_out(path, name, mine, splits, held_out_share, seed))
        if len(corpus.value_ids) < 2:
            there = ", ".join(sorted({str(a.source) for a in answers}))
            only = f" ({corpus.value_ids[0]})" if corpus.value_ids else ""
            raise AnswersError(
                f"{path}: the corpus {name!r} (source {', '.join(patterns)}) has {len(corpus.value_ids)} value IDs"
                f"{only}, expected at least 2. The sources in the file are: {there or 'none'}"
            )
        questions = len({a.question_id for a in mine})
        if not 1 <= len(corpus.held_out) <= questions - 2:
            raise AnswersError(
                f"{path}: the corpus {name!r} has {questions} questions, {len(corpus.held_out)} of them held out "
                f"(share {held_out_share}); expected at least 1 held out and 2 to train on. "
                "Add questions or change the share"
            )
        corpora.append(corpus)
    if not corpora:
        raise AnswersError(f"{path}: found no answers, expected those of at least 2 value IDs")
    return tuple(corpora)


def hold_out(question_ids: Iterable[str], share: float, seed: int) -> frozenset[str]:
    """``share`` of the questions, whole ones, chosen by a hash: the choice needs no generator and no order."""
    ordered = sorted(set(question_ids), key=lambda id: hashlib.sha256(f"{seed}:{id}".encode()).digest())
    return frozenset(ordered[: round(share * len(ordered))])


_Splits = Mapping[tuple[str, str], Mapping[str, int]]
"""(source, question id) → half → the first line that says so."""


def _read(path: Path) -> tuple[list[Answer], _Splits]:
    if path.is_dir() or path.suffix == ".csv":
        return _read_released(path), {}
    stem = path.name.partition(".jsonl")[0]
    lines = read_lines(path)
    answers = [
        answer if answer.source else replace(answer, source=stem) for answer in answers_of(lines, path, llm=None)
    ]
    return answers, _splits(lines, path, stem)


def _read_released(path: Path) -> list[Answer]:
    """The answers of every corpus in the folder, or of the one corpus or file that ``path`` is."""
    folders = sorted(file.parent for file in path.glob(f"*/{TRANSLATED}"))
    if not path.is_dir() or (path / TRANSLATED).is_dir():
        folders = [path]
    if not folders:
        raise AnswersError(
            f"{path}: found no folder */{TRANSLATED}, expected <corpus>/{TRANSLATED}/<model>.csv as in the released "
            "data. Name the folder that holds the corpora, or a file of JSON lines"
        )
    answers: list[Answer] = []
    for folder in folders:
        collected = read_any(folder)
        if collected.unanswered:
            first = collected.unanswered[0].request
            raise AnswersError(
                f"{folder}: found no text in {len(collected.unanswered)} answers, the first of {first.value_id} to "
                f"{first.question!r:.80}; expected a text in each. Fill or remove these rows"
            )
        name = folder.resolve().name.removesuffix(".csv")
        answers += [replace(answer, source=name) for answer in collected.answers]
    return answers


def _splits(lines: Iterable[Line], path: Path, stem: str) -> _Splits:
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for number, record in lines:
        if is_translation(record) or (half := record.get("split")) is None:
            continue
        if half not in HALVES:
            raise AnswersError(
                f"{path}, line {number}: found the split {half!r:.60}, expected 'train' or 'test'. Correct the line"
            )
        id = record.get("question_id") or derived_question_id(record["question"])
        found[record.get("source") or stem, id].setdefault(half, number)
    return found


def _held_out(
    path: Path, name: str, answers: Sequence[Answer], splits: _Splits, share: float, seed: int
) -> frozenset[str]:
    """The questions of the test half where the file says which, else a share of them."""
    halves: dict[str, dict[str, int]] = {answer.question_id: {} for answer in answers}
    for source, question_id in {(str(answer.source), answer.question_id) for answer in answers}:
        for half, number in splits.get((source, question_id), {}).items():
            halves[question_id].setdefault(half, number)
    if not any(halves.values()):
        return hold_out(halves, share, seed)
    for question_id, of in sorted(halves.items()):
        if len(of) != 1:
            where = " and ".join(f"line {of[half]} ({half})" for half in HALVES if half in of) or "none of its lines"
            raise AnswersError(
                f"{path}: the question {question_id!r} of the corpus {name!r} has a split in {where}; expected one "
                "half for every question of a corpus that has halves. An encoder must not be tested on what it was "
                "trained on: correct the lines, or leave 'split' out of all of them"
            )
    return frozenset(question_id for question_id, of in halves.items() if "test" in of)
