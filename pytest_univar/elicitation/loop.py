"""One event loop, in one daemon thread, for the whole process.

litellm and its HTTP clients cache connections per event loop, so a loop per call leaks them or finds them closed. The
holder is module state for that reason alone; it is made at first use.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T")

_STOP_SECONDS = 5.0
"""How long an interrupted run waits for what is in flight to let go."""


@lru_cache(maxsize=1)
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="univar-elicitation", daemon=True).start()
    return loop


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine on the loop and wait for it. Ctrl-C cancels it, and returns once it has let go."""
    done = threading.Event()

    async def watched() -> T:
        try:
            return await coroutine
        finally:
            done.set()

    future = asyncio.run_coroutine_threadsafe(watched(), _loop())
    try:
        return future.result()
    except BaseException:
        if not future.done():
            future.cancel()
            with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C stops the waiting
                done.wait(_STOP_SECONDS)
        raise
