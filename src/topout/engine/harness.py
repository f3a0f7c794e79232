"""Candidate x examples -> rollouts. Nothing is asked twice, every answer is journaled, an outage is never a score.

Who answers is the executor's affair; what is asked, what is known and what is written down is decided here. A pair that failed is not asked again either
(the gateway has done its retries): whether two attempts share a row's failure or a second try must not depend on which of them came first, and a second try
would be a call that nobody was granted. A resumed run does ask again what no committed attempt has seen fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from topout.contracts import Answered, Block, Executor, Journal
from topout.domain import ALONE, EXAM, Candidate, Example, Failure, Prompt, Rollout, RolloutDone, Split, Task
from topout.engine.halt import Halt, halting
from topout.engine.pairs import Key, Pairs
from topout.engine.replay import Replay
from topout.engine.seats import Seat

__all__ = ["Harness", "Seat"]


class Harness:
    """Measures candidates through an executor, and keeps what is known of them."""

    def __init__(self, task: Task, executor: Executor, journal: Journal, replay: Replay, halt: Halt) -> None:
        self._executor = executor
        self._journal = journal
        self._replay = replay
        self._halt = halt
        self._split_of: dict[str, Split] = {e.id: split for split, rows in task.splits.items() for e in rows}
        self._known: Pairs[Rollout] = replay.rollouts  # grows from here on: of a million, two dicts are too many
        self._asking: dict[Key, asyncio.Task[Rollout | None]] = {}

    def split(self, example: Example) -> Split | None:
        """Where an example belongs, None when the task has no such row."""
        return self._split_of.get(example.id)

    def known(self, attempt: int, candidate: Candidate, example: Example, sample: int = 0) -> Rollout | None:
        """The rollout as `attempt` knows it, answered or failed; None when it was not asked."""
        return self._recall(attempt, (candidate.id, example.id, sample))

    async def close(self) -> None:
        """Let go of what is still being asked: nobody waits for it any more."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await self._executor.close()

    async def measure(
        self, attempt: int, candidate: Candidate, examples: Sequence[Example], sample: int = 0
    ) -> list[Rollout] | None:
        """One rollout an example, in their order; None when the run is being halted before all of them are known.

        All are asked at once; how many are really in flight is the gateway's affair.
        """
        out: list[Rollout | None] = []
        missing: list[tuple[int, Key]] = []
        fresh: dict[Key, tuple[Example, Split]] = {}
        for example in examples:
            key = (candidate.id, example.id, sample)
            rollout = self._recall(attempt, key)
            if rollout is None:
                if key not in self._asking:
                    fresh[key] = (example, self._split_of[example.id])
                missing.append((len(out), key))
            out.append(rollout)
        if fresh:
            self._send(attempt, Block(candidate, tuple(fresh.values()), sample), list(fresh))
        waiting = [(position, self._asking[key]) for position, key in missing]
        for position, task in waiting:
            out[position] = await asyncio.shield(task)
        complete = [r for r in out if r is not None]
        return complete if len(complete) == len(out) else None

    def calls(self, candidate: Candidate) -> int:
        """The most calls that one rollout of this candidate makes."""
        return self.weight(candidate.prompt)

    def weight(self, prompt: Prompt) -> int:
        """The most calls that one answer of this prompt takes, those of the judge included."""
        return self._executor.calls(prompt)

    def _recall(self, attempt: int, key: Key) -> Rollout | None:
        return self._replay.told(attempt, key) or self._known.get(key)

    def _send(self, attempt: int, block: Block, keys: Sequence[Key]) -> None:
        """Hand a block to the executor; each row is a task of its own, so that no caller's cancellation is another's."""
        for key, (_, split), row in zip(keys, block.rows, self._executor.answer(block), strict=True):
            task = asyncio.create_task(self._ask(attempt, key, split, row))
            task.add_done_callback(look)
            self._asking[key] = task

    async def _ask(self, attempt: int, key: Key, split: Split, row: Awaitable[Answered]) -> Rollout | None:
        try:
            if self._halt.bars(split):
                return None
            answered = await row
            rollout = answered.rollout
            if answered.halted is not None:
                self._halted(answered.halted, attempt, key[2])
                if rollout is not None:
                    self._journal.append(RolloutDone(attempt, rollout))
                return None
            if rollout is not None:
                self._known[key] = rollout
                self._journal.append(RolloutDone(attempt, rollout))
            return rollout
        finally:
            del self._asking[key]

    def _halted(self, failure: Failure, attempt: int, sample: int) -> None:
        """This failure means that the run has to end: it is told so."""
        ending = halting(failure)
        if ending is None:
            return
        if attempt not in (EXAM, ALONE) or ending in ("stopped", "outage"):
            self._halt.set(ending, failure.message)
        elif attempt == EXAM and sample == 0:
            self._halt.exam_cut = (ending, f"in the exam: {failure.message}")


def look(task: asyncio.Task[Rollout | None]) -> None:
    """An error is raised by the `measure` that waits; when that has met another one first, this one is not to be reported as lost."""
    if not task.cancelled():
        task.exception()
