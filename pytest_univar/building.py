"""Corpora → a reference bank."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pytest_univar.audit import TextEncoder
from pytest_univar.banks import ReferenceBank, Rows, Scheme
from pytest_univar.calibration import calibrate
from pytest_univar.corpora import Corpus
from pytest_univar.errors import BankError
from pytest_univar.languages import language
from pytest_univar.questions import question_set_hash
from pytest_univar.values import QA, Answer, Question, ValueID, Vectors

TEXT_FORMAT = "Q: {question} A: {answer}"


def build_bank(
    corpora: Sequence[Corpus],
    encoder: TextEncoder,
    *,
    name: str,
    lambda_: int,
    schemes: Mapping[str, Mapping[str, str]],
    sources: Sequence[Mapping[str, Any]],
    progress: Callable[[int], None] | None = None,
) -> ReferenceBank:
    """Embed the training questions' answers of every value ID, held in float16, and calibrate on the held-out ones.

    schemes: scheme → LLM → region; BankError for an LLM without a region. Added are ``llm``, where each LLM is a region
    of its own, and, in a bank of several languages, ``culture``, the languages' cultural regions (``languages``).
    sources: name, licence and credit of each corpus, for the manifest.
    """
    answers = [answer for corpus in corpora for answer in corpus.training]
    unseen = [answer for corpus in corpora for answer in corpus.test]
    value_ids = tuple(sorted({answer.value_id for answer in answers}))
    question_ids = tuple(sorted({answer.question_id for answer in answers}))
    rows = {value_id: index for index, value_id in enumerate(value_ids)}
    columns = {question_id: index for index, question_id in enumerate(question_ids)}
    vectors = encoder.encode([str(QA(a.question, a.answer)) for a in (*answers, *unseen)], progress=progress)
    asked = {(a.question_id, a.question, a.language) for a in answers}
    bank = ReferenceBank(
        name=name,
        version="1",
        encoder=encoder.name,
        encoder_sha256=encoder.fingerprint,
        text_format=TEXT_FORMAT,
        lambda_=lambda_,
        answer_params={},
        translator=None,
        question_set_hash=question_set_hash([Question(id, text, language) for id, text, language in asked]),
        value_ids=value_ids,
        schemes=cultures(value_ids)
        | {scheme: regions_of(value_ids, of) for scheme, of in with_llms(value_ids, schemes).items()},
        sources=tuple(sources),
        calibration={},
        question_ids=question_ids,
        vectors=vectors[: len(answers)].astype(np.float16),
        value_index=np.array([rows[a.value_id] for a in answers], dtype=np.int32),
        question_index=np.array([columns[a.question_id] for a in answers], dtype=np.int32),
    )
    held_out = rows_of(unseen, vectors[len(answers) :])
    return replace(bank, calibration=calibrate(bank, held_out or None))


def rows_of(answers: Sequence[Answer], vectors: Vectors) -> dict[ValueID, Rows]:
    """The vectors ``[n, d]`` of answers, value ID by value ID."""
    numbers = {question_id: number for number, question_id in enumerate(sorted({a.question_id for a in answers}))}
    groups = np.array([numbers[a.question_id] for a in answers], dtype=np.int32)
    owners = [a.value_id for a in answers]
    chosen = {value_id: np.array([owner == value_id for owner in owners]) for value_id in sorted(set(owners))}
    return {value_id: Rows(vectors[here], groups[here]) for value_id, here in chosen.items()}


def with_llms(value_ids: Sequence[ValueID], schemes: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    return {"llm": {value_id.llm: value_id.llm for value_id in value_ids}, **schemes}


def cultures(value_ids: Sequence[ValueID]) -> dict[str, Scheme]:
    """The scheme ``culture``; none where all value IDs speak one language."""
    if len({value_id.language for value_id in value_ids}) < 2:
        return {}
    regions: dict[str, list[ValueID]] = {}
    for value_id in value_ids:
        regions.setdefault(language(value_id.language).region, []).append(value_id)
    return {"culture": {region: tuple(members) for region, members in sorted(regions.items())}}


def regions_of(value_ids: Sequence[ValueID], region_of: Mapping[str, str]) -> Scheme:
    """Region → its value IDs, both in order."""
    missing = sorted({value_id.llm for value_id in value_ids} - set(region_of))
    if missing:
        raise BankError(
            f"found no region for {', '.join(missing[:5])}, expected one for every LLM. Add it to the schemes file"
        )
    regions: dict[str, list[ValueID]] = {}
    for value_id in value_ids:
        regions.setdefault(region_of[value_id.llm], []).append(value_id)
    return {region: tuple(members) for region, members in sorted(regions.items())}
