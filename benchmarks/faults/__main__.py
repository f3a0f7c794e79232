"""`python -m benchmarks.faults [--quick] [--only PART ...]`: the campaign, and its one table. Exits with 1 when a promise of topout's was broken."""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from benchmarks.faults.parts import QUICK, Scale, do, jobs, ready
from benchmarks.faults.promises import Count, Table, Tried
from benchmarks.faults.rivals import HAS_NONE, RIVALS

NAMES = {"gepa": "gepa 0.1.4", "mipro": "MIPROv2 (dspy 3.4)"}
WIDEST = 76


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults")
    parser.add_argument("--quick", action="store_true", help="a cut of about a minute, without the rivals")
    parser.add_argument(
        "--only", nargs="*", default=[], help="schedules, kills, crashes, same, power, poison, load, big, gepa, mipro"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--log", help="a file for every single outcome, as JSON lines")
    parser.add_argument("--table", nargs="+", metavar="LOG", help="run nothing: print the table of such files")
    asked = parser.parse_args()
    began = time.monotonic()
    table, lines = Table(), []
    if asked.table:
        table.add(Tried(**json.loads(line)) for log in asked.table for line in Path(log).read_text().splitlines())
        print("\n".join(shown(table.counts)))
        return 0
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # thousands of fsyncs, and no one waits for a disk
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        scale = QUICK if asked.quick else Scale()
        todo = [job for job in jobs(scale) if not asked.only or job[0] in asked.only]
        with ProcessPoolExecutor(asked.workers, get_context("spawn"), ready, (folder, scale)) as pool:
            for done in as_completed([pool.submit(do, job) for job in todo]):
                part, outcomes, said = done.result()
                table.add(outcomes)
                if asked.log:
                    with open(asked.log, "a") as log:  # noqa: PTH123
                        log.writelines(json.dumps(asdict(one)) + "\n" for one in outcomes)
                lines += said
                print(
                    f"{time.monotonic() - began:5.0f} s  {part}: {len(outcomes)} checks, {len(table.broken)} broken so far",
                    file=sys.stderr,
                    flush=True,
                )
    print("\n".join(shown(table.counts)))
    for line in lines:
        print(line)
    ours = [one for one in table.broken if not one.promise.startswith(tuple(f"{name}: " for name in RIVALS))]
    for one in ours:
        print(f"BROKEN: {one.promise}: {one.where}: {one.what}")
    spent = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(one.ru_utime + one.ru_stime for one in spent)
    load = f"{os.getloadavg()[1]:.1f} processes wanted {os.cpu_count()} cores in the last 5 minutes"
    print(f"{time.monotonic() - began:.0f} s, {cpu_s:.0f} s of CPU, {asked.workers} processes at once; {load}")
    return 1 if ours else 0


def shown(counts: Mapping[str, Count]) -> list[str]:
    """The table: promise, held of tried; the others beside it where they were tried."""
    others = [name for name in RIVALS if any(promise.startswith(f"{name}: ") for promise in counts)]
    out = [f"{'promise (held of tried)':{WIDEST}}{'topout':>16}" + "".join(f"{NAMES[name]:>22}" for name in others)]
    for promise, count in counts.items():
        if ": " in promise and promise.partition(": ")[0] in RIVALS:
            continue
        cells = ""
        for name in others:
            theirs = counts.get(f"{name}: {promise}")
            cells += f"{'has none' if promise in HAS_NONE[name] else theirs or '-'!s:>22}"
        out.append(f"{promise:{WIDEST}}{count!s:>16}{cells}")
    return out + (["has none: it promises nothing of the kind; -: not tried"] if others else [])


if __name__ == "__main__":
    sys.exit(main())
