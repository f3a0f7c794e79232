"""Determinism: the same seed, task and replies give the same journal, and the same winner at any concurrency."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import topout.app.running
from benchmarks.faults.promises import Tried
from benchmarks.faults.runs import SIZES, impatient, outcome, quick_settings
from topout.app.beginning import begin
from topout.testing.faults import FaultyProvider, Schedule
from topout.testing.provider import make_task

__all__ = ["same"]

JOURNAL = "the same seed and replies: the same journal, line by line, at concurrency 1"
WINNER = "the same winner at any concurrency with a warm cache"
CLOCKS = {"at", "latency_s", "session_s", "run", "places", "key", "api_base", "cache_dir"}
"""What a journal says of clocks and addresses; a request's key has the address in it."""


def same(folder: Path, seeds: range = range(20)) -> Iterator[Tried]:
    """Three runs a seed: two at concurrency 1 that pay, at providers that are slow at other times, and one at concurrency 32 from the cache."""
    impatient()
    topout.app.running.write_derived = lambda view: None  # type: ignore[assignment]
    task = make_task(folder / "small", SIZES)
    for seed in seeds:
        with tempfile.TemporaryDirectory(dir=folder) as place, uneven(2 * seed) as one, uneven(2 * seed + 1) as two:
            runs = []
            for n, (provider, cache, concurrency) in enumerate(((one, "one", 1), (two, "two", 1), (two, "two", 32))):
                settings = quick_settings(task, provider.url, seed, Path(place) / cache, concurrency=concurrency)
                asked = provider.arrived
                runs.append(begin(settings, Path(place) / f"runs{n}", None))
            first, again = (journal(view.folder) for view in runs[:2])
            where = next((n for n, pair in enumerate(zip(first, again, strict=False), 1) if pair[0] != pair[1]), 0)
            yield Tried(JOURNAL, first == again, f"seed {seed}", f"line {where}")
            new = two.arrived - asked
            yield Tried(WINNER, outcome(runs[2]) == outcome(runs[0]) and not new, f"seed {seed}", f"{new} calls beside the cache")


def uneven(seed: int) -> FaultyProvider:
    """A provider without faults whose replies to some requests, other ones for each seed, are late."""
    return FaultyProvider(Schedule(seed, ("slow first token",), 0.2, 1))


def journal(run: Path) -> list[str]:
    """Its lines without clocks and addresses, all else as it is."""
    return [json.dumps(bare(json.loads(line))) for line in (run / "journal.jsonl").read_text().splitlines()]


def bare(value: Any) -> Any:
    """Without the fields that may differ."""
    if isinstance(value, dict):
        return {name: bare(one) for name, one in value.items() if name not in CLOCKS}
    return [bare(one) for one in value] if isinstance(value, list) else value
