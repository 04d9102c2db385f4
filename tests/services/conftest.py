from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.elicitation.recorded import Record, RecordedElicitor

from .openai_server import OpenAIServer

KEY = "sk-univar-test-0123456789abcdef"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def service(server: OpenAIServer) -> Callable[..., LiteLLMService]:
    """Makes a service that asks the server: one call at a time and short pauses, unless told otherwise."""

    def make(**options: Any) -> LiteLLMService:
        defaults = {"model": "openai/some-model", "api_base": server.api_base, "concurrency": 1, "backoff": 0.01}
        return LiteLLMService(**{**defaults, **options})

    return make


@pytest.fixture
def elicitor(service: Callable[..., LiteLLMService], tmp_path: Path) -> Callable[..., RecordedElicitor]:
    """Makes an elicitor over ``service`` with its cassettes in ``tmp_path``."""

    def make(record: Record = "new", **options: Any) -> RecordedElicitor:
        return RecordedElicitor(service(**options), tmp_path / "cassettes", record)

    return make
