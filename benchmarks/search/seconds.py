"""Quality by seconds: `python -m benchmarks.search.seconds [--seeds 2] [--from 0] [--seconds 5,10,20] [--landscapes plain,noisy]`.

A task model of 50 ms and a critic of 1 s, 64 calls in flight, on a clock that jumps (`clock`): what takes processor time takes none on it, for either side. The engine runs as
it is. gepa is told as much time as its calls would take at best: rows that it asks for in a row 64 at once, of whatever prompts, and critiques in a row at the same time.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from benchmarks.search.clock import Slow, run_jumping
from benchmarks.search.landscape import Ground, landscape
from benchmarks.search.rivals import PXN, TUNED
from benchmarks.search.rivals.direct import Direct
from benchmarks.search.shapes import SHAPES
from benchmarks.search.tables import aligned, cell
from topout.bridges.gepa_loop import GepaSettings, run_gepa
from topout.bridges.host import Over, Step
from topout.domain import AttemptDone, Event, Example, Message, Prompt, Rollout
from topout.engine.exam import ExamPlan
from topout.plugins.optimizers import load_recipe
from topout.testing.engine_room import run_in_memory

__all__ = ["main"]

LATENCY_S, CRITIC_S, AT_ONCE = 0.05, 1.0, 64
NEVER = 10**6

Stages = list[tuple[float, Prompt]]
"""From that second on, that prompt was what would have been returned."""


@dataclass
class Stamped:
    """A journal that notes when the champion changed."""

    prompts: dict[str, Prompt] = field(default_factory=dict)
    stages: Stages = field(default_factory=list)

    def append(self, event: Event) -> None:
        if not isinstance(event, AttemptDone):
            return
        if event.attempt.candidate is not None:
            self.prompts[event.attempt.candidate.id] = event.attempt.candidate.prompt
        champion = self.prompts[event.champion]
        if not self.stages or self.stages[-1][1] != champion:
            self.stages.append((asyncio.get_running_loop().time(), champion))


def ours(recipe: str) -> Callable[[Ground, int, float], Stages]:
    async def search(ground: Ground, seed: int, seconds: float) -> Stages:
        loaded = load_recipe(recipe)
        journal = Stamped()
        model, critic = Slow(ground.model, LATENCY_S, AT_ONCE), Slow(ground.critic, CRITIC_S, AT_ONCE)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await run_in_memory(
                    ground.task,
                    ground.scorer,
                    loaded.optimizer,
                    model,
                    critic,
                    max_calls=NEVER,
                    seed=seed,
                    journal=journal,
                    plan=ExamPlan(NEVER, 2, (), ()),
                    opening_rows=loaded.recipe.opening_rows,
                )
        return journal.stages

    return lambda ground, seed, seconds: run_jumping(search(ground, seed, seconds))


class Timed(Direct):
    """Counts the seconds that its calls would take at best, and ends after `seconds`."""

    def __init__(self, ground: Ground, seed: int, seconds: float) -> None:
        super().__init__(ground, NEVER, seed)
        self.now = 0.0
        self.seen: Stages = []
        self._seconds = seconds
        self._asking = False
        self._batch = 0

    def measure(self, prompt: Prompt, rows: Sequence[Example]) -> list[Rollout]:
        before, self._batch = math.ceil(self._batch / AT_ONCE), self._batch + len(rows)
        self.pass_time(LATENCY_S * (math.ceil(self._batch / AT_ONCE) - before))
        self._asking = False
        return super().measure(prompt, rows)

    def ask(self, messages: Sequence[Message]) -> str:
        self.pass_time(0.0 if self._asking else CRITIC_S)
        self._asking = True
        self._batch = 0
        return super().ask(messages)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        if self.now > self._seconds:
            raise Over

    def tell(self, step: Step) -> None:
        super().tell(step)
        if self.stages and (not self.seen or self.seen[-1][1] != self.stages[-1].prompt):
            self.seen.append((self.now, self.stages[-1].prompt))


def gepa(settings: GepaSettings) -> Callable[[Ground, int, float], Stages]:
    def run(ground: Ground, seed: int, seconds: float) -> Stages:
        host = Timed(ground, seed, seconds)
        with suppress(Over):
            run_gepa(host, settings, seed, lambda: host.now >= seconds)
        return host.seen

    return run


ENTRANTS = {
    "evolve": ours("evolve"),
    "fast": ours("fast"),
    "gepa-tuned": gepa(TUNED),
    "gepa-pxn": gepa(PXN),
    "gepa-16": gepa(replace(TUNED, mutations=16)),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.seconds", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--seconds", default="5,10,20")
    parser.add_argument("--landscapes", default=",".join(SHAPES))
    told = parser.parse_args()
    times = sorted(float(s) for s in told.seconds.split(","))
    found: dict[str, list[list[float]]] = {name: [] for name in ENTRANTS}
    asked: dict[str, list[tuple[int, int]]] = {name: [] for name in ENTRANTS}
    for name in told.landscapes.split(","):
        for seed in range(told.first, told.first + told.seeds):
            for entrant, run in ENTRANTS.items():
                ground = landscape(name, seed)
                stages = [(0.0, ground.task.baseline), *run(ground, seed, times[-1])]
                stood = [next(prompt for since, prompt in reversed(stages) if since <= at) for at in times]
                found[entrant].append([ground.quality(prompt) for prompt in stood])
                asked[entrant].append((ground.model.asked, ground.critic.asked))
    lines = [["after", *(f"{at:g} s" for at in times), "task + critic calls"]]
    for entrant, runs in found.items():
        task, critic = (round(sum(counts) / len(runs)) for counts in zip(*asked[entrant], strict=True))
        lines.append([entrant, *(cell([run[i] for run in runs]) for i in range(len(times))), f"{task:,} + {critic:,}"])
        if entrant != "fast":
            pairs = list(zip(found["fast"], runs, strict=True))
            lines.append(["  fast is ahead by", *(cell([a[i] - b[i] for a, b in pairs], sign=True) for i in range(len(times))), ""])
    print(f"{len(found['fast'])} runs, {LATENCY_S * 1000:g} ms, a critic of {CRITIC_S:g} s, {AT_ONCE} in flight")
    print(aligned(lines))


if __name__ == "__main__":
    main()
