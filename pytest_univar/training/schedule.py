"""How the learning rate goes over the steps."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["linear", "inverse-sqrt"]


def share_of_rate(schedule: Schedule, step: int, *, steps: int, warmup: int) -> float:
    """The share of the highest learning rate at ``step``, 1 to ``steps``.

    It goes up in a line over ``warmup`` steps, then down: ``linear`` would reach 0 one step after the last,
    ``inverse-sqrt`` falls with the root of the step, wherever training ends (Vaswani et al. 2017, section 5.3).
    """
    if step <= warmup:
        return step / warmup
    if schedule == "linear":
        return (steps - step + 1) / (steps - warmup)
    return math.sqrt(max(warmup, 1) / step)
