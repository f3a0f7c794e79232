"""One session of a run: from settings to a finished journal."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import secrets
import time
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from pydantic import ValidationError

from topout import __version__
from topout.app.derived import write_derived
from topout.app.executing import opened
from topout.app.judges import judge_facts
from topout.app.mirroring import Mirror, Tell
from topout.app.places import typed
from topout.app.planning import calls_of
from topout.app.stopping import heeding
from topout.app.views import RunView
from topout.app.workbench import Tape, Watch, Workbench
from topout.config.databases import recorded_place, recorded_study
from topout.config.settings import RunSettings
from topout.domain import Candidate, Ending, Event, Example, Json, Rollout, RunEnded, RunResumed, RunStarted, Task
from topout.engine.causes import Analyst
from topout.engine.critic import Critic
from topout.engine.exam import ExamPlan
from topout.engine.halt import Halt
from topout.engine.harness import Harness, Seat
from topout.engine.loop import Finish, Run
from topout.engine.opening import BASELINE, first_row
from topout.engine.replay import Replay
from topout.errors import ModelError, OptimizerError, ProgramError, ScorerError, StoppedError, StoreError, TopoutError, UserError
from topout.models.event_loop import run_blocking
from topout.plateau.curve import checkpoints
from topout.plugins.optimizers import LoadedRecipe
from topout.plugins.tasks import TaskFolder
from topout.report.findings import find
from topout.store.codec import SCHEMA
from topout.store.journal import JournalFile, read_journal
from topout.store.layout import RunFolder

__all__ = ["as_toml", "checked_settings", "drive", "first_event", "measured", "unwrapped"]

T = TypeVar("T")


def checked_settings(**given: object) -> RunSettings:
    """The settings, or a UserError that names the first one that is out of range."""
    for name, recorded in (("cache_dir", recorded_place), ("study", recorded_study)):
        if isinstance(place := given.get(name), str):
            given[name] = recorded(place, os.environ)
    try:
        return RunSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = "--" + ".".join(str(part) for part in first["loc"]).replace("_", "-")
        hint = " It is a fraction of the score: 0.02 is 2 points." if name == "--delta" else ""
        raise UserError(f"{name} = {first.get('input')!r}: {first['msg'].lower()}.{hint}") from error


def first_event(settings: RunSettings, folder: TaskFolder, loaded: LoadedRecipe, plan: ExamPlan) -> RunStarted:
    """What was asked, and everything that the result depends on."""
    task = folder.task
    groups = {e.id: e.group for rows in task.splits.values() for e in rows if e.group}
    manifest: dict[str, Json] = {
        "topout": __version__,
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in ("litellm", "diskcache", "pandas", "optuna")},
        "task": task.name,
        "description": task.description,
        "task_fingerprint": task.fingerprint,
        "holdout_fingerprint": folder.holdout_fingerprint,
        "scorer": task.scorer_name,
        **judge_facts(settings, folder),
        "asked": {
            "temperature": task.temperature,
            "max_output_tokens": task.max_output_tokens,
            **({"output_schema": dict(folder.output_schema)} if folder.output_schema else {}),
        },
        "labels": list(task.labels),
        **({"program": task.program} if task.program else {}),
        "deployment": {name: fact for name, fact in asdict(task.deployment).items() if fact is not None},
        "splits": {split: len(rows) for split, rows in task.splits.items()},
        "groups": dict(groups),
        "recipe": loaded.name,
        "optimizer": loaded.recipe.optimizer,
        "recipe_sha": loaded.sha,
        "levers": list(loaded.recipe.levers),
        "exam": {
            "search": plan.search,
            "champions": plan.champions,
            "weight": plan.weight,
            "votes": plan.votes,
            "holdout": len(plan.holdout),
            "shift": len(plan.shift),
            "repeats": plan.repeats,
            "alone": plan.alone,
            "critiques": plan.critiques,
        },
        "checkpoints": list(marks_of(plan, task)),
        "max_calls": settings.max_calls or loaded.recipe.max_calls,
    }
    asked = json.loads(settings.model_dump_json())
    return RunStarted(SCHEMA, secrets.token_hex(4), asked, manifest, time.time())


def marks_of(plan: ExamPlan, task: Task) -> tuple[int, ...]:
    """The numbers of task calls at which the champion of the moment is examined, the baseline's first."""
    return tuple(checkpoints(plan.search, plan.first_mark(len(task.rows("dev"))), most=plan.sittings))


def installed(package: str) -> str:
    """The version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def drive(
    run: RunFolder,
    settings: RunSettings,
    folder: TaskFolder,
    loaded: LoadedRecipe,
    plan: ExamPlan,
    workbench: Workbench,
    started: RunStarted,
    events: list[Event],
    watch: Watch | None,
    tell: Tell,
) -> RunView:
    """Run the engine over a run folder that the caller has locked, new (no events) or taken up again, and write what follows from its journal.

    `events` is empty afterwards: the journal is read anew, and a long one should not be in memory twice."""
    journal = JournalFile(run.journal).open()
    began = time.monotonic()
    mirror = Mirror.of(settings, run.name, started, events, tell)
    try:
        total = settings.max_calls or loaded.recipe.max_calls
        tape = Tape(workbench, total, mirror.beside(watch) if mirror is not None else watch, journal, events, run.point_latest)
        tape.append(RunResumed(time.time()) if events else started)
        try:
            with workbench.owing(run.owed):
                work = session(settings, folder, loaded, plan, workbench, started, events, tape)
                finish = run_blocking(heeding(run, workbench.stop, work), workbench.stop)
        except TopoutError as error:
            if not tape.under_way and not events and not isinstance(error, OptimizerError):
                run.remove()
                raise
            with suppress(StoreError):
                tape.append(RunEnded("outage", str(error), time.time(), {"session_s": time.monotonic() - began}))
            if isinstance(error, ScorerError | OptimizerError | ProgramError):
                again = (
                    f" (`topout resume {typed(run.path)}` if the file can stay as it is)"
                    if isinstance(error, OptimizerError)
                    else ""
                )
                kept = f"All replies are kept: mend it and start again{again}, they are not bought again."
                raise type(error)(f"{str(error).removesuffix(' Mend it.')} {kept}") from error
            raise
        tape.append(RunEnded(finish.ending, finish.reason, time.time(), {"session_s": time.monotonic() - began}))
    finally:
        journal.close()
        if mirror is not None:
            mirror.close()
    events.clear()
    written = read_journal(run.journal)
    if finish.winner is None:
        more = " --max-cost DOLLARS" if finish.ending == "money" else ""
        kept = f"What was paid for is kept: `topout resume {run.path}{more}` goes on."
        if finish.ending == "stopped":
            raise StoppedError(f"stopped before the baseline was measured. {kept}")
        raise ModelError(f"the baseline could not be measured: {finish.reason}. {kept}")
    view = RunView(run.path, find(written, folder.task.deployment))
    write_derived(view)
    return view


async def session(
    settings: RunSettings,
    folder: TaskFolder,
    loaded: LoadedRecipe,
    plan: ExamPlan,
    workbench: Workbench,
    started: RunStarted,
    events: Sequence[Event],
    tape: Tape,
) -> Finish:
    """Wire the engine and let it run."""
    task, recipe = folder.task, loaded.recipe
    halt, replay = Halt(), Replay.of(events)
    gateway, executor = opened(workbench, folder, started.run, events)
    harness = Harness(task, executor, tape, replay, halt)
    critic = Critic(
        task, Seat(gateway, settings.critic), tape, replay, halt, recipe.critic_temperature, recipe.critic_max_output_tokens
    )
    analyst = Analyst(
        task,
        Seat(gateway.purse("exam"), settings.critic),
        tape,
        replay,
        halt,
        recipe.critic_temperature,
        recipe.critic_max_output_tokens,
        settings.seed,
        plan.critiques,
    )
    engine = Run(
        task,
        loaded.optimizer,
        harness,
        critic,
        tape,
        replay,
        halt,
        analyst,
        plan,
        marks_of(plan, task)[1:],
        settings.seed,
        workbench.metered_usd,
        recipe.opening_rows,
    )
    bell: asyncio.TimerHandle | None = None
    if settings.max_time is not None:
        for_search = settings.max_time * (1 - recipe.exam_share)
        bell = asyncio.get_running_loop().call_later(for_search, halt.set, "time", f"the search's {for_search:.0f} s are used up")
    try:
        return await unwrapped(engine.run())
    finally:
        if bell is not None:
            bell.cancel()  # the loop outlives the run
        await gateway.aclose()


async def measured(
    workbench: Workbench, folder: TaskFolder, candidates: Sequence[Candidate], rows: Sequence[Example], watch: Watch | None
) -> tuple[list[Rollout], Ending | None]:
    """Candidates on rows, outside of any run, and why rows are missing (money, a stop, an outage), None when none is.

    As in a run, one row goes ahead alone: raises UserError when it meets what no later one will mend. All candidates are asked about a row before any
    is about the next one, so that what a limit leaves is paired. Replies carry a name of this evaluation's own,
    so that the next one does not take them for its own purchases.
    """
    calls = calls_of(folder)
    tape = Tape(workbench, sum(calls(one.prompt) for one in candidates) * len(rows), watch)
    gateway, executor = opened(workbench, folder, f"evaluate-{secrets.token_hex(4)}", one_purse=True)
    halt = Halt()
    harness = Harness(folder.task, executor, tape, Replay(), halt)
    try:
        await unwrapped(first_row(harness, candidates[0], rows))
        await unwrapped(everything(harness, candidates, rows))
    finally:
        await harness.close()
        await gateway.aclose()
    return tape.rollouts, halt.ending


async def everything(harness: Harness, candidates: Sequence[Candidate], rows: Sequence[Example]) -> None:
    """Every candidate on every row, row by row."""
    async with asyncio.TaskGroup() as asking:
        for example in rows:
            for candidate in candidates:
                asking.create_task(harness.measure(BASELINE, candidate, [example]))


async def unwrapped(work: Coroutine[Any, Any, T]) -> T:
    """The result; of a group of errors the first one that says something to the user."""
    try:
        return await work
    except BaseExceptionGroup as group:
        found = list(leaves(group))
        raise next((e for e in found if isinstance(e, TopoutError)), found[0]) from None


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors in a group, however deep."""
    out: list[BaseException] = []
    for error in group.exceptions:
        out += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return out


def as_toml(settings: Mapping[str, Json]) -> str:
    """Flat settings as TOML; what is None is left out."""
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items() if value is not None]
    return "\n".join(lines) + "\n"
