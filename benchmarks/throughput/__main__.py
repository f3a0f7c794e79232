"""How well an optimizer keeps its workers busy: `python -m benchmarks.throughput [--quick] [--seeds 5] [--only topout|gepa|mipro|litellm|lanes]`.

The load: 1,000 calls of 50 ms to a task model that serves 64 at once, and a critic of 1 s. topout and gepa carry it in turns, in one process, with
fakes that sleep; then topout once more through litellm against an OpenAI-compatible server on loopback. --quick is a fifth of the time scale.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.throughput.load import FULL, QUICK, Load, Measured, over_work
from benchmarks.throughput.ours import at_the_seam, shipped_lanes, through_litellm
from benchmarks.throughput.rival import Setup, gepa_version, mipro, rival
from benchmarks.throughput.table import Row, head, line

AIM = 1.5
PARTS = ("topout", "gepa", "mipro", "litellm", "lanes")

NOTES = """
topout: max_calls = {calls:,} counts everything: task model, critic and the exam on {holdout} holdout rows (train {train}, dev {dev}); a champion that
  never came leaves its place in the exam unused. gepa: max_metric_calls = {calls:,} task calls, no exam; an iteration that has begun is finished.
MIPROv2: ends by itself before the calls are used up; its ten questions about the data and three for each proposal wait for one another.
gepa tuned: {workers} workers over the batches of all proposals of an iteration, their critiques together, minibatch 8, current_best, evaluation cache.
  Proposals that are made at once do not build on each other; topout has as many in flight as it has lanes.
x work: all calls of both models / {workers} in flight, after the start-up chain of {startup:.2f} s (a first row, the baseline, rows to read, one critique); aimed at: 1.5.
x ideal: {ideal:.2f} s, the wait for one critique and {calls:,} calls with all {workers} workers busy. x topout: against the first row.
s/1,000: seconds for 1,000 task calls. tried: proposals. busy: share of the {workers} places that calls of both models took. CPU ms: of the optimizer's process, for each task call. Medians over seeds.
"""


def runs(seeds: int, measure: Callable[[int], Measured]) -> list[Measured]:
    return [measure(seed) for seed in range(seeds)]


def at_model_seam(load: Load, seeds: int, parts: set[str], jump: bool) -> None:
    """topout and gepa side by side. With `jump` topout's rows are of a clock that waits for nothing."""
    run = partial(at_the_seam, load, jump=jump)
    lanes = shipped_lanes("fast")
    print(head("fakes that sleep, at the Model seam"))
    ours = Row(f"topout, recipe fast ({lanes} lanes)", runs(seeds, lambda seed: run(seed, recipe="fast")))
    print(line(load, ours, ours), flush=True)
    if "topout" in parts:
        told(load, ours)
        bigger = 4 * load.calls
        row = Row(f"topout, fast, {bigger:,} calls in all", runs(seeds, lambda s: run(s, None, bigger, "fast")))
        print(line(load, row, ours), flush=True)
        told(load, row)
        row = Row(f"topout, recipe evolve ({shipped_lanes('evolve')} lanes)", runs(min(seeds, 3), run))
        print(line(load, row, ours), flush=True)
    if "lanes" in parts:
        for number in (4, 16):
            row = Row(f"topout, fast with {number} lanes", runs(seeds, lambda s, n=number: run(s, n, None, "fast")))  # type: ignore[misc]
            print(line(load, row, ours), flush=True)
    if "mipro" in parts:
        row = Row(f"DSPy MIPROv2 light, {load.workers} at once", runs(min(seeds, 3), lambda seed: mipro(load, seed)))
        print(line(load, row, ours), flush=True)
    if "gepa" in parts:
        version = gepa_version()
        if version is None:
            print("gepa: not installed here; `pip install gepa==0.1.4` and run again to see its rows")
            return
        setups = {
            "as it comes: one call at a time": (Setup(), 1),
            "10 workers for each batch": (Setup(workers=10), 1),
            **{
                f"tuned, {n} proposals at once": (Setup(load.workers, n, tuned=True), min(seeds, 3))
                for n in sorted({1, lanes, 8, 16, 32})
            },
        }
        for name, (setup, times) in setups.items():
            row = Row(f"gepa {version}, {name}", runs(times, lambda s, setup=setup: rival(load, s, setup)))  # type: ignore[misc]
            print(line(load, row, ours), flush=True)


def told(load: Load, row: Row) -> None:
    """Whether the aim is met, in the mean over seeds."""
    times = [over_work(load, run) for run in row.runs]
    mean, busy = statistics.mean(times), statistics.mean(run.busy(load) for run in row.runs)
    met = "within" if mean <= AIM else "NOT within"
    print(
        f"  {met} {AIM} x of all work / capacity after the start-up chain: {mean:.2f} x in the mean of {len(times)}, {max(times):.2f} at most "
        f"({sum(one <= AIM for one in times)} within); {busy:.0%} of what could be in flight was",
        flush=True,
    )


def over_the_wire(load: Load, seeds: int) -> None:
    """topout through everything that a real run goes through."""
    print()
    print(head("through gateway, cache on disk and litellm"))
    seam = Row("topout, fast, the same seeds at the Model seam", runs(seeds, lambda seed: at_the_seam(load, seed, recipe="fast")))
    print(line(load, seam, seam), flush=True)
    for provider in ("openai", "hosted_vllm"):
        row = Row(
            f"topout, fast, server on loopback as {provider}/", runs(seeds, lambda s, p=provider: through_litellm(load, s, p))
        )  # type: ignore[misc]
        print(line(load, row, seam), flush=True)
    print("\nThe client's CPU (last column x task calls, one core, most of it litellm's own) is a bound of its own.")
    print("litellm's import and first call are not timed; the server runs in a process of its own and shares the cores.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="the same at a fifth of the time: calls of 10 ms, a critic of 0.2 s")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each configuration (gepa's slow ones: 1)")
    parser.add_argument("--only", choices=PARTS, action="append", help="leave the others out; may be repeated")
    parser.add_argument(
        "--jump", action="store_true", help="topout alone, on a clock that waits for nothing: what processor time costs is left out"
    )
    given = parser.parse_args()
    if given.jump:
        given.only = [part for part in given.only or PARTS if part in ("topout", "lanes")]
    load, parts = QUICK if given.quick else FULL, set(given.only or PARTS)
    seeds = min(given.seeds, 2) if given.quick else given.seeds
    print(
        f"{load.calls:,} calls of {1000 * load.latency_s:.0f} ms, a critic of {load.critic_s:g} s, {load.workers} in flight; "
        f"ideal {load.ideal_s:.2f} s; Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n"
    )
    if parts - {"litellm"}:
        at_model_seam(load, seeds, parts, given.jump)
    if "litellm" in parts:
        over_the_wire(load, min(seeds, 3))
    print(
        NOTES.format(
            calls=load.calls,
            holdout=load.holdout,
            train=load.train,
            dev=load.dev,
            ideal=load.ideal_s,
            startup=load.startup_s,
            workers=load.workers,
            latency=1000 * load.latency_s,
        )
    )


if __name__ == "__main__":
    main()
