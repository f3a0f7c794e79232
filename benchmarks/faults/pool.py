"""Schedules in a pool of processes."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from benchmarks.faults.promises import Tried

__all__ = ["schedules"]

_campaign: dict[str, object] = {}


def ready(folder: str) -> None:
    """A process of the pool: everything imported, a folder of its own."""
    from benchmarks.faults.runs import Campaign

    logging.disable(logging.CRITICAL)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 (litellm's words about each fault)
    place = Path(tempfile.mkdtemp(dir=folder))
    os.chdir(place)
    _campaign["here"] = Campaign(place)


def one(number: int) -> list[Tried]:
    from benchmarks.faults.runs import Campaign

    campaign = _campaign["here"]
    assert isinstance(campaign, Campaign)
    return campaign.run(number)


def schedules(numbers: Iterable[int], workers: int, folder: Path) -> Iterator[Tried]:
    """Whole runs, a schedule each, in a pool of processes."""
    with ProcessPoolExecutor(workers, get_context("spawn"), ready, (str(folder),)) as pool:
        for done in as_completed([pool.submit(one, number) for number in numbers]):
            yield from done.result()
