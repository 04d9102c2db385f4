"""Which human values questions are to be about: all of the taxonomy, some of it, or a file of one's own."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from pytest_univar.errors import QuestionsError, UsageError
from pytest_univar.questions import HumanValue, load_values

_NEEDED = ("id", "name", "definition")
_FIELDS = (*_NEEDED, "opposite", "source")
_EXAMPLE = '{"id": "candour", "name": "Candour", "definition": "Saying what one thinks, even unasked."}'


def choose_values(wanted: str) -> tuple[HumanValue, ...]:
    """The values that are wanted: ids of the taxonomy with commas between them, or the path of a file; empty: all 87.

    UsageError for an unknown id; QuestionsError for a file that cannot be used.
    """
    if not wanted:
        return load_values()
    path = Path(wanted)
    if path.suffix or path.name != wanted:
        return read_values(path)
    known = {value.id: value for value in load_values()}
    ids = list(dict.fromkeys(id.strip() for id in wanted.split(",") if id.strip()))
    for id in ids:
        if id not in known:
            near = difflib.get_close_matches(id, known, n=3) or list(known)[:3]
            raise UsageError(
                f"found the value {id!r}, expected an id of the taxonomy, such as {', '.join(near)} (all of them: "
                f"docs/questions.md). Values of your own are given as a file that ends in .jsonl, .yaml or .yml"
            )
    return tuple(known[id] for id in ids)


def read_values(path: Path) -> tuple[HumanValue, ...]:
    """The values of a ``.jsonl``, ``.yaml`` or ``.yml`` file: ``id``, ``name``, ``definition``, and where wanted
    ``opposite`` (the other pole) and ``source``. QuestionsError with file, line, field and remedy."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise QuestionsError(f"{path}: found no readable UTF-8 file ({exc}). Check the path and save it so") from exc
    if path.suffix == ".jsonl":
        entries = _json_lines(text, path)
    elif path.suffix in (".yaml", ".yml"):
        entries = _yaml(text, path)
    else:
        raise QuestionsError(
            f"{path}: found the ending {path.suffix!r}, expected .jsonl (JSON lines), .yaml or .yml. Rename the file"
        )
    lines: dict[str, int] = {}
    values = []
    for line, entry in entries:
        value = _value(entry, f"{path}, line {line}")
        if value.id in lines:
            raise QuestionsError(
                f"{path}, line {line}: found the same id {value.id!r} as in line {lines[value.id]}, expected each "
                f"once. Give one of them another id"
            )
        lines[value.id] = line
        values.append(value)
    if not values:
        raise QuestionsError(f"{path}: found no values, expected at least one, such as {_EXAMPLE}. Add some")
    return tuple(values)


def _json_lines(text: str, path: Path) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as exc:
            raise QuestionsError(
                f"{path}, line {number}, column {exc.colno}: found something that is not JSON ({exc.msg}), expected "
                f"one object a line, such as {_EXAMPLE}. Mend the line"
            ) from exc


def _yaml(text: str, path: Path) -> Iterator[tuple[int, object]]:
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        content = loader.construct_document(root) if root else []
    except (yaml.YAMLError, ValueError) as exc:  # ValueError: a date that is none, such as 2024-13-01
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        problem = getattr(exc, "problem", None) or exc
        raise QuestionsError(
            f"{where}: found something that is not YAML ({problem}), expected a list of values. Mend the line"
        ) from exc
    if not isinstance(content, list):
        raise QuestionsError(
            f"{path}: found no list, expected one of values. Begin every value with '- ', as in '- id: …'"
        )
    for node, entry in zip(root.value if root else (), content, strict=True):
        yield node.start_mark.line + 1, entry


def _value(entry: object, where: str) -> HumanValue:
    if not isinstance(entry, dict):
        raise QuestionsError(f"{where}: found {str(entry)[:60]!r}, expected an object such as {_EXAMPLE}. Mend it")
    for name, found in entry.items():
        if name not in _FIELDS:
            raise QuestionsError(
                f"{where}: found the field {name!r}, expected no fields but {', '.join(_FIELDS)}. Rename or remove it"
            )
        if (found is not None or name in _NEEDED) and not (isinstance(found, str) and found.strip()):
            raise QuestionsError(
                f"{where}, field {name!r}: found {found!r}, expected a text that is not empty. Put it between quotes"
            )
    for name in _NEEDED:
        if name not in entry:
            raise QuestionsError(f"{where}, field {name!r}: found none, expected a text. Add it, as in {_EXAMPLE}")
    given = {name: found.strip() for name, found in entry.items() if found is not None}
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", given["id"]):
        raise QuestionsError(
            f"{where}, field 'id': found {given['id']!r}, expected small letters, digits and hyphens, such as "
            f"'candour'. The ids of the questions begin with it"
        )
    return HumanValue(
        id=given["id"],
        name=given["name"],
        opposite=given.get("opposite"),
        definition=given["definition"],
        source=given.get("source", ""),
    )
