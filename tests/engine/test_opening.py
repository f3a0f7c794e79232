"""A search that does not begin with a full pass over dev."""

from __future__ import annotations

import asyncio

from topout.domain import AttemptDone, Event, Failure, Request, RolloutDone
from topout.engine.loop import BASELINE
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic

SETTINGS = EvolveSettings(lanes=2, read_rows=8, first_block=4, least_rows=12, rows_per_call=0.1, edits=1)


def events(opening_rows: int, before: list[Event] | None = None, max_calls: int = 600) -> list[Event]:
    task = made_up_task(30, 60, 40)
    model, critic = FakeModel(fixed_accuracy(0.6, 1)), FakeModel(writing_critic())
    work = run_in_memory(
        task, say_right, Evolve(SETTINGS), model, critic, max_calls=max_calls, before=before or (), opening_rows=opening_rows
    )
    return asyncio.run(work).events


def rows_of(found: list[Event], candidate: str) -> set[str]:
    return {
        e.rollout.example
        for e in found
        if isinstance(e, RolloutDone) and (e.rollout.candidate, e.rollout.split) == (candidate, "dev")
    }


def test_the_baseline_is_measured_on_the_opening_rows_and_whoever_is_beaten_on_those_of_the_winner_too() -> None:
    found = events(12)
    attempts = [e.attempt for e in found if isinstance(e, AttemptDone)]
    assert (attempts[0].number, attempts[0].rows) == (BASELINE, 12)
    kept = [a for a in attempts[1:] if a.outcome == "kept" and a.candidate is not None]
    assert max(a.rows for a in kept) > 12
    assert all(a.rows <= len(rows_of(found, a.parents[0])) for a in kept)
    others = {a.candidate.id for a in attempts if a.outcome == "dropped" and a.candidate is not None}
    assert any(len(rows_of(found, one)) == 4 for one in others)


def test_without_opening_rows_it_is_measured_on_all() -> None:
    found = events(0)
    assert next(e.attempt.rows for e in found if isinstance(e, AttemptDone)) == 60


def test_a_run_that_opened_on_few_rows_and_was_cut_goes_on_as_it_would_have() -> None:
    whole = events(12)
    done = [i for i, e in enumerate(whole) if isinstance(e, AttemptDone)]
    resumed = events(12, before=whole[: done[len(done) // 2] + 1])
    decided = [(e.attempt.number, e.attempt.outcome, e.champion) for e in whole if isinstance(e, AttemptDone)]
    assert [(e.attempt.number, e.attempt.outcome, e.champion) for e in resumed if isinstance(e, AttemptDone)] == decided


def test_rows_that_fail_at_the_start_are_not_made_up_for_by_rows_that_nobody_set_aside() -> None:
    """Row by row the first ones go ahead until one is answered: all of them rows that the baseline is measured on anyway."""

    def refusing_the_first(request: Request) -> str | Failure:
        return Failure("context", "too long") if request.messages[-1].content == "Row: dev row number 0" else "right"

    task = made_up_task(30, 60, 40)
    model = FakeModel(refusing_the_first)
    work = run_in_memory(task, say_right, Evolve(SETTINGS), model, FakeModel(writing_critic()), max_calls=600, opening_rows=12)
    found = asyncio.run(work).events
    baseline = next(e.attempt.candidate for e in found if isinstance(e, AttemptDone))
    assert baseline is not None
    before = [e.rollout for e in found if isinstance(e, RolloutDone) and e.attempt == BASELINE]
    assert len(before) == 12
