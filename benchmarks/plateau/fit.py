"""The logistics, their thresholds and their error rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.plateau.generator import FAMILIES, Floats, draw_tasks, simulate
from benchmarks.plateau.suite import Suite, evidence_of, table_of
from topout.plateau.calibration import FEATURES, REACH, SHARED, chance_inputs, features, interactions, probe_features
from topout.plateau.effects import effects, found
from topout.plateau.probing import SIZES

DELTAS = (0.005, 0.01, 0.02, 0.03, 0.05)
FOLDS = 3
ByDelta = Mapping[float, np.ndarray]


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


def logistic(inputs: ByDelta, hits: ByDelta, ridge: float = 20.0, start: Fitted | None = None) -> Fitted:
    """Ridge logistic by Newton's method on all deltas at once; from `start`'s coefficients (and scales) when given. Curvature in single precision."""
    some = np.concatenate([inputs[d][::3] for d in inputs])
    means, sds = (start.means, start.sds) if start else (some.mean(0), np.maximum(some.std(0), 1e-6))
    columns = design(some[:1], means, sds, 0.01).shape[1]
    w, penalty = start.coefficients.copy() if start else np.zeros(columns), np.full(columns, ridge)
    penalty[0] = 0
    for _ in range(2 if start else 7):
        gradient, hessian = -penalty * w, np.diag(penalty)
        for d in inputs:
            x = design(inputs[d], means, sds, d)
            p = 1 / (1 + np.exp(-(x @ w)))
            gradient += x.T @ (hits[d] - p)
            root = (x * np.sqrt(p * (1 - p))[:, None]).astype(np.float32)
            hessian += root.T @ root
        change = np.linalg.solve(hessian, gradient)
        w += change
        if np.abs(change).max() < 1e-4:
            break
    return Fitted(means, sds, w)


def crossed(inputs: ByDelta, hits: ByDelta, fold: np.ndarray, full: Fitted) -> dict[float, Floats]:
    """Out-of-fold probabilities by delta; rows of one fold are predicted by a fit to the others, which sets out from the fit to all."""
    out = {d: np.zeros(len(fold)) for d in inputs}
    for one in np.unique(fold):
        mine = fold == one
        fitted = logistic({d: x[~mine] for d, x in inputs.items()}, {d: y[~mine] for d, y in hits.items()}, start=full)
        for d in inputs:
            out[d][mine] = fitted.probability(inputs[d][mine], d)
    return out


def alone_inputs(s: Suite, deltas: Sequence[float] = DELTAS) -> dict[float, Floats]:
    """The inputs of the run alone: the same at each delta."""
    return dict.fromkeys(deltas, s.inputs)


def gained(s: Suite, deltas: Sequence[float] = DELTAS) -> dict[float, Floats]:
    """1 where the next doubling truly gains delta."""
    return {d: (s.truth >= d).astype(float) for d in deltas}


def probe_inputs(s: Suite, alone: Floats, size: int) -> Floats:
    """`topout.plateau.calibration.probe_features` for a suite and a design of SIZES (checked against it in `check_inputs`)."""
    emax, ten, zmax, ztop, lower, best, rows, sd = s.found[:, size].T
    odds = np.clip(alone, 1e-4, 1 - 1e-4)
    shared = s.inputs[:, [FEATURES.index(name) for name in SHARED]]
    columns = [
        np.log(odds / (1 - odds)),
        np.log(emax + 0.003),
        np.log(ten + 0.003),
        np.clip(zmax, -1, 8),
        np.clip(ztop, -1, 8),
        np.clip(lower, -0.3, 0.3),
        np.clip(best, -0.3, 0.3),
        np.log(np.clip(rows, 25, 400)),
        np.log(np.minimum(sd, 1) + 0.02),
        np.full(len(sd), np.log(SIZES[size].proposals)),
    ]
    return np.column_stack([*columns, shared])


def ideal_inputs(s: Suite, alone: Floats, size: int) -> Floats:
    """`probe_inputs`, and beside them what no probe can know: the true differences of its own proposals."""
    most, ten, best = s.ideal[:, size].T
    return np.column_stack([probe_inputs(s, alone, size), np.log(most + 0.003), np.log(ten + 0.003), np.clip(best, -0.3, 0.3)])


def chance_of(s: Suite, alone: Floats, size: int) -> Floats:
    """`topout.plateau.calibration.chance_inputs` for a suite."""
    odds = np.clip(alone, 1e-4, 1 - 1e-4)
    proposals = np.full(len(odds), np.log(SIZES[size].proposals))
    return np.column_stack([np.log(odds / (1 - odds)), proposals, np.log(np.clip(s.found[:, size, 6], 25, 400))])


def check_inputs() -> None:
    """`probe_inputs` and `chance_of` against the package, on a few runs. Raises AssertionError when they differ."""
    count = len(FAMILIES)
    s = table_of((99, 0, np.arange(count), count, 1, "home"))
    last = simulate(99, 0, draw_tasks(np.random.default_rng([99, 0]), count), 1)[-1]
    rows = slice(len(s.run) - count, len(s.run))
    for size, plan in enumerate(SIZES):
        ours = probe_inputs(s.take(rows), np.full(count, 0.3), size)
        chance = chance_of(s.take(rows), np.full(count, 0.3), size)
        for i in range(0, count, 5):
            evidence = evidence_of(last, i, size=size)
            row, seen = features(evidence, effects(evidence.challengers)), found(evidence.probe, evidence.tried)
            assert row is not None and seen is not None
            assert np.allclose(ours[i], probe_features(0.3, row, seen), atol=1e-5), (ours[i], probe_features(0.3, row, seen))
            assert np.allclose(chance[i], chance_inputs(0.3, plan.proposals, min(400, evidence.n_holdout)))


def thresholds(
    truth: Floats, kind: np.ndarray, p: Floats, delta: float, overall: float = 0.045, family: float = 0.085, climb: float = 0.04
) -> tuple[float, float]:
    """The largest tau that keeps "topped out" wrong in at most `overall` of the runs with G >= delta and `family` in each family (`kind`) that has at
    least 200 of them; the smallest threshold of at least 0.65 that keeps "climbing" wrong in at most `climb` of the others, and twice that
    in each family that has at least 200 of those."""
    gains = truth >= delta
    taus, climbs = [np.quantile(p[gains], overall)], [0.65, np.quantile(p[~gains], 1 - climb)]
    for f in range(len(FAMILIES)):
        mine = p[gains & (kind == f)]
        if len(mine) >= 200:
            taus.append(np.quantile(mine, family))
        rest = p[~gains & (kind == f)]
        if len(rest) >= 200:
            climbs.append(np.quantile(rest, 1 - 2 * climb))
    return float(min(taus)), float(max(climbs))


def auc(p: Floats, truth: np.ndarray) -> float:
    ranks = np.empty(len(p))
    ranks[np.argsort(p)] = np.arange(1, len(p) + 1)
    yes = truth.sum()
    return float((ranks[truth].sum() - yes * (yes + 1) / 2) / max(yes * (len(p) - yes), 1))
