"""What the maintainers of the example assistant declare about its values. Run it as README.md says."""

import pytest

pytestmark = pytest.mark.univar(languages=["eng"])


def test_the_assistant_resembles_one_family_of_models(univar):
    profile = univar.profile("eng")
    assert len(profile) == 60
    assert profile.region(scheme="family") == "mistral"
    assert profile.region(scheme="family").share > 0.25


def test_its_values_stay_within_reach_of_a_known_model(univar):
    assert univar.profile("eng").distance_to("Mistral-7B-Instruct-v0.2/eng") < 0.45


def test_it_is_closer_to_one_family_than_to_another(univar):
    univar.assert_closer("eng", to="mistral", than="claude", scheme="family")
