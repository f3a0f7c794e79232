"""Who takes part: each optimizer under its name. A rival joins by an entry in `rivals.RIVALS`."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

from benchmarks.search.course import Entrant
from benchmarks.search.ours import run_ours
from benchmarks.search.rivals import RIVALS
from topout.search.evolve import Evolve, EvolveSettings

__all__ = ["entrant", "entrants"]

RECIPES = Path(__file__).parents[2] / "optimizers"
OURS = ("evolve", "fast")


def entrants() -> dict[str, Entrant]:
    """All that can be named after --optimizers."""
    return {name: shipped(name) for name in OURS} | RIVALS


def entrant(name: str) -> Entrant:
    """The entrant of that name; `evolve:read_rows=8,stay_z=0.1` is the shipped recipe with other settings. Raises KeyError for a name that nobody has."""
    head, _, changes = name.partition(":")
    return shipped(head, changes) if head in OURS else RIVALS[name]


def shipped(name: str, changes: str = "") -> Entrant:
    """A shipped recipe, with these settings changed."""
    recipe = tomllib.loads((RECIPES / f"{name}.toml").read_text())
    told = tomllib.loads("\n".join(changes.split(",")))
    opening = told.pop("opening_rows", recipe.get("opening_rows", 0))
    optimizer = Evolve(replace(EvolveSettings(**recipe["settings"]), **told))
    return Entrant(lambda ground, calls, seed: run_ours(ground, optimizer, calls, seed, True, opening), anytime=True)
