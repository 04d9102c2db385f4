"""A question set from English into another language: what any translator gives, held against the checks of sets.

``Translate`` is all that a translation must be here; ``with_model`` makes one of a model that can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_univar.languages import language as known_language
from pytest_univar.questions import Located
from pytest_univar.questions.checks import check
from pytest_univar.questions.prompting import Ask, Problem, Reading, Reply, Step, prompt_text, settle, single_line
from pytest_univar.values import Question

Translate = Callable[[Sequence[Located]], Mapping[str, Reply]]
"""English questions → id → the translation, or what is wrong with it; with every id."""

STEP = Step("translation", 400)
"""A question has 10 to 40 tokens in English and, in scripts that models know less well, several times as many."""


@dataclass(frozen=True)
class Translated:
    """The translations that pass the checks, under the ids of the English questions; what is wrong with the others."""

    questions: tuple[Question, ...]
    problems: tuple[Problem, ...]


def translated(
    english: Sequence[Located], language: str, translate: Translate, *, there: Sequence[Located] = ()
) -> Translated:
    """Translate English questions and check what comes back, as ``univar questions check`` does.

    there: questions that the set has in this language already, so that none of their texts comes twice.
    """
    replies = translate(english) if english else {}
    problems = {id: reply.problem for id, reply in replies.items() if reply.problem}
    originals = [each for each in english if each.question.id not in problems]
    own = [_in(language, each, replies[each.question.id].text) for each in originals]
    for finding in check([*there, *own], language, originals):
        if finding.id in replies:  # what is there already is not judged here
            problems.setdefault(finding.id, f"found {finding.found}, expected {finding.expected}")
    return Translated(
        tuple(each.question for each in own if each.question.id not in problems),
        tuple(Problem(language, id, problem, replies[id].text) for id, problem in problems.items()),
    )


def with_model(ask: Ask, language: str) -> Translate:
    """Translate by prompt, one question at a time. A translation that does not pass the checks is asked for again."""
    name, code = known_language(language).name, known_language(language).flores

    def translate(english: Sequence[Located]) -> dict[str, Reply]:
        originals = {each.question.id: each for each in english}

        def read(id: str, reply: str) -> Reading:
            reading = single_line(reply)
            if reading.problem:
                return reading
            own = _in(language, originals[id], reading.texts[0])
            finding = next(check([own], language, [originals[id]]), None)
            return Reading({}, f"found {finding.found}, expected {finding.expected}") if finding else reading

        prompts = [
            Question(id, prompt_text("translation", language=name, code=code, question=each.question.text))
            for id, each in originals.items()
        ]
        settled = settle(ask, STEP, prompts, read)
        refused = {problem.about: Reply(problem.reply, problem.problem) for problem in settled.problems}
        return {id: refused.get(id) or Reply(reading.texts[0]) for id, reading in settled.readings.items()}

    return translate


def _in(language: str, original: Located, text: str) -> Located:
    return Located(replace(original.question, text=text, language=language), language, original.line)
