"""What the harness hands to an executor, and what it makes of what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

from topout.contracts import Answered, Block
from topout.domain import Candidate, Failure, Prompt, Rollout, RolloutDone, Scored
from topout.engine.halt import Halt
from topout.engine.harness import Harness
from topout.engine.replay import Replay
from topout.testing.fakes import MemoryJournal, made_up_task

TASK = made_up_task(4, 6, 4)
DEV = TASK.rows("dev")
CANDIDATE = Candidate("c", TASK.baseline)


@dataclass
class Recording:
    """An executor that notes its blocks, and answers all rows but those named."""

    halts: frozenset[str] = frozenset()
    blocks: list[Block] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    closed: int = 0

    def calls(self, prompt: Prompt) -> int:
        return 3

    def answer(self, block: Block) -> Sequence[Awaitable[Answered]]:
        self.blocks.append(block)

        async def one(example: str, split: str) -> Answered:
            self.begun.append(example)
            await asyncio.sleep(0)
            rollout = Rollout(block.candidate.id, example, "dev", block.sample, "yes", Scored(1.0))
            return Answered(None, Failure("budget", "money: gone")) if example in self.halts else Answered(rollout)

        loop = asyncio.get_running_loop()
        return [loop.create_task(one(example.id, split)) for example, split in block.rows]

    async def close(self) -> None:
        self.closed += 1


def test_a_block_holds_what_is_neither_known_nor_under_way_each_row_once() -> None:
    async def scene() -> None:
        executor, journal, halt = Recording(), MemoryJournal(), Halt()
        harness = Harness(TASK, executor, journal, Replay(), halt)
        first, second = await asyncio.gather(
            harness.measure(0, CANDIDATE, DEV[:3]), harness.measure(1, CANDIDATE, [DEV[4], DEV[1], DEV[4], DEV[0]])
        )
        again = await harness.measure(2, CANDIDATE, DEV[:2])
        assert [[example.id for example, _ in block.rows] for block in executor.blocks] == [
            [DEV[0].id, DEV[1].id, DEV[2].id],
            [DEV[4].id],
        ]
        assert {split for block in executor.blocks for _, split in block.rows} == {"dev"}
        assert second is not None and [r.example for r in second] == [DEV[4].id, DEV[1].id, DEV[4].id, DEV[0].id]
        assert first is not None and again == first[:2]
        assert [e.rollout.example for e in journal.events if isinstance(e, RolloutDone)] == [
            DEV[0].id,
            DEV[1].id,
            DEV[2].id,
            DEV[4].id,
        ]
        assert harness.calls(CANDIDATE) == 3

    asyncio.run(scene())


def test_a_failure_that_means_the_end_halts_the_run_and_is_no_rollout() -> None:
    async def scene() -> None:
        executor, journal, halt = Recording(frozenset({DEV[1].id})), MemoryJournal(), Halt()
        harness = Harness(TASK, executor, journal, Replay(), halt)
        assert await harness.measure(0, CANDIDATE, DEV[:3]) is None
        assert (halt.ending, halt.reason) == ("money", "money: gone")
        assert [e.rollout.example for e in journal.events if isinstance(e, RolloutDone)] == [DEV[0].id, DEV[2].id]
        assert await harness.measure(0, CANDIDATE, [DEV[5]]) is None  # not taken: the search's money is gone

    asyncio.run(scene())


def test_closing_closes_the_executor() -> None:
    async def scene() -> None:
        executor = Recording()
        await Harness(TASK, executor, MemoryJournal(), Replay(), Halt()).close()
        assert executor.closed == 1

    asyncio.run(scene())
