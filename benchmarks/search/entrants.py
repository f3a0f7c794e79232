"""Who takes part: each optimizer under its name, as a function ground x calls x seed -> course.

A rival joins by an entry in the dictionary that its package offers: `benchmarks/search/rivals/__init__.py` has `RIVALS: dict[str, Entrant]`, taken in here
when it is there (an entry names what it imports inside its function).
"""

from __future__ import annotations

import importlib
import importlib.util
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.search.landscape import Ground
from benchmarks.search.ours import Course, run_ours
from topout.search.evolve import Evolve, EvolveSettings

__all__ = ["Entrant", "entrant", "entrants"]

RECIPES = Path(__file__).parents[2] / "optimizers"
OURS = ("evolve", "fast")


@dataclass(frozen=True, slots=True)
class Entrant:
    """`run(ground, calls, seed)` is a search that makes at most about so many calls of both models (what it overshoots it cannot use: a stage counts from
    the call that completed it). `anytime`: it does the same whatever its budget, so that one run at the largest tells of the smaller ones too; others
    are run anew for each budget."""

    run: Callable[[Ground, int, int], Course]
    anytime: bool = False


def entrants() -> dict[str, Entrant]:
    """All that can be named after --optimizers."""
    found = {name: shipped(name) for name in OURS}
    if importlib.util.find_spec("benchmarks.search.rivals") is not None:
        found |= importlib.import_module("benchmarks.search.rivals").RIVALS
    return found


def entrant(name: str) -> Entrant:
    """The entrant of that name; `evolve:read_rows=8,stay_z=0.1` is the shipped recipe with other settings. Raises KeyError for a name that nobody has."""
    head, _, changes = name.partition(":")
    return shipped(head, changes) if head in OURS else entrants()[name]


def shipped(name: str, changes: str = "") -> Entrant:
    """A shipped recipe, with these settings changed."""
    recipe = tomllib.loads((RECIPES / f"{name}.toml").read_text())
    told = tomllib.loads("\n".join(changes.split(",")))
    opening = told.pop("opening_rows", recipe.get("opening_rows", 0))
    optimizer = Evolve(replace(EvolveSettings(**recipe["settings"]), **told))
    return Entrant(lambda ground, calls, seed: run_ours(ground, optimizer, calls, seed, True, opening), anytime=True)
