"""Answers rows in this process: every row is a coroutine, the gateway says how many calls are really in flight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from topout.contracts import Answered, Block, Program, Scorer, Solve
from topout.domain import Candidate, Example, Failure, Prompt, Score, Scored, Split, Task, Unscored
from topout.engine.halt import halting
from topout.engine.judging import Judging
from topout.engine.meter import Meter
from topout.engine.scoring import Scoring
from topout.engine.seats import Seat
from topout.engine.single import SingleCall
from topout.text.untrusted import well_formed

__all__ = ["LocalExecutor"]

BOUND = 64
"""So many programs with their prompts in place are kept: more than are raced and examined at a time."""


class LocalExecutor:
    """Implements `topout.contracts.Executor`. `seat` answers for train and dev, `exam_seat` for holdout and shift (the same model on another purse).
    `program` is how a prompt answers an example: by one call, unless the task brings a program of its own. With a `judge`, that scores the answers, and
    `scorer` is not asked."""

    def __init__(
        self,
        task: Task,
        scorer: Scorer,
        seat: Seat,
        exam_seat: Seat,
        program: Program | None = None,
        judge: Judging | None = None,
    ) -> None:
        self._scoring = Scoring(scorer)
        self._program: Program = program or SingleCall(task)
        self._judge = judge
        self._seat = seat
        self._exam_seat = exam_seat
        self._bound: OrderedDict[str, Solve] = OrderedDict()

    def calls(self, prompt: Prompt) -> int:
        return self._program.calls(prompt) + (self._judge.calls if self._judge is not None else 0)

    def answer(self, block: Block) -> Sequence[Awaitable[Answered]]:
        candidate, sample = block.candidate, block.sample
        solve = self._solve(candidate)
        return [self._later(candidate, example, split, sample, solve) for example, split in block.rows]

    async def close(self) -> None:
        self._scoring.close()

    def _solve(self, candidate: Candidate) -> Solve:
        """The program with the candidate's prompt, made once for blocks that follow each other: DSPy takes 18 ms to put a prompt into a module."""
        if candidate.id not in self._bound:
            self._bound[candidate.id] = self._program.bind(candidate.prompt)
            if len(self._bound) > BOUND:
                self._bound.popitem(last=False)
        self._bound.move_to_end(candidate.id)
        return self._bound[candidate.id]

    def _later(self, candidate: Candidate, example: Example, split: Split, sample: int, solve: Solve) -> Later:
        return Later(lambda: self._answer(candidate, example, split, sample, solve))

    async def _answer(self, candidate: Candidate, example: Example, split: Split, sample: int, solve: Solve) -> Answered:
        seat = self._exam_seat if split in ("holdout", "shift") else self._seat
        meter = Meter(seat.model, self._program.calls(candidate.prompt))
        made = await solve(example, sample, meter, seat.name)
        halted = meter.halted or (made if isinstance(made, Failure) and halting(made) is not None else None)
        if halted is not None:
            return Answered(None, halted)
        if isinstance(made, Failure):
            reason = Unscored(f"{made.kind}: {made.message}")
            return Answered(meter.rollout(candidate.id, example.id, split, sample, "", reason, 0.0, made.steps, failure=made.kind))
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
        if judged is None:
            return Answered(replace(rollout, failure="unreadable") if isinstance(score, Unscored) else rollout)
        rollout = replace(rollout, judged=judged.calls, failure=judged.failure)
        if judged.halted is None:
            return Answered(rollout)
        # bought, and perhaps never asked for again: a resumed run has to have it on its books
        return Answered(replace(rollout, judged=tuple(call for call in judged.calls if call.key)), judged.halted)


@dataclass(frozen=True, slots=True)
class Later:
    """Work that begins when it is awaited: a row that is not wanted any more costs nothing."""

    begin: Callable[[], Coroutine[Any, Any, Answered]]

    def __await__(self) -> Generator[Any, None, Answered]:
        return self.begin().__await__()
