"""A whole run in memory: the real engine and optimizer between fakes at the Model and Journal seams."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from topout.contracts import Journal, Judge, Model, Optimizer, Program, Scorer
from topout.domain import Event, Json, ProbeEnded, ProbeResumed, ProbeStarted, RunEnded, RunResumed, RunStarted, Task
from topout.engine.causes import Analyst
from topout.engine.critic import Critic
from topout.engine.exam import ExamPlan, plan_exam
from topout.engine.halt import Halt
from topout.engine.harness import Harness, Seat
from topout.engine.judging import Judging
from topout.engine.local import LocalExecutor
from topout.engine.loop import Finish, Run
from topout.engine.probe import Probe, again, begun, design, under_way
from topout.engine.replay import Replay
from topout.engine.single import SingleCall
from topout.plateau.curve import checkpoints
from topout.testing.fakes import MemoryJournal

__all__ = ["Outcome", "probe_in_memory", "run_in_memory"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, and all events: what `topout.report.findings.find` reads."""

    finish: Finish
    events: list[Event]


async def run_in_memory(
    task: Task,
    scorer: Scorer,
    optimizer: Optimizer,
    model: Model,
    critic: Model,
    *,
    max_calls: int,
    exam_share: float = 0.4,
    seed: int = 0,
    before: Sequence[Event] = (),
    journal: Journal | None = None,
    reader: Model | None = None,
    plan: ExamPlan | None = None,
    program: Program | None = None,
    votes: int = 1,
    judge: Model | None = None,
    opening_rows: int = 0,
) -> Outcome:
    """Run the engine. `before` are the events of an interrupted run to take up again; `journal` replaces the one in memory; `reader` analyses the
    failures after the search (the critic, without one); `plan` replaces the shares that `max_calls` and `exam_share` would give search and exam.
    `program` is how a prompt answers (by one call, without one), `votes` how many times as many calls as the baseline a candidate may take,
    `judge` the model that a scorer which is a judge asks, `opening_rows` how many dev rows the baseline is measured on (0: all)."""
    used = program or SingleCall(task)
    judging = None
    if isinstance(scorer, Judge) and judge is not None:
        judging = Judging(scorer, Seat(judge, "fake/judge"), Seat(judge, "fake/judge"))
    weight = used.calls(task.baseline) + (judging.calls if judging is not None else 0)
    plan = plan or plan_exam(
        task, max_calls, exam_share, weight=weight, votes=votes, noisy=judging is not None, opening_rows=opening_rows
    )
    marks = checkpoints(plan.search, plan.first_mark(len(task.rows("dev"))), most=plan.sittings)
    memory = MemoryJournal(list(before))
    manifest: dict[str, Json] = {"checkpoints": list(marks), "task": task.name, "levers": ["instructions", "demos"]}
    manifest |= {
        "asked": {"temperature": task.temperature},
        "exam": {"repeats": plan.repeats, "alone": plan.alone, "critiques": plan.critiques},
    }
    if not before:
        memory.append(RunStarted(1, "memory", {"model": "fake", "critic": "fake", "delta": 0.02}, manifest, time.time()))
    else:
        memory.append(RunResumed(time.time()))
    tape = journal or memory
    halt, replay = Halt(), Replay.of(before)
    seat = Seat(model, "fake/task")
    harness = Harness(task, LocalExecutor(task, scorer, seat, seat, used, judging), tape, replay, halt)
    author = Critic(task, Seat(critic, "fake/critic"), tape, replay, halt, 1.0, 2000)
    analyst = Analyst(task, Seat(reader or critic, "fake/critic"), tape, replay, halt, 1.0, 2000, seed, plan.critiques)
    run = Run(task, optimizer, harness, author, tape, replay, halt, analyst, plan, marks[1:], seed, lambda: None, opening_rows)
    finish = await run.run()
    memory.append(RunEnded(finish.ending, finish.reason, time.time()))
    return Outcome(finish, memory.events)


async def probe_in_memory(
    task: Task,
    scorer: Scorer,
    optimizer: Optimizer,
    model: Model,
    critic: Model,
    events: Sequence[Event],
    *,
    max_calls: int | None = None,
    seed: int = 0,
    journal: Journal | None = None,
    program: Program | None = None,
) -> list[Event]:
    """Probe the ended run of these events, or go on with the probe that is under way in them; all events in the end."""
    memory = MemoryJournal(list(events))
    tape = journal or memory
    used = program or SingleCall(task)
    at = under_way(events)
    if at is not None and isinstance(started := events[at], ProbeStarted):
        plan = again(task, optimizer, events[:at], started, seed, used.calls)
        tape.append(ProbeResumed(plan.number, time.time()))
    else:
        number = 1 + sum(isinstance(event, ProbeStarted) for event in events)
        found = design(task, optimizer, events, number=number, seed=seed, max_calls=max_calls, calls=used.calls)
        if found is None:
            raise ValueError("no probe fits")
        plan = found
        tape.append(begun(plan, None, {}, time.time()))
    halt, replay = Halt(), Replay.of(events)
    seat = Seat(model, "fake/task")
    harness = Harness(task, LocalExecutor(task, scorer, seat, seat, used), tape, replay, halt)
    judge = Critic(task, Seat(critic, "fake/critic"), tape, replay, halt, 1.0, 2000)
    ending, reason = await Probe(plan, optimizer, harness, judge, tape, halt, events, seed).run()
    tape.append(ProbeEnded(plan.number, ending, reason, time.time()))
    return memory.events
