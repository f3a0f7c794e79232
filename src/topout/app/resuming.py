"""A run that is there already: read, written anew, or gone on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from topout.app.derived import write_derived
from topout.app.facts import facts_now
from topout.app.mirroring import Mirror, Tell, warned
from topout.app.planning import exam_of
from topout.app.running import drive
from topout.app.taking_up import taken_up
from topout.app.views import RunView
from topout.app.workbench import Watch, Workbench
from topout.domain import Event, RunEnded, RunResumed, RunStarted
from topout.errors import JournalError
from topout.report.findings import find
from topout.store.journal import read_journal
from topout.store.layout import find_run

__all__ = ["load_run", "rebuild", "resume"]


def resume(
    run: str | Path,
    *,
    max_cost: float | None = None,
    max_time: float | None = None,
    concurrency: int | None = None,
    executor: str | None = None,
    prices: tuple[str, ...] = (),
    runs_dir: str | Path = "runs",
    watch: Watch | None = None,
    recall: Callable[[Sequence[Event]], None] | None = None,
    tell: Tell = warned,
) -> RunView:
    """Take up a run that was stopped, killed, or ended by an outage, by money or by time. It goes on as if it had never ended, from any folder.

    `max_cost` (dollars, for the whole run), `max_time` (seconds, for this session), `concurrency` and `executor` may be set anew. `prices`
    (`MODEL=IN,OUT`) hold from now on: what was bought before keeps its price. `recall` is told once what earlier sessions found, `watch` of each new
    event, `tell` what goes wrong beside the run. Raises JournalError when the task or the recipe changed since, or another process is at it.
    """
    folder = find_run(Path(run), Path(runs_dir))
    with folder.lock():  # before the journal is read: nobody may write to it from then on
        events = read_journal(folder.journal)
        if recall is not None:
            recall(events)
        started = events[0]
        if not isinstance(started, RunStarted):
            raise JournalError(f"{folder.journal}:1: a journal begins with RunStarted.")
        changed: dict[str, object] = {"max_cost": max_cost, "max_time": max_time, "concurrency": concurrency, "executor": executor}
        if prices:
            before = started.settings.get("prices")
            changed["prices"] = (*(before if isinstance(before, list | tuple) else ()), *prices)
        settings, task, loaded = taken_up(folder, started, {k: v for k, v in changed.items() if v is not None})
        last = next((event for event in reversed(events) if isinstance(event, RunEnded | RunResumed)), started)
        if isinstance(last, RunEnded) and last.ending in ("budget", "finished"):
            if (mirror := Mirror.of(settings, folder.name, started, events, tell)) is not None:
                mirror.catch_up()
            return replace(rebuild(folder.path, runs_dir), went_on=False)
        plan = exam_of(task, loaded, settings.max_calls)
        workbench = Workbench(settings, loaded.recipe.exam_share)
        return drive(folder, settings, task, loaded, plan, workbench, started, events, watch, tell)


def load_run(run: str | Path, runs_dir: str | Path = "runs") -> RunView:
    """Read a run: a folder, or the name of one in `runs_dir` (`latest` too). Raises UserError or JournalError.

    The advice goes by the facts of use that the task's file tells now, and by the run's own copy of them where that file is gone.
    """
    folder = find_run(Path(run), Path(runs_dir))
    events = read_journal(folder.journal)
    return RunView(folder.path, find(events, facts_now(folder.path, events)))


def rebuild(run: str | Path, runs_dir: str | Path = "runs") -> RunView:
    """Write a run's derived files anew from its journal: tables, verdict.json, plateau.png and best/."""
    view = load_run(run, runs_dir)
    write_derived(view)
    return view
