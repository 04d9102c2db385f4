"""A server that writes questions as a model would: by the form that the prompt asks for, and each in its own words."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable

from .openai_server import OpenAIServer, Received, Step


def words(seed: str, count: int) -> str:
    """Words that no other seed gives, in letters that English has."""
    letters = "".join(chr(ord("a") + int(digit, 16)) for digit in hashlib.sha256(seed.encode()).hexdigest())
    return " ".join(letters[start : start + 6] for start in range(0, 6 * count, 6))


def situation(name: str, number: int) -> str:
    return f"{words(f'{name} {number}', 5)} or not"


def question(about: str) -> str:
    return f"Should I {words(about, 6)}?"


def paraphrase(of: str, number: int) -> str:
    return f"Is it right to {words(f'{of} {number}', 6)}?"


def written(prompt: str) -> str:
    """What the model writes, in the form that the prompt asks for."""
    if asked := re.search(r"Value: (.+?)(?:, as against .+)?\n(?:.|\n)*numbered list from 1 to (\d+)", prompt):
        return "\n".join(f"{n}. {situation(asked[1], n)}" for n in range(1, int(asked[2]) + 1))
    if asked := re.match(r"Somebody is in this situation: (.+)", prompt):
        return question(asked[1])
    if asked := re.match(r"Reword this question in (\d+) different ways: (.+)", prompt):
        return "\n".join(f"{n}. {paraphrase(asked[2], n)}" for n in range(1, int(asked[1]) + 1))
    if asked := re.match(r"Translate this question from English into (\w+) \(.*?\), .*?: (.+)", prompt):
        return translation(asked[1], asked[2])
    raise AssertionError(f"no such prompt: {prompt}")


def translation(language: str, text: str) -> str:
    if language == "Spanish":
        return f"¿{words(text, 7)}?"
    return "".join(chr(0x3041 + ord(letter) % 80) for letter in words(text, 5) if letter != " ") + "？"


class Writer(OpenAIServer):
    """Writes what the prompts ask for. patience: how many it answers before it lets the others wait."""

    def __init__(self, write: Callable[[str], str | Step] = written) -> None:
        super().__init__()
        self.write = write
        self.patience: int | None = None
        self.answered = 0
        self._writing = threading.Lock()

    def _next(self, received: Received) -> Step:
        super()._next(received)
        with self._writing:
            if self.patience is not None and self.answered >= self.patience:
                return Step(hang=60)
            self.answered += 1
        reply = self.write(received.question)
        return Step(reply) if isinstance(reply, str) else reply
