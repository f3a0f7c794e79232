"""What a task and a recipe come to in calls, before any is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from topout.contracts import Judge, Program
from topout.domain import Prompt
from topout.engine.exam import ExamPlan, plan_exam
from topout.engine.single import SingleCall
from topout.errors import UserError
from topout.plugins.optimizers import LoadedRecipe
from topout.plugins.tasks import TaskFolder

__all__ = ["affordable", "calls_of", "exam_of", "judge_calls", "program_of"]

ONE_CALL = ("fewshot", "bootstrap", "gepa", "mipro")
"""Optimizers for prompts of one call."""


def program_of(folder: TaskFolder) -> Program:
    """How the task's prompts answer an example: by its own program, or by one call."""
    return folder.program or SingleCall(folder.task)


def calls_of(folder: TaskFolder) -> Callable[[Prompt], int]:
    """The most calls that one answer of a prompt takes, those of the judge included."""
    answering, judged = program_of(folder).calls, judge_calls(folder)
    return lambda prompt: answering(prompt) + judged


def judge_calls(folder: TaskFolder) -> int:
    """How many calls judge an answer."""
    return folder.scorer.calls if isinstance(folder.scorer, Judge) else 0


def affordable(folder: TaskFolder, prompts: Sequence[Prompt], max_calls: int) -> int:
    """How many rows so many calls allow for, each answered with all of these prompts. Raises UserError when not for one."""
    each = sum(map(calls_of(folder), prompts))
    if max_calls < each:
        raise UserError(f"--max-calls {max_calls}: a row takes {each} calls. Give at least {each}.")
    return max_calls // each


def exam_of(folder: TaskFolder, loaded: LoadedRecipe, max_calls: int | None = None) -> ExamPlan:
    """How so many calls (None: the recipe's) are shared out between search and exam. Raises UserError when they are too few, or the recipe
    is not for programs."""
    if folder.task.program and loaded.recipe.optimizer in ONE_CALL:
        raise UserError(
            f"recipe '{loaded.name}': it proposes few-shot sets of whole rows, and the steps of a program are not shown those. Use --recipe evolve or quick."
        )
    recipe, judged, weight = loaded.recipe, judge_calls(folder), calls_of(folder)(folder.task.baseline)
    most = recipe.settings.get("max_votes", 1) if "voting" in recipe.levers and folder.program is None else 1
    votes = max(1, -(-(int(most) + judged) // weight))
    return plan_exam(
        folder.task,
        max_calls or recipe.max_calls,
        recipe.exam_share,
        recipe.levers,
        weight=weight,
        votes=votes,
        noisy=judged > 0,
        opening_rows=recipe.opening_rows,
    )
