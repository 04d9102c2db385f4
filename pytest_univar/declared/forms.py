"""The forms of declared expectations.

A form adds nothing to what is measured: each is one assertion of the Auditor. The ``description`` of a field is what an
error says was expected, and what an editor shows from the JSON Schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

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
