"""A clean stop that another process asks for, by a file `stop` in the run's folder.

Whoever can write to the folder can ask: `topout watch`, `touch runs/latest/stop`, a script on another machine that shares the disk. The session that
writes the run looks for the file and then does what the first Ctrl-C does. The file stays while the run comes to its end, so that everybody sees that
it is stopping, and is removed then. One that a killed session left behind is nobody's wish any more: the next session removes it before it begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from topout.store.layout import RunFolder

__all__ = ["LOOK_EVERY_S", "heeding"]

LOOK_EVERY_S = 0.5

T = TypeVar("T")


async def heeding(run: RunFolder, stop: Callable[[], None], work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which `stop` (called on this loop, once) brings to a clean end when the file appears."""
    run.forget_stop()
    looking = asyncio.create_task(look(run, stop))
    try:
        return await work
    finally:
        looking.cancel()
        run.forget_stop()


async def look(run: RunFolder, stop: Callable[[], None]) -> None:
    """Wait for the file."""
    while not run.stop.exists():  # noqa: ASYNC110 (a file rings no bell)
        await asyncio.sleep(LOOK_EVERY_S)
    stop()
