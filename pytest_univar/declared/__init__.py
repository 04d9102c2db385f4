"""Expectations declared in a ``*.univar.yaml`` file: their forms, and the loader."""

from pytest_univar.declared.forms import FORMS, AtDistance, Closer, Declaration, Expectation, InRegion, json_schema
from pytest_univar.declared.loader import Item, Loaded, load_declaration

__all__ = [
    "FORMS",
    "AtDistance",
    "Closer",
    "Declaration",
    "Expectation",
    "InRegion",
    "Item",
    "Loaded",
    "json_schema",
    "load_declaration",
]
