"""Our engine and an optimizer of it on a ground, in memory: no exam call counts against the search."""

from __future__ import annotations

import asyncio

from benchmarks.search.course import Course, Stage
from benchmarks.search.landscape import Ground
from topout.contracts import Optimizer
from topout.domain import AttemptDone, Event, Prompt, RolloutDone, Scored
from topout.engine.exam import ExamPlan
from topout.testing.engine_room import run_in_memory

__all__ = ["run_ours", "searched"]


def run_ours(ground: Ground, optimizer: Optimizer, calls: int, seed: int, exam: bool = False, opening_rows: int = 0) -> Course:
    """Search with `calls` calls of both models together, the baseline measured on `opening_rows` dev rows (0: all). `exam` measures the winner on the holdout
    besides."""
    return course_of(ground, *asyncio.run(searched(ground, optimizer, calls, seed, exam, opening_rows)))


async def searched(
    ground: Ground, optimizer: Optimizer, calls: int, seed: int, exam: bool, opening_rows: int
) -> tuple[list[Event], str]:
    plan = ExamPlan(calls, 2, ground.task.rows("holdout") if exam else (), ())
    done = await run_in_memory(
        ground.task,
        ground.scorer,
        optimizer,
        ground.model,
        ground.critic,
        max_calls=calls,
        seed=seed,
        plan=plan,
        opening_rows=opening_rows,
    )
    return done.events, done.finish.winner.id if done.finish.winner else ""


def course_of(ground: Ground, events: list[Event], winner: str) -> Course:
    """The course of a run from its events."""
    prompts: dict[str, Prompt] = {}
    dev: dict[str, list[float]] = {}
    held: list[float] = []
    for event in events:
        if isinstance(event, AttemptDone) and event.attempt.candidate is not None:
            prompts[event.attempt.candidate.id] = event.attempt.candidate.prompt
        elif isinstance(event, RolloutDone) and isinstance(event.rollout.score, Scored):
            if event.rollout.split == "dev":
                dev.setdefault(event.rollout.candidate, []).append(event.rollout.score.value)
            elif event.rollout.split == "holdout" and event.rollout.candidate == winner:
                held.append(event.rollout.score.value)
    stages: list[Stage] = []
    calls = 0
    for event in events:
        if isinstance(event, AttemptDone):
            calls = event.calls
            prompt = prompts[event.champion]
            if not stages or stages[-1].prompt != prompt:
                scores = dev[event.champion]
                stages.append(Stage(calls, prompt, sum(scores) / len(scores)))
    return Course(tuple(stages), calls, sum(held) / len(held) if held else None)
