"""The only reader of optimizers/: a recipe's name or path -> Recipe and Optimizer."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, get_args

from topout.bridges.bridged import Bridged
from topout.bridges.dspy_loop import MiproSettings, run_mipro
from topout.bridges.gepa_loop import GepaSettings, run_gepa
from topout.bridges.host import Host, needs
from topout.config.recipe import Recipe
from topout.config.toml_files import line_of, read_text, read_toml
from topout.contracts import History, Lab, Move, Optimizer, Stop
from topout.domain import Attempt, Operator, Outcome
from topout.errors import OptimizerError, UserError, did_you_mean, place
from topout.plugins.modules import Crash, boundary, code_file, guarded, load_module
from topout.plugins.shipped import shipped
from topout.search.bootstrap import Bootstrap, BootstrapSettings
from topout.search.evolve import Evolve, EvolveSettings
from topout.search.fewshot import Fewshot, FewshotSettings

__all__ = ["LoadedRecipe", "load_recipe", "recipe_names"]

Settings = Mapping[str, bool | int | float | str]
Levers = Collection[str]
S = TypeVar("S", BootstrapSettings, EvolveSettings, FewshotSettings, GepaSettings, MiproSettings)


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A recipe with its optimizer. `sha` is a hash over its files, `path` where it was found."""

    name: str
    recipe: Recipe
    optimizer: Optimizer
    sha: str
    path: Path


def load_recipe(name: str, here: Path | None = None) -> LoadedRecipe:
    """A recipe by path (`my/recipe.toml`, `my/optimizer.py`) or by name: ./optimizers first, then the shipped ones.

    Raises UserError for a name that does not exist, unknown settings, and optimizer files that do not do as the contract says.
    """
    path = find(name, here or Path.cwd())
    recipe = Recipe(optimizer=path.name) if path.suffix == ".py" else read_toml(path, Recipe)
    source = path.parent / recipe.optimizer
    sha = sha256(path.read_bytes())
    if recipe.optimizer.endswith(".py"):
        if not source.is_file():
            raise UserError(f"{place(path)}: optimizer '{recipe.optimizer}': no such file beside the recipe.")
        code_file(path.parent, recipe.optimizer, place(path))
        if not name.endswith((".toml", ".py")) and not path.is_relative_to(shipped("optimizers")):
            raise UserError(
                f"recipe '{name}': {path} is code, and code runs only when its file was named. Give --recipe {typed(path, here)}."
            )
        sha.update(source.read_bytes())
        optimizer = own_optimizer(source, recipe.settings)
    else:
        build = BUILT_IN.get(recipe.optimizer)
        if build is None:
            raise UserError(
                f"{place(path)}: unknown optimizer '{recipe.optimizer}'.{did_you_mean(recipe.optimizer, BUILT_IN)} "
                "An optimizer of your own is named by its file, for example 'mine.py'."
            )
        optimizer = build(recipe.settings, recipe.levers, path)
    return LoadedRecipe(path.stem, recipe, optimizer, sha.hexdigest(), path)


def typed(path: Path, here: Path | None) -> Path:
    """A path as it is typed from here."""
    start = here or Path.cwd()
    return path.relative_to(start) if path.is_relative_to(start) else path


def recipe_names(here: Path | None = None) -> list[str]:
    """The names that `load_recipe` knows."""
    folders = ((here or Path.cwd()) / "optimizers", shipped("optimizers"))
    return sorted(
        {
            path.stem
            for folder in folders
            if folder.is_dir()
            for path in folder.iterdir()
            if path.suffix in (".toml", ".py") and not path.name.startswith("test_")
        }
    )


def find(name: str, here: Path) -> Path:
    """The file of a recipe."""
    if name.endswith((".toml", ".py")):
        path = Path(name)
        if path.is_file():
            return path
        raise UserError(f"{name}: no such recipe file.{did_you_mean(path.stem, recipe_names(here))}")
    for folder in (here / "optimizers", shipped("optimizers")):
        for suffix in (".toml", ".py"):
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return path
    raise UserError(f"recipe '{name}': no such recipe.{did_you_mean(name, recipe_names(here))}")


def evolve(settings: Settings, levers: Levers, path: Path) -> Optimizer:
    """The default optimizer with a recipe's settings."""
    needed = {"rewrite": "instructions", "merge": "instructions", "shorten": "instructions", "demos": "demos"}
    needed |= {"think": "reasoning", "json": "format", "max_votes": "voting", "max_retrieved": "retrieval"}
    return Evolve(settings_of(EvolveSettings, within(levers, needed, settings, path), path))


def fewshot(settings: Settings, levers: Levers, path: Path) -> Optimizer:
    """The Bayesian search over few-shot sets and instruction texts."""
    needed = {"instructions": "instructions", "demo_sets": "demos"}
    return Fewshot(settings_of(FewshotSettings, within(levers, needed, settings, path), path))


def bootstrap(settings: Settings, levers: Levers, path: Path) -> Optimizer:
    """Random search over few-shot sets of the model's own right answers."""
    if "demos" not in levers:
        raise UserError(f"{place(path)}: optimizer 'bootstrap' has no other lever than 'demos'. Add it to levers.")
    return Bootstrap(settings_of(BootstrapSettings, settings, path))


def gepa(settings: Settings, levers: Levers, path: Path) -> Optimizer:
    """gepa itself, in a thread."""
    if set(levers) != {"instructions"}:
        raise UserError(
            f"{place(path)}: optimizer 'gepa' has the lever 'instructions' and no other. Set levers = ['instructions']."
        )
    needs("gepa", path.stem)
    known = settings_of(GepaSettings, settings, path)

    def loop(host: Host, seed: int, calls: int) -> None:
        run_gepa(host, known, seed, lambda: False)

    return Bridged("gepa", loop, demos=False, give_up_after=known.give_up_after)


def mipro(settings: Settings, levers: Levers, path: Path) -> Optimizer:
    """DSPy's MIPROv2 itself, in a thread."""
    if set(levers) != {"instructions", "demos"}:
        raise UserError(f"{place(path)}: optimizer 'mipro' has the levers 'instructions' and 'demos', both. Name both in levers.")
    needs("dspy", path.stem)
    known = settings_of(MiproSettings, settings, path)

    def loop(host: Host, seed: int, calls: int) -> None:
        run_mipro(host, known, seed, calls)

    return Bridged("mipro", loop, demos=True)


BUILT_IN: Mapping[str, Callable[[Settings, Levers, Path], Optimizer]] = {
    "bootstrap": bootstrap,
    "evolve": evolve,
    "fewshot": fewshot,
    "gepa": gepa,
    "mipro": mipro,
}


def within(levers: Levers, needed: Mapping[str, str], given: Settings, path: Path) -> Settings:
    """The settings with those at 0 that pull a lever which the recipe does not have (`needed`: setting -> lever): the verdict names the recipe's
    levers, so no other may be pulled. Raises UserError when one of them was asked for all the same."""
    barred = {name: lever for name, lever in needed.items() if lever not in levers}
    for name, lever in barred.items():
        if given.get(name, 0) != 0:
            where = place(path, line_of(read_text(path), ("settings", name)))
            raise UserError(
                f"{where}: {name} = {given[name]!r} needs the lever '{lever}'. Add it to levers, or leave the setting out."
            )
    return {**given, **dict.fromkeys(barred, 0)}


def settings_of(kind: type[S], given: Settings, path: Path) -> S:
    """The settings object of an optimizer, checked for unknown names, wrong types and bad ranges, each told with its line."""
    known = {f.name: f.default for f in fields(kind)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        where = place(path, line_of(read_text(path), ("settings", name)))
        if name not in known:
            raise UserError(f"{where}: unknown setting '{name}'.{did_you_mean(name, known)}")
        kinds, said = kinds_of(known[name])
        if (isinstance(value, bool) and bool not in kinds) or not isinstance(value, kinds):
            raise UserError(f"{where}: {name} = {value!r}: expected {said}.")
        values[name] = value
    try:
        return kind(**values)
    except ValueError as error:
        raise UserError(f"{place(path)}: {error}.") from error


def kinds_of(default: object) -> tuple[tuple[type, ...], str]:
    """The types that a setting with this default takes, and how to say so."""
    match default:
        case bool():
            return (bool,), "true or false"
        case int():
            return (int,), "a whole number"
        case str():
            return (str,), "a text in quotes"
        case _:
            return (int, float), "a number"


def own_optimizer(path: Path, settings: Settings) -> Optimizer:
    """The optimizer of a user's file: what its function `optimizer(settings)` returns."""
    module = load_module(path)
    make = vars(module).get("optimizer")
    if not callable(make):
        raise UserError(
            f"{place(path)}: no function 'optimizer(settings)' in it. It returns your Optimizer (see topout.contracts)."
        )
    try:
        made: Optimizer = guarded(path, lambda: make(settings))
        if made is None:
            raise UserError(
                f"{place(path)}: optimizer(settings) returned None, expected your Optimizer. A `return` may be missing."
            )
        lanes: object = guarded(path, lambda: made.lanes)
    except Crash as crash:
        raise UserError(f"{place(path, crash.line)}: optimizer(settings): {crash.what}.") from crash
    if not isinstance(lanes, int) or lanes < 1:
        raise UserError(f"{place(path)}: lanes = {lanes!r}: expected how many attempts are in flight, a whole number from 1 up.")
    return Own(path, made)


@dataclass(frozen=True, slots=True)
class Own:
    """An optimizer of the user's own. Whatever it raises becomes one line with file and line (OptimizerError); so does an answer that is none."""

    path: Path
    optimizer: Optimizer

    @property
    def lanes(self) -> int:
        return self.optimizer.lanes

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        with self._told(f"plan({number})"):
            move: object = self.optimizer.plan(number, history, rng)
        if isinstance(move, Move):
            self._known(f"plan({number})", "operator", move.operator, get_args(Operator)[1:])
        if isinstance(move, Move | Stop):
            return move
        raise OptimizerError(f"{place(self.path)}: plan({number}) returned {shown(move)}, expected a Move or a Stop.")

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        with self._told(f"attempt({number})"):
            done: object = await self.optimizer.attempt(number, move, lab)
        if isinstance(done, Attempt):
            self._known(f"attempt({number})", "operator", done.operator, get_args(Operator)[1:])
            self._known(f"attempt({number})", "outcome", done.outcome, get_args(Outcome))
            return done
        raise OptimizerError(f"{place(self.path)}: attempt({number}) returned {shown(done)}, expected an Attempt.")

    def _known(self, where: str, what: str, word: object, words: Sequence[str]) -> None:
        """A word that is none of those would make a journal that nobody can read."""
        if word not in words:
            raise OptimizerError(f"{place(self.path)}: {where}: unknown {what} {shown(word)}.{did_you_mean(str(word), words)}")

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            with boundary(self.path):
                yield
        except Crash as crash:
            raise OptimizerError(f"{place(self.path, crash.line)}: {what} raised {crash.what}.") from crash


def shown(value: object) -> str:
    """A foreign value in a message."""
    return " ".join(repr(value).split())[:80]
