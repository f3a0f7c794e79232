"""An evaluation from its rollouts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from topout.app.views import Evaluation
from topout.domain import Ending, Example, Rollout, Scored, Split, Task
from topout.errors import ModelError, StoppedError
from topout.plateau.intervals import mean_interval
from topout.report.findings import RoleSpend, call_card, count

__all__ = ["evaluation"]


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
    scores = [r.score.value if (r := known.get(e.id)) and isinstance(r.score, Scored) else math.nan for e in rows]
    estimate = mean_interval(scores, clusters=[e.group for e in rows] if any(e.group for e in rows) else None)
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
