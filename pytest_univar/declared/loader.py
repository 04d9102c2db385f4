"""The loader of ``*.univar.yaml`` files, which says of each fault where it is, what was expected and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pytest_univar.declared.forms import EXAMPLE, FORMS, Consistent, Declaration, Expectation
from pytest_univar.errors import ExpectationsError


class Item(NamedTuple):
    """One expectation of a file, its name there and its line."""

    name: str
    line: int
    expectation: Expectation


class Loaded(NamedTuple):
    """A file without a fault. settings: as arguments of the ``univar`` marker."""

    settings: dict[str, Any]
    items: tuple[Item, ...]


class _Problem(NamedTuple):
    """place: keys and numbers that lead to it. key: the one to name, if any."""

    place: tuple[int | str, ...]
    key: str
    text: str


def load_declaration(file: Path, languages: Sequence[str]) -> Loaded:
    """The expectations of a file; ExpectationsError with every fault of it, each with its line.

    languages: of the run, for a file that declares none.
    """
    root, content = _read(file)
    try:
        declared = Declaration.model_validate(content)
    except ValidationError as error:
        found = error.errors()
        # a list whose entries are all wrong is empty to pydantic, hence too short as well
        own = [each for each in found if not any(_is_within(other["loc"], each["loc"]) for other in found)]
        problems = [_explained(each, content) for each in own]
        raise _error(file, root, problems) from None
    asked = declared.languages or tuple(languages)
    if problems := [*_language_problems(declared, asked)]:
        raise _error(file, root, problems)
    names = [each.name or each.title(asked) for each in declared.expect]
    if problems := [*_name_problems(names)]:
        raise _error(file, root, problems)
    lines = [_line(root, ("expect", number)) for number in range(len(names))]
    items = tuple(Item(*each) for each in zip(names, lines, declared.expect, strict=True))
    return Loaded(declared.settings(), items)


def _read(file: Path) -> tuple[yaml.Node, Mapping[str, Any]]:
    """The file as nodes, which know their lines, and as plain values."""
    try:
        text = file.read_text("utf-8-sig")
    except OSError as exc:
        raise ExpectationsError(
            f"{file}: found no readable file ({exc.strerror}), expected expectations. Check the path."
        ) from exc
    except UnicodeDecodeError as exc:
        line = file.read_bytes()[: exc.start].count(b"\n") + 1
        raise ExpectationsError(
            f"{file}, line {line}: found the byte 0x{exc.object[exc.start]:02x}, expected UTF-8. Save it as UTF-8."
        ) from exc
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root and (problems := [*_duplicates(root, (), set())]):
            raise _error(file, root, problems)
        content = loader.construct_document(root) if root else None
    except (yaml.YAMLError, ValueError) as exc:  # ValueError: a date that is none, such as 2024-13-01
        mark = getattr(exc, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}" if mark else str(file)
        problem = " ".join(str(getattr(exc, "problem", None) or exc).split())
        raise ExpectationsError(
            f"{where}: found something that is not YAML ({problem}), expected keys and values. Mend the line; a text "
            "with a colon, a bracket or a quotation mark in it is safest between quotes."
        ) from exc
    if root is None or not isinstance(content, Mapping):
        raise ExpectationsError(
            f"{file}: found {_shown(content)}, expected a mapping with the key 'expect'. "
            "Begin with one that `univar init` writes."
        )
    return root, content


def _duplicates(node: yaml.Node, place: tuple[int | str, ...], seen: set[int]) -> Iterator[_Problem]:
    """Keys that stand twice in one mapping: YAML would silently take the later one."""
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                text = f"found it again in line {key.start_mark.line + 1}, expected it once. Remove one of them."
                yield _Problem((*place, key.value), key.value, text)
            keys.add(str(key.value))
            yield from _duplicates(value, (*place, str(key.value)), seen)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _duplicates(value, (*place, number), seen)


def _is_within(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _explained(error: ErrorDetails, content: Mapping[str, Any]) -> _Problem:
    """What pydantic found, in our words. Its place names the form after an expectation's number."""
    loc = error["loc"]
    form = FORMS.get(str(loc[2])) if loc[0] == "expect" and len(loc) > 2 else None
    place = (*loc[:2], *loc[3:]) if form else loc
    fields = (form or Declaration).model_fields
    if error["type"] == "union_tag_not_found":
        return _Problem(place, "expect", _formless(error["input"]))
    if error["type"] == "one_side":
        both = error["input"].get("below") is not None
        text = "'below' and 'above'" if both else "no number"
        remedy = "Make them two expectations." if both else "Add one, such as below: 0.35."
        return _Problem(place, "distance_to", f"found {text}, expected one of below and above. {remedy}")
    if error["type"] in ("extra_forbidden", "invalid_key"):
        key = str(place[-1])
        known = ", ".join(fields)
        return _Problem(
            place, key, f"found this key{_hint(key, fields)}, expected one of {known}. Rename or remove it."
        )
    key = [part for part in place if isinstance(part, str)][-1]  # a fault within a list is one of its key
    expected = fields[key].description
    if error["type"] == "missing":
        return _Problem(place, key, f"found none, expected {expected}. Add it.")
    found = _at(content, place)
    unquoted = error["type"] == "string_type" and not isinstance(found, (list, dict, type(None)))
    return _Problem(
        place,
        key,
        f"found {_shown(found)}, expected {expected}. {'Put it between quotes.' if unquoted else 'Mend it.'}",
    )


def _formless(found: object) -> str:
    """An expectation that names no form, or several."""
    if not isinstance(found, Mapping):
        return f"found {_shown(found)}, expected a mapping, such as {EXAMPLE}. Mend it."
    named = [repr(key) for key in FORMS if key in found]
    if named:
        return f"found {' and '.join(named)} in one expectation, expected one of them. Make them two expectations."
    keys = ", ".join(map(str, found)) or "none"
    hint = next((hint for key in found if (hint := _hint(str(key), FORMS))), "")
    forms = ", ".join(FORMS)
    return f"found the keys {keys}{hint}, expected one of {forms} among them. Add the one that says what is expected."


def _language_problems(declared: Declaration, asked: Sequence[str]) -> Iterator[_Problem]:
    """Languages that nobody is asked in, and expectations that leave open which they are about."""
    whose = "the languages of the file" if declared.languages else "the languages of the run"
    for number, each in enumerate(declared.expect):
        key = "consistent" if isinstance(each, Consistent) else "language"
        place = ("expect", number, key)
        for code in each.named_languages():
            if code not in asked:
                remedy = f"Mend it, or write languages: [{', '.join([*asked, code])}] at the head of the file."
                yield _Problem(place, key, f"found {code!r}, expected one of {', '.join(asked)}, {whose}. {remedy}")
        if each.about_one_language and not each.named_languages() and len(asked) > 1:
            yield _Problem(place, key, f"found none, expected one of {', '.join(asked)}, {whose}. Add it.")


def _name_problems(names: Sequence[str]) -> Iterator[_Problem]:
    """Names that stand twice: neither could be run by its name."""
    for number, name in enumerate(names):
        if name in names[:number]:
            text = f"found a second expectation named {name!r}, expected each name once."
            yield _Problem(("expect", number), "name", f"{text} Remove one of the two, or give it a name of its own.")


def _error(file: Path, root: yaml.Node, problems: Iterable[_Problem]) -> ExpectationsError:
    """Every problem in a line of its own, in the order of the file."""
    placed = sorted((_line(root, place), key, text) for place, key, text in problems)
    return ExpectationsError("\n".join(f"{file}, line {line}, key {key!r}: {text}" for line, key, text in placed))


def _line(root: yaml.Node, place: Sequence[int | str]) -> int:
    """The line of what stands at a place; of what encloses it, where it is missing."""
    line, node = root.start_mark.line, root
    for part in place:
        if isinstance(node, yaml.MappingNode):
            entry = next(((key, value) for key, value in node.value if str(key.value) == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            entry = (node.value[part], node.value[part])
        else:
            entry = None
        if entry is None:
            break
        line, node = entry[0].start_mark.line, entry[1]
    return line + 1


def _at(content: Any, place: Sequence[int | str]) -> Any:
    for part in place:
        content = content[part]
    return content


def _hint(found: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(found, known, n=1)
    return f" (is {close[0]!r} meant?)" if close else ""


def _shown(found: object) -> str:
    """As Python writes it, cut to a length that a message can carry."""
    text = "nothing" if found is None else repr(found)
    return text if len(text) <= 60 else text[:59] + "…"
