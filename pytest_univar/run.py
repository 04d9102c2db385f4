"""One pytest run: its settings, the audits that its tests share, and what they found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_univar.errors import UnivarError, UsageError
from pytest_univar.languages import language as known_language
from pytest_univar.options import GITHUB, AuditConfig

if TYPE_CHECKING:
    from pytest_univar.assembly import Services
    from pytest_univar.audit import Audit, ProfileResult, ProgressDisplay
    from pytest_univar.comparison import Conclusion
    from pytest_univar.expectations import Auditor, Claim
    from pytest_univar.findings import Findings
    from pytest_univar.measurement import MeasuredProfile
    from pytest_univar.report import AuditResult, Outcome, Plan, TestOutcome

NO_MODEL = (
    "no model to audit was given. Give one with --univar-model=MODEL on the command line, "
    "with 'univar_model = MODEL' in the ini file, or with @pytest.mark.univar(model='MODEL'). "
    "MODEL is a litellm name such as openai/gpt-4o-mini, or replay:FILE for answers collected elsewhere."
)

LONGEST_WHY = 300
"""Characters of what a test raised that a report shows; the output of the run has all of it."""


class Wanted(NamedTuple):
    """What one test wants audited. cassette_dir: used unless the settings name another folder."""

    model: str
    languages: tuple[str, ...]
    questions: str | None
    samples: int
    cassette_dir: Path


def wanted(
    arguments: Mapping[str, Any], where: str, model: str | None, config: AuditConfig, cassette_dir: Path
) -> Wanted:
    """The settings of the run, overridden by the ``univar`` marker's arguments; UsageError for a bad marker.

    model: one that comes before the marker's (from the command line), None if there is none.
    """
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
    for code in arguments.get("languages", ()):
        try:
            known_language(code)
        except UsageError as error:
            raise UsageError(f"{where}: @pytest.mark.univar: {error}") from None
    chosen = model or arguments.get("model") or next(iter(config.model), None)
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
    """State of one pytest process. Nothing heavy is imported before the first profile is wanted.

    base: the folder that relative paths start from. since: when the run began, the same in all of its processes.
    vectors: where vectors are kept between runs, None for nowhere. Both callables are called at the first profile.
    ledger: where the processes of this run add up what they spend; None where there is one process. root: pytest's
    root folder, where baselines are kept. draws: whether somebody draws a report besides those of the settings.
    """

    def __init__(
        self,
        config: AuditConfig,
        base: Path,
        since: datetime,
        *,
        display: Callable[[], ProgressDisplay],
        vectors: Callable[[], Path | None],
        ledger: Path | None,
        root: Path,
        draws: bool = False,
    ) -> None:
        self.config = config
        self._also_draws = draws
        self._root = root
        self._vectors = vectors
        self._ledger = ledger
        self._plans: dict[Plan, None] = {}
        self.since = since
        self._base = base
        self._display = display
        self._profiles: dict[tuple[Wanted, str], MeasuredProfile | UnivarError] = {}
        self._audits: dict[tuple[str, Path], Audit] = {}
        self._elsewhere: list[ProfileResult] = []
        self._claims: list[Claim] = []
        self._outcomes: list[TestOutcome] = []
        self._measured_elsewhere: list[tuple[str, bytes]] = []
        self._conclusion: Conclusion | None = None
        self._concluded = False
        self._found: Findings | None = None
        self.written: list[str] = []
        """The reports that were written, as they were named."""
        self.unwritten = ""
        """Why a report could not be written."""

    @cached_property
    def _services(self) -> Services:
        from pytest_univar.assembly import Services

        return Services(self.config, self._base, self._display(), self.since, self._vectors(), self._ledger, self._root)

    def auditor(self, where: str, want: Wanted, settle: Callable[[Sequence[Claim]], None]) -> Auditor:
        """The audit as the test ``where`` sees it."""
        from pytest_univar.expectations import Auditor

        return Auditor(
            where,
            want.model,
            want.languages,
            lambda language: self._profile(want, language),
            lambda name: self._services.baseline(name),
            settle,
        )

    def _profile(self, want: Wanted, language: str) -> MeasuredProfile:
        """Made once; a failure too is kept, so that a second test does not pay for the same failure again."""
        key = (want._replace(languages=()), language)
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

    def plan_json(self, want: Wanted) -> list[str]:
        """What a test would make the run ask, language by language, as JSON for ``add_plan_json``."""
        plans = [
            self._services.plans(want.model, want.cassette_dir, language, want.questions, want.samples)
            for language in want.languages
        ]
        return [json.dumps(vars(plan)) for own in plans for plan in own]

    def add_plan_json(self, text: str) -> None:
        """A plan, perhaps of another process; several tests that need the same answers ask once."""
        from pytest_univar.report import Plan

        self._plans[Plan(**json.loads(text))] = None

    def add_test(self, where: str, model: str, outcome: Outcome, claims: Iterable[str], why: str = "") -> None:
        """A test that is over. claims: those it made, each as JSON. why: what it raised."""
        from pytest_univar.expectations import Claim
        from pytest_univar.report import TestOutcome
        from pytest_univar.report.text import shortened

        made = [Claim.from_json(claim) for claim in claims]
        self._claims += made
        ends = {"violated"} if self.config.inconclusive == "warn" else {"violated", "inconclusive"}
        explained = bool(made) and (outcome == "passed" or any(claim.verdict in ends for claim in made))
        if not explained:
            self._outcomes.append(TestOutcome(where, model, outcome, shortened(why, LONGEST_WHY, "...")))

    def profiles_json(self) -> str:
        """The accounts of every profile made in this process, complete or not, for ``add_profiles_json`` elsewhere."""
        if not self._audits:
            return ""
        from pytest_univar.report import dump_profiles

        return dump_profiles(self.accounts)

    def add_profiles_json(self, text: str) -> None:
        """Accounts of another process; several processes may have needed the same profile."""
        from pytest_univar.report import load_profiles

        self._elsewhere.extend(load_profiles(text))

    def check_before_asking(self) -> None:
        """UnivarError, before anything is paid for, where what ``conclude`` shall do cannot be done."""
        if self._draws:
            from pytest_univar.report.files import check_reports

            names = [name for name in (self.config.html, self.config.md, self.config.json) if name and name != GITHUB]
            check_reports(self._base, names, html=bool(self.config.html), to_summary=self.config.md == GITHUB)
        if self.config.compare:
            self._services.baseline(self.config.compare)
        if self.config.save:
            from pytest_univar.baselines import check_name

            check_name(self.config.save)

    def measured_bytes(self) -> list[tuple[str, bytes]]:
        """Model and profile, of all that were measured in this process, for ``add_measured_bytes`` elsewhere."""
        if not (self._concludes or self._draws):
            return []
        from pytest_univar.baselines import dump_profile

        return [(model, dump_profile(measured.profile)) for model, measured in self._measured()]

    def add_measured_bytes(self, profiles: Iterable[tuple[str, bytes]]) -> None:
        """Profiles of another process; several processes may have measured the same one."""
        self._measured_elsewhere.extend(profiles)

    def conclude(self) -> bool:
        """What is done once, with all profiles, in the process that reports. Returns whether it fails the run."""
        self._concluded = True
        if not self._concludes:
            return False
        from pytest_univar.comparison import Conclusion

        try:
            self._conclusion = self._services.conclude(self._audited(), self.accounts + self._elsewhere)
        except UnivarError as error:
            self._conclusion = Conclusion(refused=str(error))
        return self._conclusion.failed

    def write(self) -> bool:
        """Write the files that were asked for, with everything there is to report; whether that failed."""
        if not self._draws or (result := self.result()) is None:
            return False
        from pytest_univar.report.files import write_reports

        html, md, json = self.config.html, self.config.md, self.config.json
        to_summary = md == GITHUB
        try:
            self.written = write_reports(
                result, self._base, html=html, md=None if to_summary else md, json=json, to_summary=to_summary
            )
        except UnivarError as error:
            self.unwritten = str(error)
        return bool(self.unwritten)

    @property
    def _concludes(self) -> bool:
        config = self.config
        return not config.dry_run and bool(config.save or config.compare or config.trajectory)

    @property
    def _draws(self) -> bool:
        return self._also_draws or bool(self.config.html or self.config.md or self.config.json)

    def _measured(self) -> list[tuple[str, MeasuredProfile]]:
        return [
            (want.model, found) for (want, _), found in self._profiles.items() if not isinstance(found, UnivarError)
        ]

    def _audited(self) -> dict[str, list[MeasuredProfile]]:
        """Model → its profiles, each once, whichever process measured it; in the order of the command line."""
        everywhere = self._measured() + [
            (model, self._services.measured(data)) for model, data in self._measured_elsewhere
        ]
        rank = {model: number for number, model in enumerate(self.config.model)}
        everywhere.sort(key=lambda each: (rank.get(each[0], len(rank)), each[0], each[1].profile.value_id.language))
        once = {(model, m.profile.value_id, m.profile.question_set_hash, len(m)): m for model, m in everywhere}
        audited: dict[str, list[MeasuredProfile]] = {}
        for (model, *_), measured in once.items():
            audited.setdefault(model, []).append(measured)
        return audited

    def result(self) -> AuditResult | None:
        """What there is to report; None where no test asked for anything."""
        if not (self._audits or self._elsewhere or self._claims or self._outcomes or self._plans):
            return None
        from pytest_univar.assembly import made
        from pytest_univar.report import AuditResult, merged

        return AuditResult(
            encoder=self.config.encoder,
            bank=self.config.bank,
            made=made(self.config),
            profiles=tuple(merged([*self.accounts, *self._elsewhere])),
            claims=tuple(self._claims),
            outcomes=tuple(self._outcomes),
            plans=tuple(self._plans),
            conclusion=self._conclusion,
            findings=self._findings(),
        )

    def _findings(self) -> Findings | None:
        """Made once, when all profiles are there: after ``conclude``."""
        if not self._draws or self.config.dry_run or not self._concluded:
            return None
        if self._found is None:
            self._found = self._services.findings(self._audited())
        return self._found

    @property
    def accounts(self) -> list[ProfileResult]:
        """Of every profile made in this process so far, complete or not."""
        return [result for audit in self._audits.values() for result in audit.results]
