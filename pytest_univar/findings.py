"""What a report shows beyond figures: the value map, distances between languages, and answers side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from pytest_univar import stats
from pytest_univar.banks import ReferenceBank
from pytest_univar.comparison import Audited
from pytest_univar.maps import ValueMap, fitted, value_map
from pytest_univar.measurement import MeasuredProfile
from pytest_univar.values import Profile

PAIRS = 6
"""Pairs of audited profiles whose answers are shown side by side, at the most: those that lie farthest apart."""
SHOWN = 3
"""Questions of each kind that are shown for a pair."""


@dataclass(frozen=True)
class Reference:
    """The bank, as its manifest describes it. rows, questions: how many; languages: of its value IDs."""

    name: str
    version: str
    encoder: str
    encoder_sha256: str
    text_format: str
    rows: int
    questions: int
    value_ids: tuple[str, ...]
    languages: tuple[str, ...]
    schemes: Mapping[str, tuple[str, ...]]
    translator: str | None
    answer_params: Mapping[str, Any]
    sources: tuple[Mapping[str, Any], ...]
    calibrated: bool


@dataclass(frozen=True)
class Heat:
    """Debiased distances between the centroids of several languages.

    labels: the audited profiles, then the bank's languages where it has several, each the mean of its value IDs'
    centroids. audited: how many of the labels are audited profiles. distances: row by row, None on the diagonal.
    """

    labels: tuple[str, ...]
    audited: int
    distances: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Said:
    """One answer in English; originals where it was another language."""

    answer: str
    original_question: str = ""
    original_answer: str = ""


@dataclass(frozen=True)
class Beside:
    """Two answers to one question. distance: of their embeddings (the first sample of each)."""

    question_id: str
    question: str
    distance: float
    one: Said
    other: Said


@dataclass(frozen=True)
class Pair:
    """Two audited profiles with the questions that they answer most differently, and most alike (paper, tables A7 and
    A8). distance: debiased, of their centroids. shared: how many questions both answered."""

    one: str
    other: str
    distance: float
    shared: int
    diverging: tuple[Beside, ...]
    agreeing: tuple[Beside, ...]


@dataclass(frozen=True)
class Findings:
    """map, heat: None where there was nothing to measure, or one language only."""

    reference: Reference
    map: ValueMap | None = None
    heat: Heat | None = None
    pairs: tuple[Pair, ...] = ()


def findings(audited: Audited, bank: ReferenceBank, cache: Path | None, *, confidence: float = 0.95) -> Findings:
    """Everything that needs the vectors and that a report is drawn from. cache: where projections of banks are kept."""
    measured = {_label(model, each, audited): each for model, profiles in audited.items() for each in profiles}
    reference = reference_of(bank)
    if not measured:
        return Findings(reference)
    profiles = {label: each.profile for label, each in measured.items()}
    projection = fitted(bank.vectors, cache=cache)
    drawn = value_map(bank, projection, profiles, confidence=confidence)
    return Findings(reference, drawn, heat(measured, bank), pairs(profiles))


def reference_of(bank: ReferenceBank) -> Reference:
    return Reference(
        name=bank.name,
        version=bank.version,
        encoder=bank.encoder,
        encoder_sha256=bank.encoder_sha256,
        text_format=bank.text_format,
        rows=len(bank),
        questions=len(bank.question_ids),
        value_ids=tuple(map(str, bank.value_ids)),
        languages=tuple(sorted({value_id.language for value_id in bank.value_ids})),
        schemes={scheme: tuple(regions) for scheme, regions in bank.schemes.items()},
        translator=bank.translator,
        answer_params=dict(bank.answer_params),
        sources=tuple(bank.sources),
        calibrated=bool(bank.calibration),
    )


def heat(measured: Mapping[str, MeasuredProfile], bank: ReferenceBank) -> Heat | None:
    """None where fewer than two languages are there to compare."""
    centres = {label: each.centre for label, each in measured.items()}
    languages = sorted({value_id.language for value_id in bank.value_ids})
    if len(languages) > 1:
        for language in languages:
            rows = [bank.rows(value_id) for value_id in bank.value_ids if value_id.language == language]
            centres[f"{language} (bank)"] = stats.centre(
                np.concatenate([each.vectors for each in rows]),
                np.concatenate([each.groups for each in rows]),
                np.repeat(np.arange(len(rows)), [len(each.groups) for each in rows]),
            )
    if len(centres) < 2:
        return None
    return Heat(
        labels=tuple(centres),
        audited=len(measured),
        distances=tuple(
            tuple(
                None if one is other else round(stats.debiased_distance(centres[one], centres[other]), 4)
                for other in centres
            )
            for one in centres
        ),
    )


def pairs(profiles: Mapping[str, Profile]) -> tuple[Pair, ...]:
    """The pairs of profiles that share questions, the farthest apart first, at most PAIRS; none without texts."""
    found = [
        pair
        for one, other in combinations(profiles, 2)
        if (pair := _pair(one, profiles[one], other, profiles[other])) is not None
    ]
    return tuple(sorted(found, key=lambda pair: -pair.distance)[:PAIRS])


def _pair(name: str, one: Profile, other_name: str, other: Profile) -> Pair | None:
    rows, other_rows = _first_rows(one), _first_rows(other)
    shared = [question for question in rows if question in other_rows]
    if not shared or not one.qas or not other.qas:
        return None
    gaps = np.linalg.norm(
        one.vectors[[rows[question] for question in shared]]
        - other.vectors[[other_rows[question] for question in shared]],
        axis=1,
    )

    def beside(place: int) -> Beside:
        question = shared[place]
        own, theirs = rows[question], other_rows[question]
        return Beside(question, one.qas[own].question, float(gaps[place]), _said(one, own), _said(other, theirs))

    order = np.argsort(gaps, kind="stable").tolist()
    half = min(SHOWN, len(order) // 2)
    centres = (stats.centre(each.vectors, each.question_ids) for each in (one, other))
    return Pair(
        one=name,
        other=other_name,
        distance=stats.debiased_distance(*centres),
        shared=len(shared),
        diverging=tuple(beside(place) for place in reversed(order[len(order) - half :])),
        agreeing=tuple(beside(place) for place in order[:half]),
    )


def _first_rows(profile: Profile) -> dict[str, int]:
    """Question → the row of its first sample."""
    rows: dict[str, int] = {}
    for row, question in enumerate(profile.question_ids):
        rows.setdefault(question, row)
    return rows


def _said(profile: Profile, row: int) -> Said:
    original = profile.originals[row] if profile.originals else None
    return Said(
        profile.qas[row].answer,
        original.question if original else "",
        original.answer if original else "",
    )


def _label(model: str, measured: MeasuredProfile, audited: Audited) -> str:
    """The value ID; with the model as it was asked for where two of them have the same."""
    value_id = measured.profile.value_id
    same = [name for name, profiles in audited.items() for each in profiles if each.profile.value_id == value_id]
    return str(value_id) if len(same) == 1 else f"{value_id} ({model})"
