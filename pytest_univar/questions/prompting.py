"""Prompts as data, and replies that are read strictly: what the generation and the translation of questions share.

The prompts are the text files in ``prompts/``. Who answers them is the caller's: this package knows no model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import NamedTuple

from pytest_univar.values import Question

_PROMPTS = files("pytest_univar.questions").joinpath("prompts")
_HEAD = 60
"""Characters of a reply that a message shows."""

_ITEM = re.compile(r"\s*(\d+)[.)]\s+(\S.*)")
_SPACES = re.compile(r"[^\S\u00a0\u202f]+")  # French has spaces that do not break before its marks
_WRAPPED = re.compile(r"(?P<before>[\"“«*_'‘`]+)(?P<text>[^\"“”«»*_`]+)(?P<after>[\"”»*_'’`]+)")


class Step(NamedTuple):
    """One kind of prompt. tokens: enough for any reply that is in the form asked for."""

    name: str
    tokens: int


class Reply(NamedTuple):
    """What came back. problem: why nothing did (``text`` is empty), or why it cannot be used."""

    text: str
    problem: str = ""


Ask = Callable[[Step, Sequence[Question]], Mapping[str, Reply]]
"""Puts prompts to a model. A prompt is the text of a ``Question``; id → reply is returned, with every id."""


class Reading(NamedTuple):
    """The texts found in a reply, by their number, and what is wrong with it; texts may be there all the same."""

    texts: Mapping[int, str]
    problem: str = ""


class Problem(NamedTuple):
    """A reply that could not be used, after it was asked for again. about: the id of its prompt."""

    step: str
    about: str
    problem: str
    reply: str

    def __str__(self) -> str:
        reply = " ".join(self.reply.split())
        head = reply[:_HEAD] + ("…" if len(reply) > _HEAD else "")
        return f"{self.step}, {self.about}: {self.problem}" + (f"; the reply begins with {head!r}" if head else "")


class Settled(NamedTuple):
    """What was read from the replies to one step's prompts. readings: by prompt id, with every id."""

    readings: Mapping[str, Reading]
    problems: tuple[Problem, ...]
    asked_again: int


def prompt_text(name: str, **words: object) -> str:
    """The prompt of this name with its blanks filled."""
    return _PROMPTS.joinpath(f"{name}.txt").read_text("utf-8").strip().format(**words)


def settle(ask: Ask, step: Step, prompts: Sequence[Question], read: Callable[[str, str], Reading]) -> Settled:
    """Ask, and ask once more, saying what was wrong, where the reply cannot be used.

    read: prompt id and reply → what is in it. Of two replies with a problem the one with more in it counts.
    """
    replies = dict(ask(step, prompts)) if prompts else {}
    readings = {prompt.id: _reading(prompt.id, replies[prompt.id], read) for prompt in prompts}
    # Where there is no reply at all, whoever asks has tried more than once already.
    again = [prompt for prompt in prompts if readings[prompt.id].problem and replies[prompt.id].text]
    remarks = [
        replace(prompt, text=prompt_text("again", prompt=prompt.text, problem=readings[prompt.id].problem))
        for prompt in again
    ]
    for id, reply in (ask(step, remarks) if remarks else {}).items():
        second = _reading(id, reply, read)
        if not second.problem or len(second.texts) > len(readings[id].texts):
            replies[id], readings[id] = reply, second
    problems = tuple(
        Problem(step.name, id, reading.problem, replies[id].text) for id, reading in readings.items() if reading.problem
    )
    return Settled(readings, problems, len(again))


def _reading(id: str, reply: Reply, read: Callable[[str, str], Reading]) -> Reading:
    # Nothing is read from a reply that was cut off: its last line is not what was meant.
    return Reading({}, reply.problem) if reply.problem else read(id, reply.text)


def numbered_list(reply: str, count: int) -> Reading:
    """The items 1 to ``count`` of a numbered list, one a line. What stands before and after them is passed over."""
    items: dict[int, str] = {}
    for line in reply.splitlines():
        if len(items) == count:
            break
        match = _ITEM.fullmatch(line)
        if match and int(match[1]) == len(items) + 1:
            items[len(items) + 1] = bare(match[2])
        elif items and line.strip():
            found = f"found the line {_shown(line)} after item {len(items)}"
            return Reading(items, f"{found}, expected item {len(items) + 1} of {count}")
    if len(items) < count:
        return Reading(items, f"found {len(items)} numbered items, expected {count}")
    return Reading(items)


def single_line(reply: str) -> Reading:
    """The one line of a reply, as number 0."""
    lines = [line for line in reply.splitlines() if line.strip()]
    if len(lines) != 1:
        return Reading({}, f"found {len(lines)} lines, expected one")
    return Reading({0: bare(lines[0])})


def bare(text: str) -> str:
    """Composed characters (NFC), single spaces, and no quotation marks or asterisks around the whole."""
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()
    wrapped = _WRAPPED.fullmatch(text)
    return wrapped["text"].strip() if wrapped else text


def _shown(text: str) -> str:
    return repr(text.strip() if len(text.strip()) <= _HEAD else text.strip()[:_HEAD] + "…")
