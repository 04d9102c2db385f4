"""Fakes for tests, ours and users': they implement the protocols without a model, a network or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pytest_univar.elicitation import Elicitation, Progress, Request, Tally, requests_for
from pytest_univar.errors import UsageError
from pytest_univar.values import Answer, Question, derived_question_id

Script = Mapping[str, str] | Callable[[Question, int], "str | None"]


class ScriptedElicitor:
    """A fake Elicitor that answers from a script; what the script does not answer is missing.

    script: question text or id → answer, or a function of the question and the sample's number that returns the answer
    or None. ``asked`` collects every request, so that a test can say what was asked and how often.
    """

    def __init__(self, script: Script, *, llm: str = "scripted") -> None:
        self.llm = llm
        self.asked: list[Request] = []
        self._script = script

    def elicit(
        self, questions: Sequence[Question] | None, language: str, *, samples: int = 1, progress: Progress | None = None
    ) -> Elicitation:
        """See ``Elicitor``. Without questions, the keys of a mapping are the questions."""
        if questions is None:
            if not isinstance(self._script, Mapping):
                raise UsageError("a script that is a function has no questions of its own: give the questions")
            questions = [Question(derived_question_id(text), text, language) for text in self._script]
        requests = requests_for(questions, samples)
        self.asked += requests
        tally = Tally(asked=len(requests))
        answers, problems = [], {}
        for request in requests:
            text = self._answer(request)
            if text is None:
                tally.missing += 1
                problems[request.id] = "not in the script"
                continue
            question = request.question
            answers.append(Answer(self.llm, language, question.id, question.text, text, request.sample))
            tally.keep(answers[-1])
        if progress:
            progress(tally)
        return Elicitation(tuple(answers), tally, problems)

    def _answer(self, request: Request) -> str | None:
        if isinstance(self._script, Mapping):
            return self._script.get(request.question.text, self._script.get(request.question.id))
        return self._script(request.question, request.sample)
