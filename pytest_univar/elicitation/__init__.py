"""Getting answers: the Elicitor protocol and what every elicitor returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple, Protocol

from pytest_univar.elicitation.refusal import is_refusal
from pytest_univar.values import Answer, Question

__all__ = ["Elicitation", "Elicitor", "Progress", "Request", "Tally", "requests_for"]

Progress = Callable[["Tally"], None]
"""Called, from any thread, whenever a question is settled or an attempt is repeated. The tally is live."""


class Request(NamedTuple):
    """One sample of one question."""

    question: Question
    sample: int

    @property
    def id(self) -> str:
        """The question's id; ``id#sample`` beyond the first sample."""
        return f"{self.question.id}#{self.sample}" if self.sample else self.question.id


def requests_for(questions: Sequence[Question], samples: int) -> list[Request]:
    """Every sample of every question, the samples of one question together."""
    return [Request(question, sample) for question in questions for sample in range(samples)]


@dataclass
class Tally:
    """What happened to the questions of one (model, language), and what it cost.

    asked = kept + empty + cut_off + missing + untranslated. ``refused`` counts kept answers that decline to answer: a
    refusal is an expression of values too, so it stays in the profile and is shown. ``at_limit`` counts kept answers
    that end at the token limit the audit itself set, as the paper's do. ``cost_usd`` sums the known prices;
    ``unpriced`` counts the calls whose price is unknown. ``calls`` counts every request sent, ``retries`` those among
    them that repeat a failed or an empty one. Recorded answers count as kept, and in ``recorded``, never in ``calls``.
    """

    asked: int = 0
    kept: int = 0
    refused: int = 0
    empty: int = 0
    cut_off: int = 0
    missing: int = 0
    untranslated: int = 0
    at_limit: int = 0
    recorded: int = 0
    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0

    def keep(self, answer: Answer) -> None:
        """Count an answer that stays. Refusals are recognised in English only."""
        self.kept += 1
        self.refused += answer.language == "eng" and is_refusal(answer.answer)
        self.at_limit += answer.finish_reason == "length"

    def since(self, earlier: Tally) -> Tally:
        """What was counted since this tally stood where ``earlier`` stands."""
        return Tally(*(getattr(self, each.name) - getattr(earlier, each.name) for each in fields(self)))

    @property
    def coverage(self) -> float:
        """Share of the questions asked that have an answer; 0.0 before anything was asked."""
        return self.kept / self.asked if self.asked else 0.0


@dataclass(frozen=True)
class Elicitation:
    """The answers of one model in one language, in the order of the questions, and the account of how they came."""

    answers: tuple[Answer, ...]
    tally: Tally
    problems: dict[str, str] = field(default_factory=dict)
    """``Request.id`` → why it has no answer."""


class Elicitor(Protocol):
    """Asks one model. Implementations: ``recorded.RecordedElicitor`` and ``replay.ReplayElicitor``."""

    llm: str

    def elicit(
        self, questions: Sequence[Question] | None, language: str, *, samples: int = 1, progress: Progress | None = None
    ) -> Elicitation:
        """Answers to ``questions``, which are all in ``language``. None: whatever the source holds in that language."""
        ...
