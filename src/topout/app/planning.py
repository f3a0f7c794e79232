"""What a task and a recipe come to in calls, before any is made."""

from __future__ import annotations

from topout.contracts import Program
from topout.engine.exam import ExamPlan, plan_exam
from topout.engine.single import SingleCall
from topout.plugins.optimizers import LoadedRecipe
from topout.plugins.tasks import TaskFolder

__all__ = ["exam_of", "program_of"]


def program_of(folder: TaskFolder) -> Program:
    """How the task's prompts answer an example: by its own program, or by one call."""
    return folder.program or SingleCall(folder.task)


def exam_of(folder: TaskFolder, loaded: LoadedRecipe, max_calls: int | None = None) -> ExamPlan:
    """How so many calls (None: the recipe's) are shared out between search and exam. Raises UserError when they are too few."""
    recipe, weight = loaded.recipe, program_of(folder).calls(folder.task.baseline)
    most = recipe.settings.get("max_votes", 1) if "voting" in recipe.levers and folder.program is None else 1
    votes = max(1, -(-int(most) // weight))
    return plan_exam(folder.task, max_calls or recipe.max_calls, recipe.exam_share, recipe.levers, weight=weight, votes=votes)
