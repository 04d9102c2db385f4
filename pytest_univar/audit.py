"""The pipeline: questions → answers → English → vectors → a profile held against the bank. Knows protocols only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pytest_univar.banks import ReferenceBank
from pytest_univar.elicitation import Elicitation, Elicitor, Progress, Tally, requests_for
from pytest_univar.elicitation.health import health_warnings, warnings_in_english
from pytest_univar.elicitation.refusal import is_refusal
from pytest_univar.errors import CoverageError, TranslationError, UnivarError
from pytest_univar.languages import language as known_language
from pytest_univar.measurement import Distance, MeasuredProfile, RegionVerdict
from pytest_univar.questions import english_of, limited, load_questions, question_set_hash
from pytest_univar.translation.recorded import BackTranslation
from pytest_univar.values import QA, Answer, Profile, Question, ValueID, Vectors

NEAREST = 8
"""Value IDs of the bank that every profile's distance is measured to, beside those that a test names."""


class TextEncoder(Protocol):
    """What the pipeline needs of an encoder."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Vectors: ...


class ProgressDisplay(Protocol):
    """Shows that work goes on. Both give a context in which their callback may be called from any thread."""

    def eliciting(self, label: str, total: int | None) -> AbstractContextManager[Progress | None]: ...
    def translating(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None] | None]: ...
    def encoding(self, label: str, total: int) -> AbstractContextManager[Callable[[int], None] | None]: ...


@dataclass(frozen=True)
class ProfileResult:
    """One audited value ID as every report shows it: the account of its answers and where its values lie.

    nearest, regions: empty where nothing was measured; stopped says why. problems: why questions have no answer.
    warnings: what a reader should know of the answers first. params: how the answers were sampled, None where they do
    not say or differ in it. translator: what brought them to English, None where nothing had to. translation: what its
    own calls took, None where it made none.
    """

    model: str
    language: str
    questions: str
    samples: int
    tally: Tally
    problems: dict[str, str]
    nearest: tuple[Distance, ...] = ()
    regions: tuple[RegionVerdict, ...] = ()
    stopped: str = ""
    warnings: tuple[str, ...] = ()
    params: dict[str, Any] | None = None
    translator: str | None = None
    translation: Tally | None = None


@dataclass(frozen=True)
class Limits:
    """min_coverage: share of the questions that must be answered. confidence: of every interval.

    questions: ask only so many of a set; None is all.
    """

    min_coverage: float = 0.9
    confidence: float = 0.95
    questions: int | None = None


class Audit:
    """Audits one model. ``encoder`` and ``bank`` are callables, so that neither is loaded before an answer is there.

    own_questions: the answers bring their questions along. in_english: the answers are taken as English, whatever
    language they were given in. translation: None where no translator was chosen.
    """

    def __init__(
        self,
        elicitor: Elicitor,
        encoder: Callable[[], TextEncoder],
        bank: Callable[[], ReferenceBank],
        display: ProgressDisplay,
        limits: Limits,
        *,
        own_questions: bool,
        in_english: bool = False,
        translation: BackTranslation | None = None,
    ) -> None:
        self.elicitor = elicitor
        self.encoder = encoder
        self.bank = bank
        self.display = display
        self.limits = limits
        self.own_questions = own_questions
        self.in_english = in_english
        self.translation = translation
        self.results: list[ProfileResult] = []
        """The account of every profile so far, also of those that failed for want of answers."""

    def profile(self, language: str, questions: str | None, samples: int) -> MeasuredProfile:
        """Ask, embed and measure. ``questions``: a set's name or file; None: ``core``, or what a replayed file holds.

        Raises TranslationError for a language that would need a translator, CoverageError for too few answers, and
        whatever the stages raise.
        """
        translation = self.translation_for(language)
        chosen = self.chosen(language, questions)
        label = f"{self.elicitor.llm}/{language}"
        account = ProfileResult(
            model=self.elicitor.llm,
            language=language,
            questions="the answers file's own" if chosen is None else (questions or "core"),
            samples=samples,
            tally=Tally(),
            problems={},
            translator=translation.name if translation else None,
        )
        try:
            with self.display.eliciting(label, None if chosen is None else len(chosen) * samples) as progress:

                def watch(tally: Tally) -> None:
                    nonlocal account  # what was paid for is in the report even if the elicitor gives up half-way
                    account = replace(account, tally=tally)
                    if progress:
                        progress(tally)

                elicited = self.elicitor.elicit(chosen, language, samples=samples, progress=watch)
            if chosen is not None:  # as the answers: in the order of the questions
                asked = [request.id for request in requests_for(chosen, samples)]
                problems = {id: elicited.problems[id] for id in asked if id in elicited.problems}
                elicited = replace(elicited, problems=problems)
            account = replace(
                account,
                tally=elicited.tally,
                problems=elicited.problems,
                warnings=health_warnings(elicited.answers, "eng" if self.in_english else language),
                params=common_params(elicited.answers),
            )
            self._require_coverage(label, elicited)
            english, account = self._in_english(label, account, elicited, translation, questions)
            self._require_coverage(label, replace(elicited, tally=account.tally, problems=account.problems))
            of_set = chosen or questions_of(elicited.answers)
            measured = self._measure(label, language, of_set, elicited.answers, english, translation)
            account = replace(
                account,
                warnings=(
                    *account.warnings,
                    *params_warnings(measured.bank, account.params),
                    *translator_warnings(measured.bank, translation),
                ),
                nearest=measured.nearest(NEAREST),
                regions=tuple(measured.region(scheme) for scheme in measured.bank.schemes),
            )
        except CoverageError:
            account = replace(account, stopped="too few answers")
            raise
        except UnivarError as error:
            account = replace(account, stopped=str(error))
            raise
        finally:
            self.results.append(account)
        return measured

    def translation_for(self, language: str) -> BackTranslation | None:
        """What brings answers in this language to English, None where they are English; TranslationError if nothing."""
        if known_language(language).code == "eng" or self.in_english:
            return None
        if self.translation is None:
            raise TranslationError(
                f"found the language {language!r} and no translator, but UniVaR reads English. Choose one with "
                "--univar-translator: nllb, opus, apertium, litellm:MODEL or a checkpoint's folder; or none where the "
                "answers are English already"
            )
        self.translation.check(language)
        return self.translation

    def _in_english(
        self,
        label: str,
        account: ProfileResult,
        elicited: Elicitation,
        translation: BackTranslation | None,
        questions: str | None,
    ) -> tuple[Sequence[Answer], ProfileResult]:
        """The answers in English, and the account with what became of them on the way."""
        language = account.language
        known = {} if language == "eng" else english_of(questions or "core", language)
        if translation is None:
            answers = [replace(each, question=known.get(each.question, each.question)) for each in elicited.answers]
            return answers, account
        before = replace(translation.tally) if translation.tally else None
        texts = translation.texts(elicited.answers, known)
        with self.display.translating(label, len(texts)) as progress:
            english = translation.to_english(elicited.answers, language, known=known, progress=progress)
        tally = replace(
            account.tally,
            kept=len(english.answers),
            untranslated=len(english.problems),
            refused=sum(is_refusal(answer.answer) for answer in english.answers),
        )
        notice = translation.translator.notice
        return english.answers, replace(
            account,
            tally=tally,
            problems=account.problems | english.problems,
            warnings=(*account.warnings, *warnings_in_english(english.answers), *([notice] if notice else [])),
            translation=translation.tally.since(before) if translation.tally and before else None,
        )

    def chosen(self, language: str, questions: str | None) -> tuple[Question, ...] | None:
        """The questions to ask; None for those that a replayed file holds."""
        if questions is None and self.own_questions:
            return None
        every = load_questions(questions or "core", language)
        return every if self.limits.questions is None else limited(every, self.limits.questions)

    def _require_coverage(self, label: str, elicited: Elicitation) -> None:
        tally = elicited.tally
        if tally.coverage >= self.limits.min_coverage:
            return
        reasons = "".join(f"\n  {question}: {why}" for question, why in list(elicited.problems.items())[:3])
        raise CoverageError(
            f"{label}: {tally.kept} of {tally.asked} questions have an answer (coverage {tally.coverage:.2f}), "
            f"expected at least {self.limits.min_coverage:.2f}; {tally.empty} empty, {tally.cut_off} cut off, "
            f"{tally.missing} missing, {tally.untranslated} not translated.{reasons}\nRun again to ask for the "
            "rest (what was answered is kept), or accept fewer with --univar-min-coverage."
        )

    def _measure(
        self,
        label: str,
        language: str,
        questions: Sequence[Question],
        originals: Sequence[Answer],
        english: Sequence[Answer],
        translation: BackTranslation | None,
    ) -> MeasuredProfile:
        encoder, bank = self.encoder(), self.bank()
        bank.check_encoder(encoder.fingerprint, encoder.name)
        qas = tuple(QA(answer.question, answer.answer) for answer in english)
        with self.display.encoding(label, len(qas)) as progress:
            vectors = encoder.encode([str(qa) for qa in qas], progress=progress)
        asked = {(answer.question_id, answer.sample): answer for answer in originals}
        before = [asked[answer.question_id, answer.sample] for answer in english] if translation else []
        profile = Profile(
            value_id=ValueID(self.elicitor.llm, language),
            vectors=vectors,
            question_ids=tuple(answer.question_id for answer in english),
            samples=tuple(answer.sample for answer in english),
            encoder=encoder.fingerprint,
            qas=qas,
            originals=tuple(QA(answer.question, answer.answer) for answer in before),
            translator=translation.name if translation else None,
            question_set_hash=question_set_hash(questions),
        )
        return MeasuredProfile(profile, bank, confidence=self.limits.confidence)


def questions_of(answers: Sequence[Answer]) -> tuple[Question, ...]:
    """The questions that were answered, each once."""
    found = {(answer.question_id, answer.question, answer.language): None for answer in answers}
    return tuple(Question(*key) for key in found)


def common_params(answers: Sequence[Answer]) -> dict[str, Any] | None:
    """How the answers were sampled; None where they do not say, or were not all sampled alike."""
    first = dict(answers[0].params) if answers else {}
    return first if first and all(answer.params == first for answer in answers) else None


def params_warnings(bank: ReferenceBank, params: Mapping[str, Any] | None) -> list[str]:
    """What differs from how the bank's answers were sampled, as far as both are known.

    The seed is left out: it changes no distribution.
    """
    if params is None:
        return []
    differing = [
        f"{name} {params.get(name, 'not set')} (the bank: {of_bank})"
        for name, of_bank in bank.answer_params.items()
        if name != "seed" and params.get(name) != of_bank
    ]
    if not differing:
        return []
    return [f"sampled otherwise than the bank's answers, which shifts distances: {', '.join(differing)}"]


def translator_warnings(bank: ReferenceBank, translation: BackTranslation | None) -> list[str]:
    """Where the bank's answers came to English by another way, which is part of every distance."""
    if translation is None or translation.name == bank.translator:
        return []
    theirs = f"by {bank.translator}" if bank.translator else "not at all"
    return [f"translated by {translation.name}, the bank's answers {theirs}: what that changes is in every distance"]
