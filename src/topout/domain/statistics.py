"""Figures with their uncertainty: no number travels without its n and interval."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["CurvePoint", "Estimate", "Gain", "Ruling", "Verdict"]

Ruling = Literal["still climbing", "topped out", "can't tell yet"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean score with its interval: `mean`, `low`, `high` in [0, 1] (differences in [-1, 1]); `n` rows; `level` e.g. 0.95.

    `unscored` rows were left out. With n = 0 the mean is nan and the interval the whole range.
    """

    mean: float
    low: float
    high: float
    n: int
    level: float = 0.95
    unscored: int = 0


@dataclass(frozen=True, slots=True)
class Gain:
    """A paired difference on the same rows, with the smallest gain that so many rows can detect (80 % power, one-sided 5 %)."""

    estimate: Estimate
    detectable: float
    better: int = 0
    worse: int = 0


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of the plateau curve: the champion after so many task calls, chosen on dev, measured on holdout.

    `calls` counts task calls of the search so far; `cost_usd` is the metered cost so far (None when unknown). `dev` is the score
    on the rows that it was selected on, and therefore optimistic. `holdout` is pointwise; `band_low`/`band_high` are simultaneous
    over all points of the curve. `holdout` is None where the champion was not examined.
    """

    calls: int
    cost_usd: float | None
    candidate: str
    dev: Estimate
    holdout: Estimate | None
    band_low: float | None = None
    band_high: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Has prompting topped out, for this model, critic, recipe and data?

    `probability` is the estimated P(the next doubling of calls gains >= delta on new data), None when it was not estimated.
    `sentence` is the verdict for a person; `evidence` what it rests on, a figure each; `needs` what would decide it.
    `levers_tried`/`levers_untried` name the kinds of change that had their turn, and those that did not.
    """

    ruling: Ruling
    delta: float
    probability: float | None
    sentence: str
    evidence: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    next_step: str = ""
    levers_tried: tuple[str, ...] = ()
    levers_untried: tuple[str, ...] = ()
    details: dict[str, float | int | None] = field(default_factory=dict)
