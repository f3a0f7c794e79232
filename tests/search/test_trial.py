"""Carrying out a move: the rows that a rewrite was written from come before the race."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

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


def raced(parent: Sequence[float], child: Callable[[str], Score], bar: tuple[float, ...] = ()) -> tuple[Attempt, OneAttempt]:
    """A prompt that needs no critic against a parent with these dev scores (nan: not measured), two rows first."""
    move = Move("demos", (replace(PARENT, scores=tuple(parent)),), prompt=TASK.baseline, bar=bar)
    lab = OneAttempt(lambda candidate, row: child(row) if candidate == "child" else Scored(0.25))
    return asyncio.run(carry_out(0, move, lab, Terms(first_block=2, stay_z=0.0))), lab


def test_what_a_challenger_is_held_against_is_the_bar_and_what_is_told_is_the_difference_to_its_parent() -> None:
    attempt, lab = raced([0.0] * 8, lambda row: Scored(0.5), (0.75,) * 8)
    assert (attempt.outcome, attempt.gain, attempt.rows) == ("dropped", 0.5, 2)
    assert len(lab.asked) == 1
    assert raced([1.0] * 8, lambda row: Scored(0.5), (0.25,) * 8)[0].outcome == "kept"


def test_rows_that_the_parent_was_measured_on_are_met_first_and_it_is_measured_on_the_others_at_the_end() -> None:
    nan = float("nan")
    attempt, lab = raced([nan, 0.5, nan, 0.5, nan, 0.5, nan, 0.5], lambda row: Scored(1.0))
    odd, even = {f"dev-{i}" for i in (1, 3, 5, 7)}, {f"dev-{i}" for i in (0, 2, 4, 6)}
    met = [row for name, rows in lab.asked if name == "child" for row in rows]
    assert (set(met[:4]), set(met[4:])) == (odd, even)
    assert (lab.asked[-1][0], set(lab.asked[-1][1])) == ("parent", even)
    assert (attempt.outcome, attempt.gain, attempt.rows) == ("kept", 0.625, 8)


def test_a_race_goes_on_as_long_as_half_of_its_rows_are_scored() -> None:
    half, _ = raced([0.0] * 8, lambda row: Scored(1.0) if int(row[-1]) % 2 else DOWN)  # one of two, three of six, four of eight
    assert (half.outcome, half.rows) == ("kept", 4)
    under, lab = raced([0.0] * 8, lambda row: Scored(1.0) if row == "dev-5" else DOWN)  # one of two, one of six
    assert (under.outcome, under.reason, len(lab.asked)) == ("failed", "only 1 of 6 rows could be scored", 2)
