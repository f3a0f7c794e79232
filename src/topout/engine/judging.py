"""Asks a judge: a scorer that puts questions to a model of its own.

What it was told is part of the rollout, so a score is journaled with the words that it rests on, and a resumed run asks no judge again for a rollout that it
knows. A judge that is down, or whose verdict cannot be read, leaves the row without a score: the answer is not to blame.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from topout.contracts import Judge
from topout.domain import Example, Failure, FailureKind, Message, Reply, Request, Score, Split, Step, Unscored
from topout.engine.halt import halting
from topout.engine.meter import step_of
from topout.engine.seats import Seat
from topout.text.untrusted import well_formed

__all__ = ["Judged", "Judging"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge's score with the calls it took. `failure` is set where there is no score, `halted` where the run has to end."""

    score: Score
    calls: tuple[Step, ...]
    failure: FailureKind | None = None
    halted: Failure | None = None


class Judging:
    """The judge of a run. `seat` judges answers to train and dev rows, `exam_seat` those to holdout and shift (the same model on another purse)."""

    def __init__(self, judge: Judge, seat: Seat, exam_seat: Seat) -> None:
        self.calls = judge.calls
        self._judge = judge
        self._seat = seat
        self._exam_seat = exam_seat

    async def of(self, answer: str, example: Example, split: Split, sample: int) -> Judged:
        """The score of an answer; `sample` tells repeated judgements of it apart."""
        seat = self._exam_seat if split in ("holdout", "shift") else self._seat
        questions = self._judge.ask(answer, example)
        told = await asyncio.gather(*(self._ask(seat, messages, sample) for messages in questions))
        failures = [one for one in told if isinstance(one, Failure)]
        calls = tuple(call_of(f"judge {place}", one) for place, one in enumerate(told, 1))
        halted = next((one for one in failures if halting(one) is not None), None)
        if failures:
            first = halted or failures[0]
            return Judged(Unscored(f"{first.kind}: judge: {first.message}"), calls, first.kind, halted)
        score = self._judge.read([well_formed(one.text) for one in told if isinstance(one, Reply)])
        if isinstance(score, Unscored):
            return Judged(Unscored(f"unreadable: {score.reason}"), calls, "unreadable")
        return Judged(score, calls)

    async def _ask(self, seat: Seat, messages: tuple[Message, ...], sample: int) -> Reply | Failure:
        judge = self._judge
        return await seat.model.complete(
            Request(
                seat.name,
                messages,
                "judge",
                temperature=judge.temperature,
                max_output_tokens=judge.max_output_tokens,
                sample=sample,
            )
        )


def call_of(name: str, told: Reply | Failure) -> Step:
    """A call of the judge as the journal keeps it; one that failed has no key."""
    if isinstance(told, Reply):
        return step_of(name, told)
    usage = told.usage
    return Step(name, {}, f"{told.kind}: {told.message}", "", usage.prompt_tokens, usage.output_tokens, told.cost_usd)
