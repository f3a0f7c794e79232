"""Fit the verdict's calibrations, by the run alone and with a probe, and measure their errors: `python -m benchmarks.plateau --fit --test`.

--fit writes src/topout/plateau/calibration.json from runs of the fit seeds; --test prints the tables on runs of the test seeds, with the calibration
as shipped. Both are seeded and give the same figures again. --shifted tests on tasks and engines drawn from other ranges.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.plateau import fit, published, tables
from benchmarks.plateau.charts import draw
from benchmarks.plateau.fit import DELTAS, FOLDS, Fitted, logistic, thresholds
from benchmarks.plateau.generator import FAMILIES, VERSION, Draw, draw_tasks, simulate
from benchmarks.plateau.intervals import coverage_tables
from benchmarks.plateau.suite import Suite, check, check_gains, decidable, evidence_of, suite
from topout.domain import Estimate, Gain
from topout.plateau.calibration import Calibration, Shipped, judge, load
from topout.plateau.evidence import Challenger, Contender, Evidence
from topout.plateau.probing import SIZES

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


def examples(calibrations: Shipped, seed: int = 77, delta: float = 0.02) -> list[dict]:
    """Five evidences with their probabilities, of one batch: the least and the most likely to climb and three between, by turns without a probe
    and with one."""
    tasks = draw_tasks(np.random.default_rng([seed, 0]), 4 * len(FAMILIES))
    out = []
    final = simulate(seed, 0, tasks, 1)[-1]
    for i in np.flatnonzero((final.tried >= 20) & (final.tried < 90)):
        evidence = {
            key: plain(value) for key, value in dataclasses.asdict(evidence_of(final, i, delta, (None, 0, None, 1)[i % 4])).items()
        }
        judgement = judge(revived(evidence), calibrations)
        assert judgement is not None
        out.append({"probability": judgement.probability, "evidence": evidence})
    out.sort(key=lambda one: (bool(one["evidence"]["probe"]), one["probability"]))
    without = [one for one in out if not one["evidence"]["probe"]]
    probed = out[len(without) :]
    return [without[0], without[-1], probed[0], probed[len(probed) // 2], probed[-1]]


def measured(truth: np.ndarray, p: fit.ByDelta, limits: dict[float, tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Error rates by delta."""
    return {
        str(d): {
            "auc": fit.auc(p[d], truth >= d),
            "wrongly_topped_out": (p[d] <= limits[d][0])[truth >= d].mean(),
            "truly_topped_out": (p[d] <= limits[d][0])[truth < d].mean(),
            "wrongly_climbing": (p[d] >= limits[d][1])[truth < d].mean(),
            "rightly_climbing": (p[d] >= limits[d][1])[truth >= d].mean(),
        }
        for d in p
    }


def stored(fitted: Fitted, limits: dict[float, tuple[float, float]]) -> dict[str, list[float]]:
    """A logistic as the package reads it."""
    return {
        "means": fitted.means.tolist(),
        "sds": fitted.sds.tolist(),
        "coefficients": fitted.coefficients.tolist(),
        "deltas": list(limits),
        "topped_out": [low for low, _ in limits.values()],
        "climbing": [high for _, high in limits.values()],
    }


def fitted(s: Suite) -> tuple[dict[str, dict], dict[str, dict]]:
    """The logistics and the error rates, all from out-of-fold probabilities; all checkpoints and probes of a run are in one fold."""
    fold, hits = s.run % FOLDS, fit.gained(s)
    model = logistic(fit.alone_inputs(s), hits)
    alone = fit.crossed(fit.alone_inputs(s), hits, fold, model)
    limits = {d: thresholds(s.truth, s.family, alone[d], d) for d in DELTAS}
    errors = {"alone": measured(s.truth, alone, limits)}
    probed: dict[str, dict] = {}
    chances, decided = [], []
    for size, plan in enumerate(SIZES):
        inputs = {d: fit.probe_inputs(s, alone[d], size) for d in DELTAS}
        own = logistic(inputs, hits)
        p = fit.crossed(inputs, hits, fold, own)
        bounds = {d: thresholds(s.truth, s.family, p[d], d) for d in DELTAS}
        probed[str(plan.proposals)] = stored(own, bounds)
        errors[f"probe of {plan.proposals}"] = measured(s.truth, p, bounds)
        chances.append({d: fit.chance_of(s, alone[d], size) for d in DELTAS})
        decided.append({d: ((p[d] <= bounds[d][0]) | (p[d] >= bounds[d][1])).astype(float) for d in DELTAS})
    chance = logistic(*({d: np.concatenate([one[d] for one in each]) for d in DELTAS} for each in (chances, decided)))
    nothing = dict.fromkeys(DELTAS, (0.0, 1.0))
    return {"alone": stored(model, limits), "probed": probed, "chance": stored(chance, nothing)}, errors


def write(s: Suite, runs: int) -> None:
    """Fit, choose the thresholds on out-of-fold probabilities, and write the file."""
    models, errors = fitted(s)
    data = {
        "provenance": {
            "command": "python -m benchmarks.plateau --fit",
            "generator": VERSION,
            "seed": FIT_SEED,
            "runs": runs,
            "judged_checkpoints": len(s.run),
            "measured_out_of_fold": errors,
        },
        **models,
    }
    data["examples"] = examples(load(json.dumps(plain(data))))
    TARGET.write_text(json.dumps(plain(data), indent=None, separators=(",", ":")).replace('],"', '],\n"') + "\n", encoding="utf-8")


def judged(s: Suite, calibrations: Shipped) -> list[tables.Judged]:
    """The verdict by the run alone and by each design of a probe."""

    def of(calibration: Calibration, inputs: fit.ByDelta) -> dict[float, np.ndarray]:
        model = Fitted(np.array(calibration.means), np.array(calibration.sds), np.array(calibration.coefficients))
        return {d: model.probability(inputs[d], d) for d in DELTAS}

    def limits(calibration: Calibration, which: int) -> dict[float, float]:
        return {d: calibration.thresholds(d)[which] for d in DELTAS}

    one = calibrations.alone
    alone = of(one, fit.alone_inputs(s))
    out = [tables.Judged("topout, run alone", alone, limits(one, 0), limits(one, 1))]
    for size, plan in enumerate(SIZES):
        two = calibrations.of_probe(plan.proposals)
        p = of(two, {d: fit.probe_inputs(s, alone[d], size) for d in DELTAS})
        seen = [np.minimum(rung.rows, s.n_holdout) for rung in plan.rungs]
        calls = sum(rung.contenders * (now - before) for rung, now, before in zip(plan.rungs, seen, [0, *seen], strict=False))
        out.append(tables.Judged(f"topout, probe of {plan.proposals}", p, limits(two, 0), limits(two, 1), np.asarray(calls)))
    return out


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
            "probe": tuple(Contender(**c) for c in one["probe"]),
            "levers_tried": tuple(one["levers_tried"]),
            "levers_untried": tuple(one["levers_untried"]),
        }
    )


def suite_of(seed: int, runs: int, draw: Draw, args: argparse.Namespace) -> Suite:
    """The suite, simulated or read again from the folder of --suites."""
    path = args.suites / f"{draw}-{VERSION}-{seed}-{runs}.npz" if args.suites else None
    if path is not None and path.is_file():
        with np.load(path) as data:
            return Suite(**{field.name: data[field.name] for field in dataclasses.fields(Suite)})
    started = time.perf_counter()
    s = decidable(suite(seed, runs, workers=args.workers, draw=draw))
    print(f"{runs} runs ({draw}, seed {seed}) simulated in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{field.name: getattr(s, field.name) for field in dataclasses.fields(Suite)})
    return s


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plateau", description=__doc__)
    parser.add_argument("--fit", action="store_true", help="fit on the fit seeds and write calibration.json")
    parser.add_argument("--test", action="store_true", help="print the tables on the test seeds")
    parser.add_argument("--shifted", action="store_true", help="print the tables on shifted parameters")
    parser.add_argument("--intervals", action="store_true", help="print the coverage of the intervals for right/wrong scores")
    parser.add_argument("--left-out", action="store_true", help="errors in each family when it was left out of the fit")
    parser.add_argument(
        "--bound",
        action="store_true",
        help="what a probe would reach that knew its proposals' true differences (fitted on the fit seeds)",
    )
    parser.add_argument("--published", type=Path, metavar="FILE", help="back-test on published runs (JSON)")
    parser.add_argument(
        "--draw", type=Path, metavar="FOLDER", help="with --test: reliability and error rates as PNG files in that folder"
    )
    parser.add_argument("--suites", type=Path, metavar="FOLDER", help="keep simulated suites there, and read them again")
    parser.add_argument("--runs", type=int, help=f"simulated runs of a suite (default {FIT_RUNS} to fit, {TEST_RUNS} to test)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=TEST_SEED, help="seed of the test suite (1 is the fit's)")
    args = parser.parse_args()
    check()
    check_gains()
    fit.check_inputs()
    if args.fit:
        started = time.perf_counter()
        runs = args.runs or FIT_RUNS
        s = suite_of(FIT_SEED, runs, "home", args)
        write(s, runs)
        print(f"fitted on {len(s.run)} judged checkpoints in {time.perf_counter() - started:.0f} s: {TARGET}")
    if args.left_out:
        s = suite_of(FIT_SEED, args.runs or FIT_RUNS, "home", args)
        print("\n".join(left_out(s)))
    if args.test:
        s = suite_of(args.seed, args.runs or TEST_RUNS, "home", args)
        verdicts = judged(s, load(TARGET.read_text(encoding="utf-8")))
        print(f"\n## Test seeds ({args.seed})\n\n{tables.report(s, verdicts)}\n")
        still = suite_of(args.seed + 2, (args.runs or TEST_RUNS) // 7, "constant", args)
        print("\n".join(tables.constant(still, judged(still, load(TARGET.read_text(encoding="utf-8"))))))
        if args.draw:
            print("\n".join(map(str, draw(args.draw, *tables.pictured(s, verdicts), 0.02))))
    if args.bound:
        some, other = (
            suite_of(FIT_SEED, args.runs or FIT_RUNS, "home", args),
            suite_of(args.seed, args.runs or TEST_RUNS, "home", args),
        )
        print("\n".join(bound(some, other)))
    if args.shifted:
        s = suite_of(args.seed + 1, args.runs or TEST_RUNS, "shifted", args)
        print(f"\n## Shifted ({args.seed + 1})\n\n{tables.report(s, judged(s, load(TARGET.read_text(encoding='utf-8'))))}")
    if args.published:
        print(published.table(args.published, args.workers))
    if args.intervals:
        print(coverage_tables())
    if not (args.fit or args.test or args.shifted or args.intervals or args.left_out or args.bound or args.published):
        parser.print_help()


def bound(s: Suite, other: Suite, delta: float = 0.02) -> list[str]:
    """How much a probe of each size could tell at most: its proposals measured without error, judged as the shipped one is, limits from the fit's runs."""
    rows = [
        "| proposals, their true differences known | AUC | wrongly topped out | truly | wrongly climbing | rightly |",
        "|---|---|---|---|---|---|",
    ]
    hits = {delta: (s.truth >= delta).astype(float)}
    whole = logistic({delta: s.inputs}, hits)
    before, after = whole.probability(s.inputs, delta), whole.probability(other.inputs, delta)
    fold = s.run % FOLDS
    for size, plan in enumerate(SIZES):
        inputs = {delta: fit.ideal_inputs(s, before, size)}
        model = logistic(inputs, hits)
        low, high = thresholds(s.truth, s.family, fit.crossed(inputs, hits, fold, model)[delta], delta)
        p = {delta: model.probability(fit.ideal_inputs(other, after, size), delta)}
        for name, some in (("", np.ones(len(other.run), dtype=bool)), (", 400 holdout rows or more", other.n_holdout >= 400)):
            found = measured(other.truth[some], {delta: p[delta][some]}, {delta: (low, high)})[str(delta)]
            rows.append(f"| {plan.proposals}{name} | {' | '.join(f'{value:.3f}' for value in found.values())} |")
    return rows


def left_out(s: Suite) -> list[str]:
    """Each family judged by a fit that has not seen it, thresholds included: by the run alone, and with each probe."""
    names = ["run alone", *(f"probe of {plan.proposals}" for plan in SIZES)]
    rows: list[str] = []
    pooled = np.zeros((len(tables.SHOWN), len(names), 2, 2))  # called so, cases; wrongly topped out, wrongly climbing
    shown = tables.SHOWN
    whole = logistic(fit.alone_inputs(s, shown), fit.gained(s, shown))
    before = {d: whole.probability(s.inputs, d) for d in shown}
    ready = [logistic({d: fit.probe_inputs(s, before[d], size) for d in shown}, fit.gained(s, shown)) for size in range(len(SIZES))]
    for f, family in enumerate(FAMILIES):
        others, mine = s.take(s.family != f), s.take(s.family == f)
        hits = fit.gained(others, shown)
        model = logistic(fit.alone_inputs(others, shown), hits, start=whole)
        here, there = ({d: model.probability(part.inputs, d) for d in shown} for part in (others, mine))
        probes = [
            logistic({d: fit.probe_inputs(others, here[d], i) for d in shown}, hits, start=one) for i, one in enumerate(ready)
        ]
        cells = []
        for at, d in enumerate(shown):
            gains = mine.truth >= d
            cells.append(str(int(gains.sum())))
            pairs = [(here[d], there[d])]
            for size, probe in enumerate(probes):
                theirs, own = (
                    probe.probability(fit.probe_inputs(part, p, size), d) for part, p in ((others, here[d]), (mine, there[d]))
                )
                pairs.append((theirs, own))
            for which, (theirs, own) in enumerate(pairs):
                tau, climb = thresholds(others.truth, others.family, theirs, d)
                cells += [tables.share(own <= tau, gains), tables.share(own >= climb, ~gains)]
                pooled[at, which] += [[(own[gains] <= tau).sum(), gains.sum()], [(own[~gains] >= climb).sum(), (~gains).sum()]]
        rows.append(f"| {family} | {' | '.join(cells)} |")
    cells = []
    for at in range(len(shown)):
        cells.append(str(int(pooled[at, 0, 0, 1])))
        cells += [f"{called / cases:.3f}".replace("0.", ".", 1) for which in pooled[at] for called, cases in which]
    rows.append(f"| all | {' | '.join(cells)} |")
    each = " | ".join(f"{name}: wrongly topped out | wrongly climbing" for name in names)
    head = " | ".join(f"δ = {d}: n with G ≥ δ | {each}" for d in tables.SHOWN)
    return [f"| family left out | {head} |", "|---" * (1 + len(tables.SHOWN) * (1 + 2 * len(names))) + "|", *rows]


if __name__ == "__main__":
    main()
