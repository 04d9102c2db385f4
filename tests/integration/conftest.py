"""A project to run pytest in: its settings, its questions, and a server that answers them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pytest_univar.elicitation import Tally, requests_for
from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.values import Question

from ..conftest import VOICES, Parts
from ..services.openai_server import OpenAIServer, Step

KEY = "sk-univar-test-0123456789abcdef"
MODEL = "openai/some-model"
QUESTIONS = tuple(f"what should people do about law {number}" for number in range(12))


class Project:
    """The folder of one pytest run (or several), its server, and what is read off them afterwards."""

    def __init__(self, pytester: pytest.Pytester, server: OpenAIServer) -> None:
        self.pytester = pytester
        self.server = server
        self.path = pytester.path
        self._settings: dict[str, str] = {}

    @property
    def live(self) -> tuple[str, str]:
        """The arguments that audit the server."""
        return (f"--univar-model={MODEL}", f"--univar-api-base={self.server.api_base}")

    def set(self, **settings: str) -> None:
        """Put settings into the ini file, beside those that are there."""
        self._settings |= settings
        lines = [f"{name} = {text}" for name, text in self._settings.items()]
        self.pytester.makefile(".ini", pytest="\n".join(["[pytest]", "filterwarnings = error", *lines]))

    def write_test(self, source: str) -> None:
        self.pytester.makepyfile(test_it=source)

    def write_answers(self, name: str, texts: Sequence[str], **fields: str) -> str:
        """An answers file to the project's questions; returns the model that replays it."""
        lines = [
            {"language": "eng", "question": question, "answer": text, **fields}
            for question, text in zip(QUESTIONS, texts, strict=False)
        ]
        (self.path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return f"replay:{name}.jsonl"

    def run(self, *arguments: str) -> pytest.RunResult:
        """In this process, which has torch and litellm loaded already."""
        # hypothesis is imported by its plugin at the end of every run, and dropped again with the run.
        return self.pytester.runpytest_inprocess("-p", "no:hypothesispytest", *arguments)


def printed(result: pytest.RunResult) -> str:
    """Everything that was printed, white space made single spaces, so that folding does not matter."""
    return " ".join(" ".join([*result.outlines, *result.errlines]).split())


def reported(result: pytest.RunResult) -> str:
    """The report after the run as ``printed`` gives it; empty where there is none."""
    return " ".join(" ".join(report_lines(result)).split())


def report_lines(result: pytest.RunResult) -> list[str]:
    """The lines of the report after the run; none where there is none."""
    begins = [number for number, line in enumerate(result.outlines) if "univar: audited values" in line]
    if not begins:
        return []
    lines = result.outlines[begins[0] + 1 :]
    ends = next(number for number, line in enumerate(lines) if line.startswith("==="))
    return lines[: ends if lines[ends - 1] else ends - 1]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """Answers every question as gpt-a would, unless a test scripts it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with OpenAIServer(Step(VOICES["gpt-a"])) as running:
        yield running


@pytest.fixture(scope="session")
def loaded() -> None:
    """Load once what every in-process run needs: pytester drops the modules that a run was the first to import."""
    import pytest_univar.assembly
    import pytest_univar.report.progress
    import pytest_univar.report.terminal  # noqa: F401

    with OpenAIServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", KEY)
        service = LiteLLMService(MODEL, api_base=server.api_base)
        requests = requests_for([Question("warm", "warm")], 1)
        service.ask(requests, tally=Tally(), record=lambda answer: None, progress=lambda tally: None)


@pytest.fixture
def project(
    pytester: pytest.Pytester, server: OpenAIServer, parts: Parts, loaded: None, monkeypatch: pytest.MonkeyPatch
) -> Project:
    monkeypatch.delenv("CI", raising=False)  # under it nothing is recorded, unless asked for
    made = Project(pytester, server)
    questions = [{"id": f"law-{number}", "text": text} for number, text in enumerate(QUESTIONS)]
    pytester.makefile(".jsonl", questions="\n".join(json.dumps(question) for question in questions))
    made.set(
        univar_encoder=str(parts.encoder),
        univar_bank=str(parts.bank),
        univar_questions="questions.jsonl",
        univar_device="cpu",
        univar_attempts="2",
    )
    return made


@pytest.fixture
def files_with() -> Callable[[Path, str], list[Path]]:
    """The files under a folder that hold a text."""
    return lambda folder, text: [
        file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()
    ]
