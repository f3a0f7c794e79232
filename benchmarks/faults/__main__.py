"""`python -m benchmarks.faults [--quick] [--only PART ...]`: the campaign, and its one table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.faults.pool import schedules
from benchmarks.faults.promises import Table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults")
    parser.add_argument("--schedules", type=int, default=330)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    began = time.monotonic()
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        table.add(schedules(range(asked.first, asked.first + asked.schedules), asked.workers, Path(folder)))
    for promise, count in table.counts.items():
        print(f"{promise:70} {count}")
    for broken in table.broken:
        print(f"BROKEN {broken.promise}: {broken.where}: {broken.what}")
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if table.broken else 0


if __name__ == "__main__":
    sys.exit(main())
