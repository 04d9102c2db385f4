"""Value maps: a bank and audited profiles in two dimensions, as data and as pictures.

``fitted`` makes the projection once for a bank, ``value_map`` what there is to draw of it, ``picture`` the drawing.
"""

from pytest_univar.maps.cache import fitted
from pytest_univar.maps.content import (
    NOWHERE,
    Grouping,
    Series,
    ValueMap,
    corpora,
    dump_map,
    subsample,
    value_map,
)
from pytest_univar.maps.figure import draw, look, picture
from pytest_univar.maps.projection import METHODS, Method, Projection, check_method, fit
from pytest_univar.maps.shapes import Ellipse, Point, central, confidence_ellipse, convex_hull

__all__ = [
    "METHODS",
    "NOWHERE",
    "Ellipse",
    "Grouping",
    "Method",
    "Point",
    "Projection",
    "Series",
    "ValueMap",
    "central",
    "check_method",
    "confidence_ellipse",
    "convex_hull",
    "corpora",
    "draw",
    "dump_map",
    "fit",
    "fitted",
    "look",
    "picture",
    "subsample",
    "value_map",
]
