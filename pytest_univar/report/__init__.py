"""What a run found, as one value that every report is drawn from. Reports return text; only shells print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pytest_univar.audit import ProfileResult
from pytest_univar.comparison import Conclusion
from pytest_univar.elicitation import Tally
from pytest_univar.errors import ReportError
from pytest_univar.expectations import Claim
from pytest_univar.findings import Findings

if TYPE_CHECKING:
    from pydantic import TypeAdapter


SCHEMA: Literal[1] = 1
Outcome: TypeAlias = Literal["passed", "failed", "skipped", "xfailed"]


@dataclass(frozen=True)
class TestOutcome:
    """A test whose end no claim explains: it made none, or failed for another reason. why: what was raised, on one line
    that says where it is cut; empty of a test that passed."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    where: str
    model: str
    outcome: Outcome
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """What a dry run says asking would take, at the most: every answer as long as it may be, no call repeated.

    cost_usd: None where the price is unknown. translator: an LLM; then the plan is what it would take to translate the
    answers, if a translation is as long as what it translates. Empty for asking.
    """

    model: str
    language: str
    questions: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    translator: str = ""


@dataclass(frozen=True)
class Made:
    """How a result came about. versions: of what the figures depend on. settings: of the run, none of them secret."""

    created: str
    versions: Mapping[str, str]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class AuditResult:
    """Everything a run found out; every report is drawn from it alone.

    schema: counts up when a field changes its meaning. encoder, bank: as they were asked for. plans: of a dry run,
    which finds out nothing else. conclusion: None where nothing was to be compared or saved. findings: what needs the
    vectors, None unless a report was asked for that shows it.
    """

    encoder: str
    bank: str
    schema: Literal[1] = SCHEMA
    made: Made | None = None
    profiles: tuple[ProfileResult, ...] = ()
    claims: tuple[Claim, ...] = ()
    outcomes: tuple[TestOutcome, ...] = ()
    plans: tuple[Plan, ...] = ()
    conclusion: Conclusion | None = None
    findings: Findings | None = None


@dataclass(frozen=True)
class _Versioned:
    """What a result must say of itself, and says by default where it is made here."""

    schema: Literal[1]


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
    """The whole result as JSON, as ``result_schema`` describes it."""
    return _results().dump_json(result, indent=1).decode() + "\n"


def load_result(text: str, where: str) -> AuditResult:
    """What ``dump_result`` wrote; ReportError, beginning with ``where``, for anything else."""
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(_Versioned).validate_json(text)
        return _results().validate_json(text)
    except ValidationError as exc:
        first = exc.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the whole"
        raise ReportError(
            f"{where}, {key}: found {str(first.get('input'))[:60]!r} ({first['msg']}), expected a result that "
            f"--univar-json wrote (schema {SCHEMA}). Write it again with this version of pytest-univar"
        ) from exc


def result_schema() -> dict[str, Any]:
    """The JSON Schema of ``dump_result``."""
    return _results().json_schema(mode="serialization")


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


def _results() -> TypeAdapter[AuditResult]:
    from pydantic import TypeAdapter

    return TypeAdapter(AuditResult)


def _profiles() -> TypeAdapter[list[ProfileResult]]:
    from pydantic import TypeAdapter

    return TypeAdapter(list[ProfileResult])
