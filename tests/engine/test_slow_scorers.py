from __future__ import annotations

import asyncio
import threading
import time

import pytest

from topout.contracts import SlowScorer
from topout.domain import Example, Score, Scored
from topout.engine.scoring import Scoring
from topout.errors import ScorerError

ROW = Example("1", {}, "")


def test_calls_go_on_while_a_slow_scorer_works() -> None:
    release = threading.Event()

    def slow(answer: str, example: Example) -> Score:
        assert release.wait(20)
        return Scored(1.0)

    async def scene() -> Score:
        scoring = Scoring(SlowScorer(slow, 1))
        judging = asyncio.create_task(scoring.of("", ROW))
        await asyncio.sleep(0.01)
        assert not judging.done()
        release.set()  # only a loop that is free gets here
        return await judging

    assert asyncio.run(scene()) == Scored(1.0)


def test_no_more_than_at_once_are_judged_at_the_same_time() -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def slow(answer: str, example: Example) -> Score:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1
        return Scored(0.5)

    async def scene() -> list[Score]:
        scoring = Scoring(SlowScorer(slow, 3))
        return list(await asyncio.gather(*(scoring.of("", ROW) for _ in range(12))))

    assert asyncio.run(scene()) == [Scored(0.5)] * 12
    assert most[0] == 3


def test_what_a_slow_scorer_raises_arrives() -> None:
    def broken(answer: str, example: Example) -> Score:
        raise ScorerError("scorer.py:3: score() raised ValueError.")

    with pytest.raises(ScorerError, match=r"scorer\.py:3"):
        asyncio.run(Scoring(SlowScorer(broken, 1)).of("", ROW))


def test_a_fast_scorer_is_called_at_once() -> None:
    thread: list[str] = []

    def fast(answer: str, example: Example) -> Score:
        thread.append(threading.current_thread().name)
        return Scored(1.0)

    asyncio.run(Scoring(fast).of("", ROW))
    assert thread == [threading.main_thread().name]
