"""From evidence to P(the next doubling of calls gains delta or more): a logistic fitted on simulated runs with known truth.

There is one for the run alone, and one for each design of a probe, which takes the first one's answer as one of its inputs. The coefficients
are data (calibration.json, made by `python -m benchmarks.plateau --fit`), with their provenance, the error rates as measured, and a few examples
whose probabilities are recomputed by a test: code and calibration cannot part ways unseen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

from topout.plateau.effects import Effects, Found, effects, found
from topout.plateau.evidence import Evidence
from topout.plateau.intervals import gain_error

__all__ = [
    "ENOUGH",
    "FEATURES",
    "PROBE_FEATURES",
    "REACH",
    "SHARED",
    "Calibration",
    "Judgement",
    "Shipped",
    "chance_inputs",
    "features",
    "interactions",
    "judge",
    "load",
    "logit",
    "probe_features",
    "shipped",
]

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
SHARED = ("log proposals", "log dev rows", "log headroom", "kept late", "log good")  # of FEATURES, looked at beside the probe too
PROBE_FEATURES = (
    "log odds by the run alone",
    "log emax of as many again",
    "log emax of ten",
    "zmax",
    "ztop",
    "lower bound",
    "best after correction",
    "log rows of the last rung",
    "log sd of a row's difference",
    "log fresh proposals",
    *SHARED,
)
ENOUGH = 15  # a probe with fewer scored proposals is left out of the verdict
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


def logit(probability: float) -> float:
    """Log odds, of a probability kept off 0 and 1."""
    bounded = min(max(probability, 1e-4), 1.0 - 1e-4)
    return math.log(bounded / (1.0 - bounded))


def probe_features(alone: float, row: Sequence[float], seen: Found) -> list[float]:
    """The inputs of the probe's logistic: the probability by the run alone (at the same delta), its features, and what the probe has found."""
    return [
        logit(alone),
        math.log(seen.promise.emax + 0.003),
        math.log(seen.emax_ten + 0.003),
        _bounded(seen.promise.zmax, -1.0, 8.0),
        _bounded(seen.promise.ztop, -1.0, 8.0),
        _bounded(seen.promise.lower, -0.3, 0.3),
        _bounded(seen.best, -0.3, 0.3),
        math.log(min(max(seen.rows, 25), 400)),
        math.log(min(seen.sd, 1.0) + 0.02),
        math.log(min(max(seen.number, 10), 200)),
        *(row[FEATURES.index(name)] for name in SHARED),
    ]


def chance_inputs(alone: float, proposals: int, rows: int) -> list[float]:
    """What the chance that a probe decides depends on: the probability by the run alone, and the probe's size."""
    return [logit(alone), math.log(proposals), math.log(min(max(rows, 25), 400))]


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


@dataclass(frozen=True, slots=True)
class Shipped:
    """The calibrations: of the run alone, of the run with its probe (by the number of proposals in the design, ascending), and of the chance that
    a probe would decide (no thresholds there)."""

    alone: Calibration
    probed: tuple[tuple[int, Calibration], ...]
    chance: Calibration

    def of_probe(self, proposals: int) -> Calibration:
        """The calibration for a probe with so many scored proposals: of the largest design of which it has four fifths, else of the smallest."""
        reached = [one for size, one in self.probed if 5 * proposals >= 4 * size]
        return reached[-1] if reached else self.probed[0][1]


@dataclass(frozen=True, slots=True)
class Judgement:
    """P(G >= delta), by the run alone and by all there is; `by` is the calibration that has the last word."""

    alone: float
    probability: float
    by: Calibration
    found: Found | None = None


def judge(evidence: Evidence, calibrations: Shipped) -> Judgement | None:
    """The probability of a gain of delta or more in the next doubling; None where the champions' held-out scores are missing.

    A probe counts when at least 15 of its proposals have scores; else the run alone is judged."""
    row = features(evidence, effects(evidence.challengers))
    if row is None:
        return None
    alone = calibrations.alone.probability(row, evidence.delta)
    seen = found(evidence.probe, evidence.tried + evidence.gated)
    if seen is None or seen.number < ENOUGH:
        return Judgement(alone, alone, calibrations.alone)
    probed = calibrations.of_probe(seen.number)
    return Judgement(alone, probed.probability(probe_features(alone, row, seen), evidence.delta), probed, seen)


def load(text: str) -> Shipped:
    """The calibrations in a calibration.json."""
    data = json.loads(text)

    def one(found: Mapping[str, Sequence[float]]) -> Calibration:
        return Calibration(*(tuple(float(x) for x in found[field.name]) for field in fields(Calibration)))

    probed = tuple((int(size), one(found)) for size, found in data["probed"].items())
    return Shipped(one(data["alone"]), probed, one(data["chance"]))


@cache
def shipped() -> Shipped:
    """The calibrations that travel with the package."""
    return load(files("topout.plateau").joinpath("calibration.json").read_text(encoding="utf-8"))
