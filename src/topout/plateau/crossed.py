"""A mean over seeds and rows, both of them drawn: what another seed and other rows would say.

Scores of several runs on the same rows are a table of seeds by rows. Rows are hard or easy for all seeds, seeds are lucky or not on all rows: neither the cells nor
the rows alone are independent. The variance is that of row means plus that of seed means (Cameron, Gelbach and Miller 2011, without their third term: the
noise of the cells is in both and counted twice, since with few seeds what they subtract is itself mostly noise); t quantiles with Satterthwaite's (1946)
degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from topout.domain import Estimate, Gain
from topout.plateau.intervals import gain_error, paired_gain
from topout.plateau.student import t_quantile

__all__ = ["crossed_gain", "crossed_mean"]


def crossed_gain(table: Sequence[Sequence[float]], level: float = 0.95, clusters: Sequence[str] | None = None) -> Gain:
    """The mean of differences given by seed and row (`table[seed][row]`, nan where one is missing), with its interval.

    `n` is the number of rows; `better` and `worse` count rows by their mean over seeds. With one seed it is `paired_gain`, whose interval says
    nothing of other seeds. Raises ValueError for rows of unequal length.
    """
    means = row_means(table)
    rows = paired_gain(means, [0.0] * len(means), level, clusters)
    found = rows.estimate
    if not found.n or len(table) == 1:
        return rows
    low, high, se, df = spread(table, found.mean, gain_error(rows), level, groups(means, clusters) + 1)
    estimate = Estimate(found.mean, max(-1.0, low), min(1.0, high), found.n, level, found.unscored)
    return Gain(estimate, (t_quantile(0.95, df) + t_quantile(0.8, df)) * se, rows.better, rows.worse)


def crossed_mean(table: Sequence[Sequence[float]], level: float = 0.95, clusters: Sequence[str] | None = None) -> Estimate:
    """The same for scores in [0, 1]."""
    found = crossed_gain(table, level, clusters).estimate
    if not found.n:
        return Estimate(math.nan, 0.0, 1.0, 0, level, found.unscored)
    return Estimate(found.mean, max(0.0, found.low), min(1.0, found.high), found.n, level, found.unscored)


def row_means(table: Sequence[Sequence[float]]) -> list[float]:
    """Each row's mean over the seeds that have a value; nan where none has."""
    if len({len(line) for line in table}) > 1:
        raise ValueError("crossed_gain: the seeds have unequal numbers of rows")
    out = []
    for column in zip(*table, strict=True):
        known = [value for value in column if math.isfinite(value)]
        out.append(math.fsum(known) / len(known) if known else math.nan)
    return out


def spread(
    table: Sequence[Sequence[float]], mean: float, row_error: float, level: float, row_df: int
) -> tuple[float, float, float, float]:
    """Low and high end, standard error and degrees of freedom."""
    known = [[v for v in line if math.isfinite(v)] for line in table]
    seeds = [math.fsum(line) / len(line) for line in known if line]
    count = len(seeds)
    rows, more = row_error**2, 0.0
    if count > 1:
        centre = math.fsum(seeds) / count
        more = math.fsum((s - centre) ** 2 for s in seeds) / (count - 1) / count
    se = math.sqrt(rows + more)
    df = (rows + more) ** 2 / (rows**2 / row_df + (more**2 / (count - 1) if count > 1 else 0.0)) if se else float(row_df)
    half = t_quantile(0.5 + level / 2, max(1.0, df)) * se
    return mean - half, mean + half, se, max(1.0, df)


def groups(means: Sequence[float], clusters: Sequence[str] | None) -> int:
    """How many rows or clusters of them there are."""
    known = [i for i, value in enumerate(means) if math.isfinite(value)]
    if clusters is None:
        return len(known)
    named = {clusters[i] for i in known if clusters[i]}
    return len(named) + sum(not clusters[i] for i in known)
