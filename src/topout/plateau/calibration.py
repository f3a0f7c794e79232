"""From evidence to P(the next doubling of calls gains delta or more): a logistic fitted on simulated runs with known truth.

The coefficients are data (calibration.json, made by `python -m benchmarks.plateau --fit`), with their provenance, the error rates as measured, and
a few examples whose probabilities are recomputed by a test: code and calibration cannot part ways unseen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

from topout.plateau.effects import Effects
from topout.plateau.evidence import Evidence
from topout.plateau.intervals import gain_error

__all__ = ["FEATURES", "REACH", "Calibration", "features", "interactions", "load", "shipped"]

FEATURES = (
    "log emax",
    "log good",
    "zmax",
    "ztop",
    "lower bound",
    "log proposals",
    "kept early",
    "kept midway",
    "kept late",
    "log share of dev rows raced",
    "calls since the last change",
    "log changes",
    "log late changes",
    "log dev rows",
    "log holdout rows",
    "held-out gain of the last doubling, shrunken",
    "its error",
    "dev gain of the last doubling",
    "log dev gain of the last doubling",
    "held-out gain since baseline",
    "dev gain since baseline",
    "log headroom",
)
REACH = 3.0  # standardised features end here: beyond what was simulated nothing is extrapolated
_GAIN_SD = 0.03  # how far gains of a doubling spread: noisier held-out gains are shrunk to 0 accordingly


def _bounded(value: float, low: float, high: float) -> float:
    return min(max(value, low), high) if math.isfinite(value) else 0.0


def features(evidence: Evidence, promise: Effects) -> list[float] | None:
    """The logistic's inputs, None where the champions' held-out scores are missing. Bounded: a wild run extrapolates nothing."""
    last, total, champion = evidence.last_doubling, evidence.since_baseline, evidence.champion
    if last is None or total is None or champion is None or not last.estimate.n or not champion.n or not evidence.calls:
        return None
    early, midway, late = evidence.kept_by_third()
    error = gain_error(last)
    raced = sum(c.rows for c in evidence.challengers) / max(evidence.tried, 1)
    dev_last = _bounded(evidence.dev_last_doubling, -0.1, 0.3)
    return [
        math.log(promise.emax + 0.003),
        math.log(min(promise.good, 100.0) + 0.05),
        _bounded(promise.zmax, -1.0, 6.0),
        _bounded(promise.ztop, -1.0, 6.0),
        _bounded(promise.lower, -0.1, 0.2),
        math.log(min(max(evidence.tried, 10), 600)),
        _bounded(early, 0.0, 1.0),
        _bounded(midway, 0.0, 1.0),
        _bounded(late, 0.0, 1.0),
        math.log(min(max(raced / evidence.n_dev, 0.03), 1.0)) if evidence.n_dev else 0.0,
        1.0 - evidence.calls_at_last_change / evidence.calls,
        math.log1p(min(evidence.changes, 60)),
        math.log1p(min(evidence.late_changes, 30)),
        math.log(min(max(evidence.n_dev, 20), 800)),
        math.log(min(max(evidence.n_holdout, 30), 2000)),
        _bounded(last.estimate.mean, -0.3, 0.3) * _GAIN_SD**2 / (_GAIN_SD**2 + error**2),
        min(error, 0.1),
        dev_last,
        math.log(max(dev_last, 0.0) + 0.003),
        _bounded(total.estimate.mean, -0.3, 0.6),
        _bounded(evidence.dev_gain, -0.1, 0.6),
        math.log(1.03 - (champion.low + champion.high) / 2),
    ]


def interactions(row: Sequence[float], delta: float) -> list[float]:
    """All terms of the logistic: the (standardised) features, the size of delta and their products two by two, squares included."""
    size = math.log(delta / 0.01)
    factors = [*row, size]
    return [1.0, *factors, *(a * b for i, a in enumerate(factors) for b in factors[i:])]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients of the logistic over `interactions`, the features' means and sds, and the thresholds by delta (ascending)."""

    means: tuple[float, ...]
    sds: tuple[float, ...]
    coefficients: tuple[float, ...]
    deltas: tuple[float, ...]
    topped_out: tuple[float, ...]
    climbing: tuple[float, ...]

    def probability(self, row: Sequence[float], delta: float) -> float:
        """P(G >= delta). A delta outside of the calibrated range is answered at its nearest end."""
        delta = min(max(delta, self.deltas[0]), self.deltas[-1])
        scaled = [min(max((x - m) / s, -REACH), REACH) for x, m, s in zip(row, self.means, self.sds, strict=True)]
        score = sum(map(float.__mul__, self.coefficients, interactions(scaled, delta)))
        return 1.0 / (1.0 + math.exp(-score)) if score > -700 else 0.0

    def thresholds(self, delta: float) -> tuple[float, float]:
        """Topped out at or below the first, climbing at or above the second; between calibrated deltas the more careful of the two."""
        above = [i for i, d in enumerate(self.deltas) if d >= delta - 1e-12] or [len(self.deltas) - 1]
        at = above[0]
        near = [at] if math.isclose(self.deltas[at], delta) or at == 0 else [at - 1, at]
        return min(self.topped_out[i] for i in near), max(self.climbing[i] for i in near)

    def covers(self, delta: float) -> bool:
        """Whether that delta lies in the calibrated range."""
        return self.deltas[0] - 1e-12 <= delta <= self.deltas[-1] + 1e-12


def load(text: str) -> Calibration:
    """The calibration in a calibration.json."""
    data = json.loads(text)
    return Calibration(*(tuple(float(x) for x in data[field.name]) for field in fields(Calibration)))


@cache
def shipped() -> Calibration:
    """The calibration that travels with the package."""
    return load(files("topout.plateau").joinpath("calibration.json").read_text(encoding="utf-8"))
