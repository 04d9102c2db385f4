"""Looking after cassettes: what they hold, whether they are sound, throwing out and putting together.

Functions that return values; the ``univar cassette`` command prints them. Cassettes of two machines can also be merged
by plain concatenation (``cat a b > c``): the later of two lines with one key wins, and a missing newline at the end of
the first file does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pytest_univar.answer_lines import (
    Line,
    Translation,
    decode_lines,
    encoded,
    is_translation,
    parse_answer,
    parse_translation,
    read_content,
    read_lines,
)
from pytest_univar.cassette import Cassette, answer_key, translation_key
from pytest_univar.elicitation.failures import scrub
from pytest_univar.errors import AnswersError, UsageError
from pytest_univar.values import Answer, Question

# --- list ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """One cassette. answers, translations: those that count, without superseded lines.

    first, last: when the oldest and the newest answer were recorded, None where no line says. cost_usd: of the answers
    that count and whose price is known; unpriced: how many others there are.
    """

    path: Path
    llms: tuple[str, ...]
    languages: tuple[str, ...]
    answers: int
    translations: int
    superseded: int
    first: str | None
    last: str | None
    bytes: int
    cost_usd: float
    unpriced: int


def summary(path: Path) -> tuple[Summary, ...]:
    """What a cassette holds, or every cassette of a folder, by name. AnswersError if one cannot be read."""
    return tuple(_summary(file) for file in _cassettes(path))


def _summary(path: Path) -> Summary:
    lines = read_lines(path)
    current = _current(lines, path)
    answers = [_parsed(line, path) for line in current if not is_translation(line.record)]
    created = sorted(answer.created for answer in answers if answer.created)
    return Summary(
        path=path,
        llms=tuple(sorted({answer.llm for answer in answers})),
        languages=tuple(sorted({answer.language for answer in answers})),
        answers=len(answers),
        translations=len(current) - len(answers),
        superseded=len(lines) - len(current),
        first=created[0] if created else None,
        last=created[-1] if created else None,
        bytes=path.stat().st_size,
        cost_usd=sum(answer.cost_usd or 0.0 for answer in answers),
        unpriced=sum(answer.cost_usd is None for answer in answers),
    )


def _cassettes(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.jsonl"))
    if not files:
        raise AnswersError(f"{path}: found no cassettes (*.jsonl) in the folder. Name the folder that holds them")
    return files


# --- verify ----------------------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """Something that should not be in a cassette."""

    path: Path
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}: {self.problem}"


@dataclass(frozen=True)
class Verification:
    """What was found wrong, and what was looked at.

    verified: lines whose key is the hash of their content. unverifiable: lines whose key cannot be recomputed, which
    are answers that were not recorded here (no key, or no parameters). superseded: lines that a later one with the same
    key replaces, which is in order.
    """

    findings: tuple[Finding, ...]
    verified: int
    unverifiable: int
    superseded: int


def verify(path: Path) -> Verification:
    """Check a cassette, or every cassette of a folder, line by line.

    Every line must be JSON and an answer or a translation; every key that can be recomputed must be the hash of the
    line's model, endpoint, messages, parameters, sample and question, or of its translator, language and text (neither
    the answer nor the English is in the key, so an edited one goes unnoticed); lines with one key must have the same
    question, sample and parameters; and no line may hold
    what looks like a key or a password, or the value of a secret in the environment.
    """
    findings: list[Finding] = []
    verified = unverifiable = superseded = 0
    for file in _cassettes(path):
        asked: dict[object, Answer | None] = {}
        for line in _tolerant_lines(file, findings):
            if secret := secret_in(encoded({"line": line.record}).decode()):
                problem = f"found what looks like a secret ({secret}). Revoke it, and remove the line"
                findings.append(Finding(file, line.number, problem))
            try:
                found = _translation(line, file) if is_translation(line.record) else _parsed(line, file)
            except AnswersError as exc:
                findings.append(Finding(file, line.number, _without_place(exc, file, line.number)))
                continue
            answer = None if isinstance(found, Translation) else found
            key = recomputed_key(found)
            verified += key is not None and key == found.key
            unverifiable += key is None
            if key and key != found.key:
                problem = (
                    f"found the key {str(found.key)[:12]}…, expected {key[:12]}… for what the line says. The line was "
                    f"edited: undo that, or remove it and record the answer again"
                )
                findings.append(Finding(file, line.number, problem))
            name = _name(line.record)
            superseded += name in asked
            before = asked.get(name)
            if answer and before and _covered(before) != _covered(answer):
                problem = "found a key that an earlier line has for another question, sample or parameters. Remove one"
                findings.append(Finding(file, line.number, problem))
            asked[name] = answer
    return Verification(tuple(findings), verified, unverifiable, superseded)


def recomputed_key(found: Answer | Translation) -> str | None:
    """The key that the line's content has; None for an answer that was not recorded here, whose request is unknown."""
    if isinstance(found, Translation):
        return translation_key(translator=found.translator, source_language=found.source_language, text=found.text)
    answer = found
    if answer.key is None or not answer.params:
        return None
    params = dict(answer.params)
    api_base, system = params.pop("api_base", None), params.pop("system_prompt", None)
    return answer_key(
        model=answer.llm,
        api_base=api_base,
        messages=[*([{"role": "system", "content": system}] if system else []), _user(answer.question)],
        params=params,
        sample=answer.sample,
        question=answer.question,
    )


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


_BEARER = re.compile(r"\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{16,}")
_PROSE = re.compile(r"\W*[a-z]+(?:[-_][a-z]+)+\W*")


def secret_in(text: str) -> str:
    """What looks like a secret in the text, cut short so that it can be shown; empty if nothing does.

    ``scrub`` errs on the side of hiding. Here prose must pass ("basic needs", "key-performance figures"), so its
    patterns are held against single words, and words of lower-case letters are taken for words.
    """
    if scrub(text) == text:
        return ""
    found = [*_BEARER.findall(text), *(w for w in text.split() if scrub(w) != w and not _PROSE.fullmatch(w))]
    return f"{found[0][:3]}…" if found else ""


def _tolerant_lines(path: Path, findings: list[Finding]) -> Iterator[Line]:
    """The lines of a file; those that are no JSON become findings."""
    content = read_content(path)
    for number, line in enumerate(content.split(b"\n"), 1):
        ended = number <= content.count(b"\n")
        try:
            found = decode_lines(line + b"\n" * ended, path, number)
        except AnswersError as exc:
            findings.append(Finding(path, number, _without_place(exc, path, number)))
            continue
        if found.torn or found.unfinished:
            problem = (
                "found a line that was cut off when a run was killed. The next recording run, or prune, removes it"
            )
            findings.append(Finding(path, number, problem))
        yield from found.lines


def _without_place(exc: AnswersError, path: Path, line: int) -> str:
    return str(exc).removeprefix(f"{path}, line {line}: ")


def _covered(answer: Answer) -> object:
    return answer.llm, answer.question, answer.sample, dict(answer.params)


# --- prune -----------------------------------------------------------------------------------------------------------


class Pruned(NamedTuple):
    """How many lines stayed, and why the others went."""

    kept: int
    superseded: int
    unwanted: int


def prune(path: Path, *, questions: Iterable[Question] | None = None, keys: Collection[str] | None = None) -> Pruned:
    """Rewrite a cassette without superseded lines and without answers that nobody wants any more.

    questions, keys: an answer stays if its question's text (in its language) or its key is among them; without either,
    every question stays. A translation stays while its text is a question or an answer that stays; in a cassette
    without answers (its translations are of answers that were replayed from elsewhere) all of them do. The lock of the
    cassette is held, and the file replaced as a whole, so that a crash loses nothing.
    """
    cassette = Cassette(path)
    with cassette.lock():
        lines = read_lines(path)
        current = _current(lines, path)
        wanted = _wanted(current, path, questions, keys)
        cassette.rewrite(line.record for line in wanted)
    return Pruned(len(wanted), len(lines) - len(current), len(current) - len(wanted))


def _wanted(
    lines: Sequence[Line], path: Path, questions: Iterable[Question] | None, keys: Collection[str] | None
) -> list[Line]:
    if questions is None and keys is None:
        return list(lines)
    asked = {(question.language, question.text) for question in questions or ()}
    unwanted: set[int] = set()  # positions
    texts: list[str] = []
    for position, line in enumerate(lines):
        if is_translation(line.record):
            continue
        answer = _parsed(line, path)
        if (answer.language, answer.question) in asked or answer.key in (keys or ()):
            texts += [answer.question, answer.answer]
        else:
            unwanted.add(position)
    used = set(texts)
    if all(is_translation(line.record) for line in lines):
        return list(lines)
    for position, line in enumerate(lines):
        if is_translation(line.record) and line.record.get("text") not in used:
            unwanted.add(position)
    return [line for position, line in enumerate(lines) if position not in unwanted]


# --- merge -----------------------------------------------------------------------------------------------------------


class Conflict(NamedTuple):
    """Two answers under one key. The later one, of ``source``, is the one that counts from now on."""

    key: str
    question: str
    earlier: str
    later: str
    source: Path


class Merged(NamedTuple):
    """lines: in the target now. added: of them, those that came from the sources."""

    lines: int
    added: int
    conflicts: tuple[Conflict, ...]


def merge(sources: Sequence[Path], target: Path) -> Merged:
    """Append the lines of the sources to the target, in order, as ``cat`` does: the later of two with one key wins.

    Lines that the target has already are left out, superseded ones are kept (``prune`` drops them). A target that is
    not there is made. The lock of the target is held, and the file replaced as a whole.
    """
    if any(source.resolve() == target.resolve() for source in sources):
        raise UsageError(f"found {target} both as a source and as the target, expected another target. Name one")
    cassette = Cassette(target)
    conflicts: list[Conflict] = []
    with cassette.lock():
        records = [line.record for line in read_lines(target)] if target.exists() else []
        seen = {encoded(record) for record in records}
        current = {_name(record): record for record in records}
        before = len(records)
        for source in sources:
            for line in read_lines(source):
                record = line.record
                _checked(line, source)  # what is neither an answer nor a translation must not get in
                if encoded(record) in seen:
                    continue
                if conflict := _conflict(current.get(_name(record)), record, source):
                    conflicts.append(conflict)
                seen.add(encoded(record))
                current[_name(record)] = record
                records.append(record)
        cassette.rewrite(records)
    return Merged(len(records), len(records) - before, tuple(conflicts))


def _conflict(earlier: Mapping[str, Any] | None, later: Mapping[str, Any], source: Path) -> Conflict | None:
    """The conflict between two records of one key, if they differ in what counts."""
    text = "english" if is_translation(later) else "answer"
    if earlier is None or earlier.get(text) == later.get(text):
        return None
    asked = str(later.get("text" if is_translation(later) else "question"))
    return Conflict(str(later.get("key")), asked, str(earlier.get(text)), str(later.get(text)), source)


# --- lines -----------------------------------------------------------------------------------------------------------


def _parsed(line: Line, path: Path) -> Answer:
    return parse_answer(line.record, where=f"{path}, line {line.number}", llm=path.stem)


def _translation(line: Line, path: Path) -> Translation:
    return parse_translation(line.record, where=f"{path}, line {line.number}")


def _checked(line: Line, path: Path) -> None:
    """AnswersError for what is neither an answer nor a translation."""
    (_translation if is_translation(line.record) else _parsed)(line, path)


def _name(record: Mapping[str, Any]) -> object:
    """What the later of two lines replaces the earlier by. A line without a key stands for itself alone."""
    return (record.get("kind"), record["key"]) if record.get("key") else encoded(record)


def _current(lines: Sequence[Line], path: Path) -> list[Line]:
    """The lines that count, where their last version stands. AnswersError for one that is none of ours."""
    last: dict[object, Line] = {}
    for line in lines:
        _checked(line, path)
        last.pop(_name(line.record), None)
        last[_name(line.record)] = line
    return list(last.values())
