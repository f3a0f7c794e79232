"""How good are the proposals that this run makes? The distribution of their true differences to the parent, by empirical Bayes.

A single proposal's dev difference is mostly noise; a hundred of them tell how the true ones are spread. That spread is estimated
without a shape: nonparametric maximum likelihood on a grid (Kiefer & Wolfowitz 1956; by EM as Laird 1978, a fixed number of steps from
a flat start), with a normal likelihood and each proposal's own standard error.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from topout.plateau.evidence import Challenger, Contender

__all__ = [
    "GRID",
    "STEPS",
    "Effects",
    "Found",
    "best_of",
    "effects",
    "found",
    "given",
    "pooled_errors",
    "promise",
    "recent",
    "spread",
]

GRID: tuple[float, ...] = tuple(round(-0.5 + 0.01 * i, 2) for i in range(81))  # true differences, -0.5 to 0.3
STEPS = 40  # EM steps; stopping early smooths, and more of them change no verdict
MOST = 100  # challengers looked at: the latest
PSEUDO_ROWS = 25.0  # weight of the pooled variance in each proposal's own


@dataclass(frozen=True, slots=True)
class Effects:
    """What proposals promise: a run's latest challengers against their parents, or a probe's contenders against the champion.

    `emax`: expected true gain over the parent of the best of as many proposals as the next doubling will try, at least 0. `good`:
    how many of those are expected to gain 0.02 or more. `zmax`: the largest difference in standard errors, `ztop` the mean of the three
    largest. `lower`: the largest one-sided 95 % lower bound of a single proposal. 0 without challengers.
    """

    emax: float
    good: float
    zmax: float
    ztop: float
    lower: float


def scored_well(one: Challenger | Contender) -> bool:
    """Whether it has rows, and a finite mean and standard error."""
    return one.rows > 0 and math.isfinite(one.mean) and math.isfinite(one.se)


def recent(challengers: Sequence[Challenger]) -> Sequence[Challenger]:
    """The later half of the challengers, 100 at most: early ones raced against parents that are long surpassed."""
    return challengers[len(challengers) // 2 :][-MOST:]


def pooled_errors(challengers: Sequence[Challenger | Contender]) -> list[float]:
    """Standard errors from each one's variance, shrunk to the pooled one with 25 pseudo-rows: few equal rows are not certainty."""
    variances = [c.se * c.se * c.rows for c in challengers]
    rows = sum(c.rows for c in challengers)
    pooled = sum(v * c.rows for v, c in zip(variances, challengers, strict=True)) / rows if rows else 0.0
    pooled = max(pooled, 1e-6)
    return [
        math.sqrt((c.rows * v + PSEUDO_ROWS * pooled) / (c.rows + PSEUDO_ROWS) / c.rows)
        for v, c in zip(variances, challengers, strict=True)
    ]


def spread(differences: Sequence[float], errors: Sequence[float]) -> list[float]:
    """Weights over GRID that make the differences likely; flat without any."""
    size = len(GRID)
    weights = [1.0 / size] * size
    if not differences:
        return weights
    likelihoods = []
    for d, e in zip(differences, errors, strict=True):
        logs = [-0.5 * ((d - x) / e) ** 2 for x in GRID]
        top = max(logs)
        likelihoods.append([math.exp(one - top) for one in logs])
    for _ in range(STEPS):
        total = [0.0] * size
        for row in likelihoods:
            share = 1.0 / sum(map(float.__mul__, row, weights))
            total = [t + share * r for t, r in zip(total, row, strict=True)]
        weights = [w * t / len(likelihoods) for w, t in zip(weights, total, strict=True)]
    return weights


def best_of(weights: Sequence[float], count: float) -> float:
    """E[max(0, the best of `count` independent draws from the weights over GRID)]."""
    below = done = expected = 0.0
    for x, w in zip(GRID, weights, strict=True):
        below = min(1.0, below + w)
        powered = below**count
        expected += max(0.0, x) * (powered - done)
        done = powered
    return expected


def promise(met: Sequence[Challenger | Contender], errors: Sequence[float], weights: Sequence[float], count: int) -> Effects:
    """What the best of `count` more proposals like these would be worth. All of them have rows; `weights` are their spread."""
    z = sorted((c.mean / e for c, e in zip(met, errors, strict=True)), reverse=True)[:3]
    return Effects(
        emax=best_of(weights, count),
        good=count * sum(w for x, w in zip(GRID, weights, strict=True) if x >= 0.02),
        zmax=z[0],
        ztop=sum(z) / len(z),
        lower=max(c.mean - 1.645 * e for c, e in zip(met, errors, strict=True)),
    )


def effects(challengers: Sequence[Challenger]) -> Effects:
    """The promise of a run's challengers to their parents, given in the order of their decisions."""
    latest = [c for c in recent(challengers) if scored_well(c)]
    if not latest:
        return Effects(0.0, 0.0, 0.0, 0.0, 0.0)
    errors = pooled_errors(latest)
    return promise(latest, errors, spread([c.mean for c in latest], errors), len(challengers))


def given(mean: float, error: float, prior: Sequence[float]) -> list[float]:
    """The posterior over GRID of a true difference that was measured as `mean` with that standard error; sums to 1."""
    logs = [-0.5 * ((mean - x) / error) ** 2 for x in GRID]
    top = max(logs)
    weights = [w * math.exp(log - top) for w, log in zip(prior, logs, strict=True)]
    total = sum(weights)
    return [w / total for w in weights]


def _quantile(weights: Sequence[float], count: int, p: float) -> float:
    """Of max(0, the best of `count` draws from the weights over GRID)."""
    below = itertools.accumulate(weights)
    return max(0.0, next((x for x, b in zip(GRID, below, strict=True) if min(1.0, b) ** count >= p), GRID[-1]))


@dataclass(frozen=True, slots=True)
class Found:
    """What a probe has found. `promise` is of as many proposals as the run has tried, `emax_ten` of ten; `best` is the largest true difference
    after correction; `rows` those of the finalists, `sd` the standard deviation of a row's difference, `number` the scored proposals.
    `range_of_best`: between what bounds the best of as many proposals as the run has tried lies in 95 % of draws from their spread, at least 0."""

    promise: Effects
    emax_ten: float
    best: float
    rows: int
    sd: float
    number: int
    range_of_best: tuple[float, float]


def found(probe: Sequence[Contender], tried: int) -> Found | None:
    """What the scored contenders of a probe say; None when there are none."""
    met = [c for c in probe if scored_well(c)]
    if not met:
        return None
    errors = pooled_errors(met)
    prior = spread([c.mean for c in met], errors)
    best = max(sum(map(float.__mul__, GRID, given(c.mean, e, prior))) for c, e in zip(met, errors, strict=True))
    rows = [c.rows for c in met]
    variance = sum(c.se * c.se * c.rows * c.rows for c in met) / sum(rows)
    return Found(
        promise(met, errors, prior, tried),
        best_of(prior, 10),
        best,
        max(rows),
        math.sqrt(variance),
        len(met),
        (_quantile(prior, tried, 0.025), _quantile(prior, tried, 0.975)),
    )
