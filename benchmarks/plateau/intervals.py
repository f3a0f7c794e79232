"""Coverage of the two intervals for right/wrong scores, over n and the true rates."""

from __future__ import annotations

import numpy as np

from topout.plateau.student import t_quantile

ROWS = (30, 50, 100, 200, 500, 1000)
RATES = (0.5, 0.7, 0.9, 0.95, 0.98)
CHANGES = ((0.01, 0.01), (0.035, 0.015), (0.05, 0.05), (0.075, 0.025), (0.125, 0.075), (0.20, 0.10))


def mean_coverage(n: int, rate: float, draws: np.ndarray) -> float:
    """Share of 95 % intervals of a mean score that hold the true rate."""
    mean = (draws + 1) / (n + 2)
    half = t_quantile(0.975, n + 1) * np.sqrt(mean * (1 - mean) / (n + 1))
    return float((np.abs(mean - rate) <= half).mean())


def paired_coverage(n: int, better: float, worse: float, draws: np.ndarray) -> float:
    """The same for a paired gain; `draws` holds rows better, worse and equal."""
    total, changed = draws[:, 0] - draws[:, 1], draws[:, 0] + draws[:, 1]
    mean = total / (n + 2)
    half = t_quantile(0.975, n + 1) * np.sqrt((changed + 1 - (n + 2) * mean * mean) / (n + 1) / (n + 2))
    return float((np.abs(mean - (better - worse)) <= half).mean())


def coverage_tables(seed: int = 0, draws: int = 40_000) -> str:
    """Two Markdown tables, 95 % promised."""
    rng = np.random.default_rng(seed)
    lines = ["| mean score, n | " + " | ".join(f"true {r}" for r in RATES) + " |", "|---" * (len(RATES) + 1) + "|"]
    for n in ROWS:
        cells = [f"{mean_coverage(n, r, rng.binomial(n, r, draws)):.3f}" for r in RATES]
        lines.append(f"| {n} | {' | '.join(cells)} |")
    names = " | ".join(f"{100 * b:g} % better, {100 * w:g} % worse" for b, w in CHANGES)
    lines += ["", f"| paired gain, n | {names} |", "|---" * (len(CHANGES) + 1) + "|"]
    for n in ROWS:
        cells = [f"{paired_coverage(n, b, w, rng.multinomial(n, [b, w, 1 - b - w], draws)):.3f}" for b, w in CHANGES]
        lines.append(f"| {n} | {' | '.join(cells)} |")
    return "\n".join(lines)
