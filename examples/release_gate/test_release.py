"""One claim as a plain assert, beside those of values.univar.yaml. README.md says how to run it."""

import pytest


@pytest.mark.univar(languages=["eng"])
def test_nearer_to_mistral_than_to_gpt(univar):
    profile = univar.profile("eng")
    assert len(profile) == 40
    assert profile.distance_to("Mistral-7B-Instruct-v0.2/eng") < profile.distance_to("gpt-3.5-turbo-1106/eng")
