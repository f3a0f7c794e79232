"""A run that goes on: its settings, task and recipe as they were, from wherever one stands."""

from __future__ import annotations

from collections.abc import Mapping

from topout.app.judges import with_judge
from topout.app.places import resolved, task_path
from topout.app.running import checked_settings
from topout.config.databases import SQLITE
from topout.config.settings import RunSettings
from topout.domain import RunStarted
from topout.errors import JournalError
from topout.plugins.optimizers import LoadedRecipe, load_recipe
from topout.plugins.tasks import TaskFolder, load_task
from topout.store.layout import RunFolder

__all__ = ["taken_up"]


def taken_up(run: RunFolder, started: RunStarted, changed: Mapping[str, object]) -> tuple[RunSettings, TaskFolder, LoadedRecipe]:
    """What the run was asked for, with what is `changed` now. Raises JournalError when the task or the recipe is not what it began with."""
    settings = checked_settings(**{**started.settings, **changed})
    places = resolved(run.path, started.manifest)
    task = load_task(places.get("task") or task_path(settings.task))
    loaded = load_recipe(str(places.get("recipe") or settings.recipe))
    study = f"{SQLITE}{places['study']}" if "study" in places else settings.study
    settings = settings.model_copy(update={"cache_dir": str(places.get("cache") or settings.cache_dir), "study": study})
    for what, now in (("task_fingerprint", task.task.fingerprint), ("recipe_sha", loaded.sha)):
        if started.manifest.get(what) != now:
            raise JournalError(
                f"{run.path}: the {what.split('_')[0]} changed since this run began. Start a new run (replies are cached and cost nothing again)."
            )
    settings, task = with_judge(settings, task)
    return settings, task, loaded
