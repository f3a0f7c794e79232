"""An evaluation from its rollouts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from topout.app.views import Evaluation
from topout.domain import SPLITS, Ending, Example, Rollout, Scored, Split, Task
from topout.errors import ModelError, StoppedError, UserError, did_you_mean
from topout.plateau.intervals import mean_interval
from topout.report.findings import RoleSpend, call_card, count

__all__ = ["evaluation", "groups_of", "rows_of", "scores_of"]


def rows_of(task: Task, split: Split) -> tuple[Example, ...]:
    """The rows of a split. Raises UserError when the task has none there."""
    if split not in SPLITS or not task.rows(split):
        have = [name for name in SPLITS if task.rows(name)]
        raise UserError(f"split '{split}': the task has no such rows.{did_you_mean(split, have)}")
    return task.rows(split)


def scores_of(rows: Sequence[Example], rollouts: Sequence[Rollout]) -> list[float]:
    """The score of each row, nan where there is none."""
    known = {r.example: r.score.value for r in rollouts if isinstance(r.score, Scored)}
    return [known.get(e.id, math.nan) for e in rows]


def groups_of(rows: Sequence[Example]) -> list[str] | None:
    """What rows belong together, None when each stands for itself."""
    return [e.group for e in rows] if any(e.group for e in rows) else None


def evaluation(
    task: Task,
    split: Split,
    prompt: str,
    model: str,
    rows: Sequence[Example],
    rollouts: Sequence[Rollout],
    ending: Ending | None = None,
) -> Evaluation:
    """The figures of a prompt on these rows; `ending` is why some were not asked. Raises ModelError when not a single row could be scored
    (StoppedError when that was wished)."""
    known = {r.example: r for r in rollouts}
    estimate = mean_interval(scores_of(rows, rollouts), clusters=groups_of(rows))
    if not estimate.n:
        if ending == "stopped":
            raise StoppedError("stopped before a row was scored.")
        reasons = [r.score.reason for r in rollouts if not isinstance(r.score, Scored)]
        raise ModelError(f"{model}: none of {len(rows)} rows could be scored: {reasons[0] if reasons else ending}")
    spend = RoleSpend()
    for rollout in rollouts:
        count(spend, rollout)
    failures = tuple(r for r in rollouts if isinstance(r.score, Scored) and r.score.value < 1)
    unscored = Counter(str(r.failure) for r in rollouts if r.failure is not None)
    if len(known) < len(rows):
        unscored[str(ending)] += len(rows) - len(known)
    done = [r for r in rollouts if r.failure is None]
    return Evaluation(task.name, split, prompt, model, estimate, call_card(done), spend, dict(unscored), failures, ending)
