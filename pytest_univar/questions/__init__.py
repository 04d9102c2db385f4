"""What the model under audit is asked: question sets, and the 87 human values behind ``core``.

``values.jsonl`` is the taxonomy, ``sources.json`` its citations, and every folder beside them is a built-in question
set with one JSON-lines file a language (``core/eng.jsonl``). How they were written: docs/questions.md. What a program
can check of a set: ``checks.py``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_univar.errors import QuestionsError
from pytest_univar.languages import LANGUAGES
from pytest_univar.values import Question, derived_question_id

if TYPE_CHECKING:
    from importlib.abc import Traversable

_DATA: Traversable = files(__name__)
_FIELDS = ("id", "text", "language", "value", "source")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_EXAMPLE = '{"text": "What do we owe to strangers?"}'

_WITHOUT_VALUES = frozenset({"control", "dilemmas"})
"""The built-in sets whose questions need not belong to a value of the taxonomy; where one does, it is checked too."""

LESS_CERTAIN: dict[str, dict[str, str]] = {
    "core": {
        "hat": "some lines may not read natively: 'katreventan' for eighty, obedience-2, democracy-2",
        "quy": "some words may not be the ordinary ones: 'qariwarmi' (man and wife) for a couple, 'ADN' for genes, "
        "'qispi kay' for freedom",
    }
}
"""Built-in set → language → why its wording is less certain there than in the other languages (docs/questions.md)."""


@dataclass(frozen=True)
class HumanValue:
    """A value of the taxonomy.

    opposite: the other pole, where the source has one. source: a key of ``load_sources()``. also: further sources with
    the same value, perhaps under another name; it is counted once, under ``source``.
    """

    id: str
    name: str
    opposite: str | None
    definition: str
    source: str
    also: tuple[str, ...] = ()


class Located(NamedTuple):
    """A question and where it stands; ``line`` counts from 1."""

    question: Question
    file: str
    line: int


class _Item(NamedTuple):
    """One entry of a file as it was read."""

    file: str
    line: int
    content: object

    @property
    def where(self) -> str:
        return f"{self.file}, line {self.line}"


def available_sets() -> tuple[str, ...]:
    """The names of the built-in question sets, sorted."""
    return _sets(_DATA)


def load_values() -> tuple[HumanValue, ...]:
    """The 87 human values, source by source."""
    rows = (json.loads(line) for line in _DATA.joinpath("values.jsonl").read_text("utf-8").splitlines())
    return tuple(HumanValue(**{**row, "also": tuple(row.get("also", ()))}) for row in rows)


def load_sources() -> dict[str, str]:
    """The citation of every source of the taxonomy, by its short id."""
    citations: dict[str, str] = json.loads(_DATA.joinpath("sources.json").read_text("utf-8"))
    return citations


def load_questions(name_or_path: str | Path, language: str = "eng") -> tuple[Question, ...]:
    """The questions of a set in one language, in the order of the file.

    A bare word names a built-in set. Anything with a folder or a suffix is the path of a ``.jsonl``, ``.yaml`` or
    ``.yml`` file of one's own, whose entries have ``text`` and, where wanted, ``id`` (else derived from the text),
    ``language`` (else ``eng``), ``value`` and ``source``; an entry may also be the text alone.

    QuestionsError, with file, line and remedy: no such set, file or language, an entry that is not as described, or an
    id that is used twice in one language.
    """
    if (path := _own_path(name_or_path)) is None:
        return tuple(located.question for located in _built_in(_DATA, str(name_or_path), language))
    every = [located.question for located in _own(path)]
    wanted = tuple(question for question in every if question.language == language)
    if not wanted:
        counts = Counter(question.language for question in every)
        found = ", ".join(f"{code} ({n})" for code, n in sorted(counts.items()))
        raise QuestionsError(
            f"{path}: found no questions in {language!r}, only in: {found}. Ask for one of these, or add questions "
            f'with "language": "{language}" (an entry without a language is taken as "eng").'
        )
    return wanted


def english_of(name_or_path: str | Path, language: str) -> dict[str, str]:
    """Question in ``language`` → the same question, by its id, in English; empty where the set has none in either."""
    try:
        english = {question.id: question.text for question in load_questions(name_or_path, "eng")}
        return {each.text: english[each.id] for each in load_questions(name_or_path, language) if each.id in english}
    except QuestionsError:
        return {}


def load_languages(name_or_path: str | Path) -> dict[str, tuple[Located, ...]]:
    """All the questions of a set by language, each with its place; errors as for :func:`load_questions`.

    English comes first, the other languages as in ``LANGUAGES``, then any that are not there.
    """
    path = _own_path(name_or_path)
    if path is None:
        name = str(name_or_path)
        found = {code: _built_in(_DATA, name, code) for code in _languages(_known(_DATA, name))}
    else:
        every = _own(path)
        codes = dict.fromkeys(located.question.language for located in every)
        found = {code: tuple(each for each in every if each.question.language == code) for code in codes}
    return {code: found[code] for code in (*LANGUAGES, *sorted(found.keys() - LANGUAGES.keys())) if code in found}


def less_certain(name_or_path: str | Path, language: str) -> str | None:
    """Why the wording of a built-in set is less certain in this language; None where nothing is known against it."""
    return LESS_CERTAIN.get(str(name_or_path), {}).get(language)


def limited(questions: Sequence[Question], limit: int) -> tuple[Question, ...]:
    """``limit`` of the questions, spread evenly over their values, in their order; the same ones each time.

    The order of choice is that of a hash of the id: a larger limit keeps all the questions of a smaller one.
    """
    turns: dict[str | None, int] = defaultdict(int)
    ranked = []
    for question in sorted(questions, key=lambda question: hashlib.sha256(question.id.encode()).digest()):
        ranked.append((turns[question.value], question.id))
        turns[question.value] += 1
    chosen = {id for _, id in sorted(ranked, key=lambda ranked: ranked[0])[:limit]}
    return tuple(question for question in questions if question.id in chosen)


def question_set_hash(questions: Iterable[Question]) -> str:
    """The SHA-256 of ids, texts and languages: two sets with one hash ask the same things, in whatever order.

    The order is left out because a profile does not depend on it; value and source because no model sees them.
    """
    rows = sorted(json.dumps([question.id, question.text, question.language]) for question in questions)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def _sets(data: Traversable) -> tuple[str, ...]:
    return tuple(sorted(folder.name for folder in data.iterdir() if folder.is_dir() and _languages(folder)))


def _languages(folder: Traversable) -> list[str]:
    return sorted(file.name[: -len(".jsonl")] for file in folder.iterdir() if file.name.endswith(".jsonl"))


def _own_path(name_or_path: str | Path) -> Path | None:
    """The path of a file of one's own; None for the name of a built-in set."""
    path = Path(name_or_path)
    own = isinstance(name_or_path, Path) or path.suffix or path.name != name_or_path
    return path if own else None


def _known(data: Traversable, name: str) -> Traversable:
    """The folder of a built-in set."""
    if name not in _sets(data):
        raise QuestionsError(
            f"found the question set {name!r}, expected one of: {', '.join(_sets(data))}. "
            "A file of your own is given by its path, ending in .jsonl, .yaml or .yml."
        )
    return data.joinpath(name)


def _built_in(data: Traversable, name: str, language: str) -> tuple[Located, ...]:
    languages = _languages(_known(data, name))
    if language not in languages:
        raise QuestionsError(
            f"the question set {name!r} has no questions in {language!r}, only in: {', '.join(languages)}. "
            "Ask for one of these, or bring questions in that language as a file of your own (docs/questions.md)."
        )
    file = f"{name}/{language}.jsonl"
    items = list(_json_lines(data.joinpath(file).read_text("utf-8"), file))
    questions = _questions(items)
    sources = {value.id: value.source for value in load_values()}
    for item, located in zip(items, questions, strict=True):
        question = located.question
        if question.language != language:
            raise _error(item, "language", question.language, repr(language), "Move it to the file of its language.")
        if name in _WITHOUT_VALUES and question.value is None and question.source is None:
            continue
        if question.value not in sources:
            raise _error(item, "value", question.value, "an id of values.jsonl", "Mend it, or add the value there.")
        if question.source != sources[question.value]:
            expected = f"{sources[question.value]!r}, the source of the value {question.value!r}"
            raise _error(item, "source", question.source, expected, "Mend the one that is wrong.")
    return questions


def _own(path: Path) -> tuple[Located, ...]:
    """The questions of a file in all languages; there is at least one."""
    readers = {".jsonl": _json_lines, ".yaml": _yaml, ".yml": _yaml}
    reader = readers.get(path.suffix)
    if reader is None:
        raise QuestionsError(
            f"{path}: found the ending {path.suffix!r}, expected .jsonl (JSON lines), .yaml or .yml. Rename the file; "
            f"a built-in set is named without folder and ending ({', '.join(available_sets())})."
        )
    try:
        # Editors on Windows may put a byte order mark first, which is no part of the text.
        content = path.read_text("utf-8-sig")
    except OSError as exc:
        raise QuestionsError(
            f"{path}: found no readable file ({exc.strerror}). Check the path; it is taken from {Path.cwd()}."
        ) from exc
    except UnicodeDecodeError as exc:
        line = path.read_bytes()[: exc.start].count(b"\n") + 1
        raise QuestionsError(
            f"{path}, line {line}: found the byte 0x{exc.object[exc.start]:02x}, expected UTF-8. Save it as UTF-8."
        ) from exc
    questions = _questions(reader(content, str(path)))
    if not questions:
        raise QuestionsError(f"{path}: found no questions, expected at least one, such as {_EXAMPLE}. Add some.")
    return questions


def _json_lines(text: str, file: str) -> Iterator[_Item]:
    # Not splitlines(): U+2028 and its like may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield _Item(file, number, json.loads(line))
        except json.JSONDecodeError as exc:
            raise QuestionsError(
                f"{file}, line {number}, column {exc.colno}: found {_shown(line)}, which is not JSON ({exc.msg}); "
                f"expected one object a line, such as {_EXAMPLE}. Mend the line."
            ) from exc


def _yaml(text: str, file: str) -> Iterator[_Item]:
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        content = loader.construct_document(root) if root else []
    except (yaml.YAMLError, ValueError) as exc:  # ValueError: a date that is none, such as 2024-13-01
        mark = getattr(exc, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}" if mark else file
        problem = getattr(exc, "problem", None) or exc
        raise QuestionsError(
            f"{where}: found something that is not YAML ({problem}); expected a list of questions. "
            "Mend the line; a text with a colon or a quotation mark in it is safest between quotes."
        ) from exc
    if not isinstance(content, list):
        raise QuestionsError(
            f"{file}: found {_shown(content)}, expected a list. Begin every question with '- ', as in '- text: …'."
        )
    for node, entry in zip(root.value if root else (), content, strict=True):
        yield _Item(file, node.start_mark.line + 1, entry)


def _questions(items: Iterable[_Item]) -> tuple[Located, ...]:
    """The questions of one file; ids are unique within a language, since translations of a question share its id."""
    seen: dict[tuple[str, str], Located] = {}
    for item in items:
        question = _question(item)
        key = (question.id, question.language)
        if key in seen:
            earlier = seen[key]
            if earlier.question.text == question.text:
                found, remedy = "the same question as in", "Remove one of them."
            else:
                found, remedy = f"the same id {question.id!r} as in", "Give one of them another id."
            raise QuestionsError(
                f"{item.where}: found {found} {earlier.file}, line {earlier.line}, expected each once in a language. "
                f"{remedy}"
            )
        seen[key] = Located(question, item.file, item.line)
    return tuple(seen.values())


def _question(item: _Item) -> Question:
    content = {"text": item.content} if isinstance(item.content, str) else item.content
    if not isinstance(content, dict):
        raise QuestionsError(f"{item.where}: found {_shown(content)}, expected an object such as {_EXAMPLE}. Mend it.")
    for name in content:
        # A misspelt "language" would otherwise pass as English.
        if name not in _FIELDS:
            expected = f"no fields but {', '.join(_FIELDS)}"
            raise QuestionsError(f"{item.where}: found the field {name!r}, expected {expected}. Rename or remove it.")
    given = {name: _text(item, name, entry) for name, entry in content.items() if entry is not None}
    if "text" not in given:
        raise QuestionsError(
            f"{item.where}, field 'text': found none, expected the question. Add it, as in {_EXAMPLE}."
        )
    language = given.get("language", "eng")
    if not re.fullmatch(r"[a-z]{3}", language):
        expected = "an ISO 639-3 code of three letters, such as 'eng' or 'spa'"
        raise _error(item, "language", language, expected, "Look the code up in docs/questions.md.")
    return Question(
        id=given.get("id") or derived_question_id(given["text"]),
        text=given["text"],
        language=language,
        value=given.get("value"),
        source=given.get("source"),
    )


def _text(item: _Item, name: str, entry: object) -> str:
    if not isinstance(entry, str):
        raise _error(item, name, entry, "a text", "Put it between quotes.")
    if not entry.strip():
        remedy = "Write the question, or remove the entry." if name == "text" else "Fill it, or leave the field away."
        raise _error(item, name, entry, "a text that is not empty", remedy)
    if _HALF_CHARACTER.search(entry):  # JSON can hold one; no file and no request in UTF-8 can
        raise _error(item, name, entry, "whole characters", "Remove the half of a surrogate pair.")
    return entry.strip()


def _error(item: _Item, name: str, found: object, expected: str, remedy: str) -> QuestionsError:
    return QuestionsError(f"{item.where}, field {name!r}: found {_shown(found)}, expected {expected}. {remedy}")


def _shown(found: object) -> str:
    """As Python writes it, cut to a length that a message can carry."""
    text = repr(found)
    return text if len(text) <= 60 else text[:59] + "…"
