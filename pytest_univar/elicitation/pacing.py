"""How fast to ask: as many calls at once as the endpoint bears, and no faster than it says.

``Pace`` is the arithmetic, on a clock that it is given; ``Gate`` makes the calls of an event loop keep to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from typing import Literal

Outcome = Literal["answered", "throttled", "failed"]
"""throttled: the server said that there are too many calls (429). failed: anything else that is no answer."""


class Pace:
    """How many calls may be in flight, and when the next may start. Times are in seconds, of any one clock.

    most: calls in flight at once, at the most. rpm: calls a minute, evenly spaced; None is no limit.

    The first call goes alone, so that a wrong key or model costs one request. Then half of ``most`` may be in flight:
    one more for each answer until the server first complains (429), afterwards one more for each windowful of answers,
    because the limit is then known to be near. A complaint halves the number, and does so once for a burst: calls that
    were in flight at the time say nothing about the smaller number.
    """

    def __init__(self, most: int, rpm: float | None = None) -> None:
        self._most = most
        self._interval = 60.0 / rpm if rpm else 0.0
        self._window = 1.0
        self._opened = False
        self._in_flight = 0
        self._started = 0
        self._burst_end = 0  # calls with a smaller number belong to a burst that has been answered for
        self._complained = False
        self._not_before = -math.inf  # by the server's Retry-After
        self._next_start = -math.inf  # by rpm

    @property
    def window(self) -> int:
        """How many calls may be in flight now."""
        return int(self._window)

    def delay(self, now: float) -> float:
        """Seconds until a call may start; infinite where one in flight must end first."""
        if self._in_flight >= self.window:
            return math.inf
        return max(self._not_before, self._next_start, now) - now

    def start(self, now: float) -> int:
        """Count a call that starts now, and give it a number."""
        self._next_start = max(self._next_start, now) + self._interval
        self._in_flight += 1
        self._started += 1
        return self._started - 1

    def end(self, call: int, now: float, outcome: Outcome, retry_after: float | None = None) -> None:
        """Count the end of a call. retry_after: the seconds for which the server wants no calls at all."""
        self._in_flight -= 1
        if not self._opened:
            self._opened = True
            self._window = max(1.0, self._most / 2)
        if retry_after is not None:
            self._not_before = max(self._not_before, now + retry_after)
        if call < self._burst_end:
            return
        if outcome == "throttled":
            self._window = max(1.0, self._window / 2)
            self._burst_end = self._started
            self._complained = True
        elif outcome == "answered":
            self._window = min(float(self._most), self._window + (1 / self._window if self._complained else 1))


class Gate:
    """Lets calls through at a pace, first come first served. For the coroutines of one event loop."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._head = asyncio.Lock()  # who holds it is next; the others wait in line for it
        self._ended = asyncio.Event()

    async def enter(self) -> int:
        """Wait for a call's turn; its number, for ``leave``."""
        async with self._head:
            while (delay := self._pace.delay(self._clock())) > 0:
                self._ended.clear()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), None if delay == math.inf else delay)
            return self._pace.start(self._clock())

    def leave(self, call: int, outcome: Outcome, retry_after: float | None = None) -> None:
        """The call is over."""
        self._pace.end(call, self._clock(), outcome, retry_after)
        self._ended.set()
