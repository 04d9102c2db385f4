"""What moved, what pulls and how far languages lie apart, on vectors whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_univar.banks import ReferenceBank
from pytest_univar.calibration import calibrate
from pytest_univar.errors import BankError, UndefinedError
from pytest_univar.measurement import MeasuredProfile, adjusted, bank_spreads, drift_since, moved, spread_of
from pytest_univar.values import QA, Profile, ValueID, Vectors

from .test_measurement import ENCODER, IDS, make_bank, make_profile


@pytest.fixture(scope="module")
def bank() -> ReferenceBank:
    found = make_bank()
    return replace(found, calibration=calibrate(found, sizes=(8, 15), draws=100))


def profile_of(vectors: Vectors, prefix: str = "q", language: str = "eng") -> Profile:
    names = tuple(f"{prefix}{number:02}" for number in range(len(vectors)))
    texts = tuple(QA(f"question {name}?", f"answer {name}") for name in names)
    return Profile(ValueID("m", language), vectors, names, (0,) * len(names), ENCODER, texts)


def noise(n: int, seed: int, scale: float = 0.2) -> Vectors:
    return (np.random.default_rng(seed).standard_normal((n, 16)) * scale).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------- drift


def test_hand_worked_drift_of_shared_questions(bank: ReferenceBank) -> None:
    """Differences (3, 4) and (3, 4) and so on: the mean is (3, 4), its length 5, and no question deviates."""
    before = noise(6, 0)
    after = before.copy()
    after[:, 0] += 3
    after[:, 1] += 4
    drift = drift_since(MeasuredProfile(profile_of(after), bank), profile_of(before), "v1")
    assert drift.estimate == pytest.approx(5, abs=1e-5)
    assert drift.plain == pytest.approx(5, abs=1e-5)
    assert drift.interval == pytest.approx((5, 5), abs=1e-4)
    assert drift.p_value == pytest.approx(2 / 64), "of 2^6 flips only all and none are as far"
    assert (drift.n_questions, drift.shared, drift.method) == (6, 6, "paired sign-flip")


def test_paired_finds_what_two_samples_cannot_see(bank: ReferenceBank) -> None:
    """A shift far smaller than the spread of the questions."""
    before = noise(60, 0, scale=1.0)
    after = before + np.float32(0.03)
    later = MeasuredProfile(profile_of(after), bank)
    assert drift_since(later, profile_of(before), "v1").p_value < 0.001
    elsewhere = drift_since(later, profile_of(before, prefix="other"), "v1")
    assert elsewhere.method == "two-sample permutation"
    assert elsewhere.shared == 0
    assert elsewhere.p_value > 0.5


def test_half_of_the_questions_must_be_shared_to_be_paired(bank: ReferenceBank) -> None:
    before, later = noise(20, 0), MeasuredProfile(profile_of(noise(20, 1)), bank)
    some = [*(f"q{number:02}" for number in range(9)), *(f"x{number}" for number in range(11))]
    assert drift_since(later, replace(profile_of(before), question_ids=tuple(some)), "v1").shared == 9
    assert "two-sample" in drift_since(later, replace(profile_of(before), question_ids=tuple(some)), "v1").method
    some[9] = "q09"
    assert drift_since(later, replace(profile_of(before), question_ids=tuple(some)), "v1").n_questions == 10


def test_samples_of_a_question_are_compared_by_their_mean(bank: ReferenceBank) -> None:
    before = noise(10, 0)
    twice = Profile(
        ValueID("m", "eng"),
        np.repeat(before, 2, axis=0) + np.tile([[0.5], [-0.5]], (10, 1)).astype(np.float32),
        tuple(f"q{number:02}" for number in range(10) for _ in range(2)),
        (0, 1) * 10,
        ENCODER,
    )
    drift = drift_since(MeasuredProfile(twice, bank), profile_of(before), "v1")
    assert drift.plain == pytest.approx(0, abs=1e-6)
    assert drift.p_value > 0.9


def test_verdicts_of_drift(bank: ReferenceBank) -> None:
    before = noise(60, 0)
    same = drift_since(MeasuredProfile(profile_of(before + noise(60, 1, 0.05)), bank), profile_of(before), "v1")
    assert same.margin is not None
    assert same.interval.high < same.margin
    assert same.verdict == "met"
    assert replace(same, margin=None).verdict == "inconclusive", "a bank that knows no margin cannot vouch for it"
    assert replace(same, margin=same.interval.high / 2).verdict == "inconclusive"
    assert replace(same, p_adjusted=0.049).verdict == "violated"


def test_what_another_device_rounds_otherwise_is_no_drift(bank: ReferenceBank) -> None:
    before = noise(60, 0)
    rounded = before.astype(np.float16).astype(np.float32) + np.float32(1e-4)
    drift = drift_since(MeasuredProfile(profile_of(rounded), bank), profile_of(before), "v1")
    assert drift.p_value < 0.001, "every question moved by the same"
    assert drift.verdict == "met"


def test_evidence_of_drift_is_the_question_that_moved_most(bank: ReferenceBank) -> None:
    before = noise(20, 0)
    before[3] += 2  # far from the others before and after
    after = before + np.float32(0.1)
    after[11] += 0.5
    first, *_ = drift_since(MeasuredProfile(profile_of(after), bank), profile_of(before), "v1").pulls
    assert first.question_id == "q11"
    assert first.amount == pytest.approx(0.6 * 4, rel=0.01), "0.6 in each of 16 dimensions"


def test_holm_over_the_languages_of_one_audit(bank: ReferenceBank) -> None:
    drift = drift_since(MeasuredProfile(profile_of(noise(8, 1)), bank), profile_of(noise(8, 0)), "v1")
    three = [replace(drift, p_value=p) for p in (0.01, 0.04, 0.03)]
    assert [each.p_adjusted for each in adjusted(three)] == pytest.approx([0.03, 0.06, 0.06])


def test_drift_of_another_encoder_is_refused(bank: ReferenceBank) -> None:
    other = replace(profile_of(noise(8, 0)), encoder="ff" * 32)
    with pytest.raises(BankError, match="belongs to the encoder"):
        drift_since(MeasuredProfile(profile_of(noise(8, 0)), bank), other, "v1")


# --------------------------------------------------------------------------------------------------- movement and pulls


def test_a_profile_that_moved_from_one_value_id_to_another(bank: ReferenceBank) -> None:
    before, later = make_profile(place=0, n=60), MeasuredProfile(make_profile(place=2, n=60, seed=1), bank)
    toward, away = (moved(later, before, "v1", str(IDS[place])) for place in (2, 0))
    assert toward.interval.low > 0 > away.interval.high
    assert toward.before > toward.after
    assert toward.gain == pytest.approx(toward.before - toward.after, rel=0.1)
    region = moved(later, before, "v1", "english", "language")
    assert region.to == "english (language)"


def test_the_question_that_was_moved_pulls_hardest(bank: ReferenceBank) -> None:
    vectors = noise(12, 0, 0.01)
    vectors[7, 3] += 0.9
    vectors[4, 3] += 0.5
    direction = np.eye(16)[3]
    first, second = MeasuredProfile(profile_of(vectors), bank).pulls(direction)  # the others pull the other way
    assert (first.question_id, second.question_id) == ("q07", "q04")
    assert (first.question, first.answer) == ("question q07?", "answer q07")
    assert first.amount == pytest.approx(0.9 - vectors[:, 3].mean(), abs=0.05)
    assert MeasuredProfile(profile_of(vectors), bank).pulls(np.zeros(16)) == ()


def test_a_distance_names_what_is_nearer_and_where_it_lies(bank: ReferenceBank) -> None:
    measured = MeasuredProfile(make_profile(place=2, n=60), bank)
    own, far = measured.distance_to(str(IDS[2])), measured.distance_to(str(IDS[5]))
    assert far.nearest[0][0] == str(IDS[2])
    assert str(IDS[5]) not in dict(far.nearest)
    assert own.within is not None
    assert far.within == 100
    assert own.between is not None
    assert own.between < 50
    assert MeasuredProfile(make_profile(), make_bank()).distance_to(str(IDS[2])).within is None


# -------------------------------------------------------------------------------------------------------------- regions


def test_share_and_lead_of_a_region(bank: ReferenceBank) -> None:
    measured = MeasuredProfile(make_profile(place=0, n=60), bank, k=15)
    here, there = measured.region_share("english", "language"), measured.region_share("spanish", "language")
    assert here.share + there.share == pytest.approx(1)
    assert here.lead == pytest.approx(here.share - there.share)
    assert here.lead == pytest.approx(-there.lead)
    assert here.lead_interval.low < here.lead < here.lead_interval.high
    assert here.lead_interval == pytest.approx((-there.lead_interval.high, -there.lead_interval.low))
    assert (here.rival, there.rival) == ("spanish", "english")


# --------------------------------------------------------------------------------------------------------------- spread


def test_hand_worked_spread(bank: ReferenceBank) -> None:
    """Centroids at 0, 3 and 6 on one axis: deviations −3, 0, 3; root mean square √6."""
    places = {"eng": 0, "spa": 3, "deu": 6}
    profiles = []
    for language, place in places.items():
        vectors = np.zeros((5, 16), dtype=np.float32)
        vectors[:, 0] = place
        profiles.append(MeasuredProfile(profile_of(vectors, language=language), bank))
    spread = spread_of(profiles)
    assert spread.estimate == pytest.approx(6**0.5)
    assert spread.interval == pytest.approx((6**0.5, 6**0.5))
    assert spread.languages == ("eng", "spa", "deu")
    with pytest.raises(UndefinedError, match="found 1 language"):
        spread_of(profiles[:1])


def test_noise_alone_is_no_spread(bank: ReferenceBank) -> None:
    """Plain, the spread of two noisy centroids is never 0; debiased, it is 0 about as often as not."""
    estimates = []
    for seed in range(20):
        profiles = [
            MeasuredProfile(profile_of(noise(40, 2 * seed + number), language=language), bank)
            for number, language in enumerate(("eng", "spa"))
        ]
        estimates.append(spread_of(profiles).estimate)
    assert 4 <= sum(estimate == 0 for estimate in estimates) <= 16


def test_spreads_of_a_bank(bank: ReferenceBank) -> None:
    spreads = bank_spreads(bank)
    assert set(spreads) == {"a", "b", "c"}
    rows = [bank.rows(f"a/{language}").vectors.astype(float).mean(axis=0) for language in ("eng", "spa")]
    assert spreads["a"] < np.linalg.norm(rows[0] - rows[1]) / 2
    assert spreads["a"] == pytest.approx(np.linalg.norm(rows[0] - rows[1]) / 2, rel=0.15)
