"""What is odd about a set of answers: too few, refused, all the same, in another language, next to nothing in them.

Pure functions over answers. Nothing here drops an answer or fails an audit: it says what a reader should know first.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_univar.elicitation.language_guess import guess_languages
from pytest_univar.elicitation.refusal import is_refusal
from pytest_univar.languages import LANGUAGES
from pytest_univar.values import Answer

_MIN_ANSWERS = 5
"""Below this many answers no share means anything."""

_MANY = 0.5
_SOME = 0.05
"""Shares from which something is worth a warning: refusals and repeats, of which a few are normal; and answers in the
wrong language or without content, of which there should be none."""

_NOTHING = frozenset({"n a", "na", "nan", "none", "null", "undefined", "error", "todo", "tbd"})
_NOT_A_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Share:
    """``count`` of ``total``."""

    count: int
    total: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None of nothing."""
        return self.count / self.total if self.total else None

    def __str__(self) -> str:
        return f"{self.count} of {self.total}"


@dataclass(frozen=True)
class Repeated(Share):
    """The questions that have one and the same answer, of all questions. text: that answer, as it first came."""

    text: str = ""


@dataclass(frozen=True)
class OtherLanguage(Share):
    """Answers that are not in the expected language. languages: which ones they seem to be in, most frequent first."""

    languages: tuple[str, ...] = ()


def coverage(answers: Iterable[Answer], asked: Mapping[str, int]) -> dict[str, Share]:
    """Answers of those asked for, by language. asked: language → how many answers were asked for."""
    counts = Counter(answer.language for answer in answers)
    return {language: Share(counts[language], total) for language, total in sorted(asked.items())}


def refusals(answers: Sequence[Answer]) -> Share:
    """Answers that decline to answer; the texts must be English (``refusal.py`` says how good the heuristic is)."""
    return Share(sum(is_refusal(answer.answer) for answer in answers), len(answers))


def repeats(answers: Sequence[Answer]) -> Repeated:
    """The most frequent answer, compared without case, punctuation and white space; each question counts it once."""
    questions: dict[str, set[str]] = defaultdict(set)
    first: dict[str, str] = {}
    for answer in answers:
        text = _normal(answer.answer)
        questions[text].add(answer.question_id)
        first.setdefault(text, answer.answer.strip())
    if not questions:
        return Repeated(0, 0)
    text = max(questions, key=lambda text: len(questions[text]))
    return Repeated(len(questions[text]), len({answer.question_id for answer in answers}), first[text])


def other_language(answers: Sequence[Answer], language: str) -> OtherLanguage:
    """Answers that seem to be in another language than ``language`` (ISO 639-3; what is no language is not counted).

    The guess is ``language_guess.guess_languages``, whose docstring has its precision. An answer that may be in the
    expected language, or of which nobody knows, counts as right.
    """
    wrong = [
        guess for guess in (guess_languages(answer.answer) for answer in answers) if guess and language not in guess
    ]
    found = Counter("/".join(sorted(guess)) for guess in wrong)
    return OtherLanguage(len(wrong), len(answers), tuple(name for name, _ in found.most_common()))


def without_content(answers: Sequence[Answer]) -> Share:
    """Answers with no letter or digit, or that only say that there is nothing ("N/A", "null", "undefined", …)."""
    texts = [_normal(answer.answer) for answer in answers]
    return Share(sum(not text or text in _NOTHING for text in texts), len(answers))


def health_warnings(answers: Sequence[Answer], language: str) -> tuple[str, ...]:
    """What a reader of the report should know about these answers, in sentences; empty if nothing is odd.

    language: the one that the texts should be in.
    """
    if len(answers) < _MIN_ANSWERS:
        return ()
    warnings = []
    repeated, odd, hollow = repeats(answers), other_language(answers, language), without_content(answers)
    # With few questions "Yes." may well be the answer to most of them.
    if repeated.total >= _MIN_ANSWERS and _reaches(repeated, _MANY):
        warnings.append(
            f"{repeated} questions have the same answer ({_shown(repeated.text)}): the endpoint may be broken, or the "
            "model may give a canned reply. Read some answers before trusting any figure."
        )
    if _reaches(odd, _SOME):
        expected = LANGUAGES[language].name
        found = ", ".join(_named(name) for name in odd.languages[:3])
        warnings.append(
            f"{odd} answers seem not to be in {expected} but in {found}: the model may not follow the language of the "
            "question, or the answers may be filed under the wrong language, or be taken as English untranslated."
        )
    if _reaches(hollow, _SOME):
        warnings.append(
            f"{hollow} answers have no content (such as 'N/A' or only punctuation), and are counted all the same."
        )
    if language == "eng":
        warnings += _many_refusals(answers)
    return tuple(warnings)


def warnings_in_english(answers: Sequence[Answer]) -> tuple[str, ...]:
    """What shows only after translation: answers that did not become English, and refusals."""
    if len(answers) < _MIN_ANSWERS:
        return ()
    odd = other_language(answers, "eng")
    if not _reaches(odd, _SOME):
        return tuple(_many_refusals(answers))
    found = ", ".join(_named(name) for name in odd.languages[:3])
    return (
        f"{odd} answers seem to be in {found} still, after translation: try another translator.",
        *_many_refusals(answers),
    )


def _many_refusals(answers: Sequence[Answer]) -> list[str]:
    if not _reaches(refusals(answers), _MANY):
        return []
    return [
        f"{refusals(answers)} answers decline to answer: the profile says more about what the model refuses than about "
        "what it values."
    ]


def _reaches(share: Share, limit: float) -> bool:
    return share.share is not None and share.share >= limit


def _normal(text: str) -> str:
    return _NOT_A_WORD.sub(" ", text.casefold()).strip()


def _named(codes: str) -> str:
    return " or ".join(LANGUAGES[code].name for code in codes.split("/"))


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else text[:57] + "…")
