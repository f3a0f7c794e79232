"""One event loop for the life of the process, in a thread of its own.

litellm's clients do not survive the loop that they were made on, and repeated `asyncio.run` leaves its coroutines un-awaited. A thread also makes the
same blocking call work in a script, in a notebook (which has a loop of its own) and under Ctrl-C.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

__all__ = ["run_blocking"]

T = TypeVar("T")

LOOK_S = 0.2
"""So often the waiting thread looks up. Where a kernel hands Ctrl-C to another thread of the process (or a lock cannot be interrupted, as on Windows),
Python notices it only then."""


@cache
def background_loop() -> asyncio.AbstractEventLoop:
    """The loop, started with the first call."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="topout", daemon=True).start()
    return loop


def run_blocking(work: Coroutine[Any, Any, T], on_interrupt: Callable[[], None]) -> T:
    """Run `work` on the loop and wait for it.

    The first Ctrl-C calls `on_interrupt` (on the loop) and goes on waiting, so that the work can end in good order; the second one cancels it and
    raises KeyboardInterrupt.
    """
    loop = background_loop()
    future = asyncio.run_coroutine_threadsafe(work, loop)
    asked = False
    while True:
        try:
            return future.result(LOOK_S)
        except TimeoutError:
            if future.done():  # it ended just now, or this error is its own
                return future.result()
        except KeyboardInterrupt:
            if asked:
                future.cancel()
                raise
            asked = True
            loop.call_soon_threadsafe(on_interrupt)
