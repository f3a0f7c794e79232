"""Who takes part: each optimizer under its name, as a function ground x calls x seed -> course.

A rival joins by an entry in the dictionary that its module offers: `benchmarks/search/rivals/__init__.py` has `RIVALS: dict[str, Entrant]`, taken in here
when that package is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.search.landscape import Ground
from benchmarks.search.ours import Course, run_ours
from topout.search.evolve import Evolve, EvolveSettings

__all__ = ["Entrant", "entrants"]


@dataclass(frozen=True, slots=True)
class Entrant:
    """`run(ground, calls, seed)` is a search that makes at most about so many calls of both models (what it overshoots it cannot use: a stage counts from
    the call that completed it). `anytime`: it does the same whatever its budget, so that one run at the largest tells of the smaller ones too; others
    are run anew for each budget."""

    run: Callable[[Ground, int, int], Course]
    anytime: bool = False


def evolve(ground: Ground, calls: int, seed: int) -> Course:
    """The shipped default."""
    return run_ours(ground, Evolve(EvolveSettings()), calls, seed, exam=True)


def entrants() -> dict[str, Entrant]:
    """All that can be named after --optimizers."""
    return {"evolve": Entrant(evolve)}
