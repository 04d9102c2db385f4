"""What an evaluation found, as one value that is written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pytest_univar.evaluation.scores import Figure

SCHEMA = 1


@dataclass(frozen=True)
class EncoderNote:
    """What was measured. name: as the tables call it. given: as it was asked for. trained_on: how many of the test
    questions the encoder was trained on, by its training.json and these answers; None where it has none."""

    name: str
    given: str
    fingerprint: str
    device: str
    dtype: str
    dimension: int
    max_seq_length: int
    trained_on: int | None


@dataclass(frozen=True)
class CorpusNote:
    """A split in numbers. shared_questions: of the test, that are in the reference too (0 in a split by question)."""

    name: str
    value_ids: int
    reference_answers: int
    test_answers: int
    reference_questions: int
    test_questions: int
    shared_questions: int


@dataclass(frozen=True)
class Identification:
    """Of single answers. corpus: ``mean`` is over the corpora. at: k → accuracy@k of the probe."""

    encoder: str
    corpus: str
    method: str
    accuracy: Figure
    balanced_accuracy: Figure
    weighted_f1: Figure
    at: Mapping[int, Figure]


@dataclass(frozen=True)
class Control:
    """Figure 4, balanced accuracies: see control.py. reference_answers: of each value ID, on both sides."""

    encoder: str
    corpus: str
    method: str
    value_ids: int
    reference_answers: int
    chance: float
    values: Figure
    control: Figure
    gap: Figure
    ratio: Figure | None


@dataclass(frozen=True)
class Novelty:
    """Balanced accuracy of single answers over the value IDs of LLMs that were ``seen`` in training, or ``unseen``."""

    encoder: str
    corpus: str
    group: str
    method: str
    value_ids: int
    chance: float
    balanced_accuracy: Figure


@dataclass(frozen=True)
class Profiles:
    """Share of profiles of ``size`` answers, or views of ``size`` QAs, nearest to their own centroid.

    group: ``all``, ``seen`` or ``unseen``. value_ids: that have so many test answers.
    """

    encoder: str
    corpus: str
    group: str
    size: int
    value_ids: int
    chance: float
    accuracy: Figure


@dataclass(frozen=True)
class SourceLanguage:
    """How well the source language of English texts is found, in one input format; lower is better."""

    encoder: str
    format: str
    method: str
    accuracy: Figure
    balanced_accuracy: Figure
    weighted_f1: Figure
    at: Mapping[int, Figure]


@dataclass(frozen=True)
class Evaluation:
    """Everything that one run found. answers_sha256: of the file, or of a folder's files with their names.

    settings: the options that figures depend on. versions: of what computed them.
    """

    answers: str
    answers_sha256: str
    split: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    encoders: tuple[EncoderNote, ...]
    corpora: tuple[CorpusNote, ...]
    identification: tuple[Identification, ...]
    control: tuple[Control, ...]
    novelty: tuple[Novelty, ...]
    profiles: tuple[Profiles, ...]
    views: tuple[Profiles, ...]
    translationese: tuple[SourceLanguage, ...]
    translationese_note: str | None
    notes: tuple[str, ...]


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """As a JSON document: ``schema`` first, figures as ``{value, low, high}``."""
    return {
        "schema": SCHEMA,
        "kind": "evaluation",
        **{f.name: _plain(getattr(evaluation, f.name)) for f in fields(evaluation)},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Figure):
        return value._asdict()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return value
