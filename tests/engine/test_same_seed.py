"""A run is a function of its seed and the replies, however fast and in whatever order they come."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from topout.domain import AttemptDone, Event, RunEnded, RunStarted
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, UnevenModel, fixed_accuracy, made_up_task, say_right, writing_critic

SETTINGS = EvolveSettings(lanes=4, read_rows=8, first_block=4)


def events_of(seed: int, salt: int, capacity: int) -> list[Event]:
    model = UnevenModel(fixed_accuracy(0.6, seed), salt=salt, capacity=capacity)
    critic = UnevenModel(writing_critic(), salt=salt, capacity=capacity, most_turns=60)
    work = run_in_memory(made_up_task(30, 40, 40), say_right, Evolve(SETTINGS), model, critic, max_calls=420, seed=seed)
    return asyncio.run(work).events


def decisions(events: list[Event]) -> list[AttemptDone]:
    return [e for e in events if isinstance(e, AttemptDone)]


def timeless(events: list[Event]) -> list[Event]:
    return [replace(e, at=0.0) if isinstance(e, RunStarted | RunEnded) else e for e in events]


@pytest.mark.parametrize("seed", range(20))
def test_the_same_seed_and_replies_decide_alike_at_any_latency_and_capacity(seed: int) -> None:
    alone = decisions(events_of(seed, 0, 1))
    assert len(alone) > 3
    assert decisions(events_of(seed, 1, 3)) == alone
    assert decisions(events_of(seed, 2, 64)) == alone


def test_another_seed_decides_otherwise() -> None:
    assert decisions(events_of(1, 0, 8)) != decisions(events_of(2, 0, 8))


def test_one_call_at_a_time_writes_the_same_journal_event_for_event() -> None:
    assert timeless(events_of(4, 0, 1)) == timeless(events_of(4, 0, 1))


def test_a_clock_instead_of_turns_changes_nothing() -> None:
    model = FakeModel(fixed_accuracy(0.6, 7), latency_s=0.001, capacity=16)
    critic = FakeModel(writing_critic(), latency_s=0.004)
    work = run_in_memory(made_up_task(30, 40, 40), say_right, Evolve(SETTINGS), model, critic, max_calls=420, seed=7)
    clocked = [replace(done.attempt) for done in decisions(asyncio.run(work).events)]
    assert [done.attempt for done in decisions(events_of(7, 0, 1))] == clocked
