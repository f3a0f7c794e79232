"""What a DSPy optimizer printed: MIPROv2, bootstrap random search or any other that calls `dspy.Evaluate`.

Each evaluation logs `Average Metric: 46 / 80 (57.5%)` (dspy 3.4, evaluate/evaluate.py). The largest number of rows is a full evaluation of the validation
set; smaller ones are minibatches, which only count as calls.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from topout.config.toml_files import read_text
from topout.errors import UserError
from topout.plateau.evidence import Challenger
from topout.plateau.foreign import ForeignRun, Trial, rows_of

__all__ = ["read_dspy"]

EVALUATED = re.compile(r"dspy\.evaluate\.evaluate: Average Metric: (-?[0-9.]+) / ([0-9]+) \(")
BAR = re.compile(r"Average Metric: (-?[0-9.]+) / ([0-9]+) \([0-9.]+%\): 100%")


def read_dspy(path: Path) -> ForeignRun:
    """The run in a log file. Raises UserError when no evaluation is found in it."""
    text = read_text(path)
    found = [(float(m[1]), int(m[2])) for m in EVALUATED.finditer(text)] or [(float(m[1]), int(m[2])) for m in BAR.finditer(text)]
    found = [(total, n) for total, n in found if n > 0]
    if not found:
        raise UserError(
            f"{path}: no line 'Average Metric: ... / ...' in it. Give what the optimizer printed (python train.py 2>&1 | tee {path.name})."
        )
    full = max(n for _, n in found)
    trials: list[Trial] = []
    dev: dict[str, tuple[float, ...]] = {}
    calls, champion, best = 0, "", -math.inf
    for total, n in found:
        calls += n
        mean = total / n
        if not 0.0 <= mean <= 1.0:
            raise UserError(
                f"{path}: found a mean of {mean:g} over {n} rows, expected 0 to 1. Scale the metric, or give a CSV: --from csv:FILE."
            )
        if n < full:
            continue
        name = f"evaluation {len(dev) + 1}"
        dev[name] = rows_of(mean, n)
        met = None
        if champion:
            met = Challenger(mean - best, math.sqrt((mean * (1 - mean) + best * (1 - best)) / n), n, mean > best)
        if mean > best:
            best, champion = mean, name
        trials.append(Trial(calls, champion, met, "demos"))
    if calls > trials[-1].calls:
        trials.append(Trial(calls, champion))
    missing = (
        "held-out scores: the log has those of the validation set only, which was also selected on",
        "calls of bootstrapping and of proposing instructions: the log does not count them",
    )
    return ForeignRun("dspy", str(path), trials[0].champion, tuple(trials), dev, {}, by_row=False, missing=missing)
