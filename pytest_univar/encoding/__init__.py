"""Encoders: texts in, unit vectors out."""

from pytest_univar.encoding.cache import CachedEncoder
from pytest_univar.encoding.checkpoint import BUNDLED, PUBLISHED, Checkpoint, read_checkpoint
from pytest_univar.encoding.encoder import Encoder, load_encoder

__all__ = ["BUNDLED", "PUBLISHED", "CachedEncoder", "Checkpoint", "Encoder", "load_encoder", "read_checkpoint"]
