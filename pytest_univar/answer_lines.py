"""Answers as JSON lines: the one format of cassettes, replay files and corpora.

One line is one answer::

    {"schema": 1, "key": "<SHA-256>", "llm": "openai/gpt-4o-mini", "language": "eng", "question_id": "care-01",
     "question": "…", "sample": 0, "answer": "…", "finish_reason": "stop", "usage": {"prompt_tokens": 21, …},
     "cost_usd": 0.00002, "params": {"top_p": 0.95, "max_tokens": 128}, "created": "2025-01-31T12:00:00.000+00:00"}

A line with ``"kind"`` is not an answer. The one kind there is, is the translation of a question or an answer::

    {"schema": 1, "key": "<SHA-256>", "kind": "translation", "translator": "apertium (…)", "source_language": "spa",
     "text": "…", "english": "…"}
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pytest_univar.errors import AnswersError, UnivarWarning, UsageError
from pytest_univar.languages import language as known_language
from pytest_univar.values import Answer, derived_question_id

SCHEMA = 1


def answer_line(answer: Answer) -> dict[str, Any]:
    """The answer as the JSON object that is written, fields in the order of the format."""
    return {
        "schema": SCHEMA,
        "key": answer.key,
        "llm": answer.llm,
        "language": answer.language,
        "question_id": answer.question_id,
        "question": answer.question,
        "sample": answer.sample,
        "answer": answer.answer,
        "finish_reason": answer.finish_reason,
        "usage": dict(answer.usage),
        "cost_usd": answer.cost_usd,
        "params": dict(answer.params),
        "created": answer.created,
    }


class Translation(NamedTuple):
    """A text and its English. translator: ``Translator.name`` of the one that made it."""

    key: str
    translator: str
    source_language: str
    text: str
    english: str


def translation_line(translation: Translation) -> dict[str, Any]:
    """The translation as the JSON object that is written, fields in the order of the format."""
    fields = translation._asdict()
    return {"schema": SCHEMA, "key": fields.pop("key"), "kind": "translation", **fields}


def parse_translation(record: Mapping[str, Any], *, where: str) -> Translation:
    """The translation in one JSON object; AnswersError, beginning with ``where``, if it is not one."""
    if record["kind"] != "translation":
        raise AnswersError(
            f"{where}: found the kind {_shown(record['kind'])}, expected 'translation', or no kind for an answer. "
            f"Correct the line, or remove it"
        )
    for name in Translation._fields:
        if not isinstance(record.get(name), str):
            raise AnswersError(
                f"{where}: found {name} {_shown(record.get(name))} in a translation, expected a text. Correct "
                f"the line, or remove it: the text is translated again"
            )
    return Translation(*(record[name] for name in Translation._fields))


def encoded(record: Mapping[str, Any]) -> bytes:
    """The object as the line that is written."""
    return (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse_answer(record: object, *, where: str, llm: str | None = None, may_be_empty: bool = False) -> Answer:
    """The answer in one JSON object; AnswersError, beginning with ``where``, if it is not one.

    Only ``language``, ``question`` and ``answer`` must be there. The LLM is ``llm``, else ``model`` (as corpora call
    it), else the argument. A ``sample`` that is absent reads as 0; :func:`read_answers` counts instead. may_be_empty:
    take an answer that is empty or null for an empty text, so that the caller can count it.
    """
    if not isinstance(record, dict):
        raise AnswersError(f"{where}: found {_shown(record)}, expected an object with language, question and answer")
    take = _Fields(record, where)
    if take.integer("schema", default=SCHEMA) != SCHEMA:
        raise AnswersError(
            f"{where}: found schema {_shown(record['schema'])}, expected {SCHEMA}. Another version of pytest-univar "
            f"wrote it: upgrade, or record the answers again"
        )
    language = take.text("language")
    try:
        known_language(language)
    except UsageError as exc:
        raise AnswersError(f"{where}: {exc}. Correct the line, or remove it") from exc
    question = take.text("question")
    return Answer(
        llm=take.text("llm", default=take.optional_text("model") or llm),
        language=language,
        question_id=take.text("question_id", default=derived_question_id(question)),
        question=question,
        answer=take.text("answer", may_be_empty=may_be_empty),
        sample=take.integer("sample", default=0),
        finish_reason=take.optional_text("finish_reason"),
        usage=take.counts("usage"),
        cost_usd=take.amount("cost_usd"),
        params=take.mapping("params"),
        created=take.optional_text("created"),
        key=take.optional_text("key"),
        source=take.optional_text("source"),
    )


class _Fields:
    """Typed access to one record. A field that is null is the same as one that is absent."""

    def __init__(self, record: Mapping[str, Any], where: str) -> None:
        self._record = record
        self._where = where

    def _wrong(self, name: str, expected: str) -> AnswersError:
        found = _shown(self._record[name]) if name in self._record else "nothing"
        return AnswersError(f'{self._where}: found {found} for "{name}", expected {expected}. Correct it, or remove it')

    def text(self, name: str, default: str | None = None, *, may_be_empty: bool = False) -> str:
        value = self._record.get(name)
        if value is None and default is not None:
            return default
        if may_be_empty and name in self._record and (value is None or (isinstance(value, str) and not value.strip())):
            return ""
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(name, "a string that is not empty")
        return value

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self._record.get(name) is not None else None

    def integer(self, name: str, default: int) -> int:
        value = self._record.get(name)
        if value is None:
            return default
        if not _is_count(value):
            raise self._wrong(name, "an integer of at least 0")
        return int(value)

    def amount(self, name: str) -> float | None:
        value = self._record.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise self._wrong(name, "a number of at least 0, or null for an unknown price")
        return float(value)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self._record.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return value

    def counts(self, name: str) -> dict[str, int]:
        value = self.mapping(name)
        if not all(_is_count(count) for count in value.values()):
            raise self._wrong(name, "an object of integers of at least 0")
        return value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


# --- files -----------------------------------------------------------------------------------------------------------

_OWN_LINE = re.compile(rb'(?=\{"schema": 1, "key": )')
"""Where a line of ours begins. Quotes inside a JSON string are escaped, so no answer can hold this."""

_HALF = re.compile("[\ud800-\udfff]")
_MAY_HALVE = re.compile(rb"\\u[dD]|\xed")
"""In bytes of JSON: how a half character is written, escaped or as it is. Most lines have neither."""


class Line(NamedTuple):
    """One JSON value of a file, with the number of its line."""

    number: int
    record: Any


class Lines(NamedTuple):
    """The JSON lines of a file, without those that a killed run cut off.

    torn: the numbers of lines that were cut off and written on. unfinished: the last line has no newline and is no
    JSON: it was cut off, or is being written.
    """

    lines: list[Line]
    torn: list[int]
    unfinished: bool


def storable(text: str) -> str:
    """The text with U+FFFD for half characters (lone surrogates), which JSON can hold and no file in UTF-8 can."""
    return _HALF.sub("\N{REPLACEMENT CHARACTER}", text)


def line_pieces(line: bytes) -> list[bytes]:
    """The lines of ours that were run together into one, because the first ended without a newline."""
    return [piece for piece in _OWN_LINE.split(line) if piece.strip()]


def decode_lines(data: bytes, path: Path, first_line: int = 1) -> Lines:
    """The JSON lines in ``data``. AnswersError for one that is not JSON, unless a kill cut it off."""
    found = Lines([], [], unfinished=False)
    *whole, tail = data.split(b"\n")
    for number, line in enumerate(whole, first_line):
        if line.strip() and not _decode(line, number, found):
            raise AnswersError(
                f"{path}, line {number}: found {_shown(line.decode(errors='replace'))}, which is not JSON. "
                f"Expected one JSON object a line: correct the line, or remove it"
            )
    return found._replace(unfinished=bool(tail.strip()) and not _decode(tail, first_line + len(whole), found))


def _decode(line: bytes, number: int, found: Lines) -> bool:
    """Put what the line holds into ``found``; whether its end is JSON."""
    try:
        record = json.loads(line)
        found.lines.append(Line(number, _storable(record) if _MAY_HALVE.search(line) else record))
    except ValueError:
        pieces = line_pieces(line)
        if len(pieces) < 2 or not line.lstrip().startswith(b"{"):
            return False
        # ``cat a b`` where a does not end in a newline
        for piece in pieces[:-1]:
            if not _decode(piece, number, found):
                found.torn.append(number)
        return _decode(pieces[-1], number, found)
    return True


def _storable(value: Any) -> Any:
    """A JSON value with every text in it storable."""
    if isinstance(value, dict):
        return {storable(key): _storable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return storable(value) if isinstance(value, str) else value


def warn_torn(path: Path, lines: Lines) -> None:
    """Warn (UnivarWarning) of lines that were cut off."""
    for where in [*(f"line {number}" for number in lines.torn), *["the last line"] * lines.unfinished]:
        warnings.warn(
            f"{path}: {where} is cut off and was left out (a run was killed while writing it). "
            f"The next recording run asks that question again",
            UnivarWarning,
            stacklevel=3,
        )


def read_lines(path: Path) -> list[Line]:
    """The JSON lines of a file (``.jsonl``, ``.jsonl.gz``, ``.jsonl.xz``), translations among them.

    Raises AnswersError with file and line; warns (UnivarWarning) of lines that were cut off.
    """
    found = decode_lines(read_content(path), path)
    warn_torn(path, found)
    return found.lines


def read_content(path: Path) -> bytes:
    """The bytes of a file, unpacked if it is compressed."""
    try:
        data = path.read_bytes()
        if path.suffix == ".xz":
            return lzma.decompress(data)
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except FileNotFoundError as exc:
        raise AnswersError(f"{path}: found no such file, expected answers as JSON lines. Check the path") from exc
    except (OSError, EOFError, lzma.LZMAError) as exc:
        raise AnswersError(f"{path}: cannot be read ({exc}). Expected answers as JSON lines") from exc


def is_translation(record: object) -> bool:
    """Whether this is a line of another kind than an answer."""
    return isinstance(record, dict) and record.get("kind") is not None


def parse_lines(
    lines: Iterable[Line], path: Path, *, llm: str | None = None, may_be_empty: bool = False
) -> Iterator[Answer]:
    """The answers among the lines, as :func:`read_answers` reads them but each line for itself."""
    for number, record in lines:
        if not is_translation(record):
            yield parse_answer(record, where=f"{path}, line {number}", llm=llm, may_be_empty=may_be_empty)


class Samples:
    """Numbers the answers that do not say which sample they are, by counting those of one LLM to one question."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, str, str, int]] = set()

    def numbered(self, answer: Answer, *, given: bool) -> Answer:
        """The answer with its sample; one that is given stays."""
        asked = (answer.llm, answer.language, answer.question_id)
        sample = answer.sample
        while not given and (*asked, sample) in self._taken:
            sample += 1
        self._taken.add((*asked, sample))
        return replace(answer, sample=sample)


def identity(answer: Answer) -> object:
    """What two lines have in common of which the later replaces the earlier."""
    return answer.key or (answer.llm, answer.language, answer.question_id, answer.question, answer.sample)


def read_answers(path: str | os.PathLike[str], *, llm: str | None = None, may_be_empty: bool = False) -> list[Answer]:
    """All answers of a cassette, replay file or corpus (``.jsonl``, ``.jsonl.gz``, ``.jsonl.xz``), in file order.

    ``llm`` names the answers whose lines name no LLM; without it, the file's stem does. Lines without a ``sample`` are
    numbered by counting the LLM's answers to the same question id. Of two lines with the same key the later wins.
    Raises AnswersError with file and line; warns (UnivarWarning) of lines that were cut off.
    """
    path = Path(path)
    return answers_of(read_lines(path), path, llm=llm, may_be_empty=may_be_empty)


def answers_of(lines: Iterable[Line], path: Path, *, llm: str | None, may_be_empty: bool = False) -> list[Answer]:
    """The answers among lines that were read before; see :func:`read_answers`."""
    name = llm or path.name.partition(".jsonl")[0]
    samples = Samples()
    answers: dict[object, Answer] = {}
    for line in lines:
        for answer in parse_lines([line], path, llm=name, may_be_empty=may_be_empty):
            answer = samples.numbered(answer, given=line.record.get("sample") is not None)
            answers[identity(answer)] = answer
    return list(answers.values())
