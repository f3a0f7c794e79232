"""Intervals for mean scores and paired gains that stay honest with few rows, and the rows that a gain needs.

All of them are Student's t intervals on the rows *and two pseudo-rows*. Rows that all agree say little when they are few; the
pseudo-rows keep the width honest there (n right answers out of n give an interval about 3/n wide, as the "rule of three" says)
and fade as n grows. For right/wrong scores they are Agresti & Coull's (1998) "add two successes and two failures" halved, as in
Laplace's rule, with t for z; for paired differences they are Agresti & Min's (2005) "half a pair more in each cell", which held its
level better than Bonett & Price's (2012) whole pairs. The mean that is reported is always the plain one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from topout.domain import Estimate, Gain
from topout.plateau.student import t_quantile

__all__ = ["gain_error", "mean_interval", "mean_sd", "paired_gain", "paired_sd", "rows_needed", "smallest_detectable"]

_POWER, _ONE_SIDED = 0.80, 0.95


def _clustered(values: Sequence[float], clusters: Sequence[str] | None) -> list[tuple[float, float]]:
    """Sum and size of each cluster; an empty name is a cluster of its own. Without clusters each row is one."""
    if clusters is None:
        return [(value, 1.0) for value in values]
    sums: dict[tuple[str, int], tuple[float, float]] = {}
    for i, (value, name) in enumerate(zip(values, clusters, strict=True)):
        key = (name, -1) if name else ("", i)
        total, size = sums.get(key, (0.0, 0.0))
        sums[key] = (total + value, size + 1.0)
    return list(sums.values())


def _t_interval(groups: list[tuple[float, float]], pseudo: tuple[float, float], level: float) -> tuple[float, float, float]:
    """Centre, half-width and standard error of the ratio mean of `groups` and two pseudo-groups of average size.

    The variance is the between-cluster one of a ratio mean (Cochran 1977, eq. 6.13 with 11.2), G/(G-1) Σ(sum_g - size_g·mean)² / n²,
    with G - 1 degrees of freedom; with one row a cluster that is the ordinary t interval.
    """
    size = sum(s for _, s in groups) / len(groups)
    everything = [*groups, (pseudo[0] * size, size), (pseudo[1] * size, size)]
    n = sum(s for _, s in everything)
    mean = sum(t for t, _ in everything) / n
    count = len(everything)
    squares = sum((t - s * mean) ** 2 for t, s in everything)
    se = math.sqrt(count / (count - 1) * squares) / n
    return mean, t_quantile(0.5 + level / 2, count - 1) * se, se


def _split(values: Sequence[float], clusters: Sequence[str] | None) -> tuple[list[float], list[str] | None]:
    """The finite values and their clusters. Raises ValueError when the lengths differ."""
    if clusters is not None and len(clusters) != len(values):
        raise ValueError(f"{len(values)} scores but {len(clusters)} clusters")
    keep = [i for i, value in enumerate(values) if math.isfinite(value)]
    return [values[i] for i in keep], None if clusters is None else [clusters[i] for i in keep]


def mean_interval(scores: Sequence[float], level: float = 0.95, clusters: Sequence[str] | None = None) -> Estimate:
    """The mean of scores in [0, 1] with its interval; nan scores are left out and counted as `unscored`.

    `clusters` names what rows belong together ('' for a row on its own): the interval then counts clusters, not rows.
    Never of zero width: the two pseudo-rows are a 0 and a 1. With no scored row the mean is nan and the interval [0, 1].
    """
    values, names = _split(scores, clusters)
    unscored = len(scores) - len(values)
    if not values:
        return Estimate(math.nan, 0.0, 1.0, 0, level, unscored)
    mean = math.fsum(values) / len(values)
    centre, half, _ = _t_interval(_clustered(values, names), (0.0, 1.0), level)
    return Estimate(mean, max(0.0, min(centre - half, mean)), min(1.0, max(centre + half, mean)), len(values), level, unscored)


def mean_sd(scores: Sequence[float], clusters: Sequence[str] | None = None) -> float:
    """The standard deviation of a row's score (pseudo-rows included; with clusters, of one that counts as much); inf without scored rows."""
    values, names = _split(scores, clusters)
    if not values:
        return math.inf
    return _t_interval(_clustered(values, names), (0.0, 1.0), 0.95)[2] * math.sqrt(len(values) + 2)


def _pseudo_size(differences: Sequence[float]) -> float:
    """How large the two pseudo-differences are: √½ of a row's typical change (root mean square, with one change of 1 added).

    Right/wrong scores change by 1 or not at all, so theirs is √½: two such rows have the squares of half a pair each way. Graded
    scores change by less; pseudo-rows as large would drown them. Rows that do not change say nothing of a change's size: √½ again.
    """
    changes = [d for d in differences if d != 0.0]
    return math.sqrt(0.5 * (math.fsum(d * d for d in changes) + 1.0) / (len(changes) + 1.0))


def paired_gain(
    after: Sequence[float], before: Sequence[float], level: float = 0.95, clusters: Sequence[str] | None = None
) -> Gain:
    """The mean of after - before over the rows where both are scored, with its interval and the smallest gain to be detected.

    Equal vectors give 0 with an interval that n rows deserve, not [0, 0]. `better` and `worse` count rows. Raises ValueError when
    the lengths differ. Coverage as measured: docs/statistics.md.
    """
    if len(after) != len(before):
        raise ValueError(f"{len(after)} scores after but {len(before)} before: a paired gain needs the same rows")
    differences, names = _split([a - b for a, b in zip(after, before, strict=True)], clusters)
    unscored = len(after) - len(differences)
    if not differences:
        return Gain(Estimate(math.nan, -1.0, 1.0, 0, level, unscored), math.inf)
    mean = math.fsum(differences) / len(differences)
    size = _pseudo_size(differences)
    groups = _clustered(differences, names)
    centre, half, se = _t_interval(groups, (-size, size), level)
    low, high = max(-1.0, min(centre - half, mean)), min(1.0, max(centre + half, mean))
    df = len(groups) + 1
    return Gain(
        Estimate(mean, low, high, len(differences), level, unscored),
        detectable=(t_quantile(_ONE_SIDED, df) + t_quantile(_POWER, df)) * se,
        better=sum(d > 0 for d in differences),
        worse=sum(d < 0 for d in differences),
    )


def gain_error(gain: Gain) -> float:
    """The standard error (pseudo-rows included) of a gain, as its `detectable` tells; inf without rows."""
    n = gain.estimate.n
    if n == 0 or not math.isfinite(gain.detectable):
        return math.inf
    return gain.detectable / (t_quantile(_ONE_SIDED, n + 1) + t_quantile(_POWER, n + 1))


def paired_sd(gain: Gain) -> float:
    """The standard deviation of a row's difference that a gain stands for; inf without rows."""
    return gain_error(gain) * math.sqrt(gain.estimate.n + 2)


def smallest_detectable(sd: float, n: int) -> float:
    """The gain that n rows with a paired standard deviation `sd` find in 80 % of cases, one-sided 5 %; inf for n < 2."""
    if n < 2:
        return math.inf
    return (t_quantile(_ONE_SIDED, n - 1) + t_quantile(_POWER, n - 1)) * sd / math.sqrt(n)


def rows_needed(sd: float, gain: float) -> int:
    """How many rows find a true gain of that size in 80 % of cases (one-sided 5 %), given the paired standard deviation of a row.

    Raises ValueError for a gain that is not positive or an sd that is negative or not finite.
    """
    if not gain > 0.0 or not math.isfinite(sd) or sd < 0.0:
        raise ValueError(f"rows_needed: sd = {sd}, gain = {gain}: expected a finite sd >= 0 and a gain > 0")
    z = NormalDist().inv_cdf(_ONE_SIDED) + NormalDist().inv_cdf(_POWER)
    n = max(2, math.ceil((z * sd / gain) ** 2))
    while smallest_detectable(sd, n) > gain:
        n += 1
    return n
