"""python -m benchmarks.scale --rollouts 1e6       a run of so many simulated rollouts: time, peak memory, journal, resume, report
python -m benchmarks.scale --rows 1e5           a task of so many dev rows: loaded, checked, run
python -m benchmarks.scale --simulate 1e7       the scheduling of so many rollouts on a fleet (--workers, --lanes, --rate ...)
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.scale.rollouts import STAGES, measure, stage
from benchmarks.scale.rows import measure_rows
from benchmarks.scale.scheduler import Fleet, hours, simulate, table


def whole(text: str) -> int:
    """`1e6` is a whole number."""
    return int(float(text))


def main() -> None:
    words = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--rollouts", type=whole, default=0)
    words.add_argument("--rows", type=whole, default=0)
    words.add_argument("--simulate", type=whole, default=0)
    words.add_argument("--workers", type=whole, nargs="+", default=[64])
    words.add_argument("--lanes", type=whole, nargs="+", default=[32])
    words.add_argument("--rate", type=float, default=2000.0, help="calls a second that the provider bears")
    words.add_argument("--gate-ms", type=float, default=0.3, help="what a call costs the gate")
    words.add_argument("--life-h", type=float, default=4.0, help="hours until a worker is killed, on average")
    words.add_argument("--stages", nargs="+", default=list(STAGES), choices=list(STAGES))
    words.add_argument("--folder", type=Path, help="keep the run here")
    words.add_argument("--stage", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.stage:
        stage(asked.stage[0], Path(asked.stage[1]), asked.rollouts)
        return
    if asked.simulate:
        found = []
        for workers, lanes in zip(asked.workers, asked.lanes, strict=True):
            fleet = Fleet(
                asked.simulate, workers, lanes=lanes, rate=asked.rate, gate_call_s=asked.gate_ms / 1000, life_s=3600 * asked.life_h
            )
            found.append(simulate(fleet))
            one = found[-1]
            print(
                f"{workers} workers, {lanes} lanes: {hours(one.seconds)} of the fleet, {one.attempts:,} attempts, replays {one.replay_s:,.0f} s; "
                f"simulated in {one.took_s:.0f} s CPU",
                flush=True,
            )
        print(table(found))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        if asked.rollouts:
            measure(folder, asked.rollouts, asked.stages)
        if asked.rows:
            measure_rows(folder, asked.rows)


if __name__ == "__main__":
    main()
