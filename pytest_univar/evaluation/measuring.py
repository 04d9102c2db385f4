"""A plan and one encoder's vectors → what an evaluation shows of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pytest_univar.evaluation.control import contrast
from pytest_univar.evaluation.identification import (
    Guesses,
    Scores,
    average,
    baselines,
    guesses,
    recall_among,
    scores_of,
)
from pytest_univar.evaluation.plan import Controlled, Plan, ViewsOf
from pytest_univar.evaluation.profiles import centroids_of, misfits, profile_curve, view_score
from pytest_univar.evaluation.results import Control, CorpusNote, Identification, Novelty, Profiles, SourceLanguage
from pytest_univar.evaluation.scores import Estimate, Figure, Resamples, classification
from pytest_univar.evaluation.splits import Split, texts_of
from pytest_univar.evaluation.translationese import FORMATS, Translationese
from pytest_univar.values import Vectors

MEAN = "mean"
"""The corpus that is the mean of all."""


class Embedded:
    """The vectors ``[n, d]`` of a run's texts, each of which was encoded once."""

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        self._row = {text: row for row, text in enumerate(texts)}
        self._vectors = vectors

    def of(self, texts: Iterable[str]) -> Vectors:
        return self._vectors[[self._row[text] for text in texts]]


@dataclass
class Found:
    """What was measured so far; the order is that of the tables."""

    identification: list[Identification] = field(default_factory=list)
    control: list[Control] = field(default_factory=list)
    novelty: list[Novelty] = field(default_factory=list)
    profiles: list[Profiles] = field(default_factory=list)
    views: list[Profiles] = field(default_factory=list)
    translationese: list[SourceLanguage] = field(default_factory=list)


def measure(plan: Plan, name: str, embedded: Embedded, found: Found) -> None:
    """Add everything the plan asks for of one encoder, called ``name``."""
    by_method: dict[str, list[Scores]] = defaultdict(list)
    for place, split in enumerate(plan.splits):
        reference, queries = embedded.of(texts_of(split.reference)), embedded.of(texts_of(split.test))
        resamples = Resamples(split.questions, (plan.settings.seed, place))
        n_labels = len(split.value_ids)
        of_split = _guesses(plan, split, reference, queries)
        for guess in of_split:
            scores = scores_of(guess, split.labels, n_labels, resamples)
            by_method[scores.method].append(scores)
            found.identification.append(_identification(name, split.name, scores))
        misfit = misfits(queries, centroids_of(reference, split.reference_labels, n_labels))
        for group, only in _groups(plan, split):
            curve = profile_curve(
                misfit,
                split.labels,
                split.questions,
                seed=plan.settings.seed,
                sizes=plan.settings.profile_sizes,
                only=only,
            )
            found.profiles += [
                Profiles(name, split.name, group, each.size, each.value_ids, 1 / n_labels, each.accuracy)
                for each in curve
            ]
            if group != "all":
                for guess in of_split:
                    recall = recall_among(guess, split.labels, only, n_labels, resamples)
                    found.novelty.append(
                        Novelty(name, split.name, group, guess.method, len(only), 1 / n_labels, recall.figure())
                    )
    if len(plan.splits) > 1:
        found.identification += [_identification(name, MEAN, average(each)) for each in by_method.values()]
    for each in plan.controlled:
        found.control += _control(plan, name, each, embedded)
    found.views += [_view(plan, name, view, embedded) for view in plan.views]
    if plan.translationese:
        found.translationese += _translationese(plan, name, plan.translationese, embedded)


def measure_baselines(plan: Plan, found: Found) -> None:
    """Add what chance and the commonest label reach."""
    by_method: dict[str, list[Scores]] = defaultdict(list)
    for split in plan.splits:
        for scores in baselines(split.reference_labels, split.labels, len(split.value_ids)):
            by_method[scores.method].append(scores)
            found.identification.append(_identification("", split.name, scores))
    if len(plan.splits) > 1:
        found.identification += [_identification("", MEAN, average(each)) for each in by_method.values()]
    if plan.translationese:
        texts = plan.translationese
        reference, labels = texts.labels(texts.reference), texts.labels(texts.test)
        for scores in baselines(reference, labels, len(texts.languages)):
            row = _identification("", "", scores)
            found.translationese += [
                SourceLanguage(
                    "", format, row.method, row.accuracy, row.balanced_accuracy, row.weighted_f1, row.at
                )
                for format in FORMATS
            ]  # fmt: skip


def corpus_note(split: Split) -> CorpusNote:
    reference = {answer.question_id for answer in split.reference}
    test = set(split.questions)
    return CorpusNote(
        split.name, len(split.value_ids), len(split.reference), len(split.test), len(reference), len(test),
        len(reference & test),
    )  # fmt: skip


def _guesses(plan: Plan, split: Split, reference: Vectors, queries: Vectors) -> list[Guesses]:
    settings = plan.settings
    n_labels = len(split.value_ids)
    return guesses(
        reference, split.reference_labels, queries, n_labels,
        ks=settings.ks, probe=settings.probe, seed=settings.seed,
    )  # fmt: skip


def _groups(plan: Plan, split: Split) -> list[tuple[str, list[int]]]:
    """The groups of value IDs that are scored on their own, with their labels; those without test answers are none."""
    tested = sorted({int(label) for label in split.labels})
    unseen = [label for label in tested if split.value_ids[label].llm in plan.settings.unseen]
    groups = [("all", tested)]
    if unseen and len(unseen) < len(tested):
        groups += [("seen", [label for label in tested if label not in unseen]), ("unseen", unseen)]
    return groups


def _control(plan: Plan, name: str, each: Controlled, embedded: Embedded) -> list[Control]:
    sides: list[list[Estimate]] = []
    for split in (each.values, each.control):
        reference, queries = embedded.of(texts_of(split.reference)), embedded.of(texts_of(split.test))
        resamples = Resamples(split.questions, (plan.settings.seed, len(sides)))  # their questions are not the same
        found = _guesses(plan, split, reference, queries)
        scores = [classification(split.labels, guess.labels, len(split.value_ids), resamples) for guess in found]
        sides.append([score.balanced_accuracy for score in scores])
    n = len(each.values.value_ids)
    return [
        Control(
            name, each.corpus, guess.method, n, each.reference_of_each, 1 / n, *contrast(values, control, 1 / n)
        )
        for guess, values, control in zip(found, *sides, strict=True)
    ]  # fmt: skip


def _view(plan: Plan, name: str, view: ViewsOf, embedded: Embedded) -> Profiles:
    reference, queries = embedded.of(view.reference.texts), embedded.of(view.test.texts)
    score = view_score(view.size, reference, view.reference, queries, view.test, plan.settings.seed)
    n_labels = len(np.unique(view.reference.labels))
    return Profiles(name, view.corpus, "all", view.size, score.value_ids, 1 / n_labels, score.accuracy)


def _translationese(plan: Plan, name: str, texts: Translationese, embedded: Embedded) -> list[SourceLanguage]:
    settings, rows = plan.settings, []
    reference_labels, labels = texts.labels(texts.reference), texts.labels(texts.test)
    resamples = Resamples([each.group for each in texts.test], settings.seed)
    n_labels = len(texts.languages)
    for format in FORMATS:
        reference = embedded.of(each.formatted(format) for each in texts.reference)
        queries = embedded.of(each.formatted(format) for each in texts.test)
        for guess in guesses(
            reference, reference_labels, queries, n_labels, ks=settings.ks, probe=settings.probe, seed=settings.seed
        ):
            row = _identification(name, "", scores_of(guess, labels, n_labels, resamples))
            rows.append(
                SourceLanguage(
                    name, format, row.method, row.accuracy, row.balanced_accuracy, row.weighted_f1, row.at
                )
            )  # fmt: skip
    return rows


def _identification(name: str, corpus: str, scores: Scores) -> Identification:
    def figure(estimate: Estimate) -> Figure:
        return estimate.figure()

    return Identification(
        name,
        corpus,
        scores.method,
        figure(scores.accuracy),
        figure(scores.balanced_accuracy),
        figure(scores.weighted_f1),
        {k: figure(estimate) for k, estimate in scores.at.items()},
    )
