"""A search as the ground sees it: who runs, and what would have been returned after how many calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.search.landscape import Ground
from topout.domain import Prompt

__all__ = ["Course", "Entrant", "Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """From `calls` on (task and critic calls together), `prompt` was what the run would have returned, with `dev` as its own estimate of it."""

    calls: int
    prompt: Prompt
    dev: float


@dataclass(frozen=True, slots=True)
class Course:
    """A run: its stages in order, all calls that it made, and the holdout's estimate of the last prompt (None when it was not asked)."""

    stages: tuple[Stage, ...]
    calls: int
    holdout: float | None = None

    def at(self, calls: int) -> Stage:
        """What stood when so many calls had been spent: a prompt counts from the call that completed its choice. The baseline before the first."""
        found = self.stages[0]
        for stage in self.stages:
            if stage.calls > calls:
                break
            found = stage
        return found


@dataclass(frozen=True, slots=True)
class Entrant:
    """`run(ground, calls, seed)` is a search that makes at most about so many calls of both models (what it overshoots it cannot use: a stage counts from
    the call that completed it). `anytime`: it does the same whatever its budget, so that one run at the largest tells of the smaller ones too; others
    are run anew for each budget."""

    run: Callable[[Ground, int, int], Course]
    anytime: bool = False
