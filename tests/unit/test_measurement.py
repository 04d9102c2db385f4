"""measurement.py: results that read and compare well, and a profile that is found where it was put."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from pytest_univar import stats
from pytest_univar.banks import ReferenceBank
from pytest_univar.errors import BankError, UndefinedError
from pytest_univar.measurement import Closeness, Distance, MeasuredProfile, RegionVerdict
from pytest_univar.stats import Interval
from pytest_univar.values import Profile, ValueID, Vectors

ENCODER = "ab" * 32
IDS = tuple(ValueID(llm, language) for llm in ("a", "b", "c") for language in ("eng", "spa"))
CENTRES = np.random.default_rng(42).standard_normal((len(IDS), 16)) * 0.25
REGIONS = {
    "english": tuple(value_id for value_id in IDS if value_id.language == "eng"),
    "spanish": tuple(value_id for value_id in IDS if value_id.language == "spa"),
}


def rows_at(place: int, n: int, rng: np.random.Generator) -> Vectors:
    return np.asarray(CENTRES[place] + rng.standard_normal((n, 16)) * 0.2, dtype=np.float32)


def make_bank(counts: tuple[int, ...] = (30,) * 6) -> ReferenceBank:
    rng = np.random.default_rng(1)
    return ReferenceBank(
        name="toy",
        version="1",
        encoder="toy-encoder",
        encoder_sha256=ENCODER,
        text_format="Q: {question} A: {answer}",
        lambda_=1,
        answer_params={},
        translator=None,
        question_set_hash="cd" * 32,
        value_ids=IDS,
        schemes={"language": REGIONS, "partial": {"only b": (IDS[2],)}},
        sources=(),
        calibration={},
        question_ids=tuple(f"bank {index}" for index in range(max(counts))),
        vectors=np.concatenate([rows_at(place, n, rng) for place, n in enumerate(counts)]),
        value_index=np.repeat(np.arange(6), counts).astype(np.int32),
        question_index=np.concatenate([np.arange(n) for n in counts]).astype(np.int32),
    )


def make_profile(place: int = 0, n: int = 40, samples: int = 1, seed: int = 0, encoder: str = ENCODER) -> Profile:
    return Profile(
        value_id=ValueID("audited", "eng"),
        vectors=rows_at(place, n * samples, np.random.default_rng(seed)),
        question_ids=tuple(f"q{index}" for index in range(n) for _ in range(samples)),
        samples=tuple(range(samples)) * n,
        encoder=encoder,
    )


@pytest.fixture(scope="module")
def bank() -> ReferenceBank:
    return make_bank()


@pytest.fixture
def measured(bank: ReferenceBank) -> MeasuredProfile:
    return MeasuredProfile(make_profile(), bank, k=15)


# ------------------------------------------------------------------------------------------------------------ results


def test_a_distance_compares_like_its_estimate() -> None:
    distance = Distance("gpt-4o/eng", 0.412, 0.44, Interval(0.371, 0.455), 0.95, 60, 60)
    assert distance < 0.5
    assert distance <= 0.412
    assert distance > 0.4
    assert distance >= np.float32(0.1)
    assert distance == 0.412
    assert distance != 0.4
    assert 0.3 < distance < 0.5
    assert float(distance) == 0.412
    assert hash(distance) == hash(0.412)
    assert sorted([dataclasses.replace(distance, estimate=0.5), distance])[0] is distance
    assert str(distance) == "0.412 [0.371, 0.455]"
    assert distance != "0.412"
    with pytest.raises(TypeError):
        _ = distance < "1"  # type: ignore[operator]


def test_a_region_verdict_equals_its_label() -> None:
    region = RegionVerdict(
        "english", "language", 0.82, Interval(0.7, 0.9), 0.95, {"english": 0.82, "spanish": 0.18}, 60, 60, 50, False
    )
    assert region == "english"
    assert region != "spanish"
    assert region == dataclasses.replace(region, share=0.6)
    assert region != 1
    assert region in {"english"}
    assert {"english": 1}[region] == 1  # type: ignore[index]
    assert str(region) == "english 82% [70%, 90%]"


def test_a_closeness_reads_as_a_sentence(measured: MeasuredProfile) -> None:
    text = str(measured.closer("a/eng", than="b/eng"))
    assert text.startswith("met: closer to a/eng than to b/eng by 0.")
    assert text.endswith("]")


# ----------------------------------------------------------------------------------------------------------- distances


def test_the_distance_to_a_value_id_is_that_of_stats(measured: MeasuredProfile, bank: ReferenceBank) -> None:
    distance = measured.distance_to("b/spa")
    vectors, groups = bank.rows(ValueID("b", "spa"))
    own, other = stats.centre(measured.profile.vectors, measured.profile.question_ids), stats.centre(vectors, groups)
    assert distance.estimate == pytest.approx(stats.debiased_distance(own, other))
    assert distance.plain == pytest.approx(stats.centroid_distance(measured.profile.vectors, vectors))
    assert distance.interval == pytest.approx(stats.distance_interval(own, other))
    assert distance.interval.low < distance.estimate < distance.interval.high
    assert (distance.to, distance.n, distance.n_questions, distance.method) == ("b/spa", 40, 40, "debiased")
    assert measured.distance_to(ValueID("b", "spa")).interval == distance.interval


def test_the_distance_to_a_region_is_that_to_the_mean_of_its_centroids(bank: ReferenceBank) -> None:
    uneven = make_bank((30, 30, 10, 30, 5, 30))
    distance = MeasuredProfile(make_profile(), uneven).distance_to("english", scheme="language")
    centroids = [stats.centroid(uneven.rows(value_id).vectors) for value_id in REGIONS["english"]]
    expected = float(np.linalg.norm(stats.centroid(make_profile().vectors) - np.mean(centroids, axis=0)))
    assert distance.plain == pytest.approx(expected)
    assert distance.to == "english (language)"


def test_the_distance_to_another_profile(measured: MeasuredProfile, bank: ReferenceBank) -> None:
    other = make_profile(3, seed=5)
    assert measured.distance_to(other) == measured.distance_to(MeasuredProfile(other, bank))
    assert measured.distance_to(other).to == "audited/eng"
    assert measured.distance_to(make_profile(seed=6)) < 0.1 < measured.distance_to(other)


def test_the_nearest_value_id_is_the_one_the_answers_came_from(bank: ReferenceBank) -> None:
    for place, value_id in enumerate(IDS):
        nearest = MeasuredProfile(make_profile(place, seed=place), bank).nearest(3)
        assert nearest[0].to == str(value_id)
        assert nearest[0] <= nearest[1] <= nearest[2]
    assert len(MeasuredProfile(make_profile(), bank).nearest(99)) == len(IDS)


def test_several_samples_count_as_one_question(bank: ReferenceBank) -> None:
    once = make_profile(n=20)
    thrice = Profile(
        once.value_id,
        np.repeat(once.vectors, 3, axis=0),
        tuple(np.repeat(once.question_ids, 3).tolist()),
        (0, 1, 2) * 20,
        ENCODER,
    )
    single, repeated = (MeasuredProfile(profile, bank).distance_to("b/spa") for profile in (once, thrice))
    assert (len(once), len(thrice), single.n_questions, repeated.n_questions) == (20, 60, 20, 20)
    assert repeated.estimate == pytest.approx(single.estimate)
    assert repeated.interval == pytest.approx(single.interval, rel=1e-3)


# ----------------------------------------------------------------------------------------------------------- closeness


def test_closer_between_value_ids_and_between_regions(bank: ReferenceBank) -> None:
    profile = MeasuredProfile(make_profile(1), bank)
    ids = profile.closer("a/spa", than="c/eng")
    assert (ids.closer_to, ids.than, ids.verdict) == ("a/spa", "c/eng", "met")
    assert 0 < ids.interval.low < ids.difference < ids.interval.high
    assert ids.difference == pytest.approx(float(ids.distance_than) - float(ids.distance_to), abs=1e-6)
    assert profile.closer("c/eng", than="a/spa").verdict == "violated"
    assert profile.closer("a/spa", than="a/spa").verdict == "inconclusive"

    regions = profile.closer("spanish", than="english", scheme="language")
    assert isinstance(regions, Closeness)
    assert regions.distance_to.to == "spanish (language)"
    assert (regions.difference > 0) == (regions.distance_to < regions.distance_than)


# ------------------------------------------------------------------------------------------------------------- regions


def test_the_region_is_that_of_scikit_learns_neighbours(bank: ReferenceBank) -> None:
    rng = np.random.default_rng(3)
    mixed = dataclasses.replace(make_profile(), vectors=np.concatenate([rows_at(0, 25, rng), rows_at(3, 15, rng)]))
    measured = MeasuredProfile(mixed, bank, k=15)
    votes = KNeighborsClassifier(15).fit(bank.vectors, bank.value_index).predict(measured.profile.vectors)
    assert measured.neighbours.tolist() == votes.tolist()
    region = measured.region(scheme="language")
    share = np.mean([IDS[vote].language == "eng" for vote in votes])
    assert region == "english"
    assert region.share == pytest.approx(share)
    assert 0.5 < region.share < 0.7
    assert region.interval.low < region.share < region.interval.high
    assert list(region.shares) == ["english", "spanish"]
    assert sum(region.shares.values()) == pytest.approx(1)
    assert (region.n, region.n_questions, region.k, region.balanced) == (40, 40, 15, False)


def test_value_ids_with_unequal_counts_are_balanced_and_it_is_said() -> None:
    rare = make_bank((10, 120, 120, 120, 120, 120))
    region = MeasuredProfile(make_profile(), rare, k=50).region(scheme="language")
    assert region.balanced
    assert region == "english"


def test_shares_leave_out_answers_outside_a_scheme(bank: ReferenceBank) -> None:
    region = MeasuredProfile(make_profile(2), bank, k=15).region(scheme="partial")
    assert region == "only b"
    assert region.shares == {"only b": region.share}
    with pytest.raises(UndefinedError, match="in no region of the scheme 'partial'"):
        MeasuredProfile(make_profile(5), bank, k=1).region(scheme="partial")


def test_neighbours_are_sought_once(measured: MeasuredProfile) -> None:
    assert measured.neighbours is measured.neighbours


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_results_do_not_depend_on_rotation_or_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((16, 16)))[0].astype(np.float32)
    bank, profile, order = make_bank(), make_profile(), rng.permutation(40)
    turned = MeasuredProfile(
        dataclasses.replace(
            profile,
            vectors=(profile.vectors @ rotation)[order],
            question_ids=tuple(profile.question_ids[i] for i in order),
        ),
        dataclasses.replace(bank, vectors=bank.vectors @ rotation),
    )
    straight = MeasuredProfile(profile, bank)
    assert turned.region("language").shares == pytest.approx(straight.region("language").shares)
    assert float(turned.distance_to("c/eng")) == pytest.approx(float(straight.distance_to("c/eng")), abs=1e-5)


def test_a_measured_profile_is_short_in_the_message_of_a_failed_assertion(measured: MeasuredProfile) -> None:
    assert repr(measured) == "<MeasuredProfile audited/eng: 40 rows, 40 questions, against the bank 'toy'>"
    assert repr(measured.bank) == "<ReferenceBank 'toy': 180 rows of 6 value IDs>"


# -------------------------------------------------------------------------------------------------------------- errors


def test_a_profile_of_another_encoder_is_refused(bank: ReferenceBank, measured: MeasuredProfile) -> None:
    stranger = make_profile(encoder="ef" * 32)
    with pytest.raises(BankError, match=r"'toy-encoder' \(weights abababababab\).*another encoder.*efefefefefef"):
        MeasuredProfile(stranger, bank)
    with pytest.raises(BankError, match="another encoder"):
        measured.distance_to(stranger)


def test_one_question_is_too_few(bank: ReferenceBank) -> None:
    single = MeasuredProfile(make_profile(n=1, samples=5), bank)
    assert len(single) == 5
    for measure in (lambda: single.region("language"), lambda: single.distance_to("a/eng"), single.nearest):
        with pytest.raises(UndefinedError, match="found answers to 1 question, expected at least 2"):
            measure()


def test_a_bank_smaller_than_k_is_too_small() -> None:
    small = MeasuredProfile(make_profile(), make_bank((5,) * 6))
    with pytest.raises(UndefinedError, match="found a bank of 30 rows, expected at least k = 50"):
        small.region("language")


def test_a_region_without_its_scheme_is_answered_with_the_scheme(measured: MeasuredProfile) -> None:
    with pytest.raises(BankError, match="'english' is a region: give scheme='language' with it"):
        measured.distance_to("english")
    with pytest.raises(BankError, match=r"no region of the scheme 'language' 'englsh' \(is 'english' meant\?\)"):
        measured.distance_to("englsh", scheme="language")


def test_the_interval_of_a_distance_is_finite_with_two_questions(bank: ReferenceBank) -> None:
    distance = MeasuredProfile(make_profile(n=2), bank).distance_to("a/eng")
    assert math.isfinite(distance.interval.high)


def test_importing_measurement_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'litellm', 'openai', 'sklearn', 'matplotlib', 'pandas'}"
    code = f"import sys, pytest_univar.measurement; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
