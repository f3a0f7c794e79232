"""A gate for continuous integration: one prompt, or two on the same rows, and a decision by interval."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from topout.app.judges import with_judge
from topout.app.judging import evaluation, groups_of, rows_of, scores_of
from topout.app.options import CallOptions, asked
from topout.app.places import task_path
from topout.app.planning import affordable
from topout.app.running import measured
from topout.app.views import Evaluation
from topout.app.workbench import Watch, Workbench
from topout.domain import Candidate, Split
from topout.errors import UserError
from topout.models.event_loop import run_blocking
from topout.plateau.gate import Decision, Outcome, at_least, no_worse
from topout.plugins.prompt_folders import load_prompt
from topout.plugins.tasks import load_task
from topout.report.findings import RoleSpend, count, count_judged
from topout.text.fingerprints import prompt_id

__all__ = ["Gated", "gate"]


@dataclass(frozen=True, slots=True)
class Gated:
    """What a gate came to, with what it rests on. `measured` is the prompt, `reference` the one that it must not be worse than (None without such a
    gate, and when both are the same prompt: `same`). `spend` is that of both, `seconds` the time that measuring took."""

    measured: Evaluation
    reference: Evaluation | None
    decisions: tuple[Decision, ...]
    spend: RoleSpend
    seconds: float
    same: bool = False

    @property
    def outcome(self) -> Outcome:
        """Of all gates together: `not met` when one is not met, else `undecided` when one is, else `met`."""
        found = {decision.outcome for decision in self.decisions}
        return "not met" if "not met" in found else "undecided" if "undecided" in found else "met"


def gate(
    task: str | Path,
    *,
    prompt: str | Path | None = None,
    min_score: float | None = None,
    no_worse_than: str | Path | None = None,
    margin: float = 0.02,
    split: Split = "holdout",
    watch: Watch | None = None,
    **options: Unpack[CallOptions],
) -> Gated:
    """Measure a prompt (the task's own when None) and decide whether it is shown to reach `min_score` (a fraction), and to be no more than `margin`
    worse than the prompt at `no_worse_than`, on the same rows. At least one of the two has to be given.

    `options` are those of `CallOptions`. With `max_calls`, the first rows that so many calls allow for. Raises UserError for bad input, ModelError when nothing could be scored.
    """
    if min_score is None and no_worse_than is None:
        raise UserError("gate: nothing to decide. Give --min-score 0.85, or --no-worse-than FILE, or both.")
    if min_score is not None and not 0 < min_score <= 1:
        raise UserError(f"--min-score {min_score:g}: expected a fraction above 0 and up to 1. 85 % is 0.85.")
    if not 0 <= margin < 1:
        raise UserError(f"--margin {margin:g}: expected a fraction of at least 0 and below 1. 2 points are 0.02.")
    folder = load_task(task_path(task))
    rows = rows_of(folder.task, split)
    chosen = load_prompt(Path(prompt), folder.task) if prompt is not None else folder.task.baseline
    other = load_prompt(Path(no_worse_than), folder.task) if no_worse_than is not None else None
    ours = Candidate(prompt_id(chosen), chosen)
    theirs = Candidate(prompt_id(other), other) if other is not None and prompt_id(other) != ours.id else None
    both = [ours] if theirs is None else [ours, theirs]
    settings, folder = with_judge(asked(task, **options), folder)
    if settings.max_calls is not None:
        rows = rows[: affordable(folder, [one.prompt for one in both], settings.max_calls)]
    workbench = Workbench(settings)
    began = time.monotonic()
    rollouts, ending = run_blocking(measured(workbench, folder, both, rows, watch), workbench.stop)
    seconds = time.monotonic() - began
    names = [str(prompt) if prompt is not None else "baseline", str(no_worse_than)]
    by_candidate = [[r for r in rollouts if r.candidate == c.id] for c in both]
    found = [
        evaluation(folder.task, split, name, settings.model, rows, mine, ending)
        for name, mine in zip(names, by_candidate, strict=False)
    ]
    clusters, scores = groups_of(rows), [scores_of(rows, mine) for mine in by_candidate]
    decisions = []
    if min_score is not None:
        decisions.append(at_least(scores[0], min_score, clusters))
    if theirs is not None:
        decisions.append(no_worse(scores[0], scores[1], margin, clusters))
    elif other is not None:
        decisions.append(unchanged(found[0], margin))
    spend = RoleSpend()
    for rollout in rollouts:
        count(spend, rollout)
        count_judged({"judge": spend}, "judge", rollout)
    return Gated(
        found[0], found[1] if theirs is not None else None, tuple(decisions), spend, seconds, other is not None and theirs is None
    )


def unchanged(found: Evaluation, margin: float) -> Decision:
    """A prompt is no worse than itself, whatever was measured."""
    return Decision("no-worse-than", "met", -margin, replace(found.estimate, mean=0.0, low=0.0, high=0.0, level=0.9))
