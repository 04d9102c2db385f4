"""What a run found, as one value that every report is drawn from. Reports return text; only shells print."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Conclusion
from pytest_univar.elicitation import Tally
from pytest_univar.expectations import Claim

if TYPE_CHECKING:
    from pydantic import TypeAdapter


SCHEMA = 1
Outcome: TypeAlias = Literal["passed", "failed", "skipped", "xfailed"]


@dataclass(frozen=True)
class TestOutcome:
    """A test whose end no claim explains: it made none, or failed for another reason."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    where: str
    model: str
    outcome: Outcome


@dataclass(frozen=True)
class Plan:
    """What a dry run says asking would take, at the most: every answer as long as it may be, no call repeated.

    cost_usd: None where the price is unknown.
    """

    model: str
    language: str
    questions: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


@dataclass(frozen=True)
class AuditResult:
    """Everything a run found out. encoder, bank: their names. plans: of a dry run, which finds out nothing else.

    conclusion: None where nothing was to be compared or saved.
    """

    encoder: str
    bank: str
    profiles: tuple[ProfileResult, ...] = ()
    claims: tuple[Claim, ...] = ()
    outcomes: tuple[TestOutcome, ...] = ()
    plans: tuple[Plan, ...] = ()
    conclusion: Conclusion | None = None


def merged(results: Iterable[ProfileResult]) -> list[ProfileResult]:
    """One account for each profile, where several processes worked on the same one.

    Who came first asked; the others found its answers recorded, and asked for what it did not get. What was paid adds
    up; the rest is taken from the one with the most answers. Recorded is what nobody in this run asked for.
    """
    by_profile: dict[tuple[str, str, str, int], ProfileResult] = {}
    for result in results:
        key = (result.model, result.language, result.questions, result.samples)
        seen = by_profile.get(key)
        by_profile[key] = result if seen is None else _joined(seen, result)
    return list(by_profile.values())


def _joined(one: ProfileResult, other: ProfileResult) -> ProfileResult:
    fuller = max(one, other, key=lambda result: (result.tally.kept, result.tally.calls))
    recorded = min(one.tally.recorded, other.tally.recorded)
    translations = [tally for tally in (one.translation, other.translation) if tally is not None]
    return replace(
        fuller,
        tally=replace(_with_sums(fuller.tally, one.tally, other.tally), recorded=recorded),
        translation=_with_sums(translations[0], *translations) if translations else None,
    )


def _with_sums(tally: Tally, *parts: Tally) -> Tally:
    """The tally with what was paid in all parts."""
    paid = ("calls", "retries", "prompt_tokens", "completion_tokens", "cost_usd", "unpriced")
    return replace(tally, **{name: sum(getattr(part, name) for part in parts) for name in paid})


def dump_result(result: AuditResult) -> str:
    """The whole result as JSON; ``schema`` counts up when a field changes its meaning."""
    from pydantic import TypeAdapter

    found = TypeAdapter(AuditResult).dump_python(result, mode="json")
    return json.dumps({"schema": SCHEMA, **found}, indent=1, ensure_ascii=False) + "\n"


def without_texts(profile: ProfileResult) -> ProfileResult:
    """The figures alone, without the answers that are their evidence."""
    return replace(
        profile,
        nearest=tuple(replace(distance, pulls=()) for distance in profile.nearest),
        regions=tuple(replace(region, pulls=()) for region in profile.regions),
    )


def dump_profiles(profiles: list[ProfileResult]) -> str:
    """Accounts as JSON, for another process of the same run."""
    return _profiles().dump_json(profiles).decode()


def load_profiles(text: str) -> list[ProfileResult]:
    return _profiles().validate_json(text)


def _profiles() -> TypeAdapter[list[ProfileResult]]:
    from pydantic import TypeAdapter

    return TypeAdapter(list[ProfileResult])
