"""A new run: its folder, its first event, and off it goes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from topout.app.estimating import RunEstimate, estimate_run
from topout.app.judges import judge_of, with_judge
from topout.app.mirroring import Tell, warned
from topout.app.places import places_from, task_path
from topout.app.planning import exam_of
from topout.app.running import as_toml, drive, first_event
from topout.app.views import RunView
from topout.app.workbench import Watch, Workbench
from topout.config.databases import is_database, study_file
from topout.config.settings import RunSettings
from topout.domain import Json
from topout.plugins.optimizers import LoadedRecipe, load_recipe
from topout.plugins.tasks import TaskFolder, load_task
from topout.store.layout import create_run_folder, write_text

__all__ = ["begin", "expected"]


def expected(settings: RunSettings) -> tuple[str, RunEstimate]:
    """The task's name, and what a run of these settings would take. Nothing is asked and nothing is written; raises UserError for what `begin` raises it for
    before its first call."""
    folder, loaded = load_task(task_path(settings.task)), load_recipe(settings.recipe)
    settings, folder = with_judge(settings, folder)
    return folder.task.name, estimate_of(settings, folder, loaded, Workbench(settings, loaded.recipe.exam_share))


def estimate_of(settings: RunSettings, folder: TaskFolder, loaded: LoadedRecipe, workbench: Workbench) -> RunEstimate:
    """The estimate at the workbench's prices."""
    plan = exam_of(folder, loaded, settings.max_calls)
    calls = settings.max_calls or loaded.recipe.max_calls
    return estimate_run(
        folder.task, loaded, plan, calls, settings.model, settings.critic, workbench.prices, judge_of(folder), settings.judge
    )


def begin(settings: RunSettings, runs_dir: Path, watch: Watch | None, tell: Tell = warned) -> RunView:
    """Start a run of these settings in a folder of its own, and see it to its end. `tell` is told what goes wrong beside it."""
    folder, loaded = load_task(task_path(settings.task)), load_recipe(settings.recipe)
    settings, folder = with_judge(settings, folder)
    plan = exam_of(folder, loaded, settings.max_calls)
    workbench = Workbench(settings, loaded.recipe.exam_share)
    started = first_event(settings, folder, loaded, plan)
    run = create_run_folder(runs_dir, folder.task.name, loaded.name, started.run)
    files = {"task": folder.folder, "recipe": loaded.path}
    if not is_database(settings.cache_dir):
        files["cache"] = Path(settings.cache_dir)
    if file := study_file(settings.study):
        files["study"] = Path(file)
    more: dict[str, Json] = {
        "places": places_from(run.path, files),
        "estimate": estimate_of(settings, folder, loaded, workbench).document(),
    }
    started = replace(started, manifest={**started.manifest, **more})
    with run.lock():
        write_text(run.path / "run.toml", as_toml(started.settings))
        write_text(run.path / "manifest.json", json.dumps(started.manifest, indent=1, ensure_ascii=False) + "\n")
        return drive(run, settings, folder, loaded, plan, workbench, started, [], watch, tell)
