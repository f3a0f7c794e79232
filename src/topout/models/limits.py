"""How many calls of one model may be in flight, and when to stop calling it at all."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from topout.domain import PROVIDER_IS_DOWN, FailureKind

__all__ = ["Breaker", "Breaking", "Limiter", "Limiting", "Limits", "OwnLimits"]


class Limiting(Protocol):
    """Places for calls of one model, wherever they are counted. What each method means: `Limiter`."""

    @property
    def width(self) -> int: ...

    async def acquire(self) -> int: ...

    def release(self) -> None: ...

    def succeeded(self) -> None: ...

    def throttled(self, ticket: int) -> None: ...

    def pause(self, seconds: float) -> None: ...


class Breaking(Protocol):
    """Whether one model is still called, wherever that is counted. What each method means: `Breaker`."""

    @property
    def message(self) -> str | None: ...

    def answered(self) -> None: ...

    def failed(self, kind: FailureKind, message: str) -> None: ...


class Limits(Protocol):
    """The limits of all models, of one process or of several that share them."""

    def limiter(self, model: str) -> Limiting: ...

    def breaker(self, model: str) -> Breaking: ...

    async def take(self, key: str, model: str) -> bool:
        """Wait until no other process asks this request. False when one did: its reply may be in the cache now. Every `take` needs one `done`."""
        ...

    def done(self, key: str, model: str) -> None: ...


class Limiter:
    """A semaphore whose size follows the provider: additive increase, multiplicative decrease (Chiu and Jain 1989).

    It starts at `most`, halves on a 429 and creeps up by one after as many successes as it is wide. A burst of 429s that answers
    calls sent before the last halving counts once. A Retry-After pauses the whole model. First come, first served.
    """

    def __init__(self, most: int, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._most = max(1, most)
        self._width = self._most
        self._clock = clock
        self._sleep = sleep
        self._held = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._successes = 0
        self._halvings = 0
        self._resume_at = float("-inf")

    @property
    def width(self) -> int:
        """How many may be in flight now."""
        return self._width

    async def acquire(self) -> int:
        """Wait for a place. Returns a ticket for `throttled`; every ticket needs one `release`."""
        if self._held < self._width and not self._queue:
            self._held += 1
        else:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self.release()
                raise
        if self._resume_at > self._clock():
            try:
                while (wait_s := self._resume_at - self._clock()) > 0:
                    await self._sleep(wait_s)
            except asyncio.CancelledError:
                self.release()
                raise
        return self._halvings

    def release(self) -> None:
        """Give the place to the next in the queue."""
        self._held -= 1
        self._wake()

    def _wake(self) -> None:
        while self._queue and self._held < self._width:
            place = self._queue.popleft()
            if not place.done():
                self._held += 1
                place.set_result(None)

    def succeeded(self) -> None:
        """A call was answered."""
        if self._width < self._most:
            self._successes += 1
            if self._successes >= self._width:
                self._successes = 0
                self._width += 1
                self._wake()

    def throttled(self, ticket: int) -> None:
        """The call of this ticket was answered with a 429."""
        if ticket == self._halvings:
            self._halvings += 1
            self._successes = 0
            self._width = max(1, self._width // 2)

    def pause(self, seconds: float) -> None:
        """Send nothing for so long; a longer pause in force stays."""
        self._resume_at = max(self._resume_at, self._clock() + seconds)


class Breaker:
    """Opens, for good, after `after` calls in a row that failed in spite of their retries because the provider is down, out of quota
    or does not know us. A refusal of one request (filter, context) is an answer of a living provider."""

    def __init__(self, model: str, after: int = 8) -> None:
        self._model = model
        self._after = after
        self._failures = 0
        self._message: str | None = None

    @property
    def message(self) -> str | None:
        """What to tell the user once it is open, None before."""
        return self._message

    def answered(self) -> None:
        """The provider is alive."""
        self._failures = 0

    def failed(self, kind: FailureKind, message: str) -> None:
        """A call gave up."""
        if kind not in PROVIDER_IS_DOWN:
            self.answered()
            return
        self._failures += 1
        if self._failures >= self._after and self._message is None:
            self._message = f"{self._model}: {self._failures} calls in a row failed ({kind}), the last one with: {message}"


class OwnLimits:
    """The limits of a process that shares none: `most` is where each model's limiter starts and what it never exceeds; at 1 all models share one place, so
    that replies come in one order whatever the speed of each."""

    def __init__(
        self,
        most: int,
        trip_after: int = 8,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._most = most
        self._trip_after = trip_after
        self._clock = clock
        self._sleep = sleep
        self._limiters: dict[str, Limiter] = {}
        self._breakers: dict[str, Breaker] = {}

    def limiter(self, model: str) -> Limiter:
        found = self._limiters.get(model)
        if found is None:
            others = list(self._limiters.values())
            alone = others[0] if others and self._most == 1 else None
            found = self._limiters[model] = alone or Limiter(self._most, self._clock, self._sleep)
        return found

    def breaker(self, model: str) -> Breaker:
        found = self._breakers.get(model)
        if found is None:
            found = self._breakers[model] = Breaker(model, self._trip_after)
        return found

    async def take(self, key: str, model: str) -> bool:
        return True

    def done(self, key: str, model: str) -> None:
        return None
