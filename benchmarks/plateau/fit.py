"""The logistic, its thresholds and its error rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.plateau.generator import FAMILIES, Floats
from benchmarks.plateau.suite import Suite
from topout.plateau.calibration import REACH, interactions

DELTAS = (0.005, 0.01, 0.02, 0.03, 0.05)
FOLDS = 5


def design(inputs: Floats, means: Floats, sds: Floats, delta: float) -> Floats:
    """The logistic's columns, by the package's own function."""
    scaled = list(np.clip((inputs - means) / sds, -REACH, REACH).T)
    return np.column_stack([np.broadcast_to(column, len(inputs)) for column in interactions(scaled, delta)])


@dataclass(slots=True)
class Fitted:
    means: Floats
    sds: Floats
    coefficients: Floats

    def probability(self, inputs: Floats, delta: float) -> Floats:
        delta = min(max(delta, DELTAS[0]), DELTAS[-1])
        return 1 / (1 + np.exp(-design(inputs, self.means, self.sds, delta) @ self.coefficients))


def logistic(s: Suite, ridge: float = 20.0) -> Fitted:
    """Ridge logistic by Newton's method on all deltas at once."""
    means, sds = s.inputs.mean(0), np.maximum(s.inputs.std(0), 1e-6)
    columns = design(s.inputs[:1], means, sds, 0.01).shape[1]
    w, penalty = np.zeros(columns), np.full(columns, ridge)
    penalty[0] = 0
    for _ in range(9):
        gradient, hessian = -penalty * w, np.diag(penalty)
        for d in DELTAS:
            x, y = design(s.inputs, means, sds, d), (s.truth >= d).astype(float)
            p = 1 / (1 + np.exp(-(x @ w)))
            gradient += x.T @ (y - p)
            hessian += (x * (p * (1 - p))[:, None]).T @ x
        change = np.linalg.solve(hessian, gradient)
        w += change
        if np.abs(change).max() < 1e-5:
            break
    return Fitted(means, sds, w)


def crossed(s: Suite, groups: np.ndarray) -> dict[float, Floats]:
    """Out-of-fold probabilities by delta; rows of one group stay in one fold."""
    out = {d: np.zeros(len(s.run)) for d in DELTAS}
    for fold in np.unique(groups):
        fitted = logistic(s.take(groups != fold))
        for d in DELTAS:
            out[d][groups == fold] = fitted.probability(s.inputs[groups == fold], d)
    return out


def thresholds(
    s: Suite, p: Floats, delta: float, overall: float = 0.04, family: float = 0.08, climb: float = 0.04, family_climb: float = 0.08
) -> tuple[float, float]:
    """The largest tau that keeps "topped out" wrong in at most `overall` of the runs with G >= delta and `family` in each family that has at
    least 200 of them; the smallest threshold of at least 0.65 that keeps "climbing" wrong in at most `climb` of the others, and `family_climb`
    in each family that has at least 200 of those."""
    gains = s.truth >= delta
    taus, climbs = [np.quantile(p[gains], overall)], [0.65, np.quantile(p[~gains], 1 - climb)]
    for f in range(len(FAMILIES)):
        mine = p[gains & (s.family == f)]
        if len(mine) >= 200:
            taus.append(np.quantile(mine, family))
        rest = p[~gains & (s.family == f)]
        if len(rest) >= 200:
            climbs.append(np.quantile(rest, 1 - family_climb))
    return float(min(taus)), float(max(climbs))


def auc(p: Floats, truth: np.ndarray) -> float:
    ranks = np.empty(len(p))
    ranks[np.argsort(p)] = np.arange(1, len(p) + 1)
    yes = truth.sum()
    return float((ranks[truth].sum() - yes * (yes + 1) / 2) / max(yes * (len(p) - yes), 1))
