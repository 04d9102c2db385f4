"""One event loop, in one daemon thread, for the whole process.

litellm and its HTTP clients cache connections per event loop, so a loop per call leaks them or finds them closed. The
holder is module state for that reason alone; it is made at first use.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
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


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``work()`` on the loop and wait for it. Ctrl-C cancels it, and returns once it has let go.

    It is called on the loop's thread: a coroutine made here and interrupted before the loop takes it would never be
    awaited.
    """
    loop = _loop()
    over = threading.Event()
    tasks: list[asyncio.Task[T]] = []

    def end(task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # else asyncio reports one that the interrupted caller never comes back for
        over.set()

    def start() -> None:
        tasks.append(loop.create_task(work()))
        tasks[0].add_done_callback(end)

    def cancel() -> None:
        if tasks:
            tasks[0].cancel()
        else:
            over.set()

    try:
        loop.call_soon_threadsafe(start)
        over.wait()
    except BaseException:
        loop.call_soon_threadsafe(cancel)
        with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C stops the waiting
            over.wait(_STOP_SECONDS)
        raise
    return tasks[0].result()
