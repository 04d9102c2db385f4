"""One pytest run: its settings, the audits that its tests share, and what they found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_univar.errors import UnivarError, UsageError
from pytest_univar.options import AuditConfig

if TYPE_CHECKING:
    from pytest_univar.assembly import Services
    from pytest_univar.audit import Audit, ProfileResult, ProgressDisplay
    from pytest_univar.expectations import Auditor, Claim
    from pytest_univar.measurement import MeasuredProfile
    from pytest_univar.report import AuditResult, TestOutcome

NO_MODEL = (
    "no model to audit was given. Give one with --univar-model=MODEL on the command line, "
    "with 'univar_model = MODEL' in the ini file, or with @pytest.mark.univar(model='MODEL'). "
    "MODEL is a litellm name such as openai/gpt-4o-mini, or replay:FILE for answers collected elsewhere."
)


@dataclass(frozen=True)
class Wanted:
    """What one test wants audited. cassette_dir: used unless the settings name another folder."""

    model: str
    languages: tuple[str, ...]
    questions: str | None
    samples: int
    cassette_dir: Path


def wanted(
    arguments: Mapping[str, Any], where: str, model: str | None, config: AuditConfig, cassette_dir: Path
) -> Wanted:
    """The settings of the run, overridden by the ``univar`` marker's arguments; UsageError for a bad marker."""
    known: dict[str, tuple[Callable[[Any], bool], str]] = {
        "model": (lambda v: isinstance(v, str), "a model's name"),
        "languages": (
            lambda v: isinstance(v, (list, tuple)) and bool(v) and all(isinstance(code, str) for code in v),
            "a list of ISO 639-3 codes, such as ['eng', 'spa']",
        ),
        "questions": (lambda v: isinstance(v, (str, Path)), "a question set's name or file"),
        "samples": (lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= 1, "a whole number from 1"),
    }
    for name, value in arguments.items():
        if name not in known:
            raise UsageError(
                f"{where}: @pytest.mark.univar: found the argument {name!r}, expected one of {', '.join(known)}"
            )
        is_good, expected = known[name]
        if not is_good(value):
            raise UsageError(f"{where}: @pytest.mark.univar: found {name}={value!r}, expected {expected}")
    chosen = model or arguments.get("model")
    if not chosen:
        raise UsageError(NO_MODEL)
    questions = arguments.get("questions", config.questions)
    return Wanted(
        model=chosen,
        languages=tuple(arguments.get("languages", config.languages)),
        questions=None if questions is None else str(questions),
        samples=arguments.get("samples", config.samples),
        cassette_dir=cassette_dir,
    )


class Run:
    """State of one pytest process. Nothing heavy is imported before the first profile is wanted."""

    def __init__(self, config: AuditConfig, base: Path, display: Callable[[], ProgressDisplay]) -> None:
        self.config = config
        self._base = base
        self._display = display
        self._profiles: dict[tuple[Wanted, str], MeasuredProfile | UnivarError] = {}
        self._audits: dict[tuple[str, Path], Audit] = {}
        self._elsewhere: list[ProfileResult] = []
        self._claims: list[Claim] = []
        self._outcomes: list[TestOutcome] = []

    @cached_property
    def _services(self) -> Services:
        from pytest_univar.assembly import Services

        return Services(self.config, self._base, self._display())

    def auditor(self, where: str, want: Wanted, settle: Callable[[Claim], None]) -> Auditor:
        """The audit as the test ``where`` sees it."""
        from pytest_univar.expectations import Auditor

        return Auditor(where, want.model, want.languages, lambda language: self._profile(want, language), settle)

    def _profile(self, want: Wanted, language: str) -> MeasuredProfile:
        """Made once; a failure too is kept, so that a second test does not pay for the same failure again."""
        key = (replace(want, languages=()), language)
        if key not in self._profiles:
            try:
                audit = self._audit(want.model, want.cassette_dir)
                self._profiles[key] = audit.profile(language, want.questions, want.samples)
            except UnivarError as error:
                self._profiles[key] = error
        found = self._profiles[key]
        if isinstance(found, UnivarError):
            raise found
        return found

    def _audit(self, model: str, cassette_dir: Path) -> Audit:
        key = (model, cassette_dir)
        if key not in self._audits:
            self._audits[key] = self._services.audit(model, cassette_dir)
        return self._audits[key]

    def add_claim_json(self, text: str) -> None:
        from pytest_univar.expectations import Claim

        self._claims.append(Claim(**json.loads(text)))

    def add_outcome(self, where: str, model: str, passed: bool) -> None:
        from pytest_univar.report import TestOutcome

        self._outcomes.append(TestOutcome(where, model, passed))

    def profiles_json(self) -> str:
        """The accounts of every profile made in this process, complete or not, for ``add_profiles_json`` elsewhere."""
        if not self._audits:
            return ""
        from pytest_univar.report import dump_profiles

        return dump_profiles(self._own_profiles())

    def add_profiles_json(self, text: str) -> None:
        """Accounts of another process; several processes may have needed the same profile."""
        from pytest_univar.report import load_profiles

        self._elsewhere.extend(load_profiles(text))

    def result(self) -> AuditResult | None:
        """What there is to report; None where no test asked for anything."""
        if not (self._audits or self._elsewhere or self._claims or self._outcomes):
            return None
        from pytest_univar.report import AuditResult, merged

        return AuditResult(
            encoder=self.config.encoder,
            bank=self.config.bank,
            profiles=tuple(merged([*self._own_profiles(), *self._elsewhere])),
            claims=tuple(self._claims),
            outcomes=tuple(self._outcomes),
        )

    def _own_profiles(self) -> list[ProfileResult]:
        return [result for audit in self._audits.values() for result in audit.results]
