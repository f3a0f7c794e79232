"""Where the held-out curve would level off if it saturates: a guide for the eye, never evidence.

A power law q(c) = a - b (c / c1)^-k with b >= 0 is fitted to the champions' held-out means by least squares, k on a grid; a is the ceiling. Its interval
comes from resampling the rows (groups of rows where there are such), which all champions share. Whether a curve saturates at all is what nobody knows from
the curve alone, so the verdict does not look at it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from topout.domain import Estimate
from topout.plateau.curve import Checkpoint

__all__ = ["LEAST_POINTS", "ceiling"]

LEAST_POINTS, LEAST_ROWS = 4, 30
POWERS = (0.1, 0.15, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0)


def ceiling(
    points: Sequence[Checkpoint],
    rng: random.Random,
    clusters: Sequence[str] | None = None,
    level: float = 0.9,
    draws: int = 100,
) -> Estimate | None:
    """The ceiling with its interval over resampled rows; None with fewer than 4 examined points or 30 rows that all of them have a score for.

    A fit that rises without end is cut at 1, the best score that there is.
    """
    examined = [p for p in points if p.holdout is not None and p.calls > 0]
    rows = (
        [i for i in range(len(examined[0].holdout or ())) if all(math.isfinite(p.holdout[i]) for p in examined if p.holdout)]
        if examined
        else []
    )
    if len(examined) < LEAST_POINTS or len(rows) < LEAST_ROWS:
        return None
    scores = [[p.holdout[i] for i in rows] for p in examined if p.holdout is not None]
    calls = [p.calls / examined[0].calls for p in examined]
    whole = fitted(calls, [math.fsum(s) / len(s) for s in scores])
    units: dict[str, list[int]] = {}
    for at, i in enumerate(rows):
        units.setdefault(clusters[i] if clusters is not None and clusters[i] else f"row {i}", []).append(at)
    groups = list(units.values())
    found = []
    for _ in range(draws):
        drawn = [at for group in rng.choices(groups, k=len(groups)) for at in group]
        found.append(fitted(calls, [math.fsum(s[at] for at in drawn) / len(drawn) for s in scores]))
    found.sort()
    tail = int((1 - level) / 2 * draws)
    return Estimate(whole, min(found[tail], whole), max(found[-1 - tail], whole), len(rows), level)


def fitted(calls: Sequence[float], means: Sequence[float]) -> float:
    """The ceiling of the best power law; the mean where none rises."""
    n, centre = len(means), math.fsum(means) / len(means)
    best, error = centre, math.fsum((y - centre) ** 2 for y in means)
    for power in POWERS:
        x = [c**-power for c in calls]
        middle = math.fsum(x) / n
        spread = math.fsum((one - middle) ** 2 for one in x)
        slope = math.fsum((one - middle) * (y - centre) for one, y in zip(x, means, strict=True)) / spread if spread else 0.0
        if slope >= 0:
            continue
        top = centre - slope * middle
        left = math.fsum((y - top - slope * one) ** 2 for one, y in zip(x, means, strict=True))
        if left < error:
            best, error = top, left
    return min(1.0, best)
