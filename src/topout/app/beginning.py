"""A new run: its folder, its first event, and off it goes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from topout.app.places import places_from, task_path
from topout.app.planning import exam_of
from topout.app.running import as_toml, drive, first_event
from topout.app.views import RunView
from topout.app.workbench import Watch, Workbench
from topout.config.settings import RunSettings
from topout.plugins.optimizers import load_recipe
from topout.plugins.tasks import load_task
from topout.store.layout import create_run_folder, write_text

__all__ = ["begin"]


def begin(settings: RunSettings, runs_dir: Path, watch: Watch | None) -> RunView:
    """Start a run of these settings in a folder of its own, and see it to its end."""
    folder, loaded = load_task(task_path(settings.task)), load_recipe(settings.recipe)
    plan = exam_of(folder, loaded, settings.max_calls)
    workbench = Workbench(settings, loaded.recipe.exam_share)
    started = first_event(settings, folder, loaded, plan)
    run = create_run_folder(runs_dir, folder.task.name, loaded.name, started.run)
    files = {"task": folder.folder, "recipe": loaded.path, "cache": Path(settings.cache_dir)}
    started = replace(started, manifest={**started.manifest, "places": places_from(run.path, files)})
    with run.lock():
        write_text(run.path / "run.toml", as_toml(started.settings))
        write_text(run.path / "manifest.json", json.dumps(started.manifest, indent=1, ensure_ascii=False) + "\n")
        return drive(run, settings, folder, loaded, plan, workbench, started, [], watch)
