"""What the engine makes of a program's answers: scored, failed or wrong by the program's own doing, with its steps in the journal."""

import asyncio
from dataclasses import replace

from topout.contracts import Model, Solve, Solved
from topout.domain import Candidate, Example, Failure, Prompt, Rollout, RolloutDone, Scored, Step, Unscored
from topout.engine.halt import Halt
from topout.engine.harness import Harness, Seat
from topout.engine.local import LocalExecutor
from topout.engine.replay import Replay
from topout.testing.fakes import FakeModel, MemoryJournal, made_up_task, say_right
from topout.text.fingerprints import prompt_id

STEP = Step("look", {"question": "where"}, "there", "k1", 10, 2, 0.5, False)


class Scripted:
    """A program that comes to the same end on every row."""

    def __init__(self, end: Solved | Failure) -> None:
        self.end = end
        self.bound = 0

    def calls(self, prompt: Prompt) -> int:
        return 2

    def bind(self, prompt: Prompt) -> Solve:
        self.bound += 1

        async def solve(example: Example, sample: int, model: Model, name: str) -> Solved | Failure:
            return self.end

        return solve


def measured(end: Solved | Failure) -> Rollout:
    """The rollout that such an end makes, as the journal has it."""

    async def go() -> Rollout:
        task = made_up_task(train=2, dev=2, holdout=2)
        seat, journal = Seat(FakeModel(lambda request: "unused"), "fake"), MemoryJournal()
        harness = Harness(task, LocalExecutor(task, say_right, seat, seat, Scripted(end)), journal, Replay(), Halt())
        baseline = Candidate(prompt_id(task.baseline), task.baseline)
        rollouts = await harness.measure(0, baseline, task.rows("dev")[:1])
        assert rollouts is not None
        assert journal.events == [RolloutDone(0, rollouts[0])]
        return rollouts[0]

    return asyncio.run(go())


def test_the_final_answer_is_scored_and_the_steps_are_kept() -> None:
    rollout = measured(Solved("right", steps=(STEP,)))
    assert rollout.score == Scored(1.0, "right")
    assert rollout.steps == (STEP,)


def test_a_programs_own_fault_scores_zero_and_the_critic_reads_why() -> None:
    rollout = measured(Solved("", steps=(STEP,), wrong="the program raised KeyError: 'x' (program.py:3)"))
    assert rollout.score == Scored(0.0, "the program raised KeyError: 'x' (program.py:3)")
    assert rollout.failure is None


def test_an_outage_in_mid_program_has_no_score_and_keeps_its_steps() -> None:
    rollout = measured(Failure("outage", "down", steps=(STEP,)))
    assert rollout.score == Unscored("outage: down")
    assert (rollout.failure, rollout.steps) == ("outage", (STEP,))


def test_a_prompt_is_put_in_place_once_for_rows_that_are_asked_one_by_one() -> None:
    program = Scripted(Solved("right"))

    async def go() -> None:
        task = made_up_task(train=2, dev=20, holdout=2)
        seat = Seat(FakeModel(lambda request: "unused"), "fake")
        harness = Harness(task, LocalExecutor(task, say_right, seat, seat, program), MemoryJournal(), Replay(), Halt())
        for number in range(2):
            prompt = replace(task.baseline, retrieved=number)
            for row in task.rows("dev"):
                await harness.measure(0, Candidate(prompt_id(prompt), prompt), [row])

    asyncio.run(go())
    assert program.bound == 2
