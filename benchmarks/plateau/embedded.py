"""The verdict on real text, early and late, against what came after: `python -m benchmarks.plateau.embedded FOLDER --seeds 10`.

For each seed a short run of a task with the embedded reader and a probe of it, a long one and a probe of that; then runs with twice the calls, which begin
as these did (their first replies come from the cache), tell what was still to come. All rows are the task's; the seed is the optimizer's.
Runs and replies are kept in FOLDER: a seed that is done is not computed again.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from topout import compare, load_run, optimize, probe
from topout.app import RunView
from topout.domain import Estimate
from topout.plateau.wording import chance
from topout.report.probes import finalists
from topout.report.words import difference

HEAD = """| seed | calls | held-out gain so far | verdict by the run | chance | best of the probe | verdict with the probe | chance | as many calls again brought |
|---|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where runs and replies are kept, and the task."""

    task: Path
    folder: Path

    def run(self, seed: int, calls: int) -> RunView:
        """The run of that seed and size; read again when it was made before."""
        runs = self.folder / f"{seed}-{calls}"
        if (runs / "latest").exists():
            return load_run("latest", runs)
        return optimize(
            self.task, runs_dir=runs, seed=seed, max_calls=calls, concurrency=16, cache_dir=self.folder / f"cache-{seed}"
        )

    def probed(self, seed: int, calls: int, most: int) -> RunView:
        """The same after a probe of at most so many calls, whatever the run alone says."""
        runs = self.folder / f"{seed}-{calls}"
        before = self.run(seed, calls)
        return (
            before
            if any(one.finished for one in before.findings.probes)
            else probe(before.folder, max_calls=most, force=True, concurrency=16, runs_dir=runs)
        )


def figure(estimate: Estimate | None) -> str:
    """The difference with interval and n, a dash for none."""
    return "–" if estimate is None else f"{difference(estimate)}, n = {estimate.n}"


def said(view: RunView) -> str:
    """`still climbing | 71 %`."""
    told = view.verdict.probability
    return f"{view.verdict.ruling} | {'–' if told is None else chance(told)}"


def line(ground: Ground, seed: int, calls: int, most: int) -> str:
    """A run, its probe and its continuation as a row of the table."""
    before = ground.run(seed, calls)
    alone, gained = said(before), before.findings.holdout.gain
    after = ground.probed(seed, calls, most)
    best = next(iter(finalists(after.findings.probes)), None)
    more = ground.run(seed, 2 * calls)
    brought = compare([before.folder, more.folder]).differences[0].gain.estimate
    return f"| {seed} | {calls:,} | {figure(gained.estimate if gained else None)} | {alone} | {figure(best.corrected if best else None)} | {said(after)} | {figure(brought)} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plateau.embedded", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="where runs and replies are kept")
    parser.add_argument("--task", type=Path, default=Path("tasks/support-tickets"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--early", type=int, default=300, help="calls of the short run")
    parser.add_argument("--late", type=int, default=6000, help="calls of the long run")
    parser.add_argument("--probe", type=int, default=4500, help="calls of a probe, at most")
    given = parser.parse_args()
    ground, clock = Ground(given.task, given.folder), time.perf_counter
    print(HEAD, flush=True)
    for seed in range(given.first, given.first + given.seeds):
        started = clock()
        for calls in (given.early, given.late):
            print(line(ground, seed, calls, given.probe), flush=True)
        print(f"<!-- seed {seed}: {clock() - started:.0f} s -->", flush=True)


if __name__ == "__main__":
    main()
