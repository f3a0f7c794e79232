"""Optimizers side by side, equal model, equal critic, all calls counted: `python -m benchmarks.search`.

--landscapes plain,noisy     all of benchmarks/search/shapes.py without it
--task FOLDER                a task folder instead, with the embedded reader and critic (may be repeated)
--optimizers evolve gepa     `evolve:read_rows=8,stay_z=0.1` is evolve with other settings
--seeds 20 --from 0          seeds; --budgets 250,500,1000,2000; --workers 2; --share 0.9 of the attainable gain
    --ablate                     evolve with each technique off in turn, and what that does to the calls until --share (0.4 without it)
    --plots FOLDER               true quality by calls as a picture
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.search.charts import write_charts
from benchmarks.search.measuring import Job, measure_all
from benchmarks.search.shapes import SHAPES
from benchmarks.search.tables import print_ablation, print_tables

ABLATIONS = {
    "evolve": "evolve as shipped",
    "evolve:opening_rows=0": "the baseline on all dev rows first",
    "evolve:opening_rows=0,least_rows=100000": "and each race over all of them",
    "evolve:edits=1": "one edit a rewrite",
    "evolve:pooled=0.0": "against the parent's own scores",
    "evolve:trust=1.0": "all of a parent's lead is believed",
    "evolve:patience=0": "however many challengers it drops",
    "evolve:shorten_z=0.3": "a shortening has to be better",
    "evolve:first_block=20": "first heat of 20 rows",
    "evolve:lanes=8": "eight lanes",
    "evolve:cross=false": "no crossover",
    "evolve:enough_failures=1000": "fresh rows for each critique",
    "evolve:champion_share=1.0": "always the champion as parent",
    "evolve:demos=0.0": "no demos",
    "evolve:merge=0.0,shorten=0.0": "no merge and no shortening by the critic",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landscapes", default=",".join(SHAPES))
    parser.add_argument("--task", action="append", default=[])
    parser.add_argument("--optimizers", default=["evolve"], nargs="+")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--budgets", default="250,500,1000,2000")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--share", type=float)
    parser.add_argument("--ablate", action="store_true")
    parser.add_argument("--plots", type=Path)
    told = parser.parse_args()
    budgets = tuple(sorted(int(b) for b in told.budgets.split(",")))
    grounds = [t.rstrip("/") if "/" in t else f"./{t}" for t in told.task] or told.landscapes.split(",")
    names = list(ABLATIONS) if told.ablate else told.optimizers
    unknown = [g for g in grounds if "/" not in g and g not in SHAPES]
    if unknown:
        parser.error(f"--landscapes: no landscape {unknown[0]!r}; there are {', '.join(SHAPES)}")
    jobs = [Job(g, seed, name, budgets) for g in grounds for seed in range(told.first, told.first + told.seeds) for name in names]
    found = []
    for number, one in enumerate(measure_all(jobs, told.workers), 1):
        found.append(one)
        if sys.stderr.isatty():
            print(f"\r{number}/{len(jobs)}", end="", file=sys.stderr)
    if told.ablate:
        print_ablation(found, told.share or 0.4, ABLATIONS)
    else:
        print_tables(found, told.share or 0.9)
    if told.plots:
        print(f"\n{write_charts(found, told.plots)}")


if __name__ == "__main__":
    main()
