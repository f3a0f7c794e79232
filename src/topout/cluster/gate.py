"""One limiter a model for all processes of a run, and one asker a request.

The gate lives in one process; the others reach it through a `Door`. It holds the same `Limiter` and `Breaker` that a run in one process has, so a 429 that
one worker meets narrows all of them. A request that one process is asking is not asked by another one meanwhile: that one waits, and finds the reply in the
cache. Embedded models need neither and never come here.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from topout.domain import FailureKind
from topout.models.addresses import is_embedded
from topout.models.limits import Breaking, Limiting, OwnLimits

__all__ = ["Door", "Gate", "Note", "Place", "SharedLimits"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Leave for one call. `number` gives it back, `ticket` is the limiter's, `width` how many calls the provider bears now. `broken` says why the model is
    not called any more ('' while it is)."""

    number: int
    ticket: int
    width: int
    broken: str


@dataclass(frozen=True, slots=True)
class Note:
    """What a process tells the gate: `what` happened with a model's call."""

    what: str  # released, succeeded, throttled, paused, answered, failed, done
    model: str = ""
    number: int = 0
    seconds: float = 0.0
    kind: FailureKind = "outage"
    text: str = ""


class Door(Protocol):
    """The way to the gate, from any process."""

    async def place(self, holder: str, model: str) -> Place: ...

    async def turn(self, holder: str, key: str) -> bool: ...

    def tell(self, holder: str, notes: Sequence[Note]) -> None:
        """Sent in order, not waited for."""
        ...


class Gate:
    """Counts places and turns by who holds them: what a process held that died is free again."""

    def __init__(self, most: int, trip_after: int = 8) -> None:
        self._limits = OwnLimits(most, trip_after)
        self._places: dict[int, tuple[str, str]] = {}
        self._turns: dict[str, str] = {}
        self._waiting: dict[str, deque[tuple[str, asyncio.Future[None]]]] = {}
        self._next = secrets.randbits(48)  # a gate that takes the place of a dead one gives out other numbers
        self._gone: set[str] = set()

    async def place(self, holder: str, model: str) -> Place:
        """Wait for leave to make one call."""
        limiter, breaker = self._limits.limiter(model), self._limits.breaker(model)
        ticket = await limiter.acquire()
        self._next += 1
        number = self._next
        if holder in self._gone:
            limiter.release()
        else:
            self._places[number] = (holder, model)
        return Place(number, ticket, limiter.width, breaker.message or "")

    async def turn(self, holder: str, key: str) -> bool:
        """Wait until nobody else asks this request; False when somebody did."""
        if key not in self._turns:
            self._turns[key] = holder
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append((holder, future))
        await future
        return False

    def tell(self, holder: str, notes: Sequence[Note]) -> None:
        """Take notes, in order. What nobody holds (any more) is passed over."""
        for note in notes:
            limiter, breaker = self._limits.limiter(note.model), self._limits.breaker(note.model)
            match note.what:
                case "released" if self._places.pop(note.number, None) is not None:
                    limiter.release()
                case "succeeded":
                    limiter.succeeded()
                case "throttled":
                    limiter.throttled(note.number)
                case "paused":
                    limiter.pause(note.seconds)
                case "answered":
                    breaker.answered()
                case "failed":
                    breaker.failed(note.kind, note.text)
                case "done" if self._turns.get(note.text) == holder:
                    self._pass_on(note.text)
                case _:
                    pass

    def forget(self, holder: str) -> None:
        """This process is gone, with all that it held."""
        self._gone.add(holder)
        for number in [number for number, (who, _) in self._places.items() if who == holder]:
            _, model = self._places.pop(number)
            self._limits.limiter(model).release()
        for key in [key for key, who in self._turns.items() if who == holder]:
            self._pass_on(key)

    def _pass_on(self, key: str) -> None:
        del self._turns[key]
        queue = self._waiting.get(key)
        while queue:
            holder, future = queue.popleft()
            if holder not in self._gone and not future.done():
                self._turns[key] = holder
                future.set_result(None)
                break
        if not queue:
            self._waiting.pop(key, None)


class SharedLimits:
    """Implements `topout.models.limits.Limits` through a door. `own` serves the embedded models."""

    def __init__(self, door: Door, holder: str, own: OwnLimits) -> None:
        self._door = door
        self._holder = holder
        self._own = own
        self._models: dict[str, Shared] = {}
        self._notes: list[Note] = []

    def limiter(self, model: str) -> Limiting:
        return self._own.limiter(model) if is_embedded(model) else self._shared(model)

    def breaker(self, model: str) -> Breaking:
        return self._own.breaker(model) if is_embedded(model) else self._shared(model)

    async def take(self, key: str, model: str) -> bool:
        if is_embedded(model):
            return True
        return await kept(self._door.turn(self._holder, key), lambda _: self.done(key, model))

    def done(self, key: str, model: str) -> None:
        if not is_embedded(model):
            self.note(Note("done", model, text=key))

    def note(self, note: Note) -> None:
        """Tell the gate, together with what else there is to tell in this turn of the loop."""
        if not self._notes:
            asyncio.get_running_loop().call_soon(self._flush)
        self._notes.append(note)

    def _flush(self) -> None:
        notes, self._notes = self._notes, []
        self._door.tell(self._holder, notes)

    async def place(self, model: str) -> Place:
        """Leave for one call, given back if nobody waits for it any more."""
        return await kept(self._door.place(self._holder, model), lambda place: self.note(Note("released", model, place.number)))

    def _shared(self, model: str) -> Shared:
        found = self._models.get(model)
        if found is None:
            found = self._models[model] = Shared(self, model)
        return found


class Shared:
    """Limiter and breaker of one model, seen from a process that is not the gate's. Implements `Limiting` and `Breaking`."""

    def __init__(self, limits: SharedLimits, model: str) -> None:
        self._limits = limits
        self._model = model
        self._held: list[int] = []
        self.width = 1
        self.message: str | None = None

    async def acquire(self) -> int:
        place = await self._limits.place(self._model)
        self._held.append(place.number)
        self.width, self.message = place.width, place.broken or None
        return place.ticket

    def release(self) -> None:
        self._limits.note(Note("released", self._model, self._held.pop()))

    def succeeded(self) -> None:
        self._limits.note(Note("succeeded", self._model))

    def throttled(self, ticket: int) -> None:
        self._limits.note(Note("throttled", self._model, ticket))

    def pause(self, seconds: float) -> None:
        self._limits.note(Note("paused", self._model, seconds=seconds))

    def answered(self) -> None:
        self._limits.note(Note("answered", self._model))

    def failed(self, kind: FailureKind, message: str) -> None:
        self._limits.note(Note("failed", self._model, kind=kind, text=message))


async def kept(work: Awaitable[T], give_back: Callable[[T], None]) -> T:
    """What `work` comes to; when the caller goes away meanwhile, it is given back as soon as it is there."""
    task = asyncio.ensure_future(work)

    def late(done: asyncio.Future[T]) -> None:
        if not done.cancelled() and done.exception() is None:
            give_back(done.result())

    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(late)
        raise
