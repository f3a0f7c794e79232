"""Only if better: is a prompt shown to be better, on held-out rows, than what an alias points at?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from topout.contracts import Offer
from topout.domain import Estimate
from topout.plateau.intervals import paired_gain
from topout.plateau.wording import gain, quality
from topout.text.fingerprints import digest

__all__ = ["Comparison", "Recorded", "compare", "row_name"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a registry knows of a version: on which held-out rows and with which model it was measured, with which result, and its scores by `row_name`."""

    version: int
    holdout_fingerprint: str
    model: str
    score: Estimate
    rows: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`better` when the offer is shown to be; `reason` says what was compared, and how."""

    better: bool
    reason: str


def row_name(holdout_fingerprint: str, example: str) -> str:
    """16 hex digits for a held-out row: the same for the same holdout, without its id."""
    return digest([holdout_fingerprint, example])[:16]


def compare(offer: Offer, current: Recorded) -> Comparison:
    """Better means: the whole 95 % interval of the paired gain lies above 0; without common rows, the interval of the one above that of the other.

    What was measured on other rows, with another scorer or another model is not comparable, and so not shown to be worse.
    """
    p, where = offer.provenance, f"version {current.version}"
    if not p.holdout_fingerprint or p.holdout_fingerprint != current.holdout_fingerprint:
        return Comparison(False, f"{where} was measured on other held-out rows or with another scorer: not comparable")
    if p.model != current.model:
        return Comparison(False, f"{where} was measured with {current.model}, this with {p.model}: not comparable")
    if not p.score.n:
        return Comparison(False, f"this candidate was not measured on held-out rows, {where}: {quality(current.score)}")
    if not current.score.n:
        return Comparison(False, f"{where} was not measured on held-out rows: not comparable")
    mine = {
        row_name(p.holdout_fingerprint, example): (score, offer.groups.get(example, "")) for example, score in offer.scores.items()
    }
    common = sorted(mine.keys() & current.rows.keys())
    if common:
        clusters = [mine[row][1] for row in common] if any(offer.groups.values()) else None
        found = paired_gain([mine[row][0] for row in common], [current.rows[row] for row in common], clusters=clusters)
        shown = f"{gain(found.estimate)} over {where}, paired on the same held-out rows"
        return Comparison(found.estimate.low > 0, shown)
    shown = f"{quality(p.score)} against {quality(current.score)} for {where}, by intervals (its rows are not at hand)"
    return Comparison(math.isfinite(p.score.low) and p.score.low > current.score.high, shown)
