"""Bringing answers to English: the Translator protocol. Every translator stands in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

__all__ = ["Done", "Translator"]

Done = Callable[[int, str], None]
"""Called, from any thread, with the index of a text and its English as soon as it is there."""


class Translator(Protocol):
    """Translates into English. Implementations: ``seq2seq``, ``llm`` and ``apertium``."""

    @property
    def name(self) -> str:
        """What makes its English its own (kind, model, settings); part of every translation's key and of a profile."""
        ...

    @property
    def notice(self) -> str:
        """What its users should know, such as a licence that forbids commercial use; empty where there is nothing."""
        ...

    def check(self, language: str) -> None:
        """TranslationError, before anything is paid for, if it cannot translate from this ISO 639-3 code."""
        ...

    def translate(self, texts: Sequence[str], language: str, *, done: Done) -> dict[int, str]:
        """Call ``done`` once for each text that was translated whole; index → why not is returned for every other.

        Raises TranslationError where no text at all can be translated.
        """
        ...
