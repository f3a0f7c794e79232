"""Puts a run together: the one composition root, and the public Python API.

import topout
run = topout.optimize("tasks/support-tickets", model="openai/gpt-4.1-mini", critic="openai/gpt-5", max_cost=5)
print(run.verdict.sentence)
run.curve, run.candidates, run.rollouts     # pandas DataFrames
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from topout.app.beginning import begin, expected
from topout.app.benching import BenchPlan, BenchView, bench, plan_bench
from topout.app.deciding import optimize_until_decided
from topout.app.estimating import RunEstimate
from topout.app.exporting import Delivery, export
from topout.app.folding import Folds, optimize_folds
from topout.app.foreign import ForeignView, verdict_on
from topout.app.gating import Gated, gate
from topout.app.handing_off import hand_off
from topout.app.heads import head
from topout.app.importing import Imported, import_prompt
from topout.app.judges import with_judge
from topout.app.judging import check_rival, compared, evaluation, keep_answers, rows_of
from topout.app.laddering import LadderPlan, LadderView, ladder, plan_ladder
from topout.app.mirroring import Tell, warned
from topout.app.options import BenchOptions, CallOptions, LadderOptions, RunOptions, asked
from topout.app.places import task_path
from topout.app.planning import affordable
from topout.app.probing import probe
from topout.app.resuming import load_run, rebuild, resume
from topout.app.running import measured
from topout.app.views import Evaluation, RunHead, RunView
from topout.app.workbench import Watch, Workbench
from topout.domain import Candidate, Split
from topout.errors import JournalError
from topout.models.event_loop import run_blocking
from topout.plugins.prompt_folders import load_prompt
from topout.plugins.tasks import load_task
from topout.report.comparison import Comparison, compare_runs
from topout.store.layout import list_runs as run_folders
from topout.text.fingerprints import prompt_id

__all__ = [
    "BenchOptions",
    "BenchPlan",
    "BenchView",
    "CallOptions",
    "Comparison",
    "Delivery",
    "Evaluation",
    "Folds",
    "ForeignView",
    "Gated",
    "Imported",
    "LadderOptions",
    "LadderPlan",
    "LadderView",
    "RunEstimate",
    "RunHead",
    "RunOptions",
    "RunView",
    "bench",
    "compare",
    "estimate",
    "evaluate",
    "export",
    "gate",
    "hand_off",
    "import_prompt",
    "ladder",
    "list_runs",
    "load_run",
    "optimize",
    "optimize_folds",
    "optimize_until_decided",
    "plan_bench",
    "plan_ladder",
    "probe",
    "rebuild",
    "resume",
    "verdict_on",
]


def optimize(
    task: str | Path,
    *,
    runs_dir: str | Path = "runs",
    watch: Watch | None = None,
    tell: Tell = warned,
    **options: Unpack[RunOptions],
) -> RunView:
    """Search for a better prompt for `task`, measure it on the holdout and give the verdict.

    `options` are those of `RunOptions`. `watch` is called with each event, on another thread; `tell` with a line
    about what went wrong beside the run (a study that cannot be written), which is a warning without it. The same call again is served from the cache and ends alike.

    Raises UserError for bad input (nothing is lost), ModelError when the provider is gone for good, StoreError when the disk refuses.
    """
    return begin(asked(task, **options), Path(runs_dir), watch, tell)


def estimate(task: str | Path, **options: Unpack[RunOptions]) -> tuple[str, RunEstimate]:
    """What `optimize` with the same arguments would take: the task's name, and calls, tokens and dollars with their ranges. Asks no model, writes nothing.

    Raises UserError for what `optimize` would refuse before its first call.
    """
    return expected(asked(task, **options))


def evaluate(
    task: str | Path,
    *,
    prompt: str | Path | None = None,
    split: Split = "holdout",
    against: str | Path | None = None,
    answers: str | Path | None = None,
    runs_dir: str | Path = "runs",
    watch: Watch | None = None,
    **options: Unpack[CallOptions],
) -> Evaluation:
    """Measure a prompt (a prompt.md or a folder such as `runs/latest/best`; the task's baseline when None) on a split.

    `options` are those of `CallOptions`. With `max_calls`, the first rows that so many calls allow for. `against` is a run (a folder, or a name in `runs_dir`): the gain over its winner, paired on these rows, with the
    winner's scores from the journal, so that no call is made for it. `answers` is a file that the answers are added to, a line a row (`{"id": ..., "answer": ...}`). Raises UserError for bad input and for a run on other rows, ModelError when nothing could be scored.
    """
    settings, folder = with_judge(asked(task, **options), load_task(task_path(task)))
    rows = rows_of(folder.task, split)
    other = load_run(against, runs_dir) if against is not None else None
    if other is not None:
        check_rival(other.findings, other.folder.name, folder, split)
    chosen = load_prompt(Path(prompt), folder.task) if prompt is not None else folder.task.baseline
    if settings.max_calls is not None:
        rows = rows[: affordable(folder, [chosen], settings.max_calls)]
    workbench = Workbench(settings)
    rollouts, ending = run_blocking(
        measured(workbench, folder, [Candidate(prompt_id(chosen), chosen)], rows, watch), workbench.stop
    )
    if answers is not None:
        keep_answers(Path(answers), rows, rollouts)
    name = str(prompt) if prompt is not None else "baseline"
    found = evaluation(folder.task, split, name, settings.model, rows, rollouts, ending)
    return found if other is None else replace(found, against=compared(other.findings, other.folder.name, rows, rollouts))


def compare(runs: Sequence[str | Path], runs_dir: str | Path = "runs") -> Comparison:
    """Runs of one task beside each other: winners on the holdout, differences paired row by row and corrected for their number, costs, verdicts.

    Raises UserError for fewer than two runs, or runs that were not measured on the same rows in the same way.
    """
    views = [load_run(run, runs_dir) for run in runs]
    return compare_runs([(view.folder.name, view.findings) for view in views])


def list_runs(runs_dir: str | Path = "runs", unread: Callable[[str], None] | None = None) -> list[RunHead]:
    """The runs of a folder, oldest first; those whose journal cannot be read are left out, and `unread` is told their names."""
    heads = []
    for folder in run_folders(Path(runs_dir)):
        try:
            heads.append(head(folder))
        except JournalError:
            if unread is not None:
                unread(folder.name)
    return heads
