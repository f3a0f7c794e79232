"""The tables, as plain text."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.throughput.load import Load, Measured, over_work

__all__ = ["Row", "head", "line"]

NAME = 54

COLUMNS = (
    ("wall s", 7),
    ("from-to", 13),
    ("x ideal", 8),
    ("x work", 7),
    ("x topout", 9),
    ("task calls", 11),
    ("s/1,000", 8),
    ("critic", 7),
    ("tried", 6),
    ("busy", 6),
    ("CPU ms", 7),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration and its runs, a seed each."""

    name: str
    runs: Sequence[Measured]

    @property
    def wall_s(self) -> float:
        return statistics.median(run.wall_s for run in self.runs)


def head(name: str) -> str:
    return f"{name:<{NAME}}" + "".join(f"{column:>{width}}" for column, width in COLUMNS)


def line(load: Load, row: Row, ours: Row) -> str:
    """A row: medians over its runs; the range of wall-clock where there are several. CPU is that of this process, per task call."""
    walls = [run.wall_s for run in row.runs]
    middle = sorted(row.runs, key=lambda run: run.wall_s)[len(row.runs) // 2]
    cells = (
        f"{row.wall_s:.2f}",
        f"{min(walls):.2f}-{max(walls):.2f}" if len(walls) > 1 else "",
        f"{row.wall_s / load.ideal_s:.1f}",
        f"{statistics.median(over_work(load, run) for run in row.runs):.1f}",
        f"{row.wall_s / ours.wall_s:.1f}",
        f"{statistics.median(run.task_calls for run in row.runs):.0f}",
        f"{statistics.median(1000 * run.wall_s / run.task_calls for run in row.runs):.2f}",
        f"{middle.critic_calls}",
        f"{middle.proposals}",
        f"{statistics.median(run.busy(load) for run in row.runs):.0%}",
        f"{statistics.median(1000 * run.cpu_s / run.task_calls for run in row.runs):.2f}",
    )
    return f"{row.name:<{NAME}}" + "".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, COLUMNS, strict=True))
