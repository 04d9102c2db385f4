"""The commands about question sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_univar.languages import LANGUAGES
from pytest_univar.questions import load_questions, question_set_hash

from .test_cli import typed


def test_list_names_the_sets_and_their_languages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, _ = typed(monkeypatch, capsys, "questions", "list")
    assert code == 0
    assert output.splitlines() == [
        "control: 60 questions in eng",
        f"core: 174 questions in {', '.join(LANGUAGES)}",
        "dilemmas: 60 questions in eng",
    ]


def test_check_proves_what_we_ship(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = typed(monkeypatch, capsys, "questions", "check")
    lines = output.splitlines()
    assert code == 0
    assert len(lines) == 27
    digest = question_set_hash(load_questions("core", "swh"))[:12]
    assert f"core/swh: 174 questions, 0 findings, hash {digest}" in lines
    assert [line.split(":")[0] for line in lines if "less certain" in line] == ["core/hat", "core/quy"]


def test_check_of_one_set_in_one_language(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = typed(monkeypatch, capsys, "questions", "check", "core", "--language", "hat")
    assert code == 0
    assert output.startswith("core/hat: 174 questions, 0 findings, hash ")
    assert output.count("\n") == 1
    code, output, _ = typed(monkeypatch, capsys, "questions", "check", "--language", "eng")
    assert code == 0
    assert [line.split(":")[0] for line in output.splitlines()] == ["control/eng", "core/eng", "dilemmas/eng"]


def test_check_says_what_is_wrong_with_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ours.jsonl"
    lines = [
        {"id": "leave", "text": "How much leave should a father take after a birth?"},
        {"id": "leave", "text": "¿Cuánto permiso debería tomarse un padre tras un nacimiento?", "language": "spa"},
        {"id": "pay", "text": "Who should know what I earn?"},
        {"id": "pay", "text": "¿Quién debería saber what I earn?", "language": "spa"},
    ]
    path.write_text("\n\n".join(map(json.dumps, lines)), encoding="utf-8")
    code, output, _ = typed(monkeypatch, capsys, "questions", "check", path)
    english, finding, spanish = output.splitlines()
    assert code == 1
    assert english.startswith(f"{path}/eng: 2 questions, 0 findings, hash ")
    assert finding.startswith(
        f"{path}, line 7, question 'pay': found 1 English words of 6 ('what'), expected at most 5%"
    )
    assert spanish.startswith(f"{path}/spa: 2 questions, 1 findings, hash ")
    assert typed(monkeypatch, capsys, "questions", "check", path, "--language", "eng")[0] == 0


def test_results_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One document and nothing else."""
    code, output, err = typed(monkeypatch, capsys, "questions", "list", "--json")
    assert (code, err) == (0, "")
    sets = {each["set"]: each["languages"] for each in json.loads(output)}
    assert sets == {"control": {"eng": 60}, "core": dict.fromkeys(LANGUAGES, 174), "dilemmas": {"eng": 60}}
    code, output, _ = typed(monkeypatch, capsys, "questions", "check", "core", "--language=hat", "--json")
    (hat,) = json.loads(output)
    assert code == 0
    assert (hat["set"], hat["language"], hat["questions"], hat["findings"]) == ("core", "hat", 174, [])
    assert "katreventan" in hat["less_certain"]
    path = tmp_path / "ours.jsonl"
    path.write_text('{"id": "pay", "text": "Who should know what I earn"}\n', encoding="utf-8")
    code, output, _ = typed(monkeypatch, capsys, "questions", "check", path, "--json")
    (ours,) = json.loads(output)
    assert code == 1
    assert [(finding["id"], finding["line"]) for finding in ours["findings"]] == [("pay", 1)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["cor"], "found the question set 'cor', expected one of: control, core, dilemmas."),
        (["dilemmas", "--language", "spa"], "the question set 'dilemmas' has no questions in 'spa', only in: eng."),
        (["--language", "xho"], "found the language 'xho', expected one of the ISO 639-3 codes"),
        (["nowhere.jsonl"], "nowhere.jsonl: found no readable file"),
    ],
)
def test_what_cannot_be_checked(
    arguments: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = typed(monkeypatch, capsys, "questions", "check", *arguments)
    assert code == 2
    assert expected in " ".join(err.split())
