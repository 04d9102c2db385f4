"""Answers on disk: JSON lines, content keys, and the append-only cassette that several processes share.

One line is one answer::

    {"schema": 1, "key": "<SHA-256>", "llm": "openai/gpt-4o-mini", "language": "eng", "question_id": "care-01",
     "question": "…", "sample": 0, "answer": "…", "finish_reason": "stop", "usage": {"prompt_tokens": 21, …},
     "cost_usd": 0.00002, "params": {"top_p": 0.95, "max_tokens": 128}, "created": "2025-01-31T12:00:00.000+00:00"}

Cassettes, replay files and corpora are all read by :func:`read_answers`. A line with ``"kind"`` (a translation) is not
an answer and is skipped. No key, header or environment value is ever written: what is written is listed above.

Locks live in ``.locks/`` inside the cassette folder, with a ``.gitignore`` of their own, so that nothing but cassettes
shows up beside the tests. They are made only when something is recorded: reading needs none.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import lzma
import os
import re
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock

from pytest_univar.errors import AnswersError, UnivarWarning, UsageError
from pytest_univar.languages import language as known_language
from pytest_univar.values import Answer, derived_question_id

SCHEMA = 1

_SETTLE_SECONDS = 0.05
"""How long a line without its newline is given to turn out to be another process's write in progress."""


def clean_api_base(api_base: str | None) -> str | None:
    """The endpoint without what may be secret (user-info, query, fragment) and without a trailing slash."""
    if api_base is None:
        return None
    parts = urlsplit(api_base)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def answer_key(
    *,
    model: str,
    api_base: str | None,
    messages: Sequence[Mapping[str, str]],
    params: Mapping[str, Any],
    sample: int,
    question: str,
    schema: int = SCHEMA,
) -> str:
    """The SHA-256, in hex, of everything that can change an answer, as canonical JSON.

    Parameters that are None are the same as absent, so that a parameter added later leaves old keys as they are.
    """
    content = {
        "schema": schema,
        "model": model,
        "api_base": clean_api_base(api_base),
        "messages": [dict(message) for message in messages],
        "params": {name: value for name, value in params.items() if value is not None},
        "sample": sample,
        "question": question,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def cassette_path(directory: Path, llm: str, language: str) -> Path:
    """``<directory>/<slug>.<language>.jsonl``, one file for each LLM and language.

    The slug is lower case, because some file systems do not tell cases apart. Where it loses something of the name
    (a slash, a capital) a short hash of the name keeps two LLMs from sharing a file.
    """
    slug = re.sub(r"[^a-z0-9._-]+", "-", llm.lower()).strip("-._")[:80]
    if slug != llm or re.search(r"-[0-9a-f]{8}$", slug):
        slug = f"{slug}-{hashlib.sha256(llm.encode()).hexdigest()[:8]}".lstrip("-")
    return directory / f"{slug}.{language}.jsonl"


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


def parse_answer(record: object, *, where: str, llm: str | None = None) -> Answer:
    """The answer in one JSON object; AnswersError, beginning with ``where``, if it is not one.

    Only ``language``, ``question`` and ``answer`` must be there. The LLM is ``llm``, else ``model`` (as corpora call
    it), else the argument. A ``sample`` that is absent reads as 0; :func:`read_answers` counts instead.
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
        answer=take.text("answer"),
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

    def text(self, name: str, default: str | None = None) -> str:
        value = self._record.get(name)
        if value is None and default is not None:
            return default
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


class _Records(NamedTuple):
    lines: list[tuple[int, Any]]
    torn: bool  # a last line without newline had to be left out


def _decode(data: bytes, path: Path, first_line: int = 1) -> _Records:
    """The JSON lines in ``data``. Only a last line that has no newline may fail to parse: it was cut off by a kill."""
    *whole, tail = data.split(b"\n")
    lines = []
    for number, line in enumerate(whole, first_line):
        if line.strip():
            try:
                lines.append((number, json.loads(line)))
            except ValueError as exc:
                raise AnswersError(
                    f"{path}, line {number}: found {_shown(line.decode(errors='replace'))}, which is not JSON ({exc}). "
                    f"Expected one JSON object a line: correct the line, or remove it"
                ) from exc
    if tail.strip():
        try:
            lines.append((first_line + len(whole), json.loads(tail)))
        except ValueError:
            return _Records(lines, torn=True)
    return _Records(lines, torn=False)


def _warn_torn(path: Path) -> None:
    warnings.warn(
        f"{path}: the last line is cut off and was left out (a run was killed while writing it). "
        f"The next recording run asks that question again",
        UnivarWarning,
        stacklevel=3,
    )


def _answers(records: Iterable[tuple[int, Any]], path: Path, llm: str | None) -> Iterator[tuple[Answer, bool]]:
    """The answers among the records, each with whether its line says which sample it is."""
    for number, record in records:
        if isinstance(record, dict) and record.get("kind") is not None:
            continue  # a translation
        answer = parse_answer(record, where=f"{path}, line {number}", llm=llm)
        yield answer, record.get("sample") is not None


def read_answers(path: str | os.PathLike[str], *, llm: str | None = None) -> list[Answer]:
    """All answers of a cassette, replay file or corpus (``.jsonl``, ``.jsonl.gz``, ``.jsonl.xz``), in file order.

    ``llm`` names the answers whose lines name no LLM; without it, the file's stem does. Lines without a ``sample`` are
    numbered by counting the LLM's answers to the same question id. Of two lines with the same key the later wins.
    Raises AnswersError with file and line; warns (UnivarWarning) of a last line that was cut off.
    """
    path = Path(path)
    records = _decode(_content(path), path)
    if records.torn:
        _warn_torn(path)
    answers: dict[object, Answer] = {}
    taken: set[tuple[str, str, str, int]] = set()
    for answer, numbered in _answers(records.lines, path, llm or path.name.partition(".jsonl")[0]):
        asked = (answer.llm, answer.language, answer.question_id)
        sample = answer.sample
        while not numbered and (*asked, sample) in taken:
            sample += 1
        taken.add((*asked, sample))
        answer = replace(answer, sample=sample)
        answers[answer.key or (*asked, answer.question, sample)] = answer
    return list(answers.values())


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        if path.suffix == ".xz":
            return lzma.decompress(data)
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except FileNotFoundError as exc:
        raise AnswersError(f"{path}: found no such file, expected answers as JSON lines. Check the path") from exc
    except (OSError, EOFError, lzma.LZMAError) as exc:
        raise AnswersError(f"{path}: cannot be read ({exc}). Expected answers as JSON lines") from exc


class Cassette:
    """The recorded answers of one LLM in one language, by key; several processes may share it.

    The file is read when the cassette is opened, and on by ``refresh``; a missing file is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._by_key: dict[str, Answer] = {}
        self._offset = 0
        self._next_line = 1
        # One lock for asking and for writing. Not thread-local: answers are appended by the event loop's thread while
        # the thread that asks holds the lock.
        self._lock = FileLock(path.parent / ".locks" / f"{path.name}.lock", thread_local=False)
        self.refresh()

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: str) -> Answer | None:
        """The answer recorded under this key; of several, the last one written."""
        return self._by_key.get(key)

    def refresh(self) -> None:
        """Read what was appended since the last look, by whichever process."""
        data = self._unread()
        records = _decode(data, self.path, self._next_line)
        if records.torn:  # another process may be in the middle of its write: look again before calling it torn
            time.sleep(_SETTLE_SECONDS)
            data = self._unread()
            records = _decode(data, self.path, self._next_line)
        if records.torn:
            _warn_torn(self.path)
        for answer, _ in _answers(records.lines, self.path, llm=None):
            if answer.key is not None:
                self._by_key[answer.key] = answer
        self._offset += data.rfind(b"\n") + 1
        self._next_line += data.count(b"\n")

    def _unread(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._offset:  # rewritten, not appended to
                    self._by_key.clear()
                    self._offset, self._next_line = 0, 1
                file.seek(self._offset)
                return file.read()
        except FileNotFoundError:
            return b""
        except OSError as exc:
            raise AnswersError(f"{self.path}: cannot be read ({exc}). Check that it is a readable file") from exc

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the profile: of two processes that want it, one asks while the other waits here. Re-entrant.

        The operating system frees the lock of a process that was killed.
        """
        folder = Path(self._lock.lock_file).parent
        try:
            if not folder.exists():
                folder.mkdir(parents=True, exist_ok=True)
                (folder / ".gitignore").write_text("*\n", encoding="utf-8")
            self._lock.acquire()
        except OSError as exc:
            raise AnswersError(
                f"{folder}: cannot be written ({exc}), so nothing can be recorded. Make the folder writable, choose "
                f"another with --univar-cassette-dir, or replay with --univar-record=none"
            ) from exc
        try:
            yield
        finally:
            self._lock.release()

    def append(self, answer: Answer) -> None:
        """Put the answer on disk, as one write, and into the index. Its ``key`` must be set."""
        if answer.key is None:
            raise ValueError("only an answer with a key can be recorded")
        line = (json.dumps(answer_line(answer), ensure_ascii=False, allow_nan=False) + "\n").encode()
        with self.lock():
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
            try:
                line = _heal(descriptor) + line
                written = os.write(descriptor, line)
            except OSError as exc:
                raise AnswersError(f"{self.path}: cannot be written ({exc})") from exc
            finally:
                os.close(descriptor)
        if written != len(line):
            raise AnswersError(f"{self.path}: the disk is full. Make room and run again: what is recorded is kept")
        self._by_key[answer.key] = answer


def _heal(descriptor: int) -> bytes:
    """Cut a torn last line off; for one that only lacks its newline, return that. To be called under the lock."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end == 0:
        return b""
    os.lseek(descriptor, end - 1, os.SEEK_SET)
    if os.read(descriptor, 1) == b"\n":
        return b""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        tail = file.read().rpartition(b"\n")[2]
    try:
        json.loads(tail)
    except ValueError:
        os.ftruncate(descriptor, end - len(tail))
        return b""
    return b"\n"
