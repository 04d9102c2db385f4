"""One profile and the bank it is held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_univar import stats
from pytest_univar.banks import ReferenceBank
from pytest_univar.calibration import Calibration
from pytest_univar.errors import UndefinedError
from pytest_univar.measurement.results import Closeness, Distance, Pull, RegionShare, RegionVerdict
from pytest_univar.stats import Centre, Floats
from pytest_univar.values import Profile, ValueID

PULLS = 3
"""Questions that are named as evidence."""
ALTERNATIVES = 3
"""Value IDs that are named beside a distance."""


Target: TypeAlias = "str | ValueID | Profile | MeasuredProfile"


@dataclass(frozen=True, eq=False, repr=False)
class MeasuredProfile:
    """One profile and the bank it is held against; BankError where they are of different encoders.

    confidence: of every interval. draws, seed: of the bootstrap. k: neighbours that vote on each answer.
    """

    profile: Profile
    bank: ReferenceBank
    confidence: float = 0.95
    draws: int = 2000
    seed: int = 0
    k: int = 50

    def __post_init__(self) -> None:
        self.bank.check_encoder(self.profile.encoder, "another encoder")

    def __len__(self) -> int:
        return len(self.profile)

    def __repr__(self) -> str:
        counts = f"{len(self)} rows, {self.n_questions} questions"
        return f"<MeasuredProfile {self.profile.value_id}: {counts}, against the bank {self.bank.name!r}>"

    @property
    def n_questions(self) -> int:
        return len(set(self.profile.question_ids))

    def at(self, confidence: float | None) -> MeasuredProfile:
        """The same with intervals of another confidence; None leaves it."""
        return self if confidence in (None, self.confidence) else replace(self, confidence=confidence)

    def region(self, scheme: str) -> RegionVerdict:
        """The region of ``scheme`` with the largest share of the answers (the first in name order of equal ones)."""
        names, where, found = self._regions(scheme)
        order = np.argsort(-found, kind="stable")
        first = int(order[0])
        return RegionVerdict(
            label=names[first],
            scheme=scheme,
            share=float(found[first]),
            interval=stats.share_interval(where == first, self.profile.question_ids, self.confidence),
            confidence=self.confidence,
            shares={names[i]: float(found[i]) for i in order},
            n=len(self),
            n_questions=self.n_questions,
            k=self.k,
            balanced=len(set(self._bank_counts.tolist())) > 1,
            pulls=self._pulls_between(scheme, [names[i] for i in order[:2]]),
        )

    def region_share(self, region: str, scheme: str) -> RegionShare:
        """The share of one region, and its lead over the strongest other one.

        The lead's interval is that of the mean of +1 (in the region), −1 (in the rival's) and 0, by question: Wilson's,
        after moving it to 0 … 1.
        """
        self.bank.region_members(scheme, region)  # a name that is not there is an error with the names that are
        names, where, found = self._regions(scheme)
        own = names.index(region)
        others = [i for i in np.argsort(-found, kind="stable") if i != own]
        rival = int(others[0]) if others else -1
        lead = (1.0 + (where == own) - (where == rival)) / 2
        low, high = stats.share_interval(lead, self.profile.question_ids, self.confidence)
        return RegionShare(
            label=region,
            scheme=scheme,
            share=float(found[own]),
            interval=stats.share_interval(where == own, self.profile.question_ids, self.confidence),
            rival=names[rival] if others else "",
            rival_share=float(found[rival]) if others else 0.0,
            lead=float(2 * lead.mean() - 1),
            lead_interval=stats.Interval(2 * low - 1, 2 * high - 1),
            confidence=self.confidence,
            n_questions=self.n_questions,
            pulls=self._pulls_between(scheme, [region, names[rival]] if others else [region]),
        )

    def distance_to(self, target: Target, scheme: str | None = None) -> Distance:
        """The distance to a value ID (``'gpt-4o/eng'``), another profile or, with ``scheme``, a region of the bank."""
        found = self._distance(*self.target(target, scheme))
        gaps, order = self._gaps
        nearest = tuple((str(value_id), gaps[value_id]) for value_id in order if str(value_id) != found.to)
        return replace(found, nearest=nearest[:ALTERNATIVES])

    def nearest(self, count: int = 3) -> tuple[Distance, ...]:
        """The distances to the ``count`` nearest value IDs of the bank, the nearest first."""
        return tuple(self._distance(str(value_id), self._centres[value_id]) for value_id in self._gaps[1][:count])

    def closer(self, to: Target, than: Target, scheme: str | None = None) -> Closeness:
        """Whether this profile is closer to ``to`` than to ``than``; with ``scheme`` both are regions of the bank."""
        name, centre = self.target(to, scheme)
        other_name, other = self.target(than, scheme)
        interval = stats.difference_interval(self.centre, centre, other, self.confidence, self.draws, self.seed)
        return Closeness(
            closer_to=name,
            than=other_name,
            distance_to=self._distance(name, centre),
            distance_than=self._distance(other_name, other),
            difference=stats.distance_difference(self.centre, centre, other),
            interval=interval,
            confidence=self.confidence,
            verdict=stats.verdict(interval, 0.0, "above"),
            pulls=self.pulls(other.mean - centre.mean),
        )

    def pulls(self, direction: Floats, before: Mapping[str, Floats] | None = None) -> tuple[Pull, ...]:
        """The questions whose answers lie farthest in a ``direction`` ``[d]``, the hardest first.

        They are compared with the centroid or, where ``before`` gives the question's mean ``[d]`` in an earlier
        profile, with that; questions that it does not have are left out.
        """
        length = float(np.linalg.norm(direction))
        if not length:
            return ()
        rows: dict[str, list[int]] = {}
        for row, question in enumerate(self.profile.question_ids):
            rows.setdefault(question, []).append(row)
        lengths = self._along(direction / length)
        start = dict.fromkeys(rows, self.centre.mean) if before is None else before
        amounts = {
            question: float(lengths[own].mean()) - float(start[question] @ direction) / length
            for question, own in rows.items()
            if question in start
        }
        strongest = sorted(amounts, key=lambda question: -amounts[question])[:PULLS]
        return tuple(
            # of several samples the one that pulls hardest is shown
            Pull(question, amounts[question], *self._texts(max(rows[question], key=lambda row: lengths[row])))
            for question in strongest
            if amounts[question] > 0
        )

    def _along(self, direction: Floats) -> npt.NDArray[np.float64]:
        """How far each answer lies in a direction. In parts: the vectors are float32, a whole copy would be large."""
        vectors = self.profile.vectors
        return np.concatenate([vectors[start : start + 1000] @ direction for start in range(0, len(vectors), 1000)])

    def target(self, target: Target, scheme: str | None) -> tuple[str, Centre]:
        """What a target is called in a report, and its centre; BankError for a name that the bank does not have."""
        if isinstance(target, MeasuredProfile):
            target = target.profile
        if isinstance(target, Profile):
            self.bank.check_encoder(target.encoder, "another encoder")
            return str(target.value_id), stats.centre(target.vectors, target.question_ids)
        if scheme is not None:
            region = str(target)
            return f"{region} ({scheme})", self._centre_of(self.bank.region_members(scheme, region))
        return str(target), self._centre_of([target])

    def _texts(self, row: int) -> tuple[str, ...]:
        found = [texts[row] for texts in (self.profile.qas, self.profile.originals) if texts]
        return tuple(text for qa in found for text in (qa.question, qa.answer))

    @cached_property
    def neighbours(self) -> npt.NDArray[np.intp]:
        """For each row the value ID, as an index into the bank's, that wins the balanced vote of its k neighbours."""
        labels, n_labels = self.bank.value_index, len(self.bank.value_ids)
        weights = stats.balancing_weights(labels, n_labels)
        return stats.knn_labels(self.profile.vectors, self.bank.vectors, labels, n_labels, self.k, weights)

    @cached_property
    def centre(self) -> Centre:
        """The centroid, with the pull of each question on it, or of bundles of very many."""
        return stats.bundled(stats.centre(self.profile.vectors, self.profile.question_ids))

    @cached_property
    def calibration(self) -> Calibration | None:
        """The bank's, None where it has none."""
        return Calibration.of(self.bank)

    @cached_property
    def _bank_counts(self) -> npt.NDArray[np.intp]:
        return np.bincount(self.bank.value_index)

    @cached_property
    def _centres(self) -> dict[ValueID, Centre]:
        return {value_id: self._centre_of([value_id]) for value_id in self.bank.value_ids}

    @cached_property
    def _gaps(self) -> tuple[dict[ValueID, float], list[ValueID]]:
        """The debiased distance of every value ID of the bank, and these in order, the nearest first."""
        gaps = {value_id: stats.debiased_distance(self.centre, centre) for value_id, centre in self._centres.items()}
        # two that are both 0 apart after debiasing are told apart by the plain distance
        plain = {
            value_id: float(np.linalg.norm(self.centre.mean - centre.mean))
            for value_id, centre in self._centres.items()
        }
        return gaps, sorted(gaps, key=lambda value_id: (gaps[value_id], plain[value_id]))

    def _regions(self, scheme: str) -> tuple[list[str], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """The regions in name order; for each row its region's number, their count for none; the share of each."""
        names = sorted(self.bank.regions(scheme))
        nowhere = len(names)
        region_of = dict.fromkeys(self.bank.value_ids, nowhere)
        for index, name in enumerate(names):
            region_of.update(dict.fromkeys(self.bank.region_members(scheme, name), index))
        where = np.array([region_of[value_id] for value_id in self.bank.value_ids])[self.neighbours]
        found = stats.shares(where, nowhere + 1)[:nowhere]
        if not found.any():
            raise UndefinedError(
                f"found every answer nearest to value IDs that are in no region of the scheme {scheme!r} of the bank "
                f"{self.bank.name!r}, expected some that are in one; use another scheme"
            )
        return names, where, found

    def _pulls_between(self, scheme: str, regions: Sequence[str]) -> tuple[Pull, ...]:
        """The questions that pull from the first region toward the second; none where there is no second."""
        if len(regions) < 2:
            return ()
        one, other = (self._centre_of(self.bank.region_members(scheme, region)) for region in regions)
        return self.pulls(other.mean - one.mean)

    def _centre_of(self, members: Sequence[ValueID | str]) -> Centre:
        """The mean of the centroids of some value IDs of the bank."""
        rows = [self.bank.rows(member) for member in members]
        return stats.centre(
            np.concatenate([part.vectors for part in rows]),
            np.concatenate([part.groups for part in rows]),
            np.repeat(np.arange(len(rows)), [len(part.groups) for part in rows]),
        )

    def _distance(self, to: str, centre: Centre) -> Distance:
        estimate = stats.debiased_distance(self.centre, centre)
        within, between = None, None
        if self.calibration:
            within, between = self.calibration.percentiles(estimate, self.n_questions)
        return Distance(
            to=to,
            estimate=estimate,
            plain=float(np.linalg.norm(self.centre.mean - centre.mean)),
            interval=stats.distance_interval(self.centre, centre, self.confidence, self.draws, self.seed),
            confidence=self.confidence,
            n=len(self),
            n_questions=self.n_questions,
            within=within,
            between=between,
            pulls=self.pulls(self.centre.mean - centre.mean),
        )
