"""What measuring gives: values with their intervals, that compare with plain numbers and strings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

from pytest_univar.stats import Interval, Verdict

RESOLUTION = 0.01
"""Distances of unit vectors below which devices and number types differ: no drift, however surely it is found."""


@dataclass(frozen=True)
class Pull:
    """How hard one question pulls a profile in some direction, in the unit of a distance, beyond the mean question.

    original_question, original_answer: as asked and answered, where that was not in English.
    """

    question_id: str
    amount: float
    question: str = ""
    answer: str = ""
    original_question: str = ""
    original_answer: str = ""


class _Estimated:
    """Compares with numbers, and with its like, by ``estimate``."""

    estimate: float

    def __float__(self) -> float:
        return self.estimate

    def __eq__(self, other: object) -> bool:
        return self.estimate == float(other) if isinstance(other, (Real, _Estimated)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.estimate)

    def __lt__(self, other: float | _Estimated) -> bool:
        return self.estimate < float(other) if isinstance(other, (Real, _Estimated)) else NotImplemented

    def __le__(self, other: float | _Estimated) -> bool:
        return self.estimate <= float(other) if isinstance(other, (Real, _Estimated)) else NotImplemented

    def __gt__(self, other: float | _Estimated) -> bool:
        return self.estimate > float(other) if isinstance(other, (Real, _Estimated)) else NotImplemented

    def __ge__(self, other: float | _Estimated) -> bool:
        return self.estimate >= float(other) if isinstance(other, (Real, _Estimated)) else NotImplemented


@dataclass(frozen=True, eq=False)
class Distance(_Estimated):
    """The distance of a profile's centroid to another; compares with numbers like its estimate.

    to: what it leads to. estimate: debiased, so that it does not depend on the number of answers. plain: the paper's
    (appendix G). n, n_questions: rows and questions of the profile. within, between: the percentage of the bank's own
    distances, of one value ID to itself and to others, that are smaller; None where the bank does not know. nearest:
    the value IDs of the bank that are nearest instead. pulls: the questions that pull hardest away.
    """

    to: str
    estimate: float
    plain: float
    interval: Interval
    confidence: float
    n: int
    n_questions: int
    method: str = "debiased"
    within: float | None = None
    between: float | None = None
    nearest: tuple[tuple[str, float], ...] = ()
    pulls: tuple[Pull, ...] = ()

    def __str__(self) -> str:
        return f"{self.estimate:.3f} {self.interval}"

    def __repr__(self) -> str:
        return f"<Distance to {self.to}: {self}>"


@dataclass(frozen=True, eq=False)
class Drift(_Estimated):
    """How far a profile moved since an earlier one; compares with numbers like its estimate.

    estimate: debiased distance of the centroids; where most questions are shared, of these alone, question by question.
    p_value: of a permutation test of no drift at all; p_adjusted: the same after Holm over the languages tested
    together. n_questions: those that entered. shared: how many questions both answered. margin: a drift below it is
    smaller than nearly every distance between two LLMs of the bank; None where the bank does not know.
    """

    since: str
    language: str
    estimate: float
    plain: float
    interval: Interval
    confidence: float
    p_value: float
    p_adjusted: float
    n_questions: int
    shared: int
    method: str
    margin: float | None = None
    pulls: tuple[Pull, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Of the claim that nothing changed: violated where the test finds drift that is more than numerical, met where
        what drift there may be is within the margin, else inconclusive."""
        if self.interval.high < RESOLUTION:
            return "met"
        if self.p_adjusted < 1 - self.confidence:
            return "violated"
        return "met" if self.margin is not None and self.interval.high < self.margin else "inconclusive"

    def __str__(self) -> str:
        return f"{self.estimate:.3f} {self.interval}, p = {self.p_adjusted:.4f}"

    def __repr__(self) -> str:
        return f"<Drift since {self.since}: {self}>"


@dataclass(frozen=True, eq=False)
class RegionVerdict:
    """The region of a scheme in which the largest share of the answers lies; equals its label as a string.

    interval: of that share, by question. shares: of every region, the largest first; their sum is below 1 where value
    IDs belong to no region. balanced: the value IDs had unequal counts and their votes were weighted to weigh alike.
    method: how an answer finds its region. pulls: questions that are answered as in another region.
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
    method: str = "k-NN"
    pulls: tuple[Pull, ...] = ()

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
class RegionShare:
    """The share of the answers that lie in one region, and its lead over the strongest other one.

    rival: that other region, ``""`` where the scheme has none. lead: ``share − rival_share``, negative where the rival
    leads. pulls: questions that are answered as in another region.
    """

    label: str
    scheme: str
    share: float
    interval: Interval
    rival: str
    rival_share: float
    lead: float
    lead_interval: Interval
    confidence: float
    n_questions: int
    pulls: tuple[Pull, ...] = ()


@dataclass(frozen=True)
class Closeness:
    """Whether a profile is closer to one thing than to another.

    difference: ``distance_than − distance_to``, positive where the claim holds. verdict: of the claim that it holds.
    pulls: the questions that pull hardest toward ``than``.
    """

    closer_to: str
    than: str
    distance_to: Distance
    distance_than: Distance
    difference: float
    interval: Interval
    confidence: float
    verdict: Verdict
    pulls: tuple[Pull, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.verdict}: closer to {self.closer_to} than to {self.than} by {self.difference:.3f} {self.interval}"
        )


@dataclass(frozen=True)
class Movement:
    """How much closer a later profile is to something than an earlier one was.

    before, after: debiased distances. gain: ``before − after``, positive where it moved toward it.
    """

    to: str
    since: str
    before: float
    after: float
    gain: float
    interval: Interval
    confidence: float
    n_questions: int


@dataclass(frozen=True, eq=False)
class Spread(_Estimated):
    """How far the language centroids of one LLM lie from their mean: root mean square, debiased."""

    llm: str
    languages: tuple[str, ...]
    estimate: float
    interval: Interval
    confidence: float
    n_questions: int

    def __str__(self) -> str:
        return f"{self.estimate:.3f} {self.interval}"
