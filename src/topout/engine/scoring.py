"""Asks the task's scorer: a fast one at once, a slow one in threads or through them in processes, so that calls of the models go on meanwhile."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from topout.contracts import Scorer, SlowScorer
from topout.domain import Example, Score

__all__ = ["Scoring"]


class Scoring:
    """The scorer of a run. `close` lets go of what waits for a thread; what a thread has begun it ends, what a process has begun is cut off."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._apart = scorer.apart() if isinstance(scorer, SlowScorer) and scorer.apart is not None else None
        self._threads = ThreadPoolExecutor(scorer.at_once, "topout-scorer") if isinstance(scorer, SlowScorer) else None

    async def of(self, answer: str, example: Example) -> Score:
        """The score of an answer. Raises what the scorer raises."""
        if self._threads is None:
            return self._scorer(answer, example)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._apart or self._scorer, answer, example)

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        if self._apart is not None:
            self._apart.close()
