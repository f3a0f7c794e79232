"""How far a judge and people agree on the same answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from topout.domain import Estimate
from topout.plateau.intervals import mean_interval, paired_gain

__all__ = ["Agreement", "agreement"]

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of the answers that both marked, scores in [0, 1]: `correlation` (Pearson; None under 4 answers or where one side gives all the same), mean
    `distance`, and by how much the judge is `milder` than people (below 0: stricter)."""

    correlation: Estimate | None
    distance: Estimate
    milder: Estimate


def agreement(judge: Sequence[float], people: Sequence[float]) -> Agreement:
    """Compare, answer by answer; nan where the judge gave no score, which is left out and counted. The interval of the correlation is Fisher's (1921, z
    transformation), 95 %. Raises ValueError when the lengths differ."""
    gain = paired_gain(judge, people).estimate
    distance = mean_interval([abs(a - b) for a, b in zip(judge, people, strict=True)])
    both = [(a, b) for a, b in zip(judge, people, strict=True) if math.isfinite(a + b)]
    return Agreement(correlation(both, len(judge) - len(both)), distance, gain)


def correlation(pairs: Sequence[tuple[float, float]], unscored: int) -> Estimate | None:
    """Pearson's, with its interval; None where it is not defined."""
    n = len(pairs)
    if n < 4:
        return None
    means = [math.fsum(column) / n for column in zip(*pairs, strict=True)]
    off = [(a - means[0], b - means[1]) for a, b in pairs]
    spread = math.sqrt(math.fsum(a * a for a, _ in off) * math.fsum(b * b for _, b in off))
    if spread < 1e-12:
        return None
    r = max(-1.0, min(1.0, math.fsum(a * b for a, b in off) / spread))
    z, half = math.atanh(max(-0.999999, min(0.999999, r))), Z95 / math.sqrt(n - 3)
    return Estimate(r, min(r, math.tanh(z - half)), max(r, math.tanh(z + half)), n, 0.95, unscored)
