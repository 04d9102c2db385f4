"""A profile held against a reference bank: where it lies, how far from what, how sure that is, and what moved."""

from pytest_univar.measurement.drift import adjusted, drift_since, moved
from pytest_univar.measurement.profile import MeasuredProfile, Target
from pytest_univar.measurement.results import (
    Closeness,
    Distance,
    Drift,
    Movement,
    Pull,
    RegionShare,
    RegionVerdict,
    Spread,
)
from pytest_univar.measurement.spread import bank_spreads, spread_of

__all__ = [
    "Closeness",
    "Distance",
    "Drift",
    "MeasuredProfile",
    "Movement",
    "Pull",
    "RegionShare",
    "RegionVerdict",
    "Spread",
    "Target",
    "adjusted",
    "bank_spreads",
    "drift_since",
    "moved",
    "spread_of",
]
