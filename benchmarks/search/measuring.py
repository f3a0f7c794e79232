"""One optimizer on one ground with one seed, in a process of a pool."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.course import Course
from benchmarks.search.entrants import entrant
from benchmarks.search.landscape import Ground, landscape
from benchmarks.search.real import FolderGround
from topout.domain import Prompt
from topout.text.rendering import renderer

__all__ = ["Job", "Measured", "ground_of", "measure", "measure_all"]


@dataclass(frozen=True, slots=True)
class Job:
    """`ground` is the name of a landscape or a task folder. `budgets` are calls, rising."""

    ground: str
    seed: int
    optimizer: str
    budgets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """`quality`: the truth of what stood at each budget. `dev`, `holdout`: what the run itself said of its last prompt (nan when it said nothing).
    `reached`: (calls, quality) whenever what stood changed, in the run of the largest budget. `tokens` of the last prompt without a row. `spent`: calls
    that were made at the largest budget."""

    job: Job
    base: float
    best: float
    quality: tuple[float, ...]
    dev: float
    holdout: float
    tokens: float
    spent: int
    reached: tuple[tuple[int, float], ...]

    def calls_to(self, target: float) -> float:
        """Calls until what stood was at least so good, and inf when it never was."""
        return next((calls for calls, quality in self.reached if quality >= target), math.inf)


def ground_of(name: str, seed: int) -> Ground:
    """The landscape, or the folder."""
    return FolderGround(Path(name), seed) if "/" in name else landscape(name, seed)


def tokens_of(ground: Ground, prompt: Prompt) -> float:
    """A quarter of the characters of the messages, without a row."""
    messages = renderer(prompt)(dict.fromkeys(ground.task.fields, ""))
    return sum(len(m.content) for m in messages) / 4


def measure(job: Job) -> Measured:
    """Run it. An optimizer that does the same whatever its budget is run once, the others for each budget."""
    one = entrant(job.optimizer)
    courses: list[Course] = []
    for budget in job.budgets[-1:] if one.anytime else job.budgets:
        courses.append(one.run(ground_of(job.ground, job.seed), budget, job.seed))
    ground = ground_of(job.ground, job.seed)
    known: dict[Prompt | str, float] = {}

    def quality(prompt: Prompt) -> float:
        key = repr(prompt)
        if key not in known:
            known[key] = ground.quality(prompt)
        return known[key]

    last = courses[-1]
    ends = [
        (courses[-1] if one.anytime else course).at(budget)
        for course, budget in zip(courses * len(job.budgets) if one.anytime else courses, job.budgets, strict=False)
    ]
    return Measured(
        job,
        quality(ground.task.baseline),
        math.nan if ground.best is None else ground.best,
        tuple(quality(stage.prompt) for stage in ends),
        ends[-1].dev,
        math.nan if last.holdout is None else last.holdout,
        tokens_of(ground, ends[-1].prompt),
        last.calls,
        tuple((stage.calls, quality(stage.prompt)) for stage in last.stages),
    )


def measure_all(jobs: Sequence[Job], workers: int | None = None) -> Iterator[Measured]:
    """All of them, in order, by a pool of processes."""
    if workers == 1:
        yield from map(measure, jobs)
        return
    with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
        yield from pool.map(measure, jobs, chunksize=1)
