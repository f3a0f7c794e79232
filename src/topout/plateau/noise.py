"""Sampling noise: how far two evaluations of one prompt on the same rows differ though nothing was changed.

Above temperature 0 a model answers the same question now so, now so. Rows that were asked twice tell how much of that there is: half the
squared difference of the two scores is an unbiased estimate of that row's variance from draw to draw, whatever its difficulty (repeated
measures; Bland & Altman 1996, BMJ 312:1654).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from topout.domain import Estimate
from topout.plateau.intervals import mean_interval
from topout.plateau.student import t_quantile

__all__ = ["SamplingNoise", "sampling_noise"]


@dataclass(frozen=True, slots=True)
class SamplingNoise:
    """`sd` is the standard deviation of the difference between two evaluations of one prompt, each asking `rows` rows once (score units, 0.02 = 2
    points). `share` is what part of a single answer's variance (over rows and draws) is sampling: 0 when every row always scores the same, 1 when
    rows do not differ in difficulty; None when all answers scored alike, so that there is no variance to share out. n of both is the number of
    rows that were asked twice.
    """

    sd: Estimate
    share: Estimate | None
    rows: int


def sampling_noise(
    pairs: Sequence[tuple[float, float]], rows: int, level: float = 0.95, clusters: Sequence[str] | None = None
) -> SamplingNoise | None:
    """What two scores of each repeated row tell about evaluations of `rows` rows; None when no row has both.

    Draws are independent from row to row, so the variance of the difference of the two means is the mean squared difference of a row divided by
    `rows`. What is uncertain is that mean: rows (and the `clusters` that they belong to, '' for a row on its own) differ in how much they waver.
    Its interval is the t interval of `mean_interval` with the largest square seen as one pseudo-row and 0 as the other, so pairs that all agree
    give a width that their number deserves. Raises ValueError when lengths differ or `rows` is under 1.
    """
    if clusters is not None and len(clusters) != len(pairs):
        raise ValueError(f"{len(pairs)} pairs but {len(clusters)} clusters")
    if rows < 1:
        raise ValueError(f"rows = {rows}: expected at least 1")
    keep = [i for i, (a, b) in enumerate(pairs) if math.isfinite(a + b)]
    if not keep:
        return None
    known = [pairs[i] for i in keep]
    names = [str(i) for i in keep] if clusters is None else [clusters[i] or f"\0{i}" for i in keep]
    squares = [(a - b) ** 2 for a, b in known]
    largest = max(squares) or 1.0
    found = mean_interval([s / largest for s in squares], level, names)
    mean, low, high = (math.sqrt(largest * value / rows) for value in (found.mean, found.low, found.high))
    sd = Estimate(mean, low, high, len(known), level, len(pairs) - len(known))
    return SamplingNoise(sd, _share(known, names, level, rows * low * low / 2, rows * high * high / 2), rows)


def _share(pairs: Sequence[tuple[float, float]], names: Sequence[str], level: float, low: float, high: float) -> Estimate | None:
    """Within-row over total variance, with a jackknife t interval over clusters.

    One minus Fisher's intraclass correlation (1925), both variances as means over the same rows. The jackknife of a ratio: Efron & Tibshirani
    1993, eq. 11.5. It is never narrower than what the within-row variance's own interval, from `low` to `high`, says: a jackknife of pairs that all
    agree has no width.
    """
    sums: dict[str, list[float]] = {}
    for (a, b), name in zip(pairs, names, strict=True):
        part = sums.setdefault(name, [0.0, 0.0, 0.0, 0.0])
        for i, value in enumerate((1.0, a + b, a * a + b * b, (a - b) ** 2)):
            part[i] += value
    whole = [math.fsum(column) for column in zip(*sums.values(), strict=True)]
    share = _ratio(whole)
    if share is None:
        return None
    if len(sums) < 2:
        return Estimate(share, 0.0, 1.0, len(pairs), level)
    left = [_ratio([t - p for t, p in zip(whole, part, strict=True)]) for part in sums.values()]
    known = [one for one in left if one is not None]
    centre = math.fsum(known) / len(known)
    spread = math.fsum((one - centre) ** 2 for one in known) * (len(sums) - 1) / len(sums)
    half = t_quantile(0.5 + level / 2, len(sums) - 1) * math.sqrt(spread)
    total = _variance(whole)
    low, high = min(share - half, low / total), max(share + half, high / total)
    return Estimate(share, max(0.0, low), min(1.0, high), len(pairs), level)


def _variance(sums: Sequence[float]) -> float:
    """The variance of a single score, over rows and draws."""
    n, scores, squares, _ = sums
    return squares / (2 * n) - (scores / (2 * n)) ** 2


def _ratio(sums: Sequence[float]) -> float | None:
    """Within over total variance from: rows, sum of scores, of their squares, of squared differences. None without variance or rows."""
    n, differences = sums[0], sums[3]
    total = _variance(sums) if n > 0.5 else 0.0
    return min(1.0, differences / (2 * n * total)) if total > 1e-12 else None
