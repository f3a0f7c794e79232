"""What a user is promised of a run's calls, whatever the speed of the models."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import pytest

from topout.contracts import History, Lab, Move, Optimizer, Stop
from topout.domain import SPLITS, Attempt, AttemptDone, Example, Failure, Message, Request, RolloutDone, Task
from topout.engine.exam import plan_exam
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import Outcome, run_in_memory
from topout.testing.fakes import UnevenModel, fixed_accuracy, made_up_task, say_right, writing_critic

SETTINGS = EvolveSettings(lanes=4, read_rows=8, first_block=4)


def played(
    seed: int,
    capacity: int,
    max_calls: int,
    task: Task,
    answer: Callable[[Request], str | Failure] | None = None,
    optimizer: Optimizer | None = None,
) -> tuple[Outcome, UnevenModel, UnevenModel]:
    model = UnevenModel(answer or fixed_accuracy(0.6, seed), salt=seed, capacity=capacity)
    critic = UnevenModel(writing_critic(), salt=seed, capacity=capacity)
    outcome = asyncio.run(
        run_in_memory(task, say_right, optimizer or Evolve(SETTINGS), model, critic, max_calls=max_calls, seed=seed)
    )
    return outcome, model, critic


def flaky(share: float, salt: int) -> Callable[[Request], str | Failure]:
    """Of all calls a share gets no answer."""
    fails, answers = fixed_accuracy(share, salt + 1000), fixed_accuracy(0.6, salt)
    return lambda request: Failure("outage", "down") if fails(request) == "right" else answers(request)


def pairs(outcome: Outcome) -> Counter[tuple[str, str]]:
    return Counter((e.rollout.candidate, e.rollout.example) for e in outcome.events if isinstance(e, RolloutDone))


@pytest.mark.parametrize("seed", range(24))
def test_the_cap_holds_for_all_calls_together_and_no_pair_is_asked_twice(seed: int) -> None:
    capacity = (1, 2, 7, 64)[seed % 4]
    max_calls = (260, 400, 611)[seed % 3]
    outcome, model, critic = played(seed, capacity, max_calls, made_up_task(30, 40, 40, 6 * (seed % 2)))
    assert model.asked + critic.asked <= max_calls
    assert max(pairs(outcome).values()) == 1
    assert sum(pairs(outcome).values()) == model.asked


@pytest.mark.parametrize("seed", range(20))
def test_the_cap_holds_and_no_pair_is_asked_twice_when_calls_fail(seed: int) -> None:
    outcome, model, critic = played(seed, (1, 5, 64)[seed % 3], 400, made_up_task(30, 40, 40), flaky(0.2, seed))
    assert model.asked + critic.asked <= 400
    assert max(pairs(outcome).values()) == 1
    assert sum(pairs(outcome).values()) == model.asked


def test_the_search_goes_on_until_no_race_could_be_finished_with_what_is_left() -> None:
    task = made_up_task(30, 40, 40)
    outcome, _, _ = played(0, 64, 400, task)
    last = [e for e in outcome.events if isinstance(e, AttemptDone)][-1]
    assert outcome.finish.ending == "budget"
    assert plan_exam(task, 400, 0.4).search - 57 <= last.calls <= plan_exam(task, 400, 0.4).search


@pytest.mark.parametrize("seed", range(8))
def test_the_exam_always_has_its_calls(seed: int) -> None:
    task = made_up_task(30, 40, 40, 10)
    outcome, _, _ = played(seed, 64, 500, task)
    assert outcome.finish.winner is not None
    done = [e.rollout for e in outcome.events if isinstance(e, RolloutDone)]
    first = next(e for e in outcome.events if isinstance(e, AttemptDone))
    for candidate in {first.champion, outcome.finish.winner.id}:
        assert sum(r.candidate == candidate and r.split == "holdout" for r in done) == 40
        assert sum(r.candidate == candidate and r.split == "shift" for r in done) == 10


def test_the_journal_counts_the_calls_that_were_made() -> None:
    outcome, model, critic = played(3, 64, 500, made_up_task(30, 40, 40))
    last = [e for e in outcome.events if isinstance(e, AttemptDone)][-1]
    searched = sum(e.rollout.split in ("train", "dev") for e in outcome.events if isinstance(e, RolloutDone))
    assert last.task_calls == searched
    assert last.calls == searched + critic.asked - 1  # the analysis of failures is no part of the search
    assert model.asked >= searched + 40


def test_the_critic_and_the_search_never_see_a_holdout_row() -> None:
    outcome, model, critic = played(5, 64, 600, made_up_task(30, 40, 40))
    assert not [r for r in critic.requests if "holdout" in r.messages[-1].content]
    demos = [r for r in model.requests for message in r.messages[:-1] if "holdout" in message.content or "dev" in message.content]
    assert demos == []
    assert outcome.finish.winner is not None


class Peeking(Evolve):
    """An optimizer that asks for a row that it should not know."""

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        await lab.measure(move.parents[0].candidate, [Example("holdout-3", {"text": "x"}, "right")])
        return await super().attempt(number, move, lab)


def test_an_optimizer_cannot_reach_the_holdout() -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        played(1, 4, 400, made_up_task(30, 40, 40), optimizer=Peeking(SETTINGS))
    assert "the optimizer asked for 'holdout-3', which is no train or dev row" in str(flat(caught.value))


def flat(error: BaseException) -> list[str]:
    return [text for one in error.exceptions for text in flat(one)] if isinstance(error, BaseExceptionGroup) else [str(error)]


class Looking(Evolve):
    """An optimizer that looks at what it is shown of the task."""

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        assert [split for split in SPLITS if history.task.rows(split)] == ["train", "dev"]
        return super().plan(number, history, rng)

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        assert [split for split in SPLITS if lab.task.rows(split)] == ["train", "dev"]
        return await super().attempt(number, move, lab)


def test_an_optimizer_is_shown_train_and_dev_rows_only() -> None:
    outcome, _, _ = played(1, 4, 400, made_up_task(30, 40, 40, 5), optimizer=Looking(SETTINGS))
    assert outcome.finish.ending == "budget"


class AtOnce:
    """An optimizer of somebody's own, that measures two prompts and asks the critic side by side, and announces a call for all of it."""

    lanes = 3

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        return Move("rewrite", (history.pool[0],), calls=1)

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        prompt = move.parents[0].candidate.prompt
        children = [lab.candidate(prompt.with_text("system", f"Answer, {number}, {i}."), move, "") for i in range(2)]
        dev = lab.task.rows("dev")
        asked = [lab.ask([Message("user", f"{number}, {i}?")]) for i in range(3)]
        told = await asyncio.gather(*(lab.measure(child, dev[:15]) for child in children), *asked)
        return Attempt(number, "rewrite", (), "cut" if None in told else "dropped")


@pytest.mark.parametrize("max_calls", range(260, 300, 5))
def test_the_cap_holds_for_an_optimizer_that_asks_for_several_things_at_once(max_calls: int) -> None:
    outcome, model, critic = played(0, 64, max_calls, made_up_task(30, 40, 40), optimizer=AtOnce())
    plan = plan_exam(made_up_task(30, 40, 40), max_calls, 0.4)
    assert [e for e in outcome.events if isinstance(e, AttemptDone)][-1].calls <= plan.search
    assert model.asked + critic.asked <= max_calls
