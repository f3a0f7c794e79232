"""Carrying out a move: the rows that a rewrite was written from come before the race."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from topout.contracts import Critique, Member, Move
from topout.domain import Attempt, Candidate, Example, Message, Prompt, Rollout, Score, Scored, Task, Unscored
from topout.search.trial import Terms, carry_out
from topout.testing.fakes import made_up_task

TASK = made_up_task(4, 8, 0)
PARENT = Member(Candidate("parent", TASK.baseline), (0.0,) * 8, 0.0, 10.0)
MOVE = Move("rewrite", (PARENT,), read=TASK.rows("train"), component="system")
DOWN = Unscored("down")


@dataclass
class OneAttempt:
    """A lab that scores rows by candidate; `asked` are the rows of each measurement."""

    score: Callable[[str, str], Score]
    task: Task = TASK
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    def rng(self, purpose: str) -> random.Random:
        return random.Random(0)

    async def measure(self, candidate: Candidate, examples: Sequence[Example]) -> list[Rollout] | None:
        self.asked.append((candidate.id, [e.id for e in examples]))
        return [Rollout(candidate.id, e.id, "train", 0, "", self.score(candidate.id, e.id)) for e in examples]

    async def critique(self, move: Move, failing: Sequence[Rollout], passing: Sequence[Rollout]) -> Critique | None:
        return Critique(TASK.baseline.with_text("system", "Answer well."), "why")

    async def ask(self, messages: Sequence[Message]) -> str | None:
        return None

    def candidate(self, prompt: Prompt, move: Move, rationale: str) -> Candidate:
        return Candidate("child", prompt, ("parent",), move.operator, rationale)


def tried(child: Callable[[str], Score], parent: float = 0.0) -> tuple[Attempt, OneAttempt]:
    lab = OneAttempt(lambda candidate, row: child(row) if candidate == "child" else Scored(parent))
    return asyncio.run(carry_out(3, MOVE, lab, Terms(proof_rows=3, first_block=8))), lab


def test_a_rewrite_that_is_no_better_on_failing_rows_that_it_was_written_from_never_comes_to_a_race() -> None:
    attempt, lab = tried(lambda row: Scored(0.5), parent=0.5)
    assert (attempt.outcome, attempt.reason) == ("dropped", "no better on 3 failing train rows that it was written from")
    assert [(name, len(rows)) for name, rows in lab.asked] == [("parent", 4), ("child", 3)]


def test_one_that_is_better_there_is_raced_over_dev() -> None:
    attempt, lab = tried(lambda row: Scored(1.0))
    assert (attempt.outcome, attempt.gain, attempt.rows) == ("kept", 1.0, 8)
    assert [(name, len(rows)) for name, rows in lab.asked] == [("parent", 4), ("child", 3), ("child", 8)]


def test_an_outage_on_those_rows_is_no_wrong_answer() -> None:
    first, _ = tried(lambda row: Scored(1.0) if row.startswith("dev") or row == "train-0" else DOWN, parent=0.5)
    assert first.outcome == "kept"
    none, lab = tried(lambda row: DOWN)
    assert (none.outcome, none.reason) == ("failed", "none of 3 train rows that it was written from could be scored")
    assert len(lab.asked) == 2
