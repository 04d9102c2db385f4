"""Profiles that were not measured alike are not compared, and the message names the difference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_univar.baselines import check_comparable, dump_profile, load_profile
from pytest_univar.errors import BaselineError
from pytest_univar.values import QA, Profile

from .test_measurement import make_profile


@pytest.fixture
def profile() -> Profile:
    made = make_profile(n=4)
    texts = tuple(QA(f"{id}?", "yes") for id in made.question_ids)
    return replace(made, qas=texts, translator="nllb", question_set_hash="cd" * 32)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"encoder": "ef" * 32}, r"another encoder \(efefefefefef\)"),
        ({"translator": None}, r"another translator \(none\) than this profile of audited/eng \(nllb\)"),
        ({"question_set_hash": "ab" * 32}, r"another question set \(abababababab\)"),
    ],
)
def test_the_difference_is_named(profile: Profile, change: dict[str, str | None], named: str) -> None:
    with pytest.raises(BaselineError, match=named):
        check_comparable(profile, replace(profile, **change), "v1")  # type: ignore[arg-type]
    check_comparable(profile, replace(profile, samples=(1, 1, 1, 1)), "v1")


def test_a_profile_survives_the_way_to_a_file(profile: Profile) -> None:
    found = load_profile(dump_profile(profile))
    assert (found.vectors == profile.vectors).all()
    for name in ("value_id", "question_ids", "samples", "encoder", "qas", "translator", "question_set_hash"):
        assert getattr(found, name) == getattr(profile, name)
