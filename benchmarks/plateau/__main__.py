"""Fit the verdict's calibration and measure its errors: `python -m benchmarks.plateau --fit --test`.

--fit writes src/topout/plateau/calibration.json from runs of the fit seeds; --test prints the tables on runs of the test seeds, with the calibration
as shipped. Both are seeded and give the same figures again. --shifted tests on tasks and engines drawn from other ranges.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from pathlib import Path

import numpy as np

from benchmarks.plateau import tables
from benchmarks.plateau.fit import DELTAS, FOLDS, Fitted, auc, crossed, logistic, thresholds
from benchmarks.plateau.generator import FAMILIES, VERSION, draw_tasks, simulate
from benchmarks.plateau.intervals import coverage_tables
from benchmarks.plateau.suite import Suite, check, check_gains, decidable, evidence_of, suite
from topout.domain import Estimate, Gain
from topout.plateau.calibration import Calibration, features, load
from topout.plateau.effects import effects
from topout.plateau.evidence import Challenger, Evidence

FIT_SEED, TEST_SEED = 1, 2
FIT_RUNS, TEST_RUNS = 9800, 7000
TARGET = Path(__file__).parents[2] / "src" / "topout" / "plateau" / "calibration.json"


def plain(value: object) -> object:
    """JSON without nan: a nan is None."""
    match value:
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case bool() | str() | int() | None:
            return value
        case float() | np.floating():
            return float(f"{float(value):.10g}") if math.isfinite(value) else None
        case np.integer() | np.bool_():
            return value.item()
    raise TypeError(type(value))


def examples(calibration: Calibration, seed: int = 77, delta: float = 0.02) -> list[dict]:
    """Five evidences with their probabilities: the least and the most likely to climb of one batch, and three between."""
    tasks = draw_tasks(np.random.default_rng([seed, 0]), 4 * len(FAMILIES))
    found = []
    final = simulate(seed, 0, tasks, 1)[-1]
    for i in np.flatnonzero(final.tried >= 20):
        evidence = {key: plain(value) for key, value in dataclasses.asdict(evidence_of(final, i, delta)).items()}
        again = revived(evidence)
        row = features(again, effects(again.challengers))
        assert row is not None
        found.append({"probability": calibration.probability(row, delta), "evidence": evidence})
    found.sort(key=lambda one: one["probability"])
    return [found[round(k * (len(found) - 1) / 4)] for k in range(5)]


def write(s: Suite, runs: int) -> None:
    """Fit, choose the thresholds on out-of-fold probabilities, and write the file."""
    fitted, p = logistic(s), crossed(s, s.run % FOLDS)
    limits = {d: thresholds(s, p[d], d) for d in DELTAS}
    measured = {
        str(d): {
            "auc": auc(p[d], s.truth >= d),
            "wrongly_topped_out": (p[d] <= limits[d][0])[s.truth >= d].mean(),
            "truly_topped_out": (p[d] <= limits[d][0])[s.truth < d].mean(),
            "wrongly_climbing": (p[d] >= limits[d][1])[s.truth < d].mean(),
            "rightly_climbing": (p[d] >= limits[d][1])[s.truth >= d].mean(),
        }
        for d in DELTAS
    }
    data = {
        "provenance": {
            "command": "python -m benchmarks.plateau --fit",
            "generator": VERSION,
            "seed": FIT_SEED,
            "runs": runs,
            "judged_checkpoints": len(s.run),
            "measured_out_of_fold": measured,
        },
        "means": fitted.means.tolist(),
        "sds": fitted.sds.tolist(),
        "coefficients": fitted.coefficients.tolist(),
        "deltas": list(DELTAS),
        "topped_out": [limits[d][0] for d in DELTAS],
        "climbing": [limits[d][1] for d in DELTAS],
    }
    data["examples"] = examples(load(json.dumps(plain(data))))
    TARGET.write_text(json.dumps(plain(data), indent=None, separators=(",", ":")).replace('],"', '],\n"') + "\n", encoding="utf-8")


def revived(one: dict) -> Evidence:
    """The Evidence of an example."""

    def gain(data: dict) -> Gain:
        return Gain(**{**data, "estimate": Estimate(**data["estimate"])})

    return Evidence(
        **{
            **one,
            "challengers": tuple(Challenger(**c) for c in one["challengers"]),
            "champion": Estimate(**one["champion"]),
            "last_doubling": gain(one["last_doubling"]),
            "since_baseline": gain(one["since_baseline"]),
            "levers_tried": tuple(one["levers_tried"]),
            "levers_untried": tuple(one["levers_untried"]),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plateau", description=__doc__)
    parser.add_argument("--fit", action="store_true", help="fit on the fit seeds and write calibration.json")
    parser.add_argument("--test", action="store_true", help="print the tables on the test seeds")
    parser.add_argument("--shifted", action="store_true", help="print the tables on shifted parameters")
    parser.add_argument("--intervals", action="store_true", help="print the coverage of the intervals for right/wrong scores")
    parser.add_argument(
        "--left-out", action="store_true", help="with --fit: errors in each family when it was left out (half of the runs)"
    )
    parser.add_argument("--runs", type=int, help=f"simulated runs of a suite (default {FIT_RUNS} to fit, {TEST_RUNS} to test)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=TEST_SEED, help="seed of the test suite (1 is the fit's)")
    args = parser.parse_args()
    check()
    check_gains()
    started = time.perf_counter()
    if args.fit:
        runs = args.runs or FIT_RUNS
        s = decidable(suite(FIT_SEED, runs, workers=args.workers))
        write(s, runs)
        print(f"fitted on {len(s.run)} judged checkpoints in {time.perf_counter() - started:.0f} s: {TARGET}")
        if args.left_out:
            print("\n".join(left_out(s.take(s.run < runs // 2))))
    if args.test or args.shifted:
        calibration = load(TARGET.read_text(encoding="utf-8"))
        fitted = Fitted(np.array(calibration.means), np.array(calibration.sds), np.array(calibration.coefficients))
        for shifted in [False] * args.test + [True] * args.shifted:
            s = decidable(suite(args.seed + shifted, args.runs or TEST_RUNS, workers=args.workers, shifted=shifted))
            p = {d: fitted.probability(s.inputs, d) for d in DELTAS}
            limits = {d: calibration.thresholds(d) for d in DELTAS}
            print(f"\n## {'Shifted' if shifted else 'Test'} seeds ({args.seed + shifted}), {time.perf_counter() - started:.0f} s\n")
            print(tables.report(s, p, {d: limits[d][0] for d in DELTAS}, {d: limits[d][1] for d in DELTAS}))
    if args.intervals:
        print(coverage_tables())
    if not (args.fit or args.test or args.shifted or args.intervals):
        parser.print_help()


def left_out(s: Suite) -> list[str]:
    """Each family judged by a fit that has not seen it, thresholds included."""
    cells = {d: [] for d in tables.SHOWN}
    for f in range(len(FAMILIES)):
        others, mine = s.take(s.family != f), s.take(s.family == f)
        fitted = logistic(others)
        for d in tables.SHOWN:
            tau, climb = thresholds(others, fitted.probability(others.inputs, d), d)
            p, gains = fitted.probability(mine.inputs, d), mine.truth >= d
            cells[d].append(f"{gains.sum()} | {tables.share(p <= tau, gains)} | {tables.share(p >= climb, ~gains)}")
    head = " | ".join(f"δ = {d}: n with G ≥ δ | wrongly topped out | wrongly climbing" for d in tables.SHOWN)
    lines = [f"| family left out | {head} |", "|---|" + "---|" * 9]
    return [*lines, *(f"| {name} | {' | '.join(cells[d][f] for d in tables.SHOWN)} |" for f, name in enumerate(FAMILIES))]


if __name__ == "__main__":
    main()
