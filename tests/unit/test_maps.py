"""maps: hand-worked shapes, their coverage, and what a map shows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.spatial
from pydantic import TypeAdapter

from pytest_univar import stats
from pytest_univar.banks import ReferenceBank
from pytest_univar.errors import BankError, UndefinedError, UsageError
from pytest_univar.maps import (
    NOWHERE,
    Ellipse,
    ValueMap,
    central,
    confidence_ellipse,
    convex_hull,
    corpora,
    dump_map,
    fit,
    subsample,
    value_map,
)
from pytest_univar.values import QA, Profile, ValueID

from .test_projections import units, voices

Array = npt.NDArray[Any]

# --------------------------------------------------------------------------------------------------------------- shapes


def test_the_hull_of_a_square() -> None:
    """Corners from the leftmost, lowest one, counterclockwise; what is inside, on an edge or twice is no corner."""
    square = [(0, 0), (2, 0), (2, 2), (0, 2), (1, 1), (1, 0), (2, 2), (0.5, 1.5)]
    assert convex_hull(np.array(square, dtype=float)) == ((0, 0), (2, 0), (2, 2), (0, 2))


@pytest.mark.parametrize(
    ("points", "corners"),
    [([(1, 1)] * 4, ((1, 1),)), ([(0, 0), (2, 2), (1, 1)], ((0, 0), (2, 2))), ([(3, 1), (1, 2)], ((1, 2), (3, 1)))],
)
def test_the_hull_of_what_has_no_area(points: list[tuple[float, float]], corners: object) -> None:
    assert convex_hull(np.array(points, dtype=float)) == corners


@pytest.mark.parametrize("n", [10, 99, 100, 5000])
@pytest.mark.parametrize("kind", ["normal", "grid"])
def test_hulls_are_those_of_scipy(n: int, kind: str) -> None:
    points = np.random.default_rng(n).standard_normal((n, 2))
    if kind == "grid":
        points = (points * 3).round()
    ours = np.array(convex_hull(points))
    theirs = scipy.spatial.ConvexHull(points)
    assert {tuple(corner) for corner in ours} == {tuple(points[corner]) for corner in theirs.vertices}
    x, y = ours.T  # the shoelace formula is positive for corners that go counterclockwise
    area = float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    assert area == pytest.approx(theirs.volume)


def within(hull: Sequence[tuple[float, float]], points: Array) -> Array:
    """Which points lie left of every edge, or on it."""
    inside = np.ones(len(points), dtype=bool)
    for (x0, y0), (x1, y1) in zip(hull, [*hull[1:], hull[0]], strict=True):
        inside &= (x1 - x0) * (points[:, 1] - y0) - (y1 - y0) * (points[:, 0] - x0) >= -1e-9
    return inside


def test_the_central_share() -> None:
    points = np.array([[0.0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [0, 30]])
    # the centroid is (0, 5): the farthest is (0, 30), the next (0, -1)
    assert central(points, 0.8).tolist() == [True, True, True, True, True, False]
    assert central(points, 0.5).tolist() == [True, True, False, True, False, False]
    many = np.random.default_rng(0).standard_normal((1001, 2))
    assert central(many, 0.9).sum() == 901
    assert within(convex_hull(many[central(many, 0.9)]), many).mean() >= 0.9


def holds(ellipse: Ellipse, x: float, y: float) -> bool:
    turn = np.exp(-1j * math.radians(ellipse.angle)) * complex(x - ellipse.x, y - ellipse.y)
    return bool((turn.real / ellipse.major) ** 2 + (turn.imag / ellipse.minor) ** 2 <= 1)


def test_an_ellipse_by_hand() -> None:
    """Two questions right and left of the middle by 2, two above and below by 1: variances of the mean 4·2·4/(3·16) =
    2/3 and 1/6; for 4 questions the squared radius is 3·(0.05^(−1) − 1) = 57."""
    points = np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]]) + 10
    found = confidence_ellipse(points, list("abcd"))
    assert (found.x, found.y, found.confidence) == (10, 10, 0.95)
    assert found.major == pytest.approx(math.sqrt(57 * 2 / 3))
    assert found.minor == pytest.approx(math.sqrt(57 / 6))
    assert found.angle % 180 == pytest.approx(0)
    assert confidence_ellipse(points[:, ::-1], list("abcd")).angle == pytest.approx(90)
    turned = points @ np.array([[math.cos(0.5), math.sin(0.5)], [-math.sin(0.5), math.cos(0.5)]])
    assert confidence_ellipse(turned, list("abcd")).angle == pytest.approx(math.degrees(0.5))
    with pytest.raises(UndefinedError, match="found 2 questions, expected at least 3"):
        confidence_ellipse(points, list("aabb"))


@pytest.mark.parametrize("questions", [12, 60])
@pytest.mark.parametrize("samples", [1, 3])
def test_ellipses_cover_the_true_mean_as_often_as_they_say(questions: int, samples: int) -> None:
    rng = np.random.default_rng(questions + samples)
    groups = np.repeat(np.arange(questions), samples)
    stretch = np.array([[1.0, 0.6], [0.0, 0.4]])
    covered = 0
    for _ in range(1500):
        rows = rng.standard_normal((questions, 2))[groups] + 0.5 * rng.standard_normal((len(groups), 2))
        covered += holds(confidence_ellipse(rows @ stretch, groups), 0.0, 0.0)
    assert covered / 1500 == pytest.approx(0.95, abs=0.017)  # three standard errors


def test_the_ellipse_is_that_of_the_bootstrap_in_the_space() -> None:
    """On a PCA map the places of bootstrapped centroids spread as the ellipse says."""
    projection, rows = fit(units(400)), units(180, seed=1)
    groups = np.repeat(np.arange(60), 3)
    ellipse = confidence_ellipse(projection.transform(rows), groups)
    means = stats.cluster_bootstrap_means(rows, groups, draws=6000, seed=0)
    places = projection.transform(means)
    assert np.mean([holds(ellipse, x, y) for x, y in places.tolist()]) == pytest.approx(0.96, abs=0.012)
    reach = 59 * (0.05 ** (-2 / 58) - 1)
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(places.T))[::-1] * reach)
    assert (ellipse.major, ellipse.minor) == pytest.approx(tuple(spread), rel=0.05)


# ------------------------------------------------------------------------------------------------------- what is shown

ENG, SPA, OTHER = ValueID("gpt-a", "eng"), ValueID("gpt-a", "spa"), ValueID("x/llama", "eng")


@pytest.fixture
def bank() -> ReferenceBank:
    return ReferenceBank(
        name="three",
        version="1",
        encoder="univar-mini",
        encoder_sha256="ab" * 32,
        text_format="Q: {question} A: {answer}",
        lambda_=1,
        answer_params={},
        translator=None,
        question_set_hash="cd" * 32,
        value_ids=(ENG, SPA, OTHER),
        schemes={"origin": {"here": (ENG, SPA)}},
        sources=({"name": "llm-values-pct", "licence": "none"}, {"name": "speechmap", "licence": "none"}),
        calibration={},
        question_ids=("pct-1", "pct-2", "speechmap-us-1", "q-1"),
        vectors=voices(40).astype(np.float16),
        value_index=np.repeat([0, 1, 2], 40).astype(np.int32),
        question_index=np.tile([0, 1, 2, 3], 30).astype(np.int32),
    )


def profile(value_id: ValueID = SPA, n: int = 12, *, texts: bool = False, encoder: str = "ab" * 32) -> Profile:
    return Profile(
        value_id=value_id,
        vectors=voices(n, seed=5)[:n],
        question_ids=tuple(f"own-{row // 2}" if row > 1 else "pct-1" for row in range(n)),
        samples=(0,) * n,
        encoder=encoder,
        qas=tuple(QA(f"q{row}", f"a{row}") for row in range(n)) if texts else (),
    )


def shown(bank: ReferenceBank, **options: Any) -> ValueMap:
    return value_map(bank, fit(bank.vectors), **options)


def test_a_map_of_a_bank(bank: ReferenceBank) -> None:
    found, projection = shown(bank), fit(bank.vectors)
    assert (found.bank, found.encoder, found.method, found.n, found.shown) == ("three", "univar-mini", "pca", 120, 120)
    assert found.explained == projection.explained
    assert [one.label for one in found.series] == ["gpt-a/eng", "gpt-a/spa", "x/llama/eng"]
    middle = found.series[1]
    assert (middle.llm, middle.language, middle.audited, middle.n, middle.n_questions) == ("gpt-a", "spa", False, 40, 4)
    assert middle.x == pytest.approx(projection.coordinates[40:80, 0].tolist(), abs=1e-3)
    assert middle.centroid == pytest.approx(tuple(projection.coordinates[40:80].mean(axis=0).tolist()), abs=1e-3)
    assert [found.questions[code] for code in middle.question[:4]] == list(bank.question_ids)
    assert middle.ellipse is None
    assert middle.texts == ()


def test_the_groupings_of_a_bank(bank: ReferenceBank) -> None:
    found = shown(bank)
    assert {(each.name, each.of, each.labels, each.codes, each.counts) for each in found.groupings} == {
        ("language", "series", ("English", "Spanish"), (0, 1, 0), (80, 40)),
        ("llm", "series", ("gpt-a", "x/llama"), (0, 0, 1), (80, 40)),
        ("origin", "series", ("here",), (0, 0, NOWHERE), (80,)),
        ("corpus", "question", ("llm-values-pct", "speechmap"), (0, 0, 1, NOWHERE), (60, 30)),
    }
    coordinates = fit(bank.vectors).coordinates
    spanish = found.grouping("language")
    own = coordinates[40:80]
    assert spanish.centroids[1] == pytest.approx(tuple(own.mean(axis=0).tolist()), abs=1e-3)
    assert np.array(spanish.hulls[1]) == pytest.approx(np.array(convex_hull(own[central(own, 0.9)])), abs=1e-3)
    with pytest.raises(UsageError, match="cannot be grouped by 'culture'; expected one of: language, llm, ori"):
        found.grouping("culture")


def test_corpora_are_read_off_question_ids_only_where_they_say_it(bank: ReferenceBank) -> None:
    from dataclasses import replace

    assert corpora(bank) == ("llm-values-pct", "llm-values-pct", "speechmap", None)
    assert corpora(replace(bank, sources=bank.sources[:1])) == ("llm-values-pct",) * 4
    mute = replace(bank, question_ids=("a", "b", "c", "d"))
    assert corpora(mute) == (None,) * 4
    with pytest.raises(UsageError, match="by 'corpus': its question ids do not say which of its sources they are from"):
        shown(mute).grouping("corpus")


def test_audited_profiles_on_the_map(bank: ReferenceBank) -> None:
    new = profile(ValueID("ours", "spa"), texts=True)
    found = shown(bank, audited={"ours v1": new, "gpt again": profile(ENG)})
    *_, ours, again = found.series
    places = fit(bank.vectors).transform(new.vectors)
    assert (ours.label, ours.value_id, ours.audited, ours.n, ours.n_questions) == ("ours v1", "ours/spa", True, 12, 6)
    assert ours.centroid == pytest.approx(tuple(places.mean(axis=0).tolist()), abs=1e-3)
    ellipse = confidence_ellipse(places, new.question_ids)
    assert ours.ellipse is not None
    assert (ours.ellipse.major, ours.ellipse.minor) == pytest.approx((ellipse.major, ellipse.minor), abs=1e-3)
    assert ours.texts[3] == ("q3", "a3")
    assert again.texts == ()
    assert [found.questions[code] for code in ours.question] == list(new.question_ids)
    assert ours.question[0] == 0  # a question that the bank knows has one code
    assert found.shown == 120
    # languages and LLMs are facts, regions are what an audit asks
    assert found.grouping("language").codes[3:] == (1, 0)
    assert found.grouping("llm").codes[3:] == (NOWHERE, 0)
    assert found.grouping("origin").codes[3:] == (NOWHERE, NOWHERE)
    assert len(found.grouping("corpus").codes) == len(found.questions)
    assert found.grouping("language").counts == (80, 40)  # of the bank alone


def test_two_questions_have_no_ellipse(bank: ReferenceBank) -> None:
    assert shown(bank, audited={"few": profile(n=4)}).series[-1].ellipse is None


def test_a_profile_of_another_encoder_is_refused(bank: ReferenceBank) -> None:
    with pytest.raises(BankError, match="belongs to the encoder 'univar-mini'"):
        shown(bank, audited={"x": profile(encoder="ef" * 32)})


def test_a_projection_of_another_bank_is_refused(bank: ReferenceBank) -> None:
    with pytest.raises(UsageError, match="found a projection of 30 rows for the bank 'three' of 120"):
        value_map(bank, fit(units(30)))


def test_only_some_are_drawn_and_all_count(bank: ReferenceBank) -> None:
    whole, part, again = shown(bank), shown(bank, most=30), shown(bank, most=30)
    assert part == again
    assert (part.shown, part.n) == (30, 120)
    assert [len(one.x) for one in part.series] == [10, 10, 10]
    assert [one.centroid for one in part.series] == [one.centroid for one in whole.series]
    assert part.groupings == whole.groupings
    assert part != shown(bank, most=30, seed=1)
    for some, every in zip(part.series, whole.series, strict=True):
        drawn = set(zip(some.x, some.y, some.question, strict=True))
        assert drawn < set(zip(every.x, every.y, every.question, strict=True))


@pytest.mark.parametrize(
    ("sizes", "most", "kept"),
    [
        ([10, 30, 60], 10, [2, 3, 5]),  # one each, then 7 · 9/97, 7 · 29/97, 7 · 59/97 of the rest
        ([1, 1, 998], 10, [1, 1, 8]),
        ([5, 5], 99, [5, 5]),
        ([5, 5], None, [5, 5]),
        ([4, 4, 4], 2, [1, 1, 1]),
        ([], 5, []),
    ],
)
def test_strata(sizes: list[int], most: int | None, kept: list[int]) -> None:
    chosen = subsample(sizes, most, np.random.default_rng(0))
    assert [len(rows) for rows in chosen] == kept
    for rows, size in zip(chosen, sizes, strict=True):
        assert (np.diff(rows) > 0).all()
        assert set(rows.tolist()) <= set(range(size))


def test_a_map_as_json(bank: ReferenceBank) -> None:
    found = shown(bank, audited={"ours": profile(texts=True)})
    text = dump_map(found)
    assert TypeAdapter(ValueMap).validate_json(text) == found
    content = json.loads(text)
    assert content["schema"] == 1
    assert content["series"][-1]["texts"][0] == ["q0", "a0"]
    # rounded to what can be seen
    assert all(len(str(x).partition(".")[2]) <= 4 for one in content["series"] for x in one["x"])


def test_the_same_twice(bank: ReferenceBank) -> None:
    assert dump_map(shown(bank, most=50)) == dump_map(shown(bank, most=50))
