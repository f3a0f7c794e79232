"""A gate: is a score shown to reach a bound, shown not to, or can't these rows tell? By the interval, never by the mean.

A mean of 86 % on 50 rows reaches a bound of 85 % about as often for a prompt that is worth 82 % as not; a gate on the mean lets chance decide.
Here each end of the interval is a one-sided 95 % bound (so the interval shown is a two-sided 90 % one): a prompt exactly at the bound passes in
about one of twenty data sets. What was measured of that: docs/ci-gate.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from topout.domain import Estimate
from topout.plateau.intervals import mean_interval, mean_sd, paired_gain, paired_sd, rows_needed

__all__ = ["LEVEL", "Decision", "GateKind", "Outcome", "at_least", "no_worse"]

LEVEL = 0.95
"""Of each end of the interval alone, one-sided."""

BOTH_ENDS = 0.9
"""Of the interval that two such ends make."""

SMALLEST = 1e-4
"""A score as near to its bound as that is not told apart by any number of rows that somebody would label."""

GateKind = Literal["min-score", "no-worse-than"]
Outcome = Literal["met", "not met", "undecided"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a gate came to. `estimate` is the score (the paired difference for `no-worse-than`) with an interval of level 0.9, `bound` what its low end
    has to reach (minus the margin for `no-worse-than`).

    `rows` is about how many scored rows would decide it in 80 % of cases if the estimate is the truth; None when it is decided, or when no number
    would. `tipped` is True when the scored rows decide, and those without a score could tip it: then it is undecided.
    """

    kind: GateKind
    outcome: Outcome
    bound: float
    estimate: Estimate
    rows: int | None = None
    tipped: bool = False
    better: int = 0
    worse: int = 0


def at_least(scores: Sequence[float], bound: float, clusters: Sequence[str] | None = None) -> Decision:
    """Whether the mean score is shown to be `bound` (in [0, 1]) or more. nan is a row without a score.

    Such a row is neither right nor wrong; so the decision has to be the same whatever it would have been.
    """
    found = mean_interval(scores, BOTH_ENDS, clusters)
    outcome = side(found, bound)
    tipped = outcome != side(mean_interval(filled(scores, outcome, 0.0), found.level, clusters), bound)
    undecided = outcome == "undecided" and found.n > 0
    rows = rows_for(mean_sd(scores, clusters), found.mean - bound) if undecided else None
    return Decision("min-score", "undecided" if tipped else outcome, bound, found, rows, tipped)


def no_worse(
    after: Sequence[float], before: Sequence[float], margin: float, clusters: Sequence[str] | None = None, level: float = BOTH_ENDS
) -> Decision:
    """Whether `after` is shown to be at most `margin` worse than `before` on the same rows: non-inferiority, paired. nan is a row without a score.

    With the margin as the largest loss that nobody would mind; 0 asks for "as good or better", which equal prompts can never show. `level` is that of the
    interval with both ends; whoever decides several such questions raises it.
    """
    found = paired_gain(after, before, level, clusters)
    differences = [a - b for a, b in zip(after, before, strict=True)]
    outcome = side(found.estimate, -margin)
    worst = filled(differences, outcome, -1.0)
    tipped = outcome != side(paired_gain(worst, [0.0] * len(worst), found.estimate.level, clusters).estimate, -margin)
    undecided = outcome == "undecided" and found.estimate.n > 0
    rows = rows_for(paired_sd(found), found.estimate.mean + margin) if undecided else None
    final: Outcome = "undecided" if tipped else outcome
    return Decision("no-worse-than", final, -margin, found.estimate, rows, tipped, found.better, found.worse)


def side(found: Estimate, bound: float) -> Outcome:
    """On which side of the bound the whole interval lies."""
    if found.low >= bound:
        return "met"
    return "not met" if found.high < bound else "undecided"


def filled(values: Sequence[float], outcome: Outcome, worst: float) -> list[float]:
    """The values with those that are missing put at what speaks most against the outcome: `worst`, or 1."""
    instead = 1.0 if outcome == "not met" else worst if outcome == "met" else math.nan
    return [value if math.isfinite(value) else instead for value in values]


def rows_for(sd: float, distance: float) -> int | None:
    """The rows that tell a distance of that size from none."""
    return rows_needed(sd, abs(distance)) if abs(distance) >= SMALLEST else None
