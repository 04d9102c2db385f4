"""OpenAI's batch files: the ids that tie an answer to its question, and the output that comes back.

The output repeats neither the questions nor the languages. Requests that ``univar export`` wrote carry both in their
``custom_id``; for any others the input file is needed, and what it asks is taken for English.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pytest_univar.answer_lines import Line, read_lines
from pytest_univar.elicitation.failures import scrub
from pytest_univar.errors import AnswersError, QuestionsError
from pytest_univar.languages import LANGUAGES
from pytest_univar.questions import available_sets, load_questions
from pytest_univar.values import Answer, Question, derived_question_id

_OUTPUT = re.compile(r"output(?!.*output)")


class BatchId(NamedTuple):
    """What a ``custom_id`` of ours says: ``univar:<language>:<sample>:<digest of the question's text>:<question id>``.

    The digest tells that the text under an id has changed since.
    """

    language: str
    sample: int
    digest: str
    question_id: str

    def __str__(self) -> str:
        return f"univar:{self.language}:{self.sample}:{self.digest}:{self.question_id}"

    @classmethod
    def of(cls, question: Question, sample: int) -> BatchId:
        return cls(question.language, sample, _digest(question.text), question.id)

    @classmethod
    def parse(cls, custom_id: str | None) -> BatchId | None:
        """The id in a ``custom_id``; None for one that is not ours."""
        prefix, language, sample, digest, question_id = ((custom_id or "").split(":", 4) + [""] * 5)[:5]
        if prefix != "univar" or language not in LANGUAGES or not sample.isdecimal() or not question_id:
            return None
        return cls(language, int(sample), digest, question_id)

    def asks(self, question: Question) -> bool:
        """Whether this was the question, word for word."""
        return self.digest == _digest(question.text)


def _digest(text: str) -> str:
    return derived_question_id(text).removeprefix("q-")


class BatchRow(NamedTuple):
    """One completion of a batch, or one request without any.

    answer: its text is as it came; its question is empty where only a question set can tell it, and its key is then the
    custom_id. given: the id says which sample it is. failure: why there is no completion.
    """

    answer: Answer
    given: bool
    failure: str = ""


def is_batch(record: object) -> bool:
    """Whether this is a line of a batch file, input or output."""
    return isinstance(record, dict) and "custom_id" in record


def read_batch(output: Path, lines: Iterable[Line], input_file: Path | None, *, llm: str | None) -> Iterator[BatchRow]:
    """Every request of a batch. Of two lines with one custom_id the later wins, so that retries can be appended.

    input_file: None looks for it beside the output (``input_candidates``). llm: the name where no line gives one.
    """
    results = _by_custom_id(lines, output, "response")
    if input_file is None:
        input_file = next((path for path in input_candidates(output) if path.is_file()), None)
    if input_file is None:
        requests = _from_ids(results, output)
    else:
        requests = _from_input(input_file)
        _check_ids(output, results, input_file, requests)
    models = {model for line in results.values() if (model := _text(_body(line.record), "model"))}
    name = llm or (models.pop() if len(models) == 1 else output.name.partition(".")[0])
    for custom_id, request in requests.items():
        given = BatchId.parse(custom_id) is not None
        record = results[custom_id].record if custom_id in results else {}
        request = replace(request, llm=request.llm or _text(_body(record), "model") or name)
        failure = _failure(record)
        if failure:
            yield BatchRow(request, given, failure)
            continue
        # Several completions of one request (n) are samples too.
        for index, answer in enumerate(_completions(request, _body(record))):
            yield BatchRow(answer, given and index == 0)


def input_candidates(output: Path) -> list[Path]:
    """Where the input file of a batch is looked for: ``output`` in the name as ``input``, or ``NAME.input.jsonl``."""
    name = output.name
    renamed = [output.with_name(_OUTPUT.sub("input", name))] if _OUTPUT.search(name) else []
    return [*renamed, output.with_name(f"{name.removesuffix('.jsonl')}.input.jsonl")]


def _by_custom_id(lines: Iterable[Line], path: Path, part: Literal["response", "body"]) -> dict[str, Line]:
    """The lines by their custom_id; ``part`` is what the lines of an output or of an input have."""
    found: dict[str, Line] = {}
    for line in lines:
        record = line.record
        if not isinstance(record, dict) or not _text(record, "custom_id"):
            raise AnswersError(
                f"{path}, line {line.number}: found no custom_id, expected a line of a batch file. Correct the line, "
                f"or remove it"
            )
        if part not in record and (part == "body" or "error" not in record):
            kind, other = ("output", "input") if part == "response" else ("input", "output")
            raise AnswersError(
                f"{path}, line {line.number}: found no {part!r}, expected the {kind} file of a batch. If this is the "
                f"{other} file, name them as replay:OUTPUT.jsonl,INPUT.jsonl"
            )
        found[record["custom_id"]] = line
    return found


def _check_ids(output: Path, results: Mapping[str, Line], input_file: Path, requests: Mapping[str, Answer]) -> None:
    unknown = next((custom_id for custom_id in results if custom_id not in requests), None)
    if unknown is not None:
        raise AnswersError(
            f"{output}, line {results[unknown].number}: found the custom_id {unknown!r}, which is not in {input_file}. "
            f"Name the input file of this batch: replay:OUTPUT.jsonl,INPUT.jsonl"
        )


# --- what was asked, as answers without text -------------------------------------------------------------------------


def _from_ids(results: Mapping[str, Line], output: Path) -> dict[str, Answer]:
    ids = {custom_id: BatchId.parse(custom_id) for custom_id in results}
    texts = _built_in_texts({id.language for id in ids.values() if id})
    requests = {}
    for custom_id, id in ids.items():
        if id is None:
            places = " or ".join(str(path) for path in input_candidates(output))
            raise AnswersError(
                f"{output}, line {results[custom_id].number}: found the custom_id {custom_id!r}, which does not name "
                f"its question, and no input file, expected at {places}. Put it there, or name it: "
                f"replay:OUTPUT.jsonl,INPUT.jsonl"
            )
        text = texts.get((id.language, id.question_id, id.digest), "")
        requests[custom_id] = Answer("", id.language, id.question_id, text, "", id.sample, key=custom_id)
    return requests


def _built_in_texts(languages: Iterable[str]) -> dict[tuple[str, str, str], str]:
    """(language, question id, digest) → the text of every built-in question in these languages."""
    texts = {}
    for language in languages:
        for name in available_sets():
            with contextlib.suppress(QuestionsError):  # the set is not there in this language
                for question in load_questions(name, language):
                    texts[language, question.id, _digest(question.text)] = question.text
    return texts


def _from_input(path: Path) -> dict[str, Answer]:
    return {
        custom_id: _request(line, path) for custom_id, line in _by_custom_id(read_lines(path), path, "body").items()
    }


def _request(line: Line, path: Path) -> Answer:
    custom_id, body = line.record["custom_id"], _mapping(line.record, "body")
    messages = body.get("messages")
    asked = [
        _text(message, "content")
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and message.get("role") == "user"
    ]
    question = asked[-1] if asked else None
    if not question:
        raise AnswersError(
            f"{path}, line {line.number}: found no question, expected a message of the user with a text in "
            f"body.messages. Only batches for /v1/chat/completions can be replayed"
        )
    id = BatchId.parse(custom_id)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    params = {**{name: body.get(name) for name in ("temperature", "top_p", "seed")}, "max_tokens": limit}
    return Answer(
        llm=_text(body, "model") or "",
        language=id.language if id else "eng",
        question_id=id.question_id if id else derived_question_id(question),
        question=question,
        answer="",
        sample=id.sample if id else 0,
        params={name: value for name, value in params.items() if value is not None},
        key=custom_id,
    )


# --- what came back --------------------------------------------------------------------------------------------------


def _failure(record: Mapping[str, Any]) -> str:
    """Why the request has no completion; empty if it has one."""
    if not record:
        return "the batch's output has no line for it; its error file may say why"
    status = _mapping(record, "response").get("status_code")
    error = record.get("error") or _body(record).get("error")
    if error:
        message = error.get("message") or error.get("code") if isinstance(error, dict) else error
        return f"the batch reports: {scrub(' '.join(str(message).split()))[:400]}"
    if status not in (None, 200):
        return f"the batch reports status {status}"
    if not isinstance(_body(record).get("choices"), list):
        return "the batch's response is no chat completion"
    return ""


def _completions(request: Answer, body: Mapping[str, Any]) -> Iterator[Answer]:
    usage = {name: count for name, count in _mapping(body, "usage").items() if type(count) is int and count >= 0}
    for choice in body["choices"] or [{}]:
        yield replace(
            request,
            answer=_text(_mapping(choice, "message"), "content") or "",
            finish_reason=_text(choice, "finish_reason"),
            usage=usage,
        )


def _body(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(record, "response"), "body")


def _mapping(record: object, name: str) -> Mapping[str, Any]:
    value = record.get(name) if isinstance(record, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _text(record: object, name: str) -> str | None:
    value = record.get(name) if isinstance(record, Mapping) else None
    return value if isinstance(value, str) else None
