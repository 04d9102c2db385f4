"""Labels that do not lie on top of each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_ROUNDS = 500


def spread(wanted: Array, sizes: Array, bounds: tuple[float, float, float, float], fixed: int = 0) -> Array:
    """Centres ``[m, 2]`` for boxes of ``sizes`` ``[m, 2]``, near where they are ``wanted`` ``[m, 2]``, that overlap
    no more where there is room.

    bounds: left, bottom, right and top of what they must lie in, all in one unit. fixed: so many, the last ones, stay
    where they are: what must not be covered. Boxes that overlap are pushed apart the shorter way, again and again.
    """
    centres = wanted.astype(np.float64)
    movable = len(centres) - fixed
    low, high = np.array(bounds[:2]) + sizes[:movable] / 2, np.array(bounds[2:]) - sizes[:movable] / 2
    needed = (sizes[:, None] + sizes[None]) / 2
    before = np.arange(len(centres))[:, None] < np.arange(len(centres))
    others = ~np.eye(len(centres), dtype=bool)
    for _ in range(_ROUNDS):
        gaps = centres[:, None] - centres[None]
        overlap = needed - np.abs(gaps)
        touching = np.asarray((overlap > 1e-6).all(axis=2)) & others
        if not touching[:movable].any():
            break
        away = np.where(gaps == 0, np.where(before, -1.0, 1.0)[..., None], np.sign(gaps))
        shorter = np.arange(2) == overlap.argmin(axis=2)[..., None]
        # half the way each, or all of it from what stays
        share = np.where(np.arange(len(centres)) < movable, 0.5, 1.0)[None, :, None]
        pushes = np.where(touching[..., None] & shorter, away * overlap * share, 0.0).sum(axis=1)
        centres[:movable] = np.minimum(np.maximum(centres[:movable] + 0.7 * pushes[:movable], low), high)
    return centres
