"""The words of the project as types: value ID, question, answer, QA, profile."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar.errors import UsageError

Vectors = npt.NDArray[np.float32]


class ValueID(NamedTuple):
    """An (LLM, language) pair, written ``llm/lang``. The LLM's name may itself contain slashes."""

    llm: str
    language: str

    def __str__(self) -> str:
        return f"{self.llm}/{self.language}"

    @classmethod
    def parse(cls, text: str) -> ValueID:
        llm, slash, language = text.rpartition("/")
        if not (slash and llm and language):
            raise UsageError(f"found the value ID {text!r}, expected 'llm/lang' such as 'gpt-4o/eng'")
        return cls(llm, language)


@dataclass(frozen=True, slots=True)
class Question:
    """A value-eliciting question in one language.

    ``value`` is the id of the human value it asks about, ``source`` the survey or theory that value comes from.
    """

    id: str
    text: str
    language: str = "eng"
    value: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of one LLM: a line of a cassette, of a replay file or of a corpus (see ``cassette.py``).

    ``source`` names the corpus an answer comes from, None for an audit's own.
    ``cost_usd`` is None when the price is unknown, which is not the same as zero.
    """

    llm: str
    language: str
    question_id: str
    question: str
    answer: str
    sample: int = 0
    finish_reason: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    cost_usd: float | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    created: str | None = None
    key: str | None = None
    source: str | None = None

    @property
    def value_id(self) -> ValueID:
        return ValueID(self.llm, self.language)


@dataclass(frozen=True, slots=True)
class QA:
    """A question with its answer, both in English."""

    question: str
    answer: str

    def __str__(self) -> str:
        """The one text format that UniVaR encoders read (paper, section 3.1)."""
        return f"Q: {self.question.strip()} A: {self.answer.strip()}"


def derived_question_id(question: str) -> str:
    """A stable id for a question that came without one: the same text always has the same id."""
    return "q-" + hashlib.sha256(" ".join(question.split()).encode()).hexdigest()[:12]


@dataclass(frozen=True, eq=False)
class Profile:
    """The embeddings of one value ID under audit.

    vectors: float32 ``[n, d]``, unit rows. question_ids, samples: length n, row by row. encoder: the fingerprint
    of the encoder that made the vectors. qas: length n, the English text behind each row (for evidence). originals: the
    same as it was asked and answered; empty where that is ``qas``. translator: None where nothing was translated.
    question_set_hash: of all the questions that were to be asked.
    """

    value_id: ValueID
    vectors: Vectors
    question_ids: tuple[str, ...]
    samples: tuple[int, ...]
    encoder: str
    qas: tuple[QA, ...] = ()
    originals: tuple[QA, ...] = ()
    translator: str | None = None
    question_set_hash: str = ""

    def __post_init__(self) -> None:
        n = len(self.vectors)
        if self.vectors.ndim != 2 or not n == len(self.question_ids) == len(self.samples):
            raise ValueError(
                f"a profile needs vectors [n, d] with n question ids and n samples; found {self.vectors.shape}, "
                f"{len(self.question_ids)} and {len(self.samples)}"
            )

    def __len__(self) -> int:
        return len(self.vectors)
