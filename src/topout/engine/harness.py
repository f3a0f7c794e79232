"""Candidate x examples -> rollouts. Nothing is asked twice, every answer is journaled, an outage is never a score.

A pair that failed is not asked again either (the gateway has done its retries): whether two attempts share a row's failure or a second try
must not depend on which of them came first, and a second try would be a call that nobody was granted. A resumed run does ask again what
no committed attempt has seen fail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from topout.contracts import Journal, Program, Scorer, Solve, Solved
from topout.domain import (
    ALONE,
    EXAM,
    Candidate,
    Example,
    Failure,
    Prompt,
    Rollout,
    RolloutDone,
    Score,
    Scored,
    Split,
    Task,
    Unscored,
)
from topout.engine.halt import Halt, halting
from topout.engine.judging import Judging
from topout.engine.meter import Meter
from topout.engine.replay import Key, Replay
from topout.engine.scoring import Scoring
from topout.engine.seats import Seat
from topout.engine.single import SingleCall
from topout.text.untrusted import well_formed

__all__ = ["Harness", "Seat"]


class Harness:
    """Measures candidates. `seat` answers for train and dev, `exam_seat` for holdout and shift (the same model on another purse). `program` is how
    a prompt answers an example: by one call, unless the task brings a program of its own. With a `judge`, that scores the answers, and `scorer` is not
    asked."""

    def __init__(
        self,
        task: Task,
        scorer: Scorer,
        seat: Seat,
        exam_seat: Seat,
        journal: Journal,
        replay: Replay,
        halt: Halt,
        program: Program | None = None,
        judge: Judging | None = None,
    ) -> None:
        self._scoring = Scoring(scorer)
        self.program: Program = program or SingleCall(task)
        self._judge = judge
        self._seat = seat
        self._exam_seat = exam_seat
        self._journal = journal
        self._replay = replay
        self._halt = halt
        self._split_of: dict[str, Split] = {e.id: split for split, rows in task.splits.items() for e in rows}
        self._known: dict[Key, Rollout] = dict(replay.rollouts)
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
        self._scoring.close()

    async def measure(
        self, attempt: int, candidate: Candidate, examples: Sequence[Example], sample: int = 0
    ) -> list[Rollout] | None:
        """One rollout an example, in their order; None when the run is being halted before all of them are known.

        All are asked at once; how many are really in flight is the gateway's affair.
        """
        out: list[Rollout | None] = []
        waiting: list[tuple[int, asyncio.Task[Rollout | None]]] = []
        solve: Solve | None = None
        for example in examples:
            key = (candidate.id, example.id, sample)
            rollout = self._recall(attempt, key)
            if rollout is None:
                task = self._asking.get(key)
                if task is None:
                    solve = solve or self.program.bind(candidate.prompt)
                    task = asyncio.create_task(self._ask(attempt, candidate, example, sample, solve))
                    task.add_done_callback(look)
                    self._asking[key] = task
                waiting.append((len(out), task))
            out.append(rollout)
        for position, task in waiting:
            out[position] = await asyncio.shield(task)
        complete = [r for r in out if r is not None]
        return complete if len(complete) == len(out) else None

    def calls(self, candidate: Candidate) -> int:
        """The most calls that one rollout of this candidate makes."""
        return self.weight(candidate.prompt)

    def weight(self, prompt: Prompt) -> int:
        """The most calls that one answer of this prompt takes, those of the judge included."""
        return self.program.calls(prompt) + (self._judge.calls if self._judge is not None else 0)

    def _recall(self, attempt: int, key: Key) -> Rollout | None:
        return self._replay.told(attempt, key) or self._known.get(key)

    async def _ask(self, attempt: int, candidate: Candidate, example: Example, sample: int, solve: Solve) -> Rollout | None:
        try:
            return await self._answer(attempt, candidate, example, sample, solve)
        finally:
            del self._asking[candidate.id, example.id, sample]

    async def _answer(self, attempt: int, candidate: Candidate, example: Example, sample: int, solve: Solve) -> Rollout | None:
        split = self._split_of[example.id]
        if self._halt.bars(split):
            return None
        seat = self._exam_seat if split in ("holdout", "shift") else self._seat
        meter = Meter(seat.model, self.program.calls(candidate.prompt))
        made = await solve(example, sample, meter, seat.name)
        if self._halts(meter.halted or made, attempt, sample):
            return None
        if isinstance(made, Failure):
            reason = Unscored(f"{made.kind}: {made.message}")
            rollout = meter.rollout(candidate.id, example.id, split, sample, "", reason, 0.0, made.steps, made.kind)
        else:
            answer = well_formed(made.answer)
            wrong = well_formed(made.wrong)
            judged = await self._judge.of(answer, example, split, sample) if self._judge is not None and not wrong else None
            if judged is not None:
                score: Score = judged.score
            else:
                score = Scored(0.0, wrong) if wrong else await self._scoring.of(answer, example)
            rollout = meter.rollout(
                candidate.id, example.id, split, sample, answer, score, made.latency_s, made.steps, unread=made.unread
            )
            if judged is not None:
                rollout = replace(rollout, judged=judged.calls, failure=judged.failure)
                if self._halts(judged.halted, attempt, sample):
                    # bought, and perhaps never asked for again: a resumed run has to have it on its books
                    bought = tuple(call for call in judged.calls if call.key)
                    self._journal.append(RolloutDone(attempt, replace(rollout, judged=bought)))
                    return None
        self._known[candidate.id, example.id, sample] = rollout
        self._journal.append(RolloutDone(attempt, rollout))
        return rollout

    def _halts(self, made: Solved | Failure | None, attempt: int, sample: int) -> bool:
        """Whether this means that the run has to end; then it is told so."""
        ending = halting(made) if isinstance(made, Failure) else None
        if ending is None or not isinstance(made, Failure):
            return False
        if attempt not in (EXAM, ALONE) or ending in ("stopped", "outage"):
            self._halt.set(ending, made.message)
        elif attempt == EXAM and sample == 0:
            self._halt.exam_cut = (ending, f"in the exam: {made.message}")
        return True


def look(task: asyncio.Task[Rollout | None]) -> None:
    """An error is raised by the `measure` that waits; when that has met another one first, this one is not to be reported as lost."""
    if not task.cancelled():
        task.exception()
