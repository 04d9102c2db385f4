"""Answers that were collected elsewhere (``formats.py`` has the formats), as an elicitor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_univar.elicitation import Elicitation, Progress, Request, Tally, requests_for
from pytest_univar.elicitation.batch import BatchId
from pytest_univar.elicitation.formats import Unanswered, read_any
from pytest_univar.errors import AnswersError
from pytest_univar.values import Answer, Question

_Row = Answer | Unanswered


class ReplayElicitor:
    """Replays the answers of one LLM. The file is read once, here.

    llm: which LLM, where the file names several; the name for answers whose lines name none. Without it the file must
    be about one LLM. in_english: the answers were translated already, whatever language they were asked in.
    """

    def __init__(self, path: Path, llm: str | None = None) -> None:
        collected = read_any(path, llm=llm)
        rows: list[_Row] = [*collected.answers, *collected.unanswered]
        names = sorted({_asked(row).llm for row in rows})
        if not names:
            raise AnswersError(f"{path}: found no answers, expected one JSON object a line. Check the path")
        if llm is None and len(names) > 1:
            raise AnswersError(
                f"{path}: found answers of {len(names)} LLMs ({_listed(names)}), expected those of one. Split the "
                f"file, or name one file of the folder"
            )
        if llm is not None and llm not in names:
            raise AnswersError(f"{path}: found no answers of {llm!r}, expected one of {_listed(names)}")
        self.llm = llm or names[0]
        self.in_english = collected.in_english
        self._path = path
        self._by_language: dict[str, list[_Row]] = defaultdict(list)
        for row in rows:
            if _asked(row).llm == self.llm:
                self._by_language[_asked(row).language].append(row)

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
        rows = self._by_language[language]
        if questions is not None:
            rows = _matched(rows, questions, samples)
        elif nameless := next((_asked(row) for row in rows if not _asked(row).question), None):
            raise AnswersError(
                f"{self._path}: found no text of the question {nameless.question_id!r}, expected the batch's input "
                f"file (replay:OUTPUT.jsonl,INPUT.jsonl) or the question set it was exported from (--univar-questions)"
            )
        answers = tuple(row for row in rows if isinstance(row, Answer))
        unanswered = [row for row in rows if isinstance(row, Unanswered)]
        tally = Tally(asked=len(rows), recorded=len(answers))
        for answer in answers:
            tally.keep(answer)
        for row in unanswered:
            tally.empty += row.verdict == "empty"
            tally.cut_off += row.verdict == "cut_off"
            tally.missing += row.verdict == "missing"
        if progress:
            progress(tally)
        return Elicitation(answers, tally, {_request_id(row.request): row.problem for row in unanswered})


def _matched(rows: Iterable[_Row], questions: Sequence[Question], samples: int) -> list[_Row]:
    """One row for each sample of each question, in their order. Samples that have an answer come first."""
    by_id: dict[str, list[_Row]] = defaultdict(list)
    by_text: dict[str, list[_Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (isinstance(row, Unanswered), _asked(row).sample)):
        by_id[_asked(row).question_id].append(row)
        if _asked(row).question:
            by_text[_normal(_asked(row).question)].append(row)
    found = []
    for request in requests_for(questions, samples):
        candidates = by_id.get(request.question.id) or by_text.get(_normal(request.question.text), [])
        found.append(_row(request, candidates[request.sample] if request.sample < len(candidates) else None))
    return found


def _row(request: Request, row: _Row | None) -> _Row:
    """The row under the question's id and the request's sample; a row of its own where there is none."""
    question = request.question
    if row is None:
        asked = Answer("", question.language, question.id, question.text, "", request.sample)
        return Unanswered(asked, "missing", "the file has no answer to it")
    asked = replace(_asked(row), question_id=question.id, sample=request.sample)
    if not asked.question:  # a batch whose input file is not there
        batch_id = BatchId.parse(asked.key)
        if batch_id and not batch_id.asks(question):
            return Unanswered(asked, "missing", "its text is another one than when the batch was exported")
        asked = replace(asked, question=question.text)
    return row._replace(request=asked) if isinstance(row, Unanswered) else asked


def _asked(row: _Row) -> Answer:
    return row.request if isinstance(row, Unanswered) else row


def _request_id(answer: Answer) -> str:
    return Request(Question(answer.question_id, answer.question), answer.sample).id


def _normal(text: str) -> str:
    return " ".join(text.split())


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
