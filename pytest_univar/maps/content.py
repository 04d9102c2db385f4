"""What a value map shows, as data that any renderer can draw and JSON can hold: columns, codes and rounded numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pytest_univar.banks import ReferenceBank
from pytest_univar.errors import UndefinedError, UsageError
from pytest_univar.languages import LANGUAGES
from pytest_univar.maps.projection import Method, Projection
from pytest_univar.maps.shapes import Ellipse, Point, central, confidence_ellipse, convex_hull
from pytest_univar.stats import Floats, Groups
from pytest_univar.values import Profile, ValueID

SCHEMA = 1
NOWHERE = -1
"""The code of what is in no group."""


@dataclass(frozen=True)
class Series:
    """The answers of one value ID: of the bank, or audited.

    label: the value ID or, for an audited one, what the caller calls it. n, n_questions: of all answers, drawn or not.
    centroid: the mean place of all of them. ellipse: where that lies by its uncertainty over the questions; None for
    the bank's, and with fewer than 3 questions. x, y, question: the answers that are drawn, column by column; question
    counts in ``ValueMap.questions``. texts: their question and answer, row by row; empty where they are not known.
    """

    label: str
    value_id: str
    llm: str
    language: str
    audited: bool
    n: int
    n_questions: int
    centroid: Point
    ellipse: Ellipse | None
    x: tuple[float, ...]
    y: tuple[float, ...]
    question: tuple[int, ...]
    texts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Grouping:
    """One way to colour and to filter: a scheme of the bank, ``language``, ``llm`` or ``corpus``.

    of: what has a group, each series or each question. codes: of these, in the order of ``ValueMap.series`` or
    ``ValueMap.questions``, the place of its group in ``labels``, or NOWHERE. counts, centroids, hulls: of each group's
    answers in the bank, drawn or not; the hull is the convex one of the share ``ValueMap.hull_share`` of them that lies
    nearest to the centroid, its corners counterclockwise.
    """

    name: str
    of: Literal["series", "question"]
    labels: tuple[str, ...]
    codes: tuple[int, ...]
    counts: tuple[int, ...]
    centroids: tuple[Point, ...]
    hulls: tuple[tuple[Point, ...], ...]


@dataclass(frozen=True)
class ValueMap:
    """Bank and audited profiles in two dimensions. explained: the shares of the variance along x and y, None for UMAP.

    n, shown: answers of the bank, and how many of them are drawn. confidence: of the ellipses. The region, language and
    LLM of an answer are those of its series.
    """

    schema: int
    bank: str
    bank_version: str
    encoder: str
    method: Method
    made_with: str
    seed: int
    explained: tuple[float, float] | None
    n: int
    shown: int
    hull_share: float
    confidence: float
    questions: tuple[str, ...]
    series: tuple[Series, ...]
    groupings: tuple[Grouping, ...]

    def grouping(self, name: str) -> Grouping:
        """The grouping of this name, or UsageError with those there are."""
        for grouping in self.groupings:
            if grouping.name == name:
                return grouping
        known = ", ".join(grouping.name for grouping in self.groupings)
        hint = ": its question ids do not say which of its sources they are from" if name == "corpus" else ""
        raise UsageError(f"the bank {self.bank!r} cannot be grouped by {name!r}{hint}; expected one of: {known}")


def value_map(
    bank: ReferenceBank,
    projection: Projection,
    audited: Mapping[str, Profile] | None = None,
    *,
    most: int | None = 5000,
    hull_share: float = 0.9,
    confidence: float = 0.95,
    seed: int = 0,
) -> ValueMap:
    """What to draw of a bank whose rows ``projection`` was fitted on, and of audited profiles by their labels.

    most: answers of the bank that are drawn at the most, and as many of the audited ones: a random part of every value
    ID in proportion to its answers, at least one each. Centroids, ellipses and hulls are of all of them. BankError for
    a profile of another encoder.
    """
    audited = audited or {}
    for profile in audited.values():
        bank.check_encoder(profile.encoder, "another encoder")
    if len(projection.coordinates) != len(bank):
        raise UsageError(
            f"found a projection of {len(projection.coordinates)} rows for the bank {bank.name!r} of {len(bank)}; "
            "expected one that was fitted on this bank"
        )
    digits = _digits(projection.coordinates)
    questions = list(bank.question_ids)
    code_of = {question_id: code for code, question_id in enumerate(questions)}
    for question_id in (question_id for profile in audited.values() for question_id in profile.question_ids):
        if question_id not in code_of:
            code_of[question_id] = len(questions)
            questions.append(question_id)

    owned = _rows_by_code(bank.value_index, len(bank.value_ids))
    rng = np.random.default_rng(seed)
    drawn = subsample([len(rows) for rows in owned], most, rng)
    series = [
        _series(str(value_id), value_id, projection.coordinates[rows], bank.question_index[rows], chosen, digits)
        for value_id, rows, chosen in zip(bank.value_ids, owned, drawn, strict=True)
    ]
    drawn = subsample([len(profile) for profile in audited.values()], most, rng)
    for (label, profile), chosen in zip(audited.items(), drawn, strict=True):
        places = projection.transform(profile.vectors)
        asked = np.array([code_of[question_id] for question_id in profile.question_ids], dtype=np.int32)
        ellipse = _ellipse(places, asked, confidence, digits)
        texts = tuple((profile.qas[row].question, profile.qas[row].answer) for row in chosen) if profile.qas else ()
        series.append(_series(label, profile.value_id, places, asked, chosen, digits, True, ellipse, texts))

    return ValueMap(
        schema=SCHEMA,
        bank=bank.name,
        bank_version=bank.version,
        encoder=bank.encoder,
        method=projection.method,
        made_with=projection.made_with,
        seed=projection.seed,
        explained=projection.explained,
        n=len(bank),
        shown=sum(len(one.x) for one in series if not one.audited),
        hull_share=hull_share,
        confidence=confidence,
        questions=tuple(questions),
        series=tuple(series),
        groupings=tuple(
            _grouping(bank, groups, projection.coordinates, hull_share, digits, series, len(questions))
            for groups in _ways(bank)
        ),
    )


def dump_map(value_map: ValueMap) -> str:
    """As compact JSON."""
    from pydantic import TypeAdapter

    return TypeAdapter(ValueMap).dump_json(value_map).decode()


def subsample(sizes: Sequence[int], most: int | None, rng: np.random.Generator) -> list[npt.NDArray[np.intp]]:
    """For strata of these sizes, which rows of each are kept, in order: one of each, and the rest of ``most`` in
    proportion to the sizes (largest remainders); None keeps all."""
    total = sum(sizes)
    if most is None or total <= most:
        return [np.arange(size) for size in sizes]
    left = max(0, most - len(sizes)) / max(1, total - len(sizes))
    wanted = [1 + (size - 1) * left for size in sizes]
    quotas = [math.floor(want) for want in wanted]
    by_remainder = sorted(range(len(sizes)), key=lambda place: quotas[place] - wanted[place])
    for place in by_remainder[: max(0, most - sum(quotas))]:
        quotas[place] += 1
    return [np.sort(rng.permutation(size)[:quota]) for size, quota in zip(sizes, quotas, strict=True)]


def corpora(bank: ReferenceBank) -> tuple[str | None, ...]:
    """For each question of the bank the source that it is from, None where its id does not say.

    A bank with one source has all from there. Else the id's first part, up to a hyphen, must be a part of the name of
    exactly one source: ``pct-04eba479`` is from ``llm-values-pct``.
    """
    names = [str(source["name"]) for source in bank.sources]
    if len(names) == 1:
        return tuple(names * len(bank.question_ids))
    found = ([name for name in names if id.partition("-")[0] in name.split("-")] for id in bank.question_ids)
    return tuple(fitting[0] if len(fitting) == 1 else None for fitting in found)


# ------------------------------------------------------------------------------------------------------- inner parts


class _Way(NamedTuple):
    """One grouping of the bank: labels, and the label of each of its value IDs or questions, None for none."""

    name: str
    of: Literal["series", "question"]
    labels: tuple[str, ...]
    of_each: tuple[str | None, ...]


def _ways(bank: ReferenceBank) -> list[_Way]:
    """``language`` and ``llm``, unless the bank's own schemes say them, these schemes, and ``corpus``."""
    languages = [language_name(value_id.language) for value_id in bank.value_ids]
    llms = [value_id.llm for value_id in bank.value_ids]
    ways = {
        name: _Way(name, "series", tuple(dict.fromkeys(sorted(labels))), tuple(labels))
        for name, labels in (("language", languages), ("llm", llms))
    }
    for scheme, regions in bank.schemes.items():
        region_of = {member: region for region, members in regions.items() for member in members}
        ways[scheme] = _Way(scheme, "series", tuple(regions), tuple(map(region_of.get, bank.value_ids)))
    sources = corpora(bank)
    if "corpus" not in ways and any(sources):
        names = tuple(sorted({source for source in sources if source}))
        ways["corpus"] = _Way("corpus", "question", names, sources)
    return list(ways.values())


def language_name(code: str) -> str:
    """In English; the code itself for a language that is not one of the 25."""
    return LANGUAGES[code].name if code in LANGUAGES else code


def _grouping(
    bank: ReferenceBank,
    way: _Way,
    coordinates: Floats,
    hull_share: float,
    digits: int,
    series: Sequence[Series],
    n_questions: int,
) -> Grouping:
    place = {label: code for code, label in enumerate(way.labels)}
    codes = [NOWHERE if label is None else place[label] for label in way.of_each]
    of_rows = np.array(codes)[bank.value_index if way.of == "series" else bank.question_index]
    rows = _rows_by_code(of_rows, len(way.labels))
    points = [coordinates[own] for own in rows]
    if way.of == "question":
        codes += [NOWHERE] * (n_questions - len(codes))
    else:
        codes += [_code_of_audited(way.name, one, bank, codes) for one in series if one.audited]
    return Grouping(
        name=way.name,
        of=way.of,
        labels=way.labels,
        codes=tuple(codes),
        counts=tuple(map(len, rows)),
        centroids=tuple(_point(own.mean(axis=0, dtype=np.float64), digits) for own in points),
        hulls=tuple(
            tuple(_point(corner, digits) for corner in convex_hull(own[central(own, hull_share)])) for own in points
        ),
    )


def _code_of_audited(scheme: str, one: Series, bank: ReferenceBank, codes: Sequence[int]) -> int:
    """Its language and its LLM are known; which region its values are in is what an audit asks."""
    if scheme not in ("language", "llm"):
        return NOWHERE
    own = one.language if scheme == "language" else one.llm
    alike = {code for code, known in zip(codes, bank.value_ids, strict=False) if getattr(known, scheme) == own}
    return alike.pop() if len(alike) == 1 else NOWHERE


def _series(
    label: str,
    value_id: ValueID,
    places: Floats,
    questions: npt.NDArray[np.int32],
    chosen: npt.NDArray[np.intp],
    digits: int,
    audited: bool = False,
    ellipse: Ellipse | None = None,
    texts: tuple[tuple[str, str], ...] = (),
) -> Series:
    x, y = places[chosen].astype(np.float64).round(digits).T.tolist()
    return Series(
        label=label,
        value_id=str(value_id),
        llm=value_id.llm,
        language=value_id.language,
        audited=audited,
        n=len(places),
        n_questions=len(np.unique(questions)),
        centroid=_point(places.mean(axis=0, dtype=np.float64), digits),
        ellipse=ellipse,
        x=tuple(x),
        y=tuple(y),
        question=tuple(questions[chosen].tolist()),
        texts=texts,
    )


def _ellipse(places: Floats, questions: Groups, confidence: float, digits: int) -> Ellipse | None:
    try:
        found = confidence_ellipse(places, questions, confidence)
    except UndefinedError:  # too few questions: drawn without one
        return None
    x, y = _point((found.x, found.y), digits + 1)
    major, minor = _point((found.major, found.minor), digits + 1)
    return Ellipse(x, y, major, minor, round(found.angle, 2), confidence)


def _rows_by_code(codes: npt.NDArray[np.integer], n_codes: int) -> list[npt.NDArray[np.intp]]:
    """The rows of each code from 0 on, in order."""
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(n_codes + 1))
    return [order[start:end] for start, end in pairwise(ends)]


def _digits(coordinates: Floats) -> int:
    """Decimals for a step of a ten-thousandth of the map or less: finer than any screen shows."""
    extent = float(np.ptp(coordinates, axis=0).max())
    return max(0, 4 - math.floor(math.log10(extent))) if extent > 0 else 4


def _point(place: Floats | Point, digits: int) -> Point:
    return round(float(place[0]), digits), round(float(place[1]), digits)
