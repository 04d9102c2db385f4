"""AuditConfig → concrete services. The one place that knows which class answers to which setting."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from pytest_univar.audit import Audit, Limits, ProfileResult, ProgressDisplay, TextEncoder
from pytest_univar.banks import ReferenceBank, load_bank
from pytest_univar.baselines import FOLDER, Baseline, load_baseline, load_profile, save_baseline
from pytest_univar.cassette import clean_api_base
from pytest_univar.comparison import Audited, Comparison, Conclusion, FailWhen, compare, trajectories
from pytest_univar.elicitation.budget import Budget
from pytest_univar.elicitation.litellm import LiteLLMService, SamplingParams
from pytest_univar.elicitation.pricing import Estimate, estimate
from pytest_univar.elicitation.recorded import RecordedElicitor
from pytest_univar.elicitation.replay import ReplayElicitor
from pytest_univar.encoding import CachedEncoder, Encoder, read_checkpoint
from pytest_univar.errors import BaselineError
from pytest_univar.findings import Findings, findings
from pytest_univar.measurement import MeasuredProfile
from pytest_univar.options import NEWEST, AuditConfig
from pytest_univar.questions import english_of
from pytest_univar.report import Made, Plan, dump_profiles, without_texts
from pytest_univar.translation import Translator
from pytest_univar.translation.apertium import ApertiumTranslator
from pytest_univar.translation.llm import LLMTranslator
from pytest_univar.translation.recorded import BackTranslation
from pytest_univar.translation.seq2seq import NLLB, OPUS, Seq2SeqTranslator
from pytest_univar.values import Answer

REPLAY = "replay:"
LITELLM = "litellm:"
PAPER_CUT = 256
"""Source tokens that the paper's translations were cut at."""


FIGURES_DEPEND_ON = ("pytest-univar", "numpy", "scikit-learn", "torch", "transformers", "tokenizers", "litellm")
"""Packages whose versions are part of a result."""


def made(config: AuditConfig) -> Made:
    """How a result came about that is made now with these settings; those left at nothing are left out."""
    settings = config._replace(
        api_base=clean_api_base(config.api_base), translator_api_base=clean_api_base(config.translator_api_base)
    )
    return Made(
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        versions={"python": platform.python_version()} | {name: version(name) for name in FIGURES_DEPEND_ON},
        settings={name: value for name, value in settings._asdict().items() if value not in (None, (), {}, False)},
    )


def offline_translator(
    spec: str, base: Path, *, device: str | None = None, cut: int | None = None, target: str = "eng"
) -> Translator:
    """The translator of this name that needs no provider; folders are relative to ``base``."""
    if spec == "apertium":
        return ApertiumTranslator(target=target)
    kind, _, model = spec.partition(":")
    default = {"nllb": NLLB, "opus": OPUS}.get(kind)
    model, kind = (spec, "seq2seq") if default is None else (model or default, kind)
    folder = base / model
    name = str(folder) if folder.is_dir() else model
    return Seq2SeqTranslator(name, kind=kind, device=device, cut=cut, target=target)


class Services:
    """Everything one run shares: one encoder, one bank, one budget.

    base: the folder that relative paths of the settings start from. since: when the run began, in all of its processes.
    vectors: where vectors are kept between runs, None for nowhere. ledger: what the processes of a run share of their
    spending, None for a run of one process. root: the folder whose ``.univar`` holds the baselines.
    """

    def __init__(
        self,
        config: AuditConfig,
        base: Path,
        display: ProgressDisplay,
        since: datetime,
        vectors: Path | None,
        ledger: Path | None,
        root: Path,
    ) -> None:
        self.config = config
        self._root = root
        self._vectors = vectors
        self._base = base
        self._display = display
        self._since = since
        self._budget = Budget(max_cost=config.max_cost, allow_unknown_price=config.allow_unknown_price, ledger=ledger)

    @cached_property
    def bank(self) -> ReferenceBank:
        return load_bank(self._path_or_name(self.config.bank))

    @cached_property
    def encoder(self) -> TextEncoder:
        checkpoint = read_checkpoint(self._path_or_name(self.config.encoder))
        device, dtype = self.config.device, self.config.dtype
        if self._vectors is None:
            return Encoder(checkpoint, device=device, dtype=dtype)
        return CachedEncoder(checkpoint, self._vectors, device=device, dtype=dtype)

    @cached_property
    def translator(self) -> Translator | None:
        """None where none was chosen, and where the answers are said to be English."""
        spec, config = self.config.translator, self.config
        if spec is None or spec == "none":
            return None
        if spec.startswith(LITELLM):
            service = self._service(spec.removeprefix(LITELLM), api_base=config.translator_api_base)
            return LLMTranslator(replace(service, params=SamplingParams()))
        cut = PAPER_CUT if config.translation == "paper" else None
        return offline_translator(spec, self._base, device=config.device, cut=cut)

    def baseline(self, name: str) -> Baseline:
        """The newest saved baseline of a name, or of all."""
        return load_baseline(self._root / FOLDER, None if name == NEWEST else name)

    def measured(self, profile: bytes) -> MeasuredProfile:
        """A profile of another process, held against the bank."""
        return MeasuredProfile(load_profile(profile), self.bank, confidence=self.config.confidence)

    def conclude(self, audited: Audited, accounts: Sequence[ProfileResult]) -> Conclusion:
        """Compare, then save: a run is never held against itself."""
        config = self.config
        comparisons: tuple[Comparison, ...] = ()
        if config.compare:
            comparisons = compare(audited, self.baseline(config.compare), FailWhen(*(config.compare_fail or ())))
        return Conclusion(
            comparisons,
            trajectories(audited, config.trajectory) if config.trajectory else (),
            self._save(config.save, audited, accounts) if config.save else "",
        )

    def findings(self, audited: Audited) -> Findings:
        """What a report shows of the profiles and the bank, beyond figures."""
        cache = self._vectors / "maps" if self._vectors else None
        return findings(audited, self.bank, cache, confidence=self.config.confidence)

    def _save(self, name: str, audited: Audited, accounts: Sequence[ProfileResult]) -> str:
        profiles = [measured.profile for own in audited.values() for measured in own]
        if not profiles:
            raise BaselineError(f"found no profile to save as the baseline {name!r}, expected at least one. Run a test")
        folder = save_baseline(
            self._root / FOLDER,
            name,
            profiles,
            encoder=self.bank.encoder,
            bank=self.bank.name,
            figures=json.loads(dump_profiles([without_texts(account) for account in accounts])),
        )
        return str(folder.relative_to(self._root))

    def audit(self, model: str, cassette_dir: Path) -> Audit:
        """The pipeline for one model; answers are recorded in ``cassette_dir`` unless the settings name a folder."""
        replay = self._replay(model) if model.startswith(REPLAY) else None
        return Audit(
            elicitor=replay or self._live(model, cassette_dir),
            encoder=lambda: self.encoder,
            bank=lambda: self.bank,
            display=self._display,
            limits=Limits(
                min_coverage=self.config.min_coverage,
                confidence=self.config.confidence,
                questions=self.config.limit,
            ),
            own_questions=replay is not None,
            in_english=self.config.translator == "none" or (replay is not None and replay.in_english),
            translation=self._translation(cassette_dir),
        )

    def _translation(self, cassette_dir: Path) -> BackTranslation | None:
        if self.translator is None:
            return None
        return BackTranslation(
            self.translator,
            self._cassettes(cassette_dir),
            self.config.record,
            back_translate_questions=self.config.translation == "paper",
        )

    def _cassettes(self, beside_the_tests: Path) -> Path:
        return self._base / self.config.cassette_dir if self.config.cassette_dir else beside_the_tests

    def _replay(self, model: str) -> ReplayElicitor:
        return ReplayElicitor(self._base / model.removeprefix(REPLAY))

    def plans(self, model: str, cassette_dir: Path, language: str, questions: str | None, samples: int) -> list[Plan]:
        """What asking one value ID would take and, where an LLM translates, what that would; nothing is asked.

        Replayed answers take nothing.
        """
        name = questions or "core"
        audit = self.audit(model, cassette_dir)
        translation = audit.translation_for(language)
        chosen = audit.chosen(language, questions)
        if isinstance(audit.elicitor, RecordedElicitor):
            pending = audit.elicitor.pending(chosen or (), language, samples=samples)
            answers = audit.elicitor.recorded(chosen or (), language, samples=samples)
            asking = estimate(self._service(model, api_base=self.config.api_base), pending)
        else:
            pending, answers = [], [*audit.elicitor.elicit(chosen, language, samples=samples).answers]
            asking = Estimate(0, 0, 0, 0.0)
        plans = [Plan(model, language, name, *asking)]
        if translation and isinstance(translation.translator, LLMTranslator):
            unanswered = [Answer(audit.elicitor.llm, language, each.id, each.question.text, "") for each in pending]
            known = english_of(name, language)
            texts = translation.pending([*answers, *unanswered], language, known=known)
            translating = translation.translator.estimate(
                texts, language, unwritten=len(pending), tokens=self.config.max_tokens
            )
            spec = self.config.translator or ""
            plans.append(Plan(model, language, name, *translating, translator=spec))
        return plans

    def _live(self, model: str, cassette_dir: Path) -> RecordedElicitor:
        service = self._service(model, api_base=self.config.api_base)
        return RecordedElicitor(service, self._cassettes(cassette_dir), self.config.record, since=self._since)

    def _service(self, model: str, *, api_base: str | None) -> LiteLLMService:
        config = self.config
        params = SamplingParams(
            temperature=config.temperature,
            top_p=config.top_p,
            max_tokens=config.max_tokens,
            seed=config.seed,
            system_prompt=config.system_prompt,
            extra=config.extra,
        )
        return LiteLLMService(
            model,
            api_base=api_base,
            params=params,
            concurrency=config.concurrency,
            timeout=config.timeout,
            max_attempts=config.attempts,
            budget=self._budget,
            rpm=config.rpm,
        )

    def _path_or_name(self, name: str) -> str:
        """A folder relative to ``base`` where there is one, else the name as it stands."""
        folder = self._base / name
        return str(folder) if folder.is_dir() else name
