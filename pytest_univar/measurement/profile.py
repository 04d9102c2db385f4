"""A profile held against a reference bank: where it lies, how far from what, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_univar import stats
from pytest_univar.banks import ReferenceBank
from pytest_univar.errors import UndefinedError
from pytest_univar.stats import Centre, Interval, Verdict
from pytest_univar.values import Profile, ValueID


@dataclass(frozen=True, eq=False)
class Distance:
    """The distance of a profile's centroid to another; compares with numbers like its estimate.

    to: what it leads to. estimate: debiased, so that it does not depend on the number of answers. plain: the paper's
    (appendix G). n, n_questions: rows and questions of the profile.
    """

    to: str
    estimate: float
    plain: float
    interval: Interval
    confidence: float
    n: int
    n_questions: int
    method: str = "debiased"

    def __float__(self) -> float:
        return self.estimate

    def __str__(self) -> str:
        return f"{self.estimate:.3f} {self.interval}"

    def __repr__(self) -> str:
        return f"<Distance to {self.to}: {self}>"

    def __eq__(self, other: object) -> bool:
        return self.estimate == float(other) if isinstance(other, (Real, Distance)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.estimate)

    def __lt__(self, other: float | Distance) -> bool:
        return self.estimate < float(other) if isinstance(other, (Real, Distance)) else NotImplemented

    def __le__(self, other: float | Distance) -> bool:
        return self.estimate <= float(other) if isinstance(other, (Real, Distance)) else NotImplemented

    def __gt__(self, other: float | Distance) -> bool:
        return self.estimate > float(other) if isinstance(other, (Real, Distance)) else NotImplemented

    def __ge__(self, other: float | Distance) -> bool:
        return self.estimate >= float(other) if isinstance(other, (Real, Distance)) else NotImplemented


@dataclass(frozen=True, eq=False)
class RegionVerdict:
    """The region of a scheme in which the largest share of the answers lies; equals its label as a string.

    interval: of that share, by question. shares: of every region, the largest first; their sum is below 1 where value
    IDs belong to no region. balanced: the value IDs had unequal counts and their votes were weighted to weigh alike.
    """

    label: str
    scheme: str
    share: float
    interval: Interval
    confidence: float
    shares: Mapping[str, float]
    n: int
    n_questions: int
    k: int
    balanced: bool

    def __repr__(self) -> str:
        return f"<RegionVerdict {self.scheme}: {self}>"

    def __str__(self) -> str:
        return f"{self.label} {self.share:.0%} [{self.interval.low:.0%}, {self.interval.high:.0%}]"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (str, RegionVerdict)):
            return self.label == (other if isinstance(other, str) else other.label)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.label)


@dataclass(frozen=True)
class Closeness:
    """Whether a profile is closer to one thing than to another.

    difference: ``distance_than − distance_to``, positive where the claim holds. verdict: of the claim that it holds.
    """

    closer_to: str
    than: str
    distance_to: Distance
    distance_than: Distance
    difference: float
    interval: Interval
    confidence: float
    verdict: Verdict

    def __str__(self) -> str:
        return (
            f"{self.verdict}: closer to {self.closer_to} than to {self.than} by {self.difference:.3f} {self.interval}"
        )


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

    def region(self, scheme: str) -> RegionVerdict:
        """The region of ``scheme`` with the largest share of the answers (the first in name order of equal ones)."""
        names = sorted(self.bank.regions(scheme))
        nowhere = len(names)
        region_of = dict.fromkeys(self.bank.value_ids, nowhere)
        for index, name in enumerate(names):
            region_of.update(dict.fromkeys(self.bank.region_members(scheme, name), index))
        regions = np.array([region_of[value_id] for value_id in self.bank.value_ids])[self.neighbours]
        found = stats.shares(regions, nowhere + 1)[:nowhere]
        if not found.any():
            raise UndefinedError(
                f"found every answer nearest to value IDs that are in no region of the scheme {scheme!r} of the bank "
                f"{self.bank.name!r}, expected some that are in one; use another scheme"
            )
        first = int(found.argmax())
        return RegionVerdict(
            label=names[first],
            scheme=scheme,
            share=float(found[first]),
            interval=stats.share_interval(regions == first, self.profile.question_ids, self.confidence),
            confidence=self.confidence,
            shares={names[i]: float(found[i]) for i in np.argsort(-found, kind="stable")},
            n=len(self),
            n_questions=self.n_questions,
            k=self.k,
            balanced=len(set(self._bank_counts.tolist())) > 1,
        )

    def distance_to(self, target: Target, scheme: str | None = None) -> Distance:
        """The distance to a value ID (``'gpt-4o/eng'``), another profile or, with ``scheme``, a region of the bank."""
        return self._distance(*self._target(target, scheme))

    def nearest(self, count: int = 3) -> tuple[Distance, ...]:
        """The distances to the ``count`` nearest value IDs of the bank, the nearest first."""
        centres = {value_id: self._centre_of([value_id]) for value_id in self.bank.value_ids}
        gaps = {value_id: stats.debiased_distance(self._centre, centre) for value_id, centre in centres.items()}
        # two that are both 0 apart after debiasing are told apart by the plain distance
        plain = {
            value_id: float(np.linalg.norm(self._centre.mean - centre.mean)) for value_id, centre in centres.items()
        }
        order = sorted(centres, key=lambda value_id: (gaps[value_id], plain[value_id]))
        return tuple(self._distance(str(value_id), centres[value_id]) for value_id in order[:count])

    def closer(self, to: Target, than: Target, scheme: str | None = None) -> Closeness:
        """Whether this profile is closer to ``to`` than to ``than``; with ``scheme`` both are regions of the bank."""
        name, centre = self._target(to, scheme)
        other_name, other = self._target(than, scheme)
        interval = stats.difference_interval(self._centre, centre, other, self.confidence, self.draws, self.seed)
        return Closeness(
            closer_to=name,
            than=other_name,
            distance_to=self._distance(name, centre),
            distance_than=self._distance(other_name, other),
            difference=stats.distance_difference(self._centre, centre, other),
            interval=interval,
            confidence=self.confidence,
            verdict=stats.verdict(interval, 0.0, "above"),
        )

    @cached_property
    def neighbours(self) -> npt.NDArray[np.intp]:
        """For each row the value ID, as an index into the bank's, that wins the balanced vote of its k neighbours."""
        labels, n_labels = self.bank.value_index, len(self.bank.value_ids)
        weights = stats.balancing_weights(labels, n_labels)
        return stats.knn_labels(self.profile.vectors, self.bank.vectors, labels, n_labels, self.k, weights)

    @cached_property
    def _centre(self) -> Centre:
        return stats.centre(self.profile.vectors, self.profile.question_ids)

    @cached_property
    def _bank_counts(self) -> npt.NDArray[np.intp]:
        return np.bincount(self.bank.value_index)

    def _target(self, target: Target, scheme: str | None) -> tuple[str, Centre]:
        if isinstance(target, MeasuredProfile):
            target = target.profile
        if isinstance(target, Profile):
            self.bank.check_encoder(target.encoder, "another encoder")
            return str(target.value_id), stats.centre(target.vectors, target.question_ids)
        if scheme is not None:
            region = str(target)
            return f"{region} ({scheme})", self._centre_of(self.bank.region_members(scheme, region))
        return str(target), self._centre_of([target])

    def _centre_of(self, members: Sequence[ValueID | str]) -> Centre:
        """The mean of the centroids of some value IDs of the bank."""
        rows = [self.bank.rows(member) for member in members]
        return stats.centre(
            np.concatenate([part.vectors for part in rows]),
            np.concatenate([part.groups for part in rows]),
            np.repeat(np.arange(len(rows)), [len(part.groups) for part in rows]),
        )

    def _distance(self, to: str, centre: Centre) -> Distance:
        return Distance(
            to=to,
            estimate=stats.debiased_distance(self._centre, centre),
            plain=float(np.linalg.norm(self._centre.mean - centre.mean)),
            interval=stats.distance_interval(self._centre, centre, self.confidence, self.draws, self.seed),
            confidence=self.confidence,
            n=len(self),
            n_questions=self.n_questions,
        )
