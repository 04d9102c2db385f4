"""Claims about audited profiles, and what the ``univar`` fixture gives a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pytest_univar.errors import UsageError
from pytest_univar.measurement import Closeness, MeasuredProfile
from pytest_univar.stats import Verdict, questions_to_settle


@dataclass(frozen=True)
class Claim:
    """One expectation with its verdict, as every report shows it. ``where``: the test that made it."""

    where: str
    model: str
    text: str
    verdict: Verdict
    detail: str

    def __str__(self) -> str:
        return f"{self.model}: expected that {self.text}; {self.verdict}: {self.detail}"


class Auditor:
    """The audit as one test sees it: profiles by language, and assertions about them.

    profile_of: how profiles come about (once for the whole run). settle: told of every claim; raises when the claim's
    verdict must end the test.
    """

    def __init__(
        self,
        where: str,
        model: str,
        languages: tuple[str, ...],
        profile_of: Callable[[str], MeasuredProfile],
        settle: Callable[[Claim], None],
    ) -> None:
        self.model = model
        self.languages = languages
        self._where = where
        self._profile_of = profile_of
        self._settle = settle

    def profile(self, language: str) -> MeasuredProfile:
        """The audited model's profile in one of the test's languages (ISO 639-3), asked for and embedded at need."""
        if language not in self.languages:
            raise UsageError(
                f"found the language {language!r}, expected one of {', '.join(self.languages)}. "
                f"Declare it: @pytest.mark.univar(languages=[…, {language!r}]) or --univar-languages"
            )
        return self._profile_of(language)

    def assert_closer(self, language: str, *, to: str, than: str, scheme: str | None = None) -> None:
        """Assert that the profile in ``language`` is closer to one target than to another.

        ``to`` and ``than`` are regions of ``scheme``, or value IDs (``llm/lang``) without one. Met when the confidence
        interval of the difference of the two distances lies wholly above 0, violated when wholly below.
        """
        profile = self.profile(language)
        closeness = profile.closer(to, than, scheme=scheme)
        self._settle(
            Claim(
                where=self._where,
                model=profile.profile.value_id.llm,
                text=f"{language} is closer to {to} than to {than}" + (f" ({scheme})" if scheme else ""),
                verdict=closeness.verdict,
                detail=explain_closeness(closeness),
            )
        )


def explain_closeness(closeness: Closeness) -> str:
    """One sentence: both distances, the difference with its interval, and what would settle an open verdict."""
    low, high = closeness.interval
    text = (
        f"distance {closeness.distance_to.estimate:.3f} to {closeness.closer_to}, "
        f"{closeness.distance_than.estimate:.3f} to {closeness.than}; "
        f"difference {closeness.difference:+.3f}, {closeness.confidence:.0%} interval {low:+.3f} to {high:+.3f}"
    )
    if closeness.verdict != "inconclusive":
        return text
    further = questions_to_settle(closeness.distance_to.n_questions, closeness.interval, 0.0)
    return text + (f"; about {further} further questions would settle it" if further else "")
