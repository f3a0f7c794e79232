"""Several runs for one question, each in a folder of its own: the same command again reads those that have ended, goes on with one that was cut short, and begins
the others."""

from __future__ import annotations

from pathlib import Path

from topout.app.beginning import begin
from topout.app.resuming import load_run, resume
from topout.app.views import RunView
from topout.app.workbench import Watch
from topout.config.settings import RunSettings
from topout.errors import JournalError
from topout.store.layout import list_runs

__all__ = ["has_ended", "one_run"]


def has_ended(place: Path, settings: RunSettings) -> bool:
    """Whether the run of these settings is there and needs nothing more."""
    there = list_runs(place)
    return bool(there) and final(there[-1].path, settings) is not None


def final(folder: Path, settings: RunSettings) -> RunView | None:
    """The run, when it has ended for good: by its calls, by itself, or by a money limit that is no higher now."""
    try:
        view = load_run(folder)
    except JournalError:
        return None
    ended = view.findings.ended
    if ended is None or ended.ending in ("stopped", "outage", "time"):
        return None
    before = view.findings.started.settings.get("max_cost")
    raised = isinstance(before, float | int) and (settings.max_cost is None or settings.max_cost > before)
    return None if ended.ending == "money" and raised else view


def one_run(place: Path, settings: RunSettings, watch: Watch | None) -> RunView:
    """The run of these settings in its folder: read, gone on with, or begun."""
    there = list_runs(place)
    if not there:
        return begin(settings, place, watch)
    view = final(there[-1].path, settings)
    if view is not None:
        return view
    return resume(there[-1].path, max_cost=settings.max_cost, concurrency=settings.concurrency, runs_dir=place, watch=watch)
