"""Back-test on published runs: what would have been said at 25, 50 and 75 % of each run's budget, against what came after.

Such runs publish the best-so-far dev score against rollouts, nothing else: no held-out scores, no proposal's own. The verdict as shipped says "can't tell
yet" to all of them. So that there is something to be wrong about, a logistic of the same kind is fitted, on simulated runs with a minibatch gate, to
those features alone that a dev curve shows, with thresholds by the same rule; it is the verdict's poorer relation, not the verdict.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.plateau.fit import FOLDS, Fitted, alone_inputs, crossed, gained, logistic, thresholds
from benchmarks.plateau.suite import decidable, suite
from topout.plateau.calibration import FEATURES

SEEN = (
    "log proposals",
    "kept early",
    "kept midway",
    "kept late",
    "calls since the last change",
    "log changes",
    "log late changes",
    "log dev rows",
    "dev gain of the last doubling",
    "log dev gain of the last doubling",
    "dev gain since baseline",
)
SHARES = (0.25, 0.5, 0.75)
WORTH = 0.02
GATE = 3  # rows of GEPA's minibatch; child and parent are both run on it


@dataclass(frozen=True, slots=True)
class Published:
    """One published run: rollouts and best dev score (0 to 1) at each full dev evaluation, the baseline first."""

    name: str
    dev_rows: int
    rollouts: tuple[int, ...]
    best: tuple[float, ...]


def read(path: Path) -> list[Published]:
    """The GEPA runs of the file. Raises SystemExit with a sentence when there is none."""
    if not path.is_file():
        raise SystemExit(
            f"{path}: no such file. Expected published runs as JSON: runs, each with benchmark, model, method, validation_examples and curve."
        )
    found = []
    for run in json.loads(path.read_text(encoding="utf-8"))["runs"]:
        if not run["method"].startswith("gepa"):
            continue
        points = run["curve"]
        found.append(
            Published(
                f"{run['benchmark']}, {run['model']}, {run['method']}",
                run["validation_examples"],
                tuple(p["rollouts"] for p in points),
                tuple(p["best_validation"] / 100 for p in points),
            )
        )
    if not found:
        raise SystemExit(f"{path}: no run of GEPA in it.")
    return found


def at(run: Published, calls: float) -> float:
    """The best dev score once so many rollouts were spent."""
    return [b for r, b in zip(run.rollouts, run.best, strict=True) if r <= calls][-1]


def kept(run: Published, calls: float) -> list[bool]:
    """Each proposal up to then: kept for a full dev evaluation or dropped at the minibatch gate, as the rollouts between two evaluations tell."""
    out: list[bool] = []
    for before, after in itertools.pairwise(r for r in run.rollouts if r <= calls):
        out += [False] * max(0, round((after - before - run.dev_rows) / (2 * GATE)) - 1) + [True]
    return out + [False] * int((calls - max(r for r in run.rollouts if r <= calls)) / (2 * GATE) * (len(out) > 0))


def inputs(run: Published, calls: float) -> list[float]:
    """The features SEEN, as `topout.plateau.calibration.features` would have them."""
    changes = [r for (_, a), (r, b) in itertools.pairwise(zip(run.rollouts, run.best, strict=True)) if b > a and r <= calls]
    each = kept(run, calls)
    n = len(each)
    thirds = [each[: n // 3], each[n // 3 : 2 * n // 3], each[2 * n // 3 :]]
    last = min(max(at(run, calls) - at(run, calls / 2), -0.1), 0.3)
    return [
        math.log(min(max(n, 10), 600)),
        *(sum(third) / len(third) if third else 0.0 for third in thirds),
        1 - (changes[-1] if changes else 0) / calls,
        math.log1p(len(changes)),
        math.log1p(sum(2 * r > calls for r in changes)),
        math.log(run.dev_rows),
        last,
        math.log(max(last, 0) + 0.003),
        at(run, calls) - run.best[0],
    ]


def fitted(workers: int, runs: int = 4200) -> tuple[Fitted, float, float]:
    """The logistic on what a dev curve shows, and its thresholds at 2 points."""
    s = decidable(suite(21, runs, workers=workers, draw="minibatch"))
    s = replace(s, inputs=s.inputs[:, [FEATURES.index(name) for name in SEEN]])
    inputs, hits = alone_inputs(s), gained(s)
    model = logistic(inputs, hits)
    tau, climb = thresholds(s.truth, s.family, crossed(inputs, hits, s.run % FOLDS, model)[WORTH], WORTH)
    return model, tau, climb


def since_best(run: Published, calls: float) -> int:
    """Full dev evaluations since the last new best."""
    seen = [b for r, b in zip(run.rollouts, run.best, strict=True) if r <= calls]
    return len(seen) - 1 - seen.index(max(seen))


def since_change(run: Published, calls: float) -> int:
    """Proposals since the last new best."""
    changes = [r for (_, a), (r, b) in itertools.pairwise(zip(run.rollouts, run.best, strict=True)) if b > a and r <= calls]
    return len(kept(run, calls)) - (len(kept(run, changes[-1])) if changes else 0)


def table(path: Path, workers: int) -> str:
    """Each run at each share of its budget, then the tally: how often each rule stopped where 2 points or more were still to come."""
    runs = read(path)
    model, tau, climb = fitted(workers)
    rows, tally = [], []
    for run in runs:
        for share in SHARES:
            calls = share * run.rollouts[-1]
            later = run.best[-1] - at(run, calls)
            p = float(model.probability(np.array([inputs(run, calls)]), WORTH)[0])
            enough = len(kept(run, calls)) >= 20
            said = "topped out" if p <= tau and enough else "still climbing" if p >= climb and enough else "can't tell yet"
            rules = {
                "**topout, dev curve alone**": said == "topped out",
                "3 full dev evaluations without a new best": since_best(run, calls) >= 3,
                "5 full dev evaluations without a new best": since_best(run, calls) >= 5,
                "10 full dev evaluations without a new best": since_best(run, calls) >= 10,
                "10 proposals without a new best (GEPA NoImprovement)": since_change(run, calls) >= 10,
                "20 proposals without a new best": since_change(run, calls) >= 20,
                "50 proposals without a new best": since_change(run, calls) >= 50,
                "dev gain of the last doubling < 2 points": at(run, calls) - at(run, calls / 2) < WORTH,
            }
            tally.append((later >= WORTH - 1e-9, said, rules))
            rows.append(
                f"| {run.name} | {share:.0%} | {len(kept(run, calls))} | {100 * at(run, calls):.1f} | +{100 * later:.1f} | {p:.2f} | {said} |"
                f" {'stop' if rules['5 full dev evaluations without a new best'] else 'go on'} |"
            )
    more = sum(came for came, *_ in tally)
    lines = [
        f"{len(runs)} runs at {len(SHARES)} shares of their budget: {len(tally)} cases, in {more} of which the dev score still rose by 2 points or more",
        "",
        "| rule | said stop | of those, 2 points or more still came | stopped wrongly, of all where they came |",
        "|---|---|---|---|",
    ]
    for name in tally[0][2]:
        stops, wrong = sum(rules[name] for *_, rules in tally), sum(rules[name] and came for came, _, rules in tally)
        lines.append(f"| {name} | {stops} | {wrong} | {wrong} of {more} |")
    up = [came for came, said, _ in tally if said == "still climbing"]
    lines += ["", f"Still climbing was said {len(up)} times; 2 points or more came in {sum(up)} of them.", ""]
    head = [
        "| run | budget spent | proposals | dev score | later | P(G ≥ 2 points) | verdict by the dev curve | 5 full evaluations |",
        "|---" * 8 + "|",
    ]
    return "\n".join([*lines, *head, *rows])
