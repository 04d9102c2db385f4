"""Questions from human values, by the steps of the UniVaR paper (NAACL 2025, appendix D.1), in prompts of our own.

Value → situations in which people who weigh it differently would act differently → for each the question whether to
do it → paraphrases of each question. The paper takes 50 situations and 4 paraphrases; its last step, the translation,
is in ``translating.py``. After every step near-duplicates are dropped, so that nothing is asked for twice.

Nothing here talks to a model: ``Ask`` does (``cli/generation.py`` puts one behind a cassette, so that a run that was
stopped goes on where it was).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pytest_univar.errors import QuestionsError, UsageError
from pytest_univar.questions import HumanValue, Located
from pytest_univar.questions.checks import check
from pytest_univar.questions.duplicates import duplicates
from pytest_univar.questions.prompting import (
    Ask,
    Problem,
    Reading,
    Step,
    numbered_list,
    prompt_text,
    settle,
    single_line,
)
from pytest_univar.values import Question

SCENARIOS = 50
PARAPHRASES = 4

_LINE_TOKENS = 60
_FRAME_TOKENS = 100
"""Of a reply: a question has 10 to 40 tokens; the frame is what some models say before and after a list."""
_LONGEST = "x" * 180
"""Stands for a text that is not written yet, where the price of asking about it is estimated."""


class Account(NamedTuple):
    """What became of the texts that one step was to write. wanted = kept + duplicates + missing."""

    step: str
    wanted: int
    kept: int
    duplicates: int
    missing: int
    asked_again: int


class Planned(NamedTuple):
    """The calls that one step can take, but for replies that are asked for again. prompt: the longest, about."""

    step: Step
    calls: int
    prompt: str


@dataclass(frozen=True)
class Generated:
    """The questions, each before its paraphrases, what every step came to, and the replies that could not be used."""

    questions: tuple[Question, ...]
    accounts: tuple[Account, ...]
    problems: tuple[Problem, ...]


class _Draft(NamedTuple):
    """A text on the way to being a question; of a value that nothing was written about yet it is empty."""

    id: str
    value: HumanValue
    text: str


class _Written(NamedTuple):
    drafts: list[_Draft]
    account: Account
    problems: tuple[Problem, ...]


def generate(
    values: Sequence[HumanValue], ask: Ask, *, scenarios: int = SCENARIOS, paraphrases: int = PARAPHRASES
) -> Generated:
    """Questions about each of the values, with ids ``<value>-s<scenario>-q<number>``: 0 is the question itself, the
    others are its paraphrases. An id keeps its number where another text was dropped. What ``ask`` raises is passed on.
    """
    if scenarios < 1 or paraphrases < 0:
        raise UsageError(
            f"found {scenarios} scenarios and {paraphrases} paraphrases, expected at least one scenario and no "
            f"negative number. The paper takes {SCENARIOS} and {PARAPHRASES}"
        )
    first, second, third = _steps(scenarios, paraphrases)
    situations = _write(
        ask,
        first,
        [_Draft(value.id, value, "") for value in values],
        per_draft=scenarios,
        prompt=lambda draft: _scenarios_prompt(draft.value, scenarios),
        read=lambda reply: numbered_list(reply, scenarios),
        name=lambda draft, number: f"{draft.id}-s{number}",
    )
    questions = _write(
        ask,
        second,
        situations.drafts,
        per_draft=1,
        prompt=lambda draft: prompt_text("question", situation=draft.text),
        read=lambda reply: _checked(single_line(reply)),
        name=lambda draft, number: f"{draft.id}-q{number}",
    )
    written = [situations, questions]
    drafts = questions.drafts
    if paraphrases:
        reworded = _write(
            ask,
            third,
            drafts,
            per_draft=paraphrases,
            prompt=lambda draft: prompt_text("paraphrases", question=draft.text, count=paraphrases),
            read=lambda reply: _checked(numbered_list(reply, paraphrases)),
            name=lambda draft, number: f"{draft.id.rpartition('-q')[0]}-q{number}",
            before=drafts,
        )
        written.append(reworded)
        place = {draft.id.rpartition("-q")[0]: index for index, draft in enumerate(drafts)}
        # Stable: a question stays before its paraphrases, and these stay in their order.
        drafts = sorted([*drafts, *reworded.drafts], key=lambda draft: place[draft.id.rpartition("-q")[0]])
    return Generated(
        tuple(Question(draft.id, draft.text, "eng", draft.value.id, draft.value.source or None) for draft in drafts),
        tuple(each.account for each in written),
        tuple(problem for each in written for problem in each.problems),
    )


def plan(values: Sequence[HumanValue], *, scenarios: int = SCENARIOS, paraphrases: int = PARAPHRASES) -> list[Planned]:
    """What ``generate`` takes at most, step by step."""
    first, second, third = _steps(scenarios, paraphrases)
    longest = max((_scenarios_prompt(value, scenarios) for value in values), key=len)
    count = len(values) * scenarios
    planned = [
        Planned(first, len(values), longest),
        Planned(second, count, prompt_text("question", situation=_LONGEST)),
        Planned(third, count, prompt_text("paraphrases", question=_LONGEST, count=paraphrases)),
    ]
    return planned if paraphrases else planned[:2]


def question_line(question: Question) -> str:
    """The question as a line of a question set, without its newline."""
    fields = {name: getattr(question, name) for name in ("id", "text", "language", "value", "source")}
    return json.dumps({name: field for name, field in fields.items() if field is not None}, ensure_ascii=False)


def write_questions(path: Path, questions: Iterable[Question]) -> None:
    """Write a question set as JSON lines, as a whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text("".join(f"{question_line(question)}\n" for question in questions), encoding="utf-8")
        os.replace(draft, path)
    except OSError as exc:
        raise QuestionsError(f"{path}: cannot be written ({exc}). Make the folder writable, or name another") from exc


def _steps(scenarios: int, paraphrases: int) -> tuple[Step, Step, Step]:
    return (
        Step("scenarios", _FRAME_TOKENS + scenarios * _LINE_TOKENS),
        Step("questions", _FRAME_TOKENS + _LINE_TOKENS),
        Step("paraphrases", _FRAME_TOKENS + paraphrases * _LINE_TOKENS),
    )


def _scenarios_prompt(value: HumanValue, count: int) -> str:
    name = f"{value.name}, as against {value.opposite}" if value.opposite else value.name
    return prompt_text("scenarios", value=name, definition=value.definition, count=count)


def _write(
    ask: Ask,
    step: Step,
    drafts: Sequence[_Draft],
    *,
    per_draft: int,
    prompt: Callable[[_Draft], str],
    read: Callable[[str], Reading],
    name: Callable[[_Draft, int], str],
    before: Sequence[_Draft] = (),
) -> _Written:
    """One step: a prompt for each draft, new drafts from each reply, and none that is nearly one of ``before`` or
    nearly an earlier one."""
    settled = settle(ask, step, [Question(draft.id, prompt(draft)) for draft in drafts], lambda _, reply: read(reply))
    written = [
        _Draft(name(draft, number), draft.value, text)
        for draft in drafts
        for number, text in settled.readings[draft.id].texts.items()
    ]
    repeated = duplicates([draft.text for draft in (*before, *written)])
    kept = [draft for index, draft in enumerate(written, start=len(before)) if index not in repeated]
    wanted = len(drafts) * per_draft
    account = Account(
        step.name, wanted, len(kept), len(written) - len(kept), wanted - len(written), settled.asked_again
    )
    return _Written(kept, account, settled.problems)


def _checked(reading: Reading) -> Reading:
    """Without the texts that do not pass the checks of question sets."""
    findings = {number: _finding(text) for number, text in reading.texts.items()}
    passed = {number: text for number, text in reading.texts.items() if not findings[number]}
    problem = next((found for found in findings.values() if found), "")
    return Reading(passed, reading.problem or problem)


def _finding(text: str) -> str:
    """What is wrong with an English question; empty where nothing is."""
    finding = next(iter(check([Located(Question("", text), "", 1)], "eng")), None)
    return f"found {finding.found} of {text!r}, expected {finding.expected}" if finding else ""
