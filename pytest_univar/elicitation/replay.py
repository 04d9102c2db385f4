"""Answers that were collected elsewhere, from a JSON-lines file (``cassette.read_answers`` has the format)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_univar.cassette import read_answers
from pytest_univar.elicitation import Elicitation, Progress, Tally, requests_for
from pytest_univar.errors import AnswersError
from pytest_univar.values import Answer, Question


class ReplayElicitor:
    """Replays the answers of one LLM. The file is read once, here.

    llm: which LLM, where the file names several; the name for answers whose lines name none. Without it the file must
    be about one LLM.
    """

    def __init__(self, path: Path, llm: str | None = None) -> None:
        answers = read_answers(path, llm=llm)
        names = sorted({answer.llm for answer in answers})
        if not names:
            raise AnswersError(f"{path}: found no answers, expected one JSON object a line. Check the path")
        if llm is None and len(names) > 1:
            raise AnswersError(
                f"{path}: found answers of {len(names)} LLMs ({_listed(names)}), expected those of one. Split the file"
            )
        if llm is not None and llm not in names:
            raise AnswersError(f"{path}: found no answers of {llm!r}, expected one of {_listed(names)}")
        self.llm = llm or names[0]
        self._path = path
        self._by_language: dict[str, list[Answer]] = defaultdict(list)
        for answer in answers:
            if answer.llm == self.llm:
                self._by_language[answer.language].append(answer)

    def elicit(
        self, questions: Sequence[Question] | None, language: str, *, samples: int = 1, progress: Progress | None = None
    ) -> Elicitation:
        """See ``Elicitor``. Questions are matched by id, else by text (white space aside).

        ``samples`` limits the answers to each question; without questions the file's answers are taken as they are.
        Raises AnswersError when the file holds nothing in this language.
        """
        if language not in self._by_language:
            raise AnswersError(
                f"{self._path}: found no answers of {self.llm} in {language!r}, only in {_listed(self._by_language)}. "
                f"Audit one of these languages, or add the answers"
            )
        answers = self._by_language[language]
        problems: dict[str, str] = {}
        if questions is not None:
            answers, problems = _matched(answers, questions, samples)
        tally = Tally(asked=len(answers) + len(problems), recorded=len(answers), missing=len(problems))
        for answer in answers:
            tally.keep(answer)
        if progress:
            progress(tally)
        return Elicitation(tuple(answers), tally, problems)


def _matched(
    answers: Iterable[Answer], questions: Sequence[Question], samples: int
) -> tuple[list[Answer], dict[str, str]]:
    """The answers to the questions, in their order, and a problem for every sample that has none."""
    by_id: dict[str, list[Answer]] = defaultdict(list)
    by_text: dict[str, list[Answer]] = defaultdict(list)
    for answer in sorted(answers, key=lambda answer: answer.sample):
        by_id[answer.question_id].append(answer)
        by_text[_normal(answer.question)].append(answer)
    found, problems = [], {}
    for request in requests_for(questions, samples):
        candidates = by_id.get(request.question.id) or by_text.get(_normal(request.question.text), [])
        if request.sample < len(candidates):
            answer = candidates[request.sample]
            found.append(replace(answer, question_id=request.question.id, sample=request.sample))
        else:
            problems[request.id] = "the file has no answer to it"
    return found, problems


def _normal(text: str) -> str:
    return " ".join(text.split())


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
