"""Workers as Ray actors, one for each processor of the cluster. The only file that knows Ray, and it imports it when a crew is opened.

Tasks and results are pickled frozen values; no environment variable is handed to Ray: workers read the one that their machine started Ray with.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from topout.cluster.executor import Hand, LostError
from topout.cluster.gate import Gate, Note, Place
from topout.cluster.parcels import Parcel, Returned, Setup
from topout.cluster.worker import Worker
from topout.errors import ModelError, TopoutError, UserError

__all__ = ["RayCluster", "RayCrew"]

STORE_BYTES = 100 * 2**20
"""Ray's shared memory where we start it: parcels are small and mostly never enter it."""

READY_S = 120.0
"""So long a new worker may take to import what it needs and to read the task."""

LOOK_S = 10.0
"""So often we look whether the cluster has more processors than workers."""

WAITING = 100_000
"""So many calls may wait at the gate; Ray would hold back what gives places back otherwise."""


class GateActor:
    """The gate in a process of its own."""

    def __init__(self, most: int) -> None:
        self._gate = Gate(most)

    async def place(self, holder: str, model: str) -> Place:
        return await self._gate.place(holder, model)

    async def turn(self, holder: str, key: str) -> bool:
        return await self._gate.turn(holder, key)

    async def tell(self, holder: str, notes: Sequence[Note]) -> None:
        self._gate.tell(holder, notes)

    async def forget(self, holder: str) -> None:
        self._gate.forget(holder)


@dataclass(frozen=True, slots=True)
class RayDoor:
    """The way to the gate through Ray. Implements `Door`."""

    handle: Any

    async def place(self, holder: str, model: str) -> Place:
        found: Place = await self.handle.place.remote(holder, model)
        return found

    async def turn(self, holder: str, key: str) -> bool:
        return bool(await self.handle.turn.remote(holder, key))

    def tell(self, holder: str, notes: Sequence[Note]) -> None:
        self.handle.tell.remote(holder, notes)


class WorkerActor:
    """A worker in a process of its own. It is built by `ready`, so that what is wrong can be told in a line."""

    def __init__(self, setup: Setup, holder: str, gate: Any) -> None:
        self._given = (setup, holder, RayDoor(gate))
        self._worker: Worker | None = None

    async def ready(self) -> tuple[str, str] | None:
        try:
            self._worker = Worker(*self._given)
        except TopoutError as error:
            return type(error).__name__, str(error)
        return None

    async def answer(self, parcel: Parcel) -> Returned:
        assert self._worker is not None  # `ready` came first
        return await self._worker.answer(parcel)

    async def stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()

    async def close(self, grace_s: float) -> float:
        return await self._worker.close(grace_s) if self._worker is not None else 0.0


class RayCluster:
    """A cluster that is connected to, or started on this machine. Raises UserError without the package, and when no cluster answers."""

    def __init__(self, address: str, most: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 would let every other program go first
        try:
            import ray
        except ImportError:
            raise UserError("--executor ray: the package is missing. pip install 'topout[ray]'") from None
        self.ray: Any = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
            try:
                if address:
                    ray.init(address=address, **{name: value for name, value in quiet.items() if name != "include_dashboard"})
                else:
                    ray.init(object_store_memory=STORE_BYTES, **quiet)
            except (ray.exceptions.RayError, RuntimeError, ValueError, OSError) as error:
                words = " ".join(str(error).split())[:200]
                raise UserError(
                    f"--executor ray{':' + address if address else ''}: no cluster ({words}). Start one with `ray start --head`, or give its address "
                    "(ray:HOST:6379); one with a token wants RAY_AUTH_MODE=token here too."
                ) from None
        gate = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1, max_concurrency=WAITING)(GateActor)
        self.gate: Any = gate.remote(most)
        self.door = RayDoor(self.gate)

    def processors(self) -> int:
        """How many there are in the cluster now; at least 1."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def close(self) -> None:
        """Let go of the cluster; one that we started ends."""
        with suppress(Exception):
            self.ray.kill(self.gate)
        if self._ours:
            self.ray.shutdown()


@dataclass(eq=False)
class RayHand:
    """A worker as the crew knows it. Implements `Hand`."""

    crew: RayCrew
    actor: Any
    holder: str
    rows: int = 0

    async def answer(self, parcel: Parcel) -> Returned:
        errors = self.crew.cluster.ray.exceptions
        try:
            returned: Returned = await self.actor.answer.remote(parcel)
        except errors.RayActorError as error:
            self.crew.lost(self)
            raise LostError(type(error).__name__) from None
        return returned


class RayCrew:
    """Implements `Crew`. `depth` is how many rows a worker has under way at most, waiting for their turn at the model included."""

    def __init__(self, cluster: RayCluster, setup: Setup, depth: int) -> None:
        self.cluster = cluster
        self._setup = setup
        self._began = time.monotonic()
        self._depth = depth
        self._hands: list[RayHand] = []
        self._hiring: set[asyncio.Task[None]] = set()
        self._waking: set[asyncio.Task[None]] = set()
        self._wanted = cluster.processors()
        self._looked = 0.0
        self._news = asyncio.Condition()
        self._trouble: TopoutError | None = None
        self._closed = False

    @property
    def size(self) -> int:
        return self._wanted

    @asynccontextmanager
    async def hand(self, rows: int) -> AsyncIterator[Hand]:
        self._hire()
        async with self._news:
            while (hand := self._free(rows)) is None:
                if not self._hands and not self._hiring:
                    if self._trouble is not None:
                        raise self._trouble
                    if self._closed:
                        raise LostError("the workers were ended")
                await self._news.wait()
            hand.rows += rows
        try:
            yield hand
        finally:
            async with self._news:
                hand.rows -= rows
                self._news.notify_all()

    def lost(self, hand: RayHand) -> None:
        """This worker died: what it held is free, and another one takes its place."""
        if hand in self._hands:
            self._hands.remove(hand)
            with suppress(self.cluster.ray.exceptions.RayError):
                self.cluster.ray.kill(hand.actor)  # it may only have been out of reach, and would go on spending
                self.cluster.gate.forget.remote(hand.holder)
            self._hire()
            self._start(self._wake())

    async def stop(self) -> None:
        self._closed = True
        for hand in self._hands:
            hand.actor.stop.remote()
        await self._wake()

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)

    async def close(self, grace_s: float) -> float:
        self._closed = True
        for task in self._hiring:
            task.cancel()
        await asyncio.gather(*self._hiring, return_exceptions=True)

        async def ended(hand: RayHand) -> float:
            with suppress(self.cluster.ray.exceptions.RayError, TimeoutError):
                return float(await asyncio.wait_for(hand.actor.close.remote(grace_s), grace_s + 5))
            return 0.0

        lost = await asyncio.gather(*(ended(hand) for hand in self._hands))
        for hand in self._hands:
            self.cluster.ray.kill(hand.actor)
        self._hands.clear()
        self.cluster.close()
        return sum(lost)

    def _free(self, rows: int) -> RayHand | None:
        """The worker with the least to do, if it has room."""
        least = min(self._hands, key=lambda hand: hand.rows, default=None)
        return least if least is not None and (least.rows == 0 or least.rows + rows <= self._depth) else None

    def _hire(self) -> None:
        """See to it that there is a worker for each processor, those that came since included."""
        if self._closed:
            return
        now = time.monotonic()
        if now - self._looked > LOOK_S:
            self._looked, self._wanted = now, self.cluster.processors()
        for _ in range(self._wanted - len(self._hands) - len(self._hiring)):
            task = asyncio.get_running_loop().create_task(self._one())
            self._hiring.add(task)
            task.add_done_callback(self._hiring.discard)

    async def _one(self) -> None:
        """A new worker, ready to work; or the reason why there is none."""
        holder = secrets.token_hex(6)
        kind = self.cluster.ray.remote(num_cpus=1, max_restarts=0, max_concurrency=10_000)(WorkerActor)
        setup = self._setup
        if setup.time_left_s is not None:
            gone = time.monotonic() - self._began
            setup = replace(setup, time_left_s=setup.time_left_s - gone)
        actor = kind.remote(setup, holder, self.cluster.gate)
        trouble: TopoutError | None = None
        try:
            told = await asyncio.wait_for(actor.ready.remote(), READY_S)
            if told is not None:
                trouble = UserError(told[1])
        except TimeoutError:
            trouble = ModelError(
                f"--executor ray: a worker was not ready after {READY_S:.0f} s (is a processor free in the cluster?)"
            )
        except self.cluster.ray.exceptions.RayError as error:
            words = " ".join(str(error).split())[:200]
            trouble = ModelError(f"--executor ray: a worker could not be started ({words})")
        hiring = asyncio.current_task()
        async with self._news:
            if hiring is not None:
                self._hiring.discard(hiring)
            if trouble is None:
                self._hands.append(RayHand(self, actor, holder))
            else:
                self._trouble = trouble
                self.cluster.ray.kill(actor)
            self._news.notify_all()
