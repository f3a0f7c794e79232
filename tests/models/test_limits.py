"""Adaptive concurrency and the circuit breaker."""

from __future__ import annotations

import asyncio

from topout.models.limits import Breaker, Limiter
from topout.testing.models import InstantTime


def test_the_width_halves_on_a_429_and_creeps_up_by_one_after_a_round_of_successes() -> None:
    async def main() -> list[int]:
        time = InstantTime()
        limiter = Limiter(8, time.clock, time.sleep)
        widths = [limiter.width]
        ticket = await limiter.acquire()
        limiter.throttled(ticket)
        limiter.release()
        widths.append(limiter.width)
        for _ in range(4):
            limiter.succeeded()
        widths.append(limiter.width)
        for _ in range(4):
            limiter.succeeded()
        widths.append(limiter.width)
        return widths

    assert asyncio.run(main()) == [8, 4, 5, 5]


def test_a_burst_of_429s_to_calls_in_flight_counts_once() -> None:
    async def main() -> int:
        time = InstantTime()
        limiter = Limiter(32, time.clock, time.sleep)
        tickets = [await limiter.acquire() for _ in range(32)]
        for ticket in tickets:
            limiter.throttled(ticket)
            limiter.release()
        return limiter.width

    assert asyncio.run(main()) == 16


def test_the_width_stays_between_one_and_where_it_started() -> None:
    async def main() -> tuple[int, int]:
        time = InstantTime()
        limiter = Limiter(4, time.clock, time.sleep)
        for _ in range(10):
            limiter.throttled(await limiter.acquire())
            limiter.release()
        low = limiter.width
        for _ in range(100):
            limiter.succeeded()
        return low, limiter.width

    assert asyncio.run(main()) == (1, 4)


def test_places_are_given_in_order_of_asking_and_a_cancelled_waiter_loses_none() -> None:
    async def main() -> list[int]:
        time = InstantTime()
        limiter = Limiter(1, time.clock, time.sleep)
        order: list[int] = []

        async def one(number: int) -> None:
            await limiter.acquire()
            order.append(number)
            await asyncio.sleep(0)
            limiter.release()

        tasks = [asyncio.create_task(one(i)) for i in range(6)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(limiter.acquire(), 1)
        return order

    assert asyncio.run(main()) == [0, 1, 3, 4, 5]


def test_a_waiter_cancelled_as_its_turn_comes_passes_the_place_on() -> None:
    async def main() -> None:
        time = InstantTime()
        limiter = Limiter(1, time.clock, time.sleep)
        await limiter.acquire()
        waiter = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0)
        limiter.release()
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        await asyncio.wait_for(limiter.acquire(), 1)

    asyncio.run(main())


def test_a_pause_holds_all_calls_back() -> None:
    async def main() -> float:
        time = InstantTime()
        limiter = Limiter(4, time.clock, time.sleep)
        limiter.pause(12.0)
        limiter.pause(3.0)
        before = time.now
        await limiter.acquire()
        return time.now - before

    assert asyncio.run(main()) == 12.0


def test_a_success_in_between_keeps_the_circuit_closed() -> None:
    breaker = Breaker("m", after=3)
    for _ in range(5):
        breaker.failed("outage", "busy")
        breaker.failed("outage", "busy")
        breaker.answered()
    assert breaker.message is None


def test_the_circuit_stays_open_once_it_is() -> None:
    breaker = Breaker("m", after=2)
    breaker.failed("unreachable", "gone")
    breaker.failed("unreachable", "gone")
    breaker.answered()
    assert breaker.message == "m: 2 calls in a row failed (unreachable), the last one with: gone"
