"""Limits that several processes share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from topout.cluster.gate import Gate, Note, Place, SharedLimits
from topout.models.limits import OwnLimits


@dataclass
class Here:
    """A door to a gate in this process."""

    gate: Gate

    async def place(self, holder: str, model: str) -> Place:
        return await self.gate.place(holder, model)

    async def turn(self, holder: str, key: str) -> bool:
        return await self.gate.turn(holder, key)

    def tell(self, holder: str, notes: Sequence[Note]) -> None:
        self.gate.tell(holder, notes)


def two(most: int) -> tuple[Gate, SharedLimits, SharedLimits]:
    gate = Gate(most)
    return gate, SharedLimits(Here(gate), "a", OwnLimits(4)), SharedLimits(Here(gate), "b", OwnLimits(4))


async def soon(task: asyncio.Task[object]) -> bool:
    await asyncio.wait({task}, timeout=0.05)
    return task.done()


def test_places_are_counted_over_all_processes() -> None:
    async def scene() -> None:
        _, a, b = two(2)
        one, other = a.limiter("m/x"), b.limiter("m/x")
        await one.acquire()
        await other.acquire()
        third = asyncio.create_task(other.acquire())
        assert not await soon(third)
        one.release()
        assert await soon(third)

    asyncio.run(scene())


def test_a_429_at_one_process_narrows_all() -> None:
    async def scene() -> None:
        _, a, b = two(8)
        one, other = a.limiter("m/x"), b.limiter("m/x")
        ticket = await one.acquire()
        one.throttled(ticket)
        one.release()
        await asyncio.sleep(0)
        await other.acquire()
        assert other.width == 4

    asyncio.run(scene())


def test_a_provider_that_is_down_for_one_process_is_down_for_all() -> None:
    async def scene() -> None:
        _, a, b = two(8)
        for _ in range(8):
            a.breaker("m/x").failed("outage", "gone")
        await asyncio.sleep(0)
        assert b.breaker("m/x").message is None  # nobody asked the gate yet
        await b.limiter("m/x").acquire()
        assert b.breaker("m/x").message == "m/x: 8 calls in a row failed (outage), the last one with: gone"

    asyncio.run(scene())


def test_what_a_dead_process_held_is_free() -> None:
    async def scene() -> None:
        gate, a, b = two(1)
        await a.limiter("m/x").acquire()
        assert await a.take("key", "m/x")
        place = asyncio.create_task(b.limiter("m/x").acquire())
        turn = asyncio.create_task(b.take("key", "m/x"))
        assert not await soon(place) and not await soon(turn)
        gate.forget("a")
        assert await soon(place) and await soon(turn)
        assert turn.result() is False

    asyncio.run(scene())


def test_a_request_is_asked_by_one_process_at_a_time() -> None:
    async def scene() -> None:
        _, a, b = two(4)
        assert await a.take("key", "m/x")
        second = asyncio.create_task(b.take("key", "m/x"))
        assert not await soon(second)
        a.done("key", "m/x")
        assert await soon(second)
        assert second.result() is False  # look into the cache first
        b.done("key", "m/x")
        await asyncio.sleep(0)
        assert await a.take("key", "m/x")

    asyncio.run(scene())


def test_a_place_that_nobody_waits_for_any_more_is_given_back() -> None:
    async def scene() -> None:
        _, a, b = two(1)
        await a.limiter("m/x").acquire()
        waiting = asyncio.create_task(b.limiter("m/x").acquire())
        assert not await soon(waiting)
        waiting.cancel()
        a.limiter("m/x").release()
        await asyncio.sleep(0.01)
        assert await soon(asyncio.create_task(a.limiter("m/x").acquire()))

    asyncio.run(scene())


def test_embedded_models_do_not_wait_at_the_gate() -> None:
    async def scene() -> None:
        _, a, b = two(1)
        await a.limiter("embedded/reader").acquire()
        assert await soon(asyncio.create_task(b.limiter("embedded/reader").acquire()))
        assert await a.take("key", "embedded/reader") and await b.take("key", "embedded/reader")

    asyncio.run(scene())
