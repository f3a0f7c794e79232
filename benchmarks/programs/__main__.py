"""`python -m benchmarks.programs`: topout, dspy.GEPA and MIPROv2 on one program at equal calls; `--overhead`: what topout costs around a program.

python -m benchmarks.programs --calls 3000 --seeds 10 --lines 8
python -m benchmarks.programs --overhead
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Sequence

from benchmarks.programs.overhead import overhead
from benchmarks.programs.runners import RUNNERS, Result, baseline, measured, task


def interval(values: Sequence[float]) -> str:
    """Mean and its 95 % interval over seeds (Student's t, 9 degrees of freedom where there are 10)."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{100 * mean:.1f}"
    t = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}.get(len(values), 2.0)
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return f"{100 * mean:.1f} [{100 * (mean - half):.1f}, {100 * (mean + half):.1f}]"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.programs")
    parser.add_argument("--calls", type=int, default=3000, help="calls of both models together")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--lines", type=int, default=8, help="rules that the simulated critic writes in an edit, at most")
    parser.add_argument("--only", choices=list(RUNNERS), help="one of them")
    parser.add_argument("--overhead", action="store_true", help="measure CPU around a program instead")
    given = parser.parse_args()
    if given.overhead:
        overhead()
        return
    folder = task()
    before = [baseline(folder, seed) for seed in range(given.seeds)]
    print(
        f"two-hop, simulated models, {given.calls:,} calls, {given.seeds} seeds, {given.lines} rules an edit; held-out score in points, n = 260 a seed"
    )
    print(f"{'':16}{'held out':>22}{'calls':>8}{'critic':>8}{'wall s':>8}{'CPU s':>8}")
    print(f"{'baseline':16}{interval(before):>22}", flush=True)
    for name in [given.only] if given.only else RUNNERS:
        runs: list[Result] = [measured(name, folder, given.calls, seed, given.lines) for seed in range(given.seeds)]
        calls, critic = (statistics.fmean(x) for x in ([r.task_calls for r in runs], [r.critic_calls for r in runs]))
        wall, cpu = (statistics.fmean(x) for x in ([r.wall_s for r in runs], [r.cpu_s for r in runs]))
        print(f"{name:16}{interval([r.score for r in runs]):>22}{calls:8,.0f}{critic:8,.0f}{wall:8.1f}{cpu:8.1f}", flush=True)
        print(f"{'':16}{' '.join(f'{100 * r.score:.0f}' for r in runs)}", flush=True)


if __name__ == "__main__":
    main()
