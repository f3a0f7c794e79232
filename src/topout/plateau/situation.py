"""Where a run stands, in the terms that the advice decides by: the verdict, what fails and why, what was tried, and the facts of its use."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from topout.domain import CAUSES, BreakEven, Cause, Deployment, Estimate, FailureAnalysis, Gain, LeverRecord, Verdict
from topout.plateau.break_even import break_even
from topout.plateau.intervals import mean_interval, paired_sd, rows_needed, smallest_detectable

__all__ = ["Situation"]

_EVEN_ODDS = math.sqrt(0.5)


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the advice may look at.

    `quality` is the winner's held-out score, `gain` its paired held-out gain since the baseline (None: not measured). `*_rows` count the rows of
    each split, scored or not. `failures` is None where nobody read the failing rows. `cost_usd_per_call` is the mean list price of `priced_calls` calls
    of the winner, `latency_s` their median time; None when unknown. `embedded`: the task model is a program in this process.
    """

    verdict: Verdict
    quality: Estimate
    gain: Gain | None = None
    train_rows: int = 0
    dev_rows: int = 0
    holdout_rows: int = 0
    shift_rows: int = 0
    levers: tuple[LeverRecord, ...] = ()
    failures: FailureAnalysis | None = None
    deployment: Deployment = field(default_factory=Deployment)
    cost_usd_per_call: float | None = None
    priced_calls: int = 0
    latency_s: float | None = None
    embedded: bool = False

    @property
    def measured(self) -> bool:
        """Whether the winner has a held-out score."""
        return self.quality.n > 0 and math.isfinite(self.quality.mean)

    @property
    def gap(self) -> float | None:
        """How far the held-out score is below the target; 0 or less when it is reached. None where one of the two is not known."""
        target = self.deployment.target_score
        return target - self.quality.mean if target is not None and self.measured else None

    @property
    def paired_sd(self) -> float:
        """The standard deviation of a row's difference between two prompts: as measured between baseline and winner. Where these are one prompt, that
        of two right/wrong scores which have nothing to do with each other, the most it can be. inf without rows."""
        if self.gain is not None and self.gain.better + self.gain.worse > 0 and math.isfinite(self.gain.detectable):
            return paired_sd(self.gain)
        if not self.measured:
            return math.inf
        p = min(max(self.quality.mean, 0.0), 1.0)
        return max(math.sqrt(2 * p * (1 - p)), _EVEN_ODDS / math.sqrt(self.quality.n))

    @property
    def detectable(self) -> float:
        """The smallest gain that today's holdout rows can prove (80 % power, one-sided 5 %); inf when none."""
        return smallest_detectable(self.paired_sd, self.quality.n) if math.isfinite(self.paired_sd) else math.inf

    def rows_to_prove(self, gain: float) -> int | None:
        """Holdout rows that prove a gain of that size, None when it is not positive or nothing is measured."""
        return rows_needed(self.paired_sd, gain) if gain > 0 and math.isfinite(self.paired_sd) else None

    def share(self, cause: Cause) -> Estimate | None:
        """The share of a cause among the failing rows that were read, None when none was.

        Six causes are looked at, so each interval is at 1 - 0.05/6: they hold together at 95 %.
        """
        if self.failures is None or self.failures.read < 1:
            return None
        n = self.failures.read
        rows = {row for cluster in self.failures.clusters if cluster.cause == cause for row in cluster.rows}
        hits = min(len(rows), n)
        return mean_interval([1.0] * hits + [0.0] * (n - hits), 1 - 0.05 / len(CAUSES))

    @property
    def rows_to_train(self) -> int | None:
        """Rows to train on: as told; else train's own where they are many, which are checked and no exam; else unknown."""
        if self.deployment.good_rows is not None:
            return self.deployment.good_rows
        return self.train_rows if self.train_rows >= 500 else None

    @property
    def untried(self) -> tuple[str, ...]:
        """Levers that the recipe allows and that had no turn."""
        told = [one.lever for one in self.levers if one.in_scope and one.tried == 0]
        return tuple(dict.fromkeys([*self.verdict.levers_untried, *told]))

    @property
    def repayment(self) -> BreakEven:
        """What training would cost and save."""
        return break_even(self.cost_usd_per_call, self.priced_calls, self.deployment)
