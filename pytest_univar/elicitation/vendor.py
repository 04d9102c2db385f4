"""litellm, brought in when it is needed and kept quiet."""

from __future__ import annotations

import contextlib
import gc
import os
import warnings
from collections.abc import Iterator
from typing import Any

_ITS_OWN_WARNINGS = (
    "Pydantic serializer warnings",  # it serialises responses with fields that its models do not declare
    ".*`ReadOnly` qualifier",
    ".*conflict with protected namespace",
    ".*Accessing the.*attribute on the instance is deprecated",
)


def import_litellm() -> Any:
    """litellm, kept from calling out and from reading files while it is imported. It takes seconds."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else the import fetches a price list
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # else the import loads .env files
    os.environ.setdefault("LITELLM_LOG", "ERROR")
    import litellm

    litellm.suppress_debug_info = True
    return litellm


@contextlib.contextmanager
def few_collections() -> Iterator[None]:
    """Collect garbage a tenth as often meanwhile: a call makes much of it, and every full collection walks through all
    that torch and litellm are made of, which takes a tenth of each call."""
    threshold = gc.get_threshold()
    gc.set_threshold(threshold[0] * 10, *threshold[1:])
    try:
        yield
    finally:
        gc.set_threshold(*threshold)


@contextlib.contextmanager
def its_warnings_ignored() -> Iterator[None]:
    """Under ``-W error`` a warning about litellm's own code would make every call fail.

    It ignores them itself when it is imported, but pytest forgets that at the end of the test that imported it.
    """
    with warnings.catch_warnings():
        for message in _ITS_OWN_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        yield
