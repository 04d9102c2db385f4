"""How far the languages of one LLM lie apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pytest_univar import stats
from pytest_univar.banks import ReferenceBank
from pytest_univar.errors import UndefinedError
from pytest_univar.measurement.profile import MeasuredProfile
from pytest_univar.measurement.results import Spread
from pytest_univar.stats import Centre, Floats, Groups


def spread_of(profiles: Sequence[MeasuredProfile]) -> Spread:
    """The root mean square distance of the language centroids of one LLM from their mean, debiased.

    It is the length of one long vector, all the deviations ``(c_l − c̄)/√L`` in a row; so its interval is that of a
    distance from 0, and a question that was asked in every language pulls on all of them at once.
    """
    first = profiles[0]
    centre = _deviations([(each.profile.vectors, each.profile.question_ids) for each in profiles])
    origin = stats.origin(centre)
    return Spread(
        llm=first.profile.value_id.llm,
        languages=tuple(each.profile.value_id.language for each in profiles),
        estimate=stats.debiased_distance(centre, origin),
        interval=stats.distance_interval(centre, origin, first.confidence, first.draws, first.seed),
        confidence=first.confidence,
        n_questions=len(centre.influence),
    )


def bank_spreads(bank: ReferenceBank) -> dict[str, float]:
    """The same for every LLM of the bank that has several languages: LLM → spread."""
    languages = defaultdict(list)
    for value_id in bank.value_ids:
        languages[value_id.llm].append(value_id)
    spreads = {}
    for llm, value_ids in languages.items():
        if len(value_ids) > 1:
            centre = _deviations([bank.rows(value_id) for value_id in value_ids])
            spreads[llm] = stats.debiased_distance(centre, stats.origin(centre))
    return spreads


def _deviations(samples: Sequence[tuple[Floats, Groups]]) -> Centre:
    """The Centre ``[L·d]`` of the deviations of L centroids from their mean, over √L; influence by question."""
    if len(samples) < 2:
        raise UndefinedError(f"found {len(samples)} language, expected at least 2: one alone has no spread")
    questions = sorted({question for _, groups in samples for question in groups})
    place = {question: number for number, question in enumerate(questions)}
    means, pulls = [], []
    for vectors, groups in samples:
        centre = stats.centre(vectors, groups)
        pull = np.zeros((len(questions), len(centre.mean)))
        pull[[place[question] for question in np.unique(np.asarray(groups))]] = centre.influence
        means.append(centre.mean)
        pulls.append(pull)
    mean, pull = np.stack(means), np.stack(pulls, axis=1)
    mean, pull = mean - mean.mean(axis=0), pull - pull.mean(axis=1, keepdims=True)
    scale = np.sqrt(len(samples))
    return Centre(mean.ravel() / scale, pull.reshape(len(questions), -1) / scale)
