"""Which of several is the cheapest that is no worse than the best? Non-inferiority on the same rows, with the choices paid for.

Two choices are made on the rows that also judge: which one is best, and which cheaper one is named. For the first, one is called no worse only when it is shown to be within the
margin of *every* other, whichever is the best in truth (an intersection-union test, Berger 1982: it needs no correction). For the second, each of k may be
the one that is named, so each is tested at 5 % / k (Bonferroni). With both, in at most 5 % of data sets is anything called no worse that in truth lies
more than the margin behind the true best. Which one scores best is not a claim: with few rows another one may be. That one lies more than the margin *behind* is said against the best of the sample, so there all k (k - 1) / 2 pairs count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from topout.domain import Gain
from topout.plateau.gate import no_worse
from topout.plateau.intervals import paired_gain

__all__ = ["ALPHA", "Rung", "Side", "cheapest", "rungs"]

ALPHA = 0.05
"""Chance of calling anything no worse that is more than the margin behind the true best."""

ENOUGH = 0.9
"""With fewer of the rows scored than that, a mean is not set against the others': it may be of the easy rows."""

Side = Literal["best", "no worse", "worse", "undecided", "not measured"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One of several beside the best. `gain` is its score minus the best's, paired, each end of its interval one-sided at 1 - 5 % / k (None for the best).

    `side`: `no worse` is shown to be within the margin of all others, `worse` shown to be more than the margin behind the best, `undecided` neither. `rows` is about how
    many would show `no worse` in 80 % of cases if the difference is as measured; None where that is no question.
    """

    side: Side
    gain: Gain | None = None
    rows: int | None = None


def rungs(scores: Sequence[Sequence[float]], margin: float, clusters: Sequence[str] | None = None) -> list[Rung]:
    """Each of these, scored on the same rows (nan: no score), beside the best of them. Ties for the best go to the first."""
    asked = max((len(one) for one in scores), default=0)
    known = [sum(map(math.isfinite, one)) for one in scores]
    whole = [i for i, n in enumerate(known) if n and n >= ENOUGH * asked]
    if not whole:
        return [Rung("not measured") for _ in scores]
    best = max(whole, key=lambda i: math.fsum(v for v in scores[i] if math.isfinite(v)) / known[i])
    k = len(whole)
    out = []
    for i, one in enumerate(scores):
        if i == best:
            out.append(Rung("best"))
        elif i not in whole:
            out.append(Rung("not measured"))
        else:
            out.append(beside(one, scores[best], [scores[j] for j in whole if j not in (i, best)], margin, k, clusters))
    return out


def beside(
    one: Sequence[float],
    best: Sequence[float],
    others: Sequence[Sequence[float]],
    margin: float,
    k: int,
    clusters: Sequence[str] | None,
) -> Rung:
    """One against the best, and against all others."""
    level = 1 - 2 * ALPHA / k
    against = no_worse(one, best, margin, clusters, level)
    gain = paired_gain(one, best, level, clusters)
    if against.outcome == "met" and all(no_worse(one, other, margin, clusters, level).outcome == "met" for other in others):
        return Rung("no worse", gain)
    if paired_gain(one, best, 1 - 2 * ALPHA / (k * (k - 1) / 2) if k > 2 else 1 - 2 * ALPHA, clusters).estimate.high < -margin:
        return Rung("worse", gain)
    ahead = against.rows is not None and gain.estimate.mean > -margin
    return Rung("undecided", gain, widened(against.rows, k) if ahead and against.rows is not None else None)


def widened(rows: int, k: int) -> int:
    """`rows` are for one question at 5 %; as many for one of k."""
    z = NormalDist().inv_cdf
    return math.ceil(rows * ((z(1 - ALPHA / k) + z(0.8)) / (z(1 - ALPHA) + z(0.8))) ** 2)


def cheapest(found: Sequence[Rung], costs: Sequence[float | None]) -> int | None:
    """The index of the one with the lowest known cost among the best and those that are no worse; None when no such cost is known. Of equal costs, the best, then
    the higher score beside it."""
    able = [
        (cost, rung.side != "best", -(rung.gain.estimate.mean if rung.gain else 0.0), i)
        for i, (rung, cost) in enumerate(zip(found, costs, strict=True))
        if cost is not None and rung.side in ("best", "no worse")
    ]
    return min(able)[3] if able else None
