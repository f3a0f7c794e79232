"""The parts of the campaign, as jobs for a pool of processes."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.promises import Tried

__all__ = ["Job", "Scale", "do", "jobs", "ready"]

_kept: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Scale:
    """How often each part is tried."""

    schedules: int = 330
    kills: int = 100
    torn: int = 40
    full: int = 20
    pairs: int = 20
    clocks: int = 20
    cuts: int = 300
    poisons: int = 100
    processes: int = 8
    writes: int = 10_000
    entries: int = 1_000_000
    seeds: int = 20
    rivals: int = 20


QUICK = Scale(20, 4, 5, 1, 1, 2, 40, 20, 4, 250, 20_000, 1, 0)
"""What CI runs: every part but the rivals, in about a minute on two cores."""

ON_DISK = ("load", "big")
"""Parts that measure seconds, and so want a real disk."""

ITSELF = "the campaign itself comes to its end"

Job = tuple[str, int, int]
"""A part, the first of its cases, and how many."""


def jobs(scale: Scale) -> list[Job]:
    """All of it, the longest first."""
    size = 15 if scale.schedules > 100 else 5
    found: list[Job] = [("kills", first, min(17, scale.kills - first)) for first in range(0, scale.kills, 17)]
    found += [("schedules", first, min(size, scale.schedules - first)) for first in range(0, scale.schedules, size)]
    found += [("same", first, min(10, scale.seeds - first)) for first in range(0, scale.seeds, 10)]
    found += [("crashes", half, 1) for half in ((0, 1) if scale.torn > 5 else (2,))]
    found += [("poison", 0, scale.poisons), ("load", scale.processes, scale.writes)]
    found += [("power", 0, scale.cuts), ("big", 0, scale.entries)]
    return [("gepa", 0, scale.rivals), ("mipro", 0, scale.rivals), *found] if scale.rivals else found


def ready(folder: str, scale: Scale) -> None:
    """A process of the pool, in a folder of its own."""
    logging.disable(logging.CRITICAL)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 (litellm's words about each fault)
    place = Path(tempfile.mkdtemp(dir=folder))
    os.chdir(place)
    _kept.update(here=place, scale=scale)


def do(job: Job) -> tuple[str, list[Tried], list[str]]:
    """One job: its part, what was tried, and lines to print."""
    folder = Path(tempfile.mkdtemp(dir=None if job[0] in ON_DISK else _kept["here"]))
    lines: list[str] = []
    outcomes: list[Tried] = []
    try:
        for one in tried(job, folder, _kept["scale"], lines):
            outcomes.append(one)
    except Exception as error:  # noqa: BLE001 (the other parts go on)
        outcomes.append(Tried(ITSELF, False, f"{job}", f"{type(error).__name__}: {error}"))
    shutil.rmtree(folder, ignore_errors=True)
    return job[0], outcomes, lines


def tried(job: Job, folder: Path, scale: Scale, lines: list[str]) -> Iterator[Tried]:
    """The cases of a job. Imports are where they are needed: some of them take seconds."""
    part, first, count = job
    if part == "schedules":
        from benchmarks.faults.runs import Campaign

        campaign = _kept.setdefault("campaign", None) or Campaign(_kept["here"])
        _kept["campaign"] = campaign
        for number in range(first, first + count):
            yield from campaign.run(number)
    elif part == "kills":
        from benchmarks.faults.crashes import kills

        yield from kills(folder, first, count)
    elif part == "crashes":
        from benchmarks.faults.crashes import crashes

        files = (scale.torn, scale.full) if first != 1 else (0, 0)
        others = (scale.pairs, scale.clocks) if first != 0 else (0, 0)
        yield from crashes(folder, *files, *others)
    elif part == "same":
        from benchmarks.faults.same import same

        yield from same(folder, range(first, first + count))
    elif part in ("gepa", "mipro"):
        from benchmarks.faults.rivals import rival

        for one in rival(part, folder, count):
            yield Tried(f"{part}: {one.promise}", one.held, one.where, one.what)
    else:
        from benchmarks.faults import disks

        match part:
            case "power":
                from benchmarks.faults.power import power_cuts

                yield from power_cuts(folder, count, lines.append)
            case "poison":
                yield from disks.poisoned(folder, count)
            case "load":
                yield from disks.cache_load(folder, first, count, lines.append)
            case _:
                lines.extend(disks.big_cache(folder, count))
