"""From a spreadsheet to an exported prompt as a new user would: every command with its output and its seconds.

    python -m benchmarks.walk [FOLDER]      # a folder to work in and to keep; default: a temporary one

The spreadsheet has 300 rows of the shipped support tickets, six categories of 50, as Excel saves one for a European locale: semicolons, a byte order mark, Windows line
ends. Commands run as processes of their own, on the embedded model, in the order in which each one's output names the next. Exits with 1 when they take more
than five minutes together.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from topout.plugins.shipped import shipped

__all__ = ["STEPS", "Step", "spreadsheet", "walk"]

MOST_S = 300.0
CATEGORIES = 6
EACH = 50
STEPS: tuple[tuple[str, ...], ...] = (
    ("init", "tickets", "--from", "tickets.csv"),
    ("check", "tickets"),
    ("optimize", "tickets", "--quiet"),
    ("report", "runs/latest"),
    ("export", "runs/latest", "--to", "messages"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command: its words, exit code, seconds by the clock, seconds of processor time, and what it printed."""

    words: tuple[str, ...]
    code: int
    seconds: float
    processor_s: float
    out: str


def spreadsheet(path: Path) -> int:
    """Write the CSV; its number of rows."""
    by_category: dict[str, list[str]] = defaultdict(list)
    for split in ("train", "dev", "holdout"):
        for line in (shipped("tasks") / "support-tickets" / "data" / f"{split}.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            by_category[row["category"]].append(row["text"])
    chosen = sorted(by_category)[:CATEGORIES]
    rows = [(by_category[name][i], name) for i in range(EACH) for name in chosen]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(("Message", "Category"))
        writer.writerows(rows)
    return len(rows)


def walk(folder: Path, steps: Sequence[tuple[str, ...]] = STEPS) -> list[Step]:
    """Run the commands in that folder, up to the first that fails."""
    environ = {**os.environ, "COLUMNS": "100", "PYTHONPATH": os.pathsep.join(str(Path(p).absolute()) for p in sys.path if p)}
    done = []
    for words in steps:
        began, before = time.perf_counter(), processor_s()
        ran = subprocess.run(
            [sys.executable, "-m", "topout", *words],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        done.append(Step(words, ran.returncode, time.perf_counter() - began, processor_s() - before, ran.stdout + ran.stderr))
        if ran.returncode:
            break
    return done


def processor_s() -> float:
    """Processor time of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(folder: Path) -> int:
    """Walk and tell; the exit code."""
    rows = spreadsheet(folder / "tickets.csv")
    print(f"tickets.csv: {rows} rows\n")
    steps = walk(folder)
    for step in steps:
        print(f"$ topout {' '.join(step.words)}\n\n{step.out}\n[{step.seconds:.1f} s, exit code {step.code}]\n")
    print("  clock  processor")
    print("\n".join(f"{step.seconds:6.1f} s {step.processor_s:8.1f} s  topout {' '.join(step.words)}" for step in steps))
    clock, processor = sum(step.seconds for step in steps), sum(step.processor_s for step in steps)
    print(f"{clock:6.1f} s {processor:8.1f} s  in all; at most {MOST_S:.0f} s of processor time")
    return int(processor > MOST_S or len(steps) < len(STEPS) or any(step.code for step in steps))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        sys.exit(main(Path(sys.argv[1])))
    with TemporaryDirectory() as place:
        sys.exit(main(Path(place)))
