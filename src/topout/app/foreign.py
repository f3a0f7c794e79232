"""A verdict on a run of another optimizer, from its log."""

from __future__ import annotations

import math
from dataclasses import dataclass

from topout.domain import CurvePoint, Estimate, Gain, Verdict
from topout.errors import UserError
from topout.logs import read_log
from topout.plateau.evidence import Evidence
from topout.plateau.foreign import ForeignRun, curve_of, evidence_of
from topout.plateau.intervals import mean_interval
from topout.plateau.verdict import decide

__all__ = ["ForeignView", "verdict_on"]


@dataclass(frozen=True, slots=True)
class ForeignView:
    """What a log tells. `dev_gain` is the winner's gain over the baseline on the rows that it was selected on, and so optimistic; `holdout_gain`
    the one to go by, None without held-out scores."""

    run: ForeignRun
    evidence: Evidence
    curve: tuple[CurvePoint, ...]
    verdict: Verdict
    dev_baseline: Estimate
    dev_winner: Estimate
    dev_gain: float
    holdout_gain: Gain | None

    @property
    def ceiling(self) -> Estimate | None:
        """None: no curve is fitted to another tool's run."""
        return None


def verdict_on(source: str, *, delta: float = 0.02, dev_n: int | None = None, holdout_n: int | None = None) -> ForeignView:
    """Curve and verdict from `gepa:RUN_DIR`, `dspy:LOG` or `csv:FILE`. No model is asked, nothing in the log is executed.

    `delta` is the smallest gain worth having (0.02 = 2 points). Raises UserError when the log cannot be read or delta is out of range.
    """
    if not (math.isfinite(delta) and 0.0 < delta < 1.0):
        raise UserError(f"--delta {delta:g}: expected a fraction of the score above 0 and below 1; 0.02 is 2 points.")
    run = read_log(source, dev_n, holdout_n)
    evidence = evidence_of(run, delta)
    winner = run.trials[-1].champion
    return ForeignView(
        run,
        evidence,
        curve_of(run),
        decide(evidence),
        mean_interval(run.dev.get(run.baseline, ())),
        mean_interval(run.dev.get(winner, ())),
        evidence.dev_gain,
        evidence.since_baseline,
    )
