"""A task of very many dev rows through the command line: made of one file, checked, run for the first time. Each command is a process of its own."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from topout.testing.provider import LABELS, row

__all__ = ["measure_rows"]

TRAIN, HOLDOUT = 500, 2000
CALLS = 8000


def measure_rows(folder: Path, rows: int) -> None:
    """A table of the commands: seconds, CPU, peak memory."""
    table = folder / "rows.jsonl"
    rng = random.Random(0)
    sizes = {"train": TRAIN, "dev": rows, "holdout": HOLDOUT}
    with table.open("w") as file:
        for split, size in sizes.items():
            for number in range(size):
                line = row(rng, f"{split}-{number}", LABELS[number % 4])
                file.write(json.dumps({**line, "split": split}) + "\n")
    print(f"{rows:,} dev rows, {table.stat().st_size / 2**20:.1f} MB as JSON lines")
    print(f"{'command':<10} {'seconds':>8} {'CPU s':>8} {'peak MB':>8}  exit")
    task = folder / "made"
    commands = {
        "init": ["init", str(task), "--from", str(table), "--max-rows", str(sum(sizes.values()))],
        "load": ["optimize", str(task), "--dry-run"],
        "check": ["check", str(task)],
        "optimize": ["optimize", str(task), "--max-calls", str(CALLS), "--runs-dir", str(folder / "runs"), "-q"],
        "report": ["report", "latest", "--runs-dir", str(folder / "runs")],
    }
    for name, words in commands.items():
        began = time.monotonic()
        with (folder / f"{name}.txt").open("w") as out:
            process = subprocess.Popen([sys.executable, "-m", "topout", *words], stdout=out, stderr=subprocess.STDOUT, cwd=folder)
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        print(
            f"{name:<10} {seconds:>8.1f} {used.ru_utime + used.ru_stime:>8.1f} {used.ru_maxrss / 1024:>8,.0f}  {os.waitstatus_to_exitcode(status)}",
            flush=True,
        )
