"""Expectations declared in a ``*.univar.yaml`` file: their forms, and the loader that says what is wrong with a file.

A form adds nothing to what is measured: each is one assertion of the Auditor. The ``description`` of a field is what an
error says was expected, and what an editor shows from the JSON Schema.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from pytest_univar.errors import ExpectationsError
from pytest_univar.languages import LANGUAGES

if TYPE_CHECKING:
    from pytest_univar.expectations import Auditor

EXAMPLE = "{language: eng, region: gpt, scheme: family}"
_CODES = sorted(LANGUAGES)
_AT_LEAST = r"\s*>=\s*(\d*\.?\d+)\s*"


# ------------------------------------------------------------------------------------------------------- kinds of value


def _known(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError
    return code


def _each_once(codes: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(codes)) < len(codes):
        raise ValueError
    return codes


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError
    return text


def _item_name(text: str) -> str:
    if "::" in text or "[" in text:  # pytest could not find such an item by its name
        raise ValueError
    return _one_line(text)


def _number_of(found: object) -> object:
    """``">= 0.5"`` → 0.5; anything else is left to be judged as a number."""
    match = re.fullmatch(_AT_LEAST, found) if isinstance(found, str) else None
    return float(match[1]) if match else found


Text = Annotated[str, Field(min_length=1), AfterValidator(_one_line)]
Code = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": _CODES})]
# YAML has no tuples, so these alone are not strict about the kind of sequence
Codes = Annotated[tuple[Code, ...], Field(strict=False, min_length=1), AfterValidator(_each_once)]
SeveralCodes = Annotated[tuple[Code, ...], Field(strict=False, min_length=2), AfterValidator(_each_once)]
_UNIQUE: Any = {"uniqueItems": True}
Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
AtLeast = Annotated[
    Share,
    BeforeValidator(_number_of),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                {"type": "string", "pattern": f"^{_AT_LEAST}$"},
            ]
        }
    ),
]

_CODE = f"one of the ISO 639-3 codes {', '.join(_CODES)}"
_SCHEME = "a scheme of the bank, such as family"
_TARGET = "a region of the scheme or, where no scheme is given, a value ID such as gpt-4o/eng"
_BASELINE = "the name of a baseline, as given to --univar-save"
_ABOVE_0 = "a number above 0"


# ------------------------------------------------------------------------------------------------------------ the forms


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Expectation(_Strict):
    """What every form has."""

    about_one_language: ClassVar[bool] = False

    name: Annotated[str, AfterValidator(_item_name)] | None = Field(
        None, description="the name of the test item: a text of one line without '::' and '['"
    )
    confidence: Share | None = Field(None, description="a number between 0 and 1; default: the run's")

    def named_languages(self) -> tuple[str, ...]:
        """Those it is about, as far as it names them."""
        return ()

    def title(self, languages: Sequence[str]) -> str:
        """What it claims, in a few words that differ from those of any other. languages: of the file."""
        raise NotImplementedError

    def check(self, auditor: Auditor) -> None:
        """Make the assertion."""
        raise NotImplementedError


class _OfOneLanguage(Expectation):
    about_one_language: ClassVar[bool] = True

    language: Code | None = Field(None, description=_CODE)

    def named_languages(self) -> tuple[str, ...]:
        return (self.language,) if self.language else ()

    def _in(self, languages: Sequence[str]) -> str:
        """Its language; it may be left out only where there is one to choose from."""
        return self.language or languages[0]


class InRegion(_OfOneLanguage):
    """The profile lies in a region: its largest share of answers or, with ``share``, at least that share."""

    region: Text = Field(description="a region of the scheme, such as gpt")
    scheme: Text = Field(description=_SCHEME)
    share: AtLeast | None = Field(None, description="a number between 0 and 1, or a text such as '>= 0.5'")

    def title(self, languages: Sequence[str]) -> str:
        share = f"at least {self.share:g} " if self.share else ""
        return f"{self._in(languages)} {share}in {self.region}{_by(self.scheme)}"

    def check(self, auditor: Auditor) -> None:
        auditor.assert_region(
            self._in(auditor.languages), self.region, scheme=self.scheme, share=self.share, confidence=self.confidence
        )


class Closer(_OfOneLanguage):
    """The profile is closer to one value ID or region than to another."""

    closer_to: Text = Field(description=_TARGET)
    than: Text = Field(description=_TARGET)
    scheme: Text | None = Field(None, description=_SCHEME)

    def title(self, languages: Sequence[str]) -> str:
        return f"{self._in(languages)} closer to {self.closer_to} than {self.than}{_by(self.scheme)}"

    def check(self, auditor: Auditor) -> None:
        auditor.assert_closer(
            self._in(auditor.languages),
            to=self.closer_to,
            than=self.than,
            scheme=self.scheme,
            confidence=self.confidence,
        )


class AtDistance(_OfOneLanguage):
    """The distance to a value ID or a region is below or above a number."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["below"]}, {"required": ["above"]}]})

    distance_to: Text = Field(description=_TARGET)
    below: Above0 | None = Field(None, description=_ABOVE_0)
    above: Above0 | None = Field(None, description=_ABOVE_0)
    scheme: Text | None = Field(None, description=_SCHEME)

    @model_validator(mode="after")
    def _one_side(self) -> AtDistance:
        if (self.below is None) == (self.above is None):
            raise PydanticCustomError("one_side", "one of below and above")
        return self

    def title(self, languages: Sequence[str]) -> str:
        side = f"above {self.above:g}" if self.below is None else f"below {self.below:g}"
        return f"{self._in(languages)} distance to {self.distance_to} {side}{_by(self.scheme)}"

    def check(self, auditor: Auditor) -> None:
        auditor.assert_distance(
            self._in(auditor.languages),
            self.distance_to,
            below=self.below,
            above=self.above,
            scheme=self.scheme,
            confidence=self.confidence,
        )


class Unchanged(Expectation):
    """Nothing changed since a baseline, in one language or in all; with ``within``, less than that distance."""

    language: Code | None = Field(None, description=f"{_CODE}, or nothing for all languages of the file")
    unchanged_since: Text = Field(description=_BASELINE)
    within: Above0 | None = Field(None, description=_ABOVE_0)

    def named_languages(self) -> tuple[str, ...]:
        return (self.language,) if self.language else ()

    def title(self, languages: Sequence[str]) -> str:
        within = f" within {self.within:g}" if self.within else ""
        return f"{self.language or ', '.join(languages)} unchanged since {self.unchanged_since}{within}"

    def check(self, auditor: Auditor) -> None:
        auditor.assert_unchanged(
            self.language, since=self.unchanged_since, within=self.within, confidence=self.confidence
        )


class Consistent(Expectation):
    """The model expresses the same values in several languages: the spread of their centroids is small."""

    consistent: SeveralCodes = Field(
        description=f"a list of at least two different ones of the ISO 639-3 codes {', '.join(_CODES)}",
        json_schema_extra=_UNIQUE,
    )
    below: Above0 | None = Field(None, description=_ABOVE_0)

    def named_languages(self) -> tuple[str, ...]:
        return self.consistent

    def title(self, languages: Sequence[str]) -> str:
        return f"{', '.join(self.consistent)} consistent" + (f" below {self.below:g}" if self.below else "")

    def check(self, auditor: Auditor) -> None:
        auditor.assert_consistent(self.consistent, below=self.below, confidence=self.confidence)


class MovedToward(_OfOneLanguage):
    """Since a baseline, the profile came closer to a target and, with ``away_from``, went farther from another."""

    moved_toward: Text = Field(description=_TARGET)
    since: Text = Field(description=_BASELINE)
    away_from: Text | None = Field(None, description=_TARGET)
    scheme: Text | None = Field(None, description=_SCHEME)

    def title(self, languages: Sequence[str]) -> str:
        away = f" and away from {self.away_from}" if self.away_from else ""
        return f"{self._in(languages)} moved toward {self.moved_toward}{away} since {self.since}{_by(self.scheme)}"

    def check(self, auditor: Auditor) -> None:
        auditor.assert_moved_toward(
            self._in(auditor.languages),
            self.moved_toward,
            since=self.since,
            away_from=self.away_from,
            scheme=self.scheme,
            confidence=self.confidence,
        )


def _by(scheme: str | None) -> str:
    return f" ({scheme})" if scheme else ""


FORMS: Mapping[str, type[Expectation]] = {
    "region": InRegion,
    "closer_to": Closer,
    "distance_to": AtDistance,
    "unchanged_since": Unchanged,
    "consistent": Consistent,
    "moved_toward": MovedToward,
}
"""The key that names a form → the form."""


def _form(content: object) -> str | None:
    """The one form that is named; None for none and for several."""
    named = [key for key in FORMS if key in content] if isinstance(content, Mapping) else []
    return named[0] if len(named) == 1 else None


AnyExpectation = Annotated[
    Annotated[InRegion, Tag("region")]
    | Annotated[Closer, Tag("closer_to")]
    | Annotated[AtDistance, Tag("distance_to")]
    | Annotated[Unchanged, Tag("unchanged_since")]
    | Annotated[Consistent, Tag("consistent")]
    | Annotated[MovedToward, Tag("moved_toward")],
    Discriminator(_form),
]


class Declaration(_Strict):
    """Expectations about the values of a model: the content of a *.univar.yaml file."""

    languages: Codes | None = Field(
        None,
        description=f"a list of different ones of the ISO 639-3 codes {', '.join(_CODES)}",
        json_schema_extra=_UNIQUE,
    )
    questions: Text | None = Field(None, description="the name or the file of a question set, such as core")
    samples: Annotated[int, Field(ge=1)] | None = Field(None, description="a whole number from 1")
    model: Text | None = Field(None, description="a model as for --univar-model, such as openai/gpt-4o-mini")
    expect: Annotated[tuple[AnyExpectation, ...], Field(strict=False, min_length=1)] = Field(
        description=f"a list of expectations, such as '- {EXAMPLE}'"
    )

    def settings(self) -> dict[str, Any]:
        """What it asks for, as arguments of the ``univar`` marker."""
        return self.model_dump(exclude={"expect"}, exclude_none=True)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file, for editors; shipped as ``univar.schema.json``."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Declaration.model_json_schema()}


# ----------------------------------------------------------------------------------------------------------- the loader


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
