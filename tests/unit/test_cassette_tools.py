"""Looking after cassettes. The answers are recorded the way the live service records them."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_univar import cassette_tools
from pytest_univar.answer_lines import answer_line, encoded, read_answers
from pytest_univar.cassette import Cassette, translation_key
from pytest_univar.cassette_tools import Finding, merge, prune, recomputed_key, secret_in, summary, verify
from pytest_univar.elicitation import Request
from pytest_univar.elicitation.litellm import LiteLLMService
from pytest_univar.elicitation.sampling import SamplingParams
from pytest_univar.errors import AnswersError, UnivarWarning, UsageError
from pytest_univar.values import Answer, Question

QUESTIONS = [Question(f"q{n}", f"Question {n}?") for n in range(4)]
TRANSLATION = {
    "schema": 1,
    "key": translation_key(translator="x", source_language="spa", text="Answer 1."),
    "kind": "translation",
    "translator": "x",
    "source_language": "spa",
    "text": "Answer 1.",
    "english": "Reply 1.",
}
SERVICE = LiteLLMService("openai/m", api_base="http://me:pw@host/v1", params=SamplingParams(temperature=0.0))


def recorded(number: int = 0, *, service: LiteLLMService = SERVICE, **changes: Any) -> Answer:
    question = QUESTIONS[number]
    answer = Answer(
        llm=service.model,
        language="eng",
        question_id=question.id,
        question=question.text,
        answer=f"Answer {number}.",
        cost_usd=0.5,
        params=service.recorded_params(),
        created=f"2025-01-0{number + 1}T00:00:00.000+00:00",
        key=service.key(Request(question, 0)),
    )
    return replace(answer, **changes)


def write(path: Path, *rows: Answer | dict[str, Any] | bytes) -> Path:
    lines = [
        row if isinstance(row, bytes) else encoded(answer_line(row) if isinstance(row, Answer) else row) for row in rows
    ]
    path.write_bytes(b"".join(lines))
    return path


# --- list ------------------------------------------------------------------------------------------------------------


def test_a_summary_counts_what_counts(tmp_path: Path) -> None:
    again = recorded(0, answer="Another.", cost_usd=None, created="2025-02-01T00:00:00.000+00:00")
    path = write(tmp_path / "m.eng.jsonl", recorded(0), recorded(1), TRANSLATION, again)
    (found,) = summary(path)
    assert (found.llms, found.languages) == (("openai/m",), ("eng",))
    assert (found.answers, found.translations, found.superseded) == (2, 1, 1)
    assert (found.first, found.last) == ("2025-01-02T00:00:00.000+00:00", "2025-02-01T00:00:00.000+00:00")
    assert (found.cost_usd, found.unpriced, found.bytes) == (0.5, 1, path.stat().st_size)


def test_a_folder_is_listed_by_name(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        Cassette(tmp_path / name).append(recorded())
    assert [found.path.name for found in summary(tmp_path)] == ["a.jsonl", "b.jsonl"]
    with pytest.raises(AnswersError, match="no cassettes"):
        summary(tmp_path / ".locks")


# --- verify ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "service",
    [
        SERVICE,
        LiteLLMService("m"),
        LiteLLMService("m", params=SamplingParams(seed=3, system_prompt="Be kind.", extra={"top_k": 50})),
    ],
)
def test_the_key_of_a_recorded_line_can_be_recomputed(service: LiteLLMService) -> None:
    answer = recorded(service=service)
    back = json.loads(encoded(answer_line(answer)))
    assert recomputed_key(replace(answer, params=back["params"])) == answer.key


def test_a_sound_cassette_has_no_findings(tmp_path: Path) -> None:
    again = recorded(0, answer="Basic human rights, and key-performance figures.")
    path = write(tmp_path / "a.jsonl", recorded(0), recorded(1), TRANSLATION, again, recorded(2, key=None))
    found = verify(path)
    assert found == cassette_tools.Verification((), verified=4, unverifiable=1, superseded=1)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (b"nonsense\n", "found 'nonsense', which is not JSON"),
        (b"[1]\n", "found [1], expected an object"),
        (b'{"schema": 1, "key": "x", "lang', "a line that was cut off"),
        ({**answer_line(recorded(1)), "question": "Edited?"}, "for what the line says. The line was edited"),
        ({**answer_line(recorded(1)), "sample": 1}, "for what the line says. The line was edited"),
        ({**answer_line(recorded(1)), "language": "english"}, "found the language 'english'"),
        ({**answer_line(recorded(1)), "answer": "Use sk-abcdefgh12345678 for it."}, "looks like a secret (sk-…)"),
        ({**answer_line(recorded(1)), "answer": "Mail hunter2-is-mine to me."}, "looks like a secret (hun…)"),
        ({**TRANSLATION, "note": "Bearer abcdefghij.klmnopqrst"}, "looks like a secret (Bea…)"),
        ({**answer_line(recorded(1)), "params": {"api_base": "http://me:pw@host"}}, "looks like a secret"),
    ],
)
def test_what_is_wrong_is_found_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: dict[str, Any] | bytes, problem: str
) -> None:
    monkeypatch.setenv("MY_PASSWORD", "hunter2-is-mine")
    path = write(tmp_path / "a.jsonl", recorded(0), row)
    first = verify(path).findings[0]
    assert str(first).startswith(f"{path}, line 2: ")
    assert problem in first.problem
    assert "hunter2-is-mine" not in str(first)
    if "looks like a secret" not in problem:
        assert verify(path).verified == 1


def test_every_finding_is_reported_not_only_the_first(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", b"nonsense\n", recorded(0), b"[]\n")
    write(tmp_path / "b.jsonl", b"{\n")
    assert [(found.path.name, found.line) for found in verify(tmp_path).findings] == [
        ("a.jsonl", 1),
        ("a.jsonl", 3),
        ("b.jsonl", 1),
    ]


def test_one_key_for_two_questions_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", recorded(0, params={}), recorded(1, params={}, key=recorded(0).key))
    (finding,) = verify(path).findings
    assert finding == Finding(path, 2, finding.problem)
    assert "another question" in finding.problem


def test_prose_is_no_secret() -> None:
    assert secret_in("Basic needs come first; key-performance indicators and risk-taking do not.") == ""


# --- prune -----------------------------------------------------------------------------------------------------------


def test_prune_drops_what_was_superseded(tmp_path: Path) -> None:
    later = recorded(0, answer="Later.")
    path = write(tmp_path / "a.jsonl", recorded(0), recorded(1), TRANSLATION, later)
    before = read_answers(path)
    assert prune(path) == (3, 1, 0)
    assert sorted(map(repr, read_answers(path))) == sorted(map(repr, before))
    assert path.read_bytes().count(b"\n") == 3
    assert prune(path) == (3, 0, 0)


def test_prune_keeps_questions_by_text_and_answers_by_key(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *(recorded(n) for n in range(4)), TRANSLATION)
    renamed = Question("renamed", QUESTIONS[1].text)
    assert prune(path, questions=[renamed], keys={str(recorded(3).key)}) == (3, 0, 2)
    assert [answer.question_id for answer in read_answers(path)] == ["q1", "q3"]
    assert prune(path, questions=[QUESTIONS[3]]) == (1, 0, 2)
    assert prune(path, questions=[]) == (0, 0, 1)
    assert path.read_bytes() == b""


def test_prune_leaves_unknown_fields_and_bytes_alone(tmp_path: Path) -> None:
    row = {**answer_line(recorded(0, answer="“é” — \u2028")), "note": "ours"}
    path = write(tmp_path / "a.jsonl", row)
    before = path.read_bytes()
    prune(path)
    assert path.read_bytes() == before


def test_prune_touches_nothing_that_it_cannot_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", recorded(0), b"nonsense\n")
    before = path.read_bytes()
    with pytest.raises(AnswersError, match="line 2"):
        prune(path)
    assert path.read_bytes() == before


def test_prune_drops_a_torn_line_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", recorded(0), encoded(answer_line(recorded(1)))[:50])
    with pytest.warns(UnivarWarning, match="cut off"):
        prune(path)
    assert path.read_bytes() == encoded(answer_line(recorded(0)))


def test_an_open_cassette_notices_that_it_was_pruned(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", recorded(0), recorded(1))
    cassette = Cassette(path)
    prune(path, questions=[QUESTIONS[1]])
    Cassette(path).append(recorded(2, answer="long " * 500))  # longer now than it was
    cassette.refresh()
    held = [cassette.get(str(recorded(n).key)) is not None for n in range(3)]
    assert held == [False, True, True]


def _prune_again_and_again(path: str) -> None:
    for number in range(10**6):
        write(Path(path).with_suffix(".one"), recorded(0))
        prune(Path(path), questions=[QUESTIONS[0], QUESTIONS[1 + number % 2]])
        merge([Path(path).with_name("all")], Path(path))


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *(recorded(n) for n in range(3)))
    write(tmp_path / "all", *(recorded(n) for n in range(3)))
    for pause in (0.0, 0.011, 0.023):
        process = multiprocessing.get_context("spawn").Process(target=_prune_again_and_again, args=(str(path),))
        process.start()
        while not path.with_suffix(".one").exists():
            time.sleep(0.01)
        time.sleep(pause)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        path.with_suffix(".one").unlink()
        assert {"q0"} < {answer.question_id for answer in read_answers(path)}
        assert verify(path).findings == ()


# --- merge -----------------------------------------------------------------------------------------------------------


def test_merge_appends_and_reports_conflicts(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", recorded(0), recorded(1), TRANSLATION)
    b = write(tmp_path / "b.jsonl", recorded(1, answer="Other."), recorded(2), recorded(0), TRANSLATION)
    target = tmp_path / "c.jsonl"
    merged = merge([a, b], target)
    assert (merged.lines, merged.added) == (5, 5)
    (conflict,) = merged.conflicts
    assert conflict == (recorded(1).key, "Question 1?", "Answer 1.", "Other.", b)
    assert {answer.question_id: answer.answer for answer in read_answers(target)} == {
        "q0": "Answer 0.",
        "q1": "Other.",
        "q2": "Answer 2.",
    }
    assert merge([a, b], target) == (5, 0, ())


def test_merge_means_what_cat_means(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", recorded(0), recorded(1))
    b = write(tmp_path / "b.jsonl", recorded(1, answer="Other."), recorded(2))
    cat = tmp_path / "cat.jsonl"
    cat.write_bytes(a.read_bytes() + b.read_bytes())
    merge([a, b], tmp_path / "merged.jsonl")
    assert read_answers(cat) == read_answers(tmp_path / "merged.jsonl")


def test_merge_refuses_what_is_no_cassette(tmp_path: Path) -> None:
    a, bad = write(tmp_path / "a.jsonl", recorded(0)), write(tmp_path / "bad.jsonl", b"[1]\n")
    before = a.read_bytes()
    with pytest.raises(AnswersError, match=r"bad\.jsonl, line 1"):
        merge([bad], a)
    with pytest.raises(AnswersError, match="no such file"):
        merge([tmp_path / "nothing.jsonl"], a)
    with pytest.raises(UsageError, match="both as a source and as the target"):
        merge([a], a)
    assert a.read_bytes() == before


# --- cat -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [0, 1])
def test_cat_of_two_cassettes_even_without_a_newline_between_them(tmp_path: Path, end: int) -> None:
    a, b = (
        write(tmp_path / name, *rows).read_bytes()
        for name, rows in {
            "a": [recorded(0), recorded(1)],
            "b": [recorded(1, answer="Other."), recorded(2)],
        }.items()
    )
    path = tmp_path / "c.jsonl"
    path.write_bytes(a.rstrip(b"\n") + b"\n" * end + b.rstrip(b"\n") + b"\n" * end)
    assert [answer.answer for answer in read_answers(path)] == ["Answer 0.", "Other.", "Answer 2."]
    cassette = Cassette(path)
    assert len(cassette) == 3
    cassette.append(recorded(3))
    assert len(read_answers(path)) == len(Cassette(path)) == 4
    assert verify(path).findings == ()


def test_cat_behind_a_torn_line_loses_only_that_line(tmp_path: Path) -> None:
    torn = encoded(answer_line(recorded(1)))[:60]
    path = write(tmp_path / "c.jsonl", recorded(0), torn, recorded(2), recorded(3))
    with pytest.warns(UnivarWarning, match="line 2 is cut off"):
        answers = read_answers(path)
    assert [answer.question_id for answer in answers] == ["q0", "q2", "q3"]
    assert [finding.line for finding in verify(path).findings] == [2]
    path.write_bytes(path.read_bytes().rstrip(b"\n") + torn)
    with pytest.warns(UnivarWarning, match="cut off"):
        cassette = Cassette(path)
    cassette.append(recorded(1))
    with pytest.warns(UnivarWarning, match="line 2 is cut off"):
        assert [answer.question_id for answer in read_answers(path)] == ["q0", "q2", "q3", "q1"]


def test_an_answer_that_quotes_our_format_is_not_taken_apart(tmp_path: Path) -> None:
    quoting = recorded(0, answer='{"schema": 1, "key": "x"}')
    path = write(tmp_path / "c.jsonl", encoded(answer_line(quoting)).rstrip(b"\n"), recorded(1))
    assert read_answers(path) == [quoting, recorded(1)]
