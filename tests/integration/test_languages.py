"""Audits in other languages than English: asked, translated and measured, each language as a value ID of its own."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_univar.answer_lines import is_translation, read_lines
from pytest_univar.questions import load_questions

from ..services.openai_server import OpenAIServer, Received, Step
from .conftest import MODEL, Project, printed, reported

SPANISH = {question.text: question.id for question in load_questions("core", "spa")}
ENGLISH = {question.id: question.text for question in load_questions("core", "eng")}
ANSWER = "La libertad y el dinero cambian el estado. Es mi opinión: la libertad, el dinero y el cambio."
TRANSLATED = "Freedom and money change the state. It is my opinion: freedom, money and change."

ONE_TEST = """
import pytest

@pytest.mark.univar(languages=LANGUAGES, questions="core")
def test_values(univar):
    for language in LANGUAGES:
        univar.profile(language).region(scheme="family")
"""

needs_apertium = pytest.mark.skipif(
    shutil.which("apertium") is None,
    reason="Apertium is not installed: apt-get install --no-install-recommends apertium apertium-eng-spa",
)


class BilingualServer(OpenAIServer):
    """Answers Spanish questions in Spanish, everything else in English, and translates for ``openai/translator``."""

    english = TRANSLATED
    translators = frozenset({"translator", "gpt-4o-mini"})

    def _next(self, received: Received) -> Step:
        with self._lock:
            self.requests.append(received)
        if received.body["model"] in self.translators:
            return Step(self.english)
        return Step(ANSWER if received.question in SPANISH else TRANSLATED)

    def to(self, model: str) -> list[Received]:
        return [request for request in self.requests if request.body["model"] == model]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BilingualServer]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-univar-test-0123456789abcdef")
    running = BilingualServer()
    with running:
        yield running


@pytest.fixture
def bilingual(project: Project, server: BilingualServer) -> BilingualServer:
    """The project's server; a test in Spanish, in which ten questions are asked, is there."""
    project.write_test(ONE_TEST.replace("LANGUAGES", '["spa"]'))
    project.set(univar_limit="10")
    return server


def profiles_of(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((project.path / "found.json").read_text(encoding="utf-8"))["profiles"]
    return found


def translations_in(project: Project) -> list[dict[str, str]]:
    (cassette,) = (project.path / "cassettes").glob("*.spa.jsonl")
    return [line.record for line in read_lines(cassette) if is_translation(line.record)]


@needs_apertium
def test_a_spanish_audit_from_end_to_end(project: Project, bilingual: BilingualServer) -> None:
    arguments = (*project.live, "--univar-translator=apertium", "--univar-json=found.json")
    result = project.run(*arguments)
    result.assert_outcomes(passed=1)
    assert re.search(rf"{MODEL}/spa answers 10 of 10 kept", reported(result))
    assert "translator apertium " in reported(result)
    assert "Apertium translates by rules" in reported(result)
    assert {request.question for request in bilingual.requests} <= set(SPANISH)

    (recorded,) = translations_in(project)
    assert recorded["text"] == ANSWER
    assert recorded["translator"].startswith("apertium ")
    assert re.search(r"\b(freedom|liberty)\b.*\bmoney\b", recorded["english"], re.IGNORECASE)

    (profile,) = profiles_of(project)
    pulls = profile["regions"][0]["pulls"]
    assert pulls
    for pull in pulls:  # questions in the bank's own English, answers in Apertium's
        assert pull["question"] == ENGLISH[pull["question_id"]]
        assert pull["answer"] == recorded["english"]

    again = project.run(*arguments, "--univar-record=none")
    again.assert_outcomes(passed=1)
    assert len(bilingual.requests) == 10
    assert len(translations_in(project)) == 1


@needs_apertium
def test_the_papers_way_translates_questions_too(project: Project, bilingual: BilingualServer) -> None:
    result = project.run(*project.live, "--univar-translator=apertium", "--univar-translation=paper")
    result.assert_outcomes(passed=1)
    assert len(translations_in(project)) == 11
    assert {line["text"] for line in translations_in(project)} - {ANSWER} <= set(SPANISH)
    assert "questions too" in reported(result)


@needs_apertium
def test_each_language_is_a_value_id_of_its_own(project: Project, bilingual: BilingualServer) -> None:
    project.write_test(ONE_TEST.replace("LANGUAGES", '["eng", "spa"]'))
    result = project.run(*project.live, "--univar-translator=apertium", "--univar-json=found.json")
    result.assert_outcomes(passed=1)
    profiles = {profile["language"]: profile for profile in profiles_of(project)}
    assert set(profiles) == {"eng", "spa"}
    assert profiles["eng"]["translator"] is None
    assert profiles["spa"]["translator"].startswith("apertium ")


def test_without_a_translator_nothing_is_asked(project: Project, bilingual: BilingualServer) -> None:
    for arguments in ((), ("--univar-dry-run",)):
        result = project.run(*project.live, *arguments)
        assert "found the language 'spa' and no translator" in printed(result)
        assert "--univar-translator: nllb, opus, apertium, litellm:MODEL" in printed(result)
    assert not bilingual.requests


def test_a_language_that_the_translator_does_not_know_is_refused_before_anything_is_asked(
    project: Project, bilingual: BilingualServer
) -> None:
    project.write_test(ONE_TEST.replace("LANGUAGES", '["jpn"]'))
    result = project.run(*project.live, "--univar-translator=apertium")
    result.assert_outcomes(failed=1)
    assert "found the language 'jpn', but Apertium has a way into English from" in printed(result)
    assert not bilingual.requests


@pytest.mark.parametrize("spec", ["deepl", "litellm:", "nllb:", "no/such/folder"])
def test_an_unknown_translator(project: Project, bilingual: BilingualServer, spec: str) -> None:
    result = project.run(*project.live, f"--univar-translator={spec}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"--univar-translator: found '{spec}', expected nllb, opus, apertium" in printed(result)


def test_an_llm_translates_each_text_once_and_its_cost_is_shown(project: Project, bilingual: BilingualServer) -> None:
    arguments = (
        *project.live,
        "--univar-translator=litellm:openai/translator",
        f"--univar-translator-api-base={bilingual.api_base}",
    )
    result = project.run(*arguments)
    result.assert_outcomes(passed=1)
    assert len(bilingual.to("translator")) == 1, "all answers are the same text"
    assert f"{MODEL}/spa, translating 1 " in reported(result)
    assert "11 calls" in reported(result)
    assert [line["english"] for line in translations_in(project)] == [TRANSLATED]

    project.run(*arguments).assert_outcomes(passed=1)
    assert len(bilingual.requests) == 11


def dry_run(project: Project, *arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plans of asking and of translating."""
    result = project.run(*arguments, "--univar-dry-run", "--univar-json=plan.json")
    result.assert_outcomes(skipped=1)
    asking, translating = json.loads((project.path / "plan.json").read_text(encoding="utf-8"))["plans"]
    assert (asking["translator"], translating["translator"]) == ("", "litellm:openai/gpt-4o-mini")
    assert "/spa, translated " in reported(result)
    assert translating["translator"] in reported(result)
    assert "upper estimates (of translations if each is as long as its text" in reported(result)
    return asking, translating


def test_a_dry_run_counts_what_an_llm_would_translate(project: Project, bilingual: BilingualServer) -> None:
    """Before anything is asked, every answer as long as it may be; when answers are there, these as long as they are;
    and nothing for what is translated."""
    to = (f"--univar-api-base={bilingual.api_base}", f"--univar-translator-api-base={bilingual.api_base}")
    arguments = (f"--univar-model={MODEL}", *to, "--univar-max-tokens=50")
    translator = "--univar-translator=litellm:openai/gpt-4o-mini"
    asking, translating = dry_run(project, *arguments, translator)
    assert (asking["calls"], asking["completion_tokens"], asking["cost_usd"]) == (10, 500, None)
    assert (translating["calls"], translating["completion_tokens"]) == (10, 500)
    frame, rest = divmod(translating["prompt_tokens"] - 500, 10)
    assert rest == 0
    assert frame > 200, "its prompt is sent with every text"
    cost = translating["prompt_tokens"] * 0.15e-6 + 500 * 0.6e-6
    assert translating["cost_usd"] == pytest.approx(cost)

    paper = dry_run(project, *arguments, translator, "--univar-translation=paper")[1]
    assert paper["calls"] == 20, "the questions too"

    project.run(*arguments, "--univar-translator=none").assert_outcomes(passed=1)
    asking, translating = dry_run(project, *arguments, translator)
    assert (asking["calls"], translating["calls"]) == (0, 1), "all answers are the same text"
    tokens = math.ceil(len(ANSWER.encode()) / 3) + 8
    assert translating["completion_tokens"] == tokens
    assert translating["prompt_tokens"] == frame + tokens

    sent = len(bilingual.requests)
    project.run(*arguments, translator).assert_outcomes(passed=1)
    assert len(bilingual.requests) == sent + 1
    assert dry_run(project, *arguments, translator)[1]["calls"] == 0


def test_a_dry_run_counts_what_translating_replayed_answers_would_take(
    project: Project, bilingual: BilingualServer
) -> None:
    lines = [{"llm": "m", "language": "spa", "question": f"¿{n}?", "answer": f"{ANSWER} {n}"} for n in range(4)]
    (project.path / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    project.write_test("def test_values(univar):\n    univar.profile('spa')\n")
    project.set(univar_questions="", univar_languages="spa")
    translator = "--univar-translator=litellm:openai/gpt-4o-mini"
    asking, translating = dry_run(project, "--univar-model=replay:answers.jsonl", translator)
    assert (asking["calls"], asking["cost_usd"]) == (0, 0.0)
    assert translating["calls"] == 8, "questions of one's own too"
    assert not bilingual.requests


def test_what_cannot_be_translated_is_accounted_for_and_no_pass(project: Project, bilingual: BilingualServer) -> None:
    bilingual.english = ANSWER  # the translator hands the Spanish back
    arguments = (
        *project.live,
        "--univar-translator=litellm:openai/translator",
        f"--univar-translator-api-base={bilingual.api_base}",
    )
    result = project.run(*arguments)
    result.assert_outcomes(failed=1)
    assert "0 of 10 questions have an answer (coverage 0.00)" in printed(result)
    assert "10 not translated" in printed(result)
    assert "not translated: the translator's reply was rejected twice" in printed(result)
    assert not translations_in(project)
    asked = len(bilingual.to("some-model"))

    bilingual.english = TRANSLATED
    project.run(*arguments).assert_outcomes(passed=1)
    assert len(bilingual.to("some-model")) == asked, "the answers were kept"


def test_answers_taken_as_english_that_are_not(project: Project, bilingual: BilingualServer) -> None:
    result = project.run(*project.live, "--univar-translator=none")
    result.assert_outcomes(passed=1)
    assert "10 of 10 answers seem not to be in English but in Spanish" in reported(result)
    assert "or be taken as English untranslated" in reported(result)


def test_replayed_answers_are_translated_too(project: Project, bilingual: BilingualServer) -> None:
    lines = [{"llm": "theirs", "language": "spa", "question": text, "answer": ANSWER} for text in list(SPANISH)[:6]]
    (project.path / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    project.write_test("def test_values(univar):\n    assert univar.profile('spa').region(scheme='family')\n")
    project.set(univar_questions="", univar_languages="spa")
    result = project.run(
        "--univar-model=replay:answers.jsonl",
        "--univar-translator=litellm:openai/translator",
        f"--univar-translator-api-base={bilingual.api_base}",
    )
    result.assert_outcomes(passed=1)
    assert [line["text"] for line in translations_in(project)] == [ANSWER], "the questions are those of core"


@needs_apertium
def test_recorded_none_does_not_translate(project: Project, bilingual: BilingualServer) -> None:
    project.run(*project.live, "--univar-translator=none").assert_outcomes(passed=1)
    result = project.run(*project.live, "--univar-translator=apertium", "--univar-record=none")
    result.assert_outcomes(failed=1)
    assert "1 of 1 texts of openai/some-model in Spanish (spa) were not translated by apertium" in printed(result)
