"""The load that both sides carry, and what is measured of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from topout.domain import Request, Task
from topout.testing.fakes import fixed_accuracy, made_up_task, writing_critic

__all__ = ["FULL", "QUICK", "Load", "Measured", "Stopwatch", "over_work"]


@dataclass(frozen=True, slots=True)
class Load:
    """`calls` to a task model that takes `latency_s` and serves `workers` at once, and a critic that takes `critic_s`.

    The task model is right on a share of (prompt, row) pairs drawn by hash, so both optimizers meet the same: children that are no
    better than their parents, some of which look better by chance.
    """

    calls: int = 1000
    latency_s: float = 0.05
    critic_s: float = 1.0
    workers: int = 64
    train: int = 100
    dev: int = 50
    holdout: int = 100
    accuracy: float = 0.6

    @property
    def ideal_s(self) -> float:
        """All workers busy from first to last call, and the wait for one critique: no optimizer that reads before it writes is faster."""
        return self.critic_s + self.calls * self.latency_s / self.workers

    @property
    def startup_s(self) -> float:
        """The chain that nothing can shorten: one row goes ahead alone, the baseline's dev rows, the train rows that the first critique reads, and that critique."""
        return self.critic_s + 3 * self.latency_s

    def task(self) -> Task:
        return made_up_task(self.train, self.dev, self.holdout)

    def answers(self, seed: int) -> Callable[[Request], str]:
        return fixed_accuracy(self.accuracy, seed)

    def critic(self) -> Callable[[Request], str]:
        return writing_critic()


FULL = Load()
QUICK = Load(latency_s=0.01, critic_s=0.2)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. `proposals` are the edits that it tried; seconds of wall-clock and of CPU of this process."""

    wall_s: float
    cpu_s: float
    task_calls: int
    critic_calls: int
    proposals: int

    def busy(self, load: Load) -> float:
        """Share of what could be in flight that was, calls of both models together."""
        return self.work_s(load) / self.wall_s

    def work_s(self, load: Load) -> float:
        """Seconds that all its calls, of both models, take with as many in flight as are allowed."""
        return (self.task_calls * load.latency_s + self.critic_calls * load.critic_s) / load.workers


def over_work(load: Load, run: Measured) -> float:
    """How many times as long as all work divided by capacity a run took, after the start-up chain (whose own calls are part of the work)."""
    return (run.wall_s - load.startup_s) / run.work_s(load)


class Stopwatch:
    """Time on a clock, and CPU, since it was made."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._wall, self._cpu = clock(), time.process_time()

    def stop(self, task_calls: int, critic_calls: int, proposals: int) -> Measured:
        return Measured(self._clock() - self._wall, time.process_time() - self._cpu, task_calls, critic_calls, proposals)
