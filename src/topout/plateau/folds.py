"""k searches, each with another fold of the rows as dev, measured on one common holdout: what they gained together, and how sure that is.

Two questions have two intervals. *What are these k prompts worth?* The prompts are fixed, the held-out rows are drawn; all prompts answer the same rows, so a row
counts once, with its mean over the prompts. *What would a prompt of this recipe from so many rows be worth?* There the searches are drawn as well. Rows and searches are
crossed, so the variance of the mean is σ²_search/k + σ²_row/n + σ²_both/(kn) (two-way random effects; Searle, Casella & McCulloch 1992, ch. 5), with Satterthwaite's (1946)
degrees of freedom. The folds' train rows overlap, so that the searches vary less than on data of their own, and no estimate of a k-fold's variance is free of
bias (Bengio & Grandvalet 2004): the second interval is too narrow by what that hides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from topout.domain import Estimate, Gain
from topout.plateau.intervals import gain_error, paired_gain
from topout.plateau.student import t_quantile

__all__ = ["FoldsGain", "folds_gain"]


@dataclass(frozen=True, slots=True)
class FoldsGain:
    """`each` fold's gain, with intervals that hold together at the level (Bonferroni: each at 1 - (1 - level) / k). `mean` of the prompts as they are, over
    held-out rows; `recipe` the same mean as what a further search would gain. `sd` is the spread of the gains over folds."""

    each: tuple[Gain, ...]
    mean: Gain
    recipe: Estimate
    sd: float


def folds_gain(
    winners: Sequence[Sequence[float]], baseline: Sequence[float], clusters: Sequence[str] | None = None, level: float = 0.95
) -> FoldsGain:
    """The gain of k winners over the one baseline; scores by row, nan where there is none. `clusters` names rows that belong together.

    Rows that one of them has no score for are left out of the mean. Raises ValueError for fewer than two winners.
    """
    k = len(winners)
    if k < 2:
        raise ValueError(f"{k} winners: folds are two or more")
    each = tuple(paired_gain(one, baseline, 1 - (1 - level) / k, clusters) for one in winners)
    mean = paired_gain([math.fsum(scores) / k for scores in zip(*winners, strict=True)], baseline, level, clusters)
    kept = [i for i, b in enumerate(baseline) if math.isfinite(b) and all(math.isfinite(one[i]) for one in winners)]
    if len(kept) < 2:
        return FoldsGain(each, mean, mean.estimate, math.nan)
    names = [clusters[i] if clusters is not None and clusters[i] else f"\0{i}" for i in kept]
    table = [[one[i] - baseline[i] for i in kept] for one in winners]
    gains = [math.fsum(row) / len(kept) for row in table]
    spread = math.fsum((g - mean.estimate.mean) ** 2 for g in gains) / (k - 1)
    groups = len(set(names))
    rows_se = gain_error(mean)
    rows_variance = rows_se * rows_se
    search = max(0.0, spread / k - noise(table, gains, names) / k)
    variance = rows_variance + search
    if search > 0:
        freedom = variance**2 / (rows_variance**2 / max(1, groups - 1) + (spread / k) ** 2 / (k - 1))
        half = t_quantile(0.5 + level / 2, max(1.0, freedom)) * math.sqrt(variance)
    else:
        half = 0.0
    m = mean.estimate
    low, high = min(m.low, max(-1.0, m.mean - half)), max(m.high, min(1.0, m.mean + half))
    return FoldsGain(each, mean, Estimate(m.mean, low, high, m.n, level, m.unscored), math.sqrt(spread))


def noise(table: Sequence[Sequence[float]], gains: Sequence[float], names: Sequence[str]) -> float:
    """How much of the variance of a fold's gain comes from which rows it met: the interaction of rows and searches, by clusters."""
    k, n = len(table), len(names)
    row_means = [math.fsum(column) / k for column in zip(*table, strict=True)]
    whole = math.fsum(gains) / k
    groups = len(set(names))
    if groups < 2:
        return 0.0
    found = 0.0
    for row, gain in zip(table, gains, strict=True):
        sums: dict[str, float] = {}
        for value, name, mean in zip(row, names, row_means, strict=True):
            sums[name] = sums.get(name, 0.0) + value - gain - mean + whole
        found += math.fsum(s * s for s in sums.values()) * groups / (groups - 1) / (n * n)
    return found / (k - 1)
