"""The cap holds at every moment: what is charged and what is held never exceed the total."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from topout.engine.allowance import Allowance

Key = tuple[str, str, int]


def key(number: int) -> Key:
    return ("c", f"e{number}", 0)


def ones(*numbers: int) -> dict[Key, int]:
    """Rollouts of one call each."""
    return {key(number): 1 for number in numbers}


def mixed(numbers: Iterable[int]) -> dict[Key, int]:
    """Rollouts of one to three calls each."""
    return {key(number): 1 + number % 3 for number in numbers}


def calls_of(numbers: Iterable[int]) -> int:
    return sum(mixed(numbers).values())


PLAN = st.tuples(
    st.integers(1, 12), st.sets(st.integers(0, 15), max_size=8), st.integers(0, 6), st.lists(st.integers(0, 40)), st.integers(0, 3)
)


@given(total=st.integers(0, 80), lanes=st.integers(1, 4), plans=st.lists(PLAN, max_size=25), early=st.integers(0, 3))
def test_charged_and_held_never_exceed_the_total_and_cover_what_is_asked(
    total: int, lanes: int, plans: list[tuple[int, set[int], int, list[int], int]], early: int
) -> None:
    async def play() -> None:
        allowance = Allowance(total)
        in_flight: list[tuple[int, set[int], list[int], int]] = []
        asked: set[int] = set()
        critic_calls = 0

        async def ask(number: int, mine: set[int], rows: set[int], critiques: int) -> bool:
            """As an attempt does: what is new to it, and all that it announced, has to be covered before it is asked."""
            needed = allowance.fresh(number, mixed(mine | rows)) + critiques
            if not await allowance.extend(number, needed):
                return False
            mine |= rows
            asked.update(rows)
            assert calls_of(asked) + critic_calls + critiques <= total
            return True

        async def settle_oldest() -> None:
            nonlocal critic_calls
            number, mine, rows, critiques = in_flight.pop(0)
            allowance.turn(number)
            spent = critiques if await ask(number, mine, set(rows), critiques) else 0
            critic_calls += spent
            allowance.settle(number, mixed(mine), spent)
            assert allowance.charged <= total
            assert allowance.left >= 0

        for number, (calls, reads, more, rows, critiques) in enumerate(plans):
            if len(in_flight) == lanes:
                await settle_oldest()
            before = allowance.left
            if allowance.grant(number, calls, mixed(reads), more):
                assert 0 <= allowance.left <= before - calls
                mine = set(reads)
                if number % 4 >= early:
                    assert await ask(number, mine, reads, 0)
                in_flight.append((number, mine, rows, critiques))
            else:
                assert allowance.left == before
        while in_flight:
            await settle_oldest()
        assert allowance.left == total - allowance.charged
        assert calls_of(asked) + critic_calls <= allowance.charged
        assert calls_of(asked) <= allowance.task_calls

    asyncio.run(play())


def test_an_attempt_that_needs_more_waits_until_all_older_ones_are_committed() -> None:
    async def play() -> list[str]:
        allowance, order = Allowance(20), []
        allowance.grant(0, 10)
        allowance.grant(1, 5)

        async def younger() -> None:
            assert await allowance.extend(1, 5)
            order.append("within the grant")
            assert await allowance.extend(1, 15)
            order.append("extended")

        task = asyncio.create_task(younger())
        for _ in range(5):
            await asyncio.sleep(0)
        allowance.turn(0)
        allowance.settle(0, ones(0, 1, 2, 3), 1)
        order.append("older committed")
        allowance.turn(1)
        await task
        assert allowance.left == 0
        return order

    assert asyncio.run(play()) == ["within the grant", "older committed", "extended"]


def test_more_than_is_left_is_refused_and_changes_nothing() -> None:
    async def play() -> tuple[bool, int]:
        allowance = Allowance(10)
        allowance.grant(0, 4)
        allowance.turn(0)
        return await allowance.extend(0, 11), allowance.left

    assert asyncio.run(play()) == (False, 6)


def test_what_another_attempt_had_asked_for_is_not_charged_again() -> None:
    allowance = Allowance(20)
    allowance.grant(0, 5)
    allowance.settle(0, ones(1, 2), 1)
    allowance.grant(1, 5)
    allowance.settle(1, ones(2, 3), 0)
    assert (allowance.charged, allowance.task_calls, allowance.left) == (4, 3, 16)


def test_what_was_bought_before_or_is_read_by_an_older_attempt_is_not_held_again() -> None:
    allowance = Allowance(30)
    allowance.grant(0, 5)
    allowance.settle(0, ones(1, 2), 1)
    allowance.grant(1, 4, ones(1, 3, 4))
    assert allowance.left == 30 - 3 - (4 + 2)
    allowance.grant(2, 4, ones(3, 5))
    assert allowance.left == 30 - 3 - (4 + 2) - (4 + 1)
    assert (allowance.fresh(1, ones(3, 6)), allowance.fresh(2, ones(3, 5, 6))) == (2, 2)
    allowance.settle(1, ones(1, 3, 4, 7), 1)
    assert (allowance.charged, allowance.task_calls) == (3 + 4, 2 + 3)
    assert allowance.fresh(2, ones(7)) == 1  # bought since, but not when it was planned
    allowance.settle(2, {}, 0)
    assert (allowance.charged, allowance.left) == (3 + 4 + 1, 22)  # what it announced to read is charged


def test_nothing_is_begun_that_could_not_be_finished() -> None:
    allowance = Allowance(100)
    assert not allowance.grant(0, 20, more=81)
    assert allowance.grant(0, 20, more=60)
    assert not allowance.grant(1, 10, more=56)
    assert allowance.grant(1, 10, more=55)
    assert allowance.left == 70
