"""What the tests of training share."""

from __future__ import annotations

import pytest

from tests.checkpoints import bert_checkpoint


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny encoder, untrained."""
    return str(bert_checkpoint(tmp_path_factory.mktemp("backbone")))
