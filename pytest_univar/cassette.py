"""Answers and their translations on disk: content keys, and the append-only cassette that several processes share.

The lines are those of ``answer_lines.py``. No key, header or environment value is ever written: what is written is
listed there.

Locks live in ``.locks/`` inside the cassette folder, with a ``.gitignore`` of their own, so that nothing but cassettes
shows up beside the tests. They are made only when something is recorded: reading needs none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock

from pytest_univar.answer_lines import (
    SCHEMA,
    Translation,
    answer_line,
    decode_lines,
    encoded,
    is_translation,
    line_pieces,
    parse_answer,
    parse_translation,
    read_answers,
    translation_line,
    warn_torn,
)
from pytest_univar.errors import AnswersError
from pytest_univar.values import Answer

__all__ = [
    "SCHEMA",
    "Cassette",
    "answer_key",
    "answer_line",
    "cassette_path",
    "clean_api_base",
    "parse_answer",
    "read_answers",
    "translation_key",
]

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
    return _digest(content)


def translation_key(*, translator: str, source_language: str, text: str, schema: int = SCHEMA) -> str:
    """The SHA-256, in hex, of everything that can change a translation, as canonical JSON."""
    content = {"kind": "translation", "translator": translator, "source_language": source_language, "text": text}
    return _digest({"schema": schema, **content})


def _digest(content: Mapping[str, Any]) -> str:
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


class Cassette:
    """The recorded answers of one LLM in one language and their translations, by key; several processes may share it.

    The file is read when the cassette is opened, and on by ``refresh``; a missing file is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._by_key: dict[str, Answer] = {}
        self._english: dict[str, str] = {}
        self._offset = 0
        self._next_line = 1
        self._file: int | None = None
        # One lock for asking and for writing. Not thread-local: answers are appended by the event loop's thread while
        # the thread that asks holds the lock.
        self._lock = FileLock(path.parent / ".locks" / f"{path.name}.lock", thread_local=False)
        self.refresh()

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: str) -> Answer | None:
        """The answer recorded under this key; of several, the last one written."""
        return self._by_key.get(key)

    def english(self, key: str) -> str | None:
        """The translation recorded under this key; of several, the last one written."""
        return self._english.get(key)

    def refresh(self) -> None:
        """Read what was appended since the last look, by whichever process."""
        data = self._unread()
        found = decode_lines(data, self.path, self._next_line)
        if found.unfinished:  # another process may be in the middle of its write: look again before calling it torn
            time.sleep(_SETTLE_SECONDS)
            data = self._unread()
            found = decode_lines(data, self.path, self._next_line)
        warn_torn(self.path, found)
        for number, record in found.lines:
            where = f"{self.path}, line {number}"
            if is_translation(record):
                translation = parse_translation(record, where=where)
                self._english[translation.key] = translation.english
            elif (answer := parse_answer(record, where=where)).key is not None:
                self._by_key[answer.key] = answer
        self._offset += data.rfind(b"\n") + 1
        self._next_line += data.count(b"\n")

    def _unread(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size < self._offset or self._file not in (None, status.st_ino):
                    self._by_key.clear()  # rewritten (pruned, merged, checked out), not appended to
                    self._english.clear()
                    self._offset, self._next_line = 0, 1
                self._file = status.st_ino
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
        self._write(encoded(answer_line(answer)))
        self._by_key[answer.key] = answer

    def append_translation(self, translation: Translation) -> None:
        """Put the translation on disk, as one write, and into the index."""
        self._write(encoded(translation_line(translation)))
        self._english[translation.key] = translation.english

    def _write(self, line: bytes) -> None:
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

    def rewrite(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Put these lines in the place of the file's, all at once: a crash leaves either the old ones or the new ones.

        To be called while holding :meth:`lock`, since the records were read.
        """
        with self.lock():
            fresh = Path(self._lock.lock_file).with_suffix(".new")
            try:
                with fresh.open("wb") as file:
                    file.writelines(encoded(record) for record in records)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(fresh, self.path)
            except OSError as exc:
                raise AnswersError(f"{self.path}: cannot be written ({exc}). It is as it was") from exc
        self.refresh()


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
    last = line_pieces(tail)[-1] if tail.strip() else tail
    try:
        json.loads(last)
    except ValueError:
        os.ftruncate(descriptor, end - len(last))
        return b"\n" if last != tail else b""
    return b"\n"
