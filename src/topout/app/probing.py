"""A probe of an ended run: from its journal to a verdict that rests on more than the run alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from topout.app.derived import write_derived
from topout.app.executing import opened
from topout.app.facts import facts_now
from topout.app.planning import calls_of
from topout.app.running import unwrapped
from topout.app.stopping import heeding
from topout.app.taking_up import taken_up
from topout.app.views import RunView
from topout.app.workbench import Tape, Watch, Workbench
from topout.config.settings import RunSettings
from topout.domain import Critiqued, Ending, Event, Json, ProbeEnded, ProbeResumed, ProbeStarted, RolloutDone, RunStarted, probe_of
from topout.engine.critic import Critic
from topout.engine.halt import Halt
from topout.engine.harness import Harness, Seat
from topout.engine.probe import Design, Probe, again, begun, design, under_way
from topout.engine.replay import Replay
from topout.errors import JournalError, ScorerError, StoreError, TopoutError, UserError
from topout.models.event_loop import run_blocking
from topout.plateau.probing import MIN_PROBE_ROWS, SIZES, ProbePlan, chance_of_deciding
from topout.plugins.optimizers import LoadedRecipe
from topout.plugins.tasks import TaskFolder
from topout.report.findings import Findings, find
from topout.report.probe_plan import ProbePlanView, plan_view
from topout.store.journal import JournalFile, read_journal
from topout.store.layout import RunFolder, find_run

__all__ = ["probe"]


def probe(
    run: str | Path,
    *,
    max_calls: int | None = None,
    max_cost: float | None = None,
    max_time: float | None = None,
    concurrency: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    runs_dir: str | Path = "runs",
    tell: Callable[[ProbePlanView], None] | None = None,
    watch: Watch | None = None,
) -> RunView:
    """Ask an ended run's optimizer and critic for fresh proposals, race them against the champion on holdout rows, and give the verdict anew.

    The largest design that fits into `max_calls` (of both models; None: any number) is taken. `tell` is told the plan before the first call; with
    `dry_run` that is all. `max_cost` (dollars) and `max_time` (seconds) are the probe's own limits. A probe that was cut short is taken up where it
    was, under its own design; else another one begins, whose proposals add to the evidence. The run's own figures stay what they are.

    Raises UserError when the run has not ended by itself, when the verdict is decided already (`force` goes on), when there are too few holdout
    rows or calls, or when the optimizer has nothing left to try; JournalError when the task or the recipe changed, or another process is at it.
    """
    folder = find_run(Path(run), Path(runs_dir))
    with folder.lock():
        events = read_journal(folder.journal)
        started = events[0]
        if not isinstance(started, RunStarted):
            raise JournalError(f"{folder.journal}:1: a journal begins with RunStarted.")
        found = find(events, facts_now(folder.path, events))
        ready(folder, found)
        at = under_way(events)
        if at is None and found.verdict.ruling != "can't tell yet" and not force:
            raise UserError(f"{folder.path}: {found.verdict.ruling}: that is decided already. --force probes all the same.")
        earlier = events[at] if at is not None else None
        limits = limits_of(earlier, max_cost, max_time, concurrency)
        settings, task, loaded = taken_up(folder, started, limits)
        if at is not None and isinstance(earlier, ProbeStarted):
            plan = again(task.task, loaded.optimizer, events[:at], earlier, settings.seed, calls_of(task))
            if max_calls is not None and plan.calls > max_calls:
                raise UserError(
                    f"--max-calls {max_calls}: probe {plan.number} is under way and was planned for {plan.calls:,} calls. "
                    "Leave --max-calls out to go on with it."
                )
            chance = earlier.chance
        else:
            plan = planned(folder, task, loaded, events, settings, max_calls)
            alone = None if any(earlier.finished for earlier in found.probes) else found.verdict.probability
            chance = chance_of_deciding(alone, settings.delta, ProbePlan(plan.rungs))
        if tell is not None:
            tell(view_of(found, plan, at is not None, chance, settings))
        if dry_run:
            return RunView(folder.path, found)
        workbench = Workbench(settings)
        asked: dict[str, Json] = {**limits, "max_calls": max_calls}
        first = ProbeResumed(plan.number, time.time()) if at is not None else begun(plan, chance, asked, time.time())
        return drive(folder, settings, task, loaded, plan, workbench, first, events, watch)


def ready(folder: RunFolder, f: Findings) -> None:
    """Raises UserError when the run has not come to its own end."""
    if f.ended is None:
        raise UserError(f"{folder.path}: the run has not ended. `topout resume {folder.path}` first.")
    if f.ended.ending not in ("budget", "finished"):
        raise UserError(f"{folder.path}: the run was cut short ({f.ended.ending}). `topout resume {folder.path}` first.")


def limits_of(earlier: Event | None, max_cost: float | None, max_time: float | None, concurrency: int | None) -> dict[str, Json]:
    """The probe's own limits: those asked for now, else those that it began with."""
    before = earlier.settings if isinstance(earlier, ProbeStarted) else {}
    cost, seconds = (now if now is not None else before.get(name) for name, now in (("max_cost", max_cost), ("max_time", max_time)))
    limits: dict[str, Json] = {"max_cost": cost, "max_time": seconds}
    return limits if concurrency is None else {**limits, "concurrency": concurrency}


def planned(
    folder: RunFolder, task: TaskFolder, loaded: LoadedRecipe, events: Sequence[Event], settings: RunSettings, max_calls: int | None
) -> Design:
    """A new probe. Raises UserError when there is none to make."""
    rows = len(task.task.rows("holdout"))
    if rows < MIN_PROBE_ROWS:
        raise UserError(
            f"{folder.path}: {rows} holdout rows are too few for a probe, {MIN_PROBE_ROWS} are needed. Add rows and start a new run."
        )
    number = 1 + sum(isinstance(event, ProbeStarted) for event in events)
    calls = calls_of(task)
    plan = design(task.task, loaded.optimizer, events, number=number, seed=settings.seed, max_calls=max_calls, calls=calls)
    if plan is None:
        cap = max_calls or 1
        while plan is None:
            cap = max(cap + 1, cap * 5 // 4)
            plan = design(task.task, loaded.optimizer, events, number=number, seed=settings.seed, max_calls=cap, calls=calls)
        raise UserError(
            f"--max-calls {max_calls}: too few for the smallest probe, {SIZES[0].proposals} proposals. Give at least --max-calls {plan.calls}."
        )
    if not plan.proposals:
        raise UserError(
            f"{folder.path}: nothing to probe, the optimizer has nothing left to try ({plan.stopped or 'only repeats'})."
        )
    return plan


def view_of(f: Findings, plan: Design, goes_on: bool, chance: float | None, settings: RunSettings) -> ProbePlanView:
    """The plan as it is told."""
    return plan_view(
        f,
        number=plan.number,
        again=goes_on,
        rungs=tuple((rung.contenders, rung.rows) for rung in plan.rungs),
        proposals=plan.proposals,
        read_calls=plan.read_calls,
        race_calls=plan.race_calls,
        critic_calls=plan.critic_calls,
        chance=chance,
        stopped=plan.stopped,
        concurrency=settings.concurrency,
    )


def drive(
    run: RunFolder,
    settings: RunSettings,
    task: TaskFolder,
    loaded: LoadedRecipe,
    plan: Design,
    workbench: Workbench,
    first: ProbeStarted | ProbeResumed,
    events: Sequence[Event],
    watch: Watch | None,
) -> RunView:
    """Run the probe over the journal of a run folder that the caller has locked, and write what follows from it."""
    journal = JournalFile(run.journal).open()
    try:
        done = [e for e in events if isinstance(e, RolloutDone | Critiqued) and probe_of(e.attempt) == plan.number]
        tape = Tape(workbench, plan.calls, watch, journal, done)
        tape.phase = "probe"
        tape.append(first)
        try:
            with workbench.owing(run.path / f"owed-probe-{plan.number}"):
                work = session(settings, task, loaded, plan, workbench, events, tape)
                ending, reason = run_blocking(heeding(run, workbench.stop, work), workbench.stop)
        except TopoutError as error:
            with suppress(StoreError):
                tape.append(ProbeEnded(plan.number, "outage", str(error), time.time()))
            if isinstance(error, ScorerError):
                raise ScorerError(f"{error} All replies are kept: mend it and probe again, they are not bought again.") from error
            raise
        tape.append(ProbeEnded(plan.number, ending, reason, time.time()))
    finally:
        journal.close()
    view = RunView(run.path, find(read_journal(run.journal), task.task.deployment))
    write_derived(view)
    return view


async def session(
    settings: RunSettings,
    task: TaskFolder,
    loaded: LoadedRecipe,
    plan: Design,
    workbench: Workbench,
    events: Sequence[Event],
    tape: Tape,
) -> tuple[Ending, str]:
    """Wire the engine and let it run."""
    started, recipe = events[0], loaded.recipe
    halt, replay = Halt(), Replay.of(events)
    run = started.run if isinstance(started, RunStarted) else ""
    gateway, executor = opened(workbench, task, run, events, plan.number, one_purse=True)
    harness = Harness(task.task, executor, tape, replay, halt)
    critic = Critic(
        task.task, Seat(gateway, settings.critic), tape, replay, halt, recipe.critic_temperature, recipe.critic_max_output_tokens
    )
    try:
        return await unwrapped(Probe(plan, loaded.optimizer, harness, critic, tape, halt, events, settings.seed).run())
    finally:
        await gateway.aclose()
