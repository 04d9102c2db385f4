"""One claim as a plain assert, beside those of values.univar.yaml. README.md says how to run it."""

import pytest


@pytest.mark.univar(languages=["eng"])
def test_resembles_models_of_one_origin(univar):
    profile = univar.profile("eng")
    assert len(profile) == 40
    assert profile.region(scheme="origin") == "france"
