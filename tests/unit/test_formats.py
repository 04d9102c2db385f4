"""Answers from elsewhere: three formats read into the same answers, nothing dropped without a word."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_univar.elicitation.batch import BatchId, input_candidates
from pytest_univar.elicitation.formats import Collected, read_any
from pytest_univar.elicitation.replay import ReplayElicitor
from pytest_univar.errors import AnswersError, UnivarWarning
from pytest_univar.questions import load_questions
from pytest_univar.values import Question, derived_question_id

WHY = Question("why", "Why?")
MINIMAL = {"language": "eng", "question": "Why?", "answer": "Because."}


def write(path: Path, *rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def output(custom_id: str, content: str | None = "Because.", **changes: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    body = {"model": "gpt-x", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    response = {"status_code": 200, "request_id": "r", "body": {**body, **changes.pop("body", {})}}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": None, **changes}


def request(custom_id: str, question: str = "Why?", **body: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    body = {"model": "gpt-x", "messages": messages, "max_tokens": 128, **body}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


def texts(collected: Collected) -> list[str]:
    return [answer.answer for answer in collected.answers]


def problems(collected: Collected) -> list[tuple[str, str]]:
    return [(row.verdict, row.problem) for row in collected.unanswered]


# --- our own JSON lines ----------------------------------------------------------------------------------------------


def test_json_lines_with_what_windows_adds(tmp_path: Path) -> None:
    path = tmp_path / "model.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([json.dumps(MINIMAL)] * 2).encode() + b"\r\n")
    collected = read_any(path)
    assert [(answer.llm, answer.sample) for answer in collected.answers] == [("model", 0), ("model", 1)]
    assert not collected.in_english


def test_a_compressed_file(tmp_path: Path) -> None:
    path = tmp_path / "model.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(MINIMAL).encode()))
    assert texts(read_any(path)) == ["Because."]


def test_hidden_reasoning_is_cut_out(tmp_path: Path) -> None:
    rows = [{**MINIMAL, "answer": "<think>Hm, well.</think>\n Because."}, {**MINIMAL, "answer": "<think>Hm, we"}]
    collected = read_any(write(tmp_path / "a.jsonl", *rows))
    assert texts(collected) == ["Because."]
    assert problems(collected) == [("empty", "the answer was empty")]


def test_empty_and_cut_off_answers_are_returned_as_problems(tmp_path: Path) -> None:
    cut = {"finish_reason": "length", "usage": {"completion_tokens": 7}, "params": {"max_tokens": 128}}
    rows = [
        {**MINIMAL, "answer": ""},
        {**MINIMAL, "answer": None},
        {**MINIMAL, "answer": "Because it", **cut},
        {**MINIMAL, "answer": "Because it", **cut, "usage": {"completion_tokens": 128}},
        {**MINIMAL, "answer": "Beca", "finish_reason": "content_filter"},
    ]
    collected = read_any(write(tmp_path / "a.jsonl", *rows))
    assert [(row.verdict, row.request.sample) for row in collected.unanswered] == [
        ("empty", 0),
        ("empty", 1),
        ("cut_off", 2),
        ("cut_off", 4),
    ]
    assert [(answer.answer, answer.sample) for answer in collected.answers] == [("Because it", 3)]


def test_a_line_without_an_answer_at_all_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", MINIMAL, {"language": "eng", "question": "Why?"})
    with pytest.raises(AnswersError, match=r'line 2: found nothing for "answer"'):
        read_any(path)


def test_a_torn_last_line_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(MINIMAL) + '\n{"langu', "utf-8")
    with pytest.warns(UnivarWarning, match="last line is cut off"):
        assert texts(read_any(path)) == ["Because."]


# --- OpenAI's batch files --------------------------------------------------------------------------------------------


def test_a_batch_with_its_input_beside_it(tmp_path: Path) -> None:
    rows = [request("a", "Why?"), request("b", "How?", max_completion_tokens=64), request("c", "Who?")]
    write(tmp_path / "batch_1_input.jsonl", *rows)
    path = write(tmp_path / "batch_1_output.jsonl", output("b", "Thus."), output("a"), output("c", "You."))
    answers = read_any(path).answers
    assert [(answer.question, answer.answer) for answer in answers] == [
        ("Why?", "Because."),
        ("How?", "Thus."),
        ("Who?", "You."),
    ]
    first = answers[0]
    assert (first.llm, first.language, first.question_id) == ("gpt-x", "eng", derived_question_id("Why?"))
    assert (first.usage, first.finish_reason) == ({"prompt_tokens": 9, "completion_tokens": 3}, "stop")
    assert [answer.params["max_tokens"] for answer in answers] == [128, 64, 128]


def test_where_the_input_is_looked_for(tmp_path: Path) -> None:
    names = [path.name for path in input_candidates(tmp_path / "output_2.output.jsonl")]
    assert names == ["output_2.input.jsonl", "output_2.output.input.jsonl"]
    assert [path.name for path in input_candidates(tmp_path / "mine.jsonl")] == ["mine.input.jsonl"]


def test_a_batch_with_its_input_named(tmp_path: Path) -> None:
    write(tmp_path / "IN.jsonl", request("a"))
    write(tmp_path / "OUT.jsonl", output("a"))
    assert texts(read_any(f"{tmp_path}/OUT.jsonl,IN.jsonl")) == ["Because."]
    assert texts(read_any(tmp_path / "OUT.jsonl,IN.jsonl")) == ["Because."]
    assert ReplayElicitor(tmp_path / "OUT.jsonl,IN.jsonl").llm == "gpt-x"


def test_every_request_is_accounted_for(tmp_path: Path) -> None:
    write(tmp_path / "b.input.jsonl", *(request(name, f"{name}?") for name in "abcdefgh"))
    choice = {"index": 0, "message": {"content": "Cut"}, "finish_reason": "content_filter"}
    failed: dict[str, Any] = {
        "response": {"status_code": 429, "body": {"error": {"message": "Rate limit, Bearer sk-abcdef123456"}}}
    }
    path = write(
        tmp_path / "b.jsonl",
        output("a"),
        output("b", "  "),
        output("c", None, body={"choices": [choice]}),
        output("d", **failed),
        output("e", response=None, error={"code": "batch_expired", "message": "Expired."}),
        output("f", body={"choices": []}),
        output("g", body={"choices": None}),
    )
    collected = read_any(path)
    assert texts(collected) == ["Because."]
    assert problems(collected) == [
        ("empty", "the answer was empty"),
        ("cut_off", "the provider's content filter stopped the answer"),
        ("missing", "the batch reports: Rate limit, Bearer ***"),
        ("missing", "the batch reports: Expired."),
        ("empty", "the answer was empty"),
        ("missing", "the batch's response is no chat completion"),
        ("missing", "the batch's output has no line for it; its error file may say why"),
    ]
    got = ReplayElicitor(path).elicit(None, "eng")
    assert (got.tally.asked, got.tally.kept, got.tally.empty) == (8, 1, 2)
    assert (got.tally.cut_off, got.tally.missing, len(got.problems)) == (1, 4, 7)


def test_a_retry_that_was_appended_counts(tmp_path: Path) -> None:
    write(tmp_path / "b.input.jsonl", request("a"))
    path = write(tmp_path / "b.jsonl", output("a", response={"status_code": 500, "body": {}}), output("a"))
    assert read_any(path).unanswered == ()


def test_several_completions_of_one_request_are_samples(tmp_path: Path) -> None:
    write(tmp_path / "b.input.jsonl", request("a"), request("b"))
    choices = [{"message": {"content": text}, "finish_reason": "stop"} for text in ("One.", "", "Three.")]
    path = write(tmp_path / "b.jsonl", output("a", body={"choices": choices}), output("b", "Four."))
    collected = read_any(path)
    assert [(answer.answer, answer.sample) for answer in collected.answers] == [
        ("One.", 0),
        ("Three.", 2),
        ("Four.", 3),
    ]
    assert [row.request.sample for row in collected.unanswered] == [1]


def test_ids_of_ours_need_no_input(tmp_path: Path) -> None:
    core = load_questions("core")[:2]
    path = write(tmp_path / "b.jsonl", *(output(str(BatchId.of(question, 1))) for question in core))
    answers = read_any(path).answers
    assert [(answer.question_id, answer.question, answer.sample) for answer in answers] == [
        (question.id, question.text, 1) for question in core
    ]
    assert {answer.llm for answer in answers} == {"gpt-x"}


def test_a_question_of_ones_own_comes_from_the_question_set(tmp_path: Path) -> None:
    path = write(tmp_path / "b.jsonl", output(str(BatchId.of(WHY, 0))))
    got = ReplayElicitor(path).elicit([WHY], "eng")
    assert [(answer.question, answer.answer) for answer in got.answers] == [("Why?", "Because.")]
    changed = ReplayElicitor(path).elicit([Question("why", "Why on earth?")], "eng")
    assert changed.problems == {"why": "its text is another one than when the batch was exported"}
    with pytest.raises(AnswersError, match=r"question 'why', expected the batch's input .*--univar-questions"):
        ReplayElicitor(path).elicit(None, "eng")


@pytest.mark.parametrize("id", ["plain", "with:colons:in it", "¿qué?"])
def test_an_id_comes_back(id: str) -> None:
    question = Question(id, "¿Por qué?", "spa")
    parsed = BatchId.parse(str(BatchId.of(question, 3)))
    assert parsed == BatchId("spa", 3, BatchId.of(question, 3).digest, id)
    assert parsed.asks(question)
    assert not parsed.asks(WHY)


@pytest.mark.parametrize("id", ["", "request-1", "univar:xyz:0:d:q", "univar:eng:x:d:q", "univar:eng:0:d:", None])
def test_an_id_that_is_not_ours(id: str | None) -> None:
    assert BatchId.parse(id) is None


@pytest.mark.parametrize(
    ("out", "in_", "message"),
    [
        ([output("a")], None, r"b\.jsonl, line 1: found the custom_id 'a', .*expected at .*b\.input\.jsonl"),
        ([output("a")], [request("b")], r"b\.jsonl, line 1: found the custom_id 'a', which is not in .*b\.input"),
        ([output("a")], [output("a")], r"b\.input\.jsonl, line 1: found no 'body', expected the input file"),
        ([request("a")], None, r"b\.jsonl, line 1: found no 'response', expected the output file"),
        ([output("a"), {"custom_id": 3}], None, r"b\.jsonl, line 2: found no custom_id"),
        ([output("a")], [{**request("a"), "body": {"input": "Why?"}}], r"b\.input\.jsonl, line 1: found no question"),
    ],
)
def test_batch_files_that_do_not_fit(tmp_path: Path, out: list[object], in_: list[object] | None, message: str) -> None:
    path = write(tmp_path / "b.jsonl", *out)
    if in_ is not None:
        write(tmp_path / "b.input.jsonl", *in_)
    with pytest.raises(AnswersError, match=message):
        read_any(path)


def test_an_input_beside_json_lines_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", MINIMAL)
    with pytest.raises(AnswersError, match=r"Leave IN\.jsonl away"):
        read_any(tmp_path / "a.jsonl,IN.jsonl")


# --- the released CSV layout -----------------------------------------------------------------------------------------

CSV = """question,answer,lang
"Why, really?","Because
it is ""so"".",eng

How?,Thus.,spa_Latn
Who?,,zho_Hant
"""


def test_the_csv_layout(tmp_path: Path) -> None:
    path = tmp_path / "corpus" / "qa_translated" / "model-x.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode())
    for place in (path, path.parent, path.parent.parent):
        collected = read_any(place)
        assert collected.in_english
        assert [(str(answer.value_id), answer.question, answer.answer) for answer in collected.answers] == [
            ("model-x/eng", "Why, really?", 'Because\r\nit is "so".'),
            ("model-x/spa", "How?", "Thus."),
        ]
        assert [(row.request.language, row.verdict) for row in collected.unanswered] == [("zho", "empty")]
    assert ReplayElicitor(path).in_english
    assert ReplayElicitor(path).elicit(None, "zho").tally.empty == 1


def test_csv_columns_in_another_order_with_more_of_them(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("id,lang,answer,question_id,question\n1,eng,Because.,why,Why?\n2,eng,So.,why,Why?\n", "utf-8")
    assert [(answer.question_id, answer.sample) for answer in read_any(path).answers] == [("why", 0), ("why", 1)]


def test_a_very_long_field(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"question,answer,lang\nWhy?,{'x' * 200_000},eng\n", "utf-8")
    assert len(read_any(path).answers[0].answer) == 200_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: found the columns none"),
        (b"question,answer\nWhy?,So.\n", "line 1: found the columns question, answer, .* Add lang"),
        (b'question,answer,lang\n"Why\n?",So.,eng\nHow?,Thus.,x\n', "line 4: found the lang 'x'"),
        (b"question,answer,lang\nWhy?,So, and so.,eng\n", "line 2: found 4 fields, expected 3"),
        (b"question,answer,lang\n ,So.,eng\n", "line 2: found no question"),
        (b'question,answer,lang\nHow?,Thus.,eng\nWhy?,"So.,eng\nA?,B.,eng\n', "line 3: found a row that is not CSV"),
        (b"question,answer,lang\nWhy?,\xff,eng\n", "line 2: found bytes that are not UTF-8"),
    ],
)
def test_csv_errors_name_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    with pytest.raises(AnswersError, match=rf"m\.csv, {message}"):
        read_any(path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(AnswersError, match=r"m\.csv: cannot be read"):
        read_any(tmp_path / "m.csv")
    with pytest.raises(AnswersError, match=r"m\.jsonl: found no such file"):
        read_any(tmp_path / "m.jsonl")
    with pytest.raises(AnswersError, match="found a folder without CSV files"):
        read_any(tmp_path)


def test_a_folder_of_several_models_is_for_one_at_a_time(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("question,answer,lang\nWhy?,So.,eng\n", "utf-8")
    assert len(read_any(tmp_path).answers) == 2
    with pytest.raises(AnswersError, match=r"2 LLMs \(a, b\).*name one file of the folder"):
        ReplayElicitor(tmp_path)
    assert ReplayElicitor(tmp_path, llm="b").elicit(None, "eng").tally.kept == 1
