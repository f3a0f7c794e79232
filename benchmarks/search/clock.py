"""Time that jumps: an event loop whose clock goes on to the next timer whenever nothing is left to do, so that models which sleep cost no waiting.

What takes processor time takes none on this clock. It tells how long a search waits for its models, and with the seed it tells it exactly.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from topout.contracts import Model
from topout.domain import Failure, Reply, Request

__all__ = ["Slow", "run_jumping"]

T = TypeVar("T")


class Jumping(selectors.SelectSelector):
    """Waits for nothing: `now` is moved on by the time that it was to wait."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0 if timeout is not None else None)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = Jumping()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run_jumping(work: Coroutine[Any, Any, T]) -> T:
    """What `asyncio.run` does, on a clock that jumps from 0."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)


@dataclass
class Slow:
    """A model that takes so many seconds, and serves so many requests at once. `calls` counts them."""

    model: Model
    seconds: float
    at_once: int
    calls: int = 0
    _places: asyncio.Semaphore | None = field(default=None, repr=False)

    async def complete(self, request: Request) -> Reply | Failure:
        self._places = self._places or asyncio.Semaphore(self.at_once)
        async with self._places:
            self.calls += 1
            await asyncio.sleep(self.seconds)
            return await self.model.complete(request)
