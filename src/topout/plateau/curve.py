"""The plateau curve: champions chosen on dev, measured on holdout, with a band that holds for the whole curve at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from topout.domain import CurvePoint
from topout.plateau.intervals import mean_interval

__all__ = ["Checkpoint", "checkpoints", "simultaneous"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The champion after `calls` task calls, with its score on each dev row and each holdout row (nan where unscored).

    `holdout` is None when that champion was not examined; `cost_usd` None when unknown.
    """

    calls: int
    cost_usd: float | None
    candidate: str
    dev: tuple[float, ...]
    holdout: tuple[float, ...] | None = None


def checkpoints(total_calls: int, first: int, factor: float = 2**0.5, most: int = 8) -> tuple[int, ...]:
    """The numbers of calls at which the champion is examined: `first` (the baseline), then log-spaced up to `total_calls`.

    Counted back from the end in steps of `factor`, so that with √2 half of the calls is always among them, where the gain of the
    last doubling starts. Ascending, without repeats, at most `most` with `first` and the end. A run shorter than `first` has one.
    """
    if total_calls <= first:
        return (max(total_calls, 0),)
    found = {first, total_calls}
    step = 1
    while len(found) < most:
        at = round(total_calls / factor**step)
        if at <= first:
            break
        found.add(at)
        step += 1
    return tuple(sorted(found))


def simultaneous(
    points: Sequence[Checkpoint],
    level: float = 0.95,
    clusters: Sequence[str] | None = None,
    dev_clusters: Sequence[str] | None = None,
) -> tuple[CurvePoint, ...]:
    """The curve with pointwise intervals and a band that covers all true holdout qualities at once with probability `level`.

    Bonferroni over the *different* examined champions (a champion that stays is one statement, not two); they were chosen on dev
    alone, so their number says nothing about the holdout rows and conditioning on it is fair. `clusters` name holdout rows that belong together.
    """
    examined = {point.candidate for point in points if point.holdout is not None}
    joint = 1.0 - (1.0 - level) / max(1, len(examined))
    curve = []
    for point in points:
        dev = mean_interval(point.dev, level, dev_clusters)
        if point.holdout is None:
            curve.append(CurvePoint(point.calls, point.cost_usd, point.candidate, dev, None))
            continue
        pointwise = mean_interval(point.holdout, level, clusters)
        band = mean_interval(point.holdout, joint, clusters)
        low, high = (band.low, band.high) if math.isfinite(band.mean) else (0.0, 1.0)
        curve.append(CurvePoint(point.calls, point.cost_usd, point.candidate, dev, pointwise, low, high))
    return tuple(curve)
