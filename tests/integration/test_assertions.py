"""The fixture's assertions: what meets them, what violates them, and what a failed one says."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest

from pytest_univar.expectations import Claim

from ..conftest import VOICES
from .conftest import QUESTIONS, Project, printed, reported

GPT, LLAMA = ([f"{VOICES[llm]} {number}" for number in range(len(QUESTIONS))] for llm in ("gpt-a", "llama-a"))
MIXED = [*GPT[:6], *LLAMA[6:]]


def outcome_of(project: Project, texts: list[str], claim: str, *arguments: str) -> str:
    """The verdict of one claim about a model with these answers."""
    model = project.write_answers("model", texts)
    project.write_test(f"def test_claim(univar):\n    {claim}\n")
    report = reported(project.run(f"--univar-model={model}", *arguments))
    (verdict,) = (word for word in ("met", "violated", "inconclusive") if f" {word} model: " in report)
    return verdict


@pytest.mark.parametrize(
    ("claim", "gpt", "mixed", "llama"),
    [
        ("univar.assert_region('eng', 'gpt', scheme='family')", "met", "inconclusive", "violated"),
        ("univar.assert_region('eng', 'gpt', scheme='family', share=0.4)", "met", "inconclusive", "violated"),
        ("univar.assert_closer('eng', to='gpt', than='llama', scheme='family')", "met", "inconclusive", "violated"),
        ("univar.assert_distance('eng', 'gpt-a/eng', below=0.02)", "violated", "violated", "violated"),
        ("univar.assert_distance('eng', 'gpt', scheme='family', below=0.9)", "met", "met", "met"),
        ("univar.assert_distance('eng', 'gpt-a/eng', above=0.001)", "met", "met", "met"),
    ],
)
def test_verdicts(project: Project, claim: str, gpt: str, mixed: str, llama: str) -> None:
    assert [outcome_of(project, texts, claim) for texts in (GPT, MIXED, LLAMA)] == [gpt, mixed, llama]


def test_confidence_decides_what_is_open(project: Project) -> None:
    claim = "univar.assert_closer('eng', to='gpt', than='llama', scheme='family', confidence={})"
    leaning = [*GPT[:8], *LLAMA[8:]]
    verdicts = [outcome_of(project, leaning, claim.format(confidence)) for confidence in (0.1, 0.999)]
    assert verdicts == ["met", "inconclusive"]


def test_moving_toward_and_away(project: Project) -> None:
    project.write_test("def test_values(univar): univar.profile('eng')\n")
    project.run(f"--univar-model={project.write_answers('model', GPT)}", "--univar-save=start").assert_outcomes(
        passed=1
    )
    toward = "univar.assert_moved_toward('eng', 'llama', since='start', scheme='family')"
    assert outcome_of(project, LLAMA, toward) == "met"
    assert outcome_of(project, LLAMA, toward.replace("scheme", "away_from='gpt', scheme")) == "met"
    assert outcome_of(project, LLAMA, toward.replace("'llama'", "'gpt'")) == "violated"
    assert outcome_of(project, GPT, toward) == "inconclusive", "it did not move at all"


def test_languages_that_agree_and_languages_that_do_not(project: Project) -> None:
    """The answers in both languages were translated elsewhere, as the CSV layout of UniVaR has them."""
    claim = "univar.assert_consistent(below={})"
    rows = ["question,answer,lang"]
    for question, one, other in zip(QUESTIONS, GPT, LLAMA, strict=True):
        rows += [f"{question},{one},eng", f"{question},{other},spa"]
    asked = [{"id": text, "text": text, "language": language} for text in QUESTIONS for language in ("eng", "spa")]
    (project.path / "questions.jsonl").write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    (project.path / "qa_translated").mkdir()
    (project.path / "qa_translated" / "model.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for below, outcome in ((0.001, "violated"), (0.9, "met")):
        project.write_test(f"def test_claim(univar):\n    {claim.format(below)}\n")
        arguments = ("--univar-model=replay:qa_translated/model.csv", "--univar-languages=eng,spa")
        report = reported(project.run(*arguments))
        assert f"{outcome} model: eng, spa agree: their spread is below {below}" in report
    project.write_test("def test_claim(univar):\n    univar.assert_consistent()\n")
    assert "the bank 'tiny' has no LLM in several languages" in printed(project.run(*arguments))


def test_a_failed_claim_says_what_pulls_hardest_against_it(project: Project) -> None:
    model = project.write_answers("model", [*GPT[:1], *LLAMA[1:]])
    project.write_test("def test_claim(univar):\n    univar.assert_region('eng', 'gpt', scheme='family')\n")
    said = printed(project.run(f"--univar-model={model}"))
    assert "model: expected that eng lies in gpt (family); violated: share 8%, 95% interval" in said
    assert "over llama" in said
    pulls = said.partition("what pulls hardest against it: ")[2].partition("====")[0]
    assert "what should people do about law" in pulls
    assert "→ duty tradition family" in pulls
    assert "law-0 " not in pulls, "that answer is gpt's"


def test_a_plain_assert_explains_itself(project: Project) -> None:
    model = project.write_answers("model", GPT)
    project.write_test("""
        def test_distance(univar):
            assert univar.profile("eng").distance_to("llama-a/eng") < 0.01
        def test_other(univar):
            assert [1] == [2]
    """)
    result = project.run(f"--univar-model={model}")
    said = printed(result)
    assert re.search(r"assert distance 0\.\d+ to llama-a/eng < 0\.01", said)
    assert re.search(r"95% interval 0\.\d+ to 0\.\d+, 12 questions E nearest others: gpt-a/eng 0\.\d+", said)
    assert "E what pulls hardest against it: E law-" in said
    assert "assert [1] == [2]" in said, "what is not measured is explained by pytest"


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_claims_are_carried_to_junit(project: Project, workers: tuple[str, ...]) -> None:
    model = project.write_answers("model", GPT)
    project.write_test("""
        def test_claim(univar):
            univar.assert_closer("eng", to="gpt", than="llama", scheme="family", confidence=0.9)
    """)
    project.run(f"--univar-model={model}")  # keeps the vectors: workers need no torch then
    project.run(f"--univar-model={model}", "--junitxml=junit.xml", *workers).assert_outcomes(passed=1)
    (found,) = (
        Claim.from_json(element.attrib["value"])
        for element in ET.parse(project.path / "junit.xml").iter("property")
        if element.attrib["name"] == "univar_claim"
    )
    assert (found.kind, found.language, found.verdict) == ("closer", "eng", "met")
    assert found.interval is not None
    assert found.estimate is not None
    assert 0 < found.interval.low < found.estimate < found.interval.high
    assert (found.threshold, found.confidence, found.n_questions) == (0, 0.9, 12)
    assert Claim.from_json(json.dumps(json.loads(found.to_json()))) == found


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("univar.assert_distance('eng', 'gpt-a/eng')", "found below=None and above=None, expected one of the two"),
        ("univar.assert_region('eng', 'gtp', scheme='family')", "no region of the scheme 'family' 'gtp' (is 'gpt' mea"),
        ("univar.assert_unchanged('eng', since='v0')", "found no baseline 'v0', expected one of: none"),
        (
            "univar.assert_closer('spa', to='gpt-a/eng', than='gpt-b/eng')",
            "found the language 'spa', expected one of eng",
        ),
    ],
)
def test_what_cannot_be_claimed(project: Project, claim: str, message: str) -> None:
    model = project.write_answers("model", GPT)
    project.write_test(f"def test_claim(univar):\n    {claim}\n")
    result = project.run(f"--univar-model={model}")
    result.assert_outcomes(failed=1)
    assert message in printed(result)
