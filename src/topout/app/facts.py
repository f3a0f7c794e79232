"""The facts of use as the task file tells them now. They change no score: what the advice asks for can be told after the run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from topout.app.places import resolved, task_path
from topout.config.task_file import TaskFile
from topout.config.toml_files import check_toml, read_text
from topout.domain import Deployment, Event, RunStarted
from topout.errors import UserError

__all__ = ["facts_now"]


def facts_now(run: Path, events: Sequence[Event]) -> Deployment | None:
    """The `[deployment]` of the run's task folder, None where no such task is there any more (the run's own copy holds then).

    Only task.toml is read: neither rows nor a scorer's code.
    """
    started = events[0] if events else None
    if not isinstance(started, RunStarted):
        return None
    folder = resolved(run, started.manifest).get("task") or task_path(str(started.settings.get("task", "")))
    path = folder / "task.toml"
    if not path.is_file():
        return None
    try:
        settings = check_toml(read_text(path), path, TaskFile)
    except UserError:  # a task that is being edited does not keep a finished run from being read
        return None
    return Deployment(**settings.deployment.model_dump()) if settings.name == started.manifest.get("task") else None
