"""Optimizers side by side, equal model, equal critic, all calls counted: `python -m benchmarks.search`.

--landscapes plain,noisy     all of benchmarks/search/shapes.py without it
--task FOLDER                a task folder instead, with the embedded reader and critic (may be repeated)
--optimizers evolve gepa     `evolve:read_rows=8,stay_z=0.1` is evolve with other settings
--seeds 20 --from 0          seeds; --budgets 250,500,1000,2000; --workers 2; --share 0.9 of the attainable gain
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.search.measuring import Job, measure_all
from benchmarks.search.shapes import SHAPES
from benchmarks.search.tables import print_tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landscapes", default=",".join(SHAPES))
    parser.add_argument("--task", action="append", default=[])
    parser.add_argument("--optimizers", default=["evolve"], nargs="+")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--budgets", default="250,500,1000,2000")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--share", type=float, default=0.9)
    told = parser.parse_args()
    budgets = tuple(sorted(int(b) for b in told.budgets.split(",")))
    grounds = [t.rstrip("/") if "/" in t else f"./{t}" for t in told.task] or told.landscapes.split(",")
    names = told.optimizers
    unknown = [g for g in grounds if "/" not in g and g not in SHAPES]
    if unknown:
        parser.error(f"--landscapes: no landscape {unknown[0]!r}; there are {', '.join(SHAPES)}")
    jobs = [Job(g, seed, name, budgets) for g in grounds for seed in range(told.first, told.first + told.seeds) for name in names]
    found = []
    for number, one in enumerate(measure_all(jobs, told.workers), 1):
        found.append(one)
        if sys.stderr.isatty():
            print(f"\r{number}/{len(jobs)}", end="", file=sys.stderr)
    print_tables(found, told.share)


if __name__ == "__main__":
    main()
