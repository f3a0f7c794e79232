"""An evaluation from its rollouts."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from topout.app.views import Against, Evaluation
from topout.domain import SPLITS, Ending, Example, Rollout, Scored, Split, Task
from topout.errors import ModelError, StoppedError, UserError, did_you_mean
from topout.plateau.intervals import mean_interval, paired_gain
from topout.plugins.answer_files import read_answers
from topout.plugins.tasks import TaskFolder
from topout.report.findings import Findings, RoleSpend, call_card, count, count_judged
from topout.report.measures import setting
from topout.report.samples import row_score, split_of
from topout.store.layout import write_text

__all__ = ["check_rival", "compared", "evaluation", "groups_of", "keep_answers", "rows_of", "scores_of"]


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
        count_judged({"judge": spend}, "judge", rollout)
    failures = tuple(r for r in rollouts if isinstance(r.score, Scored) and r.score.value < 1)
    unscored = Counter(str(r.failure) for r in rollouts if r.failure is not None)
    if len(known) < len(rows):
        unscored[str(ending)] += len(rows) - len(known)
    done = [r for r in rollouts if r.failure is None]
    return Evaluation(task.name, split, prompt, model, estimate, call_card(done), spend, dict(unscored), failures, ending)


def keep_answers(path: Path, rows: Sequence[Example], rollouts: Sequence[Rollout]) -> None:
    """Add answers to a file of them, a line a row, in the order of the rows; one that is there already gets its new answer. Rows that a model did not answer are left out. Raises UserError for a
    file that is none of that kind, StoreError when the disk refuses."""
    lines = {line.example: line.answer for line in read_answers(path)} if path.exists() else {}
    answered = {r.example: r.answer for r in rollouts if r.failure is None or r.judged}
    lines |= {row.id: answered[row.id] for row in rows if row.id in answered}
    write_text(path, "".join(json.dumps({"id": name, "answer": text}) + "\n" for name, text in lines.items()))


def check_rival(f: Findings, run: str, loaded: TaskFolder, split: Split) -> None:
    """Can this task's rows be compared with a run's winner? Raises UserError when rows, scorer or how the model is asked are not those of the run."""
    key = "holdout_fingerprint" if split == "holdout" else "task_fingerprint"
    now = loaded.holdout_fingerprint if split == "holdout" else loaded.task.fingerprint
    if f.started.manifest.get(key) != now:
        what = "held-out rows, scorer or model settings" if split == "holdout" else "task"
        raise UserError(f"--against {run}: that run was measured with other {what}. Compare with a run on this task as it is now.")
    if not any(candidate == f.winner.id and split_of(samples) == split for (candidate, _), samples in f.table.items()):
        raise UserError(f"--against {run}: its winner was not measured on {split}. Use --split holdout, or a run that ended.")


def compared(f: Findings, run: str, rows: Sequence[Example], rollouts: Sequence[Rollout]) -> Against:
    """An evaluation's rollouts compared with the winner's scores in a run's journal, row by row. No call is made for it."""
    theirs = [row_score(f.table.get((f.winner.id, row.id))) for row in rows]
    found = paired_gain(scores_of(rows, rollouts), theirs, clusters=groups_of(rows))
    return Against(run, f.winner.id, setting(f, "model"), mean_interval(theirs, clusters=groups_of(rows)), found)
