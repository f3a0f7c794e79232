"""Optimizers compared on a user's own task: every (optimizer, seed) an ordinary run with equal shares of one budget, in a folder of the bench's own.

The folder's name follows from what is compared, so the same command again finds what is there: ended runs are read, one that was cut short is gone on
with, the others are begun. Seed by seed, so that a bench that is stopped has compared as many seeds as it has finished.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Unpack

from topout.app.batches import has_ended, one_run
from topout.app.estimating import estimate_run
from topout.app.judges import judge_of, with_judge
from topout.app.options import BenchOptions, asked
from topout.app.places import task_path
from topout.app.planning import exam_of
from topout.app.workbench import Watch
from topout.config.settings import RunSettings
from topout.domain import Ending
from topout.errors import UserError
from topout.models.addresses import Addresses
from topout.models.prices import Prices, parse_price
from topout.plugins.optimizers import LoadedRecipe, load_recipe
from topout.plugins.tasks import load_task
from topout.report.benched import Benched, benched
from topout.report.documents import bench_document
from topout.report.findings import Findings
from topout.store.layout import slug, write_text

__all__ = ["BenchPlan", "BenchView", "bench", "plan_bench"]


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What a bench would do. `runs` is all (recipe, seed) pairs in their order, `done` how many have ended already; `calls` are those of one run, exam
    included, `max_cost` dollars of all runs together (None without that limit). `cost_usd` is what all calls of the task model would come to at list price,
    with prompts as long as the baseline and eight times as long; None where a price is not known."""

    task: str
    folder: Path
    model: str
    critic: str
    runs: tuple[tuple[str, int], ...]
    done: int
    calls: dict[str, int]
    max_cost: float | None
    cost_usd: tuple[float, float] | None

    @property
    def all_calls(self) -> int:
        """Of all runs together, at most."""
        return sum(self.calls[recipe] for recipe, _ in self.runs)


@dataclass(frozen=True, slots=True)
class BenchView:
    """A bench as far as it came. `found` is None until every optimizer has finished one seed. `ending` tells why it stopped short, None when it did not."""

    plan: BenchPlan
    found: Benched | None
    done: int
    ending: Ending | None = None


def plan_bench(
    task: str | Path, *, optimizers: Sequence[str], seeds: int = 5, runs_dir: str | Path = "runs", **options: Unpack[BenchOptions]
) -> BenchPlan:
    """What `bench` with these arguments would do and cost at most. No model is asked. Raises UserError as `bench` does."""
    return prepared(task, optimizers, seeds, runs_dir, options)[0]


def bench(
    task: str | Path,
    *,
    optimizers: Sequence[str],
    seeds: int = 5,
    runs_dir: str | Path = "runs",
    watch: Watch | None = None,
    tell: Callable[[str], None] = lambda line: None,
    **options: Unpack[BenchOptions],
) -> BenchView:
    """Run every optimizer with seeds 0, 1, ... on the task, and compare what they found on the holdout.

    `options` are those of `BenchOptions`: `max_calls` (calls of all models) and `max_cost` (dollars at list price) are for all runs together, which have equal shares; at
    least one of them is needed. Without `max_calls` each run has its recipe's. Replies are shared through the cache, so what is paid is less. `tell` is told a line a run.
    Raises UserError for bad input, and what a run raises.
    """
    plan, settings = prepared(task, optimizers, seeds, runs_dir, options)
    found: dict[str, dict[int, tuple[str, Findings]]] = {}
    ending: Ending | None = None
    for number, (recipe, seed) in enumerate(plan.runs, 1):
        view = one_run(plan.folder / cell(recipe, seed), settings[recipe, seed], watch)
        ended = view.findings.ended
        if ended is None or ended.ending in ("stopped", "outage"):
            ending = ended.ending if ended else "stopped"
            break
        found.setdefault(recipe, {})[seed] = (f"{cell(recipe, seed)}/{view.folder.name}", view.findings)
        tell(f"run {number} of {len(plan.runs)}: {recipe}, seed {seed}: {view.verdict.ruling}; {view.folder.name}")
    complete = len(found) == len({recipe for recipe, _ in plan.runs})
    compared = benched(found) if complete and set.intersection(*map(set, found.values())) else None
    view_ = BenchView(plan, compared, sum(map(len, found.values())), ending)
    if compared is not None:
        document = json.dumps(
            bench_document(compared, plan.folder, view_.done, len(plan.runs), ending), indent=1, ensure_ascii=False
        )
        write_text(plan.folder / "bench.json", document + "\n")
    return view_


def prepared(
    task: str | Path, optimizers: Sequence[str], seeds: int, runs_dir: str | Path, options: BenchOptions
) -> tuple[BenchPlan, dict[tuple[str, int], RunSettings]]:
    """The plan, and the settings of each run."""
    loaded = recipes(optimizers)
    if seeds < 1:
        raise UserError(f"--seeds {seeds}: expected 1 or more; 3 to 5 tell how much an optimizer depends on luck.")
    whole, folder = with_judge(asked(task, **options), load_task(task_path(task)))
    if whole.max_calls is None and whole.max_cost is None:
        raise UserError("bench: several runs need a limit together. Give --max-calls N or --max-cost DOLLARS.")
    names, count = list(loaded), len(loaded) * seeds
    calls = {name: whole.max_calls // count if whole.max_calls else one.recipe.max_calls for name, one in loaded.items()}
    known = Prices(dict(parse_price(text) for text in whole.prices), Addresses({}, os.environ))
    costs: list[tuple[float, float] | None] = []
    for name, one in loaded.items():
        try:
            plan = exam_of(folder, one, calls[name])
        except UserError as error:
            raise UserError(f"bench: {calls[name]:,} calls for each of {count} runs: {error}") from error
        each = estimate_run(
            folder.task, one, plan, calls[name], whole.model, whole.critic, known, judge_of(folder), whole.judge
        ).cost_usd
        costs.append((each.low, each.high) if each else None)
    runs = tuple((name, seed) for seed in range(seeds) for name in names)
    settings = {
        (name, seed): whole.model_copy(
            update={
                "recipe": given,
                "seed": seed,
                "max_calls": calls[name],
                "max_cost": None if whole.max_cost is None else whole.max_cost / count,
            }
        )
        for name, given in zip(names, optimizers, strict=True)
        for seed in range(seeds)
    }
    compared = [
        folder.task.fingerprint,
        folder.holdout_fingerprint,
        whole.model,
        whole.critic,
        calls,
        {n: one.sha for n, one in loaded.items()},
    ]
    digest = sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()[:8]
    place = Path(runs_dir) / f"bench-{slug(folder.task.name)}-{digest}"
    done = sum(has_ended(place / cell(name, seed), settings[name, seed]) for name, seed in runs)
    low = [cost[0] * seeds for cost in costs if cost is not None]
    high = [cost[1] * seeds for cost in costs if cost is not None]
    cost = (sum(low), sum(high)) if len(low) == len(costs) else None
    return BenchPlan(folder.task.name, place, whole.model, whole.critic, runs, done, calls, whole.max_cost, cost), settings


def recipes(optimizers: Sequence[str]) -> dict[str, LoadedRecipe]:
    """The recipes by name. Raises UserError for none, and for one that is named twice."""
    found: dict[str, LoadedRecipe] = {}
    if len(optimizers) < 2:
        raise UserError("--optimizers: expected two recipes or more, such as evolve,gepa,mipro. One alone: `topout optimize`.")
    for given in optimizers:
        loaded = load_recipe(given)
        if loaded.name in found:
            raise UserError(f"--optimizers: '{loaded.name}' is named twice. Recipes are told apart by the names of their files.")
        found[loaded.name] = loaded
    return found


def cell(recipe: str, seed: int) -> str:
    """The folder of one (optimizer, seed) within the bench's."""
    return f"{slug(recipe)}-seed-{seed}"
