"""The end of a search, read from its journal, is what its optimizer saw last."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from topout.contracts import History, Lab, Move, Optimizer, Stop
from topout.domain import PROBE_ATTEMPTS, Attempt, Prompt, Rollout, RolloutDone, Scored, probe_of
from topout.engine.past import past_of
from topout.search.evolve import Evolve, EvolveSettings
from topout.search.trial import Terms, carry_out
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import UnevenModel, fixed_accuracy, made_up_task, say_right, writing_critic


@dataclass
class Remembering:
    """Keeps the views that an optimizer is handed: they show the end of the search once it is over."""

    optimizer: Optimizer
    seen: list[History] = field(default_factory=list)

    @property
    def lanes(self) -> int:
        return self.optimizer.lanes

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        self.seen.append(history)
        return self.optimizer.plan(number, history, rng)

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        return await self.optimizer.attempt(number, move, lab)


def one_call(prompt: Prompt) -> int:
    return 1


@pytest.mark.parametrize(("capacity", "opening"), [(1, 0), (16, 0), (1, 8), (16, 8)])
def test_the_journal_of_a_search_tells_its_last_history(capacity: int, opening: int) -> None:
    task = made_up_task(30, 24, 30)
    settings = EvolveSettings(lanes=3, read_rows=8, first_block=4, least_rows=opening or 24, rows_per_call=0.05)
    optimizer = Remembering(Evolve(settings))
    model = UnevenModel(fixed_accuracy(0.6, 5), capacity=capacity)
    events = asyncio.run(
        run_in_memory(task, say_right, optimizer, model, UnevenModel(writing_critic()), max_calls=500, seed=3, opening_rows=opening)
    ).events
    last = optimizer.seen[-1]
    past, done = past_of(task, events, one_call)
    found = past.history(done.calls, 100)
    assert len(found.pool) > 1
    assert list(found.attempts) == list(last.attempts)
    assert list(found.pool) == list(last.pool)
    assert [list(rows) for rows in found.holders] == [list(rows) for rows in last.holders]
    assert found.train_scores == last.train_scores
    assert list(found.ease) == list(last.ease)
    assert found.task == last.task
    assert (found.calls, found.calls_left) == (done.calls, 100)
    assert past.champion.id == done.champion


def test_what_a_probe_bought_is_no_part_of_the_search() -> None:
    task = made_up_task(30, 24, 30)
    optimizer = Evolve(EvolveSettings(lanes=3, read_rows=8, first_block=4))
    model, critic = UnevenModel(fixed_accuracy(0.6, 5)), UnevenModel(writing_critic())
    events = asyncio.run(run_in_memory(task, say_right, optimizer, model, critic, max_calls=500, seed=3)).events
    bought = RolloutDone(PROBE_ATTEMPTS, Rollout("another", "train-3", "train", 0, "right", Scored(1.0)))
    past, done = past_of(task, [*events, bought], one_call)
    assert "another" not in past.history(done.calls, 0).train_scores


def test_a_journal_without_a_baseline_has_no_past() -> None:
    with pytest.raises(ValueError, match="no committed attempt"):
        past_of(made_up_task(), [], one_call)


@pytest.mark.parametrize(("attempt", "probe"), [(-2, 0), (-1, 0), (0, 0), (999_999, 0), (1_000_000, 1), (2_000_007, 2)])
def test_an_attempt_number_tells_its_probe(attempt: int, probe: int) -> None:
    assert probe_of(attempt) == probe


@dataclass
class Twins:
    """Two attempts in flight, again and again, that come to the same prompt."""

    lanes: int = 2

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        if number > 5:
            return Stop("enough")
        champion = history.pool[history.champion]
        prompt = champion.candidate.prompt.with_text("system", f"Answer, {number // 2}.")
        return Move("rewrite", (champion,), prompt=prompt, calls=24)

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        return await carry_out(number, move, lab, Terms(first_block=6, stay_z=-9.0))


@pytest.mark.parametrize("capacity", [1, 16])
def test_rows_that_another_attempt_in_flight_asked_for_first_are_in_the_past_of_both(capacity: int) -> None:
    task = made_up_task(30, 24, 30)
    optimizer = Remembering(Twins())
    model = UnevenModel(fixed_accuracy(0.6, 5), capacity=capacity)
    events = asyncio.run(run_in_memory(task, say_right, optimizer, model, UnevenModel(writing_critic()), max_calls=500)).events
    past, done = past_of(task, events, one_call)
    kept = [a for a in optimizer.seen[-1].attempts if a.outcome == "kept"]
    shared = {e.rollout.candidate for e in events if isinstance(e, RolloutDone) and e.attempt % 2 == 1}
    assert shared & {a.candidate.id for a in kept if a.candidate is not None}
    assert list(past.history(done.calls, 100).pool) == list(optimizer.seen[-1].pool)
    assert past.champion.id == done.champion
