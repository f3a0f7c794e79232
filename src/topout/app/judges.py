"""Who judges: a task that is scored by a judge needs a model for it, a task that is not has no use for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from topout.config.settings import RunSettings
from topout.contracts import Judge
from topout.domain import Json
from topout.engine.judging import Judging
from topout.engine.seats import Seat
from topout.errors import UserError
from topout.models.gateway import Gateway
from topout.plugins.tasks import TaskFolder
from topout.text.fingerprints import digest

__all__ = ["judge_facts", "judge_of", "judging", "with_judge"]


def with_judge(settings: RunSettings, folder: TaskFolder) -> tuple[RunSettings, TaskFolder]:
    """The settings with the judge's name, and the folder with held-out scores that are this judge's: another judge, and scores cannot be compared.

    Raises UserError when the task needs a judge and nobody is named, when one is named for nothing, and for an embedded model.
    """
    if not isinstance(folder.scorer, Judge):
        if settings.judge:
            raise UserError(
                f"--judge {settings.judge}: {folder.task.name} is scored by '{folder.task.scorer_name}', which asks no model. Leave it out, or write "
                'name = "judge" under [scorer] in task.toml.'
            )
        return settings, folder
    name = settings.judge or folder.scorer.model
    if not name:
        raise UserError(
            f"{folder.folder / 'task.toml'}: a model judges the answers, and none is named. Give --judge MODEL, or 'model' under [scorer]."
        )
    if name.startswith("embedded/"):
        raise UserError(
            f"--judge {name}: the embedded models read rows of a task, they cannot judge by a rubric. Name a model that follows instructions."
        )
    measured_by = digest({"task": folder.holdout_fingerprint, "judge": name})
    return settings.model_copy(update={"judge": name}), replace(folder, holdout_fingerprint=measured_by)


def judge_of(folder: TaskFolder) -> Judge | None:
    """The task's judge, None where a program scores."""
    return folder.scorer if isinstance(folder.scorer, Judge) else None


def judging(settings: RunSettings, folder: TaskFolder, gateway: Gateway, *, one_purse: bool = False) -> Judging | None:
    """The judge of a session, None for a task without one. With `one_purse` nothing is kept apart for the exam."""
    if not isinstance(folder.scorer, Judge):
        return None
    name = with_judge(settings, folder)[0].judge
    seat = Seat(gateway, name)
    return Judging(folder.scorer, seat, seat if one_purse else Seat(gateway.purse("exam"), name))


def judge_facts(settings: RunSettings, folder: TaskFolder) -> Mapping[str, Json]:
    """What a run's first event says of its judge; nothing for a task without one."""
    if not isinstance(folder.scorer, Judge):
        return {}
    one = folder.scorer
    return {
        "judge": {
            "model": settings.judge,
            "rubric": one.rubric,
            "mode": one.mode,
            "calls": one.calls,
            "temperature": one.temperature,
        }
    }
