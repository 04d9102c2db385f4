"""Claims about audited profiles, and what the ``univar`` fixture gives a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from pytest_univar.baselines import Baseline, check_comparable
from pytest_univar.errors import BankError, UsageError
from pytest_univar.explanations import (
    evidence_line,
    explain_closeness,
    explain_drift,
    explain_movement,
    further_questions,
    numbers,
    percents,
)
from pytest_univar.measurement import (
    Drift,
    MeasuredProfile,
    Pull,
    Target,
    adjusted,
    bank_spreads,
    drift_since,
    moved,
    spread_of,
)
from pytest_univar.stats import Interval, Side, Verdict, verdict
from pytest_univar.values import Profile


@dataclass(frozen=True)
class Claim:
    """One expectation with its verdict, as every report shows it.

    where: the test that made it. kind: the assertion, without ``assert_``. language: empty where it is about several.
    estimate, interval: in the unit of the threshold; p_value instead where a test decides. n_questions: that entered.
    evidence: the questions that pull hardest against it.
    """

    where: str
    model: str
    text: str
    verdict: Verdict
    detail: str
    kind: str = ""
    language: str = ""
    estimate: float | None = None
    interval: Interval | None = None
    threshold: float | None = None
    p_value: float | None = None
    confidence: float | None = None
    n_questions: int | None = None
    evidence: tuple[Pull, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.model}: expected that {self.text}; {self.verdict}: {self.detail}"]
        if self.verdict != "met" and self.evidence:
            lines += ["  what pulls hardest against it:", *(f"    {evidence_line(pull)}" for pull in self.evidence)]
        return "\n".join(lines)

    def to_json(self) -> str:
        """For a user property, which goes into JUnit's XML and from an xdist worker to the process that reports."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Claim:
        found = json.loads(text)
        interval = Interval(*found["interval"]) if found["interval"] else None
        return cls(**{**found, "interval": interval, "evidence": tuple(Pull(**pull) for pull in found["evidence"])})


class Auditor:
    """The audit as one test sees it: profiles by language, and assertions about them.

    profile_of: how profiles come about (once for the whole run). baseline: a saved baseline, by its
    name. settle: told of all claims of one assertion; raises when a verdict must end the test.
    """

    def __init__(
        self,
        where: str,
        model: str,
        languages: tuple[str, ...],
        profile_of: Callable[[str], MeasuredProfile],
        baseline: Callable[[str], Baseline],
        settle: Callable[[Sequence[Claim]], None],
    ) -> None:
        self.model = model
        self.languages = languages
        self._where = where
        self._profile_of = profile_of
        self._baseline = baseline
        self._settle = settle

    def profile(self, language: str) -> MeasuredProfile:
        """The audited model's profile in one of the test's languages (ISO 639-3), asked for and embedded at need."""
        if language not in self.languages:
            raise UsageError(
                f"found the language {language!r}, expected one of {', '.join(self.languages)}. "
                f"Declare it: @pytest.mark.univar(languages=[…, {language!r}]) or --univar-languages"
            )
        return self._profile_of(language)

    def assert_region(
        self, language: str, region: str, *, scheme: str, share: float | None = None, confidence: float | None = None
    ) -> None:
        """Assert that the profile lies in ``region`` of ``scheme``.

        Without ``share``: that more of its answers lie there than in any other region; decided by the interval of the
        lead over the strongest other one. With it: that at least that share (0 to 1) of its answers do.
        """
        profile = self.profile(language).at(confidence)
        found = profile.region_share(region, scheme)
        shown = f"share {found.share:.0%}, {profile.confidence:.0%} interval {percents(found.interval)}"
        if share is None:
            text, threshold = f"{language} lies in {region} ({scheme})", 0.0
            estimate, interval = found.lead, found.lead_interval
            shown += f"; lead {found.lead:+.0%} over {found.rival or 'none'}, interval {percents(found.lead_interval)}"
        else:
            text, threshold = f"at least {share:.0%} of {language} lie in {region} ({scheme})", share
            estimate, interval = found.share, found.interval
        claim = self._claim(
            profile, "region", text, shown, verdict(interval, threshold, "above"), estimate, interval, threshold
        )
        self._settle([replace(claim, evidence=found.pulls)])

    def assert_distance(
        self,
        language: str,
        to: Target,
        *,
        below: float | None = None,
        above: float | None = None,
        scheme: str | None = None,
        confidence: float | None = None,
    ) -> None:
        """Assert that the distance to a value ID, a profile or (with ``scheme``) a region is below or above a number.

        Decided by the interval of the debiased distance.
        """
        if (below is None) == (above is None):
            raise UsageError(f"found below={below} and above={above}, expected one of the two")
        profile = self.profile(language).at(confidence)
        distance = profile.distance_to(to, scheme)
        side: Side = "above" if below is None else "below"
        threshold = float(below if above is None else above)  # type: ignore[arg-type]  # one of them is a number
        claim = self._claim(
            profile,
            "distance",
            f"{language} is at a distance {side} {threshold:g} to {distance.to}",
            f"distance {distance.estimate:.3f}, {profile.confidence:.0%} interval {numbers(distance.interval)}",
            verdict(distance.interval, threshold, side),
            distance.estimate,
            distance.interval,
            threshold,
        )
        self._settle([replace(claim, evidence=distance.pulls if side == "below" else ())])

    def assert_closer(
        self, language: str, *, to: Target, than: Target, scheme: str | None = None, confidence: float | None = None
    ) -> None:
        """Assert that the profile in ``language`` is closer to one target than to another.

        ``to`` and ``than`` are regions of ``scheme``, or value IDs (``llm/lang``) without one. Met when the confidence
        interval of the difference of the two distances lies wholly above 0, violated when wholly below.
        """
        profile = self.profile(language).at(confidence)
        closeness = profile.closer(to, than, scheme=scheme)
        claim = self._claim(
            profile,
            "closer",
            f"{language} is closer to {_named(to)} than to {_named(than)}" + (f" ({scheme})" if scheme else ""),
            explain_closeness(closeness),
            closeness.verdict,
            closeness.difference,
            closeness.interval,
            0.0,
        )
        self._settle([replace(claim, evidence=closeness.pulls)])

    def drift(self, language: str, *, since: str | Profile | MeasuredProfile, confidence: float | None = None) -> Drift:
        """How far the profile in ``language`` moved since a baseline (its name) or another profile."""
        (found,) = self._drifts((language,), since, confidence)
        return found

    def assert_unchanged(
        self,
        language: str | None = None,
        *,
        since: str | Profile | MeasuredProfile,
        within: float | None = None,
        confidence: float | None = None,
    ) -> None:
        """Assert that nothing changed since a baseline (its name) or another profile.

        Without ``within``: violated where a permutation test finds drift at 1 − confidence (with several languages
        after Holm), met where the drift's interval ends below what the bank knows as a difference of two LLMs, else
        inconclusive. With it, drift below that distance is accepted: then the interval alone decides.
        language: None is every language of the test.
        """
        drifts = self._drifts(self.languages if language is None else (language,), since, confidence)
        self._settle([self._drift_claim(drift, within) for drift in drifts])

    def assert_consistent(
        self,
        languages: Sequence[str] | None = None,
        *,
        below: float | None = None,
        confidence: float | None = None,
    ) -> None:
        """Assert that the model expresses the same values in its languages: the spread of their centroids is small.

        The spread is the root mean square distance from their mean. below: what it is held against; by default the
        largest spread of any LLM of the bank.
        """
        chosen = tuple(languages or self.languages)
        profiles = [self.profile(code).at(confidence) for code in chosen]
        spread = spread_of(profiles)
        bank = profiles[0].bank
        threshold, source = below, ""
        if threshold is None:
            spreads = bank_spreads(bank)
            if not spreads:
                raise BankError(
                    f"the bank {bank.name!r} has no LLM in several languages to hold the spread against; give one: "
                    "assert_consistent(below=…)"
                )
            widest = max(spreads, key=lambda llm: spreads[llm])
            threshold, source = spreads[widest], f", the bank's widest ({widest})"
        claim = self._claim(
            profiles[0],
            "consistent",
            f"{', '.join(chosen)} agree: their spread is below {threshold:.3g}{source}",
            f"spread {spread.estimate:.3f}, {spread.confidence:.0%} interval {numbers(spread.interval)}",
            verdict(spread.interval, threshold, "below"),
            spread.estimate,
            spread.interval,
            threshold,
        )
        self._settle([replace(claim, language="", n_questions=spread.n_questions)])

    def assert_moved_toward(
        self,
        language: str,
        target: Target,
        *,
        since: str | Profile | MeasuredProfile,
        away_from: Target | None = None,
        scheme: str | None = None,
        confidence: float | None = None,
    ) -> None:
        """Assert that the profile is closer to ``target`` than an earlier one was and, where ``away_from`` is given,
        farther from that (paper, appendix G). Both must hold; each is decided by its own interval.
        """
        saved = self._saved(since)
        profile = self.profile(language).at(confidence)
        earlier, name = self._earlier(saved, profile)
        toward = moved(profile, earlier, name, target, scheme)
        text = f"{language} moved toward {_named(target)}"
        movements, verdicts = [toward], [verdict(toward.interval, 0.0, "above")]
        if away_from is not None:
            away = moved(profile, earlier, name, away_from, scheme)
            movements.append(away)
            verdicts.append(verdict(away.interval, 0.0, "below"))
            text += f" and away from {_named(away_from)}"
        worst = next(each for each in ("violated", "inconclusive", "met") if each in verdicts)
        claim = self._claim(
            profile,
            "moved_toward",
            f"{text} since {name}" + (f" ({scheme})" if scheme else ""),
            "; ".join(explain_movement(movement) for movement in movements),
            worst,
            toward.gain,
            toward.interval,
            0.0,
        )
        self._settle([claim])

    def _drifts(
        self, languages: Sequence[str], since: str | Profile | MeasuredProfile, confidence: float | None
    ) -> list[Drift]:
        saved = self._saved(since)
        profiles = [self.profile(language).at(confidence) for language in languages]
        return adjusted([drift_since(profile, *self._earlier(saved, profile)) for profile in profiles])

    def _saved(self, since: str | Profile | MeasuredProfile) -> Baseline | Profile:
        """Looked for before anything is asked."""
        if isinstance(since, str):
            return self._baseline(since)
        return since.profile if isinstance(since, MeasuredProfile) else since

    def _earlier(self, saved: Baseline | Profile, profile: MeasuredProfile) -> tuple[Profile, str]:
        """What a profile is held against, and what that is called."""
        if isinstance(saved, Profile):
            return saved, str(saved.value_id)
        value_id = profile.profile.value_id
        earlier = saved.profile(value_id.language, value_id.llm)
        check_comparable(profile.profile, earlier, saved.name)
        return earlier, saved.name

    def _drift_claim(self, drift: Drift, within: float | None) -> Claim:
        profile = self.profile(drift.language).at(drift.confidence)
        text, detail = f"{drift.language} is unchanged since {drift.since}", explain_drift(drift)
        if within is not None:
            found = verdict(drift.interval, within, "below")
            text += f", within {within:g}"
        else:
            found = drift.verdict
            if found != "violated":
                margin = "is unknown to the bank" if drift.margin is None else f"drifts {drift.margin:.3f} or more"
                detail += f"; nearly every exchange of one LLM for another {margin}"
        threshold = drift.margin if within is None else within
        claim = self._claim(
            profile, "unchanged", text, detail, found, drift.estimate, drift.interval, threshold, drift.n_questions
        )
        return replace(claim, evidence=drift.pulls, p_value=drift.p_adjusted)

    def _claim(
        self,
        profile: MeasuredProfile,
        kind: str,
        text: str,
        detail: str,
        found: Verdict,
        estimate: float,
        interval: Interval,
        threshold: float | None,
        n_questions: int | None = None,
    ) -> Claim:
        """A claim about one profile; where it is open, the detail says how many questions would settle it."""
        n_questions = n_questions or profile.n_questions
        if found == "inconclusive" and threshold is not None:
            detail += f"; {further_questions(n_questions, interval, threshold)}"
        return Claim(
            where=self._where,
            model=profile.profile.value_id.llm,
            text=text,
            verdict=found,
            detail=detail,
            kind=kind,
            language=profile.profile.value_id.language,
            estimate=estimate,
            interval=interval,
            threshold=threshold,
            confidence=profile.confidence,
            n_questions=n_questions,
        )


def _named(target: Target) -> str:
    if isinstance(target, MeasuredProfile):
        target = target.profile
    return str(target.value_id) if isinstance(target, Profile) else str(target)
