"""The cost limit: checked before a call is made, against what was spent and what is in flight."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from pytest_univar.errors import CostError


@dataclass
class Budget:
    """How much may be spent, in USD, by everything that shares this object; ``max_cost`` None is no limit.

    A call reserves its estimated price first and settles the real one afterwards. With a limit, a call whose price is
    unknown is refused unless ``allow_unknown_price``.
    """

    max_cost: float | None = None
    allow_unknown_price: bool = False
    spent: float = 0.0
    reserved: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def reserve(self, model: str, estimate: float | None) -> float:
        """Set the estimated price (USD, None if unknown) aside and return it; CostError if that crosses the limit."""
        if self.max_cost is None:
            return 0.0
        if estimate is None:
            if not self.allow_unknown_price:
                raise CostError(
                    f"the price of {model} is unknown and a cost limit of {self.max_cost:g} USD is set, so the limit "
                    f"could not be kept. Remove --univar-max-cost, or accept unknown prices with "
                    f"--univar-allow-unknown-price"
                )
            estimate = 0.0
        with self._lock:
            if self.spent + self.reserved + estimate > self.max_cost:
                raise CostError(
                    f"the next call to {model} (about {estimate:.6f} USD) would cross the cost limit of "
                    f"{self.max_cost:g} USD: {self.spent:.6f} are spent and {self.reserved:.6f} in flight. The answers "
                    f"so far are recorded; raise --univar-max-cost and run again to ask only for the rest"
                )
            self.reserved += estimate
        return estimate

    def settle(self, reservation: float, cost: float | None) -> None:
        """Replace a reservation by the real price: 0.0 for a call that failed, None (unknown) counts as estimated."""
        with self._lock:
            self.reserved -= reservation
            self.spent += reservation if cost is None else cost
